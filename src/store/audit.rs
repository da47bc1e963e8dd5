//! The audit: events are only ever added, each carries a keyed digest of itself, and every few seconds the events so far are sealed in a
//! chain, so that an edit, a deletion or a cut tail shows in [`check`].

use super::engine::on_engine;
use super::kept::kept;
use super::schema::{audit_event, audit_seal};
use super::{Fault, Moment, Tx, fresh};
use crate::domain::access::{Actor, Permit};
use crate::domain::audit::{AuditEvent, StoredEvent, name_actor, sealed_bytes};
use crate::domain::ids::{Id, OrgId};
use chrono::{NaiveDateTime, SubsecRound, TimeDelta};
use diesel::prelude::*;
use diesel::sql_types::{Binary, Nullable, Text, Timestamp};

/// Events younger than this are not sealed yet: a transaction may still be open that will add an older one.
const SEAL_LAG: TimeDelta = TimeDelta::seconds(20);
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

/// Adds an event as it is.
///
/// # Errors
/// When the database fails.
pub fn add(tx: &mut Tx, event: &AuditEvent) -> Result<(), Fault> {
    let stored = event.stored();
    let mac = mac_of(tx, &stored);
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
struct EventRow {
    org_id: Vec<u8>,
    id: Vec<u8>,
    at: NaiveDateTime,
    actor: String,
    actor_id: Option<Vec<u8>>,
    act: String,
    subject: String,
    subject_id: Option<Vec<u8>>,
    outcome: String,
    mac: Vec<u8>,
}

impl EventRow {
    fn stored(&self) -> StoredEvent<'_> {
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
}

#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = audit_seal)]
struct SealRow {
    org_id: OrgId,
    number: i64,
    up_to: Vec<u8>,
    events: i64,
    digest: Vec<u8>,
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

/// Whether the data was last written with this key: one of the newest events fits it, or there is none.
///
/// # Errors
/// When the database fails.
pub fn fits_key(tx: &mut Tx, org: OrgId) -> Result<bool, Fault> {
    let newest: Vec<EventRow> = audit_event::table
        .filter(audit_event::org_id.eq(org))
        .order(audit_event::id.desc())
        .limit(KEY_EVENTS)
        .load(&mut tx.db)?;
    let fits = |event: &EventRow| mac_of(tx, &event.stored())[..] == event.mac[..];
    Ok(newest.is_empty() || newest.iter().any(fits))
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
    let last: Option<SealRow> = audit_seal::table
        .filter(audit_seal::org_id.eq(org))
        .order(audit_seal::number.desc())
        .first(&mut tx.db)
        .optional()?;
    let after = last
        .as_ref()
        .map_or_else(Vec::new, |seal| seal.up_to.clone());
    // Events stand in the order of their ids, which know no more than the millisecond: a limit within one could take an event along and leave another out that stands before it.
    let before = (now - SEAL_LAG).trunc_subsecs(3);
    // Only what the chain covers is read.
    let events: Vec<(Vec<u8>, Vec<u8>)> = audit_event::table
        .filter(audit_event::org_id.eq(org).and(audit_event::id.gt(&after)))
        .filter(audit_event::at.lt(before))
        .order(audit_event::id)
        .limit(SEAL_MOST_EVENTS as i64)
        .select((audit_event::id, audit_event::mac))
        .load(&mut tx.db)?;
    let Some((newest, _)) = events.last() else {
        return Ok(None);
    };
    Ok(Some(Seal(SealRow {
        org_id: org,
        number: last.as_ref().map_or(1, |seal| seal.number + 1),
        up_to: newest.clone(),
        events: i64::try_from(events.len()).unwrap_or(i64::MAX),
        digest: chain(
            tx,
            last.as_ref().map_or(&[][..], |seal| &seal.digest),
            events.iter().map(|(id, mac)| (&id[..], &mac[..])),
        ),
    })))
}

/// Stores a seal, unless another node stored one of that number first.
///
/// # Errors
/// When the database fails.
pub fn store_seal(tx: &mut Tx, seal: &Seal) -> Result<(), Fault> {
    on_engine!(tx, db => diesel::insert_into(audit_seal::table).values(&seal.0).on_conflict_do_nothing().execute(db))?;
    Ok(())
}

fn events_between(
    tx: &mut Tx,
    org: OrgId,
    after: &[u8],
    before: NaiveDateTime,
) -> Result<Vec<EventRow>, Fault> {
    Ok(audit_event::table
        .filter(
            audit_event::org_id
                .eq(org)
                .and(audit_event::id.gt(after))
                .and(audit_event::at.lt(before)),
        )
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
    /// Events whose content is not what was written.
    pub edited: Vec<String>,
    /// Seals that do not fit their events: something was taken out, put in or moved.
    pub broken_seals: Vec<i64>,
}

/// Reads the whole audit and checks every digest and every seal.
///
/// # Errors
/// When the database fails.
pub fn check(tx: &mut Tx, org: OrgId) -> Result<AuditCheck, Fault> {
    let mut check = AuditCheck::default();
    let seals: Vec<SealRow> = audit_seal::table
        .filter(audit_seal::org_id.eq(org))
        .order(audit_seal::number)
        .load(&mut tx.db)?;
    let (mut after, mut previous) = (vec![], vec![]);
    for (expected, seal) in (1..).zip(seals) {
        let events: Vec<EventRow> = audit_event::table
            .filter(
                audit_event::org_id
                    .eq(org)
                    .and(audit_event::id.gt(&after))
                    .and(audit_event::id.le(&seal.up_to)),
            )
            .order(audit_event::id)
            .load(&mut tx.db)?;
        check.look_at(tx, &events);
        let whole = i64::try_from(events.len()) == Ok(seal.events)
            && chain(
                tx,
                &previous,
                events.iter().map(|event| (&event.id[..], &event.mac[..])),
            ) == seal.digest;
        if !whole || seal.number != expected {
            check.broken_seals.push(seal.number);
        }
        (after, previous) = (seal.up_to, seal.digest);
    }
    check.look_at_unsealed(tx, org, after)?;
    Ok(check)
}

/// Later than anything that is stored. `NaiveDateTime::MAX` would not do: as text its year sorts before ours.
fn end_of_time() -> NaiveDateTime {
    chrono::NaiveDate::from_ymd_opt(9999, 12, 31).map_or(NaiveDateTime::MAX, |day| {
        day.and_time(chrono::NaiveTime::MIN)
    })
}

impl AuditCheck {
    fn look_at(&mut self, tx: &Tx, events: &[EventRow]) {
        self.events += events.len();
        let edited = events
            .iter()
            .filter(|event| mac_of(tx, &event.stored())[..] != event.mac[..]);
        self.edited.extend(edited.map(|event| hex(&event.id)));
    }

    fn look_at_unsealed(
        &mut self,
        tx: &mut Tx,
        org: OrgId,
        mut after: Vec<u8>,
    ) -> Result<(), Fault> {
        loop {
            let events = events_between(tx, org, &after, end_of_time())?;
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
