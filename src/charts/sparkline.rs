//! The small line in a list's row: the last few scores on the scale's own range, with the cut-off. The row says the same in words and numbers,
//! so the drawing is decoration for a screen reader and hidden from it.

use super::canvas::{Axis, path, short};
use std::fmt::Write;

const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 28.0;
/// Room for the last point at either end.
const MARGIN: f64 = 4.0;

/// What a sparkline shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Sparkline<'a> {
    /// The lowest possible score.
    pub lowest: f64,
    /// The highest possible score.
    pub highest: f64,
    /// The cut-off, if the scale has one.
    pub cut_off: Option<f64>,
    /// The last scores, oldest first.
    pub values: &'a [f64],
}

/// Draws it, 120 by 28 pixels. Without a score only the cut-off is there.
#[must_use]
pub fn sparkline(line: &Sparkline<'_>) -> String {
    let up = Axis {
        low: line.lowest,
        high: line.highest,
        start: HEIGHT - MARGIN,
        end: MARGIN,
    };
    let last = line.values.len().saturating_sub(1);
    let along = Axis {
        low: 0.0,
        high: last as f64,
        start: MARGIN,
        end: WIDTH - MARGIN,
    };
    let points: Vec<_> = (0..)
        .zip(line.values)
        .map(|(at, value)| (along.at(f64::from(at)), up.at(*value)))
        .collect();
    let mut svg = format!(
        r#"<svg class="spark" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">"#
    );
    if let Some(at) = line.cut_off {
        let y = short(up.at(at));
        let _ = write!(
            svg,
            r##"<path d="M0 {y}H{WIDTH}" stroke="#8a8478" stroke-dasharray="3 3"/>"##
        );
    }
    if points.len() > 1 {
        let _ = write!(
            svg,
            r##"<path d="{}" fill="none" stroke="#1f2a37" stroke-width="1.5"/>"##,
            path(&points)
        );
    }
    if let Some((x, y)) = points.last() {
        let _ = write!(
            svg,
            r##"<circle cx="{}" cy="{}" r="3" fill="#1f2a37"/>"##,
            short(*x),
            short(*y)
        );
    }
    svg.push_str("</svg>");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(values: &[f64]) -> String {
        sparkline(&Sparkline {
            lowest: 0.0,
            highest: 27.0,
            cut_off: Some(10.0),
            values,
        })
    }

    #[test]
    fn scores_stand_at_their_height_on_the_whole_scale() {
        let svg = draw(&[27.0, 0.0]);
        assert!(svg.contains("M4 4L116 24"), "{svg}");
        assert!(svg.contains(r#"cx="116" cy="24""#), "{svg}");
    }

    #[test]
    fn a_single_score_is_a_point_without_a_line() {
        let svg = draw(&[27.0]);
        assert!(
            svg.contains("<circle") && !svg.contains("stroke-width"),
            "{svg}"
        );
    }

    #[test]
    fn without_a_score_there_is_no_point() {
        assert!(!draw(&[]).contains("<circle"));
    }
}
