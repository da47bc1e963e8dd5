//! Whether folder and files of the data are their owner's alone. New ones are made so; here are those that an older program, a copy or a service manager left
//! open to others.

use crate::config::Config;
use crate::store::Place;
use std::fs::{Permissions, metadata, set_permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Closes the SQLite file and what belongs to it to others, and says so in the log. A folder is only warned about: it may hold more than ours.
///
/// # Errors
/// Says which file is open to others and must be closed by hand.
pub fn narrow(config: &Config) -> Result<(), String> {
    if let Some(mode) = open_mode(&config.data_dir) {
        tracing::warn!("{}", folder_is_open(&config.data_dir, mode));
    }
    for path in files(config) {
        let Some(mode) = open_mode(&path) else {
            continue;
        };
        set_permissions(&path, Permissions::from_mode(0o600))
            .or_else(gone_meanwhile)
            .map_err(|error| format!("{} ({error})", file_is_open(&path, mode)))?;
        tracing::warn!(
            "others could read {} (mode {mode:o}); it is its owner's alone now",
            path.display()
        );
    }
    Ok(())
}

/// What `attune doctor` says of it: all that is open to others.
///
/// # Errors
/// Says what is open to others and how to close it.
pub fn check(config: &Config) -> Result<String, String> {
    let folder = open_mode(&config.data_dir).map(|mode| folder_is_open(&config.data_dir, mode));
    let files = files(config).into_iter().filter_map(|path| {
        let mode = open_mode(&path)?;
        Some(file_is_open(&path, mode))
    });
    let open: Vec<String> = folder.into_iter().chain(files).collect();
    match open.is_empty() {
        true => Ok("folder and files are their owner's alone".to_owned()),
        false => Err(open.join("; ")),
    }
}

/// The SQLite file, its log and its index; on PostgreSQL nothing of the data is ours to keep.
fn files(config: &Config) -> Vec<PathBuf> {
    let Place::Sqlite(path) = &config.place else {
        return vec![];
    };
    let beside = |end: &str| {
        let mut name = path.clone().into_os_string();
        name.push(end);
        PathBuf::from(name)
    };
    vec![path.clone(), beside("-wal"), beside("-shm")]
}

/// The mode of what is there and open to others.
fn open_mode(path: &Path) -> Option<u32> {
    let mode = metadata(path).ok()?.permissions().mode() & 0o7777;
    (mode & 0o077 != 0).then_some(mode)
}

/// The log goes with the last process that has the file open.
fn gone_meanwhile(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }
}

fn folder_is_open(path: &Path, mode: u32) -> String {
    let path = path.display();
    format!("the folder {path} is open to others (mode {mode:o}): chmod 700 {path}")
}

fn file_is_open(path: &Path, mode: u32) -> String {
    let path = path.display();
    format!("{path} is open to others (mode {mode:o}): chmod 600 {path}")
}
