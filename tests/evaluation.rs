//! What the figures of an evaluation count and what they leave out, whom they show which periods, and that care which has ended keeps its figures.

use attune::app::rescore::{Mode, Order, Report, rescore};
use attune::app::verify::verify;
use attune::domain::ids::PatientId;

use crate::house::{House, Person, address_of, instant, monday};
use crate::mail::send;
use crate::patient::{get, submit};
use crate::plans::{at, details, end};
use crate::support::http::path_of;
use crate::support::page::plain_text;
use crate::support::smtp::SmtpSink;

fn page(house: &House, person: &Person, path: &str) -> String {
    let answer = get(&mut house.signed_in(person), path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.text()
}

/// How the PHQ-9 is called in the addresses of an evaluation.
fn phq9_code(house: &House) -> String {
    let form = page(house, &house.people.supervisor, "/evaluation");
    let (before, _) = form.split_once(">PHQ-9, ").expect("it is on offer");
    let (_, code) = before.rsplit_once("value=\"").expect("with its code");
    let (code, _) = code.split_once('"').expect("which ends");
    code.to_owned()
}

/// The summaries: how many scores, the first and the last.
fn summaries(house: &House) -> Vec<String> {
    house.texts(
        "SELECT CAST(n AS TEXT) || ': ' || CAST(CAST(first_value AS INTEGER) AS TEXT) || ' ' || CAST(CAST(last_value AS INTEGER) AS TEXT) AS value \
         FROM episode_scale ORDER BY episode_id",
    )
}

fn answer(house: &House, link: &str, answers: &[&str; 10]) {
    let answer = submit(&mut house.client(), link, answers);
    assert_eq!(answer.status, 303, "{}", answer.text());
}

/// Sends what is due and answers the form that the newest mail to this patient asks for.
fn answer_mail(house: &House, sink: &SmtpSink, patient: &str, answers: &[&str; 10]) {
    assert!(send(house, sink) > 0, "a mail is due");
    let mails = sink.mails_to(&address_of(patient));
    let links = mails.last().expect("a mail").links();
    answer(house, path_of(&links[0]), answers);
}

/// Eleven points at the start of care.
const FIRST: [&str; 10] = ["2", "2", "2", "2", "3", "0", "0", "0", "0", "1"];
/// Four at its end.
const LAST: [&str; 10] = ["1", "1", "1", "1", "0", "0", "0", "0", "0", "0"];
/// Twenty a month later, with an alarming answer.
const LATER: [&str; 10] = ["3", "3", "3", "3", "3", "3", "0", "0", "2", "1"];

/// Somebody who was asked at the start, when care ended on 6 April, and a month later; and somebody whose only answer is the one after care.
fn followed_up(house: &House, sink: &SmtpSink) -> PatientId {
    let plans = || {
        vec![
            details(&["phq9"], "discharge"),
            details(&["phq9"], "follow_up:1"),
        ]
    };
    let who = house.enrol("P1", plans());
    let other = house.enrol("P2", vec![details(&["phq9"], "follow_up:1")]);
    answer(house, &house.link(who, &["phq9"]), &FIRST);
    house.app.clock.set(instant("2026-04-06 16:00:00"));
    end(house, who, "2026-04-06", "planned");
    end(house, other, "2026-04-06", "planned");
    at(house, instant("2026-04-06 16:00:00"));
    answer_mail(house, sink, "P1", &LAST);
    who
}

#[test]
fn a_follow_up_is_kept_shown_and_flagged_and_changes_no_figure_of_the_care_before_it() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    let who = followed_up(&house, &sink);
    assert_eq!(summaries(&house), ["2: 11 4"], "the discharge form counts");
    let quarter = format!(
        "/evaluation.csv?from=2026-04-01&to=2026-04-30&scale={}",
        phq9_code(&house)
    );
    let before = page(&house, &house.people.supervisor, &quarter);

    at(&house, instant("2026-05-06 16:00:00"));
    assert_eq!(
        house.texts("SELECT occasion AS value FROM administration WHERE ended_at IS NULL"),
        ["follow-up 1"; 2]
    );
    answer_mail(&house, &sink, "P1", &LATER);
    answer(
        &house,
        path_of(&sink.mails_to(&address_of("P2"))[0].links()[0]),
        &LATER,
    );
    assert_eq!(house.number("score"), 4);
    assert_eq!(summaries(&house), ["2: 11 4"]);
    assert_eq!(page(&house, &house.people.supervisor, &quarter), before);
    assert_eq!(house.number("flag"), 2);
    assert_eq!(
        house.texts("SELECT kind AS value FROM signal ORDER BY kind"),
        ["deteriorated", "in_need", "in_need"],
        "worse than at the start, and at the cut-off"
    );
    let seen = page(&house, &house.people.therapist, &format!("/patients/{who}"));
    let words = plain_text(&seen);
    assert!(
        words.contains("Wed 6 May") && seen.contains(">20<"),
        "{seen}"
    );
    house.verified();
}

#[test]
fn a_summary_that_counted_a_follow_up_is_found_and_made_anew() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    followed_up(&house, &sink);
    at(&house, instant("2026-05-06 16:00:00"));
    answer_mail(&house, &sink, "P1", &LATER);
    // As the program before summed up.
    house.run_sql("UPDATE episode_scale SET n = 3, last_value = 20, recent = '11 4 20'");
    let broken = verify(&house.app).expect("the database works").broken;
    let rules: Vec<_> = broken.iter().map(|broken| broken.rule).collect();
    assert_eq!(rules, ["an episode's summary is what its scores amount to"]);
    let run = |mode| -> Report {
        let order = Order {
            instrument: "phq9".into(),
            from: None,
            to: None,
            reason: "Follow-ups are counted apart".into(),
            by: "lee@staff.example.org".into(),
            mode,
        };
        rescore(
            &house.app,
            &house.operator(),
            &order,
            &mut |_| (),
            &mut |_| (),
        )
        .expect("it is done")
    };
    assert_eq!(run(Mode::DryRun).summaries, 1);
    assert_eq!(summaries(&house), ["3: 11 20"]);
    let done = run(Mode::Write);
    assert_eq!((done.rescored, done.summaries), (0, 1));
    assert_eq!(summaries(&house), ["2: 11 4"]);
    assert_eq!(run(Mode::Write).summaries, 0);
    assert_eq!(
        house.number("audit_event WHERE act = 'rescore' AND subject = 'summary'"),
        1
    );
    house.verified();
}
