//! Stepped plans: a short form that opens a longer one when its score reaches a number. How a step is written down, read and checked against the
//! definitions, how it reads in words, and which steps are usual. What is carried over to the opened form is `domain::submission`'s.

use crate::domain::instrument::{
    CannotBeAsked, ENGLISH, Instrument, Kind, Library, Limit, can_be_asked, shared,
};

/// A form that opens another one. Written `phq2.total>=3:phq9`.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Whose score decides.
    pub screener: String,
    /// Which of its scales.
    pub scale: String,
    /// This score and every higher one opens the other form, in points.
    pub at_least: f64,
    /// What it opens.
    pub opens: String,
}

/// Why a step cannot be used.
#[derive(Debug, Clone, PartialEq)]
pub enum BadStep {
    /// It is not written as a step is.
    Unreadable(String),
    /// There is no such instrument.
    NoInstrument(String),
    /// The screener has no such scale; holds the ones it has.
    NoScale(Step, Vec<String>),
    /// The score lies outside the scale; holds its ends.
    OutOfRange(Step, f64, f64),
    /// The opened form cannot be put before a patient.
    CannotBeAsked(String, CannotBeAsked),
    /// A form would open itself.
    OpensItself(String),
}

impl std::fmt::Display for BadStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BadStep::Unreadable(seen) => write!(
                f,
                "{seen:?} is no step; wanted INSTRUMENT.SCALE>=SCORE:INSTRUMENT, such as phq2.total>=3:phq9"
            ),
            BadStep::NoInstrument(id) => write!(f, "there is no instrument {id:?}"),
            BadStep::NoScale(step, known) => write!(
                f,
                "{} has no scale {:?}; it has {}",
                step.screener,
                step.scale,
                known.join(", ")
            ),
            BadStep::OutOfRange(step, lowest, highest) => write!(
                f,
                "{} lies outside {}.{}, which goes from {lowest} to {highest}",
                step.at_least, step.screener, step.scale
            ),
            BadStep::CannotBeAsked(name, why) => {
                write!(f, "{name} cannot be opened for a patient: {why}")
            }
            BadStep::OpensItself(id) => {
                write!(f, "{id} cannot open itself; name another instrument")
            }
        }
    }
}

impl std::error::Error for BadStep {}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Step {
            screener,
            scale,
            at_least,
            opens,
        } = self;
        write!(f, "{screener}.{scale}>={at_least}:{opens}")
    }
}

impl std::str::FromStr for Step {
    type Err = BadStep;

    fn from_str(text: &str) -> Result<Self, BadStep> {
        let bad = || BadStep::Unreadable(text.to_owned());
        let (screened, rest) = text.split_once(">=").ok_or_else(bad)?;
        let (at_least, opens) = rest.split_once(':').ok_or_else(bad)?;
        let (screener, scale) = screened.split_once('.').ok_or_else(bad)?;
        let named = |id: &str| {
            !id.is_empty()
                && id
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        };
        let at_least: f64 = at_least.parse().map_err(|_| bad())?;
        if !at_least.is_finite() || ![screener, scale, opens].into_iter().all(named) {
            return Err(bad());
        }
        Ok(Step {
            screener: screener.to_owned(),
            scale: scale.to_owned(),
            at_least,
            opens: opens.to_owned(),
        })
    }
}

impl Step {
    /// Whether it can be used with these definitions: both forms and the scale exist, the score lies in its range, and the opened form can be put
    /// before a patient.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn check(&self, library: &Library) -> Result<(), BadStep> {
        let known = |id: &str| {
            library
                .get(id)
                .ok_or_else(|| BadStep::NoInstrument(id.to_owned()))
        };
        let (screener, opened) = (known(&self.screener)?, known(&self.opens)?);
        if screener.id == opened.id {
            return Err(BadStep::OpensItself(opened.id.clone()));
        }
        let Some(scale) = screener.scale(&self.scale) else {
            let known = screener.scales.iter().map(|scale| scale.id.clone());
            return Err(BadStep::NoScale(self.clone(), known.collect()));
        };
        if !(scale.lowest..=scale.highest).contains(&self.at_least) {
            return Err(BadStep::OutOfRange(
                self.clone(),
                scale.lowest,
                scale.highest,
            ));
        }
        can_be_asked(opened).map_err(|why| BadStep::CannotBeAsked(name(opened), why))
    }

    /// For people who know the field: `PHQ-2 at or above 3 opens the PHQ-9; 2 answers are carried over`.
    #[must_use]
    pub fn in_words(&self, library: &Library) -> String {
        let (screener, opened) = (library.get(&self.screener), library.get(&self.opens));
        let called = |known: Option<&Instrument>, id: &str| known.map_or(id.to_owned(), name);
        let scale = match screener {
            Some(known) if known.scales.len() > 1 => format!(" ({})", scale_name(known, self)),
            _ => String::new(),
        };
        let carried = match (screener, opened) {
            (Some(from), Some(to)) => shared(from, to, ENGLISH).len(),
            _ => 0,
        };
        let carried = match carried {
            0 => String::new(),
            1 => "; 1 answer is carried over".to_owned(),
            many => format!("; {many} answers are carried over"),
        };
        format!(
            "{}{scale} at or above {} opens the {}{carried}",
            called(screener, &self.screener),
            self.at_least,
            called(opened, &self.opens)
        )
    }
}

fn name(instrument: &Instrument) -> String {
    instrument.texts_or_english(ENGLISH).short_name.clone()
}

fn scale_name(instrument: &Instrument, step: &Step) -> String {
    let at = instrument
        .scales
        .iter()
        .position(|scale| scale.id == step.scale);
    let texts = instrument.texts_or_english(ENGLISH);
    at.and_then(|at| texts.scales.get(at))
        .map_or_else(|| step.scale.clone(), |scale| scale.name.clone())
}

/// Steps as they are stored: one beside the other with a space between; nothing where there is none.
///
/// # Errors
/// On the first that cannot be read.
pub fn read_steps(text: &str) -> Result<Vec<Step>, BadStep> {
    text.split_whitespace().map(str::parse).collect()
}

/// The stored text of steps; `None` when there are none.
#[must_use]
pub fn write_steps(steps: &[Step]) -> Option<String> {
    let texts: Vec<String> = steps.iter().map(ToString::to_string).collect();
    (!texts.is_empty()).then(|| texts.join(" "))
}

/// The steps that the definitions themselves suggest: a screener with a published cut-off whose questions all stand in a longer form that follows
/// symptoms and can be asked. For each screener the longer forms in the order of their ids; the cut-off is the one in use.
pub fn usual(library: &Library) -> impl Iterator<Item = Step> + '_ {
    library
        .offered()
        .filter(|known| known.kind == Kind::Screen)
        .flat_map(move |screener| {
            library
                .offered()
                .filter_map(move |longer| usual_step(screener, longer))
        })
}

fn usual_step(screener: &Instrument, longer: &Instrument) -> Option<Step> {
    let longer_form = longer.kind == Kind::Symptoms
        && longer.respondent == screener.respondent
        && longer.items.len() > screener.items.len();
    if !longer_form || shared(screener, longer, ENGLISH).len() < screener.items.len() {
        return None;
    }
    let (scale, at_least) = screener.scales.iter().find_map(|scale| {
        let cut_off = scale.cut_offs.first()?;
        match cut_off.limit {
            Limit::AtLeast(points) => Some((scale, points)),
            Limit::AtMost(_) => None,
        }
    })?;
    Some(Step {
        screener: screener.id.clone(),
        scale: scale.id.clone(),
        at_least,
        opens: longer.id.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(text: &str) -> Step {
        text.parse().unwrap()
    }

    #[test]
    fn a_step_is_written_as_it_was_read() {
        for text in ["phq2.total>=3:phq9", "who5.percent>=12.5:phq9"] {
            assert_eq!(step(text).to_string(), text);
        }
        let two = "phq2.total>=3:phq9 gad2.total>=3:gad7";
        let steps = read_steps(two).unwrap();
        assert_eq!(write_steps(&steps).as_deref(), Some(two));
        assert_eq!((read_steps(" "), write_steps(&[])), (Ok(vec![]), None));
    }

    #[test]
    fn what_is_no_step_is_refused_with_an_example() {
        for bad in [
            "",
            "phq2",
            "phq2.total>3:phq9",
            "phq2.total>=3",
            "phq2>=3:phq9",
            "phq2.total>=x:phq9",
            "phq2.total>=NaN:phq9",
            "phq2.total>=3:",
            "phq2.total>=3:phq9:gad7",
        ] {
            let said = bad.parse::<Step>().unwrap_err().to_string();
            assert!(said.contains("such as phq2.total>=3:phq9"), "{bad}: {said}");
        }
    }

    #[test]
    fn a_step_fits_the_definitions_or_says_why_not() {
        let library = Library::embedded();
        assert_eq!(step("phq2.total>=3:phq9").check(library), Ok(()));
        for (bad, wanted) in [
            ("nope.total>=3:phq9", "there is no instrument \"nope\""),
            ("phq2.total>=3:nope", "there is no instrument \"nope\""),
            ("phq2.sum>=3:phq9", "it has total"),
            ("phq2.total>=7:phq9", "from 0 to 6"),
            ("phq2.total>=3:phq2", "cannot open itself"),
            ("phq2.total>=3:oq45", "its wording is protected"),
        ] {
            let said = step(bad).check(library).unwrap_err().to_string();
            assert!(said.contains(wanted), "{bad}: {said}");
        }
    }

    #[test]
    fn a_step_reads_in_the_words_of_the_field() {
        assert_eq!(
            step("phq2.total>=3:phq9").in_words(Library::embedded()),
            "PHQ-2 at or above 3 opens the PHQ-9; 2 answers are carried over"
        );
    }

    #[test]
    fn the_usual_steps_come_from_the_definitions_and_all_fit() {
        let library = Library::embedded();
        let steps: Vec<String> = usual(library).map(|step| step.to_string()).collect();
        for wanted in ["phq2.total>=3:phq9", "gad2.total>=3:gad7"] {
            assert!(steps.iter().any(|step| step == wanted), "{steps:?}");
        }
        assert!(usual(library).all(|step| step.check(library).is_ok()));
    }
}
