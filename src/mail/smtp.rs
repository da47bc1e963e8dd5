//! The mailer by a relay: keeps connections and sends over them, one mail at a time on each. How many are open at once is bounded by the workers
//! that call, not here. The conversation is `conversation`, what a mail looks like is `message`.

use super::conversation::{Connection, Notes, Patience, Stopped};
use super::envelope::ReturnAddress;
use super::{Before, Mail, SendFailure, Taken, message, wire};
use crate::config::{DEFAULT_CONNECTIONS, Smtp};
use lettre::message::Mailbox;
use rustls::ClientConfig;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A connection that rested longer is not used again: relays hang up on idle ones.
const IDLE_MOST: Duration = Duration::from_secs(20);
/// Mails after which a connection is closed: relays count, and a fresh one may reach another of their machines.
const CARRIED_MOST: usize = 1_000;

/// A relay to send by.
pub struct SmtpMailer {
    relay: Smtp,
    tls: Arc<ClientConfig>,
    from: Mailbox,
    bounces: Option<ReturnAddress>,
    connections: usize,
    patience: Patience,
    idle: Mutex<Vec<Connection>>,
}

impl SmtpMailer {
    /// A mailer by this relay. Nothing is sent yet.
    ///
    /// # Errors
    /// Says what is wrong with the sender.
    pub fn new(smtp: &Smtp, from: &str) -> Result<Self, String> {
        Ok(SmtpMailer {
            relay: smtp.clone(),
            tls: wire::trust(&[])?,
            from: from
                .parse()
                .map_err(|_| "the sender is no address".to_owned())?,
            bounces: None,
            connections: DEFAULT_CONNECTIONS,
            patience: Patience::default(),
            idle: Mutex::default(),
        })
    }

    /// With so many connections in each lane, at least one.
    #[must_use]
    pub fn with_connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// With an envelope sender of its own for each message, below this address.
    #[must_use]
    pub fn with_bounces(mut self, bounces: Option<ReturnAddress>) -> Self {
        self.bounces = bounces;
        self
    }

    /// With other limits of time.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// Believing these roots too, in DER: for a relay whose certificate is of the site's own authority.
    ///
    /// # Errors
    /// When one is no certificate.
    pub fn with_roots(mut self, roots: &[Vec<u8>]) -> Result<Self, String> {
        self.tls = wire::trust(roots)?;
        Ok(self)
    }

    /// How many connections each lane may hold.
    pub fn connections(&self) -> usize {
        self.connections
    }

    /// Sends one mail and waits for the relay's word.
    ///
    /// # Errors
    /// When the relay did not take it, or nobody can know.
    pub fn send(&self, mail: &Mail) -> Result<Taken, SendFailure> {
        self.send_after(mail, &mut ())
    }

    /// The same, with the mail's last byte after `before`.
    ///
    /// # Errors
    /// As [`SmtpMailer::send`].
    pub fn send_after(&self, mail: &Mail, before: &mut dyn Before) -> Result<Taken, SendFailure> {
        let to = message::recipient(mail)?;
        let text = message::on_the_wire(mail, &self.from, &to)?;
        let (from, to) = (self.envelope_sender(mail), to.to_string());
        if let Some(mut kept) = self.take_idle() {
            kept.begin_next();
            match kept.send(&from, &to, &text, before) {
                Err(stopped) if stopped.is_staleness() => {}
                done => return self.settle(kept, done, &to),
            }
        }
        let mut fresh = Connection::open(&self.relay, &self.tls, self.patience, Notes::None)
            .map_err(|(stopped, _)| stopped.failure(&to))?;
        let done = fresh.send(&from, &to, &text, before);
        self.settle(fresh, done, &to)
    }

    fn envelope_sender(&self, mail: &Mail) -> String {
        match (&self.bounces, &mail.return_path) {
            (Some(bounces), Some(token)) => bounces.with(token),
            _ => self.from.email.to_string(),
        }
    }

    /// Puts the connection back if it is still good.
    fn settle(
        &self,
        connection: Connection,
        done: Result<Taken, Stopped>,
        to: &str,
    ) -> Result<Taken, SendFailure> {
        if connection.is_whole && connection.carried < CARRIED_MOST {
            self.idle().push(connection);
        } else {
            connection.quit();
        }
        done.map_err(|stopped| stopped.failure(to))
    }

    fn take_idle(&self) -> Option<Connection> {
        loop {
            let kept = self.idle().pop()?;
            if kept.used_at.elapsed() < IDLE_MOST {
                return Some(kept);
            }
            kept.quit();
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the relay answers, and would take a mail from us.
    ///
    /// # Errors
    /// Says why not.
    pub fn test(&self) -> Result<(), String> {
        match Connection::open(&self.relay, &self.tls, self.patience, Notes::None) {
            Ok(connection) => {
                connection.quit();
                Ok(())
            }
            Err((stopped, _)) => Err(stopped.failure("").words),
        }
    }

    /// Sends one mail on a connection of its own and hands back everything that was said, line by line.
    pub fn send_aloud(&self, mail: &Mail) -> (Vec<String>, Result<Taken, SendFailure>) {
        let built = message::recipient(mail)
            .and_then(|to| Ok((message::on_the_wire(mail, &self.from, &to)?, to.to_string())));
        let (text, to) = match built {
            Ok(built) => built,
            Err(failure) => return (vec![], Err(failure)),
        };
        match Connection::open(&self.relay, &self.tls, self.patience, Notes::Kept) {
            Err((stopped, notes)) => (notes, Err(stopped.failure(&to))),
            Ok(mut connection) => {
                let done = connection.send(&self.envelope_sender(mail), &to, &text, &mut ());
                (
                    connection.quit(),
                    done.map_err(|stopped| stopped.failure(&to)),
                )
            }
        }
    }
}

impl Drop for SmtpMailer {
    fn drop(&mut self) {
        for connection in self.idle().drain(..) {
            connection.quit();
        }
    }
}
