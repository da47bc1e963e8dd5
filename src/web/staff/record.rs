//! "Record a form": all questions of one form on one page, for staff to fill in. What they typed stays until it fits. The form is asked for by POST,
//! because no address names an instrument; that changes nothing.

use super::{Frame, SiteData, not_found, trouble};
use crate::app::Failure;
use crate::app::record_form::{self, Draft, Gaps, RecordForm, Recorded, Refusal};
use crate::domain::ids::{AdministrationId, PatientId};
use crate::domain::instrument::{ENGLISH, Respondent};
use crate::domain::language::Language;
use crate::patient_words::words;
use crate::store::fresh;
use crate::web::errors;
use crate::web::form::{Fields, FormTrouble};
use crate::web::gate::Visitor;
use crate::web::survey::control::{Complaint, control, entries, field};
use crate::web::survey::stems::{new_stem, stem_words};
use crate::web::survey::view::Control;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError, web};
use askama::Template;

/// The fields that are no answers.
const OURS: &[&str] = &["instrument", "language", "name", "incomplete"];

/// One question.
struct Question {
    field: String,
    number: String,
    stem: String,
    text: String,
    control: Control<'static>,
    why: String,
    gap: bool,
}

#[derive(Template)]
#[template(path = "staff/record_form.html", whitespace = "minimize")]
struct Page {
    frame: Frame,
    patient: String,
    short_name: String,
    full_name: String,
    who_answers: &'static str,
    stem: String,
    questions: Vec<Question>,
    credit: String,
    /// The language of the wording, where the page's is another one; else empty.
    wording: &'static str,
    unfit: usize,
    gaps: usize,
    action: String,
    back: String,
    instrument: String,
    language: &'static str,
    name: String,
}

/// The empty form.
pub async fn form(
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
    let instrument = fields.one("instrument").to_owned();
    match record_form::blank_form(&site.app, visitor.actor(), id, instrument).await {
        Ok(draft) => {
            let name = fresh(site.app.clock.now());
            let page = Asked {
                patient: id,
                language: language(&fields),
                name,
            };
            page.render(&site, &visitor, &fields, &draft).await
        }
        Err(Failure::Refused(Refusal::NoPatient)) => not_found(),
        Err(failure) => trouble(&failure),
    }
}

/// The form was sent.
pub async fn record(
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
    let read = fields
        .one("name")
        .parse::<AdministrationId>()
        .ok()
        .zip(entries(&fields, OURS));
    let (name, answers) = match read {
        Some((name, answers)) => (name, answers),
        // Nothing of ours: whoever may not see the patient is still told nothing else.
        None => (
            fresh(site.app.clock.now()),
            vec![(String::new(), nothing())],
        ),
    };
    let command = RecordForm {
        patient: id,
        instrument: fields.one("instrument").to_owned(),
        language: language(&fields),
        name,
        answers,
        gaps: if fields.has("incomplete") {
            Gaps::Keep
        } else {
            Gaps::Say
        },
    };
    match record_form::record_form(&site.app, visitor.actor(), command).await {
        Ok(Recorded::Kept) => errors::see_other(&format!("/patients/{id}")),
        Ok(Recorded::NotYet(draft)) => {
            let page = Asked {
                patient: id,
                language: language(&fields),
                name,
            };
            page.render(&site, &visitor, &fields, &draft).await
        }
        Err(Failure::Refused(Refusal::NoPatient)) => not_found(),
        Err(failure) => trouble(&failure),
    }
}

fn nothing() -> crate::domain::submission::Entry {
    crate::domain::submission::Entry::Typed(vec![])
}

/// The language of the form in hand; English when none of ours is named.
fn language(fields: &Fields) -> Language {
    let said = fields.one("language").parse();
    said.unwrap_or(Language::English)
}

/// What was asked for.
struct Asked {
    patient: PatientId,
    language: Language,
    name: AdministrationId,
}

impl Asked {
    async fn render(
        &self,
        site: &SiteData,
        visitor: &Visitor,
        fields: &Fields,
        draft: &Draft,
    ) -> HttpResponse {
        let frame = Frame::of(site, visitor, "/caseload").await;
        let status = match draft.unfit.is_empty() && draft.gaps.is_empty() {
            true => StatusCode::OK,
            false => StatusCode::UNPROCESSABLE_ENTITY,
        };
        errors::page(status, &self.page(frame, fields, draft))
    }

    fn page(&self, frame: Frame, fields: &Fields, draft: &Draft) -> Page {
        let instrument = draft.part.instrument;
        let said = instrument.texts_or_english(ENGLISH);
        let spoken = self.language.word();
        let foreign = self.language != Language::English && instrument.has_text(spoken);
        let texts = instrument.texts_or_english(spoken);
        let item = |position: usize| {
            let item = instrument.items.get(position);
            item.map_or_else(String::new, |item| field(&item.id))
        };
        let complaint = match draft.unfit.is_empty() {
            true => Complaint::Nothing,
            false => Complaint::of(&draft.unfit, fields, item),
        };
        let ours = &words(Language::English).question;
        let question = |(position, known): (usize, &'static crate::domain::instrument::Item)| {
            let words = texts.items.get(position)?;
            Some(Question {
                field: field(&known.id),
                number: match known.id.as_str() {
                    "0" => String::new(),
                    number => format!("{number}. "),
                },
                stem: new_stem(&texts.items, position).to_owned(),
                text: words.text.clone(),
                control: control(&draft.part, position, words, &complaint, ours),
                why: complaint.why(position, ours),
                gap: draft.gaps.contains(&position),
            })
        };
        Page {
            frame,
            patient: draft.patient.clone(),
            short_name: said.short_name.clone(),
            full_name: said.name.clone(),
            who_answers: match instrument.respondent {
                Respondent::Clinician => "You answer this form, about the patient.",
                Respondent::Parent => {
                    "A parent or caregiver answers this form. Copy their answers from the paper form as they stand."
                }
                Respondent::Patient => {
                    "Copy the answers from the paper form as they stand. What was left blank there stays blank here."
                }
            },
            stem: stem_words(texts, 0),
            questions: instrument
                .items
                .iter()
                .enumerate()
                .filter_map(question)
                .collect(),
            credit: texts.credit.clone(),
            wording: if foreign { spoken } else { "" },
            unfit: draft.unfit.len(),
            gaps: draft.gaps.len(),
            action: format!("/patients/{}/recorded", self.patient),
            back: format!("/patients/{}", self.patient),
            instrument: instrument.id.clone(),
            language: spoken,
            name: self.name.to_string(),
        }
    }
}
