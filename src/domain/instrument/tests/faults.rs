//! Mistakes in a definition: each is found, and said with file, line and what is wanted.

use crate::domain::instrument::{Library, shipped_files};

/// The mistakes found after replacing the first `from` in the shipped PHQ-9 (or the given file) by `to`.
pub(super) fn after(file: &str, from: &str, to: &str) -> Vec<String> {
    let (_, text) = shipped_files().find(|(path, _)| path == file).unwrap();
    assert!(text.contains(from), "{from:?} is not in {file}");
    let changed = text.replacen(from, to, 1);
    let faults =
        Library::parse([(file.to_owned(), changed)]).expect_err("a mistake was let through");
    faults.iter().map(ToString::to_string).collect()
}

fn said(from: &str, to: &str) -> String {
    after("phq9/1.toml", from, to).join("\n")
}

/// The line of the first `needle` in the shipped PHQ-9, counted from 1.
fn line_of(needle: &str) -> usize {
    let (_, text) = shipped_files()
        .find(|(path, _)| path == "phq9/1.toml")
        .unwrap();
    text.lines().position(|line| line.contains(needle)).unwrap() + 1
}

#[test]
fn a_misspelt_key_is_a_mistake_with_its_line() {
    let said = said("bands_source", "band_source");
    let line = line_of("bands_source");
    assert!(
        said.contains(&format!(
            "survey-defs/phq9/1.toml, line {line}: there is no key `band_source` here; did you mean `bands_source`?"
        )),
        "{said}"
    );
}

#[test]
fn overlapping_bands_and_gaps_between_bands_are_mistakes() {
    let overlap = said("from = 10\nto = 14", "from = 9\nto = 14");
    assert!(
        overlap.contains("bands \"mild\" and \"moderate\" overlap: \"moderate\" must begin at 10"),
        "{overlap}"
    );
    let gap = said("from = 10\nto = 14", "from = 11\nto = 14");
    assert!(
        gap.contains("there is a gap between bands \"mild\" and \"moderate\""),
        "{gap}"
    );
    let short = said("to = 27", "to = 26");
    assert!(
        short.contains("band \"severe\" ends the scale at 26, but the range ends at 27"),
        "{short}"
    );
    let upside_down = said("from = 10\nto = 14", "from = 10\nto = 8");
    assert!(
        upside_down.contains("band \"moderate\" goes from 10 down to 8"),
        "{upside_down}"
    );
}

#[test]
fn the_stated_range_must_be_the_one_the_items_give() {
    let said = said("range = [0, 27]", "range = [0, 24]");
    assert!(
        said.contains("range is [0, 24], but the items give [0, 27]"),
        "{said}"
    );
}

#[test]
fn names_that_lead_nowhere_are_mistakes_with_their_line() {
    let item = said("item = \"9\"\nat_least = 1", "item = \"19\"\nat_least = 1");
    assert!(
        item.contains(&format!(
            "line {}: there is no item \"19\"",
            line_of("item = \"9\"")
        )),
        "{item}"
    );
    assert!(
        said(
            "items = [\"1\", \"2\", \"3\"",
            "items = [\"1\", \"2\", \"33\""
        )
        .contains("there is no item \"33\"")
    );
    assert!(
        said("options = \"frequency\"", "options = \"often\"")
            .contains("there is no option set \"often\"")
    );
    assert!(
        said("tier = \"crisis\"", "tier = \"urgent\"")
            .contains("tier \"urgent\"; wanted is one of [\"crisis\", \"review\"]")
    );
}

#[test]
fn things_that_are_there_twice_are_mistakes() {
    assert!(said("{ id = \"2\", ", "{ id = \"1\", ").contains("item \"1\" is there twice"));
    let value = said("{ value = 1, code", "{ value = 0, code");
    assert!(
        value.contains("option set \"difficulty\" has the value 0 twice")
            || value.contains("option set \"frequency\" has the value 0 twice"),
        "{value}"
    );
    assert!(said("id = \"mild\"", "id = \"minimal\"").contains("band \"minimal\" is there twice"));
    let scale = after("pcl5/1.toml", "id = \"c\"", "id = \"b\"").join("\n");
    assert!(scale.contains("scale \"b\" is there twice"), "{scale}");
}

#[test]
fn words_must_be_there_for_everything_and_for_nothing_else() {
    let lost = said("9 = \"Thoughts that", "99 = \"Thoughts that");
    assert!(
        lost.contains("[language.en.items] has no words for \"9\""),
        "{lost}"
    );
    assert!(
        lost.contains("has words for \"99\", which the definition does not know"),
        "{lost}"
    );
    let (_, text) = shipped_files()
        .find(|(path, _)| path == "phq9/1.toml")
        .unwrap();
    let spanish_only = text.replace("[language.en", "[language.es");
    let faults = Library::parse([("phq9/1.toml".to_owned(), spanish_only)]).unwrap_err();
    assert!(
        faults[0].to_string().contains("there is no [language.en]"),
        "{faults:#?}"
    );
    assert!(said("2 = \"More than half the days\"", "2 = \" \"").contains("2 is empty"));
}

#[test]
fn what_nothing_refers_to_is_a_mistake() {
    let unused = said("options = \"difficulty\"", "options = \"frequency\"");
    assert!(
        unused.contains("no item uses the option set \"difficulty\""),
        "{unused}"
    );
    let options = said(
        "[language.en.options.difficulty]",
        "[language.en.options.effort]",
    );
    assert!(
        options.contains("[language.en.options.effort], but the definition does not know"),
        "{options}"
    );
    let scale = after(
        "pcl5/1.toml",
        "[language.en.scales.e]",
        "[language.en.scales.f]",
    )
    .join("\n");
    assert!(
        scale.contains("[language.en.scales.f], but the definition does not know"),
        "{scale}"
    );
    assert!(
        scale.contains("[language.en.scales.e] is missing: it needs a name"),
        "{scale}"
    );
}

#[test]
fn a_threshold_that_tells_nobody_apart_is_a_mistake() {
    let always = said("item = \"9\"\nat_least = 1", "item = \"9\"\nat_least = 0");
    assert!(
        always.contains("is answered from 0 to 3, so 0 and above tells nobody apart"),
        "{always}"
    );
    assert!(said("at_least = 10", "at_least = 28").contains("a cut-off of 28 tells nobody apart"));
    assert!(said("at_least = 5 }", "at_least = 10 }").contains("9 items can never count 10 times"));
}

#[test]
fn a_constant_without_its_source_is_a_mistake() {
    let no_source = said("remission_source", "# remission_source");
    assert!(
        no_source.contains("change: every change constant needs its published source"),
        "{no_source}"
    );
    assert!(said("bands_source = ", "# bands_source = ").contains("bands_source is missing"));
}

#[test]
fn a_missing_rule_must_be_one_of_those_there_are() {
    let half = said("rule = \"refuse\"", "rule = \"prorate\"");
    assert!(
        half.contains("missing rule \"prorate\" with these keys; wanted is"),
        "{half}"
    );
    let many = said("rule = \"refuse\"", "rule = \"blank_is_zero\"\nat_most = 9");
    assert!(many.contains("at_most must be from 1 to 8"), "{many}");
}

#[test]
fn a_gate_must_be_earlier_and_its_effect_must_be_said() {
    let file = "pc_ptsd_5/1.toml";
    let later = after(
        file,
        "asked_when = { item = \"0\"",
        "asked_when = { item = \"5\"",
    )
    .join("\n");
    assert!(
        later.contains("asked_when names \"5\", which is no earlier item"),
        "{later}"
    );
    let value = after(file, "answered = [1]", "answered = [2]").join("\n");
    assert!(value.contains("item \"0\" has no answer 2"), "{value}");
    let unsaid = after(file, "not_asked = \"zero\"\n", "").join("\n");
    assert!(unsaid.contains("say not_asked = \"zero\""), "{unsaid}");
}

#[test]
fn the_file_must_stand_where_its_name_says() {
    let (_, text) = shipped_files()
        .find(|(path, _)| path == "phq9/1.toml")
        .unwrap();
    let faults = Library::parse([("phq9/2.toml".to_owned(), text)]).unwrap_err();
    assert!(
        faults[0]
            .to_string()
            .contains("it must be survey-defs/phq9/1.toml"),
        "{}",
        faults[0]
    );
    assert!(
        said("version = \"1\"", "version = \"1a\"").contains("wanted is a whole number from 1")
    );
}

#[test]
fn all_mistakes_are_said_at_once() {
    let (_, text) = shipped_files()
        .find(|(path, _)| path == "phq9/1.toml")
        .unwrap();
    let changed = text
        .replacen("range = [0, 27]", "range = [0, 28]", 1)
        .replacen("class = \"A\"", "class = \"Z\"", 1);
    let faults = Library::parse([("phq9/1.toml".to_owned(), changed)]).unwrap_err();
    let lines: Vec<_> = faults.iter().filter_map(|fault| fault.line).collect();
    assert!(
        faults.len() >= 2 && lines.len() == faults.len(),
        "{faults:#?}"
    );
}
