//! One patient's story: who they are, their episodes of care and sessions. What they are asked and answer is `occasions`.

use super::answers::Leanings;
use super::chance::{Chance, Ids};
use super::courses::{Course, Fate};
use super::people::Name;
use super::site::{PROGRAMS, ProgramKind, Site};
use crate::domain::access::{Action, Role};
use crate::domain::audit::AuditEvent;
use crate::domain::care::SessionState;
use crate::domain::ids::{EpisodeId, Id, PatientId, PlanId, StaffId};
use crate::domain::risk::owner_for;
use crate::domain::schedule::planning::{Planned, Situation, looks};
use crate::domain::schedule::policy::SendingPolicy;
use crate::domain::schedule::{Calendar, PlanRole, PlannedSession, local_instant};
use crate::domain::submission;
use crate::store::bulk::Batch;
use crate::store::patient::{EpisodeRow, PatientRow};
use crate::store::plan::PlanRow;
use crate::store::response::EpisodeScaleRow;
use crate::store::session::SessionRow;
use chrono::{Datelike, NaiveDate, NaiveDateTime, TimeDelta, Weekday};
use chrono_tz::Tz;
use std::collections::BTreeMap;

/// The language of all invented patients.
pub const LANGUAGE: &str = "en";
/// Days over which first visits are spread; the last ones were a week ago.
const ARRIVALS_OVER_DAYS: i64 = 358;
/// Days ahead for which sessions are planned.
const PLANNED_AHEAD_DAYS: i64 = 13;
/// Days before today in which those whose alarm is told last had nothing else.
const QUIET_DAYS: i64 = 2;

/// Whether a story ends with something urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgent {
    /// No.
    Nothing,
    /// An alarming answer minutes ago that nobody has taken on.
    Open,
    /// An alarming answer some hours ago that somebody has taken on and not closed.
    TakenOn,
}

/// A story while it is told.
pub struct Story<'a> {
    pub(super) site: &'a Site<'a>,
    pub(super) chance: Chance,
    pub(super) ids: Ids,
    pub(super) batch: &'a mut Batch,
    pub(super) patient: PatientId,
    pub(super) zone: Tz,
    /// How often this patient answers when asked.
    pub(super) diligence: f64,
    /// Per form: how readily each item is endorsed.
    pub(super) leanings: Vec<Leanings>,
    /// Per form: how ill the person is by it, compared with the course.
    pub(super) tilts: Vec<f64>,
    /// What the episode's scores amount to so far.
    pub(super) summaries: Vec<Summary>,
    urgent: Urgent,
    mark: String,
    sessions: u32,
}

/// What an episode's scores on one scale amount to so far.
pub(super) struct Summary {
    pub(super) course: submission::Course,
    pub(super) row: EpisodeScaleRow,
}

/// An episode while it is told.
pub struct Care {
    pub(super) row: EpisodeRow,
    /// Its measurement plan.
    pub(super) plan: PlanId,
    pub(super) course: Course,
    pub(super) program: &'static ProgramKind,
    /// Whoever owns its flags.
    pub(super) owner: StaffId,
    pub(super) started_at: NaiveDateTime,
    /// The last day on which the patient comes and answers.
    pub(super) comes_until: NaiveDate,
    step_days: i64,
    hour: u32,
}

/// Which story is urgent: three of the newer patients, so that their episodes are young.
pub fn urgent(number: usize, patients: usize) -> Urgent {
    let from_end = patients.saturating_sub(number + 1);
    if from_end == patients / 10 {
        Urgent::Open
    } else if patients >= 20 && (from_end == patients / 7 + 1 || from_end == patients / 5 + 2) {
        Urgent::TakenOn
    } else {
        Urgent::Nothing
    }
}

/// Tells the story of one patient, numbered from 0 in the order of arrival.
pub fn tell<'a>(site: &'a Site<'a>, number: usize, batch: &'a mut Batch) {
    let mut chance = Chance::of(site.seed, number as u64);
    let share = number as f64 / site.patients.max(1) as f64;
    let whole_ms = (TimeDelta::days(ARRIVALS_OVER_DAYS).num_milliseconds() as f64 * share) as i64;
    let moment = site.dawn() - TimeDelta::days(365) + TimeDelta::milliseconds(whole_ms);
    let mut ids = Ids::at(moment);
    let zones = [
        site.zone,
        chrono_tz::America::Chicago,
        chrono_tz::America::New_York,
    ];
    let zone = zones
        .get(chance.weighted(&[0.94, 0.03, 0.03]))
        .copied()
        .unwrap_or(site.zone);
    let leanings = site
        .forms
        .iter()
        .map(|form| form.leanings(&mut chance))
        .collect();
    let tilts = site
        .forms
        .iter()
        .map(|_| chance.between(0.8, 1.12))
        .collect();
    let (patient, diligence) = (ids.next(&mut chance), chance.between(0.72, 0.97));
    let (urgent, mark) = (urgent(number, site.patients), format!("{:06}", number + 1));
    let mut story = Story {
        site,
        chance,
        ids,
        batch,
        patient,
        zone,
        diligence,
        leanings,
        tilts,
        summaries: vec![],
        urgent,
        mark,
        sessions: 0,
    };
    story.whole(workday(moment.date()));
}

impl Story<'_> {
    fn whole(&mut self, first_day: NaiveDate) {
        self.enter(first_day);
        let ended = self.episode(first_day);
        let again = ended.map(|day| workday(day + TimeDelta::days(self.chance.whole(20, 80))));
        // Some come back; the last visit that is told as a first one was a week ago.
        if let Some(day) = again.filter(|day| *day < self.site.today - TimeDelta::days(7))
            && self.chance.happens(0.12)
        {
            self.episode(day);
        }
    }

    fn enter(&mut self, first_day: NaiveDate) {
        let name = Name::draw(&mut self.chance);
        let email = self
            .chance
            .happens(0.95)
            .then(|| name.address(&format!(".{}", self.mark)));
        let referred_at = local_instant(self.zone, first_day - TimeDelta::days(3), 10);
        self.batch.patients.push(PatientRow {
            org_id: self.site.org,
            id: self.patient,
            external_id: format!("P-{}", self.mark),
            name: name.full(),
            email,
            email_refused_at: None,
            language: LANGUAGE.into(),
            time_zone: self.zone.name().into(),
            created_at: referred_at,
            changed_at: referred_at,
            sex: None,
        });
    }

    /// Tells an episode; gives its last day, if it ended.
    fn episode(&mut self, first_day: NaiveDate) -> Option<NaiveDate> {
        let mut care = self.begin(first_day);
        self.summaries.clear();
        let ended_on = self.ended_on(&care);
        care.row.ended_on = ended_on;
        care.row.ending = ended_on.map(|_| care.course.ending.word().into());
        self.batch.episodes.push(care.row.clone());
        self.note_enrolment(&care);
        let sessions = self.sessions(&care);
        let mut asked = self.routine(&care, &sessions);
        if self.urgent != Urgent::Nothing && ended_on.is_none() {
            asked.push(self.alarm(&care, self.urgent));
        }
        self.plan(&care, &sessions, &asked);
        self.flush_summaries();
        ended_on
    }

    fn begin(&mut self, first_day: NaiveDate) -> Care {
        let site = self.site;
        let (fate, program_at) = match self.urgent {
            Urgent::Nothing => (
                Fate::draw(&mut self.chance),
                self.chance
                    .weighted(&PROGRAMS.each_ref().map(|kind| kind.share)),
            ),
            Urgent::Open => (Fate::GetsWorse, 0),
            Urgent::TakenOn => (Fate::StaysTheSame, 0),
        };
        let mut course = Course::draw(fate, &mut self.chance);
        if self.urgent != Urgent::Nothing {
            course.weeks = 60;
        }
        let clinic_at = self.chance.weighted(&[0.42, 0.33, 0.25]);
        let here: Vec<StaffId> = site
            .staff
            .iter()
            .filter(|person| person.role == Role::Therapist && person.clinics.contains(&clinic_at))
            .map(|person| person.id)
            .collect();
        let clinician_id = *self.chance.pick(&here);
        let clinic_id = *site
            .clinics
            .get(clinic_at)
            .expect("there are as many clinics as weights");
        let program = PROGRAMS
            .get(program_at)
            .expect("the weights are those of the programs");
        let hour = u32::try_from(self.chance.whole(9, 16)).unwrap_or(9);
        let row = EpisodeRow {
            org_id: site.org,
            id: self.ids.next(&mut self.chance),
            patient_id: self.patient,
            clinic_id,
            program_id: *site
                .programs
                .get(program_at)
                .expect("every kind of program was founded"),
            clinician_id,
            started_on: first_day,
            ended_on: None,
            ending: None,
        };
        Care {
            plan: self.ids.next(&mut self.chance),
            row,
            owner: owner_for(clinician_id, clinic_id, &site.candidates).unwrap_or(clinician_id),
            started_at: local_instant(self.zone, first_day, hour),
            comes_until: first_day + TimeDelta::weeks(course.weeks),
            step_days: if self.chance.happens(0.65) { 7 } else { 14 },
            course,
            program,
            hour,
        }
    }

    /// Care ends with the last session; whoever stays away is waited for, a month or more.
    fn ended_on(&mut self, care: &Care) -> Option<NaiveDate> {
        let last = match care.course.fate {
            Fate::DropsOut => care.comes_until + TimeDelta::days(self.chance.whole(30, 45)),
            _ => {
                let whole_steps =
                    (care.comes_until - care.row.started_on).num_days() / care.step_days;
                care.row.started_on + TimeDelta::days(whole_steps * care.step_days)
            }
        };
        (last < self.site.today - TimeDelta::days(1)).then_some(last)
    }

    fn sessions(&mut self, care: &Care) -> Vec<SessionRow> {
        let mut told = vec![];
        let horizon = self.site.today + TimeDelta::days(PLANNED_AHEAD_DAYS);
        let mut missed_in_the_end = 0;
        for n in 0.. {
            let day = care.row.started_on + TimeDelta::days(n * care.step_days);
            let stays_away = day > care.comes_until;
            missed_in_the_end += i32::from(stays_away);
            if day > horizon
                || (stays_away && (care.course.fate != Fate::DropsOut || missed_in_the_end > 2))
            {
                break;
            }
            let starts_at = local_instant(self.zone, day, care.hour);
            let state = if stays_away && starts_at < self.site.dawn() {
                SessionState::Missed
            } else {
                self.session_state(n, starts_at)
            };
            self.sessions += 1;
            told.push(SessionRow {
                org_id: self.site.org,
                id: self.ids.next(&mut self.chance),
                episode_id: care.row.id,
                external_id: format!("S-{}-{:02}", self.mark, self.sessions),
                starts_at,
                state: state.word().into(),
            });
        }
        self.batch.sessions.extend_from_slice(&told);
        told
    }

    fn session_state(&mut self, n: i64, starts_at: NaiveDateTime) -> SessionState {
        let quiet_from = self.site.dawn() - TimeDelta::days(QUIET_DAYS);
        let quiet_until = self.site.dawn() + TimeDelta::days(1);
        match self.chance.weighted(&[0.83, 0.07, 0.10]) {
            _ if n == 0 => SessionState::Attended,
            _ if self.urgent != Urgent::Nothing
                && (quiet_from..quiet_until).contains(&starts_at) =>
            {
                SessionState::Cancelled
            }
            _ if starts_at >= self.site.dawn() => SessionState::Planned,
            0 => SessionState::Attended,
            1 => SessionState::Missed,
            _ => SessionState::Cancelled,
        }
    }

    fn plan(&mut self, care: &Care, sessions: &[SessionRow], asked: &[String]) {
        let id = care.plan;
        let next = match care.row.ended_on {
            Some(_) => None,
            None => self.next_due(care, sessions, asked),
        };
        self.batch.plans.push(PlanRow {
            org_id: self.site.org,
            id,
            episode_id: care.row.id,
            instruments: care.program.routine.join(" "),
            cadence: care.program.cadence.to_string(),
            anchor: care.row.started_on,
            next_due_at: next,
            role: PlanRole::Core.word().into(),
            position: 0,
            step: None,
            program_plan_id: None,
            ended_at: None,
            awaits_at: next,
        });
    }

    fn next_due(
        &self,
        care: &Care,
        sessions: &[SessionRow],
        asked: &[String],
    ) -> Option<NaiveDateTime> {
        let counts = [SessionState::Planned.word(), SessionState::Attended.word()];
        let kept = sessions
            .iter()
            .filter(|row| counts.contains(&row.state.as_str()));
        let id = care.plan;
        let situation = Situation {
            calendar: self.calendar(kept),
            plans: vec![Planned {
                id,
                role: PlanRole::Core,
                position: 0,
                instruments: vec![],
                cadence: care.program.cadence.clone(),
                anchor: care.row.started_on,
                awaits: None,
            }],
            settled: asked.iter().map(|name| (id, name.clone())).collect(),
            earlier: vec![],
            bars: vec![],
            budget_s: 0,
            instruments: BTreeMap::new(),
        };
        looks(&situation, self.site.dawn())
            .into_iter()
            .find_map(|look| look.at)
    }

    /// The patient's dates, with these sessions.
    pub(super) fn calendar<'r>(&self, sessions: impl Iterator<Item = &'r SessionRow>) -> Calendar {
        let sessions = sessions.map(|row| PlannedSession {
            id: row.id.to_string(),
            starts_at: row.starts_at,
        });
        Calendar::open(&SendingPolicy::default(), self.zone, None).with_sessions(sessions.collect())
    }

    fn note_enrolment(&mut self, care: &Care) {
        let at = care.started_at - TimeDelta::days(3);
        self.note(
            "staff",
            *care.row.clinician_id.bytes(),
            Action::EnrolPatient.word(),
            ("patient", *self.patient.bytes()),
            at,
        );
    }

    /// Adds to the audit.
    pub(super) fn note(
        &mut self,
        actor: &'static str,
        actor_id: [u8; 16],
        act: &'static str,
        (subject, subject_id): (&'static str, [u8; 16]),
        at: NaiveDateTime,
    ) {
        self.batch.events.push(AuditEvent {
            id: self.ids.next(&mut self.chance),
            org: self.site.org,
            at,
            actor,
            actor_id: Some(actor_id),
            act,
            subject,
            subject_id: Some(subject_id),
            outcome: "done",
        });
    }

    /// A fresh id of this story.
    pub(super) fn id<K>(&mut self) -> Id<K> {
        self.ids.next(&mut self.chance)
    }
}

impl Care {
    /// The episode.
    pub(super) fn id(&self) -> EpisodeId {
        self.row.id
    }
}

/// The day itself, or the Monday after.
fn workday(day: NaiveDate) -> NaiveDate {
    match day.weekday() {
        Weekday::Sat => day + TimeDelta::days(2),
        Weekday::Sun => day + TimeDelta::days(1),
        _ => day,
    }
}
