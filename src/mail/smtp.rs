//! The conversation with the relay. Blocking, one connection a mail: how many at once is bounded by the threads that call it, not by a pool.

use super::{Mail, SendFailure};
use crate::config::{Security, Smtp};
use crate::domain::message::Failure;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{Message, SmtpTransport, Transport};
use std::time::Duration;

/// How long the relay may think about one command.
const PATIENCE: Duration = Duration::from_secs(10);

/// A relay to send by.
pub struct SmtpMailer {
    relay: SmtpTransport,
    from: Mailbox,
}

/// Tells other machines not to answer by machine (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }
    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(AutoSubmitted)
    }
    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".into())
    }
}

impl SmtpMailer {
    /// A mailer by this relay. Nothing is sent yet.
    ///
    /// # Errors
    /// Says what is wrong with the relay's name or the sender.
    pub fn new(smtp: &Smtp, from: &str) -> Result<Self, String> {
        let from = from
            .parse()
            .map_err(|_| "the sender is no address".to_owned())?;
        let tls = || TlsParameters::new(smtp.host.clone()).map_err(|error| error.to_string());
        let security = match smtp.security {
            Security::Tls => Tls::Wrapper(tls()?),
            Security::StartTls => Tls::Required(tls()?),
            Security::Loopback => Tls::None,
        };
        let builder = SmtpTransport::builder_dangerous(&smtp.host)
            .port(smtp.port)
            .tls(security)
            .timeout(Some(PATIENCE));
        let relay = match &smtp.credentials {
            Some((user, password)) => {
                builder.credentials(Credentials::new(user.clone(), password.clone()))
            }
            None => builder,
        };
        Ok(SmtpMailer {
            relay: relay.build(),
            from,
        })
    }

    /// Sends one mail and waits for the relay's word.
    ///
    /// # Errors
    /// When the relay did not take it.
    pub fn send(&self, mail: &Mail) -> Result<(), SendFailure> {
        let message = self.message(mail)?;
        self.relay
            .send(&message)
            .map(|_| ())
            .map_err(|error| classify(&error))
    }

    /// Whether the relay answers.
    ///
    /// # Errors
    /// Says why not.
    pub fn test(&self) -> Result<(), String> {
        match self.relay.test_connection() {
            Ok(true) => Ok(()),
            Ok(false) => Err("the relay does not answer NOOP".into()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn message(&self, mail: &Mail) -> Result<Message, SendFailure> {
        let unfit = |words: &str| SendFailure {
            failure: Failure::Final,
            words: words.to_owned(),
        };
        let to: Mailbox = mail
            .to
            .parse()
            .map_err(|_| unfit("the address cannot be used"))?;
        let mut from = self.from.clone();
        from.name = mail.from_name.clone().or(from.name);
        let mut builder = Message::builder();
        if let Some(first) = &mail.in_reply_to {
            builder = builder.in_reply_to(first.clone()).references(first.clone());
        }
        builder
            .from(from)
            .to(to)
            .subject(mail.subject.clone())
            .message_id(Some(mail.message_id.clone()))
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(
                mail.text.clone(),
                mail.html.clone(),
            ))
            .map_err(|_| unfit("the mail could not be put together"))
    }
}

/// 5xx is final; 4xx, time-outs, broken connections and TLS troubles pass or are ours to mend.
fn classify(error: &lettre::transport::smtp::Error) -> SendFailure {
    let failure = if error.is_permanent() {
        Failure::Final
    } else {
        Failure::Passing
    };
    let words = match error.status() {
        Some(code) => format!("the relay answered {code}"),
        None if error.is_timeout() => "the relay did not answer in time".to_owned(),
        None if error.is_tls() => "no verified TLS with the relay".to_owned(),
        None => "the connection to the relay failed".to_owned(),
    };
    SendFailure { failure, words }
}
