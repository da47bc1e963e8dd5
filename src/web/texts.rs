//! What the gateway for text messages tells us: a text somebody wrote to our number, and that one could not be passed on. Only what the gateway
//! signed is heard. What it means is `app::take_text` and `app::bounce_text`.

use super::errors;
use super::form::Fields;
use super::site::Site;
use crate::app::bounce_text::bounce_text;
use crate::app::take_text::{Wish, take_text};
use crate::domain::ids::OutboxId;
use crate::patient_words::help::Help;
use crate::patient_words::words;
use crate::texts::is_signed;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

/// Where the gateway sends what people write to our number.
pub const INCOMING: &str = "/texts/incoming";

/// Somebody wrote to our number. The answer is what the gateway texts back.
pub async fn incoming(site: web::Data<Site>, request: HttpRequest, fields: Fields) -> HttpResponse {
    if !is_from_gateway(&site, &request, &fields) {
        return refused();
    }
    let (phone, text) = (fields.one("From").to_owned(), fields.one("Body").to_owned());
    match take_text(&site.app, phone, text).await {
        // The gateway itself confirms STOP and START, as its rules demand.
        Ok(Wish::Stop | Wish::Start) => said(""),
        Ok(Wish::Words) => said(&nobody_reads(&site.app.help)),
        Err(fault) => errors::plain(errors::log(&fault), "Try again."),
    }
}

/// The gateway says how a text fared.
pub async fn status(
    site: web::Data<Site>,
    request: HttpRequest,
    path: web::Path<String>,
    fields: Fields,
) -> HttpResponse {
    if !is_from_gateway(&site, &request, &fields) {
        return refused();
    }
    let failed = ["undelivered", "failed"].contains(&fields.one("MessageStatus"));
    let id: Option<OutboxId> = path.parse().ok();
    let (Some(id), true) = (id, failed) else {
        return HttpResponse::NoContent().finish();
    };
    let code = fields.one("ErrorCode").to_owned();
    match bounce_text(&site.app, id, code).await {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(fault) => errors::plain(errors::log(&fault), "Try again."),
    }
}

fn is_from_gateway(site: &Site, request: &HttpRequest, fields: &Fields) -> bool {
    let signature = request
        .headers()
        .get("x-twilio-signature")
        .and_then(|value| value.to_str().ok());
    let (Some(secret), Some(signature)) = (&site.text_secret, signature) else {
        return false;
    };
    let address = format!("{}{}", site.origin, request.uri());
    let pairs: Vec<(&str, &str)> = fields.pairs().collect();
    is_signed(secret, &address, &pairs, signature)
}

fn refused() -> HttpResponse {
    tracing::warn!("a request that the text gateway did not sign was refused");
    errors::plain(
        StatusCode::FORBIDDEN,
        "This address is for the text gateway alone.",
    )
}

/// In every language: who writes may not be somebody we know.
fn nobody_reads(help: &Help) -> String {
    use crate::domain::language::Language;
    Language::ALL
        .iter()
        .map(|language| {
            let nobody = words(*language).text.nobody_reads;
            format!("{nobody} {}", help.said(*language).by_text)
        })
        .collect::<Vec<_>>()
        .join(" ")
}

/// The gateway's own little language: what to text back, if anything.
fn said(text: &str) -> HttpResponse {
    let message = match text {
        "" => String::new(),
        text => format!("<Message>{text}</Message>"),
    };
    HttpResponse::Ok()
        .content_type("text/xml; charset=utf-8")
        .body(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>{message}</Response>"
        ))
}
