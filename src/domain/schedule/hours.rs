//! The hours in which a message may reach a patient, on the patient's own clock. Which message and whether at all is decided elsewhere.

use super::policy::SendingPolicy;
use super::{local_moment, local_time};
use chrono::{NaiveDateTime, NaiveTime, TimeDelta};
use chrono_tz::Tz;

/// From and until on the patient's clock; until may lie on the next day. Equal: at any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    zone: Tz,
    from: NaiveTime,
    until: NaiveTime,
}

impl Hours {
    /// The site's hours, or the patient's own safe ones (minutes after midnight, from and until) in their place: who asks to be written to at
    /// night because somebody reads along by day means it.
    pub fn of(policy: &SendingPolicy, zone: Tz, safe: Option<(i32, i32)>) -> Hours {
        let (from, until) = match safe {
            Some((from, until)) => (after_midnight(from), after_midnight(until)),
            None => (policy.quiet_until, policy.quiet_from),
        };
        Hours { zone, from, until }
    }

    /// Whether a message may reach the patient at this instant.
    pub fn allow(&self, instant: NaiveDateTime) -> bool {
        let at = local_time(self.zone, instant).time();
        match self.from.cmp(&self.until) {
            std::cmp::Ordering::Equal => true,
            std::cmp::Ordering::Less => at >= self.from && at < self.until,
            std::cmp::Ordering::Greater => at >= self.from || at < self.until,
        }
    }

    /// The first instant from this one on at which a message may reach the patient.
    pub fn next(&self, instant: NaiveDateTime) -> NaiveDateTime {
        if self.allow(instant) {
            return instant;
        }
        let day = local_time(self.zone, instant).date();
        (0..=2)
            .map(|days| local_moment(self.zone, day + TimeDelta::days(days), self.from))
            .find(|opening| *opening >= instant)
            .unwrap_or(instant)
    }

    /// The last moment before this instant at which a message may reach the patient, to the minute: for what is of no use later.
    pub fn last_before(&self, instant: NaiveDateTime) -> NaiveDateTime {
        let before = instant - TimeDelta::minutes(1);
        if self.allow(before) {
            return before;
        }
        let day = local_time(self.zone, before).date();
        (0..=2)
            .map(|days| {
                local_moment(self.zone, day - TimeDelta::days(days), self.until)
                    - TimeDelta::minutes(1)
            })
            .find(|closing| *closing <= before)
            .unwrap_or(before)
    }
}

fn after_midnight(minutes: i32) -> NaiveTime {
    NaiveTime::MIN + TimeDelta::minutes(i64::from(minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
    }
    fn chicago() -> Hours {
        Hours::of(&SendingPolicy::default(), chrono_tz::America::Chicago, None)
    }

    #[test]
    fn at_night_a_message_waits_for_the_morning() {
        // 23:30 in Chicago in winter.
        assert_eq!(
            chicago().next(instant("2026-01-06 05:30")),
            instant("2026-01-06 14:00")
        );
        // 03:00 there.
        assert_eq!(
            chicago().next(instant("2026-01-06 09:00")),
            instant("2026-01-06 14:00")
        );
        assert_eq!(
            chicago().next(instant("2026-01-06 15:00")),
            instant("2026-01-06 15:00")
        );
    }

    #[test]
    fn what_is_of_no_use_later_goes_in_the_evening_before() {
        // Before 07:00 in Chicago: 20:59 the evening before.
        assert_eq!(
            chicago().last_before(instant("2026-01-06 13:00")),
            instant("2026-01-06 02:59")
        );
    }

    #[test]
    fn the_patients_own_safe_hours_stand_in_the_place_of_the_sites() {
        let night = Hours::of(
            &SendingPolicy::default(),
            chrono_tz::UTC,
            Some((22 * 60, 60)),
        );
        assert!(
            night.allow(instant("2026-01-06 22:00")) && night.allow(instant("2026-01-06 00:59"))
        );
        assert_eq!(
            night.next(instant("2026-01-06 12:00")),
            instant("2026-01-06 22:00")
        );
    }

    #[test]
    fn the_night_the_clocks_change_has_its_morning() {
        // Spring forward in Chicago on 8 March 2026: 8 o'clock is 13:00 UTC from then on.
        assert_eq!(
            chicago().next(instant("2026-03-08 07:59")),
            instant("2026-03-08 13:00")
        );
    }
}
