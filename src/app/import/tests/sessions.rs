//! What rows of sessions add, change and are rejected for.

use super::*;

#[test]
fn a_session_belongs_to_the_episode_of_its_local_day() {
    let site = Site::new();
    let old = row(
        "p1",
        &[
            ("episode_start", "2025-01-05"),
            ("episode_end", "2025-06-01"),
            ("ending", "planned"),
        ],
    );
    site.take_patients(&[old, row("p1", &[("cadence", "before_session:24")])]);
    let rows = [
        "s1,p1,2025-06-01 23:30,attended",
        "s2,p1,2025-06-02 00:30,attended",
        "s3,p1,2026-03-10T15:00:00Z,planned",
    ];
    assert_eq!(counts(&site.take_sessions(&rows)), [3, 2, 0, 0, 1]);
    assert_eq!(
        site.reasons(),
        [(
            3,
            "the patient is in no episode of care on 2025-06-02".to_owned()
        )]
    );
    let episodes = site.episodes("p1");
    assert_eq!(site.session("s1").unwrap().episode_id, episodes[0].id);
    assert_eq!(
        site.session("s1").unwrap().starts_at,
        instant("2025-06-02 04:30")
    );
    assert_eq!(site.session("s3").unwrap().episode_id, episodes[1].id);
    assert_eq!(
        site.plans("p1")[0].next_due_at,
        Some(instant("2026-03-09 15:00")),
        "a day before the session"
    );
    assert_eq!(counts(&site.take_sessions(&rows)), [3, 0, 0, 2, 1]);
}

#[test]
fn a_past_session_that_comes_late_gives_those_ahead_other_numbers() {
    let site = Site::new();
    site.take_patients(&[row("p1", &[("cadence", "at_sessions:3@24")])]);
    site.take_sessions(&[
        "s1,p1,2026-02-03 09:00,attended",
        "s2,p1,2026-03-17 09:00,planned",
        "s3,p1,2026-03-24 09:00,planned",
    ]);
    let due = || site.plans("p1")[0].next_due_at;
    assert_eq!(due(), Some(instant("2026-03-23 14:00")), "the third");
    site.take_sessions(&["s0,p1,2026-02-10 09:00,attended"]);
    assert_eq!(due(), Some(instant("2026-03-16 14:00")), "s2 is the third");
    site.take_sessions(&["s0,p1,2026-02-10 09:00,missed"]);
    assert_eq!(due(), Some(instant("2026-03-23 14:00")));
}

#[test]
fn a_moved_or_cancelled_session_is_planned_anew() {
    let site = Site::new();
    site.take_patients(&[row("p1", &[("cadence", "before_session:24")])]);
    site.take_sessions(&["s1,p1,2026-03-10 09:00,planned"]);
    assert_eq!(
        counts(&site.take_sessions(&["s1,p1,2026-03-12 09:00,planned"])),
        [1, 0, 1, 0, 0]
    );
    assert_eq!(
        site.plans("p1")[0].next_due_at,
        Some(instant("2026-03-11 14:00")),
        "daylight saving time has begun"
    );
    assert_eq!(
        counts(&site.take_sessions(&["s1,p1,2026-03-12 09:00,cancelled"])),
        [1, 0, 1, 0, 0]
    );
    assert_eq!(site.plans("p1")[0].next_due_at, None);
}

#[test]
fn each_rejected_session_says_why() {
    let site = Site::new();
    site.take_patients(&[row("p1", &[]), row("p2", &[])]);
    site.take_sessions(&["s1,p1,2026-02-10 09:00,attended"]);
    let cases = [
        (
            "s2,p9,2026-02-10 09:00,attended",
            "there is no patient \"p9\"; import the patients first",
        ),
        (
            "s1,p2,2026-02-10 09:00,attended",
            "this session_id belongs to another patient",
        ),
        (
            "s3,p1,2026-03-08 02:30,planned",
            "starts_at 2026-03-08 02:30 does not exist in America/Chicago: the clocks go forward that night",
        ),
        (
            "s4,p1,2026-03-09 09:00,attended",
            "the session is attended but lies ahead",
        ),
        (
            "s5,p1,tomorrow,gone",
            "starts_at \"tomorrow\" is not a time; wanted YYYY-MM-DD HH:MM on the patient's clock, or with an offset like 2026-01-31T14:30:00-06:00; state is \"gone\"; wanted one of planned, attended, cancelled, missed",
        ),
        (
            "s6,p1,2026-02-11 09:00,missed",
            "line 8 says something else about the same session",
        ),
    ];
    let mut rows: Vec<&str> = cases.iter().map(|(row, _)| *row).collect();
    rows.insert(5, "s7,p1,2026-02-12 09:00,attended");
    rows.insert(6, "s6,p1,2026-02-11 09:00,attended");
    assert_eq!(counts(&site.take_sessions(&rows)), [8, 2, 0, 0, 6]);
    let reasons: Vec<String> = site
        .reasons()
        .into_iter()
        .map(|(_, reason)| reason)
        .collect();
    assert_eq!(reasons, cases.map(|(_, reason)| reason));
}
