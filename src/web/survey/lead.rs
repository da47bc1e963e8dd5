//! What stands behind a patient's link, and the words around it.

use super::view::{Reading, Wording};
use crate::app::Failure;
use crate::app::check_link::{Holder, let_in};
use crate::app::correct;
use crate::app::link::Token;
use crate::app::take_answers::{self, Refusal};
use crate::domain::instrument::{Instrument, Respondent, Texts};
use crate::domain::language::Language;
use crate::domain::schedule::cover::{InPlace, Reads};
use crate::domain::schedule::local_time;
use crate::domain::submission::Part;
use crate::patient_words::{Words, reading, words as words_of};
use crate::store::Fault;
use crate::store::door::{self, Door};
use crate::web::site::Site;
use chrono::NaiveDateTime;
use chrono_tz::Tz;
use std::borrow::Cow;

/// A link that opened: its door and the answers so far.
pub struct Opened {
    /// What the link opens.
    pub door: Door,
    /// The battery with the answers so far.
    pub parts: Vec<Part<'static>>,
}

/// Loads what a link opens, whatever its state.
pub async fn load(site: &Site, token: &Token, holder: Holder) -> Result<Opened, Failure<Refusal>> {
    let (hash, library, now) = (token.hash(), site.app.library, site.app.clock.now());
    site.app
        .store
        .read_brief(move |tx| {
            let door = door::door(tx, &hash, now)?.ok_or(Failure::Refused(Refusal::Unknown))?;
            let_in(tx, &hash, &door.slip, &holder)?;
            let stored = take_answers::answers_so_far(tx, &door.slip)?;
            let parts = take_answers::parts(library, &door.slip, &stored)?;
            Ok(Opened { door, parts })
        })
        .await
}

/// The door alone, for the words around a calm page; `None` when there is none or the database does not answer.
pub async fn door(site: &Site, token: &Token) -> Option<Door> {
    let (hash, now) = (token.hash(), site.app.clock.now());
    let found = site.app.store.read(move |tx| door::door(tx, &hash, now));
    found.await.unwrap_or_else(|fault: Fault| {
        tracing::warn!(%fault, "a calm page does without its door");
        None
    })
}

/// Whether a link takes a note now.
pub fn takes_note(door: &Door) -> bool {
    correct::open_until(&door.slip, door.seen_at).is_ok()
}

/// Who reads the answers and when, as it is true at this moment: whoever stands in for a clinician who is away, and that nobody reads while nobody does.
pub fn reading<'a>(door: &'a Door, words: &'static Words) -> Reading<'a> {
    let zone = zone(door);
    let (when, wording) = promise(door, words);
    Reading {
        who: match door.cover.in_place_of(door.slip.clinician_id, door.seen_at) {
            InPlace::Themselves => &door.clinician,
            InPlace::Named(name) => name,
            InPlace::Somebody => words.reading.clinic,
        },
        when,
        wording,
        not_now: match door.cover.reads(door.seen_at) {
            Reads::Now => String::new(),
            Reads::Later(at) => {
                (words.reading.nobody_before)(&(words.moment)(local_time(zone, at)))
            }
            Reads::Nobody => words.reading.nobody_now.to_owned(),
        },
    }
}

/// The site's promise as this page can say it. Until a site writes its own, which is in English, it is made from its reading hours, in every language.
fn promise<'a>(door: &'a Door, words: &'static Words) -> (Cow<'a, str>, Wording) {
    if door.reading_promise != words_of(Language::English).reading.first_promise {
        let wording = wording_in(words.language, Language::English);
        return (Cow::Borrowed(&door.reading_promise), wording);
    }
    let week = reading::week(&door.cover, zone(door), door.seen_at, words);
    let said = week.map_or(Cow::Borrowed(words.reading.first_promise), Cow::Owned);
    (said, Wording::OfThePage)
}

fn zone(door: &Door) -> Tz {
    door.time_zone.parse().unwrap_or(chrono_tz::UTC)
}

/// The words of a questionnaire on a page in this language, and whether they are in it.
pub fn texts(instrument: &Instrument, page: Language) -> (&Texts, Wording) {
    match instrument.texts(page.word()) {
        Some(texts) => (texts, Wording::OfThePage),
        None => (
            instrument.texts_or_english(page.word()),
            wording_in(page, Language::English),
        ),
    }
}

/// Who is to answer a questionnaire, where that is not the patient; else empty.
pub fn for_whom(instrument: &Instrument, words: &'static Words) -> &'static str {
    match instrument.respondent {
        Respondent::Parent => words.page.for_parent,
        Respondent::Patient | Respondent::Clinician => "",
    }
}

/// That an answer has opened the questions that are asked now; empty when none has.
pub fn more(parts: &[Part<'_>], words: &'static Words) -> &'static str {
    let is_shorter = |part: &Part<'_>| {
        (0..part.instrument.items.len()).any(|position| part.is_carried(position))
    };
    match parts.iter().any(Part::is_handed_in) {
        true if parts.iter().any(is_shorter) => words.page.more_carried,
        true => words.page.more,
        false => "",
    }
}

fn wording_in(page: Language, words: Language) -> Wording {
    if page == words {
        Wording::OfThePage
    } else {
        Wording::EnglishOnly
    }
}

/// An instant by the patient's own clock.
pub fn local(door: &Door, at: NaiveDateTime) -> NaiveDateTime {
    local_time(zone(door), at)
}
