//! rtnetlink(7), as far as the link needs it: one RTM_NEWLINK request at a time.

use super::setup_error::{SetupError, SetupStep, Step};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::Read;

/// An RTM_NEWLINK request being written.
pub(super) struct NewLink {
    bytes: Vec<u8>,
}

impl NewLink {
    const HEADER: usize = 16;

    /// A request about the interface of this index; 0 for one that is to be made.
    pub(super) fn new(index: u32) -> NewLink {
        let mut bytes = vec![0; NewLink::HEADER];
        bytes.extend(interface(index));
        NewLink { bytes }
    }

    /// Appends one attribute.
    pub(super) fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.bytes.extend(((4 + value.len()) as u16).to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    /// Appends an attribute that holds others.
    pub(super) fn nested(&mut self, kind: u16, fill: impl FnOnce(&mut NewLink)) {
        let at = self.bytes.len();
        self.attribute(kind | libc::NLA_F_NESTED as u16, &[]);
        fill(self);
        let length = (self.bytes.len() - at) as u16;
        self.bytes[at..at + 2].copy_from_slice(&length.to_ne_bytes());
    }

    /// Appends the header of an interface, as the peer of a veth wants it before its attributes.
    pub(super) fn interface(&mut self) {
        self.bytes.extend(interface(0));
    }

    /// Sends the request and waits for the kernel's answer.
    pub(super) fn send(mut self, flags: libc::c_int, stage: SetupStep) -> Step<()> {
        let length = self.bytes.len() as u32;
        let flags = (flags | libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
        self.bytes[0..4].copy_from_slice(&length.to_ne_bytes());
        self.bytes[4..6].copy_from_slice(&libc::RTM_NEWLINK.to_ne_bytes());
        self.bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        let (domain, protocol) = (Domain::from(libc::AF_NETLINK), Protocol::from(libc::NETLINK_ROUTE));
        let socket = Socket::new(domain, Type::RAW, Some(protocol)).map_err(SetupError::at(stage))?;
        socket.send(&self.bytes).map_err(SetupError::at(stage))?;
        let mut answer = [0; 1024];
        let n = (&socket).read(&mut answer).map_err(SetupError::at(stage))?;
        // An answer is a header and then an error number, 0 for none (netlink(7), NLMSG_ERROR).
        let errno = answer[..n].get(16..20).and_then(|b| b.try_into().ok()).map(i32::from_ne_bytes);
        match errno {
            Some(0) => Ok(()),
            Some(errno) => Err(SetupError { stage, errno: -errno }),
            None => Err(SetupError { stage, errno: libc::EPROTO }),
        }
    }
}

/// struct ifinfomsg: of its 16 bytes only the index is set.
fn interface(index: u32) -> [u8; 16] {
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header
}
