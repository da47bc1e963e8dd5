//! Stepped plans: a short form whose score opens a longer one, within the same visit, with its answers carried over.

use attune::app::plan_due::plan_due;
use attune::app::set_plan::PlanDetails;
use attune::domain::schedule::Cadence;
use chrono::TimeDelta;

use crate::house::{House, monday};
use crate::patient::{get, post, start};
use crate::support::http::{Client, Response};

const STEP: &str = "phq2.total>=3:phq9";

/// A fresh PHQ-2 whose plan says what it opens.
fn stepped(house: &House, instruments: &[&str], step: &str) -> String {
    let link = house.link(house.patient("P1"), instruments);
    assert_eq!(
        house.run_sql(&format!("UPDATE administration SET step = '{step}'")),
        1
    );
    link
}

fn list(
    patient: &mut Client,
    link: &str,
    part: usize,
    answers: &[(&str, &str)],
    button: &str,
) -> Response {
    let mut fields: Vec<(&str, &str)> = answers.to_vec();
    fields.push((button, "1"));
    patient
        .post_form(&format!("{link}/list/{part}"), &fields)
        .expect("the site answers")
}

fn leads_to(answer: &Response, link: &str, tail: &str) {
    assert_eq!(
        answer.location(),
        Some(format!("{link}{tail}").as_str()),
        "{}",
        answer.text()
    );
}

/// The questions of the PHQ-9 that the PHQ-2 does not have.
const REST: [(&str, &str); 8] = [
    ("q3", "1"),
    ("q4", "1"),
    ("q5", "1"),
    ("q6", "1"),
    ("q7", "1"),
    ("q8", "1"),
    ("q9", "0"),
    ("q10", "0"),
];

fn scores(house: &House) -> Vec<String> {
    house.texts(
        "SELECT instrument || ' ' || CAST(CAST(value AS INTEGER) AS TEXT) AS value FROM score ORDER BY instrument",
    )
}

fn responses(house: &House) -> Vec<String> {
    house.texts("SELECT instrument || ' ' || state || ' ' || answers AS value FROM response ORDER BY instrument")
}

#[test]
fn below_the_threshold_nothing_opens() {
    let house = House::open();
    let link = stepped(&house, &["phq2"], STEP);
    let mut patient = house.client();
    start(&mut patient, &link, "list");
    leads_to(
        &list(&mut patient, &link, 1, &[("q1", "1"), ("q2", "1")], "send"),
        &link,
        "/end",
    );
    assert_eq!(scores(&house), ["phq2 2"]);
    house.verified();
}

#[test]
fn at_the_threshold_the_long_form_opens_and_asks_only_what_was_not_asked() {
    let house = House::open();
    let link = stepped(&house, &["phq2"], STEP);
    let mut patient = house.client();
    start(&mut patient, &link, "list");
    leads_to(
        &list(&mut patient, &link, 1, &[("q1", "2"), ("q2", "1")], "send"),
        &link,
        "/list/2",
    );
    assert_eq!(
        responses(&house),
        [
            "phq2 completed {\"1\":2,\"2\":1}",
            "phq9 in_progress {\"1\":2,\"2\":1}"
        ]
    );
    assert_eq!(
        scores(&house),
        ["phq2 3"],
        "the short form counts from now on"
    );
    house.verified();
    let page = get(&mut patient, &format!("{link}/list/2")).text();
    assert!(
        page.contains("A few more questions") || page.contains("a few more questions"),
        "{page}"
    );
    assert!(
        !page.contains("Little interest") && page.contains("name=\"q3\""),
        "{page}"
    );
    assert!(
        page.contains("Over the last 2 weeks"),
        "the stem stands above: {page}"
    );
    leads_to(&list(&mut patient, &link, 2, &REST, "send"), &link, "/end");
    assert_eq!(scores(&house), ["phq2 3", "phq9 9"], "scored as a whole");
    let end = get(&mut patient, &format!("{link}/end")).text();
    assert!(end.contains("10 of 10"), "each question counts once: {end}");
    assert_eq!(
        house.texts("SELECT instruments AS value FROM administration"),
        ["phq2@1 phq9@1"]
    );
    assert_eq!(
        house.texts("SELECT carried AS value FROM response WHERE carried IS NOT NULL"),
        ["1 2"]
    );
    house.verified();
}

#[test]
fn one_question_a_page_goes_on_from_the_review_and_numbers_each_question_once() {
    let house = House::open();
    let link = stepped(&house, &["phq2"], STEP);
    let mut patient = house.client();
    assert_eq!(start(&mut patient, &link, "page"), format!("{link}/q/1"));
    post(&mut patient, &format!("{link}/q/1"), &[("answer", "3")]);
    leads_to(
        &post(&mut patient, &format!("{link}/q/2"), &[("answer", "3")]),
        &link,
        "/review",
    );
    leads_to(
        &post(&mut patient, &format!("{link}/send"), &[("parts", "1")]),
        &link,
        "/q/5",
    );
    let page = get(&mut patient, &format!("{link}/q/5")).text();
    assert!(
        page.contains("Question 3 of 10") && page.contains("Over the last 2 weeks"),
        "{page}"
    );
    assert!(page.contains("a few more questions"), "{page}");
    for carried in [1, 2, 3, 4] {
        let answer = get(&mut patient, &format!("{link}/q/{carried}"));
        assert_eq!(
            answer.location(),
            Some(format!("{link}/q/5").as_str()),
            "{carried}"
        );
    }
    for number in 5..12 {
        post(
            &mut patient,
            &format!("{link}/q/{number}"),
            &[("answer", "0")],
        );
    }
    leads_to(
        &post(&mut patient, &format!("{link}/q/12"), &[("answer", "0")]),
        &link,
        "/review",
    );
    let review = get(&mut patient, &format!("{link}/review")).text();
    assert!(
        !review.contains("Little interest") && review.contains("10. If you checked"),
        "{review}"
    );
    assert!(review.contains("name=\"parts\" value=\"2\""), "{review}");
    leads_to(
        &post(&mut patient, &format!("{link}/send"), &[("parts", "2")]),
        &link,
        "/end",
    );
    assert_eq!(scores(&house), ["phq2 6", "phq9 6"]);
    house.verified();
}

#[test]
fn a_short_form_without_a_score_opens_nothing() {
    let house = House::open();
    let link = stepped(&house, &["phq2"], STEP);
    let mut patient = house.client();
    start(&mut patient, &link, "list");
    assert_eq!(
        list(&mut patient, &link, 1, &[("q1", "3")], "send").status,
        422
    );
    leads_to(
        &list(&mut patient, &link, 1, &[("q1", "3")], "incomplete"),
        &link,
        "/end",
    );
    assert_eq!(
        responses(&house),
        ["phq2 completed {\"1\":3,\"2\":\"declined\"}"]
    );
    house.verified();
}

#[test]
fn in_spanish_the_answers_are_carried_over_too() {
    let house = House::open();
    let patient_id = house.enrol_speaking("es", "P1", vec![]);
    let link = house.link(patient_id, &["phq2"]);
    house.run_sql(&format!("UPDATE administration SET step = '{STEP}'"));
    let mut patient = house.client();
    start(&mut patient, &link, "list");
    leads_to(
        &list(&mut patient, &link, 1, &[("q1", "2"), ("q2", "2")], "send"),
        &link,
        "/list/2",
    );
    let page = get(&mut patient, &format!("{link}/list/2")).text();
    assert!(
        page.contains("algunas preguntas más") && !page.contains("Poco interés"),
        "{page}"
    );
    leads_to(&list(&mut patient, &link, 2, &REST, "send"), &link, "/end");
    assert_eq!(scores(&house), ["phq2 4", "phq9 10"]);
    assert_eq!(
        house.texts("SELECT language AS value FROM response"),
        ["es", "es"]
    );
    house.verified();
}

#[test]
fn answers_in_another_language_are_not_carried_over() {
    let house = House::open();
    let link = stepped(&house, &["phq2"], STEP);
    let mut patient = house.client();
    start(&mut patient, &link, "page");
    post(&mut patient, &format!("{link}/q/1"), &[("answer", "3")]);
    post(&mut patient, &format!("{link}/q/2"), &[("answer", "3")]);
    get(&mut patient, &format!("{link}/review?lang=es"));
    leads_to(
        &post(&mut patient, &format!("{link}/send"), &[("parts", "1")]),
        &link,
        "/q/3",
    );
    assert_eq!(responses(&house)[1], "phq9 in_progress {}");
    let first = get(&mut patient, &format!("{link}/q/3?lang=es")).text();
    assert!(
        first.contains("algunas preguntas más") && !first.contains("otra vez"),
        "nothing is promised that is not kept: {first}"
    );
    house.verified();
}

#[test]
fn a_second_click_opens_once_and_hands_in_nothing() {
    let house = House::open();
    let link = stepped(&house, &["phq2"], STEP);
    let mut patient = house.client();
    start(&mut patient, &link, "list");
    let answers = [("q1", "2"), ("q2", "1")];
    for _ in 0..3 {
        leads_to(
            &list(&mut patient, &link, 1, &answers, "send"),
            &link,
            "/list/2",
        );
    }
    // Another device stands on the review from before.
    let mut other = house.client();
    for old in [&[("parts", "1")][..], &[]] {
        leads_to(
            &post(&mut other, &format!("{link}/send"), old),
            &link,
            "/q/5",
        );
    }
    assert_eq!(house.number("response"), 2);
    assert_eq!(scores(&house), ["phq2 3"]);
    house.verified();
    leads_to(&list(&mut patient, &link, 2, &REST, "send"), &link, "/end");
    leads_to(&list(&mut patient, &link, 2, &REST, "send"), &link, "/end");
    leads_to(
        &list(&mut patient, &link, 1, &answers, "send"),
        &link,
        "/end",
    );
    assert_eq!(house.number("score"), 2);
    house.verified();
}

#[test]
fn going_back_changes_nothing_that_was_handed_in_and_says_so() {
    let house = House::open();
    let link = stepped(&house, &["phq2"], STEP);
    let mut patient = house.client();
    start(&mut patient, &link, "list");
    list(&mut patient, &link, 1, &[("q1", "2"), ("q2", "1")], "send");
    let again = get(&mut patient, &format!("{link}/list/1"));
    assert_eq!(again.location(), Some(format!("{link}/list/2").as_str()));
    let other = list(&mut patient, &link, 1, &[("q1", "0"), ("q2", "0")], "send");
    assert_eq!(other.status, 409);
    assert!(
        other.text().contains("A few more questions are open"),
        "{}",
        other.text()
    );
    let carried = post(&mut patient, &format!("{link}/q/3"), &[("answer", "0")]);
    assert_eq!(carried.status, 409);
    assert_eq!(responses(&house)[1], "phq9 in_progress {\"1\":2,\"2\":1}");
    // The link goes on where it stopped.
    assert_eq!(
        start(&mut house.client(), &link, "page"),
        format!("{link}/q/5")
    );
    assert_eq!(
        start(&mut house.client(), &link, "list"),
        format!("{link}/list/1")
    );
    house.verified();
}

#[test]
fn among_several_forms_the_last_button_opens_and_what_is_there_opens_no_second_time() {
    let house = House::open();
    let two = "phq2.total>=3:phq9 gad2.total>=3:gad7";
    let link = stepped(&house, &["phq2", "gad2", "gad7"], two);
    let mut patient = house.client();
    start(&mut patient, &link, "list");
    leads_to(
        &list(&mut patient, &link, 1, &[("q1", "3"), ("q2", "3")], "next"),
        &link,
        "/list/2",
    );
    leads_to(
        &list(&mut patient, &link, 2, &[("q1", "3"), ("q2", "3")], "next"),
        &link,
        "/list/3",
    );
    let anxious: Vec<(String, String)> = (1..=8).map(|n| (format!("q{n}"), "1".into())).collect();
    let anxious: Vec<(&str, &str)> = anxious
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    leads_to(
        &list(&mut patient, &link, 3, &anxious, "send"),
        &link,
        "/list/4",
    );
    assert_eq!(
        house.texts("SELECT instruments AS value FROM administration"),
        ["phq2@1 gad2@1 gad7@1 phq9@1"]
    );
    leads_to(&list(&mut patient, &link, 4, &REST, "send"), &link, "/end");
    assert_eq!(scores(&house), ["gad2 6", "gad7 7", "phq2 6", "phq9 12"]);
    house.verified();
}

#[test]
fn a_risk_answer_on_the_opened_form_raises_one_flag_and_shows_help_first() {
    let house = House::open();
    let link = stepped(&house, &["phq2"], STEP);
    let mut patient = house.client();
    start(&mut patient, &link, "list");
    list(&mut patient, &link, 1, &[("q1", "3"), ("q2", "3")], "send");
    let mut rest = REST;
    rest[6] = ("q9", "2");
    let answer = list(&mut patient, &link, 2, &rest, "send");
    leads_to(&answer, &link, "/support?then=end");
    assert_eq!(house.counts(["flags", "responses"]), [1, 2]);
}

#[test]
fn a_form_without_its_owners_permission_does_not_open_and_a_person_is_told() {
    let house = House::open();
    let link = stepped(&house, &["phq2"], "phq2.total>=3:core_om");
    let mut patient = house.client();
    start(&mut patient, &link, "list");
    let answer = list(&mut patient, &link, 1, &[("q1", "3"), ("q2", "3")], "send");
    leads_to(&answer, &link, "/end");
    assert_eq!(
        house.texts("SELECT kind AS value FROM task"),
        ["no_permission"]
    );
    house.verified();
}

#[test]
fn what_nobody_here_may_read_opens_nothing_and_a_person_is_told() {
    let house = House::open();
    let link = stepped(&house, &["phq2"], STEP);
    house.run_sql("UPDATE staff SET licence = NULL");
    let mut patient = house.client();
    start(&mut patient, &link, "list");
    leads_to(
        &list(&mut patient, &link, 1, &[("q1", "3"), ("q2", "3")], "send"),
        &link,
        "/end",
    );
    assert_eq!(
        house.texts("SELECT kind AS value FROM task"),
        ["nobody_licensed"]
    );
    house.verified();
}

#[test]
fn a_step_that_cannot_be_read_keeps_no_answer_from_being_taken() {
    let house = House::open();
    let link = stepped(&house, &["phq2"], "nonsense");
    let mut patient = house.client();
    start(&mut patient, &link, "list");
    leads_to(
        &list(&mut patient, &link, 1, &[("q1", "3"), ("q2", "3")], "send"),
        &link,
        "/end",
    );
    house.verified();
}

#[test]
fn what_was_opened_and_never_finished_leaves_the_short_forms_score() {
    let house = House::at(monday());
    let link = stepped(&house, &["phq2"], STEP);
    let mut patient = house.client();
    start(&mut patient, &link, "list");
    list(&mut patient, &link, 1, &[("q1", "3"), ("q2", "3")], "send");
    house.app.clock.set(monday() + TimeDelta::days(10));
    attune::app::expire_due::expire_due(&house.app).expect("the database works");
    assert_eq!(
        house.texts("SELECT state AS value FROM administration"),
        ["abandoned"]
    );
    assert_eq!(scores(&house), ["phq2 6"]);
    assert_eq!(get(&mut patient, &link).status, 410);
    house.verified();
}

#[test]
fn a_plans_step_goes_with_every_occasion_it_makes() {
    let house = House::at(monday());
    let plan = PlanDetails {
        instruments: vec!["phq2".into()],
        cadence: Cadence::EveryWeeks { weeks: 1 },
    };
    house.enrol("P1", vec![plan]);
    house.run_sql(&format!("UPDATE plan SET step = '{STEP}'"));
    house.app.clock.set(monday() + TimeDelta::days(7));
    while plan_due(&house.app).expect("the database works") > 0 {}
    assert_eq!(
        house.texts("SELECT step AS value FROM administration"),
        [STEP]
    );
}
