//! Who may use a link besides holding it: a tablet's link opens on the paired tablet alone; and where the site asks for it and a year of birth is
//! on record, whoever opens a link says that year first. No answer here ever confirms a name.

use super::link::Token;
use super::{App, Failure};
use crate::domain::access::Actor;
use crate::domain::care::{AdministrationState, SaidNo};
use crate::domain::ids::OrgId;
use crate::domain::schedule::policy::SendingPolicy;
use crate::store::door::{self, Guard, Slip};
use crate::store::{Fault, Seal, Tx, audit, pairing, policy};
use chrono::{NaiveDateTime, TimeDelta};
use subtle::ConstantTimeEq;

/// Wrong years that a link takes before it waits.
pub const MOST_TRIES: i32 = 5;
/// How long it waits then, and after how long a wrong year is forgotten.
pub const WAIT: TimeDelta = TimeDelta::hours(1);

/// What a browser holds besides the link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Holder {
    /// SHA-256 of the tablet's secret.
    pub tablet: Option<[u8; 32]>,
    /// The proof that the year of birth was said; see [`proof`].
    pub checked: Option<[u8; 32]>,
}

/// What came of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// It fits; the browser keeps this.
    Right([u8; 32]),
    /// It does not, or there is no such link: the same words.
    Wrong,
    /// Too many wrong ones within the hour.
    TooMany,
    /// Nothing is asked any more.
    NotAsked,
}

/// Why nothing was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such link.
    Unknown,
    /// It is open on a tablet, which this browser is not.
    OtherDevice,
    /// The year of birth has to be said first.
    NotChecked,
    /// The link was withdrawn, or the occasion cancelled.
    Revoked,
    /// Whoever holds the link said no, and so closed it.
    SaidNo(SaidNo),
    /// Its time is over.
    Expired,
    /// Everything was handed in already, with these very answers: a second click.
    SentAlready,
    /// Everything was handed in already, with other answers; the first ones stand.
    SentOtherwise,
    /// This form was handed in, with other answers, and has opened more questions; the first ones stand.
    HandedIn,
    /// An answer does not belong to its question.
    Unreadable,
}

/// Whether a slip still takes answers.
///
/// # Errors
/// Says why not.
pub fn check_open(slip: &Slip, now: NaiveDateTime) -> Result<(), Refusal> {
    let state: AdministrationState = slip
        .administration
        .state
        .parse()
        .map_err(|_| Refusal::Unknown)?;
    match state {
        AdministrationState::Completed => Err(Refusal::SentAlready),
        AdministrationState::Declined => {
            let why = slip.administration.ended_why.as_deref();
            Err(Refusal::SaidNo(SaidNo::of(why)))
        }
        AdministrationState::Cancelled => Err(Refusal::Revoked),
        AdministrationState::NotSeen
        | AdministrationState::Abandoned
        | AdministrationState::Expired => Err(Refusal::Expired),
        _ if slip.revoked_at.is_some() => Err(Refusal::Revoked),
        _ if slip.administration.expires_at < now => Err(Refusal::Expired),
        _ => Ok(()),
    }
}

/// Lets a holder in, or says what is missing.
///
/// # Errors
/// [`Refusal::OtherDevice`], [`Refusal::NotChecked`], or a fault.
pub fn let_in(
    tx: &mut Tx,
    token_hash: &[u8; 32],
    slip: &Slip,
    holder: &Holder,
) -> Result<(), Failure<Refusal>> {
    if !is_the_tablet(&slip.guard, holder) {
        return Err(Failure::Refused(Refusal::OtherDevice));
    }
    // A tablet that was handed back shows nothing more, not even a thank-you.
    if slip.guard.tablet_hash.is_some() && slip.revoked_at.is_some() {
        return Err(Failure::Refused(Refusal::Revoked));
    }
    match year_asked(tx, slip)? {
        Some(year) if !has_said(&tx.seal, token_hash, year, holder) => {
            Err(Failure::Refused(Refusal::NotChecked))
        }
        _ => Ok(()),
    }
}

fn is_the_tablet(guard: &Guard, holder: &Holder) -> bool {
    guard.tablet_hash.as_ref().is_none_or(|hash| {
        holder
            .tablet
            .is_some_and(|held| held[..].ct_eq(hash).into())
    })
}

/// The year that whoever holds the link has to say; `None` when nothing is asked. On a tablet staff have just looked whom they hand it to.
fn year_asked(tx: &mut Tx, slip: &Slip) -> Result<Option<i32>, Fault> {
    let form = &slip.administration;
    match slip.guard.birth_year {
        // An informant was not born when the patient was.
        Some(year) if slip.guard.tablet_hash.is_none() && form.informant_id.is_none() => {
            let asks = asks(tx, form.org_id)?;
            Ok(asks.then_some(year))
        }
        _ => Ok(None),
    }
}

fn asks(tx: &mut Tx, org: OrgId) -> Result<bool, Fault> {
    let rules: SendingPolicy = policy::newest(tx, org, SendingPolicy::KIND)?;
    Ok(rules.second_check)
}

fn has_said(seal: &Seal, token_hash: &[u8; 32], year: i32, holder: &Holder) -> bool {
    let wanted = proof(seal, token_hash, year);
    holder
        .checked
        .is_some_and(|held| held[..].ct_eq(&wanted).into())
}

/// What a browser keeps after the right year: bound to this link and this year, made under the site's key, worth nothing anywhere else.
pub fn proof(seal: &Seal, token_hash: &[u8; 32], year: i32) -> [u8; 32] {
    seal.digest("checked link", &[token_hash, &year.to_be_bytes()])
}

/// Takes a year. Wrong ones are counted on the link.
///
/// # Errors
/// When the database fails.
pub async fn check_link(app: &App, token: &Token, year: Option<i32>) -> Result<Checked, Fault> {
    let (token_hash, now) = (token.hash(), app.clock.now());
    app.store
        .write(move |tx| check(tx, &token_hash, year, now))
        .await
}

fn check(
    tx: &mut Tx,
    token_hash: &[u8; 32],
    year: Option<i32>,
    now: NaiveDateTime,
) -> Result<Checked, Fault> {
    let Some(slip) = door::take_slip(tx, token_hash)? else {
        return Ok(Checked::Wrong);
    };
    let Some(wanted) = year_asked(tx, &slip)? else {
        return Ok(Checked::NotAsked);
    };
    let known = pairing::tries(tx, token_hash)?;
    let tries = tries_now(known, now);
    if tries >= MOST_TRIES {
        return Ok(Checked::TooMany);
    }
    let holder = Actor::LinkHolder {
        org: slip.administration.org_id,
        patient: slip.administration.patient_id,
    };
    let (act, answer, tries) = match year == Some(wanted) {
        true => {
            let proof = proof(&tx.seal, token_hash, wanted);
            ("link_checked", Checked::Right(proof), 0)
        }
        false => ("link_check_failed", Checked::Wrong, tries + 1),
    };
    pairing::note_tries(tx, token_hash, tries, now)?;
    let id = slip.administration.id;
    audit::record_by(tx, &holder, act, "administration", Some(id), now)?;
    Ok(answer)
}

/// The wrong years that still count: after an hour without one, none.
fn tries_now((tries, last): (i32, Option<NaiveDateTime>), now: NaiveDateTime) -> i32 {
    match last {
        Some(last) if now - last < WAIT => tries,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_year_is_forgotten_an_hour_later() {
        let at = |minutes: i64| {
            chrono::DateTime::from_timestamp(minutes * 60, 0)
                .unwrap()
                .naive_utc()
        };
        assert_eq!(tries_now((0, None), at(0)), 0);
        assert_eq!(tries_now((5, Some(at(0))), at(59)), 5);
        assert_eq!(tries_now((5, Some(at(0))), at(60)), 0);
    }

    #[test]
    fn a_proof_is_bound_to_its_link_and_its_year() {
        let seal = Seal::new([7; 32]);
        let one = proof(&seal, &[1; 32], 1980);
        assert_ne!(one, proof(&seal, &[2; 32], 1980));
        assert_ne!(one, proof(&seal, &[1; 32], 1981));
        let holder = |checked| Holder {
            tablet: None,
            checked,
        };
        assert!(has_said(&seal, &[1; 32], 1980, &holder(Some(one))));
        assert!(!has_said(&seal, &[2; 32], 1980, &holder(Some(one))));
        assert!(!has_said(&seal, &[1; 32], 1980, &holder(None)));
    }
}
