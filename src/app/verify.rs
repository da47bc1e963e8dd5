//! The invariants of the data, each as a rule that names the rows that break it. Reads everything, changes nothing; an independent second look, for it
//! scores every response anew and asks every risk rule again.

mod flags;

use super::App;
use super::hand_in::course_of;
use super::policy_history::PolicyHistory;
use super::rescore::newest;
use crate::domain::care::{AdministrationState, ResponseState, read_battery};
use crate::domain::change::Direction;
use crate::domain::ids::{EpisodeId, OrgId, ResponseId};
use crate::domain::instrument::{Answers, Instrument, Library, Person};
use crate::domain::risk::Standing;
use crate::domain::schedule::step::read_steps;
use crate::domain::scoring;
use crate::domain::submission::{Course, Extreme, is_of_course};
use crate::store::administration::AdministrationRow;
use crate::store::key_change::KeyChange;
use crate::store::response::{RECENT, ResponseRow, ScoreRow};
use crate::store::verify::{self, Page};
use crate::store::{Fault, Tx, safety, seal, staff};
use flags::OfFlags;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Episodes looked at together.
const PAGE: i64 = 400;
/// Rows named for one broken rule; more are only counted.
const NAMED_MOST: usize = 100;

/// What `attune verify` prints.
#[derive(Debug, Default, Serialize)]
pub struct Verification {
    /// How much there is.
    pub counts: BTreeMap<&'static str, usize>,
    /// Every change of the site's key, oldest first: what stands before the newest can no longer be checked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key_changes: Vec<KeyChange>,
    /// The rules that are broken, with their rows.
    pub broken: Vec<Broken>,
}

/// A broken rule.
#[derive(Debug, Serialize)]
pub struct Broken {
    /// The rule, as it should be.
    pub rule: &'static str,
    /// How many rows break it.
    pub count: usize,
    /// Their ids, at most a hundred.
    pub rows: Vec<String>,
}

impl Verification {
    fn count(&mut self, what: &'static str, n: usize) {
        *self.counts.entry(what).or_default() += n;
    }

    fn breaks(&mut self, rule: &'static str, row: String) {
        let known = self.broken.iter().position(|broken| broken.rule == rule);
        let at = known.unwrap_or_else(|| {
            self.broken.push(Broken {
                rule,
                count: 0,
                rows: vec![],
            });
            self.broken.len() - 1
        });
        if let Some(broken) = self.broken.get_mut(at) {
            broken.count += 1;
            if broken.rows.len() < NAMED_MOST {
                broken.rows.push(row);
            }
        }
    }
}

/// What whole tables say, needed while going through the pages.
struct Known {
    notified: HashSet<Vec<u8>>,
    sent: HashSet<Vec<u8>>,
    eligible: HashSet<crate::domain::ids::StaffId>,
    licensed: HashSet<crate::domain::ids::StaffId>,
    /// Closed before assessments had a table of their own.
    closed_before: HashSet<crate::domain::ids::FlagId>,
    /// A threshold may have stood above an answer in its time.
    policies: PolicyHistory,
}

/// Checks every invariant over all data, in one unchanging view of it.
///
/// # Errors
/// When the database fails. A broken rule is no error: it is in the result.
pub fn verify(app: &App) -> Result<Verification, Fault> {
    let (library, org) = (app.library, app.org);
    app.store
        .read_blocking(move |tx| tx.snapshot(|tx| verify_all(tx, library, org)))
}

fn verify_all(tx: &mut Tx, library: &Library, org: OrgId) -> Result<Verification, Fault> {
    let mut found = Verification::default();
    for what in [
        "episodes",
        "administrations",
        "responses",
        "scores",
        "flags",
        "flag_answers",
        "flags_waiting",
        "notices",
        "positive_answers",
        "assessments",
    ] {
        found.count(what, 0);
    }
    let known = known(tx, org)?;
    found.count("notices", known.notified.len());
    let mut after: Option<EpisodeId> = None;
    while let Some(page) = verify::page(tx, org, after, PAGE)? {
        after = page.episodes.last().copied();
        check_page(&mut found, library, &known, &page);
    }
    check_messages(tx, org, &mut found)?;
    check_audit(tx, org, &mut found)?;
    Ok(found)
}

fn known(tx: &mut Tx, org: OrgId) -> Result<Known, Fault> {
    let people = staff::candidates(tx, org)?;
    Ok(Known {
        notified: verify::notified_flags(tx, org)?,
        sent: verify::audited_sends(tx, org)?,
        eligible: people
            .iter()
            .filter(|person| person.standing == Standing::Eligible)
            .map(|person| person.id)
            .collect(),
        licensed: verify::licensed(tx, org)?,
        closed_before: safety::closed_before_assessments(tx, org)?,
        policies: PolicyHistory::read(tx, org)?,
    })
}

fn check_page(found: &mut Verification, library: &Library, known: &Known, page: &Page) {
    found.count("episodes", page.episodes.len());
    found.count("administrations", page.administrations.len());
    found.count("responses", page.responses.len());
    found.count("scores", page.scores.len());
    found.count("flags", page.flags.len());
    let flags = OfFlags::of(page);
    let mut scores: HashMap<ResponseId, Vec<&ScoreRow>> = HashMap::new();
    for row in &page.scores {
        scores.entry(row.response_id).or_default().push(row);
    }
    for row in &page.responses {
        let Some((instrument, answers)) = read(library, row) else {
            found.breaks(
                "every response can be read by the definition it names",
                row.id.to_string(),
            );
            continue;
        };
        let stored = scores.get(&row.id).map_or(&[][..], Vec::as_slice);
        check_scores(found, library, row, stored);
        check_revisions(found, page, row, stored);
        flags::check_risk(found, known, (page, &flags), row, instrument, &answers);
    }
    check_administrations(found, known, page);
    flags::check_flags(found, library, known, (page, &flags));
    check_summaries(found, library, page);
    check_in_error(found, page);
}

fn read<'a>(library: &'a Library, row: &ResponseRow) -> Option<(&'a Instrument, Answers)> {
    let instrument = library.version(&row.instrument, &row.version)?;
    Some((
        instrument,
        Answers::from_json(instrument, &row.answers).ok()?,
    ))
}

/// The newest revision of each score is what the version that it names makes of the answers.
fn check_scores(
    found: &mut Verification,
    library: &Library,
    row: &ResponseRow,
    stored: &[&ScoreRow],
) {
    if !is_handed_in(row) {
        if !stored.is_empty() {
            found.breaks("an unfinished response has no score", row.id.to_string());
        }
        return;
    }
    let newest = newest(stored.iter().copied());
    let version = newest
        .values()
        .max_by_key(|known| known.revision)
        .map_or(&row.version, |known| &known.version);
    let scored_by = library.version(&row.instrument, version);
    let Some((instrument, answers)) =
        scored_by.and_then(|known| Some((known, Answers::from_json(known, &row.answers).ok()?)))
    else {
        found.breaks(
            "every response can be read by the definition that its newest scores name",
            row.id.to_string(),
        );
        return;
    };
    for score in scoring::score(instrument, &answers, Person::default()).scores {
        match newest.get(score.scale.id.as_str()) {
            None => found.breaks(
                "every completed response has a score on each scale",
                row.id.to_string(),
            ),
            Some(known)
                if known.value != score.value
                    || known.band.as_ref() != score.band.map(|band| &band.id) =>
            {
                found.breaks(
                    "a stored score is what its answers give when scored again",
                    row.id.to_string(),
                );
            }
            Some(_) => {}
        }
    }
}

/// Whether the answers were handed in; what was entered in error was as well, and keeps its scores.
fn is_handed_in(row: &ResponseRow) -> bool {
    [ResponseState::Completed, ResponseState::EnteredInError]
        .iter()
        .any(|state| row.state == state.word())
}

/// What is kept out of every count was marked by somebody, with a reason, and nothing else is.
fn check_in_error(found: &mut Verification, page: &Page) {
    for row in page.responses.iter().filter(|row| is_handed_in(row)) {
        let left_out = row.state == ResponseState::EnteredInError.word();
        if left_out != page.in_error.contains(&row.administration_id) {
            found.breaks(
                "a response is left out as entered in error exactly when somebody marked it so",
                row.id.to_string(),
            );
        }
    }
}

/// Every revision after the first was made by a rescore, which has a reason and an author; and they are counted without a gap.
fn check_revisions(found: &mut Verification, page: &Page, row: &ResponseRow, stored: &[&ScoreRow]) {
    let newest = stored.iter().map(|score| score.revision).max().unwrap_or(0);
    let made: Vec<i32> = page
        .rescored
        .iter()
        .filter(|known| known.response_id == row.id)
        .map(|known| known.revision)
        .collect();
    let whole = (2..=newest).all(|revision| {
        made.contains(&revision) && stored.iter().any(|score| score.revision == revision)
    });
    if !whole || made.iter().any(|revision| *revision > newest) {
        found.breaks(
            "every later revision of a score was made by a rescore, with its reason and author",
            row.id.to_string(),
        );
    }
}

/// Whether the occasion's battery has grown by what a step opens, so that its first forms were handed in before the last.
fn has_grown(row: &AdministrationRow) -> bool {
    let steps = read_steps(row.step.as_deref().unwrap_or_default()).unwrap_or_default();
    let battery = read_battery(&row.instruments);
    steps.iter().any(|step| {
        let has = |id: &str| battery.iter().any(|part| part.instrument == id);
        has(&step.screener) && has(&step.opens)
    })
}

fn check_administrations(found: &mut Verification, known: &Known, page: &Page) {
    // A form is kept from being stored twice by its episode and occasion, so the two have to be of one piece.
    let place = |row: &AdministrationRow| (row.id, row.episode_id);
    let places: HashSet<_> = page.administrations.iter().map(place).collect();
    for row in &page.responses {
        if !places.contains(&(row.administration_id, row.episode_id)) {
            found.breaks(
                "a response is of its administration's episode",
                row.id.to_string(),
            );
        }
    }
    let mut handed_in: HashMap<_, usize> = HashMap::new();
    for row in page.responses.iter().filter(|row| is_handed_in(row)) {
        *handed_in.entry(row.administration_id).or_default() += 1;
    }
    for row in &page.administrations {
        let complete = row.state == AdministrationState::Completed.word();
        let responses = handed_in.get(&row.id).copied().unwrap_or(0);
        if complete && responses != read_battery(&row.instruments).len() {
            found.breaks(
                "a completed administration has one response for each of its instruments",
                row.id.to_string(),
            );
        }
        let battery = read_battery(&row.instruments).len();
        if !complete && responses > 0 && !(has_grown(row) && responses < battery) {
            found.breaks(
                "completed responses belong to a completed administration",
                row.id.to_string(),
            );
        }
        if complete && !known.sent.contains(&row.id.bytes()[..]) {
            found.breaks("every hand-in has its audit event", row.id.to_string());
        }
        if row.ended_at.is_none() != row.state.parse().is_ok_and(AdministrationState::is_open) {
            found.breaks(
                "an administration has an end exactly when its state is one",
                row.id.to_string(),
            );
        }
    }
}

fn check_summaries(found: &mut Verification, library: &Library, page: &Page) {
    let of_course: HashSet<_> = page
        .administrations
        .iter()
        .filter(|row| is_of_course(&row.occasion, row.informant_id))
        .map(|row| row.id)
        .collect();
    let completed: HashMap<ResponseId, &ResponseRow> = page
        .responses
        .iter()
        .filter(|row| of_course.contains(&row.administration_id))
        .filter(|row| row.state == ResponseState::Completed.word())
        .map(|row| (row.id, row))
        .collect();
    let mut of_response: HashMap<ResponseId, Vec<&ScoreRow>> = HashMap::new();
    for score in &page.scores {
        of_response
            .entry(score.response_id)
            .or_default()
            .push(score);
    }
    // Only the newest revision of each score counts.
    let mut scores: Vec<(&ResponseRow, &ScoreRow)> = of_response
        .iter()
        .filter_map(|(id, scores)| Some((*completed.get(id)?, scores)))
        .flat_map(|(row, scores)| {
            newest(scores.iter().copied())
                .into_values()
                .map(move |score| (row, score))
        })
        .collect();
    scores.sort_by_key(|(row, _)| (row.completed_at, row.id));
    let mut courses: HashMap<(EpisodeId, &str, &str), Course> = HashMap::new();
    for (row, score) in scores {
        let (Some(value), Some(at)) = (score.value, row.completed_at) else {
            continue;
        };
        let direction = library
            .version(&score.instrument, &score.version)
            .and_then(|instrument| instrument.scale(&score.scale)?.change.as_ref())
            .map_or(Direction::HigherIsWorse, |change| change.direction);
        courses
            .entry((row.episode_id, &score.instrument, &score.scale))
            .and_modify(|course| course.add(Extreme { value, at }, direction, RECENT))
            .or_insert_with(|| Course::begin(Extreme { value, at }));
    }
    for row in &page.summaries {
        let expected =
            courses.remove(&(row.episode_id, row.instrument.as_str(), row.scale.as_str()));
        if expected.is_none_or(|course| course != course_of(row)) {
            found.breaks(
                "an episode's summary is what its scores amount to",
                row.episode_id.to_string(),
            );
        }
    }
    for (episode, ..) in courses.into_keys() {
        found.breaks(
            "an episode with scores has its summary",
            episode.to_string(),
        );
    }
}

fn check_messages(tx: &mut Tx, org: OrgId, found: &mut Verification) -> Result<(), Fault> {
    let (refused, tasks) = verify::refused_and_tasks(tx, org)?;
    for recipient in refused.difference(&tasks) {
        let id: Option<crate::domain::ids::PatientId> =
            crate::domain::ids::Id::from_bytes(recipient);
        found.breaks(
            "every refused invitation has a task for a person",
            id.map_or_else(String::new, |id| id.to_string()),
        );
    }
    Ok(())
}

fn check_audit(tx: &mut Tx, org: OrgId, found: &mut Verification) -> Result<(), Fault> {
    let check = seal::check(tx, org)?;
    found.count("audit_events", check.events);
    found.count("audit_events_of_earlier_keys", check.of_earlier_keys);
    for id in check.edited {
        found.breaks("no audit event was edited", id);
    }
    for number in check.broken_seals {
        found.breaks(
            "no audit event was removed, added or moved since it was sealed",
            format!("seal {number}"),
        );
    }
    for number in check.broken_changes {
        found.breaks(
            "every change of key was written down with the new key, and nothing from before it was changed since",
            format!("change {}", -number),
        );
    }
    found.key_changes = check.key_changes;
    Ok(())
}
