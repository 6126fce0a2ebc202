//! A line feed behind each message: the framing of protocols that people can type (SMTP, Redis, JSON lines).

use super::{Fault, Framing, Kind, Layout, Limits, Look};
use crate::say;

/// The framing `line`. A carriage return before the line feed (RFC 5321 §2.3.8) is a byte of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineFeed;

/// What ends a line.
const LF: u8 = b'\n';

impl Framing for LineFeed {
    fn kind(&self) -> Kind {
        Kind::Line
    }

    fn look(&self, bytes: &[u8], limits: &Limits) -> Result<Look, Fault> {
        self.look_on(bytes, 0, limits)
    }

    fn look_on(&self, bytes: &[u8], seen: usize, limits: &Limits) -> Result<Look, Fault> {
        let new = bytes.get(seen..).unwrap_or_default();
        let end = new.iter().position(|byte| *byte == LF).map(|at| seen + at);
        match end {
            Some(body) if body <= limits.body => Ok(Look::Known(Layout { header: 0, body, trailer: 1 })),
            None if bytes.len() <= limits.body => Ok(Look::Open),
            _ => Err(Fault::Endless { limit: limits.body }),
        }
    }

    fn header(&self, body: &[u8]) -> Result<Vec<u8>, Fault> {
        match body.iter().position(|byte| *byte == LF) {
            None => Ok(Vec::new()),
            Some(at) => Err(Fault::Syntax(say!(
                "the message has a line feed at its byte {at}: it would be two lines",
                "消息的第 {at} 字节是换行符：会变成两行"
            ))),
        }
    }

    fn trailer(&self) -> &'static [u8] {
        b"\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_at_its_line_feed_within_the_limit() {
        let limits = Limits { header: 0, body: 5 };
        let known = |body| Ok(Look::Known(Layout { header: 0, body, trailer: 1 }));
        assert_eq!(LineFeed.look(b"hello\nfeng\n", &limits), known(5));
        assert_eq!(LineFeed.look(b"\n", &limits), known(0));
        assert_eq!(LineFeed.look(b"hello", &limits), Ok(Look::Open));
        assert_eq!(LineFeed.look_on(b"hello\n", 5, &limits), known(5));
        for long in [&b"hello!"[..], b"hello!\n"] {
            assert_eq!(LineFeed.look(long, &limits), Err(Fault::Endless { limit: 5 }));
        }
        assert_eq!(LineFeed.frame(b"hi").unwrap(), b"hi\n");
        assert_eq!(LineFeed.frame(b"a\nb").unwrap_err().kind(), "syntax");
    }
}
