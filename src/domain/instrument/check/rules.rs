//! Checks the criteria and risk rules of a definition.

use super::{check_distinct, check_id, check_source, find};
use crate::domain::instrument::faults::Faults;
use crate::domain::instrument::file::{
    ConditionFile, CriterionFile, DefinitionToml, EndorsedFile, RiskRuleFile,
};
use crate::domain::instrument::{
    AnsweredBy, Condition, Criterion, Endorsed, Item, Limit, RiskRule, Wanted, nearest,
};
use crate::domain::risk::Tier;
use toml::Spanned;

pub(super) fn criteria(
    file: &DefinitionToml,
    items: &[Item],
    faults: &mut Faults<'_>,
) -> Vec<Criterion> {
    check_distinct(
        "criterion",
        file.criteria.iter().map(|criterion| &criterion.id),
        faults,
    );
    let scales: Vec<_> = file
        .scales
        .iter()
        .map(|scale| scale.id.get_ref().as_str())
        .collect();
    file.criteria
        .iter()
        .map(|criterion| build_criterion(criterion, (items, &scales), faults))
        .collect()
}

/// What a condition may look at: the items, and the ids of the scales.
pub(super) type Known<'a> = (&'a [Item], &'a [&'a str]);

fn build_criterion(file: &CriterionFile, known: Known<'_>, faults: &mut Faults<'_>) -> Criterion {
    check_id("criterion", &file.id, faults);
    check_source(file.id.span(), "source", &file.source, faults);
    Criterion {
        id: file.id.get_ref().clone(),
        condition: condition(&file.rule, known, faults),
        source: file.source.clone(),
    }
}

pub(super) fn condition(
    file: &Spanned<ConditionFile>,
    known: Known<'_>,
    faults: &mut Faults<'_>,
) -> Condition {
    let said = file.get_ref();
    let mut each = |parts: &[Spanned<ConditionFile>]| -> Vec<Condition> {
        if parts.is_empty() {
            faults.at(file.span(), "an empty list of conditions says nothing");
        }
        parts
            .iter()
            .map(|part| condition(part, known, faults))
            .collect()
    };
    let limits = (said.at_least, said.at_most);
    match (&said.all, &said.any, &said.count, &said.scale, limits) {
        (Some(parts), None, None, None, (None, None)) => Condition::All(each(parts)),
        (None, Some(parts), None, None, (None, None)) => Condition::Any(each(parts)),
        (None, None, Some(groups), None, (Some(_), _) | (_, Some(_))) => {
            counted(file, groups, known.0, faults)
        }
        (None, None, None, Some(scale), (Some(points), None)) => {
            scored(scale, Limit::AtLeast(points), known.1, faults)
        }
        (None, None, None, Some(scale), (None, Some(points))) => {
            scored(scale, Limit::AtMost(points), known.1, faults)
        }
        _ => {
            let what = "a condition is { all = [...] }, or { any = [...] }, or { count = [...] } with at_least = n, at_most = n or both, \
                        or { scale = \"…\", at_least = n } or at_most instead";
            faults.at(file.span(), what);
            Condition::All(Vec::new())
        }
    }
}

fn scored(
    named: &Spanned<String>,
    limit: Limit,
    scales: &[&str],
    faults: &mut Faults<'_>,
) -> Condition {
    let found = scales.iter().position(|scale| scale == named.get_ref());
    if found.is_none() {
        let meant = nearest(named.get_ref(), scales.iter().copied());
        let meant = meant.map_or(String::new(), |near| format!("; did you mean {near:?}?"));
        faults.at(
            named.span(),
            format!(
                "there is no scale {:?} that could be looked at here{meant}",
                named.get_ref()
            ),
        );
    }
    Condition::Score {
        scale: found.unwrap_or_default(),
        limit,
    }
}

fn counted(
    file: &Spanned<ConditionFile>,
    groups: &[EndorsedFile],
    items: &[Item],
    faults: &mut Faults<'_>,
) -> Condition {
    let ids = groups.iter().flat_map(|group| group.items.iter());
    check_distinct("counted item", ids, faults);
    let endorsed: Vec<_> = groups
        .iter()
        .flat_map(|group| endorsed(group, items, faults))
        .collect();
    let [at_least, at_most] = [file.get_ref().at_least, file.get_ref().at_most]
        .map(|number| number.map(|number| how_many(file, number, faults)));
    let at_least = at_least.unwrap_or_default();
    // Items that are not there have been named already.
    let named: usize = groups.iter().map(|group| group.items.len()).sum();
    let all_known = endorsed.len() == named;
    if all_known
        && (usize::from(at_least) > endorsed.len() || at_most.is_some_and(|most| most < at_least))
    {
        let what = format!(
            "{} items can never count {at_least} times within these limits",
            endorsed.len()
        );
        faults.at(file.span(), what);
    }
    Condition::Count {
        endorsed,
        at_least,
        at_most,
    }
}

fn how_many(place: &Spanned<ConditionFile>, number: f64, faults: &mut Faults<'_>) -> u16 {
    if number.fract() != 0.0 || !(0.0..=f64::from(u16::MAX)).contains(&number) {
        faults.at(
            place.span(),
            format!("{number} items cannot be counted; wanted is a whole number"),
        );
    }
    number as u16
}

fn endorsed(group: &EndorsedFile, items: &[Item], faults: &mut Faults<'_>) -> Vec<Endorsed> {
    let mut found = Vec::with_capacity(group.items.len());
    for id in &group.items {
        let Some((position, item)) = find(id, items, faults) else {
            continue;
        };
        let wanted = match (group.from, group.to, &group.answered) {
            (Some(from), None, None) => Wanted::From(from),
            (Some(from), Some(to), None) => Wanted::Between(from, to),
            (None, None, Some(values)) => Wanted::Any(values.clone()),
            _ => {
                let what =
                    "items are counted { from = n }, with `to` if wanted, or { answered = [...] }";
                faults.at(id.span(), what);
                continue;
            }
        };
        check_tells_apart(id, item, &wanted, faults);
        found.push(Endorsed { position, wanted });
    }
    found
}

/// A rule that every answer or no answer meets is a slip of the pen.
fn check_tells_apart(
    place: &Spanned<String>,
    item: &Item,
    wanted: &Wanted,
    faults: &mut Faults<'_>,
) {
    if !item.is_known() {
        return;
    }
    if item.answered_by == AnsweredBy::Words {
        faults.at(
            place.span(),
            format!(
                "item {:?} is answered by words, which nothing looks at",
                item.id
            ),
        );
        return;
    }
    if let Wanted::Any(values) = wanted
        && let Some(value) = values.iter().find(|value| !item.has_value(**value))
    {
        faults.at(
            place.span(),
            format!("item {:?} has no answer {value}", item.id),
        );
    }
    let counting = item.values().filter(|value| wanted.takes(*value)).count();
    let said = match wanted {
        Wanted::From(from) => format!("{from} and above"),
        Wanted::Between(from, to) => format!("{from} to {to}"),
        Wanted::Any(values) => format!("one of {values:?}"),
    };
    // Of several options any may be ticked or not, so all of them together still tell people apart.
    let every = counting == item.values().count() && item.answered_by != AnsweredBy::Several;
    if counting == 0 || every {
        let what = format!(
            "item {:?} is answered from {} to {}, so {said} tells nobody apart",
            item.id,
            item.lowest(),
            item.highest()
        );
        faults.at(place.span(), what);
    }
}

pub(super) fn risk_rules(
    file: &DefinitionToml,
    items: &[Item],
    faults: &mut Faults<'_>,
) -> Vec<RiskRule> {
    check_distinct(
        "risk rule",
        file.risk_rules.iter().map(|rule| &rule.id),
        faults,
    );
    file.risk_rules
        .iter()
        .filter_map(|rule| build_risk_rule(rule, items, faults))
        .collect()
}

fn build_risk_rule(
    file: &RiskRuleFile,
    items: &[Item],
    faults: &mut Faults<'_>,
) -> Option<RiskRule> {
    check_id("risk rule", &file.id, faults);
    check_source(file.id.span(), "source", &file.source, faults);
    let tier = file.tier.get_ref().parse::<Tier>();
    if tier.is_err() {
        let words: Vec<_> = Tier::ALL.iter().map(|tier| tier.word()).collect();
        faults.at(
            file.tier.span(),
            format!("tier {:?}; wanted is one of {words:?}", file.tier.get_ref()),
        );
    }
    let (position, item) = find(&file.item, items, faults)?;
    let wanted = match (file.at_least, &file.answered) {
        (Some(at_least), None) => Wanted::From(at_least),
        (None, Some(values)) => Wanted::Any(values.clone()),
        _ => {
            faults.at(
                file.id.span(),
                "a risk rule has either at_least = n or answered = [values]",
            );
            return None;
        }
    };
    check_tells_apart(&file.item, item, &wanted, faults);
    Some(RiskRule {
        id: file.id.get_ref().clone(),
        version: file.version.clone(),
        item: position,
        wanted,
        tier: tier.ok()?,
        source: file.source.clone(),
    })
}
