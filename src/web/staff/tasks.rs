//! The clerical tasks: a list, and a button that settles one.

use super::{Frame, SiteData, not_found, trouble, words};
use crate::app::Failure;
use crate::app::settle_task::{self, Refusal, Tasks};
use crate::domain::ids::{PatientId, TaskId};
use crate::domain::schedule::{local_day, local_time};
use crate::store::task::{TaskKind, TaskNames};
use crate::web::errors;
use crate::web::site::Site;
use crate::web::visitor::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::NaiveDateTime;
use chrono_tz::Tz;

#[derive(Template)]
#[template(path = "staff/tasks.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    notice: Option<String>,
}

struct Row {
    id: TaskId,
    patient_id: PatientId,
    patient: String,
    clinic: String,
    kind: String,
    detail: String,
    age: String,
    since: String,
}

/// The list.
pub async fn page(site: SiteData, visitor: Visitor) -> HttpResponse {
    show(&site, &visitor, StatusCode::OK, None).await
}

async fn show(
    site: &Site,
    visitor: &Visitor,
    status: StatusCode,
    notice: Option<String>,
) -> HttpResponse {
    match settle_task::read_tasks(&site.app, visitor.actor()).await {
        Ok(Tasks { open, zone }) => {
            let now = site.app.clock.now();
            let rows = open.into_iter().map(|task| row(task, zone, now)).collect();
            errors::page(
                status,
                &Page {
                    frame: Frame::of(site, visitor, "/tasks").await,
                    rows,
                    notice,
                },
            )
        }
        Err(failure) => trouble(&failure),
    }
}

fn row(task: TaskNames, zone: Tz, now: NaiveDateTime) -> Row {
    let since = local_time(zone, task.task.created_at);
    Row {
        id: task.task.id,
        patient_id: task.task.patient_id,
        patient: task.patient,
        clinic: task.clinic,
        kind: kind(&task.task.kind),
        detail: task.task.detail,
        age: words::age(task.task.created_at, now),
        since: words::day_ago(since.date(), local_day(zone, now)),
    }
}

/// What happened, in words; a word of a newer program is shown as it is.
fn kind(word: &str) -> String {
    match word.parse() {
        Ok(TaskKind::MailRefused) => "The mail server refused the patient’s address".to_owned(),
        Ok(TaskKind::NotForMe) => "Somebody said: this link is not for me".to_owned(),
        Ok(TaskKind::NoAddress) => {
            "A form was due and there is no address to send it to".to_owned()
        }
        Ok(TaskKind::NobodyLicensed) => {
            "An answer needs a licensed reader and nobody here is licensed".to_owned()
        }
        Ok(TaskKind::NobodyHere) => {
            "Something waits in the review queue and everybody licensed is away".to_owned()
        }
        Ok(TaskKind::DeclinedOften) => "Three times in a row: “not this time”".to_owned(),
        Ok(TaskKind::NoPermission) => {
            "A form was due that may not be used here, and was not sent".to_owned()
        }
        Ok(TaskKind::MailUnsent) => "A message did not leave, or nobody can know".to_owned(),
        Ok(TaskKind::RemindersStopped) => "Reminders were stopped from a mail".to_owned(),
        Ok(TaskKind::TextsStopped) => "The patient wants no more text messages".to_owned(),
        Ok(TaskKind::TextReply) => "The patient wrote a text message: read it".to_owned(),
        Ok(TaskKind::Correction) => "A note came to answers that were sent: read it".to_owned(),
        Ok(TaskKind::NotSent) => "A form was due and was not sent in time".to_owned(),
        Err(_) => word.replace('_', " "),
    }
}

/// A task was settled.
pub async fn settle(site: SiteData, visitor: Visitor, path: web::Path<String>) -> HttpResponse {
    let Ok(id) = path.parse() else {
        return not_found();
    };
    match settle_task::settle_task(&site.app, visitor.actor(), id).await {
        Ok(()) => errors::see_other("/tasks"),
        Err(Failure::Refused(refusal @ Refusal::NotOpen)) => {
            show(
                &site,
                &visitor,
                StatusCode::CONFLICT,
                Some(refusal.to_string()),
            )
            .await
        }
        Err(failure) => trouble(&failure),
    }
}
