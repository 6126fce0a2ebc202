//! stickdemo shows, with real kernel sockets, where message boundaries go.
//!
//! The rooms, in the order in which data flows through them; each knows only those before it:
//!
//! | room | what is in it |
//! |---|---|
//! | [`text`] | both languages, quantities, columns |
//! | [`sys`] | what the system is asked besides sockets: waiting, errno, ports, files that are taken away again |
//! | [`exit`] | what the process answers |
//! | [`framing`] | pure: bytes in, frames out |
//! | [`trace`] | the recording and what follows from it |
//! | [`claims`] | what a run must have shown, judged from its trace |
//! | [`link`] | two hosts and the wire between them |
//! | [`net`] | recorded sockets: one call, one event |
//! | [`play`] | an experiment: its ends run, and are judged |
//! | [`watch`] | somebody else's programs: their calls as events |
//! | [`scenarios`] | the documents' programs, one file each |
//! | [`render`] | what a person or a program reads |
//! | [`output`] | where it is written, in which format |
//! | [`programs`] | the documents' own programs, made correct |
//! | [`cli`] | what was asked: arguments, values, complaints |
//! | [`commands`] | one file a command: name, help, arguments, formats, run |

pub mod claims;
pub mod cli;
pub mod commands;
pub mod exit;
pub mod framing;
pub mod link;
pub mod net;
pub mod output;
pub mod play;
pub mod programs;
pub mod render;
pub mod scenarios;
pub mod sys;
pub mod text;
pub mod trace;
pub mod watch;
