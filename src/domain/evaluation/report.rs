//! The report of an evaluation: every figure that may be shown, group by group, with its denominator.
//!
//! Not here: counting (tally), which counts are suppressed, and what the figures mean (words).

use super::effect::{Effect, NoEffect, pre_post_effect};
use super::suppression::{CrossTable, Detail, ProtectedTable, protect};
use super::tally::{TALLIED, Tallied, Tally};
use super::words::Words;
use super::{ClinicKey, Moments, Period, ProgramKey, Rate, Shown};
use crate::domain::change::ChangeParameters;
use std::collections::BTreeMap;

/// Fewer pairs than this say little about a program (a judgement; 20 to 30 is the usual advice).
const FEW_PAIRS: u64 = 20;
/// Below this share of paired scores the outcome says little about those who ended (a judgement; 70 to 80 % is usual).
const LOW_COMPLETENESS: f64 = 0.7;

/// Without the grand totals of these an evaluation says nothing: who started, who ended, and what is known of them.
const TOLD: usize = Tallied::Completers as usize + 1;

/// The evaluation of one scale over one period.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The period.
    pub period: Period,
    /// Programs by clinics, with totals; programs in order, each with its clinics and then its total. Only what `detail` tells apart.
    pub groups: Vec<Group>,
    /// Whether it is broken down by program (rows) and clinic (columns): as far as leaves the totals to be shown.
    pub detail: Detail,
    /// What the figures mean.
    pub words: Words,
}

/// Which episodes a group holds. `None` stands for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey {
    /// The program, or all programs.
    pub program: Option<ProgramKey>,
    /// The clinic, or all clinics.
    pub clinic: Option<ClinicKey>,
}

/// The figures of one group.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Which episodes.
    pub key: GroupKey,
    /// Episodes that started in the period.
    pub started: Shown,
    /// Episodes that ended in the period.
    pub ended: Shown,
    /// How many of them have a first and a last score.
    pub completeness: Completeness,
    /// Those who ended as planned and have both scores.
    pub completers: Outcomes,
    /// Everyone who ended.
    pub everyone: Outcomes,
    /// What to keep in mind when reading this row.
    pub cautions: Vec<Caution>,
}

/// How much of what should have been measured was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Completeness {
    /// Ended, with at least one score.
    pub scored: Shown,
    /// Ended with a first and a last score on different days, of those who ended.
    pub paired: Rate,
}

/// Which of the two populations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Population {
    /// Ended as planned, with both scores.
    Completers,
    /// Everyone who ended, however, with scores or without.
    Everyone,
}

/// The outcomes of one population.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcomes {
    /// Which population.
    pub population: Population,
    /// How many episodes the means stand on.
    pub n: Shown,
    /// Means, spreads and effect size.
    pub change: ChangeFigures,
    /// Reliably improved.
    pub reliable_improvement: Rate,
    /// Reliably deteriorated.
    pub reliable_deterioration: Rate,
    /// Treatment response; `None` when the scale defines none.
    pub treatment_response: Option<Rate>,
    /// Remission; `None` when the scale defines none.
    pub remission: Option<Rate>,
}

/// Means and spreads in points of the scale, and the effect size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ChangeFigures {
    /// Nobody has a score.
    NoScores,
    /// The number of episodes is suppressed, and so is all that stands on it.
    Suppressed,
    /// To be shown.
    Shown {
        /// Mean of the first scores.
        mean_first: f64,
        /// Mean of the last scores.
        mean_last: f64,
        /// Standard deviation of the first scores.
        sd_first: Option<f64>,
        /// Mean of last minus first.
        mean_change: f64,
        /// Standard deviation of the changes.
        sd_change: Option<f64>,
        /// Effect size; positive is better whichever way the scale points.
        effect: Result<Effect, NoEffect>,
    },
}

/// A warning that belongs to a row of figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caution {
    /// Fewer than 20 pairs.
    FewPairs,
    /// Fewer than 70 % of those who ended have both scores.
    LowCompleteness,
    /// Some figures are suppressed.
    SmallCells,
}

impl Caution {
    /// The warning in two words, for a row of a table.
    #[must_use]
    pub fn short(self) -> &'static str {
        match self {
            Self::FewPairs => "few pairs",
            Self::LowCompleteness => "many missing",
            Self::SmallCells => "some hidden",
        }
    }

    /// The warning in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::FewPairs => "Fewer than 20 people have both scores: too few to judge a program.",
            Self::LowCompleteness => {
                "Fewer than 7 in 10 have both scores: the people who are missing may differ."
            }
            Self::SmallCells => {
                "Some numbers are hidden because they are from 1 to 10 or would give such a number away."
            }
        }
    }
}

/// The groups of an evaluation laid out as a table with totals.
pub(super) struct Margins {
    programs: Vec<ProgramKey>,
    clinics: Vec<ClinicKey>,
    /// Inner cells, program by program.
    inner: Vec<Tally>,
}

impl Margins {
    pub(super) fn of(groups: &BTreeMap<(ProgramKey, ClinicKey), Tally>) -> Self {
        let mut programs: Vec<ProgramKey> = groups.keys().map(|(program, _)| *program).collect();
        let mut clinics: Vec<ClinicKey> = groups.keys().map(|(_, clinic)| *clinic).collect();
        programs.dedup();
        clinics.sort_unstable();
        clinics.dedup();
        let places = programs
            .iter()
            .flat_map(|program| clinics.iter().map(move |clinic| (*program, *clinic)));
        let inner = places
            .map(|place| groups.get(&place).cloned().unwrap_or_default())
            .collect();
        Self {
            programs,
            clinics,
            inner,
        }
    }

    fn protected(&self) -> ProtectedTable {
        let table = CrossTable {
            rows: self.programs.len(),
            columns: self.clinics.len(),
            counts: TALLIED,
            cells: self.inner.iter().map(|tally| tally.kinds.clone()).collect(),
        };
        protect(&table, TOLD)
    }

    /// The tally of a cell or total.
    fn tally(&self, row: usize, column: usize) -> Tally {
        let width = self.clinics.len().max(1);
        self.inner
            .iter()
            .enumerate()
            .filter(|(place, _)| row == self.programs.len() || place / width == row)
            .filter(|(place, _)| column == self.clinics.len() || place % width == column)
            .fold(Tally::default(), |sum, (_, tally)| sum.merged(tally))
    }

    fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        let columns = self.clinics.len();
        (0..=self.programs.len())
            .flat_map(move |row| (0..=columns).map(move |column| (row, column)))
    }
}

impl Report {
    pub(super) fn of(period: Period, parameters: &ChangeParameters, margins: &Margins) -> Self {
        let table = margins.protected();
        let groups = margins
            .places()
            .filter(|(row, column)| table.tells_of(*row, *column))
            .map(|(row, column)| {
                let cell = Cell {
                    parameters,
                    table: &table,
                    place: (row, column),
                    tally: margins.tally(row, column),
                };
                cell.group(GroupKey {
                    program: margins.programs.get(row).copied(),
                    clinic: margins.clinics.get(column).copied(),
                })
            })
            .collect();
        Self {
            period,
            groups,
            detail: table.detail(),
            words: Words::of(parameters, table.detail()),
        }
    }
}

/// One cell of the table on its way to a [`Group`].
struct Cell<'a> {
    parameters: &'a ChangeParameters,
    table: &'a ProtectedTable,
    place: (usize, usize),
    tally: Tally,
}

impl Cell<'_> {
    fn group(&self, key: GroupKey) -> Group {
        let completeness = Completeness {
            scored: self.shown(Tallied::Scored),
            paired: self.rate(Tallied::Paired, Tallied::Ended),
        };
        Group {
            key,
            started: self.shown(Tallied::Started),
            ended: self.shown(Tallied::Ended),
            completers: self.completers(),
            everyone: self.everyone(),
            cautions: self.cautions(&completeness),
            completeness,
        }
    }

    fn completers(&self) -> Outcomes {
        let n = self.shown(Tallied::Completers);
        let pairs = &self.tally.completers;
        Outcomes {
            population: Population::Completers,
            n,
            change: self.change(n, pairs, pairs),
            reliable_improvement: self.rate(Tallied::ImprovedCompleters, Tallied::Completers),
            reliable_deterioration: self.rate(Tallied::DeterioratedCompleters, Tallied::Completers),
            treatment_response: self
                .parameters
                .treatment_response_share
                .map(|_| self.rate(Tallied::RespondedCompleters, Tallied::EligibleCompleters)),
            remission: self
                .parameters
                .remission_below
                .map(|_| self.rate(Tallied::RemittedCompleters, Tallied::EligibleCompleters)),
        }
    }

    fn everyone(&self) -> Outcomes {
        let n = self.shown(Tallied::Scored);
        let pairs = self.tally.completers.merged(self.tally.others);
        let carried = pairs.merged(self.tally.singles);
        // The correlation and so the interval stand on the pairs; without their number there is neither.
        let pairs_shown = self.shown(Tallied::Paired) != Shown::Suppressed;
        Outcomes {
            population: Population::Everyone,
            n,
            change: if pairs_shown {
                self.change(n, &carried, &pairs)
            } else {
                ChangeFigures::Suppressed
            },
            reliable_improvement: self.rate(Tallied::ImprovedAll, Tallied::Ended),
            reliable_deterioration: self.rate(Tallied::DeterioratedAll, Tallied::Ended),
            treatment_response: self
                .parameters
                .treatment_response_share
                .map(|_| self.rate(Tallied::RespondedAll, Tallied::EligibleAll)),
            remission: self
                .parameters
                .remission_below
                .map(|_| self.rate(Tallied::RemittedAll, Tallied::EligibleAll)),
        }
    }

    fn change(&self, n: Shown, population: &Moments, pairs: &Moments) -> ChangeFigures {
        match n {
            Shown::Suppressed => ChangeFigures::Suppressed,
            Shown::Count(0) => ChangeFigures::NoScores,
            Shown::Count(_) => {
                let gain = self.parameters.direction.gain(population.mean_change());
                ChangeFigures::Shown {
                    mean_first: population.mean_first(),
                    mean_last: population.mean_last(),
                    sd_first: population.sd_first(),
                    mean_change: population.mean_change(),
                    sd_change: population.sd_change(),
                    effect: pre_post_effect(population, pairs, gain),
                }
            }
        }
    }

    fn cautions(&self, completeness: &Completeness) -> Vec<Caution> {
        let few = completeness
            .paired
            .numerator
            .value()
            .is_some_and(|n| n < FEW_PAIRS);
        let low = completeness
            .paired
            .share
            .is_some_and(|share| share < LOW_COMPLETENESS);
        let (row, column) = self.place;
        let hidden =
            (0..TALLIED).any(|count| self.table.shown(row, column, count) == Shown::Suppressed);
        [
            few.then_some(Caution::FewPairs),
            low.then_some(Caution::LowCompleteness),
            hidden.then_some(Caution::SmallCells),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn shown(&self, tallied: Tallied) -> Shown {
        let (row, column) = self.place;
        self.table.shown(row, column, tallied as usize)
    }

    fn rate(&self, numerator: Tallied, denominator: Tallied) -> Rate {
        Rate::of(self.shown(numerator), self.shown(denominator))
    }
}
