//! The first page, and the way from it to the questions.

use super::lead::{self, Opened};
use super::question::question_or_review;
use super::view::{AboutWhom, Start, Wording};
use super::visit::{Page, Visit};
use crate::app::begin;
use crate::domain::instrument::Respondent;
use crate::domain::submission::{self, Part};
use crate::patient_words::Words;
use crate::web::form::{Fields, FormTrouble};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

/// Seconds one question takes, for "about N minutes".
const SECONDS_A_QUESTION: usize = 12;

/// The first page. Mail scanners open it too: it shows and changes nothing.
pub async fn start(visit: Visit) -> Page {
    let opened = visit.open().await?;
    Ok(start_page(&visit, &opened))
}

fn start_page(visit: &Visit, Opened { door, parts }: &Opened) -> HttpResponse {
    let questions = submission::questions(parts);
    let frame = visit.frame(door);
    let until = lead::local(door, door.slip.finish_by(visit.site.app.clock.now()));
    let page = Start {
        frame,
        clinician: &door.clinician,
        reading: lead::reading(door, frame.words),
        questions,
        minutes: minutes(questions),
        saved: parts.iter().map(answered).sum(),
        for_whom: for_whom(parts, frame.words),
        english_only: english_only(parts, frame.words),
        open_until: &(frame.words.day)(until),
        action: &visit.address(""),
        not_me_action: &visit.address("/not-for-me"),
        about: match door.slip.administration.informant_id {
            Some(_) => AboutWhom::Another,
            None => AboutWhom::Themselves,
        },
        not_now_action: &visit.address("/not-now"),
    };
    visit.page(StatusCode::OK, &page)
}

/// How many answers the patient has given to it; what was carried over is counted where it was given.
pub fn answered(part: &Part<'_>) -> usize {
    (0..part.instrument.items.len())
        .filter(|position| part.answers.is_answered(*position) && !part.is_carried(*position))
        .count()
}

fn english_only(parts: &[Part<'_>], words: &'static Words) -> &'static str {
    let foreign =
        |part: &&Part<'_>| lead::texts(part.instrument, words.language).1 == Wording::EnglishOnly;
    match parts.iter().filter(foreign).count() {
        0 => "",
        all if all == parts.len() => words.page.english_only,
        _ => words.page.some_english_only,
    }
}

fn for_whom(parts: &[Part<'_>], words: &'static Words) -> &'static str {
    let by_parent = |part: &&Part<'_>| part.instrument.respondent == Respondent::Parent;
    match parts.iter().filter(by_parent).count() {
        0 => "",
        all if all == parts.len() => words.page.for_parent,
        _ => words.page.some_for_parent,
    }
}

fn minutes(questions: usize) -> usize {
    (questions * SECONDS_A_QUESTION).div_ceil(60).max(1)
}

/// The start button. That somebody began is written down without keeping them waiting: no answer hangs on it.
pub async fn begin(visit: Visit, fields: Result<Fields, FormTrouble>) -> Page {
    let fields = visit.fields(fields).await?;
    let who = (visit.token().await?.hash(), visit.holder);
    begin::begin(&visit.site.app, who).await;
    Ok(match fields.one("layout") {
        "list" if visit.offers_list() => visit.go("/list/1"),
        _ => visit.go("/next"),
    })
}

/// On to the first open question, or to the review when there is none.
pub async fn next(visit: Visit) -> Page {
    let opened = visit.open().await?;
    let next = submission::next_open(&opened.parts);
    Ok(visit.go(&question_or_review(next)))
}
