//! The evaluation page and its file: from the address to a question, and from the figures to what the template prints. No patient is named here.
//!
//! A scale stands in the address as a short code, because no address names an instrument.

mod view;

use super::periods::{self, Choice, Days, span};
use super::{Frame, SiteData, trouble};
use crate::app::Failure;
use crate::app::evaluate::{self, Evaluation, Measure, Query, Refusal, sheet};
use crate::app::site_days::{SiteDays, is_held_to_the_grid, site_days};
use crate::domain::access::Actor;
use crate::domain::evaluation::{Grid, Period};
use crate::store::Fault;
use crate::web::errors;
use crate::web::visitor::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::{Datelike, NaiveDate};
use sha2::{Digest, Sha256};
use view::Figures;

/// What the address may say; all of it may be missing.
#[derive(Debug, Clone, Default, serde::Deserialize)]
struct Ask {
    /// One of the periods on offer, as `2026-01-01..2026-03-31`; empty when the two days count.
    #[serde(default)]
    period: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    scale: String,
}

/// The form as it stands, filled in.
#[derive(Debug, Clone)]
struct Form {
    periods: Vec<Choice>,
    scales: Vec<Choice>,
    from: String,
    to: String,
    /// The only sort of periods that is shown, in words; `None`: any days.
    held_to: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "staff/evaluation.html")]
struct EvaluationPage {
    frame: Frame,
    form: Form,
    shown: Shown,
}

/// What stands below the form.
enum Shown {
    /// The figures.
    Figures(Box<Figures>),
    /// What was wrong with the question.
    Refused(String),
}

/// Why an address is no question.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Slip {
    Day(String),
    Scale,
    NoScales,
    Address,
}

impl std::fmt::Display for Slip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Slip::Day(seen) if seen.is_empty() => f.write_str("choose a period, or give both days"),
            Slip::Day(seen) => write!(f, "{seen:?} is not a day; write it like 2026-03-31"),
            Slip::Scale => f.write_str("there is no such measure; choose one from the list"),
            Slip::NoScales => f.write_str("no measure here has a published limit for a reliable change, so there is nothing to evaluate"),
            Slip::Address => f.write_str("this address is damaged; choose below what you want to see"),
        }
    }
}

/// The page.
pub async fn page(site: SiteData, visitor: Visitor, request: HttpRequest) -> HttpResponse {
    let frame = Frame::of(&site, &visitor, "/evaluation").await;
    let (app, actor) = (&site.app, visitor.actor());
    let (known, days) = match on_offer(&site).await {
        Ok(offer) => offer,
        Err(fault) => return trouble::<Refusal>(&fault.into()),
    };
    let (ask, question) = read(&request, &known, usual(&actor, &days));
    let form = Form::of(&ask, &known, &actor, &days);
    let answer = match question {
        Err(slip) => Err(slip.to_string()),
        Ok(query) => match evaluate::evaluate(app, actor, query).await {
            Ok(evaluation) => Ok(evaluation),
            Err(Failure::Refused(refusal)) => Err(refusal.to_string()),
            Err(failure) => return trouble(&failure),
        },
    };
    let (status, shown) = match answer {
        Ok(evaluation) => (
            StatusCode::OK,
            Shown::Figures(Box::new(Figures::of(
                &evaluation,
                file_address(&evaluation),
            ))),
        ),
        Err(words) => (StatusCode::UNPROCESSABLE_ENTITY, Shown::Refused(words)),
    };
    errors::page(status, &EvaluationPage { frame, form, shown })
}

/// The same figures as a file.
pub async fn csv(site: SiteData, visitor: Visitor, request: HttpRequest) -> HttpResponse {
    let (known, days) = match on_offer(&site).await {
        Ok(offer) => offer,
        Err(fault) => return trouble::<Refusal>(&fault.into()),
    };
    let (_, question) = read(&request, &known, usual(&visitor.actor(), &days));
    let query = match question {
        Ok(query) => query,
        Err(slip) => {
            return errors::plain_for_staff(StatusCode::UNPROCESSABLE_ENTITY, &slip.to_string());
        }
    };
    match evaluate::evaluate(&site.app, visitor.actor(), query).await {
        Ok(evaluation) => HttpResponse::Ok()
            .insert_header(("content-type", "text/csv; charset=utf-8"))
            .insert_header((
                "content-disposition",
                "attachment; filename=\"evaluation.csv\"",
            ))
            .body(sheet::csv(&evaluation)),
        Err(failure) => trouble::<Refusal>(&failure),
    }
}

/// The measures, and the calendar by which they are asked for.
async fn on_offer(site: &SiteData) -> Result<(Vec<Measure>, SiteDays), Fault> {
    let (app, now) = (&site.app, site.app.clock.now());
    let known = evaluate::measures_by_use(app).await?;
    let days: Result<SiteDays, Fault> = app.store.read(move |tx| site_days(tx, now)).await;
    Ok((known, days?))
}

/// What is shown to whoever asks for no days.
fn usual(actor: &Actor, days: &SiteDays) -> Days {
    match is_held_to_the_grid(actor) {
        true => periods::days(days.grid.newest(days.today)),
        false => last_year_of_quarters(days.today),
    }
}

fn read(request: &HttpRequest, known: &[Measure], usual: Days) -> (Ask, Result<Query, Slip>) {
    match web::Query::<Ask>::from_query(request.query_string()) {
        Ok(ask) => {
            let ask = ask.into_inner();
            let question = question(&ask, known, usual);
            (ask, question)
        }
        Err(_) => (Ask::default(), Err(Slip::Address)),
    }
}

fn question(ask: &Ask, known: &[Measure], usual: Days) -> Result<Query, Slip> {
    let (from, to) = days(ask, usual)?;
    let measure = match ask.scale.as_str() {
        "" => known.first().ok_or(Slip::NoScales)?,
        asked => known
            .iter()
            .find(|measure| code(measure) == asked)
            .ok_or(Slip::Scale)?,
    };
    Ok(Query {
        from,
        to,
        instrument: measure.instrument.to_owned(),
        scale: Some(measure.scale.to_owned()),
    })
}

fn days(ask: &Ask, usual: Days) -> Result<Days, Slip> {
    let day = |text: &str| {
        text.trim()
            .parse()
            .map_err(|_| Slip::Day(text.trim().to_owned()))
    };
    match ask.period.split_once("..") {
        Some((from, to)) => Ok((day(from)?, day(to)?)),
        None if ask.from.is_empty() && ask.to.is_empty() => Ok(usual),
        None => Ok((day(&ask.from)?, day(&ask.to)?)),
    }
}

/// A scale's code in addresses: the beginning of a digest, the same for as long as the scale has its name.
fn code(measure: &Measure) -> String {
    let digest = Sha256::digest(format!("{}/{}", measure.instrument, measure.scale));
    digest
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn file_address(evaluation: &Evaluation) -> String {
    let period = evaluation.report.period;
    format!(
        "/evaluation.csv?from={}&to={}&scale={}",
        period.from(),
        period.to(),
        code(&evaluation.measure)
    )
}

impl Form {
    fn of(ask: &Ask, known: &[Measure], actor: &Actor, site: &SiteDays) -> Form {
        let days = days(ask, usual(actor, site)).ok();
        let held = is_held_to_the_grid(actor);
        let periods = match held {
            true => periods::of_the_site(site, days),
            false => offered(site.today, days),
        };
        let first = known.first().map(code).unwrap_or_default();
        let asked = if ask.scale.is_empty() {
            &first
        } else {
            &ask.scale
        };
        let scales = known.iter().map(|measure| {
            let words = format!("{}, {}", measure.instrument_name, measure.scale_name);
            Choice {
                value: code(measure),
                words,
                chosen: code(measure) == *asked,
            }
        });
        Form {
            scales: scales.collect(),
            from: days.map_or(ask.from.clone(), |(from, _)| from.to_string()),
            to: days.map_or(ask.to.clone(), |(_, to)| to.to_string()),
            periods,
            held_to: held.then(|| periods::sort(site.grid)),
        }
    }
}

/// Quarters offered one by one.
const QUARTERS: usize = 8;
/// Whole years offered.
const WHOLE_YEARS: usize = 3;

/// Periods made of whole quarters that are over, the widest and newest first.
fn offered(today: NaiveDate, chosen: Option<Days>) -> Vec<Choice> {
    let choice = |words: String, days| Choice {
        value: span(days),
        words,
        chosen: chosen == Some(days),
    };
    let mut list = vec![choice(
        "Last four whole quarters".into(),
        last_year_of_quarters(today),
    )];
    let year = Period::of_months(12, today);
    let last = Grid::Quarters.newest(today);
    if year.contains(last.to()) {
        list.push(choice(
            format!("{}, whole quarters so far", today.year()),
            (year.from(), last.to()),
        ));
    }
    for (grid, most) in [(Grid::Quarters, QUARTERS), (Grid::Years, WHOLE_YEARS)] {
        let over = grid.over(today).take(most);
        list.extend(over.map(|period| choice(grid.name(period), periods::days(period))));
    }
    list
}

fn last_year_of_quarters(today: NaiveDate) -> Days {
    let to = Grid::Quarters.newest(today).to();
    let from = Grid::Quarters.over(today).nth(3);
    (from.map_or(to, Period::from), to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::evaluate::evaluate_blocking;
    use crate::app::evaluate::tests::Site;
    use crate::domain::instrument::Library;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn measures(site: &Site) -> Vec<Measure> {
        evaluate::measures(site.app.library)
    }

    fn rendered(site: &Site, ask: &Ask) -> String {
        let days = SiteDays {
            zone: chrono_tz::America::Chicago,
            today: day("2026-11-22"),
            grid: Grid::Quarters,
        };
        let usual = usual(&site.operator(), &days);
        let query = question(ask, &measures(site), usual).unwrap();
        let evaluation = evaluate_blocking(&site.app, &site.operator(), &query).unwrap();
        let figures = Figures::of(&evaluation, file_address(&evaluation));
        let frame = Frame {
            css: "",
            demo: false,
            name: String::new(),
            role: "",
            menu: vec![],
            paused: false,
            warnings: Default::default(),
            sees_queue: false,
        };
        let form = Form::of(ask, &measures(site), &site.operator(), &days);
        EvaluationPage {
            frame,
            form,
            shown: Shown::Figures(Box::new(figures)),
        }
        .render()
        .unwrap()
    }

    fn ask_for(instrument: &str) -> Ask {
        let known = evaluate::measures(Library::embedded());
        let measure = known
            .iter()
            .find(|measure| measure.instrument == instrument)
            .unwrap();
        Ask {
            scale: code(measure),
            ..Ask::default()
        }
    }

    #[test]
    fn whole_quarters_and_years_are_on_offer() {
        let offered = offered(day("2026-11-22"), None);
        let list: Vec<_> = offered
            .iter()
            .map(|choice| (&*choice.words, &*choice.value))
            .collect();
        assert_eq!(
            list[0],
            ("Last four whole quarters", "2025-10-01..2026-09-30")
        );
        assert_eq!(
            list[1],
            ("2026, whole quarters so far", "2026-01-01..2026-09-30")
        );
        assert_eq!(list[2], ("2026, quarter 3", "2026-07-01..2026-09-30"));
        assert_eq!(list[9], ("2024, quarter 4", "2024-10-01..2024-12-31"));
        assert_eq!(list[10], ("2025", "2025-01-01..2025-12-31"));
        let january = super::offered(day("2026-01-31"), None);
        assert_eq!(january[1].words, "2025, quarter 4");
    }

    #[test]
    fn no_address_names_an_instrument() {
        let site = Site::with_history();
        for measure in evaluate::measures(site.app.library) {
            assert!(
                code(&measure)
                    .chars()
                    .all(|letter| letter.is_ascii_hexdigit())
            );
        }
        let page = rendered(&site, &ask_for("phq9"));
        assert!(
            page.contains("/evaluation.csv?from=2025-10-01&#38;to=2026-09-30&#38;scale="),
            "{page}"
        );
        assert!(!page.contains("=phq9"));
    }

    #[test]
    fn the_page_shows_both_populations_and_says_why_numbers_are_hidden() {
        let site = Site::with_history();
        let page = rendered(&site, &ask_for("phq9"));
        assert!(page.contains("Completers") && page.contains("Everyone"));
        assert!(page.contains("30 of 45"), "{page}");
        assert!(page.contains("Numbers from 1 to 10 are hidden"));
        assert!(page.contains("=North()") && page.contains("South, &#34;old&#34;"));
        assert!(page.contains("A change is not proof"));
        assert!(!page.contains("Secretname"));
    }

    #[test]
    fn a_period_in_which_nothing_happened_says_what_to_do() {
        let site = Site::with_history();
        let page = rendered(
            &site,
            &Ask {
                from: "2020-01-01".into(),
                to: "2020-12-31".into(),
                ..ask_for("phq9")
            },
        );
        assert!(
            page.contains("No episode of care started or ended"),
            "{page}"
        );
    }

    #[test]
    fn an_address_that_makes_no_sense_is_explained() {
        let site = Site::with_history();
        let asked = |ask: Ask| {
            question(
                &ask,
                &measures(&site),
                (day("2026-07-01"), day("2026-09-30")),
            )
            .unwrap_err()
            .to_string()
        };
        assert!(
            asked(Ask {
                from: "soon".into(),
                to: "2026-03-31".into(),
                ..Ask::default()
            })
            .contains("\"soon\" is not a day")
        );
        assert!(
            asked(Ask {
                from: "2026-01-01".into(),
                ..Ask::default()
            })
            .contains("give both days")
        );
        assert!(
            asked(Ask {
                scale: "phq9".into(),
                ..Ask::default()
            })
            .contains("no such measure")
        );
    }
}
