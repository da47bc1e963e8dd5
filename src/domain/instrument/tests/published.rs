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
    sha256: String,
}

fn published() -> Vec<Published> {
    let (_, text) = shipped_files()
        .find(|(path, _)| path == "published.toml")
        .expect("survey-defs/published.toml");
    toml::from_str::<PublishedFile>(&text).unwrap().published
}

#[test]
fn a_published_version_never_changes() {
    for entry in published() {
        let Published {
            id,
            version,
            sha256,
        } = &entry;
        let instrument = Library::embedded().version(id, version);
        let instrument = instrument
            .unwrap_or_else(|| panic!("{id} {version} was published; its file must stay"));
        assert_eq!(
            &instrument.fingerprint,
            sha256,
            "survey-defs/{id}/{version}.toml was published and may not change. Put the file back and make version {}",
            version.parse::<u32>().unwrap() + 1
        );
    }
}

#[test]
fn every_definition_is_recorded_as_published() {
    let published = published();
    for instrument in Library::embedded().iter() {
        let (id, version) = (&instrument.id, &instrument.version);
        let recorded = published
            .iter()
            .filter(|entry| entry.id == *id && entry.version == *version)
            .count();
        let hint = &instrument.fingerprint;
        assert_eq!(
            recorded, 1,
            "add {id} {version} to survey-defs/published.toml once, with sha256 = \"{hint}\""
        );
    }
}
