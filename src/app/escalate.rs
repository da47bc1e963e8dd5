//! Flags that nobody acknowledged in time go to the next licensed person, round and round, until somebody says "I have it". Nothing here closes one.

use super::App;
use super::keep_response::{add_act, notify};
use crate::domain::risk::{ACKNOWLEDGE_WITHIN, Act, next_in_chain};
use crate::store::flag::{self, FlagRow};
use crate::store::{Fault, Tx, cover, patient};
use chrono::NaiveDateTime;

/// At most so many flags in one transaction.
const BATCH: i64 = 50;

/// Takes the next step for every overdue flag; says how many there were.
///
/// # Errors
/// When the database fails.
pub fn escalate(app: &App) -> Result<usize, Fault> {
    let (now, org) = (app.clock.now(), app.org);
    app.store.write_blocking(move |tx| {
        flag::take_turn(tx)?;
        let overdue = flag::overdue(tx, org, now, BATCH)?;
        for row in &overdue {
            hand_on(tx, row, now)?;
        }
        Ok(overdue.len())
    })
}

fn hand_on(tx: &mut Tx, row: &FlagRow, now: NaiveDateTime) -> Result<(), Fault> {
    let people = cover::candidates(tx, row.org_id, now)?;
    let clinician = patient::episode_by_id(tx, row.org_id, row.episode_id)?.clinician_id;
    let next = next_in_chain(clinician, row.clinic_id, &people, row.owner_id);
    if next.is_none() {
        tracing::error!(flag = %row.id, "a flag is overdue and nobody here is licensed and active");
    }
    let owner = next.unwrap_or(row.owner_id);
    if !flag::hand_to(tx, row, owner, now + ACKNOWLEDGE_WITHIN)? {
        // Somebody took it on, or it was handed on, between our look and this.
        return Ok(());
    }
    let handed = FlagRow {
        owner_id: owner,
        ..row.clone()
    };
    add_act(
        tx,
        &handed,
        Act::Notified,
        "not acknowledged in time; the next person was told".into(),
        now,
    )?;
    notify(tx, &handed, now)
}

/// Gives away the waiting flags of somebody who can no longer act on them.
///
/// # Errors
/// When the database fails.
pub fn hand_over_flags_of(
    tx: &mut Tx,
    leaving: crate::domain::ids::StaffId,
    org: crate::domain::ids::OrgId,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    for row in flag::owned_by(tx, org, leaving)? {
        hand_on(tx, &row, now)?;
    }
    Ok(())
}
