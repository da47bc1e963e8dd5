//! Whether the process lives, and whether it can do its work: database, migrations, the workers' heartbeats; and whether
//! what safety rests on works. Counts only: nothing about anyone.

use super::site::Site;
use crate::app::clinical_health;
use crate::jobs::heartbeat;
use crate::store::Fault;
use actix_web::{HttpResponse, web};
use std::time::Duration;

/// A database that takes longer than this does not answer, as far as a monitor is concerned.
const ANSWERS_WITHIN: Duration = Duration::from_secs(4);

/// The process answers.
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// The service can do its work.
pub async fn readyz(site: web::Data<Site>) -> HttpResponse {
    let now = site.app.clock.now();
    let silent = site.app.store.read(move |tx| heartbeat::silent(tx, now));
    match in_time(silent).await {
        Ok(silent) if silent.is_empty() => fine("ready\n"),
        Ok(silent) => not_ready(&format!("no heartbeat: {}\n", silent.join(", "))),
        Err(fault) => silence(&fault),
    }
}

/// What safety rests on works: no crisis flag is past its time, escalation and notices live, notices leave, somebody licensed is here. One line a reason where not.
pub async fn clinical_health(site: web::Data<Site>) -> HttpResponse {
    let (org, now) = (site.app.org, site.app.clock.now());
    let asked = site
        .app
        .store
        .read(move |tx| clinical_health::reasons(tx, org, now));
    match in_time(asked).await {
        Ok(reasons) if reasons.is_empty() => fine("ok\n"),
        Ok(reasons) => {
            let lines: Vec<String> = reasons.iter().map(|reason| format!("{reason}\n")).collect();
            not_ready(&lines.concat())
        }
        Err(fault) => silence(&fault),
    }
}

async fn in_time<T>(asked: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let answer = tokio::time::timeout(ANSWERS_WITHIN, asked).await;
    answer.unwrap_or(Err(Fault::Slow))
}

fn fine(words: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body(words)
}

fn silence(fault: &Fault) -> HttpResponse {
    super::errors::log(fault);
    not_ready("the database does not answer\n")
}

fn not_ready(why: &str) -> HttpResponse {
    HttpResponse::ServiceUnavailable()
        .content_type("text/plain")
        .body(why.to_owned())
}
