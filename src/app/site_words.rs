//! The site's own words on patients' pages: its crisis line and when answers are read.

use super::{App, Failure};
use crate::domain::access::{Action, Actor, Subject, decide};
use crate::store::{audit, organisation};

/// A crisis line as patients see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CrisisLine {
    /// Whose line it is: `Harbor crisis line`.
    pub label: String,
    /// The number as people read it: `(555) 010-0199`.
    pub shown: String,
    /// The number as a telephone dials it: `+15550100199`.
    pub dial: String,
}

impl CrisisLine {
    /// The line as stored: label, number and dial, separated by bars.
    pub fn stored(&self) -> String {
        format!("{}|{}|{}", self.label, self.shown, self.dial)
    }

    /// Reads a stored line; what is not there is empty.
    pub fn read(stored: &str) -> CrisisLine {
        let mut parts = stored.splitn(3, '|').map(str::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        CrisisLine {
            label: next(),
            shown: next(),
            dial: next(),
        }
    }

    /// Whether a telephone can dial it and both texts are there, without the bar that separates them.
    pub fn is_whole(&self) -> bool {
        let texts = [&self.label, &self.shown]
            .iter()
            .all(|text| !text.trim().is_empty() && !text.contains('|'));
        let digits = self.dial.strip_prefix('+').unwrap_or(&self.dial);
        texts && (3..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
    }
}

/// Why the words were not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// A line needs a name, a number as shown and a number to dial.
    Line,
    /// Patients must read when somebody looks at their answers.
    Promise,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Refusal::Line => "A crisis line needs a name, a number as people read it and a number to dial, such as +15550100199.",
            Refusal::Promise => "Write when answers are read, such as: before your next visit.",
        })
    }
}

/// Sets the words.
///
/// # Errors
/// Refused when the line is half written or the promise empty; denied unless the account administers.
pub async fn set_words(
    app: &App,
    actor: Actor,
    line: Option<CrisisLine>,
    promise: String,
) -> Result<(), Failure<Refusal>> {
    let now = app.clock.now();
    if line.as_ref().is_some_and(|line| !line.is_whole()) {
        return Err(Failure::Refused(Refusal::Line));
    }
    if promise.trim().is_empty() {
        return Err(Failure::Refused(Refusal::Promise));
    }
    app.store
        .write(move |tx| {
            let permit = decide(&actor, Action::Administer, Subject::Organisation)?;
            let stored = line.as_ref().map(CrisisLine::stored);
            organisation::set_words(tx, permit.org(), stored.as_deref(), promise.trim())?;
            audit::record(tx, &permit, "site_words", Some(permit.org()), now)?;
            Ok::<_, Failure<Refusal>>(())
        })
        .await?;
    app.store.forget_words();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_back_as_it_was_stored() {
        let line = CrisisLine {
            label: "Harbor line".into(),
            shown: "(555) 010-0199".into(),
            dial: "+15550100199".into(),
        };
        assert_eq!(CrisisLine::read(&line.stored()), line);
        assert!(line.is_whole());
    }

    #[test]
    fn a_half_written_line_is_not_whole() {
        for stored in [
            "Harbor||+15550100199",
            "Harbor|555|",
            "|555|5550100",
            "Harbor|555|call us",
            "Harbor|555|12",
            "a|b|5550100|x",
        ] {
            assert!(!CrisisLine::read(stored).is_whole(), "{stored}");
        }
    }
}
