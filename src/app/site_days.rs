//! By which calendar figures are asked for: the site's zone, the day it is there, and which periods are shown to accounts that may not see small numbers.

use super::read_caseload::day_in;
use crate::domain::access::{Actor, Role};
use crate::domain::evaluation::{Grid, Period};
use crate::domain::schedule::local_instant;
use crate::store::{Fault, Tx, organisation};
use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;

/// The site's calendar at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SiteDays {
    /// The zone in which its days begin.
    pub zone: Tz,
    /// The day it is there.
    pub today: NaiveDate,
    /// The periods it shows to accounts that may not see small numbers.
    pub grid: Grid,
}

/// The site's calendar at this moment, UTC.
///
/// # Errors
/// When the database fails, or holds a zone or a sort of periods that does not exist.
pub fn site_days(tx: &mut Tx, now: NaiveDateTime) -> Result<SiteDays, Fault> {
    let site =
        organisation::only(tx)?.ok_or_else(|| Fault::Corrupt("there is no organisation".into()))?;
    let zone = (site.time_zone.parse())
        .map_err(|_| Fault::Corrupt(format!("{:?} is no time zone", site.time_zone)))?;
    Ok(SiteDays {
        zone,
        today: day_in(zone, now),
        grid: site.shown_by.parse()?,
    })
}

/// The instants, UTC, at which a period begins and at which it is over, where the days begin in this zone.
#[must_use]
pub fn instants(zone: Tz, period: Period) -> (NaiveDateTime, NaiveDateTime) {
    let instant = |day| local_instant(zone, day, 0);
    let after = period.to().succ_opt().unwrap_or(period.to());
    (instant(period.from()), instant(after))
}

/// Whether somebody is shown the site's own periods alone. Small numbers are hidden in each report by itself, not between reports over nearly the same days. Supervisors may
/// read the very records and the operator holds the file; the quality team sees neither.
#[must_use]
pub fn is_held_to_the_grid(actor: &Actor) -> bool {
    actor
        .staff()
        .is_some_and(|staff| staff.role == Role::Quality)
}
