//! The verbs: one a file, each load → decide → store in one transaction. Nothing here knows a page, a command line or an engine.

pub mod accounts;
pub mod add_informant;
pub mod became_crisis;
pub mod begin;
pub mod bounce_text;
pub mod cell;
pub mod change_account;
pub mod change_address;
pub mod change_care;
pub mod check_link;
pub mod clinical_health;
pub mod clock;
pub mod compose;
pub mod correct;
pub mod decide_signal;
pub mod decline;
pub mod demo;
pub mod enrol;
pub mod enrol_choices;
pub mod escalate;
pub mod evaluate;
pub mod expire_due;
pub mod give_form;
pub mod hand_in;
pub mod import;
pub mod keep_response;
pub mod link;
pub mod mark_in_error;
pub mod note_failed_sign_in;
pub mod outlook;
pub mod pair_tablet;
pub mod past_answers;
pub mod pause_sending;
pub mod permit_instrument;
pub mod plan_due;
pub mod policy_history;
pub mod program_plans;
pub mod pulse;
pub mod put_session;
pub mod raise_flags;
pub mod raise_signals;
pub mod raise_words;
pub mod read_admin;
pub mod read_caseload;
pub mod read_conservation;
pub mod read_coverage;
pub mod read_patient;
pub mod read_plans;
pub mod read_queue;
pub mod read_rules;
pub mod read_sending;
pub mod read_signals;
pub mod read_timeliness;
pub mod read_unanswered;
pub mod record_form;
pub mod rehearse;
pub mod replace_key;
pub mod rescore;
pub mod review_flag;
pub mod safety_in_force;
pub mod seal_audit;
pub mod send_digest;
pub mod send_due;
pub mod set_contact;
pub mod set_cover;
pub mod set_periods;
pub mod set_places;
pub mod set_plan;
pub mod set_safety_policy;
pub mod set_sending_policy;
pub mod set_session;
pub mod settle_task;
pub mod site_days;
pub mod site_words;
pub mod step_on;
pub mod stop_reminders;
pub mod take_answers;
pub mod take_bounce;
mod take_late;
pub mod take_text;
pub mod tell_of_flag;
pub mod unsent;
pub mod verify;

use crate::domain::access::Denied;
use crate::domain::ids::OrgId;
use crate::domain::instrument::Library;
use crate::patient_words::help::Help;
use crate::store::{Fault, Store};
use clock::Clock;
use std::sync::Arc;

/// What every verb works with. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub store: Store,
    /// All instruments.
    pub library: &'static Library,
    /// The time.
    pub clock: Clock,
    /// Who has just begun.
    pub begun: Arc<begin::Begun>,
    /// The organisation of this site.
    pub org: OrgId,
    /// The address under which patients and staff reach the site, without a slash at the end.
    pub base_url: Arc<str>,
    /// Where patients find help, and what is said of it.
    pub help: Arc<Help>,
}

/// Why a verb did not do what it was asked: the domain said no (`R`, the verb's own reasons), access said no, or something broke.
#[derive(Debug)]
pub enum Failure<R> {
    /// The domain says no; nothing was changed.
    Refused(R),
    /// The actor may not; nothing was changed.
    Denied(Denied),
    /// Something broke; nothing was changed.
    Fault(Fault),
}

impl<R> From<Fault> for Failure<R> {
    fn from(fault: Fault) -> Self {
        Failure::Fault(fault)
    }
}

impl<R> From<Denied> for Failure<R> {
    fn from(denied: Denied) -> Self {
        Failure::Denied(denied)
    }
}

impl<R> From<diesel::result::Error> for Failure<R> {
    fn from(error: diesel::result::Error) -> Self {
        Failure::Fault(error.into())
    }
}

impl<R: std::fmt::Display> std::fmt::Display for Failure<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Refused(refusal) => write!(f, "{refusal}"),
            Failure::Denied(denied) => write!(f, "{denied}"),
            Failure::Fault(fault) => write!(f, "{fault}"),
        }
    }
}

impl<R: std::fmt::Debug + std::fmt::Display> std::error::Error for Failure<R> {}
