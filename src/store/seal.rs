//! The seals of the audit: every few seconds the events so far are sealed in a chain, so that an edit, a deletion or a cut tail shows in [`check`]. What a change of
//! key means for it: `key_change`.

use super::audit::{Before, EventRow, PAGE, SealRow, ask, events_after, newest_place};
use super::engine::on_engine;
use super::id::moved;
use super::key_change::{self, KeyChange};
use super::schema::{audit_event, audit_seal};
use super::{Fault, Tx};
use crate::domain::ids::OrgId;
use chrono::NaiveDateTime;
use diesel::prelude::*;

/// Events younger than this, in milliseconds, are not sealed yet: a transaction may still be open that will add an older one.
const SEAL_LAG_MS: u64 = 20_000;
/// How many of the newest events tell whose key this is: more than one, because an edited event fits no key.
const KEY_EVENTS: i64 = 16;

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
        .limit(PAGE as i64)
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

/// Checks the changes of key; says what the ordinary seals go on from.
fn go_on_from(tx: &mut Tx, org: OrgId, check: &mut AuditCheck) -> Result<Before, Fault> {
    let changes = key_change::check(tx, org)?;
    check.key_changes = changes.told;
    check.broken_changes = changes.broken;
    check.events = changes.events;
    check.of_earlier_keys = changes.events;
    Ok(changes.before)
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
    } = go_on_from(tx, org, &mut check)?;
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
