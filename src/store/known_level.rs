//! Levels of answers that a licensed person knows of, said and ended, never changed. What follows for a flag is `risk::policy`'s business.

use super::schema::known_level;
use super::{Fault, Tx};
use crate::domain::access::Permit;
use crate::domain::ids::{KnownLevelId, OrgId, PatientId, StaffId};
use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;

/// A known level.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = known_level)]
pub struct KnownLevelRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Id.
    pub id: KnownLevelId,
    /// Whose answers.
    pub patient_id: PatientId,
    /// To which instrument.
    pub instrument: String,
    /// Of which rule.
    pub rule: String,
    /// The highest answer that is known.
    pub up_to: i32,
    /// The last day on which it holds, on the site's clock.
    pub until_on: NaiveDate,
    /// Why, in the words of whoever said it.
    pub reason: String,
    /// By whom.
    pub set_by: StaffId,
    /// When.
    pub set_at: NaiveDateTime,
    /// When it was ended before its day.
    pub ended_at: Option<NaiveDateTime>,
    /// By whom.
    pub ended_by: Option<StaffId>,
}

/// What is known of a patient's answers on this day.
///
/// # Errors
/// When the database fails.
pub fn holding(
    tx: &mut Tx,
    org: OrgId,
    patient: PatientId,
    today: NaiveDate,
) -> Result<Vec<KnownLevelRow>, Fault> {
    Ok(known_level::table
        .filter(
            known_level::org_id
                .eq(org)
                .and(known_level::patient_id.eq(patient))
                .and(known_level::ended_at.is_null())
                .and(known_level::until_on.ge(today)),
        )
        .order(known_level::id)
        .load(&mut tx.db)?)
}

/// Adds one for the permit's patient, in the place of what was said before about the same rule.
///
/// # Errors
/// When the database fails.
pub fn set(tx: &mut Tx, permit: &Permit, row: &KnownLevelRow) -> Result<(), Fault> {
    diesel::update(
        known_level::table.filter(
            known_level::org_id
                .eq(permit.org())
                .and(known_level::patient_id.eq(row.patient_id))
                .and(known_level::instrument.eq(&row.instrument))
                .and(known_level::rule.eq(&row.rule))
                .and(known_level::ended_at.is_null()),
        ),
    )
    .set((
        known_level::ended_at.eq(row.set_at),
        known_level::ended_by.eq(row.set_by),
    ))
    .execute(&mut tx.db)?;
    diesel::insert_into(known_level::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}
