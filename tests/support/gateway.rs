//! A gateway for text messages on loopback that speaks the common Messages API, keeps what it was given and answers as the test tells it.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// What to answer the next message with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// 201, taken.
    Take,
    /// An error of the API: status and code.
    Error(u16, u32),
    /// Takes the message and hangs up without a word.
    HangUp,
}

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub path: String,
    pub authorization: String,
    pub fields: Vec<(String, String)>,
}

impl Request {
    pub fn field(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }
}

/// The gateway; it stops with the test's process.
pub struct TextSink {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    _acceptor: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    next: VecDeque<Answer>,
    requests: Vec<Request>,
}

impl TextSink {
    /// Starts on a free port of loopback and takes everything until told otherwise.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let acceptor = std::thread::spawn(move || {
            for peer in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(peer, &shared));
            }
        });
        TextSink {
            address,
            state,
            _acceptor: acceptor,
        }
    }

    /// `http://…` without a login.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers the next messages like this, one each.
    pub fn then(&self, answers: &[Answer]) {
        self.lock().next.extend(answers);
    }

    /// What came so far.
    pub fn requests(&self) -> Vec<Request> {
        self.lock().requests.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no test panics while it holds this")
    }
}

fn serve(peer: TcpStream, state: &Mutex<State>) {
    let _ = peer.set_read_timeout(Some(Duration::from_secs(10)));
    let mut reader = BufReader::new(peer.try_clone().expect("a socket is cloned"));
    while let Some(request) = read(&mut reader) {
        let answer = {
            let mut state = state.lock().expect("no test panics while it holds this");
            state.requests.push(request);
            state.next.pop_front().unwrap_or(Answer::Take)
        };
        let (status, body) = match answer {
            Answer::Take => (
                "201 Created".to_owned(),
                "{\"status\": \"queued\"}".to_owned(),
            ),
            Answer::Error(status, code) => (
                format!("{status} No"),
                format!("{{\"code\": {code}, \"message\": \"no\"}}"),
            ),
            Answer::HangUp => return,
        };
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if (&peer)
            .write_all(format!("{head}{body}").as_bytes())
            .is_err()
        {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let (mut authorization, mut length) = (String::new(), 0);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "authorization" => authorization = value.to_owned(),
            "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let fields = attune::web::form::Fields::parse(&body).ok()?;
    Some(Request {
        path,
        authorization,
        fields: fields
            .pairs()
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .collect(),
    })
}
