//! The site's own rules as data: the newest version of a kind holds, older ones stay readable. What they mean is the domain's business.

use super::engine::on_engine;
use super::schema::policy;
use super::{Fault, Tx};
use crate::domain::access::Permit;
use crate::domain::ids::{OrgId, StaffId};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// One version of one kind of rules.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = policy)]
pub struct PolicyRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Which rules.
    pub kind: String,
    /// From 1; the highest holds.
    pub version: i32,
    /// The rules as JSON.
    pub body: String,
    /// Since when, UTC.
    pub made_at: NaiveDateTime,
    /// By whom; `None`: the operator of the machine.
    pub made_by: Option<StaffId>,
}

/// Rules with their version; 0 when the site never set any.
pub type Version<P> = (P, i32);

/// The rules of a kind that hold now; their defaults when the site never set any.
///
/// # Errors
/// When the stored version cannot be read, or the database fails.
pub fn newest<P: DeserializeOwned + Default>(
    tx: &mut Tx,
    org: OrgId,
    kind: &str,
) -> Result<P, Fault> {
    Ok(newest_version(tx, org, kind)?.0)
}

/// The same with its version; 0 when the site never set any.
///
/// # Errors
/// When the stored version cannot be read, or the database fails.
pub fn newest_version<P: DeserializeOwned + Default>(
    tx: &mut Tx,
    org: OrgId,
    kind: &str,
) -> Result<Version<P>, Fault> {
    // Few, and all of them: a bound LIMIT would be planned anew for every message that leaves.
    let rows: Vec<(String, i32)> = on_engine!(tx, db => policy::table
        .filter(policy::org_id.eq(org).and(policy::kind.eq(kind)))
        .order(policy::version.desc())
        .select((policy::body, policy::version))
        .load(db))?;
    read_version(kind, rows.into_iter().next())
}

/// Two kinds at once.
///
/// # Errors
/// As [`newest_version`].
pub fn newest_two<P, Q>(
    tx: &mut Tx,
    org: OrgId,
    (one, other): (&str, &str),
) -> Result<(Version<P>, Version<Q>), Fault>
where
    P: DeserializeOwned + Default,
    Q: DeserializeOwned + Default,
{
    let either = policy::kind.eq(one).or(policy::kind.eq(other));
    let rows: Vec<(String, String, i32)> = on_engine!(tx, db => policy::table
        .filter(policy::org_id.eq(org).and(either))
        .order(policy::version.desc())
        .select((policy::kind, policy::body, policy::version))
        .load(db))?;
    let newest = |wanted: &str| {
        let mut of_kind = rows.iter().filter(|(kind, ..)| kind == wanted);
        of_kind
            .next()
            .map(|(_, body, version)| (body.clone(), *version))
    };
    Ok((
        read_version(one, newest(one))?,
        read_version(other, newest(other))?,
    ))
}

fn read_version<P: DeserializeOwned + Default>(
    kind: &str,
    newest: Option<(String, i32)>,
) -> Result<Version<P>, Fault> {
    let Some((body, version)) = newest else {
        return Ok((P::default(), 0));
    };
    let rules = serde_json::from_str(&body)
        .map_err(|error| Fault::Corrupt(format!("the {kind} policy: {error}")))?;
    Ok((rules, version))
}

/// A version that held from a moment on.
#[derive(Debug, Clone)]
pub struct Dated<P> {
    /// Its number.
    pub version: i32,
    /// Since when, UTC.
    pub from: NaiveDateTime,
    /// The rules.
    pub rules: P,
}

/// Every version of a kind that there ever was, oldest first, read.
///
/// # Errors
/// When a stored version cannot be read, or the database fails.
pub fn every<P: DeserializeOwned>(
    tx: &mut Tx,
    org: OrgId,
    kind: &str,
) -> Result<Vec<Dated<P>>, Fault> {
    let rows: Vec<(i32, NaiveDateTime, String)> = policy::table
        .filter(policy::org_id.eq(org).and(policy::kind.eq(kind)))
        .order(policy::version)
        .select((policy::version, policy::made_at, policy::body))
        .load(&mut tx.db)?;
    let read = |(version, from, body): (i32, NaiveDateTime, String)| {
        let rules = serde_json::from_str(&body)
            .map_err(|error| Fault::Corrupt(format!("the {kind} policy: {error}")))?;
        Ok(Dated {
            version,
            from,
            rules,
        })
    };
    rows.into_iter().map(read).collect()
}

/// All versions of a kind, newest first.
///
/// # Errors
/// When the database fails.
pub fn versions(tx: &mut Tx, permit: &Permit, kind: &str) -> Result<Vec<PolicyRow>, Fault> {
    Ok(policy::table
        .filter(policy::org_id.eq(permit.org()).and(policy::kind.eq(kind)))
        .order(policy::version.desc())
        .load(&mut tx.db)?)
}

/// Makes a new version, which holds from now on; says its number.
///
/// # Errors
/// When somebody else made one at the same moment, or the database fails.
pub fn replace(
    tx: &mut Tx,
    permit: &Permit,
    kind: &str,
    rules: &impl Serialize,
    now: NaiveDateTime,
) -> Result<i32, Fault> {
    let newest: Option<i32> = policy::table
        .filter(policy::org_id.eq(permit.org()).and(policy::kind.eq(kind)))
        .select(diesel::dsl::max(policy::version))
        .get_result(&mut tx.db)?;
    let version = newest.unwrap_or(0) + 1;
    let body = serde_json::to_string(rules)
        .map_err(|error| Fault::Corrupt(format!("the {kind} policy: {error}")))?;
    diesel::insert_into(policy::table)
        .values(PolicyRow {
            org_id: permit.org(),
            kind: kind.to_owned(),
            version,
            body,
            made_at: now,
            made_by: permit.actor().staff().map(|staff| staff.id),
        })
        .execute(&mut tx.db)?;
    Ok(version)
}
