//! The review queue, one flag on one screen, and the two acts on it. These pages relay what the patient answered and what the rule says, and never judge.

use super::flag_card::{
    AnswerRow, Card, ClosedRow, Saying, acts, answers, card, closed_row, missing,
};
use super::{Frame, SiteData, not_found, trouble};
use crate::app::Failure;
use crate::app::read_queue::{self, Around, Queue};
use crate::app::review_flag::{self, Refusal};
use crate::domain::ids::FlagId;
use crate::domain::risk::FlagRefusal;
use crate::web::form::Fields;
use crate::web::gate::Visitor;
use crate::web::{Site, errors};
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

/// What an assessment should say; the site's own policy goes further.
const ASSESSMENT_HINT: &str = "What you asked, the overall level by your own judgement, the plan, how you reached the patient, and when somebody looks next.";
/// The longest note or assessment, in characters.
const WORDS_MOST: usize = 4_000;

#[derive(Template)]
#[template(path = "staff/queue.html")]
struct QueuePage {
    frame: Frame,
    may_act: bool,
    total: usize,
    waiting: Vec<Card>,
    more: usize,
    closed: Vec<ClosedRow>,
    assessment_hint: &'static str,
}

#[derive(Template)]
#[template(path = "staff/flag.html")]
struct FlagPage {
    frame: Frame,
    may_act: bool,
    card: Card,
    notice: Option<String>,
    /// Whether the notice is about the assessment's field.
    wrong_field: bool,
    typed: String,
    acts: Vec<Saying>,
    answers: Vec<AnswerRow>,
    missing: String,
    assessment_hint: &'static str,
}

/// What went wrong on the way to this page, and what was typed.
#[derive(Default)]
struct Before {
    notice: Option<String>,
    wrong_field: bool,
    typed: String,
}

/// The queue.
pub async fn page(site: SiteData, visitor: Visitor) -> HttpResponse {
    match read_queue::read_queue(&site.app, visitor.actor()).await {
        Ok(queue) => errors::page(
            StatusCode::OK,
            &queue_page(
                &site,
                &visitor,
                &queue,
                Frame::of(&site, &visitor, "/queue").await,
            ),
        ),
        Err(failure) => trouble(&failure),
    }
}

fn queue_page(site: &Site, visitor: &Visitor, queue: &Queue, frame: Frame) -> QueuePage {
    let (now, library) = (site.app.clock.now(), site.app.library);
    QueuePage {
        frame,
        may_act: may_act(visitor),
        total: queue.waiting.len() + queue.more,
        waiting: queue
            .waiting
            .iter()
            .map(|entry| card(entry, library, queue.zone, now))
            .collect(),
        more: queue.more,
        closed: queue
            .closed
            .iter()
            .map(|entry| closed_row(entry, library, queue.zone, now))
            .collect(),
        assessment_hint: ASSESSMENT_HINT,
    }
}

/// Whether the buttons make sense at all; the verbs decide in earnest.
fn may_act(visitor: &Visitor) -> bool {
    visitor.staff.licence.is_some()
}

/// One flag with its whole history.
pub async fn flag(site: SiteData, visitor: Visitor, path: web::Path<String>) -> HttpResponse {
    match path.parse() {
        Ok(id) => show(&site, &visitor, id, StatusCode::OK, Before::default()).await,
        Err(_) => not_found(),
    }
}

async fn show(
    site: &Site,
    visitor: &Visitor,
    id: FlagId,
    status: StatusCode,
    before: Before,
) -> HttpResponse {
    match read_queue::read_flag(&site.app, visitor.actor(), id).await {
        Ok(around) => {
            let frame = Frame::of(site, visitor, "/queue").await;
            errors::page(status, &flag_page(site, visitor, &around, frame, before))
        }
        Err(Failure::Refused(Refusal::NoFlag)) => not_found(),
        Err(failure) => trouble(&failure),
    }
}

fn flag_page(
    site: &Site,
    visitor: &Visitor,
    around: &Around,
    frame: Frame,
    before: Before,
) -> FlagPage {
    let (now, library) = (site.app.clock.now(), site.app.library);
    FlagPage {
        frame,
        may_act: may_act(visitor),
        card: card(&around.entry, library, around.zone, now),
        notice: before.notice,
        wrong_field: before.wrong_field,
        typed: before.typed,
        acts: acts(&around.entry, around.zone, now),
        answers: answers(around, library, now),
        missing: missing(around, library),
        assessment_hint: ASSESSMENT_HINT,
    }
}

/// "I have it."
pub async fn acknowledge(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    fields: Fields,
) -> HttpResponse {
    let Ok(id) = path.parse() else {
        return not_found();
    };
    let note = fields.one("note");
    if note.chars().count() > WORDS_MOST {
        return too_long(&site, &visitor, id, String::new()).await;
    }
    match review_flag::acknowledge(&site.app, visitor.actor(), id, note.to_owned()).await {
        Ok(()) => errors::see_other(&format!("/flags/{id}")),
        Err(failure) => refused(&site, &visitor, id, failure, String::new()).await,
    }
}

/// "Assessed and documented."
pub async fn close(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    fields: Fields,
) -> HttpResponse {
    let Ok(id) = path.parse() else {
        return not_found();
    };
    let assessment = fields.one("assessment").to_owned();
    if assessment.chars().count() > WORDS_MOST {
        return too_long(&site, &visitor, id, assessment).await;
    }
    match review_flag::close(
        &site.app,
        visitor.actor(),
        id,
        assessment.clone(),
        fields.one("seen").parse().ok(),
    )
    .await
    {
        Ok(()) => errors::see_other("/queue"),
        Err(failure) => refused(&site, &visitor, id, failure, assessment).await,
    }
}

async fn too_long(site: &Site, visitor: &Visitor, id: FlagId, typed: String) -> HttpResponse {
    let notice = Some(format!(
        "Write at most {WORDS_MOST} characters; nothing was changed."
    ));
    let before = Before {
        notice,
        wrong_field: !typed.is_empty(),
        typed,
    };
    show(site, visitor, id, StatusCode::UNPROCESSABLE_ENTITY, before).await
}

/// A second click and a colleague who was faster meet calm words on the flag's page, with its history below.
async fn refused(
    site: &Site,
    visitor: &Visitor,
    id: FlagId,
    failure: Failure<Refusal>,
    typed: String,
) -> HttpResponse {
    match failure {
        Failure::Refused(Refusal::Flag(refusal)) => {
            let wrong_field = refusal == FlagRefusal::NoAssessment;
            let status = if wrong_field {
                StatusCode::UNPROCESSABLE_ENTITY
            } else {
                StatusCode::CONFLICT
            };
            show(
                site,
                visitor,
                id,
                status,
                Before {
                    notice: Some(refusal.to_string()),
                    wrong_field,
                    typed,
                },
            )
            .await
        }
        Failure::Refused(Refusal::NoFlag) => not_found(),
        failure => trouble(&failure),
    }
}
