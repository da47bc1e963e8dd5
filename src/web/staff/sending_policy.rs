//! The site's rules of sending as a form, their versions, and the pauses of site and programs. What the rules mean is `domain`'s, storing them the verbs'.

use super::contact::{PauseAsked, PauseEnd, PauseLine};
use super::mistakes::Mistakes;
use super::{Frame, SiteData, not_found, trouble};
use crate::app::Failure;
use crate::app::pause_sending::{self, Scope};
use crate::app::set_sending_policy::{self, Refusal};
use crate::domain::schedule::policy::SendingPolicy;
use crate::web::errors;
use crate::web::form::Fields;
use crate::web::site::Site;
use crate::web::visitor::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::NaiveTime;

#[derive(Template)]
#[template(path = "staff/sending_policy.html")]
struct Page {
    frame: Frame,
    mistakes: Mistakes,
    saved: bool,
    typed: Typed,
    versions: Vec<VersionLine>,
    pauses: Vec<PauseLine>,
    held: i64,
    scopes: Vec<(String, String)>,
    scope: String,
    reason: String,
    last_day: String,
}

struct VersionLine {
    number: i32,
    words: String,
}

/// The rules as they were typed.
#[derive(Default)]
struct Typed {
    send_at: String,
    quiet_from: String,
    quiet_until: String,
    never_opened_days: String,
    begun_hours: String,
    reminder_days: String,
    minutes_per_month: String,
    sender_name: String,
    second_check: bool,
}

impl Typed {
    fn of(policy: &SendingPolicy) -> Typed {
        let clock = |at: NaiveTime| at.format("%H:%M").to_string();
        let days: Vec<String> = policy.reminder_days.iter().map(u32::to_string).collect();
        Typed {
            send_at: clock(policy.send_at),
            quiet_from: clock(policy.quiet_from),
            quiet_until: clock(policy.quiet_until),
            never_opened_days: policy.never_opened_days.to_string(),
            begun_hours: policy.begun_hours.to_string(),
            reminder_days: days.join(", "),
            minutes_per_month: policy.minutes_per_month.to_string(),
            sender_name: policy.sender_name.clone().unwrap_or_default(),
            second_check: policy.second_check,
        }
    }

    fn read(fields: &Fields) -> Typed {
        let one = |name: &str| fields.one(name).trim().to_owned();
        Typed {
            send_at: one("send_at"),
            quiet_from: one("quiet_from"),
            quiet_until: one("quiet_until"),
            never_opened_days: one("never_opened_days"),
            begun_hours: one("begun_hours"),
            reminder_days: one("reminder_days"),
            minutes_per_month: one("minutes_per_month"),
            sender_name: one("sender_name"),
            second_check: fields.has("second_check"),
        }
    }

    /// The rules, or what could not be read. Whether they can be kept is the verb's to say.
    fn rules(&self) -> Result<SendingPolicy, Mistakes> {
        let mut mistakes = Mistakes::none();
        let mut time = |field, text: &str| {
            let read = NaiveTime::parse_from_str(text, "%H:%M").ok();
            if read.is_none() {
                mistakes.add(field, "Write a time like 09:00.");
            }
            read.unwrap_or_default()
        };
        let (send_at, quiet_from, quiet_until) = (
            time("send_at", &self.send_at),
            time("quiet_from", &self.quiet_from),
            time("quiet_until", &self.quiet_until),
        );
        let mut number = |field, text: &str| {
            let read = text.parse::<u32>().ok();
            if read.is_none() {
                mistakes.add(field, "Write a whole number in digits.");
            }
            read.unwrap_or_default()
        };
        let rules = SendingPolicy {
            send_at,
            quiet_from,
            quiet_until,
            never_opened_days: number("never_opened_days", &self.never_opened_days),
            begun_hours: number("begun_hours", &self.begun_hours),
            minutes_per_month: number("minutes_per_month", &self.minutes_per_month),
            reminder_days: self.days(&mut mistakes),
            sender_name: (!self.sender_name.is_empty()).then(|| self.sender_name.clone()),
            second_check: self.second_check,
            ..SendingPolicy::default()
        };
        if mistakes.is_empty() {
            Ok(rules)
        } else {
            Err(mistakes)
        }
    }

    fn days(&self, mistakes: &mut Mistakes) -> Vec<u32> {
        let days: Result<Vec<u32>, _> = self
            .reminder_days
            .split([',', ' '])
            .filter(|word| !word.is_empty())
            .map(str::parse)
            .collect();
        days.unwrap_or_else(|_| {
            mistakes.add(
                "reminder_days",
                "Write days as numbers with commas, such as 2, 4, or leave it empty.",
            );
            vec![]
        })
    }
}

fn refused(refusal: &Refusal) -> Mistakes {
    match refusal {
        Refusal::Rules(bad) => {
            let mut mistakes = Mistakes::none();
            for rule in bad {
                mistakes.add(rule.key, rule.wanted);
            }
            mistakes
        }
        Refusal::Sender | Refusal::SenderTells(_) => {
            Mistakes::one("sender_name", refusal.to_string())
        }
    }
}

/// What is special about showing the page this time.
#[derive(Default)]
struct Before {
    typed: Option<Typed>,
    mistakes: Mistakes,
    saved: bool,
    scope: String,
    reason: String,
    last_day: String,
}

/// The page.
pub async fn page(site: SiteData, visitor: Visitor, request: HttpRequest) -> HttpResponse {
    let before = Before {
        saved: request.query_string() == "saved",
        ..Before::default()
    };
    show(&site, &visitor, StatusCode::OK, before).await
}

async fn show(site: &Site, visitor: &Visitor, status: StatusCode, before: Before) -> HttpResponse {
    let rules = match set_sending_policy::read_rules(&site.app, visitor.actor()).await {
        Ok(rules) => rules,
        Err(failure) => return trouble(&failure),
    };
    let programs = rules
        .programs
        .iter()
        .map(|(id, name)| (id.to_string(), format!("Program {name}")));
    let page = Page {
        frame: Frame::of(site, visitor, "/admin/sending").await,
        mistakes: before.mistakes,
        saved: before.saved,
        typed: before.typed.unwrap_or_else(|| Typed::of(&rules.policy)),
        versions: rules
            .versions
            .iter()
            .map(|version| VersionLine {
                number: version.number,
                words: format!(
                    "{} by {}",
                    version.made_at.format("%-d %B %Y, %H:%M"),
                    version.made_by
                ),
            })
            .collect(),
        pauses: rules.pauses.iter().map(PauseLine::of).collect(),
        held: rules.held,
        scopes: std::iter::once(("site".to_owned(), "The whole site".to_owned()))
            .chain(programs)
            .collect(),
        scope: before.scope,
        reason: before.reason,
        last_day: before.last_day,
    };
    errors::page(status, &page)
}

/// New rules were sent.
pub async fn set(site: SiteData, visitor: Visitor, fields: Fields) -> HttpResponse {
    let typed = Typed::read(&fields);
    let mistakes = match typed.rules() {
        Err(mistakes) => mistakes,
        Ok(new) => match set_sending_policy::set_rules(&site.app, visitor.actor(), new).await {
            Ok(()) => return errors::see_other("/admin/sending?saved"),
            Err(Failure::Refused(refusal)) => refused(&refusal),
            Err(failure) => return trouble(&failure),
        },
    };
    let before = Before {
        typed: Some(typed),
        mistakes,
        ..Before::default()
    };
    show(&site, &visitor, StatusCode::UNPROCESSABLE_ENTITY, before).await
}

/// Pauses the site or a program.
pub async fn pause(site: SiteData, visitor: Visitor, fields: Fields) -> HttpResponse {
    let asked = PauseAsked::read(&fields);
    let scope = match fields.one("scope") {
        "site" => Scope::Site,
        program => match program.parse() {
            Ok(id) => Scope::Program(id),
            Err(_) => {
                let before = Before {
                    mistakes: Mistakes::one("scope", "Choose from the list what is paused."),
                    reason: asked.reason,
                    last_day: asked.last_day,
                    ..Before::default()
                };
                return show(&site, &visitor, StatusCode::UNPROCESSABLE_ENTITY, before).await;
            }
        },
    };
    match asked.begin(&site, &visitor, scope).await {
        PauseEnd::Paused => errors::see_other("/admin/sending?saved"),
        PauseEnd::Wrong(mistakes) => {
            let before = Before {
                mistakes,
                scope: fields.one("scope").to_owned(),
                reason: asked.reason,
                last_day: asked.last_day,
                ..Before::default()
            };
            show(&site, &visitor, StatusCode::UNPROCESSABLE_ENTITY, before).await
        }
        PauseEnd::Answer(answer) => answer,
    }
}

/// Ends a pause of site or program.
pub async fn resume(site: SiteData, visitor: Visitor, path: web::Path<String>) -> HttpResponse {
    let Ok(id) = path.parse() else {
        return not_found();
    };
    match pause_sending::resume(&site.app, visitor.actor(), Scope::Site, id).await {
        Ok(()) => errors::see_other("/admin/sending?saved"),
        Err(failure) => trouble(&failure),
    }
}
