//! Sending as staff see it: the log of every attempt, who has not answered, and numbers by clinic, language and channel. What is shown to whom is the
//! verbs'; the words are here. Nobody can know whether a message was delivered, so that word is not.

use super::words::short_names;
use super::words::{age, day_ago, language};
use super::{Frame, SiteData, trouble};
use crate::app::read_coverage::{self, Coverage, OfForms, OfPatients, SeenAs, read_coverage};
use crate::app::read_sending::{Log, read_sending};
use crate::app::read_unanswered::{Unanswered, WhoHasNot, read_unanswered};
use crate::app::site_days::is_held_to_the_grid;
use crate::domain::care::AdministrationState;
use crate::domain::evaluation::{Rate, Shown};
use crate::domain::ids::{Id, PatientId};
use crate::domain::message::{AttemptOutcome, MessageKind};
use crate::domain::schedule::{local_day, local_instant, local_time};
use crate::store::contact::Channel;
use crate::store::outbox::Lane;
use crate::store::send_log::{AttemptFilter, AttemptRow, AttemptState};
use crate::web::errors;
use crate::web::visitor::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta};
use chrono_tz::Tz;

/// One of the pages about sending, in the row of links on top.
struct Tab {
    address: &'static str,
    words: &'static str,
    here: bool,
}

fn tabs(here: &str) -> Vec<Tab> {
    let tab = |(address, words)| Tab {
        address,
        words,
        here: address == here,
    };
    [
        ("/sending", "Every attempt"),
        ("/sending/unanswered", "Who has not answered"),
        ("/sending/numbers", "Numbers"),
    ]
    .map(tab)
    .into()
}

/// A choice in a list.
struct Choice {
    value: String,
    words: String,
    chosen: bool,
}

/// What the address may say; all of it may be missing, and what makes no sense is passed over.
#[derive(Debug, Clone, Default, serde::Deserialize)]
struct Ask {
    #[serde(default)]
    state: String,
    #[serde(default)]
    clinic: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    before: String,
    #[serde(default)]
    after: String,
}

impl Ask {
    fn of(request: &HttpRequest) -> Ask {
        web::Query::<Ask>::from_query(request.query_string())
            .map(web::Query::into_inner)
            .unwrap_or_default()
    }

    fn filter(&self, zone: Tz) -> AttemptFilter {
        let day = |text: &str| text.parse::<NaiveDate>().ok();
        AttemptFilter {
            state: self.state.parse().ok(),
            clinic: self.clinic.parse().ok(),
            from: day(&self.from).map(|day| local_instant(zone, day, 0)),
            until: day(&self.to)
                .and_then(|day| day.succ_opt())
                .map(|day| local_instant(zone, day, 0)),
            before: read_key(&self.before),
        }
    }

    /// The address of the same question, one page on.
    fn on(&self, key: &str) -> String {
        let mut address = format!("/sending?before={key}");
        // Only what filters is said again.
        let is_day = |text: &str| text.parse::<chrono::NaiveDate>().is_ok();
        for (name, value, filters) in [
            (
                "state",
                &self.state,
                self.state.parse::<AttemptState>().is_ok(),
            ),
            (
                "clinic",
                &self.clinic,
                self.clinic.parse::<crate::domain::ids::ClinicId>().is_ok(),
            ),
            ("from", &self.from, is_day(&self.from)),
            ("to", &self.to, is_day(&self.to)),
        ] {
            if filters {
                address.push_str(&format!("&{name}={value}"));
            }
        }
        address
    }
}

/// Where a page goes on: an instant in microseconds, and an id.
fn key<K>(at: NaiveDateTime, id: Id<K>) -> String {
    format!("{}-{id}", at.and_utc().timestamp_micros())
}

fn read_key<K>(text: &str) -> Option<(NaiveDateTime, Id<K>)> {
    let (at, id) = text.split_once('-')?;
    let at = DateTime::from_timestamp_micros(at.parse().ok()?)?;
    Some((at.naive_utc(), id.parse().ok()?))
}

#[derive(Template)]
#[template(path = "staff/sending.html")]
struct LogPage {
    frame: Frame,
    tabs: Vec<Tab>,
    states: Vec<Choice>,
    clinics: Vec<Choice>,
    from: String,
    to: String,
    lines: Vec<AttemptLine>,
    asked: bool,
    on: Option<String>,
}

struct AttemptLine {
    at: String,
    patient_id: PatientId,
    patient: String,
    what: String,
    by: &'static str,
    state: &'static str,
    class: &'static str,
    why: String,
    clinic: String,
}

/// The log.
pub async fn log(site: SiteData, visitor: Visitor, request: HttpRequest) -> HttpResponse {
    let ask = Ask::of(&request);
    let zone = match site
        .app
        .store
        .read(crate::app::read_caseload::site_zone)
        .await
    {
        Ok(zone) => zone,
        Err(fault) => return trouble::<std::convert::Infallible>(&fault.into()),
    };
    let log = match read_sending(&site.app, visitor.actor(), ask.filter(zone)).await {
        Ok(log) => log,
        Err(failure) => return trouble(&failure),
    };
    let last = log.attempts.last().filter(|_| log.goes_on);
    let frame = Frame::of(&site, &visitor, "/sending").await;
    let page = LogPage {
        frame,
        tabs: tabs("/sending"),
        states: states(&ask.state),
        clinics: clinics(&log, &ask.clinic),
        on: last.map(|row| ask.on(&key(row.at, row.id))),
        asked: ![&ask.state, &ask.clinic, &ask.from, &ask.to, &ask.before]
            .iter()
            .all(|text| text.is_empty()),
        lines: log.attempts.iter().map(|row| line(row, &log)).collect(),
        from: ask.from,
        to: ask.to,
    };
    errors::page(StatusCode::OK, &page)
}

fn states(chosen: &str) -> Vec<Choice> {
    let choice = |state: &AttemptState| Choice {
        value: state.word().to_owned(),
        words: said(*state).to_owned(),
        chosen: state.word() == chosen,
    };
    AttemptState::ALL.iter().map(choice).collect()
}

fn clinics(log: &Log, chosen: &str) -> Vec<Choice> {
    let choice = |(id, name): &(crate::domain::ids::ClinicId, String)| Choice {
        value: id.to_string(),
        words: name.clone(),
        chosen: id.to_string() == chosen,
    };
    log.clinics.iter().map(choice).collect()
}

/// A state as staff read it.
fn said(state: AttemptState) -> &'static str {
    match state {
        AttemptState::Queued => "queued, tried again",
        AttemptState::Accepted => "accepted by relay",
        AttemptState::Refused => "refused",
        AttemptState::Bounced => "bounced",
        AttemptState::Answered => "answered",
        AttemptState::Unknown => "unknown: it may have arrived",
        AttemptState::Held => "held",
        AttemptState::Withdrawn => "withdrawn",
    }
}

/// Where an attempt stands; `None` for a word of a newer program.
fn state_of(row: &AttemptRow) -> Option<AttemptState> {
    let outcome: AttemptOutcome = row.outcome.parse().ok()?;
    let form: AdministrationState = row.form_state.parse().ok()?;
    Some(AttemptState::of(outcome, form))
}

fn line(row: &AttemptRow, log: &Log) -> AttemptLine {
    let state = state_of(row);
    let at = local_time(log.zone, row.at);
    let day = day_ago(at.date(), local_day(log.zone, log.now));
    let explained = !matches!(state, Some(AttemptState::Accepted | AttemptState::Answered));
    AttemptLine {
        at: format!("{day}, {}", at.format("%H:%M")),
        patient_id: row.patient_id,
        patient: row.patient.clone(),
        what: what(&row.kind, row.number),
        by: by(&row.lane),
        state: state.map_or("unknown", said),
        class: match state {
            Some(AttemptState::Refused | AttemptState::Bounced) => "alarm",
            _ => "",
        },
        why: match explained {
            true => row.detail.clone(),
            false => String::new(),
        },
        clinic: row.clinic.clone(),
    }
}

/// What a message was, in words.
pub fn what(kind: &str, number: i32) -> String {
    match kind.parse() {
        Ok(MessageKind::Reminder) => format!("reminder {number}"),
        Ok(MessageKind::Invitation) => "invitation".to_owned(),
        _ => kind.replace('_', " "),
    }
}

/// By which channel, in words.
pub fn by(lane: &str) -> &'static str {
    match lane.parse() {
        Ok(Lane::Texts) => "text message",
        _ => "mail",
    }
}

#[derive(Template)]
#[template(path = "staff/sending_unanswered.html")]
struct UnansweredPage {
    frame: Frame,
    tabs: Vec<Tab>,
    waiting: Vec<FormLine>,
    missed: Vec<FormLine>,
    first: bool,
    on: Option<String>,
}

struct FormLine {
    patient_id: PatientId,
    patient: String,
    clinic: String,
    what: String,
    due: String,
    /// Until when, or when it ended.
    until: String,
    state: String,
    why: String,
    reminders: i64,
    missed: String,
}

/// Who has not answered.
pub async fn unanswered(site: SiteData, visitor: Visitor, request: HttpRequest) -> HttpResponse {
    let ask = Ask::of(&request);
    let after = read_key(&ask.after);
    let first = after.is_none();
    let found = match read_unanswered(&site.app, visitor.actor(), after).await {
        Ok(found) => found,
        Err(failure) => return trouble(&failure),
    };
    let last = found.waiting.last().filter(|_| found.goes_on);
    let on = last.map(|one| {
        let key = key(one.row.expires_at, one.row.id);
        format!("/sending/unanswered?after={key}")
    });
    let line = |one: &Unanswered| form_line(site.app.library, one, &found);
    let page = UnansweredPage {
        frame: Frame::of(&site, &visitor, "/sending").await,
        tabs: tabs("/sending/unanswered"),
        waiting: found.waiting.iter().map(line).collect(),
        missed: found.missed.iter().map(line).collect(),
        first,
        on,
    };
    errors::page(StatusCode::OK, &page)
}

fn form_line(
    library: &'static crate::domain::instrument::Library,
    one: &Unanswered,
    found: &WhoHasNot,
) -> FormLine {
    let row = &one.row;
    let today = local_day(found.zone, found.now);
    let day = |at: NaiveDateTime| local_day(found.zone, at);
    FormLine {
        patient_id: row.patient_id,
        patient: row.patient.clone(),
        clinic: row.clinic.clone(),
        what: short_names(library, &row.instruments),
        due: day_ago(day(row.due_at), today),
        until: match row.ended_at {
            Some(ended) => day_ago(day(ended), today),
            None => left(row.expires_at, found.now),
        },
        state: form_state(&row.state),
        why: row.ended_why.clone().unwrap_or_default(),
        reminders: one.reminders,
        missed: match one.missed {
            0 => "none".to_owned(),
            1 => "1 in a row".to_owned(),
            many => format!("{many} in a row"),
        },
    }
}

/// How long a form may still be answered.
fn left(expires_at: NaiveDateTime, now: NaiveDateTime) -> String {
    if expires_at <= now {
        return "runs out now".to_owned();
    }
    let left = expires_at - now;
    match left.num_days() {
        0 if left < TimeDelta::hours(1) => "less than an hour".to_owned(),
        0 => age(now, expires_at),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

/// A form's state as staff read it.
pub fn form_state(word: &str) -> String {
    match word.parse() {
        Ok(AdministrationState::Planned) => "planned".to_owned(),
        Ok(AdministrationState::Sent) => "not opened yet".to_owned(),
        Ok(AdministrationState::Opened) => "begun".to_owned(),
        Ok(AdministrationState::Completed) => "answered".to_owned(),
        Ok(AdministrationState::Declined) => "declined".to_owned(),
        Ok(AdministrationState::NotSeen) => "not seen".to_owned(),
        Ok(AdministrationState::Abandoned) => "abandoned: begun and not handed in".to_owned(),
        Ok(AdministrationState::Expired) => "expired before it was sent".to_owned(),
        Ok(AdministrationState::Cancelled) => "withdrawn".to_owned(),
        Err(_) => word.replace('_', " "),
    }
}

#[derive(Template)]
#[template(path = "staff/sending_numbers.html")]
struct NumbersPage {
    frame: Frame,
    tabs: Vec<Tab>,
    file: &'static str,
    hides: bool,
    clinics: Vec<ClinicLine>,
    languages: Vec<LanguageLine>,
    days: String,
    in_care: &'static str,
}

/// A clinic's forms of the last days.
struct ClinicLine {
    name: String,
    due: String,
    open: String,
    answered: Share,
    ended: Vec<Share>,
}

/// Patients of a language by channel.
struct LanguageLine {
    language: String,
    channel: &'static str,
    in_care: String,
    shares: Vec<Share>,
}

/// A share with its numerator and denominator.
struct Share {
    main: String,
    of: String,
}

/// The numbers for those who treat the patients.
pub async fn numbers(site: SiteData, visitor: Visitor) -> HttpResponse {
    show_numbers(site, visitor, SeenAs::Caseload).await
}

/// The numbers as an evaluation: without names, small ones hidden.
pub async fn coverage(site: SiteData, visitor: Visitor) -> HttpResponse {
    show_numbers(site, visitor, SeenAs::Evaluation).await
}

async fn show_numbers(site: SiteData, visitor: Visitor, seen_as: SeenAs) -> HttpResponse {
    let coverage = match read_coverage(&site.app, visitor.actor(), seen_as).await {
        Ok(coverage) => coverage,
        Err(failure) => return trouble(&failure),
    };
    let (here, tabs, file) = match seen_as {
        SeenAs::Caseload => ("/sending", tabs("/sending/numbers"), "/sending/numbers.csv"),
        SeenAs::Evaluation => ("/evaluation", vec![], "/sending/coverage.csv"),
    };
    let page = NumbersPage {
        frame: Frame::of(&site, &visitor, here).await,
        tabs,
        file,
        hides: seen_as == SeenAs::Evaluation,
        clinics: clinic_lines(&coverage),
        languages: language_lines(&coverage),
        days: days(&coverage),
        in_care: match is_held_to_the_grid(&visitor.actor()) {
            true => "Who is in care, and can be reached, is counted today.",
            false => "",
        },
    };
    errors::page(StatusCode::OK, &page)
}

/// First and last day in words.
fn days(coverage: &Coverage) -> String {
    let day = |day: NaiveDate| day.format("%-d %b %Y").to_string();
    let (from, to) = (coverage.period.from(), coverage.period.to());
    format!("{} to {}", day(from), day(to))
}

fn clinic_lines(coverage: &Coverage) -> Vec<ClinicLine> {
    let line = |clinic: usize| {
        let rate = |count| coverage.of_forms(clinic, count);
        let ended = [
            OfForms::Declined,
            OfForms::NotSeen,
            OfForms::Abandoned,
            OfForms::Expired,
        ];
        ClinicLine {
            name: coverage
                .clinics
                .get(clinic)
                .map_or_else(|| "All clinics".to_owned(), Clone::clone),
            due: count(rate(OfForms::Due).numerator),
            open: count(rate(OfForms::Open).numerator),
            answered: share(&rate(OfForms::Answered)),
            ended: ended.map(|count| share(&rate(count))).into(),
        }
    };
    // A total of one clinic would say the same twice.
    let last = match coverage.clinics.len() {
        1 => 0,
        many => many,
    };
    (0..=last).map(line).collect()
}

fn language_lines(coverage: &Coverage) -> Vec<LanguageLine> {
    let (rows, columns) = (coverage.languages.len(), Channel::ALL.len());
    let places = (0..=rows).flat_map(|row| (0..=columns).map(move |column| (row, column)));
    let nobody = |(row, column): &(usize, usize)| {
        coverage
            .of_patients(*row, *column, OfPatients::InCare)
            .denominator
            == Shown::Count(0)
    };
    // A total of one row would say the same twice.
    let parts = |of: usize, place: &dyn Fn(usize) -> (usize, usize)| {
        (0..of).filter(|at| !nobody(&place(*at))).count()
    };
    let repeats = |(row, column): &(usize, usize)| {
        (*column == columns && parts(columns, &|at| (*row, at)) == 1)
            || (*row == rows && parts(rows, &|at| (at, *column)) == 1)
    };
    places
        .filter(|place| !nobody(place) && !repeats(place))
        .map(|(row, column)| LanguageLine {
            language: coverage
                .languages
                .get(row)
                .map_or("All languages", |tag| language(tag))
                .to_owned(),
            channel: match Channel::ALL.get(column) {
                Some(Channel::Mail) => "mail",
                Some(Channel::Text) => "text message",
                Some(Channel::None) => "in the clinic only",
                None => "all channels",
            },
            in_care: count(
                coverage
                    .of_patients(row, column, OfPatients::InCare)
                    .numerator,
            ),
            shares: [
                OfPatients::Reachable,
                OfPatients::InLanguage,
                OfPatients::Answered,
            ]
            .map(|count| share(&coverage.of_patients(row, column, count)))
            .into(),
        })
        .collect()
}

fn count(shown: Shown) -> String {
    shown
        .value()
        .map_or_else(|| "hidden".to_owned(), |n| n.to_string())
}

fn share(rate: &Rate) -> Share {
    let (n, of) = (rate.numerator, rate.denominator);
    let main = match rate.share {
        _ if [n, of].contains(&Shown::Suppressed) => "hidden".to_owned(),
        Some(share) => format!("{:.0} %", share * 100.0),
        None => "–".to_owned(),
    };
    let of = match (n.value(), of.value()) {
        (Some(n), Some(of)) if of > 0 => format!("{n} of {of}"),
        _ => String::new(),
    };
    Share { main, of }
}

/// The numbers as a file, for those who treat the patients.
pub async fn numbers_csv(site: SiteData, visitor: Visitor) -> HttpResponse {
    file(site, visitor, SeenAs::Caseload).await
}

/// The numbers as a file, small ones hidden.
pub async fn coverage_csv(site: SiteData, visitor: Visitor) -> HttpResponse {
    file(site, visitor, SeenAs::Evaluation).await
}

async fn file(site: SiteData, visitor: Visitor, seen_as: SeenAs) -> HttpResponse {
    match read_coverage(&site.app, visitor.actor(), seen_as).await {
        Ok(coverage) => HttpResponse::Ok()
            .insert_header(("content-type", "text/csv; charset=utf-8"))
            .insert_header((
                "content-disposition",
                "attachment; filename=\"coverage.csv\"",
            ))
            .body(read_coverage::csv(&coverage)),
        Err(failure) => trouble(&failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{SendAttemptId, kind};
    use uuid::Uuid;

    #[test]
    fn a_page_goes_on_where_its_key_says() {
        let at = DateTime::from_timestamp_micros(1_772_467_200_123_456).unwrap();
        let id = SendAttemptId::from_uuid(Uuid::from_u128(7));
        let text = key(at.naive_utc(), id);
        assert_eq!(
            read_key::<kind::SendAttempt>(&text),
            Some((at.naive_utc(), id))
        );
        for bad in ["", "1", "x-y", "1-", "-1"] {
            assert_eq!(read_key::<kind::SendAttempt>(bad), None, "{bad}");
        }
    }

    #[test]
    fn no_state_says_delivered() {
        for state in AttemptState::ALL {
            assert!(!said(*state).contains("deliver"));
        }
    }

    #[test]
    fn a_filter_that_makes_no_sense_is_passed_over() {
        let ask = Ask {
            state: "\"><script>".into(),
            from: "soon".into(),
            ..Ask::default()
        };
        assert_eq!(ask.filter(Tz::UTC), AttemptFilter::default());
        assert_eq!(ask.on("1-2"), "/sending?before=1-2");
    }
}
