//! When a flag for review became a crisis flag. Its row says only what it is today; each answer that made it wait for a person sooner is kept with its moment, and so is what the site
//! set and what was known of the patient's answers then. So the answers are looked at again with the eyes of their own time.

use super::past_answers::{PAGE, known_at};
use super::policy_history::PolicyHistory;
use crate::domain::ids::{FlagId, OrgId, PatientId};
use crate::domain::instrument::Library;
use crate::domain::risk::rules::hit_of;
use crate::domain::risk::{HowAnswered, PHRASE_RULE, Tier};
use crate::store::known_level::KnownLevelRow;
use crate::store::safety::{self, RisenRow};
use crate::store::{Fault, Tx, past};
use chrono::NaiveDateTime;
use chrono_tz::Tz;
use std::collections::HashMap;

/// The eyes of the answers' own time.
#[derive(Debug, Clone, Copy)]
pub struct Then<'a> {
    /// Every definition.
    pub library: &'static Library,
    /// What the site set.
    pub policies: &'a PolicyHistory,
    /// On whose calendar a known level ends.
    pub zone: Tz,
}

/// Of the crisis flags raised in a span of time those that were raised for review, each with the moment from which on it was a crisis flag. What cannot be told is left out: it is
/// judged as if it had been one at once.
///
/// # Errors
/// When the database fails.
pub fn became_crisis(
    tx: &mut Tx,
    org: OrgId,
    (from, until): (NaiveDateTime, NaiveDateTime),
    then: Then<'_>,
) -> Result<HashMap<FlagId, NaiveDateTime>, Fault> {
    let rows = safety::risen_between(tx, org, from, until)?;
    let mut patients: Vec<PatientId> = rows.iter().map(|row| row.patient_id).collect();
    patients.sort_unstable_by_key(|id| *id.bytes());
    patients.dedup();
    let mut known: HashMap<PatientId, Vec<KnownLevelRow>> = HashMap::new();
    for some in patients.chunks(PAGE) {
        for row in past::known_levels(tx, org, some)? {
            known.entry(row.patient_id).or_default().push(row);
        }
    }
    let mut flags: HashMap<FlagId, Vec<RisenRow>> = HashMap::new();
    for row in rows {
        flags.entry(row.answer.flag_id).or_default().push(row);
    }
    let of = |row: &RisenRow| known.get(&row.patient_id).map_or(&[][..], Vec::as_slice);
    Ok(flags
        .into_iter()
        .filter_map(|(flag, rows)| {
            let for_review = |row: &&RisenRow| tier_then(row, of(row), then) == Some(Tier::Review);
            let before = rows.iter().take_while(for_review).count();
            let became = rows.get(before).filter(|_| before > 0)?;
            Some((flag, became.answer.at))
        })
        .collect())
}

/// The tier an answer asked for when it came.
fn tier_then(row: &RisenRow, known: &[KnownLevelRow], then: Then<'_>) -> Option<Tier> {
    let answer = &row.answer;
    if answer.rule == PHRASE_RULE {
        return Some(Tier::Crisis);
    }
    let instrument = then.library.version(&answer.instrument, &answer.version)?;
    let hit = hit_of(instrument, &answer.rule, answer.answer.try_into().ok()?)?;
    let named = (answer.instrument.as_str(), answer.rule.as_str());
    // What somebody else answers about a patient is never expected.
    let known = match row.informant_id {
        None => known_at(known, named, answer.at, then.zone),
        Some(_) => None,
    };
    let policy = match answer.how == HowAnswered::Raised.word() {
        true => then.policies.version(row.policy),
        false => then.policies.at(answer.at),
    };
    policy.tier_of(&answer.instrument, &hit, known)
}
