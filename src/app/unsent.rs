//! What the record learns of a message that did not leave, that came back, or that nobody wanted any more; and which person is told. Messages to staff make no
//! task.

use super::change_address;
use super::compose::{Desk, asking};
use super::plan_due::tell_not_permitted;
use crate::domain::care::AdministrationState;
use crate::domain::ids::{AdministrationId, ClinicId, OrgId, PatientId};
use crate::domain::instrument::Library;
use crate::domain::message::sending::{Aftermath, Asking, Decision, Held, Withdrawn};
use crate::domain::message::{AttemptOutcome, MessageKind, MessageState};
use crate::store::administration::revoke_links;
use crate::store::contact::{self, ContactRow};
use crate::store::outbox::{self, Lane, OutboxRow};
use crate::store::sending::{self, Looked};
use crate::store::task::{self, TaskKind, TaskRow};
use crate::store::{Fault, Tx, attempt, fresh, patient};
use chrono::NaiveDateTime;
use std::sync::Arc;

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
    let patient = row.recipient()?;
    let Some(looked) = sending::look(tx, row.org_id, row.about()?, now)? else {
        return Ok(());
    };
    add_task(tx, row.org_id, kind, patient, looked.clinic_id, detail, now)
}

/// The message was not wanted any more, as the record learns it: an invitation that never left may end its occasion.
///
/// # Errors
/// When the database fails.
pub fn withdrawn(
    tx: &mut Tx,
    library: &'static Library,
    row: &OutboxRow,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    if row.kind != MessageKind::Invitation.word() {
        return Ok(());
    }
    let desk = Desk::open(tx, library, ("", &Arc::default()), row.org_id, now)?;
    let Some(asked) = desk.look(tx, row)? else {
        return Ok(());
    };
    match desk.decide(row, &asked) {
        Decision::Withdraw { why } => follow(tx, row, &asked.now, &why, now),
        Decision::Send(_) | Decision::Hold { .. } => Ok(()),
    }
}

/// A form's time ran out before its invitation left: what waits about it is withdrawn, and somebody is told, unless somebody here wanted it to wait. Whoever is sending it at this
/// moment finds out by themselves.
///
/// # Errors
/// When the database fails.
pub fn never_left(
    tx: &mut Tx,
    org: OrgId,
    id: AdministrationId,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let why = Withdrawn::TooLate;
    let words = why.to_string();
    for row in outbox::about(tx, org, id.bytes())? {
        let waits = row.ended_at.is_none() && row.lease_until.is_none_or(|until| until <= now);
        if row.kind != MessageKind::Invitation.word()
            || !waits
            || !outbox::end(tx, &row, MessageState::Withdrawn, Some(&words), now)?
        {
            continue;
        }
        attempt::add(tx, &row, AttemptOutcome::Withdrawn, &words, now)?;
        if was_paused(&row) {
            continue;
        }
        if let Some(asked) = sending::look(tx, org, id, now)? {
            tell_missed(tx, org, &asked, &why, now)?;
        }
    }
    Ok(())
}

/// Whether a message that is to leave no more may have arrived before, and the form still waits for its answer.
///
/// # Errors
/// When the database fails.
pub fn waits_unknown(tx: &mut Tx, row: &OutboxRow, now: NaiveDateTime) -> Result<bool, Fault> {
    if row.attempts < 2 || !attempt::may_have_arrived(tx, row)? {
        return Ok(false);
    }
    let asked = sending::look(tx, row.org_id, row.about()?, now)?;
    Ok(asked.is_some_and(|asked| {
        let state = asked.administration.state.parse();
        state.is_ok_and(AdministrationState::is_open)
    }))
}

/// An invitation that may have arrived counts as sent: the patient may answer.
///
/// # Errors
/// When the database fails.
pub fn perhaps_arrived(tx: &mut Tx, row: &OutboxRow, now: NaiveDateTime) -> Result<(), Fault> {
    let id: AdministrationId = row.about()?;
    match sending::look(tx, row.org_id, id, now)? {
        Some(asked) if asking(row) == Asking::Invitation => {
            sending::asked(tx, row.org_id, id, &asked.language)
        }
        _ => Ok(()),
    }
}

fn follow(
    tx: &mut Tx,
    row: &OutboxRow,
    asked: &Looked,
    why: &Withdrawn,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let form = &asked.administration;
    let was_asked = form.state != AdministrationState::Planned.word();
    let state = match why.aftermath() {
        Aftermath::Nothing => return Ok(()),
        Aftermath::Missed if was_paused(row) => return Ok(()),
        Aftermath::Missed => return tell_missed(tx, row.org_id, asked, why, now),
        Aftermath::Cancelled | Aftermath::NotPermitted => AdministrationState::Cancelled,
        // It was sent once, to another address: the patient had it.
        Aftermath::NeverAsked | Aftermath::Replaced if was_asked => return Ok(()),
        Aftermath::NeverAsked | Aftermath::Replaced => AdministrationState::Expired,
    };
    sending::end_because(tx, row.org_id, form.id, state, &why.to_string(), now)?;
    revoke_links(tx, row.org_id, form.id, now)?;
    match why.aftermath() {
        Aftermath::NotPermitted => tell_not_permitted(
            tx,
            row.org_id,
            asked.clinic_id,
            form.patient_id,
            &why.to_string(),
            now,
        ),
        Aftermath::NeverAsked if !was_paused(row) => tell_missed(tx, row.org_id, asked, why, now),
        _ => Ok(()),
    }
}

/// Whether somebody here wanted it to wait.
fn was_paused(row: &OutboxRow) -> bool {
    row.last_error
        .as_deref()
        .is_some_and(|words| words.starts_with(Held::PAUSED))
}

fn tell_missed(
    tx: &mut Tx,
    org: OrgId,
    asked: &Looked,
    why: &Withdrawn,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let detail =
        format!("A form was not sent: {why}. Give it in the clinic if it is still wanted.");
    add_task(
        tx,
        org,
        TaskKind::NotSent,
        asked.administration.patient_id,
        asked.clinic_id,
        detail,
        now,
    )
}

/// The message will never leave, or came back: somebody here has to know.
///
/// # Errors
/// When the database fails.
pub fn given_up(
    tx: &mut Tx,
    row: &OutboxRow,
    words: &str,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    if row.kind.parse::<MessageKind>()?.is_for_patients() {
        give_to_person(tx, row, words, now)
    } else {
        Ok(())
    }
}

/// A refused address is not tried again: links that went there close, and somebody here has to ask the patient for another.
fn give_to_person(
    tx: &mut Tx,
    row: &OutboxRow,
    words: &str,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let who: PatientId = row.recipient()?;
    // By the way it took, not by the one that is used now: the answer may come days later.
    let by_text = row.lane == Lane::Texts.word();
    if by_text {
        let refused = ContactRow {
            phone_refused_at: Some(now),
            ..contact::take(tx, row.org_id, who, now)?
        };
        contact::put(tx, &refused)?;
    } else {
        patient::mark_address_refused(tx, row.org_id, who, now)?;
    }
    let why = "the address was refused";
    change_address::close_unbegun(tx, row.org_id, who, &row.lane, why, now)?;
    let Some(asked) = sending::look(tx, row.org_id, row.about()?, now)? else {
        return Ok(());
    };
    let detail = format!("A message could not be sent: {words}. Ask for another address.");
    let kind = TaskKind::MailRefused;
    add_task(tx, row.org_id, kind, who, asked.clinic_id, detail, now)
}

/// One task of a kind a patient.
fn add_task(
    tx: &mut Tx,
    org: OrgId,
    kind: TaskKind,
    who: PatientId,
    clinic: ClinicId,
    detail: String,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    if task::waits(tx, org, kind, who)? {
        return Ok(());
    }
    task::add(
        tx,
        &TaskRow {
            org_id: org,
            id: fresh(now),
            kind: kind.word().into(),
            clinic_id: clinic,
            patient_id: who,
            detail,
            created_at: now,
            done_at: None,
            done_by: None,
        },
    )
}
