//! `attune instrument add`: takes a definition in among the clinic's own, and records what its files were.

use super::check::{check_version, is_of_a_version, version_of};
use crate::cli::console::Exit;
use crate::cli::definitions::{self, listed};
use crate::config::Config;
use crate::domain::instrument::{DefinitionFile, Origin, PUBLISHED_FILE, Published};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// What stands above the list in a clinic's own folder.
const HEAD: &str = "# Every version that was taken in, with the SHA-256 of its file. A published version never changes, because scores name\n\
                    # it. `attune instrument add` writes this list.\n";

pub(super) fn add(config: &Config, folder: &Path) -> Result<Exit, String> {
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
    if config.survey_defs.is_none() {
        // Below the data folder, which may be made here before there is data: closed to others from the start.
        config.make_data_dir().map_err(|bad| bad.to_string())?;
    }
    let said = take_in(&files, &config.survey_defs())?;
    println!("{}", said.join("\n"));
    println!("A service that is running reads them at its next start.");
    Ok(Exit::Done)
}

/// Copies what is new and records it. What is there already stays as it is: copies nothing if one of the files differs
/// from it, because scores may name it.
pub(super) fn take_in(files: &[DefinitionFile], to: &Path) -> Result<Vec<String>, String> {
    let published = definitions::published(to)?;
    let (mut said, mut new, mut lines) = (Vec::new(), Vec::new(), Vec::new());
    for file in files {
        let path = to.join(&file.path);
        let shown = path.display();
        match fs::read(&path) {
            Ok(there) if there == file.text.as_bytes() => {
                said.push(format!("there already, the same: {shown}"));
            }
            Ok(_) => {
                return Err(format!(
                    "{shown}: is there already, differs from {} and may not change, because scores name it; give the new one the next version",
                    file.shown
                ));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                said.push(format!("added: {shown}"));
                new.push((path, file));
            }
            Err(error) => return Err(format!("{shown}: cannot be read ({error})")),
        }
        let Some(now) = Published::of(file) else {
            continue;
        };
        match published.iter().find(|known| known.is_same_file(&now)) {
            None => lines.push(now.lines()),
            Some(known) if known.sha256 != now.sha256 => {
                return Err(format!(
                    "{}: differs from what was published as {} (see {PUBLISHED_FILE}) and may not change, because scores name it; \
                     give the new one the next version",
                    file.shown, file.path
                ));
            }
            Some(_) => {}
        }
    }
    for (path, file) in new {
        let folder = path.parent().unwrap_or(to);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, &file.text))
            .map_err(|error| cannot_write(&path, &error))?;
    }
    record(&lines, to)?;
    Ok(said)
}

/// Adds these lines to the list, which is whole at every moment.
fn record(lines: &[String], to: &Path) -> Result<(), String> {
    if lines.is_empty() {
        return Ok(());
    }
    let path = to.join(PUBLISHED_FILE);
    let mut list = if path.exists() {
        fs::read_to_string(&path)
            .map_err(|error| format!("{}: cannot be read ({error})", path.display()))?
    } else {
        HEAD.to_owned()
    };
    list.extend(lines.iter().map(String::as_str));
    let beside = path.with_extension("toml.new");
    fs::write(&beside, list)
        .and_then(|()| fs::rename(&beside, &path))
        .map_err(|error| cannot_write(&path, &error))
}

fn cannot_write(path: &Path, error: &io::Error) -> String {
    format!("{}: cannot be written ({error})", path.display())
}
