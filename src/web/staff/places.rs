//! The organisation's clinics and programs.

use super::mistakes::Mistakes;
use super::{Frame, SiteData, trouble};
use crate::app::Failure;
use crate::app::set_places::{self, Place, Refusal};
use crate::web::errors;
use crate::web::form::Fields;
use crate::web::site::Site;
use crate::web::visitor::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

#[derive(Template)]
#[template(path = "staff/places.html")]
struct Page {
    frame: Frame,
    saved: bool,
    mistakes: Mistakes,
    organisation: String,
    kinds: [Kind; 2],
}

/// How the form that names the organisation says so.
const ORGANISATION: &str = "organisation";

/// The clinics, or the programs.
struct Kind {
    /// As a form names it.
    word: &'static str,
    heading: &'static str,
    one: &'static str,
    rows: Vec<Row>,
    /// What was typed for a new one.
    id: String,
    name: String,
}

struct Row {
    id: String,
    name: String,
    /// What is in its field.
    typed: String,
}

/// The page.
pub async fn page(site: SiteData, visitor: Visitor, request: HttpRequest) -> HttpResponse {
    let saved = request.query_string() == "saved";
    show(
        &site,
        &visitor,
        StatusCode::OK,
        (saved, Mistakes::none(), None),
    )
    .await
}

async fn show(
    site: &Site,
    visitor: &Visitor,
    status: StatusCode,
    (saved, mistakes, typed): (bool, Mistakes, Option<Fields>),
) -> HttpResponse {
    let places = match set_places::read_places(&site.app, visitor.actor()).await {
        Ok(places) => places,
        Err(failure) => return trouble(&failure),
    };
    let clinics = places
        .clinics
        .into_iter()
        .map(|row| (row.external_id, row.name));
    let programs = places
        .programs
        .into_iter()
        .map(|row| (row.external_id, row.name));
    let typed = typed.as_ref();
    let page = Page {
        frame: Frame::of(site, visitor, "/admin").await,
        saved,
        mistakes,
        organisation: match typed {
            Some(fields) if fields.one("kind") == ORGANISATION => fields.one("name").to_owned(),
            _ => places.organisation,
        },
        kinds: [
            kind(Place::Clinic, clinics.collect(), typed),
            kind(Place::Program, programs.collect(), typed),
        ],
    };
    errors::page(status, &page)
}

fn kind(place: Place, rows: Vec<(String, String)>, typed: Option<&Fields>) -> Kind {
    let word = word(place);
    let typed = typed.filter(|fields| fields.one("kind") == word);
    let of_new = |name: &str| {
        let new = typed.filter(|fields| !fields.has("renamed"));
        new.map_or_else(String::new, |fields| fields.one(name).to_owned())
    };
    let row = |(id, name): (String, String)| Row {
        typed: match typed.filter(|fields| fields.one("renamed") == id) {
            Some(fields) => fields.one("name").to_owned(),
            None => name.clone(),
        },
        id,
        name,
    };
    let (heading, one) = match place {
        Place::Clinic => ("Clinics", "clinic"),
        Place::Program => ("Programs", "program"),
    };
    Kind {
        word,
        heading,
        one,
        id: of_new("id"),
        name: of_new("name"),
        rows: rows.into_iter().map(row).collect(),
    }
}

fn word(place: Place) -> &'static str {
    match place {
        Place::Clinic => "clinic",
        Place::Program => "program",
    }
}

/// Adds a place, or gives one another name.
pub async fn set(site: SiteData, visitor: Visitor, fields: Fields) -> HttpResponse {
    let place = [Place::Clinic, Place::Program]
        .into_iter()
        .find(|place| word(*place) == fields.one("kind"));
    let words = fields.one("name").split_whitespace();
    let name = words.collect::<Vec<_>>().join(" ");
    let (app, actor) = (&site.app, visitor.actor());
    let done = match place {
        None if fields.one("kind") == ORGANISATION => {
            set_places::rename_organisation(app, actor, name).await
        }
        None => Err(Failure::Refused(Refusal::Unknown)),
        Some(place) if fields.has("renamed") => {
            let id = fields.one("renamed").to_owned();
            set_places::rename_place(app, actor, place, id, name).await
        }
        Some(place) => {
            let id = fields.one("id").trim().to_owned();
            set_places::add_place(app, actor, place, id, name).await
        }
    };
    match done {
        Ok(()) => errors::see_other("/admin/places?saved"),
        Err(Failure::Refused(refusal)) => {
            let field = match place {
                Some(Place::Program) => "program",
                None if fields.one("kind") == ORGANISATION => ORGANISATION,
                _ => "clinic",
            };
            let mistakes = Mistakes::one(field, refusal.to_string());
            let before = (false, mistakes, Some(fields));
            show(&site, &visitor, StatusCode::UNPROCESSABLE_ENTITY, before).await
        }
        Err(failure) => trouble(&failure),
    }
}
