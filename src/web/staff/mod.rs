//! Everybody's pages but the patients': one file a page, holding its handlers and the values its template prints. Decisions live in the verbs.

pub mod account;
pub mod admin;
pub mod care;
pub mod caseload;
pub mod contact;
pub mod correction;
pub mod cover;
pub mod enrol;
pub mod evaluation;
pub mod flag;
pub mod flag_card;
pub mod flag_line;
pub mod flag_words;
pub mod give;
pub mod in_error;
pub mod informant;
pub mod instruments;
pub mod ledger;
pub mod mailbox;
pub mod mistakes;
pub mod patient;
pub mod periods;
pub mod places;
pub mod plans;
pub mod programs;
pub mod queue;
pub mod record;
pub mod safety;
pub mod safety_conservation;
pub mod safety_policy;
pub mod safety_report;
pub mod sending;
pub mod sending_policy;
pub mod sessions;
pub mod set_up;
pub mod sign_in;
pub mod signal_words;
pub mod signals;
pub mod signed_out;
pub mod tablet;
pub mod tasks;
pub mod words;

use super::visitor::Visitor;
use super::{Site, assets, errors};
use crate::app::Failure;
use crate::app::clinical_health::{self, Warnings};
use crate::domain::access::{Action, Role, Subject, decide, role_may};
use crate::store::contact as contact_store;
use crate::store::flag as flag_store;
use crate::store::signal;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

/// What every staff page carries: head, menu, banner.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Address of the style sheet.
    pub css: &'static str,
    /// Whether the demo banner stands on top.
    pub demo: bool,
    /// Who is signed in; empty before sign-in.
    pub name: String,
    /// Their role in words.
    pub role: &'static str,
    /// The menu.
    pub menu: Vec<MenuItem>,
    /// Whether sending is paused for the whole site.
    pub paused: bool,
    /// What is wrong with what safety rests on.
    pub warnings: Warnings,
    /// Whether whoever is signed in sees the queue.
    pub sees_queue: bool,
}

/// One entry of the menu.
#[derive(Debug, Clone)]
pub struct MenuItem {
    /// Where it leads.
    pub address: &'static str,
    /// What it says.
    pub words: &'static str,
    /// Something waiting there: shown as a number when above zero.
    pub waiting: usize,
    /// Whether this is the page that is open.
    pub here: bool,
}

/// The menu's entries, each for those who may open it; `None` = everybody who is signed in.
const MENU: &[(&str, &str, Option<Action>)] = &[
    ("/caseload", "Caseload", Some(Action::SeeCaseload)),
    ("/queue", "Review queue", Some(Action::SeeQueue)),
    ("/signals", "Signals", Some(Action::SeeQueue)),
    ("/tasks", "Tasks", Some(Action::SettleTasks)),
    ("/sending", "Sending", Some(Action::SeeCaseload)),
    ("/evaluation", "Evaluation", Some(Action::Evaluate)),
    (safety::MENU, "Safety", None),
    ("/leave", "My leave", Some(Action::SeeQueue)),
    ("/admin", "Administration", Some(Action::Administer)),
    ("/admin/sending", "Sending", Some(Action::Administer)),
    ("/admin/cover", "Cover", Some(Action::Administer)),
    ("/instruments", "Instruments", None),
];

impl Frame {
    /// The frame of a page that needs no sign-in.
    pub fn outside(site: &Site) -> Frame {
        Frame {
            css: assets::address("staff.css"),
            demo: site.mailbox.is_some(),
            name: String::new(),
            role: "",
            menu: vec![],
            paused: false,
            warnings: Warnings::default(),
            sees_queue: false,
        }
    }

    /// The frame for whoever is signed in; `here` is the menu entry's address that the page belongs to.
    pub async fn of(site: &Site, visitor: &Visitor, here: &str) -> Frame {
        let (waiting, signals) = waiting(site, visitor).await;
        let paused = is_paused(site).await;
        let menu = MENU
            .iter()
            .filter(|(_, _, action)| {
                action.is_none_or(|wanted| role_may(visitor.staff.role, wanted))
            })
            .map(|(address, words, _)| MenuItem {
                address,
                words,
                waiting: match *address {
                    "/queue" => waiting,
                    "/signals" => signals,
                    _ => 0,
                },
                here: *address == here,
            })
            .collect();
        Frame {
            css: assets::address("staff.css"),
            demo: site.mailbox.is_some(),
            name: visitor.name.clone(),
            role: words::role(visitor.staff.role),
            menu,
            paused,
            warnings: warnings(site, visitor).await,
            sees_queue: role_may(visitor.staff.role, Action::SeeQueue),
        }
    }

    /// Since when notices have not left, as `14:05`.
    pub fn notices_since(&self) -> Option<String> {
        self.warnings
            .notices_since
            .map(|at| at.format("%H:%M").to_string())
    }
}

/// What stands on top of the page; not to be told is no reason to show no page.
async fn warnings(site: &Site, visitor: &Visitor) -> Warnings {
    let (org, now) = (site.app.org, site.app.clock.now());
    let permit = decide(&visitor.actor(), Action::SeeQueue, Subject::Organisation).ok();
    site.app
        .store
        .read(move |tx| clinical_health::warnings(tx, org, permit.as_ref(), now))
        .await
        .unwrap_or_else(|fault: crate::store::Fault| {
            errors::log(&fault);
            Warnings::default()
        })
}

/// How many flags and how many signals wait within reach; numbers that cannot be had are no reason to show no page.
async fn waiting(site: &Site, visitor: &Visitor) -> (usize, usize) {
    let Ok(permit) = decide(&visitor.actor(), Action::SeeQueue, Subject::Organisation) else {
        return (0, 0);
    };
    site.app
        .store
        .read(move |tx| {
            Ok((
                flag_store::waiting(tx, &permit)?,
                signal::how_many_wait(tx, &permit)?,
            ))
        })
        .await
        .unwrap_or_else(|fault: crate::store::Fault| {
            errors::log(&fault);
            (0, 0)
        })
}

/// Whether nothing leaves for the whole site; not to be told is no reason to show no page.
async fn is_paused(site: &Site) -> bool {
    let (org, now) = (site.app.org, site.app.clock.now());
    let paused = site.app.store.read(move |tx| {
        let pauses = contact_store::pauses(tx, org, now)?;
        Ok(pauses
            .iter()
            .any(|row| row.scope == contact_store::PauseScope::Site.word()))
    });
    paused.await.unwrap_or_else(|fault: crate::store::Fault| {
        errors::log(&fault);
        false
    })
}

/// Where each role begins.
pub async fn home(visitor: Visitor) -> HttpResponse {
    errors::see_other(match visitor.staff.role {
        Role::Therapist | Role::Supervisor => "/caseload",
        Role::Quality => "/evaluation",
        Role::Administrator => "/admin",
    })
}

/// A failed verb as a page. A refusal says what was wrong; a page that can show it beside its form does so itself instead.
pub fn trouble<R: std::fmt::Display>(failure: &Failure<R>) -> HttpResponse {
    match failure {
        Failure::Refused(refusal) => {
            errors::plain_for_staff(StatusCode::UNPROCESSABLE_ENTITY, &refusal.to_string())
        }
        // Out of reach looks like not there: whether a patient exists is nobody else's business.
        Failure::Denied(crate::domain::access::Denied::Clinic) => not_found(),
        Failure::Denied(denied) => {
            errors::plain_for_staff(StatusCode::FORBIDDEN, &format!("Sorry, {denied}."))
        }
        Failure::Fault(fault) => errors::plain_for_staff(
            errors::log(fault),
            "Something went wrong on our side. Nothing was changed. Please try again.",
        ),
    }
}

/// There is no such thing, or none within reach.
pub fn not_found() -> HttpResponse {
    errors::plain_for_staff(
        StatusCode::NOT_FOUND,
        "There is no such page, or it is outside your clinics.",
    )
}

/// The site's data, as handlers get it.
pub type SiteData = web::Data<Site>;
