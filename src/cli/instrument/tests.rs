//! Which files belong to which version, and that a version is never written over.

use super::add::{add, take_in};
use super::check::{all, check_version, files_of, version_of};
use crate::cli::console::Exit;
use crate::domain::instrument::{DefinitionFile, Origin};
use std::fs;
use std::path::{Path, PathBuf};

fn shipped(id: &str) -> Vec<DefinitionFile> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("survey-defs");
    files_of(&folder.join(id), Origin::Shipped).unwrap()
}

/// A folder of the test's own, gone at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("attune-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn check(&self, path: &str) -> Exit {
        let nowhere = Path::new("/nowhere");
        all(&[self.0.join(path)], Origin::Shipped, nowhere).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The guide's first example under an id that does not ship.
fn own(version: &str) -> [(String, String); 2] {
    let files = shipped("phq2");
    ["toml", "cases.toml"].map(|end| {
        let name = format!("1.{end}");
        let file = files
            .iter()
            .find(|file| file.path.ends_with(&name))
            .unwrap();
        let text = file.text.replacen("id = \"phq2\"", "id = \"mood\"", 1);
        let text = text.replacen("version = \"1\"", &format!("version = \"{version}\""), 1);
        (format!("mood/{version}.{end}"), text)
    })
}

fn config(site: &Folder) -> crate::config::Config {
    let given = [(
        "ATTUNE_SURVEY_DEFS".to_owned(),
        site.0.display().to_string(),
    )];
    crate::config::Config::read(given.into_iter()).unwrap()
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
    let folder = Folder::new("add");
    let mut files = shipped("gad7");
    take_in(&files, &folder.0).unwrap();
    let again = take_in(&files, &folder.0).unwrap();
    assert!(
        again
            .iter()
            .all(|said| said.contains("there already, the same")),
        "{again:?}"
    );
    let definition = files.iter_mut().find(|file| file.is_definition()).unwrap();
    definition.text.push('\n');
    let changed = take_in(&files, &folder.0).unwrap_err();
    assert!(
        changed.contains("gad7/1.toml: is there already, differs from")
            && changed.contains("may not change"),
        "{changed}"
    );
}

#[test]
fn a_second_version_is_added_beside_the_first_and_a_changed_file_is_found() {
    let (source, site) = (Folder::new("source"), Folder::new("site"));
    let config = config(&site);
    for version in ["1", "2"] {
        own(version)
            .iter()
            .for_each(|(path, text)| source.write(path, text));
        assert_eq!(
            add(&config, &source.0.join("mood")),
            Ok(Exit::Done),
            "{version}"
        );
    }
    let files = |site: &Folder| {
        let files = crate::cli::definitions::read_all(&site.0, Origin::Site).unwrap();
        let published = crate::cli::definitions::published(&site.0).unwrap();
        assert_eq!(published.len(), 2);
        crate::domain::instrument::changed(&files, &published)
    };
    assert_eq!(files(&site), []);
    let [(path, text), _] = own("1");
    site.write(&path, &text.replace("Little interest", "No interest"));
    let faults = files(&site);
    assert!(
        faults[0].file.ends_with("mood/1.toml") && faults.len() == 1,
        "{faults:?}"
    );
    let said = add(&config, &site.0.join("mood")).unwrap_err();
    assert!(said.contains("differs from what was published"), "{said}");
}

#[test]
fn a_data_folder_that_a_definition_begins_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (source, site) = (Folder::new("source-first"), Folder::new("site-first"));
    for (path, text) in own("1") {
        source.write(&path, &text);
    }
    let data = site.0.join("data");
    let given = [("ATTUNE_DATA_DIR".to_owned(), data.display().to_string())];
    let config = crate::config::Config::read(given.into_iter()).unwrap();
    assert_eq!(add(&config, &source.0.join("mood")), Ok(Exit::Done));
    assert!(data.join("survey-defs/mood/1.toml").exists());
    let mode = fs::metadata(&data).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
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
    let empty = Folder::new("empty");
    assert_eq!(empty.check(""), Exit::Failed);
    empty.write("mood/1.cases.toml", "cases = []\n");
    assert_eq!(empty.check("mood"), Exit::Failed);
    let alone = files_of(&empty.0, Origin::Shipped).unwrap();
    let faults = check_version(&alone).unwrap_err();
    assert!(faults[0].what.contains("there is no 1.toml"), "{faults:?}");
}

/// Protected wording of our own, with the clinic's right to it.
const WORDS: &str = r#"
sources = ["the contract's annex", "a printed form"]
translator = "the publisher"
status = "the publisher's own wording"
items.1 = "Sad?"
items.2 = "Tired?"
stems.two_weeks = "In the last two weeks"
options.frequency = { 0 = "no", 1 = "a little", 2 = "much", 3 = "always" }
permission = { holder = "Riverside Clinic", reference = "contract 17", granted_on = 2026-01-01 }
"#;

#[test]
fn protected_wording_is_checked_as_it_is_added() {
    let (source, site) = (Folder::new("licensed"), Folder::new("licensed-site"));
    let [(path, text), (cases, worked)] = own("1");
    let wordless: Vec<_> = text.split("[language.en.stems]").collect();
    let scales = text.split("[language.en.scales").skip(1);
    let scales: String = scales
        .map(|part| format!("[language.en.scales{part}"))
        .collect();
    let text = format!(
        "{}{scales}",
        wordless[0].replace("class = \"A\"", "class = \"C\"")
    );
    source.write(&path, &text);
    source.write(&cases, &worked);
    source.write("mood/1.en.toml", WORDS);
    assert_eq!(source.check("mood"), Exit::Done);
    assert_eq!(add(&config(&site), &source.0.join("mood")), Ok(Exit::Done));
    for key in ["sources", "status", "translator"] {
        source.write(
            "mood/1.en.toml",
            &WORDS.replace(&format!("\n{key} ="), "\n# "),
        );
        assert_eq!(source.check("mood"), Exit::Failed, "{key}");
        let other = Folder::new("licensed-other");
        assert_eq!(
            add(&config(&other), &source.0.join("mood")),
            Ok(Exit::Failed),
            "{key}"
        );
    }
}

#[test]
fn nobody_can_have_looked_at_a_licence_tomorrow() {
    let folder = Folder::new("ahead");
    for (path, text) in own("1") {
        folder.write(
            &path,
            &text.replace("checked_on = 2026", "checked_on = 9026"),
        );
    }
    let files = files_of(&folder.0.join("mood"), Origin::Site).unwrap();
    let faults = check_version(&files).unwrap_err();
    assert!(
        faults[0].what.contains("which is still to come") && faults[0].line.is_some(),
        "{faults:?}"
    );
}

#[test]
fn a_definition_says_where_its_words_come_from() {
    let mut files = shipped("gad7");
    let definition = files.iter_mut().find(|file| file.is_definition()).unwrap();
    let (before, rest) = definition.text.split_once("sources = [").unwrap();
    let (_, after) = rest.split_once("\n]").unwrap();
    definition.text = format!("{before}sources = []{after}");
    let faults = check_version(&files).unwrap_err();
    assert!(
        faults[0].what.contains("sources is missing") && faults[0].line.is_some(),
        "{faults:?}"
    );
}

#[test]
fn an_id_that_ships_is_not_the_clinics() {
    let mut files = shipped("gad7");
    let definition = files.iter_mut().find(|file| file.is_definition()).unwrap();
    definition.text.push('\n');
    let said = check_version(&files).unwrap();
    assert!(said.contains("a clinic's own needs another id"), "{said}");
    files.iter_mut().for_each(|file| file.origin = Origin::Site);
    let faults = check_version(&files).unwrap_err();
    assert!(
        faults[0].what.contains("ships with the program"),
        "{faults:?}"
    );
}
