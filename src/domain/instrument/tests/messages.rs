//! What is said of a mistake: in the words of the person who wrote the definition, once, and about its cause.

use super::faults::after;
use crate::domain::instrument::{DefinitionFile, Library};
use crate::domain::scoring::cases;

/// What is said of the shipped PHQ-9 after replacing the first `from` by `to`.
fn said(from: &str, to: &str) -> Vec<String> {
    after("phq9/1.toml", from, to)
}

/// That these are all the mistakes said, by their ends.
#[track_caller]
fn only(said: &[String], wanted: &[&str]) {
    assert_eq!(said.len(), wanted.len(), "{said:#?}");
    for (said, wanted) in said.iter().zip(wanted) {
        assert!(said.contains(wanted), "{said}");
        assert!(said.contains(", line "), "{said}");
    }
}

#[test]
fn what_cannot_be_read_is_said_without_the_words_of_programmers() {
    for (from, to, wanted) in [
        (
            "version = \"1\"",
            "version = 1",
            "write version = \"1\", in quotes",
        ),
        (
            "value = 1,",
            "value = 70000,",
            "value: the number 70000 is here; wanted is a whole number from -32768 to 32767",
        ),
        (
            "value = 1,",
            "value = \"1\",",
            "value: the text \"1\" is here; wanted is a whole number",
        ),
        (
            "range = [0, 27]",
            "range = 27",
            "range: the number 27 is here; wanted is a list, in [ ]",
        ),
        (
            "range = [0, 27]",
            "range = [0, 27, 3]",
            "wanted are two numbers, the lowest and the highest score",
        ),
        (
            "checked_on = ",
            "checked_on = 1 #",
            "checked_on: the number 1 is here; wanted is a date without quotes",
        ),
        (
            "checked_on = ",
            "checked_on = \"2026-11-22\" #",
            "wanted is a date without quotes, such as 2026-11-22",
        ),
        (
            "checked_on = ",
            "checked_on = 12:00:00 #",
            "checked_on is 12:00:00; wanted is a date",
        ),
        (
            "id = \"phq9\"",
            "id = “phq9”",
            "curly quotation marks; wanted are straight ones",
        ),
        (
            "bands_source",
            "band_source",
            "there is no key `band_source` here; did you mean `bands_source`? the keys here are `id`",
        ),
        (
            "method = \"sum\"\n",
            "method = \"sum\"\nmethod = \"sum\"\n",
            "the key `method` is there twice; first in line ",
        ),
        ("method = \"sum\"\n", "", "method is missing"),
        ("id = \"phq9\"", "id = phq9", "text must be in quotes"),
        (
            "id = \"phq9\"",
            "id = \"phq9",
            "a quotation mark that is not closed in its line",
        ),
        (
            "checked_on = ",
            "checked_on = 1.2.3 #",
            "checked_on: wanted is a date without quotes",
        ),
        (
            "[licence]\n",
            "licence = 1\n[other]\n",
            "licence: the number 1 is here; wanted is a table",
        ),
        (
            "direction = \"higher_is_worse\"",
            "direction = \"up\"",
            "direction: \"up\" is not known; wanted is",
        ),
    ] {
        let said = said(from, to);
        assert!(
            said.iter().any(|said| said.contains(wanted)),
            "{to}: {said:#?}"
        );
        let all = said.join("\n");
        for word in [
            "i16", "sequence", "Some(", "variant", "struct", " map", "integer", "field",
        ] {
            assert!(!all.contains(word), "{word}: {all}");
        }
        assert!(all.contains(", line "), "{all}");
    }
}

#[test]
fn a_mistake_is_said_once_and_what_follows_from_it_is_not() {
    only(
        &said("9 = \"Thoughts that", "# "),
        &["[language.en.items] has no words for \"9\"; wanted is 9 = \"…\""],
    );
    let stems = said("two_weeks = \"Over", "# ");
    only(
        &stems,
        &["[language.en.stems] has no words for \"two_weeks\""],
    );
    only(
        &said("bands_source = ", "# "),
        &["bands_source is missing; wanted is"],
    );
    only(
        &said("class = \"A\"", "class = \"D\""),
        &["licence class \"D\"; wanted is"],
    );
    only(
        &said(
            "id = \"9\", options = \"frequency\"",
            "id = \"9\", options = \"frequenzy\"",
        ),
        &["there is no option set \"frequenzy\"; did you mean \"frequency\"?"],
    );
    only(
        &said(
            "items = [\"1\", \"2\"], from",
            "items = [\"1\", \"33\"], from",
        ),
        &["there is no item \"33\""],
    );
    let scales = after("pcl5/1.toml", "id = \"c\"", "id = \"b\"");
    assert!(
        scales
            .iter()
            .any(|said| said.contains("scale \"b\" is there twice")),
        "{scales:#?}"
    );
    assert!(
        !scales.iter().any(|said| said.contains("language")),
        "{scales:#?}"
    );
    only(
        &said("{ id = \"2\", ", "{ id = \"1\", "),
        &["item \"1\" is there twice"],
    );
    only(
        &after(
            "pc_ptsd_5/1.toml",
            "item = \"0\", answered",
            "item = \"x\", answered",
        ),
        &["asked_when names \"x\", which is no earlier item"],
    );
}

/// What is said of these cases of the shipped PHQ-9.
fn of_cases(text: &str) -> String {
    let instrument = Library::embedded().get("phq9").unwrap();
    let file = DefinitionFile::shipped("phq9/1.cases.toml".to_owned(), text.to_owned());
    let faults = cases::check(instrument, &file).unwrap_err();
    faults.iter().map(|fault| format!("{fault}\n")).collect()
}

#[test]
fn names_in_a_case_that_lead_nowhere_are_said_to_be_unknown() {
    let case = |rest: &str| {
        format!("[[cases]]\nname = \"a\"\nanswers = \"0 0 0 0 0 0 0 0 0 0\"\n{rest}\n")
    };
    for (rest, wanted) in [
        (
            "scores.totl = { value = 0 }",
            "there is no scale \"totl\"; did you mean \"total\"?",
        ),
        (
            "scores.total = { value = 0, band = \"minimum\" }",
            "there is no band \"minimum\"",
        ),
        (
            "scores.total = { value = 0, reached = [\"x\"] }",
            "there is no cut-off \"x\"",
        ),
        ("met = [\"x\"]", "there is no criterion \"x\""),
        ("open = [\"x\"]", "there is no criterion \"x\""),
        ("flags = [\"x\"]", "there is no risk rule \"x\""),
    ] {
        let said = of_cases(&case(rest));
        assert!(said.contains(wanted), "{said}");
        assert!(!said.contains("not [\"x\"]"), "{said}");
    }
    let commas = case("").replace("0 0 0 0 0 0 0 0 0 0", "0,0,0,0,0,0,0,0,0,0");
    assert!(of_cases(&commas).contains("separate the answers with spaces"));
    let twice = format!("{}{}", case(""), case(""));
    assert!(of_cases(&twice).contains("there are two cases \"a\""));
}
