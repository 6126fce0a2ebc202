//! The calls at which a watched program stops: one list, from which the filter is made and by which stops are read.

use super::super::seen::Operation;

/// Where a call has its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// It moves none.
    Plain,
    /// A buffer and its length: the second and the third argument.
    Buffer,
    /// A buffer, and an address behind it: sendto(2), recvfrom(2).
    Addressed,
    /// A list of buffers: readv(2), writev(2).
    Areas,
    /// A message header: sendmsg(2), recvmsg(2).
    Header,
    /// Several of them: sendmmsg(2), recvmmsg(2).
    Headers,
    /// From a file: sendfile(2).
    File,
    /// From a pipe, or into one: splice(2).
    Pipe,
}

/// What a stop at a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Matter {
    /// A record is made of it.
    Recorded(Operation, Shape),
    /// Several descriptors are closed: close_range(2).
    CloseRange,
    /// The program uses io_uring, whose calls nobody sees.
    Uring,
    /// A signal's handler returns: rt_sigreturn(2). What it returns to tells whether an interrupted call is made again.
    HandlerReturn,
}

/// A call by its number, with its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownCall {
    pub(super) number: i64,
    pub(super) name: &'static str,
    pub(super) matter: Matter,
}

const fn known(number: i64, name: &'static str, operation: Operation, shape: Shape) -> KnownCall {
    KnownCall { number, name, matter: Matter::Recorded(operation, shape) }
}

/// Every one.
pub(super) const CALLS: &[KnownCall] = &[
    known(libc::SYS_socket, "socket", Operation::Socket, Shape::Plain),
    known(libc::SYS_bind, "bind", Operation::Bind, Shape::Plain),
    known(libc::SYS_listen, "listen", Operation::Listen, Shape::Plain),
    known(libc::SYS_accept, "accept", Operation::Accept, Shape::Plain),
    known(libc::SYS_accept4, "accept4", Operation::Accept, Shape::Plain),
    known(libc::SYS_connect, "connect", Operation::Connect, Shape::Plain),
    known(libc::SYS_sendto, "sendto", Operation::Send, Shape::Addressed),
    known(libc::SYS_sendmsg, "sendmsg", Operation::Send, Shape::Header),
    known(libc::SYS_sendmmsg, "sendmmsg", Operation::Send, Shape::Headers),
    known(libc::SYS_write, "write", Operation::Send, Shape::Buffer),
    known(libc::SYS_writev, "writev", Operation::Send, Shape::Areas),
    known(libc::SYS_sendfile, "sendfile", Operation::Send, Shape::File),
    known(libc::SYS_recvfrom, "recvfrom", Operation::Receive, Shape::Addressed),
    known(libc::SYS_recvmsg, "recvmsg", Operation::Receive, Shape::Header),
    known(libc::SYS_recvmmsg, "recvmmsg", Operation::Receive, Shape::Headers),
    known(libc::SYS_read, "read", Operation::Receive, Shape::Buffer),
    known(libc::SYS_readv, "readv", Operation::Receive, Shape::Areas),
    known(libc::SYS_pwritev2, "pwritev2", Operation::Send, Shape::Areas),
    known(libc::SYS_preadv2, "preadv2", Operation::Receive, Shape::Areas),
    // Which it is, its descriptors say.
    known(libc::SYS_splice, "splice", Operation::Send, Shape::Pipe),
    known(libc::SYS_setsockopt, "setsockopt", Operation::SetOption(0, 0), Shape::Plain),
    known(libc::SYS_shutdown, "shutdown", Operation::Shutdown(0), Shape::Plain),
    known(libc::SYS_close, "close", Operation::Close, Shape::Plain),
    known(libc::SYS_dup, "dup", Operation::Duplicate, Shape::Plain),
    #[cfg(target_arch = "x86_64")]
    known(libc::SYS_dup2, "dup2", Operation::Duplicate, Shape::Plain),
    known(libc::SYS_dup3, "dup3", Operation::Duplicate, Shape::Plain),
    known(libc::SYS_fcntl, "fcntl", Operation::Duplicate, Shape::Plain),
    KnownCall { number: libc::SYS_close_range, name: "close_range", matter: Matter::CloseRange },
    KnownCall { number: libc::SYS_io_uring_setup, name: "io_uring_setup", matter: Matter::Uring },
    KnownCall { number: libc::SYS_rt_sigreturn, name: "rt_sigreturn", matter: Matter::HandlerReturn },
];

/// The call of this number.
pub(super) fn of(number: i64) -> Option<&'static KnownCall> {
    CALLS.iter().find(|call| call.number == number)
}

/// Loads a word of `struct seccomp_data` (linux/seccomp.h).
const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const ANSWER: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// Where `seccomp_data` has the call's number, the architecture, and the low half of the second argument.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const SECOND: u32 = 24;

/// linux/audit.h
#[cfg(target_arch = "x86_64")]
const NATIVE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const NATIVE: u32 = 0xc000_00b7;

const fn step(code: u16, k: u32, jt: usize, jf: usize) -> libc::sock_filter {
    libc::sock_filter { code, jt: jt as u8, jf: jf as u8, k }
}

/// The filter (seccomp(2)): stop at these calls, of fcntl(2) only where it duplicates; let everything else run.
pub(super) fn filter() -> Vec<libc::sock_filter> {
    let calls: Vec<u32> = CALLS.iter().map(|c| c.number as u32).filter(|n| *n != libc::SYS_fcntl as u32).collect();
    let n = calls.len();
    // Behind the comparisons: allow; load, compare, compare; allow; trace.
    let (allow, duplicates, trace) = (n + 4, n + 5, n + 9);
    let to = |here: usize, there: usize| there - here - 1;
    let mut program = vec![
        step(LOAD, ARCHITECTURE, 0, 0),
        step(IF_EQUAL, NATIVE, 0, to(1, allow)),
        step(LOAD, NUMBER, 0, 0),
        step(IF_EQUAL, libc::SYS_fcntl as u32, to(3, duplicates), 0),
    ];
    program.extend(calls.iter().enumerate().map(|(i, number)| step(IF_EQUAL, *number, to(i + 4, trace), 0)));
    program.extend([
        step(ANSWER, libc::SECCOMP_RET_ALLOW, 0, 0),
        step(LOAD, SECOND, 0, 0),
        step(IF_EQUAL, libc::F_DUPFD as u32, to(n + 6, trace), 0),
        step(IF_EQUAL, libc::F_DUPFD_CLOEXEC as u32, to(n + 7, trace), 0),
        step(ANSWER, libc::SECCOMP_RET_ALLOW, 0, 0),
        step(ANSWER, libc::SECCOMP_RET_TRACE, 0, 0),
    ]);
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the filter answers to a call, executed step by step.
    fn answer(program: &[libc::sock_filter], architecture: u32, number: u32, second: u32) -> u32 {
        let (mut at, mut loaded) = (0, 0);
        loop {
            let step = &program[at];
            at += 1;
            match step.code {
                LOAD => {
                    loaded = [(NUMBER, number), (ARCHITECTURE, architecture), (SECOND, second)]
                        .into_iter()
                        .find(|(place, _)| *place == step.k)
                        .expect("a field")
                        .1
                }
                IF_EQUAL => at += usize::from(if loaded == step.k { step.jt } else { step.jf }),
                _ => return step.k,
            }
        }
    }

    #[test]
    fn the_filter_stops_at_the_listed_calls_and_nowhere_else() {
        let program = filter();
        for number in 0..600 {
            let listed = of(i64::from(number)).is_some_and(|call| call.name != "fcntl");
            let expected = if listed { libc::SECCOMP_RET_TRACE } else { libc::SECCOMP_RET_ALLOW };
            assert_eq!(answer(&program, NATIVE, number, 77), expected, "call {number}");
            assert_eq!(answer(&program, NATIVE ^ 1, number, 77), libc::SECCOMP_RET_ALLOW, "call {number} elsewhere");
        }
        for (command, expected) in [
            (libc::F_DUPFD, libc::SECCOMP_RET_TRACE),
            (libc::F_DUPFD_CLOEXEC, libc::SECCOMP_RET_TRACE),
            (libc::F_GETFL, libc::SECCOMP_RET_ALLOW),
        ] {
            assert_eq!(answer(&program, NATIVE, libc::SYS_fcntl as u32, command as u32), expected);
        }
    }
}
