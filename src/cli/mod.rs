//! The command line: what was asked, checked, in the reader's language.
//!
//! `command` says what a command is, `args` and `values` what it takes, `definition` puts all of them before clap,
//! `parse` understands a command line and runs it, `complaint` says what is wrong with one, and `guess` what
//! was meant.

pub(crate) mod args;
pub(crate) mod command;
mod complaint;
mod definition;
pub(crate) mod guess;
mod parse;
pub(crate) mod values;
mod wrap;

pub(crate) use command::Command;
pub use complaint::Reply;
pub(crate) use definition::{definition, environment};
pub(crate) use parse::parse;
pub use parse::{Request, language};
