//! How a flag is said, wherever it is: what was answered, which rule read it, what is due, how long it waits. What its line and its page are made of stands beside this file.

use super::words;
use crate::domain::instrument::{ENGLISH, Instrument, Library, RiskRule, Texts};
use crate::domain::risk::closing::{Choice, Contact, Level, Topic};
use crate::domain::risk::signal::WrittenIn;
use crate::domain::risk::{FlagState, PHRASE_RULE, Standing, Tier};
use crate::domain::schedule::{local_day, local_time};
use crate::store::flag::FlagRow;
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use chrono_tz::Tz;

/// When and where words are said: the site's zone and the moment.
#[derive(Clone, Copy)]
pub struct Here<'a> {
    /// All instruments.
    pub library: &'a Library,
    /// The site's zone.
    pub zone: Tz,
    /// Now, UTC.
    pub now: NaiveDateTime,
}

/// A flag's instrument and words, as far as the library still knows them.
pub(super) struct Known<'a> {
    instrument: Option<&'a Instrument>,
    texts: Option<&'a Texts>,
}

impl<'a> Known<'a> {
    pub(super) fn of(flag: &FlagRow, library: &'a Library) -> Known<'a> {
        let instrument = library.version(&flag.instrument, &flag.version);
        Known {
            instrument,
            texts: instrument.map(|known| known.texts_or_english(ENGLISH)),
        }
    }

    pub(super) fn name(&self, flag: &FlagRow) -> String {
        self.texts
            .map_or_else(|| flag.instrument.clone(), |texts| texts.short_name.clone())
    }

    pub(super) fn question(&self, flag: &FlagRow) -> Option<(String, String)> {
        let item = self
            .texts?
            .items
            .get(self.instrument?.position(&flag.item)?)?;
        Some((item.stem.clone().unwrap_or_default(), item.text.clone()))
    }

    /// The rule and what it says.
    pub(super) fn rule(&self, flag: &FlagRow) -> Option<(&'a RiskRule, String)> {
        let (position, rule) = self
            .instrument?
            .risk_rules
            .iter()
            .enumerate()
            .find(|(_, rule)| rule.id == flag.rule)?;
        Some((rule, self.texts?.risk_rules.get(position)?.clone()))
    }
}

pub(super) fn state_of(flag: &FlagRow) -> Option<FlagState> {
    flag.state.parse().ok()
}

/// A tier that cannot be read counts as the more urgent one.
pub(super) fn is_crisis(flag: &FlagRow) -> bool {
    flag.tier.parse() != Ok(Tier::Review)
}

/// What was found in the patient's own words: shown as a quotation, for a sentence is no answer with a value.
pub(super) fn is_phrase(flag: &FlagRow) -> bool {
    flag.rule == PHRASE_RULE
}

/// Where the words were written.
pub(super) fn place_of_words(flag: &FlagRow, library: &Library) -> String {
    match flag.instrument.parse() {
        Ok(WrittenIn::Text) => "in a text message".to_owned(),
        Ok(WrittenIn::Note) => "in a note to answers that were sent".to_owned(),
        Ok(WrittenIn::Form) | Err(_) => format!(
            "in {}, item {}",
            Known::of(flag, library).name(flag),
            flag.item
        ),
    }
}

/// The page's heading.
pub(super) fn heading(flag: &FlagRow, patient: &str, library: &Library) -> String {
    if is_phrase(flag) {
        let place = place_of_words(flag, library);
        return format!("{patient} wrote {place}: “{}”", flag.answer_words);
    }
    format!(
        "{patient} answered {}, “{}”, to item {}",
        flag.answer, flag.answer_words, flag.item
    )
}

pub(super) fn said(flag: &FlagRow, library: &Library) -> String {
    if is_phrase(flag) {
        let place = place_of_words(flag, library);
        return format!("wrote {place}: “{}”", flag.answer_words);
    }
    format!(
        "{}, “{}”, to {} item {}",
        flag.answer,
        flag.answer_words,
        Known::of(flag, library).name(flag),
        flag.item
    )
}

/// A name, and why its owner cannot act.
pub(super) fn who(name: &str, standing: Standing) -> String {
    match standing {
        Standing::Eligible => name.to_owned(),
        Standing::Absent { .. } => format!("{name} (away today)"),
        Standing::Ineligible => format!("{name} (cannot act: no working account with a licence)"),
    }
}

/// How long something waits, in hours as soon as it is one: `12 min`, `3 h`, `50 h`.
pub(super) fn hours(since: NaiveDateTime, now: NaiveDateTime) -> String {
    let waited = now - since;
    match waited.num_hours() {
        0 | ..0 => format!("{} min", waited.num_minutes().max(0)),
        hours => format!("{hours} h"),
    }
}

pub(super) fn state_words(state: Option<FlagState>) -> &'static str {
    match state {
        Some(FlagState::Open) => "nobody has it yet",
        Some(FlagState::Acknowledged) => "taken on, not closed",
        Some(FlagState::Closed) => "closed",
        None => "unknown",
    }
}

/// What is due next and by when: `acknowledge by 14:20, in 6 min`, `close by midnight, in 3 h`.
pub(super) fn due_words(flag: &FlagRow, state: Option<FlagState>, here: Here<'_>) -> String {
    let Some(due) = flag.due_at else {
        return String::new();
    };
    let act = if state == Some(FlagState::Open) {
        "acknowledge"
    } else {
        "close"
    };
    if due <= here.now {
        let since = words::age(due, here.now);
        format!("{act}: overdue since {}, {since}", clock(due, here))
    } else {
        let left = words::age(here.now, due);
        format!("{act} by {}, in {left}", clock(due, here))
    }
}

/// An instant as short as it may be: the time of day today, `midnight` at the end of today, else with its day.
pub(super) fn clock(at: NaiveDateTime, here: Here<'_>) -> String {
    let (local, today) = (local_time(here.zone, at), local_day(here.zone, here.now));
    if local.time() == NaiveTime::MIN && local.date() == today + TimeDelta::days(1) {
        "midnight".to_owned()
    } else if local.date() == today {
        local.format("%H:%M").to_string()
    } else {
        moment(at, here)
    }
}

/// An instant on the site's clock: `Tue 3 Mar, 14:05`.
pub fn moment(at: NaiveDateTime, here: Here<'_>) -> String {
    let (at, today) = (local_time(here.zone, at), local_day(here.zone, here.now));
    let same_year = at.format("%Y").to_string() == today.format("%Y").to_string();
    at.format(if same_year {
        "%a %-d %b, %H:%M"
    } else {
        "%a %-d %b %Y, %H:%M"
    })
    .to_string()
}

/// A day with its distance from today.
pub fn day(day: NaiveDate, here: Here<'_>) -> String {
    words::day_ago(day, local_day(here.zone, here.now))
}

/// A topic in words.
pub fn topic_words(topic: Topic) -> &'static str {
    match topic {
        Topic::Ideation => "Thoughts of death or suicide",
        Topic::Plan => "A plan",
        Topic::Intent => "Intent to act",
        Topic::Behaviour => "What was done or begun",
        Topic::Means => "Access to means",
        Topic::RiskFactors => "Risk factors",
        Topic::ProtectiveFactors => "Protective factors",
    }
}

/// A level in words.
pub fn level_words(level: Level) -> &'static str {
    match level {
        Level::NoneFound => "None found",
        Level::Low => "Low",
        Level::Moderate => "Moderate",
        Level::High => "High",
        Level::NotSettled => "Not settled",
    }
}

/// A way of contact in words.
pub fn contact_words(contact: Contact) -> &'static str {
    match contact {
        Contact::InPerson => "In person",
        Contact::ByPhone => "By phone",
        Contact::ByVideo => "By video",
        Contact::ThroughSomebody => "Through somebody, with consent",
        Contact::NotReached => "Tried, not reached",
        Contact::NotAttempted => "Not tried",
    }
}

/// A choice in words.
pub fn choice_words(choice: Choice) -> &'static str {
    match choice {
        Choice::ChangedPlan => "Changed the plan",
        Choice::Watch => "Watch",
        Choice::TalkedAboutIt => "Talked about it",
        Choice::NotRelevant => "Not relevant, because …",
    }
}

/// A stored word in words; one that is none of ours as it is.
pub(super) fn said_by<W: std::str::FromStr>(word: &str, words: fn(W) -> &'static str) -> &str {
    word.parse().map_or(word, words)
}
