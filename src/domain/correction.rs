//! A note with which somebody puts something right in answers that are handed in: what it may be, and until when it is taken. It withdraws nothing: no
//! answer, no score and no flag hangs on it.

use chrono::{NaiveDateTime, TimeDelta};

/// How long after the hand-in a note is taken, to the second. Our own choice (issue 5, point 7): long enough to sleep over it twice, and short enough
/// that a note belongs to how things were then; whatever comes later is for the clinic's telephone.
pub const WITHIN: TimeDelta = TimeDelta::hours(48);
/// The most characters of one note; as many as any other text of a patient's.
pub const LONGEST: usize = 2_000;
/// The most notes to one occasion: a person needs a few, a machine is stopped.
pub const MOST: i64 = 20;

/// The words of a note: not empty, not too long. Not in `Debug`: they are a patient's own.
#[derive(Clone, PartialEq, Eq)]
pub struct Note(String);

impl std::fmt::Debug for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Note({} characters)", self.0.chars().count())
    }
}

/// Why something typed is no note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// Nothing but space.
    Empty,
    /// More than [`LONGEST`] characters.
    TooLong {
        /// How many too many.
        by: usize,
    },
}

impl Note {
    /// Reads what was typed. A browser's two-character line ends count as one.
    ///
    /// # Errors
    /// Says why it is no note.
    pub fn parse(typed: &str) -> Result<Note, Unfit> {
        let words = typed.replace("\r\n", "\n").trim().to_owned();
        match words.chars().count() {
            0 => Err(Unfit::Empty),
            length if length > LONGEST => Err(Unfit::TooLong {
                by: length - LONGEST,
            }),
            _ => Ok(Note(words)),
        }
    }

    /// The words.
    pub fn into_words(self) -> String {
        self.0
    }
}

/// Until when a note is taken to what was handed in then, both UTC.
pub fn until(handed_in: NaiveDateTime) -> NaiveDateTime {
    handed_in + WITHIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_some_words_and_not_too_many() {
        assert_eq!(
            Note::parse(" I meant\r\n“never” ").map(Note::into_words),
            Ok("I meant\n“never”".to_owned())
        );
        assert_eq!(Note::parse(" \r\n\t"), Err(Unfit::Empty));
        assert!(Note::parse(&"é".repeat(LONGEST)).is_ok());
        let long = Note::parse(&"é".repeat(LONGEST + 3));
        assert_eq!(long, Err(Unfit::TooLong { by: 3 }));
    }

    #[test]
    fn a_notes_words_are_not_in_its_debug_form() {
        let note = Note::parse("a secret").expect("a note");
        assert_eq!(format!("{note:?}"), "Note(8 characters)");
    }
}
