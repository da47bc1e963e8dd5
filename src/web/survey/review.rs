//! All answers once more, before they are sent.

use super::lead::{self, Opened};
use super::question::question_or_review;
use super::view::{Review, ReviewPart, ReviewRow, Reviewed, Wording};
use super::visit::{FROM_REVIEW, Page, Visit};
use super::ways::help_first;
use crate::app::take_answers::Stage;
use crate::domain::care::Layout;
use crate::domain::instrument::{Answer, ItemTexts};
use crate::domain::language::Language;
use crate::domain::submission::{self, Counted, Intent, Part, Sheet};
use crate::web::form::{Fields, FormTrouble};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

/// The review.
pub async fn review(visit: Visit) -> Page {
    let opened = visit.open_or_end().await?;
    Ok(review_page(&visit, &opened))
}

struct Answered<'a> {
    wording: Wording,
    stem: &'a str,
    number: Counted,
    text: &'a str,
    answer: Reviewed<'a>,
    change: String,
}

fn review_page(visit: &Visit, Opened { door, parts }: &Opened) -> HttpResponse {
    let frame = visit.frame(door);
    let language = frame.words.language;
    let answered: Vec<Answered<'_>> = submission::numbered(parts)
        .filter(|(_, part, position)| part.is_asked(*position))
        .filter_map(|(number, part, position)| {
            let (counted, _) = submission::shown(parts, number);
            let change = visit.address(&format!("/q/{number}?{FROM_REVIEW}"));
            answered(counted, change, part, position, language)
        })
        .collect();
    let groups: Vec<(&Answered<'_>, Vec<ReviewRow<'_>>)> = answered
        .chunk_by(|a, b| a.stem == b.stem && a.wording == b.wording)
        .filter_map(|group| Some((group.first()?, group.iter().map(row).collect())))
        .collect();
    let battery = parts.len();
    let parts: Vec<ReviewPart<'_>> = groups
        .iter()
        .map(|(first, rows)| ReviewPart {
            wording: first.wording,
            stem: first.stem,
            rows,
        })
        .collect();
    let page = Review {
        frame,
        parts: &parts,
        reading: lead::reading(door, frame.words),
        action: &visit.address("/send"),
        battery,
        back: answered.last().map(|row| row.change.as_str()),
    };
    visit.page(StatusCode::OK, &page)
}

fn answered<'a>(
    number: Counted,
    change: String,
    part: &Part<'a>,
    position: usize,
    language: Language,
) -> Option<Answered<'a>> {
    let (texts, wording) = lead::texts(part.instrument, language);
    let words = texts.items.get(position)?;
    // The instruction stands above answers whose questions share nothing else; it does not begin anew at a last question without a stem.
    let is_bare = texts.items.iter().all(|item| item.stem.is_none());
    let instruction = texts.instruction.as_deref().filter(|_| is_bare);
    Some(Answered {
        wording,
        stem: words.stem.as_deref().or(instruction).unwrap_or(""),
        number,
        text: &words.text,
        answer: reviewed(part, position, words),
        change,
    })
}

fn reviewed<'a>(part: &Part<'a>, position: usize, words: &'a ItemTexts) -> Reviewed<'a> {
    let item = part.instrument.items.get(position);
    let said = |value: i16| -> Option<&'a str> {
        let option = item?.option_with(value)?;
        words.options.get(option).map(String::as_str)
    };
    match part.answers.at(position) {
        Answer::Blank => Reviewed::Nothing,
        Answer::Declined => Reviewed::Declined,
        Answer::Value(value) => match said(value) {
            Some(words) => Reviewed::Option(words),
            None => Reviewed::Typed(value.to_string()),
        },
        Answer::Several(ticks) => Reviewed::Options(ticks.values().filter_map(said).collect()),
        Answer::Words => {
            Reviewed::Typed(part.answers.words(position).unwrap_or_default().to_owned())
        }
    }
}

fn row<'a>(answered: &'a Answered<'a>) -> ReviewRow<'a> {
    ReviewRow {
        number: answered.number,
        text: answered.text,
        answer: &answered.answer,
        change: &answered.change,
    }
}

/// "Send my answers" under the review.
pub async fn send(visit: Visit, fields: Result<Fields, FormTrouble>) -> Page {
    let fields = visit.fields(fields).await?;
    let intent = match fields.one("parts").parse() {
        Ok(shown) => Intent::SendShown(shown),
        Err(_) => Intent::Send,
    };
    let receipt = visit.take(Sheet::Empty, Layout::Page, intent).await?;
    let next = match receipt.stage {
        Stage::More { next, .. } => question_or_review(next),
        _ => "/end".to_owned(),
    };
    Ok(visit.go(&help_first(&next, receipt.support)))
}
