//! Takes episodes one by one and makes the report of a period and scale.
//!
//! Not here: what is remembered of a group (tally) and how the report is worded.

use super::report::{Margins, Report};
use super::tally::Tally;
use super::{ClinicKey, EpisodeOutcome, Period, ProgramKey};
use crate::domain::change::ChangeParameters;
use std::collections::BTreeMap;

/// Streams the episodes of one scale. Memory grows with programs × clinics, not with episodes.
#[derive(Debug, Clone)]
pub struct Accumulator {
    period: Period,
    parameters: ChangeParameters,
    groups: BTreeMap<(ProgramKey, ClinicKey), Tally>,
}

impl Accumulator {
    /// An empty evaluation of one scale with its change parameters.
    #[must_use]
    pub fn new(period: Period, parameters: ChangeParameters) -> Self {
        Self {
            period,
            parameters,
            groups: BTreeMap::new(),
        }
    }

    /// Takes in one episode. Episodes outside the period may be handed in; they are not counted.
    pub fn add(&mut self, row: &EpisodeOutcome) {
        let touched = self.period.contains(row.started_on)
            || row
                .ended
                .is_some_and(|ended| self.period.contains(ended.on));
        if touched {
            let group = self.groups.entry((row.program, row.clinic)).or_default();
            group.add(self.period, &self.parameters, row);
        }
    }

    /// The report, with small cells suppressed.
    #[must_use]
    pub fn finish(&self) -> Report {
        Report::of(self.period, &self.parameters, &Margins::of(&self.groups))
    }
}
