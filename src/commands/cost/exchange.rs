//! The two ends of each protocol, as the documents have them: the client sends, the server receives.

use super::terms::{Fix, Load};
use crate::framing::decimal::{self, NotALength};
use crate::framing::json::Json;
use crate::framing::protocols::{self, Moment, READY, Reason};
use crate::framing::{Framing, I32_LE, Limits, whole_body};
use crate::net::{Conn, End, NetError, Outgoing};
use crate::text::Text;

/// Sends one message and does what must be done before the next.
pub(super) type SendFn = fn(&End, &Conn, &Load, &Outgoing) -> anyhow::Result<()>;
/// Receives one message, and tells the sender where that waits for it.
pub(super) type ReceiveFn = fn(&Conn, &Load) -> anyhow::Result<()>;

/// A sender and the receiver that goes with it.
#[derive(Clone, Copy)]
pub(super) struct Exchange {
    /// The protocol.
    pub fix: Fix,
    /// What the sender does for each message.
    pub send: SendFn,
    /// What the receiver does.
    pub receive: ReceiveFn,
}

/// The longest header a receiver takes, in bytes.
const MAX_HEADER: usize = 1024;
/// What the documents receive a length with.
const RECV: usize = 1024;
/// The receiver stands ready, and the clock may start.
const ACCEPTED: &str = "accepted";

impl Exchange {
    /// The documents' pair.
    pub(super) fn of(fix: Fix) -> Exchange {
        let (send, receive): (SendFn, ReceiveFn) = match fix {
            Fix::LockStep => (send_and_wait, receive_and_reply),
            Fix::Sleep => (send_with_sleep, |conn, load| receive_counted(conn, load, None)),
            Fix::Ack => (send_with_ack, |conn, load| receive_counted(conn, load, Some(READY))),
            Fix::I32Le => (send_header_and_body, |conn, load| receive_framed(conn, load, &I32_LE)),
            Fix::Json => (send_json, |conn, load| receive_framed(conn, load, &Json)),
        };
        Exchange { fix, send, receive }
    }

    /// The sender.
    pub(super) fn client(&self, end: &End, load: &Load) -> anyhow::Result<()> {
        let conn = end.tcp().connect()?;
        end.pass(ACCEPTED, Text::new("until the receiver is ready", "等到接收方就绪"))?;
        for n in 0..load.messages {
            (self.send)(end, &conn, load, &self.message(end, load, n)?)?;
        }
        // The receiver hangs up when it has all.
        while !conn.recv(RECV)?.is_empty() {}
        Ok(conn.close()?)
    }

    /// The receiver.
    pub(super) fn server(&self, end: &End, load: &Load) -> anyhow::Result<()> {
        let conn = end.tcp().listen()?.accept()?;
        end.open(ACCEPTED);
        for _ in 0..load.messages {
            (self.receive)(&conn, load)?;
        }
        Ok(conn.close()?)
    }

    fn message(&self, end: &End, load: &Load, n: u32) -> anyhow::Result<Outgoing> {
        let body = body(load.size, n);
        let header = match self.fix {
            Fix::LockStep => Vec::new(),
            Fix::Sleep | Fix::Ack => decimal::header(body.len()),
            Fix::I32Le => I32_LE.header(&body).map_err(Text::from)?,
            Fix::Json => Json.header(&body).map_err(Text::from)?,
        };
        Ok(end.framed([header.as_slice(), &body].concat(), header.len(), None))
    }
}

/// Letters, others in every message: behind a decimal length they cannot pass for more of its digits.
fn body(size: usize, n: u32) -> Vec<u8> {
    (0..size).map(|at| b'a' + ((at + n as usize) % 26) as u8).collect()
}

fn await_word(conn: &Conn) -> anyhow::Result<()> {
    match conn.recv(RECV)?.is_empty() {
        true => Err(Text::new("the receiver hung up", "接收方挂断了").into()),
        false => Ok(()),
    }
}

fn send_and_wait(_: &End, conn: &Conn, _: &Load, message: &Outgoing) -> anyhow::Result<()> {
    conn.send_message(message)?;
    await_word(conn)
}

/// One recv a message, with room for all of it: right as long as a single one is under way, and comes in one piece.
fn receive_and_reply(conn: &Conn, load: &Load) -> anyhow::Result<()> {
    let message = conn.recv(load.size.max(RECV))?;
    conn.deliver(&message);
    conn.send(READY)?;
    Ok(())
}

fn send_with_sleep(end: &End, conn: &Conn, load: &Load, message: &Outgoing) -> anyhow::Result<()> {
    conn.send_all(message.header())?;
    end.pause(load.gap)?;
    Ok(conn.send_all(message.body())?)
}

fn send_with_ack(_: &End, conn: &Conn, _: &Load, message: &Outgoing) -> anyhow::Result<()> {
    conn.send_all(message.header())?;
    await_word(conn)?;
    Ok(conn.send_all(message.body())?)
}

/// Behind a length there are letters only: what is not a digit is the body's.
fn told(error: NotALength) -> Text {
    match error {
        NotALength::NotADigit { .. } => {
            Text::new("length and body came out of one recv", "长度和正文从同一次 recv 里取出")
        }
        other => other.text(),
    }
}

/// One recv for the length, as the documents do; the body exactly.
fn receive_counted(conn: &Conn, load: &Load, word: Option<&[u8]>) -> anyhow::Result<()> {
    let length = decimal::parse(&conn.recv(RECV)?, load.size).map_err(told)?;
    if let Some(word) = word {
        conn.send(word)?;
    }
    receive_body(conn, length)
}

fn send_header_and_body(_: &End, conn: &Conn, _: &Load, message: &Outgoing) -> anyhow::Result<()> {
    conn.send_all(message.header())?;
    Ok(conn.send_all(message.body())?)
}

fn receive_framed(mut conn: &Conn, load: &Load, framing: &impl Framing) -> anyhow::Result<()> {
    let limits = Limits { header: MAX_HEADER, body: load.size };
    let length = protocols::header(&mut conn, framing, &limits, Moment::Header);
    let length = length.map_err(|stopped| failed(*stopped.reason))?;
    receive_body(conn, length)
}

/// A failed call as the socket told it, to be judged.
fn failed(reason: Reason) -> anyhow::Error {
    match reason {
        Reason::Call(error) => error.downcast::<NetError>().map_or_else(Into::into, Into::into),
        reason => reason.text().into(),
    }
}

fn send_json(_: &End, conn: &Conn, _: &Load, message: &Outgoing) -> anyhow::Result<()> {
    conn.send_all(message.part(0..I32_LE.width()))?;
    conn.send_all(message.part(I32_LE.width()..message.header_len()))?;
    Ok(conn.send_all(message.body())?)
}

fn receive_body(conn: &Conn, length: usize) -> anyhow::Result<()> {
    let body = conn.recv_exact(length, length)?;
    whole_body(&body, length).map_err(Text::from)?;
    conn.deliver(&body);
    Ok(())
}
