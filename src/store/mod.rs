//! The one door to the database: [`Store::read`] and [`Store::write`]. A file per aggregate holds the queries; `engine` alone knows SQLite
//! from PostgreSQL; `lane` runs closures on the threads that own the connections. No decision is made in this room.
//!
//! Rows that a unique key finds are read with `get_result`, not `first`: a bound LIMIT makes SQLite plan the statement anew each time
//! (measured: it doubled the cost of a submission).

mod checkpoint;
mod engine;
mod id;
mod kept;
mod lane;
pub mod schema;
mod shelf;
mod together;

pub mod administration;
pub mod attempt;
pub mod audit;
pub mod bulk;
pub mod caseload;
pub mod closing;
pub mod contact;
pub mod correction;
pub mod cover;
pub mod deposit;
pub mod digest;
pub mod door;
pub mod evaluation;
pub mod flag;
pub mod flag_turn;
pub mod heartbeat;
pub mod in_error;
pub mod informant;
pub mod key_change;
pub mod known_level;
pub mod ledger;
pub mod occasion;
pub mod organisation;
pub mod outbox;
pub mod pairing;
pub mod past;
pub mod patient;
pub mod permission;
pub mod plan;
pub mod policy;
pub mod program_plan;
pub mod rescore;
pub mod response;
pub mod safety;
pub mod seal;
pub mod send_log;
pub mod sending;
pub mod session;
pub mod signal;
pub mod staff;
pub mod task;
pub mod verify;
pub mod way_in;

pub use engine::{Db, Place};
pub use id::fresh;
pub(crate) use id::seeded;
use id::{Maybe, Moment};

use checkpoint::LongLog;
use deposit::{Stored, Whole};
use door::Remembered;
use lane::{Asked, Connect, Errand, Near, Queue, Urgency, Wrap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use together::Together;
use tokio::sync::oneshot;

/// Threads that read from the SQLite file; a few are plenty, for a read costs microseconds.
const SQLITE_READERS: usize = 2;
/// Connections to PostgreSQL from one process for transactions. Few are best: each keeps plans and catalogue in a process of its own, and their caches
/// push each other out of the processor's (measured: with ten instead of four the server worked a third more for the same answers).
const POSTGRES_WRITERS: usize = 4;
/// … for answers that are stored together. One: while it waits for the disk, the next ones gather.
const POSTGRES_TOGETHER: usize = 1;
/// … for what a person waits for and takes one or two statements.
const POSTGRES_BRIEF: usize = 4;
/// … for reads that may take long.
const POSTGRES_READERS: usize = 2;

/// How long whoever waits for a write is kept waiting when the database does not answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// … for a few rows that a key finds: a page may ask more than once.
const PATIENCE_BRIEF: Duration = Duration::from_secs(5);
/// … for what may take long by itself, such as a report over all episodes.
const PATIENCE_LONG: Duration = Duration::from_secs(60);

/// Something that went wrong below us: disk, connection, schema. Never the domain saying no.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The database refused or failed a statement.
    Database(Arc<diesel::result::Error>),
    /// No connection could be made.
    Connect(String),
    /// A setting that durability hangs on is not as it must be.
    Setting {
        /// Which one.
        name: String,
        /// What was seen.
        seen: String,
        /// What is wanted.
        wanted: String,
    },
    /// A migration failed.
    Migration(String),
    /// A row holds what no row may hold.
    Corrupt(String),
    /// More work is waiting than can be done soon.
    Overloaded,
    /// The database has not answered in time. What was to be stored may still be, or may not.
    Slow,
    /// The store is shutting down.
    Stopped,
    /// The closure panicked; its work was undone.
    Bug,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fault::Database(error) => write!(f, "database: {error}"),
            Fault::Connect(error) => write!(f, "no database connection: {error}"),
            Fault::Setting { name, seen, wanted } => write!(f, "{name} is {seen}; wanted {wanted}"),
            Fault::Migration(error) => write!(f, "migration: {error}"),
            Fault::Corrupt(what) => write!(f, "a stored value cannot be read: {what}"),
            Fault::Overloaded => f.write_str("too much is waiting for the database"),
            Fault::Slow => f.write_str("the database has not answered in time"),
            Fault::Stopped => f.write_str("the database is shutting down"),
            Fault::Bug => f.write_str("a bug: the work panicked and was undone"),
        }
    }
}

impl std::error::Error for Fault {}

impl From<diesel::result::Error> for Fault {
    fn from(error: diesel::result::Error) -> Self {
        Fault::Database(Arc::new(error))
    }
}

impl From<crate::domain::words::UnknownWord> for Fault {
    fn from(word: crate::domain::words::UnknownWord) -> Self {
        Fault::Corrupt(word.to_string())
    }
}

impl Fault {
    fn connect(error: diesel::ConnectionError) -> Self {
        Fault::Connect(error.to_string())
    }
    fn migration(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Fault::Migration(error.to_string())
    }
    fn setting(name: &str, seen: &str, wanted: &str) -> Self {
        Fault::Setting {
            name: name.into(),
            seen: seen.into(),
            wanted: wanted.into(),
        }
    }
    /// Whether a unique key stood in the way: somebody else did the same first.
    pub fn is_duplicate(&self) -> bool {
        use diesel::result::{DatabaseErrorKind, Error};
        matches!(self, Fault::Database(error)
            if matches!(**error, Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)))
    }
}

/// The key with which audit events are sealed and links are derived; lives outside the database.
pub struct Seal {
    key: [u8; 32],
}

impl Seal {
    /// A seal with this key.
    pub fn new(key: [u8; 32]) -> Self {
        Seal { key }
    }

    /// The keyed digest of some parts under a purpose; parts are led by their length.
    pub fn digest(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        use hmac::{Hmac, KeyInit, Mac};
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&self.key)
            .expect("HMAC takes a key of any length");
        for part in std::iter::once(&purpose.as_bytes()).chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

/// What a closure gets to work with: a connection inside a transaction, and the seal for its audit events.
pub struct Tx {
    /// The connection, for diesel.
    pub db: Db,
    /// The seal.
    pub seal: Arc<Seal>,
    /// Words that were read a moment ago.
    remembered: Arc<Remembered>,
    /// Where this process' audit events stand.
    events: audit::Events,
}

/// The database, ready for work. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

/// A write that is under way.
pub struct Started<T, E>(oneshot::Receiver<Result<T, E>>);

impl<T, E: From<Fault>> Started<T, E> {
    /// Waits until it is on disk.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn wait(self) -> Result<T, E> {
        self.0.blocking_recv().unwrap_or(Err(E::from(Fault::Bug)))
    }

    /// Whether [`Started::wait`] would wait.
    pub fn is_under_way(&self) -> bool {
        self.0.is_empty() && !self.0.is_terminated()
    }
}

struct Inner {
    place: Place,
    seal: Arc<Seal>,
    writes: Arc<Queue>,
    brief: Arc<Queue>,
    turns: Arc<Queue>,
    together: Arc<Together>,
    reads: Arc<Queue>,
    remembered: Arc<Remembered>,
    near: Near,
    threads: Mutex<Vec<JoinHandle<()>>>,
    stop: Arc<AtomicBool>,
}

impl Store {
    /// Connects, checks the settings that durability hangs on, and starts the threads. Runs no migration.
    ///
    /// # Errors
    /// When the database cannot be reached or is set so that acknowledged answers could be lost.
    pub fn open(place: Place, seal: Seal) -> Result<Store, Fault> {
        let seal = Arc::new(seal);
        let queue = || Arc::new(Queue::default());
        let (writes, brief, reads) = (queue(), queue(), queue());
        let turns = queue();
        let remembered = Arc::new(Remembered::default());
        let connect: Connect = {
            let (place, seal) = (place.clone(), Arc::clone(&seal));
            let (remembered, events) = (Arc::clone(&remembered), audit::Events::default());
            Arc::new(move || {
                let mut tx = engine::connect(&place, &seal)?;
                tx.remembered = Arc::clone(&remembered);
                tx.events = Arc::clone(&events);
                Ok(tx)
            })
        };
        let mut lanes = vec![];
        match place {
            Place::Sqlite(_) => {
                lanes.push(("attune-writer".to_owned(), &writes, Wrap::Group));
                lanes.extend(
                    (0..SQLITE_READERS).map(|n| (format!("attune-reader-{n}"), &reads, Wrap::Bare)),
                );
            }
            Place::Postgres(_) => {
                let mut add = |kind: &str, count, queue, wrap| {
                    lanes
                        .extend((0..count).map(|n| (format!("attune-pg-{kind}-{n}"), queue, wrap)));
                };
                add("write", POSTGRES_WRITERS, &writes, Wrap::Single);
                add("brief", POSTGRES_BRIEF, &brief, Wrap::Bare);
                add("together", POSTGRES_TOGETHER, &turns, Wrap::Bare);
                add("read", POSTGRES_READERS, &reads, Wrap::Bare);
            }
        }
        let log = Arc::new(LongLog::default());
        let mut threads = vec![];
        let by_keys: Connect = {
            let connect = Arc::clone(&connect);
            Arc::new(move || engine::by_keys(connect()?))
        };
        for (name, queue, wrap) in lanes {
            let (connect, between) = match wrap {
                Wrap::Group => (&connect, Some(Arc::clone(&log))),
                Wrap::Bare if Arc::ptr_eq(queue, &turns) => (&by_keys, None),
                Wrap::Single | Wrap::Bare => (&connect, None),
            };
            let tx = connect()?;
            let thread = lane::start(
                name,
                Arc::clone(queue),
                Arc::clone(connect),
                tx,
                wrap,
                between,
            );
            threads.push(thread.map_err(|error| Fault::Connect(error.to_string()))?);
        }
        let stop = Arc::new(AtomicBool::new(false));
        threads.extend(checkpoint::start(&place, &seal, log, Arc::clone(&stop))?);
        Ok(Store {
            inner: Arc::new(Inner {
                place,
                seal,
                writes,
                brief,
                turns,
                together: Arc::default(),
                reads,
                remembered,
                near: Near::new(connect),
                threads: Mutex::new(threads),
                stop,
            }),
        })
    }

    /// Where the data lives.
    pub fn place(&self) -> &Place {
        &self.inner.place
    }

    /// The seal (for deriving links outside a transaction).
    pub fn seal(&self) -> &Seal {
        &self.inner.seal
    }

    /// Runs `work` in a transaction and waits until it is on disk. An `Err` from `work` undoes everything it did.
    ///
    /// # Errors
    /// What `work` returned, or the fault that kept it from being stored.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
        F: FnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
    {
        patiently(self.ask(&self.inner.writes, work)?, PATIENCE).await
    }

    /// As [`Store::write`], for work that may be run a second time after everything it wrote was undone: it is spared the cost of being undone alone.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write_repeatable<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
        F: FnMut(&mut Tx) -> Result<T, E> + Send + 'static,
    {
        let (job, answer) = Asked::new(work, true);
        self.inner.writes.push(Urgency::Now, Box::new(job))?;
        patiently(answer, PATIENCE).await
    }

    /// Whether [`Store::store_at_once`] is any use: where many connections write. A single one shares its commit instead.
    pub fn stores_at_once(&self) -> bool {
        matches!(self.inner.place, Place::Postgres(_))
    }

    /// Runs `work`, which only reads, and stores what it finds without a transaction around the two, in one statement together with what others hand in at the same
    /// moment: on disk when this returns what `work` said beside it. `None`: nothing is stored. Elsewhere than on PostgreSQL it never is.
    ///
    /// # Errors
    /// What `work` returned, or the fault that kept it from being stored.
    pub async fn store_at_once<T, E, F>(&self, work: F) -> Result<Option<T>, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
        F: FnOnce(&mut Tx) -> Result<Option<(Whole, T)>, E> + Send + 'static,
    {
        if !self.stores_at_once() {
            return Ok(None);
        }
        let (tell, answer) = oneshot::channel();
        let (together, turns) = (
            Arc::clone(&self.inner.together),
            Arc::clone(&self.inner.turns),
        );
        let job = Errand::new(move |tx: Result<&mut Tx, Fault>| {
            let found = tx.map_err(E::from).and_then(work);
            let keep = found.is_ok();
            // Nobody listening any more is fine, as in `ask`.
            match found {
                Ok(Some((whole, said))) => {
                    let told = move |stored: Result<Stored, Fault>| {
                        let said = stored.map(|stored| (stored == Stored::Whole).then_some(said));
                        drop(tell.send(said.map_err(E::from)));
                    };
                    together.push(whole, Box::new(told));
                    let turn = Arc::clone(&together);
                    let turn = Errand::new(move |tx: Result<&mut Tx, Fault>| turn.store(tx));
                    if let Err(fault) = turns.push(Urgency::Now, Box::new(turn)) {
                        together.refuse(&fault);
                    }
                }
                Ok(None) => drop(tell.send(Ok(None))),
                Err(error) => drop(tell.send(Err(error))),
            }
            keep
        });
        self.inner.brief.push(Urgency::Now, Box::new(job))?;
        patiently(answer, PATIENCE).await
    }

    /// As [`Store::write`], for threads that may block.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_blocking<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
        F: FnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
    {
        self.ask(&self.inner.writes, work)?
            .blocking_recv()
            .unwrap_or(Err(E::from(Fault::Bug)))
    }

    /// As [`Store::write_blocking`], without waiting yet: for whoever has something to do meanwhile.
    ///
    /// # Errors
    /// When there is no room in the queue.
    pub fn write_started<T, E, F>(&self, work: F) -> Result<Started<T, E>, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
        F: FnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
    {
        self.ask(&self.inner.writes, work).map(Started)
    }

    /// Writes something nobody waits for (never an answer): it joins the next commit, or gets its own within 25 ms.
    pub fn write_soon<F>(&self, work: F)
    where
        F: FnOnce(&mut Tx) -> Result<(), Fault> + Send + 'static,
    {
        let job = Errand::new(move |tx: Result<&mut Tx, Fault>| {
            let done = tx.and_then(work);
            if let Err(fault) = &done {
                tracing::warn!(%fault, "a write that nobody waits for failed");
            }
            done.is_ok()
        });
        if let Err(fault) = self.inner.writes.push(Urgency::Soon, Box::new(job)) {
            tracing::warn!(%fault, "a write that nobody waits for found no place");
        }
    }

    /// Runs `work` on a connection for reading. Each statement sees the newest committed state.
    ///
    /// # Errors
    /// What `work` returned, or the fault.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
        F: FnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
    {
        patiently(self.ask(&self.inner.reads, work)?, PATIENCE_LONG).await
    }

    /// As [`Store::read`], for a few rows that a key finds. On SQLite it runs at once on the caller's thread: waking another one costs more than such a read.
    ///
    /// # Errors
    /// What `work` returned, or the fault.
    pub async fn read_brief<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
        F: FnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
    {
        match self.inner.place {
            Place::Sqlite(_) => self.inner.near.run(work),
            Place::Postgres(_) => {
                patiently(self.ask(&self.inner.brief, work)?, PATIENCE_BRIEF).await
            }
        }
    }

    /// As [`Store::read`], for threads that may block.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn read_blocking<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
        F: FnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
    {
        self.ask(&self.inner.reads, work)?
            .blocking_recv()
            .unwrap_or(Err(E::from(Fault::Bug)))
    }

    fn ask<T, E, F>(&self, queue: &Queue, work: F) -> Result<oneshot::Receiver<Result<T, E>>, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
        F: FnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
    {
        let mut work = Some(work);
        let once = move |tx: &mut Tx| match work.take() {
            Some(work) => work(tx),
            None => Err(E::from(Fault::Bug)),
        };
        let (job, answer) = Asked::new(once, false);
        queue.push(Urgency::Now, Box::new(job))?;
        Ok(answer)
    }

    /// Lets the next page read anew what stands around it: somebody has just changed that.
    pub fn forget_words(&self) {
        self.inner.remembered.forget();
    }

    /// Finishes what was begun and closes the connections.
    pub fn close(&self) {
        self.inner.writes.close();
        self.inner.brief.close();
        self.inner.turns.close();
        self.inner.reads.close();
        self.inner.near.close();
        self.inner.stop.store(true, Ordering::Relaxed);
        let threads =
            std::mem::take(&mut *self.inner.threads.lock().unwrap_or_else(|e| e.into_inner()));
        for thread in threads {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::error!("a database thread ended in a panic");
            }
        }
    }

    /// The migrations the database lacks.
    ///
    /// # Errors
    /// When the database cannot be read or is newer than this program.
    pub fn pending_migrations(&self) -> Result<Vec<String>, Fault> {
        engine::pending(&mut engine::connect(&self.inner.place, &self.inner.seal)?)
    }

    /// Brings the schema up to date and names the migrations that ran.
    ///
    /// # Errors
    /// When a migration fails; that one leaves nothing behind.
    pub fn migrate(&self) -> Result<Vec<String>, Fault> {
        let mut tx = engine::connect(&self.inner.place, &self.inner.seal)?;
        engine::pending(&mut tx)?;
        engine::migrate(&mut tx)
    }

    /// The engine in words, with the settings that durability hangs on.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn describe(&self) -> Result<String, Fault> {
        self.read_blocking(engine::describe)
    }
}

/// Waits for an answer, but not for ever.
async fn patiently<T, E: From<Fault>>(
    answer: oneshot::Receiver<Result<T, E>>,
    most: Duration,
) -> Result<T, E> {
    match tokio::time::timeout(most, answer).await {
        Ok(answer) => answer.unwrap_or(Err(E::from(Fault::Bug))),
        Err(_) => Err(E::from(Fault::Slow)),
    }
}

impl Tx {
    /// Runs `work` in a view of the data in which nothing changes underfoot. Only for reads outside a transaction.
    ///
    /// # Errors
    /// What `work` returned, or the fault.
    pub fn snapshot<T>(
        &mut self,
        work: impl FnOnce(&mut Tx) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.begin_snapshot()?;
        let done = work(self);
        self.end_snapshot()?;
        done
    }

    /// Lets this connection take a bulk load.
    ///
    /// # Errors
    /// When the database refuses the setting.
    pub fn bulk(&mut self) -> Result<(), Fault> {
        self.prepare_bulk()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_ever_for_a_database_that_does_not_answer() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let (tell, answer) = oneshot::channel::<Result<(), Fault>>();
        let waited = runtime.block_on(patiently(answer, Duration::from_millis(5)));
        assert!(matches!(waited, Err(Fault::Slow)), "{waited:?}");
        assert!(
            tell.send(Ok(())).is_err(),
            "whoever answers late finds nobody"
        );
    }
}
