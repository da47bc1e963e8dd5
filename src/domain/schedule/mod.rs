//! Measurement plans: which instruments a patient gets, how often, and when the next occasion is due — in the patient's own local time. How often is
//! `cadence`, on which dates `dates`, how much at a time `burden`, what is asked now and what comes `planning`; here are the words and the clock they
//! share. Finding what is due in the database is the store's work, sending is `jobs`'.

pub mod burden;
mod cadence;
pub mod cover;
mod dates;
pub mod hours;
pub mod office;
pub mod planning;
pub mod policy;
pub mod step;

pub use cadence::{BadCadence, Cadence};
pub use dates::{
    AFTER_SESSION, Calendar, Occasion, PlannedSession, is_after_the_end, is_follow_up,
    occasion_in_words, same_occasion, session_of,
};

use super::words::words;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;

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
    mod simulation;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }
    fn instant(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
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
}
