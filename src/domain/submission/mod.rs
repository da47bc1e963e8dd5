//! What happens when a patient saves or sends answers: the one decision of the main job, as a pure function from what is known and
//! what was given to everything that has to be stored. Loading and storing is `app::take_answers`.

mod carry;
mod course;
mod entry;
mod late;
mod sheet;

pub use carry::{open, reached};
pub use course::{Course, Extreme, is_of_course};
pub use entry::{Entry, Misfit, Unfit};
pub use late::{Late, late};
pub use sheet::{
    Counted, Left, Place, Read, Sheet, asked_before, gaps, next_asked, next_gap, next_open,
    numbered, place, questions, shown,
};

use super::instrument::{Answers, Instrument, NotAnOption, Person, Position};
use super::risk::rules::{self, RiskHit};
use super::scoring::{self, Scored};

/// One instrument of the occasion's battery, with what the patient has answered so far.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    /// The instrument.
    pub instrument: &'a Instrument,
    /// The answers so far.
    pub answers: Answers,
    /// What of it is still asked.
    pub asks: Asks,
}

/// What of a part is still asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asks {
    /// Every question.
    All,
    /// Every question but these, by position, which were answered on a form that opened this one.
    AllBut(Vec<Position>),
    /// None any more: it is handed in, and the occasion goes on with what it opened.
    Nothing,
}

impl<'a> Part<'a> {
    /// A form that nobody has begun.
    #[must_use]
    pub fn fresh(instrument: &'a Instrument) -> Self {
        Part {
            instrument,
            answers: Answers::none(instrument),
            asks: Asks::All,
        }
    }

    /// Whether it takes no more answers.
    #[must_use]
    pub fn is_handed_in(&self) -> bool {
        self.asks == Asks::Nothing
    }

    /// Whether the answer to this question came with the form before.
    #[must_use]
    pub fn is_carried(&self, position: Position) -> bool {
        matches!(&self.asks, Asks::AllBut(carried) if carried.contains(&position))
    }

    /// Whether this question is to be put to the patient, given the answers so far.
    #[must_use]
    pub fn is_asked(&self, position: Position) -> bool {
        !self.is_handed_in()
            && !self.is_carried(position)
            && self.instrument.is_asked(&self.answers, position)
    }
}

/// What is to stand at one item from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Which part of the battery, from 0.
    pub part: usize,
    /// Which item, by position.
    pub position: Position,
    /// What is to stand there.
    pub answer: Put,
}

/// What is put down at an item.
#[derive(Clone, PartialEq, Eq)]
pub enum Put {
    /// Nothing: not answered, or an answer taken back.
    Blank,
    /// The wish not to answer.
    Declined,
    /// One value: an option's, or a number.
    Value(i16),
    /// All options that apply.
    Several(Vec<i16>),
    /// Words.
    Words(String),
}

/// Says what kind of answer it is and not which: whatever is printed may end up in a log.
impl std::fmt::Debug for Put {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Put::Blank => "Blank",
            Put::Declined => "Declined",
            Put::Value(_) => "Value(…)",
            Put::Several(_) => "Several(…)",
            Put::Words(_) => "Words(…)",
        })
    }
}

impl Put {
    /// Puts it down.
    ///
    /// # Errors
    /// When it is no answer to the item; nothing changes then.
    fn put_down(
        &self,
        answers: &mut Answers,
        instrument: &Instrument,
        position: Position,
    ) -> Result<(), NotAnOption> {
        match self {
            Put::Blank => answers.clear(position),
            Put::Declined => answers.decline(position),
            Put::Value(value) => answers.set(instrument, position, *value)?,
            Put::Several(values) => answers.set_several(instrument, position, values)?,
            Put::Words(words) => answers.set_words(instrument, position, words)?,
        }
        Ok(())
    }
}

/// What the patient asked for besides saving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// Keep these answers; more may come.
    Save,
    /// Hand in, unless a question of this part is still open: then only save, so that the patient is asked once.
    SendIfWhole(usize),
    /// Hand in if this part is the last, with whatever is open; else only save.
    SendLast(usize),
    /// These are all: score and hand in, unless a form has opened another meanwhile, which this page did not show.
    Send,
    /// The same, from a page that showed so many parts of the battery.
    SendShown(usize),
}

/// What has to be stored for one instrument.
#[derive(Debug, Clone)]
pub struct Outcome<'a> {
    /// The instrument.
    pub instrument: &'a Instrument,
    /// The answers, old and new.
    pub answers: Answers,
    /// What of it was still asked before.
    pub asks: Asks,
    /// Whether anything about this instrument changed.
    pub touched: bool,
    /// The scores, once handed in.
    pub scored: Option<Scored<'a>>,
    /// The risk rules that hold now; on unfinished forms too.
    pub hits: Vec<RiskHit<'a>>,
    /// Those that came with this save, or with a higher answer than before: after these help is offered, whatever becomes of them as flags.
    pub news: Vec<RiskHit<'a>>,
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
    /// The question was answered on a form that is handed in, and otherwise; the first answer stands.
    HandedIn,
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
    let grown = changed.iter().any(|(part, _)| part.is_handed_in());
    let hand_in = match intent {
        Intent::Save => false,
        Intent::SendLast(part) => part + 1 == changed.len(),
        Intent::Send => !grown,
        Intent::SendShown(shown) => !grown || shown >= changed.len(),
        // Only from the last: a form that joined the occasion after the page was made has not been seen.
        Intent::SendIfWhole(part) => changed
            .get(part..)
            .and_then(|rest| <&[_; 1]>::try_from(rest).ok())
            .is_some_and(|[(part, _)]| !part.is_handed_in() && gaps(part).next().is_none()),
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
    let before = part.answers.clone();
    let settled = |position| part.is_handed_in() || part.is_carried(position);
    let (instrument, mut answers) = (part.instrument, part.answers.clone());
    for answer in given {
        if answer.position >= instrument.items.len() {
            return Err(Refusal::NoSuchQuestion);
        }
        answer
            .answer
            .put_down(&mut answers, instrument, answer.position)
            .map_err(|_| Refusal::NotAnOption)?;
        // The same once more is a second click.
        let same = answers.at(answer.position) == before.at(answer.position)
            && answers.words(answer.position) == before.words(answer.position);
        if settled(answer.position) && !same {
            return Err(Refusal::HandedIn);
        }
    }
    Ok((Part { answers, ..part }, before))
}

fn judge<'a>(part: Part<'a>, before: &Answers, hand_in: bool) -> Outcome<'a> {
    if part.is_handed_in() {
        return Outcome {
            instrument: part.instrument,
            answers: part.answers,
            asks: part.asks,
            touched: false,
            scored: None,
            hits: vec![],
            news: vec![],
            taken_back: vec![],
        };
    }
    let changed = part.answers != *before;
    // What a carried answer says was told when it was carried over.
    let hits: Vec<RiskHit<'_>> = rules::evaluate(part.instrument, &part.answers)
        .into_iter()
        .filter(|hit| !part.is_carried(hit.rule.item))
        .collect();
    let Part {
        instrument,
        answers,
        asks,
    } = part;
    let news = news(instrument, before, &hits);
    let taken_back = if changed {
        taken_back(instrument, before, &rules::evaluate(instrument, &answers))
    } else {
        vec![]
    };
    let scored = hand_in.then(|| scoring::score(instrument, &answers, Person::default()));
    Outcome {
        instrument,
        touched: changed || hand_in,
        answers,
        asks,
        scored,
        hits,
        news,
        taken_back,
    }
}

/// The hits that no answer before was as high for.
fn news<'a>(instrument: &'a Instrument, before: &Answers, now: &[RiskHit<'a>]) -> Vec<RiskHit<'a>> {
    let before = rules::evaluate(instrument, before);
    let stood = |hit: &RiskHit<'_>| {
        before
            .iter()
            .any(|old| old.rule.id == hit.rule.id && old.value >= hit.value)
    };
    now.iter().filter(|hit| !stood(hit)).copied().collect()
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
        Part::fresh(library.get("phq9").unwrap())
    }
    fn at(position: Position, value: i16) -> Given {
        Given {
            part: 0,
            position,
            answer: Put::Value(value),
        }
    }

    #[test]
    fn a_risk_answer_counts_while_the_form_is_unfinished() {
        let library = Library::embedded();
        let outcome = &decide(vec![phq9(library)], &[at(8, 1)], Intent::Save).unwrap()[0];
        assert_eq!(outcome.hits.len(), 1);
        assert!(outcome.scored.is_none());
    }

    #[test]
    fn taking_a_risk_answer_back_is_said_and_not_forgotten() {
        let library = Library::embedded();
        let mut part = phq9(library);
        part.answers.set(part.instrument, 8, 2).unwrap();
        let outcome = &decide(vec![part], &[at(8, 0)], Intent::Save).unwrap()[0];
        assert!(outcome.hits.is_empty());
        assert_eq!(outcome.taken_back[0].value, 2);
    }

    #[test]
    fn a_risk_answer_is_news_when_it_is_given_or_raised_and_not_when_others_are() {
        let library = Library::embedded();
        let mut part = phq9(library);
        let mut news = |given: Given| {
            let outcome = decide(vec![part.clone()], &[given], Intent::Save)
                .unwrap()
                .remove(0);
            part.answers = outcome.answers;
            outcome.news.iter().map(|hit| hit.value).collect::<Vec<_>>()
        };
        let none: [i16; 0] = [];
        assert_eq!(news(at(0, 3)), none);
        assert_eq!(news(at(8, 1)), [1]);
        assert_eq!(news(at(0, 2)), none, "another answer");
        assert_eq!(news(at(8, 1)), none, "a second click");
        assert_eq!(news(at(8, 3)), [3], "raised");
        assert_eq!(news(at(8, 2)), none, "lowered");
        assert_eq!(news(at(8, 0)), none, "taken back");
        assert_eq!(news(at(8, 2)), [2], "given once more");
    }

    #[test]
    fn one_bad_answer_refuses_the_whole() {
        let library = Library::embedded();
        let given = [at(0, 1), at(1, 7)];
        assert_eq!(
            decide(vec![phq9(library)], &given, Intent::Send).unwrap_err(),
            Refusal::NotAnOption
        );
        let elsewhere = [Given {
            part: 1,
            position: 0,
            answer: Put::Value(1),
        }];
        assert_eq!(
            decide(vec![phq9(library)], &elsewhere, Intent::Save).unwrap_err(),
            Refusal::NoSuchQuestion
        );
    }

    #[test]
    fn declining_is_kept_apart_from_leaving_blank_and_a_later_answer_takes_its_place() {
        let library = Library::embedded();
        let decline = Given {
            part: 0,
            position: 8,
            answer: Put::Declined,
        };
        let outcome = decide(vec![phq9(library)], &[decline], Intent::Save).unwrap();
        let answers = &outcome[0].answers;
        assert!(outcome[0].touched && outcome[0].hits.is_empty());
        assert!(!answers.is_blank(8) && !answers.is_answered(8));
        let part = Part {
            instrument: outcome[0].instrument,
            answers: answers.clone(),
            asks: Asks::All,
        };
        let outcome = &decide(vec![part], &[at(8, 2)], Intent::Save).unwrap()[0];
        assert_eq!((outcome.answers.get(8), outcome.hits.len()), (Some(2), 1));
    }

    fn opened(library: &Library) -> Vec<Part<'_>> {
        let mut screener = Part::fresh(library.get("phq2").unwrap());
        screener.answers.set(screener.instrument, 0, 2).unwrap();
        screener.answers.set(screener.instrument, 1, 1).unwrap();
        let mut longer = phq9(library);
        longer.answers.set(longer.instrument, 0, 2).unwrap();
        longer.answers.set(longer.instrument, 1, 1).unwrap();
        screener.asks = Asks::Nothing;
        longer.asks = Asks::AllBut(vec![0, 1]);
        vec![screener, longer]
    }

    #[test]
    fn a_handed_in_part_takes_the_same_answer_once_more_and_no_other() {
        let parts = opened(Library::embedded());
        let same = decide(parts.clone(), &[at(0, 2)], Intent::Send).unwrap();
        assert!(same.iter().all(|outcome| !outcome.touched));
        let other = decide(parts.clone(), &[at(0, 3)], Intent::Send);
        assert_eq!(other.unwrap_err(), Refusal::HandedIn);
        let carried = Given {
            part: 1,
            ..at(1, 3)
        };
        let other = decide(parts, &[carried], Intent::Save);
        assert_eq!(other.unwrap_err(), Refusal::HandedIn);
    }

    #[test]
    fn what_was_opened_is_handed_in_only_from_a_page_that_showed_it() {
        let parts = opened(Library::embedded());
        for early in [Intent::Send, Intent::SendShown(1), Intent::SendIfWhole(0)] {
            let outcomes = decide(parts.clone(), &[], early).unwrap();
            assert!(
                outcomes.iter().all(|outcome| outcome.scored.is_none()),
                "{early:?}"
            );
        }
        let last = decide(parts.clone(), &[], Intent::SendLast(1)).unwrap();
        assert!(last[1].scored.is_some());
        let earlier = decide(parts.clone(), &[], Intent::SendLast(0)).unwrap();
        assert!(earlier[1].scored.is_none());
        let outcomes = decide(parts, &[], Intent::SendShown(2)).unwrap();
        assert!(outcomes[0].scored.is_none() && !outcomes[0].touched, "once");
        assert!(outcomes[1].scored.is_some());
    }

    #[test]
    fn a_form_that_joined_after_the_page_was_made_is_not_handed_in_unseen() {
        let library = Library::embedded();
        let whole: Vec<Given> = (0..9).map(|position| at(position, 1)).collect();
        let parts = vec![phq9(library), phq9(library)];
        let outcomes = decide(parts, &whole, Intent::SendIfWhole(0)).unwrap();
        assert!(outcomes.iter().all(|outcome| outcome.scored.is_none()));
        assert!(outcomes[0].touched, "what was answered is kept");
        let alone = decide(vec![phq9(library)], &whole, Intent::SendIfWhole(0)).unwrap();
        assert!(alone[0].scored.is_some());
    }

    #[test]
    fn a_carried_risk_answer_is_no_news_on_later_saves() {
        let library = Library::embedded();
        let mut part = phq9(library);
        part.answers.set(part.instrument, 8, 2).unwrap();
        part.asks = Asks::AllBut(vec![8]);
        let outcome = &decide(vec![part], &[at(0, 1)], Intent::Save).unwrap()[0];
        assert!(outcome.touched && outcome.hits.is_empty() && outcome.taken_back.is_empty());
    }

    #[test]
    fn what_is_printed_for_a_log_holds_no_answer() {
        let given = Given {
            part: 0,
            position: 0,
            answer: Put::Words("a secret".into()),
        };
        assert!(!format!("{given:?}").contains("secret"));
    }
}
