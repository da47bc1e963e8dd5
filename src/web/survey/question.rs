//! One question on a page of its own.

use super::lead::{self, Opened};
use super::preference::LANG;
use super::stems::stem_words;
use super::support::{help_first, in_language};
use super::view::{Choice, Frame, Missing, Question, Switch};
use super::visit::{Page, Visit};
use crate::app::take_answers::Stage;
use crate::domain::care::Layout;
use crate::domain::instrument::{Instrument, ItemTexts};
use crate::domain::submission::{self, Intent, Sheet};
use crate::web::form::{Fields, FormTrouble};
use actix_web::HttpResponse;

/// Where a question's page is, or the review when there is no question more.
pub fn question_or_review(number: Option<usize>) -> String {
    match number {
        Some(number) => format!("/q/{number}"),
        None => "/review".to_owned(),
    }
}

/// One question.
pub async fn question(visit: Visit) -> Page {
    let opened = visit.open().await?;
    Ok(question_page(&visit, &opened, Missing::Nothing))
}

fn question_page(visit: &Visit, opened: &Opened, missing: Missing) -> HttpResponse {
    let Opened { door, parts } = opened;
    let number = visit.number;
    let elsewhere = |number| visit.go(&question_or_review(number));
    let Some((part, place)) =
        submission::place(parts, number).and_then(|place| Some((parts.get(place.part)?, place)))
    else {
        return elsewhere(None);
    };
    if !part.instrument.is_asked(&part.answers, place.position) {
        return elsewhere(submission::next_asked(parts, number));
    }
    let (texts, wording) = lead::texts(part.instrument, visit.language(door));
    let Some(words) = texts.items.get(place.position) else {
        return elsewhere(None);
    };
    let back = submission::asked_before(parts, number)
        .map_or_else(String::new, |before| format!("/q/{before}"));
    let page = Question {
        frame: Frame {
            switch: Switch::Button { first: "" },
            ..visit.frame(door)
        },
        number,
        total: parts.iter().map(|part| part.instrument.items.len()).sum(),
        wording,
        stem: &stem_words(texts, place.position),
        text: &words.text,
        choices: &choices(part.instrument, place.position, words),
        chosen: part.answers.get(place.position).map(i32::from),
        missing,
        action: &visit.address(&format!("/q/{number}")),
        back: Some(&visit.address(&back)),
        credit: &texts.credit,
    };
    visit.page(missing.status(), &page)
}

/// The answers to an item, in the printed order.
pub fn choices<'a>(
    instrument: &Instrument,
    position: usize,
    words: &'a ItemTexts,
) -> Vec<Choice<'a>> {
    let options = instrument
        .items
        .get(position)
        .map_or(&[][..], |item| &item.options);
    options
        .iter()
        .zip(&words.options)
        .map(|(option, label)| Choice {
            value: i32::from(option.value),
            label,
        })
        .collect()
}

/// "Save and continue" under one question, or another language, which saves too and stays.
pub async fn answer_question(visit: Visit, fields: Result<Fields, FormTrouble>) -> Page {
    let fields = visit.fields(fields).await?;
    let (number, stays) = (visit.number, fields.has(LANG));
    if !fields.has("answer") && !fields.has("skip") {
        if stays {
            return Ok(in_language(&visit, &format!("/q/{number}"), &fields));
        }
        let opened = visit.open().await?;
        return Ok(question_page(&visit, &opened, Missing::Asked));
    }
    let Some(value) = read_answer(&fields) else {
        return Err(visit.unreadable().await);
    };
    let sheet = Sheet::Question { number, value };
    let receipt = visit.take(sheet, Layout::Page, Intent::Save).await?;
    let next = match receipt.stage {
        _ if stays => Some(number),
        Stage::Saved { next } => next,
        _ => None,
    };
    let tail = help_first(&question_or_review(next), receipt.support);
    Ok(in_language(&visit, &tail, &fields))
}

/// The answer, or that the question is left out. `None` when it is no number or comes twice.
fn read_answer(fields: &Fields) -> Option<Option<i16>> {
    if fields.repeats() {
        None
    } else if fields.has("skip") {
        Some(None)
    } else {
        fields.one("answer").parse().ok().map(Some)
    }
}
