//! Opening the data for a process: folder, lock, key, database, schema, organisation.

use super::console::Exit;
use super::definitions;
use crate::app::clock::Clock;
use crate::app::{App, accounts};
use crate::config::Config;
use crate::patient_words::help::Help;
use crate::store::{Fault, Place, Store};
use std::fs::File;
use std::net::SocketAddr;
use std::sync::Arc;

/// Data that this process holds. Dropping it lets others in.
pub struct Opened {
    /// The verbs' world.
    pub app: App,
    /// The organisation as stored.
    pub organisation: crate::store::organisation::OrganisationRow,
    _lock: Option<File>,
}

/// Opens the data for reading and writing by this process alone (SQLite) or beside others (PostgreSQL).
///
/// # Errors
/// Says in words what stands in the way and what to do.
pub fn open(config: &Config, bound: SocketAddr) -> Result<Opened, String> {
    let library = definitions::load(config)?;
    config.make_data_dir().map_err(|bad| bad.to_string())?;
    let lock = lock(config)?;
    let store = connect(config)?;
    bring_up_to_date(&store)?;
    let clock = Clock::System;
    let now = clock.now();
    let organisation = store
        .write_blocking(move |tx| accounts::found_if_new(tx, now))
        .map_err(|fault: Fault| fault.to_string())?;
    let app = App {
        begun: Default::default(),
        store,
        library,
        clock,
        org: organisation.id,
        base_url: config.base_url_at(bound).into(),
        help: Arc::new(help(config)),
    };
    Ok(Opened {
        app,
        organisation,
        _lock: lock,
    })
}

/// What patients are told of help. Only `serve` speaks to patients, and it refuses to start where the lines are missing.
fn help(config: &Config) -> Help {
    config.help.lines.as_ref().map(Help::of).unwrap_or_default()
}

fn connect(config: &Config) -> Result<Store, String> {
    let seal = config.seal().map_err(|bad| bad.to_string())?;
    Store::open(config.place.clone(), seal)
        .map_err(|fault| format!("the database cannot be used: {fault}"))
}

/// Keeps a second process off the SQLite file.
fn lock(config: &Config) -> Result<Option<File>, String> {
    if !matches!(config.place, Place::Sqlite(_)) {
        return Ok(None);
    }
    let path = config.lock_file();
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = file.map_err(|error| format!("{}: cannot be opened ({error})", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(_) => Err(format!(
            "another process has {} open for writing. Stop it first, or let it do the work: commands reach a running service by themselves when \
             ATTUNE_DATA_DIR names its folder.",
            path.display()
        )),
    }
}

/// SQLite is brought up to date by itself; on PostgreSQL somebody decides when.
fn bring_up_to_date(store: &Store) -> Result<(), String> {
    let pending = store
        .pending_migrations()
        .map_err(|fault| fault.to_string())?;
    match (pending.is_empty(), store.place()) {
        (true, _) => Ok(()),
        (false, Place::Sqlite(_)) => store
            .migrate()
            .map(|_| ())
            .map_err(|fault| fault.to_string()),
        (false, Place::Postgres(_)) => {
            Err("the database schema is not up to date; run: attune migrate".into())
        }
    }
}

/// `attune migrate [--check]`.
pub fn migrate(config: &Config, check: bool) -> Exit {
    match try_migrate(config, check) {
        Ok(exit) => exit,
        Err(words) => {
            eprintln!("{words}");
            Exit::Failed
        }
    }
}

fn try_migrate(config: &Config, check: bool) -> Result<Exit, String> {
    config.make_data_dir().map_err(|bad| bad.to_string())?;
    let _lock = if check { None } else { lock(config)? };
    let store = connect(config)?;
    let pending = store
        .pending_migrations()
        .map_err(|fault| fault.to_string())?;
    if check {
        pending.iter().for_each(|name| println!("missing: {name}"));
        println!(
            "{}",
            if pending.is_empty() {
                "the schema is up to date"
            } else {
                "run: attune migrate"
            }
        );
        return Ok(if pending.is_empty() {
            Exit::Done
        } else {
            Exit::Failed
        });
    }
    for name in store.migrate().map_err(|fault| fault.to_string())? {
        println!("done: {name}");
    }
    println!("the schema is up to date");
    Ok(Exit::Done)
}
