//! Whom a flag is told to, in the transaction that gives a reason: notices in the outbox, lines in its history, alarms when nobody licensed is here. When and to whom is decided by
//! whoever calls: `raise_flags`, `escalate`, `review_flag`.

use crate::domain::ids::{ClinicId, OrgId, PatientId};
use crate::domain::message::MessageKind;
use crate::domain::risk::policy::SafetyPolicy;
use crate::domain::risk::{Act, Candidate, Standing, life};
use crate::store::flag::{self, FlagActRow, FlagRow};
use crate::store::outbox::{self, OutboxRow};
use crate::store::task::{self, TaskKind, TaskRow};
use crate::store::{Fault, Tx, fresh};
use chrono::NaiveDateTime;

/// Puts a notice about a flag into the outbox. `to` is a person's id, or the organisation's for its duty contact.
///
/// # Errors
/// When the database fails.
pub fn notify(
    tx: &mut Tx,
    row: &FlagRow,
    kind: MessageKind,
    to: &[u8; 16],
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let id = fresh(now);
    let notice = OutboxRow::queued(row.org_id, id, kind, row.id.bytes(), to, now, now);
    outbox::add(tx, &notice)
}

/// Adds to a flag's history in the program's own name.
///
/// # Errors
/// When the database fails.
pub fn add_act(
    tx: &mut Tx,
    row: &FlagRow,
    act: Act,
    note: String,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    flag::add_act(
        tx,
        &FlagActRow {
            org_id: row.org_id,
            id: fresh(now),
            flag_id: row.id,
            act: act.word().into(),
            staff_id: (act == Act::Notified).then_some(row.owner_id),
            at: now,
            note,
        },
    )
}

/// Tells the site's duty contact that a flag waits and nobody licensed is here, or nobody but the one who lets it lie. In the first case it also raises the alarm for whoever
/// runs the site: in the log, and one task that stays until it is settled.
///
/// # Errors
/// When the database fails.
pub fn tell_duty(
    tx: &mut Tx,
    policy: &SafetyPolicy,
    row: &FlagRow,
    people: &[Candidate],
    now: NaiveDateTime,
) -> Result<(), Fault> {
    // The address is looked up when the mail leaves: the site may name another contact until then.
    if policy.duty.is_some() {
        notify(tx, row, MessageKind::DutyAlarm, row.org_id.bytes(), now)?;
    }
    if life::is_here(row.owner_id, people) {
        tracing::error!(flag = %row.id, "a flag is not closed in time, and nobody else licensed is here");
        return Ok(());
    }
    tracing::error!(flag = %row.id, "a flag waits and nobody licensed is here");
    let nobody = people
        .iter()
        .all(|person| person.standing == Standing::Ineligible);
    if nobody {
        return alarm_nobody_licensed(tx, row.org_id, row.clinic_id, row.patient_id, now);
    }
    if task::waits_in_clinic(tx, row.org_id, TaskKind::NobodyHere, row.clinic_id)? {
        return Ok(());
    }
    task::add(
        tx,
        &TaskRow {
            org_id: row.org_id,
            id: fresh(now),
            kind: TaskKind::NobodyHere.word().into(),
            clinic_id: row.clinic_id,
            patient_id: row.patient_id,
            detail: "Everybody licensed is away. Read the review queue now, and find somebody who is here.".into(),
            created_at: now,
            done_at: None,
            done_by: None,
        },
    )
}

/// Tells people that somebody licensed is needed at once.
///
/// # Errors
/// When the database fails.
pub fn alarm_nobody_licensed(
    tx: &mut Tx,
    org: OrgId,
    clinic: ClinicId,
    patient: PatientId,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    tracing::error!("an answer needs a licensed reader and nobody here is licensed and active");
    if task::waits(tx, org, TaskKind::NobodyLicensed, patient)? {
        return Ok(());
    }
    task::add(
        tx,
        &TaskRow {
            org_id: org,
            id: fresh(now),
            kind: TaskKind::NobodyLicensed.word().into(),
            clinic_id: clinic,
            patient_id: patient,
            detail: "Nobody here is licensed and active. Read the review queue now and add a licensed clinician.".into(),
            created_at: now,
            done_at: None,
            done_by: None,
        },
    )
}
