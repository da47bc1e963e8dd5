//! When each loop was last heard of.

use super::schema::heartbeat;
use super::{Fault, Tx};
use chrono::NaiveDateTime;
use diesel::prelude::*;

/// Notes that a loop lives.
///
/// # Errors
/// When the database fails.
pub fn beat(tx: &mut Tx, worker: &str, now: NaiveDateTime) -> Result<(), Fault> {
    let known = diesel::update(heartbeat::table.find(worker))
        .set(heartbeat::at.eq(now))
        .execute(&mut tx.db)?;
    if known == 0 {
        diesel::insert_into(heartbeat::table)
            .values((heartbeat::worker.eq(worker), heartbeat::at.eq(now)))
            .execute(&mut tx.db)?;
    }
    Ok(())
}

/// When each loop was last heard of.
///
/// # Errors
/// When the database fails.
pub fn all(tx: &mut Tx) -> Result<Vec<(String, NaiveDateTime)>, Fault> {
    Ok(heartbeat::table.load(&mut tx.db)?)
}
