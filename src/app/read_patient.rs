//! One patient's record for somebody who may read it: loaded whole, in one transaction with its audit event.

use super::permit_instrument::OnRecord;
use super::read_caseload::{day_in, site_zone};
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Permit, decide};
use crate::domain::ids::{
    AdministrationId, EpisodeId, InformantId, PatientId, ResponseId, StaffId,
};
use crate::store::administration::{self, AdministrationRow};
use crate::store::correction::{self, CorrectionRow};
use crate::store::flag::{self, FlagNames};
use crate::store::in_error::{self, InErrorRow};
use crate::store::informant::{self, InformantRow};
use crate::store::known_level::{self, KnownLevelRow};
use crate::store::outbox::{self, OutboxRow};
use crate::store::patient::{self, EpisodeNames, PatientRow};
use crate::store::plan::{self, PlanRow};
use crate::store::rescore;
use crate::store::response::{self, ResponseRow, ScoreRow};
use crate::store::way_in::{self, WayInRow};
use crate::store::{Fault, Tx, audit, send_log, staff};
use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use std::collections::{HashMap, HashSet};

/// Why there is no record to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No patient with that id.
    NoPatient,
    /// The patient has no episode with that id.
    NoEpisode,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Refusal::NoPatient => "There is no such patient.",
            Refusal::NoEpisode => "There is no such episode of care.",
        })
    }
}

/// A patient's record: everything about them, and one episode of care in full.
#[derive(Debug, Clone)]
pub struct Record {
    /// Who.
    pub patient: PatientRow,
    /// All episodes, newest first.
    pub episodes: Vec<EpisodeNames>,
    /// All flags, newest first.
    pub flags: Vec<FlagNames>,
    /// Up to which answers the patient's answers are known today.
    pub known_levels: Vec<KnownLevelRow>,
    /// The episode that is shown; `None` when the patient never had one.
    pub shown: Option<EpisodeRecord>,
    /// What may be given to anybody here today.
    pub on_record: OnRecord,
    /// Everybody who ever answered about the patient.
    pub informants: Vec<InformantRow>,
    /// The zone in which the site's days begin.
    pub zone: Tz,
    /// When this was read, UTC.
    pub now: NaiveDateTime,
}

/// One episode of care in full.
#[derive(Debug, Clone)]
pub struct EpisodeRecord {
    /// The episode and its names.
    pub names: EpisodeNames,
    /// What is asked, and how often.
    pub plans: Vec<PlanRow>,
    /// Start (UTC) and state of each session, oldest first.
    pub sessions: Vec<(NaiveDateTime, String)>,
    /// Notes that came to its answers after they were sent, oldest first.
    pub corrections: Vec<CorrectionRow>,
    /// Every occasion with its messages, newest first.
    pub occasions: Vec<OccasionRecord>,
    /// Every response, oldest first, with what came of the criteria when it was scored last.
    pub responses: Vec<ResponseRow>,
    /// Names of the staff who entered responses themselves.
    pub enterers: HashMap<StaffId, String>,
    /// Which of them were scored anew.
    pub anew: HashMap<ResponseId, ScoredAnew>,
    /// Every score in every revision with the moment of its response, oldest first.
    pub scores: Vec<(NaiveDateTime, ScoreRow)>,
    /// Which occasions' answers were entered in error, with the name of whoever said so.
    pub in_error: Vec<(InErrorRow, String)>,
    /// How answers came that staff put down.
    pub ways: HashMap<AdministrationId, WayInRow>,
    /// What others answered about the patient, each a series of their own; none of it stands above.
    pub informed: Vec<Informed>,
}

/// What somebody answered about the patient in this episode.
#[derive(Debug, Clone)]
pub struct Informed {
    /// Who.
    pub who: InformantRow,
    /// Their occasions, answers and scores alone, with the episode's names.
    pub episode: EpisodeRecord,
}

/// Why a response was scored anew the last time.
#[derive(Debug, Clone)]
pub struct ScoredAnew {
    /// The reason as it was given.
    pub reason: String,
    /// Who answers for it.
    pub author: String,
}

/// One attempt to send: when (UTC), an `AttemptOutcome`'s word, and what was said.
pub type Attempt = (NaiveDateTime, String, String);

/// One occasion with the messages about it.
#[derive(Debug, Clone)]
pub struct OccasionRecord {
    /// The occasion.
    pub row: AdministrationRow,
    /// Its messages, newest first, each with what was tried.
    pub messages: Vec<(OutboxRow, Vec<Attempt>)>,
}

impl Record {
    /// Today at this site.
    #[must_use]
    pub fn today(&self) -> NaiveDate {
        day_in(self.zone, self.now)
    }

    /// The day of a moment (UTC) at this site.
    #[must_use]
    pub fn day(&self, at: NaiveDateTime) -> NaiveDate {
        day_in(self.zone, at)
    }
}

/// Reads a patient's record with the asked-for episode, or the one that is open, or the newest. The reading is audited.
///
/// # Errors
/// Refused when there is no such patient or episode; denied when out of reach; or the database fails.
pub async fn read_patient(
    app: &App,
    actor: Actor,
    id: PatientId,
    episode: Option<EpisodeId>,
) -> Result<Record, Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let subject = patient::place_of(tx, actor.org(), id)?
                .ok_or(Failure::Refused(Refusal::NoPatient))?;
            let permit = decide(&actor, Action::ReadPatient, subject)?;
            let episodes = patient::episodes(tx, &permit)?;
            let chosen = choose(&episodes, episode).map_err(Failure::Refused)?;
            audit::record(tx, &permit, "patient", Some(id), now)?;
            let zone = site_zone(tx)?;
            Ok(Record {
                patient: patient::load(tx, &permit)?,
                flags: flag::of_patient(tx, &permit)?,
                known_levels: known_level::holding(tx, permit.org(), id, day_in(zone, now))?,
                shown: chosen
                    .map(|names| whole_episode(tx, &permit, names))
                    .transpose()?,
                informants: informant::of_patient(tx, &permit, id)?,
                on_record: OnRecord::read(tx, permit.org(), now)?,
                zone,
                episodes,
                now,
            })
        })
        .await
}

fn choose(
    episodes: &[EpisodeNames],
    wanted: Option<EpisodeId>,
) -> Result<Option<EpisodeNames>, Refusal> {
    match wanted {
        Some(id) => {
            let known = episodes.iter().find(|known| known.episode.id == id);
            known
                .map(|known| Some(known.clone()))
                .ok_or(Refusal::NoEpisode)
        }
        None => {
            let open = episodes
                .iter()
                .find(|known| known.episode.ended_on.is_none());
            Ok(open.or(episodes.first()).cloned())
        }
    }
}

/// Puts what came of the criteria when each response was scored last into its place, and says why and by whom it was.
fn scored_anew(
    tx: &mut Tx,
    permit: &Permit,
    id: EpisodeId,
    responses: &mut [ResponseRow],
) -> Result<HashMap<ResponseId, ScoredAnew>, Fault> {
    let mut anew = HashMap::new();
    for (row, reason, author) in rescore::of_episode(tx, permit, id)? {
        let response = responses
            .iter_mut()
            .find(|known| known.id == row.response_id);
        if let Some(response) = response {
            response.criteria = row.criteria;
        }
        anew.insert(row.response_id, ScoredAnew { reason, author });
    }
    Ok(anew)
}

fn whole_episode(
    tx: &mut Tx,
    permit: &Permit,
    names: EpisodeNames,
) -> Result<EpisodeRecord, Fault> {
    let id = names.episode.id;
    let mut responses = response::of_episode(tx, permit, id)?;
    let anew = scored_anew(tx, permit, id, &mut responses)?;
    let occasions = administration::of_episode(tx, permit, id)?
        .into_iter()
        .map(|row| {
            let messages = outbox::about(tx, permit.org(), row.id.bytes())?
                .into_iter()
                .map(|message| {
                    let attempts = send_log::attempts_of(tx, permit, message.id)?;
                    Ok((message, attempts))
                })
                .collect::<Result<_, Fault>>()?;
            Ok(OccasionRecord { row, messages })
        })
        .collect::<Result<_, Fault>>()?;
    let ways = way_in::of_episode(tx, permit, id)?;
    let whole = EpisodeRecord {
        enterers: enterers(tx, permit, &responses)?,
        plans: plan::of_episode(tx, permit.org(), id)?
            .into_iter()
            .filter(|plan| plan.ended_at.is_none())
            .collect(),
        sessions: patient::sessions(tx, permit, id)?,
        responses,
        anew,
        scores: response::scores_of_episode(tx, permit, id)?,
        ways: ways
            .into_iter()
            .map(|row| (row.administration_id, row))
            .collect(),
        corrections: correction::of_episode(tx, permit, id)?,
        in_error: in_error::of_episode(tx, permit, id)?,
        occasions,
        informed: vec![],
        names,
    };
    let people = informant::of_patient(tx, permit, whole.names.episode.patient_id)?;
    Ok(tell_apart(whole, people))
}

/// Puts what others answered apart from what the patient answered.
fn tell_apart(whole: EpisodeRecord, people: Vec<InformantRow>) -> EpisodeRecord {
    let own = whole.of(None);
    let informed = people.into_iter().filter_map(|who| {
        let episode = whole.of(Some(who.id));
        (!episode.occasions.is_empty()).then_some(Informed { who, episode })
    });
    EpisodeRecord {
        informed: informed.collect(),
        ..own
    }
}

impl EpisodeRecord {
    /// What this person answered; `None`: the patient.
    fn of(&self, who: Option<InformantId>) -> EpisodeRecord {
        let mut part = self.clone();
        part.occasions
            .retain(|occasion| occasion.row.informant_id == who);
        let occasions: HashSet<AdministrationId> = part
            .occasions
            .iter()
            .map(|occasion| occasion.row.id)
            .collect();
        part.corrections
            .retain(|row| occasions.contains(&row.administration_id));
        part.in_error
            .retain(|(row, _)| occasions.contains(&row.administration_id));
        part.responses
            .retain(|row| occasions.contains(&row.administration_id));
        let responses: HashSet<ResponseId> = part.responses.iter().map(|row| row.id).collect();
        part.scores
            .retain(|(_, score)| responses.contains(&score.response_id));
        if who.is_some() {
            part.plans.clear();
            part.sessions.clear();
        }
        part
    }
}

fn enterers(
    tx: &mut Tx,
    permit: &Permit,
    responses: &[ResponseRow],
) -> Result<HashMap<StaffId, String>, Fault> {
    let ids: HashSet<StaffId> = responses.iter().filter_map(|row| row.entered_by).collect();
    ids.into_iter()
        .map(|id| Ok((id, staff::by_id(tx, permit.org(), id)?.name)))
        .collect()
}
