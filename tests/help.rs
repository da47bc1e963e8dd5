//! Help stands on every page a patient can meet, also on those nobody wants to show: each address in each state of its link, what is refused, what breaks,
//! and a database that does not answer. In another country it is that country's help, everywhere.

use actix_web::http::StatusCode;
use actix_web::{App as Router, HttpResponse, middleware::from_fn, test, web};
use attune::patient_words::help::{HelpLine, HelpLines, Number, Open, TextTo};
use attune::web::access::Access;
use attune::web::routes::{ROUTES, Route};
use chrono::TimeDelta;

use crate::house::{House, monday};
use crate::mail::{due, send};
use crate::operator::{complaint, printed};
use crate::patient::{CALM, get, post, start, submit};
use crate::support::http::{Client, Response};
use crate::support::process::Site;
use crate::support::smtp::SmtpSink;
use crate::texts::{PHONE, reach_by_text, writes};
use crate::ways::{ask_for_years, paired};

/// Public addresses that are no pages for patients.
const NOT_PAGES: [&str; 5] = [
    "/healthz",
    "/readyz",
    "/clinical-health",
    "/assets/{name}",
    "/sign-in",
];
/// What every page holds in the United States, on a site with a line of its own.
const HELP: [&str; 4] = ["tel:988", "sms:988", "tel:911", "tel:+15550100199"];

fn for_patients(route: &&Route) -> bool {
    let open = matches!(
        route.access,
        Access::LinkHolder | Access::StopLink | Access::Public
    );
    open && !NOT_PAGES.contains(&route.path)
}

/// The address of a route for this link; what else it names is 1.
fn address(route: &Route, link: &str) -> String {
    let token = link.trim_start_matches("/s/");
    let path = route.path.replace("{token}", token);
    let parts = path.split('/').map(|part| match part.starts_with('{') {
        true => "1",
        false => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

#[track_caller]
fn says(help: &[&str], what: &str, page: &Response) {
    let text = page.text();
    for way in help {
        let link = format!("href=\"{way}\"");
        assert!(
            text.contains(&link),
            "{what}: {} has no {way}: {text}",
            page.status
        );
    }
}

/// Opens every address of this link, in both languages, and sends an empty form to each that takes one; says how many pages there were.
#[track_caller]
fn walk(client: &mut Client, link: &str, help: &[&str], state: &str) -> usize {
    let mut pages = 0;
    for route in ROUTES.iter().filter(for_patients) {
        let to = address(route, link);
        let what = format!("{state}: {} {}", route.method, route.path);
        let answers = match route.method {
            "GET" => vec![
                get(client, &to),
                get(client, &format!("{to}?lang=es")),
                get(client, &format!("{to}?lang=en")),
            ],
            _ => vec![post(client, &to, &[])],
        };
        for answer in answers.iter().filter(|answer| !answer.is_redirect()) {
            says(help, &what, answer);
            pages += 1;
        }
    }
    pages
}

#[test]
fn help_is_on_every_address_of_a_link_in_every_state() {
    let house = House::at(monday());
    let mut pages = 0;

    let unknown = format!("/s/{}", "A".repeat(43));
    pages += walk(&mut house.client(), &unknown, &HELP, "unknown");
    let cut = house.phq9("P1");
    pages += walk(&mut house.client(), &cut[..30], &HELP, "mistyped");

    let used = house.phq9("P2");
    submit(&mut house.client(), &used, &CALM);
    pages += walk(&mut house.client(), &used, &HELP, "used");
    let open = house.phq9("P3");
    pages += walk(&mut house.client(), &open, &HELP, "open, then declined");

    let late = house.phq9("P4");
    house.app.clock.set(monday() + TimeDelta::days(15));
    pages += walk(&mut house.client(), &late, &HELP, "expired");
    let revoked = house.phq9("P5");
    house.run_sql("UPDATE link SET revoked_at = created_at");
    pages += walk(&mut house.client(), &revoked, &HELP, "revoked");
    assert!(pages > 150, "{pages} pages");
}

#[test]
fn help_is_on_every_page_before_the_year_of_birth_is_said_and_on_a_tablet() {
    let house = House::at(monday());
    let link = house.phq9("P0");
    ask_for_years(&house, 1984);
    assert!(walk(&mut house.client(), &link, &HELP, "not checked") > 20);

    let house = House::at(monday());
    let (mut tablet, link) = paired(&house);
    assert!(walk(&mut house.client(), &link, &HELP, "elsewhere") > 20);
    start(&mut tablet, &link, "page");
    for path in ["", "/q/1", "/review", "/support", "/idle"] {
        says(&HELP, path, &get(&mut tablet, &format!("{link}{path}")));
    }
    post(&mut tablet, &format!("{link}/hand-back"), &[]);
    says(&HELP, "handed back", &get(&mut tablet, "/tablet?back"));
    says(&HELP, "handed back", &get(&mut tablet, &link));
}

#[test]
fn help_is_on_the_page_for_everything_that_is_refused() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    let mut client = house.client();
    let ours = ("Sec-Fetch-Site", "same-origin");
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let mut send = |method: &str, to: &str, headers: &[(&str, &str)], body: &[u8]| {
        client
            .request(method, to, headers, body)
            .expect("the site answers")
    };
    let large = [b"note=".to_vec(), vec![b'a'; 70_000]].concat();
    for to in [
        link.clone(),
        format!("{link}/q/1"),
        format!("{link}/list/1"),
        format!("{link}/correction"),
        format!("{link}/check"),
        "/tablet".to_owned(),
    ] {
        let answer = send("POST", &to, &[ours, form], &large);
        if !answer.is_redirect() {
            says(&HELP, &format!("too large: {to}"), &answer);
        }
        let answer = send("POST", &to, &[ours, ("Content-Type", "text/plain")], b"x=1");
        if !answer.is_redirect() {
            says(&HELP, &format!("no form: {to}"), &answer);
        }
    }
    let too_large = send("POST", &format!("{link}/q/1"), &[ours, form], &large);
    assert_eq!(too_large.status, 413);
    for (method, to) in [
        ("PUT", link.as_str()),
        ("DELETE", &format!("{link}/q/1")),
        ("PATCH", "/tablet"),
        ("OPTIONS", "/stop/x"),
        ("POST", &format!("{link}/support")),
        ("GET", "/s/"),
        ("GET", "/s/a/b/c/d"),
        ("GET", "/s"),
        ("GET", "/nowhere"),
        ("GET", "/stop/nobody"),
        ("GET", "/assets/nothing"),
    ] {
        let answer = send(method, to, &[ours], b"");
        assert!((400..500).contains(&answer.status), "{method} {to}");
        if to != "/assets/nothing" {
            says(&HELP, &format!("{method} {to}"), &answer);
        }
    }
    let foreign = send(
        "POST",
        &link,
        &[("Sec-Fetch-Site", "cross-site"), form],
        b"",
    );
    assert_eq!(foreign.status, 403);
    says(&HELP, "foreign", &foreign);
    let foreign = send(
        "POST",
        "/tablet",
        &[("Sec-Fetch-Site", "cross-site"), form],
        b"",
    );
    says(&HELP, "foreign", &foreign);
}

#[test]
fn help_is_on_the_page_for_whoever_has_to_wait() {
    let house = House::at(monday());
    let mut client = house.client();
    let last = (0..45)
        .map(|n| get(&mut client, &format!("/s/{n:043}")))
        .last();
    let last = last.expect("an answer");
    assert_eq!(last.status, 429);
    says(&HELP, "guessing", &last);
    let last = (0..15)
        .map(|_| post(&mut client, "/tablet", &[("code", "ABCDEFG")]))
        .last();
    let last = last.expect("an answer");
    assert_eq!(last.status, 429);
    says(&HELP, "codes", &last);
    let stop = get(&mut client, "/stop/nobody");
    assert_eq!(stop.status, 429);
    says(&HELP, "stop", &stop);
}

#[test]
fn help_is_on_every_page_while_the_database_is_stopped() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    let mut client = house.client();
    start(&mut client, &link, "page");
    house.app.store.close();
    assert!(walk(&mut client, &link, &HELP, "stopped") > 20);
    let page = post(&mut client, &format!("{link}/q/1"), &[("answer", "1")]);
    assert_eq!(page.status, 503);
    assert!(page.text().contains("not your fault"), "{}", page.text());
    says(&HELP, "an answer", &page);
}

#[test]
fn help_is_on_every_page_while_the_database_is_broken() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    let mut client = house.client();
    start(&mut client, &link, "page");
    house.run_sql("ALTER TABLE administration RENAME TO gone");
    walk(&mut client, &link, &HELP, "broken");
    let page = get(&mut client, &link);
    assert_eq!(page.status, 500);
    house.run_sql("ALTER TABLE gone RENAME TO administration");
}

#[test]
fn an_address_that_leads_nowhere_says_so_in_every_language() {
    let house = House::at(monday());
    for path in ["/nowhere", "/S/abc", "/patient/1?lang=es", "/mailbox"] {
        let page = get(&mut house.client(), path);
        let text = page.text();
        assert_eq!(page.status, 404, "{path}");
        assert_eq!(
            page.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        for (language, sentence) in [
            ("en", "We cannot find this page"),
            ("en", "Open your message again"),
            ("es", "No podemos encontrar esta página"),
            ("es", "Abra otra vez su mensaje"),
        ] {
            let (_, section) = text
                .split_once(&format!("<section lang=\"{language}\">"))
                .expect("a section in each language");
            let (section, _) = section.split_once("</section>").expect("which ends");
            assert!(section.contains(sentence), "{path}: {text}");
        }
        says(&HELP, path, &page);
    }
}

async fn breaks() -> HttpResponse {
    panic!("a handler that breaks on purpose")
}

async fn says_nothing() -> HttpResponse {
    HttpResponse::InternalServerError().finish()
}

#[test]
fn a_handler_that_panics_or_says_nothing_leaves_a_page_with_help_on_it() {
    let house = House::at(monday());
    let app = house.app.clone();
    actix_web::rt::System::new().block_on(async move {
        let site =
            attune::web::Site::new(app, Some("Harbor <line>|(555)|+15550100199".into()), None);
        let router = Router::new()
            .app_data(web::Data::new(site))
            .wrap(from_fn(attune::web::last_resort::whole))
            .route("/s/breaks", web::get().to(breaks))
            .route("/s/nothing", web::get().to(says_nothing));
        let served = test::init_service(router).await;
        for path in ["/s/breaks", "/s/nothing", "/s/breaks"] {
            let request = test::TestRequest::get().uri(path).to_request();
            let answer = match test::try_call_service(&served, request).await {
                Ok(answer) => answer.into_parts().1.map_into_boxed_body(),
                Err(error) => error.error_response(),
            };
            assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR, "{path}");
            let guarded = answer.headers().contains_key("content-security-policy");
            assert_eq!(guarded, path == "/s/breaks", "{path}");
            let body = actix_web::body::to_bytes(answer.into_body()).await;
            let body = body.unwrap_or_default();
            let text = String::from_utf8_lossy(&body);
            for way in HELP {
                assert!(text.contains(&format!("href=\"{way}\"")), "{path}: {text}");
            }
            assert!(
                text.contains("AYUDA") && text.contains("Harbor &lt;line>"),
                "{text}"
            );
        }
    });
}

fn elsewhere() -> HelpLines {
    let number = |text| Number::parse(text).expect("a number");
    HelpLines {
        emergency: number("999"),
        first: HelpLine {
            name: "Night listeners".to_owned(),
            call: number("116 123"),
            spanish_press: None,
            text: Some(TextTo {
                number: number("85258"),
                word: Some("LISTEN".to_owned()),
                spanish_word: None,
            }),
            chat: None,
            open: Open::FreeDayAndNight,
            veterans: None,
        },
        others: vec![],
    }
}

/// No page of another country speaks of the lines of the United States.
#[track_caller]
fn is_of_elsewhere(what: &str, text: &str) {
    for theirs in [
        "988", "911", "838255", "eteran", "AYUDA", "oprima 2", "press 2",
    ] {
        // Three digits may stand in a token or a style sheet's address; as words they do not.
        let said = text
            .split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_')
            .any(|word| word == theirs)
            || theirs.len() > 3 && text.contains(theirs);
        assert!(!said, "{what}: {theirs} in {text}");
    }
}

#[test]
fn in_another_country_every_page_shows_that_countrys_help_and_no_other() {
    let house = House::abroad(&elsewhere());
    let help = ["tel:116123", "sms:85258", "tel:999", "tel:+15550100199"];
    let link = house.phq9("P1");
    let mut client = house.client();
    start(&mut client, &link, "page");
    for path in [
        "", "/q/1", "/q/9", "/list/1", "/review", "/support", "/nowhere",
    ] {
        for language in ["en", "es"] {
            let page = get(&mut client, &format!("{link}{path}?lang={language}"));
            says(&help, path, &page);
            is_of_elsewhere(path, &page.text());
        }
    }
    let support = get(&mut client, &format!("{link}/support?lang=en")).text();
    for said in ["Night listeners", "Text LISTEN to 85258", "Call 999"] {
        assert!(support.contains(said), "{said}: {support}");
    }
    let support = get(&mut client, &format!("{link}/support?lang=es")).text();
    for said in ["Night listeners", "Envíe LISTEN al 85258", "Llame al 999"] {
        assert!(support.contains(said), "{said}: {support}");
    }
    let check = house.link(house.patient("P2"), &["session_check"]);
    let words = get(&mut client, &format!("{check}/list/1")).text();
    assert!(
        words.contains("call 116 123 or text LISTEN to 85258"),
        "{words}"
    );
    is_of_elsewhere("words", &words);
    house.app.store.close();
    let stopped = get(&mut client, &link);
    says(&help, "stopped", &stopped);
    is_of_elsewhere("stopped", &stopped.text());
}

#[test]
fn in_another_country_mails_and_texts_name_that_countrys_help() {
    let (house, sink) = (House::abroad(&elsewhere()), SmtpSink::start());
    due(&house, "P1");
    send(&house, &sink);
    let mails = sink.mails();
    assert_eq!(mails.len(), 1);
    let text = mails[0].text().unwrap_or_default();
    let text = text.replace('\r', "").replace('\n', " ");
    assert!(
        text.contains("call 116 123 or text LISTEN to 85258") && text.contains("call 999"),
        "{text}"
    );
    is_of_elsewhere("mail", &text);
    reach_by_text(&house, house.ids("patient")[0].parse().expect("an id"));
    let answer = writes(&house, PHONE, "please help me").text();
    assert!(
        answer.contains("call 116 123") && answer.contains("llame al 116 123"),
        "{answer}"
    );
    is_of_elsewhere("text", &answer);
}

#[test]
fn outside_the_united_states_nothing_is_served_before_its_help_lines_are_set() {
    let site = Site::new().with("ATTUNE_COUNTRY", "GB");
    let refused = site.run(&["serve"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = complaint(&refused);
    assert!(
        said.contains("ATTUNE_EMERGENCY_NUMBER") && said.contains("GB"),
        "{said}"
    );
    site.must_run(&["migrate"]);
    let ill = site.run(&["doctor"]);
    assert_eq!(ill.status.code(), Some(1));
    assert!(
        printed(&ill).contains("FAULT  help lines: ATTUNE_EMERGENCY_NUMBER"),
        "{}",
        printed(&ill)
    );
    let site = site
        .with("ATTUNE_EMERGENCY_NUMBER", "999")
        .with("ATTUNE_CRISIS_LINES", "Night listeners | call 116 123");
    let away = printed(&site.run(&["away-page"]));
    for way in ["tel:116123", "tel:999", "lang=\"es\""] {
        assert!(away.contains(way), "{way}: {away}");
    }
    assert!(
        !away.contains("src=") && !away.contains("stylesheet"),
        "it loads nothing"
    );
    is_of_elsewhere("away", &away);
    let said = printed(&site.run(&["doctor"]));
    assert!(
        said.contains(
            "ok     help lines: GB: If you need help now, call 116 123 (Night listeners)."
        ),
        "{said}"
    );
}
