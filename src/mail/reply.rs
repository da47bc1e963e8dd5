//! What a relay says: one reply, read from its lines, and what a refusal means. Pure; the conversation itself is `smtp`.

use crate::domain::message::Failure;

/// One reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// 200 to 599.
    pub code: u16,
    /// The enhanced code (RFC 3463), as 5.1.1, where the relay gives one.
    pub enhanced: Option<[u16; 3]>,
    /// The lines' words, the enhanced code left out.
    pub lines: Vec<String>,
}

/// Where in the conversation something was said or went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Finding the relay and reaching it.
    Connect,
    /// Its first line.
    Greeting,
    /// EHLO.
    Hello,
    /// STARTTLS and the handshake.
    Tls,
    /// AUTH.
    SignIn,
    /// MAIL FROM.
    From,
    /// RCPT TO.
    To,
    /// DATA, and the text until its last byte.
    Text,
    /// The relay's word after the whole text.
    Word,
}

impl Step {
    /// The step as an operator knows it.
    pub fn name(self) -> &'static str {
        match self {
            Step::Connect => "connecting",
            Step::Greeting => "its greeting",
            Step::Hello => "EHLO",
            Step::Tls => "STARTTLS",
            Step::SignIn => "AUTH",
            Step::From => "MAIL FROM",
            Step::To => "RCPT TO",
            Step::Text => "DATA",
            Step::Word => "the end of DATA",
        }
    }
}

/// A line as it came, with its code and whether it is the reply's last.
pub(super) fn read_line(line: &str) -> Option<(u16, bool, &str)> {
    let code: u16 = line.get(..3)?.parse().ok()?;
    let (last, words) = match line.as_bytes().get(3) {
        None => (true, ""),
        Some(b' ') => (true, line.get(4..)?),
        Some(b'-') => (false, line.get(4..)?),
        Some(_) => return None,
    };
    (200..600).contains(&code).then_some((code, last, words))
}

impl Reply {
    /// A reply of these lines' words.
    pub(super) fn new(code: u16, words: Vec<String>) -> Reply {
        let enhanced = words.first().and_then(|first| enhanced(first, code));
        let lines = words
            .into_iter()
            .map(|line| match enhanced_part(&line, code) {
                Some((_, rest)) => rest.to_owned(),
                None => line,
            })
            .collect();
        Reply {
            code,
            enhanced,
            lines,
        }
    }

    /// 2xx and 3xx.
    pub fn is_positive(&self) -> bool {
        self.code < 400
    }

    /// The reply on one line: `550 5.1.1 no such mailbox`.
    pub fn on_one_line(&self) -> String {
        let code = match self.enhanced {
            Some([class, subject, detail]) => format!("{} {class}.{subject}.{detail}", self.code),
            None => self.code.to_string(),
        };
        format!("{code} {}", self.lines.join(" / ").trim())
            .trim_end()
            .to_owned()
    }

    /// What this refusal means for the message.
    pub fn failure(&self, step: Step) -> Failure {
        let passing = self.code < 500;
        match step {
            Step::To if passing => Failure::Passing,
            Step::Text | Step::Word if passing => Failure::Passing,
            Step::To => self.about_recipient(),
            Step::Word => self.about_message(),
            // Whoever refuses us before hearing for whom the message is, refuses us and not the patient.
            Step::Connect | Step::Greeting | Step::Hello | Step::Tls | Step::SignIn => {
                Failure::Ours
            }
            Step::From if passing && self.code != 421 => Failure::Passing,
            Step::From | Step::Text => Failure::Ours,
        }
    }

    /// A refusal for good at RCPT TO. Wrongly blaming an address silences a patient, so everything that may be about us counts as ours.
    fn about_recipient(&self) -> Failure {
        match (self.enhanced, self.code) {
            (Some(code), _) if is_about_recipient(code) => Failure::Final,
            (Some(_), _) => Failure::Ours,
            // Without an enhanced code: no such mailbox, not local, bad name, domain that takes no mail (RFC 5321, RFC 7504).
            (None, 550 | 551 | 553 | 556) => Failure::Final,
            (None, _) => Failure::Ours,
        }
    }

    /// A refusal for good after the text.
    fn about_message(&self) -> Failure {
        match self.enhanced {
            Some(code) if is_about_recipient(code) => Failure::Final,
            _ if self.code == 530 || self.code == 535 => Failure::Ours,
            _ => Failure::Unfit,
        }
    }
}

/// Whether an enhanced code speaks of the recipient's address or mailbox. 5.1.7 and 5.1.8 are about the sender's address.
pub(super) fn is_about_recipient([_, subject, detail]: [u16; 3]) -> bool {
    match subject {
        1 => detail != 7 && detail != 8,
        2 => true,
        _ => false,
    }
}

fn enhanced(words: &str, code: u16) -> Option<[u16; 3]> {
    enhanced_part(words, code).map(|(enhanced, _)| enhanced)
}

/// The enhanced code at a line's beginning and the rest; only of the same class as the reply.
fn enhanced_part(words: &str, code: u16) -> Option<([u16; 3], &str)> {
    let (first, rest) = words.split_once(' ').unwrap_or((words, ""));
    let parts = numbers(first)?;
    (parts[0] == code / 100).then_some((parts, rest))
}

/// `5.1.1` as numbers; at most three digits each.
pub fn numbers(text: &str) -> Option<[u16; 3]> {
    let mut parts = text.split('.').map(|part| {
        let plain = (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| part.parse().ok()).flatten()
    });
    let found = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(found)
}

/// Longest words of a relay that are kept, in characters.
const WORDS_MOST: usize = 240;

/// A relay's words for the log: one line, cut, and without an address: neither this recipient's nor anybody's.
pub fn scrubbed(words: &str, recipient: &str) -> String {
    let local = recipient.split('@').next().unwrap_or_default();
    let local = Some(local.to_lowercase()).filter(|local| local.chars().count() >= 3);
    let is_address = |word: &str| {
        word.contains('@')
            || word.contains("%40")
            || local
                .as_ref()
                .is_some_and(|local| word.to_lowercase().contains(local))
    };
    let shown: Vec<String> = words
        .split(|c: char| c.is_whitespace() || c.is_control() || "<>()[]\"';,".contains(c))
        .filter(|word| !word.is_empty())
        .map(|word| {
            if is_address(word) {
                "(address)".to_owned()
            } else {
                word.to_owned()
            }
        })
        .collect();
    shown.join(" ").chars().take(WORDS_MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> Reply {
        let (code, _, words) = read_line(line).expect("a reply's line");
        Reply::new(code, vec![words.to_owned()])
    }

    #[test]
    fn a_line_is_read_or_is_no_line_of_a_reply() {
        assert_eq!(
            read_line("250-PIPELINING"),
            Some((250, false, "PIPELINING"))
        );
        assert_eq!(read_line("354"), Some((354, true, "")));
        for wrong in ["", "25", "25x ok", "250_ok", "100 odd", "999 odd", "é50 ok"] {
            assert_eq!(read_line(wrong), None, "{wrong}");
        }
        assert_eq!(said("550 5.1.1 gone").on_one_line(), "550 5.1.1 gone");
        assert_eq!(said("550 4.1.1 odd class").enhanced, None);
        assert_eq!(said("250 2.0.0.1 no code").enhanced, None);
    }

    #[test]
    fn only_what_is_about_the_recipient_blames_the_recipient() {
        for (line, step, failure) in [
            ("550 5.1.1 no such user", Step::To, Failure::Final),
            ("550 no such user", Step::To, Failure::Final),
            ("556 5.1.10 takes no mail", Step::To, Failure::Final),
            ("550 5.2.1 mailbox disabled", Step::To, Failure::Final),
            ("550 5.1.8 sender's domain unknown", Step::To, Failure::Ours),
            ("554 5.7.1 relay access denied", Step::To, Failure::Ours),
            ("554 denied", Step::To, Failure::Ours),
            ("530 5.7.0 sign in first", Step::To, Failure::Ours),
            ("450 4.2.1 busy", Step::To, Failure::Passing),
            ("421 4.3.2 shutting down", Step::To, Failure::Passing),
            ("554 5.7.1 blocked", Step::From, Failure::Ours),
            ("550 5.1.1 odd", Step::From, Failure::Ours),
            ("451 4.3.0 later", Step::From, Failure::Passing),
            ("554 no service", Step::Greeting, Failure::Ours),
            ("421 busy", Step::Greeting, Failure::Ours),
            ("535 5.7.8 bad password", Step::SignIn, Failure::Ours),
            ("554 5.7.1 looks like spam", Step::Word, Failure::Unfit),
            ("552 5.3.4 too big", Step::Word, Failure::Unfit),
            ("550 5.1.1 no such user", Step::Word, Failure::Final),
            ("452 4.3.1 disk full", Step::Word, Failure::Passing),
        ] {
            assert_eq!(said(line).failure(step), failure, "{line} at {step:?}");
        }
    }

    #[test]
    fn no_address_is_left_in_a_relays_words() {
        let words = "5.1.1 <Pat.Doe@example.org>: Recipient pat.doe unknown; see http://x/?a=pat.doe%40example.org\r\nBcc: y@z";
        let clean = scrubbed(words, "pat.doe@example.org");
        assert!(
            !clean.to_lowercase().contains("pat.doe") && !clean.contains('@'),
            "{clean}"
        );
        assert!(clean.contains("unknown") && !clean.contains(['\r', '\n']));
        assert!(scrubbed(&"x ".repeat(999), "a@b").chars().count() <= 240);
    }
}
