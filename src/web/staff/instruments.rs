//! The library: a list of every questionnaire there is, and a page that says everything about one. No patient stands on either. An
//! administrator records and withdraws permissions here; the words about a definition are `domain::description`'s.

use super::mistakes::Mistakes;
use super::{Frame, SiteData, not_found, trouble, words};
use crate::app::Failure;
use crate::app::permit_instrument::{
    self, NewPermission, Refusal, ShownPermission, permit_instrument, withdraw_permission,
};
use crate::domain::access::{Action, role_may};
use crate::domain::description::{self, Description, describe};
use crate::domain::instrument::{ENGLISH, Instrument, LicenceClass};
use crate::domain::permission::{Ground, RecordedPermission, require};
use crate::web::errors;
use crate::web::form::Fields;
use crate::web::visitor::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::NaiveDate;

#[derive(Template)]
#[template(path = "staff/instruments.html", whitespace = "minimize")]
struct ListPage {
    frame: Frame,
    rows: Vec<Row>,
    usable: usize,
}

struct Row {
    id: String,
    short_name: String,
    name: String,
    kind: &'static str,
    items: usize,
    languages: String,
    class: &'static str,
    licence: &'static str,
    usable: bool,
    why: String,
}

/// The list.
pub async fn list(site: SiteData, visitor: Visitor) -> HttpResponse {
    let (shown, today) = match permit_instrument::read_permissions(&site.app).await {
        Ok(read) => read,
        Err(fault) => return trouble::<Refusal>(&Failure::Fault(fault)),
    };
    let recorded = recorded(&shown);
    let mut rows: Vec<Row> = site
        .app
        .library
        .latest()
        .map(|known| row(known, &recorded, today))
        .collect();
    rows.sort_by_key(|row| row.short_name.to_lowercase());
    let page = ListPage {
        frame: Frame::of(&site, &visitor, "/instruments").await,
        usable: rows.iter().filter(|row| row.usable).count(),
        rows,
    };
    errors::page(StatusCode::OK, &page)
}

fn recorded(shown: &[ShownPermission]) -> Vec<RecordedPermission> {
    shown.iter().map(|one| one.recorded.clone()).collect()
}

fn row(known: &Instrument, recorded: &[RecordedPermission], today: NaiveDate) -> Row {
    let texts = known.texts_or_english(ENGLISH);
    let use_here = UseHere::of(known, recorded, today);
    Row {
        id: known.id.clone(),
        short_name: texts.short_name.clone(),
        name: texts.name.clone(),
        kind: description::kind(known.kind),
        items: known.items.len(),
        languages: languages(known),
        class: description::class_letter(known.licence.class),
        licence: description::class_in_short(known.licence.class),
        usable: use_here.usable,
        why: use_here.why,
    }
}

fn languages(known: &Instrument) -> String {
    let mut names: Vec<&str> = known.languages().map(words::language).collect();
    names.sort_unstable();
    if names.is_empty() {
        "no wording here".to_owned()
    } else {
        names.join(", ")
    }
}

/// Whether an instrument may be used here today, and on what ground.
struct UseHere {
    usable: bool,
    /// `no permission is on record`.
    why: String,
    /// What somebody can do about it.
    remedy: &'static str,
}

impl UseHere {
    fn of(known: &Instrument, recorded: &[RecordedPermission], today: NaiveDate) -> UseHere {
        match require(known, recorded, today) {
            Ok(ground) => UseHere {
                usable: true,
                why: match ground {
                    Ground::Free => "free to use".to_owned(),
                    Ground::Recorded(RecordedPermission {
                        expires_on: Some(last),
                        ..
                    }) => format!("permission on record until {}", day(last)),
                    Ground::Recorded(_) => "permission on record".to_owned(),
                    Ground::WithWording => "permission stands with your wording".to_owned(),
                },
                remedy: "",
            },
            Err(not) => UseHere {
                usable: false,
                why: not.why.to_string(),
                remedy: not.remedy(),
            },
        }
    }
}

fn day(day: NaiveDate) -> String {
    day.format("%-d %b %Y").to_string()
}

#[derive(Template)]
#[template(path = "staff/instrument.html", whitespace = "minimize")]
struct Page<'a> {
    frame: Frame,
    known: &'a Description<'a>,
    wordings: Vec<(&'a str, &'a description::Wording<'a>)>,
    translations: Vec<(&'a str, &'a description::TranslationWords<'a>)>,
    usable: bool,
    why: String,
    remedy: &'static str,
    free: bool,
    permissions: Vec<PermissionLine>,
    may_record: bool,
    may_withdraw: bool,
    typed: Typed,
    mistakes: Mistakes,
    notice: Option<String>,
}

struct PermissionLine {
    reference: String,
    holder: String,
    holds: String,
    recorded: String,
    withdrawn: Option<String>,
}

/// A permission as it was typed.
#[derive(Default)]
struct Typed {
    reference: String,
    holder: String,
    granted_on: String,
    expires_on: String,
}

/// What is special about showing the page this time.
#[derive(Default)]
struct Before {
    typed: Option<Typed>,
    mistakes: Mistakes,
    notice: Option<String>,
}

/// The page of one.
pub async fn page(site: SiteData, visitor: Visitor, path: web::Path<String>) -> HttpResponse {
    show(&site, &visitor, &path, StatusCode::OK, Before::default()).await
}

async fn show(
    site: &SiteData,
    visitor: &Visitor,
    id: &str,
    status: StatusCode,
    before: Before,
) -> HttpResponse {
    let Some(known) = site.app.library.get(id) else {
        return not_found();
    };
    let (shown, today) = match permit_instrument::read_permissions(&site.app).await {
        Ok(read) => read,
        Err(fault) => return trouble::<Refusal>(&Failure::Fault(fault)),
    };
    let use_here = UseHere::of(known, &recorded(&shown), today);
    let said = describe(site.app.library, known);
    let free = known.licence.class == LicenceClass::A;
    let administers = role_may(visitor.staff.role, Action::Administer);
    let own: Vec<&ShownPermission> = shown
        .iter()
        .rev()
        .filter(|one| one.row.instrument == known.id)
        .collect();
    let stands = own.iter().any(|one| one.row.withdrawn_at.is_none())
        || (own.is_empty() && said.licence.permission.is_some());
    let page = Page {
        frame: Frame::of(site, visitor, "/instruments").await,
        wordings: by_language(&said.wordings, |one| one.language),
        translations: by_language(&said.translations, |one| one.language),
        known: &said,
        usable: use_here.usable,
        why: use_here.why,
        remedy: use_here.remedy,
        free,
        permissions: own.into_iter().map(permission_line).collect(),
        may_record: administers && !free,
        may_withdraw: administers && !free && stands,
        typed: before.typed.unwrap_or_else(|| Typed {
            granted_on: today.to_string(),
            ..Typed::default()
        }),
        mistakes: before.mistakes,
        notice: before.notice,
    };
    errors::page(status, &page)
}

fn by_language<'a, T>(all: &'a [T], tag: impl Fn(&'a T) -> &'a str) -> Vec<(&'a str, &'a T)> {
    all.iter()
        .map(|one| (words::language(tag(one)), one))
        .collect()
}

fn permission_line(one: &ShownPermission) -> PermissionLine {
    let row = &one.row;
    PermissionLine {
        reference: row.reference.clone(),
        holder: row.holder.clone(),
        holds: match row.expires_on {
            Some(last) => format!("from {} to {}", day(row.granted_on), day(last)),
            None => format!("from {}, without an end", day(row.granted_on)),
        },
        recorded: format!("{} by {}", day(one.recorded_on), one.recorded_by),
        withdrawn: one
            .recorded
            .withdrawn_on
            .map(|withdrawn| format!("{} by {}", day(withdrawn), one.withdrawn_by)),
    }
}

/// Records a permission.
pub async fn permit(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    fields: Fields,
) -> HttpResponse {
    let typed = Typed {
        reference: fields.one("reference").to_owned(),
        holder: fields.one("holder").to_owned(),
        granted_on: fields.one("granted_on").trim().to_owned(),
        expires_on: fields.one("expires_on").trim().to_owned(),
    };
    let new = match command(&path, &typed) {
        Ok(new) => new,
        Err(mistakes) => return wrong(&site, &visitor, &path, typed, mistakes).await,
    };
    match permit_instrument(&site.app, visitor.actor(), new).await {
        Ok(()) => errors::see_other(&format!("/instruments/{path}#use")),
        Err(Failure::Refused(Refusal::NoInstrument(_))) => not_found(),
        Err(Failure::Refused(refusal)) => {
            let mistakes = Mistakes::one(field_of(&refusal), refusal.to_string());
            wrong(&site, &visitor, &path, typed, mistakes).await
        }
        Err(failure) => trouble(&failure),
    }
}

fn command(id: &str, typed: &Typed) -> Result<NewPermission, Mistakes> {
    let mut mistakes = Mistakes::none();
    let mut read = |field: &'static str, text: &str| -> Option<NaiveDate> {
        if text.is_empty() {
            return None;
        }
        let day = text.parse().ok();
        if day.is_none() {
            mistakes.add(field, "Write the day as year-month-day.");
        }
        day
    };
    let granted_on = read("granted_on", &typed.granted_on);
    let expires_on = read("expires_on", &typed.expires_on);
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    Ok(NewPermission {
        instrument: id.to_owned(),
        reference: typed.reference.clone(),
        holder: typed.holder.clone(),
        granted_on,
        expires_on,
    })
}

fn field_of(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Holder => "holder",
        Refusal::EndsBefore => "expires_on",
        _ => "reference",
    }
}

async fn wrong(
    site: &SiteData,
    visitor: &Visitor,
    id: &str,
    typed: Typed,
    mistakes: Mistakes,
) -> HttpResponse {
    let before = Before {
        typed: Some(typed),
        mistakes,
        notice: None,
    };
    show(site, visitor, id, StatusCode::UNPROCESSABLE_ENTITY, before).await
}

/// Withdraws the permissions that are on record.
pub async fn withdraw(site: SiteData, visitor: Visitor, path: web::Path<String>) -> HttpResponse {
    match withdraw_permission(&site.app, visitor.actor(), path.to_string()).await {
        Ok(()) => errors::see_other(&format!("/instruments/{path}#use")),
        Err(Failure::Refused(Refusal::NoInstrument(_))) => not_found(),
        Err(Failure::Refused(refusal)) => {
            let before = Before {
                notice: Some(refusal.to_string()),
                ..Before::default()
            };
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            show(&site, &visitor, &path, status, before).await
        }
        Err(failure) => trouble(&failure),
    }
}
