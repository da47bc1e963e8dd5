//! `attune score INSTRUMENT`: answers in, one JSON object per line; scores out, one JSON object per line.
//!
//! Here: the stream. Reading a line is in `read`, writing one in `write`. Not here: what answers mean
//! (`domain::scoring`). Nothing is stored and nothing is logged; memory does not grow with the input.

mod read;
mod table;
#[cfg(test)]
mod tests;
mod write;

use crate::domain::instrument::{Instrument, Library, nearest};
use crate::domain::scoring;
use read::Reading;
use std::fmt;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};

/// The longest line read, in bytes. Far above any questionnaire; what is longer is answered with a problem.
const LONGEST_LINE: u64 = 64 * 1024;
/// How much is read and written at a time, in bytes.
const BUFFER: usize = 64 * 1024;

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines read and answered.
    pub lines: u64,
    /// Lines of them that were answered with a problem.
    pub with_problems: u64,
}

/// Which columns a table must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Columns {
    /// One for every item: a misspelt name would otherwise lose every answer below it.
    Every,
    /// At least one; items without one were not answered.
    Partial,
}

/// Why scoring stopped, or never began.
#[derive(Debug)]
pub enum ScoreFault {
    /// No definition has this id.
    NoSuchInstrument {
        /// The id asked for.
        wanted: String,
        /// The ids there are.
        known: Vec<String>,
    },
    /// The first row of a table is no header for this instrument.
    Header(String),
    /// A row of a table has no end.
    Row {
        /// The line of the input, from 1, in which it begins.
        line: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The input broke off.
    Read(io::Error),
    /// The output was closed or is full.
    Write(io::Error),
}

impl fmt::Display for ScoreFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchInstrument { wanted, known } => {
                write!(f, "there is no instrument {wanted:?}; ")?;
                if let Some(near) = nearest(wanted, known.iter().map(String::as_str)) {
                    write!(f, "did you mean {near:?}? ")?;
                }
                write!(f, "wanted is one of: {}", known.join(", "))
            }
            Self::Header(what) => f.write_str(what),
            Self::Row { line, what } => write!(
                f,
                "the row that begins in line {line} {what}; the rows before it were answered, it and those after it were not"
            ),
            Self::Read(error) => write!(f, "the input cannot be read: {error}"),
            Self::Write(error) => write!(f, "the output cannot be written: {error}"),
        }
    }
}

impl std::error::Error for ScoreFault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoSuchInstrument { .. } | Self::Header(_) | Self::Row { .. } => None,
            Self::Read(error) | Self::Write(error) => Some(error),
        }
    }
}

/// Scores every line of `input` with the newest version of `instrument` and answers each with one line, in order.
///
/// Both ends are buffered here. Answers are flushed whenever the next read might have to wait, so that a program that
/// hands over one line at a time gets its answer at once.
///
/// # Errors
/// An unknown instrument, or a fault of either end. A line that makes no sense is no error: it is answered.
pub fn run(
    library: &Library,
    instrument: &str,
    input: impl Read,
    output: impl Write,
) -> Result<Tally, ScoreFault> {
    let instrument = find(library, instrument)?;
    let mut input = BufReader::with_capacity(BUFFER, input);
    let mut output = BufWriter::with_capacity(BUFFER, output);
    let mut line = Vec::new();
    let mut reading = Reading::of(instrument);
    let mut tally = Tally::default();
    loop {
        if input.buffer().is_empty() {
            output.flush().map_err(ScoreFault::Write)?;
        }
        match next_line(&mut input, &mut line).map_err(ScoreFault::Read)? {
            Next::End => break,
            Next::Line => reading.read(&line, tally.lines + 1),
            Next::TooLong => {
                reading.refuse(format!("the line is longer than {LONGEST_LINE} bytes"))
            }
        }
        tally.lines += 1;
        let has_problems = answer(instrument, &reading, &mut output).map_err(ScoreFault::Write)?;
        tally.with_problems += u64::from(has_problems);
    }
    output.flush().map_err(ScoreFault::Write)?;
    Ok(tally)
}

/// The same for a table: every row is answered with one row, the sender's own columns in front.
///
/// # Errors
/// An unknown instrument, a header that lacks an item or names one twice, a row without an end, or a fault of either end.
pub fn run_table(
    library: &Library,
    instrument: &str,
    wanted: Columns,
    input: impl Read,
    output: impl Write,
) -> Result<Tally, ScoreFault> {
    table::run(find(library, instrument)?, wanted, input, output)
}

fn find<'l>(library: &'l Library, instrument: &str) -> Result<&'l Instrument, ScoreFault> {
    library
        .get(instrument)
        .ok_or_else(|| ScoreFault::NoSuchInstrument {
            wanted: instrument.to_owned(),
            known: library.latest().map(|known| known.id.clone()).collect(),
        })
}

/// What the input holds next.
enum Next {
    Line,
    TooLong,
    End,
}

/// Puts the next line into `line`, without its end. What is left of a line that is too long is passed over.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Next> {
    line.clear();
    if input
        .by_ref()
        .take(LONGEST_LINE + 1)
        .read_until(b'\n', line)?
        == 0
    {
        return Ok(Next::End);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() as u64 > LONGEST_LINE {
        input.skip_until(b'\n')?;
        return Ok(Next::TooLong);
    }
    Ok(Next::Line)
}

/// Whether the line has a problem.
fn answer(
    instrument: &Instrument,
    reading: &Reading<'_>,
    output: &mut impl Write,
) -> io::Result<bool> {
    let scored = (!reading.is_refused())
        .then(|| scoring::score(instrument, reading.answers(), reading.person()));
    let odd = scored
        .as_ref()
        .is_some_and(|scored| !scored.problems.is_empty());
    write::line(
        &write::Answer {
            id: reading.id(),
            instrument,
            scored,
            // Risk: an answer that a person must see counts even when the line as a whole is refused.
            hits: reading.hits(),
            problems: reading.problems(),
        },
        output,
    )?;
    Ok(odd || !reading.problems().is_empty())
}
