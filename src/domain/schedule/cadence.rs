//! How often a plan asks: as it is written down, and in words for staff. On which dates it does is `dates`' work.

/// The hours ahead of a session when nobody says otherwise.
pub const HOURS_AHEAD: u32 = 24;
/// The highest session number and the highest number of months after the end that a cadence may name.
const NUMBER_MAX: u32 = 200;
const MONTHS_MAX: u32 = 60;

/// How often a plan asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cadence {
    /// Before each session, this many hours ahead (1–168).
    BeforeSession {
        /// Hours ahead.
        hours: u32,
    },
    /// Before the sessions with these numbers, counted within the episode in order of start over what was attended and what is planned.
    AtSessions {
        /// Growing, 1–200.
        numbers: Vec<u32>,
        /// Hours ahead (1–168).
        hours: u32,
    },
    /// Every so many weeks (1–52) from the anchor day, at the site's time of sending on the patient's clock.
    EveryWeeks {
        /// Weeks.
        weeks: u32,
    },
    /// Once, when the episode begins or as soon as the plan exists.
    Intake,
    /// Once, when the episode ends.
    Discharge,
    /// So many months after the episode ended.
    FollowUp {
        /// Growing, 1–60.
        months: Vec<u32>,
    },
}

/// Why a cadence could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadCadence(pub String);

impl std::fmt::Display for BadCadence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:?} is not a cadence; wanted before_session:HOURS (1 to 168), at_sessions:1,4,8@HOURS, every_weeks:N (1 to 52), intake, discharge \
             or follow_up:3,6,12 (months, 1 to 60)",
            self.0
        )
    }
}

impl std::error::Error for BadCadence {}

impl std::str::FromStr for Cadence {
    type Err = BadCadence;
    fn from_str(text: &str) -> Result<Self, BadCadence> {
        read(text).ok_or_else(|| BadCadence(text.to_owned()))
    }
}

fn read(text: &str) -> Option<Cadence> {
    let (kind, rest) = match text.split_once(':') {
        Some((kind, rest)) => (kind, Some(rest)),
        None => (text, None),
    };
    match (kind, rest) {
        ("intake", None) => Some(Cadence::Intake),
        ("discharge", None) => Some(Cadence::Discharge),
        ("before_session", Some(hours)) => Some(Cadence::BeforeSession {
            hours: read_number(hours, 168)?,
        }),
        ("every_weeks", Some(weeks)) => Some(Cadence::EveryWeeks {
            weeks: read_number(weeks, 52)?,
        }),
        ("follow_up", Some(months)) => Some(Cadence::FollowUp {
            months: read_growing(months, MONTHS_MAX)?,
        }),
        ("at_sessions", Some(rest)) => {
            let (numbers, hours) = match rest.split_once('@') {
                Some((numbers, hours)) => (numbers, read_number(hours, 168)?),
                None => (rest, HOURS_AHEAD),
            };
            Some(Cadence::AtSessions {
                numbers: read_growing(numbers, NUMBER_MAX)?,
                hours,
            })
        }
        _ => None,
    }
}

fn read_number(text: &str, most: u32) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits)?;
    (1..=most).contains(&number).then_some(number)
}

fn read_growing(text: &str, most: u32) -> Option<Vec<u32>> {
    let numbers: Vec<u32> = text
        .split(',')
        .map(|part| read_number(part, most))
        .collect::<Option<_>>()?;
    numbers
        .windows(2)
        .all(|pair| pair[0] < pair[1])
        .then_some(numbers)
}

impl std::fmt::Display for Cadence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Cadence::BeforeSession { hours } => write!(f, "before_session:{hours}"),
            Cadence::AtSessions { numbers, hours } => {
                write!(f, "at_sessions:{}@{hours}", listed(numbers, ","))
            }
            Cadence::EveryWeeks { weeks } => write!(f, "every_weeks:{weeks}"),
            Cadence::Intake => f.write_str("intake"),
            Cadence::Discharge => f.write_str("discharge"),
            Cadence::FollowUp { months } => write!(f, "follow_up:{}", listed(months, ",")),
        }
    }
}

fn listed(numbers: &[u32], between: &str) -> String {
    let words: Vec<String> = numbers.iter().map(u32::to_string).collect();
    words.join(between)
}

/// `3, 6 and 12`.
fn enumerated(numbers: &[u32]) -> String {
    match numbers {
        [] => String::new(),
        [one] => one.to_string(),
        [most @ .., last] => format!("{} and {last}", listed(most, ", ")),
    }
}

fn counted(number: u32, unit: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

impl Cadence {
    /// The cadence in words for staff.
    pub fn in_words(&self) -> String {
        match self {
            Cadence::BeforeSession { hours } => {
                format!("{} before each session", counted(*hours, "hour"))
            }
            Cadence::AtSessions { numbers, hours } => {
                let sessions = if numbers.len() == 1 {
                    "session"
                } else {
                    "sessions"
                };
                format!(
                    "{} before {sessions} {}",
                    counted(*hours, "hour"),
                    enumerated(numbers)
                )
            }
            Cadence::EveryWeeks { weeks: 1 } => "every week".to_owned(),
            Cadence::EveryWeeks { weeks } => format!("every {weeks} weeks"),
            Cadence::Intake => "once, at the start".to_owned(),
            Cadence::Discharge => "once, when the episode of care ends".to_owned(),
            Cadence::FollowUp { months } if months == &[1] => {
                "1 month after the episode of care ended".to_owned()
            }
            Cadence::FollowUp { months } => {
                format!(
                    "{} months after the episode of care ended",
                    enumerated(months)
                )
            }
        }
    }

    /// Whether it asks when care has ended already.
    pub fn asks_after_the_end(&self) -> bool {
        matches!(self, Cadence::Discharge | Cadence::FollowUp { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absurd_cadence_says_what_is_wanted() {
        for text in [
            "every_weeks:0",
            "every_weeks:53",
            "every_weeks:+2",
            "daily",
            "before_session:x",
            "at_sessions:",
            "at_sessions:4,1",
            "at_sessions:1,1",
            "at_sessions:1@0",
            "follow_up:61",
            "follow_up",
            "intake:1",
        ] {
            let error = text.parse::<Cadence>().unwrap_err().to_string();
            assert!(error.contains("every_weeks:N (1 to 52)"), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_written_down_is_read_back() {
        for text in [
            "every_weeks:2",
            "before_session:24",
            "at_sessions:1,4,8@48",
            "intake",
            "discharge",
            "follow_up:3,6,12",
        ] {
            assert_eq!(text.parse::<Cadence>().unwrap().to_string(), text);
        }
        assert_eq!(
            "at_sessions:3".parse::<Cadence>().unwrap().to_string(),
            "at_sessions:3@24"
        );
    }

    #[test]
    fn staff_read_words() {
        let words = |text: &str| text.parse::<Cadence>().unwrap().in_words();
        assert_eq!(words("every_weeks:1"), "every week");
        assert_eq!(words("before_session:1"), "1 hour before each session");
        assert_eq!(
            words("at_sessions:1,4,8@24"),
            "24 hours before sessions 1, 4 and 8"
        );
        assert_eq!(
            words("follow_up:3,6,12"),
            "3, 6 and 12 months after the episode of care ended"
        );
    }
}
