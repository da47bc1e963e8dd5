//! Taking a flag over from a colleague who has it.

use super::{Refusal, act};
use crate::app::tell_of_flag::notify;
use crate::app::{App, Failure};
use crate::domain::access::{Action, Actor};
use crate::domain::ids::FlagId;
use crate::domain::message::MessageKind;
use crate::domain::risk::Act;
use crate::domain::risk::acts;
use crate::store::flag;

/// Takes a flag over. By when it must be closed stays as it is; whoever had it is told.
///
/// # Errors
/// Refused when nobody has it, it is theirs already, or it is closed; denied without a licence or out of reach.
pub async fn claim(
    app: &App,
    actor: Actor,
    id: FlagId,
    note: String,
) -> Result<(), Failure<Refusal>> {
    act(app, actor, Action::ClaimFlag, id, move |tx, desk| {
        let flag = &desk.names.flag;
        acts::claim(desk.state, flag.owner_id, desk.by)?;
        flag::give_to(tx, &desk.permit, id, desk.by, desk.now)?;
        desk.add_act(tx, Act::Claimed, desk.by, &note)?;
        Ok(notify(
            tx,
            flag,
            MessageKind::FlagNotice,
            flag.owner_id.bytes(),
            desk.now,
        )?)
    })
    .await
}
