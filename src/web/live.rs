//! The live queue: tells everybody who has the queue open that what they may see has changed. It tells that, and nothing about whom: the page is read anew, with its audit event.
//!
//! One look a second at the waiting flags is shared by all who listen; nobody listening, no look. A stream ends when the sign-in is over, when the process stops, and when there are
//! too many; the page then works by its link.

use super::{Site, gate};
use crate::app::App;
use crate::app::read_queue::mark_of;
use crate::domain::access::{Action, Actor, Permit, Subject, decide};
use crate::domain::ids::StaffId;
use crate::store::Fault;
use crate::store::flag::{self, QueueMark};
use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, rt, web};
use serde::Deserialize;
use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// How often the waiting flags are looked at while somebody listens.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often a stream says that it lives, and looks whether its sign-in does.
const BEAT_EVERY: Duration = Duration::from_secs(5);
/// At most so many streams in one process.
const STREAMS_MOST: usize = 500;
/// At most so many streams of one person: browsers open six connections to a site, and pages need some.
const STREAMS_EACH: usize = 3;
/// What waits on the way to a browser that does not read.
const WAITING_MOST: usize = 4;

/// What a look found, and when it began.
#[derive(Clone)]
struct Look {
    began: Instant,
    marks: Arc<Vec<QueueMark>>,
}

/// Everybody who listens.
pub struct Live {
    /// `None`: nobody has looked.
    looks: watch::Sender<Option<Look>>,
    stop: watch::Sender<Stopping>,
    listeners: Mutex<Listeners>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopping {
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
    fn place(self: &Arc<Self>, who: StaffId) -> Option<Place> {
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
    fn keep_looking(self: &Arc<Self>, app: &App) {
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
struct Place {
    live: Arc<Live>,
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

/// What the address says.
#[derive(Debug, Deserialize)]
pub struct Wish {
    /// The mark of the page that listens.
    since: Option<String>,
}

/// The stream of one listener.
pub async fn events(
    site: web::Data<Site>,
    visitor: gate::Visitor,
    request: HttpRequest,
    wish: web::Query<Wish>,
) -> HttpResponse {
    let actor: Actor = visitor.actor();
    let permit = decide(&actor, Action::SeeQueue, Subject::Organisation);
    let secret = gate::secret_of(&site, &request);
    let (Ok(permit), Some(hash)) = (permit, secret) else {
        return HttpResponse::Forbidden().finish();
    };
    let Some(place) = site.live.place(visitor.staff.id) else {
        // "No content" tells a browser not to come back by itself.
        return HttpResponse::NoContent().finish();
    };
    site.live.keep_looking(&site.app);
    let (tell, told) = mpsc::channel(WAITING_MOST);
    rt::spawn(listen(
        site,
        place,
        permit,
        hash,
        wish.into_inner().since,
        tell,
    ));
    HttpResponse::Ok()
        .insert_header(("content-type", "text/event-stream; charset=utf-8"))
        .insert_header(("x-accel-buffering", "no"))
        .body(Stream(told))
}

/// Tells one listener until they are gone, their sign-in is over or the process stops.
async fn listen(
    site: web::Data<Site>,
    place: Place,
    permit: Permit,
    hash: [u8; 32],
    since: Option<String>,
    tell: mpsc::Sender<Bytes>,
) {
    let (mut looks, mut stop) = (place.live.looks.subscribe(), place.live.stop.subscribe());
    let (began, mut mark, mut last) = (Instant::now(), since, None);
    let mut beat = tokio::time::interval(BEAT_EVERY);
    let say = async |words: &'static str| tell.send(Bytes::from_static(words.as_bytes())).await;
    if say("retry: 5000\n\n").await.is_err() {
        return;
    }
    loop {
        tokio::select! {
            changed = looks.changed() => {
                if changed.is_err() {
                    return;
                }
                let look = looks.borrow_and_update().clone();
                // What was looked at before this page was asked for may be older than the page.
                let Some(look) = look.filter(|look| look.began >= began) else { continue };
                if last.as_ref().is_some_and(|last| Arc::ptr_eq(last, &look.marks)) {
                    continue;
                }
                let now = mark_of(&look.marks, &permit);
                last = Some(look.marks);
                let before = mark.replace(now.clone());
                if before.is_some_and(|before| before != now) && say("event: queue\ndata: changed\n\n").await.is_err() {
                    return;
                }
            }
            _ = beat.tick() => {
                if !gate::is_signed_in(&site, hash).await || say(": here\n\n").await.is_err() {
                    return;
                }
            }
            _ = stop.changed() => return,
            () = tell.closed() => return,
        }
    }
}

/// What a listener gets, as it comes.
struct Stream(mpsc::Receiver<Bytes>);

impl MessageBody for Stream {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(Ok))
    }
}
