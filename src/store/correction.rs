//! Notes with which somebody puts something right in answers that are handed in. Only ever added to.

use super::schema::{administration, correction, response};
use super::{Fault, Tx};
use crate::domain::access::Permit;
use crate::domain::ids::{AdministrationId, CorrectionId, EpisodeId, OrgId, ResponseId};
use chrono::NaiveDateTime;
use diesel::prelude::*;

/// A note beside the answers of one occasion.
#[derive(Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = correction)]
pub struct CorrectionRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Id.
    pub id: CorrectionId,
    /// The occasion whose answers it stands beside.
    pub administration_id: AdministrationId,
    /// What it says.
    pub words: String,
    /// The language of the page it was written on.
    pub language: String,
    /// When it came, UTC.
    pub made_at: NaiveDateTime,
}

impl std::fmt::Debug for CorrectionRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CorrectionRow({})", self.id)
    }
}

/// Keeps a note that came through the link of its occasion.
///
/// # Errors
/// When the database fails.
pub fn add(tx: &mut Tx, row: &CorrectionRow) -> Result<(), Fault> {
    diesel::insert_into(correction::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// How many notes stand beside the answers of an occasion.
///
/// # Errors
/// When the database fails.
pub fn count(tx: &mut Tx, org: OrgId, id: AdministrationId) -> Result<i64, Fault> {
    Ok(correction::table
        .filter(
            correction::org_id
                .eq(org)
                .and(correction::administration_id.eq(id)),
        )
        .count()
        .get_result(&mut tx.db)?)
}

/// The notes beside a response, oldest first: those of its occasion.
///
/// # Errors
/// When the database fails.
pub fn of_response(
    tx: &mut Tx,
    permit: &Permit,
    id: ResponseId,
) -> Result<Vec<CorrectionRow>, Fault> {
    Ok(correction::table
        .inner_join(
            response::table.on(response::org_id
                .eq(correction::org_id)
                .and(response::administration_id.eq(correction::administration_id))),
        )
        .filter(response::org_id.eq(permit.org()).and(response::id.eq(id)))
        .order(correction::id)
        .select(correction::all_columns)
        .load(&mut tx.db)?)
}

/// The notes beside all answers of an episode, oldest first.
///
/// # Errors
/// When the database fails.
pub fn of_episode(
    tx: &mut Tx,
    permit: &Permit,
    id: EpisodeId,
) -> Result<Vec<CorrectionRow>, Fault> {
    Ok(correction::table
        .inner_join(
            administration::table.on(administration::org_id
                .eq(correction::org_id)
                .and(administration::id.eq(correction::administration_id))),
        )
        .filter(
            administration::org_id
                .eq(permit.org())
                .and(administration::episode_id.eq(id)),
        )
        .order(correction::id)
        .select(correction::all_columns)
        .load(&mut tx.db)?)
}
