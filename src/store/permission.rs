//! Recorded permissions to use an instrument. None is ever changed but by its withdrawal; what they allow is `domain::permission`.

use super::schema::{instrument_permission, staff};
use super::{Fault, Tx};
use crate::domain::access::Permit;
use crate::domain::ids::{OrgId, PermissionId, StaffId};
use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;

/// A permission as it is stored.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = instrument_permission)]
pub struct PermissionRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Id.
    pub id: PermissionId,
    /// For which instrument.
    pub instrument: String,
    /// The contract, letter or terms, in words.
    pub reference: String,
    /// Who granted it, or to whom.
    pub holder: String,
    /// The first day on which it holds.
    pub granted_on: NaiveDate,
    /// The last day on which it holds.
    pub expires_on: Option<NaiveDate>,
    /// Who wrote it down; `None` = whoever runs the machine.
    pub recorded_by: Option<StaffId>,
    /// When, UTC.
    pub recorded_at: NaiveDateTime,
    /// Who withdrew it; `None` = nobody yet, or whoever runs the machine.
    pub withdrawn_by: Option<StaffId>,
    /// When, UTC.
    pub withdrawn_at: Option<NaiveDateTime>,
}

/// Every permission ever recorded here, the newest last.
///
/// # Errors
/// When the database fails.
pub fn all(tx: &mut Tx, org: OrgId) -> Result<Vec<PermissionRow>, Fault> {
    Ok(instrument_permission::table
        .filter(instrument_permission::org_id.eq(org))
        .order(instrument_permission::id)
        .load(&mut tx.db)?)
}

/// Adds one.
///
/// # Errors
/// When the database fails.
pub fn add(tx: &mut Tx, _: &Permit, row: &PermissionRow) -> Result<(), Fault> {
    diesel::insert_into(instrument_permission::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// Withdraws one that was not withdrawn yet.
///
/// # Errors
/// When the database fails.
pub fn withdraw(
    tx: &mut Tx,
    permit: &Permit,
    id: PermissionId,
    by: Option<StaffId>,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    diesel::update(
        instrument_permission::table
            .find((permit.org(), id))
            .filter(instrument_permission::withdrawn_at.is_null()),
    )
    .set((
        instrument_permission::withdrawn_at.eq(now),
        instrument_permission::withdrawn_by.eq(by),
    ))
    .execute(&mut tx.db)?;
    Ok(())
}

/// Who is called what, for the names beside permissions.
///
/// # Errors
/// When the database fails.
pub fn names(tx: &mut Tx, org: OrgId) -> Result<Vec<(StaffId, String)>, Fault> {
    Ok(staff::table
        .filter(staff::org_id.eq(org))
        .select((staff::id, staff::name))
        .load(&mut tx.db)?)
}
