//! One flag on one screen, and the acts on it. The page relays and never judges; what was typed survives every refusal.

use super::correction::CorrectionLine;
use super::flag_card::{
    self, AnswerRow, Assessed, Belonging, Card, Saying, acts, answers, belonging, card, missing,
};
use super::flag_words::{self, Here};
use super::mistakes::Mistakes;
use super::{Frame, SiteData, not_found, trouble};
use crate::app::Failure;
use crate::app::read_queue::{self, Around, Colleague};
use crate::app::review_flag::{self, Refusal};
use crate::domain::ids::FlagId;
use crate::domain::risk::acts::{Seen, TypedLevel};
use crate::domain::risk::closing::{Choice, Contact, Field, Level, Topic, Typed};
use crate::domain::schedule::local_day;
use crate::web::errors;
use crate::web::form::Fields;
use crate::web::site::Site;
use crate::web::visitor::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::TimeDelta;

/// The longest note, in characters.
const NOTE_MOST: usize = 1_000;

/// Something to tick or choose.
struct Tick {
    value: &'static str,
    words: &'static str,
    chosen: bool,
}

/// What is known of the patient's answers.
struct KnownView {
    words: String,
    reason: String,
}

#[derive(Template)]
#[template(path = "staff/flag.html")]
struct FlagPage {
    frame: Frame,
    may_act: bool,
    is_mine: bool,
    card: Card,
    /// Why nothing was done, where that is about no field.
    notice: Option<String>,
    mistakes: Mistakes,
    draft: Draft,
    /// Whether an assessment was typed that cannot be stored yet: it waits for "I have it".
    keeps_words: bool,
    topics: Vec<Tick>,
    levels: Vec<Tick>,
    contacts: Vec<Tick>,
    choices: Vec<Tick>,
    /// The days of a next check, as the date field takes them.
    check_days: String,
    colleagues: Vec<Colleague>,
    known: Option<KnownView>,
    knowable: Vec<String>,
    not_knowable: &'static str,
    /// The last days of a known level, likewise.
    known_days: String,
    closing: Option<Assessed>,
    belonging: Vec<Belonging>,
    answers: Vec<AnswerRow>,
    missing: String,
    corrections: Vec<CorrectionLine>,
    /// Whether answers that belong to it were entered in error.
    in_error: bool,
    acts: Vec<Saying>,
}

/// What was typed on the way to this page.
#[derive(Default)]
struct Draft {
    note: String,
    closing: Typed,
    to: String,
    hand_note: String,
    disagreement: String,
    level: TypedLevel,
}

impl Draft {
    fn of(fields: &Fields) -> Draft {
        let one = |name: &str| fields.one(name).to_owned();
        Draft {
            note: one("note"),
            closing: Typed {
                asked: fields.all(Field::Asked.word()).map(str::to_owned).collect(),
                level: one(Field::Level.word()),
                assessment: one(Field::Assessment.word()),
                plan: one(Field::Plan.word()),
                contact: one(Field::Contact.word()),
                contact_note: one(Field::ContactNote.word()),
                next_check_on: one(Field::NextCheck.word()),
                no_check_why: one(Field::NoCheckWhy.word()),
                choice: one(Field::Choice.word()),
            },
            to: one("to"),
            hand_note: one("hand_note"),
            disagreement: one("disagreement"),
            level: TypedLevel {
                up_to: one("up_to"),
                until_on: one("until_on"),
                reason: one("known_reason"),
            },
        }
    }
}

/// What went wrong on the way to this page, and what was typed.
#[derive(Default)]
struct Before {
    notice: Option<String>,
    mistakes: Mistakes,
    draft: Draft,
}

/// One flag with everything around it.
pub async fn page(site: SiteData, visitor: Visitor, path: web::Path<String>) -> HttpResponse {
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

fn ticks<W: Copy>(
    all: &'static [W],
    word: impl Fn(W) -> &'static str,
    words: impl Fn(W) -> &'static str,
    chosen: impl Fn(&str) -> bool,
) -> Vec<Tick> {
    all.iter()
        .map(|one| Tick {
            value: word(*one),
            words: words(*one),
            chosen: chosen(word(*one)),
        })
        .collect()
}

fn flag_page(
    site: &Site,
    visitor: &Visitor,
    around: &Around,
    frame: Frame,
    before: Before,
) -> FlagPage {
    let now = site.app.clock.now();
    let here = Here {
        library: site.app.library,
        zone: around.zone,
        now,
    };
    let (draft, today) = (before.draft, local_day(around.zone, now));
    let (card, typed) = (card(around, here), &draft.closing);
    let ahead = |days: i64| format!("min={today} max={}", today + TimeDelta::days(days));
    FlagPage {
        frame,
        may_act: visitor.staff.licence.is_some(),
        is_mine: around.entry.names.flag.owner_id == visitor.staff.id,
        notice: before.notice,
        mistakes: before.mistakes,
        keeps_words: card.can_acknowledge && card.is_crisis && typed.says_something(),
        topics: ticks(Topic::ALL, Topic::word, flag_words::topic_words, |word| {
            typed.asked.iter().any(|asked| asked == word)
        }),
        levels: ticks(Level::ALL, Level::word, flag_words::level_words, |word| {
            typed.level == word
        }),
        contacts: ticks(
            Contact::ALL,
            Contact::word,
            flag_words::contact_words,
            |word| typed.contact == word,
        ),
        choices: ticks(
            Choice::ALL,
            Choice::word,
            flag_words::choice_words,
            |word| typed.choice == word,
        ),
        check_days: ahead(crate::domain::risk::closing::CHECK_DAYS_MOST),
        colleagues: around.colleagues.clone(),
        known: around.known.as_ref().map(|(row, name)| KnownView {
            words: format!(
                "Answers up to {} are known until {}. Said by {name}, {}.",
                row.up_to,
                flag_words::day(row.until_on, here),
                flag_words::moment(row.set_at, here)
            ),
            reason: row.reason.clone(),
        }),
        knowable: around
            .knowable
            .iter()
            .flatten()
            .map(ToString::to_string)
            .collect(),
        not_knowable: around.knowable.as_ref().err().copied().unwrap_or(""),
        known_days: ahead(around.known_rule.days_most.into()),
        closing: around
            .closing
            .as_ref()
            .map(|row| flag_card::assessed(row, &around.entry.names.owner, here)),
        belonging: belonging(around, here),
        answers: answers(around, here),
        missing: missing(around, here.library),
        in_error: around.in_error,
        corrections: around
            .corrections
            .iter()
            .map(|row| CorrectionLine::of(row, String::new(), around.zone, now))
            .collect(),
        acts: acts(&around.entry, here),
        card,
        draft,
    }
}

/// "I have it." An assessment that was typed before is shown again, to be stored next.
pub async fn acknowledge(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    fields: Fields,
) -> HttpResponse {
    let (Ok(id), draft) = (path.parse(), Draft::of(&fields)) else {
        return not_found();
    };
    if let Some(mistakes) = too_long("note", &draft.note) {
        return wrong(&site, &visitor, id, mistakes, draft).await;
    }
    let note = draft.note.clone();
    match review_flag::acknowledge(&site.app, visitor.actor(), id, note).await {
        Ok(()) if draft.closing.says_something() => {
            let before = Before {
                notice: Some("You have it now. Your assessment is not stored yet: look through it and close.".into()),
                draft,
                ..Before::default()
            };
            show(&site, &visitor, id, StatusCode::OK, before).await
        }
        done => answer(&site, &visitor, id, done, draft, Onward::Flag).await,
    }
}

/// "Assessed and documented."
pub async fn close(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    fields: Fields,
) -> HttpResponse {
    let (Ok(id), draft) = (path.parse(), Draft::of(&fields)) else {
        return not_found();
    };
    let number = |name: &str| fields.one(name).parse().ok();
    let seen = number("seen")
        .zip(number("seen_answers"))
        .map(|(answer, answers)| Seen { answer, answers });
    let typed = draft.closing.clone();
    let done = review_flag::close(&site.app, visitor.actor(), id, typed, seen).await;
    answer(&site, &visitor, id, done, draft, Onward::Queue).await
}

/// "I take it over."
pub async fn claim(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    fields: Fields,
) -> HttpResponse {
    let (Ok(id), draft) = (path.parse(), Draft::of(&fields)) else {
        return not_found();
    };
    if let Some(mistakes) = too_long("note", &draft.note) {
        return wrong(&site, &visitor, id, mistakes, draft).await;
    }
    let done = review_flag::claim(&site.app, visitor.actor(), id, draft.note.clone()).await;
    answer(&site, &visitor, id, done, draft, Onward::Flag).await
}

/// "Please take this."
pub async fn hand_over(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    fields: Fields,
) -> HttpResponse {
    let (Ok(id), draft) = (path.parse(), Draft::of(&fields)) else {
        return not_found();
    };
    if let Some(mistakes) = too_long("hand_note", &draft.hand_note) {
        return wrong(&site, &visitor, id, mistakes, draft).await;
    }
    let (to, note) = (draft.to.parse().ok(), draft.hand_note.clone());
    let done = review_flag::hand_over(&site.app, visitor.actor(), id, to, note).await;
    answer(&site, &visitor, id, done, draft, Onward::Flag).await
}

/// "The rule is wrong here, because."
pub async fn disagree(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    fields: Fields,
) -> HttpResponse {
    let (Ok(id), draft) = (path.parse(), Draft::of(&fields)) else {
        return not_found();
    };
    let reason = draft.disagreement.clone();
    let done = review_flag::disagree(&site.app, visitor.actor(), id, reason).await;
    answer(&site, &visitor, id, done, draft, Onward::Flag).await
}

/// "These answers are known."
pub async fn set_level(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    fields: Fields,
) -> HttpResponse {
    let (Ok(id), draft) = (path.parse(), Draft::of(&fields)) else {
        return not_found();
    };
    let typed = draft.level.clone();
    let done = review_flag::set_level(&site.app, visitor.actor(), id, typed).await;
    answer(&site, &visitor, id, done, draft, Onward::Flag).await
}

/// "They are not, any more."
pub async fn end_level(site: SiteData, visitor: Visitor, path: web::Path<String>) -> HttpResponse {
    let Ok(id) = path.parse() else {
        return not_found();
    };
    let done = review_flag::end_level(&site.app, visitor.actor(), id).await;
    answer(&site, &visitor, id, done, Draft::default(), Onward::Flag).await
}

/// Where somebody goes on after an act.
#[derive(Clone, Copy)]
enum Onward {
    Flag,
    Queue,
}

fn too_long(field: &'static str, typed: &str) -> Option<Mistakes> {
    let length = typed.chars().count();
    (length > NOTE_MOST).then(|| {
        Mistakes::one(
            field,
            format!(
                "Write at most {NOTE_MOST} characters; these are {length}. Nothing was changed."
            ),
        )
    })
}

async fn wrong(
    site: &Site,
    visitor: &Visitor,
    id: FlagId,
    mistakes: Mistakes,
    draft: Draft,
) -> HttpResponse {
    let before = Before {
        notice: None,
        mistakes,
        draft,
    };
    show(site, visitor, id, StatusCode::UNPROCESSABLE_ENTITY, before).await
}

/// A second click and a colleague who was faster meet calm words on the flag's page, with its history below and what was typed in its place.
async fn answer(
    site: &Site,
    visitor: &Visitor,
    id: FlagId,
    done: Result<(), Failure<Refusal>>,
    draft: Draft,
    onward: Onward,
) -> HttpResponse {
    let refusal = match done {
        Ok(()) => {
            return errors::see_other(&match onward {
                Onward::Flag => format!("/flags/{id}"),
                Onward::Queue => "/queue".to_owned(),
            });
        }
        Err(Failure::Refused(Refusal::NoFlag)) => return not_found(),
        Err(Failure::Refused(refusal)) => refusal,
        Err(failure) => return trouble(&failure),
    };
    let mut mistakes = Mistakes::none();
    match &refusal {
        Refusal::Closing(all) => all
            .iter()
            .for_each(|one| mistakes.add(one.field.word(), one.words.clone())),
        Refusal::Fields(all) => all
            .iter()
            .for_each(|(field, words)| mistakes.add(field, words.clone())),
        Refusal::Unfit(unfit) => mistakes.add("to", unfit.to_string()),
        Refusal::NoFlag | Refusal::Flag(_) | Refusal::NoKnownLevel(_) => {
            let before = Before {
                notice: Some(refusal.to_string()),
                draft,
                ..Before::default()
            };
            return show(site, visitor, id, StatusCode::CONFLICT, before).await;
        }
    }
    wrong(site, visitor, id, mistakes, draft).await
}
