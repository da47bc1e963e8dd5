//! A table of plain counts, such as patients by language and channel: the same suppression as in the report, for figures that are no outcomes.

use super::Shown;
use super::suppression::{CrossTable, Kind, ProtectedTable, protect};
use std::collections::BTreeMap;

/// The first two counts say how many things there are and what most looks are for: without their grand totals a table says nothing.
const TOLD: usize = 2;

/// Whether small numbers are hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hiding {
    /// As in the report: 1 to 10, and what would give such a number away. For people who see no names.
    SmallCells,
    /// Nothing: for people who may read the very records.
    Nothing,
}

/// Counts by row and column, while they are counted.
#[derive(Debug, Clone)]
pub struct CountTable {
    rows: usize,
    columns: usize,
    counts: usize,
    cells: Vec<BTreeMap<Kind, u64>>,
}

impl CountTable {
    /// An empty table. Each thing that is counted may be part of several counts (at most 32); later counts are hidden before earlier ones.
    #[must_use]
    pub fn new(rows: usize, columns: usize, counts: usize) -> Self {
        CountTable {
            rows,
            columns,
            counts,
            cells: vec![BTreeMap::new(); rows * columns],
        }
    }

    /// Counts `n` things that are part of these counts and no others.
    pub fn add(&mut self, row: usize, column: usize, part_of: &[usize], n: u64) {
        let kind = part_of.iter().fold(0, |kind, count| kind | 1 << count);
        if column < self.columns
            && let Some(cell) = self.cells.get_mut(row * self.columns + column)
        {
            *cell.entry(kind).or_insert(0) += n;
        }
    }

    /// The table as it may be shown.
    #[must_use]
    pub fn shown(self, hiding: Hiding) -> ShownTable {
        let protected = match hiding {
            Hiding::SmallCells if !self.cells.is_empty() => {
                let table = CrossTable {
                    rows: self.rows,
                    columns: self.columns,
                    counts: self.counts,
                    cells: self.cells.clone(),
                };
                Some(protect(&table, TOLD))
            }
            Hiding::SmallCells | Hiding::Nothing => None,
        };
        ShownTable {
            plain: self,
            protected,
        }
    }
}

/// A table as it may be shown, totals included.
#[derive(Debug, Clone)]
pub struct ShownTable {
    plain: CountTable,
    protected: Option<ProtectedTable>,
}

impl ShownTable {
    /// A count; `row` = rows or `column` = columns asks for the total.
    #[must_use]
    pub fn at(&self, row: usize, column: usize, count: usize) -> Shown {
        match &self.protected {
            Some(protected) => protected.shown(row, column, count),
            None => Shown::Count(self.plain.sum(row, column, count)),
        }
    }

    /// Whether anything at all is said of a cell; not of one that the table is not broken down to.
    #[must_use]
    pub fn tells_of(&self, row: usize, column: usize) -> bool {
        let protected = self.protected.as_ref();
        protected.is_none_or(|protected| protected.tells_of(row, column))
    }

    /// How many rows there are, without the total.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.plain.rows
    }

    /// How many columns there are, without the total.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.plain.columns
    }
}

impl CountTable {
    fn sum(&self, row: usize, column: usize, count: usize) -> u64 {
        let width = self.columns.max(1);
        self.cells
            .iter()
            .enumerate()
            .filter(|(place, _)| row == self.rows || place / width == row)
            .filter(|(place, _)| column == self.columns || place % width == column)
            .flat_map(|(_, cell)| cell)
            .filter(|(kind, _)| *kind >> count & 1 == 1)
            .map(|(_, n)| n)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> CountTable {
        let mut table = CountTable::new(2, 2, 2);
        table.add(0, 0, &[0], 40);
        table.add(0, 0, &[0, 1], 60);
        table.add(0, 1, &[0], 3);
        table.add(1, 0, &[0, 1], 50);
        table.add(1, 1, &[0, 1], 25);
        table
    }

    #[test]
    fn totals_are_sums_and_a_part_is_counted_in_its_whole() {
        let shown = table().shown(Hiding::Nothing);
        assert_eq!(shown.at(0, 0, 0), Shown::Count(100));
        assert_eq!(shown.at(0, 0, 1), Shown::Count(60));
        assert_eq!(shown.at(0, 2, 0), Shown::Count(103));
        assert_eq!(shown.at(2, 2, 1), Shown::Count(135));
    }

    #[test]
    fn small_numbers_and_what_gives_them_away_are_hidden() {
        let shown = table().shown(Hiding::SmallCells);
        assert_eq!(shown.at(0, 1, 0), Shown::Suppressed);
        let row = [shown.at(0, 0, 0), shown.at(0, 2, 0)];
        assert!(row.contains(&Shown::Suppressed), "{row:?}");
    }

    #[test]
    fn an_empty_table_has_nothing_to_hide() {
        let shown = CountTable::new(0, 3, 2).shown(Hiding::SmallCells);
        assert_eq!(shown.at(0, 3, 0), Shown::Count(0));
    }
}
