//! Puts another key in the place of the site's own: for a key that is lost for good, or that somebody may have read. That it was done, when and why
//! stands in the audit for good, under the new key. What is still to be sent gets tokens that the new key makes; links that people hold are found by their hash and stay good.

use super::Failure;
use super::accounts::setup_secret;
use super::link::Token;
use crate::domain::access::{Action, Actor, Permit, Subject, decide};
use crate::domain::audit::KeyBefore;
use crate::domain::ids::OrgId;
use crate::store::key_change::{self, KeyChange};
use crate::store::staff::SetupLinkRow;
use crate::store::{Fault, Store, Tx, administration, staff};
use chrono::NaiveDateTime;
use std::collections::BTreeMap;

/// The longest reason, in characters.
const MOST_BECAUSE: usize = 500;

/// Why nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No reason, or none that can be kept.
    Because,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::Because => write!(
                f,
                "say why, in one line of 3 to {MOST_BECAUSE} characters: it stands in the audit for good. Name no patient"
            ),
        }
    }
}

/// What was done.
#[derive(Debug, Clone)]
pub struct Replaced {
    /// As the audit has it.
    pub change: KeyChange,
    /// Links of open forms that can be sent again.
    pub links: usize,
}

/// Writes down that from now on the key is the one that `store` was opened with. Nobody else may work with the data meanwhile.
///
/// # Errors
/// See [`Refusal`]; or the database fails.
pub fn replace_key(
    store: &Store,
    org: OrgId,
    before: KeyBefore,
    because: &str,
    now: NaiveDateTime,
) -> Result<Replaced, Failure<Refusal>> {
    let because = check_reason(because).map_err(Failure::Refused)?.to_owned();
    store.write_blocking(move |tx| {
        let operator = Actor::Operator { org };
        let permit = decide(&operator, Action::Administer, Subject::Organisation)?;
        let links = make_tokens(tx, &permit)?;
        make_setup_secrets(tx, &permit)?;
        let change = key_change::record(tx, &permit, before, &because, now)?;
        Ok(Replaced { change, links })
    })
}

/// The reason as it is kept.
///
/// # Errors
/// When it is none.
pub fn check_reason(because: &str) -> Result<&str, Refusal> {
    let because = because.trim();
    let length = because.chars().count();
    let fits = (3..=MOST_BECAUSE).contains(&length) && !because.contains(char::is_control);
    fits.then_some(because).ok_or(Refusal::Because)
}

/// Every form that is open may be asked for again, and then its link is made with the key of that day.
fn make_tokens(tx: &mut Tx, permit: &Permit) -> Result<usize, Fault> {
    let links = administration::open_links(tx, permit)?;
    for link in &links {
        let hash = Token::of(&tx.seal, link.id).hash();
        administration::add_token(tx, permit, link, &hash)?;
    }
    Ok(links.len())
}

/// Set-up links whose mail waits. Those that went out are found by their hash.
fn make_setup_secrets(tx: &mut Tx, permit: &Permit) -> Result<(), Fault> {
    // An account may have several: each mail belongs to one of them, and nothing says which. The one that works longest stands for all.
    let mut newest: BTreeMap<Vec<u8>, SetupLinkRow> = BTreeMap::new();
    for (id, link) in staff::setup_links_to_send(tx, permit)? {
        let works_longer = |known: &SetupLinkRow| link.expires_at > known.expires_at;
        if newest.get(&id).is_none_or(works_longer) {
            newest.insert(id, link);
        }
    }
    for (id, link) in newest {
        let secret_hash = setup_secret(&tx.seal, &id).hash().to_vec();
        staff::add_setup_link(
            tx,
            &SetupLinkRow {
                secret_hash,
                ..link
            },
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_that_says_something() {
        assert_eq!(check_reason("  the disk died "), Ok("the disk died"));
        let long = "a".repeat(MOST_BECAUSE);
        assert_eq!(check_reason(&long), Ok(long.as_str()));
        for wrong in ["", "  ", "no", "two\nlines", &"a".repeat(MOST_BECAUSE + 1)] {
            assert_eq!(check_reason(wrong), Err(Refusal::Because), "{wrong:?}");
        }
    }
}
