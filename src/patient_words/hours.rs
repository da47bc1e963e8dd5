//! A week of reading hours as people say it, in each language.

use crate::domain::schedule::policy::ReadingHours;
use chrono::{NaiveTime, Timelike};

const ENGLISH: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
const SPANISH: [&str; 7] = [
    "lunes",
    "martes",
    "miércoles",
    "jueves",
    "viernes",
    "sábado",
    "domingo",
];

/// Days that follow each other: the first and the last.
type Run = (usize, usize);
type Hours = (NaiveTime, NaiveTime);

/// `Monday to Friday, 9 am to 5 pm`
pub(super) fn english(hours: &ReadingHours) -> String {
    said(hours, "every day", "and", english_run, |span| match span {
        (from, until) if from == until => "at any hour".to_owned(),
        (from, until) => format!("{} to {}", english_time(from), english_time(until)),
    })
}

/// `de lunes a viernes, de las 9 de la mañana a las 5 de la tarde`
pub(super) fn spanish(hours: &ReadingHours) -> String {
    said(
        hours,
        "todos los días",
        "y",
        spanish_run,
        |span| match span {
            (from, until) if from == until => "a cualquier hora".to_owned(),
            (from, until) => format!("de {} a {}", spanish_time(from), spanish_time(until)),
        },
    )
}

fn said(
    hours: &ReadingHours,
    daily: &str,
    and: &str,
    run: fn(Run) -> String,
    span: fn(Hours) -> String,
) -> String {
    let parts: Vec<String> = by_hours(hours)
        .into_iter()
        .map(|(hours, runs)| {
            let days = match runs.as_slice() {
                [(0, 6)] => daily.to_owned(),
                // Two days in a row are not "to" each other.
                runs => listed(runs.iter().flat_map(|days| apart(*days)).map(run), and),
            };
            format!("{days}, {}", span(hours))
        })
        .collect();
    parts.join("; ")
}

/// Every span of hours with its days, in the order of the week.
fn by_hours(hours: &ReadingHours) -> Vec<(Hours, Vec<Run>)> {
    let mut found: Vec<(Hours, Vec<Run>)> = vec![];
    for (day, span) in hours.week.iter().enumerate() {
        let Some(span) = span else { continue };
        match found.iter_mut().find(|(known, _)| known == span) {
            None => found.push((*span, vec![(day, day)])),
            Some((_, runs)) => match runs.last_mut() {
                Some(last) if last.1 + 1 == day => last.1 = day,
                _ => runs.push((day, day)),
            },
        }
    }
    found
}

fn apart((first, last): Run) -> Vec<Run> {
    if last == first + 1 {
        vec![(first, first), (last, last)]
    } else {
        vec![(first, last)]
    }
}

fn listed(names: impl Iterator<Item = String>, and: &str) -> String {
    let names: Vec<String> = names.collect();
    match names.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} {and} {last}", before.join(", ")),
        _ => names.concat(),
    }
}

fn english_run((first, last): Run) -> String {
    if first == last {
        ENGLISH[first].to_owned()
    } else {
        format!("{} to {}", ENGLISH[first], ENGLISH[last])
    }
}

fn spanish_run((first, last): Run) -> String {
    if first == last {
        let plural = if first >= 5 { "s" } else { "" };
        format!("los {}{plural}", SPANISH[first])
    } else {
        format!("de {} a {}", SPANISH[first], SPANISH[last])
    }
}

/// `9 am`, `9:30 am`
fn english_time(at: NaiveTime) -> String {
    let (afternoon, hour) = at.hour12();
    let half = if afternoon { "pm" } else { "am" };
    format!("{hour}{} {half}", minutes(at))
}

/// `las 9 de la mañana`, without a full stop at its end
fn spanish_time(at: NaiveTime) -> String {
    let (_, hour) = at.hour12();
    let article = if hour == 1 { "la" } else { "las" };
    let part = match (at.hour(), at.minute()) {
        (0, _) | (19.., _) => "de la noche",
        (12, 0) => "del mediodía",
        (1..12, _) => "de la mañana",
        _ => "de la tarde",
    };
    format!("{article} {hour}{} {part}", minutes(at))
}

fn minutes(at: NaiveTime) -> String {
    match at.minute() {
        0 => String::new(),
        minute => format!(":{minute:02}"),
    }
}
