//! What is wrong with a definition, said so that its author can put it right without reading Rust.

use super::nearest;
use serde::de::DeserializeOwned;
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

    /// The same mistake is said once, at its first place.
    fn push(&mut self, line: Option<usize>, what: String) {
        if self.found.iter().any(|known| known.what == what) {
            return;
        }
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

/// What a file says, or the first thing that keeps it from being read.
pub(in crate::domain) fn read<T: DeserializeOwned>(
    text: &str,
    faults: &mut Faults<'_>,
) -> Option<T> {
    match toml::from_str(text) {
        Ok(file) => Some(file),
        Err(error) => {
            let place = error.span().unwrap_or(0..0);
            let what = unreadable(text, &place, error.message());
            match error.span() {
                Some(place) => faults.at(place, what),
                None => faults.missing(what),
            }
            None
        }
    }
}

fn unreadable(text: &str, place: &Range<usize>, message: &str) -> String {
    let seen = text.get(place.clone()).unwrap_or_default();
    if let Some(rest) = message.strip_prefix("unknown field ") {
        return strange_key(rest);
    }
    if let Some(key) = message.strip_prefix("missing field ") {
        return format!("{} is missing", key.replace('`', ""));
    }
    if message.starts_with("duplicate key") {
        return twice(text, place.start, seen);
    }
    let of_a_value = [
        "invalid type",
        "invalid value",
        "invalid length",
        "unknown variant",
    ];
    if !of_a_value.iter().any(|begins| message.starts_with(begins)) {
        return slip(line_at(text, place.start), message);
    }
    let key = key_before(text, place.start);
    let is_number = seen.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    match key {
        Some((key, Direct::Yes)) if message.ends_with("expected a string") && is_number => {
            format!("write {key} = \"{seen}\", in quotes")
        }
        Some((key, _)) => format!("{key}: {}", in_plain_words(message)),
        None => in_plain_words(message),
    }
}

/// What is said of signs that make no sense.
fn slip(line: &str, message: &str) -> String {
    let key = line.split('=').next().unwrap_or_default().trim();
    let curly = |c| matches!(c, '“' | '”' | '„' | '‘' | '’');
    match message.split(',').next().unwrap_or_default() {
        _ if line.contains(curly) => {
            "curly quotation marks; wanted are straight ones, \"…\"".to_owned()
        }
        _ if key.ends_with("_on") => {
            format!("{key}: wanted is a date without quotes, such as 2026-11-22")
        }
        "string values must be quoted" => "text must be in quotes, \"…\"".to_owned(),
        "invalid basic string" => "a quotation mark that is not closed in its line".to_owned(),
        "missing comma between array elements" => "a comma is missing before this".to_owned(),
        _ => format!("this cannot be read: {message}"),
    }
}

fn line_at(text: &str, place: usize) -> &str {
    let from = text.get(..place).and_then(|before| before.rfind('\n'));
    let line = text.get(from.map_or(0, |at| at + 1)..);
    line.and_then(|rest| rest.lines().next())
        .unwrap_or_default()
}

/// Whether a place is right behind its key, not inside a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direct {
    Yes,
    No,
}

/// The key whose value stands here.
fn key_before(text: &str, place: usize) -> Option<(&str, Direct)> {
    let before = text.get(..place)?;
    let (rest, between) = before.rsplit_once('=')?;
    let rest = rest.trim_end();
    let begins = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    let key = rest.rsplit(begins).next().filter(|key| !key.is_empty())?;
    let direct = if between.trim().is_empty() {
        Direct::Yes
    } else {
        Direct::No
    };
    Some((key, direct))
}

/// An unknown key, with the keys there are: `` `a`, expected one of `b`, `c` ``.
fn strange_key(rest: &str) -> String {
    let mut words = rest.split('`').skip(1).step_by(2);
    let seen = words.next().unwrap_or_default();
    let known: Vec<_> = words.collect();
    let meant = nearest(seen, known.iter().copied());
    let meant = meant.map_or(String::new(), |near| format!("did you mean `{near}`? "));
    let known: Vec<_> = known.iter().map(|key| format!("`{key}`")).collect();
    format!(
        "there is no key `{seen}` here; {meant}the keys here are {}",
        known.join(", ")
    )
}

/// A key that is there a second time, with the line of the first.
fn twice(text: &str, place: usize, seen: &str) -> String {
    let key = seen.trim_matches(|c| matches!(c, '[' | ']' | '"' | ' ' | '\''));
    let bare = |line: &str| {
        line.trim()
            .trim_matches(|c| c == '[' || c == ']')
            .to_owned()
    };
    let here = line_at(text, place).trim();
    let before: Vec<_> = text.get(..place).unwrap_or_default().lines().collect();
    let named = |line: &str| {
        let line = line.trim();
        if here.starts_with('[') {
            line.starts_with('[') && bare(line) == bare(here)
        } else {
            let rest = line.trim_start_matches('"').strip_prefix(key);
            rest.is_some_and(|rest| rest.trim_start_matches('"').trim_start().starts_with('='))
        }
    };
    let first = before.iter().rposition(|line| named(line));
    let first = first.map_or(String::new(), |line| {
        format!("; first in line {}", line + 1)
    });
    format!("the key `{key}` is there twice{first}")
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
