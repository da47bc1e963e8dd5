//! Where help is: a country's emergency number and crisis lines as data ([`HelpLines`]), and what pages, mails and texts say of them in each
//! language ([`HelpSaid`]), put together once when the program starts. No number stands in any other sentence of ours. Not here: a clinic's own
//! line, which administrators set while the program runs.

mod english;
mod spanish;

pub(super) use english::said as in_english;
pub(super) use spanish::said as in_spanish;

use super::words;
use crate::domain::language::Language;

/// The fewest and most digits of a number.
const DIGITS: std::ops::RangeInclusive<usize> = 2..=15;

/// A telephone number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// As people read it: `116 123`.
    pub shown: String,
    /// As a telephone dials it, after `tel:` or `sms:`: `116123`.
    pub dial: String,
}

impl Number {
    /// Reads a number: 2 to 15 digits, with a plus in front, spaces, hyphens, dots and brackets as people write them.
    pub fn parse(text: &str) -> Option<Number> {
        let shown = text.trim();
        let plain = |(at, c): (usize, char)| match c {
            '+' => at == 0,
            c => c.is_ascii_digit() || " -.()".contains(c),
        };
        let digits = shown.chars().filter(char::is_ascii_digit).count();
        let good = shown.chars().enumerate().all(plain) && DIGITS.contains(&digits);
        good.then(|| Number {
            shown: shown.to_owned(),
            dial: shown
                .chars()
                .filter(|c| c.is_ascii_digit() || *c == '+')
                .collect(),
        })
    }
}

/// Where a text message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextTo {
    /// The number.
    pub number: Number,
    /// The word it has to say; `None`: anything.
    pub word: Option<String>,
    /// The word that brings somebody who speaks Spanish, where it is another.
    pub spanish_word: Option<String>,
}

impl TextTo {
    fn word(&self, language: Language) -> Option<&str> {
        let own = match language {
            Language::English => None,
            Language::Spanish => self.spanish_word.as_deref(),
        };
        own.or(self.word.as_deref())
    }
}

/// A conversation in the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat {
    /// The whole address.
    pub address: String,
    /// Its host, as people read it.
    pub host: String,
}

impl Chat {
    /// Reads an `https://` address of at most 200 characters that can stand in a link.
    pub fn parse(text: &str) -> Option<Chat> {
        let rest = text.trim().strip_prefix("https://")?;
        let host = rest.split('/').next().unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"'<>`&\\".contains(&byte);
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
        let good = rest.len() <= 200
            && host.contains('.')
            && host.bytes().all(is_host)
            && rest.bytes().all(plain);
        good.then(|| Chat {
            address: format!("https://{rest}"),
            host: host.to_owned(),
        })
    }
}

/// What is known of a line's hours and price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// It costs nothing and somebody answers at every hour.
    FreeDayAndNight,
    /// Nothing was said.
    NotSaid,
}

/// How a line serves veterans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Veterans {
    /// What to press on the telephone.
    pub press: char,
    /// Their own number for text messages.
    pub text: Number,
}

/// A crisis line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelpLine {
    /// Who answers; empty where people know the line by its number.
    pub name: String,
    /// Its number.
    pub call: Number,
    /// What brings somebody who speaks Spanish.
    pub spanish_press: Option<char>,
    /// By text message.
    pub text: Option<TextTo>,
    /// In the browser.
    pub chat: Option<Chat>,
    /// When, and for how much.
    pub open: Open,
    /// For veterans.
    pub veterans: Option<Veterans>,
}

/// Where help is in the country of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelpLines {
    /// For immediate danger.
    pub emergency: Number,
    /// The line that short sentences name.
    pub first: HelpLine,
    /// More of them.
    pub others: Vec<HelpLine>,
}

impl HelpLines {
    /// The United States: 988 by telephone (2 for Spanish, 1 for veterans), text (AYUDA for Spanish; veterans 838255) and chat, and 911.
    ///
    /// Source: 988lifeline.org (get help, what to expect; Spanish), veteranscrisisline.net.
    pub fn united_states() -> HelpLines {
        let number = |digits: &str| Number {
            shown: digits.to_owned(),
            dial: digits.to_owned(),
        };
        HelpLines {
            emergency: number("911"),
            first: HelpLine {
                name: String::new(),
                call: number("988"),
                spanish_press: Some('2'),
                text: Some(TextTo {
                    number: number("988"),
                    word: None,
                    spanish_word: Some("AYUDA".to_owned()),
                }),
                chat: Chat::parse("https://988lifeline.org/chat/"),
                open: Open::FreeDayAndNight,
                veterans: Some(Veterans {
                    press: '1',
                    text: number("838255"),
                }),
            },
            others: vec![],
        }
    }

    fn all(&self) -> impl Iterator<Item = &HelpLine> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

/// What one language says of the help lines. What is with markup is printed as it stands: names are made harmless here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelpSaid {
    /// The foot of every page, with markup.
    pub foot: String,
    /// Every way to a crisis line, one after the other, with markup.
    pub ways: Vec<String>,
    /// What to do in immediate danger, with markup.
    pub emergency: String,
    /// "If you need help now, …": a plain sentence.
    pub now: String,
    /// "In danger right now, …": a plain sentence.
    pub danger: String,
    /// The same two for a text message, in letters every telephone shows.
    pub by_text: String,
    /// The first line's number alone, as dialled.
    pub number: String,
}

/// The help lines of this process, and what is said of them.
#[derive(Debug)]
pub struct Help {
    said: Vec<(Language, HelpSaid)>,
    fallback: HelpSaid,
}

impl Help {
    /// Puts the sentences together.
    pub fn of(lines: &HelpLines) -> Help {
        let say = |language: &Language| (*language, (words(*language).help.say)(lines));
        Help {
            said: Language::ALL.iter().map(say).collect(),
            fallback: (words(Language::English).help.say)(lines),
        }
    }

    /// What this language says.
    pub fn said(&self, language: Language) -> &HelpSaid {
        let known = self.said.iter().find(|(known, _)| *known == language);
        known.map_or(&self.fallback, |(_, said)| said)
    }
}

impl Default for Help {
    /// The United States.
    fn default() -> Self {
        Help::of(&HelpLines::united_states())
    }
}

/// A name as it may stand among markup.
fn harmless(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A link that a telephone opens: `tel` or `sms`.
fn link(scheme: &str, number: &Number) -> String {
    format!(
        "<a href=\"{scheme}:{}\">{}</a>",
        number.dial,
        harmless(&number.shown)
    )
}

/// The same as a line of its own.
fn strong_link(address: &str, said: &str) -> String {
    format!("<a href=\"{address}\"><strong>{said}</strong></a>")
}

fn chat_link(chat: &Chat, said: &str) -> String {
    format!(
        "<a href=\"{}\" rel=\"noreferrer noopener\"><strong>{said}</strong></a>",
        harmless(&chat.address)
    )
}

/// ` (Samaritans)`; empty where the line has no name.
fn in_brackets(line: &HelpLine) -> String {
    match line.name.as_str() {
        "" => String::new(),
        name => format!(" ({name})"),
    }
}

/// What stands after a way's link: the parts that there are, with a space before each.
fn tail(parts: &[String]) -> String {
    let there = parts.iter().filter(|part| !part.is_empty());
    there.map(|part| format!(" {part}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samaritans() -> HelpLines {
        HelpLines {
            emergency: Number::parse("999").unwrap(),
            first: HelpLine {
                name: "Sam & <Co>".to_owned(),
                call: Number::parse("116 123").unwrap(),
                spanish_press: None,
                text: Some(TextTo {
                    number: Number::parse("85258").unwrap(),
                    word: Some("SHOUT".to_owned()),
                    spanish_word: None,
                }),
                chat: Chat::parse("https://chat.example.org/now"),
                open: Open::NotSaid,
                veterans: None,
            },
            others: vec![HelpLine {
                name: "Second line".to_owned(),
                call: Number::parse("+44 800 000 000").unwrap(),
                spanish_press: None,
                text: None,
                chat: None,
                open: Open::FreeDayAndNight,
                veterans: None,
            }],
        }
    }

    fn everything(said: &HelpSaid) -> String {
        format!("{said:?}")
    }

    #[test]
    fn elsewhere_no_number_of_the_united_states_is_said() {
        let help = Help::of(&samaritans());
        for language in Language::ALL {
            let said = everything(help.said(*language));
            for theirs in ["988", "911", "838255", "eteran", "AYUDA", "oprima"] {
                assert!(!said.contains(theirs), "{theirs}: {said}");
            }
            for ours in [
                "tel:116123",
                "sms:85258",
                "SHOUT",
                "tel:+44800000000",
                "tel:999",
                "https://chat.example.org/now",
                "Second line",
            ] {
                assert!(said.contains(ours), "{ours}: {said}");
            }
        }
    }

    #[test]
    fn a_name_cannot_bring_markup() {
        let help = Help::of(&samaritans());
        for language in Language::ALL {
            let said = help.said(*language);
            let markup = [said.foot.clone(), said.emergency.clone()].concat() + &said.ways.concat();
            assert!(!markup.contains("<Co>") && markup.contains("Sam &amp; &lt;Co&gt;"));
        }
    }

    #[test]
    fn the_united_states_name_every_way_to_988_in_both_languages() {
        let help = Help::default();
        let english = help.said(Language::English);
        assert_eq!(
            english.foot,
            "<strong>Need help now?</strong> Call <a href=\"tel:988\">988</a> or text <a href=\"sms:988\">988</a>. Free, day and night. In danger? Call <a href=\"tel:911\">911</a>."
        );
        assert_eq!(english.now, "If you need help now, call or text 988.");
        assert_eq!(
            english.by_text,
            "Need help now: call or text 988. In danger: call 911."
        );
        let spanish = help.said(Language::Spanish);
        assert_eq!(
            spanish.foot,
            "<strong>¿Necesita ayuda ahora?</strong> Llame al <a href=\"tel:988\">988</a> y oprima 2, o envíe la palabra AYUDA por mensaje de texto al <a href=\"sms:988\">988</a>. Es gratis, de día y de noche. ¿Está en peligro? Llame al <a href=\"tel:911\">911</a>."
        );
        for language in Language::ALL {
            let said = help.said(*language);
            let ways = said.ways.concat();
            for way in ["tel:988", "sms:988", "988lifeline.org/chat", "sms:838255"] {
                assert!(ways.contains(way), "{way}: {ways}");
            }
            assert!(said.emergency.contains("tel:911") && said.number == "988");
        }
    }

    #[test]
    fn spanish_says_how_to_reach_spanish_speaking_counselors() {
        let help = Help::default();
        let said = help.said(Language::Spanish);
        for sentence in [&said.foot, &said.now] {
            assert!(
                sentence.contains("oprima 2") && sentence.contains("AYUDA"),
                "{sentence}"
            );
        }
        let ways = said.ways.concat();
        assert!(ways.contains("Oprima 2") && ways.contains("AYUDA"));
    }

    #[test]
    fn a_number_has_digits_and_what_people_write_between_them() {
        let dial = |text| Number::parse(text).map(|number| number.dial);
        assert_eq!(dial(" (555) 010-0199 ").as_deref(), Some("5550100199"));
        assert_eq!(dial("+44 116 123").as_deref(), Some("+44116123"));
        for wrong in ["", "1", "call 988", "98+8", "1234567890123456", "9\"9"] {
            assert_eq!(dial(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_chat_is_an_address_that_can_stand_in_a_link() {
        assert!(Chat::parse("https://chat.example.org/a?b=c").is_some());
        for wrong in [
            "http://chat.example.org",
            "https://chat",
            "https://a.b/\"x",
            "https://a.b/ c",
            "javascript:alert(1)",
        ] {
            assert_eq!(Chat::parse(wrong), None, "{wrong}");
        }
    }
}
