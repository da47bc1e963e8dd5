//! People in: add a patient, open and end an episode of care, set its measurement plan. Files are read in `import`, pages in `web`; both end here.

use super::{App, Failure, give_form};
use crate::domain::access::{Action, Actor, Permit, Subject, decide};
use crate::domain::care::{AdministrationState, SessionState};
use crate::domain::ids::{ClinicId, EpisodeId, OrgId, PatientId, ProgramId, StaffId};
use crate::domain::instrument::{Library, Sex};
use crate::domain::schedule::PlanRole;
use crate::domain::schedule::{Cadence, next_occasion};
use crate::store::patient::{self, EpisodeRow, PatientRow};
use crate::store::plan::{self, PlanRow, SessionRow};
use crate::store::{Fault, Tx, administration, audit, fresh, organisation, staff};
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

/// What to ask, how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanDetails {
    /// Instrument ids, in order of asking.
    pub instruments: Vec<String>,
    /// How often.
    pub cadence: Cadence,
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
    Plan(give_form::Refusal),
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
            let episode = open(tx, &permit, id, &care, now)?;
            for details in &plans {
                set_plan(tx, &permit, library, &episode, who.time_zone, details, now)?;
            }
            audit::record(tx, &permit, "patient", Some(id), now)?;
            Ok(id)
        })
        .await
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
    if !staff::clinics_of(tx, org, care.clinician)?.contains(&care.clinic) {
        return Err(Failure::Refused(Refusal::Clinician));
    }
    Ok(())
}

/// Opens an episode.
///
/// # Errors
/// When the same one exists, or the database fails.
pub fn open(
    tx: &mut Tx,
    permit: &Permit,
    patient: PatientId,
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
    Ok(row)
}

/// Adds a plan to an episode and works out when it first falls due.
///
/// # Errors
/// Refuses unknown instruments, those that may not be used here, and risky ones that nobody licensed would read.
pub fn set_plan(
    tx: &mut Tx,
    permit: &Permit,
    library: &Library,
    episode: &EpisodeRow,
    zone: Tz,
    details: &PlanDetails,
    now: NaiveDateTime,
) -> Result<(), Failure<Refusal>> {
    let refused = |refusal| Failure::Refused(Refusal::Plan(refusal));
    let battery = give_form::battery(library, &details.instruments).map_err(refused)?;
    give_form::require_permission(tx, permit, library, &battery, now)
        .and_then(|()| give_form::require_reader(tx, permit, library, &battery))
        .map_err(|failure| match failure {
            Failure::Refused(refusal) => refused(refusal),
            Failure::Denied(denied) => Failure::Denied(denied),
            Failure::Fault(fault) => Failure::Fault(fault),
        })?;
    let row = PlanRow {
        org_id: permit.org(),
        id: fresh(now),
        episode_id: episode.id,
        instruments: details.instruments.join(" "),
        cadence: details.cadence.to_string(),
        anchor: episode.started_on,
        next_due_at: None,
        role: PlanRole::Core.word().into(),
        position: 0,
        step: None,
        program_plan_id: None,
        ended_at: None,
    };
    plan::add(tx, permit, &row)?;
    plan_next(tx, &row, zone, now)?;
    Ok(())
}

/// Works out anew when a plan falls due next, and stores it.
///
/// # Errors
/// When the database fails.
pub fn plan_next(tx: &mut Tx, row: &PlanRow, zone: Tz, now: NaiveDateTime) -> Result<(), Fault> {
    let cadence: Cadence = row
        .cadence
        .parse()
        .map_err(|e: crate::domain::schedule::BadCadence| Fault::Corrupt(e.to_string()))?;
    let sessions = match cadence {
        Cadence::BeforeSession { .. } => plan::sessions_ahead(tx, row.org_id, row.episode_id, now)?,
        Cadence::EveryWeeks { .. } => vec![],
    };
    let asked = plan::occasions(tx, row.org_id, row.episode_id)?;
    let asked_for = |name: &str| asked.iter().any(|known| known == name);
    let next = next_occasion(cadence, row.anchor, zone, &sessions, &asked_for, now);
    plan::set_next(tx, row.org_id, row.id, next.map(|occasion| occasion.due_at))
}

/// What a file or page said about a session changed something: adds or changes it, withdraws a form that hung on a cancelled one, and plans
/// anew. `existing` is the session as it is stored.
///
/// # Errors
/// When the database fails.
pub fn put_session(
    tx: &mut Tx,
    permit: &Permit,
    existing: Option<&SessionRow>,
    row: &SessionRow,
    zone: Tz,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    write_session(tx, permit, existing, row, now)?;
    for known in plan::of_episode(tx, permit.org(), row.episode_id)? {
        plan_next(tx, &known, zone, now)?;
    }
    Ok(())
}

/// As [`put_session`], without planning anew: for a file of many sessions, after which each episode is planned once.
///
/// # Errors
/// When the database fails.
pub fn write_session(
    tx: &mut Tx,
    permit: &Permit,
    existing: Option<&SessionRow>,
    row: &SessionRow,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    match existing {
        Some(_) => plan::change_session(tx, permit, row)?,
        None => plan::add_session(tx, permit, row)?,
    }
    let moved = existing.is_some_and(|before| before.starts_at != row.starts_at);
    if row.state == SessionState::Cancelled.word() || moved {
        withdraw_form(tx, permit.org(), row, now)?;
    }
    Ok(())
}

/// A form that was made for this session and not begun is withdrawn; one that a patient has begun is left to them.
fn withdraw_form(
    tx: &mut Tx,
    org: OrgId,
    session: &SessionRow,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let occasion = format!("session {}", session.id);
    let Some(form) = administration::by_occasion(tx, org, session.episode_id, &occasion)? else {
        return Ok(());
    };
    let untouched = [
        AdministrationState::Planned.word(),
        AdministrationState::Sent.word(),
    ]
    .contains(&form.state.as_str());
    if untouched && session.state == SessionState::Cancelled.word() {
        administration::end(tx, org, form.id, AdministrationState::Cancelled, now)?;
        administration::revoke_links(tx, org, form.id, now)?;
    }
    Ok(())
}

/// Ends an episode; open forms of it are withdrawn, flags stay exactly as they are.
///
/// # Errors
/// When the database fails.
pub fn end_episode(
    tx: &mut Tx,
    permit: &Permit,
    row: &EpisodeRow,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    patient::change_episode(tx, permit, row)?;
    withdraw_open_forms(tx, permit, row.id, now)?;
    for known in plan::of_episode(tx, permit.org(), row.id)? {
        plan::set_next(tx, permit.org(), known.id, None)?;
    }
    Ok(())
}

fn withdraw_open_forms(
    tx: &mut Tx,
    permit: &Permit,
    episode: EpisodeId,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    for form in administration::of_episode(tx, permit, episode)? {
        let waiting = [
            AdministrationState::Planned.word(),
            AdministrationState::Sent.word(),
        ]
        .contains(&form.state.as_str());
        if waiting
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
