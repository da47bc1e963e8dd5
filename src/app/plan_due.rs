//! What falls due becomes one form with its link and its invitation in the outbox, in one transaction, and what became of each occasion is written down;
//! then the plans are looked at again at their next date. What is asked is the domain's decision; sending is `send_due`.

use super::link::Token;
use super::outlook::{Outlook, Rules};
use super::{App, give_form};
use crate::domain::access::{Action, Actor, Permit, Subject, decide};
use crate::domain::care::{AdministrationState, write_battery};
use crate::domain::ids::{AdministrationId, ClinicId, EpisodeId, OrgId, PatientId};
use crate::domain::message::MessageKind;
use crate::domain::schedule::planning::{self, Decision, Form, Outcome, Skipped, Verdict};
use crate::domain::schedule::step::{Step, read_steps, write_steps};
use crate::domain::schedule::{Occasion, OccasionOutcome};
use crate::store::administration::{self, AdministrationRow};
use crate::store::contact::{Channel, ContactRow};
use crate::store::occasion::{self, OccasionRow};
use crate::store::outbox::{self, Lane, OutboxRow};
use crate::store::patient::PatientRow;
use crate::store::plan::{self, PlanRow};
use crate::store::task::{self, TaskKind, TaskRow};
use crate::store::{Fault, Tx, audit, fresh};
use chrono::{NaiveDateTime, TimeDelta};

/// At most so many plans in one transaction.
const BATCH: i64 = 200;

/// An episode that could not be planned is looked at again after this long.
const AGAIN_AFTER: TimeDelta = TimeDelta::minutes(15);

/// Decides what is due now; says how many episodes it looked at, so that the caller goes on while there are more.
///
/// # Errors
/// When the database fails.
pub fn plan_due(app: &App) -> Result<usize, Fault> {
    plan_together(app).or_else(|fault| {
        tracing::warn!(%fault, "what is due is planned one episode at a time: one of them may be at fault");
        plan_apart(app)
    })
}

/// Each episode in a transaction of its own: nobody goes unasked because of somebody else's record.
fn plan_apart(app: &App) -> Result<usize, Fault> {
    let (now, library, org) = (app.clock.now(), app.library, app.org);
    let due = app
        .store
        .read_blocking(move |tx| plan::due(tx, org, now, BATCH))?;
    for episode in due.iter().copied() {
        let planned = app.store.write_blocking(move |tx| {
            plan::take_turn(tx)?;
            let rules = Rules::read(tx, library, org, now)?;
            plan_episode(tx, &rules, org, episode)
        });
        if let Err(fault) = planned {
            tracing::error!(%episode, %fault, "an episode could not be planned; it is tried again");
            app.store.write_blocking(move |tx| {
                plan::look_later(tx, org, episode, now, now + AGAIN_AFTER)
            })?;
        }
    }
    Ok(due.len())
}

fn plan_together(app: &App) -> Result<usize, Fault> {
    let (now, library, org) = (app.clock.now(), app.library, app.org);
    app.store.write_blocking(move |tx| {
        plan::take_turn(tx)?;
        let due = plan::due(tx, org, now, BATCH)?;
        if due.is_empty() {
            return Ok(0);
        }
        let rules = Rules::read(tx, library, org, now)?;
        for episode in &due {
            plan_episode(tx, &rules, org, *episode)?;
        }
        Ok(due.len())
    })
}

fn plan_episode(tx: &mut Tx, rules: &Rules, org: OrgId, id: EpisodeId) -> Result<(), Fault> {
    let outlook = Outlook::read(tx, rules, org, id)?;
    let subject = Subject::Patient {
        id: outlook.patient.id,
        clinics: vec![outlook.episode.clinic_id],
    };
    // The program itself may give forms and nothing else.
    let permit = decide(&Actor::System { org }, Action::GiveForm, subject)
        .map_err(|denied| Fault::Corrupt(format!("the planner was denied: {denied}")))?;
    let decision = planning::decide(&outlook.situation, rules.now);
    let form = match &decision.form {
        Some(form) => Some(keep_form(tx, &permit, rules, &outlook, form, &decision)?),
        None => None,
    };
    for verdict in &decision.verdicts {
        keep_verdict(tx, &permit, rules, &outlook, verdict, form)?;
    }
    for row in &outlook.plans {
        // A plan that cannot be read is not looked at again until somebody changes it.
        let look = decision.looks.iter().find(|look| look.plan == row.id);
        let look = look.copied().unwrap_or(planning::Look {
            plan: row.id,
            at: None,
            awaits: None,
        });
        if (row.next_due_at, row.awaits_at) != (look.at, look.awaits) {
            plan::set_look(tx, org, &look)?;
        }
    }
    Ok(())
}

fn keep_form(
    tx: &mut Tx,
    permit: &Permit,
    rules: &Rules,
    outlook: &Outlook,
    form: &Form,
    decision: &Decision,
) -> Result<AdministrationId, Fault> {
    let battery = give_form::battery(rules.library, &form.instruments)
        .map_err(|refusal| Fault::Corrupt(format!("a decided form: {refusal}")))?;
    let battery = write_battery(&battery);
    if let Some(known) = form.joins.and_then(|place| outlook.forms.get(place)) {
        let until = form.expires_at.max(known.expires_at);
        let steps = steps_of(outlook, decision, known.step.as_deref());
        if occasion::join(tx, permit, known.id, &battery, steps.as_deref(), until)? {
            audit::record(tx, permit, "administration", Some(known.id), rules.now)?;
            return Ok(known.id);
        }
    }
    let first = first_asked(decision)
        .ok_or_else(|| Fault::Corrupt("a form without an occasion".to_owned()))?;
    let row = AdministrationRow {
        org_id: permit.org(),
        id: fresh(rules.now),
        episode_id: outlook.episode.id,
        patient_id: outlook.patient.id,
        occasion: free_name(tx, permit.org(), outlook.episode.id, &first.name)?,
        instruments: battery,
        language: outlook.patient.language.clone(),
        state: AdministrationState::Planned.word().into(),
        due_at: form.due_at,
        expires_at: form.expires_at,
        opened_at: None,
        ended_at: None,
        finish_within_s: rules.policy.finish_within_s(),
        informant_id: None,
        ended_why: None,
        step: steps_of(outlook, decision, None),
    };
    invite(tx, permit, rules, outlook, &row)?;
    Ok(row.id)
}

/// The steps of every plan that is asked now, with those the form has already, each once.
fn steps_of(outlook: &Outlook, decision: &Decision, already: Option<&str>) -> Option<String> {
    let asked = |row: &&PlanRow| {
        decision
            .verdicts
            .iter()
            .any(|verdict| verdict.plan == row.id && verdict.outcome == Outcome::Asked)
    };
    let theirs = outlook.plans.iter().filter(asked);
    let mut steps: Vec<Step> = vec![];
    for text in already
        .into_iter()
        .chain(theirs.filter_map(|row| row.step.as_deref()))
    {
        // What cannot be read was checked when the plan was set; a newer program's text opens nothing here.
        for step in read_steps(text).unwrap_or_default() {
            if !steps.contains(&step) {
                steps.push(step);
            }
        }
    }
    write_steps(&steps)
}

fn first_asked(decision: &Decision) -> Option<&Occasion> {
    decision
        .verdicts
        .iter()
        .filter(|verdict| verdict.outcome == Outcome::Asked)
        .map(|verdict| &verdict.occasion)
        .min_by_key(|occasion| occasion.due_at)
}

/// Two plans may name their occasions alike, and a session that was called off may be planned again.
fn free_name(tx: &mut Tx, org: OrgId, episode: EpisodeId, name: &str) -> Result<String, Fault> {
    let mut tried = name.to_owned();
    let mut n = 1;
    while occasion::name_is_taken(tx, org, episode, &tried)? {
        n += 1;
        tried = format!("{name} ({n})");
    }
    Ok(tried)
}

fn invite(
    tx: &mut Tx,
    permit: &Permit,
    rules: &Rules,
    outlook: &Outlook,
    row: &AdministrationRow,
) -> Result<(), Fault> {
    let (now, who) = (rules.now, &outlook.patient);
    administration::add(tx, permit, row)?;
    let link = fresh(now);
    let hash = Token::of(&tx.seal, link).hash();
    administration::add_link(tx, permit, link, row.id, &hash, now)?;
    match lane(who, outlook.contact.as_ref()) {
        Some(lane) => {
            let message = OutboxRow::queued(
                permit.org(),
                fresh(now),
                MessageKind::Invitation,
                row.id.bytes(),
                who.id.bytes(),
                row.due_at,
                now,
            );
            let lane = lane.word().to_owned();
            outbox::add(tx, &OutboxRow { lane, ..message })?;
        }
        None => ask_for_address(tx, permit.org(), outlook.episode.clinic_id, who.id, now)?,
    }
    audit::record(tx, permit, "administration", Some(row.id), now)
}

/// By which lane an invitation leaves; `None` when there is nowhere to send it.
pub fn lane(who: &PatientRow, contact: Option<&ContactRow>) -> Option<Lane> {
    let wants_texts = contact.is_some_and(|row| row.channel == Channel::Text.word());
    let by_text = contact.is_some_and(|row| {
        row.phone.is_some() && row.phone_refused_at.is_none() && row.texts_stopped_at.is_none()
    });
    let by_mail = who.email.is_some() && who.email_refused_at.is_none();
    // No mail in the place of a text: whoever asked for one may share the mailbox.
    match wants_texts {
        true => by_text.then_some(Lane::Texts),
        false => by_mail.then_some(Lane::Mails),
    }
}

fn keep_verdict(
    tx: &mut Tx,
    permit: &Permit,
    rules: &Rules,
    outlook: &Outlook,
    verdict: &Verdict,
    form: Option<AdministrationId>,
) -> Result<(), Fault> {
    let (outcome, form, why) = match &verdict.outcome {
        Outcome::Asked => (OccasionOutcome::Asked, form, None),
        Outcome::Covered(place) => {
            let covered = outlook.forms.get(*place).map(|form| form.id);
            (OccasionOutcome::Asked, covered, None)
        }
        Outcome::Dropped(why) => (OccasionOutcome::Dropped, None, Some(why.clone())),
        Outcome::Skipped(why) => (OccasionOutcome::Skipped, None, Some(why.to_string())),
    };
    occasion::add(
        tx,
        permit,
        &OccasionRow {
            org_id: permit.org(),
            plan_id: verdict.plan,
            name: verdict.occasion.name.clone(),
            due_at: verdict.occasion.due_at,
            outcome: outcome.word().to_owned(),
            administration_id: form,
            why,
            made_at: rules.now,
        },
    )?;
    if let Outcome::Skipped(Skipped::NotPermitted(why)) = &verdict.outcome {
        let (clinic, who) = (outlook.episode.clinic_id, outlook.patient.id);
        tell_not_permitted(tx, permit.org(), clinic, who, why, rules.now)?;
    }
    Ok(())
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
    clinic: ClinicId,
    patient: PatientId,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    if task::waits(tx, org, TaskKind::NoAddress, patient)? {
        return Ok(());
    }
    let row = TaskRow {
        org_id: org,
        id: fresh(now),
        kind: TaskKind::NoAddress.word().into(),
        clinic_id: clinic,
        patient_id: patient,
        detail: "A form is due and there is no address or number to send it to. Add one, or give the form in the clinic.".into(),
        created_at: now,
        done_at: None,
        done_by: None,
    };
    task::add(tx, &row)
}
