//! What every patient of a program is asked: read, added to, stopped, and carried over to those who are in care already.

use super::outlook::{Rules, look_again};
use super::set_plan::PlanDetails;
use super::set_plan::{self, Refusal, Wanted, from_program};
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Permit, Subject, decide};
use crate::domain::ids::{EpisodeId, ProgramId, ProgramPlanId};
use crate::domain::schedule::step::write_steps;
use crate::domain::schedule::{Cadence, local_day};
use crate::store::organisation::{self, ProgramRow};
use crate::store::plan;
use crate::store::program_plan::{self, Asks, ProgramPlanRow};
use crate::store::{Fault, Tx, audit, fresh, patient};
use std::collections::HashSet;

/// Episodes in one transaction when a program's plans are carried over.
const CHUNK: usize = 200;

/// A program with its plans.
pub struct ProgramPlans {
    /// The program.
    pub program: ProgramRow,
    /// Its plans that were not stopped, each with the number of patients in care who have it.
    pub plans: Vec<(ProgramPlanRow, i64)>,
    /// Patients in care.
    pub in_care: usize,
    /// Patients in care who still have a plan that the program stopped, as the program had set it.
    pub outdated: i64,
}

/// All programs, and what may be asked.
pub struct Programs {
    /// The programs.
    pub programs: Vec<ProgramPlans>,
    /// Instruments that may be used here today: id and the name clinicians use.
    pub instruments: Vec<(String, String)>,
}

/// How many patients' plans were changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    /// Patients whose plans are others now.
    pub patients: usize,
    /// Plans they got.
    pub added: usize,
    /// Plans that were stopped.
    pub stopped: usize,
}

/// Reads all programs with their plans.
///
/// # Errors
/// Denied when the account does not run the site; or the database fails.
pub async fn read_programs(app: &App, actor: Actor) -> Result<Programs, Failure<Refusal>> {
    let (now, library) = (app.clock.now(), app.library);
    app.store
        .read(move |tx| {
            let permit = decide(&actor, Action::Administer, Subject::Organisation)?;
            let standing = program_plan::standing(tx, permit.org())?;
            let ever = program_plan::ever(tx, permit.org())?;
            let programs = organisation::programs(tx, permit.org())?
                .into_iter()
                .map(|program| with_plans(tx, &permit, program, &standing, &ever))
                .collect::<Result<_, Fault>>()?;
            let rules = Rules::read(tx, library, permit.org(), now)?;
            let instruments = rules
                .on_record
                .usable(library)
                .map(|known| {
                    let name = known.texts_or_english("en").short_name.clone();
                    (known.id.clone(), name)
                })
                .collect();
            Ok(Programs {
                programs,
                instruments,
            })
        })
        .await
}

fn with_plans(
    tx: &mut Tx,
    permit: &Permit,
    program: ProgramRow,
    standing: &[ProgramPlanRow],
    ever: &[ProgramPlanRow],
) -> Result<ProgramPlans, Fault> {
    let in_use = program_plan::in_use(tx, permit, program.id)?;
    let of_plan = |id: ProgramPlanId| {
        let found = in_use.iter().filter(|used| used.from == Some(id));
        found.map(|used| used.patients).sum()
    };
    let standing: Vec<ProgramPlanRow> = standing
        .iter()
        .filter(|plan| plan.program_id == program.id)
        .cloned()
        .collect();
    let outdated = in_use
        .iter()
        .filter(|used| is_outdated(used.from, &used.asks, &standing, ever))
        .map(|used| used.patients)
        .sum();
    Ok(ProgramPlans {
        in_care: program_plan::open_episodes(tx, permit, program.id)?.len(),
        program,
        plans: standing
            .into_iter()
            .map(|plan| {
                let patients = of_plan(plan.id);
                (plan, patients)
            })
            .collect(),
        outdated,
    })
}

/// Whether a patient's plan goes with the program's plan it was made from: that one was stopped, and nobody changed this one for the patient alone. Who was
/// given beforehand what the program asks of everybody now gets the program's plan in its place, not beside it.
fn is_outdated(
    from: Option<ProgramPlanId>,
    asks: &Asks,
    standing: &[ProgramPlanRow],
    ever: &[ProgramPlanRow],
) -> bool {
    let Some(from) = from.filter(|from| !standing.iter().any(|plan| plan.id == *from)) else {
        return false;
    };
    let origin = ever.iter().filter(|plan| plan.id == from);
    origin.chain(standing).any(|plan| plan.asks(asks))
}

/// Adds a plan to a program, for those who come; those in care get it by [`apply_program`].
///
/// # Errors
/// See [`Refusal`]; or access or the database says no.
pub async fn add_program_plan(
    app: &App,
    actor: Actor,
    program: ProgramId,
    wanted: Wanted,
) -> Result<(), Failure<Refusal>> {
    let (now, library) = (app.clock.now(), app.library);
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::Administer, Subject::Organisation)?;
            let programs = organisation::programs(tx, permit.org())?;
            if !programs.iter().any(|known| known.id == program) {
                return Err(Failure::Refused(Refusal::NoPlan));
            }
            set_plan::check_steps(library, &wanted).map_err(Failure::Refused)?;
            set_plan::check(tx, &permit, library, &wanted.details.instruments, now)?;
            let Wanted {
                details:
                    PlanDetails {
                        instruments,
                        cadence,
                    },
                role,
                steps,
            } = wanted;
            let known = program_plan::of_program(tx, permit.org(), program)?;
            let (instruments, cadence) = (instruments.join(" "), cadence.to_string());
            if known
                .iter()
                .any(|row| row.instruments == instruments && row.cadence == cadence)
            {
                return Err(Failure::Refused(Refusal::Twice));
            }
            let last = known.iter().map(|row| row.position).max();
            let row = ProgramPlanRow {
                org_id: permit.org(),
                id: fresh(now),
                program_id: program,
                instruments,
                cadence,
                role: role.word().to_owned(),
                position: last.map_or(0, |last| last + 1),
                step: write_steps(&steps),
                ended_at: None,
            };
            program_plan::add(tx, &permit, &row)?;
            audit::record(tx, &permit, "program_plan", Some(row.id), now)?;
            Ok(())
        })
        .await
}

/// Stops a program's plan for those who come; those in care keep it until [`apply_program`].
///
/// # Errors
/// See [`Refusal`]; or access or the database says no.
pub async fn stop_program_plan(
    app: &App,
    actor: Actor,
    id: ProgramPlanId,
) -> Result<(), Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::Administer, Subject::Organisation)?;
            if !program_plan::stop(tx, &permit, id, now)? {
                return Err(Failure::Refused(Refusal::NoPlan));
            }
            audit::record(tx, &permit, "program_plan", Some(id), now)?;
            Ok(())
        })
        .await
}

/// Carries a program's plans over to everybody in care: plans the program stopped are stopped, new ones are added and ask from now on. What was set for one
/// patient alone stays, also where it was the program's before somebody changed it.
///
/// # Errors
/// Access or the database says no; chunks of patients before that are stored, and the verb may be repeated.
pub async fn apply_program(
    app: &App,
    actor: Actor,
    program: ProgramId,
) -> Result<Applied, Failure<Refusal>> {
    let reader = actor.clone();
    let episodes: Vec<EpisodeId> = app
        .store
        .read(move |tx| {
            let permit = decide(&reader, Action::Administer, Subject::Organisation)?;
            program_plan::open_episodes(tx, &permit, program).map_err(Failure::<Refusal>::from)
        })
        .await?;
    let mut all = Applied::default();
    for chunk in episodes.chunks(CHUNK) {
        let (chunk, actor, library, now) =
            (chunk.to_vec(), actor.clone(), app.library, app.clock.now());
        let done = app
            .store
            .write(move |tx| {
                let permit = decide(&actor, Action::Administer, Subject::Organisation)?;
                plan::take_turn(tx)?;
                let rules = Rules::read(tx, library, permit.org(), now)?;
                let standing = program_plan::of_program(tx, permit.org(), program)?;
                let ever = program_plan::ever(tx, permit.org())?;
                let mut done = Applied::default();
                for episode in chunk {
                    carry_over(tx, &permit, &rules, (&standing, &ever), episode, &mut done)?;
                }
                Ok::<_, Failure<Refusal>>(done)
            })
            .await?;
        all.patients += done.patients;
        all.added += done.added;
        all.stopped += done.stopped;
    }
    Ok(all)
}

fn carry_over(
    tx: &mut Tx,
    permit: &Permit,
    rules: &Rules,
    (standing, ever): (&[ProgramPlanRow], &[ProgramPlanRow]),
    id: EpisodeId,
    done: &mut Applied,
) -> Result<(), Fault> {
    let (episode, who) = patient::episode_and_patient(tx, permit.org(), id)?;
    let now = rules.now;
    let today = local_day(who.time_zone.parse().unwrap_or(chrono_tz::UTC), now);
    let mut plans = plan::of_episode(tx, permit.org(), id)?;
    plans.retain(|row| row.ended_at.is_none());
    let have: HashSet<ProgramPlanId> = plans.iter().filter_map(|row| row.program_plan_id).collect();
    let stopped = plans
        .iter()
        .filter(|row| is_outdated(row.program_plan_id, &Asks::of(row), standing, ever));
    let mut changed = false;
    for row in stopped {
        set_plan::end(tx, permit, row, now)?;
        done.stopped += 1;
        changed = true;
    }
    for from in standing.iter().filter(|plan| !have.contains(&plan.id)) {
        let mut row = from_program(&episode, from, today, now)?;
        // It asks from now on: what fell due before was another plan's business. What is asked once, as soon as the plan exists, was nobody's: it fell due this
        // morning and is asked all the same.
        if row.cadence != Cadence::Intake.to_string() {
            row.awaits_at = Some(now);
        }
        plan::add(tx, permit, &row)?;
        done.added += 1;
        changed = true;
    }
    if changed {
        look_again(tx, rules, permit.org(), id)?;
        audit::record(tx, permit, "patient", Some(who.id), now)?;
        done.patients += 1;
    }
    Ok(())
}
