//! What the rows of one file said so far, for ids that come more than once: two rows that contradict each other would otherwise undo each
//! other's work on every run. Keeps fingerprints, never the rows.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Something a row says about something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// What it is about, for people.
    pub about: &'static str,
    /// What it is about, as a fingerprint.
    pub key: u64,
    /// What is said of it, as a fingerprint.
    pub content: u64,
}

/// Whether an earlier row said the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// Nobody said anything about it yet.
    First,
    /// An earlier row said exactly this, and was taken.
    Again,
}

/// The claims of the rows that were taken.
pub struct Ledger {
    repeated: HashSet<String>,
    /// By the claim's key: its content, and the line that made it.
    said: HashMap<u64, (u64, u64)>,
}

/// A fingerprint of 64 bits. Two of a million rows meet by chance once in some ten million files; a row is then rejected, none is lost.
pub fn fingerprint(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl Ledger {
    /// A ledger for the ids that come more than once.
    pub fn new(repeated: HashSet<String>) -> Self {
        Ledger {
            repeated,
            said: HashMap::new(),
        }
    }

    /// Whether rows with this id can contradict each other.
    pub fn watches(&self, id: &str) -> bool {
        self.repeated.contains(id)
    }

    /// Holds claims against what earlier rows said.
    ///
    /// # Errors
    /// The reason for which a row that contradicts an earlier one is rejected.
    pub fn compare(&self, claims: &[Claim]) -> Result<Vec<News>, String> {
        claims
            .iter()
            .map(|claim| match self.said.get(&claim.key) {
                None => Ok(News::First),
                Some((content, _)) if *content == claim.content => Ok(News::Again),
                Some((_, line)) => Err(format!(
                    "line {line} says something else about the same {}",
                    claim.about
                )),
            })
            .collect()
    }

    /// Remembers the claims of a row that was taken.
    pub fn note(&mut self, claims: &[Claim], line: u64) {
        for claim in claims {
            self.said.entry(claim.key).or_insert((claim.content, line));
        }
    }
}
