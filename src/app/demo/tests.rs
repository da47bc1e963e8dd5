//! The invented history against the house's own rules: told twice, and read back from the database it was written to. The database is an
//! SQLite file of its own, or a new one in the server that `ATTUNE_TEST_DATABASE_URL` names.

use super::site::Site;
use super::{Invented, Wanted, arrive, invent, story};
use crate::app::App;
use crate::app::clock::Clock;
use crate::app::hand_in::course_of;
use crate::app::keep_response::criteria_json;
use crate::app::seal_audit::seal_audit;
use crate::app::verify::verify;
use crate::domain::access::{Action, Actor, Role, Subject, decide};
use crate::domain::change::{self, Direction, Verdict};
use crate::domain::ids::OrgId;
use crate::domain::instrument::{Answers, Library, Person};
use crate::domain::risk::signal::SignalKind;
use crate::domain::risk::{Standing, rules};
use crate::domain::scoring;
use crate::domain::submission::{Course, Extreme};
use crate::store::administration::AdministrationRow;
use crate::store::bulk::Batch;
use crate::store::flag::{FlagActRow, FlagRow};
use crate::store::organisation::{OrganisationRow, found};
use crate::store::outbox::OutboxRow;
use crate::store::patient::EpisodeRow;
use crate::store::response::{EpisodeScaleRow, RECENT, ResponseRow, ScoreRow};
use crate::store::session::SessionRow;
use crate::store::{Fault, Place, Seal, Store, Tx, schema, seal, seeded, signal, staff};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

fn noon() -> NaiveDateTime {
    "2026-11-18T12:34:56.789012".parse().unwrap()
}

fn org() -> OrgId {
    seeded(noon(), &[7; 10])
}

fn told(seed: u64, patients: usize, now: NaiveDateTime) -> Batch {
    let seal = Seal::new([3; 32]);
    let site = Site::invent(
        (org(), chrono_tz::America::Los_Angeles),
        Library::embedded(),
        &seal,
        (seed, patients, now),
    );
    let mut batch = Batch::default();
    (0..patients).for_each(|number| story::tell(&site, number, &mut batch));
    batch
}

/// A site with an empty organisation in a database of its own.
struct Home {
    app: App,
    folder: PathBuf,
    /// The server's address and the name of the database in it.
    in_server: Option<(String, String)>,
}

impl Home {
    fn new() -> Home {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let mark = format!(
            "attune_demo_{}_{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let folder = std::env::temp_dir().join(&mark);
        std::fs::create_dir_all(&folder).unwrap();
        let server = std::env::var("ATTUNE_TEST_DATABASE_URL")
            .ok()
            .filter(|url| !url.is_empty());
        let place = match &server {
            Some(server) => {
                let (before, _) = server.rsplit_once('/').unwrap();
                run(server, &format!("create database {mark}"));
                Place::parse(&format!("{before}/{mark}")).unwrap()
            }
            None => Place::Sqlite(folder.join("attune.sqlite")),
        };
        let store = Store::open(place, Seal::new([3; 32])).unwrap();
        store.migrate().unwrap();
        store
            .write_blocking(|tx| found(tx, &organisation()))
            .unwrap();
        let (library, clock) = (Library::embedded(), Clock::stopped_at(noon()));
        Home {
            app: App {
                begun: Default::default(),
                help: Default::default(),
                store,
                library,
                clock,
                org: org(),
                base_url: "http://127.0.0.1".into(),
            },
            folder,
            in_server: server.map(|server| (server, mark)),
        }
    }

    fn invent(&self, patients: usize) -> Invented {
        let wanted = Wanted {
            patients,
            now: noon(),
            seed: 1,
            password: None,
        };
        invent(&self.app, wanted, &mut |_| ()).unwrap()
    }

    fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx) -> Result<T, Fault> + Send + 'static,
    ) -> T {
        self.app.store.read_blocking(work).unwrap()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.app.store.close();
        drop(std::fs::remove_dir_all(&self.folder));
        if let Some((server, name)) = &self.in_server {
            run(
                server,
                &format!("drop database if exists {name} with (force)"),
            );
        }
    }
}

fn run(server: &str, statement: &str) {
    PgConnection::establish(server)
        .unwrap()
        .batch_execute(statement)
        .unwrap();
}

fn organisation() -> OrganisationRow {
    OrganisationRow {
        id: org(),
        name: "Example Behavioral Health".into(),
        time_zone: "America/Los_Angeles".into(),
        crisis_line: None,
        reading_promise: "before your next visit".into(),
        created_at: noon(),
        shown_by: "quarters".into(),
    }
}

#[test]
fn the_same_seed_tells_the_same_history() {
    let text = |seed, now| format!("{:?}", told(seed, 60, now));
    assert_eq!(text(1, noon()), text(1, noon()));
    assert_ne!(text(1, noon()), text(2, noon()));
}

#[test]
fn the_minute_changes_only_what_is_urgent() {
    let later = noon() + TimeDelta::hours(5);
    let (one, other) = (told(1, 60, noon()), told(1, 60, later));
    let calm = |batch: &Batch| {
        let old = batch
            .responses
            .iter()
            .filter(|row| row.started_at < noon() - TimeDelta::days(1));
        format!(
            "{:?} {:?} {:?}",
            batch.patients,
            batch.sessions,
            old.collect::<Vec<_>>()
        )
    };
    assert_eq!(calm(&one), calm(&other));
}

#[test]
fn the_history_is_whole_by_the_houses_rules() {
    let home = Home::new();
    let invented = home.invent(300);
    println!("{invented:?}");
    let (responses, scores, summaries, flags) = home.read(|tx| {
        let responses: Vec<ResponseRow> = schema::response::table.load(&mut tx.db)?;
        let scores: Vec<ScoreRow> = schema::score::table.load(&mut tx.db)?;
        let summaries: Vec<EpisodeScaleRow> = schema::episode_scale::table.load(&mut tx.db)?;
        let flags: Vec<FlagRow> = schema::flag::table.load(&mut tx.db)?;
        Ok((responses, scores, summaries, flags))
    });
    assert_eq!(
        (responses.len(), scores.len(), flags.len()),
        (invented.responses, invented.scores, invented.flags)
    );
    scores_are_those_of_the_answers(&responses, &scores);
    flags_are_those_of_the_answers(&responses, &flags);
    summaries_are_those_of_the_scores(&responses, &scores, &summaries);
}

fn scores_are_those_of_the_answers(responses: &[ResponseRow], scores: &[ScoreRow]) {
    let mut by_response: HashMap<_, Vec<&ScoreRow>> = HashMap::new();
    scores
        .iter()
        .for_each(|row| by_response.entry(row.response_id).or_default().push(row));
    for row in responses.iter().filter(|row| row.state == "completed") {
        let instrument = Library::embedded()
            .version(&row.instrument, &row.version)
            .unwrap();
        let scored = scoring::score(
            instrument,
            &Answers::from_json(instrument, &row.answers).unwrap(),
            Person::default(),
        );
        assert_eq!(row.criteria, criteria_json(&scored));
        let stored = by_response.remove(&row.id).unwrap();
        assert_eq!(stored.len(), scored.scores.len());
        for kept in stored {
            let score = scored.score(&kept.scale).unwrap();
            assert_eq!(
                (kept.value, kept.band.as_ref()),
                (score.value, score.band.map(|band| &band.id))
            );
            assert_eq!(Some(kept.made_at), row.completed_at);
        }
    }
    assert!(
        by_response.is_empty(),
        "scores without a completed response"
    );
    assert!(
        scores
            .iter()
            .any(|row| row.value.is_none() && row.reason.is_some()),
        "nobody left an item out"
    );
}

fn flags_are_those_of_the_answers(responses: &[ResponseRow], flags: &[FlagRow]) {
    let raised: HashSet<_> = flags
        .iter()
        .map(|row| (row.response_id.unwrap(), row.rule.clone(), row.answer))
        .collect();
    let mut wanted = HashSet::new();
    for row in responses {
        let instrument = Library::embedded()
            .version(&row.instrument, &row.version)
            .unwrap();
        let answers = Answers::from_json(instrument, &row.answers).unwrap();
        let hits = rules::evaluate(instrument, &answers);
        wanted.extend(
            hits.iter()
                .map(|hit| (row.id, hit.rule.id.clone(), i32::from(hit.value))),
        );
    }
    assert_eq!(raised, wanted);
    assert!(flags.iter().all(|row| !row.answer_words.is_empty()));
}

fn summaries_are_those_of_the_scores(
    responses: &[ResponseRow],
    scores: &[ScoreRow],
    summaries: &[EpisodeScaleRow],
) {
    let episode_of: HashMap<_, _> = responses
        .iter()
        .map(|row| (row.id, row.episode_id))
        .collect();
    let mut by_course: HashMap<_, Vec<&ScoreRow>> = HashMap::new();
    for row in scores.iter().filter(|row| row.value.is_some()) {
        by_course
            .entry((
                episode_of[&row.response_id],
                row.instrument.clone(),
                row.scale.clone(),
            ))
            .or_default()
            .push(row);
    }
    assert_eq!(by_course.len(), summaries.len());
    for summary in summaries {
        let mut rows = by_course
            .remove(&(
                summary.episode_id,
                summary.instrument.clone(),
                summary.scale.clone(),
            ))
            .unwrap();
        rows.sort_by_key(|row| row.made_at);
        let mut extremes = rows.iter().map(|row| Extreme {
            value: row.value.unwrap(),
            at: row.made_at,
        });
        let mut course = Course::begin(extremes.next().unwrap());
        extremes.for_each(|extreme| course.add(extreme, Direction::HigherIsWorse, RECENT));
        assert_eq!(course_of(summary), course);
        assert_eq!(summary.last_band, rows.last().unwrap().band);
    }
}

#[test]
fn every_flag_has_a_licensed_owner_and_its_history() {
    let home = Home::new();
    home.invent(300);
    let (flags, acts, candidates) = home.read(|tx| {
        let flags: Vec<FlagRow> = schema::flag::table.load(&mut tx.db)?;
        let acts: Vec<FlagActRow> = schema::flag_act::table
            .order(schema::flag_act::id)
            .load(&mut tx.db)?;
        Ok((flags, acts, staff::candidates(tx, org())?))
    });
    let eligible: HashSet<_> = candidates
        .iter()
        .filter(|one| one.standing == Standing::Eligible)
        .map(|one| one.id)
        .collect();
    for flag in &flags {
        assert!(eligible.contains(&flag.owner_id));
        let words: Vec<&str> = acts
            .iter()
            .filter(|act| act.flag_id == flag.id)
            .map(|act| act.act.as_str())
            .collect();
        let expected: &[&str] = match flag.state.as_str() {
            "open" => &["raised"],
            "acknowledged" => &["raised", "acknowledged"],
            _ => &["raised", "acknowledged", "closed"],
        };
        assert_eq!(words, expected);
        assert!(
            flag.due_at.is_none_or(|at| at > noon()),
            "an overdue flag at the start"
        );
    }
    assert!(
        acts.iter().all(|act| act.at < noon()
            && (act.act == "raised" || eligible.contains(&act.staff_id.unwrap())))
    );
    assert!(flags.iter().filter(|flag| flag.state == "closed").count() > 100);
}

#[test]
fn one_alarming_answer_waits_and_its_notice_is_queued() {
    let home = Home::new();
    let invented = home.invent(300);
    assert_eq!((invented.open_flags, invented.acknowledged_flags), (1, 2));
    let (open, queued) = home.read(|tx| {
        let open: FlagRow = schema::flag::table
            .filter(schema::flag::state.eq("open"))
            .first(&mut tx.db)?;
        let queued: Vec<OutboxRow> = schema::outbox::table
            .filter(schema::outbox::state.eq("queued"))
            .load(&mut tx.db)?;
        Ok((open, queued))
    });
    assert_eq!(
        (open.tier.as_str(), open.raised_at),
        ("crisis", noon() - TimeDelta::minutes(10))
    );
    let [notice] = &queued[..] else {
        panic!("{} notices are queued", queued.len())
    };
    assert_eq!(notice.subject_id, open.id.bytes());
    assert_eq!(notice.recipient_id, open.owner_id.bytes());
}

#[test]
fn the_audit_is_sealed_as_if_it_had_happened() {
    let home = Home::new();
    let invented = home.invent(120);
    let sealed = seal_audit(&home.app, noon()).unwrap();
    let check = home.read(|tx| seal::check(tx, org()));
    assert_eq!((check.events, sealed), (invented.events, invented.events));
    assert!(check.edited.is_empty() && check.broken_seals.is_empty());
    let (sent, completed) = home.read(|tx| {
        use schema::{administration, audit_event};
        let sent: i64 = audit_event::table
            .filter(audit_event::act.eq("answers_sent"))
            .count()
            .get_result(&mut tx.db)?;
        let completed: i64 = administration::table
            .filter(administration::state.eq("completed"))
            .count()
            .get_result(&mut tx.db)?;
        Ok((sent, completed))
    });
    assert_eq!(sent, completed);
}

#[test]
fn a_second_invention_is_refused_and_says_why() {
    let home = Home::new();
    home.invent(5);
    let again = invent(
        &home.app,
        Wanted {
            patients: 5,
            now: noon(),
            seed: 2,
            password: None,
        },
        &mut |_| (),
    );
    assert!(again.unwrap_err().to_string().contains("not empty"));
}

#[test]
fn all_kinds_of_course_occur_and_every_occasion_makes_sense() {
    let batch = told(1, 300, noon());
    let endings: BTreeSet<_> = batch
        .episodes
        .iter()
        .map(|row| row.ending.clone().unwrap_or_default())
        .collect();
    assert_eq!(
        endings.into_iter().collect::<Vec<_>>(),
        ["", "planned", "transferred", "unplanned"]
    );
    let states: BTreeSet<_> = batch
        .administrations
        .iter()
        .map(|row| row.state.as_str())
        .collect();
    assert!(
        ["completed", "not_seen", "sent", "opened"]
            .iter()
            .all(|state| states.contains(state)),
        "{states:?}"
    );
    let parameters = Library::embedded().get("phq9").unwrap().scales[0]
        .change
        .as_ref()
        .unwrap();
    let mut verdicts: HashMap<Verdict, usize> = HashMap::new();
    for row in batch
        .summaries
        .iter()
        .filter(|row| row.instrument == "phq9" && row.n > 3)
    {
        *verdicts
            .entry(change::judge(parameters, row.first_value, row.last_value).verdict)
            .or_default() += 1;
    }
    println!("{verdicts:?}");
    assert!(verdicts[&Verdict::ReliablyImproved] > 40);
    assert!(verdicts[&Verdict::ReliablyDeteriorated] > 3);
    assert!(verdicts[&Verdict::NoReliableChange] > 20);
    batch.administrations.iter().for_each(check_occasion);
    check_links(&batch);
    check_sessions(&batch.episodes, &batch.sessions);
}

fn check_occasion(row: &AdministrationRow) {
    let open = ["planned", "sent", "opened"].contains(&row.state.as_str());
    assert_eq!(open, row.ended_at.is_none());
    assert!(
        row.ended_at
            .is_none_or(|at| at >= row.due_at && at < noon()),
        "{row:?}"
    );
    assert!(row.due_at < noon());
    if row.state == "completed" {
        assert!(
            row.ended_at <= Some(row.expires_at)
                && row.opened_at >= Some(row.due_at)
                && row.opened_at <= row.ended_at
        );
    }
}

fn check_links(batch: &Batch) {
    let open: HashSet<_> = batch
        .administrations
        .iter()
        .filter(|row| row.ended_at.is_none())
        .map(|row| row.id)
        .collect();
    let linked: HashSet<_> = batch
        .links
        .iter()
        .map(|row| row.administration_id)
        .collect();
    assert!(!open.is_empty());
    assert_eq!(open, linked);
}

fn check_sessions(episodes: &[EpisodeRow], sessions: &[SessionRow]) {
    let dawn = noon().date().and_time(chrono::NaiveTime::MIN);
    for row in sessions {
        assert!(
            (row.state == "planned") == (row.starts_at >= dawn) || row.state == "cancelled",
            "{row:?}"
        );
    }
    let states: BTreeSet<_> = sessions.iter().map(|row| row.state.as_str()).collect();
    assert_eq!(
        states.into_iter().collect::<Vec<_>>(),
        ["attended", "cancelled", "missed", "planned"]
    );
    assert!(episodes.iter().all(|row| {
        row.ended_on
            .is_none_or(|day| day >= row.started_on && day < noon().date())
    }));
}

#[test]
fn a_hundred_times_as_many_patients_leave_as_few_flags_open() {
    let batch = told(1, 4_000, noon());
    let with = |state: &str| batch.flags.iter().filter(|row| row.state == state).count();
    assert_eq!((with("open"), with("acknowledged")), (1, 2));
    assert!(with("closed") > 1_000);
}

#[test]
fn one_patient_is_enough_for_a_history() {
    let home = Home::new();
    let invented = home.invent(1);
    assert_eq!((invented.patients, invented.open_flags), (1, 1));
    let roles: BTreeSet<Role> = invented.sign_ins.iter().map(|(role, _)| *role).collect();
    assert_eq!(roles.len(), Role::ALL.len());
}

#[test]
fn verify_finds_nothing_broken() {
    let home = Home::new();
    let invented = home.invent(300);
    let found = verify(&home.app).unwrap();
    assert!(found.broken.is_empty(), "{:?}", found.broken);
    assert_eq!(
        (found.counts["scores"], found.counts["flags"]),
        (invented.scores, invented.flags)
    );
    assert_eq!(
        (found.counts["notices"], found.counts["flags_waiting"]),
        (invented.flags, 3)
    );
}

#[test]
fn those_who_answer_last_raise_signals_as_anybody_would() {
    let home = Home::new();
    home.invent(300);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    assert_eq!(runtime.block_on(arrive(&home.app)).unwrap(), 8);
    let found = verify(&home.app).unwrap();
    assert!(found.broken.is_empty(), "{:?}", found.broken);
    assert_eq!(found.counts["flags_waiting"], 3, "no further flag");
    let operator = Actor::Operator { org: org() };
    let permit = decide(&operator, Action::Administer, Subject::Organisation).unwrap();
    let waiting = home.read(move |tx| signal::waiting(tx, &permit));
    for kind in [SignalKind::Deteriorated, SignalKind::NotOnTrack] {
        let of_kind = waiting
            .iter()
            .filter(|found| found.signal.kind == kind.word());
        assert!(of_kind.count() >= 2, "{kind:?}");
    }
}

#[test]
fn a_password_given_is_everybodys() {
    let home = Home::new();
    let password = Some("open sesame, all of you".to_owned());
    invent(
        &home.app,
        Wanted {
            patients: 1,
            now: noon(),
            seed: 1,
            password,
        },
        &mut |_| (),
    )
    .unwrap();
    let hashes = home.read(|tx| {
        Ok(staff::all(tx, org())?
            .into_iter()
            .map(|row| row.password_hash)
            .collect::<HashSet<_>>())
    });
    assert_eq!(hashes.len(), 1);
    assert!(
        hashes
            .into_iter()
            .flatten()
            .all(|hash| hash.starts_with("$argon2id$"))
    );
}

/// Not a test of right and wrong: prints how fast a history is written. `cargo test --release --lib demo -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn scores_a_second() {
    let patients = std::env::var("ATTUNE_DEMO_PATIENTS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(10_000);
    let home = Home::new();
    let begun = std::time::Instant::now();
    let told_in = {
        let batch = told(1, 2_000.min(patients), noon());
        (batch.scores.len(), begun.elapsed())
    };
    println!(
        "telling alone: {:.0} scores a second",
        told_in.0 as f64 / told_in.1.as_secs_f64()
    );
    let begun = std::time::Instant::now();
    let invented = home.invent(patients);
    let seconds = begun.elapsed().as_secs_f64();
    println!("{invented:?}");
    println!(
        "{patients} patients, {} scores in {seconds:.1} s: {:.0} scores a second",
        invented.scores,
        invented.scores as f64 / seconds
    );
    assert_eq!(invented.patients, patients);
}
