//! The lanes to the database: a queue of closures, and the threads that own a connection each and run them.
//!
//! SQLite gets one writing thread with group commit: it takes every closure that is waiting, runs each in its own savepoint inside
//! one transaction, commits once, then answers them all. PostgreSQL gets several threads that run one closure a transaction.
//! What the closures do is the business of the aggregates beside this file.

use super::engine::LongLog;
use super::{Fault, Tx};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many closures share one commit if they are there.
const GROUP_MIN: usize = 8;
/// Of more than that, one in so many waits for the next.
const GROUP_LEAVES: usize = 4;
/// At most this many closures share one commit.
const GROUP_MAX: usize = 64;
/// More waiting closures than this are refused at once, so that an overload shows as an error and not as silence.
const WAITING_MAX: usize = 10_000;
/// How long a write that nobody waits for may be held back for company.
const SOON: Duration = Duration::from_millis(25);

/// Whether somebody waits for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    /// A person waits: run at once.
    Now,
    /// Nobody waits: run with the next group, or within [`SOON`].
    Soon,
}

/// What a closure's work amounts to before the commit: keep or undo it, and whom to tell afterwards.
pub(super) struct Verdict {
    pub keep: bool,
    pub answer: Box<dyn FnOnce(Result<(), Fault>) + Send>,
}

/// A closure waiting for a connection. When there is none, it is told the fault instead.
pub(super) type Job = Box<dyn FnOnce(Result<&mut Tx, Fault>) -> Verdict + Send>;

/// How a lane wraps its closures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrap {
    /// Many closures, one transaction (SQLite's writer).
    Group,
    /// One closure, one transaction.
    Single,
    /// No transaction: closures that only read.
    Bare,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<(Urgency, Job)>,
    closed: bool,
}

/// The queue in front of a lane's threads.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

impl Queue {
    /// Puts a closure in line.
    pub fn push(&self, urgency: Urgency, job: Job) -> Result<(), Fault> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(Fault::Stopped);
        }
        if waiting.jobs.len() >= WAITING_MAX {
            return Err(Fault::Overloaded);
        }
        waiting.jobs.push_back((urgency, job));
        drop(waiting);
        self.wake.notify_one();
        Ok(())
    }

    /// Lets the threads finish what waits and then end.
    pub fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_all();
    }

    /// The next closures to run together; `None` once the queue is closed and empty.
    fn take(&self, most: usize) -> Option<Vec<Job>> {
        let mut waiting = self.lock();
        while waiting.jobs.is_empty() {
            if waiting.closed {
                return None;
            }
            waiting = self
                .wake
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
        waiting = self.wait_for_company(waiting);
        // Most of what waits: a commit costs as much as two closures, however many share it. Not all, or patients and writer would take turns at waiting for each
        // other.
        let share = waiting.jobs.len() - waiting.jobs.len() / GROUP_LEAVES;
        let group = share.max(GROUP_MIN).min(most).min(waiting.jobs.len());
        Some(waiting.jobs.drain(..group).map(|(_, job)| job).collect())
    }

    fn wait_for_company<'a>(
        &self,
        mut waiting: MutexGuard<'a, Waiting>,
    ) -> MutexGuard<'a, Waiting> {
        let latest = Instant::now() + SOON;
        while !waiting.closed
            && waiting
                .jobs
                .iter()
                .all(|(urgency, _)| *urgency == Urgency::Soon)
        {
            let Some(left) = latest.checked_duration_since(Instant::now()) else {
                break;
            };
            waiting = self
                .wake
                .wait_timeout(waiting, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        waiting
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // A poisoned queue only means that a push panicked between two plain moves; the data is whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a connection; called at start and again after a connection broke.
pub(super) type Connect = Arc<dyn Fn() -> Result<Tx, Fault> + Send + Sync>;

/// Starts one thread of a lane. It owns `tx` until the queue closes.
pub(super) fn start(
    name: String,
    queue: Arc<Queue>,
    connect: Connect,
    tx: Tx,
    wrap: Wrap,
    log: Option<Arc<LongLog>>,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new().name(name).spawn(move || {
        let mut worker = Worker {
            tx: Some(tx),
            connect,
            wrap,
        };
        let most = if wrap == Wrap::Group { GROUP_MAX } else { 1 };
        while let Some(jobs) = queue.take(most) {
            worker.run(jobs);
            if let (Some(log), Some(tx)) = (&log, &mut worker.tx) {
                log.copy_rest_back(tx);
            }
        }
    })
}

/// Connections for reads that run on the caller's own thread; as many as there are callers at once.
pub(super) struct Near {
    connect: Connect,
    idle: Mutex<Vec<Tx>>,
}

impl Near {
    pub fn new(connect: Connect) -> Self {
        Self {
            connect,
            idle: Mutex::default(),
        }
    }

    /// Runs a read here and now.
    pub fn run<T, E: From<Fault>>(
        &self,
        work: impl FnOnce(&mut Tx) -> Result<T, E>,
    ) -> Result<T, E> {
        let idle = self.idle().pop();
        let mut tx = match idle {
            Some(tx) => tx,
            None => (self.connect)()?,
        };
        // A panic drops the connection with whatever it was in the middle of.
        let done = work(&mut tx);
        self.idle().push(tx);
        done
    }

    /// Closes the connections that nobody uses.
    pub fn close(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Tx>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Worker {
    tx: Option<Tx>,
    connect: Connect,
    wrap: Wrap,
}

impl Worker {
    fn run(&mut self, jobs: Vec<Job>) {
        if let Err(fault) = self.begin() {
            for job in jobs {
                (job(Err(fault.clone())).answer)(Err(fault.clone()));
            }
            return;
        }
        let alone = jobs.len() == 1;
        let verdicts: Vec<Verdict> = jobs
            .into_iter()
            .map(|job| self.run_one(job, alone))
            .collect();
        let committed = self.finish(alone && verdicts.iter().all(|verdict| !verdict.keep));
        for verdict in verdicts {
            // A closure that was undone keeps its own answer; only what was kept hangs on the commit.
            let outcome = if verdict.keep {
                committed.clone()
            } else {
                Ok(())
            };
            (verdict.answer)(outcome);
        }
    }

    /// Opens the transaction, on a new connection if the old one broke.
    fn begin(&mut self) -> Result<(), Fault> {
        if let Some(tx) = &mut self.tx {
            match tx.begin(self.wrap) {
                Ok(()) => return Ok(()),
                Err(fault) => tracing::warn!(%fault, "database connection lost; connecting again"),
            }
        }
        self.tx = None;
        let mut tx = (self.connect)()?;
        tx.begin(self.wrap)?;
        self.tx = Some(tx);
        Ok(())
    }

    fn run_one(&mut self, job: Job, alone: bool) -> Verdict {
        let Some(tx) = &mut self.tx else {
            return job(Err(Fault::Stopped));
        };
        let savepoint = self.wrap == Wrap::Group && !alone;
        if savepoint && let Err(fault) = tx.execute_kept("SAVEPOINT one") {
            return job(Err(fault));
        }
        let verdict = catch_unwind(AssertUnwindSafe(|| job(Ok(&mut *tx)))).unwrap_or_else(|_| {
            tracing::error!("a bug: a closure panicked; its work is undone");
            Verdict {
                keep: false,
                answer: Box::new(|_| ()),
            }
        });
        if savepoint {
            let undone = if verdict.keep {
                Ok(())
            } else {
                tx.execute_kept("ROLLBACK TO one")
            };
            if let Err(fault) = undone.and_then(|()| tx.execute_kept("RELEASE one")) {
                tracing::error!(%fault, "savepoint could not be ended; the whole group will fail");
                self.tx = None;
            }
        }
        verdict
    }

    /// Commits, or rolls back when the only closure was undone. A failed commit leaves nothing behind.
    fn finish(&mut self, undone: bool) -> Result<(), Fault> {
        let Some(tx) = &mut self.tx else {
            return Err(Fault::Stopped);
        };
        if self.wrap == Wrap::Bare {
            // Nothing was begun, so nothing has shown yet whether a connection that failed is still there.
            if undone && tx.execute("SELECT 1").is_err() {
                self.tx = None;
            }
            return Ok(());
        }
        let ended = tx.execute_kept(if undone { "ROLLBACK" } else { "COMMIT" });
        if let Err(fault) = &ended {
            tracing::error!(%fault, "commit failed; nothing of the group was stored");
            if tx.execute("ROLLBACK").is_err() {
                self.tx = None;
            }
        }
        ended
    }
}
