//! How patients may be reached, and the times in which nothing is sent. Whether a message leaves is decided in `domain`.

use super::engine::{get_locked, load_locked, on_engine};
use super::schema::{contact_preference, episode, pause};
use super::{Fault, Tx};
use crate::domain::access::Permit;
use crate::domain::ids::{ClinicId, OrgId, PatientId, PauseId, StaffId};
pub use crate::domain::message::sending::Channel;
use crate::domain::words::words;
use chrono::NaiveDateTime;
use diesel::prelude::*;

words! {
    /// What a pause holds back.
    PauseScope {
        /// Everything to every patient.
        Site = "site",
        /// Everything to the patients of one program.
        Program = "program",
        /// Everything to one patient.
        Patient = "patient",
    }
}

/// How a patient may be reached. A patient without a row: by mail, at the site's hours.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = contact_preference, treat_none_as_null = true)]
pub struct ContactRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Whose.
    pub patient_id: PatientId,
    /// A [`Channel`]'s word.
    pub channel: String,
    /// Number as dialled, `+15550100199`.
    pub phone: Option<String>,
    /// When the gateway refused that number, if it did.
    pub phone_refused_at: Option<NaiveDateTime>,
    /// Minutes after local midnight from which a message is safe.
    pub safe_from: Option<i32>,
    /// Minutes after local midnight until which a message is safe; with `safe_from` or not at all.
    pub safe_until: Option<i32>,
    /// For staff, beside the button: "shared mailbox", "do not leave messages".
    pub note: String,
    /// For the light second check of a link, if the site makes one.
    pub birth_year: Option<i32>,
    /// When the patient stopped reminders.
    pub reminders_stopped_at: Option<NaiveDateTime>,
    /// When the patient stopped text messages.
    pub texts_stopped_at: Option<NaiveDateTime>,
    /// When the patient asked for no messages at all.
    pub opted_out_at: Option<NaiveDateTime>,
    /// When it was changed last.
    pub changed_at: NaiveDateTime,
}

impl ContactRow {
    /// What holds for a patient of whom nothing was said.
    pub fn unsaid(org: OrgId, patient: PatientId, now: NaiveDateTime) -> Self {
        ContactRow {
            org_id: org,
            patient_id: patient,
            channel: Channel::Mail.word().to_owned(),
            phone: None,
            phone_refused_at: None,
            safe_from: None,
            safe_until: None,
            note: String::new(),
            birth_year: None,
            reminders_stopped_at: None,
            texts_stopped_at: None,
            opted_out_at: None,
            changed_at: now,
        }
    }
}

/// What was said about reaching a patient, if anything.
///
/// # Errors
/// When the database fails.
pub fn of_patient(
    tx: &mut Tx,
    org: OrgId,
    patient: PatientId,
) -> Result<Option<ContactRow>, Fault> {
    Ok(contact_preference::table
        .find((org, patient))
        .get_result(&mut tx.db)
        .optional()?)
}

/// The same, kept from every other node until this transaction ends: whoever changes one thing writes the whole row. What nobody said anything about is
/// written down first, so that there is a row to keep.
///
/// # Errors
/// When the database fails.
pub fn take(
    tx: &mut Tx,
    org: OrgId,
    patient: PatientId,
    now: NaiveDateTime,
) -> Result<ContactRow, Fault> {
    let unsaid = ContactRow::unsaid(org, patient, now);
    on_engine!(tx, db => diesel::insert_into(contact_preference::table).values(&unsaid).on_conflict_do_nothing().execute(db))?;
    Ok(get_locked!(
        tx,
        "contact_preference",
        contact_preference::table.find((org, patient))
    )?)
}

/// The patients with this number, each with the clinic of their newest episode of care; kept as [`take`] keeps one.
///
/// # Errors
/// When the database fails.
pub fn by_phone(
    tx: &mut Tx,
    org: OrgId,
    phone: &str,
) -> Result<Vec<(ContactRow, ClinicId)>, Fault> {
    let theirs = contact_preference::table
        .inner_join(
            episode::table.on(episode::org_id
                .eq(contact_preference::org_id)
                .and(episode::patient_id.eq(contact_preference::patient_id))),
        )
        .filter(
            contact_preference::org_id
                .eq(org)
                .and(contact_preference::phone.eq(phone)),
        )
        .order((contact_preference::patient_id, episode::started_on.desc()))
        .select((contact_preference::all_columns, episode::clinic_id));
    let mut rows: Vec<(ContactRow, ClinicId)> = load_locked!(tx, "contact_preference", theirs)?;
    rows.dedup_by_key(|(row, _)| row.patient_id);
    Ok(rows)
}

/// The pauses of one patient, newest first, with those that ended.
///
/// # Errors
/// When the database fails.
pub fn pauses_of(tx: &mut Tx, permit: &Permit, patient: PatientId) -> Result<Vec<PauseRow>, Fault> {
    Ok(pause::table
        .filter(pause::org_id.eq(permit.org()))
        .filter(
            pause::scope
                .eq(PauseScope::Patient.word())
                .and(pause::subject_id.eq(patient.bytes().to_vec())),
        )
        .order(pause::id.desc())
        .load(&mut tx.db)?)
}

/// One pause.
///
/// # Errors
/// When the database fails.
pub fn pause_by_id(tx: &mut Tx, org: OrgId, id: PauseId) -> Result<Option<PauseRow>, Fault> {
    Ok(pause::table
        .find((org, id))
        .get_result(&mut tx.db)
        .optional()?)
}

/// Stores what was said about reaching a patient, in the place of what was said before. For the program itself too: a refused number, a stop.
///
/// # Errors
/// When the database fails.
pub fn put(tx: &mut Tx, row: &ContactRow) -> Result<(), Fault> {
    let changed = diesel::update(contact_preference::table.find((row.org_id, row.patient_id)))
        .set(row)
        .execute(&mut tx.db)?;
    if changed == 0 {
        diesel::insert_into(contact_preference::table)
            .values(row)
            .execute(&mut tx.db)?;
    }
    Ok(())
}

/// A time in which nothing is sent to somebody.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = pause)]
pub struct PauseRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Id.
    pub id: PauseId,
    /// A [`PauseScope`]'s word.
    pub scope: String,
    /// The program or patient; `None` for the whole site.
    pub subject_id: Option<Vec<u8>>,
    /// Why, in somebody's words.
    pub reason: String,
    /// Since when, UTC.
    pub from_at: NaiveDateTime,
    /// Until when, if somebody said so.
    pub until_at: Option<NaiveDateTime>,
    /// By whom; `None`: the operator of the machine.
    pub paused_by: Option<StaffId>,
    /// When somebody ended it.
    pub ended_at: Option<NaiveDateTime>,
    /// Who ended it.
    pub ended_by: Option<StaffId>,
}

/// How many patients are reached by text message alone.
///
/// # Errors
/// When the database fails.
pub fn reached_by_text(tx: &mut Tx, org: OrgId) -> Result<i64, Fault> {
    Ok(contact_preference::table
        .filter(contact_preference::org_id.eq(org))
        .filter(contact_preference::channel.eq(Channel::Text.word()))
        .count()
        .get_result(&mut tx.db)?)
}

/// The pauses that hold at `now`. Few at any site: a desk reads them all at once.
///
/// # Errors
/// When the database fails.
pub fn pauses(tx: &mut Tx, org: OrgId, now: NaiveDateTime) -> Result<Vec<PauseRow>, Fault> {
    Ok(pause::table
        .filter(pause::org_id.eq(org).and(pause::ended_at.is_null()))
        .filter(pause::from_at.le(now))
        .filter(pause::until_at.is_null().or(pause::until_at.gt(now)))
        .order(pause::id)
        .load(&mut tx.db)?)
}

/// Begins a pause.
///
/// # Errors
/// When the database fails.
pub fn add_pause(tx: &mut Tx, _permit: &Permit, row: &PauseRow) -> Result<(), Fault> {
    diesel::insert_into(pause::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// Ends a pause. `false` when it had ended.
///
/// # Errors
/// When the database fails.
pub fn end_pause(
    tx: &mut Tx,
    permit: &Permit,
    id: PauseId,
    now: NaiveDateTime,
) -> Result<bool, Fault> {
    let by = permit.actor().staff().map(|staff| staff.id);
    let ended = diesel::update(
        pause::table
            .find((permit.org(), id))
            .filter(pause::ended_at.is_null()),
    )
    .set((pause::ended_at.eq(now), pause::ended_by.eq(by)))
    .execute(&mut tx.db)?;
    Ok(ended == 1)
}
