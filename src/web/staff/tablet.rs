//! "Hand over a tablet": a form is made, and a code that opens it on a tablet is shown once.

use super::give::code;
use super::record::episode;
use super::{Frame, SiteData, not_found, trouble};
use crate::app::Failure;
use crate::app::give_form::Refusal;
use crate::app::pair_tablet::{CODE_OPEN, hand_over as make};
use crate::domain::ids::PatientId;
use crate::web::errors;
use crate::web::form::{Fields, FormTrouble};
use crate::web::visitor::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError, web};
use askama::Template;

#[derive(Template)]
#[template(path = "staff/tablet.html", whitespace = "minimize")]
struct Page {
    frame: Frame,
    back: String,
    what: String,
    code: String,
    qr: String,
    address: String,
    minutes: i64,
}

/// Makes the form and the code.
pub async fn hand_over(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    fields: Result<Fields, FormTrouble>,
) -> HttpResponse {
    let (id, fields) = match (path.parse::<PatientId>(), fields) {
        (Ok(id), Ok(fields)) => (id, fields),
        (Err(_), _) => return not_found(),
        (_, Err(problem)) => return problem.error_response(),
    };
    let ids: Vec<String> = fields.all("instrument").map(str::to_owned).collect();
    let pairing = match make(
        &site.app,
        visitor.actor(),
        (id, episode(&fields)),
        ids.clone(),
    )
    .await
    {
        Ok(pairing) => pairing,
        Err(Failure::Refused(Refusal::NoPatient)) => return not_found(),
        Err(Failure::Refused(Refusal::Nothing)) => {
            let words = "No questionnaire was chosen. Go back and choose at least one.";
            return errors::plain_for_staff(StatusCode::UNPROCESSABLE_ENTITY, words);
        }
        Err(failure) => return trouble(&failure),
    };
    let names = ids
        .iter()
        .filter_map(|id| site.app.library.get(id))
        .map(|known| known.texts_or_english("en").short_name.as_str());
    let page = Page {
        back: format!("/patients/{id}"),
        what: names.collect::<Vec<_>>().join(", "),
        qr: code(&pairing.address).unwrap_or_default(),
        code: pairing.code,
        address: format!("{}/tablet", site.app.base_url),
        minutes: CODE_OPEN.num_minutes(),
        frame: Frame::of(&site, &visitor, "/caseload").await,
    };
    errors::page(StatusCode::OK, &page)
}
