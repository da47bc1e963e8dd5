//! Checks the scales of a definition: items, method, range, missing rule, lookup table, change constants. Bands and
//! cut-offs are in `bands`.

use super::bands;
use super::rules::{self, Known};
use super::{check_distinct, check_id, check_source, find};
use crate::domain::instrument::faults::Faults;
use crate::domain::instrument::file::{DefinitionToml, MissingFile, ScaleFile};
use crate::domain::instrument::reachable;
use crate::domain::instrument::{
    AnsweredBy, Blank, Condition, Endorsed, Item, Lookup, LookupRow, Method, MissingRule, NotAsked,
    ROUNDING, Rounding, Scale, ScaleItem,
};
use toml::Spanned;

pub(super) fn check(file: &DefinitionToml, items: &[Item], faults: &mut Faults<'_>) -> Vec<Scale> {
    check_distinct("scale", file.scales.iter().map(|scale| &scale.id), faults);
    file.scales
        .iter()
        .enumerate()
        .map(|(at, scale)| {
            let earlier = file.scales.get(..at).unwrap_or_default();
            build(scale, earlier, items, faults)
        })
        .collect()
}

fn build(
    file: &ScaleFile,
    earlier: &[ScaleFile],
    items: &[Item],
    faults: &mut Faults<'_>,
) -> Scale {
    check_id("scale", &file.id, faults);
    let members = members(file, items, faults);
    let method = method(file, items, faults);
    check_countable(file, &method, &members, faults);
    check_change(file, faults);
    let [lowest, highest] = file.ends().unwrap_or_else(|| {
        let what = format!(
            "range is {:?}; wanted are two numbers, the lowest and the highest score",
            file.range.get_ref()
        );
        faults.at(file.range.span(), what);
        [0.0, 0.0]
    });
    let whole = members.len() == file.items.get_ref().len()
        && members.iter().all(|(_, item)| item.is_known());
    let scale = Scale {
        id: file.id.get_ref().clone(),
        missing: missing(&file.missing, tolerable(&method, &members), faults),
        missing_source: file.missing.get_ref().source.clone(),
        missing_over: missing_over(&file.missing, earlier, faults),
        not_asked: not_asked(file, &members, faults),
        bandings: bands::bandings(file, faults),
        cut_offs: bands::cut_offs(file, faults),
        change: file.change.as_ref().map(|change| change.get_ref().clone()),
        loinc: file.loinc.clone(),
        items: members.iter().map(|(member, _)| *member).collect(),
        lookup: lookup(file, faults),
        times: times(file, faults),
        method,
        lowest,
        highest,
    };
    // An item that is not there has been named already; what it would have added is not known.
    if whole {
        check_range(file, &scale, items, faults);
    }
    scale
}

/// The items of a scale as they count, each with the item itself.
type Members<'a> = Vec<(ScaleItem, &'a Item)>;

fn members<'a>(file: &ScaleFile, items: &'a [Item], faults: &mut Faults<'_>) -> Members<'a> {
    let named = file.items.get_ref();
    check_distinct("scale item", named.iter(), faults);
    check_distinct("reversed item", file.reversed.iter(), faults);
    check_distinct("optional item", file.optional.iter(), faults);
    if named.is_empty() {
        faults.at(file.items.span(), "a scale needs at least one item");
    }
    for (kind, ids) in [("reversed", &file.reversed), ("optional", &file.optional)] {
        for id in ids {
            if !named.iter().any(|item| item.get_ref() == id.get_ref()) {
                faults.at(
                    id.span(),
                    format!("{:?} is {kind} but is no item of this scale", id.get_ref()),
                );
            }
        }
    }
    if let Some(first) = file.optional.first() {
        let source = file.optional_source.as_deref().unwrap_or("");
        check_source(first.span(), "optional_source", source, faults);
    }
    let is_in = |ids: &[Spanned<String>], id: &str| ids.iter().any(|known| known.get_ref() == id);
    let found = named.iter().filter_map(|id| {
        let (position, item) = find(id, items, faults)?;
        let ends = item.lowest().saturating_add(item.highest());
        let member = ScaleItem {
            position,
            reversed_within: is_in(&file.reversed, id.get_ref()).then_some(ends),
            blank: if is_in(&file.optional, id.get_ref()) {
                Blank::Zero
            } else {
                Blank::Missing
            },
        };
        Some((member, item))
    });
    found.collect()
}

fn method(file: &ScaleFile, items: &[Item], faults: &mut Faults<'_>) -> Method {
    let place = file.method.span();
    let from = file.counts_from;
    match (
        file.method.get_ref().as_str(),
        from,
        &file.counts_any,
        &file.rules,
    ) {
        ("sum", None, None, None) => Method::Sum,
        ("mean", None, None, None) => Method::Mean,
        ("highest", None, None, None) => Method::Highest,
        ("count", Some(from), None, None) => Method::CountFrom(from),
        ("count", None, Some(values), None) => {
            Method::CountAny(values.iter().map(|value| *value.get_ref()).collect())
        }
        ("count", _, _, None) => {
            let what = "method \"count\" needs counts_from, the value that counts, or counts_any, the values that count";
            faults.at(place, what);
            Method::Sum
        }
        ("rules", None, None, Some(rules)) => Method::Rules(by_rules(file, rules, items, faults)),
        ("rules", None, None, None) => {
            faults.at(place, "method \"rules\" needs rules, a list of conditions");
            Method::Sum
        }
        ("sum" | "mean" | "highest" | "count" | "rules", ..) => {
            faults.at(
                place,
                "counts_from and counts_any belong to method \"count\" only, rules to method \"rules\" only",
            );
            Method::Sum
        }
        (other, ..) => {
            let what = format!(
                "method {other:?}; wanted is \"sum\", \"mean\", \"count\", \"highest\" or \"rules\""
            );
            faults.at(place, what);
            Method::Sum
        }
    }
}

/// The conditions of a scale that counts how many hold. They look at items of the scale only.
fn by_rules(
    file: &ScaleFile,
    rules: &[Spanned<crate::domain::instrument::file::ConditionFile>],
    items: &[Item],
    faults: &mut Faults<'_>,
) -> Vec<Condition> {
    let known: Known<'_> = (items, &[]);
    let conditions: Vec<_> = rules
        .iter()
        .map(|rule| rules::condition(rule, known, faults))
        .collect();
    let named = file.items.get_ref();
    let all_known = rules.iter().all(|rule| names_items_of(rule, items));
    for item in items {
        let looked_at = conditions
            .iter()
            .any(|condition| looks_at(condition, items, &item.id));
        let listed = named.iter().find(|id| *id.get_ref() == item.id);
        match (looked_at, listed) {
            (true, None) => faults.at(
                file.items.span(),
                format!("a rule looks at item {:?}; list it under items", item.id),
            ),
            // A rule that names an item there is not may mean this one.
            (false, Some(id)) if all_known => {
                faults.at(id.span(), format!("no rule looks at item {:?}", item.id))
            }
            _ => {}
        }
    }
    conditions
}

/// Whether every item that the rule names is there.
fn names_items_of(
    rule: &Spanned<crate::domain::instrument::file::ConditionFile>,
    items: &[Item],
) -> bool {
    let said = rule.get_ref();
    let parts = said.all.iter().chain(&said.any).flatten();
    let groups = said.count.iter().flatten();
    groups
        .flat_map(|group| &group.items)
        .all(|id| items.iter().any(|item| item.id == *id.get_ref()))
        && parts.into_iter().all(|part| names_items_of(part, items))
}

fn looks_at(condition: &Condition, items: &[Item], id: &str) -> bool {
    let is_it = |endorsed: &Endorsed| {
        items
            .get(endorsed.position)
            .is_some_and(|item| item.id == id)
    };
    match condition {
        Condition::Count { endorsed, .. } => endorsed.iter().any(is_it),
        Condition::Score { .. } => false,
        Condition::All(parts) | Condition::Any(parts) => {
            parts.iter().any(|part| looks_at(part, items, id))
        }
    }
}

/// What can be added, counted or compared.
fn check_countable(
    file: &ScaleFile,
    method: &Method,
    members: &Members<'_>,
    faults: &mut Faults<'_>,
) {
    for ((member, item), id) in members.iter().zip(file.items.get_ref()) {
        let adds = matches!(method, Method::Sum | Method::Mean);
        let what = match item.answered_by {
            AnsweredBy::Words => "is answered by words, which are never scored",
            AnsweredBy::Several if adds => {
                "is answered by several ticks, which can be counted or looked at by rules, but not added up"
            }
            AnsweredBy::Several if member.reversed_within.is_some() => {
                "is answered by several ticks, which have no other end to count from"
            }
            _ => continue,
        };
        faults.at(id.span(), format!("item {:?} {what}", item.id));
    }
    let Some(values) = &file.counts_any else {
        return;
    };
    for value in values {
        let counts = |(member, item): &(ScaleItem, &Item)| {
            item.values()
                .any(|option| member.counted(option) == *value.get_ref())
        };
        if members.iter().all(|(_, item)| item.is_known()) && !members.iter().any(counts) {
            faults.at(
                value.span(),
                format!("no item of this scale has an answer {}", value.get_ref()),
            );
        }
    }
}

/// How many things of a scale can be missing: items that must be answered, or rules.
fn tolerable(method: &Method, members: &Members<'_>) -> usize {
    match method {
        Method::Rules(rules) => rules.len(),
        _ => members
            .iter()
            .filter(|(member, _)| member.blank == Blank::Missing)
            .count(),
    }
}

fn times(file: &ScaleFile, faults: &mut Faults<'_>) -> f64 {
    let Some(times) = &file.times else { return 1.0 };
    if !(times.get_ref().is_finite() && *times.get_ref() > 0.0) {
        faults.at(times.span(), "times must be a number above 0");
    }
    *times.get_ref()
}

fn lookup(file: &ScaleFile, faults: &mut Faults<'_>) -> Option<Lookup> {
    let table = file.lookup.as_ref()?;
    let source = file.lookup_source.clone().unwrap_or_default();
    check_source(table.span(), "lookup_source", &source, faults);
    let mut rows: Vec<LookupRow> = Vec::with_capacity(table.get_ref().len());
    for row in table.get_ref() {
        let (raw, score, standard_error) = match row.get_ref().as_slice() {
            [raw, score] => (*raw, *score, None),
            [raw, score, error] => (*raw, *score, Some(*error)),
            _ => {
                faults.at(
                    row.span(),
                    "a row of the lookup table is [raw, score] or [raw, score, standard_error]",
                );
                continue;
            }
        };
        if rows.last().is_some_and(|before| before.raw >= raw) {
            faults.at(
                row.span(),
                format!("raw results go from lowest to highest, each once; {raw} is out of order"),
            );
        }
        rows.push(LookupRow {
            raw,
            score,
            standard_error,
        });
    }
    Some(Lookup { rows, source })
}

/// The stated range must be the one the items give: a slip in the item list shows up here. With a lookup table every
/// raw result needs its row.
fn check_range(file: &ScaleFile, scale: &Scale, items: &[Item], faults: &mut Faults<'_>) {
    let raw = reachable::raw_results(items, scale);
    let scores: Vec<f64> = match (&scale.lookup, &file.lookup) {
        (Some(table), Some(place)) => {
            check_rows(place, table, scale, &raw, faults);
            table.rows.iter().map(|row| row.score).collect()
        }
        _ => raw,
    };
    let low = scores.iter().copied().fold(f64::INFINITY, f64::min);
    let high = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let Some([stated_low, stated_high]) = file.ends() else {
        return;
    };
    if (low - stated_low).abs() > ROUNDING || (high - stated_high).abs() > ROUNDING {
        let give = if scale.lookup.is_some() {
            "the lookup table gives"
        } else {
            "the items give"
        };
        let what = format!("range is [{stated_low}, {stated_high}], but {give} [{low}, {high}]");
        faults.at(file.range.span(), what);
    }
}

fn check_rows(
    place: &Spanned<Vec<Spanned<Vec<f64>>>>,
    table: &Lookup,
    scale: &Scale,
    raw: &[f64],
    faults: &mut Faults<'_>,
) {
    let lacking: Vec<_> = raw
        .iter()
        .filter(|raw| table.row(**raw).is_none())
        .map(ToString::to_string)
        .collect();
    if !lacking.is_empty() {
        faults.at(
            place.span(),
            format!("the lookup table has no row for {}", lacking.join(", ")),
        );
    }
    let (low, high) = (raw.first(), raw.last());
    for (row, written) in table.rows.iter().zip(place.get_ref()) {
        if low.is_some_and(|low| row.raw < low - ROUNDING)
            || high.is_some_and(|high| row.raw > high + ROUNDING)
        {
            faults.at(
                written.span(),
                format!("the items never give a raw result of {}", row.raw),
            );
        }
    }
    if let MissingRule::Prorate {
        rounding: Rounding::None,
        ..
    } = scale.missing
    {
        faults.at(
            place.span(),
            "a prorated result needs rounding, or it has no row in the lookup table",
        );
    }
    if scale.not_asked == NotAsked::LeftOut {
        faults.at(
            place.span(),
            "a lookup table needs all items: not_asked = \"left_out\" does not go with it",
        );
    }
}

fn not_asked(file: &ScaleFile, members: &Members<'_>, faults: &mut Faults<'_>) -> NotAsked {
    let gated = members.iter().any(|(_, item)| item.asked_when.is_some());
    // A rule that looks at an item that is not asked does not hold by it; nothing has to be said.
    let ruled = file.rules.is_some();
    match (&file.not_asked, gated) {
        (None, true) if !ruled => {
            faults.at(
                file.id.span(),
                "some items are not always asked: say not_asked = \"zero\" if they count as 0 then, \"left_out\" if they leave the scale",
            );
        }
        (Some(word), true) => match word.get_ref().as_str() {
            "zero" => {}
            "left_out" => return NotAsked::LeftOut,
            other => faults.at(
                word.span(),
                format!("not_asked is {other:?}; wanted is \"zero\" or \"left_out\""),
            ),
        },
        (Some(word), false) => faults.at(
            word.span(),
            format!(
                "not_asked is {:?}, but every item is always asked; leave it out",
                word.get_ref()
            ),
        ),
        _ => {}
    }
    NotAsked::Zero
}

fn missing(file: &Spanned<MissingFile>, items: usize, faults: &mut Faults<'_>) -> MissingRule {
    let said = file.get_ref();
    check_source(file.span(), "source", &said.source, faults);
    if items > 0
        && said
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

fn missing_over(
    file: &Spanned<MissingFile>,
    earlier: &[ScaleFile],
    faults: &mut Faults<'_>,
) -> Option<usize> {
    let wanted = file.get_ref().over.as_ref()?;
    let found = earlier
        .iter()
        .position(|scale| scale.id.get_ref() == wanted.get_ref());
    if found.is_none() {
        let what = format!(
            "over names {:?}, which is no earlier scale",
            wanted.get_ref()
        );
        faults.at(wanted.span(), what);
    }
    found
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

fn check_change(file: &ScaleFile, faults: &mut Faults<'_>) {
    let Some(change) = &file.change else { return };
    if let Err(fault) = change.get_ref().check() {
        faults.at(change.span(), format!("change: {fault}"));
    }
}
