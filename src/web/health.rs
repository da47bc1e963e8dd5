//! Whether the process lives, and whether it can do its work: database, migrations, the workers' heartbeats. Tells nothing else.

use super::Site;
use crate::jobs::heartbeat;
use actix_web::{HttpResponse, web};

/// The process answers.
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// The service can do its work.
pub async fn readyz(site: web::Data<Site>) -> HttpResponse {
    let now = site.app.clock.now();
    let silent = site
        .app
        .store
        .read(move |tx| heartbeat::silent(tx, now))
        .await;
    match silent {
        Ok(silent) if silent.is_empty() => HttpResponse::Ok()
            .content_type("text/plain")
            .body("ready\n"),
        Ok(silent) => not_ready(&format!("no heartbeat: {}\n", silent.join(", "))),
        Err(fault) => {
            super::errors::log(&fault);
            not_ready("the database does not answer\n")
        }
    }
}

fn not_ready(why: &str) -> HttpResponse {
    HttpResponse::ServiceUnavailable()
        .content_type("text/plain")
        .body(why.to_owned())
}
