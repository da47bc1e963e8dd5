//! Between queueing and sending the world goes on: what nobody wants any more is withdrawn at the instant of sending.

use chrono::TimeDelta;

use crate::house::{House, monday};
use crate::mail::{due, send, send_notices};
use crate::patient::{get, post};
use crate::support::smtp::SmtpSink;

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
            post(
                &mut supervisor,
                &format!("/flags/{flag}/close"),
                &[("assessment", "Spoke; safe.")],
            );
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
