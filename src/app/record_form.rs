//! "Record a form": staff put answers down on a patient's page, of a form that the clinician answers, or one that was answered on paper or in an
//! interview, on the day it was answered. An occasion of its own, handed in at once; scores and flags come of it as of any other.

use super::add_informant::is_for_others;
use super::give_form;
use super::hand_in::{Hand, Ledger};
use super::keep_response::keep;
use super::permit_instrument::OnRecord;
use super::raise_signals::look_again;
use super::read_caseload::site_zone;
use super::{App, Failure, rescore};
use crate::domain::access::{Action, Actor, Permit, decide};
use crate::domain::care::{AdministrationState, InstrumentVersion, Layout, write_battery};
use crate::domain::ids::{AdministrationId, EpisodeId, InformantId, PatientId};
use crate::domain::instrument::{
    CannotBeAsked, ENGLISH, Instrument, Library, Position, Respondent, can_be_recorded,
};
use crate::domain::language::Language;
use crate::domain::permission::NotPermitted;
use crate::domain::schedule::policy::SendingPolicy;
use crate::domain::schedule::{local_day, local_instant};
use crate::domain::submission::{self, Entry, Given, Intent, Left, Part, Sheet, Unfit};
use crate::store::administration::{self, AdministrationRow};
use crate::store::deposit::Occasion;
use crate::store::door::{Guard, Slip};
use crate::store::informant::{self, InformantRow};
use crate::store::patient::{self, EpisodeRow};
use crate::store::way_in::{self, Manner, Mode, WayInRow};
use crate::store::{Tx, audit, fresh, response, staff};
use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use chrono_tz::Tz;

/// What staff put down.
#[derive(Debug, Clone)]
pub struct RecordForm {
    /// About whom.
    pub patient: PatientId,
    /// In which episode of care; `None`: the newest that is open.
    pub episode: Option<EpisodeId>,
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
    /// When the answers were given.
    pub given: Day,
    /// How they came. A form that the clinician answers is the clinician's whatever this says.
    pub came: Came,
    /// Who answered about the patient; `None`: the patient, or the clinician.
    pub informant: Option<InformantId>,
}

/// The day on which answers were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day {
    /// Today.
    Today,
    /// That day, on the site's calendar.
    On(NaiveDate),
    /// Something was typed that is no day.
    Unreadable,
}

/// How answers came that staff put down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// On paper.
    OnPaper,
    /// Somebody read the questions out.
    InInterview {
        /// Who; `None`: the account that records it.
        asked_by: Option<String>,
        /// How.
        manner: Manner,
    },
}

/// What is wrong with how or when, apart from the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// No day can be read.
    NoDay,
    /// It lies ahead.
    Ahead,
    /// The episode of care began only then.
    BeforeCare(NaiveDate),
    /// The episode of care had ended then.
    AfterCare(NaiveDate),
    /// The name of who asked is too long.
    LongName,
}

/// Most characters of the name of who asked.
pub const LONGEST_NAME: usize = 200;

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
    NotYet(Box<Draft>),
}

/// A form before it is recorded.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The patient's name.
    pub patient: String,
    /// In which episode of care.
    pub episode: EpisodeId,
    /// The program of that care.
    pub program: String,
    /// The form.
    pub part: Part<'static>,
    /// What was typed and is no answer.
    pub unfit: Vec<Unfit>,
    /// The questions without an answer; empty before anything came.
    pub gaps: Vec<Position>,
    /// What is wrong with how or when.
    pub wrong: Option<Wrong>,
    /// The days that can be said: since the episode began, until it ended or today.
    pub days: (NaiveDate, NaiveDate),
    /// Those who answer about the patient.
    pub informants: Vec<InformantRow>,
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
    /// Nobody of that id answers about this patient.
    NoInformant,
    /// It asks people about themselves: nobody else can answer it.
    NotForOthers,
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
            Refusal::NotForOthers => f.write_str(
                "This form asks people about themselves, so nobody else can answer it. Nothing was recorded.",
            ),
            Refusal::NoInformant => f.write_str(
                "Nobody of that name answers about this patient. Go back to the patient’s page. Nothing was recorded.",
            ),
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
    (id, episode): (PatientId, Option<EpisodeId>),
    instrument: String,
) -> Result<Draft, Failure<Refusal>> {
    let (now, library) = (app.clock.now(), app.library);
    app.store
        .write(move |tx| {
            let permit = permit(tx, &actor, id)?;
            let instrument = instrument_of(tx, &permit, library, &instrument, now)?;
            let episode = in_care(tx, &permit, (id, episode), now)?;
            audit::record(tx, &permit, "patient", Some(id), now)?;
            draft(tx, &permit, &episode, Part::fresh(instrument), now)
        })
        .await
}

/// A form in hand, with nothing to say about it yet.
fn draft(
    tx: &mut Tx,
    permit: &Permit,
    episode: &EpisodeRow,
    part: Part<'static>,
    now: NaiveDateTime,
) -> Result<Draft, Failure<Refusal>> {
    let today = local_day(site_zone(tx)?, now);
    let last = episode.ended_on.map_or(today, |ended| ended.min(today));
    let names = patient::episodes(tx, permit)?;
    let program = names
        .into_iter()
        .find(|known| known.episode.id == episode.id)
        .map(|known| known.program);
    Ok(Draft {
        patient: patient::load(tx, permit)?.name,
        episode: episode.id,
        program: program.unwrap_or_default(),
        part,
        unfit: vec![],
        gaps: vec![],
        wrong: None,
        days: (episode.started_on.min(last), last),
        informants: informant::of_patient(tx, permit, episode.patient_id)?
            .into_iter()
            .filter(|row| row.ended_at.is_none())
            .collect(),
    })
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
    let meant = (command.patient, command.episode);
    let episode = in_care(tx, &permit, meant, now)?;
    require_reader(tx, &permit, library, instrument)?;
    // Whoever waited for the lock comes after the one it waited for, and the episode's summary follows that order.
    patient::lock_episode(tx, permit.org(), episode.id)?;

    let unreadable = |_| Failure::Refused(Refusal::Unreadable);
    let part = Part::fresh(instrument);
    let sheet = Sheet::Whole {
        part: 0,
        answers: command.answers.clone(),
        stood: vec![],
        left: Left::Blank,
    };
    let read = sheet
        .read(std::slice::from_ref(&part))
        .map_err(unreadable)?;
    let filled = fill_in(&part, &read.given).map_err(unreadable)?;
    let gaps: Vec<Position> = submission::gaps(&filled).collect();
    let zone = site_zone(tx)?;
    let given = given_on(command, &episode, zone, now);
    if !read.unfit.is_empty() || (!gaps.is_empty() && command.gaps == Gaps::Say) || given.is_err() {
        return Ok(Recorded::NotYet(Box::new(Draft {
            unfit: read.unfit,
            gaps,
            wrong: given.err(),
            ..draft(tx, &permit, &episode, filled, now)?
        })));
    }
    let Ok(given) = given else {
        return Err(Failure::Refused(Refusal::Unreadable));
    };
    require_informant(tx, &permit, instrument, command)?;
    let way = way_in(tx, &permit, actor, instrument, command, given.day, now)?;

    let occasion = format!("entered {}", command.name);
    if let Some(known) = administration::by_occasion(tx, permit.org(), episode.id, &occasion)? {
        return recorded_before(tx, &known, &filled, &way, command.informant);
    }
    let outcomes = submission::decide(vec![part], &read.given, Intent::Send).map_err(unreadable)?;
    let at = given.at.unwrap_or(now);
    let slip = occasion_of(&permit, &episode, instrument, command, occasion, (at, now));
    administration::add(tx, &permit, &slip.administration)?;
    let way = WayInRow {
        administration_id: slip.administration.id,
        ..way
    };
    way_in::add(tx, &permit, &way)?;
    let hand = Hand {
        layout: Layout::List,
        entered_by: Some(way.recorded_by),
        given_at: given.at,
    };
    let ledger = Ledger {
        slip: &slip,
        hand,
        stored: &[],
        now,
    };
    let event = audit::event(&permit, "administration", Some(slip.administration.id), now);
    keep(tx, ledger, &outcomes, Occasion::Stays, event)?;
    if given.at.is_some() && command.informant.is_none() {
        let begin_elsewhere =
            rescore::sum_up_anew(tx, &permit, library, &instrument.id, episode.id)?;
        look_again(tx, library, &episode, &begin_elsewhere, now)?;
    }
    Ok(Recorded::Kept)
}

/// When answers were given.
struct GivenOn {
    day: NaiveDate,
    /// The moment they stand at in the series; `None`: now.
    at: Option<NaiveDateTime>,
}

/// What is written of a day that has no hour.
const NOON: u32 = 12;

fn given_on(
    command: &RecordForm,
    episode: &EpisodeRow,
    zone: Tz,
    now: NaiveDateTime,
) -> Result<GivenOn, Wrong> {
    if let Came::InInterview {
        asked_by: Some(name),
        ..
    } = &command.came
        && name.chars().count() > LONGEST_NAME
    {
        return Err(Wrong::LongName);
    }
    let today = local_day(zone, now);
    let said = match command.given {
        Day::On(day) => day,
        Day::Today | Day::Unreadable => today,
    };
    match command.given {
        Day::Unreadable => Err(Wrong::NoDay),
        Day::On(day) if day > today => Err(Wrong::Ahead),
        _ if episode.ended_on.is_some_and(|ended| said > ended) => {
            Err(Wrong::AfterCare(episode.ended_on.unwrap_or(said)))
        }
        Day::On(day) if day < episode.started_on && day < today => {
            Err(Wrong::BeforeCare(episode.started_on))
        }
        Day::On(day) if day < today => Ok(GivenOn {
            day,
            at: Some(local_instant(zone, day, NOON)),
        }),
        Day::On(_) | Day::Today => Ok(GivenOn {
            day: today,
            at: None,
        }),
    }
}

fn require_informant(
    tx: &mut Tx,
    permit: &Permit,
    instrument: &Instrument,
    command: &RecordForm,
) -> Result<(), Failure<Refusal>> {
    let Some(id) = command.informant else {
        return Ok(());
    };
    if !is_for_others(instrument) {
        return Err(Failure::Refused(Refusal::NotForOthers));
    }
    informant::by_id(tx, permit.org(), command.patient, id)?
        .filter(|row| row.ended_at.is_none())
        .map(|_| ())
        .ok_or(Failure::Refused(Refusal::NoInformant))
}

/// How the answers came, of an occasion whose id is not known yet.
fn way_in(
    tx: &mut Tx,
    permit: &Permit,
    actor: &Actor,
    instrument: &Instrument,
    command: &RecordForm,
    day: NaiveDate,
    now: NaiveDateTime,
) -> Result<WayInRow, Failure<Refusal>> {
    // Access lets staff alone record a form.
    let by = actor
        .staff()
        .ok_or(Failure::Denied(crate::domain::access::Denied::Role))?
        .id;
    let (mode, asked_by, manner) = match &command.came {
        _ if instrument.respondent == Respondent::Clinician => (Mode::Clinician, None, None),
        Came::OnPaper => (Mode::Paper, None, None),
        Came::InInterview { asked_by, manner } => {
            let named = asked_by.as_deref().map(str::trim);
            let who = match named.filter(|name| !name.is_empty()) {
                Some(name) => name.to_owned(),
                None => staff::by_id(tx, permit.org(), by)?.name,
            };
            (Mode::Interview, Some(who), Some(*manner))
        }
    };
    Ok(WayInRow {
        org_id: permit.org(),
        administration_id: command.name,
        mode: mode.word().into(),
        answered_on: day,
        asked_by,
        manner: manner.map(|manner| manner.word().into()),
        recorded_by: by,
        recorded_at: now,
    })
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
    (id, episode): (PatientId, Option<EpisodeId>),
    now: NaiveDateTime,
) -> Result<EpisodeRow, Failure<Refusal>> {
    let tomorrow = now.date() + TimeDelta::days(1);
    patient::episode_meant(tx, permit.org(), id, episode, tomorrow)?
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
    way: &WayInRow,
    informant: Option<InformantId>,
) -> Result<Recorded, Failure<Refusal>> {
    let same_way = way_in::of_administration(tx, known.org_id, known.id)?.is_none_or(|first| {
        (
            &first.mode,
            first.answered_on,
            &first.asked_by,
            &first.manner,
        ) == (&way.mode, way.answered_on, &way.asked_by, &way.manner)
    });
    let same = response::of_administration(tx, known)?.iter().any(|row| {
        row.instrument == filled.instrument.id
            && row.answers == filled.answers.to_json(filled.instrument)
    });
    if same && same_way && known.informant_id == informant {
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
    (at, now): (NaiveDateTime, NaiveDateTime),
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
            due_at: at,
            expires_at: at,
            opened_at: Some(at),
            ended_at: Some(at),
            finish_within_s: SendingPolicy::default().finish_within_s(),
            informant_id: command.informant,
            ended_why: None,
            step: None,
        },
        clinic_id: episode.clinic_id,
        clinician_id: episode.clinician_id,
        guard: Guard::default(),
    }
}
