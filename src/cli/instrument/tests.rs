//! Which files belong to which version, and that a version is never written over.

use super::{add, check_version, copy, files_of, version_of};
use crate::domain::instrument::{DefinitionFile, Origin};
use std::path::Path;

fn shipped(id: &str) -> Vec<DefinitionFile> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("survey-defs");
    files_of(&folder.join(id), Origin::Shipped).unwrap()
}

#[test]
fn a_shipped_instrument_is_sound_and_its_cases_come_out() {
    let said = check_version(&shipped("gad7")).unwrap();
    assert!(
        said.contains("sound; 14 cases come out; words in: en"),
        "{said}"
    );
}

#[test]
fn a_definition_without_cases_is_not_sound() {
    let mut files = shipped("gad7");
    files.retain(DefinitionFile::is_definition);
    let faults = check_version(&files).unwrap_err();
    assert!(
        faults[0].what.contains("there are no worked cases"),
        "{faults:?}"
    );
}

#[test]
fn files_of_one_version_belong_together() {
    let keys: Vec<_> = shipped("phq9").iter().map(version_of).collect();
    assert!(
        keys.len() >= 2 && keys.iter().all(|key| key.ends_with("phq9/1")),
        "{keys:?}"
    );
}

#[test]
fn a_version_that_is_there_is_never_written_over() {
    let folder = std::env::temp_dir().join(format!("attune-add-{}", std::process::id()));
    let files = shipped("gad7");
    copy(&files, &folder).unwrap();
    let again = copy(&files, &folder).unwrap_err();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(
        again.contains("is there already and may not change"),
        "{again}"
    );
}

#[test]
fn an_empty_folder_is_no_instrument() {
    let config = crate::config::Config::read(std::iter::empty()).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    assert!(
        add(&config, &folder)
            .unwrap_err()
            .contains("there is no definition")
    );
}
