//! The flags of invented answers: raised by the definitions' own rules, owned, acknowledged and closed by licensed people, with notes, each
//! with its notice and its traces in the audit.

use super::story::{Care, Story};
use crate::domain::access::Action;
use crate::domain::instrument::Instrument;
use crate::domain::message::{MessageKind, MessageState};
use crate::domain::risk::life::Times;
use crate::domain::risk::policy::Clocks;
use crate::domain::risk::rules::RiskHit;
use crate::domain::risk::{Act, FlagState, HowAnswered, acknowledge, raised};
use crate::domain::schedule::office::Office;
use crate::domain::schedule::policy::ReadingHours;
use crate::store::closing::ClosingRow;
use crate::store::flag::{FlagActRow, FlagAnswerRow, FlagRow};
use crate::store::outbox::OutboxRow;
use crate::store::response::ResponseRow;
use chrono::{NaiveDateTime, TimeDelta};

/// What was done about a flag by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Nothing yet; its notice is on the way.
    NotYet,
    /// Somebody has it.
    TakenOn,
    /// It was assessed and closed.
    Closed,
}

const TAKEN_ON: [&str; 4] = [
    "I have it. Calling now.",
    "Seen. I call the patient within the hour.",
    "I have it; the patient is in the waiting room.",
    "Taken on. Reading the last notes first.",
];

const ASSESSED: [&str; 6] = [
    "Spoke by phone. Passing thoughts, no plan, no intent. Safety plan read through together. Next visit stands.",
    "Seen in person. Thoughts as before, no plan. Agreed whom to call at night. Visit moved forward to this week.",
    "Called; the answer was about the past month, none in the last days. No intent. Safety plan renewed.",
    "Spoke with the patient and, with consent, the partner. No plan, no means at home. Call again in two days.",
    "Thoughts without intent. Went over reasons for living and the crisis line. Supervisor informed. Weekly visits go on.",
    "Assessed in session. Risk low today by the clinic's form, which is in the record. Ask again at each visit.",
];

impl Story<'_> {
    /// Raises the flag of a hit, as far as it is settled by now.
    pub(super) fn raise(
        &mut self,
        care: &Care,
        response: &ResponseRow,
        hit: &RiskHit<'_>,
        instrument: &Instrument,
        settled: Settled,
    ) {
        let raised_at = response.completed_at.unwrap_or(response.started_at);
        let id = self.ids.then(raised_at, &mut self.chance);
        let deadlines = self.in_time(|times| raised(hit.tier(), raised_at, times));
        let mut row = FlagRow {
            org_id: self.site.org,
            id,
            patient_id: self.patient,
            episode_id: care.id(),
            clinic_id: care.row.clinic_id,
            response_id: Some(response.id),
            informant_id: None,
            rule: hit.rule.id.clone(),
            instrument: response.instrument.clone(),
            version: response.version.clone(),
            policy: 0,
            tier: hit.tier().word().into(),
            item: hit.item.to_owned(),
            answer: i32::from(hit.value),
            answer_words: answer_words(instrument, hit, &response.language),
            answers: 1,
            last_at: raised_at,
            owner_id: care.owner,
            state: FlagState::Open.word().into(),
            raised_at,
            acknowledged_at: None,
            closed_at: None,
            due_at: Some(deadlines.due_at),
            next_step_at: Some(deadlines.next_step_at),
            finish_by: None,
            unfinished_at: None,
        };
        let answer_id = self.ids.then(raised_at, &mut self.chance);
        self.batch.flag_answers.push(FlagAnswerRow {
            org_id: row.org_id,
            id: answer_id,
            flag_id: row.id,
            response_id: row.response_id,
            rule: row.rule.clone(),
            instrument: row.instrument.clone(),
            version: row.version.clone(),
            item: row.item.clone(),
            answer: row.answer,
            answer_words: row.answer_words.clone(),
            how: HowAnswered::Raised.word().into(),
            at: raised_at,
        });
        self.act(
            &row,
            Act::Raised,
            &format!("answered {} to item {}", row.answer, row.item),
            raised_at,
        );
        self.notice(&row, settled);
        if settled != Settled::NotYet {
            self.settle(&mut row, settled);
        }
        self.batch.flags.push(row);
    }

    /// The times that hold at a site that has set nothing.
    fn in_time<T>(&self, decide: impl FnOnce(Times<'_>) -> T) -> T {
        let office = Office {
            hours: ReadingHours::default(),
            zone: self.site.zone,
        };
        decide(Times {
            clocks: &Clocks::default(),
            office: &office,
        })
    }

    fn settle(&mut self, row: &mut FlagRow, settled: Settled) {
        let taken_on_at = row.raised_at + TimeDelta::seconds(self.chance.whole(90, 840));
        let note = *self.chance.pick(&TAKEN_ON);
        self.act(row, Act::Acknowledged, note, taken_on_at);
        self.note(
            "staff",
            *row.owner_id.bytes(),
            Action::AcknowledgeFlag.word(),
            ("flag", *row.id.bytes()),
            taken_on_at,
        );
        let tier = row
            .tier
            .parse()
            .unwrap_or(crate::domain::risk::Tier::Crisis);
        let taken_on = self.in_time(|times| acknowledge(FlagState::Open, tier, taken_on_at, times));
        if let Ok(step) = taken_on {
            row.state = step.state.word().into();
            row.due_at = step.deadlines.map(|set| set.due_at);
            row.next_step_at = step.deadlines.map(|set| set.next_step_at);
            row.acknowledged_at = Some(taken_on_at);
        }
        if settled == Settled::Closed {
            let closed_at = taken_on_at + TimeDelta::minutes(self.chance.whole(20, 200));
            let note = *self.chance.pick(&ASSESSED);
            self.act(row, Act::Closed, note, closed_at);
            self.note(
                "staff",
                *row.owner_id.bytes(),
                Action::CloseFlag.word(),
                ("flag", *row.id.bytes()),
                closed_at,
            );
            row.state = FlagState::Closed.word().into();
            (row.due_at, row.next_step_at) = (None, None);
            row.closed_at = Some(closed_at);
            self.batch.closings.push(ClosingRow {
                org_id: row.org_id,
                flag_id: row.id,
                staff_id: row.owner_id,
                at: closed_at,
                asked: "ideation plan intent protective_factors".into(),
                level: "low".into(),
                contact: "by_phone".into(),
                assessment: note.to_owned(),
                plan: "Safety plan renewed; asked again at the next visit.".into(),
                next_check_on: Some(closed_at.date() + TimeDelta::days(7)),
                no_check_why: None,
            });
        }
    }

    fn act(&mut self, row: &FlagRow, act: Act, note: &str, at: NaiveDateTime) {
        let by_staff = matches!(act, Act::Acknowledged | Act::Closed);
        let id = self.ids.then(at, &mut self.chance);
        self.batch.acts.push(FlagActRow {
            org_id: row.org_id,
            id,
            flag_id: row.id,
            act: act.word().into(),
            staff_id: by_staff.then_some(row.owner_id),
            at,
            note: note.to_owned(),
        });
    }

    /// The notice to the owner: taken by the relay seconds later, or still to be sent.
    fn notice(&mut self, row: &FlagRow, settled: Settled) {
        let id = self.ids.then(row.raised_at, &mut self.chance);
        let kind = MessageKind::FlagNotice;
        let mut notice = OutboxRow::queued(
            row.org_id,
            id,
            kind,
            row.id.bytes(),
            row.owner_id.bytes(),
            row.raised_at,
            row.raised_at,
        );
        if settled != Settled::NotYet {
            notice.state = MessageState::Accepted.word().into();
            (notice.attempts, notice.fence) = (1, 1);
            notice.ended_at = Some(row.raised_at + TimeDelta::seconds(self.chance.whole(1, 9)));
        }
        self.batch.messages.push(notice);
    }
}

/// The words of the answer as the patient saw them.
fn answer_words(instrument: &Instrument, hit: &RiskHit<'_>, language: &str) -> String {
    let option = instrument
        .items
        .get(hit.rule.item)
        .and_then(|item| item.option_with(hit.value));
    option
        .and_then(|option| {
            instrument
                .texts_or_english(language)
                .items
                .get(hit.rule.item)?
                .options
                .get(option)
        })
        .cloned()
        .unwrap_or_default()
}
