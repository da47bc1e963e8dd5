//! Ids: UUIDv7, one type for each kind of thing, so that a patient's id never passes for an episode's.
//! How ids are stored is the store's business; where their randomness comes from is the app's.

use std::{fmt, marker::PhantomData, str::FromStr};
use uuid::Uuid;

/// The id of one thing of kind `K`: sixteen bytes, ordered by the moment it was made; text outside the program.
pub struct Id<K>(Uuid, PhantomData<fn() -> K>);

impl<K> Id<K> {
    /// The id with these bytes.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Id(uuid, PhantomData)
    }

    /// The sixteen bytes, as both engines store them.
    pub fn bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Reads back what [`Id::bytes`] gave; `None` unless there are exactly sixteen bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Uuid::from_slice(bytes).ok().map(Self::from_uuid)
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K> std::hash::Hash for Id<K> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.simple())
    }
}
impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.simple())
    }
}
impl<K> FromStr for Id<K> {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self::from_uuid)
    }
}

macro_rules! kinds {
    ($($(#[$meta:meta])* $kind:ident => $alias:ident),+ $(,)?) => {
        /// The kinds of things that bear ids; never made, only named.
        pub mod kind {
            $($(#[$meta])* pub enum $kind {})+
        }
        $($(#[$meta])* pub type $alias = Id<kind::$kind>;)+
    };
}

kinds! {
    /// The organisation that runs this site.
    Organisation => OrgId,
    /// A clinic of the organisation.
    Clinic => ClinicId,
    /// A program of care.
    Program => ProgramId,
    /// Somebody who works here.
    Staff => StaffId,
    /// Somebody in care.
    Patient => PatientId,
    /// One course of care of one patient in one program.
    Episode => EpisodeId,
    /// A session (an appointment) within an episode.
    CareSession => CareSessionId,
    /// A measurement plan.
    Plan => PlanId,
    /// One occasion on which a patient is asked.
    Administration => AdministrationId,
    /// A patient's link to one administration.
    Link => LinkId,
    /// The answers to one instrument on one occasion.
    Response => ResponseId,
    /// A risk flag.
    Flag => FlagId,
    /// Something done to a flag.
    FlagAct => FlagActId,
    /// A message on its way out.
    OutboxEntry => OutboxId,
    /// Something a person here has to do.
    Task => TaskId,
    /// An audit event.
    AuditEvent => AuditEventId,
    /// A recorded permission to use an instrument.
    InstrumentPermission => PermissionId,
    /// One run that scored responses anew.
    Rescore => RescoreId,
    /// A program's measurement plan, from which its patients' plans are made.
    ProgramPlan => ProgramPlanId,
    /// One attempt to send a message.
    SendAttempt => SendAttemptId,
    /// A time in which nothing is sent.
    Pause => PauseId,
    /// A time in which somebody who works here is away.
    Absence => AbsenceId,
    /// Somebody who answers about a patient: a parent, a partner, a teacher.
    Informant => InformantId,
    /// A note beside answers that are handed in.
    Correction => CorrectionId,
    /// An answer that belongs to a flag.
    FlagAnswer => FlagAnswerId,
    /// A level of answers that a licensed person knows of.
    KnownLevel => KnownLevelId,
    /// A signal of the lower tier.
    Signal => SignalId,
    /// That answers were entered in error.
    InError => InErrorId,
}
