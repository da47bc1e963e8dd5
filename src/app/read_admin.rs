//! What an administrator looks at: accounts with their clinics, the site's own words, how the outbox stands. No patient is named.

use super::site_words::CrisisLine;
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Subject, decide};
use crate::domain::evaluation::Grid;
use crate::domain::ids::ClinicId;
use crate::store::key_change::{self, KeyChange};
use crate::store::outbox::{self, Standing};
use crate::store::staff::{self, StaffRow};
use crate::store::{Fault, audit, organisation};

/// One account with the names of its clinics.
#[derive(Debug, Clone)]
pub struct Account {
    /// The account.
    pub row: StaffRow,
    /// Its clinics' names.
    pub clinics: Vec<String>,
}

/// How the site stands.
#[derive(Debug, Clone)]
pub struct Overview {
    /// The organisation's name.
    pub organisation: String,
    /// Every account, by name.
    pub accounts: Vec<Account>,
    /// Every clinic.
    pub clinics: Vec<(ClinicId, String)>,
    /// The crisis line, if one is set.
    pub line: Option<CrisisLine>,
    /// When answers are read, as patients are told.
    pub promise: String,
    /// Which periods accounts are shown that may not see small numbers.
    pub grid: Grid,
    /// What waits in the outbox.
    pub outbox: Standing,
    /// Every change of the site's key, oldest first.
    pub key_changes: Vec<KeyChange>,
}

/// Why there is nothing to look at: never the domain's doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {}

impl std::fmt::Display for Refusal {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {}
    }
}

/// Reads the overview. The reading is audited.
///
/// # Errors
/// Denied unless the account administers.
pub async fn read_admin(app: &App, actor: Actor) -> Result<Overview, Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::Administer, Subject::Organisation)?;
            let org = permit.org();
            let clinics: Vec<(ClinicId, String)> = organisation::clinics(tx, org)?
                .into_iter()
                .map(|row| (row.id, row.name))
                .collect();
            let places = staff::candidates(tx, org)?;
            let names = |row: &StaffRow| {
                let here = places
                    .iter()
                    .find(|place| place.id == row.id)
                    .map_or(&[][..], |place| &place.clinics);
                clinics
                    .iter()
                    .filter(|(id, _)| here.contains(id))
                    .map(|(_, name)| name.clone())
                    .collect()
            };
            let accounts = staff::all(tx, org)?
                .into_iter()
                .map(|row| Account {
                    clinics: names(&row),
                    row,
                })
                .collect();
            let words = organisation::only(tx)?;
            audit::record(tx, &permit, "site", Some(org), now)?;
            Ok(Overview {
                organisation: words
                    .as_ref()
                    .map(|row| row.name.clone())
                    .unwrap_or_default(),
                accounts,
                line: words
                    .as_ref()
                    .and_then(|row| row.crisis_line.as_deref())
                    .map(CrisisLine::read),
                grid: words
                    .as_ref()
                    .map_or(Ok(Grid::Quarters), |row| row.shown_by.parse())
                    .map_err(Fault::from)?,
                promise: words.map(|row| row.reading_promise).unwrap_or_default(),
                outbox: outbox::standing(tx, org)?,
                key_changes: key_change::all(tx, org)?,
                clinics,
            })
        })
        .await
}
