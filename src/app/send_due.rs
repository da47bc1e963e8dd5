//! The outbox on its way: claim, look once more whether the message is still wanted, send, and store what the relay said. A message that is claimed
//! and then lost with the process comes back when its lease runs out, with the same id and the same link.

use super::App;
use super::give_form::{address, definitions};
use super::link::Token;
use super::permit_instrument::OnRecord;
use super::plan_due::tell_not_permitted;
use crate::domain::care::{AdministrationState, read_battery};
use crate::domain::ids::{AdministrationId, Id, OrgId, PatientId, StaffId};
use crate::domain::instrument::Library;
use crate::domain::language::Language;
use crate::domain::message::{AfterFailure, MessageKind, MessageState, after_failure};
use crate::domain::permission::NotPermitted;
use crate::domain::risk::FlagState;
use crate::domain::schedule::local_time;
use crate::mail::{Mail, Mailer, SendFailure, render};
use crate::patient_words::words;
use crate::store::administration::{self, Invitation};
use crate::store::outbox::{self, Lane, OutboxRow};
use crate::store::staff::{self, StaffState};
use crate::store::task::{self, TaskKind, TaskRow};
use crate::store::{Fault, Tx, flag, fresh, patient};
use chrono::NaiveDateTime;

/// How many conversations with the relay run at once in one lane.
pub const AT_ONCE: usize = 4;
/// How many messages are claimed together. Two for each conversation: a relay that thinks as long as it may over every command of both is done well
/// before the lease runs out.
const CLAIMED_MOST: i64 = 8;

/// Sends what is due in one lane; says how many messages were claimed.
///
/// # Errors
/// When the database fails.
pub fn send_due(app: &App, mailer: &Mailer, lane: Lane) -> Result<usize, Fault> {
    let (now, org) = (app.clock.now(), app.org);
    let claimed = app
        .store
        .write_blocking(move |tx| outbox::claim(tx, org, lane, now, CLAIMED_MOST))?;
    let share = claimed.len().div_ceil(AT_ONCE).max(1);
    std::thread::scope(|scope| {
        for messages in claimed.chunks(share) {
            scope.spawn(move || {
                for message in messages {
                    if let Err(fault) = send_one(app, mailer, message) {
                        tracing::error!(%fault, outbox = %message.id, "a message could not be settled; its lease will run out");
                    }
                }
            });
        }
    });
    Ok(claimed.len())
}

fn send_one(app: &App, mailer: &Mailer, message: &OutboxRow) -> Result<(), Fault> {
    let (row, base, now) = (message.clone(), app.base_url.clone(), app.clock.now());
    let library = app.library;
    let mail = app
        .store
        .read_blocking(move |tx| prepare(tx, library, &row, &base, now))?;
    let outcome = match &mail {
        Some(mail) => mailer.send(mail, now).map(|()| MessageState::Accepted),
        None => Ok(MessageState::Withdrawn),
    };
    let (row, now) = (message.clone(), app.clock.now());
    app.store
        .write_blocking(move |tx| settle(tx, library, &row, outcome, now))
}

/// The mail as it should leave now; `None` when nobody wants it any more.
fn prepare(
    tx: &mut Tx,
    library: &Library,
    row: &OutboxRow,
    base: &str,
    now: NaiveDateTime,
) -> Result<Option<Mail>, Fault> {
    let kind: MessageKind = row.kind.parse()?;
    match kind {
        MessageKind::Invitation => prepare_invitation(tx, library, row, base, now),
        MessageKind::FlagNotice => prepare_notice(tx, row, base),
        MessageKind::StaffSetup => prepare_setup(tx, row, base),
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
        && invitation.ended_on.is_none()
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

fn settle(
    tx: &mut Tx,
    library: &Library,
    row: &OutboxRow,
    outcome: Result<MessageState, SendFailure>,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let failed = match outcome {
        Ok(state) => {
            let ended = outbox::end(tx, row, state, None, now)?;
            if !ended || row.kind != MessageKind::Invitation.word() {
                return Ok(());
            }
            return match state {
                MessageState::Accepted => {
                    administration::mark_sent(tx, row.org_id, id_of(&row.subject_id)?)
                }
                _ => withdraw_not_permitted(tx, library, row, now),
            };
        }
        Err(failed) => failed,
    };
    tracing::warn!(outbox = %row.id, kind = row.kind, attempts = row.attempts, why = failed.words, "a mail did not leave");
    let attempts = u32::try_from(row.attempts).unwrap_or(u32::MAX);
    match after_failure(
        row.kind.parse()?,
        failed.failure,
        attempts,
        row.created_at,
        now,
    ) {
        AfterFailure::TryAgainAt(then) => outbox::postpone(tx, row, then, &failed.words),
        AfterFailure::GiveToPerson => {
            if outbox::end(tx, row, MessageState::Refused, Some(&failed.words), now)?
                && row.kind == MessageKind::Invitation.word()
            {
                give_to_person(tx, row, &failed.words, now)?;
            }
            Ok(())
        }
    }
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
