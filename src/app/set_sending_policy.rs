//! The site's rules of sending: reading them with their versions and pauses, and making a new version. When answers are read is part of them and has a verb of
//! its own (`set_cover`), so that neither page undoes what the other one set.

use super::pause_sending::{self, ShownPause};
use super::read_caseload::site_zone;
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Subject, decide};
use crate::domain::ids::{OrgId, ProgramId, StaffId};
use crate::domain::schedule::local_time;
use crate::domain::schedule::policy::{BadRule, SendingPolicy};
use crate::mail::render::telling_word;
use crate::store::policy::PolicyRow;
use crate::store::{Fault, Tx, audit, organisation, policy, sending, staff};
use chrono::NaiveDateTime;

/// The longest sender's name, in characters.
pub const SENDER_MOST: usize = 60;

/// Why the rules were not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// These cannot be kept.
    Rules(Vec<BadRule>),
    /// The sender's name would tell what the care is about; the stem that does.
    SenderTells(&'static str),
    /// The sender's name is too long or holds what no name holds.
    Sender,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::Rules(bad) => {
                let wanted: Vec<&str> = bad.iter().map(|rule| rule.wanted).collect();
                f.write_str(&wanted.join(" "))
            }
            Refusal::SenderTells(stem) => write!(
                f,
                "This name would tell everybody who sees the mailbox what the care is about (“{stem}…”). Write a neutral one, such as the name of the street or town."
            ),
            Refusal::Sender => write!(
                f,
                "Write a name of at most {SENDER_MOST} characters on one line, without quotation marks or angle brackets, or leave it empty."
            ),
        }
    }
}

/// The rules as the page shows them.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Those that hold.
    pub policy: SendingPolicy,
    /// Every version, newest first.
    pub versions: Vec<Version>,
    /// The pauses of site and programs that hold.
    pub pauses: Vec<ShownPause>,
    /// How many messages they hold back, those of patients' own pauses among them.
    pub held: i64,
    /// The programs.
    pub programs: Vec<(ProgramId, String)>,
}

/// One version.
#[derive(Debug, Clone)]
pub struct Version {
    /// Its number, from 1.
    pub number: i32,
    /// When it was made, on the site's clock.
    pub made_at: NaiveDateTime,
    /// By whom.
    pub made_by: String,
}

/// Reads the rules. The reading is audited.
///
/// # Errors
/// Denied unless the account administers.
pub async fn read_rules(app: &App, actor: Actor) -> Result<Rules, Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::Administer, Subject::Organisation)?;
            let org = permit.org();
            audit::record(tx, &permit, "sending_policy", Some(org), now)?;
            let rows = policy::versions(tx, &permit, SendingPolicy::KIND)?;
            Ok(Rules {
                policy: policy::newest(tx, org, SendingPolicy::KIND)?,
                versions: versions(tx, org, &rows)?,
                pauses: pause_sending::holding(tx, &permit, now)?,
                held: sending::held_by_pauses(tx, &permit)?,
                programs: organisation::programs(tx, org)?
                    .into_iter()
                    .map(|row| (row.id, row.name))
                    .collect(),
            })
        })
        .await
}

fn versions(tx: &mut Tx, org: OrgId, rows: &[PolicyRow]) -> Result<Vec<Version>, Fault> {
    let zone = site_zone(tx)?;
    let people = staff::all(tx, org)?;
    let name = |id: Option<StaffId>| match id {
        None => "the operator of the machine".to_owned(),
        Some(id) => people
            .iter()
            .find(|row| row.id == id)
            .map_or_else(String::new, |row| row.name.clone()),
    };
    Ok(rows
        .iter()
        .map(|row| Version {
            number: row.version,
            made_at: local_time(zone, row.made_at),
            made_by: name(row.made_by),
        })
        .collect())
}

/// Makes a new version of the rules; when answers are read stays as it was.
///
/// # Errors
/// See [`Refusal`]; nothing is stored then. Denied unless the account administers.
pub async fn set_rules(
    app: &App,
    actor: Actor,
    new: SendingPolicy,
) -> Result<(), Failure<Refusal>> {
    let now = app.clock.now();
    check(&new).map_err(Failure::Refused)?;
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::Administer, Subject::Organisation)?;
            let before: SendingPolicy = policy::newest(tx, permit.org(), SendingPolicy::KIND)?;
            let new = SendingPolicy {
                reading: before.reading.clone(),
                nobody_reads: before.nobody_reads,
                ..new
            };
            if new != before {
                policy::replace(tx, &permit, SendingPolicy::KIND, &new, now)?;
                audit::record(tx, &permit, "sending_policy", Some(permit.org()), now)?;
            }
            Ok(())
        })
        .await
}

fn check(new: &SendingPolicy) -> Result<(), Refusal> {
    let bad = new.faults();
    if !bad.is_empty() {
        return Err(Refusal::Rules(bad));
    }
    let Some(name) = new.sender_name.as_deref() else {
        return Ok(());
    };
    if let Some(stem) = telling_word(name) {
        return Err(Refusal::SenderTells(stem));
    }
    let plain =
        |c: char| c == ' ' || (!c.is_control() && !c.is_whitespace() && !"<>\"\\@".contains(c));
    if name.trim().is_empty() || name.chars().count() > SENDER_MOST || !name.chars().all(plain) {
        return Err(Refusal::Sender);
    }
    Ok(())
}
