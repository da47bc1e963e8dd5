//! The page behind a mail's List-Unsubscribe (RFC 8058): GET shows one button and changes nothing, POST stops reminders at once, whoever sends it and without a
//! sign-in: a mail program's one click comes from its own servers.

use super::preference::Preference;
use super::view::{Frame, Notice, NoticeKind, Stop, Switch};
use crate::app::stop_reminders::{self, Reminders, Stoppable};
use crate::domain::ids::AdministrationId;
use crate::patient_words::words;
use crate::store::Fault;
use crate::web::line::read_line;
use crate::web::site::Site;
use crate::web::{assets, errors};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

/// Asks whether reminders should stop.
pub async fn ask(
    site: web::Data<Site>,
    request: HttpRequest,
    token: web::Path<String>,
) -> HttpResponse {
    let found = match form_of(&site, &token) {
        Some(form) => stop_reminders::look(&site.app, form).await,
        None => Ok(None),
    };
    answer(&site, &request, &token, found).await
}

/// Stops them.
pub async fn stop(
    site: web::Data<Site>,
    request: HttpRequest,
    token: web::Path<String>,
) -> HttpResponse {
    let found = match form_of(&site, &token) {
        Some(form) => stop_reminders::stop_reminders(&site.app, form).await,
        None => Ok(None),
    };
    answer(&site, &request, &token, found).await
}

fn form_of(site: &Site, token: &str) -> Option<AdministrationId> {
    stop_reminders::form_of(site.app.store.seal(), token)
}

async fn answer(
    site: &Site,
    request: &HttpRequest,
    token: &str,
    found: Result<Option<Stoppable>, Fault>,
) -> HttpResponse {
    let preference = Preference::of(request);
    let known = found.as_ref().ok().and_then(Option::as_ref);
    let words = words(preference.language(known.and_then(|known| known.language)));
    let line = site.crisis_line().await;
    // What stands in the address of a page is ours only when the token is.
    let address = known.map(|_| format!("/stop/{token}"));
    let switch = format!("{}?lang=", address.as_deref().unwrap_or_default());
    let clinic = known.map_or("", |found| found.clinic.as_str());
    let frame = Frame {
        words,
        help: site.app.help.said(words.language),
        switch: Switch::Link { before: &switch },
        css: assets::address("survey.css"),
        clinic,
        site_line: line.as_deref().map(read_line),
        tablet: None,
        help_first: false,
    };
    let notice = |kind| Notice {
        frame,
        kind,
        back: None,
        correct: None,
        contact: None,
    };
    let said = |said, action| Stop {
        frame,
        said,
        action,
    };
    match &found {
        Ok(Some(found)) => {
            let page = match found.reminders {
                Reminders::Sent => said(&words.stop.ask, address.as_deref()),
                Reminders::Stopped => said(&words.stop.done, None),
            };
            errors::page(StatusCode::OK, &page)
        }
        Ok(None) if site.throttle.is_guessing(site.peer(request)) => {
            errors::page(StatusCode::TOO_MANY_REQUESTS, &notice(NoticeKind::TooMany))
        }
        // Cut off, made up, or of before the site's key was replaced: pressing it again is of no use.
        Ok(None) => errors::page(StatusCode::NOT_FOUND, &said(&words.stop.unknown, None)),
        Err(fault) => errors::page(errors::log(fault), &notice(NoticeKind::Fault)),
    }
}
