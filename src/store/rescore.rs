//! Scores made anew: who asked for it and why, which response got which revision, and the pages of episodes in which it is done.
//! Nothing that was scored before is changed; only an episode's summary, which is no record but a short cut, is written again.

use super::response::{EpisodeScaleRow, ResponseRow, ScoreRow};
use super::schema::{
    administration, episode, episode_scale, patient, rescore, rescored, response, score, staff,
};
use super::{Fault, Tx};
use crate::domain::access::Permit;
use crate::domain::care::ResponseState;
use crate::domain::ids::{
    AdministrationId, EpisodeId, InformantId, OrgId, RescoreId, ResponseId, StaffId,
};
use crate::domain::submission::is_of_course;
use chrono::NaiveDateTime;
use diesel::prelude::*;
use std::collections::HashSet;

/// One run of scoring anew.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = rescore)]
pub struct RescoreRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Id.
    pub id: RescoreId,
    /// Which instrument.
    pub instrument: String,
    /// The version in which the responses were given; `None` = all.
    pub from_version: Option<String>,
    /// The version whose rules score them.
    pub to_version: String,
    /// SHA-256 of that version's definition.
    pub fingerprint: String,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub author_id: StaffId,
    /// When it began, UTC.
    pub started_at: NaiveDateTime,
}

/// The revision of a response's scores that a rescore made.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = rescored)]
pub struct RescoredRow {
    /// Organisation.
    pub org_id: OrgId,
    /// The response.
    pub response_id: ResponseId,
    /// The revision of its scores.
    pub revision: i32,
    /// Which rescore made it.
    pub rescore_id: RescoreId,
    /// What came of the criteria, as JSON.
    pub criteria: String,
}

/// Some episodes with everything that was answered to one instrument in them.
#[derive(Debug)]
pub struct Page {
    /// The episodes, in order, with their patients' ids in the site's other systems.
    pub episodes: Vec<(EpisodeId, String)>,
    /// What was handed in, oldest first.
    pub responses: Vec<ResponseRow>,
    /// All scores of those, in every revision.
    pub scores: Vec<ScoreRow>,
    /// What was scored anew before.
    pub rescored: Vec<RescoredRow>,
    /// The occasions whose scores count for the summaries.
    pub of_course: HashSet<AdministrationId>,
    /// The summaries as they are.
    pub summaries: Vec<EpisodeScaleRow>,
}

/// What has scores: what counts, and what was entered in error, for that can be taken back.
const HANDED_IN: [&str; 2] = [
    ResponseState::Completed.word(),
    ResponseState::EnteredInError.word(),
];

/// The next episodes in which something was handed in to this instrument.
///
/// # Errors
/// When the database fails.
pub fn episodes_after(
    tx: &mut Tx,
    permit: &Permit,
    instrument: &str,
    after: Option<EpisodeId>,
    most: i64,
) -> Result<Vec<EpisodeId>, Fault> {
    let from = after.map_or_else(Vec::new, |id| id.bytes().to_vec());
    Ok(response::table
        .filter(
            response::org_id
                .eq(permit.org())
                .and(response::episode_id.gt(from)),
        )
        .filter(response::instrument.eq(instrument))
        .filter(response::state.eq_any(HANDED_IN))
        .group_by(response::episode_id)
        .order(response::episode_id)
        .limit(most)
        .select(response::episode_id)
        .load(&mut tx.db)?)
}

/// Keeps answers to these episodes from coming in until this transaction ends: a summary is made from all of them.
///
/// # Errors
/// When the database fails.
pub fn lock(tx: &mut Tx, org: OrgId, episodes: &[EpisodeId]) -> Result<(), Fault> {
    episodes
        .iter()
        .try_for_each(|id| tx.lock_row("episode", org.bytes(), id.bytes()))
}

/// Everything about these episodes that scoring anew looks at.
///
/// # Errors
/// When the database fails.
pub fn page(
    tx: &mut Tx,
    permit: &Permit,
    instrument: &str,
    episodes: &[EpisodeId],
) -> Result<Page, Fault> {
    let org = permit.org();
    let handed_in = response::org_id
        .eq(org)
        .and(response::episode_id.eq_any(episodes.to_vec()))
        .and(response::instrument.eq(instrument.to_owned()))
        .and(response::state.eq_any(HANDED_IN));
    Ok(Page {
        of_course: of_course(tx, org, episodes)?,
        summaries: episode_scale::table
            .filter(
                episode_scale::org_id
                    .eq(org)
                    .and(episode_scale::episode_id.eq_any(episodes.to_vec()))
                    .and(episode_scale::instrument.eq(instrument)),
            )
            .load(&mut tx.db)?,
        episodes: episode::table
            .inner_join(
                patient::table.on(patient::org_id
                    .eq(episode::org_id)
                    .and(patient::id.eq(episode::patient_id))),
            )
            .filter(
                episode::org_id
                    .eq(org)
                    .and(episode::id.eq_any(episodes.to_vec())),
            )
            .order(episode::id)
            .select((episode::id, patient::external_id))
            .load(&mut tx.db)?,
        responses: response::table
            .filter(handed_in.clone())
            .order((response::completed_at, response::id))
            .load(&mut tx.db)?,
        scores: score::table
            .inner_join(
                response::table.on(response::org_id
                    .eq(score::org_id)
                    .and(response::id.eq(score::response_id))),
            )
            .filter(handed_in.clone())
            .select(score::all_columns)
            .load(&mut tx.db)?,
        rescored: rescored::table
            .inner_join(
                response::table.on(response::org_id
                    .eq(rescored::org_id)
                    .and(response::id.eq(rescored::response_id))),
            )
            .filter(handed_in)
            .select(rescored::all_columns)
            .load(&mut tx.db)?,
    })
}

/// The occasions of these episodes whose scores count for their summaries.
fn of_course(
    tx: &mut Tx,
    org: OrgId,
    episodes: &[EpisodeId],
) -> Result<HashSet<AdministrationId>, Fault> {
    let rows: Vec<(AdministrationId, String, Option<InformantId>)> = administration::table
        .filter(
            administration::org_id
                .eq(org)
                .and(administration::episode_id.eq_any(episodes.to_vec())),
        )
        .select((
            administration::id,
            administration::occasion,
            administration::informant_id,
        ))
        .load(&mut tx.db)?;
    Ok(rows
        .into_iter()
        .filter(|(_, occasion, informant)| is_of_course(occasion, *informant))
        .map(|(id, ..)| id)
        .collect())
}

/// Writes down that a rescore began.
///
/// # Errors
/// When the database fails.
pub fn begin(tx: &mut Tx, _: &Permit, row: &RescoreRow) -> Result<(), Fault> {
    diesel::insert_into(rescore::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// Writes down which revision of a response's scores it made.
///
/// # Errors
/// When that revision exists, or the database fails.
pub fn add(tx: &mut Tx, _: &Permit, row: &RescoredRow) -> Result<(), Fault> {
    diesel::insert_into(rescored::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// Puts an episode's summaries of one instrument in the place of those that were there.
///
/// # Errors
/// When the database fails.
pub fn replace_summaries(
    tx: &mut Tx,
    permit: &Permit,
    episode: EpisodeId,
    instrument: &str,
    rows: &[EpisodeScaleRow],
) -> Result<(), Fault> {
    diesel::delete(
        episode_scale::table.filter(
            episode_scale::org_id
                .eq(permit.org())
                .and(episode_scale::episode_id.eq(episode))
                .and(episode_scale::instrument.eq(instrument)),
        ),
    )
    .execute(&mut tx.db)?;
    rows.iter()
        .try_for_each(|row| super::response::add_summary(tx, row))
}

/// What was scored anew in an episode, the newest revision last, each with its reason and its author's name.
///
/// # Errors
/// When the database fails.
pub fn of_episode(
    tx: &mut Tx,
    permit: &Permit,
    id: EpisodeId,
) -> Result<Vec<(RescoredRow, String, String)>, Fault> {
    Ok(rescored::table
        .inner_join(
            rescore::table.on(rescore::org_id
                .eq(rescored::org_id)
                .and(rescore::id.eq(rescored::rescore_id))),
        )
        .inner_join(
            staff::table.on(staff::org_id
                .eq(rescore::org_id)
                .and(staff::id.eq(rescore::author_id))),
        )
        .inner_join(
            response::table.on(response::org_id
                .eq(rescored::org_id)
                .and(response::id.eq(rescored::response_id))),
        )
        .filter(
            response::org_id
                .eq(permit.org())
                .and(response::episode_id.eq(id)),
        )
        .order(rescored::revision)
        .select((rescored::all_columns, rescore::reason, staff::name))
        .load(&mut tx.db)?)
}
