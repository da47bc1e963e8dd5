//! What is said about instruments, on those that ship.

use super::{Description, describe};
use crate::domain::instrument::{Library, LicenceClass};

fn of(id: &str) -> Description<'static> {
    let library = Library::embedded();
    describe(library, library.get(id).expect("it ships"))
}

#[test]
fn the_limits_of_change_on_which_authors_disagree_are_all_said() {
    let known = of("pcl5");
    let said = known.scales[0].change.join("\n");
    for wanted in [
        "10 points or more",
        "12 points",
        "15 points",
        "18 points",
        "5 as reliable",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    assert!(said.starts_with("A higher score is worse."), "{said}");
}

#[test]
fn a_criterion_is_said_in_words() {
    let known = of("pcl5");
    let asks = &known.criteria[0].asks;
    assert!(
        asks.starts_with(
            "at least 1 of items 1, 2, 3, 4, 5 answered 2 or more; and at least 1 of items 6, 7"
        ),
        "{asks}"
    );
}

#[test]
fn questions_with_the_same_options_stand_together() {
    let known = of("phq9");
    let english = &known.wordings[0];
    assert_eq!(english.language, "en");
    assert_eq!(english.groups[0].items.len(), 9);
    assert_eq!(english.groups[0].options[3], (3, "Nearly every day"));
    assert_eq!(known.risk_rules[0].asks, "item 9 answered 1 or more");
    assert!(
        known.risk_rules[0]
            .tier
            .is_some_and(|tier| tier.starts_with("crisis"))
    );
}

#[test]
fn what_is_the_clinics_to_supply_shows_its_numbers_and_no_words() {
    let library = Library::embedded();
    for known in library
        .latest()
        .filter(|known| known.licence.class == LicenceClass::C)
    {
        let said = describe(library, known);
        assert!(said.wordings.is_empty(), "{}", known.id);
        let items: usize = said.unworded.iter().map(|group| group.items.len()).sum();
        assert_eq!(items, known.items.len(), "{}", known.id);
    }
}

#[test]
fn everything_that_was_published_somewhere_says_where() {
    let library = Library::embedded();
    for known in library.iter() {
        let said = describe(library, known);
        for scale in &said.scales {
            assert!(
                !scale.missing_source.is_empty(),
                "{} {}",
                known.id,
                scale.id
            );
            assert!(scale.bandings.iter().all(|bands| !bands.source.is_empty()));
            assert!(
                scale
                    .cut_offs
                    .iter()
                    .all(|cut_off| !cut_off.source.is_empty())
            );
        }
        let rules = said.criteria.iter().chain(&said.risk_rules);
        assert!(
            rules
                .clone()
                .all(|rule| !rule.source.is_empty() && !rule.asks.is_empty())
        );
    }
}
