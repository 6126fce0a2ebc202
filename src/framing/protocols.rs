//! The documents' protocols, from both sides: [`send`] and [`receive`] a message, whatever carries the bytes.
//!
//! A length says exactly where a message ends: [`header`], [`length`], [`fill`]. The documents also send text that
//! nothing frames: commands, file names, decimal lengths, acknowledgements. Nothing in the bytes says where such a text
//! ends; [`text`] and [`unframed`] take it as complete when the stream was silent for a while, or ended. That is a
//! guess which a slow network can prove wrong, and the reason why protocols frame everything.
//!
//! Not a byte behind a message is ever read: a [`Source`] is asked for what is certainly missing ([`Look::Short`]). A
//! [`Decoder`](super::Decoder) is for whoever is handed pieces and cannot ask: a capture, a recording, another's calls.

use super::decimal::{self, NotALength};
use super::json::Json;
use super::{Fault, Framing, I32_LE, Kind, Limits, Look, Part, whole_header};
use crate::say;
use crate::text::{Text, grouped};
use std::io;
use std::time::Duration;

/// What D1's and D2's client answers to a length.
pub const READY: &[u8] = b"recv_ready";

/// The acknowledgements of the documents: `ok` (D0), `recv_ready` (D1, D2). D4's may be any text.
const KNOWN: [&[u8]; 2] = [b"ok", READY];

/// The longest text that is taken for a decimal length, or for an acknowledgement: what the documents' `recv(1024)`
/// takes.
pub const LONGEST: usize = 1024;

/// The most that is asked for in one recv.
const PIECE: usize = 64 << 10;

/// `quit` leaves, as in the documents.
pub fn is_quit(line: &[u8]) -> bool {
    line.trim_ascii() == b"quit"
}

/// Where a message's bytes come from, one receive call at a time; in tests, from a script.
pub trait Source {
    /// recv(2): as many bytes as there are, at most the buffer; 0 at the end of the stream.
    ///
    /// # Errors
    /// What recv says; `TimedOut` when nothing came for as long as the source is patient.
    fn recv(&mut self, buffer: &mut [u8], part: Part) -> io::Result<usize>;

    /// The same, but `None` when nothing came for `quiet`.
    ///
    /// # Errors
    /// What recv says.
    fn recv_within(&mut self, buffer: &mut [u8], part: Part, quiet: Duration) -> io::Result<Option<usize>>;

    /// A new message begins to arrive; the label is for the reader of a trace.
    fn incoming(&mut self, label: Text);
}

/// Both directions of a connection.
pub trait Channel: Source {
    /// A new message is about to be sent; the label is for the reader of a trace.
    fn outgoing(&mut self, label: Text);

    /// Sends every byte.
    ///
    /// # Errors
    /// What send says.
    fn send_all(&mut self, bytes: &[u8], part: Part) -> io::Result<()>;

    /// Nothing more will be sent.
    ///
    /// # Errors
    /// What shutdown says.
    fn half_close(&mut self) -> io::Result<()>;

    /// The header is read: from here on only silence is too long. Before, everything together may be.
    fn body_begins(&mut self) {}
}

/// How the documents frame what they send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framed {
    /// Not at all: two sends, and luck.
    None,
    /// A decimal length, an acknowledgement, the body.
    Ack,
    /// Four bytes of length, the body.
    I32Le,
    /// The length of a JSON header, the header, the body.
    Json,
}

impl Framed {
    /// Every one.
    pub const ALL: [Framed; 4] = [Framed::None, Framed::Ack, Framed::I32Le, Framed::Json];

    /// The framing in the list of all.
    pub const fn kind(self) -> Kind {
        match self {
            Framed::None => Kind::None,
            Framed::Ack => Kind::Ack,
            Framed::I32Le => Kind::I32Le,
            Framed::Json => Kind::Json,
        }
    }

    /// The word on the command line.
    pub const fn word(self) -> &'static str {
        self.kind().name()
    }
}

/// What an exchange was doing when it stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Sending header or body.
    Sending,
    /// Waiting for a length.
    Length,
    /// Waiting for a JSON header.
    Header,
    /// Telling the other side that the length is there.
    Acknowledging,
    /// Waiting to be told so.
    Acknowledgement,
    /// Receiving the body.
    Body,
}

/// Reason it stopped.
#[derive(Debug)]
pub enum Reason {
    /// The channel failed; `TimedOut` when nothing came in time.
    Call(io::Error),
    /// The bytes are no such message, or the stream ended inside one.
    Fault(Fault),
    /// They are no decimal length.
    NotALength(NotALength),
    /// The stream ended where something was due.
    Ended,
    /// More than so many bytes that nothing frames.
    TooLong(usize),
    /// Only so many of the bytes that were due came in time.
    Stalled {
        /// Of the header, or of the body.
        part: Part,
        /// Bytes that came.
        have: usize,
        /// Bytes that were due, as far as they tell.
        need: usize,
    },
}

impl Reason {
    /// The word used in JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Reason::Call(_) => "call",
            Reason::Stalled { .. } => "timeout",
            Reason::Fault(fault) => fault.kind(),
            Reason::NotALength(NotALength::TooLong { .. }) | Reason::TooLong(_) => "oversize",
            Reason::NotALength(_) => "syntax",
            Reason::Ended => "ended",
        }
    }

    /// The sentence, in both languages.
    pub fn text(&self) -> Text {
        match self {
            Reason::Call(error) => Text::same(error.to_string()),
            Reason::Fault(fault) => fault.text(),
            Reason::NotALength(why) => why.text(),
            Reason::Ended => Text::new("the other side left", "对方已离开"),
            Reason::TooLong(limit) => say!("more than {limit} bytes of text", "文本超过 {limit} 字节"),
            Reason::Stalled { part, have, need } => {
                let of = match part {
                    Part::Header => Text::new("of the header", "报头"),
                    Part::Body => Text::new("of the body", "正文"),
                };
                let (have, need) = (grouped(*have), grouped(*need));
                say!(
                    "{have} of {need} bytes {{}} came, and no more in time",
                    "{{}}应有 {need} 字节，只到了 {have} 字节，限定时间内没有更多"
                )
                .with(&of)
            }
        }
    }
}

impl From<io::Error> for Reason {
    fn from(error: io::Error) -> Reason {
        Reason::Call(error)
    }
}

impl From<Fault> for Reason {
    fn from(fault: Fault) -> Reason {
        Reason::Fault(fault)
    }
}

/// An exchange that stopped.
#[derive(Debug)]
pub struct Stopped {
    /// Doing what.
    pub moment: Moment,
    /// Reason.
    pub reason: Box<Reason>,
    /// The header as far as it came: it may show another protocol.
    pub header: Vec<u8>,
}

impl Moment {
    fn failed<E: Into<Reason>>(self) -> impl FnOnce(E) -> Stopped {
        move |reason| Stopped { moment: self, reason: Box::new(reason.into()), header: Vec::new() }
    }

    fn failed_at(self, header: &[u8]) -> impl FnOnce(Reason) -> Stopped {
        move |reason| Stopped { moment: self, reason: Box::new(reason), header: header.to_vec() }
    }
}

/// Sends a message: its header, the acknowledgement that this protocol waits for, its body.
///
/// # Errors
/// What the channel says, or that the other side left where an acknowledgement was due.
pub fn send(
    channel: &mut impl Channel,
    framed: Framed,
    [header, body]: [&[u8]; 2],
    label: Text,
    settle: Duration,
) -> Result<(), Stopped> {
    channel.outgoing(label);
    channel.send_all(header, Part::Header).map_err(Moment::Sending.failed())?;
    if framed == Framed::Ack {
        acknowledgement(channel, settle).map_err(Moment::Acknowledgement.failed())?;
    }
    channel.send_all(body, Part::Body).map_err(Moment::Sending.failed())
}

/// How a message is taken.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// The protocol.
    pub framed: Framed,
    /// The longest header and body.
    pub limits: Limits,
    /// How long an unframed text must have been silent to count as complete.
    pub settle: Duration,
    /// No further message follows, so that the other side ends the stream after this one.
    pub last: bool,
}

/// How a message's end was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its length was announced: a fact.
    Counted,
    /// The stream ended: a fact, too, unless the other side died in the middle.
    Stream,
    /// It was silent after the last bytes: a guess.
    Quiet,
    /// Nothing came at all: perhaps an empty message.
    Silence,
}

/// Receives a message and hands its body on in pieces, as they come. Returns the body's length, and how its end was
/// known.
///
/// # Errors
/// What the channel says, or that the bytes are no such message.
pub fn receive(
    channel: &mut impl Channel,
    terms: &Terms,
    label: Text,
    mut body: impl FnMut(&[u8]),
) -> Result<(usize, Ending), Stopped> {
    channel.incoming(label);
    let length = match terms.framed {
        Framed::None if terms.last => {
            return to_the_end(channel, terms.limits.body, body).map_err(Moment::Body.failed());
        }
        Framed::None => return until_quiet(channel, terms, body).map_err(Moment::Body.failed()),
        Framed::Ack => {
            let length = digits(channel, terms)?;
            channel.outgoing(Text::new("acknowledgement", "确认"));
            channel.send_all(READY, Part::Body).map_err(Moment::Acknowledging.failed())?;
            if terms.last {
                // A peer that is gone says so in the next recv.
                let _ = channel.half_close();
            }
            length
        }
        Framed::I32Le => header(channel, &I32_LE, &terms.limits, Moment::Length)?,
        Framed::Json => header(channel, &Json, &terms.limits, Moment::Header)?,
    };
    channel.body_begins();
    exactly(channel, length, &mut body).map_err(Moment::Body.failed())?;
    Ok((length, Ending::Counted))
}

/// Reads a header, and not a byte behind it. Returns the body's length.
///
/// # Errors
/// What recv says, that the stream ended, or that the bytes are no such header.
pub fn header(
    source: &mut impl Source,
    framing: &impl Framing,
    limits: &Limits,
    moment: Moment,
) -> Result<usize, Stopped> {
    let mut bytes = Vec::new();
    loop {
        let have = bytes.len();
        let more = match framing.look(&bytes, limits) {
            Ok(Look::Known(layout)) => return Ok(layout.body),
            Ok(Look::Short(more)) => more,
            Ok(Look::Open) => 1,
            Err(fault) => return Err(moment.failed_at(&bytes)(fault.into())),
        };
        bytes.resize(have + more, 0);
        let came = source.recv(&mut bytes[have..], Part::Header);
        bytes.truncate(have + *came.as_ref().unwrap_or(&0));
        let need = have + more;
        match came {
            Ok(0) if have == 0 => return Err(moment.failed()(Reason::Ended)),
            Ok(0) => return Err(moment.failed_at(&bytes)(Fault::EofInHeader { have, need }.into())),
            Ok(_) => {}
            Err(error) => return Err(moment.failed_at(&bytes)(interrupted(error, Part::Header, have, need))),
        }
    }
}

/// A receive call failed when so many bytes were there. Before the first, nothing came; after it, that many did.
pub(crate) fn interrupted(error: io::Error, part: Part, have: usize, need: usize) -> Reason {
    match error.kind() {
        io::ErrorKind::TimedOut if have > 0 => Reason::Stalled { part, have, need },
        _ => Reason::Call(error),
    }
}

/// The decimal length of an `ack` message. Its digits have no end in the bytes: it is complete when the stream is
/// silent, or ends. What is no digit cannot become one by waiting.
fn digits(source: &mut impl Source, terms: &Terms) -> Result<usize, Stopped> {
    let moment = Moment::Length;
    let read = unframed(source, LONGEST, Part::Header, terms.settle, |bytes| match bytes {
        _ if bytes.iter().all(u8::is_ascii_digit) => More::Possible,
        _ => More::None,
    });
    let (digits, _) = read.map_err(moment.failed())?.ok_or_else(|| moment.failed()(Reason::Ended))?;
    decimal::parse(&digits, terms.limits.body).map_err(|why| moment.failed_at(&digits)(Reason::NotALength(why)))
}

/// Waits for whatever the other side acknowledges a length with. The known words are read exactly, not a byte of what
/// follows them; any other is complete when it is silent, and its sender may not send anything before the body.
///
/// # Errors
/// What recv says, that the stream ended instead, or that it is longer than [`LONGEST`].
pub fn acknowledgement(source: &mut impl Source, settle: Duration) -> Result<Vec<u8>, Reason> {
    source.incoming(Text::new("acknowledgement", "确认"));
    let (mut word, mut piece) = (Vec::new(), [0; LONGEST]);
    loop {
        let known = KNOWN.iter().filter_map(|known| known.strip_prefix(&word[..])).map(<[u8]>::len).min();
        let got = match known {
            Some(0) => return Ok(word),
            Some(more) => Some(source.recv(&mut piece[..more], Part::Body)?),
            // Half a character cannot be all.
            None if is_cut(&word) => Some(source.recv(&mut piece, Part::Body)?),
            None => source.recv_within(&mut piece, Part::Body, settle)?,
        };
        match got {
            None => return Ok(word),
            Some(0) if word.is_empty() => return Err(Reason::Ended),
            Some(0) => return Ok(word),
            Some(n) => word.extend_from_slice(&piece[..n]),
        }
        if word.len() > LONGEST {
            return Err(Reason::TooLong(LONGEST));
        }
    }
}

/// Reads a body of this length, and not a byte more. What is kept in memory is one piece, whatever the length says.
fn exactly(source: &mut impl Source, length: usize, body: &mut impl FnMut(&[u8])) -> Result<(), Reason> {
    let mut piece = vec![0; length.min(PIECE)];
    let mut have = 0;
    while have < length {
        let most = piece.len().min(length - have);
        match source.recv(&mut piece[..most], Part::Body) {
            Ok(0) => return Err(Fault::EofInBody { have, need: length }.into()),
            Ok(n) => {
                body(&piece[..n]);
                have += n;
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Err(Reason::Stalled { part: Part::Body, have, need: length });
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn to_the_end(source: &mut impl Source, limit: usize, mut body: impl FnMut(&[u8])) -> Result<(usize, Ending), Reason> {
    let (mut piece, mut have) = (vec![0; PIECE], 0);
    loop {
        match source.recv(&mut piece, Part::Body)? {
            0 => return Ok((have, Ending::Stream)),
            n => {
                have = within(have + n, limit)?;
                body(&piece[..n]);
            }
        }
    }
}

fn until_quiet(
    source: &mut impl Source,
    terms: &Terms,
    mut body: impl FnMut(&[u8]),
) -> Result<(usize, Ending), Reason> {
    let (mut piece, mut have) = (vec![0; PIECE], 0);
    loop {
        let got = match have {
            0 => match source.recv(&mut piece, Part::Body) {
                Err(e) if e.kind() == io::ErrorKind::TimedOut => return Ok((0, Ending::Silence)),
                other => other.map(Some),
            },
            _ => source.recv_within(&mut piece, Part::Body, terms.settle),
        };
        match got? {
            None => return Ok((have, Ending::Quiet)),
            Some(0) if have == 0 => return Err(Reason::Ended),
            Some(0) => return Ok((have, Ending::Stream)),
            Some(n) => {
                have = within(have + n, terms.limits.body)?;
                body(&piece[..n]);
            }
        }
    }
}

fn within(have: usize, limit: usize) -> Result<usize, Reason> {
    if have <= limit { Ok(have) } else { Err(Reason::TooLong(limit)) }
}

/// Fills the buffer, in as many receive calls as it takes. Returns how many bytes came: fewer than asked for only
/// when the stream ended.
///
/// # Errors
/// What recv says, or how many bytes came in time.
pub fn fill(source: &mut impl Source, buffer: &mut [u8], part: Part) -> Result<usize, Reason> {
    let (mut have, need) = (0, buffer.len());
    while have < need {
        match source.recv(&mut buffer[have..], part) {
            Ok(0) => break,
            Ok(n) => have += n,
            Err(error) => return Err(interrupted(error, part, have, need)),
        }
    }
    Ok(have)
}

/// Reads a length field of four little-endian bytes (`struct.pack('i', n)`), at most `limit`; `None` when the
/// stream ended where it would begin.
///
/// # Errors
/// What recv says, or that the bytes are no such length.
pub fn length(source: &mut impl Source, limit: usize) -> Result<Option<usize>, Reason> {
    let mut field = [0; 4];
    match fill(source, &mut field, Part::Header)? {
        0 => Ok(None),
        n => Ok(Some(I32_LE.unpack(&field[..n], limit)?)),
    }
}

/// Reads exactly `length` bytes that say what follows, or what came before.
///
/// # Errors
/// What recv says, or that the stream ended inside.
pub fn words(source: &mut impl Source, length: usize, part: Part) -> Result<Vec<u8>, Reason> {
    let mut bytes = vec![0; length];
    let have = fill(source, &mut bytes, part)?;
    whole_header(&bytes[..have], length)?;
    Ok(bytes)
}

/// Reads text that nothing frames, at most `limit` bytes: until the stream is silent for `settle`, or ends. In the
/// middle of a UTF-8 character it is not over. `None` when the stream ended before a byte came.
///
/// # Errors
/// What recv says, or that it is longer than the limit.
pub fn text(source: &mut impl Source, limit: usize, settle: Duration) -> Result<Option<(Vec<u8>, Ending)>, Reason> {
    unframed(source, limit, Part::Body, settle, |bytes| match is_cut(bytes) {
        true => More::Certain,
        false => More::Possible,
    })
}

/// Ends inside a UTF-8 character.
fn is_cut(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|e| e.error_len().is_none())
}

/// What the bytes so far say about more to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// They cannot be all.
    Certain,
    /// They can, and need not.
    Possible,
    /// They are all there is.
    None,
}

/// Reads until `more` says so, or, where it cannot know, until the stream is silent for `settle`, or ends.
///
/// # Errors
/// What recv says, or that it is longer than the limit.
pub fn unframed(
    source: &mut impl Source,
    limit: usize,
    part: Part,
    settle: Duration,
    more: impl Fn(&[u8]) -> More,
) -> Result<Option<(Vec<u8>, Ending)>, Reason> {
    let mut bytes: Vec<u8> = Vec::new();
    // Small: a server has one for each client that is silent.
    let mut piece = vec![0; limit.saturating_add(1).min(4 << 10)];
    loop {
        let now = if bytes.is_empty() { More::Certain } else { more(&bytes) };
        let got = match now {
            More::None => return Ok(Some((bytes, Ending::Quiet))),
            More::Certain => Some(source.recv(&mut piece, part)?),
            More::Possible => source.recv_within(&mut piece, part, settle)?,
        };
        match got {
            None => return Ok(Some((bytes, Ending::Quiet))),
            Some(0) if bytes.is_empty() => return Ok(None),
            Some(0) => return Ok(Some((bytes, Ending::Stream))),
            Some(n) => bytes.extend_from_slice(&piece[..n]),
        }
        within(bytes.len(), limit)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces as they come; `None` is a silence that is longer than any settling.
    struct Pieces(Vec<Option<&'static [u8]>>);

    impl Source for Pieces {
        fn recv(&mut self, buffer: &mut [u8], part: Part) -> io::Result<usize> {
            loop {
                if let Some(n) = self.recv_within(buffer, part, Duration::ZERO)? {
                    return Ok(n);
                }
            }
        }

        fn recv_within(&mut self, buffer: &mut [u8], _: Part, _: Duration) -> io::Result<Option<usize>> {
            if self.0.is_empty() {
                return Ok(Some(0));
            }
            let Some(piece) = self.0.remove(0) else { return Ok(None) };
            let (now, rest) = piece.split_at(piece.len().min(buffer.len()));
            buffer[..now.len()].copy_from_slice(now);
            if !rest.is_empty() {
                self.0.insert(0, Some(rest));
            }
            Ok(Some(now.len()))
        }

        fn incoming(&mut self, _: Text) {}
    }

    fn texted(pieces: &[Option<&'static [u8]>], limit: usize) -> Result<Option<(Vec<u8>, Ending)>, Reason> {
        text(&mut Pieces(pieces.to_vec()), limit, Duration::ZERO)
    }

    #[test]
    fn half_a_character_is_not_the_end_of_a_text() {
        let halves = [Some(&b"echo \xe7\xb2"[..]), None, Some(b"\x98"), None, Some(b"next")];
        assert_eq!(texted(&halves, 100).unwrap(), Some(("echo 粘".into(), Ending::Quiet)));
        assert_eq!(texted(&halves[..1], 100).unwrap(), Some((b"echo \xe7\xb2".to_vec(), Ending::Stream)));
        let invalid = [Some(&b"\xff"[..]), None, Some(b"next")];
        assert_eq!(texted(&invalid, 100).unwrap(), Some((b"\xff".to_vec(), Ending::Quiet)), "more would not mend it");
        assert_eq!(texted(&[], 100).unwrap(), None);
    }

    #[test]
    fn a_text_may_be_as_long_as_the_limit_and_no_longer() {
        assert_eq!(texted(&[Some(b"12345")], 5).unwrap(), Some((b"12345".to_vec(), Ending::Stream)));
        assert_eq!(texted(&[Some(b"123456")], 5).map_err(|reason| reason.kind()), Err("oversize"));
        assert_eq!(texted(&[Some(b"123"), Some(b"456")], 5).map_err(|reason| reason.kind()), Err("oversize"));
    }

    #[test]
    fn a_length_is_not_believed_beyond_the_limit() {
        let read = |bytes: &'static [u8]| length(&mut Pieces(vec![Some(bytes)]), 5);
        assert_eq!(read(b"\x05\0\0\0").unwrap(), Some(5));
        assert_eq!(read(b"\x06\0\0\0").map_err(|reason| reason.kind()), Err("oversize"));
        assert_eq!(read(b"\xff\xff\xff\xff").map_err(|reason| reason.kind()), Err("negative"));
        assert_eq!(read(b"\x05\0").map_err(|reason| reason.kind()), Err("eof-in-header"));
        assert_eq!(length(&mut Pieces(Vec::new()), 5).unwrap(), None);
    }

    #[test]
    fn a_header_that_is_cut_says_so() {
        let read = |bytes: &'static [u8]| words(&mut Pieces(vec![Some(bytes)]), 2, Part::Header);
        assert_eq!(read(b"{}").map_err(|reason| reason.kind()), Ok(b"{}".to_vec()));
        assert_eq!(read(b"{").map_err(|reason| reason.kind()), Err("eof-in-header"));
    }

    #[test]
    fn quit_is_quit_with_spaces_around_it_too() {
        assert!(is_quit(b"quit") && is_quit(b" quit \t"));
        assert!(!is_quit(b"quite") && !is_quit(b""));
    }
}
