//! The words of a questionnaire in one language, and where they come from. Lists are parallel to those of
//! [`super::Instrument`].

/// All words of a questionnaire in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    /// The full name.
    pub name: String,
    /// The name clinicians use: `PHQ-9`.
    pub short_name: String,
    /// The instruction printed above the questions; may have several lines.
    pub instruction: Option<String>,
    /// The line that must be printed with the questionnaire.
    pub credit: String,
    /// One per item; empty when the wording is the clinic's to supply and it has not (see
    /// [`super::Instrument::has_text`]).
    pub items: Vec<ItemTexts>,
    /// One per scale.
    pub scales: Vec<ScaleTexts>,
    /// The names of the criteria, for clinicians.
    pub criteria: Vec<String>,
    /// What each risk rule says, for clinicians.
    pub risk_rules: Vec<String>,
    /// Who translated it and what that is worth; `None` for the words of the definition itself.
    pub translation: Option<Translation>,
    /// The clinic's right to the wording, where the clinic supplied it.
    pub permission: Option<Permission>,
}

/// Where the words of a text file come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translation {
    /// The translator or publisher.
    pub translator: String,
    /// Official? Linguistically validated? Where it says so.
    pub status: String,
    /// The copies the wording was compared with.
    pub sources: Vec<String>,
    /// SHA-256 of the file, in hexadecimal.
    pub fingerprint: String,
}

/// A clinic's right to wording that does not ship.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// Who holds it.
    pub holder: String,
    /// The contract's or permission's number or place.
    pub reference: String,
    /// The day it was granted, as `2026-11-22`.
    pub granted_on: String,
}

/// The words of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemTexts {
    /// The words before the question that several items share; repeated on every page. May have several lines, of
    /// which those that begin with `• ` are a list.
    pub stem: Option<String>,
    /// The question itself.
    pub text: String,
    /// One per option, in printed order.
    pub options: Vec<String>,
}

/// The words of a scale, for clinicians.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScaleTexts {
    /// The scale's name.
    pub name: String,
    /// One per banding.
    pub bandings: Vec<BandingTexts>,
    /// One per cut-off.
    pub cut_offs: Vec<String>,
}

/// The words of one banding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BandingTexts {
    /// What the scheme is called; `None` when the scale has but one and needs no name for it.
    pub name: Option<String>,
    /// One per band.
    pub bands: Vec<String>,
}
