//! The site's rules of safety as a form, the trial of a draft on past answers, and every version with its reason. What the rules mean is `domain`'s, storing and trying them
//! the verbs'.

use super::mistakes::Mistakes;
use super::safety::{MENU, Tab, tabs, tier_words, warning_of};
use super::{Frame, SiteData, trouble};
use crate::app::Failure;
use crate::app::rehearse::{self, Faring, Fate, OfClinician, Rehearsal, Tiers, WEEKS, WEEKS_MOST};
use crate::app::set_safety_policy::{self, Asked, Refusal, Rules, Warning};
use crate::domain::instrument::Library;
use crate::domain::risk::Tier;
use crate::domain::risk::policy::{
    Clocks, DutyContact, KnownLevelRule, RuleSetting, SafetyPolicy, SignalRules, TierWord,
};
use crate::domain::risk::strictness::{BadSetting, known_rules, rule_name};
use crate::web::errors;
use crate::web::form::Fields;
use crate::web::site::Site;
use crate::web::visitor::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use chrono::NaiveTime;

/// The fields that hold one number.
const NUMBERS: [&str; 8] = [
    "acknowledge_minutes",
    "acknowledge_minutes_outside",
    "then_every_minutes",
    "close_hours",
    "review_working_days",
    "review_close_working_days",
    "known_grades",
    "known_days",
];
/// … or nothing.
const NUMBERS_OR_NEVER: [&str; 2] = ["not_on_track_weeks", "silent_days"];
const SWITCHES: [&str; 3] = ["deteriorated", "in_need", "phrases"];
const WORDS: [&str; 4] = ["duty_name", "duty_email", "digest_at", "reason"];

#[derive(Template)]
#[template(path = "staff/safety_policy.html")]
struct Page {
    frame: Frame,
    tabs: Vec<Tab>,
    warning: Option<String>,
    mistakes: Mistakes,
    saved: bool,
    version: i32,
    is_lead: bool,
    typed: Typed,
    rules: Vec<RuleRow>,
    versions: Vec<VersionLine>,
    weeks: String,
}

struct VersionLine {
    number: i32,
    made: String,
    reason: String,
    differences: Vec<String>,
    weaker: usize,
}

/// What may be set about one rule.
struct RuleRow {
    key: String,
    name: String,
    least: Vec<(String, String, bool)>,
    tiers: Vec<(&'static str, &'static str, bool)>,
    shipped: String,
}

/// The rules as they were typed, field by field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Typed(Vec<(String, String)>);

impl Typed {
    fn of(policy: &SafetyPolicy, library: &Library) -> Typed {
        let (clocks, signals) = (&policy.clocks, &policy.signals);
        let or_empty = |n: Option<u32>| n.map_or_else(String::new, |n| n.to_string());
        let mut fields: Vec<(String, String)> = [
            (
                "acknowledge_minutes",
                clocks.acknowledge_minutes.to_string(),
            ),
            (
                "acknowledge_minutes_outside",
                clocks.acknowledge_minutes_outside.to_string(),
            ),
            ("then_every_minutes", clocks.then_every_minutes.to_string()),
            ("close_hours", clocks.close_hours.to_string()),
            (
                "review_working_days",
                clocks.review_working_days.to_string(),
            ),
            (
                "review_close_working_days",
                clocks.review_close_working_days.to_string(),
            ),
            ("known_grades", policy.known_level.grades.to_string()),
            ("known_days", policy.known_level.days_most.to_string()),
            ("not_on_track_weeks", or_empty(signals.not_on_track_weeks)),
            ("silent_days", or_empty(signals.silent_days)),
            ("digest_at", policy.digest_at.format("%H:%M").to_string()),
            (
                "duty_name",
                policy
                    .duty
                    .as_ref()
                    .map_or(String::new(), |duty| duty.name.clone()),
            ),
            (
                "duty_email",
                policy
                    .duty
                    .as_ref()
                    .map_or(String::new(), |duty| duty.email.clone()),
            ),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let on = [
            ("deteriorated", signals.deteriorated),
            ("in_need", signals.in_need),
            ("phrases", policy.phrases),
        ];
        let on = on.into_iter().filter(|(_, on)| *on);
        fields.extend(on.map(|(name, _)| (name.to_owned(), "yes".to_owned())));
        for known in known_rules(library) {
            let least = policy
                .lowest(&known)
                .map_or(String::new(), |value| value.to_string());
            fields.push((format!("least:{}", known.key()), least));
            let tier = tier_words(policy.tier(&known)).to_owned();
            fields.push((format!("tier:{}", known.key()), tier));
        }
        Typed(fields)
    }

    /// The fields that are ours; of what is sent otherwise nothing comes back.
    fn read(fields: &Fields, library: &Library) -> Typed {
        let names = NUMBERS
            .iter()
            .chain(&NUMBERS_OR_NEVER)
            .chain(&SWITCHES)
            .chain(&WORDS);
        let mut typed: Vec<(String, String)> = names
            .filter(|name| fields.has(name))
            .map(|name| ((*name).to_owned(), fields.one(name).trim().to_owned()))
            .collect();
        for known in known_rules(library) {
            for kind in ["least", "tier"] {
                let name = format!("{kind}:{}", known.key());
                typed.push((name.clone(), fields.one(&name).trim().to_owned()));
            }
        }
        Typed(typed)
    }

    fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// The rules, or what could not be read. Whether they can be kept is the verb's to say.
    fn policy(&self, library: &Library) -> Result<SafetyPolicy, Mistakes> {
        let mut mistakes = Mistakes::none();
        let mut number = |field: &'static str, never: bool| -> Option<u32> {
            let text = self.get(field);
            let read = text.parse().ok();
            if read.is_none() && !(never && text.is_empty()) {
                mistakes.add(field, "Write a whole number in digits.");
            }
            read
        };
        let mut whole = |field| number(field, false).unwrap_or_default();
        let clocks = Clocks {
            acknowledge_minutes: whole("acknowledge_minutes"),
            acknowledge_minutes_outside: whole("acknowledge_minutes_outside"),
            then_every_minutes: whole("then_every_minutes"),
            close_hours: whole("close_hours"),
            review_working_days: whole("review_working_days"),
            review_close_working_days: whole("review_close_working_days"),
        };
        let known_level = KnownLevelRule {
            grades: u16::try_from(whole("known_grades")).unwrap_or(u16::MAX),
            days_most: whole("known_days"),
        };
        let signals = SignalRules {
            deteriorated: self.has("deteriorated"),
            not_on_track_weeks: number("not_on_track_weeks", true),
            silent_days: number("silent_days", true),
            in_need: self.has("in_need"),
        };
        let digest_at = NaiveTime::parse_from_str(self.get("digest_at"), "%H:%M");
        if digest_at.is_err() {
            mistakes.add("digest_at", "Write a time like 07:30.");
        }
        let rules = self.rules(library, &mut mistakes);
        let policy = SafetyPolicy {
            clocks,
            rules,
            known_level,
            duty: self.duty(),
            signals,
            phrases: self.has("phrases"),
            digest_at: digest_at.unwrap_or_default(),
            reason: self.get("reason").to_owned(),
        };
        if mistakes.is_empty() {
            Ok(policy)
        } else {
            Err(mistakes)
        }
    }

    fn duty(&self) -> Option<DutyContact> {
        let (name, email) = (self.get("duty_name"), self.get("duty_email"));
        (!name.is_empty() || !email.is_empty()).then(|| DutyContact {
            name: name.to_owned(),
            email: email.to_owned(),
        })
    }

    fn rules(
        &self,
        library: &Library,
        mistakes: &mut Mistakes,
    ) -> std::collections::BTreeMap<String, RuleSetting> {
        let mut rules = std::collections::BTreeMap::new();
        for known in known_rules(library) {
            let key = known.key();
            let least = self.get(&format!("least:{key}")).parse::<i16>();
            let tier = match self.get(&format!("tier:{key}")) {
                "crisis" => Some(TierWord::Crisis),
                "review" => Some(TierWord::Review),
                _ => None,
            };
            let (Ok(least), Some(tier)) = (least, tier) else {
                let wanted = format!(
                    "{}: choose the lowest answer and the tier from the lists.",
                    rule_name(&known)
                );
                mistakes.add("rules", wanted);
                continue;
            };
            let setting = RuleSetting {
                at_least: (known.firing().first() != Some(&least)).then_some(least),
                tier: (Tier::from(tier) != known.rule.tier).then_some(tier),
            };
            if setting != RuleSetting::default() {
                rules.insert(key, setting);
            }
        }
        rules
    }
}

/// What the verb says, at the fields it is about.
fn wrong_settings(bad: &[BadSetting]) -> Mistakes {
    let mut mistakes = Mistakes::none();
    let about_rules: Vec<&str> = bad
        .iter()
        .filter(|one| one.key.starts_with("rule."))
        .map(|one| one.wanted.as_str())
        .collect();
    for one in bad {
        let mut places = NUMBERS.iter().chain(&NUMBERS_OR_NEVER).chain(&WORDS);
        if let Some(place) = places.find(|place| **place == one.key) {
            mistakes.add(place, one.wanted.as_str());
        }
    }
    if !about_rules.is_empty() {
        mistakes.add("rules", about_rules.join(" "));
    }
    mistakes
}

fn refused(refusal: &Refusal) -> Mistakes {
    match refusal {
        Refusal::Rules(bad) => wrong_settings(bad),
        Refusal::Outdated(_) => Mistakes::one("versions", refusal.to_string()),
        Refusal::NeedsLead(_) => Mistakes::one("weaker", refusal.to_string()),
        Refusal::NotRead(_) => Mistakes::one("understood", refusal.to_string()),
        Refusal::NoReason => Mistakes::one("reason", refusal.to_string()),
    }
}

/// What is special about showing the page this time.
#[derive(Default)]
struct Before {
    typed: Option<Typed>,
    mistakes: Mistakes,
    saved: bool,
    /// The version on which what is typed was made.
    base: Option<i32>,
    weeks: String,
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
    let rules = match set_safety_policy::read_policy(&site.app, visitor.actor()).await {
        Ok(rules) => rules,
        Err(failure) => return trouble(&failure),
    };
    let library = site.app.library;
    let typed = before
        .typed
        .unwrap_or_else(|| Typed::of(&rules.policy, library));
    let page = Page {
        frame: Frame::of(site, visitor, MENU).await,
        tabs: tabs(visitor.staff.role, "/safety/policy"),
        warning: warning_of(rules.weaker.len()),
        mistakes: before.mistakes,
        saved: before.saved,
        version: before.base.unwrap_or(rules.version),
        is_lead: rules.is_lead,
        rules: rule_rows(library, &typed),
        typed,
        versions: version_lines(&rules),
        weeks: match before.weeks.as_str() {
            "" => WEEKS.to_string(),
            typed => typed.to_owned(),
        },
    };
    errors::page(status, &page)
}

fn rule_rows(library: &Library, typed: &Typed) -> Vec<RuleRow> {
    let row = |known: &crate::domain::risk::strictness::KnownRule<'_>| {
        let key = known.key();
        let firing = known.firing();
        let words = |value: i16| {
            let texts = known.instrument.texts_or_english("en");
            let item = known.instrument.items.get(known.rule.item)?;
            let option = item.option_with(value)?;
            texts.items.get(known.rule.item)?.options.get(option)
        };
        let (least, tier) = (
            typed.get(&format!("least:{key}")),
            typed.get(&format!("tier:{key}")),
        );
        RuleRow {
            name: rule_name(known),
            least: firing
                .iter()
                .map(|value| {
                    let said =
                        words(*value).map_or(value.to_string(), |words| format!("{value} {words}"));
                    let chosen = least == value.to_string();
                    (value.to_string(), said, chosen)
                })
                .collect(),
            tiers: [Tier::Crisis, Tier::Review]
                .map(|one| (tier_words(one), tier_words(one), tier_words(one) == tier))
                .into(),
            shipped: format!(
                "from {}, {}",
                firing.first().map_or(String::new(), ToString::to_string),
                tier_words(known.rule.tier)
            ),
            key,
        }
    };
    known_rules(library).iter().map(row).collect()
}

fn version_lines(rules: &Rules) -> Vec<VersionLine> {
    let line = |version: &set_safety_policy::Version| VersionLine {
        number: version.number,
        made: format!(
            "{} by {}",
            version.made_at.format("%-d %B %Y, %H:%M"),
            version.made_by
        ),
        reason: version.reason.clone(),
        differences: version.differences.clone(),
        weaker: version.weaker.len(),
    };
    rules.versions.iter().map(line).collect()
}

/// New rules were sent; with `change` they are only shown again, to be changed.
pub async fn set(site: SiteData, visitor: Visitor, fields: Fields) -> HttpResponse {
    let library = site.app.library;
    let typed = Typed::read(&fields, library);
    let base = fields.one("base").parse().ok();
    let again = |mistakes, base| Before {
        typed: Some(typed.clone()),
        mistakes,
        base,
        weeks: fields.one("weeks").to_owned(),
        ..Before::default()
    };
    if fields.has("change") {
        return show(
            &site,
            &visitor,
            StatusCode::OK,
            again(Mistakes::none(), base),
        )
        .await;
    }
    let mistakes = match (typed.policy(library), base) {
        (Err(mistakes), _) => mistakes,
        (Ok(_), None) => Mistakes::one(
            "versions",
            "The page was damaged on its way. Make your changes again.",
        ),
        (Ok(policy), Some(base)) => {
            let asked = Asked {
                policy,
                base,
                warning: match fields.has("understood") {
                    true => Warning::Read,
                    false => Warning::NotRead,
                },
            };
            match set_safety_policy::set_policy(&site.app, visitor.actor(), asked).await {
                Ok(()) => return errors::see_other("/safety/policy?saved"),
                Err(Failure::Refused(Refusal::Outdated(newest))) => {
                    let refusal = Refusal::Outdated(newest);
                    // What holds now is shown, not what was typed on top of what does not hold any more.
                    let before = Before {
                        mistakes: refused(&refusal),
                        ..Before::default()
                    };
                    return show(&site, &visitor, StatusCode::CONFLICT, before).await;
                }
                Err(Failure::Refused(refusal)) => refused(&refusal),
                Err(failure) => return trouble(&failure),
            }
        }
    };
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    show(&site, &visitor, status, again(mistakes, base)).await
}

#[derive(Template)]
#[template(path = "staff/safety_rehearsal.html")]
struct RehearsalPage {
    frame: Frame,
    tabs: Vec<Tab>,
    typed: Typed,
    base: String,
    weeks: String,
    is_lead: bool,
    period: String,
    stopped_early: bool,
    responses: usize,
    took: String,
    differences: Vec<String>,
    weaker: Vec<String>,
    lines: Vec<WeekLine>,
    clinicians: Vec<ClinicianLine>,
    otherwise: Vec<FaringPart>,
    nothing_changes: bool,
}

struct WeekLine {
    week: String,
    figures: [Tiers; 3],
}

struct ClinicianLine {
    name: String,
    figures: [Tiers; 3],
    most: u64,
}

struct FaringPart {
    heading: &'static str,
    meaning: &'static str,
    loses: bool,
    answers: u64,
    patients: u64,
    rows: Vec<FaringRow>,
    more: u64,
}

struct FaringRow {
    patient: String,
    name: String,
    flag: String,
    what: String,
    on: String,
}

/// A draft is tried on past answers; nothing is stored.
pub async fn rehearse(site: SiteData, visitor: Visitor, fields: Fields) -> HttpResponse {
    let library = site.app.library;
    let typed = Typed::read(&fields, library);
    let weeks_typed = fields.one("weeks").trim().to_owned();
    let wrong = |mistakes| Before {
        typed: Some(typed.clone()),
        mistakes,
        base: fields.one("base").parse().ok(),
        weeks: weeks_typed.clone(),
        ..Before::default()
    };
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let draft = match typed.policy(library) {
        Ok(draft) => draft,
        Err(mistakes) => return show(&site, &visitor, status, wrong(mistakes)).await,
    };
    let Ok(weeks) = weeks_typed.parse() else {
        let mistakes = Mistakes::one(
            "weeks",
            format!("Write a number of weeks from 1 to {WEEKS_MOST}."),
        );
        return show(&site, &visitor, status, wrong(mistakes)).await;
    };
    match rehearse::rehearse(&site.app, visitor.actor(), draft.clone(), weeks).await {
        Ok(done) => show_rehearsal(&site, &visitor, (typed, fields.one("base"), draft), done).await,
        Err(Failure::Refused(refusal)) => {
            let mistakes = match &refusal {
                rehearse::Refusal::Rules(bad) => wrong_settings(bad),
                _ => Mistakes::one("weeks", refusal.to_string()),
            };
            show(&site, &visitor, status, wrong(mistakes)).await
        }
        Err(failure) => trouble(&failure),
    }
}

async fn show_rehearsal(
    site: &Site,
    visitor: &Visitor,
    (typed, base, draft): (Typed, &str, SafetyPolicy),
    done: Rehearsal,
) -> HttpResponse {
    let rules = match set_safety_policy::read_policy(&site.app, visitor.actor()).await {
        Ok(rules) => rules,
        Err(failure) => return trouble(&failure),
    };
    let library = site.app.library;
    let page = RehearsalPage {
        frame: Frame::of(site, visitor, MENU).await,
        tabs: tabs(visitor.staff.role, "/safety/policy"),
        base: base.to_owned(),
        weeks: done.weeks.len().to_string(),
        is_lead: rules.is_lead,
        period: format!(
            "{} to {}",
            done.from.format("%-d %b %Y"),
            done.to.format("%-d %b %Y")
        ),
        stopped_early: done.stopped_early,
        responses: done.responses,
        took: format!("{:.1} s", done.took.as_secs_f64()),
        differences: draft.differences(&rules.policy, library),
        weaker: draft
            .weaker(library)
            .iter()
            .map(ToString::to_string)
            .collect(),
        lines: done
            .weeks
            .iter()
            .map(|(week, figures)| WeekLine {
                week: week.format("%-d %b %Y").to_string(),
                figures: [figures.in_force, figures.draft, figures.really],
            })
            .collect(),
        nothing_changes: done.otherwise.iter().all(|one| one.answers == 0),
        clinicians: done.clinicians.iter().map(clinician_line).collect(),
        otherwise: done
            .otherwise
            .iter()
            .filter(|one| one.answers > 0)
            .map(faring_part)
            .collect(),
        typed,
    };
    errors::page(StatusCode::OK, &page)
}

fn clinician_line(one: &OfClinician) -> ClinicianLine {
    ClinicianLine {
        name: one.clinician.clone(),
        figures: [one.all.in_force, one.all.draft, one.all.really],
        most: one.draft_most_in_a_week,
    }
}

fn faring_part(one: &Faring) -> FaringPart {
    let (heading, meaning, loses) = match one.fate {
        Fate::Missed => (
            "Would have been missed",
            "Flagged by the rules that hold now, and not by the draft.",
            true,
        ),
        Fate::Later => (
            "Would have been looked at later",
            "A crisis by the rules that hold now, and for review by the draft.",
            true,
        ),
        Fate::Sooner => (
            "Would have been looked at sooner",
            "For review by the rules that hold now, and a crisis by the draft.",
            false,
        ),
        Fate::New => (
            "Would be new",
            "Not flagged by the rules that hold now, and flagged by the draft.",
            false,
        ),
    };
    let listed = u64::try_from(one.rows.len()).unwrap_or(u64::MAX);
    FaringPart {
        heading,
        meaning,
        loses,
        answers: one.answers,
        patients: one.patients,
        more: one.answers.saturating_sub(listed),
        rows: one
            .rows
            .iter()
            .map(|row| FaringRow {
                patient: row.patient.to_string(),
                name: row.name.clone(),
                flag: row.flag.map_or(String::new(), |id| id.to_string()),
                what: format!("{} to item {} of the {}", row.answer, row.item, row.form),
                on: row.on.format("%a %-d %b %Y").to_string(),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_comes_back_from_its_form() {
        let library = Library::embedded();
        let key = format!("phq9.{}", library.get("phq9").unwrap().risk_rules[0].id);
        let policy = SafetyPolicy {
            rules: [(
                key,
                RuleSetting {
                    at_least: Some(2),
                    tier: Some(TierWord::Review),
                },
            )]
            .into(),
            duty: Some(DutyContact {
                name: "Duty".into(),
                email: "duty@clinic.example".into(),
            }),
            phrases: false,
            signals: SignalRules {
                silent_days: None,
                ..SignalRules::default()
            },
            ..SafetyPolicy::default()
        };
        assert_eq!(Typed::of(&policy, library).policy(library), Ok(policy));
        let shipped = SafetyPolicy::default();
        assert_eq!(Typed::of(&shipped, library).policy(library), Ok(shipped));
    }

    #[test]
    fn every_field_that_is_missing_is_named() {
        let library = Library::embedded();
        let mistakes = Typed::default().policy(library).unwrap_err();
        for field in NUMBERS {
            assert!(mistakes.why(field).is_some(), "{field}");
        }
        assert!(mistakes.why("digest_at").is_some() && mistakes.why("rules").is_some());
        assert!(
            mistakes.why("silent_days").is_none(),
            "nothing there is: never"
        );
    }

    #[test]
    fn the_page_has_a_place_for_each_mistake() {
        let html = include_str!("../../../templates/staff/safety_policy.html");
        let fields = NUMBERS.iter().chain(&NUMBERS_OR_NEVER).chain(&WORDS[..3]);
        for field in fields.chain(&["rules", "weeks", "versions"]) {
            assert!(html.contains(&format!("\"{field}\"")), "{field}");
        }
    }
}
