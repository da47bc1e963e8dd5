//! Those who answer about a patient: taken in, given a form, and let go again. What they answer is a series of its own and never the patient's: only
//! forms that are made for others to answer are given to them, word for word as they are.

use super::give_form::{self, Handed, Occasion};
use super::link::Token;
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Permit, decide};
use crate::domain::care::{AdministrationState, InstrumentVersion};
use crate::domain::ids::{EpisodeId, InformantId, PatientId};
use crate::domain::instrument::{Instrument, Library, Respondent};
use crate::domain::language::Language;
use crate::domain::schedule::policy::SendingPolicy;
use crate::store::informant::{self, InformantRow, Relation};
use crate::store::{Tx, administration, audit, fresh, patient, policy};

/// Somebody who is to answer about a patient.
#[derive(Debug, Clone)]
pub struct NewInformant {
    /// About whom.
    pub patient: PatientId,
    /// Who they are to the patient.
    pub relation: Relation,
    /// Their name, 1 to [`LONGEST_NAME`] characters.
    pub name: String,
    /// Their address; `None`: forms are given by hand.
    pub email: Option<String>,
    /// The language their pages speak.
    pub language: Language,
}

/// Most characters of a name.
pub const LONGEST_NAME: usize = 200;

/// Why nothing was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No patient with that id.
    NoPatient,
    /// Nobody of that id answers about this patient, or not any more.
    NoInformant,
    /// There is no name, or far too much of it.
    Name,
    /// The address is none.
    Email,
    /// It is made for the patient to answer; holds the name clinicians use.
    NotForOthers(String),
    /// The form cannot be given.
    Form(give_form::Refusal),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::NoPatient => f.write_str("There is no such patient."),
            Refusal::NoInformant => {
                f.write_str("Nobody of that name answers about this patient any more. Go back to the patient’s page.")
            }
            Refusal::Name => write!(f, "Write a name of 1 to {LONGEST_NAME} characters."),
            Refusal::Email => {
                f.write_str("Write an e-mail address like name@example.org, or leave it empty.")
            }
            Refusal::NotForOthers(name) => write!(
                f,
                "{name} asks people about themselves. Choose a form that is made for somebody else to answer."
            ),
            Refusal::Form(why) => why.fmt(f),
        }
    }
}

/// Whether a form is made for somebody else to answer about the patient.
pub fn is_for_others(instrument: &Instrument) -> bool {
    instrument.respondent == Respondent::Parent
}

/// Takes somebody in who answers about a patient.
///
/// # Errors
/// See [`Refusal`]; or access or the database says no.
pub async fn add_informant(
    app: &App,
    actor: Actor,
    new: NewInformant,
) -> Result<InformantId, Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let permit = permit(tx, &actor, new.patient, Action::EnrolPatient)?;
            let (name, email) = check(&new).map_err(Failure::Refused)?;
            let row = InformantRow {
                org_id: permit.org(),
                id: fresh(now),
                patient_id: new.patient,
                relation: new.relation.word().into(),
                name,
                email,
                language: new.language.word().into(),
                made_at: now,
                ended_at: None,
            };
            informant::add(tx, &permit, &row)?;
            audit::record_by(tx, &actor, "add_informant", "informant", Some(row.id), now)?;
            audit::record(tx, &permit, "patient", Some(new.patient), now)?;
            Ok(row.id)
        })
        .await
}

fn check(new: &NewInformant) -> Result<(String, Option<String>), Refusal> {
    let name = new.name.trim();
    if !(1..=LONGEST_NAME).contains(&name.chars().count()) {
        return Err(Refusal::Name);
    }
    let email = new.email.as_deref().map(str::trim).unwrap_or_default();
    if email.is_empty() {
        return Ok((name.to_owned(), None));
    }
    let whole: Result<lettre::Address, _> = email.parse();
    match whole {
        Ok(_) if email.len() <= 320 => Ok((name.to_owned(), Some(email.to_owned()))),
        _ => Err(Refusal::Email),
    }
}

/// Lets somebody go: their open forms are withdrawn, what they answered stays.
///
/// # Errors
/// See [`Refusal`]; or access or the database says no.
pub async fn stop_informant(
    app: &App,
    actor: Actor,
    patient: PatientId,
    id: InformantId,
) -> Result<(), Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let permit = permit(tx, &actor, patient, Action::EnrolPatient)?;
            active(tx, &permit, patient, id)?;
            informant::end(tx, &permit, id, now)?;
            for form in informant::open_occasions(tx, permit.org(), id)? {
                let end = (
                    AdministrationState::Cancelled,
                    "whoever was to answer it answers no more",
                );
                administration::end_because(tx, permit.org(), form, end, now)?;
                administration::revoke_links(tx, permit.org(), form, now)?;
            }
            audit::record_by(tx, &actor, "stop_informant", "informant", Some(id), now)?;
            audit::record(tx, &permit, "patient", Some(patient), now)?;
            Ok(())
        })
        .await
}

/// Makes a fresh link for somebody who answers about a patient.
///
/// # Errors
/// See [`Refusal`]; or access or the database says no.
pub async fn give_to_informant(
    app: &App,
    actor: Actor,
    (patient, episode): (PatientId, Option<EpisodeId>),
    id: InformantId,
    ids: Vec<String>,
) -> Result<Handed, Failure<Refusal>> {
    let (now, library, base) = (app.clock.now(), app.library, app.base_url.clone());
    app.store
        .write(move |tx| {
            let (permit, episode) =
                give_form::may_give(tx, &actor, (patient, episode), now).map_err(of_form)?;
            let battery = battery(library, &ids).map_err(Failure::Refused)?;
            let who = active(tx, &permit, patient, id)?;
            give_form::require_permission(tx, &permit, library, &battery, now).map_err(of_form)?;
            give_form::require_reader(tx, &permit, library, &battery).map_err(of_form)?;
            let rules: SendingPolicy = policy::newest(tx, permit.org(), SendingPolicy::KIND)?;
            let occasion = Occasion {
                informant: Some((who.id, &who.language)),
                ..Occasion::by_hand(patient, episode.id, &battery, &rules, now)
            };
            let (_, link) = give_form::hand_out(tx, &permit, &occasion, now)?;
            audit::record(tx, &permit, "patient", Some(patient), now)?;
            Ok(Handed {
                address: give_form::address(&base, &Token::of(&tx.seal, link)),
                open_until: occasion.expires_at,
            })
        })
        .await
}

fn battery(library: &Library, ids: &[String]) -> Result<Vec<InstrumentVersion>, Refusal> {
    for id in ids {
        let known = give_form::askable(library, id).map_err(Refusal::Form)?;
        if !is_for_others(known) {
            let name = known.texts_or_english("en").short_name.clone();
            return Err(Refusal::NotForOthers(name));
        }
    }
    give_form::battery(library, ids).map_err(Refusal::Form)
}

fn of_form(failure: Failure<give_form::Refusal>) -> Failure<Refusal> {
    match failure {
        Failure::Refused(give_form::Refusal::NoPatient) => Failure::Refused(Refusal::NoPatient),
        Failure::Refused(why) => Failure::Refused(Refusal::Form(why)),
        Failure::Denied(denied) => Failure::Denied(denied),
        Failure::Fault(fault) => Failure::Fault(fault),
    }
}

fn permit(
    tx: &mut Tx,
    actor: &Actor,
    id: PatientId,
    action: Action,
) -> Result<Permit, Failure<Refusal>> {
    let subject =
        patient::place_of(tx, actor.org(), id)?.ok_or(Failure::Refused(Refusal::NoPatient))?;
    Ok(decide(actor, action, subject)?)
}

fn active(
    tx: &mut Tx,
    permit: &Permit,
    patient: PatientId,
    id: InformantId,
) -> Result<InformantRow, Failure<Refusal>> {
    informant::by_id(tx, permit.org(), patient, id)?
        .filter(|row| row.ended_at.is_none())
        .ok_or(Failure::Refused(Refusal::NoInformant))
}
