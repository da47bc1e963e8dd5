//! Whether an instrument may be used here: what its owner asks for, what the site has on record, and the day.
//!
//! Class A asks for nothing; class B for a recorded permission or the owner's terms, accepted; class C for a permission and
//! the clinic's own copy of the wording. Scoring answers that came from elsewhere is not using it. Not here: recording a
//! permission (`app::permit_instrument`), and what a definition says about its licence (`instrument::Licence`).

use super::instrument::{ENGLISH, Instrument, LicenceClass};
use chrono::NaiveDate;

/// A permission as the site recorded it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedPermission {
    /// For which instrument.
    pub instrument: String,
    /// The contract, letter or terms, in words.
    pub reference: String,
    /// Who granted it, or to whom it was granted.
    pub holder: String,
    /// The first day on which it holds.
    pub granted_on: NaiveDate,
    /// The last day on which it holds; `None` = no end.
    pub expires_on: Option<NaiveDate>,
    /// The day on which the site withdrew it, if it did.
    pub withdrawn_on: Option<NaiveDate>,
}

/// On what ground an instrument may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground {
    /// The owner asks for nothing.
    Free,
    /// A permission on record at this site.
    Recorded(RecordedPermission),
    /// The permission that the clinic's own copy of the wording states.
    WithWording,
}

/// Why an instrument may not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyNot {
    /// Its wording is the clinic's to supply, and it has not.
    NoWording,
    /// Nothing is on record.
    NotRecorded,
    /// What is on record begins later.
    NotYet(NaiveDate),
    /// What is on record has ended, with this day as its last.
    Expired(NaiveDate),
    /// What was on record was withdrawn on this day.
    Withdrawn(NaiveDate),
}

/// An instrument that may not be used, in words for whoever wanted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotPermitted {
    /// The instrument's id.
    pub instrument: String,
    /// The name clinicians use.
    pub name: String,
    /// Whose wording it is.
    pub owner: String,
    /// Why not.
    pub why: WhyNot,
}

impl std::fmt::Display for WhyNot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoWording => f.write_str("its wording is not here"),
            Self::NotRecorded => f.write_str("no permission is on record"),
            Self::NotYet(day) => write!(f, "its permission begins on {day}"),
            Self::Expired(day) => write!(f, "its permission ended with {day}"),
            Self::Withdrawn(day) => write!(f, "its permission was withdrawn on {day}"),
        }
    }
}

impl NotPermitted {
    /// For this reason.
    #[must_use]
    pub fn of(instrument: &Instrument, why: WhyNot) -> Self {
        NotPermitted {
            instrument: instrument.id.clone(),
            name: instrument.texts_or_english(ENGLISH).short_name.clone(),
            owner: instrument.licence.owner.clone(),
            why,
        }
    }

    /// What somebody can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self.why {
            WhyNot::NoWording => {
                "Bring your licensed copy: put its wording into the site's folder of definitions, and record the permission"
            }
            WhyNot::NotYet(_) => {
                "Wait for that day, or have an administrator record another permission"
            }
            WhyNot::NotRecorded | WhyNot::Expired(_) | WhyNot::Withdrawn(_) => {
                "Have an administrator record the owner's permission on the instrument's page"
            }
        }
    }
}

impl std::fmt::Display for NotPermitted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} ({}) may not be used here: {}. Its owner is {}. {}",
            self.name,
            self.instrument,
            self.why,
            self.owner.trim_end_matches('.'),
            self.remedy()
        )
    }
}

/// Whether an instrument may be given to anybody today. What the site recorded decides, the newest last; only when nothing
/// was ever recorded does the permission count that the clinic's own copy of the wording states.
///
/// # Errors
/// [`WhyNot`].
pub fn may_be_used(
    instrument: &Instrument,
    permissions: &[RecordedPermission],
    today: NaiveDate,
) -> Result<Ground, WhyNot> {
    if !instrument.has_text(ENGLISH) {
        return Err(WhyNot::NoWording);
    }
    if instrument.licence.class == LicenceClass::A {
        return Ok(Ground::Free);
    }
    let mut why = None;
    for known in permissions
        .iter()
        .rev()
        .filter(|known| known.instrument == instrument.id)
    {
        match holds(known, today) {
            Ok(()) => return Ok(Ground::Recorded(known.clone())),
            // The newest says why.
            Err(found) => why = why.or(Some(found)),
        }
    }
    match (why, with_wording(instrument)) {
        (Some(why), _) => Err(why),
        (None, None) => Err(WhyNot::NotRecorded),
        (None, Some(granted_on)) if granted_on > today => Err(WhyNot::NotYet(granted_on)),
        (None, Some(_)) => Ok(Ground::WithWording),
    }
}

fn holds(known: &RecordedPermission, today: NaiveDate) -> Result<(), WhyNot> {
    if let Some(day) = known.withdrawn_on {
        return Err(WhyNot::Withdrawn(day));
    }
    match known.expires_on {
        Some(last) if last < today => return Err(WhyNot::Expired(last)),
        _ => {}
    }
    if known.granted_on > today {
        return Err(WhyNot::NotYet(known.granted_on));
    }
    Ok(())
}

/// The day from which the permission holds that stands in the clinic's own copy of the wording.
fn with_wording(instrument: &Instrument) -> Option<NaiveDate> {
    let permission = instrument.texts(ENGLISH)?.permission.as_ref()?;
    permission.granted_on.parse().ok()
}

/// The same for somebody who is to read why not.
///
/// # Errors
/// [`NotPermitted`].
pub fn require(
    instrument: &Instrument,
    permissions: &[RecordedPermission],
    today: NaiveDate,
) -> Result<Ground, NotPermitted> {
    may_be_used(instrument, permissions, today).map_err(|why| NotPermitted::of(instrument, why))
}

/// The first of these that may not be used.
///
/// # Errors
/// [`NotPermitted`].
pub fn require_all<'a>(
    instruments: impl IntoIterator<Item = &'a Instrument>,
    permissions: &[RecordedPermission],
    today: NaiveDate,
) -> Result<(), NotPermitted> {
    instruments
        .into_iter()
        .try_for_each(|known| require(known, permissions, today).map(|_| ()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::instrument::{DefinitionFile, Library, Origin};

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    const TODAY: &str = "2026-03-03";

    fn of_class(class: LicenceClass, worded: bool) -> &'static Instrument {
        Library::embedded()
            .latest()
            .find(|known| known.licence.class == class && known.has_text(ENGLISH) == worded)
            .expect("the library has one")
    }

    fn granted(instrument: &Instrument, from: &str, to: Option<&str>) -> RecordedPermission {
        RecordedPermission {
            instrument: instrument.id.clone(),
            reference: "Letter 12".into(),
            holder: "Harbor Care".into(),
            granted_on: day(from),
            expires_on: to.map(day),
            withdrawn_on: None,
        }
    }

    fn said(known: &[RecordedPermission]) -> Result<(), WhyNot> {
        let instrument = of_class(LicenceClass::B, true);
        may_be_used(instrument, known, day(TODAY)).map(|_| ())
    }

    #[test]
    fn a_free_instrument_asks_for_nothing() {
        let instrument = of_class(LicenceClass::A, true);
        assert_eq!(may_be_used(instrument, &[], day(TODAY)), Ok(Ground::Free));
    }

    #[test]
    fn terms_have_to_be_on_record_before_an_instrument_is_used() {
        let instrument = of_class(LicenceClass::B, true);
        assert_eq!(said(&[]), Err(WhyNot::NotRecorded));
        assert_eq!(said(&[granted(instrument, "2026-01-01", None)]), Ok(()));
        let other = RecordedPermission {
            instrument: "something_else".into(),
            ..granted(instrument, "2026-01-01", None)
        };
        assert_eq!(said(&[other]), Err(WhyNot::NotRecorded));
    }

    #[test]
    fn a_permission_holds_from_its_first_day_to_its_last() {
        let known = of_class(LicenceClass::B, true);
        for (from, to, expected) in [
            (TODAY, Some(TODAY), Ok(())),
            ("2026-03-04", None, Err(WhyNot::NotYet(day("2026-03-04")))),
            (
                "2025-01-01",
                Some("2026-03-02"),
                Err(WhyNot::Expired(day("2026-03-02"))),
            ),
        ] {
            assert_eq!(
                said(&[granted(known, from, to)]),
                expected,
                "{from} to {to:?}"
            );
        }
    }

    #[test]
    fn a_withdrawn_permission_does_not_hold_and_a_newer_one_does() {
        let known = of_class(LicenceClass::B, true);
        let withdrawn = RecordedPermission {
            withdrawn_on: Some(day("2026-02-01")),
            ..granted(known, "2025-01-01", None)
        };
        assert_eq!(
            said(std::slice::from_ref(&withdrawn)),
            Err(WhyNot::Withdrawn(day("2026-02-01")))
        );
        assert_eq!(
            said(&[withdrawn.clone(), granted(known, "2026-02-02", None)]),
            Ok(())
        );
        let expired = granted(known, "2025-01-01", Some("2025-12-31"));
        assert_eq!(
            said(&[expired, withdrawn]),
            Err(WhyNot::Withdrawn(day("2026-02-01"))),
            "the newest says why"
        );
    }

    #[test]
    fn protected_wording_is_needed_whatever_is_on_record() {
        let known = of_class(LicenceClass::C, false);
        let permissions = [granted(known, "2026-01-01", None)];
        assert_eq!(
            may_be_used(known, &permissions, day(TODAY)),
            Err(WhyNot::NoWording)
        );
        let words = require(known, &permissions, day(TODAY))
            .unwrap_err()
            .to_string();
        assert!(
            words.contains(&known.id)
                && words.contains(known.licence.owner.trim_end_matches('.'))
                && words.contains("Bring your licensed copy"),
            "{words}"
        );
    }

    /// A short definition of class C, with the clinic's copy of its wording.
    fn with_wording(granted_on: &str) -> Library {
        let definition = r#"
id = "protected"
version = "1"
sources = ["a", "b"]
items = [{ id = "1", options = "yes" }, { id = "2", options = "yes" }]
[licence]
class = "C"
owner = "Somebody"
terms = "Ask."
source = "Their site"
checked_on = 2026-01-01
[option_sets]
yes = [{ value = 0 }, { value = 1 }]
[[scales]]
id = "total"
items = ["1", "2"]
method = "sum"
range = [0, 2]
missing = { rule = "refuse", source = "The manual" }
[language.en]
name = "Protected"
short_name = "P"
credit = "© Somebody"
[language.en.scales.total]
name = "Total"
"#;
        let text = format!(
            r#"
sources = ["our copy"]
translator = "The publisher"
status = "Its own wording"
credit = "© Somebody"
[permission]
holder = "Harbor Care"
reference = "Contract 7"
granted_on = {granted_on}
[items]
1 = "One?"
2 = "Two?"
[options.yes]
0 = "No"
1 = "Yes"
"#
        );
        let file = |path: &str, text: &str| DefinitionFile {
            origin: Origin::Site,
            path: path.into(),
            shown: path.into(),
            text: text.into(),
        };
        Library::read([
            file("protected/1.toml", definition),
            file("protected/1.en.toml", &text),
        ])
        .unwrap()
    }

    #[test]
    fn the_permission_in_the_clinics_own_wording_counts_as_recorded() {
        let library = with_wording("2026-01-01");
        let known = library.get("protected").unwrap();
        assert_eq!(may_be_used(known, &[], day(TODAY)), Ok(Ground::WithWording));
        let withdrawn = RecordedPermission {
            withdrawn_on: Some(day("2026-02-01")),
            ..granted(known, "2026-01-01", None)
        };
        assert!(
            may_be_used(known, &[withdrawn], day(TODAY)).is_err(),
            "what the site recorded decides"
        );
        let library = with_wording("2026-04-01");
        let known = library.get("protected").unwrap();
        assert_eq!(
            may_be_used(known, &[], day(TODAY)),
            Err(WhyNot::NotYet(day("2026-04-01")))
        );
    }
}
