//! Which periods are shown to accounts that may not see small numbers.

use super::{App, Failure};
use crate::domain::access::{Action, Actor, Subject, decide};
use crate::domain::evaluation::Grid;
use crate::store::{audit, organisation};
use std::convert::Infallible;

/// Sets it, from the next look on.
///
/// # Errors
/// Denied unless the account administers, or the database fails.
pub async fn set_periods(app: &App, actor: Actor, grid: Grid) -> Result<(), Failure<Infallible>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::Administer, Subject::Organisation)?;
            organisation::set_shown_by(tx, permit.org(), grid)?;
            let chosen = match grid {
                Grid::Quarters => "evaluation_by_quarters",
                Grid::Years => "evaluation_by_years",
            };
            audit::record(tx, &permit, chosen, Some(permit.org()), now)?;
            Ok(())
        })
        .await
}
