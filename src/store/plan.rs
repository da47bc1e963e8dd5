//! Measurement plans and the sessions they hang on.

use super::schema::{administration, care_session, episode, patient, plan};
use super::{Fault, Tx};
use crate::domain::access::Permit;
use crate::domain::care::SessionState;
use crate::domain::ids::{CareSessionId, EpisodeId, OrgId, PatientId, PlanId, ProgramPlanId};
use crate::domain::schedule::PlannedSession;
use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;

/// A measurement plan: one cadence of one battery within an episode.
#[derive(Debug, Clone, Queryable, Insertable)]
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
}

/// A session.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = care_session)]
pub struct SessionRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Id.
    pub id: CareSessionId,
    /// The episode it belongs to.
    pub episode_id: EpisodeId,
    /// Its id in the site's other systems.
    pub external_id: String,
    /// Start, UTC.
    pub starts_at: NaiveDateTime,
    /// A `SessionState`'s word.
    pub state: String,
}

/// A due plan with what is needed to make its occasion.
#[derive(Debug, Clone, Queryable)]
pub struct DuePlan {
    /// The plan.
    pub plan: PlanRow,
    /// Whose.
    pub patient_id: PatientId,
    /// In which language they answer.
    pub language: String,
    /// Their IANA zone.
    pub time_zone: String,
    /// Where invitations go.
    pub email: Option<String>,
    /// When the relay refused that address, if it did.
    pub email_refused_at: Option<NaiveDateTime>,
    /// The episode's clinic, for tasks.
    pub clinic_id: crate::domain::ids::ClinicId,
    /// Whether the episode has ended.
    pub ended_on: Option<NaiveDate>,
}

/// The plans whose time has come, oldest first.
///
/// # Errors
/// When the database fails.
pub fn due(tx: &mut Tx, now: NaiveDateTime, most: i64) -> Result<Vec<DuePlan>, Fault> {
    Ok(plan::table
        .inner_join(
            episode::table.on(episode::org_id
                .eq(plan::org_id)
                .and(episode::id.eq(plan::episode_id))),
        )
        .inner_join(
            patient::table.on(patient::org_id
                .eq(episode::org_id)
                .and(patient::id.eq(episode::patient_id))),
        )
        .filter(plan::next_due_at.le(now))
        .order(plan::next_due_at)
        .limit(most)
        .select((
            plan::all_columns,
            patient::id,
            patient::language,
            patient::time_zone,
            patient::email,
            patient::email_refused_at,
            episode::clinic_id,
            episode::ended_on,
        ))
        .load(&mut tx.db)?)
}

/// Keeps any other node from working on the plan until this transaction ends.
///
/// # Errors
/// When the database fails.
pub fn lock(tx: &mut Tx, org: OrgId, id: PlanId) -> Result<(), Fault> {
    tx.lock_row("plan", org.bytes(), id.bytes())
}

/// Sets when a plan is looked at next.
///
/// # Errors
/// When the database fails.
pub fn set_next(
    tx: &mut Tx,
    org: OrgId,
    id: PlanId,
    next: Option<NaiveDateTime>,
) -> Result<(), Fault> {
    diesel::update(plan::table.find((org, id)))
        .set(plan::next_due_at.eq(next))
        .execute(&mut tx.db)?;
    Ok(())
}

/// The plans of an episode.
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

/// Changes what a plan asks and how often. When it falls due next is set apart, by [`set_next`].
///
/// # Errors
/// When the episode has another plan with that cadence, or the database fails.
pub fn change(tx: &mut Tx, _permit: &Permit, row: &PlanRow) -> Result<(), Fault> {
    diesel::update(plan::table.find((row.org_id, row.id)))
        .set((
            plan::instruments.eq(&row.instruments),
            plan::cadence.eq(&row.cadence),
        ))
        .execute(&mut tx.db)?;
    Ok(())
}

/// Adds a plan.
///
/// # Errors
/// When the episode has one with the same cadence, or the database fails.
pub fn add(tx: &mut Tx, _permit: &Permit, row: &PlanRow) -> Result<(), Fault> {
    diesel::insert_into(plan::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// The planned sessions of an episode from `now` on.
///
/// # Errors
/// When the database fails.
pub fn sessions_ahead(
    tx: &mut Tx,
    org: OrgId,
    id: EpisodeId,
    now: NaiveDateTime,
) -> Result<Vec<PlannedSession>, Fault> {
    let rows: Vec<(CareSessionId, NaiveDateTime)> = care_session::table
        .filter(
            care_session::org_id
                .eq(org)
                .and(care_session::episode_id.eq(id)),
        )
        .filter(
            care_session::state
                .eq(SessionState::Planned.word())
                .and(care_session::starts_at.gt(now)),
        )
        .select((care_session::id, care_session::starts_at))
        .load(&mut tx.db)?;
    Ok(rows
        .into_iter()
        .map(|(id, starts_at)| PlannedSession {
            id: id.to_string(),
            starts_at,
        })
        .collect())
}

/// The names of the occasions an episode already has.
///
/// # Errors
/// When the database fails.
pub fn occasions(tx: &mut Tx, org: OrgId, id: EpisodeId) -> Result<Vec<String>, Fault> {
    Ok(administration::table
        .filter(
            administration::org_id
                .eq(org)
                .and(administration::episode_id.eq(id)),
        )
        .select(administration::occasion)
        .load(&mut tx.db)?)
}

/// The session with this external id.
///
/// # Errors
/// When the database fails.
pub fn session_by(tx: &mut Tx, org: OrgId, external_id: &str) -> Result<Option<SessionRow>, Fault> {
    Ok(care_session::table
        .filter(
            care_session::org_id
                .eq(org)
                .and(care_session::external_id.eq(external_id)),
        )
        .get_result(&mut tx.db)
        .optional()?)
}

/// The sessions with these external ids, for an import that may write them; unknown ids are left out.
///
/// # Errors
/// When the database fails.
pub fn sessions_by(
    tx: &mut Tx,
    permit: &Permit,
    external_ids: &[&str],
) -> Result<Vec<SessionRow>, Fault> {
    let mut rows = Vec::with_capacity(external_ids.len());
    for external_id in external_ids {
        rows.extend(session_by(tx, permit.org(), external_id)?);
    }
    Ok(rows)
}

/// Adds a session.
///
/// # Errors
/// When its external id is taken, or the database fails.
pub fn add_session(tx: &mut Tx, _permit: &Permit, row: &SessionRow) -> Result<(), Fault> {
    diesel::insert_into(care_session::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// Moves a session or changes what became of it.
///
/// # Errors
/// When the database fails.
pub fn change_session(tx: &mut Tx, _permit: &Permit, row: &SessionRow) -> Result<(), Fault> {
    diesel::update(care_session::table.find((row.org_id, row.id)))
        .set((
            care_session::starts_at.eq(row.starts_at),
            care_session::state.eq(&row.state),
        ))
        .execute(&mut tx.db)?;
    Ok(())
}
