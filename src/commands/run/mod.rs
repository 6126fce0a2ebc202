//! A scenario as a command: once with its trace, or many times with the distribution of outcomes.

mod hint;
mod once;
mod options;
mod pcap;
mod predict;
mod repeat;
mod request;
mod step;

use super::busy::Busy;
use crate::cli::Command;
use crate::cli::command::{Section, Task, page};
use crate::net::Opt;
use crate::play::Linked;
use crate::render::Format;
use crate::scenarios::Scenario;
use crate::text::{Lang, Text};

/// The command that runs a scenario.
pub(super) fn command(scenario: Scenario) -> Command {
    let shown = scenario.clone();
    Command::new(scenario.id, scenario.title.clone(), move |matches, output| {
        let request = request::request(&scenario, matches, output)?;
        let linked = request.is_linked();
        let task = Task::new(move |context, out| {
            let plan = once::plan(&request, &context.style);
            let _busy = Busy::start(request.busy);
            match request.repeat {
                Some(n) => repeat::run(&request, &plan, n, context, out),
                None => once::run(&request, &plan, context, out),
            }
        });
        Ok(task.may_link(linked))
    })
    .section(Section::Scenarios(shown.part))
    .about(shown.claim.clone())
    .formats(Format::of_reports())
    .words(shown.words.clone())
    .define(move |command, lang| define(command, &shown, lang))
}

/// Hides the options that make no sense for the scenario, and names its documents and its control experiment.
fn define(command: clap::Command, scenario: &Scenario, lang: Lang) -> clap::Command {
    let mut after =
        Text::new("Documents: {}", "来自文档：{}").with(&Text::same(scenario.documents.join(", "))).to(lang).to_owned();
    after += Text::new("\nControl experiment: {}", "\n对照实验：{}").with(&scenario.teaching.control.change).to(lang);
    let args = options::all(lang).into_iter().map(|arg| {
        let id = arg.get_id().as_str();
        let takes_not = Opt::ALL.iter().any(|opt| opt.name() == id && !scenario.takes.contains(opt));
        let cannot = match scenario.experiment.linked {
            Linked::Only => ["as", "listen", "connect"].contains(&id),
            Linked::Able => false,
        };
        arg.hide(takes_not || cannot)
    });
    command.after_help(after).help_template(format!("{}{{after-help}}\n", page(lang))).args(args)
}
