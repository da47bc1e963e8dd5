//! The patient's pages: parse the request, call a verb, render or redirect. What is asked and what an answer means is decided elsewhere.
//! A file a page; `visit` is what every request brings and the calm page for everything that is not a question, `lead` what stands
//! behind a link, `preference` which language a page speaks. All our own words are in `patient_words`.

pub mod view;

mod check;
pub mod control;
mod correction;
mod end;
pub(super) mod lead;
mod list;
pub(super) mod preference;
mod question;
mod review;
pub mod rules;
mod start;
pub mod stems;
pub mod stop;
mod support;
mod tablet;
pub(super) mod visit;
mod ways;

pub use check::check;
pub use correction::{correct, corrected, correction};
pub use end::{closed, end, later, not_for_me, not_now};
pub use list::{answer_list, list};
pub use question::{answer_question, question};
pub use review::{review, send};
pub use start::{begin, next, start};
pub use support::support;
pub use tablet::{hand_back, idle};
pub use visit::{foreign, lost};
