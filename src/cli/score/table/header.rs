//! What the columns of a table are, by its first row; and why that row cannot be the header of this instrument's answers.

use super::{Column, names_written, without_mark};
use crate::cli::score::read::PersonKey;
use crate::cli::score::{Columns, ScoreFault};
use crate::domain::instrument::{Instrument, nearest};
use csv::ByteRecord;

/// What each column is.
pub(super) fn columns(
    instrument: &Instrument,
    wanted: Columns,
    header: &ByteRecord,
) -> Result<Vec<Column>, ScoreFault> {
    let names = names(header)?;
    let mut columns = Vec::with_capacity(names.len());
    for name in &names {
        let column = match (*name, instrument.position(name)) {
            (_, Some(position)) => Column::Answer(position),
            ("sex", None) => Column::Person(PersonKey::Sex),
            ("age", None) => Column::Person(PersonKey::Age),
            _ => Column::Own,
        };
        if column != Column::Own && columns.contains(&column) {
            return refused(format!("the column {name:?} is there twice"));
        }
        columns.push(column);
    }
    let own: Vec<_> = names
        .iter()
        .zip(&columns)
        .filter(|(_, column)| **column == Column::Own)
        .map(|(name, _)| *name)
        .collect();
    check_items(instrument, wanted, &columns, &own)?;
    check_own(instrument, &own)?;
    Ok(columns)
}

fn refused<T>(what: String) -> Result<T, ScoreFault> {
    Err(ScoreFault::Header(what))
}

fn names(header: &ByteRecord) -> Result<Vec<&str>, ScoreFault> {
    let mut names = Vec::with_capacity(header.len());
    for (at, name) in header.iter().enumerate() {
        // Spreadsheets put a byte order mark in front of the first line.
        let name = if at == 0 { without_mark(name) } else { name };
        match std::str::from_utf8(name) {
            Ok(name) => names.push(name.trim()),
            Err(_) => {
                return refused("the header is not UTF-8; save the table as UTF-8".to_owned());
            }
        }
    }
    if let [whole] = &names[..] {
        for (sign, called) in [(';', "semicolons"), ('\t', "tabs")] {
            if whole.contains(sign) {
                return refused(format!(
                    "the cells are separated by {called}; wanted are commas"
                ));
            }
        }
    }
    Ok(names)
}

/// Every item has its column, or the sender says that some have none.
fn check_items(
    instrument: &Instrument,
    wanted: Columns,
    columns: &[Column],
    own: &[&str],
) -> Result<(), ScoreFault> {
    let items = || instrument.items.iter().map(|item| item.id.as_str());
    let lacking: Vec<_> = items()
        .enumerate()
        .filter(|(at, _)| !columns.contains(&Column::Answer(*at)))
        .map(|(_, id)| id)
        .collect();
    if lacking.len() == instrument.items.len() {
        let all: Vec<_> = items().collect();
        return refused(format!(
            "no column is named by an item's number; wanted are: {}{}",
            all.join(","),
            meant(&lacking, own)
        ));
    }
    if lacking.is_empty() || wanted == Columns::Partial {
        return Ok(());
    }
    let noun = if lacking.len() == 1 { "item" } else { "items" };
    refused(format!(
        "there is no column for {noun} {}{}; name the columns by the items' numbers, or say --partial if these items were not answered",
        lacking.join(", "),
        meant(&lacking, own)
    ))
}

/// The columns that nothing uses and that may have been meant.
fn meant(lacking: &[&str], own: &[&str]) -> String {
    let pairs: Vec<_> = lacking
        .iter()
        .filter_map(|id| Some(format!("{:?} for item {id}", nearest_column(id, own)?)))
        .collect();
    if pairs.is_empty() {
        String::new()
    } else {
        format!(" (nearest unused column: {})", pairs.join(", "))
    }
}

/// A column that ends in the item's number, such as `phq9_9`, or one that nearly is the number.
fn nearest_column<'a>(id: &str, own: &[&'a str]) -> Option<&'a str> {
    let ends_so = |name: &&&str| {
        let rest = name.to_lowercase();
        let rest = rest.strip_suffix(&id.to_lowercase()).map(str::to_owned);
        rest.is_some_and(|rest| {
            !rest
                .trim_end_matches('0')
                .ends_with(|c: char| c.is_ascii_digit())
        })
    };
    let found = own.iter().find(ends_so).copied();
    found.or_else(|| nearest(id, own.iter().copied()))
}

/// A column of the sender's would be taken for a score that has its name.
fn check_own(instrument: &Instrument, own: &[&str]) -> Result<(), ScoreFault> {
    let written = names_written(instrument);
    match own
        .iter()
        .find(|name| written.iter().any(|known| known == *name))
    {
        Some(name) => refused(format!(
            "your column {name:?} has the name of a column that is written behind yours; give it another name"
        )),
        None => Ok(()),
    }
}
