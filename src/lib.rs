//! stickdemo shows, with real kernel sockets, where message boundaries go.
//!
//! The modules, in the order in which data flows through them; each knows only those before it:
//! [`text`] (both languages) → [`quantity`] (sizes and durations) → [`framing`] (bytes in, frames out) →
//! [`trace`] (the recording and what follows from it) → [`link`] (two hosts and the wire between them) →
//! [`net`] (recorded sockets) → [`scenarios`] (the documents' programs) → [`run`] (both ends, judged) →
//! [`render`] (what a person or a program reads) → [`cli`] (names and help), [`programs`] (the documents' own, made
//! correct) and [`tools`] (the commands).
//!
//! Beside the flow: [`wait`] sleeps, and nothing else does; [`port`] knows who has a port; [`filename`] keeps
//! received files where they belong, [`scratch`] for no longer than the run, and [`digest`] compares them;
//! [`output`], [`exit`], [`errno`] and [`system`] speak with the outside.

pub mod cli;
pub mod digest;
pub mod errno;
pub mod exit;
pub mod filename;
pub mod framing;
pub mod link;
pub mod net;
pub mod output;
pub mod port;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub mod proc_net;
pub mod programs;
pub mod quantity;
pub mod render;
pub mod run;
pub mod scenarios;
pub mod scratch;
pub mod system;
pub mod text;
pub mod tools;
pub mod trace;
pub mod wait;
