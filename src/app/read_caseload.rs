//! The caseload: loads every open case within reach with its summaries and waiting flags, in one transaction with its audit event, and sorts
//! them by who needs a person first. Reads the history of those alone who seem to have fallen silent: a form without a score leaves no summary.

use super::raise_signals::heard;
use super::{App, Failure};
use crate::domain::access::{Action, Actor, decide};
use crate::domain::care::need::{Case, Level, Need, ScaleCourse, WaitingFlag};
use crate::domain::change::{self, Change, Verdict};
use crate::domain::ids::{EpisodeId, Id, PatientId, StaffId, kind};
use crate::domain::instrument::{Instrument, Library, Person, Respondent, Scale};
use crate::domain::risk::FlagState;
use crate::domain::risk::policy::{SafetyPolicy, SignalRules};
use crate::store::caseload::{self, CaseRow};
use crate::store::response::EpisodeScaleRow;
use crate::store::signal::{self, Asked};
use crate::store::{Fault, Tx, audit, organisation, policy};
use chrono::{NaiveDate, NaiveDateTime, TimeZone};
use chrono_tz::Tz;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::convert::Infallible;

/// The most open cases that one list is made from: far above any one clinician's, below what would hold up the writer.
const MOST: i64 = 20_000;

/// Whose patients are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Those for whom this clinician is responsible.
    Clinicians(StaffId),
    /// All of the actor's clinics.
    WithinReach,
}

/// What the row shows of the course on one scale.
#[derive(Debug, Clone)]
pub struct ShownScale {
    /// The instrument.
    pub instrument: &'static Instrument,
    /// The scale.
    pub scale: &'static Scale,
    /// The summary of the episode's scores.
    pub summary: EpisodeScaleRow,
    /// Last against first; `None` with a single score or where no limit is published.
    pub change: Option<Change>,
}

/// One patient of the caseload.
#[derive(Debug, Clone)]
pub struct CaseLine {
    /// Patient, episode, places.
    pub row: CaseRow,
    /// The scale that is shown; `None` before the first score.
    pub shown: Option<ShownScale>,
    /// Day of the last answer.
    pub last_answer_on: Option<NaiveDate>,
    /// The flags that wait.
    pub flags: Vec<WaitingFlag>,
    /// Why the patient stands here.
    pub need: Need,
}

/// The caseload, by need.
#[derive(Debug, Clone)]
pub struct Caseload {
    /// One line a patient, who needs a person first on top.
    pub lines: Vec<CaseLine>,
    /// Today at this site.
    pub today: NaiveDate,
    /// When silence and no change ask for a look.
    pub rules: SignalRules,
}

/// Reads the caseload; the reading is audited.
///
/// # Errors
/// Denied by role, or the database fails.
pub async fn read_caseload(
    app: &App,
    actor: Actor,
    whose: Whose,
) -> Result<Caseload, Failure<Infallible>> {
    let (now, library) = (app.clock.now(), app.library);
    app.store
        .write(move |tx| {
            let permit = decide(
                &actor,
                Action::SeeCaseload,
                crate::domain::access::Subject::Organisation,
            )?;
            let mut loaded = Loaded {
                cases: caseload::open_cases(tx, &permit, MOST)?,
                summaries: by_episode(caseload::summaries(tx, &permit)?),
                flags: by_patient(caseload::waiting_flags(tx, &permit)?)?,
                zone: site_zone(tx)?,
                rules: policy::newest::<SafetyPolicy>(tx, permit.org(), SafetyPolicy::KIND)?
                    .signals,
                heard: HashMap::new(),
            };
            loaded.keep(whose);
            let unheard = loaded.unheard(library, day_in(loaded.zone, now));
            loaded.heard = last_heard(signal::ended(tx, &permit, &unheard)?);
            audit::record(tx, &permit, "caseload", None::<Id<kind::Patient>>, now)?;
            Ok(loaded.into_caseload(library, now))
        })
        .await
}

/// The zone in which this site's days begin.
///
/// # Errors
/// When the database fails.
pub fn site_zone(tx: &mut Tx) -> Result<Tz, Fault> {
    Ok(organisation::only(tx)?
        .and_then(|site| site.time_zone.parse().ok())
        .unwrap_or(Tz::UTC))
}

/// The day of a moment (UTC) in a zone.
#[must_use]
pub fn day_in(zone: Tz, at: NaiveDateTime) -> NaiveDate {
    zone.from_utc_datetime(&at).date_naive()
}

struct Loaded {
    cases: Vec<CaseRow>,
    summaries: HashMap<EpisodeId, Vec<EpisodeScaleRow>>,
    flags: HashMap<PatientId, Vec<WaitingFlag>>,
    zone: Tz,
    rules: SignalRules,
    /// When those were heard last of whom the summaries know nothing new.
    heard: HashMap<EpisodeId, NaiveDateTime>,
}

fn last_heard(ended: Vec<(EpisodeId, Asked)>) -> HashMap<EpisodeId, NaiveDateTime> {
    let mut last = HashMap::new();
    for (episode, occasion) in ended {
        if let Some(at) = heard(&occasion) {
            let known = last.entry(episode).or_insert(at);
            *known = at.max(*known);
        }
    }
    last
}

fn by_episode(rows: Vec<EpisodeScaleRow>) -> HashMap<EpisodeId, Vec<EpisodeScaleRow>> {
    let mut sorted: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        sorted.entry(row.episode_id).or_default().push(row);
    }
    sorted
}

fn by_patient(
    rows: Vec<(PatientId, String, String, NaiveDateTime)>,
) -> Result<HashMap<PatientId, Vec<WaitingFlag>>, Fault> {
    let mut sorted: HashMap<_, Vec<_>> = HashMap::new();
    for (patient, tier, state, since) in rows {
        let state: FlagState = state.parse()?;
        sorted.entry(patient).or_default().push(WaitingFlag {
            tier: tier.parse()?,
            state,
            since,
        });
    }
    Ok(sorted)
}

impl Loaded {
    fn keep(&mut self, whose: Whose) {
        self.cases.retain(|case| match whose {
            Whose::Clinicians(clinician) => case.episode.clinician_id == clinician,
            Whose::WithinReach => true,
        });
    }

    /// The episodes in which, by the summaries alone, the patient answered nothing, or nothing for as long as the site calls silence.
    fn unheard(&self, library: &Library, today: NaiveDate) -> Vec<EpisodeId> {
        let silent = |day: NaiveDate| {
            let days = (today - day).num_days();
            self.rules
                .silent_days
                .is_some_and(|least| days >= i64::from(least))
        };
        let ids = self.cases.iter().map(|case| case.episode.id);
        ids.filter(|id| self.last_answer_on(library, *id).is_none_or(silent))
            .collect()
    }

    /// The day of the patient's last answer, as far as is known. A clinician's rating is none.
    fn last_answer_on(&self, library: &Library, episode: EpisodeId) -> Option<NaiveDate> {
        let own = |summary: &&EpisodeScaleRow| {
            library
                .version(&summary.instrument, &summary.version)
                .is_none_or(|known| known.respondent != Respondent::Clinician)
        };
        let scored = self.summaries.get(&episode).into_iter().flatten();
        scored
            .filter(own)
            .map(|summary| summary.last_at)
            .chain(self.heard.get(&episode).copied())
            .max()
            .map(|at| day_in(self.zone, at))
    }

    fn into_caseload(mut self, library: &'static Library, now: NaiveDateTime) -> Caseload {
        let today = day_in(self.zone, now);
        let cases = std::mem::take(&mut self.cases).into_iter();
        let mut lines: Vec<_> = cases.map(|case| self.line(library, case, today)).collect();
        lines.sort_by(|a, b| {
            (a.need.order(), &a.row.name, a.row.patient_id).cmp(&(
                b.need.order(),
                &b.row.name,
                b.row.patient_id,
            ))
        });
        // Who is in two programs stands on one line: the one that needs a person more.
        let mut seen = HashSet::new();
        lines.retain(|line| seen.insert(line.row.patient_id));
        Caseload {
            lines,
            today,
            rules: self.rules,
        }
    }

    fn line(&self, library: &'static Library, row: CaseRow, today: NaiveDate) -> CaseLine {
        let all = self.summaries.get(&row.episode.id);
        let summaries: Vec<&EpisodeScaleRow> = all.into_iter().flatten().collect();
        let last_answer_on = self.last_answer_on(library, row.episode.id);
        let shown = shown_scale(library, &summaries, self.zone, &self.rules);
        let case = Case {
            started_on: row.episode.started_on,
            flags: self.flags.get(&row.patient_id).cloned().unwrap_or_default(),
            course: shown.as_ref().map(|shown| course(shown, self.zone)),
            last_answer_on,
        };
        let need = Need::of(&case, &self.rules, today);
        CaseLine {
            row,
            shown,
            last_answer_on,
            flags: case.flags,
            need,
        }
    }
}

fn course(shown: &ShownScale, zone: Tz) -> ScaleCourse {
    let level = match shown.scale.cut_offs_for(Person::default()).next() {
        Some(limit) if limit.is_reached(shown.summary.last_value) => Level::Reached,
        Some(_) => Level::Below,
        None => Level::NoCutOff,
    };
    ScaleCourse {
        first_on: day_in(zone, shown.summary.first_at),
        last_on: day_in(zone, shown.summary.last_at),
        verdict: shown
            .change
            .as_ref()
            .map(|change| change.verdict)
            .filter(|verdict| *verdict != Verdict::NoPublishedLimit),
        level,
    }
}

/// The scale a row shows: the total that asks for a look most, so that the row's reason and its score are about the same. Of equals the total of what was
/// answered last, one with a published limit of change before one without.
fn shown_scale(
    library: &'static Library,
    summaries: &[&EpisodeScaleRow],
    zone: Tz,
    rules: &SignalRules,
) -> Option<ShownScale> {
    let asks = |shown: &ShownScale| Need::of_course(&course(shown, zone), rules).order();
    summaries
        .iter()
        .filter_map(|summary| total(library, summary))
        .max_by(|a, b| (Reverse(asks(a)), rank(a)).cmp(&(Reverse(asks(b)), rank(b))))
}

fn rank(shown: &ShownScale) -> (NaiveDateTime, bool, Reverse<&str>) {
    (
        shown.summary.last_at,
        shown
            .scale
            .change
            .as_ref()
            .is_some_and(|known| known.reliable_limit().is_some()),
        Reverse(&shown.instrument.id),
    )
}

/// The summary with its scale, if that says how the patient is doing and is the instrument's first one, which by custom is the total.
fn total(library: &'static Library, summary: &EpisodeScaleRow) -> Option<ShownScale> {
    let instrument = library
        .version(&summary.instrument, &summary.version)
        .filter(|known| known.kind.is_outcome())?;
    let scale = instrument
        .scales
        .first()
        .filter(|scale| scale.id == summary.scale)?;
    let parameters = scale.change.as_ref().filter(|_| summary.n > 1);
    let change =
        parameters.map(|known| change::compare(known, summary.first_value, summary.last_value));
    Some(ShownScale {
        instrument,
        scale,
        summary: summary.clone(),
        change,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::OrgId;
    use uuid::Uuid;

    fn at(day: i64) -> NaiveDateTime {
        chrono::DateTime::from_timestamp(day * 86_400, 0)
            .unwrap()
            .naive_utc()
    }
    fn summary(instrument: &str, first: f64, last: f64, last_day: i64) -> EpisodeScaleRow {
        EpisodeScaleRow {
            org_id: OrgId::from_uuid(Uuid::nil()),
            episode_id: EpisodeId::from_uuid(Uuid::nil()),
            instrument: instrument.into(),
            scale: "total".into(),
            version: "1".into(),
            n: 4,
            first_value: first,
            first_at: at(0),
            last_value: last,
            last_at: at(last_day),
            last_band: None,
            best_value: last,
            best_at: at(last_day),
            recent: String::new(),
        }
    }
    fn shown_with_need(summaries: &[EpisodeScaleRow]) -> (String, Need) {
        let rules = SignalRules::default();
        let summaries: Vec<_> = summaries.iter().collect();
        let shown = shown_scale(Library::embedded(), &summaries, Tz::UTC, &rules).unwrap();
        let need = Need::of_course(&course(&shown, Tz::UTC), &rules);
        (shown.instrument.id.clone(), need)
    }
    fn shown(summaries: &[EpisodeScaleRow]) -> String {
        shown_with_need(summaries).0
    }

    #[test]
    fn the_instrument_answered_last_is_shown() {
        assert_eq!(
            shown(&[
                summary("phq9", 15.0, 12.0, 10),
                summary("gad7", 15.0, 12.0, 20)
            ]),
            "gad7"
        );
    }

    #[test]
    fn a_worsening_on_another_instrument_is_not_hidden_by_a_later_answer() {
        assert_eq!(
            shown(&[
                summary("phq9", 8.0, 20.0, 10),
                summary("gad7", 15.0, 12.0, 20)
            ]),
            "phq9"
        );
    }

    #[test]
    fn no_change_in_many_weeks_is_not_hidden_by_a_later_answer() {
        let stuck = || summary("phq9", 15.0, 15.0, 98);
        for later in ["isi", "wai_sr"] {
            assert_eq!(
                shown_with_need(&[stuck(), summary(later, 20.0, 20.0, 99)]),
                ("phq9".to_owned(), Need::Unchanged { weeks: 14 }),
                "{later}"
            );
        }
    }

    #[test]
    fn what_is_said_about_the_sessions_or_the_service_is_never_shown() {
        for about in ["wai_sr", "arm5", "csq8", "session_check"] {
            assert_eq!(
                shown(&[
                    summary("phq9", 15.0, 12.0, 10),
                    summary(about, 20.0, 20.0, 20)
                ]),
                "phq9",
                "{about}"
            );
        }
    }

    #[test]
    fn of_two_answered_together_the_one_that_can_show_change_is_shown() {
        assert_eq!(
            shown(&[
                summary("pc_ptsd_5", 3.0, 3.0, 20),
                summary("pcl5", 40.0, 38.0, 20)
            ]),
            "pcl5"
        );
    }

    #[test]
    fn a_day_begins_where_the_site_is() {
        let late_evening_in_chicago = at(20) + chrono::TimeDelta::hours(3);
        assert_eq!(
            day_in(chrono_tz::America::Chicago, late_evening_in_chicago),
            at(19).date()
        );
    }
}
