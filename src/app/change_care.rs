//! A patient's care as a page changes it: another clinician, the end of an episode, a new one, and what is known of the patient. Files do the same in `import`; how an
//! address changes is `set_contact`'s business.

use super::enrol::{self, EpisodeDetails};
use super::outlook::{Rules, look_again};
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Permit, Reach, decide};
use crate::domain::care::Ending;
use crate::domain::ids::{ClinicId, EpisodeId, PatientId, StaffId};
use crate::domain::instrument::Sex;
use crate::domain::schedule::local_day;
use crate::store::patient::{self, EpisodeNames, EpisodeRow, PatientRow};
use crate::store::{Fault, Tx, audit, plan};
use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;

/// Why nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No patient with that id.
    NoPatient,
    /// The patient has no such episode of care.
    NoEpisode,
    /// The episode has ended.
    Ended,
    /// The day is before the first one of the episode, or lies ahead.
    Day {
        /// The first day it can be.
        from: NaiveDate,
        /// The last: today, where the patient lives.
        until: NaiveDate,
    },
    /// The clinic is not one of the actor's, or there is none.
    Clinic,
    /// No such program.
    Program,
    /// No such clinician, or they do not work in that clinic.
    Clinician,
    /// An episode in this program goes on, or one began on the same day.
    Twice,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::NoPatient => f.write_str("There is no such patient."),
            Refusal::NoEpisode => f.write_str("The patient has no such episode of care."),
            Refusal::Ended => f.write_str("This episode of care has ended already. Look at the page anew."),
            Refusal::Day { from, until } => {
                write!(f, "Write a day from {from}, when the episode began, to {until}, today.")
            }
            Refusal::Clinic => f.write_str("There is no such clinic among yours. Choose another one."),
            Refusal::Program => f.write_str("There is no such program. Choose another one."),
            Refusal::Clinician => f.write_str(
                "This clinician does not work in that clinic, or has left. Choose another one.",
            ),
            Refusal::Twice => f.write_str(
                "The patient has an episode in this program that goes on, or that began on this day. End it first, or choose another program.",
            ),
        }
    }
}

/// A patient's care for somebody who may change it.
#[derive(Debug, Clone)]
pub struct Card {
    /// Who.
    pub patient: PatientRow,
    /// The episodes, newest first.
    pub episodes: Vec<EpisodeNames>,
    /// Those that go on and are in the actor's reach.
    pub theirs: Vec<EpisodeId>,
    /// Today, where the patient lives.
    pub today: NaiveDate,
}

/// What is known of a patient besides how they are reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// Name.
    pub name: String,
    /// Language tag; `en` or `es`.
    pub language: String,
    /// The zone they live in.
    pub time_zone: Tz,
    /// For norms that depend on it; `None` = not recorded.
    pub sex: Option<Sex>,
}

/// Reads it. The reading is audited.
///
/// # Errors
/// Refused when there is no such patient; denied when out of reach.
pub async fn read_care(app: &App, actor: Actor, id: PatientId) -> Result<Card, Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let permit = permit(tx, &actor, id)?;
            audit::record(tx, &permit, "patient", Some(id), now)?;
            let patient = patient::load(tx, &permit)?;
            let episodes = patient::episodes(tx, &permit)?;
            let theirs = episodes
                .iter()
                .filter(|one| one.episode.ended_on.is_none())
                .filter(|one| reaches(&permit, one.episode.clinic_id))
                .map(|one| one.episode.id)
                .collect();
            Ok(Card {
                today: local_day(zone(&patient), now),
                patient,
                episodes,
                theirs,
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

fn reaches(permit: &Permit, clinic: ClinicId) -> bool {
    match permit.reach() {
        Reach::Everything => true,
        Reach::Clinics(clinics) => clinics.contains(&clinic),
    }
}

/// The patient's open episode with this id, kept from everybody else who changes care.
fn open_episode(
    tx: &mut Tx,
    permit: &Permit,
    (patient, id): (PatientId, EpisodeId),
) -> Result<EpisodeRow, Failure<Refusal>> {
    plan::take_turn(tx)?;
    let all = patient::episodes_of(tx, permit, &[patient])?;
    let found = all.into_iter().find(|row| row.id == id);
    let row = found.ok_or(Failure::Refused(Refusal::NoEpisode))?;
    if !reaches(permit, row.clinic_id) {
        return Err(Failure::Refused(Refusal::Clinic));
    }
    match row.ended_on {
        None => Ok(row),
        Some(_) => Err(Failure::Refused(Refusal::Ended)),
    }
}

/// Gives an episode to another clinician of its clinic: see [`enrol::give_to`].
///
/// # Errors
/// See [`Refusal`]; nothing is stored then.
pub async fn hand_over(
    app: &App,
    actor: Actor,
    (patient, episode): (PatientId, EpisodeId),
    clinician: StaffId,
) -> Result<(), Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let permit = permit(tx, &actor, patient)?;
            let row = open_episode(tx, &permit, (patient, episode))?;
            if !enrol::treats_in(tx, permit.org(), clinician, row.clinic_id)? {
                return Err(Failure::Refused(Refusal::Clinician));
            }
            enrol::give_to(tx, &permit, &row, clinician, now)?;
            audit::record(tx, &permit, "patient", Some(patient), now)?;
            Ok(())
        })
        .await
}

/// Ends an episode: see [`enrol::end_episode`].
///
/// # Errors
/// See [`Refusal`]; nothing is stored then.
pub async fn end(
    app: &App,
    actor: Actor,
    (patient, episode): (PatientId, EpisodeId),
    (day, ending): (NaiveDate, Ending),
) -> Result<(), Failure<Refusal>> {
    let (now, library) = (app.clock.now(), app.library);
    app.store
        .write(move |tx| {
            let permit = permit(tx, &actor, patient)?;
            let row = open_episode(tx, &permit, (patient, episode))?;
            let (from, until) = (row.started_on, today(tx, &permit, now)?);
            if !(from..=until).contains(&day) {
                return Err(Failure::Refused(Refusal::Day { from, until }));
            }
            let rules = Rules::read(tx, library, permit.org(), now)?;
            let row = EpisodeRow {
                ended_on: Some(day),
                ending: Some(ending.word().to_owned()),
                ..row
            };
            enrol::end_episode(tx, &permit, &rules, &row)?;
            audit::record(tx, &permit, "patient", Some(patient), now)?;
            Ok(())
        })
        .await
}

fn today(tx: &mut Tx, permit: &Permit, now: NaiveDateTime) -> Result<NaiveDate, Fault> {
    Ok(local_day(zone(&patient::load(tx, permit)?), now))
}

/// Begins another episode of a patient who is known here.
///
/// # Errors
/// See [`Refusal`]; nothing is stored then.
pub async fn begin(
    app: &App,
    actor: Actor,
    id: PatientId,
    care: EpisodeDetails,
) -> Result<(), Failure<Refusal>> {
    let (now, library) = (app.clock.now(), app.library);
    app.store
        .write(move |tx| {
            let permit = permit(tx, &actor, id)?;
            if !reaches(&permit, care.clinic) {
                return Err(Failure::Refused(Refusal::Clinic));
            }
            enrol::check_care(tx, permit.org(), &care).map_err(of_care)?;
            plan::take_turn(tx)?;
            let before = patient::episodes_of(tx, &permit, &[id])?;
            let same = |row: &EpisodeRow| {
                row.program_id == care.program
                    && (row.ended_on.is_none() || row.started_on == care.started_on)
            };
            if before.iter().any(same) {
                return Err(Failure::Refused(Refusal::Twice));
            }
            let zone = zone(&patient::load(tx, &permit)?);
            let episode = enrol::open(tx, &permit, (id, zone), &care, now)?;
            let rules = Rules::read(tx, library, permit.org(), now)?;
            look_again(tx, &rules, permit.org(), episode.id)?;
            audit::record(tx, &permit, "patient", Some(id), now)?;
            Ok(())
        })
        .await
}

fn of_care(failure: Failure<enrol::Refusal>) -> Failure<Refusal> {
    match failure {
        Failure::Refused(enrol::Refusal::Program) => Failure::Refused(Refusal::Program),
        Failure::Refused(enrol::Refusal::Clinician) => Failure::Refused(Refusal::Clinician),
        Failure::Refused(_) => Failure::Refused(Refusal::Clinic),
        Failure::Denied(denied) => Failure::Denied(denied),
        Failure::Fault(fault) => Failure::Fault(fault),
    }
}

/// Puts right what is known of a patient. In another zone, what is planned goes by the clock there.
///
/// # Errors
/// See [`Refusal`]; nothing is stored then.
pub async fn correct(
    app: &App,
    actor: Actor,
    id: PatientId,
    details: Details,
) -> Result<(), Failure<Refusal>> {
    let (now, library) = (app.clock.now(), app.library);
    app.store
        .write(move |tx| {
            let permit = permit(tx, &actor, id)?;
            plan::take_turn(tx)?;
            let before = patient::load(tx, &permit)?;
            let zone = details.time_zone.name().to_owned();
            let moved = before.time_zone != zone;
            let row = PatientRow {
                name: details.name,
                language: details.language,
                time_zone: zone,
                sex: details.sex.map(|sex| sex.word().to_owned()),
                changed_at: now,
                ..before
            };
            patient::change(tx, &permit, &row)?;
            if moved {
                let rules = Rules::read(tx, library, permit.org(), now)?;
                let all = patient::episodes_of(tx, &permit, &[id])?;
                for episode in all.iter().filter(|row| row.ended_on.is_none()) {
                    look_again(tx, &rules, permit.org(), episode.id)?;
                }
            }
            audit::record(tx, &permit, "patient", Some(id), now)?;
            Ok(())
        })
        .await
}
