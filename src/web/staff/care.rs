//! One patient's care: who cares for them, the end of an episode, a new one, and what is known of the patient.

use super::enrol::{self, LANGUAGES, Options, SEXES, is_language, is_sex, is_zone, named, options};
use super::mistakes::Mistakes;
use super::words::{day_ago, ending};
use super::{Frame, SiteData, not_found, trouble};
use crate::app::Failure;
use crate::app::change_care::{self, Card, Details, Refusal};
use crate::app::enrol_choices::{Choices, enrol_choices};
use crate::domain::care::Ending;
use crate::domain::ids::{EpisodeId, PatientId};
use crate::store::patient::{EpisodeNames, PatientRow};
use crate::web::errors;
use crate::web::form::Fields;
use crate::web::site::Site;
use crate::web::visitor::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use validator::Validate;

/// The fields of what is known of a patient, in the order of the page.
const FIELDS: &[&str] = &["name", "language", "time_zone", "sex"];

#[derive(Template)]
#[template(path = "staff/care.html")]
struct Page {
    frame: Frame,
    id: PatientId,
    name: String,
    external_id: String,
    saved: bool,
    mistakes: Mistakes,
    open: Vec<Open>,
    elsewhere: Vec<String>,
    ended: Vec<String>,
    endings: Options,
    choices: Begin,
    known: Known,
    languages: Options,
    sexes: Options,
}

/// An episode that goes on.
struct Open {
    id: EpisodeId,
    what: String,
    since: String,
    clinicians: Options,
    clinician: String,
    day: String,
    first: String,
    today: String,
    ending: String,
}

/// The form that begins an episode.
struct Begin {
    clinics: Options,
    programs: Options,
    clinicians: Options,
    clinic: String,
    program: String,
    clinician: String,
    started_on: String,
}

/// What is known of a patient, as it is stored or was typed.
#[derive(Validate)]
struct Known {
    #[validate(length(
        min = 1,
        max = 200,
        message = "Write the patient’s name in 1 to 200 characters."
    ))]
    name: String,
    #[validate(custom(function = "is_language", message = "Choose a language from the list."))]
    language: String,
    #[validate(custom(
        function = "is_zone",
        message = "Write a time zone like America/Chicago."
    ))]
    time_zone: String,
    #[validate(custom(function = "is_sex", message = "Choose from the list."))]
    sex: String,
}

impl Known {
    fn stored(row: &PatientRow) -> Known {
        Known {
            name: row.name.clone(),
            language: row.language.clone(),
            time_zone: row.time_zone.clone(),
            sex: row.sex.clone().unwrap_or_default(),
        }
    }

    fn typed(fields: &Fields) -> Known {
        let words = fields.one("name").split_whitespace();
        Known {
            name: words.collect::<Vec<_>>().join(" "),
            language: fields.one("language").to_owned(),
            time_zone: fields.one("time_zone").trim().to_owned(),
            sex: fields.one("sex").to_owned(),
        }
    }

    fn details(&self) -> Result<Details, Mistakes> {
        if let Err(found) = self.validate() {
            return Err(Mistakes::of(&found, FIELDS));
        }
        let zone = self.time_zone.parse();
        let time_zone = zone.map_err(|_| Mistakes::one("time_zone", "Write a time zone."))?;
        Ok(Details {
            name: self.name.clone(),
            language: self.language.clone(),
            time_zone,
            sex: self.sex.parse().ok(),
        })
    }
}

/// Which of the page's forms was sent, so that it comes back as it was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    HandOver,
    End,
    Begin,
    Patient,
}

/// What is special about showing the page this time.
#[derive(Default)]
struct Before {
    typed: Option<(Form, Fields)>,
    mistakes: Mistakes,
    saved: bool,
}

/// The page.
pub async fn page(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    request: HttpRequest,
) -> HttpResponse {
    let before = Before {
        saved: request.query_string() == "saved",
        ..Before::default()
    };
    show(&site, &visitor, &path, StatusCode::OK, before).await
}

async fn show(
    site: &Site,
    visitor: &Visitor,
    id: &str,
    status: StatusCode,
    before: Before,
) -> HttpResponse {
    let Ok(id) = id.parse::<PatientId>() else {
        return not_found();
    };
    let card = match change_care::read_care(&site.app, visitor.actor(), id).await {
        Ok(card) => card,
        Err(Failure::Refused(_)) => return not_found(),
        Err(failure) => return trouble(&failure),
    };
    let choices = match enrol_choices(&site.app, visitor.actor()).await {
        Ok(choices) => choices,
        Err(failure) => return trouble(&failure),
    };
    let frame = Frame::of(site, visitor, "/caseload").await;
    let mine = visitor.staff.id.to_string();
    errors::page(status, &fill(frame, card, choices, (before, mine)))
}

fn fill(frame: Frame, card: Card, choices: Choices, (before, me): (Before, String)) -> Page {
    let Card {
        patient,
        episodes,
        theirs,
        today,
    } = card;
    let what = |one: &EpisodeNames| format!("{}, {}", one.program, one.clinic);
    let is_open = |one: &&EpisodeNames| one.episode.ended_on.is_none();
    let is_theirs = |one: &&EpisodeNames| theirs.contains(&one.episode.id);
    let typed = |form: Form| {
        let sent = before.typed.as_ref().filter(|(known, _)| *known == form);
        sent.map(|(_, fields)| fields)
    };
    let open = |one: &EpisodeNames| {
        let id = one.episode.id.to_string();
        let mine = |form| typed(form).filter(|fields| fields.one("episode") == id);
        let of_end = |name: &str, else_: String| {
            mine(Form::End).map_or(else_, |fields| fields.one(name).to_owned())
        };
        Open {
            id: one.episode.id,
            what: what(one),
            since: day_ago(one.episode.started_on, today),
            clinicians: colleagues(one, &choices),
            clinician: mine(Form::HandOver).map_or_else(
                || one.episode.clinician_id.to_string(),
                |fields| fields.one("clinician").to_owned(),
            ),
            day: of_end("ended_on", today.to_string()),
            first: one.episode.started_on.to_string(),
            today: today.to_string(),
            ending: of_end("ending", String::new()),
        }
    };
    let ended = |one: &EpisodeNames| {
        let how = one
            .episode
            .ending
            .as_deref()
            .and_then(|word| word.parse().ok());
        let how = how.map_or_else(String::new, |how| format!(", {}", ending(how)));
        let until = one.episode.ended_on.unwrap_or(one.episode.started_on);
        format!(
            "{}: {} to {until}{how}, {}",
            what(one),
            one.episode.started_on,
            one.clinician
        )
    };
    Page {
        frame,
        id: patient.id,
        external_id: patient.external_id.clone(),
        saved: before.saved,
        open: episodes
            .iter()
            .filter(is_open)
            .filter(is_theirs)
            .map(open)
            .collect(),
        elsewhere: episodes
            .iter()
            .filter(|one| is_open(one) && !is_theirs(one))
            .map(|one| format!("{}, {}", what(one), one.clinician))
            .collect(),
        ended: episodes
            .iter()
            .filter(|one| !is_open(one))
            .map(ended)
            .collect(),
        endings: endings(),
        known: typed(Form::Patient).map_or_else(|| Known::stored(&patient), Known::typed),
        languages: named(LANGUAGES),
        sexes: named(SEXES),
        choices: begin_form(&choices, typed(Form::Begin), me),
        name: patient.name,
        mistakes: before.mistakes,
    }
}

/// The clinicians of the clinics in reach, and whoever has the episode now: they may have left.
fn colleagues(one: &EpisodeNames, choices: &Choices) -> Options {
    let now = (one.episode.clinician_id, one.clinician.clone());
    let known = choices.clinicians.iter().any(|(id, _)| *id == now.0);
    let first = (!known).then_some(now);
    options(
        first
            .into_iter()
            .chain(choices.clinicians.clone())
            .collect(),
    )
}

fn endings() -> Options {
    let all = Ending::ALL.iter();
    let named = all.map(|how| (how.word().to_owned(), ending(*how).to_owned()));
    std::iter::once((String::new(), "Choose".to_owned()))
        .chain(named)
        .collect()
}

fn begin_form(choices: &Choices, typed: Option<&Fields>, me: String) -> Begin {
    let one = |name: &str| typed.map_or_else(String::new, |fields| fields.one(name).to_owned());
    Begin {
        clinics: options(choices.clinics.clone()),
        programs: options(choices.programs.clone()),
        clinicians: options(choices.clinicians.clone()),
        clinic: one("clinic"),
        program: one("program"),
        clinician: typed.map_or(me, |fields| fields.one("clinician").to_owned()),
        started_on: match typed {
            Some(fields) => fields.one("started_on").to_owned(),
            None => choices.today.to_string(),
        },
    }
}

/// Gives an episode to a colleague.
pub async fn hand_over(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    fields: Fields,
) -> HttpResponse {
    let Some(which) = episode(&path, &fields) else {
        return wrong(
            &site,
            &visitor,
            &path,
            (Form::HandOver, fields),
            no_episode(),
        )
        .await;
    };
    let done = match fields.one("clinician").parse() {
        Ok(clinician) => change_care::hand_over(&site.app, visitor.actor(), which, clinician).await,
        Err(_) => Err(Failure::Refused(Refusal::Clinician)),
    };
    answer(&site, &visitor, &path, (Form::HandOver, fields), done).await
}

fn episode(path: &str, fields: &Fields) -> Option<(PatientId, EpisodeId)> {
    Some((path.parse().ok()?, fields.one("episode").parse().ok()?))
}

fn no_episode() -> Mistakes {
    Mistakes::one("care", "Choose one of the episodes below.")
}

/// Ends an episode.
pub async fn end(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    fields: Fields,
) -> HttpResponse {
    let Some(which) = episode(&path, &fields) else {
        return wrong(&site, &visitor, &path, (Form::End, fields), no_episode()).await;
    };
    let (day, how) = (fields.one("ended_on").parse(), fields.one("ending").parse());
    let mistakes = match (&day, &how) {
        (Err(_), _) => Mistakes::one("care", "Write the last day as year-month-day."),
        (_, Err(_)) => Mistakes::one("care", "Choose how the care ended."),
        _ => Mistakes::none(),
    };
    let (Ok(day), Ok(how)) = (day, how) else {
        return wrong(&site, &visitor, &path, (Form::End, fields), mistakes).await;
    };
    let done = change_care::end(&site.app, visitor.actor(), which, (day, how)).await;
    answer(&site, &visitor, &path, (Form::End, fields), done).await
}

/// Begins an episode.
pub async fn begin(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    fields: Fields,
) -> HttpResponse {
    let Ok(id) = path.parse::<PatientId>() else {
        return not_found();
    };
    let choices = match enrol_choices(&site.app, visitor.actor()).await {
        Ok(choices) => choices,
        Err(failure) => return trouble(&failure),
    };
    let mut mistakes = Mistakes::none();
    let typed =
        ["clinic", "program", "clinician", "started_on"].map(|name| fields.one(name).trim());
    let Some(care) = enrol::read_care(typed, &choices, &mut mistakes) else {
        return wrong(&site, &visitor, &path, (Form::Begin, fields), mistakes).await;
    };
    let done = change_care::begin(&site.app, visitor.actor(), id, care).await;
    answer(&site, &visitor, &path, (Form::Begin, fields), done).await
}

/// Puts right what is known of the patient.
pub async fn correct(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    fields: Fields,
) -> HttpResponse {
    let Ok(id) = path.parse::<PatientId>() else {
        return not_found();
    };
    match Known::typed(&fields).details() {
        Ok(details) => {
            let done = change_care::correct(&site.app, visitor.actor(), id, details).await;
            answer(&site, &visitor, &path, (Form::Patient, fields), done).await
        }
        Err(mistakes) => wrong(&site, &visitor, &path, (Form::Patient, fields), mistakes).await,
    }
}

async fn wrong(
    site: &Site,
    visitor: &Visitor,
    id: &str,
    typed: (Form, Fields),
    mistakes: Mistakes,
) -> HttpResponse {
    let before = Before {
        typed: Some(typed),
        mistakes,
        ..Before::default()
    };
    show(site, visitor, id, StatusCode::UNPROCESSABLE_ENTITY, before).await
}

async fn answer(
    site: &Site,
    visitor: &Visitor,
    id: &str,
    typed: (Form, Fields),
    done: Result<(), Failure<Refusal>>,
) -> HttpResponse {
    match done {
        Ok(()) => errors::see_other(&format!("/patients/{id}/care?saved")),
        Err(Failure::Refused(Refusal::NoPatient | Refusal::NoEpisode)) => not_found(),
        Err(Failure::Refused(refusal)) => {
            let field = field_of(typed.0, refusal);
            let mistakes = Mistakes::one(field, refusal.to_string());
            wrong(site, visitor, id, typed, mistakes).await
        }
        Err(failure) => trouble(&failure),
    }
}

/// Where on the page a refusal belongs.
fn field_of(form: Form, refusal: Refusal) -> &'static str {
    match (form, refusal) {
        (Form::Begin, Refusal::Clinic) => "clinic",
        (Form::Begin, Refusal::Clinician) => "clinician",
        (Form::Begin, _) => "program",
        _ => "care",
    }
}
