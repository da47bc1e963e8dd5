//! Who is signed in, by the cookie that a browser shows.

use super::site::Site;
use crate::app::link::Token;
use crate::domain::access::{Actor, StaffActor};
use crate::store::Fault;
use crate::store::staff::{self, SignIn};
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use chrono::TimeDelta;
use std::future::{Ready, ready};

/// Minutes without a click after which a sign-in is over.
pub const IDLE: TimeDelta = TimeDelta::minutes(15);
/// Hours after which a sign-in is over whatever happens.
pub const ABSOLUTE: TimeDelta = TimeDelta::hours(12);

/// Whoever is signed in: handlers behind the gate take it as an argument.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// Who, for access.
    pub staff: StaffActor,
    /// Their name.
    pub name: String,
}

impl Visitor {
    /// The visitor as an actor.
    pub fn actor(&self) -> Actor {
        Actor::Staff(self.staff.clone())
    }
}

impl FromRequest for Visitor {
    type Error = actix_web::Error;
    type Future = Ready<Result<Visitor, actix_web::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // Only the gate puts a visitor there: a handler that asks for one outside the gate gets nobody in.
        ready(
            request
                .extensions()
                .get::<Visitor>()
                .cloned()
                .ok_or_else(|| actix_web::error::ErrorForbidden("no visitor")),
        )
    }
}

/// The hash of the sign-in that a browser shows.
pub fn secret_of(site: &Site, request: &HttpRequest) -> Option<[u8; 32]> {
    let cookie = request.cookie(site.cookie_name())?;
    Some(Token::parse(cookie.value())?.hash())
}

/// The sign-in with this hash, while it holds.
///
/// # Errors
/// When the database fails.
pub async fn sign_in(site: &Site, hash: [u8; 32]) -> Result<Option<SignIn>, Fault> {
    let now = site.app.clock.now();
    let known: Option<SignIn> = site
        .app
        .store
        .read_brief(move |tx| staff::sign_in_by(tx, &hash))
        .await?;
    Ok(known.filter(|known| now - known.seen_at < IDLE && now - known.created_at < ABSOLUTE))
}

/// Whether a sign-in still holds; that it is asked is no click. A database that does not answer ends nothing.
pub async fn is_signed_in(site: &Site, hash: [u8; 32]) -> bool {
    sign_in(site, hash)
        .await
        .map_or(true, |known| known.is_some())
}
