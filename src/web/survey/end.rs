//! The last page, and the one after "This is not for me".

use super::lead::{Opened, frame, local_moment_words, reading};
use super::view::{End, EndTone, NoticeKind};
use super::visit::{Page, Visit};
use crate::app::decline;
use crate::domain::care::AdministrationState;
use crate::domain::risk::{Tier, rules};
use crate::domain::submission::Part;
use crate::web::errors;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

/// The last page; survives reload, back button and double click.
pub async fn end(visit: Visit) -> Page {
    let opened = visit.look().await?;
    if opened.door.slip.administration.state == AdministrationState::Completed.word() {
        Ok(end_page(&opened))
    } else {
        Ok(errors::see_other(&visit.address("")))
    }
}

fn end_page(Opened { door, parts }: &Opened) -> HttpResponse {
    let sent_at = door
        .slip
        .administration
        .ended_at
        .map_or_else(String::new, |at| local_moment_words(door, at));
    let page = End {
        frame: frame(door),
        tone: if parts.iter().any(tells_of_crisis) {
            EndTone::SupportFirst
        } else {
            EndTone::Thanks
        },
        sent_at: &sent_at,
        answered: parts.iter().map(|part| part.answers.answered()).sum(),
        asked: parts
            .iter()
            .map(|part| part.instrument.asked(&part.answers).count())
            .sum(),
        reading: reading(door),
        contact: None,
    };
    errors::page(StatusCode::OK, &page)
}

fn tells_of_crisis(part: &Part<'_>) -> bool {
    rules::evaluate(part.instrument, &part.answers)
        .iter()
        .any(|hit| hit.tier() == Tier::Crisis)
}

/// "This is not for me": closes the link and tells staff.
pub async fn not_for_me(visit: Visit) -> Page {
    let hash = visit.token().await?.hash();
    match decline::decline(&visit.site.app, hash).await {
        Ok(()) => Ok(errors::see_other(&visit.address("/closed"))),
        Err(failure) => Err(visit.calm_or_end(failure).await),
    }
}

/// After "This is not for me".
pub async fn closed(visit: Visit) -> Page {
    Ok(visit.say(StatusCode::OK, NoticeKind::NotForMe).await)
}
