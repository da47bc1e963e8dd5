//! Those who answer about a patient, on the patient's page: added, given a form, let go; and what they answered, a series of its own.

use super::give::{Given, code};
use super::patient::folds::Folds;
use super::patient::scales::{self, About, InstrumentView};
use super::record::episode;
use super::{Frame, SiteData, not_found, trouble};
use crate::app::Failure;
use crate::app::add_informant::{
    NewInformant, Refusal, add_informant, give_to_informant, is_for_others, stop_informant,
};
use crate::app::give_form;
use crate::app::read_patient::{EpisodeRecord, Record};
use crate::domain::ids::{InformantId, PatientId};
use crate::domain::instrument::Library;
use crate::domain::language::Language;
use crate::store::informant::Relation;
use crate::web::errors;
use crate::web::form::{Fields, FormTrouble};
use crate::web::visitor::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError, web};

/// Somebody who answers, with what staff can do.
pub struct Line {
    /// Id, for the forms.
    pub id: String,
    /// `a parent, Ana Ruiz`
    pub who: String,
}

/// The part of the page about those who answer.
pub struct Section {
    /// Where the forms post, without their last part.
    pub action: String,
    /// The episode of care that is shown.
    pub episode: String,
    /// Those who answer now.
    pub lines: Vec<Line>,
    /// The forms they can be given: id and name.
    pub forms: Vec<(String, String)>,
    /// Word and words of each relation.
    pub relations: Vec<(&'static str, &'static str)>,
}

/// What somebody answered.
pub struct Series {
    /// From 1, for anchors.
    pub number: usize,
    /// `a parent, Ana Ruiz`
    pub who: String,
    /// Each instrument.
    pub instruments: Vec<InstrumentView>,
}

/// The part of the page about those who answer about a patient in care.
pub fn section(library: &'static Library, record: &Record, episode: &EpisodeRecord) -> Section {
    let forms = record
        .on_record
        .usable(library)
        .filter(|known| is_for_others(known));
    Section {
        action: format!("/patients/{}/informants", record.patient.id),
        episode: episode.names.episode.id.to_string(),
        lines: record
            .informants
            .iter()
            .filter(|row| row.ended_at.is_none())
            .map(|row| Line {
                id: row.id.to_string(),
                who: row.who(),
            })
            .collect(),
        forms: forms
            .map(|known| {
                let words = known.texts_or_english("en").short_name.clone();
                (known.id.clone(), words)
            })
            .collect(),
        relations: vec![
            (Relation::Parent.word(), "Parent"),
            (Relation::Partner.word(), "Partner"),
            (Relation::Carer.word(), "Carer"),
            (Relation::Teacher.word(), "Teacher"),
            (Relation::Other.word(), "Somebody else"),
        ],
    }
}

/// What others answered in an episode.
pub fn series(
    library: &'static Library,
    record: &Record,
    episode: &EpisodeRecord,
    folds: &Folds,
) -> Vec<Series> {
    let of = |(n, informed): (usize, &crate::app::read_patient::Informed)| {
        let folds = folds.of_series(n + 1);
        let about = About::Patient;
        Series {
            number: n + 1,
            who: informed.who.who(),
            instruments: scales::instruments(library, record, &informed.episode, &folds, about),
        }
    };
    let all = episode.informed.iter().enumerate().map(of);
    all.filter(|series| !series.instruments.is_empty())
        .collect()
}

/// Adds somebody.
pub async fn add(
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
    let new = NewInformant {
        patient: id,
        relation: fields.one("relation").parse().unwrap_or(Relation::Other),
        name: fields.one("name").to_owned(),
        email: Some(fields.one("email").to_owned()),
        language: fields.one("language").parse().unwrap_or(Language::English),
    };
    match add_informant(&site.app, visitor.actor(), new).await {
        Ok(_) => errors::see_other(&format!("/patients/{id}#informants")),
        Err(failure) => refuse(&failure),
    }
}

/// Lets somebody go.
pub async fn stop(
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
    let who = informant(&fields);
    match stop_informant(&site.app, visitor.actor(), id, who).await {
        Ok(()) => errors::see_other(&format!("/patients/{id}#informants")),
        Err(failure) => refuse(&failure),
    }
}

/// Makes a fresh link for somebody and shows it once.
pub async fn give(
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
    let who = informant(&fields);
    let given = give_to_informant(
        &site.app,
        visitor.actor(),
        (id, episode(&fields)),
        who,
        ids.clone(),
    )
    .await;
    let handed = match given {
        Ok(handed) => handed,
        Err(Failure::Refused(Refusal::Form(give_form::Refusal::Nothing))) => {
            let words = "No questionnaire was chosen. Go back and choose at least one.";
            return errors::plain_for_staff(StatusCode::UNPROCESSABLE_ENTITY, words);
        }
        Err(failure) => return refuse(&failure),
    };
    let names = ids
        .iter()
        .filter_map(|id| site.app.library.get(id))
        .map(|known| known.texts_or_english("en").short_name.as_str());
    let page = Given {
        back: format!("/patients/{id}"),
        what: names.collect::<Vec<_>>().join(", "),
        to: "the person who answers",
        qr: code(&handed.address).unwrap_or_default(),
        open_until: handed.open_until.format("%A %-d %B").to_string(),
        frame: Frame::of(&site, &visitor, "/caseload").await,
        link: handed.address,
    };
    errors::page(StatusCode::OK, &page)
}

/// The one in the form; what is no id is nobody's.
fn informant(fields: &Fields) -> InformantId {
    let said = fields.one("informant").parse();
    said.unwrap_or_else(|_| InformantId::from_uuid(uuid::Uuid::nil()))
}

fn refuse(failure: &Failure<Refusal>) -> HttpResponse {
    match failure {
        Failure::Refused(Refusal::NoPatient) => not_found(),
        failure => trouble(failure),
    }
}
