//! What a patient's link opens: the occasion behind it, as taking answers needs it, and with the words around it, as a page needs it.

use super::administration::{AdministrationRow, finish_by};
use super::engine::{get_locked, on_engine};
use super::kept::kept;
use super::response::EpisodeScaleRow;
use super::schema::{
    administration, clinic, contact_preference, episode, episode_scale, link, organisation,
    patient, staff,
};
use super::shelf::Shelf;
use super::{Fault, Maybe, Tx};
use crate::domain::care::AdministrationState;
use crate::domain::ids::{ClinicId, EpisodeId, OrgId, StaffId};
use crate::domain::schedule::cover::Cover;
use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{Binary, Integer, Nullable, Timestamp};
use std::sync::Arc;

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
        self.cared_for.clear();
        self.words.clear();
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
