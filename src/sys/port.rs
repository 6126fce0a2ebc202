//! Which process has a port, where the system tells: on Linux from /proc (proc(5)).

use crate::text::Text;
use std::net::SocketAddr;
#[cfg(target_os = "linux")]
use {super::wait, std::time::Duration};

/// Where a client finds a listener: an unspecified address stands for all of this machine's.
pub fn reachable(address: SocketAddr) -> String {
    match address.ip().is_unspecified() {
        true => format!("HOST:{}", address.port()),
        false => address.to_string(),
    }
}

/// What to do about a port that may not be had (EACCES, WSAEACCES). Windows keeps none for the privileged.
pub fn forbidden() -> Text {
    match cfg!(windows) {
        true => Text::new(
            "another program has this port for itself, or Hyper-V, WSL 2 or Docker have reserved it (netsh interface ipv4 show excludedportrange tcp): choose another",
            "端口被另一个程序独占，或被 Hyper-V、WSL 2、Docker 保留（netsh interface ipv4 show excludedportrange tcp）：请换一个",
        ),
        false => Text::new(
            "ports below 1024 need privilege: choose a higher one",
            "1024 以下的端口需要特权：请换一个更大的端口",
        ),
    }
}

/// Nobody else gets the port, neither at this address nor at all of them: SO_EXCLUSIVEADDRUSE, before bind.
///
/// # Errors
/// What setsockopt says.
#[cfg(windows)]
pub(crate) fn exclusive(socket: &socket2::Socket) -> std::io::Result<()> {
    use std::os::windows::io::AsRawSocket;
    use windows_sys::Win32::Networking::WinSock::{SO_EXCLUSIVEADDRUSE, SOCKET, SOL_SOCKET, setsockopt};
    let on = 1i32;
    // SAFETY: the pointer and the length describe one live int.
    let rc = unsafe {
        let (value, len) = ((&raw const on).cast(), size_of_val(&on) as i32);
        setsockopt(socket.as_raw_socket() as SOCKET, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, value, len)
    };
    // A failure is told through WSAGetLastError, which is what last_os_error reads.
    if rc == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

/// The name and number of the process that listens on a TCP port or has a UDP port bound.
#[cfg(target_os = "linux")]
pub fn owner(port: u16) -> Option<Text> {
    use crate::sys::proc_net::{TcpState, sockets};
    let has_it = |state| state == TcpState::LISTEN || state == TcpState::CLOSE;
    let mut all = ["tcp", "tcp6", "udp", "udp6"].into_iter().flat_map(sockets);
    let inode = all.find(|entry| entry.local.port() == port && has_it(entry.state))?.inode;
    let link = format!("socket:[{inode}]");
    for process in std::fs::read_dir("/proc").ok()?.flatten() {
        let Ok(pid) = process.file_name().to_string_lossy().parse::<u32>() else { continue };
        let Ok(files) = std::fs::read_dir(process.path().join("fd")) else { continue };
        let has = files.flatten().any(|f| std::fs::read_link(f.path()).is_ok_and(|to| to.as_os_str() == link.as_str()));
        if has {
            let name = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some(Text::same(format!("{} (pid {pid})", name.trim())));
        }
    }
    None
}

/// Is the socket at `peer`, which speaks with our address `here`, one of this user's? Nobody else's process can have it:
/// an address of loopback is this machine's. `None` where the system does not tell whose a socket is; it is not this
/// user's when it is gone already. `lists` are those of the protocol (`tcp`, `tcp6`).
#[cfg(target_os = "linux")]
pub fn is_ours(lists: [&str; 2], peer: SocketAddr, here: SocketAddr) -> Option<bool> {
    use crate::sys::proc_net::{TcpState, canonical, sockets};
    /// The kernel writes a list piece by piece, and may pass over one while others come and go.
    const SURELY: Duration = Duration::from_millis(200);
    let (peer, here) = (canonical(peer), canonical(here));
    let reaches = |at: SocketAddr, address: SocketAddr| {
        at.port() == address.port() && (at.ip() == address.ip() || at.ip().is_unspecified())
    };
    let mut users = Vec::new();
    let _ = wait::until(SURELY, || {
        let all = lists.into_iter().flat_map(sockets);
        let peers = all.filter(|entry| {
            let speaks = entry.remote == here || entry.remote.port() == 0;
            entry.inode != 0 && entry.state != TcpState::LISTEN && reaches(entry.local, peer) && speaks
        });
        users.extend(peers.map(|entry| entry.user));
        !users.is_empty()
    });
    let me = rustix::process::geteuid().as_raw();
    Some(!users.is_empty() && users.iter().all(|user| *user == me))
}

/// Is the socket one of this user's? Unknown here.
#[cfg(not(target_os = "linux"))]
pub fn is_ours(_: [&str; 2], _: SocketAddr, _: SocketAddr) -> Option<bool> {
    None
}

/// The name and number of the process that has the port: unknown here.
#[cfg(not(target_os = "linux"))]
pub fn owner(_: u16) -> Option<Text> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn our_own_listener_is_ours() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let owner = owner(port).expect("known").en;
        assert!(owner.contains(&format!("pid {}", std::process::id())), "{owner}");
    }
}
