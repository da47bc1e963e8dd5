//! Mails: their words (`render`), their bytes (`message`), the relay (`smtp`, `conversation`, `reply`, `wire`), the addresses to which notices come back
//! (`envelope`), those notices (`bounce`), and the demo's mailbox. Who gets one and when is decided elsewhere; nothing
//! here may hold a health word, a score, an instrument's name or a full name.

pub mod bounce;
mod conversation;
pub mod envelope;
mod message;
pub mod render;
mod reply;
mod smtp;
mod wire;

use crate::domain::message::Failure;
use chrono::NaiveDateTime;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

pub use conversation::{LONGEST_CONVERSATION, Patience};
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
    /// The token of its own envelope sender; see [`envelope`].
    pub return_path: Option<String>,
    /// Where one POST stops reminders (RFC 8058).
    pub stop: Option<String>,
}

/// That the relay took a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// What it said, for the log staff can read; never an address.
    pub words: String,
}

/// Why a mail did not leave.
#[derive(Debug, Clone)]
pub struct SendFailure {
    /// Whether another try can help.
    pub failure: Failure,
    /// What the relay said, for the log staff can read; never an address.
    pub words: String,
    /// Whether the relay could not be reached at all: then other messages need not try just now.
    pub relay_is_away: bool,
}

/// What has to be over before a mail may be final: its last byte goes out after this.
pub trait Before {
    /// Whether nothing has to be waited for.
    fn is_over(&self) -> bool;
    /// Waits.
    fn wait(&mut self);
}

/// Nothing.
impl Before for () {
    fn is_over(&self) -> bool {
        true
    }
    fn wait(&mut self) {}
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
    /// Sends one mail, its last byte after `before`, and waits for the relay's word.
    ///
    /// # Errors
    /// When the relay did not take it.
    pub fn send(
        &self,
        mail: &Mail,
        before: &mut dyn Before,
        now: NaiveDateTime,
    ) -> Result<Taken, SendFailure> {
        match self {
            Mailer::Smtp(smtp) => smtp.send_after(mail, before),
            Mailer::Mailbox(mailbox) => {
                before.wait();
                mailbox.keep(mail.clone(), now);
                Ok(Taken {
                    words: "kept in the demo's mailbox".into(),
                })
            }
            Mailer::Nowhere => Err(SendFailure {
                failure: Failure::Ours,
                words: "no relay is set (ATTUNE_SMTP_URL)".into(),
                relay_is_away: true,
            }),
        }
    }

    /// How many mails of one lane may be on their way at once.
    pub fn connections(&self) -> usize {
        match self {
            Mailer::Smtp(smtp) => smtp.connections(),
            Mailer::Mailbox(_) | Mailer::Nowhere => 1,
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
