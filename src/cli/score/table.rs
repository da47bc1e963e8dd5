//! `attune score INSTRUMENT --csv`: a table in, a row a form; a table out, a column a scale, band, cut-off, criterion and flag.
//!
//! Columns named by an item's number are answers, `sex` and `age` are the person's, all others are the sender's own and
//! stand in front of what comes out. A row that makes no sense is answered with its problem; the rest goes on. The header
//! is read in `header`.

mod header;

use super::read::{Given, PersonKey, Reading};
use super::{Columns, ScoreFault, Tally};
use crate::app::cell::{guarded, unguarded};
use crate::app::import::quotes::{QuoteFault, Quotes};
use crate::domain::instrument::{AnsweredBy, Instrument, PUBLISHED, Position, Scale};
use crate::domain::scoring::{Score, Scored, Verdict, can_be_out_of_less, score};
use csv::{ByteRecord, Reader, ReaderBuilder, Writer, WriterBuilder};
use std::io::{self, Read, Write};

/// The longest row read, in bytes. A quotation mark that is never closed would otherwise take in the rest of the file.
const LONGEST_ROW: usize = 1 << 20;

/// What a column of the input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Answer(Position),
    Person(PersonKey),
    Own,
}

/// Scores every row of `input` and answers each with one row, in order. Memory does not grow with the input.
///
/// # Errors
/// A header that lacks an item or names one twice, a row without an end, or a fault of either end. A row that makes no
/// sense is no error.
pub(super) fn run(
    instrument: &Instrument,
    wanted: Columns,
    input: impl Read,
    output: impl Write,
) -> Result<Tally, ScoreFault> {
    let mut reader = ReaderBuilder::new()
        .flexible(true)
        .has_headers(false)
        .from_reader(RowLimit::new(Quotes::new(input)));
    let mut writer = WriterBuilder::new().flexible(true).from_writer(output);
    let mut row = ByteRecord::new();
    if !next_row(&mut reader, &mut row)? {
        row.clear();
    }
    let columns = header::columns(instrument, wanted, &row)?;
    write_header(instrument, &columns, &row, &mut writer).map_err(unwritable)?;
    let mut reading = Reading::of(instrument);
    let mut tally = Tally::default();
    while next_row(&mut reader, &mut row)? {
        read_row(instrument, &columns, &row, &mut reading);
        tally.lines += 1;
        let has_problems =
            write_row(instrument, &columns, &row, &reading, &mut writer).map_err(unwritable)?;
        tally.with_problems += u64::from(has_problems);
    }
    writer.flush().map_err(ScoreFault::Write)?;
    Ok(tally)
}

/// Reads the next row; `false` when there is none.
fn next_row<R: Read>(
    reader: &mut Reader<RowLimit<R>>,
    row: &mut ByteRecord,
) -> Result<bool, ScoreFault> {
    let line = reader.position().line();
    if let Err(error) = reader.read_byte_record(row) {
        return Err(if reader.get_ref().is_too_long() {
            let what = "is longer than 1 MiB (a closing quotation mark may be missing)";
            ScoreFault::Row { line, what }
        } else {
            fault_of(error)
        });
    }
    reader.get_mut().end_row();
    Ok(!row.is_empty())
}

fn fault_of(error: csv::Error) -> ScoreFault {
    let error = match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    };
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(QuoteFault::Open(line)) => ScoreFault::Row {
            line: *line,
            what: "has a quotation mark that is never closed",
        },
        Some(QuoteFault::Behind(line)) => ScoreFault::Row {
            line: *line,
            what: "has something behind a closing quotation mark (inside a cell a mark is written twice; one before it may not be closed)",
        },
        None => ScoreFault::Read(error),
    }
}

fn unwritable(error: csv::Error) -> ScoreFault {
    ScoreFault::Write(error.into())
}

fn without_mark(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"\xef\xbb\xbf").unwrap_or(name)
}

fn read_row(
    instrument: &Instrument,
    columns: &[Column],
    row: &ByteRecord,
    reading: &mut Reading<'_>,
) {
    reading.forget();
    if row.len() != columns.len() {
        return reading.refuse(format!(
            "the row has {} cells, the header {}",
            row.len(),
            columns.len()
        ));
    }
    let mut is_text = true;
    for (column, cell) in columns.iter().zip(row) {
        let Ok(cell) = std::str::from_utf8(cell) else {
            is_text = false;
            continue;
        };
        match column {
            Column::Answer(position) => {
                let answered_by = instrument.items.get(*position).map(|item| item.answered_by);
                reading.put(*position, given(cell, answered_by));
            }
            Column::Person(key) => reading.put_person(*key, given(cell, None)),
            Column::Own => {}
        }
    }
    if !is_text {
        reading.distrust("the row is not UTF-8".to_owned());
    }
}

/// What a cell stands for: a number, ticks as in `1+3`, or text.
fn given(cell: &str, answered_by: Option<AnsweredBy>) -> Given {
    let trimmed = cell.trim();
    if trimmed.is_empty() {
        return Given::Nothing;
    }
    if answered_by == Some(AnsweredBy::Words) {
        return Given::Text(unguarded(cell).to_owned());
    }
    if let Some(number) = number(trimmed) {
        return number;
    }
    let ticks: Option<Vec<_>> = unguarded(trimmed)
        .split('+')
        .map(|tick| tick.trim().parse().ok())
        .collect();
    match ticks {
        Some(ticks) => Given::List(ticks),
        None => Given::Text(trimmed.to_owned()),
    }
}

/// Whole numbers, also as `2.0`, which is how data frames write them once a column has a gap.
fn number(cell: &str) -> Option<Given> {
    if let Ok(whole) = cell.parse::<i64>() {
        return Some(Given::Number(whole));
    }
    let value = cell.parse::<f64>().ok().filter(|value| value.is_finite())?;
    Some(if value.fract() != 0.0 {
        Given::Other("a fraction")
    } else if value.abs() < f64::from(i32::MAX) {
        Given::Number(value as i64)
    } else {
        Given::Other("a number far too large")
    })
}

fn write_header(
    instrument: &Instrument,
    columns: &[Column],
    header: &ByteRecord,
    writer: &mut Writer<impl Write>,
) -> csv::Result<()> {
    for (at, name) in own(columns, header) {
        writer.write_field(if at == 0 { without_mark(name) } else { name })?;
    }
    for name in names_written(instrument) {
        writer.write_field(name)?;
    }
    writer.write_record(None::<&[u8]>)
}

/// The columns that come behind the sender's own.
fn names_written(instrument: &Instrument) -> Vec<String> {
    let mut names = vec!["instrument".to_owned(), "version".to_owned()];
    let scales = instrument.scales.iter();
    names.extend(scales.flat_map(|scale| scale_columns(instrument, scale)));
    let criteria = instrument.criteria.iter();
    names.extend(criteria.map(|criterion| format!("criterion_{}", criterion.id)));
    let rules = instrument.risk_rules.iter();
    names.extend(rules.map(|rule| format!("flag_{}", rule.id)));
    names.push("problems".to_owned());
    names
}

/// The sender's own cells of a row, as far as it goes, each with its place.
fn own<'r>(columns: &'r [Column], row: &'r ByteRecord) -> impl Iterator<Item = (usize, &'r [u8])> {
    columns
        .iter()
        .enumerate()
        .filter(|(_, column)| **column == Column::Own)
        .map(|(at, _)| (at, row.get(at).unwrap_or_default()))
}

fn scale_columns(instrument: &Instrument, scale: &Scale) -> Vec<String> {
    let id = &scale.id;
    let mut names = vec![id.clone()];
    if !scale.bandings.is_empty() {
        names.push(format!("{id}_band"));
    }
    if names_scheme(scale) {
        names.push(format!("{id}_scheme"));
    }
    if scale.lookup.is_some() {
        names.extend([format!("{id}_raw"), format!("{id}_standard_error")]);
    }
    names.extend(
        scale
            .cut_offs
            .iter()
            .map(|cut_off| format!("{id}_{}", cut_off.id)),
    );
    names.extend([format!("{id}_answered"), format!("{id}_items")]);
    if can_be_out_of_less(instrument, scale) {
        names.push(format!("{id}_out_of"));
    }
    names.push(format!("{id}_reason"));
    names
}

fn names_scheme(scale: &Scale) -> bool {
    scale.bandings.iter().any(|banding| banding.id != PUBLISHED)
}

/// Whether the row has a problem.
fn write_row(
    instrument: &Instrument,
    columns: &[Column],
    row: &ByteRecord,
    reading: &Reading<'_>,
    writer: &mut Writer<impl Write>,
) -> csv::Result<bool> {
    for (_, cell) in own(columns, row) {
        // What comes out is UTF-8 whatever went in; a row that is not has said so.
        let cell = String::from_utf8_lossy(cell);
        writer.write_field(guarded(unguarded(&cell)))?;
    }
    writer.write_field(&instrument.id)?;
    writer.write_field(&instrument.version)?;
    let scored =
        (!reading.is_refused()).then(|| score(instrument, reading.answers(), reading.person()));
    for (at, scale) in instrument.scales.iter().enumerate() {
        let found = scored.as_ref().and_then(|scored| scored.scores.get(at));
        write_score(instrument, scale, found, writer)?;
    }
    for at in 0..instrument.criteria.len() {
        let judged = scored.as_ref().and_then(|scored| scored.criteria.get(at));
        writer.write_field(match judged.map(|judged| judged.verdict) {
            Some(Verdict::Met) => "yes",
            Some(Verdict::NotMet) => "no",
            Some(Verdict::Unknown) | None => "",
        })?;
    }
    let hits = reading.hits();
    for rule in &instrument.risk_rules {
        let hit = hits.iter().find(|hit| hit.rule.id == rule.id);
        writer.write_field(hit.map(|hit| hit.value.to_string()).unwrap_or_default())?;
    }
    let problems = problems(reading, scored.as_ref());
    writer.write_field(guarded(&problems))?;
    writer.write_record(None::<&[u8]>)?;
    Ok(!problems.is_empty())
}

fn problems(reading: &Reading<'_>, scored: Option<&Scored<'_>>) -> String {
    let odd = scored
        .into_iter()
        .flat_map(|scored| &scored.problems)
        .map(ToString::to_string);
    let all: Vec<_> = reading.problems().iter().cloned().chain(odd).collect();
    all.join("; ")
}

fn write_score(
    instrument: &Instrument,
    scale: &Scale,
    found: Option<&Score<'_>>,
    writer: &mut Writer<impl Write>,
) -> csv::Result<()> {
    let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    writer.write_field(number(found.and_then(|score| score.value)))?;
    let band = found.and_then(|score| score.band);
    if !scale.bandings.is_empty() {
        writer.write_field(band.map_or("", |band| &band.id))?;
    }
    if names_scheme(scale) {
        let banding = band.and_then(|_| found?.banding);
        writer.write_field(banding.map_or("", |banding| &banding.id))?;
    }
    if scale.lookup.is_some() {
        writer.write_field(number(found.and_then(|score| score.raw)))?;
        writer.write_field(number(found.and_then(|score| score.standard_error)))?;
    }
    for cut_off in &scale.cut_offs {
        writer.write_field(match found.and_then(|score| score.reaches(cut_off)) {
            Some(true) => "yes",
            Some(false) => "no",
            None => "",
        })?;
    }
    // A score that was completed is a number like any other: how many answers stand behind it is said beside it.
    for count in [
        found.map(|score| score.answered),
        found.map(|score| score.items),
    ] {
        writer.write_field(count.map(|count| count.to_string()).unwrap_or_default())?;
    }
    if can_be_out_of_less(instrument, scale) {
        writer.write_field(number(found.and_then(|score| score.out_of)))?;
    }
    let reason = found.and_then(|score| score.reason.as_ref());
    writer.write_field(reason.map(ToString::to_string).unwrap_or_default())
}

/// Reads on as long as rows end before they are too long.
struct RowLimit<R> {
    inner: R,
    since_row: usize,
}

impl<R> RowLimit<R> {
    fn new(inner: R) -> Self {
        Self {
            inner,
            since_row: 0,
        }
    }

    fn is_too_long(&self) -> bool {
        self.since_row > LONGEST_ROW
    }

    fn end_row(&mut self) {
        self.since_row = 0;
    }
}

impl<R: Read> Read for RowLimit<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.since_row += read;
        if self.is_too_long() {
            return Err(io::Error::other("a row has no end"));
        }
        Ok(read)
    }
}
