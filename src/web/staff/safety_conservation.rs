//! Whether anything was lost between answers and acts, day by day, as supervisors see it. The counting is the verb's.

use super::safety::{MENU, Tab, tabs, warning};
use super::{Frame, SiteData, trouble};
use crate::app::read_conservation::{self, Conservation, DAYS, Difference, Figures, What};
use crate::web::errors;
use crate::web::visitor::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use chrono::{NaiveDate, TimeDelta};

#[derive(Template)]
#[template(path = "staff/safety_conservation.html")]
struct Page {
    frame: Frame,
    tabs: Vec<Tab>,
    warning: Option<String>,
    days: Vec<(String, Figures)>,
    all: Figures,
    differences: Vec<Line>,
    more: usize,
    earlier: String,
    later: Option<String>,
}

struct Line {
    day: String,
    what: &'static str,
    row: String,
    patient: Option<String>,
    flag: Option<String>,
}

/// The page; `?to=2026-03-02` says up to which day.
pub async fn page(site: SiteData, visitor: Visitor, request: HttpRequest) -> HttpResponse {
    let to = request
        .query_string()
        .split('&')
        .find_map(|pair| pair.strip_prefix("to="))
        .and_then(|text| text.parse().ok());
    let read = read_conservation::read_conservation(&site.app, visitor.actor(), to).await;
    let found = match read {
        Ok(found) => found,
        Err(failure) => return trouble(&failure),
    };
    let frame = Frame::of(&site, &visitor, MENU).await;
    let page = Page {
        frame,
        tabs: tabs(visitor.staff.role, "/safety/conservation"),
        warning: warning(&site).await,
        earlier: address(&found, |first, _| first - TimeDelta::days(1)),
        later: found
            .days
            .first()
            .filter(|(last, _)| *last < found.today)
            .map(|_| address(&found, |_, last| last + TimeDelta::days(DAYS.into()))),
        days: found
            .days
            .iter()
            .map(|(day, figures)| (day.format("%a %-d %b %Y").to_string(), *figures))
            .collect(),
        all: found.all,
        differences: found.differences.iter().map(line).collect(),
        more: found.more,
    };
    errors::page(StatusCode::OK, &page)
}

fn address(found: &Conservation, to: impl Fn(NaiveDate, NaiveDate) -> NaiveDate) -> String {
    let first = found.days.last().map_or(found.today, |(day, _)| *day);
    let last = found.days.first().map_or(found.today, |(day, _)| *day);
    format!("/safety/conservation?to={}", to(first, last))
}

fn line(one: &Difference) -> Line {
    Line {
        day: one.day.format("%a %-d %b %Y").to_string(),
        what: match one.what {
            What::NoFlag => "A rule names an answer in this response, and it is on no flag.",
            What::Unreadable => "This response cannot be read by the definition that it names.",
            What::NotInResponse => {
                "This answer is on a flag and not in its response, and the history does not say that it was changed."
            }
            What::NoAnswer => "No answer of this day raised this flag.",
            What::NoRaisedFlag => {
                "An answer of this day raised this flag, which was raised on another day or is not there."
            }
            What::NoState => "This flag stands in no state that there is.",
        },
        row: match (one.flag, one.response) {
            (Some(flag), _) => format!("flag {flag}"),
            (None, Some(response)) => format!("response {response}"),
            (None, None) => String::new(),
        },
        patient: one.patient.map(|id| id.to_string()),
        flag: one.flag.map(|id| id.to_string()),
    }
}
