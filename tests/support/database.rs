//! A database of one's own for each test: an SQLite file by default, a new database in the server named by
//! `ATTUNE_TEST_DATABASE_URL` when that is set. Not: its tables, which the program under test makes.

use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::folder::TemporaryFolder;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// The engine that this run of the tests is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// An empty database; a PostgreSQL one is dropped with its value, an SQLite one goes with its folder.
#[derive(Debug)]
pub struct TestDatabase {
    url: String,
    in_server: Option<InServer>,
}

#[derive(Debug)]
struct InServer {
    server_url: String,
    name: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

/// Which engine `ATTUNE_TEST_DATABASE_URL` asks for.
pub fn engine() -> Engine {
    match server_url() {
        Some(_) => Engine::Postgres,
        None => Engine::Sqlite,
    }
}

fn server_url() -> Option<String> {
    std::env::var("ATTUNE_TEST_DATABASE_URL")
        .ok()
        .filter(|url| !url.is_empty())
}

impl TestDatabase {
    pub fn new(folder: &TemporaryFolder) -> Self {
        match server_url() {
            Some(server_url) => Self::in_server(server_url),
            None => Self::in_folder(folder),
        }
    }

    /// What to give the program as `ATTUNE_DATABASE_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same data: on SQLite the file of the same name in `folder`, where somebody has copied it; in a server a copy of the whole database, on which
    /// nobody may be at work.
    pub fn copy(&self, folder: &TemporaryFolder) -> Self {
        let Some(InServer { server_url, name }) = &self.in_server else {
            let file = self.url.rsplit('/').next().expect("the URL of a file");
            return Self {
                url: format!("sqlite://{}", folder.path().join(file).display()),
                in_server: None,
            };
        };
        Self::made_in_server(server_url.clone(), &format!(" template {name}"))
    }

    /// The same database, seen from another node; it ends with the first.
    pub fn beside(&self) -> Self {
        Self {
            url: self.url.clone(),
            in_server: None,
        }
    }

    /// The one number that this query answers with as `value`. On SQLite no service may run.
    pub fn number(&self, query: &str) -> i64 {
        let query = diesel::sql_query(query);
        let row: Result<Number, _> = match &self.in_server {
            Some(_) => query.get_result(&mut self.postgres()),
            None => {
                let file = self.url.trim_start_matches("sqlite://");
                let mut db = SqliteConnection::establish(file).expect("the database's file opens");
                query.get_result(&mut db)
            }
        };
        row.expect("the test's query is good").value
    }

    /// Runs a statement behind the program's back; PostgreSQL only.
    pub fn run_on_postgres(&self, statement: &str) {
        let done = self.postgres().batch_execute(statement);
        done.expect("the test's statement is good");
    }

    fn postgres(&self) -> PgConnection {
        PgConnection::establish(&self.url).expect("the tests' PostgreSQL server answers")
    }

    fn in_folder(folder: &TemporaryFolder) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let file = folder.path().join(format!("attune-{number}.sqlite"));
        Self {
            url: format!("sqlite://{}", file.display()),
            in_server: None,
        }
    }

    fn in_server(server_url: String) -> Self {
        Self::made_in_server(server_url, "")
    }

    fn made_in_server(server_url: String, from: &str) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("attune_test_{}_{number}", std::process::id());
        run(&server_url, &format!("create database {name}{from}"));
        let (before, _) = server_url
            .rsplit_once('/')
            .expect("ATTUNE_TEST_DATABASE_URL ends with /DATABASE");
        Self {
            url: format!("{before}/{name}"),
            in_server: Some(InServer { server_url, name }),
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        if let Some(InServer { server_url, name }) = &self.in_server {
            run(
                server_url,
                &format!("drop database if exists {name} with (force)"),
            );
        }
    }
}

fn run(server_url: &str, statement: &str) {
    let mut connection =
        PgConnection::establish(server_url).expect("the tests' PostgreSQL server answers");
    connection
        .batch_execute(statement)
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
}
