//! Invented history: fills an empty organisation with clinics, staff and patients whose year of sessions, answers and flags is believable,
//! whole by every rule of the store, and the same on every run. For the demo and for trying claims about size; nobody in it exists.
//!
//! `site` is the place, `people` the names, `courses` how patients fare, `answers` what they tick, `story` one patient's care, `occasions` what
//! they are asked, `flags` what was done about alarming answers, `write` the storing.
//! `arrive` is what comes in after that, one answer at a time.

mod answers;
mod arrive;
mod chance;
mod courses;
mod flags;
mod occasions;
mod people;
mod site;
mod story;
#[cfg(test)]
mod tests;
mod write;

pub use arrive::arrive;

use super::{App, accounts};
use crate::domain::access::{Action, Actor, Permit, Role, Subject, decide};
use crate::domain::risk::FlagState;
use crate::store::bulk::Batch;
use crate::store::{Fault, organisation};
use chrono::NaiveDateTime;
use chrono_tz::Tz;
use site::Site;

/// The seed of the demo's history: the same people on every run.
pub const SEED: u64 = 20_261_122;
/// The password of every invented account. Nothing but invented people is behind it, and the demo listens on loopback alone.
pub const PASSWORD: &str = "demo-demo-demo-demo";

/// What is to be invented.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// How many patients; at least 1.
    pub patients: usize,
    /// Now, UTC, to the microsecond. The history hangs on its day alone; only what is urgent hangs on the minute.
    pub now: NaiveDateTime,
    /// The same seed tells the same history.
    pub seed: u64,
    /// The password of every account; `None` = no account can sign in until it gets one.
    pub password: Option<String>,
}

/// What was invented.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invented {
    /// An account for each member of staff: role and the address to sign in with.
    pub sign_ins: Vec<(Role, String)>,
    /// Patients.
    pub patients: usize,
    /// Episodes of care.
    pub episodes: usize,
    /// Sessions.
    pub sessions: usize,
    /// Occasions on which somebody was asked.
    pub administrations: usize,
    /// Occasions that still take answers.
    pub open_administrations: usize,
    /// Responses, unfinished ones among them.
    pub responses: usize,
    /// Scores.
    pub scores: usize,
    /// Risk flags, in whatever state.
    pub flags: usize,
    /// Flags that nobody has taken on.
    pub open_flags: usize,
    /// Flags that somebody has taken on and not closed.
    pub acknowledged_flags: usize,
    /// Audit events.
    pub events: usize,
}

impl Invented {
    fn count(&mut self, batch: &Batch) {
        let flags = |state: FlagState| {
            batch
                .flags
                .iter()
                .filter(|flag| flag.state == state.word())
                .count()
        };
        self.patients += batch.patients.len();
        self.episodes += batch.episodes.len();
        self.sessions += batch.sessions.len();
        self.administrations += batch.administrations.len();
        self.open_administrations += batch.links.len();
        self.responses += batch.responses.len();
        self.scores += batch.scores.len();
        self.flags += batch.flags.len();
        self.open_flags += flags(FlagState::Open);
        self.acknowledged_flags += flags(FlagState::Acknowledged);
        self.events += batch.events.len();
    }
}

/// Fills an empty organisation; `progress` hears how many patients are on disk.
///
/// # Errors
/// Refuses an organisation that has clinics, programs or patients. When the database fails midway, what was stored before stays.
pub fn invent(
    app: &App,
    wanted: Wanted,
    progress: &mut dyn FnMut(usize),
) -> Result<Invented, Fault> {
    let permit = permit(app)?;
    let zone = zone(app)?;
    let extent = (wanted.seed, wanted.patients, wanted.now);
    let site = Site::invent((app.org, zone), app.library, app.store.seal(), extent);
    // One hash for all: the accounts share the password, and hashing is slow on purpose.
    let password_hash = wanted.password.as_deref().map(accounts::hash_unchecked);
    found(app, &site, password_hash)?;
    let sign_ins = site
        .staff
        .iter()
        .map(|person| (person.role, person.email.clone()))
        .collect();
    let mut invented = Invented {
        sign_ins,
        ..Invented::default()
    };
    write::all(&app.store, &site, &permit, &mut invented, progress)?;
    Ok(invented)
}

fn permit(app: &App) -> Result<Permit, Fault> {
    decide(
        &Actor::Operator { org: app.org },
        Action::Import,
        Subject::Organisation,
    )
    .map_err(|denied| Fault::Corrupt(denied.to_string()))
}

fn zone(app: &App) -> Result<Tz, Fault> {
    let known = app.store.read_blocking(organisation::only)?;
    let row = known
        .filter(|row| row.id == app.org)
        .ok_or_else(|| Fault::Corrupt("there is no organisation yet".into()))?;
    row.time_zone
        .parse()
        .map_err(|_| Fault::Corrupt(format!("{:?} is no time zone", row.time_zone)))
}

fn found(app: &App, site: &Site<'_>, password_hash: Option<String>) -> Result<(), Fault> {
    let org = app.org;
    let place = site.place(password_hash.as_deref());
    app.store.write_blocking(move |tx| {
        site::require_empty(tx, org)?;
        place.found(tx)
    })
}
