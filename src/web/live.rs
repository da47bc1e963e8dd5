//! The live queue: tells everybody who has the queue open that what they may see has changed. It tells that, and nothing about whom: the page is read anew, with its audit event.
//!
//! One look a second at the waiting flags is shared by all who listen; nobody listening, no look. A stream (`events`) ends when the sign-in is over, when the process stops, and
//! when there are too many; the page then works by its link.

use crate::app::App;
use crate::domain::ids::StaffId;
use crate::store::Fault;
use crate::store::flag::{self, QueueMark};
use actix_web::rt;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How often the waiting flags are looked at while somebody listens.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// At most so many streams in one process.
const STREAMS_MOST: usize = 500;
/// At most so many streams of one person: browsers open six connections to a site, and pages need some.
const STREAMS_EACH: usize = 3;
/// What a look found, and when it began.
#[derive(Clone)]
pub(super) struct Look {
    pub(super) began: Instant,
    pub(super) marks: Arc<Vec<QueueMark>>,
}

/// Everybody who listens.
pub struct Live {
    /// `None`: nobody has looked.
    pub(super) looks: watch::Sender<Option<Look>>,
    pub(super) stop: watch::Sender<Stopping>,
    listeners: Mutex<Listeners>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopping {
    No,
    Yes,
}

#[derive(Default)]
struct Listeners {
    streams: HashMap<StaffId, usize>,
    looking: bool,
}

impl Listeners {
    fn count(&self) -> usize {
        self.streams.values().sum()
    }
}

impl Default for Live {
    fn default() -> Self {
        Live {
            looks: watch::Sender::new(None),
            stop: watch::Sender::new(Stopping::No),
            listeners: Mutex::default(),
        }
    }
}

impl Live {
    /// Ends every stream: the process stops.
    pub fn stop(&self) {
        self.stop.send_replace(Stopping::Yes);
    }

    /// A place among those who listen; `None` when there is none left.
    pub(super) fn place(self: &Arc<Self>, who: StaffId) -> Option<Place> {
        let mut known = self.listeners();
        let full = known.count() >= STREAMS_MOST;
        let own = known.streams.entry(who).or_default();
        if full || *own >= STREAMS_EACH || *self.stop.borrow() == Stopping::Yes {
            return None;
        }
        *own += 1;
        Some(Place {
            live: Arc::clone(self),
            who,
        })
    }

    fn listeners(&self) -> std::sync::MutexGuard<'_, Listeners> {
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks once a second for as long as somebody listens.
    pub(super) fn keep_looking(self: &Arc<Self>, app: &App) {
        if std::mem::replace(&mut self.listeners().looking, true) {
            return;
        }
        let (live, app) = (Arc::clone(self), app.clone());
        rt::spawn(async move {
            let mut stop = live.stop.subscribe();
            loop {
                live.look(&app).await;
                tokio::select! {
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                    _ = stop.changed() => {}
                }
                let mut known = live.listeners();
                if known.count() == 0 || *stop.borrow() == Stopping::Yes {
                    known.looking = false;
                    return;
                }
            }
        });
    }
}

impl Live {
    /// Looks once. What is as before stays the same list, so that nobody has to compare it.
    async fn look(&self, app: &App) {
        let (org, began) = (app.org, Instant::now());
        let rows: Result<_, Fault> = app.store.read(move |tx| flag::queue_marks(tx, org)).await;
        let rows = match rows {
            Ok(rows) => rows,
            Err(fault) => return tracing::warn!(%fault, "the queue could not be looked at"),
        };
        self.looks.send_modify(|known| {
            let same = known
                .take()
                .map(|look| look.marks)
                .filter(|marks| **marks == rows);
            let marks = same.unwrap_or_else(|| Arc::new(rows));
            *known = Some(Look { began, marks });
        });
    }
}

/// A place among those who listen, given back when it is dropped.
pub(super) struct Place {
    pub(super) live: Arc<Live>,
    who: StaffId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut known = self.live.listeners();
        if let Some(own) = known.streams.get_mut(&self.who) {
            *own -= 1;
            if *own == 0 {
                known.streams.remove(&self.who);
            }
        }
    }
}
