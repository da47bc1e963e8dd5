//! The audit: events are only ever added, and each carries a keyed digest of itself. How they are sealed in a chain, and checked: `seal`.

use super::engine::on_engine;
use super::id::{millis_of, moved};
use super::kept::kept;
use super::schema::{audit_event, audit_seal};
use super::{Fault, Moment, Tx, fresh};
use crate::domain::access::{Actor, Permit};
use crate::domain::audit::order::Order;
use crate::domain::audit::{AuditEvent, StoredEvent, name_actor, sealed_bytes};
use crate::domain::ids::{Id, OrgId};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{Binary, Nullable, Text, Timestamp};
use std::sync::{Arc, Mutex, PoisonError};

/// At most so many events are read or sealed at once, so that each turn is short.
pub const PAGE: usize = 2_000;

/// Writes down what was done under a permit.
///
/// # Errors
/// When the database fails.
pub fn record<K>(
    tx: &mut Tx,
    permit: &Permit,
    subject: &'static str,
    id: Option<Id<K>>,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    add(tx, &event(permit, subject, id, now))
}

/// What is written down about what was done under a permit.
pub fn event<K>(
    permit: &Permit,
    subject: &'static str,
    id: Option<Id<K>>,
    now: NaiveDateTime,
) -> AuditEvent {
    event_by(permit.actor(), permit.action().word(), subject, id, now)
}

/// Writes down an act that needs no permit: a link holder's, a sign-in, the program's own.
///
/// # Errors
/// When the database fails.
pub fn record_by<K>(
    tx: &mut Tx,
    actor: &Actor,
    act: &'static str,
    subject: &'static str,
    id: Option<Id<K>>,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    add(tx, &event_by(actor, act, subject, id, now))
}

/// What is written down about an act that needs no permit.
pub fn event_by<K>(
    actor: &Actor,
    act: &'static str,
    subject: &'static str,
    id: Option<Id<K>>,
    now: NaiveDateTime,
) -> AuditEvent {
    let (actor_word, actor_id) = name_actor(actor);
    AuditEvent {
        id: fresh(now),
        org: actor.org(),
        at: now,
        actor: actor_word,
        actor_id,
        act,
        subject,
        subject_id: id.map(|id| *id.bytes()),
        outcome: "done",
    }
}

/// Where the events of this process stand; nothing is known before the first.
pub(super) type Events = Arc<Mutex<Option<Order>>>;

/// Asks the order of events. The first time it begins behind what is stored.
pub(super) fn ask<T>(
    tx: &mut Tx,
    org: OrgId,
    clock: u64,
    ask: impl FnOnce(&mut Order) -> T,
) -> Result<T, Fault> {
    let events = Arc::clone(&tx.events);
    let mut known = events.lock().unwrap_or_else(PoisonError::into_inner);
    let mut order = match *known {
        Some(order) => order,
        None => Order::begin(clock, newest_place(tx, org)?),
    };
    let said = ask(&mut order);
    *known = Some(order);
    Ok(said)
}

/// Forgets the order: the next event begins it anew, behind everything that is stored.
pub(super) fn begin_anew(tx: &Tx) {
    *tx.events.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// Where the newest event stands.
pub(super) fn newest_place(tx: &mut Tx, org: OrgId) -> Result<Option<u64>, Fault> {
    let id: Option<Vec<u8>> = audit_event::table
        .filter(audit_event::org_id.eq(org))
        .order(audit_event::id.desc())
        .select(audit_event::id)
        .first(&mut tx.db)
        .optional()?;
    Ok(id.map(|id| millis_of(&id)))
}

/// The id under which an event is stored: its own, but for where the clock was put back ([`Order`]).
pub(super) fn place(tx: &mut Tx, event: &AuditEvent) -> Result<[u8; 16], Fault> {
    let id = *event.id.bytes();
    let clock = millis_of(&id);
    let place = ask(tx, event.org, clock, |order| order.place(clock))?;
    Ok(moved(id, place))
}

/// Adds an event.
///
/// # Errors
/// When the database fails.
pub fn add(tx: &mut Tx, event: &AuditEvent) -> Result<(), Fault> {
    let id = place(tx, event)?;
    put(
        tx,
        &StoredEvent {
            id: &id,
            ..event.stored()
        },
    )
}

/// Stores an event as it stands there.
pub(super) fn put(tx: &mut Tx, stored: &StoredEvent<'_>) -> Result<(), Fault> {
    let mac = mac_of(tx, stored);
    let add = Add {
        org: stored.org,
        id: stored.id,
        at: Moment(stored.at),
        actor: stored.actor,
        actor_id: stored.actor_id,
        act: stored.act,
        subject: stored.subject,
        subject_id: stored.subject_id,
        outcome: stored.outcome,
        mac: &mac,
    };
    on_engine!(tx, db => add.execute(db))?;
    Ok(())
}

kept! {
    Add<'a> { org: &'a [u8] => Binary, id: &'a [u8] => Binary, at: Moment => Timestamp, actor: &'a str => Text, actor_id: Option<&'a [u8]> => Nullable<Binary>, act: &'a str => Text, subject: &'a str => Text, subject_id: Option<&'a [u8]> => Nullable<Binary>, outcome: &'a str => Text, mac: &'a [u8] => Binary }
    "INSERT INTO audit_event (org_id, id, at, actor, actor_id, act, subject, subject_id, outcome, mac) VALUES (" org ", " id ", " at ", " actor ", " actor_id ", " act ", " subject ", " subject_id ", " outcome ", " mac ; ")"
}

/// Half a SHA-256 is plenty for a check that only this program makes.
pub(super) fn mac_of(tx: &Tx, event: &StoredEvent<'_>) -> [u8; 16] {
    let digest = tx.seal.digest("audit event", &[&sealed_bytes(event)]);
    let mut mac = [0; 16];
    mac.copy_from_slice(&digest[..16]);
    mac
}

#[derive(Debug, Clone, Queryable)]
pub(super) struct EventRow {
    org_id: Vec<u8>,
    pub(super) id: Vec<u8>,
    pub(super) at: NaiveDateTime,
    actor: String,
    actor_id: Option<Vec<u8>>,
    pub(super) act: String,
    pub(super) subject: String,
    subject_id: Option<Vec<u8>>,
    pub(super) outcome: String,
    pub(super) mac: Vec<u8>,
}

impl EventRow {
    pub(super) fn stored(&self) -> StoredEvent<'_> {
        StoredEvent {
            org: &self.org_id,
            id: &self.id,
            at: self.at,
            actor: &self.actor,
            actor_id: self.actor_id.as_deref(),
            act: &self.act,
            subject: &self.subject,
            subject_id: self.subject_id.as_deref(),
            outcome: &self.outcome,
        }
    }

    /// Whether this program wrote it, with this key.
    pub(super) fn fits(&self, tx: &Tx) -> bool {
        mac_of(tx, &self.stored())[..] == self.mac[..]
    }
}

/// A seal, numbered from 1; below zero stand the changes of key, which seal everything before them.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = audit_seal)]
pub(super) struct SealRow {
    pub(super) org_id: OrgId,
    pub(super) number: i64,
    pub(super) up_to: Vec<u8>,
    pub(super) events: i64,
    pub(super) digest: Vec<u8>,
}

/// What a seal goes on from: the seal or the change of key before it.
#[derive(Debug, Default)]
pub(super) struct Before {
    pub(super) up_to: Vec<u8>,
    pub(super) digest: Vec<u8>,
    /// How many seals there are so far.
    pub(super) number: i64,
}

/// When the newest event happened.
///
/// # Errors
/// When the database fails.
pub fn newest(tx: &mut Tx, org: OrgId) -> Result<Option<NaiveDateTime>, Fault> {
    Ok(audit_event::table
        .filter(audit_event::org_id.eq(org))
        .order(audit_event::id.desc())
        .select(audit_event::at)
        .first(&mut tx.db)
        .optional()?)
}

/// Some events behind this one, in order; an empty id for those from the beginning.
pub(super) fn events_after(tx: &mut Tx, org: OrgId, after: &[u8]) -> Result<Vec<EventRow>, Fault> {
    Ok(audit_event::table
        .filter(audit_event::org_id.eq(org).and(audit_event::id.gt(after)))
        .order(audit_event::id)
        .limit(PAGE as i64)
        .load(&mut tx.db)?)
}
