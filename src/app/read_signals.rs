//! Reading signals: what waits within reach, one signal with what was decided about the same before, a patient's, and the ledger of what people decided about signals and flags.
//! The readings are audited. Deciding is `decide_signal`.

use super::decide_signal::{Refusal, permit_for};
use super::read_caseload::site_zone;
use super::read_sending::clinics;
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Permit, Subject, decide};
use crate::domain::ids::{ClinicId, FlagId, PatientId, ResponseId, SignalId, StaffId};
use crate::domain::risk::Act;
use crate::store::closing::{self, ClosingRow};
use crate::store::flag::{self, FlagActRow, FlagNames};
use crate::store::ledger::{self, LedgerFilter, OfLedger};
use crate::store::signal::{self, SignalNames, Which};
use crate::store::{Fault, Tx, audit, in_error, patient, staff};
use chrono::NaiveDateTime;
use chrono_tz::Tz;
use std::collections::{HashMap, HashSet};

/// Entries on one page of the ledger.
pub const LEDGER_PAGE: usize = 50;
/// The most entries in one file of the ledger.
pub const LEDGER_MOST: usize = 20_000;

/// Signals as somebody may see them, with what is needed to print them.
#[derive(Debug, Clone)]
pub struct Signals {
    /// The signals.
    pub rows: Vec<SignalNames>,
    /// The answers behind them that were entered in error.
    pub in_error: HashSet<ResponseId>,
    /// Who works or worked here, by name.
    pub people: HashMap<StaffId, String>,
    /// The zone in which the site's days begin.
    pub zone: Tz,
    /// When this was read, UTC.
    pub now: NaiveDateTime,
}

fn signals(
    tx: &mut Tx,
    permit: &Permit,
    rows: Vec<SignalNames>,
    now: NaiveDateTime,
) -> Result<Signals, Fault> {
    let about: Vec<ResponseId> = rows
        .iter()
        .filter_map(|row| row.signal.response_id)
        .collect();
    Ok(Signals {
        in_error: in_error::among(tx, permit.org(), &about)?,
        rows,
        people: people(tx, permit)?,
        zone: site_zone(tx)?,
        now,
    })
}

fn people(tx: &mut Tx, permit: &Permit) -> Result<HashMap<StaffId, String>, Fault> {
    let rows = staff::all(tx, permit.org())?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}

/// What waits within the actor's reach: their own first, then the first due.
///
/// # Errors
/// Denied when the account sees no queue.
pub async fn read_waiting(app: &App, actor: Actor) -> Result<Signals, Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::SeeQueue, Subject::Organisation)?;
            let mut rows = signal::waiting(tx, &permit)?;
            let me = actor.staff().map(|staff| staff.id);
            rows.sort_by_key(|row| Some(row.signal.owner_id) != me);
            audit::record(tx, &permit, "signals", None::<SignalId>, now)?;
            Ok(signals(tx, &permit, rows, now)?)
        })
        .await
}

/// One signal, and behind it the others of the same name in the same episode, newest first.
///
/// # Errors
/// Refused when there is no such signal; denied when it is out of reach.
pub async fn read_signal(
    app: &App,
    actor: Actor,
    id: SignalId,
) -> Result<Signals, Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let permit = permit_for(tx, &actor, Action::SeeQueue, id)?;
            let one = signal::load(tx, &permit, id)?;
            let row = one.signal.clone();
            let which = Which {
                org: row.org_id,
                patient: row.patient_id,
                episode: row.episode_id,
                kind: row.kind.parse().map_err(Fault::from)?,
                instrument: &row.instrument,
                scale: &row.scale,
            };
            let before = signal::like(tx, which)?;
            let others = before
                .into_iter()
                .filter(|known| known.id != id)
                .map(|signal| SignalNames {
                    signal,
                    ..one.clone()
                });
            let rows = std::iter::once(one.clone()).chain(others).collect();
            audit::record(tx, &permit, "signal", Some(id), now)?;
            Ok(signals(tx, &permit, rows, now)?)
        })
        .await
}

/// Every signal of a patient, newest first. The reading of the record is audited by whoever shows it.
///
/// # Errors
/// Denied when the patient is out of reach.
pub async fn of_patient(
    app: &App,
    actor: Actor,
    id: PatientId,
) -> Result<Signals, Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .read(move |tx| {
            let subject = patient::place_of(tx, actor.org(), id)?
                .ok_or(Failure::Refused(Refusal::NoSignal))?;
            let permit = decide(&actor, Action::ReadPatient, subject)?;
            let rows = signal::of_patient(tx, &permit)?;
            Ok(signals(tx, &permit, rows, now)?)
        })
        .await
}

/// One entry of the ledger: a signal or a flag, with what a person decided.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A signal; its row says what was decided.
    Signal(Box<SignalNames>),
    /// A flag.
    Flag(Box<FlagEntry>),
}

/// A flag with what people did to it.
#[derive(Debug, Clone)]
pub struct FlagEntry {
    /// The flag.
    pub names: FlagNames,
    /// Who closed it, and the words of the act.
    pub closed: Option<(FlagActRow, Option<String>)>,
    /// The documented assessment, where there is one.
    pub closing: Option<ClosingRow>,
}

/// A part of the ledger.
#[derive(Debug, Clone)]
pub struct Ledger {
    /// Newest first.
    pub entries: Vec<Entry>,
    /// Where it goes on, if it does.
    pub goes_on: Option<[u8; 16]>,
    /// The clinics within reach, by name.
    pub clinics: Vec<(ClinicId, String)>,
    /// Who works or worked here, by name.
    pub people: HashMap<StaffId, String>,
    /// The zone in which the site's days begin.
    pub zone: Tz,
    /// When this was read, UTC.
    pub now: NaiveDateTime,
}

/// Reads the ledger: every signal and flag within reach with its decision, newest first, at most `most`.
///
/// # Errors
/// Denied when the account sees no queue.
pub async fn read_ledger(
    app: &App,
    actor: Actor,
    filter: LedgerFilter,
    most: usize,
) -> Result<Ledger, Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::SeeQueue, Subject::Organisation)?;
            let (rows, goes_on) = newest(tx, &permit, &filter, most)?;
            audit::record(tx, &permit, "ledger", None::<SignalId>, now)?;
            Ok(Ledger {
                entries: with_acts(tx, &permit, rows)?,
                goes_on,
                clinics: clinics(tx, &permit)?,
                people: people(tx, &permit)?,
                zone: site_zone(tx)?,
                now,
            })
        })
        .await
}

/// The newest signals and flags together, and the key behind which the next ones are.
fn newest(
    tx: &mut Tx,
    permit: &Permit,
    filter: &LedgerFilter,
    most: usize,
) -> Result<(Vec<OfLedger>, Option<[u8; 16]>), Fault> {
    let fetched = i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1);
    let mut rows = ledger::newest(tx, permit, filter, fetched)?;
    rows.sort_by_key(|row| std::cmp::Reverse(row.key()));
    let more = rows.len() > most;
    rows.truncate(most);
    let goes_on = rows.last().filter(|_| more).map(OfLedger::key);
    Ok((rows, goes_on))
}

fn with_acts(tx: &mut Tx, permit: &Permit, rows: Vec<OfLedger>) -> Result<Vec<Entry>, Fault> {
    let flags: Vec<FlagId> = rows
        .iter()
        .filter_map(|row| match row {
            OfLedger::Flag(names) => Some(names.flag.id),
            OfLedger::Signal(_) => None,
        })
        .collect();
    let mut closed: HashMap<FlagId, (FlagActRow, Option<String>)> = HashMap::new();
    let mut closings: HashMap<FlagId, ClosingRow> = HashMap::new();
    // In parts: no statement takes any number of ids.
    for part in flags.chunks(500) {
        for act in flag::acts_of(tx, permit, part)? {
            if act.0.act == Act::Closed.word() {
                closed.insert(act.0.flag_id, act);
            }
        }
        for row in closing::of_flags(tx, permit, part)? {
            closings.insert(row.flag_id, row);
        }
    }
    Ok(rows
        .into_iter()
        .map(|row| match row {
            OfLedger::Signal(names) => Entry::Signal(names),
            OfLedger::Flag(names) => {
                let id = names.flag.id;
                Entry::Flag(Box::new(FlagEntry {
                    names: *names,
                    closed: closed.remove(&id),
                    closing: closings.remove(&id),
                }))
            }
        })
        .collect())
}
