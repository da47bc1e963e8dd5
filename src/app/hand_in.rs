//! What is known when answers are stored, and how stored rows are read: what storing them, raising flags and raising signals share. None of them happens here.

use crate::domain::care::Layout;
use crate::domain::ids::StaffId;
use crate::domain::instrument::ENGLISH;
use crate::domain::risk::Tier;
use crate::domain::submission::{Asks, Course, Extreme, Outcome};
use crate::store::door::Slip;
use crate::store::response::{EpisodeScaleRow, ResponseRow};
use chrono::NaiveDateTime;

/// How answers came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hand {
    /// How the questions were laid out.
    pub layout: Layout,
    /// Who of the staff put them down; `None` = whoever holds the link.
    pub entered_by: Option<StaffId>,
    /// When they were given, if not now, UTC: they stand at that place in the series.
    pub given_at: Option<NaiveDateTime>,
}

/// What is known when answers are stored.
#[derive(Debug, Clone, Copy)]
pub struct Ledger<'a> {
    /// The occasion.
    pub slip: &'a Slip,
    /// How the answers came.
    pub hand: Hand,
    /// The answers to it that were stored before.
    pub stored: &'a [ResponseRow],
    /// When all this happens, UTC.
    pub now: NaiveDateTime,
}

/// Whether the support page comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// Show it now.
    ShowNow,
    /// Nothing new.
    NotNow,
}

impl Support {
    /// Now, if either says so.
    pub(super) fn or(self, other: Support) -> Support {
        match self {
            Support::ShowNow => Support::ShowNow,
            Support::NotNow => other,
        }
    }

    /// What an outcome asks for, by the definition's own rules and by the answers alone: what the site sets decides who looks how soon and which flags there are,
    /// never whether help is offered.
    pub(super) fn after(outcome: &Outcome<'_>) -> Support {
        match outcome.news.iter().any(|hit| hit.tier() == Tier::Crisis) {
            true => Support::ShowNow,
            false => Support::NotNow,
        }
    }
}

/// The printed numbers of the items whose answers came with the form before, as they are stored.
pub(super) fn carried(outcome: &Outcome<'_>) -> Option<String> {
    let Asks::AllBut(carried) = &outcome.asks else {
        return None;
    };
    let items = carried
        .iter()
        .filter_map(|position| outcome.instrument.items.get(*position));
    let ids: Vec<&str> = items.map(|item| item.id.as_str()).collect();
    (!ids.is_empty()).then(|| ids.join(" "))
}

/// The language in which the newest answer was given: what the page spoke, where the questionnaire has it.
pub(super) fn wording(slip: &Slip, known: Option<&ResponseRow>, outcome: &Outcome<'_>) -> String {
    let language = &slip.administration.language;
    match known {
        Some(row) if row.answers == outcome.answers.to_json(outcome.instrument) => {
            row.language.clone()
        }
        _ if outcome.instrument.texts(language).is_some() => language.clone(),
        _ => ENGLISH.into(),
    }
}

/// The course a stored summary stands for.
pub fn course_of(row: &EpisodeScaleRow) -> Course {
    Course {
        n: u32::try_from(row.n).unwrap_or(0),
        first: Extreme {
            value: row.first_value,
            at: row.first_at,
        },
        last: Extreme {
            value: row.last_value,
            at: row.last_at,
        },
        best: Extreme {
            value: row.best_value,
            at: row.best_at,
        },
        recent: row
            .recent
            .split_whitespace()
            .filter_map(|value| value.parse().ok())
            .collect(),
    }
}
