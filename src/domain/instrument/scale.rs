//! What a scale is: its items, method, missing rule, lookup table, bands and cut-offs. Not here: scoring.

use super::{Condition, Person, Position, Whom};
use crate::domain::change::ChangeParameters;

/// Room for the rounding of scores that are multiplied or divided.
pub(in crate::domain) const ROUNDING: f64 = 1e-9;

/// What a score belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    /// The name in exports: `total`, `b`.
    pub id: String,
    /// What counts.
    pub items: Vec<ScaleItem>,
    /// How the counted values become one number.
    pub method: Method,
    /// The result is multiplied by this; 1 for most.
    pub times: f64,
    /// Raw results and the scores they stand for; `None` when the result is the score.
    pub lookup: Option<Lookup>,
    /// What happens when an answer is missing.
    pub missing: MissingRule,
    /// Where that rule was published, or that none was found.
    pub missing_source: String,
    /// The place of an earlier scale whose missing items the missing rule's limit is for; `None` = this scale's own.
    pub missing_over: Option<usize>,
    /// What items that an earlier answer ruled out count as.
    pub not_asked: NotAsked,
    /// The lowest possible score, in points.
    pub lowest: f64,
    /// The highest possible score, in points.
    pub highest: f64,
    /// Published bands; several when authors disagree or norms depend on sex or age; empty when nobody has published any.
    pub bandings: Vec<Banding>,
    /// Published thresholds; the first that fits a person is the one in use unless a site chooses another.
    pub cut_offs: Vec<CutOff>,
    /// What counts as change, with its sources; `None` when nothing is published.
    pub change: Option<ChangeParameters>,
    /// LOINC code of the score.
    pub loinc: Option<String>,
}

impl Scale {
    /// The bands in use for this person: the first that fit.
    #[must_use]
    pub fn banding_for(&self, person: Person) -> Option<&Banding> {
        self.bandings_for(person).next()
    }

    /// All bands that fit this person, the ones in use first.
    pub fn bandings_for(&self, person: Person) -> impl Iterator<Item = &Banding> {
        self.bandings
            .iter()
            .filter(move |banding| banding.whom.includes(person))
    }

    /// The cut-offs that fit this person, the one in use first.
    pub fn cut_offs_for(&self, person: Person) -> impl Iterator<Item = &CutOff> {
        self.cut_offs
            .iter()
            .filter(move |cut_off| cut_off.whom.includes(person))
    }
}

/// The id of the banding of a scale that states its bands directly.
pub const PUBLISHED: &str = "published";

/// One way to name ranges of a scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Banding {
    /// The scheme's name in exports; [`PUBLISHED`] when a scale has but one.
    pub id: String,
    /// For whom it was published.
    pub whom: Whom,
    /// Where it was published.
    pub source: String,
    /// From lowest to highest, without gap or overlap.
    pub bands: Vec<Band>,
}

impl Banding {
    /// The band a score lies in: the last one whose lower edge it has reached.
    #[must_use]
    pub fn band(&self, value: f64) -> Option<&Band> {
        self.bands
            .iter()
            .rev()
            .find(|band| band.from <= value + ROUNDING)
    }
}

/// A published range of scores with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// The name in exports, in the publisher's words: `moderately severe`. Its translation is in
    /// [`super::BandingTexts::bands`].
    pub id: String,
    /// The lowest score in it, in points.
    pub from: f64,
    /// The highest score in it, in points.
    pub to: f64,
}

/// An item of a scale, and how its value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScaleItem {
    /// Which item.
    pub position: Position,
    /// `Some(lowest + highest)` when the item is reversed: the value counts as that sum minus the value.
    pub reversed_within: Option<i16>,
    /// What a blank means.
    pub blank: Blank,
}

/// What it means for a scale that one of its items has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blank {
    /// An answer is missing.
    Missing,
    /// The publisher says the item does not concern everybody; no answer counts as 0.
    Zero,
}

impl ScaleItem {
    /// The value as it counts on the scale.
    #[must_use]
    pub fn counted(self, value: i16) -> i16 {
        self.reversed_within
            .map_or(value, |ends| ends.saturating_sub(value))
    }
}

/// How the values of a scale's items become one number.
#[derive(Debug, Clone, PartialEq)]
pub enum Method {
    /// All added.
    Sum,
    /// All added, divided by the number of items.
    Mean,
    /// How many items are answered so high.
    CountFrom(i16),
    /// How many items are answered with one of these values.
    CountAny(Vec<i16>),
    /// The highest value.
    Highest,
    /// How many of these rules hold.
    Rules(Vec<Condition>),
}

/// Raw results and the scores they stand for.
#[derive(Debug, Clone, PartialEq)]
pub struct Lookup {
    /// From the lowest raw result to the highest.
    pub rows: Vec<LookupRow>,
    /// Where the table was published.
    pub source: String,
}

/// One row of a lookup table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LookupRow {
    /// The raw result.
    pub raw: f64,
    /// The score it stands for, in points.
    pub score: f64,
    /// The score's standard error, in points, where the table gives it.
    pub standard_error: Option<f64>,
}

impl Lookup {
    /// The row of a raw result.
    #[must_use]
    pub fn row(&self, raw: f64) -> Option<&LookupRow> {
        let at = self.rows.partition_point(|row| row.raw < raw - ROUNDING);
        self.rows
            .get(at)
            .filter(|row| (row.raw - raw).abs() <= ROUNDING)
    }
}

/// What items count as that an earlier answer ruled out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAsked {
    /// As 0.
    Zero,
    /// They leave the scale: a mean is over the others, a sum has a lower maximum.
    LeftOut,
}

/// What a scale does when an answer is missing. Whatever the rule, a partial sum is never a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingRule {
    /// No score.
    Refuse,
    /// Up to this many: the mean of the answered items stands in for each missing one.
    Prorate {
        /// The most items that may be missing.
        at_most: u16,
        /// What is done with a fraction.
        rounding: Rounding,
    },
    /// Up to this many: each missing one counts as 0, because the manual says so.
    BlankIsZero {
        /// The most items that may be missing.
        at_most: u16,
    },
}

impl MissingRule {
    /// How many items may be missing before there is no score.
    #[must_use]
    pub fn tolerates(self) -> u16 {
        match self {
            Self::Refuse => 0,
            Self::Prorate { at_most, .. } | Self::BlankIsZero { at_most } => at_most,
        }
    }
}

/// What is done with the fraction of a prorated score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Kept.
    None,
    /// To the nearest whole number, a half upwards.
    Nearest,
    /// To the next whole number above.
    Up,
    /// To the next whole number below.
    Down,
}

/// A published threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct CutOff {
    /// The name in exports.
    pub id: String,
    /// The scores that reach it.
    pub limit: Limit,
    /// For whom it was published.
    pub whom: Whom,
    /// Where it was published.
    pub source: String,
}

impl CutOff {
    /// Whether a score reaches it.
    #[must_use]
    pub fn is_reached(&self, value: f64) -> bool {
        self.limit.is_reached(value)
    }
}

/// One side of a number of points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// This score and every higher one.
    AtLeast(f64),
    /// This score and every lower one.
    AtMost(f64),
}

impl Limit {
    /// Whether a score is on this side.
    #[must_use]
    pub fn is_reached(self, value: f64) -> bool {
        match self {
            Self::AtLeast(points) => value >= points - ROUNDING,
            Self::AtMost(points) => value <= points + ROUNDING,
        }
    }

    /// The number of points itself.
    #[must_use]
    pub fn points(self) -> f64 {
        match self {
            Self::AtLeast(points) | Self::AtMost(points) => points,
        }
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(points) => write!(f, "{points} or more"),
            Self::AtMost(points) => write!(f, "{points} or less"),
        }
    }
}
