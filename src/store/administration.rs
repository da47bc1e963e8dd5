//! Administrations and the links that open them. A link holder's permission is the link itself: what is loaded here by a link's hash is that
//! one occasion, never the patient's record.

use super::engine::{get_locked, on_engine};
use super::kept::kept;
use super::response::EpisodeScaleRow;
use super::schema::{
    administration, clinic, contact_preference, episode, episode_scale, link, organisation,
    patient, staff,
};
use super::{Fault, Maybe, Moment, Tx};
use crate::domain::access::Permit;
use crate::domain::care::AdministrationState;
use crate::domain::ids::{
    AdministrationId, ClinicId, EpisodeId, InformantId, LinkId, OrgId, PatientId, StaffId,
};
use crate::domain::schedule::cover::Cover;
use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use diesel::sql_types::{Binary, Integer, Nullable, Timestamp};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One occasion on which a patient is asked.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = administration)]
pub struct AdministrationRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Id.
    pub id: AdministrationId,
    /// The episode it belongs to.
    pub episode_id: EpisodeId,
    /// Who is asked.
    pub patient_id: PatientId,
    /// Names the occasion within the episode.
    pub occasion: String,
    /// A battery: `phq9@1 pcl5@1`.
    pub instruments: String,
    /// Language tag.
    pub language: String,
    /// An [`AdministrationState`]'s word.
    pub state: String,
    /// When it falls due, UTC.
    #[diesel(deserialize_as = Moment)]
    pub due_at: NaiveDateTime,
    /// When it stops taking answers, UTC.
    #[diesel(deserialize_as = Moment)]
    pub expires_at: NaiveDateTime,
    /// When the patient pressed start.
    #[diesel(deserialize_as = Maybe)]
    pub opened_at: Option<NaiveDateTime>,
    /// When it reached an end.
    #[diesel(deserialize_as = Maybe)]
    pub ended_at: Option<NaiveDateTime>,
    /// Seconds in which it has to be handed in once it was begun.
    pub finish_within_s: i64,
    /// Who answers instead of the patient, if somebody does.
    pub informant_id: Option<InformantId>,
    /// Why it ended, in words for staff, where the state does not say it all.
    pub ended_why: Option<String>,
    /// What its scores open, if anything: `Step`s as their plan had them when it was made.
    pub step: Option<String>,
}

/// Adds an occasion.
///
/// # Errors
/// When the episode has one of that name, or the database fails.
pub fn add(tx: &mut Tx, _permit: &Permit, row: &AdministrationRow) -> Result<(), Fault> {
    diesel::insert_into(administration::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// Adds a link to an occasion. Only the hash of its token is kept.
///
/// # Errors
/// When the database fails.
pub fn add_link(
    tx: &mut Tx,
    permit: &Permit,
    id: LinkId,
    administration: AdministrationId,
    token_hash: &[u8],
    now: NaiveDateTime,
) -> Result<(), Fault> {
    diesel::insert_into(link::table)
        .values((
            link::token_hash.eq(token_hash),
            link::org_id.eq(permit.org()),
            link::id.eq(id),
            link::administration_id.eq(administration),
            link::created_at.eq(now),
        ))
        .execute(&mut tx.db)?;
    Ok(())
}

/// What a link stands for: one occasion, and who has to know of its answers. All that taking answers needs.
#[derive(Debug, Clone, Queryable)]
pub struct Slip {
    /// When the link was withdrawn, if it was.
    #[diesel(deserialize_as = Maybe)]
    pub revoked_at: Option<NaiveDateTime>,
    /// The occasion.
    pub administration: AdministrationRow,
    /// The episode's clinic.
    pub clinic_id: ClinicId,
    /// The responsible clinician.
    pub clinician_id: StaffId,
    /// What else than the link it takes to open it.
    pub guard: Guard,
}

/// What else than a link may be asked of whoever holds it. What opens it is decided in `app::check_link`.
#[derive(Debug, Clone, Default, Queryable)]
pub struct Guard {
    /// Hash of the secret that only the paired tablet holds; `None`: any device.
    pub tablet_hash: Option<Vec<u8>>,
    /// The year of birth on record; asked for where the site makes a second check.
    pub birth_year: Option<i32>,
}

impl Slip {
    /// Until when somebody who begins at `now`, or has begun, may come back and hand in.
    pub fn finish_by(&self, now: NaiveDateTime) -> NaiveDateTime {
        let form = &self.administration;
        match form.opened_at {
            Some(_) => form.expires_at,
            None => finish_by(now, form.finish_within_s),
        }
    }

    /// Whether there may be answers already: the first save marks the occasion as opened in the same transaction.
    pub fn may_have_answers(&self) -> bool {
        ![
            AdministrationState::Planned.word(),
            AdministrationState::Sent.word(),
        ]
        .contains(&self.administration.state.as_str())
    }
}

/// What a link opens: its occasion, and the words a patient needs around it. No name of the patient, no earlier answer.
#[derive(Debug, Clone)]
pub struct Door {
    /// The occasion.
    pub slip: Slip,
    /// The patient's IANA zone.
    pub time_zone: String,
    /// When it was opened, UTC: whether somebody reads answers hangs on it.
    pub seen_at: NaiveDateTime,
    words: Arc<DoorWords>,
}

impl std::ops::Deref for Door {
    type Target = DoorWords;
    fn deref(&self) -> &DoorWords {
        &self.words
    }
}

/// The words around an occasion; the same for all patients of a clinician in a clinic.
#[derive(Debug)]
pub struct DoorWords {
    /// The clinic's name.
    pub clinic: String,
    /// The responsible clinician's name.
    pub clinician: String,
    /// The organisation's name.
    pub organisation: String,
    /// The site's own crisis line.
    pub crisis_line: Option<String>,
    /// When answers are read, in the site's own words.
    pub reading_promise: String,
    /// Who reads answers and when, as data.
    pub cover: Cover,
}

/// How long words may be shown after somebody changed them.
const WORDS_HELD: Duration = Duration::from_secs(2);
/// The most that are remembered.
const WORDS_MOST: usize = 4_096;

/// What stood around the doors that were opened a moment ago: it hardly ever changes, and reading it took more than half of what a page reads. No flag, signal or
/// notice goes by it.
#[derive(Default)]
pub(super) struct Remembered {
    cared_for: Shelf<(OrgId, EpisodeId), CaredFor>,
    words: Shelf<Around, Arc<DoorWords>>,
}

/// Whose words they are.
type Around = (OrgId, ClinicId, StaffId);

/// Who cares for a patient, and what of the patient a page hangs on.
#[derive(Debug, Clone, Queryable)]
struct CaredFor {
    clinic_id: ClinicId,
    clinician_id: StaffId,
    birth_year: Option<i32>,
    time_zone: String,
}

impl Remembered {
    pub(super) fn forget(&self) {
        self.cared_for.lock().clear();
        self.words.lock().clear();
    }
}

/// Things that were read a moment ago, by what they are asked for.
struct Shelf<K, V>(Mutex<HashMap<K, (Instant, V)>>);

impl<K, V> Default for Shelf<K, V> {
    fn default() -> Self {
        Shelf(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Shelf<K, V> {
    fn get_or(&self, key: K, read: impl FnOnce(&K) -> Result<V, Fault>) -> Result<V, Fault> {
        if let Some((since, value)) = self.lock().get(&key)
            && since.elapsed() < WORDS_HELD
        {
            return Ok(value.clone());
        }
        let value = read(&key)?;
        let mut held = self.lock();
        if held.len() >= WORDS_MOST {
            held.clear();
        }
        held.insert(key, (Instant::now(), value.clone()));
        Ok(value)
    }
}

impl<K, V> Shelf<K, V> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, (Instant, V)>> {
        // A map of plain values is whole after any panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The row of a [`Slip`]: its columns, and their SQL types.
type SlipSql = (
    Nullable<Timestamp>,
    administration::SqlType,
    Binary,
    Binary,
    (Nullable<Binary>, Nullable<Integer>),
);

kept! {
    /// A link with its occasion and its episode.
    BehindLink<'a> { hash: &'a [u8] => Binary } -> SlipSql;
    "SELECT link.revoked_at, administration.org_id, administration.id, administration.episode_id, administration.patient_id, administration.occasion, administration.instruments, administration.language, \
    administration.state, administration.due_at, administration.expires_at, administration.opened_at, administration.ended_at, administration.finish_within_s, \
    administration.informant_id, administration.ended_why, administration.step, \
    episode.clinic_id, episode.clinician_id, link.tablet_hash, contact_preference.birth_year FROM link \
    JOIN administration ON administration.org_id = link.org_id AND administration.id = link.administration_id \
    JOIN episode ON episode.org_id = link.org_id AND episode.id = administration.episode_id \
    LEFT JOIN contact_preference ON contact_preference.org_id = link.org_id AND contact_preference.patient_id = administration.patient_id \
    WHERE link.token_hash = " hash
}

kept! {
    /// A link with its occasion alone.
    Linked<'a> { hash: &'a [u8] => Binary } -> (Nullable<Timestamp>, administration::SqlType, Nullable<Binary>);
    "SELECT link.revoked_at, administration.org_id, administration.id, administration.episode_id, administration.patient_id, administration.occasion, administration.instruments, administration.language, \
    administration.state, administration.due_at, administration.expires_at, administration.opened_at, administration.ended_at, administration.finish_within_s, \
    administration.informant_id, administration.ended_why, administration.step, \
    link.tablet_hash FROM link \
    JOIN administration ON administration.org_id = link.org_id AND administration.id = link.administration_id WHERE link.token_hash = " hash
}

/// What the token with this hash stands for, kept from every other node until this transaction ends: the occasion, because it is about to be answered, and
/// its episode, because the occasions of an episode share one summary. What else is read under the lock comes after.
///
/// # Errors
/// When the database fails.
pub fn take_slip(tx: &mut Tx, token_hash: &[u8]) -> Result<Option<Slip>, Fault> {
    Ok(get_locked!(
        tx,
        "administration, episode",
        BehindLink { hash: token_hash }
    )
    .optional()?)
}

/// What the token with this hash stands for, with the summaries of its episode, at a glance: nothing is kept from anybody, and who cares for the patient may be two
/// seconds old.
///
/// # Errors
/// When the database fails.
pub fn glance(
    tx: &mut Tx,
    token_hash: &[u8],
) -> Result<Option<(Slip, Vec<EpisodeScaleRow>)>, Fault> {
    type Found = (
        Maybe,
        AdministrationRow,
        Option<Vec<u8>>,
        Option<EpisodeScaleRow>,
    );
    let rows: Vec<Found> = on_engine!(tx, db => link::table
        .inner_join(
            administration::table.on(administration::org_id
                .eq(link::org_id)
                .and(administration::id.eq(link::administration_id))),
        )
        .left_join(
            episode_scale::table.on(episode_scale::org_id
                .eq(link::org_id)
                .and(episode_scale::episode_id.eq(administration::episode_id))),
        )
        .filter(link::token_hash.eq(token_hash))
        .select((
            link::revoked_at,
            administration::all_columns,
            link::tablet_hash,
            episode_scale::all_columns.nullable(),
        ))
        .load(db))?;
    let mut summaries = vec![];
    let mut found = None;
    for (revoked_at, administration, tablet_hash, summary) in rows {
        summaries.extend(summary);
        found = Some((revoked_at, administration, tablet_hash));
    }
    let Some(linked) = found else {
        return Ok(None);
    };
    let (slip, _) = slip_of(tx, linked)?;
    Ok(Some((slip, summaries)))
}

/// The door that opens to the token with this hash.
///
/// # Errors
/// When the database fails.
pub fn door(tx: &mut Tx, token_hash: &[u8], now: NaiveDateTime) -> Result<Option<Door>, Fault> {
    let linked = Linked { hash: token_hash };
    let found: Option<LinkedRow> = on_engine!(tx, db => linked.get_result(db)).optional()?;
    let Some(linked) = found else {
        return Ok(None);
    };
    let (slip, time_zone) = slip_of(tx, linked)?;
    let around = (
        slip.administration.org_id,
        slip.clinic_id,
        slip.clinician_id,
    );
    let remembered = Arc::clone(&tx.remembered);
    let words = remembered
        .words
        .get_or(around, |around| Ok(Arc::new(words(tx, *around, now)?)))?;
    Ok(Some(Door {
        slip,
        time_zone,
        seen_at: now,
        words,
    }))
}

/// A link with its occasion alone.
type LinkedRow = (Maybe, AdministrationRow, Option<Vec<u8>>);

/// The slip, with what is remembered of its patient, and the patient's zone.
fn slip_of(
    tx: &mut Tx,
    (revoked_at, administration, tablet_hash): LinkedRow,
) -> Result<(Slip, String), Fault> {
    let key = (administration.org_id, administration.episode_id);
    let remembered = Arc::clone(&tx.remembered);
    let patient = remembered
        .cared_for
        .get_or(key, |(org, episode)| cared_for(tx, *org, *episode))?;
    let slip = Slip {
        revoked_at: revoked_at.into(),
        administration,
        clinic_id: patient.clinic_id,
        clinician_id: patient.clinician_id,
        guard: Guard {
            tablet_hash,
            birth_year: patient.birth_year,
        },
    };
    Ok((slip, patient.time_zone))
}

fn cared_for(tx: &mut Tx, org: OrgId, id: EpisodeId) -> Result<CaredFor, Fault> {
    Ok(on_engine!(tx, db => episode::table
        .inner_join(
            patient::table.on(patient::org_id
                .eq(episode::org_id)
                .and(patient::id.eq(episode::patient_id))),
        )
        .left_join(
            contact_preference::table.on(contact_preference::org_id
                .eq(episode::org_id)
                .and(contact_preference::patient_id.eq(episode::patient_id))),
        )
        .filter(episode::org_id.eq(org).and(episode::id.eq(id)))
        .select((
            episode::clinic_id,
            episode::clinician_id,
            contact_preference::birth_year.nullable(),
            patient::time_zone,
        ))
        .get_result(db))?)
}

fn words(
    tx: &mut Tx,
    (org, clinic, clinician): Around,
    now: NaiveDateTime,
) -> Result<DoorWords, Fault> {
    type Found = (String, String, String, Option<String>, String);
    let found: Found = on_engine!(tx, db => clinic::table
        .inner_join(staff::table.on(staff::org_id.eq(clinic::org_id)))
        .inner_join(organisation::table.on(organisation::id.eq(clinic::org_id)))
        .filter(clinic::org_id.eq(org).and(clinic::id.eq(clinic)).and(staff::id.eq(clinician)))
        .select((
            clinic::name,
            staff::name,
            organisation::name,
            organisation::crisis_line,
            organisation::reading_promise,
        ))
        .get_result(db))?;
    let (clinic, clinician, organisation, crisis_line, reading_promise) = found;
    Ok(DoorWords {
        clinic,
        clinician,
        organisation,
        crisis_line,
        reading_promise,
        cover: super::cover::cover(tx, org, now)?,
    })
}

/// What the token with this hash stands for. Nothing is kept from anybody.
///
/// # Errors
/// When the database fails.
pub fn slip(tx: &mut Tx, token_hash: &[u8]) -> Result<Option<Slip>, Fault> {
    Ok(on_engine!(tx, db => BehindLink { hash: token_hash }.get_result(db)).optional()?)
}

/// When a form that was begun at `opened` has to be handed in.
pub fn finish_by(opened: NaiveDateTime, within_s: i64) -> NaiveDateTime {
    opened + TimeDelta::seconds(within_s)
}

/// Notes that the patient pressed start, unless that is known or the occasion is over. From now on its window is that of a form that was begun.
///
/// # Errors
/// When the database fails.
pub fn mark_opened(
    tx: &mut Tx,
    org: OrgId,
    id: AdministrationId,
    at: NaiveDateTime,
    finish_by: NaiveDateTime,
) -> Result<(), Fault> {
    let opening = MarkOpened {
        org: &org,
        id: &id,
        at: Moment(at),
        until: Moment(finish_by),
    };
    on_engine!(tx, db => opening.execute(db))?;
    Ok(())
}

kept! {
    MarkOpened<'a> { org: &'a OrgId => Binary, id: &'a AdministrationId => Binary, at: Moment => Timestamp, until: Moment => Timestamp }
    "UPDATE administration SET state = 'opened', opened_at = " at ", expires_at = " until " WHERE org_id = " org " AND id = " id
    " AND state IN ('planned', 'sent') AND expires_at >= " at
}

/// Writes down what the battery has become, if the occasion is still open. `false` when it had ended already.
///
/// # Errors
/// When the database fails.
pub fn grow(tx: &mut Tx, org: OrgId, id: AdministrationId, battery: &str) -> Result<bool, Fault> {
    let grown = on_engine!(tx, db => diesel::update(administration::table.find((org, id)).filter(administration::ended_at.is_null()))
        .set(administration::instruments.eq(battery))
        .execute(db))?;
    Ok(grown == 1)
}

/// Notes that everything was handed in, if the occasion is still open. `false` when it had ended already.
///
/// # Errors
/// When the database fails.
pub fn complete(
    tx: &mut Tx,
    org: OrgId,
    id: AdministrationId,
    opened_at: NaiveDateTime,
    now: NaiveDateTime,
) -> Result<bool, Fault> {
    let end = Complete {
        org: &org,
        id: &id,
        opened_at: Moment(opened_at),
        now: Moment(now),
    };
    Ok(on_engine!(tx, db => end.execute(db))? == 1)
}

kept! {
    /// Not `ended_at IS NULL`: PostgreSQL may take that as an invitation to go through all open occasions by their index instead of to this one by its key, as
    /// long as its statistics are older than they are.
    Complete<'a> {
        org: &'a OrgId => Binary, id: &'a AdministrationId => Binary, opened_at: Moment => Timestamp, now: Moment => Timestamp,
    }
    "UPDATE administration SET state = 'completed', opened_at = " opened_at ", ended_at = " now " WHERE org_id = " org " AND id = " id
    ; " AND CASE WHEN ended_at IS NULL THEN 1 ELSE 0 END = 1"
}

/// As [`end`], with the reason in words for staff.
///
/// # Errors
/// When the database fails.
pub fn end_because(
    tx: &mut Tx,
    org: OrgId,
    id: AdministrationId,
    (state, why): (AdministrationState, &str),
    now: NaiveDateTime,
) -> Result<bool, Fault> {
    let ended = diesel::update(
        administration::table
            .find((org, id))
            .filter(administration::ended_at.is_null()),
    )
    .set((
        administration::state.eq(state.word()),
        administration::ended_at.eq(now),
        administration::ended_why.eq(why),
    ))
    .execute(&mut tx.db)?;
    Ok(ended == 1)
}

/// Brings the occasion to an end, if it is still open. `false` when it had ended already.
///
/// # Errors
/// When the database fails.
pub fn end(
    tx: &mut Tx,
    org: OrgId,
    id: AdministrationId,
    state: AdministrationState,
    now: NaiveDateTime,
) -> Result<bool, Fault> {
    let ended = on_engine!(tx, db => diesel::update(administration::table.find((org, id)).filter(administration::ended_at.is_null()))
        .set((administration::state.eq(state.word()), administration::ended_at.eq(now)))
        .execute(db))?;
    Ok(ended == 1)
}

/// Notes that the relay took the invitation or that the link was handed over.
///
/// # Errors
/// When the database fails.
pub fn mark_sent(tx: &mut Tx, org: OrgId, id: AdministrationId) -> Result<(), Fault> {
    diesel::update(
        administration::table
            .find((org, id))
            .filter(administration::state.eq(AdministrationState::Planned.word())),
    )
    .set(administration::state.eq(AdministrationState::Sent.word()))
    .execute(&mut tx.db)?;
    Ok(())
}

/// The occasion with this name in an episode.
///
/// # Errors
/// When the database fails.
pub fn by_occasion(
    tx: &mut Tx,
    org: OrgId,
    episode: EpisodeId,
    occasion: &str,
) -> Result<Option<AdministrationRow>, Fault> {
    Ok(administration::table
        .filter(
            administration::org_id
                .eq(org)
                .and(administration::episode_id.eq(episode)),
        )
        .filter(administration::occasion.eq(occasion))
        .get_result(&mut tx.db)
        .optional()?)
}

/// Why the last occasions of this one's episode and series ended that a patient was asked by a link, newest first.
///
/// # Errors
/// When the database fails.
pub fn last_ends(
    tx: &mut Tx,
    like: &AdministrationRow,
    most: usize,
) -> Result<Vec<Option<String>>, Fault> {
    let ended: Vec<(Option<InformantId>, Option<String>)> = administration::table
        .filter(
            administration::org_id
                .eq(like.org_id)
                .and(administration::episode_id.eq(like.episode_id)),
        )
        .filter(administration::ended_at.is_not_null())
        // What staff put down was not asked by a link.
        .filter(administration::occasion.not_like("entered %"))
        .order((administration::ended_at.desc(), administration::id.desc()))
        .select((administration::informant_id, administration::ended_why))
        .load(&mut tx.db)?;
    let same = ended
        .into_iter()
        .filter(|(informant, _)| *informant == like.informant_id);
    Ok(same.map(|(_, why)| why).take(most).collect())
}

/// The occasions of an episode, newest first.
///
/// # Errors
/// When the database fails.
pub fn of_episode(
    tx: &mut Tx,
    permit: &Permit,
    episode: EpisodeId,
) -> Result<Vec<AdministrationRow>, Fault> {
    Ok(administration::table
        .filter(
            administration::org_id
                .eq(permit.org())
                .and(administration::episode_id.eq(episode)),
        )
        .order(administration::id.desc())
        .load(&mut tx.db)?)
}

/// Ends the occasions whose time ran out, at most so many; says how many.
///
/// # Errors
/// When the database fails.
pub fn expire(tx: &mut Tx, org: OrgId, now: NaiveDateTime, most: i64) -> Result<usize, Fault> {
    let over: Vec<(AdministrationId, String)> = administration::table
        .filter(
            administration::org_id
                .eq(org)
                .and(administration::ended_at.is_null())
                .and(administration::expires_at.lt(now)),
        )
        .limit(most)
        .select((administration::id, administration::state))
        .load(&mut tx.db)?;
    for (id, state) in &over {
        let state: AdministrationState = state.parse()?;
        end(tx, org, *id, state.when_window_ends(), now)?;
    }
    Ok(over.len())
}

/// Withdraws every link of an occasion.
///
/// # Errors
/// When the database fails.
pub fn revoke_links(
    tx: &mut Tx,
    org: OrgId,
    id: AdministrationId,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    diesel::update(
        link::table.filter(
            link::org_id
                .eq(org)
                .and(link::administration_id.eq(id))
                .and(link::revoked_at.is_null()),
        ),
    )
    .set(link::revoked_at.eq(now))
    .execute(&mut tx.db)?;
    Ok(())
}
