//! Stored responses of the past, a page at a time, for rehearsing rules and for counting answers anew. Ids carry the moment at which a response began, so that a span
//! of time is a span of the key. What the answers mean is the verbs' business.

use super::schema::{
    administration, episode, flag, flag_act, flag_answer, known_level, patient, response, staff,
};
use super::{Fault, Tx, seeded};
use crate::domain::ids::{
    AdministrationId, ClinicId, EpisodeId, FlagId, InformantId, OrgId, PatientId, ProgramId,
    ResponseId, StaffId,
};
use crate::domain::risk::Act;
use crate::store::flag::FlagAnswerRow;
use crate::store::known_level::KnownLevelRow;
use chrono::{DateTime, NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use std::collections::HashSet;

/// A form is begun at most so long before its last answer: the longest window a site may set, and a day for clocks.
pub const LONGEST_FORM: TimeDelta = TimeDelta::days(15);

/// A response as far as rules look at it.
#[derive(Debug, Clone, Queryable)]
pub struct PastRow {
    /// Id.
    pub id: ResponseId,
    /// The occasion.
    pub administration_id: AdministrationId,
    /// The episode.
    pub episode_id: EpisodeId,
    /// Which instrument.
    pub instrument: String,
    /// In which version.
    pub version: String,
    /// The answers as JSON.
    pub answers: String,
    /// When the first answer was given, UTC.
    pub started_at: NaiveDateTime,
    /// When it was handed in, UTC.
    pub completed_at: Option<NaiveDateTime>,
    /// Printed numbers of the items whose answers came with the form that opened this one.
    pub carried: Option<String>,
}

impl PastRow {
    /// When it reached us: a paper form is put down later than it was answered.
    #[must_use]
    pub fn begun_at(&self) -> NaiveDateTime {
        let bytes = self.id.bytes();
        let millis = bytes
            .iter()
            .take(6)
            .fold(0_i64, |sum, byte| sum << 8 | i64::from(*byte));
        DateTime::from_timestamp_millis(millis).map_or(self.started_at, |at| at.naive_utc())
    }

    /// The last moment known at which its answers may have been saved.
    #[must_use]
    pub fn last_at(&self) -> NaiveDateTime {
        let begun = self.begun_at();
        self.completed_at.map_or(begun, |at| at.max(begun))
    }
}

/// Whose answers an episode's are.
#[derive(Debug, Clone, Queryable)]
pub struct Whose {
    /// The episode.
    pub episode_id: EpisodeId,
    /// The patient.
    pub patient_id: PatientId,
    /// Where they are cared for.
    pub clinic_id: ClinicId,
    /// In which program.
    pub program_id: ProgramId,
    /// Their clinician.
    pub clinician_id: StaffId,
}

/// The key before everything that began at this moment.
#[must_use]
pub fn key_at(at: NaiveDateTime) -> ResponseId {
    seeded(at, &[0; 10])
}

/// The next responses to these instruments behind a key, before another.
///
/// # Errors
/// When the database fails.
pub fn page(
    tx: &mut Tx,
    org: OrgId,
    instruments: &[String],
    (after, before): (ResponseId, ResponseId),
    most: i64,
) -> Result<Vec<PastRow>, Fault> {
    Ok(response::table
        .filter(
            response::org_id
                .eq(org)
                .and(response::id.gt(after))
                .and(response::id.lt(before))
                .and(response::instrument.eq_any(instruments)),
        )
        .order(response::id)
        .limit(most)
        .select((
            response::id,
            response::administration_id,
            response::episode_id,
            response::instrument,
            response::version,
            response::answers,
            response::started_at,
            response::completed_at,
            response::carried,
        ))
        .load(&mut tx.db)?)
}

/// These responses.
///
/// # Errors
/// When the database fails.
pub fn by_ids(tx: &mut Tx, org: OrgId, ids: &[ResponseId]) -> Result<Vec<PastRow>, Fault> {
    Ok(response::table
        .filter(response::org_id.eq(org).and(response::id.eq_any(ids)))
        .select((
            response::id,
            response::administration_id,
            response::episode_id,
            response::instrument,
            response::version,
            response::answers,
            response::started_at,
            response::completed_at,
            response::carried,
        ))
        .load(&mut tx.db)?)
}

/// Whose answers these episodes' are.
///
/// # Errors
/// When the database fails.
pub fn whose(tx: &mut Tx, org: OrgId, ids: &[EpisodeId]) -> Result<Vec<Whose>, Fault> {
    Ok(episode::table
        .filter(episode::org_id.eq(org).and(episode::id.eq_any(ids)))
        .select((
            episode::id,
            episode::patient_id,
            episode::clinic_id,
            episode::program_id,
            episode::clinician_id,
        ))
        .load(&mut tx.db)?)
}

/// Which of these occasions somebody else answered.
///
/// # Errors
/// When the database fails.
pub fn informed(
    tx: &mut Tx,
    org: OrgId,
    ids: &[AdministrationId],
) -> Result<Vec<(AdministrationId, Option<InformantId>)>, Fault> {
    Ok(administration::table
        .filter(
            administration::org_id
                .eq(org)
                .and(administration::id.eq_any(ids))
                .and(administration::informant_id.is_not_null()),
        )
        .select((administration::id, administration::informant_id))
        .load(&mut tx.db)?)
}

/// What was ever said to be known of these patients' answers.
///
/// # Errors
/// When the database fails.
pub fn known_levels(
    tx: &mut Tx,
    org: OrgId,
    ids: &[PatientId],
) -> Result<Vec<KnownLevelRow>, Fault> {
    Ok(known_level::table
        .filter(
            known_level::org_id
                .eq(org)
                .and(known_level::patient_id.eq_any(ids)),
        )
        .order(known_level::id)
        .load(&mut tx.db)?)
}

/// The answers of these responses that belong to flags.
///
/// # Errors
/// When the database fails.
pub fn flagged(tx: &mut Tx, org: OrgId, ids: &[ResponseId]) -> Result<Vec<FlagAnswerRow>, Fault> {
    Ok(flag_answer::table
        .filter(
            flag_answer::org_id
                .eq(org)
                .and(flag_answer::response_id.eq_any(ids)),
        )
        .load(&mut tx.db)?)
}

/// The responses of these occasions that have an answer on a flag.
///
/// # Errors
/// When the database fails.
pub fn flagged_on(
    tx: &mut Tx,
    org: OrgId,
    episodes: &[EpisodeId],
    ids: &[AdministrationId],
) -> Result<Vec<(AdministrationId, ResponseId)>, Fault> {
    Ok(response::table
        .inner_join(
            flag_answer::table.on(flag_answer::org_id
                .eq(response::org_id)
                .and(flag_answer::response_id.eq(response::id.nullable()))),
        )
        .filter(
            response::org_id
                .eq(org)
                .and(response::episode_id.eq_any(episodes))
                .and(response::administration_id.eq_any(ids)),
        )
        .select((response::administration_id, response::id))
        .load(&mut tx.db)?)
}

/// An answer that belongs to a flag, with that flag's tier, state and clinician.
#[derive(Debug, Clone, Queryable)]
pub struct Flagged {
    /// The answer.
    pub answer: FlagAnswerRow,
    /// Its flag's tier, as a word.
    pub tier: String,
    /// Its flag's state, as a word.
    pub state: String,
    /// Whose patient it is about.
    pub clinician_id: StaffId,
}

/// Every answer that was put on a flag in a span of time.
///
/// # Errors
/// When the database fails.
pub fn flagged_between(
    tx: &mut Tx,
    org: OrgId,
    from: NaiveDateTime,
    until: NaiveDateTime,
) -> Result<Vec<Flagged>, Fault> {
    Ok(flag_answer::table
        .inner_join(
            flag::table.on(flag::org_id
                .eq(flag_answer::org_id)
                .and(flag::id.eq(flag_answer::flag_id))),
        )
        .inner_join(
            episode::table.on(episode::org_id
                .eq(flag::org_id)
                .and(episode::id.eq(flag::episode_id))),
        )
        .filter(
            flag_answer::org_id
                .eq(org)
                .and(flag_answer::at.ge(from))
                .and(flag_answer::at.lt(until)),
        )
        .order((flag_answer::at, flag_answer::id))
        .select((
            flag_answer::all_columns,
            flag::tier,
            flag::state,
            episode::clinician_id,
        ))
        .load(&mut tx.db)?)
}

/// Which of these flags say in their history that the patient changed the answer.
///
/// # Errors
/// When the database fails.
pub fn changed(tx: &mut Tx, org: OrgId, ids: &[FlagId]) -> Result<HashSet<FlagId>, Fault> {
    Ok(flag_act::table
        .filter(
            flag_act::org_id
                .eq(org)
                .and(flag_act::flag_id.eq_any(ids))
                .and(flag_act::act.eq(Act::AnswerChanged.word())),
        )
        .select(flag_act::flag_id)
        .load(&mut tx.db)?
        .into_iter()
        .collect())
}

/// A flag as far as it is counted.
#[derive(Debug, Clone, Queryable)]
pub struct Raised {
    /// Id.
    pub id: FlagId,
    /// Its state, as a word.
    pub state: String,
    /// When it was raised.
    pub raised_at: NaiveDateTime,
}

/// Every flag that was raised in a span of time.
///
/// # Errors
/// When the database fails.
pub fn raised_between(
    tx: &mut Tx,
    org: OrgId,
    from: NaiveDateTime,
    until: NaiveDateTime,
) -> Result<Vec<Raised>, Fault> {
    Ok(flag::table
        .filter(
            flag::org_id
                .eq(org)
                .and(flag::raised_at.ge(from))
                .and(flag::raised_at.lt(until)),
        )
        .order((flag::raised_at, flag::id))
        .select((flag::id, flag::state, flag::raised_at))
        .load(&mut tx.db)?)
}

/// Names by id: of patients, for whoever may see them.
///
/// # Errors
/// When the database fails.
pub fn patient_names(
    tx: &mut Tx,
    org: OrgId,
    ids: &[PatientId],
) -> Result<Vec<(PatientId, String)>, Fault> {
    Ok(patient::table
        .filter(patient::org_id.eq(org).and(patient::id.eq_any(ids)))
        .select((patient::id, patient::name))
        .load(&mut tx.db)?)
}

/// Everybody's name who works here or did.
///
/// # Errors
/// When the database fails.
pub fn staff_names(tx: &mut Tx, org: OrgId) -> Result<Vec<(StaffId, String)>, Fault> {
    Ok(staff::table
        .filter(staff::org_id.eq(org))
        .select((staff::id, staff::name))
        .load(&mut tx.db)?)
}
