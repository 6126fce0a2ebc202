//! stickdemo shows, with real kernel sockets, where message boundaries go.
//!
//! The modules, in the order in which data flows through them; each knows only those before it:
//! [`text`] (both languages) → [`quantity`] (sizes and durations) → [`framing`] (bytes in, frames out) →
//! [`trace`] (the recording and what follows from it) → [`link`] (two hosts and the wire between them) →
//! [`net`] (recorded sockets) → [`scenarios`] (the documents' programs) → [`run`] (both ends, judged) →
//! [`render`] (what a person or a program reads) → [`cli`] (names and help) and [`tools`] (the commands).
//! [`filename`] keeps received files where they belong, [`scratch`] for no longer than the run.

pub mod cli;
pub mod exit;
pub mod filename;
pub mod framing;
pub mod link;
pub mod net;
pub mod output;
pub mod quantity;
pub mod render;
pub mod run;
pub mod scenarios;
pub mod scratch;
pub mod system;
pub mod text;
pub mod tools;
pub mod trace;
