//! Each loop says now and then that it lives; `/readyz` and `attune doctor` ask who has fallen silent.

use crate::store::heartbeat;
use crate::store::{Fault, Tx};
use chrono::{NaiveDateTime, TimeDelta};

/// The loops that every service runs.
pub const WORKERS: &[&str] = &["planner", "invitations", "notices", "keeper"];
/// A loop that was not heard of for this long is silent.
pub const SILENT_AFTER: TimeDelta = TimeDelta::seconds(60);

/// The loops that have fallen silent.
///
/// # Errors
/// When the database fails.
pub fn silent(tx: &mut Tx, now: NaiveDateTime) -> Result<Vec<String>, Fault> {
    let beats = heartbeat::all(tx)?;
    let lives = |name: &str| {
        beats
            .iter()
            .any(|(known, at)| known == name && now - *at < SILENT_AFTER)
    };
    Ok(WORKERS
        .iter()
        .filter(|name| !lives(name))
        .map(|name| (*name).to_owned())
        .collect())
}
