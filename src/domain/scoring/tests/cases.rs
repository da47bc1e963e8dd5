//! The worked cases of every definition that ships come out, and cover its edges.

use crate::domain::instrument::{DefinitionFile, Library, shipped_files};
use crate::domain::scoring::cases::{self, check};

#[test]
fn every_definition_has_cases_that_come_out_and_cover_its_edges() {
    let (mut run, mut wrong) = (0, Vec::new());
    for instrument in Library::embedded().iter() {
        let file = shipped_files()
            .map(|(path, text)| DefinitionFile::shipped(path, text))
            .find(|file| file.are_cases_of(instrument));
        let (id, version) = (&instrument.id, &instrument.version);
        let file =
            file.unwrap_or_else(|| panic!("survey-defs/{id}/{version}.cases.toml is missing"));
        match check(instrument, &file) {
            Ok(worked) => run += worked.run,
            Err(faults) => wrong.extend(faults.iter().map(ToString::to_string)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(run >= 60, "only {run} cases were run");
}

/// What is said of the shipped cases of an instrument after replacing the first `from` by `to`.
fn said(id: &str, from: &str, to: &str) -> String {
    let instrument = Library::embedded().get(id).unwrap();
    let file = shipped_files()
        .map(|(path, text)| DefinitionFile::shipped(path, text))
        .find(|file| file.are_cases_of(instrument))
        .unwrap();
    assert!(file.text.contains(from), "{from:?}");
    let text = file.text.replacen(from, to, 1);
    let faults = check(instrument, &DefinitionFile { text, ..file }).unwrap_err();
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn a_case_that_does_not_come_out_is_named_with_its_line() {
    let said = said(
        "phq9",
        "{ value = 27, band = \"severe\"",
        "{ value = 26, band = \"mild\"",
    );
    assert!(said.contains("1.cases.toml, line"), "{said}");
    assert!(
        said.contains("case \"every answer the highest\": total: value is 27, not 26"),
        "{said}"
    );
    assert!(said.contains("band is \"severe\", not \"mild\""), "{said}");
}

#[test]
fn an_edge_without_a_case_is_asked_for() {
    let said = said(
        "phq9",
        "answers = \"3 3 3 3 3 3 3 3 3 | 3\"\nscores.total = { value = 27",
        "answers = \"3 3 3 3 3 3 3 3 2 | 3\"\nscores.total = { value = 26",
    );
    assert!(
        said.contains("no case for a score of 27 on \"total\""),
        "{said}"
    );
}

#[test]
fn answers_that_cannot_be_read_are_named() {
    let short = said(
        "phq9",
        "answers = \"0 0 0 0 0 0 0 0 0 | 0\"",
        "answers = \"0 0\"",
    );
    assert!(short.contains("2 answers for 10 items"), "{short}");
    let odd = said(
        "phq9",
        "answers = \"0 0 0 0 0 0 0 0 0 | 0\"",
        "answers = \"x 0 0 0 0 0 0 0 0 | 0\"",
    );
    assert!(odd.contains("item 1: \"x\" is no answer"), "{odd}");
}

#[test]
fn each_tick_is_made_once() {
    let instrument = Library::embedded().get("lec5").unwrap();
    let words: Vec<_> = instrument.items.iter().map(|_| "1+1").collect();
    let said = cases::answers(instrument, &words.join(" ")).unwrap_err();
    assert!(said.contains("\"1+1\" ticks the same twice"), "{said}");
}
