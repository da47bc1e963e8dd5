//! What stands behind a patient's link, and the words around it.

use super::view::{Frame, Line, Reading};
use crate::app::Failure;
use crate::app::link::Token;
use crate::app::take_answers::{self, Refusal};
use crate::domain::care::AdministrationState;
use crate::domain::schedule::local_time;
use crate::domain::submission::Part;
use crate::store::administration::Door;
use crate::store::{administration, response};
use crate::web::{Site, assets};
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
        .read(move |tx| {
            let door =
                administration::door(tx, &hash)?.ok_or(Failure::Refused(Refusal::Unknown))?;
            // Before the first save there is nothing to look for: the save itself marks the occasion as opened.
            let begun = ![
                AdministrationState::Planned.word(),
                AdministrationState::Sent.word(),
            ]
            .contains(&door.slip.administration.state.as_str());
            let stored = if begun {
                response::of_administration(
                    tx,
                    door.slip.administration.org_id,
                    door.slip.administration.id,
                )?
            } else {
                vec![]
            };
            let parts = take_answers::parts(library, &door.slip, &stored)?;
            Ok(Opened { door, parts })
        })
        .await
}

/// Head and foot of a page behind a door.
pub fn frame(door: &Door) -> Frame<'_> {
    Frame {
        clinic: &door.clinic,
        ..frame_without_door(door.crisis_line.as_deref())
    }
}

/// Head and foot of a page that knows no door; `crisis_line` as it is stored.
pub fn frame_without_door(crisis_line: Option<&str>) -> Frame<'_> {
    Frame {
        lang: "en",
        language: "English",
        css: assets::address("survey.css"),
        clinic: "",
        site_line: crisis_line.map(read_line),
    }
}

/// A stored line: `Harbor crisis line|(555) 010-0199|+15550100199`.
fn read_line(stored: &str) -> Line<'_> {
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
pub fn reading(door: &Door) -> Reading<'_> {
    Reading {
        who: &door.clinician,
        when: &door.reading_promise,
    }
}

/// The day, as the patient's calendar has it.
pub fn local_day_words(door: &Door, at: NaiveDateTime) -> String {
    local(door, at).format("%A %-d %B").to_string()
}

/// The moment, by the patient's clock.
pub fn local_moment_words(door: &Door, at: NaiveDateTime) -> String {
    local(door, at).format("%A %-d %B at %-I:%M %P").to_string()
}

fn local(door: &Door, at: NaiveDateTime) -> NaiveDateTime {
    local_time(door.time_zone.parse().unwrap_or(chrono_tz::UTC), at)
}
