//! A two-way table with totals as a network, to find how far a hidden number could move without any shown number or
//! total changing.
//!
//! Rows and columns are nodes, cells are pipes: a row's total flows into the row, splits over its cells into the
//! columns, and out through the columns' totals and the grand total. Numbers that keep every sum are flows that keep
//! every node in balance, so the exact range of one hidden number is a maximum flow round it (whole numbers included).
//! Not here: which numbers to hide.

use std::collections::VecDeque;

/// The shape of a table: inner rows and columns; the totals stand at index `rows` and `columns`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Inner rows.
    pub rows: usize,
    /// Inner columns.
    pub columns: usize,
}

impl Shape {
    /// All cells, totals included.
    pub fn cells(self) -> usize {
        (self.rows + 1) * (self.columns + 1)
    }

    /// The place of a cell, row by row, the total last.
    pub fn cell(self, row: usize, column: usize) -> usize {
        row * (self.columns + 1) + column
    }

    /// How many totals the cell belongs to: 0 inside, 1 for a row's or column's total, 2 for the grand total.
    pub fn totals(self, cell: usize) -> u32 {
        let (row, column) = self.place(cell);
        u32::from(row == self.rows) + u32::from(column == self.columns)
    }

    fn place(self, cell: usize) -> (usize, usize) {
        (cell / (self.columns + 1), cell % (self.columns + 1))
    }

    fn nodes(self) -> usize {
        self.rows + self.columns + 2
    }

    /// Where the cell's pipe begins and ends.
    fn ends(self, cell: usize) -> (usize, usize) {
        let (row, column) = self.place(cell);
        let (row_node, column_node) = (row, self.rows + 1 + column);
        if self.totals(cell) == 1 {
            (column_node, row_node)
        } else {
            (row_node, column_node)
        }
    }
}

/// How far a hidden number may go up and down by what is known of it alone. Shown numbers may not move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Slack {
    /// Room above.
    pub up: u64,
    /// Room below.
    pub down: u64,
}

/// How far the number in `cell` can move, looking no further than `far` either way, given the slack of every cell.
pub fn movement(shape: Shape, slack: &[Slack], cell: usize, far: u64) -> Slack {
    let (from, to) = shape.ends(cell);
    let own = slack.get(cell).copied().unwrap_or_default();
    let mut others = slack.to_vec();
    if let Some(own) = others.get_mut(cell) {
        *own = Slack::default();
    }
    Slack {
        up: flow(shape, others.clone(), to, from, own.up.min(far)),
        down: flow(shape, others, from, to, own.down.min(far)),
    }
}

/// The greatest flow from `source` to `sink`, up to `wanted`, by shortest augmenting paths.
fn flow(shape: Shape, mut slack: Vec<Slack>, source: usize, sink: usize, wanted: u64) -> u64 {
    let mut sent = 0;
    while sent < wanted {
        let open = |cell: usize, forward: bool| {
            slack
                .get(cell)
                .map_or(0, |s| if forward { s.up } else { s.down })
        };
        let Some(path) = shortest(shape, source, sink, &open) else {
            break;
        };
        let narrowest = path
            .iter()
            .map(|&(cell, forward)| open(cell, forward))
            .min();
        let amount = narrowest.unwrap_or(0).min(wanted - sent);
        for (cell, forward) in path {
            push(&mut slack, cell, forward, amount);
        }
        sent += amount;
    }
    sent
}

fn push(slack: &mut [Slack], cell: usize, forward: bool, amount: u64) {
    if let Some(pipe) = slack.get_mut(cell) {
        if forward {
            pipe.up -= amount;
            pipe.down = pipe.down.saturating_add(amount);
        } else {
            pipe.down -= amount;
            pipe.up = pipe.up.saturating_add(amount);
        }
    }
}

/// Cells to walk, each with whether it is walked the way its pipe runs.
type Path = Vec<(usize, bool)>;

fn shortest(
    shape: Shape,
    source: usize,
    sink: usize,
    open: &dyn Fn(usize, bool) -> u64,
) -> Option<Path> {
    let mut came: Vec<Option<(usize, usize, bool)>> = vec![None; shape.nodes()];
    let mut queue = VecDeque::from([source]);
    while let Some(node) = queue.pop_front() {
        for (cell, forward, next) in steps(shape, node) {
            let Some(seen) = came.get_mut(next).filter(|_| next != source) else {
                continue;
            };
            if seen.is_none() && open(cell, forward) > 0 {
                *seen = Some((node, cell, forward));
                queue.push_back(next);
            }
        }
    }
    walk_back(&came, source, sink)
}

fn walk_back(came: &[Option<(usize, usize, bool)>], source: usize, sink: usize) -> Option<Path> {
    let mut path = Vec::new();
    let mut node = sink;
    while node != source {
        let (before, cell, forward) = came.get(node).copied().flatten()?;
        path.push((cell, forward));
        node = before;
    }
    Some(path)
}

/// Every pipe at a node: the cell, whether it leaves here, and the node at its other end.
fn steps(shape: Shape, node: usize) -> impl Iterator<Item = (usize, bool, usize)> {
    let is_row = node <= shape.rows;
    let count = if is_row {
        shape.columns + 1
    } else {
        shape.rows + 1
    };
    (0..count).map(move |other| {
        let cell = if is_row {
            shape.cell(node, other)
        } else {
            shape.cell(other, node - shape.rows - 1)
        };
        let (from, to) = shape.ends(cell);
        if from == node {
            (cell, true, to)
        } else {
            (cell, false, from)
        }
    })
}

/// The cheapest way round `cell` by other cells, each cell at its `price`: what to hide so that it can move.
pub fn cheapest_round(
    shape: Shape,
    cell: usize,
    price: &dyn Fn(usize) -> u64,
) -> Option<Vec<usize>> {
    let (source, sink) = shape.ends(cell);
    let mut came: Vec<Option<(usize, usize, bool)>> = vec![None; shape.nodes()];
    let mut paid: Vec<u64> = (0..shape.nodes())
        .map(|node| if node == source { 0 } else { u64::MAX })
        .collect();
    // Bellman–Ford: the networks are small and the code is shorter than a queue.
    for node in (0..shape.nodes())
        .cycle()
        .take(shape.nodes() * shape.nodes())
    {
        let so_far = paid.get(node).copied().unwrap_or(u64::MAX);
        for (step, forward, next) in steps(shape, node).filter(|&(step, ..)| step != cell) {
            let sum = so_far.saturating_add(price(step));
            let (Some(least), Some(road)) = (paid.get_mut(next), came.get_mut(next)) else {
                continue;
            };
            if sum < *least {
                (*least, *road) = (sum, Some((node, step, forward)));
            }
        }
    }
    walk_back(&came, source, sink).map(|path| path.into_iter().map(|(step, _)| step).collect())
}
