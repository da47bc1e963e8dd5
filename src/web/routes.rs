//! Every route of the site, with who may use it. This table is the only thing that registers routes, so a route without a permission does not
//! exist; `tests` walk it role by role.

use super::access::Access;
use super::{assets, events, gate, health, staff, survey, tablet, texts};
use crate::domain::access::Action;
use actix_web::guard;
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};

/// One route.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The path as the router knows it.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
}

/// Where a patient's pages stand.
const LINK: &str = "/s/{token}";

macro_rules! routes {
    ($($method:ident $path:literal $access:expr => $handler:path;)+) => {
        /// The table.
        pub const ROUTES: &[Route] = &[$(Route { method: stringify!($method), path: $path, access: $access }),+];

        /// Registers the table; the gate of each route is put in front of its handler here and nowhere else.
        pub fn configure(config: &mut ServiceConfig) {
            // Patients first: their pages are found by one pattern, and below it most are compared as plain text.
            let mut link = web::scope(LINK);
            $(
                if let (Access::LinkHolder, Some(path)) = ($access, $path.strip_prefix(LINK)) {
                    link = link.service(web::resource(path).guard(routes!(@guard $method)).to($handler));
                }
            )+
            config.service(link);
            $(
                let access: Access = $access;
                let resource = web::resource($path).guard(routes!(@guard $method));
                match access {
                    Access::LinkHolder => {}
                    Access::Public | Access::SetupLink | Access::StopLink | Access::Gateway => {
                        config.service(resource.to($handler));
                    }
                    Access::SignedIn | Access::May(_) | Access::Demo => {
                        config.service(resource.wrap(from_fn(move |request, next| gate::pass(access, request, next))).to($handler));
                    }
                }
            )+
        }
    };
    (@guard GET) => { guard::Any(guard::Get()).or(guard::Head()) };
    (@guard POST) => { guard::Post() };
}

routes! {
    GET "/s/{token}" Access::LinkHolder => survey::start;
    POST "/s/{token}" Access::LinkHolder => survey::begin;
    GET "/s/{token}/next" Access::LinkHolder => survey::next;
    GET "/s/{token}/q/{number}" Access::LinkHolder => survey::question;
    POST "/s/{token}/q/{number}" Access::LinkHolder => survey::answer_question;
    GET "/s/{token}/list/{part}" Access::LinkHolder => survey::list;
    POST "/s/{token}/list/{part}" Access::LinkHolder => survey::answer_list;
    GET "/s/{token}/review" Access::LinkHolder => survey::review;
    POST "/s/{token}/send" Access::LinkHolder => survey::send;
    GET "/s/{token}/support" Access::LinkHolder => survey::support;
    GET "/s/{token}/correction" Access::LinkHolder => survey::correction;
    POST "/s/{token}/correction" Access::LinkHolder => survey::correct;
    GET "/s/{token}/corrected" Access::LinkHolder => survey::corrected;
    GET "/s/{token}/end" Access::LinkHolder => survey::end;
    POST "/s/{token}/not-for-me" Access::LinkHolder => survey::not_for_me;
    GET "/s/{token}/closed" Access::LinkHolder => survey::closed;
    POST "/s/{token}/not-now" Access::LinkHolder => survey::not_now;
    GET "/s/{token}/later" Access::LinkHolder => survey::later;
    POST "/s/{token}/check" Access::LinkHolder => survey::check;
    POST "/s/{token}/hand-back" Access::LinkHolder => survey::hand_back;
    GET "/s/{token}/idle" Access::LinkHolder => survey::idle;

    GET "/tablet" Access::Public => tablet::page;
    POST "/tablet" Access::Public => tablet::pair;

    POST "/texts/incoming" Access::Gateway => texts::incoming;
    POST "/texts/status/{id}" Access::Gateway => texts::status;

    GET "/stop/{token}" Access::StopLink => survey::stop::ask;
    POST "/stop/{token}" Access::StopLink => survey::stop::stop;

    GET "/rules" Access::Public => survey::rules::page;

    GET "/healthz" Access::Public => health::healthz;
    GET "/readyz" Access::Public => health::readyz;
    GET "/clinical-health" Access::Public => health::clinical_health;
    GET "/assets/{name}" Access::Public => assets::serve;

    GET "/sign-in" Access::Public => staff::sign_in::page;
    POST "/sign-in" Access::Public => staff::sign_in::sign_in;
    POST "/sign-out" Access::SignedIn => staff::sign_in::sign_out;
    GET "/set-up/{secret}" Access::SetupLink => staff::set_up::page;
    POST "/set-up/{secret}" Access::SetupLink => staff::set_up::set_up;

    GET "/" Access::SignedIn => staff::home;
    GET "/caseload" Access::May(Action::SeeCaseload) => staff::caseload::page;
    GET "/patients/new" Access::May(Action::EnrolPatient) => staff::enrol::page;
    POST "/patients/new" Access::May(Action::EnrolPatient) => staff::enrol::add;
    GET "/patients/{id}" Access::May(Action::ReadPatient) => staff::patient::page;
    POST "/patients/{id}/form" Access::May(Action::GiveForm) => staff::give::give_form;
    POST "/patients/{id}/tablet" Access::May(Action::GiveForm) => staff::tablet::hand_over;
    GET "/patients/{id}/contact" Access::May(Action::EnrolPatient) => staff::contact::page;
    POST "/patients/{id}/contact" Access::May(Action::EnrolPatient) => staff::contact::set;
    POST "/patients/{id}/pause" Access::May(Action::EnrolPatient) => staff::contact::pause;
    POST "/patients/{id}/resume" Access::May(Action::EnrolPatient) => staff::contact::resume;
    POST "/patients/{id}/record" Access::May(Action::RecordForm) => staff::record::form;
    POST "/patients/{id}/recorded" Access::May(Action::RecordForm) => staff::record::record;
    GET "/occasions/{id}/error" Access::May(Action::RecordForm) => staff::in_error::page;
    POST "/occasions/{id}/error" Access::May(Action::RecordForm) => staff::in_error::mark;
    POST "/occasions/{id}/error/take-back" Access::May(Action::RecordForm) => staff::in_error::take_back;
    GET "/patients/{id}/care" Access::May(Action::EnrolPatient) => staff::care::page;
    POST "/patients/{id}/care/clinician" Access::May(Action::EnrolPatient) => staff::care::hand_over;
    POST "/patients/{id}/care/end" Access::May(Action::EnrolPatient) => staff::care::end;
    POST "/patients/{id}/care/begin" Access::May(Action::EnrolPatient) => staff::care::begin;
    POST "/patients/{id}/care/patient" Access::May(Action::EnrolPatient) => staff::care::correct;
    GET "/patients/{id}/sessions" Access::May(Action::EnrolPatient) => staff::sessions::page;
    POST "/patients/{id}/sessions" Access::May(Action::EnrolPatient) => staff::sessions::set;
    GET "/patients/{id}/plans" Access::May(Action::EnrolPatient) => staff::plans::page;
    POST "/patients/{id}/plans" Access::May(Action::EnrolPatient) => staff::plans::set;
    POST "/patients/{id}/plans/stop" Access::May(Action::EnrolPatient) => staff::plans::stop;
    POST "/patients/{id}/plans/raise" Access::May(Action::EnrolPatient) => staff::plans::raise;
    POST "/patients/{id}/informants" Access::May(Action::EnrolPatient) => staff::informant::add;
    POST "/patients/{id}/informants/stop" Access::May(Action::EnrolPatient) => staff::informant::stop;
    POST "/patients/{id}/informants/form" Access::May(Action::GiveForm) => staff::informant::give;
    GET "/queue" Access::May(Action::SeeQueue) => staff::queue::page;
    GET "/signals" Access::May(Action::SeeQueue) => staff::signals::page;
    GET "/signals/{id}" Access::May(Action::SeeQueue) => staff::signals::one;
    POST "/signals/{id}/decide" Access::May(Action::DecideSignal) => staff::signals::decide;
    GET "/ledger" Access::May(Action::SeeQueue) => staff::ledger::page;
    GET "/ledger.csv" Access::May(Action::SeeQueue) => staff::ledger::csv;
    GET "/queue/events" Access::May(Action::SeeQueue) => events::events;
    GET "/flags/{id}" Access::May(Action::SeeQueue) => staff::flag::page;
    POST "/flags/{id}/acknowledge" Access::May(Action::AcknowledgeFlag) => staff::flag::acknowledge;
    POST "/flags/{id}/close" Access::May(Action::CloseFlag) => staff::flag::close;
    POST "/flags/{id}/claim" Access::May(Action::ClaimFlag) => staff::flag::claim;
    POST "/flags/{id}/hand-over" Access::May(Action::HandOverFlag) => staff::flag::hand_over;
    POST "/flags/{id}/disagree" Access::May(Action::DisagreeWithFlag) => staff::flag::disagree;
    POST "/flags/{id}/known" Access::May(Action::SetKnownLevel) => staff::flag::set_level;
    POST "/flags/{id}/known/end" Access::May(Action::EndKnownLevel) => staff::flag::end_level;
    GET "/tasks" Access::May(Action::SettleTasks) => staff::tasks::page;
    POST "/tasks/{id}/done" Access::May(Action::SettleTasks) => staff::tasks::settle;
    GET "/sending" Access::May(Action::SeeCaseload) => staff::sending::log;
    GET "/sending/unanswered" Access::May(Action::SeeCaseload) => staff::sending::unanswered;
    GET "/sending/numbers" Access::May(Action::SeeCaseload) => staff::sending::numbers;
    GET "/sending/numbers.csv" Access::May(Action::SeeCaseload) => staff::sending::numbers_csv;
    GET "/sending/coverage" Access::May(Action::Evaluate) => staff::sending::coverage;
    GET "/sending/coverage.csv" Access::May(Action::Evaluate) => staff::sending::coverage_csv;
    GET "/evaluation" Access::May(Action::Evaluate) => staff::evaluation::page;
    GET "/evaluation.csv" Access::May(Action::Evaluate) => staff::evaluation::csv;
    GET "/safety/rules" Access::SignedIn => staff::safety::rules;
    GET "/safety/policy" Access::May(Action::SetSafety) => staff::safety_policy::page;
    POST "/safety/policy" Access::May(Action::SetSafety) => staff::safety_policy::set;
    POST "/safety/rehearse" Access::May(Action::SetSafety) => staff::safety_policy::rehearse;
    GET "/safety/conservation" Access::May(Action::ReadSafety) => staff::safety_conservation::page;
    GET "/safety/report" Access::May(Action::Evaluate) => staff::safety_report::page;
    GET "/safety/report.csv" Access::May(Action::Evaluate) => staff::safety_report::csv;
    GET "/instruments" Access::SignedIn => staff::instruments::list;
    GET "/instruments/{id}" Access::SignedIn => staff::instruments::page;
    POST "/instruments/{id}/permission" Access::May(Action::Administer) => staff::instruments::permit;
    POST "/instruments/{id}/withdraw" Access::May(Action::Administer) => staff::instruments::withdraw;
    GET "/admin" Access::May(Action::Administer) => staff::admin::page;
    GET "/admin/places" Access::May(Action::Administer) => staff::places::page;
    POST "/admin/places" Access::May(Action::Administer) => staff::places::set;
    GET "/admin/staff/{id}" Access::May(Action::Administer) => staff::account::page;
    POST "/admin/staff/{id}/care" Access::May(Action::Administer) => staff::account::hand_over;
    POST "/admin/staff/{id}" Access::May(Action::Administer) => staff::account::change;
    POST "/admin/staff" Access::May(Action::Administer) => staff::admin::add;
    POST "/admin/staff/{id}/disable" Access::May(Action::Administer) => staff::admin::disable;
    POST "/admin/staff/{id}/link" Access::May(Action::Administer) => staff::admin::send_link;
    POST "/admin/words" Access::May(Action::Administer) => staff::admin::set_words;
    POST "/admin/periods" Access::May(Action::Administer) => staff::admin::set_periods;
    GET "/programs" Access::May(Action::Administer) => staff::programs::page;
    POST "/programs/add" Access::May(Action::Administer) => staff::programs::add;
    POST "/programs/stop" Access::May(Action::Administer) => staff::programs::stop;
    POST "/programs/apply" Access::May(Action::Administer) => staff::programs::apply;
    GET "/admin/sending" Access::May(Action::Administer) => staff::sending_policy::page;
    POST "/admin/sending" Access::May(Action::Administer) => staff::sending_policy::set;
    POST "/admin/sending/pause" Access::May(Action::Administer) => staff::sending_policy::pause;
    POST "/admin/sending/pause/{id}/end" Access::May(Action::Administer) => staff::sending_policy::resume;
    GET "/admin/cover" Access::May(Action::Administer) => staff::cover::page;
    POST "/admin/cover" Access::May(Action::Administer) => staff::cover::set_hours;
    POST "/admin/cover/absences" Access::May(Action::Administer) => staff::cover::add;
    POST "/admin/cover/absences/end" Access::May(Action::Administer) => staff::cover::end;
    GET "/leave" Access::May(Action::SeeQueue) => staff::cover::own;
    POST "/leave" Access::May(Action::SeeQueue) => staff::cover::add_own;
    POST "/leave/end" Access::May(Action::SeeQueue) => staff::cover::end_own;
    POST "/leave/digest" Access::May(Action::SeeQueue) => staff::cover::set_digest;
    GET "/mailbox" Access::Demo => staff::mailbox::page;
}
