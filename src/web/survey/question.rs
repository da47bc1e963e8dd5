//! One question on a page of its own.

use super::control::{Complaint, STOOD, control};
use super::lead::{self, Opened};
use super::preference::LANG;
use super::stems::{opening_words, stem_words};
use super::support::in_language;
use super::view::{Frame, Question, Switch};
use super::visit::{FROM_REVIEW, Page, Visit};
use super::ways::help_first;
use crate::app::take_answers::Stage;
use crate::domain::care::Layout;
use crate::domain::instrument::{Answer, AnsweredBy};
use crate::domain::submission::{self, Entry, Intent, Sheet};
use crate::web::form::{Fields, FormTrouble};
use actix_web::HttpResponse;

/// The name of the answer's field.
const ANSWER: &str = "answer";

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
    Ok(question_page(&visit, &opened, &Complaint::Nothing))
}

fn question_page(visit: &Visit, opened: &Opened, complaint: &Complaint) -> HttpResponse {
    let Opened { door, parts } = opened;
    let number = visit.number;
    let elsewhere = |number| visit.go(&question_or_review(number));
    let Some((part, place)) =
        submission::place(parts, number).and_then(|place| Some((parts.get(place.part)?, place)))
    else {
        return elsewhere(None);
    };
    if !part.is_asked(place.position) {
        return elsewhere(submission::next_asked(parts, number));
    }
    let (texts, wording) = lead::texts(part.instrument, visit.language(door));
    let Some(words) = texts.items.get(place.position) else {
        return elsewhere(None);
    };
    let before = submission::asked_before(parts, number);
    let back = match (visit.from_review, before) {
        (true, _) => "/review".to_owned(),
        (false, Some(before)) => format!("/q/{before}"),
        (false, None) => String::new(),
    };
    let opens_part = part.is_carried(0) && (0..place.position).all(|at| part.is_carried(at));
    let stem = match opens_part {
        true => opening_words(texts, place.position),
        false => stem_words(texts, place.position),
    };
    let (counted, total) = submission::shown(parts, number);
    let frame = Frame {
        switch: Switch::Button { first: "" },
        ..visit.frame(door)
    };
    let said = &frame.words.question;
    let missing = complaint.kind();
    let page = Question {
        frame,
        number: counted,
        total,
        wording,
        more: match before {
            None => lead::more(parts, frame.words),
            Some(_) => "",
        },
        stem: &stem,
        text: &words.text,
        for_whom: lead::for_whom(part.instrument, frame.words),
        control: control(part, place.position, words, complaint, said),
        declined: part.answers.at(place.position) == Answer::Declined,
        stood: part.answers.words(place.position).is_some(),
        why: complaint.why(place.position, said),
        missing,
        action: &visit.address(&this(visit)),
        back: Some(&visit.address(&back)),
        credit: &texts.credit,
    };
    visit.page(missing.status(), &page)
}

/// "Save and continue" under one question, or another language, which saves too and stays.
pub async fn answer_question(visit: Visit, fields: Result<Fields, FormTrouble>) -> Page {
    let fields = visit.fields(fields).await?;
    let (number, stays) = (visit.number, fields.has(LANG));
    let entry = read_answer(&fields);
    if entry.is_empty() {
        if stays {
            return Ok(in_language(&visit, &this(&visit), &fields));
        }
        let opened = visit.open().await?;
        if !may_stay_empty(&opened, number) {
            return Ok(question_page(&visit, &opened, &Complaint::Asked));
        }
    }
    let stood = fields.has(STOOD);
    let sheet = Sheet::Question {
        number,
        entry,
        stood,
    };
    let receipt = visit.take(sheet, Layout::Page, Intent::Save).await?;
    let tail = match receipt.stage {
        Stage::Unfit(unfit) => {
            let complaint = Complaint::of(&unfit, &fields, |_| ANSWER.to_owned());
            let visit = visit.helping(receipt.support);
            let opened = visit.open().await?;
            return Ok(question_page(&visit, &opened, &complaint));
        }
        _ if stays => this(&visit),
        // One answer was put right; only a question that it has opened comes before the review.
        Stage::Saved { .. } if visit.from_review => {
            let opened = visit.open().await?;
            question_or_review(submission::next_gap(&opened.parts))
        }
        Stage::Saved { next } => question_or_review(next),
        _ => question_or_review(None),
    };
    let tail = help_first(&tail, receipt.support);
    Ok(in_language(&visit, &tail, &fields))
}

/// This question's own page.
fn this(visit: &Visit) -> String {
    match visit.from_review {
        true => format!("/q/{}?{FROM_REVIEW}", visit.number),
        false => format!("/q/{}", visit.number),
    }
}

/// Whether "Save and continue" goes on without a word from here: there is nothing to choose, only room to write.
fn may_stay_empty(opened: &Opened, number: usize) -> bool {
    let item = submission::place(&opened.parts, number).and_then(|place| {
        let part = opened.parts.get(place.part)?;
        part.instrument.items.get(place.position)
    });
    item.is_some_and(|item| item.answered_by == AnsweredBy::Words)
}

/// The answer, or that the question is left out.
fn read_answer(fields: &Fields) -> Entry {
    if fields.has("skip") {
        Entry::Declined
    } else {
        Entry::Typed(fields.all(ANSWER).map(str::to_owned).collect())
    }
}
