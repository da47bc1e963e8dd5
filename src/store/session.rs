//! The sessions of an episode of care, on which forms hang.

use super::schema::care_session;
use super::{Fault, Tx};
use crate::domain::access::Permit;
use crate::domain::care::SessionState;
use crate::domain::ids::{CareSessionId, EpisodeId, OrgId};
use crate::domain::schedule::PlannedSession;
use chrono::NaiveDateTime;
use diesel::prelude::*;

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

/// The sessions of an episode that were attended or are planned: those that count.
///
/// # Errors
/// When the database fails.
pub fn counted(tx: &mut Tx, org: OrgId, id: EpisodeId) -> Result<Vec<PlannedSession>, Fault> {
    let rows: Vec<(CareSessionId, NaiveDateTime)> = care_session::table
        .filter(
            care_session::org_id
                .eq(org)
                .and(care_session::episode_id.eq(id)),
        )
        .filter(
            care_session::state
                .eq(SessionState::Planned.word())
                .or(care_session::state.eq(SessionState::Attended.word())),
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

/// All sessions of these episodes, newest first.
///
/// # Errors
/// When the database fails.
pub fn of_episodes(
    tx: &mut Tx,
    permit: &Permit,
    ids: &[EpisodeId],
) -> Result<Vec<SessionRow>, Fault> {
    Ok(care_session::table
        .filter(
            care_session::org_id
                .eq(permit.org())
                .and(care_session::episode_id.eq_any(ids)),
        )
        .order((care_session::starts_at.desc(), care_session::id.desc()))
        .load(&mut tx.db)?)
}

/// Whether a planned session of an episode lies ahead.
///
/// # Errors
/// When the database fails.
pub fn lies_ahead(
    tx: &mut Tx,
    permit: &Permit,
    id: EpisodeId,
    now: NaiveDateTime,
) -> Result<bool, Fault> {
    let ahead = care_session::table.filter(
        care_session::org_id
            .eq(permit.org())
            .and(care_session::episode_id.eq(id))
            .and(care_session::state.eq(SessionState::Planned.word()))
            .and(care_session::starts_at.gt(now)),
    );
    Ok(ahead.count().get_result::<i64>(&mut tx.db)? > 0)
}

/// The session with this external id.
///
/// # Errors
/// When the database fails.
pub fn by_external_id(
    tx: &mut Tx,
    org: OrgId,
    external_id: &str,
) -> Result<Option<SessionRow>, Fault> {
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
pub fn by_external_ids(
    tx: &mut Tx,
    permit: &Permit,
    external_ids: &[&str],
) -> Result<Vec<SessionRow>, Fault> {
    let mut rows = Vec::with_capacity(external_ids.len());
    for external_id in external_ids {
        rows.extend(by_external_id(tx, permit.org(), external_id)?);
    }
    Ok(rows)
}

/// Adds a session.
///
/// # Errors
/// When its external id is taken, or the database fails.
pub fn add(tx: &mut Tx, _permit: &Permit, row: &SessionRow) -> Result<(), Fault> {
    diesel::insert_into(care_session::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// Moves a session or changes what became of it.
///
/// # Errors
/// When the database fails.
pub fn change(tx: &mut Tx, _permit: &Permit, row: &SessionRow) -> Result<(), Fault> {
    diesel::update(care_session::table.find((row.org_id, row.id)))
        .set((
            care_session::starts_at.eq(row.starts_at),
            care_session::state.eq(&row.state),
        ))
        .execute(&mut tx.db)?;
    Ok(())
}
