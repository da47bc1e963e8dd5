//! A mail server on loopback that does as the test tells it and keeps what it was given: its ways to fail are the ways in
//! which real ones fail. SMTP with pipelining unless told otherwise; STARTTLS with a certificate of its own where a test asks for it.

use std::collections::{HashMap, VecDeque};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What to do with the next message, or the next connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Take it: 250.
    Accept,
    /// Greet with 421 and hang up: the server is busy.
    RefuseConnection,
    /// 450 to RCPT TO: try again later.
    RefuseForNow,
    /// 550 to RCPT TO: no such mailbox.
    RefuseForGood,
    /// Take the whole message and never answer.
    Stall,
    /// Hang up in the middle of the message.
    DropInData,
    /// Keep the message, then hang up before saying so: the sender cannot know.
    KeepAndDrop,
    /// Keep the message and never say so.
    KeepAndStall,
    /// 554 to MAIL FROM: the server refuses the sender and not the recipient.
    RefuseSender,
    /// 554 5.7.1 to RCPT TO: it will not relay for us.
    RefuseToRelay,
    /// 554 after the text: it does not like what the mail says.
    RefuseText,
    /// 421 to MAIL FROM, then hang up: it wants to rest.
    Leave,
    /// Never answer MAIL FROM.
    StallAtMail,
    /// Never answer RCPT TO.
    StallAtRcpt,
    /// Never answer DATA.
    StallAtData,
    /// Never greet.
    StallAtGreeting,
    /// Answer one byte a second, for ever.
    Drip,
}

/// A mail as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The envelope's sender, without angle brackets.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// Headers and body as sent, dots unstuffed.
    pub raw: String,
}

/// The server; it stops when dropped.
pub struct SmtpSink {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    arrived: Condvar,
    stopping: AtomicBool,
}

#[derive(Default)]
struct State {
    usual: Option<Behaviour>,
    next: VecDeque<Behaviour>,
    by_recipient: HashMap<String, Behaviour>,
    mails: Vec<Mail>,
    connections: usize,
    open: usize,
    most_open: usize,
    attempts: usize,
    offers: Option<&'static [&'static str]>,
    tls: Option<Arc<rustls::ServerConfig>>,
    heard: Vec<String>,
}

impl SmtpSink {
    /// What EHLO offers, instead of everything.
    pub fn offer(&self, offers: &'static [&'static str]) {
        self.state().offers = Some(offers);
    }

    /// Speaks TLS after STARTTLS, as this.
    pub fn with_tls(&self, config: Arc<rustls::ServerConfig>) {
        self.state().tls = Some(config);
    }

    /// Every command so far, in the order in which they came.
    pub fn heard(&self) -> Vec<String> {
        self.state().heard.clone()
    }

    /// Starts on a free port of loopback and accepts everything until told otherwise.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            arrived: Condvar::new(),
            stopping: AtomicBool::new(false),
        });
        let for_acceptor = Arc::clone(&shared);
        let acceptor = std::thread::spawn(move || accept(&listener, &for_acceptor));
        Self {
            address,
            shared,
            acceptor: Some(acceptor),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to give the program as `ATTUNE_SMTP_URL`.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// From now on, unless [`SmtpSink::then`] or [`SmtpSink::for_recipient`] says otherwise.
    pub fn always(&self, behaviour: Behaviour) {
        self.state().usual = Some(behaviour);
    }

    /// For the coming messages (connections, for [`Behaviour::RefuseConnection`]), one each, then as usual again.
    pub fn then(&self, behaviours: &[Behaviour]) {
        self.state().next.extend(behaviours);
    }

    /// For every message to this address, before all else.
    pub fn for_recipient(&self, address: &str, behaviour: Behaviour) {
        self.state()
            .by_recipient
            .insert(address.to_owned(), behaviour);
    }

    /// The mails kept so far.
    pub fn mails(&self) -> Vec<Mail> {
        self.state().mails.clone()
    }

    /// The mails kept so far to this address.
    pub fn mails_to(&self, address: &str) -> Vec<Mail> {
        let mut mails = self.mails();
        mails.retain(|mail| mail.to.iter().any(|to| to == address));
        mails
    }

    /// Waits until at least this many mails are kept.
    ///
    /// # Panics
    /// When they have not come in time.
    pub fn wait_for(&self, count: usize, patience: Duration) -> Vec<Mail> {
        let until = Instant::now() + patience;
        let mut state = self.state();
        while state.mails.len() < count {
            let left = until.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "{} of {count} mails came within {patience:?}, in {} attempts",
                state.mails.len(),
                state.attempts,
            );
            state = self
                .shared
                .arrived
                .wait_timeout(state, left)
                .expect("no thread of the sink has panicked")
                .0;
        }
        state.mails.clone()
    }

    /// Connections taken since the start, refused ones included.
    pub fn connections(&self) -> usize {
        self.state().connections
    }

    /// The most connections that were open at once.
    pub fn most_open(&self) -> usize {
        self.state().most_open
    }

    /// Messages begun (MAIL FROM) since the start, whatever became of them.
    pub fn attempts(&self) -> usize {
        self.state().attempts
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // The acceptor is waiting for a connection: give it one.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no thread of the sink has panicked")
    }

    fn stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stopping() {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            shared.state().connected();
            // However a conversation ends, it ends only itself.
            let _ = Conversation::new(stream, &shared).and_then(Conversation::run);
            shared.state().open -= 1;
        });
    }
}

impl State {
    fn connected(&mut self) {
        self.connections += 1;
        self.open += 1;
        self.most_open = self.most_open.max(self.open);
    }

    /// Whether this is to be done to the connection that has just come.
    fn at_greeting(&mut self, what: Behaviour) -> bool {
        match self.next.front() {
            Some(next) if *next == what => self.next.pop_front().is_some(),
            Some(_) => false,
            None => self.usual == Some(what),
        }
    }

    fn next_message(&mut self) -> Behaviour {
        self.attempts += 1;
        self.next
            .pop_front()
            .or(self.usual)
            .unwrap_or(Behaviour::Accept)
    }
}

/// The connection, plain or not.
enum Line {
    Plain(TcpStream),
    Tls(Box<rustls::StreamOwned<rustls::ServerConnection, TcpStream>>),
    Gone,
}

impl io::Read for Line {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Line::Plain(stream) => stream.read(bytes),
            Line::Tls(stream) => stream.read(bytes),
            Line::Gone => Ok(0),
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Line::Plain(stream) => stream.write(bytes),
            Line::Tls(stream) => stream.write(bytes),
            Line::Gone => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Line::Plain(stream) => stream.flush(),
            Line::Tls(stream) => stream.flush(),
            Line::Gone => Ok(()),
        }
    }
}

/// One connection's talk.
struct Conversation<'a> {
    reader: BufReader<Line>,
    shared: &'a Shared,
    behaviour: Behaviour,
    from: String,
    to: Vec<String>,
}

enum Then {
    GoOn,
    HangUp,
}

impl<'a> Conversation<'a> {
    fn new(stream: TcpStream, shared: &'a Shared) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        // Short, so that a stopped sink is noticed.
        stream.set_read_timeout(Some(Duration::from_millis(100)))?;
        Ok(Self {
            reader: BufReader::new(Line::Plain(stream)),
            shared,
            behaviour: Behaviour::Accept,
            from: String::new(),
            to: Vec::new(),
        })
    }

    fn run(mut self) -> io::Result<()> {
        if self.shared.state().at_greeting(Behaviour::RefuseConnection) {
            return self.say("421 sink.invalid too busy");
        }
        if self.shared.state().at_greeting(Behaviour::StallAtGreeting) {
            self.wait_for_the_end();
            return Ok(());
        }
        self.say("220 sink.invalid ESMTP")?;
        while let Some(line) = self.line()? {
            if let Then::HangUp = self.answer(&line)? {
                return Ok(());
            }
        }
        Ok(())
    }

    fn answer(&mut self, line: &str) -> io::Result<Then> {
        self.shared.state().heard.push(line.to_owned());
        let command = line.to_ascii_uppercase();
        if command.starts_with("EHLO") {
            self.introduce()?;
        } else if command == "STARTTLS" {
            return self.secure();
        } else if command.starts_with("AUTH PLAIN ") {
            self.say("235 2.7.0 welcome")?;
        } else if command.starts_with("MAIL FROM:") {
            return self.begin(line);
        } else if command.starts_with("RCPT TO:") {
            if self.behaviour == Behaviour::StallAtRcpt {
                self.wait_for_the_end();
                return Ok(Then::HangUp);
            }
            self.recipient(line)?;
        } else if command == "DATA" {
            if self.behaviour == Behaviour::StallAtData {
                self.wait_for_the_end();
                return Ok(Then::HangUp);
            }
            return self.data();
        } else if command == "QUIT" {
            self.say("221 2.0.0 bye")?;
            return Ok(Then::HangUp);
        } else if command.starts_with("HELO") || command == "RSET" || command == "NOOP" {
            self.to.clear();
            self.say("250 2.0.0 ok")?;
        } else {
            self.say("502 5.5.1 not known here")?;
        }
        Ok(Then::GoOn)
    }

    fn introduce(&mut self) -> io::Result<()> {
        let (offers, secured) = {
            let state = self.shared.state();
            let usual: &[&str] = &["PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"];
            let secured = matches!(self.reader.get_ref(), Line::Tls(_));
            (state.offers.unwrap_or(usual), secured)
        };
        let mut lines = vec!["sink.invalid"];
        lines.extend(
            offers
                .iter()
                .filter(|offer| !secured || **offer != "STARTTLS"),
        );
        let last = lines.len() - 1;
        let said: Vec<String> = lines
            .iter()
            .enumerate()
            .map(|(n, line)| format!("250{}{line}", if n == last { ' ' } else { '-' }))
            .collect();
        self.say(&said.join("\r\n"))
    }

    fn secure(&mut self) -> io::Result<Then> {
        let Some(config) = self.shared.state().tls.clone() else {
            self.say("454 4.7.0 no TLS here")?;
            return Ok(Then::GoOn);
        };
        self.say("220 2.0.0 go ahead")?;
        let Line::Plain(stream) = std::mem::replace(self.reader.get_mut(), Line::Gone) else {
            return Ok(Then::HangUp);
        };
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let connection = rustls::ServerConnection::new(config).map_err(io::Error::other)?;
        let mut tls = rustls::StreamOwned::new(connection, stream);
        while tls.conn.is_handshaking() {
            tls.conn.complete_io(&mut tls.sock)?;
        }
        tls.sock
            .set_read_timeout(Some(Duration::from_millis(100)))?;
        *self.reader.get_mut() = Line::Tls(Box::new(tls));
        Ok(Then::GoOn)
    }

    fn begin(&mut self, line: &str) -> io::Result<Then> {
        self.from = in_brackets(line);
        self.to.clear();
        self.behaviour = self.shared.state().next_message();
        match self.behaviour {
            Behaviour::RefuseSender => self.say("554 5.7.1 <sender@example.org> not from here")?,
            Behaviour::Leave => {
                self.say("421 4.3.2 closing")?;
                return Ok(Then::HangUp);
            }
            Behaviour::StallAtMail => {
                self.wait_for_the_end();
                return Ok(Then::HangUp);
            }
            Behaviour::Drip => {
                self.drip();
                return Ok(Then::HangUp);
            }
            _ => self.say("250 2.1.0 ok")?,
        }
        Ok(Then::GoOn)
    }

    fn drip(&mut self) {
        while self.reader.get_mut().write_all(b"2").is_ok() && !self.shared.stopping() {
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn recipient(&mut self, line: &str) -> io::Result<()> {
        let to = in_brackets(line);
        if let Some(behaviour) = self.shared.state().by_recipient.get(&to) {
            self.behaviour = *behaviour;
        }
        match self.behaviour {
            Behaviour::RefuseForNow => self.say("450 4.2.1 mailbox busy, try again later"),
            Behaviour::RefuseForGood => self.say("550 5.1.1 no such mailbox"),
            Behaviour::RefuseToRelay => self.say(&format!("554 5.7.1 <{to}>: relay denied")),
            Behaviour::RefuseSender => self.say("503 5.5.1 no sender"),
            _ => {
                self.to.push(to);
                self.say("250 2.1.5 ok")
            }
        }
    }

    fn data(&mut self) -> io::Result<Then> {
        if self.to.is_empty() {
            self.say("554 5.5.1 no valid recipients")?;
            return Ok(Then::GoOn);
        }
        self.say("354 go ahead")?;
        if self.behaviour == Behaviour::DropInData {
            self.line()?;
            return Ok(Then::HangUp);
        }
        let Some(raw) = self.message()? else {
            return Ok(Then::HangUp);
        };
        match self.behaviour {
            Behaviour::Stall => {
                self.wait_for_the_end();
                Ok(Then::HangUp)
            }
            Behaviour::KeepAndDrop => {
                self.keep(raw);
                Ok(Then::HangUp)
            }
            Behaviour::KeepAndStall => {
                self.keep(raw);
                self.wait_for_the_end();
                Ok(Then::HangUp)
            }
            Behaviour::RefuseText => {
                self.say("554 5.7.1 this looks like something else")?;
                Ok(Then::GoOn)
            }
            _ => {
                self.keep(raw);
                self.say("250 2.0.0 kept")?;
                Ok(Then::GoOn)
            }
        }
    }

    fn message(&mut self) -> io::Result<Option<String>> {
        let mut raw = String::new();
        while let Some(line) = self.line()? {
            if line == "." {
                return Ok(Some(raw));
            }
            raw.push_str(line.strip_prefix('.').unwrap_or(&line));
            raw.push_str("\r\n");
        }
        Ok(None)
    }

    fn keep(&mut self, raw: String) {
        let mail = Mail {
            from: self.from.clone(),
            to: std::mem::take(&mut self.to),
            raw,
        };
        self.shared.state().mails.push(mail);
        self.shared.arrived.notify_all();
    }

    fn wait_for_the_end(&mut self) {
        while let Ok(Some(_)) = self.line() {}
    }

    /// The next line without its end; nothing when the other side or the sink is done.
    fn line(&mut self) -> io::Result<Option<String>> {
        let mut bytes = Vec::new();
        loop {
            match self.reader.read_until(b'\n', &mut bytes) {
                Ok(_) if bytes.ends_with(b"\n") => break,
                Ok(_) => return Ok(None),
                Err(error) if is_timeout(&error) => {
                    if self.shared.stopping() {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        let line = String::from_utf8_lossy(&bytes);
        Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        self.reader
            .get_mut()
            .write_all(format!("{text}\r\n").as_bytes())
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

fn in_brackets(line: &str) -> String {
    line.split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map(|(address, _)| address.to_owned())
        .unwrap_or_default()
}

impl Mail {
    /// The first header of this name, unfolded, as written (encoded words are left as they are).
    pub fn header(&self, name: &str) -> Option<String> {
        header_of(&self.raw, name)
    }

    /// The plain text, decoded.
    pub fn text(&self) -> Option<String> {
        part(&self.raw, "text/plain")
    }

    /// The HTML, decoded.
    pub fn html(&self) -> Option<String> {
        part(&self.raw, "text/html")
    }

    /// The web addresses in the plain text.
    pub fn links(&self) -> Vec<String> {
        self.text()
            .unwrap_or_default()
            .split_whitespace()
            .filter(|word| word.starts_with("http://") || word.starts_with("https://"))
            .map(|word| word.trim_end_matches(['.', ',', '>', ')']).to_owned())
            .collect()
    }

    /// Everything that a reader of the mail could see, for "this word is nowhere": headers, text and HTML.
    pub fn everything(&self) -> String {
        let headers = self.raw.split("\r\n\r\n").next().unwrap_or_default();
        let text = self.text().unwrap_or_default();
        let html = self.html().unwrap_or_default();
        format!("{headers}\n{text}\n{html}")
    }
}

fn header_of(entity: &str, name: &str) -> Option<String> {
    let headers = entity.split("\r\n\r\n").next()?.replace("\r\n\t", " ");
    let headers = headers.replace("\r\n ", " ");
    headers.split("\r\n").find_map(|line| {
        let (known, value) = line.split_once(':')?;
        known
            .eq_ignore_ascii_case(name)
            .then(|| value.trim().to_owned())
    })
}

/// The first part of this type, however deep, decoded.
fn part(entity: &str, wanted: &str) -> Option<String> {
    let kind = header_of(entity, "content-type").unwrap_or_else(|| "text/plain".to_owned());
    let (_, body) = entity.split_once("\r\n\r\n")?;
    if kind.to_ascii_lowercase().starts_with(wanted) {
        let encoding = header_of(entity, "content-transfer-encoding").unwrap_or_default();
        return Some(decoded(body, &encoding.to_ascii_lowercase()));
    }
    let (_, boundary) = kind.split_once("boundary=")?;
    let boundary = boundary.split(';').next()?.trim().trim_matches('"');
    body.split(&format!("--{boundary}"))
        .skip(1)
        .find_map(|inner| part(inner.trim_start_matches("\r\n"), wanted))
}

fn decoded(body: &str, encoding: &str) -> String {
    let bytes = match encoding {
        "quoted-printable" => from_quoted_printable(body),
        "base64" => from_base64(body),
        _ => body.as_bytes().to_vec(),
    };
    String::from_utf8_lossy(&bytes).into_owned()
}

fn from_quoted_printable(body: &str) -> Vec<u8> {
    let joined = body.replace("=\r\n", "");
    let mut bytes = Vec::with_capacity(joined.len());
    let mut rest = joined.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after
            .get(..2)
            .filter(|_| byte == b'=')
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(hex.unwrap_or(byte));
        rest = if hex.is_some() { &after[2..] } else { after };
    }
    bytes
}

fn from_base64(body: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len() * 3 / 4);
    let (mut held, mut bits) = (0_u32, 0);
    for six in body.bytes().filter_map(base64_digit) {
        held = (held << 6) | six;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    bytes
}

fn base64_digit(byte: u8) -> Option<u32> {
    let digit = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(digit))
}
