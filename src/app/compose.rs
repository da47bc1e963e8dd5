//! One message from the outbox, looked at once more at the instant of sending: whether it is still wanted, to whom it goes and in which words. And what the
//! record learns when the relay took it, refused it, or it was not wanted any more. Claiming, sending and the log of attempts are `send_due`.

use super::give_form::{address, definitions};
use super::link::Token;
use super::permit_instrument::OnRecord;
use super::plan_due::tell_not_permitted;
use crate::domain::care::{AdministrationState, read_battery};
use crate::domain::ids::{AdministrationId, Id, OrgId, PatientId, StaffId};
use crate::domain::instrument::Library;
use crate::domain::language::Language;
use crate::domain::message::MessageKind;
use crate::domain::permission::NotPermitted;
use crate::domain::risk::FlagState;
use crate::domain::schedule::{is_after_the_end, local_time};
use crate::mail::{Mail, render};
use crate::patient_words::words;
use crate::store::administration::{self, Invitation};
use crate::store::outbox::OutboxRow;
use crate::store::staff::{self, StaffState};
use crate::store::task::{self, TaskKind, TaskRow};
use crate::store::{Fault, Tx, flag, fresh, patient};
use chrono::NaiveDateTime;

/// What becomes of a message whose time has come.
#[derive(Debug)]
pub enum Composed {
    /// It leaves like this.
    Mail(Mail),
    /// Not yet: why, in words for the log, and until when at least.
    Hold {
        /// Looked at again then, UTC.
        until: NaiveDateTime,
        /// For the log.
        why: String,
    },
    /// Nobody wants it any more: why, in words for the log.
    Withdraw {
        /// For the log.
        why: String,
    },
}

/// What every message of a batch is looked at with.
pub struct Desk {
    library: &'static Library,
    base: String,
    now: NaiveDateTime,
}

impl Desk {
    /// Opens a desk for one batch.
    pub fn new(library: &'static Library, base: &str, now: NaiveDateTime) -> Desk {
        Desk {
            library,
            base: base.to_owned(),
            now,
        }
    }

    /// The message as it should leave now.
    ///
    /// # Errors
    /// When the database fails.
    pub fn compose(&self, tx: &mut Tx, row: &OutboxRow) -> Result<Composed, Fault> {
        let mail = match row.kind.parse()? {
            MessageKind::Invitation | MessageKind::Reminder => {
                prepare_invitation(tx, self.library, row, &self.base, self.now)?
            }
            MessageKind::FlagNotice => prepare_notice(tx, row, &self.base)?,
            MessageKind::StaffSetup => prepare_setup(tx, row, &self.base)?,
        };
        Ok(mail.map_or_else(
            || Composed::Withdraw {
                why: "no longer wanted".to_owned(),
            },
            Composed::Mail,
        ))
    }
}

fn id_of<K>(bytes: &[u8]) -> Result<Id<K>, Fault> {
    Id::from_bytes(bytes).ok_or_else(|| Fault::Corrupt("an id in the outbox".into()))
}

/// The Message-ID: the same on every try.
fn message_id(row: &OutboxRow, base: &str) -> String {
    let host = base
        .split("://")
        .nth(1)
        .unwrap_or("localhost")
        .split(':')
        .next()
        .unwrap_or("localhost");
    format!("<{}@{host}>", row.id)
}

fn prepare_invitation(
    tx: &mut Tx,
    library: &Library,
    row: &OutboxRow,
    base: &str,
    now: NaiveDateTime,
) -> Result<Option<Mail>, Fault> {
    let id: AdministrationId = id_of(&row.subject_id)?;
    let Some(invitation) =
        administration::invitation(tx, row.org_id, id)?.filter(|found| is_wanted(found, now))
    else {
        return Ok(None);
    };
    let Some(to) = invitation.email.clone() else {
        return Ok(None);
    };
    if not_permitted(tx, library, &invitation, now)?.is_some() {
        return Ok(None);
    }
    let link = address(base, &Token::of(&tx.seal, invitation.link_id));
    let zone = invitation.time_zone.parse().unwrap_or(chrono_tz::UTC);
    let until = local_time(zone, invitation.administration.expires_at);
    let language = Language::of_tag(&invitation.administration.language);
    let first_name = invitation
        .patient
        .split_whitespace()
        .next()
        .unwrap_or_default();
    Ok(Some(render::invitation(
        message_id(row, base),
        to,
        &render::Invitation {
            words: words(language.unwrap_or(Language::English)),
            first_name,
            clinic: &invitation.clinic,
            link: &link,
            until,
        },
    )))
}

/// Everything is looked at again at the instant of sending: the occasion, the link, the episode, the address.
fn is_wanted(invitation: &Invitation, now: NaiveDateTime) -> bool {
    let open = invitation
        .administration
        .state
        .parse()
        .is_ok_and(AdministrationState::is_open);
    open && invitation.revoked_at.is_none()
        && invitation.administration.expires_at > now
        && (invitation.ended_on.is_none() || is_after_the_end(&invitation.administration.occasion))
        && invitation.email_refused_at.is_none()
}

/// Why the forms of this occasion may not be used any more; `None` when they may.
fn not_permitted(
    tx: &mut Tx,
    library: &Library,
    invitation: &Invitation,
    now: NaiveDateTime,
) -> Result<Option<NotPermitted>, Fault> {
    let occasion = &invitation.administration;
    let on_record = OnRecord::read(tx, occasion.org_id, now)?;
    let battery = read_battery(&occasion.instruments);
    Ok(on_record.require(definitions(library, &battery)).err())
}

/// The relay or gateway took the message, as the record learns it.
///
/// # Errors
/// When the database fails.
pub fn accepted(tx: &mut Tx, row: &OutboxRow, _now: NaiveDateTime) -> Result<(), Fault> {
    match row.kind.parse()? {
        MessageKind::Invitation => {
            administration::mark_sent(tx, row.org_id, id_of(&row.subject_id)?)
        }
        MessageKind::Reminder | MessageKind::FlagNotice | MessageKind::StaffSetup => Ok(()),
    }
}

/// The message was not wanted any more, as the record learns it.
///
/// # Errors
/// When the database fails.
pub fn withdrawn(
    tx: &mut Tx,
    library: &Library,
    row: &OutboxRow,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    match row.kind.parse()? {
        MessageKind::Invitation => withdraw_not_permitted(tx, library, row, now),
        MessageKind::Reminder | MessageKind::FlagNotice | MessageKind::StaffSetup => Ok(()),
    }
}

/// The message will never leave, or came back: somebody here has to know.
///
/// # Errors
/// When the database fails.
pub fn given_up(
    tx: &mut Tx,
    row: &OutboxRow,
    words: &str,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    match row.kind.parse()? {
        MessageKind::Invitation | MessageKind::Reminder => give_to_person(tx, row, words, now),
        MessageKind::FlagNotice | MessageKind::StaffSetup => Ok(()),
    }
}

/// A permission ended or was withdrawn between planning and sending: the occasion ends, and a person is told.
fn withdraw_not_permitted(
    tx: &mut Tx,
    library: &Library,
    row: &OutboxRow,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let id: AdministrationId = id_of(&row.subject_id)?;
    let Some(invitation) =
        administration::invitation(tx, row.org_id, id)?.filter(|found| is_wanted(found, now))
    else {
        return Ok(());
    };
    let Some(why) = not_permitted(tx, library, &invitation, now)? else {
        return Ok(());
    };
    administration::end(tx, row.org_id, id, AdministrationState::Cancelled, now)?;
    administration::revoke_links(tx, row.org_id, id, now)?;
    let who: PatientId = id_of(&row.recipient_id)?;
    tell_not_permitted(tx, row.org_id, invitation.clinic_id, who, &why, now)
}

fn prepare_notice(tx: &mut Tx, row: &OutboxRow, base: &str) -> Result<Option<Mail>, Fault> {
    let recipient: StaffId = id_of(&row.recipient_id)?;
    let still_open = flag::state_of(tx, row.org_id, id_of(&row.subject_id)?)?
        .is_some_and(|state| state != FlagState::Closed.word());
    let person = staff::by_id(tx, row.org_id, recipient)?;
    if !still_open || person.state != StaffState::Active.word() {
        return Ok(None);
    }
    Ok(Some(render::flag_notice(
        message_id(row, base),
        person.email,
        &format!("{base}/queue"),
    )))
}

fn prepare_setup(tx: &mut Tx, row: &OutboxRow, base: &str) -> Result<Option<Mail>, Fault> {
    let person = staff::by_id(tx, row.org_id, id_of(&row.recipient_id)?)?;
    let secret = super::accounts::setup_secret(&tx.seal, &row.subject_id);
    let wanted =
        staff::setup_link_by(tx, &secret.hash())?.is_some_and(|link| link.used_at.is_none());
    let mail = || {
        render::staff_setup(
            message_id(row, base),
            person.email,
            &format!("{base}/set-up/{}", secret.reveal()),
        )
    };
    Ok(wanted.then(mail))
}

/// A refused address is not tried again, and somebody here has to ask the patient for another.
fn give_to_person(
    tx: &mut Tx,
    row: &OutboxRow,
    words: &str,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let who: PatientId = id_of(&row.recipient_id)?;
    patient::mark_address_refused(tx, row.org_id, who, now)?;
    let Some(invitation) = administration::invitation(tx, row.org_id, id_of(&row.subject_id)?)?
    else {
        return Ok(());
    };
    add_task(tx, row.org_id, who, &invitation, words, now)
}

fn add_task(
    tx: &mut Tx,
    org: OrgId,
    who: PatientId,
    invitation: &Invitation,
    words: &str,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    if task::waits(tx, org, TaskKind::MailRefused, who)? {
        return Ok(());
    }
    task::add(
        tx,
        &TaskRow {
            org_id: org,
            id: fresh(now),
            kind: TaskKind::MailRefused.word().into(),
            clinic_id: invitation.clinic_id,
            patient_id: who,
            detail: format!("An invitation could not be sent: {words}. Ask for another address."),
            created_at: now,
            done_at: None,
            done_by: None,
        },
    )
}
