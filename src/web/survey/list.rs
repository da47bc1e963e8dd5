//! All questions of one instrument in a list.

use super::lead::{self, Opened};
use super::preference::LANG;
use super::question::{choices, question_or_review};
use super::stems::{new_stem, stem_words};
use super::support::{help_first, in_language};
use super::view::{Choice, Frame, List, ListButton, ListItem, Missing, Switch};
use super::visit::{Calm, Page, Visit};
use crate::app::take_answers::{Receipt, Stage, Support};
use crate::domain::care::Layout;
use crate::domain::instrument::ItemTexts;
use crate::domain::submission::{self, Intent, Part, Sheet};
use crate::web::form::{Fields, FormTrouble};
use actix_web::HttpResponse;

/// The list.
pub async fn list(visit: Visit) -> Page {
    let opened = visit.open().await?;
    Ok(list_page(&visit, &opened, Missing::Nothing))
}

fn list_page(visit: &Visit, opened: &Opened, missing: Missing) -> HttpResponse {
    let Opened { door, parts } = opened;
    let number = visit.number;
    let Some(part) = number.checked_sub(1).and_then(|index| parts.get(index)) else {
        return visit.go(&question_or_review(None));
    };
    let (texts, wording) = lead::texts(part.instrument, visit.language(door));
    let button = if number == parts.len() {
        ListButton::Send
    } else {
        ListButton::Continue
    };
    let options: Vec<Vec<Choice<'_>>> = texts
        .items
        .iter()
        .enumerate()
        .map(|(position, words)| choices(part.instrument, position, words))
        .collect();
    let fields: Vec<String> = part
        .instrument
        .items
        .iter()
        .map(|item| format!("q{}", item.id))
        .collect();
    let back = match number {
        1 => String::new(),
        _ => format!("/list/{}", number - 1),
    };
    let page = List {
        frame: Frame {
            switch: Switch::Button {
                first: button.field(),
            },
            ..visit.frame(door)
        },
        part: number,
        parts: parts.len(),
        wording,
        stem: &stem_words(texts, 0),
        items: &list_items(part, &texts.items, &options, &fields),
        missing,
        button,
        action: &visit.address(&format!("/list/{number}")),
        back: Some(&visit.address(&back)),
        credit: &texts.credit,
    };
    visit.page(missing.status(), &page)
}

fn list_items<'a>(
    part: &Part<'a>,
    texts: &'a [ItemTexts],
    options: &'a [Vec<Choice<'a>>],
    fields: &'a [String],
) -> Vec<ListItem<'a>> {
    let gaps: Vec<_> = submission::gaps(part).collect();
    let items = part
        .instrument
        .items
        .iter()
        .zip(texts)
        .zip(options)
        .zip(fields)
        .enumerate();
    items
        .map(|(position, (((item, words), choices), field))| ListItem {
            field,
            number: if item.id == "0" { "" } else { &item.id },
            stem: new_stem(texts, position),
            text: &words.text,
            choices,
            chosen: part.answers.get(position).map(i32::from),
            gap: gaps.contains(&position),
        })
        .collect()
}

/// "Send my answers" or "Save and continue" under a list, or another language, which saves and stays.
pub async fn answer_list(visit: Visit, fields: Result<Fields, FormTrouble>) -> Page {
    let fields = visit.fields(fields).await?;
    let Some(sheet) = read_sheet(&fields, visit.number) else {
        return Err(visit.unreadable().await);
    };
    if fields.has(LANG) {
        return stay(&visit, sheet, &fields).await;
    }
    let anyway = fields.has("incomplete");
    let intent = intent(&visit, &fields).await?;
    let receipt = visit.take(sheet, Layout::List, intent).await?;
    after_list(&visit, receipt, anyway).await
}

/// The same list in another language, with what was chosen on it.
async fn stay(visit: &Visit, sheet: Sheet, fields: &Fields) -> Page {
    let here = format!("/list/{}", visit.number);
    if matches!(&sheet, Sheet::Whole { answers, .. } if answers.is_empty()) {
        return Ok(in_language(visit, &here, fields));
    }
    let receipt = visit.take(sheet, Layout::List, Intent::Save).await?;
    let tail = help_first(&here, receipt.support);
    Ok(in_language(visit, &tail, fields))
}

async fn intent(visit: &Visit, fields: &Fields) -> Result<Intent, Calm> {
    if fields.has("send") {
        return Ok(Intent::SendIfWhole(visit.number - 1));
    }
    if fields.has("next") {
        return Ok(Intent::Save);
    }
    // "… without these answers": the last list hands in, an earlier one goes on.
    let opened = visit.open_or_end().await?;
    Ok(if opened.parts.len() == visit.number {
        Intent::Send
    } else {
        Intent::Save
    })
}

/// The fields of a list as a sheet: `q3=2`. `None` when a field is none of ours, comes twice or is no number.
fn read_sheet(fields: &Fields, number: usize) -> Option<Sheet> {
    if fields.repeats() {
        return None;
    }
    let answers: Option<Vec<(String, i16)>> = fields
        .iter()
        .filter(|(name, _)| !["send", "next", "incomplete", LANG].contains(name))
        .map(|(name, value)| Some((name.strip_prefix('q')?.to_owned(), value.parse().ok()?)))
        .collect();
    Some(Sheet::Whole {
        part: number.checked_sub(1)?,
        answers: answers?,
    })
}

async fn after_list(visit: &Visit, receipt: Receipt, anyway: bool) -> Page {
    let number = visit.number;
    let asked_again = receipt.stage == Stage::Gaps && !anyway;
    if asked_again && receipt.support == Support::NotNow {
        let opened = visit.open().await?;
        return Ok(list_page(visit, &opened, Missing::Asked));
    }
    let next = match receipt.stage {
        Stage::Sent => "/end".to_owned(),
        _ if asked_again => format!("/list/{number}?open=1"),
        _ => format!("/list/{}", number + 1),
    };
    Ok(visit.go(&help_first(&next, receipt.support)))
}
