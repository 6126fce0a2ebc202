//! The answer to a command in each of the documents' four protocols: what it is made of, and what is said when one
//! does not come. How it goes and comes is in [`protocols`].

use super::Framed;
use super::trouble::{Result, Trouble};
use crate::framing::decimal::{self, NotALength};
use crate::framing::protocols::{self, Channel, Ending, Moment, Reason, Source, Stopped, Terms};
use crate::framing::{Fault, I32_LE, json};
use crate::say;
use crate::text::{Text, grouped};
use encoding_rs::Encoding;
use serde_json::{Map, Value};
use std::time::Duration;

/// What a command printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outputs {
    /// Standard error.
    pub stderr: Vec<u8>,
    /// Standard output.
    pub stdout: Vec<u8>,
}

impl Outputs {
    /// The same in another encoding, if it is UTF-8: what a command prints otherwise is left as it is.
    #[must_use]
    pub fn encoded(self, encoding: &'static Encoding) -> Outputs {
        let encoded = |bytes: Vec<u8>| match std::str::from_utf8(&bytes) {
            Ok(text) => encoding.encode(text).0.into_owned(),
            Err(_) => bytes,
        };
        Outputs { stderr: encoded(self.stderr), stdout: encoded(self.stdout) }
    }

    /// One after the other, standard error first.
    fn joined(self) -> Vec<u8> {
        let Outputs { stderr: mut body, stdout } = self;
        if body.is_empty() {
            return stdout;
        }
        body.extend_from_slice(&stdout);
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

impl Manner {
    /// How many bytes of standard output the protocol has no place for: with `json` D1 and D2 send standard error
    /// alone where there is any.
    pub fn leaves_out(self, outputs: &Outputs) -> usize {
        let alone = self.framed == Framed::Json && !self.both && !outputs.stderr.is_empty();
        if alone { outputs.stdout.len() } else { 0 }
    }
}

/// Sends an answer.
///
/// # Errors
/// What the connection says, or that the client left where an acknowledgement was due.
pub fn send(channel: &mut impl Channel, manner: Manner, outputs: Outputs, label: &Text) -> Result<()> {
    let mut sent = |parts: [&[u8]; 2], label: Text| {
        let sent = protocols::send(channel, manner.framed, parts, label, manner.settle);
        sent.map_err(|stopped| trouble(stopped.moment, *stopped.reason))
    };
    let (header, body) = match manner.framed {
        Framed::None => {
            let Text { en, zh } = label;
            let label = |name: &str| say!("{en}: {name}", "{zh}：{name}");
            sent([&[], &outputs.stderr], label("stderr"))?;
            return sent([&[], &outputs.stdout], label("stdout"));
        }
        Framed::Ack => (decimal::header(outputs.stderr.len() + outputs.stdout.len()), outputs.joined()),
        Framed::I32Le => {
            let body = outputs.joined();
            (I32_LE.pack(body.len() as u64)?, body)
        }
        Framed::Json => one_of_both(outputs, manner.both)?,
    };
    sent([&header, &body], label.clone())
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

/// Waits for whatever the client acknowledges a length with.
///
/// # Errors
/// What recv says, or that the stream ended instead.
pub fn acknowledgement(source: &mut impl Source, settle: Duration) -> Result<Vec<u8>> {
    protocols::acknowledgement(source, settle).map_err(|reason| trouble(Moment::Acknowledgement, reason))
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
    body: impl FnMut(&[u8]),
) -> Result<(usize, Ending)> {
    protocols::receive(channel, terms, label.clone(), body).map_err(|stopped| {
        let likely = likely(terms, &stopped).map(suggestion);
        let hint = likely.or_else(|| is_too_long(terms, &stopped).then(larger));
        let trouble = trouble(stopped.moment, *stopped.reason);
        match hint {
            Some(hint) => trouble.hint(hint),
            None => trouble,
        }
    })
}

/// What happened to an answer, as a person reads it.
fn trouble(moment: Moment, reason: Reason) -> Trouble {
    let doing = match moment {
        Moment::Sending => Text::new("while sending the answer", "发送响应时"),
        Moment::Length => Text::new("while waiting for the answer's length", "等待响应的长度时"),
        Moment::Header => Text::new("while waiting for the answer's header", "等待响应的报头时"),
        Moment::Acknowledging => Text::new("while acknowledging the length", "确认长度时"),
        Moment::Acknowledgement => Text::new("while waiting for the acknowledgement", "等待确认时"),
        Moment::Body => Text::new("while receiving the answer", "接收响应时"),
    };
    match (reason, moment) {
        (Reason::Fault(fault), _) => Trouble::from(fault).at(&doing),
        (Reason::TooLong(limit), Moment::Body) => {
            let limit = grouped(limit);
            Trouble::peer("oversize", say!("the answer is longer than {limit} bytes", "响应超过 {limit} 字节"))
        }
        (Reason::TooLong(limit), Moment::Acknowledgement) => {
            Trouble::peer("oversize", say!("more than {limit} bytes", "超过 {limit} 字节")).at(&doing)
        }
        (reason, _) => Trouble::stopped(&doing)(reason),
    }
}

/// The protocol that the server more likely speaks, where its first bytes are none of this one's.
fn likely(terms: &Terms, stopped: &Stopped) -> Option<Framed> {
    let header = &stopped.header[..];
    let limit = if terms.framed == Framed::Json { terms.limits.header } else { terms.limits.body };
    let field = header.get(..I32_LE.width()).unwrap_or(header);
    match &*stopped.reason {
        Reason::NotALength(_) => mistaken_digits(header),
        Reason::Fault(_) if header.is_empty() => None,
        Reason::Fault(_) if I32_LE.unpack(field, limit).is_err() => mistaken_length(field),
        Reason::Fault(Fault::EofInHeader { .. }) => Some(Framed::I32Le),
        Reason::Fault(_) => json::parse(&header[field.len()..]).is_err().then_some(Framed::I32Le),
        _ => None,
    }
}

/// Is it the body that is over the limit? A JSON header has a limit of its own, which no option changes.
fn is_too_long(terms: &Terms, stopped: &Stopped) -> bool {
    let header = terms.framed == Framed::Json && stopped.header.len() <= I32_LE.width();
    match &*stopped.reason {
        Reason::Fault(Fault::Oversize { .. }) => !header,
        Reason::NotALength(NotALength::TooLong { .. }) => true,
        Reason::TooLong(_) => stopped.moment == Moment::Body,
        _ => false,
    }
}

/// What to do about an answer that is too long.
fn larger() -> Text {
    Text::new("--max-answer takes a longer one", "--max-answer 可以放宽")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framing::protocols::READY;
    use crate::framing::{Limits, Part};
    use std::collections::VecDeque;
    use std::io;

    const FRAMINGS: [Framed; 4] = [Framed::None, Framed::Ack, Framed::I32Le, Framed::Json];
    const SETTLE: Duration = Duration::from_millis(50);
    const LIMITS: Limits = Limits { header: 64 << 10, body: 5_000_000 };

    /// What a peer does next.
    #[derive(Clone, Debug, PartialEq, Eq)]
    enum Act {
        /// These bytes are there.
        Come(Vec<u8>),
        /// Nothing comes for longer than any settling.
        Pause,
        /// Nothing comes for longer than this end is patient.
        Stall,
    }

    /// A peer that delivers as it likes; after its last act the stream ends.
    #[derive(Default)]
    struct Script {
        acts: VecDeque<Act>,
        /// What this end sent.
        sent: Vec<u8>,
        closed: bool,
        /// What was still to come when the header was read.
        body: Option<usize>,
    }

    impl Script {
        fn new(acts: impl IntoIterator<Item = Act>) -> Script {
            Script { acts: acts.into_iter().collect(), ..Script::default() }
        }

        fn bytes(bytes: &[u8]) -> Script {
            Script::new([Act::Come(bytes.to_vec())])
        }

        fn take(&mut self, buffer: &mut [u8]) -> usize {
            let Some(Act::Come(bytes)) = self.acts.front_mut() else { return 0 };
            let n = bytes.len().min(buffer.len());
            buffer[..n].copy_from_slice(&bytes[..n]);
            bytes.drain(..n);
            if bytes.is_empty() {
                self.acts.pop_front();
            }
            n
        }
    }

    impl Source for Script {
        fn recv(&mut self, buffer: &mut [u8], _: Part) -> io::Result<usize> {
            while self.acts.front() == Some(&Act::Pause) {
                self.acts.pop_front();
            }
            match self.acts.front() {
                Some(Act::Stall) => Err(io::ErrorKind::TimedOut.into()),
                _ => Ok(self.take(buffer)),
            }
        }

        fn recv_within(&mut self, buffer: &mut [u8], _: Part, _: Duration) -> io::Result<Option<usize>> {
            match self.acts.front() {
                Some(Act::Pause | Act::Stall) => Ok(None),
                _ => Ok(Some(self.take(buffer))),
            }
        }

        fn incoming(&mut self, _: Text) {}
    }

    impl Channel for Script {
        fn outgoing(&mut self, _: Text) {}

        fn send_all(&mut self, bytes: &[u8], _: Part) -> io::Result<()> {
            self.sent.extend_from_slice(bytes);
            Ok(())
        }

        fn half_close(&mut self) -> io::Result<()> {
            self.closed = true;
            Ok(())
        }

        fn body_begins(&mut self) {
            let len = |act: &Act| if let Act::Come(bytes) = act { bytes.len() } else { 0 };
            self.body = Some(self.acts.iter().map(len).sum());
        }
    }

    fn outputs(stderr: &str, stdout: &str) -> Outputs {
        Outputs { stderr: stderr.as_bytes().to_vec(), stdout: stdout.as_bytes().to_vec() }
    }

    fn manner(framed: Framed) -> Manner {
        Manner { framed, both: false, settle: SETTLE }
    }

    fn terms(framed: Framed, last: bool) -> Terms {
        Terms { framed, limits: LIMITS, settle: SETTLE, last }
    }

    fn label() -> Text {
        Text::same("answer")
    }

    /// An answer as the server sends it to a client that acknowledges.
    fn wire(framed: Framed, outputs: Outputs) -> Vec<u8> {
        let mut script = Script::bytes(READY);
        send(&mut script, manner(framed), outputs, &label()).expect("sent");
        script.sent
    }

    fn took(script: &mut Script, terms: &Terms) -> Result<(Vec<u8>, Ending)> {
        let mut body = Vec::new();
        let (length, end) = receive(script, terms, &label(), |bytes| body.extend_from_slice(bytes))?;
        assert_eq!(length, body.len());
        Ok((body, end))
    }

    fn trouble(framed: Framed, bytes: &[u8]) -> Trouble {
        took(&mut Script::bytes(bytes), &terms(framed, true)).expect_err("no answer")
    }

    /// Numbers that are the same on every run.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, n: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as usize % n
        }
    }

    /// The parts of an answer, between which a server may pause: the length's end is one in `ack`, where the server
    /// waits there.
    fn parts(framed: Framed, bytes: &[u8], body: usize) -> Vec<Vec<u8>> {
        let (header, body) = bytes.split_at(bytes.len() - body);
        match framed {
            Framed::Json => vec![header[..4].to_vec(), header[4..].to_vec(), body.to_vec()],
            _ => vec![header.to_vec(), body.to_vec()],
        }
    }

    #[test]
    fn an_answer_is_whole_however_it_is_delivered() {
        let mut dice = Dice(20_240_917);
        let long = "粘包 ".repeat(3000);
        for framed in FRAMINGS {
            for body in ["", "x", "1024\n", "{\"data_size\": 3}", long.as_str()] {
                let bytes = wire(framed, outputs("", body));
                let parts = parts(framed, &bytes, body.len());
                let single = |part: &Vec<u8>| part.iter().map(|&b| Act::Come(vec![b])).collect::<Vec<_>>();
                let whole = |part: &Vec<u8>| vec![Act::Come(part.clone())];
                let mut random = |part: &Vec<u8>| {
                    let size = 1 + dice.below(40);
                    part.chunks(size).map(|piece| Act::Come(piece.to_vec())).collect::<Vec<_>>()
                };
                let mut ways: Vec<Vec<Vec<Act>>> = vec![
                    parts.iter().map(single).collect(),
                    parts.iter().map(whole).collect(),
                    parts.iter().map(&mut random).collect(),
                ];
                for way in &mut ways {
                    let mut acts: Vec<Act> = way.join(&Act::Pause);
                    acts.retain(|act| *act != Act::Come(Vec::new()));
                    for last in [true, false] {
                        if framed == Framed::None && !last && body.is_empty() {
                            continue;
                        }
                        let mut script = Script::new(acts.clone());
                        let (got, _) = took(&mut script, &terms(framed, last)).expect("an answer");
                        assert_eq!(String::from_utf8(got).unwrap(), body, "{framed:?} {acts:?}");
                        assert_eq!(script.sent, if framed == Framed::Ack { READY } else { b"" });
                        assert_eq!(script.closed, framed == Framed::Ack && last);
                    }
                }
            }
        }
    }

    #[test]
    fn counted_answers_do_not_mind_pauses_anywhere() {
        for framed in [Framed::I32Le, Framed::Json] {
            let bytes = wire(framed, outputs("", "hello"));
            let acts = bytes.iter().flat_map(|&b| [Act::Pause, Act::Come(vec![b])]);
            let mut script = Script::new(acts.chain([Act::Come(b"the next".to_vec())]));
            assert_eq!(took(&mut script, &terms(framed, false)).unwrap(), (b"hello".to_vec(), Ending::Counted));
            assert_eq!(script.acts, [Act::Come(b"the next".to_vec())], "not a byte beyond is read");
        }
    }

    /// A long body may take its time as a whole; its header may not.
    #[test]
    fn a_body_begins_behind_its_header() {
        for framed in [Framed::Ack, Framed::I32Le, Framed::Json] {
            let acts = parts(framed, &wire(framed, outputs("", "hello")), 5).into_iter().map(Act::Come);
            let mut script = Script::new(acts.flat_map(|act| [act, Act::Pause]));
            took(&mut script, &terms(framed, true)).expect("an answer");
            assert_eq!(script.body, Some(5), "{framed:?}");
        }
    }

    /// What the framings cannot do, held fast: a pause is taken for the end.
    #[test]
    fn unframed_texts_end_where_the_stream_is_silent() {
        let mut script = Script::new([Act::Come(b"hel".to_vec()), Act::Pause, Act::Come(b"lo".to_vec())]);
        assert_eq!(took(&mut script, &terms(Framed::None, false)).unwrap(), (b"hel".to_vec(), Ending::Quiet));
        let mut script = Script::new([Act::Come(b"1".to_vec()), Act::Pause, Act::Come(b"2hello worlds".to_vec())]);
        assert_eq!(took(&mut script, &terms(Framed::Ack, false)).unwrap().0, b"2", "1 of 12 was read as a length");
        assert_eq!(took(&mut Script::new([Act::Stall]), &terms(Framed::None, false)).unwrap().1, Ending::Silence);
        let mut script = Script::new([Act::Come(b"hel".to_vec()), Act::Pause, Act::Come(b"lo".to_vec())]);
        assert_eq!(took(&mut script, &terms(Framed::None, true)).unwrap(), (b"hello".to_vec(), Ending::Stream));
    }

    #[test]
    fn known_acknowledgements_are_read_exactly_and_others_until_silence() {
        let read = |acts: Vec<Act>| {
            let mut script = Script::new(acts);
            let word = acknowledgement(&mut script, SETTLE).expect("an acknowledgement");
            (String::from_utf8(word).unwrap(), script.acts.into_iter().collect::<Vec<_>>())
        };
        let come = |text: &str| Act::Come(text.as_bytes().to_vec());
        assert_eq!(read(vec![come("recv_readyecho b")]), ("recv_ready".to_owned(), vec![come("echo b")]));
        assert_eq!(read(vec![come("okls"), Act::Stall]), ("ok".to_owned(), vec![come("ls"), Act::Stall]));
        let single = "recv_ready".chars().flat_map(|c| [Act::Pause, come(&c.to_string())]);
        assert_eq!(read(single.collect()), ("recv_ready".to_owned(), vec![]));
        for word in ["准备好了", "1", "received", "ready", "OK"] {
            let rest = vec![Act::Pause, come("next")];
            assert_eq!(read([vec![come(word)], rest.clone()].concat()), (word.to_owned(), rest));
        }
        assert_eq!(read(vec![come("re")]).0, "re", "the stream ended: it was all");
        let half = |bytes: &[u8]| Act::Come(bytes.to_vec());
        assert_eq!(read(vec![half(b"\xe5\xa5"), Act::Pause, half(b"\xbd")]).0, "好");
        assert_eq!(acknowledgement(&mut Script::default(), SETTLE).unwrap_err().kind, "ended");
        let endless = acknowledgement(&mut Script::bytes(&[b'x'; 3000]), SETTLE).unwrap_err();
        assert_eq!(endless.kind, "oversize");
    }

    #[test]
    fn the_body_waits_for_the_acknowledgement() {
        let mut script = Script::default();
        assert_eq!(send(&mut script, manner(Framed::Ack), outputs("e", "o"), &label()).unwrap_err().kind, "ended");
        assert_eq!(script.sent, b"2");
    }

    #[test]
    fn the_wire_has_the_documents_bytes() {
        let both = || outputs("err\n", "out\n");
        assert_eq!(wire(Framed::None, both()), b"err\nout\n");
        assert_eq!(wire(Framed::Ack, both()), b"8err\nout\n");
        assert_eq!(wire(Framed::I32Le, both()), b"\x08\0\0\0err\nout\n");
        assert_eq!(wire(Framed::Json, both()), b"\x10\0\0\0{\"data_size\": 4}err\n");
        assert_eq!(wire(Framed::Json, outputs("", "out\n")), b"\x10\0\0\0{\"data_size\": 4}out\n");
        assert_eq!(manner(Framed::Json).leaves_out(&both()), 4);
        assert_eq!(manner(Framed::Json).leaves_out(&outputs("", "out\n")), 0);
        let mut script = Script::default();
        let all = Manner { both: true, ..manner(Framed::Json) };
        assert_eq!(all.leaves_out(&both()), 0);
        send(&mut script, all, both(), &label()).unwrap();
        assert_eq!(script.sent, b"\x1d\0\0\0{\"data_size\": 8, \"stderr\": 4}err\nout\n");
    }

    #[test]
    fn lengths_are_not_believed() {
        let length = |n: i32| n.to_le_bytes().to_vec();
        assert_eq!(trouble(Framed::I32Le, &length(-1)).kind, "negative");
        assert_eq!(trouble(Framed::I32Le, &length(i32::MAX)).kind, "oversize");
        assert_eq!(took(&mut Script::bytes(&length(0)), &terms(Framed::I32Le, true)).unwrap().0, b"");
        assert_eq!(trouble(Framed::Json, &length(-1)).kind, "negative");
        assert_eq!(trouble(Framed::Json, &length(i32::MAX)).kind, "oversize");
        assert_eq!(trouble(Framed::Json, &length(0)).kind, "syntax");
        assert_eq!(trouble(Framed::Ack, b"-1").kind, "syntax");
        assert_eq!(trouble(Framed::Ack, b"2147483647").kind, "oversize");
        assert_eq!(trouble(Framed::Ack, &[b'9'; 1024]).kind, "oversize");
        assert_eq!(trouble(Framed::Ack, &[b'9'; 100_000]).kind, "oversize");
        assert_eq!(took(&mut Script::bytes(b"0"), &terms(Framed::Ack, true)).unwrap().0, b"");
        assert_eq!(trouble(Framed::None, &vec![b'x'; LIMITS.body + 1]).kind, "oversize");
    }

    #[test]
    fn a_promise_that_is_not_kept_is_told_with_both_numbers() {
        assert_eq!(
            trouble(Framed::I32Le, b"\x05\0\0\0hel").text.en,
            "while receiving the answer: the stream ended inside a body: 3 of 5 bytes"
        );
        assert_eq!(trouble(Framed::Ack, b"5").kind, "eof-in-body");
        assert_eq!(trouble(Framed::Json, b"\x10\0\0\0{\"data_size\": 4}err").kind, "eof-in-body");
        assert_eq!(trouble(Framed::Json, b"\x10\0\0\0{\"data").kind, "eof-in-header");
        assert_eq!(trouble(Framed::I32Le, b"\x05\0").kind, "eof-in-header");
        for framed in [Framed::Ack, Framed::I32Le, Framed::Json] {
            assert_eq!(trouble(framed, b"").kind, "ended", "{framed:?}");
            let stalled = took(&mut Script::new([Act::Stall]), &terms(framed, false)).unwrap_err();
            assert_eq!(stalled.kind, "timeout", "{framed:?}");
        }
        assert_eq!(took(&mut Script::default(), &terms(Framed::None, false)).unwrap_err().kind, "ended");
    }

    #[test]
    fn json_that_is_none_says_so() {
        let kind = |json: &str| {
            let header = [(json.len() as i32).to_le_bytes().to_vec(), json.as_bytes().to_vec()].concat();
            trouble(Framed::Json, &header).kind
        };
        for json in [
            "{",
            "[1]",
            "\"data_size\"",
            "{}",
            "{\"data_size\": \"5\"}",
            "{\"data_size\": 1.5}",
            "{\"data_size\": null}",
        ] {
            assert_eq!(kind(json), "syntax", "{json}");
        }
        assert_eq!(kind("{\"data_size\": -1}"), "negative");
        assert_eq!(kind("{\"data_size\": 99999999999999999999}"), "syntax");
        assert_eq!(kind("{\"data_size\": 2147483647}"), "oversize");
        assert_eq!(kind(&"[".repeat(100_000)), "oversize", "longer than a header may be");
    }

    /// A server's thread has 512 KiB of stack.
    #[test]
    fn deep_json_is_an_error_and_no_end_of_the_stack() {
        let deep = || {
            for json in ["[".repeat(60_000), "{\"a\":".repeat(12_000)] {
                let header = [(json.len() as i32).to_le_bytes().to_vec(), json.into_bytes()].concat();
                assert_eq!(trouble(Framed::Json, &header).kind, "syntax");
            }
            assert!(json::parse("[".repeat(100_000).as_bytes()).is_err());
        };
        std::thread::Builder::new().stack_size(512 << 10).spawn(deep).expect("a thread").join().expect("no overflow");
    }

    #[test]
    fn another_protocol_is_recognised() {
        let hint = |framed: Framed, bytes: &[u8]| trouble(framed, bytes).hint.map(|hint| hint.en.into_owned());
        let question = |framed: Framed| Some(suggestion(framed).en.into_owned());
        for (server, client) in [
            (Framed::None, Framed::Ack),
            (Framed::None, Framed::I32Le),
            (Framed::None, Framed::Json),
            (Framed::I32Le, Framed::Ack),
            (Framed::I32Le, Framed::Json),
            (Framed::Json, Framed::Ack),
        ] {
            let bytes = wire(server, outputs("", "hello, world\n"));
            assert_eq!(hint(client, &bytes), question(server), "{client:?} reads {server:?}");
        }
        for client in [Framed::I32Le, Framed::Json] {
            assert_eq!(hint(client, b"1024"), question(Framed::Ack));
        }
        assert_eq!(mistaken(b"{\"data_size\": 12}"), Some(Framed::Json));
        assert_eq!(mistaken(&wire(Framed::Json, outputs("", "hello"))), Some(Framed::Json));
        assert_eq!(mistaken(&wire(Framed::I32Le, outputs("", "hello"))), Some(Framed::I32Le));
        assert_eq!(mistaken(b"hello"), None);
        assert_eq!(mistaken("粘包".as_bytes()), None);
    }
}
