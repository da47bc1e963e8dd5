//! A form on a tablet comes to its end: it is handed back, or nobody touched it for a while. What this browser held of it goes.

use super::lead::Opened;
use super::view::{AtTablet, Frame, Still};
use super::visit::{Page, Visit};
use crate::app::Failure;
use crate::app::pair_tablet::{self, STILL_S};
use crate::app::take_answers::Refusal;
use crate::web::tablet::away;
use actix_web::HttpRequest;
use actix_web::http::StatusCode;

/// Nobody was there.
const OVER: &str = "over";

/// "Hand the tablet back": the link opens nothing more.
pub async fn hand_back(visit: Visit) -> Page {
    let hash = visit.token().await?.hash();
    match pair_tablet::hand_back(&visit.site.app, hash, visit.holder).await {
        Ok(()) | Err(Failure::Refused(Refusal::Revoked)) => Ok(away("/tablet?back")),
        Err(failure) => Err(visit.calm_or_end(failure).await),
    }
}

/// Where a page goes by itself when nobody touches it: it asks whether somebody is still there, and a minute later this browser forgets the form.
/// Nothing is changed here; without the browser's secret the link opens nothing.
pub async fn idle(visit: Visit, request: HttpRequest) -> Page {
    if visit.holder.tablet.is_none() {
        return Ok(visit.go(""));
    }
    if request.query_string() == OVER {
        return Ok(away("/tablet?idle"));
    }
    let Opened { door, .. } = &visit.look().await?;
    let frame = visit.frame(door);
    let over = visit.address(&format!("/idle?{OVER}"));
    let page = Still {
        frame: Frame {
            tablet: frame.tablet.map(|tablet| AtTablet {
                idle: &over,
                idle_s: STILL_S,
                ..tablet
            }),
            ..frame
        },
        next: &visit.address("/next"),
    };
    Ok(visit.page(StatusCode::OK, &page))
}
