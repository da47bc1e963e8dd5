//! What answers leave behind, a patient's or those that staff enter, stored in as few statements as the engine allows. The rows' own files say what they mean.

use super::kept::kept_rows;
use super::response::{EpisodeScaleRow, ResponseRow, ScoreRow};
use super::signal::Again;
use super::{Db, Fault, Moment, Tx, administration, audit, response};
use crate::domain::audit::{AuditEvent, StoredEvent};
use crate::domain::ids::{AdministrationId, EpisodeId, OrgId, ResponseId, SignalId, StaffId};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{Binary, Double, Integer, Nullable, Text, Timestamp};

/// Whether a row is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is new.
    New,
    /// It is there and changes.
    Known,
}

impl Standing {
    /// By the row as it was found.
    pub fn of<T>(found: Option<T>) -> Self {
        found.map_or(Standing::New, |_| Standing::Known)
    }
}

/// What becomes of the occasion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// Its own row already says what is so.
    Stays,
    /// The first save: the patient has begun.
    Opens {
        /// When.
        opened: NaiveDateTime,
        /// Until when it has to be handed in.
        finish_by: NaiveDateTime,
    },
    /// Everything is handed in.
    Ends {
        /// When the patient had begun.
        opened: NaiveDateTime,
    },
}

/// An episode's summary on one scale.
#[derive(Debug, Clone)]
pub struct Summary {
    /// As it was read; `None` = there was none.
    pub before: Option<EpisodeScaleRow>,
    /// As it is with the new score.
    pub after: EpisodeScaleRow,
}

/// Everything but flags.
#[derive(Debug, Clone)]
pub struct Deposit {
    /// Organisation.
    pub org: OrgId,
    /// The occasion.
    pub administration: AdministrationId,
    /// What becomes of it.
    pub occasion: Occasion,
    /// The answers, one row an instrument.
    pub responses: Vec<(Standing, ResponseRow)>,
    /// The scores made of them.
    pub scores: Vec<ScoreRow>,
    /// The episode's summaries with those scores.
    pub summaries: Vec<Summary>,
    /// The battery, where it grew.
    pub battery: Option<String>,
    /// For the audit.
    pub event: AuditEvent,
    /// When all this happens, UTC.
    pub at: NaiveDateTime,
}

impl Deposit {
    /// One without any answers yet.
    pub fn new(
        org: OrgId,
        administration: AdministrationId,
        occasion: Occasion,
        event: AuditEvent,
        at: NaiveDateTime,
    ) -> Self {
        Deposit {
            org,
            administration,
            occasion,
            responses: vec![],
            scores: vec![],
            summaries: vec![],
            battery: None,
            event,
            at,
        }
    }
}

/// What came of storing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Stored {
    /// All of it is stored.
    Whole,
    /// Nothing may be: the occasion had ended already.
    Nothing,
}

/// Stores it; to be undone by the caller when nothing may be stored.
///
/// # Errors
/// When the database fails.
pub fn store(tx: &mut Tx, deposit: &Deposit) -> Result<Stored, Fault> {
    for (standing, row) in &deposit.responses {
        match standing {
            Standing::New => response::add(tx, row)?,
            Standing::Known => response::change(tx, row)?,
        }
    }
    for row in &deposit.scores {
        response::add_score(tx, row)?;
    }
    for Summary { before, after } in &deposit.summaries {
        match before {
            None => response::add_summary(tx, after)?,
            Some(_) => response::change_summary(tx, after)?,
        }
    }
    audit::add(tx, &deposit.event)?;
    let (org, id) = (deposit.org, deposit.administration);
    if let Some(battery) = &deposit.battery
        && !administration::grow(tx, org, id, battery)?
    {
        return Ok(Stored::Nothing);
    }
    match deposit.occasion {
        Occasion::Stays => {}
        Occasion::Opens { opened, finish_by } => {
            administration::mark_opened(tx, org, id, opened, finish_by)?;
        }
        Occasion::Ends { opened } => {
            if !administration::complete(tx, org, id, opened, deposit.at)? {
                return Ok(Stored::Nothing);
            }
        }
    }
    Ok(Stored::Whole)
}

/// One new form with one scale and nothing to flag, handed in whole: what can be stored in one statement, together with others of its kind.
#[derive(Debug, Clone)]
pub struct Whole {
    deposit: Deposit,
    again: Option<Again>,
}

impl Whole {
    /// `again`: a signal that waits and was seen once more. `None`: it is more than that.
    pub fn of(deposit: Deposit, again: Option<Again>) -> Option<Whole> {
        let whole = Whole { deposit, again };
        whole.parts().is_some().then_some(whole)
    }

    /// Whose summary it changes. A statement changes a row once, so of each of these only one can be in it.
    pub(super) fn episode(&self) -> Option<EpisodeId> {
        self.parts().map(|(_, response, ..)| response.episode_id)
    }

    fn parts(&self) -> Option<(NaiveDateTime, &ResponseRow, &ScoreRow, &Summary)> {
        let deposit = &self.deposit;
        match (
            deposit.occasion,
            &deposit.responses[..],
            &deposit.scores[..],
            &deposit.summaries[..],
        ) {
            (Occasion::Ends { opened }, [(Standing::New, response)], [score], [summary])
                if deposit.battery.is_none() =>
            {
                Some((opened, response, score, summary))
            }
            _ => None,
        }
    }

    fn row<'a>(&'a self, event: &'a StoredEvent<'a>, mac: &'a [u8]) -> Option<AtOnce<'a>> {
        let (opened, response, score, summary) = self.parts()?;
        let (deposit, again) = (&self.deposit, self.again.as_ref());
        let Summary { before, after } = summary;
        Some(AtOnce {
            org: &deposit.org,
            response: &response.id,
            administration: &deposit.administration,
            episode: &response.episode_id,
            instrument: &response.instrument,
            version: &response.version,
            state: &response.state,
            answers: &response.answers,
            criteria: &response.criteria,
            language: &response.language,
            layout: &response.layout,
            started: Moment(response.started_at),
            completed: response.completed_at.map(Moment),
            entered_by: response.entered_by.as_ref(),
            scale: &score.scale,
            revision: score.revision,
            value: score.value,
            reason: score.reason.as_deref(),
            band: score.band.as_deref(),
            answered: score.answered,
            items: score.items,
            prorated: score.prorated,
            made: Moment(score.made_at),
            scheme: score.scheme.as_deref(),
            raw: score.raw,
            standard_error: score.standard_error,
            out_of: score.out_of,
            n: after.n,
            first_value: after.first_value,
            first_at: Moment(after.first_at),
            last_value: after.last_value,
            last_at: Moment(after.last_at),
            last_band: after.last_band.as_deref(),
            best_value: after.best_value,
            best_at: Moment(after.best_at),
            recent: &after.recent,
            was_best_value: before.as_ref().map(|row| row.best_value),
            was_best_at: before.as_ref().map(|row| Moment(row.best_at)),
            was_recent: before.as_ref().map(|row| row.recent.as_str()),
            event: event.id,
            actor: event.actor,
            actor_id: event.actor_id,
            act: event.act,
            subject: event.subject,
            subject_id: event.subject_id,
            outcome: event.outcome,
            mac,
            signal: again.map(|again| &again.id),
            facts: again.map(|again| again.facts.as_str()),
            policy: again.map(|again| again.policy),
            was_times: again.map(|again| again.was),
            opened: Moment(opened),
            at: Moment(deposit.at),
        })
    }
}

/// Stores several of them, each of another episode, in a single statement that first makes sure that nobody was faster: the occasion is open, nobody else has its row or
/// its episode's to themselves, and the episode's summary is the one that was read: no other score came in, and none was made anew. Of one for which that is not so
/// nothing is stored; the others are. PostgreSQL only.
///
/// # Errors
/// When the database fails, somebody just stored one of the same forms, or a signal is not as it was. Nothing of any of them is stored then.
pub fn store_together(tx: &mut Tx, wholes: &[Whole]) -> Result<Vec<Stored>, Fault> {
    let ids = wholes
        .iter()
        .map(|whole| audit::place(tx, &whole.deposit.event))
        .collect::<Result<Vec<_>, Fault>>()?;
    let sealed: Vec<_> = wholes
        .iter()
        .zip(&ids)
        .map(|(whole, id)| {
            let event = StoredEvent {
                id,
                ..whole.deposit.event.stored()
            };
            let mac = audit::mac_of(tx, &event);
            (whole, event, mac)
        })
        .collect();
    let rows: ManyAtOnce<'_> = sealed
        .iter()
        .filter_map(|(whole, event, mac)| whole.row(event, mac))
        .collect();
    let ended: Vec<AdministrationId> = match &mut tx.db {
        Db::Postgres(db) => rows.load(db)?,
        Db::Sqlite(_) => vec![],
    };
    let stored = |whole: &Whole| match ended.contains(&whole.deposit.administration) {
        true => Stored::Whole,
        false => Stored::Nothing,
    };
    Ok(wholes.iter().map(stored).collect())
}

kept_rows! {
    /// Locks, checks, stores; finds the occasions that it ended. Everything hangs on the summary, and that on the lock. An occasion or episode that is locked by others is left to
    /// whoever can wait for it: here others would wait too. (A signal that is being decided is waited for: that takes no longer than one transaction of staff.) A signal that was decided in the same moment ends it in an error, which undoes all of it. That the occasion is open is asked in
    /// a way no index answers: by one over all open occasions that is older than most of them, the planner would go through all.
    /// A summary that was there is changed and never made anew: what somebody took away in the same moment, with the answers it stood on, does not come back.
    ManyAtOnce<'a> of AtOnce {
        org: &'a OrgId => Binary, response: &'a ResponseId => Binary, administration: &'a AdministrationId => Binary, episode: &'a EpisodeId => Binary,
        instrument: &'a str => Text, version: &'a str => Text, state: &'a str => Text, answers: &'a str => Text, criteria: &'a str => Text,
        language: &'a str => Text, layout: &'a str => Text, started: Moment => Timestamp, completed: Option<Moment> => Nullable<Timestamp>,
        entered_by: Option<&'a StaffId> => Nullable<Binary>,
        scale: &'a str => Text, revision: i32 => Integer, value: Option<f64> => Nullable<Double>, reason: Option<&'a str> => Nullable<Text>,
        band: Option<&'a str> => Nullable<Text>, answered: i32 => Integer, items: i32 => Integer, prorated: i32 => Integer,
        made: Moment => Timestamp, scheme: Option<&'a str> => Nullable<Text>, raw: Option<f64> => Nullable<Double>,
        standard_error: Option<f64> => Nullable<Double>, out_of: Option<f64> => Nullable<Double>,
        n: i32 => Integer, first_value: f64 => Double, first_at: Moment => Timestamp, last_value: f64 => Double, last_at: Moment => Timestamp,
        last_band: Option<&'a str> => Nullable<Text>, best_value: f64 => Double, best_at: Moment => Timestamp, recent: &'a str => Text,
        was_best_value: Option<f64> => Nullable<Double>, was_best_at: Option<Moment> => Nullable<Timestamp>, was_recent: Option<&'a str> => Nullable<Text>,
        event: &'a [u8] => Binary, actor: &'a str => Text, actor_id: Option<&'a [u8]> => Nullable<Binary>, act: &'a str => Text,
        subject: &'a str => Text, subject_id: Option<&'a [u8]> => Nullable<Binary>, outcome: &'a str => Text, mac: &'a [u8] => Binary,
        signal: Option<&'a SignalId> => Nullable<Binary>, facts: Option<&'a str> => Nullable<Text>, policy: Option<i32> => Nullable<Integer>,
        was_times: Option<i32> => Nullable<Integer>,
        opened: Moment => Timestamp, at: Moment => Timestamp,
    } => Binary;
    "WITH held AS (SELECT given.* FROM " given
    " JOIN administration ON administration.org_id = given.org AND administration.id = given.administration \
    JOIN episode ON episode.org_id = administration.org_id AND episode.id = administration.episode_id \
    WHERE CASE WHEN administration.ended_at IS NULL THEN 1 ELSE 0 END = 1 AND episode.id = given.episode \
    AND administration.instruments = given.instrument || '@' || given.version \
    FOR NO KEY UPDATE OF administration, episode SKIP LOCKED), \
    first AS (INSERT INTO episode_scale (org_id, episode_id, instrument, scale, version, n, first_value, first_at, last_value, last_at, last_band, best_value, best_at, recent) \
    SELECT org, episode, instrument, scale, version, n, first_value, first_at, last_value, last_at, last_band, best_value, best_at, recent FROM held \
    WHERE was_recent IS NULL ON CONFLICT (org_id, episode_id, instrument, scale) DO NOTHING RETURNING episode_id), \
    grown AS (UPDATE episode_scale SET version = held.version, n = held.n, last_value = held.last_value, last_at = held.last_at, last_band = held.last_band, \
    best_value = held.best_value, best_at = held.best_at, recent = held.recent FROM held WHERE held.was_recent IS NOT NULL \
    AND episode_scale.org_id = held.org AND episode_scale.episode_id = held.episode AND episode_scale.instrument = held.instrument \
    AND episode_scale.scale = held.scale AND episode_scale.n = held.n - 1 \
    AND (episode_scale.best_value, episode_scale.best_at, episode_scale.recent) = (held.was_best_value, held.was_best_at, held.was_recent) \
    RETURNING episode_scale.episode_id), \
    course AS (SELECT episode_id FROM first UNION ALL SELECT episode_id FROM grown), \
    told AS (SELECT held.* FROM held JOIN course ON course.episode_id = held.episode), \
    answers AS (INSERT INTO response (org_id, id, administration_id, episode_id, instrument, version, state, answers, criteria, language, layout, started_at, completed_at, entered_by) \
    SELECT org, response, administration, episode, instrument, version, state, answers, criteria, language, layout, started, completed, entered_by FROM told), \
    result AS (INSERT INTO score (org_id, response_id, scale, revision, instrument, version, value, reason, band, answered, items, prorated, made_at, scheme, raw, standard_error, out_of) \
    SELECT org, response, scale, revision, instrument, version, value, reason, band, answered, items, prorated, made, scheme, raw, standard_error, out_of FROM told), \
    event AS (INSERT INTO audit_event (org_id, id, at, actor, actor_id, act, subject, subject_id, outcome, mac) \
    SELECT org, event, at, actor, actor_id, act, subject, subject_id, outcome, mac FROM told), \
    again AS (UPDATE signal SET facts = told.facts, version = told.version, policy = told.policy, response_id = told.response, last_at = told.at, times = signal.times + 1 \
    FROM told WHERE signal.org_id = told.org AND signal.id = told.signal AND signal.times = told.was_times AND signal.state = 'open' RETURNING 1) \
    UPDATE administration SET state = 'completed', opened_at = told.opened, ended_at = told.at FROM told \
    WHERE administration.org_id = told.org AND administration.id = told.administration \
    AND 1 = 1 / CASE WHEN (SELECT count(*) FROM again) = (SELECT count(signal) FROM told) THEN 1 ELSE 0 END RETURNING administration.id"
}
