//! People in: add a patient, open and end an episode of care, set its measurement plan. Files are read in `import`, pages in `web`; both end here.

use super::outlook::{Rules, look_again};
use super::raise_signals::go_with_care;
use super::set_plan::{self, PlanDetails};
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Permit, Role, Subject, decide};
use crate::domain::care::{AdministrationState, Ending};
use crate::domain::ids::{ClinicId, EpisodeId, OrgId, PatientId, ProgramId, StaffId};
use crate::domain::instrument::Sex;
use crate::domain::schedule::{PlanRole, is_after_the_end, local_day};
use crate::store::patient::{self, EpisodeRow, PatientRow};
use crate::store::staff::StaffState;
use crate::store::{Fault, Tx, administration, audit, fresh, organisation, plan, staff};
use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;

/// What is known of a patient when they come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatientDetails {
    /// Id in the site's other systems; unique here.
    pub external_id: String,
    /// Name.
    pub name: String,
    /// Where invitations go, if anywhere.
    pub email: Option<String>,
    /// Language tag; `en` or `es`.
    pub language: String,
    /// The zone they live in.
    pub time_zone: Tz,
    /// For norms that depend on it; `None` = nobody said.
    pub sex: Option<Sex>,
}

/// Where, in what and with whom an episode of care begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpisodeDetails {
    /// The clinic.
    pub clinic: ClinicId,
    /// The program.
    pub program: ProgramId,
    /// The responsible clinician.
    pub clinician: StaffId,
    /// First day.
    pub started_on: NaiveDate,
}

/// Why nobody was enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The external id belongs to somebody else already.
    Taken,
    /// The clinic is not one of this organisation's, or not one of the actor's.
    Clinic,
    /// No such program.
    Program,
    /// No such clinician, or they do not work in that clinic.
    Clinician,
    /// The plan cannot be kept.
    Plan(set_plan::Refusal),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::Taken => {
                f.write_str("a patient with this id is here already; look them up instead")
            }
            Refusal::Clinic => f.write_str("there is no such clinic among yours"),
            Refusal::Program => f.write_str("there is no such program"),
            Refusal::Clinician => f.write_str("there is no such clinician in that clinic"),
            Refusal::Plan(refusal) => write!(f, "{refusal}"),
        }
    }
}

/// Adds a patient with an open episode and, if wanted, a plan.
///
/// # Errors
/// See [`Refusal`]; nothing is stored then.
pub async fn add_patient(
    app: &App,
    actor: Actor,
    who: PatientDetails,
    care: EpisodeDetails,
    plans: Vec<PlanDetails>,
) -> Result<PatientId, Failure<Refusal>> {
    let (now, library) = (app.clock.now(), app.library);
    app.store
        .write(move |tx| {
            // Whoever adds somebody to a clinic must work there (or run the machine): the new patient's only clinic is that one.
            let id = fresh(now);
            let permit = decide(
                &actor,
                Action::EnrolPatient,
                Subject::Patient {
                    id,
                    clinics: vec![care.clinic],
                },
            )?;
            check_care(tx, permit.org(), &care)?;
            if patient::by_external_id(tx, &permit, &who.external_id)?.is_some() {
                return Err(Failure::Refused(Refusal::Taken));
            }
            let row = patient_row(permit.org(), id, &who, now);
            patient::add(tx, &permit, &row)?;
            let episode = open(tx, &permit, (id, who.time_zone), &care, now)?;
            let today = local_day(who.time_zone, now);
            for (position, details) in (0..).zip(&plans) {
                set_plan::check(tx, &permit, library, &details.instruments, now)
                    .map_err(in_plan)?;
                let role = PlanRole::Core;
                let row = set_plan::new_row(&episode, details, role, position, today, now);
                plan::add(tx, &permit, &row)?;
            }
            let rules = Rules::read(tx, library, permit.org(), now)?;
            look_again(tx, &rules, permit.org(), episode.id)?;
            audit::record(tx, &permit, "patient", Some(id), now)?;
            Ok(id)
        })
        .await
}

fn in_plan(failure: Failure<set_plan::Refusal>) -> Failure<Refusal> {
    match failure {
        Failure::Refused(refusal) => Failure::Refused(Refusal::Plan(refusal)),
        Failure::Denied(denied) => Failure::Denied(denied),
        Failure::Fault(fault) => Failure::Fault(fault),
    }
}

/// A patient as stored.
pub fn patient_row(
    org: OrgId,
    id: PatientId,
    who: &PatientDetails,
    now: NaiveDateTime,
) -> PatientRow {
    PatientRow {
        org_id: org,
        id,
        external_id: who.external_id.clone(),
        name: who.name.clone(),
        email: who.email.clone(),
        email_refused_at: None,
        language: who.language.clone(),
        time_zone: who.time_zone.name().to_owned(),
        created_at: now,
        changed_at: now,
        sex: who.sex.map(|sex| sex.word().to_owned()),
    }
}

/// Checks that clinic, program and clinician exist and belong together.
///
/// # Errors
/// See [`Refusal`].
pub fn check_care(tx: &mut Tx, org: OrgId, care: &EpisodeDetails) -> Result<(), Failure<Refusal>> {
    if !organisation::clinics(tx, org)?
        .iter()
        .any(|clinic| clinic.id == care.clinic)
    {
        return Err(Failure::Refused(Refusal::Clinic));
    }
    if !organisation::programs(tx, org)?
        .iter()
        .any(|program| program.id == care.program)
    {
        return Err(Failure::Refused(Refusal::Program));
    }
    if !treats_in(tx, org, care.clinician, care.clinic)? {
        return Err(Failure::Refused(Refusal::Clinician));
    }
    Ok(())
}

/// Whether this account is a clinician's who works in the clinic and has not left.
///
/// # Errors
/// When the database fails.
pub fn treats_in(
    tx: &mut Tx,
    org: OrgId,
    clinician: StaffId,
    clinic: ClinicId,
) -> Result<bool, Fault> {
    let all = staff::all(tx, org)?;
    let treats = all
        .iter()
        .find(|row| row.id == clinician)
        .is_some_and(|row| {
            let treats =
                [Role::Therapist.word(), Role::Supervisor.word()].contains(&row.role.as_str());
            treats && row.state != StaffState::Disabled.word()
        });
    Ok(treats && staff::clinics_of(tx, org, clinician)?.contains(&clinic))
}

/// Opens an episode, with what its program asks of everybody. Its dates are the caller's to look up.
///
/// # Errors
/// When the same one exists, or the database fails.
pub fn open(
    tx: &mut Tx,
    permit: &Permit,
    (patient, zone): (PatientId, Tz),
    care: &EpisodeDetails,
    now: NaiveDateTime,
) -> Result<EpisodeRow, Fault> {
    let row = EpisodeRow {
        org_id: permit.org(),
        id: fresh(now),
        patient_id: patient,
        clinic_id: care.clinic,
        program_id: care.program,
        clinician_id: care.clinician,
        started_on: care.started_on,
        ended_on: None,
        ending: None,
    };
    patient::open_episode(tx, permit, &row)?;
    set_plan::copy_program(tx, permit, &row, zone, now)?;
    Ok(row)
}

/// Gives an episode to another clinician. The signals that wait for the former one go with it; flags stay with whoever has them.
///
/// # Errors
/// When the database fails.
pub fn give_to(
    tx: &mut Tx,
    permit: &Permit,
    before: &EpisodeRow,
    clinician: StaffId,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let row = EpisodeRow {
        clinician_id: clinician,
        ..before.clone()
    };
    patient::change_episode(tx, permit, &row)?;
    go_with_care(tx, before, clinician, now)
}

/// Ends an episode; open forms of it are withdrawn, flags stay exactly as they are. What its plans ask at and after the end falls due from now on, unless
/// the patient died.
///
/// # Errors
/// When the database fails.
pub fn end_episode(
    tx: &mut Tx,
    permit: &Permit,
    rules: &Rules,
    row: &EpisodeRow,
) -> Result<(), Fault> {
    plan::take_turn(tx)?;
    patient::change_episode(tx, permit, row)?;
    let died = row.ending.as_deref() == Some(Ending::Died.word());
    withdraw_open_forms(tx, permit, row.id, rules.now, |occasion| {
        died || !is_after_the_end(occasion)
    })?;
    look_again(tx, rules, permit.org(), row.id)
}

fn withdraw_open_forms(
    tx: &mut Tx,
    permit: &Permit,
    episode: EpisodeId,
    now: NaiveDateTime,
    concerned: impl Fn(&str) -> bool,
) -> Result<(), Fault> {
    for form in administration::of_episode(tx, permit, episode)? {
        let waiting = [
            AdministrationState::Planned.word(),
            AdministrationState::Sent.word(),
        ]
        .contains(&form.state.as_str());
        if waiting
            && concerned(&form.occasion)
            && administration::end(
                tx,
                permit.org(),
                form.id,
                AdministrationState::Cancelled,
                now,
            )?
        {
            administration::revoke_links(tx, permit.org(), form.id, now)?;
        }
    }
    Ok(())
}
