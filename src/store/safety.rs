//! Flags of a span of time with their acts and assessments, for the report on how soon people acted. No names. What is counted is `app::read_timeliness`.

use super::flag::FlagAnswerRow;
use super::schema::{closed_before, closing, episode, flag, flag_act, flag_answer};
use super::{Fault, Tx};
use crate::domain::access::{Permit, Reach};
use crate::domain::ids::{ClinicId, FlagId, InformantId, OrgId, PatientId, ProgramId, StaffId};
use crate::domain::risk::{HowAnswered, Tier};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use std::collections::HashSet;

/// A flag as far as the report looks at it.
#[derive(Debug, Clone, Queryable)]
pub struct TimedRow {
    /// Id.
    pub id: FlagId,
    /// Where the patient is cared for.
    pub clinic_id: ClinicId,
    /// In which program.
    pub program_id: ProgramId,
    /// Version of the site's safety policy; 0: as shipped.
    pub policy: i32,
    /// A `Tier`'s word.
    pub tier: String,
    /// A `FlagState`'s word.
    pub state: String,
    /// When the answer was saved.
    pub raised_at: NaiveDateTime,
    /// When it was closed.
    pub closed_at: Option<NaiveDateTime>,
    /// By when a person must act next.
    pub due_at: Option<NaiveDateTime>,
    /// When it was found that the form had been left.
    pub unfinished_at: Option<NaiveDateTime>,
}

/// The flags raised in a span of time within the permit's reach, oldest first.
///
/// # Errors
/// When the database fails.
pub fn flags_between(
    tx: &mut Tx,
    permit: &Permit,
    from: NaiveDateTime,
    until: NaiveDateTime,
) -> Result<Vec<TimedRow>, Fault> {
    let rows: Vec<TimedRow> = flag::table
        .inner_join(
            episode::table.on(episode::org_id
                .eq(flag::org_id)
                .and(episode::id.eq(flag::episode_id))),
        )
        .filter(
            flag::org_id
                .eq(permit.org())
                .and(flag::raised_at.ge(from))
                .and(flag::raised_at.lt(until)),
        )
        .order((flag::raised_at, flag::id))
        .select((
            flag::id,
            flag::clinic_id,
            episode::program_id,
            flag::policy,
            flag::tier,
            flag::state,
            flag::raised_at,
            flag::closed_at,
            flag::due_at,
            flag::unfinished_at,
        ))
        .load(&mut tx.db)?;
    Ok(match permit.reach() {
        Reach::Everything => rows,
        Reach::Clinics(own) => rows
            .into_iter()
            .filter(|row| own.contains(&row.clinic_id))
            .collect(),
    })
}

/// An act on a flag: which, by or to whom, when.
pub type TimedAct = (FlagId, String, Option<StaffId>, NaiveDateTime);

/// These acts on the flags raised in a span of time, in the order in which they were done.
///
/// # Errors
/// When the database fails.
pub fn acts_between(
    tx: &mut Tx,
    org: OrgId,
    acts: &[&str],
    from: NaiveDateTime,
    until: NaiveDateTime,
) -> Result<Vec<TimedAct>, Fault> {
    Ok(flag_act::table
        .inner_join(
            flag::table.on(flag::org_id
                .eq(flag_act::org_id)
                .and(flag::id.eq(flag_act::flag_id))),
        )
        .filter(
            flag::org_id
                .eq(org)
                .and(flag::raised_at.ge(from))
                .and(flag::raised_at.lt(until))
                .and(flag_act::act.eq_any(acts)),
        )
        .order((flag_act::at, flag_act::id))
        .select((
            flag_act::flag_id,
            flag_act::act,
            flag_act::staff_id,
            flag_act::at,
        ))
        .load(&mut tx.db)?)
}

/// An answer that raised a crisis flag or made what it waits for higher or sooner.
#[derive(Debug, Clone, Queryable)]
pub struct RisenRow {
    /// The answer.
    pub answer: FlagAnswerRow,
    /// Whose flag it is.
    pub patient_id: PatientId,
    /// Who answered in the patient's place.
    pub informant_id: Option<InformantId>,
    /// Version of the site's safety policy under which the flag was raised; 0: as shipped.
    pub policy: i32,
}

/// These answers of the crisis flags raised in a span of time to which more than one answer belongs, in the order in which they came.
///
/// # Errors
/// When the database fails.
pub fn risen_between(
    tx: &mut Tx,
    org: OrgId,
    from: NaiveDateTime,
    until: NaiveDateTime,
) -> Result<Vec<RisenRow>, Fault> {
    Ok(flag_answer::table
        .inner_join(
            flag::table.on(flag::org_id
                .eq(flag_answer::org_id)
                .and(flag::id.eq(flag_answer::flag_id))),
        )
        .filter(
            flag::org_id
                .eq(org)
                .and(flag::raised_at.ge(from))
                .and(flag::raised_at.lt(until))
                .and(flag::tier.eq(Tier::Crisis.word()))
                .and(flag::answers.gt(1))
                .and(flag_answer::how.ne(HowAnswered::Joined.word())),
        )
        .order((flag_answer::at, flag_answer::id))
        .select((
            flag_answer::all_columns,
            flag::patient_id,
            flag::informant_id,
            flag::policy,
        ))
        .load(&mut tx.db)?)
}

/// Which of the flags raised in a span of time have a documented assessment.
///
/// # Errors
/// When the database fails.
pub fn assessed_between(
    tx: &mut Tx,
    org: OrgId,
    from: NaiveDateTime,
    until: NaiveDateTime,
) -> Result<HashSet<FlagId>, Fault> {
    Ok(closing::table
        .inner_join(
            flag::table.on(flag::org_id
                .eq(closing::org_id)
                .and(flag::id.eq(closing::flag_id))),
        )
        .filter(
            flag::org_id
                .eq(org)
                .and(flag::raised_at.ge(from))
                .and(flag::raised_at.lt(until)),
        )
        .select(closing::flag_id)
        .load(&mut tx.db)?
        .into_iter()
        .collect())
}

/// The flags that were closed before assessments had a table of their own.
///
/// # Errors
/// When the database fails.
pub fn closed_before_assessments(tx: &mut Tx, org: OrgId) -> Result<HashSet<FlagId>, Fault> {
    Ok(closed_before::table
        .filter(closed_before::org_id.eq(org))
        .select(closed_before::flag_id)
        .load(&mut tx.db)?
        .into_iter()
        .collect())
}
