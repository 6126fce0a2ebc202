//! The answer to a command in each of the documents' four protocols, from both sides: [`send`] and [`receive`].
//! Nothing here knows sockets: a [`Channel`] is a connection or, in tests, a script that delivers the bytes as it
//! likes.

use super::Framed;
use super::reading::{self, Step};
use super::trouble::{Result, Trouble};
use super::wire::{Source, Wire};
use crate::framing::{self, I32_LE, Limits, decimal, json};
use crate::say;
use crate::text::Text;
use crate::trace::Part;
use serde_json::{Map, Value};
use std::io;
use std::time::Duration;

/// What D1's and D2's client answers to a length.
pub const READY: &[u8] = b"recv_ready";

/// The acknowledgements of the documents: `ok` (D0), `recv_ready` (D1, D2). D4's may be any text.
const KNOWN: [&[u8]; 2] = [b"ok", READY];

/// The longest text that is taken for a decimal length, or for an acknowledgement: what the documents' `recv(1024)`
/// takes.
const LONGEST: usize = 1024;

/// The most that is asked for in one recv.
const PIECE: usize = 64 << 10;

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
}

impl Channel for Wire<'_> {
    fn outgoing(&mut self, label: Text) {
        Wire::outgoing(self, label);
    }

    fn send_all(&mut self, bytes: &[u8], part: Part) -> io::Result<()> {
        Wire::send_all(self, bytes, part)
    }

    fn half_close(&mut self) -> io::Result<()> {
        self.shutdown()
    }
}

/// What a command printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outputs {
    /// Standard error.
    pub stderr: Vec<u8>,
    /// Standard output.
    pub stdout: Vec<u8>,
}

impl Outputs {
    /// One after the other, standard error first.
    fn joined(self) -> Vec<u8> {
        let mut body = self.stderr;
        body.extend_from_slice(&self.stdout);
        body
    }
}

/// How the server frames an answer.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// The protocol.
    pub framed: Framed,
    /// With `json`: standard output even when there is standard error.
    pub both: bool,
    /// How long an unknown acknowledgement must have been silent to count as complete.
    pub settle: Duration,
}

/// Sends an answer. Returns how many bytes of standard output the protocol had no place for.
///
/// # Errors
/// What the connection says, or that the client left where an acknowledgement was due.
pub fn send(channel: &mut impl Channel, manner: Manner, outputs: Outputs, label: &Text) -> Result<usize> {
    let doing = Text::new("while sending the answer", "发送答复时");
    let failed = |e| Trouble::call(&doing, &e);
    let mut left_out = 0;
    let (header, body) = match manner.framed {
        Framed::None => {
            for (name, bytes) in [("stderr", &outputs.stderr), ("stdout", &outputs.stdout)] {
                channel.outgoing(Text::new("{}: {}", "{}：{}").with(label).with(&Text::same(name)));
                channel.send_all(bytes, Part::Body).map_err(failed)?;
            }
            return Ok(0);
        }
        Framed::Ack => (decimal::header(outputs.stderr.len() + outputs.stdout.len()), outputs.joined()),
        Framed::I32Le => {
            let body = outputs.joined();
            (I32_LE.pack(body.len() as u64)?, body)
        }
        Framed::Json => {
            if !manner.both && !outputs.stderr.is_empty() {
                left_out = outputs.stdout.len();
            }
            one_of_both(outputs, manner.both)?
        }
    };
    channel.outgoing(label.clone());
    channel.send_all(&header, Part::Header).map_err(failed)?;
    if manner.framed == Framed::Ack {
        acknowledgement(channel, manner.settle)?;
        channel.outgoing(label.clone());
    }
    channel.send_all(&body, Part::Body).map_err(failed)?;
    Ok(left_out)
}

/// Header and body of the framing `json`: standard error if there is any, else standard output (D1, D2); or both,
/// and the header says how much of the body is standard error.
fn one_of_both(outputs: Outputs, both: bool) -> Result<(Vec<u8>, Vec<u8>)> {
    let stderr = outputs.stderr.len();
    let body = match (both, stderr) {
        (true, _) => outputs.joined(),
        (false, 0) => outputs.stdout,
        (false, _) => outputs.stderr,
    };
    let mut header = Map::new();
    header.insert(json::DATA_SIZE.to_owned(), body.len().into());
    if both {
        header.insert("stderr".to_owned(), stderr.into());
    }
    Ok((json::pack(&Value::Object(header))?, body))
}

/// Waits for whatever the client acknowledges a length with. The known words are read exactly, not a byte of what
/// follows them; any other is complete when it is silent, and its client may not send anything before the body.
///
/// # Errors
/// What recv says, or that the stream ended instead.
pub fn acknowledgement(source: &mut impl Source, settle: Duration) -> Result<Vec<u8>> {
    let doing = Text::new("while waiting for the acknowledgement", "等待确认时");
    source.incoming(Text::new("acknowledgement", "确认"));
    let failed = |e| Trouble::call(&doing, &e);
    let (mut word, mut piece) = (Vec::new(), [0; LONGEST]);
    loop {
        let known = KNOWN.iter().filter_map(|known| known.strip_prefix(&word[..])).map(<[u8]>::len).min();
        let got = match known {
            Some(0) => return Ok(word),
            Some(more) => Some(source.recv(&mut piece[..more], Part::Body).map_err(failed)?),
            None => source.recv_within(&mut piece, Part::Body, settle).map_err(failed)?,
        };
        match got {
            None => return Ok(word),
            Some(0) if word.is_empty() => return Err(left(&doing)),
            Some(0) => return Ok(word),
            Some(n) => word.extend_from_slice(&piece[..n]),
        }
        if word.len() > LONGEST {
            let text = say!("more than {LONGEST} bytes", "超过 {LONGEST} 字节");
            return Err(Trouble::peer("oversize", text).at(&doing));
        }
    }
}

fn left(doing: &Text) -> Trouble {
    Trouble::peer("ended", Text::new("the other side left", "对方已离开")).at(doing)
}

/// How the client takes an answer.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// The protocol.
    pub framed: Framed,
    /// The longest header and body.
    pub limits: Limits,
    /// How long an unframed text must have been silent to count as complete.
    pub settle: Duration,
    /// No further command follows, so that the server ends the stream after this answer.
    pub last: bool,
}

/// How an answer's end was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its length was announced: a fact.
    Counted,
    /// The stream ended: a fact, too, unless the server died in the middle.
    Stream,
    /// It was silent after the last bytes: a guess.
    Quiet,
    /// Nothing came at all: perhaps an empty answer.
    Silence,
}

/// Receives an answer and hands its body on in pieces, as they come. Returns the body's length, and how its end was
/// known.
///
/// # Errors
/// What the connection says, or that the bytes are no such answer.
pub fn receive(
    channel: &mut impl Channel,
    terms: &Terms,
    label: &Text,
    mut body: impl FnMut(&[u8]),
) -> Result<(usize, End)> {
    channel.incoming(label.clone());
    let length = match terms.framed {
        Framed::None if terms.last => return to_the_end(channel, terms.limits.body, body),
        Framed::None => return until_quiet(channel, terms, body),
        Framed::Ack => {
            let length = announced(channel, terms)?;
            channel.outgoing(Text::new("acknowledgement", "确认"));
            let doing = Text::new("while acknowledging the length", "确认长度时");
            channel.send_all(READY, Part::Body).map_err(|e| Trouble::call(&doing, &e))?;
            if terms.last {
                // A server that is gone says so in the next recv.
                let _ = channel.half_close();
            }
            channel.incoming(label.clone());
            length
        }
        Framed::I32Le => counted(
            channel,
            terms.limits.body,
            &Text::new("while waiting for the answer's length", "等待答复的长度时"),
        )?,
        Framed::Json => described(channel, &terms.limits)?,
    };
    exactly(channel, length, &mut body)?;
    Ok((length, End::Counted))
}

/// The decimal length of an `ack` answer. Its digits have no end in the bytes: it is complete when the stream is
/// silent, or ends. What is no digit cannot become one by waiting.
fn announced(source: &mut impl Source, terms: &Terms) -> Result<usize> {
    let doing = Text::new("while waiting for the answer's length", "等待答复的长度时");
    let read = reading::unframed(source, LONGEST, terms.settle, &doing, |bytes| match bytes {
        _ if bytes.iter().all(u8::is_ascii_digit) => Step::PerhapsMore,
        _ => Step::Complete,
    })?;
    let (digits, _) = read.ok_or_else(|| left(&doing))?;
    decimal::parse(&digits, terms.limits.body).map_err(|fault| {
        let kind = match fault {
            decimal::NotALength::TooLong { .. } => "oversize",
            _ => "syntax",
        };
        let trouble = Trouble::peer(kind, fault.text()).at(&doing);
        match mistaken_digits(&digits) {
            Some(framed) => trouble.hint(suggestion(framed)),
            None => trouble,
        }
    })
}

/// A length of four bytes.
fn counted(source: &mut impl Source, limit: usize, doing: &Text) -> Result<usize> {
    let mut field = [0; 4];
    let have = reading::fill(source, &mut field, Part::Header, doing)?;
    if have == 0 {
        return Err(left(doing));
    }
    I32_LE.unpack(&field[..have], limit).map_err(|fault| {
        let trouble = Trouble::from(fault).at(doing);
        match mistaken_length(&field[..have]) {
            Some(framed) => trouble.hint(suggestion(framed)),
            None => trouble,
        }
    })
}

/// The body's length as a `json` header says it.
fn described(source: &mut impl Source, limits: &Limits) -> Result<usize> {
    let doing = Text::new("while waiting for the answer's header", "等待答复的头部时");
    let mut header = vec![0; counted(source, limits.header, &doing)?];
    let have = reading::fill(source, &mut header, Part::Header, &doing)?;
    let wrong = |fault| Trouble::from(fault).at(&doing).hint(suggestion(Framed::I32Le));
    framing::whole_header(&header[..have], header.len()).map_err(wrong)?;
    let fields = json::parse(&header).map_err(wrong)?;
    json::size(&fields, json::DATA_SIZE, limits.body).map_err(|fault| Trouble::from(fault).at(&doing))
}

/// Reads a body of this length, and not a byte more. What is kept in memory is one piece, whatever the length says.
fn exactly(source: &mut impl Source, length: usize, body: &mut impl FnMut(&[u8])) -> Result<()> {
    let doing = Text::new("while receiving the answer", "接收答复时");
    let mut piece = vec![0; length.min(PIECE)];
    let mut have = 0;
    while have < length {
        let most = piece.len().min(length - have);
        match source.recv(&mut piece[..most], Part::Body).map_err(|e| Trouble::call(&doing, &e))? {
            0 => return Err(Trouble::from(framing::Fault::EofInBody { have, need: length }).at(&doing)),
            n => {
                body(&piece[..n]);
                have += n;
            }
        }
    }
    Ok(())
}

fn to_the_end(source: &mut impl Source, limit: usize, mut body: impl FnMut(&[u8])) -> Result<(usize, End)> {
    let doing = Text::new("while receiving the answer", "接收答复时");
    let (mut piece, mut have) = (vec![0; PIECE], 0);
    loop {
        match source.recv(&mut piece, Part::Body).map_err(|e| Trouble::call(&doing, &e))? {
            0 => return Ok((have, End::Stream)),
            n => {
                have += n;
                within(have, limit)?;
                body(&piece[..n]);
            }
        }
    }
}

fn until_quiet(source: &mut impl Source, terms: &Terms, mut body: impl FnMut(&[u8])) -> Result<(usize, End)> {
    let doing = Text::new("while receiving the answer", "接收答复时");
    let (mut piece, mut have) = (vec![0; PIECE], 0);
    loop {
        let got = match have {
            0 => match source.recv(&mut piece, Part::Body) {
                Err(e) if e.kind() == io::ErrorKind::TimedOut => return Ok((0, End::Silence)),
                other => other.map(Some),
            },
            _ => source.recv_within(&mut piece, Part::Body, terms.settle),
        };
        match got.map_err(|e| Trouble::call(&doing, &e))? {
            None => return Ok((have, End::Quiet)),
            Some(0) if have == 0 => return Err(left(&doing)),
            Some(0) => return Ok((have, End::Stream)),
            Some(n) => {
                have += n;
                within(have, terms.limits.body)?;
                body(&piece[..n]);
            }
        }
    }
}

fn within(have: usize, limit: usize) -> Result<()> {
    if have <= limit {
        return Ok(());
    }
    let limit = crate::text::grouped(limit);
    Err(Trouble::peer("oversize", say!("the answer is longer than {limit} bytes", "答复超过 {limit} 字节"))
        .hint(Text::new("--max-answer takes a larger one", "--max-answer 可以放宽")))
}

/// What to look at when an answer is not in the protocol that was expected.
pub fn suggestion(framed: Framed) -> Text {
    let word = framed.word();
    say!("does the server use --framing {word}?", "服务器是不是用 --framing {word}？")
}

/// The protocol whose answer begins like this, where a decimal length was due.
fn mistaken_digits(bytes: &[u8]) -> Option<Framed> {
    mistaken(bytes).or_else(|| is_text(bytes).then_some(Framed::None))
}

/// The protocol whose answer begins like this, where four bytes of length were due.
fn mistaken_length(field: &[u8]) -> Option<Framed> {
    match field {
        _ if field.iter().all(u8::is_ascii_digit) => Some(Framed::Ack),
        _ if is_text(field) => Some(Framed::None),
        _ => None,
    }
}

/// Bytes that a command prints for people, in any language: no control characters but ends of lines.
fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| matches!(b, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0x80..))
}

/// The protocol whose answer begins like this: `json`'s header is unmistakable, and a length below 16 MiB ends in a
/// zero that no text has.
pub fn mistaken(bytes: &[u8]) -> Option<Framed> {
    let (field, rest) = bytes.split_first_chunk::<4>()?;
    let header = |bytes: &[u8]| bytes.starts_with(b"{\"data_size\":");
    match field[3] {
        _ if header(bytes) || header(rest) => Some(Framed::Json),
        0 => Some(Framed::I32Le),
        _ => None,
    }
}
