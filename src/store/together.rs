//! What several patients hand in at the same moment, stored in one statement and made durable by one commit: starting a statement that writes to five tables, and waiting for
//! the disk, cost PostgreSQL several times as much as the rows. Nobody is made to wait for company: whatever came in while the statement before was under way goes into
//! the next. How it is stored is `deposit`'s business.

use super::deposit::{Stored, Whole, store_together};
use super::{Fault, Tx};
use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// At most so many go into one statement.
const MOST: usize = 64;

/// Whom to tell what came of it.
pub(super) type Tell = Box<dyn FnOnce(Result<Stored, Fault>) + Send>;

/// What waits to be stored.
#[derive(Default)]
pub(super) struct Together(Mutex<VecDeque<(Whole, Tell)>>);

impl Together {
    /// Puts one in line. Whoever does so asks a connection for [`Together::store`] too, or else for [`Together::refuse`].
    pub fn push(&self, whole: Whole, tell: Tell) {
        self.lock().push_back((whole, tell));
    }

    /// Stores what waits: all of it, or the next of each episode and the most that one statement takes; says whether the database did as it was told. There may be nothing left
    /// when one turns up: an earlier turn took it along.
    pub fn store(&self, tx: Result<&mut Tx, Fault>) -> bool {
        let (wholes, tells) = self.take();
        let stored = match tx {
            Ok(tx) => store_or_part(tx, &wholes),
            Err(fault) => wholes.iter().map(|_| Err(fault.clone())).collect(),
        };
        let well = stored.iter().all(Result::is_ok);
        for (tell, stored) in tells.into_iter().zip(stored) {
            tell(stored);
        }
        well
    }

    /// Tells one of those who wait that there is no turn for them; the others have theirs.
    pub fn refuse(&self, fault: &Fault) {
        let one = self.lock().pop_back();
        if let Some((_, tell)) = one {
            tell(Err(fault.clone()));
        }
    }

    fn take(&self) -> (Vec<Whole>, Vec<Tell>) {
        let mut waiting = self.lock();
        let mut episodes = HashSet::new();
        let (mut now, mut later) = (vec![], VecDeque::new());
        for (whole, tell) in waiting.drain(..) {
            // The next of an episode rests on what this one makes of its summary, so it will have to be taken in turn; but that is found out there.
            if now.len() < MOST && episodes.insert(whole.episode()) {
                now.push((whole, tell));
            } else {
                later.push_back((whole, tell));
            }
        }
        *waiting = later;
        now.into_iter().unzip()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Whole, Tell)>> {
        // Whatever panicked, what lies here is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that cannot be stored must not keep the others from it: after an error each is tried alone.
fn store_or_part(tx: &mut Tx, wholes: &[Whole]) -> Vec<Result<Stored, Fault>> {
    if wholes.is_empty() {
        return vec![];
    }
    match store_together(tx, wholes) {
        Ok(stored) => stored.into_iter().map(Ok).collect(),
        Err(fault) if wholes.len() == 1 => vec![Err(fault)],
        Err(_) => wholes
            .chunks(1)
            .flat_map(|one| store_or_part(tx, one))
            .collect(),
    }
}
