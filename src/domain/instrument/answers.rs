//! One person's answers to one questionnaire: for every item an answer, the wish not to answer, or nothing.
//!
//! Nothing is not zero, and declined is not nothing. Not here: whether an item is asked (`Instrument::is_asked`) and
//! what answers mean (scoring).

use super::{AnsweredBy, Instrument, Item, Position};
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use std::collections::BTreeMap;
use std::fmt;

/// How an answer somebody chose not to give is written.
pub const DECLINED: &str = "declined";
/// The most characters a free text may have.
pub const LONGEST_WORDS: usize = 2_000;

/// What stands at one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Answer {
    /// Nothing.
    #[default]
    Blank,
    /// The person chose not to answer.
    Declined,
    /// One value.
    Value(i16),
    /// All options that apply; never empty.
    Several(Ticks),
    /// Words; see [`Answers::words`].
    Words,
}

/// Ticked options, a bit for each value from 1 to 14.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ticks(i16);

impl Ticks {
    /// The lowest value that can be ticked.
    pub const LOWEST: i16 = 1;
    /// The highest value that can be ticked.
    pub const HIGHEST: i16 = 14;

    /// These ticks and this one; unchanged when the value cannot be ticked.
    #[must_use]
    pub fn with(self, value: i16) -> Self {
        if (Self::LOWEST..=Self::HIGHEST).contains(&value) {
            Self(self.0 | 1 << value)
        } else {
            self
        }
    }

    /// The ticks of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether nothing is ticked.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The ticked values, lowest first.
    pub fn values(self) -> impl DoubleEndedIterator<Item = i16> {
        (Self::LOWEST..=Self::HIGHEST).filter(move |value| self.0 & 1 << value != 0)
    }

    fn joined(self, between: &str) -> String {
        let values: Vec<_> = self.values().map(|value| value.to_string()).collect();
        values.join(between)
    }
}

/// Written as in `1+3`.
impl fmt::Display for Ticks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.joined("+"))
    }
}

/// What stands at every item, in printed order. One allocation, four bytes an item, and one for each free text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    given: Vec<Answer>,
    words: BTreeMap<Position, String>,
}

/// Something that is no answer to the item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAnOption {
    /// The item's printed number.
    pub item: String,
    /// What was seen, in words.
    pub seen: String,
}

impl fmt::Display for NotAnOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "item {}: {} is not one of its answers",
            self.item, self.seen
        )
    }
}

impl std::error::Error for NotAnOption {}

/// Stored answers that do not fit their questionnaire.
#[derive(Debug)]
pub struct AnswersFault(serde_json::Error);

impl fmt::Display for AnswersFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "these are no answers to this questionnaire: {}", self.0)
    }
}

impl std::error::Error for AnswersFault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl Answers {
    /// A form nobody has begun.
    #[must_use]
    pub fn none(instrument: &Instrument) -> Self {
        Self {
            given: vec![Answer::Blank; instrument.items.len()],
            words: BTreeMap::new(),
        }
    }

    /// What stands at this position.
    #[must_use]
    pub fn at(&self, position: Position) -> Answer {
        self.given.get(position).copied().unwrap_or_default()
    }

    /// The one value at this position; `None` = not answered, or not by one value.
    #[must_use]
    pub fn get(&self, position: Position) -> Option<i16> {
        match self.at(position) {
            Answer::Value(value) => Some(value),
            _ => None,
        }
    }

    /// The words at this position.
    #[must_use]
    pub fn words(&self, position: Position) -> Option<&str> {
        self.words.get(&position).map(String::as_str)
    }

    /// Whether nothing stands there: neither an answer nor the wish not to answer.
    #[must_use]
    pub fn is_blank(&self, position: Position) -> bool {
        self.at(position) == Answer::Blank
    }

    /// Whether an answer stands there.
    #[must_use]
    pub fn is_answered(&self, position: Position) -> bool {
        !matches!(self.at(position), Answer::Blank | Answer::Declined)
    }

    /// Puts down one value, in place of what was there.
    ///
    /// # Errors
    /// When the value is none of the item's, the item is not answered by one value, or there is no such item; nothing
    /// changes then.
    pub fn set(
        &mut self,
        instrument: &Instrument,
        position: Position,
        value: i16,
    ) -> Result<(), NotAnOption> {
        let fits = |item: &Item| {
            let one = matches!(
                item.answered_by,
                AnsweredBy::One | AnsweredBy::Number { .. }
            );
            (one && item.has_value(value)).then_some(Answer::Value(value))
        };
        self.put(instrument, position, fits, || value.to_string())
    }

    /// Puts down all options that apply; none at all is a blank.
    ///
    /// # Errors
    /// When one is none of the item's options, or the item is not answered so; nothing changes then.
    pub fn set_several(
        &mut self,
        instrument: &Instrument,
        position: Position,
        values: &[i16],
    ) -> Result<(), NotAnOption> {
        let ticks = values
            .iter()
            .fold(Ticks::default(), |ticks, value| ticks.with(*value));
        let fits = |item: &Item| {
            let known = values.iter().all(|value| item.has_value(*value));
            let answer = if ticks.is_empty() {
                Answer::Blank
            } else {
                Answer::Several(ticks)
            };
            (item.answered_by == AnsweredBy::Several && known).then_some(answer)
        };
        self.put(instrument, position, fits, || format!("{values:?}"))
    }

    /// Puts down words; nothing but space is a blank.
    ///
    /// # Errors
    /// When the item is not answered by words or there are more than [`LONGEST_WORDS`] characters; nothing changes then.
    pub fn set_words(
        &mut self,
        instrument: &Instrument,
        position: Position,
        words: &str,
    ) -> Result<(), NotAnOption> {
        // Written down, the one word would come back as the wish not to answer. It is taken as that at once.
        let answer = match words.trim() {
            "" => Answer::Blank,
            DECLINED => Answer::Declined,
            _ => Answer::Words,
        };
        let length = words.chars().count();
        let fits = |item: &Item| {
            (item.answered_by == AnsweredBy::Words && length <= LONGEST_WORDS).then_some(answer)
        };
        self.put(instrument, position, fits, || {
            if length > LONGEST_WORDS {
                format!("a text of more than {LONGEST_WORDS} characters")
            } else {
                "text".to_owned()
            }
        })?;
        if answer == Answer::Words {
            self.words.insert(position, words.to_owned());
        }
        Ok(())
    }

    /// Puts down that the person chose not to answer.
    pub fn decline(&mut self, position: Position) {
        self.replace(position, Answer::Declined);
    }

    /// Takes an answer back.
    pub fn clear(&mut self, position: Position) {
        self.replace(position, Answer::Blank);
    }

    /// Takes every answer back, keeping the memory.
    pub fn clear_all(&mut self) {
        self.given.fill(Answer::Blank);
        self.words.clear();
    }

    fn put(
        &mut self,
        instrument: &Instrument,
        position: Position,
        fits: impl FnOnce(&Item) -> Option<Answer>,
        seen: impl FnOnce() -> String,
    ) -> Result<(), NotAnOption> {
        let item = instrument.items.get(position);
        let Some(answer) = item.and_then(fits) else {
            let item =
                item.map_or_else(|| format!("at position {position}"), |item| item.id.clone());
            return Err(NotAnOption { item, seen: seen() });
        };
        self.replace(position, answer);
        Ok(())
    }

    fn replace(&mut self, position: Position, answer: Answer) {
        if let Some(slot) = self.given.get_mut(position) {
            *slot = answer;
            self.words.remove(&position);
        }
    }

    /// How many items are answered.
    #[must_use]
    pub fn answered(&self) -> usize {
        (0..self.given.len())
            .filter(|&position| self.is_answered(position))
            .count()
    }

    /// The answers as stored: printed item numbers to values (a list of values where several apply, a text, or
    /// `"declined"`), blank items left out, as in `{"1":0,"2":3,"3":"declined","4":[1,3]}`.
    #[must_use]
    pub fn to_json(&self, instrument: &Instrument) -> String {
        let mut json = String::with_capacity(2 + 8 * self.given.len());
        json.push('{');
        for (position, item) in instrument.items.iter().enumerate() {
            if self.is_blank(position) {
                continue;
            }
            if json.len() > 1 {
                json.push(',');
            }
            // Ids are letters, digits, `_`, `.` and `-` only (see `check`), so they need no escaping.
            json.push('"');
            json.push_str(&item.id);
            json.push_str("\":");
            json.push_str(&self.as_json(position));
        }
        json.push('}');
        json
    }

    fn as_json(&self, position: Position) -> String {
        match self.at(position) {
            Answer::Blank => "null".to_owned(),
            Answer::Declined => format!("\"{DECLINED}\""),
            Answer::Value(value) => value.to_string(),
            Answer::Several(ticks) => format!("[{}]", ticks.joined(",")),
            Answer::Words => {
                serde_json::Value::from(self.words(position).unwrap_or_default()).to_string()
            }
        }
    }

    /// Reads back what [`Answers::to_json`] wrote. `null` = not answered.
    ///
    /// # Errors
    /// On anything else: unknown items, values that are no option, a key twice, other JSON.
    pub fn from_json(instrument: &Instrument, json: &str) -> Result<Self, AnswersFault> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let answers = deserializer
            .deserialize_map(Stored(instrument))
            .map_err(AnswersFault)?;
        deserializer.end().map_err(AnswersFault)?;
        Ok(answers)
    }
}

/// Reads stored answers straight into place.
struct Stored<'a>(&'a Instrument);

impl<'de> Visitor<'de> for Stored<'_> {
    type Value = Answers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of item numbers and answers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Answers, A::Error> {
        let mut answers = Answers::none(self.0);
        let mut seen = vec![false; self.0.items.len()];
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            let position = self
                .0
                .position(&key)
                .ok_or_else(|| A::Error::custom(format!("there is no item {key:?}")))?;
            if seen
                .get_mut(position)
                .is_some_and(|seen| std::mem::replace(seen, true))
            {
                return Err(A::Error::custom(format!("item {key:?} is there twice")));
            }
            map.next_value_seed(Slot {
                instrument: self.0,
                answers: &mut answers,
                position,
            })?;
        }
        Ok(answers)
    }
}

/// One stored answer, read into its place.
struct Slot<'a> {
    instrument: &'a Instrument,
    answers: &'a mut Answers,
    position: Position,
}

impl<'de> DeserializeSeed<'de> for Slot<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Slot<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        let value = i16::try_from(value).map_err(|_| E::custom("a number far too large"))?;
        self.answers
            .set(self.instrument, self.position, value)
            .map_err(E::custom)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        let value = i64::try_from(value).map_err(|_| E::custom("a number far too large"))?;
        self.visit_i64(value)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        if text == DECLINED {
            self.answers.decline(self.position);
            return Ok(());
        }
        self.answers
            .set_words(self.instrument, self.position, text)
            .map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element::<i16>()? {
            values.push(value);
            if values.len() > usize::from(Ticks::HIGHEST.unsigned_abs()) {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                return Err(A::Error::custom("more values than can be ticked"));
            }
        }
        self.answers
            .set_several(self.instrument, self.position, &values)
            .map_err(A::Error::custom)
    }
}
