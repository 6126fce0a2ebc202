//! Which process has a port, where the system tells: on Linux from /proc (proc(5)).

use crate::text::Text;
use std::net::SocketAddr;

/// Where a client finds a listener: an unspecified address stands for all of this machine's.
pub fn reachable(address: SocketAddr) -> String {
    match address.ip().is_unspecified() {
        true => format!("HOST:{}", address.port()),
        false => address.to_string(),
    }
}

/// The name and number of the process that listens on a TCP port or has a UDP port bound.
#[cfg(target_os = "linux")]
pub fn owner(port: u16) -> Option<Text> {
    use crate::sys::proc_net::{TcpState, sockets};
    let has_it = |state| state == TcpState::LISTEN || state == TcpState::CLOSE;
    let mut all = ["tcp", "tcp6", "udp", "udp6"].into_iter().flat_map(sockets);
    let inode = all.find(|entry| entry.port == port && has_it(entry.state))?.inode;
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
