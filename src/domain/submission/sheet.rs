//! What a patient's form holds, before it is known which questions it belongs to; and where each question stands among all of an occasion.

use super::{Given, Part, Refusal};
use crate::domain::instrument::Position;

/// The answers of one form as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sheet {
    /// Nothing but a button.
    Empty,
    /// The answer to one question, by its number among all questions of the occasion (from 1); `None` = left out on purpose.
    Question {
        /// Its number, from 1.
        number: usize,
        /// The chosen value.
        value: Option<i16>,
    },
    /// All answers of one instrument: an item that is not named is not answered.
    Whole {
        /// Which part of the battery, from 0.
        part: usize,
        /// Printed item number and chosen value.
        answers: Vec<(String, i16)>,
    },
}

/// A question's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Which part of the battery, from 0.
    pub part: usize,
    /// Which item of it.
    pub position: Position,
}

impl Sheet {
    /// Finds the questions the answers belong to.
    ///
    /// # Errors
    /// Refuses answers to questions that this occasion does not have.
    pub fn read(&self, parts: &[Part<'_>]) -> Result<Vec<Given>, Refusal> {
        match self {
            Sheet::Empty => Ok(vec![]),
            Sheet::Question { number, value } => {
                let Place { part, position } =
                    place(parts, *number).ok_or(Refusal::NoSuchQuestion)?;
                Ok(vec![Given {
                    part,
                    position,
                    value: *value,
                }])
            }
            Sheet::Whole { part, answers } => read_whole(parts, *part, answers),
        }
    }
}

fn read_whole(
    parts: &[Part<'_>],
    part: usize,
    answers: &[(String, i16)],
) -> Result<Vec<Given>, Refusal> {
    let instrument = parts.get(part).ok_or(Refusal::NoSuchQuestion)?.instrument;
    let mut given: Vec<Given> = (0..instrument.items.len())
        .map(|position| Given {
            part,
            position,
            value: None,
        })
        .collect();
    for (item, value) in answers {
        let position = instrument.position(item).ok_or(Refusal::NoSuchQuestion)?;
        let answer = given.get_mut(position).ok_or(Refusal::NoSuchQuestion)?;
        answer.value = Some(*value);
    }
    Ok(given)
}

/// The place of the question with this number (from 1) among all questions of the battery.
pub fn place(parts: &[Part<'_>], number: usize) -> Option<Place> {
    let mut left = number.checked_sub(1)?;
    for (part, known) in parts.iter().enumerate() {
        let items = known.instrument.items.len();
        if left < items {
            return Some(Place {
                part,
                position: left,
            });
        }
        left -= items;
    }
    None
}

/// The number of the first question after `number` that is to be asked, given the answers so far.
pub fn next_asked(parts: &[Part<'_>], number: usize) -> Option<usize> {
    numbered(parts)
        .find(|(n, part, position)| {
            *n > number && part.instrument.is_asked(&part.answers, *position)
        })
        .map(|(n, ..)| n)
}

/// The number of the last question before `number` that is asked.
pub fn asked_before(parts: &[Part<'_>], number: usize) -> Option<usize> {
    numbered(parts)
        .filter(|(n, part, position)| {
            *n < number && part.instrument.is_asked(&part.answers, *position)
        })
        .map(|(n, ..)| n)
        .last()
}

/// The number of the first question that is asked and not answered: where a patient goes on.
pub fn next_open(parts: &[Part<'_>]) -> Option<usize> {
    numbered(parts)
        .find(|(_, part, position)| {
            part.instrument.is_asked(&part.answers, *position) && part.answers.is_blank(*position)
        })
        .map(|(n, ..)| n)
}

/// Every question of the battery with its number, from 1.
pub fn numbered<'p, 'a>(
    parts: &'p [Part<'a>],
) -> impl Iterator<Item = (usize, &'p Part<'a>, Position)> {
    parts
        .iter()
        .flat_map(|part| (0..part.instrument.items.len()).map(move |position| (part, position)))
        .zip(1..)
        .map(|((part, position), number)| (number, part, position))
}

/// The questions of a part whose answer is missed: asked, counted by a scale or deciding about others, and not answered. An unscored
/// question (how difficult things have been) may stay open without a word.
pub fn gaps<'p>(part: &'p Part<'_>) -> impl Iterator<Item = Position> + 'p {
    let instrument = part.instrument;
    instrument.asked(&part.answers).filter(move |position| {
        let counted = instrument
            .scales
            .iter()
            .any(|scale| scale.items.iter().any(|item| item.position == *position));
        let decides = instrument.items.iter().any(|item| {
            item.asked_when
                .as_ref()
                .is_some_and(|condition| condition.looks_at(*position))
        });
        (counted || decides) && part.answers.is_blank(*position)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::instrument::{Answers, Library};

    fn battery() -> Vec<Part<'static>> {
        ["phq9", "pc_ptsd_5"]
            .map(|id| Library::embedded().get(id).unwrap())
            .map(|instrument| Part {
                instrument,
                answers: Answers::none(instrument),
            })
            .into()
    }

    #[test]
    fn questions_are_numbered_through_the_whole_battery() {
        let parts = battery();
        assert_eq!(
            place(&parts, 9),
            Some(Place {
                part: 0,
                position: 8
            })
        );
        assert_eq!(
            place(&parts, 11),
            Some(Place {
                part: 1,
                position: 0
            })
        );
        assert_eq!(place(&parts, 0), None);
        assert_eq!(place(&parts, 17), None);
    }

    #[test]
    fn a_no_at_the_gate_ends_the_questions_and_leaves_no_gap() {
        let mut parts = battery();
        let gated = &mut parts[1];
        gated.answers.set(gated.instrument, 0, 0).unwrap();
        assert_eq!(next_asked(&parts, 11), None);
        assert_eq!(gaps(&parts[1]).count(), 0);
        assert_eq!(
            gaps(&parts[0]).count(),
            9,
            "the tenth question of the PHQ-9 is not scored"
        );
    }

    #[test]
    fn a_whole_sheet_takes_back_what_it_does_not_name() {
        let mut parts = battery();
        let first = &mut parts[0];
        first.answers.set(first.instrument, 3, 2).unwrap();
        let given = Sheet::Whole {
            part: 0,
            answers: vec![("1".into(), 3)],
        }
        .read(&parts)
        .unwrap();
        assert_eq!(given[0].value, Some(3));
        assert_eq!(given[3].value, None);
        assert_eq!(
            Sheet::Whole {
                part: 0,
                answers: vec![("x".into(), 3)]
            }
            .read(&parts),
            Err(Refusal::NoSuchQuestion)
        );
    }
}
