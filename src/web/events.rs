//! The stream on which a page hears that the queue has changed. What is heard: `live`.

use super::live::Place;
use super::site::Site;
use super::visitor::{Visitor, is_signed_in, secret_of};
use crate::app::read_queue::mark_of;
use crate::domain::access::{Action, Actor, Permit, Subject, decide};
use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, rt, web};
use serde::Deserialize;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How often a stream says that it lives, and looks whether its sign-in does.
const BEAT_EVERY: Duration = Duration::from_secs(5);
/// What waits on the way to a browser that does not read.
const WAITING_MOST: usize = 4;

/// What the address says.
#[derive(Debug, Deserialize)]
pub struct Wish {
    /// The mark of the page that listens.
    since: Option<String>,
}

/// The stream of one listener.
pub async fn events(
    site: web::Data<Site>,
    visitor: Visitor,
    request: HttpRequest,
    wish: web::Query<Wish>,
) -> HttpResponse {
    let actor: Actor = visitor.actor();
    let permit = decide(&actor, Action::SeeQueue, Subject::Organisation);
    let secret = secret_of(&site, &request);
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
                if !is_signed_in(&site, hash).await || say(": here\n\n").await.is_err() {
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
