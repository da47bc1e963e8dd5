//! Disagreeing with the rule that raised a flag, or with its tier. The flag stays, and so does the disagreement.

use super::{Refusal, act};
use crate::app::{App, Failure};
use crate::domain::access::{Action, Actor};
use crate::domain::ids::FlagId;
use crate::domain::risk::Act;
use crate::domain::risk::acts::read_reason;

/// Writes down why the rule or its tier is wrong here.
///
/// # Errors
/// Refused without a reason; denied without a licence or out of reach.
pub async fn disagree(
    app: &App,
    actor: Actor,
    id: FlagId,
    reason: String,
) -> Result<(), Failure<Refusal>> {
    act(app, actor, Action::DisagreeWithFlag, id, move |tx, desk| {
        let reason = read_reason(&reason)
            .map_err(|words| Failure::Refused(Refusal::Fields(vec![("disagreement", words)])))?;
        Ok(desk.add_act(tx, Act::Disagreed, desk.by, &reason)?)
    })
    .await
}
