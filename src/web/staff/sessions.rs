//! One patient's sessions: when they are and what became of them.

use super::enrol::Options;
use super::mistakes::Mistakes;
use super::{Frame, SiteData, not_found, trouble};
use crate::app::Failure;
use crate::app::set_session::{Card, Refusal, Typed, read_sessions, set_session};
use crate::domain::care::SessionState;
use crate::domain::ids::{CareSessionId, PatientId};
use crate::domain::schedule::local_time;
use crate::web::errors;
use crate::web::form::Fields;
use crate::web::site::Site;
use crate::web::visitor::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::NaiveDateTime;

/// How a browser writes an hour of a day.
const FIELD: &str = "%Y-%m-%dT%H:%M";

#[derive(Template)]
#[template(path = "staff/sessions.html")]
struct Page {
    frame: Frame,
    id: PatientId,
    name: String,
    external_id: String,
    zone: String,
    saved: bool,
    mistakes: Mistakes,
    sessions: Vec<Row>,
    states: Options,
    /// What was typed for a new one.
    at: String,
}

struct Row {
    id: CareSessionId,
    when: String,
    state: &'static str,
    /// What is in its fields.
    at: String,
    chosen: String,
    is_open: bool,
}

/// The page.
pub async fn page(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    request: HttpRequest,
) -> HttpResponse {
    let saved = request.query_string() == "saved";
    let before = (saved, Mistakes::none(), None);
    show(&site, &visitor, &path, StatusCode::OK, before).await
}

async fn show(
    site: &Site,
    visitor: &Visitor,
    id: &str,
    status: StatusCode,
    (saved, mistakes, typed): (bool, Mistakes, Option<Fields>),
) -> HttpResponse {
    let Ok(id) = id.parse::<PatientId>() else {
        return not_found();
    };
    let card = match read_sessions(&site.app, visitor.actor(), id).await {
        Ok(card) => card,
        Err(Failure::Refused(_)) => return not_found(),
        Err(failure) => return trouble(&failure),
    };
    let page = Page {
        frame: Frame::of(site, visitor, "/caseload").await,
        id,
        saved,
        mistakes,
        states: states(),
        at: match &typed {
            Some(fields) if fields.one("session").is_empty() => fields.one("at").to_owned(),
            _ => String::new(),
        },
        sessions: rows(&card, typed.as_ref()),
        zone: card.zone.name().to_owned(),
        name: card.patient.name,
        external_id: card.patient.external_id,
    };
    errors::page(status, &page)
}

fn rows(card: &Card, typed: Option<&Fields>) -> Vec<Row> {
    let row = |row: &crate::store::session::SessionRow| {
        let at = local_time(card.zone, row.starts_at);
        let id = row.id.to_string();
        let typed = typed.filter(|fields| fields.one("session") == id);
        Row {
            id: row.id,
            when: at.format("%a %-d %b %Y, %H:%M").to_string(),
            state: row.state.parse().map_or("unknown", in_words),
            at: typed.map_or_else(
                || at.format(FIELD).to_string(),
                |fields| fields.one("at").to_owned(),
            ),
            chosen: typed.map_or_else(
                || row.state.clone(),
                |fields| fields.one("state").to_owned(),
            ),
            is_open: typed.is_some(),
        }
    };
    card.sessions.iter().map(row).collect()
}

fn states() -> Options {
    let all = SessionState::ALL.iter();
    all.map(|state| (state.word().to_owned(), in_words(*state).to_owned()))
        .collect()
}

fn in_words(state: SessionState) -> &'static str {
    match state {
        SessionState::Planned => "planned",
        SessionState::Attended => "took place",
        SessionState::Cancelled => "called off",
        SessionState::Missed => "patient did not come",
    }
}

/// Adds a session, or changes the one that the form names.
pub async fn set(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    fields: Fields,
) -> HttpResponse {
    let Ok(who) = path.parse::<PatientId>() else {
        return not_found();
    };
    let which = match fields.one("session") {
        "" => Ok(None),
        text => text.parse().map(Some),
    };
    let state = match fields.one("state") {
        "" => Ok(SessionState::Planned),
        word => word.parse(),
    };
    let at = NaiveDateTime::parse_from_str(fields.one("at"), FIELD);
    let mistakes = match (at, which, state) {
        (Ok(at), Ok(which), Ok(state)) => {
            let typed = Typed { at, state };
            match set_session(&site.app, visitor.actor(), who, which, typed).await {
                Ok(()) => return errors::see_other(&format!("/patients/{who}/sessions?saved")),
                Err(Failure::Refused(Refusal::NoPatient)) => return not_found(),
                Err(Failure::Refused(refusal)) => {
                    let field = if which.is_some() { "sessions" } else { "at" };
                    Mistakes::one(field, refusal.to_string())
                }
                Err(failure) => return trouble(&failure),
            }
        }
        (Err(_), ..) => Mistakes::one("at", "Write day and hour, such as 2026-03-02T16:00."),
        _ => Mistakes::one(
            "sessions",
            "Choose from the list what became of the session.",
        ),
    };
    let before = (false, mistakes, Some(fields));
    show(
        &site,
        &visitor,
        &path,
        StatusCode::UNPROCESSABLE_ENTITY,
        before,
    )
    .await
}
