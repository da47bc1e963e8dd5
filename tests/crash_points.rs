//! A crash at every write of the way answer → flag → notice → acknowledge → close: the built program dies as it is about to make its k-th system call that
//! writes to a file or a socket (`support/kill`), is started again, and nothing that somebody was told is lost, nothing is there twice.
//!
//! At every second point (with `all` at each) the power goes too: what was written to SQLite's files and not flushed is taken back before the restart. What a
//! database server keeps through a loss of power is its own affair.
//!
//! A run takes a sample whose seed is printed (`ATTUNE_TEST_SEED=7` replays it); `ATTUNE_TEST_CRASH_POINTS=all` takes every point, `=17,40` these two.

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::operator::{Office, PASSWORD};
use crate::patient::sheet;
use crate::support::database::{Engine, engine};
use crate::support::http::{Client, Response};
use crate::support::kill::{Order, Switch};
use crate::support::page::{self, Form};
use crate::support::process::{PATIENCE, Service, Site};
use crate::support::smtp::SmtpSink;

/// Points of a usual run.
const SAMPLE: u64 = 10;
/// Points that are tried at the same time: most of each is waiting.
const AT_ONCE: usize = 4;
/// Item 9 is the ninth.
const CRISIS: [&str; 10] = ["1", "2", "3", "0", "1", "2", "3", "1", "2", "1"];

// --- the acts, as a browser does them ---------------------------------------------------------------------------------

/// The address of the one flag, if there is one.
fn flag_in_queue(therapist: &mut Client) -> io::Result<Option<String>> {
    let queue = therapist.get("/queue")?;
    assert_eq!(queue.status, 200, "{}", queue.text());
    let mut flags: Vec<String> = page::links(&queue.text())
        .into_iter()
        .filter_map(|link| {
            let (id, _) = link.strip_prefix("/flags/")?.split_at_checked(32)?;
            Some(format!("/flags/{id}"))
        })
        .collect();
    flags.sort();
    flags.dedup();
    assert!(flags.len() <= 1, "one answer, one flag: {flags:?}");
    Ok(flags.pop())
}

pub fn acknowledge_form(flag_page: &Response) -> Option<Form> {
    page::form_to(&flag_page.text(), "/acknowledge")
}

pub fn close_form(flag_page: &Response) -> Option<Form> {
    page::form_to(&flag_page.text(), "/close")
}

/// A whole assessment, in whatever of these the page asks for.
pub fn assessed(form: &Form) -> Vec<(String, String)> {
    let next_check = chrono::Utc::now().date_naive() + chrono::TimeDelta::days(2);
    let next_check = next_check.to_string();
    let words = "Called at once, safe tonight, seen tomorrow.";
    let said = [
        ("asked", "ideation"),
        ("level", "low"),
        ("assessment", words),
        ("plan", words),
        ("contact", "by_phone"),
        ("next_check_on", next_check.as_str()),
        ("choice", "talked_about_it"),
    ];
    let asked_for = |(name, _): &(&str, &str)| form.fields.iter().any(|field| field.name == *name);
    let said: Vec<(&str, &str)> = said.into_iter().filter(asked_for).collect();
    form.with(&said)
}

// --- the way ----------------------------------------------------------------------------------------------------------

/// A service's data in the moment before the first answer, to be copied.
struct Prepared {
    office: Office,
    link: String,
    session: String,
    switch: Switch,
}

/// What the people on the way were told was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Told {
    saved: bool,
    handed_in: bool,
    acknowledged: bool,
    closed: bool,
}

/// The patient and the therapist on their way, across restarts.
struct Way<'a> {
    prepared: &'a Prepared,
    site: Site,
    sink: SmtpSink,
    told: Told,
}

impl Prepared {
    fn new() -> Prepared {
        let sink = SmtpSink::start();
        let mut office = Office::open_with(&[("ATTUNE_SMTP_URL", &sink.url())]);
        let link = office.links("phq9", 1).remove(0);
        let mut therapist = office.client();
        let fields = [("email", "lee@staff.example.org"), ("password", PASSWORD)];
        let answer = therapist.post_form("/sign-in", &fields);
        assert_eq!(answer.expect("the site answers").status, 303);
        let session = therapist.cookie("attune").expect("signed in").to_owned();
        // The set-up mails are no part of the way.
        let queued = "SELECT COUNT(*) AS value FROM outbox WHERE state = 'queued'";
        let began = Instant::now();
        loop {
            office.stop(PATIENCE);
            if office.site.database.number(queued) == 0 {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "the set-up mails leave");
            office.start();
            std::thread::sleep(Duration::from_millis(1_200));
        }
        let switch = Switch::compiled_in(&office.site.folder);
        Prepared {
            office,
            link,
            session,
            switch,
        }
    }

    fn way(&self) -> Way<'_> {
        let (mut site, sink) = (self.office.site.copy(), SmtpSink::start());
        site.set("ATTUNE_SMTP_URL", &sink.url());
        Way {
            prepared: self,
            site,
            sink,
            told: Told::default(),
        }
    }
}

impl Way<'_> {
    fn patient(&self) -> Client {
        Client::new(self.site.address())
    }

    fn therapist(&self) -> Client {
        let mut client = self.patient();
        client.set_cookie("attune", &self.prepared.session);
        client
    }

    /// Goes on from wherever the data says it stands, to the end; fails when the service is gone.
    fn go_on(&mut self, service: &mut Service) -> io::Result<()> {
        self.answer()?;
        self.wait_for_notice(service)?;
        let mut therapist = self.therapist();
        let flag = flag_in_queue(&mut therapist)?.expect("the answer has its flag");
        if let Some(form) = acknowledge_form(&therapist.get(&flag)?) {
            assert!(!self.told.acknowledged, "the acknowledgement was lost");
            let done = therapist.post_form(&format!("{flag}/acknowledge"), &form.untouched())?;
            assert_eq!(done.status, 303, "{}", done.text());
            self.told.acknowledged = true;
        }
        let page = therapist.get(&flag)?;
        assert!(acknowledge_form(&page).is_none(), "{}", page.text());
        if let Some(form) = close_form(&page) {
            assert!(!self.told.closed, "the closing was lost");
            let done = therapist.post_form(&format!("{flag}/close"), &assessed(&form))?;
            assert_eq!(done.status, 303, "{}", done.text());
            self.told.closed = true;
        }
        let page = therapist.get(&flag)?;
        assert!(close_form(&page).is_none(), "{}", page.text());
        Ok(())
    }

    fn answer(&mut self) -> io::Result<()> {
        let (mut patient, link) = (self.patient(), &self.prepared.link);
        let end = patient.get(&format!("{link}/end"))?;
        if end.status == 200 && end.text().contains("Your answers are in") {
            return Ok(());
        }
        assert!(!self.told.handed_in, "what was handed in was lost");
        let saved = patient.post_form(&format!("{link}/q/9"), &[("answer", "2")])?;
        assert_eq!(saved.status, 303, "{}", saved.text());
        self.told.saved = true;
        patient.post_form(link, &[("layout", "list")])?;
        let sent = patient.post_form(&format!("{link}/list/1"), &sheet(&CRISIS))?;
        assert_eq!(sent.status, 303, "{}", sent.text());
        self.told.handed_in = true;
        Ok(())
    }

    fn wait_for_notice(&self, service: &mut Service) -> io::Result<()> {
        let began = Instant::now();
        while self.sink.mails().is_empty() {
            if service.exited().is_some() {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            assert!(began.elapsed() < PATIENCE, "no notice came");
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// What was said to be done is there right after the restart, before anybody goes on.
    fn nothing_is_lost(&self) {
        let verified: serde_json::Value =
            serde_json::from_str(&self.site.must_run(&["verify"])).expect("verify prints JSON");
        let counts = &verified["counts"];
        if self.told.saved {
            assert_eq!(
                (&counts["responses"], &counts["flags"]),
                (&1.into(), &1.into()),
                "{counts}"
            );
        }
        if self.told.closed {
            assert_eq!(counts["flags_waiting"], 0, "{counts}");
        }
        if self.told.acknowledged {
            let mut therapist = self.therapist();
            let flag = flag_in_queue(&mut therapist).expect("the site answers");
            let page = therapist
                .get(&flag.expect("a flag"))
                .expect("the site answers");
            assert!(acknowledge_form(&page).is_none(), "{}", page.text());
        }
    }

    /// At the end each thing was done once.
    fn all_is_there_once(&self) {
        self.site.must_run(&["verify"]);
        let acts = |act| format!("flag_act WHERE act = '{act}'");
        let audited = |act| format!("audit_event WHERE act = '{act}'");
        for (rows, what) in [
            (1, "response".to_owned()),
            (1, "response WHERE state = 'completed'".to_owned()),
            (1, "flag".to_owned()),
            (1, "flag WHERE state = 'closed'".to_owned()),
            (1, acts("raised")),
            (1, acts("acknowledged")),
            (1, acts("closed")),
            (1, audited("answers_sent")),
            (1, audited("acknowledge_flag")),
            (1, audited("close_flag")),
            (1, "outbox WHERE kind = 'flag_notice'".to_owned()),
        ] {
            let query = format!("SELECT COUNT(*) AS value FROM {what}");
            assert_eq!(self.site.database.number(&query), rows, "{what}");
        }
        // Taken by the relay, or, when the flag was closed before the relay was asked once more, no longer wanted.
        let taken = "SELECT COUNT(*) AS value FROM outbox WHERE kind = 'flag_notice' AND state IN ('accepted', 'withdrawn')";
        assert_eq!(self.site.database.number(taken), 1);
        let mails = self.sink.mails();
        assert!(!mails.is_empty());
        for mail in &mails {
            assert_eq!(mail.header("message-id"), mails[0].header("message-id"));
        }
    }

    /// Other nodes may live on the same server, so a lease has to run out there, which takes five minutes.
    fn let_leases_run_out(&self) {
        if engine() == Engine::Postgres {
            self.site.database.run_on_postgres(
                "UPDATE outbox SET lease_until = lease_until - INTERVAL '1 hour' WHERE lease_until IS NOT NULL",
            );
        }
    }
}

// --- the points -------------------------------------------------------------------------------------------------------

/// What came of one point.
struct Ending {
    /// The call that was not made; `None`: the way was over before it came to that.
    died_at: Option<String>,
    /// The calls until the flag was closed, and with the end of the service.
    calls_on_the_way: u64,
    calls: u64,
    told: Told,
    /// The writes that went with the power.
    lost: usize,
}

/// Where and how it dies.
#[derive(Debug, Clone, Copy)]
struct Point {
    /// The fatal call after the service is ready, from 1; 0: none.
    k: u64,
    /// The fatal call after the next start too.
    again: Option<u64>,
    power: Power,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Power {
    Stays,
    Goes,
}

impl Point {
    fn kill(k: u64) -> Point {
        let (again, power) = (None, Power::Stays);
        Point { k, again, power }
    }

    fn power_cut(k: u64) -> Point {
        let power = Power::Goes;
        Point {
            power,
            ..Point::kill(k)
        }
    }

    fn alternating(k: u64) -> Point {
        match k % 2 {
            0 => Point::kill(k),
            _ => Point::power_cut(k),
        }
    }

    fn again(self, j: u64) -> Point {
        let again = Some(j);
        Point { again, ..self }
    }
}

/// One way with a crash.
fn one(prepared: &Prepared, point: Point) -> Ending {
    let Point { k, again, power } = point;
    let mut way = prepared.way();
    let order = prepared.switch.order(&way.site.folder);
    order.given_to(&mut way.site);
    let mut service = way.site.serve();
    order.begin(k);
    let went = way.go_on(&mut service);
    let (calls_on_the_way, told) = (order.count(), way.told);
    let (mut died_at, mut lost) = (None, 0);
    if let Err(error) = went {
        died_at = Some(died(&mut service, &order, &error));
        lost += cut(power, &order, &way.site);
        if let Some(j) = again {
            order.begin(j);
            let mut service = way.site.start(&["serve"]);
            service.wait_for_exit(PATIENCE);
            assert!(!order.what().is_empty(), "{}", service.log());
            lost += cut(power, &order, &way.site);
        }
        Order::taken_from(&mut way.site);
        way.let_leases_run_out();
        service = way.site.serve();
        way.nothing_is_lost();
        way.go_on(&mut service)
            .unwrap_or_else(|error| panic!("after the crash: {error}\n{}", service.log()));
    }
    let (status, log) = service.stop(PATIENCE);
    let calls = order.count();
    if !status.success() {
        // It came to that call while it ended.
        assert!(died_at.is_none() && !order.what().is_empty(), "{log}");
        died_at = Some(format!("{} at the end", order.what()));
        lost += cut(power, &order, &way.site);
        Order::taken_from(&mut way.site);
        way.let_leases_run_out();
        let service = way.site.serve();
        way.nothing_is_lost();
        let (status, log) = service.stop(PATIENCE);
        assert!(status.success(), "{status}\n{log}");
    }
    Order::taken_from(&mut way.site);
    way.all_is_there_once();
    Ending {
        died_at,
        calls_on_the_way,
        calls,
        told,
        lost,
    }
}

/// How many writes went with the power.
fn cut(power: Power, order: &Order, site: &Site) -> usize {
    match power {
        Power::Goes if engine() == Engine::Sqlite => order.lose_power(site.folder.path()),
        Power::Goes | Power::Stays => 0,
    }
}

/// The call at which it died; anything else that keeps it from answering is a failure.
fn died(service: &mut Service, order: &Order, error: &io::Error) -> String {
    let began = Instant::now();
    while service.exited().is_none() {
        assert!(
            began.elapsed() < PATIENCE,
            "it lives and does not answer: {error}\n{}",
            service.log()
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    let what = order.what();
    assert!(
        !what.is_empty(),
        "it ended by itself: {error}\n{}",
        service.log()
    );
    what
}

/// Names the point when a check fails.
struct Name(Point);

impl Drop for Name {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{:?}; again: ATTUNE_TEST_CRASH_POINTS={}", self.0, self.0.k);
        }
    }
}

enum Which {
    All,
    Sample,
    These(Vec<u64>),
}

fn which() -> Which {
    match std::env::var("ATTUNE_TEST_CRASH_POINTS") {
        Err(_) => Which::Sample,
        Ok(all) if all == "all" => Which::All,
        Ok(these) => {
            let numbers = these.split(',').map(|number| number.trim().parse());
            let numbers: Result<_, _> = numbers.collect();
            Which::These(numbers.expect("ATTUNE_TEST_CRASH_POINTS: all, or numbers by commas"))
        }
    }
}

fn seed() -> u64 {
    let given = std::env::var("ATTUNE_TEST_SEED").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or_else(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        u64::from(since.expect("it is after 1970").subsec_nanos())
    })
}

/// As many points as wanted, evenly over all of them from a place that the seed gives.
fn sample(calls: u64, wanted: u64, seed: u64) -> Vec<u64> {
    let step = (calls / wanted).max(1);
    (1 + seed % step..=calls)
        .step_by(usize::try_from(step).expect("small"))
        .collect()
}

#[test]
fn a_crash_at_any_write_between_the_answer_and_the_closing_loses_and_doubles_nothing() {
    let prepared = Prepared::new();
    let calm = one(&prepared, Point::kill(0));
    let calls = calm.calls;
    assert!(
        calls > 50 && calm.told.closed && calm.told.handed_in,
        "only {calls} calls were counted: was at.so loaded?"
    );
    let seed = seed();
    // The loops write on their own time, so that one way has some calls more than another: all means until it is over.
    let points: Vec<Point> = match which() {
        Which::All => {
            let every = 1..=calls + calls / 10;
            let twice = (1..=16).map(|j| (1 + (seed + j * 37) % calm.calls_on_the_way, j));
            let twice = twice.map(|(k, j)| Point::alternating(k).again(j));
            let cuts = every.clone().map(Point::power_cut);
            every.map(Point::kill).chain(cuts).chain(twice).collect()
        }
        Which::Sample => {
            let twice = sample(calm.calls_on_the_way, 3, seed)
                .into_iter()
                .zip([1, 2, 4]);
            let twice = twice.map(|(k, j)| Point::alternating(k).again(j));
            let once = sample(calls, SAMPLE, seed).into_iter();
            once.map(Point::alternating).chain(twice).collect()
        }
        Which::These(numbers) => {
            let both = |k| [Point::kill(k), Point::power_cut(k)];
            numbers.into_iter().flat_map(both).collect()
        }
    };
    let (tried, began) = (points.len(), Instant::now());
    let (waiting, endings) = (Mutex::new(points.into_iter()), Mutex::new(vec![]));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().expect("no other point failed").next();
                    let Some(point) = next else { return };
                    let _name = Name(point);
                    let ending = one(&prepared, point);
                    endings.lock().expect("no other point failed").push(ending);
                }
            });
        }
    });
    let endings = endings.into_inner().expect("no point failed");
    let mut at: BTreeMap<String, usize> = BTreeMap::new();
    for ending in &endings {
        let over = "it had ended".to_owned();
        *at.entry(ending.died_at.clone().unwrap_or(over))
            .or_default() += 1;
    }
    eprintln!(
        "{} calls on the way, {calls} with the end; {tried} points tried, seed {seed}, {} unflushed writes lost with the power, {:?}: {at:#?}",
        calm.calls_on_the_way,
        endings.iter().map(|ending| ending.lost).sum::<usize>(),
        began.elapsed()
    );
    let crashed = endings.iter().filter(|ending| ending.died_at.is_some());
    assert!(
        matches!(which(), Which::These(_)) || crashed.count() * 10 > tried * 6,
        "most points are reached"
    );
}
