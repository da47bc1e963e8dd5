//! Where a command writes: its results, its complaints, and how far it has come. The same command runs in this process or inside a running
//! service that sends every line back, so it never touches the terminal itself.

use std::io::Write;

/// The two streams of a command, and whether a person is watching.
pub struct Console<'a> {
    /// Results: what another program may read.
    pub out: &'a mut (dyn Write + Send),
    /// Complaints and progress, for people.
    pub err: &'a mut (dyn Write + Send),
    /// Whether to say how far things have come.
    pub progress: Progress,
}

/// Whether somebody watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// A terminal: one line that is written over.
    Shown,
    /// A file or another program: nothing.
    Hidden,
}

/// How a command ended, as its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: everything was done.
    Done,
    /// 1: it failed, or found a fault.
    Failed,
    /// 2: the command made no sense.
    Usage,
    /// 3: some rows were done, others rejected.
    Partial,
}

impl Exit {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Partial => 3,
        }
    }
}

impl Console<'_> {
    /// Says how far things have come, if somebody watches.
    pub fn report_progress(&mut self, done: usize, what: &str) {
        if self.progress == Progress::Shown {
            // A terminal that went away is no reason to stop.
            let _ = write!(self.err, "\r{done} {what}");
            let _ = self.err.flush();
        }
    }
}
