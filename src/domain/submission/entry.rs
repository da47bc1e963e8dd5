//! One question's fields as they came in, read by what the question is answered with. What no browser sends from our pages refuses the whole form;
//! what a person may well type by mistake (a number out of range, too long a text) is said back to them. Which question it belongs to is
//! `sheet`'s to find.

use super::{Put, Refusal};
use crate::domain::instrument::{AnsweredBy, Item, LONGEST_WORDS, Position, Ticks};

/// What one question's fields hold.
#[derive(Clone, PartialEq, Eq)]
pub enum Entry {
    /// "Skip this question".
    Declined,
    /// The values of its fields as they came, in their order.
    Typed(Vec<String>),
}

/// How many fields there are, and not what stands in them.
impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Entry::Declined => f.write_str("Declined"),
            Entry::Typed(values) => write!(f, "Typed({} values)", values.len()),
        }
    }
}

/// Why something typed is no answer yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfit {
    /// No whole number of this range.
    Number {
        /// The lowest.
        from: i16,
        /// The highest.
        to: i16,
    },
    /// More than [`LONGEST_WORDS`] characters.
    TooLong {
        /// How many too many.
        by: usize,
    },
}

/// A question whose fields hold something that is no answer yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfit {
    /// Which part of the battery, from 0.
    pub part: usize,
    /// Which item, by position.
    pub position: Position,
    /// Why.
    pub why: Misfit,
}

impl Entry {
    /// Whether nothing is chosen or typed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Entry::Declined => false,
            Entry::Typed(values) => values.iter().all(|value| value.trim().is_empty()),
        }
    }

    /// What it means as an answer to this item, or why it is none yet.
    ///
    /// # Errors
    /// Refuses what our pages never send: a value that is no option, or more values than the question takes.
    pub(super) fn read(&self, item: &Item) -> Result<Result<Put, Misfit>, Refusal> {
        let values = match self {
            Entry::Declined => return Ok(Ok(Put::Declined)),
            Entry::Typed(values) => values,
        };
        match (item.answered_by, values.as_slice()) {
            (_, []) => Ok(Ok(Put::Blank)),
            (AnsweredBy::One, [value]) => Ok(Ok(Put::Value(option(item, value)?))),
            (AnsweredBy::Several, values) => {
                if values.len() > usize::from(Ticks::HIGHEST.unsigned_abs()) {
                    return Err(Refusal::NotAnOption);
                }
                let values = values.iter().map(|value| option(item, value));
                Ok(Ok(Put::Several(values.collect::<Result<_, _>>()?)))
            }
            (AnsweredBy::Number { from, to }, [typed]) => Ok(number(typed, from, to)),
            (AnsweredBy::Words, [typed]) => Ok(words(typed)),
            _ => Err(Refusal::NotAnOption),
        }
    }
}

fn option(item: &Item, value: &str) -> Result<i16, Refusal> {
    let value = value.parse().map_err(|_| Refusal::NotAnOption)?;
    if item.has_value(value) {
        Ok(value)
    } else {
        Err(Refusal::NotAnOption)
    }
}

fn number(typed: &str, from: i16, to: i16) -> Result<Put, Misfit> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(Put::Blank);
    }
    match typed.parse() {
        Ok(value) if (from..=to).contains(&value) => Ok(Put::Value(value)),
        _ => Err(Misfit::Number { from, to }),
    }
}

/// Browsers send a line's end as two characters; people see one.
fn words(typed: &str) -> Result<Put, Misfit> {
    let words = typed.replace("\r\n", "\n");
    let words = words.trim();
    match words.chars().count() {
        0 => Ok(Put::Blank),
        many if many > LONGEST_WORDS => Err(Misfit::TooLong {
            by: many - LONGEST_WORDS,
        }),
        _ => Ok(Put::Words(words.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::instrument::AnswerOption;

    fn item(answered_by: AnsweredBy, values: &[i16]) -> Item {
        Item {
            id: "1".into(),
            answered_by,
            options: values
                .iter()
                .map(|&value| AnswerOption { value, code: None })
                .collect(),
            asked_when: None,
            loinc: None,
        }
    }

    fn typed(values: &[&str]) -> Entry {
        Entry::Typed(values.iter().map(|&value| value.to_owned()).collect())
    }

    #[test]
    fn one_answer_is_one_of_the_options() {
        let item = item(AnsweredBy::One, &[0, 1, 2]);
        assert_eq!(typed(&["2"]).read(&item), Ok(Ok(Put::Value(2))));
        assert_eq!(typed(&[]).read(&item), Ok(Ok(Put::Blank)));
        assert_eq!(Entry::Declined.read(&item), Ok(Ok(Put::Declined)));
        for bad in [&["3"][..], &["x"], &[""], &["1", "2"], &["1.0"]] {
            assert_eq!(typed(bad).read(&item), Err(Refusal::NotAnOption), "{bad:?}");
        }
    }

    #[test]
    fn several_answers_are_all_options() {
        let item = item(AnsweredBy::Several, &[1, 2, 6]);
        let read = typed(&["1", "6"]).read(&item);
        assert_eq!(read, Ok(Ok(Put::Several(vec![1, 6]))));
        for bad in [&["1", "3"][..], &["0"], &["1"; 15]] {
            assert_eq!(typed(bad).read(&item), Err(Refusal::NotAnOption), "{bad:?}");
        }
    }

    #[test]
    fn a_number_out_of_range_is_said_back_and_not_bent_to_fit() {
        let item = item(AnsweredBy::Number { from: 0, to: 30 }, &[]);
        assert_eq!(typed(&[" 07 "]).read(&item), Ok(Ok(Put::Value(7))));
        assert_eq!(typed(&[" "]).read(&item), Ok(Ok(Put::Blank)));
        let misfit = Ok(Err(Misfit::Number { from: 0, to: 30 }));
        for bad in ["31", "-1", "7.5", "a few", "99999999999"] {
            assert_eq!(typed(&[bad]).read(&item), misfit, "{bad}");
        }
        assert_eq!(typed(&["1", "2"]).read(&item), Err(Refusal::NotAnOption));
    }

    #[test]
    fn words_are_counted_as_people_see_them() {
        let item = item(AnsweredBy::Words, &[]);
        let put = |words: &str| Ok(Ok(Put::Words(words.to_owned())));
        assert_eq!(typed(&[" a\r\nb \r\n"]).read(&item), put("a\nb"));
        assert_eq!(typed(&["\r\n "]).read(&item), Ok(Ok(Put::Blank)));
        let most = "ñ".repeat(LONGEST_WORDS);
        assert_eq!(typed(&[&most]).read(&item), put(&most));
        let longer = format!("{most}abc");
        let misfit = Ok(Err(Misfit::TooLong { by: 3 }));
        assert_eq!(typed(&[&longer]).read(&item), misfit);
    }
}
