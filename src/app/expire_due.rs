//! Forms whose time ran out come to their end. One that never left is our fault and nobody's answer: somebody is told.

use super::{App, unsent};
use crate::domain::care::AdministrationState;
use crate::store::{Fault, administration};

/// At most so many forms end in one transaction.
const BATCH: i64 = 500;

/// Ends the forms whose time ran out; says how many.
///
/// # Errors
/// When the database fails.
pub fn expire_due(app: &App) -> Result<usize, Fault> {
    let (now, org) = (app.clock.now(), app.org);
    app.store.write_blocking(move |tx| {
        let ended = administration::expire(tx, org, now, BATCH)?;
        for (id, was) in &ended {
            if *was == AdministrationState::Planned {
                unsent::never_left(tx, org, *id, now)?;
            }
        }
        Ok(ended.len())
    })
}
