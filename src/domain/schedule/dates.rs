//! On which dates a cadence asks: the occasions of one plan, each with its name and its moments on the patient's clock. Which of them are asked, and what
//! is put together, is `planning`.

use super::cadence::Cadence;
use super::hours::Hours;
use super::policy::SendingPolicy;
use super::{STALE_AFTER, local_day, local_moment};
use crate::domain::care::Ending;
use chrono::{Months, NaiveDate, NaiveDateTime, TimeDelta};
use chrono_tz::Tz;

/// Hours after the start of a session until which its form takes answers.
pub const AFTER_SESSION: TimeDelta = TimeDelta::hours(2);
/// An occasion of its own kind (intake, discharge, follow-up) still says something so long after it fell due.
pub const MILESTONE_STALE_AFTER: TimeDelta = TimeDelta::days(7);

/// An occasion that is due or will be: its name (the same occasion never comes twice) and its moments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occasion {
    /// Names the occasion within its plan; a session that moves keeps it.
    pub name: String,
    /// When the invitation should leave, UTC.
    pub due_at: NaiveDateTime,
    /// When its form stops taking answers, UTC.
    pub expires_at: NaiveDateTime,
    /// From when on it is not asked any more if it was not by then, UTC.
    pub stale_at: NaiveDateTime,
}

/// A session that was attended or is planned, as far as planning cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedSession {
    /// The session's id as text, part of the occasion's name.
    pub id: String,
    /// When it starts, UTC.
    pub starts_at: NaiveDateTime,
}

/// What the dates of an episode's plans follow from, apart from the plans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// Where the patient lives.
    pub zone: Tz,
    /// The hours in which a message may reach them.
    pub hours: Hours,
    /// The time of day of what is not tied to a session.
    pub send_at: chrono::NaiveTime,
    /// Days in which a form that nobody opened takes answers.
    pub never_opened_days: u32,
    /// The last day of the episode and how it ended, once known.
    pub ended: Option<(NaiveDate, Ending)>,
    /// Attended and planned sessions, in order of start.
    pub sessions: Vec<PlannedSession>,
}

impl Calendar {
    /// The dates of an open episode without sessions.
    pub fn open(policy: &SendingPolicy, zone: Tz, safe: Option<(i32, i32)>) -> Calendar {
        Calendar {
            zone,
            hours: Hours::of(policy, zone, safe),
            send_at: policy.send_at,
            never_opened_days: policy.never_opened_days,
            ended: None,
            sessions: vec![],
        }
    }

    /// With these sessions, in any order.
    #[must_use]
    pub fn with_sessions(mut self, mut sessions: Vec<PlannedSession>) -> Calendar {
        sessions.sort_by(|a, b| (a.starts_at, &a.id).cmp(&(b.starts_at, &b.id)));
        self.sessions = sessions;
        self
    }

    /// All occasions of a cadence that fall due from `from` until `until`, both included, in order.
    pub fn occasions(
        &self,
        cadence: &Cadence,
        anchor: NaiveDate,
        from: NaiveDateTime,
        until: NaiveDateTime,
    ) -> Vec<Occasion> {
        let mut found = match cadence {
            Cadence::BeforeSession { hours } => self.before_sessions(*hours),
            Cadence::AtSessions { numbers, hours } => self.at_sessions(numbers, *hours),
            Cadence::EveryWeeks { weeks } => self.in_weeks(*weeks, anchor, from, until),
            Cadence::Intake => vec![self.milestone("intake".to_owned(), anchor)],
            Cadence::Discharge => self
                .left_alive()
                .map(|day| self.milestone(DISCHARGE.to_owned(), day))
                .into_iter()
                .collect(),
            Cadence::FollowUp { months } => self.follow_ups(months),
        };
        found.retain(|occasion| (from..=until).contains(&occasion.due_at));
        found.sort_by(|a, b| (a.due_at, &a.name).cmp(&(b.due_at, &b.name)));
        found
    }

    fn in_weeks(
        &self,
        weeks: u32,
        anchor: NaiveDate,
        from: NaiveDateTime,
        until: NaiveDateTime,
    ) -> Vec<Occasion> {
        let step = i64::from(weeks) * 7;
        // Zones and quiet hours move an occasion by less than three days.
        let behind = (from.date() - TimeDelta::days(3) - anchor)
            .num_days()
            .max(0);
        let first = behind.div_euclid(step);
        (first..)
            .map(|n| anchor + TimeDelta::days(n * step))
            .take_while(|day| *day <= until.date() + TimeDelta::days(3))
            .filter(|day| self.ended.is_none_or(|(last, _)| *day <= last))
            .map(|day| self.on_day(format!("weeks {day}"), day, STALE_AFTER))
            .collect()
    }

    fn before_sessions(&self, hours: u32) -> Vec<Occasion> {
        self.sessions_in_care()
            .map(|session| self.before(session, hours, format!("{OF_SESSION}{}", session.id)))
            .collect()
    }

    fn at_sessions(&self, numbers: &[u32], hours: u32) -> Vec<Occasion> {
        (1..)
            .zip(self.sessions_in_care())
            .filter(|(number, _)| numbers.contains(number))
            .map(|(number, session)| {
                let name = format!("number {number} {OF_SESSION}{}", session.id);
                self.before(session, hours, name)
            })
            .collect()
    }

    fn sessions_in_care(&self) -> impl Iterator<Item = &PlannedSession> {
        self.sessions.iter().filter(|session| {
            self.ended
                .is_none_or(|(last, _)| local_day(self.zone, session.starts_at) <= last)
        })
    }

    fn before(&self, session: &PlannedSession, hours: u32, name: String) -> Occasion {
        let wanted = session.starts_at - TimeDelta::hours(i64::from(hours));
        let next = self.hours.next(wanted);
        let due_at = if next < session.starts_at {
            next
        } else {
            self.hours.last_before(session.starts_at)
        };
        Occasion {
            name,
            due_at,
            expires_at: session.starts_at + AFTER_SESSION,
            stale_at: session.starts_at,
        }
    }

    fn follow_ups(&self, months: &[u32]) -> Vec<Occasion> {
        let Some(last) = self.left_alive() else {
            return vec![];
        };
        let after = |months: &u32| {
            // The 31st of a month that has none is its last day.
            let day = last.checked_add_months(Months::new(*months))?;
            Some(self.milestone(format!("{FOLLOW_UP}{months}"), day))
        };
        months.iter().filter_map(after).collect()
    }

    /// The last day of care, of somebody who can be asked afterwards.
    fn left_alive(&self) -> Option<NaiveDate> {
        self.ended
            .filter(|(_, ending)| *ending != Ending::Died)
            .map(|(day, _)| day)
    }

    fn milestone(&self, name: String, day: NaiveDate) -> Occasion {
        self.on_day(name, day, MILESTONE_STALE_AFTER)
    }

    fn on_day(&self, name: String, day: NaiveDate, stale_after: TimeDelta) -> Occasion {
        let due_at = self.hours.next(local_moment(self.zone, day, self.send_at));
        Occasion {
            name,
            due_at,
            expires_at: self.window_from(due_at),
            stale_at: due_at + stale_after,
        }
    }

    /// Until when a form that is not tied to a session takes answers if nobody opens it.
    pub fn window_from(&self, due_at: NaiveDateTime) -> NaiveDateTime {
        due_at + TimeDelta::days(i64::from(self.never_opened_days))
    }
}

const OF_SESSION: &str = "session ";
const DISCHARGE: &str = "discharge";
const FOLLOW_UP: &str = "follow-up ";

/// The id of the session an occasion hangs on, if it does.
pub fn session_of(name: &str) -> Option<&str> {
    let (before, id) = name.split_once(OF_SESSION)?;
    (before.is_empty() || before.starts_with("number ")).then_some(id)
}

/// Whether an occasion, or the form named after it, is asked when care has ended.
pub fn is_after_the_end(name: &str) -> bool {
    name == DISCHARGE || name.starts_with("discharge (") || is_follow_up(name)
}

/// Whether an occasion, or the form named after it, asks how somebody is months after their care ended.
pub fn is_follow_up(name: &str) -> bool {
    name.starts_with(FOLLOW_UP)
}

/// What makes an occasion the same one: a session's number is asked for once, whichever session bears it later.
pub fn same_occasion(known: &str, name: &str) -> bool {
    let key = |name: &str| match name.strip_prefix("number ") {
        Some(rest) => rest.split(' ').next().map(str::to_owned),
        None => None,
    };
    known == name || (key(known).is_some() && key(known) == key(name))
}

/// An occasion's name in words for staff.
pub fn occasion_in_words(name: &str) -> String {
    if let Some(rest) = name.strip_prefix("number ") {
        let number = rest.split(' ').next().unwrap_or_default();
        return format!("session {number}");
    }
    if session_of(name).is_some() {
        return "before a session".to_owned();
    }
    if let Some(months) = name.strip_prefix(FOLLOW_UP) {
        let plural = if months == "1" { "" } else { "s" };
        return format!("{months} month{plural} after the end");
    }
    match name.strip_prefix("weeks ") {
        Some(_) => "by the calendar".to_owned(),
        None if name == DISCHARGE => "at the end of care".to_owned(),
        None if name == "intake" => "at the start".to_owned(),
        None => name.to_owned(),
    }
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
    fn calendar(zone: Tz) -> Calendar {
        Calendar::open(&SendingPolicy::default(), zone, None)
    }
    fn sessions(starts: &[&str]) -> Vec<PlannedSession> {
        (1..)
            .zip(starts)
            .map(|(n, start)| PlannedSession {
                id: format!("s{n}"),
                starts_at: instant(start),
            })
            .collect()
    }
    fn year(calendar: &Calendar, cadence: &str, anchor: &str) -> Vec<(String, String)> {
        calendar
            .occasions(
                &cadence.parse().unwrap(),
                day(anchor),
                instant("2026-01-01 00:00"),
                instant("2027-12-31 00:00"),
            )
            .into_iter()
            .map(|one| (one.name, one.due_at.format("%Y-%m-%d %H:%M").to_string()))
            .collect()
    }

    #[test]
    fn every_two_weeks_counts_from_the_anchor_at_nine_over_daylight_saving() {
        let dates = year(
            &calendar(chrono_tz::America::Los_Angeles),
            "every_weeks:2",
            "2026-02-22",
        );
        assert_eq!(dates[0].1, "2026-02-22 17:00");
        assert_eq!(dates[1].1, "2026-03-08 16:00");
        assert_eq!(dates[1].0, "weeks 2026-03-08");
    }

    #[test]
    fn what_would_be_sent_at_night_leaves_in_the_morning_if_that_is_before_the_session() {
        // In UTC: 24 hours before 07:30 is 07:30, in quiet hours until 08:00; two hours before 08:10 there is no allowed hour left that day.
        let calendar = calendar(chrono_tz::UTC).with_sessions(sessions(&[
            "2026-03-03 07:30",
            "2026-03-05 08:10",
            "2026-03-09 07:00",
        ]));
        let dates = year(&calendar, "before_session:24", "2026-01-01");
        assert_eq!(dates[0].1, "2026-03-02 08:00");
        assert_eq!(dates[1].1, "2026-03-04 08:10");
        let late = year(&calendar, "before_session:2", "2026-01-01");
        assert_eq!(late[1].1, "2026-03-05 08:00");
        assert_eq!(late[2].1, "2026-03-08 20:59", "the evening before");
    }

    #[test]
    fn session_numbers_count_what_was_attended_and_what_is_planned() {
        let calendar = calendar(chrono_tz::UTC).with_sessions(sessions(&[
            "2026-03-17 15:00",
            "2026-03-03 15:00",
            "2026-03-10 15:00",
        ]));
        let dates = year(&calendar, "at_sessions:1,3@24", "2026-01-01");
        assert_eq!(
            dates,
            [
                ("number 1 session s2".into(), "2026-03-02 15:00".into()),
                ("number 3 session s1".into(), "2026-03-16 15:00".into())
            ]
        );
        assert!(same_occasion("number 3 session s1", "number 3 session s9"));
        assert!(!same_occasion("number 3 session s1", "number 4 session s1"));
        assert_eq!(session_of("number 3 session s1"), Some("s1"));
    }

    #[test]
    fn follow_ups_count_months_from_the_last_day_and_keep_to_short_months() {
        let mut calendar = calendar(chrono_tz::UTC);
        calendar.ended = Some((day("2026-08-31"), Ending::Planned));
        let dates = year(&calendar, "follow_up:1,3,6", "2026-01-01");
        let days: Vec<&str> = dates.iter().map(|(_, at)| &at[..10]).collect();
        assert_eq!(days, ["2026-09-30", "2026-11-30", "2027-02-28"]);
        assert_eq!(
            year(&calendar, "discharge", "2026-01-01")[0].1,
            "2026-08-31 09:00"
        );
        calendar.ended = Some((day("2026-08-31"), Ending::Died));
        assert!(year(&calendar, "follow_up:3", "2026-01-01").is_empty());
        assert!(year(&calendar, "discharge", "2026-01-01").is_empty());
    }

    #[test]
    fn nothing_recurring_falls_due_after_the_last_day() {
        let mut calendar = calendar(chrono_tz::UTC).with_sessions(sessions(&["2026-03-20 15:00"]));
        calendar.ended = Some((day("2026-03-09"), Ending::Planned));
        let dates = year(&calendar, "every_weeks:1", "2026-03-02");
        assert_eq!(dates.len(), 2);
        assert!(year(&calendar, "before_session:24", "2026-03-02").is_empty());
    }
}
