//! The change parameters a definition in `survey-defs/` states for a scale, and the check that they make sense.
//!
//! Not here: reading the definition's file, and what is done with the parameters.

use super::{Reliability, Z_95};
use serde::Deserialize;

/// Which way a scale points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// A higher score means more trouble (PHQ-9, GAD-7, PCL-5).
    HigherIsWorse,
    /// A higher score means doing better (well-being scales).
    HigherIsBetter,
}

impl Direction {
    /// A difference (last minus first, points) as a gain: positive is better.
    #[must_use]
    pub fn gain(self, delta: f64) -> f64 {
        match self {
            Self::HigherIsWorse => -delta,
            Self::HigherIsBetter => delta,
        }
    }
}

/// Another published limit for the same scale, shown beside the one in use because authors disagree.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alternative {
    /// Points of the scale, above zero.
    pub points: f64,
    /// Where it was published.
    pub source: String,
}

/// The spread and reliability of a sample, from which a limit of reliable change can be worked out.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statistics {
    /// The standard deviation, in points of the scale.
    pub sd: f64,
    /// The reliability, at least 0 and below 1.
    pub reliability: f64,
    /// Which kind of reliability.
    pub reliability_kind: ReliabilityKind,
    /// Author and sample.
    pub source: String,
}

/// Which kind of reliability a coefficient is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReliabilityKind {
    /// Internal consistency: Cronbach's alpha.
    Alpha,
    /// Test–retest correlation.
    TestRetest,
}

impl ReliabilityKind {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Alpha => "internal consistency",
            Self::TestRetest => "test–retest",
        }
    }
}

/// A published change that patients notice (minimal important difference), shown beside the limit of reliable change.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Important {
    /// In points of the scale, above zero.
    #[serde(default)]
    pub points: Option<f64>,
    /// Or as a share of the first score, above 0, at most 1.
    #[serde(default)]
    pub share: Option<f64>,
    /// Author and sample.
    pub source: String,
}

/// The limit of reliable change in use, and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ReliableLimit<'a> {
    /// Published as points.
    Published {
        /// The smallest change that counts, in points.
        points: f64,
        /// Author and sample.
        source: &'a str,
    },
    /// Worked out from published statistics: 1.96 · SD · √2 · √(1 − r) (Jacobson & Truax 1991).
    WorkedOut {
        /// The smallest change that counts, in points.
        points: f64,
        /// From these.
        statistics: &'a Statistics,
    },
}

impl ReliableLimit<'_> {
    /// The smallest change that counts, in points.
    #[must_use]
    pub fn points(self) -> f64 {
        match self {
            Self::Published { points, .. } | Self::WorkedOut { points, .. } => points,
        }
    }
}

/// What a definition states about change on one scale. Every number carries its published source.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeParameters {
    /// Which way the scale points.
    pub direction: Direction,
    /// The smallest change that counts as reliable, in points, above zero; `None` when nobody has published one.
    #[serde(default)]
    pub reliable_points: Option<f64>,
    /// Where `reliable_points` was published.
    #[serde(default)]
    pub reliable_source: Option<String>,
    /// The share of the first score that must be gone to call it a treatment response, above 0, at most 1.
    #[serde(default)]
    pub treatment_response_share: Option<f64>,
    /// The lowest first score for which treatment response (and remission) is asked, in points.
    #[serde(default)]
    pub treatment_response_from: Option<f64>,
    /// Where the treatment response rule was published.
    #[serde(default)]
    pub treatment_response_source: Option<String>,
    /// Remission is a last score below this, in points.
    #[serde(default)]
    pub remission_below: Option<f64>,
    /// Where `remission_below` was published.
    #[serde(default)]
    pub remission_source: Option<String>,
    /// Other published limits for reliable change.
    #[serde(default)]
    pub alternatives: Vec<Alternative>,
    /// Spread and reliability of a published sample.
    #[serde(default)]
    pub statistics: Option<Statistics>,
    /// What patients notice, as published.
    #[serde(default)]
    pub important: Vec<Important>,
}

/// Why a set of change parameters is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterFault {
    /// `reliable_points`, or an alternative's points, is not a number above zero.
    PointsNotPositive,
    /// `treatment_response_share`, or the share of an important change, is not above 0 and at most 1.
    ShareOutOfRange,
    /// The statistics are none: a spread above 0, a reliability of at least 0 and below 1.
    StatisticsOutOfRange,
    /// An important change is stated neither or both in points and as a share.
    PointsOrShare,
    /// `treatment_response_from` or `remission_below` is not a number above zero.
    LimitNotPositive,
    /// A number is stated without its published source.
    SourceMissing,
    /// Treatment response and remission are defined as falls; on this scale a fall is a worsening.
    FallIsWorse,
}

impl std::fmt::Display for ParameterFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::PointsNotPositive => "points of reliable change must be a number above 0",
            Self::ShareOutOfRange => {
                "treatment_response_share and other shares must be above 0 and at most 1"
            }
            Self::StatisticsOutOfRange => {
                "statistics need an sd above 0 and a reliability of at least 0 and below 1"
            }
            Self::PointsOrShare => "an important change has either points or share",
            Self::LimitNotPositive => {
                "treatment_response_from and remission_below must be numbers above 0"
            }
            Self::SourceMissing => "every change constant needs its published source",
            Self::FallIsWorse => {
                "treatment response and remission need a scale on which higher is worse"
            }
        })
    }
}

impl std::error::Error for ParameterFault {}

impl ChangeParameters {
    /// Checks what the types cannot say. Definitions that fail are not published.
    ///
    /// # Errors
    /// The first [`ParameterFault`] found.
    pub fn check(&self) -> Result<(), ParameterFault> {
        self.check_points()?;
        self.check_limits()?;
        self.check_statistics()?;
        self.check_important()?;
        self.check_sources()
    }

    /// The limit of reliable change in use: the published points, else what the published statistics give, else none.
    #[must_use]
    pub fn reliable_limit(&self) -> Option<ReliableLimit<'_>> {
        if let Some(points) = self.reliable_points {
            let source = self.reliable_source.as_deref().unwrap_or_default();
            return Some(ReliableLimit::Published { points, source });
        }
        let statistics = self.statistics.as_ref()?;
        let sample = Reliability::new(statistics.sd, statistics.reliability).ok()?;
        let points = sample.points_at(Z_95);
        Some(ReliableLimit::WorkedOut { points, statistics })
    }

    /// The lowest first score, in points, for which treatment response and remission are asked: the stated start,
    /// and never a score that is itself in remission. Both criteria share it, as in the quality measures (first
    /// PHQ-9 above 9, last below 5: CMS159), so that their rates share a denominator.
    #[must_use]
    pub fn criterion_start(&self) -> f64 {
        let stated = self.treatment_response_from.unwrap_or(0.0);
        stated.max(self.remission_below.unwrap_or(0.0))
    }

    /// Whether treatment response and remission are asked after this first score. A start of 0 can never respond.
    #[must_use]
    pub fn starts_high_enough(&self, first: f64) -> bool {
        first > 0.0 && first >= self.criterion_start() - super::ROUNDING
    }

    fn check_points(&self) -> Result<(), ParameterFault> {
        let others = self.alternatives.iter().map(|other| other.points);
        let important = self.important.iter().filter_map(|other| other.points);
        let all_positive = self
            .reliable_points
            .into_iter()
            .chain(others)
            .chain(important)
            .all(positive);
        all_positive
            .then_some(())
            .ok_or(ParameterFault::PointsNotPositive)
    }

    fn check_limits(&self) -> Result<(), ParameterFault> {
        let asks_for_a_fall =
            self.treatment_response_share.is_some() || self.remission_below.is_some();
        if asks_for_a_fall && self.direction == Direction::HigherIsBetter {
            return Err(ParameterFault::FallIsWorse);
        }
        if self
            .treatment_response_share
            .is_some_and(|share| !(positive(share) && share <= 1.0))
        {
            return Err(ParameterFault::ShareOutOfRange);
        }
        [self.treatment_response_from, self.remission_below]
            .into_iter()
            .flatten()
            .all(positive)
            .then_some(())
            .ok_or(ParameterFault::LimitNotPositive)
    }

    fn check_statistics(&self) -> Result<(), ParameterFault> {
        let Some(statistics) = &self.statistics else {
            return Ok(());
        };
        Reliability::new(statistics.sd, statistics.reliability)
            .map(|_| ())
            .map_err(|_| ParameterFault::StatisticsOutOfRange)
    }

    fn check_important(&self) -> Result<(), ParameterFault> {
        for important in &self.important {
            match (important.points, important.share) {
                (Some(_), None) => {}
                (None, Some(share)) if positive(share) && share <= 1.0 => {}
                (None, Some(_)) => return Err(ParameterFault::ShareOutOfRange),
                _ => return Err(ParameterFault::PointsOrShare),
            }
        }
        Ok(())
    }

    fn check_sources(&self) -> Result<(), ParameterFault> {
        let response_stated = self.treatment_response_share.is_some()
            && is_blank(self.treatment_response_source.as_deref());
        let remission_stated =
            self.remission_below.is_some() && is_blank(self.remission_source.as_deref());
        let limit_stated =
            self.reliable_points.is_some() && is_blank(self.reliable_source.as_deref());
        let alternatives = self.alternatives.iter().map(|other| &other.source);
        let important = self.important.iter().map(|other| &other.source);
        let statistics = self.statistics.iter().map(|sample| &sample.source);
        let missing = limit_stated
            || response_stated
            || remission_stated
            || alternatives
                .chain(important)
                .chain(statistics)
                .any(|source| is_blank(Some(source)));
        if missing {
            return Err(ParameterFault::SourceMissing);
        }
        Ok(())
    }
}

fn positive(value: f64) -> bool {
    value.is_finite() && value > 0.0
}

fn is_blank(text: Option<&str>) -> bool {
    text.is_none_or(|text| text.trim().is_empty())
}
