//! What the figures of an evaluation mean, in sentences that stand beside them.
//!
//! Not here: the figures.

use super::Detail;
use crate::domain::change::{ChangeParameters, Direction, compare, plain_points};

/// Every figure's meaning, to stand beside the figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// Which episodes count as started and ended.
    pub episodes: String,
    /// What paired scores are, and of how many.
    pub paired: String,
    /// Who the completers are.
    pub completers: String,
    /// Who everyone is.
    pub everyone: String,
    /// The effect size's method.
    pub effect: String,
    /// The interval of the shares.
    pub rates: String,
    /// The rule of reliable change.
    pub reliable_change: String,
    /// The rule and denominator of treatment response, if the scale has it.
    pub treatment_response: Option<String>,
    /// The rule and denominator of remission, if the scale has it.
    pub remission: Option<String>,
    /// What is suppressed.
    pub suppression: String,
    /// What the figures cannot show.
    pub limits: String,
}

impl Words {
    pub(super) fn of(parameters: &ChangeParameters, detail: Detail) -> Self {
        let basis = compare(parameters, 0.0, 0.0).basis;
        let start = plain_points(parameters.criterion_start());
        let asked = |rule: Option<String>| {
            rule.map(|rule| {
                format!(
                    "{rule} Completers: of those whose first score is {start} or more. Everyone: of all who ended, \
                     less those known to have started below {start}; people without a score stay in."
                )
            })
        };
        Self {
            episodes: "Started: the episode's first day lies in the period. Ended: its last day does. Outcomes are \
                       those of episodes that ended; people still in care have none yet."
                .into(),
            paired: "Paired scores: a first and a last score on different days, of all episodes that ended.".into(),
            completers: "Completers: ended as planned, with paired scores. Every rate is out of these.".into(),
            everyone: "Everyone: every episode that ended, whatever the ending. People without paired scores stay in \
                       the denominator and count as not shown to have changed, so each rate is the least that can be \
                       said. In the means, the last known score is carried forward; people without any score are not \
                       in them."
                .into(),
            effect: effect_words(parameters.direction),
            rates: "Rates: Wilson 95 % interval.".into(),
            reliable_change: basis.reliable,
            treatment_response: asked(basis.treatment_response),
            remission: asked(basis.remission),
            suppression: format!(
                "Numbers from 1 to 10 are hidden, and so are others that would give one away. 0 is shown. \
                 Percentages and means that stand on a hidden number are hidden too.{}",
                detail_words(detail)
            ),
            limits: "A change is not proof that care caused it: people who start with high scores tend to come down \
                     without care as well."
                .into(),
        }
    }
}

fn detail_words(detail: Detail) -> &'static str {
    match detail {
        Detail::Cells => "",
        Detail::Rows => {
            " The figures stand by program and not by clinic: by both, even the totals would have to be hidden."
        }
        Detail::Columns => {
            " The figures stand by clinic and not by program: by both, even the totals would have to be hidden."
        }
        Detail::Whole => {
            " The figures stand for all programs and clinics together: divided further, even the totals would have to be hidden."
        }
    }
}

fn effect_words(direction: Direction) -> String {
    let gain = match direction {
        Direction::HigherIsWorse => "mean first less mean last score",
        Direction::HigherIsBetter => "mean last less mean first score",
    };
    format!(
        "Effect size: {gain}, over the standard deviation of the first scores (d), with Hedges' correction (g) and its \
         95 % interval (Morris 2008; large-sample variance, correlation of first and last from the pairs). Above 0 is better."
    )
}
