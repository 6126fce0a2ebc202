//! The documents' own programs, made correct: an upper-casing echo and a chat ([`talk`]), a remote command
//! runner in four protocols ([`runner`], [`exec`], [`answers`]), and file upload and download ([`files`]). Each
//! side runs in its own terminal or on its own machine, and speaks to the document's Python program byte for byte.
//!
//! Unlike a scenario nothing is recorded here unless `--trace` asks for it: the bytes of a large file pass
//! through. [`wire`] makes the calls; [`server`] keeps clients apart; [`console`] writes what people and scripts read.

pub mod answers;
mod asked;
pub mod console;
pub mod datagrams;
pub mod exec;
pub mod files;
pub mod runner;
pub mod server;
pub mod talk;
pub mod trouble;
pub mod wire;

pub use crate::framing::protocols::Framed;
pub(crate) use crate::framing::protocols::is_quit;
pub use asked::{
    Bounds, CommandService, Exec, FileService, Get, Patience, Program, Put, Serve, Service, Spelling, Talk, Trailer,
};

use crate::exit::Exit;
use crate::output::{Format, Sink};
use crate::render::Style;
use crate::say;
use console::Console;
use std::io;
use trouble::Trouble;

/// Runs a program to its end; what it wrote to is handed back, to be finished.
///
/// # Errors
/// What writing the output says.
pub fn run(program: &Program, format: Format, style: &Style, out: Sink) -> io::Result<(Exit, Sink)> {
    let trace = match program {
        Program::Serve(serve) => serve.trace,
        Program::Talk(talk) => talk.trace,
        Program::Exec(exec) => exec.trace,
        Program::Put(put) => put.trace,
        Program::Get(get) => get.trace,
    };
    let console = Console::new(out, style, format, trace);
    let ended = match program {
        Program::Serve(asked) => serve(asked, &console),
        Program::Talk(talk) => talk::run(talk, &console),
        Program::Exec(exec) => exec::run(exec, &console),
        Program::Put(put) => files::put::run(put, &console),
        Program::Get(get) => files::get::run(get, &console),
    };
    let exit = ended.unwrap_or_else(|trouble: Trouble| {
        console.complain(&trouble);
        trouble.exit
    });
    console.close().map(|out| (exit, out))
}

/// Runs a server until it is interrupted.
///
/// # Errors
/// When it cannot listen.
pub fn serve(serve: &Serve, console: &Console) -> trouble::Result<Exit> {
    match &serve.service {
        Service::Upper { udp: false } => {
            let next = say!("stickdemo talk {{}}", "stickdemo talk {{}}");
            server::listen(serve.listen, &serve.bounds, console, &next, talk::upper)
        }
        Service::Upper { udp: true } => talk::upper_udp(serve, console),
        Service::Chat => talk::chat(serve, console),
        Service::Commands(service) => runner::serve(service, serve, console),
        Service::Files(service) => files::serve::run(service, serve, console),
    }
}
