//! The file of rejected rows: made when the first row is rejected, taken away when none is. Its cells are guarded against spreadsheets
//! (`guard`); why a row is rejected is decided elsewhere.

use super::Refusal;
use super::table::{ADDED_COLUMNS, Row};
use crate::app::cell::guarded;
use csv::StringRecord;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A file of rejected rows that may come into being.
pub struct Rejects {
    path: PathBuf,
    header: StringRecord,
    writer: Option<csv::Writer<File>>,
}

impl Rejects {
    /// Rejected rows of `source` will go to `path`.
    ///
    /// # Errors
    /// When that is the source itself, or a file that no import wrote: neither is ever written over.
    pub fn at(path: &Path, source: &Path, header: &StringRecord) -> Result<Rejects, Refusal> {
        if let (Ok(ours), Ok(theirs)) = (path.canonicalize(), source.canonicalize())
            && ours == theirs
        {
            return Err(Refusal::Rejects(
                "it is the imported file itself; name another with --rejects".into(),
            ));
        }
        if path.exists() && !may_replace(path) {
            let why = format!(
                "{} is here and holds no rejected rows; name another with --rejects",
                path.display()
            );
            return Err(Refusal::Rejects(why));
        }
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            let why = format!(
                "{} is no folder; name another file with --rejects",
                folder.display()
            );
            return Err(Refusal::Rejects(why));
        }
        Ok(Rejects {
            path: path.to_owned(),
            header: header.clone(),
            writer: None,
        })
    }

    /// Adds a row with the reason.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn add(&mut self, row: &Row, reason: &str) -> Result<(), Refusal> {
        let added = [row.line.to_string(), reason.to_owned()];
        let whole = row.cells.len() == self.header.len();
        let again = ADDED_COLUMNS
            .iter()
            .all(|name| self.header.iter().any(|known| known == *name));
        let cells: Vec<String> = match (whole, again) {
            (true, _) => own_cells(&self.header, &row.cells).chain(added).collect(),
            // With more or fewer cells than columns nobody knows which is whose: all of them stay, so that the row is refused until somebody has mended it.
            (false, false) => row.cells.iter().map(str::to_owned).chain(added).collect(),
            (false, true) => row.cells.iter().map(str::to_owned).collect(),
        };
        let cells = cells.iter().map(|cell| guarded(cell));
        self.writer()?.write_record(cells).map_err(unwritable)
    }

    fn writer(&mut self) -> Result<&mut csv::Writer<File>, Refusal> {
        if self.writer.is_none() {
            // Names and addresses: for the owner's eyes only.
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&self.path);
            let mut builder = csv::WriterBuilder::new();
            let mut writer = builder
                .flexible(true)
                .from_writer(file.map_err(unwritable)?);
            let added = ADDED_COLUMNS.map(str::to_owned);
            writer
                .write_record(own_cells(&self.header, &self.header).chain(added))
                .map_err(unwritable)?;
            self.writer = Some(writer);
        }
        self.writer
            .as_mut()
            .ok_or_else(|| Refusal::Rejects("it was closed".into()))
    }

    /// Completes the file; takes an old one away when no row was rejected.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn finish(&mut self) -> Result<(), Refusal> {
        match &mut self.writer {
            Some(writer) => writer.flush().map_err(unwritable),
            None if self.path.is_file() => std::fs::remove_file(&self.path).map_err(unwritable),
            None => Ok(()),
        }
    }
}

/// The cells of a row under the file's own columns: one for each, without the line and reason of an earlier import.
fn own_cells<'a>(
    header: &'a StringRecord,
    cells: &'a StringRecord,
) -> impl Iterator<Item = String> + 'a {
    header
        .iter()
        .enumerate()
        .filter(|(_, name)| !ADDED_COLUMNS.contains(name))
        .map(|(place, _)| cells.get(place).unwrap_or_default().to_owned())
}

fn unwritable(error: impl std::fmt::Display) -> Refusal {
    Refusal::Rejects(format!("it cannot be written: {error}"))
}

/// Only what an import wrote is written over, and what is no file at all (`/dev/null`).
fn may_replace(path: &Path) -> bool {
    if !path.is_file() {
        return !path.is_dir();
    }
    let Ok(file) = File::open(path) else {
        return false;
    };
    let mut first = String::new();
    // A longer first line than any header of ours is not ours.
    let read = BufReader::new(file.take(4096)).read_line(&mut first);
    read.is_ok()
        && (first.is_empty()
            || first
                .trim_end()
                .ends_with(&format!(",{}", ADDED_COLUMNS.join(","))))
}
