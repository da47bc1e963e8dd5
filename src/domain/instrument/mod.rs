//! What a questionnaire is: its items, options, scales, rules and words, all read from `survey-defs/`.
//!
//! Here live the types every other part works with: items in `item`, scales in `scale`, rules over answers in
//! `condition`, words in `texts`, whom norms are for in `person`. Reading a definition's file is in `file`, checking it
//! in `check`, the set of all definitions in `library`, who may be asked what in `asking`, one person's answers in `answers`. Not here: turning answers
//! into scores (`domain::scoring`) or into flags (`domain::risk::rules`). Nothing in this folder knows any instrument
//! by name.

mod answers;
mod asking;
mod check;
mod condition;
mod faults;
mod file;
mod item;
mod library;
mod nearest;
mod person;
mod published;
pub(in crate::domain) mod reachable;
mod scale;
mod shared;
#[cfg(test)]
mod tests;
mod texts;

pub use answers::{Answer, Answers, AnswersFault, DECLINED, LONGEST_WORDS, NotAnOption, Ticks};
pub use asking::{CannotBeAsked, can_be_asked, can_be_recorded};
pub use condition::{Condition, Criterion, Endorsed, RiskRule};
pub use faults::DefinitionFault;
pub(crate) use faults::in_plain_words;
pub(in crate::domain) use faults::{Faults, read};
pub use item::{AnswerOption, AnsweredBy, AskedWhen, GateState, Item, Wanted};
#[cfg(test)]
pub(in crate::domain) use library::shipped_files;
pub use library::{DefinitionFile, Library, Origin};
pub use nearest::nearest;
pub use person::{Person, Sex, Whom};
pub use published::{PUBLISHED_FILE, Published, changed};
pub(in crate::domain) use scale::ROUNDING;
pub use scale::{
    Band, Banding, Blank, CutOff, Limit, Lookup, LookupRow, Method, MissingRule, NotAsked,
    PUBLISHED, Rounding, Scale, ScaleItem,
};
pub use shared::{Shared, shared};
pub use texts::{BandingTexts, ItemTexts, Permission, ScaleTexts, Texts, Translation};

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
    /// What it is for.
    pub kind: Kind,
    /// Who answers it.
    pub respondent: Respondent,
    /// Who wrote this definition.
    pub origin: Origin,
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
        self.texts
            .iter()
            .filter(|(_, texts)| !texts.items.is_empty())
            .map(|(language, _)| language.as_str())
    }

    /// Whether its questions can be shown to somebody in this language. Without the clinic's own copy of a protected
    /// wording they cannot: such an instrument can be scored and nothing else.
    #[must_use]
    pub fn has_text(&self, language: &str) -> bool {
        self.texts(language)
            .is_some_and(|texts| !texts.items.is_empty())
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
        match self.gate(answers, position) {
            GateState::Closed(gate) => Some(gate),
            GateState::Open | GateState::Undecided(_) => None,
        }
    }

    /// What the gate of this item says; open when it has none.
    #[must_use]
    pub fn gate(&self, answers: &Answers, position: Position) -> GateState {
        match self
            .items
            .get(position)
            .and_then(|item| item.asked_when.as_ref())
        {
            Some(condition) => self.gate_of(answers, condition),
            None => GateState::Open,
        }
    }

    fn gate_of(&self, answers: &Answers, condition: &AskedWhen) -> GateState {
        match condition {
            AskedWhen::Answer { item, wanted } => {
                // Ends, because a gate is always an earlier item (see `check`).
                if let Some(gate) = self.ruled_out_by(answers, *item) {
                    return GateState::Closed(gate);
                }
                match wanted.is_met_by(answers.at(*item)) {
                    Some(true) => GateState::Open,
                    Some(false) => GateState::Closed(*item),
                    None => GateState::Undecided(*item),
                }
            }
            AskedWhen::All(parts) => self.gate_of_all(answers, parts),
            AskedWhen::Any(parts) => self.gate_of_any(answers, parts),
        }
    }

    /// One part that is surely false rules the item out.
    fn gate_of_all(&self, answers: &Answers, parts: &[AskedWhen]) -> GateState {
        let mut state = GateState::Open;
        for part in parts {
            match (self.gate_of(answers, part), state) {
                (closed @ GateState::Closed(_), _) => return closed,
                (undecided @ GateState::Undecided(_), GateState::Open) => state = undecided,
                _ => {}
            }
        }
        state
    }

    /// Only when every part is surely false is the item ruled out.
    fn gate_of_any(&self, answers: &Answers, parts: &[AskedWhen]) -> GateState {
        let mut state = None;
        for part in parts {
            match (self.gate_of(answers, part), state) {
                (GateState::Open, _) => return GateState::Open,
                (undecided @ GateState::Undecided(_), None | Some(GateState::Closed(_))) => {
                    state = Some(undecided);
                }
                (closed, None) => state = Some(closed),
                _ => {}
            }
        }
        state.unwrap_or(GateState::Open)
    }

    /// The items to be asked, given the answers so far, in printed order.
    pub fn asked<'a>(&'a self, answers: &'a Answers) -> impl Iterator<Item = Position> + 'a {
        (0..self.items.len()).filter(|&position| self.is_asked(answers, position))
    }

    /// The first item that is asked and left blank: where a patient goes on. What was declined is not asked again.
    #[must_use]
    pub fn first_open(&self, answers: &Answers) -> Option<Position> {
        self.asked(answers)
            .find(|&position| answers.is_blank(position))
    }
}

/// The language every definition has.
pub const ENGLISH: &str = "en";

/// What a questionnaire is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Symptoms, followed over time.
    Symptoms,
    /// Given once or rarely; not followed over time.
    Screen,
    /// Experience of the service.
    Experience,
    /// About the session itself, in our own words; kept apart from symptom scores and never called validated.
    SessionCheck,
    /// How somebody gets along in daily life.
    Function,
}

impl Kind {
    /// All there are.
    pub const ALL: [Kind; 5] = [
        Self::Symptoms,
        Self::Screen,
        Self::Experience,
        Self::SessionCheck,
        Self::Function,
    ];

    /// The word in definitions and exports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Symptoms => "symptoms",
            Self::Screen => "screen",
            Self::Experience => "experience",
            Self::SessionCheck => "session_check",
            Self::Function => "function",
        }
    }
}

/// Who answers a questionnaire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Respondent {
    /// The patient.
    Patient,
    /// A parent, about the child.
    Parent,
    /// A clinician, about the patient.
    Clinician,
}

impl Respondent {
    /// All there are.
    pub const ALL: [Respondent; 3] = [Self::Patient, Self::Parent, Self::Clinician];

    /// The word in definitions and exports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::Parent => "parent",
            Self::Clinician => "clinician",
        }
    }
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
