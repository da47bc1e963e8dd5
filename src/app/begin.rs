//! The verb behind the start button: note that a patient has begun. No answer hangs on it, and most patients hand in minutes later what says the same; so
//! it is kept in memory for a moment, and written down only for those who take their time.

use super::check_link::{Holder, Refusal, let_in};
use super::take_answers::check_open;
use super::{App, Failure};
use crate::store::door::{self, Slip};
use crate::store::{Fault, Tx, administration};
use chrono::{NaiveDateTime, TimeDelta};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How long a beginning may stand in memory only. A crash within that time leaves an occasion that looks unopened; its link goes on working.
const HELD: TimeDelta = TimeDelta::seconds(1);
/// So many stand in memory unasked. From there on a link has to open for whoever holds it: made-up ones take no place from patients, and as a rule nobody's
/// start waits for the database.
const UNASKED: usize = 500;
/// The most that stand in memory; from there on each is written at once.
const MOST: usize = 10_000;
/// How many are written down in one transaction.
const TOGETHER: usize = 100;
/// How long it is tried to write one down that cannot be.
const TRIED: TimeDelta = TimeDelta::minutes(1);

/// Who has begun: by which link, the hash of its token, and what else the browser held.
pub type Beginner = ([u8; 32], Holder);

/// A beginning, and its moment.
type Beginning = (Beginner, NaiveDateTime);

/// Who has begun and is not written down yet, and when.
#[derive(Debug, Default)]
pub struct Begun(Mutex<HashMap<Beginner, NaiveDateTime>>);

impl Begun {
    /// When they began, if that is not written down yet.
    pub fn at(&self, who: &Beginner) -> Option<NaiveDateTime> {
        self.lock().get(who).copied()
    }

    /// Forgets a beginning that is written down.
    pub fn forget(&self, who: &Beginner) {
        self.lock().remove(who);
    }

    fn is_crowded(&self) -> bool {
        self.lock().len() >= UNASKED
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Beginner, NaiveDateTime>> {
        // A map of plain values is whole after any panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes that the patient pressed start. Whether they may is looked at when it is written down, or now where many stand in memory already.
pub async fn begin(app: &App, who: Beginner) {
    let now = app.clock.now();
    if app.begun.is_crowded() && !opens(app, who, now).await {
        return;
    }
    let mut begun = app.begun.lock();
    if begun.len() < MOST {
        begun.entry(who).or_insert(now);
        return;
    }
    drop(begun);
    app.store.write_soon(move |tx| note(tx, &who, now));
}

/// Whether there is something to begin. What cannot be found out is none: no answer hangs on it.
async fn opens(app: &App, who: Beginner, now: NaiveDateTime) -> bool {
    let found = app.store.read_brief(move |tx| let_in_by(tx, &who)).await;
    match found {
        Ok(slip) => slip.is_some_and(|slip| check_open(&slip, now).is_ok()),
        Err(fault) => {
            tracing::warn!(%fault, "a beginning is not noted");
            false
        }
    }
}

/// What opens for whoever began; `None` for a stranger, who pressed a button that was not there.
fn let_in_by(tx: &mut Tx, (token_hash, holder): &Beginner) -> Result<Option<Slip>, Fault> {
    let Some(slip) = door::slip(tx, token_hash)?.filter(|slip| slip.revoked_at.is_none()) else {
        return Ok(None);
    };
    match let_in(tx, token_hash, &slip, holder) {
        Ok(()) => Ok(Some(slip)),
        Err(Failure::Fault(fault)) => Err(fault),
        Err(Failure::<Refusal>::Refused(_) | Failure::Denied(_)) => Ok(None),
    }
}

fn note(tx: &mut Tx, who: &Beginner, at: NaiveDateTime) -> Result<(), Fault> {
    let Some(slip) = let_in_by(tx, who)? else {
        return Ok(());
    };
    let form = &slip.administration;
    let finish_by = administration::finish_by(at, form.finish_within_s);
    administration::mark_opened(tx, form.org_id, form.id, at, finish_by)
}

/// Writes down who began before `until` and has not handed in; says how many. One that cannot be written holds up no other, and nothing that comes after:
/// it is tried again for a minute and then forgotten.
pub fn write_down(app: &App, until: NaiveDateTime) -> usize {
    let due: Vec<Beginning> = app
        .begun
        .lock()
        .iter()
        .filter(|(_, at)| **at <= until)
        .map(|(who, at)| (*who, *at))
        .collect();
    let mut written = 0;
    for some in due.chunks(TOGETHER) {
        let done = match store(app, some) {
            Ok(()) => some.len(),
            Err(fault @ (Fault::Connect(_) | Fault::Overloaded | Fault::Slow | Fault::Stopped)) => {
                tracing::warn!(%fault, "beginnings could not be written down");
                break;
            }
            // Most likely one of them; if it is all of them, the rest would fail as well.
            Err(_) => some.iter().filter(|one| is_stored_alone(app, one)).count(),
        };
        written += done;
        if done == 0 {
            break;
        }
    }
    written
}

fn is_stored_alone(app: &App, one: &Beginning) -> bool {
    let Err(fault) = store(app, std::slice::from_ref(one)) else {
        return true;
    };
    tracing::warn!(%fault, "a beginning could not be written down");
    let (who, at) = one;
    if *at + TRIED < app.clock.now() {
        app.begun.forget(who);
    }
    false
}

/// Writes some down in one transaction, and forgets them.
fn store(app: &App, some: &[Beginning]) -> Result<(), Fault> {
    let all = some.to_vec();
    app.store
        .write_blocking(move |tx| all.iter().try_for_each(|(who, at)| note(tx, who, *at)))?;
    some.iter().for_each(|(who, _)| app.begun.forget(who));
    Ok(())
}

/// As [`write_down`], for those who have taken longer than a moment.
pub fn write_down_old(app: &App) -> usize {
    write_down(app, app.clock.now() - HELD)
}
