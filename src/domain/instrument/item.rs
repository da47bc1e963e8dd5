//! One question: how it is answered and when it is asked. Its words are in [`super::Texts::items`].

use super::{Answer, Position};

/// One question. Its words are in [`super::Texts::items`], at the same position.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The number as printed on the form (`9`), also the key in exports. Not a position.
    pub id: String,
    /// What an answer is.
    pub answered_by: AnsweredBy,
    /// In printed order; empty when the answer is a number or words.
    pub options: Vec<AnswerOption>,
    /// Asked only under this condition; `None` = always.
    pub asked_when: Option<AskedWhen>,
    /// LOINC code of the question.
    pub loinc: Option<String>,
}

/// What an answer to an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnsweredBy {
    /// One of the options.
    One,
    /// All options that apply, at least one.
    Several,
    /// A whole number.
    Number {
        /// The lowest.
        from: i16,
        /// The highest.
        to: i16,
    },
    /// Free text; never scored.
    Words,
}

impl Item {
    /// Whether it is printed with a number; `0` is the id of one that is not and comes before number 1.
    #[must_use]
    pub fn is_numbered(&self) -> bool {
        self.id != "0"
    }

    /// The printed place of the option with this value.
    #[must_use]
    pub fn option_with(&self, value: i16) -> Option<usize> {
        self.options.iter().position(|option| option.value == value)
    }

    /// Whether this value can be (part of) an answer.
    #[must_use]
    pub fn has_value(&self, value: i16) -> bool {
        match self.answered_by {
            AnsweredBy::One | AnsweredBy::Several => self.option_with(value).is_some(),
            AnsweredBy::Number { from, to } => (from..=to).contains(&value),
            AnsweredBy::Words => false,
        }
    }

    /// Whether it is known how it is answered. It is not while a definition is checked that names a set of options it
    /// does not have.
    #[must_use]
    pub(super) fn is_known(&self) -> bool {
        match self.answered_by {
            AnsweredBy::One | AnsweredBy::Several => !self.options.is_empty(),
            AnsweredBy::Number { .. } | AnsweredBy::Words => true,
        }
    }

    /// Every value there is, in printed or counting order.
    pub fn values(&self) -> impl Iterator<Item = i16> + '_ {
        let (from, to) = match self.answered_by {
            AnsweredBy::Number { from, to } => (from, to),
            // A range from 1 to 0 has nothing in it.
            AnsweredBy::One | AnsweredBy::Several | AnsweredBy::Words => (1, 0),
        };
        self.options
            .iter()
            .map(|option| option.value)
            .chain(from..=to)
    }

    /// The lowest value an answer can have.
    #[must_use]
    pub fn lowest(&self) -> i16 {
        match self.answered_by {
            AnsweredBy::Number { from, .. } => from,
            _ => self.values().min().unwrap_or(0),
        }
    }

    /// The highest value an answer can have.
    #[must_use]
    pub fn highest(&self) -> i16 {
        match self.answered_by {
            AnsweredBy::Number { to, .. } => to,
            _ => self.values().max().unwrap_or(0),
        }
    }
}

/// One answer a person can choose. Its place in the list, its value and its code are three different things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerOption {
    /// What scoring counts; distinct within an item. Stored and exported as the answer.
    pub value: i16,
    /// LOINC answer code.
    pub code: Option<String>,
}

/// Which answers to an item count for a gate, a criterion or a risk rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// This value and every higher one.
    From(i16),
    /// Values from the first to the second, both included.
    Between(i16, i16),
    /// One of these values.
    Any(Vec<i16>),
}

impl Wanted {
    /// Whether this value counts.
    #[must_use]
    pub fn takes(&self, value: i16) -> bool {
        match self {
            Self::From(from) => value >= *from,
            Self::Between(from, to) => (*from..=*to).contains(&value),
            Self::Any(values) => values.contains(&value),
        }
    }

    /// Whether this answer counts; of several ticks one is enough. `None` when there is no answer to look at.
    #[must_use]
    pub fn is_met_by(&self, answer: Answer) -> Option<bool> {
        match answer {
            Answer::Value(value) => Some(self.takes(value)),
            Answer::Several(ticks) => Some(ticks.values().any(|value| self.takes(value))),
            Answer::Blank | Answer::Declined | Answer::Words => None,
        }
    }
}

/// The gate of an item: what must hold of earlier answers for it to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskedWhen {
    /// An earlier item was answered so.
    Answer {
        /// The earlier item that decides.
        item: Position,
        /// The answers under which this one is asked.
        wanted: Wanted,
    },
    /// Every one of these holds.
    All(Vec<AskedWhen>),
    /// At least one of these holds.
    Any(Vec<AskedWhen>),
}

impl AskedWhen {
    /// Whether the answer to this item decides.
    #[must_use]
    pub fn looks_at(&self, position: Position) -> bool {
        match self {
            Self::Answer { item, .. } => *item == position,
            Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.looks_at(position)),
        }
    }
}

/// What a gate says, given the answers so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateState {
    /// The item is to be asked.
    Open,
    /// The answer to this item (or its having been ruled out) rules the gated one out.
    Closed(Position),
    /// This item has no answer, which hides nothing.
    Undecided(Position),
}
