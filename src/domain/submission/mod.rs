//! What happens when a patient saves or sends answers: the one decision of the main job, as a pure function from what is known and
//! what was given to everything that has to be stored. Loading and storing is `app::take_answers`.

mod course;
mod sheet;

pub use course::{Course, Extreme};
pub use sheet::{Place, Sheet, asked_before, gaps, next_asked, next_open, numbered, place};

use super::instrument::{Answers, Instrument, Person, Position};
use super::risk::rules::{self, RiskHit};
use super::scoring::{self, Scored};

/// One instrument of the occasion's battery, with what the patient has answered so far.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    /// The instrument.
    pub instrument: &'a Instrument,
    /// The answers so far.
    pub answers: Answers,
}

/// An answer, or its withdrawal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// Which part of the battery, from 0.
    pub part: usize,
    /// Which item, by position.
    pub position: Position,
    /// The chosen value; `None` = left out.
    pub value: Option<i16>,
}

/// What the patient asked for besides saving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// Keep these answers; more may come.
    Save,
    /// Hand in, unless a question of this part is still open: then only save, so that the patient is asked once.
    SendIfWhole(usize),
    /// These are all: score and hand in.
    Send,
}

/// What has to be stored for one instrument.
#[derive(Debug, Clone)]
pub struct Outcome<'a> {
    /// The instrument.
    pub instrument: &'a Instrument,
    /// The answers, old and new.
    pub answers: Answers,
    /// Whether anything about this instrument changed.
    pub touched: bool,
    /// The scores, once handed in.
    pub scored: Option<Scored<'a>>,
    /// The risk rules that hold now; on unfinished forms too.
    pub hits: Vec<RiskHit<'a>>,
    /// Rules that held before and hold no more because the patient changed the answer. Their flags stay.
    pub taken_back: Vec<RiskHit<'a>>,
}

/// Why answers cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such question on this occasion.
    NoSuchQuestion,
    /// The value is none of the question's answers.
    NotAnOption,
}

/// Decides what a save or a send amounts to.
///
/// # Errors
/// Refuses the whole when one answer does not fit; nothing is to be stored then.
pub fn decide<'a>(
    parts: Vec<Part<'a>>,
    given: &[Given],
    intent: Intent,
) -> Result<Vec<Outcome<'a>>, Refusal> {
    if given.iter().any(|answer| answer.part >= parts.len()) {
        return Err(Refusal::NoSuchQuestion);
    }
    let changed = parts
        .into_iter()
        .enumerate()
        .map(|(index, part)| fill_in(part, given.iter().filter(|answer| answer.part == index)))
        .collect::<Result<Vec<_>, _>>()?;
    let hand_in = match intent {
        Intent::Save => false,
        Intent::Send => true,
        Intent::SendIfWhole(part) => changed
            .get(part)
            .is_some_and(|(part, _)| gaps(part).next().is_none()),
    };
    Ok(changed
        .into_iter()
        .map(|(part, before)| judge(part, &before, hand_in))
        .collect())
}

/// The part with the new answers, and the answers before.
fn fill_in<'a, 'g>(
    part: Part<'a>,
    given: impl Iterator<Item = &'g Given>,
) -> Result<(Part<'a>, Answers), Refusal> {
    let Part {
        instrument,
        mut answers,
    } = part;
    let before = answers.clone();
    for answer in given {
        if answer.position >= instrument.items.len() {
            return Err(Refusal::NoSuchQuestion);
        }
        match answer.value {
            Some(value) => {
                answers
                    .set(instrument, answer.position, value)
                    .map_err(|_| Refusal::NotAnOption)?;
            }
            None => answers.clear(answer.position),
        }
    }
    Ok((
        Part {
            instrument,
            answers,
        },
        before,
    ))
}

fn judge<'a>(part: Part<'a>, before: &Answers, hand_in: bool) -> Outcome<'a> {
    let Part {
        instrument,
        answers,
    } = part;
    let changed = answers != *before;
    let hits = rules::evaluate(instrument, &answers);
    let taken_back = if changed {
        taken_back(instrument, before, &hits)
    } else {
        vec![]
    };
    let scored = hand_in.then(|| scoring::score(instrument, &answers, Person::default()));
    Outcome {
        instrument,
        touched: changed || hand_in,
        answers,
        scored,
        hits,
        taken_back,
    }
}

fn taken_back<'a>(
    instrument: &'a Instrument,
    before: &Answers,
    now: &[RiskHit<'a>],
) -> Vec<RiskHit<'a>> {
    rules::evaluate(instrument, before)
        .into_iter()
        .filter(|old| !now.iter().any(|hit| hit.rule.id == old.rule.id))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::instrument::Library;

    fn phq9(library: &Library) -> Part<'_> {
        let instrument = library.get("phq9").unwrap();
        Part {
            instrument,
            answers: Answers::none(instrument),
        }
    }
    fn at(position: Position, value: Option<i16>) -> Given {
        Given {
            part: 0,
            position,
            value,
        }
    }

    #[test]
    fn a_risk_answer_counts_while_the_form_is_unfinished() {
        let library = Library::embedded();
        let outcome = &decide(vec![phq9(library)], &[at(8, Some(1))], Intent::Save).unwrap()[0];
        assert_eq!(outcome.hits.len(), 1);
        assert!(outcome.scored.is_none());
    }

    #[test]
    fn taking_a_risk_answer_back_is_said_and_not_forgotten() {
        let library = Library::embedded();
        let mut part = phq9(library);
        part.answers.set(part.instrument, 8, 2).unwrap();
        let outcome = &decide(vec![part], &[at(8, Some(0))], Intent::Save).unwrap()[0];
        assert!(outcome.hits.is_empty());
        assert_eq!(outcome.taken_back[0].value, 2);
    }

    #[test]
    fn one_bad_answer_refuses_the_whole() {
        let library = Library::embedded();
        let given = [at(0, Some(1)), at(1, Some(7))];
        assert_eq!(
            decide(vec![phq9(library)], &given, Intent::Send).unwrap_err(),
            Refusal::NotAnOption
        );
        let elsewhere = [Given {
            part: 1,
            position: 0,
            value: Some(1),
        }];
        assert_eq!(
            decide(vec![phq9(library)], &elsewhere, Intent::Save).unwrap_err(),
            Refusal::NoSuchQuestion
        );
    }
}
