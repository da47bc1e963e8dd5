//! What planning knows of an episode of care, read from the database: plans, sessions, what was asked, how the patient is reached. The one place where the
//! domain's situation is put together, for the planner, for every change and for the preview.

use super::give_form;
use super::permit_instrument::OnRecord;
use crate::domain::care::{AdministrationState, Ending, read_battery};
use crate::domain::ids::{EpisodeId, OrgId, ProgramId};
use crate::domain::instrument::Library;
use crate::domain::schedule::planning::{Bar, Earlier, Joining, Planned, Situation, looks};
use crate::domain::schedule::policy::SendingPolicy;
use crate::domain::schedule::{Cadence, Calendar, burden, session_of};
use crate::store::contact::{self, Channel, ContactRow, PauseRow, PauseScope};
use crate::store::occasion::{self, FormRow, OccasionRow};
use crate::store::patient::{self, EpisodeRow, PatientRow};
use crate::store::plan::{self, PlanRow};
use crate::store::{Fault, Tx, policy, session};
use chrono::{NaiveDateTime, TimeDelta};
use chrono_tz::Tz;
use std::collections::BTreeMap;

/// What holds for all patients: read once for many.
pub struct Rules {
    /// All instruments.
    pub library: &'static Library,
    /// Which of them may be used today.
    pub on_record: OnRecord,
    /// The site's rules of sending.
    pub policy: SendingPolicy,
    pauses: Vec<PauseRow>,
    /// Now, UTC.
    pub now: NaiveDateTime,
}

impl Rules {
    /// Reads them.
    ///
    /// # Errors
    /// When the database fails.
    pub fn read(
        tx: &mut Tx,
        library: &'static Library,
        org: OrgId,
        now: NaiveDateTime,
    ) -> Result<Rules, Fault> {
        Ok(Rules {
            library,
            on_record: OnRecord::read(tx, org, now)?,
            policy: policy::newest(tx, org, SendingPolicy::KIND)?,
            pauses: contact::pauses(tx, org, now)?,
            now,
        })
    }

    /// Seconds an instrument takes, or why a patient may not be asked it.
    fn instrument(&self, id: &str) -> Result<u32, String> {
        let known = give_form::askable(self.library, id).map_err(|why| why.to_string())?;
        self.on_record
            .require([known])
            .map_err(|why| why.to_string())?;
        Ok(burden::seconds_of(known))
    }

    /// Seconds of an instrument whether it may be asked or not.
    fn seconds(&self, id: &str) -> u32 {
        self.library.get(id).map_or(0, burden::seconds_of)
    }

    /// Why nothing is sent to this patient.
    fn bars(&self, program: ProgramId, who: &PatientRow, contact: Option<&ContactRow>) -> Vec<Bar> {
        let concerns = |pause: &PauseRow| match (pause.scope.parse(), &pause.subject_id) {
            (Ok(PauseScope::Site), _) => Some("messages of the whole site were paused"),
            (Ok(PauseScope::Program), Some(id)) if id.as_slice() == program.bytes() => {
                Some("messages of the program were paused")
            }
            (Ok(PauseScope::Patient), Some(id)) if id.as_slice() == who.id.bytes() => {
                Some("messages to this patient were paused")
            }
            _ => None,
        };
        let paused = self.pauses.iter().filter_map(|pause| {
            Some(Bar {
                until: pause.until_at,
                why: format!("{} ({})", concerns(pause)?, pause.reason),
            })
        });
        paused.chain(contact.and_then(unreached)).collect()
    }
}

/// Why a patient is not written to, by their own wish.
fn unreached(contact: &ContactRow) -> Option<Bar> {
    let why = if contact.opted_out_at.is_some() {
        "the patient asked for no messages"
    } else if contact.channel == Channel::None.word() {
        "this patient is given forms in the clinic only"
    } else {
        return None;
    };
    Some(Bar {
        until: None,
        why: why.to_owned(),
    })
}

/// What planning knows of one episode.
pub struct Outlook {
    /// The episode.
    pub episode: EpisodeRow,
    /// Whose it is.
    pub patient: PatientRow,
    /// How they are reached, if something was said.
    pub contact: Option<ContactRow>,
    /// All its plans, stopped ones too.
    pub plans: Vec<PlanRow>,
    /// What became of their occasions.
    pub occasions: Vec<OccasionRow>,
    /// The forms in the places of `situation.earlier`.
    pub forms: Vec<FormRow>,
    /// What the domain decides by.
    pub situation: Situation,
}

impl Outlook {
    /// Reads it. The caller holds the permit or is the planner itself.
    ///
    /// # Errors
    /// When the database fails.
    pub fn read(tx: &mut Tx, rules: &Rules, org: OrgId, id: EpisodeId) -> Result<Outlook, Fault> {
        let (episode, patient) = patient::episode_and_patient(tx, org, id)?;
        let contact = contact::of_patient(tx, org, patient.id)?;
        let plans = plan::of_episode(tx, org, id)?;
        let occasions = occasion::of_episode(tx, org, id)?;
        // Burden looks back thirty days; a day more for the patient's clock. What lies ahead is there when a form was moved.
        let since = rules.now - TimeDelta::days(burden::BUDGET_DAYS + 1);
        let forms = occasion::forms_since(tx, org, patient.id, since)?;
        let sessions = session::counted(tx, org, id)?;
        let zone: Tz = patient.time_zone.parse().unwrap_or(chrono_tz::UTC);
        let mut calendar = calendar(rules, zone, contact.as_ref()).with_sessions(sessions);
        calendar.ended = ended(&episode)?;
        let earlier = forms
            .iter()
            .map(|form| earlier(rules, form, &occasions))
            .collect::<Result<_, Fault>>()?;
        let planned: Vec<Planned> = plans
            .iter()
            .filter(|row| row.ended_at.is_none())
            .filter_map(planned)
            .collect();
        let situation = Situation {
            calendar,
            settled: occasions
                .iter()
                .map(|row| (row.plan_id, row.name.clone()))
                .collect(),
            earlier,
            bars: rules.bars(episode.program_id, &patient, contact.as_ref()),
            budget_s: rules.policy.minutes_per_month.saturating_mul(60),
            instruments: instruments(rules, &planned),
            plans: planned,
        };
        Ok(Outlook {
            episode,
            patient,
            contact,
            plans,
            occasions,
            forms,
            situation,
        })
    }
}

/// The dates of an open episode without sessions.
pub fn calendar(rules: &Rules, zone: Tz, contact: Option<&ContactRow>) -> Calendar {
    let safe = contact.and_then(|row| row.safe_from.zip(row.safe_until));
    Calendar::open(&rules.policy, zone, safe)
}

fn ended(episode: &EpisodeRow) -> Result<Option<(chrono::NaiveDate, Ending)>, Fault> {
    let Some(day) = episode.ended_on else {
        return Ok(None);
    };
    let ending = episode.ending.as_deref().map(str::parse).transpose()?;
    Ok(Some((day, ending.unwrap_or(Ending::Unplanned))))
}

/// A plan as the domain knows it; `None` (and a line in the log) when its cadence cannot be read.
pub fn planned(row: &PlanRow) -> Option<Planned> {
    let cadence = row.cadence.parse::<Cadence>().map_err(|bad| {
        tracing::error!(plan = %row.id, %bad, "a plan cannot be kept");
    });
    Some(Planned {
        id: row.id,
        role: row.role.parse().ok()?,
        position: row.position,
        instruments: row
            .instruments
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
        cadence: cadence.ok()?,
        anchor: row.anchor,
        awaits: row.awaits_at.or(row.next_due_at),
    })
}

fn earlier(rules: &Rules, form: &FormRow, occasions: &[OccasionRow]) -> Result<Earlier, Fault> {
    let theirs = || {
        let asked_with = |row: &&OccasionRow| row.administration_id == Some(form.id);
        occasions.iter().filter(asked_with)
    };
    let instruments: Vec<String> = read_battery(&form.instruments)
        .into_iter()
        .map(|part| part.instrument)
        .collect();
    Ok(Earlier {
        at: form.due_at,
        seconds: instruments.iter().map(|id| rules.seconds(id)).sum(),
        instruments,
        sessions: theirs()
            .filter_map(|row| session_of(&row.name))
            .map(str::to_owned)
            .collect(),
        joining: match theirs().next() {
            Some(_) => joining(form.state.parse()?),
            None => Joining::Apart,
        },
    })
}

/// Whether more may be put into a form that a plan asked for.
fn joining(state: AdministrationState) -> Joining {
    match state {
        AdministrationState::Planned | AdministrationState::Sent => Joining::Open,
        AdministrationState::Opened
        | AdministrationState::Completed
        | AdministrationState::Abandoned => Joining::Begun,
        AdministrationState::Declined
        | AdministrationState::NotSeen
        | AdministrationState::Expired
        | AdministrationState::Cancelled => Joining::Ended,
    }
}

fn instruments(rules: &Rules, plans: &[Planned]) -> BTreeMap<String, Result<u32, String>> {
    plans
        .iter()
        .flat_map(|plan| &plan.instruments)
        .map(|id| (id.clone(), rules.instrument(id)))
        .collect()
}

/// Works out anew when each plan of an episode is looked at next, and stores it: after a change to its plans, sessions, dates, or where the patient lives.
///
/// # Errors
/// When the database fails.
pub fn look_again(tx: &mut Tx, rules: &Rules, org: OrgId, id: EpisodeId) -> Result<(), Fault> {
    plan::take_turn(tx)?;
    let outlook = Outlook::read(tx, rules, org, id)?;
    for look in looks(&outlook.situation, rules.now) {
        let known = outlook.plans.iter().find(|row| row.id == look.plan);
        if known.is_some_and(|row| (row.next_due_at, row.awaits_at) != (look.at, look.awaits)) {
            plan::set_look(tx, org, &look)?;
        }
    }
    Ok(())
}
