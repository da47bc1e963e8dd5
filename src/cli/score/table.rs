//! `attune score INSTRUMENT --csv`: a table in, a row a form; a table out, a column a scale, band, cut-off, criterion and flag.
//!
//! Columns named by an item's number are answers, `sex` and `age` are the person's, all others are the sender's own and
//! stand in front of what comes out. A row that makes no sense is answered with its problem; the rest goes on.

use super::read::{Given, PersonKey, Reading};
use super::{ScoreFault, Tally};
use crate::app::import::guard::{guarded, unguarded};
use crate::domain::instrument::{AnsweredBy, Instrument, PUBLISHED, Position, Scale};
use crate::domain::risk::rules;
use crate::domain::scoring::{Score, Scored, Verdict, score};
use csv::{ByteRecord, ReaderBuilder, Writer, WriterBuilder};
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
/// A header without any item, with one twice, or a fault of either end. A row that makes no sense is no error.
pub(super) fn run(
    instrument: &Instrument,
    input: impl Read,
    output: impl Write,
) -> Result<Tally, ScoreFault> {
    let mut reader = ReaderBuilder::new()
        .flexible(true)
        .has_headers(false)
        .from_reader(RowLimit::new(input));
    let mut writer = WriterBuilder::new().flexible(true).from_writer(output);
    let mut row = ByteRecord::new();
    reader.read_byte_record(&mut row).map_err(unreadable)?;
    let columns = columns(instrument, &row)?;
    write_header(instrument, &columns, &row, &mut writer).map_err(unwritable)?;
    let mut reading = Reading::of(instrument);
    let mut tally = Tally::default();
    reader.get_mut().end_row();
    while reader.read_byte_record(&mut row).map_err(unreadable)? {
        reader.get_mut().end_row();
        read_row(instrument, &columns, &row, &mut reading);
        tally.lines += 1;
        tally.refused += u64::from(!reading.problems().is_empty());
        write_row(instrument, &columns, &row, &reading, &mut writer).map_err(unwritable)?;
    }
    writer.flush().map_err(ScoreFault::Write)?;
    Ok(tally)
}

fn unreadable(error: csv::Error) -> ScoreFault {
    ScoreFault::Read(error.into())
}

fn unwritable(error: csv::Error) -> ScoreFault {
    ScoreFault::Write(error.into())
}

fn columns(instrument: &Instrument, header: &ByteRecord) -> Result<Vec<Column>, ScoreFault> {
    let mut columns = Vec::with_capacity(header.len());
    for (at, name) in header.iter().enumerate() {
        // Spreadsheets put a byte order mark in front of the first line.
        let name = if at == 0 { without_mark(name) } else { name };
        let name = String::from_utf8_lossy(name);
        let column = match (name.trim(), instrument.position(name.trim())) {
            (_, Some(position)) => Column::Answer(position),
            ("sex", None) => Column::Person(PersonKey::Sex),
            ("age", None) => Column::Person(PersonKey::Age),
            _ => Column::Own,
        };
        if column != Column::Own && columns.contains(&column) {
            return Err(ScoreFault::Header(format!(
                "the column {:?} is there twice",
                name.trim()
            )));
        }
        columns.push(column);
    }
    if !columns
        .iter()
        .any(|column| matches!(column, Column::Answer(_)))
    {
        let items: Vec<_> = instrument
            .items
            .iter()
            .map(|item| item.id.as_str())
            .collect();
        return Err(ScoreFault::Header(format!(
            "no column is named by an item's number; wanted are: {}",
            items.join(",")
        )));
    }
    Ok(columns)
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
    for (column, cell) in columns.iter().zip(row) {
        let Ok(cell) = std::str::from_utf8(cell) else {
            if *column == Column::Own {
                continue;
            }
            return reading.refuse("the row is not UTF-8".to_owned());
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
    writer.write_field("instrument")?;
    writer.write_field("version")?;
    for scale in &instrument.scales {
        for name in scale_columns(scale) {
            writer.write_field(name)?;
        }
    }
    for criterion in &instrument.criteria {
        writer.write_field(format!("criterion_{}", criterion.id))?;
    }
    for rule in &instrument.risk_rules {
        writer.write_field(format!("flag_{}", rule.id))?;
    }
    writer.write_field("problems")?;
    writer.write_record(None::<&[u8]>)
}

/// The sender's own cells of a row, as far as it goes, each with its place.
fn own<'r>(columns: &'r [Column], row: &'r ByteRecord) -> impl Iterator<Item = (usize, &'r [u8])> {
    columns
        .iter()
        .enumerate()
        .filter(|(_, column)| **column == Column::Own)
        .map(|(at, _)| (at, row.get(at).unwrap_or_default()))
}

fn scale_columns(scale: &Scale) -> Vec<String> {
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
    names.push(format!("{id}_reason"));
    names
}

fn names_scheme(scale: &Scale) -> bool {
    scale.bandings.iter().any(|banding| banding.id != PUBLISHED)
}

fn write_row(
    instrument: &Instrument,
    columns: &[Column],
    row: &ByteRecord,
    reading: &Reading<'_>,
    writer: &mut Writer<impl Write>,
) -> csv::Result<()> {
    for (_, cell) in own(columns, row) {
        match std::str::from_utf8(cell) {
            Ok(cell) => writer.write_field(guarded(unguarded(cell)))?,
            Err(_) => writer.write_field(cell)?,
        }
    }
    writer.write_field(&instrument.id)?;
    writer.write_field(&instrument.version)?;
    let scored =
        (!reading.is_refused()).then(|| score(instrument, reading.answers(), reading.person()));
    for (at, scale) in instrument.scales.iter().enumerate() {
        let found = scored.as_ref().and_then(|scored| scored.scores.get(at));
        write_score(scale, found, writer)?;
    }
    for at in 0..instrument.criteria.len() {
        let judged = scored.as_ref().and_then(|scored| scored.criteria.get(at));
        writer.write_field(match judged.map(|judged| judged.verdict) {
            Some(Verdict::Met) => "yes",
            Some(Verdict::NotMet) => "no",
            Some(Verdict::Unknown) | None => "",
        })?;
    }
    let hits = rules::evaluate(instrument, reading.answers());
    for rule in &instrument.risk_rules {
        let hit = hits.iter().find(|hit| hit.rule.id == rule.id);
        writer.write_field(hit.map(|hit| hit.value.to_string()).unwrap_or_default())?;
    }
    writer.write_field(guarded(&problems(reading, scored.as_ref())))?;
    writer.write_record(None::<&[u8]>)
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

    fn end_row(&mut self) {
        self.since_row = 0;
    }
}

impl<R: Read> Read for RowLimit<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.since_row += read;
        if self.since_row > LONGEST_ROW {
            return Err(io::Error::other(
                "a row is longer than 1 MiB; a closing quotation mark may be missing",
            ));
        }
        Ok(read)
    }
}
