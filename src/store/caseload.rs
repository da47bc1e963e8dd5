//! What the caseload page lists: one row a patient, read from summaries, never from the history.

use super::schema::{clinic, episode, episode_scale, flag, patient, staff};
use super::{Fault, Tx};
use crate::domain::access::{Permit, Reach};
use crate::domain::ids::{EpisodeId, PatientId};
use crate::domain::risk::FlagState;
use crate::store::patient::EpisodeRow;
use crate::store::response::EpisodeScaleRow;
use chrono::NaiveDateTime;
use diesel::prelude::*;

/// A patient with an open episode.
#[derive(Debug, Clone, Queryable)]
pub struct CaseRow {
    /// The patient's id.
    pub patient_id: PatientId,
    /// Their id in the site's other systems.
    pub external_id: String,
    /// Their name.
    pub name: String,
    /// The open episode.
    pub episode: EpisodeRow,
    /// The clinic's name.
    pub clinic: String,
    /// The clinician's name.
    pub clinician: String,
}

/// The open episodes within the permit's reach.
///
/// # Errors
/// When the database fails.
pub fn open_cases(tx: &mut Tx, permit: &Permit, most: i64) -> Result<Vec<CaseRow>, Fault> {
    let all = episode::table
        .inner_join(
            patient::table.on(patient::org_id
                .eq(episode::org_id)
                .and(patient::id.eq(episode::patient_id))),
        )
        .inner_join(
            clinic::table.on(clinic::org_id
                .eq(episode::org_id)
                .and(clinic::id.eq(episode::clinic_id))),
        )
        .inner_join(
            staff::table.on(staff::org_id
                .eq(episode::org_id)
                .and(staff::id.eq(episode::clinician_id))),
        )
        .filter(
            episode::org_id
                .eq(permit.org())
                .and(episode::ended_on.is_null()),
        )
        .order(episode::id)
        .limit(most)
        .select((
            patient::id,
            patient::external_id,
            patient::name,
            episode::all_columns,
            clinic::name,
            staff::name,
        ));
    Ok(match permit.reach() {
        Reach::Everything => all.load(&mut tx.db)?,
        Reach::Clinics(clinics) => all
            .filter(episode::clinic_id.eq_any(clinics.to_vec()))
            .load(&mut tx.db)?,
    })
}

/// The summaries of open episodes within the permit's reach.
///
/// # Errors
/// When the database fails.
pub fn summaries(tx: &mut Tx, permit: &Permit) -> Result<Vec<EpisodeScaleRow>, Fault> {
    let all = episode_scale::table
        .inner_join(
            episode::table.on(episode::org_id
                .eq(episode_scale::org_id)
                .and(episode::id.eq(episode_scale::episode_id))),
        )
        .filter(
            episode::org_id
                .eq(permit.org())
                .and(episode::ended_on.is_null()),
        )
        .select(episode_scale::all_columns);
    Ok(match permit.reach() {
        Reach::Everything => all.load(&mut tx.db)?,
        Reach::Clinics(clinics) => all
            .filter(episode::clinic_id.eq_any(clinics.to_vec()))
            .load(&mut tx.db)?,
    })
}

/// The summaries of one episode of the permit's patient.
///
/// # Errors
/// When the database fails.
pub fn summaries_of(
    tx: &mut Tx,
    permit: &Permit,
    id: EpisodeId,
) -> Result<Vec<EpisodeScaleRow>, Fault> {
    Ok(episode_scale::table
        .filter(
            episode_scale::org_id
                .eq(permit.org())
                .and(episode_scale::episode_id.eq(id)),
        )
        .load(&mut tx.db)?)
}

/// Waiting flags by patient: tier, state and since when.
///
/// # Errors
/// When the database fails.
pub fn waiting_flags(
    tx: &mut Tx,
    permit: &Permit,
) -> Result<Vec<(PatientId, String, String, NaiveDateTime)>, Fault> {
    Ok(flag::table
        .filter(
            flag::org_id
                .eq(permit.org())
                .and(flag::state.ne(FlagState::Closed.word())),
        )
        .select((flag::patient_id, flag::tier, flag::state, flag::raised_at))
        .load(&mut tx.db)?)
}
