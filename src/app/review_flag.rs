//! "I have it" and "assessed and documented": the two acts by which a licensed person moves a flag forward. Each is one transaction with its audit event.

use super::safety_in_force::InForce;
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Permit, decide};
use crate::domain::ids::FlagId;
use crate::domain::risk::life::Times;
use crate::domain::risk::{self, Act, FlagRefusal, FlagState, Step, Tier};
use crate::store::flag::{self, FlagActRow, FlagRow};
use crate::store::{Fault, Tx, audit, fresh, patient};
use chrono::NaiveDateTime;

/// Why an act on a flag was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such flag, or not within reach.
    NoFlag,
    /// The flag's life says no.
    Flag(FlagRefusal),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::NoFlag => f.write_str("There is no such flag."),
            Refusal::Flag(refusal) => write!(f, "{refusal}"),
        }
    }
}

/// "I have it."
///
/// # Errors
/// Refused when somebody else has it or it is closed; denied without a licence.
pub async fn acknowledge(
    app: &App,
    actor: Actor,
    id: FlagId,
    note: String,
) -> Result<(), Failure<Refusal>> {
    act(
        app,
        actor,
        id,
        Action::AcknowledgeFlag,
        Act::Acknowledged,
        note,
        |flag, state, _, now, times| {
            let tier = flag.tier.parse().unwrap_or(Tier::Crisis);
            risk::acknowledge(state, tier, now, times)
        },
    )
    .await
}

/// "Assessed and documented."
///
/// # Errors
/// Refused unless it was acknowledged, the assessment says something, and the answer is still the one that was `seen`; denied without a licence.
pub async fn close(
    app: &App,
    actor: Actor,
    id: FlagId,
    assessment: String,
    seen: Option<i32>,
) -> Result<(), Failure<Refusal>> {
    act(
        app,
        actor,
        id,
        Action::CloseFlag,
        Act::Closed,
        assessment,
        move |flag, state, words, _, _| match seen {
            Some(seen) if seen != flag.answer => Err(FlagRefusal::AnswerRose),
            _ => risk::close(state, words),
        },
    )
    .await
}

async fn act(
    app: &App,
    actor: Actor,
    id: FlagId,
    action: Action,
    act: Act,
    note: String,
    rule: impl FnOnce(&FlagRow, FlagState, &str, NaiveDateTime, Times<'_>) -> Result<Step, FlagRefusal>
    + Send
    + 'static,
) -> Result<(), Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let permit = permit_for(tx, &actor, action, id)?;
            let known = flag::load(tx, &permit, id)?;

            let state = known.flag.state.parse().map_err(Fault::from)?;
            let in_force = InForce::read(tx, permit.org())?;
            let step = rule(&known.flag, state, &note, now, in_force.times())
                .map_err(|refusal| Failure::Refused(Refusal::Flag(refusal)))?;

            let by = actor.staff().map_or(known.flag.owner_id, |staff| staff.id);
            flag::step(tx, &permit, id, step, by, now)?;
            let row = FlagActRow {
                org_id: permit.org(),
                id: fresh(now),
                flag_id: id,
                act: act.word().into(),
                staff_id: Some(by),
                at: now,
                note: note.trim().to_owned(),
            };
            flag::add_act(tx, &row)?;
            audit::record(tx, &permit, "flag", Some(id), now)?;
            Ok(())
        })
        .await
}

/// The permit for an act on the patient a flag is about.
///
/// # Errors
/// Refused when there is no such flag; denied when it is out of reach.
pub fn permit_for(
    tx: &mut Tx,
    actor: &Actor,
    action: Action,
    id: FlagId,
) -> Result<Permit, Failure<Refusal>> {
    let who = flag::patient_of(tx, actor.org(), id)?.ok_or(Failure::Refused(Refusal::NoFlag))?;
    let subject =
        patient::place_of(tx, actor.org(), who)?.ok_or(Failure::Refused(Refusal::NoFlag))?;
    Ok(decide(actor, action, subject)?)
}
