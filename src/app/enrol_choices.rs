//! What somebody may choose from when they add a patient: their clinics, the programs, the clinicians there, the instruments. Adding is `enrol`.

use super::permit_instrument::OnRecord;
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Reach, Subject, decide};
use crate::domain::ids::{ClinicId, ProgramId, StaffId};
use crate::domain::instrument::ENGLISH;
use crate::domain::risk::Candidate;
use crate::domain::schedule::local_day;
use crate::store::staff::StaffRow;
use crate::store::{organisation, staff};
use chrono::NaiveDate;
use chrono_tz::Tz;

/// The choices, each with its name.
#[derive(Debug, Clone)]
pub struct Choices {
    /// Clinics within the actor's reach.
    pub clinics: Vec<(ClinicId, String)>,
    /// All programs.
    pub programs: Vec<(ProgramId, String)>,
    /// Clinicians who work in one of those clinics: name and clinics in words.
    pub clinicians: Vec<(StaffId, String)>,
    /// Instruments that may be used here today: id and the name clinicians use.
    pub instruments: Vec<(String, String)>,
    /// The site's zone.
    pub zone: Tz,
    /// Today, there.
    pub today: NaiveDate,
}

/// Why there are none: never the domain's doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {}

impl std::fmt::Display for Refusal {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {}
    }
}

/// The choices for this actor. Nothing about any patient is read.
///
/// # Errors
/// Denied when the account adds no patients.
pub async fn enrol_choices(app: &App, actor: Actor) -> Result<Choices, Failure<Refusal>> {
    let (now, library) = (app.clock.now(), app.library);
    app.store
        .read(move |tx| {
            let permit = decide(&actor, Action::EnrolPatient, Subject::Organisation)?;
            let clinics: Vec<(ClinicId, String)> = organisation::clinics(tx, permit.org())?
                .into_iter()
                .map(|clinic| (clinic.id, clinic.name))
                .filter(|(id, _)| reaches(permit.reach(), *id))
                .collect();
            let programs = organisation::programs(tx, permit.org())?
                .into_iter()
                .map(|row| (row.id, row.name))
                .collect();
            let people = staff::all(tx, permit.org())?;
            let clinicians = clinicians(&people, &staff::candidates(tx, permit.org())?, &clinics);
            let on_record = OnRecord::read(tx, permit.org(), now)?;
            let instruments = on_record
                .usable(library)
                .map(|known| {
                    (
                        known.id.clone(),
                        known.texts_or_english(ENGLISH).short_name.clone(),
                    )
                })
                .collect();
            let zone = organisation::only(tx)?
                .and_then(|row| row.time_zone.parse().ok())
                .unwrap_or(chrono_tz::UTC);
            Ok(Choices {
                clinics,
                programs,
                clinicians,
                instruments,
                zone,
                today: local_day(zone, now),
            })
        })
        .await
}

fn reaches(reach: Reach<'_>, clinic: ClinicId) -> bool {
    match reach {
        Reach::Everything => true,
        Reach::Clinics(clinics) => clinics.contains(&clinic),
    }
}

/// Everybody active who treats patients in one of these clinics. Without a licence one may still be a clinician: flags then go to the next in line.
fn clinicians(
    people: &[StaffRow],
    places: &[Candidate],
    clinics: &[(ClinicId, String)],
) -> Vec<(StaffId, String)> {
    use crate::domain::access::Role;
    use crate::store::staff::StaffState;
    let treats = |row: &&StaffRow| {
        row.state == StaffState::Active.word()
            && [Role::Therapist.word(), Role::Supervisor.word()].contains(&row.role.as_str())
    };
    people
        .iter()
        .filter(treats)
        .filter_map(|row| {
            let place = places.iter().find(|place| place.id == row.id)?;
            let names: Vec<&str> = clinics
                .iter()
                .filter(|(id, _)| place.clinics.contains(id))
                .map(|(_, name)| name.as_str())
                .collect();
            (!names.is_empty()).then(|| (row.id, format!("{}, {}", row.name, names.join(" and "))))
        })
        .collect()
}
