//! One patient's measurement plans: what is asked and how often, what comes, what became of the last occasions; and the form that adds or changes a plan.

use super::mistakes::Mistakes;
use super::{Frame, SiteData, not_found, trouble};
use crate::app::Failure;
use crate::app::read_plans::{EpisodePlans, Plans, read_plans};
use crate::app::set_plan::{self, PlanDetails, Refusal, Wanted};
use crate::domain::ids::{PatientId, PlanId};
use crate::domain::instrument::Library;
use crate::domain::schedule::burden::{minutes, seconds_of};
use crate::domain::schedule::planning::{Dated, Outcome};
use crate::domain::schedule::step::{Step, read_steps, usual};
use crate::domain::schedule::{Cadence, OccasionOutcome, PlanRole, local_time, occasion_in_words};
use crate::store::occasion::OccasionRow;
use crate::store::plan::PlanRow;
use crate::web::errors;
use crate::web::form::Fields;
use crate::web::site::Site;
use crate::web::visitor::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::NaiveDateTime;
use chrono_tz::Tz;
use serde::Deserialize;

/// The rhythms the pages offer; any other is written out.
const CADENCES: &[&str] = &[
    "before_session:24",
    "before_session:48",
    "every_weeks:1",
    "every_weeks:2",
    "every_weeks:4",
    "every_weeks:12",
    "at_sessions:1,4,8@24",
    "intake",
    "discharge",
    "follow_up:3,6,12",
];

type Options = Vec<(String, String)>;

#[derive(Template)]
#[template(path = "staff/plans.html")]
struct Page {
    frame: Frame,
    id: PatientId,
    name: String,
    external_id: String,
    care: Option<Care>,
    mistakes: Mistakes,
    form: PlanForm,
}

/// The episode whose plans are shown.
struct Care {
    is_open: bool,
    program: String,
    zone: String,
    minutes: u32,
    plans: Vec<PlanLine>,
    ahead: Vec<AheadLine>,
    past: Vec<PastLine>,
}

struct PlanLine {
    id: PlanId,
    what: String,
    steps: Vec<String>,
    how_often: String,
    role: &'static str,
    next: String,
    from_program: bool,
    can_rise: bool,
}

struct AheadLine {
    when: String,
    asks: String,
    why: Vec<String>,
    left_out: Vec<String>,
}

struct PastLine {
    when: String,
    what: String,
    occasion: String,
    outcome: &'static str,
    why: String,
}

/// The form that adds a plan or changes one; shared with the programs' page.
pub struct PlanForm {
    /// The plan that is changed; empty for a new one.
    pub plan: String,
    /// What is chosen.
    pub chosen: Vec<String>,
    /// What may be chosen.
    pub instruments: Options,
    /// The rhythm that is chosen.
    pub cadence: String,
    /// The rhythms that are offered.
    pub cadences: Options,
    /// A rhythm that is written out.
    pub written: String,
    /// Core or supplement.
    pub role: String,
    /// Both.
    pub roles: Options,
    /// The steps that are chosen.
    pub steps_chosen: Vec<String>,
    /// The steps that are offered.
    pub steps: Options,
}

impl PlanForm {
    /// An empty one.
    pub fn empty(library: &Library, instruments: Options) -> PlanForm {
        let offered = CADENCES.iter().filter_map(|text| {
            let cadence: Cadence = text.parse().ok()?;
            Some(((*text).to_owned(), cadence.in_words()))
        });
        PlanForm {
            plan: String::new(),
            chosen: vec![],
            instruments,
            cadence: String::new(),
            cadences: std::iter::once((String::new(), "Choose".to_owned()))
                .chain(offered)
                .collect(),
            written: String::new(),
            role: PlanRole::Core.word().to_owned(),
            roles: vec![
                ("core".into(), "Core: always asked".into()),
                (
                    "supplement".into(),
                    "Supplement: left out when the month gets too long".into(),
                ),
            ],
            steps_chosen: vec![],
            steps: usual(library)
                .map(|step| (step.to_string(), step.in_words(library)))
                .collect(),
        }
    }

    /// As it was typed.
    #[must_use]
    pub fn typed(mut self, fields: &Fields) -> PlanForm {
        self.plan = fields.one("plan").to_owned();
        self.chosen = fields.all("instruments").map(str::to_owned).collect();
        self.cadence = fields.one("cadence").to_owned();
        self.written = fields.one("written").trim().to_owned();
        self.role = fields.one("role").to_owned();
        self.steps_chosen = fields.all("steps").map(str::to_owned).collect();
        self
    }

    fn changing(mut self, row: &PlanRow) -> PlanForm {
        self.plan = row.id.to_string();
        self.chosen = row
            .instruments
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        if self.cadences.iter().any(|(text, _)| *text == row.cadence) {
            self.cadence = row.cadence.clone();
        } else {
            self.written = row.cadence.clone();
        }
        self.role = row.role.clone();
        let steps = row.step.as_deref().unwrap_or_default();
        self.steps_chosen = steps.split_whitespace().map(str::to_owned).collect();
        self
    }
}

/// The plan that was typed, or everything that is wrong with it.
///
/// # Errors
/// What to change, field by field.
pub fn wanted(fields: &Fields) -> Result<Wanted, Mistakes> {
    let mut mistakes = Mistakes::none();
    let instruments: Vec<String> = fields.all("instruments").map(str::to_owned).collect();
    if instruments.is_empty() {
        mistakes.add("instruments", "Choose what to ask.");
    }
    let written = fields.one("written").trim();
    let text = if written.is_empty() {
        fields.one("cadence")
    } else {
        written
    };
    let cadence = text.parse::<Cadence>();
    if let Err(bad) = &cadence {
        if text.is_empty() {
            mistakes.add("cadence", "Choose how often.");
        } else {
            mistakes.add("written", format!("{bad}."));
        }
    }
    let role = fields.one("role").parse::<PlanRole>();
    if role.is_err() {
        mistakes.add("role", "Choose core or supplement.");
    }
    let steps = fields.all("steps").map(str::parse::<Step>);
    let steps: Result<Vec<Step>, _> = steps.collect();
    if let Err(bad) = &steps {
        mistakes.add("steps", format!("{bad}."));
    }
    match (cadence, role, steps) {
        (Ok(cadence), Ok(role), Ok(steps)) if mistakes.is_empty() => Ok(Wanted {
            details: PlanDetails {
                instruments,
                cadence,
            },
            role,
            steps,
        }),
        _ => Err(mistakes),
    }
}

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub struct Wish {
    /// A plan that is to be changed.
    change: Option<String>,
}

/// The page.
pub async fn page(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    wish: web::Query<Wish>,
) -> HttpResponse {
    let before = Before {
        change: wish.into_inner().change,
        ..Before::default()
    };
    show(&site, &visitor, &path, StatusCode::OK, before).await
}

/// What is special about showing the page this time.
#[derive(Default)]
struct Before {
    change: Option<String>,
    typed: Option<Fields>,
    mistakes: Mistakes,
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
    let plans = match read_plans(&site.app, visitor.actor(), id).await {
        Ok(plans) => plans,
        Err(Failure::Refused(_)) => return not_found(),
        Err(failure) => return trouble(&failure),
    };
    let frame = Frame::of(site, visitor, "/caseload").await;
    errors::page(status, &fill(frame, site.app.library, plans, before))
}

fn fill(frame: Frame, library: &'static Library, plans: Plans, before: Before) -> Page {
    let form = PlanForm::empty(library, plans.instruments);
    let rows = plans.episode.as_ref().map_or(&[][..], |one| &one.plans);
    let change = before.change.as_deref();
    let form = match (
        before.typed,
        rows.iter()
            .find(|row| change == Some(row.id.to_string().as_str())),
    ) {
        (Some(fields), _) => form.typed(&fields),
        (None, Some(row)) => form.changing(row),
        (None, None) => form,
    };
    Page {
        frame,
        id: plans.patient.id,
        name: plans.patient.name,
        external_id: plans.patient.external_id,
        care: plans.episode.map(|episode| care(library, &episode)),
        mistakes: before.mistakes,
        form,
    }
}

fn care(library: &Library, episode: &EpisodePlans) -> Care {
    let names = |plan: PlanId| {
        let found = episode.asks.iter().find(|(known, _)| *known == plan);
        found.map_or_else(String::new, |(_, ids)| {
            asks(library, ids.split_whitespace())
        })
    };
    Care {
        is_open: episode.episode.ended_on.is_none(),
        program: episode.program.clone(),
        zone: episode.zone.name().to_owned(),
        minutes: episode.minutes_per_month,
        plans: plan_lines(library, episode),
        ahead: episode
            .ahead
            .iter()
            .map(|dated| ahead_line(library, dated, episode.zone, &names))
            .collect(),
        past: episode
            .past
            .iter()
            .map(|row| past_line(row, episode.zone, &names))
            .collect(),
    }
}

fn plan_lines(library: &Library, episode: &EpisodePlans) -> Vec<PlanLine> {
    let mut before: Option<&str> = None;
    let line = |row: &PlanRow, can_rise: bool| PlanLine {
        id: row.id,
        what: asks(library, row.instruments.split_whitespace()),
        steps: steps_in_words(library, row.step.as_deref()),
        how_often: rhythm(&row.cadence),
        role: role_words(&row.role),
        next: row
            .next_due_at
            .map_or_else(|| "nothing ahead".to_owned(), |at| moment(at, episode.zone)),
        from_program: row.program_plan_id.is_some(),
        can_rise,
    };
    let mut lines = vec![];
    for row in &episode.plans {
        lines.push(line(row, before == Some(row.role.as_str())));
        before = Some(row.role.as_str());
    }
    lines
}

/// A plan's steps for staff.
pub fn steps_in_words(library: &Library, steps: Option<&str>) -> Vec<String> {
    let steps = read_steps(steps.unwrap_or_default()).unwrap_or_default();
    steps.iter().map(|step| step.in_words(library)).collect()
}

/// A role's word for staff.
pub fn role_words(role: &str) -> &'static str {
    match role.parse() {
        Ok(PlanRole::Supplement) => "supplement",
        _ => "core",
    }
}

/// A stored rhythm in words.
pub fn rhythm(cadence: &str) -> String {
    cadence
        .parse::<Cadence>()
        .map_or_else(|_| cadence.to_owned(), |known| known.in_words())
}

/// `PHQ-9, GAD-7 (about 3 minutes)`.
pub fn asks<'a>(library: &Library, ids: impl Iterator<Item = &'a str>) -> String {
    let (mut names, mut seconds) = (vec![], 0_u32);
    for id in ids {
        let known = library.get(id);
        seconds = seconds.saturating_add(known.map_or(0, seconds_of));
        names.push(known.map_or(id, |known| known.texts_or_english("en").short_name.as_str()));
    }
    format!("{} (about {} min)", names.join(", "), minutes(seconds))
}

/// `Mon 9 Mar 2026, 09:00`, on the patient's clock.
fn moment(at: NaiveDateTime, zone: Tz) -> String {
    local_time(zone, at)
        .format("%a %-d %b %Y, %H:%M")
        .to_string()
}

fn ahead_line(
    library: &Library,
    dated: &Dated,
    zone: Tz,
    names: &dyn Fn(PlanId) -> String,
) -> AheadLine {
    let mut why = vec![];
    let mut left_out = vec![];
    for verdict in &dated.verdicts {
        let words = names(verdict.plan);
        match &verdict.outcome {
            Outcome::Asked | Outcome::Covered(_) => {
                let occasion = occasion_in_words(&verdict.occasion.name);
                if !why.contains(&occasion) {
                    why.push(occasion);
                }
            }
            Outcome::Dropped(reason) => left_out.push(format!("{words}: {reason}")),
            Outcome::Skipped(reason) => left_out.push(format!("{words}: {reason}")),
        }
    }
    let form = dated.form.as_ref();
    AheadLine {
        when: moment(form.map_or(dated.at, |form| form.due_at), zone),
        asks: form.map_or_else(
            || "nothing".to_owned(),
            |form| asks(library, form.instruments.iter().map(String::as_str)),
        ),
        why,
        left_out,
    }
}

fn past_line(row: &OccasionRow, zone: Tz, names: &dyn Fn(PlanId) -> String) -> PastLine {
    PastLine {
        when: moment(row.due_at, zone),
        what: names(row.plan_id),
        occasion: occasion_in_words(&row.name),
        outcome: match row.outcome.parse() {
            Ok(OccasionOutcome::Asked) => "asked",
            Ok(OccasionOutcome::Dropped) => "left out",
            _ => "not asked",
        },
        why: row.why.clone().unwrap_or_default(),
    }
}

/// Adds a plan, or changes the one the form names.
pub async fn set(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    fields: Fields,
) -> HttpResponse {
    let wanted = match wanted(&fields) {
        Ok(wanted) => wanted,
        Err(mistakes) => return wrong(&site, &visitor, &path, fields, mistakes).await,
    };
    let Ok(who) = path.parse::<PatientId>() else {
        return not_found();
    };
    let plan = fields.one("plan");
    let done = match plan.parse::<PlanId>() {
        _ if plan.is_empty() => set_plan::add_plan(&site.app, visitor.actor(), who, wanted).await,
        Ok(plan) => set_plan::change_plan(&site.app, visitor.actor(), who, plan, wanted).await,
        Err(_) => Err(Failure::Refused(Refusal::NoPlan)),
    };
    answer(&site, &visitor, &path, fields, done).await
}

/// Stops a plan.
pub async fn stop(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    fields: Fields,
) -> HttpResponse {
    let (Ok(who), Ok(plan)) = (path.parse(), fields.one("plan").parse()) else {
        return wrong(&site, &visitor, &path, Fields::default(), no_plan()).await;
    };
    let done = set_plan::stop_plan(&site.app, visitor.actor(), who, plan).await;
    answer(&site, &visitor, &path, Fields::default(), done).await
}

/// Lets a plan change places with the one before it.
pub async fn raise(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    fields: Fields,
) -> HttpResponse {
    let (Ok(who), Ok(plan)) = (path.parse(), fields.one("plan").parse()) else {
        return wrong(&site, &visitor, &path, Fields::default(), no_plan()).await;
    };
    let done = set_plan::raise_plan(&site.app, visitor.actor(), who, plan).await;
    answer(&site, &visitor, &path, Fields::default(), done).await
}

fn no_plan() -> Mistakes {
    Mistakes::one("plan", "Choose a plan from the list.")
}

async fn wrong(
    site: &Site,
    visitor: &Visitor,
    id: &str,
    typed: Fields,
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
    typed: Fields,
    done: Result<(), Failure<Refusal>>,
) -> HttpResponse {
    match done {
        Ok(()) => errors::see_other(&format!("/patients/{id}/plans")),
        Err(Failure::Refused(Refusal::NoPatient)) => not_found(),
        Err(Failure::Refused(refusal)) => {
            let mistakes = refused(&refusal);
            wrong(site, visitor, id, typed, mistakes).await
        }
        Err(failure) => trouble(&failure),
    }
}

/// Where on the page a refusal belongs.
pub fn refused(refusal: &Refusal) -> Mistakes {
    let words = format!("This cannot be done: {refusal}.");
    match refusal {
        Refusal::NoPlan | Refusal::NoPatient | Refusal::NotInCare => Mistakes::one("plan", words),
        Refusal::StepElsewhere(_) | Refusal::Step(_) => Mistakes::one("steps", words),
        Refusal::Twice | Refusal::NamedTwice(_) | Refusal::Plan(_) => {
            Mistakes::one("instruments", words)
        }
    }
}
