//! The page that needs nothing to be rendered, for when no other can be: the sentence that `errors::plain` gives, an answer without a page, a handler
//! that panicked. It always says where help is, in every language, because whoever reads it could not be asked for one.

use super::line::read_line;
use super::site::Site;
use super::{assets, headers};
use crate::domain::language::Language;
use crate::patient_words::help::Help;
use crate::patient_words::{Said, Words, words};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{HttpResponse, web};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// What a bare page says. Ours, never a person's: it is printed as it stands.
pub enum Plain {
    /// A sentence.
    Sentence(String),
    /// That there is no such page, in every language: any mistyped address leads there.
    Nowhere,
}

/// When nobody said more.
const OUR_SIDE: &str = "Something went wrong on our side. Wait a minute, then try again.";
const NOT_TAKEN: &str = "That could not be taken. Go back and try once more.";

/// Sees to it that every answer that is no page becomes one.
pub async fn whole<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let site = request.app_data::<web::Data<Site>>().cloned();
    let site = site.as_ref().map(|site| site.get_ref());
    let answered = match unwound(next.call(request)).await {
        Some(answered) => answered,
        None => {
            tracing::error!("a request could not be answered: its handler panicked");
            return Err(unanswered(site));
        }
    };
    let mut response = answered?.map_into_boxed_body();
    let status = response.status();
    if let Some(says) = wanted(&mut response) {
        let (_, body) = bare(site, status, &says).into_parts();
        response = response.map_body(|_, _| body);
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, html);
    }
    Ok(response)
}

/// What the page says that takes an answer's place; `None` when it is a page already.
fn wanted(response: &mut ServiceResponse<BoxBody>) -> Option<Plain> {
    let said = response.response_mut().extensions_mut().remove::<Plain>();
    let status = response.status();
    let failed = status.is_client_error() || status.is_server_error();
    let empty = !response.headers().contains_key(CONTENT_TYPE);
    match said {
        Some(said) => Some(said),
        None if status.is_server_error() && empty => Some(Plain::Sentence(OUR_SIDE.to_owned())),
        None if failed && empty => Some(Plain::Sentence(NOT_TAKEN.to_owned())),
        None => None,
    }
}

/// `None` when it panicked.
async fn unwound<F: Future>(work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    poll_fn(|context| {
        // What a handler holds is dropped with it; what outlives it (the store) is whole after any panic by its own means.
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(done)) => Poll::Ready(Some(done)),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}

/// The request went down with its handler, so that this answer passes nothing that would give it its headers.
fn unanswered(site: Option<&Site>) -> actix_web::Error {
    let says = Plain::Sentence(OUR_SIDE.to_owned());
    let mut response = bare(site, StatusCode::INTERNAL_SERVER_ERROR, &says);
    for (name, value) in headers::HEADERS {
        let (name, value) = (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
        response.headers_mut().insert(name, value);
    }
    InternalError::from_response("a panic", response).into()
}

fn bare(site: Option<&Site>, status: StatusCode, says: &Plain) -> HttpResponse {
    let main = match says {
        Plain::Sentence(words) => format!("<h1>{words}</h1>"),
        Plain::Nowhere => in_every_language(|words| &words.notice.unknown, |_| String::new()),
    };
    let body = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><meta name=\"color-scheme\" content=\"light dark\"><title>Check-in</title>\
         <link rel=\"stylesheet\" href=\"{}\"></head><body><main>{main}</main><footer id=\"help\">{}</footer></body></html>",
        assets::address("survey.css"),
        site.map_or_else(String::new, help),
    );
    HttpResponse::build(status)
        .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
        .body(body)
}

/// The country's lines in every language, and the site's own as it was at the start.
fn help(site: &Site) -> String {
    let foot = |language: &Language| {
        let (tag, said) = (language.word(), site.app.help.said(*language));
        format!("<p lang=\"{tag}\">{}</p>", said.foot)
    };
    let country: String = Language::ALL.iter().map(foot).collect();
    country + &own_line(site)
}

/// The site's own crisis line as it was at the start, as a paragraph of a page that cannot ask the database; empty when there was none.
fn own_line(site: &Site) -> String {
    let Some(stored) = &site.crisis_line_at_start else {
        return String::new();
    };
    let harmless = |text: &str| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('"', "&quot;")
    };
    let line = read_line(stored);
    let [label, shown, dial] = [line.label, line.shown, line.dial].map(harmless);
    format!("<p>{label}: <a href=\"tel:{dial}\">{shown}</a></p>")
}

/// A notice in every language, each with what `then` adds.
fn in_every_language(
    notice: fn(&'static Words) -> &'static Said,
    then: impl Fn(Language) -> String,
) -> String {
    let section = |language: &Language| {
        let (tag, said) = (language.word(), notice(words(*language)));
        let then = then(*language);
        format!(
            "<section lang=\"{tag}\"><h1>{}</h1><p>{}</p>{then}</section>\n",
            said.heading, said.text
        )
    };
    Language::ALL.iter().map(section).collect()
}

/// A page for whatever stands in front of us to show while we are down: it loads nothing, and says where help is in every language.
pub fn away(help: &Help) -> String {
    let foot = |language| format!("<p>{}</p>", help.said(language).foot);
    let sections = in_every_language(|words| &words.notice.away, foot);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><meta name=\"color-scheme\" content=\"light dark\"><title>Check-in</title></head>\n\
         <body>\n{sections}</body></html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_panics_is_caught_and_what_does_not_is_handed_on() {
        let broken = async {
            tokio::task::yield_now().await;
            "no number"
                .parse::<u8>()
                .expect("a test that breaks on purpose")
        };
        actix_web::rt::System::new().block_on(async {
            assert_eq!(unwound(async { 7 }).await, Some(7));
            assert_eq!(unwound(broken).await, None);
        });
    }
}
