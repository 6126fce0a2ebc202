//! stickdemo: parse, run, exit code.

use std::process::ExitCode;
use stickdemo::cli::{self, Reply, Request};
use stickdemo::exit::Exit;
use stickdemo::output::{print, tell};
use stickdemo::sys::{kernel, keys, scratch};
use stickdemo::text::{Lang, Text};
use stickdemo::{commands, link, programs, watch};

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    let lang = cli::language(&args, |name| std::env::var(name).ok(), kernel::locale);
    let request = commands::parse(args, lang);
    // Before the first thread: only a process with a single one may change its user namespace.
    if request.as_ref().is_ok_and(Request::may_link) {
        link::prepare();
    }
    on_interrupt(lang);
    match request {
        Ok(request) => {
            let exit = request.run();
            link::reap();
            exit.into()
        }
        Err(Reply::Told(text)) => print(&text, lang).into(),
        Err(Reply::Wrong(text)) => {
            tell(text.trim_end());
            Exit::Usage.into()
        }
        Err(Reply::NotHere(text)) => {
            tell(&text);
            Exit::NotHere.into()
        }
    }
}

/// Ctrl-C: take away what is half-written, say so, answer 130.
#[allow(clippy::disallowed_methods, reason = "the handler's thread cannot return from main")]
fn on_interrupt(lang: Lang) {
    let handler = move || {
        // The programs that are watched had the same Ctrl-C: they end, and their trace is written; so is what a server
        // kept. A second one ends it.
        if watch::interrupt::deferred() || programs::ending::deferred() {
            return;
        }
        keys::restore();
        scratch::remove_all();
        programs::runner::kill_all();
        link::reap();
        tell(Text::new("\ninterrupted", "\n已中断").to(lang));
        std::process::exit(Exit::Interrupted as i32);
    };
    // Without a handler an interrupt still ends the program, only less politely.
    let _ = ctrlc::set_handler(handler);
}
