//! "I have it."

use super::{Refusal, act};
use crate::app::{App, Failure};
use crate::domain::access::{Action, Actor};
use crate::domain::ids::FlagId;
use crate::domain::risk::{self, Act};
use crate::store::flag;

/// Takes a flag on, with a note that may be empty. It is theirs from now on.
///
/// # Errors
/// Refused when somebody else has it or it is closed; denied without a licence or out of reach.
pub async fn acknowledge(
    app: &App,
    actor: Actor,
    id: FlagId,
    note: String,
) -> Result<(), Failure<Refusal>> {
    act(app, actor, Action::AcknowledgeFlag, id, move |tx, desk| {
        let step = risk::acknowledge(desk.state, desk.tier, desk.now, desk.in_force.times())?;
        flag::step(tx, &desk.permit, id, step, desk.by, desk.now)?;
        Ok(desk.add_act(tx, Act::Acknowledged, desk.by, &note)?)
    })
    .await
}
