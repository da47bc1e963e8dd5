//! What every patient page needs: the door behind its link, the words around it, and a calm page for everything that is not a question.

use super::view::{Frame, Line, Notice, NoticeKind, Reading};
use crate::app::Failure;
use crate::app::link::Token;
use crate::app::take_answers::{self, Refusal, check_open};
use crate::domain::submission::Part;
use crate::store::administration;
use crate::store::administration::Door;
use crate::web::{Site, assets, errors};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

/// A link that opened: its door and the answers so far.
pub struct Opened {
    /// What the link opens.
    pub door: Door,
    /// The battery with the answers so far.
    pub parts: Vec<Part<'static>>,
}

/// Loads what a link opens, whatever its state.
pub async fn load(site: &Site, token: &str) -> Result<Opened, Failure<Refusal>> {
    let token = Token::parse(token).ok_or(Failure::Refused(Refusal::Unknown))?;
    let (hash, library) = (token.hash(), site.app.library);
    site.app
        .store
        .read_brief(move |tx| {
            let door =
                administration::door(tx, &hash)?.ok_or(Failure::Refused(Refusal::Unknown))?;
            let stored = take_answers::answers_so_far(tx, &door.slip)?;
            let parts = take_answers::parts(library, &door.slip, &stored)?;
            Ok(Opened { door, parts })
        })
        .await
}

/// Loads what a link opens, if it still takes answers.
pub async fn load_open(site: &Site, token: &str) -> Result<Opened, Failure<Refusal>> {
    let opened = load(site, token).await?;
    check_open(&opened.door.slip, site.app.clock.now()).map_err(Failure::Refused)?;
    Ok(opened)
}

/// Head and foot of a page behind a door.
pub fn frame(door: &Door) -> Frame<'_> {
    Frame {
        lang: "en",
        language: "English",
        css: assets::address("survey.css"),
        clinic: &door.clinic,
        site_line: door.crisis_line.as_deref().map(read_line),
    }
}

/// A stored line: `Harbor crisis line|(555) 010-0199|+15550100199`.
fn read_line(stored: &str) -> Line<'_> {
    let mut parts = stored.split('|');
    let (label, shown) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    Line {
        label,
        shown,
        dial: parts.next().unwrap_or_default(),
    }
}

/// Who reads the answers and when.
pub fn reading(door: &Door) -> Reading<'_> {
    Reading {
        who: &door.clinician,
        when: &door.reading_promise,
    }
}

/// The calm page for a link that does not take answers, or for a fault.
pub async fn trouble(
    site: &Site,
    failure: Failure<Refusal>,
    token: &str,
    from: Option<std::net::IpAddr>,
) -> HttpResponse {
    let (status, kind) = match failure {
        Failure::Refused(Refusal::Unknown) if site.throttle.is_guessing(from) => {
            (StatusCode::TOO_MANY_REQUESTS, NoticeKind::TooMany)
        }
        Failure::Refused(Refusal::Unknown) => (StatusCode::NOT_FOUND, NoticeKind::Unknown),
        Failure::Refused(Refusal::Revoked) => (StatusCode::GONE, NoticeKind::Revoked),
        Failure::Refused(Refusal::Expired) => (StatusCode::GONE, NoticeKind::Expired),
        Failure::Refused(Refusal::SentAlready) => (StatusCode::GONE, NoticeKind::Used),
        Failure::Refused(Refusal::SentOtherwise) => (StatusCode::CONFLICT, NoticeKind::Used),
        Failure::Refused(Refusal::Unreadable) => {
            (StatusCode::UNPROCESSABLE_ENTITY, NoticeKind::Unreadable)
        }
        Failure::Denied(_) => (StatusCode::FORBIDDEN, NoticeKind::Unknown),
        Failure::Fault(fault) => (errors::log(&fault), NoticeKind::Fault),
    };
    let back =
        matches!(kind, NoticeKind::Unreadable | NoticeKind::Fault).then(|| format!("/s/{token}"));
    notice(site, status, kind, back.as_deref()).await
}

/// A calm page that needs no door.
pub async fn notice(
    site: &Site,
    status: StatusCode,
    kind: NoticeKind,
    back: Option<&str>,
) -> HttpResponse {
    let stored = site.crisis_line().await;
    let line = stored.as_deref().map(read_line);
    let frame = Frame {
        lang: "en",
        language: "English",
        css: assets::address("survey.css"),
        clinic: "",
        site_line: line,
    };
    errors::page(
        status,
        &Notice {
            frame,
            kind,
            back,
            contact: None,
        },
    )
}
