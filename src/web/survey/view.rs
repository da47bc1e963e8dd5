//! What the patient's pages need, as plain values: one struct a page, filled by the handlers, printed by `templates/survey/`.
//! No decisions, no database and no domain types but the language and a question's place live here; whoever fills a struct has already decided what is shown.
//!
//! Everything is borrowed, because the start page and the list page are the busiest pages of the whole program.

use crate::domain::language::Language;
use crate::domain::submission::Counted;
use crate::patient_words::help::HelpSaid;
use crate::patient_words::{ReviewWords, Said, Words};
use crate::web::line::Line;
use actix_web::http::StatusCode;
use askama::Template;
use std::borrow::Cow;

/// What every patient page carries: its words, the style sheet, the way to another language and the help that never goes away.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// All our own words, in the page's language.
    pub words: &'static Words,
    /// How the page comes back in another language.
    pub switch: Switch<'a>,
    /// Address of the style sheet, with the hash of its content in the name.
    pub css: &'a str,
    /// Name of the clinic or practice as patients know it. Shown small in the head; empty when it is not known (mistyped link).
    pub clinic: &'a str,
    /// What is said of the country's help lines, in the page's language.
    pub help: &'a HelpSaid,
    /// The site's own crisis line, beside them.
    pub site_line: Option<Line<'a>>,
    /// The page stands on a tablet that is handed back.
    pub tablet: Option<AtTablet<'a>>,
    /// Help comes before everything else: what was sent asks for it, and could not be kept as it is.
    pub help_first: bool,
}

/// What a page on a paired tablet has besides.
#[derive(Debug, Clone, Copy)]
pub struct AtTablet<'a> {
    /// Where "Hand the tablet back" posts (no field).
    pub back: &'a str,
    /// Where the page goes by itself when nobody touches it.
    pub idle: &'a str,
    /// After so many seconds.
    pub idle_s: u32,
}

impl Frame<'_> {
    fn lang(&self) -> &'static str {
        self.words.language.word()
    }

    /// The languages the page is not in.
    fn others(&self) -> impl Iterator<Item = Language> {
        let here = self.words.language;
        let all = Language::ALL.iter().copied();
        all.filter(move |language| *language != here)
    }
}

/// How a page comes back in another language.
#[derive(Debug, Clone, Copy)]
pub enum Switch<'a> {
    /// By a link: there is nothing on the page that could be lost.
    Link {
        /// Its address, to which the language's tag is added.
        before: &'a str,
    },
    /// By a button of the page's form, `id="f"`, so that what is chosen is saved first.
    Button {
        /// Name of the form's own button; empty when it has none. Enter in a form presses the first button that belongs to it, and that must not
        /// be the language.
        first: &'a str,
    },
}

/// The language of words that are not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wording {
    /// The page's own.
    OfThePage,
    /// English, on a page in another language.
    EnglishOnly,
}

impl Wording {
    /// The attribute of the element that holds the words.
    fn attribute(&self) -> &'static str {
        match self {
            Wording::OfThePage => "",
            Wording::EnglishOnly => " lang=\"en\"",
        }
    }

    fn is_foreign(&self) -> bool {
        *self == Wording::EnglishOnly
    }
}

/// Who reads the answers and when. Shown before the first question, after the last, and on the support page.
#[derive(Debug, Clone)]
pub struct Reading<'a> {
    /// Who reads them, as the subject of a sentence: `Maya Lindqvist`.
    pub who: &'a str,
    /// When, as the end of that sentence ("… reads your answers ___"): `before your next visit, at the latest in 2 working days`.
    pub when: Cow<'a, str>,
    /// The language of `when`, where the site wrote it.
    pub wording: Wording,
    /// That nobody reads now, and from when on somebody does, as a sentence; empty when somebody reads.
    pub not_now: String,
}

/// The first page: who asks, why, how long, who reads it. Shows, changes nothing; its form starts the questions.
#[derive(Debug, Template)]
#[template(path = "survey/start.html", whitespace = "minimize")]
pub struct Start<'a> {
    /// Head and foot.
    pub frame: Frame<'a>,
    /// Who asks: `Maya Lindqvist`.
    pub clinician: &'a str,
    /// Who reads the answers and when.
    pub reading: Reading<'a>,
    /// How many questions there are in all.
    pub questions: usize,
    /// How long it takes, in whole minutes, at least 1.
    pub minutes: usize,
    /// Answers saved earlier through this link; 0 when the patient has not begun. Above zero the button reads "Go on where you stopped".
    pub saved: usize,
    /// Who is to answer, where that is not the patient; else empty.
    pub for_whom: &'a str,
    /// That all or some of the questions are in English only, on a page that is not; empty when none is.
    pub english_only: &'a str,
    /// Last day the link works, as people write it: `Tuesday 10 March`.
    pub open_until: &'a str,
    /// Where the form posts. Field `layout` is `page` (one question a page) or `list` (all on one page).
    pub action: &'a str,
    /// Where "This is not for me" posts (no field).
    pub not_me_action: &'a str,
    /// Whether the answers are about somebody else, of whom this page says nothing.
    pub about: AboutWhom,
    /// Where "Not this time" posts (no field).
    pub not_now_action: &'a str,
}

/// About whom somebody answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AboutWhom {
    /// About themselves.
    Themselves,
    /// About the patient, who is somebody else.
    Another,
}

impl Start<'_> {
    fn is_about_another(&self) -> bool {
        self.about == AboutWhom::Another
    }

    fn asks(&self) -> String {
        let words = &self.frame.words.start;
        let asks = match self.about {
            AboutWhom::Themselves => words.asks,
            AboutWhom::Another => words.asks_about,
        };
        asks(self.clinician, self.frame.clinic)
    }

    fn length(&self) -> String {
        (self.frame.words.start.length)(self.questions, self.minutes)
    }

    fn who_reads(&self) -> String {
        (self.frame.words.reading.answers)(self.reading.who)
    }

    fn may_stop(&self) -> String {
        match self.frame.tablet {
            Some(_) => self.frame.words.tablet.may_stop.to_owned(),
            None => (self.frame.words.start.may_stop)(self.open_until),
        }
    }

    fn saved_so_far(&self) -> String {
        (self.frame.words.start.saved)(self.saved)
    }
}

/// One answer a patient can choose.
#[derive(Debug, Clone, Copy)]
pub struct Choice<'a> {
    /// The answer's value as the instrument defines it; becomes the `value` of the button or box.
    pub value: i32,
    /// The wording of the instrument's owner.
    pub label: &'a str,
    /// Whether it was chosen earlier.
    pub chosen: bool,
}

/// How a question is answered.
#[derive(Debug, Clone)]
pub enum Control<'a> {
    /// By one of these, in the printed order.
    One(Vec<Choice<'a>>),
    /// By all of these that apply.
    Several(Vec<Choice<'a>>),
    /// By a whole number.
    Number {
        /// The field's label, with the range in words.
        label: String,
        /// What stands in it.
        typed: String,
    },
    /// By the patient's own words.
    Words {
        /// The field's label, with the most there may be.
        label: String,
        /// What stands in it.
        typed: String,
    },
}

/// The longest label of an option that finds room in a column beside others.
const COLUMN: usize = 26;

impl Control<'_> {
    /// Whether several choices may be ticked.
    pub fn is_several(&self) -> bool {
        matches!(self, Control::Several(_))
    }

    fn is_words(&self) -> bool {
        matches!(self, Control::Words { .. })
    }

    fn is_number(&self) -> bool {
        matches!(self, Control::Number { .. })
    }

    /// The class of a list's options: in columns, where there is room, or in rows.
    pub fn class(&self) -> &'static str {
        match self {
            Control::One(choices) | Control::Several(choices)
                if choices.len() <= 5
                    && choices
                        .iter()
                        .all(|one| one.label.chars().count() <= COLUMN) =>
            {
                "columns"
            }
            _ => "rows",
        }
    }
}

/// What the page says about an answer that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Nothing to say: the page is shown for the first time, or all is answered.
    Nothing,
    /// The patient pressed the button without choosing: the error summary is shown.
    Asked,
    /// Something typed is no answer yet: the error summary says what to do.
    Unfit,
}

impl Missing {
    /// The status of a page that says so.
    pub fn status(self) -> StatusCode {
        match self {
            Missing::Nothing => StatusCode::OK,
            Missing::Asked | Missing::Unfit => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }
}

/// One question on a page of its own.
#[derive(Debug, Template)]
#[template(path = "survey/question.html", whitespace = "minimize")]
pub struct Question<'a> {
    /// Head and foot.
    pub frame: Frame<'a>,
    /// Which question this is.
    pub number: Counted,
    /// How many there are in all, each counted once.
    pub total: usize,
    /// The language of the question.
    pub wording: Wording,
    /// That an answer has opened more questions, above the first of them; else empty.
    pub more: &'a str,
    /// The stem that belongs to the question ("Over the last 2 weeks, how often …"); empty when there is none.
    pub stem: &'a str,
    /// The question itself, word for word.
    pub text: &'a str,
    /// Who is to answer, where that is not the patient; else empty.
    pub for_whom: &'a str,
    /// How it is answered, and its answer so far.
    pub control: Control<'a>,
    /// Whether the patient chose not to answer it.
    pub declined: bool,
    /// Whether there are words of the patient's that this page can take back; see `Sheet::Question`.
    pub stood: bool,
    /// Whether the error summary is shown.
    pub missing: Missing,
    /// What is wrong with what was typed, and what to do; empty when nothing is.
    pub why: String,
    /// Where the form posts. Fields: `answer` (a value), or `skip=1` to leave the question out.
    pub action: &'a str,
    /// The page before this one.
    pub back: Option<&'a str>,
    /// The instrument's credit line.
    pub credit: &'a str,
}

impl Question<'_> {
    fn step(&self) -> String {
        (self.frame.words.question.step)(self.number, self.total)
    }

    fn complains(&self) -> bool {
        self.missing != Missing::Nothing
    }

    fn complaint(&self) -> &'static str {
        let words = &self.frame.words.question;
        match self.missing {
            Missing::Unfit => words.unfit,
            _ if self.control.is_number() => words.not_written,
            _ => words.not_chosen,
        }
    }

    /// What to do about it.
    fn advice(&self) -> &str {
        let words = &self.frame.words.question;
        match (&self.control, self.missing) {
            (_, Missing::Unfit) => &self.why,
            (Control::Number { label, .. }, _) => label,
            (Control::Several(_), _) => words.choose_all,
            _ => words.choose,
        }
    }
}

/// One question of the compact list.
#[derive(Debug, Clone)]
pub struct ListItem<'a> {
    /// Name of its form field, also the fragment the error summary links to: `q3`.
    pub field: &'a str,
    /// The number as printed on the form: `3`. Empty for an unnumbered question.
    pub number: &'a str,
    /// The stem that begins at this item; empty when the item stands under the page's stem or the one before.
    pub stem: &'a str,
    /// The question, word for word.
    pub text: &'a str,
    /// How it is answered, and its answer so far.
    pub control: Control<'a>,
    /// Whether the patient chose not to answer it.
    pub declined: bool,
    /// What is wrong with what was typed, and what to do; empty when nothing is.
    pub why: String,
    /// Whether an answer that is needed is missing. Not the same as nothing chosen: some items are not asked, some are not scored.
    pub gap: bool,
}

/// What the compact list's button does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListButton {
    /// The last (or only) list: "Send my answers", field `send=1`.
    Send,
    /// More lists follow: "Save and continue", field `next=1`.
    Continue,
}

impl ListButton {
    /// The name of its field.
    pub fn field(self) -> &'static str {
        match self {
            ListButton::Send => "send",
            ListButton::Continue => "next",
        }
    }
}

/// All items of one instrument on one page.
#[derive(Debug, Template)]
#[template(path = "survey/list.html", whitespace = "minimize")]
pub struct List<'a> {
    /// Head and foot.
    pub frame: Frame<'a>,
    /// Which list this is, from 1.
    pub part: usize,
    /// How many lists there are; with one, the parts are not mentioned.
    pub parts: usize,
    /// The language of the questions.
    pub wording: Wording,
    /// Who is to answer, where that is not the patient; else empty.
    pub for_whom: &'a str,
    /// That an answer has opened more questions, above the first list of them; else empty.
    pub more: &'a str,
    /// The instruction and stem above the items, word for word.
    pub stem: &'a str,
    /// The items, in the printed order.
    pub items: &'a [ListItem<'a>],
    /// The items with an answer that this page can take back, by their printed numbers; see `Sheet::Whole`.
    pub stood: &'a str,
    /// `Asked` after a round with gaps: the error summary and "Send without these answers" (field `incomplete=1`) appear.
    pub missing: Missing,
    /// What the button does.
    pub button: ListButton,
    /// Where the form posts.
    pub action: &'a str,
    /// The page before this one.
    pub back: Option<&'a str>,
    /// The instrument's credit line.
    pub credit: &'a str,
}

impl List<'_> {
    fn complains(&self) -> bool {
        self.missing != Missing::Nothing
    }

    fn asks_again(&self) -> bool {
        self.missing == Missing::Asked
    }

    fn gaps(&self) -> usize {
        self.items.iter().filter(|item| item.gap).count()
    }

    fn place(&self) -> String {
        (self.frame.words.list.part)(self.part, self.parts)
    }

    fn complaint(&self) -> String {
        let words = &self.frame.words.list;
        match self.missing {
            Missing::Unfit => (words.unfit)(
                self.items
                    .iter()
                    .filter(|item| !item.why.is_empty())
                    .count(),
            ),
            _ => (words.gaps)(self.gaps()),
        }
    }

    fn without(&self) -> String {
        let words = &self.frame.words.list;
        if self.sends() {
            (words.send_without)(self.gaps())
        } else {
            (words.go_on_without)(self.gaps())
        }
    }

    fn sends(&self) -> bool {
        self.button == ListButton::Send
    }
}

/// An answer as the review says it.
#[derive(Debug, Clone)]
pub enum Reviewed<'a> {
    /// One option, in its owner's words.
    Option(&'a str),
    /// Several of them.
    Options(Vec<&'a str>),
    /// What the patient wrote.
    Typed(String),
    /// The patient chose not to answer.
    Declined,
    /// Nothing yet.
    Nothing,
}

/// One answer on the review page.
#[derive(Debug, Clone, Copy)]
pub struct ReviewRow<'a> {
    /// The question's place among all questions.
    pub number: Counted,
    /// The question, word for word.
    pub text: &'a str,
    /// The answer's wording, or that there is none.
    pub answer: &'a Reviewed<'a>,
    /// Address of that question's page.
    pub change: &'a str,
}

impl ReviewRow<'_> {
    fn change_which(&self, words: &ReviewWords) -> String {
        (words.change_which)(self.number)
    }
}

/// Answers under one stem.
#[derive(Debug, Clone, Copy)]
pub struct ReviewPart<'a> {
    /// The language of the questions.
    pub wording: Wording,
    /// The stem the questions share.
    pub stem: &'a str,
    /// Its answers; questions that were not asked are left out.
    pub rows: &'a [ReviewRow<'a>],
}

/// All answers once more, before they are sent.
#[derive(Debug, Template)]
#[template(path = "survey/review.html", whitespace = "minimize")]
pub struct Review<'a> {
    /// Head and foot.
    pub frame: Frame<'a>,
    /// The answers, grouped by stem.
    pub parts: &'a [ReviewPart<'a>],
    /// Who reads the answers and when.
    pub reading: Reading<'a>,
    /// Where "Send my answers" posts. Field `parts`: how many parts of the battery the page knew, so that a second click hands in nothing that the
    /// first one has opened.
    pub action: &'a str,
    /// How many parts the battery has.
    pub battery: usize,
    /// The last question's page.
    pub back: Option<&'a str>,
}

impl Review<'_> {
    fn gaps(&self) -> usize {
        self.parts
            .iter()
            .flat_map(|part| part.rows)
            .filter(|row| matches!(row.answer, Reviewed::Nothing))
            .count()
    }

    fn not_sent(&self) -> String {
        (self.frame.words.review.not_sent)(self.gaps())
    }

    fn who_reads(&self) -> String {
        (self.frame.words.reading.answers)(self.reading.who)
    }
}

/// The crisis page, shown at once after an answer that a risk rule names, when that answer is already saved. Where it is not, [`Frame::help_first`] puts the same help
/// above the page that says why.
#[derive(Debug, Template)]
#[template(path = "survey/support.html", whitespace = "minimize")]
pub struct Support<'a> {
    /// Head and foot.
    pub frame: Frame<'a>,
    /// Who reads such an answer and when. Must be true for this site: people rely on it.
    pub reading: Reading<'a>,
    /// Where "Continue" leads.
    pub next: &'a str,
}

impl Support<'_> {
    fn who_reads(&self) -> String {
        (self.frame.words.reading.it)(self.reading.who)
    }
}

/// What the end page says first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndTone {
    /// The usual end.
    Thanks,
    /// A risk rule named one of the answers: help stands above everything else.
    SupportFirst,
}

/// The last page; may be opened again as long as the link is known.
#[derive(Debug, Template)]
#[template(path = "survey/end.html", whitespace = "minimize")]
pub struct End<'a> {
    /// Head and foot.
    pub frame: Frame<'a>,
    /// Whether help comes first.
    pub tone: EndTone,
    /// When the answers arrived, in the patient's time zone: `Tuesday 3 March at 10:14 am`.
    pub sent_at: &'a str,
    /// How many questions were answered.
    pub answered: usize,
    /// How many were asked.
    pub asked: usize,
    /// Who reads the answers and when.
    pub reading: Reading<'a>,
    /// Where a note can be written to these answers; `None` when their time is over.
    pub correct: Option<&'a str>,
    /// How to reach the clinic about anything else.
    pub contact: Option<Line<'a>>,
}

impl End<'_> {
    fn received(&self) -> String {
        (self.frame.words.end.received)(self.answered, self.asked, self.sent_at)
    }

    fn who_reads(&self) -> String {
        (self.frame.words.reading.them)(self.reading.who)
    }

    fn support_first(&self) -> bool {
        self.tone == EndTone::SupportFirst
    }
}

/// Why a page other than the questions is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// The link's time is over.
    Expired,
    /// The clinic withdrew the link, or a newer one took its place.
    Revoked,
    /// "Not this time" was said through it before.
    LeftOut,
    /// "This is not for me" was said through it before.
    NotTheirs,
    /// Another link of the same occasion was used to send the answers.
    Used,
    /// Other answers came after these were sent.
    NotAdded,
    /// This form was handed in with other answers, and more questions are open.
    HandedIn,
    /// No such link: mistyped, cut in two by a mail program, or made up.
    Unknown,
    /// "This is not for me" was pressed; the link is closed.
    NotForMe,
    /// "Not this time" was pressed; the occasion is closed.
    NotNow,
    /// It is open on a tablet, or was.
    OtherDevice,
    /// Too many wrong years of birth.
    TooManyYears,
    /// Another site's page sent the form.
    Foreign,
    /// The form could not be read (damaged, too large, an answer outside the choices).
    Unreadable,
    /// Too many requests in a short time.
    TooMany,
    /// A note was kept.
    Corrected,
    /// The time for notes is over.
    TooLateToCorrect,
    /// No more notes are taken.
    TooManyCorrections,
    /// A fault on our side; nothing was lost that had been confirmed.
    Fault,
    /// The database has not answered in time.
    Slow,
}

/// The page that stops reminders: one button, or that they are stopped.
#[derive(Debug, Template)]
#[template(path = "survey/stop.html", whitespace = "minimize")]
pub struct Stop<'a> {
    /// Head and foot.
    pub frame: Frame<'a>,
    /// What the page says.
    pub said: &'static Said,
    /// Where the button posts; `None` once reminders are stopped.
    pub action: Option<&'a str>,
}

/// Which answers a person looks at first.
#[derive(Debug, Template)]
#[template(path = "survey/rules.html", whitespace = "minimize")]
pub struct Rules<'a> {
    /// Head and foot.
    pub frame: Frame<'a>,
    /// The forms.
    pub forms: Vec<RuleForm>,
    /// When answers are read, as sentences.
    pub when: Vec<String>,
    /// Whether patients' own words are looked through.
    pub phrases: bool,
}

/// A form with its questions.
#[derive(Debug, Clone)]
pub struct RuleForm {
    /// Its short name, as it stands on the form.
    pub name: String,
    /// The questions.
    pub questions: Vec<RuleQuestion>,
}

/// A question of which some answers are looked at first.
#[derive(Debug, Clone)]
pub struct RuleQuestion {
    /// `Question 9`
    pub number: String,
    /// The question itself; empty where the wording is protected.
    pub asks: String,
    /// How soon a person looks.
    pub soon: &'static str,
}

/// A calm page for everything that is not a question.
#[derive(Debug, Template)]
#[template(path = "survey/notice.html", whitespace = "minimize")]
pub struct Notice<'a> {
    /// Head and foot.
    pub frame: Frame<'a>,
    /// What happened.
    pub kind: NoticeKind,
    /// Where the patient can go on: "Go back to your questions". `None` when there is nothing to go back to.
    pub back: Option<&'a str>,
    /// Where a note can be written to answers that were sent.
    pub correct: Option<&'a str>,
    /// How to reach the clinic.
    pub contact: Option<Line<'a>>,
}

impl Notice<'_> {
    fn title(&self) -> &'static str {
        let words = &self.frame.words.notice;
        match self.kind {
            NoticeKind::Expired
            | NoticeKind::Revoked
            | NoticeKind::LeftOut
            | NoticeKind::NotTheirs
            | NoticeKind::Used
            | NoticeKind::NotAdded
            | NoticeKind::HandedIn
            | NoticeKind::OtherDevice
            | NoticeKind::TooLateToCorrect
            | NoticeKind::TooManyCorrections
            | NoticeKind::Unknown => words.closed_title,
            NoticeKind::NotForMe | NoticeKind::NotNow | NoticeKind::Corrected => words.thanks_title,
            NoticeKind::Foreign
            | NoticeKind::Unreadable
            | NoticeKind::TooMany
            | NoticeKind::TooManyYears
            | NoticeKind::Fault
            | NoticeKind::Slow => words.again_title,
        }
    }

    /// The link to the note: the first time it asks, then it offers another.
    fn offer(&self) -> &'static str {
        let words = &self.frame.words.correction;
        match self.kind {
            NoticeKind::Corrected => words.another,
            _ => words.heading,
        }
    }

    fn said(&self) -> &'static Said {
        let words = &self.frame.words.notice;
        match self.kind {
            NoticeKind::Expired => &words.expired,
            NoticeKind::Revoked => &words.revoked,
            NoticeKind::LeftOut => &words.left_out,
            NoticeKind::NotTheirs => &words.not_theirs,
            NoticeKind::Used => &words.used,
            NoticeKind::NotAdded => &words.not_added,
            NoticeKind::HandedIn => &words.handed_in,
            NoticeKind::Unknown => &words.unknown,
            NoticeKind::NotForMe if self.frame.tablet.is_some() => {
                &self.frame.words.tablet.not_for_me
            }
            NoticeKind::NotForMe => &words.not_for_me,
            NoticeKind::NotNow => &words.not_now,
            NoticeKind::OtherDevice => &words.other_device,
            NoticeKind::TooManyYears => &words.too_many_years,
            NoticeKind::Corrected => &self.frame.words.correction.kept,
            NoticeKind::TooLateToCorrect => &self.frame.words.correction.too_late,
            NoticeKind::TooManyCorrections => &self.frame.words.correction.too_many,
            NoticeKind::Foreign => &words.foreign,
            NoticeKind::Unreadable => &words.unreadable,
            NoticeKind::TooMany => &words.too_many,
            NoticeKind::Fault => &words.fault,
            NoticeKind::Slow => &words.slow,
        }
    }
}

/// The page on which something is put right in answers that were sent.
#[derive(Debug, Template)]
#[template(path = "survey/correction.html", whitespace = "minimize")]
pub struct Correction<'a> {
    /// Head and foot.
    pub frame: Frame<'a>,
    /// Until when a note is taken, in the patient's time zone.
    pub until: &'a str,
    /// Where the form posts. Field `note`.
    pub action: &'a str,
    /// The most characters.
    pub longest: usize,
    /// Whether the error summary is shown.
    pub missing: Missing,
    /// What is wrong, and what to do; empty when nothing is.
    pub why: String,
    /// What stands in the field.
    pub typed: &'a str,
}

impl Correction<'_> {
    fn complains(&self) -> bool {
        self.missing != Missing::Nothing
    }

    fn complaint(&self) -> &'static str {
        self.frame.words.question.unfit
    }

    fn label(&self) -> String {
        (self.frame.words.question.own_words)(self.longest)
    }

    fn open_until(&self) -> String {
        (self.frame.words.correction.until)(self.until)
    }
}

/// What the page that asks for the year of birth has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckSays {
    /// Nothing yet.
    Nothing,
    /// The year does not fit, or is none, or there is no such link.
    Wrong,
    /// The year fitted and the browser did not keep that.
    NoCookies,
}

/// The light second check: the year of birth, before anything is shown.
#[derive(Debug, Template)]
#[template(path = "survey/check.html", whitespace = "minimize")]
pub struct Check<'a> {
    /// Head and foot.
    pub frame: Frame<'a>,
    /// What to say above the field.
    pub says: CheckSays,
    /// Where the form posts. Field `year`.
    pub action: &'a str,
}

impl Check<'_> {
    fn is_wrong(&self) -> bool {
        self.says == CheckSays::Wrong
    }

    fn keeps_nothing(&self) -> bool {
        self.says == CheckSays::NoCookies
    }
}

/// What the tablet's own page has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TabletSays {
    /// Nothing yet.
    Nothing,
    /// It was just handed back.
    Back,
    /// Nobody touched it for a while.
    Idle,
    /// There is no such code.
    Wrong,
    /// The code opened a form already.
    Used,
    /// The code's minutes are over.
    Old,
    /// Too many codes were tried.
    TooMany,
}

/// The tablet's own page: a field for the code.
#[derive(Debug, Template)]
#[template(path = "survey/tablet.html", whitespace = "minimize")]
pub struct Tablet<'a> {
    /// Head and foot.
    pub frame: Frame<'a>,
    /// What to say above the field.
    pub says: TabletSays,
    /// What stands in the field.
    pub code: &'a str,
}

impl Tablet<'_> {
    fn calm(&self) -> Option<&'static str> {
        let words = &self.frame.words.tablet;
        match self.says {
            TabletSays::Back => Some(words.back),
            TabletSays::Idle => Some(words.idle),
            _ => None,
        }
    }

    fn wrong(&self) -> Option<&'static str> {
        let words = &self.frame.words.tablet;
        match self.says {
            TabletSays::Wrong => Some(words.wrong),
            TabletSays::Used => Some(words.used),
            TabletSays::Old => Some(words.old),
            TabletSays::TooMany => Some(words.too_many),
            TabletSays::Nothing | TabletSays::Back | TabletSays::Idle => None,
        }
    }
}

/// Whether somebody is still at the tablet.
#[derive(Debug, Template)]
#[template(path = "survey/still.html", whitespace = "minimize")]
pub struct Still<'a> {
    /// Head and foot; the page goes on by itself soon.
    pub frame: Frame<'a>,
    /// Where "Go on" leads.
    pub next: &'a str,
}
