//! A file of patients: one row is one episode of care of one patient, with its measurement plan. Here is what is known while a chunk of rows is
//! taken; a row is read in `said`, decided in `decide`, written in `store`. The loop around it, and the counting, are the parent's.

mod decide;
mod said;
mod store;

use super::cells::Columns;
use super::ledger::{Claim, News};
use super::places::{Created, Places};
use super::table::{Column, Row};
use super::{Desk, Kind, Mode, Setback, Verdict};
use crate::app::outlook::Rules;
use crate::domain::access::Permit;
use crate::domain::ids::{EpisodeId, PatientId};
use crate::domain::instrument::Library;
use crate::store::patient::{self, EpisodeRow, PatientRow};
use crate::store::plan::{self, PlanRow};
use crate::store::program_plan::{self, ProgramPlanRow};
use crate::store::{Fault, Tx};
use chrono::NaiveDateTime;
use decide::{Decision, Step};
use said::{Reading, Said};
use std::collections::HashMap;

/// The import of a file of patients.
pub struct Patients {
    /// What plans go by.
    rules: Rules,
    /// What new episodes of each program get.
    programs: Vec<ProgramPlanRow>,
    reading: Reading,
    places: Places,
    known: Known,
}

/// What is stored about the patients of one chunk, kept up to date as rows are taken.
#[derive(Default)]
struct Known {
    patients: HashMap<String, PatientRow>,
    episodes: HashMap<PatientId, Vec<EpisodeRow>>,
    plans: HashMap<EpisodeId, Vec<PlanRow>>,
}

impl Kind for Patients {
    type Said = Said;
    const COLUMNS: &'static [Column] = &[
        Column::required("patient_id"),
        Column::required("name"),
        Column::required("email"),
        Column::required("language"),
        Column::required("time_zone"),
        Column::required("clinic_id"),
        Column::required("clinic"),
        Column::required("program_id"),
        Column::required("program"),
        Column::required("clinician"),
        Column::required("episode_start"),
        Column::optional("sex"),
        Column::optional("episode_end"),
        Column::optional("ending"),
        Column::optional("instruments"),
        Column::optional("cadence"),
    ];
    const ID: &'static str = "patient_id";

    fn begin(
        tx: &mut Tx,
        permit: &Permit,
        library: &'static Library,
        now: NaiveDateTime,
    ) -> Result<Self, Fault> {
        Ok(Patients {
            rules: Rules::read(tx, library, permit.org(), now)?,
            programs: program_plan::standing(tx, permit.org())?,
            reading: Reading::begin(tx, permit, library, now)?,
            places: Places::load(tx, permit.org())?,
            known: Known::default(),
        })
    }

    fn read(&self, columns: &Columns, row: &Row, now: NaiveDateTime) -> Result<Said, String> {
        self.reading.read(columns, row, now)
    }

    fn id(said: &Said) -> &str {
        &said.who.external_id
    }

    fn claims(said: &Said) -> Vec<Claim> {
        said.claims()
    }

    fn load(&mut self, desk: &mut Desk, said: &[&Said]) -> Result<(), Fault> {
        let ids: Vec<&str> = said
            .iter()
            .map(|said| said.who.external_id.as_str())
            .collect();
        self.known = Known::default();
        let patients = patient::by_external_ids(desk.tx, desk.permit, &ids)?;
        let ids: Vec<PatientId> = patients.iter().map(|row| row.id).collect();
        let episodes = patient::episodes_of(desk.tx, desk.permit, &ids)?;
        let open: Vec<EpisodeId> = episodes
            .iter()
            .filter(|row| row.ended_on.is_none())
            .map(|row| row.id)
            .collect();
        for row in plan::of_episodes(desk.tx, desk.permit, &open)? {
            self.known
                .plans
                .entry(row.episode_id)
                .or_default()
                .push(row);
        }
        for row in episodes {
            self.known
                .episodes
                .entry(row.patient_id)
                .or_default()
                .push(row);
        }
        self.known.patients = patients
            .into_iter()
            .map(|row| (row.external_id.clone(), row))
            .collect();
        Ok(())
    }

    fn take(&mut self, desk: &mut Desk, said: &Said, news: &[News]) -> Result<Verdict, Setback> {
        let decision = self.decide(desk, said, news)?;
        let verdict = decision.verdict();
        if verdict != Verdict::Unchanged && desk.mode == Mode::Write {
            decision.store(desk, &self.rules)?;
        }
        self.known.note(decision);
        Ok(verdict)
    }

    fn finish(&mut self, _desk: &mut Desk) -> Result<(), Fault> {
        Ok(())
    }

    fn created(self) -> Vec<Created> {
        self.places.created
    }
}

impl Known {
    /// Remembers what a row did, for the rows after it in the same chunk.
    fn note(&mut self, decision: Decision) {
        let Decision {
            patient,
            episode,
            plan,
            copies,
            ..
        } = decision;
        if let Step::Add(row) | Step::Change(row) = patient {
            self.patients.insert(row.external_id.clone(), row);
        }
        if let Step::Add(row) | Step::Change(row) = episode {
            let episodes = self.episodes.entry(row.patient_id).or_default();
            episodes.retain(|known| known.id != row.id);
            episodes.push(row);
        }
        if let Some(Step::Add(row) | Step::Change(row)) = plan {
            let plans = self.plans.entry(row.episode_id).or_default();
            plans.retain(|known| known.id != row.id);
            plans.push(row);
        }
        for row in copies {
            self.plans.entry(row.episode_id).or_default().push(row);
        }
    }
}
