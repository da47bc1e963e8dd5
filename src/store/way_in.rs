//! How answers came that staff put down: on paper, in an interview, or as the clinician's own; and the day on which they were given.

use super::schema::{administration, way_in};
use super::{Fault, Tx};
use crate::domain::access::Permit;
use crate::domain::ids::{AdministrationId, EpisodeId, OrgId, StaffId};
use crate::domain::words::words;
use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;

words! {
    /// How answers came.
    Mode {
        /// The clinician answers the form.
        Clinician = "clinician",
        /// Copied from paper.
        Paper = "paper",
        /// Somebody read the questions out and noted the answers.
        Interview = "interview",
    }
}

words! {
    /// How an interview was held.
    Manner {
        /// In the same room.
        InPerson = "in_person",
        /// By telephone.
        Telephone = "telephone",
        /// By video.
        Video = "video",
    }
}

/// How the answers of one occasion came.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = way_in)]
pub struct WayInRow {
    /// Organisation.
    pub org_id: OrgId,
    /// The occasion.
    pub administration_id: AdministrationId,
    /// A [`Mode`]'s word.
    pub mode: String,
    /// The day on which they were given, on the site's calendar.
    pub answered_on: NaiveDate,
    /// Who asked, in an interview.
    pub asked_by: Option<String>,
    /// A [`Manner`]'s word, in an interview.
    pub manner: Option<String>,
    /// Who put them down here.
    pub recorded_by: StaffId,
    /// When, UTC.
    pub recorded_at: NaiveDateTime,
}

impl WayInRow {
    /// `on paper, on Mon 2 Mar 2026`; `in an interview by telephone with Lee Hartwell, on …`.
    pub fn words(&self) -> String {
        let day = self.answered_on.format("%a %-d %b %Y");
        let manner = match self.manner.as_deref().map(str::parse) {
            Some(Ok(Manner::Telephone)) => " by telephone",
            Some(Ok(Manner::Video)) => " by video",
            Some(Ok(Manner::InPerson)) => " in person",
            _ => "",
        };
        match (self.mode.parse(), &self.asked_by) {
            (Ok(Mode::Interview), Some(who)) => {
                format!("in an interview{manner} with {who}, on {day}")
            }
            (Ok(Mode::Clinician), _) => format!("rated by the clinician, on {day}"),
            _ => format!("on paper, on {day}"),
        }
    }
}

/// Writes down how an occasion's answers came.
///
/// # Errors
/// When that is written down already, or the database fails.
pub fn add(tx: &mut Tx, _permit: &Permit, row: &WayInRow) -> Result<(), Fault> {
    diesel::insert_into(way_in::table)
        .values(row)
        .execute(&mut tx.db)?;
    Ok(())
}

/// How an occasion's answers came; `None` when they came through a link.
///
/// # Errors
/// When the database fails.
pub fn of_administration(
    tx: &mut Tx,
    org: OrgId,
    id: AdministrationId,
) -> Result<Option<WayInRow>, Fault> {
    Ok(way_in::table
        .find((org, id))
        .get_result(&mut tx.db)
        .optional()?)
}

/// How the answers of an episode came that staff put down.
///
/// # Errors
/// When the database fails.
pub fn of_episode(tx: &mut Tx, permit: &Permit, id: EpisodeId) -> Result<Vec<WayInRow>, Fault> {
    Ok(way_in::table
        .inner_join(
            administration::table.on(administration::org_id
                .eq(way_in::org_id)
                .and(administration::id.eq(way_in::administration_id))),
        )
        .filter(
            administration::org_id
                .eq(permit.org())
                .and(administration::episode_id.eq(id)),
        )
        .select(way_in::all_columns)
        .load(&mut tx.db)?)
}
