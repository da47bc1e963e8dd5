//! What a row of a file of patients adds or changes, decided completely before anything is written. Reading it is `said`'s work, writing `store`'s.

use super::said::Said;
use super::{Known, Patients};
use crate::app::enrol::patient_row;
use crate::app::import::ledger::News;
use crate::app::import::places::Care;
use crate::app::import::{Desk, Setback, Verdict};
use crate::app::outlook::{calendar, planned};
use crate::app::set_plan::PlanDetails;
use crate::app::set_plan::{from_program, new_row};
use crate::domain::ids::{PatientId, ProgramId};
use crate::domain::schedule::planning::first_due;
use crate::domain::schedule::step::{read_steps, write_steps};
use crate::domain::schedule::{PlanRole, local_day};
use crate::store::fresh;
use crate::store::patient::{EpisodeRow, PatientRow};
use crate::store::plan::PlanRow;
use chrono::NaiveDate;
use chrono_tz::Tz;

/// What is to be done about one of the things a row is about.
#[derive(Debug, Clone)]
pub enum Step<T> {
    /// It is stored so already.
    Keep(T),
    /// It is new.
    Add(T),
    /// It is to become this.
    Change(T),
}

impl<T> Step<T> {
    /// The row as it is or will be stored.
    pub fn row(&self) -> &T {
        match self {
            Step::Keep(row) | Step::Add(row) | Step::Change(row) => row,
        }
    }
}

/// All that one row does.
pub struct Decision {
    /// About the patient.
    pub patient: Step<PatientRow>,
    /// About the episode of care.
    pub episode: Step<EpisodeRow>,
    /// About its measurement plan.
    pub plan: Option<Step<PlanRow>>,
    /// The plans of its program, for a new episode that is open.
    pub copies: Vec<PlanRow>,
    /// Plans of other open episodes whose local time moves with the patient.
    pub moved: Vec<PlanRow>,
}

impl Patients {
    /// Decides about one row.
    ///
    /// # Errors
    /// Why the row cannot be taken, or a fault.
    pub fn decide(
        &mut self,
        desk: &mut Desk,
        said: &Said,
        news: &[News],
    ) -> Result<Decision, Setback> {
        let clinic = self.places.clinic(desk, &said.clinic)?;
        let program = self.places.program(desk, &said.program)?;
        let patient = self.decide_patient(desk, said, news);
        let id = patient.row().id;
        let known = self.known.episode(id, program, said.started_on);
        let episode = match known {
            None => {
                let care = if said.ended.is_some() {
                    Care::Ended
                } else {
                    Care::Open
                };
                let person = self.places.clinician(&said.clinician)?;
                person.may_treat_in(clinic, care)?;
                Step::Add(EpisodeRow {
                    org_id: desk.permit.org(),
                    id: fresh(desk.now),
                    patient_id: id,
                    clinic_id: clinic,
                    program_id: program,
                    clinician_id: person.id,
                    started_on: said.started_on,
                    ended_on: said.ended.map(|(day, _)| day),
                    ending: said.ended.map(|(_, ending)| ending.word().to_owned()),
                })
            }
            Some(known) if known.clinic_id != clinic => {
                let why = "this episode of care is kept in another clinic; end it as transferred and begin a new one";
                return Err(Setback::Row(why.into()));
            }
            Some(known) => self.decide_known_episode(known, said)?,
        };
        let plan = self.decide_plan(desk, said, &episode)?;
        let copies = self.copies(desk, said, &episode)?;
        let moved = self.moved_plans(&patient, &plan);
        Ok(Decision {
            patient,
            episode,
            plan,
            copies,
            moved,
        })
    }

    fn decide_patient(&self, desk: &Desk, said: &Said, news: &[News]) -> Step<PatientRow> {
        let Some(known) = self.known.patients.get(&said.who.external_id) else {
            return Step::Add(patient_row(
                desk.permit.org(),
                fresh(desk.now),
                &said.who,
                desk.now,
            ));
        };
        let said = &said.who;
        let zone = said.time_zone.name();
        let same = known.name == said.name
            && known.email == said.email
            && known.language == said.language
            && known.time_zone == zone
            && said
                .sex
                .is_none_or(|sex| known.sex.as_deref() == Some(sex.word()));
        // A dry run does not store what an earlier row changed; it was counted there.
        if same || news.first() == Some(&News::Again) {
            return Step::Keep(known.clone());
        }
        let refused_at = if known.email == said.email {
            known.email_refused_at
        } else {
            None
        };
        Step::Change(PatientRow {
            name: said.name.clone(),
            email: said.email.clone(),
            email_refused_at: refused_at,
            language: said.language.clone(),
            time_zone: zone.to_owned(),
            changed_at: desk.now,
            sex: said
                .sex
                .map(|sex| sex.word().to_owned())
                .or(known.sex.clone()),
            ..known.clone()
        })
    }

    /// A file may name another clinician or an ending; an empty ending leaves an ended episode ended.
    fn decide_known_episode(
        &self,
        known: &EpisodeRow,
        said: &Said,
    ) -> Result<Step<EpisodeRow>, Setback> {
        let person = self.places.clinician(&said.clinician)?;
        let mut row = known.clone();
        row.clinician_id = person.id;
        if let Some((day, ending)) = said.ended {
            row.ended_on = Some(day);
            row.ending = Some(ending.word().to_owned());
        }
        if row.clinician_id != known.clinician_id {
            let care = if row.ended_on.is_some() {
                Care::Ended
            } else {
                Care::Open
            };
            person.may_treat_in(known.clinic_id, care)?;
        }
        Ok(if row == *known {
            Step::Keep(row)
        } else {
            Step::Change(row)
        })
    }

    fn decide_plan(
        &self,
        desk: &Desk,
        said: &Said,
        episode: &Step<EpisodeRow>,
    ) -> Result<Option<Step<PlanRow>>, Setback> {
        let episode_row = episode.row();
        let Some(details) = said
            .plan
            .as_ref()
            .filter(|_| episode_row.ended_on.is_none())
        else {
            return Ok(None);
        };
        let known: Vec<&PlanRow> = self
            .known
            .plans
            .get(&episode_row.id)
            .into_iter()
            .flatten()
            .filter(|row| row.ended_at.is_none())
            .collect();
        let (instruments, cadence) = (details.instruments.join(" "), details.cadence.to_string());
        if known
            .iter()
            .any(|row| row.instruments == instruments && row.cadence == cadence)
        {
            return Ok(None);
        }
        self.reading
            .require_permission(&details.instruments)
            .map_err(|why| Setback::Row(why.to_string()))?;
        // What the program gave is the program's.
        let own: Vec<&PlanRow> = known
            .into_iter()
            .filter(|row| row.program_plan_id.is_none())
            .collect();
        match own.as_slice() {
            [] => Ok(Some(Step::Add(self.new_plan(desk, said, details, episode_row)))),
            [one] => {
                let step = steps_left(one, &details.instruments);
                let changed = PlanRow {
                    instruments,
                    cadence,
                    step,
                    ..(*one).clone()
                };
                Ok(Some(Step::Change(changed)))
            }
            _ => Err(Setback::Row(
                "the episode of care has several measurement plans; leave instruments and cadence empty here".into(),
            )),
        }
    }

    /// The plans whose local hour moves because the patient's zone did.
    fn moved_plans(
        &self,
        patient: &Step<PatientRow>,
        planned: &Option<Step<PlanRow>>,
    ) -> Vec<PlanRow> {
        let Step::Change(row) = patient else {
            return vec![];
        };
        let before = self.known.patients.get(&row.external_id);
        if before.is_some_and(|before| before.time_zone == row.time_zone) {
            return vec![];
        }
        let episodes = self.known.episodes.get(&row.id).into_iter().flatten();
        let plans = episodes
            .filter_map(|episode| self.known.plans.get(&episode.id))
            .flatten();
        let handled = planned.as_ref().map(|step| step.row().id);
        plans
            .filter(|plan| Some(plan.id) != handled)
            .cloned()
            .collect()
    }

    /// A new plan. An episode that has neither sessions nor occasions yet needs no look into the database to know when it first falls due; one that
    /// was here before is planned again when it is stored.
    fn new_plan(
        &self,
        desk: &Desk,
        said: &Said,
        details: &PlanDetails,
        episode: &EpisodeRow,
    ) -> PlanRow {
        let today = local_day(said.who.time_zone, desk.now);
        let row = new_row(episode, details, PlanRole::Core, 0, today, desk.now);
        self.first_dated(row, said.who.time_zone, desk)
    }

    fn first_dated(&self, row: PlanRow, zone: Tz, desk: &Desk) -> PlanRow {
        let calendar = calendar(&self.rules, zone, None);
        let first = planned(&row).and_then(|plan| first_due(plan, calendar, desk.now));
        PlanRow {
            next_due_at: first,
            awaits_at: first,
            ..row
        }
    }

    fn copies(
        &self,
        desk: &Desk,
        said: &Said,
        episode: &Step<EpisodeRow>,
    ) -> Result<Vec<PlanRow>, Setback> {
        let Step::Add(row) = episode else {
            return Ok(vec![]);
        };
        if row.ended_on.is_some() {
            return Ok(vec![]);
        }
        let zone = said.who.time_zone;
        let today = local_day(zone, desk.now);
        self.programs
            .iter()
            .filter(|plan| plan.program_id == row.program_id)
            .map(|plan| Ok(self.first_dated(from_program(row, plan, today, desk.now)?, zone, desk)))
            .collect()
    }
}

impl Decision {
    /// What becomes of the row.
    pub fn verdict(&self) -> Verdict {
        match (&self.patient, &self.episode, &self.plan) {
            (_, Step::Add(_), _) => Verdict::Added,
            (Step::Keep(_), Step::Keep(_), None) => Verdict::Unchanged,
            _ => Verdict::Changed,
        }
    }

    /// Whether the episode of care goes on after this.
    pub fn is_open(&self) -> bool {
        self.episode.row().ended_on.is_none()
    }
}

impl Known {
    fn episode(
        &self,
        patient: PatientId,
        program: ProgramId,
        started_on: NaiveDate,
    ) -> Option<&EpisodeRow> {
        let mut episodes = self.episodes.get(&patient).into_iter().flatten();
        episodes.find(|row| row.program_id == program && row.started_on == started_on)
    }
}

/// The steps of a plan whose short form is still asked: a longer one opens by nothing else.
fn steps_left(row: &PlanRow, instruments: &[String]) -> Option<String> {
    let mut steps = read_steps(row.step.as_deref().unwrap_or_default()).ok()?;
    steps.retain(|step| instruments.contains(&step.screener));
    write_steps(&steps)
}
