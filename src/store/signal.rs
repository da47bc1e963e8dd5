//! Signals of the lower tier, and the decision each ends in. Which there are and why is `domain::risk`'s business. A decision is written once; nothing here takes a signal away.

use super::engine::{load_locked, on_engine};
use super::flag::within;
use super::kept::kept;
use super::schema::{administration, clinic, episode, in_error, patient, signal, staff, way_in};
use super::way_in::Mode;
use super::{Fault, Maybe, Moment, Tx};
use crate::domain::access::Permit;
use crate::domain::ids::{ClinicId, EpisodeId, OrgId, PatientId, ResponseId, SignalId, StaffId};
use crate::domain::risk::signal::SignalKind;
use chrono::NaiveDateTime;
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel::sql_types::{Binary, Integer, Nullable, Text, Timestamp};

/// A signal.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = signal)]
pub struct SignalRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Id.
    pub id: SignalId,
    /// About whom.
    pub patient_id: PatientId,
    /// Their episode.
    pub episode_id: EpisodeId,
    /// Where they are cared for.
    pub clinic_id: ClinicId,
    /// Who decides.
    pub owner_id: StaffId,
    /// What kind it is, as a word.
    pub kind: String,
    /// The instrument; empty where it is about none.
    pub instrument: String,
    /// The scale; empty where it is about none.
    pub scale: String,
    /// Version of the definition; empty where it is about none.
    pub version: String,
    /// The response after which it was seen last.
    pub response_id: Option<ResponseId>,
    /// Version of the site's safety policy; 0: as shipped.
    pub policy: i32,
    /// The figures it rests on, as JSON.
    pub facts: String,
    /// `open` or `decided`.
    pub state: String,
    /// When it was seen first.
    #[diesel(deserialize_as = Moment)]
    pub raised_at: NaiveDateTime,
    /// When it was seen last.
    #[diesel(deserialize_as = Moment)]
    pub last_at: NaiveDateTime,
    /// How often.
    pub times: i32,
    /// By when somebody should decide; `None` once decided.
    #[diesel(deserialize_as = Maybe)]
    pub due_at: Option<NaiveDateTime>,
    /// What was decided, as a word.
    pub choice: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// By whom.
    pub decided_by: Option<StaffId>,
    /// When.
    #[diesel(deserialize_as = Maybe)]
    pub decided_at: Option<NaiveDateTime>,
}

/// The state of a signal that waits.
pub const OPEN: &str = "open";
/// The state of one that ended in a decision.
pub const DECIDED: &str = "decided";

/// A signal with the names around it.
#[derive(Debug, Clone, Queryable)]
pub struct SignalNames {
    /// The signal.
    pub signal: SignalRow,
    /// The patient's name.
    pub patient: String,
    /// The clinic's name.
    pub clinic: String,
    /// The owner's name.
    pub owner: String,
}

/// A signal joined to the names around it.
macro_rules! named {
    () => {
        signal::table
            .inner_join(
                patient::table.on(patient::org_id
                    .eq(signal::org_id)
                    .and(patient::id.eq(signal::patient_id))),
            )
            .inner_join(
                clinic::table.on(clinic::org_id
                    .eq(signal::org_id)
                    .and(clinic::id.eq(signal::clinic_id))),
            )
            .inner_join(
                staff::table.on(staff::org_id
                    .eq(signal::org_id)
                    .and(staff::id.eq(signal::owner_id))),
            )
    };
}

/// Of which episode and what: one such signal waits at most.
#[derive(Debug, Clone, Copy)]
pub struct Which<'a> {
    /// Organisation.
    pub org: OrgId,
    /// The patient.
    pub patient: PatientId,
    /// Their episode.
    pub episode: EpisodeId,
    /// What kind.
    pub kind: SignalKind,
    /// The instrument; empty where it is about none.
    pub instrument: &'a str,
    /// The scale; empty where it is about none.
    pub scale: &'a str,
}

/// The signals of this name, newest first: the one that waits, if one does, and those that were decided. Locked until the transaction ends: a decision that
/// was under way is in it.
///
/// # Errors
/// When the database fails.
pub fn like(tx: &mut Tx, which: Which<'_>) -> Result<Vec<SignalRow>, Fault> {
    let like = Like::of(&which);
    Ok(load_locked!(tx, "signal", like)?)
}

/// The same at a glance. Nothing is kept from anybody: a lock would end with the statement, and PostgreSQL would wait for the disk to remember it.
///
/// # Errors
/// When the database fails.
pub fn glance(tx: &mut Tx, which: Which<'_>) -> Result<Vec<SignalRow>, Fault> {
    Ok(on_engine!(tx, db => Like::of(&which).load(db))?)
}

impl<'a> Like<'a> {
    fn of(which: &'a Which<'_>) -> Self {
        Like {
            org: &which.org,
            patient: &which.patient,
            episode: &which.episode,
            kind: which.kind.word(),
            instrument: which.instrument,
            scale: which.scale,
        }
    }
}

kept! {
    Like<'a> {
        org: &'a OrgId => Binary, patient: &'a PatientId => Binary, episode: &'a EpisodeId => Binary,
        kind: &'a str => Text, instrument: &'a str => Text, scale: &'a str => Text,
    } -> signal::SqlType;
    "SELECT org_id, id, patient_id, episode_id, clinic_id, owner_id, kind, instrument, scale, version, response_id, policy, facts, state, raised_at, last_at, times, \
    due_at, choice, reason, decided_by, decided_at FROM signal WHERE org_id = " org " AND patient_id = " patient " AND episode_id = " episode
    " AND kind = " kind " AND instrument = " instrument " AND scale = " scale ; " ORDER BY id DESC"
}

/// Adds a signal.
///
/// # Errors
/// When one of its name waits, or the database fails.
pub fn add(tx: &mut Tx, row: &SignalRow) -> Result<(), Fault> {
    on_engine!(tx, db => diesel::insert_into(signal::table).values(row).execute(db))?;
    Ok(())
}

/// A waiting signal that was seen again.
#[derive(Debug, Clone)]
pub struct Again {
    /// Organisation.
    pub org: OrgId,
    /// The signal.
    pub id: SignalId,
    /// The figures it rests on now, as JSON.
    pub facts: String,
    /// Version of the definition; empty where it is about none.
    pub version: String,
    /// Version of the site's safety policy.
    pub policy: i32,
    /// The response after which it was seen.
    pub response: Option<ResponseId>,
    /// When.
    pub at: NaiveDateTime,
    /// How often it had been seen before.
    pub was: i32,
}

/// Stores that a waiting signal, which [`like`] has locked, was seen again.
///
/// # Errors
/// When the database fails.
pub fn seen_again(tx: &mut Tx, again: &Again) -> Result<(), Fault> {
    let again = SeenAgain {
        facts: &again.facts,
        version: &again.version,
        policy: again.policy,
        response: again.response.as_ref(),
        last: Moment(again.at),
        times: again.was.saturating_add(1),
        org: &again.org,
        id: &again.id,
    };
    on_engine!(tx, db => again.execute(db))?;
    Ok(())
}

/// Stores the figures of a waiting signal, which [`like`] has locked, with a remark to them. It was not seen again.
///
/// # Errors
/// When the database fails.
pub fn set_facts(tx: &mut Tx, org: OrgId, id: SignalId, facts: &str) -> Result<(), Fault> {
    diesel::update(signal::table.find((org, id)))
        .set(signal::facts.eq(facts))
        .execute(&mut tx.db)?;
    Ok(())
}

kept! {
    SeenAgain<'a> {
        facts: &'a str => Text, version: &'a str => Text, policy: i32 => Integer, response: Option<&'a ResponseId> => Nullable<Binary>,
        last: Moment => Timestamp, times: i32 => Integer, org: &'a OrgId => Binary, id: &'a SignalId => Binary,
    }
    "UPDATE signal SET facts = " facts ", version = " version ", policy = " policy ", response_id = " response ", last_at = " last
    ", times = " times " WHERE org_id = " org " AND id = " id
}

/// Locks a signal until the transaction ends.
///
/// # Errors
/// When the database fails.
pub fn lock(tx: &mut Tx, org: OrgId, id: SignalId) -> Result<(), Fault> {
    tx.lock_row("signal", org.bytes(), id.bytes())
}

/// Whose patient a signal is about, for deciding access.
///
/// # Errors
/// When the database fails.
pub fn patient_of(tx: &mut Tx, org: OrgId, id: SignalId) -> Result<Option<PatientId>, Fault> {
    Ok(signal::table
        .find((org, id))
        .select(signal::patient_id)
        .get_result(&mut tx.db)
        .optional()?)
}

/// Whether this person has the signal, and it waits.
///
/// # Errors
/// When the database fails.
pub fn is_with(tx: &mut Tx, org: OrgId, id: SignalId, staff: StaffId) -> Result<bool, Fault> {
    let theirs = signal::table
        .find((org, id))
        .filter(signal::owner_id.eq(staff).and(signal::due_at.is_not_null()));
    Ok(theirs.count().get_result::<i64>(&mut tx.db)? > 0)
}

/// The signal with its names, locked until the transaction ends; only if it belongs to the permit's patient.
///
/// # Errors
/// When there is none, or the database fails.
pub fn load(tx: &mut Tx, permit: &Permit, id: SignalId) -> Result<SignalNames, Fault> {
    lock(tx, permit.org(), id)?;
    Ok(named!()
        .filter(signal::org_id.eq(permit.org()).and(signal::id.eq(id)))
        .filter(signal::patient_id.eq(about(permit)?))
        .select((
            signal::all_columns,
            patient::name,
            clinic::name,
            staff::name,
        ))
        .get_result(&mut tx.db)?)
}

fn about(permit: &Permit) -> Result<PatientId, Fault> {
    permit
        .patient()
        .ok_or_else(|| Fault::Corrupt("a permit without a patient".into()))
}

/// A licensed person's decision.
#[derive(Debug, Clone)]
pub struct DecisionRow {
    /// What was chosen, as a word.
    pub choice: &'static str,
    /// Why.
    pub reason: String,
    /// By whom.
    pub by: StaffId,
    /// When.
    pub at: NaiveDateTime,
}

/// Writes the decision on a signal that waits; says whether it still did.
///
/// # Errors
/// When the database fails.
pub fn decide(
    tx: &mut Tx,
    permit: &Permit,
    id: SignalId,
    decision: &DecisionRow,
) -> Result<bool, Fault> {
    let patient = about(permit)?;
    let written = diesel::update(
        signal::table
            .find((permit.org(), id))
            .filter(signal::patient_id.eq(patient))
            .filter(signal::due_at.is_not_null()),
    )
    .set((
        signal::state.eq(DECIDED),
        signal::due_at.eq(None::<NaiveDateTime>),
        signal::choice.eq(decision.choice),
        signal::reason.eq(&decision.reason),
        signal::decided_by.eq(decision.by),
        signal::decided_at.eq(decision.at),
    ))
    .execute(&mut tx.db)?;
    Ok(written == 1)
}

/// The waiting signals within the permit's reach, the first due first.
///
/// # Errors
/// When the database fails.
pub fn waiting(tx: &mut Tx, permit: &Permit) -> Result<Vec<SignalNames>, Fault> {
    let rows: Vec<SignalNames> = named!()
        .filter(
            signal::org_id
                .eq(permit.org())
                .and(signal::due_at.is_not_null()),
        )
        .order((signal::due_at, signal::id))
        .select((
            signal::all_columns,
            patient::name,
            clinic::name,
            staff::name,
        ))
        .load(&mut tx.db)?;
    Ok(rows
        .into_iter()
        .filter(|row| within(permit, row.signal.clinic_id, row.signal.owner_id))
        .collect())
}

/// How many signals wait within the permit's reach.
///
/// # Errors
/// When the database fails.
pub fn how_many_wait(tx: &mut Tx, permit: &Permit) -> Result<usize, Fault> {
    let waiting: Vec<(ClinicId, StaffId)> = signal::table
        .filter(
            signal::org_id
                .eq(permit.org())
                .and(signal::due_at.is_not_null()),
        )
        .select((signal::clinic_id, signal::owner_id))
        .load(&mut tx.db)?;
    Ok(waiting
        .into_iter()
        .filter(|(clinic, owner)| within(permit, *clinic, *owner))
        .count())
}

/// Every signal of the permit's patient, newest first.
///
/// # Errors
/// When the database fails.
pub fn of_patient(tx: &mut Tx, permit: &Permit) -> Result<Vec<SignalNames>, Fault> {
    Ok(named!()
        .filter(
            signal::org_id
                .eq(permit.org())
                .and(signal::patient_id.eq(about(permit)?)),
        )
        .order(signal::id.desc())
        .select((
            signal::all_columns,
            patient::name,
            clinic::name,
            staff::name,
        ))
        .load(&mut tx.db)?)
}

/// An open episode as far as silence is concerned: id, patient, clinic, clinician, first day.
pub type OpenEpisode = (EpisodeId, PatientId, ClinicId, StaffId, chrono::NaiveDate);

/// The next open episodes after this one, in the order of their ids.
///
/// # Errors
/// When the database fails.
pub fn open_episodes(
    tx: &mut Tx,
    org: OrgId,
    after: Option<EpisodeId>,
    most: i64,
) -> Result<Vec<OpenEpisode>, Fault> {
    let mut rows = episode::table
        .filter(episode::org_id.eq(org).and(episode::ended_on.is_null()))
        .order(episode::id)
        .limit(most)
        .select((
            episode::id,
            episode::patient_id,
            episode::clinic_id,
            episode::clinician_id,
            episode::started_on,
        ))
        .into_boxed();
    if let Some(after) = after {
        rows = rows.filter(episode::id.gt(after));
    }
    Ok(rows.load(&mut tx.db)?)
}

/// An occasion as far as silence is concerned: its state, when it was due, when it ended and why.
pub type Asked = (String, NaiveDateTime, Option<NaiveDateTime>, Option<String>);

/// What the patients of these episodes were asked themselves: neither what a clinician filled in, nor what was entered in error.
macro_rules! own {
    ($org:expr, $these:expr) => {
        administration::table
            .filter(
                administration::org_id
                    .eq($org)
                    .and($these)
                    .and(administration::informant_id.is_null()),
            )
            .filter(not(exists(
                way_in::table.filter(
                    way_in::org_id
                        .eq(administration::org_id)
                        .and(way_in::administration_id.eq(administration::id))
                        .and(way_in::mode.eq(Mode::Clinician.word())),
                ),
            )))
            .filter(not(exists(
                in_error::table.filter(
                    in_error::org_id
                        .eq(administration::org_id)
                        .and(in_error::administration_id.eq(administration::id))
                        .and(in_error::ended_at.is_null()),
                ),
            )))
    };
}

/// What the patient of an episode was asked themselves: neither what a clinician filled in, nor what was entered in error.
///
/// # Errors
/// When the database fails.
pub fn asked(tx: &mut Tx, org: OrgId, episode: EpisodeId) -> Result<Vec<Asked>, Fault> {
    Ok(own!(org, administration::episode_id.eq(episode))
        .select((
            administration::state,
            administration::due_at,
            administration::ended_at,
            administration::ended_why,
        ))
        .load(&mut tx.db)?)
}

/// The same of several episodes within the permit's reach, as far as it has ended.
///
/// # Errors
/// When the database fails.
pub fn ended(
    tx: &mut Tx,
    permit: &Permit,
    episodes: &[EpisodeId],
) -> Result<Vec<(EpisodeId, Asked)>, Fault> {
    if episodes.is_empty() {
        return Ok(vec![]);
    }
    let these = administration::episode_id.eq_any(episodes.to_vec());
    Ok(own!(permit.org(), these)
        .filter(administration::ended_at.is_not_null())
        .select((
            administration::episode_id,
            (
                administration::state,
                administration::due_at,
                administration::ended_at,
                administration::ended_why,
            ),
        ))
        .load(&mut tx.db)?)
}

/// Everybody who owns a waiting signal.
///
/// # Errors
/// When the database fails.
pub fn owners(tx: &mut Tx, org: OrgId) -> Result<Vec<StaffId>, Fault> {
    Ok(signal::table
        .filter(signal::org_id.eq(org).and(signal::due_at.is_not_null()))
        .select(signal::owner_id)
        .distinct()
        .load(&mut tx.db)?)
}

/// The waiting signals of one owner, the first due first.
///
/// # Errors
/// When the database fails.
pub fn owned_by(tx: &mut Tx, org: OrgId, owner: StaffId) -> Result<Vec<SignalRow>, Fault> {
    Ok(signal::table
        .filter(
            signal::org_id
                .eq(org)
                .and(signal::due_at.is_not_null())
                .and(signal::owner_id.eq(owner)),
        )
        .order((signal::due_at, signal::id))
        .load(&mut tx.db)?)
}

/// Gives a waiting signal to somebody else.
///
/// # Errors
/// When the database fails.
pub fn pass_to(tx: &mut Tx, org: OrgId, id: SignalId, owner: StaffId) -> Result<(), Fault> {
    diesel::update(
        signal::table
            .find((org, id))
            .filter(signal::due_at.is_not_null()),
    )
    .set(signal::owner_id.eq(owner))
    .execute(&mut tx.db)?;
    Ok(())
}

/// Which turn a node takes when it looks for silence.
const SILENCE_TURN: i32 = 17;

/// Lets one node at a time look for silence.
///
/// # Errors
/// When the database fails.
pub fn take_turn(tx: &mut Tx) -> Result<(), Fault> {
    tx.lock_turn(SILENCE_TURN)
}
