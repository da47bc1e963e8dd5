//! A definition as its author writes it: the shape of `survey-defs/<id>/<version>.toml`, nothing checked yet.
//!
//! Every struct refuses keys it does not know, so that a misspelt key is a mistake and not a silent default.
//! Places are kept where a later check may have to point at them. `docs/adding-an-instrument.md` explains each key.

use crate::domain::change::ChangeParameters;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// Words of one kind by the id they belong to.
pub(super) type Words = BTreeMap<String, Spanned<String>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DefinitionFile {
    pub id: Spanned<String>,
    pub version: Spanned<String>,
    #[serde(default)]
    pub loinc: Option<String>,
    #[serde(default)]
    pub sources: Vec<String>,
    pub licence: LicenceFile,
    pub items: Vec<ItemFile>,
    pub option_sets: BTreeMap<String, Spanned<Vec<OptionFile>>>,
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
    pub checked_on: toml::value::Datetime,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ItemFile {
    pub id: Spanned<String>,
    pub options: Spanned<String>,
    #[serde(default)]
    pub stem: Option<Spanned<String>>,
    #[serde(default)]
    pub loinc: Option<String>,
    #[serde(default)]
    pub asked_when: Option<AskedWhenFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AskedWhenFile {
    pub item: Spanned<String>,
    pub answered: Vec<Spanned<i16>>,
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
    /// With `method = "count"`: the value that counts.
    #[serde(default)]
    pub counts_from: Option<i16>,
    #[serde(default)]
    pub times: Option<Spanned<f64>>,
    pub range: Spanned<[f64; 2]>,
    pub missing: Spanned<MissingFile>,
    #[serde(default)]
    pub not_asked: Option<Spanned<String>>,
    #[serde(default)]
    pub loinc: Option<String>,
    #[serde(default)]
    pub bands: Vec<BandFile>,
    #[serde(default)]
    pub bands_source: Option<String>,
    #[serde(default)]
    pub cut_offs: Vec<CutOffFile>,
    #[serde(default)]
    pub change: Option<Spanned<ChangeParameters>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MissingFile {
    pub rule: String,
    #[serde(default)]
    pub at_most: Option<u16>,
    #[serde(default)]
    pub rounding: Option<String>,
    pub source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BandFile {
    pub id: Spanned<String>,
    pub from: i32,
    pub to: i32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CutOffFile {
    pub id: Spanned<String>,
    pub at_least: Spanned<f64>,
    pub source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CriterionFile {
    pub id: Spanned<String>,
    pub source: String,
    pub rule: Spanned<ConditionFile>,
}

/// One of the three forms: `all`, `any`, or `count` with its limits.
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
    pub at_least: Option<u16>,
    #[serde(default)]
    pub at_most: Option<u16>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndorsedFile {
    pub items: Vec<Spanned<String>>,
    pub from: i16,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RiskRuleFile {
    pub id: Spanned<String>,
    pub version: String,
    pub item: Spanned<String>,
    pub at_least: Spanned<i16>,
    pub tier: Spanned<String>,
    pub source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TextsFile {
    pub name: Spanned<String>,
    pub short_name: Spanned<String>,
    #[serde(default)]
    pub instruction: Option<String>,
    pub credit: Spanned<String>,
    #[serde(default)]
    pub stems: Words,
    pub items: Words,
    pub options: BTreeMap<String, Words>,
    pub scales: BTreeMap<String, ScaleTextsFile>,
    #[serde(default)]
    pub criteria: Words,
    #[serde(default)]
    pub risk_rules: Words,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScaleTextsFile {
    pub name: Spanned<String>,
    #[serde(default)]
    pub bands: Words,
    #[serde(default)]
    pub cut_offs: Words,
}
