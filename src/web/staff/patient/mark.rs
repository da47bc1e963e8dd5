//! Change in one glyph and a few words, the same on every page: better, worse, unchanged, unknown. Never by colour alone.

use crate::domain::change::{Change, ChangeParameters, Direction, Verdict};
use crate::web::staff::words::points;

/// A change as it is printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Class of the style sheet.
    pub class: &'static str,
    /// One glyph; the words say the same.
    pub glyph: &'static str,
    /// In words.
    pub words: String,
}

impl Mark {
    /// The mark of a change that may be missing: a single score, or no published limit.
    pub fn of(change: Option<&Change>, parameters: Option<&ChangeParameters>) -> Mark {
        let (Some(change), Some(parameters)) = (change, parameters) else {
            let words = if parameters.is_none() {
                "no limit stated"
            } else {
                "one score so far"
            };
            return Mark {
                class: "unknown",
                glyph: "?",
                words: words.to_owned(),
            };
        };
        let size = points(change.delta.abs());
        match change.verdict {
            Verdict::ReliablyImproved => Mark {
                class: "better",
                glyph: arrow(parameters.direction, Goes::Better),
                words: format!("{size} better"),
            },
            Verdict::ReliablyDeteriorated => Mark {
                class: "worse",
                glyph: arrow(parameters.direction, Goes::Worse),
                words: format!("{size} worse"),
            },
            Verdict::NoReliableChange => Mark {
                class: "same",
                glyph: "–",
                words: format!("no reliable change ({})", signed(change.delta)),
            },
            Verdict::NoPublishedLimit => Mark {
                class: "unknown",
                glyph: "?",
                words: format!("no published limit ({})", signed(change.delta)),
            },
        }
    }
}

/// Which way the patient goes.
enum Goes {
    Better,
    Worse,
}

/// The arrow follows the number, so that it never points against the chart.
fn arrow(direction: Direction, goes: Goes) -> &'static str {
    match (direction, goes) {
        (Direction::HigherIsWorse, Goes::Better) | (Direction::HigherIsBetter, Goes::Worse) => "▼",
        (Direction::HigherIsWorse, Goes::Worse) | (Direction::HigherIsBetter, Goes::Better) => "▲",
    }
}

/// A difference with its sign: `+3`, `−2`, `0`.
pub fn signed(delta: f64) -> String {
    let size = points(delta.abs());
    match size.as_str() {
        "0" => size,
        _ if delta < 0.0 => format!("−{size}"),
        _ => format!("+{size}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::change::compare;
    use crate::domain::instrument::Library;

    fn mark(first: f64, last: f64) -> Mark {
        let known = Library::embedded()
            .get("phq9")
            .unwrap()
            .scale("total")
            .unwrap()
            .change
            .as_ref()
            .unwrap();
        Mark::of(Some(&compare(known, first, last)), Some(known))
    }

    #[test]
    fn glyph_and_word_say_the_same() {
        assert_eq!(
            (mark(20.0, 10.0).glyph, mark(20.0, 10.0).words.as_str()),
            ("▼", "10 better")
        );
        assert_eq!(
            (mark(10.0, 16.0).glyph, mark(10.0, 16.0).words.as_str()),
            ("▲", "6 worse")
        );
        assert_eq!(
            (mark(10.0, 8.0).glyph, mark(10.0, 8.0).words.as_str()),
            ("–", "no reliable change (−2)")
        );
        assert_eq!(mark(10.0, 10.0).words, "no reliable change (0)");
    }

    #[test]
    fn a_single_score_is_unknown_and_not_unchanged() {
        let known = Library::embedded()
            .get("phq9")
            .unwrap()
            .scale("total")
            .unwrap()
            .change
            .as_ref();
        assert_eq!(Mark::of(None, known).class, "unknown");
        assert_eq!(Mark::of(None, None).words, "no limit stated");
    }
}
