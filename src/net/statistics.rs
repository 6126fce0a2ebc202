//! What the kernel says about a socket, read without changing anything. Where a system has no such
//! number the field stays `None`; nothing is guessed.

use crate::trace::Evidence;
use socket2::{Domain, Socket, Type};
use std::sync::OnceLock;

/// What a system calls its counters of a TCP connection.
pub const COUNTERS: &str = if cfg!(target_os = "macos") { "TCP_CONNECTION_INFO" } else { "TCP_INFO" };

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

/// Bytes that a stream was given and its peer has not acknowledged (Linux: SIOCOUTQ, tcp(7); macOS: what is in the send
/// buffer). Windows tells only those that are under way.
pub fn outstanding(socket: &Socket) -> Option<u64> {
    os::outstanding(socket)
}

/// Has the peer's system acknowledged all that a stream was given? `None` where this system does not tell, or tells no
/// more because the connection is gone.
pub fn acknowledged(socket: &Socket) -> Option<bool> {
    os::acknowledged(socket)
}

/// Does this system count TCP's data segments? Asked once, of a socket of its own: a sandbox may refuse it, and older
/// kernels fill in less.
pub fn counts_segments() -> bool {
    static TOLD: OnceLock<bool> = OnceLock::new();
    *TOLD.get_or_init(|| ask(Type::STREAM, |socket| tcp(socket).segments_out))
}

/// Does this system tell how much a stream was given that is in no segment yet? Asked once, of a socket of its own.
pub fn tells_unsent() -> bool {
    static TOLD: OnceLock<bool> = OnceLock::new();
    *TOLD.get_or_init(|| ask(Type::STREAM, |socket| tcp(socket).unsent))
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
    use super::{Evidence, option};
    use socket2::Socket;
    use std::mem::{offset_of, size_of};
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

    pub(super) fn acknowledged(socket: &Socket) -> Option<bool> {
        let now = tcp_info(socket);
        Some(now.unacked? == 0 && now.unsent? == 0)
    }

    pub(super) fn outstanding(socket: &Socket) -> Option<u64> {
        let mut bytes: libc::c_int = 0;
        // SAFETY: SIOCOUTQ stores one int through the pointer, which is live and writable for the call.
        let rc = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &mut bytes) };
        u64::try_from(bytes).ok().filter(|_| rc == 0)
    }
}

/// macOS counts segments for each connection since 10.11: TCP_CONNECTION_INFO in its netinet/tcp.h.
#[cfg(target_os = "macos")]
mod os {
    use super::{Evidence, option};
    use socket2::Socket;

    fn connection_info(socket: &Socket) -> Option<libc::tcp_connection_info> {
        let (info, len) = option::<libc::tcp_connection_info>(socket, libc::IPPROTO_TCP, libc::TCP_CONNECTION_INFO)?;
        (len >= size_of::<libc::tcp_connection_info>()).then_some(info)
    }

    /// Its kernel counts in tcp_output, where a segment has data, and again where that was sent before. What the last
    /// field is named here, `tcpi_txretransmitpackets` is there.
    pub(super) fn tcp_info(socket: &Socket) -> Evidence {
        let Some(info) = connection_info(socket) else { return Evidence::default() };
        Evidence {
            segments_out: info.tcpi_txpackets.try_into().ok(),
            retransmissions: info.tcpi_rxretransmitpackets.try_into().ok(),
            mss: Some(info.tcpi_maxseg),
            ..Evidence::default()
        }
    }

    pub(super) fn dropped(_: &Socket) -> Option<u32> {
        None
    }

    pub(super) fn outstanding(socket: &Socket) -> Option<u64> {
        connection_info(socket).map(|info| info.tcpi_snd_sbbytes.into())
    }

    pub(super) fn acknowledged(socket: &Socket) -> Option<bool> {
        outstanding(socket).map(|bytes| bytes == 0)
    }

    pub(super) fn queued(socket: &Socket) -> Option<u32> {
        super::fionread(socket)
    }
}

/// Windows 10 (1703) tells of bytes, not of segments: SIO_TCP_INFO.
#[cfg(windows)]
mod os {
    use super::Evidence;
    use socket2::Socket;
    use std::os::windows::io::AsRawSocket;
    use windows_sys::Win32::Networking::WinSock::{FIONREAD, SIO_TCP_INFO, SOCKET, TCP_INFO_v0, WSAIoctl, ioctlsocket};

    pub(super) fn tcp_info(_: &Socket) -> Evidence {
        Evidence::default()
    }

    pub(super) fn dropped(_: &Socket) -> Option<u32> {
        None
    }

    fn connection_info(socket: &Socket) -> Option<TCP_INFO_v0> {
        let (version, mut told, mut info) = (0u32, 0u32, TCP_INFO_v0::default());
        // SAFETY: each pointer goes with the size of what it points to, which is live and, where it is written,
        // writable for the call; nothing is overlapped.
        let rc = unsafe {
            WSAIoctl(
                socket.as_raw_socket() as SOCKET,
                SIO_TCP_INFO,
                (&raw const version).cast(),
                size_of_val(&version) as u32,
                (&raw mut info).cast(),
                size_of_val(&info) as u32,
                &mut told,
                std::ptr::null_mut(),
                None,
            )
        };
        (rc == 0 && told as usize >= size_of_val(&info)).then_some(info)
    }

    pub(super) fn outstanding(socket: &Socket) -> Option<u64> {
        connection_info(socket).map(|info| info.BytesInFlight.into())
    }

    /// What is not under way, and could be, is not there: an open window is used (RFC 9293 §3.8.6).
    pub(super) fn acknowledged(socket: &Socket) -> Option<bool> {
        connection_info(socket).map(|info| info.BytesInFlight == 0 && info.SndWnd > 0)
    }

    /// A peek would not do: on a socket that blocks it waits until there is something to see.
    pub(super) fn queued(socket: &Socket) -> Option<u32> {
        let mut n: u32 = 0;
        // SAFETY: FIONREAD stores one u32 through the pointer, which is live and writable for the call.
        let rc = unsafe { ioctlsocket(socket.as_raw_socket() as SOCKET, FIONREAD, &mut n) };
        (rc == 0).then_some(n)
    }
}

/// Elsewhere the kernel tells only what is queued.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "macos", windows)))]
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

    pub(super) fn acknowledged(_: &Socket) -> Option<bool> {
        None
    }

    pub(super) fn queued(socket: &Socket) -> Option<u32> {
        super::fionread(socket)
    }
}

#[cfg(unix)]
fn fionread(socket: &Socket) -> Option<u32> {
    rustix::io::ioctl_fionread(socket).ok().and_then(|n| n.try_into().ok())
}

/// getsockopt(2): the value, and how much of it the kernel filled in. T must be plain integers.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "macos"))]
fn option<T: Copy>(socket: &Socket, level: i32, name: i32) -> Option<(T, usize)> {
    use std::mem::MaybeUninit;
    use std::os::fd::AsRawFd;
    let mut value = MaybeUninit::<T>::zeroed();
    let mut len = size_of::<T>() as libc::socklen_t;
    // SAFETY: `value` and `len` are live for the call and `len` is the size of `value`, which the
    // kernel fills at most; every T used here is plain integers, for which zero bytes are valid.
    unsafe {
        let rc = libc::getsockopt(socket.as_raw_fd(), level, name, value.as_mut_ptr().cast(), &mut len);
        (rc == 0).then(|| (value.assume_init(), len as usize))
    }
}
