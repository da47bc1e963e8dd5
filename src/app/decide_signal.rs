//! A licensed person's decision on a signal: a choice and a reason, written once, in one transaction with its audit event. It records what a person decided and does nothing
//! else: no plan, session or level of care is changed here.

use super::{App, Failure};
use crate::domain::access::{Action, Actor, Denied, Permit, Subject, decide};
use crate::domain::ids::{PatientId, SignalId};
use crate::domain::risk::signal::{self as rules, Choice, DecisionRefusal};
use crate::store::signal::{self, DecisionRow};
use crate::store::{Fault, Tx, audit, patient};

/// Why a decision was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such signal, or not within reach.
    NoSignal,
    /// The rules of a decision say no.
    Decision(DecisionRefusal),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::NoSignal => f.write_str("There is no such signal."),
            Refusal::Decision(refusal) => write!(f, "{refusal}"),
        }
    }
}

/// What somebody decided.
#[derive(Debug, Clone)]
pub struct Decision {
    /// What was chosen; `None`: nothing was.
    pub choice: Option<Choice>,
    /// Why, in their words.
    pub reason: String,
    /// How often the signal had been seen when they read it; `None`: not said.
    pub seen: Option<i32>,
}

/// Writes a decision down; says whose patient it is about.
///
/// # Errors
/// Denied without a licence or out of reach; refused when it was decided before, when it was seen again since, or without a choice and a reason.
pub async fn decide_signal(
    app: &App,
    actor: Actor,
    id: SignalId,
    decision: Decision,
) -> Result<PatientId, Failure<Refusal>> {
    let now = app.clock.now();
    let refused = |why| Failure::Refused(Refusal::Decision(why));
    app.store
        .write(move |tx| {
            let permit = permit_for(tx, &actor, Action::DecideSignal, id)?;
            let by = actor.staff().ok_or(Failure::Denied(Denied::Role))?.id;
            let known = signal::load(tx, &permit, id)?.signal;

            if known.due_at.is_none() {
                return Err(refused(DecisionRefusal::Decided));
            }
            if decision.seen.is_some_and(|seen| seen != known.times) {
                return Err(refused(DecisionRefusal::Changed));
            }
            let choice = decision.choice.ok_or(refused(DecisionRefusal::NoChoice))?;
            let reason = rules::reason(&decision.reason).map_err(refused)?;

            let row = DecisionRow {
                choice: choice.word(),
                reason,
                by,
                at: now,
            };
            if !signal::decide(tx, &permit, id, &row)? {
                return Err(refused(DecisionRefusal::Decided));
            }
            audit::record(tx, &permit, "signal", Some(id), now)?;
            Ok(known.patient_id)
        })
        .await
}

/// The permit for an act on the patient a signal is about.
///
/// # Errors
/// Refused when there is no such signal; denied when it is out of reach.
pub fn permit_for(
    tx: &mut Tx,
    actor: &Actor,
    action: Action,
    id: SignalId,
) -> Result<Permit, Failure<Refusal>> {
    let none = || Failure::<Refusal>::Refused(Refusal::NoSignal);
    let who = signal::patient_of(tx, actor.org(), id)
        .map_err(Failure::from)?
        .ok_or_else(none)?;
    let subject = patient::place_of(tx, actor.org(), who)
        .map_err(|fault: Fault| Failure::from(fault))?
        .ok_or_else(none)?;
    let has_it = match actor.staff() {
        Some(staff) => signal::is_with(tx, actor.org(), id, staff.id)?,
        None => false,
    };
    match decide(actor, action, subject) {
        // As with flags: where nobody of the clinic is here, it goes to somebody of another one, who must be able to act.
        Err(Denied::Clinic) if has_it => Ok(decide(actor, action, Subject::OwnFlag { id: who })?),
        decided => Ok(decided?),
    }
}
