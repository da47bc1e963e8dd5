//! The ground of a judgement in short sentences, with the published source of each limit.
//!
//! Not here: the judgement itself.

use super::{ChangeParameters, Important, ReliableLimit, Verdict, verdict};

/// What a judgement stands on, one sentence each, ready to be shown to staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    /// The limit of reliable change and its source.
    pub reliable: String,
    /// The rule of treatment response and its source, if the scale has one.
    pub treatment_response: Option<String>,
    /// The rule of remission and its source, if the scale has one.
    pub remission: Option<String>,
    /// Other published limits, each with what it would say about this change.
    pub alternatives: Vec<String>,
    /// What patients notice, as published, one sentence each.
    pub important: Vec<String>,
}

impl Basis {
    /// What the parameters state, without a change to judge.
    #[must_use]
    pub fn stated(parameters: &ChangeParameters) -> Self {
        let others = parameters.alternatives.iter();
        Self {
            alternatives: others
                .map(|other| {
                    let points = plain_points(other.points);
                    let source = sentence(&other.source);
                    format!("Another published limit: {points} points. Source: {source}")
                })
                .collect(),
            ..Self::of(parameters, 0.0)
        }
    }

    pub(super) fn of(parameters: &ChangeParameters, delta: f64) -> Self {
        Self {
            reliable: reliable(parameters),
            treatment_response: treatment_response(parameters),
            remission: remission(parameters),
            alternatives: parameters
                .alternatives
                .iter()
                .map(|other| {
                    let said = words(verdict(parameters.direction, other.points, delta));
                    let points = plain_points(other.points);
                    format!(
                        "With a limit of {points} points: {said}. Source: {}",
                        sentence(&other.source)
                    )
                })
                .collect(),
            important: parameters.important.iter().map(important).collect(),
        }
    }
}

/// The limit in use and its source, or that there is none.
fn reliable(parameters: &ChangeParameters) -> String {
    match parameters.reliable_limit() {
        Some(ReliableLimit::Published { points, source }) => format!(
            "Reliable change: {} points or more. Source: {}",
            plain_points(points),
            sentence(source)
        ),
        Some(ReliableLimit::WorkedOut { points, statistics }) => format!(
            "Reliable change: {} points or more, worked out as 1.96 · SD · √2 · √(1 − r) from SD {} and {} reliability {}. Source: {}",
            plain_points(points),
            statistics.sd,
            statistics.reliability_kind.words(),
            statistics.reliability,
            sentence(&statistics.source)
        ),
        None => "Reliable change: no published limit.".to_owned(),
    }
}

fn important(stated: &Important) -> String {
    let amount = match (stated.points, stated.share) {
        (Some(points), _) => format!("{} points", plain_points(points)),
        (None, Some(share)) => format!("{} % of the first score", plain_points(share * 100.0)),
        (None, None) => "not stated".to_owned(),
    };
    format!(
        "Change that patients notice: {amount}. Source: {}",
        sentence(&stated.source)
    )
}

fn treatment_response(parameters: &ChangeParameters) -> Option<String> {
    let share = parameters.treatment_response_share?;
    let percent = plain_points(share * 100.0);
    Some(format!(
        "Treatment response: a fall of {percent} % or more{}. Source: {}",
        starting(parameters),
        sentence(
            parameters
                .treatment_response_source
                .as_deref()
                .unwrap_or("not stated")
        )
    ))
}

fn remission(parameters: &ChangeParameters) -> Option<String> {
    let below = parameters.remission_below?;
    Some(format!(
        "Remission: a last score below {}{}. Source: {}",
        plain_points(below),
        starting(parameters),
        sentence(
            parameters
                .remission_source
                .as_deref()
                .unwrap_or("not stated")
        )
    ))
}

fn starting(parameters: &ChangeParameters) -> String {
    let start = parameters.criterion_start();
    if start > 0.0 {
        format!(", from a first score of {} or more", plain_points(start))
    } else {
        String::new()
    }
}

fn words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::ReliablyImproved => "reliably improved",
        Verdict::ReliablyDeteriorated => "reliably worse",
        Verdict::NoReliableChange => "no reliable change",
        Verdict::NoPublishedLimit => "no published limit",
    }
}

fn sentence(source: &str) -> String {
    format!("{}.", source.trim_end_matches('.'))
}

/// A number of points without needless zeros: `6`, `5.6`, `9.3`.
#[must_use]
pub fn plain_points(points: f64) -> String {
    let rounded = (points * 10.0).round() / 10.0;
    // `-0` would be printed for small negative differences.
    let rounded = if rounded == 0.0 { 0.0 } else { rounded };
    format!("{rounded}")
}
