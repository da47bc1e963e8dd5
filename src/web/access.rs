//! Who may use a route, as the table of `routes` says it and the gate asks it.

use crate::domain::access::Action;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody: tells nothing about anyone.
    Public,
    /// Whoever holds a patient's link; the verb checks it against its own occasion.
    LinkHolder,
    /// Whoever holds a one-time set-up link.
    SetupLink,
    /// Whoever holds the address in a mail that stops reminders; good for that alone.
    StopLink,
    /// Anybody with a working account.
    SignedIn,
    /// Accounts whose role may do this at all; the verb decides about the subject.
    May(Action),
    /// The gateway for text messages, by its signature.
    Gateway,
    /// Only in the demo, and only from the machine itself.
    Demo,
}
