//! Risk flags and what was done to them. Rows are added and moved forward; nothing here can take a flag away.

use super::schema::{clinic, flag, flag_act, patient, staff};
use super::{Fault, Tx};
use crate::domain::access::{Permit, Reach};
use crate::domain::ids::{
    ClinicId, EpisodeId, FlagActId, FlagId, OrgId, PatientId, ResponseId, StaffId,
};
use crate::domain::risk::{FlagState, Step};
use chrono::NaiveDateTime;
use diesel::prelude::*;

/// A flag joined to the names around it.
macro_rules! named {
    () => {
        flag::table
            .inner_join(
                patient::table.on(patient::org_id
                    .eq(flag::org_id)
                    .and(patient::id.eq(flag::patient_id))),
            )
            .inner_join(
                clinic::table.on(clinic::org_id
                    .eq(flag::org_id)
                    .and(clinic::id.eq(flag::clinic_id))),
            )
            .inner_join(
                staff::table.on(staff::org_id
                    .eq(flag::org_id)
                    .and(staff::id.eq(flag::owner_id))),
            )
    };
}

/// A flag.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = flag)]
pub struct FlagRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Id.
    pub id: FlagId,
    /// Whose answer raised it.
    pub patient_id: PatientId,
    /// Their episode.
    pub episode_id: EpisodeId,
    /// Where they are cared for.
    pub clinic_id: ClinicId,
    /// The response.
    pub response_id: ResponseId,
    /// The rule that raised it.
    pub rule: String,
    /// The instrument.
    pub instrument: String,
    /// Version of the definition, and so of the rule.
    pub version: String,
    /// A `Tier`'s word.
    pub tier: String,
    /// The item's printed number.
    pub item: String,
    /// The highest answer given to it.
    pub answer: i32,
    /// That answer in the words the patient saw.
    pub answer_words: String,
    /// Who has to act.
    pub owner_id: StaffId,
    /// A [`FlagState`]'s word.
    pub state: String,
    /// When the answer was saved.
    pub raised_at: NaiveDateTime,
    /// By when the next act is due; `None` once closed.
    pub next_deadline_at: Option<NaiveDateTime>,
}

/// Something done to a flag.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = flag_act)]
pub struct FlagActRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Id.
    pub id: FlagActId,
    /// The flag.
    pub flag_id: FlagId,
    /// An `Act`'s word.
    pub act: String,
    /// By or to whom.
    pub staff_id: Option<StaffId>,
    /// When.
    pub at: NaiveDateTime,
    /// In words.
    pub note: String,
}

/// A flag as the queue shows it.
#[derive(Debug, Clone, Queryable)]
pub struct FlagNames {
    /// The flag.
    pub flag: FlagRow,
    /// The patient's name.
    pub patient: String,
    /// The clinic's name.
    pub clinic: String,
    /// The owner's name.
    pub owner: String,
}

/// Raises a flag.
///
/// # Errors
/// When the response has one by that rule, or the database fails.
pub fn raise(tx: &mut Tx, row: &FlagRow) -> Result<(), Fault> {
    diesel::insert_into(flag::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// Adds to a flag's history.
///
/// # Errors
/// When the database fails.
pub fn add_act(tx: &mut Tx, row: &FlagActRow) -> Result<(), Fault> {
    diesel::insert_into(flag_act::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// The flags that a response raised.
///
/// # Errors
/// When the database fails.
pub fn of_response(tx: &mut Tx, org: OrgId, id: ResponseId) -> Result<Vec<FlagRow>, Fault> {
    Ok(flag::table
        .filter(flag::org_id.eq(org).and(flag::response_id.eq(id)))
        .load(&mut tx.db)?)
}

/// Raises the answer a flag shows; a lower later answer never lowers it.
///
/// # Errors
/// When the database fails.
pub fn raise_answer(tx: &mut Tx, row: &FlagRow) -> Result<bool, Fault> {
    let raised = diesel::update(
        flag::table
            .find((row.org_id, row.id))
            .filter(flag::state.ne(FlagState::Closed.word())),
    )
    .set((
        flag::answer.eq(row.answer),
        flag::answer_words.eq(&row.answer_words),
    ))
    .execute(&mut tx.db)?;
    Ok(raised == 1)
}

/// Whose patient a flag is about, for deciding access.
///
/// # Errors
/// When the database fails.
pub fn patient_of(tx: &mut Tx, org: OrgId, id: FlagId) -> Result<Option<PatientId>, Fault> {
    Ok(flag::table
        .find((org, id))
        .select(flag::patient_id)
        .get_result(&mut tx.db)
        .optional()?)
}

/// Where a flag stands.
///
/// # Errors
/// When the database fails.
pub fn state_of(tx: &mut Tx, org: OrgId, id: FlagId) -> Result<Option<String>, Fault> {
    Ok(flag::table
        .find((org, id))
        .select(flag::state)
        .get_result(&mut tx.db)
        .optional()?)
}

/// The flag with its names, locked until the transaction ends; only if it belongs to the permit's patient.
///
/// # Errors
/// When there is none, or the database fails.
pub fn load(tx: &mut Tx, permit: &Permit, id: FlagId) -> Result<FlagNames, Fault> {
    tx.lock_row("flag", permit.org().bytes(), id.bytes())?;
    Ok(named!()
        .filter(flag::org_id.eq(permit.org()).and(flag::id.eq(id)))
        .filter(
            flag::patient_id.eq(permit
                .patient()
                .ok_or_else(|| Fault::Corrupt("a permit without a patient".into()))?),
        )
        .select((flag::all_columns, patient::name, clinic::name, staff::name))
        .get_result(&mut tx.db)?)
}

/// Moves a flag forward by an act of the permit's holder.
///
/// # Errors
/// When the database fails.
pub fn step(
    tx: &mut Tx,
    permit: &Permit,
    id: FlagId,
    step: Step,
    owner: StaffId,
) -> Result<(), Fault> {
    diesel::update(flag::table.find((permit.org(), id)))
        .set((
            flag::state.eq(step.state.word()),
            flag::next_deadline_at.eq(step.next_deadline_at),
            flag::owner_id.eq(owner),
        ))
        .execute(&mut tx.db)?;
    Ok(())
}

/// The open and acknowledged flags within the permit's reach: the most urgent deadline first.
///
/// # Errors
/// When the database fails.
pub fn queue(tx: &mut Tx, permit: &Permit) -> Result<Vec<FlagNames>, Fault> {
    let rows: Vec<FlagNames> = named!()
        .filter(
            flag::org_id
                .eq(permit.org())
                .and(flag::state.ne(FlagState::Closed.word())),
        )
        .order((flag::next_deadline_at, flag::id))
        .select((flag::all_columns, patient::name, clinic::name, staff::name))
        .load(&mut tx.db)?;
    Ok(rows
        .into_iter()
        .filter(|row| within(permit, row.flag.clinic_id))
        .collect())
}

/// The flags closed last within the permit's reach.
///
/// # Errors
/// When the database fails.
pub fn closed(tx: &mut Tx, permit: &Permit, most: i64) -> Result<Vec<FlagNames>, Fault> {
    let newest = named!()
        .filter(
            flag::org_id
                .eq(permit.org())
                .and(flag::state.eq(FlagState::Closed.word())),
        )
        .order(flag::id.desc())
        .limit(most)
        .select((flag::all_columns, patient::name, clinic::name, staff::name));
    Ok(match permit.reach() {
        Reach::Everything => newest.load(&mut tx.db)?,
        Reach::Clinics(clinics) => newest
            .filter(flag::clinic_id.eq_any(clinics))
            .load(&mut tx.db)?,
    })
}

/// The flags of the permit's patient, newest first.
///
/// # Errors
/// When the database fails.
pub fn of_patient(tx: &mut Tx, permit: &Permit) -> Result<Vec<FlagNames>, Fault> {
    let id = permit
        .patient()
        .ok_or_else(|| Fault::Corrupt("a permit without a patient".into()))?;
    Ok(named!()
        .filter(flag::org_id.eq(permit.org()).and(flag::patient_id.eq(id)))
        .order(flag::id.desc())
        .select((flag::all_columns, patient::name, clinic::name, staff::name))
        .load(&mut tx.db)?)
}

/// A flag's history, oldest first, with the name of whoever acted.
///
/// # Errors
/// When the database fails.
pub fn acts(
    tx: &mut Tx,
    permit: &Permit,
    id: FlagId,
) -> Result<Vec<(FlagActRow, Option<String>)>, Fault> {
    Ok(flag_act::table
        .left_join(
            staff::table.on(staff::org_id
                .eq(flag_act::org_id)
                .and(staff::id.nullable().eq(flag_act::staff_id))),
        )
        .filter(
            flag_act::org_id
                .eq(permit.org())
                .and(flag_act::flag_id.eq(id)),
        )
        .order(flag_act::id)
        .select((flag_act::all_columns, staff::name.nullable()))
        .load(&mut tx.db)?)
}

/// The history of several flags at once, oldest act first, with the name of whoever acted.
///
/// # Errors
/// When the database fails.
pub fn acts_of(
    tx: &mut Tx,
    permit: &Permit,
    ids: &[FlagId],
) -> Result<Vec<(FlagActRow, Option<String>)>, Fault> {
    Ok(flag_act::table
        .left_join(
            staff::table.on(staff::org_id
                .eq(flag_act::org_id)
                .and(staff::id.nullable().eq(flag_act::staff_id))),
        )
        .filter(
            flag_act::org_id
                .eq(permit.org())
                .and(flag_act::flag_id.eq_any(ids)),
        )
        .order(flag_act::id)
        .select((flag_act::all_columns, staff::name.nullable()))
        .load(&mut tx.db)?)
}

/// How many flags wait within the permit's reach.
///
/// # Errors
/// When the database fails.
pub fn waiting(tx: &mut Tx, permit: &Permit) -> Result<usize, Fault> {
    let clinics: Vec<ClinicId> = flag::table
        .filter(
            flag::org_id
                .eq(permit.org())
                .and(flag::state.ne(FlagState::Closed.word())),
        )
        .select(flag::clinic_id)
        .load(&mut tx.db)?;
    Ok(clinics
        .into_iter()
        .filter(|clinic| within(permit, *clinic))
        .count())
}

fn within(permit: &Permit, clinic: ClinicId) -> bool {
    match permit.reach() {
        Reach::Everything => true,
        Reach::Clinics(clinics) => clinics.contains(&clinic),
    }
}

/// Open flags that nobody acknowledged in time, the longest overdue first.
///
/// # Errors
/// When the database fails.
pub fn overdue(
    tx: &mut Tx,
    org: OrgId,
    now: NaiveDateTime,
    most: i64,
) -> Result<Vec<FlagRow>, Fault> {
    Ok(flag::table
        .filter(
            flag::org_id
                .eq(org)
                .and(flag::state.eq(FlagState::Open.word()))
                .and(flag::next_deadline_at.le(now)),
        )
        .order(flag::next_deadline_at)
        .limit(most)
        .load(&mut tx.db)?)
}

/// Lets one node at a time escalate.
///
/// # Errors
/// When the database fails.
pub fn take_turn(tx: &mut Tx) -> Result<(), Fault> {
    tx.lock_turn(4)
}

/// Flags that wait for this person.
///
/// # Errors
/// When the database fails.
pub fn owned_by(tx: &mut Tx, org: OrgId, owner: StaffId) -> Result<Vec<FlagRow>, Fault> {
    Ok(flag::table
        .filter(
            flag::org_id
                .eq(org)
                .and(flag::owner_id.eq(owner))
                .and(flag::state.ne(FlagState::Closed.word())),
        )
        .load(&mut tx.db)?)
}

/// Gives a waiting flag to another owner with another deadline; its state stays as it is. `false` when somebody moved the flag since `row` was read.
///
/// # Errors
/// When the database fails.
pub fn hand_to(
    tx: &mut Tx,
    row: &FlagRow,
    owner: StaffId,
    deadline: NaiveDateTime,
) -> Result<bool, Fault> {
    let unmoved = flag::state
        .eq(&row.state)
        .and(flag::owner_id.eq(row.owner_id));
    let handed = diesel::update(flag::table.find((row.org_id, row.id)).filter(unmoved))
        .set((
            flag::owner_id.eq(owner),
            flag::next_deadline_at.eq(deadline),
        ))
        .execute(&mut tx.db)?;
    Ok(handed == 1)
}
