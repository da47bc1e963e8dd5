//! One click that stops reminders (RFC 8058): the address in a mail's List-Unsubscribe, what it stands for, and the stop itself. It stops reminders and
//! nothing else: invitations, links and answers stay as they are, and a person is told.

use super::App;
use crate::domain::access::Actor;
use crate::domain::ids::{AdministrationId, OrgId};
use crate::domain::language::Language;
use crate::store::contact::{self, ContactRow};
use crate::store::sending::{self, Looked};
use crate::store::task::{self, TaskKind, TaskRow};
use crate::store::{Fault, Seal, Tx, audit, fresh};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Bytes of the id and of its keyed digest in a token.
const ID: usize = 16;
const MAC: usize = 16;

/// What a stop page shows.
#[derive(Debug, Clone)]
pub struct Stoppable {
    /// The language of the form the mail was about.
    pub language: Option<Language>,
    /// The clinic's name.
    pub clinic: String,
    /// Whether they are sent.
    pub reminders: Reminders,
}

/// Whether a patient gets reminders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reminders {
    /// As the site's rules have it.
    Sent,
    /// Not any more.
    Stopped,
}

/// The address that stops the reminders of whoever this form is for; `None` where pages travel unprotected, for then no mail program may use it.
pub fn address(seal: &Seal, base: &str, about: AdministrationId) -> Option<String> {
    let host = base
        .strip_prefix("http://")
        .map(|host| host.split(':').next());
    let fit =
        base.starts_with("https://") || matches!(host, Some(Some("localhost" | "127.0.0.1" | "[")));
    fit.then(|| format!("{base}/stop/{}", token(seal, about)))
}

fn token(seal: &Seal, about: AdministrationId) -> String {
    let mut bytes = about.bytes().to_vec();
    bytes.extend_from_slice(&mac(seal, about));
    URL_SAFE_NO_PAD.encode(bytes)
}

fn mac(seal: &Seal, about: AdministrationId) -> [u8; MAC] {
    let digest = seal.digest("stop reminders", &[about.bytes()]);
    let mut short = [0; MAC];
    short.copy_from_slice(&digest[..MAC]);
    short
}

/// The form that a token in an address stands for, if the token is one of ours.
pub fn form_of(seal: &Seal, token: &str) -> Option<AdministrationId> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    if bytes.len() != ID + MAC {
        return None;
    }
    let (id, given) = bytes.split_at(ID);
    let id = AdministrationId::from_bytes(id)?;
    let same: bool = subtle::ConstantTimeEq::ct_eq(mac(seal, id).as_slice(), given).into();
    same.then_some(id)
}

/// What the page shows; `None` when the form is gone.
///
/// # Errors
/// When the database fails.
pub async fn look(app: &App, about: AdministrationId) -> Result<Option<Stoppable>, Fault> {
    let (org, now) = (app.org, app.clock.now());
    app.store
        .read(move |tx| {
            let Some(found) = sending::look(tx, org, about, now)? else {
                return Ok(None);
            };
            let said = found.contact.as_ref();
            let stopped = said.is_some_and(|said| said.reminders_stopped_at.is_some());
            let reminders = if stopped {
                Reminders::Stopped
            } else {
                Reminders::Sent
            };
            Ok(Some(stoppable(&found, reminders)))
        })
        .await
}

fn stoppable(found: &Looked, reminders: Reminders) -> Stoppable {
    Stoppable {
        language: Language::of_tag(&found.administration.language),
        clinic: found.clinic.clone(),
        reminders,
    }
}

/// Stops the reminders; a second click changes nothing. `None` when the form is gone.
///
/// # Errors
/// When the database fails.
pub async fn stop_reminders(
    app: &App,
    about: AdministrationId,
) -> Result<Option<Stoppable>, Fault> {
    let (org, now) = (app.org, app.clock.now());
    app.store
        .write(move |tx| {
            let Some(found) = sending::look(tx, org, about, now)? else {
                return Ok(None);
            };
            let patient = found.administration.patient_id;
            let known = contact::take(tx, org, patient, now)?;
            if known.reminders_stopped_at.is_none() {
                let stopped = ContactRow {
                    reminders_stopped_at: Some(now),
                    changed_at: now,
                    ..known
                };
                contact::put(tx, &stopped)?;
                tell(tx, org, &found, now)?;
                let holder = Actor::LinkHolder { org, patient };
                audit::record_by(
                    tx,
                    &holder,
                    "reminders_stopped",
                    "administration",
                    Some(about),
                    now,
                )?;
            }
            Ok(Some(stoppable(&found, Reminders::Stopped)))
        })
        .await
}

fn tell(tx: &mut Tx, org: OrgId, found: &Looked, now: chrono::NaiveDateTime) -> Result<(), Fault> {
    let patient = found.administration.patient_id;
    if task::waits(tx, org, TaskKind::RemindersStopped, patient)? {
        return Ok(());
    }
    task::add(
        tx,
        &TaskRow {
            org_id: org,
            id: fresh(now),
            kind: TaskKind::RemindersStopped.word().into(),
            clinic_id: found.clinic_id,
            patient_id: patient,
            detail: "Reminders were stopped with the link in a mail. Forms are still sent once. Ask whether that is what the patient wants.".into(),
            created_at: now,
            done_at: None,
            done_by: None,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> AdministrationId {
        AdministrationId::from_bytes(&[9; 16]).unwrap()
    }

    #[test]
    fn a_token_stands_for_its_form_and_nobody_can_make_one_up() {
        let (seal, other) = (Seal::new([1; 32]), Seal::new([2; 32]));
        let address = address(&seal, "https://forms.example.org", form()).unwrap();
        let token = address.rsplit('/').next().unwrap();
        assert_eq!(form_of(&seal, token), Some(form()));
        assert_eq!(form_of(&other, token), None);
        for wrong in ["", "x", &token[1..], &"A".repeat(43)] {
            assert_eq!(form_of(&seal, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn no_address_is_offered_where_pages_travel_unprotected() {
        let seal = Seal::new([1; 32]);
        assert!(address(&seal, "http://127.0.0.1:8080", form()).is_some());
        assert!(address(&seal, "http://forms.example.org", form()).is_none());
    }
}
