//! What is written down about requests that the gate turns away: who tried which act, on what, and that it came to nothing. What a verb itself denies or refuses, the verb writes down.

use super::access::Access;
use super::errors;
use super::site::Site;
use super::visitor::Visitor;
use crate::domain::access::{Action, Actor};
use crate::domain::audit::AuditEvent;
use crate::domain::ids::FlagId;
use crate::store::{Fault, audit, flag};
use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;

/// The flag that an address is about.
fn flag_in(path: &str) -> Option<FlagId> {
    path.strip_prefix("/flags/")?
        .split('/')
        .next()?
        .parse()
        .ok()
}

/// Somebody is signed in whose role never does this.
pub async fn note_denied(
    site: &Site,
    visitor: &Visitor,
    action: Action,
    request: &ServiceRequest,
) -> Result<(), HttpResponse> {
    let about = flag_in(request.path());
    let subject = if about.is_some() { "flag" } else { "page" };
    let now = site.app.clock.now();
    let mut event = audit::event_by(&visitor.actor(), action.word(), subject, about, now);
    event.outcome = "denied";
    keep(site, event).await
}

/// Nobody is signed in, or no more, and an act on a flag was tried. Written down only when there is such a flag: addresses that are made up would fill the audit.
pub async fn note_stranger(
    site: &Site,
    access: Access,
    request: &ServiceRequest,
) -> Result<(), HttpResponse> {
    let Access::May(action) = access else {
        return Ok(());
    };
    let Some(id) = flag_in(request.path()).filter(|_| action.is_licensed_only()) else {
        return Ok(());
    };
    let org = site.app.org;
    let known: Result<_, Fault> = site
        .app
        .store
        .read_brief(move |tx| flag::patient_of(tx, org, id))
        .await;
    if known.map_err(|fault| trouble(&fault))?.is_none() {
        return Ok(());
    }
    let nobody = Actor::System { org };
    let mut event = audit::event_by(
        &nobody,
        action.word(),
        "flag",
        Some(id),
        site.app.clock.now(),
    );
    (event.actor, event.outcome) = ("nobody", "signed_out");
    keep(site, event).await
}

async fn keep(site: &Site, event: AuditEvent) -> Result<(), HttpResponse> {
    let kept: Result<(), Fault> = site.app.store.write(move |tx| audit::add(tx, &event)).await;
    kept.map_err(|fault| trouble(&fault))
}

fn trouble(fault: &Fault) -> HttpResponse {
    errors::plain_for_staff(
        errors::log(fault),
        "Something went wrong on our side. Nothing was changed. Please try again.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_its_flag() {
        let id = "0".repeat(31) + "7";
        assert!(flag_in(&format!("/flags/{id}/close")).is_some());
        assert!(flag_in("/flags//close").is_none() && flag_in("/patients/x").is_none());
    }
}
