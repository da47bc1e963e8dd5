//! A published version never changes: `survey-defs/published.toml` records what each one was.

use crate::domain::instrument::{Library, shipped_files};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PublishedFile {
    published: Vec<Published>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Published {
    id: String,
    version: String,
    /// Of a translation's file; absent for the definition itself.
    #[serde(default)]
    language: Option<String>,
    sha256: String,
}

fn published() -> Vec<Published> {
    let (_, text) = shipped_files()
        .find(|(path, _)| path == "published.toml")
        .expect("survey-defs/published.toml");
    toml::from_str::<PublishedFile>(&text).unwrap().published
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
