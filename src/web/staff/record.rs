//! "Record a form": all questions of one form on one page, for staff to fill in. What they typed stays until it fits. The form is asked for by POST,
//! because no address names an instrument; that changes nothing.

use super::{Frame, SiteData, not_found, trouble};
use crate::app::Failure;
use crate::app::record_form::{
    self, Came, Day, Draft, Gaps, LONGEST_NAME, RecordForm, Recorded, Refusal, Wrong,
};
use crate::domain::ids::{AdministrationId, EpisodeId, InformantId, PatientId};
use crate::domain::instrument::{ENGLISH, Respondent};
use crate::domain::language::Language;
use crate::patient_words::words;
use crate::store::fresh;
use crate::store::informant::InformantRow;
use crate::store::way_in::Manner;
use crate::web::errors;
use crate::web::form::{Fields, FormTrouble};
use crate::web::survey::control::{Complaint, control, entries, field};
use crate::web::survey::stems::{new_stem, stem_words};
use crate::web::survey::view::Control;
use crate::web::visitor::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError, web};
use askama::Template;

/// The fields that are no answers.
const OURS: &[&str] = &[
    "instrument",
    "language",
    "name",
    "incomplete",
    "day",
    "came",
    "asked_by",
    "informant",
    "episode",
];

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
    episode: String,
    program: String,
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
    /// What is wrong with day or name; empty when nothing is.
    wrong: String,
    day: String,
    first_day: String,
    today: String,
    /// Empty for a form that the clinician answers.
    ways: Vec<WayChoice>,
    asked_by: String,
    answerers: Vec<Answerer>,
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
    let meant = (id, episode(&fields));
    match record_form::blank_form(&site.app, visitor.actor(), meant, instrument).await {
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
    let Ok(informant) = informant(&fields) else {
        return trouble(&Failure::Refused(Refusal::NoInformant));
    };
    let command = RecordForm {
        given: day(&fields),
        came: came(&fields),
        informant,
        patient: id,
        episode: episode(&fields),
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

/// The episode of care from whose page it was asked; the newest where none is named.
pub(super) fn episode(fields: &Fields) -> Option<EpisodeId> {
    fields.one("episode").parse().ok()
}

/// The language of the form in hand; English when none of ours is named.
fn language(fields: &Fields) -> Language {
    let said = fields.one("language").parse();
    said.unwrap_or(Language::English)
}

/// The day in the form; today when it has no such field. A field that was emptied says nothing that could stand in the record.
fn day(fields: &Fields) -> Day {
    match fields.one("day").trim() {
        "" if !fields.has("day") => Day::Today,
        typed => typed.parse().map_or(Day::Unreadable, Day::On),
    }
}

fn came(fields: &Fields) -> Came {
    match fields.one("came").parse() {
        Ok(manner) => Came::InInterview {
            asked_by: Some(fields.one("asked_by").to_owned()),
            manner,
        },
        Err(_) => Came::OnPaper,
    }
}

/// Who answered about the patient; nobody when the form says none.
fn informant(fields: &Fields) -> Result<Option<InformantId>, ()> {
    match fields.one("informant") {
        "" => Ok(None),
        id => id.parse().map(Some).map_err(|_| ()),
    }
}

fn what_is_wrong(wrong: Option<Wrong>) -> String {
    match wrong {
        None => String::new(),
        Some(Wrong::NoDay) => "Write the day as year-month-day, such as 2026-03-31.".to_owned(),
        Some(Wrong::Ahead) => {
            "The day the form was answered lies ahead. Choose today or an earlier day.".to_owned()
        }
        Some(Wrong::BeforeCare(day)) => format!(
            "The episode of care began on {}. Choose that day or a later one.",
            day.format("%a %-d %b %Y")
        ),
        Some(Wrong::AfterCare(day)) => format!(
            "The episode of care ended on {}. Choose that day or an earlier one.",
            day.format("%a %-d %b %Y")
        ),
        Some(Wrong::LongName) => {
            format!("The name of who asked is longer than {LONGEST_NAME} characters. Shorten it.")
        }
    }
}

/// Somebody who may have answered.
struct Answerer {
    id: String,
    words: String,
    chosen: bool,
}

/// A way in which the answers may have come.
struct WayChoice {
    word: &'static str,
    words: &'static str,
    chosen: bool,
}

fn ways(chosen: &str) -> Vec<WayChoice> {
    let way = |(word, words)| WayChoice {
        word,
        words,
        chosen: chosen == word || (chosen.is_empty() && word == "paper"),
    };
    [
        ("paper", "Copied from a paper form"),
        (Manner::InPerson.word(), "Asked in person"),
        (Manner::Telephone.word(), "Asked by telephone"),
        (Manner::Video.word(), "Asked by video"),
    ]
    .map(way)
    .into()
}

fn answerers(draft: &Draft, chosen: &str) -> Vec<Answerer> {
    let answerer = |row: &InformantRow| Answerer {
        id: row.id.to_string(),
        words: row.who(),
        chosen: row.id.to_string() == chosen,
    };
    draft.informants.iter().map(answerer).collect()
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
        let fits = draft.unfit.is_empty() && draft.gaps.is_empty() && draft.wrong.is_none();
        let status = match fits {
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
            episode: draft.episode.to_string(),
            program: draft.program.clone(),
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
            back: format!("/patients/{}?episode={}", self.patient, draft.episode),
            instrument: instrument.id.clone(),
            language: spoken,
            name: self.name.to_string(),
            wrong: what_is_wrong(draft.wrong),
            day: match fields.one("day") {
                "" if !fields.has("day") => draft.days.1.to_string(),
                typed => typed.to_owned(),
            },
            first_day: draft.days.0.to_string(),
            today: draft.days.1.to_string(),
            ways: match instrument.respondent {
                Respondent::Clinician => vec![],
                Respondent::Patient | Respondent::Parent => ways(fields.one("came")),
            },
            asked_by: fields.one("asked_by").to_owned(),
            answerers: match instrument.respondent {
                Respondent::Clinician | Respondent::Patient => vec![],
                Respondent::Parent => answerers(draft, fields.one("informant")),
            },
        }
    }
}
