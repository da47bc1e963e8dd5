//! Changes of the site's key. What was written with the key before can no longer be told from what somebody made up, so a change is an audit event under
//! the new key that says so for good, and a seal under the new key over everything that stood before it: from then on nothing of that can be changed unnoticed either.
//! Such seals are numbered downwards from -1, beside the ordinary ones, so that all changes are found at once.

use super::audit::{self, Before, EventRow, SealRow};
use super::schema::{audit_event, audit_seal};
use super::{Fault, Tx};
use crate::domain::access::Permit;
use crate::domain::audit::{KeyBefore, StoredEvent, sealed_bytes};
use crate::domain::ids::{Id, OrgId};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The act of the event.
pub(super) const ACT: &str = "replace_key";

/// A change of key, as its event tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyChange {
    /// When, UTC.
    pub at: NaiveDateTime,
    /// Why, in the operator's words.
    pub because: String,
    /// What was known of the key before, in words.
    pub key_before: String,
    /// How many audit events were written before it, none of which can be checked with the new key.
    pub events_before: i64,
    /// When the newest of them happened, UTC.
    pub newest_before: Option<NaiveDateTime>,
}

/// Writes down that from now on the key is the one that this store was opened with, and seals with it everything that was written before.
/// Whoever calls it sees to it that nobody else writes.
///
/// # Errors
/// When the database fails.
pub fn record(
    tx: &mut Tx,
    permit: &Permit,
    before: KeyBefore,
    because: &str,
    now: NaiveDateTime,
) -> Result<KeyChange, Fault> {
    let org = permit.org();
    let event = audit::event_by(permit.actor(), ACT, before.word(), None::<Id<()>>, now);
    // Behind everything, to the millisecond; and what comes later stands behind it.
    audit::begin_anew(tx);
    let id = audit::place(tx, &event)?;
    audit::begin_anew(tx);
    audit::put(
        tx,
        &StoredEvent {
            id: &id,
            outcome: because,
            ..event.stored()
        },
    )?;
    let number = newest(tx, org)?.map_or(0, |change| change.number) - 1;
    let frozen = Frozen::of(tx, org, &id)?;
    diesel::insert_into(audit_seal::table)
        .values(SealRow {
            org_id: org,
            number,
            up_to: id.to_vec(),
            events: frozen.events,
            digest: frozen.digest,
        })
        .execute(&mut tx.db)?;
    Ok(KeyChange {
        at: now,
        because: because.to_owned(),
        key_before: before.words().to_owned(),
        events_before: frozen.events,
        newest_before: newest_before(tx, org, &id)?,
    })
}

/// Every change of key, oldest first, as it is stored: whether they are what was written only [`super::seal::check`] says.
///
/// # Errors
/// When the database fails.
pub fn all(tx: &mut Tx, org: OrgId) -> Result<Vec<KeyChange>, Fault> {
    let mut told = vec![];
    for seal in seals(tx, org)? {
        if let Some(event) = event_of(tx, &seal)? {
            told.push(tell(tx, &seal, &event)?);
        }
    }
    Ok(told)
}

/// The seal of the newest change.
pub(super) fn newest(tx: &mut Tx, org: OrgId) -> Result<Option<SealRow>, Fault> {
    Ok(seals(tx, org)?.pop())
}

fn seals(tx: &mut Tx, org: OrgId) -> Result<Vec<SealRow>, Fault> {
    Ok(audit_seal::table
        .filter(audit_seal::org_id.eq(org).and(audit_seal::number.lt(0)))
        .order(audit_seal::number.desc())
        .load(&mut tx.db)?)
}

fn event_of(tx: &mut Tx, seal: &SealRow) -> Result<Option<EventRow>, Fault> {
    Ok(audit_event::table
        .find((seal.org_id, &seal.up_to))
        .filter(audit_event::act.eq(ACT))
        .get_result(&mut tx.db)
        .optional()?)
}

fn tell(tx: &mut Tx, seal: &SealRow, event: &EventRow) -> Result<KeyChange, Fault> {
    Ok(KeyChange {
        at: event.at,
        because: event.outcome.clone(),
        key_before: KeyBefore::words_of(&event.subject).to_owned(),
        events_before: seal.events,
        newest_before: newest_before(tx, seal.org_id, &seal.up_to)?,
    })
}

fn newest_before(tx: &mut Tx, org: OrgId, id: &[u8]) -> Result<Option<NaiveDateTime>, Fault> {
    Ok(audit_event::table
        .filter(audit_event::org_id.eq(org).and(audit_event::id.lt(id)))
        .order(audit_event::id.desc())
        .select(audit_event::at)
        .first(&mut tx.db)
        .optional()?)
}

/// What came of checking the changes of key.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// All of them, oldest first.
    pub(super) told: Vec<KeyChange>,
    /// Those, by number, that were not written by whoever has the key, or before which something is not as they found it.
    pub(super) broken: Vec<i64>,
    /// How many events were written with an earlier key.
    pub(super) events: usize,
    /// What the ordinary seals go on from: the newest change that was written with this key. One that was not is none: then what stands before it has to fit this key
    /// like everything else.
    pub(super) before: Before,
}

/// Checks the changes.
pub(super) fn check(tx: &mut Tx, org: OrgId) -> Result<Changes, Fault> {
    let mut changes = Changes::default();
    let mut seen = vec![];
    for seal in seals(tx, org)? {
        let event = event_of(tx, &seal)?;
        if let Some(event) = &event {
            changes.told.push(tell(tx, &seal, event)?);
        }
        let fits = event.is_some_and(|event| event.fits(tx));
        seen.push((seal, fits));
    }
    let ours = seen.iter().rposition(|(_, fits)| *fits);
    for (nth, (seal, _)) in seen.iter().enumerate() {
        let foreign = ours.is_none_or(|ours| nth > ours);
        if foreign || i64::try_from(nth) != Ok(-seal.number - 1) {
            changes.broken.push(seal.number);
        }
    }
    let Some((seal, _)) = ours.map(|nth| seen.swap_remove(nth)) else {
        return Ok(changes);
    };
    let frozen = Frozen::of(tx, org, &seal.up_to)?;
    if (frozen.events, &frozen.digest) != (seal.events, &seal.digest) {
        changes.broken.push(seal.number);
    }
    changes.events = usize::try_from(frozen.events).unwrap_or(0);
    changes.before = Before {
        up_to: seal.up_to,
        digest: seal.digest,
        number: frozen.seals,
    };
    Ok(changes)
}

/// Everything that stood in the audit before a change, as it was then.
struct Frozen {
    events: i64,
    /// Ordinary seals.
    seals: i64,
    digest: Vec<u8>,
}

impl Frozen {
    fn of(tx: &mut Tx, org: OrgId, change: &[u8]) -> Result<Frozen, Fault> {
        let mut all = Sha256::new();
        let events = freeze_events(tx, org, change, &mut all)?;
        let seals = freeze_seals(tx, org, change, &mut all)?;
        let parts: [&[u8]; 2] = [change, &all.finalize()];
        let digest = tx.seal.digest("audit before a change of key", &parts);
        Ok(Frozen {
            events,
            seals,
            digest: digest.to_vec(),
        })
    }
}

/// Whole events, and not their own digests alone: those say nothing without their key.
fn freeze_events(tx: &mut Tx, org: OrgId, change: &[u8], all: &mut Sha256) -> Result<i64, Fault> {
    let (mut count, mut after) = (0, vec![]);
    loop {
        let page = audit::events_after(tx, org, &after)?;
        let Some(last) = page.last() else {
            return Ok(count);
        };
        after.clone_from(&last.id);
        for event in &page {
            if event.id[..] >= *change {
                return Ok(count);
            }
            add_part(all, &sealed_bytes(&event.stored()));
            add_part(all, &event.mac);
            count += 1;
        }
    }
}

/// Seals and earlier changes; says how many ordinary seals.
fn freeze_seals(tx: &mut Tx, org: OrgId, change: &[u8], all: &mut Sha256) -> Result<i64, Fault> {
    let mut ordinary = 0;
    let mut after = i64::MIN;
    loop {
        let page: Vec<SealRow> = audit_seal::table
            .filter(audit_seal::org_id.eq(org).and(audit_seal::number.gt(after)))
            .filter(audit_seal::up_to.lt(change))
            .order(audit_seal::number)
            .limit(audit::PAGE as i64)
            .load(&mut tx.db)?;
        let Some(last) = page.last() else {
            return Ok(ordinary);
        };
        after = last.number;
        for seal in &page {
            add_part(all, &seal.number.to_be_bytes());
            add_part(all, &seal.up_to);
            add_part(all, &seal.events.to_be_bytes());
            add_part(all, &seal.digest);
            ordinary = ordinary.max(seal.number);
        }
    }
}

fn add_part(all: &mut Sha256, part: &[u8]) {
    all.update((part.len() as u64).to_be_bytes());
    all.update(part);
}
