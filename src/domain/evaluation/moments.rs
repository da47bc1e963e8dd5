//! Running means, spreads and the correlation of first and last scores, without keeping the scores.
//!
//! Welford's update and Chan's merge, for two values at once. Not here: what the figures are called.

/// Moments of pairs (first, last), in points of the scale.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Moments {
    n: u64,
    mean_first: f64,
    mean_last: f64,
    square_first: f64,
    square_last: f64,
    product: f64,
}

impl Moments {
    /// Adds one pair.
    pub fn add(&mut self, first: f64, last: f64) {
        self.n += 1;
        let n = as_real(self.n);
        let (from_first, from_last) = (first - self.mean_first, last - self.mean_last);
        self.mean_first += from_first / n;
        self.mean_last += from_last / n;
        self.square_first += from_first * (first - self.mean_first);
        self.square_last += from_last * (last - self.mean_last);
        self.product += from_first * (last - self.mean_last);
    }

    /// The moments of both samples together.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        if self.n == 0 || other.n == 0 {
            return if self.n == 0 { other } else { self };
        }
        let (a, b) = (as_real(self.n), as_real(other.n));
        let total = a + b;
        let first = other.mean_first - self.mean_first;
        let last = other.mean_last - self.mean_last;
        let weight = a * b / total;
        Self {
            n: self.n + other.n,
            mean_first: self.mean_first + first * b / total,
            mean_last: self.mean_last + last * b / total,
            square_first: self.square_first + other.square_first + first * first * weight,
            square_last: self.square_last + other.square_last + last * last * weight,
            product: self.product + other.product + first * last * weight,
        }
    }

    /// How many pairs.
    #[must_use]
    pub fn n(&self) -> u64 {
        self.n
    }

    /// Mean of the first scores.
    #[must_use]
    pub fn mean_first(&self) -> f64 {
        self.mean_first
    }

    /// Mean of the last scores.
    #[must_use]
    pub fn mean_last(&self) -> f64 {
        self.mean_last
    }

    /// Mean of last minus first.
    #[must_use]
    pub fn mean_change(&self) -> f64 {
        self.mean_last - self.mean_first
    }

    /// Sample standard deviation of the first scores; `None` below two pairs.
    #[must_use]
    pub fn sd_first(&self) -> Option<f64> {
        self.sd(self.square_first)
    }

    /// Sample standard deviation of the last scores; `None` below two pairs.
    #[must_use]
    pub fn sd_last(&self) -> Option<f64> {
        self.sd(self.square_last)
    }

    /// Sample standard deviation of the changes; `None` below two pairs.
    #[must_use]
    pub fn sd_change(&self) -> Option<f64> {
        self.sd(self.square_first + self.square_last - 2.0 * self.product)
    }

    /// Pearson's correlation of first and last; `None` without spread in both.
    #[must_use]
    pub fn correlation(&self) -> Option<f64> {
        let spread = (self.square_first * self.square_last).sqrt();
        (spread > 0.0).then(|| (self.product / spread).clamp(-1.0, 1.0))
    }

    fn sd(&self, squares: f64) -> Option<f64> {
        // Rounding can leave a hair below zero when every change is the same.
        (self.n > 1).then(|| (squares.max(0.0) / as_real(self.n - 1)).sqrt())
    }
}

/// Counts of episodes are far below 2^53, where every whole number still has its own float.
pub(super) fn as_real(count: u64) -> f64 {
    count as f64
}
