//! Reading the review queue, and one flag with everything around it. Both are one transaction with its audit event. Acting on a flag is `review_flag`.

use super::review_flag::{self, Refusal, note_attempt, permit_for};
use super::safety_in_force::InForce;
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Permit, Subject, decide};
use crate::domain::ids::{FlagId, OrgId, ResponseId, StaffId};
use crate::domain::instrument::Library;
use crate::domain::risk::policy::{KnownLevelRule, RuleSetting, SafetyPolicy};
use crate::domain::risk::{Candidate, Standing, Tier};
use crate::domain::schedule::local_day;
use crate::store::closing::{self, ClosingRow};
use crate::store::correction::{self, CorrectionRow};
use crate::store::flag::{self, FlagActRow, FlagAnswerRow, FlagNames, QueueMark};
use crate::store::informant::{self, InformantRow};
use crate::store::known_level::{self, KnownLevelRow};
use crate::store::response::{self, ResponseRow, ScoreRow};
use crate::store::{Fault, Tx, audit, cover, in_error, organisation, policy, staff};
use chrono::NaiveDateTime;
use chrono_tz::Tz;
use std::hash::{DefaultHasher, Hash, Hasher};

/// At most so many waiting flags on one page; the most urgent come first and the page says how many more there are.
pub const QUEUE_MOST: usize = 100;
/// At most so many closed flags on one page.
const CLOSED_MOST: i64 = 30;

/// Something done to a flag, with the name of whoever did it.
pub type NamedAct = (FlagActRow, Option<String>);

/// A flag with its history.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The flag and the names around it.
    pub names: FlagNames,
    /// What was done, oldest first.
    pub acts: Vec<NamedAct>,
}

/// Which flags are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Whose {
    /// All within reach.
    #[default]
    All,
    /// Those of whoever asks, and every overdue crisis flag within reach, whoever has it.
    Mine,
}

/// A waiting flag on its line.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The flag and the names around it.
    pub names: FlagNames,
    /// Whether whoever has it can act today.
    pub owner: Standing,
}

/// The queue as somebody may see it.
#[derive(Debug, Clone)]
pub struct Queue {
    /// What waits: crisis flags first, then the most urgent deadline; at most [`QUEUE_MOST`].
    pub waiting: Vec<Waiting>,
    /// How many more wait.
    pub more: usize,
    /// How many of colleagues the wish for one's own left out.
    pub of_others: usize,
    /// What was closed last, with the assessment.
    pub closed: Vec<(FlagNames, Option<ClosingRow>)>,
    /// Changes whenever what may be seen of the queue does.
    pub mark: String,
    /// The site's zone.
    pub zone: Tz,
}

/// A colleague to whom a flag may be given.
#[derive(Debug, Clone)]
pub struct Colleague {
    /// Who.
    pub id: StaffId,
    /// Their name.
    pub name: String,
}

/// One flag with everything around it.
#[derive(Debug, Clone)]
pub struct Around {
    /// The flag.
    pub entry: Entry,
    /// Whether whoever has it can act today.
    pub owner: Standing,
    /// Every answer that belongs to it, oldest first.
    pub answers: Vec<FlagAnswerRow>,
    /// The episode's responses to the same instrument by the same person, oldest first.
    pub responses: Vec<ResponseRow>,
    /// The newest scores of these, each with the moment of its response, oldest first.
    pub scores: Vec<(NaiveDateTime, ScoreRow)>,
    /// Who answered in the patient's place.
    pub informant: Option<InformantRow>,
    /// What the site had set about the rule when the flag was raised.
    pub setting: RuleSetting,
    /// What is known of the patient's answers to this rule now, and who said so.
    pub known: Option<(KnownLevelRow, String)>,
    /// Up to which answers somebody may say here that they are known; or why not.
    pub knowable: Result<Vec<i16>, &'static str>,
    /// How long a known level may hold.
    pub known_rule: KnownLevelRule,
    /// Whether answers that belong to it were entered in error.
    pub in_error: bool,
    /// The assessment with which it was closed.
    pub closing: Option<ClosingRow>,
    /// The patient's own notes to the answers that belong to it, oldest first.
    pub corrections: Vec<CorrectionRow>,
    /// Who may be given it.
    pub colleagues: Vec<Colleague>,
    /// The site's zone.
    pub zone: Tz,
}

/// The queue within the actor's reach. The reading is audited.
///
/// # Errors
/// Denied when the account sees no queue.
pub async fn read_queue(app: &App, actor: Actor, whose: Whose) -> Result<Queue, Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::SeeQueue, Subject::Organisation)?;
            let mut flags = flag::queue(tx, &permit)?;
            let all = flags.len();
            let me = actor.staff().map(|staff| staff.id);
            flags.retain(|names| whose == Whose::All || is_shown_as_mine(names, me, now));
            let of_others = all - flags.len();
            flags.sort_by_key(|names| (tier(names), names.flag.due_at, names.flag.id));
            let more = flags.len().saturating_sub(QUEUE_MOST);
            flags.truncate(QUEUE_MOST);
            let people = cover::candidates(tx, permit.org(), now)?;
            let closed = flag::closed(tx, &permit, CLOSED_MOST)?;
            let queue = Queue {
                waiting: flags
                    .into_iter()
                    .map(|names| Waiting {
                        owner: standing(&people, names.flag.owner_id),
                        names,
                    })
                    .collect(),
                more,
                of_others,
                closed: with_closings(tx, &permit, closed)?,
                mark: mark_of(&flag::queue_marks(tx, permit.org())?, &permit),
                zone: zone(tx, permit.org())?,
            };
            audit::record(tx, &permit, "queue", None::<FlagId>, now)?;
            Ok(queue)
        })
        .await
}

/// A short text that is another one whenever what this permit reaches of the waiting flags is. It tells nothing about them.
#[must_use]
pub fn mark_of(marks: &[QueueMark], permit: &Permit) -> String {
    let mut hasher = DefaultHasher::new();
    marks
        .iter()
        .filter(|mark| flag::within(permit, mark.clinic_id, mark.owner_id))
        .for_each(|mark| mark.hash(&mut hasher));
    format!("{:016x}", hasher.finish())
}

/// A crisis flag past its deadline is everybody's.
fn is_shown_as_mine(names: &FlagNames, me: Option<StaffId>, now: NaiveDateTime) -> bool {
    let overdue = tier(names) == Tier::Crisis && names.flag.due_at.is_some_and(|due| due <= now);
    overdue || Some(names.flag.owner_id) == me
}

/// A tier that cannot be read counts as the more urgent one.
fn tier(names: &FlagNames) -> Tier {
    names.flag.tier.parse().unwrap_or(Tier::Crisis)
}

fn standing(people: &[Candidate], who: StaffId) -> Standing {
    people
        .iter()
        .find(|person| person.id == who)
        .map_or(Standing::Ineligible, |person| person.standing)
}

fn with_closings(
    tx: &mut Tx,
    permit: &Permit,
    flags: Vec<FlagNames>,
) -> Result<Vec<(FlagNames, Option<ClosingRow>)>, Fault> {
    let ids: Vec<FlagId> = flags.iter().map(|names| names.flag.id).collect();
    let closings = closing::of_flags(tx, permit, &ids)?;
    let of = |id: FlagId| closings.iter().find(|row| row.flag_id == id).cloned();
    Ok(flags
        .into_iter()
        .map(|names| (names.clone(), of(names.flag.id)))
        .collect())
}

/// The zone in which the site reads its dates.
fn zone(tx: &mut Tx, org: OrgId) -> Result<Tz, Fault> {
    let row = organisation::only(tx)?.filter(|row| row.id == org);
    Ok(row
        .and_then(|row| row.time_zone.parse().ok())
        .unwrap_or(chrono_tz::UTC))
}

/// One flag with its history and everything by which somebody can judge it alone. The reading is audited, and so is an attempt that was denied.
///
/// # Errors
/// Refused when there is no such flag; denied when it is out of reach.
pub async fn read_flag(app: &App, actor: Actor, id: FlagId) -> Result<Around, Failure<Refusal>> {
    let (now, library, by) = (app.clock.now(), app.library, actor.clone());
    let done = app
        .store
        .write(move |tx| {
            let permit = permit_for(tx, &actor, Action::SeeQueue, id)?;
            let around = around(tx, &permit, library, id, now)?;
            audit::record(tx, &permit, "flag", Some(id), now)?;
            Ok(around)
        })
        .await;
    note_attempt(app, &by, Action::SeeQueue, id, &done).await?;
    done
}

fn around(
    tx: &mut Tx,
    permit: &Permit,
    library: &Library,
    id: FlagId,
    now: NaiveDateTime,
) -> Result<Around, Fault> {
    let org = permit.org();
    let names = flag::load(tx, permit, id)?;
    let in_force = InForce::read(tx, org)?;
    let responses = same_series(tx, permit, &names)?;
    let mut scores = response::scores_of_episode(tx, permit, names.flag.episode_id)?;
    scores.retain(|(_, score)| responses.iter().any(|row| row.id == score.response_id));
    let people = cover::candidates(tx, org, now)?;
    let known_rule = in_force.policy.known_level;
    let answers = flag::answers_of(tx, permit, &[id])?;
    let of: Vec<ResponseId> = answers.iter().filter_map(|row| row.response_id).collect();
    Ok(Around {
        owner: standing(&people, names.flag.owner_id),
        in_error: !in_error::among(tx, org, &of)?.is_empty(),
        answers,
        scores: newest_revisions(scores),
        responses,
        informant: match names.flag.informant_id {
            Some(who) => informant::by_id(tx, org, names.flag.patient_id, who)?,
            None => None,
        },
        setting: setting_then(tx, permit, &names)?,
        known: known_now(tx, &names, local_day(in_force.office.zone, now))?,
        knowable: review_flag::choices(library, &names.flag, known_rule),
        known_rule,
        closing: closing::of_flags(tx, permit, &[id])?.pop(),
        corrections: notes(tx, permit, &names)?,
        colleagues: colleagues(tx, &people, &names)?,
        zone: in_force.office.zone,
        entry: Entry {
            acts: flag::acts(tx, permit, id)?,
            names,
        },
    })
}

/// The notes that came to the forms whose answers belong to the flag.
fn notes(tx: &mut Tx, permit: &Permit, names: &FlagNames) -> Result<Vec<CorrectionRow>, Fault> {
    let mut notes: Vec<CorrectionRow> = vec![];
    for answer in flag::answers_of(tx, permit, &[names.flag.id])? {
        let Some(response) = answer.response_id else {
            continue;
        };
        for row in correction::of_response(tx, permit, response)? {
            if !notes.iter().any(|known| known.id == row.id) {
                notes.push(row);
            }
        }
    }
    Ok(notes)
}

/// The episode's responses to the flag's instrument by whoever answered the flagged form: another person's answers are another series.
fn same_series(tx: &mut Tx, permit: &Permit, names: &FlagNames) -> Result<Vec<ResponseRow>, Fault> {
    let flag = &names.flag;
    let mut responses = response::of_episode(tx, permit, flag.episode_id)?;
    let by = informant::answered_by(tx, permit.org(), &[flag.episode_id])?;
    responses.retain(|row| {
        row.instrument == flag.instrument
            && by.get(&row.administration_id).copied() == flag.informant_id
    });
    Ok(responses)
}

/// Of each response and scale the newest revision alone.
fn newest_revisions(scores: Vec<(NaiveDateTime, ScoreRow)>) -> Vec<(NaiveDateTime, ScoreRow)> {
    let newer = |score: &ScoreRow| {
        scores.iter().any(|(_, other)| {
            other.response_id == score.response_id
                && other.scale == score.scale
                && other.revision > score.revision
        })
    };
    let keep: Vec<bool> = scores.iter().map(|(_, score)| !newer(score)).collect();
    scores
        .into_iter()
        .zip(keep)
        .filter_map(|(score, keep)| keep.then_some(score))
        .collect()
}

/// What the version of the site's policy that held said about the rule.
fn setting_then(tx: &mut Tx, permit: &Permit, names: &FlagNames) -> Result<RuleSetting, Fault> {
    let flag = &names.flag;
    let versions = policy::versions(tx, permit, SafetyPolicy::KIND)?;
    let body = versions.into_iter().find(|row| row.version == flag.policy);
    let held: SafetyPolicy = match body {
        None => SafetyPolicy::default(),
        Some(row) => serde_json::from_str(&row.body)
            .map_err(|error| Fault::Corrupt(format!("the safety policy: {error}")))?,
    };
    Ok(held.setting(&flag.instrument, &flag.rule))
}

fn known_now(
    tx: &mut Tx,
    names: &FlagNames,
    today: chrono::NaiveDate,
) -> Result<Option<(KnownLevelRow, String)>, Fault> {
    let flag = &names.flag;
    let rows = known_level::holding(tx, flag.org_id, flag.patient_id, today)?;
    let row = rows
        .into_iter()
        .find(|row| row.instrument == flag.instrument && row.rule == flag.rule);
    let Some(row) = row else { return Ok(None) };
    let name = staff::by_id(tx, row.org_id, row.set_by)?.name;
    Ok(Some((row, name)))
}

/// Everybody who is licensed, here today and works in the clinic, but for whoever has it.
fn colleagues(
    tx: &mut Tx,
    people: &[Candidate],
    names: &FlagNames,
) -> Result<Vec<Colleague>, Fault> {
    let flag = &names.flag;
    let may = |id: StaffId| {
        let person = people.iter().find(|person| person.id == id);
        crate::domain::risk::acts::may_be_given(person, flag.clinic_id, flag.owner_id).is_ok()
    };
    let mut found: Vec<Colleague> = staff::all(tx, flag.org_id)?
        .into_iter()
        .filter(|row| may(row.id))
        .map(|row| Colleague {
            id: row.id,
            name: row.name,
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}
