//! The demo's mailbox: what went out, with links that work. The route is open to this very machine alone, and only in the demo.

use super::{Frame, SiteData, not_found};
use crate::domain::schedule::local_time;
use crate::mail::Mail;
use crate::store::organisation;
use crate::web::errors;
use crate::web::site::Site;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use chrono::NaiveDateTime;
use chrono_tz::Tz;

#[derive(Template)]
#[template(path = "staff/mailbox.html")]
struct Page {
    frame: Frame,
    mails: Vec<Shown>,
}

struct Shown {
    to: String,
    at: String,
    subject: String,
    lines: Vec<Line>,
    html: String,
}

struct Line {
    words: String,
    is_link: bool,
}

/// The mails, newest first.
pub async fn page(site: SiteData) -> HttpResponse {
    let Some(mailbox) = &site.mailbox else {
        return not_found();
    };
    let zone = zone(&site).await;
    let mails = mailbox
        .newest_first()
        .into_iter()
        .map(|(at, mail)| shown(&site, at, mail, zone))
        .collect();
    errors::page(
        StatusCode::OK,
        &Page {
            frame: Frame::outside(&site),
            mails,
        },
    )
}

/// A page about mails is no reason to fail for a zone.
async fn zone(site: &Site) -> Tz {
    let known = site
        .app
        .store
        .read(organisation::only)
        .await
        .unwrap_or_else(|fault| {
            errors::log(&fault);
            None
        });
    known
        .and_then(|row| row.time_zone.parse().ok())
        .unwrap_or(chrono_tz::UTC)
}

fn shown(site: &Site, at: NaiveDateTime, mail: Mail, zone: Tz) -> Shown {
    let line = |words: &str| Line {
        words: words.to_owned(),
        is_link: words.starts_with(&site.origin),
    };
    Shown {
        to: mail.to,
        at: local_time(zone, at)
            .format("%a %-d %b, %H:%M:%S")
            .to_string(),
        subject: mail.subject,
        lines: mail.text.lines().map(line).collect(),
        html: mail.html,
    }
}
