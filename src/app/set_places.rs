//! The organisation's clinics and programs, as an administrator adds and names them. A file of patients brings new ones too (`import`).

use super::{App, Failure};
use crate::domain::access::{Action, Actor, Subject, decide};
use crate::store::organisation::{self, ClinicRow, ProgramRow};
use crate::store::{Tx, audit, fresh};

/// Which kind of place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A clinic.
    Clinic,
    /// A program.
    Program,
}

/// The longest name and the longest id, in characters; as in a file.
const NAME_MOST: usize = 200;
const ID_MOST: usize = 100;

/// Why nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The name is empty or too long.
    Name,
    /// The id is empty, too long, or has spaces.
    Id,
    /// The id is taken.
    Taken,
    /// There is none with that id.
    Unknown,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Refusal::Name => "Write a name of 1 to 200 characters.",
            Refusal::Id => "Write an id of 1 to 100 characters without spaces.",
            Refusal::Taken => "This id is taken. Choose another one.",
            Refusal::Unknown => "There is none with this id any more. Look at the page anew.",
        })
    }
}

/// All of them, by name.
#[derive(Debug, Clone)]
pub struct Places {
    /// The organisation's name.
    pub organisation: String,
    /// The clinics.
    pub clinics: Vec<ClinicRow>,
    /// The programs.
    pub programs: Vec<ProgramRow>,
}

/// Reads them. No patient is named.
///
/// # Errors
/// Denied unless the account administers.
pub async fn read_places(app: &App, actor: Actor) -> Result<Places, Failure<Refusal>> {
    app.store
        .read(move |tx| {
            let permit = decide(&actor, Action::Administer, Subject::Organisation)?;
            let own = organisation::only(tx)?;
            Ok(Places {
                organisation: own.map(|row| row.name).unwrap_or_default(),
                clinics: organisation::clinics(tx, permit.org())?,
                programs: organisation::programs(tx, permit.org())?,
            })
        })
        .await
}

/// Adds one. `external_id` is what files call it.
///
/// # Errors
/// See [`Refusal`]; nothing is stored then.
pub async fn add_place(
    app: &App,
    actor: Actor,
    place: Place,
    external_id: String,
    name: String,
) -> Result<(), Failure<Refusal>> {
    let now = app.clock.now();
    check_name(&name).map_err(Failure::Refused)?;
    check_id(&external_id).map_err(Failure::Refused)?;
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::Administer, Subject::Organisation)?;
            let org_id = permit.org();
            match place {
                Place::Clinic => {
                    let known = organisation::clinics(tx, org_id)?;
                    refuse_taken(known.iter().any(|row| row.external_id == external_id))?;
                    let row = ClinicRow {
                        org_id,
                        id: fresh(now),
                        external_id,
                        name,
                    };
                    organisation::add_clinic(tx, &row)?;
                    audit::record(tx, &permit, "clinic", Some(row.id), now)?;
                }
                Place::Program => {
                    let known = organisation::programs(tx, org_id)?;
                    refuse_taken(known.iter().any(|row| row.external_id == external_id))?;
                    let row = ProgramRow {
                        org_id,
                        id: fresh(now),
                        external_id,
                        name,
                    };
                    organisation::add_program(tx, &row)?;
                    audit::record(tx, &permit, "program", Some(row.id), now)?;
                }
            }
            Ok(())
        })
        .await
}

fn refuse_taken(is_taken: bool) -> Result<(), Failure<Refusal>> {
    match is_taken {
        true => Err(Failure::Refused(Refusal::Taken)),
        false => Ok(()),
    }
}

/// Gives one another name. `external_id` stays: files know it by that.
///
/// # Errors
/// See [`Refusal`]; nothing is stored then.
pub async fn rename_place(
    app: &App,
    actor: Actor,
    place: Place,
    external_id: String,
    name: String,
) -> Result<(), Failure<Refusal>> {
    let now = app.clock.now();
    check_name(&name).map_err(Failure::Refused)?;
    app.store
        .write(move |tx: &mut Tx| {
            let permit = decide(&actor, Action::Administer, Subject::Organisation)?;
            let unknown = Failure::Refused(Refusal::Unknown);
            match place {
                Place::Clinic => {
                    let known = organisation::clinics(tx, permit.org())?;
                    let row = known.iter().find(|row| row.external_id == external_id);
                    let id = row.ok_or(unknown)?.id;
                    organisation::rename_clinic(tx, permit.org(), id, &name)?;
                    audit::record(tx, &permit, "clinic", Some(id), now)?;
                }
                Place::Program => {
                    let known = organisation::programs(tx, permit.org())?;
                    let row = known.iter().find(|row| row.external_id == external_id);
                    let id = row.ok_or(unknown)?.id;
                    organisation::rename_program(tx, permit.org(), id, &name)?;
                    audit::record(tx, &permit, "program", Some(id), now)?;
                }
            }
            Ok(())
        })
        .await
}

/// Gives the organisation another name. Its zone stays: days that were counted would be others.
///
/// # Errors
/// See [`Refusal`]; nothing is stored then.
pub async fn rename_organisation(
    app: &App,
    actor: Actor,
    name: String,
) -> Result<(), Failure<Refusal>> {
    let now = app.clock.now();
    check_name(&name).map_err(Failure::Refused)?;
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::Administer, Subject::Organisation)?;
            let row = organisation::only(tx)?.ok_or(Failure::Refused(Refusal::Unknown))?;
            organisation::rename(tx, row.id, &name, &row.time_zone)?;
            audit::record(tx, &permit, "organisation", Some(row.id), now)?;
            Ok(())
        })
        .await
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let length = name.chars().count();
    let is_good = (1..=NAME_MOST).contains(&length) && !name.chars().any(char::is_control);
    is_good.then_some(()).ok_or(Refusal::Name)
}

fn check_id(id: &str) -> Result<(), Refusal> {
    let odd = |c: char| c.is_control() || c.is_whitespace();
    let is_good = (1..=ID_MOST).contains(&id.chars().count()) && !id.chars().any(odd);
    is_good.then_some(()).ok_or(Refusal::Id)
}
