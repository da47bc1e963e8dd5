//! What kinds of messages leave, in which order, and when a failed one is tried again. Their words live in `templates/mail`,
//! the sending in `mail` and `jobs`.

pub mod sending;

use super::ids::OutboxId;
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
        /// Tells whoever took something on that it is not closed in time; without any health word.
        CloseNotice = "close_notice",
        /// Tells a supervisor that something of their clinic's was not done in time; without any health word.
        SupervisorNotice = "supervisor_notice",
        /// Tells the site's duty contact that something waits and nobody licensed is here.
        DutyAlarm = "duty_alarm",
        /// Tells a clinician once a working day how many things wait that are not urgent.
        Digest = "digest",
        /// A one-time link with which a new member of staff sets a password.
        StaffSetup = "staff_setup",
    }
}

impl MessageKind {
    /// Whether somebody has to be told at once: such a message has a lane of its own, is tried until the relay takes it, and nobody can switch it off.
    #[must_use]
    pub fn is_notice(self) -> bool {
        matches!(
            self,
            MessageKind::FlagNotice
                | MessageKind::CloseNotice
                | MessageKind::SupervisorNotice
                | MessageKind::DutyAlarm
        )
    }

    /// Whether it goes to a patient.
    #[must_use]
    pub fn is_for_patients(self) -> bool {
        matches!(self, MessageKind::Invitation | MessageKind::Reminder)
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
    /// The relay will not take this message now (4xx): worth another try.
    Passing,
    /// The trouble is ours and not the recipient's: the relay cannot be reached, does not know us or refuses us. The operator mends it; worth another try.
    Ours,
    /// The connection broke after the whole text had gone and before the relay's word: it may have arrived. Worth another try under the same id.
    Unknown,
    /// The relay will never take this message, and the address is not the reason.
    Unfit,
    /// The relay says that there is no such address, or that it takes nothing.
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

/// So long after the first attempt failed, an invitation that no relay would take becomes a person's task: the longest wait before it would be withdrawn as stale, so that it ends as what
/// it is. A flag notice never gives up.
pub const GIVE_UP_AFTER: TimeDelta = TimeDelta::hours(44);
/// The longest wait between two tries of an invitation.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(4);
/// The same while the trouble is ours: once the operator has mended it, nobody waits for hours.
const LONGEST_WAIT_FOR_US: TimeDelta = TimeDelta::minutes(15);
/// The longest wait between two tries of a flag notice.
const LONGEST_NOTICE_WAIT: TimeDelta = TimeDelta::minutes(5);
/// The first wait, in minutes.
const FIRST_WAIT_MINUTES: i64 = 1;

/// Decides what follows a failed attempt: a wait of one minute, doubled each time, up to a limit by kind, and up to a quarter more by the message's own
/// id, so that a thousand messages that failed together do not come back together.
pub fn after_failure(
    kind: MessageKind,
    failure: Failure,
    attempts: u32,
    first_failed: NaiveDateTime,
    now: NaiveDateTime,
    id: OutboxId,
) -> AfterFailure {
    let urgent = kind.is_notice();
    let hopeless = matches!(failure, Failure::Final | Failure::Unfit);
    if !urgent && (hopeless || now - first_failed >= GIVE_UP_AFTER) {
        return AfterFailure::GiveToPerson;
    }
    let longest = match (urgent, failure) {
        (true, _) => LONGEST_NOTICE_WAIT,
        (false, Failure::Ours) => LONGEST_WAIT_FOR_US,
        (false, _) => LONGEST_WAIT,
    };
    let doublings = attempts.saturating_sub(1).min(10);
    let doubled = TimeDelta::minutes(FIRST_WAIT_MINUTES << doublings);
    AfterFailure::TryAgainAt(now + spread(doubled, id).min(longest))
}

/// When a message is looked at again that was not tried because the relay could not be reached for another one.
pub fn when_relay_is_away(now: NaiveDateTime, id: OutboxId) -> NaiveDateTime {
    now + spread(TimeDelta::minutes(FIRST_WAIT_MINUTES), id)
}

/// This wait and up to a quarter more; always the same for one message.
fn spread(wait: TimeDelta, id: OutboxId) -> TimeDelta {
    // The last bytes of an id are random.
    let own = id.bytes().last().copied().unwrap_or_default();
    wait + wait * i32::from(own) / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message whose own share of a wait is so many 1024ths of it.
    fn id(own: u8) -> OutboxId {
        OutboxId::from_bytes(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, own]).unwrap()
    }

    fn at(hour: i64) -> NaiveDateTime {
        chrono::DateTime::from_timestamp(hour * 3600, 0)
            .unwrap()
            .naive_utc()
    }

    #[test]
    fn a_refused_invitation_goes_to_a_person_and_a_refused_notice_is_tried_again() {
        let invitation = after_failure(
            MessageKind::Invitation,
            Failure::Final,
            1,
            at(0),
            at(0),
            id(0),
        );
        assert_eq!(invitation, AfterFailure::GiveToPerson);
        let notice = after_failure(
            MessageKind::FlagNotice,
            Failure::Final,
            40,
            at(0),
            at(500),
            id(255),
        );
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
            id(0),
        ) {
            AfterFailure::TryAgainAt(then) => (then - at(1)).num_minutes(),
            AfterFailure::GiveToPerson => panic!("gave up"),
        };
        assert_eq!(
            [wait(1), wait(2), wait(3), wait(9), wait(30)],
            [1, 2, 4, 240, 240]
        );
        assert_eq!(
            after_failure(
                MessageKind::Invitation,
                Failure::Passing,
                9,
                at(0),
                at(48),
                id(0)
            ),
            AfterFailure::GiveToPerson
        );
    }

    #[test]
    fn what_failed_together_does_not_come_back_together_and_a_message_keeps_its_own_share() {
        let wait = |own, attempts| match after_failure(
            MessageKind::Reminder,
            Failure::Passing,
            attempts,
            at(0),
            at(1),
            id(own),
        ) {
            AfterFailure::TryAgainAt(then) => (then - at(1)).num_milliseconds(),
            AfterFailure::GiveToPerson => panic!("gave up"),
        };
        assert_eq!(
            [wait(0, 1), wait(128, 1), wait(255, 1)],
            [60_000, 67_500, 74_941]
        );
        assert_eq!(wait(128, 2), 135_000);
        assert_eq!(wait(77, 3), wait(77, 3));
    }

    #[test]
    fn while_the_trouble_is_ours_nobody_waits_for_hours_and_no_address_is_to_blame() {
        let ours = after_failure(
            MessageKind::Invitation,
            Failure::Ours,
            20,
            at(0),
            at(1),
            id(9),
        );
        assert_eq!(ours, AfterFailure::TryAgainAt(at(1) + LONGEST_WAIT_FOR_US));
        let unfit = after_failure(
            MessageKind::Invitation,
            Failure::Unfit,
            1,
            at(0),
            at(0),
            id(9),
        );
        assert_eq!(unfit, AfterFailure::GiveToPerson);
    }
}
