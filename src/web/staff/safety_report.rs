//! The report on how soon people acted, as a page and a file. What is counted and what is hidden is the verb's.

use super::mistakes::Mistakes;
use super::periods::{self, Choice};
use super::safety::{MENU, Tab, tabs, warning};
use super::{Frame, SiteData, trouble};
use crate::app::Failure;
use crate::app::read_timeliness::{self, Of, RATES, Refusal, Timeliness, WEEKDAYS};
use crate::app::site_days::{SiteDays, is_held_to_the_grid, site_days};
use crate::domain::evaluation::{Rate, Shown, ShownTable};
use crate::store::Fault;
use crate::web::errors;
use crate::web::visitor::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::NaiveDate;

/// What the address may say.
#[derive(Debug, Clone, Default, serde::Deserialize)]
struct Ask {
    /// One of the periods on offer, as `2026-01-01..2026-03-31`; empty when the two days count.
    #[serde(default)]
    period: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
}

impl Ask {
    fn of(request: &HttpRequest) -> Ask {
        web::Query::<Ask>::from_query(request.query_string())
            .map(web::Query::into_inner)
            .unwrap_or_default()
    }

    /// Both days, or none.
    fn period(&self) -> Result<Option<(NaiveDate, NaiveDate)>, Mistakes> {
        let (from, to) = match self.period.split_once("..") {
            Some(days) => days,
            None => (&*self.from, &*self.to),
        };
        if from.is_empty() && to.is_empty() {
            return Ok(None);
        }
        let mut mistakes = Mistakes::none();
        let mut day = |field, text: &str| {
            let read = text.parse::<NaiveDate>().ok();
            if read.is_none() {
                mistakes.add(field, "Choose a day, or leave both empty.");
            }
            read.unwrap_or_default()
        };
        let period = (day("from", from), day("to", to));
        if mistakes.is_empty() {
            Ok(Some(period))
        } else {
            Err(mistakes)
        }
    }
}

#[derive(Template)]
#[template(path = "staff/safety_report.html")]
struct Page {
    frame: Frame,
    tabs: Vec<Tab>,
    warning: Option<String>,
    mistakes: Mistakes,
    from: String,
    to: String,
    /// The only periods that are shown, and their sort in words; `None`: any days.
    held_to: Option<(Vec<Choice>, &'static str)>,
    shown: Option<Figures>,
}

struct Figures {
    period: String,
    file: String,
    hides: bool,
    measures: Vec<Measure>,
    places: Vec<PlaceLine>,
    hours: Vec<TimeLine>,
    weekdays: Vec<TimeLine>,
    below: String,
    unfinished: String,
}

/// A figure of the whole site.
struct Measure {
    words: &'static str,
    share: Share,
}

/// A clinic, and its programs.
struct PlaceLine {
    clinic: String,
    program: String,
    is_clinic: bool,
    crisis: String,
    shares: Vec<Share>,
    minutes: String,
    review: Share,
}

struct TimeLine {
    name: String,
    share: Share,
}

/// A share with its numerator and denominator.
struct Share {
    main: String,
    of: String,
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

fn count(shown: Shown) -> String {
    shown.value().map_or("hidden".to_owned(), |n| n.to_string())
}

const MEASURES: [(&str, Of, Of); 7] = [
    ("Crisis answers taken on in time", Of::AckInTime, Of::AckDue),
    ("Closed the same day", Of::ClosedSameDay, Of::CloseDue),
    ("Closed within 24 hours", Of::ClosedInADay, Of::CloseDue),
    (
        "Closed with a documented assessment",
        Of::Assessed,
        Of::Closed,
    ),
    ("Overdue now", Of::OverdueNow, Of::Crisis),
    (
        "Answers for review taken on in time",
        Of::ReviewInTime,
        Of::ReviewDue,
    ),
    ("Closed by now", Of::Closed, Of::Crisis),
];

/// The report.
pub async fn page(site: SiteData, visitor: Visitor, request: HttpRequest) -> HttpResponse {
    let ask = Ask::of(&request);
    let (status, mistakes, shown) = match read(&site, &visitor, &ask).await {
        Ok(report) => (StatusCode::OK, Mistakes::none(), Some(report)),
        Err(Wrong::Asked(mistakes)) => (StatusCode::UNPROCESSABLE_ENTITY, mistakes, None),
        Err(Wrong::Answer(answer)) => return answer,
    };
    let days = shown.as_ref().map_or((ask.from, ask.to), |report| {
        (report.from.to_string(), report.to.to_string())
    });
    let held_to = match held_to(&site, &visitor, shown.as_ref()).await {
        Ok(held_to) => held_to,
        Err(fault) => return trouble::<Refusal>(&fault.into()),
    };
    let page = Page {
        held_to,
        frame: Frame::of(&site, &visitor, MENU).await,
        tabs: tabs(visitor.staff.role, "/safety/report"),
        warning: warning(&site).await,
        mistakes,
        from: days.0,
        to: days.1,
        shown: shown.as_ref().map(figures),
    };
    errors::page(status, &page)
}

async fn held_to(
    site: &SiteData,
    visitor: &Visitor,
    shown: Option<&Timeliness>,
) -> Result<Option<(Vec<Choice>, &'static str)>, Fault> {
    if !is_held_to_the_grid(&visitor.actor()) {
        return Ok(None);
    }
    let (store, now) = (&site.app.store, site.app.clock.now());
    let days: Result<SiteDays, Fault> = store.read(move |tx| site_days(tx, now)).await;
    let days = days?;
    let chosen = shown.map(|report| (report.from, report.to));
    let list = periods::of_the_site(&days, chosen);
    Ok(Some((list, periods::sort(days.grid))))
}

/// Why there is no report.
enum Wrong {
    Asked(Mistakes),
    Answer(HttpResponse),
}

async fn read(site: &SiteData, visitor: &Visitor, ask: &Ask) -> Result<Timeliness, Wrong> {
    let period = ask.period().map_err(Wrong::Asked)?;
    read_timeliness::read_timeliness(&site.app, visitor.actor(), period)
        .await
        .map_err(|failure| match failure {
            Failure::Refused(refusal) => {
                let field = match refusal {
                    Refusal::Period => "from",
                    Refusal::TooFine(_) => "period",
                };
                Wrong::Asked(Mistakes::one(field, refusal.to_string()))
            }
            failure => Wrong::Answer(trouble(&failure)),
        })
}

/// The report as a file.
pub async fn csv(site: SiteData, visitor: Visitor, request: HttpRequest) -> HttpResponse {
    match read(&site, &visitor, &Ask::of(&request)).await {
        Ok(report) => HttpResponse::Ok()
            .insert_header(("content-type", "text/csv; charset=utf-8"))
            .insert_header((
                "content-disposition",
                "attachment; filename=\"timeliness.csv\"",
            ))
            .body(read_timeliness::csv(&report)),
        Err(Wrong::Asked(mistakes)) => {
            let words: Vec<&str> = mistakes.iter().map(|(_, words)| words).collect();
            errors::plain_for_staff(StatusCode::UNPROCESSABLE_ENTITY, &words.join(" "))
        }
        Err(Wrong::Answer(answer)) => answer,
    }
}

fn figures(report: &Timeliness) -> Figures {
    let (all, every) = (report.clinics.len(), report.programs.len());
    let measure = |(words, of, whole): (&'static str, Of, Of)| Measure {
        words,
        share: share(&report.rate(all, every, of, whole)),
    };
    let at = |of: Of| report.flags.at(all, every, of as usize);
    Figures {
        period: format!(
            "{} to {}",
            report.from.format("%-d %b %Y"),
            report.to.format("%-d %b %Y")
        ),
        file: format!("/safety/report.csv?from={}&to={}", report.from, report.to),
        hides: report.hides,
        measures: MEASURES.into_iter().map(measure).collect(),
        places: places(report),
        hours: times(report.hours.as_ref(), |hour| format!("{hour:02}:00")),
        weekdays: times(report.weekdays.as_ref(), |day| {
            WEEKDAYS.get(day).copied().unwrap_or_default().to_owned()
        }),
        below: count(report.below),
        unfinished: count(at(Of::Unfinished)),
    }
}

/// Each clinic as a whole, then its programs, as far as the table is broken down; a total of one would say the same twice.
fn places(report: &Timeliness) -> Vec<PlaceLine> {
    let (clinics, programs) = (report.clinics.len(), report.programs.len());
    let mut lines = vec![];
    for clinic in 0..=clinics {
        if clinic == clinics && clinics == 1 {
            continue;
        }
        if report.flags.tells_of(clinic, programs) {
            lines.push(place(report, clinic, programs));
        }
        let some = |program: &usize| {
            let crisis = report.flags.at(clinic, *program, Of::Crisis as usize);
            let review = report.flags.at(clinic, *program, Of::Review as usize);
            [crisis, review] != [Shown::Count(0); 2] && report.flags.tells_of(clinic, *program)
        };
        let own: Vec<usize> = (0..programs).filter(some).collect();
        if own.len() > 1 {
            lines.extend(
                own.into_iter()
                    .map(|program| place(report, clinic, program)),
            );
        }
    }
    lines
}

fn place(report: &Timeliness, clinic: usize, program: usize) -> PlaceLine {
    let whole = program == report.programs.len();
    let rate = |of, all| share(&report.rate(clinic, program, of, all));
    let minutes = report.minutes.get(clinic).copied().flatten();
    PlaceLine {
        clinic: report
            .clinics
            .get(clinic)
            .map_or("All clinics", String::as_str)
            .to_owned(),
        program: report
            .programs
            .get(program)
            .map_or("All programs", String::as_str)
            .to_owned(),
        is_clinic: whole,
        crisis: count(report.flags.at(clinic, program, Of::Crisis as usize)),
        shares: RATES
            .iter()
            .take(6)
            .filter(|(word, ..)| *word != "crisis_closed")
            .map(|(_, of, all)| rate(*of, *all))
            .collect(),
        minutes: match minutes {
            Some(minutes) if whole => format!("{} / {}", minutes.median, minutes.ninetieth),
            _ if whole && report.hides => "hidden".to_owned(),
            _ if whole => "–".to_owned(),
            _ => String::new(),
        },
        review: rate(Of::ReviewInTime, Of::ReviewDue),
    }
}

/// The rows in which there is something.
fn times(table: Option<&ShownTable>, name: impl Fn(usize) -> String) -> Vec<TimeLine> {
    let Some(table) = table else { return vec![] };
    (0..table.rows())
        .filter(|row| table.tells_of(*row, table.columns()))
        .map(|row| (row, Timeliness::in_time(table, row)))
        .filter(|(_, rate)| rate.denominator != Shown::Count(0))
        .map(|(row, rate)| TimeLine {
            name: name(row),
            share: share(&rate),
        })
        .collect()
}
