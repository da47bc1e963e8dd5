//! What an evaluation reads: the episodes of a period, each with its summary row on one scale, in pages, so that memory
//! stays the same however many there are. Never the history: no response and no score is looked at. What the rows add up
//! to is `domain::evaluation`.

use super::schema::{episode, episode_scale};
use super::{Fault, Tx};
use crate::domain::access::{Permit, Reach};
use crate::domain::ids::{ClinicId, EpisodeId, ProgramId};
use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;
use std::collections::HashMap;
use uuid::Uuid;

/// Ids of episodes in one page: a few megabytes of rows.
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
#[derive(Debug, Clone, PartialEq)]
pub struct EpisodeOnScale {
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
    while let Some(up_to) = page_end(tx, permit, after)? {
        let page = Page { after, up_to };
        let episodes = episodes(tx, permit, scope, page)?;
        if !episodes.is_empty() {
            let mut scores = scores(tx, permit, scope, page)?;
            for (id, mut row) in episodes {
                row.scores = scores.remove(&id);
                take(&row)?;
            }
        }
        after = up_to;
    }
    Ok(())
}

/// A stretch of ids: later than one, up to another.
#[derive(Debug, Clone, Copy)]
struct Page {
    after: EpisodeId,
    up_to: EpisodeId,
}

/// Where the page that begins after this id ends; `None` behind the last episode.
///
/// Pages are stretches of ids and not of matching rows, and their two halves are read by themselves and put together
/// here: each is a short walk along a primary key, whatever a database that has no statistics yet thinks of a join.
fn page_end(tx: &mut Tx, permit: &Permit, after: EpisodeId) -> Result<Option<EpisodeId>, Fault> {
    let later = episode::table
        .filter(episode::org_id.eq(permit.org()))
        .filter(episode::id.gt(after))
        .select(episode::id);
    let full = later
        .order(episode::id)
        .offset(PAGE - 1)
        .limit(1)
        .first(&mut tx.db)
        .optional()?;
    if full.is_some() {
        return Ok(full);
    }
    // Fewer than a page are left.
    Ok(later
        .order(episode::id.desc())
        .first(&mut tx.db)
        .optional()?)
}

type EpisodeCells = (
    EpisodeId,
    ClinicId,
    ProgramId,
    NaiveDate,
    Option<NaiveDate>,
    Option<String>,
);

fn episodes(
    tx: &mut Tx,
    permit: &Permit,
    scope: &Scope,
    page: Page,
) -> Result<Vec<(EpisodeId, EpisodeOnScale)>, Fault> {
    let started = episode::started_on.between(scope.from, scope.to);
    let ended = episode::ended_on.between(scope.from, scope.to);
    let all = episode::table
        .filter(episode::org_id.eq(permit.org()))
        .filter(episode::id.gt(page.after).and(episode::id.le(page.up_to)))
        .filter(started.or(ended.assume_not_null()))
        .order(episode::id)
        .select((
            episode::id,
            episode::clinic_id,
            episode::program_id,
            episode::started_on,
            episode::ended_on,
            episode::ending,
        ));
    let rows: Vec<EpisodeCells> = match permit.reach() {
        Reach::Everything => all.load(&mut tx.db)?,
        Reach::Clinics(clinics) => all
            .filter(episode::clinic_id.eq_any(clinics.to_vec()))
            .load(&mut tx.db)?,
    };
    Ok(rows.into_iter().map(without_scores).collect())
}

fn without_scores(cells: EpisodeCells) -> (EpisodeId, EpisodeOnScale) {
    let (id, clinic_id, program_id, started_on, ended_on, ending) = cells;
    let row = EpisodeOnScale {
        clinic_id,
        program_id,
        started_on,
        ended_on,
        ending,
        scores: None,
    };
    (id, row)
}

fn scores(
    tx: &mut Tx,
    permit: &Permit,
    scope: &Scope,
    page: Page,
) -> Result<HashMap<EpisodeId, FirstAndLast>, Fault> {
    let rows: Vec<(EpisodeId, FirstAndLast)> = episode_scale::table
        .filter(episode_scale::org_id.eq(permit.org()))
        .filter(episode_scale::episode_id.gt(page.after))
        .filter(episode_scale::episode_id.le(page.up_to))
        .filter(episode_scale::instrument.eq(&scope.instrument))
        .filter(episode_scale::scale.eq(&scope.scale))
        .select((
            episode_scale::episode_id,
            (
                episode_scale::n,
                episode_scale::first_value,
                episode_scale::first_at,
                episode_scale::last_value,
                episode_scale::last_at,
            ),
        ))
        .load(&mut tx.db)?;
    Ok(rows.into_iter().collect())
}
