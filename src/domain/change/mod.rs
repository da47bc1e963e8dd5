//! Individual change: what the difference between two scores of one scale may be called, and on what ground.
//!
//! Here live the change parameters an instrument's definition states and the judgement of a first and a last score.
//! Not here: scoring, expected courses, and anything about more than one episode (see `evaluation`).
//! Change is judged against measurement error only; "worse than expected" is another question and another word.

mod basis;
mod parameters;
mod reliable;
#[cfg(test)]
mod tests;

pub use basis::{Basis, plain_points};
pub use parameters::{
    Alternative, ChangeParameters, Direction, Important, ParameterFault, ReliabilityKind,
    ReliableLimit, Statistics,
};
pub use reliable::{Reliability, ReliabilityFault, Z_95};

/// Room for the rounding of prorated scores, far below any step of a scale; without it 6.0 might miss a limit of 6.
const ROUNDING: f64 = 1e-9;

/// What the difference means against the scale's measurement error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Better by at least the reliable points.
    ReliablyImproved,
    /// Worse by at least the reliable points.
    ReliablyDeteriorated,
    /// A difference the questionnaire cannot tell from measurement error.
    NoReliableChange,
    /// Nobody has published a limit for this scale, so nothing is said.
    NoPublishedLimit,
}

/// Whether a criterion that asks for a certain starting score is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Attainment {
    /// The criterion is met.
    Reached,
    /// The starting score qualifies, the criterion is not met.
    NotReached,
    /// The starting score does not qualify, so the question is not asked.
    StartedBelow,
}

/// The figures of a comparison, without words. Cheap to make for a million episodes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// Last minus first, in points of the scale.
    pub delta: f64,
    /// Against measurement error.
    pub verdict: Verdict,
    /// Treatment response; `None` when the scale defines none.
    pub treatment_response: Option<Attainment>,
    /// Remission; `None` when the scale defines none.
    pub remission: Option<Attainment>,
}

/// A judgement with the ground it stands on.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Last minus first, in points of the scale.
    pub delta: f64,
    /// Against measurement error.
    pub verdict: Verdict,
    /// Treatment response; `None` when the scale defines none.
    pub treatment_response: Option<Attainment>,
    /// Remission; `None` when the scale defines none.
    pub remission: Option<Attainment>,
    /// The limits used and where they were published, ready to be shown.
    pub basis: Basis,
}

/// Judges two scores of one scale and says on what ground.
///
/// `first` and `last` are scores in points of the same scale and instrument version.
#[must_use]
pub fn compare(parameters: &ChangeParameters, first: f64, last: f64) -> Change {
    let judgement = judge(parameters, first, last);
    Change {
        delta: judgement.delta,
        verdict: judgement.verdict,
        treatment_response: judgement.treatment_response,
        remission: judgement.remission,
        basis: Basis::of(parameters, judgement.delta),
    }
}

/// The same judgement as [`compare`], figures only.
#[must_use]
pub fn judge(parameters: &ChangeParameters, first: f64, last: f64) -> Judgement {
    let delta = last - first;
    Judgement {
        delta,
        verdict: match parameters.reliable_limit() {
            Some(limit) => verdict(parameters.direction, limit.points(), delta),
            None => Verdict::NoPublishedLimit,
        },
        treatment_response: treatment_response(parameters, first, last),
        remission: remission(parameters, first, last),
    }
}

/// The verdict on a difference for a given limit, in points. A change of exactly the limit is reliable: published
/// limits are whole points, rounded up from the formula's value.
pub(crate) fn verdict(direction: Direction, reliable_points: f64, delta: f64) -> Verdict {
    let gain = direction.gain(delta);
    if gain >= reliable_points - ROUNDING {
        Verdict::ReliablyImproved
    } else if -gain >= reliable_points - ROUNDING {
        Verdict::ReliablyDeteriorated
    } else {
        Verdict::NoReliableChange
    }
}

fn treatment_response(parameters: &ChangeParameters, first: f64, last: f64) -> Option<Attainment> {
    let share = parameters.treatment_response_share?;
    if !parameters.starts_high_enough(first) {
        return Some(Attainment::StartedBelow);
    }
    let fall = parameters.direction.gain(last - first);
    Some(attained(fall >= share * first - ROUNDING))
}

fn remission(parameters: &ChangeParameters, first: f64, last: f64) -> Option<Attainment> {
    let below = parameters.remission_below?;
    if !parameters.starts_high_enough(first) {
        return Some(Attainment::StartedBelow);
    }
    Some(attained(last < below - ROUNDING))
}

fn attained(reached: bool) -> Attainment {
    if reached {
        Attainment::Reached
    } else {
        Attainment::NotReached
    }
}
