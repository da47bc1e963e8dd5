//! A loop's sign of life, at most every few seconds.

use super::App;
use crate::store::heartbeat;
use std::time::{Duration, Instant};

/// How often a loop says that it lives.
const EVERY: Duration = Duration::from_secs(10);

/// The sign of life of one loop.
pub struct Pulse {
    worker: &'static str,
    last: Option<Instant>,
}

impl Pulse {
    /// Of the loop with this name.
    pub fn of(worker: &'static str) -> Pulse {
        Pulse { worker, last: None }
    }

    /// Notes that the loop lives, unless it has just done so.
    pub fn beat(&mut self, app: &App) {
        if self.last.is_some_and(|at| at.elapsed() <= EVERY) {
            return;
        }
        let (worker, now) = (self.worker, app.clock.now());
        app.store
            .write_soon(move |tx| heartbeat::beat(tx, worker, now));
        self.last = Some(Instant::now());
    }
}
