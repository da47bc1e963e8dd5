//! What falls due becomes an occasion with its link and its invitation in the outbox, in one transaction; then the plan is looked at again at its
//! next date. Sending is `send_due`.

use super::link::Token;
use super::permit_instrument::OnRecord;
use super::{App, enrol, give_form};
use crate::domain::access::{Action, Actor, Permit, Subject, decide};
use crate::domain::care::{AdministrationState, InstrumentVersion, write_battery};
use crate::domain::ids::{ClinicId, OrgId, PatientId};
use crate::domain::instrument::Library;
use crate::domain::message::MessageKind;
use crate::domain::schedule::policy::SendingPolicy;
use crate::domain::schedule::{Cadence, Occasion, next_occasion};
use crate::store::administration::{self, AdministrationRow};
use crate::store::outbox::{self, OutboxRow};
use crate::store::plan::{self, DuePlan};
use crate::store::task::{self, TaskKind, TaskRow};
use crate::store::{Fault, Tx, audit, fresh, policy};
use chrono::NaiveDateTime;
use chrono_tz::Tz;

/// At most so many plans in one transaction.
const BATCH: i64 = 200;
/// At most so many occasions end in one transaction.
const EXPIRE_BATCH: i64 = 500;

/// Makes the occasions that are due now; says how many plans it looked at, so that the caller goes on while there are more.
///
/// # Errors
/// When the database fails; nothing of this batch is stored then.
pub fn plan_due(app: &App) -> Result<usize, Fault> {
    let (now, library, org) = (app.clock.now(), app.library, app.org);
    app.store.write_blocking(move |tx| {
        let due = plan::due(tx, now, BATCH)?;
        for one in &due {
            plan_one(tx, library, org, one, now)?;
        }
        Ok(due.len())
    })
}

/// Ends the occasions whose time ran out; says how many.
///
/// # Errors
/// When the database fails.
pub fn expire_due(app: &App) -> Result<usize, Fault> {
    let (now, org) = (app.clock.now(), app.org);
    app.store
        .write_blocking(move |tx| administration::expire(tx, org, now, EXPIRE_BATCH))
}

fn plan_one(
    tx: &mut Tx,
    library: &Library,
    org: OrgId,
    due: &DuePlan,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    // Two nodes that find the same plan make its occasion once: the second waits here and then finds it made.
    plan::lock(tx, org, due.plan.id)?;
    let zone: Tz = due.time_zone.parse().unwrap_or(chrono_tz::UTC);
    if due.ended_on.is_some() {
        return plan::set_next(tx, org, due.plan.id, None);
    }
    if let Some(occasion) = occasion_now(tx, due, zone, now)? {
        let subject = Subject::Patient {
            id: due.patient_id,
            clinics: vec![due.clinic_id],
        };
        // The program itself may give forms and nothing else.
        if let Ok(permit) = decide(&Actor::System { org }, Action::GiveForm, subject) {
            invite(tx, &permit, library, due, &occasion, now)?;
        }
    }
    enrol::plan_next(tx, &due.plan, zone, now)
}

fn occasion_now(
    tx: &mut Tx,
    due: &DuePlan,
    zone: Tz,
    now: NaiveDateTime,
) -> Result<Option<Occasion>, Fault> {
    let row = &due.plan;
    let Ok(cadence) = row.cadence.parse::<Cadence>() else {
        return Ok(None);
    };
    let sessions = plan::sessions_ahead(tx, row.org_id, row.episode_id, now)?;
    let asked = plan::occasions(tx, row.org_id, row.episode_id)?;
    let asked_for = |name: &str| asked.iter().any(|known| known == name);
    let next = next_occasion(cadence, row.anchor, zone, &sessions, &asked_for, now);
    Ok(next.filter(|occasion| occasion.due_at <= now))
}

fn invite(
    tx: &mut Tx,
    permit: &Permit,
    library: &Library,
    due: &DuePlan,
    occasion: &Occasion,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let ids: Vec<String> = due
        .plan
        .instruments
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let battery = match give_form::battery(library, &ids) {
        Ok(battery) => battery,
        Err(refusal) => {
            tracing::error!(plan = %due.plan.id, %refusal, "a plan cannot be kept");
            let known = ids.iter().filter_map(|id| library.get(id));
            let battery: Vec<_> = known
                .map(|known| InstrumentVersion {
                    instrument: known.id.clone(),
                    version: known.version.clone(),
                })
                .collect();
            return leave_out(tx, permit, due, occasion, &battery, &refusal, now);
        }
    };
    let on_record = OnRecord::read(tx, permit.org(), now)?;
    if let Err(why) = on_record.require(give_form::definitions(library, &battery)) {
        return leave_out(tx, permit, due, occasion, &battery, &why, now);
    }
    let policy = policy::newest(tx, permit.org(), SendingPolicy::KIND)?;
    let row = occasion_row(permit.org(), due, occasion, &battery, &policy, now);
    let id = row.id;
    administration::add(tx, permit, &row)?;
    let link = fresh(now);
    let hash = Token::of(&tx.seal, link).hash();
    administration::add_link(tx, permit, link, id, &hash, now)?;
    match due
        .email
        .as_deref()
        .filter(|_| due.email_refused_at.is_none())
    {
        Some(_) => {
            let (org, recipient) = (permit.org(), due.patient_id);
            let kind = MessageKind::Invitation;
            outbox::add(
                tx,
                &OutboxRow::queued(
                    org,
                    fresh(now),
                    kind,
                    id.bytes(),
                    recipient.bytes(),
                    occasion.due_at,
                    now,
                ),
            )?;
        }
        None => ask_for_address(tx, permit.org(), due, now)?,
    }
    audit::record(tx, permit, "administration", Some(id), now)
}

fn occasion_row(
    org: OrgId,
    due: &DuePlan,
    occasion: &Occasion,
    battery: &[InstrumentVersion],
    policy: &SendingPolicy,
    now: NaiveDateTime,
) -> AdministrationRow {
    AdministrationRow {
        org_id: org,
        id: fresh(now),
        episode_id: due.plan.episode_id,
        patient_id: due.patient_id,
        occasion: occasion.name.clone(),
        instruments: write_battery(battery),
        language: due.language.clone(),
        state: AdministrationState::Planned.word().into(),
        due_at: occasion.due_at,
        expires_at: occasion.expires_at,
        opened_at: None,
        ended_at: None,
        finish_within_s: policy.finish_within_s(),
        informant_id: None,
        ended_why: None,
        step: due.plan.step.clone(),
    }
}

/// What may not be used any more is not sent. The occasion is kept, withdrawn, so that the record shows it and the plan goes on to its
/// next one; a person is told once.
fn leave_out(
    tx: &mut Tx,
    permit: &Permit,
    due: &DuePlan,
    occasion: &Occasion,
    battery: &[InstrumentVersion],
    why: &dyn std::fmt::Display,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let policy = policy::newest(tx, permit.org(), SendingPolicy::KIND)?;
    let row = AdministrationRow {
        state: AdministrationState::Cancelled.word().into(),
        ended_at: Some(now),
        ..occasion_row(permit.org(), due, occasion, battery, &policy, now)
    };
    administration::add(tx, permit, &row)?;
    audit::record(tx, permit, "administration", Some(row.id), now)?;
    tell_not_permitted(tx, permit.org(), due.clinic_id, due.patient_id, why, now)
}

/// One task a patient, however often the form falls due.
///
/// # Errors
/// When the database fails.
pub fn tell_not_permitted(
    tx: &mut Tx,
    org: OrgId,
    clinic: ClinicId,
    patient: PatientId,
    why: &dyn std::fmt::Display,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    if task::waits(tx, org, TaskKind::NoPermission, patient)? {
        return Ok(());
    }
    task::add(
        tx,
        &TaskRow {
            org_id: org,
            id: fresh(now),
            kind: TaskKind::NoPermission.word().into(),
            clinic_id: clinic,
            patient_id: patient,
            detail: format!("{why}. Nothing of this plan is sent until then."),
            created_at: now,
            done_at: None,
            done_by: None,
        },
    )
}

fn ask_for_address(
    tx: &mut Tx,
    org: OrgId,
    due: &DuePlan,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    if task::waits(tx, org, TaskKind::NoAddress, due.patient_id)? {
        return Ok(());
    }
    let row = TaskRow {
        org_id: org,
        id: fresh(now),
        kind: TaskKind::NoAddress.word().into(),
        clinic_id: due.clinic_id,
        patient_id: due.patient_id,
        detail: "A form is due and there is no address to send it to. Add one, or give the form in the clinic.".into(),
        created_at: now,
        done_at: None,
        done_by: None,
    };
    task::add(tx, &row)
}
