//! What was read a moment ago and hardly ever changes, kept for the next page.

use super::Fault;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long it may be shown after somebody changed it.
const HELD: Duration = Duration::from_secs(2);
/// The most that are remembered.
const MOST: usize = 4_096;

/// Things that were read a moment ago, by what they are asked for.
pub(super) struct Shelf<K, V>(Mutex<HashMap<K, (Instant, V)>>);

impl<K, V> Default for Shelf<K, V> {
    fn default() -> Self {
        Shelf(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Shelf<K, V> {
    /// What is remembered, or else what is read now.
    pub fn get_or(&self, key: K, read: impl FnOnce(&K) -> Result<V, Fault>) -> Result<V, Fault> {
        if let Some((since, value)) = self.lock().get(&key)
            && since.elapsed() < HELD
        {
            return Ok(value.clone());
        }
        let value = read(&key)?;
        let mut held = self.lock();
        if held.len() >= MOST {
            held.clear();
        }
        held.insert(key, (Instant::now(), value.clone()));
        Ok(value)
    }
}

impl<K, V> Shelf<K, V> {
    /// Forgets all of it.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, (Instant, V)>> {
        // A map of plain values is whole after any panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
