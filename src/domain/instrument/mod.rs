//! What a questionnaire is: its items, options, scales, rules and words, all read from `survey-defs/`.
//!
//! Here live the types every other part works with. Reading a definition's file is in `file`, checking it in `check`,
//! the set of all definitions in `library`, one person's answers in `answers`. Not here: turning answers into scores
//! (`domain::scoring`) or into flags (`domain::risk::rules`). Nothing in this folder knows any instrument by name.

mod answers;
mod check;
mod faults;
mod file;
mod library;
#[cfg(test)]
mod tests;

pub use answers::{Answers, AnswersFault, NotAnOption};
pub use faults::DefinitionFault;
pub use library::Library;
#[cfg(test)]
pub(in crate::domain) use library::shipped_files;

use crate::domain::change::ChangeParameters;
use crate::domain::risk::Tier;
use std::collections::BTreeMap;

/// The place of an item in its questionnaire, counted from 0. It is not the item's printed number.
pub type Position = usize;

/// One version of one questionnaire, checked. Handed out by [`Library`] only, so what it says about itself holds:
/// every position it names exists, every text is there, every band is inside its scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Instrument {
    /// The name files, links and exports use: `phq9`.
    pub id: String,
    /// The version, as text: `1`. A published version never changes.
    pub version: String,
    /// SHA-256 of the definition's file, in hexadecimal: the rule set that made a score.
    pub fingerprint: String,
    /// LOINC code of the whole questionnaire.
    pub loinc: Option<String>,
    /// What may be done with the wording, and who says so.
    pub licence: Licence,
    /// The copies the wording was compared with, and the papers behind the rules.
    pub sources: Vec<String>,
    /// In printed order.
    pub items: Vec<Item>,
    /// In the order in which they are shown.
    pub scales: Vec<Scale>,
    /// Yes-or-no rules over the answers, such as a diagnostic pattern.
    pub criteria: Vec<Criterion>,
    /// Rules over single answers that a person must see.
    pub risk_rules: Vec<RiskRule>,
    texts: BTreeMap<String, Texts>,
}

impl Instrument {
    /// Where the item with this printed number is.
    #[must_use]
    pub fn position(&self, item: &str) -> Option<Position> {
        self.items.iter().position(|known| known.id == item)
    }

    /// The scale with this id.
    #[must_use]
    pub fn scale(&self, id: &str) -> Option<&Scale> {
        self.scales.iter().find(|scale| scale.id == id)
    }

    /// The words in this language (`en`, `es`), or `None` when nobody has translated this version yet.
    #[must_use]
    pub fn texts(&self, language: &str) -> Option<&Texts> {
        self.texts.get(language)
    }

    /// The words in this language, else in English, which every definition has.
    ///
    /// # Panics
    /// Never: a definition without English is refused when the library is read.
    #[must_use]
    pub fn texts_or_english(&self, language: &str) -> &Texts {
        self.texts(language)
            .or_else(|| self.texts(ENGLISH))
            .expect("a definition without English texts is refused by its check")
    }

    /// The languages this version can be shown in.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.texts.keys().map(String::as_str)
    }

    /// Whether the item is to be asked, given the answers so far. An unanswered gate hides nothing: only an answer
    /// that rules an item out does.
    #[must_use]
    pub fn is_asked(&self, answers: &Answers, position: Position) -> bool {
        self.ruled_out_by(answers, position).is_none()
    }

    /// The gate whose answer rules this item out. What depends on an item that is ruled out is ruled out too.
    #[must_use]
    pub fn ruled_out_by(&self, answers: &Answers, position: Position) -> Option<Position> {
        // Ends, because a gate is always an earlier item (see `check`).
        let condition = self.items.get(position)?.asked_when.as_ref()?;
        self.ruled_out_by(answers, condition.item).or_else(|| {
            let value = answers.get(condition.item)?;
            (!condition.answered.contains(&value)).then_some(condition.item)
        })
    }

    /// The items to be asked, given the answers so far, in printed order.
    pub fn asked<'a>(&'a self, answers: &'a Answers) -> impl Iterator<Item = Position> + 'a {
        (0..self.items.len()).filter(|&position| self.is_asked(answers, position))
    }

    /// The first item that is asked and not answered: where a patient goes on.
    #[must_use]
    pub fn first_open(&self, answers: &Answers) -> Option<Position> {
        self.asked(answers)
            .find(|&position| answers.get(position).is_none())
    }
}

/// The language every definition has.
pub const ENGLISH: &str = "en";

/// One question. Its words are in [`Texts::items`], at the same position.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The number as printed on the form (`9`), also the key in exports. Not a position.
    pub id: String,
    /// In printed order.
    pub options: Vec<AnswerOption>,
    /// Asked only under this condition; `None` = always.
    pub asked_when: Option<AskedWhen>,
    /// LOINC code of the question.
    pub loinc: Option<String>,
}

impl Item {
    /// The printed place of the option with this value.
    #[must_use]
    pub fn option_with(&self, value: i16) -> Option<usize> {
        self.options.iter().position(|option| option.value == value)
    }

    /// The lowest value an answer can have.
    #[must_use]
    pub fn lowest(&self) -> i16 {
        self.options
            .iter()
            .map(|option| option.value)
            .min()
            .unwrap_or(0)
    }

    /// The highest value an answer can have.
    #[must_use]
    pub fn highest(&self) -> i16 {
        self.options
            .iter()
            .map(|option| option.value)
            .max()
            .unwrap_or(0)
    }
}

/// One answer a person can choose. Its place in the list, its value and its code are three different things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerOption {
    /// What scoring counts; distinct within an item. Stored and exported as the answer.
    pub value: i16,
    /// LOINC answer code.
    pub code: Option<String>,
}

/// The gate of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedWhen {
    /// The earlier item that decides.
    pub item: Position,
    /// The values of that item's answer under which this one is asked.
    pub answered: Vec<i16>,
}

/// What a score belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    /// The name in exports: `total`, `b`.
    pub id: String,
    /// What counts.
    pub items: Vec<ScaleItem>,
    /// How the counted values become one number.
    pub method: Method,
    /// The result is multiplied by this; 1 for most.
    pub times: f64,
    /// What happens when an answer is missing.
    pub missing: MissingRule,
    /// The lowest possible score, in points.
    pub lowest: f64,
    /// The highest possible score, in points.
    pub highest: f64,
    /// From lowest to highest, without gap or overlap; empty when nobody has published any.
    pub bands: Vec<Band>,
    /// Where the bands were published.
    pub bands_source: Option<String>,
    /// Published thresholds; the first is the one in use unless a site chooses another.
    pub cut_offs: Vec<CutOff>,
    /// What counts as change, with its sources; `None` when nothing is published.
    pub change: Option<ChangeParameters>,
    /// LOINC code of the score.
    pub loinc: Option<String>,
}

impl Scale {
    /// The band a score lies in: the last one whose lower edge it has reached.
    #[must_use]
    pub fn band(&self, value: f64) -> Option<&Band> {
        self.bands
            .iter()
            .rev()
            .find(|band| f64::from(band.from) <= value)
    }
}

/// An item of a scale, and how its value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScaleItem {
    /// Which item.
    pub position: Position,
    /// `Some(lowest + highest)` when the item is reversed: the value counts as that sum minus the value.
    pub reversed_within: Option<i16>,
}

impl ScaleItem {
    /// The value as it counts on the scale.
    #[must_use]
    pub fn counted(self, value: i16) -> i16 {
        self.reversed_within
            .map_or(value, |ends| ends.saturating_sub(value))
    }
}

/// How the values of a scale's items become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// All added.
    Sum,
    /// All added, divided by the number of items.
    Mean,
    /// How many are at least this high.
    Count {
        /// The value that counts.
        at_least: i16,
    },
}

/// What a scale does when an answer is missing. Whatever the rule, a partial sum is never a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingRule {
    /// No score.
    Refuse,
    /// Up to this many: the mean of the answered items stands in for each missing one.
    Prorate {
        /// The most items that may be missing.
        at_most: u16,
        /// What is done with a fraction.
        rounding: Rounding,
    },
    /// Up to this many: each missing one counts as 0, because the manual says so.
    BlankIsZero {
        /// The most items that may be missing.
        at_most: u16,
    },
}

impl MissingRule {
    /// How many items may be missing before there is no score.
    #[must_use]
    pub fn tolerates(self) -> u16 {
        match self {
            Self::Refuse => 0,
            Self::Prorate { at_most, .. } | Self::BlankIsZero { at_most } => at_most,
        }
    }
}

/// What is done with the fraction of a prorated score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Kept.
    None,
    /// To the nearest whole number, a half upwards.
    Nearest,
    /// To the next whole number above.
    Up,
    /// To the next whole number below.
    Down,
}

/// A published range of scores with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Band {
    /// The name in exports, in the publisher's words: `moderately severe`. Its translation is in [`ScaleTexts::bands`].
    pub id: String,
    /// The lowest score in it, in points.
    pub from: i32,
    /// The highest score in it, in points.
    pub to: i32,
}

/// A published threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct CutOff {
    /// The name in exports.
    pub id: String,
    /// Reached by this score and every higher one, in points.
    pub at_least: f64,
    /// Where it was published.
    pub source: String,
}

impl CutOff {
    /// Whether a score reaches it.
    #[must_use]
    pub fn is_reached(&self, value: f64) -> bool {
        value >= self.at_least
    }
}

/// A yes-or-no rule over the answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Criterion {
    /// The name in exports: `provisional_ptsd`.
    pub id: String,
    /// What must hold.
    pub condition: Condition,
    /// Where it was published.
    pub source: String,
}

/// What a criterion asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// So many of these items are answered so high.
    Count {
        /// Which item counts, from which value on.
        endorsed: Vec<Endorsed>,
        /// The fewest that must count.
        at_least: u16,
        /// The most that may count; `None` = any number.
        at_most: Option<u16>,
    },
    /// Every one of these holds.
    All(Vec<Condition>),
    /// At least one of these holds.
    Any(Vec<Condition>),
}

/// When an item counts for a criterion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endorsed {
    /// Which item.
    pub position: Position,
    /// The lowest value that counts.
    pub from: i16,
}

/// A rule over one answer that a person must see. What happens to the flag it raises is not the definition's business.
#[derive(Debug, Clone, PartialEq)]
pub struct RiskRule {
    /// The name in exports.
    pub id: String,
    /// The rule's own version, kept with every flag it raises.
    pub version: String,
    /// Which item.
    pub item: Position,
    /// The lowest answer that raises a flag.
    pub at_least: i16,
    /// How soon a person must look.
    pub tier: Tier,
    /// Where the rule comes from, ready to be shown.
    pub source: String,
}

/// What may be done with the wording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licence {
    /// May the text ship?
    pub class: LicenceClass,
    /// Whose wording it is.
    pub owner: String,
    /// What the owner allows, in one or two sentences.
    pub terms: String,
    /// Where the owner says so.
    pub source: String,
    /// The day somebody last looked, as `2026-11-22`.
    pub checked_on: String,
}

/// May the text ship?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LicenceClass {
    /// Also in a product that is sold, with its credit line.
    A,
    /// In an open or non-commercial product with its notice.
    B,
    /// Only with the clinic's own licence: no text ships.
    C,
}

/// All words of a questionnaire in one language. Lists are parallel to those of [`Instrument`].
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
    /// One per item.
    pub items: Vec<ItemTexts>,
    /// One per scale.
    pub scales: Vec<ScaleTexts>,
    /// The names of the criteria, for clinicians.
    pub criteria: Vec<String>,
    /// What each risk rule says, for clinicians.
    pub risk_rules: Vec<String>,
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
    /// One per band.
    pub bands: Vec<String>,
    /// One per cut-off.
    pub cut_offs: Vec<String>,
}
