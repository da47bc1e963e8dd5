//! The daily digest: how much waits for whom, on which days it was written, and who wants none. When it leaves is `app::send_digest`'s to say.

use super::schema::{digest_day, digest_off, signal};
use super::{Fault, Tx, flag_turn};
use crate::domain::access::Permit;
use crate::domain::ids::{OrgId, StaffId};
use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;
use std::collections::HashMap;

/// How many things that are not urgent wait for each person: open signals, and flags of the lower tier.
///
/// # Errors
/// When the database fails.
pub fn waiting(tx: &mut Tx, org: OrgId) -> Result<HashMap<StaffId, usize>, Fault> {
    let signals: Vec<StaffId> = signal::table
        .filter(signal::org_id.eq(org).and(signal::due_at.is_not_null()))
        .select(signal::owner_id)
        .load(&mut tx.db)?;
    let mut waiting = HashMap::new();
    for owner in signals
        .into_iter()
        .chain(flag_turn::review_waiting(tx, org)?)
    {
        *waiting.entry(owner).or_default() += 1;
    }
    Ok(waiting)
}

/// Lets one node at a time write the digests.
///
/// # Errors
/// When the database fails.
pub fn take_turn(tx: &mut Tx) -> Result<(), Fault> {
    tx.lock_turn(6)
}

/// Whether the digests of this day were written.
///
/// # Errors
/// When the database fails.
pub fn written_on(tx: &mut Tx, org: OrgId, day: NaiveDate) -> Result<bool, Fault> {
    let made_at: Option<NaiveDateTime> = digest_day::table
        .find((org, day))
        .select(digest_day::made_at)
        .get_result(&mut tx.db)
        .optional()?;
    Ok(made_at.is_some())
}

/// Notes that the digests of this day were written, and how many there are.
///
/// # Errors
/// When they were written before, or the database fails.
pub fn note_written(
    tx: &mut Tx,
    org: OrgId,
    day: NaiveDate,
    mails: i32,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    diesel::insert_into(digest_day::table)
        .values((
            digest_day::org_id.eq(org),
            digest_day::on_day.eq(day),
            digest_day::made_at.eq(now),
            digest_day::mails.eq(mails),
        ))
        .execute(&mut tx.db)?;
    Ok(())
}

/// Everybody who switched their digest off.
///
/// # Errors
/// When the database fails.
pub fn off(tx: &mut Tx, org: OrgId) -> Result<Vec<StaffId>, Fault> {
    Ok(digest_off::table
        .filter(digest_off::org_id.eq(org))
        .select(digest_off::staff_id)
        .load(&mut tx.db)?)
}

/// Switches a person's own digest off.
///
/// # Errors
/// When the database fails.
pub fn switch_off(
    tx: &mut Tx,
    permit: &Permit,
    who: StaffId,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    switch_on(tx, permit, who)?;
    diesel::insert_into(digest_off::table)
        .values((
            digest_off::org_id.eq(permit.org()),
            digest_off::staff_id.eq(who),
            digest_off::since.eq(now),
        ))
        .execute(&mut tx.db)?;
    Ok(())
}

/// Switches it on again.
///
/// # Errors
/// When the database fails.
pub fn switch_on(tx: &mut Tx, permit: &Permit, who: StaffId) -> Result<(), Fault> {
    diesel::delete(digest_off::table.find((permit.org(), who))).execute(&mut tx.db)?;
    Ok(())
}
