//! What the kernel says about a socket, read without changing anything. Where a system has no such
//! number the field stays `None`; nothing is guessed.

use crate::trace::Evidence;
use socket2::{Domain, Socket, Type};
use std::sync::OnceLock;

/// What a TCP socket's kernel says now.
pub fn tcp(socket: &Socket) -> Evidence {
    Evidence { queued: queued(socket), ..os::tcp_info(socket) }
}

/// What a UDP socket's kernel says now: drops, and whether something waits.
pub fn udp(socket: &Socket) -> Evidence {
    Evidence { dropped: os::dropped(socket), ..Evidence::default() }
}

/// Bytes waiting in the receive queue; of UDP, the length of the next datagram (FIONREAD, see tcp(7), udp(7)).
pub fn queued(socket: &Socket) -> Option<u32> {
    os::queued(socket)
}

/// Bytes that a stream was given and its peer has not acknowledged (SIOCOUTQ, tcp(7)).
pub fn outstanding(socket: &Socket) -> Option<u64> {
    os::outstanding(socket)
}

/// Does this system count TCP's data segments? Asked once, of a socket of its own: a sandbox may refuse it, and older
/// kernels fill in less.
pub fn counts_segments() -> bool {
    static TOLD: OnceLock<bool> = OnceLock::new();
    *TOLD.get_or_init(|| ask(Type::STREAM, |socket| tcp(socket).segments_out))
}

/// Does this system count the datagrams a socket dropped? Asked once, of a socket of its own.
pub fn counts_drops() -> bool {
    static TOLD: OnceLock<bool> = OnceLock::new();
    *TOLD.get_or_init(|| ask(Type::DGRAM, |socket| udp(socket).dropped))
}

fn ask(kind: Type, count: impl Fn(&Socket) -> Option<u32>) -> bool {
    let socket = [Domain::IPV4, Domain::IPV6].into_iter().find_map(|domain| Socket::new(domain, kind, None).ok());
    socket.is_some_and(|socket| count(&socket).is_some())
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod os {
    use super::Evidence;
    use socket2::Socket;
    use std::mem::{MaybeUninit, offset_of, size_of};
    use std::os::fd::AsRawFd;

    /// The part of `struct tcp_info` (linux/tcp.h) that is read here, to its field `tcpi_rcv_wnd`.
    /// libc's own copy stops at `tcpi_total_retrans` on some systems. Older kernels fill in less,
    /// and the returned length says how much.
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct TcpInfo {
        bytes: [u8; 8],
        rto: u32,
        ato: u32,
        snd_mss: u32,
        rcv_mss: u32,
        unacked: u32,
        sacked_to_reordering: [u32; 16],
        rcv_rtt: u32,
        rcv_space: u32,
        total_retrans: u32,
        rates_and_bytes: [u64; 4],
        segs_out: u32,
        segs_in: u32,
        notsent_bytes: u32,
        min_rtt: u32,
        data_segs_in: u32,
        data_segs_out: u32,
        delivery_to_sndbuf_limited: [u64; 4],
        delivered: u32,
        delivered_ce: u32,
        sent_and_retrans: [u64; 2],
        dsack_dups: u32,
        reord_seen: u32,
        rcv_ooopack: u32,
        snd_wnd: u32,
        rcv_wnd: u32,
        rehash: u32,
    }

    /// Where among the first bytes `tcpi_backoff` is.
    const BACKOFF: usize = 4;

    fn option<T: Copy>(socket: &Socket, level: i32, name: i32) -> Option<(T, usize)> {
        let mut value = MaybeUninit::<T>::zeroed();
        let mut len = size_of::<T>() as libc::socklen_t;
        // SAFETY: `value` and `len` are live for the call and `len` is the size of `value`, which the
        // kernel fills at most; every T used here is plain integers, for which zero bytes are valid.
        unsafe {
            let rc = libc::getsockopt(socket.as_raw_fd(), level, name, value.as_mut_ptr().cast(), &mut len);
            (rc == 0).then(|| (value.assume_init(), len as usize))
        }
    }

    pub(super) fn tcp_info(socket: &Socket) -> Evidence {
        let Some((info, len)) = option::<TcpInfo>(socket, libc::IPPROTO_TCP, libc::TCP_INFO) else {
            return Evidence::default();
        };
        let known = |offset: usize, value: u32| (offset + size_of::<u32>() <= len).then_some(value);
        let segments = known(offset_of!(TcpInfo, data_segs_out), info.data_segs_out);
        Evidence {
            segments_out: segments,
            segments_in: known(offset_of!(TcpInfo, data_segs_in), info.data_segs_in),
            acks_out: segments.map(|data| info.segs_out.saturating_sub(data)),
            retransmissions: known(offset_of!(TcpInfo, total_retrans), info.total_retrans),
            unsent: known(offset_of!(TcpInfo, notsent_bytes), info.notsent_bytes),
            unacked: known(offset_of!(TcpInfo, unacked), info.unacked),
            peer_window: known(offset_of!(TcpInfo, snd_wnd), info.snd_wnd),
            backoff: (BACKOFF < len).then(|| info.bytes[BACKOFF].into()),
            mss: known(offset_of!(TcpInfo, snd_mss), info.snd_mss),
            ..Evidence::default()
        }
    }

    /// SO_MEMINFO (socket(7)): nine counters, the last of them the drops.
    pub(super) fn dropped(socket: &Socket) -> Option<u32> {
        const SO_MEMINFO: i32 = 55;
        const DROPS: usize = 8;
        let (counters, len) = option::<[u32; 16]>(socket, libc::SOL_SOCKET, SO_MEMINFO)?;
        (len > DROPS * size_of::<u32>()).then(|| counters[DROPS])
    }

    pub(super) fn queued(socket: &Socket) -> Option<u32> {
        super::fionread(socket)
    }

    pub(super) fn outstanding(socket: &Socket) -> Option<u64> {
        let mut bytes: libc::c_int = 0;
        // SAFETY: SIOCOUTQ stores one int through the pointer, which is live and writable for the call.
        let rc = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &mut bytes) };
        u64::try_from(bytes).ok().filter(|_| rc == 0)
    }
}

/// Elsewhere than on Linux the kernel tells only what is queued.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod os {
    use super::Evidence;
    use socket2::Socket;

    pub(super) fn tcp_info(_: &Socket) -> Evidence {
        Evidence::default()
    }

    pub(super) fn dropped(_: &Socket) -> Option<u32> {
        None
    }

    pub(super) fn outstanding(_: &Socket) -> Option<u64> {
        None
    }

    #[cfg(unix)]
    pub(super) fn queued(socket: &Socket) -> Option<u32> {
        super::fionread(socket)
    }

    /// A peek would not do: on a socket that blocks it waits until there is something to see.
    #[cfg(windows)]
    pub(super) fn queued(socket: &Socket) -> Option<u32> {
        use std::os::windows::io::AsRawSocket;
        use windows_sys::Win32::Networking::WinSock::{FIONREAD, SOCKET, ioctlsocket};
        let mut n: u32 = 0;
        // SAFETY: FIONREAD stores one u32 through the pointer, which is live and writable for the call.
        let rc = unsafe { ioctlsocket(socket.as_raw_socket() as SOCKET, FIONREAD, &mut n) };
        (rc == 0).then_some(n)
    }
}

#[cfg(unix)]
fn fionread(socket: &Socket) -> Option<u32> {
    rustix::io::ioctl_fionread(socket).ok().and_then(|n| n.try_into().ok())
}
