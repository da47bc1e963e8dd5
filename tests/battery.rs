//! Several instruments on one occasion, and an instrument that asks on only after a "yes".

use attune::domain::instrument::Library;

use crate::house::House;
use crate::patient::{CALM, get, post, start};
use crate::support::page;

#[test]
fn several_instruments_are_answered_one_after_the_other_and_handed_in_together() {
    let house = House::open();
    let link = house.link(house.patient("P1"), &["phq9", "gad7", "pcl5"]);
    let mut patient = house.client();
    assert_eq!(start(&mut patient, &link, "list"), format!("{link}/list/1"));
    for (part, items) in [(1, 10), (2, 8), (3, 20)] {
        assert!(
            get(&mut patient, &format!("{link}/list/{part}"))
                .text()
                .contains(&format!("Part {part} of 3"))
        );
        let button = if part == 3 { "send" } else { "next" };
        let mut fields: Vec<(String, String)> = (1..=items)
            .filter(|item| part != 2 || *item <= 7)
            .map(|item| (format!("q{item}"), "0".to_owned()))
            .collect();
        fields.push((button.to_owned(), "1".to_owned()));
        let answer = patient
            .post_form(&format!("{link}/list/{part}"), &fields)
            .expect("the site answers");
        let onward = if part == 3 {
            format!("{link}/end")
        } else {
            format!("{link}/list/{}", part + 1)
        };
        assert_eq!(
            answer.location(),
            Some(onward.as_str()),
            "part {part}: {}",
            answer.text()
        );
    }
    let end = get(&mut patient, &format!("{link}/end")).text();
    assert!(end.contains("Your answers are in"), "{end}");
    assert_eq!(house.counts(["administrations", "responses"]), [1, 3]);
    let instruments = house.texts("SELECT instrument AS value FROM response ORDER BY instrument");
    assert_eq!(instruments, ["gad7", "pcl5", "phq9"]);
    assert_eq!(house.number("score WHERE value IS NULL"), 0);
}

#[test]
fn nothing_is_handed_in_until_the_last_part_is() {
    let house = House::open();
    let link = house.link(house.patient("P1"), &["phq9", "gad7"]);
    let mut patient = house.client();
    let mut fields: Vec<(String, String)> = CALM
        .iter()
        .zip(1..)
        .map(|(a, item)| (format!("q{item}"), (*a).to_owned()))
        .collect();
    fields.push(("next".to_owned(), "1".to_owned()));
    let answer = patient
        .post_form(&format!("{link}/list/1"), &fields)
        .expect("the site answers");
    assert_eq!(answer.location(), Some(format!("{link}/list/2").as_str()));
    assert_eq!(house.counts(["responses", "scores"]), [1, 0]);
    assert_eq!(
        start(&mut house.client(), &link, "page"),
        format!("{link}/q/11"),
        "the numbers run through all parts"
    );
}

#[test]
fn a_question_printed_without_a_number_has_none_on_its_page_and_in_the_review_either() {
    let house = House::open();
    let link = house.link(house.patient("P1"), &["pc_ptsd_5"]);
    let mut patient = house.client();
    start(&mut patient, &link, "page");
    let mut text = |path: &str| get(&mut patient, &format!("{link}{path}")).text();
    assert!(text("").contains("6 questions"));
    assert!(text("/q/1").contains("Before question 1 of 5"));
    assert!(text("/q/1?lang=es").contains("Antes de la pregunta 1 de 5"));
    assert!(text("/q/1?lang=en").contains("Before question 1 of 5"));
    post(
        &mut house.client(),
        &format!("{link}/q/1"),
        &[("answer", "1")],
    );
    let second = text("/q/2");
    assert!(
        second.contains("Question 1 of 5") && second.contains("Had nightmares"),
        "{second}"
    );
    assert!(text("/q/6").contains("Question 5 of 5"));
    let (list, review) = (text("/list/1"), text("/review"));
    for page in [&list, &review] {
        assert!(
            page.contains(">Have you ever") && page.contains(">1. Had nightmares"),
            "{page}"
        );
    }
    assert!(review.contains("the answer before question 1") && review.contains(" answer 5"));
}

#[test]
fn a_no_at_the_gate_ends_the_questions_with_a_score_of_zero() {
    let house = House::open();
    let link = house.link(house.patient("P1"), &["pc_ptsd_5"]);
    let mut patient = house.client();
    start(&mut patient, &link, "page");
    let gate = post(&mut patient, &format!("{link}/q/1"), &[("answer", "0")]);
    assert_eq!(gate.location(), Some(format!("{link}/review").as_str()));
    let skipped = get(&mut patient, &format!("{link}/q/3"));
    assert_eq!(
        (skipped.status, skipped.location()),
        (303, Some(format!("{link}/review").as_str())),
        "not asked any more"
    );
    assert_eq!(
        post(&mut patient, &format!("{link}/send"), &[]).location(),
        Some(format!("{link}/end").as_str())
    );
    assert_eq!(
        house.texts("SELECT CAST(CAST(value AS INTEGER) AS TEXT) AS value FROM score"),
        ["0"]
    );
    house.verified();
}

#[test]
fn a_yes_at_the_gate_asks_on() {
    let house = House::open();
    let link = house.link(house.patient("P1"), &["pc_ptsd_5"]);
    let mut patient = house.client();
    start(&mut patient, &link, "page");
    for number in 1..=6 {
        let answer = post(
            &mut patient,
            &format!("{link}/q/{number}"),
            &[("answer", "1")],
        );
        let onward = if number == 6 {
            format!("{link}/review")
        } else {
            format!("{link}/q/{}", number + 1)
        };
        assert_eq!(answer.location(), Some(onward.as_str()));
    }
    post(&mut patient, &format!("{link}/send"), &[]);
    assert_eq!(
        house.texts("SELECT CAST(CAST(value AS INTEGER) AS TEXT) AS value FROM score"),
        ["5"]
    );
    house.verified();
}

#[test]
fn a_list_that_was_opened_on_another_device_before_takes_no_answer_back() {
    let house = House::open();
    let (link, mut phone, mut tablet) = (house.phq9("P1"), house.client(), house.client());
    start(&mut tablet, &link, "list");
    start(&mut phone, &link, "page");
    for number in 1..=10 {
        post(
            &mut phone,
            &format!("{link}/q/{number}"),
            &[("answer", "1")],
        );
    }
    let stale = [("q1", "1"), ("q2", "2"), ("next", "1")];
    let taken = post(&mut tablet, &format!("{link}/list/1"), &stale);
    assert_eq!(taken.status, 303, "nothing is open: {}", taken.text());
    assert_eq!(post(&mut phone, &format!("{link}/send"), &[]).status, 303);
    assert_eq!(house.number("score WHERE value = 10"), 1, "one answer grew");
    assert_eq!(house.number("flag_act WHERE act = 'answer_changed'"), 0);
    house.verified();
}

#[test]
fn a_page_that_was_made_before_words_numbers_and_ticks_were_given_elsewhere_erases_none_of_them() {
    let house = House::open();
    let link = house.link(house.patient("P1"), &["crafft", "lec5", "fft"]);
    let (mut phone, mut computer) = (house.client(), house.client());
    start(&mut phone, &link, "list");
    start(&mut computer, &link, "list");
    let lists = [1, 2, 3].map(|part| format!("{link}/list/{part}"));
    let old = lists.each_ref().map(|path| get(&mut computer, path).text());
    let given = || house.texts("SELECT answers AS value FROM response ORDER BY instrument");
    let answers = [("q1", "77"), ("q1", "2"), ("q2", "The lift was broken.")];
    for (path, answer) in lists.iter().zip(answers) {
        post(&mut phone, path, &[answer, ("next", "1")]);
    }
    let before = given();
    let kept = ["77", "[", "lift"].map(|part| before.iter().any(|row| row.contains(part)));
    assert_eq!(kept, [true; 3], "{before:?}");
    for (page, path) in old.iter().zip(&lists) {
        let mut fields = page::form_to(page, path).expect("a form").untouched();
        fields.push(("next".into(), "1".into()));
        let sent = computer.post_form(path, &fields).expect("the site answers");
        assert!([200, 303, 422].contains(&sent.status), "{}", sent.text());
    }
    let questions: usize = ["crafft", "lec5"].map(items).iter().sum();
    let words = format!("{link}/q/{}", questions + 2);
    assert_eq!(post(&mut computer, &words, &[("answer", "")]).status, 303);
    assert_eq!(
        given(),
        before,
        "they showed nothing that could be taken back"
    );
    // A page that shows them takes them back.
    for (path, (name, _)) in lists.iter().zip(answers) {
        let page = get(&mut computer, path).text();
        let mut fields = page::form_to(&page, path).expect("a form").untouched();
        fields.retain(|(known, _)| known != name);
        fields.push(("next".into(), "1".into()));
        computer.post_form(path, &fields).expect("the site answers");
    }
    let after = given().join(" ");
    for part in ["77", "[", "lift"] {
        assert!(!after.contains(part), "{part}: {after}");
    }
}

fn items(instrument: &str) -> usize {
    let known = Library::embedded().get(instrument);
    known.expect("a shipped instrument").items.len()
}
