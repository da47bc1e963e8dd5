//! How one patient is reached: the page that changes it, the pause for that patient, and the lines beside "give the form". Decisions are the verbs'.

use super::mistakes::Mistakes;
use super::{Frame, SiteData, not_found, trouble};
use crate::app::Failure;
use crate::app::pause_sending::{self, Scope, ShownPause};
use crate::app::set_contact::{self, Card, NewContact, Refusal, Wish};
use crate::app::stop_reminders::Reminders;
use crate::domain::ids::{PatientId, PauseId};
use crate::domain::message::sending::Channel;
use crate::store::contact::PauseScope;
use crate::web::errors;
use crate::web::form::Fields;
use crate::web::site::Site;
use crate::web::visitor::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::NaiveTime;

/// The ways of reaching a patient, as the page offers them.
const CHANNELS: [(&str, &str); 3] = [
    ("mail", "E-mail"),
    ("text", "Text message"),
    ("none", "Not at all: forms are given in the clinic"),
];

/// Beside the way that leads nowhere yet.
const NO_GATEWAY: &str = " (this site has no gateway for them: they would wait)";

#[derive(Template)]
#[template(path = "staff/contact.html")]
struct Page {
    frame: Frame,
    mistakes: Mistakes,
    saved: bool,
    id: PatientId,
    name: String,
    typed: Typed,
    refused: String,
    texts_stopped: bool,
    /// Whether text messages to the patient wait for a gateway that the site does not have.
    texts_wait: bool,
    channels: Vec<(String, String)>,
    pauses: Vec<PauseLine>,
    paused_here: bool,
    reason: String,
    last_day: String,
}

/// A pause as the pages list it.
pub struct PauseLine {
    /// Its id.
    pub id: String,
    /// What it covers, until when and why.
    pub words: String,
    /// Whether it is one patient's own.
    pub own: bool,
}

impl PauseLine {
    /// A pause in words.
    pub fn of(pause: &ShownPause) -> PauseLine {
        let what = match pause.scope {
            PauseScope::Site => "The whole site".to_owned(),
            PauseScope::Program => format!("Program {}", pause.program),
            PauseScope::Patient => "This patient".to_owned(),
        };
        let until = pause.last_day.map_or_else(
            || "until somebody ends it".to_owned(),
            |day| format!("to the end of {}", day.format("%-d %B %Y")),
        );
        PauseLine {
            id: pause.id.to_string(),
            words: format!(
                "{what}: paused since {}, {until}. {}",
                pause.since.format("%-d %B %Y"),
                pause.reason
            ),
            own: pause.scope == PauseScope::Patient,
        }
    }
}

/// The form as it was typed.
#[derive(Default)]
struct Typed {
    email: String,
    phone: String,
    channel: String,
    safe_from: String,
    safe_until: String,
    note: String,
    birth_year: String,
    no_messages: bool,
    no_reminders: bool,
    /// Whether reminders were stopped when the form was opened.
    saw_stop: bool,
}

impl Typed {
    fn of(card: &Card) -> Typed {
        let said = &card.contact;
        let at = |minutes: Option<i32>| minutes.map(clock).unwrap_or_default();
        Typed {
            email: card.patient.email.clone().unwrap_or_default(),
            phone: said.phone.clone().unwrap_or_default(),
            channel: said.channel.clone(),
            safe_from: at(said.safe_from),
            safe_until: at(said.safe_until),
            note: said.note.clone(),
            birth_year: said
                .birth_year
                .map(|year| year.to_string())
                .unwrap_or_default(),
            no_messages: said.opted_out_at.is_some(),
            no_reminders: said.reminders_stopped_at.is_some(),
            saw_stop: said.reminders_stopped_at.is_some(),
        }
    }

    fn read(fields: &Fields) -> Typed {
        let one = |name: &str| fields.one(name).trim().to_owned();
        Typed {
            email: one("email"),
            phone: one("phone"),
            channel: one("channel"),
            safe_from: one("safe_from"),
            safe_until: one("safe_until"),
            note: one("note"),
            birth_year: one("birth_year"),
            no_messages: fields.has("no_messages"),
            no_reminders: fields.has("no_reminders"),
            saw_stop: fields.has("saw_stop"),
        }
    }

    fn command(&self) -> Result<NewContact, Mistakes> {
        let mut mistakes = Mistakes::none();
        let channel = self.channel.parse::<Channel>().ok();
        if channel.is_none() {
            mistakes.add("channel", "Choose one from the list.");
        }
        let safe = safe_hours(&self.safe_from, &self.safe_until);
        if safe.is_none() {
            mistakes.add("safe_from", Refusal::SafeHours.to_string());
        }
        let birth_year = match self.birth_year.as_str() {
            "" => Some(None),
            text => text.parse().ok().map(Some),
        };
        if birth_year.is_none() {
            mistakes.add("birth_year", Refusal::BirthYear.to_string());
        }
        match (channel, safe, birth_year) {
            (Some(channel), Some(safe), Some(birth_year)) => Ok(NewContact {
                email: (!self.email.is_empty()).then(|| self.email.clone()),
                phone: (!self.phone.is_empty()).then(|| self.phone.clone()),
                channel,
                safe,
                note: self.note.clone(),
                birth_year,
                messages: wish(self.no_messages),
                reminders: wish(self.no_reminders),
                saw: match self.saw_stop {
                    true => Reminders::Stopped,
                    false => Reminders::Sent,
                },
            }),
            _ => Err(mistakes),
        }
    }
}

fn wish(refused: bool) -> Wish {
    if refused { Wish::Refused } else { Wish::Wanted }
}

/// `None` when half said or unreadable; nothing said is no safe hours of their own.
#[allow(clippy::option_option)]
fn safe_hours(from: &str, until: &str) -> Option<Option<(i32, i32)>> {
    match (from, until) {
        ("", "") => Some(None),
        (from, until) => Some(Some((minutes(from)?, minutes(until)?))),
    }
}

/// `18:30` as minutes after midnight.
fn minutes(text: &str) -> Option<i32> {
    use chrono::Timelike;
    let at = NaiveTime::parse_from_str(text, "%H:%M").ok()?;
    i32::try_from(at.num_seconds_from_midnight() / 60).ok()
}

/// Minutes after midnight as `18:30`.
fn clock(minutes: i32) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

fn field_of(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NoPatient | Refusal::Address => "email",
        Refusal::Phone | Refusal::NumberForTexts => "phone",
        Refusal::SafeHours => "safe_from",
        Refusal::Note => "note",
        Refusal::BirthYear => "birth_year",
        Refusal::StoppedMeanwhile => "no_reminders",
    }
}

/// What is special about showing the page this time.
#[derive(Default)]
struct Before {
    typed: Option<Typed>,
    mistakes: Mistakes,
    saved: bool,
    reason: String,
    last_day: String,
}

/// The page.
pub async fn page(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    request: HttpRequest,
) -> HttpResponse {
    let Ok(id) = path.parse() else {
        return not_found();
    };
    let before = Before {
        saved: request.query_string() == "saved",
        ..Before::default()
    };
    show(&site, &visitor, id, StatusCode::OK, before).await
}

async fn show(
    site: &Site,
    visitor: &Visitor,
    id: PatientId,
    status: StatusCode,
    before: Before,
) -> HttpResponse {
    let card = match set_contact::read_contact(&site.app, visitor.actor(), id).await {
        Ok(card) => card,
        Err(Failure::Refused(Refusal::NoPatient)) => return not_found(),
        Err(failure) => return trouble(&failure),
    };
    let pauses: Vec<PauseLine> = card.pauses.iter().map(PauseLine::of).collect();
    let page = Page {
        frame: Frame::of(site, visitor, "/caseload").await,
        mistakes: before.mistakes,
        saved: before.saved,
        id,
        name: card.patient.name.clone(),
        refused: card
            .patient
            .email_refused_at
            .map(|at| at.format("%-d %B %Y").to_string())
            .unwrap_or_default(),
        texts_stopped: card.contact.texts_stopped_at.is_some(),
        texts_wait: site.text_secret.is_none() && card.contact.channel == Channel::Text.word(),
        typed: before.typed.unwrap_or_else(|| Typed::of(&card)),
        channels: CHANNELS
            .iter()
            .map(|(word, said)| {
                let nothing_leaves = *word == "text" && site.text_secret.is_none();
                let but = if nothing_leaves { NO_GATEWAY } else { "" };
                ((*word).to_owned(), format!("{said}{but}"))
            })
            .collect(),
        paused_here: pauses.iter().any(|pause| pause.own),
        pauses,
        reason: before.reason,
        last_day: before.last_day,
    };
    errors::page(status, &page)
}

/// The form was sent.
pub async fn set(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    fields: Fields,
) -> HttpResponse {
    let Ok(id) = path.parse::<PatientId>() else {
        return not_found();
    };
    let mut typed = Typed::read(&fields);
    let mistakes = match typed.command() {
        Err(mistakes) => mistakes,
        Ok(new) => match set_contact::set_contact(&site.app, visitor.actor(), id, new).await {
            Ok(()) => return errors::see_other(&format!("/patients/{id}/contact?saved")),
            Err(Failure::Refused(Refusal::NoPatient)) => return not_found(),
            Err(Failure::Refused(refusal)) => {
                // Once said, a second thoughtless click keeps the stop; whoever unticks it knows.
                if refusal == Refusal::StoppedMeanwhile {
                    (typed.no_reminders, typed.saw_stop) = (true, true);
                }
                Mistakes::one(field_of(refusal), refusal.to_string())
            }
            Err(failure) => return trouble(&failure),
        },
    };
    let before = Before {
        typed: Some(typed),
        mistakes,
        ..Before::default()
    };
    show(
        &site,
        &visitor,
        id,
        StatusCode::UNPROCESSABLE_ENTITY,
        before,
    )
    .await
}

/// Pauses sending to this patient.
pub async fn pause(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    fields: Fields,
) -> HttpResponse {
    let Ok(id) = path.parse::<PatientId>() else {
        return not_found();
    };
    let asked = PauseAsked::read(&fields);
    match asked.begin(&site, &visitor, Scope::Patient(id)).await {
        PauseEnd::Paused => errors::see_other(&format!("/patients/{id}/contact?saved")),
        PauseEnd::Wrong(mistakes) => {
            let before = Before {
                mistakes,
                reason: asked.reason,
                last_day: asked.last_day,
                ..Before::default()
            };
            show(
                &site,
                &visitor,
                id,
                StatusCode::UNPROCESSABLE_ENTITY,
                before,
            )
            .await
        }
        PauseEnd::Answer(answer) => answer,
    }
}

/// A pause as it was typed.
pub struct PauseAsked {
    /// Why.
    pub reason: String,
    /// The last day, or nothing.
    pub last_day: String,
}

impl PauseAsked {
    /// Reads the form.
    pub fn read(fields: &Fields) -> PauseAsked {
        PauseAsked {
            reason: fields.one("reason").trim().to_owned(),
            last_day: fields.one("last_day").trim().to_owned(),
        }
    }

    /// Begins it.
    pub async fn begin(&self, site: &Site, visitor: &Visitor, scope: Scope) -> PauseEnd {
        let last_day = match self.last_day.as_str() {
            "" => None,
            text => match text.parse() {
                Ok(day) => Some(day),
                Err(_) => return PauseEnd::wrong(pause_sending::Refusal::Until),
            },
        };
        let reason = self.reason.clone();
        match pause_sending::pause(&site.app, visitor.actor(), scope, reason, last_day).await {
            Ok(()) => PauseEnd::Paused,
            Err(Failure::Refused(pause_sending::Refusal::NoSubject)) => {
                PauseEnd::Answer(not_found())
            }
            Err(Failure::Refused(refusal)) => PauseEnd::wrong(refusal),
            Err(failure) => PauseEnd::Answer(trouble(&failure)),
        }
    }
}

/// What came of a pause that was asked for.
pub enum PauseEnd {
    /// It holds.
    Paused,
    /// The form has to be changed first.
    Wrong(Mistakes),
    /// This page says why it cannot be.
    Answer(HttpResponse),
}

impl PauseEnd {
    fn wrong(refusal: pause_sending::Refusal) -> PauseEnd {
        let field = match refusal {
            pause_sending::Refusal::Until => "last_day",
            _ => "reason",
        };
        PauseEnd::Wrong(Mistakes::one(field, refusal.to_string()))
    }
}

/// Ends a pause of this patient.
pub async fn resume(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    fields: Fields,
) -> HttpResponse {
    let Ok(id) = path.parse::<PatientId>() else {
        return not_found();
    };
    // An id that cannot be one is that of no pause.
    let pause = fields
        .one("pause")
        .parse()
        .unwrap_or(PauseId::from_uuid(uuid::Uuid::nil()));
    let scope = Scope::Patient(id);
    match pause_sending::resume(&site.app, visitor.actor(), scope, pause).await {
        Ok(()) => errors::see_other(&format!("/patients/{id}/contact?saved")),
        Err(Failure::Refused(pause_sending::Refusal::NoSubject)) => not_found(),
        Err(failure) => trouble(&failure),
    }
}

/// How the patient is reached, in lines for the page that gives forms.
pub struct Beside {
    /// Where it is changed; empty for whoever may not.
    pub address: String,
    /// The lines.
    pub lines: Vec<String>,
}

impl Beside {
    /// The lines of this card.
    pub fn of(card: &Card) -> Beside {
        let said = &card.contact;
        let refused = |at: Option<chrono::NaiveDateTime>| {
            if at.is_some() { ", refused" } else { "" }
        };
        let mut lines = vec![match said.channel.parse() {
            Ok(Channel::Text) => match &said.phone {
                Some(number) => format!(
                    "Text message to {}{}",
                    veiled_number(number),
                    refused(said.phone_refused_at)
                ),
                None => "Text message, but no number".to_owned(),
            },
            Ok(Channel::Mail) => match &card.patient.email {
                Some(email) => format!(
                    "Mail to {}{}",
                    veiled(email),
                    refused(card.patient.email_refused_at)
                ),
                None => "No address: give the form by hand".to_owned(),
            },
            Ok(Channel::None) | Err(_) => "No messages: give the form by hand".to_owned(),
        }];
        if let (Some(from), Some(until)) = (said.safe_from, said.safe_until) {
            lines.push(format!("Safe {} to {}", clock(from), clock(until)));
        }
        if !said.note.is_empty() {
            lines.push(said.note.clone());
        }
        for (since, words) in [
            (said.opted_out_at, "Asked for no messages"),
            (said.reminders_stopped_at, "Stopped reminders"),
            (said.texts_stopped_at, "Stopped text messages"),
        ] {
            if since.is_some() {
                lines.push(words.to_owned());
            }
        }
        lines.extend(card.pauses.iter().map(|pause| PauseLine::of(pause).words));
        Beside {
            address: format!("/patients/{}/contact", card.patient.id),
            lines,
        }
    }
}

/// `m…@example.org`: enough to recognise it, not enough to read it over a shoulder.
fn veiled(email: &str) -> String {
    let (name, host) = email.rsplit_once('@').unwrap_or((email, ""));
    let first: String = name.chars().take(1).collect();
    format!("{first}…@{host}")
}

/// The last two digits.
fn veiled_number(number: &str) -> String {
    let last: String = number
        .chars()
        .skip(number.chars().count().saturating_sub(2))
        .collect();
    format!("…{last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_beside_the_button_is_veiled() {
        assert_eq!(veiled("maria.lopez@example.org"), "m…@example.org");
        assert_eq!(veiled("ñandú@example.org"), "ñ…@example.org");
        assert_eq!(veiled_number("+15550100199"), "…99");
    }

    #[test]
    fn half_said_hours_are_not_taken() {
        assert_eq!(safe_hours("", ""), Some(None));
        assert_eq!(safe_hours("18:00", "20:30"), Some(Some((1080, 1230))));
        for (from, until) in [
            ("18:00", ""),
            ("", "20:00"),
            ("6pm", "8pm"),
            ("25:00", "26:00"),
        ] {
            assert_eq!(safe_hours(from, until), None, "{from} {until}");
        }
    }
}
