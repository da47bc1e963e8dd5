//! The integration tests: one program, so that it is linked once. Each module holds one kind of promise; `support` holds what an outsider
//! works with (a browser, a mail server, the built program), `house` a whole site inside this process, with its clock in hand.
//!
//! All of them run on SQLite, and on PostgreSQL when `ATTUNE_TEST_DATABASE_URL` names a server (see `scripts/with-postgres`).

mod support;

mod house;
mod house_rules;
mod nodes;
mod operator;

mod access;
mod acts;
mod audit;
mod bad_input;
mod bad_links;
mod battery;
mod beginnings;
mod both_engines;
mod care;
mod commands;
mod contact;
mod corrections;
mod cover;
mod crash;
mod crash_points;
mod demo;
mod escalation;
mod evaluation;
mod flags;
mod foreign_posts;
mod forms;
mod help;
mod in_error;
mod instruments_index;
mod key_change;
mod languages;
mod late_answers;
mod live;
mod logs;
mod mail;
mod mail_back;
mod mail_peer;
mod mail_process;
mod mail_relay;
mod mail_wanted;
mod mail_words;
mod patient;
mod people_in;
mod permissions;
mod plans;
mod rescore;
mod risk_oracle;
mod safety_rules;
mod schema;
mod sending_rules;
mod sending_views;
mod signals;
mod site;
mod slow_requests;
mod stepped;
mod texts;
mod visits;
mod ways;
mod year;
