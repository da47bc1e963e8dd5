//! Codes that open one link on one tablet, and the secret that only this tablet holds from then on. What a code looks like and when it opens is
//! decided in `app::pair_tablet`.

use super::schema::{administration, link, pairing};
use super::{Fault, Tx};
use crate::domain::access::Permit;
use crate::domain::ids::{AdministrationId, LinkId, OrgId};
use chrono::NaiveDateTime;
use diesel::prelude::*;

/// A code that somebody was given.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = pairing)]
pub struct PairingRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Keyed hash of the code.
    pub code_hash: Vec<u8>,
    /// The link it opens.
    pub link_id: LinkId,
    /// That link's occasion.
    pub administration_id: AdministrationId,
    /// When it was made, UTC.
    pub made_at: NaiveDateTime,
    /// Until when it opens, UTC.
    pub expires_at: NaiveDateTime,
    /// When it was used.
    pub used_at: Option<NaiveDateTime>,
}

/// Adds a code.
///
/// # Errors
/// When the same code was made before, or the database fails.
pub fn add(tx: &mut Tx, _permit: &Permit, row: &PairingRow) -> Result<(), Fault> {
    diesel::insert_into(pairing::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// The code with this hash.
///
/// # Errors
/// When the database fails.
pub fn by_code(tx: &mut Tx, org: OrgId, code_hash: &[u8]) -> Result<Option<PairingRow>, Fault> {
    Ok(pairing::table
        .find((org, code_hash))
        .get_result(&mut tx.db)
        .optional()?)
}

/// Notes that a code was used. `false` when somebody was faster.
///
/// # Errors
/// When the database fails.
pub fn mark_used(tx: &mut Tx, row: &PairingRow, now: NaiveDateTime) -> Result<bool, Fault> {
    let used = diesel::update(
        pairing::table
            .find((row.org_id, &row.code_hash))
            .filter(pairing::used_at.is_null()),
    )
    .set(pairing::used_at.eq(now))
    .execute(&mut tx.db)?;
    Ok(used == 1)
}

/// Gives a link to the tablet that holds the secret with this hash, and to no other device, until then.
///
/// # Errors
/// When the database fails.
pub fn bind(
    tx: &mut Tx,
    row: &PairingRow,
    tablet_hash: &[u8],
    until: NaiveDateTime,
) -> Result<(), Fault> {
    diesel::update(
        link::table
            .filter(link::org_id.eq(row.org_id))
            .filter(link::administration_id.eq(row.administration_id))
            .filter(link::id.eq(row.link_id)),
    )
    .set(link::tablet_hash.eq(tablet_hash))
    .execute(&mut tx.db)?;
    diesel::update(
        administration::table
            .find((row.org_id, row.administration_id))
            .filter(administration::ended_at.is_null()),
    )
    .set(administration::expires_at.eq(until))
    .execute(&mut tx.db)?;
    Ok(())
}

/// The wrong years that were tried by the link with this hash, and when the last one came.
///
/// # Errors
/// When there is no such link, or the database fails.
pub fn tries(tx: &mut Tx, token_hash: &[u8]) -> Result<(i32, Option<NaiveDateTime>), Fault> {
    Ok(link::table
        .find(token_hash)
        .select((link::tries, link::tried_at))
        .get_result(&mut tx.db)?)
}

/// Writes down how many wrong years came in a row.
///
/// # Errors
/// When the database fails.
pub fn note_tries(
    tx: &mut Tx,
    token_hash: &[u8],
    tries: i32,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    diesel::update(link::table.find(token_hash))
        .set((link::tries.eq(tries), link::tried_at.eq(now)))
        .execute(&mut tx.db)?;
    Ok(())
}
