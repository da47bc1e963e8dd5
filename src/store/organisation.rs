//! The organisation, its clinics and programs.

use super::engine::on_engine;
use super::schema::{clinic, organisation, program};
use super::{Fault, Tx};
use crate::domain::evaluation::Grid;
use crate::domain::ids::{ClinicId, OrgId, ProgramId};
use chrono::NaiveDateTime;
use diesel::prelude::*;

/// The organisation that runs this site.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = organisation)]
pub struct OrganisationRow {
    /// Its id.
    pub id: OrgId,
    /// Its name as patients and staff read it.
    pub name: String,
    /// The IANA zone in which its days begin.
    pub time_zone: String,
    /// The site's own crisis line, shown beside the country's help lines.
    pub crisis_line: Option<String>,
    /// When answers are read, as the end of a sentence: "before your next visit".
    pub reading_promise: String,
    /// Since when it exists here.
    pub created_at: NaiveDateTime,
    /// Which periods accounts are shown that may not see small numbers: a [`Grid`]'s word.
    pub shown_by: String,
}

/// A clinic.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = clinic)]
pub struct ClinicRow {
    /// Its organisation.
    pub org_id: OrgId,
    /// Its id.
    pub id: ClinicId,
    /// Its id in the site's other systems and files.
    pub external_id: String,
    /// Its name.
    pub name: String,
}

/// A program of care.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = program)]
pub struct ProgramRow {
    /// Its organisation.
    pub org_id: OrgId,
    /// Its id.
    pub id: ProgramId,
    /// Its id in the site's other systems and files.
    pub external_id: String,
    /// Its name.
    pub name: String,
}

/// The organisation of this database; `None` before set-up.
///
/// # Errors
/// When the database fails.
pub fn only(tx: &mut Tx) -> Result<Option<OrganisationRow>, Fault> {
    // All of one: a bound LIMIT would be planned anew each time.
    let rows: Vec<OrganisationRow> = on_engine!(tx, db => organisation::table
        .order(organisation::id)
        .load(db))?;
    Ok(rows.into_iter().next())
}

/// Founds the organisation.
///
/// # Errors
/// When the database fails.
pub fn found(tx: &mut Tx, row: &OrganisationRow) -> Result<(), Fault> {
    diesel::insert_into(organisation::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// All clinics, by name.
///
/// # Errors
/// When the database fails.
pub fn clinics(tx: &mut Tx, org: OrgId) -> Result<Vec<ClinicRow>, Fault> {
    Ok(clinic::table
        .filter(clinic::org_id.eq(org))
        .order(clinic::name)
        .load(&mut tx.db)?)
}

/// All programs, by name.
///
/// # Errors
/// When the database fails.
pub fn programs(tx: &mut Tx, org: OrgId) -> Result<Vec<ProgramRow>, Fault> {
    Ok(program::table
        .filter(program::org_id.eq(org))
        .order(program::name)
        .load(&mut tx.db)?)
}

/// Adds a clinic.
///
/// # Errors
/// When its external id is taken, or the database fails.
pub fn add_clinic(tx: &mut Tx, row: &ClinicRow) -> Result<(), Fault> {
    diesel::insert_into(clinic::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// Adds a program.
///
/// # Errors
/// When its external id is taken, or the database fails.
pub fn add_program(tx: &mut Tx, row: &ProgramRow) -> Result<(), Fault> {
    diesel::insert_into(program::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// Gives a clinic another name.
///
/// # Errors
/// When the database fails.
pub fn rename_clinic(tx: &mut Tx, org: OrgId, id: ClinicId, name: &str) -> Result<(), Fault> {
    diesel::update(clinic::table.find((org, id)))
        .set(clinic::name.eq(name))
        .execute(&mut tx.db)?;
    Ok(())
}

/// Gives a program another name.
///
/// # Errors
/// When the database fails.
pub fn rename_program(tx: &mut Tx, org: OrgId, id: ProgramId, name: &str) -> Result<(), Fault> {
    diesel::update(program::table.find((org, id)))
        .set(program::name.eq(name))
        .execute(&mut tx.db)?;
    Ok(())
}

/// Gives the organisation its name and zone.
///
/// # Errors
/// When the database fails.
pub fn rename(tx: &mut Tx, org: OrgId, name: &str, time_zone: &str) -> Result<(), Fault> {
    diesel::update(organisation::table.find(org))
        .set((
            organisation::name.eq(name),
            organisation::time_zone.eq(time_zone),
        ))
        .execute(&mut tx.db)?;
    Ok(())
}

/// Sets what patients read: the site's crisis line and when answers are read.
///
/// # Errors
/// When the database fails.
pub fn set_words(
    tx: &mut Tx,
    org: OrgId,
    crisis_line: Option<&str>,
    reading_promise: &str,
) -> Result<(), Fault> {
    diesel::update(organisation::table.find(org))
        .set((
            organisation::crisis_line.eq(crisis_line),
            organisation::reading_promise.eq(reading_promise),
        ))
        .execute(&mut tx.db)?;
    Ok(())
}

/// Sets which periods accounts are shown that may not see small numbers.
///
/// # Errors
/// When the database fails.
pub fn set_shown_by(tx: &mut Tx, org: OrgId, grid: Grid) -> Result<(), Fault> {
    diesel::update(organisation::table.find(org))
        .set(organisation::shown_by.eq(grid.word()))
        .execute(&mut tx.db)?;
    Ok(())
}

/// A first clinic and a first program, so that patients can be added from the start; none when there are clinics already.
///
/// # Errors
/// When the database fails.
pub fn add_first_places(
    tx: &mut Tx,
    org: OrgId,
    clinic: &str,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    if !clinics(tx, org)?.is_empty() {
        return Ok(());
    }
    let first = ClinicRow {
        org_id: org,
        id: super::fresh(now),
        external_id: "clinic-1".into(),
        name: clinic.to_owned(),
    };
    add_clinic(tx, &first)?;
    let program = ProgramRow {
        org_id: org,
        id: super::fresh(now),
        external_id: "program-1".into(),
        name: "Outpatient".into(),
    };
    add_program(tx, &program)
}
