//! "Record a form": staff put answers down on a patient's page, of a form that the clinician answers, or one that was answered on paper. An
//! occasion of its own, handed in at once; scores and flags come of it as of any other.

use super::give_form;
use super::keep_response::{Hand, Ledger, keep};
use super::permit_instrument::OnRecord;
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Permit, decide};
use crate::domain::care::{AdministrationState, InstrumentVersion, Layout, write_battery};
use crate::domain::ids::{AdministrationId, PatientId};
use crate::domain::instrument::{
    CannotBeAsked, ENGLISH, Instrument, Library, Position, can_be_recorded,
};
use crate::domain::language::Language;
use crate::domain::permission::NotPermitted;
use crate::domain::schedule::policy::SendingPolicy;
use crate::domain::submission::{self, Entry, Given, Intent, Left, Part, Sheet, Unfit};
use crate::store::administration::{self, AdministrationRow, Slip};
use crate::store::deposit::Occasion;
use crate::store::patient::{self, EpisodeRow};
use crate::store::{Tx, audit, fresh, response};
use chrono::{NaiveDateTime, TimeDelta};

/// What staff put down.
#[derive(Debug, Clone)]
pub struct RecordForm {
    /// About whom.
    pub patient: PatientId,
    /// Id of the instrument.
    pub instrument: String,
    /// The language of the form the answers were read from.
    pub language: Language,
    /// Names this one recording, so that a second click is no second form.
    pub name: AdministrationId,
    /// Printed item number and what came, each item once.
    pub answers: Vec<(String, Entry)>,
    /// What happens to questions without an answer.
    pub gaps: Gaps,
}

/// What happens to questions without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gaps {
    /// Say so first, and record nothing.
    Say,
    /// They were left blank.
    Keep,
}

/// What came of it.
#[derive(Debug, Clone)]
pub enum Recorded {
    /// It is on disk.
    Kept,
    /// Nothing is recorded yet: something needs a look.
    NotYet(Draft),
}

/// A form before it is recorded.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The patient's name.
    pub patient: String,
    /// The form.
    pub part: Part<'static>,
    /// What was typed and is no answer.
    pub unfit: Vec<Unfit>,
    /// The questions without an answer; empty before anything came.
    pub gaps: Vec<Position>,
}

/// Why nothing is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No patient with that id.
    NoPatient,
    /// The patient is in no open episode of care.
    NotInCare,
    /// There is no such instrument.
    NoInstrument,
    /// It cannot be filled in here; holds the name clinicians use.
    CannotBeRecorded(String, CannotBeAsked),
    /// Its owner's permission is needed and not on record.
    NotPermitted(NotPermitted),
    /// It asks about risk, and nobody here is licensed and active to read the answer.
    NobodyReads,
    /// An answer does not belong to its question.
    Unreadable,
    /// This very form was recorded before, with other answers; those stand.
    RecordedOtherwise,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::NoPatient => give_form::Refusal::NoPatient.fmt(f),
            Refusal::NotInCare => give_form::Refusal::NotInCare.fmt(f),
            Refusal::NobodyReads => give_form::Refusal::NobodyReads.fmt(f),
            Refusal::NoInstrument => {
                f.write_str("There is no such form. Go back and choose one from the list.")
            }
            Refusal::CannotBeRecorded(name, why) => {
                write!(f, "{name} cannot be filled in here: {why}")
            }
            Refusal::NotPermitted(why) => why.fmt(f),
            Refusal::Unreadable => {
                f.write_str("What was sent could not be read. Nothing was recorded.")
            }
            Refusal::RecordedOtherwise => f.write_str(
                "This form was recorded already, with other answers. The first ones stand; to record another form, begin on the patient’s page.",
            ),
        }
    }
}

/// The empty form, for somebody who may fill it in. The reading of the patient's name is audited.
///
/// # Errors
/// See [`Refusal`]; or access or the database says no.
pub async fn blank_form(
    app: &App,
    actor: Actor,
    id: PatientId,
    instrument: String,
) -> Result<Draft, Failure<Refusal>> {
    let (now, library) = (app.clock.now(), app.library);
    app.store
        .write(move |tx| {
            let permit = permit(tx, &actor, id)?;
            let instrument = instrument_of(tx, &permit, library, &instrument, now)?;
            in_care(tx, &permit, id, now)?;
            audit::record(tx, &permit, "patient", Some(id), now)?;
            Ok(Draft {
                patient: patient::load(tx, &permit)?.name,
                part: Part::fresh(instrument),
                unfit: vec![],
                gaps: vec![],
            })
        })
        .await
}

/// Records a form: on disk, with its scores and flags, when this says so.
///
/// # Errors
/// See [`Refusal`]; a fault means that nothing of it was stored.
pub async fn record_form(
    app: &App,
    actor: Actor,
    command: RecordForm,
) -> Result<Recorded, Failure<Refusal>> {
    let (library, clock) = (app.library, app.clock.clone());
    app.store
        .write(move |tx| record(tx, library, &actor, &command, clock.now()))
        .await
}

fn record(
    tx: &mut Tx,
    library: &'static Library,
    actor: &Actor,
    command: &RecordForm,
    now: NaiveDateTime,
) -> Result<Recorded, Failure<Refusal>> {
    let permit = permit(tx, actor, command.patient)?;
    let instrument = instrument_of(tx, &permit, library, &command.instrument, now)?;
    let episode = in_care(tx, &permit, command.patient, now)?;
    require_reader(tx, &permit, library, instrument)?;
    // Whoever waited for the lock comes after the one it waited for, and the episode's summary follows that order.
    patient::lock_episode(tx, permit.org(), episode.id)?;

    let unreadable = |_| Failure::Refused(Refusal::Unreadable);
    let part = Part::fresh(instrument);
    let sheet = Sheet::Whole {
        part: 0,
        answers: command.answers.clone(),
        left: Left::Blank,
    };
    let read = sheet
        .read(std::slice::from_ref(&part))
        .map_err(unreadable)?;
    let filled = fill_in(&part, &read.given).map_err(unreadable)?;
    let gaps: Vec<Position> = submission::gaps(&filled).collect();
    if !read.unfit.is_empty() || (!gaps.is_empty() && command.gaps == Gaps::Say) {
        return Ok(Recorded::NotYet(Draft {
            patient: patient::load(tx, &permit)?.name,
            part: filled,
            unfit: read.unfit,
            gaps,
        }));
    }

    let occasion = format!("entered {}", command.name);
    if let Some(known) = administration::by_occasion(tx, permit.org(), episode.id, &occasion)? {
        return recorded_before(tx, &known, &filled);
    }
    let outcomes = submission::decide(vec![part], &read.given, Intent::Send).map_err(unreadable)?;
    let slip = occasion_of(&permit, &episode, instrument, command, occasion, now);
    administration::add(tx, &permit, &slip.administration)?;
    let hand = Hand {
        layout: Layout::List,
        entered_by: actor.staff().map(|staff| staff.id),
    };
    let ledger = Ledger {
        slip: &slip,
        hand,
        stored: &[],
        now,
    };
    let event = audit::event(&permit, "administration", Some(slip.administration.id), now);
    keep(tx, ledger, &outcomes, Occasion::Stays, event)?;
    Ok(Recorded::Kept)
}

fn permit(tx: &mut Tx, actor: &Actor, id: PatientId) -> Result<Permit, Failure<Refusal>> {
    let subject =
        patient::place_of(tx, actor.org(), id)?.ok_or(Failure::Refused(Refusal::NoPatient))?;
    Ok(decide(actor, Action::RecordForm, subject)?)
}

fn instrument_of(
    tx: &mut Tx,
    permit: &Permit,
    library: &'static Library,
    id: &str,
    now: NaiveDateTime,
) -> Result<&'static Instrument, Failure<Refusal>> {
    let known = library
        .get(id)
        .ok_or(Failure::Refused(Refusal::NoInstrument))?;
    match can_be_recorded(known) {
        Ok(()) => {
            let required = OnRecord::read(tx, permit.org(), now)?.require([known]);
            required.map_err(|why| Failure::Refused(Refusal::NotPermitted(why)))?;
            Ok(known)
        }
        Err(why) => {
            let name = known.texts_or_english(ENGLISH).short_name.clone();
            Err(Failure::Refused(Refusal::CannotBeRecorded(name, why)))
        }
    }
}

fn in_care(
    tx: &mut Tx,
    permit: &Permit,
    id: PatientId,
    now: NaiveDateTime,
) -> Result<EpisodeRow, Failure<Refusal>> {
    patient::episode_on(tx, permit.org(), id, now.date() + TimeDelta::days(1))?
        .filter(|episode| episode.ended_on.is_none())
        .ok_or(Failure::Refused(Refusal::NotInCare))
}

fn require_reader(
    tx: &mut Tx,
    permit: &Permit,
    library: &Library,
    instrument: &Instrument,
) -> Result<(), Failure<Refusal>> {
    match give_form::require_reader(tx, permit, library, &[version_of(instrument)]) {
        Ok(()) => Ok(()),
        Err(Failure::Refused(_)) => Err(Failure::Refused(Refusal::NobodyReads)),
        Err(Failure::Denied(denied)) => Err(Failure::Denied(denied)),
        Err(Failure::Fault(fault)) => Err(Failure::Fault(fault)),
    }
}

fn version_of(instrument: &Instrument) -> InstrumentVersion {
    InstrumentVersion {
        instrument: instrument.id.clone(),
        version: instrument.version.clone(),
    }
}

fn fill_in(part: &Part<'static>, given: &[Given]) -> Result<Part<'static>, submission::Refusal> {
    let outcomes = submission::decide(vec![part.clone()], given, Intent::Save)?;
    let answers = outcomes.into_iter().next().map(|outcome| outcome.answers);
    Ok(Part {
        answers: answers.unwrap_or_else(|| part.answers.clone()),
        ..part.clone()
    })
}

/// A second click is no mistake; other answers under the same name are, and change nothing.
fn recorded_before(
    tx: &mut Tx,
    known: &AdministrationRow,
    filled: &Part<'_>,
) -> Result<Recorded, Failure<Refusal>> {
    let same = response::of_administration(tx, known.org_id, known.id)?
        .iter()
        .any(|row| {
            row.instrument == filled.instrument.id
                && row.answers == filled.answers.to_json(filled.instrument)
        });
    if same {
        Ok(Recorded::Kept)
    } else {
        Err(Failure::Refused(Refusal::RecordedOtherwise))
    }
}

/// The occasion of a form that is recorded, handed in as it is made. It has no link, so nothing of it is ever shown to a patient.
fn occasion_of(
    permit: &Permit,
    episode: &EpisodeRow,
    instrument: &Instrument,
    command: &RecordForm,
    occasion: String,
    now: NaiveDateTime,
) -> Slip {
    Slip {
        revoked_at: None,
        administration: AdministrationRow {
            org_id: permit.org(),
            id: fresh(now),
            episode_id: episode.id,
            patient_id: command.patient,
            occasion,
            instruments: write_battery(&[version_of(instrument)]),
            language: command.language.word().into(),
            state: AdministrationState::Completed.word().into(),
            due_at: now,
            expires_at: now,
            opened_at: Some(now),
            ended_at: Some(now),
            finish_within_s: SendingPolicy::default().finish_within_s(),
            informant_id: None,
            ended_why: None,
            step: None,
        },
        clinic_id: episode.clinic_id,
        clinician_id: episode.clinician_id,
    }
}
