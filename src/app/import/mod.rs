//! Patients and sessions from files: the one loop that reads a file in chunks, takes or rejects each row whole, and keeps count. What a row of
//! either kind means is `patients` and `sessions`; how a file is read is `table`. What a command prints is the command line's business.
//!
//! A chunk of rows is one transaction. A row is decided completely before anything of it is written, so that it is in whole or not at all, and
//! a file that was cut short is finished by importing it again.

mod cells;
mod ledger;
mod patients;
mod places;
pub mod quotes;
mod rejects;
mod sessions;
mod table;
#[cfg(test)]
pub(crate) mod tests;
mod text;

use super::{App, Failure};
use crate::domain::access::{Action, Actor, Permit, Subject, decide};
use crate::domain::instrument::Library;
use crate::store::{Fault, Tx};
use cells::Columns;
use chrono::NaiveDateTime;
use ledger::{Claim, Ledger, News};
pub use places::Created;
use rejects::Rejects;
use std::path::PathBuf;
use table::{Column, Row, Table};
use text::TextFault;

/// Rows that share a transaction. Few enough that a running service's patients do not notice the wait for the writer.
const CHUNK_ROWS: usize = 200;

/// Which kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Patients with their episodes of care and measurement plans.
    Patients,
    /// Sessions.
    Sessions,
}

/// Whether anything is to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Store it.
    Write,
    /// Read, check and count everything; store nothing.
    DryRun,
}

/// An import, as somebody orders it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// What is in the file.
    pub what: What,
    /// The file.
    pub file: PathBuf,
    /// Where rejected rows go.
    pub rejects: PathBuf,
    /// Whether to store.
    pub mode: Mode,
}

/// What came of a file. `rows` is the sum of the four counts after it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows read, without the header.
    pub rows: usize,
    /// Rows that added an episode of care or a session.
    pub added: usize,
    /// Rows that changed something that was here.
    pub changed: usize,
    /// Rows that said what was known.
    pub unchanged: usize,
    /// Rows that could not be taken.
    pub rejected: usize,
    /// Clinics and programs that were not here before.
    pub created: Vec<Created>,
}

/// Why a file was not taken, or not to its end.
#[derive(Debug)]
pub struct Stopped {
    /// Why.
    pub why: Failure<Refusal>,
    /// What was stored before that, and stays.
    pub so_far: Box<Report>,
}

/// What is wrong with a file as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It cannot be opened or read.
    Unreadable(String),
    /// It is no UTF-8 text.
    Encoding(TextFault),
    /// A row goes on for more than a mebibyte.
    EndlessRow {
        /// Where it begins.
        line: u64,
    },
    /// It has no first row with column names.
    NoHeader {
        /// The columns there are.
        known: Vec<&'static str>,
    },
    /// It has a column nobody knows.
    UnknownColumn {
        /// Its name.
        name: String,
        /// The columns there are.
        known: Vec<&'static str>,
    },
    /// A column comes twice.
    RepeatedColumn {
        /// Its name.
        name: String,
    },
    /// It lacks columns.
    MissingColumns {
        /// Which.
        missing: Vec<&'static str>,
        /// The columns there are.
        known: Vec<&'static str>,
    },
    /// The file for rejected rows must not or cannot be written.
    Rejects(String),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::Unreadable(why) => write!(f, "the file cannot be read: {why}"),
            Refusal::Encoding(fault) => write!(f, "{fault}"),
            Refusal::EndlessRow { line } => write!(
                f,
                "the row that begins in line {line} is {}",
                TextFault::EndlessRow
            ),
            Refusal::NoHeader { known } => {
                write!(
                    f,
                    "the first line names no columns; known columns: {}",
                    known.join(", ")
                )
            }
            Refusal::UnknownColumn { name, known } => {
                write!(
                    f,
                    "there is no column {name:?}; known columns: {}",
                    known.join(", ")
                )
            }
            Refusal::RepeatedColumn { name } => write!(f, "the column {name:?} comes twice"),
            Refusal::MissingColumns { missing, known } => {
                write!(
                    f,
                    "missing columns: {}; known columns: {}",
                    missing.join(", "),
                    known.join(", ")
                )
            }
            Refusal::Rejects(why) => write!(f, "the file for rejected rows: {why}"),
        }
    }
}

impl std::error::Error for Refusal {}

/// Takes a file. `watch` is told after each chunk how many rows are done.
///
/// # Errors
/// When the actor may not, the file cannot be taken as a whole, or something broke. What was stored before that stays, and importing the same
/// file again finishes it.
pub fn import(
    app: &App,
    actor: &Actor,
    order: &Order,
    watch: &mut dyn FnMut(usize),
) -> Result<Report, Stopped> {
    let mut report = Report::default();
    let done = match order.what {
        What::Patients => take_file::<patients::Patients>(app, actor, order, &mut report, watch),
        What::Sessions => take_file::<sessions::Sessions>(app, actor, order, &mut report, watch),
    };
    match done {
        Ok(()) => Ok(report),
        Err(why) => Err(Stopped {
            why,
            so_far: Box::new(report),
        }),
    }
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Added,
    Changed,
    Unchanged,
    Rejected(String),
}

/// Why a row could not be taken: its own fault, or something broke and the chunk ends.
#[derive(Debug)]
enum Setback {
    Row(String),
    Fault(Fault),
}

impl From<Fault> for Setback {
    fn from(fault: Fault) -> Self {
        Setback::Fault(fault)
    }
}

/// Where rows are taken: the transaction, who may write, the time of the chunk, and whether to write at all.
struct Desk<'a> {
    tx: &'a mut Tx,
    permit: &'a Permit,
    now: NaiveDateTime,
    mode: Mode,
}

/// A kind of file. Lives as long as the import and remembers only what the rows of one chunk need.
trait Kind: Send + Sized + 'static {
    /// What a row says, read and checked as far as that goes without the database.
    type Said: Send + 'static;
    /// The columns, in the order in which the documentation names them.
    const COLUMNS: &'static [Column];
    /// The column by which a row is known to come again.
    const ID: &'static str;

    fn begin(
        tx: &mut Tx,
        permit: &Permit,
        library: &'static Library,
        now: NaiveDateTime,
    ) -> Result<Self, Fault>;
    fn read(&self, columns: &Columns, row: &Row, now: NaiveDateTime) -> Result<Self::Said, String>;
    /// The row's [`Kind::ID`].
    fn id(said: &Self::Said) -> &str;
    /// What the row claims; a later row of the same file must not claim otherwise.
    fn claims(said: &Self::Said) -> Vec<Claim>;
    /// Fetches what is stored about these rows, in a few statements for all of them.
    fn load(&mut self, desk: &mut Desk, said: &[&Self::Said]) -> Result<(), Fault>;
    /// Decides about one row, then writes it. `news` says for each claim whether an earlier row made it already.
    fn take(
        &mut self,
        desk: &mut Desk,
        said: &Self::Said,
        news: &[News],
    ) -> Result<Verdict, Setback>;
    /// Does once a chunk what need not be done once a row.
    fn finish(&mut self, desk: &mut Desk) -> Result<(), Fault>;
    /// What came into being beside the rows.
    fn created(self) -> Vec<Created>;
}

fn take_file<K: Kind>(
    app: &App,
    actor: &Actor,
    order: &Order,
    report: &mut Report,
    watch: &mut dyn FnMut(usize),
) -> Result<(), Failure<Refusal>> {
    let permit = decide(actor, Action::Import, Subject::Organisation)?;
    let refused = Failure::Refused;
    let repeated = table::survey(&order.file, K::COLUMNS, K::ID).map_err(refused)?;
    let mut table = Table::open(&order.file, K::COLUMNS).map_err(refused)?;
    let mut rejects = Rejects::at(&order.rejects, &order.file, table.header()).map_err(refused)?;
    let columns = Columns::of(&table);
    let (reader, library, now) = (permit.clone(), app.library, app.clock.now());
    let kind: K = app
        .store
        .read_blocking(move |tx| K::begin(tx, &reader, library, now))?;
    let mut state = State {
        kind,
        ledger: Ledger::new(repeated),
    };
    loop {
        let rows = table.next_rows(CHUNK_ROWS).map_err(refused)?;
        if rows.is_empty() {
            break;
        }
        let verdicts;
        (state, verdicts) = take_chunk(app, &permit, order.mode, state, &columns, &rows)?;
        for (row, verdict) in rows.iter().zip(verdicts) {
            report.count(&verdict);
            if let Verdict::Rejected(reason) = verdict {
                rejects.add(row, &reason).map_err(refused)?;
            }
        }
        watch(report.rows);
    }
    report.created = state.kind.created();
    rejects.finish().map_err(refused)
}

/// What an import remembers from one chunk to the next.
struct State<K> {
    kind: K,
    ledger: Ledger,
}

type Read<S> = (u64, Result<S, String>);

/// Takes one chunk in one transaction. A dry run takes the same steps on a connection for reading, so that it never holds up a writer.
fn take_chunk<K: Kind>(
    app: &App,
    permit: &Permit,
    mode: Mode,
    mut state: State<K>,
    columns: &Columns,
    rows: &[Row],
) -> Result<(State<K>, Vec<Verdict>), Fault> {
    let now = app.clock.now();
    let read: Vec<Read<K::Said>> = rows
        .iter()
        .map(|row| (row.line, state.kind.read(columns, row, now)))
        .collect();
    let permit = permit.clone();
    let work = move |tx: &mut Tx| {
        let mut desk = Desk {
            tx,
            permit: &permit,
            now,
            mode,
        };
        let verdicts = state.take(&mut desk, &read)?;
        Ok((state, verdicts))
    };
    match mode {
        Mode::Write => app.store.write_blocking(work),
        Mode::DryRun => app.store.read_blocking(work),
    }
}

impl<K: Kind> State<K> {
    fn take(&mut self, desk: &mut Desk, rows: &[Read<K::Said>]) -> Result<Vec<Verdict>, Fault> {
        let good: Vec<&K::Said> = rows
            .iter()
            .filter_map(|(_, said)| said.as_ref().ok())
            .collect();
        self.kind.load(desk, &good)?;
        let verdicts = rows
            .iter()
            .map(|(line, said)| match said {
                Ok(said) => self.take_row(desk, *line, said),
                Err(reason) => Ok(Verdict::Rejected(reason.clone())),
            })
            .collect::<Result<_, Fault>>()?;
        self.kind.finish(desk)?;
        Ok(verdicts)
    }

    fn take_row(&mut self, desk: &mut Desk, line: u64, said: &K::Said) -> Result<Verdict, Fault> {
        let claims = if self.ledger.watches(K::id(said)) {
            K::claims(said)
        } else {
            vec![]
        };
        let news = match self.ledger.compare(&claims) {
            Ok(news) => news,
            Err(reason) => return Ok(Verdict::Rejected(reason)),
        };
        if !news.is_empty() && news.iter().all(|one| *one == News::Again) {
            return Ok(Verdict::Unchanged);
        }
        match self.kind.take(desk, said, &news) {
            Ok(verdict) => {
                self.ledger.note(&claims, line);
                Ok(verdict)
            }
            Err(Setback::Row(reason)) => Ok(Verdict::Rejected(reason)),
            Err(Setback::Fault(fault)) => Err(fault),
        }
    }
}

impl Report {
    fn count(&mut self, verdict: &Verdict) {
        self.rows += 1;
        match verdict {
            Verdict::Added => self.added += 1,
            Verdict::Changed => self.changed += 1,
            Verdict::Unchanged => self.unchanged += 1,
            Verdict::Rejected(_) => self.rejected += 1,
        }
    }
}
