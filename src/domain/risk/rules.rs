//! Risk rules to hits: which answers a person must see. Fires on incomplete forms too, and as soon as the one answer is there.
//!
//! The rules themselves are in the definitions. Not here: the life of the flag a hit raises (the parent module).

use super::Tier;
use crate::domain::instrument::{Answer, Answers, Instrument, RiskRule};

/// An answer that a risk rule names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RiskHit<'a> {
    /// Which rule, in which version, and where it comes from.
    pub rule: &'a RiskRule,
    /// The item's printed number.
    pub item: &'a str,
    /// The answer given; of several ticks the highest that fires.
    pub value: i16,
    /// How far up the firing answers this one is, from 1.
    pub grade: u16,
}

impl RiskHit<'_> {
    /// How soon a person must look.
    #[must_use]
    pub fn tier(&self) -> Tier {
        self.rule.tier
    }
}

/// Every rule that these answers meet, in the definition's order.
///
/// An answer counts even when the item was not to be asked: somebody wrote it down.
#[must_use]
pub fn evaluate<'a>(instrument: &'a Instrument, answers: &Answers) -> Vec<RiskHit<'a>> {
    instrument
        .risk_rules
        .iter()
        .filter_map(|rule| hit(instrument, rule, answers))
        .collect()
}

/// The hit of an answer that was kept: what the rule of this name says of it; `None` when there is none, or it names no such answer.
#[must_use]
pub fn hit_of<'a>(instrument: &'a Instrument, rule: &str, value: i16) -> Option<RiskHit<'a>> {
    let mut rules = instrument.risk_rules.iter();
    let rule = rules.find(|known| known.id == rule && known.wanted.takes(value))?;
    graded(instrument, rule, value)
}

fn hit<'a>(
    instrument: &'a Instrument,
    rule: &'a RiskRule,
    answers: &Answers,
) -> Option<RiskHit<'a>> {
    let fires = |value: &i16| rule.wanted.takes(*value);
    let value = match answers.at(rule.item) {
        Answer::Value(value) => Some(value).filter(fires)?,
        Answer::Several(ticks) => ticks.values().rev().find(fires)?,
        Answer::Blank | Answer::Declined | Answer::Words => return None,
    };
    graded(instrument, rule, value)
}

fn graded<'a>(instrument: &'a Instrument, rule: &'a RiskRule, value: i16) -> Option<RiskHit<'a>> {
    let item = instrument.items.get(rule.item)?;
    let firing = item
        .values()
        .filter(|option| rule.wanted.takes(*option) && *option <= value);
    let grade = u16::try_from(firing.count()).unwrap_or(u16::MAX);
    Some(RiskHit {
        rule,
        item: &item.id,
        value,
        grade,
    })
}
