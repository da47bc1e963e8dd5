//! The review queue: what waits, in the order in which it waits. These pages relay what the patient answered and what the rule says, and never judge. One flag is `flag`.

use super::flag_line::{ClosedRow, Line, closed_row, line};
use super::flag_words::Here;
use super::{Frame, SiteData, safety, trouble};
use crate::app::read_queue::{self, Queue, Whose};
use crate::web::site::Site;
use crate::web::visitor::Visitor;
use crate::web::{assets, errors};
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

#[derive(Template)]
#[template(path = "staff/queue.html")]
struct QueuePage {
    frame: Frame,
    /// That rules are weaker here than what ships.
    warning: Option<String>,
    may_act: bool,
    /// The address of the script that listens.
    script: &'static str,
    /// What the script compares with.
    mark: String,
    /// Whether only the visitor's own are asked for.
    mine: bool,
    of_others: usize,
    total: usize,
    /// Same hour.
    crisis: Vec<Line>,
    /// Within working days.
    review: Vec<Line>,
    more: usize,
    closed: Vec<ClosedRow>,
}

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub struct Wish {
    /// `mine`, or nothing for all.
    show: Option<String>,
}

/// The queue.
pub async fn page(site: SiteData, visitor: Visitor, wish: web::Query<Wish>) -> HttpResponse {
    let whose = match wish.show.as_deref() {
        Some("mine") => Whose::Mine,
        _ => Whose::All,
    };
    match read_queue::read_queue(&site.app, visitor.actor(), whose).await {
        Ok(queue) => {
            let frame = Frame::of(&site, &visitor, "/queue").await;
            let warning = safety::warning(&site).await;
            errors::page(
                StatusCode::OK,
                &queue_page(&site, &visitor, &queue, whose, (frame, warning)),
            )
        }
        Err(failure) => trouble(&failure),
    }
}

fn queue_page(
    site: &Site,
    visitor: &Visitor,
    queue: &Queue,
    whose: Whose,
    (frame, warning): (Frame, Option<String>),
) -> QueuePage {
    let here = Here {
        library: site.app.library,
        zone: queue.zone,
        now: site.app.clock.now(),
    };
    let (crisis, review) = queue
        .waiting
        .iter()
        .map(|waiting| line(waiting, here))
        .partition(|line: &Line| line.is_crisis);
    QueuePage {
        frame,
        warning,
        may_act: visitor.staff.licence.is_some(),
        script: assets::address("queue.js"),
        mark: queue.mark.clone(),
        mine: whose == Whose::Mine,
        of_others: queue.of_others,
        total: queue.waiting.len() + queue.more,
        crisis,
        review,
        more: queue.more,
        closed: queue
            .closed
            .iter()
            .map(|(names, closing)| closed_row(names, closing.as_ref(), here))
            .collect(),
    }
}
