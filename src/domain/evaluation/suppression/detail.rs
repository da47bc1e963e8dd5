//! How finely a table may be broken down: the finest way in which what matters most of its totals can be shown.
//!
//! Not here: what has to be hidden in a table of given cells.

use super::{CrossTable, ProtectedTable, protect_at};
use crate::domain::evaluation::Shown;
use std::collections::BTreeMap;

/// How finely a table is broken down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// By rows and by columns.
    Cells,
    /// By rows alone.
    Rows,
    /// By columns alone.
    Columns,
    /// Not at all: one total.
    Whole,
}

impl Detail {
    /// From fine to coarse. Rows before columns: whoever lays out a table puts what matters more in its rows.
    const ALL: [Detail; 4] = [Self::Cells, Self::Rows, Self::Columns, Self::Whole];

    /// Whether the rows are told apart.
    #[must_use]
    pub fn by_row(self) -> bool {
        matches!(self, Self::Cells | Self::Rows)
    }

    /// Whether the columns are told apart.
    #[must_use]
    pub fn by_column(self) -> bool {
        matches!(self, Self::Cells | Self::Columns)
    }

    /// Whether the table has anything to lay together that a finer way keeps apart.
    fn differs(self, table: &CrossTable) -> bool {
        (self.by_row() || table.rows > 1) && (self.by_column() || table.columns > 1)
    }
}

/// The way that shows the most of the first `told` counts in the grand total, unbroken from the first; of equal ones the finest.
pub(super) fn finest(table: &CrossTable, told: usize) -> ProtectedTable {
    let mut best = protect_at(table, Detail::Cells);
    for detail in Detail::ALL {
        if shown_of(&best, told) == told {
            break;
        }
        if detail != Detail::Cells && detail.differs(table) {
            let other = protect_at(table, detail);
            if shown_of(&other, told) > shown_of(&best, told) {
                best = other;
            }
        }
    }
    best
}

fn shown_of(table: &ProtectedTable, told: usize) -> usize {
    (0..told)
        .take_while(|&count| table.shown(table.rows, table.columns, count) != Shown::Suppressed)
        .count()
}

/// The table with its rows, its columns or both laid together.
pub(super) fn merged(table: &CrossTable, detail: Detail) -> CrossTable {
    let rows = if detail.by_row() {
        table.rows
    } else {
        table.rows.min(1)
    };
    let columns = if detail.by_column() {
        table.columns
    } else {
        table.columns.min(1)
    };
    let mut cells = vec![BTreeMap::new(); rows * columns];
    for (place, kinds) in table.cells.iter().enumerate() {
        let (row, column) = (place / table.columns, place % table.columns);
        let at = row.min(rows.saturating_sub(1)) * columns + column.min(columns.saturating_sub(1));
        if let Some(cell) = cells.get_mut(at) {
            for (kind, n) in kinds {
                *cell.entry(*kind).or_insert(0) += n;
            }
        }
    }
    CrossTable {
        rows,
        columns,
        counts: table.counts,
        cells,
    }
}
