//! Adding a patient with an open episode of care and, if wanted, a measurement plan. A form that cannot be taken comes back with what was typed.

use super::mistakes::Mistakes;
use super::{Frame, SiteData, trouble};
use crate::app::Failure;
use crate::app::enrol::{self, EpisodeDetails, PatientDetails, Refusal};
use crate::app::enrol_choices::{Choices, enrol_choices};
use crate::app::set_plan::PlanDetails;
use crate::domain::schedule::Cadence;
use crate::web::errors;
use crate::web::form::Fields;
use crate::web::site::Site;
use crate::web::visitor::Visitor;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use chrono::{Days, NaiveDate};
use validator::{Validate, ValidationError};

/// The fields in the order of the page, for the summary.
const FIELDS: &[&str] = &[
    "external_id",
    "name",
    "email",
    "language",
    "time_zone",
    "sex",
    "clinic",
    "program",
    "clinician",
    "started_on",
    "instruments",
    "cadence",
];
/// Languages in which a patient may be asked.
pub const LANGUAGES: &[(&str, &str)] = &[("en", "English"), ("es", "Spanish")];
/// What may be known of a patient's sex, for norms that depend on it.
pub const SEXES: &[(&str, &str)] = &[("", "Not recorded"), ("female", "Female"), ("male", "Male")];
/// The rhythms the page offers; a file may ask for others.
const CADENCES: &[&str] = &[
    "before_session:24",
    "before_session:48",
    "every_weeks:1",
    "every_weeks:2",
    "every_weeks:4",
    "every_weeks:12",
];
/// How many days ahead an episode may begin.
const DAYS_AHEAD: u64 = 366;
/// Days before this one are taken for typing errors.
const EARLIEST: NaiveDate = NaiveDate::from_ymd_opt(1970, 1, 1).expect("a real day");

/// Choices: value and words.
pub type Options = Vec<(String, String)>;

#[derive(Template)]
#[template(path = "staff/add_patient.html")]
struct Page {
    frame: Frame,
    mistakes: Mistakes,
    typed: Typed,
    languages: Options,
    sexes: Options,
    clinics: Options,
    programs: Options,
    clinicians: Options,
    instruments: Options,
    cadences: Options,
}

/// What somebody typed.
#[derive(Validate, Default)]
struct Typed {
    #[validate(custom(
        function = "is_id",
        message = "Write the patient’s id: 1 to 100 characters without spaces."
    ))]
    external_id: String,
    #[validate(length(
        min = 1,
        max = 200,
        message = "Write the patient’s name in 1 to 200 characters."
    ))]
    name: String,
    #[validate(custom(
        function = "is_email_or_nothing",
        message = "Write an e-mail address like name@example.org, or leave it empty."
    ))]
    email: String,
    #[validate(custom(function = "is_language", message = "Choose a language from the list."))]
    language: String,
    #[validate(custom(
        function = "is_zone",
        message = "Write a time zone like America/Chicago."
    ))]
    time_zone: String,
    #[validate(custom(function = "is_sex", message = "Choose from the list."))]
    sex: String,
    clinic: String,
    program: String,
    clinician: String,
    started_on: String,
    instruments: Vec<String>,
    cadence: String,
}

fn verdict(is_good: bool) -> Result<(), ValidationError> {
    if is_good {
        Ok(())
    } else {
        Err(ValidationError::new("wrong"))
    }
}

fn is_id(text: &str) -> Result<(), ValidationError> {
    verdict(
        (1..=100).contains(&text.chars().count())
            && !text.chars().any(|c| c.is_control() || c.is_whitespace()),
    )
}

fn is_email_or_nothing(text: &str) -> Result<(), ValidationError> {
    use validator::ValidateEmail;
    verdict(text.is_empty() || (text.len() <= 254 && text.validate_email()))
}

/// Whether it is the tag of a language in which a patient may be asked.
pub fn is_language(text: &str) -> Result<(), ValidationError> {
    verdict(LANGUAGES.iter().any(|(tag, _)| *tag == text))
}

/// Whether it is one of [`SEXES`].
pub fn is_sex(text: &str) -> Result<(), ValidationError> {
    verdict(SEXES.iter().any(|(word, _)| *word == text))
}

/// Whether it is a zone of the IANA database.
pub fn is_zone(text: &str) -> Result<(), ValidationError> {
    verdict(text.parse::<chrono_tz::Tz>().is_ok())
}

impl Typed {
    fn read(fields: &Fields) -> Typed {
        let one = |name: &str| fields.one(name).trim().to_owned();
        Typed {
            external_id: one("external_id"),
            name: fields
                .one("name")
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
            email: one("email"),
            language: one("language"),
            time_zone: one("time_zone"),
            sex: one("sex"),
            clinic: one("clinic"),
            program: one("program"),
            clinician: one("clinician"),
            started_on: one("started_on"),
            instruments: fields.all("instruments").map(str::to_owned).collect(),
            cadence: one("cadence"),
        }
    }

    /// An empty form: the actor themselves, here and today.
    fn begin(choices: &Choices, visitor: &Visitor) -> Typed {
        Typed {
            language: "en".into(),
            time_zone: choices.zone.name().into(),
            clinician: visitor.staff.id.to_string(),
            started_on: choices.today.to_string(),
            ..Typed::default()
        }
    }
}

/// The form.
pub async fn page(site: SiteData, visitor: Visitor) -> HttpResponse {
    match enrol_choices(&site.app, visitor.actor()).await {
        Ok(choices) => {
            let typed = Typed::begin(&choices, &visitor);
            render(
                &site,
                &visitor,
                StatusCode::OK,
                choices,
                typed,
                Mistakes::none(),
            )
            .await
        }
        Err(failure) => trouble(&failure),
    }
}

async fn render(
    site: &Site,
    visitor: &Visitor,
    status: StatusCode,
    choices: Choices,
    typed: Typed,
    mistakes: Mistakes,
) -> HttpResponse {
    let page = Page {
        frame: Frame::of(site, visitor, "/caseload").await,
        mistakes,
        typed,
        languages: named(LANGUAGES),
        sexes: named(SEXES),
        clinics: options(choices.clinics),
        programs: options(choices.programs),
        clinicians: options(choices.clinicians),
        instruments: choices.instruments,
        cadences: cadences(),
    };
    errors::page(status, &page)
}

/// A list of choices for a form.
pub fn options<K: std::fmt::Display>(list: Vec<(K, String)>) -> Options {
    list.into_iter()
        .map(|(id, name)| (id.to_string(), name))
        .collect()
}

/// Fixed choices for a form.
pub fn named(list: &[(&str, &str)]) -> Options {
    let owned = |(word, name): &(&str, &str)| ((*word).to_owned(), (*name).to_owned());
    list.iter().map(owned).collect()
}

fn cadences() -> Options {
    let offered = CADENCES.iter().filter_map(|text| {
        let cadence: Cadence = text.parse().ok()?;
        Some(((*text).to_owned(), cadence.in_words()))
    });
    std::iter::once((String::new(), "Not planned yet".to_owned()))
        .chain(offered)
        .collect()
}

/// The form was sent.
pub async fn add(site: SiteData, visitor: Visitor, fields: Fields) -> HttpResponse {
    let typed = Typed::read(&fields);
    let choices = match enrol_choices(&site.app, visitor.actor()).await {
        Ok(choices) => choices,
        Err(failure) => return trouble(&failure),
    };
    let (who, care, plans) = match command(&typed, &choices) {
        Ok(command) => command,
        Err(mistakes) => {
            return render(
                &site,
                &visitor,
                StatusCode::UNPROCESSABLE_ENTITY,
                choices,
                typed,
                mistakes,
            )
            .await;
        }
    };
    match enrol::add_patient(&site.app, visitor.actor(), who, care, plans).await {
        Ok(id) => errors::see_other(&format!("/patients/{id}")),
        Err(Failure::Refused(refusal)) => {
            render(
                &site,
                &visitor,
                StatusCode::UNPROCESSABLE_ENTITY,
                choices,
                typed,
                refused(&refusal),
            )
            .await
        }
        Err(failure) => trouble(&failure),
    }
}

type Command = (PatientDetails, EpisodeDetails, Vec<PlanDetails>);

/// The form as a command, or everything that is wrong with it.
fn command(typed: &Typed, choices: &Choices) -> Result<Command, Mistakes> {
    let mut mistakes = typed
        .validate()
        .map_or_else(|found| Mistakes::of(&found, FIELDS), |()| Mistakes::none());
    let care = care(typed, choices, &mut mistakes);
    let plans = plans(typed, &mut mistakes);
    let zone = typed.time_zone.parse().ok();
    match (zone, care, plans) {
        (Some(time_zone), Some(care), Some(plans)) if mistakes.is_empty() => {
            let who = PatientDetails {
                external_id: typed.external_id.clone(),
                name: typed.name.clone(),
                email: (!typed.email.is_empty()).then(|| typed.email.clone()),
                language: typed.language.clone(),
                time_zone,
                sex: typed.sex.parse().ok(),
            };
            Ok((who, care, plans))
        }
        _ => Err(mistakes),
    }
}

fn care(typed: &Typed, choices: &Choices, mistakes: &mut Mistakes) -> Option<EpisodeDetails> {
    let wanted = [
        &typed.clinic,
        &typed.program,
        &typed.clinician,
        &typed.started_on,
    ];
    read_care(wanted.map(String::as_str), choices, mistakes)
}

/// Where, in what, with whom and from which day, in this order, as they were typed.
pub fn read_care(
    [clinic, program, clinician, started_on]: [&str; 4],
    choices: &Choices,
    mistakes: &mut Mistakes,
) -> Option<EpisodeDetails> {
    let clinic = chosen(&choices.clinics, clinic);
    let program = chosen(&choices.programs, program);
    let clinician = chosen(&choices.clinicians, clinician);
    let latest = choices.today + Days::new(DAYS_AHEAD);
    let started_on = started_on
        .parse()
        .ok()
        .filter(|day| (EARLIEST..=latest).contains(day));
    if clinic.is_none() {
        mistakes.add("clinic", "Choose one of your clinics.");
    }
    if program.is_none() {
        mistakes.add("program", "Choose a program.");
    }
    if clinician.is_none() {
        mistakes.add("clinician", "Choose a clinician.");
    }
    if started_on.is_none() {
        mistakes.add(
            "started_on",
            "Write the first day of care as year-month-day, not more than a year ahead.",
        );
    }
    Some(EpisodeDetails {
        clinic: clinic?,
        program: program?,
        clinician: clinician?,
        started_on: started_on?,
    })
}

fn chosen<K: std::str::FromStr + PartialEq + Copy>(list: &[(K, String)], text: &str) -> Option<K> {
    let wanted: K = text.parse().ok()?;
    list.iter().map(|(id, _)| *id).find(|id| *id == wanted)
}

/// Instruments and rhythm belong together; neither is needed.
/// Whether each instrument can be asked at all, the verb says, and why not.
fn plans(typed: &Typed, mistakes: &mut Mistakes) -> Option<Vec<PlanDetails>> {
    match (typed.instruments.is_empty(), typed.cadence.is_empty()) {
        (true, true) => Some(vec![]),
        (true, false) => {
            mistakes.add(
                "instruments",
                "Choose what to ask, or choose “Not planned yet”.",
            );
            None
        }
        (false, true) => {
            mistakes.add("cadence", "Choose how often, or uncheck what to ask.");
            None
        }
        (false, false) => match typed.cadence.parse() {
            Ok(cadence) => Some(vec![PlanDetails {
                instruments: typed.instruments.clone(),
                cadence,
            }]),
            Err(_) => {
                mistakes.add("cadence", "Choose how often from the list.");
                None
            }
        },
    }
}

/// Where on the page a refusal belongs.
fn refused(refusal: &Refusal) -> Mistakes {
    match refusal {
        Refusal::Taken => Mistakes::one(
            "external_id",
            "A patient with this id is here already. Look them up, or check the id.",
        ),
        Refusal::Clinic => Mistakes::one(
            "clinic",
            "There is no such clinic among yours. Choose another one.",
        ),
        Refusal::Program => {
            Mistakes::one("program", "There is no such program. Choose another one.")
        }
        Refusal::Clinician => Mistakes::one(
            "clinician",
            "This clinician does not work in that clinic. Change one of the two.",
        ),
        Refusal::Plan(why) => {
            Mistakes::one("instruments", format!("This plan cannot be kept: {why}."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices() -> Choices {
        let id = |n| crate::domain::ids::Id::from_uuid(uuid::Uuid::from_u128(n));
        Choices {
            clinics: vec![(id(1), "West".into())],
            programs: vec![(
                crate::domain::ids::Id::from_uuid(uuid::Uuid::from_u128(2)),
                "Outpatient".into(),
            )],
            clinicians: vec![(
                crate::domain::ids::Id::from_uuid(uuid::Uuid::from_u128(3)),
                "Bo, West".into(),
            )],
            instruments: vec![("phq9".into(), "PHQ-9".into())],
            zone: chrono_tz::UTC,
            today: NaiveDate::from_ymd_opt(2026, 3, 3).unwrap(),
        }
    }

    fn typed(change: impl FnOnce(&mut Typed)) -> Result<Command, Mistakes> {
        let choices = choices();
        let mut typed = Typed {
            external_id: "P-1".into(),
            name: "Ana".into(),
            language: "en".into(),
            time_zone: "America/Chicago".into(),
            clinic: choices.clinics[0].0.to_string(),
            program: choices.programs[0].0.to_string(),
            clinician: choices.clinicians[0].0.to_string(),
            started_on: "2026-03-03".into(),
            ..Typed::default()
        };
        change(&mut typed);
        command(&typed, &choices)
    }

    #[test]
    fn a_whole_form_becomes_a_command() {
        let (who, _, plans) = typed(|_| ()).unwrap();
        assert_eq!((who.email, plans.len()), (None, 0));
        let (_, _, plans) = typed(|form| {
            form.instruments = vec!["phq9".into()];
            form.cadence = "every_weeks:2".into();
        })
        .unwrap();
        assert_eq!(plans[0].cadence, Cadence::EveryWeeks { weeks: 2 });
    }

    #[test]
    fn every_mistake_is_told_beside_its_field() {
        type Change = fn(&mut Typed);
        let wrong: &[(&str, Change)] = &[
            ("external_id", |form| form.external_id = "P 1".into()),
            ("name", |form| form.name = String::new()),
            ("email", |form| form.email = "nobody".into()),
            ("language", |form| form.language = "xx".into()),
            ("time_zone", |form| form.time_zone = "Mars/Base".into()),
            ("clinic", |form| {
                form.clinic = "00000000000000000000000000000009".into()
            }),
            ("program", |form| form.program = String::new()),
            ("clinician", |form| form.clinician = "x".into()),
            ("started_on", |form| form.started_on = "2029-01-01".into()),
            ("instruments", |form| form.cadence = "every_weeks:2".into()),
            ("cadence", |form| form.instruments = vec!["phq9".into()]),
        ];
        for (field, change) in wrong {
            let mistakes = typed(change).unwrap_err();
            assert_eq!(
                mistakes.iter().map(|(field, _)| field).collect::<Vec<_>>(),
                [*field]
            );
        }
    }
}
