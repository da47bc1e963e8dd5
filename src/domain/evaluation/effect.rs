//! The pre–post effect size: Cohen's d on the spread of the first scores, Hedges' correction, its variance and interval.
//!
//! Standardised mean change with raw-score standardisation: Morris 2008 (Organ Res Methods 11:364–386), with the
//! large-sample variance 2(1−r)/n + g²/(2n) that the R package metafor uses for it (measure SMCR). Not here: which
//! pairs go in.

use super::moments::{Moments, as_real};
use super::rate::Interval;
use crate::domain::change::Z_95;
use statrs::function::gamma::ln_gamma;

/// An effect size in standard deviations of the first scores. Positive means better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effect {
    /// Mean gain over the standard deviation of the first scores.
    pub d: f64,
    /// `d` with Hedges' correction for small samples.
    pub g: f64,
    /// Sampling variance of `g`.
    pub variance: f64,
    /// 95 % interval of `g`, normal approximation.
    pub interval: Interval,
    /// Correlation of first and last used for the variance.
    pub correlation: f64,
}

/// Why there is no effect size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoEffect {
    /// Fewer than three pairs.
    TooFew,
    /// All first or all last scores are the same.
    NoSpread,
}

/// Hedges' correction J(m) = Γ(m/2) / (√(m/2) · Γ((m−1)/2)), for `m` ≥ 2 degrees of freedom (Hedges 1981).
#[must_use]
pub fn hedges_correction(m: f64) -> f64 {
    (ln_gamma(m / 2.0) - ln_gamma((m - 1.0) / 2.0)).exp() / (m / 2.0).sqrt()
}

/// The effect of `n` pairs with a mean `gain` (points, positive is better), the standard deviation of the first
/// scores and the correlation of first and last.
///
/// # Errors
/// [`NoEffect`] when the figures do not allow one.
pub fn effect_size(n: u64, gain: f64, sd_first: f64, correlation: f64) -> Result<Effect, NoEffect> {
    if n < 3 {
        return Err(NoEffect::TooFew);
    }
    if sd_first <= 0.0 {
        return Err(NoEffect::NoSpread);
    }
    let n = as_real(n);
    let d = gain / sd_first;
    let g = d * hedges_correction(n - 1.0);
    let variance = 2.0 * (1.0 - correlation) / n + g * g / (2.0 * n);
    let half = Z_95 * variance.sqrt();
    Ok(Effect {
        d,
        g,
        variance,
        interval: Interval {
            low: g - half,
            high: g + half,
        },
        correlation,
    })
}

/// The effect of `population`, with the correlation taken from the real `pairs` in it: a score carried forward
/// correlates with itself and would make the interval too narrow. `gain` is the mean gain of the population.
///
/// # Errors
/// [`NoEffect`] when the figures do not allow one.
pub fn pre_post_effect(
    population: &Moments,
    pairs: &Moments,
    gain: f64,
) -> Result<Effect, NoEffect> {
    if pairs.n() < 3 {
        return Err(NoEffect::TooFew);
    }
    let correlation = pairs.correlation().ok_or(NoEffect::NoSpread)?;
    let sd_first = population.sd_first().ok_or(NoEffect::TooFew)?;
    effect_size(population.n(), gain, sd_first, correlation)
}
