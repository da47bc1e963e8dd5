//! Pauses: a time in which nothing is sent to one patient, to a program's patients, or to anybody; begun and ended by somebody, with a reason. What falls due
//! meanwhile is skipped by planning; what was queued waits and is looked at again when the pause ends.

use super::read_caseload::site_zone;
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Permit, Subject, decide};
use crate::domain::ids::{PatientId, PauseId, ProgramId};
use crate::store::contact::{self, PauseRow, PauseScope};
use crate::store::{Fault, Tx, audit, fresh, organisation, patient, sending};
use chrono::{NaiveDate, NaiveDateTime, TimeDelta};

/// The longest reason, in characters.
pub const REASON_MOST: usize = 200;

/// To whom nothing is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Anybody.
    Site,
    /// The patients of this program.
    Program(ProgramId),
    /// This patient.
    Patient(PatientId),
}

impl Scope {
    fn word(self) -> &'static str {
        match self {
            Scope::Site => PauseScope::Site,
            Scope::Program(_) => PauseScope::Program,
            Scope::Patient(_) => PauseScope::Patient,
        }
        .word()
    }

    fn subject(self) -> Option<Vec<u8>> {
        match self {
            Scope::Site => None,
            Scope::Program(id) => Some(id.bytes().to_vec()),
            Scope::Patient(id) => Some(id.bytes().to_vec()),
        }
    }
}

/// Why it was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such patient or program.
    NoSubject,
    /// No reason, or too long a one.
    Reason,
    /// The last day lies behind.
    Until,
    /// It is paused already.
    Already,
    /// There is no such pause that holds.
    NotPaused,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Refusal::NoSubject => "There is nothing here by that name to pause.",
            Refusal::Reason => "Write why, in 1 to 200 characters.",
            Refusal::Until => "Choose a last day that is today or later, or leave it empty.",
            Refusal::Already => "This is paused already. End that pause first.",
            Refusal::NotPaused => "This pause has ended already.",
        })
    }
}

/// A pause with what it covers in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownPause {
    /// The pause.
    pub id: PauseId,
    /// What it covers.
    pub scope: PauseScope,
    /// The program's name, where it is one's.
    pub program: String,
    /// Why.
    pub reason: String,
    /// The last day on the site's clock, if somebody said so.
    pub last_day: Option<NaiveDate>,
    /// Since when, on the site's clock.
    pub since: NaiveDate,
}

/// Begins a pause that lasts to the end of the last day on the site's clock, or until somebody ends it.
///
/// # Errors
/// See [`Refusal`]; denied unless the account administers, or for one patient may change how they are reached.
pub async fn pause(
    app: &App,
    actor: Actor,
    scope: Scope,
    reason: String,
    last_day: Option<NaiveDate>,
) -> Result<(), Failure<Refusal>> {
    let now = app.clock.now();
    let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    if reason.is_empty() || reason.chars().count() > REASON_MOST {
        return Err(Failure::Refused(Refusal::Reason));
    }
    app.store
        .write(move |tx| {
            let permit = permit(tx, &actor, scope)?;
            let zone = site_zone(tx)?;
            let until_at = last_day.map(|day| {
                let after = day + TimeDelta::days(1);
                crate::domain::schedule::local_instant(zone, after, 0)
            });
            if until_at.is_some_and(|until| until <= now) {
                return Err(Failure::Refused(Refusal::Until));
            }
            let same =
                |row: &PauseRow| row.scope == scope.word() && row.subject_id == scope.subject();
            if contact::pauses(tx, permit.org(), now)?.iter().any(same) {
                return Err(Failure::Refused(Refusal::Already));
            }
            let row = PauseRow {
                org_id: permit.org(),
                id: fresh(now),
                scope: scope.word().to_owned(),
                subject_id: scope.subject(),
                reason,
                from_at: now,
                until_at,
                paused_by: actor.staff().map(|staff| staff.id),
                ended_at: None,
                ended_by: None,
            };
            contact::add_pause(tx, &permit, &row)?;
            audit::record_by(tx, &actor, "pause_sending", "pause", Some(row.id), now)?;
            Ok(())
        })
        .await
}

/// Ends a pause; what it held is looked at again at once.
///
/// # Errors
/// Refused when it does not hold any more; denied as for [`pause`].
pub async fn resume(app: &App, actor: Actor, id: PauseId) -> Result<(), Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let row = contact::pause_by_id(tx, actor.org(), id)?
                .ok_or(Failure::Refused(Refusal::NotPaused))?;
            let permit = permit(tx, &actor, scope_of(&row)?)?;
            if !contact::end_pause(tx, &permit, id, now)? {
                return Err(Failure::Refused(Refusal::NotPaused));
            }
            sending::release(tx, &permit, now)?;
            audit::record_by(tx, &actor, "resume_sending", "pause", Some(id), now)?;
            Ok(())
        })
        .await
}

fn scope_of(row: &PauseRow) -> Result<Scope, Fault> {
    let subject = row.subject_id.as_deref();
    let broken = || Fault::Corrupt("a pause without its subject".into());
    Ok(match row.scope.parse()? {
        PauseScope::Site => Scope::Site,
        PauseScope::Program => {
            Scope::Program(subject.and_then(ProgramId::from_bytes).ok_or_else(broken)?)
        }
        PauseScope::Patient => {
            Scope::Patient(subject.and_then(PatientId::from_bytes).ok_or_else(broken)?)
        }
    })
}

fn permit(tx: &mut Tx, actor: &Actor, scope: Scope) -> Result<Permit, Failure<Refusal>> {
    let nothing = || Failure::Refused(Refusal::NoSubject);
    match scope {
        Scope::Site => Ok(decide(actor, Action::Administer, Subject::Organisation)?),
        Scope::Program(id) => {
            let permit = decide(actor, Action::Administer, Subject::Organisation)?;
            let known = organisation::programs(tx, permit.org())?;
            if known.iter().any(|program| program.id == id) {
                Ok(permit)
            } else {
                Err(nothing())
            }
        }
        Scope::Patient(id) => {
            let subject = patient::place_of(tx, actor.org(), id)?.ok_or_else(nothing)?;
            Ok(decide(actor, Action::EnrolPatient, subject)?)
        }
    }
}

/// The pauses that hold for the whole site or a program, in words.
///
/// # Errors
/// When the database fails.
pub fn holding(tx: &mut Tx, permit: &Permit, now: NaiveDateTime) -> Result<Vec<ShownPause>, Fault> {
    let rows = contact::pauses(tx, permit.org(), now)?;
    let rows = rows
        .iter()
        .filter(|row| row.scope != PauseScope::Patient.word());
    shown(tx, permit, rows)
}

/// The pauses that hold for one patient: their own, those of the programs they are in, the site's.
///
/// # Errors
/// When the database fails.
pub fn holding_for(
    tx: &mut Tx,
    permit: &Permit,
    id: PatientId,
    now: NaiveDateTime,
) -> Result<Vec<ShownPause>, Fault> {
    let rows = contact::pauses(tx, permit.org(), now)?;
    if rows.is_empty() {
        return Ok(vec![]);
    }
    let programs: Vec<ProgramId> = patient::episodes(tx, permit)?
        .iter()
        .filter(|names| names.episode.ended_on.is_none())
        .map(|names| names.episode.program_id)
        .collect();
    let rows = rows.iter().filter(|row| match scope_of(row) {
        Ok(Scope::Site) => true,
        Ok(Scope::Program(program)) => programs.contains(&program),
        Ok(Scope::Patient(patient)) => patient == id,
        Err(_) => false,
    });
    shown(tx, permit, rows)
}

fn shown<'a>(
    tx: &mut Tx,
    permit: &Permit,
    rows: impl Iterator<Item = &'a PauseRow>,
) -> Result<Vec<ShownPause>, Fault> {
    let programs = organisation::programs(tx, permit.org())?;
    let zone = site_zone(tx)?;
    let day = |at| crate::domain::schedule::local_day(zone, at);
    rows.map(|row| {
        let program = match scope_of(row)? {
            Scope::Program(id) => programs.iter().find(|program| program.id == id),
            Scope::Site | Scope::Patient(_) => None,
        };
        Ok(ShownPause {
            id: row.id,
            scope: row.scope.parse()?,
            program: program.map_or_else(String::new, |program| program.name.clone()),
            reason: row.reason.clone(),
            last_day: row.until_at.map(|until| day(until - TimeDelta::seconds(1))),
            since: day(row.from_at),
        })
    })
    .collect()
}
