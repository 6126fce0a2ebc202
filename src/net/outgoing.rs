//! A message on its way to the kernel, in pieces of the application's choosing.

use crate::trace::MsgId;
use std::ops::Range;
use std::sync::Arc;

/// A message the application is about to send: header and body, in pieces of its choosing.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub(super) id: MsgId,
    pub(super) bytes: Arc<[u8]>,
    pub(super) header_len: usize,
}

/// A part of a message, ready to be handed to a send call.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    pub(super) msg: MsgId,
    pub(super) offset: usize,
    pub(super) bytes: &'a [u8],
}

impl<'a> Piece<'a> {
    /// Its bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

impl Outgoing {
    /// Header and body.
    pub fn whole(&self) -> Piece<'_> {
        self.part(0..self.bytes.len())
    }

    /// How many bytes header and body have.
    #[allow(clippy::len_without_is_empty, reason = "a message is sent, not asked whether it is empty")]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// How many bytes the header has.
    pub fn header_len(&self) -> usize {
        self.header_len
    }

    /// The header alone.
    pub fn header(&self) -> Piece<'_> {
        self.part(0..self.header_len)
    }

    /// The body alone.
    pub fn body(&self) -> Piece<'_> {
        self.part(self.header_len..self.bytes.len())
    }

    /// Any run of its bytes.
    pub fn part(&self, range: Range<usize>) -> Piece<'_> {
        Piece { msg: self.id, offset: range.start, bytes: &self.bytes[range] }
    }
}
