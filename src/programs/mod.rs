//! The documents' own programs, made correct: an upper-casing echo and a chat ([`talk`]), a remote command
//! runner in four protocols ([`runner`], [`exec`], [`answers`]), and file upload and download ([`files`]). Each
//! side runs in its own terminal or on its own machine, and speaks to the document's Python program byte for byte.
//!
//! Unlike a scenario nothing is recorded here unless `--trace` asks for it: the bytes of a large file pass
//! through. [`connection`] makes the calls; [`server`] keeps clients apart; [`console`] writes what people and scripts read.

pub mod answers;
mod asked;
mod backlog;
mod brake;
mod call_log;
mod clue;
pub mod connection;
pub mod console;
pub mod datagram_socket;
pub mod ending;
pub mod exec;
pub mod files;
mod pace;
mod room;
pub mod runner;
pub mod server;
mod stranger;
pub mod talk;
pub mod trouble;

pub use crate::framing::protocols::Framed;
pub(crate) use crate::framing::protocols::is_quit;
pub use asked::{
    Bounds, CommandService, Exec, FileService, Get, Patience, Put, Serve, Showing, Spelling, Talk, Trailer,
};
