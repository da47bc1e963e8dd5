//! Measurement plans: which instruments a patient gets, how often, and when the next occasion is due — in the patient's own
//! local time. Finding what is due in the database is the store's work, sending is `jobs`'.

pub mod hours;
pub mod policy;
pub mod step;

use super::words::words;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;

/// How often a plan asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cadence {
    /// Before each session, this many hours ahead (1–168).
    BeforeSession { hours: u32 },
    /// Every so many weeks from the anchor day (1–52), at [`SEND_HOUR`] local time.
    EveryWeeks { weeks: u32 },
}

words! {
    /// What a plan is to the others of its episode.
    PlanRole {
        /// What everybody is asked; never dropped for anything else.
        Core = "core",
        /// Asked beside the core while the burden allows.
        Supplement = "supplement",
    }
}

words! {
    /// What became of a planned occasion.
    OccasionOutcome {
        /// A form was made for it.
        Asked = "asked",
        /// The burden was too large; says so.
        Dropped = "dropped",
        /// It was not kept for another reason: paused, nothing running for too long, no permission. Says which.
        Skipped = "skipped",
    }
}

/// The local hour at which recurring invitations fall due.
pub const SEND_HOUR: u32 = 9;
/// Days after which an unanswered occasion is over.
pub const WINDOW_DAYS: i64 = 7;
/// A recurring occasion whose time passed by more than this while nothing ran is skipped, not sent late.
pub const STALE_AFTER: TimeDelta = TimeDelta::days(2);

/// Why a cadence could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadCadence(pub String);

impl std::fmt::Display for BadCadence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:?} is not a cadence; wanted before_session:HOURS (1 to 168) or every_weeks:N (1 to 52)",
            self.0
        )
    }
}

impl std::error::Error for BadCadence {}

impl std::str::FromStr for Cadence {
    type Err = BadCadence;
    fn from_str(text: &str) -> Result<Self, BadCadence> {
        let bad = || BadCadence(text.to_owned());
        let (kind, number) = text.split_once(':').ok_or_else(bad)?;
        let number: u32 = number.parse().map_err(|_| bad())?;
        match kind {
            "before_session" if (1..=168).contains(&number) => {
                Ok(Cadence::BeforeSession { hours: number })
            }
            "every_weeks" if (1..=52).contains(&number) => {
                Ok(Cadence::EveryWeeks { weeks: number })
            }
            _ => Err(bad()),
        }
    }
}

impl std::fmt::Display for Cadence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Cadence::BeforeSession { hours } => write!(f, "before_session:{hours}"),
            Cadence::EveryWeeks { weeks } => write!(f, "every_weeks:{weeks}"),
        }
    }
}

impl Cadence {
    /// The cadence in words for staff.
    pub fn in_words(self) -> String {
        match self {
            Cadence::BeforeSession { hours } => format!("{hours} hours before each session"),
            Cadence::EveryWeeks { weeks: 1 } => "every week".to_owned(),
            Cadence::EveryWeeks { weeks } => format!("every {weeks} weeks"),
        }
    }
}

/// An occasion that is due or will be: its name (the same occasion never comes twice) and its moments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occasion {
    /// Names the occasion within its episode.
    pub name: String,
    /// When the invitation should leave, UTC.
    pub due_at: NaiveDateTime,
    /// When the link stops taking answers, UTC.
    pub expires_at: NaiveDateTime,
}

/// A planned session, as far as planning cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedSession {
    /// The session's id as text, part of the occasion's name.
    pub id: String,
    /// When it starts, UTC.
    pub starts_at: NaiveDateTime,
}

/// The first occasion of the plan that is not over at `now`.
///
/// `sessions` are the planned ones, in any order; `asked_for` are the names of occasions that already exist for this episode.
/// Returns `None` when nothing lies ahead (no planned session).
pub fn next_occasion(
    cadence: Cadence,
    anchor: NaiveDate,
    zone: Tz,
    sessions: &[PlannedSession],
    asked_for: &dyn Fn(&str) -> bool,
    now: NaiveDateTime,
) -> Option<Occasion> {
    match cadence {
        Cadence::BeforeSession { hours } => next_before_session(hours, sessions, asked_for, now),
        Cadence::EveryWeeks { weeks } => next_in_weeks(weeks, anchor, zone, asked_for, now),
    }
}

fn next_before_session(
    hours: u32,
    sessions: &[PlannedSession],
    asked_for: &dyn Fn(&str) -> bool,
    now: NaiveDateTime,
) -> Option<Occasion> {
    sessions
        .iter()
        .filter(|session| session.starts_at > now)
        .map(|session| Occasion {
            name: format!("session {}", session.id),
            due_at: session.starts_at - TimeDelta::hours(i64::from(hours)),
            expires_at: session.starts_at + TimeDelta::hours(2),
        })
        .filter(|occasion| !asked_for(&occasion.name))
        .min_by_key(|occasion| occasion.due_at)
}

fn next_in_weeks(
    weeks: u32,
    anchor: NaiveDate,
    zone: Tz,
    asked_for: &dyn Fn(&str) -> bool,
    now: NaiveDateTime,
) -> Option<Occasion> {
    let step = i64::from(weeks) * 7;
    let earliest = (now - STALE_AFTER).date();
    let behind = (earliest - anchor).num_days().max(0);
    let mut day = anchor + TimeDelta::days(behind.div_euclid(step) * step);
    // At most: the step under way (stale), the one just asked for, and the one after.
    for _ in 0..4 {
        let due_at = local_instant(zone, day, SEND_HOUR);
        let name = format!("weeks {day}");
        if due_at + STALE_AFTER > now && !asked_for(&name) {
            return Some(Occasion {
                name,
                due_at,
                expires_at: due_at + TimeDelta::days(WINDOW_DAYS),
            });
        }
        day += TimeDelta::days(step);
    }
    None
}

/// The UTC instant of a local wall-clock hour. An hour that daylight saving skips becomes the first moment after the gap; one that
/// comes twice is its first occurrence.
pub fn local_instant(zone: Tz, day: NaiveDate, hour: u32) -> NaiveDateTime {
    let at = NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or(NaiveTime::MIN);
    local_moment(zone, day, at)
}

/// As [`local_instant`], for a wall-clock time.
pub fn local_moment(zone: Tz, day: NaiveDate, at: NaiveTime) -> NaiveDateTime {
    let wanted = day.and_time(at);
    // The longest gap there ever was is a day: Samoa had no 30 December 2011.
    (0..=25 * 60)
        .find_map(|minutes| {
            let tried = wanted + TimeDelta::minutes(minutes);
            zone.from_local_datetime(&tried).earliest()
        })
        .map_or(wanted, |instant| instant.naive_utc())
}

/// The local day of an instant.
pub fn local_day(zone: Tz, instant: NaiveDateTime) -> NaiveDate {
    DateTime::<chrono::Utc>::from_naive_utc_and_offset(instant, chrono::Utc)
        .with_timezone(&zone)
        .date_naive()
}

/// An instant in local words for staff and patients: the zone's own wall clock.
pub fn local_time(zone: Tz, instant: NaiveDateTime) -> NaiveDateTime {
    DateTime::<chrono::Utc>::from_naive_utc_and_offset(instant, chrono::Utc)
        .with_timezone(&zone)
        .naive_local()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }
    fn instant(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
    }
    fn never(_: &str) -> bool {
        false
    }

    #[test]
    fn nine_o_clock_stays_nine_o_clock_over_daylight_saving() {
        let zone = chrono_tz::America::Los_Angeles;
        assert_eq!(
            local_instant(zone, day("2026-03-07"), 9),
            instant("2026-03-07 17:00")
        );
        assert_eq!(
            local_instant(zone, day("2026-03-08"), 9),
            instant("2026-03-08 16:00")
        );
    }

    #[test]
    fn an_hour_that_does_not_exist_is_the_first_moment_after_the_gap() {
        let zone = chrono_tz::America::Los_Angeles;
        assert_eq!(
            local_instant(zone, day("2026-03-08"), 2),
            instant("2026-03-08 10:00")
        );
    }

    #[test]
    fn every_two_weeks_counts_from_the_anchor() {
        let zone = chrono_tz::UTC;
        let next = |now: &str| {
            next_occasion(
                Cadence::EveryWeeks { weeks: 2 },
                day("2026-01-05"),
                zone,
                &[],
                &never,
                instant(now),
            )
            .unwrap()
            .due_at
        };
        assert_eq!(next("2026-01-01 00:00"), instant("2026-01-05 09:00"));
        assert_eq!(next("2026-01-05 12:00"), instant("2026-01-05 09:00"));
        assert_eq!(next("2026-01-08 12:00"), instant("2026-01-19 09:00"));
    }

    #[test]
    fn an_occasion_is_never_named_twice() {
        let asked = |name: &str| name == "weeks 2026-01-05";
        let next = next_occasion(
            Cadence::EveryWeeks { weeks: 2 },
            day("2026-01-05"),
            chrono_tz::UTC,
            &[],
            &asked,
            instant("2026-01-05 12:00"),
        );
        assert_eq!(next.unwrap().name, "weeks 2026-01-19");
    }

    #[test]
    fn before_each_session_means_the_next_one_not_yet_asked_for() {
        let sessions =
            ["2026-01-10 15:00", "2026-01-03 15:00", "2026-01-17 15:00"].map(|t| PlannedSession {
                id: t.into(),
                starts_at: instant(t),
            });
        let asked = |name: &str| name == "session 2026-01-10 15:00";
        let next = next_occasion(
            Cadence::BeforeSession { hours: 48 },
            day("2026-01-01"),
            chrono_tz::UTC,
            &sessions,
            &asked,
            instant("2026-01-05 00:00"),
        );
        assert_eq!(next.unwrap().due_at, instant("2026-01-15 15:00"));
    }

    #[test]
    fn an_absurd_cadence_says_what_is_wanted() {
        for text in [
            "every_weeks:0",
            "every_weeks:53",
            "daily",
            "before_session:x",
        ] {
            let error = text.parse::<Cadence>().unwrap_err().to_string();
            assert!(error.contains("every_weeks:N (1 to 52)"), "{error}");
        }
        assert_eq!(
            "every_weeks:2".parse::<Cadence>().unwrap().to_string(),
            "every_weeks:2"
        );
    }
}
