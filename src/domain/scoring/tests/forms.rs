//! The second edition of the format: answers of other kinds, other methods, norms for some people only. Tried on a
//! definition of the tests' own, which goes through the same reading and checking as the shipped ones.

use super::answers;
use crate::domain::instrument::{Answers, Instrument, Library, Person, Sex};
use crate::domain::risk::rules;
use crate::domain::scoring::{Problem, Reason, Score, Verdict, score};

const HEAD: &str = r#"
id = "test"
version = "1"
items = [
  { id = "1", options = "o" },
  { id = "2", options = "o", asked_when = { item = "1", from = 2 } },
  { id = "3", options = "places", several = true },
  { id = "4", number = { from = 0, to = 30 } },
  { id = "5", free_text = true },
  { id = "6", options = "o", asked_when = { any = [{ item = "1", answered = [4] }, { item = "3", answered = [2] }] } },
  { id = "7", options = "o", asked_when = { all = [{ item = "1", from = 1 }, { item = "4", from = 5 }] } },
]
licence = { class = "A", owner = "the tests", terms = "none", source = "none", checked_on = 2026-01-01 }
[option_sets]
o = [{ value = 0 }, { value = 1 }, { value = 2 }, { value = 3 }, { value = 4 }]
places = [{ value = 1 }, { value = 2 }, { value = 14 }]
"#;

const TEXTS: &str = r#"
[language.en]
name = "Test"
short_name = "T"
credit = "The tests"
items = { 1 = "one", 2 = "two", 3 = "three", 4 = "four", 5 = "five", 6 = "six", 7 = "seven" }
options.o = { 0 = "none", 1 = "one", 2 = "two", 3 = "three", 4 = "four" }
options.places = { 1 = "home", 2 = "work", 14 = "elsewhere" }
"#;

const REFUSE: &str = "missing = { rule = \"refuse\", source = \"test\" }\n";

fn parsed(middle: &str, words: &str) -> Result<Instrument, String> {
    let text = format!("{HEAD}\n{middle}\n{TEXTS}\n{words}");
    match Library::parse([("test/1.toml".to_owned(), text)]) {
        Ok(library) => Ok(library.get("test").unwrap().clone()),
        Err(faults) => Err(faults.iter().map(ToString::to_string).collect()),
    }
}

fn with(middle: &str, words: &str) -> Instrument {
    parsed(middle, words).unwrap_or_else(|said| panic!("{said}"))
}

/// One scale "s" of these keys.
fn scale(keys: &str) -> Instrument {
    with(
        &format!("[[scales]]\nid = \"s\"\n{keys}\n{REFUSE}"),
        "scales.s.name = \"S\"",
    )
}

fn refused(keys: &str) -> String {
    parsed(
        &format!("[[scales]]\nid = \"s\"\n{keys}\n{REFUSE}"),
        "scales.s.name = \"S\"",
    )
    .unwrap_err()
}

fn look<T>(
    instrument: &Instrument,
    written: &str,
    person: Person,
    look: impl FnOnce(&Score<'_>) -> T,
) -> T {
    let answers = answers(instrument, written);
    look(&score(instrument, &answers, person).scores[0])
}

fn value(instrument: &Instrument, written: &str) -> Option<f64> {
    look(instrument, written, Person::default(), |score| score.value)
}

#[test]
fn a_definition_may_score_nothing() {
    let instrument = with("", "");
    let form = answers(&instrument, "1 - 1+14 7 t - -");
    assert!(
        score(&instrument, &form, Person::default())
            .scores
            .is_empty()
    );
    assert_eq!(
        form.to_json(&instrument),
        r#"{"1":1,"3":[1,14],"4":7,"5":"some text"}"#
    );
}

#[test]
fn every_kind_of_answer_survives_being_stored() {
    let instrument = with("", "");
    let mut form = answers(&instrument, "4 d 2 30 - d 0");
    let words = "She said \"no\" – and left.\n";
    form.set_words(&instrument, 4, words).unwrap();
    let json = form.to_json(&instrument);
    assert!(json.contains(r#""2":"declined""#), "{json}");
    let read = Answers::from_json(&instrument, &json).unwrap();
    assert_eq!(read, form);
    assert_eq!(read.words(4), Some(words));
    for wrong in [
        r#"{"1":[1]}"#,
        r#"{"3":1}"#,
        r#"{"3":[3]}"#,
        r#"{"4":31}"#,
        r#"{"1":"text"}"#,
        r#"{"5":1}"#,
    ] {
        assert!(Answers::from_json(&instrument, wrong).is_err(), "{wrong}");
    }
    let long = "x".repeat(2_001);
    assert!(form.set_words(&instrument, 4, &long).is_err());
    assert!(form.set_several(&instrument, 2, &[]).is_ok());
    assert!(form.is_blank(2), "no tick at all is no answer");
}

#[test]
fn gates_of_several_parts_hide_only_what_is_surely_not_asked() {
    let instrument = with("", "");
    let asked = |written: &str| -> Vec<usize> {
        instrument.asked(&answers(&instrument, written)).collect()
    };
    assert_eq!(asked("- - - - - - -"), [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(asked("4 - - - - - -"), [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(
        asked("1 - - - - - -"),
        [0, 2, 3, 4, 5, 6],
        "any: item 3 is open"
    );
    assert_eq!(asked("1 - 1 - - - -"), [0, 2, 3, 4, 6], "any: both false");
    assert_eq!(asked("0 - 2 - - - -"), [0, 2, 3, 4, 5], "all: one false");
    assert_eq!(asked("d - d d - - -"), [0, 1, 2, 3, 4, 5, 6]);
    let problems = |written: &str| {
        let form = answers(&instrument, written);
        score(&instrument, &form, Person::default()).problems.len()
    };
    assert_eq!(problems("- 1 - - - - -"), 1, "a gate that was overlooked");
    assert_eq!(problems("d 1 - - - - -"), 0, "a gate that was declined");
    assert_eq!(problems("4 - - - - 1 -"), 0, "one part is enough");
    let form = answers(&instrument, "1 1 - - - - -");
    assert_eq!(
        score(&instrument, &form, Person::default()).problems,
        [Problem::AnsweredThoughNotAsked {
            item: "2",
            gate: "1"
        }]
    );
}

#[test]
fn declined_is_missing_and_said_apart_from_blank() {
    let instrument = scale("items = [\"1\", \"4\"]\nmethod = \"sum\"\nrange = [0, 34]");
    look(&instrument, "d - - - - - -", Person::default(), |score| {
        assert_eq!(
            (score.value, score.answered, score.declined, score.items),
            (None, 0, 1, 2)
        );
        let reason = score.reason.as_ref().unwrap();
        assert_eq!(
            reason,
            &Reason::NotAnswered {
                items: vec!["1", "4"],
                declined: vec!["1"],
                allowed: 0
            }
        );
        assert_eq!(
            reason.to_string(),
            "items 1, 4 not answered (declined: 1); this scale allows 0 missing"
        );
    });
}

#[test]
fn ticks_are_counted_and_the_highest_is_found() {
    let counted =
        scale("items = [\"1\", \"3\"]\nmethod = \"count\"\ncounts_any = [2, 3]\nrange = [0, 2]");
    assert_eq!(value(&counted, "3 - 1+2 - - - -"), Some(2.0));
    assert_eq!(value(&counted, "4 - 1+14 - - - -"), Some(0.0));
    let highest = scale("items = [\"1\", \"4\"]\nmethod = \"highest\"\nrange = [0, 30]");
    assert_eq!(value(&highest, "4 - - 2 - - -"), Some(4.0));
    assert_eq!(value(&highest, "4 - - 12 - - -"), Some(12.0));
    assert_eq!(value(&highest, "4 - - - - - -"), None);
    assert!(
        refused("items = [\"1\", \"3\"]\nmethod = \"sum\"\nrange = [0, 18]")
            .contains("not added up")
    );
    assert!(
        refused("items = [\"1\", \"5\"]\nmethod = \"sum\"\nrange = [0, 4]")
            .contains("never scored")
    );
    assert!(
        refused("items = [\"1\"]\nmethod = \"count\"\ncounts_any = [9]\nrange = [0, 0]")
            .contains("has an answer 9")
    );
}

#[test]
fn a_scale_of_rules_counts_those_that_hold_and_an_open_one_is_missing() {
    let keys = "items = [\"1\", \"3\", \"4\"]\nmethod = \"rules\"\nrange = [0, 2]\nrules = [\n\
        { any = [{ count = [{ items = [\"1\"], from = 3 }], at_least = 1 }, { count = [{ items = [\"3\"], answered = [1, 2] }], at_least = 1 }] },\n\
        { count = [{ items = [\"4\"], from = 10, to = 20 }], at_least = 1 },\n]";
    let instrument = scale(keys);
    assert_eq!(
        value(&instrument, "3 - - 15 - - -"),
        Some(2.0),
        "item 3 cannot change it"
    );
    assert_eq!(value(&instrument, "0 - 14 21 - - -"), Some(0.0));
    look(&instrument, "0 - - 15 - - -", Person::default(), |score| {
        assert_eq!(
            (score.value, score.reason.as_ref().unwrap().items()),
            (None, &["3"][..])
        );
    });
    let unlisted = keys.replace("items = [\"1\", \"3\", \"4\"]", "items = [\"1\", \"3\"]");
    assert!(refused(&unlisted).contains("a rule looks at item \"4\"; list it"));
}

#[test]
fn items_that_are_not_asked_can_leave_the_scale() {
    let mean = scale(
        "items = [\"1\", \"2\"]\nmethod = \"mean\"\nnot_asked = \"left_out\"\nrange = [0, 4]",
    );
    assert_eq!(value(&mean, "1 - - - - - -"), Some(1.0));
    assert_eq!(value(&mean, "2 3 - - - - -"), Some(2.5));
    let sum =
        scale("items = [\"1\", \"2\"]\nmethod = \"sum\"\nnot_asked = \"left_out\"\nrange = [0, 8]");
    look(&sum, "1 - - - - - -", Person::default(), |score| {
        assert_eq!(
            (score.value, score.out_of, score.not_asked),
            (Some(1.0), Some(4.0), 1)
        );
    });
    look(&sum, "2 3 - - - - -", Person::default(), |score| {
        assert_eq!((score.value, score.out_of), (Some(5.0), None));
    });
    let only = scale("items = [\"2\"]\nmethod = \"sum\"\nnot_asked = \"left_out\"\nrange = [0, 4]");
    look(&only, "0 - - - - - -", Person::default(), |score| {
        assert_eq!(
            (score.value, score.reason.as_ref()),
            (None, Some(&Reason::NotAsked))
        );
    });
}

#[test]
fn an_optional_item_counts_zero_when_it_is_blank() {
    let keys = "items = [\"1\", \"4\"]\nmethod = \"sum\"\nrange = [0, 34]\noptional = [\"4\"]\noptional_source = \"test\"";
    let instrument = scale(keys);
    assert_eq!(value(&instrument, "3 - - - - - -"), Some(3.0));
    assert_eq!(value(&instrument, "- - - 3 - - -"), None);
    assert!(
        refused(&keys.replace("optional_source", "lookup_source"))
            .contains("optional_source is missing")
    );
}

#[test]
fn a_raw_result_is_looked_up_with_its_standard_error() {
    let rows = "lookup = [[0, 30.5, 4.1], [1, 40, 3], [2, 50.2, 2.5], [3, 60, 2.4], [4, 70.1, 3.9]]\nlookup_source = \"test\"";
    let keys = format!("items = [\"1\"]\nmethod = \"sum\"\nrange = [30.5, 70.1]\n{rows}");
    let instrument = scale(&keys);
    look(&instrument, "2 - - - - - -", Person::default(), |score| {
        assert_eq!(
            (score.value, score.raw, score.standard_error),
            (Some(50.2), Some(2.0), Some(2.5))
        );
    });
    let gap = refused(&keys.replace("[2, 50.2, 2.5], ", ""));
    assert!(gap.contains("no row for 2"), "{gap}");
    let wrong = refused(&keys.replace("[30.5, 70.1]", "[0, 4]"));
    assert!(
        wrong.contains("range is [0, 4], but the lookup table gives [30.5, 70.1]"),
        "{wrong}"
    );
    assert!(refused(&keys.replace("[1, 40, 3]", "[1]")).contains("a row of the lookup table is"));
    assert!(
        refused(&keys.replace("[4, 70.1, 3.9]", "[4, 70.1], [5, 70]"))
            .contains("never give a raw result of 5")
    );
}

const NORMS: &str = r#"
items = ["1"]
method = "sum"
range = [0, 4]
missing = { rule = "refuse", source = "test" }
[[scales.bandings]]
id = "women"
source = "test"
sex = "female"
age_to = 64
bands = [{ id = "low", from = 0, to = 1 }, { id = "high", from = 2, to = 4 }]
[[scales.bandings]]
id = "all"
source = "test"
bands = [{ id = "low", from = 0, to = 2 }, { id = "high", from = 3, to = 4 }]
[[scales.cut_offs]]
id = "old"
at_most = 1
age_from = 65
source = "test"
"#;
const NORM_WORDS: &str = r#"
[language.en.scales.s]
name = "S"
bandings.women = { name = "Women", bands = { low = "low", high = "high" } }
bandings.all = { name = "All", bands = { low = "low", high = "high" } }
cut_offs = { old = "Old" }
"#;

#[test]
fn norms_for_some_people_are_used_only_when_it_is_known_that_they_fit() {
    let instrument = with(&format!("[[scales]]\nid = \"s\"\n{NORMS}"), NORM_WORDS);
    let person = |sex, age| Person { sex, age };
    let seen = |person: Person| {
        look(&instrument, "2 - - - - - -", person, |score| {
            let others = score.other_bands.iter();
            (
                score.banding.unwrap().id.clone(),
                score.band.unwrap().id.clone(),
                others
                    .map(|(banding, _)| banding.id.clone())
                    .collect::<Vec<_>>(),
            )
        })
    };
    let all = ("all".to_owned(), "low".to_owned(), vec![]);
    assert_eq!(seen(Person::default()), all);
    assert_eq!(
        seen(person(Some(Sex::Female), None)),
        all,
        "the age is not known"
    );
    assert_eq!(seen(person(Some(Sex::Male), Some(30))), all);
    assert_eq!(seen(person(Some(Sex::Female), Some(65))), all);
    assert_eq!(
        seen(person(Some(Sex::Female), Some(64))),
        (
            "women".to_owned(),
            "high".to_owned(),
            vec!["all".to_owned()]
        )
    );
    let reached = |written: &str, age| {
        look(&instrument, written, person(None, age), |score| {
            score.reached().count()
        })
    };
    assert_eq!(
        (
            reached("1 - - - - - -", Some(65)),
            reached("2 - - - - - -", Some(65))
        ),
        (1, 0)
    );
    assert_eq!(
        (
            reached("1 - - - - - -", Some(64)),
            reached("1 - - - - - -", None)
        ),
        (0, 0)
    );
}

#[test]
fn fractions_of_a_band_need_a_step() {
    let keys = "items = [\"1\", \"4\"]\nmethod = \"mean\"\nrange = [0, 17]\nband_step = 0.5\nbands_source = \"test\"\n\
        bands = [{ id = \"low\", from = 0, to = 2.5 }, { id = \"high\", from = 3, to = 17 }]\n";
    let middle = format!("[[scales]]\nid = \"s\"\n{keys}{REFUSE}");
    let words = "[language.en.scales.s]\nname = \"S\"\nbands = { low = \"low\", high = \"high\" }";
    let instrument = with(&middle, words);
    let band = |written: &str| {
        look(&instrument, written, Person::default(), |score| {
            score.band.unwrap().id.clone()
        })
    };
    assert_eq!(
        (band("2 - - 3 - - -"), band("2 - - 4 - - -")),
        ("low".to_owned(), "high".to_owned())
    );
    let said = parsed(&middle.replace("from = 3", "from = 3.5"), words).unwrap_err();
    assert!(
        said.contains("gap between bands \"low\" and \"high\": \"high\" must begin at 3"),
        "{said}"
    );
}

#[test]
fn a_criterion_can_look_at_a_score_and_is_open_without_one() {
    let middle = format!(
        "[[scales]]\nid = \"s\"\nitems = [\"1\", \"4\"]\nmethod = \"sum\"\nrange = [0, 34]\n{REFUSE}\
         [[criteria]]\nid = \"c\"\nsource = \"test\"\nrule = {{ all = [{{ scale = \"s\", at_most = 10 }}, {{ count = [{{ items = [\"3\"], answered = [2] }}], at_least = 1 }}] }}"
    );
    let words = "scales.s.name = \"S\"\ncriteria.c = \"C\"";
    let instrument = with(&middle, words);
    let verdict = |written: &str| {
        let form = answers(&instrument, written);
        score(&instrument, &form, Person::default())
            .criterion("c")
            .unwrap()
    };
    assert_eq!(verdict("1 - 1+2 9 - - -"), Verdict::Met);
    assert_eq!(verdict("2 - 1+2 9 - - -"), Verdict::NotMet);
    assert_eq!(verdict("1 - 1+2 - - - -"), Verdict::Unknown);
    assert_eq!(
        verdict("1 - 1 - - - -"),
        Verdict::NotMet,
        "the gap cannot change it"
    );
    assert_eq!(verdict("1 - - 9 - - -"), Verdict::Unknown);
    let nowhere = parsed(&middle.replace("scale = \"s\"", "scale = \"t\""), words).unwrap_err();
    assert!(nowhere.contains("there is no scale \"t\""), "{nowhere}");
}

#[test]
fn a_risk_rule_may_name_its_answers() {
    let middle = "[[risk_rules]]\nid = \"r\"\nversion = \"1\"\nitem = \"3\"\nanswered = [2, 14]\ntier = \"review\"\nsource = \"test\"";
    let instrument = with(middle, "risk_rules.r = \"R\"");
    let hit = |written: &str| {
        let form = answers(&instrument, written);
        rules::evaluate(&instrument, &form)
            .first()
            .map(|hit| (hit.value, hit.grade))
    };
    assert_eq!(hit("- - 1 - - - -"), None);
    assert_eq!(hit("- - 1+2 - - - -"), Some((2, 1)));
    assert_eq!(hit("- - 2+14 - - - -"), Some((14, 2)));
    assert_eq!(hit("- - d - - - -"), None);
    let said = parsed(
        &middle.replace("answered = [2, 14]", "answered = [3]"),
        "risk_rules.r = \"R\"",
    );
    assert!(said.unwrap_err().contains("has no answer 3"));
}

#[test]
fn an_item_is_answered_in_one_way() {
    let said = |from: &str, to: &str| {
        let text = format!("{HEAD}{TEXTS}").replacen(from, to, 1);
        let faults = Library::parse([("test/1.toml".to_owned(), text)]).unwrap_err();
        faults.iter().map(ToString::to_string).collect::<String>()
    };
    assert!(said("free_text = true", "free_text = true, options = \"o\"").contains("one of them"));
    assert!(said("from = 0, to = 30", "from = 3, to = 3").contains("leaves nothing to choose"));
    assert!(said("{ value = 14 }", "{ value = 15 }").contains("whole numbers from 1 to 14"));
    assert!(
        said(
            "any = [{ item = \"1\", answered = [4] }",
            "any = [{ item = \"1\", answered = [5] }"
        )
        .contains("has no answer 5")
    );
    assert!(
        said("{ item = \"4\", from = 5 }", "{ item = \"7\", from = 1 }")
            .contains("no earlier item")
    );
}
