//! Tests of scoring: the worked cases of every definition, properties, plain arithmetic, and rules no shipped
//! instrument uses yet, tried on a definition of the tests' own.

mod arithmetic;
pub(in crate::domain) mod cases;
mod criteria;
mod forms;
mod properties;
mod rules;

use crate::domain::instrument::{Answers, Instrument, Library, Person};

/// Answers in printed order, as in the worked cases.
fn answers(instrument: &Instrument, written: &str) -> Answers {
    super::cases::answers(instrument, written).unwrap()
}

/// The scores of somebody of whom nothing is known.
fn score<'a>(instrument: &'a Instrument, answers: &Answers) -> super::Scored<'a> {
    super::score(instrument, answers, Person::default())
}

fn shipped(id: &str) -> &'static Instrument {
    Library::embedded().get(id).unwrap()
}
