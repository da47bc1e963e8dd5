//! The people and the care: patient, episode of care, session, and the occasions on which a patient is asked.
//! What they answer is `instrument` and `scoring`; when they are asked is `schedule`.

pub mod missed;
pub mod need;

use super::words::words;

words! {
    /// How an episode of care ended.
    Ending {
        /// Agreed between patient and clinician: a completer.
        Planned = "planned",
        /// The patient stopped coming.
        Unplanned = "unplanned",
        /// Care goes on elsewhere.
        Transferred = "transferred",
        /// The patient died.
        Died = "died",
    }
}

words! {
    /// Why whoever holds a link said no; the words stand with the occasion, for staff.
    SaidNo {
        /// The link reached the wrong person.
        NotForMe = "somebody who got the link said it was not meant for them",
        /// The patient leaves this occasion out.
        NotThisTime = "the patient said not this time",
    }
}

impl SaidNo {
    /// Why an occasion was declined. Without a word it is the older of the two: "not this time" was always written down.
    #[must_use]
    pub fn of(ended_why: Option<&str>) -> SaidNo {
        ended_why
            .and_then(|said| said.parse().ok())
            .unwrap_or(SaidNo::NotForMe)
    }
}

words! {
    /// What became of a session.
    SessionState {
        /// Lies ahead.
        Planned = "planned",
        /// Took place.
        Attended = "attended",
        /// Called off beforehand.
        Cancelled = "cancelled",
        /// The patient did not come.
        Missed = "missed",
    }
}

words! {
    /// Where an administration stands. From `Completed` on they are ends and are never left again.
    AdministrationState {
        /// Decided, nothing sent yet.
        Planned = "planned",
        /// The relay took the invitation, or the link was handed over.
        Sent = "sent",
        /// The patient pressed start.
        Opened = "opened",
        /// Every instrument was handed in.
        Completed = "completed",
        /// The patient (or whoever got the link) said no.
        Declined = "declined",
        /// It went out and nobody opened it within its window.
        NotSeen = "not_seen",
        /// It was begun and not handed in within its window. What was saved stays; flags stay.
        Abandoned = "abandoned",
        /// Its window ended before anything left here: held, paused, no address, no relay. Our doing, not the patient's.
        Expired = "expired",
        /// Staff, a moved session or a changed address withdrew it.
        Cancelled = "cancelled",
    }
}

words! {
    /// Where the answers to one instrument stand.
    ResponseState {
        /// Some answers are saved; more may come.
        InProgress = "in_progress",
        /// Handed in by the patient.
        Completed = "completed",
        /// Left unfinished for good.
        Stopped = "stopped",
        /// Recorded by mistake; kept, never counted.
        EnteredInError = "entered_in_error",
    }
}

words! {
    /// How the questions were laid out for the patient; kept with the response because it may matter to the score.
    Layout {
        /// One question on each page.
        Page = "page",
        /// All questions of an instrument in one list.
        List = "list",
    }
}

/// One instrument in a fixed version, as an administration or a response names it: `phq9@1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct InstrumentVersion {
    /// The instrument's id.
    pub instrument: String,
    /// The version of its definition.
    pub version: String,
}

impl std::fmt::Display for InstrumentVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.instrument, self.version)
    }
}

/// A battery as it is written down: `phq9@1 pcl5@1`, in the order of asking.
pub fn write_battery(battery: &[InstrumentVersion]) -> String {
    battery
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Reads back what [`write_battery`] wrote; a word without a version is left out.
pub fn read_battery(text: &str) -> Vec<InstrumentVersion> {
    text.split_whitespace()
        .filter_map(|word| word.split_once('@'))
        .map(|(instrument, version)| InstrumentVersion {
            instrument: instrument.into(),
            version: version.into(),
        })
        .collect()
}

impl AdministrationState {
    /// Whether answers may still come in on this occasion.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Planned | Self::Sent | Self::Opened)
    }

    /// What it means that an open occasion's window ended; an occasion that has ended stays what it is.
    pub fn when_window_ends(self) -> Self {
        match self {
            Self::Planned => Self::Expired,
            Self::Sent => Self::NotSeen,
            Self::Opened => Self::Abandoned,
            ended => ended,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_battery_reads_back_as_it_was_written() {
        let battery = read_battery("phq9@1 pcl5@2");
        assert_eq!(battery.len(), 2);
        assert_eq!(write_battery(&battery), "phq9@1 pcl5@2");
        assert!(read_battery("").is_empty());
    }
}
