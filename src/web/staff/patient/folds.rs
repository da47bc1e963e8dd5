//! Parts of the page that are sent only when somebody opens them, so that the page stays small on a bad line. Opening is a link, so it works
//! without a script; one part is open at a time.

/// What is open, and the address of the page without it.
pub struct Folds {
    address: String,
    open: Option<String>,
    /// Ends every name, so that two series of one instrument are told apart.
    end: String,
}

/// One part that can be opened.
pub struct Fold {
    /// Anchor and name in the address: `answers-phq9`.
    pub key: String,
    /// Leads to the page with this part open.
    pub address: String,
    /// Whether it is open.
    pub open: bool,
}

impl Folds {
    /// The parts of the page at this address (with or without a query).
    pub fn new(address: String, open: Option<String>) -> Folds {
        Folds {
            address,
            open,
            end: String::new(),
        }
    }

    /// The parts of what somebody else answered, by their number.
    pub fn of_series(&self, number: usize) -> Folds {
        Folds {
            address: self.address.clone(),
            open: self.open.clone(),
            end: format!("-{number}"),
        }
    }

    /// One part.
    pub fn fold(&self, key: String) -> Fold {
        let key = format!("{key}{}", self.end);
        let joint = if self.address.contains('?') { '&' } else { '?' };
        Fold {
            address: format!("{}{joint}open={key}#{key}", self.address),
            open: self.open.as_ref() == Some(&key),
            key,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_part_that_was_asked_for_is_open() {
        let folds = Folds::new("/patients/1?episode=2".into(), Some("answers-phq9".into()));
        assert!(folds.fold("answers-phq9".into()).open);
        let closed = folds.fold("sessions".into());
        assert_eq!(
            (closed.open, closed.address.as_str()),
            (false, "/patients/1?episode=2&open=sessions#sessions")
        );
    }
}
