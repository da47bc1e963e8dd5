//! What no shipped instrument uses yet: prorating, blanks as zero, reversed items, means, counts, factors. Tried on
//! definitions of the tests' own, which go through the same reading and checking as the shipped ones.

use super::{answers, score};
use crate::domain::instrument::{Instrument, Library};
use crate::domain::scoring::{Completion, Reason, Score};

/// A four-item questionnaire (answers 0 to 4, printed highest first) with one scale made of `scale`.
fn with_scale(scale: &str) -> Instrument {
    let text = format!("{HEAD}\n[[scales]]\nid = \"s\"\n{scale}\n{TEXTS}");
    let files = [("test/1.toml".to_owned(), text)];
    let library = Library::parse(files).unwrap_or_else(|faults| panic!("{faults:#?}"));
    library.get("test").unwrap().clone()
}

const HEAD: &str = r#"
id = "test"
version = "1"
items = [
  { id = "1", options = "o" },
  { id = "2", options = "o" },
  { id = "3a", options = "o" },
  { id = "3b", options = "o" },
]
[licence]
class = "A"
owner = "the tests"
terms = "none"
source = "none"
checked_on = 2026-01-01
[option_sets]
o = [{ value = 4 }, { value = 3 }, { value = 2 }, { value = 1 }, { value = 0 }]
"#;

const TEXTS: &str = r#"
[language.en]
name = "Test"
short_name = "T"
credit = "The tests"
[language.en.items]
1 = "one"
2 = "two"
3a = "three a"
3b = "three b"
[language.en.options.o]
0 = "none"
1 = "one"
2 = "two"
3 = "three"
4 = "four"
[language.en.scales.s]
name = "S"
"#;

const ITEMS: &str = r#"items = ["1", "2", "3a", "3b"]"#;

fn summed(missing: &str) -> Instrument {
    with_scale(&format!(
        "{ITEMS}\nmethod = \"sum\"\nrange = [0, 16]\nmissing = {{ {missing}, source = \"test\" }}"
    ))
}

/// Hands the score of these answers to `look`.
fn scored(instrument: &Instrument, written: &str, look: impl FnOnce(&Score<'_>)) {
    let answers = answers(instrument, written);
    look(&score(instrument, &answers).scores[0]);
}

fn value(instrument: &Instrument, written: &str) -> Option<f64> {
    let mut value = None;
    scored(instrument, written, |score| value = score.value);
    value
}

#[test]
fn one_missing_item_is_refused_by_the_rule_that_refuses() {
    let instrument = summed("rule = \"refuse\"");
    scored(&instrument, "4 - 4 4", |score| {
        assert_eq!(score.value, None);
        assert_eq!(
            score.reason,
            Some(Reason::NotAnswered {
                items: vec!["2"],
                declined: vec![],
                allowed: 0
            })
        );
        assert_eq!((score.answered, score.items), (3, 4));
        let said = score.reason.as_ref().unwrap().to_string();
        assert_eq!(said, "item 2 not answered; this scale allows 0 missing");
    });
}

#[test]
fn one_missing_item_is_prorated() {
    let instrument = summed("rule = \"prorate\", at_most = 1, rounding = \"none\"");
    scored(&instrument, "4 - 3 3", |score| {
        assert_eq!(score.value, Some(10.0 * 4.0 / 3.0));
        assert_eq!(score.completed_by, Completion::Prorated { missing: 1 });
        assert_eq!(score.reason, None);
    });
    assert_eq!(
        value(&instrument, "4 - 3 -"),
        None,
        "two missing are one too many"
    );
    scored(&instrument, "4 0 3 3", |score| {
        assert_eq!(
            (score.value, score.completed_by),
            (Some(10.0), Completion::Nothing),
            "0 is an answer"
        );
    });
}

#[test]
fn a_prorated_score_is_rounded_as_the_definition_says() {
    let rounded = |word: &str| {
        let instrument = summed(&format!(
            "rule = \"prorate\", at_most = 2, rounding = \"{word}\""
        ));
        // 3 of 4 answered with a sum of 4: 5 1/3. 2 of 4 answered with a sum of 1: 2. 3 of 4 with 5: 6 2/3.
        ["2 2 0 -", "1 0 - -", "3 1 1 -"].map(|written| value(&instrument, written).unwrap())
    };
    assert_eq!(rounded("nearest"), [5.0, 2.0, 7.0]);
    assert_eq!(rounded("up"), [6.0, 2.0, 7.0]);
    assert_eq!(rounded("down"), [5.0, 2.0, 6.0]);
}

#[test]
fn a_prorated_half_goes_upwards() {
    let scale = r#"items = ["1", "2", "3a"]
method = "sum"
range = [0, 12]
missing = { rule = "prorate", at_most = 1, rounding = "nearest", source = "test" }"#;
    // Two of three answered with a sum of 3: 4.5.
    assert_eq!(value(&with_scale(scale), "1 2 - -"), Some(5.0));
}

#[test]
fn blanks_count_as_zero_only_up_to_the_limit() {
    let instrument = summed("rule = \"blank_is_zero\", at_most = 2");
    scored(&instrument, "4 - 3 -", |score| {
        assert_eq!(score.value, Some(7.0));
        assert_eq!(score.completed_by, Completion::Zeros { missing: 2 });
    });
    assert_eq!(value(&instrument, "4 - - -"), None);
    assert_eq!(value(&instrument, "- - - -"), None);
}

#[test]
fn a_reversed_item_counts_from_the_other_end() {
    let scale = format!(
        "{ITEMS}\nreversed = [\"2\"]\nmethod = \"sum\"\nrange = [0, 16]\nmissing = {{ rule = \"refuse\", source = \"test\" }}"
    );
    let instrument = with_scale(&scale);
    assert_eq!(value(&instrument, "0 0 0 0"), Some(4.0));
    assert_eq!(value(&instrument, "4 1 0 0"), Some(7.0));
}

#[test]
fn a_mean_divides_and_a_factor_multiplies() {
    let scale = format!(
        "{ITEMS}\nmethod = \"mean\"\ntimes = 10\nrange = [0, 40]\n\
         missing = {{ rule = \"prorate\", at_most = 1, rounding = \"none\", source = \"test\" }}"
    );
    let instrument = with_scale(&scale);
    assert_eq!(value(&instrument, "4 3 2 1"), Some(25.0));
    assert_eq!(value(&instrument, "4 3 2 -"), Some(30.0));
}

#[test]
fn a_count_counts_answers_from_a_threshold() {
    let scale = format!(
        "{ITEMS}\nmethod = \"count\"\ncounts_from = 2\nrange = [0, 4]\nmissing = {{ rule = \"refuse\", source = \"test\" }}"
    );
    assert_eq!(value(&with_scale(&scale), "1 2 3 0"), Some(2.0));
}

#[test]
fn a_prorated_fraction_between_two_bands_is_in_the_lower_one() {
    let scale = format!(
        "{ITEMS}\nmethod = \"sum\"\nrange = [0, 16]\nbands_source = \"test\"\n\
         bands = [{{ id = \"low\", from = 0, to = 5 }}, {{ id = \"high\", from = 6, to = 16 }}]\n\
         missing = {{ rule = \"prorate\", at_most = 1, rounding = \"none\", source = \"test\" }}"
    );
    let texts = "[language.en.scales.s.bands]\nlow = \"low\"\nhigh = \"high\"\n";
    let text = format!("{HEAD}\n[[scales]]\nid = \"s\"\n{scale}\n{TEXTS}\n{texts}");
    let library = Library::parse([("test/1.toml".to_owned(), text)]).unwrap();
    let instrument = library.get("test").unwrap();
    scored(instrument, "2 2 0 -", |score| {
        assert!(score.value.is_some_and(|value| value > 5.0 && value < 6.0));
        assert_eq!(score.band.unwrap().id, "low", "6 is not reached");
    });
}
