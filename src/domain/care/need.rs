//! Who needs a person first: the order of a caseload, and the reason why a patient stands where they stand. Pure; the words are the page's.
//!
//! This orders a list for people who then look; it judges nobody. When silence or no change asks for a look is what the site's policy says of signals, so that the list and the
//! signals agree; where a site has none, the list asks for none. Not here: what makes a flag (`risk`) or a reliable change (`change`).

use crate::domain::change::Verdict;
use crate::domain::risk::policy::SignalRules;
use crate::domain::risk::{FlagState, Tier};
use chrono::{NaiveDate, NaiveDateTime};

/// A flag that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingFlag {
    /// How soon a person must look.
    pub tier: Tier,
    /// Open or acknowledged.
    pub state: FlagState,
    /// Since when, UTC.
    pub since: NaiveDateTime,
}

/// Where the last score stands against the scale's cut-off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// It reaches the cut-off.
    Reached,
    /// It does not.
    Below,
    /// The scale has none.
    NoCutOff,
}

/// The course on the scale that the row shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScaleCourse {
    /// Day of the first score.
    pub first_on: NaiveDate,
    /// Day of the last score.
    pub last_on: NaiveDate,
    /// Last against first; `None` with a single score or where no limit is published.
    pub verdict: Option<Verdict>,
    /// The last score against the cut-off.
    pub level: Level,
}

/// What is known of one patient in an open episode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// First day of the episode.
    pub started_on: NaiveDate,
    /// Every flag that waits.
    pub flags: Vec<WaitingFlag>,
    /// The course on the scale that asks for a look most; `None` before the first score.
    pub course: Option<ScaleCourse>,
    /// Day of the last answer to anything.
    pub last_answer_on: Option<NaiveDate>,
}

/// Why a patient stands where they stand, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A crisis flag that nobody has taken on.
    CrisisOpen {
        /// Since when, UTC.
        since: NaiveDateTime,
    },
    /// A crisis flag that somebody has and has not closed.
    CrisisTaken {
        /// Since when, UTC.
        since: NaiveDateTime,
    },
    /// Another flag waits.
    FlagWaiting {
        /// Since when, UTC.
        since: NaiveDateTime,
    },
    /// Worse than at the start by more than measurement error.
    ReliablyWorse,
    /// No reliable change in a long time, and the last score is not below the cut-off.
    Unchanged {
        /// Whole weeks from the first to the last score.
        weeks: i64,
    },
    /// No answer in a long time.
    Silent {
        /// Days since the last answer, or since the start of care.
        days: i64,
    },
    /// Nothing asks for a look.
    Quiet(Quiet),
}

/// What there is to say of a patient whom nothing asks to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quiet {
    /// Reliably better than at the start.
    ReliablyBetter,
    /// No reliable change, early or below the cut-off.
    Steady,
    /// One score only, or no published limit.
    NotComparable,
    /// No score yet.
    NoScore,
}

impl Need {
    /// Decides why this patient stands where they stand on this day.
    #[must_use]
    pub fn of(case: &Case, rules: &SignalRules, today: NaiveDate) -> Need {
        let on_scale = match &case.course {
            Some(course) => Need::of_course(course, rules),
            None => Need::Quiet(Quiet::NoScore),
        };
        let silent = rules.silent_days.and_then(|days| silent(case, days, today));
        [of_flags(&case.flags), silent]
            .into_iter()
            .flatten()
            .fold(on_scale, |most, need| {
                std::cmp::min_by_key(most, need, |need| need.order())
            })
    }

    /// What the course on one scale alone asks for.
    #[must_use]
    pub fn of_course(course: &ScaleCourse, rules: &SignalRules) -> Need {
        reliably_worse(course)
            .or_else(|| unchanged(course, rules.not_on_track_weeks?))
            .unwrap_or(Need::Quiet(quiet(course)))
    }

    /// Sorts ascending into the order of a caseload; equal needs are then sorted by name.
    #[must_use]
    pub fn order(self) -> (u8, i64) {
        match self {
            Need::CrisisOpen { since } => (0, since.and_utc().timestamp()),
            Need::CrisisTaken { since } => (1, since.and_utc().timestamp()),
            Need::FlagWaiting { since } => (2, since.and_utc().timestamp()),
            Need::ReliablyWorse => (3, 0),
            Need::Unchanged { weeks } => (4, -weeks),
            Need::Silent { days } => (5, -days),
            Need::Quiet(_) => (6, 0),
        }
    }
}

/// The most urgent of the waiting flags, the oldest of equals.
fn of_flags(flags: &[WaitingFlag]) -> Option<Need> {
    let needs = flags
        .iter()
        .filter_map(|flag| match (flag.tier, flag.state) {
            (_, FlagState::Closed) => None,
            (Tier::Crisis, FlagState::Open) => Some(Need::CrisisOpen { since: flag.since }),
            (Tier::Crisis, FlagState::Acknowledged) => {
                Some(Need::CrisisTaken { since: flag.since })
            }
            (Tier::Review, _) => Some(Need::FlagWaiting { since: flag.since }),
        });
    needs.min_by_key(|need| need.order())
}

fn reliably_worse(course: &ScaleCourse) -> Option<Need> {
    (course.verdict? == Verdict::ReliablyDeteriorated).then_some(Need::ReliablyWorse)
}

fn silent(case: &Case, after_days: u32, today: NaiveDate) -> Option<Need> {
    let since = case
        .last_answer_on
        .map_or(case.started_on, |last| last.max(case.started_on));
    let days = (today - since).num_days();
    (days >= i64::from(after_days)).then_some(Need::Silent { days })
}

fn unchanged(course: &ScaleCourse, after_weeks: u32) -> Option<Need> {
    let weeks = (course.last_on - course.first_on).num_weeks();
    let stuck = course.verdict? == Verdict::NoReliableChange && course.level != Level::Below;
    (stuck && weeks >= i64::from(after_weeks)).then_some(Need::Unchanged { weeks })
}

fn quiet(course: &ScaleCourse) -> Quiet {
    match course.verdict {
        None => Quiet::NotComparable,
        Some(Verdict::ReliablyImproved) => Quiet::ReliablyBetter,
        Some(_) => Quiet::Steady,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: i64) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + chrono::TimeDelta::days(n)
    }
    fn flag(tier: Tier, state: FlagState, hour: u32) -> WaitingFlag {
        WaitingFlag {
            tier,
            state,
            since: day(90).and_hms_opt(hour, 0, 0).unwrap(),
        }
    }
    fn case(verdict: Option<Verdict>, level: Level) -> Case {
        let course = ScaleCourse {
            first_on: day(10),
            last_on: day(95),
            verdict,
            level,
        };
        Case {
            started_on: day(0),
            flags: vec![],
            course: Some(course),
            last_answer_on: Some(day(95)),
        }
    }
    fn on_day_100(case: &Case) -> Need {
        Need::of(case, &SignalRules::default(), day(100))
    }

    #[test]
    fn needs_come_in_the_order_of_urgency() {
        let since = day(90).and_hms_opt(8, 0, 0).unwrap();
        let order = [
            Need::CrisisOpen { since },
            Need::CrisisTaken { since },
            Need::FlagWaiting { since },
            Need::ReliablyWorse,
            Need::Unchanged { weeks: 12 },
            Need::Unchanged { weeks: 8 },
            Need::Silent { days: 80 },
            Need::Silent { days: 30 },
            Need::Quiet(Quiet::Steady),
        ];
        assert!(
            order
                .windows(2)
                .all(|pair| pair[0].order() < pair[1].order())
        );
    }

    #[test]
    fn a_waiting_crisis_flag_stands_before_everything_and_unseen_before_seen() {
        let mut patient = case(Some(Verdict::ReliablyImproved), Level::Below);
        patient.flags = vec![
            flag(Tier::Review, FlagState::Open, 1),
            flag(Tier::Crisis, FlagState::Acknowledged, 2),
            flag(Tier::Crisis, FlagState::Open, 9),
        ];
        assert_eq!(
            on_day_100(&patient),
            Need::CrisisOpen {
                since: patient.flags[2].since
            }
        );
    }

    #[test]
    fn a_closed_flag_asks_for_nothing() {
        let mut patient = case(Some(Verdict::ReliablyImproved), Level::Below);
        patient.flags = vec![flag(Tier::Crisis, FlagState::Closed, 1)];
        assert_eq!(on_day_100(&patient), Need::Quiet(Quiet::ReliablyBetter));
    }

    #[test]
    fn no_change_asks_for_a_look_only_after_many_weeks_and_above_the_cut_off() {
        let stuck = case(Some(Verdict::NoReliableChange), Level::Reached);
        assert_eq!(on_day_100(&stuck), Need::Unchanged { weeks: 12 });
        assert_eq!(
            on_day_100(&case(Some(Verdict::NoReliableChange), Level::Below)),
            Need::Quiet(Quiet::Steady)
        );
        let mut early = stuck;
        early.course = early.course.map(|course| ScaleCourse {
            first_on: day(60),
            ..course
        });
        assert_eq!(on_day_100(&early), Need::Quiet(Quiet::Steady));
    }

    #[test]
    fn silence_counts_from_the_start_of_care_when_nothing_was_ever_answered() {
        let newcomer = |started| Case {
            started_on: day(started),
            flags: vec![],
            course: None,
            last_answer_on: None,
        };
        assert_eq!(on_day_100(&newcomer(60)), Need::Silent { days: 40 });
        assert_eq!(on_day_100(&newcomer(90)), Need::Quiet(Quiet::NoScore));
    }

    #[test]
    fn the_sites_own_policy_says_when_silence_and_no_change_ask_for_a_look() {
        let rules = |silent_days, not_on_track_weeks| SignalRules {
            silent_days,
            not_on_track_weeks,
            ..SignalRules::default()
        };
        let mut stuck = case(Some(Verdict::NoReliableChange), Level::Reached);
        let need = |case: &Case, rules: SignalRules| Need::of(case, &rules, day(100));
        let steady = Need::Quiet(Quiet::Steady);
        assert_eq!(need(&stuck, rules(Some(7), Some(13))), steady);
        assert_eq!(
            need(&stuck, rules(Some(7), Some(12))),
            Need::Unchanged { weeks: 12 }
        );
        assert_eq!(need(&stuck, rules(None, None)), steady);
        stuck.last_answer_on = Some(day(93));
        assert_eq!(need(&stuck, rules(Some(7), None)), Need::Silent { days: 7 });
        assert_eq!(need(&stuck, rules(Some(8), None)), steady);
    }

    #[test]
    fn no_change_in_many_weeks_is_not_hidden_by_silence() {
        let mut stuck = case(Some(Verdict::NoReliableChange), Level::Reached);
        stuck.last_answer_on = Some(day(60));
        assert_eq!(on_day_100(&stuck), Need::Unchanged { weeks: 12 });
        let mut better = case(Some(Verdict::ReliablyImproved), Level::Below);
        better.last_answer_on = Some(day(60));
        assert_eq!(on_day_100(&better), Need::Silent { days: 40 });
    }

    #[test]
    fn reliably_worse_is_not_hidden_by_silence() {
        let mut worse = case(Some(Verdict::ReliablyDeteriorated), Level::Reached);
        worse.last_answer_on = Some(day(40));
        assert_eq!(on_day_100(&worse), Need::ReliablyWorse);
    }
}
