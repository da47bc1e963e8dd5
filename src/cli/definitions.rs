//! Definitions in folders: reading them, and making what ships and the clinic's own the library of this process.
//!
//! Not here: what is in a definition (`domain::instrument`).

use crate::config::Config;
use crate::domain::instrument::{
    DefinitionFault, DefinitionFile, Library, Origin, PUBLISHED_FILE, Published, changed,
};
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
            let text = read_text(&path)?;
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

/// What a definition file says.
fn read_text(path: &Path) -> Result<String, String> {
    let bytes = fs::read(path).map_err(|error| unreadable(path, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        let sound = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = sound.iter().filter(|&&byte| byte == b'\n').count() + 1;
        format!(
            "{}:{line}: a sign here is not UTF-8; save the file as UTF-8",
            path.display()
        )
    })
}

/// What the clinic's own folder says was published; nothing when nothing was.
///
/// # Errors
/// When the list cannot be read, with its path.
pub fn published(root: &Path) -> Result<Vec<Published>, String> {
    let path = root.join(PUBLISHED_FILE);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let list = Published::read(&read_text(&path)?);
    list.map_err(|what| format!("{}: {what}", path.display()))
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
    match read_site(&folder)? {
        Ok(library) => Ok(library.make_current()),
        Err(faults) => Err(format!(
            "the definitions in {} are wrong:\n{}",
            folder.display(),
            listed(&faults)
        )),
    }
}

/// What ships and the clinic's own, none of which may have changed since it was taken in.
fn read_site(folder: &Path) -> Result<Result<Library, Vec<DefinitionFault>>, String> {
    let files = read_all(folder, Origin::Site)?;
    let changed = changed(&files, &published(folder)?);
    Ok(match Library::with_site(files) {
        Ok(library) if changed.is_empty() => Ok(library),
        Ok(_) => Err(changed),
        Err(faults) => Err(changed.into_iter().chain(faults).collect()),
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_utf_8_is_named_with_its_line() {
        let folder = std::env::temp_dir().join(format!("attune-latin-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("1.toml"), b"id = \"x\"\n# caf\xe9\n").unwrap();
        let said = read_one(&folder, Origin::Site).unwrap_err();
        fs::remove_dir_all(&folder).unwrap();
        assert!(
            said.ends_with("1.toml:2: a sign here is not UTF-8; save the file as UTF-8"),
            "{said}"
        );
    }
}
