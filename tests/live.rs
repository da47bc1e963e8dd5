//! The live queue: who has it open is told within seconds that it has changed, and nothing else; and no stream outlives its sign-in or holds up the end of the process.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use chrono::TimeDelta;

use crate::house::{House, PATIENT_NAME, monday};
use crate::operator::Office;
use crate::patient::{get, post};
use crate::support::http::Client;

/// An open stream, read line by line.
struct Stream {
    reader: BufReader<TcpStream>,
    seen: String,
}

/// What was waited for.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    Line,
    End,
    Nothing,
}

impl Stream {
    fn open(client: &Client, cookie: &str, since: &str) -> Stream {
        let mut socket = client.bare_connection().expect("the site answers");
        let request = format!(
            "GET /queue/events?since={since} HTTP/1.1\r\nHost: localhost\r\nCookie: attune={cookie}\r\n\r\n"
        );
        socket
            .write_all(request.as_bytes())
            .expect("the request is sent");
        socket
            .set_read_timeout(Some(Duration::from_millis(200)))
            .expect("a timeout can be set");
        Stream {
            reader: BufReader::new(socket),
            seen: String::new(),
        }
    }

    /// As the page that is open in this browser opens it.
    fn beside(client: &mut Client) -> Stream {
        let since = since(client);
        let cookie = client.cookie("attune").expect("a sign-in").to_owned();
        let mut stream = Stream::open(client, &cookie, &since);
        assert_eq!(stream.wait_for("retry:", 10), Came::Line, "{}", stream.seen);
        stream
    }

    fn wait_for(&mut self, wanted: &str, seconds: u64) -> Came {
        let until = Instant::now() + Duration::from_secs(seconds);
        let mut line = String::new();
        while Instant::now() < until {
            match self.reader.read_line(&mut line) {
                Ok(0) => return Came::End,
                Ok(_) => {
                    self.seen.push_str(&line);
                    if line.contains(wanted) {
                        return Came::Line;
                    }
                    // The last chunk of a stream that ends well.
                    if line == "0\r\n" {
                        return Came::End;
                    }
                    line.clear();
                }
                Err(error)
                    if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => {}
                Err(_) => return Came::End,
            }
        }
        Came::Nothing
    }
}

/// The mark on the queue's page.
fn since(client: &mut Client) -> String {
    let page = get(client, "/queue").text();
    let (_, rest) = page
        .split_once("data-since=\"")
        .expect("the page says since when");
    rest.split('"').next().unwrap_or_default().to_owned()
}

fn answer(house: &House, link: &str, value: &str) {
    let path = format!("{link}/q/9");
    post(&mut house.client(), &path, &[("answer", value)]);
}

#[test]
fn an_answer_is_told_within_seconds_to_those_who_may_see_it_and_to_nobody_else() {
    let house = House::open();
    let link = house.phq9("P1");
    let mut here = Stream::beside(&mut house.signed_in(&house.people.therapist));
    let mut elsewhere = Stream::beside(&mut house.signed_in(&house.people.elsewhere));
    assert_eq!(
        here.wait_for("event:", 3),
        Came::Nothing,
        "nothing has changed"
    );
    answer(&house, &link, "2");
    assert_eq!(
        here.wait_for("event: queue", 5),
        Came::Line,
        "{}",
        here.seen
    );
    assert_eq!(here.wait_for("data: changed", 1), Came::Line);
    assert!(!here.seen.contains(PATIENT_NAME) && !here.seen.contains(&house.flag().to_string()));
    // Taking it on is a change too.
    let flag = house.flag();
    let mut supervisor = house.signed_in(&house.people.supervisor);
    post(&mut supervisor, &format!("/flags/{flag}/acknowledge"), &[]);
    assert_eq!(
        here.wait_for("event: queue", 5),
        Came::Line,
        "{}",
        here.seen
    );
    assert_eq!(
        elsewhere.wait_for("event:", 2),
        Came::Nothing,
        "{}",
        elsewhere.seen
    );
}

#[test]
fn what_changed_between_the_page_and_the_stream_is_told_at_once() {
    let house = House::open();
    let link = house.phq9("P1");
    let mut therapist = house.signed_in(&house.people.therapist);
    let seen = since(&mut therapist);
    answer(&house, &link, "1");
    let cookie = therapist.cookie("attune").expect("a sign-in").to_owned();
    let mut stream = Stream::open(&therapist, &cookie, &seen);
    assert_eq!(
        stream.wait_for("event: queue", 5),
        Came::Line,
        "{}",
        stream.seen
    );
}

#[test]
fn a_stream_ends_with_its_sign_in() {
    let house = House::at(monday());
    let mut therapist = house.signed_in(&house.people.therapist);
    let mut stream = Stream::beside(&mut therapist);
    post(&mut therapist, "/sign-out", &[]);
    assert_eq!(stream.wait_for("event:", 20), Came::End, "{}", stream.seen);

    // To listen is no click: the sign-in ends as if nobody were there.
    let mut idle = house.signed_in(&house.people.therapist);
    let mut stream = Stream::beside(&mut idle);
    house.app.clock.set(monday() + TimeDelta::minutes(16));
    assert_eq!(stream.wait_for("event:", 20), Came::End, "{}", stream.seen);
}

#[test]
fn one_person_has_only_so_many_streams_and_gets_places_back() {
    let house = House::open();
    let mut therapist = house.signed_in(&house.people.therapist);
    let streams: Vec<Stream> = (0..3).map(|_| Stream::beside(&mut therapist)).collect();
    let cookie = therapist.cookie("attune").expect("a sign-in").to_owned();
    let mut one_more = Stream::open(&therapist, &cookie, "x");
    assert_eq!(one_more.wait_for("204", 5), Came::Line, "{}", one_more.seen);
    let mut supervisor = house.signed_in(&house.people.supervisor);
    Stream::beside(&mut supervisor);
    drop(streams);
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let mut again = Stream::open(&therapist, &cookie, "x");
        if again.wait_for("retry:", 1) == Came::Line {
            break;
        }
        assert!(Instant::now() < until, "no place is given back");
    }
}

#[test]
fn a_stream_does_not_hold_up_the_end_of_the_service() {
    let mut office = Office::open();
    let mut client = office.client();
    let fields = [
        ("email", "lee@staff.example.org"),
        ("password", crate::operator::PASSWORD),
    ];
    post(&mut client, "/sign-in", &fields);
    let mut stream = Stream::beside(&mut client);
    let asked = Instant::now();
    office.stop(Duration::from_secs(10));
    assert!(
        asked.elapsed() < Duration::from_secs(4),
        "{:?}",
        asked.elapsed()
    );
    assert_eq!(stream.wait_for("event:", 5), Came::End);
}
