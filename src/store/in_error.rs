//! Marks on occasions whose answers stand in the wrong record, or that nobody gave. Only ever added to and ended.

use super::response::ResponseRow;
use super::schema::{administration, in_error, response, staff};
use super::{Fault, Tx};
use crate::domain::access::Permit;
use crate::domain::care::ResponseState;
use crate::domain::ids::{AdministrationId, EpisodeId, InErrorId, OrgId, ResponseId, StaffId};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use std::collections::HashSet;

/// That an occasion's answers were entered in error.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = in_error)]
pub struct InErrorRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Id.
    pub id: InErrorId,
    /// The occasion.
    pub administration_id: AdministrationId,
    /// Why, in the words of whoever said so.
    pub reason: String,
    /// Who said so.
    pub marked_by: StaffId,
    /// When, UTC.
    pub marked_at: NaiveDateTime,
    /// Who took it back, if somebody did.
    pub ended_by: Option<StaffId>,
    /// When, UTC.
    pub ended_at: Option<NaiveDateTime>,
}

/// Marks an occasion.
///
/// # Errors
/// When it is marked, or the database fails.
pub fn add(tx: &mut Tx, _: &Permit, row: &InErrorRow) -> Result<(), Fault> {
    diesel::insert_into(in_error::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// The marks that hold in an episode, the oldest first, each with the name of whoever made it.
///
/// # Errors
/// When the database fails.
pub fn of_episode(
    tx: &mut Tx,
    permit: &Permit,
    id: EpisodeId,
) -> Result<Vec<(InErrorRow, String)>, Fault> {
    Ok(in_error::table
        .inner_join(
            administration::table.on(administration::org_id
                .eq(in_error::org_id)
                .and(administration::id.eq(in_error::administration_id))),
        )
        .inner_join(
            staff::table.on(staff::org_id
                .eq(in_error::org_id)
                .and(staff::id.eq(in_error::marked_by))),
        )
        .filter(
            in_error::org_id
                .eq(permit.org())
                .and(in_error::ended_at.is_null())
                .and(administration::episode_id.eq(id)),
        )
        .order(in_error::id)
        .select((in_error::all_columns, staff::name))
        .load(&mut tx.db)?)
}

/// The occasions of these episodes on which a mark holds.
///
/// # Errors
/// When the database fails.
pub fn marked(
    tx: &mut Tx,
    org: OrgId,
    episodes: &[EpisodeId],
) -> Result<Vec<AdministrationId>, Fault> {
    Ok(in_error::table
        .inner_join(
            administration::table.on(administration::org_id
                .eq(in_error::org_id)
                .and(administration::id.eq(in_error::administration_id))),
        )
        .filter(
            in_error::org_id
                .eq(org)
                .and(in_error::ended_at.is_null())
                .and(administration::episode_id.eq_any(episodes.to_vec())),
        )
        .select(in_error::administration_id)
        .load(&mut tx.db)?)
}

/// Which of these responses were entered in error.
///
/// # Errors
/// When the database fails.
pub fn among(tx: &mut Tx, org: OrgId, ids: &[ResponseId]) -> Result<HashSet<ResponseId>, Fault> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let found: Vec<ResponseId> = response::table
        .filter(
            response::org_id
                .eq(org)
                .and(response::id.eq_any(ids))
                .and(response::state.eq(ResponseState::EnteredInError.word())),
        )
        .select(response::id)
        .load(&mut tx.db)?;
    Ok(found.into_iter().collect())
}

/// Ends the mark that holds on an occasion.
///
/// # Errors
/// When the database fails.
pub fn end(
    tx: &mut Tx,
    permit: &Permit,
    id: AdministrationId,
    by: StaffId,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    diesel::update(
        in_error::table.filter(
            in_error::org_id
                .eq(permit.org())
                .and(in_error::administration_id.eq(id))
                .and(in_error::ended_at.is_null()),
        ),
    )
    .set((
        in_error::ended_at.eq(Some(now)),
        in_error::ended_by.eq(Some(by)),
    ))
    .execute(&mut tx.db)?;
    Ok(())
}

/// The responses of an occasion.
///
/// # Errors
/// When the database fails.
pub fn responses(
    tx: &mut Tx,
    permit: &Permit,
    id: AdministrationId,
) -> Result<Vec<ResponseRow>, Fault> {
    Ok(response::table
        .filter(
            response::org_id
                .eq(permit.org())
                .and(response::administration_id.eq(id)),
        )
        .order(response::id)
        .load(&mut tx.db)?)
}

/// Puts the handed-in responses of an occasion from one state into another.
///
/// # Errors
/// When the database fails.
pub fn put(
    tx: &mut Tx,
    permit: &Permit,
    id: AdministrationId,
    (from, to): (ResponseState, ResponseState),
) -> Result<(), Fault> {
    diesel::update(
        response::table.filter(
            response::org_id
                .eq(permit.org())
                .and(response::administration_id.eq(id))
                .and(response::state.eq(from.word())),
        ),
    )
    .set(response::state.eq(to.word()))
    .execute(&mut tx.db)?;
    Ok(())
}
