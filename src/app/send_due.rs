//! The outbox on its way: claim, let `compose` look once more whether the message is still wanted, send, and store what the relay said. A message that
//! is claimed and then lost with the process comes back when its lease runs out, with the same id and the same link.

use super::App;
use super::compose::{self, Composed, Desk};
use crate::domain::instrument::Library;
use crate::domain::message::sending::LOOK_AGAIN;
use crate::domain::message::{AfterFailure, MessageState, after_failure};
use crate::mail::{Mailer, SendFailure};
use crate::store::outbox::{self, Lane, OutboxRow};
use crate::store::{Fault, Tx};
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
    let (row, now) = (message.clone(), app.clock.now());
    let (library, base) = (app.library, app.base_url.clone());
    let composed = app.store.read_blocking(move |tx| {
        Desk::open(tx, library, &base, row.org_id, now)?.compose(tx, &row)
    })?;
    let outcome = match &composed {
        Composed::Mail(mail) => match mailer.send(mail, app.clock.now()) {
            Ok(()) => Outcome::Accepted,
            Err(failure) => Outcome::Failed(failure),
        },
        Composed::Text(_) => Outcome::Held(
            app.clock.now() + LOOK_AGAIN,
            "no gateway for text messages is set".to_owned(),
        ),
        Composed::Hold { until, why } => Outcome::Held(*until, why.clone()),
        Composed::Withdraw { why } => Outcome::Withdrawn(why.clone()),
    };
    let (row, library, now) = (message.clone(), app.library, app.clock.now());
    app.store
        .write_blocking(move |tx| settle(tx, library, &row, &outcome, now))
}

/// What came of one attempt.
enum Outcome {
    Accepted,
    Failed(SendFailure),
    Held(NaiveDateTime, String),
    Withdrawn(String),
}

fn settle(
    tx: &mut Tx,
    library: &'static Library,
    row: &OutboxRow,
    outcome: &Outcome,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    match outcome {
        Outcome::Accepted => {
            if outbox::end(tx, row, MessageState::Accepted, None, now)? {
                compose::accepted(tx, row, now)?;
            }
            Ok(())
        }
        Outcome::Withdrawn(why) => {
            if outbox::end(tx, row, MessageState::Withdrawn, Some(why), now)? {
                compose::withdrawn(tx, library, row, now)?;
            }
            Ok(())
        }
        Outcome::Held(until, why) => outbox::postpone(tx, row, *until, why),
        Outcome::Failed(failed) => settle_failed(tx, row, failed, now),
    }
}

fn settle_failed(
    tx: &mut Tx,
    row: &OutboxRow,
    failed: &SendFailure,
    now: NaiveDateTime,
) -> Result<(), Fault> {
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
            if outbox::end(tx, row, MessageState::Refused, Some(&failed.words), now)? {
                compose::given_up(tx, row, &failed.words, now)?;
            }
            Ok(())
        }
    }
}
