//! Words in files of their own: translations, protected wording, and what a clinic brings along.

use crate::domain::instrument::{
    DefinitionFault, DefinitionFile, ENGLISH, Library, Origin, shipped_files,
};

fn definition(class: &str, words: &str) -> String {
    format!(
        r#"
id = "test"
version = "1"
items = [{{ id = "1", options = "o", stem = "s" }}]
licence = {{ class = "{class}", owner = "the tests", terms = "none", source = "none", checked_on = 2026-01-01 }}
[option_sets]
o = [{{ value = 0 }}, {{ value = 1 }}]
[[scales]]
id = "t"
items = ["1"]
method = "sum"
range = [0, 1]
missing = {{ rule = "refuse", source = "test" }}
[language.en]
name = "Test"
short_name = "T"
credit = "The tests"
scales.t.name = "Total"
{words}
"#
    )
}

const WORDS: &str = r#"
stems.s = "In the last week"
items.1 = "Tired?"
options.o = { 0 = "no", 1 = "yes" }
"#;

const SPANISH: &str = r#"
sources = ["one copy", "another copy"]
translator = "the publisher"
status = "official"
name = "Prueba"
short_name = "P"
credit = "Las pruebas"
[stems]
s = "En la última semana"
[items]
1 = "¿Cansado?"
[options.o]
0 = "no"
1 = "sí"
"#;

const PERMISSION: &str = r#"
[permission]
holder = "Riverside Clinic"
reference = "contract 17"
granted_on = 2026-01-01
"#;

fn shipped(name: &str, text: &str) -> DefinitionFile {
    DefinitionFile::shipped(format!("test/{name}"), text.to_owned())
}

fn own(path: &str, text: &str) -> DefinitionFile {
    DefinitionFile {
        origin: Origin::Site,
        path: path.to_owned(),
        shown: format!("/site/{path}"),
        text: text.to_owned(),
    }
}

fn said(found: Result<Library, Vec<DefinitionFault>>) -> String {
    let faults = found.expect_err("a mistake was let through");
    faults.iter().map(|fault| format!("{fault}\n")).collect()
}

#[test]
fn a_translation_joins_its_definition_and_leaves_names_for_clinicians_in_english() {
    let files = [
        shipped("1.toml", &definition("A", WORDS)),
        shipped("1.es.toml", SPANISH),
    ];
    let library = Library::read(files).unwrap();
    let instrument = library.get("test").unwrap();
    assert_eq!(instrument.languages().collect::<Vec<_>>(), ["en", "es"]);
    let texts = instrument.texts("es").unwrap();
    assert_eq!(texts.items[0].options, ["no", "sí"]);
    assert_eq!(texts.scales[0].name, "Total");
    let translation = texts.translation.as_ref().unwrap();
    assert_eq!(
        (&*translation.status, translation.fingerprint.len()),
        ("official", 64)
    );
    assert_eq!(instrument.texts(ENGLISH).unwrap().translation, None);
}

#[test]
fn a_translation_lacks_nothing_and_says_who_vouches_for_it() {
    let with = |text: &str| {
        said(Library::read([
            shipped("1.toml", &definition("A", WORDS)),
            shipped("1.es.toml", text),
        ]))
    };
    assert!(
        with(&SPANISH.replace("1 = \"sí\"", "")).contains("[options.o] has no words for \"1\"")
    );
    assert!(with(&SPANISH.replace("status = ", "# ")).contains("status is missing"));
    assert!(with(&SPANISH.replace("[stems]", "[stem]")).contains("1.es.toml, line"));
    let alone = said(Library::read([shipped("1.es.toml", SPANISH)]));
    assert!(
        alone.contains("there is no definition test/1.toml"),
        "{alone}"
    );
}

#[test]
fn protected_wording_does_not_ship() {
    let library = Library::read([shipped("1.toml", &definition("C", ""))]).unwrap();
    let instrument = library.get("test").unwrap();
    assert!(!instrument.has_text(ENGLISH));
    assert_eq!(instrument.languages().count(), 0);
    assert_eq!(library.offered().count(), 0);
    assert_eq!(instrument.texts(ENGLISH).unwrap().scales[0].name, "Total");
    let wording = said(Library::read([shipped("1.toml", &definition("C", WORDS))]));
    assert!(wording.contains("must not be in this file"), "{wording}");
    let beside = said(Library::read([
        shipped("1.toml", &definition("C", "")),
        shipped("1.en.toml", SPANISH),
    ]));
    assert!(
        beside.contains("only a clinic with its own licence"),
        "{beside}"
    );
}

#[test]
fn a_clinic_with_a_licence_supplies_the_wording() {
    let words = SPANISH.replace("name = \"Prueba\"", "");
    let text = format!("{words}{PERMISSION}");
    let files = [
        shipped("1.toml", &definition("C", "")),
        own("test/1.en.toml", &text),
    ];
    let library = Library::read(files).unwrap();
    let instrument = library.get("test").unwrap();
    assert!(instrument.has_text(ENGLISH));
    let texts = instrument.texts(ENGLISH).unwrap();
    assert_eq!((&*texts.name, &*texts.items[0].text), ("Test", "¿Cansado?"));
    assert_eq!(texts.permission.as_ref().unwrap().granted_on, "2026-01-01");
    let unpermitted = said(Library::read([
        shipped("1.toml", &definition("C", "")),
        own("test/1.en.toml", &words),
    ]));
    assert!(
        unpermitted.contains("there is no [permission]"),
        "{unpermitted}"
    );
}

#[test]
fn a_clinics_own_definition_stands_beside_those_that_ship() {
    let library = Library::with_site([own("test/1.toml", &definition("C", WORDS))]).unwrap();
    assert!(library.get("test").unwrap().has_text(ENGLISH));
    assert!(library.get("phq9").is_some());
    let (_, text) = shipped_files()
        .find(|(path, _)| path == "phq9/1.toml")
        .unwrap();
    let taken = said(Library::with_site([own("phq9/2.toml", &text)]));
    assert!(
        taken.contains("/site/phq9/2.toml: an instrument of this id ships"),
        "{taken}"
    );
    let words = said(Library::with_site([own("phq9/1.fr.toml", SPANISH)]));
    assert!(words.contains("only words that do not ship"), "{words}");
    let wrong = said(Library::with_site([own("test/1.toml", "id = 7")]));
    assert!(wrong.contains("/site/test/1.toml, line 1"), "{wrong}");
}
