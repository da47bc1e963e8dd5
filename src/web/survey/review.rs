//! All answers once more, before they are sent.

use super::lead::{Opened, frame, reading};
use super::support::onward;
use super::view::{Review, ReviewPart, ReviewRow};
use super::visit::{Page, Visit};
use crate::domain::care::Layout;
use crate::domain::submission::{self, Intent, Part, Sheet};
use crate::web::errors;
use crate::web::form::{Fields, FormTrouble};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

/// The review.
pub async fn review(visit: Visit) -> Page {
    let opened = visit.open_or_end().await?;
    Ok(review_page(&visit, &opened))
}

struct Answered<'a> {
    stem: &'a str,
    number: usize,
    text: &'a str,
    answer: Option<&'a str>,
    change: String,
}

fn review_page(visit: &Visit, Opened { door, parts }: &Opened) -> HttpResponse {
    let language = &door.slip.administration.language;
    let answered: Vec<Answered<'_>> = submission::numbered(parts)
        .filter(|(_, part, position)| part.instrument.is_asked(&part.answers, *position))
        .filter_map(|(number, part, position)| answered(visit, number, part, position, language))
        .collect();
    let rows: Vec<(&str, Vec<ReviewRow<'_>>)> = answered
        .chunk_by(|a, b| a.stem == b.stem)
        .map(group)
        .collect();
    let groups: Vec<ReviewPart<'_>> = rows
        .iter()
        .map(|(stem, rows)| ReviewPart { stem, rows })
        .collect();
    let page = Review {
        frame: frame(door),
        parts: &groups,
        reading: reading(door),
        action: &visit.address("/send"),
        back: answered.last().map(|row| row.change.as_str()),
    };
    errors::page(StatusCode::OK, &page)
}

fn answered<'a>(
    visit: &Visit,
    number: usize,
    part: &Part<'a>,
    position: usize,
    language: &str,
) -> Option<Answered<'a>> {
    let texts = part.instrument.texts_or_english(language);
    let words = texts.items.get(position)?;
    let option = part
        .answers
        .get(position)
        .and_then(|value| part.instrument.items.get(position)?.option_with(value));
    Some(Answered {
        stem: words
            .stem
            .as_deref()
            .or(texts.instruction.as_deref())
            .unwrap_or(""),
        number,
        text: &words.text,
        answer: option
            .and_then(|option| words.options.get(option))
            .map(String::as_str),
        change: visit.address(&format!("/q/{number}")),
    })
}

fn group<'a>(rows: &'a [Answered<'a>]) -> (&'a str, Vec<ReviewRow<'a>>) {
    let stem = rows.first().map_or("", |row| row.stem);
    let rows = rows
        .iter()
        .map(|row| ReviewRow {
            number: row.number,
            text: row.text,
            answer: row.answer,
            change: &row.change,
        })
        .collect();
    (stem, rows)
}

/// "Send my answers" under the review.
pub async fn send(visit: Visit, fields: Result<Fields, FormTrouble>) -> Page {
    visit.fields(fields).await?;
    let receipt = visit.take(Sheet::Empty, Layout::Page, Intent::Send).await?;
    Ok(onward(&visit, "/end", receipt.support))
}
