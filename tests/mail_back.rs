//! What comes back: notices that a mail could not be passed on, and the one click that stops reminders.

use attune::app::plan_due::plan_due;
use attune::app::take_bounce::{Done, Refusal, take_bounce};
use attune::app::{Failure, send_due::send_due};
use attune::config::{Security, Smtp};
use attune::domain::ids::PatientId;
use attune::mail::envelope::ReturnAddress;
use attune::mail::{Mailer, SmtpMailer, bounce};
use attune::store::contact::{self, ContactRow};
use attune::store::outbox::Lane;
use attune::store::{Fault, Tx};
use std::sync::Arc;

use crate::house::{House, address_of, monday};
use crate::mail::{HURRY, due};
use crate::patient::{get, post};
use crate::support::gateway::TextSink;
use crate::support::http::path_of;
use crate::support::smtp::{Mail, SmtpSink};

/// An invitation has left, with an envelope sender of its own.
fn sent(house: &House, id: &str) -> Mail {
    let sink = SmtpSink::start();
    due(house, id);
    let relay = Smtp {
        host: "127.0.0.1".into(),
        port: sink.address().port(),
        security: Security::Loopback,
        credentials: None,
    };
    let mailer = SmtpMailer::new(&relay, "Harbor Care <forms@example.org>")
        .expect("the sender is good")
        .with_patience(HURRY)
        .with_bounces(ReturnAddress::parse("bounces@example.org"));
    let mailer = Mailer::Smtp(Arc::new(mailer));
    send_due(&house.app, &mailer, Lane::Mails).expect("the database works");
    sink.mails().remove(0)
}

/// What another server says about a mail it could not pass on.
pub fn notice(to: &str, about: &Mail, status: &str) -> String {
    format!(
        "Return-Path: <>\r\nDelivered-To: {to}\r\nFrom: MAILER-DAEMON@mx.example.com\r\nTo: {to}\r\nSubject: Undelivered Mail Returned to Sender\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"xx\"\r\n\r\n\
         --xx\r\nContent-Type: text/plain\r\n\r\nI am sorry.\r\n\r\n--xx\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.example.com\r\n\r\nFinal-Recipient: rfc822; {}\r\n{status}\r\n\r\n--xx\r\nContent-Type: message/rfc822\r\n\r\n{}\r\n--xx--\r\n",
        about.to[0], about.raw
    )
}

const GONE: &str =
    "Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user";

fn take(house: &House, notice: &str) -> Result<Done, Failure<Refusal>> {
    let notice = bounce::read(notice.as_bytes()).expect("it is a notice");
    take_bounce(&house.app, notice, None)
}

fn states(house: &House) -> Vec<String> {
    house.texts("SELECT state AS value FROM outbox WHERE kind = 'invitation'")
}

#[test]
fn a_mail_that_comes_back_closes_its_link_and_its_address_and_tells_a_person() {
    let house = House::at(monday());
    let mail = sent(&house, "P1");
    assert!(
        mail.from.starts_with("bounces+") && mail.from.ends_with("@example.org"),
        "{}",
        mail.from
    );
    let notice = notice(&mail.from, &mail, GONE);
    assert!(matches!(take(&house, &notice), Ok(Done::Bounced(_))));
    assert_eq!(states(&house), ["bounced"]);
    assert_eq!(
        house.number("patient WHERE email_refused_at IS NOT NULL"),
        1
    );
    assert_eq!(house.number("link WHERE revoked_at IS NULL"), 0);
    assert_eq!(
        house.texts("SELECT kind AS value FROM task"),
        ["mail_refused"]
    );
    assert_eq!(
        house.texts("SELECT outcome AS value FROM send_attempt ORDER BY outcome"),
        ["accepted", "bounced"]
    );
    let kept = house
        .texts("SELECT detail AS value FROM send_attempt")
        .join(" ");
    assert!(
        !kept.contains('@') && !kept.contains(&address_of("P1")),
        "{kept}"
    );
    let page = get(&mut house.client(), path_of(&mail.links()[0]));
    assert_eq!(page.status, 410);

    assert!(
        matches!(take(&house, &notice), Ok(Done::Before(_))),
        "a second notice changes nothing"
    );
    assert_eq!((house.number("task"), house.number("send_attempt")), (1, 2));
    house.verified();
}

#[test]
fn a_mail_that_comes_back_for_our_sake_silences_nobody_and_tells_a_person() {
    let house = House::at(monday());
    let mail = sent(&house, "P1");
    let filtered = "Action: failed\r\nStatus: 5.7.1\r\nDiagnostic-Code: smtp; 550 5.7.1 DMARC";
    let notice = notice(&mail.from, &mail, filtered);
    assert!(matches!(take(&house, &notice), Ok(Done::Undelivered(_))));
    assert_eq!(states(&house), ["bounced"]);
    assert_eq!(
        house.number("patient WHERE email_refused_at IS NOT NULL"),
        0
    );
    assert_eq!(house.number("link WHERE revoked_at IS NULL"), 1);
    assert_eq!(
        house.texts("SELECT kind AS value FROM task"),
        ["mail_unsent"]
    );
    let page = get(&mut house.client(), path_of(&mail.links()[0]));
    assert_eq!(page.status, 200);
    assert!(matches!(take(&house, &notice), Ok(Done::Before(_))));
    assert_eq!((house.number("task"), house.number("send_attempt")), (1, 2));
    house.verified();
}

#[test]
fn a_mail_that_comes_back_late_says_nothing_about_the_number_that_is_used_by_now() {
    let house = House::at(monday());
    let mail = sent(&house, "P1");
    let patient: PatientId = house.ids("patient")[0].parse().expect("an id");
    let (org, now) = (house.app.org, house.app.clock.now());
    let by_text = move |tx: &mut Tx| {
        let row = ContactRow {
            channel: "text".into(),
            phone: Some("+15550100123".into()),
            ..ContactRow::unsaid(org, patient, now)
        };
        contact::put(tx, &row)
    };
    let done = house.app.store.write_blocking(by_text);
    done.unwrap_or_else(|fault: Fault| panic!("{fault}"));
    let notice = notice(&mail.from, &mail, GONE);
    assert!(matches!(take(&house, &notice), Ok(Done::Bounced(_))));
    assert_eq!(
        house.number("contact_preference WHERE phone_refused_at IS NOT NULL"),
        0
    );
    assert_eq!(
        house.number("patient WHERE email_refused_at IS NOT NULL"),
        1
    );
}

#[test]
fn a_notice_that_lost_its_address_is_matched_by_the_mail_it_brings_back() {
    let house = House::at(monday());
    let mail = sent(&house, "P1");
    let notice = notice("postmaster@example.org", &mail, GONE);
    assert!(matches!(take(&house, &notice), Ok(Done::Bounced(_))));
    assert_eq!(states(&house), ["bounced"]);
}

#[test]
fn a_made_up_notice_changes_nothing() {
    let house = House::at(monday());
    let mail = sent(&house, "P1");
    let before = house.snapshot();
    let id = &mail.from[8..40];
    let mut about = mail.clone();
    about.raw = about.raw.replace("Message-ID", "X-Message-ID");
    for to in [
        format!("bounces+{id}{}@example.org", "0".repeat(16)),
        "bounces@example.org".to_owned(),
        mail.from.replace(id, &"1".repeat(32)),
    ] {
        let made_up = take(&house, &notice(&to, &about, GONE));
        assert!(
            matches!(made_up, Err(Failure::Refused(Refusal::NotOurs))),
            "{to}"
        );
    }
    assert_eq!(house.snapshot(), before);
}

#[test]
fn a_delay_is_written_down_and_nothing_else() {
    let house = House::at(monday());
    let mail = sent(&house, "P1");
    let late = notice(&mail.from, &mail, "Action: delayed\r\nStatus: 4.4.1");
    assert!(matches!(take(&house, &late), Ok(Done::Noted(_))));
    assert_eq!(states(&house), ["accepted"]);
    assert_eq!((house.number("task"), house.number("send_attempt")), (0, 2));
    assert_eq!(house.number("link WHERE revoked_at IS NULL"), 1);
}

#[test]
fn a_notice_about_an_address_that_the_patient_left_does_not_close_the_new_one() {
    let house = House::at(monday());
    let mail = sent(&house, "P1");
    house.run_sql("UPDATE patient SET email = 'new@patients.example.org'");
    let notice = notice(&mail.from, &mail, GONE);
    assert!(matches!(
        take(&house, &notice),
        Ok(Done::BouncedElsewhere(_))
    ));
    assert_eq!(states(&house), ["bounced"]);
    assert_eq!(
        house.number("patient WHERE email_refused_at IS NOT NULL"),
        0
    );
    assert_eq!(
        house.texts("SELECT kind AS value FROM task"),
        ["mail_unsent"]
    );
}

/// The path in a mail's List-Unsubscribe.
fn stop_path(mail: &Mail) -> String {
    let header = mail.header("list-unsubscribe").expect("it is offered");
    path_of(header.trim_matches(['<', '>'])).to_owned()
}

#[test]
fn one_click_stops_reminders_and_nothing_else_and_looking_changes_nothing() {
    let house = House::at(monday());
    let mail = sent(&house, "P1");
    assert_eq!(
        mail.header("list-unsubscribe-post").as_deref(),
        Some("List-Unsubscribe=One-Click")
    );
    let path = stop_path(&mail);
    let before = house.snapshot();
    for _ in 0..30 {
        let page = get(&mut house.client(), &path);
        assert_eq!(page.status, 200);
        assert!(page.text().contains("Stop reminders") && page.text().contains("988"));
    }
    assert_eq!(house.snapshot(), before, "thirty looks change nothing");

    for _ in 0..2 {
        let page = post(
            &mut house.client(),
            &path,
            &[("List-Unsubscribe", "One-Click")],
        );
        assert_eq!(page.status, 200);
        assert!(
            page.text().contains("Reminders are stopped"),
            "{}",
            page.text()
        );
    }
    assert_eq!(
        house.number("contact_preference WHERE reminders_stopped_at IS NOT NULL"),
        1
    );
    assert_eq!(
        house.texts("SELECT kind AS value FROM task"),
        ["reminders_stopped"]
    );
    assert_eq!(
        house.number("link WHERE revoked_at IS NULL"),
        1,
        "the form stays open"
    );
    assert!(
        get(&mut house.client(), &path)
            .text()
            .contains("Reminders are stopped")
    );
    let spanish = get(&mut house.client(), &format!("{path}?lang=es")).text();
    assert!(
        spanish.contains("Ya no recibirá recordatorios"),
        "{spanish}"
    );
    house.verified();
}

#[test]
fn an_address_that_stops_reminders_cannot_be_made_up() {
    let house = House::at(monday());
    let path = stop_path(&sent(&house, "P1"));
    let before = house.snapshot();
    let (last, rest) = (path.len() - 1, &path[..path.len() - 1]);
    let other = if &path[last..] == "A" { "E" } else { "A" };
    for wrong in [
        format!("{rest}{other}x"),
        rest.to_owned(),
        "/stop/x".to_owned(),
    ] {
        assert_eq!(
            post(&mut house.client(), &wrong, &[]).status,
            404,
            "{wrong}"
        );
    }
    assert_eq!(house.snapshot(), before);
}

#[test]
fn a_form_that_was_begun_keeps_its_link_when_a_mail_about_it_comes_back() {
    let house = House::at(monday());
    let mail = sent(&house, "P1");
    let link = path_of(&mail.links()[0]).to_owned();
    let mut patient = house.client();
    post(&mut patient, &format!("{link}/q/1"), &[("answer", "2")]);
    let notice = notice(&mail.from, &mail, GONE);
    assert!(matches!(take(&house, &notice), Ok(Done::Bounced(_))));
    assert_eq!(
        crate::patient::submit(&mut patient, &link, &crate::patient::CALM).status,
        303
    );
    assert_eq!(house.counts(["scores"]), [1]);
}

#[test]
fn a_mail_that_comes_back_after_the_patient_was_asked_by_text_closes_no_link_of_the_text() {
    let house = House::at(monday());
    let mail = sent(&house, "P1");
    let mut therapist = house.signed_in(&house.people.therapist);
    house
        .app
        .clock
        .set(monday() + chrono::TimeDelta::minutes(5));
    let by_text = [("channel", "text"), ("phone", "+1 555 010 0123")];
    assert_eq!(crate::contact::set(&house, &mut therapist, &by_text), 303);
    assert_eq!(house.number("link WHERE revoked_at IS NULL"), 1);
    let notice = notice(&mail.from, &mail, GONE);
    let taken = take(&house, &notice);
    assert!(matches!(taken, Ok(Done::BouncedElsewhere(_))), "{taken:?}");
    assert_eq!(house.number("link WHERE revoked_at IS NULL"), 1);
    assert_eq!(
        house.texts("SELECT kind AS value FROM task"),
        ["mail_unsent"]
    );
}

#[test]
fn a_mail_that_comes_back_days_later_closes_no_link_that_went_out_by_text_since() {
    let (house, texts) = (House::at(monday()), TextSink::start());
    let mail = sent(&house, "P1");
    let days = |days| monday() + chrono::TimeDelta::days(days);
    // The form is over before the patient is reached by text, so it is not asked again; the next one is texted.
    house.app.clock.set(days(6));
    house.run_sql("UPDATE administration SET expires_at = '2026-03-03 16:00:00'");
    let mut therapist = house.signed_in(&house.people.therapist);
    let by_text = [("channel", "text"), ("phone", "+1 555 010 0123")];
    assert_eq!(crate::contact::set(&house, &mut therapist, &by_text), 303);
    house.app.clock.set(days(7));
    assert_eq!(plan_due(&house.app).expect("the database works"), 1);
    let texted = crate::texts::turn(&house, &texts);
    assert_eq!(texted.len(), 1);
    assert_eq!(house.number("link WHERE revoked_at IS NULL"), 1);
    let notice = notice(&mail.from, &mail, GONE);
    assert!(matches!(take(&house, &notice), Ok(Done::Bounced(_))));
    assert_eq!(
        house.number("patient WHERE email_refused_at IS NOT NULL"),
        1
    );
    assert_eq!(house.number("link WHERE revoked_at IS NULL"), 1);
}
