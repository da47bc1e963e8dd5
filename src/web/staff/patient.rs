//! One patient's page: what waits first, then scores with their charts, every answer, sessions, mails. And "give the form now".
//! How one instrument is shown is in `scales`, its answers in `answers`, sessions and mails in `log`.

pub(super) mod answers;
mod course;
pub(super) mod folds;
pub mod log;
pub(super) mod mark;
pub(super) mod scales;

use super::contact::Beside;
use super::correction::CorrectionLine;
use super::words::{self, age, day_ago};
use super::{Frame, SiteData, in_error, informant, not_found, signals, trouble};
use crate::app::Failure;
use crate::app::read_patient::{EpisodeRecord, Record, Refusal, read_patient};
use crate::app::set_contact;
use crate::domain::care::SessionState;
use crate::domain::ids::{EpisodeId, PatientId};
use crate::domain::instrument::{Instrument, Library, Respondent};
use crate::domain::risk::{FlagState, PHRASE_RULE, Tier};
use crate::domain::schedule::Cadence;
use crate::store::correction::CorrectionRow;
use crate::store::flag::FlagNames;
use crate::store::known_level::KnownLevelRow;
use crate::store::patient::EpisodeNames;
use crate::store::plan::PlanRow;
use crate::web::errors;
use crate::web::visitor::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use folds::{Fold, Folds};
use log::{OccasionLine, SessionLine};
use scales::{About, InstrumentView};
use serde::Deserialize;

/// A flag as the page lists it.
struct FlagLine {
    address: String,
    /// `Answered 2 to PHQ-9, item 9`.
    said: String,
    /// The answer in the patient's words.
    words: String,
    /// How it stands.
    state: String,
    crisis: bool,
}

/// A pair of the head: what, and its words.
struct Fact {
    what: &'static str,
    words: String,
}

/// An instrument that can be given.
struct Choice {
    id: String,
    words: String,
    chosen: bool,
}

/// Another episode of the same patient.
struct EpisodeLine {
    address: String,
    words: String,
    here: bool,
}

#[derive(Template)]
#[template(path = "staff/patient.html", whitespace = "minimize")]
struct Page {
    frame: Frame,
    name: String,
    external_id: String,
    facts: Vec<Fact>,
    plans_address: String,
    care_address: String,
    sessions_address: String,
    waiting: Vec<FlagLine>,
    closed: Vec<FlagLine>,
    /// Answers that a licensed person knows of, a sentence each.
    known_levels: Vec<String>,
    instruments: Vec<InstrumentView>,
    /// What was said about the sessions; never a score of how the patient is.
    session_checks: Vec<InstrumentView>,
    /// Notes to answers that were sent, newest first.
    corrections: Vec<CorrectionLine>,
    /// Answers that are left out of everything above.
    in_error: Vec<in_error::Line>,
    history_fold: Fold,
    occasion_count: usize,
    occasions: Vec<OccasionLine>,
    session_count: usize,
    sessions: Vec<SessionLine>,
    episodes: Vec<EpisodeLine>,
    give: Option<Give>,
    contact: Option<Beside>,
    record: Option<RecordChoices>,
    informants: Option<informant::Section>,
    series: Vec<informant::Series>,
    signals: signals::Section,
}

/// The form "record a form".
struct RecordChoices {
    action: String,
    /// The episode of care that is shown.
    episode: String,
    /// Those the clinician answers.
    rated: Vec<Choice>,
    /// Those that others answer, on paper.
    paper: Vec<Choice>,
}

/// The form "give the form now".
struct Give {
    action: String,
    /// The episode of care that is shown.
    episode: String,
    /// The same on a tablet.
    tablet: String,
    choices: Vec<Choice>,
}

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub struct Wish {
    /// An episode that is not the one in progress.
    episode: Option<String>,
    /// A part of the page that is open.
    open: Option<String>,
}

/// A patient's page.
pub async fn page(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    wish: web::Query<Wish>,
) -> HttpResponse {
    let Ok(id) = path.parse::<PatientId>() else {
        return not_found();
    };
    let episode = match wish.episode.as_deref().map(str::parse::<EpisodeId>) {
        Some(Err(_)) => return not_found(),
        Some(Ok(id)) => Some(id),
        None => None,
    };
    let record = match read_patient(&site.app, visitor.actor(), id, episode).await {
        Ok(record) => record,
        Err(Failure::Refused(Refusal::NoPatient | Refusal::NoEpisode)) => return not_found(),
        Err(failure) => return trouble(&failure),
    };
    let frame = Frame::of(&site, &visitor, "/caseload").await;
    let address = match episode {
        Some(episode) => format!("/patients/{id}?episode={episode}"),
        None => format!("/patients/{id}"),
    };
    let folds = Folds::new(address, wish.into_inner().open);
    let contact = match set_contact::glance(&site.app, visitor.actor(), id).await {
        Ok(card) => Some(Beside::of(&card)),
        Err(failure) => return trouble(&failure),
    };
    let usable: Vec<String> = record
        .on_record
        .usable(site.app.library)
        .filter(|_| in_care(&record))
        .map(|known| known.id.clone())
        .collect();
    let signals = match signals::section(&site, &visitor, id, &usable).await {
        Ok(signals) => signals,
        Err(failure) => return trouble(&failure),
    };
    errors::page(
        StatusCode::OK,
        &Page {
            contact,
            ..fill(frame, site.app.library, &record, &folds, signals)
        },
    )
}

fn fill(
    frame: Frame,
    library: &'static Library,
    record: &Record,
    folds: &Folds,
    signals: signals::Section,
) -> Page {
    let shown = record.shown.as_ref();
    let history_fold = folds.fold("history".to_owned());
    let unfolded = shown.filter(|_| history_fold.open);
    let (waiting, closed): (Vec<_>, Vec<_>) = record
        .flags
        .iter()
        .partition(|known| known.flag.state != FlagState::Closed.word());
    Page {
        frame,
        name: record.patient.name.clone(),
        external_id: record.patient.external_id.clone(),
        facts: facts(library, record),
        plans_address: format!("/patients/{}/plans", record.patient.id),
        sessions_address: format!("/patients/{}/sessions", record.patient.id),
        care_address: format!("/patients/{}/care", record.patient.id),
        waiting: waiting
            .into_iter()
            .map(|flag| flag_line(library, record, flag))
            .collect(),
        closed: closed
            .into_iter()
            .map(|flag| flag_line(library, record, flag))
            .collect(),
        known_levels: record
            .known_levels
            .iter()
            .map(|row| known_level(library, record, row))
            .collect(),
        instruments: shown
            .map(|episode| scales::instruments(library, record, episode, folds, About::Patient))
            .unwrap_or_default(),
        session_checks: shown
            .map(|episode| scales::instruments(library, record, episode, folds, About::Sessions))
            .unwrap_or_default(),
        corrections: shown
            .map(|episode| corrections(library, record, episode))
            .unwrap_or_default(),
        in_error: shown
            .map(|episode| in_error::lines(library, record, episode))
            .unwrap_or_default(),
        occasion_count: shown.map_or(0, |episode| {
            let others = episode.informed.iter();
            let theirs: usize = others.map(|one| one.episode.occasions.len()).sum();
            episode.occasions.len() + theirs
        }),
        occasions: unfolded
            .map(|episode| log::occasions(library, record, episode))
            .unwrap_or_default(),
        session_count: shown.map_or(0, |episode| episode.sessions.len()),
        sessions: unfolded
            .map(|episode| log::sessions(record, episode))
            .unwrap_or_default(),
        history_fold,
        episodes: episodes(record),
        give: shown
            .filter(|episode| is_open(episode))
            .map(|episode| give(library, record, episode)),
        contact: None,
        // Also what came back on paper after care had ended.
        record: shown.map(|episode| record_choices(library, record, episode)),
        informants: shown
            .filter(|episode| is_open(episode))
            .map(|episode| informant::section(library, record, episode)),
        series: shown
            .map(|episode| informant::series(library, record, episode, folds))
            .unwrap_or_default(),
        signals,
    }
}

/// The notes of an episode, the patient's and those of whoever answered about the patient, newest first.
fn corrections(
    library: &'static Library,
    record: &Record,
    episode: &EpisodeRecord,
) -> Vec<CorrectionLine> {
    let own = std::iter::once((episode, String::new()));
    let others = episode
        .informed
        .iter()
        .map(|one| (&one.episode, format!(", by {}", one.who.who())));
    let mut notes: Vec<_> = own
        .chain(others)
        .flat_map(|(part, by)| {
            let line =
                move |row: &CorrectionRow| (row.made_at, note(library, record, part, row, &by));
            part.corrections.iter().map(line).collect::<Vec<_>>()
        })
        .collect();
    notes.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    notes.into_iter().map(|(_, line)| line).collect()
}

fn note(
    library: &'static Library,
    record: &Record,
    part: &EpisodeRecord,
    row: &CorrectionRow,
    by: &str,
) -> CorrectionLine {
    let responses: Vec<_> = part
        .responses
        .iter()
        .filter(|known| known.administration_id == row.administration_id)
        .collect();
    let names: Vec<&str> = responses
        .iter()
        .map(|known| {
            let instrument = library.version(&known.instrument, &known.version);
            instrument.map_or(known.instrument.as_str(), |known| {
                &known.texts_or_english("en").short_name
            })
        })
        .collect();
    let sent = responses.iter().find_map(|known| known.completed_at);
    let of = sent.map_or_else(String::new, |at| {
        format!(" of {}", day_ago(record.day(at), record.today()))
    });
    let about = format!("to {}{of}{by}", names.join(", "));
    CorrectionLine::of(row, about, record.zone, record.now)
}

fn in_care(record: &Record) -> bool {
    record
        .episodes
        .iter()
        .any(|names| names.episode.ended_on.is_none())
}

fn is_open(shown: &EpisodeRecord) -> bool {
    shown.names.episode.ended_on.is_none()
}

fn facts(library: &'static Library, record: &Record) -> Vec<Fact> {
    let mut facts = vec![];
    if let Some(episode) = &record.shown {
        facts.extend(episode_facts(library, record, episode));
    }
    let patient = &record.patient;
    let mail = match (&patient.email, patient.email_refused_at) {
        (None, _) => "none: give the form by hand".to_owned(),
        (Some(address), None) => address.clone(),
        (Some(address), Some(at)) => format!(
            "{address}, refused by the relay {}",
            day_ago(record.day(at), record.today())
        ),
    };
    facts.push(Fact {
        what: "E-mail",
        words: mail,
    });
    facts.push(Fact {
        what: "Language, time zone",
        words: format!(
            "{}, {}",
            words::language(&patient.language),
            patient.time_zone
        ),
    });
    facts
}

fn episode_facts(library: &'static Library, record: &Record, episode: &EpisodeRecord) -> Vec<Fact> {
    let names = &episode.names;
    let mut facts = vec![
        Fact {
            what: "Care",
            words: episode_words(record, names),
        },
        Fact {
            what: "Clinician",
            words: names.clinician.clone(),
        },
        Fact {
            what: "Clinic, program",
            words: format!("{}, {}", names.clinic, names.program),
        },
    ];
    if names.episode.ended_on.is_none() {
        let plans: Vec<_> = episode
            .plans
            .iter()
            .map(|plan| plan_words(library, record, plan))
            .collect();
        let words = if plans.is_empty() {
            "none".to_owned()
        } else {
            plans.join("; ")
        };
        facts.push(Fact {
            what: "Measurement plan",
            words,
        });
        facts.push(Fact {
            what: "Next session",
            words: next_session(record, episode),
        });
    }
    facts
}

fn episode_words(record: &Record, names: &EpisodeNames) -> String {
    let started = day_ago(names.episode.started_on, record.today());
    let ending = names.episode.ending.as_deref();
    let ending = ending.and_then(|word| word.parse().ok());
    let ending = ending.map_or_else(String::new, |ending| format!(", {}", words::ending(ending)));
    match names.episode.ended_on {
        None => format!("since {started}"),
        Some(last) => format!(
            "{} to {}{ending}",
            names.episode.started_on.format("%-d %b %Y"),
            last.format("%-d %b %Y")
        ),
    }
}

/// `PHQ-9, GAD-7 every 2 weeks, next due Tue 3 Mar, in 2 days`.
fn plan_words(library: &'static Library, record: &Record, plan: &PlanRow) -> String {
    let names: Vec<_> = plan
        .instruments
        .split_whitespace()
        .map(|id| {
            library
                .get(id)
                .map_or(id, |known| known.texts_or_english("en").short_name.as_str())
        })
        .collect();
    let known = plan.cadence.parse::<Cadence>();
    let nothing = match &known {
        Ok(Cadence::BeforeSession { .. } | Cadence::AtSessions { .. }) => {
            "nothing due until a session is planned"
        }
        Ok(Cadence::Discharge) => "due when care ends",
        Ok(Cadence::FollowUp { .. }) => "due after care has ended",
        Ok(Cadence::Intake | Cadence::EveryWeeks { .. }) | Err(_) => "nothing more due",
    };
    let cadence = known.map_or_else(|_| plan.cadence.clone(), |cadence| cadence.in_words());
    let next = plan.next_due_at.map_or_else(
        || nothing.to_owned(),
        |at| format!("next due {}", day_ago(record.day(at), record.today())),
    );
    format!("{} {cadence}, {next}", names.join(", "))
}

fn next_session(record: &Record, episode: &EpisodeRecord) -> String {
    let planned = SessionState::Planned.word();
    let next = episode
        .sessions
        .iter()
        .find(|(at, state)| *at >= record.now && state == planned);
    next.map_or_else(
        || "none planned".to_owned(),
        |(at, _)| day_ago(record.day(*at), record.today()),
    )
}

fn flag_line(library: &'static Library, record: &Record, known: &FlagNames) -> FlagLine {
    let flag = &known.flag;
    let instrument = library.version(&flag.instrument, &flag.version);
    let short = instrument.map_or(flag.instrument.as_str(), |known| {
        &known.texts_or_english("en").short_name
    });
    let waited = age(flag.raised_at, record.now);
    FlagLine {
        address: format!("/flags/{}", flag.id),
        said: match flag.rule == PHRASE_RULE {
            true => "A phrase of the list in the patient’s own words".to_owned(),
            false => format!("Answered {} to {short}, item {}", flag.answer, flag.item),
        },
        words: flag.answer_words.clone(),
        state: match flag.state.parse() {
            Ok(FlagState::Open) => format!("Waiting for {waited}. Nobody has it."),
            Ok(FlagState::Acknowledged) => format!(
                "Raised {waited} ago. {} has it, not closed yet.",
                known.owner
            ),
            Ok(FlagState::Closed) | Err(_) => format!(
                "Raised {}. Closed.",
                day_ago(record.day(flag.raised_at), record.today())
            ),
        },
        crisis: flag.tier == Tier::Crisis.word(),
    }
}

/// `PHQ-9, item 9: answers up to 1 are known until Tue 31 Mar, in 28 days. For years.`
fn known_level(library: &'static Library, record: &Record, row: &KnownLevelRow) -> String {
    let instrument = library.get(&row.instrument);
    let short = instrument.map_or(row.instrument.as_str(), |known| {
        &known.texts_or_english("en").short_name
    });
    let item = instrument.and_then(|known| {
        let rule = known.risk_rules.iter().find(|rule| rule.id == row.rule)?;
        Some(known.items.get(rule.item)?.id.as_str())
    });
    format!(
        "{short}, item {}: answers up to {} are known until {}. {}",
        item.unwrap_or("?"),
        row.up_to,
        day_ago(row.until_on, record.today()),
        row.reason
    )
}

fn episodes(record: &Record) -> Vec<EpisodeLine> {
    let shown = record
        .shown
        .as_ref()
        .map(|episode| episode.names.episode.id);
    let line = |names: &EpisodeNames| EpisodeLine {
        address: format!(
            "/patients/{}?episode={}",
            record.patient.id, names.episode.id
        ),
        words: format!(
            "{}, {}, {}",
            names.program,
            names.clinician,
            episode_words(record, names)
        ),
        here: Some(names.episode.id) == shown,
    };
    record.episodes.iter().map(line).collect()
}

fn give(library: &'static Library, record: &Record, episode: &EpisodeRecord) -> Give {
    let asked: Vec<&str> = episode
        .plans
        .iter()
        .flat_map(|plan| plan.instruments.split_whitespace())
        .collect();
    let choice = |known: &Instrument| Choice {
        id: known.id.clone(),
        words: known.texts_or_english("en").short_name.clone(),
        chosen: asked.contains(&known.id.as_str()),
    };
    Give {
        episode: episode.names.episode.id.to_string(),
        action: format!("/patients/{}/form", record.patient.id),
        tablet: format!("/patients/{}/tablet", record.patient.id),
        choices: record.on_record.usable(library).map(choice).collect(),
    }
}

fn record_choices(
    library: &'static Library,
    record: &Record,
    episode: &EpisodeRecord,
) -> RecordChoices {
    let choice = |known: &Instrument| Choice {
        id: known.id.clone(),
        words: known.texts_or_english("en").short_name.clone(),
        chosen: false,
    };
    let (rated, paper): (Vec<_>, Vec<_>) = record
        .on_record
        .recordable(library)
        .partition(|known| known.respondent == Respondent::Clinician);
    RecordChoices {
        episode: episode.names.episode.id.to_string(),
        action: format!("/patients/{}/record", record.patient.id),
        rated: rated.into_iter().map(choice).collect(),
        paper: paper.into_iter().map(choice).collect(),
    }
}
