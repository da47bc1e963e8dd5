//! Each loop says now and then that it lives; `/readyz` and the page of administration ask who has fallen silent.

use crate::app::clinical_health;
use crate::store::{Fault, Tx};
use chrono::NaiveDateTime;

/// The loops that every service runs.
pub const WORKERS: &[&str] = &[
    "planner",
    "invitations",
    "notices",
    "texts",
    "signals",
    "escalation",
    "keeper",
];

/// The loops that have fallen silent.
///
/// # Errors
/// When the database fails.
pub fn silent(tx: &mut Tx, now: NaiveDateTime) -> Result<Vec<String>, Fault> {
    clinical_health::silent(tx, WORKERS, now)
}
