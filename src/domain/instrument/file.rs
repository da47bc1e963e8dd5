//! A definition as its author writes it: the shape of `survey-defs/<id>/<version>.toml` and of the text files beside it
//! (`<version>.<language>.toml`), nothing checked yet.
//!
//! Every struct refuses keys it does not know, so that a misspelt key is a mistake and not a silent default.
//! Places are kept where a later check may have to point at them. `docs/adding-an-instrument.md` explains each key.

use super::Sex;
use crate::domain::change::ChangeParameters;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// Words of one kind by the id they belong to.
pub(super) type Words = BTreeMap<String, Spanned<String>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DefinitionToml {
    pub id: Spanned<String>,
    pub version: Spanned<String>,
    #[serde(default)]
    pub kind: Option<Spanned<String>>,
    #[serde(default)]
    pub respondent: Option<Spanned<String>>,
    #[serde(default)]
    pub loinc: Option<String>,
    #[serde(default)]
    pub sources: Vec<String>,
    pub licence: LicenceFile,
    pub items: Vec<ItemFile>,
    #[serde(default)]
    pub option_sets: BTreeMap<String, Spanned<Vec<OptionFile>>>,
    #[serde(default)]
    pub scales: Vec<ScaleFile>,
    #[serde(default)]
    pub criteria: Vec<CriterionFile>,
    #[serde(default)]
    pub risk_rules: Vec<RiskRuleFile>,
    pub language: BTreeMap<String, TextsFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LicenceFile {
    pub class: Spanned<String>,
    pub owner: String,
    pub terms: String,
    pub source: String,
    pub checked_on: Spanned<toml::value::Datetime>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ItemFile {
    pub id: Spanned<String>,
    #[serde(default)]
    pub options: Option<Spanned<String>>,
    /// With `options`: all that apply may be ticked.
    #[serde(default)]
    pub several: Option<Spanned<bool>>,
    #[serde(default)]
    pub number: Option<Spanned<NumberFile>>,
    #[serde(default)]
    pub free_text: Option<Spanned<bool>>,
    #[serde(default)]
    pub stem: Option<Spanned<String>>,
    #[serde(default)]
    pub loinc: Option<String>,
    #[serde(default)]
    pub asked_when: Option<Spanned<AskedWhenFile>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NumberFile {
    pub from: i16,
    pub to: i16,
}

/// One of the three forms: an item with `answered` or `from`, `any`, or `all`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AskedWhenFile {
    #[serde(default)]
    pub item: Option<Spanned<String>>,
    #[serde(default)]
    pub answered: Option<Vec<Spanned<i16>>>,
    #[serde(default)]
    pub from: Option<Spanned<i16>>,
    #[serde(default)]
    pub any: Option<Vec<Spanned<AskedWhenFile>>>,
    #[serde(default)]
    pub all: Option<Vec<Spanned<AskedWhenFile>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OptionFile {
    pub value: Spanned<i16>,
    #[serde(default)]
    pub code: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScaleFile {
    pub id: Spanned<String>,
    pub items: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    pub reversed: Vec<Spanned<String>>,
    pub method: Spanned<String>,
    /// With `method = "count"`: the value that counts, and every higher one.
    #[serde(default)]
    pub counts_from: Option<i16>,
    /// With `method = "count"`: the values that count.
    #[serde(default)]
    pub counts_any: Option<Vec<Spanned<i16>>>,
    /// With `method = "rules"`: what must hold, one point each.
    #[serde(default)]
    pub rules: Option<Vec<Spanned<ConditionFile>>>,
    #[serde(default)]
    pub times: Option<Spanned<f64>>,
    #[serde(default)]
    pub lookup: Option<Spanned<Vec<Spanned<Vec<f64>>>>>,
    #[serde(default)]
    pub lookup_source: Option<String>,
    /// The lowest and the highest score.
    pub range: Spanned<Vec<f64>>,
    #[serde(default)]
    pub optional: Vec<Spanned<String>>,
    #[serde(default)]
    pub optional_source: Option<String>,
    pub missing: Spanned<MissingFile>,
    #[serde(default)]
    pub not_asked: Option<Spanned<String>>,
    #[serde(default)]
    pub loinc: Option<String>,
    #[serde(default)]
    pub bands: Vec<BandFile>,
    #[serde(default)]
    pub bands_source: Option<String>,
    /// The distance between the end of a band and the beginning of the next.
    #[serde(default)]
    pub band_step: Option<Spanned<f64>>,
    #[serde(default)]
    pub bandings: Vec<BandingFile>,
    #[serde(default)]
    pub cut_offs: Vec<CutOffFile>,
    #[serde(default)]
    pub change: Option<Spanned<ChangeParameters>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MissingFile {
    pub rule: String,
    /// An earlier scale whose missing items the limit is for, where the manual limits those of the whole form.
    #[serde(default)]
    pub over: Option<Spanned<String>>,
    #[serde(default)]
    pub at_most: Option<u16>,
    #[serde(default)]
    pub rounding: Option<String>,
    pub source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BandingFile {
    pub id: Spanned<String>,
    pub source: String,
    #[serde(default)]
    pub sex: Option<Sex>,
    #[serde(default)]
    pub age_from: Option<u16>,
    #[serde(default)]
    pub age_to: Option<u16>,
    pub bands: Vec<BandFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BandFile {
    pub id: Spanned<String>,
    pub from: f64,
    pub to: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CutOffFile {
    pub id: Spanned<String>,
    #[serde(default)]
    pub at_least: Option<f64>,
    #[serde(default)]
    pub at_most: Option<f64>,
    #[serde(default)]
    pub sex: Option<Sex>,
    #[serde(default)]
    pub age_from: Option<u16>,
    #[serde(default)]
    pub age_to: Option<u16>,
    pub source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CriterionFile {
    pub id: Spanned<String>,
    pub source: String,
    pub rule: Spanned<ConditionFile>,
}

/// One of the four forms: `all`, `any`, `count` with its limits, or `scale` with one limit.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConditionFile {
    #[serde(default)]
    pub all: Option<Vec<Spanned<ConditionFile>>>,
    #[serde(default)]
    pub any: Option<Vec<Spanned<ConditionFile>>>,
    #[serde(default)]
    pub count: Option<Vec<EndorsedFile>>,
    #[serde(default)]
    pub scale: Option<Spanned<String>>,
    #[serde(default)]
    pub at_least: Option<f64>,
    #[serde(default)]
    pub at_most: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndorsedFile {
    pub items: Vec<Spanned<String>>,
    #[serde(default)]
    pub from: Option<i16>,
    #[serde(default)]
    pub to: Option<i16>,
    #[serde(default)]
    pub answered: Option<Vec<i16>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RiskRuleFile {
    pub id: Spanned<String>,
    pub version: String,
    pub item: Spanned<String>,
    #[serde(default)]
    pub at_least: Option<i16>,
    #[serde(default)]
    pub answered: Option<Vec<i16>>,
    pub tier: Spanned<String>,
    pub source: String,
}

impl ScaleFile {
    /// The stated ends of the scale; `None` when they are not two numbers, which is a fault of its own.
    pub(super) fn ends(&self) -> Option<[f64; 2]> {
        <[f64; 2]>::try_from(self.range.get_ref().as_slice()).ok()
    }
}

/// The words under `[language.xx]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TextsFile {
    #[serde(default)]
    pub name: Option<Spanned<String>>,
    #[serde(default)]
    pub short_name: Option<Spanned<String>>,
    #[serde(default)]
    pub instruction: Option<Spanned<String>>,
    #[serde(default)]
    pub credit: Option<Spanned<String>>,
    #[serde(default)]
    pub stems: Words,
    #[serde(default)]
    pub items: Words,
    #[serde(default)]
    pub options: BTreeMap<String, Words>,
    #[serde(default)]
    pub scales: BTreeMap<String, ScaleTextsFile>,
    #[serde(default)]
    pub criteria: Words,
    #[serde(default)]
    pub risk_rules: Words,
}

/// A text file beside a definition: where its words come from, and the same keys as under `[language.xx]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TextFileToml {
    #[serde(default)]
    pub sources: Vec<String>,
    #[serde(default)]
    pub translator: Option<String>,
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub permission: Option<Spanned<PermissionFile>>,
    #[serde(default)]
    name: Option<Spanned<String>>,
    #[serde(default)]
    short_name: Option<Spanned<String>>,
    #[serde(default)]
    instruction: Option<Spanned<String>>,
    #[serde(default)]
    credit: Option<Spanned<String>>,
    #[serde(default)]
    stems: Words,
    #[serde(default)]
    items: Words,
    #[serde(default)]
    options: BTreeMap<String, Words>,
    #[serde(default)]
    scales: BTreeMap<String, ScaleTextsFile>,
    #[serde(default)]
    criteria: Words,
    #[serde(default)]
    risk_rules: Words,
}

impl TextFileToml {
    /// The words, apart from where they come from. (`flatten` would let unknown keys through.)
    pub(super) fn take_texts(&mut self) -> TextsFile {
        TextsFile {
            name: self.name.take(),
            short_name: self.short_name.take(),
            instruction: self.instruction.take(),
            credit: self.credit.take(),
            stems: std::mem::take(&mut self.stems),
            items: std::mem::take(&mut self.items),
            options: std::mem::take(&mut self.options),
            scales: std::mem::take(&mut self.scales),
            criteria: std::mem::take(&mut self.criteria),
            risk_rules: std::mem::take(&mut self.risk_rules),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PermissionFile {
    pub holder: String,
    pub reference: String,
    pub granted_on: Spanned<toml::value::Datetime>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScaleTextsFile {
    #[serde(default)]
    pub name: Option<Spanned<String>>,
    #[serde(default)]
    pub bands: Words,
    #[serde(default)]
    pub bandings: BTreeMap<String, BandingTextsFile>,
    #[serde(default)]
    pub cut_offs: Words,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BandingTextsFile {
    #[serde(default)]
    pub name: Option<Spanned<String>>,
    #[serde(default)]
    pub bands: Words,
}
