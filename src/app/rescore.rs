//! Scores responses anew, by the rules of another version of their instrument or by this program's newest reckoning. Each score that
//! differs gets one more revision, with the reason and its author; none is written over. Episodes are done a few at a time, each with
//! its summaries in the same transaction, so that a run that was cut short is finished by running it again: what is as it should be is
//! left alone, and a summary that is not what its scores amount to is made anew. Risk rules are not asked again, and flags stay as they are.

use super::keep_response::{criteria_json, score_row};
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Permit, Subject, decide};
use crate::domain::care::ResponseState;
use crate::domain::ids::{EpisodeId, RescoreId, ResponseId, StaffId};
use crate::domain::instrument::{Answers, Instrument, Library, Person};
use crate::domain::rescore::{Misfit, course, direction, fits};
use crate::domain::scoring;
use crate::domain::submission::Extreme;
use crate::store::rescore::{self, Page, RescoreRow, RescoredRow};
use crate::store::response::{self, EpisodeScaleRow, RECENT, ResponseRow, ScoreRow};
use crate::store::staff::{self, StaffState};
use crate::store::{Fault, Tx, audit, fresh};
use chrono::NaiveDateTime;
use std::collections::{BTreeMap, HashMap};

/// Episodes in one transaction: a few hundred scores, so that no patient's answer waits long behind them.
const EPISODES: i64 = 25;
/// Most characters of a reason.
pub const MOST_REASON: usize = 1_000;

/// What is to be scored anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Which instrument.
    pub instrument: String,
    /// Only responses that were given in this version; `None` = all.
    pub from: Option<String>,
    /// The version whose rules score them; `None` = the newest.
    pub to: Option<String>,
    /// Why.
    pub reason: String,
    /// The e-mail address of the account that answers for it.
    pub by: String,
    /// Whether to store.
    pub mode: Mode,
}

/// Whether to store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Add the revisions.
    Write,
    /// Only say what would change.
    DryRun,
}

/// Why nothing is scored anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such instrument.
    NoInstrument(String),
    /// It has no such version.
    NoVersion(String),
    /// The answers to one version cannot be scored by the other.
    Misfit {
        /// Given in this version.
        from: String,
        /// To be scored by this one.
        to: String,
        /// What does not fit.
        why: Misfit,
    },
    /// There is no reason, or far too much of it.
    Reason,
    /// Nobody active has this address.
    NoAuthor(String),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::NoInstrument(id) => write!(f, "there is no instrument {id:?}"),
            Refusal::NoVersion(version) => write!(f, "there is no version {version:?} of it"),
            Refusal::Misfit {
                from,
                to,
                why: Misfit::OtherQuestions,
            } => write!(
                f,
                "versions {from} and {to} ask different questions: answers to one cannot be scored by the other"
            ),
            Refusal::Misfit {
                from,
                to,
                why: Misfit::ScaleGone(scale),
            } => write!(
                f,
                "version {to} has no scale {scale:?}, which version {from} has: its scores would be lost from view"
            ),
            Refusal::Reason => write!(
                f,
                "say why, in at most {MOST_REASON} characters: it stands with every new score"
            ),
            Refusal::NoAuthor(email) => {
                write!(f, "nobody who works here has the address {email:?}")
            }
        }
    }
}

/// How far it came, and what it came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Responses that were looked at.
    pub responses: usize,
    /// Of these, those that got a new revision.
    pub rescored: usize,
    /// Scores whose value changed, or came or went.
    pub values: usize,
    /// Scores that lie in another band now.
    pub bands: usize,
    /// Responses whose stored answers cannot be read by the version that was to score them; they keep their scores.
    pub unreadable: usize,
    /// Episodes whose summaries were not what their newest scores amount to, and are now.
    pub summaries: usize,
}

/// A score whose value or band changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The patient's id in the site's other systems.
    pub patient: String,
    /// The response.
    pub response: ResponseId,
    /// When it was handed in, UTC.
    pub completed_at: Option<NaiveDateTime>,
    /// As it was; `None` for a scale that the old version did not have.
    pub before: Option<ScoreRow>,
    /// As it is now.
    pub after: ScoreRow,
}

/// Scores anew. `take` gets every difference once it is stored (or, in a dry run, seen), `watch` the number of responses so far.
///
/// # Errors
/// See [`Refusal`]; or access or the database says no. What was stored before a fault stays; running it again does the rest.
pub fn rescore(
    app: &App,
    actor: &Actor,
    order: &Order,
    take: &mut dyn FnMut(&Difference),
    watch: &mut dyn FnMut(usize),
) -> Result<Report, Failure<Refusal>> {
    let permit = decide(actor, Action::Administer, Subject::Organisation)?;
    let run = prepare(app, order)?;
    let (mut report, mut after, mut begun) = (Report::default(), None, None);
    loop {
        let (permit, run, mode, now) = (permit.clone(), run.clone(), order.mode, app.clock.now());
        let turn = move |tx: &mut Tx| turn(tx, &permit, &run, mode, after, begun, now);
        let done = match order.mode {
            Mode::Write => app.store.write_blocking(turn)?,
            Mode::DryRun => app.store.read_blocking(turn)?,
        };
        report.add(&done.report);
        done.differences.iter().for_each(&mut *take);
        watch(report.responses);
        begun = done.begun;
        match done.last {
            Some(last) => after = Some(last),
            None => return Ok(report),
        }
    }
}

/// What stays the same from one transaction to the next.
#[derive(Clone)]
struct Run {
    library: &'static Library,
    to: &'static Instrument,
    from: Option<String>,
    reason: String,
    author: StaffId,
}

fn prepare(app: &App, order: &Order) -> Result<Run, Failure<Refusal>> {
    let to = target(app.library, order).map_err(Failure::Refused)?;
    let reason = order.reason.trim();
    if reason.is_empty() || reason.chars().count() > MOST_REASON {
        return Err(Failure::Refused(Refusal::Reason));
    }
    let email = order.by.trim().to_lowercase();
    let author = app
        .store
        .read_blocking(move |tx| staff::by_email(tx, &email))?
        .filter(|row| row.state == StaffState::Active.word())
        .ok_or_else(|| Failure::Refused(Refusal::NoAuthor(order.by.clone())))?;
    Ok(Run {
        library: app.library,
        to,
        from: order.from.clone(),
        reason: reason.to_owned(),
        author: author.id,
    })
}

fn target<'a>(library: &'a Library, order: &Order) -> Result<&'a Instrument, Refusal> {
    let id = &order.instrument;
    let newest = library
        .get(id)
        .ok_or_else(|| Refusal::NoInstrument(id.clone()))?;
    let version = |wanted: &String| {
        library
            .version(id, wanted)
            .ok_or_else(|| Refusal::NoVersion(wanted.clone()))
    };
    let to = order.to.as_ref().map_or(Ok(newest), version)?;
    let from = order.from.as_ref().map(version).transpose()?;
    let given = library
        .iter()
        .filter(|known| known.id == *id && from.is_none_or(|from| from.version == known.version));
    for from in given {
        fits(from, to).map_err(|why| Refusal::Misfit {
            from: from.version.clone(),
            to: to.version.clone(),
            why,
        })?;
    }
    Ok(to)
}

/// What came of one transaction.
struct Turn {
    report: Report,
    differences: Vec<Difference>,
    /// The last episode; `None` behind the end.
    last: Option<EpisodeId>,
    begun: Option<RescoreId>,
}

fn turn(
    tx: &mut Tx,
    permit: &Permit,
    run: &Run,
    mode: Mode,
    after: Option<EpisodeId>,
    begun: Option<RescoreId>,
    now: NaiveDateTime,
) -> Result<Turn, Fault> {
    let id = &run.to.id;
    let episodes = rescore::episodes_after(tx, permit, id, after, EPISODES)?;
    if mode == Mode::Write {
        rescore::lock(tx, permit.org(), &episodes)?;
    }
    let page = rescore::page(tx, permit, id, &episodes)?;
    let mut found = look(run, &page, now);
    let begun = if mode == Mode::Write && !found.anew.is_empty() {
        Some(store(tx, permit, run, &found, begun, now)?)
    } else {
        begun
    };
    for (episode, rows) in stale(run, &page, &found) {
        found.report.summaries += 1;
        if mode == Mode::Write {
            rescore::replace_summaries(tx, permit, episode, id, &rows)?;
            let (by, whose) = (permit.actor(), Some(episode));
            audit::record_by(tx, by, "rescore", "summary", whose, now)?;
        }
    }
    Ok(Turn {
        report: found.report,
        differences: found.differences,
        last: episodes.last().copied(),
        begun,
    })
}

/// What scoring a page of episodes anew amounts to.
#[derive(Default)]
struct Found {
    report: Report,
    differences: Vec<Difference>,
    anew: Vec<Anew>,
}

/// A response's next revision.
struct Anew {
    response: ResponseId,
    revision: i32,
    scores: Vec<ScoreRow>,
    criteria: String,
}

fn look(run: &Run, page: &Page, now: NaiveDateTime) -> Found {
    let patients: HashMap<EpisodeId, &str> = page
        .episodes
        .iter()
        .map(|(id, patient)| (*id, patient.as_str()))
        .collect();
    let mut found = Found::default();
    let wanted = |row: &&ResponseRow| run.from.as_ref().is_none_or(|from| *from == row.version);
    for row in page.responses.iter().filter(wanted) {
        found.report.responses += 1;
        let Ok(answers) = Answers::from_json(run.to, &row.answers) else {
            found.report.unreadable += 1;
            continue;
        };
        let stored = newest(
            page.scores
                .iter()
                .filter(|score| score.response_id == row.id),
        );
        let Some(anew) = score_anew(run, page, row, &answers, &stored, now) else {
            continue;
        };
        found.report.rescored += 1;
        let patient = patients.get(&row.episode_id).copied().unwrap_or_default();
        found.note(patient, row, &stored, &anew);
        found.anew.push(anew);
    }
    found
}

/// The newest revision on each scale.
pub fn newest<'a>(scores: impl Iterator<Item = &'a ScoreRow>) -> BTreeMap<&'a str, &'a ScoreRow> {
    let mut newest: BTreeMap<&str, &ScoreRow> = BTreeMap::new();
    for score in scores {
        let known = newest.entry(&score.scale).or_insert(score);
        if score.revision > known.revision {
            *known = score;
        }
    }
    newest
}

/// The next revision of a response's scores; `None` when they are what they should be.
fn score_anew(
    run: &Run,
    page: &Page,
    row: &ResponseRow,
    answers: &Answers,
    stored: &BTreeMap<&str, &ScoreRow>,
    now: NaiveDateTime,
) -> Option<Anew> {
    let scored = scoring::score(run.to, answers, Person::default());
    let last = stored
        .values()
        .map(|score| score.revision)
        .max()
        .unwrap_or(0);
    let scores: Vec<ScoreRow> = scored
        .scores
        .iter()
        .map(|score| ScoreRow {
            revision: last + 1,
            ..score_row(row, score, run.to, now)
        })
        .collect();
    let criteria = criteria_json(&scored);
    let before = page
        .rescored
        .iter()
        .filter(|known| known.response_id == row.id)
        .max_by_key(|known| known.revision)
        .map_or(&row.criteria, |known| &known.criteria);
    let same = scores.iter().all(|score| {
        let known = stored.get(score.scale.as_str());
        known.is_some_and(|known| is_same(known, score))
    });
    (!same || *before != criteria).then_some(Anew {
        response: row.id,
        revision: last + 1,
        scores,
        criteria,
    })
}

/// Whether two scores say the same by the same rules. In which words the reason for none is put does not matter.
fn is_same(known: &ScoreRow, score: &ScoreRow) -> bool {
    known.version == score.version
        && known.value == score.value
        && known.band == score.band
        && (known.answered, known.items, known.prorated)
            == (score.answered, score.items, score.prorated)
}

impl Report {
    fn add(&mut self, more: &Report) {
        self.responses += more.responses;
        self.rescored += more.rescored;
        self.values += more.values;
        self.bands += more.bands;
        self.unreadable += more.unreadable;
        self.summaries += more.summaries;
    }
}

impl Found {
    fn note(
        &mut self,
        patient: &str,
        row: &ResponseRow,
        stored: &BTreeMap<&str, &ScoreRow>,
        anew: &Anew,
    ) {
        for after in &anew.scores {
            let before = stored.get(after.scale.as_str()).copied();
            let value = before.and_then(|before| before.value) != after.value;
            let band = before.and_then(|before| before.band.as_ref()) != after.band.as_ref();
            self.report.values += usize::from(value);
            self.report.bands += usize::from(band);
            if value || band {
                self.differences.push(Difference {
                    patient: patient.to_owned(),
                    response: row.id,
                    completed_at: row.completed_at,
                    before: before.cloned(),
                    after: after.clone(),
                });
            }
        }
    }
}

fn store(
    tx: &mut Tx,
    permit: &Permit,
    run: &Run,
    found: &Found,
    begun: Option<RescoreId>,
    now: NaiveDateTime,
) -> Result<RescoreId, Fault> {
    let rescore_id = match begun {
        Some(id) => id,
        None => begin(tx, permit, run, now)?,
    };
    for anew in &found.anew {
        for score in &anew.scores {
            response::add_score(tx, score)?;
        }
        rescore::add(
            tx,
            permit,
            &RescoredRow {
                org_id: permit.org(),
                response_id: anew.response,
                revision: anew.revision,
                rescore_id,
                criteria: anew.criteria.clone(),
            },
        )?;
        audit::record_by(
            tx,
            permit.actor(),
            "rescore",
            "response",
            Some(anew.response),
            now,
        )?;
    }
    Ok(rescore_id)
}

/// The episodes whose summaries are not what their newest scores amount to, with what those do: they were scored anew, or an earlier program summed up otherwise.
fn stale(run: &Run, page: &Page, found: &Found) -> Vec<(EpisodeId, Vec<EpisodeScaleRow>)> {
    let newer = found.anew.iter().flat_map(|anew| &anew.scores);
    let scores: Vec<&ScoreRow> = page.scores.iter().chain(newer).collect();
    let of = |episode| {
        let mine = |row: &&EpisodeScaleRow| row.episode_id == episode;
        let mut known: Vec<_> = page.summaries.iter().filter(mine).collect();
        // As bytes, not as a database sorts.
        known.sort_by(|a, b| a.scale.cmp(&b.scale));
        let rows = summaries(run.library, page, &scores, episode);
        (!known.into_iter().eq(&rows)).then_some((episode, rows))
    };
    page.episodes.iter().filter_map(|(id, _)| of(*id)).collect()
}

fn begin(tx: &mut Tx, permit: &Permit, run: &Run, now: NaiveDateTime) -> Result<RescoreId, Fault> {
    let row = RescoreRow {
        org_id: permit.org(),
        id: fresh(now),
        instrument: run.to.id.clone(),
        from_version: run.from.clone(),
        to_version: run.to.version.clone(),
        fingerprint: run.to.fingerprint.clone(),
        reason: run.reason.clone(),
        author_id: run.author,
        started_at: now,
    };
    rescore::begin(tx, permit, &row)?;
    audit::record_by(tx, permit.actor(), "rescore", "rescore", Some(row.id), now)?;
    Ok(row.id)
}

/// Makes an episode's summaries of one instrument anew, in a transaction that has the episode to itself: for a form that came late and stands before others. Says those
/// that begin or end with another score by now.
///
/// # Errors
/// When the database fails.
pub fn sum_up_anew(
    tx: &mut Tx,
    permit: &Permit,
    library: &Library,
    instrument: &str,
    episode: EpisodeId,
) -> Result<Vec<EpisodeScaleRow>, Fault> {
    let page = rescore::page(tx, permit, instrument, &[episode])?;
    let scores: Vec<&ScoreRow> = page.scores.iter().collect();
    let mut rows = summaries(library, &page, &scores, episode);
    rescore::replace_summaries(tx, permit, episode, instrument, &rows)?;
    let ends = |row: &EpisodeScaleRow| {
        let (first, last) = (row.first_value.to_bits(), row.last_value.to_bits());
        (first, row.first_at, last, row.last_at)
    };
    rows.retain(|row| {
        let before = page.summaries.iter().find(|known| known.scale == row.scale);
        before.is_none_or(|known| ends(known) != ends(row))
    });
    Ok(rows)
}

/// An episode's summaries, made from the newest score of every response.
fn summaries(
    library: &Library,
    page: &Page,
    scores: &[&ScoreRow],
    episode: EpisodeId,
) -> Vec<EpisodeScaleRow> {
    let mut courses: BTreeMap<&str, Vec<(Extreme, &ScoreRow)>> = BTreeMap::new();
    // The page has the oldest response first.
    for row in page
        .responses
        .iter()
        .filter(|row| row.episode_id == episode)
        .filter(|row| row.state == ResponseState::Completed.word())
        .filter(|row| page.of_course.contains(&row.administration_id))
    {
        let own = scores
            .iter()
            .copied()
            .filter(|score| score.response_id == row.id);
        for (scale, score) in newest(own) {
            if let (Some(value), Some(at)) = (score.value, row.completed_at) {
                courses
                    .entry(scale)
                    .or_default()
                    .push((Extreme { value, at }, score));
            }
        }
    }
    courses
        .into_values()
        .filter_map(|scored| summary(library, episode, &scored))
        .collect()
}

fn summary(
    library: &Library,
    episode: EpisodeId,
    scored: &[(Extreme, &ScoreRow)],
) -> Option<EpisodeScaleRow> {
    let (_, last) = scored.last()?;
    let scale = library
        .version(&last.instrument, &last.version)?
        .scale(&last.scale)?;
    let course = course(scored.iter().map(|(at, _)| *at), direction(scale), RECENT)?;
    let recent: Vec<String> = course.recent.iter().map(ToString::to_string).collect();
    Some(EpisodeScaleRow {
        org_id: last.org_id,
        episode_id: episode,
        instrument: last.instrument.clone(),
        scale: last.scale.clone(),
        version: last.version.clone(),
        n: i32::try_from(course.n).unwrap_or(i32::MAX),
        first_value: course.first.value,
        first_at: course.first.at,
        last_value: course.last.value,
        last_at: course.last.at,
        last_band: last.band.clone(),
        best_value: course.best.value,
        best_at: course.best.at,
        recent: recent.join(" "),
    })
}
