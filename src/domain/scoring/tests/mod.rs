//! Tests of scoring: the worked cases of every definition, properties, plain arithmetic, and rules no shipped
//! instrument uses yet, tried on a definition of the tests' own.

mod arithmetic;
pub(in crate::domain) mod cases;
mod coverage;
mod criteria;
mod properties;
mod rules;

use crate::domain::instrument::{Answers, Instrument, Library};

/// Answers in printed order: `-` = not answered; `|` is only for the eye.
fn answers(instrument: &Instrument, written: &str) -> Answers {
    let mut answers = Answers::none(instrument);
    let words: Vec<_> = written
        .split_whitespace()
        .filter(|word| *word != "|")
        .collect();
    assert_eq!(
        words.len(),
        instrument.items.len(),
        "{written:?} does not have one answer per item"
    );
    for (position, word) in words.iter().enumerate() {
        if *word != "-" {
            answers
                .set(instrument, position, word.parse().unwrap())
                .unwrap();
        }
    }
    answers
}

fn shipped(id: &str) -> &'static Instrument {
    Library::embedded().get(id).unwrap()
}
