//! Whether a questionnaire can be put before somebody at all, and before whom. The one place that says so: batteries, plans, imports and links
//! ask here. What a clinic's licence allows besides belongs here too.

use super::{ENGLISH, Instrument, Kind, Library, Respondent};

/// Why a questionnaire cannot be put before somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CannotBeAsked {
    /// Its wording is not here: it is protected and the clinic has not supplied its copy.
    NoWording,
    /// A clinician answers it, about the patient.
    AnsweredByClinician,
}

impl std::fmt::Display for CannotBeAsked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoWording => {
                "its wording is protected and not part of this program; add the clinic’s licensed copy first"
            }
            Self::AnsweredByClinician => {
                "a clinician answers it, so it is never sent to a patient; use “Record a form” on the patient’s page"
            }
        })
    }
}

/// Whether it can be given to a patient, or to a parent, through a link.
///
/// # Errors
/// Says why not.
pub fn can_be_asked(instrument: &Instrument) -> Result<(), CannotBeAsked> {
    can_be_recorded(instrument)?;
    match instrument.respondent {
        Respondent::Patient | Respondent::Parent => Ok(()),
        Respondent::Clinician => Err(CannotBeAsked::AnsweredByClinician),
    }
}

/// Whether staff can fill it in: as the clinician who answers it, or from paper.
///
/// # Errors
/// Says why not.
pub fn can_be_recorded(instrument: &Instrument) -> Result<(), CannotBeAsked> {
    if instrument.has_text(ENGLISH) {
        Ok(())
    } else {
        Err(CannotBeAsked::NoWording)
    }
}

impl Kind {
    /// Whether its scores say how a patient is doing. What one says about the sessions or the service never does: it stays out of caseload, signals and evaluation.
    #[must_use]
    pub fn is_outcome(self) -> bool {
        !matches!(self, Self::SessionCheck | Self::Experience)
    }

    /// Whether the patient's page keeps it apart from everything validated, and judges no change on it.
    #[must_use]
    pub fn is_kept_apart(self) -> bool {
        self == Self::SessionCheck
    }
}

impl Library {
    /// The newest version of every instrument that can be given to a patient or a parent, by id.
    pub fn offered(&self) -> impl Iterator<Item = &Instrument> {
        self.latest()
            .filter(|instrument| can_be_asked(instrument).is_ok())
    }

    /// The newest version of every instrument that staff can fill in, by id.
    pub fn recorded(&self) -> impl Iterator<Item = &Instrument> {
        self.latest()
            .filter(|instrument| can_be_recorded(instrument).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patients_are_never_offered_what_a_clinician_answers_and_staff_are() {
        let library = Library::embedded();
        let rated: Vec<_> = library
            .latest()
            .filter(|known| known.respondent == Respondent::Clinician && known.has_text(ENGLISH))
            .collect();
        assert!(!rated.is_empty());
        for known in rated {
            assert_eq!(can_be_asked(known), Err(CannotBeAsked::AnsweredByClinician));
            assert!(library.offered().all(|offered| offered.id != known.id));
            assert!(library.recorded().any(|offered| offered.id == known.id));
        }
    }

    #[test]
    fn nobody_is_offered_what_has_no_wording() {
        let library = Library::embedded();
        let bare: Vec<_> = library
            .latest()
            .filter(|known| !known.has_text(ENGLISH))
            .collect();
        assert!(!bare.is_empty());
        for known in bare {
            assert_eq!(can_be_asked(known), Err(CannotBeAsked::NoWording));
            assert!(library.recorded().all(|offered| offered.id != known.id));
        }
    }
}
