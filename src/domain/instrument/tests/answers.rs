//! Answers: nothing is not zero, and only options of the item are let in.

use crate::domain::instrument::{Answers, Library, Person, shipped_files};
use crate::domain::scoring::{Problem, score};

#[test]
fn not_answered_and_answered_zero_are_different_when_stored() {
    let instrument = Library::embedded().get("gad7").unwrap();
    let mut answers = Answers::none(instrument);
    answers.set(instrument, 0, 0).unwrap();
    answers.set(instrument, 2, 3).unwrap();
    assert_eq!(answers.to_json(instrument), r#"{"1":0,"3":3}"#);
    assert_eq!(
        Answers::from_json(instrument, r#"{"1":0,"2":null,"3":3}"#).unwrap(),
        answers
    );
    answers.clear(0);
    assert_eq!(answers.to_json(instrument), r#"{"3":3}"#);
}

#[test]
fn a_value_that_is_no_option_changes_nothing() {
    let instrument = Library::embedded().get("gad7").unwrap();
    let mut answers = Answers::none(instrument);
    answers.set(instrument, 0, 1).unwrap();
    let refused = answers.set(instrument, 0, 4).unwrap_err();
    assert_eq!(refused.to_string(), "item 1: 4 is not one of its answers");
    assert!(answers.set(instrument, 99, 0).is_err());
    assert_eq!(answers.get(0), Some(1));
    assert_eq!(answers.get(99), None);
}

#[test]
fn stored_answers_that_do_not_fit_are_refused() {
    let instrument = Library::embedded().get("gad7").unwrap();
    for stored in [
        r#"{"9":0}"#,
        r#"{"1":4}"#,
        r#"{"1":0,"1":0}"#,
        r#"{"1":"0"}"#,
        "[]",
        r#"{"1":0} x"#,
        "",
    ] {
        assert!(Answers::from_json(instrument, stored).is_err(), "{stored}");
    }
}

#[test]
fn a_gate_answered_no_rules_the_rest_out_and_a_blank_gate_does_not() {
    let instrument = Library::embedded().get("pc_ptsd_5").unwrap();
    let mut answers = Answers::none(instrument);
    assert_eq!(instrument.asked(&answers).count(), 6);
    assert_eq!(instrument.first_open(&answers), Some(0));
    answers.set(instrument, 0, 0).unwrap();
    assert_eq!(instrument.asked(&answers).collect::<Vec<_>>(), [0]);
    assert_eq!(instrument.first_open(&answers), None);
    answers.set(instrument, 0, 1).unwrap();
    assert_eq!(instrument.first_open(&answers), Some(1));
}

#[test]
fn what_depends_on_an_item_that_is_ruled_out_is_ruled_out_too() {
    let (_, text) = shipped_files()
        .find(|(path, _)| path == "pc_ptsd_5/1.toml")
        .unwrap();
    let second = "loinc = \"102013-0\", asked_when = { item = \"0\"";
    assert!(text.contains(second));
    let chained = text.replacen(
        second,
        "loinc = \"102013-0\", asked_when = { item = \"1\"",
        1,
    );
    let library = Library::parse([("pc_ptsd_5/1.toml".to_owned(), chained)]).unwrap();
    let instrument = library.get("pc_ptsd_5").unwrap();
    let asked = |json: &str| {
        let answers = Answers::from_json(instrument, json).unwrap();
        instrument.asked(&answers).collect::<Vec<_>>()
    };
    assert_eq!(asked(r#"{"0":1,"1":0}"#), [0, 1, 3, 4, 5]);
    assert_eq!(asked(r#"{"0":0,"1":1}"#), [0]);
    let odd = Answers::from_json(instrument, r#"{"0":0,"2":1}"#).unwrap();
    let problems = score(instrument, &odd, Person::default()).problems;
    assert_eq!(
        problems,
        [Problem::AnsweredThoughNotAsked {
            item: "2",
            gate: "0"
        }]
    );
}
