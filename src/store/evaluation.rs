//! What an evaluation reads: the episodes of a period, each with its summary row on one scale, in pages, so that memory
//! stays the same however many there are. Never the history: no response and no score is looked at. What the rows add up
//! to is `domain::evaluation`.

use super::schema::{episode, episode_scale};
use super::{Fault, Tx};
use crate::domain::access::{Permit, Reach};
use crate::domain::ids::{ClinicId, EpisodeId, ProgramId};
use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;
use uuid::Uuid;

/// Episodes read at a time: about three megabytes.
const PAGE: i64 = 20_000;

/// Which episodes, and on which scale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// First day of the period.
    pub from: NaiveDate,
    /// Last day of the period.
    pub to: NaiveDate,
    /// Id of the instrument.
    pub instrument: String,
    /// Id of the scale.
    pub scale: String,
}

/// An episode that started or ended in the period. Nothing in it names a patient.
#[derive(Debug, Clone, PartialEq, Queryable)]
pub struct EpisodeOnScale {
    /// The episode.
    pub id: EpisodeId,
    /// Where.
    pub clinic_id: ClinicId,
    /// In which program.
    pub program_id: ProgramId,
    /// First day.
    pub started_on: NaiveDate,
    /// Last day, once it ended.
    pub ended_on: Option<NaiveDate>,
    /// How it ended: an `Ending`'s word.
    pub ending: Option<String>,
    /// Its scores on the scale; `None` when there are none.
    pub scores: Option<FirstAndLast>,
}

/// What the summary row says about an episode's scores on a scale.
#[derive(Debug, Clone, PartialEq, Queryable)]
pub struct FirstAndLast {
    /// How many scores there are.
    pub n: i32,
    /// The first score, in points.
    pub first_value: f64,
    /// When, UTC.
    pub first_at: NaiveDateTime,
    /// The last score, in points.
    pub last_value: f64,
    /// When, UTC.
    pub last_at: NaiveDateTime,
}

/// Hands every episode in scope and within the permit's reach to `take`, in the order of their ids, those without a score
/// too. To be called in a snapshot: otherwise an episode that changes meanwhile may be half in.
///
/// # Errors
/// What `take` returned, or the database's fault.
pub fn each_episode(
    tx: &mut Tx,
    permit: &Permit,
    scope: &Scope,
    take: &mut dyn FnMut(&EpisodeOnScale) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut after = EpisodeId::from_uuid(Uuid::nil());
    loop {
        let page = page(tx, permit, scope, after)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = last.id;
        page.iter().try_for_each(&mut *take)?;
    }
}

fn page(
    tx: &mut Tx,
    permit: &Permit,
    scope: &Scope,
    after: EpisodeId,
) -> Result<Vec<EpisodeOnScale>, Fault> {
    // The summary's own `episode_id > after` says nothing new; it lets a merge begin where the page begins.
    let on_scale = episode_scale::org_id
        .eq(episode::org_id)
        .and(episode_scale::episode_id.eq(episode::id))
        .and(episode_scale::instrument.eq(&scope.instrument))
        .and(episode_scale::scale.eq(&scope.scale))
        .and(episode_scale::episode_id.gt(after));
    let started = episode::started_on.between(scope.from, scope.to);
    let ended = episode::ended_on.between(scope.from, scope.to);
    let all = episode::table
        .left_join(episode_scale::table.on(on_scale))
        .filter(episode::org_id.eq(permit.org()))
        .filter(episode::id.gt(after))
        .filter(started.or(ended.assume_not_null()))
        .order(episode::id)
        .limit(PAGE)
        .select((
            episode::id,
            episode::clinic_id,
            episode::program_id,
            episode::started_on,
            episode::ended_on,
            episode::ending,
            (
                episode_scale::n,
                episode_scale::first_value,
                episode_scale::first_at,
                episode_scale::last_value,
                episode_scale::last_at,
            )
                .nullable(),
        ));
    Ok(match permit.reach() {
        Reach::Everything => all.load(&mut tx.db)?,
        Reach::Clinics(clinics) => all
            .filter(episode::clinic_id.eq_any(clinics.to_vec()))
            .load(&mut tx.db)?,
    })
}
