//! Between queueing and sending the world goes on: what nobody wants any more is withdrawn at the instant of sending.

use attune::app::begin;
use attune::app::expire_due::expire_due;
use chrono::TimeDelta;

use crate::house::{House, instant, monday};
use crate::mail::{due, send, send_notices, tells_nothing};
use crate::patient::{CALM, get, post, submit};
use crate::support::http::path_of;
use crate::support::smtp::{Behaviour, SmtpSink};

/// An invitation waits; then this happens; then nothing leaves.
fn is_withdrawn_after(what: &str, tasks: &[&str], happens: impl FnOnce(&House)) {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    due(&house, "P1");
    happens(&house);
    send(&house, &sink);
    assert_eq!((sink.attempts(), sink.mails().len()), (0, 0), "{what}");
    assert_eq!(
        house.texts("SELECT state AS value FROM outbox"),
        ["withdrawn"],
        "{what}"
    );
    assert_eq!(
        house.texts("SELECT kind AS value FROM task"),
        tasks,
        "{what}"
    );
}

#[test]
fn an_invitation_is_withdrawn_when_its_occasion_is_over() {
    is_withdrawn_after("cancelled", &[], |house| {
        house.run_sql("UPDATE administration SET state = 'cancelled', ended_at = due_at");
    });
    is_withdrawn_after("declined", &[], |house| {
        house.run_sql("UPDATE administration SET state = 'declined', ended_at = due_at");
    });
    is_withdrawn_after("completed", &[], |house| {
        house.run_sql("UPDATE administration SET state = 'completed', ended_at = due_at");
    });
    is_withdrawn_after("expired", &["not_sent"], |house| {
        house.app.clock.set(monday() + TimeDelta::days(8))
    });
}

#[test]
fn an_invitation_is_withdrawn_when_its_link_or_its_episode_is() {
    is_withdrawn_after("link revoked", &[], |house| {
        house.run_sql("UPDATE link SET revoked_at = created_at");
    });
    is_withdrawn_after("episode ended", &[], |house| {
        house.run_sql("UPDATE episode SET ended_on = started_on, ending = 'planned'");
    });
}

#[test]
fn an_invitation_is_withdrawn_when_the_address_was_refused_or_taken_away() {
    is_withdrawn_after("refused", &[], |house| {
        house.run_sql("UPDATE patient SET email_refused_at = created_at");
    });
    is_withdrawn_after("taken away", &[], |house| {
        house.run_sql("UPDATE patient SET email = NULL");
    });
}

#[test]
fn an_invitation_goes_to_the_address_of_the_moment_it_leaves() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    due(&house, "P1");
    house.run_sql("UPDATE patient SET email = 'new@patients.example.org'");
    send(&house, &sink);
    assert_eq!(sink.mails()[0].to, ["new@patients.example.org"]);
}

#[test]
fn a_notice_about_a_closed_flag_is_withdrawn_and_one_about_an_acknowledged_flag_is_not() {
    for (acts, sent) in [(1, 1), (2, 0)] {
        let (house, sink) = (House::at(monday()), SmtpSink::start());
        let link = house.phq9("P1");
        post(
            &mut house.client(),
            &format!("{link}/q/9"),
            &[("answer", "1")],
        );
        let flag = house.flag();
        let mut supervisor = house.signed_in(&house.people.supervisor);
        post(&mut supervisor, &format!("/flags/{flag}/acknowledge"), &[]);
        if acts == 2 {
            crate::support::assessment::close(&mut supervisor, flag);
        }
        send_notices(&house, &sink);
        assert_eq!(sink.mails().len(), sent, "{acts} acts");
    }
}

#[test]
fn the_link_of_a_withdrawn_invitation_is_closed_calmly() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    due(&house, "P1");
    send(&house, &sink);
    let link = sink.mails()[0].links()[0].clone();
    house.run_sql("UPDATE administration SET state = 'cancelled', ended_at = due_at");
    let page = get(&mut house.client(), crate::support::http::path_of(&link));
    assert_eq!(page.status, 410);
    assert!(page.text().contains("988"));
}

/// 9:00 in Chicago on that day of March, before the clocks change.
fn nine(day: u32) -> chrono::NaiveDateTime {
    instant(&format!("2026-03-{day:02} 15:00:00"))
}

fn send_at(house: &House, sink: &SmtpSink, at: chrono::NaiveDateTime) -> usize {
    house.app.clock.set(at);
    send(house, sink);
    sink.mails().len()
}

#[test]
fn two_reminders_follow_on_the_same_link_under_the_same_thread_and_no_third() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    due(&house, "P1");
    send(&house, &sink);
    let before = nine(4) - TimeDelta::seconds(1);
    assert_eq!(send_at(&house, &sink, before), 1);
    assert_eq!(send_at(&house, &sink, nine(4)), 2);
    assert_eq!(send_at(&house, &sink, nine(6)), 3);
    for day in 7..=8 {
        assert_eq!(send_at(&house, &sink, nine(day)), 3);
    }
    let mails = sink.mails();
    let first = mails[0].header("message-id");
    for reminder in &mails[1..] {
        assert_eq!(reminder.links(), mails[0].links());
        assert_eq!(reminder.header("in-reply-to"), first);
        assert_eq!(reminder.header("references"), first);
        assert_eq!(reminder.header("subject"), mails[0].header("subject"));
        assert_ne!(reminder.header("message-id"), first);
        assert!(
            reminder
                .text()
                .expect("plain text")
                .contains("is still open")
        );
        tells_nothing(reminder);
    }
    house.verified();
}

#[test]
fn no_reminder_leaves_once_the_form_is_handed_in_declined_or_over() {
    for (what, link_ends) in [
        ("completed", 0),
        ("declined", 1),
        ("cancelled", 2),
        ("stopped", 3),
    ] {
        let (house, sink) = (House::at(monday()), SmtpSink::start());
        due(&house, "P1");
        send(&house, &sink);
        let link = path_of(&sink.mails()[0].links()[0]).to_owned();
        match link_ends {
            0 => assert_eq!(submit(&mut house.client(), &link, &CALM).status, 303),
            1 => {
                post(&mut house.client(), &format!("{link}/not-for-me"), &[]);
            }
            2 => {
                house.run_sql("UPDATE administration SET state = 'cancelled', ended_at = due_at");
            }
            _ => {
                let patient = house.ids("patient").remove(0);
                let mut therapist = house.signed_in(&house.people.therapist);
                let fields = [
                    ("channel", "mail"),
                    ("email", "p1@patients.example.org"),
                    ("no_reminders", "yes"),
                ];
                let answer = post(
                    &mut therapist,
                    &format!("/patients/{patient}/contact"),
                    &fields,
                );
                assert_eq!(answer.status, 303);
            }
        }
        for day in [4, 6] {
            assert_eq!(send_at(&house, &sink, nine(day)), 1, "{what}");
        }
    }
}

#[test]
fn whoever_has_begun_is_reminded_once_that_their_answers_are_kept() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    due(&house, "P1");
    send(&house, &sink);
    let link = path_of(&sink.mails()[0].links()[0]).to_owned();
    house.app.clock.set(nine(3));
    post(
        &mut house.client(),
        &format!("{link}/q/1"),
        &[("answer", "0")],
    );
    assert_eq!(send_at(&house, &sink, nine(4)), 2);
    let text = sink.mails()[1]
        .text()
        .expect("plain text")
        .replace('\n', " ");
    assert!(
        text.contains("You have begun it. What you answered is kept"),
        "{text}"
    );
    assert_eq!(send_at(&house, &sink, nine(6)), 2);
}

#[test]
fn the_language_on_record_at_the_instant_of_sending_is_the_mails_and_the_pages() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    due(&house, "P1");
    house.run_sql("UPDATE patient SET language = 'es'");
    send(&house, &sink);
    let mail = sink.mails().remove(0);
    assert!(
        mail.text()
            .expect("plain text")
            .starts_with("Hola, Zephyrine:")
    );
    let page = get(&mut house.client(), path_of(&mail.links()[0])).text();
    assert!(page.contains("<html lang=\"es\""), "{page}");
}

#[test]
fn a_reminder_that_the_relay_does_not_take_at_once_is_tried_again() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    due(&house, "P1");
    send(&house, &sink);
    sink.always(Behaviour::RefuseForNow);
    assert_eq!(send_at(&house, &sink, nine(4)), 1);
    let waiting = "outbox WHERE kind = 'reminder' AND state = 'queued'";
    assert_eq!((house.number(waiting), house.number("task")), (1, 0));
    sink.always(Behaviour::Accept);
    assert_eq!(
        send_at(&house, &sink, nine(4) + TimeDelta::minutes(2)),
        2,
        "two days after it was written down, and a minute after its first attempt"
    );
    assert_eq!(
        send_at(&house, &sink, nine(6)),
        3,
        "and the next one follows"
    );
}

#[test]
fn a_form_that_ends_before_its_invitation_ever_left_is_a_persons_task() {
    for (paused, tasks) in [(false, vec!["not_sent"]), (true, vec![])] {
        let house = House::at(monday());
        due(&house, "P1");
        if paused {
            house.run_sql("UPDATE outbox SET last_error = 'sending is paused: moving house'");
        }
        house.app.clock.set(monday() + TimeDelta::days(8));
        // No relay: nobody claims it.
        assert_eq!(expire_due(&house.app).expect("the database works"), 1);
        assert_eq!(expire_due(&house.app).expect("the database works"), 0);
        assert_eq!(
            house.texts("SELECT state AS value FROM administration"),
            ["expired"]
        );
        assert_eq!(
            house.texts("SELECT state AS value FROM outbox"),
            ["withdrawn"]
        );
        let told = house.texts("SELECT kind AS value FROM task");
        assert_eq!(told, tasks, "paused: {paused}");
        house.verified();
    }
}

#[test]
fn whoever_presses_start_in_the_last_second_keeps_the_form() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    due(&house, "P1");
    send(&house, &sink);
    let link = path_of(&sink.mails()[0].links()[0]).to_owned();
    // A week after 9:00 in Chicago.
    let end = instant("2026-03-09 15:00:00");
    house.app.clock.set(end - TimeDelta::seconds(1));
    let mut patient = house.client();
    crate::patient::start(&mut patient, &link, "list");
    house.app.clock.set(end + TimeDelta::seconds(2));
    assert_eq!(expire_due(&house.app).expect("the database works"), 0);
    begin::write_down(&house.app, end + TimeDelta::seconds(2));
    assert_eq!(expire_due(&house.app).expect("the database works"), 0);
    assert_eq!(submit(&mut patient, &link, &CALM).status, 303);
    assert_eq!(house.counts(["scores"]), [1]);
}
