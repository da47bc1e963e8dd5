//! Who is away and who stands in for them, and everybody who may read answers. Whether somebody reads at a moment is `domain::schedule::cover`'s to say.

use super::engine::on_engine;
use super::schema::absence;
use super::staff;
use super::{Fault, Tx, organisation, policy};
use crate::domain::access::Permit;
use crate::domain::ids::{AbsenceId, OrgId, StaffId};
use crate::domain::risk::{Candidate, Standing};
use crate::domain::schedule::cover::{Away, Cover, Reader};
use crate::domain::schedule::policy::SendingPolicy;
use crate::domain::schedule::{local_day, local_instant};
use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use diesel::prelude::*;

/// A time in which somebody is away.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = absence)]
pub struct AbsenceRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Id.
    pub id: AbsenceId,
    /// Who is away.
    pub staff_id: StaffId,
    /// The first day, on the site's clock.
    pub from_on: NaiveDate,
    /// The last day.
    pub until_on: NaiveDate,
    /// Who stands in, if somebody does.
    pub covered_by: Option<StaffId>,
    /// For colleagues; never about a patient.
    pub note: String,
    /// Who wrote it down; `None`: the operator of the machine.
    pub made_by: Option<StaffId>,
    /// When.
    pub made_at: NaiveDateTime,
    /// When it was taken back.
    pub ended_at: Option<NaiveDateTime>,
    /// By whom.
    pub ended_by: Option<StaffId>,
}

/// The absences that are not over on this day and were not taken back, by their first day.
///
/// # Errors
/// When the database fails.
pub fn absences(tx: &mut Tx, org: OrgId, today: NaiveDate) -> Result<Vec<AbsenceRow>, Fault> {
    Ok(on_engine!(tx, db => absence::table
        .filter(absence::org_id.eq(org).and(absence::until_on.ge(today)))
        .filter(absence::ended_at.is_null())
        .order((absence::from_on, absence::id))
        .load(db))?)
}

/// Writes an absence down.
///
/// # Errors
/// When the database fails.
pub fn add_absence(tx: &mut Tx, _permit: &Permit, row: &AbsenceRow) -> Result<(), Fault> {
    diesel::insert_into(absence::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// An absence that was not taken back.
///
/// # Errors
/// When the database fails.
pub fn absence_by_id(tx: &mut Tx, org: OrgId, id: AbsenceId) -> Result<Option<AbsenceRow>, Fault> {
    Ok(absence::table
        .find((org, id))
        .filter(absence::ended_at.is_null())
        .get_result(&mut tx.db)
        .optional()?)
}

/// Takes an absence back. `false` when somebody did so before.
///
/// # Errors
/// When the database fails.
pub fn end_absence(
    tx: &mut Tx,
    permit: &Permit,
    id: AbsenceId,
    now: NaiveDateTime,
) -> Result<bool, Fault> {
    let by = permit.actor().staff().map(|staff| staff.id);
    let ended = diesel::update(
        absence::table
            .find((permit.org(), id))
            .filter(absence::ended_at.is_null()),
    )
    .set((absence::ended_at.eq(now), absence::ended_by.eq(by)))
    .execute(&mut tx.db)?;
    Ok(ended == 1)
}

/// Everybody, as possible owners of a flag, with those who are away today known as such.
///
/// # Errors
/// When the database fails.
pub fn candidates(tx: &mut Tx, org: OrgId, now: NaiveDateTime) -> Result<Vec<Candidate>, Fault> {
    let zone = site_zone(tx)?;
    candidates_in(tx, org, zone, now)
}

/// The same for whoever knows the site's clock.
///
/// # Errors
/// When the database fails.
pub fn candidates_in(
    tx: &mut Tx,
    org: OrgId,
    zone: Tz,
    now: NaiveDateTime,
) -> Result<Vec<Candidate>, Fault> {
    let today = local_day(zone, now);
    let away = absences(tx, org, today)?;
    let mut people = staff::candidates(tx, org)?;
    for person in &mut people {
        // As `Away::on` chooses.
        let gone = away
            .iter()
            .filter(|row| row.staff_id == person.id && span(row).holds_on(today))
            .max_by_key(|row| row.covered_by.is_some());
        if let (Standing::Eligible, Some(row)) = (person.standing, gone) {
            person.standing = Standing::Absent {
                covered_by: row.covered_by,
                since: local_instant(zone, row.from_on, 0).max(row.made_at),
            };
        }
    }
    Ok(people)
}

/// Who reads answers and when, from today on.
///
/// # Errors
/// When the database fails.
pub fn cover(tx: &mut Tx, org: OrgId, now: NaiveDateTime) -> Result<Cover, Fault> {
    let rules: SendingPolicy = policy::newest(tx, org, SendingPolicy::KIND)?;
    let zone = site_zone(tx)?;
    // Hours over midnight begin on the day before.
    let yesterday = local_day(zone, now) - chrono::TimeDelta::days(1);
    let away = absences(tx, org, yesterday)?;
    let eligible: Vec<StaffId> = staff::candidates(tx, org)?
        .into_iter()
        .filter(|person| person.standing == Standing::Eligible)
        .map(|person| person.id)
        .collect();
    let readers = staff::all(tx, org)?
        .into_iter()
        .filter(|row| eligible.contains(&row.id))
        .map(|row| Reader {
            away: away
                .iter()
                .filter(|absence| absence.staff_id == row.id)
                .map(span)
                .collect(),
            id: row.id,
            name: row.name,
        })
        .collect();
    Ok(Cover {
        hours: rules.reading,
        zone,
        readers,
    })
}

fn span(row: &AbsenceRow) -> Away {
    Away {
        from: row.from_on,
        until: row.until_on,
        covered_by: row.covered_by,
    }
}

fn site_zone(tx: &mut Tx) -> Result<Tz, Fault> {
    Ok(organisation::only(tx)?
        .and_then(|row| row.time_zone.parse().ok())
        .unwrap_or(chrono_tz::UTC))
}
