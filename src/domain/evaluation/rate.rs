//! A share with its numerator, denominator and Wilson interval.
//!
//! Not here: which people are counted.

use super::count::Shown;
use super::moments::as_real;
use crate::domain::change::Z_95;

/// A 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A share of people. Percentages exist only where both counts are shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// How many of them.
    pub numerator: Shown,
    /// Of how many.
    pub denominator: Shown,
    /// Numerator over denominator, 0 to 1; `None` when a count is suppressed or the denominator is 0.
    pub share: Option<f64>,
    /// Wilson's 95 % interval of the share.
    pub interval: Option<Interval>,
}

impl Rate {
    /// The rate of two counts as they may be shown.
    #[must_use]
    pub fn of(numerator: Shown, denominator: Shown) -> Self {
        let known = match (numerator, denominator) {
            (Shown::Count(part), Shown::Count(whole)) if whole > 0 => Some((part, whole)),
            _ => None,
        };
        Self {
            numerator,
            denominator,
            share: known.map(|(part, whole)| as_real(part) / as_real(whole)),
            interval: known.and_then(|(part, whole)| wilson(part, whole)),
        }
    }
}

/// Wilson's score interval at 95 % (Wilson 1927, J Am Stat Assoc 22:209–212), without continuity correction.
/// `None` when `whole` is 0 or smaller than `part`.
#[must_use]
pub fn wilson(part: u64, whole: u64) -> Option<Interval> {
    if whole == 0 || part > whole {
        return None;
    }
    let (n, p, z2) = (as_real(whole), as_real(part) / as_real(whole), Z_95 * Z_95);
    let centre = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z_95 / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    Some(Interval {
        low: if part == 0 {
            0.0
        } else {
            (centre - half).max(0.0)
        },
        high: if part == whole {
            1.0
        } else {
            (centre + half).min(1.0)
        },
    })
}
