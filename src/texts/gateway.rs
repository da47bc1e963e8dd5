//! The conversation with the gateway: one form posted to the Messages resource that several gateways share (account in the path, basic authentication,
//! `To`, `From` or `MessagingServiceSid`, `Body`, `StatusCallback`; 201 or an error code in JSON). Every answer is sorted into what we can do about it.

use super::{Text, TextFailure};
use crate::config::TextGateway;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use std::time::Duration;
use ureq::Agent;

/// How long the gateway may take to be reached.
const CONNECT: Duration = Duration::from_secs(10);
/// How long one message may take in all; the lease of a claimed message is longer.
const IN_ALL: Duration = Duration::from_secs(30);

/// A gateway to send by.
pub struct Gateway {
    agent: Agent,
    address: String,
    authorization: String,
    from: String,
}

/// What the gateway says when it does not take a message.
#[derive(Deserialize, Default)]
struct Problem {
    code: Option<u32>,
}

impl Gateway {
    /// A gateway by these settings. Nothing is sent yet.
    pub fn new(settings: &TextGateway) -> Gateway {
        let agent = Agent::config_builder()
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(IN_ALL))
            .http_status_as_error(false)
            .max_redirects(0)
            .build()
            .into();
        let (account, secret) = (&settings.account, &settings.secret);
        Gateway {
            agent,
            address: format!(
                "{}/2010-04-01/Accounts/{account}/Messages.json",
                settings.url
            ),
            authorization: format!("Basic {}", STANDARD.encode(format!("{account}:{secret}"))),
            from: settings.from.clone(),
        }
    }

    /// Sends one text and waits for the gateway's word.
    ///
    /// # Errors
    /// When the gateway did not take it, or may have.
    pub fn send(&self, text: &Text) -> Result<(), TextFailure> {
        // A messaging service has an id in the place of a number.
        let sender = if self.from.starts_with("MG") {
            "MessagingServiceSid"
        } else {
            "From"
        };
        let form = [
            ("To", text.to.as_str()),
            (sender, self.from.as_str()),
            ("Body", text.words.as_str()),
            ("StatusCallback", text.status_address.as_str()),
        ];
        let answer = self
            .agent
            .post(&self.address)
            .header("Authorization", &self.authorization)
            .send_form(form);
        match answer {
            Ok(mut answer) => {
                let status = answer.status().as_u16();
                let body = answer.body_mut().read_to_string().unwrap_or_default();
                sorted(status, &body)
            }
            Err(error) => Err(unanswered(&error)),
        }
    }
}

/// What an answer means. Codes: the gateway's own list of errors.
fn sorted(status: u16, body: &str) -> Result<(), TextFailure> {
    if (200..300).contains(&status) {
        return Ok(());
    }
    let code = serde_json::from_str::<Problem>(body)
        .unwrap_or_default()
        .code
        .unwrap_or(0);
    let words = format!("the gateway answered {status}, code {code}");
    Err(match (status, code) {
        (_, 21610) => TextFailure::Stopped,
        (_, code) if blames_number(code) => TextFailure::BadNumber(words),
        (429, _) | (500.., _) => TextFailure::Later(words),
        // Everything else is about the account, the sender or the request.
        _ => TextFailure::Ours(words),
    })
}

/// Whether an error code, in an answer or in a later word about a message, speaks of the number it went to. Wrongly blaming a number silences a patient:
/// what may be about our account, our sender or a filter is not here.
pub fn blames_number(code: u32) -> bool {
    // Not a number, no number a text can reach, no mobile; told later: nobody has this number, a landline.
    matches!(code, 21211 | 21217 | 21612 | 21614 | 30005 | 30006)
}

/// Before the request was on its way another try is safe; after that the text may have left.
fn unanswered(error: &ureq::Error) -> TextFailure {
    use ureq::{Error, Timeout};
    match error {
        Error::HostNotFound
        | Error::ConnectionFailed
        | Error::Timeout(Timeout::Connect | Timeout::Resolve) => {
            TextFailure::Later("the gateway cannot be reached".into())
        }
        Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            TextFailure::Later("the gateway cannot be reached".into())
        }
        Error::Tls(_) | Error::Rustls(_) | Error::BadUri(_) => {
            TextFailure::Ours("no verified TLS with the gateway".into())
        }
        _ => TextFailure::Unknown("the gateway did not answer".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_speaks_of_the_number_blames_it() {
        for code in [21211, 21217, 21612, 21614, 30005, 30006] {
            assert!(blames_number(code), "{code}");
        }
        // A telephone that is off, a carrier's filter, no reason, a sender that is not registered.
        for code in [0, 30003, 30007, 30008, 30034] {
            assert!(!blames_number(code), "{code}");
        }
    }

    #[test]
    fn every_answer_is_sorted_into_what_can_be_done() {
        let problem = |code: u32| format!("{{\"code\": {code}, \"message\": \"…\"}}");
        assert_eq!(sorted(201, "{}"), Ok(()));
        assert_eq!(sorted(400, &problem(21610)), Err(TextFailure::Stopped));
        assert!(matches!(
            sorted(400, &problem(21211)),
            Err(TextFailure::BadNumber(_))
        ));
        assert!(matches!(sorted(429, ""), Err(TextFailure::Later(_))));
        assert!(matches!(sorted(503, "<html>"), Err(TextFailure::Later(_))));
        assert!(matches!(
            sorted(401, &problem(20003)),
            Err(TextFailure::Ours(_))
        ));
        assert!(matches!(
            sorted(400, &problem(21606)),
            Err(TextFailure::Ours(_))
        ));
    }
}
