//! What every server does: listen on loopback unless told otherwise, give each client a thread of its own, bear
//! so much and no more, and log one line for what matters.

use super::Bounds;
use super::connection::{Connection, HangUp};
use super::console::Console;
use super::datagram_socket::DatagramSocket;
use super::trouble::{Result, Trouble, cannot_listen};
use crate::exit::Exit;
use crate::net::recorded::address;
use crate::net::waker::Waker;
use crate::say;
use crate::sys::descriptors::{self, raise_open_files};
use crate::sys::port;
use crate::sys::wait;
use crate::text::{Text, excerpt, grouped};
use crate::trace::{EndName, Role};
use serde_json::json;
use socket2::{Domain, Protocol, Socket, Type};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, Scope};
use std::time::Duration;

/// One client of a server.
pub struct Client<'a> {
    /// Its connection.
    pub conn: Connection<'a>,
    /// What the server bears.
    pub bounds: Bounds,
    /// Its number, from 1, in the order of connecting.
    pub number: u64,
    /// Its address.
    pub address: SocketAddr,
}

impl Client<'_> {
    /// One line of the server's log.
    pub fn log(&self, text: &Text) {
        log(self.conn.console(), Some(self.address), text);
    }
}

/// One line of the server's log: who, and what.
pub fn log(console: &Console, client: Option<SocketAddr>, text: &Text) {
    let who = Text::same(client.map_or_else(|| "-".to_owned(), |a| a.to_string()));
    let line = Text::new("{}  {}", "{}  {}").with(&who).with(text);
    let text = text.to(console.style().lang);
    let name = client.map(|a| a.to_string());
    console.line_of(client, &line, &json!({ "type": "log", "client": name, "message": text }));
}

/// Not a peer's refusal, but this machine: no memory just now, or no network. It may pass.
pub fn cannot_receive(console: &Console, error: &io::Error) {
    let why = excerpt(&error.to_string());
    log(console, None, &say!("cannot receive: {why}", "无法接收：{why}"));
    wait::pause(Duration::from_millis(100));
}

/// Says where a server listens and how the other end reaches it; `next` has a `{}` for the address.
pub fn announce(console: &Console, address: SocketAddr, next: &Text) {
    let text = say!("listening on {address}; the other end: ", "正在监听 {address}；另一端请运行：");
    let next = next.with(&Text::same(port::reachable(address)));
    console.remark(&Text::new("{}{}", "{}{}").with(&text).with(&next));
    if console.is_json() {
        console.line(&Text::same(""), &json!({ "type": "listening", "address": address.to_string() }));
    }
}

/// The same for datagrams, with what this system cannot do.
pub fn announce_datagrams(console: &Console, socket: &DatagramSocket, at: SocketAddr, next: &Text) {
    announce(console, socket.address().unwrap_or(at), next);
    if let Some(caveat) = socket.caveat() {
        console.remark(&caveat);
    }
}

/// What lets a server of datagrams see that it is over.
///
/// # Errors
/// When no socket can be had for it.
pub(crate) fn waker(console: &Console) -> Result<Arc<Waker>> {
    let waker = Arc::new(Waker::new().map_err(|e| Trouble::local(Text::same(e.to_string())))?);
    let by_interrupt = Arc::clone(&waker);
    console.is_ended_by(move || by_interrupt.wake());
    Ok(waker)
}

/// Listens, and handles each client in a thread of its own, which opens `files` files at most, its connection's included.
///
/// # Errors
/// When it cannot listen.
pub fn listen(
    at: SocketAddr,
    bounds: &Bounds,
    files: usize,
    console: &Console,
    next: &Text,
    handle: impl Fn(&mut Client) -> Result<()> + Sync,
) -> Result<Exit> {
    raise_open_files();
    let listener = bind(at)?;
    let (open, handle) = (Open::default(), &handle);
    let address = address(listener.local_addr()).unwrap_or(at);
    console.becomes_log();
    announce(console, address, next);
    console.is_ended_by(move || wake(address));
    let bounds = &bearable(*bounds, files, console);
    let server = Server { console, bounds, address, open: &open, handle };
    std::thread::scope(|scope| {
        let ended = server.accept(scope, &listener);
        // Its threads end with their connections.
        open.hang_up();
        ended
    })
}

/// No more clients than files can be opened for: one that is let in is also served, whoever else is.
fn bearable(bounds: Bounds, files: usize, console: &Console) -> Bounds {
    /// For what the server itself opens: the one that is turned away, a list of sockets, a program.
    const ITS_OWN: usize = 10;
    let free = descriptors::free().unwrap_or(usize::MAX);
    let most = (free.saturating_sub(ITS_OWN) / files).max(1);
    if most < bounds.connections {
        let (free, asked) = (grouped(free), grouped(bounds.connections));
        console.remark(&say!(
            "at most {most} clients at the same time, not {asked}: this process may open {free} more files (ulimit -n)",
            "同时最多 {most} 个客户端，而不是 {asked} 个：这个进程还能打开 {free} 个文件（ulimit -n）"
        ));
    }
    Bounds { connections: bounds.connections.min(most), ..bounds }
}

struct Server<'s, H> {
    console: &'s Console,
    bounds: &'s Bounds,
    address: SocketAddr,
    open: &'s Open<'s>,
    handle: &'s H,
}

impl<'s, H: Fn(&mut Client) -> Result<()> + Sync> Server<'s, H> {
    fn accept<'scope>(&self, scope: &'scope Scope<'scope, 's>, listener: &Socket) -> Result<Exit> {
        let (mut number, mut well) = (0, true);
        while !self.console.over() {
            match listener.accept() {
                Ok(_) if self.console.over() => {}
                Ok((socket, from)) => {
                    (number, well) = (number + 1, true);
                    // One that has left again has no address, and its thread will see that.
                    let from = address(Ok(from)).unwrap_or(self.address);
                    self.admit(scope, socket, from, number);
                }
                // Tried again ten times a second, and told once.
                Err(e) => well &= self.trouble(&e, well),
            }
        }
        Ok(Exit::Done)
    }

    fn admit<'scope>(&self, scope: &'scope Scope<'scope, 's>, socket: Socket, address: SocketAddr, number: u64) {
        let most = self.bounds.connections;
        if self.open.count() >= most {
            // Dropping it hangs up: the documents' protocols have no word for "later".
            log(
                self.console,
                Some(address),
                &say!("turned away: {most} clients are connected", "拒绝：已有 {most} 个客户端"),
            );
            return;
        }
        let (console, bounds, open, handle, here) = (self.console, *self.bounds, self.open, self.handle, self.address);
        let end = EndName { role: Role::Server, index: u32::try_from(number).unwrap_or(u32::MAX) };
        let conn = Connection::accepted(console, socket, end, bounds.patience);
        open.enter(number, conn.hangup());
        let work = move || {
            // A panic would be a bug of ours; it must not take the other clients down.
            let served = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let mut client = Client { conn, bounds, number, address };
                if let Err(trouble) = handle(&mut client) {
                    log(console, Some(address), &trouble.text);
                }
            }));
            open.leave(number);
            if served.is_err() {
                log(
                    console,
                    Some(address),
                    &Text::new("this server failed here: a bug", "服务器在此出错：这是一个缺陷"),
                );
            }
            if console.over() {
                wake(here);
            }
        };
        // Small: what a client sends is never kept on the stack.
        if let Err(e) = Builder::new().stack_size(512 << 10).spawn_scoped(scope, work) {
            self.open.leave(number);
            self.trouble(&e, true);
        }
    }

    /// No more files, or memory, just now: what waits in the kernel's queue keeps waiting. False when it was that, and
    /// not a client that has left already: accept(2) tells what befell its connection as an error of its own.
    fn trouble(&self, error: &io::Error, tell: bool) -> bool {
        use io::ErrorKind::{
            ConnectionAborted, ConnectionReset, HostUnreachable, Interrupted, NetworkUnreachable, NotConnected,
            TimedOut,
        };
        let gone = [ConnectionAborted, ConnectionReset, HostUnreachable, NetworkUnreachable, NotConnected, TimedOut];
        if error.kind() == Interrupted || gone.contains(&error.kind()) {
            return true;
        }
        if tell {
            let why = excerpt(&error.to_string());
            log(self.console, None, &say!("cannot take a client: {why}", "无法接受客户端：{why}"));
        }
        wait::pause(Duration::from_millis(100));
        false
    }
}

/// The server is over, and waits in accept: a connection of its own lets it see that.
fn wake(server: SocketAddr) {
    let loopback: IpAddr = if server.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
    let reached = if server.ip().is_unspecified() { SocketAddr::new(loopback, server.port()) } else { server };
    // If it fails, the next client does it.
    let _ = TcpStream::connect_timeout(&reached, Duration::from_secs(1));
}

/// The connections that are open.
#[derive(Default)]
struct Open<'a>(Mutex<HashMap<u64, HangUp<'a>>>);

impl<'a> Open<'a> {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, HangUp<'a>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self) -> usize {
        self.lock().len()
    }

    fn enter(&self, number: u64, client: HangUp<'a>) {
        self.lock().insert(number, client);
    }

    fn leave(&self, number: u64) {
        self.lock().remove(&number);
    }

    fn hang_up(&self) {
        self.lock().values().for_each(HangUp::now);
    }
}

/// A listening socket. SO_REUSEADDR lets a server start again at once on Unix. On Windows it would let two servers share
/// a port, and without SO_EXCLUSIVEADDRUSE the second of two gets one that is listened at on all addresses.
fn bind(at: SocketAddr) -> Result<Socket> {
    let make = || -> io::Result<Socket> {
        let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        #[cfg(windows)]
        port::exclusive(&socket)?;
        socket.bind(&at.into())?;
        socket.listen(1024)?;
        Ok(socket)
    };
    make().map_err(|e| cannot_listen(at, &e))
}
