//! Answers in the wrong record: they are kept, count nowhere, raise nothing and close nothing; and the mark can be taken back.

use attune::app::rescore::{Mode, Order, rescore};
use attune::domain::access::Actor;
use chrono::TimeDelta;

use crate::house::{House, monday};
use crate::patient::{CALM, get, post, submit};
use crate::support::http::Client;
use crate::support::page;
use crate::ways::{record, summary};

/// The page about the newest occasion.
pub fn about_newest(house: &House) -> String {
    let id = match house.app.store.place() {
        attune::store::Place::Sqlite(_) => "lower(hex(id))",
        attune::store::Place::Postgres(_) => "encode(id, 'hex')",
    };
    let newest = house.texts(&format!(
        "SELECT {id} AS value FROM administration ORDER BY id DESC LIMIT 1"
    ));
    format!("/occasions/{}/error", newest[0])
}

pub fn mark(staff: &mut Client, path: &str, reason: &str) -> u16 {
    post(staff, path, &[("reason", reason)]).status
}

fn take_back(staff: &mut Client, path: &str) -> u16 {
    post(staff, &format!("{path}/take-back"), &[]).status
}

fn states(house: &House) -> Vec<String> {
    house.texts("SELECT state AS value FROM response ORDER BY id")
}

fn acts(house: &House) -> usize {
    house.number("audit_event WHERE act IN ('answers_in_error', 'answers_count_again')")
}

#[test]
fn what_was_entered_in_error_is_kept_and_counts_nowhere_until_it_is_taken_back() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    submit(&mut house.client(), &house.link(patient, &["phq9"]), &CALM);
    let before = summary(&house);
    house.app.clock.set(monday() + TimeDelta::days(2));
    let mut staff = house.signed_in(&house.people.therapist);
    assert_eq!(
        record(&mut staff, &patient.to_string(), ("3", "0"), &[]).status,
        303
    );
    let with = summary(&house);
    assert!(with.starts_with("2 ") && with.ends_with("13 24"), "{with}");

    let (path, record) = (about_newest(&house), format!("/patients/{patient}"));
    let shown = page::plain_text(&get(&mut staff, &path).text());
    assert!(
        shown.contains("PHQ-9: Total score 24") && shown.contains("Leave these answers out"),
        "{shown}"
    );
    // Whoever looks at them later, too, sees what was answered.
    assert!(
        shown.contains("1. Little interest or pleasure in doing things 3"),
        "{shown}"
    );
    let answers = get(&mut staff, &format!("{record}?open=answers-phq9")).text();
    assert!(answers.contains(&format!("href=\"{path}\"")), "{answers}");

    for (reason, why) in [("  ", "none"), (&"x".repeat(501), "too long")] {
        assert_eq!(mark(&mut staff, &path, reason), 422, "{why}");
    }
    assert_eq!(states(&house), ["completed", "completed"]);
    assert_eq!(mark(&mut staff, &path, "another patient’s paper form"), 303);
    let once = house.snapshot();
    assert_eq!(mark(&mut staff, &path, "another patient’s paper form"), 303);
    assert_eq!(house.snapshot(), once, "a second click");
    assert_eq!(states(&house), ["completed", "entered_in_error"]);
    assert_eq!(summary(&house), before, "as if it had never been");
    house.verified();
    let shown = page::plain_text(&get(&mut staff, &record).text());
    assert!(
        shown.contains("Left out: entered in error")
            && shown.contains("another patient’s paper form")
            && !shown.contains("24 severe"),
        "{shown}"
    );
    assert_eq!(mark(&mut staff, &path, "again"), 422, "it is marked");
    let kept = page::plain_text(&get(&mut staff, &path).text());
    assert!(kept.contains("pleasure in doing things 3"), "{kept}");

    // Whoever scores anew does not bring it back.
    let order = Order {
        instrument: "phq9".into(),
        from: None,
        to: None,
        reason: "A check".into(),
        by: "lee@staff.example.org".into(),
        mode: Mode::Write,
    };
    let operator = Actor::Operator { org: house.app.org };
    let report = rescore(&house.app, &operator, &order, &mut |_| {}, &mut |_| {});
    assert_eq!(report.expect("it runs").summaries, 0);
    assert_eq!(summary(&house), before);

    assert_eq!(take_back(&mut staff, &path), 303);
    assert_eq!((summary(&house), acts(&house)), (with, 2));
    assert_eq!(take_back(&mut staff, &path), 422, "it counts");
    assert_eq!(mark(&mut staff, &path, "after all"), 303);
    assert_eq!(summary(&house), before);
    assert_eq!(house.number("in_error"), 2, "what was said before is kept");
    house.verified();
}

#[test]
fn an_episode_whose_only_answers_were_entered_in_error_has_no_score() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    submit(
        &mut house.client(),
        &house.link(patient, &["phq9", "gad7"]),
        &CALM,
    );
    let mut staff = house.signed_in(&house.people.therapist);
    assert_eq!(
        mark(&mut staff, &about_newest(&house), "not begun"),
        422,
        "something is still open"
    );
    house.app.clock.set(monday() + TimeDelta::minutes(5));
    let gad7 = ["1"; 7];
    let fields = crate::patient::sheet(&gad7);
    let link = house.link(patient, &["gad7"]);
    let mut client = house.client();
    crate::patient::start(&mut client, &link, "list");
    let sent = client.post_form(&format!("{link}/list/1"), &fields);
    assert_eq!(sent.expect("an answer").status, 303);
    assert_eq!(house.number("episode_scale"), 1);
    assert_eq!(mark(&mut staff, &about_newest(&house), "his brother"), 303);
    assert_eq!(house.number("episode_scale"), 0);
    assert!(house.number("score") > 0, "the scores are kept");
    house.verified();
}

#[test]
fn a_flag_stays_where_it_is_when_its_answers_were_entered_in_error() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    let mut staff = house.signed_in(&house.people.therapist);
    record(&mut staff, &patient.to_string(), ("1", "2"), &[]);
    let path = about_newest(&house);
    let shown = get(&mut staff, &path).text();
    assert!(
        shown.contains("A flag that these answers raised waits"),
        "{shown}"
    );
    assert_eq!(mark(&mut staff, &path, "another patient’s"), 303);
    assert_eq!(house.counts(["flags", "flags_waiting"]), [1, 1]);
    let signal = page::plain_text(&get(&mut staff, "/signals").text());
    assert!(
        signal.contains("marked as entered in error since"),
        "{signal}"
    );
    let flag = get(&mut staff, &format!("/flags/{}", house.flag())).text();
    assert!(
        flag.contains("recorded by mistake") && flag.contains("marked as entered in error since"),
        "{flag}"
    );
}

#[test]
fn only_those_who_may_record_a_form_for_the_patient_leave_answers_out() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    submit(&mut house.client(), &house.link(patient, &["phq9"]), &CALM);
    let path = about_newest(&house);
    for person in [&house.people.administrator, &house.people.quality] {
        let mut other = house.signed_in(person);
        assert_eq!(get(&mut other, &path).status, 403);
        assert_eq!(mark(&mut other, &path, "why not"), 403);
        assert_eq!(take_back(&mut other, &path), 403);
    }
    let mut staff = house.signed_in(&house.people.therapist);
    let elsewhere = format!("/occasions/{}/error", "0".repeat(32));
    for path in [elsewhere.as_str(), "/occasions/x/error"] {
        assert_eq!(get(&mut staff, path).status, 404);
        assert_eq!(mark(&mut staff, path, "why not"), 404);
        assert_eq!(take_back(&mut staff, path), 404);
    }
    assert_eq!(
        (states(&house), acts(&house)),
        (vec!["completed".to_owned()], 0)
    );
}

#[test]
fn another_first_score_is_judged_at_once_and_not_with_the_next_form() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    let id = patient.to_string();
    let mut staff = house.signed_in(&house.people.therapist);
    let deteriorated = "signal WHERE kind = 'deteriorated'";
    assert_eq!(record(&mut staff, &id, ("3", "0"), &[]).status, 303);
    let first = about_newest(&house);
    for (day, all) in [(7, "1"), (14, "2")] {
        house.app.clock.set(monday() + TimeDelta::days(day));
        staff = house.signed_in(&house.people.therapist);
        assert_eq!(record(&mut staff, &id, (all, "0"), &[]).status, 303);
    }
    // 24, 8, 16: better than at first.
    assert_eq!(house.number(deteriorated), 0);
    assert_eq!(mark(&mut staff, &first, "his brother’s"), 303);
    assert_eq!(house.number(deteriorated), 1, "8 and then 16");
    house.verified();

    // An older paper form of somebody who had one score: 2, and then 16.
    let other = house.patient("P2");
    let id = other.to_string();
    house.run_sql("UPDATE episode SET started_on = '2026-03-02'");
    assert_eq!(record(&mut staff, &id, ("2", "0"), &[]).status, 303);
    let older = [("day", "2026-03-04")];
    assert_eq!(record(&mut staff, &id, ("0", "0"), &older).status, 303);
    assert_eq!(house.number(deteriorated), 2);
    house.verified();
}

#[test]
fn a_signal_says_when_its_first_score_counts_no_more_and_stays() {
    let house = House::at(monday());
    let id = house.patient("P1").to_string();
    let mut staff = house.signed_in(&house.people.therapist);
    assert_eq!(record(&mut staff, &id, ("0", "0"), &[]).status, 303);
    let first = about_newest(&house);
    for (minute, all) in [(1, "2"), (2, "2")] {
        house.app.clock.set(monday() + TimeDelta::minutes(minute));
        assert_eq!(record(&mut staff, &id, (all, "0"), &[]).status, 303);
    }
    // 0, 16, 16: worse. Without the first: 16, 16.
    let waits = "signal WHERE kind = 'deteriorated' AND due_at IS NOT NULL AND times = 2";
    let mut page = || page::plain_text(&get(&mut staff, "/signals").text());
    let says = "begins with another score by now";
    assert_eq!(house.number(waits), 1);
    assert!(!page().contains(says));
    assert_eq!(
        mark(
            &mut house.signed_in(&house.people.therapist),
            &first,
            "not hers"
        ),
        303
    );
    assert_eq!(
        house.number(waits),
        1,
        "it waits for a person, and was not seen again"
    );
    assert!(page().contains(says), "{}", page());
    assert_eq!(
        take_back(&mut house.signed_in(&house.people.therapist), &first),
        303
    );
    assert!(!page().contains(says), "{}", page());
    house.verified();
}

#[test]
fn a_decision_about_a_wrong_form_does_not_silence_the_patients_own_scores() {
    let house = House::at(monday());
    let id = house.patient("P1").to_string();
    let mut staff = house.signed_in(&house.people.therapist);
    assert_eq!(record(&mut staff, &id, ("1", "0"), &[]).status, 303);
    house.app.clock.set(monday() + TimeDelta::minutes(1));
    assert_eq!(record(&mut staff, &id, ("3", "0"), &[]).status, 303);
    let wrong = about_newest(&house);
    assert_eq!(mark(&mut staff, &wrong, "her sister’s"), 303);
    let waits = "signal WHERE kind = 'deteriorated' AND due_at IS NOT NULL";
    assert_eq!(house.number(waits), 1);
    for signal in house.ids("signal") {
        let decided = crate::signals::decided(&mut staff, &signal, "not_relevant", "not hers");
        assert_eq!(decided.status, 303, "{}", decided.text());
    }
    assert_eq!(house.number(waits), 0);
    house.app.clock.set(monday() + TimeDelta::minutes(2));
    assert_eq!(record(&mut staff, &id, ("2", "0"), &[]).status, 303);
    assert_eq!(house.number(waits), 1, "8 and then 16, her own");
    house.verified();
}
