//! The site's reading hours as a clock for deadlines: whether somebody reads now, and when a working day ends. Who that is stands in `cover`.

use super::policy::ReadingHours;
use super::{local_day, local_moment, local_time};
use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use chrono_tz::Tz;

/// Working days are looked for so far ahead; a longer closure counts in plain days.
const DAYS_AHEAD: i64 = 60;

/// When the site's people read, on the site's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Office {
    /// The hours.
    pub hours: ReadingHours,
    /// The clock on which they are meant.
    pub zone: Tz,
}

impl Office {
    /// Whether somebody is expected to read at this instant; at any time where somebody is on call.
    pub fn is_open(&self, now: NaiveDateTime) -> bool {
        let today = local_day(self.zone, now);
        let reading = |day| {
            self.span(day)
                .is_some_and(|(from, until)| from <= now && now < until)
        };
        // Hours that end after midnight began the day before.
        self.hours.on_call || reading(today) || reading(today - TimeDelta::days(1))
    }

    /// The end of the calendar day, on the site's clock.
    pub fn end_of_day(&self, now: NaiveDateTime) -> NaiveDateTime {
        let tomorrow = local_time(self.zone, now).date() + TimeDelta::days(1);
        local_moment(self.zone, tomorrow, NaiveTime::MIN)
    }

    /// The end of the n-th working day after today.
    pub fn end_of_working_day(&self, now: NaiveDateTime, n: u32) -> NaiveDateTime {
        let today = local_day(self.zone, now);
        let mut ends = (1..=DAYS_AHEAD)
            .filter_map(|days| self.span(today + TimeDelta::days(days)))
            .map(|(_, until)| until);
        let nth = usize::try_from(n.max(1)).unwrap_or(usize::MAX) - 1;
        ends.nth(nth)
            .unwrap_or_else(|| now + TimeDelta::days(i64::from(n.max(1))))
    }

    /// From and until of the hours that begin on this day, UTC.
    fn span(&self, day: NaiveDate) -> Option<(NaiveDateTime, NaiveDateTime)> {
        let (from, until) = self.hours.on(day.weekday())?;
        if self.hours.closed_on.contains(&day) {
            return None;
        }
        let last_day = if until <= from {
            day + TimeDelta::days(1)
        } else {
            day
        };
        Some((
            local_moment(self.zone, day, from),
            local_moment(self.zone, last_day, until),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
    }

    #[test]
    fn holidays_and_weekends_are_no_working_days() {
        let office = Office {
            hours: ReadingHours {
                closed_on: vec!["2026-03-09".parse().unwrap()],
                ..ReadingHours::default()
            },
            zone: chrono_tz::UTC,
        };
        let friday = at("2026-03-06 12:00");
        assert!(office.is_open(friday) && !office.is_open(at("2026-03-09 12:00")));
        assert_eq!(office.end_of_working_day(friday, 1), at("2026-03-10 17:00"));
        assert_eq!(office.end_of_working_day(friday, 2), at("2026-03-11 17:00"));
        assert_eq!(office.end_of_day(friday), at("2026-03-07 00:00"));
    }

    #[test]
    fn where_nobody_ever_reads_days_are_counted() {
        let office = Office {
            hours: ReadingHours {
                week: [None; 7],
                ..ReadingHours::default()
            },
            zone: chrono_tz::UTC,
        };
        let now = at("2026-03-06 12:00");
        assert_eq!(office.end_of_working_day(now, 2), at("2026-03-08 12:00"));
    }
}
