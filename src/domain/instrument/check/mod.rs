//! From a definition as written to an instrument that can be relied on, or to a list of everything that is wrong.
//!
//! Here: the file as a whole, its name, licence, items and options. Scales are in `scales`, criteria and risk rules
//! in `rules`, the words in `texts`.

mod rules;
mod scales;
mod texts;

use super::faults::Faults;
use super::file::{AskedWhenFile, DefinitionFile, ItemFile, LicenceFile, OptionFile};
use super::{
    AnswerOption, AskedWhen, DefinitionFault, Instrument, Item, Licence, LicenceClass, Position,
};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;

/// Checks one definition file. `path` is below `survey-defs/`.
pub(super) fn check(path: &str, text: &str) -> Result<Instrument, Vec<DefinitionFault>> {
    let mut faults = Faults::new(path, text);
    let instrument = read(text, &mut faults).map(|file| build(path, text, &file, &mut faults));
    match instrument {
        Some(instrument) if faults.is_empty() => Ok(instrument),
        _ => Err(faults.into_found()),
    }
}

fn read(text: &str, faults: &mut Faults<'_>) -> Option<DefinitionFile> {
    match toml::from_str(text) {
        Ok(file) => Some(file),
        Err(error) => {
            match error.span() {
                Some(place) => faults.at(place, error.message()),
                None => faults.missing(error.message()),
            }
            None
        }
    }
}

fn build(path: &str, text: &str, file: &DefinitionFile, faults: &mut Faults<'_>) -> Instrument {
    check_name(path, file, faults);
    let options = options(file, faults);
    let items = items(file, &options, faults);
    let scales = scales::check(file, &items, faults);
    let criteria = rules::criteria(file, &items, faults);
    let risk_rules = rules::risk_rules(file, &items, faults);
    let texts = texts::check(file, faults);
    Instrument {
        id: file.id.get_ref().clone(),
        version: file.version.get_ref().clone(),
        fingerprint: fingerprint(text),
        loinc: file.loinc.clone(),
        licence: licence(&file.licence, faults),
        sources: file.sources.clone(),
        items,
        scales,
        criteria,
        risk_rules,
        texts,
    }
}

/// SHA-256 of the file, in hexadecimal.
fn fingerprint(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn check_name(path: &str, file: &DefinitionFile, faults: &mut Faults<'_>) {
    let (id, version) = (file.id.get_ref(), file.version.get_ref());
    check_id("id", &file.id, faults);
    if version.parse::<u32>().is_err() || version.starts_with('0') {
        faults.at(
            file.version.span(),
            format!("version is {version:?}; wanted is a whole number from 1, in quotes"),
        );
    }
    if path != format!("{id}/{version}.toml") {
        let what = format!(
            "the file says {id:?} version {version:?}, so it must be survey-defs/{id}/{version}.toml"
        );
        faults.at(file.id.span(), what);
    }
}

/// Ids are keys in exports and columns, so they are kept to what needs no quoting anywhere.
fn check_id(kind: &str, id: &Spanned<String>, faults: &mut Faults<'_>) {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if id.get_ref().is_empty() || !id.get_ref().chars().all(plain) {
        faults.at(
            id.span(),
            format!(
                "{kind} {:?} may have letters, digits, _ . and - only, at least one",
                id.get_ref()
            ),
        );
    }
}

/// Says so when the same id is there twice.
fn check_distinct<'a>(
    kind: &str,
    ids: impl Iterator<Item = &'a Spanned<String>>,
    faults: &mut Faults<'_>,
) {
    let mut seen = std::collections::BTreeSet::new();
    for id in ids {
        if !seen.insert(id.get_ref()) {
            faults.at(
                id.span(),
                format!("{kind} {:?} is there twice", id.get_ref()),
            );
        }
    }
}

fn check_source(place: Range<usize>, source: &str, faults: &mut Faults<'_>) {
    if source.trim().is_empty() {
        faults.at(
            place,
            "source is empty; wanted is the publication or page this was taken from",
        );
    }
}

fn licence(file: &LicenceFile, faults: &mut Faults<'_>) -> Licence {
    let class = match file.class.get_ref().as_str() {
        "A" => LicenceClass::A,
        "B" => LicenceClass::B,
        "C" => LicenceClass::C,
        other => {
            faults.at(
                file.class.span(),
                format!("licence class {other:?}; wanted is \"A\", \"B\" or \"C\""),
            );
            LicenceClass::C
        }
    };
    if [&file.owner, &file.terms, &file.source]
        .iter()
        .any(|text| text.trim().is_empty())
    {
        faults.at(
            file.class.span(),
            "the licence needs its owner, terms and source in words",
        );
    }
    Licence {
        class,
        owner: file.owner.clone(),
        terms: file.terms.clone(),
        source: file.source.clone(),
        checked_on: file.checked_on.to_string(),
    }
}

type OptionSets<'a> = BTreeMap<&'a str, Vec<AnswerOption>>;

fn options<'a>(file: &'a DefinitionFile, faults: &mut Faults<'_>) -> OptionSets<'a> {
    for (name, set) in &file.option_sets {
        if !file.items.iter().any(|item| item.options.get_ref() == name) {
            faults.at(set.span(), format!("no item uses the option set {name:?}"));
        }
    }
    file.option_sets
        .iter()
        .map(|(name, set)| (name.as_str(), option_set(name, set, faults)))
        .collect()
}

fn option_set(
    name: &str,
    set: &Spanned<Vec<OptionFile>>,
    faults: &mut Faults<'_>,
) -> Vec<AnswerOption> {
    if set.get_ref().len() < 2 {
        faults.at(
            set.span(),
            format!("option set {name:?} needs at least two answers"),
        );
    }
    let mut options: Vec<AnswerOption> = Vec::with_capacity(set.get_ref().len());
    for option in set.get_ref() {
        let value = *option.value.get_ref();
        if options.iter().any(|known| known.value == value) {
            faults.at(
                option.value.span(),
                format!("option set {name:?} has the value {value} twice; values are distinct"),
            );
        }
        options.push(AnswerOption {
            value,
            code: option.code.clone(),
        });
    }
    options
}

fn items(file: &DefinitionFile, options: &OptionSets<'_>, faults: &mut Faults<'_>) -> Vec<Item> {
    if file.items.is_empty() {
        faults.missing("there are no items");
    }
    check_distinct("item", file.items.iter().map(|item| &item.id), faults);
    let mut items: Vec<Item> = Vec::with_capacity(file.items.len());
    for item in &file.items {
        let built = build_item(item, options, &items, faults);
        items.push(built);
    }
    items
}

fn build_item(
    file: &ItemFile,
    options: &OptionSets<'_>,
    earlier: &[Item],
    faults: &mut Faults<'_>,
) -> Item {
    check_id("item", &file.id, faults);
    let set = options.get(file.options.get_ref().as_str());
    if set.is_none() {
        faults.at(
            file.options.span(),
            format!("there is no option set {:?}", file.options.get_ref()),
        );
    }
    Item {
        id: file.id.get_ref().clone(),
        options: set.cloned().unwrap_or_default(),
        asked_when: file
            .asked_when
            .as_ref()
            .and_then(|condition| asked_when(condition, earlier, faults)),
        loinc: file.loinc.clone(),
    }
}

/// A gate is an earlier item, so that a person never meets a question whose gate is still ahead.
fn asked_when(
    file: &AskedWhenFile,
    earlier: &[Item],
    faults: &mut Faults<'_>,
) -> Option<AskedWhen> {
    let gate = earlier
        .iter()
        .enumerate()
        .find(|(_, item)| item.id == *file.item.get_ref());
    let Some((gate, item)) = gate else {
        faults.at(
            file.item.span(),
            format!(
                "asked_when names {:?}, which is no earlier item",
                file.item.get_ref()
            ),
        );
        return None;
    };
    for value in &file.answered {
        if item.option_with(*value.get_ref()).is_none() {
            let what = format!(
                "item {:?} has no answer {}",
                file.item.get_ref(),
                value.get_ref()
            );
            faults.at(value.span(), what);
        }
    }
    if file.answered.is_empty() {
        faults.at(
            file.item.span(),
            "asked_when needs at least one value in `answered`",
        );
    }
    Some(AskedWhen {
        item: gate,
        answered: file.answered.iter().map(|value| *value.get_ref()).collect(),
    })
}

/// The item with this id and its place, or a fault.
fn find<'a>(
    id: &Spanned<String>,
    items: &'a [Item],
    faults: &mut Faults<'_>,
) -> Option<(Position, &'a Item)> {
    let found = items
        .iter()
        .enumerate()
        .find(|(_, item)| item.id == *id.get_ref());
    if found.is_none() {
        faults.at(id.span(), format!("there is no item {:?}", id.get_ref()));
    }
    found
}
