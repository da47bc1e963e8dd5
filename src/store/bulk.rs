//! Many rows at once, of every kind that a patient's history has; for loads, never for the main job. The rows must be whole: nothing is
//! decided or completed here. Each kind of row has one builder, run with a few rows to a statement that stays prepared on
//! SQLite, and with many rows to a statement on PostgreSQL, where round trips cost more than parsing.

use super::administration::AdministrationRow;
use super::audit::mac_of;
use super::closing::ClosingRow;
use super::flag::{FlagActRow, FlagAnswerRow, FlagRow};
use super::occasion::OccasionRow;
use super::outbox::OutboxRow;
use super::patient::{EpisodeRow, PatientRow};
use super::plan::PlanRow;
use super::response::{EpisodeScaleRow, ResponseRow, ScoreRow};
use super::schema::{
    administration, audit_event, care_session, closing, episode, episode_scale, flag, flag_act,
    flag_answer, link, occasion, outbox, patient, plan, response, score,
};
use super::session::SessionRow;
use super::{Db, Fault, Tx};
use crate::domain::access::Permit;
use crate::domain::audit::AuditEvent;
use crate::domain::ids::{AdministrationId, AuditEventId, LinkId, OrgId};
use chrono::NaiveDateTime;
use diesel::prelude::*;

/// Rows in one statement for PostgreSQL: under twenty columns each stay far below its 65,535 parameters.
const ROWS_IN_A_STATEMENT: usize = 500;

/// Rows in one statement for SQLite, which keeps it prepared.
const ROWS_IN_A_CACHED_STATEMENT: usize = 12;

/// A link that opens an occasion.
#[derive(Debug, Clone)]
pub struct LinkRow {
    /// SHA-256 of the token.
    pub token_hash: Vec<u8>,
    /// Organisation.
    pub org_id: OrgId,
    /// Id.
    pub id: LinkId,
    /// What it opens.
    pub administration_id: AdministrationId,
    /// Since when, UTC.
    pub created_at: NaiveDateTime,
}

/// Rows that belong together; parents before children when they are stored.
#[derive(Debug, Default)]
pub struct Batch {
    /// Patients.
    pub patients: Vec<PatientRow>,
    /// Their episodes of care.
    pub episodes: Vec<EpisodeRow>,
    /// Sessions.
    pub sessions: Vec<SessionRow>,
    /// Measurement plans.
    pub plans: Vec<PlanRow>,
    /// Occasions.
    pub administrations: Vec<AdministrationRow>,
    /// What became of the plans' occasions.
    pub occasions: Vec<OccasionRow>,
    /// Links of occasions that are still open.
    pub links: Vec<LinkRow>,
    /// Responses.
    pub responses: Vec<ResponseRow>,
    /// Their scores.
    pub scores: Vec<ScoreRow>,
    /// What the scores amount to, per episode and scale.
    pub summaries: Vec<EpisodeScaleRow>,
    /// Risk flags.
    pub flags: Vec<FlagRow>,
    /// The answers that belong to them.
    pub flag_answers: Vec<FlagAnswerRow>,
    /// The assessments that closed some of them.
    pub closings: Vec<ClosingRow>,
    /// What was done to them.
    pub acts: Vec<FlagActRow>,
    /// Messages.
    pub messages: Vec<OutboxRow>,
    /// What the audit says about it all.
    pub events: Vec<AuditEvent>,
}

/// Runs one builder for every row, many rows to a statement.
macro_rules! insert_all {
    ($tx:expr, $rows:expr, $table:ident: $($column:ident),+ $(,)?) => {{
        let mut rows = $rows.into_iter();
        match &mut $tx.db {
            Db::Sqlite(db) => {
                while rows.len() >= ROWS_IN_A_CACHED_STATEMENT {
                    let values: [_; ROWS_IN_A_CACHED_STATEMENT] = std::array::from_fn(|_| {
                        let row = rows.next().expect("their number was just counted");
                        ($($table::$column.eq(row.$column)),+)
                    });
                    diesel::insert_into($table::table).values(values).execute(db)?;
                }
                for row in rows {
                    diesel::insert_into($table::table).values(($($table::$column.eq(row.$column)),+)).execute(db)?;
                }
            }
            Db::Postgres(db) => {
                while rows.len() > 0 {
                    let values: Vec<_> =
                        rows.by_ref().take(ROWS_IN_A_STATEMENT).map(|row| ($($table::$column.eq(row.$column)),+)).collect();
                    diesel::insert_into($table::table).values(values).execute(db)?;
                }
            }
        }
    }};
}

/// Stores a batch for somebody who may write patients in bulk.
///
/// # Errors
/// When a row clashes with one that is there, or the database fails.
pub fn add(tx: &mut Tx, _permit: &Permit, batch: Batch) -> Result<(), Fault> {
    insert_all!(tx, batch.patients, patient:
        org_id, id, external_id, name, email, email_refused_at, language, time_zone, created_at, changed_at, sex);
    insert_all!(tx, batch.episodes, episode:
        org_id, id, patient_id, clinic_id, program_id, clinician_id, started_on, ended_on, ending);
    insert_all!(tx, batch.sessions, care_session: org_id, id, episode_id, external_id, starts_at, state);
    insert_all!(tx, batch.plans, plan:
        org_id, id, episode_id, instruments, cadence, anchor, next_due_at, role, position, step, program_plan_id, ended_at,
        awaits_at);
    insert_all!(tx, batch.administrations, administration:
        org_id, id, episode_id, patient_id, occasion, instruments, language, state, due_at, expires_at, opened_at, ended_at,
        finish_within_s, informant_id, ended_why, step);
    insert_all!(tx, batch.occasions, occasion:
        org_id, plan_id, name, due_at, outcome, administration_id, why, made_at);
    insert_all!(tx, batch.links, link: token_hash, org_id, id, administration_id, created_at);
    insert_all!(tx, batch.responses, response:
        org_id, id, administration_id, episode_id, instrument, version, state, answers, criteria, language, layout, started_at,
        completed_at, entered_by, carried);
    insert_all!(tx, batch.scores, score:
        org_id, response_id, scale, revision, instrument, version, value, reason, band, answered, items, prorated, made_at,
        scheme, raw, standard_error, out_of);
    insert_all!(tx, batch.summaries, episode_scale:
        org_id, episode_id, instrument, scale, version, n, first_value, first_at, last_value, last_at, last_band, best_value, best_at,
        recent);
    insert_all!(tx, batch.flags, flag:
        org_id, id, patient_id, episode_id, clinic_id, response_id, informant_id, rule, instrument, version, policy, tier, item, answer,
        answer_words, answers, last_at, owner_id, state, raised_at, acknowledged_at, closed_at, due_at, next_step_at, finish_by,
        unfinished_at);
    insert_all!(tx, batch.flag_answers, flag_answer:
        org_id, id, flag_id, response_id, rule, instrument, version, item, answer, answer_words, how, at);
    insert_all!(tx, batch.closings, closing:
        org_id, flag_id, staff_id, at, asked, level, contact, assessment, plan, next_check_on, no_check_why);
    insert_all!(tx, batch.acts, flag_act: org_id, id, flag_id, act, staff_id, at, note);
    insert_all!(tx, batch.messages, outbox:
        org_id, id, kind, subject_id, recipient_id, state, not_before, attempts, lease_until, fence, last_error, created_at, ended_at,
        lane, number);
    add_events(tx, &batch.events)
}

/// As `audit::add` for each event, seals included.
fn add_events(tx: &mut Tx, events: &[AuditEvent]) -> Result<(), Fault> {
    let rows: Vec<_> = events
        .iter()
        .map(|event| SealedEvent::of(tx, event))
        .collect();
    insert_all!(tx, rows, audit_event: org_id, id, at, actor, actor_id, act, subject, subject_id, outcome, mac);
    Ok(())
}

/// An event as its table has it.
struct SealedEvent {
    org_id: OrgId,
    id: AuditEventId,
    at: NaiveDateTime,
    actor: &'static str,
    actor_id: Option<Vec<u8>>,
    act: &'static str,
    subject: &'static str,
    subject_id: Option<Vec<u8>>,
    outcome: &'static str,
    mac: Vec<u8>,
}

impl SealedEvent {
    fn of(tx: &Tx, event: &AuditEvent) -> Self {
        SealedEvent {
            org_id: event.org,
            id: event.id,
            at: event.at,
            actor: event.actor,
            actor_id: event.actor_id.map(Vec::from),
            act: event.act,
            subject: event.subject,
            subject_id: event.subject_id.map(Vec::from),
            outcome: event.outcome,
            mac: mac_of(tx, &event.stored()).to_vec(),
        }
    }
}
