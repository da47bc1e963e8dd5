//! "Give the form now": a fresh occasion with its link, for a patient in care.

use super::link::Token;
use super::permit_instrument::OnRecord;
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Permit, decide};
use crate::domain::care::{AdministrationState, InstrumentVersion, write_battery};
use crate::domain::ids::{AdministrationId, EpisodeId, InformantId, LinkId, PatientId};
use crate::domain::instrument::{CannotBeAsked, ENGLISH, Instrument, Library, can_be_asked};
use crate::domain::permission::{NotPermitted, WhyNot};
use crate::domain::risk::Standing;
use crate::domain::schedule::policy::SendingPolicy;
use crate::store::administration::{self, AdministrationRow};
use crate::store::patient::EpisodeRow;
use crate::store::{Fault, Tx, audit, fresh, patient, policy, staff};
use chrono::{NaiveDateTime, TimeDelta};
use std::ops::ControlFlow;

/// Why no form can be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No patient with that id.
    NoPatient,
    /// The patient is in no open episode of care.
    NotInCare,
    /// There is no such instrument.
    NoInstrument(String),
    /// It cannot be put before a patient; holds the name clinicians use.
    CannotBeAsked(String, CannotBeAsked),
    /// The list of instruments is empty.
    Nothing,
    /// It asks about risk, and nobody here is licensed and active to read the answer.
    NobodyReads,
    /// Its owner's permission is not on record, or its wording is not here.
    NotPermitted(NotPermitted),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::NoPatient => f.write_str("there is no such patient"),
            Refusal::NotInCare => f.write_str("the patient has no open episode of care; open one first"),
            Refusal::NoInstrument(id) => write!(f, "there is no instrument {id:?}"),
            Refusal::CannotBeAsked(name, why) => write!(f, "{name} cannot be given to a patient: {why}"),
            Refusal::Nothing => f.write_str("no instrument was named; name at least one, such as phq9"),
            Refusal::NotPermitted(why) => write!(f, "{why}"),
            Refusal::NobodyReads => f.write_str(
                "this form can raise a risk flag and nobody here is licensed and active to read it; add a licensed clinician first",
            ),
        }
    }
}

/// The newest published versions of these instruments, as a patient may be asked them.
///
/// # Errors
/// Refuses an empty list, unknown ids and what cannot be put before a patient. Whether they may be used is [`require_permission`]'s to say.
pub fn battery(library: &Library, ids: &[String]) -> Result<Vec<InstrumentVersion>, Refusal> {
    if ids.is_empty() {
        return Err(Refusal::Nothing);
    }
    ids.iter()
        .map(|id| {
            let known = askable(library, id)?;
            Ok(InstrumentVersion {
                instrument: known.id.clone(),
                version: known.version.clone(),
            })
        })
        .collect()
}

/// The newest version of an instrument, if a patient may be asked it.
///
/// # Errors
/// Names the instrument and says why not.
pub fn askable<'a>(library: &'a Library, id: &str) -> Result<&'a Instrument, Refusal> {
    let known = library
        .get(id)
        .ok_or_else(|| Refusal::NoInstrument(id.to_owned()))?;
    can_be_asked(known).map_err(|why| match why {
        // Says whose wording it is and what to do.
        CannotBeAsked::NoWording => {
            Refusal::NotPermitted(NotPermitted::of(known, WhyNot::NoWording))
        }
        CannotBeAsked::AnsweredByClinician => {
            let name = known.texts_or_english(ENGLISH).short_name.clone();
            Refusal::CannotBeAsked(name, why)
        }
    })?;
    Ok(known)
}

/// A link that was made by hand.
#[derive(Debug, Clone)]
pub struct Handed {
    /// Its whole address.
    pub address: String,
    /// Until when it opens if nobody begins, UTC.
    pub open_until: NaiveDateTime,
}

/// Makes a fresh link for one patient, in the named episode of care or the newest.
///
/// # Errors
/// See [`Refusal`]; or access or the database says no.
pub async fn give_form(
    app: &App,
    actor: Actor,
    (patient, episode): (PatientId, Option<EpisodeId>),
    ids: Vec<String>,
) -> Result<Handed, Failure<Refusal>> {
    let battery = battery(app.library, &ids).map_err(Failure::Refused)?;
    let (now, library, base) = (app.clock.now(), app.library, app.base_url.clone());
    app.store
        .write(move |tx| {
            let (permit, episode) = may_give(tx, &actor, (patient, episode), now)?;
            require_permission(tx, &permit, library, &battery, now)?;
            require_reader(tx, &permit, library, &battery)?;
            let policy = policy::newest(tx, permit.org(), SendingPolicy::KIND)?;
            let occasion = Occasion::by_hand(patient, episode.id, &battery, &policy, now);
            let (_, link) = hand_out(tx, &permit, &occasion, now)?;
            audit::record(tx, &permit, "patient", Some(patient), now)?;
            Ok(Handed {
                address: address(&base, &Token::of(&tx.seal, link)),
                open_until: open_until(&policy, now),
            })
        })
        .await
}

/// The permit to give this patient a form, and the episode of care it belongs to.
///
/// # Errors
/// Refuses patients who are unknown or not in care; or access or the database says no.
pub fn may_give(
    tx: &mut Tx,
    actor: &Actor,
    (patient, episode): (PatientId, Option<EpisodeId>),
    now: NaiveDateTime,
) -> Result<(Permit, EpisodeRow), Failure<Refusal>> {
    let subject =
        patient::place_of(tx, actor.org(), patient)?.ok_or(Failure::Refused(Refusal::NoPatient))?;
    let permit = decide(actor, Action::GiveForm, subject)?;
    let tomorrow = now.date() + TimeDelta::days(1);
    let episode = patient::episode_meant(tx, permit.org(), patient, episode, tomorrow)?
        .filter(|episode| episode.ended_on.is_none())
        .ok_or(Failure::Refused(Refusal::NotInCare))?;
    Ok((permit, episode))
}

/// The definitions a battery names.
pub fn definitions<'a>(
    library: &'a Library,
    battery: &[InstrumentVersion],
) -> impl Iterator<Item = &'a Instrument> {
    battery
        .iter()
        .filter_map(|part| library.version(&part.instrument, &part.version))
}

/// Refuses instruments that may not be used here today.
///
/// # Errors
/// [`Refusal::NotPermitted`], or a fault.
pub fn require_permission(
    tx: &mut Tx,
    permit: &Permit,
    library: &Library,
    battery: &[InstrumentVersion],
    now: NaiveDateTime,
) -> Result<(), Failure<Refusal>> {
    OnRecord::read(tx, permit.org(), now)?
        .require(definitions(library, battery))
        .map_err(|why| Failure::Refused(Refusal::NotPermitted(why)))
}

/// Refuses instruments with risk rules when nobody licensed is there to read the answers.
///
/// # Errors
/// [`Refusal::NobodyReads`], or a fault.
pub fn require_reader(
    tx: &mut Tx,
    permit: &Permit,
    library: &Library,
    battery: &[InstrumentVersion],
) -> Result<(), Failure<Refusal>> {
    let risky = definitions(library, battery).any(|known| !known.risk_rules.is_empty());
    if !risky {
        return Ok(());
    }
    let somebody = staff::candidates(tx, permit.org())?
        .iter()
        .any(|person| person.standing == Standing::Eligible);
    if somebody {
        Ok(())
    } else {
        Err(Failure::Refused(Refusal::NobodyReads))
    }
}

/// An occasion that a person makes, not a plan.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// What it is called; its id is added.
    pub name: &'static str,
    /// About whom.
    pub patient: PatientId,
    /// In which episode.
    pub episode: EpisodeId,
    /// What is asked.
    pub battery: &'a [InstrumentVersion],
    /// Until when it opens if nobody begins, UTC.
    pub expires_at: NaiveDateTime,
    /// In which time it has to be handed in once it was begun.
    pub finish_within: TimeDelta,
    /// Who answers instead of the patient, with their language.
    pub informant: Option<(InformantId, &'a str)>,
}

impl<'a> Occasion<'a> {
    /// One whose link is handed over, open as long as one that is sent.
    pub fn by_hand(
        patient: PatientId,
        episode: EpisodeId,
        battery: &'a [InstrumentVersion],
        policy: &SendingPolicy,
        now: NaiveDateTime,
    ) -> Occasion<'a> {
        Occasion {
            name: "by hand",
            patient,
            episode,
            battery,
            expires_at: open_until(policy, now),
            finish_within: TimeDelta::seconds(policy.finish_within_s()),
            informant: None,
        }
    }
}

/// Stores an occasion that is handed over by a person, with its link.
///
/// # Errors
/// When the database fails.
pub fn hand_out(
    tx: &mut Tx,
    permit: &Permit,
    occasion: &Occasion<'_>,
    now: NaiveDateTime,
) -> Result<(AdministrationId, LinkId), Fault> {
    let id = fresh(now);
    let language = match occasion.informant {
        Some((_, language)) => language.to_owned(),
        None => patient::language(tx, permit, occasion.patient)?,
    };
    let row = AdministrationRow {
        org_id: permit.org(),
        id,
        episode_id: occasion.episode,
        patient_id: occasion.patient,
        occasion: format!("{} {id}", occasion.name),
        instruments: write_battery(occasion.battery),
        language,
        state: AdministrationState::Sent.word().into(),
        due_at: now,
        expires_at: occasion.expires_at,
        opened_at: None,
        ended_at: None,
        finish_within_s: occasion.finish_within.num_seconds(),
        informant_id: occasion.informant.map(|(id, _)| id),
        ended_why: None,
        step: None,
    };
    administration::add(tx, permit, &row)?;
    let link = fresh(now);
    let hash = Token::of(&tx.seal, link).hash();
    administration::add_link(tx, permit, link, id, &hash, now)?;
    Ok((id, link))
}

fn open_until(policy: &SendingPolicy, now: NaiveDateTime) -> NaiveDateTime {
    now + TimeDelta::days(i64::from(policy.never_opened_days))
}

/// Links that are made in one transaction.
const TOGETHER: usize = 500;

/// The whole address of a patient's link.
pub fn address(base_url: &str, token: &Token) -> String {
    format!("{base_url}/s/{}", token.reveal())
}

/// Links for every patient in care, `each` for one; handed to `take` in chunks, so that memory stays small, until it wants no more.
///
/// # Errors
/// See [`Refusal`]; or the database says no. Links handed to `take` before that are stored.
pub fn give_to_all(
    app: &App,
    actor: &Actor,
    ids: &[String],
    each: usize,
    mut take: impl FnMut(String) -> ControlFlow<()>,
) -> Result<(), Failure<Refusal>> {
    let battery = battery(app.library, ids).map_err(Failure::Refused)?;
    let permit = decide(
        actor,
        Action::GiveForm,
        crate::domain::access::Subject::Organisation,
    )?;
    let (reader, library, check) = (permit.clone(), app.library, battery.clone());
    let now = app.clock.now();
    let everybody = app.store.read_blocking(move |tx| {
        require_permission(tx, &reader, library, &check, now)?;
        require_reader(tx, &reader, library, &check)?;
        patient::active(tx, &reader).map_err(Failure::from)
    })?;
    let mut occasions = everybody
        .iter()
        .flat_map(|one| std::iter::repeat_n(*one, each));
    loop {
        let chunk: Vec<_> = occasions.by_ref().take(TOGETHER).collect();
        if chunk.is_empty() {
            return Ok(());
        }
        let (permit, battery, now) = (permit.clone(), battery.clone(), app.clock.now());
        let links: Vec<LinkId> = app.store.write_blocking(move |tx| {
            let policy = policy::newest(tx, permit.org(), SendingPolicy::KIND)?;
            chunk
                .into_iter()
                .map(|(patient, episode)| {
                    audit::record(tx, &permit, "patient", Some(patient), now)?;
                    let occasion = Occasion::by_hand(patient, episode, &battery, &policy, now);
                    Ok(hand_out(tx, &permit, &occasion, now)?.1)
                })
                .collect::<Result<Vec<_>, Fault>>()
        })?;
        let mut addresses = links
            .iter()
            .map(|link| address(&app.base_url, &Token::of(app.store.seal(), *link)));
        if addresses.try_for_each(&mut take).is_break() {
            return Ok(());
        }
    }
}
