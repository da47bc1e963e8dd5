//! A notice came back that a mail could not be passed on: which message it was, and what follows. A failure ends the message as bounced
//! and tells a person; where the notice blames the address, its links close and it is not used again. A delay is only written down.

use super::unsent;
use super::{App, Failure};
use crate::domain::access::Actor;
use crate::domain::ids::{OrgId, OutboxId, PatientId};
use crate::domain::message::{AttemptOutcome, MessageKind, MessageState};
use crate::mail::bounce::{Notice, Verdict};
use crate::mail::envelope;
use crate::store::outbox::{self, OutboxRow};
use crate::store::task::TaskKind;
use crate::store::{Fault, Seal, Tx, attempt, audit, patient};
use chrono::NaiveDateTime;

/// Why a notice changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It names no message of ours.
    NotOurs,
    /// That message never left, or its end is another.
    NeverLeft(MessageState),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::NotOurs => f.write_str(
                "it names no message of this site: neither an address below ATTUNE_MAIL_BOUNCES with a token of ours nor a Message-ID of ours is in it",
            ),
            Refusal::NeverLeft(state) => write!(f, "the message it names is {state} and was not waiting for a notice"),
        }
    }
}

/// What a notice did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// The message bounced: address and links are closed and a person has a task.
    Bounced(OutboxId),
    /// The message bounced for a reason that need not be the address: a person has a task, address and links stay.
    Undelivered(OutboxId),
    /// The message bounced, but the patient has another address by now, which stays.
    BouncedElsewhere(OutboxId),
    /// It had bounced before; nothing changed.
    Before(OutboxId),
    /// A delay or good news: written down, nothing else.
    Noted(OutboxId),
}

/// Takes a notice that came to `recipient`, where the mail server said so, else to what its own headers name.
///
/// # Errors
/// When it names no message of ours or one that never left, or the database fails.
pub fn take_bounce(
    app: &App,
    notice: Notice,
    recipient: Option<String>,
) -> Result<Done, Failure<Refusal>> {
    let (org, now) = (app.org, app.clock.now());
    app.store.write_blocking(move |tx| {
        let row = find(tx, org, &notice, recipient.as_deref())?
            .ok_or(Failure::Refused(Refusal::NotOurs))?;
        let done = take(tx, &row, &notice, now)?;
        if !matches!(done, Done::Before(_)) {
            let operator = Actor::Operator { org };
            audit::record_by(tx, &operator, "bounce_taken", "outbox", Some(row.id), now)?;
        }
        Ok(done)
    })
}

/// By the address it came to, which nobody can make up; else by the Message-ID of the mail that came back.
fn find(
    tx: &mut Tx,
    org: OrgId,
    notice: &Notice,
    recipient: Option<&str>,
) -> Result<Option<OutboxRow>, Fault> {
    let seal: &Seal = &tx.seal;
    let by_address = recipient
        .into_iter()
        .chain(notice.recipients.iter().map(String::as_str))
        .find_map(|address| envelope::message_of(seal, address));
    let by_message_id = || {
        let (id, _) = notice.about.as_deref()?.split_once('@')?;
        id.parse().ok()
    };
    match by_address.or_else(by_message_id) {
        Some(id) => outbox::by_id(tx, org, id),
        None => Ok(None),
    }
}

fn take(
    tx: &mut Tx,
    row: &OutboxRow,
    notice: &Notice,
    now: NaiveDateTime,
) -> Result<Done, Failure<Refusal>> {
    let state: MessageState = row.state.parse().map_err(Fault::from)?;
    match notice.verdict {
        Verdict::Delayed | Verdict::Fine => {
            // No outcome of an attempt says "still being tried elsewhere"; that it was accepted stays true.
            let words = format!("a notice came: {}", notice.words);
            attempt::add(tx, row, AttemptOutcome::Accepted, &words, now)?;
            Ok(Done::Noted(row.id))
        }
        Verdict::Failed | Verdict::Undelivered if state == MessageState::Bounced => {
            Ok(Done::Before(row.id))
        }
        Verdict::Failed | Verdict::Undelivered
            if row.attempts == 0 || !outbox::bounce(tx, row, &notice.words, now)? =>
        {
            Err(Failure::Refused(Refusal::NeverLeft(state)))
        }
        Verdict::Failed | Verdict::Undelivered => {
            attempt::add(tx, row, AttemptOutcome::Bounced, &notice.words, now)?;
            Ok(follow(tx, row, notice, now)?)
        }
    }
}

fn follow(
    tx: &mut Tx,
    row: &OutboxRow,
    notice: &Notice,
    now: NaiveDateTime,
) -> Result<Done, Fault> {
    let kind: MessageKind = row.kind.parse()?;
    if !kind.is_for_patients() {
        tracing::error!(outbox = %row.id, kind = row.kind, "a mail to a member of staff came back: check the address of the account");
        return Ok(Done::Bounced(row.id));
    }
    let who: PatientId = row.recipient()?;
    if is_of_another_address(tx, row.org_id, who, notice)? || outbox::is_asked_again(tx, row)? {
        let detail = format!(
            "A mail that went out before the patient was reached in another way came back: {}. Nothing was changed.",
            notice.words
        );
        unsent::leave_task(tx, row, TaskKind::MailUnsent, detail, now)?;
        return Ok(Done::BouncedElsewhere(row.id));
    }
    if notice.verdict == Verdict::Undelivered {
        unsent::tell_returned(tx, row, &notice.words, now)?;
        return Ok(Done::Undelivered(row.id));
    }
    unsent::given_up(tx, row, &notice.words, now)?;
    Ok(Done::Bounced(row.id))
}

/// Whether the notice names where the mail went, and the patient's address is another by now.
fn is_of_another_address(
    tx: &mut Tx,
    org: OrgId,
    who: PatientId,
    notice: &Notice,
) -> Result<bool, Fault> {
    let now_at = patient::email_of(tx, org, who)?.map(|address| address.to_lowercase());
    Ok(!notice.addresses.is_empty()
        && now_at.is_none_or(|address| !notice.addresses.contains(&address)))
}
