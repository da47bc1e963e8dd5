//! What `attune verify` reads: whole pages of episodes with everything that hangs on them. The rules themselves are `app::verify`.

use super::schema::{
    administration, audit_event, closing, episode, episode_scale, flag, flag_act, flag_answer,
    outbox, rescored, response, score, staff, task,
};
use super::{Fault, Tx, in_error};
use crate::domain::ids::{AdministrationId, EpisodeId, FlagId, OrgId, StaffId};
use crate::store::administration::AdministrationRow;
use crate::store::flag::{FlagAnswerRow, FlagRow};
use crate::store::rescore::RescoredRow;
use crate::store::response::{EpisodeScaleRow, ResponseRow, ScoreRow};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use std::collections::HashSet;

/// Everything that hangs on a page of episodes.
#[derive(Debug)]
pub struct Page {
    /// The episodes, in order.
    pub episodes: Vec<EpisodeId>,
    /// Their administrations.
    pub administrations: Vec<AdministrationRow>,
    /// Their responses.
    pub responses: Vec<ResponseRow>,
    /// The scores of those.
    pub scores: Vec<ScoreRow>,
    /// Which revisions of those a rescore made.
    pub rescored: Vec<RescoredRow>,
    /// Their summaries.
    pub summaries: Vec<EpisodeScaleRow>,
    /// Their flags.
    pub flags: Vec<FlagRow>,
    /// The answers that belong to those.
    pub flag_answers: Vec<FlagAnswerRow>,
    /// What was done to them.
    pub flag_acts: Vec<ActRow>,
    /// Their assessments: of which flag, by whom, when.
    pub closings: Vec<(FlagId, StaffId, NaiveDateTime)>,
    /// The occasions whose answers somebody marked as entered in error.
    pub in_error: Vec<AdministrationId>,
}

/// An act on a flag, without its words.
#[derive(Debug, Clone, Queryable)]
pub struct ActRow {
    /// The flag.
    pub flag_id: FlagId,
    /// An `Act`'s word.
    pub act: String,
    /// By or to whom.
    pub staff_id: Option<StaffId>,
    /// When.
    pub at: NaiveDateTime,
}

/// The next page of episodes after this one; `None` behind the last.
///
/// # Errors
/// When the database fails.
pub fn page(
    tx: &mut Tx,
    org: OrgId,
    after: Option<EpisodeId>,
    most: i64,
) -> Result<Option<Page>, Fault> {
    let from = after.map_or_else(Vec::new, |id| id.bytes().to_vec());
    let episodes: Vec<EpisodeId> = episode::table
        .filter(episode::org_id.eq(org).and(episode::id.gt(from)))
        .order(episode::id)
        .limit(most)
        .select(episode::id)
        .load(&mut tx.db)?;
    if episodes.is_empty() {
        return Ok(None);
    }
    let scores = score::table
        .inner_join(
            response::table.on(response::org_id
                .eq(score::org_id)
                .and(response::id.eq(score::response_id))),
        )
        .filter(
            response::org_id
                .eq(org)
                .and(response::episode_id.eq_any(episodes.clone())),
        )
        .select(score::all_columns)
        .load(&mut tx.db)?;
    Ok(Some(Page {
        in_error: in_error::marked(tx, org, &episodes)?,
        administrations: administration::table
            .filter(
                administration::org_id
                    .eq(org)
                    .and(administration::episode_id.eq_any(episodes.clone())),
            )
            .load(&mut tx.db)?,
        responses: response::table
            .filter(
                response::org_id
                    .eq(org)
                    .and(response::episode_id.eq_any(episodes.clone())),
            )
            .load(&mut tx.db)?,
        scores,
        rescored: rescored::table
            .inner_join(
                response::table.on(response::org_id
                    .eq(rescored::org_id)
                    .and(response::id.eq(rescored::response_id))),
            )
            .filter(
                response::org_id
                    .eq(org)
                    .and(response::episode_id.eq_any(episodes.clone())),
            )
            .select(rescored::all_columns)
            .load(&mut tx.db)?,
        summaries: episode_scale::table
            .filter(
                episode_scale::org_id
                    .eq(org)
                    .and(episode_scale::episode_id.eq_any(episodes.clone())),
            )
            .load(&mut tx.db)?,
        flag_answers: flag_answer::table
            .inner_join(
                flag::table.on(flag::org_id
                    .eq(flag_answer::org_id)
                    .and(flag::id.eq(flag_answer::flag_id))),
            )
            .filter(
                flag::org_id
                    .eq(org)
                    .and(flag::episode_id.eq_any(episodes.clone())),
            )
            .select(flag_answer::all_columns)
            .load(&mut tx.db)?,
        flag_acts: flag_act::table
            .inner_join(
                flag::table.on(flag::org_id
                    .eq(flag_act::org_id)
                    .and(flag::id.eq(flag_act::flag_id))),
            )
            .filter(
                flag::org_id
                    .eq(org)
                    .and(flag::episode_id.eq_any(episodes.clone())),
            )
            .select((
                flag_act::flag_id,
                flag_act::act,
                flag_act::staff_id,
                flag_act::at,
            ))
            .load(&mut tx.db)?,
        closings: closing::table
            .inner_join(
                flag::table.on(flag::org_id
                    .eq(closing::org_id)
                    .and(flag::id.eq(closing::flag_id))),
            )
            .filter(
                flag::org_id
                    .eq(org)
                    .and(flag::episode_id.eq_any(episodes.clone())),
            )
            .select((closing::flag_id, closing::staff_id, closing::at))
            .load(&mut tx.db)?,
        flags: flag::table
            .filter(
                flag::org_id
                    .eq(org)
                    .and(flag::episode_id.eq_any(episodes.clone())),
            )
            .load(&mut tx.db)?,
        episodes,
    }))
}

/// The flags that some message is about.
///
/// # Errors
/// When the database fails.
pub fn notified_flags(tx: &mut Tx, org: OrgId) -> Result<IdSet, Fault> {
    Ok(outbox::table
        .filter(outbox::org_id.eq(org).and(outbox::kind.eq("flag_notice")))
        .select(outbox::subject_id)
        .load(&mut tx.db)?
        .into_iter()
        .collect())
}

/// The administrations whose answers were handed in or recorded by staff, according to the audit.
///
/// # Errors
/// When the database fails.
pub fn audited_sends(tx: &mut Tx, org: OrgId) -> Result<IdSet, Fault> {
    let rows: Vec<Option<Vec<u8>>> = audit_event::table
        .filter(
            audit_event::org_id
                .eq(org)
                .and(audit_event::act.eq_any(["answers_sent", "record_form"]))
                .and(audit_event::subject.eq("administration")),
        )
        .select(audit_event::subject_id)
        .load(&mut tx.db)?;
    Ok(rows.into_iter().flatten().collect())
}

/// What the audit says when somebody loses their licence.
pub const LICENCE_ENDED: &str = "licence_ended";

/// Everybody who has a licence, whatever their account's state now, and who had one: what they did meanwhile was theirs to do.
///
/// # Errors
/// When the database fails.
pub fn licensed(tx: &mut Tx, org: OrgId) -> Result<HashSet<StaffId>, Fault> {
    let had = audit_event::table
        .filter(
            audit_event::org_id
                .eq(org)
                .and(audit_event::act.eq(LICENCE_ENDED))
                .and(audit_event::subject_id.is_not_null()),
        )
        .select(audit_event::subject_id.assume_not_null());
    let ids = staff::table
        .filter(staff::org_id.eq(org))
        .filter(staff::licence.is_not_null().or(staff::id.eq_any(had)))
        .select(staff::id)
        .load(&mut tx.db)?;
    Ok(ids.into_iter().collect())
}

/// A set of ids as their bytes.
pub type IdSet = HashSet<Vec<u8>>;

/// The patients whose invitations were refused, and those who have a task because of one.
///
/// # Errors
/// When the database fails.
pub fn refused_and_tasks(tx: &mut Tx, org: OrgId) -> Result<(IdSet, IdSet), Fault> {
    let refused = outbox::table
        .filter(
            outbox::org_id
                .eq(org)
                .and(outbox::state.eq("refused"))
                .and(outbox::kind.eq("invitation")),
        )
        .select(outbox::recipient_id)
        .load(&mut tx.db)?
        .into_iter()
        .collect();
    let tasks: Vec<crate::domain::ids::PatientId> = task::table
        .filter(
            task::org_id
                .eq(org)
                .and(task::kind.eq_any(["mail_refused", "mail_unsent"])),
        )
        .select(task::patient_id)
        .load(&mut tx.db)?;
    Ok((
        refused,
        tasks.iter().map(|id| id.bytes().to_vec()).collect(),
    ))
}

/// How many messages stand in each state.
///
/// # Errors
/// When the database fails.
pub fn message_states(tx: &mut Tx, org: OrgId) -> Result<Vec<(String, i64)>, Fault> {
    Ok(outbox::table
        .filter(outbox::org_id.eq(org))
        .group_by(outbox::state)
        .select((outbox::state, diesel::dsl::count_star()))
        .load(&mut tx.db)?)
}
