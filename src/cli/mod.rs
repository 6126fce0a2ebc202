//! The command line: what was asked, checked, in the reader's language.
//!
//! [`command`] says what a command is, [`args`] and [`values`] what it takes, [`page`] puts all of them before clap,
//! [`request`] understands a command line and runs it, [`complaint`] says what is wrong with one, and [`guess`] what
//! was meant.

pub(crate) mod args;
pub(crate) mod command;
mod complaint;
mod guess;
mod page;
mod request;
pub(crate) mod values;

pub(crate) use command::Command;
pub use complaint::Refusal;
pub(crate) use page::{definition, environment};
pub(crate) use request::parse;
pub use request::{Request, language};
