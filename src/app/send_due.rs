//! The outbox on its way: claim, let `compose` look once more whether the message is still wanted, send, and store what the relay said. A message that
//! is claimed and then lost with the process comes back when its lease runs out, with the same id and the same link.
//!
//! A worker stores the relay's word about one mail before the last byte of the next goes out: a killed process repeats at most one mail a connection. All
//! but that byte is sent while the disk is being flushed, and workers settle at the same time, so that on SQLite they share a commit.

use super::App;
use super::compose::{self, Afterwards, Composed, Desk, TextAsk};
use super::pulse::Pulse;
use super::{stop_reminders, take_text, unsent};
use crate::domain::ids::{Id, OutboxId};
use crate::domain::instrument::Library;
use crate::domain::message::sending::{Asking, LOOK_AGAIN, Withdrawn};
use crate::domain::message::{
    AfterFailure, AttemptOutcome, Failure, MessageKind, MessageState, after_failure,
    when_relay_is_away,
};
use crate::mail::{Before, LONGEST_CONVERSATION, Mail, Mailer, SendFailure, envelope};
use crate::store::outbox::{self, LEASE, Lane, OutboxRow};
use crate::store::{Fault, Started, Tx, attempt};
use crate::texts::{self, Gateway, Text, TextFailure};
use chrono::NaiveDateTime;
use std::collections::VecDeque;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Messages that are claimed together for each connection.
const CLAIMED_EACH: usize = 32;
/// Text messages that may be on their way at once: gateways count them a second.
const TEXTS_AT_ONCE: usize = 2;
/// Messages that a worker looks at in one read.
const COMPOSED_TOGETHER: usize = 16;
/// How often newer notices are looked for while a conversation about older ones goes on.
const NEWER_EVERY: Duration = Duration::from_millis(500);
/// A message that was looked at longer ago is looked at again: the relay was slow, and the world goes on.
const FRESH_FOR: Duration = Duration::from_secs(2);

/// By what messages leave: the relay, and the gateway for text messages where the site has one.
#[derive(Clone, Copy)]
pub struct Carriers<'a> {
    /// For mails.
    pub mailer: &'a Mailer,
    /// For text messages.
    pub gateway: Option<&'a Gateway>,
}

impl<'a> From<&'a Mailer> for Carriers<'a> {
    fn from(mailer: &'a Mailer) -> Self {
        Carriers {
            mailer,
            gateway: None,
        }
    }
}

impl Carriers<'_> {
    /// How many messages of a lane may be on their way at once.
    fn at_once(&self, lane: Lane) -> usize {
        match lane {
            Lane::Notices | Lane::Mails => self.mailer.connections(),
            Lane::Texts => TEXTS_AT_ONCE,
        }
    }
}

/// Sends what is due in one lane; says how many messages were claimed.
///
/// # Errors
/// When the database fails.
pub fn send_due<'a>(app: &App, by: impl Into<Carriers<'a>>, lane: Lane) -> Result<usize, Fault> {
    let by = by.into();
    let workers = by.at_once(lane);
    let claimed = claim(app, lane, workers)?;
    let mut count = claimed.len();
    let turn = Turn {
        app,
        by,
        lane,
        ends: Instant::now()
            + (LEASE.to_std().unwrap_or_default()).saturating_sub(LONGEST_CONVERSATION),
        waiting: Mutex::new(claimed.into()),
    };
    std::thread::scope(|scope| {
        let (ended, one_ended) = mpsc::channel();
        let begin = || {
            let (turn, ended) = (&turn, ended.clone());
            scope.spawn(move || {
                turn.work();
                // Nobody listens to the workers of the other lanes.
                let _ = ended.send(());
            });
        };
        let mut busy = workers.min(count);
        (0..busy).for_each(|_| begin());
        let mut pulse = Pulse::of(loop_of(lane));
        let all_ended = turn.ends + LONGEST_CONVERSATION;
        // One conversation may hang for minutes. The loop lives meanwhile, and a flag that is raised must not wait for its end.
        while busy > 0 && Instant::now() < all_ended {
            if one_ended.recv_timeout(NEWER_EVERY).is_ok() {
                busy -= 1;
                continue;
            }
            pulse.beat(app);
            let newer = turn.newer(workers - busy);
            count += newer;
            let more = newer.min(workers - busy);
            (0..more).for_each(|_| begin());
            busy += more;
        }
    });
    turn.put_back_rest()?;
    Ok(count)
}

/// The name under which the loop of this lane says that it lives.
fn loop_of(lane: Lane) -> &'static str {
    match lane {
        Lane::Mails => "invitations",
        Lane::Notices => "notices",
        Lane::Texts => "texts",
    }
}

/// Claims what is due, so much that so many workers have enough to do.
fn claim(app: &App, lane: Lane, workers: usize) -> Result<Vec<OutboxRow>, Fault> {
    let (now, org) = (app.clock.now(), app.org);
    let most = i64::try_from(workers * CLAIMED_EACH).unwrap_or(i64::MAX);
    app.store
        .write_blocking(move |tx| outbox::claim(tx, org, lane, now, most))
}

/// One turn of a lane's crank.
struct Turn<'a> {
    app: &'a App,
    by: Carriers<'a>,
    lane: Lane,
    /// Whoever begins to send after this instant might not be done when the lease runs out.
    ends: Instant,
    waiting: Mutex<VecDeque<OutboxRow>>,
}

/// The message whose end is being stored.
struct Settling(Option<(OutboxId, Started<(), Fault>)>);

impl Before for Settling {
    fn is_over(&self) -> bool {
        self.0
            .as_ref()
            .is_none_or(|(_, started)| !started.is_under_way())
    }

    fn wait(&mut self) {
        if let Some((id, started)) = self.0.take()
            && let Err(fault) = started.wait()
        {
            tracing::error!(%fault, outbox = %id, "a message could not be settled; its lease will run out");
        }
    }
}

/// Whether a worker goes on.
#[derive(PartialEq, Eq)]
enum Then {
    GoOn,
    Stop,
}

impl Turn<'_> {
    /// Claims notices that fell due since, for workers that have nothing to do; says how many.
    fn newer(&self, free: usize) -> usize {
        if self.lane != Lane::Notices || free == 0 || Instant::now() >= self.ends {
            return 0;
        }
        let newer = claim(self.app, self.lane, free).unwrap_or_else(|fault| {
            tracing::error!(%fault, "newer notices could not be claimed");
            vec![]
        });
        let many = newer.len();
        self.waiting().extend(newer);
        many
    }

    fn work(&self) {
        let mut settling = Settling(None);
        loop {
            let rows = self.take();
            if rows.is_empty() || self.send_all(rows, &mut settling) == Then::Stop {
                return settling.wait();
            }
        }
    }

    fn take(&self) -> Vec<OutboxRow> {
        let mut waiting = self.waiting();
        let most = COMPOSED_TOGETHER.min(waiting.len());
        waiting.drain(..most).collect()
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, VecDeque<OutboxRow>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends these one after another; what is left when the worker has to stop goes back to the others.
    fn send_all(&self, rows: Vec<OutboxRow>, settling: &mut Settling) -> Then {
        let rows: Arc<[OutboxRow]> = rows.into();
        let looked_at = Instant::now();
        let composed = match self.compose(&rows) {
            Ok(composed) => composed,
            // One of them may be at fault: the others do not wait for it.
            Err(fault) if rows.len() > 1 => {
                tracing::warn!(%fault, "messages are put together one at a time");
                return self.send_apart(&rows, settling);
            }
            Err(fault) => {
                tracing::error!(%fault, outbox = ?rows.first().map(|row| row.id.to_string()), "a message could not be put together; its lease will run out");
                return Then::GoOn;
            }
        };
        for (n, (row, composed)) in rows.iter().zip(composed).enumerate() {
            if Instant::now() >= self.ends {
                self.waiting().extend(rows.iter().skip(n).cloned());
                return Then::Stop;
            }
            let done = self.send_one(row, composed, looked_at, settling);
            let then = done.unwrap_or_else(|fault| {
                tracing::error!(%fault, outbox = %row.id, "a message could not be settled; its lease will run out");
                Then::GoOn
            });
            if then == Then::Stop {
                self.waiting().extend(rows.iter().skip(n + 1).cloned());
                return Then::Stop;
            }
        }
        Then::GoOn
    }

    fn send_apart(&self, rows: &[OutboxRow], settling: &mut Settling) -> Then {
        for (n, row) in rows.iter().enumerate() {
            if self.send_all(vec![row.clone()], settling) == Then::Stop {
                self.waiting().extend(rows.iter().skip(n + 1).cloned());
                return Then::Stop;
            }
        }
        Then::GoOn
    }

    fn compose(&self, rows: &Arc<[OutboxRow]>) -> Result<Vec<Composed>, Fault> {
        let (rows, app, base) = (Arc::clone(rows), self.app, Arc::clone(&self.app.base_url));
        let (library, org, now) = (app.library, app.org, app.clock.now());
        let help = Arc::clone(&app.help);
        app.store.read_blocking(move |tx| {
            // One view for the batch: on SQLite also one lock on the file instead of one a statement.
            tx.snapshot(|tx| {
                let desk = Desk::open(tx, library, (&base, &help), org, now)?;
                let one = |row: &OutboxRow| addressed(tx, row, &desk, &base);
                rows.iter().map(one).collect()
            })
        })
    }

    fn send_one(
        &self,
        row: &OutboxRow,
        composed: Composed,
        looked_at: Instant,
        settling: &mut Settling,
    ) -> Result<Then, Fault> {
        let composed = if looked_at.elapsed() < FRESH_FOR {
            composed
        } else {
            let again = self.compose(&vec![row.clone()].into())?;
            again.into_iter().next().unwrap_or(composed)
        };
        let outcome = match (composed, self.lane) {
            (Composed::Mail(mail, after), Lane::Notices | Lane::Mails) => self
                .by
                .mailer
                .send(&mail, settling, self.app.clock.now())
                .map_or_else(Outcome::Failed, |taken| {
                    Outcome::Accepted(taken.words, after)
                }),
            (Composed::Text(ask, after), Lane::Texts) => {
                settling.wait();
                self.send_text(row, ask, after)
            }
            (Composed::Mail(..), Lane::Texts) => Outcome::Elsewhere(Lane::Mails),
            (Composed::Text(..), _) if self.by.gateway.is_none() => Outcome::Held(
                self.app.clock.now() + LOOK_AGAIN,
                "no gateway for text messages is set".to_owned(),
            ),
            (Composed::Text(..), Lane::Notices | Lane::Mails) => Outcome::Elsewhere(Lane::Texts),
            (Composed::Hold { until, why }, _) => Outcome::Held(until, why),
            (Composed::Withdraw { why }, _) => Outcome::Withdrawn(why),
        };
        let then = match &outcome {
            Outcome::Failed(failure) if failure.relay_is_away => Then::Stop,
            _ => Then::GoOn,
        };
        let (row, library, now) = (row.clone(), self.app.library, self.app.clock.now());
        settling.wait();
        let id = row.id;
        let started = self
            .app
            .store
            .write_started(move |tx| settle(tx, library, &row, &outcome, now))?;
        settling.0 = Some((id, started));
        Ok(then)
    }

    fn send_text(&self, row: &OutboxRow, ask: TextAsk, after: Afterwards) -> Outcome {
        let Some(gateway) = self.by.gateway else {
            return Outcome::Elsewhere(Lane::Mails);
        };
        let said = match ask.asking {
            Asking::Invitation => texts::invitation,
            Asking::Reminder(_) => texts::reminder,
        };
        let text = Text {
            to: ask.to,
            words: said(ask.words, &ask.clinic, &ask.link, &ask.help),
            status_address: format!("{}/texts/status/{}", self.app.base_url, row.id),
        };
        match gateway.send(&text) {
            Ok(()) => Outcome::Accepted("the gateway took it".to_owned(), after),
            Err(TextFailure::Stopped) => Outcome::TextsStopped,
            Err(failure) => Outcome::Failed(failure.into()),
        }
    }

    /// What no worker came to goes back, so that it need not wait for its lease.
    fn put_back_rest(&self) -> Result<(), Fault> {
        let rest: Vec<OutboxRow> = self.waiting().drain(..).collect();
        if rest.is_empty() {
            return Ok(());
        }
        tracing::warn!(
            messages = rest.len(),
            "messages were put back untried: the relay is away or slow"
        );
        let now = self.app.clock.now();
        self.app.store.write_blocking(move |tx| {
            for row in &rest {
                let until = when_relay_is_away(now, row.id);
                outbox::put_back(tx, row, until, "not tried: the relay is away or slow")?;
            }
            Ok(())
        })
    }
}

/// The message as it should leave now, with what every mail carries besides its words.
fn addressed(tx: &mut Tx, row: &OutboxRow, desk: &Desk, base: &str) -> Result<Composed, Fault> {
    let composed = desk.compose(tx, row)?;
    let Composed::Mail(mail, after) = composed else {
        return Ok(composed);
    };
    let stop = if row.kind.parse::<MessageKind>()?.is_for_patients() {
        let about = Id::from_bytes(&row.subject_id)
            .ok_or_else(|| Fault::Corrupt("an id in the outbox".into()))?;
        stop_reminders::address(&tx.seal, base, about)
    } else {
        None
    };
    let mail = Mail {
        return_path: Some(envelope::token(&tx.seal, row.id)),
        stop,
        ..mail
    };
    Ok(Composed::Mail(mail, after))
}

/// What came of one attempt.
enum Outcome {
    Accepted(String, Afterwards),
    Failed(SendFailure),
    Held(NaiveDateTime, String),
    Withdrawn(String),
    /// It goes by another channel by now.
    Elsewhere(Lane),
    /// Whoever has the number told the gateway to stop.
    TextsStopped,
}

fn settle(
    tx: &mut Tx,
    library: &'static Library,
    row: &OutboxRow,
    outcome: &Outcome,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    match outcome {
        Outcome::Accepted(words, after) => {
            // It left, whoever holds it now: the log says so.
            attempt::add(tx, row, AttemptOutcome::Accepted, words, now)?;
            if outbox::end(tx, row, MessageState::Accepted, None, now)? {
                compose::accepted(tx, row, after, now)?;
            }
            Ok(())
        }
        Outcome::Withdrawn(why) if unsent::waits_unknown(tx, row, now)? => {
            // It may have arrived, so it was not withdrawn: a person asks.
            if outbox::end(tx, row, MessageState::Unknown, Some(why), now)? {
                unsent::perhaps_arrived(tx, row, now)?;
                unsent::tell(tx, row, why, now)?;
            }
            Ok(())
        }
        Outcome::Withdrawn(why) => {
            if outbox::end(tx, row, MessageState::Withdrawn, Some(why), now)? {
                attempt::add(tx, row, AttemptOutcome::Withdrawn, why, now)?;
                unsent::withdrawn(tx, library, row, now)?;
            }
            Ok(())
        }
        Outcome::Held(until, why) => {
            if outbox::put_back(tx, row, *until, why)? {
                attempt::add(tx, row, AttemptOutcome::Held, why, now)?;
            }
            Ok(())
        }
        Outcome::Elsewhere(lane) => outbox::change_lane(tx, row, *lane, now),
        Outcome::TextsStopped => {
            let why = Withdrawn::TextsStopped.to_string();
            if outbox::end(tx, row, MessageState::Withdrawn, Some(&why), now)? {
                attempt::add(tx, row, AttemptOutcome::Withdrawn, &why, now)?;
                take_text::stop_for(tx, row, now)?;
            }
            Ok(())
        }
        Outcome::Failed(failed) => settle_failed(tx, row, failed, now),
    }
}

fn settle_failed(
    tx: &mut Tx,
    row: &OutboxRow,
    failed: &SendFailure,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    tracing::warn!(outbox = %row.id, kind = row.kind, attempts = row.attempts, why = failed.words, "a message did not leave");
    let (words, attempts) = (
        &failed.words,
        u32::try_from(row.attempts).unwrap_or(u32::MAX),
    );
    let next = after_failure(
        row.kind.parse()?,
        failed.failure,
        attempts,
        // What our own rules held, or what was written down days ahead, is not late by that.
        attempt::first_failed(tx, row)?.unwrap_or(now),
        now,
        row.id,
    );
    let outcome = match (failed.failure, next) {
        (Failure::Unknown, _) => AttemptOutcome::Unknown,
        (_, AfterFailure::TryAgainAt(_)) => AttemptOutcome::Deferred,
        (_, AfterFailure::GiveToPerson) => AttemptOutcome::Refused,
    };
    attempt::add(tx, row, outcome, words, now)?;
    match (next, failed.failure) {
        (AfterFailure::TryAgainAt(then), _) => outbox::postpone(tx, row, then, words).map(|_| ()),
        (AfterFailure::GiveToPerson, Failure::Final) => {
            if outbox::end(tx, row, MessageState::Refused, Some(words), now)? {
                unsent::given_up(tx, row, words, now)?;
            }
            Ok(())
        }
        (AfterFailure::GiveToPerson, failure) => {
            let state = match failure {
                Failure::Unknown => MessageState::Unknown,
                _ => MessageState::Refused,
            };
            if outbox::end(tx, row, state, Some(words), now)? {
                unsent::tell(tx, row, words, now)?;
            }
            Ok(())
        }
    }
}
