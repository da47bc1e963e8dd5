//! Words that several staff pages share: dates, ages, roles, languages, changes.

use crate::domain::access::Role;
use crate::domain::care::{Ending, read_battery};
use crate::domain::instrument::Library;
use crate::domain::language::Language;
use chrono::{NaiveDate, NaiveDateTime};

/// A role in words.
pub fn role(role: Role) -> &'static str {
    match role {
        Role::Therapist => "Therapist",
        Role::Supervisor => "Supervisor",
        Role::Quality => "Quality team",
        Role::Administrator => "Administrator",
    }
}

/// How an episode ended, inside a sentence.
pub fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Planned => "as planned",
        Ending::Unplanned => "patient stopped coming",
        Ending::Transferred => "care goes on elsewhere",
        Ending::Died => "patient died",
    }
}

/// A language in words; a tag that is none of ours as it is.
pub fn language(tag: &str) -> &str {
    Language::of_tag(tag).map_or(tag, |known| known.name())
}

/// A day with its distance: `Tue 3 Mar, 8 days ago`. The year is named when it is not this one.
pub fn day_ago(day: NaiveDate, today: NaiveDate) -> String {
    let format = if day.format("%Y").to_string() == today.format("%Y").to_string() {
        "%a %-d %b"
    } else {
        "%a %-d %b %Y"
    };
    let ago = match (today - day).num_days() {
        0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        -1 => "tomorrow".to_owned(),
        days if days < 0 => format!("in {} days", -days),
        days => format!("{days} days ago"),
    };
    format!("{}, {ago}", day.format(format))
}

/// How long something has waited: `12 min`, `3 h`, `2 days`.
pub fn age(since: NaiveDateTime, now: NaiveDateTime) -> String {
    let waited = now - since;
    match (waited.num_minutes(), waited.num_hours()) {
        (minutes, _) if minutes < 60 => format!("{} min", minutes.max(0)),
        (_, hours) if hours < 48 => format!("{hours} h"),
        _ => format!("{} days", waited.num_days()),
    }
}

/// A score without needless decimals: `14`, `12.5`.
pub fn points(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    if rounded.fract() == 0.0 {
        format!("{:.0}", rounded + 0.0)
    } else {
        format!("{rounded:.1}")
    }
}

/// A battery in the names clinicians use.
pub fn short_names(library: &'static Library, battery: &str) -> String {
    let names: Vec<_> = read_battery(battery)
        .iter()
        .map(|part| {
            let known = library.version(&part.instrument, &part.version);
            known.map_or_else(
                || part.instrument.clone(),
                |known| known.texts_or_english("en").short_name.clone(),
            )
        })
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_said_with_their_distance() {
        let today = NaiveDate::from_ymd_opt(2026, 3, 11).unwrap();
        assert_eq!(
            day_ago(NaiveDate::from_ymd_opt(2026, 3, 3).unwrap(), today),
            "Tue 3 Mar, 8 days ago"
        );
        assert_eq!(
            day_ago(NaiveDate::from_ymd_opt(2025, 12, 31).unwrap(), today),
            "Wed 31 Dec 2025, 70 days ago"
        );
        assert_eq!(
            day_ago(NaiveDate::from_ymd_opt(2026, 3, 12).unwrap(), today),
            "Thu 12 Mar, tomorrow"
        );
    }

    #[test]
    fn whole_scores_have_no_decimals() {
        assert_eq!(
            (points(14.0), points(12.54), points(-0.0)),
            ("14".into(), "12.5".into(), "-0".replace('-', ""))
        );
    }
}
