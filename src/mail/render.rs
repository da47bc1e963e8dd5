//! The words of every mail: plain text first, the same as HTML, no picture, nothing that tells who opened it. Whatever comes from a person is made
//! harmless here. Which mail goes to whom and when is decided in `app`; the conversation with the relay is `smtp`.

use super::Mail;
use crate::app::accounts::SETUP_HOURS;
use askama::Template;

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
];
/// Longest first name that reaches a mail, in characters.
const NAME_MOST: usize = 40;
/// Longest clinic name that reaches a mail, in characters.
const CLINIC_MOST: usize = 80;

#[derive(Template)]
#[template(path = "mail/invitation.txt")]
struct InvitationText<'a> {
    first_name: &'a str,
    clinic: &'a str,
    link: &'a str,
    until: &'a str,
}

#[derive(Template)]
#[template(path = "mail/invitation.html")]
struct InvitationHtml<'a> {
    subject: &'a str,
    first_name: &'a str,
    clinic: &'a str,
    link: &'a str,
    until: &'a str,
}

#[derive(Template)]
#[template(path = "mail/flag_notice.txt")]
struct FlagNoticeText<'a> {
    link: &'a str,
}

#[derive(Template)]
#[template(path = "mail/flag_notice.html")]
struct FlagNoticeHtml<'a> {
    subject: &'a str,
    link: &'a str,
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

/// Asks a patient to answer. `until` is the last day on which the link works, in words; `link` is the whole address.
pub fn invitation(
    message_id: String,
    to: String,
    first_name: &str,
    clinic: &str,
    link: &str,
    until: &str,
) -> Mail {
    let first_name = &first_word(first_name);
    let clinic = &quiet_name(clinic);
    let until = &one_line(until, CLINIC_MOST);
    let subject = format!("A form from {clinic}");
    let text = InvitationText {
        first_name,
        clinic: &sentence_start(clinic),
        link,
        until,
    };
    let html = InvitationHtml {
        subject: &subject,
        first_name,
        clinic: &sentence_start(clinic),
        link,
        until,
    };
    put_together(message_id, to, subject.clone(), &text, &html)
}

/// Tells a clinician that something waits; what it is stands behind the sign-in.
pub fn flag_notice(message_id: String, to: String, link: &str) -> Mail {
    let subject = "Something waits for you in Attune";
    put_together(
        message_id,
        to,
        subject.to_owned(),
        &FlagNoticeText { link },
        &FlagNoticeHtml { subject, link },
    )
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
    put_together(message_id, to, subject.to_owned(), &text, &html)
}

fn put_together(
    message_id: String,
    to: String,
    subject: String,
    text: &impl Template,
    html: &impl Template,
) -> Mail {
    // A template over plain strings has nothing to fail on.
    let written = |part: Result<String, askama::Error>| {
        part.expect("a template over plain strings is rendered")
    };
    Mail {
        message_id,
        to: one_line(&to, 320),
        subject,
        text: written(text.render()),
        html: written(html.render()),
    }
}

/// The first word alone, letters and what names are joined with: no line break, no mark-up, no second header.
fn first_word(name: &str) -> String {
    let word = name.split_whitespace().next().unwrap_or_default();
    word.chars()
        .filter(|c| c.is_alphabetic() || matches!(c, '-' | '\'' | '’' | '.'))
        .take(NAME_MOST)
        .collect()
}

/// A clinic's name on one line; "your clinic" when the name itself would tell what the care is about, or is empty.
fn quiet_name(clinic: &str) -> String {
    let name = one_line(clinic, CLINIC_MOST);
    let lower = name.to_lowercase();
    let tells = TELLING.iter().any(|word| lower.contains(word));
    if tells || name.is_empty() {
        "your clinic".to_owned()
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

    const LINK: &str = "https://forms.example.org/s/0123456789abcdefghijABCDEFGHIJ0123456789abc";

    fn id() -> String {
        "<1@forms.example.org>".into()
    }

    fn every_mail(first_name: &str, clinic: &str) -> [Mail; 3] {
        [
            invitation(
                id(),
                "pat@example.org".into(),
                first_name,
                clinic,
                LINK,
                "Tuesday 3 March",
            ),
            flag_notice(id(), "staff@example.org".into(), LINK),
            staff_setup(id(), "staff@example.org".into(), LINK),
        ]
    }

    #[test]
    fn no_mail_holds_a_word_that_tells_what_the_care_is_about() {
        for clinic in [
            "Riverside",
            "Riverside Depression and Anxiety Center",
            "Mental Health West",
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
        let mail = invitation(
            id(),
            "pat@example.org".into(),
            "Ana Lucía Okonkwo",
            "Riverside",
            LINK,
            "Tuesday 3 March",
        );
        assert!(mail.text.starts_with("Hello Ana,"));
        for part in [&mail.subject, &mail.text, &mail.html] {
            assert!(!part.contains("Okonkwo") && !part.contains("Lucía"));
        }
        assert!(
            invitation(id(), "pat@example.org".into(), "", "Riverside", LINK, "x")
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
        let mail = invitation(
            id(),
            "pat@example.org".into(),
            "Ana",
            "Riverside",
            LINK,
            "Tuesday 3 March",
        );
        assert_eq!(mail.subject, "A form from Riverside");
        for words in [
            "Tuesday 3 March",
            "call or text 988",
            "911",
            "This is not for me",
        ] {
            assert!(
                mail.text.contains(words) && mail.html.contains(words),
                "{words}"
            );
        }
    }
}
