//! What an invented patient is asked, when, and what comes of it: occasions that are answered, run out, are still open or were withdrawn;
//! responses with the scores the program's own scoring gives them. Flags are `flags`.

use super::flags::Settled;
use super::site::{SCREEN, midnight};
use super::story::{Care, LANGUAGE, Story, Summary, Urgent};
use crate::app::keep_response::{criteria_json, score_row, summary_row};
use crate::app::link::Token;
use crate::domain::care::{
    AdministrationState, InstrumentVersion, Layout, ResponseState, SessionState, write_battery,
};
use crate::domain::change::Direction;
use crate::domain::ids::{AdministrationId, LinkId};
use crate::domain::instrument::{Answers, Person};
use crate::domain::risk::rules;
use crate::domain::schedule::policy::SendingPolicy;
use crate::domain::schedule::{Cadence, Occasion, OccasionOutcome, WINDOW_DAYS};
use crate::domain::scoring::{self, Score};
use crate::domain::submission::{self, Extreme};
use crate::store::administration::AdministrationRow;
use crate::store::bulk::LinkRow;
use crate::store::occasion::OccasionRow;
use crate::store::response::{RECENT, ResponseRow};
use crate::store::session::SessionRow;
use chrono::{NaiveDateTime, TimeDelta};

/// Nothing is answered in the last hours before today, so that every flag of the past was dealt with by then.
const SETTLED_BEFORE: TimeDelta = TimeDelta::hours(4);
/// Nobody answers sooner than this after being asked.
const SOONEST: TimeDelta = TimeDelta::minutes(15);

/// How the names of forms begin that somebody handed over.
const BY_HAND: &str = "by hand ";

/// An answered form: where it belongs and when it was filled in.
#[derive(Debug, Clone, Copy)]
struct Filled {
    administration: AdministrationId,
    started_at: NaiveDateTime,
    completed_at: NaiveDateTime,
}

/// How a form is filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// As the course says.
    Usual,
    /// With an alarming answer.
    Alarming(Settled),
}

/// What becomes of an occasion.
enum Fortune {
    Answered(NaiveDateTime),
    RanOut,
    StillOpen,
    Withdrawn(NaiveDateTime),
}

impl Story<'_> {
    /// Everything the episode was asked by the day before today; gives the occasions' names.
    pub(super) fn routine(&mut self, care: &Care, sessions: &[SessionRow]) -> Vec<String> {
        let mut asked = vec![self.intake(care)];
        let battery = self.site.battery(care.program.routine);
        for occasion in self.occasions(care, sessions) {
            let name = occasion.name.clone();
            self.ask(care, occasion, &battery);
            asked.push(name);
        }
        asked
    }

    fn occasions(&self, care: &Care, sessions: &[SessionRow]) -> Vec<Occasion> {
        let kept = sessions
            .iter()
            .skip(1)
            .filter(|row| row.state != SessionState::Cancelled.word());
        let calendar = self.calendar(kept);
        let first = match care.program.cadence {
            Cadence::EveryWeeks { .. } => midnight(care.row.started_on + TimeDelta::days(3)),
            _ => midnight(care.row.started_on - TimeDelta::days(3)),
        };
        let dawn = self.site.dawn();
        let last = care
            .row
            .ended_on
            .map_or(dawn, |day| midnight(day) + TimeDelta::days(1));
        calendar
            .occasions(
                &care.program.cadence,
                care.row.started_on,
                first,
                dawn.min(last),
            )
            .into_iter()
            .filter(|occasion| occasion.due_at < dawn)
            .collect()
    }

    /// The forms of the first visit, given by hand in the waiting room.
    fn intake(&mut self, care: &Care) -> String {
        let mut names: Vec<&str> = vec![];
        if self.chance.happens(care.program.screened) {
            names.push(SCREEN);
        }
        names.extend(care.program.intake);
        let battery = self.site.battery(&names);
        let id = self.id();
        let due_at = care.started_at - TimeDelta::minutes(self.chance.whole(20, 40));
        let occasion = by_hand(format!("{BY_HAND}{id}"), due_at);
        let name = occasion.name.clone();
        let completed_at = due_at + TimeDelta::seconds(self.chance.whole(300, 1_100));
        self.answer(care, id, &occasion, &battery, completed_at, Manner::Usual);
        name
    }

    /// The urgent end of a story: a form given by hand, with an alarming answer; gives the occasion's name.
    pub(super) fn alarm(&mut self, care: &Care, urgent: Urgent) -> String {
        let (minutes_ago, settled) = match urgent {
            Urgent::TakenOn => (self.chance.whole(25, 75), Settled::TakenOn),
            Urgent::Open | Urgent::Nothing => (10, Settled::NotYet),
        };
        let battery = self.site.battery(care.program.routine);
        let id = self.id();
        let completed_at = self.site.now - TimeDelta::minutes(minutes_ago);
        let due_at = completed_at - TimeDelta::minutes(12);
        let occasion = by_hand(format!("{BY_HAND}{id}"), due_at);
        let name = occasion.name.clone();
        self.answer(
            care,
            id,
            &occasion,
            &battery,
            completed_at,
            Manner::Alarming(settled),
        );
        name
    }

    fn ask(&mut self, care: &Care, occasion: Occasion, battery: &[usize]) {
        let id = self.id();
        match self.fortune(care, &occasion) {
            Fortune::Answered(at) => self.answer(care, id, &occasion, battery, at, Manner::Usual),
            Fortune::RanOut => {
                self.store(
                    care,
                    id,
                    &occasion,
                    battery,
                    AdministrationState::NotSeen,
                    (None, Some(occasion.expires_at)),
                );
            }
            Fortune::Withdrawn(at) => {
                self.store(
                    care,
                    id,
                    &occasion,
                    battery,
                    AdministrationState::Cancelled,
                    (None, Some(at)),
                );
            }
            Fortune::StillOpen => self.leave_open(care, id, &occasion, battery),
        }
    }

    fn fortune(&mut self, care: &Care, occasion: &Occasion) -> Fortune {
        let dawn = self.site.dawn();
        let ended_at = care
            .row
            .ended_on
            .map(|day| midnight(day) + TimeDelta::hours(23));
        let window_ends = ended_at.map_or(occasion.expires_at, |at| at.min(occasion.expires_at));
        let latest = window_ends.min(dawn - SETTLED_BEFORE);
        let stays_away = occasion.due_at.date() > care.comes_until;
        let willing = self.chance.happens(self.diligence) && !stays_away;
        if willing && latest > occasion.due_at + SOONEST + SOONEST {
            let at = self.moment_of_answer(occasion.due_at, window_ends);
            // Whoever would answer only later has not answered yet, if that is still possible.
            if at <= latest || window_ends < dawn {
                return Fortune::Answered(at.min(latest));
            }
        }
        match ended_at {
            _ if occasion.expires_at < dawn
                && ended_at.is_none_or(|at| occasion.expires_at < at) =>
            {
                Fortune::RanOut
            }
            Some(at) => Fortune::Withdrawn(at.max(occasion.due_at)),
            None => Fortune::StillOpen,
        }
    }

    /// Most answer soon, some on the last evening.
    fn moment_of_answer(&mut self, due_at: NaiveDateTime, until: NaiveDateTime) -> NaiveDateTime {
        let (share, least) = (self.chance.unit(), SOONEST.num_seconds() as f64);
        let room = ((until - due_at).num_seconds() as f64 - least).max(0.0);
        due_at + TimeDelta::seconds((least + room * share * share) as i64)
    }

    fn answer(
        &mut self,
        care: &Care,
        id: AdministrationId,
        occasion: &Occasion,
        battery: &[usize],
        completed_at: NaiveDateTime,
        manner: Manner,
    ) {
        let seconds = self.chance.whole(50, 110) * battery.len() as i64;
        let started_at = (completed_at - TimeDelta::seconds(seconds)).max(occasion.due_at);
        self.store(
            care,
            id,
            occasion,
            battery,
            AdministrationState::Completed,
            (Some(started_at), Some(completed_at)),
        );
        let weeks = (completed_at - care.started_at).num_hours().max(0) as f64 / 168.0;
        let severity = care.course.severity(weeks, &mut self.chance);
        let filled = Filled {
            administration: id,
            started_at,
            completed_at,
        };
        for &form in battery {
            self.respond(care, filled, form, severity, manner);
        }
        self.note(
            "link",
            *self.patient.bytes(),
            "answers_sent",
            ("administration", *id.bytes()),
            completed_at,
        );
    }

    fn draw(&mut self, form: usize, severity: f64) -> Option<Answers> {
        let tilt = self.tilts.get(form).copied().unwrap_or(1.0);
        let wanted = (severity * tilt + 0.02 * self.chance.bell()).clamp(0.0, 0.97);
        Some(
            self.site
                .forms
                .get(form)?
                .draw(wanted, self.leanings.get(form)?, &mut self.chance),
        )
    }

    fn respond(&mut self, care: &Care, filled: Filled, at: usize, severity: f64, manner: Manner) {
        let site = self.site;
        let (Some(form), Some(mut answers)) = (site.forms.get(at), self.draw(at, severity)) else {
            return;
        };
        match manner {
            Manner::Alarming(_) => form.alarm(&mut answers),
            Manner::Usual if self.chance.happens(0.03) => {
                form.leave_out(&mut answers, &mut self.chance)
            }
            Manner::Usual => {}
        }
        let scored = scoring::score(form.instrument, &answers, Person::default());
        let mut row = self.response_row(care, filled, at, &answers);
        row.criteria = criteria_json(&scored);
        for score in &scored.scores {
            self.batch
                .scores
                .push(score_row(&row, score, form.instrument, filled.completed_at));
            self.summarise(&row, score, filled.completed_at);
        }
        let settled = match manner {
            Manner::Usual => Settled::Closed,
            Manner::Alarming(settled) => settled,
        };
        for hit in rules::evaluate(form.instrument, &answers) {
            self.raise(care, &row, &hit, form.instrument, settled);
        }
        self.batch.responses.push(row);
    }

    fn response_row(
        &mut self,
        care: &Care,
        filled: Filled,
        form: usize,
        answers: &Answers,
    ) -> ResponseRow {
        let instrument = self
            .site
            .forms
            .get(form)
            .expect("batteries hold positions of forms")
            .instrument;
        ResponseRow {
            org_id: self.site.org,
            // As in life: a response's id carries the moment at which it began.
            id: self.ids.then(filled.started_at, &mut self.chance),
            administration_id: filled.administration,
            episode_id: care.id(),
            instrument: instrument.id.clone(),
            version: instrument.version.clone(),
            state: ResponseState::Completed.word().into(),
            answers: answers.to_json(instrument),
            criteria: "{}".into(),
            language: LANGUAGE.into(),
            layout: if self.chance.happens(0.7) {
                Layout::Page
            } else {
                Layout::List
            }
            .word()
            .into(),
            started_at: filled.started_at,
            completed_at: Some(filled.completed_at),
            entered_by: None,
            carried: None,
        }
    }

    /// As the verb that takes answers does it, score by score.
    fn summarise(&mut self, response: &ResponseRow, score: &Score<'_>, at: NaiveDateTime) {
        let Some(value) = score.value else { return };
        let extreme = Extreme { value, at };
        let direction = score
            .scale
            .change
            .as_ref()
            .map_or(Direction::HigherIsWorse, |change| change.direction);
        let known = self.summaries.iter_mut().find(|known| {
            known.row.instrument == response.instrument && known.row.scale == score.scale.id
        });
        match known {
            Some(known) => {
                known.course.add(extreme, direction, RECENT);
                known.row = summary_row(response, score, &known.course);
            }
            None => {
                let course = submission::Course::begin(extreme);
                let row = summary_row(response, score, &course);
                self.summaries.push(Summary { course, row });
            }
        }
    }

    pub(super) fn flush_summaries(&mut self) {
        self.batch
            .summaries
            .extend(self.summaries.drain(..).map(|summary| summary.row));
    }

    /// An occasion that still takes answers, with its link; some patients have begun.
    fn leave_open(
        &mut self,
        care: &Care,
        id: AdministrationId,
        occasion: &Occasion,
        battery: &[usize],
    ) {
        let begun_at = self.site.dawn() - SETTLED_BEFORE;
        let begun = begun_at > occasion.due_at && self.chance.happens(0.15);
        if begun {
            self.store(
                care,
                id,
                occasion,
                battery,
                AdministrationState::Opened,
                (Some(begun_at), None),
            );
            self.begin_form(
                care,
                Filled {
                    administration: id,
                    started_at: begun_at,
                    completed_at: begun_at,
                },
                battery,
            );
        } else {
            self.store(
                care,
                id,
                occasion,
                battery,
                AdministrationState::Sent,
                (None, None),
            );
        }
        let link: LinkId = self.id();
        self.batch.links.push(LinkRow {
            token_hash: Token::of(self.site.seal, link).hash().to_vec(),
            org_id: self.site.org,
            id: link,
            administration_id: id,
            created_at: occasion.due_at,
        });
    }

    /// The first half of the first form, saved and not sent.
    fn begin_form(&mut self, care: &Care, filled: Filled, battery: &[usize]) {
        let Some(&at) = battery.first() else { return };
        let severity = care.course.severity(4.0, &mut self.chance);
        let (Some(form), Some(mut answers)) = (self.site.forms.get(at), self.draw(at, severity))
        else {
            return;
        };
        form.stop_early(&mut answers);
        let mut row = self.response_row(care, filled, at, &answers);
        row.state = ResponseState::InProgress.word().into();
        row.completed_at = None;
        for hit in rules::evaluate(form.instrument, &answers) {
            self.raise(care, &row, &hit, form.instrument, Settled::Closed);
        }
        self.batch.responses.push(row);
        self.note(
            "link",
            *self.patient.bytes(),
            "answers_saved",
            ("administration", *filled.administration.bytes()),
            filled.started_at,
        );
    }

    fn store(
        &mut self,
        care: &Care,
        id: AdministrationId,
        occasion: &Occasion,
        battery: &[usize],
        state: AdministrationState,
        (opened_at, ended_at): (Option<NaiveDateTime>, Option<NaiveDateTime>),
    ) {
        let parts: Vec<InstrumentVersion> = battery
            .iter()
            .filter_map(|&at| self.site.forms.get(at))
            .map(|form| InstrumentVersion {
                instrument: form.instrument.id.clone(),
                version: form.instrument.version.clone(),
            })
            .collect();
        self.batch.administrations.push(AdministrationRow {
            org_id: self.site.org,
            id,
            episode_id: care.id(),
            patient_id: self.patient,
            occasion: occasion.name.clone(),
            instruments: write_battery(&parts),
            language: LANGUAGE.into(),
            state: state.word().into(),
            due_at: occasion.due_at,
            expires_at: occasion.expires_at,
            opened_at,
            ended_at,
            finish_within_s: SendingPolicy::default().finish_within_s(),
            informant_id: None,
            ended_why: None,
            step: None,
        });
        if !occasion.name.starts_with(BY_HAND) {
            self.batch.occasions.push(OccasionRow {
                org_id: self.site.org,
                plan_id: care.plan,
                name: occasion.name.clone(),
                due_at: occasion.due_at,
                outcome: OccasionOutcome::Asked.word().into(),
                administration_id: Some(id),
                why: None,
                made_at: occasion.due_at,
            });
        }
    }
}

fn by_hand(name: String, due_at: NaiveDateTime) -> Occasion {
    let expires_at = due_at + TimeDelta::days(WINDOW_DAYS);
    Occasion {
        name,
        due_at,
        expires_at,
        stale_at: expires_at,
    }
}
