//! Which answers a person looks at first, for patients and anybody else: public, and about nobody. What the rules are is `app::read_rules`'.

use super::preference::Preference;
use super::view::{Frame, Notice, NoticeKind, RuleForm, RuleQuestion, Rules, Switch};
use crate::app::read_rules::{ForPatients, FormForPatients, read_for_patients};
use crate::domain::instrument::Library;
use crate::domain::schedule::cover::Reads;
use crate::domain::schedule::local_time;
use crate::patient_words::{Words, words};
use crate::web::line::read_line;
use crate::web::site::Site;
use crate::web::{assets, errors};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::NaiveDateTime;

/// The page.
pub async fn page(site: web::Data<Site>, request: HttpRequest) -> HttpResponse {
    let words = words(Preference::of(&request).language(None));
    let line = site.crisis_line().await;
    let frame = Frame {
        words,
        switch: Switch::Link {
            before: "/rules?lang=",
        },
        css: assets::address("survey.css"),
        clinic: "",
        site_line: line.as_deref().map(read_line),
        help: site.app.help.said(words.language),
        tablet: None,
        help_first: false,
    };
    match read_for_patients(&site.app, words.language.word()).await {
        Ok(found) => {
            let forms: Vec<RuleForm> = found
                .forms
                .iter()
                .map(|form| rule_form(site.app.library, form, words))
                .collect();
            let page = Rules {
                frame,
                forms,
                when: when(&found, words, site.app.clock.now()),
                phrases: found.phrases,
            };
            errors::page(StatusCode::OK, &page)
        }
        Err(fault) => {
            let notice = Notice {
                frame,
                kind: NoticeKind::Fault,
                back: None,
                contact: None,
                correct: None,
            };
            errors::page(errors::log(&fault), &notice)
        }
    }
}

fn rule_form(library: &Library, form: &FormForPatients, words: &'static Words) -> RuleForm {
    let known = library.get(&form.instrument);
    let texts = known.map(|known| known.texts_or_english(words.language.word()));
    RuleForm {
        name: texts.map_or_else(|| form.instrument.clone(), |texts| texts.short_name.clone()),
        questions: form
            .questions
            .iter()
            .map(|(number, asks, tier)| RuleQuestion {
                number: (words.rules.question)(number),
                asks: asks.clone(),
                soon: (words.rules.soon)(*tier),
            })
            .collect(),
    }
}

/// When answers are read, as it is true now, on the site's clock.
fn when(found: &ForPatients, words: &'static Words, now: NaiveDateTime) -> Vec<String> {
    let cover = &found.cover;
    let mut said = vec![];
    let week = (words.reading.week)(&cover.hours);
    if !week.is_empty() {
        said.push((words.reading.read_in)(&week));
    }
    match cover.reads(now) {
        Reads::Now => {}
        Reads::Later(at) => {
            let at = (words.moment)(local_time(cover.zone, at));
            said.push((words.reading.nobody_before)(&at));
        }
        Reads::Nobody => said.push(words.reading.nobody_now.to_owned()),
    }
    said
}
