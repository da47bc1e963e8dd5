//! Two services on one PostgreSQL, as a larger site runs them: patients of the same episodes answer through both, one of the two is killed, and nothing is lost, stored
//! twice or told twice. On SQLite a second service is refused (`crash`).

use std::collections::HashMap;
use std::time::Duration;

use crate::crash::all_acknowledged_is_there;
use crate::operator::Office;
use crate::patient::{CALM, submit};
use crate::support::burst::{Burst, Outcome};
use crate::support::database::{Engine, engine};
use crate::support::patient::{Acknowledged, RiskItem};
use crate::support::process::{Service, Site};
use crate::support::smtp::SmtpSink;

/// Patients at a time at each of the two.
const CONNECTIONS: usize = 4;
const PATIENCE: Duration = Duration::from_secs(60);
/// Both have the same.
const KEY: &str = "8f1c2a7be05d4936b1a2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718";

struct Pair {
    relay: SmtpSink,
    first: Office,
    second: Site,
}

/// `None` where only one service may run.
fn pair() -> Option<(Pair, Service)> {
    if engine() == Engine::Sqlite {
        return None;
    }
    let relay = SmtpSink::start();
    let first = Office::open_with(&[
        ("ATTUNE_SMTP_URL", &relay.url()),
        ("ATTUNE_SECRET_KEY", KEY),
    ]);
    let second = first.site.beside();
    let running = second.serve();
    let pair = Pair {
        relay,
        first,
        second,
    };
    Some((pair, running))
}

impl Pair {
    /// Links of all patients, shared out so that each patient's lie at both.
    fn links(&self, each: usize) -> (Vec<String>, Vec<String>) {
        let links = self.first.links("phq9", each);
        let (even, odd): (Vec<_>, Vec<_>) = links
            .into_iter()
            .enumerate()
            .partition(|(number, _)| number % 2 == 0);
        let bare = |links: Vec<(usize, String)>| links.into_iter().map(|(_, link)| link).collect();
        (bare(even), bare(odd))
    }
}

fn acknowledged(outcomes: &[Outcome]) -> usize {
    outcomes
        .iter()
        .filter(|outcome| outcome.acknowledged == Acknowledged::Yes)
        .count()
}

#[test]
fn answers_through_two_services_at_once_are_all_there_though_one_is_killed() {
    let Some((pair, second)) = pair() else { return };
    let (here, there) = pair.links(20);
    let one = Burst::start(pair.first.site.address(), &here, CONNECTIONS);
    let other = Burst::start(pair.second.address(), &there, CONNECTIONS);
    one.wait_for(20, PATIENCE);
    other.wait_for(20, PATIENCE);
    second.kill();
    let interrupted = other.outcomes();
    one.wait_for(60, PATIENCE);
    let mut outcomes = one.outcomes();
    let failed: Vec<_> = outcomes
        .iter()
        .filter(|outcome| outcome.problem.is_some())
        .collect();
    assert!(failed.is_empty(), "the other goes on: {failed:?}");
    assert!(acknowledged(&interrupted) >= 20 && acknowledged(&outcomes) >= 60);

    // Whoever was interrupted goes on at the service that is left.
    let again: Vec<String> = interrupted
        .iter()
        .filter(|outcome| outcome.acknowledged == Acknowledged::No)
        .map(|outcome| outcome.link.clone())
        .collect();
    outcomes.extend(interrupted);
    all_acknowledged_is_there(&pair.first, &outcomes);
    let mut client = pair.first.client();
    for link in &again {
        let sent = submit(&mut client, link, &CALM);
        // Stored, and killed before it could say so: then the first answers stand.
        assert!([303, 409].contains(&sent.status), "{link}: {}", sent.text());
    }

    // It comes back, and what the one stored the other shows.
    let back = pair.second.serve();
    for outcome in &outcomes {
        if outcome.acknowledged == Acknowledged::Yes {
            let end = back.client().get(&format!("{}/end", outcome.link));
            let end = end.expect("the site answers");
            assert!(end.text().contains("Your answers are in"), "{outcome:?}");
        }
    }
    pair.first.verified();
}

#[test]
fn one_link_answered_at_two_services_in_the_same_moment_is_stored_once() {
    let Some((pair, second)) = pair() else { return };
    let links = pair.first.links("phq9", 3);
    let before = pair.first.count("responses");
    let both = [pair.first.site.address(), second.address()];
    let won: Vec<Vec<Outcome>> = std::thread::scope(|scope| {
        let bursts: Vec<_> = both
            .map(|address| {
                let links = &links;
                scope.spawn(move || {
                    // One patient at each, on the same links in the same order.
                    links
                        .iter()
                        .flat_map(|link| {
                            let burst = Burst::start(address, std::slice::from_ref(link), 1);
                            burst.finish()
                        })
                        .collect()
                })
            })
            .into_iter()
            .collect();
        bursts
            .into_iter()
            .map(|burst| burst.join().expect("no patient panics"))
            .collect()
    });
    let mut told: HashMap<&str, usize> = HashMap::new();
    for outcome in won.iter().flatten() {
        if outcome.acknowledged == Acknowledged::Yes {
            *told.entry(&outcome.link).or_default() += 1;
        }
    }
    for link in &links {
        assert!(told.contains_key(link.as_str()), "{link}: nobody was told");
    }
    let stored = pair.first.count("responses") - before;
    assert_eq!(stored, links.len() as u64, "each form once");
}

#[test]
fn a_crisis_answer_at_either_of_two_services_is_told_once() {
    let Some((pair, second)) = pair() else { return };
    let links = pair.first.links("phq9", 1);
    let before = pair.relay.mails().len();
    let (here, there) = links.split_at(links.len() / 2);
    for (address, links) in [(pair.first.site.address(), here), (second.address(), there)] {
        // Each alone: the first of a burst answers the risk item above zero.
        for link in links {
            let told = Burst::start(address, std::slice::from_ref(link), 1).finish();
            assert!(
                told.iter()
                    .all(|outcome| outcome.problem.is_none() && outcome.risk == RiskItem::AboveZero),
                "{told:?}"
            );
        }
    }
    let mails = pair.relay.wait_for(before + links.len(), PATIENCE);
    // Time for a second one, if there were to be one.
    std::thread::sleep(Duration::from_secs(2));
    let all = pair.relay.mails();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for mail in &all {
        *seen
            .entry(mail.header("message-id").expect("each mail has an id"))
            .or_default() += 1;
    }
    assert!(seen.values().all(|times| *times == 1), "{seen:?}");
    assert!(mails.len() >= before + links.len());
    let found = pair.first.verified();
    assert_eq!(found["counts"]["flags"].as_u64(), Some(links.len() as u64));
}
