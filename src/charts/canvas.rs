//! What both drawings need: the escaping of text, short numbers, and a straight mapping of values to pixels that stays inside its frame.

/// Text that is safe between tags and in attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// A coordinate or score with at most one decimal.
pub(super) fn short(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    // Adding zero turns a negative zero into a plain one.
    format!("{}", rounded + 0.0)
}

/// Values of a scale to pixels. Either direction; a value outside the scale is drawn at its edge.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    /// The value at `start`.
    pub low: f64,
    /// The value at `end`.
    pub high: f64,
    /// Pixel of `low`.
    pub start: f64,
    /// Pixel of `high`.
    pub end: f64,
}

impl Axis {
    /// The pixel of a value. Without any extent everything lies in the middle.
    pub(super) fn at(self, value: f64) -> f64 {
        let extent = self.high - self.low;
        let share = if extent > 0.0 {
            ((value - self.low) / extent).clamp(0.0, 1.0)
        } else {
            0.5
        };
        self.start + share * (self.end - self.start)
    }
}

/// A path through these points.
pub(super) fn path(points: &[(f64, f64)]) -> String {
    let step = |(at, (x, y)): (usize, &(f64, f64))| {
        format!(
            "{}{} {}",
            if at == 0 { "M" } else { "L" },
            short(*x),
            short(*y)
        )
    };
    points.iter().enumerate().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_name_stays_text() {
        assert_eq!(
            escaped(r#"<b a="1">'&"#),
            "&lt;b a=&quot;1&quot;&gt;&#39;&amp;"
        );
    }

    #[test]
    fn a_value_outside_the_scale_is_drawn_at_its_edge() {
        let axis = Axis {
            low: 0.0,
            high: 27.0,
            start: 176.0,
            end: 16.0,
        };
        assert_eq!(
            (axis.at(0.0), axis.at(27.0), axis.at(99.0), axis.at(-5.0)),
            (176.0, 16.0, 16.0, 176.0)
        );
    }

    #[test]
    fn a_single_day_lies_in_the_middle() {
        assert_eq!(
            Axis {
                low: 3.0,
                high: 3.0,
                start: 0.0,
                end: 10.0
            }
            .at(3.0),
            5.0
        );
    }
}
