//! One account, as an administrator changes it.

use super::mistakes::Mistakes;
use super::{Frame, SiteData, not_found, trouble, words};
use crate::app::Failure;
use crate::app::accounts::Refusal;
use crate::app::change_account::{Change, change_account};
use crate::app::read_admin::{self, Account, Overview};
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
    mistakes: Mistakes,
    typed: Typed,
    clinics: Vec<(String, String)>,
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
    show(&site, &visitor, &path, StatusCode::OK, None).await
}

async fn show(
    site: &Site,
    visitor: &Visitor,
    id: &str,
    status: StatusCode,
    before: Option<(Typed, Mistakes)>,
) -> HttpResponse {
    let overview = match read_admin::read_admin(&site.app, visitor.actor()).await {
        Ok(overview) => overview,
        Err(failure) => return trouble(&failure),
    };
    let wanted = id.parse::<StaffId>().ok();
    let found = overview
        .accounts
        .iter()
        .find(|one| Some(one.row.id) == wanted && one.row.state != StaffState::Disabled.word());
    let Some(account) = found else {
        return not_found();
    };
    let (typed, mistakes) =
        before.unwrap_or_else(|| (Typed::stored(account, &overview), Mistakes::none()));
    let clinics = overview.clinics.iter();
    let page = Page {
        frame: Frame::of(site, visitor, "/admin").await,
        id: account.row.id,
        who: account.row.name.clone(),
        email: account.row.email.clone(),
        role: account.row.role.parse().map_or("Unknown", words::role),
        mistakes,
        typed,
        clinics: clinics
            .map(|(id, name)| (id.to_string(), name.clone()))
            .collect(),
    };
    errors::page(status, &page)
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
    let before = Some((typed, mistakes));
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
