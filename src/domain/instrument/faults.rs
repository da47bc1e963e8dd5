//! What is wrong with a definition, said so that its author can put it right without reading Rust.

use std::fmt;
use std::ops::Range;

/// One mistake in one definition file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionFault {
    /// The file, as `survey-defs/some_id/1.toml`.
    pub file: String,
    /// The line, counted from 1; `None` when the mistake is something that is not there.
    pub line: Option<usize>,
    /// What was seen and what is wanted.
    pub what: String,
}

impl fmt::Display for DefinitionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}, line {line}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

impl std::error::Error for DefinitionFault {}

/// Collects the mistakes of one file, so that its author sees all of them at once.
pub(in crate::domain) struct Faults<'a> {
    file: &'a str,
    text: &'a str,
    found: Vec<DefinitionFault>,
}

impl<'a> Faults<'a> {
    pub(in crate::domain) fn new(file: &'a str, text: &'a str) -> Self {
        Self {
            file,
            text,
            found: Vec::new(),
        }
    }

    /// A mistake at a place in the file.
    pub(in crate::domain) fn at(&mut self, place: Range<usize>, what: impl Into<String>) {
        let before = self.text.get(..place.start).unwrap_or(self.text);
        let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
        self.push(Some(line), what.into());
    }

    /// A mistake that has no place: something is missing.
    pub(in crate::domain) fn missing(&mut self, what: impl Into<String>) {
        self.push(None, what.into());
    }

    fn push(&mut self, line: Option<usize>, what: String) {
        self.found.push(DefinitionFault {
            file: self.file.to_owned(),
            line,
            what,
        });
    }

    pub(in crate::domain) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub(in crate::domain) fn into_found(self) -> Vec<DefinitionFault> {
        self.found
    }
}

/// What a reader of TOML or JSON says about a value, without the words that only its authors use.
pub(crate) fn in_plain_words(message: &str) -> String {
    let (about, wanted) = message.split_once(", expected ").unwrap_or((message, ""));
    let seen = about
        .strip_prefix("invalid type: ")
        .or_else(|| about.strip_prefix("invalid value: "));
    let length = about.strip_prefix("invalid length ");
    match (seen, length) {
        (Some(seen), _) => format!(
            "{} is here; wanted is {}",
            seen_plainly(seen),
            wanted_plainly(wanted)
        ),
        (None, Some(length)) => format!(
            "{length} values are here; wanted is {}",
            wanted_plainly(wanted)
        ),
        (None, None) => match about.strip_prefix("unknown variant ") {
            Some(word) => format!(
                "{} is not known; wanted is {}",
                word.replace('`', "\""),
                wanted.replace('`', "\"")
            ),
            None => message.to_owned(),
        },
    }
}

fn seen_plainly(seen: &str) -> String {
    let (kind, value) = seen.split_once(' ').unwrap_or((seen, ""));
    let value = value.trim_start_matches("point ").trim_matches('`');
    match kind {
        "integer" | "floating" => format!("the number {value}"),
        "boolean" => value.to_owned(),
        "string" => format!("the text {value}"),
        "sequence" => "a list".to_owned(),
        "map" => "a table".to_owned(),
        "null" | "unit" => "nothing".to_owned(),
        _ => seen.to_owned(),
    }
}

fn wanted_plainly(wanted: &str) -> &str {
    match wanted {
        "a string" => "text in quotes",
        "a boolean" => "true or false, without quotes",
        "i16" => "a whole number from -32768 to 32767, without quotes",
        "u16" => "a whole number from 0 to 65535, without quotes",
        "f64" | "f32" => "a number, without quotes",
        "a sequence" => "a list, in [ ]",
        "a map" => "a table, in { } or under a [heading]",
        wanted if wanted.contains("datetime") || wanted.contains("Datetime") => {
            "a date without quotes, such as 2026-11-22"
        }
        wanted if wanted.starts_with("struct ") => "a table, in { } or under a [heading]",
        wanted if wanted.starts_with("an array") || wanted.starts_with("a tuple") => {
            "a list, in [ ]"
        }
        wanted => wanted,
    }
}
