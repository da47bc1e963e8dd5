//! Cover: whether somebody reads answers at a moment, and if not, from when on. Who that is for one flag is `risk`'s business; what follows for a message
//! is `message::sending`'s.

use super::policy::ReadingHours;
use super::{local_day, local_moment, local_time};
use crate::domain::ids::StaffId;
use chrono::{Datelike, NaiveDate, NaiveDateTime, TimeDelta};
use chrono_tz::Tz;

/// How many days ahead the next reading hours are looked for. Longer closures mean: nobody.
const DAYS_AHEAD: i64 = 60;

/// Whether somebody reads answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// At this moment.
    Now,
    /// From this moment on, UTC.
    Later(NaiveDateTime),
    /// Not within the next two months, as far as is known.
    Nobody,
}

/// Days on which somebody is away, on the site's clock, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub until: NaiveDate,
    /// Who stands in, if somebody does.
    pub covered_by: Option<StaffId>,
}

impl Away {
    /// The one of these, oldest first, that holds on this day: of several the newest that says who stands in. Days that were written down again with somebody's name on them
    /// were written down for that.
    pub fn on(all: &[Away], day: NaiveDate) -> Option<&Away> {
        all.iter()
            .filter(|away| away.holds_on(day))
            .max_by_key(|away| away.covered_by.is_some())
    }

    /// Whether it holds on this day.
    pub fn holds_on(&self, day: NaiveDate) -> bool {
        (self.from..=self.until).contains(&day)
    }
}

/// Somebody licensed and active, who may read answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// Who.
    pub id: StaffId,
    /// Their name as patients read it.
    pub name: String,
    /// When they are away.
    pub away: Vec<Away>,
}

/// Everything known about who reads answers and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cover {
    /// The site's hours.
    pub hours: ReadingHours,
    /// The clock on which they are meant.
    pub zone: Tz,
    /// Everybody licensed and active.
    pub readers: Vec<Reader>,
}

impl Cover {
    /// Whether somebody reads at this instant, and if not, from when on.
    pub fn reads(&self, now: NaiveDateTime) -> Reads {
        let today = local_day(self.zone, now);
        if self.hours.on_call && self.somebody_is_here(today) {
            return Reads::Now;
        }
        // Hours that end after midnight began the day before.
        (-1..=DAYS_AHEAD)
            .filter_map(|days| self.opening(today + TimeDelta::days(days)))
            .find(|(_, until)| *until > now)
            .map_or(Reads::Nobody, |(from, _)| {
                if from <= now {
                    Reads::Now
                } else {
                    Reads::Later(from)
                }
            })
    }

    /// From and until of the hours that begin on this day, UTC.
    fn opening(&self, day: NaiveDate) -> Option<(NaiveDateTime, NaiveDateTime)> {
        let (from, until) = self.hours.on(day.weekday())?;
        if self.hours.closed_on.contains(&day) || !self.somebody_is_here(day) {
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

    fn somebody_is_here(&self, day: NaiveDate) -> bool {
        self.readers
            .iter()
            .any(|reader| !reader.away.iter().any(|away| away.holds_on(day)))
    }

    /// Who reads in the place of somebody who is away at this instant: the one who stands in if they are here, or nobody in particular.
    pub fn in_place_of(&self, who: StaffId, now: NaiveDateTime) -> InPlace<'_> {
        let today = local_day(self.zone, now);
        let away_today = |id: StaffId| {
            let person = self.readers.iter().find(|reader| reader.id == id)?;
            Away::on(&person.away, today)
        };
        let Some(away) = away_today(who) else {
            return InPlace::Themselves;
        };
        away.covered_by
            .filter(|id| away_today(*id).is_none())
            .and_then(|id| self.readers.iter().find(|reader| reader.id == id))
            .map_or(InPlace::Somebody, |reader| InPlace::Named(&reader.name))
    }

    /// The wall clock of the site at an instant.
    pub fn local(&self, at: NaiveDateTime) -> NaiveDateTime {
        local_time(self.zone, at)
    }
}

/// Who reads where a certain clinician is expected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InPlace<'a> {
    /// They do.
    Themselves,
    /// This person stands in.
    Named(&'a str),
    /// Somebody does; nobody was named.
    Somebody,
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn instant(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
    }
    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }
    fn id(n: u128) -> StaffId {
        StaffId::from_uuid(Uuid::from_u128(n))
    }
    fn reader(n: u128, away: &[(&str, &str, Option<u128>)]) -> Reader {
        Reader {
            id: id(n),
            name: format!("Person {n}"),
            away: away
                .iter()
                .map(|(from, until, by)| Away {
                    from: day(from),
                    until: day(until),
                    covered_by: by.map(id),
                })
                .collect(),
        }
    }
    fn chicago(readers: Vec<Reader>) -> Cover {
        Cover {
            hours: ReadingHours::default(),
            zone: chrono_tz::America::Chicago,
            readers,
        }
    }

    #[test]
    fn answers_are_read_in_the_hours_of_the_week_on_the_sites_clock() {
        let cover = chicago(vec![reader(1, &[])]);
        // Tuesday 3 March, 9:00 to 17:00 in Chicago is 15:00 to 23:00 UTC.
        assert_eq!(cover.reads(instant("2026-03-03 15:00")), Reads::Now);
        assert_eq!(cover.reads(instant("2026-03-03 22:59")), Reads::Now);
        let tomorrow = Reads::Later(instant("2026-03-04 15:00"));
        assert_eq!(cover.reads(instant("2026-03-03 23:00")), tomorrow);
        // Friday evening: Monday 9 March, when daylight saving has begun.
        let monday = Reads::Later(instant("2026-03-09 14:00"));
        assert_eq!(cover.reads(instant("2026-03-07 01:00")), monday);
    }

    #[test]
    fn closed_days_and_the_leave_of_everybody_are_passed_over() {
        let mut cover = chicago(vec![
            reader(1, &[("2026-03-04", "2026-03-05", None)]),
            reader(2, &[("2026-03-05", "2026-03-06", None)]),
        ]);
        let evening = instant("2026-03-04 23:30");
        // Thursday both are away, Friday one is back.
        assert_eq!(
            cover.reads(evening),
            Reads::Later(instant("2026-03-06 15:00"))
        );
        cover.hours.closed_on.push(day("2026-03-06"));
        assert_eq!(
            cover.reads(evening),
            Reads::Later(instant("2026-03-09 14:00"))
        );
    }

    #[test]
    fn on_call_is_at_any_hour_but_not_without_a_person() {
        let mut cover = chicago(vec![reader(1, &[])]);
        cover.hours.on_call = true;
        assert_eq!(cover.reads(instant("2026-03-08 03:00")), Reads::Now);
        cover.readers.clear();
        assert_eq!(cover.reads(instant("2026-03-08 03:00")), Reads::Nobody);
    }

    #[test]
    fn nobody_reads_where_no_hours_are_set() {
        let mut cover = chicago(vec![reader(1, &[])]);
        cover.hours.week = [None; 7];
        assert_eq!(cover.reads(instant("2026-03-03 16:00")), Reads::Nobody);
    }

    #[test]
    fn hours_over_midnight_hold_after_it() {
        let mut cover = chicago(vec![reader(1, &[])]);
        let at = |hour| chrono::NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
        cover.hours.week = [Some((at(22), at(6))); 7];
        // 01:00 in Chicago.
        assert_eq!(cover.reads(instant("2026-03-03 07:00")), Reads::Now);
    }

    #[test]
    fn from_midnight_to_midnight_is_the_whole_day() {
        let mut cover = chicago(vec![reader(1, &[])]);
        let midnight = chrono::NaiveTime::MIN;
        cover.hours.week[1] = Some((midnight, midnight));
        // Tuesday 3 March in Chicago ends at 06:00 UTC on Wednesday.
        assert_eq!(cover.reads(instant("2026-03-03 06:00")), Reads::Now);
        assert_eq!(cover.reads(instant("2026-03-04 05:59")), Reads::Now);
        let wednesday = Reads::Later(instant("2026-03-04 15:00"));
        assert_eq!(cover.reads(instant("2026-03-04 06:00")), wednesday);
    }

    #[test]
    fn whoever_stands_in_is_named_and_nobody_who_is_away_themselves() {
        let week = ("2026-03-02", "2026-03-06");
        let now = instant("2026-03-03 16:00");
        let cover = chicago(vec![
            reader(1, &[(week.0, week.1, Some(2))]),
            reader(2, &[]),
            reader(3, &[(week.0, week.1, Some(1))]),
        ]);
        assert_eq!(cover.in_place_of(id(1), now), InPlace::Named("Person 2"));
        assert_eq!(cover.in_place_of(id(2), now), InPlace::Themselves);
        assert_eq!(cover.in_place_of(id(3), now), InPlace::Somebody);
    }
}
