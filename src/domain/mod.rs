//! The pure middle: values in, decisions out. No clock, randomness, I/O, logging, database or web lives here; `now` is
//! always handed in, so that a year can be replayed in a test in a second.

pub mod access;
pub mod audit;
pub mod care;
pub mod change;
pub mod correction;
pub mod description;
pub mod evaluation;
pub mod ids;
pub mod instrument;
pub mod language;
pub mod message;
pub mod permission;
pub mod rescore;
pub mod risk;
pub mod schedule;
pub mod scoring;
pub mod submission;
pub mod words;
