//! Reads one line into answers, straight into place, and says what is wrong with it.
//!
//! An answer that cannot be used counts as not answered and is a problem; nothing is ever bent to fit. A line whose
//! items cannot be trusted (not JSON, no answers, an item the questionnaire does not have) is refused as a whole. What
//! was read of it is kept for its flags: an answer that a person must see counts however the line around it looks.

use super::write::OwnId;
use crate::domain::instrument::{
    Answer, AnsweredBy, Answers, DECLINED, Instrument, LONGEST_WORDS, Person, Position,
    in_plain_words,
};
use crate::domain::risk::rules::{self, RiskHit};
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use std::borrow::Cow;
use std::fmt;

/// What was read from the latest line. The memory is used again for every line.
pub(super) struct Reading<'i> {
    instrument: &'i Instrument,
    answers: Answers,
    /// Of items that are there twice, the answers that a person must see. They are not counted.
    doubtful: Option<Answers>,
    /// The answer that nothing stood behind yet.
    last: Option<Position>,
    id: Option<OwnId>,
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
            doubtful: None,
            last: None,
            id: None,
            person: Person::default(),
            seen: vec![false; instrument.items.len()],
            problems: Vec::new(),
            trust: Trust::Trusted,
        }
    }

    pub(super) fn answers(&self) -> &Answers {
        &self.answers
    }

    /// The sender's own name for the line.
    pub(super) fn id(&self) -> Option<&OwnId> {
        self.id.as_ref()
    }

    /// The risk rules that fire, whether or not the line as a whole can be scored.
    pub(super) fn hits(&self) -> Vec<RiskHit<'i>> {
        let mut hits = rules::evaluate(self.instrument, &self.answers);
        if let Some(doubtful) = &self.doubtful {
            hits.extend(rules::evaluate(self.instrument, doubtful));
        }
        hits
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

    /// Forgets the line before and reads this one, the input's line of this number.
    pub(super) fn read(&mut self, line: &[u8], number: u64) {
        self.forget();
        // Spreadsheets put a byte order mark in front of the first line.
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        if line.trim_ascii().is_empty() {
            return self.refuse("the line is empty".to_owned());
        }
        let text = String::from_utf8_lossy(line);
        if let Err(error) = self.read_text(&text) {
            self.distrust(said(&error, number));
        }
        if let Cow::Owned(_) = text {
            self.distrust("the line is not UTF-8".to_owned());
        }
    }

    fn read_text(&mut self, text: &str) -> serde_json::Result<()> {
        match self.read_json(text) {
            Err(error) if error.to_string().starts_with("number out of range") => {
                self.forget();
                self.read_json(&without_huge_numbers(text))
            }
            // Other programs write `NaN` for what is missing. That is no JSON, and what stands behind it must be seen all the same.
            Err(error) if text.contains("NaN") || text.contains("Infinity") => {
                self.forget();
                // That the line is refused stands already, with the first reason.
                let _ = self.read_json(&without_foreign_numbers(text));
                Err(error)
            }
            read => read,
        }
    }

    fn read_json(&mut self, text: &str) -> serde_json::Result<()> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let read = deserializer
            .deserialize_map(Line(self))
            .and_then(|()| deserializer.end());
        // A number that ends where the line was cut may have been another one.
        if let (Err(error), Some(last)) = (&read, self.last)
            && error.is_eof()
            && is_cut_in_a_number(text)
        {
            self.answers.clear(last);
        }
        read
    }

    /// The line as a whole is not to be scored, for this reason and no other.
    pub(super) fn distrust(&mut self, why: String) {
        self.trust = Trust::Refused;
        self.problems.clear();
        self.problems.push(why);
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
        self.doubtful = None;
        self.last = None;
        self.id = None;
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
            return self.put_again(position, given);
        }
        self.take(position, given);
    }

    fn take(&mut self, position: Position, given: Given) {
        match given {
            Given::Nothing => {}
            Given::Other(kind) => self.no_answer(position, kind),
            Given::Text(text) if text == DECLINED => self.answers.decline(position),
            Given::Text(text) => self.put_words(position, &text),
            Given::List(values) => self.put_several(position, &values),
            Given::Number(value) => self.put_number(position, value),
        }
    }

    /// Of two answers to one item neither counts, but one that a person must see is seen.
    fn put_again(&mut self, position: Position, given: Given) {
        let problems = self.problems.len();
        let before = self.answers.at(position);
        self.answers.clear(position);
        self.take(position, given);
        for answer in [before, self.answers.at(position)] {
            self.doubt(position, answer);
        }
        self.answers.clear(position);
        self.problems.truncate(problems);
        self.problem(position, "is there twice");
    }

    fn doubt(&mut self, position: Position, answer: Answer) {
        let known = self.doubtful.as_ref();
        let known = known.map_or(Answer::Blank, |doubtful| doubtful.at(position));
        if self.grade(position, answer) > self.grade(position, known) {
            let instrument = self.instrument;
            let doubtful = self
                .doubtful
                .get_or_insert_with(|| Answers::none(instrument));
            lay(instrument, doubtful, position, answer);
        }
    }

    /// How far up the answers of a risk rule this one is; 0 when none fires.
    fn grade(&self, position: Position, answer: Answer) -> u16 {
        let mut alone = Answers::none(self.instrument);
        lay(self.instrument, &mut alone, position, answer);
        let hits = rules::evaluate(self.instrument, &alone);
        hits.iter().map(|hit| hit.grade).max().unwrap_or(0)
    }

    fn put_number(&mut self, position: Position, value: i64) {
        match self.answered_by(position) {
            Some(AnsweredBy::Several) => return self.put_several(position, &[value]),
            Some(AnsweredBy::Words) => {
                return self.problem(position, "is a number; wanted is text");
            }
            _ => {}
        }
        let set = i16::try_from(value)
            .ok()
            .map(|value| self.answers.set(self.instrument, position, value));
        if !matches!(set, Some(Ok(()))) {
            self.problem(position, &format!("has no answer {value}"));
        }
    }

    fn put_several(&mut self, position: Position, values: &[i64]) {
        match self.answered_by(position) {
            Some(AnsweredBy::Several) => {}
            Some(AnsweredBy::Words) => {
                return self.problem(position, "is a list; wanted is text");
            }
            _ => return self.no_answer(position, "a list"),
        }
        let item = self.instrument.items.get(position);
        let small = |value: i64| {
            let value = i16::try_from(value).ok()?;
            item?.has_value(value).then_some(value)
        };
        let unknown = values.iter().find(|value| small(**value).is_none());
        if let Some(value) = unknown {
            return self.problem(position, &format!("has no answer {value}"));
        }
        let values: Vec<_> = values.iter().filter_map(|value| small(*value)).collect();
        if self
            .answers
            .set_several(self.instrument, position, &values)
            .is_err()
        {
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

/// Puts down an answer that was read before.
fn lay(instrument: &Instrument, answers: &mut Answers, position: Position, answer: Answer) {
    // It fitted the item before, so it does now.
    let _ = match answer {
        Answer::Value(value) => answers.set(instrument, position, value),
        Answer::Several(ticks) => {
            let values: Vec<_> = ticks.values().collect();
            answers.set_several(instrument, position, &values)
        }
        Answer::Blank | Answer::Declined | Answer::Words => Ok(()),
    };
}

/// The message of a line that could not be read.
fn said(error: &serde_json::Error, number: u64) -> String {
    let whole = error.to_string();
    // The reader sees one line at a time, so that its own number is always 1.
    let what = whole.split(" at line ").next().unwrap_or(&whole);
    match error.classify() {
        serde_json::error::Category::Data => {
            format!(
                "line {number}: {}",
                in_plain_words(what).replace("a table", "an object")
            )
        }
        _ => format!(
            "line {number}: the line is not JSON: {what}, at column {}",
            error.column()
        ),
    }
}

/// Whether the text ends in the middle of a number after a colon, or just behind one.
fn is_cut_in_a_number(text: &str) -> bool {
    let in_a_number = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
    let before = text.trim_end_matches(in_a_number);
    before.len() < text.len() && before.trim_end().ends_with(':')
}

/// The same text with a number that can be held in place of every one that cannot; neither is anybody's answer.
fn without_huge_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => end_of_string(rest),
            '-' | '0'..='9' => {
                let ends =
                    |c: char| !(c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E'));
                rest.find(ends).unwrap_or(rest.len())
            }
            other => other.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        let huge = first != '"' && token.parse::<f64>().is_ok_and(f64::is_infinite);
        out.push_str(if huge { "9e99" } else { token });
        rest = after;
    }
    out
}

/// The text with `null` where another program wrote that a number is none.
fn without_foreign_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let foreign = ["NaN", "-NaN", "Infinity", "-Infinity"];
        let found = foreign.iter().find(|word| rest.starts_with(**word));
        let length = match (found, first) {
            (Some(word), _) => word.len(),
            (None, '"') => end_of_string(rest),
            (None, other) => other.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        out.push_str(if found.is_some() { "null" } else { token });
        rest = after;
    }
    out
}

/// How long the string is that begins here, with its quotation marks.
fn end_of_string(text: &str) -> usize {
    let mut escaped = true;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A key to be shown in a message: whole, unless somebody put a page into it.
fn shortened(key: &str) -> String {
    key.chars().take(40).collect()
}

/// The whole line: an object with `answers`, perhaps `id`, `sex` and `age`. Other keys are the sender's own and are passed over.
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
            if key == "id" {
                self.0.id = OwnId::from_json(map.next_value()?);
            } else if let Some(about) = about {
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
            self.0.last = None;
            let given = map.next_value::<Given>()?;
            self.0.last = position;
            if let Some(position) = position {
                self.0.put(position, given);
            }
        }
        self.0.last = None;
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
