//! Checks the criteria and risk rules of a definition.

use super::{check_distinct, check_id, check_source, find};
use crate::domain::instrument::faults::Faults;
use crate::domain::instrument::file::{
    ConditionFile, CriterionFile, DefinitionFile, EndorsedFile, RiskRuleFile,
};
use crate::domain::instrument::{Condition, Criterion, Endorsed, Item, RiskRule};
use crate::domain::risk::Tier;
use toml::Spanned;

pub(super) fn criteria(
    file: &DefinitionFile,
    items: &[Item],
    faults: &mut Faults<'_>,
) -> Vec<Criterion> {
    check_distinct(
        "criterion",
        file.criteria.iter().map(|criterion| &criterion.id),
        faults,
    );
    file.criteria
        .iter()
        .map(|criterion| build_criterion(criterion, items, faults))
        .collect()
}

fn build_criterion(file: &CriterionFile, items: &[Item], faults: &mut Faults<'_>) -> Criterion {
    check_id("criterion", &file.id, faults);
    check_source(file.id.span(), &file.source, faults);
    Criterion {
        id: file.id.get_ref().clone(),
        condition: condition(&file.rule, items, faults),
        source: file.source.clone(),
    }
}

fn condition(file: &Spanned<ConditionFile>, items: &[Item], faults: &mut Faults<'_>) -> Condition {
    let said = file.get_ref();
    let mut each = |parts: &[Spanned<ConditionFile>]| -> Vec<Condition> {
        if parts.is_empty() {
            faults.at(file.span(), "an empty list of conditions says nothing");
        }
        parts
            .iter()
            .map(|part| condition(part, items, faults))
            .collect()
    };
    match (&said.all, &said.any, &said.count, said.at_least) {
        (Some(parts), None, None, None) => Condition::All(each(parts)),
        (None, Some(parts), None, None) => Condition::Any(each(parts)),
        (None, None, Some(groups), Some(at_least)) => {
            counted(file, groups, (at_least, said.at_most), items, faults)
        }
        _ => {
            let what = "a condition is { all = [...] }, or { any = [...] }, or { count = [...], at_least = n } with at_most if wanted";
            faults.at(file.span(), what);
            Condition::All(Vec::new())
        }
    }
}

fn counted(
    file: &Spanned<ConditionFile>,
    groups: &[EndorsedFile],
    (at_least, at_most): (u16, Option<u16>),
    items: &[Item],
    faults: &mut Faults<'_>,
) -> Condition {
    let ids = groups.iter().flat_map(|group| group.items.iter());
    check_distinct("counted item", ids, faults);
    let endorsed: Vec<_> = groups
        .iter()
        .flat_map(|group| endorsed(group, items, faults))
        .collect();
    if usize::from(at_least) > endorsed.len() || at_most.is_some_and(|most| most < at_least) {
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

fn endorsed(group: &EndorsedFile, items: &[Item], faults: &mut Faults<'_>) -> Vec<Endorsed> {
    let mut found = Vec::with_capacity(group.items.len());
    for id in &group.items {
        let Some((position, item)) = find(id, items, faults) else {
            continue;
        };
        check_reachable(id, item, group.from, faults);
        found.push(Endorsed {
            position,
            from: group.from,
        });
    }
    found
}

/// A threshold that every answer or no answer reaches is a slip of the pen.
fn check_reachable(place: &Spanned<String>, item: &Item, from: i16, faults: &mut Faults<'_>) {
    if from <= item.lowest() || from > item.highest() {
        let what = format!(
            "item {:?} is answered from {} to {}, so {from} and above tells nobody apart",
            item.id,
            item.lowest(),
            item.highest()
        );
        faults.at(place.span(), what);
    }
}

pub(super) fn risk_rules(
    file: &DefinitionFile,
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
    check_source(file.id.span(), &file.source, faults);
    let tier = file.tier.get_ref().parse::<Tier>();
    if tier.is_err() {
        let words: Vec<_> = Tier::ALL.iter().map(|tier| tier.word()).collect();
        faults.at(
            file.tier.span(),
            format!("tier {:?}; wanted is one of {words:?}", file.tier.get_ref()),
        );
    }
    let (position, item) = find(&file.item, items, faults)?;
    let at_least = *file.at_least.get_ref();
    check_reachable(&file.item, item, at_least, faults);
    Some(RiskRule {
        id: file.id.get_ref().clone(),
        version: file.version.clone(),
        item: position,
        at_least,
        tier: tier.ok()?,
        source: file.source.clone(),
    })
}
