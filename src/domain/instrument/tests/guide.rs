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

fn example() -> Instrument {
    let definition = block("# survey-defs/phq2/1.toml").to_owned();
    let library = Library::parse([("phq2/1.toml".to_owned(), definition)]);
    library
        .unwrap_or_else(|faults| panic!("{faults:#?}"))
        .get("phq2")
        .unwrap()
        .clone()
}

#[test]
fn the_definition_in_the_guide_is_sound_and_its_cases_come_out() {
    let instrument = example();
    let cases = block("# survey-defs/phq2/1.cases.toml").to_owned();
    let cases = DefinitionFile::shipped("phq2/1.cases.toml".to_owned(), cases);
    let run = check(&instrument, &cases).unwrap_or_else(|faults| panic!("{faults:#?}"));
    assert!(run >= 4);
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
    let (_, expected) = faults[0].what.split_once("expected ").unwrap();
    expected
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}
