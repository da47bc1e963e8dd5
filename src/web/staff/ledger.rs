//! The human-decision ledger: every signal and flag with what a person decided, who, when, why and how long it took; as a page and as a file.

use super::signal_words::{Told, choice_words, kind_words, numbers, took};
use super::words::points;
use super::{Frame, SiteData, trouble};
use crate::app::cell::{guarded, quoted};
use crate::app::read_signals::{Entry, FlagEntry, LEDGER_MOST, LEDGER_PAGE, Ledger, read_ledger};
use crate::domain::ids::{ClinicId, PatientId};
use crate::domain::instrument::ENGLISH;
use crate::domain::risk::signal::{Facts, SignalKind};
use crate::domain::risk::{FlagState, PHRASE_RULE};
use crate::domain::schedule::local_instant;
use crate::store::ledger::{LedgerFilter, Wanted};
use crate::store::signal::SignalNames;
use crate::web::errors;
use crate::web::visitor::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;

/// The word that asks for flags alone.
const FLAGS: &str = "flags";

/// What the address may say; all of it may be missing, and what makes no sense is passed over.
#[derive(Debug, Clone, Default, serde::Deserialize)]
struct Ask {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    clinic: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    before: String,
}

impl Ask {
    fn of(request: &HttpRequest) -> Ask {
        web::Query::<Ask>::from_query(request.query_string())
            .map(web::Query::into_inner)
            .unwrap_or_default()
    }

    fn wanted(&self) -> Wanted {
        match (self.kind.as_str(), self.kind.parse()) {
            (FLAGS, _) => Wanted::Flags,
            (_, Ok(kind)) => Wanted::Signals(kind),
            (_, Err(_)) => Wanted::Everything,
        }
    }

    fn filter(&self, zone: Tz) -> LedgerFilter {
        let day = |text: &str| text.parse::<NaiveDate>().ok();
        LedgerFilter {
            wanted: self.wanted(),
            clinic: self.clinic.parse().ok(),
            from: day(&self.from).map(|day| local_instant(zone, day, 0)),
            until: day(&self.to)
                .and_then(|day| day.succ_opt())
                .map(|day| local_instant(zone, day, 0)),
            before: uuid::Uuid::try_parse(&self.before)
                .ok()
                .map(uuid::Uuid::into_bytes),
        }
    }

    /// What filters, as it stands in an address. Only what makes sense is said again.
    fn again(&self) -> String {
        let is_day = |text: &str| text.parse::<NaiveDate>().is_ok();
        let said = [
            ("kind", &self.kind, self.wanted() != Wanted::Everything),
            (
                "clinic",
                &self.clinic,
                self.clinic.parse::<ClinicId>().is_ok(),
            ),
            ("from", &self.from, is_day(&self.from)),
            ("to", &self.to, is_day(&self.to)),
        ];
        let said = said.into_iter().filter(|(_, _, filters)| *filters);
        said.map(|(name, value, _)| format!("{name}={value}&"))
            .collect()
    }
}

/// A choice in a list.
struct Choice {
    value: String,
    words: String,
    chosen: bool,
}

/// One entry as it is printed.
struct Row {
    patient_id: PatientId,
    patient: String,
    clinic: String,
    seen: String,
    address: String,
    kind: &'static str,
    what: String,
    decision: String,
    by: String,
    why: String,
    took: String,
}

#[derive(Template)]
#[template(path = "staff/ledger.html")]
struct Page {
    frame: Frame,
    kinds: Vec<Choice>,
    clinics: Vec<Choice>,
    from: String,
    to: String,
    asked: bool,
    rows: Vec<Row>,
    on: Option<String>,
    file: String,
}

/// A page of the ledger.
pub async fn page(site: SiteData, visitor: Visitor, request: HttpRequest) -> HttpResponse {
    let ask = Ask::of(&request);
    let zone = match site_zone(&site).await {
        Ok(zone) => zone,
        Err(response) => return response,
    };
    match read_ledger(&site.app, visitor.actor(), ask.filter(zone), LEDGER_PAGE).await {
        Ok(ledger) => {
            let frame = Frame::of(&site, &visitor, "/signals").await;
            errors::page(StatusCode::OK, &fill(&site, frame, &ask, &ledger))
        }
        Err(failure) => trouble(&failure),
    }
}

async fn site_zone(site: &SiteData) -> Result<Tz, HttpResponse> {
    let zone = site
        .app
        .store
        .read(crate::app::read_caseload::site_zone)
        .await;
    zone.map_err(|fault: crate::store::Fault| {
        trouble(&crate::app::Failure::<std::convert::Infallible>::Fault(
            fault,
        ))
    })
}

fn fill(site: &SiteData, frame: Frame, ask: &Ask, ledger: &Ledger) -> Page {
    let told = told(site, ledger);
    let again = ask.again();
    let choice = |value: &str, words: &str, chosen: &str| Choice {
        value: value.to_owned(),
        words: words.to_owned(),
        chosen: value == chosen,
    };
    let mut kinds = vec![choice(FLAGS, "Flags", &ask.kind)];
    kinds.extend(
        SignalKind::ALL
            .iter()
            .map(|kind| choice(kind.word(), kind_words(*kind), &ask.kind)),
    );
    Page {
        frame,
        kinds,
        clinics: ledger
            .clinics
            .iter()
            .map(|(id, name)| choice(&id.to_string(), name, &ask.clinic))
            .collect(),
        from: ask.from.clone(),
        to: ask.to.clone(),
        asked: !again.is_empty() || !ask.before.is_empty(),
        rows: ledger
            .entries
            .iter()
            .map(|entry| row(entry, &told))
            .collect(),
        on: ledger.goes_on.map(|key| {
            let key = uuid::Uuid::from_bytes(key).simple();
            format!("/ledger?{again}before={key}")
        }),
        file: format!("/ledger.csv?{}", again.trim_end_matches('&')),
    }
}

fn told<'a>(site: &SiteData, ledger: &'a Ledger) -> Told<'a> {
    Told {
        in_error: None,
        library: site.app.library,
        people: &ledger.people,
        zone: ledger.zone,
        now: ledger.now,
    }
}

fn row(entry: &Entry, told: &Told<'_>) -> Row {
    match entry {
        Entry::Signal(names) => of_signal(names, told),
        Entry::Flag(entry) => of_flag(entry, told),
    }
}

fn of_signal(names: &SignalNames, told: &Told<'_>) -> Row {
    let row = &names.signal;
    let facts = Facts::read(&row.facts).ok();
    let choice = row.choice.as_deref();
    Row {
        patient_id: row.patient_id,
        patient: names.patient.clone(),
        clinic: names.clinic.clone(),
        seen: told.day(row.raised_at),
        address: format!("/signals/{}", row.id),
        kind: row.kind.parse().map_or("Signal", kind_words),
        what: numbers(row, facts.as_ref(), told),
        decision: choice.map_or_else(
            || "waits".to_owned(),
            |word| {
                word.parse().map_or_else(
                    |_| word.replace('_', " "),
                    |known| choice_words(known).to_owned(),
                )
            },
        ),
        by: by(told.name(row.decided_by), row.decided_at, told),
        why: row.reason.clone().unwrap_or_default(),
        took: row
            .decided_at
            .map(|at| took(at - row.raised_at))
            .unwrap_or_default(),
    }
}

fn by(name: String, at: Option<NaiveDateTime>, told: &Told<'_>) -> String {
    at.map(|at| format!("{name}, {}", told.moment(at)))
        .unwrap_or_default()
}

fn of_flag(entry: &FlagEntry, told: &Told<'_>) -> Row {
    let flag = &entry.names.flag;
    let closed_at = flag.closed_at;
    let why = match (&entry.closing, &entry.closed) {
        (Some(closing), _) => format!("{} Plan: {}", closing.assessment, closing.plan),
        (None, Some((act, _))) => act.note.clone(),
        (None, None) => String::new(),
    };
    let decision = match flag.state.parse() {
        Ok(FlagState::Closed) => match &entry.closing {
            Some(closing) => format!("Closed; level {}", closing.level.replace('_', " ")),
            None => "Closed".to_owned(),
        },
        Ok(FlagState::Acknowledged) => "taken on, not closed".to_owned(),
        Ok(FlagState::Open) | Err(_) => "waits".to_owned(),
    };
    let name = match &entry.closed {
        Some((_, name)) => name.clone().unwrap_or_default(),
        None => String::new(),
    };
    Row {
        patient_id: flag.patient_id,
        patient: entry.names.patient.clone(),
        clinic: entry.names.clinic.clone(),
        seen: told.day(flag.raised_at),
        address: format!("/flags/{}", flag.id),
        kind: "Flag",
        what: flag_words(entry, told),
        decision,
        by: by(name, closed_at, told),
        why,
        took: closed_at
            .map(|at| took(at - flag.raised_at))
            .unwrap_or_default(),
    }
}

fn flag_words(entry: &FlagEntry, told: &Told<'_>) -> String {
    let flag = &entry.names.flag;
    if flag.rule == PHRASE_RULE {
        return "A phrase of the list in the patient’s own words".to_owned();
    }
    let known = told.library.version(&flag.instrument, &flag.version);
    let form = known.map_or(flag.instrument.as_str(), |known| {
        &known.texts_or_english(ENGLISH).short_name
    });
    format!(
        "Answered {} to {form}, item {}",
        points(flag.answer.into()),
        flag.item
    )
}

/// The ledger as a file: everything that the same question asks for, at most [`LEDGER_MOST`] entries.
pub async fn csv(site: SiteData, visitor: Visitor, request: HttpRequest) -> HttpResponse {
    let ask = Ask::of(&request);
    let zone = match site_zone(&site).await {
        Ok(zone) => zone,
        Err(response) => return response,
    };
    let filter = LedgerFilter {
        before: None,
        ..ask.filter(zone)
    };
    match read_ledger(&site.app, visitor.actor(), filter, LEDGER_MOST).await {
        Ok(ledger) => {
            let told = told(&site, &ledger);
            HttpResponse::Ok()
                .insert_header(("content-type", "text/csv; charset=utf-8"))
                .insert_header(("content-disposition", "attachment; filename=\"ledger.csv\""))
                .body(sheet(&ledger, &told))
        }
        Err(failure) => trouble(&failure),
    }
}

fn sheet(ledger: &Ledger, told: &Told<'_>) -> String {
    let mut lines = vec![
        "seen_at_utc,patient,clinic,kind,what,decision,decided_by,decided_at_utc,minutes,reason"
            .to_owned(),
    ];
    for entry in &ledger.entries {
        let printed = row(entry, told);
        let (raised, decided, name) = match entry {
            Entry::Signal(names) => (
                names.signal.raised_at,
                names.signal.decided_at,
                told.name(names.signal.decided_by),
            ),
            Entry::Flag(entry) => (
                entry.names.flag.raised_at,
                entry.names.flag.closed_at,
                entry
                    .closed
                    .as_ref()
                    .and_then(|(_, name)| name.clone())
                    .unwrap_or_default(),
            ),
        };
        let moment = |at: NaiveDateTime| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let cells = [
            moment(raised),
            printed.patient,
            printed.clinic,
            printed.kind.to_owned(),
            printed.what,
            printed.decision,
            name,
            decided.map(moment).unwrap_or_default(),
            decided
                .map(|at| (at - raised).num_minutes().to_string())
                .unwrap_or_default(),
            printed.why,
        ];
        let cells: Vec<String> = cells.iter().map(|cell| quoted(&guarded(cell))).collect();
        lines.push(cells.join(","));
    }
    if ledger.goes_on.is_some() {
        lines.push(format!(
            "\"Only the newest {LEDGER_MOST} entries are in this file: ask for a shorter time.\""
        ));
    }
    lines.push(String::new());
    lines.join("\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_makes_sense_is_said_again() {
        let ask = Ask {
            kind: "words".into(),
            clinic: "x&y=1".into(),
            from: "2026-03-02".into(),
            to: "soon".into(),
            before: String::new(),
        };
        assert_eq!(ask.again(), "kind=words&from=2026-03-02&");
        assert_eq!(Ask::default().again(), "");
    }

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(guarded("=1+1"), "'=1+1");
        assert_eq!(guarded("12 → 18"), "12 → 18");
    }
}
