//! What is remembered of one group of episodes: how many of each kind, and the moments of their scores.
//!
//! A kind is the set of counts an episode is part of. Not here: rates, suppression, words.

use super::suppression::Kind;
use super::{Ending, EpisodeOutcome, Moments, Period};
use crate::domain::change::{Attainment, ChangeParameters, Judgement, Verdict, judge};
use std::collections::BTreeMap;

/// The counts kept for each group, in the order in which later ones are hidden before earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tallied {
    Started,
    Ended,
    /// Ended, with at least one score.
    Scored,
    /// Ended, with a first and a last score on different days.
    Paired,
    /// Paired, and ended as planned.
    Completers,
    /// Ended, and not known to have started below the criterion.
    EligibleAll,
    EligibleCompleters,
    ImprovedAll,
    ImprovedCompleters,
    RespondedAll,
    RespondedCompleters,
    RemittedAll,
    RemittedCompleters,
    DeterioratedAll,
    DeterioratedCompleters,
}

/// How many counts there are.
pub(super) const TALLIED: usize = Tallied::DeterioratedCompleters as usize + 1;

impl Tallied {
    fn bit(self) -> Kind {
        1 << self as u32
    }
}

/// One group's memory.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Tally {
    /// How many episodes of each kind.
    pub kinds: BTreeMap<Kind, u64>,
    /// Pairs of those who ended as planned.
    pub completers: Moments,
    /// Pairs of those who ended otherwise.
    pub others: Moments,
    /// First scores that stayed the only ones, carried forward as last.
    pub singles: Moments,
}

impl Tally {
    /// Takes in one episode; episodes that neither started nor ended in the period leave no trace.
    pub fn add(&mut self, period: Period, parameters: &ChangeParameters, row: &EpisodeOutcome) {
        let mut kind = 0;
        if period.contains(row.started_on) {
            kind |= Tallied::Started.bit();
        }
        if let Some(ended) = row.ended.filter(|ended| period.contains(ended.on)) {
            kind |= self.add_ended(parameters, row, ended.ending);
        }
        if kind != 0 {
            *self.kinds.entry(kind).or_insert(0) += 1;
        }
    }

    fn add_ended(
        &mut self,
        parameters: &ChangeParameters,
        row: &EpisodeOutcome,
        ending: Ending,
    ) -> Kind {
        let ended = Tallied::Ended.bit();
        let scores = Scores::of(row);
        let eligible = scores.is_eligible(parameters);
        match scores {
            Scores::None => ended | eligible,
            Scores::One(first) => {
                self.singles.add(first, first);
                ended | eligible | Tallied::Scored.bit()
            }
            Scores::Pair(first, last) => {
                let kind = ended | eligible | Tallied::Scored.bit() | Tallied::Paired.bit();
                let judged = judge(parameters, first, last);
                if ending == Ending::Planned {
                    self.completers.add(first, last);
                    kind | completer(kind) | reached(&judged) | reached_by_completer(&judged)
                } else {
                    self.others.add(first, last);
                    kind | reached(&judged)
                }
            }
        }
    }

    /// Both groups together.
    pub fn merged(mut self, other: &Self) -> Self {
        for (kind, n) in &other.kinds {
            *self.kinds.entry(*kind).or_insert(0) += n;
        }
        self.completers = self.completers.merged(other.completers);
        self.others = self.others.merged(other.others);
        self.singles = self.singles.merged(other.singles);
        self
    }
}

/// What an episode has to be judged by.
#[derive(Debug, Clone, Copy)]
enum Scores {
    None,
    One(f64),
    Pair(f64, f64),
}

impl Scores {
    fn of(row: &EpisodeOutcome) -> Self {
        let usable = |score: &super::Dated| score.value.is_finite();
        match (row.first.filter(usable), row.last.filter(usable)) {
            (None, _) => Self::None,
            (Some(first), Some(last)) if row.n > 1 && last.on > first.on => {
                Self::Pair(first.value, last.value)
            }
            (Some(first), _) => Self::One(first.value),
        }
    }

    /// Those without a score stay in the denominator; only a first score known to be too low takes one out.
    fn is_eligible(self, parameters: &ChangeParameters) -> Kind {
        let asked =
            parameters.treatment_response_share.is_some() || parameters.remission_below.is_some();
        let high_enough = match self {
            Self::None => true,
            Self::One(first) | Self::Pair(first, _) => parameters.starts_high_enough(first),
        };
        if asked && high_enough {
            Tallied::EligibleAll.bit()
        } else {
            0
        }
    }
}

fn completer(kind: Kind) -> Kind {
    let eligible = kind & Tallied::EligibleAll.bit() != 0;
    let both = Tallied::Completers.bit() | Tallied::EligibleCompleters.bit();
    if eligible {
        both
    } else {
        Tallied::Completers.bit()
    }
}

fn reached(judged: &Judgement) -> Kind {
    marks(
        judged,
        [
            Tallied::ImprovedAll,
            Tallied::DeterioratedAll,
            Tallied::RespondedAll,
            Tallied::RemittedAll,
        ],
    )
}

fn reached_by_completer(judged: &Judgement) -> Kind {
    marks(
        judged,
        [
            Tallied::ImprovedCompleters,
            Tallied::DeterioratedCompleters,
            Tallied::RespondedCompleters,
            Tallied::RemittedCompleters,
        ],
    )
}

fn marks(judged: &Judgement, [improved, deteriorated, responded, remitted]: [Tallied; 4]) -> Kind {
    let reached = |asked: Option<Attainment>, mark: Tallied| {
        if asked == Some(Attainment::Reached) {
            mark.bit()
        } else {
            0
        }
    };
    let verdict = match judged.verdict {
        Verdict::ReliablyImproved => improved.bit(),
        Verdict::ReliablyDeteriorated => deteriorated.bit(),
        Verdict::NoReliableChange | Verdict::NoPublishedLimit => 0,
    };
    verdict | reached(judged.treatment_response, responded) | reached(judged.remission, remitted)
}
