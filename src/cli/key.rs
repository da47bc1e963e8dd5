//! `attune key replace`: the way on for a site whose key is lost for good, or known to somebody who should not have it. It works on data that nobody else
//! has open, never through a running service.

use super::console::Exit;
use super::open::{self, Purpose};
use crate::app::clock::Clock;
use crate::app::replace_key::{self, Replaced, replace_key};
use crate::config::{Config, SecretKey};
use crate::domain::audit::KeyBefore;
use crate::domain::ids::OrgId;
use crate::store::audit;
use crate::store::organisation;
use crate::store::seal::{self, Fit};
use crate::store::{Fault, Place, Store, heartbeat};
use chrono::TimeDelta;
use clap::{Args, Subcommand};

/// How long after its last sign of life a node may still be at work.
const QUIET: TimeDelta = TimeDelta::seconds(60);

/// A command about the key.
#[derive(Debug, Clone, Subcommand)]
pub enum KeyCommand {
    /// Put a new key in the place of one that is lost for good or was seen by others. The audit says so for good, and nobody can check any more what was written
    /// with the old key. The service must not run.
    Replace(ReplaceWords),
}

/// What a change of key is told.
#[derive(Debug, Clone, Args)]
pub struct ReplaceWords {
    /// Why, in one line, for everybody who reads the audit later. Name no patient.
    #[arg(long)]
    pub because: String,
    /// No service and no other command works on this database. Wanted on PostgreSQL, where nothing keeps them out.
    #[arg(long)]
    pub no_node_runs: bool,
}

/// Runs a command about the key.
pub fn run(config: &Config, command: &KeyCommand) -> Exit {
    let KeyCommand::Replace(words) = command;
    match replace(config, words) {
        Ok(said) => {
            println!("{said}");
            Exit::Done
        }
        Err(words) => {
            eprintln!("{words}");
            Exit::Failed
        }
    }
}

/// The key that the data will be written with.
enum NewKey {
    /// The one that a setting gives.
    Set(SecretKey),
    /// One that lies beside the key file until the data is written with it.
    Staged(SecretKey),
}

impl NewKey {
    fn key(&self) -> &SecretKey {
        match self {
            NewKey::Set(key) | NewKey::Staged(key) => key,
        }
    }
}

fn replace(config: &Config, words: &ReplaceWords) -> Result<String, String> {
    replace_key::check_reason(&words.because).map_err(|why| format!("--because: {why}"))?;
    open::require_file(config)?;
    let _lock = open::lock(config)?;
    let before = key_before(config)?;
    let new = match &config.secret_key {
        Some(key) => NewKey::Set(key.clone()),
        None => {
            config.make_data_dir().map_err(|bad| bad.to_string())?;
            NewKey::Staged(config.stage_key().map_err(|bad| bad.to_string())?)
        }
    };
    let store = open::connect(config, new.key())?;
    let done = write_with(config, words, &store, &new, before);
    store.close();
    done
}

fn write_with(
    config: &Config,
    words: &ReplaceWords,
    store: &Store,
    new: &NewKey,
    before: KeyBefore,
) -> Result<String, String> {
    let org = organisation_in(config, store)?;
    let written = match (is_recorded(store, org).map_err(in_words)?, new) {
        (true, NewKey::Set(_)) => return Err(ALREADY.to_owned()),
        (true, NewKey::Staged(_)) => {
            "the change was written down before and cut short; now it is finished".to_owned()
        }
        (false, _) => {
            require_quiet(store, words)?;
            let now = Clock::System.now();
            let done = replace_key(store, org, before, &words.because, now);
            told(&done.map_err(|failure| failure.to_string())?)
        }
    };
    Ok(format!("{written}\n{}", put_in_place(config, new)?))
}

const ALREADY: &str = "ATTUNE_SECRET_KEY is the key this data is written with. Set it to the new one (64 hexadecimal digits, as from: openssl rand -hex 32) \
    and give this command again";

/// Whether the key at hand before was the data's.
fn key_before(config: &Config) -> Result<KeyBefore, String> {
    // A file that cannot be read is as good as none. A setting gives the new key.
    let kept = match config.secret_key {
        None => config.key().unwrap_or_default(),
        Some(_) => None,
    };
    let Some(key) = kept else {
        return Ok(KeyBefore::Missing);
    };
    let store = open::connect(config, &key)?;
    let known = organisation_in(config, &store).and_then(|org| look_back(&store, org));
    store.close();
    known
}

/// While the old key is there, all that was written with it can be checked, now and never again.
fn look_back(store: &Store, org: OrgId) -> Result<KeyBefore, String> {
    let whole = store.read_blocking(move |tx| match seal::fits_key(tx, org)? {
        Fit::Fits => tx
            .snapshot(|tx| seal::check(tx, org))
            .map(|check| Some(check.is_whole())),
        Fit::Replaced(_) | Fit::Foreign => Ok(None),
    });
    match whole.map_err(in_words)? {
        None => Ok(KeyBefore::Missing),
        Some(true) => Ok(KeyBefore::AtHand),
        Some(false) => Err(
            "the key is at hand, and under it the audit is not as it was written: see `attune verify`. Another key would hide that. \
             Keep a copy of data and key for whoever looks into it; to go on all the same, move the key out of the data folder"
                .to_owned(),
        ),
    }
}

/// The site in this data, whose schema is up to date.
fn organisation_in(config: &Config, store: &Store) -> Result<OrgId, String> {
    open::bring_up_to_date(store, Purpose::Work)?;
    let known = store.read_blocking(organisation::only).map_err(in_words)?;
    known.map(|row| row.id).ok_or_else(|| open::no_data(config))
}

/// Whether the change to this store's key is written down already.
fn is_recorded(store: &Store, org: OrgId) -> Result<bool, Fault> {
    store.read_blocking(move |tx| {
        let fits = seal::fits_key(tx, org)? == Fit::Fits;
        Ok(fits && audit::newest(tx, org)?.is_some())
    })
}

/// On SQLite the lock keeps others out.
fn require_quiet(store: &Store, words: &ReplaceWords) -> Result<(), String> {
    if matches!(store.place(), Place::Sqlite(_)) {
        return Ok(());
    }
    if !words.no_node_runs {
        return Err(
            "stop every node, then say so with --no-node-runs: what a node writes with the old key after the change counts as broken"
                .to_owned(),
        );
    }
    let now = Clock::System.now();
    let beats = store.read_blocking(heartbeat::all).map_err(in_words)?;
    match beats.iter().find(|(_, at)| (now - *at).abs() < QUIET) {
        None => Ok(()),
        Some((worker, at)) => Err(format!(
            "a node runs: its loop `{worker}` was heard of at {} UTC. Stop it, wait a minute, and give this command again",
            at.format("%H:%M:%S")
        )),
    }
}

fn told(Replaced { change, links }: &Replaced) -> String {
    let up_to = change
        .newest_before
        .map(|at| format!(" up to {}", at.format("%Y-%m-%d %H:%M:%S UTC")))
        .unwrap_or_default();
    format!(
        "the key is replaced. {} audit events{up_to} were written before; nobody can check them with the new key, and `attune verify` says so from now on\n\
         {links} links of open forms will be sent with tokens of the new key; links that people hold stay good",
        change.events_before
    )
}

fn put_in_place(config: &Config, new: &NewKey) -> Result<String, String> {
    let NewKey::Staged(_) = new else {
        return Ok("it is the one in ATTUNE_SECRET_KEY: every node needs it".to_owned());
    };
    let kept = config
        .put_key_in_place(Clock::System.now())
        .map_err(|bad| bad.to_string())?;
    let kept = kept
        .map(|path| format!("; what lay there is kept as {}", path.display()))
        .unwrap_or_default();
    Ok(format!(
        "it lies in {}{kept}. Keep a copy of it, apart from the copies of the data",
        config.key_file().display()
    ))
}

fn in_words(fault: Fault) -> String {
    fault.to_string()
}
