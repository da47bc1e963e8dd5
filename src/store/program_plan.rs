//! The measurement plans of programs, from which the plans of their patients are made.

use super::plan::PlanRow;
use super::schema::{episode, plan, program_plan};
use super::{Fault, Tx};
use crate::domain::access::Permit;
use crate::domain::ids::{EpisodeId, OrgId, ProgramId, ProgramPlanId};
use chrono::NaiveDateTime;
use diesel::prelude::*;

/// What every patient of a program is asked, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = program_plan)]
pub struct ProgramPlanRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Id.
    pub id: ProgramPlanId,
    /// The program.
    pub program_id: ProgramId,
    /// Instruments as `phq9 gad7`.
    pub instruments: String,
    /// A `Cadence`.
    pub cadence: String,
    /// A `PlanRole`'s word.
    pub role: String,
    /// Among supplements: what is dropped last stands first.
    pub position: i32,
    /// What a score opens, if anything.
    pub step: Option<String>,
    /// When it was stopped.
    pub ended_at: Option<NaiveDateTime>,
}

impl ProgramPlanRow {
    /// Whether this is what a patient's plan asks.
    pub fn asks(&self, asks: &Asks) -> bool {
        (&self.instruments, &self.cadence, &self.role, &self.step)
            == (&asks.instruments, &asks.cadence, &asks.role, &asks.step)
    }
}

/// The plans of all programs that were not stopped, the core first, then by place.
///
/// # Errors
/// When the database fails.
pub fn standing(tx: &mut Tx, org: OrgId) -> Result<Vec<ProgramPlanRow>, Fault> {
    Ok(program_plan::table
        .filter(
            program_plan::org_id
                .eq(org)
                .and(program_plan::ended_at.is_null()),
        )
        .order((program_plan::role, program_plan::position, program_plan::id))
        .load(&mut tx.db)?)
}

/// The plans of one program that were not stopped, the core first, then by place.
///
/// # Errors
/// When the database fails.
pub fn of_program(
    tx: &mut Tx,
    org: OrgId,
    program: ProgramId,
) -> Result<Vec<ProgramPlanRow>, Fault> {
    Ok(program_plan::table
        .filter(
            program_plan::org_id
                .eq(org)
                .and(program_plan::program_id.eq(program))
                .and(program_plan::ended_at.is_null()),
        )
        .order((program_plan::role, program_plan::position, program_plan::id))
        .load(&mut tx.db)?)
}

/// The plans of all programs, stopped ones too.
///
/// # Errors
/// When the database fails.
pub fn ever(tx: &mut Tx, org: OrgId) -> Result<Vec<ProgramPlanRow>, Fault> {
    Ok(program_plan::table
        .filter(program_plan::org_id.eq(org))
        .load(&mut tx.db)?)
}

/// Adds a plan to a program. Patients who are in care already get it by another step.
///
/// # Errors
/// When the database fails.
pub fn add(tx: &mut Tx, _permit: &Permit, row: &ProgramPlanRow) -> Result<(), Fault> {
    diesel::insert_into(program_plan::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// Stops a program's plan for those who come. `false` when there is none that was not stopped.
///
/// # Errors
/// When the database fails.
pub fn stop(
    tx: &mut Tx,
    permit: &Permit,
    id: ProgramPlanId,
    now: NaiveDateTime,
) -> Result<bool, Fault> {
    let stopped = diesel::update(
        program_plan::table
            .find((permit.org(), id))
            .filter(program_plan::ended_at.is_null()),
    )
    .set(program_plan::ended_at.eq(now))
    .execute(&mut tx.db)?;
    Ok(stopped == 1)
}

/// The open episodes of a program.
///
/// # Errors
/// When the database fails.
pub fn open_episodes(
    tx: &mut Tx,
    permit: &Permit,
    program: ProgramId,
) -> Result<Vec<EpisodeId>, Fault> {
    Ok(episode::table
        .filter(
            episode::org_id
                .eq(permit.org())
                .and(episode::program_id.eq(program))
                .and(episode::ended_on.is_null()),
        )
        .order(episode::id)
        .select(episode::id)
        .load(&mut tx.db)?)
}

/// What the plans of patients in care ask that were made from a program's and were not stopped.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct InUse {
    /// The program's plan they were made from.
    pub from: Option<ProgramPlanId>,
    /// What they ask by now.
    pub asks: Asks,
    /// How many they are.
    pub patients: i64,
}

/// What a plan asks, how often, as what, and what that opens, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Asks {
    /// Instruments as `phq9 gad7`.
    pub instruments: String,
    /// A `Cadence`.
    pub cadence: String,
    /// A `PlanRole`'s word.
    pub role: String,
    /// What a score opens, if anything.
    pub step: Option<String>,
}

impl Asks {
    /// What a patient's plan asks. Its place among others is no part of it.
    pub fn of(row: &PlanRow) -> Asks {
        Asks {
            instruments: row.instruments.clone(),
            cadence: row.cadence.clone(),
            role: row.role.clone(),
            step: row.step.clone(),
        }
    }
}

/// How many plans of patients in care were made from each of a program's and were not stopped, apart by what they ask by now.
///
/// # Errors
/// When the database fails.
pub fn in_use(tx: &mut Tx, permit: &Permit, program: ProgramId) -> Result<Vec<InUse>, Fault> {
    let asks = (plan::instruments, plan::cadence, plan::role, plan::step);
    Ok(plan::table
        .inner_join(
            episode::table.on(episode::org_id
                .eq(plan::org_id)
                .and(episode::id.eq(plan::episode_id))),
        )
        .filter(
            episode::org_id
                .eq(permit.org())
                .and(episode::program_id.eq(program))
                .and(episode::ended_on.is_null()),
        )
        .filter(
            plan::ended_at
                .is_null()
                .and(plan::program_plan_id.is_not_null()),
        )
        .group_by((
            plan::program_plan_id,
            plan::instruments,
            plan::cadence,
            plan::role,
            plan::step,
        ))
        .select((plan::program_plan_id, asks, diesel::dsl::count_star()))
        .load(&mut tx.db)?)
}
