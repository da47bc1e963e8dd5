//! Who reads answers and when: the site's reading hours and everybody's absences for whoever administers, one's own leave for clinicians.

use super::mistakes::Mistakes;
use super::{Frame, SiteData, trouble};
use crate::app::Failure;
use crate::app::send_digest::{self, DigestChoice};
use crate::app::set_cover::{self, CoverSheet, Licensed, NewAbsence, Refusal, ShownAbsence, Whose};
use crate::domain::schedule::cover::Reads;
use crate::domain::schedule::policy::{NobodyReads, ReadingHours};
use crate::web::errors;
use crate::web::form::Fields;
use crate::web::site::Site;
use crate::web::visitor::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use chrono::{NaiveDate, NaiveTime};

const DAYS: [(&str, &str); 7] = [
    ("monday", "Monday"),
    ("tuesday", "Tuesday"),
    ("wednesday", "Wednesday"),
    ("thursday", "Thursday"),
    ("friday", "Friday"),
    ("saturday", "Saturday"),
    ("sunday", "Sunday"),
];

#[derive(Template)]
#[template(path = "staff/cover.html")]
struct Page {
    frame: Frame,
    mistakes: Mistakes,
    saved: bool,
    now: String,
    hours: TypedHours,
    absences: Absences,
}

#[derive(Template)]
#[template(path = "staff/leave.html")]
struct LeavePage {
    frame: Frame,
    mistakes: Mistakes,
    saved: bool,
    absences: Absences,
    digest_off: bool,
}

/// The list of absences and the form for a new one, on either page.
struct Absences {
    address: &'static str,
    rows: Vec<AbsenceLine>,
    /// Empty where only one's own are entered.
    people: Vec<(String, String)>,
    stand_ins: Vec<(String, String)>,
    typed: TypedAbsence,
}

struct AbsenceLine {
    id: String,
    name: String,
    words: String,
}

/// Reading hours as they were typed.
struct TypedHours {
    week: Vec<TypedDay>,
    closed_on: String,
    on_call: bool,
    hold: bool,
}

struct TypedDay {
    key: &'static str,
    name: &'static str,
    from: String,
    until: String,
}

impl TypedHours {
    fn of(sheet: &CoverSheet) -> TypedHours {
        let clock = |at: NaiveTime| at.format("%H:%M").to_string();
        let week = DAYS.iter().zip(sheet.hours.week);
        let closed: Vec<String> = sheet
            .hours
            .closed_on
            .iter()
            .map(NaiveDate::to_string)
            .collect();
        TypedHours {
            week: week
                .map(|((key, name), span)| TypedDay {
                    key,
                    name,
                    from: span.map(|(from, _)| clock(from)).unwrap_or_default(),
                    until: span.map(|(_, until)| clock(until)).unwrap_or_default(),
                })
                .collect(),
            closed_on: closed.join("\n"),
            on_call: sheet.hours.on_call,
            hold: sheet.nobody_reads == NobodyReads::Hold,
        }
    }

    fn read(fields: &Fields) -> TypedHours {
        let one = |name: String| fields.one(&name).trim().to_owned();
        TypedHours {
            week: DAYS
                .iter()
                .map(|(key, name)| TypedDay {
                    key,
                    name,
                    from: one(format!("{key}_from")),
                    until: one(format!("{key}_until")),
                })
                .collect(),
            closed_on: fields.one("closed_on").trim().to_owned(),
            on_call: fields.has("on_call"),
            hold: fields.one("nobody_reads") == "hold",
        }
    }

    fn command(&self) -> Result<(ReadingHours, NobodyReads), Mistakes> {
        let mut mistakes = Mistakes::none();
        let mut week = [None; 7];
        for (day, typed) in week.iter_mut().zip(&self.week) {
            match typed.span() {
                Ok(span) => *day = span,
                Err(words) => mistakes.add("week", format!("{}: {words}", typed.name)),
            }
        }
        let closed: Result<Vec<NaiveDate>, _> =
            self.closed_on.split_whitespace().map(str::parse).collect();
        if closed.is_err() {
            mistakes.add(
                "closed_on",
                "Write each day as year-month-day, such as 2026-12-25, one a line.",
            );
        }
        match closed {
            Ok(closed_on) if mistakes.is_empty() => {
                let nobody_reads = if self.hold {
                    NobodyReads::Hold
                } else {
                    NobodyReads::SendAndSaySo
                };
                let hours = ReadingHours {
                    week,
                    closed_on,
                    on_call: self.on_call,
                };
                Ok((hours, nobody_reads))
            }
            _ => Err(mistakes),
        }
    }
}

type Span = Option<(NaiveTime, NaiveTime)>;

impl TypedDay {
    fn span(&self) -> Result<Span, &'static str> {
        let time = |text: &str| NaiveTime::parse_from_str(text, "%H:%M");
        match (self.from.as_str(), self.until.as_str()) {
            ("", "") => Ok(None),
            (from, until) => match (time(from), time(until)) {
                (Ok(from), Ok(until)) => Ok(Some((from, until))),
                _ => Err("write both times like 09:00, or leave both empty."),
            },
        }
    }
}

/// An absence as it was typed.
#[derive(Default)]
struct TypedAbsence {
    staff: String,
    from: String,
    until: String,
    covered_by: String,
    note: String,
}

impl TypedAbsence {
    fn read(fields: &Fields) -> TypedAbsence {
        let one = |name: &str| fields.one(name).trim().to_owned();
        TypedAbsence {
            staff: one("staff"),
            from: one("from"),
            until: one("until"),
            covered_by: one("covered_by"),
            note: one("note"),
        }
    }

    fn command(&self) -> Result<NewAbsence, Mistakes> {
        let mut mistakes = Mistakes::none();
        let staff = self.staff.parse().ok();
        if staff.is_none() {
            mistakes.add("staff", Refusal::Person.to_string());
        }
        let (from, until) = (self.from.parse().ok(), self.until.parse().ok());
        if from.is_none() {
            mistakes.add("from", "Choose the first day.");
        }
        if until.is_none() {
            mistakes.add("until", "Choose the last day.");
        }
        let covered_by = match self.covered_by.as_str() {
            "" => Some(None),
            id => id.parse().ok().map(Some),
        };
        if covered_by.is_none() {
            mistakes.add("covered_by", Refusal::StandIn.to_string());
        }
        match (staff, from, until, covered_by) {
            (Some(staff), Some(from), Some(until), Some(covered_by)) => Ok(NewAbsence {
                staff,
                from,
                until,
                covered_by,
                note: self.note.clone(),
            }),
            _ => Err(mistakes),
        }
    }
}

fn field_of(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Hours => "week",
        Refusal::Closed => "closed_on",
        Refusal::Person | Refusal::NotAway => "staff",
        Refusal::StandIn => "covered_by",
        Refusal::Days => "until",
        Refusal::Note => "note",
    }
}

/// What is special about showing a page this time.
#[derive(Default)]
struct Before {
    mistakes: Mistakes,
    saved: bool,
    hours: Option<TypedHours>,
    absence: TypedAbsence,
}

impl Before {
    fn saved(request: &HttpRequest) -> Before {
        Before {
            saved: request.query_string() == "saved",
            ..Before::default()
        }
    }
}

/// The site's cover.
pub async fn page(site: SiteData, visitor: Visitor, request: HttpRequest) -> HttpResponse {
    let before = Before::saved(&request);
    show(&site, &visitor, Whose::Everybody, StatusCode::OK, before).await
}

/// One's own leave.
pub async fn own(site: SiteData, visitor: Visitor, request: HttpRequest) -> HttpResponse {
    let before = Before::saved(&request);
    show(&site, &visitor, Whose::Own, StatusCode::OK, before).await
}

fn address(whose: Whose) -> &'static str {
    match whose {
        Whose::Everybody => "/admin/cover",
        Whose::Own => "/leave",
    }
}

async fn show(
    site: &Site,
    visitor: &Visitor,
    whose: Whose,
    status: StatusCode,
    before: Before,
) -> HttpResponse {
    let sheet = match set_cover::read_cover(&site.app, visitor.actor(), whose).await {
        Ok(sheet) => sheet,
        Err(failure) => return trouble(&failure),
    };
    let frame = Frame::of(site, visitor, address(whose)).await;
    let absences = absences(&sheet, whose, before.absence);
    match whose {
        Whose::Everybody => errors::page(
            status,
            &Page {
                frame,
                mistakes: before.mistakes,
                saved: before.saved,
                now: now(&sheet),
                hours: before.hours.unwrap_or_else(|| TypedHours::of(&sheet)),
                absences,
            },
        ),
        Whose::Own => match send_digest::read_choice(&site.app, visitor.actor()).await {
            Ok(choice) => errors::page(
                status,
                &LeavePage {
                    frame,
                    mistakes: before.mistakes,
                    saved: before.saved,
                    absences,
                    digest_off: choice == DigestChoice::Off,
                },
            ),
            Err(failure) => trouble(&failure),
        },
    }
}

fn now(sheet: &CoverSheet) -> String {
    match sheet.reads {
        Reads::Now => "At this moment somebody reads answers.".to_owned(),
        Reads::Later(at) => format!(
            "At this moment nobody reads answers. Somebody does from {} on.",
            at.format("%A %-d %B at %H:%M")
        ),
        Reads::Nobody => {
            "Nobody reads answers within the next two months. Forms that ask about danger to life wait.".to_owned()
        }
    }
}

fn absences(sheet: &CoverSheet, whose: Whose, typed: TypedAbsence) -> Absences {
    let option = |(id, name, _): &(_, String, Licensed)| -> (String, String) {
        let id: &crate::domain::ids::StaffId = id;
        (id.to_string(), name.clone())
    };
    let licensed = sheet
        .people
        .iter()
        .filter(|(_, _, licensed)| *licensed == Licensed::Yes);
    Absences {
        address: match whose {
            Whose::Everybody => "/admin/cover/absences",
            Whose::Own => "/leave",
        },
        rows: sheet.away.iter().map(line).collect(),
        people: match whose {
            Whose::Everybody => sheet.people.iter().map(option).collect(),
            Whose::Own => vec![],
        },
        stand_ins: std::iter::once((String::new(), "Nobody in particular".to_owned()))
            .chain(licensed.map(option))
            .collect(),
        typed,
    }
}

fn line(away: &ShownAbsence) -> AbsenceLine {
    let stand_in = match away.stand_in.as_str() {
        "" => "nobody in particular stands in".to_owned(),
        name => format!("{name} stands in"),
    };
    let note = match away.row.note.as_str() {
        "" => String::new(),
        note => format!(". {note}"),
    };
    AbsenceLine {
        id: away.row.id.to_string(),
        name: away.name.clone(),
        words: format!(
            "{} to {}, {stand_in}{note}",
            away.row.from_on.format("%-d %B %Y"),
            away.row.until_on.format("%-d %B %Y")
        ),
    }
}

/// Whether one wants the daily digest was sent.
pub async fn set_digest(site: SiteData, visitor: Visitor, fields: Fields) -> HttpResponse {
    let choice = match fields.one("digest") {
        "daily" => DigestChoice::Daily,
        "off" => DigestChoice::Off,
        _ => {
            let before = Before {
                mistakes: Mistakes::one("digest", "Choose one of the two.".to_owned()),
                ..Before::default()
            };
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return show(&site, &visitor, Whose::Own, status, before).await;
        }
    };
    match send_digest::choose(&site.app, visitor.actor(), choice).await {
        Ok(()) => errors::see_other("/leave?saved"),
        Err(failure) => trouble(&failure),
    }
}

/// New reading hours were sent.
pub async fn set_hours(site: SiteData, visitor: Visitor, fields: Fields) -> HttpResponse {
    let typed = TypedHours::read(&fields);
    let mistakes = match typed.command() {
        Err(mistakes) => mistakes,
        Ok((hours, nobody_reads)) => {
            match set_cover::set_hours(&site.app, visitor.actor(), hours, nobody_reads).await {
                Ok(()) => return errors::see_other("/admin/cover?saved"),
                Err(Failure::Refused(refusal)) => {
                    Mistakes::one(field_of(refusal), refusal.to_string())
                }
                Err(failure) => return trouble(&failure),
            }
        }
    };
    let before = Before {
        hours: Some(typed),
        mistakes,
        ..Before::default()
    };
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    show(&site, &visitor, Whose::Everybody, status, before).await
}

/// Somebody's absence was sent.
pub async fn add(site: SiteData, visitor: Visitor, fields: Fields) -> HttpResponse {
    add_absence(
        &site,
        &visitor,
        Whose::Everybody,
        TypedAbsence::read(&fields),
    )
    .await
}

/// One's own absence was sent.
pub async fn add_own(site: SiteData, visitor: Visitor, fields: Fields) -> HttpResponse {
    let typed = TypedAbsence {
        staff: visitor.staff.id.to_string(),
        ..TypedAbsence::read(&fields)
    };
    add_absence(&site, &visitor, Whose::Own, typed).await
}

async fn add_absence(
    site: &Site,
    visitor: &Visitor,
    whose: Whose,
    typed: TypedAbsence,
) -> HttpResponse {
    let mistakes = match typed.command() {
        Err(mistakes) => mistakes,
        Ok(new) => match set_cover::add_absence(&site.app, visitor.actor(), new).await {
            Ok(()) => return errors::see_other(&format!("{}?saved", address(whose))),
            Err(Failure::Refused(refusal)) => Mistakes::one(field_of(refusal), refusal.to_string()),
            Err(failure) => return trouble(&failure),
        },
    };
    let before = Before {
        absence: typed,
        mistakes,
        ..Before::default()
    };
    show(
        site,
        visitor,
        whose,
        StatusCode::UNPROCESSABLE_ENTITY,
        before,
    )
    .await
}

/// Somebody's absence is taken back.
pub async fn end(site: SiteData, visitor: Visitor, fields: Fields) -> HttpResponse {
    end_absence(&site, &visitor, Whose::Everybody, fields.one("absence")).await
}

/// One's own absence is taken back.
pub async fn end_own(site: SiteData, visitor: Visitor, fields: Fields) -> HttpResponse {
    end_absence(&site, &visitor, Whose::Own, fields.one("absence")).await
}

async fn end_absence(site: &Site, visitor: &Visitor, whose: Whose, id: &str) -> HttpResponse {
    let Ok(id) = id.parse() else {
        return trouble(&Failure::Refused(Refusal::NotAway));
    };
    match set_cover::end_absence(&site.app, visitor.actor(), id).await {
        Ok(()) => errors::see_other(&format!("{}?saved", address(whose))),
        Err(failure) => trouble(&failure),
    }
}
