//! Responses, their scores, and the one row per episode and scale that spares every list and every evaluation the history.

use super::administration::AdministrationRow;
use super::engine::on_engine;
use super::kept::kept;
use super::schema::{episode_scale, response, score};
use super::{Fault, Moment, Tx};
use crate::domain::access::Permit;
use crate::domain::ids::{AdministrationId, EpisodeId, OrgId, ResponseId, StaffId};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{Binary, Double, Integer, Nullable, Text, Timestamp};

/// How many values an episode's row keeps for its sparkline.
pub const RECENT: usize = 8;

/// The answers to one instrument on one occasion.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = response)]
pub struct ResponseRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Id.
    pub id: ResponseId,
    /// The occasion.
    pub administration_id: AdministrationId,
    /// The episode.
    pub episode_id: EpisodeId,
    /// Which instrument.
    pub instrument: String,
    /// In which version.
    pub version: String,
    /// A `ResponseState`'s word.
    pub state: String,
    /// The answers as JSON, item number to value.
    pub answers: String,
    /// What came of the criteria, as JSON.
    pub criteria: String,
    /// Language of the wording.
    pub language: String,
    /// A `Layout`'s word.
    pub layout: String,
    /// When the first answer came, UTC.
    pub started_at: NaiveDateTime,
    /// When it was handed in, UTC.
    pub completed_at: Option<NaiveDateTime>,
    /// Who of the staff entered it; `None` = it came through the patient's link.
    pub entered_by: Option<StaffId>,
    /// Printed numbers of the items whose answers came with the form that opened this one, with a space between.
    pub carried: Option<String>,
}

/// One scale's result.
#[derive(Debug, Clone, PartialEq, Queryable, Insertable)]
#[diesel(table_name = score)]
pub struct ScoreRow {
    /// Organisation.
    pub org_id: OrgId,
    /// The response it was made from.
    pub response_id: ResponseId,
    /// Which scale.
    pub scale: String,
    /// 1 for the first scoring; a rescore adds the next.
    pub revision: i32,
    /// Which instrument.
    pub instrument: String,
    /// Version of the definition that made it.
    pub version: String,
    /// The score; `None` with a reason.
    pub value: Option<f64>,
    /// Why there is none.
    pub reason: Option<String>,
    /// The band's id.
    pub band: Option<String>,
    /// Items answered.
    pub answered: i32,
    /// Items in the scale.
    pub items: i32,
    /// Items filled in by the scale's rule.
    pub prorated: i32,
    /// When it was made, UTC.
    pub made_at: NaiveDateTime,
    /// The bands in use, where the scale has several schemes or a named one.
    pub scheme: Option<String>,
    /// The result before it was looked up.
    pub raw: Option<f64>,
    /// The score's standard error, in points.
    pub standard_error: Option<f64>,
    /// The highest score there could be, where items that were not asked lower it.
    pub out_of: Option<f64>,
}

/// Everything an episode's scores amount to on one scale.
#[derive(Debug, Clone, PartialEq, Queryable, Insertable)]
#[diesel(table_name = episode_scale)]
pub struct EpisodeScaleRow {
    /// Organisation.
    pub org_id: OrgId,
    /// The episode.
    pub episode_id: EpisodeId,
    /// Which instrument.
    pub instrument: String,
    /// Which scale.
    pub scale: String,
    /// Version of the newest score.
    pub version: String,
    /// How many scores there are.
    pub n: i32,
    /// The first score: the baseline.
    pub first_value: f64,
    /// When.
    #[diesel(deserialize_as = Moment)]
    pub first_at: NaiveDateTime,
    /// The last score.
    pub last_value: f64,
    /// When.
    #[diesel(deserialize_as = Moment)]
    pub last_at: NaiveDateTime,
    /// Its band's id.
    pub last_band: Option<String>,
    /// The best score.
    pub best_value: f64,
    /// When.
    #[diesel(deserialize_as = Moment)]
    pub best_at: NaiveDateTime,
    /// The last values, oldest first, separated by spaces; at most [`RECENT`].
    pub recent: String,
}

/// The responses of an occasion.
///
/// # Errors
/// When the database fails.
pub fn of_administration(tx: &mut Tx, of: &AdministrationRow) -> Result<Vec<ResponseRow>, Fault> {
    Ok(on_engine!(tx, db => response::table
        .filter(
            response::org_id
                .eq(of.org_id)
                .and(response::episode_id.eq(of.episode_id))
                .and(response::administration_id.eq(of.id)),
        )
        .load(db))?)
}

/// Adds a response.
///
/// # Errors
/// When the occasion has one for that instrument, or the database fails.
pub fn add(tx: &mut Tx, row: &ResponseRow) -> Result<(), Fault> {
    let add = Add {
        org: &row.org_id,
        id: &row.id,
        administration: &row.administration_id,
        episode: &row.episode_id,
        instrument: &row.instrument,
        version: &row.version,
        state: &row.state,
        answers: &row.answers,
        criteria: &row.criteria,
        language: &row.language,
        layout: &row.layout,
        started: Moment(row.started_at),
        completed: row.completed_at.map(Moment),
        entered_by: row.entered_by.as_ref(),
        carried: row.carried.as_deref(),
    };
    on_engine!(tx, db => add.execute(db))?;
    Ok(())
}

kept! {
    Add<'a> { org: &'a OrgId => Binary, id: &'a ResponseId => Binary, administration: &'a AdministrationId => Binary, episode: &'a EpisodeId => Binary, instrument: &'a str => Text, version: &'a str => Text, state: &'a str => Text, answers: &'a str => Text, criteria: &'a str => Text, language: &'a str => Text, layout: &'a str => Text, started: Moment => Timestamp, completed: Option<Moment> => Nullable<Timestamp>, entered_by: Option<&'a StaffId> => Nullable<Binary>, carried: Option<&'a str> => Nullable<Text> }
    "INSERT INTO response (org_id, id, administration_id, episode_id, instrument, version, state, answers, criteria, language, layout, started_at, completed_at, entered_by, carried) VALUES (" org ", " id ", " administration ", " episode ", " instrument ", " version ", " state ", " answers ", " criteria ", " language ", " layout ", " started ", " completed ", " entered_by ", " carried ; ")"
}

/// Stores the newest answers of a response that is not handed in yet.
///
/// # Errors
/// When the database fails.
pub fn change(tx: &mut Tx, row: &ResponseRow) -> Result<(), Fault> {
    let change = Change {
        state: &row.state,
        answers: &row.answers,
        criteria: &row.criteria,
        language: &row.language,
        layout: &row.layout,
        completed_at: row.completed_at.map(Moment),
        org: &row.org_id,
        id: &row.id,
    };
    on_engine!(tx, db => change.execute(db))?;
    Ok(())
}

kept! {
    Change<'a> {
        state: &'a str => Text, answers: &'a str => Text, criteria: &'a str => Text, language: &'a str => Text,
        layout: &'a str => Text, completed_at: Option<Moment> => Nullable<Timestamp>, org: &'a OrgId => Binary, id: &'a ResponseId => Binary,
    }
    "UPDATE response SET state = " state ", answers = " answers ", criteria = " criteria ", language = " language
    ", layout = " layout ", completed_at = " completed_at " WHERE org_id = " org " AND id = " id
}

/// Adds a score.
///
/// # Errors
/// When that revision exists, or the database fails.
pub fn add_score(tx: &mut Tx, row: &ScoreRow) -> Result<(), Fault> {
    let add = AddScore {
        org: &row.org_id,
        response: &row.response_id,
        scale: &row.scale,
        revision: row.revision,
        instrument: &row.instrument,
        version: &row.version,
        value: row.value,
        reason: row.reason.as_deref(),
        band: row.band.as_deref(),
        answered: row.answered,
        items: row.items,
        prorated: row.prorated,
        made: Moment(row.made_at),
        scheme: row.scheme.as_deref(),
        raw: row.raw,
        standard_error: row.standard_error,
        out_of: row.out_of,
    };
    on_engine!(tx, db => add.execute(db))?;
    Ok(())
}

kept! {
    AddScore<'a> { org: &'a OrgId => Binary, response: &'a ResponseId => Binary, scale: &'a str => Text, revision: i32 => Integer, instrument: &'a str => Text, version: &'a str => Text, value: Option<f64> => Nullable<Double>, reason: Option<&'a str> => Nullable<Text>, band: Option<&'a str> => Nullable<Text>, answered: i32 => Integer, items: i32 => Integer, prorated: i32 => Integer, made: Moment => Timestamp, scheme: Option<&'a str> => Nullable<Text>, raw: Option<f64> => Nullable<Double>, standard_error: Option<f64> => Nullable<Double>, out_of: Option<f64> => Nullable<Double> }
    "INSERT INTO score (org_id, response_id, scale, revision, instrument, version, value, reason, band, answered, items, prorated, made_at, scheme, raw, standard_error, out_of) VALUES (" org ", " response ", " scale ", " revision ", " instrument ", " version ", " value ", " reason ", " band ", " answered ", " items ", " prorated ", " made ", " scheme ", " raw ", " standard_error ", " out_of ; ")"
}

/// The episode's rows on an instrument's scales.
///
/// # Errors
/// When the database fails.
pub fn summaries(
    tx: &mut Tx,
    org: OrgId,
    episode: EpisodeId,
    instrument: &str,
) -> Result<Vec<EpisodeScaleRow>, Fault> {
    let summaries = Summaries {
        org: &org,
        episode: &episode,
        instrument,
    };
    Ok(on_engine!(tx, db => summaries.load(db))?)
}

kept! {
    Summaries<'a> { org: &'a OrgId => Binary, episode: &'a EpisodeId => Binary, instrument: &'a str => Text } -> episode_scale::SqlType;
    "SELECT org_id, episode_id, instrument, scale, version, n, first_value, first_at, last_value, last_at, last_band, best_value, best_at, recent FROM episode_scale \
    WHERE org_id = " org " AND episode_id = " episode " AND instrument = " instrument
}

/// Adds an episode's row on a scale.
///
/// # Errors
/// When there is one, or the database fails.
pub fn add_summary(tx: &mut Tx, row: &EpisodeScaleRow) -> Result<(), Fault> {
    on_engine!(tx, db => diesel::insert_into(episode_scale::table).values(row).execute(db))?;
    Ok(())
}

/// Replaces an episode's row on a scale.
///
/// # Errors
/// When the database fails.
pub fn change_summary(tx: &mut Tx, row: &EpisodeScaleRow) -> Result<(), Fault> {
    let change = ChangeSummary {
        version: &row.version,
        n: &row.n,
        last_value: &row.last_value,
        last_at: Moment(row.last_at),
        last_band: row.last_band.as_deref(),
        best_value: &row.best_value,
        best_at: Moment(row.best_at),
        recent: &row.recent,
        org: &row.org_id,
        episode: &row.episode_id,
        instrument: &row.instrument,
        scale: &row.scale,
    };
    on_engine!(tx, db => change.execute(db))?;
    Ok(())
}

kept! {
    ChangeSummary<'a> {
        version: &'a str => Text, n: &'a i32 => Integer, last_value: &'a f64 => Double, last_at: Moment => Timestamp,
        last_band: Option<&'a str> => Nullable<Text>, best_value: &'a f64 => Double, best_at: Moment => Timestamp,
        recent: &'a str => Text, org: &'a OrgId => Binary, episode: &'a EpisodeId => Binary, instrument: &'a str => Text,
        scale: &'a str => Text,
    }
    "UPDATE episode_scale SET version = " version ", n = " n ", last_value = " last_value ", last_at = " last_at
    ", last_band = " last_band ", best_value = " best_value ", best_at = " best_at ", recent = " recent
    " WHERE org_id = " org " AND episode_id = " episode " AND instrument = " instrument " AND scale = " scale
}

/// The instruments of the newest responses of an organisation, newest first, one entry a response.
///
/// # Errors
/// When the database fails.
pub fn newest_instruments(tx: &mut Tx, org: OrgId, most: i64) -> Result<Vec<String>, Fault> {
    Ok(response::table
        .filter(response::org_id.eq(org))
        .order(response::id.desc())
        .limit(most)
        .select(response::instrument)
        .load(&mut tx.db)?)
}

/// The responses of a patient's episode, oldest first, for somebody who may read them.
///
/// # Errors
/// When the database fails.
pub fn of_episode(tx: &mut Tx, permit: &Permit, id: EpisodeId) -> Result<Vec<ResponseRow>, Fault> {
    Ok(response::table
        .filter(
            response::org_id
                .eq(permit.org())
                .and(response::episode_id.eq(id)),
        )
        .order(response::started_at)
        .load(&mut tx.db)?)
}

/// The newest scores of a patient's episode with the moment of their response, oldest first.
///
/// # Errors
/// When the database fails.
pub fn scores_of_episode(
    tx: &mut Tx,
    permit: &Permit,
    id: EpisodeId,
) -> Result<Vec<(NaiveDateTime, ScoreRow)>, Fault> {
    let rows: Vec<(NaiveDateTime, Option<NaiveDateTime>, ScoreRow)> = score::table
        .inner_join(
            response::table.on(response::org_id
                .eq(score::org_id)
                .and(response::id.eq(score::response_id))),
        )
        .filter(
            response::org_id
                .eq(permit.org())
                .and(response::episode_id.eq(id)),
        )
        .order((response::completed_at, score::scale, score::revision))
        .select((
            response::started_at,
            response::completed_at,
            score::all_columns,
        ))
        .load(&mut tx.db)?;
    Ok(rows
        .into_iter()
        .map(|(started, completed, row)| (completed.unwrap_or(started), row))
        .collect())
}

/// One response of the organisation.
///
/// # Errors
/// When there is none, or the database fails.
pub fn by_id(tx: &mut Tx, permit: &Permit, id: ResponseId) -> Result<ResponseRow, Fault> {
    Ok(response::table
        .find((permit.org(), id))
        .get_result(&mut tx.db)?)
}
