//! Patients at work: opens links, fills in the form in the compact layout and sends it, over kept connections, and says how
//! many submissions a second that made and how long each took. `scripts/bench` runs it; it can be run by hand too.
//!
//! A *submission* is: GET the link, POST start, GET the form, POST all answers, up to the moment at which the service says that they are stored (it leads
//! on to the end page or the support page). Each link is used once. Every page is checked; anything unexpected is a failure and is shown. Standard library only, one thread a connection.
//!
//!     cargo run --release --example load -- --links links.txt --connections 16 --seconds 10

#[path = "../tests/support/http.rs"]
#[allow(
    dead_code,
    reason = "the load needs less of the client than the tests do"
)]
mod http;
#[path = "../tests/support/page.rs"]
#[allow(
    dead_code,
    reason = "the load needs less of the page reader than the tests do"
)]
mod page;
#[path = "../tests/support/patient.rs"]
#[allow(dead_code, reason = "the load does not ask what survived")]
mod patient;

use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::path_of;
use patient::{Patient, RiskItem};

fn main() -> ExitCode {
    let options = match Options::from_arguments(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let report = run(&options);
    println!("{}", report.line());
    for failure in &report.failures {
        eprintln!("failed: {failure}");
    }
    if report.failed == 0 && !report.durations.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

const USAGE: &str =
    "usage: load --links FILE [--connections N] [--seconds S] [--skip N] [--most N] [--flag-every N]
  --links FILE      one link a line, all of one site; each is used once
  --connections N   patients at a time (16)
  --seconds S       stop after this long (10); ends earlier when the links are used up
  --skip N          leave out the first N links, used by an earlier run (0)
  --most N          use no more than N links (all)
  --flag-every N    every Nth patient answers item 9 above zero (50); 0: none";

struct Options {
    address: SocketAddr,
    links: Vec<String>,
    connections: usize,
    seconds: f64,
    skip: usize,
    most: usize,
    flag_every: usize,
}

impl Options {
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut file, mut connections, mut seconds) = (None, 16, 10.0);
        let (mut skip, mut most, mut flag_every) = (0, usize::MAX, 50);
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or(format!("{name} wants a value"))?;
            match name.as_str() {
                "--links" => file = Some(value),
                "--connections" => connections = number(&name, &value)?,
                "--seconds" => seconds = number(&name, &value)?,
                "--skip" => skip = number(&name, &value)?,
                "--most" => most = number(&name, &value)?,
                "--flag-every" => flag_every = number(&name, &value)?,
                _ => return Err(format!("{name} is not known")),
            }
        }
        let file = file.ok_or("--links is missing")?;
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
        let links: Vec<String> = text.lines().map(str::to_owned).collect();
        let first = links.first().ok_or(format!("{file} holds no link"))?;
        Ok(Self {
            address: address_of(first)?,
            links: shuffled(links.iter().map(|link| path_of(link).to_owned()).collect()),
            connections,
            seconds,
            skip,
            most,
            flag_every,
        })
    }
}

fn number<N: std::str::FromStr>(name: &str, value: &str) -> Result<N, String> {
    value
        .parse()
        .map_err(|_| format!("{name}: {value:?} is not a number"))
}

fn address_of(link: &str) -> Result<SocketAddr, String> {
    let host = link
        .strip_prefix("http://")
        .and_then(|rest| rest.split('/').next())
        .ok_or(format!("{link:?} is no http:// link"))?;
    let address = host
        .to_socket_addrs()
        .ok()
        .and_then(|mut found| found.next());
    address
        .filter(|address| address.ip().is_loopback())
        .ok_or(format!("{host} is not on this machine"))
}

/// The same order on every run, in which one patient's links do not stand side by side.
fn shuffled(mut links: Vec<String>) -> Vec<String> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for last in (1..links.len()).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let other = ((state >> 33) as usize) % (last + 1);
        links.swap(last, other);
    }
    links
}

#[derive(Default)]
struct Report {
    seconds: f64,
    durations: Vec<Duration>,
    flagged: usize,
    failed: usize,
    /// The first few.
    failures: Vec<String>,
}

impl Report {
    fn line(&self) -> String {
        format!(
            "submissions={} seconds={:.2} per_second={:.0} p50_ms={:.3} p99_ms={:.3} max_ms={:.1} flagged={} failed={}",
            self.durations.len(),
            self.seconds,
            self.durations.len() as f64 / self.seconds,
            self.percentile(50),
            self.percentile(99),
            self.percentile(100),
            self.flagged,
            self.failed,
        )
    }

    /// In milliseconds; `durations` are sorted.
    fn percentile(&self, percent: usize) -> f64 {
        let at = (self.durations.len() * percent / 100).min(self.durations.len().max(1) - 1);
        self.durations
            .get(at)
            .map_or(0.0, |duration| duration.as_secs_f64() * 1e3)
    }

    fn add(&mut self, other: Self) {
        self.durations.extend(other.durations);
        self.flagged += other.flagged;
        self.failed += other.failed;
        self.failures.extend(other.failures);
        self.failures.truncate(5);
    }
}

fn run(options: &Options) -> Report {
    let next = AtomicUsize::new(options.skip);
    let total = Mutex::new(Report::default());
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..options.connections {
            scope.spawn(|| {
                let part = one_connection(options, &next, began);
                total.lock().expect("no patient has panicked").add(part);
            });
        }
    });
    let mut report = total.into_inner().expect("no patient has panicked");
    report.seconds = began.elapsed().as_secs_f64();
    report.durations.sort_unstable();
    report
}

fn one_connection(options: &Options, next: &AtomicUsize, began: Instant) -> Report {
    let until = Duration::from_secs_f64(options.seconds);
    let end = options.skip.saturating_add(options.most);
    let mut patient = Patient::new(options.address);
    let mut report = Report::default();
    // A broken service is not worth a hundred thousand failures.
    while began.elapsed() < until && report.failed < 20 {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Some(link) = options.links.get(number).filter(|_| number < end) else {
            break;
        };
        let risk = if options.flag_every > 0 && number.is_multiple_of(options.flag_every) {
            RiskItem::AboveZero
        } else {
            RiskItem::Zero
        };
        let started = Instant::now();
        match patient.is_acknowledged(link, number, risk) {
            Ok(()) => {
                report.durations.push(started.elapsed());
                report.flagged += usize::from(risk == RiskItem::AboveZero);
            }
            Err(problem) => {
                report.failed += 1;
                report.failures.push(problem);
                patient = Patient::new(options.address);
            }
        }
    }
    report
}
