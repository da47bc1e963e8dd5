//! Checks the scales of a definition: items, range, missing rule, bands, cut-offs, change constants.

use super::{check_distinct, check_id, check_source, find};
use crate::domain::instrument::faults::Faults;
use crate::domain::instrument::file::{
    BandFile, CutOffFile, DefinitionFile, MissingFile, ScaleFile,
};
use crate::domain::instrument::{
    Band, CutOff, Item, Method, MissingRule, Rounding, Scale, ScaleItem,
};
use toml::Spanned;

/// Room for the rounding of scales that are multiplied or divided.
const ROUNDING: f64 = 1e-9;

pub(super) fn check(file: &DefinitionFile, items: &[Item], faults: &mut Faults<'_>) -> Vec<Scale> {
    if file.scales.is_empty() {
        faults.missing("there are no scales");
    }
    check_distinct("scale", file.scales.iter().map(|scale| &scale.id), faults);
    file.scales
        .iter()
        .map(|scale| build(scale, items, faults))
        .collect()
}

fn build(file: &ScaleFile, items: &[Item], faults: &mut Faults<'_>) -> Scale {
    check_id("scale", &file.id, faults);
    let members = members(file, items, faults);
    let method = method(file, faults);
    let times = times(file, faults);
    check_range(file, (method, times), &members, faults);
    check_not_asked(file, &members, faults);
    check_change(file, faults);
    let [lowest, highest] = *file.range.get_ref();
    Scale {
        id: file.id.get_ref().clone(),
        missing: missing(&file.missing, members.len(), faults),
        bands: bands(file, faults),
        bands_source: file.bands_source.clone(),
        cut_offs: cut_offs(file, faults),
        change: file.change.as_ref().map(|change| change.get_ref().clone()),
        loinc: file.loinc.clone(),
        items: members.iter().map(|(member, _)| *member).collect(),
        method,
        times,
        lowest,
        highest,
    }
}

/// The items of a scale as they count, each with the item itself.
type Members<'a> = Vec<(ScaleItem, &'a Item)>;

fn members<'a>(file: &ScaleFile, items: &'a [Item], faults: &mut Faults<'_>) -> Members<'a> {
    let named = file.items.get_ref();
    check_distinct("scale item", named.iter(), faults);
    check_distinct("reversed item", file.reversed.iter(), faults);
    if named.is_empty() {
        faults.at(file.items.span(), "a scale needs at least one item");
    }
    for id in &file.reversed {
        if !named.iter().any(|item| item.get_ref() == id.get_ref()) {
            faults.at(
                id.span(),
                format!(
                    "{:?} is reversed but is no item of this scale",
                    id.get_ref()
                ),
            );
        }
    }
    let is_reversed = |id: &str| {
        file.reversed
            .iter()
            .any(|reversed| reversed.get_ref() == id)
    };
    let found = named.iter().filter_map(|id| {
        let (position, item) = find(id, items, faults)?;
        let ends = item.lowest().saturating_add(item.highest());
        let member = ScaleItem {
            position,
            reversed_within: is_reversed(id.get_ref()).then_some(ends),
        };
        Some((member, item))
    });
    found.collect()
}

fn method(file: &ScaleFile, faults: &mut Faults<'_>) -> Method {
    match (file.method.get_ref().as_str(), file.counts_from) {
        ("sum", None) => Method::Sum,
        ("mean", None) => Method::Mean,
        ("count", Some(at_least)) => Method::Count { at_least },
        ("count", None) => {
            faults.at(
                file.method.span(),
                "method \"count\" needs counts_from, the value that counts",
            );
            Method::Sum
        }
        ("sum" | "mean", Some(_)) => {
            faults.at(
                file.method.span(),
                "counts_from belongs to method \"count\" only",
            );
            Method::Sum
        }
        (other, _) => {
            faults.at(
                file.method.span(),
                format!("method {other:?}; wanted is \"sum\", \"mean\" or \"count\""),
            );
            Method::Sum
        }
    }
}

fn times(file: &ScaleFile, faults: &mut Faults<'_>) -> f64 {
    let Some(times) = &file.times else { return 1.0 };
    if !(times.get_ref().is_finite() && *times.get_ref() > 0.0) {
        faults.at(times.span(), "times must be a number above 0");
    }
    *times.get_ref()
}

/// The stated range must be the one the items give: a slip in the item list shows up here.
fn check_range(
    file: &ScaleFile,
    (method, times): (Method, f64),
    members: &Members<'_>,
    faults: &mut Faults<'_>,
) {
    let ends = members
        .iter()
        .map(|(member, item)| ends(method, *member, item));
    let (low, high) = ends.fold((0.0, 0.0), |sum, end| (sum.0 + end.0, sum.1 + end.1));
    let by = match method {
        Method::Mean => times / count(members.len()),
        Method::Sum | Method::Count { .. } => times,
    };
    let (low, high) = (low * by, high * by);
    let [stated_low, stated_high] = *file.range.get_ref();
    if (low - stated_low).abs() > ROUNDING || (high - stated_high).abs() > ROUNDING {
        let what =
            format!("range is [{stated_low}, {stated_high}], but the items give [{low}, {high}]");
        faults.at(file.range.span(), what);
    }
}

/// The least and the most an item can add to the scale.
fn ends(method: Method, member: ScaleItem, item: &Item) -> (f64, f64) {
    let worth = |value: i16| match method {
        Method::Sum | Method::Mean => f64::from(member.counted(value)),
        Method::Count { at_least } => f64::from(u8::from(member.counted(value) >= at_least)),
    };
    let (a, b) = (worth(item.lowest()), worth(item.highest()));
    let (low, high) = (a.min(b), a.max(b));
    match item.asked_when {
        None => (low, high),
        // An item that may go unasked may also count as 0.
        Some(_) => (low.min(0.0), high.max(0.0)),
    }
}

/// A number of items as a number to calculate with.
fn count(items: usize) -> f64 {
    u32::try_from(items).map_or(f64::INFINITY, f64::from)
}

fn check_not_asked(file: &ScaleFile, members: &Members<'_>, faults: &mut Faults<'_>) {
    let gated = members.iter().any(|(_, item)| item.asked_when.is_some());
    match (&file.not_asked, gated) {
        (None, true) => {
            faults.at(
                file.id.span(),
                "some items are not always asked: say not_asked = \"zero\" if they count as 0 then",
            );
        }
        (Some(word), true) if word.get_ref() != "zero" => {
            faults.at(
                word.span(),
                format!("not_asked is {:?}; wanted is \"zero\"", word.get_ref()),
            );
        }
        (Some(word), false) => faults.at(
            word.span(),
            "not_asked is said, but every item is always asked",
        ),
        _ => {}
    }
}

fn missing(file: &Spanned<MissingFile>, items: usize, faults: &mut Faults<'_>) -> MissingRule {
    let said = file.get_ref();
    check_source(file.span(), &said.source, faults);
    if said
        .at_most
        .is_some_and(|most| most == 0 || usize::from(most) >= items)
    {
        faults.at(
            file.span(),
            format!(
                "at_most must be from 1 to {}, fewer than the scale has items",
                items.saturating_sub(1)
            ),
        );
    }
    match (said.rule.as_str(), said.at_most, said.rounding.as_deref()) {
        ("refuse", None, None) => MissingRule::Refuse,
        ("blank_is_zero", Some(at_most), None) => MissingRule::BlankIsZero { at_most },
        ("prorate", Some(at_most), Some(word)) => MissingRule::Prorate {
            at_most,
            rounding: rounding(file, word, faults),
        },
        (rule, _, _) => {
            let what = format!(
                "missing rule {rule:?} with these keys; wanted is rule = \"refuse\", or \"blank_is_zero\" with at_most, or \
                 \"prorate\" with at_most and rounding, each with its source"
            );
            faults.at(file.span(), what);
            MissingRule::Refuse
        }
    }
}

fn rounding(file: &Spanned<MissingFile>, word: &str, faults: &mut Faults<'_>) -> Rounding {
    match word {
        "none" => Rounding::None,
        "nearest" => Rounding::Nearest,
        "up" => Rounding::Up,
        "down" => Rounding::Down,
        other => {
            let what = format!(
                "rounding {other:?}; wanted is \"none\", \"nearest\" (half upwards), \"up\" or \"down\""
            );
            faults.at(file.span(), what);
            Rounding::None
        }
    }
}

fn bands(file: &ScaleFile, faults: &mut Faults<'_>) -> Vec<Band> {
    check_distinct("band", file.bands.iter().map(|band| &band.id), faults);
    if let Some(first) = file.bands.first() {
        check_source(
            first.id.span(),
            file.bands_source.as_deref().unwrap_or(""),
            faults,
        );
        check_cover(file, faults);
    }
    let built = file.bands.iter().map(|band| Band {
        id: band.id.get_ref().clone(),
        from: band.from,
        to: band.to,
    });
    built.collect()
}

/// Every score has one band, and only one.
fn check_cover(file: &ScaleFile, faults: &mut Faults<'_>) {
    let [lowest, highest] = *file.range.get_ref();
    let ends = [
        (file.bands.first(), lowest, Edge::Lower),
        (file.bands.last(), highest, Edge::Upper),
    ];
    for (band, wanted, edge) in ends {
        let Some(band) = band else { continue };
        let seen = match edge {
            Edge::Lower => band.from,
            Edge::Upper => band.to,
        };
        if (f64::from(seen) - wanted).abs() > ROUNDING {
            let what = format!(
                "band {:?} ends the scale at {seen}, but the range ends at {wanted}",
                band.id.get_ref()
            );
            faults.at(band.id.span(), what);
        }
    }
    for pair in file.bands.windows(2) {
        if let [before, after] = pair {
            check_neighbours(before, after, faults);
        }
    }
    for band in file.bands.iter().filter(|band| band.from > band.to) {
        faults.at(
            band.id.span(),
            format!(
                "band {:?} goes from {} down to {}",
                band.id.get_ref(),
                band.from,
                band.to
            ),
        );
    }
}

/// Which end of the scale is looked at.
enum Edge {
    Lower,
    Upper,
}

fn check_neighbours(before: &BandFile, after: &BandFile, faults: &mut Faults<'_>) {
    let (a, b) = (before.id.get_ref(), after.id.get_ref());
    let wanted = before.to.saturating_add(1);
    if after.from < wanted {
        faults.at(
            after.id.span(),
            format!("bands {a:?} and {b:?} overlap: {b:?} must begin at {wanted}"),
        );
    } else if after.from > wanted {
        faults.at(
            after.id.span(),
            format!("there is a gap between bands {a:?} and {b:?}: {b:?} must begin at {wanted}"),
        );
    }
}

fn cut_offs(file: &ScaleFile, faults: &mut Faults<'_>) -> Vec<CutOff> {
    check_distinct(
        "cut-off",
        file.cut_offs.iter().map(|cut_off| &cut_off.id),
        faults,
    );
    file.cut_offs
        .iter()
        .map(|cut_off| build_cut_off(cut_off, *file.range.get_ref(), faults))
        .collect()
}

fn build_cut_off(
    file: &CutOffFile,
    [lowest, highest]: [f64; 2],
    faults: &mut Faults<'_>,
) -> CutOff {
    let at_least = *file.at_least.get_ref();
    check_id("cut-off", &file.id, faults);
    check_source(file.id.span(), &file.source, faults);
    if !(lowest < at_least && at_least <= highest) {
        faults.at(
            file.at_least.span(),
            format!(
                "a cut-off of {at_least} tells nobody apart on a scale from {lowest} to {highest}"
            ),
        );
    }
    CutOff {
        id: file.id.get_ref().clone(),
        at_least,
        source: file.source.clone(),
    }
}

fn check_change(file: &ScaleFile, faults: &mut Faults<'_>) {
    let Some(change) = &file.change else { return };
    if let Err(fault) = change.get_ref().check() {
        faults.at(change.span(), format!("change: {fault}"));
    }
}
