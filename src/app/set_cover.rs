//! When answers are read, and who is away: reading and setting both. Who owns a flag while somebody is away is decided in `domain::risk`, what patients are
//! told in `domain::schedule::cover`.

use super::read_caseload::{day_in, site_zone};
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Permit, Role, Subject, decide};
use crate::domain::ids::{AbsenceId, StaffId};
use crate::domain::schedule::cover::Reads;
use crate::domain::schedule::local_time;
use crate::domain::schedule::policy::{NobodyReads, ReadingHours, SendingPolicy};
use crate::store::cover::{self, AbsenceRow};
use crate::store::staff::{self, StaffRow, StaffState};
use crate::store::{Fault, Tx, audit, fresh, policy, sending};
use chrono::{NaiveDate, NaiveDateTime, TimeDelta};

/// The longest note, in characters.
pub const NOTE_MOST: usize = 200;
/// The longest absence, in days.
const LONGEST_DAYS: i64 = 366;
/// The most closed days.
pub const CLOSED_MOST: usize = 100;

/// Why it was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Hours of a day that begin and end at once, elsewhere than at midnight.
    Hours,
    /// Too many closed days.
    Closed,
    /// Nobody by that name sees patients here.
    Person,
    /// Whoever stands in is nobody here, without a licence, or the same person.
    StandIn,
    /// The last day comes before the first, lies behind, or more than a year after the first.
    Days,
    /// The note is too long.
    Note,
    /// There is no such absence any more.
    NotAway,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Refusal::Hours => "Hours must not begin and end at the same time. Leave both empty where nobody reads; from 00:00 to 00:00 is the whole day.",
            Refusal::Closed => "Write at most 100 closed days. Leave out those that are over.",
            Refusal::Person => "Choose somebody from the list.",
            Refusal::StandIn => "Choose another licensed person from the list, or nobody.",
            Refusal::Days => "The last day must be today or later, not before the first day, and within a year of it.",
            Refusal::Note => "Write at most 200 characters.",
            Refusal::NotAway => "This absence was taken back already.",
        })
    }
}

/// Who reads answers and when, as the pages show it.
#[derive(Debug, Clone)]
pub struct CoverSheet {
    /// The hours.
    pub hours: ReadingHours,
    /// What happens to forms that ask about danger to life outside them.
    pub nobody_reads: NobodyReads,
    /// Whether somebody reads now; moments on the site's clock.
    pub reads: Reads,
    /// Absences that are not over.
    pub away: Vec<ShownAbsence>,
    /// Who may be away and stand in: active, clinical; whether they are licensed.
    pub people: Vec<(StaffId, String, Licensed)>,
    /// Today at this site.
    pub today: NaiveDate,
}

/// Whether somebody may read answers that ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Licensed {
    /// Yes.
    Yes,
    /// No.
    No,
}

/// An absence with its names.
#[derive(Debug, Clone)]
pub struct ShownAbsence {
    /// The absence.
    pub row: AbsenceRow,
    /// Who is away.
    pub name: String,
    /// Who stands in; empty when nobody was named.
    pub stand_in: String,
}

/// Reads the whole sheet, for whoever administers, or one's own absences, for whoever sees the queue.
///
/// # Errors
/// Denied to all others.
pub async fn read_cover(
    app: &App,
    actor: Actor,
    whose: Whose,
) -> Result<CoverSheet, Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .read(move |tx| {
            let permit = match whose {
                Whose::Everybody => decide(&actor, Action::Administer, Subject::Organisation)?,
                Whose::Own => decide(&actor, Action::SeeQueue, Subject::Organisation)?,
            };
            let mut sheet = sheet(tx, &permit, now)?;
            if whose == Whose::Own {
                let me = actor.staff().map(|staff| staff.id);
                sheet.away.retain(|away| Some(away.row.staff_id) == me);
            }
            Ok(sheet)
        })
        .await
}

/// Whose absences are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Everybody's.
    Everybody,
    /// One's own.
    Own,
}

fn sheet(tx: &mut Tx, permit: &Permit, now: NaiveDateTime) -> Result<CoverSheet, Fault> {
    let org = permit.org();
    let rules: SendingPolicy = policy::newest(tx, org, SendingPolicy::KIND)?;
    let known = cover::cover(tx, org, now)?;
    let today = day_in(known.zone, now);
    let staff = staff::all(tx, org)?;
    let name = |id: StaffId| {
        let found = staff.iter().find(|row| row.id == id);
        found.map_or_else(String::new, |row| row.name.clone())
    };
    let away = cover::absences(tx, org, today)?
        .into_iter()
        .map(|row| ShownAbsence {
            name: name(row.staff_id),
            stand_in: row.covered_by.map(name).unwrap_or_default(),
            row,
        })
        .collect();
    Ok(CoverSheet {
        reads: match known.reads(now) {
            Reads::Later(at) => Reads::Later(local_time(known.zone, at)),
            reads => reads,
        },
        hours: rules.reading,
        nobody_reads: rules.nobody_reads,
        away,
        people: staff.iter().filter_map(clinical).collect(),
        today,
    })
}

fn clinical(row: &StaffRow) -> Option<(StaffId, String, Licensed)> {
    let role = row.role.parse().ok()?;
    let clinical = matches!(role, Role::Therapist | Role::Supervisor);
    let licensed = match row.licence {
        Some(_) => Licensed::Yes,
        None => Licensed::No,
    };
    (clinical && row.state == StaffState::Active.word())
        .then(|| (row.id, row.name.clone(), licensed))
}

/// Sets when answers are read and what happens outside these hours: a new version of the rules of sending.
///
/// # Errors
/// Refused when they cannot be kept; denied unless the account administers.
pub async fn set_hours(
    app: &App,
    actor: Actor,
    mut hours: ReadingHours,
    nobody_reads: NobodyReads,
) -> Result<(), Failure<Refusal>> {
    let now = app.clock.now();
    if !hours.can_be_kept() {
        return Err(Failure::Refused(Refusal::Hours));
    }
    hours.closed_on.sort_unstable();
    hours.closed_on.dedup();
    if hours.closed_on.len() > CLOSED_MOST {
        return Err(Failure::Refused(Refusal::Closed));
    }
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::Administer, Subject::Organisation)?;
            let before: SendingPolicy = policy::newest(tx, permit.org(), SendingPolicy::KIND)?;
            let new = SendingPolicy {
                reading: hours,
                nobody_reads,
                ..before.clone()
            };
            if new != before {
                policy::replace(tx, &permit, SendingPolicy::KIND, &new, now)?;
                sending::release_unread(tx, permit.org(), now)?;
                audit::record(tx, &permit, "reading_hours", Some(permit.org()), now)?;
            }
            Ok::<_, Failure<Refusal>>(())
        })
        .await?;
    // What patients read hangs on it.
    app.store.forget_words();
    Ok(())
}

/// An absence as somebody wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAbsence {
    /// Who is away.
    pub staff: StaffId,
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub until: NaiveDate,
    /// Who stands in.
    pub covered_by: Option<StaffId>,
    /// For colleagues.
    pub note: String,
}

/// Writes an absence down: one's own, or anybody's for whoever administers.
///
/// # Errors
/// See [`Refusal`].
pub async fn add_absence(app: &App, actor: Actor, new: NewAbsence) -> Result<(), Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let permit = permit_for(&actor, new.staff)?;
            let today = day_in(site_zone(tx)?, now);
            let people: Vec<_> = staff::all(tx, permit.org())?
                .iter()
                .filter_map(clinical)
                .collect();
            check(&new, &people, today).map_err(Failure::Refused)?;
            let row = AbsenceRow {
                org_id: permit.org(),
                id: fresh(now),
                staff_id: new.staff,
                from_on: new.from,
                until_on: new.until,
                covered_by: new.covered_by,
                note: new.note.split_whitespace().collect::<Vec<_>>().join(" "),
                made_by: actor.staff().map(|staff| staff.id),
                made_at: now,
                ended_at: None,
                ended_by: None,
            };
            cover::add_absence(tx, &permit, &row)?;
            audit::record_by(tx, &actor, "add_absence", "staff", Some(new.staff), now)?;
            Ok::<_, Failure<Refusal>>(())
        })
        .await?;
    app.store.forget_words();
    Ok(())
}

fn check(
    new: &NewAbsence,
    people: &[(StaffId, String, Licensed)],
    today: NaiveDate,
) -> Result<(), Refusal> {
    if !people.iter().any(|(id, _, _)| *id == new.staff) {
        return Err(Refusal::Person);
    }
    let may_stand_in = |id: StaffId| {
        id != new.staff
            && people
                .iter()
                .any(|(known, _, licensed)| *known == id && *licensed == Licensed::Yes)
    };
    if new.covered_by.is_some_and(|id| !may_stand_in(id)) {
        return Err(Refusal::StandIn);
    }
    let longest = new.from + TimeDelta::days(LONGEST_DAYS);
    if new.until < new.from || new.until < today || new.until > longest {
        return Err(Refusal::Days);
    }
    if new.note.chars().count() > NOTE_MOST {
        return Err(Refusal::Note);
    }
    Ok(())
}

/// Takes an absence back: the person reads again.
///
/// # Errors
/// Refused when it was taken back before; denied as for [`add_absence`].
pub async fn end_absence(app: &App, actor: Actor, id: AbsenceId) -> Result<(), Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let row = cover::absence_by_id(tx, actor.org(), id)?
                .ok_or(Failure::Refused(Refusal::NotAway))?;
            let permit = permit_for(&actor, row.staff_id)?;
            if !cover::end_absence(tx, &permit, id, now)? {
                return Err(Failure::Refused(Refusal::NotAway));
            }
            sending::release_unread(tx, permit.org(), now)?;
            audit::record_by(tx, &actor, "end_absence", "staff", Some(row.staff_id), now)?;
            Ok::<_, Failure<Refusal>>(())
        })
        .await?;
    app.store.forget_words();
    Ok(())
}

/// One's own absence asks for no more than seeing the queue that it empties.
fn permit_for(actor: &Actor, whose: StaffId) -> Result<Permit, Failure<Refusal>> {
    let own = actor.staff().is_some_and(|staff| staff.id == whose);
    let action = if own {
        Action::SeeQueue
    } else {
        Action::Administer
    };
    Ok(decide(actor, action, Subject::Organisation)?)
}
