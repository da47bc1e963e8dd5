//! Help, at once after an answer that asks for it. The answer is already saved.

use super::lead::{frame, reading};
use super::view;
use super::visit::{Page, Visit};
use crate::app::take_answers::Support;
use crate::web::errors;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

/// Help first, when an answer asks for it; else straight on to the page with this end of an address.
pub fn onward(visit: &Visit, next: &str, support: Support) -> HttpResponse {
    match support {
        Support::NotNow => errors::see_other(&visit.address(next)),
        Support::ShowNow => {
            let then = next.trim_start_matches('/');
            errors::see_other(&visit.address(&format!("/support?then={then}")))
        }
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
    let opened = visit.look().await?;
    let page = view::Support {
        frame: frame(&opened.door),
        reading: reading(&opened.door),
        next: &visit.address(&format!("/{then}")),
    };
    Ok(errors::page(StatusCode::OK, &page))
}

/// Only our own pages may follow the support page: letters, digits, one slash.
fn is_ours(then: &str) -> bool {
    let plain = then.split('?').next().unwrap_or_default();
    plain.split('/').count() <= 2
        && plain
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'/')
}
