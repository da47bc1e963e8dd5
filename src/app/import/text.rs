//! The bytes of a file as clean text: UTF-8 is checked while it is read, a byte order mark is dropped, every line end becomes `\n`, and no
//! row may grow without end. What the rows mean is `table`'s and its callers' business.

use std::io::{Error, ErrorKind, Read};

/// How much is read from the disk at once.
const BUFFER_BYTES: usize = 64 * 1024;
/// The longest row that is taken. A quotation mark that is never closed would otherwise make the rest of the file one cell.
const ROW_BYTES_MAX: u64 = 1024 * 1024;
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Why the bytes are not text that can be taken; travels inside an [`Error`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextFault {
    /// Not UTF-8, or a NUL byte.
    Encoding {
        /// Position of the first byte that does not fit, counted from 1.
        byte: u64,
        /// That byte.
        seen: u8,
    },
    /// A row went on for more than a mebibyte.
    EndlessRow,
}

impl std::fmt::Display for TextFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TextFault::Encoding { byte, seen } => {
                write!(
                    f,
                    "byte {byte} (0x{seen:02X}) is not UTF-8 text; save the file as UTF-8 (\"CSV UTF-8\" in a spreadsheet)"
                )
            }
            TextFault::EndlessRow => {
                f.write_str("longer than 1 MiB; a closing quotation mark may be missing")
            }
        }
    }
}

impl std::error::Error for TextFault {}

impl From<TextFault> for Error {
    fn from(fault: TextFault) -> Self {
        Error::new(ErrorKind::InvalidData, fault)
    }
}

/// A reader that hands on only clean text.
pub struct CleanText<R> {
    inner: R,
    /// Bytes from the disk that are not handed on yet: at most a buffer and the head of one character.
    raw: Vec<u8>,
    ready: Vec<u8>,
    handed_out: usize,
    /// How many bytes of the file went before `raw`.
    before_raw: u64,
    last: u8,
    stage: Stage,
    row_bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Start,
    Middle,
    End,
}

impl<R: Read> CleanText<R> {
    /// Reads from `inner`.
    pub fn new(inner: R) -> Self {
        CleanText {
            inner,
            raw: Vec::with_capacity(BUFFER_BYTES + 4),
            ready: Vec::with_capacity(BUFFER_BYTES + 4),
            handed_out: 0,
            before_raw: 0,
            last: b'\n',
            stage: Stage::Start,
            row_bytes: 0,
        }
    }

    /// Says that a row is complete, so that the next may be long again.
    pub fn end_row(&mut self) {
        self.row_bytes = 0;
    }

    fn fill(&mut self) -> Result<(), Error> {
        self.ready.clear();
        self.handed_out = 0;
        while self.ready.is_empty() && self.stage != Stage::End {
            let limit = u64::try_from(BUFFER_BYTES).unwrap_or(u64::MAX);
            if self.inner.by_ref().take(limit).read_to_end(&mut self.raw)? == 0 {
                self.end()?;
            } else {
                self.clean()?;
            }
        }
        Ok(())
    }

    /// Nothing more comes: half a character is a fault, and the last line gets its end.
    fn end(&mut self) -> Result<(), Error> {
        if let Some(&seen) = self.raw.first() {
            return Err(TextFault::Encoding {
                byte: self.before_raw + 1,
                seen,
            }
            .into());
        }
        if self.last != b'\n' && self.last != b'\r' {
            self.ready.push(b'\n');
        }
        self.stage = Stage::End;
        Ok(())
    }

    fn clean(&mut self) -> Result<(), Error> {
        let whole = whole_text(&self.raw).map_err(|at| self.encoding_fault(at))?;
        let marked = self.stage == Stage::Start && self.raw.starts_with(BYTE_ORDER_MARK);
        let skip = if marked { BYTE_ORDER_MARK.len() } else { 0 };
        // Only once the mark's three bytes would be there is the start behind us.
        if whole > 0 {
            self.stage = Stage::Middle;
        }
        for &byte in self.raw.get(skip..whole).unwrap_or_default() {
            match (self.last, byte) {
                (b'\r', b'\n') => {}
                (_, b'\r') => self.ready.push(b'\n'),
                _ => self.ready.push(byte),
            }
            self.last = byte;
        }
        self.raw.drain(..whole);
        self.before_raw += whole as u64;
        Ok(())
    }

    fn encoding_fault(&self, at: usize) -> Error {
        let seen = self.raw.get(at).copied().unwrap_or_default();
        TextFault::Encoding {
            byte: self.before_raw + at as u64 + 1,
            seen,
        }
        .into()
    }
}

/// How many of the bytes are whole characters; `Err` with the place of the first byte that can never be text.
fn whole_text(bytes: &[u8]) -> Result<usize, usize> {
    let whole = match std::str::from_utf8(bytes) {
        Ok(_) => bytes.len(),
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Err(error) => return Err(error.valid_up_to()),
    };
    // UTF-16 of plain English is valid UTF-8 with a NUL in every other place.
    match bytes.iter().take(whole).position(|&byte| byte == 0) {
        Some(at) => Err(at),
        None => Ok(whole),
    }
}

impl<R: Read> Read for CleanText<R> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        if self.handed_out == self.ready.len() {
            if self.row_bytes > ROW_BYTES_MAX {
                return Err(TextFault::EndlessRow.into());
            }
            self.fill()?;
        }
        let waiting = self.ready.get(self.handed_out..).unwrap_or_default();
        let n = waiting.len().min(out.len());
        for (to, from) in out.iter_mut().zip(waiting) {
            *to = *from;
        }
        self.handed_out += n;
        self.row_bytes += n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(bytes: &[u8]) -> Result<String, TextFault> {
        let mut out = String::new();
        match CleanText::new(bytes).read_to_string(&mut out) {
            Ok(_) => Ok(out),
            Err(error) => Err(error
                .get_ref()
                .and_then(|e| e.downcast_ref())
                .cloned()
                .expect("a text fault")),
        }
    }

    #[test]
    fn every_line_end_becomes_one_newline_and_the_mark_goes() {
        assert_eq!(clean(b"\xEF\xBB\xBFa\r\nb\rc\nd").unwrap(), "a\nb\nc\nd\n");
        assert_eq!(clean(b"").unwrap(), "");
        assert_eq!(clean(b"\xEF\xBB\xBF").unwrap(), "");
    }

    #[test]
    fn a_character_across_two_buffers_stays_whole() {
        let mut text = "x".repeat(BUFFER_BYTES - 1);
        text.push_str("é\r\n€");
        assert_eq!(
            clean(text.as_bytes()).unwrap(),
            text.replace("\r\n", "\n") + "\n"
        );
    }

    #[test]
    fn another_encoding_is_refused_at_its_first_byte() {
        assert_eq!(
            clean(b"name\nJos\xE9,x"),
            Err(TextFault::Encoding {
                byte: 9,
                seen: 0xE9
            })
        );
        assert_eq!(
            clean(b"\xFF\xFEa\0"),
            Err(TextFault::Encoding {
                byte: 1,
                seen: 0xFF
            })
        );
        assert_eq!(
            clean(b"a\0b\0"),
            Err(TextFault::Encoding { byte: 2, seen: 0 })
        );
        assert_eq!(
            clean("caf\u{e9}".as_bytes().split_last().unwrap().1),
            Err(TextFault::Encoding {
                byte: 4,
                seen: 0xC3
            })
        );
    }
}
