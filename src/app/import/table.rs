//! A CSV file as rows with named cells: the header is checked against the known columns, each row keeps the line it began in, and one pass
//! beforehand finds what can never be taken and which ids come more than once. What the cells mean is the callers' business.

use super::Refusal;
use super::quotes::Quotes;
use super::text::{CleanText, TextFault};
use crate::app::cell;
use csv::{ReaderBuilder, StringRecord};
use std::collections::HashSet;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

/// A column that a file may or must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name in the header.
    pub name: &'static str,
    /// Whether every file must have it.
    pub need: Need,
}

/// Whether a column may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The file is refused without it.
    Required,
    /// It may be missing.
    Optional,
}

impl Column {
    /// A column that every file must have.
    pub const fn required(name: &'static str) -> Self {
        Column {
            name,
            need: Need::Required,
        }
    }

    /// A column that may be left out.
    pub const fn optional(name: &'static str) -> Self {
        Column {
            name,
            need: Need::Optional,
        }
    }
}

/// Columns of a file of rejected rows that are read over, so that a mended one can be taken as it is.
pub const ADDED_COLUMNS: [&str; 2] = ["line", "reason"];

/// A row as it stands in the file.
#[derive(Debug, Clone)]
pub struct Row {
    /// The line in which it begins, counted from 1.
    pub line: u64,
    /// Its cells, trimmed, in the order of [`Table::header`].
    pub cells: StringRecord,
}

/// A file that is being read.
pub struct Table {
    reader: csv::Reader<CleanText<Quotes<File>>>,
    header: StringRecord,
    origin: Origin,
}

/// Where the rows come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// Another system.
    Elsewhere,
    /// Our own file of rejected rows, whose guarded cells are read back as they were.
    Rejects,
}

impl Table {
    /// Opens a file and checks its header.
    ///
    /// # Errors
    /// When it cannot be read, is no plain file, or its columns are not the known ones.
    pub fn open(path: &Path, known: &[Column]) -> Result<Table, Refusal> {
        let unreadable = |error: std::io::Error| Refusal::Unreadable(error.to_string());
        // Before it is opened: opening a pipe waits for whoever writes into it.
        if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
            return Err(Refusal::Unreadable("it is not a plain file".into()));
        }
        let file = File::open(path).map_err(unreadable)?;
        let mut reader = ReaderBuilder::new()
            .flexible(true)
            .has_headers(false)
            .from_reader(CleanText::new(Quotes::new(file)));
        let mut header = StringRecord::new();
        reader
            .read_record(&mut header)
            .map_err(|error| unreadable_row(error, 1))?;
        header.trim();
        check_header(&header, known)?;
        reader.get_mut().end_row();
        let ours = ADDED_COLUMNS
            .iter()
            .all(|name| header.iter().any(|column| column == *name));
        let origin = if ours {
            Origin::Rejects
        } else {
            Origin::Elsewhere
        };
        Ok(Table {
            reader,
            header,
            origin,
        })
    }

    /// The columns, in the file's order.
    pub fn header(&self) -> &StringRecord {
        &self.header
    }

    /// Where in a row a column stands, if the file has it.
    pub fn place(&self, column: &str) -> Option<usize> {
        self.header.iter().position(|name| name == column)
    }

    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// When the file stops being text, or cannot be read any further.
    pub fn next_row(&mut self) -> Result<Option<Row>, Refusal> {
        let mut cells = StringRecord::new();
        let begun = self.reader.position().line();
        if !self
            .reader
            .read_record(&mut cells)
            .map_err(|error| unreadable_row(error, begun))?
        {
            return Ok(None);
        }
        self.reader.get_mut().end_row();
        // The reader's own position stands before blank lines that it skipped; counting back from the row's end does not.
        let inside = cells
            .iter()
            .flat_map(str::bytes)
            .filter(|&byte| byte == b'\n')
            .count() as u64;
        let line = self.reader.position().line().saturating_sub(1 + inside);
        cells.trim();
        if self.origin == Origin::Rejects {
            cells = cells.iter().map(cell::unguarded).collect();
        }
        Ok(Some(Row { line, cells }))
    }

    /// At most `most` rows; none at the end.
    ///
    /// # Errors
    /// As [`Table::next_row`].
    pub fn next_rows(&mut self, most: usize) -> Result<Vec<Row>, Refusal> {
        let mut rows = Vec::with_capacity(most);
        while rows.len() < most {
            match self.next_row()? {
                Some(row) => rows.push(row),
                None => break,
            }
        }
        Ok(rows)
    }
}

fn unreadable_row(error: csv::Error, line: u64) -> Refusal {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => match error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<TextFault>())
        {
            Some(TextFault::EndlessRow) => Refusal::EndlessRow { line },
            Some(fault) => Refusal::Encoding(fault.clone()),
            None => Refusal::Unreadable(error.to_string()),
        },
        other => Refusal::Unreadable(format!("{other:?}")),
    }
}

fn check_header(header: &StringRecord, known: &[Column]) -> Result<(), Refusal> {
    let names = || known.iter().map(|column| column.name).collect::<Vec<_>>();
    if header.iter().all(str::is_empty) {
        return Err(Refusal::NoHeader { known: names() });
    }
    let is_known = |name: &str| {
        ADDED_COLUMNS.contains(&name) || known.iter().any(|column| column.name == name)
    };
    if let Some(name) = header.iter().find(|name| !is_known(name)) {
        return Err(Refusal::UnknownColumn {
            name: name.to_owned(),
            known: names(),
        });
    }
    let mut seen = HashSet::new();
    if let Some(name) = header.iter().find(|name| !seen.insert(*name)) {
        return Err(Refusal::RepeatedColumn {
            name: name.to_owned(),
        });
    }
    let lacks = |column: &&Column| column.need == Need::Required && !seen.contains(column.name);
    let missing: Vec<_> = known
        .iter()
        .filter(lacks)
        .map(|column| column.name)
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Refusal::MissingColumns {
            missing,
            known: names(),
        })
    }
}

/// Reads the whole file once and gives the ids that (may) come more than once in `column`. Memory: a filter of fixed size, and those ids.
///
/// # Errors
/// When the file cannot be taken as a whole; nothing was stored by then.
pub fn survey(path: &Path, known: &[Column], column: &str) -> Result<HashSet<String>, Refusal> {
    let mut table = Table::open(path, known)?;
    let place = table.place(column);
    let (mut filter, mut repeated) = (Filter::new(), HashSet::new());
    while let Some(row) = table.next_row()? {
        let id = place
            .and_then(|place| row.cells.get(place))
            .unwrap_or_default();
        if filter.saw_before(id) && !repeated.contains(id) {
            repeated.insert(id.to_owned());
        }
    }
    Ok(repeated)
}

/// A Bloom filter: never forgets an id it saw, and takes one in some thousands for seen that it did not see, at a million ids.
struct Filter {
    words: Vec<u64>,
}

impl Filter {
    /// 4 MiB: 2^25 bits.
    const WORDS: usize = 1 << 19;

    fn new() -> Self {
        Filter {
            words: vec![0; Self::WORDS],
        }
    }

    fn saw_before(&mut self, id: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let (first, second) = (hasher.finish(), hasher.finish().rotate_left(32) | 1);
        let mut seen = true;
        for n in 0..4_u64 {
            let bit = first.wrapping_add(n.wrapping_mul(second));
            let word = usize::try_from(bit >> 6).unwrap_or(0) % Self::WORDS;
            if let Some(word) = self.words.get_mut(word) {
                seen &= *word >> (bit & 63) & 1 == 1;
                *word |= 1 << (bit & 63);
            }
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [Column; 2] = [Column::required("id"), Column::optional("note")];

    fn file(text: &[u8]) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!(
            "attune-table-{}.csv",
            crate::app::import::tests::unique()
        ));
        std::fs::write(&path, text).unwrap();
        path
    }

    fn lines_of(text: &[u8]) -> Vec<(u64, String)> {
        let path = file(text);
        let mut table = Table::open(&path, &KNOWN).unwrap();
        let rows = table.next_rows(100).unwrap();
        std::fs::remove_file(path).unwrap();
        rows.into_iter()
            .map(|row| (row.line, row.cells.get(0).unwrap_or_default().to_owned()))
            .collect()
    }

    #[test]
    fn a_row_knows_its_line_whatever_ends_the_lines() {
        for end in ["\n", "\r\n", "\r"] {
            let text = [
                "\u{feff}id,note",
                "a,\"two",
                "lines\"",
                "",
                "",
                "b,x",
                "c,y",
            ]
            .join(end);
            let expected = [(2, "a"), (6, "b"), (7, "c")].map(|(line, id)| (line, id.to_owned()));
            assert_eq!(lines_of(text.as_bytes()), expected, "{end:?}");
        }
    }

    #[test]
    fn a_wrong_header_is_refused_by_name() {
        let refusal = |text: &[u8]| Table::open(&file(text), &KNOWN).err().unwrap();
        assert!(
            matches!(refusal(b"id,colour\n"), Refusal::UnknownColumn { name, .. } if name == "colour")
        );
        assert!(
            matches!(refusal(b"note\n"), Refusal::MissingColumns { missing, .. } if missing == ["id"])
        );
        assert!(matches!(refusal(b"id,id\n"), Refusal::RepeatedColumn { name } if name == "id"));
        assert!(matches!(refusal(b""), Refusal::NoHeader { .. }));
    }

    #[test]
    fn only_ids_that_come_again_are_kept() {
        let mut text = "id\n".to_owned();
        (0..20_000).for_each(|n| text.push_str(&format!("p{n}\n")));
        text.push_str("p7\np19999\n");
        let repeated = survey(&file(text.as_bytes()), &KNOWN, "id").unwrap();
        assert!(repeated.contains("p7") && repeated.contains("p19999"));
        assert!(repeated.len() < 10, "{} ids kept", repeated.len());
    }

    #[test]
    fn a_quotation_mark_that_is_never_closed_is_refused_with_its_line() {
        let text = format!("id,note\na,x\nb,\"{}\n", "y,z\n".repeat(600_000));
        let refusal = survey(&file(text.as_bytes()), &KNOWN, "id").unwrap_err();
        assert!(
            matches!(refusal, Refusal::EndlessRow { line: 3 }),
            "{refusal:?}"
        );
    }
}
