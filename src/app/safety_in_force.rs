//! The site's safety policy and reading hours as they hold now, for whatever raises, passes on or closes a flag within its own transaction.

use crate::domain::ids::OrgId;
use crate::domain::risk::life::Times;
use crate::domain::risk::policy::SafetyPolicy;
use crate::domain::schedule::office::Office;
use crate::domain::schedule::policy::SendingPolicy;
use crate::store::{Fault, Tx, organisation, policy};

/// The policy and its version, without the hours.
pub type Rules<'a> = (&'a SafetyPolicy, i32);

/// What holds now.
#[derive(Debug, Clone)]
pub struct InForce {
    /// The policy.
    pub policy: SafetyPolicy,
    /// Its version; 0: as shipped.
    pub version: i32,
    /// When the site reads.
    pub office: Office,
}

impl InForce {
    /// Reads it.
    ///
    /// # Errors
    /// When a stored version cannot be read, or the database fails.
    pub fn read(tx: &mut Tx, org: OrgId) -> Result<InForce, Fault> {
        let kinds = (SafetyPolicy::KIND, SendingPolicy::KIND);
        let ((policy, version), (sending, _)) = policy::newest_two(tx, org, kinds)?;
        Ok(InForce {
            policy,
            version,
            office: office_of(tx, sending)?,
        })
    }

    /// The policy and its version.
    #[must_use]
    pub fn rules(&self) -> Rules<'_> {
        (&self.policy, self.version)
    }

    /// The times a flag's life keeps.
    #[must_use]
    pub fn times(&self) -> Times<'_> {
        Times {
            clocks: &self.policy.clocks,
            office: &self.office,
        }
    }
}

/// When the site reads.
///
/// # Errors
/// When a stored version cannot be read, or the database fails.
pub fn office(tx: &mut Tx, org: OrgId) -> Result<Office, Fault> {
    let sending = policy::newest(tx, org, SendingPolicy::KIND)?;
    office_of(tx, sending)
}

fn office_of(tx: &mut Tx, sending: SendingPolicy) -> Result<Office, Fault> {
    let zone = organisation::only(tx)?
        .and_then(|row| row.time_zone.parse().ok())
        .unwrap_or(chrono_tz::UTC);
    Ok(Office {
        hours: sending.reading,
        zone,
    })
}
