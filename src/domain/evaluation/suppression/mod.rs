//! Small cells: no count from 1 to 10 is shown, and none can be worked out from what is shown.
//!
//! The rule is the one of the Centers for Medicare & Medicaid Services (cell size suppression policy, ResDAC): no cell
//! of 1–10, 0 may be shown, excluded counts and percentages included. Three kinds of giving away are closed here:
//! within a cell (a part taken from its whole), across cells (a total less the others), and by bounds (what is left
//! of a total must be small). What exactly is promised, and what not, stands in `docs/evaluation.md`.
//!
//! A table of many small cells would hide its own totals; `detail` then lays together what it is broken down by.
//!
//! Not here: percentages, means and intervals; they are made from counts that are shown.

mod derivations;
mod detail;
mod network;
mod sheet;
#[cfg(test)]
mod tests;
mod view;

use super::count::Shown;
use derivations::{Counts, Kinds};
pub use detail::Detail;
use network::{Shape, Slack, cheapest_round, movement};
use sheet::Sheet;
use std::collections::BTreeMap;
use view::{Census, View};

/// Counts from 1 to this are never shown.
pub const LARGEST_SUPPRESSED: u64 = 10;

/// For every suppressed count the highest possible value lies at least this far above the lowest, so that the
/// possible values never all lie within 1–10.
pub const SMALLEST_WIDTH: u64 = 10;

/// More groups than this are not looked through; the details are then all suppressed.
const MOST_DERIVATIONS: usize = 30_000;

/// Above every count, far below overflow.
const UNBOUNDED: u64 = u64::MAX / 4;

/// The kinds of episode in one inner cell: which counts an episode is part of (one bit a count), and how many such.
pub type Kind = u32;

/// Counts of a two-way table, before suppression. A count is 0 or more of the episodes in the cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrossTable {
    /// Inner rows.
    pub rows: usize,
    /// Inner columns.
    pub columns: usize,
    /// How many counts are shown for each cell. Later counts are hidden before earlier ones.
    pub counts: usize,
    /// Inner cells, row by row.
    pub cells: Vec<BTreeMap<Kind, u64>>,
}

/// A table after suppression, totals included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtectedTable {
    rows: usize,
    columns: usize,
    detail: Detail,
    shape: Shape,
    shown: Sheet<Shown>,
}

impl ProtectedTable {
    /// A count as it may be shown; `row` = rows or `column` = columns asks for the total.
    #[must_use]
    pub fn shown(&self, row: usize, column: usize, count: usize) -> Shown {
        if !self.tells_of(row, column) {
            return Shown::Suppressed;
        }
        // What is not broken down has one line, which is its total.
        let row = row.min(self.shape.rows);
        let column = column.min(self.shape.columns);
        self.shown.at(count, self.shape.cell(row, column))
    }

    /// How finely the table is broken down.
    #[must_use]
    pub fn detail(&self) -> Detail {
        self.detail
    }

    /// Whether anything at all is said of a cell: where a table is not broken down, only of its totals.
    #[must_use]
    pub fn tells_of(&self, row: usize, column: usize) -> bool {
        (self.detail.by_row() || row == self.rows)
            && (self.detail.by_column() || column == self.columns)
    }
}

/// Suppresses small counts and whatever would give them away. The table is broken down as finely as leaves the grand totals of the first `told` counts to be
/// shown: all hidden numbers of a fine table say less than the totals of a coarse one. Only one of them is ever shown.
#[must_use]
pub fn protect(table: &CrossTable, told: usize) -> ProtectedTable {
    detail::finest(table, told)
}

/// The table, broken down so far and no further.
fn protect_at(table: &CrossTable, detail: Detail) -> ProtectedTable {
    let merged = detail::merged(table, detail);
    let mut desk = Desk::set_out(&merged, MOST_DERIVATIONS);
    desk.work();
    ProtectedTable {
        rows: table.rows,
        columns: table.columns,
        detail,
        shape: desk.shape,
        shown: desk.shown(),
    }
}

/// What is known of a number: its least and its greatest possible value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    low: u64,
    high: u64,
}

const ANYTHING: Range = Range {
    low: 0,
    high: UNBOUNDED,
};

/// The work in progress. Everything is indexed by count, then by cell.
struct Desk {
    shape: Shape,
    counts: usize,
    views: Vec<View>,
    values: Sheet<u64>,
    hidden: Sheet<bool>,
    ranges: Sheet<Range>,
    /// What was found out about each cell; looked up for as long as the same counts are hidden there.
    notes: Vec<Note>,
}

/// Looking through the groups of a cell is the long part of the work, so what it showed is kept.
#[derive(Debug, Clone, Default)]
struct Note {
    /// For these hidden counts: the bounds of each count by the groups that are seen.
    bounds: Option<(Counts, Vec<Range>)>,
    /// For these hidden counts nothing is given away.
    quiet: Option<Counts>,
}

impl Desk {
    /// Lays out the table. When there is too much to look through, only the first two counts are worked on.
    fn set_out(table: &CrossTable, limit: usize) -> Self {
        Self::with_counts(table, table.counts, limit)
            .or_else(|| Self::with_counts(table, 2, limit))
            .unwrap_or_else(|| Self::without_counts(table))
    }

    fn with_counts(table: &CrossTable, counts: usize, limit: usize) -> Option<Self> {
        let shape = Shape {
            rows: table.rows,
            columns: table.columns,
        };
        let mut census = Census::of(table, shape, counts, limit)?;
        let views = census.views()?;
        Some(Self::with_views(shape, counts, views, |count, cell| {
            census.value(count, cell)
        }))
    }

    fn without_counts(table: &CrossTable) -> Self {
        let shape = Shape {
            rows: table.rows,
            columns: table.columns,
        };
        Self::with_views(shape, 0, Vec::new(), |_, _| 0)
    }

    fn with_views(
        shape: Shape,
        counts: usize,
        views: Vec<View>,
        value: impl Fn(usize, usize) -> u64,
    ) -> Self {
        let cells = shape.cells();
        let mut desk = Self {
            shape,
            counts,
            views,
            values: Sheet::filled(counts, cells, 0, value),
            hidden: Sheet::filled(counts, cells, true, |_, _| false),
            ranges: Sheet::filled(counts, cells, ANYTHING, |_, _| ANYTHING),
            notes: vec![Note::default(); cells],
        };
        desk.forget_ranges();
        desk
    }

    /// Hides until nothing more is found; should a hidden number still be held too fast, nothing at all is shown.
    fn work(&mut self) {
        self.hide_in_rounds();
        if !self.is_safe() {
            let cells = self.shape.cells();
            self.hidden = Sheet::filled(self.counts, cells, true, |_, _| true);
        }
    }

    fn is_safe(&mut self) -> bool {
        (0..self.counts).all(|count| {
            (0..self.shape.cells())
                .all(|cell| !self.hidden.at(count, cell) || self.is_loose(count, cell))
        })
    }

    /// Ends when a whole round finds nothing to hide and learns nothing new about the ranges.
    fn hide_in_rounds(&mut self) {
        let mut quiet_rounds = 0;
        // Ranges settle in two or three rounds; the limit only guards against circling.
        while quiet_rounds < 12 {
            let before = self.ranges.clone();
            let hid = self.hide_within_cells() | self.hide_across_cells();
            if hid {
                self.forget_ranges();
                quiet_rounds = 0;
            } else if self.ranges == before {
                return;
            } else {
                quiet_rounds += 1;
            }
        }
    }

    fn forget_ranges(&mut self) {
        let known = |count, cell| {
            let value = self.values.at(count, cell);
            Range {
                low: value,
                high: value,
            }
        };
        self.ranges = Sheet::filled(self.counts, self.shape.cells(), ANYTHING, |count, cell| {
            if self.hidden.at(count, cell) {
                ANYTHING
            } else {
                known(count, cell)
            }
        });
    }

    fn hide_within_cells(&mut self) -> bool {
        let mut hid = false;
        for cell in 0..self.shape.cells() {
            let quiet = self.notes.get(cell).and_then(|note| note.quiet);
            if quiet == Some(self.hidden_counts(cell)) {
                continue;
            }
            while let Some(count) = self.gives_away(cell) {
                self.hide(count, cell);
                hid = true;
            }
            let hidden = self.hidden_counts(cell);
            if let Some(note) = self.notes.get_mut(cell) {
                note.quiet = Some(hidden);
            }
        }
        hid
    }

    /// A shown count of the cell that must go, if any.
    fn gives_away(&self, cell: usize) -> Option<usize> {
        let (view, hidden) = (self.views.get(cell)?, self.hidden_counts(cell));
        let orphan = (0..self.counts).find(|&count| view.is_orphan(count, hidden));
        orphan.or_else(|| {
            view.seen(hidden)
                .find(|(group, size)| is_small(*size) || view.is_hidden(group.group, hidden))
                .map(|(group, _)| deepest(group.needs))
        })
    }

    fn hidden_counts(&self, cell: usize) -> Counts {
        (0..self.counts)
            .filter(|&count| self.hidden.at(count, cell))
            .fold(0, |all, count| all | 1 << count)
    }

    fn hide_across_cells(&mut self) -> bool {
        let mut hid = false;
        for count in 0..self.counts {
            for cell in 0..self.shape.cells() {
                while self.hidden.at(count, cell) && !self.is_loose(count, cell) {
                    if !self.loosen(count, cell) {
                        break;
                    }
                    hid = true;
                }
            }
        }
        hid
    }

    /// Whether the hidden number can move far enough; notes its range.
    fn is_loose(&mut self, count: usize, cell: usize) -> bool {
        self.note_bounds();
        let slack: Vec<Slack> = (0..self.shape.cells())
            .map(|other| self.slack(count, other))
            .collect();
        let moves = movement(self.shape, &slack, cell, SMALLEST_WIDTH);
        let value = self.values.at(count, cell);
        self.ranges.set(
            count,
            cell,
            Range {
                low: value - moves.down,
                high: value + moves.up,
            },
        );
        moves.up + moves.down >= SMALLEST_WIDTH
    }

    /// The room a number has by what else is known of its own cell.
    fn slack(&self, count: usize, cell: usize) -> Slack {
        if !self.hidden.at(count, cell) {
            return Slack::default();
        }
        let (value, known) = (self.values.at(count, cell), self.limits(count, cell));
        Slack {
            up: known.high.saturating_sub(value),
            down: value.saturating_sub(known.low),
        }
    }

    /// Bounds from groups that are part of the count or contain it, seen or hidden.
    fn limits(&self, count: usize, cell: usize) -> Range {
        let Some(view) = self.views.get(cell) else {
            return ANYTHING;
        };
        let (set, hidden) = (view.set(count), self.hidden_counts(cell));
        let mut limits = match self.notes.get(cell).and_then(|note| note.bounds.as_ref()) {
            Some((same, bounds)) if *same == hidden => {
                bounds.get(count).copied().unwrap_or(ANYTHING)
            }
            _ => bounds(view, &[set], hidden)
                .first()
                .copied()
                .unwrap_or(ANYTHING),
        };
        for other in (0..self.counts).filter(|&other| other != count) {
            narrow(
                &mut limits,
                set,
                view.set(other),
                self.ranges.at(other, cell),
            );
        }
        limits
    }

    /// Brings the notes of the cells up to date in which something was hidden since.
    fn note_bounds(&mut self) {
        for cell in 0..self.shape.cells() {
            let hidden = self.hidden_counts(cell);
            let (Some(view), Some(note)) = (self.views.get(cell), self.notes.get_mut(cell)) else {
                continue;
            };
            if note.bounds.as_ref().is_none_or(|(same, _)| *same != hidden) {
                let sets: Vec<Kinds> = (0..self.counts).map(|count| view.set(count)).collect();
                note.bounds = Some((hidden, bounds(view, &sets, hidden)));
            }
        }
    }

    /// Hides one thing more so that the hidden number can move; false when nothing is left to hide.
    fn loosen(&mut self, count: usize, cell: usize) -> bool {
        let own = self.slack(count, cell);
        // When its own cell already holds the number fast, hiding other cells is of no use.
        if own.up.saturating_add(own.down) < SMALLEST_WIDTH {
            return self.hide_tightest(count, cell);
        }
        let round = self
            .shown_round(count, cell)
            .or_else(|| self.cheapest_shown(count).map(|other| vec![other]));
        match round {
            Some(cells) => {
                cells.into_iter().for_each(|other| self.hide(count, other));
                true
            }
            None => self.hide_tightest(count, cell),
        }
    }

    fn hide(&mut self, count: usize, cell: usize) {
        if !self.hidden.at(count, cell) {
            self.hidden.set(count, cell, true);
            self.ranges.set(count, cell, ANYTHING);
        }
    }

    /// The cheapest way round the cell, when something on it is still shown.
    fn shown_round(&self, count: usize, cell: usize) -> Option<Vec<usize>> {
        let price = |other: usize| self.price(count, other);
        let round = cheapest_round(self.shape, cell, &price)?;
        round
            .iter()
            .any(|&other| !self.hidden.at(count, other))
            .then_some(round)
    }

    fn cheapest_shown(&self, count: usize) -> Option<usize> {
        (0..self.shape.cells())
            .filter(|&other| !self.hidden.at(count, other) && !self.is_known_zero(count, other))
            .min_by_key(|&other| self.price(count, other))
    }

    /// What is lost by hiding a cell: totals are worth far more than inner cells, and a 0 hides little behind it.
    fn price(&self, count: usize, cell: usize) -> u64 {
        if self.hidden.at(count, cell) {
            return 0;
        }
        if self.is_known_zero(count, cell) {
            return u64::MAX;
        }
        let weight = if self.values.at(count, cell) == 0 {
            6
        } else {
            2
        };
        weight * 40_u64.pow(self.shape.totals(cell))
    }

    /// A 0 that other zeros tell; hiding it hides nothing.
    fn is_known_zero(&self, count: usize, cell: usize) -> bool {
        self.views.get(cell).is_none_or(|view| view.set(count) == 0)
    }

    /// Hides the shown count of the cell that bounds this one most closely.
    fn hide_tightest(&mut self, count: usize, cell: usize) -> bool {
        let Some(view) = self.views.get(cell) else {
            return false;
        };
        let hidden = self.hidden_counts(cell);
        let (set, value) = (view.set(count), self.values.at(count, cell));
        let tightest = view
            .seen(hidden)
            .filter(|(group, _)| group.group & set == set || group.group & set == group.group)
            .min_by_key(|(_, size)| size.abs_diff(value))
            .map(|(group, _)| deepest(group.needs));
        if let Some(other) = tightest {
            self.hide(other, cell);
        }
        tightest.is_some()
    }

    fn shown(&self) -> Sheet<Shown> {
        let one = |count, cell| {
            if self.hidden.at(count, cell) {
                Shown::Suppressed
            } else {
                Shown::Count(self.values.at(count, cell))
            }
        };
        Sheet::filled(self.counts, self.shape.cells(), Shown::Suppressed, one)
    }
}

/// What the groups that are seen say about the size of each of these sets.
fn bounds(view: &View, sets: &[Kinds], hidden: Counts) -> Vec<Range> {
    let mut bounds = vec![ANYTHING; sets.len()];
    for (group, size) in view.seen(hidden) {
        let seen = Range {
            low: size,
            high: size,
        };
        for (limits, set) in bounds.iter_mut().zip(sets) {
            narrow(limits, *set, group.group, seen);
        }
    }
    bounds
}

fn is_small(size: u64) -> bool {
    (1..=LARGEST_SUPPRESSED).contains(&size)
}

/// Takes in what the range of `other` says about a number whose kinds are `set`.
fn narrow(limits: &mut Range, set: Kinds, other: Kinds, range: Range) {
    if other & set == other {
        limits.low = limits.low.max(range.low);
    }
    if other & set == set {
        limits.high = limits.high.min(range.high);
    }
}

fn deepest(needs: Counts) -> usize {
    (Counts::BITS - 1 - needs.leading_zeros().min(Counts::BITS - 1)) as usize
}
