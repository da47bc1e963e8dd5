//! The verb behind the start button: note that a patient has begun. No answer hangs on it, and most patients hand in minutes later what says the same; so
//! it is kept in memory for a moment, and written down only for those who take their time.

use super::App;
use crate::store::{Fault, administration};
use chrono::{NaiveDateTime, TimeDelta};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How long a beginning may stand in memory only. A crash within that time leaves an occasion that looks unopened; its link goes on working.
const HELD: TimeDelta = TimeDelta::seconds(1);
/// The most that stand in memory; from there on each is written at once.
const MOST: usize = 10_000;

/// Who has begun and is not written down yet: the hash of the link's token, and when.
#[derive(Debug, Default)]
pub struct Begun(Mutex<HashMap<[u8; 32], NaiveDateTime>>);

impl Begun {
    /// When somebody began by this link, if that is not written down yet.
    pub fn at(&self, token_hash: &[u8; 32]) -> Option<NaiveDateTime> {
        self.lock().get(token_hash).copied()
    }

    /// Forgets a beginning that is written down.
    pub fn forget(&self, token_hash: &[u8; 32]) {
        self.lock().remove(token_hash);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], NaiveDateTime>> {
        // A map of plain values is whole after any panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes that the patient pressed start.
pub fn begin(app: &App, token_hash: [u8; 32]) {
    let now = app.clock.now();
    let mut begun = app.begun.lock();
    if begun.len() < MOST {
        begun.entry(token_hash).or_insert(now);
        return;
    }
    drop(begun);
    app.store
        .write_soon(move |tx| administration::mark_opened_by(tx, &token_hash, now));
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
        .map(|(hash, at)| (*hash, *at))
        .collect();
    if due.is_empty() {
        return Ok(0);
    }
    let due = app.store.write_blocking(move |tx| {
        for (hash, at) in &due {
            administration::mark_opened_by(tx, hash, *at)?;
        }
        Ok::<_, Fault>(due)
    })?;
    for (hash, _) in &due {
        app.begun.forget(hash);
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
