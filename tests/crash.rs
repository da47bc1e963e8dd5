//! What was acknowledged survives: kill -9 in the middle of a burst, SIGTERM in the middle of a burst, a second process on the same file.

use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::operator::{Office, complaint, printed};
use crate::patient::{CALM, submit};
use crate::support::burst::{Burst, Outcome};
use crate::support::database::{Engine, engine};
use crate::support::patient::{Acknowledged, RiskItem};
use crate::support::process::free_address;
use crate::support::smtp::{Behaviour, SmtpSink};

/// Connections that send at once.
const CONNECTIONS: usize = 8;

/// Everything that a patient was told is safe is there, flags included, and nothing is half there.
pub fn all_acknowledged_is_there(office: &Office, outcomes: &[Outcome]) -> usize {
    let acknowledged: Vec<&Outcome> = outcomes
        .iter()
        .filter(|outcome| outcome.acknowledged == Acknowledged::Yes)
        .collect();
    let mut client = office.client();
    for outcome in &acknowledged {
        let end = client
            .get(&format!("{}/end", outcome.link))
            .expect("the site answers");
        assert!(
            end.status == 200 && end.text().contains("Your answers are in"),
            "{}: lost",
            outcome.link
        );
        assert_eq!(
            outcome.risk == RiskItem::AboveZero,
            end.text().contains("class=\"crisis\""),
            "{}",
            outcome.link
        );
    }
    office.verified();
    acknowledged.len()
}

#[test]
fn kill_9_in_the_middle_of_a_burst_loses_nothing_that_was_acknowledged() {
    let mut office = Office::open();
    let (mut acknowledged, mut interrupted) = (0, 0);
    for round in 1..=3 {
        let links = office.links("phq9", 20);
        let before = office.count("responses");
        let burst = Burst::start(office.site.address(), &links, CONNECTIONS);
        burst.wait_for(8 * round, Duration::from_secs(60));
        office.kill();
        let outcomes = burst.outcomes();
        office.start();
        let kept = all_acknowledged_is_there(&office, &outcomes);
        assert!(
            kept > 0,
            "round {round}: the burst was under way: {outcomes:?}"
        );
        assert!(
            office.count("responses") - before >= kept as u64,
            "round {round}"
        );
        acknowledged += kept;
        interrupted += outcomes
            .iter()
            .filter(|outcome| outcome.problem.is_some())
            .count();
        let open = links
            .iter()
            .find(|link| outcomes.iter().all(|outcome| outcome.link != **link))
            .expect("a link is left");
        assert_eq!(
            submit(&mut office.client(), open, &CALM).status,
            303,
            "round {round}: and work goes on"
        );
    }
    assert!(
        interrupted > 0,
        "the kill came in the middle: {acknowledged} acknowledged"
    );
}

#[test]
fn sigterm_in_the_middle_of_a_burst_finishes_what_was_begun_within_ten_seconds() {
    let mut office = Office::open();
    let links = office.links("phq9", 20);
    let burst = Burst::start(office.site.address(), &links, CONNECTIONS);
    burst.wait_for(8, Duration::from_secs(60));
    let asked = Instant::now();
    let log = office.stop(Duration::from_secs(10));
    assert!(asked.elapsed() < Duration::from_secs(10));
    assert!(!log.contains("panic"), "{log}");
    let outcomes = burst.outcomes();
    assert!(
        !office.site.folder.path().join("attune.sock").exists(),
        "the control socket goes with the service"
    );
    let found = office.verified();
    let stored = found["counts"]["responses"].as_u64().expect("a count");
    office.start();
    let kept = all_acknowledged_is_there(&office, &outcomes);
    assert!(
        kept > 0 && stored >= kept as u64,
        "{stored} stored, {kept} acknowledged"
    );
}

#[test]
fn sigterm_at_rest_ends_at_once() {
    let mut office = Office::open();
    let asked = Instant::now();
    office.stop(Duration::from_secs(10));
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "{:?}",
        asked.elapsed()
    );
}

#[test]
fn a_mail_server_that_hangs_does_not_keep_the_service_from_ending() {
    let sink = SmtpSink::start();
    sink.always(Behaviour::Stall);
    let mut office = Office::open_with(&[("ATTUNE_SMTP_URL", &sink.url())]);
    office.site.must_run(&[
        "user",
        "add",
        "--email",
        "new@staff.example.org",
        "--name",
        "New",
        "--role",
        "quality",
    ]);
    let began = Instant::now();
    while sink.attempts() == 0 {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "a set-up mail is under way"
        );
        sleep(Duration::from_millis(20));
    }
    let asked = Instant::now();
    office.stop(Duration::from_secs(10));
    assert!(asked.elapsed() < Duration::from_secs(10));
    office.verified();
}

/// Runs a command that should end soon; one that goes on is ended, so that it shows.
fn ends(command: &mut Command) -> Output {
    let pipes = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = pipes.spawn().expect("the program can be started");
    let began = Instant::now();
    while child.try_wait().expect("the child can be asked").is_none() {
        if began.elapsed() > Duration::from_secs(20) {
            child.kill().expect("the child can be ended");
            panic!("it goes on");
        }
        sleep(Duration::from_millis(10));
    }
    child.wait_with_output().expect("the program ended")
}

#[test]
fn a_second_process_that_would_write_the_same_sqlite_file_is_refused() {
    if engine() != Engine::Sqlite {
        return;
    }
    let office = Office::open();
    let mut second = office.site.command(&["serve"]);
    second.env("ATTUNE_LISTEN", free_address().to_string());
    let refused = ends(&mut second);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        complaint(&refused).contains("another process"),
        "{}",
        complaint(&refused)
    );
    // Another data folder does not help: the lock lies beside the file.
    let elsewhere = office.site.folder.path().join("elsewhere");
    let mut third = office.site.command(&["verify"]);
    third.env("ATTUNE_DATA_DIR", &elsewhere);
    let refused = ends(&mut third);
    assert_eq!(refused.status.code(), Some(1), "{}", printed(&refused));
    assert!(
        complaint(&refused).contains("another process"),
        "{}",
        complaint(&refused)
    );
    office.verified();
}

#[test]
fn a_service_that_was_killed_can_be_started_again_and_commands_work_meanwhile() {
    let mut office = Office::open();
    let link = office.links("phq9", 1).remove(0);
    assert_eq!(submit(&mut office.client(), &link, &CALM).status, 303);
    office.kill();
    assert!(
        office.site.folder.path().join("attune.sock").exists(),
        "kill -9 leaves the socket behind"
    );
    assert_eq!(
        office.count("responses"),
        1,
        "the command line works on the data itself"
    );
    office.start();
    assert_eq!(
        office.count("responses"),
        1,
        "and through the service again"
    );
}
