//! Checks that every language has words for everything, and words for nothing else.

use super::{check_day, fingerprint};
use crate::domain::instrument::faults::{Faults, read};
use crate::domain::instrument::file::{
    BandingTextsFile, DefinitionToml, ItemFile, ScaleFile, ScaleTextsFile, TextFileToml, TextsFile,
    Words,
};
use crate::domain::instrument::{
    BandingTexts, DefinitionFile, ENGLISH, Instrument, ItemTexts, LicenceClass, Origin, Permission,
    ScaleTexts, Texts, Translation,
};
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;

/// The words inside the definition itself.
pub(super) fn check(
    file: &DefinitionToml,
    (class, origin): (LicenceClass, Origin),
    faults: &mut Faults<'_>,
) -> BTreeMap<String, Texts> {
    if !file.language.contains_key(ENGLISH) {
        faults.missing("there is no [language.en]; English is the language every definition has");
    }
    let mut all = BTreeMap::new();
    // English first: the other languages fall back to its names for clinicians.
    let languages = file.language.iter();
    let (english, others): (Vec<_>, Vec<_>) = languages.partition(|(name, _)| *name == ENGLISH);
    for (language, words) in english.into_iter().chain(others) {
        let mut reader = Reader {
            file,
            place: format!("language.{language}."),
            english: all.get(ENGLISH).cloned(),
            faults: &mut *faults,
        };
        let wording = match (class, origin) {
            (LicenceClass::C, Origin::Shipped) => Wording::Protected,
            (LicenceClass::C, Origin::Site) if words.items.is_empty() => Wording::Protected,
            _ => Wording::Here,
        };
        let texts = reader.texts(words, wording);
        all.insert(language.clone(), texts);
    }
    all
}

/// The words of a text file beside the definition.
pub(super) fn join(
    file: &DefinitionToml,
    instrument: &mut Instrument,
    text: &DefinitionFile,
    faults: &mut Faults<'_>,
) {
    let Some(mut read) = read::<TextFileToml>(&text.text, faults) else {
        return;
    };
    let Some(language) = text.language() else {
        return;
    };
    check_may_stand(instrument, text, language, faults);
    let words = read.take_texts();
    let mut reader = Reader {
        file,
        place: String::new(),
        english: instrument.texts(ENGLISH).cloned(),
        faults: &mut *faults,
    };
    let mut texts = reader.texts(&words, Wording::Here);
    let translation = translation(&read, text, language, faults);
    texts.translation = translation;
    texts.permission = permission(instrument, &read, text, faults);
    instrument.texts.insert(language.to_owned(), texts);
}

/// Protected wording comes from the clinic that has the right to it, and nothing else does.
fn check_may_stand(
    instrument: &Instrument,
    text: &DefinitionFile,
    language: &str,
    faults: &mut Faults<'_>,
) {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if language.is_empty() || !language.chars().all(plain) {
        faults.missing(format!(
            "{language:?} is no language; wanted is a tag such as es or pt-BR"
        ));
    }
    if instrument.has_text(language) {
        faults.missing(format!(
            "there are words in {language:?} already; this file would replace them"
        ));
    }
    match (instrument.licence.class, instrument.origin, text.origin) {
        (LicenceClass::C, _, Origin::Shipped) => faults.missing(
            "the wording is protected (licence class C): only a clinic with its own licence can supply it",
        ),
        (LicenceClass::A | LicenceClass::B, Origin::Shipped, Origin::Site) => faults.missing(
            "only words that do not ship (licence class C) can be supplied here; for another wording make a definition with an id of its own",
        ),
        _ => {}
    }
}

fn translation(
    read: &TextFileToml,
    text: &DefinitionFile,
    language: &str,
    faults: &mut Faults<'_>,
) -> Option<Translation> {
    let mut said = |key: &str, value: &Option<String>| -> String {
        let value = value.clone().unwrap_or_default();
        if value.trim().is_empty() {
            faults.missing(format!("{key} is missing: who vouches for this wording?"));
        }
        value
    };
    let translation = Translation {
        translator: said("translator", &read.translator),
        status: said("status", &read.status),
        sources: read.sources.clone(),
        fingerprint: fingerprint(&text.text),
    };
    if read.sources.is_empty() {
        faults.missing("sources is missing: the copies the wording was compared with");
    }
    (language != ENGLISH).then_some(translation)
}

fn permission(
    instrument: &Instrument,
    read: &TextFileToml,
    text: &DefinitionFile,
    faults: &mut Faults<'_>,
) -> Option<Permission> {
    let needed = instrument.licence.class == LicenceClass::C && text.origin == Origin::Site;
    let Some(said) = &read.permission else {
        if needed {
            faults.missing(
                "there is no [permission]: wanted are holder, reference and granted_on of the clinic's own licence",
            );
        }
        return None;
    };
    let file = said.get_ref();
    if file.holder.trim().is_empty() || file.reference.trim().is_empty() {
        faults.at(
            said.span(),
            "the permission needs its holder and reference in words",
        );
    }
    Some(Permission {
        holder: file.holder.clone(),
        reference: file.reference.clone(),
        granted_on: check_day("granted_on", &file.granted_on, faults),
    })
}

/// Whether the words patients read are to be here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wording {
    Here,
    /// The owner does not let them ship.
    Protected,
}

/// Ids with their places in the definition.
fn ids<'a>(spanned: impl Iterator<Item = &'a Spanned<String>>) -> Vec<Spanned<String>> {
    spanned.cloned().collect()
}

fn has(ids: &[Spanned<String>], id: &str) -> bool {
    ids.iter().any(|known| known.get_ref() == id)
}

/// Takes words out of one language's part of a file.
struct Reader<'a, 'f> {
    file: &'a DefinitionToml,
    /// What stands before the keys: `language.es.`, or nothing in a file of its own.
    place: String,
    /// The English words, once they are known.
    english: Option<Texts>,
    faults: &'a mut Faults<'f>,
}

impl Reader<'_, '_> {
    fn texts(&mut self, words: &TextsFile, wording: Wording) -> Texts {
        self.refuse_strangers_everywhere(words);
        let english = self.english.clone();
        let english = english.as_ref();
        Texts {
            name: self.named("name", &words.name, english.map(|texts| &texts.name)),
            short_name: self.named(
                "short_name",
                &words.short_name,
                english.map(|texts| &texts.short_name),
            ),
            credit: self.named("credit", &words.credit, english.map(|texts| &texts.credit)),
            instruction: self.instruction(words, wording),
            items: match wording {
                Wording::Here => self.items(words),
                Wording::Protected => self.no_items(words),
            },
            scales: self.scales(words),
            criteria: self.for_clinicians("criteria", &words.criteria, |texts| &texts.criteria),
            risk_rules: self
                .for_clinicians("risk_rules", &words.risk_rules, |texts| &texts.risk_rules),
            translation: None,
            permission: None,
        }
    }

    fn refuse_strangers_everywhere(&mut self, words: &TextsFile) {
        let file = self.file;
        let stems = ids(file.items.iter().filter_map(|item| item.stem.as_ref()));
        self.refuse_strangers("stems", &words.stems, &stems);
        let items = ids(file.items.iter().map(|item| &item.id));
        self.refuse_strangers("items", &words.items, &items);
        self.refuse_strange_groups("options", &words.options, |set| {
            file.option_sets.contains_key(set)
        });
        let twice = file.scales.iter().any(|scale| self.is_there_twice(scale));
        self.refuse_strange_groups("scales", &words.scales, |id| {
            twice || file.scales.iter().any(|scale| scale.id.get_ref() == id)
        });
    }

    /// A name that a translation may leave to the English.
    fn named(
        &mut self,
        key: &str,
        text: &Option<Spanned<String>>,
        english: Option<&String>,
    ) -> String {
        match (text, english) {
            (Some(text), _) => {
                self.refuse_empty(key, text);
                text.get_ref().clone()
            }
            (None, Some(english)) if self.place.is_empty() => english.clone(),
            (None, _) => {
                self.faults.missing(format!(
                    "{}{key} is missing; wanted is {key} = \"…\"",
                    self.place
                ));
                String::new()
            }
        }
    }

    fn instruction(&mut self, words: &TextsFile, wording: Wording) -> Option<String> {
        let untranslated = self
            .english
            .as_ref()
            .is_some_and(|texts| texts.instruction.is_some());
        match &words.instruction {
            Some(text) if wording == Wording::Protected => {
                self.refuse_protected("instruction", text.span());
                None
            }
            Some(text) => {
                self.refuse_empty("instruction", text);
                Some(text.get_ref().clone())
            }
            None if untranslated => {
                self.faults.missing(format!(
                    "{}instruction is missing; the English has one",
                    self.place
                ));
                None
            }
            None => None,
        }
    }

    /// Nothing a patient reads, because it may not ship.
    fn no_items(&mut self, words: &TextsFile) -> Vec<ItemTexts> {
        let options = words.options.values().flat_map(BTreeMap::values);
        let there = words
            .stems
            .values()
            .chain(words.items.values())
            .chain(options);
        if let Some(text) = there.min_by_key(|text| text.span().start) {
            self.refuse_protected("stems, items and options", text.span());
        }
        Vec::new()
    }

    fn refuse_protected(&mut self, what: &str, place: Range<usize>) {
        self.faults.at(
            place,
            format!(
                "the wording is protected (licence class C): {what} must not be in this file. A clinic with its own licence \
                 puts them into a text file beside it, with a [permission]"
            ),
        );
    }

    fn items(&mut self, words: &TextsFile) -> Vec<ItemTexts> {
        let items = self.file.items.iter();
        items.map(|item| self.item(item, words)).collect()
    }

    fn item(&mut self, item: &ItemFile, words: &TextsFile) -> ItemTexts {
        let stem = item
            .stem
            .as_ref()
            .map(|stem| self.word("stems", &words.stems, stem));
        let options = item.options.as_ref();
        ItemTexts {
            stem,
            text: self.word("items", &words.items, &item.id),
            options: options.map_or_else(Vec::new, |set| self.options(set.get_ref(), words)),
        }
    }

    fn options(&mut self, set: &str, words: &TextsFile) -> Vec<String> {
        let Some(options) = self.file.option_sets.get(set) else {
            return Vec::new();
        };
        let values: Vec<_> = options
            .get_ref()
            .iter()
            .map(|option| Spanned::new(option.value.span(), option.value.get_ref().to_string()))
            .collect();
        let nothing = Words::new();
        let place = format!("options.{set}");
        self.words(&place, words.options.get(set).unwrap_or(&nothing), &values)
    }

    fn scales(&mut self, words: &TextsFile) -> Vec<ScaleTexts> {
        let scales = self.file.scales.iter().enumerate();
        scales
            .map(|(at, scale)| {
                let english = self
                    .english
                    .as_ref()
                    .and_then(|texts| texts.scales.get(at))
                    .cloned();
                if self.is_there_twice(scale) {
                    return ScaleTexts {
                        name: String::new(),
                        bandings: Vec::new(),
                        cut_offs: Vec::new(),
                    };
                }
                match (words.scales.get(scale.id.get_ref()), english) {
                    (None, Some(english)) => english,
                    (Some(words), _) => self.scale(scale, words),
                    (None, None) => self.no_scale(scale),
                }
            })
            .collect()
    }

    /// Two scales of one id, a fault of its own, cannot both have their words.
    fn is_there_twice(&self, scale: &ScaleFile) -> bool {
        let same = |other: &&ScaleFile| other.id.get_ref() == scale.id.get_ref();
        self.file.scales.iter().filter(same).count() > 1
    }

    fn no_scale(&mut self, scale: &ScaleFile) -> ScaleTexts {
        let what = format!(
            "[{}scales.{}] is missing: it needs a name; wanted is name = \"…\"",
            self.place,
            scale.id.get_ref()
        );
        self.lacks(scale.id.span(), None, what);
        ScaleTexts {
            name: String::new(),
            bandings: Vec::new(),
            cut_offs: Vec::new(),
        }
    }

    fn scale(&mut self, scale: &ScaleFile, words: &ScaleTextsFile) -> ScaleTexts {
        let id = scale.id.get_ref();
        let place = format!("scales.{id}");
        let name = match &words.name {
            Some(name) => {
                self.refuse_empty("name", name);
                name.get_ref().clone()
            }
            None => {
                let what = format!(
                    "[{}{place}] needs a name; wanted is name = \"…\"",
                    self.place
                );
                self.lacks(scale.id.span(), None, what);
                String::new()
            }
        };
        let cut_offs = ids(scale.cut_offs.iter().map(|cut_off| &cut_off.id));
        ScaleTexts {
            name,
            bandings: self.bandings(scale, words, &place),
            cut_offs: self.words(&format!("{place}.cut_offs"), &words.cut_offs, &cut_offs),
        }
    }

    fn bandings(
        &mut self,
        scale: &ScaleFile,
        words: &ScaleTextsFile,
        place: &str,
    ) -> Vec<BandingTexts> {
        let direct = ids(scale.bands.iter().map(|band| &band.id));
        let bands = self.words(&format!("{place}.bands"), &words.bands, &direct);
        self.refuse_strange_groups(&format!("{place}.bandings"), &words.bandings, |id| {
            scale
                .bandings
                .iter()
                .any(|banding| banding.id.get_ref() == id)
        });
        let mut all = Vec::new();
        if !direct.is_empty() {
            all.push(BandingTexts { name: None, bands });
        }
        let nothing = BandingTextsFile {
            name: None,
            bands: Words::new(),
        };
        for banding in &scale.bandings {
            let id = banding.id.get_ref();
            let place = format!("{place}.bandings.{id}");
            let words = words.bandings.get(id).unwrap_or(&nothing);
            let bands = ids(banding.bands.iter().map(|band| &band.id));
            if words.name.is_none() {
                let what = format!(
                    "[{}{place}] needs a name; wanted is name = \"…\"",
                    self.place
                );
                self.lacks(banding.id.span(), None, what);
            }
            all.push(BandingTexts {
                name: words.name.as_ref().map(|name| name.get_ref().clone()),
                bands: self.words(&format!("{place}.bands"), &words.bands, &bands),
            });
        }
        all
    }

    /// Names for clinicians, which a translation leaves to the English.
    fn for_clinicians(
        &mut self,
        place: &str,
        words: &Words,
        in_english: impl Fn(&Texts) -> &Vec<String>,
    ) -> Vec<String> {
        let file = self.file;
        let known = if place == "criteria" {
            ids(file.criteria.iter().map(|rule| &rule.id))
        } else {
            ids(file.risk_rules.iter().map(|rule| &rule.id))
        };
        match &self.english {
            Some(english) if words.is_empty() => in_english(english).clone(),
            _ => self.words(place, words, &known),
        }
    }

    /// The words for each of these ids, in their order; words for anything else are a fault.
    fn words(&mut self, place: &str, words: &Words, ids: &[Spanned<String>]) -> Vec<String> {
        self.refuse_strangers(place, words, ids);
        ids.iter().map(|id| self.word(place, words, id)).collect()
    }

    fn word(&mut self, place: &str, words: &Words, id: &Spanned<String>) -> String {
        let Some(text) = words.get(id.get_ref()) else {
            let key = id.get_ref();
            let what = format!(
                "[{}{place}] has no words for {key:?}; wanted is {key} = \"…\"",
                self.place
            );
            let beside = words
                .values()
                .map(Spanned::span)
                .min_by_key(|place| place.start);
            self.lacks(id.span(), beside, what);
            return String::new();
        };
        self.refuse_empty(id.get_ref(), text);
        text.get_ref().clone()
    }

    /// Says that something is missing: where the definition names it, or in a text file beside other words of its kind.
    fn lacks(&mut self, named: Range<usize>, beside: Option<Range<usize>>, what: String) {
        match (self.place.is_empty(), beside) {
            (false, _) => self.faults.at(named, what),
            (true, Some(place)) => self.faults.at(place, what),
            (true, None) => self.faults.missing(what),
        }
    }

    fn refuse_strangers(&mut self, place: &str, words: &Words, ids: &[Spanned<String>]) {
        // Of two things of one name only one can have its words; that is a fault of its own.
        if (1..ids.len()).any(|at| has(&ids[..at], ids[at].get_ref())) && place != "stems" {
            return;
        }
        for (id, text) in words.iter().filter(|(id, _)| !has(ids, id)) {
            let what = format!(
                "[{}{place}] has words for {id:?}, which the definition does not know",
                self.place
            );
            self.faults.at(text.span(), what);
        }
    }

    /// Whole groups of words have no place of their own in the file.
    fn refuse_strange_groups<T>(
        &mut self,
        place: &str,
        groups: &BTreeMap<String, T>,
        is_known: impl Fn(&str) -> bool,
    ) {
        for id in groups.keys().filter(|id| !is_known(id)) {
            self.faults.missing(format!(
                "there is a [{}{place}.{id}], but the definition does not know {id:?}",
                self.place
            ));
        }
    }

    fn refuse_empty(&mut self, key: &str, text: &Spanned<String>) {
        if text.get_ref().trim().is_empty() {
            self.faults.at(text.span(), format!("{key} is empty"));
        }
    }
}
