//! A value for every count and cell of a table.
//!
//! Not here: what the values mean.

/// One value for each count and cell; asking outside gives the value that was agreed for it, never a panic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet<T> {
    cells: usize,
    values: Vec<T>,
    outside: T,
}

impl<T: Copy> Sheet<T> {
    /// A sheet filled by `fill` from count and cell.
    pub fn filled(
        counts: usize,
        cells: usize,
        outside: T,
        fill: impl Fn(usize, usize) -> T,
    ) -> Self {
        let fill = &fill;
        Self {
            cells,
            values: (0..counts)
                .flat_map(|count| (0..cells).map(move |cell| fill(count, cell)))
                .collect(),
            outside,
        }
    }

    /// The value of a count in a cell.
    pub fn at(&self, count: usize, cell: usize) -> T {
        self.place(count, cell)
            .and_then(|place| self.values.get(place).copied())
            .unwrap_or(self.outside)
    }

    /// Changes the value of a count in a cell.
    pub fn set(&mut self, count: usize, cell: usize, value: T) {
        let place = self.place(count, cell);
        if let Some(old) = place.and_then(|place| self.values.get_mut(place)) {
            *old = value;
        }
    }

    fn place(&self, count: usize, cell: usize) -> Option<usize> {
        (cell < self.cells).then_some(count * self.cells + cell)
    }
}
