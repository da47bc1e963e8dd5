//! `attune instrument …`: what there is, what one says, whether a definition is sound, and taking one in.
//!
//! Here: the commands. What `show` prints is in `show`. Not here: what makes a definition sound (`domain::instrument`,
//! `domain::scoring::cases`).

mod rescore;
mod show;
#[cfg(test)]
mod tests;

use super::console::Exit;
use super::data::{self, DataCommand, PermitWords, RescoreWords, wait_for};
use super::definitions::{self, listed};
use crate::app::App;
use crate::app::permit_instrument::{NewPermission, permit_instrument, withdraw_permission};
use crate::config::Config;
use crate::domain::access::Actor;
use crate::domain::instrument::{DefinitionFault, DefinitionFile, Library, Origin};
use crate::domain::scoring::cases;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What is asked about instruments.
#[derive(Debug, clap::Subcommand)]
pub enum InstrumentCommand {
    /// List every instrument there is.
    List,
    /// Say what an instrument is: items, scoring, bands, cut-offs, change, licence, and where each comes from.
    Show {
        /// The instrument's id, such as phq9.
        id: String,
    },
    /// Check definitions and run their worked cases; prints every mistake as file:line: what, exit 1 if there is any.
    Check {
        /// Definition files, or folders of them.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// As the clinic's own: they may have protected wording.
        #[arg(long)]
        site: bool,
    },
    /// Check a definition and copy it to the clinic's own. A running service reads it at its next start.
    Add {
        /// The instrument's folder, with its definition, text files and worked cases.
        folder: PathBuf,
    },
    /// Record the owner's permission to use an instrument here. Needed for instruments of class B and C.
    Permit(PermitWords),
    /// Withdraw it: nothing new is planned or sent; links that are out stay good.
    Withdraw {
        /// The instrument's id, such as who5.
        id: String,
    },
    /// Score responses anew: adds a revision to each score that changes, and never writes one over.
    Rescore(RescoreWords),
}

/// Does what is asked.
pub fn run(config: &Config, command: &InstrumentCommand) -> Exit {
    let done = match command {
        InstrumentCommand::List => definitions::load(config).map(|library| {
            library
                .latest()
                .for_each(|known| println!("{}", show::line(known)));
            Exit::Done
        }),
        InstrumentCommand::Show { id } => {
            definitions::load(config).map(|library| show(library, id))
        }
        InstrumentCommand::Check { paths, site } => check_all(paths, origin(*site)),
        InstrumentCommand::Add { folder } => add(config, folder),
        InstrumentCommand::Permit(words) => {
            let command = DataCommand::InstrumentPermit(words.clone());
            Ok(data::run_somewhere(config, &command))
        }
        InstrumentCommand::Withdraw { id } => {
            let command = DataCommand::InstrumentWithdraw { id: id.clone() };
            Ok(data::run_somewhere(config, &command))
        }
        InstrumentCommand::Rescore(words) => {
            let command = DataCommand::InstrumentRescore(words.clone());
            Ok(data::run_somewhere(config, &command))
        }
    };
    done.unwrap_or_else(|words| {
        eprintln!("{words}");
        Exit::Failed
    })
}

/// Records a permission.
pub(super) fn permit(app: &App, actor: &Actor, words: &PermitWords) -> Result<String, String> {
    let new = NewPermission {
        instrument: words.id.clone(),
        reference: words.reference.clone(),
        holder: words.holder.clone(),
        granted_on: words.granted_on,
        expires_on: words.expires_on,
    };
    wait_for(permit_instrument(app, actor.clone(), new))?;
    Ok(format!("the permission to use {} is on record", words.id))
}

/// Withdraws it.
pub(super) fn withdraw(app: &App, actor: &Actor, id: &str) -> Result<String, String> {
    wait_for(withdraw_permission(app, actor.clone(), id.to_owned()))?;
    Ok(format!(
        "the permission to use {id} is withdrawn; links that are out stay good"
    ))
}

pub(super) use rescore::rescore;

fn origin(site: bool) -> Origin {
    if site { Origin::Site } else { Origin::Shipped }
}

fn show(library: &Library, id: &str) -> Exit {
    match library.get(id) {
        Some(instrument) => {
            print!("{}", show::page(library, instrument));
            Exit::Done
        }
        None => {
            let known: Vec<_> = library.latest().map(|known| known.id.as_str()).collect();
            eprintln!(
                "there is no instrument {id:?}; wanted is one of: {}",
                known.join(", ")
            );
            Exit::Usage
        }
    }
}

fn check_all(paths: &[PathBuf], origin: Origin) -> Result<Exit, String> {
    let mut versions = BTreeMap::new();
    for path in paths {
        for file in files_of(path, origin)? {
            let key = version_of(&file);
            versions
                .entry(key)
                .or_insert_with(BTreeMap::new)
                .insert(file.path.clone(), file);
        }
    }
    let mut wrong = 0;
    for files in versions.into_values() {
        let files: Vec<_> = files.into_values().collect();
        match check_version(&files) {
            Ok(said) => println!("{said}"),
            Err(faults) => {
                wrong += faults.len();
                println!("{}", listed(&faults));
            }
        }
    }
    Ok(if wrong == 0 { Exit::Done } else { Exit::Failed })
}

/// `…/some_id/1`, for every file of one version.
fn version_of(file: &DefinitionFile) -> String {
    let name = file.shown.rfind('/').map_or(0, |slash| slash + 1);
    let dot = file.shown[name..].find('.').unwrap_or(0);
    file.shown[..name + dot].to_owned()
}

/// The files a path stands for: a whole folder of folders, one instrument's folder, or one version of it.
fn files_of(path: &Path, origin: Origin) -> Result<Vec<DefinitionFile>, String> {
    if path.is_dir() {
        let mut files = definitions::read_all(path, origin)?;
        let own = definitions::read_one(path, origin)?;
        files.extend(own.into_iter().filter(is_of_a_version));
        return Ok(files);
    }
    if !path.is_file() {
        return Err(format!("{}: there is no such file", path.display()));
    }
    let folder = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let files = definitions::read_one(folder.unwrap_or(Path::new(".")), origin)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let version = format!("{}.", name.split('.').next().unwrap_or_default());
    let same = |file: &DefinitionFile| {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        name.starts_with(&version)
    };
    Ok(files.into_iter().filter(same).collect())
}

/// Not the list of published versions.
fn is_of_a_version(file: &DefinitionFile) -> bool {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    name.starts_with(|first: char| first.is_ascii_digit())
}

/// Checks one version's files and runs its cases.
fn check_version(files: &[DefinitionFile]) -> Result<String, Vec<DefinitionFault>> {
    let site = files.iter().any(|file| file.origin == Origin::Site);
    let library = if site {
        Library::with_site(files.iter().cloned())?
    } else {
        // A translation may be written for a definition that ships.
        let alone = !files.iter().any(DefinitionFile::is_definition);
        let beside = files.first().filter(|_| alone);
        let beside = beside.and_then(DefinitionFile::shipped_beside);
        Library::read(files.iter().cloned().chain(beside))?
    };
    let Some(definition) = files.iter().find(|file| file.is_definition()) else {
        return Ok(text_only(files));
    };
    let (id, version) = definition.path.split_once('/').unwrap_or_default();
    let version = version.trim_end_matches(".toml");
    let Some(instrument) = library.version(id, version) else {
        return Ok(text_only(files));
    };
    let Some(worked) = files.iter().find(|file| file.are_cases_of(instrument)) else {
        return Err(vec![DefinitionFault {
            file: definition.shown.clone(),
            line: None,
            what: format!("there are no worked cases; wanted is {version}.cases.toml beside it"),
        }]);
    };
    let run = cases::check(instrument, worked)?;
    let languages: Vec<_> = instrument.languages().collect();
    Ok(format!(
        "{}: sound; {run} cases come out; words in: {}; sha256 {}",
        definition.shown,
        if languages.is_empty() {
            "none, its wording is the clinic's to supply".to_owned()
        } else {
            languages.join(", ")
        },
        instrument.fingerprint
    ))
}

fn text_only(files: &[DefinitionFile]) -> String {
    let shown: Vec<_> = files.iter().map(|file| file.shown.as_str()).collect();
    format!("{}: sound", shown.join(", "))
}

fn add(config: &Config, folder: &Path) -> Result<Exit, String> {
    let files = definitions::read_one(folder, Origin::Site)?;
    let mut versions: BTreeMap<String, Vec<DefinitionFile>> = BTreeMap::new();
    for file in files.iter().filter(|file| is_of_a_version(file)) {
        versions
            .entry(version_of(file))
            .or_default()
            .push(file.clone());
    }
    if versions.is_empty() {
        return Err(format!(
            "{}: there is no definition in this folder; wanted is 1.toml",
            folder.display()
        ));
    }
    for files in versions.values() {
        if let Err(faults) = check_version(files) {
            println!("{}", listed(&faults));
            return Ok(Exit::Failed);
        }
    }
    let files: Vec<_> = versions.into_values().flatten().collect();
    copy(&files, &config.survey_defs())?;
    println!("A service that is running reads them at its next start.");
    Ok(Exit::Done)
}

/// Copies nothing if one of the files is there already: none is ever written over, because scores may name it.
fn copy(files: &[DefinitionFile], to: &Path) -> Result<(), String> {
    let target = |file: &DefinitionFile| to.join(&file.path);
    if let Some(there) = files.iter().map(target).find(|path| path.exists()) {
        return Err(format!(
            "{}: is there already and may not change, because scores name it; give the new one the next version",
            there.display()
        ));
    }
    for file in files {
        let path = target(file);
        let folder = path.parent().unwrap_or(to);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, &file.text))
            .map_err(|error| format!("{}: cannot be written ({error})", path.display()))?;
        println!("added: {}", path.display());
    }
    Ok(())
}
