//! Mails: their words (`render`), the conversation with the relay (`smtp`), and the demo's mailbox. Who gets one and when is decided elsewhere; nothing
//! here may hold a health word, a score, an instrument's name or a full name.

pub mod render;
mod smtp;

use crate::domain::message::Failure;
use chrono::NaiveDateTime;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

pub use smtp::SmtpMailer;

/// One mail, ready to leave.
#[derive(Debug, Clone)]
pub struct Mail {
    /// Stable across retries, so that a doubled mail is recognisable: `<id@host>`.
    pub message_id: String,
    /// The Message-ID of the mail that this one follows.
    pub in_reply_to: Option<String>,
    /// The site's own name before the sender's address; `None`: the one of the settings.
    pub from_name: Option<String>,
    /// Where to.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// Why a mail did not leave.
#[derive(Debug, Clone)]
pub struct SendFailure {
    /// Whether another try can help.
    pub failure: Failure,
    /// What the relay said, for the log staff can read; never an address.
    pub words: String,
}

/// How mails leave.
#[derive(Clone)]
pub enum Mailer {
    /// By a relay.
    Smtp(Arc<SmtpMailer>),
    /// Into the demo's mailbox.
    Mailbox(Arc<Mailbox>),
    /// Not at all: they wait in the outbox until a relay is set.
    Nowhere,
}

impl Mailer {
    /// Sends one mail and waits for the relay's word.
    ///
    /// # Errors
    /// When the relay did not take it.
    pub fn send(&self, mail: &Mail, now: NaiveDateTime) -> Result<(), SendFailure> {
        match self {
            Mailer::Smtp(smtp) => smtp.send(mail),
            Mailer::Mailbox(mailbox) => {
                mailbox.keep(mail.clone(), now);
                Ok(())
            }
            Mailer::Nowhere => Err(SendFailure {
                failure: Failure::Passing,
                words: "no relay is set (ATTUNE_SMTP_URL)".into(),
            }),
        }
    }
}

/// The demo's mailbox: the newest mails, in memory.
#[derive(Default)]
pub struct Mailbox {
    mails: Mutex<VecDeque<(NaiveDateTime, Mail)>>,
}

/// How many mails the demo keeps.
const KEPT: usize = 200;

impl Mailbox {
    fn keep(&self, mail: Mail, now: NaiveDateTime) {
        let mut mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        mails.push_front((now, mail));
        mails.truncate(KEPT);
    }

    /// The mails, newest first.
    pub fn newest_first(&self) -> Vec<(NaiveDateTime, Mail)> {
        self.mails
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }
}
