//! The trend of one scale: bands as faint fills with their names at the right edge, the cut-off dashed with its number, one ink line that breaks
//! where an occasion has no score, the baseline ringed, the last value said in words, sessions as ticks under the axis.

use super::canvas::{Axis, escaped, path, short};
use chrono::{Datelike, NaiveDate};
use std::fmt::Write;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 40.0;
const RIGHT: f64 = 700.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 172.0;
/// First and last point keep this distance from the frame.
const MARGIN: f64 = 12.0;
/// The width of a letter, generously: fonts differ.
const LETTER: f64 = 7.0;
/// The least distance between two lines of text.
const LINE: f64 = 14.0;
/// Severity, light to dark: one hue, never red against green. The names beside the fills carry the meaning.
const SHADES: [&str; 5] = ["#f3efe6", "#ead9b5", "#dcb678", "#c98642", "#9c4f1f"];
/// Fills stay faint, so that line and words stand out on every one of them.
const FAINT: &str = "0.45";

/// Which way the scale points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worse {
    /// A higher score is worse.
    Higher,
    /// A lower score is worse.
    Lower,
}

/// A named range of scores: from here up to the next band.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// The lowest score in it.
    pub from: f64,
    /// Its name, in the publisher's words.
    pub name: String,
}

/// A cut-off.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// Reached by this score.
    pub at: f64,
    /// What stands beside the line: `cut-off 10`.
    pub words: String,
}

/// One occasion on which the patient was asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Occasion {
    /// The day.
    pub day: NaiveDate,
    /// The score; `None` when there is none (not answered, not whole).
    pub value: Option<f64>,
}

/// What a trend shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Trend<'a> {
    /// A name for the elements' ids, unique on the page: `phq9-total`.
    pub id: &'a str,
    /// What is drawn, in a few words.
    pub title: &'a str,
    /// What it shows, in a sentence or two.
    pub description: &'a str,
    /// The lowest possible score.
    pub lowest: f64,
    /// The highest possible score.
    pub highest: f64,
    /// Which way is worse.
    pub worse: Worse,
    /// From lowest to highest.
    pub bands: &'a [Band],
    /// The cut-off in use.
    pub cut_off: Option<&'a Limit>,
    /// First and last day of the drawing.
    pub span: (NaiveDate, NaiveDate),
    /// Every occasion, oldest first.
    pub occasions: &'a [Occasion],
    /// The days of the sessions that took place.
    pub sessions: &'a [NaiveDate],
    /// What the last value means: `14 moderate, ▼ 4 better`.
    pub last_words: &'a str,
}

/// Draws it, 220 pixels high. Anything outside the span or the scale is drawn at the edge.
#[must_use]
pub fn trend(trend: &Trend<'_>) -> String {
    let id = escaped(trend.id);
    let mut svg = format!(
        r#"<svg class="chart" role="img" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" aria-labelledby="{id}-t" aria-describedby="{id}-d"><title id="{id}-t">{}</title><desc id="{id}-d">{}</desc>"#,
        escaped(trend.title),
        escaped(trend.description)
    );
    let frame = Frame::of(trend);
    frame.bands(&mut svg, trend);
    frame.axes(&mut svg, trend);
    frame.names_at_the_right(&mut svg, trend);
    frame.sessions(&mut svg, trend.sessions);
    frame.course(&mut svg, trend);
    svg.push_str("</svg>");
    svg
}

/// The two axes of one drawing.
struct Frame {
    along: Axis,
    up: Axis,
}

impl Frame {
    fn of(trend: &Trend<'_>) -> Frame {
        let day = |day: NaiveDate| f64::from(day.num_days_from_ce());
        Frame {
            along: Axis {
                low: day(trend.span.0),
                high: day(trend.span.1),
                start: LEFT + MARGIN,
                end: RIGHT - MARGIN,
            },
            up: Axis {
                low: trend.lowest,
                high: trend.highest,
                start: BOTTOM,
                end: TOP,
            },
        }
    }

    fn x(&self, day: NaiveDate) -> f64 {
        self.along.at(f64::from(day.num_days_from_ce()))
    }

    fn bands(&self, svg: &mut String, trend: &Trend<'_>) {
        for (at, band) in trend.bands.iter().enumerate() {
            let (top, bottom) = (self.upper_edge(trend, at), self.up.at(band.from));
            let _ = write!(
                svg,
                r##"<rect x="{LEFT}" y="{}" width="{}" height="{}" fill="{}" fill-opacity="{FAINT}" stroke="#d9d5ce" stroke-width="0.5"/>"##,
                short(top),
                RIGHT - LEFT,
                short(bottom - top),
                shade(at, trend.bands.len(), trend.worse),
            );
        }
    }

    /// Where a band ends: at the beginning of the next one.
    fn upper_edge(&self, trend: &Trend<'_>, band: usize) -> f64 {
        trend
            .bands
            .get(band + 1)
            .map_or(TOP, |next| self.up.at(next.from))
    }

    fn axes(&self, svg: &mut String, trend: &Trend<'_>) {
        let _ = write!(
            svg,
            r##"<path d="M{LEFT} {TOP}V{BOTTOM}H{RIGHT}" fill="none" stroke="#8a8478"/><text class="quiet" x="{LEFT}" y="14">{}</text>"##,
            match trend.worse {
                Worse::Higher => "↑ higher = worse",
                Worse::Lower => "↓ lower = worse",
            }
        );
        for value in [trend.lowest, trend.highest] {
            let y = short(self.up.at(value) + 4.0);
            let _ = write!(
                svg,
                r#"<text class="quiet" x="34" y="{y}" text-anchor="end">{}</text>"#,
                short(value)
            );
        }
        for day in months(trend.span) {
            let x = short(self.x(day));
            let _ = write!(
                svg,
                r##"<path d="M{x} {}V{}" stroke="#d9d5ce"/><text class="quiet" x="{x}" y="{}">{}</text>"##,
                BOTTOM + 14.0,
                BOTTOM + 20.0,
                BOTTOM + 34.0,
                if day.month() == 1 {
                    day.format("%b %Y")
                } else {
                    day.format("%b")
                },
            );
        }
    }

    /// The cut-off's line and number, and the bands' names, moved apart where they would cover each other.
    fn names_at_the_right(&self, svg: &mut String, trend: &Trend<'_>) {
        let mut names: Vec<(f64, &str, &str)> = vec![];
        for (at, band) in trend.bands.iter().enumerate() {
            let middle = (self.upper_edge(trend, at) + self.up.at(band.from)) / 2.0;
            names.push((middle, "quiet", &band.name));
        }
        if let Some(limit) = trend.cut_off {
            let y = self.up.at(limit.at);
            let _ = write!(
                svg,
                r##"<path d="M{LEFT} {0}H{RIGHT}" stroke="#1f2a37" stroke-dasharray="6 4"/>"##,
                short(y)
            );
            names.push((y, "said", &limit.words));
        }
        names.sort_by(|a, b| a.0.total_cmp(&b.0));
        let spread = spread(
            &names.iter().map(|name| name.0).collect::<Vec<_>>(),
            TOP + 4.0,
            BOTTOM,
        );
        for ((_, class, words), y) in names.iter().zip(spread) {
            let _ = write!(
                svg,
                r#"<text class="{class}" x="{}" y="{}">{}</text>"#,
                RIGHT + 8.0,
                short(y + 4.0),
                escaped(words)
            );
        }
    }

    fn sessions(&self, svg: &mut String, sessions: &[NaiveDate]) {
        if sessions.is_empty() {
            return;
        }
        let ticks: String = sessions
            .iter()
            .map(|day| {
                format!(
                    "M{} {}V{}",
                    short(self.x(*day)),
                    BOTTOM + 2.0,
                    BOTTOM + 11.0
                )
            })
            .collect();
        let _ = write!(
            svg,
            r##"<path d="{ticks}" stroke="#0f5c63" stroke-width="2"/><text class="quiet" x="{}" y="{}">sessions</text>"##,
            RIGHT + 8.0,
            BOTTOM + 12.0
        );
    }

    fn course(&self, svg: &mut String, trend: &Trend<'_>) {
        for run in trend.occasions.split(|occasion| occasion.value.is_none()) {
            let points: Vec<_> = self.points(run).collect();
            if points.len() > 1 {
                let _ = write!(
                    svg,
                    r##"<path d="{}" fill="none" stroke="#1f2a37" stroke-width="2"/>"##,
                    path(&points)
                );
            }
        }
        for gap in trend
            .occasions
            .iter()
            .filter(|occasion| occasion.value.is_none())
        {
            // Hollow and standing on the axis: an occasion, but no height that anybody could read as a score.
            let _ = write!(
                svg,
                r##"<rect x="{}" y="{}" width="5" height="10" fill="#fff" stroke="#52606d"/>"##,
                short(self.x(gap.day) - 2.5),
                BOTTOM - 10.0
            );
        }
        let points: Vec<_> = self.points(trend.occasions).collect();
        // Lines without length and with round ends: a point each, in a tenth of the bytes of circles.
        let dots: String = points
            .iter()
            .map(|(x, y)| format!("M{} {}h0", short(*x), short(*y)))
            .collect();
        let _ = write!(
            svg,
            r##"<path d="{dots}" stroke="#1f2a37" stroke-width="8" stroke-linecap="round"/>"##
        );
        if let Some((x, y)) = points.first() {
            let _ = write!(
                svg,
                r##"<circle cx="{}" cy="{}" r="8" fill="none" stroke="#1f2a37" stroke-width="1.5"/>"##,
                short(*x),
                short(*y)
            );
        }
        if let Some(last) = points.last() {
            last_words(
                svg,
                *last,
                &self.obstacles(trend, &points),
                trend.last_words,
            );
        }
    }

    /// What words should not cover: the course, every few pixels of it, and the cut-off's line.
    fn obstacles(&self, trend: &Trend<'_>, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
        const STEPS: u8 = 12;
        let share = |step: u8| f64::from(step) / f64::from(STEPS);
        let mut obstacles: Vec<_> = points
            .iter()
            .zip(points.iter().skip(1))
            .flat_map(|(a, b)| {
                (0..=STEPS).map(move |step| {
                    (
                        a.0 + share(step) * (b.0 - a.0),
                        a.1 + share(step) * (b.1 - a.1),
                    )
                })
            })
            .collect();
        if let Some(limit) = trend.cut_off {
            obstacles.extend(
                (0..=STEPS).map(|step| (LEFT + share(step) * (RIGHT - LEFT), self.up.at(limit.at))),
            );
        }
        obstacles
    }

    fn points<'a>(&'a self, occasions: &'a [Occasion]) -> impl Iterator<Item = (f64, f64)> + 'a {
        occasions
            .iter()
            .filter_map(|occasion| Some((self.x(occasion.day), self.up.at(occasion.value?))))
    }
}

/// The last value in words: above its point or below it, else at the nearest height where it covers the least; always inside the frame.
fn last_words(svg: &mut String, (x, y): (f64, f64), obstacles: &[(f64, f64)], words: &str) {
    // Words grow towards the middle of the drawing, so that they never leave it.
    let ends_here = x > (LEFT + RIGHT) / 2.0;
    let (anchor, x) = if ends_here {
        ("end", x + 4.0)
    } else {
        ("start", x - 4.0)
    };
    let width = words.chars().count() as f64 * LETTER;
    let (from, to) = if ends_here {
        (x - width, x)
    } else {
        (x, x + width)
    };
    let covered = |baseline: f64| {
        let hits = |at: &&(f64, f64)| {
            (from..=to).contains(&at.0) && (baseline - LINE..=baseline + 6.0).contains(&at.1)
        };
        obstacles.iter().filter(hits).count()
    };
    let heights = [y - 12.0, y + 22.0, y - 28.0, y + 38.0, y - 44.0, y + 54.0];
    let baseline = heights
        .into_iter()
        .filter(|height| (TOP + 12.0..=BOTTOM - 14.0).contains(height))
        .min_by_key(|height| covered(*height))
        .unwrap_or(TOP + 12.0);
    let _ = write!(
        svg,
        r##"<text class="said" x="{}" y="{}" text-anchor="{anchor}" stroke="#fff" stroke-width="4" stroke-linejoin="round" paint-order="stroke">{}</text>"##,
        short(x),
        short(baseline),
        escaped(words)
    );
}

/// The fill of a band: the worst one is the darkest.
fn shade(at: usize, count: usize, worse: Worse) -> &'static str {
    let from_best = match worse {
        Worse::Higher => at,
        Worse::Lower => count.saturating_sub(at + 1),
    };
    let step = (from_best * (SHADES.len() - 1))
        .checked_div(count.saturating_sub(1))
        .unwrap_or(0);
    SHADES.get(step).copied().unwrap_or("#fff")
}

/// The first days of the months in the span, at most ten of them; the span's first day when it holds none.
fn months((from, to): (NaiveDate, NaiveDate)) -> Vec<NaiveDate> {
    let mut days: Vec<_> = from
        .iter_days()
        .take_while(|day| *day <= to)
        .take(20_000)
        .filter(|day| day.day() == 1)
        .collect();
    if days.is_empty() {
        days.push(from);
    }
    let step = days.len().div_ceil(10).max(1);
    days.into_iter().step_by(step).collect()
}

/// Moves sorted places apart by at least a line of text and keeps them between two edges.
fn spread(wanted: &[f64], top: f64, bottom: f64) -> Vec<f64> {
    let mut places: Vec<f64> = vec![];
    for place in wanted {
        let free = places.last().map_or(top, |above| above + LINE);
        places.push(place.max(free));
    }
    let mut lowest = bottom;
    for place in places.iter_mut().rev() {
        *place = place.min(lowest);
        lowest = *place - LINE;
    }
    places
}

#[cfg(test)]
mod tests;
