//! The gate in front of staff pages, and the check that every request passes: same origin for everything that changes something.

use super::access::Access;
use super::form::Fields;
use super::site::Site;
use super::visitor::{Visitor, secret_of, sign_in};
use super::{attempts, errors, staff, survey};
use crate::domain::access::role_may;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, ORIGIN};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpResponse, web};
use chrono::TimeDelta;

/// The address at which pages listen by themselves.
const LISTENS: &str = "/queue/events";

/// Lets a request pass to a staff page, or answers for it.
pub async fn pass<B: MessageBody + 'static>(
    access: Access,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let refusal = match check(access, &request).await {
        Ok(visitor) => {
            if let Some(visitor) = visitor {
                request.extensions_mut().insert(visitor);
            }
            return Ok(next.call(request).await?.map_into_boxed_body());
        }
        Err(refusal) => refusal,
    };
    let answer = match typed_words(access, &mut request, &refusal).await {
        Some(page) => page,
        None => refusal,
    };
    Ok(request.into_response(answer))
}

/// The words of somebody whose sign-in ended while they wrote about a flag.
async fn typed_words(
    access: Access,
    request: &mut ServiceRequest,
    refusal: &HttpResponse,
) -> Option<HttpResponse> {
    let about_a_flag = matches!(access, Access::May(action) if action.is_licensed_only());
    let site = request.app_data::<web::Data<Site>>()?.clone();
    // Whoever shows no sign-in at all, not even an ended one, wrote on no page of ours.
    secret_of(&site, request.request())?;
    if !about_a_flag || refusal.status() != StatusCode::SEE_OTHER {
        return None;
    }
    let fields = request.extract::<Fields>().await.ok()?;
    staff::signed_out::page(&site, request.path(), &fields)
}

async fn check(access: Access, request: &ServiceRequest) -> Result<Option<Visitor>, HttpResponse> {
    let Some(site) = request.app_data::<web::Data<Site>>() else {
        return Err(errors::plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Something went wrong on our side.",
        ));
    };
    if access == Access::Demo {
        let here = request
            .peer_addr()
            .is_some_and(|peer| peer.ip().is_loopback());
        let open = here && site.mailbox.is_some();
        return if open {
            Ok(None)
        } else {
            Err(errors::nowhere())
        };
    }
    let visitor = match visitor(site, request).await {
        Ok(visitor) => visitor,
        Err(refusal) => {
            attempts::note_stranger(site, access, request).await?;
            return Err(refusal);
        }
    };
    match access {
        Access::May(action) if !role_may(visitor.staff.role, action) => {
            attempts::note_denied(site, &visitor, action, request).await?;
            Err(errors::plain(
                StatusCode::FORBIDDEN,
                "Your account may not open this page.",
            ))
        }
        _ => Ok(Some(visitor)),
    }
}

async fn visitor(
    site: &web::Data<Site>,
    request: &ServiceRequest,
) -> Result<Visitor, HttpResponse> {
    let away = || errors::see_other("/sign-in");
    let hash = secret_of(site, request.request()).ok_or_else(away)?;
    let now = site.app.clock.now();
    let known = sign_in(site, hash).await.map_err(|fault| {
        errors::plain(
            errors::log(&fault),
            "We cannot reach the data just now. Please try again.",
        )
    })?;
    let known = known.ok_or_else(away)?;
    // A page that listens by itself is no click.
    let by_itself = request.path() == LISTENS;
    if !by_itself && now - known.seen_at > TimeDelta::minutes(1) {
        site.app
            .store
            .write_soon(move |tx| crate::store::staff::touch_sign_in(tx, &hash, now));
    }
    Ok(Visitor {
        staff: known.actor,
        name: known.name,
    })
}

/// Refuses what another site makes a browser send. `Sec-Fetch-Site` first: no page can forge it; then `Origin`, which is `null` under some referrer
/// policies and sandboxes and so counts as foreign; a client that sends neither is no browser of today and carries no cookie of ours by accident.
pub async fn same_origin<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    // One click in a mail program comes from anywhere; the token in its address is all that counts, and no cookie is looked at (RFC 8058).
    let one_click = request.path().starts_with("/stop/");
    let ours = reads
        || one_click
        || request
            .app_data::<web::Data<Site>>()
            .is_some_and(|site| is_same_origin(request.headers(), &site.origin));
    if ours {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    tracing::warn!(
        route = request.match_pattern(),
        "a foreign page's post was refused"
    );
    let page = if request.path().starts_with("/s/") {
        survey::foreign(request.request()).await?
    } else {
        errors::plain(
            StatusCode::FORBIDDEN,
            "This came from another site and was not taken. Open our page and try again.",
        )
    };
    Ok(request.into_response(page))
}

fn is_same_origin(headers: &HeaderMap, origin: &str) -> bool {
    let text = |name: HeaderName| headers.get(name).map(HeaderValue::to_str);
    match text(HeaderName::from_static("sec-fetch-site")) {
        Some(Ok("same-origin" | "none")) => true,
        Some(_) => false,
        None => match text(ORIGIN) {
            None => true,
            Some(seen) => seen.is_ok_and(|seen| seen.eq_ignore_ascii_case(origin)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(headers: &[(&'static str, &'static str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        is_same_origin(&map, "https://forms.example.org")
    }

    #[test]
    fn only_our_own_pages_may_post() {
        assert!(allowed(&[
            ("sec-fetch-site", "same-origin"),
            ("origin", "null")
        ]));
        assert!(allowed(&[("origin", "https://forms.example.org")]));
        assert!(allowed(&[]));
        for foreign in ["cross-site", "same-site", ""] {
            assert!(
                !allowed(&[
                    ("sec-fetch-site", foreign),
                    ("origin", "https://forms.example.org")
                ]),
                "{foreign}"
            );
        }
        for foreign in ["null", "https://evil.example", "http://forms.example.org"] {
            assert!(!allowed(&[("origin", foreign)]), "{foreign}");
        }
    }
}
