//! What can be known of each cell: which kinds of episode it surely lacks, and which groups can be worked out there.
//!
//! A shown 0 tells that every kind in it is absent, here and, for a total, in every cell it sums. Without the absent
//! kinds more counts contain each other, so each cell has its own groups. The zeros are taken as if everything were
//! shown: whoever sees less knows less. Not here: what to hide.

use super::CrossTable;
use super::derivations::{Counts, Derivation, Kinds, derivations};
use super::network::Shape;
use super::sheet::Sheet;
use std::collections::BTreeMap;
use std::rc::Rc;

/// One cell, seen by somebody who sees all counts.
#[derive(Debug, Clone)]
pub struct View {
    /// Each count as a set of kinds, without those known to be absent.
    sets: Vec<Kinds>,
    /// The groups that can be worked out.
    groups: Rc<Vec<Derivation>>,
    /// Their sizes.
    sizes: Vec<u64>,
}

impl View {
    /// The groups somebody can work out to whom the `hidden` counts are not shown, with their sizes.
    pub fn seen(&self, hidden: Counts) -> impl Iterator<Item = (Derivation, u64)> {
        self.groups
            .iter()
            .copied()
            .zip(self.sizes.iter().copied())
            .filter(move |(group, _)| group.needs & hidden == 0)
    }

    /// The kinds a count takes in here.
    pub fn set(&self, count: usize) -> Kinds {
        self.sets.get(count).copied().unwrap_or(0)
    }

    /// A shown part of a hidden whole: without the whole it says little, and it would bound it from below.
    pub fn is_orphan(&self, count: usize, hidden: Counts) -> bool {
        let set = self.set(count);
        hidden & (1 << count) == 0
            && set != 0
            && self.hidden_sets(hidden).any(|whole| set & whole == set)
    }

    /// Whether the group is one of the hidden counts by another road.
    pub fn is_hidden(&self, group: Kinds, hidden: Counts) -> bool {
        self.hidden_sets(hidden).any(|set| set == group)
    }

    fn hidden_sets(&self, hidden: Counts) -> impl Iterator<Item = Kinds> {
        let sets = self.sets.iter().enumerate();
        sets.filter(move |(count, _)| hidden >> count & 1 == 1)
            .map(|(_, set)| *set)
    }
}

/// How many of each kind are in each cell, totals included, and which kinds each count takes in.
pub struct Census {
    shape: Shape,
    by_kind: Vec<Vec<u64>>,
    sets: Vec<Kinds>,
    /// The groups for each set of absent kinds, found once.
    found: BTreeMap<Kinds, Rc<Vec<Derivation>>>,
    limit: usize,
}

impl Census {
    /// Counts a table; looks at its first `counts` counts only. `None` when there are too many kinds to look through.
    pub fn of(table: &CrossTable, shape: Shape, counts: usize, limit: usize) -> Option<Self> {
        let kinds: Vec<u32> = table
            .cells
            .iter()
            .flat_map(|cell| cell.iter().filter(|(_, n)| **n > 0).map(|(kind, _)| *kind))
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect();
        (kinds.len() <= 128).then(|| Self {
            shape,
            by_kind: with_totals(table, shape, &kinds),
            sets: (0..counts).map(|count| set_of(&kinds, count)).collect(),
            found: BTreeMap::new(),
            limit,
        })
    }

    /// The views of all cells; `None` when there are too many groups to look through.
    pub fn views(&mut self) -> Option<Vec<View>> {
        let cells = self.shape.cells();
        let mut absent = Sheet::filled(1, cells, 0, |_, _| 0);
        loop {
            let before = absent.clone();
            for cell in 0..cells {
                let known = absent.at(0, cell);
                absent.set(0, cell, known | self.zeros(cell, known)?);
            }
            self.spread(&mut absent);
            if absent == before {
                break;
            }
        }
        (0..cells)
            .map(|cell| self.view(cell, absent.at(0, cell)))
            .collect()
    }

    /// The value of a count in a cell.
    pub fn value(&self, count: usize, cell: usize) -> u64 {
        let set = self.sets.get(count).copied().unwrap_or(0);
        size(self.here(cell), set)
    }

    /// How many episodes of each kind are in the cell.
    fn here(&self, cell: usize) -> &[u64] {
        self.by_kind.get(cell).map_or(&[], Vec::as_slice)
    }

    fn view(&mut self, cell: usize, absent: Kinds) -> Option<View> {
        let groups = self.groups(absent)?;
        let sizes = groups
            .iter()
            .map(|group| size(self.here(cell), group.group))
            .collect();
        Some(View {
            sets: self.sets.iter().map(|set| set & !absent).collect(),
            groups,
            sizes,
        })
    }

    /// The kinds in all groups that are empty here.
    fn zeros(&mut self, cell: usize, absent: Kinds) -> Option<Kinds> {
        let groups = self.groups(absent)?;
        let here = self.here(cell);
        let empty = groups.iter().filter(|group| size(here, group.group) == 0);
        Some(empty.fold(0, |all, group| all | group.group))
    }

    fn groups(&mut self, absent: Kinds) -> Option<Rc<Vec<Derivation>>> {
        if let Some(known) = self.found.get(&absent) {
            return Some(Rc::clone(known));
        }
        let sets: Vec<Kinds> = self.sets.iter().map(|set| set & !absent).collect();
        let groups = Rc::new(derivations(&sets, self.limit)?);
        self.found.insert(absent, Rc::clone(&groups));
        Some(groups)
    }

    /// What a total lacks its cells lack; what all its cells lack a total lacks.
    fn spread(&self, absent: &mut Sheet<Kinds>) {
        let (rows, columns) = (self.shape.rows, self.shape.columns);
        let inner: Vec<(usize, usize)> = (0..rows)
            .flat_map(|row| (0..columns).map(move |column| (row, column)))
            .collect();
        for &(row, column) in &inner {
            let places = [
                (row, column),
                (row, columns),
                (rows, column),
                (rows, columns),
            ];
            let all = places.iter().fold(0, |all, &(row, column)| {
                all | absent.at(0, self.shape.cell(row, column))
            });
            absent.set(0, self.shape.cell(row, column), all);
        }
        for row in 0..=rows {
            for column in 0..=columns {
                let lacked_by_all = inner
                    .iter()
                    .filter(|&&(r, c)| {
                        (row == rows || r == row) && (column == columns || c == column)
                    })
                    .fold(Kinds::MAX, |all, &(r, c)| {
                        all & absent.at(0, self.shape.cell(r, c))
                    });
                let cell = self.shape.cell(row, column);
                absent.set(0, cell, absent.at(0, cell) | lacked_by_all);
            }
        }
    }
}

fn size(by_kind: &[u64], group: Kinds) -> u64 {
    by_kind
        .iter()
        .enumerate()
        .filter(|(kind, _)| group >> kind & 1 == 1)
        .map(|(_, n)| n)
        .sum()
}

fn set_of(kinds: &[u32], count: usize) -> Kinds {
    kinds
        .iter()
        .enumerate()
        .filter(|(_, kind)| *kind >> count & 1 == 1)
        .fold(0, |set, (place, _)| set | 1 << place)
}

/// Inner cells and totals, row by row, each with the number of every kind.
fn with_totals(table: &CrossTable, shape: Shape, kinds: &[u32]) -> Vec<Vec<u64>> {
    let mut cells = vec![vec![0; kinds.len()]; shape.cells()];
    for (place, inner) in table.cells.iter().enumerate() {
        let (row, column) = (place / table.columns, place % table.columns);
        for (row, column) in [
            (row, column),
            (row, table.columns),
            (table.rows, column),
            (table.rows, table.columns),
        ] {
            let sums = cells.get_mut(shape.cell(row, column)).into_iter().flatten();
            for (sum, kind) in sums.zip(kinds) {
                *sum += inner.get(kind).copied().unwrap_or(0);
            }
        }
    }
    cells
}
