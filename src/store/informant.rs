//! Those who answer about a patient: a parent, a partner, a teacher. Their answers are a series of their own and never the patient's.

use super::schema::{administration, informant};
use super::{Fault, Tx};
use crate::domain::access::Permit;
use crate::domain::ids::{AdministrationId, EpisodeId, InformantId, OrgId, PatientId};
use crate::domain::words::words;
use chrono::NaiveDateTime;
use diesel::prelude::*;
use std::collections::HashMap;

words! {
    /// Who somebody is to the patient.
    Relation {
        /// Mother, father, or in their place.
        Parent = "parent",
        /// Husband, wife, partner.
        Partner = "partner",
        /// Somebody who cares for them.
        Carer = "carer",
        /// Somebody who teaches them.
        Teacher = "teacher",
        /// Somebody else who knows them well.
        Other = "other",
    }
}

impl Relation {
    /// With its article, as in "answered by a parent".
    pub fn with_article(self) -> &'static str {
        match self {
            Relation::Parent => "a parent",
            Relation::Partner => "a partner",
            Relation::Carer => "a carer",
            Relation::Teacher => "a teacher",
            Relation::Other => "somebody who knows the patient",
        }
    }
}

/// Somebody who answers about a patient.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = informant)]
pub struct InformantRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Id.
    pub id: InformantId,
    /// About whom.
    pub patient_id: PatientId,
    /// A [`Relation`]'s word.
    pub relation: String,
    /// Their name.
    pub name: String,
    /// Their address, if it is known.
    pub email: Option<String>,
    /// Their language's tag.
    pub language: String,
    /// Since when, UTC.
    pub made_at: NaiveDateTime,
    /// When they stopped.
    pub ended_at: Option<NaiveDateTime>,
}

impl InformantRow {
    /// `a parent, Ana Ruiz`
    pub fn who(&self) -> String {
        let relation: Relation = self.relation.parse().unwrap_or(Relation::Other);
        format!("{}, {}", relation.with_article(), self.name)
    }
}

/// Adds somebody.
///
/// # Errors
/// When the database fails.
pub fn add(tx: &mut Tx, _permit: &Permit, row: &InformantRow) -> Result<(), Fault> {
    diesel::insert_into(informant::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// One of the patient's informants, whether they still answer or not.
///
/// # Errors
/// When the database fails.
pub fn by_id(
    tx: &mut Tx,
    org: OrgId,
    patient: PatientId,
    id: InformantId,
) -> Result<Option<InformantRow>, Fault> {
    Ok(informant::table
        .find((org, id))
        .filter(informant::patient_id.eq(patient))
        .get_result(&mut tx.db)
        .optional()?)
}

/// Everybody who ever answered about a patient, the first one first.
///
/// # Errors
/// When the database fails.
pub fn of_patient(
    tx: &mut Tx,
    permit: &Permit,
    patient: PatientId,
) -> Result<Vec<InformantRow>, Fault> {
    Ok(informant::table
        .filter(
            informant::org_id
                .eq(permit.org())
                .and(informant::patient_id.eq(patient)),
        )
        .order(informant::id)
        .load(&mut tx.db)?)
}

/// Notes that somebody answers no more. `false` when they had stopped.
///
/// # Errors
/// When the database fails.
pub fn end(
    tx: &mut Tx,
    permit: &Permit,
    id: InformantId,
    now: NaiveDateTime,
) -> Result<bool, Fault> {
    let ended = diesel::update(
        informant::table
            .find((permit.org(), id))
            .filter(informant::ended_at.is_null()),
    )
    .set(informant::ended_at.eq(now))
    .execute(&mut tx.db)?;
    Ok(ended == 1)
}

/// Which occasions of these episodes somebody else answered than the patient, and who.
///
/// # Errors
/// When the database fails.
pub fn answered_by(
    tx: &mut Tx,
    org: OrgId,
    episodes: &[EpisodeId],
) -> Result<HashMap<AdministrationId, InformantId>, Fault> {
    let rows: Vec<(AdministrationId, Option<InformantId>)> = administration::table
        .filter(
            administration::org_id
                .eq(org)
                .and(administration::episode_id.eq_any(episodes.to_vec())),
        )
        .filter(administration::informant_id.is_not_null())
        .select((administration::id, administration::informant_id))
        .load(&mut tx.db)?;
    Ok(rows
        .into_iter()
        .filter_map(|(id, informant)| Some((id, informant?)))
        .collect())
}

/// The open occasions that wait for somebody.
///
/// # Errors
/// When the database fails.
pub fn open_occasions(
    tx: &mut Tx,
    org: OrgId,
    id: InformantId,
) -> Result<Vec<AdministrationId>, Fault> {
    Ok(administration::table
        .filter(
            administration::org_id
                .eq(org)
                .and(administration::informant_id.eq(id)),
        )
        .filter(administration::ended_at.is_null())
        .select(administration::id)
        .load(&mut tx.db)?)
}
