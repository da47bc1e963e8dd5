//! Running the site: accounts, the words patients read, how mails and workers stand. No patient is named on this page.

use super::mistakes::Mistakes;
use super::periods;
use super::{Frame, SiteData, not_found, trouble, words};
use crate::app::Failure;
use crate::app::accounts::{self, NewAccount, Refusal, SETUP_HOURS};
use crate::app::read_admin::{self, Account, Overview};
use crate::app::set_periods;
use crate::app::site_words::{self, CrisisLine};
use crate::domain::access::Role;
use crate::domain::evaluation::Grid;
use crate::domain::ids::{ClinicId, StaffId};
use crate::jobs::heartbeat;
use crate::store::key_change::KeyChange;
use crate::store::staff::StaffState;
use crate::web::errors;
use crate::web::form::Fields;
use crate::web::site::Site;
use crate::web::visitor::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use validator::Validate;

/// The fields of both forms in the order of the page, for the summary.
const FIELDS: &[&str] = &[
    "name",
    "email",
    "role",
    "licence",
    "clinics",
    "line_label",
    "line_shown",
    "line_dial",
    "promise",
    "periods",
];

#[derive(Template)]
#[template(path = "staff/admin.html")]
struct Page {
    frame: Frame,
    organisation: String,
    notice: Option<String>,
    mistakes: Mistakes,
    link: Option<ShownLink>,
    hours: i64,
    saved: Option<&'static str>,
    accounts: Vec<Row>,
    typed: Typed,
    roles: Vec<(&'static str, &'static str)>,
    clinics: Vec<(String, String)>,
    line: CrisisLine,
    promise: String,
    periods: &'static str,
    sorts: [(&'static str, &'static str); 2],
    queued: i64,
    oldest: String,
    refused: i64,
    silent: String,
    key_changes: Vec<KeyChange>,
}

/// A set-up link that is shown this once.
struct ShownLink {
    name: String,
    email: String,
    link: String,
}

struct Row {
    id: StaffId,
    name: String,
    email: String,
    role: &'static str,
    licence: String,
    clinics: String,
    state: &'static str,
    can_act: bool,
}

/// A new account as it was typed.
#[derive(Validate, Default)]
struct Typed {
    #[validate(length(min = 1, max = 200, message = "Write a name of 1 to 200 characters."))]
    name: String,
    #[validate(
        length(max = 254, message = "Write a shorter e-mail address."),
        email(message = "Write an e-mail address like name@example.org.")
    )]
    email: String,
    role: String,
    #[validate(length(max = 200, message = "Write the licence in at most 200 characters."))]
    licence: String,
    clinics: Vec<String>,
}

/// The site's words as they were typed.
#[derive(Validate)]
struct TypedWords {
    #[validate(length(max = 80, message = "Write the line’s name in at most 80 characters."))]
    line_label: String,
    #[validate(length(max = 40, message = "Write the number in at most 40 characters."))]
    line_shown: String,
    #[validate(length(
        max = 16,
        message = "Write the number to dial in at most 16 characters."
    ))]
    line_dial: String,
    #[validate(length(
        min = 1,
        max = 200,
        message = "Write when answers are read, such as: before your next visit."
    ))]
    promise: String,
}

impl TypedWords {
    fn line(&self) -> CrisisLine {
        CrisisLine {
            label: self.line_label.clone(),
            shown: self.line_shown.clone(),
            dial: self.line_dial.clone(),
        }
    }
}

/// What is special about showing the page this time.
#[derive(Default)]
struct Before {
    notice: Option<String>,
    mistakes: Mistakes,
    link: Option<(StaffId, String)>,
    typed: Typed,
    words: Option<(CrisisLine, String)>,
    saved: Option<&'static str>,
}

/// The page.
pub async fn page(site: SiteData, visitor: Visitor, request: HttpRequest) -> HttpResponse {
    let saved = match request.query_string() {
        "account" => Some("Saved. The account is as you changed it."),
        "saved" => Some("Saved. Patients read the new words from now on."),
        "periods" => Some("Saved. Figures are shown by these periods from now on."),
        _ => None,
    };
    show(
        &site,
        &visitor,
        StatusCode::OK,
        Before {
            saved,
            ..Before::default()
        },
    )
    .await
}

async fn show(site: &Site, visitor: &Visitor, status: StatusCode, before: Before) -> HttpResponse {
    let now = site.app.clock.now();
    let overview = match read_admin::read_admin(&site.app, visitor.actor()).await {
        Ok(overview) => overview,
        Err(failure) => return trouble(&failure),
    };
    let silent = match site
        .app
        .store
        .read(move |tx| heartbeat::silent(tx, now))
        .await
    {
        Ok(silent) => silent,
        Err(fault) => return trouble::<Refusal>(&Failure::Fault(fault)),
    };
    let frame = Frame::of(site, visitor, "/admin").await;
    errors::page(status, &fill(frame, overview, &silent, before, now))
}

fn fill(
    frame: Frame,
    overview: Overview,
    silent: &[String],
    before: Before,
    now: chrono::NaiveDateTime,
) -> Page {
    let (line, promise) = before.words.unwrap_or_else(|| {
        (
            overview.line.clone().unwrap_or_default(),
            overview.promise.clone(),
        )
    });
    Page {
        frame,
        organisation: overview.organisation,
        notice: before.notice,
        mistakes: before.mistakes,
        link: before
            .link
            .and_then(|(id, link)| shown_link(&overview.accounts, id, link)),
        hours: SETUP_HOURS,
        saved: before.saved,
        accounts: overview.accounts.iter().map(row).collect(),
        typed: before.typed,
        roles: Role::ALL
            .iter()
            .map(|role| (role.word(), words::role(*role)))
            .collect(),
        clinics: overview
            .clinics
            .iter()
            .map(|(id, name)| (id.to_string(), name.clone()))
            .collect(),
        line,
        promise,
        periods: overview.grid.word(),
        sorts: [Grid::Quarters, Grid::Years].map(|grid| (grid.word(), periods::sort(grid))),
        queued: overview.outbox.queued,
        oldest: overview
            .outbox
            .oldest
            .map(|since| words::age(since, now))
            .unwrap_or_default(),
        refused: overview.outbox.refused,
        silent: silent.join(", "),
        key_changes: overview.key_changes,
    }
}

fn shown_link(accounts: &[Account], id: StaffId, link: String) -> Option<ShownLink> {
    let account = accounts.iter().find(|account| account.row.id == id)?;
    Some(ShownLink {
        name: account.row.name.clone(),
        email: account.row.email.clone(),
        link,
    })
}

fn row(account: &Account) -> Row {
    let state = account.row.state.parse().ok();
    Row {
        id: account.row.id,
        name: account.row.name.clone(),
        email: account.row.email.clone(),
        role: account.row.role.parse().map_or("Unknown", words::role),
        licence: account.row.licence.clone().unwrap_or_default(),
        clinics: account.clinics.join(", "),
        state: match state {
            Some(StaffState::Invited) => "no password yet",
            Some(StaffState::Active) => "active",
            Some(StaffState::Disabled) => "disabled",
            None => "unknown",
        },
        can_act: state != Some(StaffState::Disabled),
    }
}

/// Adds an account and shows its set-up link this once.
pub async fn add(site: SiteData, visitor: Visitor, fields: Fields) -> HttpResponse {
    let typed = read_account(&fields);
    let new = match new_account(&typed) {
        Ok(new) => new,
        Err(mistakes) => return wrong(&site, &visitor, typed, mistakes).await,
    };
    let (app, actor, email) = (site.app.clone(), visitor.actor(), new.email.to_lowercase());
    let added = web::block(move || accounts::add_account(&app, &actor, &new)).await;
    match added {
        Ok(Ok(link)) => show_new(&site, &visitor, &email, link).await,
        Ok(Err(Failure::Refused(refusal))) => {
            let mistakes = Mistakes::one(field_of(&refusal), refusal.to_string());
            wrong(&site, &visitor, typed, mistakes).await
        }
        Ok(Err(failure)) => trouble(&failure),
        Err(_) => trouble::<Refusal>(&Failure::Fault(crate::store::Fault::Stopped)),
    }
}

fn read_account(fields: &Fields) -> Typed {
    let one = |name: &str| {
        fields
            .one(name)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    Typed {
        name: one("name"),
        email: one("email"),
        role: one("role"),
        licence: one("licence"),
        clinics: fields.all("clinics").map(str::to_owned).collect(),
    }
}

fn new_account(typed: &Typed) -> Result<NewAccount, Mistakes> {
    let mut mistakes = typed
        .validate()
        .map_or_else(|found| Mistakes::of(&found, FIELDS), |()| Mistakes::none());
    let role = typed.role.parse::<Role>().ok();
    let clinics: Option<Vec<ClinicId>> = typed.clinics.iter().map(|id| id.parse().ok()).collect();
    if role.is_none() {
        mistakes.add("role", "Choose a role from the list.");
    }
    if clinics.is_none() {
        mistakes.add("clinics", "Choose clinics from the list.");
    }
    match (role, clinics) {
        (Some(role), Some(clinics)) if mistakes.is_empty() => Ok(NewAccount {
            email: typed.email.clone(),
            name: typed.name.clone(),
            role,
            licence: (!typed.licence.is_empty()).then(|| typed.licence.clone()),
            clinics,
        }),
        _ => Err(mistakes),
    }
}

fn field_of(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Taken | Refusal::Address => "email",
        Refusal::Clinic | Refusal::NoClinic => "clinics",
        _ => "name",
    }
}

async fn wrong(site: &Site, visitor: &Visitor, typed: Typed, mistakes: Mistakes) -> HttpResponse {
    show(
        site,
        visitor,
        StatusCode::UNPROCESSABLE_ENTITY,
        Before {
            typed,
            mistakes,
            ..Before::default()
        },
    )
    .await
}

async fn show_new(site: &Site, visitor: &Visitor, email: &str, link: String) -> HttpResponse {
    let email = email.to_owned();
    let id = site
        .app
        .store
        .read(move |tx| crate::store::staff::by_email(tx, &email))
        .await;
    match id {
        Ok(row) => {
            let link = row.map(|row| (row.id, link));
            show(
                site,
                visitor,
                StatusCode::OK,
                Before {
                    link,
                    ..Before::default()
                },
            )
            .await
        }
        Err(fault) => trouble::<Refusal>(&Failure::Fault(fault)),
    }
}

/// Ends somebody's access.
pub async fn disable(site: SiteData, visitor: Visitor, path: web::Path<String>) -> HttpResponse {
    let Ok(id) = path.parse() else {
        return not_found();
    };
    match accounts::disable(&site.app, visitor.actor(), id).await {
        Ok(()) => errors::see_other("/admin"),
        Err(failure) => refused(&site, &visitor, failure).await,
    }
}

/// Makes a new set-up link and shows it this once.
pub async fn send_link(site: SiteData, visitor: Visitor, path: web::Path<String>) -> HttpResponse {
    let Ok(id) = path.parse() else {
        return not_found();
    };
    match accounts::send_link(&site.app, visitor.actor(), id).await {
        Ok(link) => {
            show(
                &site,
                &visitor,
                StatusCode::OK,
                Before {
                    link: Some((id, link)),
                    ..Before::default()
                },
            )
            .await
        }
        Err(failure) => refused(&site, &visitor, failure).await,
    }
}

async fn refused(site: &Site, visitor: &Visitor, failure: Failure<Refusal>) -> HttpResponse {
    match failure {
        Failure::Refused(refusal) => {
            let notice = Some(refusal.to_string());
            show(
                site,
                visitor,
                StatusCode::UNPROCESSABLE_ENTITY,
                Before {
                    notice,
                    ..Before::default()
                },
            )
            .await
        }
        failure => trouble(&failure),
    }
}

/// Sets the words patients read.
pub async fn set_words(site: SiteData, visitor: Visitor, fields: Fields) -> HttpResponse {
    let one = |name: &str| {
        fields
            .one(name)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    let typed = TypedWords {
        line_label: one("line_label"),
        line_shown: one("line_shown"),
        line_dial: one("line_dial"),
        promise: one("promise"),
    };
    let line = typed.line();
    let mistakes = check_words(&typed, &line);
    if !mistakes.is_empty() {
        return wrong_words(&site, &visitor, line, typed.promise, mistakes).await;
    }
    let wanted = (line != CrisisLine::default()).then(|| line.clone());
    match site_words::set_words(&site.app, visitor.actor(), wanted, typed.promise.clone()).await {
        Ok(()) => errors::see_other("/admin?saved"),
        Err(Failure::Refused(refusal)) => {
            let field = if refusal == site_words::Refusal::Promise {
                "promise"
            } else {
                "line_label"
            };
            wrong_words(
                &site,
                &visitor,
                line,
                typed.promise,
                Mistakes::one(field, refusal.to_string()),
            )
            .await
        }
        Err(failure) => trouble(&failure),
    }
}

/// Sets which periods accounts are shown that may not see small numbers.
pub async fn set_periods(site: SiteData, visitor: Visitor, fields: Fields) -> HttpResponse {
    let Ok(grid) = fields.one("periods").parse::<Grid>() else {
        let before = Before {
            mistakes: Mistakes::one("periods", "Choose one from the list."),
            ..Before::default()
        };
        return show(&site, &visitor, StatusCode::UNPROCESSABLE_ENTITY, before).await;
    };
    match set_periods::set_periods(&site.app, visitor.actor(), grid).await {
        Ok(()) => errors::see_other("/admin?periods"),
        Err(failure) => trouble(&failure),
    }
}

/// All three parts of the line or none, and each as it must be.
fn check_words(typed: &TypedWords, line: &CrisisLine) -> Mistakes {
    let mut mistakes = typed
        .validate()
        .map_or_else(|found| Mistakes::of(&found, FIELDS), |()| Mistakes::none());
    if *line == CrisisLine::default() || line.is_whole() {
        return mistakes;
    }
    for (field, text, words) in [
        (
            "line_label",
            &line.label,
            "Write the line’s name, or empty all three.",
        ),
        (
            "line_shown",
            &line.shown,
            "Write the number as people read it, or empty all three.",
        ),
    ] {
        if text.is_empty() || text.contains('|') {
            mistakes.add(field, words);
        }
    }
    let both = CrisisLine {
        label: "a".into(),
        shown: "1".into(),
        dial: line.dial.clone(),
    };
    if !both.is_whole() {
        mistakes.add(
            "line_dial",
            "Write the number to dial with digits alone, such as +15550100199.",
        );
    }
    mistakes
}

async fn wrong_words(
    site: &Site,
    visitor: &Visitor,
    line: CrisisLine,
    promise: String,
    mistakes: Mistakes,
) -> HttpResponse {
    let before = Before {
        words: Some((line, promise)),
        mistakes,
        ..Before::default()
    };
    show(site, visitor, StatusCode::UNPROCESSABLE_ENTITY, before).await
}
