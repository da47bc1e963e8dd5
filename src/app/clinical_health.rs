//! Whether what safety rests on works at this moment: flags past their time, loops that fell silent, notices that do not leave, nobody licensed here. Read for the public
//! page that a monitor asks, and for the banner on staff pages. Counts only; nothing about anyone.

use super::safety_in_force::InForce;
use crate::domain::access::{Permit, Reach};
use crate::domain::ids::OrgId;
use crate::domain::risk::{FlagState, Standing, Tier};
use crate::domain::schedule::local_time;
use crate::store::flag_turn::{self, PastDue};
use crate::store::{Fault, Tx, cover, heartbeat, outbox};
use chrono::{NaiveDateTime, NaiveTime, TimeDelta};

/// The loops without which nobody is told.
const VITAL: [&str; 2] = ["escalation", "notices"];
/// A loop that was not heard of for this long is silent.
const SILENT_AFTER: TimeDelta = TimeDelta::seconds(60);
/// So long a notice may wait for the relay before a monitor is told. A first notice leaves within a minute.
const NOTICE_WAITS_MOST: TimeDelta = TimeDelta::minutes(5);
/// So long before staff pages say that the queue is what counts.
const NOTICE_BANNER_AFTER: TimeDelta = TimeDelta::minutes(2);

/// Why a monitor has to call somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// So many crisis flags were not acknowledged in time.
    NotAcknowledged(usize),
    /// So many crisis flags that somebody has are overdue.
    NotClosed(usize),
    /// This loop was not heard of for a minute.
    Silent(String),
    /// So many notices wait for longer than five minutes.
    NoticesWait(i64),
    /// Nobody licensed is here.
    NobodyHere,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reason::NotAcknowledged(n) => write!(f, "flags not acknowledged in time: {n}"),
            Reason::NotClosed(n) => write!(f, "flags acknowledged and overdue: {n}"),
            Reason::Silent(worker) => write!(f, "no heartbeat: {worker}"),
            Reason::NoticesWait(n) => {
                write!(f, "notices not sent for more than 5 minutes: {n}")
            }
            Reason::NobodyHere => f.write_str("nobody licensed is here"),
        }
    }
}

/// Everything that is wrong now; empty when all is well.
///
/// # Errors
/// When the database fails.
pub fn reasons(tx: &mut Tx, org: OrgId, now: NaiveDateTime) -> Result<Vec<Reason>, Fault> {
    let mut reasons = vec![];
    let late = Late::read(tx, org, now)?;
    if !late.open.is_empty() {
        reasons.push(Reason::NotAcknowledged(late.open.len()));
    }
    if !late.taken_on.is_empty() {
        reasons.push(Reason::NotClosed(late.taken_on.len()));
    }
    reasons.extend(silent(tx, &VITAL, now)?.into_iter().map(Reason::Silent));
    if let Some(unsent) = outbox::notices_unsent(tx, org, now, NOTICE_WAITS_MOST)? {
        reasons.push(Reason::NoticesWait(unsent.count));
    }
    if !somebody_here(tx, org, now)? {
        reasons.push(Reason::NobodyHere);
    }
    Ok(reasons)
}

/// Which of these loops were not heard of for a minute. One that was heard of in the future, by a clock that was ahead, is not known to live either.
///
/// # Errors
/// When the database fails.
pub fn silent(tx: &mut Tx, workers: &[&str], now: NaiveDateTime) -> Result<Vec<String>, Fault> {
    let beats = heartbeat::all(tx)?;
    let lives = |name: &str| {
        beats
            .iter()
            .any(|(known, at)| known == name && (now - *at).abs() < SILENT_AFTER)
    };
    Ok(workers
        .iter()
        .filter(|name| !lives(name))
        .map(|name| (*name).to_owned())
        .collect())
}

/// Crisis flags past their time.
struct Late {
    open: Vec<PastDue>,
    taken_on: Vec<PastDue>,
}

impl Late {
    fn read(tx: &mut Tx, org: OrgId, now: NaiveDateTime) -> Result<Late, Fault> {
        let past = flag_turn::past_due(tx, org, Tier::Crisis, now)?;
        if past.is_empty() {
            return Ok(Late {
                open: past,
                taken_on: vec![],
            });
        }
        let within = InForce::read(tx, org)?.policy.clocks.close_within();
        let (open, taken_on): (Vec<_>, Vec<_>) = past
            .into_iter()
            .partition(|flag| flag.state == FlagState::Open.word());
        Ok(Late {
            open,
            taken_on: taken_on
                .into_iter()
                .filter(|flag| flag.raised_at + within < now)
                .collect(),
        })
    }

    fn within(&self, permit: &Permit) -> usize {
        let near = |flag: &&PastDue| match permit.reach() {
            Reach::Everything => true,
            Reach::Clinics(clinics) => clinics.contains(&flag.clinic_id),
        };
        self.open.iter().chain(&self.taken_on).filter(near).count()
    }
}

fn somebody_here(tx: &mut Tx, org: OrgId, now: NaiveDateTime) -> Result<bool, Fault> {
    Ok(cover::candidates(tx, org, now)?
        .iter()
        .any(|person| person.standing == Standing::Eligible))
}

/// What staff pages say on top.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Warnings {
    /// Since when notices have not left, on the site's clock.
    pub notices_since: Option<NaiveTime>,
    /// Crisis flags past their time within reach; 0 for whoever does not see the queue.
    pub late: usize,
    /// Whether nobody licensed is here.
    pub nobody_here: bool,
}

/// Reads what staff pages say on top; about flags only for whoever has a `permit` for the queue.
///
/// # Errors
/// When the database fails.
pub fn warnings(
    tx: &mut Tx,
    org: OrgId,
    permit: Option<&Permit>,
    now: NaiveDateTime,
) -> Result<Warnings, Fault> {
    let unsent = outbox::notices_unsent(tx, org, now, NOTICE_BANNER_AFTER)?;
    let notices_since = match unsent {
        None => None,
        Some(unsent) => {
            let zone = InForce::read(tx, org)?.office.zone;
            Some(local_time(zone, unsent.oldest).time())
        }
    };
    Ok(Warnings {
        notices_since,
        late: match permit {
            None => 0,
            Some(permit) => Late::read(tx, org, now)?.within(permit),
        },
        nobody_here: !somebody_here(tx, org, now)?,
    })
}
