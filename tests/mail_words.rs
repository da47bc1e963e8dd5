//! Every mail to a patient, in both languages, as a stranger's mail program opens it: one clean message that tells nobody what the care is about, whatever
//! the patient is called.

use chrono::TimeDelta;
use mail_parser::MessageParser;

use crate::house::{House, address_of, instant, monday};
use crate::mail::{due, send, tells_nothing};
use crate::patient::post;
use crate::support::http::path_of;
use crate::support::smtp::{Mail, SmtpSink};

/// The mail as another program reads it: one sender, one recipient, a subject on one line, text and HTML that say the same to a person.
fn opens_cleanly(mail: &Mail) {
    let parsed = MessageParser::default()
        .parse(mail.raw.as_bytes())
        .expect("a mail program can open it");
    let to = parsed.to().expect("a recipient");
    let addresses: Vec<_> = to.iter().filter_map(|one| one.address()).collect();
    assert_eq!(addresses, [address_of("P1")]);
    assert!(
        parsed.bcc().is_none() && parsed.cc().is_none(),
        "{}",
        mail.raw
    );
    let from = parsed.from().and_then(|from| from.first());
    assert_eq!(
        from.and_then(|from| from.address()),
        Some("forms@example.org")
    );
    let subject = parsed.subject().expect("a subject");
    assert!(
        !subject.contains(['\r', '\n', '<', '\u{202e}']),
        "{subject:?}"
    );
    assert!(parsed.date().is_some() && parsed.message_id().is_some());
    assert_eq!((parsed.text_body_count(), parsed.html_body_count()), (1, 1));
    assert_eq!(parsed.attachment_count(), 0);
    let (text, html) = (parsed.body_text(0), parsed.body_html(0));
    let (text, html) = (text.expect("plain text"), html.expect("HTML"));
    for part in [&text, &html] {
        assert!(part.contains("988") && part.contains("911"), "{part}");
        assert!(part.contains(&mail.links()[0]), "{part}");
        assert!(
            !part.contains('\u{202e}') && !part.contains('\u{200f}'),
            "{part}"
        );
    }
    assert!(
        !html.contains("<script") && !html.contains("<img"),
        "{html}"
    );
    assert_eq!(html.matches("href=").count(), 1, "{html}");
    assert!(!text.lines().any(|line| line.starts_with("Bcc:")), "{text}");
    let first_line = text.lines().next().unwrap_or_default();
    assert!(first_line.chars().count() < 60, "{first_line}");
    tells_nothing(mail);
}

/// Invitation, reminder, reminder to somebody who has begun, and each outside the reading hours.
fn every_mail(language: &str, name: &str) -> Vec<Mail> {
    let mut mails = vec![];
    for (evening, begins) in [(false, false), (true, false), (false, true), (true, true)] {
        let (house, sink) = (House::at(monday()), SmtpSink::start());
        due(&house, "P1");
        let name = name.replace('\'', "''");
        house.run_sql(&format!(
            "UPDATE patient SET name = '{name}', language = '{language}'"
        ));
        let later = TimeDelta::hours(if evening { 10 } else { 0 });
        house.app.clock.set(monday() + later);
        send(&house, &sink);
        if begins {
            let link = path_of(&sink.mails()[0].links()[0]).to_owned();
            post(
                &mut house.client(),
                &format!("{link}/q/1"),
                &[("answer", "0")],
            );
        }
        let wednesday = instant("2026-03-04 16:00:00") + later;
        house
            .app
            .clock
            .set(wednesday.min(monday() + TimeDelta::hours(47)));
        house.run_sql("UPDATE outbox SET not_before = created_at WHERE kind = 'reminder'");
        send(&house, &sink);
        assert_eq!(sink.mails().len(), 2, "{language} {evening} {begins}");
        mails.extend(sink.mails());
    }
    mails
}

#[test]
fn every_mail_in_both_languages_is_one_clean_message_that_tells_nothing() {
    for (language, hello, said) in [
        (
            "en",
            "Hello Zephyrine,",
            [
                "is still open",
                "What you answered is kept",
                "Nobody reads answers before",
            ],
        ),
        (
            "es",
            "Hola, Zephyrine:",
            [
                "sigue abierto",
                "Lo que contestó está guardado",
                "Nadie lee las respuestas antes del",
            ],
        ),
    ] {
        let mails = every_mail(language, crate::house::PATIENT_NAME);
        for mail in &mails {
            opens_cleanly(mail);
            assert!(mail.text().expect("plain text").starts_with(hello));
        }
        for words in said {
            let saying = mails.iter().filter(|mail| {
                let text = mail.text().expect("plain text");
                text.split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ")
                    .contains(words)
            });
            assert!(saying.count() >= 2, "{words}");
        }
    }
}

#[test]
fn no_name_of_a_patient_makes_more_of_a_mail_than_a_mail() {
    for name in [
        "Eve\r\nBcc: all@example.org\r\n\r\n<script>x</script>",
        "<b>Eve</b><img src=x>",
        &"🌊".repeat(300),
        "\u{202e}evE\u{200f} Quillfeather",
        "",
    ] {
        for language in ["en", "es"] {
            let (house, sink) = (House::at(monday()), SmtpSink::start());
            due(&house, "P1");
            let quoted = name.replace('\'', "''");
            house.run_sql(&format!(
                "UPDATE patient SET name = '{quoted}', language = '{language}'"
            ));
            send(&house, &sink);
            assert_eq!(sink.mails().len(), 1, "{name:?}");
            opens_cleanly(&sink.mails()[0]);
        }
    }
}
