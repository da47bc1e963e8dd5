//! Which results a scale can have at all when nothing is missing. The check of a stated range and of a lookup table
//! needs it, and so do the worked cases, which are asked for at the edges that can be reached.

use super::{Blank, Item, Method, NotAsked, ROUNDING, Scale, ScaleItem};
use std::collections::BTreeSet;

/// Every raw result of a complete form, from the lowest; before a lookup table, after `times`.
pub(in crate::domain) fn raw_results(items: &[Item], scale: &Scale) -> Vec<f64> {
    let results: Vec<f64> = match &scale.method {
        Method::Rules(rules) => (0..=rules.len()).map(number).collect(),
        Method::Highest => highest(items, scale),
        Method::Mean => totals(items, scale)
            .into_iter()
            .map(|(count, sum)| f64::from(sum) / number(count))
            .collect(),
        Method::Sum | Method::CountFrom(_) | Method::CountAny(_) => totals(items, scale)
            .into_iter()
            .map(|(_, sum)| f64::from(sum))
            .collect(),
    };
    let times = results.into_iter().map(|result| result * scale.times);
    distinct(times.collect())
}

/// Every score of a complete form, from the lowest.
pub(in crate::domain) fn scores(items: &[Item], scale: &Scale) -> Vec<f64> {
    let raw = raw_results(items, scale);
    let Some(lookup) = &scale.lookup else {
        return raw;
    };
    let rows = raw.iter().filter_map(|raw| lookup.row(*raw));
    distinct(rows.map(|row| row.score).collect())
}

fn distinct(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values.dedup_by(|a, b| (*a - *b).abs() < ROUNDING);
    values
}

fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

/// How many items can take part, and what they can add up to.
fn totals(items: &[Item], scale: &Scale) -> BTreeSet<(usize, i32)> {
    let mut all = BTreeSet::from([(0, 0)]);
    for member in &scale.items {
        let Some(item) = items.get(member.position) else {
            continue;
        };
        let worth = worth(scale, *member, item);
        let left_out = item.asked_when.is_some() && scale.not_asked == NotAsked::LeftOut;
        let mut next = BTreeSet::new();
        for (count, sum) in all {
            next.extend(worth.iter().map(|worth| (count + 1, sum + worth)));
            if left_out {
                next.insert((count, sum));
            }
        }
        all = next;
    }
    // Of nothing there is no score.
    all.retain(|(count, _)| *count > 0);
    all
}

/// What an item can add to the scale.
fn worth(scale: &Scale, member: ScaleItem, item: &Item) -> BTreeSet<i32> {
    let counted = |value: i16| match &scale.method {
        Method::CountFrom(from) => i32::from(member.counted(value) >= *from),
        Method::CountAny(values) => i32::from(values.contains(&member.counted(value))),
        Method::Sum | Method::Mean | Method::Highest | Method::Rules(_) => {
            i32::from(member.counted(value))
        }
    };
    let nothing = counts_as_nothing(scale, member, item).then_some(0);
    item.values().map(counted).chain(nothing).collect()
}

fn counts_as_nothing(scale: &Scale, member: ScaleItem, item: &Item) -> bool {
    member.blank == Blank::Zero || item.asked_when.is_some() && scale.not_asked == NotAsked::Zero
}

fn highest(items: &[Item], scale: &Scale) -> Vec<f64> {
    let members = scale.items.iter();
    let each: Vec<_> = members
        .filter_map(|member| {
            let item = items.get(member.position)?;
            let may_be_left_out = item.asked_when.is_some() && scale.not_asked == NotAsked::LeftOut;
            Some((worth(scale, *member, item), may_be_left_out))
        })
        .collect();
    let always = each.iter().filter(|(_, left_out)| !left_out);
    let floor = always.filter_map(|(worth, _)| worth.first().copied()).max();
    let values = each.iter().flat_map(|(worth, _)| worth.iter().copied());
    values
        .filter(|value| floor.is_none_or(|floor| *value >= floor))
        .map(f64::from)
        .collect()
}
