//! Quotation marks of a CSV file, looked at before anybody reads cells: one that is not closed, or closed too early, makes one row of two, and one person of two.
//! A reader of CSV guesses what was meant; here the file is refused, with the line. What cells mean is others' business.

use std::io::{Error, ErrorKind, Read};

/// What is wrong with a quotation mark; travels inside an [`Error`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuoteFault {
    /// Something other than the end of the cell stands behind a closing mark, in this line (from 1).
    Behind(u64),
    /// The mark that was opened in this line (from 1) is never closed.
    Open(u64),
}

impl std::fmt::Display for QuoteFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            QuoteFault::Behind(line) => write!(
                f,
                "line {line}: something stands behind a closing quotation mark. A mark inside a cell is written twice (\"\"); a mark before it may not be closed"
            ),
            QuoteFault::Open(line) => {
                write!(f, "line {line}: its quotation mark is never closed")
            }
        }
    }
}

impl std::error::Error for QuoteFault {}

/// Where in a cell the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Start,
    Plain,
    Quoted,
    /// Behind a mark that closes, or is the first of two.
    Mark,
    /// Behind a closing mark and blanks.
    Behind,
}

/// Hands on what it reads as long as every quotation mark is closed where its cell ends.
pub struct Quotes<R> {
    inner: R,
    at: At,
    line: u64,
    opened: u64,
}

impl<R> Quotes<R> {
    /// Looks at what this reads.
    pub fn new(inner: R) -> Self {
        Quotes {
            inner,
            at: At::Start,
            line: 1,
            opened: 1,
        }
    }

    fn take(&mut self, byte: u8) -> Result<(), QuoteFault> {
        self.at = match (self.at, byte) {
            (At::Quoted, b'"') => At::Mark,
            (At::Quoted, _) | (At::Mark, b'"') => At::Quoted,
            (_, b',' | b'\n' | b'\r') => At::Start,
            (At::Mark | At::Behind, b' ' | b'\t') => At::Behind,
            (At::Mark | At::Behind, _) => return Err(QuoteFault::Behind(self.line)),
            (At::Start, b'"') => {
                self.opened = self.line;
                At::Quoted
            }
            // A byte order mark stands before the first cell.
            (At::Start, 0xEF | 0xBB | 0xBF) if self.line == 1 => At::Start,
            (At::Start | At::Plain, _) => At::Plain,
        };
        self.line += u64::from(byte == b'\n');
        Ok(())
    }
}

impl<R: Read> Read for Quotes<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let wrong = |fault| Error::new(ErrorKind::InvalidData, fault);
        let length = self.inner.read(into)?;
        if length == 0 && !into.is_empty() && self.at == At::Quoted {
            return Err(wrong(QuoteFault::Open(self.opened)));
        }
        for byte in into.iter().take(length) {
            self.take(*byte).map_err(wrong)?;
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Result<(), String> {
        let mut out = vec![];
        let read = Quotes::new(text.as_bytes()).read_to_end(&mut out);
        read.map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn marks_that_are_closed_where_their_cell_ends_are_handed_on() {
        for text in [
            "a,b\n1,2\n",
            "\u{feff}\"a\",\"b\"\r\n\"1\n2\",\"say \"\"no\"\"\"\r\n",
            "5\" tall,b\n",
            "\"a\" ,b\n\"\",\"\"",
        ] {
            assert_eq!(said(text), Ok(()), "{text:?}");
        }
    }

    #[test]
    fn a_mark_that_swallows_the_next_row_is_told_with_its_line() {
        let two = "id,name\nw1,\"Ann,a@x\nw2,\"Bob\",b@x\n";
        assert!(
            said(two)
                .unwrap_err()
                .starts_with("line 3: something stands behind")
        );
        assert_eq!(
            said("id\n\"a\n\"b").unwrap_err().split(':').next(),
            Some("line 3")
        );
        assert!(
            said("id\n\"never\nclosed")
                .unwrap_err()
                .starts_with("line 2: its")
        );
    }
}
