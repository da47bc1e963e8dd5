//! The verb behind the start button: note that a patient has begun. No answer hangs on it, and most patients hand in minutes later what says the same; so
//! it is kept in memory for a moment, and written down only for those who take their time.

use super::check_link::{Holder, Refusal, let_in};
use super::{App, Failure};
use crate::store::{Fault, Tx, administration, door};
use chrono::{NaiveDateTime, TimeDelta};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How long a beginning may stand in memory only. A crash within that time leaves an occasion that looks unopened; its link goes on working.
const HELD: TimeDelta = TimeDelta::seconds(1);
/// The most that stand in memory; from there on each is written at once.
const MOST: usize = 10_000;

/// Who has begun: by which link, the hash of its token, and what else the browser held.
pub type Beginner = ([u8; 32], Holder);

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

    fn lock(&self) -> MutexGuard<'_, HashMap<Beginner, NaiveDateTime>> {
        // A map of plain values is whole after any panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes that the patient pressed start. Whether they may is looked at when it is written down.
pub fn begin(app: &App, who: Beginner) {
    let now = app.clock.now();
    let mut begun = app.begun.lock();
    if begun.len() < MOST {
        begun.entry(who).or_insert(now);
        return;
    }
    drop(begun);
    app.store.write_soon(move |tx| note(tx, &who, now));
}

fn note(tx: &mut Tx, (token_hash, holder): &Beginner, at: NaiveDateTime) -> Result<(), Fault> {
    let Some(slip) = door::slip(tx, token_hash)?.filter(|slip| slip.revoked_at.is_none()) else {
        return Ok(());
    };
    match let_in(tx, token_hash, &slip, holder) {
        Ok(()) => {}
        Err(Failure::Fault(fault)) => return Err(fault),
        // A stranger pressed a button that was not there.
        Err(Failure::<Refusal>::Refused(_) | Failure::Denied(_)) => return Ok(()),
    }
    let form = &slip.administration;
    let finish_by = administration::finish_by(at, form.finish_within_s);
    administration::mark_opened(tx, form.org_id, form.id, at, finish_by)
}

/// Writes down who began before `until` and has not handed in; says how many.
///
/// # Errors
/// When the database fails; they are tried again.
pub fn write_down(app: &App, until: NaiveDateTime) -> Result<usize, Fault> {
    let due: Vec<_> = app
        .begun
        .lock()
        .iter()
        .filter(|(_, at)| **at <= until)
        .map(|(who, at)| (*who, *at))
        .collect();
    if due.is_empty() {
        return Ok(0);
    }
    let due = app.store.write_blocking(move |tx| {
        for (who, at) in &due {
            note(tx, who, *at)?;
        }
        Ok::<_, Fault>(due)
    })?;
    for (who, _) in &due {
        app.begun.forget(who);
    }
    Ok(due.len())
}

/// As [`write_down`], for those who have taken longer than a moment.
///
/// # Errors
/// As [`write_down`].
pub fn write_down_old(app: &App) -> Result<usize, Fault> {
    write_down(app, app.clock.now() - HELD)
}
