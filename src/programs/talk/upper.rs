//! `serve upper`: what comes goes back in capitals (D1 §7, D3 §8).
//!
//! Over TCP this needs no message boundaries: the answer to a byte depends on that byte alone, so the pieces in which
//! the stream arrives do not matter. Few services are so lucky.

use crate::exit::Exit;
use crate::framing::protocols::Source as _;
use crate::programs::Serve;
use crate::programs::brake::Brake;
use crate::programs::console::Console;
use crate::programs::datagram_socket::{DatagramSocket, Received, Until};
use crate::programs::server::{self, Client, announce_datagrams, cannot_receive, log};
use crate::programs::trouble::{Result, Trouble};
use crate::say;
use crate::sys::errno;
use crate::text::{Text, grouped};
use crate::trace::Part;

/// Serves clients until it is interrupted.
///
/// # Errors
/// When it cannot listen.
pub fn serve(serve: &Serve, console: &Console) -> Result<Exit> {
    let next = say!("stickdemo talk {{}}", "stickdemo talk {{}}");
    server::listen(serve.listen, &serve.bounds, 1, console, &next, converse)
}

/// Sends back what a client sends, in capitals, until it leaves. A client that sends and does not read is no longer
/// read either, once the kernel's buffers are full; it costs no memory, and when it takes nothing for too long it is
/// hung up on.
///
/// # Errors
/// When the client breaks off, or is silent for too long.
fn converse(client: &mut Client) -> Result<()> {
    client.log(&Text::new("connected", "已连接"));
    let mut bytes = 0;
    let served = echo(client, &mut bytes);
    let bytes = grouped(bytes);
    match served {
        Ok(()) => client.log(&say!("left; {bytes} bytes came and went back", "已离开；收到 {bytes} 字节，全部发回")),
        Err(trouble) => return Err(trouble.at(&say!("hung up; {bytes} bytes went back", "已断开；发回 {bytes} 字节"))),
    }
    Ok(())
}

/// As Python's `bytes.upper()`: ASCII letters, and nothing else.
fn echo(client: &mut Client, bytes: &mut u64) -> Result<()> {
    let mut buffer = vec![0; 16 << 10];
    let (waiting, answering) = (Text::new("waiting for more", "等待更多数据"), Text::new("answering", "发送响应"));
    loop {
        let n = client.conn.recv(&mut buffer, Part::Body).map_err(|e| Trouble::call(&waiting, &e))?;
        if n == 0 {
            return Ok(());
        }
        buffer[..n].make_ascii_uppercase();
        client.conn.send_all(&buffer[..n], Part::Body).map_err(|e| Trouble::call(&answering, &e))?;
        *bytes += n as u64;
    }
}

/// The same with datagrams: each goes back to the address it came from, the empty ones too, within bounds.
///
/// # Errors
/// When it cannot listen.
pub fn serve_udp(serve: &Serve, console: &Console) -> Result<Exit> {
    let socket = DatagramSocket::bind(console, serve.listen)?;
    let next = Text::new("stickdemo talk {} --udp", "stickdemo talk {} --udp");
    console.becomes_log();
    announce_datagrams(console, &socket, serve.listen, &next);
    let brake = Brake::new();
    let waker = server::waker(console)?;
    while !console.over() {
        match socket.recv_from(Until::Woken(&waker), Some(Text::new("a datagram", "一个数据报"))) {
            Ok(Some(datagram)) => {
                if brake.admits(console, datagram.from.address) {
                    brake.sent(datagram.from.address, datagram.bytes.len());
                    answer(&socket, console, datagram);
                }
            }
            Ok(None) => {}
            Err(e) => cannot_receive(console, &e),
        }
    }
    Ok(Exit::Done)
}

fn answer(socket: &DatagramSocket, console: &Console, datagram: Received) {
    let Received { mut bytes, from } = datagram;
    bytes.make_ascii_uppercase();
    let n = grouped(bytes.len() as u64);
    let words = match socket.send_to(&bytes, from, Some(Text::new("its capitals", "它的大写"))) {
        Ok(()) => say!("a datagram of {n} bytes, sent back", "一个 {n} 字节的数据报，已发回"),
        Err(e) => {
            let name = errno::name(&e);
            say!("a datagram of {n} bytes, not sent back: {name}", "一个 {n} 字节的数据报，没能发回：{name}")
        }
    };
    log(console, Some(from.address), &words);
}
