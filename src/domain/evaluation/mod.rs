//! Program evaluation: what became of the episodes of a period, by program and clinic, on one scale.
//!
//! Here live the input (one plain row per episode), the populations and their denominators, rates, effect sizes and
//! the suppression of small cells. Not here: reading rows, names of clinics and programs, pages and files.
//!
//! Rows are handed in one by one; nothing is kept per episode. The only way out is [`Accumulator::finish`], which
//! protects small cells before anybody sees a figure.

mod accumulator;
mod count;
mod counts;
mod effect;
mod grid;
mod moments;
mod rate;
mod report;
mod suppression;
mod tally;
#[cfg(test)]
mod tests;
mod words;

pub use accumulator::Accumulator;
pub use count::Shown;
pub use counts::{CountTable, Hiding, ShownTable};
pub use effect::{Effect, NoEffect, effect_size, hedges_correction, pre_post_effect};
pub use grid::{Grid, TooFine};
pub use moments::Moments;
pub use rate::{Interval, Rate, wilson};
pub use report::{
    Caution, ChangeFigures, Completeness, Group, GroupKey, Outcomes, Population, Report,
};
pub use suppression::{Detail, LARGEST_SUPPRESSED, SMALLEST_WIDTH};
pub use words::Words;

use chrono::NaiveDate;

/// A clinic by a small number the caller chooses and keeps the name for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClinicKey(pub u32);

/// A program by a small number the caller chooses and keeps the name for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProgramKey(pub u32);

/// A score and the calendar day it was given, in the clinic's time zone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dated {
    /// The day.
    pub on: NaiveDate,
    /// Points of the scale.
    pub value: f64,
}

/// How an episode ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// As planned between patient and therapist.
    Planned,
    /// The patient stopped coming.
    Unplanned,
    /// Care went on elsewhere.
    Transferred,
    /// The patient died.
    Died,
}

/// The end of an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// The day it ended.
    pub on: NaiveDate,
    /// How it ended.
    pub ending: Ending,
}

/// One episode on one scale, as the store's summary row has it. Episodes without any score are handed in too.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EpisodeOutcome {
    /// Where the care was given.
    pub clinic: ClinicKey,
    /// Under which program.
    pub program: ProgramKey,
    /// The day the episode started.
    pub started_on: NaiveDate,
    /// Its end; `None` while it is open.
    pub ended: Option<Ended>,
    /// The first score of the episode.
    pub first: Option<Dated>,
    /// The last score of the episode; may be the first.
    pub last: Option<Dated>,
    /// How many scores the episode has.
    pub n: u32,
}

/// First and last day of the period, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    from: NaiveDate,
    to: NaiveDate,
}

/// The period ends before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeriodReversed;

impl std::fmt::Display for PeriodReversed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the period's last day is before its first")
    }
}

impl std::error::Error for PeriodReversed {}

impl Period {
    /// Both days are part of the period.
    ///
    /// # Errors
    /// [`PeriodReversed`] when `to` is before `from`.
    pub fn new(from: NaiveDate, to: NaiveDate) -> Result<Self, PeriodReversed> {
        if to < from {
            return Err(PeriodReversed);
        }
        Ok(Self { from, to })
    }

    /// The first day.
    #[must_use]
    pub fn from(self) -> NaiveDate {
        self.from
    }

    /// The last day.
    #[must_use]
    pub fn to(self) -> NaiveDate {
        self.to
    }

    /// Whether the day lies in the period.
    #[must_use]
    pub fn contains(self, day: NaiveDate) -> bool {
        self.from <= day && day <= self.to
    }
}
