//! The last page, and those after "This is not for me" and "Not this time".

use super::lead::{self, Opened};
use super::start::answered;
use super::view::{End, EndTone, NoticeKind};
use super::visit::{Page, Visit};
use super::ways::CORRECTION;
use crate::app::decline;
use crate::domain::care::{AdministrationState, SaidNo};
use crate::domain::risk::{Tier, rules};
use crate::domain::submission::Part;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

/// The last page; survives reload, back button and double click.
pub async fn end(visit: Visit) -> Page {
    let opened = visit.look().await?;
    if opened.door.slip.administration.state == AdministrationState::Completed.word() {
        Ok(end_page(&visit, &opened))
    } else {
        Ok(visit.go(""))
    }
}

fn end_page(visit: &Visit, Opened { door, parts }: &Opened) -> HttpResponse {
    let frame = visit.frame(door);
    let sent_at = door
        .slip
        .administration
        .ended_at
        .map_or_else(String::new, |at| {
            (frame.words.moment)(lead::local(door, at))
        });
    let address = visit.address(CORRECTION);
    let page = End {
        frame,
        tone: if parts.iter().any(tells_of_crisis) {
            EndTone::SupportFirst
        } else {
            EndTone::Thanks
        },
        sent_at: &sent_at,
        answered: parts.iter().map(answered).sum(),
        asked: parts
            .iter()
            .map(|part| {
                let asked = part.instrument.asked(&part.answers);
                let asked = asked.filter(|position| !part.is_carried(*position));
                // On a list somebody may also answer what an earlier answer made needless.
                asked.count().max(answered(part))
            })
            .sum(),
        reading: lead::reading(door, frame.words),
        correct: lead::takes_note(door).then_some(address.as_str()),
        contact: None,
    };
    visit.page(StatusCode::OK, &page)
}

fn tells_of_crisis(part: &Part<'_>) -> bool {
    rules::evaluate(part.instrument, &part.answers)
        .iter()
        .any(|hit| hit.tier() == Tier::Crisis)
}

/// "This is not for me": closes the link and tells staff.
pub async fn not_for_me(visit: Visit) -> Page {
    decline(&visit, SaidNo::NotForMe, "/closed").await
}

/// "Not this time": closes this occasion.
pub async fn not_now(visit: Visit) -> Page {
    decline(&visit, SaidNo::NotThisTime, "/later").await
}

async fn decline(visit: &Visit, why: SaidNo, next: &str) -> Page {
    let hash = visit.token().await?.hash();
    match decline::decline(&visit.site.app, hash, visit.holder, why).await {
        Ok(()) => Ok(visit.go(next)),
        Err(failure) => Err(visit.calm_or_end(failure).await),
    }
}

/// After "This is not for me".
pub async fn closed(visit: Visit) -> Page {
    Ok(visit.say(StatusCode::OK, NoticeKind::NotForMe).await)
}

/// After "Not this time".
pub async fn later(visit: Visit) -> Page {
    Ok(visit.say(StatusCode::OK, NoticeKind::NotNow).await)
}
