//! Risk: `rules` turns answers into hits; `life` is what becomes of the flag a hit raises, and when somebody is told next; `acts` and `closing` what people do with it; `people`
//! who that is; `policy` what a site may set about all of it, `strictness` what of that cannot be kept or is weaker than shipped; `signal` what is seen of the lower tier; `waits` when a flag
//! waited for somebody to take it on, for looking back.
//! Nothing here closes a flag but a licensed person's own act.

pub mod acts;
pub mod closing;
pub mod life;
pub mod look;
pub mod people;
pub mod phrases;
pub mod policy;
pub mod rules;
pub mod signal;
pub mod strictness;
pub mod waits;

pub use life::{Deadlines, FlagRefusal, Step, acknowledge, close, raised};
pub use people::{Candidate, Standing, Supervision, next_in_chain, owner_for};

use super::words::words;

/// The rule under which a sentence is flagged that the phrase list found in a patient's own words. No definition has it; its instrument is the form's, or the word of where else
/// it was written (`signal::WrittenIn`).
pub const PHRASE_RULE: &str = "phrase";

words! {
    /// How soon a person must look.
    Tier {
        /// Same hour: the answer may mean danger to life.
        Crisis = "crisis",
        /// At the next review.
        Review = "review",
    }
}

words! {
    /// Where a flag stands.
    FlagState {
        /// Nobody has said "I have it" yet.
        Open = "open",
        /// Somebody licensed has it; the assessment is not documented yet.
        Acknowledged = "acknowledged",
        /// A licensed person documented the assessment. Final.
        Closed = "closed",
    }
}

words! {
    /// What was done to a flag; the list of acts is its history and is only ever added to.
    Act {
        /// The answer that raised it was saved.
        Raised = "raised",
        /// The patient changed the answer before handing in; the flag stays.
        AnswerChanged = "answer_changed",
        /// An answer on another form, or a further sentence, came and belongs to this flag.
        Joined = "joined",
        /// A higher answer came after somebody had taken the flag on: it has to be taken on anew.
        Reopened = "reopened",
        /// The form was left after this answer, without being handed in.
        Unfinished = "unfinished",
        /// The form that had been left was handed in after all.
        Finished = "finished",
        /// Another person was told because nobody had acknowledged it in time, or because whoever had it is away.
        Notified = "notified",
        /// Nobody licensed is here: the site's duty contact was told.
        Alarmed = "alarmed",
        /// The day on which it should be closed is over; whoever has it was told.
        CloseDue = "close_due",
        /// It should have been closed; somebody else was told too.
        Overdue = "overdue",
        /// A licensed person took it on.
        Acknowledged = "acknowledged",
        /// A licensed person took it over from a colleague.
        Claimed = "claimed",
        /// A licensed person gave it to a colleague, who has to take it on.
        HandedOver = "handed_over",
        /// A licensed person disagrees with the rule or its tier, and says why; the flag stays.
        Disagreed = "disagreed",
        /// A licensed person said up to which answer the patient's answers to this rule are known.
        LevelKnown = "level_known",
        /// A licensed person ended that before its day.
        LevelEnded = "level_ended",
        /// A licensed person closed it with an assessment.
        Closed = "closed",
    }
}

words! {
    /// How an answer came to belong to a flag.
    HowAnswered {
        /// It raised the flag.
        Raised = "raised",
        /// The flag waited already and this is not higher than what it waited for.
        Joined = "joined",
        /// It is higher than everything the flag waited for.
        Rose = "rose",
    }
}

#[cfg(test)]
mod tests {
    mod simulation;
}
