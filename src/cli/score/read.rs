//! Reads one line into answers, straight into place, and says what is wrong with it.
//!
//! An answer that cannot be used counts as not answered and is a problem; nothing is ever bent to fit. A line whose
//! items cannot be trusted (not JSON, no answers, an item the questionnaire does not have) is refused as a whole.

use crate::domain::instrument::{
    AnsweredBy, Answers, DECLINED, Instrument, LONGEST_WORDS, Person, Position,
};
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use std::fmt;

/// What was read from the latest line. The memory is used again for every line.
pub(super) struct Reading<'i> {
    instrument: &'i Instrument,
    answers: Answers,
    person: Person,
    seen: Vec<bool>,
    problems: Vec<String>,
    trust: Trust,
}

/// The oldest anybody is.
const OLDEST: u16 = 130;

/// What a line can say about the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PersonKey {
    Sex,
    Age,
}

/// Whether the line as a whole can be scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    Trusted,
    Refused,
}

impl<'i> Reading<'i> {
    pub(super) fn of(instrument: &'i Instrument) -> Self {
        Self {
            instrument,
            answers: Answers::none(instrument),
            person: Person::default(),
            seen: vec![false; instrument.items.len()],
            problems: Vec::new(),
            trust: Trust::Trusted,
        }
    }

    pub(super) fn answers(&self) -> &Answers {
        &self.answers
    }

    pub(super) fn person(&self) -> Person {
        self.person
    }

    pub(super) fn problems(&self) -> &[String] {
        &self.problems
    }

    pub(super) fn is_refused(&self) -> bool {
        self.trust == Trust::Refused
    }

    /// Forgets the line before and reads this one.
    pub(super) fn read(&mut self, line: &[u8]) {
        self.forget();
        // Spreadsheets put a byte order mark in front of the first line.
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        let Ok(text) = std::str::from_utf8(line) else {
            return self.refuse("the line is not UTF-8".to_owned());
        };
        if text.trim().is_empty() {
            return self.refuse("the line is empty".to_owned());
        }
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let read = deserializer
            .deserialize_map(Line(self))
            .and_then(|()| deserializer.end());
        if let Err(error) = read {
            // A broken line may have been cut anywhere: nothing of it counts.
            self.forget();
            self.refuse(said(&error));
        }
    }

    /// Forgets the line before; nothing of this one counts.
    pub(super) fn refuse(&mut self, why: String) {
        if self.trust == Trust::Trusted {
            self.forget();
        }
        self.trust = Trust::Refused;
        self.problems.push(why);
    }

    pub(super) fn forget(&mut self) {
        self.answers.clear_all();
        self.person = Person::default();
        self.seen.fill(false);
        self.problems.clear();
        self.trust = Trust::Trusted;
    }

    /// The item with this key, or a problem.
    fn find(&mut self, key: &str) -> Option<Position> {
        let found = self.instrument.position(key);
        if found.is_none() {
            self.trust = Trust::Refused;
            self.problems
                .push(format!("there is no item {:?}", shortened(key)));
        }
        found
    }

    pub(super) fn put(&mut self, position: Position, given: Given) {
        let seen = self.seen.get_mut(position);
        if seen.is_some_and(|seen| std::mem::replace(seen, true)) {
            self.answers.clear(position);
            return self.problem(position, "is there twice");
        }
        match given {
            Given::Nothing => {}
            Given::Other(kind) => self.no_answer(position, kind),
            Given::Text(text) if text == DECLINED => self.answers.decline(position),
            Given::Text(text) => self.put_words(position, &text),
            Given::List(values) => self.put_several(position, &values),
            Given::Number(value) => self.put_number(position, value),
        }
    }

    fn put_number(&mut self, position: Position, value: i64) {
        if self.answered_by(position) == Some(AnsweredBy::Several) {
            return self.put_several(position, &[value]);
        }
        let set = i16::try_from(value)
            .ok()
            .map(|value| self.answers.set(self.instrument, position, value));
        if !matches!(set, Some(Ok(()))) {
            self.problem(position, &format!("has no answer {value}"));
        }
    }

    fn put_several(&mut self, position: Position, values: &[i64]) {
        if self.answered_by(position) != Some(AnsweredBy::Several) {
            return self.no_answer(position, "a list");
        }
        let small: Option<Vec<_>> = values
            .iter()
            .map(|value| i16::try_from(*value).ok())
            .collect();
        let set = small.map(|values| self.answers.set_several(self.instrument, position, &values));
        if !matches!(set, Some(Ok(()))) {
            self.problem(position, &format!("has no answers {values:?}"));
        }
    }

    fn put_words(&mut self, position: Position, text: &str) {
        if self.answered_by(position) != Some(AnsweredBy::Words) {
            return self.no_answer(position, "text");
        }
        if self
            .answers
            .set_words(self.instrument, position, text)
            .is_err()
        {
            let what = format!("is a text of more than {LONGEST_WORDS} characters");
            self.problem(position, &what);
        }
    }

    fn answered_by(&self, position: Position) -> Option<AnsweredBy> {
        Some(self.instrument.items.get(position)?.answered_by)
    }

    fn no_answer(&mut self, position: Position, kind: &str) {
        self.problem(position, &format!("is {kind}, not one of its answers"));
    }

    /// Takes down the person's sex or age; what is neither counts as not known.
    pub(super) fn put_person(&mut self, key: PersonKey, given: Given) {
        let understood = match (key, given) {
            (_, Given::Nothing) => true,
            (PersonKey::Sex, Given::Text(word)) => {
                self.person.sex = word.parse().ok();
                self.person.sex.is_some()
            }
            (PersonKey::Age, Given::Number(years)) => {
                self.person.age = u16::try_from(years).ok().filter(|years| *years <= OLDEST);
                self.person.age.is_some()
            }
            _ => false,
        };
        if !understood {
            let wanted = match key {
                PersonKey::Sex => "sex is not \"female\" or \"male\"".to_owned(),
                PersonKey::Age => format!("age is not a whole number from 0 to {OLDEST}"),
            };
            self.problems
                .push(format!("{wanted}; it counts as not known"));
        }
    }

    fn problem(&mut self, position: Position, what: &str) {
        let item = self.instrument.items.get(position);
        let item = item.map_or("?", |item| item.id.as_str());
        self.problems
            .push(format!("item {item} {what}; it counts as not answered"));
    }
}

/// The message of a line that could not be read.
fn said(error: &serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Data => error.to_string(),
        _ => format!("the line is not JSON: {error}"),
    }
}

/// A key to be shown in a message: whole, unless somebody put a page into it.
fn shortened(key: &str) -> String {
    key.chars().take(40).collect()
}

/// The whole line: an object with `answers`, perhaps `sex` and `age`. Other keys are the sender's own and are passed over.
struct Line<'r, 'i>(&'r mut Reading<'i>);

impl<'de> Visitor<'de> for Line<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"an object like {"answers":{"1":0}}"#)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            let about = match &*key {
                "sex" => Some(PersonKey::Sex),
                "age" => Some(PersonKey::Age),
                _ => None,
            };
            if let Some(about) = about {
                self.0.put_person(about, map.next_value()?);
            } else if key != "answers" {
                map.next_value::<IgnoredAny>()?;
            } else if std::mem::replace(&mut found, true) {
                return Err(A::Error::custom("\"answers\" is there twice"));
            } else {
                map.next_value_seed(ItemAnswers(self.0))?;
            }
        }
        if found {
            Ok(())
        } else {
            Err(A::Error::custom("there is no \"answers\""))
        }
    }
}

/// The object of item numbers and answers.
struct ItemAnswers<'r, 'i>(&'r mut Reading<'i>);

impl<'de> DeserializeSeed<'de> for ItemAnswers<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ItemAnswers<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"answers\" to be an object of item numbers and answers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(position) = map.next_key_seed(Key(&mut *self.0))? {
            let given = map.next_value::<Given>()?;
            if let Some(position) = position {
                self.0.put(position, given);
            }
        }
        Ok(())
    }
}

/// An item's printed number.
struct Key<'r, 'i>(&'r mut Reading<'i>);

impl<'de> DeserializeSeed<'de> for Key<'_, '_> {
    type Value = Option<Position>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_, '_> {
    type Value = Option<Position>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an item number")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.find(key))
    }
}

/// What stands where an answer should be.
#[derive(Debug, Clone)]
pub(super) enum Given {
    Nothing,
    Number(i64),
    Text(String),
    List(Vec<i64>),
    Other(&'static str),
}

impl<'de> serde::Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

/// The most values a list may have.
const MOST_TICKS: usize = 14;
/// What a number is called that no questionnaire has use for.
const TOO_LARGE: &str = "a number far too large";

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Given;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer")
    }

    fn visit_unit<E>(self) -> Result<Given, E> {
        Ok(Given::Nothing)
    }

    fn visit_i64<E>(self, value: i64) -> Result<Given, E> {
        Ok(Given::Number(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Given, E> {
        Ok(i64::try_from(value).map_or(Given::Other(TOO_LARGE), Given::Number))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Given, E> {
        // 2.0 is the number 2: spreadsheets and data frames write whole numbers so once a column has a gap.
        Ok(match value {
            value if value.fract() != 0.0 => Given::Other("a fraction"),
            value if value.abs() < f64::from(i32::MAX) => Given::Number(value as i64),
            _ => Given::Other(TOO_LARGE),
        })
    }

    fn visit_bool<E>(self, _: bool) -> Result<Given, E> {
        Ok(Given::Other("true or false"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Given, E> {
        Ok(Given::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Given, A::Error> {
        let mut values = Some(Vec::new());
        while let Some(given) = seq.next_element::<Given>()? {
            values = match (values, given) {
                (Some(mut values), Given::Number(value)) if values.len() < MOST_TICKS => {
                    values.push(value);
                    Some(values)
                }
                _ => None,
            };
        }
        Ok(values.map_or(Given::Other("a list"), Given::List))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Given, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Given::Other("an object"))
    }
}
