//! A mail as bytes: headers and parts, put together by lettre, dots stuffed for the way. Whose headers a relay's DKIM has to sign is in
//! docs/operations.md.

use super::{Mail, SendFailure};
use crate::domain::message::Failure;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};

/// Headers that lettre does not know: a name and what it says.
macro_rules! plain_header {
    ($(#[$meta:meta])* $header:ident, $name:literal) => {
        $(#[$meta])*
        #[derive(Clone)]
        struct $header(String);

        impl Header for $header {
            fn name() -> HeaderName {
                HeaderName::new_from_ascii_str($name)
            }
            fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
                Ok($header(text.to_owned()))
            }
            fn display(&self) -> HeaderValue {
                // Ours alone: plain ASCII, too short to fold.
                HeaderValue::dangerous_new_pre_encoded(Self::name(), self.0.clone(), self.0.clone())
            }
        }
    };
}

plain_header!(
    /// Tells other machines not to answer by machine (RFC 3834).
    AutoSubmitted,
    "Auto-Submitted"
);
plain_header!(
    /// Where reminders are stopped (RFC 2369).
    ListUnsubscribe,
    "List-Unsubscribe"
);
plain_header!(
    /// That one POST there does it (RFC 8058).
    ListUnsubscribePost,
    "List-Unsubscribe-Post"
);

/// The one address a mail goes to.
pub(super) fn recipient(mail: &Mail) -> Result<Address, SendFailure> {
    mail.to.parse().map_err(|_| SendFailure {
        failure: Failure::Final,
        words: "the address cannot be used".to_owned(),
        relay_is_away: false,
    })
}

/// The mail as it goes over the wire after DATA, with the dot that ends it.
pub(super) fn on_the_wire(
    mail: &Mail,
    from: &Mailbox,
    to: &Address,
) -> Result<Vec<u8>, SendFailure> {
    let mut from = from.clone();
    from.name = mail.from_name.clone().or(from.name);
    let mut builder = Message::builder()
        .from(from)
        .to(Mailbox::new(None, to.clone()))
        .subject(mail.subject.clone())
        .message_id(Some(mail.message_id.clone()))
        .header(AutoSubmitted("auto-generated".to_owned()));
    if let Some(first) = &mail.in_reply_to {
        builder = builder.in_reply_to(first.clone()).references(first.clone());
    }
    if let Some(address) = &mail.stop {
        builder = builder
            .header(ListUnsubscribe(format!("<{address}>")))
            .header(ListUnsubscribePost("List-Unsubscribe=One-Click".to_owned()));
    }
    let message = builder
        .multipart(MultiPart::alternative_plain_html(
            mail.text.clone(),
            mail.html.clone(),
        ))
        .map_err(|_| SendFailure {
            failure: Failure::Unfit,
            words: "the mail could not be put together".to_owned(),
            relay_is_away: false,
        })?;
    Ok(stuffed(&message.formatted()))
}

/// With a second dot on every line that begins with one, and the dot that ends the text.
fn stuffed(text: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(text.len() + 64);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            wire.push(b'.');
        }
        wire.extend_from_slice(line);
    }
    if !wire.ends_with(b"\r\n") {
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b".\r\n");
    wire
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_begins_with_a_dot_ends_no_mail() {
        assert_eq!(
            stuffed(b"a\r\n.\r\n..b\r\nc"),
            b"a\r\n..\r\n...b\r\nc\r\n.\r\n"
        );
    }

    #[test]
    fn only_a_mail_with_a_way_to_stop_says_so() {
        let mut mail = Mail {
            message_id: "<1@example.org>".into(),
            in_reply_to: None,
            from_name: None,
            to: "pat@example.org".into(),
            subject: "A form".into(),
            text: "x\n".into(),
            html: "<p>x</p>".into(),
            return_path: None,
            stop: None,
        };
        let from: Mailbox = "Care <forms@example.org>".parse().unwrap();
        let wire = |mail: &Mail| {
            let to = recipient(mail).unwrap();
            String::from_utf8(on_the_wire(mail, &from, &to).unwrap()).unwrap()
        };
        assert!(!wire(&mail).contains("List-Unsubscribe"));
        let token = "x".repeat(43);
        mail.stop = Some(format!(
            "https://forms.long-name-of-a-clinic.example.org/stop/{token}"
        ));
        let said = wire(&mail);
        assert!(said.contains(&format!("List-Unsubscribe: <https://forms.long-name-of-a-clinic.example.org/stop/{token}>\r\n")), "{said}");
        assert!(said.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"));
    }
}
