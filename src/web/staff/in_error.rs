//! "Entered in error?": one occasion's answers, with the form that leaves them out of every count or lets them count again; and the lines of the patient's page about those that
//! are left out.

use super::patient::answers::{self, Matrix};
use super::patient::scales::scale_name;
use super::words::day_ago;
use super::{Frame, SiteData, not_found, trouble};
use crate::app::Failure;
use crate::app::mark_in_error::{self, MOST_REASON, Occasion, Refusal};
use crate::app::read_patient::{EpisodeRecord, Record};
use crate::domain::ids::AdministrationId;
use crate::domain::instrument::{ENGLISH, Library};
use crate::store::in_error::InErrorRow;
use crate::store::response::{ResponseRow, ScoreRow};
use crate::web::errors;
use crate::web::form::{Fields, FormTrouble};
use crate::web::visitor::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError, web};
use askama::Template;

#[derive(Template)]
#[template(path = "staff/in_error.html")]
struct Page {
    frame: Frame,
    name: String,
    back: String,
    action: String,
    /// `Tue 3 Mar 2026`.
    day: String,
    forms: Vec<FormView>,
    /// Flags of these answers that wait.
    flags: i64,
    /// Who marked them, when and why; `None`: they count.
    mark: Option<Mark>,
    /// What is wrong with the reason; empty when nothing is.
    wrong: String,
    reason: String,
    most: usize,
}

struct FormView {
    /// With its scores: `PHQ-9: Total 14`.
    words: String,
    /// Its name: `PHQ-9`.
    name: String,
    /// Every answer; `None`: this program does not know its version.
    sheet: Option<Matrix>,
    /// The notice that its owner asks for.
    credit: String,
}

struct Mark {
    words: String,
    reason: String,
}

/// The page about one occasion.
pub async fn page(site: SiteData, visitor: Visitor, path: web::Path<String>) -> HttpResponse {
    let Ok(id) = path.parse::<AdministrationId>() else {
        return not_found();
    };
    show(
        &site,
        &visitor,
        id,
        StatusCode::OK,
        (String::new(), String::new()),
    )
    .await
}

async fn show(
    site: &SiteData,
    visitor: &Visitor,
    id: AdministrationId,
    status: StatusCode,
    (wrong, reason): (String, String),
) -> HttpResponse {
    match mark_in_error::read_occasion(&site.app, visitor.actor(), id).await {
        Ok(occasion) => {
            let page = Page {
                frame: Frame::of(site, visitor, "/caseload").await,
                back: format!(
                    "/patients/{}?episode={}",
                    occasion.patient, occasion.episode
                ),
                action: format!("/occasions/{id}/error"),
                day: occasion.day.format("%a %-d %b %Y").to_string(),
                forms: forms(site.app.library, &occasion),
                flags: occasion.flags,
                mark: occasion.mark.map(|(row, who, day)| Mark {
                    words: format!("{who}, {}", day.format("%a %-d %b %Y")),
                    reason: row.reason,
                }),
                name: occasion.name,
                wrong,
                reason,
                most: MOST_REASON,
            };
            errors::page(status, &page)
        }
        Err(Failure::Refused(Refusal::NoOccasion)) => not_found(),
        Err(failure) => trouble(&failure),
    }
}

fn forms(library: &Library, occasion: &Occasion) -> Vec<FormView> {
    let form = |(row, scores): &(ResponseRow, Vec<ScoreRow>)| {
        let known = library.version(&row.instrument, &row.version);
        let name = short_name(library, row);
        let values: Vec<String> = scores
            .iter()
            .filter_map(|score| {
                let known = library.version(&score.instrument, &score.version)?;
                let scale = known.scale(&score.scale)?;
                Some(format!("{} {}", scale_name(known, scale), score.value?))
            })
            .collect();
        FormView {
            words: match values.is_empty() {
                true => name.clone(),
                false => format!("{name}: {}", values.join(", ")),
            },
            name,
            sheet: known.map(|known| answers::sheet(known, row)),
            credit: known
                .map(|known| known.texts_or_english(ENGLISH).credit.clone())
                .unwrap_or_default(),
        }
    };
    occasion.forms.iter().map(form).collect()
}

fn short_name(library: &Library, row: &ResponseRow) -> String {
    match library.version(&row.instrument, &row.version) {
        Some(known) => known.texts_or_english(ENGLISH).short_name.clone(),
        None => row.instrument.clone(),
    }
}

/// The answers were entered in error.
pub async fn mark(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    fields: Result<Fields, FormTrouble>,
) -> HttpResponse {
    let (id, fields) = match (path.parse::<AdministrationId>(), fields) {
        (Ok(id), Ok(fields)) => (id, fields),
        (Err(_), _) => return not_found(),
        (_, Err(problem)) => return problem.error_response(),
    };
    let reason = fields.one("reason").to_owned();
    match mark_in_error::mark(&site.app, visitor.actor(), id, reason.clone()).await {
        Ok((patient, episode)) => {
            errors::see_other(&format!("/patients/{patient}?episode={episode}#in-error"))
        }
        Err(Failure::Refused(refusal @ Refusal::Reason)) => {
            let wrong = (refusal.to_string(), reason);
            show(&site, &visitor, id, StatusCode::UNPROCESSABLE_ENTITY, wrong).await
        }
        Err(Failure::Refused(Refusal::NoOccasion)) => not_found(),
        Err(failure) => trouble(&failure),
    }
}

/// They were right after all.
pub async fn take_back(site: SiteData, visitor: Visitor, path: web::Path<String>) -> HttpResponse {
    let Ok(id) = path.parse::<AdministrationId>() else {
        return not_found();
    };
    match mark_in_error::take_back(&site.app, visitor.actor(), id).await {
        Ok((patient, episode)) => {
            errors::see_other(&format!("/patients/{patient}?episode={episode}"))
        }
        Err(Failure::Refused(Refusal::NoOccasion)) => not_found(),
        Err(failure) => trouble(&failure),
    }
}

/// Answers that are left out, as the patient's page lists them.
pub struct Line {
    /// `PHQ-9 of Tue 3 Mar, 2 days ago`.
    pub what: String,
    /// `entered in error, says Lee Hartwell, Wed 4 Mar, yesterday: wrong patient`.
    pub words: String,
    /// The page about them.
    pub address: String,
}

/// The answers of an episode that are left out, the patient's and those of others.
pub fn lines(library: &'static Library, record: &Record, episode: &EpisodeRecord) -> Vec<Line> {
    let others = episode.informed.iter().map(|one| &one.episode);
    std::iter::once(episode)
        .chain(others)
        .flat_map(|part| {
            part.in_error
                .iter()
                .map(|mark| line(library, record, part, mark))
        })
        .collect()
}

fn line(
    library: &'static Library,
    record: &Record,
    part: &EpisodeRecord,
    (row, who): &(InErrorRow, String),
) -> Line {
    let ago = |at| day_ago(record.day(at), record.today());
    let of: Vec<&ResponseRow> = part
        .responses
        .iter()
        .filter(|known| known.administration_id == row.administration_id)
        .collect();
    let names: Vec<String> = of.iter().map(|row| short_name(library, row)).collect();
    let sent = of.iter().find_map(|row| row.completed_at);
    Line {
        what: match sent {
            Some(at) => format!("{} of {}", names.join(", "), ago(at)),
            None => names.join(", "),
        },
        words: format!("{who}, {}: {}", ago(row.marked_at), row.reason),
        address: format!("/occasions/{}/error", row.administration_id),
    }
}
