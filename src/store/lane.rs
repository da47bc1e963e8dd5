//! The lanes to the database: a queue of closures, and the threads that own a connection each and run them.
//!
//! SQLite gets one writing thread with group commit: it takes every closure that is waiting, runs them inside one transaction, commits once, then answers them all.
//! One that fails is undone alone: each has a savepoint of its own, or, where all of them can be run once more, they are, with savepoints, once one has failed
//! (measured: the copies of pages that savepoints keep were a tenth of the writer's work). PostgreSQL gets several threads that run one closure a transaction.
//! What the closures do is the business of the aggregates beside this file.

use super::checkpoint::LongLog;
use super::{Fault, Tx};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

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

/// Work that waits for a connection.
pub(super) trait Job: Send {
    /// Does the work, or is told why there is no connection. Whether what it wrote is to be kept.
    fn run(&mut self, tx: Result<&mut Tx, Fault>) -> bool;

    /// Tells whoever waits, once it is on disk or cannot be.
    fn tell(self: Box<Self>, committed: Result<(), Fault>);

    /// Whether it can be undone with all of its group and run once more.
    fn repeats(&self) -> bool {
        false
    }
}

/// Work that somebody waits for.
pub(super) struct Asked<T, E, F> {
    work: F,
    repeats: bool,
    done: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F: FnMut(&mut Tx) -> Result<T, E>> Asked<T, E, F> {
    /// The work, and where its answer arrives.
    pub fn new(work: F, repeats: bool) -> (Self, oneshot::Receiver<Result<T, E>>) {
        let (answer, arrives) = oneshot::channel();
        let asked = Asked {
            work,
            repeats,
            done: None,
            answer,
        };
        (asked, arrives)
    }
}

impl<T, E, F> Job for Asked<T, E, F>
where
    T: Send,
    E: From<Fault> + Send,
    F: FnMut(&mut Tx) -> Result<T, E> + Send,
{
    fn run(&mut self, tx: Result<&mut Tx, Fault>) -> bool {
        let done = tx.map_err(E::from).and_then(&mut self.work);
        self.done.insert(done).is_ok()
    }

    fn tell(self: Box<Self>, committed: Result<(), Fault>) {
        if let Some(done) = self.done {
            // Nobody listening any more is fine: the browser went away, the answer is stored all the same.
            drop(self.answer.send(committed.map_err(E::from).and(done)));
        }
    }

    fn repeats(&self) -> bool {
        self.repeats
    }
}

/// Work that nobody waits for, or that tells by itself.
pub(super) struct Errand<F>(Option<F>);

impl<F: FnOnce(Result<&mut Tx, Fault>) -> bool> Errand<F> {
    pub fn new(work: F) -> Self {
        Errand(Some(work))
    }
}

impl<F: FnOnce(Result<&mut Tx, Fault>) -> bool + Send> Job for Errand<F> {
    fn run(&mut self, tx: Result<&mut Tx, Fault>) -> bool {
        self.0.take().is_some_and(|work| work(tx))
    }

    fn tell(self: Box<Self>, _: Result<(), Fault>) {}
}

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

impl Wrap {
    fn begin(self, tx: &mut Tx) -> Result<(), Fault> {
        match self {
            Wrap::Group | Wrap::Single => tx.begin(),
            Wrap::Bare => Ok(()),
        }
    }
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<(Urgency, Box<dyn Job>)>,
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
    pub fn push(&self, urgency: Urgency, job: Box<dyn Job>) -> Result<(), Fault> {
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
    fn take(&self, most: usize) -> Option<Vec<Box<dyn Job>>> {
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

fn is_kept(ran: &Ran) -> bool {
    matches!(ran, Some((_, true)))
}

/// Tells it why it cannot run.
fn refuse(mut job: Box<dyn Job>, fault: &Fault) -> Ran {
    job.run(Err(fault.clone()));
    Some((job, false))
}

struct Worker {
    tx: Option<Tx>,
    connect: Connect,
    wrap: Wrap,
}

/// Work that was done; `None`: it panicked.
type Ran = Option<(Box<dyn Job>, Keep)>;

/// Whether what was written is to be kept.
type Keep = bool;

impl Worker {
    fn run(&mut self, jobs: Vec<Box<dyn Job>>) {
        let alone = jobs.len() == 1;
        let marked = self.wrap == Wrap::Group && !alone;
        let unmarked = marked && jobs.iter().all(|job| job.repeats());
        let ran = if unmarked {
            self.run_unmarked(jobs)
        } else {
            self.run_all(jobs, marked)
        };
        let committed = self.finish(alone && !ran.iter().any(is_kept));
        for (job, keep) in ran.into_iter().flatten() {
            // A closure that was undone keeps its own answer; only what was kept hangs on the commit.
            job.tell(if keep { committed.clone() } else { Ok(()) });
        }
    }

    /// Runs them in a new transaction.
    fn run_all(&mut self, jobs: Vec<Box<dyn Job>>, marked: bool) -> Vec<Ran> {
        match self.begin() {
            Ok(()) => jobs
                .into_iter()
                .map(|job| self.run_one(job, marked))
                .collect(),
            Err(fault) => jobs.into_iter().map(|job| refuse(job, &fault)).collect(),
        }
    }

    /// Runs them without savepoints, and all of them anew with savepoints once one has failed.
    fn run_unmarked(&mut self, jobs: Vec<Box<dyn Job>>) -> Vec<Ran> {
        if let Err(fault) = self.begin() {
            return jobs.into_iter().map(|job| refuse(job, &fault)).collect();
        }
        let (mut jobs, mut ran) = (jobs.into_iter(), vec![]);
        for job in jobs.by_ref() {
            let done = self.run_one(job, false);
            let kept = is_kept(&done);
            ran.push(done);
            if !kept {
                // Not one more: what it wrote cannot be told from the rest any more, and after some faults SQLite has ended the transaction by itself, so that the next ones
                // would be stored statement by statement.
                self.undo();
                let again = ran.into_iter().flatten().map(|(job, _)| job).chain(jobs);
                return self.run_all(again.collect(), true);
            }
        }
        ran
    }

    /// Opens the transaction, on a new connection if the old one broke.
    fn begin(&mut self) -> Result<(), Fault> {
        if let Some(tx) = &mut self.tx {
            match self.wrap.begin(tx) {
                Ok(()) => return Ok(()),
                Err(fault) => tracing::warn!(%fault, "database connection lost; connecting again"),
            }
        }
        self.tx = None;
        let mut tx = (self.connect)()?;
        self.wrap.begin(&mut tx)?;
        self.tx = Some(tx);
        Ok(())
    }

    /// Runs one; `marked`: so that it can be undone alone.
    fn run_one(&mut self, mut job: Box<dyn Job>, marked: bool) -> Ran {
        let Some(tx) = &mut self.tx else {
            return refuse(job, &Fault::Stopped);
        };
        if marked && let Err(fault) = tx.execute_kept("SAVEPOINT one") {
            return refuse(job, &fault);
        }
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let keep = job.run(Ok(tx));
            (job, keep)
        }));
        let ran = ran
            .inspect_err(|_| tracing::error!("a bug: a closure panicked; its work is undone"))
            .ok();
        if ran.is_none() && self.wrap == Wrap::Bare {
            // It may have left a snapshot open, which would show this connection the data of that moment for good.
            self.tx = None;
        }
        if marked && let Err(fault) = self.unmark(is_kept(&ran)) {
            tracing::error!(%fault, "savepoint could not be ended; the whole group will fail");
            self.tx = None;
        }
        ran
    }

    fn unmark(&mut self, keep: Keep) -> Result<(), Fault> {
        let tx = self.tx.as_mut().ok_or(Fault::Stopped)?;
        if !keep {
            tx.execute_kept("ROLLBACK TO one")?;
        }
        tx.execute_kept("RELEASE one")
    }

    /// Gives up the transaction. A connection that does not even let go of it is given up too.
    fn undo(&mut self) {
        if let Some(tx) = &mut self.tx
            && let Err(fault) = tx.execute_kept("ROLLBACK")
        {
            tracing::warn!(%fault, "a transaction could not be rolled back");
            self.tx = None;
        }
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

#[cfg(test)]
mod tests {
    use crate::store::{Fault, Place, SQLITE_READERS, Seal, Store, Tx};
    use diesel::prelude::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{Arc, Barrier, mpsc};

    diesel::table! { list (name) { name -> Text, } }

    fn add(tx: &mut Tx, name: &str) -> Result<(), Fault> {
        tx.execute(&format!("INSERT INTO list VALUES ('{name}')"))
    }

    async fn with_list(test: &str) -> (Store, std::path::PathBuf) {
        let name = format!("attune-lane-{test}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        let place = Place::Sqlite(folder.join("attune.sqlite"));
        let store = Store::open(place, Seal::new([7; 32])).expect("a new file opens");
        let made = store.write(|tx| tx.execute("CREATE TABLE list (name TEXT PRIMARY KEY)"));
        made.await.expect("a table");
        (store, folder)
    }

    async fn names(store: &Store) -> Vec<String> {
        let names = store.read(|tx| {
            let names = list::table.select(list::name).order(list::name);
            Ok::<_, Fault>(names.load(&mut tx.db)?)
        });
        names.await.expect("it can be read")
    }

    /// Keeps the writer busy until the other end is dropped, so that what comes next shares a commit.
    fn hold(store: &Store) -> mpsc::Sender<()> {
        let (hold, held) = mpsc::channel();
        let (begin, begun) = mpsc::channel::<()>();
        let started = store.write_started(move |_| {
            drop(begin);
            assert!(
                held.recv().is_err(),
                "only the end of the channel lets it go on"
            );
            Ok::<_, Fault>(())
        });
        drop(started.expect("there is room"));
        assert!(begun.recv().is_err());
        hold
    }

    #[tokio::test]
    async fn nothing_of_a_group_is_stored_by_halves_when_sqlite_ends_its_transaction() {
        let (store, folder) = with_list("ended").await;
        let hold = hold(&store);
        // As SQLite does by itself when the disk is full or fails.
        let ends = store.write_repeatable(|tx| {
            tx.execute("ROLLBACK")?;
            Err::<(), _>(Fault::Overloaded)
        });
        let half = store.write_repeatable(|tx| {
            add(tx, "half")?;
            Err::<(), _>(Fault::Overloaded)
        });
        let (ends, half, ()) = tokio::join!(ends, half, async { drop(hold) });
        assert!(ends.is_err() && half.is_err());
        assert_eq!(names(&store).await, [""; 0]);
        let whole = store.write_repeatable(|tx| add(tx, "whole"));
        whole.await.expect("the writer goes on");
        assert_eq!(names(&store).await, ["whole"]);
        store.close();
        std::fs::remove_dir_all(&folder).expect("the folder goes");
    }

    #[tokio::test]
    async fn one_that_fails_in_a_group_is_undone_alone() {
        let (store, folder) = with_list("undone").await;
        let hold = hold(&store);
        let runs = Arc::new(AtomicU32::new(0));
        let well = |name: &'static str| {
            let runs = Arc::clone(&runs);
            store.write_repeatable(move |tx| {
                runs.fetch_add(1, Ordering::Relaxed);
                add(tx, name)
            })
        };
        let refused = store.write_repeatable(|tx| {
            add(tx, "refused")?;
            Err::<(), _>(Fault::Overloaded)
        });
        let twice = store.write_repeatable(|tx| add(tx, "first"));
        let panics = store.write_repeatable(|tx| -> Result<(), Fault> {
            add(tx, "panics")?;
            panic!("as this test wants it")
        });
        let (first, refused, twice, panics, last, ()) =
            tokio::join!(well("first"), refused, twice, panics, well("last"), async {
                drop(hold)
            });

        assert!(first.is_ok() && last.is_ok());
        assert!(matches!(refused, Err(Fault::Overloaded)), "{refused:?}");
        assert!(twice.is_err_and(|fault| fault.is_duplicate()));
        assert!(matches!(panics, Err(Fault::Bug)), "{panics:?}");
        assert_eq!(
            runs.load(Ordering::Relaxed),
            3,
            "the first ran twice, and the last only then"
        );
        assert_eq!(names(&store).await, ["first", "last"]);
        store.close();
        std::fs::remove_dir_all(&folder).expect("the folder goes");
    }

    #[tokio::test]
    async fn a_panic_inside_a_snapshot_leaves_nobody_with_the_data_of_that_moment() {
        let (store, folder) = with_list("snapshot").await;
        // Both readers at once, so that it happens to each.
        let both = Arc::new(Barrier::new(SQLITE_READERS));
        let panics = || {
            let both = Arc::clone(&both);
            store.read(move |tx| {
                tx.snapshot(|tx| -> Result<(), Fault> {
                    let _: Vec<String> = list::table.select(list::name).load(&mut tx.db)?;
                    both.wait();
                    panic!("as this test wants it")
                })
            })
        };
        let (one, other) = tokio::join!(panics(), panics());
        assert!(matches!((one, other), (Err(Fault::Bug), Err(Fault::Bug))));
        let later = store.write(|tx| add(tx, "later"));
        later.await.expect("it is stored");
        let reads = || {
            let both = Arc::clone(&both);
            store.read(move |tx| {
                both.wait();
                Ok::<Vec<String>, Fault>(list::table.select(list::name).load(&mut tx.db)?)
            })
        };
        let (one, other) = tokio::join!(reads(), reads());
        let expected = vec!["later".to_owned()];
        assert_eq!((one.unwrap(), other.unwrap()), (expected.clone(), expected));
        store.close();
        std::fs::remove_dir_all(&folder).expect("the folder goes");
    }
}
