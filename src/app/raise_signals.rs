//! Raising signals of the lower tier: in the transaction that stores a score, and, for silence, by a turn of the crank. What asks for one is decided in `risk::signal`. A signal
//! that waits is counted and brought up to date, never doubled. Nothing here mails anybody, and nothing here changes care.

use super::App;
use super::hand_in::{Ledger, course_of};
use super::safety_in_force::{InForce, Rules, office};
use crate::domain::care::{AdministrationState, SaidNo};
use crate::domain::ids::{ClinicId, EpisodeId, OrgId, PatientId, ResponseId, StaffId};
use crate::domain::instrument::{Instrument, Library};
use crate::domain::risk::policy::SafetyPolicy;
use crate::domain::risk::signal::{self, Facts, Quietness, Seen, SignalKind};
use crate::domain::risk::{Candidate, Standing, owner_for};
use crate::domain::schedule::local_instant;
use crate::domain::submission::{Extreme, Outcome};
use crate::store::deposit::Standing as Known;
use crate::store::patient::EpisodeRow;
use crate::store::response::{EpisodeScaleRow, ResponseRow};
use crate::store::signal::{self as stored, Again, OpenEpisode, SignalRow, Which};
use crate::store::{Fault, Tx, cover, fresh, in_error, patient, policy};
use chrono::NaiveDateTime;

/// Open episodes looked at in one transaction.
const BATCH: i64 = 100;

/// What a signal is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct About<'a> {
    /// Organisation.
    pub org: OrgId,
    /// The patient.
    pub patient: PatientId,
    /// Their episode.
    pub episode: EpisodeId,
    /// Where they are cared for.
    pub clinic: ClinicId,
    /// Their clinician.
    pub clinician: StaffId,
    /// Instrument and version; empty where it is about none.
    pub instrument: (&'a str, &'a str),
    /// The scale; empty where it is about none.
    pub scale: &'a str,
    /// The response after which it is seen.
    pub response: Option<ResponseId>,
}

/// What a new score could mean, before the site's rules were asked.
pub(super) struct Could<'o> {
    instrument: &'o Instrument,
    scale: &'o str,
    seen: Seen,
}

impl<'o> Could<'o> {
    fn about(&self, ledger: &Ledger<'_>, response: Option<ResponseId>) -> About<'o> {
        let form = &ledger.slip.administration;
        About {
            org: form.org_id,
            patient: form.patient_id,
            episode: form.episode_id,
            clinic: ledger.slip.clinic_id,
            clinician: ledger.slip.clinician_id,
            instrument: (&self.instrument.id, &self.instrument.version),
            scale: self.scale,
            response,
        }
    }
}

impl<'a> About<'a> {
    fn which(&self, kind: SignalKind) -> Which<'a> {
        Which {
            org: self.org,
            patient: self.patient,
            episode: self.episode,
            kind,
            instrument: self.instrument.0,
            scale: self.scale,
        }
    }
}

/// What these scores could mean. `summaries`: the episode as it was before them. Costs nothing but a comparison where nothing does.
pub(super) fn could_be<'o>(
    ledger: &Ledger<'_>,
    outcomes: &'o [Outcome<'_>],
    summaries: &[EpisodeScaleRow],
) -> Vec<Could<'o>> {
    // What others answer about the patient is a series of its own, and no summary is kept of it. A follow-up is held against the summary of the care before it: somebody who
    // is reliably worse after it has to be seen.
    if ledger.slip.administration.informant_id.is_some() {
        return vec![];
    }
    let at = ledger.hand.given_at.unwrap_or(ledger.now);
    let mut could = vec![];
    for outcome in outcomes.iter().filter(|outcome| outcome.touched) {
        let Some(score) = outcome
            .scored
            .as_ref()
            .and_then(|scored| signal::watched(outcome.instrument, scored))
        else {
            continue;
        };
        let course = summaries
            .iter()
            .find(|row| row.instrument == outcome.instrument.id && row.scale == score.scale.id)
            .map(course_of);
        let seen = signal::could_be(score, at, course.as_ref());
        could.extend(seen.into_iter().map(|seen| Could {
            instrument: outcome.instrument,
            scale: &score.scale.id,
            seen,
        }));
    }
    could
}

/// What storing scores has to do about signals.
pub(super) enum Chore {
    /// Nothing.
    Nothing,
    /// One that waits is seen again.
    One(Again),
    /// More than that.
    More,
}

/// What storing these scores has to do about signals, found without keeping anybody else out.
///
/// # Errors
/// When the database fails.
pub(super) fn chore(
    tx: &mut Tx,
    ledger: &Ledger<'_>,
    could: Vec<Could<'_>>,
    response: Option<ResponseId>,
) -> Result<Chore, Fault> {
    let mut chore = Chore::Nothing;
    if could.is_empty() {
        return Ok(chore);
    }
    let form = &ledger.slip.administration;
    let (policy, version): (SafetyPolicy, i32) =
        policy::newest_version(tx, form.org_id, SafetyPolicy::KIND)?;
    for one in could {
        if !signal::holds(&one.seen, &policy.signals) {
            continue;
        }
        let about = one.about(ledger, response);
        let before = stored::glance(tx, about.which(one.seen.kind()))?;
        let before = that_stand(tx, form.org_id, before)?;
        match next(&before, (&policy, version), &about, one.seen, ledger.now) {
            Next::Nothing => {}
            Next::Again(again) if matches!(chore, Chore::Nothing) => chore = Chore::One(*again),
            Next::Again(_) | Next::Anew(_) => return Ok(Chore::More),
        }
    }
    Ok(chore)
}

/// Raises what the site's rules ask for; `rules` where they were read already.
///
/// # Errors
/// When the database fails.
pub(super) fn raise_signals(
    tx: &mut Tx,
    ledger: &Ledger<'_>,
    rules: Option<Rules<'_>>,
    could: Vec<Could<'_>>,
    responses: &[(Known, ResponseRow)],
) -> Result<(), Fault> {
    if could.is_empty() {
        return Ok(());
    }
    let form = &ledger.slip.administration;
    let (policy, version): (SafetyPolicy, i32);
    let rules = match rules {
        Some(rules) => rules,
        None => {
            (policy, version) = policy::newest_version(tx, form.org_id, SafetyPolicy::KIND)?;
            (&policy, version)
        }
    };
    for one in could {
        if !signal::holds(&one.seen, &rules.0.signals) {
            continue;
        }
        let response = responses
            .iter()
            .find(|(_, row)| row.instrument == one.instrument.id)
            .map(|(_, row)| row.id);
        let about = one.about(ledger, response);
        take_seen(tx, rules, &about, one.seen, ledger.now)?;
    }
    Ok(())
}

/// Looks at the last score once more where the first one is another by now, in a transaction that has the episode to itself: no new score comes that would say so.
///
/// # Errors
/// When the database fails.
pub(super) fn look_again(
    tx: &mut Tx,
    library: &Library,
    episode: &EpisodeRow,
    begin_elsewhere: &[EpisodeScaleRow],
    now: NaiveDateTime,
) -> Result<(), Fault> {
    if episode.ended_on.is_some() {
        return Ok(());
    }
    for row in begin_elsewhere {
        let instrument = library.version(&row.instrument, &row.version);
        let Some((instrument, scale)) =
            instrument.and_then(|known| Some((known, known.scale(&row.scale)?)))
        else {
            continue;
        };
        let course = course_of(row);
        let (policy, version) = policy::newest_version(tx, episode.org_id, SafetyPolicy::KIND)?;
        let rules: Rules<'_> = (&policy, version);
        let about = About {
            org: episode.org_id,
            patient: episode.patient_id,
            episode: episode.id,
            clinic: episode.clinic_id,
            clinician: episode.clinician_id,
            instrument: (&instrument.id, &instrument.version),
            scale: &scale.id,
            response: None,
        };
        let seen = signal::against_new_first(instrument, scale, &course);
        if let Some(seen) = seen.filter(|seen| signal::holds(seen, &rules.0.signals)) {
            take_seen(tx, rules, &about, seen, now)?;
        }
        note_beginning(tx, &about, course.first)?;
    }
    Ok(())
}

/// Notes on the signals that wait whether their figures still begin where the series does: nothing takes them back but a person.
fn note_beginning(tx: &mut Tx, about: &About<'_>, first: Extreme) -> Result<(), Fault> {
    for kind in [SignalKind::Deteriorated, SignalKind::NotOnTrack] {
        let before = stored::like(tx, about.which(kind))?;
        let Some(waiting) = before.iter().find(|row| row.due_at.is_some()) else {
            continue;
        };
        let known = Facts::read(&waiting.facts).ok();
        if let Some(facts) = known.and_then(|known| known.beside(first)) {
            stored::set_facts(tx, about.org, waiting.id, &facts.to_json())?;
        }
    }
    Ok(())
}

/// Keeps what was seen: on the signal of its kind that waits, or on a new one, unless a decision about it still stands. The episode is locked.
///
/// # Errors
/// When the database fails.
pub(super) fn take_seen(
    tx: &mut Tx,
    rules: Rules<'_>,
    about: &About<'_>,
    seen: Seen,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let before = stored::like(tx, about.which(seen.kind()))?;
    let before = that_stand(tx, about.org, before)?;
    match next(&before, rules, about, seen, now) {
        Next::Nothing => Ok(()),
        Next::Again(again) => stored::seen_again(tx, &again),
        Next::Anew(seen) => anew(tx, rules, about, seen, now),
    }
}

/// The signals that wait, and the decisions that stand: one about answers that were entered in error says nothing of the patient's own.
fn that_stand(
    tx: &mut Tx,
    org: OrgId,
    mut before: Vec<SignalRow>,
) -> Result<Vec<SignalRow>, Fault> {
    let decided = |row: &&SignalRow| row.due_at.is_none();
    let about: Vec<ResponseId> = before
        .iter()
        .filter(decided)
        .filter_map(|row| row.response_id)
        .collect();
    let wrong = in_error::among(tx, org, &about)?;
    before.retain(|row| {
        row.due_at.is_some() || row.response_id.is_none_or(|id| !wrong.contains(&id))
    });
    Ok(before)
}

/// What becomes of something seen.
enum Next {
    /// It is known.
    Nothing,
    /// The signal that waits, brought up to date.
    Again(Box<Again>),
    /// A new signal.
    Anew(Seen),
}

/// `before`: the signals of its name, newest first.
fn next(
    before: &[SignalRow],
    rules: Rules<'_>,
    about: &About<'_>,
    seen: Seen,
    now: NaiveDateTime,
) -> Next {
    if let Some(waiting) = before.iter().find(|row| row.due_at.is_some()) {
        // A silence goes on; to count each look at it would say nothing.
        if seen.kind() == SignalKind::Silent {
            return Next::Nothing;
        }
        return Next::Again(Box::new(again(waiting, rules, about, seen, now)));
    }
    let decided = before
        .iter()
        .find_map(|row| Some((Facts::read(&row.facts).ok()?.seen, row.decided_at?)));
    if decided.is_some_and(|(then, at)| signal::still_decided(&seen, &then, at, now)) {
        return Next::Nothing;
    }
    Next::Anew(seen)
}

fn again(
    waiting: &SignalRow,
    rules: Rules<'_>,
    about: &About<'_>,
    seen: Seen,
    now: NaiveDateTime,
) -> Again {
    // Facts that cannot be read hold up nobody's answers: the new ones take their place.
    let facts = match Facts::read(&waiting.facts) {
        Ok(known) => Facts::of(signal::together(known.seen, seen)),
        Err(_) => Facts::of(seen),
    };
    Again {
        org: about.org,
        id: waiting.id,
        facts: facts.to_json(),
        version: about.instrument.1.to_owned(),
        policy: rules.1,
        response: about.response,
        at: now,
        was: waiting.times,
    }
}

fn anew(
    tx: &mut Tx,
    rules: Rules<'_>,
    about: &About<'_>,
    seen: Seen,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let people = cover::candidates(tx, about.org, now)?;
    let working_days = rules.0.clocks.review_working_days;
    let office = office(tx, about.org)?;
    stored::add(
        tx,
        &SignalRow {
            org_id: about.org,
            id: fresh(now),
            patient_id: about.patient,
            episode_id: about.episode,
            clinic_id: about.clinic,
            // Nobody licensed is here: the clinician keeps it, and everybody in the clinic sees it wait.
            owner_id: owner_for(about.clinician, about.clinic, &people).unwrap_or(about.clinician),
            kind: seen.kind().word().into(),
            instrument: about.instrument.0.to_owned(),
            scale: about.scale.to_owned(),
            version: about.instrument.1.to_owned(),
            response_id: about.response,
            policy: rules.1,
            facts: Facts::of(seen).to_json(),
            state: stored::OPEN.into(),
            raised_at: now,
            last_at: now,
            times: 1,
            due_at: Some(office.end_of_working_day(now, working_days)),
            choice: None,
            reason: None,
            decided_by: None,
            decided_at: None,
        },
    )
}

/// Looks through the open episodes for silence, and gives the signals of people who are gone to the next; says how many signals that raised or moved. Once an hour is
/// enough: it counts days.
///
/// # Errors
/// When the database fails.
pub fn raise_silent(app: &App) -> Result<usize, Fault> {
    let (mut round, mut done) = (Round::default(), 0);
    while !round.is_over {
        done += round.go_on(app)?;
    }
    Ok(done)
}

/// A look through the open episodes, some at a time, so that whoever makes it can say between two steps that they live.
#[derive(Debug, Default)]
pub struct Round {
    /// The last episode that was looked at.
    after: Option<EpisodeId>,
    /// Nothing is left.
    pub is_over: bool,
}

impl Round {
    /// Takes one step; says how many signals that raised or moved.
    ///
    /// # Errors
    /// When the database fails; the next call tries the same step again.
    pub fn go_on(&mut self, app: &App) -> Result<usize, Fault> {
        let (org, after, now) = (app.org, self.after, app.clock.now());
        let mut done = match after {
            None => app.store.write_blocking(move |tx| pass_on(tx, org, now))?,
            Some(_) => 0,
        };
        // Going through everybody waits beside the patients' answers, never before them.
        let (last, silent) = app
            .store
            .read_blocking(move |tx| find_silent(tx, org, after, now))?;
        if !silent.is_empty() {
            done += app
                .store
                .write_blocking(move |tx| look_at_episodes(tx, org, &silent, now))?;
        }
        self.after = last;
        self.is_over = last.is_none();
        Ok(done)
    }
}

/// The next episodes that seem silent; says which episode was the last that was looked at.
fn find_silent(
    tx: &mut Tx,
    org: OrgId,
    after: Option<EpisodeId>,
    now: NaiveDateTime,
) -> Result<(Option<EpisodeId>, Vec<OpenEpisode>), Fault> {
    let in_force = InForce::read(tx, org)?;
    if in_force.policy.signals.silent_days.is_none() {
        return Ok((None, vec![]));
    }
    let episodes = stored::open_episodes(tx, org, after, BATCH)?;
    let last = episodes.last().map(|row| row.0);
    let mut silent = vec![];
    for row in episodes {
        let began = local_instant(in_force.office.zone, row.4, 0);
        let asked = stored::asked(tx, org, row.0)?;
        if silence(&asked, began, &in_force, now).is_some() {
            silent.push(row);
        }
    }
    Ok((last, silent))
}

/// Looks at these episodes again, with nobody else doing so; says how many signals that raised.
fn look_at_episodes(
    tx: &mut Tx,
    org: OrgId,
    episodes: &[OpenEpisode],
    now: NaiveDateTime,
) -> Result<usize, Fault> {
    stored::take_turn(tx)?;
    let in_force = InForce::read(tx, org)?;
    let mut raised = 0;
    for row in episodes {
        raised += usize::from(look_at_episode(tx, &in_force, org, row, now)?);
    }
    Ok(raised)
}

fn look_at_episode(
    tx: &mut Tx,
    in_force: &InForce,
    org: OrgId,
    (episode, patient_id, clinic, clinician, started_on): &OpenEpisode,
    now: NaiveDateTime,
) -> Result<bool, Fault> {
    let began = local_instant(in_force.office.zone, *started_on, 0);
    let asked = stored::asked(tx, org, *episode)?;
    let Some(seen) = silence(&asked, began, in_force, now) else {
        return Ok(false);
    };
    patient::lock_episode(tx, org, *episode)?;
    let about = About {
        org,
        patient: *patient_id,
        episode: *episode,
        clinic: *clinic,
        clinician: *clinician,
        instrument: ("", ""),
        scale: "",
        response: None,
    };
    let which = about.which(SignalKind::Silent);
    let before = stored::like(tx, which)?.len();
    take_seen(tx, in_force.rules(), &about, seen, now)?;
    Ok(stored::like(tx, which)?.len() > before)
}

/// When the patient gave a sign of life on this occasion: "not this time" is one, and "not for me" came from somebody else.
pub(super) fn heard((state, _, ended, why): &stored::Asked) -> Option<NaiveDateTime> {
    use AdministrationState as State;
    let signs: &[State] = match SaidNo::of(why.as_deref()) {
        SaidNo::NotThisTime => &[State::Completed, State::Declined],
        SaidNo::NotForMe => &[State::Completed],
    };
    ended.filter(|_| is_one_of(state, signs))
}

fn is_one_of(word: &str, states: &[AdministrationState]) -> bool {
    states.iter().any(|state| state.word() == word)
}

fn silence(
    asked: &[stored::Asked],
    began: NaiveDateTime,
    in_force: &InForce,
    now: NaiveDateTime,
) -> Option<Seen> {
    use AdministrationState as State;
    let heard = asked.iter().filter_map(heard).max();
    // What never left here, or was withdrawn, asked nobody.
    let unanswered: Vec<NaiveDateTime> = asked
        .iter()
        .filter(|(state, ..)| {
            is_one_of(
                state,
                &[State::Sent, State::Opened, State::NotSeen, State::Abandoned],
            )
        })
        .map(|(_, due, ..)| *due)
        .collect();
    let known = Quietness { began, heard };
    signal::silence(&known, &unanswered, &in_force.policy.signals, now)
}

/// Gives waiting signals to the next: at once where whoever has them may no longer decide, once due where they are away.
fn pass_on(tx: &mut Tx, org: OrgId, now: NaiveDateTime) -> Result<usize, Fault> {
    stored::take_turn(tx)?;
    let people = cover::candidates(tx, org, now)?;
    let mut moved = 0;
    for owner in stored::owners(tx, org)? {
        let standing = standing(owner, &people);
        if standing == Standing::Eligible {
            continue;
        }
        for row in stored::owned_by(tx, org, owner)? {
            let wanted =
                standing == Standing::Ineligible || row.due_at.is_some_and(|due| due <= now);
            let next = owner_for(owner, row.clinic_id, &people).filter(|next| *next != owner);
            if let (true, Some(next)) = (wanted, next) {
                stored::pass_to(tx, org, row.id, next)?;
                moved += 1;
            }
        }
    }
    Ok(moved)
}

fn standing(who: StaffId, people: &[Candidate]) -> Standing {
    people
        .iter()
        .find(|person| person.id == who)
        .map_or(Standing::Ineligible, |person| person.standing)
}

/// Lets the signals of an episode that wait for its former clinician go with it to the new one, or to whoever stands in there.
///
/// # Errors
/// When the database fails.
pub(super) fn go_with_care(
    tx: &mut Tx,
    before: &EpisodeRow,
    to: StaffId,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    let (org, from) = (before.org_id, before.clinician_id);
    let waiting = stored::owned_by(tx, org, from)?;
    let mut theirs = waiting
        .iter()
        .filter(|row| row.episode_id == before.id)
        .peekable();
    if from == to || theirs.peek().is_none() {
        return Ok(());
    }
    let people = cover::candidates(tx, org, now)?;
    let next = owner_for(to, before.clinic_id, &people).unwrap_or(to);
    for row in theirs {
        stored::pass_to(tx, org, row.id, next)?;
    }
    Ok(())
}
