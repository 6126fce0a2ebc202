//! What a call moved, read from the registers and the memory of the thread that made it.

use super::super::seen::Id;
use super::calls::Shape;
use super::memory::{self, Area};
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;

/// The most bytes that are kept of what a send offered and the kernel did not take.
const UNTAKEN: usize = 64 << 10;

/// The most that a datagram holds: 65,535 bytes, less the header of UDP (RFC 768); over IPv4 it is less.
const LONGEST_DATAGRAM: usize = 65_527;

/// `struct mmsghdr`: a header, and how many bytes were moved.
const HEADERS_STEP: u64 = 64;
pub(super) const HEADERS_LENGTH: u64 = 56;

/// One message, or datagram, or piece of a stream, that a call moved or could not move.
#[derive(Debug, Default)]
pub(super) struct MovedBytes {
    pub(super) asked: usize,
    /// How much the call moved; `None` when it failed.
    pub(super) moved: Option<usize>,
    pub(super) bytes: Vec<u8>,
    pub(super) untaken: Vec<u8>,
    pub(super) address: Option<SocketAddr>,
    pub(super) truncated: bool,
    pub(super) datagram_len: Option<usize>,
}

/// The flags that a receive call was given.
pub(super) fn flags(shape: Shape, args: &[u64; 6]) -> i32 {
    match shape {
        Shape::Addressed | Shape::Headers => args[3] as i32,
        Shape::Header => args[2] as i32,
        Shape::Plain | Shape::Buffer | Shape::Areas | Shape::File | Shape::Pipe => 0,
    }
}

/// The address that a send is given.
pub(super) fn destination(tid: Id, shape: Shape, args: &[u64; 6]) -> Option<SocketAddr> {
    match shape {
        Shape::Addressed => memory::address(tid, Area { at: args[4], len: args[5] as usize }),
        Shape::Header | Shape::Headers => memory::address(tid, memory::header(tid, args[1])?.name),
        _ => None,
    }
}

/// What a send is given: of several messages, the first.
pub(super) fn given(tid: Id, shape: Shape, args: &[u64; 6]) -> Option<Vec<u8>> {
    let areas = match shape {
        Shape::Buffer | Shape::Addressed => vec![buffer(args)],
        Shape::Areas => memory::areas(tid, args[1], args[2] as usize),
        Shape::Header | Shape::Headers => memory::header(tid, args[1])?.areas,
        Shape::Plain | Shape::File | Shape::Pipe => return None,
    };
    let all = memory::room(&areas).min(LONGEST_DATAGRAM + 1);
    Some(memory::gathered(tid, &areas, all)).filter(|bytes| bytes.len() <= LONGEST_DATAGRAM)
}

/// How many bytes a call asks for; of several messages, the first.
pub(super) fn asked(tid: Id, shape: Shape, args: &[u64; 6]) -> usize {
    match shape {
        Shape::Buffer | Shape::Addressed => args[2] as usize,
        Shape::Areas => memory::room(&memory::areas(tid, args[1], args[2] as usize)),
        Shape::Header | Shape::Headers => memory::header(tid, args[1]).map_or(0, |it| memory::room(&it.areas)),
        Shape::File => args[3] as usize,
        Shape::Pipe => args[4] as usize,
        Shape::Plain => 0,
    }
}

/// What a call that returned `result` moved, one for each message.
pub(super) fn moved(tid: Id, shape: Shape, args: &[u64; 6], result: i64, sends: bool) -> Vec<MovedBytes> {
    let taken = usize::try_from(result).ok();
    match shape {
        // Their bytes are in no memory of the program.
        Shape::Plain | Shape::Pipe => Vec::new(),
        Shape::Buffer => vec![piece(tid, &[buffer(args)], taken, sends)],
        Shape::Addressed => vec![addressed(tid, args, taken, sends)],
        Shape::Areas => vec![piece(tid, &memory::areas(tid, args[1], args[2] as usize), taken, sends)],
        Shape::Header => vec![message(tid, args[1], taken, sends, args[2] as i32)],
        Shape::Headers => {
            let count = taken.unwrap_or(0) as u64;
            let at = |nth: u64| args[1] + nth * HEADERS_STEP;
            let length = |nth: u64| memory::int(tid, at(nth) + HEADERS_LENGTH).map(|n| n as usize);
            match taken {
                None => vec![message(tid, args[1], None, sends, 0)],
                Some(_) => (0..count).map(|nth| message(tid, at(nth), length(nth), sends, 0)).collect(),
            }
        }
        Shape::File => vec![from_file(tid, args, taken)],
    }
}

fn buffer(args: &[u64; 6]) -> Area {
    Area { at: args[1], len: args[2] as usize }
}

fn piece(tid: Id, areas: &[Area], moved: Option<usize>, sends: bool) -> MovedBytes {
    let asked = memory::room(areas);
    let taken = moved.unwrap_or(0).min(asked);
    let most = if sends { taken.saturating_add(UNTAKEN).min(asked) } else { taken };
    let mut bytes = memory::gathered(tid, areas, most);
    let untaken = bytes.split_off(taken.min(bytes.len()));
    MovedBytes { asked, moved, bytes, untaken, ..MovedBytes::default() }
}

fn addressed(tid: Id, args: &[u64; 6], taken: Option<usize>, sends: bool) -> MovedBytes {
    let address = match sends {
        true => memory::address(tid, Area { at: args[4], len: args[5] as usize }),
        false => memory::told_address(tid, args[4], args[5]).filter(|_| taken.is_some()),
    };
    let told = args[3] as i32 & libc::MSG_TRUNC != 0 && !sends;
    cut(MovedBytes { address, ..piece(tid, &[buffer(args)], taken, sends) }, told)
}

fn message(tid: Id, at: u64, taken: Option<usize>, sends: bool, given: i32) -> MovedBytes {
    let Some(header) = memory::header(tid, at) else { return MovedBytes { moved: taken, ..MovedBytes::default() } };
    let address = memory::address(tid, header.name).filter(|_| sends || taken.is_some());
    let moved = MovedBytes { address, ..piece(tid, &header.areas, taken, sends) };
    let truncated = !sends && taken.is_some() && header.flags & libc::MSG_TRUNC != 0;
    MovedBytes { truncated, ..cut(moved, given & libc::MSG_TRUNC != 0 && !sends) }
}

/// With MSG_TRUNC a call returns the datagram's true length (recv(2)).
fn cut(moved: MovedBytes, told: bool) -> MovedBytes {
    let datagram_len = moved.moved.filter(|_| told);
    MovedBytes { datagram_len, truncated: datagram_len.is_some_and(|len| len > moved.asked), ..moved }
}

/// The bytes of a file that the kernel copied by itself: they are read from it again.
fn from_file(tid: Id, args: &[u64; 6], taken: Option<usize>) -> MovedBytes {
    let moved = MovedBytes { asked: args[3] as usize, moved: taken, ..MovedBytes::default() };
    let Some(taken) = taken else { return moved };
    let behind = match args[2] {
        0 => position(tid, args[1] as i32),
        at => memory::read(tid, Area { at, len: 8 }).try_into().ok().map(u64::from_ne_bytes),
    };
    let read = || {
        let file = std::fs::File::open(format!("/proc/{tid}/fd/{}", args[1] as i32)).ok()?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(taken).ok()?;
        bytes.resize(taken, 0);
        file.read_exact_at(&mut bytes, behind?.checked_sub(taken as u64)?).ok()?;
        Some(bytes)
    };
    MovedBytes { bytes: read().unwrap_or_default(), ..moved }
}

/// Where a file is read next.
fn position(tid: Id, fd: i32) -> Option<u64> {
    let told = std::fs::read_to_string(format!("/proc/{tid}/fdinfo/{fd}")).ok()?;
    told.lines().find_map(|line| line.strip_prefix("pos:")?.trim().parse().ok())
}
