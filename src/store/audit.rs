//! The audit: events are only ever added, each carries a keyed digest of itself, and every few seconds the events so far are sealed in a
//! chain, so that an edit, a deletion or a cut tail shows in [`check`]. What a change of key means for it: `key_change`.

use super::engine::on_engine;
use super::id::{millis_of, moved};
use super::kept::kept;
use super::key_change::{self, KeyChange};
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

/// Events younger than this, in milliseconds, are not sealed yet: a transaction may still be open that will add an older one.
const SEAL_LAG_MS: u64 = 20_000;
/// How many of the newest events tell whose key this is: more than one, because an edited event fits no key.
const KEY_EVENTS: i64 = 16;
/// At most so many events in one seal, so that each turn is short.
pub const SEAL_MOST_EVENTS: usize = 2_000;

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
fn ask<T>(
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
fn newest_place(tx: &mut Tx, org: OrgId) -> Result<Option<u64>, Fault> {
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

/// What a key is to the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// The data was last written with it, or nothing is written yet.
    Fits,
    /// It was the data's key until then, UTC, when it was replaced.
    Replaced(NaiveDateTime),
    /// None of the newest events was written with it.
    Foreign,
}

/// Whether the data was last written with this key.
///
/// # Errors
/// When the database fails.
pub fn fits_key(tx: &mut Tx, org: OrgId) -> Result<Fit, Fault> {
    let newest: Vec<EventRow> = audit_event::table
        .filter(audit_event::org_id.eq(org))
        .order(audit_event::id.desc())
        .limit(KEY_EVENTS)
        .load(&mut tx.db)?;
    // What stands before a change of key was written with another.
    let change = newest.iter().find(|event| event.act == key_change::ACT);
    let fits = newest.iter().find(|event| event.fits(tx));
    Ok(match (fits, change) {
        _ if newest.is_empty() => Fit::Fits,
        (Some(fits), Some(change)) if fits.id < change.id => Fit::Replaced(change.at),
        (Some(_), _) => Fit::Fits,
        (None, _) => Fit::Foreign,
    })
}

/// A seal that is made and not stored yet.
#[derive(Debug, Clone)]
pub struct Seal(SealRow);

impl Seal {
    /// How many events it covers.
    pub fn events(&self) -> usize {
        usize::try_from(self.0.events).unwrap_or(0)
    }
}

/// Makes the seal of what is old enough; `None` when that is nothing. Only reads, so that no patient's answer waits for it.
///
/// # Errors
/// When the database fails.
pub fn make_seal(tx: &mut Tx, org: OrgId, now: NaiveDateTime) -> Result<Option<Seal>, Fault> {
    let last = last_seal(tx, org)?;
    // Only what the chain covers is read.
    let events: Vec<(Vec<u8>, Vec<u8>)> = audit_event::table
        .filter(
            audit_event::org_id
                .eq(org)
                .and(audit_event::id.gt(&last.up_to)),
        )
        .filter(audit_event::id.lt(old_enough(tx, org, now)?))
        .order(audit_event::id)
        .limit(SEAL_MOST_EVENTS as i64)
        .select((audit_event::id, audit_event::mac))
        .load(&mut tx.db)?;
    let Some((newest, _)) = events.last() else {
        return Ok(None);
    };
    Ok(Some(Seal(SealRow {
        org_id: org,
        number: last.number + 1,
        up_to: newest.clone(),
        events: i64::try_from(events.len()).unwrap_or(i64::MAX),
        digest: chain(
            tx,
            &last.digest,
            events.iter().map(|(id, mac)| (&id[..], &mac[..])),
        ),
    })))
}

/// The first id that is too young to be sealed. Of a millisecond all are or none: within one, ids stand in no order.
fn old_enough(tx: &mut Tx, org: OrgId, now: NaiveDateTime) -> Result<[u8; 16], Fault> {
    let clock = u64::try_from(now.and_utc().timestamp_millis()).unwrap_or(0);
    let newest = newest_place(tx, org)?;
    let place = ask(tx, org, clock, |order| order.look(clock, newest))?;
    Ok(moved([0; 16], place.saturating_sub(SEAL_LAG_MS)))
}

/// What the next seal goes on from.
fn last_seal(tx: &mut Tx, org: OrgId) -> Result<Before, Fault> {
    let last: Option<SealRow> = audit_seal::table
        .filter(audit_seal::org_id.eq(org).and(audit_seal::number.gt(0)))
        .order(audit_seal::number.desc())
        .first(&mut tx.db)
        .optional()?;
    let last = last.map_or_else(Before::default, |seal| Before {
        up_to: seal.up_to,
        digest: seal.digest,
        number: seal.number,
    });
    Ok(match key_change::newest(tx, org)? {
        Some(change) if change.up_to > last.up_to => Before {
            up_to: change.up_to,
            digest: change.digest,
            ..last
        },
        _ => last,
    })
}

/// Stores a seal, unless another node stored one of that number first.
///
/// # Errors
/// When the database fails.
pub fn store_seal(tx: &mut Tx, seal: &Seal) -> Result<(), Fault> {
    on_engine!(tx, db => diesel::insert_into(audit_seal::table).values(&seal.0).on_conflict_do_nothing().execute(db))?;
    Ok(())
}

/// Some events behind this one, in order; an empty id for those from the beginning.
pub(super) fn events_after(tx: &mut Tx, org: OrgId, after: &[u8]) -> Result<Vec<EventRow>, Fault> {
    Ok(audit_event::table
        .filter(audit_event::org_id.eq(org).and(audit_event::id.gt(after)))
        .order(audit_event::id)
        .limit(SEAL_MOST_EVENTS as i64)
        .load(&mut tx.db)?)
}

/// The digest of a seal: over the one before and, in order, each event's id and own digest.
fn chain<'a>(
    tx: &Tx,
    previous: &[u8],
    events: impl Iterator<Item = (&'a [u8], &'a [u8])>,
) -> Vec<u8> {
    let macs: Vec<u8> = events
        .flat_map(|(id, mac)| id.iter().chain(mac))
        .copied()
        .collect();
    tx.seal.digest("audit seal", &[previous, &macs]).to_vec()
}

/// What the audit says about itself.
#[derive(Debug, Default)]
pub struct AuditCheck {
    /// How many events there are.
    pub events: usize,
    /// Of these, how many were written with an earlier key. Nobody can tell any more whether they were changed before the newest change of key; since then they
    /// were not, unless a change is among the broken.
    pub of_earlier_keys: usize,
    /// Events whose content is not what was written.
    pub edited: Vec<String>,
    /// Seals that do not fit their events: something was taken out, put in or moved.
    pub broken_seals: Vec<i64>,
    /// Every change of key, oldest first.
    pub key_changes: Vec<KeyChange>,
    /// Changes of key, by number, that were not written by whoever has the key, or before which something is not as they found it.
    pub broken_changes: Vec<i64>,
}

/// Reads the whole audit and checks every digest and every seal.
///
/// # Errors
/// When the database fails.
pub fn check(tx: &mut Tx, org: OrgId) -> Result<AuditCheck, Fault> {
    let mut check = AuditCheck::default();
    let Before {
        mut up_to,
        mut digest,
        number,
    } = key_change::check(tx, org, &mut check)?;
    let seals: Vec<SealRow> = audit_seal::table
        .filter(audit_seal::org_id.eq(org).and(audit_seal::number.gt(0)))
        .filter(audit_seal::up_to.gt(&up_to))
        .order(audit_seal::number)
        .load(&mut tx.db)?;
    for (expected, seal) in (number + 1..).zip(seals) {
        let events: Vec<EventRow> = audit_event::table
            .filter(
                audit_event::org_id
                    .eq(org)
                    .and(audit_event::id.gt(&up_to))
                    .and(audit_event::id.le(&seal.up_to)),
            )
            .order(audit_event::id)
            .load(&mut tx.db)?;
        check.look_at(tx, &events);
        let whole = i64::try_from(events.len()) == Ok(seal.events)
            && chain(
                tx,
                &digest,
                events.iter().map(|event| (&event.id[..], &event.mac[..])),
            ) == seal.digest;
        if !whole || seal.number != expected {
            check.broken_seals.push(seal.number);
        }
        (up_to, digest) = (seal.up_to, seal.digest);
    }
    check.look_at_unsealed(tx, org, up_to)?;
    Ok(check)
}

impl AuditCheck {
    /// Whether all of it can be checked and is as it was written.
    pub fn is_whole(&self) -> bool {
        self.edited.is_empty() && self.broken_seals.is_empty() && self.broken_changes.is_empty()
    }

    fn look_at(&mut self, tx: &Tx, events: &[EventRow]) {
        self.events += events.len();
        let edited = events.iter().filter(|event| !event.fits(tx));
        self.edited.extend(edited.map(|event| hex(&event.id)));
    }

    fn look_at_unsealed(
        &mut self,
        tx: &mut Tx,
        org: OrgId,
        mut after: Vec<u8>,
    ) -> Result<(), Fault> {
        loop {
            let events = events_after(tx, org, &after)?;
            let Some(last) = events.last() else {
                return Ok(());
            };
            after.clone_from(&last.id);
            self.look_at(tx, &events);
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
