//! Giving a flag to a colleague, who has to take it on.

use super::{Refusal, act};
use crate::app::tell_of_flag::notify;
use crate::app::{App, Failure};
use crate::domain::access::{Action, Actor};
use crate::domain::ids::{FlagId, StaffId};
use crate::domain::message::MessageKind;
use crate::domain::risk::Act;
use crate::domain::risk::acts;
use crate::store::{cover, flag, staff};

/// Gives a flag to this colleague: it is open again, with a deadline of its own and a notice to them. Whoever had it and is not the one who gives it is told too.
///
/// # Errors
/// Refused when it is closed, or the colleague is unknown, away, out of reach or cannot act; denied without a licence or out of reach.
pub async fn hand_over(
    app: &App,
    actor: Actor,
    id: FlagId,
    to: Option<StaffId>,
    note: String,
) -> Result<(), Failure<Refusal>> {
    act(app, actor, Action::HandOverFlag, id, move |tx, desk| {
        let flag = &desk.names.flag;
        let step = acts::hand_over(desk.state, desk.tier, desk.now, desk.in_force.times())?;
        let people = cover::candidates(tx, desk.permit.org(), desk.now)?;
        let chosen = people.iter().find(|person| Some(person.id) == to);
        let to = acts::may_be_given(chosen, flag.clinic_id, flag.owner_id)
            .map_err(|unfit| Failure::Refused(Refusal::Unfit(unfit)))?;

        flag::step(tx, &desk.permit, id, step, to, desk.now)?;
        let name = staff::by_id(tx, desk.permit.org(), to)?.name;
        let note = format!("to {name}\n{}", note.trim());
        desk.add_act(tx, Act::HandedOver, desk.by, &note)?;
        notify(tx, flag, MessageKind::FlagNotice, to.bytes(), desk.now)?;
        if flag.owner_id != desk.by {
            notify(
                tx,
                flag,
                MessageKind::FlagNotice,
                flag.owner_id.bytes(),
                desk.now,
            )?;
        }
        Ok(())
    })
    .await
}
