//! The measurement plans of episodes of care, and which of them are to be looked at. What became of their occasions is `occasion`'s.

use super::schema::plan;
use super::{Fault, Tx};
use crate::domain::access::Permit;
use crate::domain::ids::{EpisodeId, OrgId, PlanId, ProgramPlanId};
use crate::domain::schedule::planning::Look;
use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;

/// Which of the turns that all nodes take is the planner's.
const PLANNING_TURN: i32 = 11;

/// A measurement plan: one cadence of one battery within an episode.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = plan)]
pub struct PlanRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Id.
    pub id: PlanId,
    /// The episode.
    pub episode_id: EpisodeId,
    /// Instruments as `phq9 gad7`; the newest published version is taken when an occasion is made.
    pub instruments: String,
    /// A `Cadence`.
    pub cadence: String,
    /// The day recurring cadences count from.
    pub anchor: NaiveDate,
    /// When the next occasion falls due, UTC; `None` when nothing lies ahead.
    pub next_due_at: Option<NaiveDateTime>,
    /// A `PlanRole`'s word.
    pub role: String,
    /// Among supplements: what is dropped last when the burden grows too large stands first.
    pub position: i32,
    /// What a score of this plan opens, if anything: `phq2.total>=3:phq9`.
    pub step: Option<String>,
    /// The program's plan it was made from, if any.
    pub program_plan_id: Option<ProgramPlanId>,
    /// When it was stopped; kept for what it asked until then.
    pub ended_at: Option<NaiveDateTime>,
    /// When what is looked for at `next_due_at` falls due, UTC; earlier when it waits for a better hour.
    pub awaits_at: Option<NaiveDateTime>,
}

/// An episode of which some plan is to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable)]
pub struct DueEpisode {
    /// The episode.
    pub episode_id: EpisodeId,
    /// Since when, UTC.
    pub since: Option<NaiveDateTime>,
}

/// The episodes with plans whose time has come, oldest first; each once.
///
/// # Errors
/// When the database fails.
pub fn due(
    tx: &mut Tx,
    org: OrgId,
    now: NaiveDateTime,
    most: i64,
) -> Result<Vec<EpisodeId>, Fault> {
    let rows: Vec<DueEpisode> = plan::table
        .filter(plan::next_due_at.le(now).and(plan::org_id.eq(org)))
        .order(plan::next_due_at)
        .limit(most)
        .select((plan::episode_id, plan::next_due_at))
        .load(&mut tx.db)?;
    let mut seen = std::collections::HashSet::new();
    Ok(rows
        .into_iter()
        .map(|row| row.episode_id)
        .filter(|id| seen.insert(*id))
        .collect())
}

/// Looks at an episode's due plans again at `later`, and not before: working on them failed.
///
/// # Errors
/// When the database fails.
pub fn look_later(
    tx: &mut Tx,
    org: OrgId,
    episode: EpisodeId,
    now: NaiveDateTime,
    later: NaiveDateTime,
) -> Result<(), Fault> {
    diesel::update(
        plan::table.filter(
            plan::org_id
                .eq(org)
                .and(plan::episode_id.eq(episode))
                .and(plan::next_due_at.le(now)),
        ),
    )
    .set(plan::next_due_at.eq(later))
    .execute(&mut tx.db)?;
    Ok(())
}

/// Lets nobody else plan, change plans or move sessions until this transaction ends: two nodes that find the same plan make its occasion once, and a session
/// that is called off this moment is not asked for.
///
/// # Errors
/// When the database fails.
pub fn take_turn(tx: &mut Tx) -> Result<(), Fault> {
    tx.lock_turn(PLANNING_TURN)
}

/// Sets when a plan is looked at next, and for what.
///
/// # Errors
/// When the database fails.
pub fn set_look(tx: &mut Tx, org: OrgId, look: &Look) -> Result<(), Fault> {
    diesel::update(plan::table.find((org, look.plan)))
        .set((
            plan::next_due_at.eq(look.at),
            plan::awaits_at.eq(look.awaits),
        ))
        .execute(&mut tx.db)?;
    Ok(())
}

/// The plans of an episode, stopped ones too, in order of their making.
///
/// # Errors
/// When the database fails.
pub fn of_episode(tx: &mut Tx, org: OrgId, id: EpisodeId) -> Result<Vec<PlanRow>, Fault> {
    Ok(plan::table
        .filter(plan::org_id.eq(org).and(plan::episode_id.eq(id)))
        .order(plan::id)
        .load(&mut tx.db)?)
}

/// The plans of several episodes.
///
/// # Errors
/// When the database fails.
pub fn of_episodes(tx: &mut Tx, permit: &Permit, ids: &[EpisodeId]) -> Result<Vec<PlanRow>, Fault> {
    // One look-up each: for a long list in one statement SQLite walks the whole organisation instead of the index.
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        rows.extend(of_episode(tx, permit.org(), *id)?);
    }
    Ok(rows)
}

/// Changes what a plan asks, how often, and its place. When it falls due next is set apart, by [`set_look`].
///
/// # Errors
/// When the database fails.
pub fn change(tx: &mut Tx, _permit: &Permit, row: &PlanRow) -> Result<(), Fault> {
    diesel::update(plan::table.find((row.org_id, row.id)))
        .set((
            plan::instruments.eq(&row.instruments),
            plan::cadence.eq(&row.cadence),
            plan::role.eq(&row.role),
            plan::position.eq(row.position),
            plan::step.eq(&row.step),
        ))
        .execute(&mut tx.db)?;
    Ok(())
}

/// Stops a plan; what it asked is kept. `false` when it was stopped already.
///
/// # Errors
/// When the database fails.
pub fn stop(tx: &mut Tx, permit: &Permit, id: PlanId, now: NaiveDateTime) -> Result<bool, Fault> {
    let stopped = diesel::update(
        plan::table
            .find((permit.org(), id))
            .filter(plan::ended_at.is_null()),
    )
    .set((
        plan::ended_at.eq(now),
        plan::next_due_at.eq(None::<NaiveDateTime>),
        plan::awaits_at.eq(None::<NaiveDateTime>),
    ))
    .execute(&mut tx.db)?;
    Ok(stopped == 1)
}

/// Adds a plan.
///
/// # Errors
/// When the database fails.
pub fn add(tx: &mut Tx, _permit: &Permit, row: &PlanRow) -> Result<(), Fault> {
    diesel::insert_into(plan::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}
