//! Months of sending, played through the real database, outbox and mail server with the clock in hand: plans in eight zones, sessions that move, a relay that
//! fails in every way, claims that are lost with their process, outages, a clock that jumps. What must hold is read from what the server got and what is
//! stored. A seed that fails is named and replays: `ATTUNE_TEST_SEED=7 cargo test --test attune year`; more seeds: `ATTUNE_TEST_SEEDS=300`; longer:
//! `ATTUNE_TEST_DAYS=365`.

use std::collections::{BTreeMap, HashMap};

use attune::app::expire_due::expire_due;
use attune::app::plan_due::plan_due;
use attune::app::send_due::send_due;
use attune::domain::ids::PatientId;
use attune::domain::schedule::hours::Hours;
use attune::domain::schedule::policy::SendingPolicy;
use attune::domain::schedule::{STALE_AFTER, local_day, local_moment, local_time};
use attune::mail::Mailer;
use attune::store::outbox::{self, LEASE, Lane};
use chrono::{NaiveDateTime, TimeDelta};
use chrono_tz::Tz;

use crate::house::{House, address_of, instant};
use crate::mail::mailer;
use crate::plans::{details, put_at};
use crate::support::smtp::{Behaviour, SmtpSink};

const ZONES: [Tz; 8] = [
    chrono_tz::Australia::Lord_Howe,
    chrono_tz::Asia::Kathmandu,
    chrono_tz::Africa::Casablanca,
    chrono_tz::Pacific::Apia,
    chrono_tz::America::Los_Angeles,
    chrono_tz::Europe::London,
    chrono_tz::America::St_Johns,
    chrono_tz::Asia::Tehran,
];
const TROUBLES: [Behaviour; 5] = [
    Behaviour::RefuseForNow,
    Behaviour::RefuseConnection,
    Behaviour::DropInData,
    Behaviour::KeepAndDrop,
    Behaviour::Accept,
];

/// The same numbers for the same seed on every machine (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
    fn happens(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
    fn hours(&mut self, most: u64) -> TimeDelta {
        TimeDelta::minutes(i64::try_from(self.below(most * 60)).expect("small"))
    }
}

struct World {
    seed: u64,
    dice: Dice,
    house: House,
    sink: SmtpSink,
    relay: Mailer,
    people: Vec<(PatientId, Tz)>,
    sessions: BTreeMap<String, (PatientId, NaiveDateTime)>,
    ends: NaiveDateTime,
    /// Claims that were lost with their process: each may double one message.
    lost_claims: usize,
    /// When nothing ran: from and until.
    asleep: Vec<(NaiveDateTime, NaiveDateTime)>,
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

impl World {
    fn new(seed: u64, days: u64) -> World {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let begins = instant("2026-01-04 00:30:00") + dice.hours(300 * 24);
        let (house, sink) = (House::at(begins), SmtpSink::start());
        let people = (0..2)
            .map(|n| {
                let zone = ZONES[dice.below(8) as usize];
                let weeks = 1 + dice.below(3);
                let mut plans = vec![details(&["phq9"], &format!("every_weeks:{weeks}"))];
                if dice.happens(50) {
                    plans.push(details(&["gad7"], "before_session:24"));
                }
                (
                    house.enrol_living(zone, "en", &format!("P{n}"), plans),
                    zone,
                )
            })
            .collect();
        World {
            seed,
            dice,
            relay: mailer(&sink),
            house,
            sink,
            people,
            sessions: BTreeMap::new(),
            ends: begins + TimeDelta::days(i64::try_from(days).expect("small")),
            lost_claims: 0,
            asleep: vec![(begins - TimeDelta::days(3), begins)],
        }
    }

    fn now(&self) -> NaiveDateTime {
        self.house.app.clock.now()
    }

    /// The next instant at which anything is due, by what is stored.
    fn next(&self) -> NaiveDateTime {
        let due = self.house.texts(
            "SELECT substr(CAST(MIN(at) AS TEXT), 1, 19) AS value FROM (SELECT MIN(next_due_at) AS at FROM plan WHERE next_due_at IS NOT NULL \
             UNION ALL SELECT MIN(not_before) FROM outbox WHERE ended_at IS NULL UNION ALL SELECT MIN(expires_at) FROM administration \
             WHERE ended_at IS NULL) soon WHERE at IS NOT NULL HAVING COUNT(*) > 0",
        );
        let next = due
            .first()
            .map_or(self.ends, |text| instant(&text.replace('T', " ")));
        next.max(self.now() + TimeDelta::seconds(1)) + TimeDelta::seconds(1)
    }

    fn play(&mut self) {
        while self.now() < self.ends {
            let next = self.next();
            // Now and then nothing runs for hours or days; now and then the clock goes back.
            let jump = match self.dice.below(100) {
                0..=2 => self.dice.hours(90),
                3..=4 => TimeDelta::zero() - self.dice.hours(2),
                _ => TimeDelta::zero(),
            };
            self.house.app.clock.set(next + jump);
            self.asleep
                .push((next - TimeDelta::seconds(3), next + jump));
            if self.dice.happens(15) {
                self.change_a_session();
            }
            self.turn();
        }
        // The relay is well again, and what is left has a day.
        self.sink.always(Behaviour::Accept);
        for _ in 0..60 {
            let next = self.now() + TimeDelta::hours(1);
            self.house.app.clock.set(next);
            self.turn();
        }
    }

    fn turn(&mut self) {
        while plan_due(&self.house.app).expect("the database works") > 0 {}
        expire_due(&self.house.app).expect("the database works");
        if self.dice.happens(4) {
            return self.lose_a_claim();
        }
        if self.now() < self.ends && self.dice.happens(25) {
            let trouble = TROUBLES[self.dice.below(5) as usize];
            self.sink.then(&[trouble]);
        }
        for _ in 0..20 {
            if send_due(&self.house.app, &self.relay, Lane::Mails).expect("the database works") == 0
            {
                return;
            }
        }
        panic!(
            "seed {}: the same messages are claimed over and over",
            self.seed
        );
    }

    /// A process that dies between claiming and storing.
    fn lose_a_claim(&mut self) {
        let (org, now) = (self.house.app.org, self.now());
        let claimed = self.house.app.store.write_blocking(move |tx| {
            Ok::<_, attune::store::Fault>(outbox::claim(tx, org, Lane::Mails, now, 3)?.len())
        });
        self.lost_claims += claimed.expect("the database works");
        let after = now + LEASE + TimeDelta::seconds(1);
        self.house.app.clock.set(after);
        self.asleep.push((now, after));
    }

    fn change_a_session(&mut self) {
        let now = self.now();
        let moved = self.dice.happens(60);
        let known = self.sessions.iter().find(|(_, (_, at))| *at > now);
        let (id, who) = match known.filter(|_| moved) {
            Some((id, (who, _))) => (id.clone(), *who),
            None => {
                let place = self.dice.below(2) as usize;
                (format!("S{}", self.sessions.len()), self.people[place].0)
            }
        };
        let at = now + TimeDelta::hours(2) + self.dice.hours(14 * 24);
        let state = if self.dice.happens(20) {
            "cancelled"
        } else {
            "planned"
        };
        put_at(&self.house, who, id.clone(), at, state);
        self.sessions.insert(id, (who, at));
    }

    /// Everything that has to hold when the months are over.
    fn judge(&self) {
        let seed = self.seed;
        self.house.verified();
        let policy = SendingPolicy::default();
        let parse = |text: &str| instant(&text.replace('T', " "));
        let mut invited: HashMap<(String, chrono::NaiveDate), String> = HashMap::new();
        let left = self.house.texts(
            "SELECT p.external_id || '|' || o.kind || '|' || o.id_text || '|' || substr(CAST(t.at AS TEXT), 1, 19) || '|' || t.outcome || '|' || \
             substr(CAST(a.due_at AS TEXT), 1, 19) || '|' || a.occasion AS value \
             FROM (SELECT outbox.*, HEX_OF_ID AS id_text FROM outbox) o \
             JOIN send_attempt t ON t.org_id = o.org_id AND t.outbox_id = o.id \
             JOIN administration a ON a.org_id = o.org_id AND a.id = o.subject_id \
             JOIN patient p ON p.org_id = a.org_id AND p.id = a.patient_id \
             WHERE t.outcome IN ('accepted', 'unknown') AND a.state <> 'cancelled' ORDER BY t.at, t.id"
                .replace("HEX_OF_ID", self.house.hex_of_id())
                .as_str(),
        );
        assert!(
            left.len() > 5,
            "seed {seed}: hardly anything was sent: {left:?}"
        );
        for line in &left {
            let cells: Vec<&str> = line.split('|').collect();
            let (at, due) = (parse(cells[3]), parse(cells[5]));
            let place: usize = cells[0][1..].parse().expect("P and a number");
            let zone = self.people[place].1;
            assert!(
                Hours::of(&policy, zone, None).allow(at),
                "seed {seed}: sent at night: {line} is {}",
                local_time(zone, at)
            );
            if cells[6].starts_with("weeks ") {
                let day = cells[6][6..16].parse().expect("a day");
                let promised = local_moment(zone, day, policy.send_at);
                let slept = |(from, until): &(NaiveDateTime, NaiveDateTime)| {
                    *from <= promised && promised < *until && *until - *from > TimeDelta::seconds(4)
                };
                assert!(
                    due == promised || (due > promised && self.asleep.iter().any(slept)),
                    "seed {seed}: {line} in {zone}, promised {promised}; nothing ran {:?}",
                    self.asleep
                        .iter()
                        .filter(
                            |(from, until)| *from < due && *until > promised - TimeDelta::days(1)
                        )
                        .collect::<Vec<_>>()
                );
            }
            // Whose word was lost may have been moved with its session before it was tried again.
            if cells[1] == "invitation" && cells[4] == "accepted" {
                assert!(at >= due, "seed {seed}: early: {line}");
                assert!(at - due <= STALE_AFTER, "seed {seed}: stale: {line}");
                let day = (cells[0].to_owned(), local_day(zone, at));
                let other = invited.entry(day).or_insert_with(|| cells[2].to_owned());
                assert_eq!(other, cells[2], "seed {seed}: two on one day: {line}");
            }
        }
        self.judge_doubles();
        self.judge_missing();
    }

    /// One mail a message, but for those whose word was lost.
    fn judge_doubles(&self) {
        let mut got: BTreeMap<String, usize> = BTreeMap::new();
        for mail in self.sink.mails() {
            *got.entry(mail.header("message-id").expect("an id"))
                .or_default() += 1;
        }
        let unknown = self.house.number("send_attempt WHERE outcome = 'unknown'");
        let doubled: usize = got.values().map(|count| count - 1).sum();
        assert!(
            doubled <= unknown,
            "seed {}: {doubled} doubled, {unknown} words lost, {} claims lost",
            self.seed,
            self.lost_claims
        );
        for n in 0..self.people.len() {
            let theirs = self.sink.mails_to(&address_of(&format!("P{n}")));
            assert!(
                !theirs.is_empty(),
                "seed {}: P{n} was never asked",
                self.seed
            );
        }
    }

    /// Everything that fell due was asked or says why not, and every message ended or waits for a time to come.
    fn judge_missing(&self) {
        let waiting = self.house.texts(
            "SELECT substr(CAST(not_before AS TEXT), 1, 19) AS value FROM outbox WHERE ended_at IS NULL AND kind = 'invitation'",
        );
        for not_before in waiting {
            let then = instant(&not_before.replace('T', " "));
            assert!(
                then + TimeDelta::hours(12) > self.now(),
                "seed {}: left behind since {then}",
                self.seed
            );
        }
        let silent = self.house.number(
            "occasion o WHERE o.outcome = 'asked' AND NOT EXISTS (SELECT 1 FROM outbox m WHERE m.org_id = o.org_id AND m.subject_id = o.administration_id)",
        );
        assert_eq!(silent, 0, "seed {}: asked and nothing written", self.seed);
        let unsaid = self
            .house
            .number("outbox WHERE state = 'withdrawn' AND last_error IS NULL");
        assert_eq!(unsaid, 0, "seed {}: withdrawn without a reason", self.seed);
    }
}

#[test]
fn months_of_sending_keep_every_promise() {
    let days = number("ATTUNE_TEST_DAYS", 90);
    let seeds = match std::env::var("ATTUNE_TEST_SEED") {
        Ok(one) => vec![one.parse().expect("a number")],
        Err(_) => (1..=number("ATTUNE_TEST_SEEDS", 8)).collect::<Vec<u64>>(),
    };
    for seed in seeds {
        let mut world = World::new(seed, days);
        world.play();
        world.judge();
        println!(
            "seed {seed}: {} mails, {} attempts, {} claims lost",
            world.sink.mails().len(),
            world.house.number("send_attempt"),
            world.lost_claims
        );
    }
}
