//! A patient has another address: links that went to the old one and were not used close, and what is still wanted is asked again on a new link.

use super::link::Token;
use crate::domain::access::Permit;
use crate::domain::care::AdministrationState;
use crate::domain::ids::{OrgId, PatientId};
use crate::domain::message::{MessageKind, MessageState};
use crate::store::contact::{self, Channel, ContactRow};
use crate::store::outbox::{self, Lane, OutboxRow};
use crate::store::{Fault, Tx, administration, audit, fresh, sending};
use chrono::NaiveDateTime;

const WHY: &str = "the address was changed; asked again on a new link";

/// Where messages to a patient go, as somebody said: the mailbox or the telephone of their channel. What stands in the record beside it changes no link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    channel: Channel,
    address: Option<String>,
}

impl Place {
    /// The place, of all that was said about reaching the patient.
    pub fn of(channel: Channel, email: Option<&str>, phone: Option<&str>) -> Place {
        let address = match channel {
            Channel::Mail => email,
            Channel::Text => phone,
            Channel::None => None,
        };
        Place {
            channel,
            address: address.map(str::to_owned),
        }
    }

    /// The same, of what is stored; where nothing was said it is by mail.
    pub fn stored(email: Option<&str>, said: Option<&ContactRow>) -> Place {
        let channel = said.map_or(Channel::Mail, |said| {
            said.channel.parse().unwrap_or(Channel::None)
        });
        Place::of(channel, email, said.and_then(|said| said.phone.as_deref()))
    }
}

/// Which forms are asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// All that were not begun: their links stand in another mailbox or telephone.
    All,
    /// Those whose invitation was withdrawn: the links that left are good as they are.
    Withdrawn,
}

/// Closes the links of the patient's forms that were not begun and asks for those forms again, wherever the patient is reached now.
/// A form whose link was handed over in the clinic stays as it is.
///
/// # Errors
/// When the database fails.
pub fn ask_again(
    tx: &mut Tx,
    permit: &Permit,
    patient: PatientId,
    which: Again,
    now: NaiveDateTime,
) -> Result<usize, Fault> {
    let mut again = 0;
    for form in sending::not_begun(tx, permit.org(), patient)? {
        let about = outbox::about(tx, permit.org(), form.id.bytes())?;
        let invitation = newest_invitation(&about);
        let planned = form.state == AdministrationState::Planned.word();
        let is_asked = match which {
            Again::All => invitation.is_some() || planned,
            Again::Withdrawn => {
                invitation.is_some_and(|row| row.state == MessageState::Withdrawn.word())
            }
        };
        if !is_asked {
            continue;
        }
        sending::take_back(tx, permit.org(), form.id, WHY, now)?;
        administration::revoke_links(tx, permit.org(), form.id, now)?;
        if form.expires_at <= now {
            continue;
        }
        let link = fresh(now);
        let hash = Token::of(&tx.seal, link).hash();
        administration::add_link(tx, permit, link, form.id, &hash, now)?;
        let row = OutboxRow::queued(
            permit.org(),
            fresh(now),
            MessageKind::Invitation,
            form.id.bytes(),
            patient.bytes(),
            form.due_at.max(now),
            now,
        );
        outbox::add(tx, &row)?;
        audit::record(tx, permit, "administration", Some(form.id), now)?;
        again += 1;
    }
    Ok(again)
}

/// Closes the links that went by this lane to an address which turned out to be bad, and takes back what waits about them. The forms stay open: a better
/// address makes new links. What went another way stays: the answer may come days later, and the patient be reached by text since.
///
/// # Errors
/// When the database fails.
pub fn close_unbegun(
    tx: &mut Tx,
    org: OrgId,
    patient: PatientId,
    lane: &str,
    why: &str,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let by_text = contact::of_patient(tx, org, patient)?
        .is_some_and(|said| said.channel == Channel::Text.word());
    let next = if by_text { Lane::Texts } else { Lane::Mails };
    for form in sending::not_begun(tx, org, patient)? {
        let about = outbox::about(tx, org, form.id.bytes())?;
        // What was never tried finds its lane when it is.
        let went_by = newest_invitation(&about).map(|row| match row.attempts {
            0 => next.word(),
            _ => row.lane.as_str(),
        });
        if went_by == Some(lane) {
            sending::take_back(tx, org, form.id, why, now)?;
            administration::revoke_links(tx, org, form.id, now)?;
        }
    }
    Ok(())
}

fn newest_invitation(about: &[OutboxRow]) -> Option<&OutboxRow> {
    about
        .iter()
        .filter(|row| row.kind == MessageKind::Invitation.word())
        .max_by_key(|row| row.id)
}
