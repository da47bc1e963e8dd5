//! Reading the cells of one row: each way of being wrong gets a sentence that says what was seen and what is wanted, and a row tells all of its
//! faults at once. Nothing here knows the database.

use super::table::{Row, Table};
use crate::domain::words::UnknownWord;
use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use chrono_tz::Tz;
use std::collections::HashMap;
use std::str::FromStr;
use validator::ValidateEmail;

/// The longest id of another system that is taken, in characters.
pub const ID_CHARS_MAX: usize = 100;
/// The longest name that is taken, in characters.
pub const NAME_CHARS_MAX: usize = 200;
/// The longest address that mail can carry (RFC 5321, section 4.5.3.1.3, less the angle brackets).
const EMAIL_BYTES_MAX: usize = 254;
/// Days before this one are taken for typing errors.
pub const EARLIEST: NaiveDate = NaiveDate::from_ymd_opt(1970, 1, 1).expect("a real day");

/// Where each column stands.
pub struct Columns {
    places: HashMap<String, usize>,
    count: usize,
}

impl Columns {
    /// The columns of this file.
    pub fn of(table: &Table) -> Self {
        let places = table
            .header()
            .iter()
            .enumerate()
            .map(|(place, name)| (name.to_owned(), place))
            .collect();
        Columns {
            places,
            count: table.header().len(),
        }
    }
}

/// A row that is being read.
pub struct Cells<'a> {
    columns: &'a Columns,
    row: &'a Row,
    wrong: Vec<String>,
}

impl<'a> Cells<'a> {
    /// Begins with a row.
    ///
    /// # Errors
    /// When the row has more or fewer cells than there are columns.
    pub fn of(columns: &'a Columns, row: &'a Row) -> Result<Self, String> {
        let (seen, wanted) = (row.cells.len(), columns.count);
        if seen != wanted {
            return Err(format!(
                "the row has {seen} cells and the header has {wanted}"
            ));
        }
        Ok(Cells {
            columns,
            row,
            wrong: vec![],
        })
    }

    /// The cell in a column, `""` when there is none.
    pub fn get(&self, column: &str) -> &'a str {
        self.columns
            .places
            .get(column)
            .and_then(|&place| self.row.cells.get(place))
            .unwrap_or_default()
    }

    /// Notes a fault; the row goes on being read for the next one.
    pub fn fault<T>(&mut self, what: String) -> Option<T> {
        self.wrong.push(what);
        None
    }

    /// What the row says, if nothing was wrong with it.
    ///
    /// # Errors
    /// All that was wrong, in one sentence.
    pub fn finish<T>(self, said: Option<T>) -> Result<T, String> {
        match said {
            Some(said) if self.wrong.is_empty() => Ok(said),
            _ => Err(self.wrong.join("; ")),
        }
    }

    /// An id of another system: not empty, no spaces inside, up to [`ID_CHARS_MAX`].
    pub fn id(&mut self, column: &str) -> Option<String> {
        let text = self.get(column);
        if text.is_empty() {
            return self.fault(format!("{column} is empty"));
        }
        if text.chars().count() > ID_CHARS_MAX
            || text.chars().any(|c| c.is_control() || c.is_whitespace())
        {
            return self.fault(format!(
                "{column} must have up to {ID_CHARS_MAX} characters and no spaces"
            ));
        }
        Some(text.to_owned())
    }

    /// A name, with every run of spaces and line breaks as one space; `""` when the cell is empty.
    pub fn name_or_nothing(&mut self, column: &str) -> Option<String> {
        let name = self
            .get(column)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        if name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
            return self.fault(format!(
                "{column} must have up to {NAME_CHARS_MAX} characters on one line"
            ));
        }
        Some(name)
    }

    /// A name that must be there.
    pub fn name(&mut self, column: &str) -> Option<String> {
        match self.name_or_nothing(column)? {
            name if name.is_empty() => self.fault(format!("{column} is empty")),
            name => Some(name),
        }
    }

    /// An e-mail address, or none.
    pub fn email(&mut self, column: &str) -> Option<Option<String>> {
        let text = self.get(column);
        if text.is_empty() {
            return Some(None);
        }
        if text.len() > EMAIL_BYTES_MAX || !text.validate_email() {
            return self.fault(format!("{column} {text:?} is not an e-mail address"));
        }
        Some(Some(text.to_owned()))
    }

    /// A zone of the IANA database.
    pub fn time_zone(&mut self, column: &str) -> Option<Tz> {
        let text = self.get(column);
        match Tz::from_str(text) {
            Ok(zone) => Some(zone),
            Err(_) => self.fault(format!(
                "{column} {text:?} is not a time zone; wanted a name like America/Chicago"
            )),
        }
    }

    /// One of a few words.
    pub fn word<T: FromStr<Err = UnknownWord> + std::fmt::Display>(
        &mut self,
        column: &str,
        all: &[T],
    ) -> Option<T> {
        let text = self.get(column);
        match text.parse() {
            Ok(word) => Some(word),
            Err(_) => {
                let words: Vec<_> = all.iter().map(ToString::to_string).collect();
                self.fault(format!(
                    "{column} is {text:?}; wanted one of {}",
                    words.join(", ")
                ))
            }
        }
    }

    /// A day as `2026-01-31`, from 1970 to a year from now.
    pub fn day(&mut self, column: &str, now: NaiveDateTime) -> Option<NaiveDate> {
        let text = self.get(column);
        let latest = now.date() + TimeDelta::days(366);
        match strict_day(text) {
            Some(day) if (EARLIEST..=latest).contains(&day) => Some(day),
            Some(_) => self.fault(format!(
                "{column} {text} is before {EARLIEST} or after {latest}"
            )),
            None => self.fault(format!("{column} {text:?} is not a day; wanted YYYY-MM-DD")),
        }
    }
}

/// A day in exactly ten characters: `2026-1-5` may be May or January, depending on who wrote it.
fn strict_day(text: &str) -> Option<NaiveDate> {
    if text.len() == 10 {
        NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
    } else {
        None
    }
}
