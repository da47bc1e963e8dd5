//! The change parameters a definition in `survey-defs/` states for a scale, and the check that they make sense.
//!
//! Not here: reading the definition's file, and what is done with the parameters.

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

/// What a definition states about change on one scale. Every number carries its published source.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeParameters {
    /// Which way the scale points.
    pub direction: Direction,
    /// The smallest change that counts as reliable, in points, above zero.
    pub reliable_points: f64,
    /// Where `reliable_points` was published.
    pub reliable_source: String,
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
}

/// Why a set of change parameters is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterFault {
    /// `reliable_points`, or an alternative's points, is not a number above zero.
    PointsNotPositive,
    /// `treatment_response_share` is not above 0 and at most 1.
    ShareOutOfRange,
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
            Self::ShareOutOfRange => "treatment_response_share must be above 0 and at most 1",
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
        self.check_sources()
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
        let all_positive = std::iter::once(self.reliable_points)
            .chain(others)
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

    fn check_sources(&self) -> Result<(), ParameterFault> {
        let response_stated = self.treatment_response_share.is_some()
            && is_blank(self.treatment_response_source.as_deref());
        let remission_stated =
            self.remission_below.is_some() && is_blank(self.remission_source.as_deref());
        let missing = is_blank(Some(&self.reliable_source))
            || response_stated
            || remission_stated
            || self
                .alternatives
                .iter()
                .any(|other| is_blank(Some(&other.source)));
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
