//! What somebody meets who wrote for so long that their sign-in ended meanwhile: their words, to be sent again once they have signed in. Nothing is stored.

use super::Frame;
use crate::web::errors;
use crate::web::form::Fields;
use crate::web::site::Site;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

#[derive(Template)]
#[template(path = "staff/signed_out.html")]
struct SignedOut {
    frame: Frame,
    /// Where the words were to go.
    action: String,
    fields: Vec<(String, String)>,
}

/// The page; `None` when nothing was written.
pub fn page(site: &Site, action: &str, fields: &Fields) -> Option<HttpResponse> {
    let fields: Vec<(String, String)> = fields
        .iter()
        .filter(|(_, value)| !value.trim().is_empty())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    if fields.is_empty() {
        return None;
    }
    let page = SignedOut {
        frame: Frame::outside(site),
        action: action.to_owned(),
        fields,
    };
    Some(errors::page(StatusCode::UNAUTHORIZED, &page))
}
