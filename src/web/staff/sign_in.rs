//! Signing in and out. The page never says which of address and password was wrong; failed tries are written down without the address.

use super::mistakes::Mistakes;
use super::{Frame, SiteData, trouble};
use crate::app::Failure;
use crate::app::accounts::{self, PASSWORD_MOST};
use crate::app::link::Token;
use crate::app::note_failed_sign_in::note_failed_sign_in;
use crate::store::staff;
use crate::web::errors;
use crate::web::form::Fields;
use crate::web::site::Site;
use crate::web::visitor::Visitor;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use validator::Validate;

#[derive(Template)]
#[template(path = "staff/sign_in.html")]
struct Page<'a> {
    frame: Frame,
    mistakes: Mistakes,
    email: &'a str,
    /// Whether a password was just set.
    is_set: bool,
    refused: Option<&'a str>,
}

/// What somebody typed to sign in.
#[derive(Validate)]
struct SignIn {
    #[validate(length(min = 1, max = 320, message = "Write your e-mail address."))]
    email: String,
    #[validate(length(min = 1, message = "Write your password."))]
    password: String,
}

/// The form.
pub async fn page(site: SiteData, request: HttpRequest) -> HttpResponse {
    let is_set = request.query_string() == "set";
    errors::page(
        StatusCode::OK,
        &Page {
            frame: Frame::outside(&site),
            mistakes: Mistakes::none(),
            email: "",
            is_set,
            refused: None,
        },
    )
}

fn again(
    site: &Site,
    status: StatusCode,
    email: &str,
    mistakes: Mistakes,
    refused: Option<&str>,
) -> HttpResponse {
    errors::page(
        status,
        &Page {
            frame: Frame::outside(site),
            mistakes,
            email,
            is_set: false,
            refused,
        },
    )
}

/// The form was sent.
pub async fn sign_in(site: SiteData, request: HttpRequest, fields: Fields) -> HttpResponse {
    let typed = SignIn {
        email: fields.one("email").trim().to_owned(),
        password: fields.one("password").to_owned(),
    };
    if let Err(found) = typed.validate() {
        let mistakes = Mistakes::of(&found, &["email", "password"]);
        return again(
            &site,
            StatusCode::UNPROCESSABLE_ENTITY,
            &typed.email,
            mistakes,
            None,
        );
    }
    let (account, peer) = (typed.email.to_lowercase(), site.peer(&request));
    if !site.throttle.may_try_password(&account, peer) {
        note_failed_sign_in(&site.app);
        return too_often(&site, &typed.email);
    }
    match attempt(&site, typed.password, &typed.email).await {
        Ok(secret) => {
            site.throttle.signed_in(&account, peer);
            welcome(&site, &request, &secret)
        }
        Err(Failure::Refused(refusal)) => {
            note_failed_sign_in(&site.app);
            again(
                &site,
                StatusCode::UNPROCESSABLE_ENTITY,
                &typed.email,
                Mistakes::none(),
                Some(&refusal.to_string()),
            )
        }
        Err(failure) => trouble(&failure),
    }
}

/// A password longer than any account's is compared all the same, cut, so that its time tells nothing.
async fn attempt(
    site: &Site,
    password: String,
    email: &str,
) -> Result<Token, Failure<accounts::Refusal>> {
    let too_long = password.chars().count() > PASSWORD_MOST;
    let password = if too_long {
        "too long to be anybody's".to_owned()
    } else {
        password
    };
    accounts::sign_in(&site.app, email, password).await
}

fn too_often(site: &Site, email: &str) -> HttpResponse {
    let words = "Too many tries. Wait one minute, then try again. If you forgot your password, ask your administrator for a new set-up link.";
    let mut response = again(
        site,
        StatusCode::TOO_MANY_REQUESTS,
        email,
        Mistakes::none(),
        Some(words),
    );
    response.headers_mut().insert(
        actix_web::http::header::RETRY_AFTER,
        actix_web::http::header::HeaderValue::from_static("60"),
    );
    response
}

/// A new secret on every sign-in; the one the browser still held ends, so that nobody goes on under it.
fn welcome(site: &Site, request: &HttpRequest, secret: &Token) -> HttpResponse {
    if let Some(old) = request
        .cookie(site.cookie_name())
        .and_then(|cookie| Token::parse(cookie.value()))
    {
        let hash = old.hash();
        site.app
            .store
            .write_soon(move |tx| staff::end_sign_in(tx, &hash));
    }
    let mut response = errors::see_other("/");
    set(&mut response, &cookie(site, secret.reveal()));
    response
}

fn cookie<'a>(site: &Site, value: &'a str) -> Cookie<'a> {
    Cookie::build(site.cookie_name(), value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(site.is_secure())
        .finish()
}

fn set(response: &mut HttpResponse, cookie: &Cookie<'_>) {
    if let Err(error) = response.add_cookie(cookie) {
        tracing::error!(%error, "a cookie could not be set");
    }
}

/// Ends the sign-in, here and in the database.
pub async fn sign_out(site: SiteData, visitor: Visitor, request: HttpRequest) -> HttpResponse {
    let secret = request
        .cookie(site.cookie_name())
        .and_then(|cookie| Token::parse(cookie.value()));
    if let Some(secret) = secret
        && let Err(fault) = accounts::sign_out(&site.app, visitor.actor(), &secret).await
    {
        return trouble::<accounts::Refusal>(&Failure::Fault(fault));
    }
    let mut response = errors::see_other("/sign-in");
    let mut gone = cookie(&site, "");
    gone.make_removal();
    set(&mut response, &gone);
    response
}
