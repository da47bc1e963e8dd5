//! What kinds of messages leave, in which order, and when a failed one is tried again. Their words live in `templates/mail`,
//! the sending in `mail` and `jobs`.

pub mod sending;

use super::words::words;
use chrono::{NaiveDateTime, TimeDelta};

words! {
    /// What a message is for.
    MessageKind {
        /// Asks a patient to answer.
        Invitation = "invitation",
        /// Asks a patient once more, on the same link.
        Reminder = "reminder",
        /// Tells a clinician that something waits in the queue; without any health word.
        FlagNotice = "flag_notice",
        /// A one-time link with which a new member of staff sets a password.
        StaffSetup = "staff_setup",
    }
}

words! {
    /// Where a message stands. There is no "delivered": nobody can know that.
    MessageState {
        /// Waits to be sent, or to be tried again.
        Queued = "queued",
        /// The relay took it.
        Accepted = "accepted",
        /// The relay refused it for good; a person has a task.
        Refused = "refused",
        /// The relay took it, and later said that it could not pass it on; a person has a task.
        Bounced = "bounced",
        /// The connection broke after the text had gone, again and again: it may have arrived. A person has a task.
        Unknown = "unknown",
        /// No longer wanted when its time came; the log says why.
        Withdrawn = "withdrawn",
    }
}

words! {
    /// How one attempt to send a message ended.
    AttemptOutcome {
        /// The relay or gateway took it.
        Accepted = "accepted",
        /// Not now; it is tried again.
        Deferred = "deferred",
        /// Never; a person has a task.
        Refused = "refused",
        /// The connection broke after the text had gone: it may have arrived. Tried again under the same Message-ID.
        Unknown = "unknown",
        /// A notice came back that it could not be passed on.
        Bounced = "bounced",
        /// Our own rule said to wait: quiet hours, a pause, nobody who reads.
        Held = "held",
        /// Our own rule said that it is no longer wanted.
        Withdrawn = "withdrawn",
    }
}

/// How a failed attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// 4xx, a broken connection, a time-out: worth another try.
    Passing,
    /// 5xx: the relay will never take this message.
    Final,
}

/// What happens to a message after an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    /// Try again then.
    TryAgainAt(NaiveDateTime),
    /// Stop, and give a person the task.
    GiveToPerson,
}

/// Hours after which an invitation that no relay would take becomes a person's task. A flag notice never gives up.
pub const GIVE_UP_AFTER: TimeDelta = TimeDelta::hours(48);
/// The longest wait between two tries of an invitation.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(4);
/// The longest wait between two tries of a flag notice.
const LONGEST_NOTICE_WAIT: TimeDelta = TimeDelta::minutes(5);

/// Decides what follows a failed attempt: waits of one minute, doubled each time, up to a limit by kind.
pub fn after_failure(
    kind: MessageKind,
    failure: Failure,
    attempts: u32,
    created_at: NaiveDateTime,
    now: NaiveDateTime,
) -> AfterFailure {
    let urgent = kind == MessageKind::FlagNotice;
    if !urgent && (failure == Failure::Final || now - created_at >= GIVE_UP_AFTER) {
        return AfterFailure::GiveToPerson;
    }
    let longest = if urgent {
        LONGEST_NOTICE_WAIT
    } else {
        LONGEST_WAIT
    };
    let doubled = TimeDelta::minutes(1 << attempts.saturating_sub(1).min(10));
    AfterFailure::TryAgainAt(now + doubled.min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> NaiveDateTime {
        chrono::DateTime::from_timestamp(hour * 3600, 0)
            .unwrap()
            .naive_utc()
    }

    #[test]
    fn a_refused_invitation_goes_to_a_person_and_a_refused_notice_is_tried_again() {
        let invitation = after_failure(MessageKind::Invitation, Failure::Final, 1, at(0), at(0));
        assert_eq!(invitation, AfterFailure::GiveToPerson);
        let notice = after_failure(MessageKind::FlagNotice, Failure::Final, 40, at(0), at(500));
        assert_eq!(
            notice,
            AfterFailure::TryAgainAt(at(500) + LONGEST_NOTICE_WAIT)
        );
    }

    #[test]
    fn waits_double_and_stop_growing() {
        let wait = |attempts| match after_failure(
            MessageKind::Invitation,
            Failure::Passing,
            attempts,
            at(0),
            at(1),
        ) {
            AfterFailure::TryAgainAt(then) => (then - at(1)).num_minutes(),
            AfterFailure::GiveToPerson => panic!("gave up"),
        };
        assert_eq!(
            [wait(1), wait(2), wait(3), wait(9), wait(30)],
            [1, 2, 4, 240, 240]
        );
        assert_eq!(
            after_failure(MessageKind::Invitation, Failure::Passing, 9, at(0), at(48)),
            AfterFailure::GiveToPerson
        );
    }
}
