//! One connection's conversation with the relay: greeting, EHLO, STARTTLS, AUTH, then mail after mail. Every step has its limit of time, and the whole has
//! one, so that a relay that stalls or drips cannot hold a worker longer than a message's lease. What a refusal means is `reply`.

use super::reply::{Reply, Step, scrubbed};
use super::wire::{Broken, Wire};
use super::{Before, SendFailure, Taken};
use crate::config::{Security, Smtp};
use crate::domain::message::Failure;
use base64::{Engine, engine::general_purpose::STANDARD};
use rustls::ClientConfig;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the relay may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// To be reached.
    pub connect: Duration,
    /// To greet.
    pub greeting: Duration,
    /// To answer one command; also for the handshake of TLS.
    pub command: Duration,
    /// To answer after the text. Relays look at the text before they answer; whoever hangs up here gets the mail twice.
    pub word: Duration,
    /// For everything together, from connecting until the word after one mail.
    pub conversation: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            connect: Duration::from_secs(10),
            greeting: Duration::from_secs(20),
            command: Duration::from_secs(20),
            word: Duration::from_secs(60),
            conversation: LONGEST_CONVERSATION,
        }
    }
}

/// No conversation about one mail lasts longer.
pub const LONGEST_CONVERSATION: Duration = Duration::from_secs(150);

/// What ends a text.
const DOT: &[u8] = b".\r\n";

/// What the relay says it can do.
#[derive(Debug, Default, Clone)]
struct Offers {
    start_tls: bool,
    pipelining: bool,
    any_letters: bool,
    plain: bool,
    login: bool,
}

/// Whether everything that is said is written down for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notes {
    Kept,
    None,
}

/// A connection on which mails can be sent.
pub(super) struct Connection {
    wire: Wire,
    offers: Offers,
    patience: Patience,
    notes: Option<Vec<String>>,
    /// How many mails it has carried.
    pub carried: usize,
    /// When it was used last.
    pub used_at: Instant,
    /// Whether the next mail may go over it.
    pub is_whole: bool,
}

/// Why a mail did not leave, and where.
#[derive(Debug)]
pub(super) struct Stopped {
    pub step: Step,
    pub why: Why,
}

#[derive(Debug)]
pub(super) enum Why {
    Said(Reply),
    Broken(Broken),
    /// We cannot go on with what the relay offers.
    Unable(&'static str),
}

impl Stopped {
    /// What it means for the message to `recipient`.
    pub fn failure(&self, recipient: &str) -> SendFailure {
        let at = self.step.name();
        let (failure, words) = match &self.why {
            Why::Said(reply) => (
                reply.failure(self.step),
                format!(
                    "the relay answered {} at {at}",
                    scrubbed(&reply.on_one_line(), recipient)
                ),
            ),
            Why::Broken(broken) if self.step == Step::Word => (
                Failure::Unknown,
                format!("{} after the text had gone", broken.words()),
            ),
            Why::Broken(broken) => (Failure::Ours, format!("{} at {at}", broken.words())),
            Why::Unable(what) if self.step == Step::To => (Failure::Final, (*what).to_owned()),
            Why::Unable(what) => (Failure::Ours, (*what).to_owned()),
        };
        SendFailure {
            failure,
            words,
            relay_is_away: matches!(
                self.step,
                Step::Connect | Step::Greeting | Step::Hello | Step::Tls | Step::SignIn
            ),
        }
    }

    /// Whether a connection that was kept had simply ended: then the mail deserves a fresh one at once.
    pub fn is_staleness(&self) -> bool {
        let early = matches!(self.step, Step::From | Step::To | Step::Text);
        let ended = match &self.why {
            Why::Said(reply) => reply.code == 421,
            Why::Broken(broken) => matches!(broken, Broken::Lost),
            Why::Unable(_) => false,
        };
        early && ended
    }
}

impl Connection {
    /// Reaches the relay and introduces us, with TLS and sign-in as they are set.
    pub fn open(
        relay: &Smtp,
        tls: &Arc<ClientConfig>,
        patience: Patience,
        notes: Notes,
    ) -> Result<Connection, (Stopped, Vec<String>)> {
        let ends = Instant::now() + patience.conversation;
        let wire = Wire::open(&relay.host, relay.port, patience.connect).map_err(|broken| {
            let why = Why::Broken(broken);
            (
                Stopped {
                    step: Step::Connect,
                    why,
                },
                vec![],
            )
        })?;
        let mut connection = Connection {
            wire,
            offers: Offers::default(),
            patience,
            notes: (notes == Notes::Kept).then(Vec::new),
            carried: 0,
            used_at: Instant::now(),
            is_whole: true,
        };
        connection.wire.ends_by(ends);
        match connection.introduce(relay, tls) {
            Ok(()) => Ok(connection),
            Err(stopped) => Err((stopped, connection.take_notes())),
        }
    }

    fn introduce(&mut self, relay: &Smtp, tls: &Arc<ClientConfig>) -> Result<(), Stopped> {
        if relay.security == Security::Tls {
            self.secure(relay, tls)?;
        }
        self.wire.within(self.patience.greeting);
        self.expect(Step::Greeting)?;
        self.hello()?;
        if relay.security == Security::StartTls {
            // No way down: without TLS nothing more is said to this relay.
            if !self.offers.start_tls {
                return Err(unable(
                    Step::Tls,
                    "the relay offers no STARTTLS; nothing is sent to it without",
                ));
            }
            self.command(Step::Tls, "STARTTLS")?;
            self.secure(relay, tls)?;
            self.hello()?;
        }
        match &relay.credentials {
            Some((user, password)) => self.sign_in(user, password),
            None => Ok(()),
        }
    }

    fn secure(&mut self, relay: &Smtp, tls: &Arc<ClientConfig>) -> Result<(), Stopped> {
        self.wire.within(self.patience.command);
        let done = self.wire.secure(&relay.host, tls);
        self.at(Step::Tls, done)?;
        self.note("   TLS, certificate verified");
        Ok(())
    }

    fn hello(&mut self) -> Result<(), Stopped> {
        let name = lettre::transport::smtp::extension::ClientId::default();
        let reply = self.command(Step::Hello, &format!("EHLO {name}"))?;
        self.offers = Offers::default();
        for line in &reply.lines {
            let line = line.to_ascii_uppercase();
            let mut words = line.split([' ', '=']);
            match words.next() {
                Some("STARTTLS") => self.offers.start_tls = true,
                Some("PIPELINING") => self.offers.pipelining = true,
                Some("SMTPUTF8") => self.offers.any_letters = true,
                Some("AUTH") => {
                    for way in words {
                        self.offers.plain |= way == "PLAIN";
                        self.offers.login |= way == "LOGIN";
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn sign_in(&mut self, user: &str, password: &str) -> Result<(), Stopped> {
        if self.offers.plain {
            let both = STANDARD.encode(format!("\0{user}\0{password}"));
            self.secret(&format!("AUTH PLAIN {both}"), "AUTH PLAIN …")?;
            Ok(())
        } else if self.offers.login {
            self.command(Step::SignIn, "AUTH LOGIN")?;
            self.secret(&STANDARD.encode(user), "…")?;
            self.secret(&STANDARD.encode(password), "…")?;
            Ok(())
        } else {
            Err(unable(
                Step::SignIn,
                "the relay offers neither AUTH PLAIN nor AUTH LOGIN",
            ))
        }
    }

    /// A command whose words nobody may see.
    fn secret(&mut self, line: &str, shown: &str) -> Result<Reply, Stopped> {
        self.note(&format!("<- {shown}"));
        self.wire.within(self.patience.command);
        let written = self.wire.write(format!("{line}\r\n").as_bytes());
        self.at(Step::SignIn, written)?;
        self.expect(Step::SignIn)
    }

    fn command(&mut self, step: Step, line: &str) -> Result<Reply, Stopped> {
        self.say(step, line)?;
        self.expect(step)
    }

    fn say(&mut self, step: Step, lines: &str) -> Result<(), Stopped> {
        for line in lines.split("\r\n") {
            self.note(&format!("<- {line}"));
        }
        self.wire.within(self.patience.command);
        let written = self.wire.write(format!("{lines}\r\n").as_bytes());
        self.at(step, written)
    }

    /// The next reply, whatever it says.
    fn hear(&mut self, step: Step) -> Result<Reply, Stopped> {
        let heard = self.wire.reply();
        let reply = self.at(step, heard)?;
        self.note(&format!("-> {}", reply.on_one_line()));
        if reply.code == 421 {
            self.is_whole = false;
        }
        Ok(reply)
    }

    fn expect(&mut self, step: Step) -> Result<Reply, Stopped> {
        let reply = self.hear(step)?;
        accepted(step, reply)
    }

    fn at<T>(&mut self, step: Step, done: Result<T, Broken>) -> Result<T, Stopped> {
        done.map_err(|broken| {
            self.is_whole = false;
            self.note(&format!("-- {}", broken.words()));
            Stopped {
                step,
                why: Why::Broken(broken),
            }
        })
    }

    /// Sends one mail and waits for the relay's word. `text` is stuffed and ends with the dot, which goes out after `before`: until then the relay has
    /// nothing it could pass on.
    pub fn send(
        &mut self,
        from: &str,
        to: &str,
        text: &[u8],
        before: &mut dyn Before,
    ) -> Result<Taken, Stopped> {
        let letters = if from.is_ascii() && to.is_ascii() {
            ""
        } else if self.offers.any_letters {
            " SMTPUTF8"
        } else {
            return Err(unable(
                Step::To,
                "the address has letters that the relay does not take",
            ));
        };
        let begin = [
            format!("MAIL FROM:<{from}>{letters}"),
            format!("RCPT TO:<{to}>"),
            "DATA".to_owned(),
        ];
        if self.offers.pipelining {
            self.begin_at_once(&begin)?;
        } else {
            self.begin_in_turn(&begin)?;
        }
        self.wire.within(self.patience.word);
        self.note(&format!("<- (the mail, {} bytes)", text.len()));
        let body = match text.strip_suffix(DOT) {
            Some(body) if !before.is_over() => {
                let written = self.wire.write(body);
                self.at(Step::Text, written)?;
                before.wait();
                self.wire.within(self.patience.word);
                DOT
            }
            _ => text,
        };
        let written = self.wire.write(body);
        self.at(Step::Text, written)?;
        let reply = self.expect(Step::Word)?;
        self.carried += 1;
        self.used_at = Instant::now();
        Ok(Taken {
            words: scrubbed(&reply.on_one_line(), to),
        })
    }

    /// From here on the next mail's time runs.
    pub fn begin_next(&mut self) {
        self.wire
            .ends_by(Instant::now() + self.patience.conversation);
    }

    fn begin_in_turn(&mut self, lines: &[String; 3]) -> Result<(), Stopped> {
        for (line, step) in lines.iter().zip([Step::From, Step::To, Step::Text]) {
            self.say(step, line)?;
            let reply = self.hear(step)?;
            if let Err(refused) = as_begun(step, reply) {
                return Err(self.reset(refused));
            }
        }
        Ok(())
    }

    /// All three in one write (RFC 2920); the first refusal is the one that counts.
    fn begin_at_once(&mut self, lines: &[String; 3]) -> Result<(), Stopped> {
        self.say(Step::From, &lines.join("\r\n"))?;
        let mut refused = None;
        let mut goes_on = false;
        for step in [Step::From, Step::To, Step::Text] {
            self.wire.within(self.patience.command);
            let reply = match self.hear(step) {
                Ok(reply) => reply,
                // A relay that refuses and hangs up has said what it had to say.
                Err(broken) => return Err(refused.unwrap_or(broken)),
            };
            goes_on = step == Step::Text && reply.code == 354;
            if let Err(stopped) = as_begun(step, reply) {
                refused.get_or_insert(stopped);
            }
        }
        match refused {
            None => Ok(()),
            Some(refused) if goes_on => {
                // It waits for a text that must not come: end it without one.
                self.is_whole = false;
                Err(refused)
            }
            Some(refused) => Err(self.reset(refused)),
        }
    }

    /// Makes the connection ready for another mail after a refusal.
    fn reset(&mut self, refused: Stopped) -> Stopped {
        if self.is_whole {
            self.is_whole = self.command(Step::From, "RSET").is_ok();
        }
        refused
    }

    /// Says good-bye without waiting for an answer.
    pub fn quit(mut self) -> Vec<String> {
        if self.is_whole {
            let _ = self.say(Step::Word, "QUIT");
        }
        self.take_notes()
    }

    fn note(&mut self, line: &str) {
        if let Some(notes) = &mut self.notes {
            notes.push(line.to_owned());
        }
    }

    pub fn take_notes(&mut self) -> Vec<String> {
        self.notes.as_mut().map(std::mem::take).unwrap_or_default()
    }
}

fn accepted(step: Step, reply: Reply) -> Result<Reply, Stopped> {
    if reply.is_positive() {
        Ok(reply)
    } else {
        Err(Stopped {
            step,
            why: Why::Said(reply),
        })
    }
}

/// DATA is agreed to by 354 alone; everything else by 2xx.
fn as_begun(step: Step, reply: Reply) -> Result<(), Stopped> {
    let agreed = match step {
        Step::Text => reply.code == 354,
        _ => reply.code < 300,
    };
    if agreed {
        Ok(())
    } else if reply.is_positive() {
        Err(Stopped {
            step,
            why: Why::Broken(Broken::Garbled),
        })
    } else {
        accepted(step, reply).map(|_| ())
    }
}

fn unable(step: Step, what: &'static str) -> Stopped {
    Stopped {
        step,
        why: Why::Unable(what),
    }
}
