//! stickdemo shows, with real kernel sockets, where message boundaries go.
//!
//! The modules, in the order in which data flows through them; each knows only those before it:
//! [`text`] (both languages) → [`trace`] (the recording and what follows from it) → [`net`] (recorded
//! sockets) → [`scenarios`] (the documents' programs) → [`run`] (both ends, judged) → [`render`] (what a
//! person or a program reads) → [`cli`] (names and help) and [`tools`] (the commands).

pub mod exit;
pub mod framing;
pub mod net;
pub mod run;
pub mod scenarios;
pub mod text;
pub mod trace;
