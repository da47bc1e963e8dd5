//! Signals: what waits, one signal, the decision on it, and the part about them on a patient's page. These pages relay figures and what people decided, and never judge.

use super::signal_words::{Line, Told, Typed, line};
use super::{Frame, SiteData, not_found, trouble};
use crate::app::Failure;
use crate::app::decide_signal::{Decision, Refusal, decide_signal};
use crate::app::read_signals::{self, Signals};
use crate::domain::ids::{PatientId, SignalId, StaffId};
use crate::domain::instrument::{ENGLISH, Library};
use crate::domain::risk::look::{LOOKS, WHY};
use crate::domain::risk::signal::{Choice, DecisionRefusal, QUIET, SignalKind};
use crate::store::signal::SignalRow;
use crate::web::errors;
use crate::web::form::{Fields, FormTrouble};
use crate::web::site::Site;
use crate::web::visitor::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError, web};
use askama::Template;

/// At most so many waiting signals on one page.
const SHOWN_MOST: usize = 50;

#[derive(Template)]
#[template(path = "staff/signals.html")]
struct ListPage {
    frame: Frame,
    may_decide: bool,
    total: usize,
    mine: usize,
    more: usize,
    lines: Vec<Line>,
    back: &'static str,
}

#[derive(Template)]
#[template(path = "staff/signal.html")]
struct OnePage {
    frame: Frame,
    may_decide: bool,
    line: Line,
    before: Vec<Line>,
    back: &'static str,
}

/// Signals on a patient's page.
pub struct Section {
    /// Those that wait.
    pub waiting: Vec<Line>,
    /// Those that were decided, newest first.
    pub decided: Vec<Line>,
    /// Whether whoever reads may decide.
    pub may_decide: bool,
    /// Where a decision leads back to.
    pub back: &'static str,
    /// What to look at next, where the patient is not on track or has got worse.
    pub looks: Option<Looks>,
}

/// What to look at next.
pub struct Looks {
    /// What is known of how much such a list helps.
    pub why: &'static str,
    /// Makes a link for a form.
    pub action: String,
    /// The options.
    pub options: Vec<LookLine>,
}

/// One thing to look at.
pub struct LookLine {
    /// What.
    pub what: &'static str,
    /// One sentence.
    pub ask: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// Forms that may be given here today: id and short name.
    pub forms: Vec<(String, String)>,
}

fn me(visitor: &Visitor) -> Option<StaffId> {
    Some(visitor.staff.id)
}

/// Whether the form makes sense at all; the verb decides in earnest.
fn may_decide(visitor: &Visitor) -> bool {
    visitor.staff.licence.is_some()
}

/// What waits.
pub async fn page(site: SiteData, visitor: Visitor) -> HttpResponse {
    let signals = match read_signals::read_waiting(&site.app, visitor.actor()).await {
        Ok(signals) => signals,
        Err(failure) => return trouble(&failure),
    };
    let told = Told::of(site.app.library, &signals);
    let mine = signals
        .rows
        .iter()
        .filter(|names| Some(names.signal.owner_id) == me(&visitor));
    let page = ListPage {
        frame: Frame::of(&site, &visitor, "/signals").await,
        may_decide: may_decide(&visitor),
        total: signals.rows.len(),
        mine: mine.count(),
        more: signals.rows.len().saturating_sub(SHOWN_MOST),
        lines: signals
            .rows
            .iter()
            .take(SHOWN_MOST)
            .map(|names| line(names, &told, me(&visitor), &Typed::default()))
            .collect(),
        back: "list",
    };
    errors::page(StatusCode::OK, &page)
}

/// One signal with what was decided about the same before.
pub async fn one(site: SiteData, visitor: Visitor, path: web::Path<String>) -> HttpResponse {
    match path.parse() {
        Ok(id) => show(&site, &visitor, id, StatusCode::OK, Typed::default()).await,
        Err(_) => not_found(),
    }
}

async fn show(
    site: &Site,
    visitor: &Visitor,
    id: SignalId,
    status: StatusCode,
    typed: Typed,
) -> HttpResponse {
    let signals = match read_signals::read_signal(&site.app, visitor.actor(), id).await {
        Ok(signals) => signals,
        Err(Failure::Refused(Refusal::NoSignal)) => return not_found(),
        Err(failure) => return trouble(&failure),
    };
    let told = Told::of(site.app.library, &signals);
    let mut lines = signals
        .rows
        .iter()
        .map(|names| line(names, &told, me(visitor), &typed));
    let Some(first) = lines.next() else {
        return not_found();
    };
    let page = OnePage {
        frame: Frame::of(site, visitor, "/signals").await,
        may_decide: may_decide(visitor),
        line: first,
        before: lines.collect(),
        back: "one",
    };
    errors::page(status, &page)
}

/// Somebody decided.
pub async fn decide(
    site: SiteData,
    visitor: Visitor,
    path: web::Path<String>,
    fields: Result<Fields, FormTrouble>,
) -> HttpResponse {
    let Ok(id) = path.parse::<SignalId>() else {
        return not_found();
    };
    let fields = match fields {
        Ok(fields) => fields,
        Err(problem) => return problem.error_response(),
    };
    let choice: Option<Choice> = fields.one("choice").parse().ok();
    let reason = fields.one("reason").to_owned();
    let decision = Decision {
        choice,
        reason: reason.clone(),
        seen: fields.one("seen").parse().ok(),
    };
    match decide_signal(&site.app, visitor.actor(), id, decision).await {
        Ok(patient) => errors::see_other(&match fields.one("back") {
            "patient" => format!("/patients/{patient}#signals"),
            _ => "/signals".to_owned(),
        }),
        Err(Failure::Refused(Refusal::NoSignal)) => not_found(),
        Err(Failure::Refused(Refusal::Decision(why))) => {
            let status = match why {
                DecisionRefusal::Decided | DecisionRefusal::Changed => StatusCode::CONFLICT,
                _ => StatusCode::UNPROCESSABLE_ENTITY,
            };
            let typed = Typed {
                about: Some(id),
                choice,
                reason,
                wrong: why.to_string(),
            };
            show(&site, &visitor, id, status, typed).await
        }
        Err(failure) => trouble(&failure),
    }
}

/// The part about signals of a patient's page. `usable`: the forms that may be given here today, by id; none where none may.
///
/// # Errors
/// As reading signals does.
pub async fn section(
    site: &Site,
    visitor: &Visitor,
    id: PatientId,
    usable: &[String],
) -> Result<Section, Failure<Refusal>> {
    let signals = read_signals::of_patient(&site.app, visitor.actor(), id).await?;
    let told = Told::of(site.app.library, &signals);
    let (waiting, decided): (Vec<_>, Vec<_>) = signals
        .rows
        .iter()
        .partition(|names| names.signal.due_at.is_some());
    let lines = |rows: Vec<_>| {
        rows.into_iter()
            .map(|names| line(names, &told, me(visitor), &Typed::default()))
            .collect()
    };
    Ok(Section {
        waiting: lines(waiting),
        decided: lines(decided),
        may_decide: may_decide(visitor),
        back: "patient",
        looks: wants_looks(&signals).then(|| looks(site.app.library, id, usable)),
    })
}

/// Whether somebody may want to know what to look at: a score moved the wrong way, or not at all, and that waits or was decided upon lately.
fn wants_looks(signals: &Signals) -> bool {
    let moved = |row: &SignalRow| {
        [SignalKind::Deteriorated, SignalKind::NotOnTrack]
            .iter()
            .any(|kind| kind.word() == row.kind)
    };
    let lately = |row: &SignalRow| {
        let open = row.due_at.is_some();
        let dropped = row.choice.as_deref() == Some(Choice::NotRelevant.word());
        open || (!dropped && row.decided_at.is_some_and(|at| signals.now - at < QUIET))
    };
    let mut rows = signals.rows.iter().map(|names| &names.signal);
    rows.any(|row| moved(row) && lately(row))
}

fn looks(library: &'static Library, id: PatientId, usable: &[String]) -> Looks {
    let form = |id: &&str| {
        let known = library.get(id).filter(|known| usable.contains(&known.id))?;
        let name = known.texts_or_english(ENGLISH).short_name.clone();
        Some((known.id.clone(), name))
    };
    Looks {
        why: WHY,
        action: format!("/patients/{id}/form"),
        options: LOOKS
            .iter()
            .map(|look| LookLine {
                what: look.what,
                ask: look.ask,
                source: look.source,
                forms: look.forms.iter().filter_map(form).collect(),
            })
            .collect(),
    }
}
