//! The ledger of what people decided: signals and flags within a permit's reach, newest first, along their keys: ids are made in the order of time. Reading only.

use super::flag::FlagNames;
use super::schema::{clinic, flag, patient, signal, staff};
use super::signal::SignalNames;
use super::{Fault, Tx};
use crate::domain::access::{Permit, Reach};
use crate::domain::ids::{ClinicId, FlagId, Id, SignalId};
use crate::domain::risk::signal::SignalKind;
use chrono::NaiveDateTime;
use diesel::prelude::*;

/// Which kind of entry is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wanted {
    /// All.
    #[default]
    Everything,
    /// Flags alone.
    Flags,
    /// Signals of this kind alone.
    Signals(SignalKind),
}

/// Which entries are wanted.
#[derive(Debug, Clone, Default)]
pub struct LedgerFilter {
    /// Of this kind only.
    pub wanted: Wanted,
    /// Of this clinic only.
    pub clinic: Option<ClinicId>,
    /// Raised from this instant on, UTC.
    pub from: Option<NaiveDateTime>,
    /// Raised before this instant, UTC.
    pub until: Option<NaiveDateTime>,
    /// Older than the entry with this id.
    pub before: Option<[u8; 16]>,
}

/// A signal or a flag.
#[derive(Debug, Clone)]
pub enum OfLedger {
    /// A signal.
    Signal(Box<SignalNames>),
    /// A flag.
    Flag(Box<FlagNames>),
}

impl OfLedger {
    /// Where it stands in the order of time.
    #[must_use]
    pub fn key(&self) -> [u8; 16] {
        match self {
            OfLedger::Signal(names) => *names.signal.id.bytes(),
            OfLedger::Flag(names) => *names.flag.id.bytes(),
        }
    }
}

/// The newest signals and the newest flags, at most `most` of each, in no order between the two.
///
/// # Errors
/// When the database fails.
pub fn newest(
    tx: &mut Tx,
    permit: &Permit,
    filter: &LedgerFilter,
    most: i64,
) -> Result<Vec<OfLedger>, Fault> {
    let mut rows = vec![];
    if filter.wanted != Wanted::Flags {
        let found = signals(tx, permit, filter, most)?;
        rows.extend(found.into_iter().map(|row| OfLedger::Signal(Box::new(row))));
    }
    if !matches!(filter.wanted, Wanted::Signals(_)) {
        let found = flags(tx, permit, filter, most)?;
        rows.extend(found.into_iter().map(|row| OfLedger::Flag(Box::new(row))));
    }
    Ok(rows)
}

/// The rows of a table that a filter wants, with the names around them, newest first.
macro_rules! filtered {
    ($table:ident, $permit:ident, $filter:ident, $most:ident, $key:ty) => {{
        let mut rows = $table::table
            .inner_join(
                patient::table.on(patient::org_id
                    .eq($table::org_id)
                    .and(patient::id.eq($table::patient_id))),
            )
            .inner_join(
                clinic::table.on(clinic::org_id
                    .eq($table::org_id)
                    .and(clinic::id.eq($table::clinic_id))),
            )
            .inner_join(
                staff::table.on(staff::org_id
                    .eq($table::org_id)
                    .and(staff::id.eq($table::owner_id))),
            )
            .filter($table::org_id.eq($permit.org()))
            .order($table::id.desc())
            .limit($most)
            .select((
                $table::all_columns,
                patient::name,
                clinic::name,
                staff::name,
            ))
            .into_boxed();
        if let Reach::Clinics(clinics) = $permit.reach() {
            rows = rows.filter($table::clinic_id.eq_any(clinics.to_vec()));
        }
        if let Some(clinic) = $filter.clinic {
            rows = rows.filter($table::clinic_id.eq(clinic));
        }
        if let Some(from) = $filter.from {
            rows = rows.filter($table::raised_at.ge(from));
        }
        if let Some(until) = $filter.until {
            rows = rows.filter($table::raised_at.lt(until));
        }
        if let Some(before) = $filter.before {
            let before: Option<$key> = Id::from_bytes(&before);
            rows = rows.filter($table::id.nullable().lt(before));
        }
        rows
    }};
}

fn signals(
    tx: &mut Tx,
    permit: &Permit,
    filter: &LedgerFilter,
    most: i64,
) -> Result<Vec<SignalNames>, Fault> {
    let mut rows = filtered!(signal, permit, filter, most, SignalId);
    if let Wanted::Signals(kind) = filter.wanted {
        rows = rows.filter(signal::kind.eq(kind.word()));
    }
    Ok(rows.load(&mut tx.db)?)
}

fn flags(
    tx: &mut Tx,
    permit: &Permit,
    filter: &LedgerFilter,
    most: i64,
) -> Result<Vec<FlagNames>, Fault> {
    Ok(filtered!(flag, permit, filter, most, FlagId).load(&mut tx.db)?)
}
