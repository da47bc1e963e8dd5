//! Which of the site's safety policies held when: for looking back at answers with the eyes of their own time. What holds now is `safety_in_force`.

use crate::domain::ids::OrgId;
use crate::domain::risk::policy::SafetyPolicy;
use crate::domain::risk::rules::RiskHit;
use crate::store::past::{LONGEST_FORM, PastRow};
use crate::store::policy::{self, Dated};
use crate::store::{Fault, Tx};
use chrono::{NaiveDateTime, TimeDelta};

/// An answer may be saved in the moment in which the policy changes.
const AROUND_A_CHANGE: TimeDelta = TimeDelta::seconds(60);

/// Every policy there ever was, each with the moment from which on it held.
#[derive(Debug, Clone)]
pub struct PolicyHistory {
    shipped: SafetyPolicy,
    versions: Vec<Dated<SafetyPolicy>>,
}

impl PolicyHistory {
    /// Reads it.
    ///
    /// # Errors
    /// When a stored version cannot be read, or the database fails.
    pub fn read(tx: &mut Tx, org: OrgId) -> Result<PolicyHistory, Fault> {
        Ok(PolicyHistory {
            shipped: SafetyPolicy::default(),
            versions: policy::every(tx, org, SafetyPolicy::KIND)?,
        })
    }

    /// The policy that held at a moment.
    #[must_use]
    pub fn at(&self, moment: NaiveDateTime) -> &SafetyPolicy {
        let mut newest_first = self.versions.iter().rev();
        let held = newest_first.find(|version| version.from <= moment);
        held.map_or(&self.shipped, |version| &version.rules)
    }

    /// The policy with this number; the shipped one for 0 and for what is not there.
    #[must_use]
    pub fn version(&self, number: i32) -> &SafetyPolicy {
        let known = self.versions.iter().find(|one| one.version == number);
        known.map_or(&self.shipped, |version| &version.rules)
    }

    /// Whether the site never asked for a higher answer than a definition does.
    #[must_use]
    pub fn never_raised_a_threshold(&self) -> bool {
        let rules = self
            .versions
            .iter()
            .flat_map(|one| one.rules.rules.values());
        rules.clone().all(|setting| setting.at_least.is_none())
    }

    /// Whether the site's threshold may have stood above this answer at any moment at which it can have been saved.
    #[must_use]
    pub fn below_threshold(&self, row: &PastRow, hit: &RiskHit<'_>) -> bool {
        let from = row.begun_at().min(row.started_at) - AROUND_A_CHANGE;
        let last = match row.completed_at {
            Some(_) => row.last_at(),
            None => row.last_at() + LONGEST_FORM,
        };
        self.held_between(from, last + AROUND_A_CHANGE)
            .any(|policy| policy.tier_of(&row.instrument, hit, None).is_none())
    }

    /// Every policy that held at some moment of a span.
    fn held_between(
        &self,
        from: NaiveDateTime,
        until: NaiveDateTime,
    ) -> impl Iterator<Item = &SafetyPolicy> {
        let later = self
            .versions
            .iter()
            .filter(move |version| version.from > from && version.from <= until);
        std::iter::once(self.at(from)).chain(later.map(|version| &version.rules))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::instrument::{Answers, Library};
    use crate::domain::risk::policy::RuleSetting;
    use crate::domain::risk::rules::evaluate;
    use crate::store::past::key_at;
    use uuid::Uuid;

    fn at(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
    }

    /// From noon to three only answers from 2 on were flagged.
    fn history() -> PolicyHistory {
        let rule = &Library::embedded().get("phq9").unwrap().risk_rules[0].id;
        let higher = SafetyPolicy {
            rules: [(
                format!("phq9.{rule}"),
                RuleSetting {
                    at_least: Some(2),
                    tier: None,
                },
            )]
            .into(),
            ..SafetyPolicy::default()
        };
        let version = |version, from, rules| Dated {
            version,
            from: at(from),
            rules,
        };
        PolicyHistory {
            shipped: SafetyPolicy::default(),
            versions: vec![
                version(1, "2026-03-02 12:00", higher),
                version(2, "2026-03-02 15:00", SafetyPolicy::default()),
            ],
        }
    }

    fn answered(moment: &str, value: i16) -> bool {
        let instrument = Library::embedded().get("phq9").unwrap();
        let mut answers = Answers::none(instrument);
        answers.set(instrument, 8, value).unwrap();
        let hits = evaluate(instrument, &answers);
        let nil = Uuid::nil();
        let row = PastRow {
            id: key_at(at(moment)),
            administration_id: crate::domain::ids::Id::from_uuid(nil),
            episode_id: crate::domain::ids::Id::from_uuid(nil),
            instrument: "phq9".into(),
            version: "1".into(),
            answers: String::new(),
            started_at: at(moment),
            completed_at: Some(at(moment)),
            carried: None,
        };
        history().below_threshold(&row, &hits[0])
    }

    #[test]
    fn a_threshold_excuses_only_answers_of_its_own_time() {
        assert!(!answered("2026-03-02 11:00", 1));
        assert!(answered("2026-03-02 13:00", 1));
        assert!(!answered("2026-03-02 13:00", 2));
        assert!(!answered("2026-03-02 16:00", 1));
        assert!(
            answered("2026-03-02 15:00", 1),
            "in the minute of the change"
        );
    }

    #[test]
    fn a_key_carries_its_moment() {
        let moment = at("2026-03-02 12:34");
        let row = PastRow {
            id: key_at(moment),
            administration_id: crate::domain::ids::Id::from_uuid(Uuid::nil()),
            episode_id: crate::domain::ids::Id::from_uuid(Uuid::nil()),
            instrument: String::new(),
            version: String::new(),
            answers: String::new(),
            started_at: at("2026-03-01 00:00"),
            completed_at: None,
            carried: None,
        };
        assert_eq!(row.begun_at(), moment);
    }
}
