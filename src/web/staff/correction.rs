//! Notes that came to answers after they were sent, as `templates/staff/corrections.html` prints them: beside the answers, which they change in nothing.

use super::words::day_ago;
use crate::domain::schedule::{local_day, local_time};
use crate::store::correction::CorrectionRow;
use chrono::NaiveDateTime;
use chrono_tz::Tz;

/// One note.
pub struct CorrectionLine {
    /// When it came: `Tue 3 Mar, 2 days ago, at 10:14`.
    pub at: String,
    /// To which answers: `to PHQ-9 of Mon 2 Mar, 3 days ago`; empty where the page shows nothing else.
    pub about: String,
    /// What it says.
    pub words: String,
    /// Language tag of the page it was written on.
    pub language: String,
}

impl CorrectionLine {
    /// A note as it is read at `now` in this zone.
    pub fn of(row: &CorrectionRow, about: String, zone: Tz, now: NaiveDateTime) -> CorrectionLine {
        let at = local_time(zone, row.made_at);
        let day = day_ago(at.date(), local_day(zone, now));
        CorrectionLine {
            at: format!("{day}, at {}", at.format("%H:%M")),
            about,
            words: row.words.clone(),
            language: row.language.clone(),
        }
    }
}
