//! The waiting room's tablet before and after a form: a field for the code that staff read out, and a clean slate between people.

use super::line::read_line;
use super::site::Site;
use super::survey::preference::Preference;
use super::survey::view::{Frame, Switch, Tablet, TabletSays};
use super::survey::visit::{add_cookie, tablet_cookie};
use super::{assets, errors};
use crate::app::Failure;
use crate::app::link::Token;
use crate::app::pair_tablet::{self, LENGTH, Paired, Refusal};
use crate::patient_words::words;
use crate::web::form::Fields;
use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};

/// Makes a browser forget what it showed: also the pages behind its back button.
const CLEAR: HeaderName = HeaderName::from_static("clear-site-data");

/// The page with the field. With `?code=` the code stands in it already; nothing opens before the button is pressed.
pub async fn page(site: web::Data<Site>, request: HttpRequest) -> HttpResponse {
    let query = request.query_string();
    let says = match query {
        "back" => TabletSays::Back,
        "idle" => TabletSays::Idle,
        _ => TabletSays::Nothing,
    };
    let code: String = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("code="))
        .filter(|code| {
            code.len() == LENGTH && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
        .unwrap_or_default()
        .to_owned();
    say(&site, &request, StatusCode::OK, says, &code).await
}

/// A code was sent.
pub async fn pair(site: web::Data<Site>, request: HttpRequest, fields: Fields) -> HttpResponse {
    if !site.throttle.may_try_code(site.peer(&request)) {
        let (status, says) = (StatusCode::TOO_MANY_REQUESTS, TabletSays::TooMany);
        return say(&site, &request, status, says, "").await;
    }
    let sign_in = request
        .cookie(site.cookie_name())
        .and_then(|cookie| Token::parse(cookie.value()))
        .map(|secret| secret.hash());
    match pair_tablet::pair(&site.app, fields.one("code"), sign_in).await {
        Ok(paired) => open(&site, &paired),
        Err(failure) => refuse(&site, &request, failure).await,
    }
}

/// On to the form. Whoever was signed in here is no more: there is no way from the tablet to a staff page.
fn open(site: &Site, paired: &Paired) -> HttpResponse {
    let mut response = errors::see_other(&format!("/s/{}", paired.token.reveal()));
    add_cookie(
        &mut response,
        &tablet_cookie(site, &paired.token, &paired.secret),
    );
    let mut staff = Cookie::build(site.cookie_name(), "")
        .path("/")
        .http_only(true)
        .secure(site.is_secure())
        .finish();
    staff.make_removal();
    add_cookie(&mut response, &staff);
    clear(&mut response, r#""cache""#);
    response
}

async fn refuse(
    site: &web::Data<Site>,
    request: &HttpRequest,
    failure: Failure<Refusal>,
) -> HttpResponse {
    let (status, says) = match failure {
        Failure::Refused(Refusal::Wrong) => (StatusCode::UNPROCESSABLE_ENTITY, TabletSays::Wrong),
        Failure::Refused(Refusal::Used) => (StatusCode::GONE, TabletSays::Used),
        Failure::Refused(Refusal::Old) => (StatusCode::GONE, TabletSays::Old),
        Failure::Denied(_) => (StatusCode::FORBIDDEN, TabletSays::Wrong),
        Failure::Fault(fault) => {
            let words = "Something went wrong on our side. Wait a minute, then try again.";
            return errors::plain(errors::log(&fault), words);
        }
    };
    say(site, request, status, says, "").await
}

/// On to the tablet's own page; the browser forgets everything of this site.
pub fn away(address: &str) -> HttpResponse {
    let mut response = errors::see_other(address);
    clear(&mut response, r#""cache", "cookies", "storage""#);
    response
}

fn clear(response: &mut HttpResponse, what: &'static str) {
    response
        .headers_mut()
        .insert(CLEAR, HeaderValue::from_static(what));
}

async fn say(
    site: &web::Data<Site>,
    request: &HttpRequest,
    status: StatusCode,
    says: TabletSays,
    code: &str,
) -> HttpResponse {
    let line = site.crisis_line().await;
    let language = Preference::of(request).language(None);
    let page = Tablet {
        frame: Frame {
            words: words(language),
            help: site.app.help.said(language),
            switch: Switch::Link {
                before: "/tablet?lang=",
            },
            css: assets::address("survey.css"),
            clinic: "",
            site_line: line.as_deref().map(read_line),
            tablet: None,
            help_first: false,
        },
        says,
        code,
    };
    let mut response = errors::page(status, &page);
    clear(&mut response, r#""cache""#);
    response
}
