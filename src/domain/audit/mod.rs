//! What an audit event is, and the bytes that are sealed so that no edit goes unnoticed. Keys and storage live elsewhere.

pub mod order;

use super::access::Actor;
use super::ids::{AuditEventId, OrgId};
use chrono::NaiveDateTime;

/// One thing somebody did with patient data, or tried to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// The event's id, by its moment; where it is stored it may stand later ([`order`]).
    pub id: AuditEventId,
    /// The organisation.
    pub org: OrgId,
    /// When, UTC, to the microsecond.
    pub at: NaiveDateTime,
    /// What kind of actor: `staff`, `link`, `operator`, `system`.
    pub actor: &'static str,
    /// The actor's id, where one exists.
    pub actor_id: Option<[u8; 16]>,
    /// The act, in one word with underscores.
    pub act: &'static str,
    /// What kind of thing it was done to.
    pub subject: &'static str,
    /// The thing's id.
    pub subject_id: Option<[u8; 16]>,
    /// `done` or why not. Of a change of key: its reason.
    pub outcome: &'static str,
}

/// What was known of the site's key when it was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyBefore {
    /// Nobody had it at hand.
    Missing,
    /// It was there, and the audit was whole under it.
    AtHand,
}

impl KeyBefore {
    /// As the audit names it.
    pub fn word(self) -> &'static str {
        match self {
            KeyBefore::Missing => "missing_key",
            KeyBefore::AtHand => "key_at_hand",
        }
    }

    /// As people read it.
    pub fn words(self) -> &'static str {
        match self {
            KeyBefore::Missing => "not at hand: what was written with it could not be checked",
            KeyBefore::AtHand => {
                "at hand: what was written with it was checked then, and nothing was broken"
            }
        }
    }

    /// What people read for a word in the audit. A word that is none of ours stays as it is.
    pub fn words_of(word: &str) -> &str {
        [KeyBefore::Missing, KeyBefore::AtHand]
            .into_iter()
            .find(|known| known.word() == word)
            .map_or(word, |known| known.words())
    }
}

/// The actor as the audit names it: a word and an id.
pub fn name_actor(actor: &Actor) -> (&'static str, Option<[u8; 16]>) {
    match actor {
        Actor::Staff(staff) => ("staff", Some(*staff.id.bytes())),
        Actor::LinkHolder { patient, .. } => ("link", Some(*patient.bytes())),
        Actor::Operator { .. } => ("operator", None),
        Actor::System { .. } => ("system", None),
    }
}

/// The bytes of an event that its seal covers: every field, each led by its length so that no two events share bytes.
pub fn sealed_bytes(stored: &StoredEvent<'_>) -> Vec<u8> {
    let at = stored.at.and_utc().timestamp_micros().to_be_bytes();
    let fields: [&[u8]; 9] = [
        stored.org,
        stored.id,
        &at,
        stored.actor.as_bytes(),
        stored.actor_id.unwrap_or_default(),
        stored.act.as_bytes(),
        stored.subject.as_bytes(),
        stored.subject_id.unwrap_or_default(),
        stored.outcome.as_bytes(),
    ];
    let mut bytes = Vec::with_capacity(160);
    for field in fields {
        bytes.extend_from_slice(&(field.len() as u32).to_be_bytes());
        bytes.extend_from_slice(field);
    }
    bytes
}

/// An event as it stands in the database, borrowed for sealing or checking.
#[derive(Debug, Clone, Copy)]
pub struct StoredEvent<'a> {
    /// Organisation id.
    pub org: &'a [u8],
    /// Event id.
    pub id: &'a [u8],
    /// When.
    pub at: NaiveDateTime,
    /// Kind of actor.
    pub actor: &'a str,
    /// Actor's id.
    pub actor_id: Option<&'a [u8]>,
    /// The act.
    pub act: &'a str,
    /// Kind of subject.
    pub subject: &'a str,
    /// Subject's id.
    pub subject_id: Option<&'a [u8]>,
    /// Outcome.
    pub outcome: &'a str,
}

impl AuditEvent {
    /// The event as it will stand in the database.
    pub fn stored(&self) -> StoredEvent<'_> {
        StoredEvent {
            org: self.org.bytes(),
            id: self.id.bytes(),
            at: self.at,
            actor: self.actor,
            actor_id: self.actor_id.as_ref().map(|id| &id[..]),
            act: self.act,
            subject: self.subject,
            subject_id: self.subject_id.as_ref().map(|id| &id[..]),
            outcome: self.outcome,
        }
    }
}
