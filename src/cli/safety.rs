//! `attune safety`: trying a draft of the safety policy on past answers. Counts alone: whose answers they are is for those who treat them. The trial is `app::rehearse`.

use super::console::{Console, Exit};
use super::verb::{tell, wait_for};
use crate::app::App;
use crate::app::rehearse::{Rehearsal, WEEKS, rehearse};
use crate::domain::access::Actor;
use crate::domain::risk::policy::SafetyPolicy;
use clap::Subcommand;
use serde_json::json;
use std::path::{Path, PathBuf};

/// The rules of safety.
#[derive(Debug, Clone, Subcommand)]
pub enum SafetyCommand {
    /// Try a draft of the rules on past answers and print as JSON what would have been flagged; nothing is stored.
    Rehearse {
        /// The draft as JSON; what it does not name is as shipped. See docs/operations.md.
        file: PathBuf,
        /// How many weeks to look back.
        #[arg(long, default_value_t = WEEKS)]
        weeks: u32,
    },
}

impl SafetyCommand {
    /// The same command with its paths made whole.
    pub fn at(self, folder: &Path) -> Self {
        let SafetyCommand::Rehearse { file, weeks } = self;
        SafetyCommand::Rehearse {
            file: folder.join(file),
            weeks,
        }
    }
}

/// Runs the command.
pub fn run(app: &App, actor: &Actor, command: &SafetyCommand, console: &mut Console<'_>) -> Exit {
    let SafetyCommand::Rehearse { file, weeks } = command;
    tell(console, try_draft(app, actor, file, *weeks))
}

fn try_draft(app: &App, actor: &Actor, file: &Path, weeks: u32) -> Result<String, String> {
    let shown = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("{shown}: cannot be read ({error})"))?;
    let draft: SafetyPolicy = serde_json::from_str(&text)
        .map_err(|error| format!("{shown} is no safety policy: {error}"))?;
    let done = wait_for(rehearse(app, actor.clone(), draft.clone(), weeks))?;
    serde_json::to_string_pretty(&told(app, &draft, &done)).map_err(|error| error.to_string())
}

fn told(app: &App, draft: &SafetyPolicy, done: &Rehearsal) -> serde_json::Value {
    let weaker = draft.weaker(app.library);
    json!({
        "from": done.from,
        "to": done.to,
        "stopped_early": done.stopped_early,
        "responses": done.responses,
        "seconds": done.took.as_secs_f64(),
        "weaker_than_shipped": weaker.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "weeks": done.weeks.iter().map(|(week, figures)| json!({ "from": week, "flagged_answers": figures })).collect::<Vec<_>>(),
        "clinicians": done.clinicians,
        "otherwise": done.otherwise.iter().map(|one| json!({
            "what": one.fate,
            "answers": one.answers,
            "patients": one.patients,
        })).collect::<Vec<_>>(),
    })
}
