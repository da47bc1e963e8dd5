//! All questions of one instrument in a list.

use super::control::{Complaint, STOOD, control, entries, field};
use super::lead::{self, Opened};
use super::preference::LANG;
use super::question::question_or_review;
use super::stems::{new_stem, opening_words, stem_words};
use super::support::in_language;
use super::view::{Frame, List, ListButton, ListItem, Switch};
use super::visit::{Page, Visit};
use super::ways::help_first;
use crate::app::take_answers::{Receipt, Stage, Support};
use crate::domain::care::Layout;
use crate::domain::instrument::{Answer, AnsweredBy, ItemTexts};
use crate::domain::submission::{self, Intent, Left, Part, Sheet, Unfit};
use crate::patient_words::QuestionWords;
use crate::web::form::{Fields, FormTrouble};
use actix_web::HttpResponse;

/// The list.
pub async fn list(visit: Visit) -> Page {
    let opened = visit.open().await?;
    if !visit.offers_list() {
        return Ok(visit.go("/next"));
    }
    Ok(list_page(&visit, &opened, &Complaint::Nothing))
}

fn list_page(visit: &Visit, opened: &Opened, complaint: &Complaint) -> HttpResponse {
    let Opened { door, parts } = opened;
    let number = visit.number;
    let Some(part) = number.checked_sub(1).and_then(|index| parts.get(index)) else {
        return visit.go(&question_or_review(None));
    };
    let first_open = parts.iter().position(|part| !part.is_handed_in());
    if part.is_handed_in() {
        return match first_open {
            Some(open) => visit.go(&format!("/list/{}", open + 1)),
            None => visit.go(&question_or_review(None)),
        };
    }
    let (texts, wording) = lead::texts(part.instrument, visit.language(door));
    let button = if number == parts.len() {
        ListButton::Send
    } else {
        ListButton::Continue
    };
    let fields: Vec<String> = part
        .instrument
        .items
        .iter()
        .map(|item| field(&item.id))
        .collect();
    let is_first = first_open == number.checked_sub(1);
    let back = match is_first {
        true => String::new(),
        false => format!("/list/{}", number - 1),
    };
    let first = (0..texts.items.len()).find(|position| !part.is_carried(*position));
    let stem = match first {
        None | Some(0) => stem_words(texts, 0),
        Some(position) => opening_words(texts, position),
    };
    let frame = Frame {
        switch: Switch::Button {
            first: button.field(),
        },
        ..visit.frame(door)
    };
    let missing = complaint.kind();
    let page = List {
        frame,
        part: number,
        parts: parts.len(),
        wording,
        for_whom: lead::for_whom(part.instrument, frame.words),
        more: match is_first {
            true => lead::more(parts, frame.words),
            false => "",
        },
        stem: &stem,
        items: &list_items(
            part,
            &texts.items,
            &fields,
            complaint,
            &frame.words.question,
        ),
        stood: &stood(part),
        missing,
        button,
        action: &visit.address(&format!("/list/{number}")),
        back: Some(&visit.address(&back)),
        credit: &texts.credit,
    };
    visit.page(missing.status(), &page)
}

/// The items with an answer that this page can take back.
fn stood(part: &Part<'_>) -> String {
    let items = part.instrument.items.iter().enumerate();
    let stood = items.filter(|(position, item)| {
        item.answered_by != AnsweredBy::One
            && !part.is_carried(*position)
            && part.answers.is_answered(*position)
    });
    let ids: Vec<&str> = stood.map(|(_, item)| item.id.as_str()).collect();
    ids.join(" ")
}

fn list_items<'a>(
    part: &Part<'a>,
    texts: &'a [ItemTexts],
    fields: &'a [String],
    complaint: &Complaint,
    said: &QuestionWords,
) -> Vec<ListItem<'a>> {
    let gaps: Vec<_> = submission::gaps(part).collect();
    let first = (0..texts.len()).find(|position| !part.is_carried(*position));
    let items = part.instrument.items.iter().zip(texts).zip(fields);
    items
        .enumerate()
        .filter(|(position, _)| !part.is_carried(*position))
        .map(|(position, ((item, words), field))| ListItem {
            field,
            number: if item.is_numbered() { &item.id } else { "" },
            stem: match first == Some(position) {
                true => "",
                false => new_stem(texts, position),
            },
            text: &words.text,
            control: control(part, position, words, complaint, said),
            declined: part.answers.at(position) == Answer::Declined,
            why: complaint.why(position, said),
            gap: gaps.contains(&position),
        })
        .collect()
}

/// "Send my answers" or "Save and continue" under a list, or another language, which saves and stays.
pub async fn answer_list(visit: Visit, fields: Result<Fields, FormTrouble>) -> Page {
    let fields = visit.fields(fields).await?;
    let part = visit.number.checked_sub(1);
    let Some((part, sheet)) = part.and_then(|part| Some((part, read_sheet(&fields, part)?))) else {
        return Err(visit.unreadable().await);
    };
    if fields.has(LANG) {
        return stay(&visit, sheet, &fields).await;
    }
    let intent = intent(part, &fields);
    let receipt = visit.take(sheet, Layout::List, intent).await?;
    after_list(&visit, receipt, &fields).await
}

/// The same list in another language, with what was chosen on it.
async fn stay(visit: &Visit, sheet: Sheet, fields: &Fields) -> Page {
    let here = format!("/list/{}", visit.number);
    if matches!(&sheet, Sheet::Whole { answers, .. } if answers.iter().all(|(_, entry)| entry.is_empty()))
    {
        return Ok(in_language(visit, &here, fields));
    }
    let receipt = visit.take(sheet, Layout::List, Intent::Save).await?;
    if let Stage::Unfit(unfit) = &receipt.stage {
        return say_back(visit, (unfit, receipt.support), fields).await;
    }
    let tail = help_first(&here, receipt.support);
    Ok(in_language(visit, &tail, fields))
}

/// The list once more, with what was typed on it and does not fit yet. Everything else is saved.
async fn say_back(visit: &Visit, (unfit, support): (&[Unfit], Support), fields: &Fields) -> Page {
    let visit = &visit.helping(support);
    let opened = visit.open().await?;
    let part = visit.number.checked_sub(1);
    let items = part.and_then(|part| opened.parts.get(part));
    let named = |position: usize| {
        let item = items.and_then(|part| part.instrument.items.get(position));
        item.map_or_else(String::new, |item| field(&item.id))
    };
    let complaint = Complaint::of(unfit, fields, named);
    Ok(list_page(visit, &opened, &complaint))
}

/// What is asked for besides saving a list of this part, from 0.
fn intent(part: usize, fields: &Fields) -> Intent {
    if fields.has("send") {
        Intent::SendIfWhole(part)
    } else if fields.has("next") {
        Intent::Save
    } else {
        // "… without these answers": the last list hands in, an earlier one goes on.
        Intent::SendLast(part)
    }
}

/// The fields of a list as a sheet. `None` when a field is none of ours.
fn read_sheet(fields: &Fields, part: usize) -> Option<Sheet> {
    Some(Sheet::Whole {
        part,
        answers: entries(fields, &["send", "next", "incomplete", STOOD, LANG])?,
        stood: fields
            .one(STOOD)
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
        left: if fields.has("incomplete") {
            Left::Declined
        } else {
            Left::Blank
        },
    })
}

async fn after_list(visit: &Visit, receipt: Receipt, fields: &Fields) -> Page {
    let number = visit.number;
    let asked_again = match &receipt.stage {
        Stage::Unfit(unfit) => return say_back(visit, (unfit, receipt.support), fields).await,
        Stage::Gaps => !fields.has("incomplete"),
        Stage::Sent | Stage::More { .. } | Stage::Saved { .. } => false,
    };
    if asked_again && receipt.support == Support::NotNow {
        let opened = visit.open().await?;
        return Ok(list_page(visit, &opened, &Complaint::Asked));
    }
    let next = match receipt.stage {
        Stage::Sent => "/end".to_owned(),
        Stage::More { part, .. } => format!("/list/{}", part + 1),
        _ if asked_again => format!("/list/{number}?open=1"),
        _ => format!("/list/{}", number + 1),
    };
    Ok(visit.go(&help_first(&next, receipt.support)))
}
