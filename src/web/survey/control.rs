//! How a question is answered, as its page needs it: choices to choose from, boxes to tick, a number or words to write; with what is answered so
//! far, or what was typed and does not fit yet. What an answer means is decided in `domain::submission`.

use super::view::{Choice, Control, Missing};
use crate::domain::instrument::{Answer, AnsweredBy, ItemTexts, LONGEST_WORDS, Position};
use crate::domain::submission::{Entry, Misfit, Part, Unfit};
use crate::patient_words::QuestionWords;
use crate::web::form::Fields;

/// The field that says which answers the page showed, so that empty fields take them back; a list names their items.
pub const STOOD: &str = "stood";

/// What a page has to say about what came.
#[derive(Clone)]
pub enum Complaint {
    /// Nothing.
    Nothing,
    /// An answer is missing.
    Asked,
    /// Something typed is no answer yet.
    Unfit(Vec<Mistyped>),
}

/// What was typed and is no answer yet. Stands on the page again and nowhere else.
#[derive(Clone)]
pub struct Mistyped {
    position: Position,
    why: Misfit,
    typed: String,
}

impl Complaint {
    /// What was typed at these questions, from the fields they are named by.
    pub fn of(unfit: &[Unfit], fields: &Fields, field: impl Fn(Position) -> String) -> Complaint {
        let typed = |at: &Unfit| Mistyped {
            position: at.position,
            why: at.why,
            typed: fields.one(&field(at.position)).to_owned(),
        };
        Complaint::Unfit(unfit.iter().map(typed).collect())
    }

    /// What kind of complaint it is.
    pub fn kind(&self) -> Missing {
        match self {
            Complaint::Nothing => Missing::Nothing,
            Complaint::Asked => Missing::Asked,
            Complaint::Unfit(_) => Missing::Unfit,
        }
    }

    fn at(&self, position: Position) -> Option<&Mistyped> {
        match self {
            Complaint::Unfit(all) => all.iter().find(|known| known.position == position),
            Complaint::Nothing | Complaint::Asked => None,
        }
    }

    /// What is wrong with what was typed at a question, and what to do; empty when nothing is.
    pub fn why(&self, position: Position, words: &QuestionWords) -> String {
        match self.at(position).map(|known| known.why) {
            Some(Misfit::Number { from, to }) => (words.number_unfit)(from, to),
            Some(Misfit::TooLong { by }) => (words.too_long)(by),
            None => String::new(),
        }
    }
}

/// The name of an item's field on a page with all of them.
pub fn field(item: &str) -> String {
    format!("q{item}")
}

/// The answers in the fields of a page with all questions: `q3=2`. `None` when a field is neither an item's nor one of these others.
pub fn entries(fields: &Fields, others: &[&str]) -> Option<Vec<(String, Entry)>> {
    let mut answers: Vec<(String, Vec<String>)> = vec![];
    for (name, value) in fields.iter().filter(|(name, _)| !others.contains(name)) {
        let item = name.strip_prefix('q')?;
        match answers.iter_mut().find(|(known, _)| known == item) {
            Some((_, values)) => values.push(value.to_owned()),
            None => answers.push((item.to_owned(), vec![value.to_owned()])),
        }
    }
    let typed = |(item, values)| (item, Entry::Typed(values));
    Some(answers.into_iter().map(typed).collect())
}

/// How a question is answered, and what its answer is so far.
pub fn control<'a>(
    part: &Part<'a>,
    position: Position,
    texts: &'a ItemTexts,
    complaint: &Complaint,
    words: &QuestionWords,
) -> Control<'a> {
    let Some(item) = part.instrument.items.get(position) else {
        return Control::One(vec![]);
    };
    let answer = part.answers.at(position);
    let typed = |answered: String| match complaint.at(position) {
        Some(known) => known.typed.clone(),
        None => answered,
    };
    match item.answered_by {
        AnsweredBy::One => Control::One(choices(part, position, texts)),
        AnsweredBy::Several => Control::Several(choices(part, position, texts)),
        AnsweredBy::Number { from, to } => Control::Number {
            label: (words.number)(from, to),
            typed: typed(match answer {
                Answer::Value(value) => value.to_string(),
                _ => String::new(),
            }),
        },
        AnsweredBy::Words => Control::Words {
            label: (words.own_words)(LONGEST_WORDS),
            typed: typed(part.answers.words(position).unwrap_or_default().to_owned()),
        },
    }
}

/// The answers to an item, in the printed order.
fn choices<'a>(part: &Part<'a>, position: Position, texts: &'a ItemTexts) -> Vec<Choice<'a>> {
    let options = part
        .instrument
        .items
        .get(position)
        .map_or(&[][..], |item| &item.options);
    let answer = part.answers.at(position);
    let is_chosen = |value: i16| match answer {
        Answer::Value(chosen) => chosen == value,
        Answer::Several(ticks) => ticks.values().any(|tick| tick == value),
        Answer::Blank | Answer::Declined | Answer::Words => false,
    };
    options
        .iter()
        .zip(&texts.options)
        .map(|(option, label)| Choice {
            value: i32::from(option.value),
            label,
            chosen: is_chosen(option.value),
        })
        .collect()
}
