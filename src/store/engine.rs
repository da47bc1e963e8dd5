//! The one file that knows SQLite from PostgreSQL: connecting, settings that durability hangs on, migrations, and the few statements
//! whose form differs. Everything else in the store is written once.

use super::kept::Plain;
use super::{Fault, Seal, Tx};
use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Binary, Integer, Text};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Below this SQLite can lose committed writes when two connections write and checkpoint (the WAL-reset defect fixed in 3.51.3).
const SQLITE_AT_LEAST: (u32, u32, u32) = (3, 51, 3);

/// A connection to either engine.
#[derive(diesel::MultiConnection)]
pub enum Db {
    /// PostgreSQL 15 or later.
    Postgres(PgConnection),
    /// The bundled SQLite.
    Sqlite(SqliteConnection),
}

/// Runs one builder on whichever engine is there. The enum itself can run any query too, but it writes the SQL text anew on every execution, also of a
/// statement that is cached: on the way of a patient's answer that was a third of the work.
macro_rules! on_engine {
    ($tx:expr, $db:ident => $run:expr) => {
        match &mut $tx.db {
            $crate::store::Db::Sqlite($db) => $run,
            $crate::store::Db::Postgres($db) => $run,
        }
    };
}
pub(super) use on_engine;

/// As [`on_engine`], for one row; PostgreSQL locks the rows it is made of in these tables, in the same statement.
macro_rules! get_locked {
    ($tx:expr, $tables:literal, $query:expr) => {
        $crate::store::engine::locked!($tx, $tables, $query, get_result)
    };
}
pub(super) use get_locked;

/// As [`get_locked`], for any number of rows.
macro_rules! load_locked {
    ($tx:expr, $tables:literal, $query:expr) => {
        $crate::store::engine::locked!($tx, $tables, $query, load)
    };
}
pub(super) use load_locked;

macro_rules! locked {
    ($tx:expr, $tables:literal, $query:expr, $run:ident) => {
        match &mut $tx.db {
            $crate::store::Db::Sqlite(db) => $query.$run(db),
            $crate::store::Db::Postgres(db) => $crate::store::engine::Locked {
                query: diesel::query_builder::AsQuery::as_query($query),
                tables: $tables,
            }
            .$run(db),
        }
    };
}
pub(super) use locked;

/// A query that also locks the rows it finds in some tables, until its transaction ends. Such a row is read in its newest version, also by whoever had to wait
/// for it; rows of other tables are read as they were when the statement began. For PostgreSQL: SQLite has one writer.
pub(super) struct Locked<Q> {
    pub query: Q,
    pub tables: &'static str,
}

impl<Q: QueryId> QueryId for Locked<Q> {
    type QueryId = Locked<Q::QueryId>;
    const HAS_STATIC_QUERY_ID: bool = Q::HAS_STATIC_QUERY_ID;
}

impl<Q: Query> Query for Locked<Q> {
    type SqlType = Q::SqlType;
}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Locked<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.query.walk_ast(out.reborrow())?;
        // Not FOR UPDATE: whoever only names such a row in a new one is not held up.
        out.push_sql(" FOR NO KEY UPDATE OF ");
        out.push_sql(self.tables);
        Ok(())
    }
}

impl<Q> RunQueryDsl<PgConnection> for Locked<Q> {}

/// Where the data lives, read from the database URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// One file.
    Sqlite(PathBuf),
    /// A server, by its URL.
    Postgres(String),
}

impl Place {
    /// Reads a database URL: `sqlite:///absolute/path` or `postgres://…`.
    ///
    /// # Errors
    /// Says what was wanted; never repeats the URL, which may hold a password.
    pub fn parse(url: &str) -> Result<Place, String> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            return match path {
                "" | "/" => {
                    Err("the path after sqlite:// is empty; wanted sqlite:///absolute/path".into())
                }
                path => Ok(Place::Sqlite(PathBuf::from(path))),
            };
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Place::Postgres(url.to_owned()));
        }
        let scheme = url
            .split_once("://")
            .map_or("no scheme", |(scheme, _)| scheme);
        Err(format!(
            "saw {scheme}; wanted sqlite:///absolute/path or postgres://user@host/name"
        ))
    }

    /// The engine's name, for people.
    pub fn engine(&self) -> &'static str {
        match self {
            Place::Sqlite(_) => "SQLite",
            Place::Postgres(_) => "PostgreSQL",
        }
    }
}

/// Connects and checks that what was acknowledged will be on disk.
pub(super) fn connect(place: &Place, seal: &Arc<Seal>) -> Result<Tx, Fault> {
    let db = match place {
        Place::Sqlite(path) => Db::Sqlite(connect_sqlite(path)?),
        Place::Postgres(url) => Db::Postgres(connect_postgres(url)?),
    };
    Ok(Tx {
        db,
        seal: Arc::clone(seal),
        remembered: Arc::default(),
        events: Arc::default(),
    })
}

/// For the PostgreSQL connection on which one statement comes again and again, about some rows that keys find: planned once, and never so that a table is gone through,
/// whatever the statistics say that were true a minute ago. It hardly waits for a lock: others wait behind it, and what it cannot have is left to a transaction.
pub(super) fn by_keys(mut tx: Tx) -> Result<Tx, Fault> {
    tx.execute(
        "SET plan_cache_mode = 'force_generic_plan'; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off; SET lock_timeout = '500ms'",
    )?;
    Ok(tx)
}

/// Makes the file for its owner alone where there is none; its log and its index take its mode. One that is there is not opened: closing any handle of a file
/// drops every lock that this process has on it.
fn make_file(path: &Path) -> Result<(), Fault> {
    use std::os::unix::fs::OpenOptionsExt;
    let made = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(Fault::Connect(
            format!("{}: cannot be made ({error})", path.display()),
        )),
        _ => Ok(()),
    }
}

fn connect_sqlite(path: &Path) -> Result<SqliteConnection, Fault> {
    make_file(path)?;
    let mut db = SqliteConnection::establish(&path.to_string_lossy()).map_err(Fault::connect)?;
    // The log begins anew about once a second, and is cut to its limit then. At full load a second makes some 200 MB of it: cut shorter, the file would be cut and grown
    // again all the time, while everybody waits for the writer.
    db.batch_execute(
        "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA cache_size = -2000; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 60000;
         PRAGMA journal_size_limit = 536870912;",
    )?;
    check_sqlite(&mut db)?;
    Ok(db)
}

#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = Text)]
    value: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = Integer)]
    value: i32,
}

/// The settings are per connection, so they are read back on each one.
fn check_sqlite(db: &mut SqliteConnection) -> Result<(), Fault> {
    let version = diesel::sql_query("SELECT sqlite_version() AS value")
        .get_result::<Setting>(db)?
        .value;
    if parse_version(&version) < SQLITE_AT_LEAST {
        return Err(Fault::setting(
            "SQLite version",
            &version,
            "3.51.3 or later",
        ));
    }
    let journal = diesel::sql_query("SELECT journal_mode AS value FROM pragma_journal_mode")
        .get_result::<Setting>(db)?;
    if journal.value != "wal" {
        return Err(Fault::setting(
            "journal_mode",
            &journal.value,
            "wal (is the file on a network drive?)",
        ));
    }
    let synchronous = diesel::sql_query("SELECT synchronous AS value FROM pragma_synchronous")
        .get_result::<Number>(db)?;
    let keys = diesel::sql_query("SELECT foreign_keys AS value FROM pragma_foreign_keys")
        .get_result::<Number>(db)?;
    if synchronous.value != 2 || keys.value != 1 {
        let seen = format!("{} and {}", synchronous.value, keys.value);
        return Err(Fault::setting(
            "synchronous and foreign_keys",
            &seen,
            "2 and 1",
        ));
    }
    Ok(())
}

fn parse_version(text: &str) -> (u32, u32, u32) {
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    (
        parts.next().unwrap_or(0),
        parts.next().unwrap_or(0),
        parts.next().unwrap_or(0),
    )
}

/// What is asked of the network where the URL does not say: a server that is gone is noticed within half a minute, not within hours.
const NOTICE_THE_SERVER_IS_GONE: [(&str, &str); 5] = [
    ("connect_timeout", "5"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "20000"),
];

/// The URL with what it leaves to the operating system.
fn with_deadlines(url: &str) -> String {
    let said = url.split_once('?').map_or("", |(_, said)| said);
    let says = |name: &str| {
        said.split('&')
            .any(|pair| pair.split('=').next() == Some(name))
    };
    let mut whole = url.to_owned();
    for (name, value) in NOTICE_THE_SERVER_IS_GONE {
        if !says(name) {
            let lead = if whole.contains('?') { '&' } else { '?' };
            whole.push_str(&format!("{lead}{name}={value}"));
        }
    }
    whole
}

fn connect_postgres(url: &str) -> Result<PgConnection, Fault> {
    let mut db = PgConnection::establish(&with_deadlines(url)).map_err(Fault::connect)?;
    db.batch_execute(
        "SET TIME ZONE 'UTC'; SET client_encoding = 'UTF8'; SET lock_timeout = '10s';
         SET idle_in_transaction_session_timeout = '60s'; SET client_min_messages = 'warning'",
    )?;
    for (name, bad) in [
        ("fsync", "off"),
        ("full_page_writes", "off"),
        ("synchronous_commit", "off"),
    ] {
        let query = format!("SELECT current_setting('{name}') AS value");
        let seen = diesel::sql_query(query)
            .get_result::<Setting>(&mut db)?
            .value;
        if seen == bad {
            return Err(Fault::setting(
                name,
                &seen,
                "on: an answer that was acknowledged must be on disk",
            ));
        }
    }
    Ok(db)
}

/// What the database says about itself, for `attune doctor`.
pub(super) fn describe(tx: &mut Tx) -> Result<String, Fault> {
    let query = match &tx.db {
        Db::Sqlite(_) => {
            "SELECT 'SQLite ' || sqlite_version() || ', WAL, synchronous FULL' AS value"
        }
        Db::Postgres(_) => {
            "SELECT 'PostgreSQL ' || current_setting('server_version') || ', fsync on' AS value"
        }
    };
    Ok(match &mut tx.db {
        Db::Sqlite(db) => diesel::sql_query(query).get_result::<Setting>(db)?.value,
        Db::Postgres(db) => diesel::sql_query(query).get_result::<Setting>(db)?.value,
    })
}

impl Tx {
    /// Opens a transaction the engine's safe way: IMMEDIATE on SQLite, because a deferred one that reads first and then writes fails
    /// at once with "database is locked", whatever the time-out.
    pub(super) fn begin(&mut self) -> Result<(), Fault> {
        match &self.db {
            Db::Sqlite(_) => self.execute_kept("BEGIN IMMEDIATE"),
            Db::Postgres(_) => self.execute_kept("BEGIN"),
        }
    }

    /// Opens a read-only view in which nothing changes underfoot; ended by [`Tx::end_snapshot`].
    pub(super) fn begin_snapshot(&mut self) -> Result<(), Fault> {
        match &self.db {
            Db::Sqlite(_) => self.execute("BEGIN"),
            Db::Postgres(_) => self.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
        }
    }

    /// Ends what [`Tx::begin_snapshot`] began.
    pub(super) fn end_snapshot(&mut self) -> Result<(), Fault> {
        self.execute("COMMIT")
    }

    /// Runs plain SQL that both engines understand.
    pub(super) fn execute(&mut self, sql: &str) -> Result<(), Fault> {
        match &mut self.db {
            Db::Sqlite(db) => db.batch_execute(sql),
            Db::Postgres(db) => db.batch_execute(sql),
        }
        .map_err(Fault::from)
    }

    /// As [`Tx::execute`], for one statement that comes again and again. PostgreSQL plans these few for nothing.
    pub(super) fn execute_kept(&mut self, sql: &str) -> Result<(), Fault> {
        match &mut self.db {
            Db::Sqlite(db) => Plain(sql).execute(db).map(drop),
            Db::Postgres(db) => db.batch_execute(sql),
        }
        .map_err(Fault::from)
    }

    /// Keeps two nodes from deciding about the same row at once; SQLite has one writer and needs nothing.
    pub(super) fn lock_row(
        &mut self,
        table: &'static str,
        org: &[u8],
        id: &[u8],
    ) -> Result<(), Fault> {
        if let Db::Postgres(db) = &mut self.db {
            let query =
                format!("SELECT 1 AS value FROM {table} WHERE org_id = $1 AND id = $2 FOR UPDATE");
            diesel::sql_query(query)
                .bind::<Binary, _>(org)
                .bind::<Binary, _>(id)
                .execute(db)?;
        }
        Ok(())
    }

    /// Lets only one transaction of all nodes go on until it ends; for the loops that must not run twice at once.
    pub(super) fn lock_turn(&mut self, turn: i32) -> Result<(), Fault> {
        if let Db::Postgres(db) = &mut self.db {
            diesel::sql_query("SELECT pg_advisory_xact_lock(7233, $1)")
                .bind::<Integer, _>(turn)
                .execute(db)?;
        }
        Ok(())
    }

    /// Makes room for a bulk load: SQLite may spill to disk late, PostgreSQL needs nothing.
    pub(super) fn prepare_bulk(&mut self) -> Result<(), Fault> {
        match &self.db {
            Db::Sqlite(_) => {
                self.execute("PRAGMA cache_size = -200000; PRAGMA wal_autocheckpoint = 20000")
            }
            Db::Postgres(_) => Ok(()),
        }
    }
}

/// Which migrations the database lacks, by name, oldest first. To look, diesel makes its own table where there is none: whoever only looks leaves nothing behind.
pub(super) fn pending(tx: &mut Tx) -> Result<Vec<String>, Fault> {
    tx.execute("BEGIN")?;
    let pending = lacks(tx);
    tx.execute("ROLLBACK")?;
    pending
}

fn lacks(tx: &mut Tx) -> Result<Vec<String>, Fault> {
    let names = |list: Vec<Box<dyn diesel::migration::Migration<_>>>| {
        list.iter()
            .map(|migration| migration.name().to_string())
            .collect()
    };
    match &mut tx.db {
        Db::Sqlite(db) => {
            refuse_newer(
                db.applied_migrations(),
                MigrationSource::<diesel::sqlite::Sqlite>::migrations(&SQLITE_MIGRATIONS),
            )?;
            db.pending_migrations(SQLITE_MIGRATIONS).map(names)
        }
        Db::Postgres(db) => {
            refuse_newer(
                db.applied_migrations(),
                MigrationSource::<diesel::pg::Pg>::migrations(&POSTGRES_MIGRATIONS),
            )?;
            db.pending_migrations(POSTGRES_MIGRATIONS).map(|list| {
                list.iter()
                    .map(|migration| migration.name().to_string())
                    .collect()
            })
        }
    }
    .map_err(Fault::migration)
}

/// An older program must not touch a newer schema.
fn refuse_newer<DB: diesel::backend::Backend>(
    applied: diesel::migration::Result<Vec<diesel::migration::MigrationVersion<'static>>>,
    known: diesel::migration::Result<Vec<Box<dyn diesel::migration::Migration<DB>>>>,
) -> Result<(), Fault> {
    let applied = applied.map_err(Fault::migration)?;
    let known: Vec<_> = known
        .map_err(Fault::migration)?
        .iter()
        .map(|m| m.name().version().to_string())
        .collect();
    match applied
        .iter()
        .find(|version| !known.contains(&version.to_string()))
    {
        Some(newer) => Err(Fault::setting(
            "database schema",
            &newer.to_string(),
            "one this program knows; use the newer program",
        )),
        None => Ok(()),
    }
}

/// Brings the schema up to date; each migration is a transaction of its own.
pub(super) fn migrate(tx: &mut Tx) -> Result<Vec<String>, Fault> {
    let run = match &mut tx.db {
        Db::Sqlite(db) => db
            .run_pending_migrations(SQLITE_MIGRATIONS)
            .map(|list| list.iter().map(ToString::to_string).collect()),
        Db::Postgres(db) => db
            .run_pending_migrations(POSTGRES_MIGRATIONS)
            .map(|list| list.iter().map(ToString::to_string).collect()),
    };
    run.map_err(Fault::migration)
}

#[derive(QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = Integer)]
    log: i32,
}

/// Copies of SQLite's write-ahead log what it can and stands in nobody's way; says how many pages the log holds.
pub(super) fn checkpoint(tx: &mut Tx) -> Result<i32, Fault> {
    match &mut tx.db {
        Db::Sqlite(db) => Ok(diesel::sql_query("PRAGMA wal_checkpoint(PASSIVE)")
            .get_result::<Checkpoint>(db)?
            .log),
        Db::Postgres(_) => Ok(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_url_says_of_its_network_stands_and_the_rest_is_added() {
        let plain = with_deadlines("postgres://me@host/db");
        assert!(plain.starts_with("postgres://me@host/db?connect_timeout=5&keepalives_idle=10&"));
        let own = with_deadlines("postgres://me@host/db?sslmode=require&connect_timeout=60");
        assert!(own.starts_with(
            "postgres://me@host/db?sslmode=require&connect_timeout=60&keepalives_idle="
        ));
        assert!(!own.contains("connect_timeout=5&") && own.contains("tcp_user_timeout="));
    }
}
