//! The patient's pages and mails in English and in Spanish: which language a page speaks, how it is changed, and that nothing chosen is lost
//! on the way. Whether each text is there in each language is the compiler's business.

use attune::app::plan_due::plan_due;
use attune::app::set_plan::PlanDetails;
use attune::domain::instrument::Library;
use attune::domain::schedule::Cadence;
use chrono::TimeDelta;

use crate::house::{House, monday};
use crate::mail::{send, tells_nothing};
use crate::patient::{CALM, get, post, sheet, start, submit};
use crate::support::http::{Client, path_of};
use crate::support::page::{self, Checked};
use crate::support::smtp::SmtpSink;

/// A fresh form of a patient with Spanish on record.
fn spanish(house: &House, instruments: &[&str]) -> String {
    house.link(house.enrol_speaking("es", "P1", vec![]), instruments)
}

/// The language a page says it is in.
fn lang(html: &str) -> String {
    let (_, rest) = html.split_once("<html lang=\"").expect("a page");
    rest.split('"').next().expect("a language").to_owned()
}

/// What is chosen on a page, as `q3=2`.
fn chosen(html: &str) -> Vec<String> {
    let fields = page::forms(html).into_iter().flat_map(|form| form.fields);
    fields
        .filter(|field| field.kind == "radio" && field.checked == Checked::Yes)
        .map(|field| format!("{}={}", field.name, field.value))
        .collect()
}

/// Posts and follows; the page it ends on.
fn post_on(client: &mut Client, path: &str, fields: &[(&str, &str)]) -> String {
    let answer = post(client, path, fields);
    assert_eq!(answer.status, 303, "{}", answer.text());
    client.follow(answer).expect("the site answers").text()
}

#[test]
fn the_language_on_record_comes_first_then_a_choice_and_only_for_a_link_that_is_none_the_browsers()
{
    let house = House::open();
    let link = spanish(&house, &["phq9"]);
    let mut phone = house.client();
    phone
        .headers
        .push(("Accept-Language".into(), "en-US".into()));
    let first = get(&mut phone, &link);
    assert_eq!(lang(&first.text()), "es");
    assert!(first.text().contains("Nadie está viendo esta página"));
    assert!(first.text().contains("y oprima 2"));
    assert!(first.header("set-cookie").is_none(), "nothing was chosen");

    let chosen = get(&mut phone, &format!("{link}?lang=en"));
    assert_eq!(lang(&chosen.text()), "en");
    let cookie = chosen.header("set-cookie").expect("a choice is kept");
    let wanted = format!("lang=en; HttpOnly; SameSite=Lax; Path={link}");
    assert_eq!(cookie, wanted, "until the browser closes, for this link");
    assert_eq!(lang(&get(&mut phone, &format!("{link}/q/1")).text()), "en");

    let mut laptop = house.client();
    assert_eq!(
        lang(&get(&mut laptop, &format!("{link}/q/1")).text()),
        "es",
        "another device asks the record"
    );
    assert_eq!(lang(&get(&mut phone, "/s/mistyped").text()), "en");
    laptop
        .headers
        .push(("Accept-Language".into(), "fr, es-MX;q=0.8, en;q=0.2".into()));
    for nowhere in ["/s/mistyped", "/s/mistyped/q/one/two"] {
        let lost = get(&mut laptop, nowhere);
        assert_eq!((lost.status, lang(&lost.text()).as_str()), (404, "es"));
        assert!(lost.text().contains("No podemos encontrar esta página"));
    }
}

#[test]
fn every_page_offers_the_other_language_and_looking_changes_nothing() {
    let house = House::open();
    let link = house.phq9("P1");
    let before = house.snapshot();
    let mut patient = house.client();
    let pages = [
        "", "/q/1", "/list/1", "/review", "/support", "/closed", "/nowhere",
    ];
    for path in pages {
        let address = format!("{link}{path}");
        let english = get(&mut house.client(), &address).text();
        assert_eq!(lang(&english), "en");
        assert!(english.contains("lang=\"es\""), "{path}");
        assert!(english.contains(">Español</"), "{path}");
        let spanish = get(&mut patient, &format!("{address}?lang=es")).text();
        assert_eq!(lang(&spanish), "es", "{path}");
        assert!(spanish.contains(">English</"), "{path}");
        assert!(spanish.contains("Ayuda ahora") && spanish.contains("911"));
        assert!(spanish.len() < 30_000, "{path}: {}", spanish.len());
    }
    for (path, odd) in [("/q/1", "xx"), ("/review", "es-MX%0d%0a"), ("", "")] {
        let address = format!("{link}{path}?lang={odd}");
        let page = get(&mut house.client(), &address);
        assert_eq!(lang(&page.text()), "en", "{odd:?} is no language of ours");
        assert!(page.header("set-cookie").is_none());
    }
    assert_eq!(house.snapshot(), before);
}

#[test]
fn changing_the_language_of_a_list_keeps_what_is_chosen_and_sends_nothing() {
    let house = House::open();
    let link = house.phq9("P1");
    let mut patient = house.client();
    start(&mut patient, &link, "list");
    let list = format!("{link}/list/1");
    let some = [("q1", "2"), ("q4", "0"), ("lang", "es")];
    let spanish = post_on(&mut patient, &list, &some);
    assert_eq!(lang(&spanish), "es");
    assert!(spanish.contains("Enviar mis respuestas"));
    assert_eq!(chosen(&spanish), ["q1=2", "q4=0"]);
    assert_eq!(house.counts(["responses", "scores"]), [1, 0]);

    let english = post_on(
        &mut patient,
        &list,
        &[("q1", "2"), ("q4", "0"), ("q2", "1"), ("lang", "en")],
    );
    assert_eq!(lang(&english), "en");
    assert_eq!(chosen(&english), ["q1=2", "q2=1", "q4=0"]);

    let mut all: Vec<(&str, &str)> = CALM[1..]
        .iter()
        .zip(["q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9", "q10"])
        .map(|(answer, field)| (field, *answer))
        .collect();
    all.extend([("q1", "3"), ("lang", "xx")]);
    let odd = post_on(&mut patient, &list, &all);
    assert_eq!(lang(&odd), "en", "an unknown language changes nothing");
    assert_eq!(chosen(&odd).len(), 10, "and is no way to hand in");
    assert_eq!(house.counts(["responses", "scores"]), [1, 0]);
}

#[test]
fn changing_the_language_of_a_question_keeps_what_is_chosen_and_stays_there() {
    let house = House::open();
    let link = house.phq9("P1");
    let mut patient = house.client();
    start(&mut patient, &link, "page");
    let before = house.snapshot();
    let question = format!("{link}/q/3");
    let empty = post_on(&mut patient, &question, &[("lang", "es")]);
    assert!(empty.contains("Pregunta 3 de 10") && !empty.contains("Error"));
    assert_eq!(house.snapshot(), before, "nothing chosen, nothing saved");

    let english = post_on(&mut patient, &question, &[("answer", "2"), ("lang", "en")]);
    assert!(english.contains("Question 3 of 10"));
    assert_eq!(chosen(&english), ["answer=2"]);
    let odd = post_on(&mut patient, &question, &[("answer", "1"), ("lang", "fr")]);
    assert!(odd.contains("Question 3 of 10") && lang(&odd) == "en");
    assert_eq!(chosen(&odd), ["answer=1"]);
}

#[test]
fn help_comes_before_another_language_and_speaks_it() {
    let house = House::open();
    let link = house.phq9("P1");
    let mut patient = house.client();
    start(&mut patient, &link, "page");
    let answer = post(
        &mut patient,
        &format!("{link}/q/9"),
        &[("answer", "1"), ("lang", "es")],
    );
    let help = format!("{link}/support?then=q/9&lang=es");
    assert_eq!(answer.location(), Some(help.as_str()));
    let page = get(&mut patient, &help).text();
    assert_eq!(lang(&page), "es");
    for words in [
        "Gracias por decirnos esto",
        "Oprima 2",
        "Envíe AYUDA al 988",
        "tel:911",
        "(555) 010-0199",
        "Su respuesta está guardada",
        "Nadie está viendo esta página ahora",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let links = page::links(&page);
    assert!(links.contains(&format!("{link}/q/9")), "{links:?}");
    let back = format!("{link}/support?then=q/9&lang=en");
    assert!(links.contains(&back), "the way on is kept: {links:?}");
    assert_eq!(house.counts(["flags", "notices"]), [1, 1]);
}

#[test]
fn a_form_that_came_in_spanish_ends_in_spanish_and_staff_see_that() {
    let house = House::at(monday());
    let link = spanish(&house, &["phq9"]);
    let mut patient = house.client();
    assert_eq!(submit(&mut patient, &link, &CALM).status, 303);
    let end = get(&mut patient, &format!("{link}/end")).text();
    assert!(end.contains("Ya recibimos sus respuestas"), "{end}");
    let moment = "Recibimos 10 de 10 respuestas el lunes 2 de marzo a las 10:00\u{a0}a.\u{a0}m.<";
    assert!(end.contains(moment), "{end}");
    let used = get(&mut patient, &link);
    assert_eq!(used.status, 410);
    assert!(used.text().contains("Estas preguntas ya están contestadas"));

    let has_spanish = Library::embedded()
        .get("phq9")
        .is_some_and(|known| known.texts("es").is_some());
    let wording = if has_spanish { "es" } else { "en" };
    assert_eq!(
        house.texts("SELECT language || ' ' || layout AS value FROM response"),
        [format!("{wording} list")]
    );
    let id = &house.ids("patient")[0];
    let mut therapist = house.signed_in(&house.people.therapist);
    let record = get(&mut therapist, &format!("/patients/{id}?open=answers-phq9")).text();
    let name = if has_spanish { "Spanish" } else { "English" };
    assert!(record.contains(&format!("list, {name}")), "{record}");
}

#[test]
fn a_questionnaire_nobody_translated_is_shown_in_english_and_says_so_calmly() {
    let house = House::open();
    let untranslated = ["pcl5", "pc_ptsd_5", "gad7", "phq9"]
        .into_iter()
        .find(|id| {
            Library::embedded()
                .get(id)
                .is_some_and(|known| known.texts("es").is_none())
        });
    let Some(id) = untranslated else { return };
    let link = spanish(&house, &[id]);
    let mut patient = house.client();
    for path in ["", "/q/1", "/list/1"] {
        let page = get(&mut patient, &format!("{link}{path}")).text();
        let said = page.matches("Estas preguntas están solo en inglés").count();
        assert_eq!(said, 1, "{path}");
    }
    let list = get(&mut patient, &format!("{link}/list/1")).text();
    let marked = list.matches("<fieldset lang=\"en\">").count();
    assert_eq!(marked, list.matches("<fieldset").count());
    post(&mut patient, &format!("{link}/q/1"), &[("answer", "1")]);
    assert_eq!(
        house.texts("SELECT language AS value FROM response"),
        ["en"],
        "the language of the wording that was answered"
    );
    let english = get(&mut patient, &format!("{link}/list/1?lang=en")).text();
    assert!(!english.contains("in English only") && !english.contains("<fieldset lang"));
}

#[test]
fn the_sites_own_promise_is_quoted_in_english_and_the_first_one_is_translated() {
    let house = House::open();
    let link = spanish(&house, &["phq9"]);
    let mut patient = house.client();
    house.run_sql("UPDATE organisation SET reading_promise = 'within 2 working days'");
    let quoted = get(&mut patient, &link).text();
    let words = "lee sus respuestas. Su clínica dice cuándo, en inglés: <span lang=\"en\">within 2 working days</span>.";
    assert!(quoted.contains(words), "{quoted}");
    house.run_sql("UPDATE organisation SET reading_promise = 'before your next visit'");
    let first = get(&mut patient, &link).text();
    assert!(first.contains(
        "lee sus respuestas de lunes a viernes, de las 9 de la mañana a las 5 de la tarde."
    ));
}

#[test]
fn an_expired_link_of_a_spanish_speaking_patient_says_so_in_spanish() {
    let house = House::at(monday());
    let link = spanish(&house, &["phq9"]);
    house
        .app
        .clock
        .set(monday() + TimeDelta::days(7) + TimeDelta::seconds(1));
    let mut patient = house.client();
    let looked = get(&mut patient, &link);
    let sent = patient
        .post_form(&format!("{link}/list/1"), &sheet(&CALM))
        .expect("an answer");
    for answer in [looked, sent] {
        let text = answer.text();
        assert_eq!((answer.status, lang(&text).as_str()), (410, "es"));
        assert!(text.contains("El tiempo para estas preguntas ya terminó"));
        assert!(text.contains("oprima 2") && text.contains("(555) 010-0199"));
        assert!(text.contains(">English</a>"), "{text}");
    }
    let english = get(&mut patient, &format!("{link}?lang=en"));
    assert!(
        english
            .text()
            .contains("The time for these questions is over")
    );
}

#[test]
fn what_another_site_sends_or_cannot_be_read_is_refused_in_the_language_on_record() {
    let house = House::open();
    let link = spanish(&house, &["phq9"]);
    let mut patient = house.client();
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let foreign = [form, ("Sec-Fetch-Site", "cross-site")];
    let answer = patient
        .request("POST", &format!("{link}/q/1"), &foreign, b"answer=1")
        .expect("an answer");
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("Esto no vino de nuestra página"));
    let odd = post(&mut patient, &format!("{link}/q/1"), &[("answer", "99")]);
    assert_eq!(odd.status, 422);
    assert!(odd.text().contains("No pudimos leer lo que se envió"));
    let back = format!("{link}?lang=en");
    assert!(page::links(&odd.text()).contains(&back));
}

#[test]
fn a_spanish_speaking_patient_is_invited_in_spanish_and_the_mail_tells_nothing() {
    let house = House::at(monday());
    let weekly = PlanDetails {
        instruments: vec!["phq9".into()],
        cadence: Cadence::EveryWeeks { weeks: 1 },
    };
    house.enrol_speaking("es", "P1", vec![weekly]);
    assert_eq!(plan_due(&house.app).expect("the database works"), 1);
    let sink = SmtpSink::start();
    assert_eq!(send(&house, &sink), 1);
    let mails = sink.mails();
    let [mail] = mails.as_slice() else {
        panic!("one mail, not {}", mails.len());
    };
    tells_nothing(mail);
    let said = mail.everything();
    for words in [
        "Un formulario de",
        "Hola, Zephyrine:",
        "oprima 2",
        "AYUDA",
        "911",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let links = mail.links();
    let link = links.first().expect("a link");
    assert_eq!(lang(&get(&mut house.client(), path_of(link)).text()), "es");
}
