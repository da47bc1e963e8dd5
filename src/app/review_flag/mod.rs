//! What licensed people do with a flag: one act a file, each one transaction with its line in the history and its audit event. Here: what every act does first, why one is refused,
//! and that every attempt is written down, also one that was denied or refused.

mod acknowledge;
mod claim;
mod close;
mod disagree;
mod hand_over;
mod known_level;

pub use acknowledge::acknowledge;
pub use claim::claim;
pub use close::close;
pub use disagree::disagree;
pub use hand_over::hand_over;
pub use known_level::{choices, end_level, set_level};

use super::safety_in_force::InForce;
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Denied, Licence, Permit, StaffActor, Subject, decide};
use crate::domain::ids::{FlagId, StaffId};
use crate::domain::risk::acts::Unfit;
use crate::domain::risk::closing::Wrong;
use crate::domain::risk::{Act, FlagRefusal, FlagState, Tier};
use crate::domain::schedule::local_day;
use crate::store::flag::{self, FlagActRow, FlagNames};
use crate::store::staff::{self, StaffState};
use crate::store::{Fault, Tx, audit, fresh, patient};
use chrono::{NaiveDate, NaiveDateTime};

/// Why an act on a flag was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No such flag, or not within reach.
    NoFlag,
    /// The flag's life says no.
    Flag(FlagRefusal),
    /// The assessment is not whole.
    Closing(Vec<Wrong>),
    /// The chosen colleague cannot have it.
    Unfit(Unfit),
    /// A field of a further act is wrong: its name, and words.
    Fields(Vec<(&'static str, String)>),
    /// There can be no known level here, and why.
    NoKnownLevel(&'static str),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all = |f: &mut std::fmt::Formatter<'_>, words: Vec<&str>| f.write_str(&words.join(" "));
        match self {
            Refusal::NoFlag => f.write_str("There is no such flag."),
            Refusal::Flag(refusal) => write!(f, "{refusal}"),
            Refusal::Closing(wrong) => all(f, wrong.iter().map(|one| one.words.as_str()).collect()),
            Refusal::Unfit(unfit) => write!(f, "{unfit}"),
            Refusal::Fields(wrong) => {
                all(f, wrong.iter().map(|(_, words)| words.as_str()).collect())
            }
            Refusal::NoKnownLevel(why) => f.write_str(why),
        }
    }
}

/// A flag on the desk of somebody who may act on it, locked until the transaction ends.
struct Desk {
    permit: Permit,
    names: FlagNames,
    state: FlagState,
    tier: Tier,
    in_force: InForce,
    by: StaffId,
    now: NaiveDateTime,
}

impl Desk {
    fn open(
        tx: &mut Tx,
        actor: &Actor,
        action: Action,
        id: FlagId,
        now: NaiveDateTime,
    ) -> Result<Desk, Failure<Refusal>> {
        let actor = &as_of_now(tx, actor)?;
        let permit = permit_for(tx, actor, action, id)?;
        let names = flag::load(tx, &permit, id)?;
        let by = actor.staff().ok_or(Denied::Role)?.id;
        Ok(Desk {
            state: names.flag.state.parse().map_err(Fault::from)?,
            tier: names.flag.tier.parse().map_err(Fault::from)?,
            in_force: InForce::read(tx, permit.org())?,
            permit,
            names,
            by,
            now,
        })
    }

    /// Today at this site.
    fn today(&self) -> NaiveDate {
        local_day(self.in_force.office.zone, self.now)
    }

    /// Adds to the history what was done by or to this person.
    fn add_act(&self, tx: &mut Tx, act: Act, who: StaffId, note: &str) -> Result<(), Fault> {
        flag::add_act(
            tx,
            &FlagActRow {
                org_id: self.permit.org(),
                id: fresh(self.now),
                flag_id: self.names.flag.id,
                act: act.word().into(),
                staff_id: Some(who),
                at: self.now,
                note: note.trim().to_owned(),
            },
        )
    }
}

impl From<FlagRefusal> for Failure<Refusal> {
    fn from(refusal: FlagRefusal) -> Self {
        Failure::Refused(Refusal::Flag(refusal))
    }
}

/// Does an act with its audit event in one transaction. When it is denied or refused nothing of it is kept but the audit event that says so.
async fn act<F>(
    app: &App,
    actor: Actor,
    action: Action,
    id: FlagId,
    work: F,
) -> Result<(), Failure<Refusal>>
where
    F: FnOnce(&mut Tx, &Desk) -> Result<(), Failure<Refusal>> + Send + 'static,
{
    let (now, by) = (app.clock.now(), actor.clone());
    let done = app
        .store
        .write(move |tx| {
            let desk = Desk::open(tx, &actor, action, id, now)?;
            work(tx, &desk)?;
            Ok(audit::record(tx, &desk.permit, "flag", Some(id), now)?)
        })
        .await;
    note_attempt(app, &by, action, id, &done).await?;
    done
}

/// Writes down that somebody tried and was denied or refused.
pub(super) async fn note_attempt<T, R: Send + 'static>(
    app: &App,
    actor: &Actor,
    action: Action,
    id: FlagId,
    done: &Result<T, Failure<R>>,
) -> Result<(), Failure<R>> {
    let outcome = match done {
        Err(Failure::Denied(_)) => "denied",
        Err(Failure::Refused(_)) => "refused",
        Ok(_) | Err(Failure::Fault(_)) => return Ok(()),
    };
    let mut event = audit::event_by(actor, action.word(), "flag", Some(id), app.clock.now());
    event.outcome = outcome;
    let kept: Result<(), Fault> = app.store.write(move |tx| audit::add(tx, &event)).await;
    Ok(kept?)
}

/// Somebody with an account as they stand at this moment: what was true when they signed in may have been taken from them.
fn as_of_now(tx: &mut Tx, actor: &Actor) -> Result<Actor, Failure<Refusal>> {
    let Some(known) = actor.staff() else {
        return Ok(actor.clone());
    };
    let row = staff::by_id(tx, known.org, known.id)?;
    if row.state != StaffState::Active.word() {
        return Err(Denied::Role.into());
    }
    Ok(Actor::Staff(StaffActor {
        org: known.org,
        id: known.id,
        role: row.role.parse().map_err(Fault::from)?,
        licence: row.licence.map(Licence),
        clinics: staff::clinics_of(tx, known.org, known.id)?,
    }))
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
    match decide(actor, action, subject) {
        // Where a clinic has nobody licensed here, its flags go to people of other clinics: they must be able to act.
        Err(Denied::Clinic) if has_it(tx, actor, id)? => {
            Ok(decide(actor, action, Subject::OwnFlag { id: who })?)
        }
        decided => Ok(decided?),
    }
}

fn has_it(tx: &mut Tx, actor: &Actor, id: FlagId) -> Result<bool, Fault> {
    let owner = flag::owner_of(tx, actor.org(), id)?;
    Ok(owner.is_some() && owner == actor.staff().map(|staff| staff.id))
}
