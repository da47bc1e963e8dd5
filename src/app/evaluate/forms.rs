//! What became of the forms that were asked: of those with the instrument that fell due in the period, how many were answered, and how the others
//! ended. By program and clinic, small numbers hidden by the same rule as in the report, in a table of its own.

use super::Site;
use crate::app::read_coverage::{OF_FORMS, OfForms, count_forms};
use crate::domain::access::Permit;
use crate::domain::care::read_battery;
use crate::domain::evaluation::{
    ClinicKey, CountTable, GroupKey, Hiding, ProgramKey, Shown, ShownTable,
};
use crate::store::send_log::{self, FormCount};
use crate::store::{Fault, Tx};
use chrono::NaiveDateTime;

/// Forms by program and clinic before small numbers are hidden.
#[derive(Debug, Clone)]
pub struct FormsAsked {
    programs: Vec<ProgramKey>,
    clinics: Vec<ClinicKey>,
    table: CountTable,
}

/// Forms by program and clinic as they may be shown.
#[derive(Debug, Clone)]
pub struct Forms {
    programs: Vec<ProgramKey>,
    clinics: Vec<ClinicKey>,
    table: ShownTable,
}

impl FormsAsked {
    /// Counts the forms with this instrument that fell due from one instant until before another.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) fn read(
        tx: &mut Tx,
        permit: &Permit,
        site: &Site,
        instrument: &str,
        from: NaiveDateTime,
        until: NaiveDateTime,
    ) -> Result<FormsAsked, Fault> {
        let asks = |row: &FormCount| {
            read_battery(&row.instruments)
                .iter()
                .any(|part| part.instrument == instrument)
        };
        let mut counted = vec![];
        for row in send_log::due_between(tx, permit, from, until)? {
            let keys = (site.programs.get(&row.program_id))
                .copied()
                .zip(site.clinics.get(&row.clinic_id).copied());
            if let Some((program, clinic)) = keys.filter(|_| asks(&row)) {
                counted.push((program, clinic, row));
            }
        }
        let mut programs: Vec<ProgramKey> = counted.iter().map(|(one, ..)| *one).collect();
        let mut clinics: Vec<ClinicKey> = counted.iter().map(|(_, one, _)| *one).collect();
        programs.sort_unstable();
        programs.dedup();
        clinics.sort_unstable();
        clinics.dedup();
        let mut table = CountTable::new(programs.len(), clinics.len(), OF_FORMS);
        for (program, clinic, row) in &counted {
            let places = programs.binary_search(program).ok();
            if let Some((at, column)) = places.zip(clinics.binary_search(clinic).ok()) {
                count_forms(&mut table, at, column, row)?;
            }
        }
        Ok(FormsAsked {
            programs,
            clinics,
            table,
        })
    }

    pub(super) fn finish(self) -> Forms {
        Forms {
            programs: self.programs,
            clinics: self.clinics,
            table: self.table.shown(Hiding::SmallCells),
        }
    }
}

impl Forms {
    /// How many forms of a group; `None` in the key stands for all.
    #[must_use]
    pub fn of(&self, key: GroupKey, count: OfForms) -> Shown {
        let row = match key.program {
            Some(program) => self.programs.binary_search(&program).ok(),
            None => Some(self.programs.len()),
        };
        let column = match key.clinic {
            Some(clinic) => self.clinics.binary_search(&clinic).ok(),
            None => Some(self.clinics.len()),
        };
        match (row, column) {
            (Some(row), Some(column)) => self.table.at(row, column, count as usize),
            // Nobody there was asked.
            _ => Shown::Count(0),
        }
    }
}
