//! From a definition as written to an instrument that can be relied on, or to a list of everything that is wrong.
//!
//! Here: the file as a whole, its name and licence. Items and options are in `items`, scales in `scales`, criteria and
//! risk rules in `rules`, the words in `texts`.

mod bands;
mod items;
mod rules;
mod scales;
mod texts;

use super::faults::{Faults, read};
use super::file::{DefinitionToml, LicenceFile};
use super::{
    DefinitionFault, DefinitionFile, Instrument, Item, Kind, Licence, LicenceClass, Position,
    Respondent, RiskRule, Scale,
};
use sha2::{Digest, Sha256};
use std::ops::Range;
use toml::Spanned;

/// Checks one definition and the text files beside it.
pub(super) fn check(
    definition: &DefinitionFile,
    beside: &[&DefinitionFile],
) -> Result<Instrument, Vec<DefinitionFault>> {
    let mut faults = Faults::new(&definition.shown, &definition.text);
    let file = read::<DefinitionToml>(&definition.text, &mut faults);
    let mut built = file
        .as_ref()
        .map(|file| build(definition, file, &mut faults));
    let mut found = faults.into_found();
    for text in beside {
        let mut faults = Faults::new(&text.shown, &text.text);
        if let (Some(file), Some(instrument)) = (&file, &mut built) {
            texts::join(file, instrument, text, &mut faults);
        }
        found.extend(faults.into_found());
    }
    match built {
        Some(instrument) if found.is_empty() => Ok(instrument),
        _ => Err(found),
    }
}

fn build(
    definition: &DefinitionFile,
    file: &DefinitionToml,
    faults: &mut Faults<'_>,
) -> Instrument {
    check_name(definition, file, faults);
    let items = items::check(file, faults);
    let scales = scales::check(file, &items, faults);
    let criteria = rules::criteria(file, &items, faults);
    let risk_rules = rules::risk_rules(file, &items, faults);
    let licence = licence(&file.licence, faults);
    let texts = texts::check(file, (licence.class, definition.origin), faults);
    let kind = kind(file, faults);
    if kind == Kind::SessionCheck {
        check_session_check(&scales, &risk_rules, faults);
    }
    Instrument {
        id: file.id.get_ref().clone(),
        version: file.version.get_ref().clone(),
        fingerprint: fingerprint(&definition.text),
        kind,
        respondent: respondent(file, faults),
        origin: definition.origin,
        loinc: file.loinc.clone(),
        licence,
        sources: file.sources.clone(),
        items,
        scales,
        criteria,
        risk_rules,
        texts,
    }
}

/// Our own words about a session are no measure: nothing may be read off them but a trend.
fn check_session_check(scales: &[Scale], risk_rules: &[RiskRule], faults: &mut Faults<'_>) {
    for scale in scales {
        let limit = scale
            .change
            .as_ref()
            .and_then(|change| change.reliable_limit());
        if !scale.bandings.is_empty() || !scale.cut_offs.is_empty() || limit.is_some() {
            faults.missing(format!(
                "a session check has no bands, cut-offs or limits of change; leave them out of scale {:?}",
                scale.id
            ));
        }
    }
    if !risk_rules.is_empty() {
        faults.missing("a session check raises no flags; leave risk_rules out");
    }
}

fn kind(file: &DefinitionToml, faults: &mut Faults<'_>) -> Kind {
    one_of("kind", &file.kind, &Kind::ALL, Kind::word, faults).unwrap_or(Kind::Symptoms)
}

fn respondent(file: &DefinitionToml, faults: &mut Faults<'_>) -> Respondent {
    let word = &file.respondent;
    one_of(
        "respondent",
        word,
        &Respondent::ALL,
        Respondent::word,
        faults,
    )
    .unwrap_or(Respondent::Patient)
}

/// The one of these that the word stands for; `None` when it is not said, or is a fault.
fn one_of<T: Copy>(
    key: &str,
    said: &Option<Spanned<String>>,
    all: &[T],
    word: impl Fn(T) -> &'static str,
    faults: &mut Faults<'_>,
) -> Option<T> {
    let said = said.as_ref()?;
    let found = all
        .iter()
        .copied()
        .find(|known| word(*known) == said.get_ref());
    if found.is_none() {
        let words: Vec<_> = all.iter().map(|known| word(*known)).collect();
        faults.at(
            said.span(),
            format!("{key} {:?}; wanted is one of {words:?}", said.get_ref()),
        );
    }
    found
}

/// SHA-256 of the file, in hexadecimal.
pub(super) fn fingerprint(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn check_name(definition: &DefinitionFile, file: &DefinitionToml, faults: &mut Faults<'_>) {
    let (id, version) = (file.id.get_ref(), file.version.get_ref());
    check_id("id", &file.id, faults);
    if version.parse::<u32>().is_err() || version.starts_with('0') {
        faults.at(
            file.version.span(),
            format!("version is {version:?}; wanted is a whole number from 1, in quotes"),
        );
    }
    if faults.is_empty() && definition.path != format!("{id}/{version}.toml") {
        let what = format!(
            "the file says {id:?} version {version:?}, so it must be {}{id}/{version}.toml",
            definition.folder()
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

/// `key` is what the source is called in the file.
fn check_source(place: Range<usize>, key: &str, source: &str, faults: &mut Faults<'_>) {
    if source.trim().is_empty() {
        faults.at(
            place,
            format!("{key} is missing; wanted is the publication or page this was taken from"),
        );
    }
}

/// A day, not a time or a moment.
fn check_day(key: &str, said: &Spanned<toml::value::Datetime>, faults: &mut Faults<'_>) -> String {
    let day = said.get_ref();
    if day.date.is_none() || day.time.is_some() {
        faults.at(
            said.span(),
            format!("{key} is {day}; wanted is a date without quotes, such as 2026-11-22"),
        );
    }
    day.to_string()
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
            // With C, words that may well stand here would be refused too.
            LicenceClass::A
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
        checked_on: check_day("checked_on", &file.checked_on, faults),
    }
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
    // Of two items of one id, a fault of its own, one was meant to be another.
    let twice = (1..items.len()).any(|at| items[..at].iter().any(|item| item.id == items[at].id));
    if found.is_none() && !twice {
        faults.at(id.span(), format!("there is no item {:?}", id.get_ref()));
    }
    found
}
