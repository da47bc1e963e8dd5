//! Patients at work: opens links, fills in the form in the compact layout and sends it, over kept connections, and says how
//! many submissions a second that made and how long each took. `scripts/bench` runs it; it can be run by hand too.
//!
//! A *submission* is: GET the link, POST start, GET the form, POST all answers, up to the moment at which the service says that they are stored (it leads
//! on to the end page or the support page). Each link is used once. Every page is checked; anything unexpected is a failure and is shown. One thread serves all
//! connections: a thread for each would have the service pay for waking it at every answer.
//!
//!     cargo run --release --example load -- --links links.txt --connections 16 --seconds 10

#[path = "../tests/support/http.rs"]
#[allow(dead_code, reason = "the load has a client of its own")]
mod http;
#[path = "../tests/support/page.rs"]
#[allow(
    dead_code,
    reason = "the load needs less of the page reader than the tests do"
)]
mod page;
#[path = "../tests/support/patient.rs"]
#[allow(
    dead_code,
    reason = "the load takes the form's answers from it and no more"
)]
mod patient;

use std::cell::{Cell, RefCell};
use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use http::{form_encoded, path_of};
use patient::{KnownForm, RiskItem, action_before, excerpt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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
    let next = Rc::new(Cell::new(options.skip));
    let total = Rc::new(RefCell::new(Report::default()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .expect("a runtime");
    let began = Instant::now();
    let all = tokio::task::LocalSet::new();
    let options = Rc::new(Options {
        links: options.links.clone(),
        ..*options
    });
    for _ in 0..options.connections {
        let (options, next, total) = (Rc::clone(&options), Rc::clone(&next), Rc::clone(&total));
        all.spawn_local(async move {
            let part = one_connection(&options, &next, began).await;
            total.borrow_mut().add(part);
        });
    }
    runtime.block_on(all);
    let mut report = total.take();
    report.seconds = began.elapsed().as_secs_f64();
    report.durations.sort_unstable();
    report
}

async fn one_connection(options: &Options, next: &Cell<usize>, began: Instant) -> Report {
    let until = Duration::from_secs_f64(options.seconds);
    let end = options.skip.saturating_add(options.most);
    let mut browser = Browser::new(options.address);
    let mut form = None;
    let mut report = Report::default();
    // A broken service is not worth a hundred thousand failures.
    while began.elapsed() < until && report.failed < 20 {
        let number = next.replace(next.get() + 1);
        let Some(link) = options.links.get(number).filter(|_| number < end) else {
            break;
        };
        let risk = if options.flag_every > 0 && number.is_multiple_of(options.flag_every) {
            RiskItem::AboveZero
        } else {
            RiskItem::Zero
        };
        let started = Instant::now();
        match submit(&mut browser, &mut form, link, number, risk).await {
            Ok(()) => {
                report.durations.push(started.elapsed());
                report.flagged += usize::from(risk == RiskItem::AboveZero);
            }
            Err(problem) => {
                report.failed += 1;
                report.failures.push(format!("{link}: {problem}"));
                browser = Browser::new(options.address);
            }
        }
    }
    report
}

/// Opens a link, starts, answers everything and sends; done when the service says that the answers are stored.
async fn submit(
    browser: &mut Browser,
    form: &mut Option<KnownForm>,
    link: &str,
    number: usize,
    risk: RiskItem,
) -> Result<(), String> {
    let page = browser.get(link).await?;
    let start = action_before(page, "name=\"layout\"", link)?;
    let list = browser.post(&start, &[("layout", "list")]).await?;
    let page = browser.get(&list).await?;
    let send = action_before(page, "type=\"radio\"", link)?;
    let answers = KnownForm::of(form, page)?.answers(number, risk)?;
    let wanted = match risk {
        RiskItem::Zero => "/end",
        RiskItem::AboveZero => "/support?then=end",
    };
    match browser.post(&send, &answers).await? {
        place if place.ends_with(wanted) => Ok(()),
        place => Err(format!("led to {place} instead of {wanted}")),
    }
}

/// What a patient's browser does here: asks on one kept connection and keeps no cookie, for no page of these sets one.
struct Browser {
    address: SocketAddr,
    stream: Option<TcpStream>,
    /// The answer being read, head and body.
    answer: Vec<u8>,
}

/// Where the parts of an answer stand.
struct Head {
    status: u16,
    location: Option<String>,
    body_from: usize,
    body_bytes: usize,
}

impl Browser {
    fn new(address: SocketAddr) -> Self {
        Self {
            address,
            stream: None,
            answer: vec![],
        }
    }

    /// A page.
    async fn get(&mut self, path: &str) -> Result<&str, String> {
        let host = self.address;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nSec-Fetch-Site: none\r\n\r\n");
        let head = self.ask(&request).await?;
        let page = self.answer.get(head.body_from..).unwrap_or_default();
        let page = std::str::from_utf8(page).map_err(|error| error.to_string())?;
        match head.status {
            200 => Ok(page),
            status => Err(format!("GET {path}: {status}: {}", excerpt(page))),
        }
    }

    /// Where sending a form leads.
    async fn post<T: AsRef<str>>(
        &mut self,
        path: &str,
        fields: &[(T, T)],
    ) -> Result<String, String> {
        let (host, body) = (self.address, form_encoded(fields));
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\nOrigin: http://{host}\r\nSec-Fetch-Site: same-origin\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let head = self.ask(&request).await?;
        match (head.status, head.location) {
            (303, Some(place)) => Ok(path_of(&place).to_owned()),
            (status, _) => Err(format!("POST {path}: {status} instead of 303")),
        }
    }

    async fn ask(&mut self, request: &str) -> Result<Head, String> {
        self.exchange(request)
            .await
            .map_err(|error| error.to_string())
    }

    async fn exchange(&mut self, request: &str) -> std::io::Result<Head> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let stream = TcpStream::connect(self.address).await?;
                stream.set_nodelay(true)?;
                none.insert(stream)
            }
        };
        stream.write_all(request.as_bytes()).await?;
        self.answer.clear();
        loop {
            if stream.read_buf(&mut self.answer).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(head) = read_head(&self.answer)
                && self.answer.len() >= head.body_from + head.body_bytes
            {
                return Ok(head);
            }
        }
    }
}

/// The head of an answer, once all of it is there.
fn read_head(answer: &[u8]) -> Option<Head> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let text = std::str::from_utf8(answer.get(..end)?).ok()?;
    let mut lines = text.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut head = Head {
        status,
        location: None,
        body_from: end + 4,
        body_bytes: 0,
    };
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        if name.eq_ignore_ascii_case("content-length") {
            head.body_bytes = value.parse().ok()?;
        } else if name.eq_ignore_ascii_case("location") {
            head.location = Some(value.to_owned());
        }
    }
    Some(head)
}
