//! One handler a page and one a button. GET shows and changes nothing; POST saves before it answers.

use super::lead::{self, Opened, frame, reading, trouble};
use super::view::{
    Choice, End, EndTone, List, ListButton, ListItem, Missing, NoticeKind, Question, Review,
    ReviewPart, ReviewRow, Start, Support,
};
use crate::app::link::Token;
use crate::app::take_answers::{self, Receipt, Refusal, Stage, TakeAnswers};
use crate::app::{Failure, begin, decline, take_answers::take_answers};
use crate::domain::care::{AdministrationState, Layout};
use crate::domain::instrument::{Instrument, ItemTexts, Texts};
use crate::domain::risk::{Tier, rules};
use crate::domain::schedule::local_time;
use crate::domain::submission::{self, Intent, Part, Sheet};
use crate::store::administration::Door;
use crate::web::form::{Fields, FormTrouble};
use crate::web::{Site, errors};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use chrono::NaiveDateTime;

/// Seconds one question takes, for "about N minutes".
const SECONDS_A_QUESTION: usize = 12;

/// A question's or part's number in an address. What is no number is 0, which no question has: a mistyped address leads on and not into a wall.
#[derive(Clone, Copy, serde::Deserialize)]
#[serde(from = "String")]
pub struct Number(usize);

impl From<String> for Number {
    fn from(text: String) -> Self {
        Number(text.parse().unwrap_or(0))
    }
}

/// The first page. Mail scanners open it too: it shows and changes nothing.
pub async fn start(
    site: web::Data<Site>,
    path: web::Path<String>,
    request: HttpRequest,
) -> HttpResponse {
    match lead::load_open(&site, &path).await {
        Ok(opened) => start_page(&opened, &path),
        Err(failure) => trouble(&site, failure, &path, site.peer(&request)).await,
    }
}

fn start_page(opened: &Opened, token: &str) -> HttpResponse {
    let Opened { door, parts } = opened;
    let questions: usize = parts.iter().map(|part| part.instrument.items.len()).sum();
    let until = local_day_words(door, door.slip.administration.expires_at);
    errors::page(
        StatusCode::OK,
        &Start {
            frame: frame(door),
            asked_by: &format!("{} at {}", door.clinician, door.clinic),
            reading: reading(door),
            questions,
            minutes: u32::try_from((questions * SECONDS_A_QUESTION).div_ceil(60))
                .unwrap_or(1)
                .max(1),
            saved: parts.iter().map(|part| part.answers.answered()).sum(),
            open_until: &until,
            action: &format!("/s/{token}"),
            not_me_action: &format!("/s/{token}/not-for-me"),
        },
    )
}

/// The start button. That somebody began is written down without keeping them waiting: no answer hangs on it.
pub async fn begin(
    site: web::Data<Site>,
    path: web::Path<String>,
    fields: Result<Fields, FormTrouble>,
    request: HttpRequest,
) -> HttpResponse {
    let fields = match fields {
        Ok(fields) => fields,
        Err(why) => return unread(&site, &path, why).await,
    };
    let Some(token) = Token::parse(&path) else {
        return trouble(
            &site,
            Failure::Refused(Refusal::Unknown),
            &path,
            site.peer(&request),
        )
        .await;
    };
    begin::begin(&site.app, token.hash());
    match fields.one("layout") {
        "list" => errors::see_other(&format!("/s/{path}/list/1")),
        _ => errors::see_other(&format!("/s/{path}/next")),
    }
}

/// On to the first open question, or to the review when there is none.
pub async fn next(
    site: web::Data<Site>,
    path: web::Path<String>,
    request: HttpRequest,
) -> HttpResponse {
    match lead::load_open(&site, &path).await {
        Ok(opened) => errors::see_other(&question_or_review(
            &path,
            submission::next_open(&opened.parts),
        )),
        Err(failure) => trouble(&site, failure, &path, site.peer(&request)).await,
    }
}

fn question_or_review(token: &str, number: Option<usize>) -> String {
    match number {
        Some(number) => format!("/s/{token}/q/{number}"),
        None => format!("/s/{token}/review"),
    }
}

/// One question on a page of its own.
pub async fn question(
    site: web::Data<Site>,
    path: web::Path<(String, Number)>,
    request: HttpRequest,
) -> HttpResponse {
    let (token, Number(number)) = path.into_inner();
    match lead::load_open(&site, &token).await {
        Ok(opened) => question_page(&opened, &token, number, Missing::Nothing),
        Err(failure) => trouble(&site, failure, &token, site.peer(&request)).await,
    }
}

fn question_page(opened: &Opened, token: &str, number: usize, missing: Missing) -> HttpResponse {
    let Opened { door, parts } = opened;
    let Some((part, place)) =
        submission::place(parts, number).and_then(|place| Some((parts.get(place.part)?, place)))
    else {
        return errors::see_other(&question_or_review(token, None));
    };
    if !part.instrument.is_asked(&part.answers, place.position) {
        return errors::see_other(&question_or_review(
            token,
            submission::next_asked(parts, number),
        ));
    }
    let texts = part
        .instrument
        .texts_or_english(&door.slip.administration.language);
    let Some(words) = texts.items.get(place.position) else {
        return errors::see_other(&question_or_review(token, None));
    };
    let back = match submission::asked_before(parts, number) {
        Some(before) => format!("/s/{token}/q/{before}"),
        None => format!("/s/{token}"),
    };
    let status = if missing == Missing::Asked {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    errors::page(
        status,
        &Question {
            frame: frame(door),
            number,
            total: parts.iter().map(|part| part.instrument.items.len()).sum(),
            stem: &stem_words(texts, place.position),
            text: &words.text,
            choices: &choices(part.instrument, place.position, words),
            chosen: part.answers.get(place.position).map(i32::from),
            missing,
            action: &format!("/s/{token}/q/{number}"),
            back: Some(&back),
            credit: &texts.credit,
        },
    )
}

/// What stands above an item: its stem, and above the first one the instrument's instruction too, as on the printed form.
fn stem_words(texts: &Texts, position: usize) -> String {
    let stem = texts
        .items
        .get(position)
        .and_then(|words| words.stem.as_deref());
    let instruction = texts.instruction.as_deref().filter(|_| position == 0);
    [instruction, stem]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// The stem that begins at an item of a list; empty while the one before goes on.
fn new_stem(texts: &[ItemTexts], position: usize) -> &str {
    let stem = |at: usize| texts.get(at).and_then(|words| words.stem.as_deref());
    match (position.checked_sub(1).map(stem), stem(position)) {
        (Some(before), Some(now)) if before != Some(now) => now,
        _ => "",
    }
}

fn choices<'a>(instrument: &Instrument, position: usize, words: &'a ItemTexts) -> Vec<Choice<'a>> {
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

/// "Save and continue" under one question.
pub async fn answer_question(
    site: web::Data<Site>,
    path: web::Path<(String, Number)>,
    fields: Result<Fields, FormTrouble>,
    request: HttpRequest,
) -> HttpResponse {
    let (token, Number(number)) = path.into_inner();
    let fields = match fields {
        Ok(fields) => fields,
        Err(why) => return unread(&site, &token, why).await,
    };
    if !fields.has("answer") && !fields.has("skip") {
        return match lead::load_open(&site, &token).await {
            Ok(opened) => question_page(&opened, &token, number, Missing::Asked),
            Err(failure) => trouble(&site, failure, &token, site.peer(&request)).await,
        };
    }
    let value = if fields.has("skip") {
        Ok(None)
    } else {
        fields.one("answer").parse().map(Some)
    };
    let Ok(value) = value else {
        return unreadable(&site, &token).await;
    };
    if fields.repeats() {
        return unreadable(&site, &token).await;
    }
    match take(
        &site,
        &token,
        Sheet::Question { number, value },
        Layout::Page,
        Intent::Save,
    )
    .await
    {
        Ok(Receipt {
            stage: Stage::Saved { next },
            support,
        }) => onward(&token, &question_or_review(&token, next), support),
        Ok(Receipt { support, .. }) => onward(&token, &question_or_review(&token, None), support),
        Err(failure) => sent_or_trouble(&site, failure, &token, &request).await,
    }
}

async fn take(
    site: &Site,
    token: &str,
    sheet: Sheet,
    layout: Layout,
    intent: Intent,
) -> Result<Receipt, Failure<Refusal>> {
    let token = Token::parse(token).ok_or(Failure::Refused(Refusal::Unknown))?;
    take_answers(
        &site.app,
        TakeAnswers {
            token_hash: token.hash(),
            sheet,
            layout,
            intent,
        },
    )
    .await
}

/// Help first, when an answer asks for it; else straight on.
fn onward(token: &str, next: &str, support: take_answers::Support) -> HttpResponse {
    match support {
        take_answers::Support::NotNow => errors::see_other(next),
        take_answers::Support::ShowNow => {
            let then = next
                .rsplit_once(token)
                .map_or("", |(_, tail)| tail.trim_start_matches('/'));
            errors::see_other(&format!("/s/{token}/support?then={then}"))
        }
    }
}

/// A second click leads to the end page like the first; everything else gets its calm page.
async fn sent_or_trouble(
    site: &Site,
    failure: Failure<Refusal>,
    token: &str,
    request: &HttpRequest,
) -> HttpResponse {
    match failure {
        Failure::Refused(Refusal::SentAlready) => errors::see_other(&format!("/s/{token}/end")),
        failure => trouble(site, failure, token, site.peer(request)).await,
    }
}

/// A form that did not arrive as it should: too large, too slow, or not to be read.
async fn unread(site: &Site, token: &str, why: FormTrouble) -> HttpResponse {
    lead::notice(
        site,
        why.status_code(),
        NoticeKind::Unreadable,
        Some(&format!("/s/{token}")),
    )
    .await
}

async fn unreadable(site: &Site, token: &str) -> HttpResponse {
    trouble(site, Failure::Refused(Refusal::Unreadable), token, None).await
}

/// All questions of one instrument in a list.
pub async fn list(
    site: web::Data<Site>,
    path: web::Path<(String, Number)>,
    request: HttpRequest,
) -> HttpResponse {
    let (token, Number(part)) = path.into_inner();
    match lead::load_open(&site, &token).await {
        Ok(opened) => list_page(&opened, &token, part, Missing::Nothing),
        Err(failure) => trouble(&site, failure, &token, site.peer(&request)).await,
    }
}

fn list_page(opened: &Opened, token: &str, number: usize, missing: Missing) -> HttpResponse {
    let Opened { door, parts } = opened;
    let Some(part) = number.checked_sub(1).and_then(|index| parts.get(index)) else {
        return errors::see_other(&question_or_review(token, None));
    };
    let texts = part
        .instrument
        .texts_or_english(&door.slip.administration.language);
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
    let items: Vec<ListItem<'_>> = list_items(part, &texts.items, &options, &fields);
    let back = if number == 1 {
        format!("/s/{token}")
    } else {
        format!("/s/{token}/list/{}", number - 1)
    };
    let status = if missing == Missing::Asked {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    errors::page(
        status,
        &List {
            frame: frame(door),
            part: number,
            parts: parts.len(),
            stem: &stem_words(texts, 0),
            items: &items,
            missing,
            button: if number == parts.len() {
                ListButton::Send
            } else {
                ListButton::Continue
            },
            action: &format!("/s/{token}/list/{number}"),
            back: Some(&back),
            credit: &texts.credit,
        },
    )
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

/// "Send my answers" or "Save and continue" under a list.
pub async fn answer_list(
    site: web::Data<Site>,
    path: web::Path<(String, Number)>,
    fields: Result<Fields, FormTrouble>,
    request: HttpRequest,
) -> HttpResponse {
    let (token, Number(number)) = path.into_inner();
    let fields = match fields {
        Ok(fields) => fields,
        Err(why) => return unread(&site, &token, why).await,
    };
    let Some(sheet) = read_sheet(&fields, number) else {
        return unreadable(&site, &token).await;
    };
    let anyway = fields.has("incomplete");
    let intent = match (fields.has("send"), fields.has("next"), anyway) {
        (true, _, _) => Intent::SendIfWhole(number - 1),
        (_, true, _) => Intent::Save,
        // "… without these answers": the last list hands in, an earlier one goes on.
        _ => match lead::load_open(&site, &token).await {
            Ok(opened) if opened.parts.len() == number => Intent::Send,
            Ok(_) => Intent::Save,
            Err(failure) => return sent_or_trouble(&site, failure, &token, &request).await,
        },
    };
    match take(&site, &token, sheet, Layout::List, intent).await {
        Ok(receipt) => after_list(&site, &token, number, receipt, anyway).await,
        Err(failure) => sent_or_trouble(&site, failure, &token, &request).await,
    }
}

/// The fields of a list as a sheet: `q3=2`. `None` when a field is none of ours, comes twice or is no number.
fn read_sheet(fields: &Fields, number: usize) -> Option<Sheet> {
    if fields.repeats() {
        return None;
    }
    let answers: Option<Vec<(String, i16)>> = fields
        .iter()
        .filter(|(name, _)| !["send", "next", "incomplete"].contains(name))
        .map(|(name, value)| Some((name.strip_prefix('q')?.to_owned(), value.parse().ok()?)))
        .collect();
    Some(Sheet::Whole {
        part: number.checked_sub(1)?,
        answers: answers?,
    })
}

async fn after_list(
    site: &Site,
    token: &str,
    number: usize,
    receipt: Receipt,
    anyway: bool,
) -> HttpResponse {
    let next = match receipt.stage {
        Stage::Sent => format!("/s/{token}/end"),
        Stage::Gaps if !anyway => format!("/s/{token}/list/{number}?open=1"),
        _ => format!("/s/{token}/list/{}", number + 1),
    };
    if receipt.support == take_answers::Support::NotNow && receipt.stage == Stage::Gaps && !anyway {
        return match lead::load_open(site, token).await {
            Ok(opened) => list_page(&opened, token, number, Missing::Asked),
            Err(failure) => trouble(site, failure, token, None).await,
        };
    }
    onward(token, &next, receipt.support)
}

/// All answers once more, before they are sent.
pub async fn review(
    site: web::Data<Site>,
    path: web::Path<String>,
    request: HttpRequest,
) -> HttpResponse {
    match lead::load_open(&site, &path).await {
        Ok(opened) => review_page(&opened, &path),
        Err(failure) => sent_or_trouble(&site, failure, &path, &request).await,
    }
}

struct Answered<'a> {
    stem: &'a str,
    number: usize,
    text: &'a str,
    answer: Option<&'a str>,
    change: String,
}

fn review_page(opened: &Opened, token: &str) -> HttpResponse {
    let Opened { door, parts } = opened;
    let answered: Vec<Answered<'_>> = submission::numbered(parts)
        .filter(|(_, part, position)| part.instrument.is_asked(&part.answers, *position))
        .filter_map(|(number, part, position)| {
            answered(
                number,
                part,
                position,
                &door.slip.administration.language,
                token,
            )
        })
        .collect();
    let rows: Vec<(&str, Vec<ReviewRow<'_>>)> = answered
        .chunk_by(|a, b| a.stem == b.stem)
        .map(group)
        .collect();
    let groups: Vec<ReviewPart<'_>> = rows
        .iter()
        .map(|(stem, rows)| ReviewPart { stem, rows })
        .collect();
    let back = answered.last().map(|row| row.change.as_str());
    errors::page(
        StatusCode::OK,
        &Review {
            frame: frame(door),
            parts: &groups,
            reading: reading(door),
            action: &format!("/s/{token}/send"),
            back,
        },
    )
}

fn answered<'a>(
    number: usize,
    part: &Part<'a>,
    position: usize,
    language: &str,
    token: &str,
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
        change: format!("/s/{token}/q/{number}"),
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
pub async fn send(
    site: web::Data<Site>,
    path: web::Path<String>,
    fields: Result<Fields, FormTrouble>,
    request: HttpRequest,
) -> HttpResponse {
    if let Err(why) = fields {
        return unread(&site, &path, why).await;
    }
    match take(&site, &path, Sheet::Empty, Layout::Page, Intent::Send).await {
        Ok(receipt) => onward(&path, &format!("/s/{path}/end"), receipt.support),
        Err(failure) => sent_or_trouble(&site, failure, &path, &request).await,
    }
}

/// Help, at once after an answer that asks for it. The answer is already saved.
pub async fn support(
    site: web::Data<Site>,
    path: web::Path<String>,
    request: HttpRequest,
) -> HttpResponse {
    let query = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
    let then = query
        .ok()
        .and_then(|query| query.0.into_iter().find(|(name, _)| name == "then"))
        .map(|(_, value)| value);
    let next = format!(
        "/s/{}/{}",
        *path,
        then.as_deref()
            .filter(|then| is_ours(then))
            .unwrap_or("next")
    );
    match lead::load(&site, &path).await {
        Ok(Opened { door, .. }) => errors::page(
            StatusCode::OK,
            &Support {
                frame: frame(&door),
                reading: reading(&door),
                next: &next,
            },
        ),
        Err(failure) => trouble(&site, failure, &path, site.peer(&request)).await,
    }
}

/// Only our own pages may follow the support page: letters, digits, one slash.
fn is_ours(then: &str) -> bool {
    let plain = then.split('?').next().unwrap_or_default();
    plain.split('/').count() <= 2
        && plain
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'/')
}

/// The last page; survives reload, back button and double click.
pub async fn end(
    site: web::Data<Site>,
    path: web::Path<String>,
    request: HttpRequest,
) -> HttpResponse {
    match lead::load(&site, &path).await {
        Ok(opened)
            if opened.door.slip.administration.state == AdministrationState::Completed.word() =>
        {
            end_page(&opened)
        }
        Ok(_) => errors::see_other(&format!("/s/{path}")),
        Err(failure) => trouble(&site, failure, &path, site.peer(&request)).await,
    }
}

fn end_page(opened: &Opened) -> HttpResponse {
    let Opened { door, parts } = opened;
    let crisis = parts.iter().any(|part| {
        rules::evaluate(part.instrument, &part.answers)
            .iter()
            .any(|hit| hit.tier() == Tier::Crisis)
    });
    let sent_at = door
        .slip
        .administration
        .ended_at
        .map_or_else(String::new, |at| local_moment_words(door, at));
    errors::page(
        StatusCode::OK,
        &End {
            frame: frame(door),
            tone: if crisis {
                EndTone::SupportFirst
            } else {
                EndTone::Thanks
            },
            sent_at: &sent_at,
            answered: parts.iter().map(|part| part.answers.answered()).sum(),
            asked: parts
                .iter()
                .map(|part| part.instrument.asked(&part.answers).count())
                .sum(),
            reading: reading(door),
            contact: None,
        },
    )
}

/// "This is not for me": closes the link and tells staff.
pub async fn not_for_me(
    site: web::Data<Site>,
    path: web::Path<String>,
    request: HttpRequest,
) -> HttpResponse {
    let Some(token) = Token::parse(&path) else {
        return trouble(
            &site,
            Failure::Refused(Refusal::Unknown),
            &path,
            site.peer(&request),
        )
        .await;
    };
    match decline::decline(&site.app, token.hash()).await {
        Ok(()) => errors::see_other(&format!("/s/{path}/closed")),
        Err(failure) => sent_or_trouble(&site, failure, &path, &request).await,
    }
}

/// After "This is not for me".
pub async fn closed(site: web::Data<Site>) -> HttpResponse {
    lead::notice(&site, StatusCode::OK, NoticeKind::NotForMe, None).await
}

fn local_day_words(door: &Door, at: NaiveDateTime) -> String {
    local(door, at).format("%A %-d %B").to_string()
}

fn local_moment_words(door: &Door, at: NaiveDateTime) -> String {
    local(door, at).format("%A %-d %B at %-I:%M %P").to_string()
}

fn local(door: &Door, at: NaiveDateTime) -> NaiveDateTime {
    local_time(door.time_zone.parse().unwrap_or(chrono_tz::UTC), at)
}

#[cfg(test)]
mod tests {
    use super::{new_stem, stem_words};
    use crate::domain::instrument::Library;

    #[test]
    fn a_list_says_the_stem_again_where_it_changes() {
        let library = Library::embedded();
        let texts = library
            .get("pc_ptsd_5")
            .expect("a shipped instrument")
            .texts_or_english("en");
        let begins: Vec<usize> = (0..texts.items.len())
            .filter(|at| !new_stem(&texts.items, *at).is_empty())
            .collect();
        assert_eq!(begins, [1]);
        assert_eq!(new_stem(&texts.items, 1), "In the past month, have you:");
    }

    #[test]
    fn the_instruction_stands_above_the_first_question_only() {
        let library = Library::embedded();
        let texts = library
            .get("pcl5")
            .expect("a shipped instrument")
            .texts_or_english("en");
        assert!(stem_words(texts, 0).starts_with("Below is a list of problems"));
        assert_eq!(
            stem_words(texts, 1),
            "In the past month, how much were you bothered by:"
        );
    }
}
