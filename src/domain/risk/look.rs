//! "What to look at next" for a patient who is not on track or has got worse: six things that may explain it, as options that nobody has to take. Data with sources; nothing here
//! chooses among them or does anything. The sentences are ours; no instrument's text stands here.

/// Something to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// What: `The alliance`.
    pub what: &'static str,
    /// One sentence to begin with.
    pub ask: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// Forms of the library that ask about it, by id; none where the library has none.
    pub forms: &'static [&'static str],
}

/// What is known of how much such a list helps.
pub const WHY: &str = "Feedback alone makes a small difference (d 0.15 over 58 studies: de Jong 2021, doi 10.1016/j.cpr.2021.102002). With tools for problem solving beside it, patients who were not on track \
did better (g 0.36 to 0.53: Barkham 2023, doi 10.1080/10503307.2023.2181114). Those studies used tools of their own; this list was not tested.";

/// The four domains that published tools looked at.
const TOOLS: &str = "A domain of the clinical support tools (Whipple 2003, Harmon 2007 and Slade 2008, as told in scholarsarchive.byu.edu/etd/2519)";
const SUPPORTS: &str = "A domain of the same tools; of 107 off-track patients most had their greatest difficulty here (Psychotherapy Research 2015, doi 10.1080/10503307.2015.1009862)";
const OURS: &str = "Added by this program; not a domain of those tools, no study cited";

/// The list, in the order in which it is shown.
pub const LOOKS: &[Look] = &[
    Look {
        what: "The alliance",
        ask: "Do you and the patient agree on what you work on and how, and does the patient feel understood?",
        source: TOOLS,
        forms: &["wai_sr", "session_check"],
    },
    Look {
        what: "Motivation",
        ask: "Does the patient want this change now, and believe that this treatment can bring it?",
        source: TOOLS,
        forms: &[],
    },
    Look {
        what: "Life events",
        ask: "Has something happened since the first score: a loss, an illness, work, money, housing, violence?",
        source: TOOLS,
        forms: &["ahc_hrsn"],
    },
    Look {
        what: "Social support",
        ask: "Who stands by the patient between visits, and has that changed?",
        source: SUPPORTS,
        forms: &["ucla3"],
    },
    Look {
        what: "Medication",
        ask: "Is there any, is it taken, does it help or harm, and would a medical review help?",
        source: OURS,
        forms: &[],
    },
    Look {
        what: "Safety",
        ask: "Have you asked about suicide and harm yourself since the score moved, and does the safety plan still fit?",
        source: OURS,
        forms: &["c_ssrs_screener", "asq"],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::instrument::Library;

    #[test]
    fn every_option_has_a_source_and_names_forms_that_there_are() {
        assert_eq!(LOOKS.len(), 6);
        for look in LOOKS {
            assert!(
                !look.source.is_empty() && look.ask.ends_with('?'),
                "{look:?}"
            );
            for form in look.forms {
                assert!(Library::embedded().get(form).is_some(), "{form}");
            }
        }
    }
}
