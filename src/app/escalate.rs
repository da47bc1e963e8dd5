//! Turns the crank of waiting flags: passed on to the next licensed person until somebody says "I have it", called due and overdue until somebody closes them. Each flag
//! has a transaction of its own, so that none holds up another. What a step is, is decided in `risk::life`; nothing here closes a flag.

use super::App;
use super::raise_flags::{add_act, alarm_nobody_licensed, notify, notify_person};
use super::safety_in_force::InForce;
use crate::domain::ids::{FlagId, OrgId, StaffId};
use crate::domain::risk::life::{self, Crank, CrankStep, Tell, Waiting};
use crate::domain::risk::{Act, Candidate, Standing};
use crate::store::flag::{self, FlagRow};
use crate::store::{Fault, Tx, cover, patient};
use chrono::{NaiveDateTime, TimeDelta};

/// At most so many flags in one turn.
const BATCH: i64 = 200;
/// Nothing is planned further ahead than this unless the clock was wrong: the longest review deadline a site may set, over a long closure.
const FARTHEST: TimeDelta = TimeDelta::days(90);

/// Takes the next step of every flag for which one is due; says how many there were.
///
/// # Errors
/// When the database fails before any flag was looked at. What goes wrong with one flag is logged and tried again, and holds up no other.
pub fn escalate(app: &App) -> Result<usize, Fault> {
    let (now, org) = (app.clock.now(), app.org);
    let ids = app.store.write_blocking(move |tx| {
        let people = cover::candidates(tx, org, now)?;
        let gone: Vec<StaffId> = flag::owners(tx, org)?
            .into_iter()
            .filter(|owner| !life::is_here(*owner, &people))
            .collect();
        let times = InForce::read(tx, org)?;
        // A crisis step is never further ahead than this; others are looked at when they are.
        let after = now + times.policy.clocks.close_within() + FARTHEST;
        flag::to_look_at(tx, org, now, after, &gone, BATCH)
    })?;
    let mut steps = 0;
    for id in ids {
        let stepped = app
            .store
            .write_blocking(move |tx| look_at(tx, org, id, now));
        match stepped {
            Ok(stepped) => steps += usize::from(stepped),
            Err(fault) => {
                tracing::error!(flag = %id, %fault, "a flag's step failed; it is tried again");
            }
        }
    }
    Ok(steps)
}

/// Takes the next step of one flag, if one is due; says whether it was.
fn look_at(tx: &mut Tx, org: OrgId, id: FlagId, now: NaiveDateTime) -> Result<bool, Fault> {
    let Some(row) = flag::take_waiting(tx, org, id)? else {
        return Ok(false);
    };
    let people = cover::candidates(tx, org, now)?;
    let in_force = InForce::read(tx, org)?;
    let waiting = waiting(tx, &row)?;
    match life::crank(&waiting, &people, now, in_force.times()) {
        Crank::NotYet => Ok(false),
        Crank::Earlier(at) => {
            flag::look_at(tx, org, id, at)?;
            Ok(false)
        }
        Crank::Step(step) => {
            take(tx, &row, &step, &people, now)?;
            Ok(true)
        }
    }
}

fn waiting(tx: &mut Tx, row: &FlagRow) -> Result<Waiting, Fault> {
    let without = || Fault::Corrupt(format!("waiting flag {} has no deadline", row.id));
    Ok(Waiting {
        tier: row.tier.parse()?,
        state: row.state.parse()?,
        raised_at: row.raised_at,
        due_at: row.due_at.ok_or_else(without)?,
        next_step_at: row.next_step_at.ok_or_else(without)?,
        owner: row.owner_id,
        clinician: patient::episode_by_id(tx, row.org_id, row.episode_id)?.clinician_id,
        clinic: row.clinic_id,
    })
}

/// Stores a step with its line in the history and whom it tells.
fn take(
    tx: &mut Tx,
    row: &FlagRow,
    step: &CrankStep,
    people: &[Candidate],
    now: NaiveDateTime,
) -> Result<(), Fault> {
    flag::turn(tx, row, step)?;
    let after = FlagRow {
        owner_id: step.owner,
        state: step.state.word().into(),
        ..row.clone()
    };
    add_act(tx, &after, step.act, said(step, row).into(), now)?;
    for tell in &step.tell {
        match tell {
            Tell::Owner => notify(tx, &after, now)?,
            Tell::Supervisors => {
                for who in life::supervisors(people, row.clinic_id, step.owner) {
                    notify_person(tx, &after, who, now)?;
                }
            }
            Tell::Duty => alarm(tx, row, people, now)?,
        }
    }
    Ok(())
}

fn said(step: &CrankStep, row: &FlagRow) -> &'static str {
    match step.act {
        Act::Alarmed => {
            "not acknowledged in time, and nobody licensed is here; the duty contact was told"
        }
        Act::CloseDue => "not closed on the day it was taken on; whoever has it was told",
        Act::Overdue => "not closed in time; the supervisors were told",
        _ if row.owner_id == step.owner => "not acknowledged in time; told again",
        _ => "not acknowledged in time; the next person was told",
    }
}

fn alarm(
    tx: &mut Tx,
    row: &FlagRow,
    people: &[Candidate],
    now: NaiveDateTime,
) -> Result<(), Fault> {
    tracing::error!(flag = %row.id, "a flag waits and nobody licensed is here");
    let nobody = people
        .iter()
        .all(|person| person.standing == Standing::Ineligible);
    if nobody {
        alarm_nobody_licensed(tx, row.org_id, row.clinic_id, row.patient_id, now)?;
    }
    Ok(())
}

/// Gives away the waiting flags of somebody who can no longer act on them.
///
/// # Errors
/// When the database fails.
pub fn hand_over_flags_of(
    tx: &mut Tx,
    leaving: StaffId,
    org: OrgId,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let owned = flag::owned_by(tx, org, leaving)?;
    if owned.is_empty() {
        return Ok(());
    }
    let people = cover::candidates(tx, org, now)?;
    let in_force = InForce::read(tx, org)?;
    for row in owned {
        let waiting = waiting(tx, &row)?;
        let step = life::pass_on(&waiting, &people, now, in_force.times());
        take(tx, &row, &step, &people, now)?;
    }
    Ok(())
}
