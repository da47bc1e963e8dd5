//! One person's answers to one questionnaire: a value or nothing for every item.
//!
//! Nothing is not zero. Not here: whether an item is asked (`Instrument::is_asked`) and what answers mean (scoring).

use super::{Instrument, Position};
use serde::de::{Deserializer as _, Error as _, MapAccess, Visitor};
use std::fmt;

/// A value or nothing for every item, in printed order. One allocation, two to four bytes an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    values: Vec<Option<i16>>,
}

/// A value that is none of the item's options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAnOption {
    /// The item's printed number.
    pub item: String,
    /// The value seen.
    pub value: i16,
}

impl fmt::Display for NotAnOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "item {}: {} is not one of its answers",
            self.item, self.value
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
            values: vec![None; instrument.items.len()],
        }
    }

    /// The answer at this position; `None` = not answered.
    #[must_use]
    pub fn get(&self, position: Position) -> Option<i16> {
        self.values.get(position).copied().flatten()
    }

    /// Puts down an answer, in place of an earlier one.
    ///
    /// # Errors
    /// When the value is none of the item's options, or there is no such item; nothing changes then.
    pub fn set(
        &mut self,
        instrument: &Instrument,
        position: Position,
        value: i16,
    ) -> Result<(), NotAnOption> {
        let item = instrument.items.get(position);
        let slot = self.values.get_mut(position);
        match (item, slot) {
            (Some(item), Some(slot)) if item.option_with(value).is_some() => *slot = Some(value),
            _ => {
                let item =
                    item.map_or_else(|| format!("at position {position}"), |item| item.id.clone());
                return Err(NotAnOption { item, value });
            }
        }
        Ok(())
    }

    /// Takes an answer back.
    pub fn clear(&mut self, position: Position) {
        if let Some(slot) = self.values.get_mut(position) {
            *slot = None;
        }
    }

    /// Takes every answer back, keeping the memory.
    pub fn clear_all(&mut self) {
        self.values.fill(None);
    }

    /// How many items are answered.
    #[must_use]
    pub fn answered(&self) -> usize {
        self.values.iter().flatten().count()
    }

    /// The answers as stored: printed item numbers to values, unanswered items left out, as in `{"1":0,"2":3}`.
    #[must_use]
    pub fn to_json(&self, instrument: &Instrument) -> String {
        let mut json = String::with_capacity(2 + 8 * self.values.len());
        json.push('{');
        for (item, value) in instrument.items.iter().zip(&self.values) {
            let Some(value) = value else { continue };
            if json.len() > 1 {
                json.push(',');
            }
            // Ids are letters, digits, `_`, `.` and `-` only (see `check`), so they need no escaping.
            json.push('"');
            json.push_str(&item.id);
            json.push_str("\":");
            json.push_str(&value.to_string());
        }
        json.push('}');
        json
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
            if let Some(value) = map.next_value::<Option<i16>>()? {
                answers
                    .set(self.0, position, value)
                    .map_err(A::Error::custom)?;
            }
        }
        Ok(answers)
    }
}
