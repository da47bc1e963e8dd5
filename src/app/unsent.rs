//! A message that will not leave, or may have left and nobody knows, where no address is to blame: a person is told and nothing else changes. Refused
//! addresses are `compose::given_up`.

use crate::domain::ids::{AdministrationId, Id, PatientId};
use crate::domain::message::MessageKind;
use crate::store::outbox::OutboxRow;
use crate::store::task::{self, TaskKind, TaskRow};
use crate::store::{Fault, Tx, fresh, sending};
use chrono::NaiveDateTime;

/// Leaves a task for the patient's clinic.
///
/// # Errors
/// When the database fails.
pub fn tell(tx: &mut Tx, row: &OutboxRow, words: &str, now: NaiveDateTime) -> Result<(), Fault> {
    let detail = format!(
        "A message did not leave, or nobody can know: {words}. The form is still open; reach the patient in another way."
    );
    leave_task(tx, row, TaskKind::MailUnsent, detail, now)
}

/// Leaves a task about a message that left and was not passed on, where nothing says that the address is wrong.
///
/// # Errors
/// When the database fails.
pub fn tell_returned(
    tx: &mut Tx,
    row: &OutboxRow,
    words: &str,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let detail = format!(
        "A message left and did not reach the patient: {words}. The form is still open; reach the patient in another way."
    );
    leave_task(tx, row, TaskKind::MailUnsent, detail, now)
}

/// Leaves a task of this kind about a message to a patient, one at a time for each patient. Messages to staff make none.
///
/// # Errors
/// When the database fails.
pub fn leave_task(
    tx: &mut Tx,
    row: &OutboxRow,
    kind: TaskKind,
    detail: String,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    if !row.kind.parse::<MessageKind>()?.is_for_patients() {
        return Ok(());
    }
    let about: AdministrationId = id_of(&row.subject_id)?;
    let patient: PatientId = id_of(&row.recipient_id)?;
    let Some(looked) = sending::look(tx, row.org_id, about, now)? else {
        return Ok(());
    };
    if task::waits(tx, row.org_id, kind, patient)? {
        return Ok(());
    }
    task::add(
        tx,
        &TaskRow {
            org_id: row.org_id,
            id: fresh(now),
            kind: kind.word().into(),
            clinic_id: looked.clinic_id,
            patient_id: patient,
            detail,
            created_at: now,
            done_at: None,
            done_by: None,
        },
    )
}

fn id_of<K>(bytes: &[u8]) -> Result<Id<K>, Fault> {
    Id::from_bytes(bytes).ok_or_else(|| Fault::Corrupt("an id in the outbox".into()))
}
