//! Pages for what went wrong, told apart by who reads them: patients always see where to get help; nobody sees the inside.

use super::last_resort::Plain;
use crate::store::Fault;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

/// What went wrong, in a sentence: `last_resort` makes a bare page of it, with help on it.
pub fn plain(status: StatusCode, words: &str) -> HttpResponse {
    let mut response = HttpResponse::build(status)
        .insert_header(("content-type", "text/plain; charset=utf-8"))
        .body(words.to_owned());
    let says = Plain::Sentence(words.to_owned());
    response.extensions_mut().insert(says);
    response
}

/// That there is no such page: `last_resort` says so in every language, with help.
pub fn nowhere() -> HttpResponse {
    let mut response = HttpResponse::NotFound().finish();
    response.extensions_mut().insert(Plain::Nowhere);
    response
}

/// The same for staff: no crisis lines, a way back.
pub fn plain_for_staff(status: StatusCode, words: &str) -> HttpResponse {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let body = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Attune</title><link rel=\"stylesheet\" href=\"{}\"><main id=\"main\"><h1>{words}</h1>\
         <p><a href=\"/\">Back to your first page</a></p></main></html>",
        super::assets::address("staff.css"),
    );
    HttpResponse::build(status)
        .insert_header(("content-type", "text/html; charset=utf-8"))
        .body(body)
}

/// A rendered page.
pub fn page(status: StatusCode, template: &impl askama::Template) -> HttpResponse {
    match template.render() {
        Ok(body) => HttpResponse::build(status)
            .insert_header(("content-type", "text/html; charset=utf-8"))
            .body(body),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            plain(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something went wrong on our side. Please try again.",
            )
        }
    }
}

/// On to another page; the browser asks for it with GET.
pub fn see_other(address: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header(("location", address))
        .finish()
}

/// Logs a fault once, where it is handled.
pub fn log(fault: &Fault) -> StatusCode {
    match fault {
        Fault::Overloaded | Fault::Slow | Fault::Stopped | Fault::Connect(_) => {
            tracing::error!(%fault, "a request could not be served");
            StatusCode::SERVICE_UNAVAILABLE
        }
        fault => {
            tracing::error!(%fault, "a request failed");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}
