//! What lies in a watched program's memory: buffers, addresses, lists of buffers.

use super::super::seen::Id;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The longest list of buffers that a call takes (IOV_MAX).
const MOST_BUFFERS: usize = 1024;

/// Where something lies there, and how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) at: u64,
    pub(super) len: usize,
}

/// Reads memory of a stopped thread; as much of it as there is.
pub(super) fn read(tid: Id, area: Area) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::new();
    if bytes.try_reserve_exact(area.len).is_err() {
        return bytes;
    }
    let here = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: area.len };
    let there = libc::iovec { iov_base: area.at as usize as *mut libc::c_void, iov_len: area.len };
    // SAFETY: the kernel writes at most `iov_len` bytes into the buffer, which has room for as many; the other
    // process's address is only looked up by the kernel, which refuses what is not mapped there.
    let read = unsafe { libc::process_vm_readv(tid, &here, 1, &there, 1, 0) };
    let read = usize::try_from(read).unwrap_or(0).min(area.len);
    // SAFETY: so many bytes were written, and that is no more than the capacity reserved above.
    unsafe { bytes.set_len(read) };
    bytes
}

/// A number of the machine's width.
fn word(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn number(bytes: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// The areas of an array of `struct iovec`.
pub(super) fn areas(tid: Id, at: u64, count: usize) -> Vec<Area> {
    let raw = read(tid, Area { at, len: count.min(MOST_BUFFERS) * 16 });
    let area = |one: &[u8]| Some(Area { at: word(one, 0)?, len: word(one, 8)? as usize });
    raw.chunks_exact(16).filter_map(area).collect()
}

/// The first `most` bytes of several areas.
pub(super) fn gathered(tid: Id, areas: &[Area], most: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for area in areas {
        let len = area.len.min(most - bytes.len());
        bytes.extend(read(tid, Area { len, ..*area }));
        if bytes.len() == most {
            break;
        }
    }
    bytes
}

/// How many bytes the areas have room for.
pub(super) fn room(areas: &[Area]) -> usize {
    areas.iter().fold(0, |all, area| all.saturating_add(area.len))
}

/// A `struct msghdr` (sendmsg(2)): its address, its buffers, and its flags, which recvmsg writes.
pub(super) struct Header {
    pub(super) name: Area,
    pub(super) areas: Vec<Area>,
    pub(super) flags: i32,
}

/// Where it has the list of its buffers, and their number.
pub(super) const HEADER_LIST: u64 = 16;
pub(super) const HEADER_COUNT: u64 = 24;

/// Reads the header of a message.
pub(super) fn header(tid: Id, at: u64) -> Option<Header> {
    let raw = read(tid, Area { at, len: 56 });
    let name = Area { at: word(&raw, 0)?, len: usize::try_from(number(&raw, 8)?).unwrap_or(0) };
    let [list, count] = [HEADER_LIST, HEADER_COUNT].map(|place| word(&raw, place as usize));
    Some(Header { name, areas: areas(tid, list?, count? as usize), flags: number(&raw, 48)? })
}

/// The longest control part that is read.
const LONGEST_CONTROL: usize = 4096;

/// The descriptors that a message hands to another process (SCM_RIGHTS, unix(7)); its header is there.
pub(super) fn passed(tid: Id, header: u64) -> Vec<i32> {
    let raw = read(tid, Area { at: header, len: 56 });
    let Some((at, len)) = word(&raw, 32).zip(word(&raw, 40)) else { return Vec::new() };
    let control = read(tid, Area { at, len: (len as usize).min(LONGEST_CONTROL) });
    let (mut rest, mut found) = (&control[..], Vec::new());
    // struct cmsghdr: length, level, type; then the data. The next begins at a multiple of a word.
    while let (Some(len), Some(level), Some(kind)) = (word(rest, 0), number(rest, 8), number(rest, 12)) {
        let len = len as usize;
        let Some(data) = rest.get(16..len) else { break };
        if (level, kind) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
            found.extend(data.chunks_exact(4).filter_map(|fd| number(fd, 0)));
        }
        rest = rest.get(len.next_multiple_of(8)..).unwrap_or_default();
    }
    found
}

/// A `struct sockaddr` of the internet families.
pub(super) fn address(tid: Id, area: Area) -> Option<SocketAddr> {
    if area.at == 0 {
        return None;
    }
    let raw = read(tid, Area { len: area.len.min(28), ..area });
    let family = i32::from(u16::from_ne_bytes(raw.get(..2)?.try_into().ok()?));
    let port = u16::from_be_bytes(raw.get(2..4)?.try_into().ok()?);
    let ip: IpAddr = match family {
        libc::AF_INET => Ipv4Addr::from(<[u8; 4]>::try_from(raw.get(4..8)?).ok()?).into(),
        libc::AF_INET6 => Ipv6Addr::from(<[u8; 16]>::try_from(raw.get(8..24)?).ok()?).into(),
        _ => return None,
    };
    Some((ip.to_canonical(), port).into())
}

/// An address and its length, which lies in memory, too.
pub(super) fn told_address(tid: Id, at: u64, length: u64) -> Option<SocketAddr> {
    let raw = read(tid, Area { at: length, len: 4 });
    let len = u32::from_ne_bytes(raw.try_into().ok()?) as usize;
    address(tid, Area { at, len })
}

/// A word.
pub(super) fn word_at(tid: Id, at: u64) -> Option<u64> {
    word(&read(tid, Area { at, len: 8 }), 0)
}

/// An `int`.
pub(super) fn int(tid: Id, at: u64) -> Option<i32> {
    Some(i32::from_ne_bytes(read(tid, Area { at, len: 4 }).try_into().ok()?))
}
