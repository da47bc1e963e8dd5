//! The log of attempts to send: a row each time a message was tried, held, withdrawn or came back. It grows and is never changed.

use super::engine::on_engine;
use super::kept::kept;
use super::outbox::OutboxRow;
use super::schema::{outbox, send_attempt};
use super::{Fault, Moment, Tx, fresh};
use crate::domain::ids::{OrgId, OutboxId, SendAttemptId};
use crate::domain::message::AttemptOutcome;
use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{Binary, Text, Timestamp};

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct AttemptRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Id; grows with time.
    pub id: SendAttemptId,
    /// Which message.
    pub outbox_id: OutboxId,
    /// When, UTC.
    pub at: NaiveDateTime,
    /// An [`AttemptOutcome`]'s word.
    pub outcome: String,
    /// What the relay, the gateway or our own rule said; never an address, never an answer.
    pub detail: String,
}

kept! {
    Add<'a> {
        org: OrgId => Binary,
        id: SendAttemptId => Binary,
        message: OutboxId => Binary,
        at: Moment => Timestamp,
        outcome: &'a str => Text,
        detail: &'a str => Text,
    }
    "INSERT INTO send_attempt (org_id, id, outbox_id, at, outcome, detail) VALUES (" org ", " id ", " message ", " at ", " outcome ", " detail; ")"
}

/// Writes down what came of one attempt. `detail` holds no address.
///
/// # Errors
/// When the database fails.
pub fn add(
    tx: &mut Tx,
    row: &OutboxRow,
    outcome: AttemptOutcome,
    detail: &str,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let add = Add {
        org: row.org_id,
        id: fresh(now),
        message: row.id,
        at: Moment(now),
        outcome: outcome.word(),
        detail,
    };
    on_engine!(tx, db => add.execute(db))?;
    Ok(())
}

/// Whether an attempt to send this message ended without the relay's word: it may have arrived.
///
/// # Errors
/// When the database fails.
pub fn may_have_arrived(tx: &mut Tx, row: &OutboxRow) -> Result<bool, Fault> {
    let lost = send_attempt::table.filter(
        send_attempt::org_id
            .eq(row.org_id)
            .and(send_attempt::outbox_id.eq(row.id))
            .and(send_attempt::outcome.eq(AttemptOutcome::Unknown.word())),
    );
    Ok(lost.count().get_result::<i64>(&mut tx.db)? > 0)
}

/// When the first attempt to send this message failed; `None`: none has.
///
/// # Errors
/// When the database fails.
pub fn first_failed(tx: &mut Tx, row: &OutboxRow) -> Result<Option<NaiveDateTime>, Fault> {
    let failed = [AttemptOutcome::Deferred, AttemptOutcome::Unknown].map(AttemptOutcome::word);
    Ok(send_attempt::table
        .filter(
            send_attempt::org_id
                .eq(row.org_id)
                .and(send_attempt::outbox_id.eq(row.id))
                .and(send_attempt::outcome.eq_any(failed)),
        )
        .select(diesel::dsl::min(send_attempt::at))
        .get_result(&mut tx.db)?)
}

/// The attempts to send one message, the oldest first.
///
/// # Errors
/// When the database fails.
pub fn of_message(tx: &mut Tx, org: OrgId, id: OutboxId) -> Result<Vec<AttemptRow>, Fault> {
    Ok(send_attempt::table
        .filter(
            send_attempt::org_id
                .eq(org)
                .and(send_attempt::outbox_id.eq(id)),
        )
        .order(send_attempt::id)
        .load(&mut tx.db)?)
}

/// The attempts to send the messages about one thing, the oldest first.
///
/// # Errors
/// When the database fails.
pub fn about(tx: &mut Tx, org: OrgId, subject: &[u8]) -> Result<Vec<AttemptRow>, Fault> {
    let messages: Vec<OutboxId> = outbox::table
        .filter(outbox::org_id.eq(org).and(outbox::subject_id.eq(subject)))
        .select(outbox::id)
        .load(&mut tx.db)?;
    Ok(send_attempt::table
        .filter(
            send_attempt::org_id
                .eq(org)
                .and(send_attempt::outbox_id.eq_any(messages)),
        )
        .order(send_attempt::id)
        .load(&mut tx.db)?)
}
