//! Help, at once after an answer that asks for it. The answer is already saved.

use super::lead::{self, Opened};
use super::preference::LANG;
use super::view::{self, Frame, Switch};
use super::visit::{Page, Visit};
use crate::domain::language::Language;
use crate::web::form::Fields;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

/// On to that end of an address, in the language that the form names, if it is one of ours.
pub fn in_language(visit: &Visit, tail: &str, fields: &Fields) -> HttpResponse {
    let mark = if tail.contains('?') { '&' } else { '?' };
    match fields.one(LANG).parse::<Language>() {
        Ok(language) => visit.go(&format!("{tail}{mark}{LANG}={language}")),
        Err(_) => visit.go(tail),
    }
}

/// The page with help on it.
pub async fn support(visit: Visit, request: HttpRequest) -> Page {
    let query = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
    let then = query
        .ok()
        .and_then(|query| query.0.into_iter().find(|(name, _)| name == "then"))
        .map(|(_, value)| value)
        .filter(|then| is_ours(then))
        .unwrap_or_else(|| "next".to_owned());
    let Opened { door, .. } = &visit.look().await?;
    let frame = Frame {
        switch: Switch::Link {
            before: &visit.address(&format!("/support?then={then}&lang=")),
        },
        ..visit.frame(door)
    };
    let page = view::Support {
        frame,
        reading: lead::reading(door, frame.words),
        next: &visit.address(&format!("/{then}")),
    };
    Ok(visit.page(StatusCode::OK, &page))
}

/// Only our own pages may follow the support page: letters, digits, hyphens, one slash.
fn is_ours(then: &str) -> bool {
    let plain = then.split('?').next().unwrap_or_default();
    plain.split('/').count() <= 2
        && plain
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/-".contains(&byte))
}
