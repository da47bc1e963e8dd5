//! Checks the items of a definition, their options and their gates.

use super::{check_distinct, check_id};
use crate::domain::instrument::faults::Faults;
use crate::domain::instrument::file::{
    AskedWhenFile, DefinitionToml, ItemFile, NumberFile, OptionFile,
};
use crate::domain::instrument::nearest;
use crate::domain::instrument::{AnswerOption, AnsweredBy, AskedWhen, Item, Ticks, Wanted};
use std::collections::BTreeMap;
use toml::Spanned;

pub(super) fn check(file: &DefinitionToml, faults: &mut Faults<'_>) -> Vec<Item> {
    let options = options(file, faults);
    items(file, &options, faults)
}

type OptionSets<'a> = BTreeMap<&'a str, Vec<AnswerOption>>;

fn options<'a>(file: &'a DefinitionToml, faults: &mut Faults<'_>) -> OptionSets<'a> {
    for (name, set) in &file.option_sets {
        let uses = |item: &ItemFile| {
            item.options
                .as_ref()
                .is_some_and(|set| set.get_ref() == name)
        };
        let strange = |item: &ItemFile| {
            let named = item.options.as_ref();
            named.is_some_and(|set| !file.option_sets.contains_key(set.get_ref()))
        };
        // An item that names a set there is not may mean this one.
        if !file.items.iter().any(uses) && !file.items.iter().any(strange) {
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

fn items(file: &DefinitionToml, options: &OptionSets<'_>, faults: &mut Faults<'_>) -> Vec<Item> {
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
    Item {
        id: file.id.get_ref().clone(),
        answered_by: answered_by(file, faults),
        options: item_options(file, options, faults),
        // With a gate that is wrong, a fault of its own, the item is still one that is not always asked.
        asked_when: file.asked_when.as_ref().map(|condition| {
            asked_when(condition, earlier, faults).unwrap_or(AskedWhen::All(Vec::new()))
        }),
        loinc: file.loinc.clone(),
    }
}

fn answered_by(file: &ItemFile, faults: &mut Faults<'_>) -> AnsweredBy {
    let several = file.several.as_ref().is_some_and(|said| *said.get_ref());
    let words = file.free_text.as_ref().is_some_and(|said| *said.get_ref());
    match (&file.options, &file.number, words, several) {
        (Some(_), None, false, false) => AnsweredBy::One,
        (Some(_), None, false, true) => AnsweredBy::Several,
        (None, Some(number), false, false) => by_number(number, faults),
        (None, None, true, false) => AnsweredBy::Words,
        _ => {
            let what = format!(
                "item {:?} is answered by options = \"…\" (with several = true if all that apply), or number = {{ from = …, to = … }}, or free_text = true: one of them",
                file.id.get_ref()
            );
            faults.at(file.id.span(), what);
            AnsweredBy::Words
        }
    }
}

fn by_number(file: &Spanned<NumberFile>, faults: &mut Faults<'_>) -> AnsweredBy {
    let NumberFile { from, to } = *file.get_ref();
    if from >= to {
        faults.at(
            file.span(),
            format!("a number from {from} to {to} leaves nothing to choose"),
        );
    }
    AnsweredBy::Number { from, to }
}

fn item_options(
    file: &ItemFile,
    options: &OptionSets<'_>,
    faults: &mut Faults<'_>,
) -> Vec<AnswerOption> {
    let Some(name) = &file.options else {
        return Vec::new();
    };
    let Some(set) = options.get(name.get_ref().as_str()) else {
        let meant = nearest(name.get_ref(), options.keys().copied());
        let meant = meant.map_or(String::new(), |near| format!("; did you mean {near:?}?"));
        faults.at(
            name.span(),
            format!("there is no option set {:?}{meant}", name.get_ref()),
        );
        return Vec::new();
    };
    let tickable = |option: &AnswerOption| (Ticks::LOWEST..=Ticks::HIGHEST).contains(&option.value);
    if let Some(several) = &file.several
        && *several.get_ref()
        && !set.iter().all(tickable)
    {
        let what = format!(
            "with several = true, the values of the option set must be whole numbers from {} to {}",
            Ticks::LOWEST,
            Ticks::HIGHEST
        );
        faults.at(several.span(), what);
    }
    set.clone()
}

/// A gate is an earlier item, so that a person never meets a question whose gate is still ahead.
fn asked_when(
    file: &Spanned<AskedWhenFile>,
    earlier: &[Item],
    faults: &mut Faults<'_>,
) -> Option<AskedWhen> {
    let said = file.get_ref();
    let parts = match (&said.item, &said.any, &said.all) {
        (Some(item), None, None) => return gate(file, item, earlier, faults),
        (None, Some(parts), None) | (None, None, Some(parts))
            if said.answered.is_none() && said.from.is_none() =>
        {
            parts
        }
        _ => {
            faults.at(file.span(), ASKED_WHEN);
            return None;
        }
    };
    if parts.is_empty() {
        faults.at(file.span(), "an empty list of conditions says nothing");
    }
    let parts = parts
        .iter()
        .filter_map(|part| asked_when(part, earlier, faults))
        .collect();
    Some(if said.any.is_some() {
        AskedWhen::Any(parts)
    } else {
        AskedWhen::All(parts)
    })
}

const ASKED_WHEN: &str = "asked_when is { item = \"…\", answered = [...] }, or { item = \"…\", from = n }, or { any = [...] }, or { all = [...] }";

fn gate(
    file: &Spanned<AskedWhenFile>,
    named: &Spanned<String>,
    earlier: &[Item],
    faults: &mut Faults<'_>,
) -> Option<AskedWhen> {
    let gate = earlier
        .iter()
        .enumerate()
        .find(|(_, item)| item.id == *named.get_ref());
    let Some((position, item)) = gate else {
        faults.at(
            named.span(),
            format!(
                "asked_when names {:?}, which is no earlier item",
                named.get_ref()
            ),
        );
        return None;
    };
    if item.answered_by == AnsweredBy::Words || !item.is_known() {
        if item.is_known() {
            let what = format!(
                "asked_when names item {:?}, which is answered by words; nothing looks at them",
                item.id
            );
            faults.at(named.span(), what);
        }
        return None;
    }
    let wanted = match (&file.get_ref().answered, &file.get_ref().from) {
        (Some(values), None) => any_of(named, item, values, faults),
        (None, Some(from)) => {
            let value = *from.get_ref();
            if value <= item.lowest() || value > item.highest() {
                let what = format!(
                    "item {:?} is answered from {} to {}, so {value} and above tells nobody apart",
                    item.id,
                    item.lowest(),
                    item.highest()
                );
                faults.at(from.span(), what);
            }
            Wanted::From(value)
        }
        _ => {
            faults.at(file.span(), ASKED_WHEN);
            return None;
        }
    };
    Some(AskedWhen::Answer {
        item: position,
        wanted,
    })
}

fn any_of(
    named: &Spanned<String>,
    item: &Item,
    values: &[Spanned<i16>],
    faults: &mut Faults<'_>,
) -> Wanted {
    for value in values {
        if !item.has_value(*value.get_ref()) {
            let what = format!(
                "item {:?} has no answer {}",
                named.get_ref(),
                value.get_ref()
            );
            faults.at(value.span(), what);
        }
    }
    if values.is_empty() {
        faults.at(
            named.span(),
            "asked_when needs at least one value in `answered`",
        );
    }
    Wanted::Any(values.iter().map(|value| *value.get_ref()).collect())
}
