//! A patient's measurement plans for somebody who may read them: what is asked, what comes, what became of the last occasions. The dates ahead are decided by
//! what decides them when they come.

use super::outlook::{Outlook, Rules};
use super::{App, Failure};
use crate::domain::access::{Action, Actor, decide};
use crate::domain::ids::{PatientId, PlanId};
use crate::domain::schedule::planning::{Dated, preview};
use crate::store::occasion::OccasionRow;
use crate::store::patient::{self, EpisodeRow, PatientRow};
use crate::store::plan::PlanRow;
use crate::store::{audit, organisation};
use chrono::{NaiveDateTime, TimeDelta};
use chrono_tz::Tz;

/// The most dates ahead that are shown, and how far ahead.
const DATES_MOST: usize = 12;
const DAYS_AHEAD: i64 = 366;
/// The most past occasions that are shown.
const PAST_MOST: usize = 20;

/// Why there is nothing to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No patient with that id.
    NoPatient,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("There is no such patient.")
    }
}

/// A patient's plans.
pub struct Plans {
    /// Who.
    pub patient: PatientRow,
    /// The episode they belong to: the open one, or the newest; `None` when the patient never had one.
    pub episode: Option<EpisodePlans>,
    /// Instruments that may be used here today: id and the name clinicians use.
    pub instruments: Vec<(String, String)>,
    /// Now, UTC.
    pub now: NaiveDateTime,
}

/// The plans of one episode.
pub struct EpisodePlans {
    /// The episode.
    pub episode: EpisodeRow,
    /// Name of its program.
    pub program: String,
    /// Plans that were not stopped: the core first, then by place.
    pub plans: Vec<PlanRow>,
    /// What each of all its plans asks, for the names in the lists below.
    pub asks: Vec<(PlanId, String)>,
    /// What lies ahead, in order.
    pub ahead: Vec<Dated>,
    /// What became of the last occasions, newest first.
    pub past: Vec<OccasionRow>,
    /// The patient's own zone.
    pub zone: Tz,
    /// Minutes a month may ask.
    pub minutes_per_month: u32,
}

/// Reads them. The reading is audited.
///
/// # Errors
/// Refused when there is no such patient; denied when out of reach; or the database fails.
pub async fn read_plans(app: &App, actor: Actor, id: PatientId) -> Result<Plans, Failure<Refusal>> {
    let (now, library) = (app.clock.now(), app.library);
    app.store
        .write(move |tx| {
            let subject = patient::place_of(tx, actor.org(), id)?
                .ok_or(Failure::Refused(Refusal::NoPatient))?;
            let permit = decide(&actor, Action::EnrolPatient, subject)?;
            let rules = Rules::read(tx, library, permit.org(), now)?;
            let newest = patient::episodes_of(tx, &permit, &[id])?
                .into_iter()
                .max_by_key(|row| (row.ended_on.is_none(), row.started_on, row.id));
            audit::record(tx, &permit, "patient", Some(id), now)?;
            let episode = match newest {
                None => None,
                Some(row) => {
                    let outlook = Outlook::read(tx, &rules, permit.org(), row.id)?;
                    let programs = organisation::programs(tx, permit.org())?;
                    let program = programs
                        .into_iter()
                        .find(|known| known.id == row.program_id);
                    let name = program.map_or_else(String::new, |known| known.name);
                    Some(episode_plans(outlook, &rules, name))
                }
            };
            let instruments = rules
                .on_record
                .usable(library)
                .map(|known| {
                    (
                        known.id.clone(),
                        known.texts_or_english("en").short_name.clone(),
                    )
                })
                .collect();
            Ok(Plans {
                patient: patient::load(tx, &permit)?,
                episode,
                instruments,
                now,
            })
        })
        .await
}

fn episode_plans(outlook: Outlook, rules: &Rules, program: String) -> EpisodePlans {
    let now = rules.now;
    let until = now + TimeDelta::days(DAYS_AHEAD);
    let ahead = preview(&outlook.situation, now, until, DATES_MOST);
    let Outlook {
        episode,
        mut plans,
        mut occasions,
        situation,
        ..
    } = outlook;
    let asks = plans
        .iter()
        .map(|row| (row.id, row.instruments.clone()))
        .collect();
    plans.retain(|row| row.ended_at.is_none());
    plans.sort_by(|a, b| {
        (a.role.as_str(), a.position, a.id).cmp(&(b.role.as_str(), b.position, b.id))
    });
    occasions.sort_by(|a, b| (b.due_at, &b.name).cmp(&(a.due_at, &a.name)));
    occasions.truncate(PAST_MOST);
    EpisodePlans {
        episode,
        program,
        plans,
        asks,
        ahead,
        past: occasions,
        zone: situation.calendar.zone,
        minutes_per_month: rules.policy.minutes_per_month,
    }
}
