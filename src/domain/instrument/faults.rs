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
