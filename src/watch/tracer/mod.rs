//! Follows programs, their children and threads, and records their socket calls, without their help and without any
//! privilege (Linux).
//!
//! A seccomp filter ([`calls`]), set between fork and exec ([`child`]), stops a thread at the calls that matter;
//! everything else runs at full speed. [`ptrace`] says why a thread stopped; [`call`] makes a record of a call, with
//! the bytes from the thread's [`memory`] ([`decode`]) and the facts from the program's own socket ([`owned`]).
//! [`late`] keeps receivers waiting, [`shorten`] makes them ask for less; [`follow`] puts it together.

mod call;
mod calls;
mod child;
mod datagram;
mod decode;
mod follow;
mod late;
mod memory;
mod network;
mod owned;
mod piped;
mod ptrace;
mod registers;
mod shorten;

pub(super) use follow::run;
