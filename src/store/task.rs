//! Clerical tasks: what a machine could not do and a person has to look at. Risk flags are not tasks; they live in `flag`.

use super::schema::{clinic, patient, task};
use super::{Fault, Tx};
use crate::domain::access::{Permit, Reach};
use crate::domain::ids::{ClinicId, OrgId, PatientId, StaffId, TaskId};
use crate::domain::words::words;
use chrono::NaiveDateTime;
use diesel::prelude::*;

words! {
    /// What a task asks for.
    TaskKind {
        /// The relay refused the patient's address.
        MailRefused = "mail_refused",
        /// Whoever got the link says it was not meant for them.
        NotForMe = "not_for_me",
        /// A form fell due and there is no address to send it to.
        NoAddress = "no_address",
        /// A risk answer came in and nobody here is licensed and active.
        NobodyLicensed = "nobody_licensed",
        /// A flag waits and everybody who is licensed is away.
        NobodyHere = "nobody_here",
        /// The patient said by text that they want no more texts.
        TextsStopped = "texts_stopped",
        /// The patient wrote to the number that texts come from; a person has to read it.
        TextReply = "text_reply",
        /// A form was due whose owner's permission is not, or no longer, on record.
        NoPermission = "no_permission",
        /// A message did not leave, or nobody can know, and no address is to blame.
        MailUnsent = "mail_unsent",
        /// Reminders were stopped by one click in a mail.
        RemindersStopped = "reminders_stopped",
        /// A patient said "not this time" three times in a row.
        DeclinedOften = "declined_often",
        /// A form was due and could not be sent in time.
        NotSent = "not_sent",
        /// A note came to answers that are handed in.
        Correction = "correction",
    }
}

/// A task.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = task)]
pub struct TaskRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Id.
    pub id: TaskId,
    /// A [`TaskKind`]'s word.
    pub kind: String,
    /// Whose clinic sees it.
    pub clinic_id: ClinicId,
    /// About whom.
    pub patient_id: PatientId,
    /// More in words; never an answer.
    pub detail: String,
    /// Since when it waits.
    pub created_at: NaiveDateTime,
    /// When it was settled.
    pub done_at: Option<NaiveDateTime>,
    /// By whom.
    pub done_by: Option<StaffId>,
}

/// A task with the names around it.
#[derive(Debug, Clone, Queryable)]
pub struct TaskNames {
    /// The task.
    pub task: TaskRow,
    /// The patient's name.
    pub patient: String,
    /// The clinic's name.
    pub clinic: String,
}

/// Adds a task.
///
/// # Errors
/// When the database fails.
pub fn add(tx: &mut Tx, row: &TaskRow) -> Result<(), Fault> {
    diesel::insert_into(task::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// Whether such a task already waits for this patient, so that a daily failure makes one task and not a hundred.
///
/// # Errors
/// When the database fails.
pub fn waits(tx: &mut Tx, org: OrgId, kind: TaskKind, patient: PatientId) -> Result<bool, Fault> {
    let found: Option<TaskId> = task::table
        .filter(task::org_id.eq(org).and(task::done_at.is_null()))
        .filter(task::kind.eq(kind.word()).and(task::patient_id.eq(patient)))
        .select(task::id)
        .get_result(&mut tx.db)
        .optional()?;
    Ok(found.is_some())
}

/// Whether such a task already waits in this clinic, whoever it is about.
///
/// # Errors
/// When the database fails.
pub fn waits_in_clinic(
    tx: &mut Tx,
    org: OrgId,
    kind: TaskKind,
    clinic: ClinicId,
) -> Result<bool, Fault> {
    let found: Vec<TaskId> = task::table
        .filter(task::org_id.eq(org).and(task::done_at.is_null()))
        .filter(task::kind.eq(kind.word()).and(task::clinic_id.eq(clinic)))
        .select(task::id)
        .load(&mut tx.db)?;
    Ok(!found.is_empty())
}

/// The open tasks within the permit's reach, the oldest first.
///
/// # Errors
/// When the database fails.
pub fn open(tx: &mut Tx, permit: &Permit) -> Result<Vec<TaskNames>, Fault> {
    let rows: Vec<TaskNames> = task::table
        .inner_join(
            patient::table.on(patient::org_id
                .eq(task::org_id)
                .and(patient::id.eq(task::patient_id))),
        )
        .inner_join(
            clinic::table.on(clinic::org_id
                .eq(task::org_id)
                .and(clinic::id.eq(task::clinic_id))),
        )
        .filter(task::org_id.eq(permit.org()).and(task::done_at.is_null()))
        .order(task::id)
        .select((task::all_columns, patient::name, clinic::name))
        .load(&mut tx.db)?;
    Ok(match permit.reach() {
        Reach::Everything => rows,
        Reach::Clinics(clinics) => rows
            .into_iter()
            .filter(|row| clinics.contains(&row.task.clinic_id))
            .collect(),
    })
}

/// Settles a task within the permit's reach. `false` when there is no such open task.
///
/// # Errors
/// When the database fails.
pub fn settle(
    tx: &mut Tx,
    permit: &Permit,
    id: TaskId,
    by: StaffId,
    now: NaiveDateTime,
) -> Result<bool, Fault> {
    let clinic: Option<ClinicId> = task::table
        .find((permit.org(), id))
        .select(task::clinic_id)
        .get_result(&mut tx.db)
        .optional()?;
    let reachable = match (clinic, permit.reach()) {
        (None, _) => false,
        (Some(_), Reach::Everything) => true,
        (Some(clinic), Reach::Clinics(clinics)) => clinics.contains(&clinic),
    };
    if !reachable {
        return Ok(false);
    }
    let settled = diesel::update(
        task::table
            .find((permit.org(), id))
            .filter(task::done_at.is_null()),
    )
    .set((task::done_at.eq(now), task::done_by.eq(by)))
    .execute(&mut tx.db)?;
    Ok(settled == 1)
}
