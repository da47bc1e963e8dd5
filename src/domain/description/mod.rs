//! An instrument in words, with the source of everything: what the instrument's page and `attune instrument show` both say.
//!
//! Here: the whole, its items and its rules. Scales are in `scales`, the words for single rules in `rules`. Not here: whether the
//! instrument may be used at a site (`permission`), and how any of this is laid out.

mod rules;
mod scales;
#[cfg(test)]
mod tests;

pub use scales::{BandLine, BandingWords, CutOffWords, ScaleWords};

use super::instrument::{
    AnsweredBy, ENGLISH, Instrument, Item, ItemTexts, Kind, Library, LicenceClass, Permission,
    Respondent, Texts,
};
use super::risk::Tier;

/// An instrument in words.
#[derive(Debug, Clone, PartialEq)]
pub struct Description<'a> {
    /// The id in files, links and exports.
    pub id: &'a str,
    /// The version described.
    pub version: &'a str,
    /// SHA-256 of its definition.
    pub fingerprint: &'a str,
    /// The full name.
    pub name: &'a str,
    /// The name clinicians use.
    pub short_name: &'a str,
    /// What it is for.
    pub kind: &'static str,
    /// Who answers it.
    pub respondent: &'static str,
    /// How many items it has.
    pub items: usize,
    /// The line that must be printed with it.
    pub credit: &'a str,
    /// What may be done with the wording.
    pub licence: LicenceWords<'a>,
    /// One a language in which it can be shown, English first; none when the wording is the clinic's to supply.
    pub wordings: Vec<Wording<'a>>,
    /// How each item is answered, where there is no wording.
    pub unworded: Vec<Group<'a>>,
    /// In the order in which they are shown.
    pub scales: Vec<ScaleWords<'a>>,
    /// Yes-or-no rules over the answers.
    pub criteria: Vec<RuleWords<'a>>,
    /// Answers that a person must see.
    pub risk_rules: Vec<RuleWords<'a>>,
    /// The copies and papers.
    pub sources: Vec<&'a str>,
    /// Every version there is, oldest first.
    pub versions: Vec<VersionWords<'a>>,
    /// Who translated what, and what that is worth.
    pub translations: Vec<TranslationWords<'a>>,
}

/// What may be done with the wording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenceWords<'a> {
    /// `A`, `B` or `C`.
    pub class: &'static str,
    /// What that means.
    pub meaning: &'static str,
    /// Whose wording it is.
    pub owner: &'a str,
    /// What the owner allows.
    pub terms: &'a str,
    /// Where the owner says so.
    pub source: &'a str,
    /// When somebody last looked.
    pub checked_on: &'a str,
    /// The permission that stands with the clinic's own copy of the wording.
    pub permission: Option<&'a Permission>,
}

/// The questions in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wording<'a> {
    /// The language's tag.
    pub language: &'a str,
    /// The instruction above the questions.
    pub instruction: Option<&'a str>,
    /// The questions.
    pub groups: Vec<Group<'a>>,
}

/// Questions in a row that begin with the same words and are answered in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group<'a> {
    /// The words they share.
    pub stem: Option<&'a str>,
    /// What an answer is, when it is none of the options.
    pub answered: String,
    /// The options: value and words.
    pub options: Vec<(i16, &'a str)>,
    /// The questions.
    pub items: Vec<ItemLine<'a>>,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemLine<'a> {
    /// Its printed number.
    pub id: &'a str,
    /// Its words; empty when they are the clinic's to supply.
    pub text: &'a str,
    /// When it is asked; `None` = always.
    pub asked: Option<String>,
}

/// A rule with its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleWords<'a> {
    /// The name in exports.
    pub id: &'a str,
    /// Its name, for clinicians.
    pub name: &'a str,
    /// What it asks.
    pub asks: String,
    /// How soon a person must look; `None` for a criterion.
    pub tier: Option<&'static str>,
    /// Where it was published.
    pub source: &'a str,
}

/// A version and the hash of its definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionWords<'a> {
    /// The version.
    pub version: &'a str,
    /// SHA-256 of its file.
    pub fingerprint: &'a str,
}

/// A translation and what it is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranslationWords<'a> {
    /// The language's tag.
    pub language: &'a str,
    /// Who translated it.
    pub translator: &'a str,
    /// Official? Validated?
    pub status: &'a str,
    /// The copies it was compared with.
    pub sources: Vec<&'a str>,
    /// SHA-256 of its file.
    pub fingerprint: &'a str,
}

/// What an instrument is for, in words.
#[must_use]
pub fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Symptoms => "Symptoms, followed over time",
        Kind::Screen => "Screen, given once or rarely",
        Kind::Experience => "Experience of the service",
        Kind::SessionCheck => "About the session itself; not a validated scale",
        Kind::Function => "Getting along in daily life",
    }
}

/// A licence class as a letter.
#[must_use]
pub fn class_letter(class: LicenceClass) -> &'static str {
    match class {
        LicenceClass::A => "A",
        LicenceClass::B => "B",
        LicenceClass::C => "C",
    }
}

/// A licence class in a few words, for lists.
#[must_use]
pub fn class_in_short(class: LicenceClass) -> &'static str {
    match class {
        LicenceClass::A => "free to use",
        LicenceClass::B => "on the owner’s terms",
        LicenceClass::C => "needs your own licence",
    }
}

/// What a licence class means.
#[must_use]
pub fn class_meaning(class: LicenceClass) -> &'static str {
    match class {
        LicenceClass::A => "Free to use, with its credit line. Nothing has to be recorded.",
        LicenceClass::B => {
            "The wording is here, on the owner’s terms. Record the permission, or that you accept the terms, before it is used."
        }
        LicenceClass::C => {
            "Protected. Bring your licensed copy of the wording, and record the permission, before it is used."
        }
    }
}

/// A tier, in words.
fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Crisis => "crisis: somebody must look at once",
        Tier::Review => "review: somebody must look within a day",
    }
}

/// The whole instrument in words.
#[must_use]
pub fn describe<'a>(library: &'a Library, instrument: &'a Instrument) -> Description<'a> {
    let texts = instrument.texts_or_english(ENGLISH);
    Description {
        id: &instrument.id,
        version: &instrument.version,
        fingerprint: &instrument.fingerprint,
        name: &texts.name,
        short_name: &texts.short_name,
        kind: kind(instrument.kind),
        respondent: match instrument.respondent {
            Respondent::Patient => "Answered by the patient",
            Respondent::Parent => "Answered by a parent, about the child",
            Respondent::Clinician => "Answered by a clinician, about the patient",
        },
        items: instrument.items.len(),
        credit: &texts.credit,
        licence: licence(instrument),
        wordings: wordings(instrument),
        unworded: if instrument.has_text(ENGLISH) {
            vec![]
        } else {
            groups(instrument, &[])
        },
        scales: scales::scales(instrument, texts),
        criteria: criteria(instrument, texts),
        risk_rules: risk_rules(instrument, texts),
        sources: instrument.sources.iter().map(String::as_str).collect(),
        versions: library
            .iter()
            .filter(|known| known.id == instrument.id)
            .map(|known| VersionWords {
                version: &known.version,
                fingerprint: &known.fingerprint,
            })
            .collect(),
        translations: translations(instrument),
    }
}

fn licence(instrument: &Instrument) -> LicenceWords<'_> {
    let licence = &instrument.licence;
    LicenceWords {
        class: class_letter(licence.class),
        meaning: class_meaning(licence.class),
        owner: &licence.owner,
        terms: &licence.terms,
        source: &licence.source,
        checked_on: &licence.checked_on,
        permission: instrument
            .texts(ENGLISH)
            .and_then(|texts| texts.permission.as_ref()),
    }
}

/// English first, the others by their tags.
fn wordings(instrument: &Instrument) -> Vec<Wording<'_>> {
    let mut languages: Vec<&str> = instrument.languages().collect();
    languages.sort_by_key(|language| (*language != ENGLISH, *language));
    languages
        .into_iter()
        .filter_map(|language| {
            let texts = instrument.texts(language)?;
            Some(Wording {
                language,
                instruction: texts.instruction.as_deref(),
                groups: groups(instrument, &texts.items),
            })
        })
        .collect()
}

fn groups<'a>(instrument: &'a Instrument, texts: &'a [ItemTexts]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for (position, item) in instrument.items.iter().enumerate() {
        let words = texts.get(position);
        let stem = words.and_then(|words| words.stem.as_deref());
        let options = options(item, words);
        let answered = answered(item).to_owned() + &range(item);
        let line = ItemLine {
            id: &item.id,
            text: words.map_or("", |words| words.text.as_str()),
            asked: item
                .asked_when
                .as_ref()
                .map(|gate| rules::gate(instrument, gate)),
        };
        match groups.last_mut() {
            Some(last)
                if last.stem == stem && last.answered == answered && last.options == options =>
            {
                last.items.push(line);
            }
            _ => groups.push(Group {
                stem,
                answered,
                options,
                items: vec![line],
            }),
        }
    }
    groups
}

fn options<'a>(item: &Item, words: Option<&'a ItemTexts>) -> Vec<(i16, &'a str)> {
    let said = |at: usize| {
        words
            .and_then(|words| words.options.get(at))
            .map_or("", String::as_str)
    };
    item.options
        .iter()
        .enumerate()
        .map(|(at, option)| (option.value, said(at)))
        .collect()
}

fn answered(item: &Item) -> &'static str {
    match item.answered_by {
        AnsweredBy::One => "one of these",
        AnsweredBy::Several => "all of these that apply",
        AnsweredBy::Number { .. } => "a whole number",
        AnsweredBy::Words => "in the person’s own words; never scored",
    }
}

fn range(item: &Item) -> String {
    match item.answered_by {
        AnsweredBy::Number { from, to } => format!(" from {from} to {to}"),
        AnsweredBy::One | AnsweredBy::Several | AnsweredBy::Words => String::new(),
    }
}

fn criteria<'a>(instrument: &'a Instrument, texts: &'a Texts) -> Vec<RuleWords<'a>> {
    let names = instrument.criteria.iter().zip(&texts.criteria);
    names
        .map(|(criterion, name)| RuleWords {
            id: &criterion.id,
            name,
            asks: rules::condition(instrument, &criterion.condition),
            tier: None,
            source: &criterion.source,
        })
        .collect()
}

fn risk_rules<'a>(instrument: &'a Instrument, texts: &'a Texts) -> Vec<RuleWords<'a>> {
    let names = instrument.risk_rules.iter().zip(&texts.risk_rules);
    names
        .map(|(rule, name)| RuleWords {
            id: &rule.id,
            name,
            asks: format!(
                "item {} answered {}",
                rules::item(instrument, rule.item),
                rules::wanted(&rule.wanted)
            ),
            tier: Some(tier(rule.tier)),
            source: &rule.source,
        })
        .collect()
}

fn translations(instrument: &Instrument) -> Vec<TranslationWords<'_>> {
    instrument
        .languages()
        .filter_map(|language| {
            let known = instrument.texts(language)?.translation.as_ref()?;
            Some(TranslationWords {
                language,
                translator: &known.translator,
                status: &known.status,
                sources: known.sources.iter().map(String::as_str).collect(),
                fingerprint: &known.fingerprint,
            })
        })
        .collect()
}
