//! Who may do what. [`decide`] is the only maker of a [`Permit`], and the store's functions about patients take a permit
//! instead of a bare id: a query that nobody checked does not compile. Sign-in, sessions and routes live in `web`.

use super::ids::{ClinicId, OrgId, PatientId, StaffId};
use super::words::words;

words! {
    /// What somebody's account is for. A patient has no account, only a link.
    Role {
        /// Sees and treats the patients of the own clinics.
        Therapist = "therapist",
        /// As a therapist, and answers for the clinics' queues.
        Supervisor = "supervisor",
        /// Sees counts and rates, never a name.
        Quality = "quality",
        /// Runs the site: people, imports, settings. No clinical act.
        Administrator = "administrator",
    }
}

words! {
    /// Everything that the program lets somebody do. Each route names exactly one of these.
    Action {
        /// Read the list of the own clinics' patients.
        SeeCaseload = "see_caseload",
        /// Read one patient's record.
        ReadPatient = "read_patient",
        /// Add a patient, open or end an episode, set its measurement plan.
        EnrolPatient = "enrol_patient",
        /// Make a fresh link for a patient ("give the form now").
        GiveForm = "give_form",
        /// Fill in a form about or for a patient: as the clinician who answers it, or from paper.
        RecordForm = "record_form",
        /// Read the review queue.
        SeeQueue = "see_queue",
        /// Take a flag on ("I have it").
        AcknowledgeFlag = "acknowledge_flag",
        /// Close a flag with an assessment.
        CloseFlag = "close_flag",
        /// Decide what a signal of the lower tier means for the patient.
        DecideSignal = "decide_signal",
        /// Take a flag over from a colleague who has it.
        ClaimFlag = "claim_flag",
        /// Give a flag to a colleague.
        HandOverFlag = "hand_over_flag",
        /// Disagree with the rule that raised a flag, or with its tier.
        DisagreeWithFlag = "disagree_with_flag",
        /// Say up to which answer a patient's answers to a rule are known.
        SetKnownLevel = "set_known_level",
        /// End that before its day.
        EndKnownLevel = "end_known_level",
        /// Read and settle the clerical tasks.
        SettleTasks = "settle_tasks",
        /// Read the evaluation (no names).
        Evaluate = "evaluate",
        /// Read whether every answer that a rule names has its flag.
        ReadSafety = "read_safety",
        /// Read and set the site's rules of safety, and try a draft of them. What is weaker than shipped takes a licence besides.
        SetSafety = "set_safety",
        /// Manage accounts and settings.
        Administer = "administer",
        /// Write patients and sessions from a file.
        Import = "import",
    }
}

impl Action {
    /// Whether only a licensed person may do this, whatever their role.
    #[must_use]
    pub fn is_licensed_only(self) -> bool {
        use Action::*;
        matches!(
            self,
            AcknowledgeFlag
                | CloseFlag
                | ClaimFlag
                | HandOverFlag
                | DisagreeWithFlag
                | SetKnownLevel
                | EndKnownLevel
                | DecideSignal
        )
    }
}

/// Somebody's right to practise, as the site recorded it. Its presence is what "licensed" means here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licence(pub String);

/// Who wants to do something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Somebody with an account, signed in.
    Staff(StaffActor),
    /// Whoever holds a patient's link; may write that occasion's answers and nothing else.
    LinkHolder { org: OrgId, patient: PatientId },
    /// The person who runs the machine, through the command line.
    Operator { org: OrgId },
    /// The program's own loops.
    System { org: OrgId },
}

/// A signed-in member of staff, as far as access is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffActor {
    /// The organisation they work for.
    pub org: OrgId,
    /// Who they are.
    pub id: StaffId,
    /// What their account is for.
    pub role: Role,
    /// Their licence to practise, if they have one.
    pub licence: Option<Licence>,
    /// The clinics they work in; nothing outside these is visible to them.
    pub clinics: Vec<ClinicId>,
}

/// What the act is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The organisation as a whole, or the part of it the actor may see.
    Organisation,
    /// One patient, known by the clinics of their episodes.
    Patient {
        id: PatientId,
        clinics: Vec<ClinicId>,
    },
    /// One patient of whom the actor was given a flag: whoever has a flag may read it and act on it, wherever they work. Opens nothing else of the patient.
    OwnFlag { id: PatientId },
}

/// Proof that [`decide`] said yes. Carries how far the yes goes.
#[derive(Debug, Clone)]
pub struct Permit {
    actor: Actor,
    action: Action,
    subject: Subject,
}

/// How much of the organisation a permit opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach<'a> {
    /// All clinics.
    Everything,
    /// These clinics alone.
    Clinics(&'a [ClinicId]),
}

impl Permit {
    /// The organisation within which the permit holds.
    pub fn org(&self) -> OrgId {
        self.actor.org()
    }
    /// Who was permitted.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }
    /// What was permitted.
    pub fn action(&self) -> Action {
        self.action
    }
    /// The patient it is about, if it is about one.
    pub fn patient(&self) -> Option<PatientId> {
        match self.subject {
            Subject::Patient { id, .. } | Subject::OwnFlag { id } => Some(id),
            Subject::Organisation => None,
        }
    }
    /// Whether the holder is a licensed lead: a supervisor with a licence. Rules weaker than shipped are theirs alone.
    pub fn is_licensed_lead(&self) -> bool {
        self.actor
            .staff()
            .is_some_and(|staff| staff.role == Role::Supervisor && staff.licence.is_some())
    }
    /// Which clinics' rows a list may show.
    pub fn reach(&self) -> Reach<'_> {
        match &self.actor {
            Actor::Staff(staff)
                if staff.role != Role::Administrator && staff.role != Role::Quality =>
            {
                Reach::Clinics(&staff.clinics)
            }
            _ => Reach::Everything,
        }
    }
}

impl Actor {
    /// The organisation the actor belongs to.
    pub fn org(&self) -> OrgId {
        match self {
            Actor::Staff(staff) => staff.org,
            Actor::LinkHolder { org, .. } | Actor::Operator { org } | Actor::System { org } => *org,
        }
    }
    /// The member of staff behind the act, if there is one.
    pub fn staff(&self) -> Option<&StaffActor> {
        match self {
            Actor::Staff(staff) => Some(staff),
            _ => None,
        }
    }
}

/// Why the answer is no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// This kind of account never does this.
    Role,
    /// Only a licensed person may do this.
    Licence,
    /// The patient belongs to clinics the actor does not work in.
    Clinic,
}

impl std::fmt::Display for Denied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Denied::Role => "this account may not do that",
            Denied::Licence => "only a licensed person may do that",
            Denied::Clinic => "that is outside the clinics of this account",
        })
    }
}

impl std::error::Error for Denied {}

/// What each role may do at all; whether it may for this patient is decided by [`decide`].
pub fn role_may(role: Role, action: Action) -> bool {
    use Action::*;
    match role {
        Role::Therapist => matches!(
            action,
            SeeCaseload
                | ReadPatient
                | EnrolPatient
                | GiveForm
                | RecordForm
                | SeeQueue
                | AcknowledgeFlag
                | CloseFlag
                | DecideSignal
                | ClaimFlag
                | HandOverFlag
                | DisagreeWithFlag
                | SetKnownLevel
                | EndKnownLevel
                | SettleTasks
        ),
        Role::Supervisor => matches!(
            action,
            SeeCaseload
                | ReadPatient
                | EnrolPatient
                | GiveForm
                | RecordForm
                | SeeQueue
                | AcknowledgeFlag
                | CloseFlag
                | DecideSignal
                | ClaimFlag
                | HandOverFlag
                | DisagreeWithFlag
                | SetKnownLevel
                | EndKnownLevel
                | SettleTasks
                | Evaluate
                | ReadSafety
                | SetSafety
        ),
        Role::Quality => matches!(action, Evaluate),
        Role::Administrator => matches!(action, Administer | Import | SetSafety),
    }
}

/// Decides whether `actor` may do `action` to `subject`.
///
/// Only a licensed person may do anything with a flag but read it, or decide a signal; the operator of the machine may do the clerical acts the command line
/// offers and no clinical one; a link opens nothing here (its own verbs check it against its own administration).
///
/// # Errors
/// [`Denied`] says which of the rules stood in the way.
pub fn decide(actor: &Actor, action: Action, subject: Subject) -> Result<Permit, Denied> {
    match actor {
        Actor::Staff(staff) => staff_may(staff, action, &subject)?,
        Actor::LinkHolder { .. } => return Err(Denied::Role),
        Actor::Operator { .. } => operator_may(action)?,
        Actor::System { .. } => system_may(action)?,
    }
    Ok(Permit {
        actor: actor.clone(),
        action,
        subject,
    })
}

fn staff_may(staff: &StaffActor, action: Action, subject: &Subject) -> Result<(), Denied> {
    if !role_may(staff.role, action) {
        return Err(Denied::Role);
    }
    if action.is_licensed_only() && staff.licence.is_none() {
        return Err(Denied::Licence);
    }
    match subject {
        Subject::Patient { clinics, .. }
            if !clinics.iter().any(|clinic| staff.clinics.contains(clinic)) =>
        {
            Err(Denied::Clinic)
        }
        Subject::OwnFlag { .. } if action != Action::SeeQueue && !action.is_licensed_only() => {
            Err(Denied::Clinic)
        }
        _ => Ok(()),
    }
}

fn operator_may(action: Action) -> Result<(), Denied> {
    use Action::*;
    match action {
        EnrolPatient | GiveForm | Evaluate | Administer | Import | ReadSafety | SetSafety => Ok(()),
        SeeCaseload | ReadPatient | RecordForm | SeeQueue | AcknowledgeFlag | CloseFlag
        | ClaimFlag | HandOverFlag | DisagreeWithFlag | SetKnownLevel | EndKnownLevel
        | DecideSignal | SettleTasks => Err(Denied::Role),
    }
}

fn system_may(action: Action) -> Result<(), Denied> {
    match action {
        Action::GiveForm => Ok(()),
        _ => Err(Denied::Role),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn staff(role: Role, licence: Option<&str>, clinics: Vec<ClinicId>) -> Actor {
        Actor::Staff(StaffActor {
            org: OrgId::from_uuid(Uuid::nil()),
            id: StaffId::from_uuid(Uuid::nil()),
            role,
            licence: licence.map(|l| Licence(l.into())),
            clinics,
        })
    }
    fn clinic(n: u128) -> ClinicId {
        ClinicId::from_uuid(Uuid::from_u128(n))
    }
    fn patient_in(n: u128) -> Subject {
        Subject::Patient {
            id: PatientId::from_uuid(Uuid::nil()),
            clinics: vec![clinic(n)],
        }
    }

    #[test]
    fn only_a_licensed_person_may_close_a_flag() {
        for &action in Action::ALL
            .iter()
            .filter(|action| action.is_licensed_only())
        {
            for &role in Role::ALL {
                let actor = staff(role, None, vec![clinic(1)]);
                let without = decide(&actor, action, patient_in(1));
                assert!(without.is_err(), "{role} without a licence: {action}");
            }
        }
        assert!(
            decide(
                &staff(Role::Therapist, Some("LCSW 1"), vec![clinic(1)]),
                Action::CloseFlag,
                patient_in(1)
            )
            .is_ok()
        );
        let admin = staff(Role::Administrator, Some("MD 1"), vec![clinic(1)]);
        assert_eq!(
            decide(&admin, Action::CloseFlag, patient_in(1)).unwrap_err(),
            Denied::Role
        );
    }

    #[test]
    fn a_patient_of_another_clinic_is_out_of_reach() {
        let actor = staff(Role::Supervisor, Some("x"), vec![clinic(1)]);
        assert_eq!(
            decide(&actor, Action::ReadPatient, patient_in(2)).unwrap_err(),
            Denied::Clinic
        );
        assert!(decide(&actor, Action::ReadPatient, patient_in(1)).is_ok());
    }

    #[test]
    fn a_flag_that_somebody_was_given_opens_itself_and_nothing_else_of_the_patient() {
        let own = || Subject::OwnFlag {
            id: PatientId::from_uuid(Uuid::nil()),
        };
        let licensed = staff(Role::Therapist, Some("x"), vec![clinic(1)]);
        for action in [Action::SeeQueue, Action::AcknowledgeFlag, Action::CloseFlag] {
            assert!(decide(&licensed, action, own()).is_ok(), "{action}");
        }
        for action in [Action::ReadPatient, Action::GiveForm, Action::EnrolPatient] {
            assert_eq!(
                decide(&licensed, action, own()).unwrap_err(),
                Denied::Clinic,
                "{action}"
            );
        }
        let without = staff(Role::Therapist, None, vec![clinic(1)]);
        assert_eq!(
            decide(&without, Action::CloseFlag, own()).unwrap_err(),
            Denied::Licence
        );
    }

    #[test]
    fn the_quality_role_reads_no_patient() {
        let actor = staff(Role::Quality, Some("x"), vec![clinic(1)]);
        for &action in Action::ALL {
            let allowed = decide(&actor, action, patient_in(1)).is_ok();
            assert_eq!(allowed, action == Action::Evaluate, "{action}");
        }
    }

    #[test]
    fn a_link_and_the_program_itself_do_nothing_clinical() {
        let org = OrgId::from_uuid(Uuid::nil());
        let holder = Actor::LinkHolder {
            org,
            patient: PatientId::from_uuid(Uuid::nil()),
        };
        for &action in Action::ALL {
            assert!(decide(&holder, action, patient_in(1)).is_err());
            for actor in [Actor::System { org }, Actor::Operator { org }] {
                let clinical = action.is_licensed_only()
                    || matches!(action, Action::ReadPatient | Action::RecordForm);
                assert!(!clinical || decide(&actor, action, patient_in(1)).is_err());
            }
        }
    }
}
