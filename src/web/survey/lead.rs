//! What stands behind a patient's link, and the words around it.

use super::view::{Line, Reading, Wording};
use crate::app::Failure;
use crate::app::link::Token;
use crate::app::take_answers::{self, Refusal};
use crate::domain::instrument::{Instrument, Respondent, Texts};
use crate::domain::language::Language;
use crate::domain::schedule::local_time;
use crate::domain::submission::Part;
use crate::patient_words::{Words, words as words_of};
use crate::store::administration::Door;
use crate::store::{Fault, administration};
use crate::web::Site;
use chrono::NaiveDateTime;

/// A link that opened: its door and the answers so far.
pub struct Opened {
    /// What the link opens.
    pub door: Door,
    /// The battery with the answers so far.
    pub parts: Vec<Part<'static>>,
}

/// Loads what a link opens, whatever its state.
pub async fn load(site: &Site, token: &Token) -> Result<Opened, Failure<Refusal>> {
    let (hash, library) = (token.hash(), site.app.library);
    site.app
        .store
        .read_brief(move |tx| {
            let door =
                administration::door(tx, &hash)?.ok_or(Failure::Refused(Refusal::Unknown))?;
            let stored = take_answers::answers_so_far(tx, &door.slip)?;
            let parts = take_answers::parts(library, &door.slip, &stored)?;
            Ok(Opened { door, parts })
        })
        .await
}

/// The door alone, for the words around a calm page; `None` when there is none or the database does not answer.
pub async fn door(site: &Site, token: &Token) -> Option<Door> {
    let hash = token.hash();
    let found = site
        .app
        .store
        .read(move |tx| administration::door(tx, &hash));
    found.await.unwrap_or_else(|fault: Fault| {
        tracing::warn!(%fault, "a calm page does without its door");
        None
    })
}

/// A stored line: `Harbor crisis line|(555) 010-0199|+15550100199`.
pub fn read_line(stored: &str) -> Line<'_> {
    let mut parts = stored.split('|');
    let (label, shown) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    Line {
        label,
        shown,
        dial: parts.next().unwrap_or_default(),
    }
}

/// Who reads the answers and when.
pub fn reading<'a>(door: &'a Door, words: &'static Words) -> Reading<'a> {
    let (when, wording) = promise(&door.reading_promise, words);
    Reading {
        who: &door.clinician,
        when,
        wording,
    }
}

/// The site's promise as this page can say it. Until a site writes its own, it is ours, in every language; its own is in English.
fn promise<'a>(stored: &'a str, words: &'static Words) -> (&'a str, Wording) {
    if stored == words_of(Language::English).reading.first_promise {
        (words.reading.first_promise, Wording::OfThePage)
    } else {
        (stored, wording_in(words.language, Language::English))
    }
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
    local_time(door.time_zone.parse().unwrap_or(chrono_tz::UTC), at)
}
