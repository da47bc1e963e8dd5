//! Who may do what, route by route: the router's own table is walked with somebody of every role, so that a new route is tested the moment it
//! is written down.

use attune::app::Failure;
use attune::app::accounts::{self, NewAccount, Refusal, add_account};
use attune::app::link::Token;
use attune::domain::access::{Role, role_may};
use attune::web::access::Access;
use attune::web::routes::{ROUTES, Route};
use chrono::TimeDelta;

use crate::house::{House, PASSWORD, PATIENT_NAME, Person, monday, wait_for};
use crate::patient::{get, post, submit};
use crate::support::http::{Client, Response, form_encoded};

/// What a request should meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// Sent to the sign-in page.
    Away,
    /// 403.
    Forbidden,
    /// 404, as if it were not there; for a task also 409.
    NotThere,
    /// The page or the act, or a page that says what is wrong with what was sent.
    Open,
}

struct Visitor<'a> {
    name: &'static str,
    person: Option<&'a Person>,
    role: Option<Role>,
    client: Client,
}

fn visitors(house: &House) -> Vec<Visitor<'_>> {
    let people = &house.people;
    let some = |name, person, role| Visitor {
        name,
        person: Some(person),
        role: Some(role),
        client: house.signed_in(person),
    };
    vec![
        Visitor {
            name: "nobody",
            person: None,
            role: None,
            client: house.client(),
        },
        some("unlicensed therapist", &people.unlicensed, Role::Therapist),
        some(
            "therapist of another clinic",
            &people.elsewhere,
            Role::Therapist,
        ),
        some("quality", &people.quality, Role::Quality),
        some("administrator", &people.administrator, Role::Administrator),
        some("therapist", &people.therapist, Role::Therapist),
        some("supervisor", &people.supervisor, Role::Supervisor),
    ]
}

fn expected(route: &Route, visitor: &Visitor<'_>, house: &House) -> Expected {
    let Some(role) = visitor.role else {
        return Expected::Away;
    };
    let Access::May(action) = route.access else {
        return Expected::Open;
    };
    let same = |person: &Person| visitor.person.is_some_and(|known| known.id == person.id);
    if !role_may(role, action) {
        return Expected::Forbidden;
    }
    if action.is_licensed_only() && same(&house.people.unlicensed) {
        return Expected::Forbidden;
    }
    if route.path.contains("{id}") && same(&house.people.elsewhere) {
        return Expected::NotThere;
    }
    Expected::Open
}

/// The route's path with the one patient, flag, task or account there is.
fn filled(path: &str, house: &House) -> String {
    let id = |table: &str| house.ids(table)[0].clone();
    let id = match path.split('/').nth(1) {
        Some("patients") => id("patient"),
        Some("occasions") => id("administration"),
        Some("flags") => id("flag"),
        Some("tasks") => id("task"),
        Some("signals") => id("signal"),
        // One that asks for a permission.
        Some("instruments") => "who5".to_owned(),
        Some("admin") => house.ids("staff").pop().expect("the one who came last"),
        _ => String::new(),
    };
    path.replace("{id}", &id)
}

fn ask(visitor: &mut Visitor<'_>, method: &str, path: &str) -> Response {
    let fields = [
        ("instrument", "phq9"),
        ("note", "I have it"),
        ("assessment", "Spoke to the patient; plan made."),
        ("promise", "soon"),
    ];
    let headers = [
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Sec-Fetch-Site", "same-origin"),
    ];
    let body = if method == "POST" {
        form_encoded(&fields)
    } else {
        String::new()
    };
    visitor
        .client
        .request(method, path, &headers, body.as_bytes())
        .expect("the site answers")
}

fn seen(answer: &Response, route: &Route) -> Option<Expected> {
    match answer.status {
        303 if answer.location() == Some("/sign-in") => Some(Expected::Away),
        200 | 303 | 422 => Some(Expected::Open),
        403 => Some(Expected::Forbidden),
        404 => Some(Expected::NotThere),
        409 => Some(if route.path.starts_with("/tasks") {
            Expected::NotThere
        } else {
            Expected::Open
        }),
        _ => None,
    }
}

/// A patient with a flag, a signal and a task, and an account that nobody uses: something to reach.
fn with_something_to_reach() -> House {
    let house = House::open();
    let patient = house.patient("P1");
    let link = house.link(patient, &["phq9"]);
    post(
        &mut house.client(),
        &format!("{link}/q/9"),
        &[("answer", "1")],
    );
    let scored = house.link(patient, &["gad7"]);
    submit(&mut house.client(), &scored, &["3"; 8]);
    let other = house.link(patient, &["gad7"]);
    post(&mut house.client(), &format!("{other}/not-for-me"), &[]);
    let (name, email) = ("Last Comer".to_owned(), "last@staff.example.org".to_owned());
    let last = NewAccount {
        email,
        name,
        role: Role::Quality,
        licence: None,
        clinics: vec![],
    };
    add_account(&house.app, &house.operator(), &last).expect("the account is added");
    house
}

#[test]
fn every_route_opens_for_the_roles_of_its_permission_and_for_nobody_else() {
    let house = with_something_to_reach();
    let mut visitors = visitors(&house);
    let mut walked = 0;
    for route in ROUTES
        .iter()
        .filter(|route| matches!(route.access, Access::May(_) | Access::SignedIn))
        // A stream does not end by itself; it has tests of its own.
        .filter(|route| route.path != "/queue/events")
    {
        let path = filled(route.path, &house);
        for visitor in &mut visitors {
            // Signing out would leave nobody to walk on; it has a test of its own.
            if route.path == "/sign-out" && visitor.person.is_some() {
                continue;
            }
            let wanted = expected(route, visitor, &house);
            let answer = ask(visitor, route.method, &path);
            let found = seen(&answer, route);
            let why = || {
                format!(
                    "{} {} for {}: {} {:.300}",
                    route.method,
                    route.path,
                    visitor.name,
                    answer.status,
                    answer.text()
                )
            };
            // A task that somebody else settled a moment ago is a conflict for the next one, which is as open as it gets.
            let settled = route.path.starts_with("/tasks")
                && answer.status == 409
                && wanted == Expected::Open;
            assert!(
                found == Some(wanted) || settled,
                "{wanted:?} was wanted; {}",
                why()
            );
            if [Expected::Forbidden, Expected::NotThere, Expected::Away].contains(&wanted)
                || visitor.role == Some(Role::Quality)
            {
                assert!(
                    !answer.text().contains(PATIENT_NAME),
                    "the patient's name is told; {}",
                    why()
                );
            }
            walked += 1;
        }
    }
    assert!(walked > 100, "{walked} combinations");
    house.verified();
}

#[test]
fn each_role_begins_where_its_work_is() {
    let house = House::open();
    for (person, home) in [
        (&house.people.therapist, "/caseload"),
        (&house.people.supervisor, "/caseload"),
        (&house.people.quality, "/evaluation"),
        (&house.people.administrator, "/admin"),
    ] {
        let mut client = house.signed_in(person);
        assert_eq!(get(&mut client, "/").location(), Some(home));
        assert_eq!(get(&mut client, home).status, 200, "{home}");
        assert_eq!(
            post(&mut client, "/sign-out", &[]).location(),
            Some("/sign-in")
        );
        assert_eq!(
            get(&mut client, home).location(),
            Some("/sign-in"),
            "signed out of {home}"
        );
    }
}

#[test]
fn what_is_not_in_the_table_of_routes_is_not_there() {
    let house = with_something_to_reach();
    let mut administrator = house.signed_in(&house.people.administrator);
    for path in [
        "/patients",
        "/flags",
        "/metrics",
        "/api/patients",
        "/admin/../queue",
        "/.env",
        "/assets/../Cargo.toml",
        "/mailbox",
    ] {
        for client in [&mut house.client(), &mut administrator] {
            assert_eq!(get(client, path).status, 404, "{path}");
        }
    }
    let route_of = |path: &str| ROUTES.iter().find(|route| route.path == path);
    assert!(route_of("/mailbox").is_some_and(|route| route.access == Access::Demo));
}

#[test]
fn a_patient_of_another_clinic_is_not_there_in_any_list() {
    let house = with_something_to_reach();
    let mut elsewhere = house.signed_in(&house.people.elsewhere);
    for path in ["/caseload", "/queue", "/tasks"] {
        let page = get(&mut elsewhere, path);
        assert_eq!(page.status, 200);
        assert!(!page.text().contains(PATIENT_NAME), "{path}");
        assert!(
            get(&mut house.signed_in(&house.people.therapist), path)
                .text()
                .contains(PATIENT_NAME),
            "{path}"
        );
    }
    assert_eq!(house.number("task WHERE done_at IS NULL"), 1);
    post(
        &mut elsewhere,
        &format!("/tasks/{}/done", house.ids("task")[0]),
        &[],
    );
    assert_eq!(
        house.number("task WHERE done_at IS NULL"),
        1,
        "nor can it be settled from elsewhere"
    );
}

#[test]
fn a_sign_in_ends_when_idle_and_after_twelve_hours_whatever_happens() {
    let house = House::at(monday());
    let mut client = house.signed_in(&house.people.therapist);
    house.app.clock.set(monday() + TimeDelta::minutes(14));
    assert_eq!(get(&mut client, "/caseload").status, 200);
    let mut idle = house.signed_in(&house.people.supervisor);
    house.app.clock.set(monday() + TimeDelta::minutes(30));
    assert_eq!(
        get(&mut idle, "/caseload").location(),
        Some("/sign-in"),
        "sixteen minutes without a click"
    );

    house
        .app
        .clock
        .set(monday() + TimeDelta::hours(12) - TimeDelta::seconds(1));
    house.run_sql("UPDATE sign_in SET seen_at = '2026-03-03 03:59:00'");
    assert_eq!(
        get(&mut client, "/caseload").status,
        200,
        "in use, and not twelve hours yet"
    );
    house.app.clock.set(monday() + TimeDelta::hours(12));
    assert_eq!(get(&mut client, "/caseload").location(), Some("/sign-in"));
}

#[test]
fn a_disabled_account_is_out_at_its_next_click() {
    let house = House::open();
    let mut client = house.signed_in(&house.people.therapist);
    assert_eq!(get(&mut client, "/caseload").status, 200);
    let administrator = house.people.administrator.actor.clone();
    wait_for(attune::app::accounts::disable(
        &house.app,
        administrator,
        house.people.therapist.id,
    ))
    .expect("the account is disabled");
    assert_eq!(get(&mut client, "/caseload").location(), Some("/sign-in"));
    let fields = [
        ("email", house.people.therapist.email.as_str()),
        ("password", PASSWORD),
    ];
    assert_eq!(post(&mut client, "/sign-in", &fields).status, 422);
}

#[test]
fn wrong_passwords_are_told_nothing_noted_and_slowed() {
    let house = House::open();
    let mut client = house.client();
    let attempt = |client: &mut Client, email: &str| {
        let answer = post(
            client,
            "/sign-in",
            &[("email", email), ("password", "not the password at all")],
        );
        let text = answer.text().replace(email, "");
        (answer.status, text)
    };
    let known = attempt(&mut client, &house.people.therapist.email);
    let unknown = attempt(&mut client, "nobody@staff.example.org");
    assert_eq!(known, unknown, "the page does not say which was wrong");
    assert_eq!(known.0, 422);
    let statuses: Vec<u16> = (0..10)
        .map(|_| attempt(&mut client, &house.people.therapist.email).0)
        .collect();
    assert!(statuses.contains(&429), "{statuses:?}");
    assert_eq!(
        house
            .signed_in(&house.people.supervisor)
            .cookie("attune")
            .map(str::len),
        Some(43),
        "others get in"
    );
    assert!(house.number("audit_event WHERE act LIKE '%sign_in%' OR act LIKE '%failed%'") >= 1);
}

#[test]
fn the_cookie_is_out_of_reach_for_scripts_and_other_sites() {
    let house = House::open();
    let fields = [
        ("email", house.people.therapist.email.as_str()),
        ("password", PASSWORD),
    ];
    let answer = post(&mut house.client(), "/sign-in", &fields);
    let cookie = answer.header("set-cookie").expect("a cookie").to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"),
        "{cookie}"
    );
    let stored = house.texts("SELECT 'x' AS value FROM sign_in");
    assert_eq!(stored.len(), 1);
}

/// Sets a password with a set-up link, as its page does.
fn set_up(house: &House, link: &str) -> Result<(), Refusal> {
    let secret = Token::parse(link.rsplit('/').next().expect("a secret")).expect("a token");
    let first = accounts::FirstSetUp {
        email: "mallory@staff.example.org".into(),
        name: "Mallory".into(),
        organisation: "Elsewhere".into(),
        time_zone: "UTC".into(),
        clinic: "Elsewhere".into(),
    };
    let done = accounts::set_up(
        &house.app,
        &secret,
        "five other words in a row".into(),
        Some(first),
    );
    wait_for(done).map_err(|failure| match failure {
        Failure::Refused(why) => why,
        failure => panic!("{failure:?}"),
    })
}

#[test]
fn of_several_set_up_links_for_one_account_none_works_once_one_was_used() {
    let house = House::open();
    let administrator = house.people.administrator.actor.clone();
    let id = house.people.therapist.id;
    let ask = || {
        let sent = accounts::send_link(&house.app, administrator.clone(), id);
        wait_for(sent).expect("a link")
    };
    let (first, second) = (ask(), ask());
    set_up(&house, &second).expect("the password is set");
    assert_eq!(set_up(&house, &first), Err(Refusal::Link));
    set_up(&house, &ask()).expect("one that is asked for afterwards works");
}

#[test]
fn no_first_set_up_link_works_once_somebody_administers() {
    let house = House::open();
    assert_eq!(accounts::first_link(&house.app).expect("a look"), None);
    let all = |state: &str| {
        house.run_sql(&format!(
            "UPDATE staff SET state = '{state}' WHERE role = 'administrator'"
        ));
    };
    all("invited");
    let link = || {
        let link = accounts::first_link(&house.app).expect("a look");
        link.expect("nobody administers")
    };
    let (first, second) = (link(), link());
    all("active");
    assert_eq!(
        set_up(&house, &first),
        Err(Refusal::Link),
        "somebody administers by now"
    );
    all("invited");
    set_up(&house, &second).expect("nobody does");
    all("invited");
    assert_eq!(
        set_up(&house, &first),
        Err(Refusal::Link),
        "another was used"
    );
}

#[test]
fn two_who_take_the_last_two_licensed_people_away_at_once_leave_one() {
    for _ in 0..5 {
        let house = House::at(monday());
        house.run_sql("UPDATE staff SET licence = NULL WHERE email = 'sou@staff.example.org'");
        let people = &house.people;
        let leave = |who: &Person| {
            let admin = people.administrator.actor.clone();
            attune::app::accounts::disable(&house.app, admin, who.id)
        };
        let both = async { tokio::join!(leave(&people.therapist), leave(&people.supervisor)) };
        let (one, other) = wait_for(both);
        assert_eq!(u8::from(one.is_ok()) + u8::from(other.is_ok()), 1);
    }
}
