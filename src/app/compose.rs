//! One message from the outbox, looked at once more at the instant of sending: whether it is still wanted, to whom it goes and in which words. And what the
//! record learns when the relay took it; when it did not leave: `unsent`. Claiming, sending and the log of attempts are `send_due`.

use super::give_form::{address, definitions};
use super::link::Token;
use super::permit_instrument::OnRecord;
use crate::domain::care::{AdministrationState, read_battery};
use crate::domain::ids::{AdministrationId, OrgId, PatientId, StaffId};
use crate::domain::instrument::Library;
use crate::domain::language::Language;
use crate::domain::message::sending::{
    Asking, Care, Channel, Decision, Facts, Held, Line, Paused, Risk, Rival, Saying, Withdrawn,
    decide,
};
use crate::domain::message::{MessageKind, MessageState};
use crate::domain::risk::FlagState;
use crate::domain::risk::policy::SafetyPolicy;
use crate::domain::schedule::cover::Cover;
use crate::domain::schedule::hours::Hours;
use crate::domain::schedule::policy::SendingPolicy;
use crate::domain::schedule::{local_day, local_moment, local_time};
use crate::mail::render::Notice;
use crate::mail::{Mail, render};
use crate::patient_words::help::Help;
use crate::patient_words::{Words, reading, words};
use crate::store::contact::{self, ContactRow, PauseRow, PauseScope};
use crate::store::outbox::{self, OutboxRow};
use crate::store::sending::{self, Looked};
use crate::store::staff::{self, StaffState};
use crate::store::{Fault, Tx, attempt, cover, digest, flag, fresh, policy};
use chrono::{NaiveDateTime, TimeDelta};
use chrono_tz::Tz;
use std::sync::Arc;

/// What becomes of a message whose time has come.
#[derive(Debug)]
pub enum Composed {
    /// It leaves like this.
    Mail(Mail, Afterwards),
    /// It leaves as a text message.
    Text(TextAsk, Afterwards),
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

/// What the record learns once the relay or gateway took the message. Worked out with the message, so that storing it reads nothing again.
#[derive(Debug, Clone, Default)]
pub struct Afterwards {
    /// The language in which a form was asked for.
    asked_in: Option<String>,
    /// When the next reminder leaves, if one does.
    remind_at: Option<NaiveDateTime>,
}

/// What a text message asks. Its words are the gateway's room to fill.
#[derive(Debug)]
pub struct TextAsk {
    /// Number as dialled, `+15550100199`.
    pub to: String,
    /// Whether it is the first about this form.
    pub asking: Asking,
    /// In which language.
    pub words: &'static Words,
    /// The number for help.
    pub help: String,
    /// On whose behalf, as it is on record.
    pub clinic: String,
    /// The whole address.
    pub link: String,
}

/// What every message of a batch is looked at with: read once.
pub struct Desk {
    library: &'static Library,
    base: String,
    help: Arc<Help>,
    now: NaiveDateTime,
    policy: SendingPolicy,
    pauses: Vec<PauseRow>,
    on_record: OnRecord,
    cover: Cover,
}

impl Desk {
    /// Opens a desk for one batch.
    ///
    /// # Errors
    /// When the database fails.
    pub fn open(
        tx: &mut Tx,
        library: &'static Library,
        (base, help): (&str, &Arc<Help>),
        org: OrgId,
        now: NaiveDateTime,
    ) -> Result<Desk, Fault> {
        Ok(Desk {
            library,
            base: base.to_owned(),
            help: Arc::clone(help),
            now,
            policy: policy::newest(tx, org, SendingPolicy::KIND)?,
            pauses: contact::pauses(tx, org, now)?,
            on_record: OnRecord::read(tx, org, now)?,
            cover: cover::cover(tx, org, now)?,
        })
    }

    /// The message as it should leave now.
    ///
    /// # Errors
    /// When the database fails.
    pub fn compose(&self, tx: &mut Tx, row: &OutboxRow) -> Result<Composed, Fault> {
        let mail = match row.kind.parse()? {
            MessageKind::Invitation | MessageKind::Reminder => {
                return self.compose_asking(tx, row);
            }
            MessageKind::FlagNotice | MessageKind::CloseNotice | MessageKind::SupervisorNotice => {
                prepare_notice(tx, row, &self.base, self.now)?
            }
            MessageKind::DutyAlarm => prepare_alarm(tx, row, &self.base, self.now)?,
            MessageKind::Digest => prepare_digest(tx, row, &self.base, self.now)?,
            MessageKind::StaffSetup => prepare_setup(tx, row, &self.base)?,
        };
        Ok(mail.map_or_else(
            || Composed::Withdraw {
                why: "no longer wanted".to_owned(),
            },
            |mail| Composed::Mail(mail, Afterwards::default()),
        ))
    }

    fn compose_asking(&self, tx: &mut Tx, row: &OutboxRow) -> Result<Composed, Fault> {
        let Some(asked) = self.look(tx, row)? else {
            return Ok(Composed::Withdraw {
                why: "there is no such form any more".to_owned(),
            });
        };
        Ok(match self.decide(row, &asked) {
            Decision::Hold { until, why } => Composed::Hold {
                until,
                why: why.to_string(),
            },
            Decision::Withdraw { why } => Composed::Withdraw {
                why: why.to_string(),
            },
            Decision::Send(saying) => self.write(tx, row, &asked, saying),
        })
    }

    pub(super) fn look(&self, tx: &mut Tx, row: &OutboxRow) -> Result<Option<Asked>, Fault> {
        let id: AdministrationId = row.about()?;
        let Some(now) = sending::look(tx, row.org_id, id, self.now)? else {
            return Ok(None);
        };
        let before = match row.kind.parse()? {
            MessageKind::Reminder => left_before(tx, row)?,
            _ => Before::default(),
        };
        let ready_at = match row.last_error.as_deref() {
            None => None,
            Some(words) if Held::is_of_reading(words) => Some(row.not_before),
            Some(_) => attempt::first_failed(tx, row)?,
        };
        Ok(Some(Asked {
            now,
            before,
            ready_at,
        }))
    }

    pub(super) fn decide(&self, row: &OutboxRow, asked: &Asked) -> Decision {
        decide(&self.facts(row, asked), &self.policy, self.now)
    }

    fn facts<'a>(&'a self, row: &OutboxRow, asked: &'a Asked) -> Facts<'a> {
        let Asked {
            now,
            before,
            ready_at,
        } = asked;
        let form = &now.administration;
        let contact = now.contact.as_ref();
        let state = form.state.parse().unwrap_or(AdministrationState::Cancelled);
        let asking = asking(row);
        Facts {
            asking,
            state,
            occasion: &form.occasion,
            due_at: form.due_at,
            wanted_at: match asking {
                Asking::Invitation => row.created_at.max(ready_at.unwrap_or(row.created_at)),
                Asking::Reminder(_) => row.not_before,
            },
            expires_at: form.expires_at,
            opened_at: form.opened_at,
            reminded_at: before.reminded_at,
            revoked_at: now.revoked_at,
            care: match (now.died, now.ended_on) {
                (true, _) => Care::Died,
                (false, Some(_)) => Care::Ended,
                (false, None) => Care::Running,
            },
            opted_out_at: contact.and_then(|said| said.opted_out_at),
            reminders_stopped_at: contact.and_then(|said| said.reminders_stopped_at),
            texts_stopped_at: contact.and_then(|said| said.texts_stopped_at),
            channel: contact.map_or(Channel::Mail, channel_of),
            mail: match form.informant_id {
                // Whoever answers about the patient has their own address; it never goes to the patient's.
                Some(_) => Line::Missing,
                None => line(now.email.as_deref(), now.email_refused_at),
            },
            phone: match (form.informant_id, contact) {
                (None, Some(said)) => line(said.phone.as_deref(), said.phone_refused_at),
                _ => Line::Missing,
            },
            pause: self.pause(now),
            not_permitted: self.not_permitted(&form.instruments),
            hours: Hours::of(
                &self.policy,
                zone(now),
                contact.and_then(|said| said.safe_from.zip(said.safe_until)),
            ),
            risk: self.risk(&form.instruments),
            cover: &self.cover,
            rival: if now.newer_waits {
                Rival::Newer
            } else {
                Rival::None
            },
            language: Language::of_tag(&now.language).unwrap_or(Language::English),
            begun_in: form
                .opened_at
                .and_then(|_| Language::of_tag(&form.language)),
        }
    }

    /// The pause that holds for this patient; of several, the one that lasts longest.
    fn pause(&self, now: &Looked) -> Option<Paused> {
        let covers = |row: &&PauseRow| match row.scope.parse() {
            Ok(PauseScope::Site) => true,
            Ok(PauseScope::Program) => row.subject_id.as_deref() == Some(now.program_id.bytes()),
            Ok(PauseScope::Patient) => {
                row.subject_id.as_deref() == Some(now.administration.patient_id.bytes())
            }
            Err(_) => false,
        };
        let longest = self
            .pauses
            .iter()
            .filter(covers)
            .max_by_key(|row| row.until_at.unwrap_or(NaiveDateTime::MAX))?;
        Some(match longest.scope.parse() {
            Ok(PauseScope::Program) => Paused::Program(longest.until_at),
            Ok(PauseScope::Patient) => Paused::Patient(longest.until_at),
            Ok(PauseScope::Site) | Err(_) => Paused::Site(longest.until_at),
        })
    }

    /// Why the forms of this occasion may not be used any more; `None` when they may.
    fn not_permitted(&self, instruments: &str) -> Option<String> {
        let battery = read_battery(instruments);
        let found = self.on_record.require(definitions(self.library, &battery));
        found.err().map(|why| why.to_string())
    }

    fn risk(&self, instruments: &str) -> Risk {
        let battery = read_battery(instruments);
        if definitions(self.library, &battery).any(|known| !known.risk_rules.is_empty()) {
            Risk::Asked
        } else {
            Risk::NotAsked
        }
    }

    fn write(&self, tx: &Tx, row: &OutboxRow, asked: &Asked, saying: Saying) -> Composed {
        let now = &asked.now;
        let link = address(&self.base, &Token::of(&tx.seal, now.link_id));
        let (words, asking) = (words(saying.language), asking(row));
        let help = self.help.said(saying.language);
        let number = now.contact.as_ref().and_then(|said| said.phone.clone());
        let after = self.afterwards(row, now);
        match (saying.channel, now.email.clone(), number) {
            (Channel::Text, _, Some(to)) => {
                let ask = TextAsk {
                    to,
                    asking,
                    words,
                    help: help.number.clone(),
                    clinic: now.clinic.clone(),
                    link,
                };
                Composed::Text(ask, after)
            }
            (_, Some(to), _) => {
                let invitation = render::Invitation {
                    words,
                    help,
                    asking,
                    begun: saying.begun,
                    first_name: now.patient.split_whitespace().next().unwrap_or_default(),
                    clinic: &now.clinic,
                    link: &link,
                    until: local_time(zone(now), now.administration.expires_at),
                    finish_within_h: now.administration.finish_within_s / 3600,
                    reading: saying
                        .read_from
                        .map(|at| reading::from(&self.cover, zone(now), at, words)),
                    sender_name: self.policy.sender_name.as_deref(),
                    in_reply_to: asked
                        .before
                        .invitation
                        .as_ref()
                        .map(|first| message_id(first, &self.base)),
                };
                let mail = render::invitation(message_id(row, &self.base), to, &invitation);
                Composed::Mail(mail, after)
            }
            // The decision sends nothing without an address.
            (_, None, _) => Composed::Withdraw {
                why: Withdrawn::NoAddress.to_string(),
            },
        }
    }
}

impl Desk {
    fn afterwards(&self, row: &OutboxRow, now: &Looked) -> Afterwards {
        let said = now.contact.as_ref();
        let stopped = said.is_some_and(|said| said.reminders_stopped_at.is_some());
        let next = || reminder_at(&self.policy, now, row.number, self.now);
        Afterwards {
            asked_in: (asking(row) == Asking::Invitation).then(|| now.language.clone()),
            remind_at: if stopped { None } else { next() },
        }
    }
}

/// An occasion with what left about it before.
pub(super) struct Asked {
    pub(super) now: Looked,
    before: Before,
    /// Since when nothing of ours but the relay kept it from leaving, if our own rules or a first failed attempt say so.
    ready_at: Option<NaiveDateTime>,
}

/// What left about an occasion before.
#[derive(Default)]
struct Before {
    invitation: Option<OutboxRow>,
    reminded_at: Option<NaiveDateTime>,
}

fn left_before(tx: &mut Tx, row: &OutboxRow) -> Result<Before, Fault> {
    let left = outbox::about(tx, row.org_id, &row.subject_id)?;
    let newest = |kind: MessageKind| {
        left.iter()
            .find(|one| one.kind == kind.word() && one.state == MessageState::Accepted.word())
    };
    Ok(Before {
        invitation: newest(MessageKind::Invitation).cloned(),
        reminded_at: newest(MessageKind::Reminder).and_then(|one| one.ended_at),
    })
}

pub(super) fn asking(row: &OutboxRow) -> Asking {
    match row.kind.parse() {
        Ok(MessageKind::Reminder) => Asking::Reminder(u32::try_from(row.number).unwrap_or(0)),
        _ => Asking::Invitation,
    }
}

fn channel_of(said: &ContactRow) -> Channel {
    said.channel.parse().unwrap_or(Channel::None)
}

fn line(address: Option<&str>, refused_at: Option<NaiveDateTime>) -> Line {
    match (address, refused_at) {
        (None, _) => Line::Missing,
        (Some(_), Some(_)) => Line::Refused,
        (Some(_), None) => Line::Good,
    }
}

fn zone(now: &Looked) -> Tz {
    now.time_zone.parse().unwrap_or(chrono_tz::UTC)
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

/// The relay or gateway took the message, as the record learns it; the next reminder is written down in the same transaction.
///
/// # Errors
/// When the database fails.
pub fn accepted(
    tx: &mut Tx,
    row: &OutboxRow,
    after: &Afterwards,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    if let Some(language) = &after.asked_in {
        sending::asked(tx, row.org_id, row.about()?, language)?;
    }
    match after.remind_at {
        Some(at) => remind_later(tx, row, at, now),
        None => Ok(()),
    }
}

/// Writes the next reminder down, unless it is there: after a change of address a form is asked twice.
fn remind_later(
    tx: &mut Tx,
    row: &OutboxRow,
    at: NaiveDateTime,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let (form, number) = (row.about()?, row.number + 1);
    if sending::has_reminder(tx, row.org_id, form, number)? {
        return Ok(());
    }
    let kind = MessageKind::Reminder;
    let patient: PatientId = row.recipient()?;
    let reminder = OutboxRow::queued(
        row.org_id,
        fresh(now),
        kind,
        form.bytes(),
        patient.bytes(),
        at,
        now,
    );
    outbox::add(
        tx,
        &OutboxRow {
            number,
            lane: row.lane.clone(),
            ..reminder
        },
    )
}

/// When the reminder after the one of this number (0: the invitation) leaves; `None` when there is none within the form's window.
fn reminder_at(
    policy: &SendingPolicy,
    asked: &Looked,
    left: i32,
    now: NaiveDateTime,
) -> Option<NaiveDateTime> {
    let left = usize::try_from(left).ok()?;
    let days = *policy.reminder_days.get(left)?;
    let days_before = match left.checked_sub(1) {
        Some(before) => *policy.reminder_days.get(before)?,
        None => 0,
    };
    let zone = zone(asked);
    let wait = TimeDelta::days(i64::from(days.saturating_sub(days_before)));
    let safe = asked
        .contact
        .as_ref()
        .and_then(|said| said.safe_from.zip(said.safe_until));
    let at = local_moment(zone, local_day(zone, now) + wait, policy.send_at);
    let at = Hours::of(policy, zone, safe).next(at);
    (at < asked.administration.expires_at).then_some(at)
}

/// A notice to a member of staff about a flag: as long as it is not closed and, where it asks to finish something, still theirs.
fn prepare_notice(
    tx: &mut Tx,
    row: &OutboxRow,
    base: &str,
    now: NaiveDateTime,
) -> Result<Option<Mail>, Fault> {
    let recipient: StaffId = row.recipient()?;
    let waiting = waiting_flag(tx, row)?;
    let person = staff::by_id(tx, row.org_id, recipient)?;
    let Some((state, owner)) = waiting else {
        return Ok(None);
    };
    if person.state != StaffState::Active.word() {
        return Ok(None);
    }
    // After an outage one mail says it all.
    if outbox::is_overtaken(tx, row, now)? {
        return Ok(None);
    }
    let notice = match row.kind.parse()? {
        MessageKind::SupervisorNotice => Notice::NotDoneInTime,
        MessageKind::CloseNotice if owner != recipient || state == FlagState::Open => {
            return Ok(None);
        }
        MessageKind::CloseNotice => Notice::FinishIt,
        _ => Notice::TakeItOn,
    };
    Ok(Some(render::notice(
        message_id(row, base),
        person.email,
        notice,
        &format!("{base}/queue"),
    )))
}

/// The flag that a notice is about; `None` once it is closed.
fn waiting_flag(tx: &mut Tx, row: &OutboxRow) -> Result<Option<(FlagState, StaffId)>, Fault> {
    let Some((state, owner)) = flag::standing_of(tx, row.org_id, row.about()?)? else {
        return Ok(None);
    };
    let state: FlagState = state.parse()?;
    Ok((state != FlagState::Closed).then_some((state, owner)))
}

/// The mail to the site's duty contact, as the site names it now: as long as the flag waits.
fn prepare_alarm(
    tx: &mut Tx,
    row: &OutboxRow,
    base: &str,
    now: NaiveDateTime,
) -> Result<Option<Mail>, Fault> {
    let policy: SafetyPolicy = policy::newest(tx, row.org_id, SafetyPolicy::KIND)?;
    let (Some(duty), Some((state, _))) = (policy.duty, waiting_flag(tx, row)?) else {
        return Ok(None);
    };
    // After an outage one mail says it all.
    if outbox::is_overtaken(tx, row, now)? {
        return Ok(None);
    }
    Ok(Some(render::notice(
        message_id(row, base),
        duty.email,
        match state {
            FlagState::Acknowledged => Notice::NobodyElseHere,
            FlagState::Open | FlagState::Closed => Notice::NobodyHere,
        },
        &format!("{base}/queue"),
    )))
}

/// The day's digest: counted once more, for whoever still works here, is not away and wants it.
fn prepare_digest(
    tx: &mut Tx,
    row: &OutboxRow,
    base: &str,
    now: NaiveDateTime,
) -> Result<Option<Mail>, Fault> {
    let recipient: StaffId = row.recipient()?;
    let waiting = digest::waiting(tx, row.org_id)?;
    let n = waiting.get(&recipient).copied().unwrap_or(0);
    if n == 0 || !super::send_digest::wants(tx, row.org_id, recipient, now)? {
        return Ok(None);
    }
    let person = staff::by_id(tx, row.org_id, recipient)?;
    Ok(Some(render::digest(
        message_id(row, base),
        person.email,
        n,
        &format!("{base}/queue"),
    )))
}

fn prepare_setup(tx: &mut Tx, row: &OutboxRow, base: &str) -> Result<Option<Mail>, Fault> {
    let person = staff::by_id(tx, row.org_id, row.recipient()?)?;
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
