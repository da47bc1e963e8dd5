//! A count as it may be shown.
//!
//! Not here: the decision which counts are suppressed.

/// A number of episodes, or the fact that it is suppressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shown {
    /// The number itself.
    Count(u64),
    /// From 1 to 10, or would give such a number away. Not the same as 0.
    Suppressed,
}

impl Shown {
    /// The number, when it is shown.
    #[must_use]
    pub fn value(self) -> Option<u64> {
        match self {
            Self::Count(count) => Some(count),
            Self::Suppressed => None,
        }
    }
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Suppressed => f.write_str("suppressed"),
        }
    }
}
