//! Several instruments on one occasion, and an instrument that asks on only after a "yes".

use crate::house::House;
use crate::patient::{CALM, get, post, start};

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
