//! Many patients at once, until told to stop: what a service is doing in the moment it is killed.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::patient::{Acknowledged, Patient, RiskItem};

/// A burst of submissions under way.
pub struct Burst {
    shared: Arc<Shared>,
    patients: Vec<JoinHandle<Vec<Outcome>>>,
}

struct Shared {
    queue: Mutex<VecDeque<(usize, String)>>,
    stopping: AtomicBool,
    done: AtomicUsize,
}

/// What a patient knows about one link when the burst is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The link's path.
    pub link: String,
    pub acknowledged: Acknowledged,
    pub risk: RiskItem,
    /// What went wrong, if something did.
    pub problem: Option<String>,
}

impl Burst {
    /// Starts this many patients on the links (paths), each used once; every tenth answers the risk item above zero.
    pub fn start(address: SocketAddr, links: &[String], patients: usize) -> Self {
        let queue: VecDeque<(usize, String)> = links.iter().cloned().enumerate().collect();
        let shared = Arc::new(Shared {
            queue: Mutex::new(queue),
            stopping: AtomicBool::new(false),
            done: AtomicUsize::new(0),
        });
        let patients = (0..patients)
            .map(|_| {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || submit_until(address, &shared))
            })
            .collect();
        Self { shared, patients }
    }

    /// Waits until so many submissions are through, whatever the speed of the machine.
    ///
    /// # Panics
    /// When they are not in time.
    pub fn wait_for(&self, submissions: usize, patience: Duration) {
        let until = Instant::now() + patience;
        while self.shared.done.load(Ordering::SeqCst) < submissions {
            assert!(
                Instant::now() < until,
                "fewer than {submissions} submissions within {patience:?}"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Lets every patient use up the links and tells what each was told.
    pub fn finish(self) -> Vec<Outcome> {
        Self::ended(self.patients)
    }

    /// Lets every patient end (a dead service ends them too) and tells what each was told. Links never tried are left out.
    pub fn outcomes(self) -> Vec<Outcome> {
        self.shared.stopping.store(true, Ordering::SeqCst);
        Self::ended(self.patients)
    }

    fn ended(patients: Vec<JoinHandle<Vec<Outcome>>>) -> Vec<Outcome> {
        patients
            .into_iter()
            .flat_map(|patient| patient.join().expect("no patient panics"))
            .collect()
    }
}

fn submit_until(address: SocketAddr, shared: &Shared) -> Vec<Outcome> {
    let mut patient = Patient::new(address);
    let mut outcomes = Vec::new();
    while !shared.stopping.load(Ordering::SeqCst) {
        let next = shared.queue.lock().expect("no patient panics").pop_front();
        let Some((number, link)) = next else { break };
        let risk = if number % 10 == 0 {
            RiskItem::AboveZero
        } else {
            RiskItem::Zero
        };
        let problem = patient.submits(&link, number, risk).err();
        let failed = problem.is_some();
        outcomes.push(Outcome {
            link,
            acknowledged: patient.acknowledged(),
            risk,
            problem,
        });
        if failed {
            break;
        }
        shared.done.fetch_add(1, Ordering::SeqCst);
    }
    outcomes
}
