//! The clerical tasks: reading the list and settling one. What makes a task is elsewhere; risk flags are no tasks.

use super::{App, Failure};
use crate::domain::access::{Action, Actor, Subject, decide};
use crate::domain::ids::TaskId;
use crate::store::task::{self, TaskNames};
use crate::store::{audit, organisation};
use chrono_tz::Tz;

/// Why a task was not settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody settled it just now because it is not open, or not within reach.
    NotOpen,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "This task is not open any more: it is done already, or it is outside your clinics.",
        )
    }
}

/// The open tasks, oldest first, and the zone in which the site reads its dates.
#[derive(Debug, Clone)]
pub struct Tasks {
    /// The tasks.
    pub open: Vec<TaskNames>,
    /// The site's zone.
    pub zone: Tz,
}

/// The open tasks within the actor's reach. The reading is audited.
///
/// # Errors
/// Denied when the account settles no tasks.
pub async fn read_tasks(app: &App, actor: Actor) -> Result<Tasks, Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::SettleTasks, Subject::Organisation)?;
            let open = task::open(tx, &permit)?;
            let zone = organisation::only(tx)?
                .and_then(|row| row.time_zone.parse().ok())
                .unwrap_or(chrono_tz::UTC);
            audit::record(tx, &permit, "tasks", None::<TaskId>, now)?;
            Ok(Tasks { open, zone })
        })
        .await
}

/// Settles a task.
///
/// # Errors
/// Refused when it is not open; denied when the account settles no tasks.
pub async fn settle_task(app: &App, actor: Actor, id: TaskId) -> Result<(), Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::SettleTasks, Subject::Organisation)?;
            let by = actor
                .staff()
                .map(|staff| staff.id)
                .ok_or(Failure::Refused(Refusal::NotOpen))?;
            if !task::settle(tx, &permit, id, by, now)? {
                return Err(Failure::Refused(Refusal::NotOpen));
            }
            audit::record(tx, &permit, "task", Some(id), now)?;
            Ok(())
        })
        .await
}
