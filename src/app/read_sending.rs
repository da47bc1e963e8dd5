//! The log of sending: every attempt to reach a patient, newest first, for somebody who may see the caseload. The reading is audited.

use super::read_caseload::site_zone;
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Permit, Reach, Subject, decide};
use crate::domain::ids::{ClinicId, Id, OrgId, kind};
use crate::store::send_log::{self, AttemptFilter, AttemptRow};
use crate::store::{Fault, Tx, audit, organisation};
use chrono::NaiveDateTime;
use chrono_tz::Tz;
use std::convert::Infallible;

/// Attempts on one page.
pub const PAGE: usize = 30;

/// A page of the log.
#[derive(Debug, Clone)]
pub struct Log {
    /// The attempts, newest first.
    pub attempts: Vec<AttemptRow>,
    /// Whether older ones follow.
    pub goes_on: bool,
    /// The clinics within reach, by name.
    pub clinics: Vec<(ClinicId, String)>,
    /// The zone in which the site's days begin.
    pub zone: Tz,
    /// When this was read, UTC.
    pub now: NaiveDateTime,
}

/// Reads a page of the log.
///
/// # Errors
/// Denied by role, or the database fails.
pub async fn read_sending(
    app: &App,
    actor: Actor,
    filter: AttemptFilter,
) -> Result<Log, Failure<Infallible>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::SeeCaseload, Subject::Organisation)?;
            audit::record(tx, &permit, "sending", None::<Id<kind::Patient>>, now)?;
            let most = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
            let mut attempts = send_log::attempts(tx, &permit, &filter, most)?;
            let goes_on = attempts.len() > PAGE;
            attempts.truncate(PAGE);
            Ok(Log {
                attempts,
                goes_on,
                clinics: clinics(tx, &permit)?,
                zone: site_zone(tx)?,
                now,
            })
        })
        .await
}

/// The clinics within a permit's reach, by name.
///
/// # Errors
/// When the database fails.
pub fn clinics(tx: &mut Tx, permit: &Permit) -> Result<Vec<(ClinicId, String)>, Fault> {
    let org: OrgId = permit.org();
    let mut all: Vec<(ClinicId, String)> = organisation::clinics(tx, org)?
        .into_iter()
        .map(|row| (row.id, row.name))
        .filter(|(id, _)| match permit.reach() {
            Reach::Everything => true,
            Reach::Clinics(own) => own.contains(id),
        })
        .collect();
    all.sort_by(|a, b| a.1.cmp(&b.1));
    Ok(all)
}
