//! What became of each occasion of each plan, and the forms that plans asked for. Which occasions there are is the domain's to say.

use super::schema::{administration, episode, occasion, outbox, plan};
use super::{Fault, Tx};
use crate::domain::access::Permit;
use crate::domain::care::AdministrationState;
use crate::domain::ids::{AdministrationId, EpisodeId, OrgId, PatientId, PlanId};
use crate::domain::message::MessageState;
use chrono::NaiveDateTime;
use diesel::prelude::*;

/// What became of one occasion.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = occasion)]
pub struct OccasionRow {
    /// Organisation.
    pub org_id: OrgId,
    /// The plan.
    pub plan_id: PlanId,
    /// Its name within the plan.
    pub name: String,
    /// When it fell due, UTC.
    pub due_at: NaiveDateTime,
    /// An `OccasionOutcome`'s word.
    pub outcome: String,
    /// The form it was asked with.
    pub administration_id: Option<AdministrationId>,
    /// Why it was not asked, in words for staff.
    pub why: Option<String>,
    /// When that was decided, UTC.
    pub made_at: NaiveDateTime,
}

/// Writes down what became of an occasion.
///
/// # Errors
/// When something has become of it already, or the database fails.
pub fn add(tx: &mut Tx, _permit: &Permit, row: &OccasionRow) -> Result<(), Fault> {
    diesel::insert_into(occasion::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// What became of the occasions of an episode's plans.
///
/// # Errors
/// When the database fails.
pub fn of_episode(tx: &mut Tx, org: OrgId, id: EpisodeId) -> Result<Vec<OccasionRow>, Fault> {
    Ok(plan::table
        .inner_join(
            occasion::table.on(occasion::org_id
                .eq(plan::org_id)
                .and(occasion::plan_id.eq(plan::id))),
        )
        .filter(plan::org_id.eq(org).and(plan::episode_id.eq(id)))
        .select(occasion::all_columns)
        .load(&mut tx.db)?)
}

/// Forgets what became of an occasion, so that it is decided anew: its session was called off or moved.
///
/// # Errors
/// When the database fails.
pub fn forget(tx: &mut Tx, row: &OccasionRow) -> Result<(), Fault> {
    diesel::delete(occasion::table.find((row.org_id, row.plan_id, &row.name)))
        .execute(&mut tx.db)?;
    Ok(())
}

/// Moves the moment at which an occasion fell due.
///
/// # Errors
/// When the database fails.
pub fn set_due(tx: &mut Tx, row: &OccasionRow, due_at: NaiveDateTime) -> Result<(), Fault> {
    diesel::update(occasion::table.find((row.org_id, row.plan_id, &row.name)))
        .set(occasion::due_at.eq(due_at))
        .execute(&mut tx.db)?;
    Ok(())
}

/// A form a patient was asked lately, as far as planning cares.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct FormRow {
    /// Id.
    pub id: AdministrationId,
    /// The episode it belongs to.
    pub episode_id: EpisodeId,
    /// A battery.
    pub instruments: String,
    /// An `AdministrationState`'s word.
    pub state: String,
    /// When it fell due, UTC.
    pub due_at: NaiveDateTime,
    /// Until when it takes answers, UTC.
    pub expires_at: NaiveDateTime,
    /// What a score of it opens.
    pub step: Option<String>,
}

/// The forms of a patient that fell due after `since` and were not withdrawn, in all episodes, in order of falling due. What somebody else answers about
/// them is no burden of theirs.
///
/// # Errors
/// When the database fails.
pub fn forms_since(
    tx: &mut Tx,
    org: OrgId,
    patient: PatientId,
    since: NaiveDateTime,
) -> Result<Vec<FormRow>, Fault> {
    Ok(episode::table
        .inner_join(
            administration::table.on(administration::org_id
                .eq(episode::org_id)
                .and(administration::episode_id.eq(episode::id))),
        )
        .filter(episode::org_id.eq(org).and(episode::patient_id.eq(patient)))
        .filter(
            administration::due_at
                .gt(since)
                .and(administration::informant_id.is_null())
                .and(administration::state.ne(AdministrationState::Cancelled.word())),
        )
        .order((administration::due_at, administration::id))
        .select((
            administration::id,
            administration::episode_id,
            administration::instruments,
            administration::state,
            administration::due_at,
            administration::expires_at,
            administration::step,
        ))
        .load(&mut tx.db)?)
}

/// Puts more into a form that nobody has begun.
///
/// # Errors
/// When the database fails.
pub fn join(
    tx: &mut Tx,
    permit: &Permit,
    form: AdministrationId,
    instruments: &str,
    step: Option<&str>,
    expires_at: NaiveDateTime,
) -> Result<bool, Fault> {
    let joined = diesel::update(
        administration::table.find((permit.org(), form)).filter(
            administration::state
                .eq(AdministrationState::Planned.word())
                .or(administration::state.eq(AdministrationState::Sent.word())),
        ),
    )
    .set((
        administration::instruments.eq(instruments),
        administration::step.eq(step),
        administration::expires_at.eq(expires_at),
    ))
    .execute(&mut tx.db)?;
    Ok(joined == 1)
}

/// Moves a form that has not left, with its message.
///
/// # Errors
/// When the database fails.
pub fn move_unsent(
    tx: &mut Tx,
    org: OrgId,
    form: AdministrationId,
    due_at: NaiveDateTime,
    expires_at: NaiveDateTime,
) -> Result<(), Fault> {
    diesel::update(
        administration::table
            .find((org, form))
            .filter(administration::state.eq(AdministrationState::Planned.word())),
    )
    .set((
        administration::due_at.eq(due_at),
        administration::expires_at.eq(expires_at),
    ))
    .execute(&mut tx.db)?;
    diesel::update(
        outbox::table
            .filter(
                outbox::org_id
                    .eq(org)
                    .and(outbox::subject_id.eq(form.bytes().as_slice())),
            )
            .filter(
                outbox::state
                    .eq(MessageState::Queued.word())
                    .and(outbox::ended_at.is_null()),
            ),
    )
    .set(outbox::not_before.eq(due_at))
    .execute(&mut tx.db)?;
    Ok(())
}

/// Moves the end of the window of a form that nobody has begun.
///
/// # Errors
/// When the database fails.
pub fn move_window(
    tx: &mut Tx,
    org: OrgId,
    form: AdministrationId,
    expires_at: NaiveDateTime,
) -> Result<(), Fault> {
    diesel::update(
        administration::table.find((org, form)).filter(
            administration::state
                .eq(AdministrationState::Planned.word())
                .or(administration::state.eq(AdministrationState::Sent.word())),
        ),
    )
    .set(administration::expires_at.eq(expires_at))
    .execute(&mut tx.db)?;
    Ok(())
}

/// Withdraws a form that nobody has begun, for this reason.
///
/// # Errors
/// When the database fails.
pub fn withdraw(
    tx: &mut Tx,
    org: OrgId,
    form: AdministrationId,
    why: &str,
    now: NaiveDateTime,
) -> Result<bool, Fault> {
    let ended = diesel::update(
        administration::table.find((org, form)).filter(
            administration::state
                .eq(AdministrationState::Planned.word())
                .or(administration::state.eq(AdministrationState::Sent.word())),
        ),
    )
    .set((
        administration::state.eq(AdministrationState::Cancelled.word()),
        administration::ended_at.eq(now),
        administration::ended_why.eq(why),
    ))
    .execute(&mut tx.db)?;
    Ok(ended == 1)
}

/// The state of a form, as an `AdministrationState`'s word.
///
/// # Errors
/// When there is none, or the database fails.
pub fn state_of(tx: &mut Tx, org: OrgId, form: AdministrationId) -> Result<String, Fault> {
    Ok(administration::table
        .find((org, form))
        .select(administration::state)
        .get_result(&mut tx.db)?)
}

/// Whether an episode has a form of that name.
///
/// # Errors
/// When the database fails.
pub fn name_is_taken(
    tx: &mut Tx,
    org: OrgId,
    episode: EpisodeId,
    name: &str,
) -> Result<bool, Fault> {
    let found: Option<AdministrationId> = administration::table
        .filter(
            administration::org_id
                .eq(org)
                .and(administration::episode_id.eq(episode))
                .and(administration::occasion.eq(name)),
        )
        .select(administration::id)
        .get_result(&mut tx.db)
        .optional()?;
    Ok(found.is_some())
}
