//! What a site may set about safety, as data: how soon people must act, which answers are whose business how soon, known levels, the duty contact, which signals of the lower
//! tier there are. Defaults are safe; what a site changes is stored as a new version. What follows from it is decided in the rooms beside this file.

use super::Tier;
use super::rules::RiskHit;
use chrono::{NaiveTime, TimeDelta};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything about safety that a site may set. A missing key in a stored version has its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SafetyPolicy {
    /// How soon people must act.
    pub clocks: Clocks,
    /// What differs from the definitions' own rules, by `instrument.rule` (`phq9.item9`).
    pub rules: BTreeMap<String, RuleSetting>,
    /// What a licensed person may say about a patient whose low answers are known.
    pub known_level: KnownLevelRule,
    /// Who is told when nobody licensed is here; `None`: an alarm on the site's pages alone.
    pub duty: Option<DutyContact>,
    /// The signals of the lower tier.
    pub signals: SignalRules,
    /// Whether sentences in patients' own words are looked through for the phrases of `risk::phrases`.
    pub phrases: bool,
    /// When the day's digest of signals leaves, on the site's clock.
    pub digest_at: NaiveTime,
}

/// How soon people must act. The defaults are those of our safety requirements (R39); no standard seen sets minutes, the Joint Commission's NPSG.15.01.01
/// asks for a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Clocks {
    /// Minutes (1–60) until a crisis flag must be acknowledged, while the site reads.
    pub acknowledge_minutes: u32,
    /// Minutes (1–240) outside reading hours.
    pub acknowledge_minutes_outside: u32,
    /// Minutes (1–60) between two further steps, each telling the next person.
    pub then_every_minutes: u32,
    /// Hours (1–72) after the answer from which on a crisis flag that somebody has is overdue.
    pub close_hours: u32,
    /// Working days (1–10) until a flag of the lower tier must be acknowledged.
    pub review_working_days: u32,
    /// Working days (1–30) until a flag of the lower tier that somebody has must be closed.
    pub review_close_working_days: u32,
}

impl Default for Clocks {
    fn default() -> Self {
        Clocks {
            acknowledge_minutes: 15,
            acknowledge_minutes_outside: 60,
            then_every_minutes: 15,
            close_hours: 24,
            review_working_days: 1,
            review_close_working_days: 3,
        }
    }
}

impl Clocks {
    /// Until a crisis flag must be acknowledged while the site reads.
    pub fn acknowledge_in_hours(&self) -> TimeDelta {
        TimeDelta::minutes(self.acknowledge_minutes.into())
    }
    /// The same outside reading hours.
    pub fn acknowledge_outside(&self) -> TimeDelta {
        TimeDelta::minutes(self.acknowledge_minutes_outside.into())
    }
    /// Between two further steps.
    pub fn then_every(&self) -> TimeDelta {
        TimeDelta::minutes(self.then_every_minutes.into())
    }
    /// After the answer, until a crisis flag that somebody has is overdue.
    pub fn close_within(&self) -> TimeDelta {
        TimeDelta::hours(self.close_hours.into())
    }
}

/// What a site sets about one rule of a definition. A rule cannot be switched off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleSetting {
    /// The lowest answer that raises a flag, where it is higher than the definition's; `None`: the definition's.
    pub at_least: Option<i16>,
    /// Another tier; `None`: the definition's.
    pub tier: Option<TierWord>,
}

/// A [`Tier`] as policies are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TierWord {
    /// [`Tier::Crisis`].
    Crisis,
    /// [`Tier::Review`].
    Review,
}

impl From<TierWord> for Tier {
    fn from(word: TierWord) -> Tier {
        match word {
            TierWord::Crisis => Tier::Crisis,
            TierWord::Review => Tier::Review,
        }
    }
}

/// What a licensed person may say about a patient whose low answers are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KnownLevelRule {
    /// How far up the firing answers a known level may reach: 1 is the lowest answer that raises a flag. 0: there are no known levels.
    pub grades: u16,
    /// After so many days (1–180) it has to be said anew.
    pub days_most: u32,
}

impl Default for KnownLevelRule {
    fn default() -> Self {
        KnownLevelRule {
            grades: 1,
            days_most: 90,
        }
    }
}

/// Who is told when nobody licensed is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DutyContact {
    /// As people know them: `Duty telephone, Harbor Street`.
    pub name: String,
    /// Where the notice goes.
    pub email: String,
}

/// The signals of the lower tier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SignalRules {
    /// Reliably worse than at the start.
    pub deteriorated: bool,
    /// No reliable improvement so many weeks (2–52) after the first score, and still at or above the cut-off; `None`: never.
    pub not_on_track_weeks: Option<u32>,
    /// No answer for so many days (7–180); `None`: never.
    pub silent_days: Option<u32>,
    /// A score reaches the cut-off that the one before did not, or the first one does.
    pub in_need: bool,
}

impl Default for SignalRules {
    fn default() -> Self {
        SignalRules {
            deteriorated: true,
            not_on_track_weeks: Some(8),
            silent_days: Some(28),
            in_need: true,
        }
    }
}

impl Default for SafetyPolicy {
    fn default() -> Self {
        SafetyPolicy {
            clocks: Clocks::default(),
            rules: BTreeMap::new(),
            known_level: KnownLevelRule::default(),
            duty: None,
            signals: SignalRules::default(),
            phrases: true,
            digest_at: NaiveTime::from_hms_opt(7, 30, 0).expect("a real time of day"),
        }
    }
}

/// Up to which answer a licensed person knows a patient's answers to one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The highest answer that is known.
    pub up_to: i16,
}

impl SafetyPolicy {
    /// The word under which versions of this policy are stored.
    pub const KIND: &'static str = "safety";

    /// How soon a person must look at this hit; `None` when the site's threshold lies above it.
    ///
    /// A known level lowers the tier and never takes the flag away; an answer above it is as if there were none.
    #[must_use]
    pub fn tier_of(
        &self,
        instrument: &str,
        hit: &RiskHit<'_>,
        known: Option<Known>,
    ) -> Option<Tier> {
        let setting = self.setting(instrument, &hit.rule.id);
        if setting.at_least.is_some_and(|least| hit.value < least) {
            return None;
        }
        let tier = setting.tier.map_or(hit.rule.tier, Tier::from);
        let expected = known.is_some_and(|known| hit.value <= known.up_to)
            && hit.grade <= self.known_level.grades;
        Some(if expected { Tier::Review } else { tier })
    }

    /// What the site set about a rule.
    #[must_use]
    pub fn setting(&self, instrument: &str, rule: &str) -> RuleSetting {
        self.rules
            .get(&format!("{instrument}.{rule}"))
            .copied()
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::evaluate;
    use super::*;
    use crate::domain::instrument::{Answers, Library};

    fn tier(policy: &SafetyPolicy, value: i16, known: Option<Known>) -> Option<Tier> {
        let instrument = Library::embedded().get("phq9").unwrap();
        let mut answers = Answers::none(instrument);
        answers.set(instrument, 8, value).unwrap();
        let hits = evaluate(instrument, &answers);
        policy.tier_of("phq9", hits.first()?, known)
    }

    #[test]
    fn as_shipped_every_answer_that_a_rule_names_is_a_crisis_answer() {
        let policy = SafetyPolicy::default();
        assert_eq!(tier(&policy, 0, None), None);
        for value in 1..=3 {
            assert_eq!(tier(&policy, value, None), Some(Tier::Crisis));
        }
    }

    #[test]
    fn a_known_level_lowers_the_tier_and_mutes_no_rise() {
        let policy = SafetyPolicy::default();
        let known = Some(Known { up_to: 1 });
        assert_eq!(tier(&policy, 1, known), Some(Tier::Review));
        assert_eq!(tier(&policy, 2, known), Some(Tier::Crisis));
        // Whatever was written down, it reaches no further than the site lets it.
        let too_far = Some(Known { up_to: 3 });
        assert_eq!(tier(&policy, 3, too_far), Some(Tier::Crisis));
    }

    #[test]
    fn a_site_may_ask_for_a_higher_answer_and_another_tier() {
        let setting = RuleSetting {
            at_least: Some(2),
            tier: Some(TierWord::Review),
        };
        let id = &Library::embedded().get("phq9").unwrap().risk_rules[0].id;
        let policy = SafetyPolicy {
            rules: [(format!("phq9.{id}"), setting)].into(),
            ..SafetyPolicy::default()
        };
        assert_eq!(tier(&policy, 1, None), None);
        assert_eq!(tier(&policy, 2, None), Some(Tier::Review));
    }

    #[test]
    fn a_stored_version_without_a_newer_key_has_its_default() {
        let policy: SafetyPolicy =
            serde_json::from_str(r#"{"clocks": {"acknowledge_minutes": 10}}"#).unwrap();
        assert_eq!(policy.clocks.acknowledge_minutes, 10);
        assert_eq!(policy.clocks.then_every_minutes, 15);
        let written = serde_json::to_string(&policy).unwrap();
        assert_eq!(
            serde_json::from_str::<SafetyPolicy>(&written).unwrap(),
            policy
        );
    }
}
