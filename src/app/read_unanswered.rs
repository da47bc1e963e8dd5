//! Who has not answered: the forms that wait, and those that ended last without an answer, for somebody who may see the caseload. The reading is
//! audited.

use super::read_caseload::site_zone;
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Permit, Subject, decide};
use crate::domain::care::AdministrationState;
use crate::domain::care::missed::missed_in_a_row;
use crate::domain::ids::{AdministrationId, Id, kind};
use crate::store::send_log::{self, FormRow};
use crate::store::{Fault, Tx, audit};
use chrono::NaiveDateTime;
use chrono_tz::Tz;
use std::convert::Infallible;

/// Waiting forms on one page.
pub const PAGE: usize = 20;
/// Forms that ended without an answer.
pub const MISSED: i64 = 15;

/// A form that was not answered.
#[derive(Debug, Clone)]
pub struct Unanswered {
    /// The form and its patient.
    pub row: FormRow,
    /// Reminders that a relay took.
    pub reminders: i64,
    /// Forms of this episode that ended without an answer since the last one that was answered.
    pub missed: usize,
}

/// Who has not answered.
#[derive(Debug, Clone)]
pub struct WhoHasNot {
    /// Sent and waiting: what runs out first stands first.
    pub waiting: Vec<Unanswered>,
    /// Whether more wait.
    pub goes_on: bool,
    /// Ended without an answer, the newest first.
    pub missed: Vec<Unanswered>,
    /// The zone in which the site's days begin.
    pub zone: Tz,
    /// When this was read, UTC.
    pub now: NaiveDateTime,
}

/// Reads who has not answered; `after` is the last waiting form of the page before.
///
/// # Errors
/// Denied by role, or the database fails.
pub async fn read_unanswered(
    app: &App,
    actor: Actor,
    after: Option<(NaiveDateTime, AdministrationId)>,
) -> Result<WhoHasNot, Failure<Infallible>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::SeeCaseload, Subject::Organisation)?;
            audit::record(tx, &permit, "unanswered", None::<Id<kind::Patient>>, now)?;
            let most = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
            let mut waiting = send_log::waiting(tx, &permit, after, most)?;
            let goes_on = waiting.len() > PAGE;
            waiting.truncate(PAGE);
            let missed = send_log::missed(tx, &permit, MISSED)?;
            Ok(WhoHasNot {
                waiting: with_counts(tx, &permit, waiting)?,
                goes_on,
                missed: with_counts(tx, &permit, missed)?,
                zone: site_zone(tx)?,
                now,
            })
        })
        .await
}

fn with_counts(tx: &mut Tx, permit: &Permit, rows: Vec<FormRow>) -> Result<Vec<Unanswered>, Fault> {
    rows.into_iter()
        .map(|row| {
            let states = send_log::states_of(tx, permit, row.episode_id)?;
            let states: Vec<AdministrationState> = states
                .iter()
                .map(|word| word.parse())
                .collect::<Result<_, _>>()?;
            Ok(Unanswered {
                reminders: send_log::reminders(tx, permit, row.id)?,
                missed: missed_in_a_row(states),
                row,
            })
        })
        .collect()
}
