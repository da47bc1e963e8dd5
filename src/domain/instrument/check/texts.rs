//! Checks that every language has words for everything, and words for nothing else.

use crate::domain::instrument::faults::Faults;
use crate::domain::instrument::file::{
    DefinitionFile, ItemFile, ScaleFile, ScaleTextsFile, TextsFile, Words,
};
use crate::domain::instrument::{ENGLISH, ItemTexts, ScaleTexts, Texts};
use std::collections::BTreeMap;
use toml::Spanned;

pub(super) fn check(file: &DefinitionFile, faults: &mut Faults<'_>) -> BTreeMap<String, Texts> {
    if !file.language.contains_key(ENGLISH) {
        faults.missing("there is no [language.en]; English is the language every definition has");
    }
    let languages = file.language.iter();
    languages
        .map(|(language, texts)| (language.clone(), build(file, language, texts, faults)))
        .collect()
}

fn build(
    file: &DefinitionFile,
    language: &str,
    texts: &TextsFile,
    faults: &mut Faults<'_>,
) -> Texts {
    let mut reader = Reader { language, faults };
    for (key, text) in [
        ("name", &texts.name),
        ("short_name", &texts.short_name),
        ("credit", &texts.credit),
    ] {
        reader.refuse_empty(key, text);
    }
    reader.refuse_strangers("stems", &texts.stems, &stems(file));
    reader.refuse_strangers(
        "items",
        &texts.items,
        &ids(file.items.iter().map(|item| &item.id)),
    );
    reader.refuse_strange_groups("options", &texts.options, |set| {
        file.option_sets.contains_key(set)
    });
    reader.refuse_strange_groups("scales", &texts.scales, |id| {
        file.scales.iter().any(|scale| scale.id.get_ref() == id)
    });
    Texts {
        name: texts.name.get_ref().clone(),
        short_name: texts.short_name.get_ref().clone(),
        instruction: texts.instruction.clone(),
        credit: texts.credit.get_ref().clone(),
        items: file
            .items
            .iter()
            .map(|item| reader.item(file, item, texts))
            .collect(),
        scales: file
            .scales
            .iter()
            .map(|scale| reader.scale(scale, &texts.scales))
            .collect(),
        criteria: reader.words(
            "criteria",
            &texts.criteria,
            &ids(file.criteria.iter().map(|rule| &rule.id)),
        ),
        risk_rules: reader.words(
            "risk_rules",
            &texts.risk_rules,
            &ids(file.risk_rules.iter().map(|rule| &rule.id)),
        ),
    }
}

fn ids<'a>(spanned: impl Iterator<Item = &'a Spanned<String>>) -> Vec<String> {
    spanned.map(|id| id.get_ref().clone()).collect()
}

fn stems(file: &DefinitionFile) -> Vec<String> {
    ids(file.items.iter().filter_map(|item| item.stem.as_ref()))
}

/// Takes words out of one language's part of the file.
struct Reader<'a, 'f> {
    language: &'a str,
    faults: &'a mut Faults<'f>,
}

impl Reader<'_, '_> {
    fn item(&mut self, file: &DefinitionFile, item: &ItemFile, texts: &TextsFile) -> ItemTexts {
        let stem = item
            .stem
            .as_ref()
            .map(|stem| self.word("stems", &texts.stems, stem.get_ref()));
        ItemTexts {
            stem,
            text: self.word("items", &texts.items, item.id.get_ref()),
            options: self.options(file, item.options.get_ref(), texts),
        }
    }

    fn options(&mut self, file: &DefinitionFile, set: &str, texts: &TextsFile) -> Vec<String> {
        let Some(options) = file.option_sets.get(set) else {
            return Vec::new();
        };
        let values: Vec<_> = options
            .get_ref()
            .iter()
            .map(|option| option.value.get_ref().to_string())
            .collect();
        let place = format!("options.{set}");
        let nothing = Words::new();
        self.words(&place, texts.options.get(set).unwrap_or(&nothing), &values)
    }

    fn scale(&mut self, scale: &ScaleFile, texts: &BTreeMap<String, ScaleTextsFile>) -> ScaleTexts {
        let id = scale.id.get_ref();
        let Some(words) = texts.get(id) else {
            self.faults.missing(format!(
                "[language.{}.scales.{id}] is missing: it needs a name",
                self.language
            ));
            return ScaleTexts {
                name: String::new(),
                bands: Vec::new(),
                cut_offs: Vec::new(),
            };
        };
        self.refuse_empty("name", &words.name);
        let bands = ids(scale.bands.iter().map(|band| &band.id));
        let cut_offs = ids(scale.cut_offs.iter().map(|cut_off| &cut_off.id));
        ScaleTexts {
            name: words.name.get_ref().clone(),
            bands: self.words(&format!("scales.{id}.bands"), &words.bands, &bands),
            cut_offs: self.words(&format!("scales.{id}.cut_offs"), &words.cut_offs, &cut_offs),
        }
    }

    /// The words for each of these ids, in their order; words for anything else are a fault.
    fn words(&mut self, place: &str, words: &Words, ids: &[String]) -> Vec<String> {
        self.refuse_strangers(place, words, ids);
        ids.iter().map(|id| self.word(place, words, id)).collect()
    }

    fn word(&mut self, place: &str, words: &Words, id: &str) -> String {
        let Some(text) = words.get(id) else {
            self.faults.missing(format!(
                "[language.{}.{place}] has no words for {id:?}",
                self.language
            ));
            return String::new();
        };
        self.refuse_empty(id, text);
        text.get_ref().clone()
    }

    fn refuse_strangers(&mut self, place: &str, words: &Words, ids: &[String]) {
        for (id, text) in words.iter().filter(|(id, _)| !ids.contains(id)) {
            let what = format!(
                "[language.{}.{place}] has words for {id:?}, which the definition does not know",
                self.language
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
                "there is a [language.{}.{place}.{id}], but the definition does not know {id:?}",
                self.language
            ));
        }
    }

    fn refuse_empty(&mut self, key: &str, text: &Spanned<String>) {
        if text.get_ref().trim().is_empty() {
            self.faults.at(text.span(), format!("{key} is empty"));
        }
    }
}
