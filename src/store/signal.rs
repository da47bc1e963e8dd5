//! Signals of the lower tier, and the decision each ends in. Which there are and why is `domain::risk`'s business.

use super::schema::signal;
use crate::domain::ids::{ClinicId, EpisodeId, OrgId, PatientId, ResponseId, SignalId, StaffId};
use chrono::NaiveDateTime;
use diesel::prelude::*;

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
    pub raised_at: NaiveDateTime,
    /// When it was seen last.
    pub last_at: NaiveDateTime,
    /// How often.
    pub times: i32,
    /// By when somebody should decide; `None` once decided.
    pub due_at: Option<NaiveDateTime>,
    /// What was decided, as a word.
    pub choice: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// By whom.
    pub decided_by: Option<StaffId>,
    /// When.
    pub decided_at: Option<NaiveDateTime>,
}
