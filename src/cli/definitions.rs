//! Definitions in folders: reading them, and making what ships and the clinic's own the library of this process.
//!
//! Not here: what is in a definition (`domain::instrument`).

use crate::config::Config;
use crate::domain::instrument::{DefinitionFault, DefinitionFile, Library, Origin};
use std::fs;
use std::io;
use std::path::Path;

/// Reads every definition of a folder, `<id>/<version>.toml`, with the files beside each.
///
/// # Errors
/// When the folder or a file in it cannot be read, with its path.
pub fn read_all(root: &Path, origin: Origin) -> Result<Vec<DefinitionFile>, String> {
    let mut files = Vec::new();
    for entry in sorted(root)? {
        if entry.is_dir() {
            files.extend(read_one(&entry, origin)?);
        }
    }
    Ok(files)
}

/// Reads one instrument's folder.
///
/// # Errors
/// When the folder or a file in it cannot be read, with its path.
pub fn read_one(folder: &Path, origin: Origin) -> Result<Vec<DefinitionFile>, String> {
    let id = name(&absolute(folder));
    let mut files = Vec::new();
    for path in sorted(folder)? {
        if path.extension().is_some_and(|end| end == "toml") {
            let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
            files.push(DefinitionFile {
                origin,
                path: format!("{id}/{}", name(&path)),
                shown: path.display().to_string(),
                text,
            });
        }
    }
    Ok(files)
}

/// Reads what ships and the clinic's own definitions, and makes them the library of this process.
///
/// # Errors
/// Every mistake in the clinic's own definitions, one a line.
pub fn load(config: &Config) -> Result<&'static Library, String> {
    let folder = config.survey_defs();
    let chosen = config.survey_defs.is_some();
    if !chosen && !folder.is_dir() {
        return Ok(Library::current());
    }
    let files = read_all(&folder, Origin::Site)?;
    match Library::with_site(files) {
        Ok(library) => Ok(library.make_current()),
        Err(faults) => Err(format!(
            "the definitions in {} are wrong:\n{}",
            folder.display(),
            listed(&faults)
        )),
    }
}

/// Where the instruments were read from, in a sentence.
pub fn read_from(config: &Config) -> String {
    let folder = config.survey_defs();
    if folder.is_dir() {
        format!(
            "Read were the instruments that ship and those in {}",
            folder.display()
        )
    } else {
        format!(
            "Read were the instruments that ship; {}, where the clinic's own would be, is not there",
            folder.display()
        )
    }
}

/// Mistakes as compilers print them: `file:line: what`, one a line.
pub fn listed(faults: &[DefinitionFault]) -> String {
    let lines: Vec<_> = faults
        .iter()
        .map(|fault| match fault.line {
            Some(line) => format!("{}:{line}: {}", fault.file, fault.what),
            None => format!("{}: {}", fault.file, fault.what),
        })
        .collect();
    lines.join("\n")
}

fn sorted(folder: &Path) -> Result<Vec<std::path::PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths
        .collect::<io::Result<Vec<_>>>()
        .map_err(|error| unreadable(folder, &error))?;
    paths.sort();
    Ok(paths)
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("{}: cannot be read ({error})", path.display())
}

fn absolute(path: &Path) -> std::path::PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
