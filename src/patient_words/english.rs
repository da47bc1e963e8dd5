//! What the program says to patients in English.

use super::*;

/// English.
pub const WORDS: Words = Words {
    language: Language::English,
    day: |at| at.format("%A %-d %B").to_string(),
    moment: |at| at.format("%A %-d %B at %-I:%M %P").to_string(),
    page: PageWords {
        title: "Check-in",
        nav: "Page",
        help_now: "Help now",
        error: "Error: ",
        back: "Back",
        english_only: "These questions are in English only.",
        some_english_only: "Some of the questions are in English only.",
        for_parent: "These questions are for a parent or caregiver to answer, about the child.",
        some_for_parent: "Some of the questions are for a parent or caregiver to answer, about the child.",
        more: "Thank you. Your answers are in. Here are a few more questions.",
        more_carried: "Thank you. Your answers are in. Here are a few more questions. What you have answered is not asked again.",
    },
    help: HelpWords {
        say: help::in_english,
        call_line: "Call",
    },
    reading: ReadingWords {
        answers: |who| format!("{who} reads your answers"),
        them: |who| format!("{who} reads them"),
        it: |who| format!("{who} reads it"),
        first_promise: "before your next visit",
        in_english: ". Your clinic says when:",
        week: hours::english,
        clock_of: |city| format!(" ({city} time)"),
        read_in: |week| format!("Answers are read {week}."),
        nobody_before: |moment| format!("Nobody reads answers before {moment}."),
        nobody_now: "Nobody reads answers at the moment. Call your clinic if you need somebody.",
        clinic: "Your clinic",
    },
    start: StartWords {
        heading: "A few questions about how you are",
        asks: |who, clinic| {
            format!(
                "{who} at {clinic} asks you these questions. Your answers help plan your care with you."
            )
        },
        length: |questions, minutes| {
            let s = |count| if count == 1 { "" } else { "s" };
            format!(
                "{questions} question{}, about {minutes} minute{}.",
                s(questions),
                s(minutes)
            )
        },
        not_live: "<strong>Nobody watches this page live.</strong>",
        may_stop: |until| {
            format!(
                "You may skip a question. You may stop and come back with the same link until {until}."
            )
        },
        saved: |count| match count {
            1 => "1 of your answers is saved.".to_owned(),
            _ => format!("{count} of your answers are saved."),
        },
        go_on: "Go on where you stopped",
        start: "Start",
        show_all: "Show all questions on one page",
        not_for_me: "This is not for me",
        closing: "If this came to you by mistake, we will close the link and tell the clinic. You do not need to say who you are.",
        close: "Close this link",
        not_now: "Not this time",
        leaving_out: "You may leave these questions out this time. Nothing bad comes of it. Your clinic sees that you said so.",
        leave_out: "Leave them out this time",
        heading_about: "A few questions about somebody you know well",
        asks_about: |who, clinic| {
            format!(
                "{who} at {clinic} asks you these questions. Your answers help plan that person’s care."
            )
        },
        about_somebody: "You answer about the person you were asked about, not about yourself. Your answers are kept apart from theirs.",
    },
    question: QuestionWords {
        step: |counted, total| match counted {
            Counted::At(number) => format!("Question {number} of {total}"),
            Counted::Before(number) => format!("Before question {number} of {total}"),
        },
        not_chosen: "You have not chosen an answer",
        not_written: "You have not written a number",
        unfit: "Please check what you wrote",
        choose: "Choose the answer that fits best",
        choose_all: "Choose all the answers that fit",
        number: |from, to| format!("A whole number from {from} to {to}"),
        number_unfit: |from, to| {
            format!("Write a whole number from {from} to {to}, in digits only")
        },
        own_words: |most| format!("In your own words, up to {} characters", thousands(most)),
        too_long: |by| match by {
            1 => "Your text is 1 character too long. Please make it shorter.".to_owned(),
            _ => format!(
                "Your text is {} characters too long. Please make it shorter.",
                thousands(by)
            ),
        },
        nobody_reads: "<strong>Nobody reads this right away.</strong>",
        declined: "You chose not to answer",
        may_skip: "You do not have to answer. You can skip this question below.",
        save: "Save and continue",
        skip: "Skip this question",
        saved: "Your answers are saved as you go.",
    },
    list: ListWords {
        part: |part, parts| format!("Part {part} of {parts}"),
        title: "Your questions",
        gaps: |count| match count {
            1 => "1 question has no answer yet".to_owned(),
            _ => format!("{count} questions have no answer yet"),
        },
        unfit: |count| match count {
            1 => "Please check 1 answer".to_owned(),
            _ => format!("Please check {count} answers"),
        },
        may_leave: "You do not have to answer all of them. You can go on without, at the end of this page.",
        no_answer_yet: "No answer yet",
        send: "Send my answers",
        send_without: |count| format!("Send without {}", these(count)),
        go_on_without: |count| format!("Go on without {}", these(count)),
    },
    review: ReviewWords {
        title: "Check your answers",
        heading: "Check your answers, then send them",
        not_sent: |gaps| {
            let saved = "Your answers are saved, but not sent yet.";
            match gaps {
                0 => saved.to_owned(),
                1 => format!("{saved} One question has no answer. That is all right."),
                _ => format!("{saved} {gaps} questions have no answer. That is all right."),
            }
        },
        no_answer: "No answer yet",
        change: "Change",
        change_which: |counted| match counted {
            Counted::At(number) => format!("answer {number}"),
            Counted::Before(number) => format!("the answer before question {number}"),
        },
    },
    support: SupportWords {
        title: "Help for you now",
        heading: "Thank you for telling us. You do not have to be alone with this.",
        intro: "If you think about ending your life or hurting yourself, you can talk to someone right now:",
        saved: "Your answer is saved.",
        not_live: "<strong>Nobody is watching this page now.</strong> If you need someone sooner, use the numbers above.",
        go_on: "Continue",
        may_stop: "You can stop here. What you answered so far is kept.",
        not_kept: "Something you sent just now could not be kept; below it says why. To be sure that your clinic knows how you are, call them.",
    },
    end: EndWords {
        title: "Thank you",
        heading: "Thank you. Your answers are in.",
        help: "Help is there for you, any time",
        received: |answered, asked, moment| {
            let answers = if asked == 1 { "answer" } else { "answers" };
            format!("We received {answered} of {asked} {answers} on {moment}.")
        },
        not_live: "Nobody watches this page live.",
        other_questions: "Questions about anything else?",
        close: "You can close this page now. If other people use this phone or computer, close the browser too.",
    },
    correction: CorrectionWords {
        heading: "Something you want to put right?",
        what: "Write it here. Your note is kept beside your answers, and your clinic sees that it came. Your answers stay as they are.",
        send: "Send the note",
        until: |moment| format!("You can send a note until {moment}. You can send more than one."),
        nothing_written: "Write what you want to put right.",
        kept: Said {
            heading: "Thank you. Your note is in.",
            text: "It is kept beside your answers, which stay as they are. You can close this page now.",
        },
        another: "Write one more note",
        too_late: Said {
            heading: "The time for a note is over",
            text: "Notes can be sent for two days after the answers. If something should be put right, tell your clinic.",
        },
        too_many: Said {
            heading: "There are many notes already",
            text: "All of them are kept. This one was not saved. If there is more to say, tell your clinic.",
        },
    },
    notice: NoticeWords {
        closed_title: "This link is closed",
        thanks_title: "Thank you",
        again_title: "Error: please try again",
        expired: Said {
            heading: "The time for these questions is over",
            text: "You did nothing wrong. Your clinic will send you a new link when it is time again.",
        },
        revoked: Said {
            heading: "This link is no longer used",
            text: "Your clinic has closed it. If a newer message came to you, please use the link in that one.",
        },
        left_out: Said {
            heading: "You left these questions out this time",
            text: "That is all right, and your clinic sees it. The next questions come by themselves. If you want to answer these after all, call or write to your clinic.",
        },
        not_theirs: Said {
            heading: "This link was closed with “This is not for me”",
            text: "Whoever pressed that did nothing wrong, and the clinic was told. If these questions are for you, call or write to your clinic. They can send you a new link.",
        },
        used: Said {
            heading: "These questions are already answered",
            text: "The answers have been sent. There is nothing more to do.",
        },
        not_added: Said {
            heading: "Your answers were sent before",
            text: "What you have just entered was not added to them. If something has changed, tell your clinic. If you are not safe, use the numbers below now.",
        },
        handed_in: Said {
            heading: "These questions are already answered",
            text: "Your first answers have been sent, and they stay as they are. A few more questions are open.",
        },
        unknown: Said {
            heading: "We cannot find this page",
            text: "The link may be cut off or mistyped. Open your message again and press the link, or copy the whole line.",
        },
        not_for_me: Said {
            heading: "Thank you for telling us",
            text: "The link is closed. We will tell the clinic that it reached the wrong person. You can delete the message.",
        },
        not_now: Said {
            heading: "That is all right",
            text: "You leave these questions out this time. Your clinic sees that. You can close this page now.",
        },
        other_device: Said {
            heading: "There is nothing more to see here",
            text: "These questions were opened on a tablet in the clinic. If you want to go on, ask at the desk.",
        },
        too_many_years: Said {
            heading: "Please wait an hour",
            text: "The year did not fit too many times. Try again in an hour, or ask the clinic to help you.",
        },
        unreadable: Said {
            heading: "We could not read what was sent",
            text: "Something got lost on the way. This answer was not saved; what you saved before is still there.",
        },
        foreign: Said {
            heading: "This did not come from our page",
            text: "So we did not take it. Open the link in your message and try again. What you saved before is still there.",
        },
        too_many: Said {
            heading: "Please wait a minute",
            text: "There were too many requests from your connection. Wait a minute, then try again. What you saved is still there.",
        },
        fault: Said {
            heading: "Something went wrong on our side",
            text: "It is not your fault. Wait a minute, then try again with the same link. What you saved before is still there.",
        },
        slow: Said {
            heading: "This takes longer than it should",
            text: "It is not your fault. We cannot tell whether your last answers arrived. Wait a minute, then open the same link: it shows what is saved. Sending twice does no harm.",
        },
        away: Said {
            heading: "This page is closed for a short time",
            text: "Try again later with the same link. What you saved before is kept. Nobody reads anything here now.",
        },
        back: "Go back to your questions",
    },
    check: CheckWords {
        heading: "One question first",
        why: "So that nobody else opens what is yours.",
        year: "In which year were you born? Four digits, like 1984.",
        wrong: "That does not fit",
        wrong_advice: "Write the year with four digits. If it still does not fit, ask your clinic.",
        no_cookies: "Your browser did not keep your answer",
        no_cookies_advice: "It needs to allow cookies for this page. Allow them and try again, use another browser, or ask your clinic.",
        go_on: "Go on",
    },
    tablet: TabletWords {
        heading: "This tablet is ready",
        advice: "Type the code that you got at the desk.",
        code: "Code",
        open: "Open",
        back: "Thank you. Please give the tablet back. Nothing you answered is on it any more.",
        idle: "Nobody touched the tablet for a while, so the questions were closed. What was saved is kept.",
        wrong: "This code is not right. Check each letter, or ask for a new code.",
        used: "This code was used already. Each code works once. Ask for a new one.",
        old: "This code is too old. Codes work for ten minutes. Ask for a new one.",
        too_many: "Too many codes were tried. Wait a minute, then try again.",
        still: Said {
            heading: "Are you still there?",
            text: "Nobody touched the tablet for a while. In one minute the questions close, so that nobody else sees them. What you saved is kept.",
        },
        go_on: "Yes, go on",
        finished: "You use a tablet of the clinic. If you rest for 9 minutes, it asks if you are still there. If nobody answers, it closes the questions. What you saved is kept.",
        save_writing: "Save what you write within 9 minutes. You can come back to it and write more.",
        hand_back: "Finished? Hand the tablet back",
        may_stop: "You may skip a question. You may stop at any time and hand the tablet back. What you saved is kept.",
        not_for_me: Said {
            heading: "Thank you for telling us",
            text: "The questions are closed, and the clinic is told. Please hand the tablet back.",
        },
    },
    stop: StopWords {
        ask: Said {
            heading: "Stop reminders?",
            text: "When you have not answered yet, we send you a reminder. Press the button and we will send no more reminders. You will still get a message when there are new questions.",
        },
        button: "Stop reminders",
        done: Said {
            heading: "Reminders are stopped",
            text: "We will send you no more reminders. You will still get a message when there are new questions. Your clinic knows about it. If you want reminders again, tell them.",
        },
        unknown: Said {
            heading: "This link does not stop reminders any more",
            text: "Nothing was changed. If you want no more reminders, tell your clinic. They can stop them for you.",
        },
    },
    rules: rules::ENGLISH,
    mail: MailWords {
        your_clinic: "your clinic",
        subject: |clinic| format!("A form from {clinic}"),
        hello: |name| match name {
            "" => "Hello,".to_owned(),
            _ => format!("Hello {name},"),
        },
        asks: |clinic| {
            format!("{clinic} asks you to fill in a short form. It takes a few minutes.")
        },
        still_open: |clinic| {
            format!("The form from {clinic} is still open. It takes a few minutes.")
        },
        kept: "You have begun it. What you answered is kept: you go on where you stopped.",
        open: "Open it here:",
        works_until: |until| {
            format!(
                "The link works until {until}. You can stop and come back: what you answered is kept."
            )
        },
        begin_by: |until, hours| {
            format!(
                "The link opens until {until}. Once you have begun you have {hours} hours: you can stop and come back, and what you answered is kept."
            )
        },
        not_for_emergencies: "This mail is not for emergencies and nobody watches for replies.",
        not_yours: "Not for you? Open the link and press “This is not for me”. We then close the link and send nothing more about it.",
    },
    text: TextWords {
        your_clinic: "your clinic",
        nobody_reads: "Nobody reads texts to this number right away.",
        invitation: |clinic, link, help| {
            format!("A form from {clinic}: {link} Reply STOP to stop. Need help now: {help}")
        },
        reminder: |clinic, link, help| {
            format!("Reminder from {clinic}: {link} Reply STOP to stop. Need help now: {help}")
        },
    },
};

fn these(count: usize) -> &'static str {
    if count == 1 {
        "this answer"
    } else {
        "these answers"
    }
}

/// `2,000`
fn thousands(number: usize) -> String {
    match number {
        0..1_000 => number.to_string(),
        _ => format!("{},{:03}", number / 1_000, number % 1_000),
    }
}
