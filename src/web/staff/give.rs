//! "Give the form now": a fresh link, shown once as an address and as a code to scan.

use super::record::episode;
use super::{Frame, SiteData, not_found, trouble};
use crate::app::Failure;
use crate::app::give_form;
use crate::domain::ids::PatientId;
use crate::web::errors;
use crate::web::form::{Fields, FormTrouble};
use crate::web::visitor::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError, web};
use askama::Template;
use qrcode::{EcLevel, QrCode, render::svg};

#[derive(Template)]
#[template(path = "staff/give_form.html", whitespace = "minimize")]
pub(super) struct Given {
    pub(super) frame: Frame,
    pub(super) back: String,
    pub(super) what: String,
    /// Who answers it.
    pub(super) to: &'static str,
    pub(super) link: String,
    pub(super) qr: String,
    pub(super) open_until: String,
}

/// Makes a fresh link and shows it once: as an address and as a code to scan.
pub async fn give_form(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    fields: Result<Fields, FormTrouble>,
) -> HttpResponse {
    let Ok(id) = path.parse::<PatientId>() else {
        return not_found();
    };
    let fields = match fields {
        Ok(fields) => fields,
        Err(problem) => return problem.error_response(),
    };
    let ids: Vec<String> = fields.all("instrument").map(str::to_owned).collect();
    let handed = match give_form::give_form(
        &site.app,
        visitor.actor(),
        (id, episode(&fields)),
        ids.clone(),
    )
    .await
    {
        Ok(handed) => handed,
        Err(Failure::Refused(give_form::Refusal::NoPatient)) => return not_found(),
        Err(Failure::Refused(give_form::Refusal::Nothing)) => {
            let words = "No questionnaire was chosen. Go back and choose at least one.";
            return errors::plain_for_staff(StatusCode::UNPROCESSABLE_ENTITY, words);
        }
        Err(failure) => return trouble(&failure),
    };
    let names = ids
        .iter()
        .filter_map(|id| site.app.library.get(id))
        .map(|known| known.texts_or_english("en").short_name.as_str());
    let page = Given {
        back: format!("/patients/{id}"),
        what: names.collect::<Vec<_>>().join(", "),
        to: "the patient",
        qr: code(&handed.address).unwrap_or_default(),
        open_until: handed.open_until.format("%A %-d %B").to_string(),
        frame: Frame::of(&site, &visitor, "/caseload").await,
        link: handed.address,
    };
    errors::page(StatusCode::OK, &page)
}

/// The address as a code to scan; `None` when it is too long for one, which no address of ours is.
pub(super) fn code(link: &str) -> Option<String> {
    let drawn = QrCode::with_error_correction_level(link, EcLevel::M).ok()?;
    let svg = drawn
        .render::<svg::Color<'_>>()
        .min_dimensions(240, 240)
        .build();
    // Inside a page the drawing needs a name and no XML head.
    let (_, body) = svg.split_once("<svg")?;
    Some(format!(
        r#"<svg role="img" aria-label="The same link as a code to scan"{body}"#
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_a_named_drawing_without_inline_style() {
        let svg = code("https://forms.example.org/s/abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG")
            .unwrap();
        assert!(
            svg.starts_with("<svg role=\"img\"") && svg.ends_with("</svg>"),
            "{svg}"
        );
        assert!(!svg.contains("style=") && !svg.contains("<?xml"));
    }
}
