//! Attune: measurement-based, feedback-informed mental-health care as software people can run themselves.
//!
//! The flow is one way: `web` and `cli` parse a request into a command; a verb in `app` loads, asks `domain` for one pure decision and stores
//! the whole outcome in one transaction through `store`; `jobs` turn the crank afterwards. See docs/architecture.md.

#![forbid(unsafe_code)]

pub mod app;
pub mod charts;
pub mod cli;
pub mod config;
pub mod domain;
pub mod jobs;
pub mod mail;
pub mod patient_words;
pub mod store;
pub mod texts;
pub mod web;
