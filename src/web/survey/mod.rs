//! The patient's pages: parse the request, call a verb, render or redirect. What is asked and what an answer means is decided elsewhere.

pub mod view;

mod lead;
mod pages;

pub use pages::*;
