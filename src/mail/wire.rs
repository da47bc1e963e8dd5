//! The bytes between us and the relay: a connection we open ourselves with TCP_NODELAY (lettre's own has none and waits 40 ms on each mail), plain or
//! TLS, whose every read and write ends in time. What is said over it is `smtp`.

use super::reply::{Reply, read_line};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest line and most lines of a reply: whoever says more is no relay.
const LINE_MOST: usize = 4_096;
const LINES_MOST: usize = 128;

/// Why the connection is of no use any more.
#[derive(Debug)]
pub(super) enum Broken {
    /// Nothing came, or nothing went, in time.
    TimedOut,
    /// The other side or the network ended it.
    Lost,
    /// What came is no SMTP.
    Garbled,
    /// No verified TLS: why.
    Tls(String),
}

impl Broken {
    /// For the log.
    pub fn words(&self) -> String {
        match self {
            Broken::TimedOut => "no answer in time".to_owned(),
            Broken::Lost => "the connection was lost".to_owned(),
            Broken::Garbled => "the answer was no SMTP".to_owned(),
            Broken::Tls(why) => format!("no verified TLS ({why})"),
        }
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        let tls = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match (tls, error.kind()) {
            (Some(tls), _) => Broken::Tls(tls.to_string()),
            (None, io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) => Broken::TimedOut,
            (None, _) => Broken::Lost,
        }
    }
}

/// A socket on which every read and write ends by one instant, however slowly the bytes drip.
struct Timed {
    socket: TcpStream,
    until: Instant,
}

impl Timed {
    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            Err(io::ErrorKind::TimedOut.into())
        } else {
            Ok(left)
        }
    }
}

impl Read for Timed {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(self.left()?))?;
        self.socket.read(bytes)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(self.left()?))?;
        self.socket.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Stream {
    Plain(Timed),
    Tls(Box<StreamOwned<ClientConnection, Timed>>),
    /// For the moment in which one becomes the other.
    Gone,
}

/// A connection to the relay.
pub(super) struct Wire {
    stream: Stream,
    /// What came and was not read yet, from `read` on.
    inbox: Vec<u8>,
    read: usize,
    /// Nothing on this connection may last longer than this.
    conversation_ends: Instant,
}

impl Wire {
    /// Reaches the relay, each of its addresses in turn.
    pub fn open(host: &str, port: u16, patience: Duration) -> Result<Wire, Broken> {
        let until = Instant::now() + patience;
        let mut last = Broken::Lost;
        for address in (host, port).to_socket_addrs()? {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Broken::TimedOut);
            }
            match TcpStream::connect_timeout(&address, left) {
                Ok(socket) => {
                    socket.set_nodelay(true)?;
                    return Ok(Wire {
                        stream: Stream::Plain(Timed { socket, until }),
                        inbox: Vec::with_capacity(512),
                        read: 0,
                        conversation_ends: until,
                    });
                }
                Err(error) => last = error.into(),
            }
        }
        Err(last)
    }

    /// From now on the whole conversation ends by this instant.
    pub fn ends_by(&mut self, instant: Instant) {
        self.conversation_ends = instant;
    }

    /// The next exchange ends within this time.
    pub fn within(&mut self, patience: Duration) {
        let until = (Instant::now() + patience).min(self.conversation_ends);
        match &mut self.stream {
            Stream::Plain(timed) => timed.until = until,
            Stream::Tls(tls) => tls.sock.until = until,
            Stream::Gone => {}
        }
    }

    /// Speaks TLS from here on and verifies the relay's certificate for `host`.
    pub fn secure(&mut self, host: &str, config: &Arc<ClientConfig>) -> Result<(), Broken> {
        // What came before the handshake could have been put there by anybody.
        if self.read < self.inbox.len() {
            return Err(Broken::Garbled);
        }
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Broken::Tls("the relay's name is no name".into()))?;
        let client = ClientConnection::new(Arc::clone(config), name)
            .map_err(|error| Broken::Tls(error.to_string()))?;
        let Stream::Plain(timed) = std::mem::replace(&mut self.stream, Stream::Gone) else {
            return Err(Broken::Garbled);
        };
        let mut tls = StreamOwned::new(client, timed);
        while tls.conn.is_handshaking() {
            tls.conn.complete_io(&mut tls.sock)?;
        }
        self.stream = Stream::Tls(Box::new(tls));
        Ok(())
    }

    /// Sends all of it.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        match &mut self.stream {
            Stream::Plain(timed) => timed.write_all(bytes)?,
            Stream::Tls(tls) => {
                tls.write_all(bytes)?;
                tls.flush()?;
            }
            Stream::Gone => return Err(Broken::Lost),
        }
        Ok(())
    }

    /// The next reply.
    pub fn reply(&mut self) -> Result<Reply, Broken> {
        let mut words = vec![];
        loop {
            let line = self.line()?;
            let (code, last, said) = read_line(&line).ok_or(Broken::Garbled)?;
            words.push(said.to_owned());
            if last {
                return Ok(Reply::new(code, words));
            }
            if words.len() >= LINES_MOST {
                return Err(Broken::Garbled);
            }
        }
    }

    fn line(&mut self) -> Result<String, Broken> {
        loop {
            let waiting = self.inbox.get(self.read..).unwrap_or_default();
            if let Some(end) = waiting.iter().position(|byte| *byte == b'\n') {
                let line = String::from_utf8_lossy(waiting.get(..end).unwrap_or_default());
                let line = line.trim_end_matches('\r').to_owned();
                self.read += end + 1;
                return Ok(line);
            }
            if waiting.len() > LINE_MOST {
                return Err(Broken::Garbled);
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> Result<(), Broken> {
        self.inbox.drain(..self.read);
        self.read = 0;
        let mut bytes = [0; 2_048];
        let came = match &mut self.stream {
            Stream::Plain(timed) => read_some(timed, &mut bytes)?,
            Stream::Tls(tls) => read_some(tls, &mut bytes)?,
            Stream::Gone => 0,
        };
        if came == 0 {
            return Err(Broken::Lost);
        }
        self.inbox
            .extend_from_slice(bytes.get(..came).unwrap_or_default());
        Ok(())
    }
}

fn read_some(from: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Whom to believe: the public authorities, and `more` roots in DER for a relay with one of its own.
pub(super) fn trust(more: &[Vec<u8>]) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    for root in more {
        roots
            .add(root.clone().into())
            .map_err(|error| format!("a root certificate cannot be used: {error}"))?;
    }
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
