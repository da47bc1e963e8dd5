//! Writing what a row of a file of patients was decided to do, with its audit event. Decides nothing.

use super::decide::{Decision, Step};
use crate::app::change_address::{Again, Place};
use crate::app::import::Desk;
use crate::app::outlook::{Rules, look_again};
use crate::app::{change_address, enrol};
use crate::domain::ids::EpisodeId;
use crate::store::patient::PatientRow;
use crate::store::{Fault, audit, contact, patient, plan};
use std::collections::BTreeSet;

impl Decision {
    /// Writes it all.
    ///
    /// # Errors
    /// When the database fails; the chunk is undone then.
    pub fn store(&self, desk: &mut Desk, rules: &Rules) -> Result<(), Fault> {
        let (permit, now) = (desk.permit, desk.now);
        match &self.patient {
            Step::Keep(_) => {}
            Step::Add(row) => patient::add(desk.tx, permit, row)?,
            Step::Change(row) => change_patient(desk, row)?,
        }
        match &self.episode {
            Step::Keep(_) => {}
            Step::Add(row) => patient::open_episode(desk.tx, permit, row)?,
            Step::Change(row) => {
                let before = patient::episode_by_id(desk.tx, permit.org(), row.id)?;
                enrol::give_to(desk.tx, permit, &before, row.clinician_id, now)?;
                if row.ended_on.is_some() {
                    enrol::end_episode(desk.tx, permit, rules, row)?;
                }
            }
        }
        self.store_plan(desk, rules)?;
        let moved = self.moved.iter().map(|row| row.episode_id);
        let moved: BTreeSet<EpisodeId> = moved
            .filter(|id| *id != self.episode.row().id || self.is_open())
            .collect();
        for episode in moved {
            look_again(desk.tx, rules, permit.org(), episode)?;
        }
        audit::record(desk.tx, permit, "patient", Some(self.patient.row().id), now)
    }

    fn store_plan(&self, desk: &mut Desk, rules: &Rules) -> Result<(), Fault> {
        for row in &self.copies {
            plan::add(desk.tx, desk.permit, row)?;
        }
        match &self.plan {
            None | Some(Step::Keep(_)) => return Ok(()),
            Some(Step::Add(row)) => plan::add(desk.tx, desk.permit, row)?,
            Some(Step::Change(row)) => plan::change(desk.tx, desk.permit, row)?,
        }
        match &self.episode {
            // A new episode has nothing to look up: its dates were worked out with it.
            Step::Add(_) => Ok(()),
            Step::Keep(row) | Step::Change(row) => {
                look_again(desk.tx, rules, desk.permit.org(), row.id)
            }
        }
    }
}

/// Another address closes the links that went to the old one, where the patient is reached by mail.
fn change_patient(desk: &mut Desk, row: &PatientRow) -> Result<(), Fault> {
    let (permit, now) = (desk.permit, desk.now);
    let before = patient::by_external_id(desk.tx, permit, &row.external_id)?;
    patient::change(desk.tx, permit, row)?;
    let contact = contact::of_patient(desk.tx, permit.org(), row.id)?;
    let place = |known: &PatientRow| Place::stored(known.email.as_deref(), contact.as_ref());
    if before.is_some_and(|before| place(&before) != place(row)) {
        change_address::ask_again(desk.tx, permit, row.id, Again::All, now)?;
    }
    Ok(())
}
