//! What the log may not hold: links, names, addresses, answers, passwords. A whole day is lived through at the most talkative level.

use std::time::Duration;

use crate::operator::{Office, PASSWORD};
use crate::patient::{CALM, get, post, start, submit};
use crate::support::smtp::{Behaviour, SmtpSink};

#[test]
fn a_whole_days_log_holds_no_link_name_address_answer_or_password() {
    let sink = SmtpSink::start();
    let url = sink.url();
    for format in ["text", "json"] {
        let settings = [
            ("ATTUNE_SMTP_URL", url.as_str()),
            ("ATTUNE_LOG", "debug"),
            ("ATTUNE_LOG_FORMAT", format),
        ];
        let mut office = Office::open_with(&settings);
        sink.then(&[Behaviour::RefuseForNow, Behaviour::RefuseForGood]);
        let links = office.links("phq9", 1);
        let mut patient = office.client();
        start(&mut patient, &links[0], "page");
        post(
            &mut patient,
            &format!("{}/q/9", links[0]),
            &[("answer", "3")],
        );
        submit(&mut patient, &links[1], &CALM);
        post(
            &mut patient,
            &format!("{}/q/1", links[2]),
            &[("answer", "%ff")],
        );
        post(
            &mut patient,
            &format!("{}/list/1", links[2]),
            &[("q1", "secret words")],
        );
        post(&mut patient, &format!("{}/not-for-me", links[3]), &[]);
        patient
            .request(
                "POST",
                &links[4],
                &[("Sec-Fetch-Site", "cross-site")],
                b"layout=list",
            )
            .expect("an answer");
        let mistyped = format!("/s/{}", "m".repeat(43));
        get(&mut patient, &mistyped);
        let mut clinician = office.client();
        post(
            &mut clinician,
            "/sign-in",
            &[
                ("email", "lee@staff.example.org"),
                ("password", "my wrong password"),
            ],
        );
        post(
            &mut clinician,
            "/sign-in",
            &[("email", "lee@staff.example.org"), ("password", PASSWORD)],
        );
        for path in ["/caseload", "/queue", "/tasks", "/patients/new"] {
            assert_eq!(get(&mut clinician, path).status, 200, "{path}");
        }
        let cookie = clinician.cookie("attune").expect("signed in").to_owned();
        office.site.run(&["import", "patients", "patients.csv"]);
        std::thread::sleep(Duration::from_millis(1_500));
        let log = office.stop(Duration::from_secs(10));
        assert!(
            log.contains("listening") && log.contains("DEBUG"),
            "the log was kept: {log}"
        );
        let tokens = links
            .iter()
            .chain([&mistyped])
            .map(|link| link.trim_start_matches("/s/").to_owned());
        let never = [
            "Quillfeather",
            "Zephyrine",
            "patients.example.org",
            "lee@staff",
            PASSWORD,
            "my wrong password",
            "secret words",
            "q1=",
            "phq",
        ];
        for word in tokens.chain(never.map(str::to_owned)).chain([cookie]) {
            let line = log.lines().find(|line| line.contains(&word));
            assert_eq!(line, None, "{word:?} is in the log");
        }
        let path = log
            .lines()
            .find(|line| line.replace("/s/{token}", "").contains("/s/"));
        assert_eq!(path, None, "a link's path is in the log");
        assert!(
            log.matches("/set-up/").count() <= 1,
            "only the first administrator's link may be there"
        );
    }
}
