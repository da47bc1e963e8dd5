//! Every mail, put together: plain text first, the same as HTML, no picture, nothing that tells who opened it. Whatever comes from a person is made
//! harmless here. Which mail goes to whom and when is decided in `app`; the conversation with the relay is `smtp`.

use super::Mail;
use crate::app::accounts::SETUP_HOURS;
use crate::domain::message::sending::{Asking, Begun};
use crate::patient_words::Words;
use crate::patient_words::help::HelpSaid;
use askama::Template;
use chrono::NaiveDateTime;

/// A mail goes through hands that owe the patient nothing, so no word in it may say what the care is about. A clinic whose own name would say it is
/// called "your clinic". Stems, lower case: a false hit costs nothing.
const TELLING: &[&str] = &[
    "anxi",
    "depress",
    "suicid",
    "trauma",
    "ptsd",
    "psych",
    "mental",
    "therap",
    "addict",
    "substance",
    "alcohol",
    "bipolar",
    "schizo",
    "eating dis",
    "self-harm",
    "self harm",
    "disorder",
    "crisis",
    "behavio",
    "counsel",
    "recovery",
    "rehab",
    "grief",
    "phq",
    "gad-7",
    "gad7",
    "pcl-5",
    "pcl5",
    "questionnaire",
    "score",
    "symptom",
    "diagnos",
    "illness",
    "treatment",
    // Spanish, where it differs.
    "ansie",
    "angusti",
    "psic",
    "sicol",
    "siqui",
    "terap",
    "adicc",
    "trastorn",
    "conduct",
    "consejer",
    "duelo",
    "emocion",
    "cuestionario",
    "puntaje",
    "síntoma",
    "sintoma",
    "diagnós",
    "tratamiento",
    "enfermedad",
];
/// Longest first name that reaches a mail, in characters.
const NAME_MOST: usize = 40;
/// Longest clinic name that reaches a mail, in characters.
const CLINIC_MOST: usize = 80;
/// Longest line of a plain text, in characters.
const LINE_MOST: usize = 76;

#[derive(Template)]
#[template(path = "mail/invitation.html")]
struct InvitationHtml<'a> {
    words: &'a Words,
    subject: &'a str,
    paragraphs: &'a [&'a str],
    link: &'a str,
}

#[derive(Template)]
#[template(path = "mail/notice.html")]
struct NoticeHtml<'a> {
    subject: &'a str,
    before: &'a str,
    link: &'a str,
    after: &'a str,
}

#[derive(Template)]
#[template(path = "mail/staff_setup.txt")]
struct StaffSetupText<'a> {
    link: &'a str,
    hours: i64,
}

#[derive(Template)]
#[template(path = "mail/staff_setup.html")]
struct StaffSetupHtml<'a> {
    subject: &'a str,
    link: &'a str,
    hours: i64,
}

/// What an invitation or a reminder says.
pub struct Invitation<'a> {
    /// In which language.
    pub words: &'static Words,
    /// Where help is, in that language.
    pub help: &'a HelpSaid,
    /// Whether it is the first about this form.
    pub asking: Asking,
    /// Whether the patient has begun.
    pub begun: Begun,
    /// To whom.
    pub first_name: &'a str,
    /// On whose behalf.
    pub clinic: &'a str,
    /// The whole address.
    pub link: &'a str,
    /// The last moment at which the link works, or, before anybody has begun, at which they can begin; by the patient's clock.
    pub until: NaiveDateTime,
    /// How many hours there are from the beginning on.
    pub finish_within_h: i64,
    /// When answers are read, where nobody would read them now: whole sentences.
    pub reading: Option<String>,
    /// The site's name as the sender.
    pub sender_name: Option<&'a str>,
    /// The Message-ID of the invitation that a reminder follows.
    pub in_reply_to: Option<String>,
}

/// Asks a patient to answer, for the first time or once more.
pub fn invitation(message_id: String, to: String, invitation: &Invitation<'_>) -> Mail {
    let (words, link) = (invitation.words, invitation.link);
    let clinic = &quiet_name(invitation.clinic, words);
    let subject = (words.mail.subject)(clinic);
    let hello = (words.mail.hello)(&first_word(invitation.first_name));
    let lead = match invitation.asking {
        Asking::Invitation => (words.mail.asks)(&sentence_start(clinic)),
        Asking::Reminder(_) => (words.mail.still_open)(clinic),
    };
    let until = (words.moment)(invitation.until);
    let works_until = match invitation.begun {
        Begun::NotYet => (words.mail.begin_by)(&until, invitation.finish_within_h),
        Begun::Kept => (words.mail.works_until)(&until),
    };
    let kept = match invitation.begun {
        Begun::NotYet => None,
        Begun::Kept => Some(words.mail.kept),
    };
    let help = invitation.help;
    let not_for_emergencies = [words.mail.not_for_emergencies, &help.now, &help.danger].join(" ");
    let paragraphs: Vec<&str> = [
        Some(hello.as_str()),
        Some(&lead),
        kept,
        Some(words.mail.open),
        Some(link),
        Some(&works_until),
        invitation.reading.as_deref(),
        Some(&not_for_emergencies),
        Some(words.mail.not_yours),
    ]
    .into_iter()
    .flatten()
    .collect();
    let html = InvitationHtml {
        words,
        subject: &subject,
        paragraphs: &paragraphs,
        link,
    };
    let folded: Vec<String> = paragraphs.iter().map(|text| folded(text)).collect();
    let text = folded.join("\n\n") + "\n";
    Mail {
        in_reply_to: invitation.in_reply_to.clone(),
        from_name: invitation.sender_name.and_then(quiet_sender),
        ..put_together(message_id, to, subject.clone(), text, &html)
    }
}

/// The sender's name as it may leave: on one line, and none at all when it would tell what the care is about.
fn quiet_sender(name: &str) -> Option<String> {
    let name = one_line(name, CLINIC_MOST);
    (!name.is_empty() && telling_word(&name).is_none()).then_some(name)
}

/// The first word in a text that tells what the care is about, as its stem; `None` when it tells nothing.
pub fn telling_word(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    TELLING.iter().copied().find(|word| lower.contains(word))
}

/// A paragraph in lines of at most 76 characters; a longer word, such as a link, stays whole.
fn folded(paragraph: &str) -> String {
    let mut lines: Vec<String> = vec![];
    for word in paragraph.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < LINE_MOST => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

/// What a notice to staff asks for. What it is about stands behind the sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// To take something on.
    TakeItOn,
    /// To finish what one took on.
    FinishIt,
    /// To see who has what was not done in time.
    NotDoneInTime,
    /// To find somebody: nobody who may act is here.
    NobodyHere,
    /// To find somebody: whoever took it on has not finished it, and nobody else who may act is here.
    NobodyElseHere,
}

impl Notice {
    /// Subject, what stands above the link, and below it.
    fn words(self) -> [&'static str; 3] {
        match self {
            Notice::TakeItOn => [
                "Something waits for you in Attune",
                "Something waits for you in Attune. Please look now:",
                "You get this mail because it is yours to look at. If nobody takes it on in time, the next person is told.",
            ],
            Notice::FinishIt => [
                "Something of yours in Attune is not finished",
                "Something that you took on in Attune is not finished. Please finish it:",
                "You get this mail because you have it. If it stays open, others are told too.",
            ],
            Notice::NotDoneInTime => [
                "Something in Attune was not done in time",
                "Something that waits in Attune was not done in time. Please see who has it:",
                "You get this mail because it belongs to a clinic that you work in.",
            ],
            Notice::NobodyHere => [
                "Something waits in Attune and nobody is here",
                "Something waits in Attune, and nobody who may act on it is here. Please find a licensed colleague now, and ask them to look:",
                "You get this mail because your site named you as its duty contact. It comes again until somebody takes this on.",
            ],
            Notice::NobodyElseHere => [
                "Something in Attune was not done in time",
                "Something that somebody took on in Attune was not done in time, and nobody else who may act on it is here. Please find a licensed colleague now, and ask them to look:",
                "You get this mail because your site named you as its duty contact. It comes again each day until this is done.",
            ],
        }
    }
}

/// Tells a member of staff, or the duty contact, that something waits.
pub fn notice(message_id: String, to: String, notice: Notice, link: &str) -> Mail {
    let [subject, before, after] = notice.words();
    pointer(message_id, to, subject, before, link, after)
}

/// Tells a clinician how many things wait that are not urgent.
pub fn digest(message_id: String, to: String, waiting: usize, link: &str) -> Mail {
    let (subject, before) = match waiting {
        1 => (
            "1 thing waits for you in Attune".to_owned(),
            "1 thing waits for you in Attune:".to_owned(),
        ),
        n => (
            format!("{n} things wait for you in Attune"),
            format!("{n} things wait for you in Attune:"),
        ),
    };
    let after = "You get this mail at most once a working day, and only while something waits. You can switch it off on the page My leave. What is urgent has its own mail, which comes at once.";
    pointer(message_id, to, &subject, &before, link, after)
}

fn pointer(
    message_id: String,
    to: String,
    subject: &str,
    before: &str,
    link: &str,
    after: &str,
) -> Mail {
    let text = ["Hello,", before, link, after].map(folded).join("\n\n") + "\n";
    let html = NoticeHtml {
        subject,
        before,
        link,
        after,
    };
    put_together(message_id, to, subject.to_owned(), text, &html)
}

/// The one-time link with which a member of staff chooses a password.
pub fn staff_setup(message_id: String, to: String, link: &str) -> Mail {
    let subject = "Set up your account";
    let (text, html) = (
        StaffSetupText {
            link,
            hours: SETUP_HOURS,
        },
        StaffSetupHtml {
            subject,
            link,
            hours: SETUP_HOURS,
        },
    );
    put_together(message_id, to, subject.to_owned(), written(&text), &html)
}

fn put_together(
    message_id: String,
    to: String,
    subject: String,
    text: String,
    html: &impl Template,
) -> Mail {
    Mail {
        message_id,
        in_reply_to: None,
        from_name: None,
        to: one_line(&to, 320),
        subject,
        text,
        html: written(html),
        return_path: None,
        stop: None,
    }
}

/// A template over plain strings has nothing to fail on.
fn written(part: &impl Template) -> String {
    part.render()
        .expect("a template over plain strings is rendered")
}

/// The first word alone, letters and what names are joined with: no line break, no mark-up, no second header.
fn first_word(name: &str) -> String {
    let word = name.split_whitespace().next().unwrap_or_default();
    word.chars()
        .filter(|c| c.is_alphabetic() || matches!(c, '-' | '\'' | '’' | '.'))
        .take(NAME_MOST)
        .collect()
}

/// A clinic's name on one line; "your clinic" in the mail's language when the name itself would tell what the care is about, or is empty.
pub(crate) fn quiet_name(clinic: &str, words: &Words) -> String {
    let name = one_line(clinic, CLINIC_MOST);
    if telling_word(&name).is_some() || name.is_empty() {
        words.mail.your_clinic.to_owned()
    } else {
        name
    }
}

/// One line of visible characters, without what could begin a tag, a header or a link.
fn one_line(text: &str, most: usize) -> String {
    let visible = |c: char| {
        if c.is_control() || c.is_whitespace() || is_invisible(c) || "<>\"\\".contains(c) {
            ' '
        } else {
            c
        }
    };
    let spaced: String = text.chars().map(visible).collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    words.join(" ").chars().take(most).collect()
}

/// Characters that turn the direction of a line or hide in it.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn sentence_start(words: &str) -> String {
    let mut letters = words.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::language::Language;
    use crate::patient_words::help::Help;
    use crate::patient_words::words;
    use chrono::NaiveDate;

    const LINK: &str = "https://forms.example.org/s/0123456789abcdefghijABCDEFGHIJ0123456789abc";

    fn id() -> String {
        "<1@forms.example.org>".into()
    }

    fn invite(language: Language, first_name: &str, clinic: &str) -> Mail {
        let until = NaiveDate::from_ymd_opt(2026, 3, 3)
            .and_then(|day| day.and_hms_opt(16, 0, 0))
            .unwrap();
        let help = Help::default();
        let invitation = Invitation {
            words: words(language),
            help: help.said(language),
            asking: Asking::Invitation,
            begun: Begun::NotYet,
            first_name,
            clinic,
            link: LINK,
            until,
            finish_within_h: 48,
            reading: None,
            sender_name: None,
            in_reply_to: None,
        };
        super::invitation(id(), "pat@example.org".into(), &invitation)
    }

    fn every_mail(first_name: &str, clinic: &str) -> [Mail; 10] {
        let staff = |words| notice(id(), "staff@example.org".into(), words, LINK);
        [
            invite(Language::English, first_name, clinic),
            invite(Language::Spanish, first_name, clinic),
            staff(Notice::TakeItOn),
            staff(Notice::FinishIt),
            staff(Notice::NotDoneInTime),
            staff(Notice::NobodyElseHere),
            staff(Notice::NobodyHere),
            digest(id(), "staff@example.org".into(), 1, LINK),
            digest(id(), "staff@example.org".into(), 12, LINK),
            staff_setup(id(), "staff@example.org".into(), LINK),
        ]
    }

    #[test]
    fn no_mail_holds_a_word_that_tells_what_the_care_is_about() {
        for clinic in [
            "Riverside",
            "Riverside Depression and Anxiety Center",
            "Mental Health West",
            "Centro de Ansiedad y Duelo",
            "Clínica Psicológica del Sur",
        ] {
            for mail in every_mail("Ana", clinic) {
                for part in [&mail.subject, &mail.text, &mail.html] {
                    let lower = part.to_lowercase();
                    let told: Vec<_> = TELLING
                        .iter()
                        .filter(|word| lower.contains(**word))
                        .collect();
                    assert!(told.is_empty(), "{told:?} in {part}");
                }
            }
        }
    }

    #[test]
    fn nothing_a_person_wrote_can_add_a_header_a_line_or_a_tag() {
        let bad = "Eve\r\nBcc: all@example.org\u{2028}<script>x</script>\u{202e}";
        for mail in every_mail(bad, bad) {
            assert!(
                !mail
                    .subject
                    .contains(['\r', '\n', '\u{2028}', '<', '\u{202e}']),
                "{:?}",
                mail.subject
            );
            assert!(!mail.to.contains(['\r', '\n']));
            assert!(
                !mail.html.contains("<script") && !mail.text.contains("<script"),
                "{}",
                mail.html
            );
            assert!(
                !mail.text.lines().any(|line| line.starts_with("Bcc:")),
                "{}",
                mail.text
            );
        }
        let mail = staff_setup(id(), "a@example.org\r\nBcc: b@example.org".into(), LINK);
        assert!(!mail.to.contains(['\r', '\n']));
    }

    #[test]
    fn at_most_the_first_name_reaches_a_mail() {
        let mail = invite(Language::English, "Ana Lucía Okonkwo", "Riverside");
        assert!(mail.text.starts_with("Hello Ana,"));
        for part in [&mail.subject, &mail.text, &mail.html] {
            assert!(!part.contains("Okonkwo") && !part.contains("Lucía"));
        }
        assert!(
            invite(Language::English, "", "Riverside")
                .text
                .starts_with("Hello,")
        );
    }

    #[test]
    fn the_one_link_stands_alone_on_its_line() {
        for mail in every_mail("Ana", "Riverside") {
            let links: Vec<&str> = mail
                .text
                .lines()
                .filter(|line| line.contains("://"))
                .collect();
            assert_eq!(links, [LINK]);
            assert_eq!(mail.html.matches("href=").count(), 1);
            for tracker in ["<img", "src=", "@import", "url("] {
                assert!(!mail.html.contains(tracker), "{tracker}");
            }
        }
    }

    #[test]
    fn an_invitation_says_until_when_it_works_where_help_is_and_what_to_do_when_it_is_not_yours() {
        let said = [
            (
                Language::English,
                "A form from Riverside",
                [
                    "until Tuesday 3 March at 4:00 pm. Once you have begun you have 48 hours",
                    "call or text 988",
                    "call 911",
                    "This is not for me",
                ],
            ),
            (
                Language::Spanish,
                "Un formulario de Riverside",
                [
                    "hasta el martes 3 de marzo a las 4:00\u{a0}p.\u{a0}m. Desde que empiece tiene 48 horas",
                    "al 988 y oprima 2, o envíe la palabra AYUDA",
                    "al 911",
                    "Esto no es para mí",
                ],
            ),
        ];
        for (language, subject, said) in said {
            let mail = invite(language, "Ana", "Riverside");
            assert_eq!(mail.subject, subject);
            let one_line = mail.text.replace('\n', " ");
            for words in said {
                assert!(
                    one_line.contains(words) && mail.html.contains(words),
                    "{words}: {one_line}"
                );
            }
        }
    }

    #[test]
    fn no_line_of_a_text_is_too_long_but_the_links() {
        for mail in every_mail("Ana", "Riverside") {
            let long = mail.text.lines().filter(|line| line.chars().count() > 90);
            assert!(long.into_iter().all(|line| line == LINK), "{}", mail.text);
        }
    }

    #[test]
    fn a_clinic_whose_name_would_tell_is_called_ours_in_the_mails_language() {
        let mail = invite(Language::Spanish, "Ana", "Clínica de Salud Mental");
        assert_eq!(mail.subject, "Un formulario de su clínica");
        assert!(mail.text.starts_with("Hola, Ana:\n\nSu clínica le pide"));
    }
}
