//! The clinics, programs and people of the organisation, as a file of patients names them. Read once for an import; clinics and programs that a
//! file brings are added. Accounts are not: only an administrator lets somebody work here.

use super::{Desk, Mode, Setback};
use crate::app::set_places::Place;
use crate::domain::access::Role;
use crate::domain::ids::{ClinicId, OrgId, ProgramId, StaffId};
use crate::store::organisation::{self, ClinicRow, ProgramRow};
use crate::store::staff::{self, StaffState};
use crate::store::{Fault, Tx, audit, fresh};
use std::collections::HashMap;

/// A clinic or program as a file names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its id in the site's other systems.
    pub id: String,
    /// Its name, used when it is new here.
    pub name: String,
}

/// A clinic or program that a file brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Which of the two.
    pub place: Place,
    /// Its id in the site's other systems.
    pub external_id: String,
    /// Its name.
    pub name: String,
}

/// Somebody who has an account.
#[derive(Debug, Clone)]
pub struct Person {
    /// Who.
    pub id: StaffId,
    email: String,
    role: Role,
    state: StaffState,
    clinics: Vec<ClinicId>,
}

/// All of them, by the words a file uses.
pub struct Places {
    clinics: HashMap<String, ClinicId>,
    programs: HashMap<String, ProgramId>,
    people: HashMap<String, Person>,
    /// What was added since the import began.
    pub created: Vec<Created>,
}

impl Places {
    /// Reads them.
    ///
    /// # Errors
    /// When the database fails.
    pub fn load(tx: &mut Tx, org: OrgId) -> Result<Self, Fault> {
        Ok(Places {
            clinics: organisation::clinics(tx, org)?
                .into_iter()
                .map(|row| (row.external_id, row.id))
                .collect(),
            programs: organisation::programs(tx, org)?
                .into_iter()
                .map(|row| (row.external_id, row.id))
                .collect(),
            people: people(tx, org)?,
            created: vec![],
        })
    }

    /// The clinic a row names, made if it is new.
    ///
    /// # Errors
    /// When it is new and has no name, or the database fails.
    pub fn clinic(&mut self, desk: &mut Desk, named: &Named) -> Result<ClinicId, Setback> {
        if let Some(id) = self.clinics.get(&named.id) {
            return Ok(*id);
        }
        let row = ClinicRow {
            org_id: desk.permit.org(),
            id: fresh(desk.now),
            external_id: named.id.clone(),
            name: must_have_name(named, "clinic")?,
        };
        if desk.mode == Mode::Write {
            organisation::add_clinic(desk.tx, &row)?;
            audit::record(desk.tx, desk.permit, "clinic", Some(row.id), desk.now)?;
        }
        self.clinics.insert(row.external_id.clone(), row.id);
        self.created.push(Created {
            place: Place::Clinic,
            external_id: row.external_id,
            name: row.name,
        });
        Ok(row.id)
    }

    /// The program a row names, made if it is new.
    ///
    /// # Errors
    /// When it is new and has no name, or the database fails.
    pub fn program(&mut self, desk: &mut Desk, named: &Named) -> Result<ProgramId, Setback> {
        if let Some(id) = self.programs.get(&named.id) {
            return Ok(*id);
        }
        let row = ProgramRow {
            org_id: desk.permit.org(),
            id: fresh(desk.now),
            external_id: named.id.clone(),
            name: must_have_name(named, "program")?,
        };
        if desk.mode == Mode::Write {
            organisation::add_program(desk.tx, &row)?;
            audit::record(desk.tx, desk.permit, "program", Some(row.id), desk.now)?;
        }
        self.programs.insert(row.external_id.clone(), row.id);
        self.created.push(Created {
            place: Place::Program,
            external_id: row.external_id,
            name: row.name,
        });
        Ok(row.id)
    }

    /// The clinician with this address.
    ///
    /// # Errors
    /// When nobody has it.
    pub fn clinician(&self, email: &str) -> Result<&Person, Setback> {
        self.people.get(email).ok_or_else(|| {
            Setback::Row(format!(
                "clinician {email:?} has no account here; an administrator must add them first"
            ))
        })
    }
}

impl Person {
    /// Whether they may be given an episode of care in this clinic.
    ///
    /// # Errors
    /// When they treat nobody, do not work there, or an open episode would go to an account that nobody uses any more.
    pub fn may_treat_in(&self, clinic: ClinicId, care: Care) -> Result<(), Setback> {
        if !matches!(self.role, Role::Therapist | Role::Supervisor) {
            return Err(Setback::Row(format!(
                "clinician {:?} is not a clinician but has the role {}",
                self.email, self.role
            )));
        }
        if !self.clinics.contains(&clinic) {
            let why = "the clinician does not work in this clinic; an administrator must add the clinic to their account first";
            return Err(Setback::Row(why.into()));
        }
        if care == Care::Open && self.state == StaffState::Disabled {
            return Err(Setback::Row(
                "the clinician's account is disabled; name somebody who works here".into(),
            ));
        }
        Ok(())
    }
}

/// Whether an episode of care is still going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// It is.
    Open,
    /// It has ended.
    Ended,
}

fn must_have_name(named: &Named, what: &str) -> Result<String, Setback> {
    if named.name.is_empty() {
        return Err(Setback::Row(format!(
            "{what}_id {:?} is new here, so the column {what} must give its name",
            named.id
        )));
    }
    Ok(named.name.clone())
}

fn people(tx: &mut Tx, org: OrgId) -> Result<HashMap<String, Person>, Fault> {
    let clinics: HashMap<StaffId, Vec<ClinicId>> = staff::candidates(tx, org)?
        .into_iter()
        .map(|person| (person.id, person.clinics))
        .collect();
    staff::all(tx, org)?
        .into_iter()
        .map(|row| {
            let person = Person {
                id: row.id,
                email: row.email.clone(),
                role: row.role.parse()?,
                state: row.state.parse()?,
                clinics: clinics.get(&row.id).cloned().unwrap_or_default(),
            };
            Ok((row.email, person))
        })
        .collect()
}
