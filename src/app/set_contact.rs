//! How a patient may be reached: reading it, and setting it. Another address closes the links that went to the old one (`change_address`).

use super::change_address::{Again, Place};
use super::pause_sending::{self, ShownPause};
use super::stop_reminders::Reminders;
use super::{App, Failure, change_address};
use crate::domain::access::{Action, Actor, Permit, decide};
use crate::domain::ids::PatientId;
use crate::domain::message::sending::Channel;
use crate::store::contact::{self, ContactRow};
use crate::store::patient::{self, PatientRow};
use crate::store::{Fault, Tx, audit};
use chrono::{Datelike, NaiveDateTime};
use validator::ValidateEmail;

/// The longest note, in characters.
pub const NOTE_MOST: usize = 200;
/// The shortest span of safe hours, in minutes.
const SAFE_LEAST: i32 = 30;
/// Minutes of a day.
const DAY: i32 = 24 * 60;
/// Nobody alive was born before this year.
const EARLIEST_BIRTH: i32 = 1900;

/// Whether somebody wants something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Yes, as everybody at first.
    Wanted,
    /// No.
    Refused,
}

impl Wish {
    /// When it was refused: as before, if it was, else now.
    fn since(self, before: Option<NaiveDateTime>, now: NaiveDateTime) -> Option<NaiveDateTime> {
        match self {
            Wish::Wanted => None,
            Wish::Refused => before.or(Some(now)),
        }
    }
}

/// How a patient is to be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewContact {
    /// Mail address.
    pub email: Option<String>,
    /// Number, with the country: `+15550100199`; spaces, brackets, dots and hyphens are left out.
    pub phone: Option<String>,
    /// By what.
    pub channel: Channel,
    /// Minutes after midnight on the patient's clock, from and until; over midnight if until comes first.
    pub safe: Option<(i32, i32)>,
    /// For staff.
    pub note: String,
    /// Year of birth.
    pub birth_year: Option<i32>,
    /// Messages at all.
    pub messages: Wish,
    /// Reminders.
    pub reminders: Wish,
    /// What was said about reminders when the form was opened: a patient may have stopped them since.
    pub saw: Reminders,
}

/// Why it was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No patient with that id.
    NoPatient,
    /// Not an address.
    Address,
    /// Not a number as telephones dial it.
    Phone,
    /// Text messages are wanted and there is no number.
    NumberForTexts,
    /// The safe hours are too short, or half said.
    SafeHours,
    /// The note is too long.
    Note,
    /// Not a year somebody in care was born in.
    BirthYear,
    /// Reminders were stopped after the form was opened.
    StoppedMeanwhile,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Refusal::NoPatient => "There is no such patient.",
            Refusal::Address => "Write an e-mail address like name@example.org, or leave it empty.",
            Refusal::Phone => {
                "Write the number with its country, such as +1 555 010 0199, or leave it empty."
            }
            Refusal::NumberForTexts => {
                "Write a number, or choose another way of reaching the patient."
            }
            Refusal::SafeHours => {
                "Write both times, at least half an hour apart, or leave both empty."
            }
            Refusal::Note => "Write at most 200 characters.",
            Refusal::StoppedMeanwhile => {
                "Reminders were stopped after this form was opened, so nothing was saved yet. “No reminders” is ticked now: save to keep it so."
            }
            Refusal::BirthYear => "Write a year with four digits, such as 1984, or leave it empty.",
        })
    }
}

/// How a patient is reached, as staff see it.
#[derive(Debug, Clone)]
pub struct Card {
    /// Who.
    pub patient: PatientRow,
    /// What was said.
    pub contact: ContactRow,
    /// The pauses that hold for them now: their own, their programs', the site's.
    pub pauses: Vec<ShownPause>,
    /// When this was read.
    pub now: NaiveDateTime,
}

/// Reads how a patient is reached, for somebody who may change it. The reading is audited.
///
/// # Errors
/// Refused when there is no such patient; denied when out of reach.
pub async fn read_contact(
    app: &App,
    actor: Actor,
    id: PatientId,
) -> Result<Card, Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            let permit = permit(tx, &actor, id, Action::EnrolPatient)?;
            audit::record(tx, &permit, "contact", Some(id), now)?;
            Ok(card(tx, &permit, id, now)?)
        })
        .await
}

/// The same beside the patient's record, whose reading is audited already.
///
/// # Errors
/// Refused when there is no such patient; denied when out of reach.
pub async fn glance(app: &App, actor: Actor, id: PatientId) -> Result<Card, Failure<Refusal>> {
    let now = app.clock.now();
    app.store
        .read(move |tx| {
            let permit = permit(tx, &actor, id, Action::ReadPatient)?;
            Ok(card(tx, &permit, id, now)?)
        })
        .await
}

fn permit(
    tx: &mut Tx,
    actor: &Actor,
    id: PatientId,
    action: Action,
) -> Result<Permit, Failure<Refusal>> {
    let subject =
        patient::place_of(tx, actor.org(), id)?.ok_or(Failure::Refused(Refusal::NoPatient))?;
    Ok(decide(actor, action, subject)?)
}

fn card(tx: &mut Tx, permit: &Permit, id: PatientId, now: NaiveDateTime) -> Result<Card, Fault> {
    Ok(Card {
        patient: patient::load(tx, permit)?,
        contact: contact::of_patient(tx, permit.org(), id)?
            .unwrap_or_else(|| ContactRow::unsaid(permit.org(), id, now)),
        pauses: pause_sending::holding_for(tx, permit, id, now)?,
        now,
    })
}

/// Sets how a patient is reached.
///
/// # Errors
/// See [`Refusal`]; nothing is stored then.
pub async fn set_contact(
    app: &App,
    actor: Actor,
    id: PatientId,
    new: NewContact,
) -> Result<(), Failure<Refusal>> {
    let now = app.clock.now();
    let new = checked(new, now.year()).map_err(Failure::Refused)?;
    app.store
        .write(move |tx| {
            let permit = permit(tx, &actor, id, Action::EnrolPatient)?;
            // A stop of the patient's own waits for this, or stands there already.
            contact::take(tx, permit.org(), id, now)?;
            let before = card(tx, &permit, id, now)?;
            if stopped_meanwhile(&before.contact, &new) {
                return Err(Failure::Refused(Refusal::StoppedMeanwhile));
            }
            if before.patient.email != new.email {
                let row = PatientRow {
                    email: new.email.clone(),
                    email_refused_at: None,
                    changed_at: now,
                    ..before.patient.clone()
                };
                patient::change(tx, &permit, &row)?;
            }
            contact::put(tx, &row(&before.contact, &new, now))?;
            if reached_elsewhere(&before, &new) {
                change_address::ask_again(tx, &permit, id, Again::All, now)?;
            } else if wants_messages_again(&before.contact, &new) {
                // What fell due meanwhile was withdrawn and would wait in silence until its end.
                change_address::ask_again(tx, &permit, id, Again::Withdrawn, now)?;
            }
            audit::record(tx, &permit, "contact", Some(id), now)?;
            Ok::<_, Failure<Refusal>>(())
        })
        .await?;
    // What has to be said before a link opens hangs on it.
    app.store.forget_words();
    Ok(())
}

/// Whether the form would switch reminders on again for a patient who stopped them after it was opened.
fn stopped_meanwhile(known: &ContactRow, new: &NewContact) -> bool {
    known.reminders_stopped_at.is_some()
        && new.saw == Reminders::Sent
        && new.reminders == Wish::Wanted
}

fn wants_messages_again(known: &ContactRow, new: &NewContact) -> bool {
    known.opted_out_at.is_some() && new.messages == Wish::Wanted
}

/// Whether a link that left before would stand in another mailbox or telephone than one that leaves now.
fn reached_elsewhere(before: &Card, new: &NewContact) -> bool {
    let known = Place::stored(before.patient.email.as_deref(), Some(&before.contact));
    known != Place::of(new.channel, new.email.as_deref(), new.phone.as_deref())
}

fn row(before: &ContactRow, new: &NewContact, now: NaiveDateTime) -> ContactRow {
    let same_number = before.phone == new.phone;
    let kept = |at: Option<NaiveDateTime>| at.filter(|_| same_number);
    ContactRow {
        org_id: before.org_id,
        patient_id: before.patient_id,
        channel: new.channel.word().to_owned(),
        phone: new.phone.clone(),
        phone_refused_at: kept(before.phone_refused_at),
        safe_from: new.safe.map(|(from, _)| from),
        safe_until: new.safe.map(|(_, until)| until),
        note: new.note.clone(),
        birth_year: new.birth_year,
        reminders_stopped_at: new.reminders.since(before.reminders_stopped_at, now),
        // Only whoever has the number lifts a stop; another number never stopped anything.
        texts_stopped_at: kept(before.texts_stopped_at),
        opted_out_at: new.messages.since(before.opted_out_at, now),
        changed_at: now,
    }
}

fn checked(new: NewContact, this_year: i32) -> Result<NewContact, Refusal> {
    let email = new
        .email
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty());
    if email
        .as_ref()
        .is_some_and(|text| text.len() > 254 || !text.validate_email())
    {
        return Err(Refusal::Address);
    }
    let phone = new
        .phone
        .filter(|text| !text.trim().is_empty())
        .map(|text| e164(&text).ok_or(Refusal::Phone))
        .transpose()?;
    if new.channel == Channel::Text && phone.is_none() {
        return Err(Refusal::NumberForTexts);
    }
    if new.safe.is_some_and(|span| !is_span(span)) {
        return Err(Refusal::SafeHours);
    }
    let note = new.note.split_whitespace().collect::<Vec<_>>().join(" ");
    if note.chars().count() > NOTE_MOST {
        return Err(Refusal::Note);
    }
    if new
        .birth_year
        .is_some_and(|year| !(EARLIEST_BIRTH..=this_year).contains(&year))
    {
        return Err(Refusal::BirthYear);
    }
    Ok(NewContact {
        email,
        phone,
        note,
        ..new
    })
}

fn is_span((from, until): (i32, i32)) -> bool {
    let minutes = 0..DAY;
    minutes.contains(&from)
        && minutes.contains(&until)
        && (until - from).rem_euclid(DAY) >= SAFE_LEAST
}

/// A number as it is dialled from anywhere (ITU-T E.164: a plus sign, at most 15 digits, the country first and never 0); `None` when it is not one.
pub fn e164(text: &str) -> Option<String> {
    let dialled: String = text
        .trim()
        .chars()
        .filter(|c| !matches!(c, ' ' | '(' | ')' | '-' | '.' | '\u{a0}'))
        .collect();
    let digits = dialled.strip_prefix('+')?;
    let is_number = (8..=15).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !digits.starts_with('0');
    is_number.then_some(dialled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_kept_as_telephones_dial_it() {
        for good in ["+1 (555) 010-0199", "+15550100199", " +1.555.010.0199 "] {
            assert_eq!(e164(good).as_deref(), Some("+15550100199"), "{good}");
        }
        for bad in [
            "555 0199",
            "+0155501001",
            "+1555",
            "+1555010019912345",
            "+1 555 CALL",
            "",
        ] {
            assert_eq!(e164(bad), None, "{bad}");
        }
    }

    #[test]
    fn safe_hours_may_go_over_midnight_and_last_half_an_hour() {
        assert!(is_span((18 * 60, 20 * 60)) && is_span((23 * 60, 60)));
        for bad in [(600, 600), (600, 620), (-1, 600), (0, 1440)] {
            assert!(!is_span(bad), "{bad:?}");
        }
    }
}
