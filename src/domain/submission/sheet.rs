//! What a patient's form holds, before it is known which questions it belongs to; and where each question stands among all of an occasion.

use super::{Entry, Given, Misfit, Part, Put, Refusal, Unfit};
use crate::domain::instrument::{Answer, AnsweredBy, Position};

/// The answers of one form as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sheet {
    /// Nothing but a button.
    Empty,
    /// The answer to one question, by its number among all questions of the occasion (from 1).
    Question {
        /// Its number, from 1.
        number: usize,
        /// What came.
        entry: Entry,
        /// Whether the page showed an answer, so that empty fields take it back.
        stood: bool,
    },
    /// All answers of one instrument: an item that is not named, or has nothing in its fields, is not answered, or stays as it was where the page did not show an answer
    /// that could have been taken back.
    Whole {
        /// Which part of the battery, from 0.
        part: usize,
        /// Printed item number and what came, each item once.
        answers: Vec<(String, Entry)>,
        /// Printed numbers of the items that the page showed with an answer. What was answered since, on another device perhaps, it does not take back.
        stood: Vec<String>,
        /// What the questions are that were asked for again and are still open.
        left: Left,
    },
}

/// What an open question on a whole sheet means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Nothing yet.
    Blank,
    /// The person was asked once more and goes on without: they chose not to answer.
    Declined,
}

/// What a sheet amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// What is to be put down.
    pub given: Vec<Given>,
    /// What was typed and is no answer yet. What stood there before stays.
    pub unfit: Vec<Unfit>,
    /// Words among them that are too long to be kept: what they say may need somebody all the same.
    pub too_long: Vec<Given>,
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
    /// Finds the questions the answers belong to, and what they mean there.
    ///
    /// # Errors
    /// Refuses answers to questions that this occasion does not have, and what is none of a question's answers.
    pub fn read(&self, parts: &[Part<'_>]) -> Result<Read, Refusal> {
        let mut read = Read {
            given: vec![],
            unfit: vec![],
            too_long: vec![],
        };
        match self {
            Sheet::Empty => {}
            Sheet::Question {
                number,
                entry,
                stood,
            } => {
                let place = place(parts, *number).ok_or(Refusal::NoSuchQuestion)?;
                let known = parts.get(place.part).ok_or(Refusal::NoSuchQuestion)?;
                if takes_back(known, place.position, Some(entry), *stood) {
                    read.take(parts, place, entry)?;
                }
            }
            Sheet::Whole {
                part,
                answers,
                stood,
                left,
            } => read_whole(&mut read, parts, *part, (answers, stood), *left)?,
        }
        Ok(read)
    }
}

impl Read {
    fn take(&mut self, parts: &[Part<'_>], place: Place, entry: &Entry) -> Result<(), Refusal> {
        let Place { part, position } = place;
        let item = parts
            .get(part)
            .and_then(|part| part.instrument.items.get(position))
            .ok_or(Refusal::NoSuchQuestion)?;
        match entry.read(item)? {
            Ok(answer) => self.given.push(Given {
                part,
                position,
                answer,
            }),
            Err(why) => {
                self.unfit.push(Unfit {
                    part,
                    position,
                    why,
                });
                if let (Misfit::TooLong { .. }, Entry::Typed(typed)) = (why, entry) {
                    let answer = Put::Words(typed.concat());
                    self.too_long.push(Given {
                        part,
                        position,
                        answer,
                    });
                }
            }
        }
        Ok(())
    }
}

fn read_whole(
    read: &mut Read,
    parts: &[Part<'_>],
    part: usize,
    (answers, stood): (&[(String, Entry)], &[String]),
    left: Left,
) -> Result<(), Refusal> {
    let known = parts.get(part).ok_or(Refusal::NoSuchQuestion)?;
    let mut entries: Vec<Option<&Entry>> = vec![None; known.instrument.items.len()];
    for (item, entry) in answers {
        let position = known.instrument.position(item);
        let slot = position.and_then(|position| entries.get_mut(position));
        *slot.ok_or(Refusal::NoSuchQuestion)? = Some(entry);
    }
    for (position, entry) in entries.into_iter().enumerate() {
        // It stands on no page; who asks for it by name all the same is told that it is answered.
        if entry.is_none() && known.is_carried(position) {
            continue;
        }
        let shown = stood
            .iter()
            .any(|item| known.instrument.position(item) == Some(position));
        if !takes_back(known, position, entry, shown) {
            continue;
        }
        let nothing = Entry::Typed(vec![]);
        let entry = match entry {
            // An empty field does not take back that somebody chose not to answer.
            Some(entry) if !entry.is_empty() => entry,
            _ if known.answers.at(position) == Answer::Declined => &Entry::Declined,
            Some(entry) => entry,
            None => &nothing,
        };
        read.take(parts, Place { part, position }, entry)?;
    }
    if left == Left::Declined {
        decline_gaps(read, known);
    }
    Ok(())
}

/// Whether these fields say anything about the answer as it is stored. Empty ones take it back only from a page that showed it; and no browser can take back one choice of
/// several.
fn takes_back(part: &Part<'_>, position: Position, entry: Option<&Entry>, shown: bool) -> bool {
    if !part.answers.is_answered(position) {
        return true;
    }
    let item = part.instrument.items.get(position);
    match (item.map(|item| item.answered_by), entry) {
        (Some(AnsweredBy::One), entry) => entry.is_some(),
        (_, Some(entry)) if !entry.is_empty() => true,
        _ => shown,
    }
}

/// Puts down that the questions the patient was asked for once more are left out on purpose.
fn decline_gaps(read: &mut Read, known: &Part<'_>) {
    let mut filled = known.clone();
    for given in &read.given {
        // What does not fit is refused when the whole is decided.
        let _ = given
            .answer
            .put_down(&mut filled.answers, known.instrument, given.position);
    }
    let gaps: Vec<Position> = gaps(&filled).collect();
    for given in read.given.iter_mut() {
        if gaps.contains(&given.position) {
            given.answer = Put::Declined;
        }
    }
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
        .find(|(n, part, position)| *n > number && part.is_asked(*position))
        .map(|(n, ..)| n)
}

/// The number of the last question before `number` that is asked.
pub fn asked_before(parts: &[Part<'_>], number: usize) -> Option<usize> {
    numbered(parts)
        .filter(|(n, part, position)| *n < number && part.is_asked(*position))
        .map(|(n, ..)| n)
        .last()
}

/// The number of the first question that is asked and not answered: where a patient goes on.
pub fn next_open(parts: &[Part<'_>]) -> Option<usize> {
    numbered(parts)
        .find(|(_, part, position)| part.is_asked(*position) && part.answers.is_blank(*position))
        .map(|(n, ..)| n)
}

/// The number of the first question whose answer is missed: see [`gaps`].
pub fn next_gap(parts: &[Part<'_>]) -> Option<usize> {
    numbered(parts)
        .find(|(_, part, position)| gaps(part).any(|gap| gap == *position))
        .map(|(n, ..)| n)
}

/// How a question is counted for the patient, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// At this place.
    At(usize),
    /// Not at all: it is printed without a number, before the one at this place.
    Before(usize),
}

/// How the question with this number is counted for the patient, and of how many: as printed, so that a question without a number is not; what was
/// carried over is counted once, where it was asked.
pub fn shown(parts: &[Part<'_>], number: usize) -> (Counted, usize) {
    let has_number = |(_, part, position): &(usize, &Part<'_>, Position)| {
        part.instrument.items[*position].is_numbered()
    };
    let counted = || own(parts).filter(has_number);
    let before = counted().filter(|(n, ..)| *n < number).count() + 1;
    let is_counted = counted().any(|(n, ..)| n == number);
    let place = match is_counted {
        true => Counted::At(before),
        false => Counted::Before(before),
    };
    (place, counted().count())
}

/// How many questions there are for the patient, with or without a number.
pub fn questions(parts: &[Part<'_>]) -> usize {
    own(parts).count()
}

/// The questions that did not come with an answer from the form before.
fn own<'p, 'a>(parts: &'p [Part<'a>]) -> impl Iterator<Item = (usize, &'p Part<'a>, Position)> {
    numbered(parts).filter(|(_, part, position)| !part.is_carried(*position))
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

/// The questions of a part whose answer is missed: asked, counted by a scale or a criterion, named by a risk rule or deciding about others, and not answered. Any other
/// question (how difficult things have been) may stay open without a word, and so may one where every tick is an answer of its own.
pub fn gaps<'p>(part: &'p Part<'_>) -> impl Iterator<Item = Position> + 'p {
    let instrument = part.instrument;
    let asked = (0..instrument.items.len()).filter(|position| part.is_asked(*position));
    asked.filter(move |position| {
        let counted = instrument
            .scales
            .iter()
            .any(|scale| scale.items.iter().any(|item| item.position == *position));
        let decides = instrument.items.iter().any(|item| {
            item.asked_when
                .as_ref()
                .is_some_and(|condition| condition.looks_at(*position))
        });
        let judged = instrument
            .risk_rules
            .iter()
            .any(|rule| rule.item == *position)
            || instrument
                .criteria
                .iter()
                .any(|criterion| criterion.condition.looks_at(*position));
        let one_answer = instrument
            .items
            .get(*position)
            .is_some_and(|item| item.answered_by != AnsweredBy::Several);
        (counted || decides || judged && one_answer) && part.answers.is_blank(*position)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::instrument::Library;

    #[test]
    fn questions_are_counted_as_they_are_printed() {
        let library = Library::embedded();
        let fresh = |id| Part::fresh(library.get(id).unwrap());
        let screen = [fresh("pc_ptsd_5")];
        let places: Vec<_> = (1..=6).map(|n| shown(&screen, n)).collect();
        let printed = (1..=5).map(|n| (Counted::At(n), 5));
        let wanted: Vec<_> = std::iter::once((Counted::Before(1), 5))
            .chain(printed)
            .collect();
        assert_eq!(places, wanted);
        assert_eq!(questions(&screen), 6);
        let both = [fresh("gad7"), fresh("pc_ptsd_5")];
        let first = questions(&both[..1]);
        let (last, all) = shown(&both, first);
        assert_eq!((last, all), (Counted::At(first), first + 5));
        assert_eq!(shown(&both, first + 1).0, Counted::Before(first + 1));
        assert_eq!(shown(&both, first + 2).0, Counted::At(first + 1));
    }

    fn battery() -> Vec<Part<'static>> {
        ["phq9", "pc_ptsd_5"]
            .map(|id| Library::embedded().get(id).unwrap())
            .map(Part::fresh)
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
    fn a_question_that_only_a_risk_rule_or_a_criterion_looks_at_is_missed_too() {
        let missed = |id: &str| -> Vec<String> {
            let instrument = Library::embedded().get(id).unwrap();
            let part = Part::fresh(instrument);
            let named = |at: Position| instrument.items[at].id.clone();
            gaps(&part).map(named).collect()
        };
        let has = |id: &str, item: &str| missed(id).iter().any(|known| known == item);
        assert!(has("phq_a", "12") && has("phq_a", "13") && has("mdq", "3"));
        assert!(!has("phq9", "10"), "nothing hangs on it");
        let instrument = Library::embedded().get("c_ssrs_screener").unwrap();
        let mut part = Part::fresh(instrument);
        let at = |id: &str| instrument.position(id).unwrap();
        part.answers.set(instrument, at("6"), 1).unwrap();
        assert!(
            gaps(&part).any(|gap| gap == at("6a")),
            "asked once 6 is yes"
        );
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

    fn whole(answers: &[(&str, &str)], left: Left) -> Sheet {
        Sheet::Whole {
            part: 0,
            answers: answers
                .iter()
                .map(|(item, value)| ((*item).to_owned(), Entry::Typed(vec![(*value).to_owned()])))
                .collect(),
            stood: vec![],
            left,
        }
    }

    #[test]
    fn a_page_that_was_made_before_an_answer_does_not_take_it_back() {
        let mut parts = battery();
        let first = &mut parts[0];
        first.answers.set(first.instrument, 3, 2).unwrap();
        let read = whole(&[("1", "3")], Left::Blank).read(&parts).unwrap();
        assert_eq!(read.given[0].answer, Put::Value(3));
        assert!(read.given.iter().all(|given| given.position != 3));
        // Going on without what is open leaves out what is open, and no more.
        let read = whole(&[("1", "3")], Left::Declined).read(&parts).unwrap();
        let declined = |position| {
            let given = read.given.iter().find(|given| given.position == position);
            given.is_some_and(|given| given.answer == Put::Declined)
        };
        assert!(declined(2) && !declined(3) && declined(4));
        assert_eq!(
            whole(&[("x", "3")], Left::Blank).read(&parts),
            Err(Refusal::NoSuchQuestion)
        );
    }

    #[test]
    fn going_on_without_answers_declines_what_was_asked_for_and_nothing_else() {
        let parts = battery();
        let read = whole(&[("1", "3")], Left::Declined).read(&parts).unwrap();
        assert_eq!(read.given[0].answer, Put::Value(3));
        assert!(
            read.given[1..9]
                .iter()
                .all(|given| given.answer == Put::Declined)
        );
        assert_eq!(
            read.given[9].answer,
            Put::Blank,
            "not counted, not asked for"
        );
    }

    #[test]
    fn a_list_that_is_sent_again_keeps_what_was_declined() {
        let mut parts = battery();
        parts[0].answers.decline(4);
        let read = whole(&[("1", "3")], Left::Blank).read(&parts).unwrap();
        assert_eq!(read.given[4].answer, Put::Declined);
        let read = whole(&[("5", "1")], Left::Blank).read(&parts).unwrap();
        assert_eq!(read.given[4].answer, Put::Value(1));
        assert_eq!(gaps(&parts[0]).count(), 8, "what was declined is no gap");
    }
}
