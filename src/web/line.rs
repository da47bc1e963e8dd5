//! A telephone line of the site's own, as it is stored and as pages print it.

/// A telephone line as people read it and as a phone dials it.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// Who answers: `Harbor Clinic crisis line`.
    pub label: &'a str,
    /// The number as printed: `(555) 010-0199`.
    pub shown: &'a str,
    /// The number as dialled after `tel:`; digits and a leading plus only: `+15550100199`.
    pub dial: &'a str,
}

/// A stored line: `Harbor crisis line|(555) 010-0199|+15550100199`.
pub fn read_line(stored: &str) -> Line<'_> {
    let mut parts = stored.split('|');
    let (label, shown) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    Line {
        label,
        shown,
        dial: parts.next().unwrap_or_default(),
    }
}
