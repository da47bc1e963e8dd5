//! Many patients at once, until told to stop: what a service is doing in the moment it is killed.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::patient::{Acknowledged, Patient, RiskItem};

/// A burst of submissions under way.
pub struct Burst {
    stopping: Arc<AtomicBool>,
    patients: Vec<JoinHandle<Vec<Outcome>>>,
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
        let queue = Arc::new(Mutex::new(queue));
        let stopping = Arc::new(AtomicBool::new(false));
        let patients = (0..patients)
            .map(|_| {
                let (queue, stopping) = (Arc::clone(&queue), Arc::clone(&stopping));
                std::thread::spawn(move || submit_until(address, &queue, &stopping))
            })
            .collect();
        Self { stopping, patients }
    }

    /// Lets every patient end (a dead service ends them too) and tells what each was told. Links never tried are left out.
    pub fn outcomes(self) -> Vec<Outcome> {
        self.stopping.store(true, Ordering::SeqCst);
        self.patients
            .into_iter()
            .flat_map(|patient| patient.join().expect("no patient panics"))
            .collect()
    }
}

fn submit_until(
    address: SocketAddr,
    queue: &Mutex<VecDeque<(usize, String)>>,
    stopping: &AtomicBool,
) -> Vec<Outcome> {
    let mut patient = Patient::new(address);
    let mut outcomes = Vec::new();
    while !stopping.load(Ordering::SeqCst) {
        let next = queue.lock().expect("no patient panics").pop_front();
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
    }
    outcomes
}
