//! The verb of the keeper: bind the audit events so far into the chain that shows any later edit.

use super::App;
use crate::store::{Fault, seal};
use chrono::NaiveDateTime;

/// Seals what is old enough at `now`; says how many events. Made on a reading connection, so that no patient's answer waits for it.
///
/// # Errors
/// When the database fails.
pub fn seal_audit(app: &App, now: NaiveDateTime) -> Result<usize, Fault> {
    let org = app.org;
    let Some(seal) = app
        .store
        .read_blocking(move |tx| seal::make_seal(tx, org, now))?
    else {
        return Ok(0);
    };
    let events = seal.events();
    app.store
        .write_blocking(move |tx| seal::store_seal(tx, &seal))?;
    Ok(events)
}
