//! What somebody writes to our number: STOP ends texts to that number at once, START allows them again, and everything else waits among the signals (after the end of care: as a task), because
//! nobody reads texts as they come and a person may have written something that must not be lost. Sending is `send_due`, the gateway's signature is the web's business.

use super::App;
use super::raise_words::{Outside, Queue, raise_outside};
use crate::domain::access::Actor;
use crate::domain::ids::{ClinicId, Id};
use crate::domain::risk::signal::WrittenIn;
use crate::store::contact::{self, ContactRow};
use crate::store::outbox::OutboxRow;
use crate::store::task::{self, TaskKind, TaskRow};
use crate::store::{Fault, Tx, audit, fresh};
use chrono::NaiveDateTime;

/// Longest text that is kept, in characters; telephones send at most 1,600.
const KEPT_MOST: usize = 1_600;
/// The words with which a gateway's rules let somebody end texts, and ours in Spanish.
const STOP: &[&str] = &[
    "stop",
    "stopall",
    "unsubscribe",
    "cancel",
    "end",
    "quit",
    "alto",
    "parar",
    "cancelar",
];
/// The words that allow them again.
const START: &[&str] = &["start", "unstop", "empezar"];

/// What a text from outside asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// No more texts.
    Stop,
    /// Texts again.
    Start,
    /// Something a person has to read.
    Words,
}

impl Wish {
    /// What this text asks for: a word of command stands alone, with at most a mark behind it.
    pub fn of(text: &str) -> Wish {
        let word = text
            .trim()
            .trim_end_matches(|c: char| c.is_ascii_punctuation())
            .to_lowercase();
        if STOP.contains(&word.as_str()) {
            Wish::Stop
        } else if START.contains(&word.as_str()) {
            Wish::Start
        } else {
            Wish::Words
        }
    }
}

/// Takes a text from `phone`. From an unknown number nothing is stored. Says what it asked for.
///
/// # Errors
/// When the database fails; the gateway sends it again.
pub async fn take_text(app: &App, phone: String, text: String) -> Result<Wish, Fault> {
    let (now, org, wish) = (app.clock.now(), app.org, Wish::of(&text));
    app.store
        .write(move |tx| {
            for (row, clinic) in contact::by_phone(tx, org, &phone)? {
                take_one(tx, row, clinic, wish, &text, now)?;
            }
            Ok(wish)
        })
        .await
}

fn take_one(
    tx: &mut Tx,
    row: ContactRow,
    clinic: ClinicId,
    wish: Wish,
    text: &str,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let system = Actor::System { org: row.org_id };
    let act = match wish {
        Wish::Stop => "texts_stopped",
        Wish::Start => "texts_allowed",
        Wish::Words => "text_taken",
    };
    audit::record_by(tx, &system, act, "patient", Some(row.patient_id), now)?;
    match wish {
        Wish::Words => take_words(tx, &row, clinic, text, now),
        Wish::Stop => stop(tx, row, clinic, now),
        Wish::Start => contact::put(
            tx,
            &ContactRow {
                texts_stopped_at: None,
                changed_at: now,
                ..row
            },
        ),
    }
}

/// Words of their own wait for somebody licensed among the signals; after the end of care, for anybody among the tasks.
fn take_words(
    tx: &mut Tx,
    row: &ContactRow,
    clinic: ClinicId,
    text: &str,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let kept: String = text.trim().chars().take(KEPT_MOST).collect();
    let outside = Outside {
        org: row.org_id,
        patient: row.patient_id,
        written_in: WrittenIn::Text,
        key: fresh::<crate::domain::ids::kind::Signal>(now).to_string(),
        words: &kept,
        response: None,
        episode: None,
        informant: None,
    };
    match raise_outside(tx, &outside, now)?.queue {
        Queue::Signals => Ok(()),
        Queue::None => tell(tx, row, clinic, TaskKind::TextReply, quoted(text), now),
    }
}

/// No more texts to this patient's number, and somebody here knows. Said twice it is one task.
///
/// # Errors
/// When the database fails.
pub fn stop(
    tx: &mut Tx,
    row: ContactRow,
    clinic: ClinicId,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    if !task::waits(tx, row.org_id, TaskKind::TextsStopped, row.patient_id)? {
        let detail = "Ask how they want to be reached; forms can also be given in the clinic.";
        tell(tx, &row, clinic, TaskKind::TextsStopped, detail.into(), now)?;
    }
    contact::put(
        tx,
        &ContactRow {
            texts_stopped_at: row.texts_stopped_at.or(Some(now)),
            changed_at: now,
            ..row
        },
    )
}

/// The same, learnt from the gateway when a message to this patient was to leave.
///
/// # Errors
/// When the database fails.
pub fn stop_for(tx: &mut Tx, message: &OutboxRow, now: NaiveDateTime) -> Result<(), Fault> {
    let patient = Id::from_bytes(&message.recipient_id)
        .ok_or_else(|| Fault::Corrupt("an id in the outbox".into()))?;
    let Some(row) = contact::of_patient(tx, message.org_id, patient)? else {
        return Ok(());
    };
    let Some(phone) = row.phone.clone() else {
        return Ok(());
    };
    for (row, clinic) in contact::by_phone(tx, message.org_id, &phone)? {
        stop(tx, row, clinic, now)?;
    }
    Ok(())
}

fn quoted(text: &str) -> String {
    let kept: String = text.trim().chars().take(KEPT_MOST).collect();
    format!("They wrote: “{kept}”. They were told that nobody reads texts, and where help is.")
}

fn tell(
    tx: &mut Tx,
    row: &ContactRow,
    clinic: ClinicId,
    kind: TaskKind,
    detail: String,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    task::add(
        tx,
        &TaskRow {
            org_id: row.org_id,
            id: fresh(now),
            kind: kind.word().into(),
            clinic_id: clinic,
            patient_id: row.patient_id,
            detail,
            created_at: now,
            done_at: None,
            done_by: None,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_command_stands_alone() {
        for text in ["STOP", " stop. ", "Alto", "UNSUBSCRIBE!"] {
            assert_eq!(Wish::of(text), Wish::Stop, "{text}");
        }
        assert_eq!(Wish::of("Start"), Wish::Start);
        for text in ["please stop", "I cannot go on, make it stop", "", "stop it"] {
            assert_eq!(Wish::of(text), Wish::Words, "{text}");
        }
    }
}
