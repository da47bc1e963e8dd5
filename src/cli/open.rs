//! Opening the data for a process: folder, lock, key, database, schema, organisation.

use super::console::Exit;
use super::{definitions, private};
use crate::app::clock::Clock;
use crate::app::{App, accounts};
use crate::config::{Config, SecretKey};
use crate::patient_words::help::Help;
use crate::store::organisation::{self, OrganisationRow};
use crate::store::seal::{self, Fit};
use crate::store::{Fault, Place, Store};
use std::fs::File;
use std::net::SocketAddr;
use std::sync::Arc;

/// Data that this process holds. Dropping it lets others in.
pub struct Opened {
    /// The verbs' world.
    pub app: App,
    /// The organisation as stored.
    pub organisation: OrganisationRow,
    _lock: Option<File>,
}

/// What a command does with the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Works, and begins a site where there is none.
    Begin,
    /// Works with what must be there.
    Work,
    /// Looks at what must be there; leaves schema and modes as they are.
    Look,
}

/// Opens the data for reading and writing by this process alone (SQLite) or beside others (PostgreSQL).
///
/// # Errors
/// Says in words what stands in the way and what to do.
pub fn open(config: &Config, bound: SocketAddr, purpose: Purpose) -> Result<Opened, String> {
    let library = definitions::load(config)?;
    prepare(config, purpose)?;
    let lock = lock(config)?;
    let kept = config.key().map_err(|bad| bad.to_string())?;
    let key = kept.clone().map_or_else(SecretKey::random, Ok)?;
    let store = connect(config, &key)?;
    let organisation =
        bring_up_to_date(&store, purpose).and_then(|()| enter(config, &store, &key, kept, purpose));
    let organisation = organisation.inspect_err(|_| store.close())?;
    let app = App {
        begun: Default::default(),
        store,
        library,
        clock: Clock::System,
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

/// Makes the folder for whoever may begin a site; everybody else leaves no trace where no data is.
fn prepare(config: &Config, purpose: Purpose) -> Result<(), String> {
    match purpose {
        Purpose::Begin => config.make_data_dir().map_err(|bad| bad.to_string())?,
        Purpose::Work | Purpose::Look => require_file(config)?,
    }
    match purpose {
        Purpose::Begin | Purpose::Work => private::narrow(config),
        Purpose::Look => Ok(()),
    }
}

/// Whether there is an SQLite file; a PostgreSQL is asked later.
///
/// # Errors
/// Says that there is none and what to set.
pub fn require_file(config: &Config) -> Result<(), String> {
    match &config.place {
        Place::Sqlite(path) if !path.exists() => Err(no_data(config)),
        _ => Ok(()),
    }
}

fn place(config: &Config) -> String {
    match &config.place {
        Place::Sqlite(path) => format!("at {}", path.display()),
        Place::Postgres(_) => "in the PostgreSQL database".to_owned(),
    }
}

/// The schema is there, and nobody has begun.
fn no_site(config: &Config) -> String {
    format!(
        "there is no data {}: the schema is there, and no site has begun in it; {WANTED_PLACE}",
        place(config)
    )
}

pub(super) fn no_data(config: &Config) -> String {
    format!("there is no data {}; {WANTED_PLACE}", place(config))
}

/// What to do where there is no data.
const WANTED_PLACE: &str = "set ATTUNE_DATA_DIR (or ATTUNE_DATABASE_URL) as for the service. A new site begins with: attune serve";

/// The organisation of data that is written with this key. A key that is not kept anywhere yet is kept where a site begins, and only there.
fn enter(
    config: &Config,
    store: &Store,
    key: &SecretKey,
    kept: Option<SecretKey>,
    purpose: Purpose,
) -> Result<OrganisationRow, String> {
    let words = |fault: Fault| fault.to_string();
    let known = store.read_blocking(organisation::only).map_err(words)?;
    match (&known, kept, purpose) {
        (Some(_), None, _) => {
            return Err(format!(
                "there is no key at {}, and this data is written with one. {WANTED_KEY}",
                config.key_file().display()
            ));
        }
        (None, _, Purpose::Work | Purpose::Look) => return Err(no_site(config)),
        (None, None, Purpose::Begin) => config.keep_key(key).map_err(|bad| bad.to_string())?,
        (Some(_), Some(_), _) | (None, Some(_), Purpose::Begin) => {}
    }
    let now = Clock::System.now();
    let entered = store.write_blocking(move |tx| {
        // Another node may have been first, with another key.
        let known = known.map_or_else(|| accounts::found_if_new(tx, now), Ok)?;
        seal::fits_key(tx, known.id).map(|fits| (known, fits))
    });
    match entered.map_err(words)? {
        (organisation, Fit::Fits) => Ok(organisation),
        (_, Fit::Replaced(at)) => Err(format!(
            "{} is the key this data was written with until {}, when `attune key replace` put another in its place. Set that one; an interrupted \
             `attune key replace` is finished by the same command",
            named_key(config),
            at.format("%Y-%m-%d %H:%M UTC")
        )),
        (_, Fit::Foreign) => Err(format!(
            "{} is not the key this data is written with. {WANTED_KEY}",
            named_key(config)
        )),
    }
}

/// What to do without the right key. Any other would leave links that nobody can open, and an audit that looks tampered with.
const WANTED_KEY: &str = "Set ATTUNE_SECRET_KEY (or ATTUNE_SECRET_KEY_FILE) to the key of the service that wrote it, or put that service's secret.key, \
    which belongs to every backup, into the data folder. If it is lost for good: attune key replace (docs/operations.md)";

/// Where the key at hand is from.
pub(super) fn named_key(config: &Config) -> String {
    match config.secret_key {
        Some(_) => "ATTUNE_SECRET_KEY".to_owned(),
        None => config.key_file().display().to_string(),
    }
}

/// What patients are told of help. Only `serve` speaks to patients, and it refuses to start where the lines are missing.
fn help(config: &Config) -> Help {
    config.help.lines.as_ref().map(Help::of).unwrap_or_default()
}

pub(super) fn connect(config: &Config, key: &SecretKey) -> Result<Store, String> {
    Store::open(config.place.clone(), key.seal())
        .map_err(|fault| format!("the database cannot be used: {fault}"))
}

/// Keeps a second process off the SQLite file.
pub(super) fn lock(config: &Config) -> Result<Option<File>, String> {
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
pub(super) fn bring_up_to_date(store: &Store, purpose: Purpose) -> Result<(), String> {
    let pending = store
        .pending_migrations()
        .map_err(|fault| fault.to_string())?;
    match (store.place(), purpose) {
        _ if pending.is_empty() => Ok(()),
        (Place::Sqlite(_), Purpose::Begin | Purpose::Work) => store
            .migrate()
            .map(|_| ())
            .map_err(|fault| fault.to_string()),
        (Place::Postgres(_), _) | (_, Purpose::Look) => {
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
    prepare(config, if check { Purpose::Look } else { Purpose::Begin })?;
    let _lock = if check { None } else { lock(config)? };
    // The schema is the same under every key.
    let store = connect(config, &SecretKey::random()?)?;
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
