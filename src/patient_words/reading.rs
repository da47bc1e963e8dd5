//! Sentences about when answers are read, made from the site's hours.

use super::Words;
use crate::domain::schedule::cover::Cover;
use crate::domain::schedule::local_time;
use chrono::NaiveDateTime;
use chrono_tz::Tz;

/// The site's reading hours as the end of a sentence, with the name of their clock where it is another than the patient's; `None` when there are none.
pub fn week(cover: &Cover, zone: Tz, now: NaiveDateTime, words: &Words) -> Option<String> {
    let week = (words.reading.week)(&cover.hours);
    if week.is_empty() {
        return None;
    }
    let same_clock = local_time(zone, now) == cover.local(now);
    Some(if same_clock {
        week
    } else {
        week + &(words.reading.clock_of)(&city(cover.zone))
    })
}

/// That nobody reads before this moment (UTC), and when answers are read: for a message that leaves outside the hours.
pub fn from(cover: &Cover, zone: Tz, at: NaiveDateTime, words: &Words) -> String {
    let before = (words.reading.nobody_before)(&(words.moment)(local_time(zone, at)));
    match week(cover, zone, at, words) {
        Some(week) => format!("{} {before}", (words.reading.read_in)(&week)),
        None => before,
    }
}

/// `America/New_York`: `New York`.
fn city(zone: Tz) -> String {
    let name = zone.name();
    name.rsplit('/').next().unwrap_or(name).replace('_', " ")
}
