//! Turns the crank of waiting flags: passed on to the next licensed person until somebody says "I have it", called due and overdue until somebody closes them, called
//! unfinished when their form was left. Each flag has a transaction of its own, so that none holds up another. What a step is, is decided in `risk::life`; nothing here
//! closes a flag.

use super::App;
use super::raise_flags::FINISH_WITHIN;
use super::safety_in_force::InForce;
use super::tell_of_flag::{add_act, notify, tell_duty};
use crate::domain::ids::{FlagId, OrgId, StaffId};
use crate::domain::message::MessageKind;
use crate::domain::risk::life::{self, Crank, CrankStep, Tell, Waiting};
use crate::domain::risk::policy::SafetyPolicy;
use crate::domain::risk::{Act, Candidate, FlagState, Standing, Tier};
use crate::store::flag::FlagRow;
use crate::store::{Fault, Tx, cover, flag_turn, patient};
use chrono::{NaiveDateTime, TimeDelta};
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// After so long a turn ends, so that the loop can say that it lives; what is left is taken up at once.
const TURN: Duration = Duration::from_secs(20);

/// At which flags a turn looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Those whose time has come: cheap enough for every second.
    Due,
    /// Also those whose owner is not here any more, and those that a wrong clock planned too far ahead.
    Everything,
}

/// Takes the next step of every flag for which one is due; says how many there were.
///
/// # Errors
/// When the database fails before any flag was looked at. What goes wrong with one flag is logged and tried again, and holds up no other.
pub fn escalate(app: &App) -> Result<usize, Fault> {
    escalate_some(app, Look::Everything)
}

/// The same, looking at some.
///
/// # Errors
/// As [`escalate`].
pub fn escalate_some(app: &App, look: Look) -> Result<usize, Fault> {
    let (now, org) = (app.clock.now(), app.org);
    let ids = app
        .store
        .read_blocking(move |tx| to_look_at(tx, org, now, look))?;
    Ok(each(app, ids, look_at))
}

/// Says in the history of flags whose form was left, ten minutes after the answer, that it was; and of those whose form was handed in after all, that too. Says of how
/// many.
///
/// # Errors
/// As [`escalate`].
pub fn note_unfinished(app: &App, look: Look) -> Result<usize, Fault> {
    let (now, org) = (app.clock.now(), app.org);
    let ids = app.store.read_blocking(move |tx| {
        let mut ids = flag_turn::to_finish(tx, org, now, now + FINISH_WITHIN)?;
        if look == Look::Everything {
            ids.extend(flag_turn::left(tx, org)?);
        }
        Ok::<_, Fault>(ids)
    })?;
    Ok(each(app, ids, look_whether_left))
}

/// Does something about each of these flags in a transaction of its own; says about how many it did.
fn each(
    app: &App,
    ids: Vec<FlagId>,
    turn: fn(&mut Tx, OrgId, FlagId, NaiveDateTime) -> Result<bool, Fault>,
) -> usize {
    let (begun, org) = (Instant::now(), app.org);
    let mut done = 0;
    for id in ids {
        if begun.elapsed() > TURN {
            break;
        }
        // Not the turn's beginning: a turn with many flags takes its time, and the next step counts from this one.
        let now = app.clock.now();
        match app.store.write_blocking(move |tx| turn(tx, org, id, now)) {
            Ok(did) => done += usize::from(did),
            Err(fault) => {
                tracing::error!(flag = %id, %fault, "a flag's step failed; it is tried again");
            }
        }
    }
    done
}

fn to_look_at(
    tx: &mut Tx,
    org: OrgId,
    now: NaiveDateTime,
    look: Look,
) -> Result<Vec<FlagId>, Fault> {
    let mut ids = flag_turn::due(tx, org, now)?;
    if look == Look::Due {
        return Ok(ids);
    }
    let people = cover::candidates(tx, org, now)?;
    if people
        .iter()
        .any(|person| person.standing == Standing::Eligible)
    {
        let gone: Vec<StaffId> = flag_turn::owners(tx, org)?
            .into_iter()
            .filter(|owner| !life::is_here(*owner, &people))
            .collect();
        ids.extend(flag_turn::waiting_with(tx, org, &gone)?);
    }
    ids.extend(planned_by_a_wrong_clock(tx, org, &people, now)?);
    let mut seen = HashSet::new();
    ids.retain(|id| seen.insert(*id));
    Ok(ids)
}

/// The query finds what may have been planned too far ahead, the domain says what was; a look alone needs no transaction.
fn planned_by_a_wrong_clock(
    tx: &mut Tx,
    org: OrgId,
    people: &[Candidate],
    now: NaiveDateTime,
) -> Result<Vec<FlagId>, Fault> {
    let in_force = InForce::read(tx, org)?;
    let mut found = vec![];
    for tier in [Tier::Crisis, Tier::Review] {
        for state in [FlagState::Open, FlagState::Acknowledged] {
            let after = life::suspect_after(tier, state, now, in_force.times());
            for row in flag_turn::planned_after(tx, org, tier, state, after)? {
                let waiting = match waiting(tx, &row) {
                    Ok(waiting) => waiting,
                    Err(Fault::Corrupt(what)) => {
                        tracing::error!(flag = %row.id, what, "a flag cannot be read; the others go on");
                        continue;
                    }
                    Err(fault) => return Err(fault),
                };
                if life::crank(&waiting, people, now, in_force.times()) != Crank::NotYet {
                    found.push(row.id);
                }
            }
        }
    }
    Ok(found)
}

/// Takes the next step of one flag, if one is due; says whether it was.
fn look_at(tx: &mut Tx, org: OrgId, id: FlagId, now: NaiveDateTime) -> Result<bool, Fault> {
    // Locked and read anew: another node may have taken this step.
    let Some(row) = flag_turn::take_waiting(tx, org, id)? else {
        return Ok(false);
    };
    let people = cover::candidates(tx, org, now)?;
    let in_force = InForce::read(tx, org)?;
    let waiting = waiting(tx, &row)?;
    match life::crank(&waiting, &people, now, in_force.times()) {
        Crank::NotYet => Ok(false),
        Crank::Earlier(deadlines) => {
            flag_turn::look_at(tx, org, id, deadlines)?;
            Ok(false)
        }
        Crank::Step(step) => {
            take(tx, &in_force.policy, &row, &step, &people, now)?;
            Ok(true)
        }
    }
}

/// Says in a flag's history that its form was left, if it was; says whether it did.
fn look_whether_left(
    tx: &mut Tx,
    org: OrgId,
    id: FlagId,
    now: NaiveDateTime,
) -> Result<bool, Fault> {
    let Some(row) = flag_turn::take_waiting(tx, org, id)? else {
        return Ok(false);
    };
    let asked = |by: NaiveDateTime| by <= now || by > now + FINISH_WITHIN;
    let asked = row.finish_by.is_some_and(asked);
    let note = |tx: &mut Tx, act, words: &str| add_act(tx, &row, act, words.to_owned(), now);
    // A form that ran out in the meantime was left too.
    match flag_turn::has_unfinished_form(tx, org, id)? {
        true if asked => {
            flag_turn::looked_whether_left(tx, &row, row.unfinished_at.or(Some(now)))?;
            if row.unfinished_at.is_none() {
                let words = "the form was left after this answer and not handed in";
                note(tx, Act::Unfinished, words)?;
            }
            Ok(row.unfinished_at.is_none())
        }
        true => Ok(false),
        false if row.unfinished_at.is_some() => {
            flag_turn::looked_whether_left(tx, &row, None)?;
            note(tx, Act::Finished, "the form was handed in")?;
            Ok(true)
        }
        false if asked => {
            flag_turn::looked_whether_left(tx, &row, None)?;
            Ok(false)
        }
        false => Ok(false),
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
        taken_on_at: row.acknowledged_at,
        clinician: clinician_of(tx, row)?,
        clinic: row.clinic_id,
    })
}

/// The patient's own clinician where the flag is: of today, when the care in which it was raised has ended and they are cared for there once more.
fn clinician_of(tx: &mut Tx, row: &FlagRow) -> Result<StaffId, Fault> {
    let care = patient::in_care(tx, row.org_id, row.episode_id)?;
    if care.clinic_id == row.clinic_id {
        return Ok(care.clinician_id);
    }
    Ok(patient::episode_by_id(tx, row.org_id, row.episode_id)?.clinician_id)
}

/// Stores a step with its line in the history and whom it tells.
fn take(
    tx: &mut Tx,
    policy: &SafetyPolicy,
    row: &FlagRow,
    step: &CrankStep,
    people: &[Candidate],
    now: NaiveDateTime,
) -> Result<(), Fault> {
    flag_turn::turn(tx, row, step)?;
    let after = FlagRow {
        owner_id: step.owner,
        state: step.state.word().into(),
        ..row.clone()
    };
    add_act(
        tx,
        &after,
        step.act,
        said(step, row, policy, people, now).into(),
        now,
    )?;
    for tell in &step.tell {
        match tell {
            Tell::Owner => {
                let kind = match step.state {
                    FlagState::Acknowledged => MessageKind::CloseNotice,
                    FlagState::Open | FlagState::Closed => MessageKind::FlagNotice,
                };
                notify(tx, row, kind, step.owner.bytes(), now)?;
            }
            Tell::Besides => {
                for who in life::told_besides(people, row.clinic_id, step.owner) {
                    notify(tx, row, MessageKind::SupervisorNotice, who.bytes(), now)?;
                }
            }
            Tell::Duty => tell_duty(tx, policy, row, people, now)?,
        }
    }
    Ok(())
}

fn said(
    step: &CrankStep,
    row: &FlagRow,
    policy: &SafetyPolicy,
    people: &[Candidate],
    now: NaiveDateTime,
) -> &'static str {
    let due = row.next_step_at.is_some_and(|at| at <= now);
    match step.act {
        Act::Alarmed => {
            "not acknowledged in time, and nobody licensed is here; the duty contact was told"
        }
        Act::CloseDue => "not closed on the day it was taken on; whoever has it was told",
        Act::Overdue if !life::told_besides(people, row.clinic_id, step.owner).is_empty() => {
            "not closed in time; whoever has it was told, and who else answers for this clinic"
        }
        Act::Overdue if policy.duty.is_some() => {
            "not closed in time; nobody else who may act is here; whoever has it and the duty contact were told"
        }
        Act::Overdue => {
            "not closed in time; whoever has it was told; nobody else who may act is here, and the site names no duty contact"
        }
        _ if row.owner_id == step.owner => "not acknowledged in time; told again",
        _ if !due => "whoever had it is not here any more; the next person was told",
        _ => "not acknowledged in time; the next person was told",
    }
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
    let owned = flag_turn::owned_by(tx, org, leaving)?;
    if owned.is_empty() {
        return Ok(());
    }
    let people = cover::candidates(tx, org, now)?;
    let in_force = InForce::read(tx, org)?;
    for id in owned {
        let Some(row) = flag_turn::take_waiting(tx, org, id)? else {
            continue;
        };
        if row.owner_id != leaving {
            continue;
        }
        let waiting = waiting(tx, &row)?;
        let step = life::pass_on(&waiting, &people, now, in_force.times());
        take(tx, &in_force.policy, &row, &step, &people, now)?;
    }
    Ok(())
}

/// A wall clock beside one that only goes forward: notices when the first was put back.
#[derive(Debug, Default)]
pub struct ClockWatch {
    last: Option<(NaiveDateTime, Instant)>,
}

impl ClockWatch {
    /// So far behind the steady clock counts as put back.
    const PUT_BACK: TimeDelta = TimeDelta::seconds(5);

    /// Looks at both clocks; says by how much the wall clock went back since the last look, if it did.
    pub fn went_back(&mut self, wall: NaiveDateTime, steady: Instant) -> Option<TimeDelta> {
        let before = self.last.replace((wall, steady))?;
        let gone_by = TimeDelta::from_std(steady.saturating_duration_since(before.1)).ok()?;
        let back = before.0 + gone_by - wall;
        (back > Self::PUT_BACK).then_some(back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_clock_that_is_put_back_is_noticed_and_one_that_jumps_ahead_is_not() {
        let (wall, steady) = (NaiveDateTime::default(), Instant::now());
        let mut watch = ClockWatch::default();
        assert_eq!(watch.went_back(wall, steady), None);
        let (minute, later) = (TimeDelta::minutes(1), steady + Duration::from_secs(60));
        assert_eq!(watch.went_back(wall + minute, later), None);
        assert_eq!(
            watch.went_back(wall - minute, later + Duration::from_secs(1)),
            Some(TimeDelta::seconds(121))
        );
        let day = TimeDelta::days(1);
        assert_eq!(
            watch.went_back(wall + day, later + Duration::from_secs(2)),
            None
        );
    }
}
