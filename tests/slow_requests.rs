//! Requests that come drop by drop: a connection that will not end must not be held for long, and half a form is no form.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::house::House;
use crate::patient::start;

/// Longest a slow connection may be held.
const MOST: Duration = Duration::from_secs(30);

/// Sends a byte a second until the server answers or hangs up; says what it said.
fn drip(mut stream: TcpStream, head: &str, began: Instant) -> String {
    stream
        .write_all(head.as_bytes())
        .expect("the head can be sent");
    stream
        .set_read_timeout(Some(Duration::from_millis(500)))
        .expect("a time-out can be set");
    let mut said = Vec::new();
    loop {
        let mut bytes = [0; 4096];
        match stream.read(&mut bytes) {
            Ok(0) => break,
            Ok(n) => said.extend_from_slice(&bytes[..n]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                if !said.is_empty() {
                    break;
                }
            }
            Err(_) => break,
        }
        assert!(began.elapsed() < MOST, "the connection is still held");
        if stream.write_all(b"x").is_err() && said.is_empty() {
            break;
        }
    }
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn slow_bodies_and_slow_headers_are_cut_and_nothing_is_stored() {
    let house = House::open();
    let link = house.phq9("P1");
    start(&mut house.client(), &link, "list");
    let before = house.snapshot();
    let began = Instant::now();
    let connect = || {
        house
            .client()
            .bare_connection()
            .expect("the site can be reached")
    };
    let body = format!(
        "POST {link}/list/1 HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: same-origin\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000\r\n\r\nq1=1&q2="
    );
    let headers = format!("POST {link}/list/1 HTTP/1.1\r\nHost: x\r\nX-Slow: ");
    let (slow_body, slow_headers) = (connect(), connect());
    std::thread::scope(|scope| {
        let body = scope.spawn(|| drip(slow_body, &body, began));
        let headers = scope.spawn(|| drip(slow_headers, &headers, began));
        let said = body.join().expect("the slow body is cut");
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{said}");
        let said = headers.join().expect("slow headers are cut");
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{said}");
    });
    assert_eq!(house.snapshot(), before);
}
