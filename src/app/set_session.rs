//! A patient's sessions on a page: when they are and what became of them. Forms hang on them (`put_session`); files bring them too (`import`).

use super::outlook::Rules;
use super::put_session::{
    AHEAD_DAYS_MAX, Misplaced, Wanted, instant_of, place_session, put_session,
};
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Permit, Reach, decide};
use crate::domain::care::SessionState;
use crate::domain::ids::{CareSessionId, EpisodeId, PatientId};
use crate::store::patient::{self, EpisodeRow, PatientRow};
use crate::store::session::{self, SessionRow};
use crate::store::{Fault, Tx, audit, fresh, plan};
use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use chrono_tz::Tz;

/// Days before this one are taken for typing errors.
const EARLIEST: NaiveDate = NaiveDate::from_ymd_opt(1970, 1, 1).expect("a real day");

/// Why nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No patient with that id.
    NoPatient,
    /// The patient has no such session where the actor works.
    NoSession,
    /// The day is before 1970 or more than three years ahead.
    Far,
    /// The hour does not come: the clocks go forward that night.
    NoSuchHour,
    /// There is a session at that very time already.
    Twice,
    /// It fits nowhere.
    Misplaced(Misplaced),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::NoPatient => f.write_str("There is no such patient."),
            Refusal::NoSession => f.write_str("There is no such session any more. Look at the page anew."),
            Refusal::Far => f.write_str("Write a day that is not more than three years ahead."),
            Refusal::NoSuchHour => {
                f.write_str("This hour does not come: the clocks go forward that night. Write another one.")
            }
            Refusal::Twice => f.write_str("There is a session at that time already."),
            Refusal::Misplaced(Misplaced::OfAnother) => f.write_str("There is no such session any more. Look at the page anew."),
            Refusal::Misplaced(Misplaced::MovedOut) => f.write_str(
                "The patient is not in this episode of care on that day. Cancel the session and add another one.",
            ),
            Refusal::Misplaced(Misplaced::NoEpisode(day)) => {
                write!(f, "The patient is in no episode of care of yours on {day}. Begin one first, under Care.")
            }
            Refusal::Misplaced(Misplaced::Ahead(_)) => {
                f.write_str("This session lies ahead. Say what became of it once its day has come.")
            }
        }
    }
}

/// A patient's sessions for somebody who may change them.
#[derive(Debug, Clone)]
pub struct Card {
    /// Who.
    pub patient: PatientRow,
    /// The patient's zone.
    pub zone: Tz,
    /// The sessions of the episodes within the actor's reach, newest first.
    pub sessions: Vec<SessionRow>,
    /// Now, UTC.
    pub now: NaiveDateTime,
}

/// Reads them. The reading is audited.
///
/// # Errors
/// Refused when there is no such patient; denied when out of reach.
pub async fn read_sessions(
    app: &App,
    actor: Actor,
    id: PatientId,
) -> Result<Card, Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let permit = permit(tx, &actor, id)?;
            audit::record(tx, &permit, "patient", Some(id), now)?;
            let patient = patient::load(tx, &permit)?;
            let ids: Vec<EpisodeId> = episodes(tx, &permit, id)?
                .iter()
                .map(|row| row.id)
                .collect();
            Ok(Card {
                zone: zone(&patient),
                patient,
                sessions: session::of_episodes(tx, &permit, &ids)?,
                now,
            })
        })
        .await
}

fn permit(tx: &mut Tx, actor: &Actor, id: PatientId) -> Result<Permit, Failure<Refusal>> {
    let subject =
        patient::place_of(tx, actor.org(), id)?.ok_or(Failure::Refused(Refusal::NoPatient))?;
    Ok(decide(actor, Action::EnrolPatient, subject)?)
}

fn zone(row: &PatientRow) -> Tz {
    row.time_zone.parse().unwrap_or(Tz::UTC)
}

/// The patient's episodes in clinics of the actor's.
fn episodes(tx: &mut Tx, permit: &Permit, id: PatientId) -> Result<Vec<EpisodeRow>, Fault> {
    let mut all = patient::episodes_of(tx, permit, &[id])?;
    if let Reach::Clinics(clinics) = permit.reach() {
        all.retain(|row| clinics.contains(&row.clinic_id));
    }
    Ok(all)
}

/// A session as the page has it: on the patient's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Typed {
    /// When, on the patient's clock.
    pub at: NaiveDateTime,
    /// What became of it.
    pub state: SessionState,
}

/// Adds a session, or changes the one that is named; forms that hang on it move with it or are withdrawn.
///
/// # Errors
/// See [`Refusal`]; nothing is stored then.
pub async fn set_session(
    app: &App,
    actor: Actor,
    patient: PatientId,
    which: Option<CareSessionId>,
    typed: Typed,
) -> Result<(), Failure<Refusal>> {
    let (now, library) = (app.clock.now(), app.library);
    let latest = now.date() + TimeDelta::days(AHEAD_DAYS_MAX);
    if !(EARLIEST..=latest).contains(&typed.at.date()) {
        return Err(Failure::Refused(Refusal::Far));
    }
    app.store
        .write(move |tx| {
            let permit = permit(tx, &actor, patient)?;
            plan::take_turn(tx)?;
            let zone = zone(&patient::load(tx, &permit)?);
            let no_such_hour = Failure::Refused(Refusal::NoSuchHour);
            let starts_at = instant_of(typed.at, zone).ok_or(no_such_hour)?;
            let episodes = episodes(tx, &permit, patient)?;
            let ids: Vec<EpisodeId> = episodes.iter().map(|row| row.id).collect();
            let all = session::of_episodes(tx, &permit, &ids)?;
            let known = match which {
                None => None,
                Some(id) => {
                    let known = all.iter().find(|row| row.id == id);
                    Some(known.ok_or(Failure::Refused(Refusal::NoSession))?)
                }
            };
            let another = |row: &SessionRow| {
                Some(row.id) != which
                    && row.starts_at == starts_at
                    && row.state != SessionState::Cancelled.word()
            };
            if typed.state != SessionState::Cancelled && all.iter().any(another) {
                return Err(Failure::Refused(Refusal::Twice));
            }
            let wanted = Wanted {
                starts_at,
                state: typed.state,
            };
            let place = place_session(known, &episodes, wanted, zone, now)
                .map_err(|why| Failure::Refused(Refusal::Misplaced(why)))?;
            let Some(episode_id) = place else {
                return Ok(());
            };
            let id: CareSessionId = known.map_or_else(|| fresh(now), |row| row.id);
            let row = SessionRow {
                org_id: permit.org(),
                id,
                episode_id,
                external_id: known
                    .map_or_else(|| format!("page-{id}"), |row| row.external_id.clone()),
                starts_at,
                state: typed.state.word().to_owned(),
            };
            let rules = Rules::read(tx, library, permit.org(), now)?;
            put_session(tx, &permit, &rules, known, &row)?;
            audit::record(tx, &permit, "patient", Some(patient), now)?;
            Ok(())
        })
        .await
}
