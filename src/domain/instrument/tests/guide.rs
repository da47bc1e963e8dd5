//! The guide for adding an instrument shows a definition and its cases; a newcomer copies them, so they must work.

use crate::domain::instrument::{DefinitionFile, Instrument, Library, shipped_files};
use crate::domain::scoring::cases::check;

const GUIDE: &str = include_str!("../../../../docs/adding-an-instrument.md");

/// The block of TOML that begins with this comment.
fn block(first_line: &str) -> &'static str {
    let from = GUIDE
        .find(first_line)
        .unwrap_or_else(|| panic!("{first_line:?} is not in the guide"));
    let block = &GUIDE[from..];
    &block[..block.find("```").unwrap()]
}

fn example(id: &str) -> Instrument {
    let path = format!("{id}/1.toml");
    let definition = block(&format!("# {path}")).to_owned();
    let library = Library::parse([(path, definition)]);
    library
        .unwrap_or_else(|faults| panic!("{faults:#?}"))
        .get(id)
        .unwrap()
        .clone()
}

/// The worked cases of an example, as the guide prints them.
fn cases(id: &str) -> DefinitionFile {
    let path = format!("{id}/1.cases.toml");
    let text = block(&format!("# {path}")).to_owned();
    DefinitionFile::shipped(path, text)
}

#[test]
fn the_definitions_in_the_guide_are_sound_and_their_cases_come_out() {
    for (id, at_least) in [("phq2", 4), ("day_check", 10)] {
        let worked = check(&example(id), &cases(id)).unwrap_or_else(|faults| panic!("{faults:#?}"));
        assert!(worked.run >= at_least, "{id}");
        assert_eq!(worked.not_covered, [""; 0], "{id}");
    }
}

#[test]
fn finer_edges_are_named_when_their_case_is_taken_out() {
    let instrument = example("day_check");
    for (name, lost) in [
        (
            "rounded to 5",
            "a prorated score on \"burden\" with a fraction below a half",
        ),
        (
            "the highest middle",
            "criterion \"burdened\" by rule 2 of the 2 under `any` alone",
        ),
        (
            "an answer that is ruled out",
            "answers to 6 that an earlier answer rules out",
        ),
    ] {
        let file = cases("day_check");
        let kept = file
            .text
            .split("[[cases]]")
            .filter(|case| !case.contains(name));
        let mut text = kept.collect::<Vec<_>>().join("[[cases]]");
        if name == "the highest middle" {
            // Its score is an edge of a band all the same.
            text.push_str(
                "[[cases]]\nname = \"both\"\nanswers = \"0 3 1 0 | 0 - | - -\"\n\
                 scores.burden = { value = 7, band = \"middle\" }\nscores.days = { value = 0 }\n",
            );
        }
        let worked = check(&instrument, &DefinitionFile { text, ..file });
        let worked = worked.unwrap_or_else(|faults| panic!("{faults:#?}"));
        assert!(
            worked.not_covered.iter().any(|what| what.contains(lost)),
            "{name}: {:?}",
            worked.not_covered
        );
    }
}

#[test]
fn the_guide_explains_every_key_a_definition_may_have() {
    let mut explained = 0;
    for (anchor, wrong) in PLACES {
        for key in keys_allowed_at(anchor, wrong) {
            assert!(
                GUIDE.contains(&format!("`{key}`")),
                "{key}, allowed at {anchor:?}, is not explained"
            );
            explained += 1;
        }
    }
    assert!(explained >= 60, "only {explained} keys were looked at");
}

/// One place in each kind of table of the shipped PHQ-9, and the same with a key too many.
const PLACES: [(&str, &str); 13] = [
    ("id = \"phq9\"", "zzz = 1\nid = \"phq9\""),
    ("{ id = \"1\"", "{ zzz = 1, id = \"1\""),
    ("{ value = 0,", "{ zzz = 1, value = 0,"),
    ("[licence]", "[licence]\nzzz = 1"),
    ("[[scales]]", "[[scales]]\nzzz = 1"),
    ("[scales.missing]", "[scales.missing]\nzzz = 1"),
    ("[[scales.bands]]", "[[scales.bands]]\nzzz = 1"),
    ("[[scales.cut_offs]]", "[[scales.cut_offs]]\nzzz = 1"),
    ("[scales.change]", "[scales.change]\nzzz = 1"),
    ("[[criteria]]", "[[criteria]]\nzzz = 1"),
    ("[criteria.rule]", "[criteria.rule]\nzzz = 1"),
    ("[[risk_rules]]", "[[risk_rules]]\nzzz = 1"),
    ("[language.en]", "[language.en]\nzzz = 1"),
];

/// The keys the refusal of an unknown key says it would have taken.
fn keys_allowed_at(anchor: &str, wrong: &str) -> Vec<String> {
    let (_, text) = shipped_files()
        .find(|(path, _)| path == "phq9/1.toml")
        .unwrap();
    assert!(text.contains(anchor), "{anchor:?}");
    let changed = text.replacen(anchor, wrong, 1);
    let faults = Library::parse([("phq9/1.toml".to_owned(), changed)]).unwrap_err();
    let (_, expected) = faults[0].what.split_once("the keys here are ").unwrap();
    expected
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}
