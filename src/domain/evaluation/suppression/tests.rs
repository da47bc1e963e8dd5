//! Small tables with known answers, and an attacker who adds, subtracts and bounds.

use super::network::{Shape, Slack, movement};
use super::*;
use proptest::prelude::*;

/// A table of one count.
fn plain(rows: usize, columns: usize, cells: &[u64]) -> CrossTable {
    CrossTable {
        rows,
        columns,
        counts: 1,
        cells: cells.iter().map(|&n| BTreeMap::from([(1, n)])).collect(),
    }
}

fn row_of(table: &ProtectedTable, row: usize) -> Vec<Option<u64>> {
    (0..=table.columns)
        .map(|column| table.shown(row, column, 0).value())
        .collect()
}

#[test]
fn a_table_without_small_cells_is_shown_whole() {
    let shown = protect(&plain(2, 2, &[20, 30, 0, 40]), 0);
    assert_eq!(row_of(&shown, 0), [Some(20), Some(30), Some(50)]);
    assert_eq!(row_of(&shown, 1), [Some(0), Some(40), Some(40)]);
    assert_eq!(row_of(&shown, 2), [Some(20), Some(70), Some(90)]);
}

#[test]
fn ten_is_hidden_and_eleven_is_not() {
    let shown = protect(&plain(1, 1, &[10]), 0);
    assert!(row_of(&shown, 0).iter().all(Option::is_none));
    let shown = protect(&plain(1, 1, &[11]), 0);
    assert_eq!(row_of(&shown, 0), [Some(11), Some(11)]);
}

#[test]
fn one_small_cell_takes_three_others_with_it_and_leaves_the_totals() {
    let shown = protect(&plain(3, 3, &[5, 30, 40, 30, 50, 60, 70, 80, 90]), 0);
    let hidden = (0..4)
        .flat_map(|row| row_of(&shown, row))
        .filter(Option::is_none)
        .count();
    assert_eq!(hidden, 4);
    assert_eq!(
        row_of(&shown, 3),
        [Some(105), Some(160), Some(190), Some(455)]
    );
    assert_eq!(shown.shown(0, 0, 0), Shown::Suppressed);
}

#[test]
fn two_small_cells_with_a_small_total_are_not_left_to_bounds() {
    // Hidden together 3 + 4 would sum to 7: each surely from 0 to 7.
    let shown = protect(&plain(2, 3, &[3, 4, 50, 40, 60, 70]), 0);
    for column in 0..2 {
        assert_eq!(shown.shown(0, column, 0), Shown::Suppressed);
    }
    let total = shown.shown(0, 3, 0);
    let third = shown.shown(0, 2, 0);
    assert!(total == Shown::Suppressed || third == Shown::Suppressed);
}

#[test]
fn a_small_complement_hides_the_part() {
    // 40 of 45: the 5 who did not would follow.
    let table = CrossTable {
        rows: 1,
        columns: 1,
        counts: 2,
        cells: vec![BTreeMap::from([(0b01, 5), (0b11, 40)])],
    };
    let shown = protect(&table, 0);
    assert_eq!(shown.shown(0, 0, 0), Shown::Count(45));
    assert_eq!(shown.shown(0, 0, 1), Shown::Suppressed);
    assert_eq!(shown.shown(1, 1, 1), Shown::Suppressed);
}

#[test]
fn what_neither_part_counts_is_protected_too() {
    // 60 in all, 30 better, 25 worse: the 5 in between would follow.
    let table = CrossTable {
        rows: 1,
        columns: 1,
        counts: 3,
        cells: vec![BTreeMap::from([(0b001, 5), (0b011, 30), (0b101, 25)])],
    };
    let shown = protect(&table, 0);
    assert_eq!(shown.shown(0, 0, 1), Shown::Count(30));
    assert_eq!(shown.shown(0, 0, 2), Shown::Suppressed);
}

#[test]
fn what_zeros_make_equal_is_hidden_together() {
    // Counts: all, planned, better, better and planned. In the second cell everybody's ending was planned, so that
    // "better" tells "better and planned" there, and the first cell's 5 would follow from the row's total.
    let cell = |both, better, planned, neither| {
        BTreeMap::from([
            (0b1111, both),
            (0b0101, better),
            (0b0011, planned),
            (0b0001, neither),
        ])
    };
    let others = cell(50, 30, 40, 30);
    let table = CrossTable {
        rows: 2,
        columns: 2,
        counts: 4,
        cells: vec![
            cell(5, 25, 30, 20),
            cell(40, 0, 30, 0),
            others.clone(),
            others,
        ],
    };
    let shown = protect(&table, 0);
    assert_eq!(shown.shown(0, 0, 3), Shown::Suppressed);
    if shown.shown(0, 1, 3) == Shown::Suppressed {
        assert_eq!(shown.shown(0, 1, 2), Shown::Suppressed);
    } else {
        assert_eq!(shown.shown(0, 2, 3), Shown::Suppressed);
    }
}

#[test]
fn zero_of_many_is_shown() {
    let table = CrossTable {
        rows: 1,
        columns: 1,
        counts: 2,
        cells: vec![BTreeMap::from([(0b01, 45)])],
    };
    let shown = protect(&table, 0);
    assert_eq!(shown.shown(0, 0, 1), Shown::Count(0));
}

/// Nine small groups, as three programs in three clinics have them: those who ended, and those of them without a pair.
fn small_groups() -> CrossTable {
    let ended = [7, 7, 8, 11, 4, 9, 12, 6, 7];
    let unpaired = [1, 1, 0, 11, 4, 9, 0, 0, 0];
    let cells = ended.into_iter().zip(unpaired);
    CrossTable {
        rows: 3,
        columns: 3,
        counts: 2,
        cells: cells
            .map(|(all, alone)| BTreeMap::from([(0b01, alone), (0b11, all - alone)]))
            .collect(),
    }
}

#[test]
fn a_table_that_would_hide_its_totals_is_broken_down_less() {
    let table = small_groups();
    let fine = protect(&table, 0);
    assert_eq!(fine.detail(), Detail::Cells);
    assert_eq!(fine.shown(3, 3, 1), Shown::Suppressed);
    let coarse = protect(&table, 2);
    assert_ne!(coarse.detail(), Detail::Cells);
    assert_eq!(coarse.shown(3, 3, 0), Shown::Count(71));
    assert_eq!(coarse.shown(3, 3, 1), Shown::Count(45));
    assert_eq!(coarse.shown(0, 0, 0), Shown::Suppressed);
    assert!(!coarse.tells_of(0, 0) && coarse.tells_of(3, 3));
}

#[test]
fn a_table_whose_totals_are_shown_is_broken_down_as_it_came() {
    let table = plain(3, 3, &[5, 30, 40, 30, 50, 60, 70, 80, 90]);
    assert_eq!(protect(&table, 1), protect(&table, 0));
}

#[test]
fn where_nothing_can_be_shown_the_table_stays_as_it_came() {
    let shown = protect(&plain(1, 2, &[3, 4]), 1);
    assert_eq!(shown.detail(), Detail::Cells);
    assert_eq!(row_of(&shown, 1), [None, None, None]);
}

#[test]
fn too_many_groups_to_look_through_leave_only_the_first_two_counts() {
    let cells = vec![BTreeMap::from([(0b001, 50), (0b011, 60), (0b111, 70)])];
    let table = CrossTable {
        rows: 1,
        columns: 1,
        counts: 3,
        cells,
    };
    let mut desk = Desk::set_out(&table, 4);
    desk.work();
    let shown = desk.shown();
    assert_eq!(shown.at(0, 0), Shown::Count(180));
    assert_eq!(shown.at(1, 0), Shown::Count(130));
    assert_eq!(shown.at(2, 0), Shown::Suppressed);
}

#[test]
fn an_empty_table_has_a_grand_total_of_nothing() {
    let shown = protect(&plain(0, 0, &[]), 0);
    assert_eq!(row_of(&shown, 0), [Some(0)]);
}

#[test]
fn the_network_finds_the_exact_range_of_a_hidden_cell() {
    // All four inner cells of [[2, 9], [4, 30]] hidden, totals shown: the first lies between 0 and 6.
    let shape = Shape {
        rows: 2,
        columns: 2,
    };
    let mut slack = vec![Slack::default(); shape.cells()];
    for (row, column, value) in [(0, 0, 2), (0, 1, 9), (1, 0, 4), (1, 1, 30)] {
        slack[shape.cell(row, column)] = Slack {
            up: 1000,
            down: value,
        };
    }
    let moves = movement(shape, &slack, shape.cell(0, 0), 100);
    assert_eq!((moves.down, moves.up), (2, 4));
    let moves = movement(shape, &slack, shape.cell(0, 0), 3);
    assert_eq!(moves.up, 3);
}

/// Kinds of a small evaluation: everyone, paired, improved, worse, and the last two among completers.
const KINDS: [Kind; 8] = [
    0b00_0001, 0b00_0011, 0b00_0111, 0b01_0111, 0b00_1011, 0b10_1011, 0b10_0011, 0b01_0011,
];

fn tables() -> impl Strategy<Value = CrossTable> {
    (1..4_usize, 1..4_usize).prop_flat_map(|(rows, columns)| {
        let number = prop_oneof![2 => Just(0_u64), 2 => 1..11_u64, 3 => 11..60_u64];
        let cell = proptest::collection::vec(number, KINDS.len());
        proptest::collection::vec(cell, rows * columns).prop_map(move |cells| CrossTable {
            rows,
            columns,
            counts: 6,
            cells: cells
                .into_iter()
                .map(|numbers| KINDS.into_iter().zip(numbers).collect())
                .collect(),
        })
    })
}

/// Somebody who knows all that is shown and which kinds of episode exist, and solves the equations.
struct Attacker<'a> {
    table: &'a CrossTable,
    shown: &'a ProtectedTable,
    /// Reduced equations over the kinds of the inner cells, modulo a prime.
    basis: Vec<Vec<u64>>,
}

const PRIME: u64 = 2_147_483_647;

impl<'a> Attacker<'a> {
    fn new(table: &'a CrossTable, shown: &'a ProtectedTable) -> Self {
        let mut attacker = Self {
            table,
            shown,
            basis: Vec::new(),
        };
        for (row, column, count) in attacker.questions() {
            if shown.shown(row, column, count) != Shown::Suppressed {
                let equation = attacker.equation(row, column, |kind| kind >> count & 1 == 1);
                attacker.learn(equation);
            }
        }
        attacker.learn_zeros();
        attacker
    }

    fn questions(&self) -> Vec<(usize, usize, usize)> {
        let (rows, columns, counts) = (self.table.rows, self.table.columns, self.table.counts);
        (0..=rows)
            .flat_map(|r| (0..=columns).flat_map(move |c| (0..counts).map(move |k| (r, c, k))))
            .collect()
    }

    /// One unknown for each inner cell and kind.
    fn equation(&self, row: usize, column: usize, wanted: impl Fn(Kind) -> bool) -> Vec<u64> {
        let (rows, columns) = (self.table.rows, self.table.columns);
        let mut equation = Vec::new();
        for r in 0..rows {
            for c in 0..columns {
                let inside = (row == rows || row == r) && (column == columns || column == c);
                equation.extend(KINDS.map(|kind| u64::from(inside && wanted(kind))));
            }
        }
        equation
    }

    /// Nobody is counted less than never: where a shown count is 0, or equals its whole, the kinds are absent.
    fn learn_zeros(&mut self) {
        for (row, column, count) in self.questions() {
            let Some(value) = self.shown.shown(row, column, count).value() else {
                continue;
            };
            if value == 0 {
                self.learn_absent(row, column, |kind| kind >> count & 1 == 1);
            }
            for whole in 0..self.table.counts {
                let contained = KINDS
                    .iter()
                    .all(|kind| kind >> count & 1 == 0 || kind >> whole & 1 == 1);
                if contained && self.shown.shown(row, column, whole).value() == Some(value) {
                    self.learn_absent(row, column, |kind| {
                        kind >> whole & 1 == 1 && kind >> count & 1 == 0
                    });
                }
            }
        }
    }

    fn learn_absent(&mut self, row: usize, column: usize, gone: impl Fn(Kind) -> bool) {
        let absent = self.equation(row, column, gone);
        for place in (0..absent.len()).filter(|&place| absent[place] == 1) {
            let mut single = vec![0; absent.len()];
            single[place] = 1;
            self.learn(single);
        }
    }

    fn learn(&mut self, equation: Vec<u64>) {
        let rest = self.reduce(equation);
        if rest.iter().any(|&x| x != 0) {
            self.basis.push(rest);
        }
    }

    /// What is left of a question after all that is known has been taken away; all 0 means it is answered.
    fn reduce(&self, mut equation: Vec<u64>) -> Vec<u64> {
        for known in &self.basis {
            let lead = known.iter().position(|&x| x != 0).unwrap();
            let times = equation[lead] * inverse(known[lead]) % PRIME;
            for (left, right) in equation.iter_mut().zip(known) {
                *left = (*left + PRIME - times * right % PRIME) % PRIME;
            }
        }
        equation
    }

    fn knows(&self, row: usize, column: usize, wanted: impl Fn(Kind) -> bool) -> bool {
        let question = self.equation(row, column, wanted);
        self.reduce(question).iter().all(|&x| x == 0)
    }

    fn truth(&self, row: usize, column: usize, wanted: impl Fn(Kind) -> bool) -> u64 {
        let inside = self.equation(row, column, wanted);
        let all = self
            .table
            .cells
            .iter()
            .flat_map(|cell| KINDS.map(|kind| cell[&kind]));
        inside.iter().zip(all).map(|(x, n)| x * n).sum()
    }
}

fn inverse(x: u64) -> u64 {
    let (mut power, mut base, mut result) = (PRIME - 2, x, 1);
    while power > 0 {
        if power & 1 == 1 {
            result = result * base % PRIME;
        }
        base = base * base % PRIME;
        power >>= 1;
    }
    result
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Every set of kinds in every cell and total is asked: 255 groups each.
    #[test]
    fn nobody_who_adds_and_subtracts_learns_a_number_from_one_to_ten(table in tables(), told in 0..=3_usize) {
        let shown = protect(&table, told);
        let attacker = Attacker::new(&table, &shown);
        for row in 0..=table.rows {
            for column in 0..=table.columns {
                for group in 1..256_u32 {
                    let wanted = |kind: Kind| {
                        let place = KINDS.iter().position(|k| *k == kind).unwrap();
                        group >> place & 1 == 1
                    };
                    let truth = attacker.truth(row, column, wanted);
                    prop_assert!(
                        !is_small(truth) || !attacker.knows(row, column, wanted),
                        "group {group:08b} of cell {row},{column} is {truth} and can be worked out"
                    );
                }
            }
        }
    }

    #[test]
    fn every_number_that_is_shown_is_true_and_none_is_from_one_to_ten(table in tables(), told in 0..=3_usize) {
        let shown = protect(&table, told);
        let attacker = Attacker::new(&table, &shown);
        for (row, column, count) in attacker.questions() {
            if let Some(value) = shown.shown(row, column, count).value() {
                prop_assert!(!is_small(value));
                prop_assert_eq!(value, attacker.truth(row, column, |kind| kind >> count & 1 == 1));
            }
        }
    }

    /// A shown part would bound its hidden whole from below.
    #[test]
    fn where_a_whole_is_hidden_no_part_of_it_is_shown(table in tables(), told in 0..=3_usize) {
        let shown = protect(&table, told);
        let attacker = Attacker::new(&table, &shown);
        for (row, column, part) in attacker.questions() {
            let value = shown.shown(row, column, part).value();
            // The first count takes in everybody, the second all but those without a pair.
            for whole in 0..part.min(2) {
                let hidden = shown.shown(row, column, whole) == Shown::Suppressed;
                prop_assert!(!hidden || value.is_none_or(|n| n == 0));
            }
        }
    }

    /// The network's range of every hidden number is wide enough, checked against the finished table.
    #[test]
    fn every_hidden_number_could_be_eleven_different_numbers(table in tables()) {
        let mut desk = Desk::set_out(&table, MOST_DERIVATIONS);
        desk.hide_in_rounds();
        for count in 0..desk.counts {
            for cell in 0..desk.shape.cells() {
                prop_assert!(!desk.hidden.at(count, cell) || desk.is_loose(count, cell));
            }
        }
    }
}
