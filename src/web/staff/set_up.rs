//! The pages behind a one-time set-up link: a first administrator with the names of the site, or somebody's password. GET shows and uses nothing up.

use super::mistakes::Mistakes;
use super::{Frame, SiteData, trouble};
use crate::app::Failure;
use crate::app::accounts::{self, FirstSetUp, Refusal, SETUP_HOURS, SetUp};
use crate::app::link::Token;
use crate::web::errors;
use crate::web::form::Fields;
use crate::web::site::Site;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use validator::{Validate, ValidationError};

const PASSWORD_HINT: &str =
    "At least 15 characters. Several words in a row are fine. Pasting is fine.";
/// The fields in the order of the page, for the summary.
const FIELDS: &[&str] = &[
    "email",
    "name",
    "password",
    "again",
    "organisation",
    "clinic",
    "time_zone",
];

/// What the page is for.
enum Purpose {
    First,
    Password { name: String, email: String },
    Bad(String),
}

#[derive(Template)]
#[template(path = "staff/set_up.html")]
struct Page<'a> {
    frame: Frame,
    title: &'static str,
    purpose: Purpose,
    mistakes: Mistakes,
    secret: &'a str,
    typed: Typed,
    password_hint: &'static str,
    hours: i64,
}

/// What the first administrator typed.
#[derive(Validate, Default)]
struct Typed {
    #[validate(
        length(max = 254, message = "Write a shorter e-mail address."),
        email(message = "Write an e-mail address like name@example.org.")
    )]
    email: String,
    #[validate(length(
        min = 1,
        max = 200,
        message = "Write your name in 1 to 200 characters."
    ))]
    name: String,
    #[validate(length(
        min = 1,
        max = 200,
        message = "Write the organisation's name in 1 to 200 characters."
    ))]
    organisation: String,
    #[validate(length(
        min = 1,
        max = 200,
        message = "Write the clinic's name in 1 to 200 characters."
    ))]
    clinic: String,
    #[validate(custom(
        function = "is_zone",
        message = "Write a time zone like America/Chicago."
    ))]
    time_zone: String,
}

fn is_zone(name: &str) -> Result<(), ValidationError> {
    name.parse::<chrono_tz::Tz>()
        .map(|_| ())
        .map_err(|_| ValidationError::new("zone"))
}

impl Typed {
    fn read(fields: &Fields) -> Typed {
        let one = |name: &str| {
            fields
                .one(name)
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        Typed {
            email: one("email"),
            name: one("name"),
            organisation: one("organisation"),
            clinic: one("clinic"),
            time_zone: one("time_zone"),
        }
    }

    fn command(&self) -> FirstSetUp {
        FirstSetUp {
            email: self.email.clone(),
            name: self.name.clone(),
            organisation: self.organisation.clone(),
            time_zone: self.time_zone.clone(),
            clinic: self.clinic.clone(),
        }
    }
}

fn render(
    site: &Site,
    status: StatusCode,
    secret: &str,
    purpose: Purpose,
    typed: Typed,
    mistakes: Mistakes,
) -> HttpResponse {
    let title = match purpose {
        Purpose::First => "Set up this site",
        Purpose::Password { .. } => "Choose your password",
        Purpose::Bad(_) => "This link does not work",
    };
    let frame = Frame::outside(site);
    errors::page(
        status,
        &Page {
            frame,
            title,
            purpose,
            mistakes,
            secret,
            typed,
            password_hint: PASSWORD_HINT,
            hours: SETUP_HOURS,
        },
    )
}

/// What the link is for, or the page that says it is not good.
async fn purpose(
    site: &Site,
    request: &HttpRequest,
    secret: &str,
) -> Result<(Token, Purpose), HttpResponse> {
    let looked = match Token::parse(secret) {
        Some(token) => accounts::look_at_link(&site.app, &token)
            .await
            .map(|found| (token, found)),
        None => Err(Failure::Refused(Refusal::Link)),
    };
    match looked {
        Ok((token, SetUp::FirstAdministrator)) => Ok((token, Purpose::First)),
        Ok((token, SetUp::Password { name, email })) => {
            Ok((token, Purpose::Password { name, email }))
        }
        Err(Failure::Refused(refusal)) => Err(bad_link(site, request, &refusal)),
        Err(failure) => Err(trouble(&failure)),
    }
}

fn bad_link(site: &Site, request: &HttpRequest, refusal: &Refusal) -> HttpResponse {
    let guessing = site.throttle.is_guessing(site.peer(request));
    let (status, words) = match guessing {
        true => (
            StatusCode::TOO_MANY_REQUESTS,
            "Too many links that do not exist were tried. Wait a minute, then try again."
                .to_owned(),
        ),
        false => (StatusCode::NOT_FOUND, refusal.to_string()),
    };
    render(
        site,
        status,
        "",
        Purpose::Bad(words),
        Typed::default(),
        Mistakes::none(),
    )
}

/// Shows what the link is for.
pub async fn page(site: SiteData, path: web::Path<String>, request: HttpRequest) -> HttpResponse {
    match purpose(&site, &request, &path).await {
        Ok((_, purpose)) => render(
            &site,
            StatusCode::OK,
            &path,
            purpose,
            Typed::default(),
            Mistakes::none(),
        ),
        Err(page) => page,
    }
}

/// Uses the link.
pub async fn set_up(
    site: SiteData,
    path: web::Path<String>,
    request: HttpRequest,
    fields: Fields,
) -> HttpResponse {
    let (token, purpose) = match purpose(&site, &request, &path).await {
        Ok(found) => found,
        Err(page) => return page,
    };
    let is_first = matches!(purpose, Purpose::First);
    let typed = Typed::read(&fields);
    let mistakes = check(&typed, &purpose, &fields);
    if !mistakes.is_empty() {
        return render(
            &site,
            StatusCode::UNPROCESSABLE_ENTITY,
            &path,
            purpose,
            typed,
            mistakes,
        );
    }
    let first = is_first.then(|| typed.command());
    match accounts::set_up(&site.app, &token, fields.one("password").to_owned(), first).await {
        Ok(()) => errors::see_other("/sign-in?set"),
        Err(Failure::Refused(Refusal::Link)) => bad_link(&site, &request, &Refusal::Link),
        Err(Failure::Refused(refusal)) => refused(&site, &path, purpose, typed, &refusal),
        Err(Failure::Fault(fault)) if fault.is_duplicate() => {
            refused(&site, &path, purpose, typed, &Refusal::Taken)
        }
        Err(failure) => trouble(&failure),
    }
}

fn check(typed: &Typed, purpose: &Purpose, fields: &Fields) -> Mistakes {
    let mut mistakes = match (purpose, typed.validate()) {
        (Purpose::First, Err(found)) => Mistakes::of(&found, FIELDS),
        _ => Mistakes::none(),
    };
    if fields.one("password").is_empty() {
        mistakes.add("password", "Choose a password.");
    } else if fields.one("password") != fields.one("again") {
        mistakes.add(
            "again",
            "The two passwords are not the same. Write both again.",
        );
    }
    mistakes
}

fn refused(
    site: &Site,
    secret: &str,
    purpose: Purpose,
    typed: Typed,
    refusal: &Refusal,
) -> HttpResponse {
    let field = match refusal {
        Refusal::Taken | Refusal::Address => "email",
        Refusal::Name => "name",
        _ => "password",
    };
    let mistakes = Mistakes::one(field, refusal.to_string());
    render(
        site,
        StatusCode::UNPROCESSABLE_ENTITY,
        secret,
        purpose,
        typed,
        mistakes,
    )
}
