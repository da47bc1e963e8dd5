//! Patients and their episodes of care. What is read about one patient takes a permit for that patient.

use super::schema::{care_session, clinic, episode, patient, program, staff};
use super::{Fault, Tx};
use crate::domain::access::{Permit, Subject};
use crate::domain::ids::{ClinicId, EpisodeId, OrgId, PatientId, ProgramId, StaffId};
use crate::domain::instrument::Person;
use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;

/// A patient.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = patient)]
pub struct PatientRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Id.
    pub id: PatientId,
    /// Id in the site's other systems.
    pub external_id: String,
    /// Name.
    pub name: String,
    /// Where invitations go.
    pub email: Option<String>,
    /// When a relay refused that address for good.
    pub email_refused_at: Option<NaiveDateTime>,
    /// Language tag, `en`.
    pub language: String,
    /// IANA zone.
    pub time_zone: String,
    /// Since when known here.
    pub created_at: NaiveDateTime,
    /// Last changed.
    pub changed_at: NaiveDateTime,
    /// A `Sex`'s word, for norms that depend on it; `None` = not known.
    pub sex: Option<String>,
}

impl PatientRow {
    /// What norms may depend on, as far as it is known.
    pub fn person(&self) -> Person {
        Person {
            sex: self.sex.as_deref().and_then(|word| word.parse().ok()),
            age: None,
        }
    }
}

/// An episode of care.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = episode)]
pub struct EpisodeRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Id.
    pub id: EpisodeId,
    /// Whose.
    pub patient_id: PatientId,
    /// Where.
    pub clinic_id: ClinicId,
    /// In which program.
    pub program_id: ProgramId,
    /// The responsible clinician.
    pub clinician_id: StaffId,
    /// First day.
    pub started_on: NaiveDate,
    /// Last day, once it ended.
    pub ended_on: Option<NaiveDate>,
    /// How it ended: an `Ending`'s word.
    pub ending: Option<String>,
}

/// Where a patient stands, for deciding access: tells nothing about them but their clinics.
///
/// # Errors
/// When the database fails.
pub fn place_of(tx: &mut Tx, org: OrgId, id: PatientId) -> Result<Option<Subject>, Fault> {
    let known: Option<PatientId> = patient::table
        .find((org, id))
        .select(patient::id)
        .get_result(&mut tx.db)
        .optional()?;
    if known.is_none() {
        return Ok(None);
    }
    let clinics = episode::table
        .filter(episode::org_id.eq(org).and(episode::patient_id.eq(id)))
        .select(episode::clinic_id)
        .load(&mut tx.db)?;
    Ok(Some(Subject::Patient { id, clinics }))
}

/// The patient with this external id, for deciding access.
///
/// # Errors
/// When the database fails.
pub fn place_by_external_id(
    tx: &mut Tx,
    org: OrgId,
    external_id: &str,
) -> Result<Option<Subject>, Fault> {
    let id: Option<PatientId> = patient::table
        .filter(
            patient::org_id
                .eq(org)
                .and(patient::external_id.eq(external_id)),
        )
        .select(patient::id)
        .get_result(&mut tx.db)
        .optional()?;
    match id {
        Some(id) => place_of(tx, org, id),
        None => Ok(None),
    }
}

/// The patient a permit is about.
///
/// # Errors
/// When the permit names none, or the database fails.
pub fn load(tx: &mut Tx, permit: &Permit) -> Result<PatientRow, Fault> {
    let id = permit
        .patient()
        .ok_or_else(|| Fault::Corrupt("a permit without a patient".into()))?;
    Ok(patient::table
        .find((permit.org(), id))
        .get_result(&mut tx.db)?)
}

/// An episode with the names that belong to it.
#[derive(Debug, Clone, Queryable)]
pub struct EpisodeNames {
    /// The episode.
    pub episode: EpisodeRow,
    /// Name of its clinic.
    pub clinic: String,
    /// Name of its program.
    pub program: String,
    /// Name of its clinician.
    pub clinician: String,
}

/// The patient's episodes, newest first.
///
/// # Errors
/// When the permit names no patient, or the database fails.
pub fn episodes(tx: &mut Tx, permit: &Permit) -> Result<Vec<EpisodeNames>, Fault> {
    let id = permit
        .patient()
        .ok_or_else(|| Fault::Corrupt("a permit without a patient".into()))?;
    Ok(episode::table
        .inner_join(
            clinic::table.on(clinic::org_id
                .eq(episode::org_id)
                .and(clinic::id.eq(episode::clinic_id))),
        )
        .inner_join(
            program::table.on(program::org_id
                .eq(episode::org_id)
                .and(program::id.eq(episode::program_id))),
        )
        .inner_join(
            staff::table.on(staff::org_id
                .eq(episode::org_id)
                .and(staff::id.eq(episode::clinician_id))),
        )
        .filter(
            episode::org_id
                .eq(permit.org())
                .and(episode::patient_id.eq(id)),
        )
        .order((episode::started_on.desc(), episode::id.desc()))
        .select((
            episode::all_columns,
            clinic::name,
            program::name,
            staff::name,
        ))
        .load(&mut tx.db)?)
}

/// The sessions of the patient's episode, oldest first: start (UTC) and state.
///
/// # Errors
/// When the database fails.
pub fn sessions(
    tx: &mut Tx,
    permit: &Permit,
    id: EpisodeId,
) -> Result<Vec<(NaiveDateTime, String)>, Fault> {
    Ok(care_session::table
        .filter(
            care_session::org_id
                .eq(permit.org())
                .and(care_session::episode_id.eq(id)),
        )
        .order(care_session::starts_at)
        .select((care_session::starts_at, care_session::state))
        .load(&mut tx.db)?)
}

/// The patient with this external id, for an import that may write them.
///
/// # Errors
/// When the database fails.
pub fn by_external_id(
    tx: &mut Tx,
    permit: &Permit,
    external_id: &str,
) -> Result<Option<PatientRow>, Fault> {
    Ok(patient::table
        .filter(
            patient::org_id
                .eq(permit.org())
                .and(patient::external_id.eq(external_id)),
        )
        .get_result(&mut tx.db)
        .optional()?)
}

/// The patients with these external ids, for an import that may write them; unknown ids are left out.
///
/// # Errors
/// When the database fails.
pub fn by_external_ids(
    tx: &mut Tx,
    permit: &Permit,
    external_ids: &[&str],
) -> Result<Vec<PatientRow>, Fault> {
    // One look-up each: for a long list in one statement SQLite walks the whole organisation instead of the index.
    let mut rows = Vec::with_capacity(external_ids.len());
    for external_id in external_ids {
        rows.extend(by_external_id(tx, permit, external_id)?);
    }
    Ok(rows)
}

/// Every episode of these patients, for an import that may write them.
///
/// # Errors
/// When the database fails.
pub fn episodes_of(
    tx: &mut Tx,
    permit: &Permit,
    patients: &[PatientId],
) -> Result<Vec<EpisodeRow>, Fault> {
    let mut rows = Vec::with_capacity(patients.len());
    for patient in patients {
        rows.extend(
            episode::table
                .filter(
                    episode::org_id
                        .eq(permit.org())
                        .and(episode::patient_id.eq(patient)),
                )
                .load::<EpisodeRow>(&mut tx.db)?,
        );
    }
    rows.sort_by_key(|row| row.id);
    Ok(rows)
}

/// Adds a patient.
///
/// # Errors
/// When the external id is taken, or the database fails.
pub fn add(tx: &mut Tx, _permit: &Permit, row: &PatientRow) -> Result<(), Fault> {
    diesel::insert_into(patient::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// Changes what is known of a patient.
///
/// # Errors
/// When the database fails.
pub fn change(tx: &mut Tx, _permit: &Permit, row: &PatientRow) -> Result<(), Fault> {
    diesel::update(patient::table.find((row.org_id, row.id)))
        .set((
            patient::name.eq(&row.name),
            patient::email.eq(&row.email),
            patient::email_refused_at.eq(row.email_refused_at),
            patient::language.eq(&row.language),
            patient::time_zone.eq(&row.time_zone),
            patient::changed_at.eq(row.changed_at),
            patient::sex.eq(&row.sex),
        ))
        .execute(&mut tx.db)?;
    Ok(())
}

/// Notes that the relay refused the patient's address for good, so that nothing more is sent there.
///
/// # Errors
/// When the database fails.
pub fn mark_address_refused(
    tx: &mut Tx,
    org: OrgId,
    id: PatientId,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    diesel::update(patient::table.find((org, id)))
        .set(patient::email_refused_at.eq(now))
        .execute(&mut tx.db)?;
    Ok(())
}

/// A patient's address as it is now. For the program itself: a notice that came back is compared with it.
///
/// # Errors
/// When the database fails.
pub fn email_of(tx: &mut Tx, org: OrgId, id: PatientId) -> Result<Option<String>, Fault> {
    let found: Option<Option<String>> = patient::table
        .find((org, id))
        .select(patient::email)
        .get_result(&mut tx.db)
        .optional()?;
    Ok(found.flatten())
}

/// The episode that a file or form means: one patient, one program, one first day.
///
/// # Errors
/// When the database fails.
pub fn episode_like(
    tx: &mut Tx,
    org: OrgId,
    patient: PatientId,
    program: ProgramId,
    started_on: NaiveDate,
) -> Result<Option<EpisodeRow>, Fault> {
    Ok(episode::table
        .filter(episode::org_id.eq(org).and(episode::patient_id.eq(patient)))
        .filter(
            episode::program_id
                .eq(program)
                .and(episode::started_on.eq(started_on)),
        )
        .get_result(&mut tx.db)
        .optional()?)
}

/// The patient's newest episode that had begun by this day and not ended before it.
///
/// # Errors
/// When the database fails.
pub fn episode_on(
    tx: &mut Tx,
    org: OrgId,
    patient: PatientId,
    day: NaiveDate,
) -> Result<Option<EpisodeRow>, Fault> {
    Ok(episode::table
        .filter(episode::org_id.eq(org).and(episode::patient_id.eq(patient)))
        .filter(
            episode::started_on
                .le(day)
                .and(episode::ended_on.is_null().or(episode::ended_on.ge(day))),
        )
        .order(episode::started_on.desc())
        .first(&mut tx.db)
        .optional()?)
}

/// The episode that is meant by a form about this patient: the one that is named, ended or not, else the newest that is open and begins by this day.
///
/// # Errors
/// When the database fails.
pub fn episode_meant(
    tx: &mut Tx,
    org: OrgId,
    patient: PatientId,
    named: Option<EpisodeId>,
    day: NaiveDate,
) -> Result<Option<EpisodeRow>, Fault> {
    match named {
        Some(id) => Ok(episode::table
            .find((org, id))
            .filter(episode::patient_id.eq(patient))
            .get_result(&mut tx.db)
            .optional()?),
        None => {
            let newest = episode_on(tx, org, patient, day)?;
            Ok(newest.filter(|row| row.ended_on.is_none()))
        }
    }
}

/// Keeps any other node from writing to an episode's history until this transaction ends.
///
/// # Errors
/// When the database fails.
pub fn lock_episode(tx: &mut Tx, org: OrgId, id: EpisodeId) -> Result<(), Fault> {
    tx.lock_row("episode", org.bytes(), id.bytes())
}

/// One episode.
///
/// # Errors
/// When there is none, or the database fails.
pub fn episode_by_id(tx: &mut Tx, org: OrgId, id: EpisodeId) -> Result<EpisodeRow, Fault> {
    Ok(episode::table.find((org, id)).get_result(&mut tx.db)?)
}

/// Whose matter it is today what comes in by a form of this episode: the episode itself or, when it has ended, the one in which the patient is cared for by now, wherever that is.
///
/// # Errors
/// When the database fails.
pub fn in_care(tx: &mut Tx, org: OrgId, id: EpisodeId) -> Result<EpisodeRow, Fault> {
    let own = episode_by_id(tx, org, id)?;
    if own.ended_on.is_none() {
        return Ok(own);
    }
    let newest = episode_of(tx, org, own.patient_id)?;
    Ok(newest.filter(|row| row.ended_on.is_none()).unwrap_or(own))
}

/// The episode that words written outside a form belong to: the open one, else the newest.
///
/// # Errors
/// When the database fails.
pub fn episode_of(
    tx: &mut Tx,
    org: OrgId,
    patient: PatientId,
) -> Result<Option<EpisodeRow>, Fault> {
    let rows: Vec<EpisodeRow> = episode::table
        .filter(episode::org_id.eq(org).and(episode::patient_id.eq(patient)))
        .order((episode::started_on.desc(), episode::id.desc()))
        .load(&mut tx.db)?;
    let open = rows.iter().find(|row| row.ended_on.is_none());
    Ok(open.or(rows.first()).cloned())
}

/// One episode with its patient. For the planner, and for whoever holds a permit about them.
///
/// # Errors
/// When there is none, or the database fails.
pub fn episode_and_patient(
    tx: &mut Tx,
    org: OrgId,
    id: EpisodeId,
) -> Result<(EpisodeRow, PatientRow), Fault> {
    Ok(episode::table
        .inner_join(
            patient::table.on(patient::org_id
                .eq(episode::org_id)
                .and(patient::id.eq(episode::patient_id))),
        )
        .filter(episode::org_id.eq(org).and(episode::id.eq(id)))
        .select((episode::all_columns, patient::all_columns))
        .get_result(&mut tx.db)?)
}

/// The episodes that go on and whose clinician somebody is.
///
/// # Errors
/// When the database fails.
pub fn in_care_of(tx: &mut Tx, org: OrgId, clinician: StaffId) -> Result<Vec<EpisodeRow>, Fault> {
    Ok(episode::table
        .filter(
            episode::org_id
                .eq(org)
                .and(episode::clinician_id.eq(clinician))
                .and(episode::ended_on.is_null()),
        )
        .order(episode::id)
        .load(&mut tx.db)?)
}

/// Opens an episode.
///
/// # Errors
/// When the same one exists, or the database fails.
pub fn open_episode(tx: &mut Tx, _permit: &Permit, row: &EpisodeRow) -> Result<(), Fault> {
    diesel::insert_into(episode::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// Changes clinician or ending of an episode.
///
/// # Errors
/// When the database fails.
pub fn change_episode(tx: &mut Tx, _permit: &Permit, row: &EpisodeRow) -> Result<(), Fault> {
    diesel::update(episode::table.find((row.org_id, row.id)))
        .set((
            episode::clinician_id.eq(row.clinician_id),
            episode::ended_on.eq(row.ended_on),
            episode::ending.eq(&row.ending),
        ))
        .execute(&mut tx.db)?;
    Ok(())
}

/// The language a patient is spoken to in.
///
/// # Errors
/// When there is no such patient, or the database fails.
pub fn language(tx: &mut Tx, permit: &Permit, id: PatientId) -> Result<String, Fault> {
    Ok(patient::table
        .find((permit.org(), id))
        .select(patient::language)
        .get_result(&mut tx.db)?)
}

/// Every patient with an open episode: patient and newest open episode, ordered by patient.
///
/// # Errors
/// When the database fails.
pub fn active(tx: &mut Tx, permit: &Permit) -> Result<Vec<(PatientId, EpisodeId)>, Fault> {
    let mut rows: Vec<(PatientId, EpisodeId)> = episode::table
        .filter(
            episode::org_id
                .eq(permit.org())
                .and(episode::ended_on.is_null()),
        )
        .order((episode::patient_id, episode::started_on.desc()))
        .select((episode::patient_id, episode::id))
        .load(&mut tx.db)?;
    rows.dedup_by_key(|(patient, _)| *patient);
    Ok(rows)
}
