//! One account, as an administrator changes it.

use super::mistakes::Mistakes;
use super::{Frame, SiteData, not_found, trouble, words};
use crate::app::Failure;
use crate::app::accounts::Refusal;
use crate::app::change_account::{self, Change, change_account};
use crate::app::read_admin::{self, Account, Overview};
use crate::domain::access::Role;
use crate::domain::ids::{ClinicId, StaffId};
use crate::store::staff::StaffState;
use crate::web::errors;
use crate::web::form::Fields;
use crate::web::site::Site;
use crate::web::visitor::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

#[derive(Template)]
#[template(path = "staff/account.html")]
struct Page {
    frame: Frame,
    id: StaffId,
    who: String,
    email: String,
    role: &'static str,
    is_disabled: bool,
    mistakes: Mistakes,
    typed: Typed,
    clinics: Vec<(String, String)>,
    cares: Vec<CaresIn>,
}

/// A clinic in which they care for patients.
struct CaresIn {
    id: String,
    name: String,
    patients: usize,
    colleagues: Vec<(String, String)>,
}

/// The form as it is stored or was typed.
struct Typed {
    name: String,
    licence: String,
    clinics: Vec<String>,
}

impl Typed {
    fn stored(account: &Account, overview: &Overview) -> Typed {
        let here = overview.clinics.iter();
        let here = here.filter(|(_, name)| account.clinics.contains(name));
        Typed {
            name: account.row.name.clone(),
            licence: account.row.licence.clone().unwrap_or_default(),
            clinics: here.map(|(id, _)| id.to_string()).collect(),
        }
    }

    fn read(fields: &Fields) -> Typed {
        let one = |name: &str| {
            let words = fields.one(name).split_whitespace();
            words.collect::<Vec<_>>().join(" ")
        };
        Typed {
            name: one("name"),
            licence: one("licence"),
            clinics: fields.all("clinics").map(str::to_owned).collect(),
        }
    }

    fn change(&self) -> Result<Change, Mistakes> {
        let clinics: Result<Vec<ClinicId>, _> = self.clinics.iter().map(|id| id.parse()).collect();
        let clinics =
            clinics.map_err(|_| Mistakes::one("clinics", "Choose clinics from the list."))?;
        if self.licence.chars().count() > 200 {
            let words = "Write the licence in at most 200 characters.";
            return Err(Mistakes::one("licence", words));
        }
        Ok(Change {
            name: self.name.clone(),
            licence: self.licence.clone(),
            clinics,
        })
    }
}

/// The page.
pub async fn page(site: SiteData, visitor: Visitor, path: web::Path<String>) -> HttpResponse {
    let before = (None, Mistakes::none());
    show(&site, &visitor, &path, StatusCode::OK, before).await
}

async fn show(
    site: &Site,
    visitor: &Visitor,
    id: &str,
    status: StatusCode,
    (typed, mistakes): (Option<Typed>, Mistakes),
) -> HttpResponse {
    let overview = match read_admin::read_admin(&site.app, visitor.actor()).await {
        Ok(overview) => overview,
        Err(failure) => return trouble(&failure),
    };
    let wanted = id.parse::<StaffId>().ok();
    let found = overview
        .accounts
        .iter()
        .find(|one| Some(one.row.id) == wanted);
    let Some(account) = found else {
        return not_found();
    };
    let read = change_account::read_care_of(&site.app, visitor.actor(), account.row.id);
    let cares = match read.await {
        Ok(counts) => counts,
        Err(failure) => return trouble(&failure),
    };
    let typed = typed.unwrap_or_else(|| Typed::stored(account, &overview));
    let clinics = overview.clinics.iter();
    let page = Page {
        frame: Frame::of(site, visitor, "/admin").await,
        id: account.row.id,
        who: account.row.name.clone(),
        email: account.row.email.clone(),
        role: account.row.role.parse().map_or("Unknown", words::role),
        is_disabled: account.row.state == StaffState::Disabled.word(),
        mistakes,
        typed,
        cares: cares
            .into_iter()
            .map(|(clinic, patients)| cares_in(&overview, account, clinic, patients))
            .collect(),
        clinics: clinics
            .map(|(id, name)| (id.to_string(), name.clone()))
            .collect(),
    };
    errors::page(status, &page)
}

fn cares_in(overview: &Overview, of: &Account, clinic: ClinicId, patients: usize) -> CaresIn {
    let name = overview.clinics.iter().find(|(id, _)| *id == clinic);
    let name = name.map_or_else(String::new, |(_, name)| name.clone());
    let treats = |one: &&Account| {
        let role = one.row.role.parse();
        matches!(role, Ok(Role::Therapist | Role::Supervisor))
            && one.row.state != StaffState::Disabled.word()
            && one.row.id != of.row.id
            && one.clinics.contains(&name)
    };
    let colleagues = overview.accounts.iter().filter(treats);
    CaresIn {
        id: clinic.to_string(),
        patients,
        colleagues: colleagues
            .map(|one| (one.row.id.to_string(), one.row.name.clone()))
            .collect(),
        name,
    }
}

/// Gives their patients in a clinic to a colleague.
pub async fn hand_over(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    fields: Fields,
) -> HttpResponse {
    let Ok(from) = path.parse::<StaffId>() else {
        return not_found();
    };
    let done = match (fields.one("to").parse(), fields.one("clinic").parse()) {
        (Ok(to), Ok(clinic)) => {
            let who = (from, to);
            change_account::hand_over_care(&site.app, visitor.actor(), who, clinic).await
        }
        _ => Err(Failure::Refused(Refusal::NoColleague)),
    };
    match done {
        Ok(()) => errors::see_other(&format!("/admin/staff/{from}")),
        Err(Failure::Refused(refusal)) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            let mistakes = Mistakes::one("cares", refusal.to_string());
            show(&site, &visitor, &path, status, (None, mistakes)).await
        }
        Err(failure) => trouble(&failure),
    }
}

/// Changes the account.
pub async fn change(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    fields: Fields,
) -> HttpResponse {
    let Ok(id) = path.parse::<StaffId>() else {
        return not_found();
    };
    let typed = Typed::read(&fields);
    let mistakes = match typed.change() {
        Ok(change) => match change_account(&site.app, visitor.actor(), id, change).await {
            Ok(()) => return errors::see_other("/admin?account"),
            Err(Failure::Refused(Refusal::NoAccount)) => return not_found(),
            Err(Failure::Refused(refusal)) => {
                Mistakes::one(field_of(&refusal), refusal.to_string())
            }
            Err(failure) => return trouble(&failure),
        },
        Err(mistakes) => mistakes,
    };
    let before = (Some(typed), mistakes);
    show(
        &site,
        &visitor,
        &path,
        StatusCode::UNPROCESSABLE_ENTITY,
        before,
    )
    .await
}

fn field_of(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::LastLicensed => "licence",
        Refusal::Clinic | Refusal::NoClinic | Refusal::HasPatients => "clinics",
        _ => "name",
    }
}
