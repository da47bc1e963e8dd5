//! Yes-or-no rules over answers: criteria, and the risk rules a person must see. Not here: judging them.

use super::{Limit, Position, Wanted};
use crate::domain::risk::Tier;

/// A yes-or-no rule over the answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Criterion {
    /// The name in exports: `provisional_ptsd`.
    pub id: String,
    /// What must hold.
    pub condition: Condition,
    /// Where it was published.
    pub source: String,
}

/// What a criterion asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// So many of these items are answered so.
    Count {
        /// Which item counts, and with which answers.
        endorsed: Vec<Endorsed>,
        /// The fewest that must count.
        at_least: u16,
        /// The most that may count; `None` = any number.
        at_most: Option<u16>,
    },
    /// A score on this scale (its place in the definition) reaches a limit; open while there is no score.
    Score {
        /// The scale's place among [`super::Instrument::scales`].
        scale: usize,
        /// What it must reach.
        limit: Limit,
    },
    /// Every one of these holds.
    All(Vec<Condition>),
    /// At least one of these holds.
    Any(Vec<Condition>),
}

impl Condition {
    /// Whether the answer to this item has a part in it, other than by a score.
    #[must_use]
    pub fn looks_at(&self, position: Position) -> bool {
        match self {
            Condition::Count { endorsed, .. } => {
                endorsed.iter().any(|one| one.position == position)
            }
            Condition::Score { .. } => false,
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().any(|part| part.looks_at(position))
            }
        }
    }
}

/// When an item counts for a criterion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endorsed {
    /// Which item.
    pub position: Position,
    /// The answers that count.
    pub wanted: Wanted,
}

/// A rule over one answer that a person must see. What happens to the flag it raises is not the definition's business.
#[derive(Debug, Clone, PartialEq)]
pub struct RiskRule {
    /// The name in exports.
    pub id: String,
    /// The rule's own version, kept with every flag it raises.
    pub version: String,
    /// Which item.
    pub item: Position,
    /// The answers that raise a flag.
    pub wanted: Wanted,
    /// How soon a person must look.
    pub tier: Tier,
    /// Where the rule comes from, ready to be shown.
    pub source: String,
}
