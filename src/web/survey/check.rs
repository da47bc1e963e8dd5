//! The light second check: the year of birth that is on record.

use super::view::{CheckSays, NoticeKind};
use super::visit::{Page, Visit};
use crate::app::Failure;
use crate::app::check_link::{self, Checked};
use crate::web::form::{Fields, FormTrouble};
use actix_web::http::StatusCode;

/// A year was sent. A wrong one, and a link that does not exist, are answered with the same words.
pub async fn check(visit: Visit, fields: Result<Fields, FormTrouble>) -> Page {
    let fields = visit.fields(fields).await?;
    let year = read_year(fields.one("year"));
    let token = visit.token().await?;
    let checked = check_link::check_link(&visit.site.app, &token, year).await;
    match checked {
        Ok(Checked::Right(proof)) => Ok(visit.go_checked(proof)),
        Ok(Checked::NotAsked) => Ok(visit.go("")),
        Ok(Checked::Wrong) if !visit.is_guessing() => Ok(visit
            .say_check(StatusCode::UNPROCESSABLE_ENTITY, CheckSays::Wrong)
            .await),
        Ok(Checked::Wrong | Checked::TooMany) => Ok(visit
            .say_bare(StatusCode::TOO_MANY_REQUESTS, NoticeKind::TooManyYears)
            .await),
        Err(fault) => Err(visit.calm_or_end(Failure::Fault(fault)).await),
    }
}

/// Four digits are a year.
fn read_year(typed: &str) -> Option<i32> {
    let typed = typed.trim();
    let digits = typed.len() == 4 && typed.bytes().all(|byte| byte.is_ascii_digit());
    typed.parse().ok().filter(|_| digits)
}
