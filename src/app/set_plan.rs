//! The measurement plans of one episode of care: added, changed, stopped, put in another order. When they fall due is worked out in the same transaction.

use super::outlook::{Rules, look_again, planned};
use super::{App, Failure, give_form};
use crate::domain::access::{Action, Actor, Permit, decide};
use crate::domain::care::AdministrationState;
use crate::domain::ids::{PatientId, PlanId};
use crate::domain::instrument::Library;
use crate::domain::schedule::step::{Step, write_steps};
use crate::domain::schedule::{Cadence, PlanRole, local_day};
use crate::store::patient::{self, EpisodeRow};
use crate::store::plan::{self, PlanRow};
use crate::store::program_plan::{self, ProgramPlanRow};
use crate::store::{Fault, Tx, administration, audit, fresh, occasion};
use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use std::collections::BTreeSet;

/// What to ask, how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanDetails {
    /// Instrument ids, in order of asking.
    pub instruments: Vec<String>,
    /// How often.
    pub cadence: Cadence,
}

/// A plan as somebody wants it.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// What to ask, how often.
    pub details: PlanDetails,
    /// Core or supplement.
    pub role: PlanRole,
    /// What a score opens, if anything.
    pub steps: Vec<Step>,
}

/// Why a plan was not set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No patient with that id.
    NoPatient,
    /// The patient is in no open episode of care.
    NotInCare,
    /// The open episode has no such plan, or it was stopped.
    NoPlan,
    /// The plan asks what another one asks already, just as often.
    Twice,
    /// An instrument is named twice.
    NamedTwice(String),
    /// A step begins with a form that this plan does not ask; holds the step in words.
    StepElsewhere(String),
    /// A step cannot be used.
    Step(String),
    /// It cannot be kept.
    Plan(give_form::Refusal),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::NoPatient => f.write_str("there is no such patient"),
            Refusal::NotInCare => {
                f.write_str("the patient has no open episode of care; open one first")
            }
            Refusal::NoPlan => f.write_str("there is no such plan; it may have been stopped"),
            Refusal::Twice => {
                f.write_str("there is a plan with these instruments and this rhythm already")
            }
            Refusal::NamedTwice(id) => write!(f, "{id} is named twice"),
            Refusal::StepElsewhere(words) => write!(
                f,
                "{words}: this plan does not ask the first of the two; choose it too, or leave the step out"
            ),
            Refusal::Step(words) => f.write_str(words),
            Refusal::Plan(refusal) => write!(f, "{refusal}"),
        }
    }
}

/// Refuses what could not be asked here.
///
/// # Errors
/// Unknown instruments, those that may not be used here, risky ones that nobody licensed would read; or a fault.
pub fn check(
    tx: &mut Tx,
    permit: &Permit,
    library: &Library,
    instruments: &[String],
    now: NaiveDateTime,
) -> Result<(), Failure<Refusal>> {
    let refused = |refusal| Failure::Refused(Refusal::Plan(refusal));
    for (place, id) in instruments.iter().enumerate() {
        if instruments.iter().take(place).any(|earlier| earlier == id) {
            return Err(Failure::Refused(Refusal::NamedTwice(id.clone())));
        }
    }
    let battery = give_form::battery(library, instruments).map_err(refused)?;
    give_form::require_permission(tx, permit, library, &battery, now)
        .and_then(|()| give_form::require_reader(tx, permit, library, &battery))
        .map_err(|failure| match failure {
            Failure::Refused(refusal) => refused(refusal),
            Failure::Denied(denied) => Failure::Denied(denied),
            Failure::Fault(fault) => Failure::Fault(fault),
        })
}

/// Refuses steps that fit no definition, or begin with a form that the plan does not ask.
///
/// # Errors
/// Says which and why.
pub fn check_steps(library: &Library, wanted: &Wanted) -> Result<(), Refusal> {
    for step in &wanted.steps {
        step.check(library)
            .map_err(|bad| Refusal::Step(bad.to_string()))?;
        if !wanted.details.instruments.contains(&step.screener) {
            return Err(Refusal::StepElsewhere(step.in_words(library)));
        }
    }
    Ok(())
}

/// A new plan of an episode, not stored. One that asks once at the start of an episode that began before counts from today.
pub fn new_row(
    episode: &EpisodeRow,
    details: &PlanDetails,
    role: PlanRole,
    position: i32,
    today: NaiveDate,
    now: NaiveDateTime,
) -> PlanRow {
    let anchor = match details.cadence {
        Cadence::Intake => episode.started_on.max(today),
        _ => episode.started_on,
    };
    PlanRow {
        org_id: episode.org_id,
        id: fresh(now),
        episode_id: episode.id,
        instruments: details.instruments.join(" "),
        cadence: details.cadence.to_string(),
        anchor,
        next_due_at: None,
        role: role.word().into(),
        position,
        step: None,
        program_plan_id: None,
        ended_at: None,
        awaits_at: None,
    }
}

/// A new plan made from a program's, not stored.
///
/// # Errors
/// When the program's cadence cannot be read.
pub fn from_program(
    episode: &EpisodeRow,
    from: &ProgramPlanRow,
    today: NaiveDate,
    now: NaiveDateTime,
) -> Result<PlanRow, Fault> {
    let details = PlanDetails {
        instruments: from
            .instruments
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
        cadence: from
            .cadence
            .parse()
            .map_err(|bad| Fault::Corrupt(format!("a program's plan: {bad}")))?,
    };
    let row = new_row(
        episode,
        &details,
        from.role.parse()?,
        from.position,
        today,
        now,
    );
    Ok(PlanRow {
        step: from.step.clone(),
        program_plan_id: Some(from.id),
        ..row
    })
}

/// Gives a new episode the plans of its program.
///
/// # Errors
/// When the database fails.
pub fn copy_program(
    tx: &mut Tx,
    permit: &Permit,
    episode: &EpisodeRow,
    zone: Tz,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let today = local_day(zone, now);
    for from in program_plan::of_program(tx, permit.org(), episode.program_id)? {
        plan::add(tx, permit, &from_program(episode, &from, today, now)?)?;
    }
    Ok(())
}

/// What a verb about a patient's plans works on.
struct Desk<'a> {
    tx: &'a mut Tx,
    permit: Permit,
    rules: Rules,
    episode: EpisodeRow,
    /// Those that were not stopped.
    plans: Vec<PlanRow>,
    zone: Tz,
}

impl<'a> Desk<'a> {
    fn open(
        tx: &'a mut Tx,
        actor: &Actor,
        id: PatientId,
        library: &'static Library,
        now: NaiveDateTime,
    ) -> Result<Desk<'a>, Failure<Refusal>> {
        let subject =
            patient::place_of(tx, actor.org(), id)?.ok_or(Failure::Refused(Refusal::NoPatient))?;
        let permit = decide(actor, Action::EnrolPatient, subject)?;
        plan::take_turn(tx)?;
        let episode = patient::episodes_of(tx, &permit, &[id])?
            .into_iter()
            .filter(|episode| episode.ended_on.is_none())
            .max_by_key(|episode| (episode.started_on, episode.id))
            .ok_or(Failure::Refused(Refusal::NotInCare))?;
        let mut plans = plan::of_episode(tx, permit.org(), episode.id)?;
        plans.retain(|row| row.ended_at.is_none());
        let rules = Rules::read(tx, library, permit.org(), now)?;
        let zone = patient::load(tx, &permit)?
            .time_zone
            .parse()
            .unwrap_or(chrono_tz::UTC);
        Ok(Desk {
            tx,
            permit,
            rules,
            episode,
            plans,
            zone,
        })
    }

    fn plan(&self, id: PlanId) -> Result<PlanRow, Failure<Refusal>> {
        let known = self.plans.iter().find(|row| row.id == id);
        known.cloned().ok_or(Failure::Refused(Refusal::NoPlan))
    }

    fn check(&mut self, wanted: &Wanted, but: Option<PlanId>) -> Result<(), Failure<Refusal>> {
        let (library, now) = (self.rules.library, self.rules.now);
        check_steps(library, wanted).map_err(Failure::Refused)?;
        let instruments = &wanted.details.instruments;
        check(self.tx, &self.permit, library, instruments, now)?;
        let same = |row: &PlanRow| {
            Some(row.id) != but
                && planned(row).is_some_and(|known| {
                    known.instruments == wanted.details.instruments
                        && known.cadence == wanted.details.cadence
                })
        };
        if self.plans.iter().any(same) {
            return Err(Failure::Refused(Refusal::Twice));
        }
        Ok(())
    }

    fn last_position(&self) -> i32 {
        self.plans.iter().map(|row| row.position).max().unwrap_or(0)
    }

    fn finish(self) -> Result<(), Failure<Refusal>> {
        let Desk {
            tx,
            permit,
            rules,
            episode,
            ..
        } = self;
        look_again(tx, &rules, permit.org(), episode.id)?;
        audit::record(tx, &permit, "patient", permit.patient(), rules.now)?;
        Ok(())
    }
}

/// Adds a plan to the open episode, after the others.
///
/// # Errors
/// See [`Refusal`]; or access or the database says no.
pub async fn add_plan(
    app: &App,
    actor: Actor,
    patient: PatientId,
    wanted: Wanted,
) -> Result<(), Failure<Refusal>> {
    let (now, library) = (app.clock.now(), app.library);
    app.store
        .write(move |tx| {
            let mut desk = Desk::open(tx, &actor, patient, library, now)?;
            desk.check(&wanted, None)?;
            let today = local_day(desk.zone, now);
            let position = desk.last_position() + 1;
            let row = PlanRow {
                step: write_steps(&wanted.steps),
                ..new_row(
                    &desk.episode,
                    &wanted.details,
                    wanted.role,
                    position,
                    today,
                    now,
                )
            };
            plan::add(desk.tx, &desk.permit, &row)?;
            desk.finish()
        })
        .await
}

/// Changes what a plan asks and how often. What it asked stays its own; an occasion of a name it had already is not asked again.
///
/// # Errors
/// See [`Refusal`]; or access or the database says no.
pub async fn change_plan(
    app: &App,
    actor: Actor,
    patient: PatientId,
    id: PlanId,
    wanted: Wanted,
) -> Result<(), Failure<Refusal>> {
    let (now, library) = (app.clock.now(), app.library);
    app.store
        .write(move |tx| {
            let mut desk = Desk::open(tx, &actor, patient, library, now)?;
            let known = desk.plan(id)?;
            desk.check(&wanted, Some(id))?;
            let changed = PlanRow {
                instruments: wanted.details.instruments.join(" "),
                cadence: wanted.details.cadence.to_string(),
                role: wanted.role.word().to_owned(),
                step: write_steps(&wanted.steps),
                ..known
            };
            plan::change(desk.tx, &desk.permit, &changed)?;
            desk.finish()
        })
        .await
}

/// Stops a plan, and what it has asked that has not left yet.
///
/// # Errors
/// See [`Refusal`]; or access or the database says no.
pub async fn stop_plan(
    app: &App,
    actor: Actor,
    patient: PatientId,
    id: PlanId,
) -> Result<(), Failure<Refusal>> {
    let (now, library) = (app.clock.now(), app.library);
    app.store
        .write(move |tx| {
            let desk = Desk::open(tx, &actor, patient, library, now)?;
            let known = desk.plan(id)?;
            end(desk.tx, &desk.permit, &known, now)?;
            desk.finish()
        })
        .await
}

/// Ends a plan, and calls off what it has asked that has not left yet and that no other plan asks. What has left stays: somebody may be about to answer it.
///
/// # Errors
/// When the database fails.
pub(super) fn end(
    tx: &mut Tx,
    permit: &Permit,
    ended: &PlanRow,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    plan::stop(tx, permit, ended.id, now)?;
    let org = permit.org();
    let plans = plan::of_episode(tx, org, ended.episode_id)?;
    let goes_on = |id| {
        plans
            .iter()
            .any(|row| row.id == id && row.ended_at.is_none())
    };
    let asked = occasion::of_episode(tx, org, ended.episode_id)?;
    let theirs = asked.iter().filter(|row| row.plan_id == ended.id);
    let forms: BTreeSet<_> = theirs.filter_map(|row| row.administration_id).collect();
    for form in forms {
        let is_wanted = asked
            .iter()
            .any(|row| row.administration_id == Some(form) && goes_on(row.plan_id));
        if !is_wanted
            && occasion::state_of(tx, org, form)? == AdministrationState::Planned.word()
            && occasion::withdraw(tx, org, form, "its plan was stopped", now)?
        {
            administration::revoke_links(tx, org, form, now)?;
        }
    }
    Ok(())
}

/// Lets a plan change places with the one before it of its kind: the last supplement is dropped first.
///
/// # Errors
/// See [`Refusal`]; or access or the database says no.
pub async fn raise_plan(
    app: &App,
    actor: Actor,
    patient: PatientId,
    id: PlanId,
) -> Result<(), Failure<Refusal>> {
    let (now, library) = (app.clock.now(), app.library);
    app.store
        .write(move |tx| {
            let desk = Desk::open(tx, &actor, patient, library, now)?;
            let known = desk.plan(id)?;
            let mut order: Vec<PlanRow> = desk
                .plans
                .iter()
                .filter(|row| row.role == known.role)
                .cloned()
                .collect();
            order.sort_by_key(|row| (row.position, row.id));
            if let Some(place) = order.iter().position(|row| row.id == id)
                && place > 0
            {
                order.swap(place - 1, place);
            }
            for (position, row) in (1..).zip(order) {
                plan::change(desk.tx, &desk.permit, &PlanRow { position, ..row })?;
            }
            desk.finish()
        })
        .await
}
