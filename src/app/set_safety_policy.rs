//! The site's rules of safety: reading them with their versions, and making a new version. What is as strict as what ships or stricter may be set by whoever answers for
//! the site; what is weaker takes a licensed lead, who has read the warning and says why. What the rules mean is `domain::risk::policy`'s.

use super::read_caseload::site_zone;
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Permit, Subject, decide};
use crate::domain::ids::{OrgId, StaffId};
use crate::domain::instrument::Library;
use crate::domain::risk::policy::SafetyPolicy;
use crate::domain::risk::strictness::{BadSetting, Weaker};
use crate::domain::schedule::local_time;
use crate::store::policy::PolicyRow;
use crate::store::{Fault, Tx, audit, past, policy};
use chrono::NaiveDateTime;

/// Why the rules were not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// These cannot be kept.
    Rules(Vec<BadSetting>),
    /// Somebody else made a version after the page was opened; its number.
    Outdated(i32),
    /// These are weaker than what ships, and whoever asked is no licensed lead.
    NeedsLead(Vec<Weaker>),
    /// The warning about these was not ticked.
    NotRead(Vec<Weaker>),
    /// Weaker rules need a reason.
    NoReason,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let listed = |weaker: &[Weaker]| {
            let words: Vec<String> = weaker.iter().map(Weaker::to_string).collect();
            words.join("; ")
        };
        match self {
            Refusal::Rules(bad) => {
                let wanted: Vec<&str> = bad.iter().map(|rule| rule.wanted.as_str()).collect();
                f.write_str(&wanted.join(" "))
            }
            Refusal::Outdated(newest) => write!(
                f,
                "Somebody else saved version {newest} after you opened this page. Nothing was changed. Read that version below, then make your changes again."
            ),
            Refusal::NeedsLead(weaker) => write!(
                f,
                "Only a supervisor with a licence may set what is weaker than what ships. That is: {}.",
                listed(weaker)
            ),
            Refusal::NotRead(weaker) => write!(
                f,
                "Read the warning and tick that you have. Weaker than what ships: {}.",
                listed(weaker)
            ),
            Refusal::NoReason => f.write_str("Write why these rules are weaker than what ships. Everybody who reads the rules sees it."),
        }
    }
}

/// Whether the warning about weaker rules was ticked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warning {
    /// "I have read this."
    Read,
    /// Not ticked.
    NotRead,
}

/// New rules as they are asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The rules, with the reason.
    pub policy: SafetyPolicy,
    /// The version on which they were made.
    pub base: i32,
    /// Whether the warning was ticked.
    pub warning: Warning,
}

/// The rules as the page shows them.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Those that hold.
    pub policy: SafetyPolicy,
    /// Their version; 0: as shipped.
    pub version: i32,
    /// What in them is weaker than what ships.
    pub weaker: Vec<Weaker>,
    /// Every version, newest first.
    pub versions: Vec<Version>,
    /// Whether the reader may set what is weaker.
    pub is_lead: bool,
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
    /// Why; empty where nothing was said.
    pub reason: String,
    /// What differs from the version before.
    pub differences: Vec<String>,
    /// What in it is weaker than what ships.
    pub weaker: Vec<Weaker>,
}

/// Reads the rules. The reading is audited.
///
/// # Errors
/// Denied unless the account may set them.
pub async fn read_policy(app: &App, actor: Actor) -> Result<Rules, Failure<Refusal>> {
    let (now, library) = (app.clock.now(), app.library);
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::SetSafety, Subject::Organisation)?;
            let org = permit.org();
            audit::record(tx, &permit, "safety_policy", Some(org), now)?;
            let rows = policy::versions(tx, &permit, SafetyPolicy::KIND)?;
            let (policy, version) =
                policy::newest_version::<SafetyPolicy>(tx, org, SafetyPolicy::KIND)?;
            Ok(Rules {
                weaker: policy.weaker(library),
                policy,
                version,
                versions: versions(tx, org, library, &rows)?,
                is_lead: permit.is_licensed_lead(),
            })
        })
        .await
}

fn versions(
    tx: &mut Tx,
    org: OrgId,
    library: &Library,
    rows: &[PolicyRow],
) -> Result<Vec<Version>, Fault> {
    let zone = site_zone(tx)?;
    let people = past::staff_names(tx, org)?;
    let name = |id: Option<StaffId>| match id {
        None => "the operator of the machine".to_owned(),
        Some(id) => people
            .iter()
            .find(|(known, _)| *known == id)
            .map_or_else(String::new, |(_, name)| name.clone()),
    };
    let mut before = SafetyPolicy::default();
    let mut said = vec![];
    for row in rows.iter().rev() {
        let rules: SafetyPolicy = serde_json::from_str(&row.body)
            .map_err(|error| Fault::Corrupt(format!("the safety policy: {error}")))?;
        said.push(Version {
            number: row.version,
            made_at: local_time(zone, row.made_at),
            made_by: name(row.made_by),
            reason: rules.reason.clone(),
            differences: rules.differences(&before, library),
            weaker: rules.weaker(library),
        });
        before = rules;
    }
    said.reverse();
    Ok(said)
}

/// Makes a new version of the rules; none when nothing in them differs.
///
/// # Errors
/// See [`Refusal`]; nothing is stored then. Denied unless the account may set them.
pub async fn set_policy(app: &App, actor: Actor, asked: Asked) -> Result<(), Failure<Refusal>> {
    let (now, library) = (app.clock.now(), app.library);
    let bad = asked.policy.faults(library);
    if !bad.is_empty() {
        return Err(Failure::Refused(Refusal::Rules(bad)));
    }
    let (base, warning) = (asked.base, asked.warning);
    let new = asked.policy.tidied(library);
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::SetSafety, Subject::Organisation)?;
            let org = permit.org();
            let (before, newest) =
                policy::newest_version::<SafetyPolicy>(tx, org, SafetyPolicy::KIND)?;
            if newest != base {
                return Err(Failure::Refused(Refusal::Outdated(newest)));
            }
            if same(&new, &before) {
                return Ok(());
            }
            may_be_set(&permit, &new, &before, warning, library).map_err(Failure::Refused)?;
            policy::replace(tx, &permit, SafetyPolicy::KIND, &new, now).map_err(
                // Two saved at once on PostgreSQL: the key lets one of them through.
                |fault| match fault.is_duplicate() {
                    true => Failure::Refused(Refusal::Outdated(newest + 1)),
                    false => Failure::Fault(fault),
                },
            )?;
            audit::record(tx, &permit, "safety_policy", Some(org), now)?;
            Ok(())
        })
        .await
}

/// Whether two versions say the same, whatever the reason.
fn same(new: &SafetyPolicy, before: &SafetyPolicy) -> bool {
    let said = SafetyPolicy {
        reason: before.reason.clone(),
        ..new.clone()
    };
    said == *before
}

/// What grows weaker takes a licensed lead who has read the warning and says why; what was weaker already may stay.
fn may_be_set(
    permit: &Permit,
    new: &SafetyPolicy,
    before: &SafetyPolicy,
    warning: Warning,
    library: &Library,
) -> Result<(), Refusal> {
    let weaker = new.newly_weaker(before, library);
    if weaker.is_empty() {
        return Ok(());
    }
    if !permit.is_licensed_lead() {
        return Err(Refusal::NeedsLead(weaker));
    }
    if warning == Warning::NotRead {
        return Err(Refusal::NotRead(weaker));
    }
    if new.reason.trim().is_empty() {
        return Err(Refusal::NoReason);
    }
    Ok(())
}

/// What holds now that is weaker than what ships, for a standing warning; empty when nothing is.
///
/// # Errors
/// When the stored version cannot be read, or the database fails.
pub fn standing_warning(tx: &mut Tx, org: OrgId, library: &Library) -> Result<Vec<Weaker>, Fault> {
    let policy: SafetyPolicy = policy::newest(tx, org, SafetyPolicy::KIND)?;
    Ok(policy.weaker(library))
}
