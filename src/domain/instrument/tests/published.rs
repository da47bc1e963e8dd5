//! A published version never changes: `survey-defs/published.toml` records what each one was.

use crate::domain::instrument::{
    DefinitionFile, Library, Origin, Published, changed, shipped_files,
};

fn published() -> Vec<Published> {
    let (_, text) = shipped_files()
        .find(|(path, _)| path == "published.toml")
        .expect("survey-defs/published.toml");
    Published::read(&text).unwrap()
}

/// The fingerprint of the file that an entry speaks of.
fn fingerprint(entry: &Published) -> Option<&'static str> {
    let instrument = Library::embedded().version(&entry.id, &entry.version)?;
    match &entry.language {
        None => Some(&instrument.fingerprint),
        Some(language) => Some(
            &instrument
                .texts(language)?
                .translation
                .as_ref()?
                .fingerprint,
        ),
    }
}

#[test]
fn a_published_version_never_changes() {
    for entry in published() {
        let found = fingerprint(&entry)
            .unwrap_or_else(|| panic!("{entry:?} was published; its file must stay"));
        assert_eq!(
            found, entry.sha256,
            "{entry:?} was published and its file may not change. Put the file back and make the next version"
        );
    }
}

#[test]
fn every_definition_and_translation_is_recorded_as_published() {
    let published = published();
    let recorded = |id: &str, version: &str, language: Option<&str>, hint: &str| {
        let same = |entry: &&Published| {
            entry.id == id && entry.version == version && entry.language.as_deref() == language
        };
        let times = published.iter().filter(same).count();
        assert_eq!(
            times, 1,
            "add {id} {version} {language:?} to survey-defs/published.toml once, with sha256 = \"{hint}\""
        );
    };
    for instrument in Library::embedded().iter() {
        let (id, version) = (&instrument.id, &instrument.version);
        recorded(id, version, None, &instrument.fingerprint);
        for language in instrument.languages() {
            let texts = instrument.texts(language).unwrap();
            if let Some(translation) = &texts.translation {
                recorded(id, version, Some(language), &translation.fingerprint);
            }
        }
    }
}

#[test]
fn a_clinics_own_file_is_refused_when_it_changed_or_was_never_taken_in() {
    let file = |path: &str, text: &str| DefinitionFile {
        origin: Origin::Site,
        path: path.to_owned(),
        shown: format!("/site/{path}"),
        text: text.to_owned(),
    };
    let files = [
        file("own/1.toml", "one"),
        file("own/1.es.toml", "uno"),
        file("own/1.cases.toml", "cases"),
    ];
    let list: String = files
        .iter()
        .filter_map(Published::of)
        .map(|entry| entry.lines())
        .collect();
    let list = Published::read(&list).unwrap();
    assert_eq!(list.len(), 2, "scores name no cases");
    assert_eq!(changed(&files, &list), []);
    let edited = changed(&[file("own/1.toml", "One")], &list);
    assert!(
        edited[0].what.contains("is not the one that was published"),
        "{edited:?}"
    );
    let unknown = changed(&[file("own/2.toml", "two")], &list);
    assert!(
        unknown[0]
            .what
            .contains("has no line for this file; take it in with `attune instrument add`"),
        "{unknown:?}"
    );
}
