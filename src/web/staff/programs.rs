//! What every patient of a program is asked: for administrators. No patient is named on this page.

use super::mistakes::Mistakes;
use super::plans::{PlanForm, asks, refused, rhythm, role_words, steps_in_words, wanted};
use super::{Frame, SiteData, trouble};
use crate::app::Failure;
use crate::app::program_plans::{
    self, Applied, ProgramPlans, add_program_plan, apply_program, stop_program_plan,
};
use crate::app::set_plan::Refusal;
use crate::domain::ids::{ProgramId, ProgramPlanId};
use crate::domain::instrument::Library;
use crate::web::errors;
use crate::web::form::Fields;
use crate::web::site::Site;
use crate::web::visitor::Visitor;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

#[derive(Template)]
#[template(path = "staff/programs.html")]
struct Page {
    frame: Frame,
    mistakes: Mistakes,
    done: Option<String>,
    programs: Vec<Program>,
    choices: Vec<(String, String)>,
    chosen: String,
    form: PlanForm,
}

struct Program {
    id: ProgramId,
    name: String,
    plans: Vec<Line>,
    in_care: usize,
    /// Whether somebody in care has other plans than the program.
    differs: bool,
}

struct Line {
    id: ProgramPlanId,
    what: String,
    steps: Vec<String>,
    how_often: String,
    role: &'static str,
    patients: i64,
}

/// What is special about showing the page this time.
#[derive(Default)]
struct Before {
    typed: Option<Fields>,
    mistakes: Mistakes,
    done: Option<String>,
}

/// The page.
pub async fn page(site: SiteData, visitor: Visitor) -> HttpResponse {
    show(&site, &visitor, StatusCode::OK, Before::default()).await
}

async fn show(site: &Site, visitor: &Visitor, status: StatusCode, before: Before) -> HttpResponse {
    let known = match program_plans::read_programs(&site.app, visitor.actor()).await {
        Ok(known) => known,
        Err(failure) => return trouble(&failure),
    };
    let chosen = before
        .typed
        .as_ref()
        .map_or_else(String::new, |fields| fields.one("program").to_owned());
    let form = PlanForm::empty(site.app.library, known.instruments);
    let form = match &before.typed {
        Some(fields) => form.typed(fields),
        None => form,
    };
    let choices = known.programs.iter();
    let page = Page {
        frame: Frame::of(site, visitor, "/admin").await,
        mistakes: before.mistakes,
        done: before.done,
        choices: choices
            .map(|one| (one.program.id.to_string(), one.program.name.clone()))
            .collect(),
        programs: known
            .programs
            .into_iter()
            .map(|one| program(site.app.library, one))
            .collect(),
        chosen,
        form,
    };
    errors::page(status, &page)
}

fn program(library: &Library, one: ProgramPlans) -> Program {
    let in_care = i64::try_from(one.in_care).unwrap_or(i64::MAX);
    Program {
        id: one.program.id,
        name: one.program.name,
        differs: one.outdated > 0 || one.plans.iter().any(|(_, patients)| *patients != in_care),
        in_care: one.in_care,
        plans: one
            .plans
            .into_iter()
            .map(|(row, patients)| Line {
                id: row.id,
                what: asks(library, row.instruments.split_whitespace()),
                steps: steps_in_words(library, row.step.as_deref()),
                how_often: rhythm(&row.cadence),
                role: role_words(&row.role),
                patients,
            })
            .collect(),
    }
}

/// Adds a plan to a program.
pub async fn add(site: SiteData, visitor: Visitor, fields: Fields) -> HttpResponse {
    let wanted = match wanted(&fields) {
        Ok(wanted) => wanted,
        Err(mistakes) => return wrong(&site, &visitor, fields, mistakes).await,
    };
    let Ok(program) = fields.one("program").parse() else {
        let mistakes = Mistakes::one("program", "Choose a program.");
        return wrong(&site, &visitor, fields, mistakes).await;
    };
    let done = add_program_plan(&site.app, visitor.actor(), program, wanted).await;
    answer(&site, &visitor, fields, done).await
}

/// Stops a program's plan.
pub async fn stop(site: SiteData, visitor: Visitor, fields: Fields) -> HttpResponse {
    let Ok(plan) = fields.one("plan").parse() else {
        let mistakes = Mistakes::one("programs", "Choose a plan from the list.");
        return wrong(&site, &visitor, Fields::default(), mistakes).await;
    };
    let done = stop_program_plan(&site.app, visitor.actor(), plan).await;
    answer(&site, &visitor, Fields::default(), done).await
}

/// Carries a program's plans over to everybody in care.
pub async fn apply(site: SiteData, visitor: Visitor, fields: Fields) -> HttpResponse {
    let Ok(program) = fields.one("program").parse() else {
        let mistakes = Mistakes::one("programs", "Choose a program from the list.");
        return wrong(&site, &visitor, Fields::default(), mistakes).await;
    };
    match apply_program(&site.app, visitor.actor(), program).await {
        Ok(done) => {
            let before = Before {
                done: Some(applied(done)),
                ..Before::default()
            };
            show(&site, &visitor, StatusCode::OK, before).await
        }
        Err(failure) => answer(&site, &visitor, Fields::default(), Err(failure)).await,
    }
}

fn applied(done: Applied) -> String {
    if done.patients == 0 {
        return "Everybody in care had these plans already. Nothing was changed.".to_owned();
    }
    format!(
        "The plans of {} patient{} were changed: {} added, {} stopped. Plans that were set for one patient alone stay.",
        done.patients,
        if done.patients == 1 { "" } else { "s" },
        done.added,
        done.stopped
    )
}

async fn wrong(site: &Site, visitor: &Visitor, typed: Fields, mistakes: Mistakes) -> HttpResponse {
    let before = Before {
        typed: Some(typed),
        mistakes,
        done: None,
    };
    show(site, visitor, StatusCode::UNPROCESSABLE_ENTITY, before).await
}

async fn answer(
    site: &Site,
    visitor: &Visitor,
    typed: Fields,
    done: Result<(), Failure<Refusal>>,
) -> HttpResponse {
    match done {
        Ok(()) => errors::see_other("/programs"),
        Err(Failure::Refused(refusal)) => wrong(site, visitor, typed, refused(&refusal)).await,
        Err(failure) => trouble(&failure),
    }
}
