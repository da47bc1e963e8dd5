//! Notices that come back: what a mail server says about a mail it took and could not pass on (RFC 3464), read by mail-parser and nothing believed that is not
//! needed. Which message it was and what follows is `app::take_bounce`.

use super::reply::{is_about_recipient, numbers, scrubbed};
use mail_parser::{Message, MessageParser, MimeHeaders, PartType};

/// What a notice says about one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Class 5 about the address itself: nothing will arrive there.
    Failed,
    /// This mail will not arrive, for a reason that need not be the address: our signature, a filter, a server that was away for days.
    Undelivered,
    /// Class 4 or `delayed`: it is still being tried.
    Delayed,
    /// Class 2, or anything else that is no trouble.
    Fine,
}

/// A notice, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Where the notice was sent to, by its own headers, the most trustworthy first.
    pub recipients: Vec<String>,
    /// The Message-ID of the mail that it is about, without brackets, where the notice carries that mail or its headers.
    pub about: Option<String>,
    /// Where that mail was going, as far as the notice says.
    pub addresses: Vec<String>,
    /// What it says.
    pub verdict: Verdict,
    /// The status and diagnosis for the log; never an address.
    pub words: String,
}

/// Why a notice was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// Not a mail at all.
    NoMail,
    /// A mail without a delivery status.
    NoStatus,
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Unreadable::NoMail => "this is no mail",
            Unreadable::NoStatus => {
                "this mail has no delivery status in it (message/delivery-status); an answer by a person or a machine belongs in another mailbox"
            }
        })
    }
}

/// Reads a notice.
///
/// # Errors
/// When it is none.
pub fn read(bytes: &[u8]) -> Result<Notice, Unreadable> {
    let mail = MessageParser::default()
        .parse(bytes)
        .ok_or(Unreadable::NoMail)?;
    let status = mail
        .parts
        .iter()
        .find(|part| part.is_content_type("message", "delivery-status"))
        .ok_or(Unreadable::NoStatus)?;
    let status = unfolded(status.contents());
    let original = original_headers(&mail);
    let mut addresses: Vec<String> = ["original-recipient", "final-recipient"]
        .iter()
        .flat_map(|name| fields(&status, name))
        .map(|value| plain_address(value.rsplit(';').next().unwrap_or_default()))
        .collect();
    if let Some(original) = &original {
        addresses.extend(fields(original, "to").map(plain_address));
    }
    addresses.retain(|address| address.contains('@'));
    Ok(Notice {
        recipients: recipients(bytes),
        about: original
            .as_deref()
            .and_then(|headers| fields(headers, "message-id").next())
            .map(|id| id.trim_matches(['<', '>', ' ']).to_owned()),
        verdict: verdict(&status),
        words: words(&status, &addresses),
        addresses,
    })
}

/// The headers of the mail that came back; whole mails and headers alone are both usual.
fn original_headers(mail: &Message<'_>) -> Option<String> {
    mail.parts.iter().find_map(|part| match &part.body {
        PartType::Message(inner) => Some(head(inner.raw_message())),
        _ if part.is_content_type("text", "rfc822-headers") => Some(head(part.contents())),
        _ => None,
    })
}

/// Where the notice itself went. What the last server wrote stands before what the sender of the notice wrote.
fn recipients(bytes: &[u8]) -> Vec<String> {
    let head = head(bytes);
    [
        "delivered-to",
        "x-original-to",
        "x-envelope-to",
        "envelope-to",
        "to",
    ]
    .iter()
    .flat_map(|name| fields(&head, name))
    .flat_map(|value| value.split(',').map(plain_address))
    .filter(|address| address.contains('@'))
    .collect()
}

/// The header part of a mail, unfolded.
fn head(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    unfolded(text.split("\n\n").next().unwrap_or_default().as_bytes())
}

/// Lines that go on in the next, joined.
fn unfolded(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .replace("\r\n", "\n")
        .replace("\n ", " ")
        .replace("\n\t", " ")
}

/// The values of every field of this name.
fn fields<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| {
        let (known, value) = line.split_once(':')?;
        known
            .trim()
            .eq_ignore_ascii_case(name)
            .then(|| value.trim())
    })
}

/// `Pat <pat@example.org>` without everything but the address, in small letters.
fn plain_address(value: &str) -> String {
    let inner = value
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map_or(value, |(address, _)| address);
    inner.trim().to_lowercase()
}

/// The worst that is said about any recipient: our mails have one.
fn verdict(status: &str) -> Verdict {
    let codes = fields(status, "status")
        .filter_map(|status| numbers(status.split_whitespace().next().unwrap_or_default()));
    // What blames the address is the worst of its class: it says the most.
    let worst = codes.map(|code| (code[0], is_about_recipient(code))).max();
    let says =
        |word: &str| fields(status, "action").any(|action| action.eq_ignore_ascii_case(word));
    match worst {
        Some((5, true)) if !says("delayed") => Verdict::Failed,
        Some((5, false)) if !says("delayed") => Verdict::Undelivered,
        None if says("failed") => Verdict::Undelivered,
        Some((4, _)) if says("failed") => Verdict::Undelivered,
        Some((4 | 5, _)) => Verdict::Delayed,
        None if says("delayed") => Verdict::Delayed,
        _ => Verdict::Fine,
    }
}

/// Status and diagnosis, without the addresses in them.
fn words(status: &str, addresses: &[String]) -> String {
    let said: Vec<&str> = fields(status, "status")
        .chain(fields(status, "diagnostic-code"))
        .collect();
    let first = said.join(" ");
    addresses
        .iter()
        .fold(scrubbed(&first, ""), |words, address| {
            scrubbed(&words.replace("(address)", "address"), address)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(status: &str, original: &str) -> String {
        format!(
            "Delivered-To: bounces+abc@example.org\r\nFrom: MAILER-DAEMON@mx\r\nTo: Other\r\n <Second@Example.org>\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n\
             --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n{status}\r\n--b\r\n{original}\r\n--b--\r\n"
        )
    }

    const GONE: &str = "Final-Recipient: rfc822; Pat.Doe@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n\
         Diagnostic-Code: smtp; 550 5.1.1 <pat.doe@example.com>:\r\n no such user pat.doe\r\n";
    const WHOLE: &str = "Content-Type: message/rfc822\r\n\r\nMessage-ID: <id-1@forms.example.org>\r\nTo: pat.doe@example.com\r\nSubject: A form\r\n\r\nHello";
    const HEADERS: &str = "Content-Type: text/rfc822-headers\r\n\r\nMessage-ID:\r\n <id-1@forms.example.org>\r\nTo: Pat <pat.doe@example.com>\r\n";

    #[test]
    fn a_notice_says_which_mail_where_it_went_and_what_became_of_it() {
        for original in [WHOLE, HEADERS] {
            let notice = read(notice(GONE, original).as_bytes()).unwrap();
            assert_eq!(
                notice.recipients,
                ["bounces+abc@example.org", "second@example.org"]
            );
            assert_eq!(notice.about.as_deref(), Some("id-1@forms.example.org"));
            assert_eq!(notice.addresses, ["pat.doe@example.com"; 2]);
            assert_eq!(notice.verdict, Verdict::Failed);
            let words = notice.words;
            assert!(
                words.contains("5.1.1") && words.contains("no such user"),
                "{words}"
            );
            assert!(
                !words.contains("pat.doe") && !words.contains('@'),
                "{words}"
            );
        }
    }

    #[test]
    fn a_delay_and_a_success_are_no_failure() {
        let read = |status: &str| read(notice(status, WHOLE).as_bytes()).unwrap().verdict;
        assert_eq!(
            read("Action: delayed\r\nStatus: 4.4.1\r\n"),
            Verdict::Delayed
        );
        assert_eq!(
            read("Action: failed\r\nStatus: 4.4.7\r\n"),
            Verdict::Undelivered,
            "given up after days"
        );
        assert_eq!(read("Action: relayed\r\nStatus: 2.1.9\r\n"), Verdict::Fine);
        assert_eq!(read("Action: failed\r\n"), Verdict::Undelivered);
        assert_eq!(read("Action: odd\r\nStatus: banana\r\n"), Verdict::Fine);
    }

    #[test]
    fn only_what_speaks_of_the_address_blames_it() {
        for (code, verdict) in [
            ("5.1.1", Verdict::Failed),
            ("5.1.10", Verdict::Failed),
            ("5.2.1", Verdict::Failed),
            ("5.1.7", Verdict::Undelivered),
            ("5.1.8", Verdict::Undelivered),
            ("5.7.1", Verdict::Undelivered),
            ("5.4.4", Verdict::Undelivered),
            ("5.0.0", Verdict::Undelivered),
        ] {
            let status = format!("Action: failed\r\nStatus: {code}\r\n");
            let read = read(notice(&status, WHOLE).as_bytes()).unwrap();
            assert_eq!(read.verdict, verdict, "{code}");
        }
    }

    #[test]
    fn what_is_no_notice_is_refused_and_nothing_makes_the_reader_fall() {
        assert_eq!(read(b"").unwrap_err(), Unreadable::NoMail);
        let answer =
            b"From: a@b\r\nTo: bounces@example.org\r\nSubject: Re: A form\r\n\r\nI am away.\r\n";
        assert_eq!(read(answer).unwrap_err(), Unreadable::NoStatus);
        let whole = notice(GONE, WHOLE);
        for cut in 0..whole.len() {
            let _ = read(&whole.as_bytes()[..cut]);
        }
        let _ = read(&[0xff; 4_000]);
    }
}
