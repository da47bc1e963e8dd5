//! The site's permissions to use instruments: recording one, withdrawing one, reading them. What they allow is `domain::permission`.

use super::read_caseload::{day_in, site_zone};
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Permit, Subject, decide};
use crate::domain::ids::{OrgId, PermissionId};
use crate::domain::instrument::{ENGLISH, Instrument, Library, LicenceClass};
use crate::domain::permission::{
    Ground, NotPermitted, RecordedPermission, may_be_used, require_all,
};
use crate::store::permission::{self, PermissionRow};
use crate::store::{Fault, Tx, audit, fresh};
use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;

/// Most characters of a reference or holder.
pub const MOST_WORDS: usize = 500;

/// A permission as somebody wants it recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPermission {
    /// For which instrument.
    pub instrument: String,
    /// The contract, letter or terms, in words.
    pub reference: String,
    /// Who granted it, or to whom.
    pub holder: String,
    /// The first day; today when nothing is said.
    pub granted_on: Option<NaiveDate>,
    /// The last day, if there is one.
    pub expires_on: Option<NaiveDate>,
}

/// Why nothing was recorded or withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such instrument.
    NoInstrument(String),
    /// Its owner asks for none.
    NotNeeded(String),
    /// The reference is empty or too long.
    Reference,
    /// The holder is empty or too long.
    Holder,
    /// It would end before it begins.
    EndsBefore,
    /// None is on record that holds.
    NothingToWithdraw(String),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::NoInstrument(id) => write!(f, "There is no instrument {id:?}."),
            Refusal::NotNeeded(id) => {
                write!(
                    f,
                    "The owner of {id} asks for no permission; nothing needs to be recorded."
                )
            }
            Refusal::Reference => write!(
                f,
                "Write what the permission is, such as the number of the contract, in at most {MOST_WORDS} characters."
            ),
            Refusal::Holder => write!(
                f,
                "Write who granted the permission and to whom, in at most {MOST_WORDS} characters."
            ),
            Refusal::EndsBefore => f.write_str("The last day must not be before the first."),
            Refusal::NothingToWithdraw(id) => {
                write!(
                    f,
                    "No permission to use {id} is on record that could be withdrawn."
                )
            }
        }
    }
}

/// Today at this site.
///
/// # Errors
/// When the database fails.
pub fn site_today(tx: &mut Tx, now: NaiveDateTime) -> Result<NaiveDate, Fault> {
    Ok(day_in(site_zone(tx)?, now))
}

/// What is on record, as the decision wants it, and today at this site.
#[derive(Debug, Clone)]
pub struct OnRecord {
    /// The newest last.
    pub permissions: Vec<RecordedPermission>,
    /// Today at this site.
    pub today: NaiveDate,
}

impl OnRecord {
    /// Reads it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn read(tx: &mut Tx, org: OrgId, now: NaiveDateTime) -> Result<OnRecord, Fault> {
        let zone = site_zone(tx)?;
        let rows = permission::all(tx, org)?;
        Ok(OnRecord {
            permissions: rows.iter().map(|row| recorded(row, zone)).collect(),
            today: day_in(zone, now),
        })
    }

    /// Refuses the first of these that may not be used.
    ///
    /// # Errors
    /// [`NotPermitted`].
    pub fn require<'a>(
        &self,
        instruments: impl IntoIterator<Item = &'a Instrument>,
    ) -> Result<(), NotPermitted> {
        require_all(instruments, &self.permissions, self.today)
    }

    /// Whether this one may be used.
    pub fn allows(&self, instrument: &Instrument) -> bool {
        may_be_used(instrument, &self.permissions, self.today).is_ok()
    }

    /// The newest version of every instrument that may be given to a patient here today.
    pub fn usable<'a>(&'a self, library: &'a Library) -> impl Iterator<Item = &'a Instrument> {
        library.offered().filter(|known| self.allows(known))
    }

    /// The newest version of every instrument that staff may fill in here today.
    pub fn recordable<'a>(&'a self, library: &'a Library) -> impl Iterator<Item = &'a Instrument> {
        library.recorded().filter(|known| self.allows(known))
    }
}

fn recorded(row: &PermissionRow, zone: Tz) -> RecordedPermission {
    RecordedPermission {
        instrument: row.instrument.clone(),
        reference: row.reference.clone(),
        holder: row.holder.clone(),
        granted_on: row.granted_on,
        expires_on: row.expires_on,
        withdrawn_on: row.withdrawn_at.map(|at| day_in(zone, at)),
    }
}

/// A permission with the names around it.
#[derive(Debug, Clone)]
pub struct ShownPermission {
    /// The permission.
    pub row: PermissionRow,
    /// As the decision sees it.
    pub recorded: RecordedPermission,
    /// The day it was written down, at this site.
    pub recorded_on: NaiveDate,
    /// By whom.
    pub recorded_by: String,
    /// Who withdrew it; empty when nobody did.
    pub withdrawn_by: String,
}

/// All permissions with their names, the newest last, and today at this site. Nothing about patients is read.
///
/// # Errors
/// When the database fails.
pub async fn read_permissions(app: &App) -> Result<(Vec<ShownPermission>, NaiveDate), Fault> {
    let (now, org) = (app.clock.now(), app.org);
    app.store
        .read(move |tx| {
            let zone = site_zone(tx)?;
            let names = permission::names(tx, org)?;
            let name = |id: Option<crate::domain::ids::StaffId>| match id {
                Some(id) => names
                    .iter()
                    .find(|(known, _)| *known == id)
                    .map_or_else(String::new, |(_, name)| name.clone()),
                None => "the operator of the machine".to_owned(),
            };
            let shown = permission::all(tx, org)?
                .into_iter()
                .map(|row| ShownPermission {
                    recorded: recorded(&row, zone),
                    recorded_on: day_in(zone, row.recorded_at),
                    recorded_by: name(row.recorded_by),
                    withdrawn_by: row
                        .withdrawn_at
                        .map(|_| name(row.withdrawn_by))
                        .unwrap_or_default(),
                    row,
                })
                .collect();
            Ok((shown, day_in(zone, now)))
        })
        .await
}

/// Records a permission. It is added to those before; none is ever changed.
///
/// # Errors
/// Refused when it is not whole or not needed; denied unless the account administers.
pub async fn permit_instrument(
    app: &App,
    actor: Actor,
    new: NewPermission,
) -> Result<(), Failure<Refusal>> {
    let now = app.clock.now();
    let new = checked(app.library, new).map_err(Failure::Refused)?;
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::Administer, Subject::Organisation)?;
            let granted_on = match new.granted_on {
                Some(day) => day,
                None => site_today(tx, now)?,
            };
            if new.expires_on.is_some_and(|last| last < granted_on) {
                return Err(Failure::Refused(Refusal::EndsBefore));
            }
            let row = PermissionRow {
                org_id: permit.org(),
                id: fresh(now),
                instrument: new.instrument,
                reference: new.reference,
                holder: new.holder,
                granted_on,
                expires_on: new.expires_on,
                recorded_by: actor.staff().map(|staff| staff.id),
                recorded_at: now,
                withdrawn_by: None,
                withdrawn_at: None,
            };
            permission::add(tx, &permit, &row)?;
            note(tx, &permit, "permit_instrument", row.id, now)?;
            Ok(())
        })
        .await
}

fn checked(library: &Library, new: NewPermission) -> Result<NewPermission, Refusal> {
    let known = needing(library, &new.instrument)?;
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let good = |text: &str| !text.is_empty() && text.chars().count() <= MOST_WORDS;
    let (reference, holder) = (one_line(&new.reference), one_line(&new.holder));
    if !good(&reference) {
        return Err(Refusal::Reference);
    }
    if !good(&holder) {
        return Err(Refusal::Holder);
    }
    Ok(NewPermission {
        instrument: known.id.clone(),
        reference,
        holder,
        ..new
    })
}

/// The instrument, if its owner asks for a permission.
fn needing<'a>(library: &'a Library, id: &str) -> Result<&'a Instrument, Refusal> {
    let known = library
        .get(id)
        .ok_or_else(|| Refusal::NoInstrument(id.to_owned()))?;
    if known.licence.class == LicenceClass::A {
        return Err(Refusal::NotNeeded(known.id.clone()));
    }
    Ok(known)
}

fn note(
    tx: &mut Tx,
    permit: &Permit,
    act: &'static str,
    id: PermissionId,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    audit::record_by(
        tx,
        permit.actor(),
        act,
        "instrument_permission",
        Some(id),
        now,
    )
}

/// Withdraws every permission to use an instrument that is on record, and the one that the clinic's own wording states.
/// Forms that are out stay good; nothing new is planned or sent.
///
/// # Errors
/// Refused when there is none; denied unless the account administers.
pub async fn withdraw_permission(
    app: &App,
    actor: Actor,
    instrument: String,
) -> Result<(), Failure<Refusal>> {
    let (now, library) = (app.clock.now(), app.library);
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::Administer, Subject::Organisation)?;
            let known = needing(library, &instrument).map_err(Failure::Refused)?;
            let by = actor.staff().map(|staff| staff.id);
            let on_record = OnRecord::read(tx, permit.org(), now)?;
            let holding: Vec<PermissionId> = permission::all(tx, permit.org())?
                .iter()
                .filter(|row| row.instrument == known.id && row.withdrawn_at.is_none())
                .map(|row| row.id)
                .collect();
            for id in &holding {
                permission::withdraw(tx, &permit, *id, by, now)?;
                note(tx, &permit, "withdraw_permission", *id, now)?;
            }
            if !holding.is_empty() {
                return Ok(());
            }
            match may_be_used(known, &on_record.permissions, on_record.today) {
                Ok(Ground::WithWording) => withdraw_wording(tx, &permit, known, &on_record, now),
                _ => Err(Failure::Refused(Refusal::NothingToWithdraw(instrument))),
            }
        })
        .await
}

/// The permission that stands in a file is put on record, withdrawn: the file itself is not ours to change.
fn withdraw_wording(
    tx: &mut Tx,
    permit: &Permit,
    known: &Instrument,
    on_record: &OnRecord,
    now: NaiveDateTime,
) -> Result<(), Failure<Refusal>> {
    let stated = known
        .texts(ENGLISH)
        .and_then(|texts| texts.permission.as_ref())
        .ok_or_else(|| Failure::Refused(Refusal::NothingToWithdraw(known.id.clone())))?;
    let by = permit.actor().staff().map(|staff| staff.id);
    let row = PermissionRow {
        org_id: permit.org(),
        id: fresh(now),
        instrument: known.id.clone(),
        reference: stated.reference.clone(),
        holder: stated.holder.clone(),
        granted_on: stated.granted_on.parse().unwrap_or(on_record.today),
        expires_on: None,
        recorded_by: by,
        recorded_at: now,
        withdrawn_by: by,
        withdrawn_at: Some(now),
    };
    permission::add(tx, permit, &row)?;
    Ok(note(tx, permit, "withdraw_permission", row.id, now)?)
}
