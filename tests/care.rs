//! A patient's care on a page: another clinician, the end, another episode, what is known of the patient.

use attune::app::accounts;
use attune::domain::ids::PatientId;
use chrono::TimeDelta;

use crate::house::{House, Person, monday, wait_for};
use crate::mail::send;
use crate::patient::{get, post, submit};
use crate::plans::{at, details};
use crate::support::http::{Client, Response};
use crate::support::page;
use crate::support::smtp::SmtpSink;

/// A patient in care, and their clinician on the page.
struct Desk {
    house: House,
    who: PatientId,
    staff: Client,
}

impl Desk {
    fn open(cadences: &[&str]) -> Desk {
        let house = House::at(monday());
        let plans = cadences.iter().map(|cadence| details(&["phq9"], cadence));
        let who = house.enrol("P1", plans.collect());
        let staff = house.signed_in(&house.people.therapist);
        Desk { house, who, staff }
    }

    fn page(&mut self) -> String {
        let who = self.who;
        get(&mut self.staff, &format!("/patients/{who}/care")).text()
    }

    fn send(&mut self, form: &str, fields: &[(&str, &str)]) -> Response {
        let episode = self.house.ids("episode")[0].clone();
        let mut all = vec![("episode", episode.as_str())];
        all.extend(fields);
        let to = format!("/patients/{}/care/{form}", self.who);
        post(&mut self.staff, &to, &all)
    }

    fn end(&mut self, day: &str, ending: &str) -> Response {
        self.send("end", &[("ended_on", day), ("ending", ending)])
    }

    fn give_to(&mut self, person: &Person) -> Response {
        let id = person.id.to_string();
        self.send("clinician", &[("clinician", &id)])
    }

    /// Begins an episode where the page offers it first, but for these fields.
    fn begin(&mut self, change: &[(&str, &str)]) -> Response {
        let page = self.page();
        let form = page::form_to(&page, "/care/begin").expect("a form to begin");
        let me = self.house.people.therapist.id.to_string();
        let mut fields = form.untouched();
        for (name, value) in change.iter().chain(&[("clinician", me.as_str())]) {
            if let Some(field) = fields.iter_mut().find(|(known, _)| known == name) {
                field.1 = (*value).to_owned();
            }
        }
        let to = format!("/patients/{}/care/begin", self.who);
        self.staff.post_form(&to, &fields).expect("an answer")
    }
}

#[test]
fn a_clinician_ends_an_episode_on_the_page_and_what_waited_is_withdrawn() {
    let (mut desk, sink) = (
        Desk::open(&["every_weeks:1", "discharge"]),
        SmtpSink::start(),
    );
    let forms = "SELECT occasion || ' ' || state AS value FROM administration ORDER BY id";
    at(&desk.house, monday());
    send(&desk.house, &sink);
    assert_eq!(sink.mails().len(), 1);
    let record = get(&mut desk.staff, &format!("/patients/{}", desk.who)).text();
    assert!(record.contains(&format!("/patients/{}/care", desk.who)));
    let before = desk.house.snapshot();
    for (day, ending, words) in [
        ("2026-03-01", "planned", "from 2026-03-02"),
        ("2026-03-03", "planned", "to 2026-03-02, today"),
        ("2026-03-02", "", "Choose how the care ended"),
        ("2026-02-30", "planned", "Write the last day"),
        ("2026-03-02", "gone", "Choose how the care ended"),
    ] {
        let refused = desk.end(day, ending);
        assert_eq!(refused.status, 422, "{day} {ending}");
        assert!(
            refused.text().contains(words),
            "{words}: {}",
            refused.text()
        );
    }
    let kept = desk.end("2026-03-03", "transferred").text();
    let form = page::form_to(&kept, "/care/end").expect("a form to end it");
    for typed in [("ended_on", "2026-03-03"), ("ending", "transferred")] {
        let field = (typed.0.to_owned(), typed.1.to_owned());
        assert!(form.untouched().contains(&field), "{typed:?} is lost");
    }
    assert_eq!(
        desk.house
            .texts("SELECT COALESCE(ending, '-') AS value FROM episode"),
        ["-"]
    );
    assert_eq!(desk.house.snapshot().len(), before.len());

    assert_eq!(desk.end("2026-03-02", "planned").status, 303);
    let page = desk.page();
    assert!(
        page.contains("as planned") && page.contains("No episode of care goes on"),
        "{page}"
    );
    let states = desk.house.texts(forms);
    assert!(states[0].ends_with("cancelled"), "{states:?}");
    let late = desk.end("2026-03-02", "unplanned");
    assert!(late.status == 422 && late.text().contains("has ended already"));
    at(&desk.house, monday() + TimeDelta::days(1));
    send(&desk.house, &sink);
    assert_eq!(
        sink.mails().len(),
        2,
        "the form at the end comes all the same"
    );
    desk.house.verified();
}

#[test]
fn a_clinician_gives_an_episode_to_a_colleague_of_the_clinic_and_to_nobody_else() {
    let mut desk = Desk::open(&[]);
    let link = desk.house.link(desk.who, &["phq9"]);
    let mut answers = ["0"; 10];
    answers[8] = "1";
    submit(&mut desk.house.client(), &link, &answers);
    let words = desk.house.link(desk.who, &["fft"]);
    submit(
        &mut desk.house.client(),
        &words,
        &["2", "The lift was broken."],
    );
    let people = desk.house.people.clone();
    let decides = "SELECT s.email AS value FROM signal g JOIN staff s ON s.id = g.owner_id WHERE g.due_at IS NOT NULL";
    assert_eq!(desk.house.texts(decides), [people.therapist.email.as_str()]);
    let clinician = "SELECT s.email AS value FROM episode e JOIN staff s ON s.id = e.clinician_id";
    let owner = "SELECT s.email AS value FROM flag f JOIN staff s ON s.id = f.owner_id";
    for nobody in [&people.elsewhere, &people.quality, &people.administrator] {
        let refused = desk.give_to(nobody);
        assert_eq!(refused.status, 422, "{}", nobody.email);
        assert!(refused.text().contains("does not work in that clinic"));
    }
    let administrator = people.administrator.actor.clone();
    wait_for(accounts::disable(
        &desk.house.app,
        administrator,
        people.unlicensed.id,
    ))
    .expect("the account is closed");
    assert_eq!(desk.give_to(&people.unlicensed).status, 422);
    assert_eq!(
        desk.house.texts(clinician),
        [people.therapist.email.as_str()]
    );
    assert_eq!(desk.give_to(&people.supervisor).status, 303);
    assert_eq!(
        desk.house.texts(clinician),
        [people.supervisor.email.as_str()]
    );
    assert_eq!(
        desk.house.texts(owner),
        [people.therapist.email.as_str()],
        "a flag that waits stays with whoever has it"
    );
    assert_eq!(
        desk.house.texts(decides),
        [people.supervisor.email.as_str()],
        "a signal goes with the care"
    );
    desk.house.verified();
}

#[test]
fn another_episode_begins_with_its_programs_plans_and_none_begins_twice() {
    let mut desk = Desk::open(&[]);
    let twice = desk.begin(&[]);
    assert!(
        twice.status == 422 && twice.text().contains("End it first"),
        "{}",
        twice.text()
    );
    assert_eq!(desk.end("2026-03-02", "transferred").status, 303);
    let same_day = desk.begin(&[("started_on", "2026-03-02")]);
    assert_eq!(same_day.status, 422);
    for (field, value, words) in [
        ("started_on", "2031-01-01", "Write the first day of care"),
        ("clinic", "x", "Choose one of your clinics"),
        ("program", "x", "Choose a program"),
    ] {
        let refused = desk.begin(&[(field, value)]);
        assert!(
            refused.status == 422 && refused.text().contains(words),
            "{words}"
        );
    }
    assert_eq!(desk.begin(&[("started_on", "2026-03-03")]).status, 303);
    assert_eq!(desk.house.number("episode WHERE ended_on IS NULL"), 1);
    let page = desk.page();
    assert!(page.contains("care goes on elsewhere") && page.contains("Save the clinician"));
    desk.house.verified();
}

#[test]
fn what_is_known_of_a_patient_is_put_right_and_plans_go_by_the_new_clock() {
    let mut desk = Desk::open(&["every_weeks:1"]);
    let next = "SELECT CAST(next_due_at AS TEXT) AS value FROM plan";
    let before = desk.house.texts(next);
    let mut good = vec![
        ("name", "Noor  Example"),
        ("language", "es"),
        ("time_zone", "Europe/Madrid"),
        ("sex", "female"),
    ];
    for (place, value, words) in [
        (0, " ", "Write the patient’s name"),
        (1, "xx", "Choose a language"),
        (2, "Mars/Base", "Write a time zone like"),
        (3, "x", "Choose from the list"),
    ] {
        let mut wrong = good.clone();
        wrong[place].1 = value;
        let refused = desk.send("patient", &wrong);
        assert!(
            refused.status == 422 && refused.text().contains(words),
            "{words}"
        );
        assert!(
            place == 0 || refused.text().contains("Noor Example"),
            "what was typed stays"
        );
    }
    assert_eq!(desk.send("patient", &good).status, 303);
    assert_eq!(
        desk.house.texts(
            "SELECT name || ' ' || language || ' ' || time_zone || ' ' || sex AS value FROM patient"
        ),
        ["Noor Example es Europe/Madrid female"]
    );
    assert_ne!(
        desk.house.texts(next),
        before,
        "nine o’clock is earlier there"
    );
    good[3].1 = "";
    assert_eq!(desk.send("patient", &good).status, 303);
    assert_eq!(desk.house.number("patient WHERE sex IS NULL"), 1);
    desk.house.verified();
}

#[test]
fn nobody_of_another_clinic_sees_or_changes_a_patients_care() {
    let mut desk = Desk::open(&[]);
    desk.staff = desk.house.signed_in(&desk.house.people.elsewhere);
    let who = desk.who;
    assert_eq!(
        get(&mut desk.staff, &format!("/patients/{who}/care")).status,
        404
    );
    assert_eq!(desk.end("2026-03-02", "planned").status, 404);
    let nobody = PatientId::from_uuid(uuid::Uuid::nil());
    assert_eq!(
        get(&mut desk.staff, &format!("/patients/{nobody}/care")).status,
        404
    );
    // Whoever reads the record of somebody they cared for before changes nothing where the patient is now.
    let mut own = Desk::open(&[]);
    assert_eq!(own.end("2026-03-02", "transferred").status, 303);
    let elsewhere = own.house.people.elsewhere.clone();
    own.house.run_sql(&format!(
        "INSERT INTO episode (org_id, id, patient_id, clinic_id, program_id, clinician_id, started_on) \
         SELECT episode.org_id, staff.id, episode.patient_id, staff_clinic.clinic_id, program_id, staff.id, '2026-03-03' \
         FROM episode, staff JOIN staff_clinic ON staff_clinic.staff_id = staff.id WHERE staff.email = '{}'",
        elsewhere.email
    ));
    let page = own.page();
    assert!(
        page.contains("a clinic that is not yours") && !page.contains("/care/end"),
        "{page}"
    );
    let open = own.house.texts(&format!(
        "SELECT {} AS value FROM episode WHERE ended_on IS NULL",
        own.house.hex_of_id()
    ));
    let fields = [
        ("episode", open[0].as_str()),
        ("ended_on", "2026-03-02"),
        ("ending", "planned"),
    ];
    let refused = post(
        &mut own.staff,
        &format!("/patients/{}/care/end", own.who),
        &fields,
    );
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert_eq!(own.house.number("episode WHERE ended_on IS NULL"), 1);
}
