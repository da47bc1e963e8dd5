//! What a file or page says about a session: it is added, moved or called off, and the form that hangs on it with it.

use super::outlook::{Outlook, Rules, look_again};
use crate::domain::access::Permit;
use crate::domain::care::{AdministrationState, SessionState};
use crate::domain::ids::{AdministrationId, EpisodeId};
use crate::domain::schedule::planning::Joining;
use crate::domain::schedule::{Occasion, local_day, session_of};
use crate::store::occasion::{self, FormRow, OccasionRow};
use crate::store::patient::EpisodeRow;
use crate::store::session::{self, SessionRow};
use crate::store::{Fault, Tx, administration, plan};
use chrono::{LocalResult, NaiveDate, NaiveDateTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use std::collections::BTreeSet;

/// Sessions further ahead than this many days are taken for typing errors.
pub const AHEAD_DAYS_MAX: i64 = 3 * 366;

/// A session as a file or a page has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Start, UTC.
    pub starts_at: NaiveDateTime,
    /// What became of it.
    pub state: SessionState,
}

/// Why there is no such session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misplaced {
    /// It is another patient's.
    OfAnother,
    /// It moved out of its episode of care.
    MovedOut,
    /// The patient is in no episode of care on that day.
    NoEpisode(NaiveDate),
    /// What has happened lies ahead.
    Ahead(SessionState),
}

impl std::fmt::Display for Misplaced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Misplaced::OfAnother => f.write_str("this session_id belongs to another patient"),
            Misplaced::MovedOut => f.write_str(
                "the session moved out of its episode of care; cancel it and give the new one its own id",
            ),
            Misplaced::NoEpisode(day) => {
                write!(f, "the patient is in no episode of care on {day}")
            }
            Misplaced::Ahead(state) => write!(f, "the session is {state} but lies ahead"),
        }
    }
}

/// The episode to which a session belongs: the one that its patient is in on that local day. `None`: it is stored so already.
///
/// # Errors
/// Why there is none.
pub fn place_session(
    known: Option<&SessionRow>,
    episodes: &[EpisodeRow],
    wanted: Wanted,
    zone: Tz,
    now: NaiveDateTime,
) -> Result<Option<EpisodeId>, Misplaced> {
    let Wanted { starts_at, state } = wanted;
    let day = local_day(zone, starts_at);
    let covers =
        |row: &&EpisodeRow| row.started_on <= day && row.ended_on.is_none_or(|end| end >= day);
    let episode = match known {
        Some(known) => match episodes.iter().find(|row| row.id == known.episode_id) {
            None => return Err(Misplaced::OfAnother),
            Some(_) if known.starts_at == starts_at && known.state == state.word() => {
                return Ok(None);
            }
            Some(row) if known.starts_at == starts_at || covers(&row) => row.id,
            Some(_) => return Err(Misplaced::MovedOut),
        },
        None => {
            let here = episodes.iter().filter(covers);
            let newest = here.max_by_key(|row| (row.started_on, row.id));
            newest.ok_or(Misplaced::NoEpisode(day))?.id
        }
    };
    let took_place = matches!(state, SessionState::Attended | SessionState::Missed);
    match took_place && day > local_day(zone, now) {
        true => Err(Misplaced::Ahead(state)),
        false => Ok(Some(episode)),
    }
}

/// An hour on somebody's clock as an instant, UTC. One that comes twice when the clocks go back is its first; `None`: it does not come, for they go forward.
pub fn instant_of(local: NaiveDateTime, zone: Tz) -> Option<NaiveDateTime> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => {
            Some(instant.naive_utc())
        }
        LocalResult::None => None,
    }
}

/// Adds or changes a session, moves or withdraws the form that hangs on it, and plans anew. `existing` is the session as it is stored.
///
/// # Errors
/// When the database fails.
pub fn put_session(
    tx: &mut Tx,
    permit: &Permit,
    rules: &Rules,
    existing: Option<&SessionRow>,
    row: &SessionRow,
) -> Result<(), Fault> {
    write_session(tx, permit, rules, existing, row)?;
    look_again(tx, rules, permit.org(), row.episode_id)
}

/// As [`put_session`], without planning anew: for a file of many sessions, after which each episode is planned once.
///
/// # Errors
/// When the database fails.
pub fn write_session(
    tx: &mut Tx,
    permit: &Permit,
    rules: &Rules,
    existing: Option<&SessionRow>,
    row: &SessionRow,
) -> Result<(), Fault> {
    let Some(before) = existing else {
        return session::add(tx, permit, row);
    };
    plan::take_turn(tx)?;
    session::change(tx, permit, row)?;
    // Also one that was missed and is planned anew under its old id.
    let planned = SessionState::Planned.word();
    let is_planned = before.state == planned || row.state == planned;
    let is_cancelled = row.state == SessionState::Cancelled.word();
    if is_cancelled && before.state != row.state {
        call_off(tx, permit, rules, row)?;
    } else if is_planned && before.starts_at != row.starts_at {
        move_form(tx, permit, rules, row)?;
    }
    Ok(())
}

/// The occasions that hang on a session.
fn hanging(
    tx: &mut Tx,
    permit: &Permit,
    row: &SessionRow,
) -> Result<(Vec<OccasionRow>, Vec<OccasionRow>), Fault> {
    let id = row.id.to_string();
    let all = occasion::of_episode(tx, permit.org(), row.episode_id)?;
    Ok(all
        .into_iter()
        .partition(|one| session_of(&one.name) == Some(id.as_str())))
}

/// A form that nobody has begun is withdrawn, unless it was asked for something else too; the session gets another if it is planned again.
fn call_off(tx: &mut Tx, permit: &Permit, rules: &Rules, row: &SessionRow) -> Result<(), Fault> {
    let (of_session, others) = hanging(tx, permit, row)?;
    for form in forms_of(&of_session) {
        let shared = others.iter().any(|one| one.administration_id == Some(form));
        let why = "its session was called off";
        if is_over_unseen(tx, permit, form)? {
            // Nobody began it, and it asks nothing any more.
        } else if shared {
            if !is_untouched(tx, permit, form)? {
                continue;
            }
        } else if occasion::withdraw(tx, permit.org(), form, why, rules.now)? {
            administration::revoke_links(tx, permit.org(), form, rules.now)?;
        } else {
            continue;
        }
        forget(tx, &of_session, Some(form))?;
    }
    forget(tx, &of_session, None)
}

/// What was not asked, or with this form, is decided anew.
fn forget(tx: &mut Tx, rows: &[OccasionRow], form: Option<AdministrationId>) -> Result<(), Fault> {
    rows.iter()
        .filter(|one| one.administration_id == form)
        .try_for_each(|one| occasion::forget(tx, one))
}

fn forms_of(rows: &[OccasionRow]) -> BTreeSet<AdministrationId> {
    rows.iter()
        .filter_map(|one| one.administration_id)
        .collect()
}

fn is_untouched(tx: &mut Tx, permit: &Permit, form: AdministrationId) -> Result<bool, Fault> {
    let state = occasion::state_of(tx, permit.org(), form)?;
    Ok([
        AdministrationState::Planned.word(),
        AdministrationState::Sent.word(),
    ]
    .contains(&state.as_str()))
}

/// Whether it ended without that anybody began it: for a session that takes place later it has asked nothing.
fn is_over_unseen(tx: &mut Tx, permit: &Permit, form: AdministrationId) -> Result<bool, Fault> {
    let state = occasion::state_of(tx, permit.org(), form)?;
    Ok([
        AdministrationState::NotSeen.word(),
        AdministrationState::Expired.word(),
    ]
    .contains(&state.as_str()))
}

/// A form that has not left moves with its session; one that has left and was not begun keeps its link, and its window moves.
fn move_form(tx: &mut Tx, permit: &Permit, rules: &Rules, row: &SessionRow) -> Result<(), Fault> {
    let (of_session, others) = hanging(tx, permit, row)?;
    // What was left out may be asked at the new time.
    forget(tx, &of_session, None)?;
    for id in forms_of(&of_session) {
        if row.starts_at > rules.now && is_over_unseen(tx, permit, id)? {
            forget(tx, &of_session, Some(id))?;
            continue;
        }
        let outlook = Outlook::read(tx, rules, permit.org(), row.episode_id)?;
        let mine: Vec<&OccasionRow> = of_session
            .iter()
            .filter(|one| one.administration_id == Some(id))
            .collect();
        let shared = others.iter().any(|one| one.administration_id == Some(id));
        let Some(form) = outlook.forms.iter().find(|form| form.id == id) else {
            continue;
        };
        let moved: Vec<(&OccasionRow, Occasion)> = mine
            .iter()
            .filter_map(|one| Some((*one, dated(&outlook, one, rules.now)?)))
            .collect();
        move_one(tx, permit, rules, &outlook, form, &moved, shared)?;
    }
    Ok(())
}

/// The occasion as its plan dates it now.
fn dated(outlook: &Outlook, row: &OccasionRow, now: NaiveDateTime) -> Option<Occasion> {
    let plan = outlook
        .situation
        .plans
        .iter()
        .find(|plan| plan.id == row.plan_id)?;
    let (from, until) = (now - TimeDelta::days(3_700), now + TimeDelta::days(3_700));
    let session = session_of(&row.name)?;
    outlook
        .situation
        .calendar
        .occasions(&plan.cadence, plan.anchor, from, until)
        .into_iter()
        .find(|one| session_of(&one.name) == Some(session))
}

fn move_one(
    tx: &mut Tx,
    permit: &Permit,
    rules: &Rules,
    outlook: &Outlook,
    form: &FormRow,
    moved: &[(&OccasionRow, Occasion)],
    shared: bool,
) -> Result<(), Fault> {
    let org = permit.org();
    let due_at = moved.iter().map(|(_, occasion)| occasion.due_at).min();
    let until = moved.iter().map(|(_, occasion)| occasion.expires_at).max();
    let (Some(due_at), Some(until)) = (due_at, until) else {
        return Ok(());
    };
    let has_left = form.state != AdministrationState::Planned.word();
    if has_left || shared {
        let until = if shared {
            until.max(form.expires_at)
        } else {
            until
        };
        return occasion::move_window(tx, org, form.id, until);
    }
    let zone: Tz = outlook.situation.calendar.zone;
    let day = local_day(zone, due_at);
    let planned_apart = |place: usize| {
        let form = outlook.situation.earlier.get(place);
        form.is_none_or(|form| form.joining == Joining::Apart)
    };
    let another = outlook.forms.iter().enumerate().any(|(place, other)| {
        other.id != form.id && !planned_apart(place) && local_day(zone, other.due_at) == day
    });
    if another {
        // That day has its form already: this one is joined to it when the day is planned.
        if occasion::withdraw(tx, org, form.id, "its session was moved", rules.now)? {
            administration::revoke_links(tx, org, form.id, rules.now)?;
        }
        return moved
            .iter()
            .try_for_each(|(row, _)| occasion::forget(tx, row));
    }
    occasion::move_unsent(tx, org, form.id, due_at, until)?;
    moved
        .iter()
        .try_for_each(|(row, occasion)| occasion::set_due(tx, row, occasion.due_at))
}
