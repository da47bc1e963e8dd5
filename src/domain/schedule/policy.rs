//! The site's rules of sending as data: hours, windows, reminders, burden, who reads answers and when. Defaults are safe; what a site changes is
//! stored as a new version. What follows from them for one message is decided in `message::sending`, when an occasion falls due in the parent.

use chrono::{NaiveDate, NaiveTime, Weekday};
use serde::{Deserialize, Serialize};

/// Everything about sending that a site may set. A missing key in a stored version has its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SendingPolicy {
    /// The local wall-clock time at which recurring invitations and reminders leave.
    pub send_at: NaiveTime,
    /// When quiet hours begin, on the patient's clock. Equal to `quiet_until`: there are none.
    pub quiet_from: NaiveTime,
    /// When quiet hours end.
    pub quiet_until: NaiveTime,
    /// Days (1–60) in which a form that nobody opened takes answers.
    pub never_opened_days: u32,
    /// Hours (1–336) in which a form that was begun has to be handed in.
    pub begun_hours: u32,
    /// Days after the invitation on which somebody who has not begun is reminded, at most four, growing. Empty: never.
    pub reminder_days: Vec<u32>,
    /// Minutes (1–600) of forms a patient may be asked for within thirty days; supplements beyond it are dropped, the core never.
    pub minutes_per_month: u32,
    /// The name before the sender's address; `None`: the one of the settings.
    pub sender_name: Option<String>,
    /// Whether a link asks for the year of birth before it opens, where one is on record.
    pub second_check: bool,
    /// When answers are read.
    pub reading: ReadingHours,
    /// What happens to forms that ask about risk when nobody would read the answers.
    pub nobody_reads: NobodyReads,
}

/// When somebody licensed reads answers, on the site's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReadingHours {
    /// From and until, Monday to Sunday; `None`: not on that day.
    pub week: [Option<(NaiveTime, NaiveTime)>; 7],
    /// Days on which nobody reads although the week says so.
    pub closed_on: Vec<NaiveDate>,
    /// Somebody is on call outside these hours and is told of a crisis answer at any time.
    pub on_call: bool,
}

/// What happens to forms that ask about risk when nobody would read the answers soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NobodyReads {
    /// They wait until somebody reads again.
    Hold,
    /// They leave, and mail and page say when answers are read and where help is until then.
    SendAndSaySo,
}

const fn clock(hour: u32, minute: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(hour, minute, 0).expect("a real time of day")
}

impl Default for SendingPolicy {
    fn default() -> Self {
        SendingPolicy {
            send_at: clock(9, 0),
            quiet_from: clock(21, 0),
            quiet_until: clock(8, 0),
            never_opened_days: 7,
            begun_hours: 48,
            reminder_days: vec![2, 4],
            minutes_per_month: 40,
            sender_name: None,
            second_check: false,
            reading: ReadingHours::default(),
            nobody_reads: NobodyReads::SendAndSaySo,
        }
    }
}

impl Default for ReadingHours {
    /// Office hours on weekdays, nobody on call.
    fn default() -> Self {
        let day = Some((clock(9, 0), clock(17, 0)));
        ReadingHours {
            week: [day, day, day, day, day, None, None],
            closed_on: vec![],
            on_call: false,
        }
    }
}

impl ReadingHours {
    /// Whether no day's hours begin and end at the same time. From midnight to midnight is the whole day; any other time twice is a slip, and would promise that somebody
    /// reads round the clock.
    #[must_use]
    pub fn can_be_kept(&self) -> bool {
        let mut spans = self.week.iter().flatten();
        spans.all(|(from, until)| from != until || *from == NaiveTime::MIN)
    }
}

/// A rule that cannot be kept: which one, and what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRule {
    /// The key, as stored and as the page's field.
    pub key: &'static str,
    /// What is wanted, as a sentence.
    pub wanted: &'static str,
}

impl SendingPolicy {
    /// The word under which versions of this policy are stored.
    pub const KIND: &'static str = "sending";

    /// Seconds in which a form that was begun has to be handed in.
    pub fn finish_within_s(&self) -> i64 {
        i64::from(self.begun_hours) * 3600
    }

    /// Everything in it that cannot be kept; empty when it may be used.
    pub fn faults(&self) -> Vec<BadRule> {
        let grows = self.reminder_days.windows(2).all(|pair| pair[0] < pair[1]);
        let fits = |day: &u32| (1..self.never_opened_days).contains(day);
        let rules = [
            (
                (1..=60).contains(&self.never_opened_days),
                "never_opened_days",
                "A form that nobody opens stays open for 1 to 60 days.",
            ),
            (
                (1..=336).contains(&self.begun_hours),
                "begun_hours",
                "A form that was begun stays open for 1 to 336 hours.",
            ),
            (
                self.reminder_days.len() <= 4 && grows && self.reminder_days.iter().all(fits),
                "reminder_days",
                "At most four reminders, each later than the one before and on a day before the form closes: it is then that nobody can begin it any more.",
            ),
            (
                (1..=600).contains(&self.minutes_per_month),
                "minutes_per_month",
                "Between 1 and 600 minutes of forms in a month.",
            ),
            (
                self.in_loud_hours(self.send_at),
                "send_at",
                "The time at which messages leave lies outside quiet hours.",
            ),
            (
                self.reading.can_be_kept(),
                "reading",
                "Hours of reading do not begin and end at the same time, but for the whole day from 00:00 to 00:00.",
            ),
        ];
        rules
            .into_iter()
            .filter(|(kept, _, _)| !kept)
            .map(|(_, key, wanted)| BadRule { key, wanted })
            .collect()
    }

    /// Whether a local time of day lies outside quiet hours.
    pub fn in_loud_hours(&self, at: NaiveTime) -> bool {
        let (from, until) = (self.quiet_from, self.quiet_until);
        match from.cmp(&until) {
            std::cmp::Ordering::Equal => true,
            std::cmp::Ordering::Less => at < from || at >= until,
            std::cmp::Ordering::Greater => at < from && at >= until,
        }
    }
}

impl ReadingHours {
    /// From and until on a weekday.
    pub fn on(&self, day: Weekday) -> Option<(NaiveTime, NaiveTime)> {
        self.week[day.num_days_from_monday() as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_a_site_begins_with_can_be_kept() {
        assert_eq!(SendingPolicy::default().faults(), vec![]);
    }

    #[test]
    fn quiet_hours_go_over_midnight() {
        let policy = SendingPolicy::default();
        assert!(policy.in_loud_hours(clock(8, 0)) && policy.in_loud_hours(clock(20, 59)));
        assert!(!policy.in_loud_hours(clock(21, 0)) && !policy.in_loud_hours(clock(3, 0)));
    }

    #[test]
    fn a_rule_that_cannot_be_kept_is_named() {
        let policy = SendingPolicy {
            reminder_days: vec![4, 2],
            send_at: clock(22, 0),
            ..SendingPolicy::default()
        };
        let after_the_end = SendingPolicy {
            reminder_days: vec![2, 7],
            ..SendingPolicy::default()
        };
        let of_after: Vec<_> = after_the_end.faults().iter().map(|bad| bad.key).collect();
        assert_eq!(of_after, ["reminder_days"]);
        let keys: Vec<_> = policy.faults().iter().map(|bad| bad.key).collect();
        assert_eq!(keys, ["reminder_days", "send_at"]);
    }

    #[test]
    fn a_stored_version_without_a_newer_key_has_its_default() {
        let policy: SendingPolicy = serde_json::from_str(r#"{"begun_hours": 24}"#).unwrap();
        assert_eq!((policy.begun_hours, policy.never_opened_days), (24, 7));
        let written = serde_json::to_string(&policy).unwrap();
        assert_eq!(
            serde_json::from_str::<SendingPolicy>(&written).unwrap(),
            policy
        );
    }
}
