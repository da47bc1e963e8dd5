//! The tablet in the waiting room: staff make a form and a short code, the tablet takes the code once and holds the form from then on, and handing it
//! back ends that. What was answered so far stays; the rest of the form ends with its window.

use super::check_link::{Holder, let_in};
use super::give_form::{self, Occasion};
use super::link::Token;
use super::take_answers;
use super::{App, Failure};
use crate::domain::access::Actor;
use crate::domain::ids::{EpisodeId, PatientId};
use crate::store::pairing::{self, PairingRow};
use crate::store::{Seal, Tx, administration, audit, door, staff};
use chrono::{NaiveDateTime, TimeDelta};

/// How long a code opens.
pub const CODE_OPEN: TimeDelta = TimeDelta::minutes(10);
/// How long a tablet may hold one patient's form.
pub const TABLET_OPEN: TimeDelta = TimeDelta::hours(1);
/// Seconds without a page after which a tablet lets go of a form by itself.
pub const IDLE_S: u32 = 600;
/// Of these, the seconds in which it asks whether somebody is still there; WCAG 2.2.1 wants at least twenty.
pub const STILL_S: u32 = 60;
/// The letters of a code: 32, so that six make thirty bits, without those that look like others.
const LETTERS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/// How many there are in a code.
pub const LENGTH: usize = 6;

/// A code that staff read out or hold up.
#[derive(Debug, Clone)]
pub struct Pairing {
    /// As it is shown: `7KM-2QX`.
    pub code: String,
    /// The address that has the code filled in.
    pub address: String,
    /// Until when it opens, UTC.
    pub open_until: NaiveDateTime,
}

/// Why a code opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such code.
    Wrong,
    /// It opened a form already.
    Used,
    /// Its minutes are over, or its form has ended.
    Old,
}

/// A form on a tablet.
#[derive(Debug)]
pub struct Paired {
    /// The link's token.
    pub token: Token,
    /// What only this tablet holds.
    pub secret: Token,
}

/// Makes a form and a code that opens it on a tablet.
///
/// # Errors
/// As when a form is given by hand; or access or the database says no.
pub async fn hand_over(
    app: &App,
    actor: Actor,
    (patient, episode): (PatientId, Option<EpisodeId>),
    ids: Vec<String>,
) -> Result<Pairing, Failure<give_form::Refusal>> {
    let battery = give_form::battery(app.library, &ids).map_err(Failure::Refused)?;
    let (now, library, base) = (app.clock.now(), app.library, app.base_url.clone());
    let code = new_code();
    app.store
        .write(move |tx| {
            let (permit, episode) = give_form::may_give(tx, &actor, (patient, episode), now)?;
            give_form::require_permission(tx, &permit, library, &battery, now)?;
            give_form::require_reader(tx, &permit, library, &battery)?;
            let occasion = Occasion {
                name: "tablet",
                patient,
                episode: episode.id,
                battery: &battery,
                expires_at: now + CODE_OPEN,
                finish_within: TABLET_OPEN,
                informant: None,
            };
            let (form, link) = give_form::hand_out(tx, &permit, &occasion, now)?;
            let row = PairingRow {
                org_id: permit.org(),
                code_hash: hash(&tx.seal, &code).to_vec(),
                link_id: link,
                administration_id: form,
                made_at: now,
                expires_at: now + CODE_OPEN,
                used_at: None,
            };
            pairing::add(tx, &permit, &row)?;
            audit::record(tx, &permit, "patient", Some(patient), now)?;
            Ok(Pairing {
                address: format!("{base}/tablet?code={code}"),
                code: spaced(&code),
                open_until: now + CODE_OPEN,
            })
        })
        .await
}

/// Opens a code's form on a tablet, and ends the sign-in that the tablet's browser still held.
///
/// # Errors
/// See [`Refusal`]; or the database fails.
pub async fn pair(
    app: &App,
    typed: &str,
    sign_in: Option<[u8; 32]>,
) -> Result<Paired, Failure<Refusal>> {
    let (now, org) = (app.clock.now(), app.org);
    let code = plain(typed).ok_or(Failure::Refused(Refusal::Wrong))?;
    app.store
        .write(move |tx| {
            let code_hash = hash(&tx.seal, &code);
            let row =
                pairing::by_code(tx, org, &code_hash)?.ok_or(Failure::Refused(Refusal::Wrong))?;
            check(&row, now).map_err(Failure::Refused)?;
            let paired = Paired {
                token: Token::of(&tx.seal, row.link_id),
                secret: Token::random(),
            };
            open(tx, &row, &paired, now)?;
            if let Some(sign_in) = sign_in {
                staff::end_sign_in(tx, &sign_in)?;
            }
            Ok(paired)
        })
        .await
}

fn check(row: &PairingRow, now: NaiveDateTime) -> Result<(), Refusal> {
    match row.used_at {
        Some(_) => Err(Refusal::Used),
        None if row.expires_at <= now => Err(Refusal::Old),
        None => Ok(()),
    }
}

fn open(
    tx: &mut Tx,
    row: &PairingRow,
    paired: &Paired,
    now: NaiveDateTime,
) -> Result<(), Failure<Refusal>> {
    let slip = door::take_slip(tx, &paired.token.hash())?.ok_or(Failure::Refused(Refusal::Old))?;
    take_answers::check_open(&slip, now).map_err(|_| Failure::Refused(Refusal::Old))?;
    // Two tablets that took the same code at once: the second one is refused here.
    if !pairing::mark_used(tx, row, now)? {
        return Err(Failure::Refused(Refusal::Used));
    }
    pairing::bind(tx, row, &paired.secret.hash(), now + TABLET_OPEN)?;
    let holder = Actor::LinkHolder {
        org: row.org_id,
        patient: slip.administration.patient_id,
    };
    let id = row.administration_id;
    audit::record_by(
        tx,
        &holder,
        "tablet_paired",
        "administration",
        Some(id),
        now,
    )?;
    Ok(())
}

/// Ends what a tablet holds: its link opens nothing more. What was saved stays. Doing it twice is no mistake.
///
/// # Errors
/// When this browser is not the tablet, or the database fails.
pub async fn hand_back(
    app: &App,
    token_hash: [u8; 32],
    holder: Holder,
) -> Result<(), Failure<take_answers::Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let unknown = Failure::Refused(take_answers::Refusal::Unknown);
            let slip = door::take_slip(tx, &token_hash)?.ok_or(unknown)?;
            let_in(tx, &token_hash, &slip, &holder)?;
            if slip.guard.tablet_hash.is_none() {
                return Err(Failure::Refused(take_answers::Refusal::OtherDevice));
            }
            let form = &slip.administration;
            administration::revoke_links(tx, form.org_id, form.id, now)?;
            let by = Actor::LinkHolder {
                org: form.org_id,
                patient: form.patient_id,
            };
            let id = Some(form.id);
            audit::record_by(tx, &by, "tablet_handed_back", "administration", id, now)?;
            Ok(())
        })
        .await
}

/// The digest under which a code is kept. Keyed: thirty bits without a key would be tried in a second by whoever holds a copy of the database.
fn hash(seal: &Seal, code: &str) -> [u8; 32] {
    seal.digest("tablet code", &[code.as_bytes()])
}

fn new_code() -> String {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    let letter = |byte: &u8| LETTERS.get(usize::from(byte & 31)).copied();
    bytes.iter().filter_map(letter).map(char::from).collect()
}

fn spaced(code: &str) -> String {
    let (first, last) = code.split_at(LENGTH / 2);
    format!("{first}-{last}")
}

/// What somebody typed as the code it can be: without gaps, in capitals. `None` when it can be none.
fn plain(typed: &str) -> Option<String> {
    let kept: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| c.to_ascii_uppercase())
        .take(LENGTH + 1)
        .collect();
    let ours = kept.len() == LENGTH && kept.bytes().all(|byte| LETTERS.contains(&byte));
    ours.then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = new_code();
        assert_eq!(plain(&spaced(&code)).as_ref(), Some(&code));
        assert_eq!(
            plain(&format!(" {} ", code.to_lowercase())).as_ref(),
            Some(&code)
        );
        for wrong in ["", "ABC", "ABCDEFG", "ABCDE0", "ABCDE1", "ÄBCDEF", "ABCDEI"] {
            assert_eq!(plain(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn no_letter_of_a_code_looks_like_another() {
        let mut letters = LETTERS.to_vec();
        letters.sort_unstable();
        letters.dedup();
        assert_eq!(letters.len(), 32);
        assert!(!LETTERS.iter().any(|letter| b"01IO".contains(letter)));
    }
}
