//! The pages about safety: the row of links on top of them, the standing warning, and the rules in force for everybody who works here. The other pages have files of their
//! own beside this one.

use super::{Frame, Site, SiteData, trouble};
use crate::app::Failure;
use crate::app::read_rules::{self, RuleInForce, RulesInForce};
use crate::app::set_safety_policy::standing_warning;
use crate::domain::access::{Action, Role, role_may};
use crate::domain::risk::Tier;
use crate::store::Fault;
use crate::web::errors;
use crate::web::visitor::Visitor;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use std::convert::Infallible;

/// One of the pages about safety, in the row of links on top.
pub struct Tab {
    /// Where it leads.
    pub address: &'static str,
    /// What it says.
    pub words: &'static str,
    /// Whether this is the page that is open.
    pub here: bool,
}

const TABS: [(&str, &str, Option<Action>); 4] = [
    ("/safety/rules", "Rules in force", None),
    ("/safety/report", "Report", Some(Action::Evaluate)),
    (
        "/safety/conservation",
        "Nothing lost",
        Some(Action::ReadSafety),
    ),
    ("/safety/policy", "Set the rules", Some(Action::SetSafety)),
];

/// The menu's entry to which all of these pages belong.
pub const MENU: &str = "/safety/rules";

/// The links that this role may follow.
#[must_use]
pub fn tabs(role: Role, here: &str) -> Vec<Tab> {
    TABS.iter()
        .filter(|(_, _, action)| action.is_none_or(|wanted| role_may(role, wanted)))
        .map(|(address, words, _)| Tab {
            address,
            words,
            here: *address == here,
        })
        .collect()
}

/// That rules weaker than what ships hold here, as one line for pages about flags (`staff/safety_warning.html`); `None` when none does. Not to be told is no reason to
/// show no page.
pub async fn warning(site: &Site) -> Option<String> {
    let (org, library) = (site.app.org, site.app.library);
    let read = site
        .app
        .store
        .read(move |tx| standing_warning(tx, org, library));
    let weaker = read.await.unwrap_or_else(|fault: Fault| {
        errors::log(&fault);
        vec![]
    });
    warning_of(weaker.len())
}

/// The same line for a known number of settings.
#[must_use]
pub fn warning_of(weaker: usize) -> Option<String> {
    match weaker {
        0 => None,
        1 => Some("1 rule of safety is weaker here than what ships.".to_owned()),
        n => Some(format!(
            "{n} rules of safety are weaker here than what ships."
        )),
    }
}

#[derive(Template)]
#[template(path = "staff/safety_rules.html")]
struct RulesPage {
    frame: Frame,
    tabs: Vec<Tab>,
    warning: Option<String>,
    weaker: Vec<String>,
    policy: String,
    forms: Vec<FormRules>,
    crisis: String,
    review: String,
    signals: Vec<String>,
    known: String,
    phrases: bool,
}

/// The rules of one instrument.
struct FormRules {
    id: String,
    name: String,
    version: String,
    rules: Vec<RuleLine>,
}

struct RuleLine {
    item: String,
    asks: String,
    name: String,
    answers: String,
    tier: &'static str,
    is_crisis: bool,
    changed: String,
    id: String,
    source: String,
}

/// The rules in force.
pub async fn rules(site: SiteData, visitor: Visitor) -> HttpResponse {
    let rules = match read_rules::read_rules(&site.app).await {
        Ok(rules) => rules,
        Err(fault) => return trouble::<Infallible>(&Failure::Fault(fault)),
    };
    let page = RulesPage {
        frame: Frame::of(&site, &visitor, MENU).await,
        tabs: tabs(visitor.staff.role, "/safety/rules"),
        warning: warning_of(rules.weaker.len()),
        weaker: rules.weaker.iter().map(ToString::to_string).collect(),
        policy: match rules.policy_version {
            0 => "as shipped; nobody has changed anything".to_owned(),
            version => format!("version {version}"),
        },
        crisis: crisis_words(&rules),
        review: review_words(&rules),
        signals: signal_words(&rules),
        known: known_words(&rules),
        phrases: rules.phrases,
        forms: forms(rules.rules),
    };
    errors::page(StatusCode::OK, &page)
}

fn forms(rules: Vec<RuleInForce>) -> Vec<FormRules> {
    let mut forms: Vec<FormRules> = vec![];
    for rule in rules {
        let line = line(&rule);
        match forms.iter_mut().find(|form| form.id == rule.instrument) {
            Some(form) => form.rules.push(line),
            None => forms.push(FormRules {
                id: rule.instrument,
                name: rule.form,
                version: rule.version,
                rules: vec![line],
            }),
        }
    }
    forms
}

fn line(rule: &RuleInForce) -> RuleLine {
    let answers: Vec<String> = rule
        .answers
        .iter()
        .map(|(value, words)| match words.as_str() {
            "" => value.to_string(),
            words => format!("{value} “{words}”"),
        })
        .collect();
    let mut changed = vec![];
    if let Some(from) = rule.shipped_from {
        changed.push(format!("shipped: from {from}"));
    }
    if let Some(tier) = rule.shipped_tier {
        changed.push(format!("shipped: {}", tier_words(tier)));
    }
    RuleLine {
        item: rule.item.clone(),
        asks: rule.asks.clone(),
        name: rule.name.clone(),
        answers: answers.join(", "),
        tier: tier_words(rule.tier),
        is_crisis: rule.tier == Tier::Crisis,
        changed: changed.join("; "),
        id: format!("{}, version {}", rule.rule, rule.rule_version),
        source: rule.source.clone(),
    }
}

/// A tier as staff read it.
#[must_use]
pub fn tier_words(tier: Tier) -> &'static str {
    match tier {
        Tier::Crisis => "crisis",
        Tier::Review => "review",
    }
}

fn count(n: u32, unit: &str) -> String {
    match n {
        1 => format!("1 {unit}"),
        n => format!("{n} {unit}s"),
    }
}

fn crisis_words(rules: &RulesInForce) -> String {
    let clocks = &rules.clocks;
    format!(
        "The flag, its owner and a first notice are stored with the answer. Somebody licensed takes it on within {} while the site reads and {} outside; until then the next person is told every {}. It is closed with a documented assessment the same day and is overdue after {}.",
        count(clocks.acknowledge_minutes, "minute"),
        count(clocks.acknowledge_minutes_outside, "minute"),
        count(clocks.then_every_minutes, "minute"),
        count(clocks.close_hours, "hour"),
    )
}

fn review_words(rules: &RulesInForce) -> String {
    let clocks = &rules.clocks;
    format!(
        "The same, in working days: taken on within {}, closed within {} after that.",
        count(clocks.review_working_days, "working day"),
        count(clocks.review_close_working_days, "working day"),
    )
}

fn signal_words(rules: &RulesInForce) -> Vec<String> {
    let signals = &rules.signals;
    let mut said = vec![];
    if signals.deteriorated {
        said.push("Reliably worse than at the start.".to_owned());
    }
    if let Some(weeks) = signals.not_on_track_weeks {
        said.push(format!(
            "Not on track: no reliable improvement {} after the first score, and still at or above the cut-off.",
            count(weeks, "week")
        ));
    }
    if let Some(days) = signals.silent_days {
        said.push(format!("No answer for {}.", count(days, "day")));
    }
    if signals.in_need {
        said.push("In need: a score reaches the cut-off that the one before did not, or the first one does.".to_owned());
    }
    said
}

fn known_words(rules: &RulesInForce) -> String {
    let known = &rules.policy.known_level;
    match known.grades {
        0 => "There are no known levels here: every answer counts as if it were new.".to_owned(),
        grades => format!(
            "A licensed person may say that a patient’s low answers to a rule are known, up to the {} and for at most {}. Such an answer is for review instead of a crisis. It is still flagged, and anything above it counts in full.",
            match grades {
                1 => "lowest answer that is flagged".to_owned(),
                n => format!("lowest {n} answers that are flagged"),
            },
            count(known.days_most, "day")
        ),
    }
}
