//! The same history in either engine is the same history: what is evaluated, counted and exported is equal to the byte.

use crate::operator::printed;
use crate::support::process::Site;

/// The invented history of some patients in the configured database.
fn with_history(site: &Site) -> serde_json::Value {
    site.must_run(&["migrate"]);
    site.must_run(&["demo", "data", "--patients", "60"]);
    serde_json::from_str(&site.must_run(&["verify"])).expect("verify prints JSON")
}

#[test]
fn the_same_history_is_the_same_to_the_byte_on_either_engine() {
    let here = Site::new();
    let mut there = Site::new();
    let file = there.folder.path().join("other.db");
    there.set(
        "ATTUNE_DATABASE_URL",
        &format!("sqlite://{}", file.display()),
    );
    let (one, other) = (with_history(&here), with_history(&there));
    assert_eq!(one["counts"], other["counts"]);
    assert!(
        one["counts"]["scores"]
            .as_u64()
            .is_some_and(|scores| scores > 200),
        "{one}"
    );
    for instrument in ["phq9", "gad7", "pcl5"] {
        for format in ["csv", "json"] {
            let words = [
                "evaluate",
                "--from",
                "2025-01-01",
                "--to",
                "2026-12-31",
                "--instrument",
                instrument,
                "--format",
                format,
            ];
            let (one, other) = (here.run(&words), there.run(&words));
            let enough = printed(&one).len() > 500;
            assert!(
                one.status.success() && enough,
                "{instrument} {format}: {}",
                printed(&one)
            );
            assert!(
                one.stdout == other.stdout,
                "{instrument} {format}:\n{}\n{}",
                printed(&one),
                printed(&other)
            );
        }
    }
}

#[test]
fn invented_people_are_not_written_over_real_ones() {
    let site = Site::new();
    with_history(&site);
    let again = site.run(&["demo", "data", "--patients", "10"]);
    assert!(!again.status.success(), "{}", printed(&again));
}
