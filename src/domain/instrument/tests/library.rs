//! The library: which version is handed out, and the words beside the numbers.

use crate::domain::instrument::{ENGLISH, Library, shipped_files};

/// The shipped PHQ-9 and a second version of it.
fn two_versions() -> Library {
    let (_, text) = shipped_files()
        .find(|(path, _)| path == "phq9/1.toml")
        .unwrap();
    let newer =
        |version: &str| text.replacen("version = \"1\"", &format!("version = \"{version}\""), 1);
    let files = ["10", "1", "2"].map(|version| (format!("phq9/{version}.toml"), newer(version)));
    Library::parse(files).unwrap()
}

#[test]
fn the_newest_version_is_the_one_with_the_highest_number() {
    let library = two_versions();
    assert_eq!(library.get("phq9").unwrap().version, "10");
    assert_eq!(library.version("phq9", "2").unwrap().version, "2");
    assert_eq!(library.version("phq9", "3"), None);
    assert_eq!(
        library
            .iter()
            .map(|instrument| instrument.version.as_str())
            .collect::<Vec<_>>(),
        ["1", "2", "10"]
    );
    assert_eq!(
        library
            .latest()
            .map(|instrument| instrument.version.as_str())
            .collect::<Vec<_>>(),
        ["10"]
    );
}

#[test]
fn the_shipped_instruments_are_all_there() {
    let ids: Vec<_> = Library::embedded()
        .latest()
        .map(|instrument| instrument.id.as_str())
        .collect();
    for id in ["gad7", "pc_ptsd_5", "pcl5", "phq9"] {
        assert!(ids.contains(&id), "{id}");
    }
    assert_eq!(Library::embedded().get("phq10"), None);
}

#[test]
fn the_words_stand_at_the_positions_of_what_they_name() {
    for instrument in Library::embedded().iter() {
        let texts = instrument.texts(ENGLISH).unwrap();
        if instrument.has_text(ENGLISH) {
            assert_eq!(texts.items.len(), instrument.items.len());
        }
        for (item, words) in instrument.items.iter().zip(&texts.items) {
            assert_eq!(
                words.options.len(),
                item.options.len(),
                "{} item {}",
                instrument.id,
                item.id
            );
        }
        for (scale, words) in instrument.scales.iter().zip(&texts.scales) {
            assert_eq!(
                (
                    words
                        .bandings
                        .iter()
                        .map(|banding| banding.bands.len())
                        .collect::<Vec<_>>(),
                    words.cut_offs.len()
                ),
                (
                    scale
                        .bandings
                        .iter()
                        .map(|banding| banding.bands.len())
                        .collect::<Vec<_>>(),
                    scale.cut_offs.len()
                )
            );
        }
    }
    let screen = Library::embedded()
        .get("pc_ptsd_5")
        .unwrap()
        .texts_or_english("xx");
    assert_eq!(
        screen.items[0].options,
        ["Yes", "No"],
        "printed order, not the order of the values"
    );
}
