//! Flags as the program looks at them between people's acts: what is due, who has what, and whether a form was left. What people read and do: `flag`.

use super::flag::FlagRow;
use super::schema::{flag, flag_answer, response};
use super::{Fault, Tx};
use crate::domain::ids::{ClinicId, FlagId, OrgId, StaffId};
use crate::domain::risk::life::CrankStep;
use crate::domain::risk::{Deadlines, FlagState, Tier};
use chrono::NaiveDateTime;
use diesel::prelude::*;

/// The waiting flags whose step is due, the longest due first.
///
/// # Errors
/// When the database fails.
pub fn due(tx: &mut Tx, org: OrgId, now: NaiveDateTime) -> Result<Vec<FlagId>, Fault> {
    Ok(flag::table
        .filter(flag::org_id.eq(org).and(flag::next_step_at.le(now)))
        .order(flag::next_step_at)
        .select(flag::id)
        .load(&mut tx.db)?)
}

/// The waiting flags of one tier and state whose step lies behind this moment.
///
/// # Errors
/// When the database fails.
pub fn planned_after(
    tx: &mut Tx,
    org: OrgId,
    tier: Tier,
    state: FlagState,
    after: NaiveDateTime,
) -> Result<Vec<FlagRow>, Fault> {
    Ok(flag::table
        .filter(flag::org_id.eq(org).and(flag::next_step_at.gt(after)))
        .filter(flag::tier.eq(tier.word()).and(flag::state.eq(state.word())))
        .load(&mut tx.db)?)
}

/// The waiting flags that one of these people has.
///
/// # Errors
/// When the database fails.
pub fn waiting_with(tx: &mut Tx, org: OrgId, owners: &[StaffId]) -> Result<Vec<FlagId>, Fault> {
    if owners.is_empty() {
        return Ok(vec![]);
    }
    Ok(flag::table
        .filter(flag::org_id.eq(org).and(flag::next_step_at.is_not_null()))
        .filter(flag::owner_id.eq_any(owners))
        .order(flag::next_step_at)
        .select(flag::id)
        .load(&mut tx.db)?)
}

/// The flags of which it has to be looked now whether their form was left; a clock that is right looks at none later than `after`.
///
/// # Errors
/// When the database fails.
pub fn to_finish(
    tx: &mut Tx,
    org: OrgId,
    now: NaiveDateTime,
    after: NaiveDateTime,
) -> Result<Vec<FlagId>, Fault> {
    Ok(flag::table
        .filter(flag::org_id.eq(org).and(flag::finish_by.is_not_null()))
        .filter(flag::finish_by.le(now).or(flag::finish_by.gt(after)))
        .order(flag::finish_by)
        .select(flag::id)
        .load(&mut tx.db)?)
}

/// The waiting flags that say that their form was left.
///
/// # Errors
/// When the database fails.
pub fn left(tx: &mut Tx, org: OrgId) -> Result<Vec<FlagId>, Fault> {
    Ok(flag::table
        .filter(flag::org_id.eq(org).and(flag::next_step_at.is_not_null()))
        .filter(flag::unfinished_at.is_not_null())
        .select(flag::id)
        .load(&mut tx.db)?)
}

/// Whether a form whose answers belong to a flag was begun and not handed in.
///
/// # Errors
/// When the database fails.
pub fn has_unfinished_form(tx: &mut Tx, org: OrgId, id: FlagId) -> Result<bool, Fault> {
    let unfinished: i64 = flag_answer::table
        .inner_join(
            response::table.on(response::org_id
                .eq(flag_answer::org_id)
                .and(response::id.nullable().eq(flag_answer::response_id))),
        )
        .filter(
            flag_answer::org_id
                .eq(org)
                .and(flag_answer::flag_id.eq(id))
                .and(response::completed_at.is_null()),
        )
        .count()
        .get_result(&mut tx.db)?;
    Ok(unfinished > 0)
}

/// Notes whether the form after whose answer it is looked was left. The row is locked.
///
/// # Errors
/// When the database fails.
pub fn looked_whether_left(
    tx: &mut Tx,
    row: &FlagRow,
    unfinished_at: Option<NaiveDateTime>,
) -> Result<(), Fault> {
    diesel::update(flag::table.find((row.org_id, row.id)))
        .set((
            flag::finish_by.eq(None::<NaiveDateTime>),
            flag::unfinished_at.eq(unfinished_at),
        ))
        .execute(&mut tx.db)?;
    Ok(())
}

/// The waiting flags that are past the time by which a person had to act, with their clinics.
///
/// # Errors
/// When the database fails.
pub fn past_due(
    tx: &mut Tx,
    org: OrgId,
    tier: Tier,
    now: NaiveDateTime,
) -> Result<Vec<PastDue>, Fault> {
    Ok(flag::table
        .filter(flag::org_id.eq(org).and(flag::due_at.lt(now)))
        .filter(flag::tier.eq(tier.word()))
        .select((flag::clinic_id, flag::state, flag::raised_at))
        .load(&mut tx.db)?)
}

/// A flag that is past its time.
#[derive(Debug, Clone, Queryable)]
pub struct PastDue {
    /// Where the patient is cared for.
    pub clinic_id: ClinicId,
    /// A [`FlagState`]'s word.
    pub state: String,
    /// When the answer was saved.
    pub raised_at: NaiveDateTime,
}

/// How many flags of the lower tier wait for each person.
///
/// # Errors
/// When the database fails.
pub fn review_waiting(tx: &mut Tx, org: OrgId) -> Result<Vec<StaffId>, Fault> {
    Ok(flag::table
        .filter(flag::org_id.eq(org).and(flag::due_at.is_not_null()))
        .filter(flag::tier.eq(Tier::Review.word()))
        .select(flag::owner_id)
        .load(&mut tx.db)?)
}

/// Everybody who has a waiting flag.
///
/// # Errors
/// When the database fails.
pub fn owners(tx: &mut Tx, org: OrgId) -> Result<Vec<StaffId>, Fault> {
    Ok(flag::table
        .filter(flag::org_id.eq(org).and(flag::next_step_at.is_not_null()))
        .select(flag::owner_id)
        .distinct()
        .load(&mut tx.db)?)
}

/// A waiting flag, locked until the transaction ends; `None` when it is closed by now.
///
/// # Errors
/// When the database fails.
pub fn take_waiting(tx: &mut Tx, org: OrgId, id: FlagId) -> Result<Option<FlagRow>, Fault> {
    tx.lock_row("flag", org.bytes(), id.bytes())?;
    Ok(flag::table
        .find((org, id))
        .filter(flag::next_step_at.is_not_null())
        .get_result(&mut tx.db)
        .optional()?)
}

/// Stores a step of the program's own. The row is locked.
///
/// # Errors
/// When the database fails.
pub fn turn(tx: &mut Tx, row: &FlagRow, step: &CrankStep) -> Result<(), Fault> {
    diesel::update(flag::table.find((row.org_id, row.id)))
        .set((
            flag::state.eq(step.state.word()),
            flag::owner_id.eq(step.owner),
            flag::due_at.eq(step.deadlines.due_at),
            flag::next_step_at.eq(step.deadlines.next_step_at),
        ))
        .execute(&mut tx.db)?;
    Ok(())
}

/// Looks at a flag again then. The row is locked.
///
/// # Errors
/// When the database fails.
pub fn look_at(tx: &mut Tx, org: OrgId, id: FlagId, deadlines: Deadlines) -> Result<(), Fault> {
    diesel::update(flag::table.find((org, id)))
        .set((
            flag::due_at.eq(deadlines.due_at),
            flag::next_step_at.eq(deadlines.next_step_at),
        ))
        .execute(&mut tx.db)?;
    Ok(())
}

/// Flags that wait for this person.
///
/// # Errors
/// When the database fails.
pub fn owned_by(tx: &mut Tx, org: OrgId, owner: StaffId) -> Result<Vec<FlagId>, Fault> {
    Ok(flag::table
        .filter(
            flag::org_id
                .eq(org)
                .and(flag::owner_id.eq(owner))
                .and(flag::next_step_at.is_not_null()),
        )
        .order(flag::id)
        .select(flag::id)
        .load(&mut tx.db)?)
}
