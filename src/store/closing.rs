//! The documented assessments with which flags were closed: written once, never changed.

use super::schema::closing;
use super::{Fault, Tx};
use crate::domain::access::Permit;
use crate::domain::ids::{FlagId, OrgId, StaffId};
use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;

/// An assessment.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = closing)]
pub struct ClosingRow {
    /// Organisation.
    pub org_id: OrgId,
    /// The flag it closed.
    pub flag_id: FlagId,
    /// Who closed it.
    pub staff_id: StaffId,
    /// When.
    pub at: NaiveDateTime,
    /// What was asked about, as words with spaces between.
    pub asked: String,
    /// The overall level by the clinician's own judgement, as a word.
    pub level: String,
    /// How the patient was reached, as a word.
    pub contact: String,
    /// The assessment in the clinician's words.
    pub assessment: String,
    /// The plan.
    pub plan: String,
    /// When somebody looks next.
    pub next_check_on: Option<NaiveDate>,
    /// Why nobody has to look again, where nobody has.
    pub no_check_why: Option<String>,
}

/// Stores an assessment.
///
/// # Errors
/// When the flag has one, or the database fails.
pub fn add(tx: &mut Tx, row: &ClosingRow) -> Result<(), Fault> {
    diesel::insert_into(closing::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// The assessments of these flags.
///
/// # Errors
/// When the database fails.
pub fn of_flags(tx: &mut Tx, permit: &Permit, ids: &[FlagId]) -> Result<Vec<ClosingRow>, Fault> {
    Ok(closing::table
        .filter(
            closing::org_id
                .eq(permit.org())
                .and(closing::flag_id.eq_any(ids)),
        )
        .load(&mut tx.db)?)
}
