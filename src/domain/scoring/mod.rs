//! Answers to scores: what each scale of a questionnaire says, and whether its criteria hold.
//!
//! Everything an instrument is comes from its definition; nothing here knows one by name. Not here: reading answers
//! from anywhere, flags (`domain::risk::rules`), and what two scores mean together (`domain::change`).

pub mod cases;
mod coverage;
mod criteria;
mod finer;
mod scale;
#[cfg(test)]
pub(in crate::domain) mod tests;

pub use scale::can_be_out_of_less;

use crate::domain::instrument::{
    Answers, Band, Banding, Criterion, CutOff, GateState, Instrument, Person, Position, Scale,
};
use std::fmt;

/// Everything scoring says about one form.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored<'a> {
    /// One per scale, in the definition's order.
    pub scores: Vec<Score<'a>>,
    /// One per criterion, in the definition's order.
    pub criteria: Vec<Judged<'a>>,
    /// What is odd about the answers, for a person to read.
    pub problems: Vec<Problem<'a>>,
}

impl<'a> Scored<'a> {
    /// The score on the scale with this id.
    #[must_use]
    pub fn score(&self, scale: &str) -> Option<&Score<'a>> {
        self.scores.iter().find(|score| score.scale.id == scale)
    }

    /// What came of the criterion with this id.
    #[must_use]
    pub fn criterion(&self, id: &str) -> Option<Verdict> {
        self.criteria
            .iter()
            .find(|judged| judged.criterion.id == id)
            .map(|judged| judged.verdict)
    }
}

/// What one scale says.
#[derive(Debug, Clone, PartialEq)]
pub struct Score<'a> {
    /// Which scale.
    pub scale: &'a Scale,
    /// The score, in points; `None` = there is none, see `reason`. Never a partial sum.
    pub value: Option<f64>,
    /// Why there is no score; `None` when there is one.
    pub reason: Option<Reason<'a>>,
    /// The result before it was looked up, on scales with a lookup table.
    pub raw: Option<f64>,
    /// The score's standard error, in points, where the lookup table gives it.
    pub standard_error: Option<f64>,
    /// The highest score there could be, where items that were not asked lower it.
    pub out_of: Option<f64>,
    /// The bands in use for this person, where the scale has some.
    pub banding: Option<&'a Banding>,
    /// The band the score lies in, by the bands in use.
    pub band: Option<&'a Band>,
    /// What other published bands say that fit this person too.
    pub other_bands: Vec<(&'a Banding, &'a Band)>,
    /// Who answered, as far as known: decides which bands and cut-offs fit.
    pub person: Person,
    /// How many of the scale's items were answered (and asked).
    pub answered: u16,
    /// How many items the scale has.
    pub items: u16,
    /// How many of them were not asked because an earlier answer ruled them out; they count as the definition says.
    pub not_asked: u16,
    /// How many of them the person chose not to answer. What is left of `items` was left blank.
    pub declined: u16,
    /// How the score came about when answers are missing.
    pub completed_by: Completion,
}

impl<'a> Score<'a> {
    /// Whether the score reaches this cut-off; `None` without a score, or when it is not known to fit this person.
    #[must_use]
    pub fn reaches(&self, cut_off: &CutOff) -> Option<bool> {
        let value = self.value.filter(|_| cut_off.whom.includes(self.person))?;
        Some(cut_off.is_reached(value))
    }

    /// The cut-offs that the score reaches.
    pub fn reached(&self) -> impl Iterator<Item = &'a CutOff> {
        let cut_offs = self.scale.cut_offs.iter();
        cut_offs.filter(|cut_off| self.reaches(cut_off) == Some(true))
    }
}

/// How missing answers were dealt with in a score that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    /// None was missing (or there is no score).
    Nothing,
    /// The mean of the others stood in for so many.
    Prorated {
        /// How many were missing.
        missing: u16,
    },
    /// So many counted as 0, because the manual says so.
    Zeros {
        /// How many were missing.
        missing: u16,
    },
}

/// Why there is no score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason<'a> {
    /// More answers are missing than the scale's rule allows.
    NotAnswered {
        /// The printed numbers of the missing items.
        items: Vec<&'a str>,
        /// Those of them that the person chose not to answer; the others were left blank.
        declined: Vec<&'a str>,
        /// How many the rule allows.
        allowed: u16,
    },
    /// Earlier answers ruled out every item of the scale.
    NotAsked,
}

impl Reason<'_> {
    /// The printed numbers of the missing items.
    #[must_use]
    pub fn items(&self) -> &[&str] {
        match self {
            Self::NotAnswered { items, .. } => items,
            Self::NotAsked => &[],
        }
    }

    /// A word for storage and exports.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::NotAnswered { .. } => "not_answered",
            Self::NotAsked => "not_asked",
        }
    }
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::NotAnswered {
            items,
            declined,
            allowed,
        } = self
        else {
            return f.write_str("no item of this scale was asked");
        };
        let noun = if items.len() == 1 { "item" } else { "items" };
        write!(f, "{noun} {} not answered", items.join(", "))?;
        if !declined.is_empty() {
            write!(f, " (declined: {})", declined.join(", "))?;
        }
        write!(f, "; this scale allows {allowed} missing")
    }
}

/// What came of a criterion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged<'a> {
    /// Which criterion.
    pub criterion: &'a Criterion,
    /// What came of it.
    pub verdict: Verdict,
}

/// Three-valued: a missing answer leaves a criterion open only if it could still change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It holds, whatever the missing answers are.
    Met,
    /// It does not hold, whatever the missing answers are.
    NotMet,
    /// The missing answers decide.
    Unknown,
}

/// Something odd about the answers that does not stop scoring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem<'a> {
    /// The gate of asked items was left blank although they were answered.
    GateBlank {
        /// The gate's printed number.
        gate: &'a str,
    },
    /// An item was answered although the gate's answer rules it out; its answer does not count.
    AnsweredThoughNotAsked {
        /// The item's printed number.
        item: &'a str,
        /// The gate's printed number.
        gate: &'a str,
    },
}

impl fmt::Display for Problem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GateBlank { gate } => {
                write!(
                    f,
                    "item {gate} was left blank although items that depend on it were answered"
                )
            }
            Self::AnsweredThoughNotAsked { item, gate } => {
                write!(
                    f,
                    "item {item} was answered although the answer to item {gate} rules it out; it does not count"
                )
            }
        }
    }
}

/// Scores one form. Costs a microsecond or two and allocates per form and per gap, never per item.
#[must_use]
pub fn score<'a>(instrument: &'a Instrument, answers: &Answers, person: Person) -> Scored<'a> {
    let scores: Vec<_> = instrument
        .scales
        .iter()
        .map(|scale| scale::score(instrument, scale, answers, person))
        .collect();
    Scored {
        criteria: criteria::judge_all(instrument, answers, &scores),
        problems: problems(instrument, answers),
        scores,
    }
}

fn problems<'a>(instrument: &'a Instrument, answers: &Answers) -> Vec<Problem<'a>> {
    let mut problems = Vec::new();
    for position in 0..instrument.items.len() {
        if let Some(problem) = problem_at(instrument, answers, position)
            && !problems.contains(&problem)
        {
            problems.push(problem);
        }
    }
    problems
}

fn problem_at<'a>(
    instrument: &'a Instrument,
    answers: &Answers,
    position: Position,
) -> Option<Problem<'a>> {
    let item = instrument.items.get(position)?;
    if item.asked_when.is_none() || !answers.is_answered(position) {
        return None;
    }
    let id = |position: Position| Some(instrument.items.get(position)?.id.as_str());
    match instrument.gate(answers, position) {
        GateState::Open => None,
        GateState::Closed(gate) => Some(Problem::AnsweredThoughNotAsked {
            item: &item.id,
            gate: id(gate)?,
        }),
        // Who declined the gate has said so; a gate left blank was overlooked.
        GateState::Undecided(gate) if answers.is_blank(gate) => {
            Some(Problem::GateBlank { gate: id(gate)? })
        }
        GateState::Undecided(_) => None,
    }
}
