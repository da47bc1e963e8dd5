//! A small HTTP/1.1 client over a plain socket: what a browser sends, byte by byte under the test's control, with cookies
//! and connections kept. It follows a redirect only when asked. Not: TLS, proxies, HTML (see `page`).

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// A kept connection that has been still for longer is looked at before it is used again.
const STILL: Duration = Duration::from_secs(1);

/// One browser: its cookies, its one connection.
pub struct Client {
    address: SocketAddr,
    host: String,
    connection: Option<Connection>,
    cookies: Vec<Cookie>,
    timeout: Duration,
    /// Sent with every request in addition; none by default.
    pub headers: Vec<(String, String)>,
}

struct Connection {
    reader: BufReader<TcpStream>,
    used_at: Instant,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Cookie {
    name: String,
    value: String,
    path: String,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as text; bytes that are not UTF-8 show as replacement characters.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Where a redirect leads, as a path with its query.
    pub fn location(&self) -> Option<&str> {
        let location = self.header("location")?;
        Some(path_of(location))
    }

    pub fn is_redirect(&self) -> bool {
        matches!(self.status, 301 | 302 | 303 | 307 | 308)
    }
}

/// The path and query of a whole URL; a path is given back as it is.
pub fn path_of(url: &str) -> &str {
    let Some((_, after_scheme)) = url.split_once("://") else {
        return url;
    };
    match after_scheme.find('/') {
        Some(at) => &after_scheme[at..],
        None => "/",
    }
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            host: address.to_string(),
            connection: None,
            cookies: Vec::new(),
            timeout: Duration::from_secs(30),
            headers: Vec::new(),
        }
    }

    /// The `Host` this client asks for, when it is not the address itself.
    pub fn with_host(mut self, host: &str) -> Self {
        self.host = host.to_owned();
        self
    }

    /// How long to wait for an answer before giving up; 30 seconds unless said otherwise.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    pub fn get(&mut self, path: &str) -> io::Result<Response> {
        self.request("GET", path, &[("Sec-Fetch-Site", "none")], b"")
    }

    /// Sends a form as a browser sends it from a page of the same site.
    pub fn post_form<N, V>(&mut self, path: &str, fields: &[(N, V)]) -> io::Result<Response>
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let origin = format!("http://{}", self.host);
        let headers = [
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Origin", origin.as_str()),
            ("Sec-Fetch-Site", "same-origin"),
        ];
        self.request("POST", path, &headers, form_encoded(fields).as_bytes())
    }

    /// Goes where redirects lead, ten at most, with GET.
    pub fn follow(&mut self, mut response: Response) -> io::Result<Response> {
        for _ in 0..10 {
            if !response.is_redirect() {
                return Ok(response);
            }
            let path = response
                .location()
                .ok_or_else(|| fault("a redirect without a Location"))?
                .to_owned();
            response = self.get(&path)?;
        }
        Err(fault("more than ten redirects"))
    }

    /// Sends exactly these headers besides Host, Content-Length, Cookie and [`Client::headers`].
    pub fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Response> {
        let message = self.message(method, path, headers, body);
        let response = self.exchange(&message, method)?;
        self.keep_cookies(&response);
        Ok(response)
    }

    /// Sends these bytes on a new connection and reads one answer: for requests that no browser would send.
    pub fn raw(&self, bytes: &[u8]) -> io::Result<Response> {
        let mut connection = self.connect()?;
        connection.reader.get_mut().write_all(bytes)?;
        read_response(&mut connection.reader, "GET").map(|(response, _)| response)
    }

    /// A new bare connection, for sending slowly or not at all.
    pub fn bare_connection(&self) -> io::Result<TcpStream> {
        Ok(self.connect()?.reader.into_inner())
    }

    /// The value of a cookie that the site has set.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies
            .iter()
            .find(|cookie| cookie.name == name)
            .map(|cookie| cookie.value.as_str())
    }

    pub fn set_cookie(&mut self, name: &str, value: &str) {
        self.store(Cookie {
            name: name.to_owned(),
            value: value.to_owned(),
            path: "/".to_owned(),
        });
    }

    pub fn forget_cookies(&mut self) {
        self.cookies.clear();
    }

    fn message(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.host);
        for (name, value) in headers {
            push_header(&mut text, name, value);
        }
        for (name, value) in &self.headers {
            push_header(&mut text, name, value);
        }
        if let Some(cookies) = self.cookies_for(path) {
            push_header(&mut text, "Cookie", &cookies);
        }
        if method != "GET" && method != "HEAD" {
            push_header(&mut text, "Content-Length", &body.len().to_string());
        }
        text.push_str("\r\n");
        let mut message = text.into_bytes();
        message.extend_from_slice(body);
        message
    }

    fn cookies_for(&self, path: &str) -> Option<String> {
        let sent: Vec<String> = self
            .cookies
            .iter()
            .filter(|cookie| covers(&cookie.path, path))
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        (!sent.is_empty()).then(|| sent.join("; "))
    }

    fn exchange(&mut self, message: &[u8], method: &str) -> io::Result<Response> {
        let mut connection = match self.connection.take() {
            Some(kept) if kept.is_open() => kept,
            _ => self.connect()?,
        };
        // A server may answer before it has read a whole body that it will not have: read before complaining.
        let written = connection.reader.get_mut().write_all(message);
        match (read_response(&mut connection.reader, method), written) {
            (Ok((response, Kept::Open)), Ok(())) => {
                connection.used_at = Instant::now();
                self.connection = Some(connection);
                Ok(response)
            }
            (Ok((response, _)), _) => Ok(response),
            (Err(_), Err(error)) | (Err(error), Ok(())) => Err(error),
        }
    }

    fn connect(&self) -> io::Result<Connection> {
        let stream = TcpStream::connect_timeout(&self.address, self.timeout)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(self.timeout))?;
        stream.set_write_timeout(Some(self.timeout))?;
        Ok(Connection {
            reader: BufReader::with_capacity(32 * 1024, stream),
            used_at: Instant::now(),
        })
    }

    fn keep_cookies(&mut self, response: &Response) {
        for (name, value) in &response.headers {
            if name.eq_ignore_ascii_case("set-cookie") {
                self.keep_cookie(value);
            }
        }
    }

    fn keep_cookie(&mut self, line: &str) {
        let mut parts = line.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
            return;
        };
        let mut cookie = Cookie {
            name: name.to_owned(),
            value: value.to_owned(),
            path: "/".to_owned(),
        };
        let mut gone = false;
        for (attribute, value) in parts.filter_map(|part| part.split_once('=')) {
            if attribute.eq_ignore_ascii_case("path") {
                cookie.path = value.to_owned();
            } else if attribute.eq_ignore_ascii_case("max-age") {
                gone = value.parse::<i64>().is_ok_and(|seconds| seconds <= 0);
            }
        }
        if gone {
            self.cookies.retain(|known| known.name != cookie.name);
        } else {
            self.store(cookie);
        }
    }

    fn store(&mut self, cookie: Cookie) {
        self.cookies.retain(|known| known.name != cookie.name);
        self.cookies.push(cookie);
    }
}

impl Connection {
    /// Asks the socket only when it has been still for a while: the server closes idle connections.
    fn is_open(&self) -> bool {
        if self.used_at.elapsed() < STILL {
            return true;
        }
        let stream = self.reader.get_ref();
        if stream.set_nonblocking(true).is_err() {
            return false;
        }
        let seen = stream.peek(&mut [0]);
        let nothing_to_read =
            matches!(seen, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        stream.set_nonblocking(false).is_ok() && nothing_to_read
    }
}

enum Kept {
    Open,
    Closed,
}

fn read_response(reader: &mut BufReader<TcpStream>, method: &str) -> io::Result<(Response, Kept)> {
    loop {
        let status = read_status(reader)?;
        let headers = read_headers(reader)?;
        // 100 Continue and its like announce the real answer.
        if (100..200).contains(&status) {
            continue;
        }
        let mut response = Response {
            status,
            headers,
            body: Vec::new(),
        };
        let kept = read_body(reader, method, &mut response)?;
        return Ok((response, kept));
    }
}

fn read_status(reader: &mut BufReader<TcpStream>) -> io::Result<u16> {
    let line = read_line(reader)?;
    line.strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1))
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| fault(&format!("no status line: {line:?}")))
}

fn read_headers(reader: &mut BufReader<TcpStream>) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::with_capacity(16);
    loop {
        let line = read_line(reader)?;
        if line.is_empty() {
            return Ok(headers);
        }
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| fault(&format!("no header: {line:?}")))?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
}

fn read_body(
    reader: &mut BufReader<TcpStream>,
    method: &str,
    response: &mut Response,
) -> io::Result<Kept> {
    let closes = response
        .header("connection")
        .is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let kept = if closes { Kept::Closed } else { Kept::Open };
    if method == "HEAD" || matches!(response.status, 204 | 304) {
        return Ok(kept);
    }
    if response
        .header("transfer-encoding")
        .is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
    {
        read_chunks(reader, &mut response.body)?;
        return Ok(kept);
    }
    let length: Option<usize> = response
        .header("content-length")
        .and_then(|value| value.parse().ok());
    match length {
        Some(length) => {
            response.body.resize(length, 0);
            reader.read_exact(&mut response.body)?;
            Ok(kept)
        }
        None => {
            reader.read_to_end(&mut response.body)?;
            Ok(Kept::Closed)
        }
    }
}

fn read_chunks(reader: &mut BufReader<TcpStream>, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let line = read_line(reader)?;
        let size = line.split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size.trim(), 16)
            .map_err(|_| fault(&format!("no chunk size: {line:?}")))?;
        let start = body.len();
        body.resize(start + size, 0);
        reader.read_exact(&mut body[start..])?;
        let end = read_line(reader)?;
        if size == 0 {
            return Ok(());
        }
        if !end.is_empty() {
            return Err(fault("a chunk is longer than it said"));
        }
    }
}

fn read_line(reader: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::with_capacity(80);
    if reader.read_line(&mut line)? == 0 {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the server closed the connection",
        ));
    }
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(line)
}

fn push_header(text: &mut String, name: &str, value: &str) {
    text.push_str(name);
    text.push_str(": ");
    text.push_str(value);
    text.push_str("\r\n");
}

/// Whether a cookie of this path goes with a request for that path (RFC 6265, 5.1.4).
fn covers(cookie_path: &str, path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    path == cookie_path
        || path
            .strip_prefix(cookie_path)
            .is_some_and(|rest| cookie_path.ends_with('/') || rest.starts_with('/'))
}

/// `application/x-www-form-urlencoded`.
pub fn form_encoded<N: AsRef<str>, V: AsRef<str>>(fields: &[(N, V)]) -> String {
    let mut text = String::with_capacity(fields.len() * 16);
    for (name, value) in fields {
        if !text.is_empty() {
            text.push('&');
        }
        push_encoded(&mut text, name.as_ref());
        text.push('=');
        push_encoded(&mut text, value.as_ref());
    }
    text
}

fn push_encoded(text: &mut String, part: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in part.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' => {
                text.push(char::from(byte));
            }
            b' ' => text.push('+'),
            _ => {
                text.push('%');
                text.push(char::from(HEX[usize::from(byte >> 4)]));
                text.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
}

fn fault(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}
