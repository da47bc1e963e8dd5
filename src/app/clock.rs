//! The time, as the verbs are told it. The domain never asks for it.

use chrono::{NaiveDateTime, SubsecRound};
use std::sync::{Arc, Mutex, PoisonError};

/// Where `now` comes from.
#[derive(Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that stands until a test moves it.
    Stopped(Arc<Mutex<NaiveDateTime>>),
}

impl Clock {
    /// A clock that stands at `now`.
    pub fn stopped_at(now: NaiveDateTime) -> Self {
        Clock::Stopped(Arc::new(Mutex::new(now)))
    }

    /// Now, UTC, to the microsecond: what both engines can keep.
    pub fn now(&self) -> NaiveDateTime {
        match self {
            Clock::System => chrono::Utc::now().naive_utc().trunc_subsecs(6),
            Clock::Stopped(now) => *now.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Moves a stopped clock; does nothing to the machine's.
    pub fn set(&self, to: NaiveDateTime) {
        if let Clock::Stopped(now) = self {
            *now.lock().unwrap_or_else(PoisonError::into_inner) = to;
        }
    }
}
