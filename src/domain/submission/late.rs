//! Answers that came when their form took no more: after the time was over, after it was handed in or closed. They are no part of any response or score; what of them a person
//! must see still reaches one.

use super::{Given, Part, news};
use crate::domain::instrument::{Answers, Instrument};
use crate::domain::risk::rules::{self, RiskHit};

/// What came too late for one instrument, and says what its stored answers do not.
#[derive(Debug, Clone)]
pub struct Late<'a> {
    /// The instrument.
    pub instrument: &'a Instrument,
    /// The late answers alone.
    pub answers: Answers,
    /// The risk rules they meet with a higher answer than the stored one.
    pub hits: Vec<RiskHit<'a>>,
}

impl Late<'_> {
    /// Whether anything of it is in the patient's own words.
    #[must_use]
    pub fn has_words(&self) -> bool {
        (0..self.instrument.items.len()).any(|at| self.answers.words(at).is_some())
    }
}

/// What of late answers is new, by instrument.
#[must_use]
pub fn late<'a>(parts: &[Part<'a>], given: &[Given]) -> Vec<Late<'a>> {
    let of_part = |(index, part): (usize, &Part<'a>)| {
        let instrument = part.instrument;
        let mut answers = Answers::none(instrument);
        for one in given.iter().filter(|one| one.part == index) {
            // What is no answer is nothing that anybody could act on.
            let _ = one.answer.put_down(&mut answers, instrument, one.position);
            let said = part.answers.words(one.position);
            if said.is_some() && answers.words(one.position) == said {
                answers.clear(one.position);
            }
        }
        let hits = news(
            instrument,
            &part.answers,
            &rules::evaluate(instrument, &answers),
        );
        Late {
            instrument,
            answers,
            hits,
        }
    };
    parts.iter().enumerate().map(of_part).collect()
}
