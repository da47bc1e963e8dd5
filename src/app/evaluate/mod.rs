//! What became of the episodes of a period, by program and clinic, on one scale. Reads summary rows in a snapshot and hands them to
//! `domain::evaluation`; names of clinics and programs come along, a patient's never. `sheet` writes the figures as a file.

pub mod forms;
pub mod sheet;
#[cfg(test)]
pub(crate) mod tests;

use super::site_days::{SiteDays, instants, is_held_to_the_grid, site_days};
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Permit, Subject, decide};
use crate::domain::care;
use crate::domain::change::ChangeParameters;
use crate::domain::evaluation::{
    Accumulator, ClinicKey, Dated, Ended, Ending, EpisodeOutcome, Period, ProgramKey, Report,
    TooFine,
};
use crate::domain::ids::{ClinicId, Id, OrgId, ProgramId, kind};
use crate::domain::instrument::Library;
use crate::store::evaluation::{self, EpisodeOnScale, Scope};
use crate::store::{Fault, Tx, audit, organisation, response};
use chrono::{Datelike, NaiveDate, NaiveDateTime, TimeZone};
use chrono_tz::Tz;
use forms::{Forms, FormsAsked};
use std::collections::BTreeMap;

/// Years a period may lie in; anything else is a slip of the pen.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2199;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// First day of the period.
    pub from: NaiveDate,
    /// Last day of the period.
    pub to: NaiveDate,
    /// Id of the instrument.
    pub instrument: String,
    /// Id of the scale; `None` for the instrument's first.
    pub scale: Option<String>,
}

/// Why there is no evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The period ends before it begins.
    PeriodReversed,
    /// The period lies outside the years anybody means.
    PeriodAbsurd,
    /// Whoever must not see small numbers asked for a period that is none of the site's.
    PeriodTooFine(TooFine),
    /// No such instrument; holds what was asked and those there are.
    NoInstrument(String, Vec<String>),
    /// The instrument has no such scale; holds what was asked and those there are.
    NoScale(String, Vec<String>),
    /// Nothing is published about change on the scale.
    NoChangeParameters {
        /// The instrument.
        instrument: String,
        /// The scale.
        scale: String,
    },
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::PeriodReversed => {
                f.write_str("the period's last day is before its first; swap the two days")
            }
            Refusal::PeriodAbsurd => write!(
                f,
                "the period must lie in the years {} to {}",
                YEARS.start(),
                YEARS.end()
            ),
            Refusal::PeriodTooFine(why) => why.fmt(f),
            Refusal::NoInstrument(asked, known) => {
                write!(
                    f,
                    "there is no instrument {asked:?}; there are: {}",
                    known.join(", ")
                )
            }
            Refusal::NoScale(_, known) if known.is_empty() => {
                f.write_str("this instrument has no scale, so there is nothing to evaluate")
            }
            Refusal::NoScale(asked, known) => write!(
                f,
                "there is no scale {asked:?}; there are: {}",
                known.join(", ")
            ),
            Refusal::NoChangeParameters { instrument, scale } => write!(
                f,
                "{instrument} {scale} cannot be evaluated: its definition states no published limit for a reliable change"
            ),
        }
    }
}

/// A scale that can be evaluated, in the newest version of its instrument.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measure {
    /// Id of the instrument.
    pub instrument: &'static str,
    /// Version whose rules are used.
    pub version: &'static str,
    /// Id of the scale.
    pub scale: &'static str,
    /// The instrument's short name, for people.
    pub instrument_name: &'static str,
    /// The scale's name, for people.
    pub scale_name: &'static str,
    /// What counts as change on it.
    pub parameters: &'static ChangeParameters,
}

/// So many of the newest responses say which instruments are in use.
const NEWEST: i64 = 500;

/// Every scale that can be evaluated, those of the instruments most in use first.
///
/// # Errors
/// When the database fails.
pub async fn measures_by_use(app: &App) -> Result<Vec<Measure>, Fault> {
    let org = app.org;
    let used = app
        .store
        .read(move |tx| response::newest_instruments(tx, org, NEWEST))
        .await?;
    Ok(by_use(measures(app.library), &used))
}

fn by_use(mut measures: Vec<Measure>, used: &[String]) -> Vec<Measure> {
    let times = |measure: &Measure| used.iter().filter(|id| *id == measure.instrument).count();
    measures.sort_by_cached_key(|measure| std::cmp::Reverse(times(measure)));
    measures
}

/// Every scale that can be evaluated, in the library's order. How a session or a service was is no outcome.
pub fn measures(library: &'static Library) -> Vec<Measure> {
    let scales = library
        .latest()
        .filter(|known| known.kind.is_outcome())
        .flat_map(|known| known.scales.iter().map(move |scale| (known, &*scale.id)));
    scales
        .filter_map(|(known, scale)| measure(library, &known.id, Some(scale)).ok())
        .collect()
}

fn measure(
    library: &'static Library,
    instrument: &str,
    scale: Option<&str>,
) -> Result<Measure, Refusal> {
    let known = library.get(instrument).ok_or_else(|| {
        Refusal::NoInstrument(
            instrument.to_owned(),
            library.latest().map(|known| known.id.clone()).collect(),
        )
    })?;
    let place = match scale {
        Some(asked) => known.scales.iter().position(|scale| scale.id == asked),
        None => Some(0),
    };
    let found = place.and_then(|place| {
        known
            .scales
            .get(place)
            .zip(known.texts_or_english("en").scales.get(place))
    });
    let (scale, texts) = found.ok_or_else(|| {
        let known = known.scales.iter().map(|scale| scale.id.clone()).collect();
        Refusal::NoScale(scale.unwrap_or_default().to_owned(), known)
    })?;
    let parameters = scale
        .change
        .as_ref()
        .filter(|known| known.reliable_limit().is_some())
        .ok_or_else(|| Refusal::NoChangeParameters {
            instrument: known.id.clone(),
            scale: scale.id.clone(),
        })?;
    Ok(Measure {
        instrument: &known.id,
        version: &known.version,
        scale: &scale.id,
        instrument_name: &known.texts_or_english("en").short_name,
        scale_name: &texts.name,
        parameters,
    })
}

/// A clinic or program as the report calls it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// Its id in the site's other systems and files.
    pub external_id: String,
}

/// The names behind the report's keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    clinics: Vec<Place>,
    programs: Vec<Place>,
}

impl Places {
    /// The clinic with this key.
    pub fn clinic(&self, key: ClinicKey) -> Option<&Place> {
        usize::try_from(key.0)
            .ok()
            .and_then(|at| self.clinics.get(at))
    }

    /// The program with this key.
    pub fn program(&self, key: ProgramKey) -> Option<&Place> {
        usize::try_from(key.0)
            .ok()
            .and_then(|at| self.programs.get(at))
    }
}

/// The answer.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// On which scale.
    pub measure: Measure,
    /// The figures, small cells hidden.
    pub report: Report,
    /// What became of the forms that were asked.
    pub forms: Forms,
    /// Names of clinics and programs.
    pub places: Places,
}

/// Evaluates a period. The reading is audited before anything is read.
///
/// # Errors
/// See [`Refusal`]; or access or the database says no.
pub async fn evaluate(
    app: &App,
    actor: Actor,
    query: Query,
) -> Result<Evaluation, Failure<Refusal>> {
    let now = app.clock.now();
    let days: Result<SiteDays, Fault> = app.store.read(move |tx| site_days(tx, now)).await;
    let order = Order::of(app, days?, now, &actor, &query)?;
    let (asked, wanted) = (order.clone(), order.clone());
    let audited: Result<(), Fault> = app.store.write(move |tx| asked.audit(tx)).await;
    audited?;
    let read: Result<Gathered, Fault> = app.store.read(move |tx| wanted.read(tx)).await;
    let gathered = read?;
    // Hiding small cells is arithmetic: it must hold neither a database thread nor one that serves pages.
    let made = tokio::task::spawn_blocking(move || order.answer(gathered)).await;
    made.map_err(|_| Failure::Fault(Fault::Bug))
}

/// As [`evaluate`], for threads that may block.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_blocking(
    app: &App,
    actor: &Actor,
    query: &Query,
) -> Result<Evaluation, Failure<Refusal>> {
    let now = app.clock.now();
    let days: Result<SiteDays, Fault> = app.store.read_blocking(move |tx| site_days(tx, now));
    let order = Order::of(app, days?, now, actor, query)?;
    let (asked, wanted) = (order.clone(), order.clone());
    let audited: Result<(), Fault> = app.store.write_blocking(move |tx| asked.audit(tx));
    audited?;
    let read: Result<Gathered, Fault> = app.store.read_blocking(move |tx| wanted.read(tx));
    Ok(order.answer(read?))
}

/// What the rows amount to before small cells are hidden, and the names.
type Gathered = (Accumulator, FormsAsked, Places);

/// What was asked and may be answered.
#[derive(Debug, Clone)]
struct Order {
    permit: Permit,
    period: Period,
    zone: Tz,
    measure: Measure,
    now: NaiveDateTime,
}

impl Order {
    fn of(
        app: &App,
        days: SiteDays,
        now: NaiveDateTime,
        actor: &Actor,
        query: &Query,
    ) -> Result<Order, Failure<Refusal>> {
        let permit = decide(actor, Action::Evaluate, Subject::Organisation)?;
        let period = period(actor, query, &days).map_err(Failure::Refused)?;
        let measure = measure(app.library, &query.instrument, query.scale.as_deref())
            .map_err(Failure::Refused)?;
        Ok(Order {
            permit,
            period,
            zone: days.zone,
            measure,
            now,
        })
    }

    fn audit(&self, tx: &mut Tx) -> Result<(), Fault> {
        audit::record(
            tx,
            &self.permit,
            "evaluation",
            None::<Id<kind::Organisation>>,
            self.now,
        )
    }

    fn read(&self, tx: &mut Tx) -> Result<Gathered, Fault> {
        tx.snapshot(|tx| self.accumulate(tx))
    }

    fn answer(&self, (rows, forms, places): Gathered) -> Evaluation {
        let report = rows.finish();
        Evaluation {
            measure: self.measure,
            report,
            forms: forms.finish(),
            places,
        }
    }

    fn accumulate(&self, tx: &mut Tx) -> Result<Gathered, Fault> {
        let site = Site::load(tx, self.permit.org(), self.zone)?;
        let scope = Scope {
            from: self.period.from(),
            to: self.period.to(),
            instrument: self.measure.instrument.to_owned(),
            scale: self.measure.scale.to_owned(),
        };
        let mut rows = Accumulator::new(self.period, self.measure.parameters.clone());
        evaluation::each_episode(tx, &self.permit, &scope, &mut |row| {
            rows.add(&site.outcome(row)?);
            Ok(())
        })?;
        let (from, until) = instants(self.zone, self.period);
        let asked = self.measure.instrument;
        let forms = FormsAsked::read(tx, &self.permit, &site, asked, from, until)?;
        Ok((rows, forms, site.places))
    }
}

fn period(actor: &Actor, query: &Query, days: &SiteDays) -> Result<Period, Refusal> {
    let period = Period::new(query.from, query.to).map_err(|_| Refusal::PeriodReversed)?;
    if !(YEARS.contains(&query.from.year()) && YEARS.contains(&query.to.year())) {
        return Err(Refusal::PeriodAbsurd);
    }
    if is_held_to_the_grid(actor) {
        let allowed = days.grid.allows(period, days.today);
        allowed.map_err(Refusal::PeriodTooFine)?;
    }
    Ok(period)
}

/// What is needed to read the rows: the keys of the places, and the zone in which days begin.
struct Site {
    zone: Tz,
    places: Places,
    clinics: BTreeMap<ClinicId, ClinicKey>,
    programs: BTreeMap<ProgramId, ProgramKey>,
}

impl Site {
    fn load(tx: &mut Tx, org: OrgId, zone: Tz) -> Result<Site, Fault> {
        let clinics = organisation::clinics(tx, org)?.into_iter();
        let (clinic_ids, clinics) =
            in_order(clinics.map(|row| (row.name, row.external_id, row.id)));
        let programs = organisation::programs(tx, org)?.into_iter();
        let (program_ids, programs) =
            in_order(programs.map(|row| (row.name, row.external_id, row.id)));
        Ok(Site {
            zone,
            places: Places { clinics, programs },
            clinics: clinic_ids.into_iter().zip((0..).map(ClinicKey)).collect(),
            programs: program_ids.into_iter().zip((0..).map(ProgramKey)).collect(),
        })
    }

    fn outcome(&self, row: &EpisodeOnScale) -> Result<EpisodeOutcome, Fault> {
        let unknown = || Fault::Corrupt("an episode's clinic or program is not there".into());
        let score = |at: &NaiveDateTime, value| Dated {
            on: self.zone.from_utc_datetime(at).date_naive(),
            value,
        };
        let scores = row.scores.as_ref();
        Ok(EpisodeOutcome {
            clinic: *self.clinics.get(&row.clinic_id).ok_or_else(unknown)?,
            program: *self.programs.get(&row.program_id).ok_or_else(unknown)?,
            started_on: row.started_on,
            ended: ended(row)?,
            first: scores.map(|scores| score(&scores.first_at, scores.first_value)),
            last: scores.map(|scores| score(&scores.last_at, scores.last_value)),
            n: scores.map_or(0, |scores| u32::try_from(scores.n).unwrap_or(0)),
        })
    }
}

/// By name as bytes, not as a database sorts: the engines disagree.
fn in_order<K>(rows: impl Iterator<Item = (String, String, Id<K>)>) -> (Vec<Id<K>>, Vec<Place>) {
    let mut rows: Vec<_> = rows
        .map(|(name, external_id, id)| (Place { name, external_id }, id))
        .collect();
    rows.sort();
    rows.into_iter().map(|(place, id)| (id, place)).unzip()
}

fn ended(row: &EpisodeOnScale) -> Result<Option<Ended>, Fault> {
    let Some((on, word)) = row.ended_on.zip(row.ending.as_deref()) else {
        return Ok(None);
    };
    let ending = match word.parse()? {
        care::Ending::Planned => Ending::Planned,
        care::Ending::Unplanned => Ending::Unplanned,
        care::Ending::Transferred => Ending::Transferred,
        care::Ending::Died => Ending::Died,
    };
    Ok(Some(Ended { on, ending }))
}
