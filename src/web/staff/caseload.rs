//! The home of therapists and supervisors: one line a patient, who needs a person first on top, with the reason in the row.

use super::patient::mark::Mark;
use super::patient::scales::band_words;
use super::words::{age, points};
use super::{Frame, SiteData, trouble};
use crate::app::read_caseload::{CaseLine, Caseload, ShownScale, Whose, read_caseload};
use crate::charts::{Sparkline, sparkline};
use crate::domain::access::Role;
use crate::domain::care::need::{Need, Quiet};
use crate::domain::instrument::Person;
use crate::domain::risk::policy::SignalRules;
use crate::web::errors;
use crate::web::visitor::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::{NaiveDate, NaiveDateTime};
use std::collections::{BTreeSet, HashMap};

/// Lines on one page: about a screen and a half, and under 30 KB.
const LINES: usize = 30;

/// How the list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Need,
    Name,
    Answer,
}

/// Which patients are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Show {
    Mine,
    All,
}

/// What the address asks for; anything odd is the default.
#[derive(Debug, Clone, Copy)]
struct Wish {
    show: Show,
    sort: Sort,
    page: usize,
}

impl Wish {
    fn of(query: &HashMap<String, String>, role: Role) -> Wish {
        let word = |name: &str| query.get(name).map_or("", String::as_str);
        Wish {
            show: match (word("show"), role) {
                ("all", _) | ("", Role::Supervisor) => Show::All,
                _ => Show::Mine,
            },
            sort: match word("sort") {
                "name" => Sort::Name,
                "answer" => Sort::Answer,
                _ => Sort::Need,
            },
            page: word("page").parse().unwrap_or(1).clamp(1, 10_000),
        }
    }

    fn address(self) -> String {
        let show = if self.show == Show::All {
            "all"
        } else {
            "mine"
        };
        let sort = match self.sort {
            Sort::Need => "need",
            Sort::Name => "name",
            Sort::Answer => "answer",
        };
        let page = if self.page > 1 {
            format!("&page={}", self.page)
        } else {
            String::new()
        };
        format!("/caseload?show={show}&sort={sort}{page}")
    }

    fn shown(self, show: Show) -> Wish {
        Wish {
            show,
            page: 1,
            ..self
        }
    }

    fn sorted(self, sort: Sort) -> Wish {
        Wish {
            sort,
            page: 1,
            ..self
        }
    }
}

/// A link of the page; `here` marks the one that is open.
struct Link {
    address: String,
    words: &'static str,
    here: bool,
}

/// A column whose head sorts the list.
struct Head {
    address: String,
    words: &'static str,
    sorted: bool,
}

/// One patient.
struct Line {
    address: String,
    name: String,
    external_id: String,
    clinic: String,
    clinician: String,
    reason: String,
    urgent: bool,
    spark: String,
    score: String,
    /// The id of the instrument of that score.
    instrument: String,
    scale: String,
    mark: Option<Mark>,
    last_answer: String,
    flags: Option<String>,
}

#[derive(Template)]
#[template(path = "staff/caseload.html", whitespace = "minimize")]
struct Page {
    frame: Frame,
    shows: Vec<Link>,
    need: Head,
    name: Head,
    answer: Head,
    lines: Vec<Line>,
    several_clinics: bool,
    all: bool,
    range: String,
    back: Option<String>,
    on: Option<String>,
    order: String,
}

/// The caseload.
pub async fn page(
    site: SiteData,
    visitor: Visitor,
    query: web::Query<HashMap<String, String>>,
) -> HttpResponse {
    let wish = Wish::of(&query, visitor.staff.role);
    let whose = match wish.show {
        Show::Mine => Whose::Clinicians(visitor.staff.id),
        Show::All => Whose::WithinReach,
    };
    let caseload = match read_caseload(&site.app, visitor.actor(), whose).await {
        Ok(caseload) => caseload,
        Err(failure) => return trouble(&failure),
    };
    let frame = Frame::of(&site, &visitor, "/caseload").await;
    errors::page(
        StatusCode::OK,
        &fill(frame, caseload, wish, site.app.clock.now()),
    )
}

fn fill(frame: Frame, mut caseload: Caseload, wish: Wish, now: NaiveDateTime) -> Page {
    sort(&mut caseload.lines, wish.sort);
    let several_clinics = caseload
        .lines
        .iter()
        .map(|line| line.row.episode.clinic_id)
        .collect::<BTreeSet<_>>()
        .len()
        > 1;
    let (count, pages) = (
        caseload.lines.len(),
        caseload.lines.len().div_ceil(LINES).max(1),
    );
    let page = wish.page.min(pages);
    let from = (page - 1) * LINES;
    let lines: Vec<_> = caseload
        .lines
        .iter()
        .skip(from)
        .take(LINES)
        .map(|case| line(case, caseload.today, now))
        .collect();
    let turn = |to: usize| Wish { page: to, ..wish }.address();
    Page {
        frame,
        shows: [
            (Show::Mine, "My patients"),
            (Show::All, "All of my clinics"),
        ]
        .map(|(show, words)| Link {
            address: wish.shown(show).address(),
            words,
            here: wish.show == show,
        })
        .into(),
        need: head(wish, Sort::Need, "Why here"),
        name: head(wish, Sort::Name, "Patient"),
        answer: head(wish, Sort::Answer, "Last answer"),
        several_clinics,
        all: wish.show == Show::All,
        range: range(from, lines.len(), count),
        back: (page > 1).then(|| turn(page - 1)),
        on: (page < pages).then(|| turn(page + 1)),
        lines,
        order: order(&caseload.rules),
    }
}

/// What "Why here" goes by, in words.
fn order(rules: &SignalRules) -> String {
    let mut words = "“Why here” puts waiting flags first, then reliably worse".to_owned();
    if let Some(weeks) = rules.not_on_track_weeks {
        words.push_str(&format!(
            ", then no reliable change in {weeks} weeks or more while not below the cut-off"
        ));
    }
    if let Some(days) = rules.silent_days {
        words.push_str(&format!(", then no answer in {days} days or more"));
    }
    words.push('.');
    if rules.not_on_track_weeks.is_some() || rules.silent_days.is_some() {
        words.push_str(
            " These times are the site’s own, as for its signals; they are no clinical limits.",
        );
    }
    words
}

fn head(wish: Wish, sort: Sort, words: &'static str) -> Head {
    Head {
        address: wish.sorted(sort).address(),
        words,
        sorted: wish.sort == sort,
    }
}

fn range(from: usize, shown: usize, count: usize) -> String {
    match (count, shown == count) {
        (1, _) => "1 patient".to_owned(),
        (_, true) => format!("{count} patients"),
        _ => format!("{} to {} of {count} patients", from + 1, from + shown),
    }
}

/// The list comes sorted by need; the other orders are stable, so equals stay by need.
fn sort(lines: &mut [CaseLine], sort: Sort) {
    match sort {
        Sort::Need => {}
        Sort::Name => lines.sort_by(|a, b| a.row.name.cmp(&b.row.name)),
        Sort::Answer => lines.sort_by_key(|line| line.last_answer_on),
    }
}

fn line(case: &CaseLine, today: NaiveDate, now: NaiveDateTime) -> Line {
    let shown = case.shown.as_ref();
    Line {
        address: format!("/patients/{}", case.row.patient_id),
        name: case.row.name.clone(),
        external_id: case.row.external_id.clone(),
        clinic: case.row.clinic.clone(),
        clinician: case.row.clinician.clone(),
        reason: reason(case, now),
        urgent: matches!(
            case.need,
            Need::CrisisOpen { .. } | Need::CrisisTaken { .. }
        ),
        spark: shown.map(spark).unwrap_or_default(),
        score: shown.map(score).unwrap_or_default(),
        instrument: shown.map_or_else(String::new, |shown| shown.instrument.id.clone()),
        scale: shown.map_or_else(String::new, |shown| short_name(shown).to_owned()),
        mark: shown.map(|shown| Mark::of(shown.change.as_ref(), shown.scale.change.as_ref())),
        last_answer: case
            .last_answer_on
            .map_or_else(|| "never".to_owned(), |day| days_ago(day, today)),
        flags: match case.flags.len() {
            0 => None,
            1 => Some("1 open".to_owned()),
            n => Some(format!("{n} open")),
        },
    }
}

/// How long ago an answer came, in days.
fn days_ago(day: NaiveDate, today: NaiveDate) -> String {
    match (today - day).num_days() {
        i64::MIN..=0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        days => format!("{days} days ago"),
    }
}

/// Why the row stands where it stands.
fn reason(case: &CaseLine, now: NaiveDateTime) -> String {
    let scale = case.shown.as_ref().map_or("", short_name);
    match case.need {
        Need::CrisisOpen { since } => {
            format!("Crisis flag, {} old, nobody has it", age(since, now))
        }
        Need::CrisisTaken { since } => format!("Crisis flag, {} old, not closed", age(since, now)),
        Need::FlagWaiting { since } => format!("Flag, {} old, not closed", age(since, now)),
        Need::ReliablyWorse => format!("Reliably worse on {scale}"),
        Need::Unchanged { weeks } => format!("No reliable change, {scale}, {weeks} weeks"),
        Need::Silent { days } => format!("No answer for {days} days"),
        Need::Quiet(Quiet::ReliablyBetter) => "Reliably better".to_owned(),
        Need::Quiet(Quiet::Steady) => "No reliable change".to_owned(),
        Need::Quiet(Quiet::NotComparable) => "Nothing to compare yet".to_owned(),
        Need::Quiet(Quiet::NoScore) => "No score yet".to_owned(),
    }
}

fn short_name(shown: &ShownScale) -> &str {
    &shown.instrument.texts_or_english("en").short_name
}

/// The last score with its band: `14 moderate`.
fn score(shown: &ShownScale) -> String {
    let value = points(shown.summary.last_value);
    let band = shown.summary.last_band.as_deref();
    let words = band.and_then(|band| band_words(shown.instrument, shown.scale, None, band));
    match words {
        Some((band, _)) => format!("{value} {band}"),
        None => value,
    }
}

fn spark(shown: &ShownScale) -> String {
    let values: Vec<f64> = shown
        .summary
        .recent
        .split_whitespace()
        .filter_map(|value| value.parse().ok())
        .collect();
    sparkline(&Sparkline {
        lowest: shown.scale.lowest,
        highest: shown.scale.highest,
        cut_off: shown
            .scale
            .cut_offs_for(Person::default())
            .next()
            .map(|cut_off| cut_off.limit.points()),
        values: &values,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(query: &[(&str, &str)], role: Role) -> Wish {
        let query = query
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Wish::of(&query, role)
    }

    #[test]
    fn a_therapist_begins_with_their_own_patients_and_a_supervisor_with_everybody() {
        assert_eq!(wish(&[], Role::Therapist).show, Show::Mine);
        assert_eq!(wish(&[], Role::Supervisor).show, Show::All);
        assert_eq!(wish(&[("show", "mine")], Role::Supervisor).show, Show::Mine);
    }

    #[test]
    fn an_odd_address_is_the_default() {
        let odd = wish(
            &[("show", "x"), ("sort", "<b>"), ("page", "-3")],
            Role::Therapist,
        );
        assert_eq!(odd.address(), "/caseload?show=mine&sort=need");
    }

    #[test]
    fn another_order_begins_at_the_first_page() {
        let third = wish(&[("page", "3")], Role::Therapist);
        assert_eq!(
            third.sorted(Sort::Name).address(),
            "/caseload?show=mine&sort=name"
        );
        assert_eq!(third.address(), "/caseload?show=mine&sort=need&page=3");
    }

    #[test]
    fn the_range_counts_from_one() {
        assert_eq!(
            (range(0, 30, 31), range(30, 1, 31), range(0, 1, 1)).0,
            "1 to 30 of 31 patients"
        );
        assert_eq!(range(0, 0, 0), "0 patients");
    }
}
