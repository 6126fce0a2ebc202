//! Why a run could not go on, and what to do about it.

use super::request::RunRequest;
use crate::link::spec::Spec;
use crate::net::NetError;
use crate::play::{Failure, Side};
use crate::say;
use crate::sys::port;
use crate::text::Text;
use crate::trace::Call;
use std::io;

/// What failed, why, and what to do about it.
pub(super) fn explained(request: &RunRequest, failure: &Failure) -> Text {
    let who = Text::same(failure.end.to_string());
    let text = Text::new("{}: {}", "{}：{}").with(&who).with(&failure.text());
    let Some(hint) = failure.error.downcast_ref::<NetError>().and_then(|error| hint(request, error)) else {
        return text;
    };
    Text::new("{}\n  {}", "{}\n  {}").with(&text).with(&hint)
}

fn hint(request: &RunRequest, error: &NetError) -> Option<Text> {
    use io::ErrorKind::{
        AddrInUse, AddrNotAvailable, BrokenPipe, ConnectionRefused, ConnectionReset, HostUnreachable,
        NetworkUnreachable, NotFound, PermissionDenied,
    };
    let id = request.scenario.id;
    let NetError::Call { call, address, .. } = error else { return deadline_hint(request, error) };
    match (error.kind()?, call) {
        (AddrInUse, _) => {
            let owner = address.and_then(|a| port::owner(a.port()));
            let who = owner.unwrap_or_else(|| Text::new("another program", "另一个程序"));
            Some(
                Text::new(
                    "{} has the port: choose another, or --listen 127.0.0.1:0 for any free one",
                    "端口被{}占用：换一个端口，或用 --listen 127.0.0.1:0 任选空闲端口",
                )
                .with(&who),
            )
        }
        (NotFound, Call::Process) => Some(Text::new(
            "another process is to hold the connection: the program sleep, which is not on the PATH here",
            "要由另一个进程持有连接：程序 sleep，而这里的 PATH 上没有它",
        )),
        (PermissionDenied, Call::Bind) => Some(port::forbidden()),
        (ConnectionRefused, Call::Connect) => Some(say!(
            "nobody listens there: start the other end first, stickdemo {id} --as server --listen ADDR",
            "那里没有人监听：请先启动另一端，stickdemo {id} --as server --listen 地址"
        )),
        (AddrNotAvailable | NetworkUnreachable, _) if request.side == Side::Both => Some(Text::new(
            "this machine has no working loopback; on Linux: ip link set lo up",
            "这台机器没有可用的回环接口；Linux 上请运行：ip link set lo up",
        )),
        (AddrNotAvailable, Call::Bind) => {
            Some(Text::new("that address is not one of this machine's", "那个地址不属于这台机器"))
        }
        (AddrNotAvailable | NetworkUnreachable | HostUnreachable, _) => Some(Text::new(
            "no way leads there from this machine: check the address and the network (stickdemo doctor looks at loopback)",
            "从这台机器到不了那里：请检查地址和网络（stickdemo doctor 会检查回环接口）",
        )),
        (ConnectionReset | BrokenPipe, _) if request.side != Side::Both => Some(say!(
            "the other end hung up in the middle: is it stickdemo {id}?",
            "另一端中途断开了：它运行的是 stickdemo {id} 吗？"
        )),
        _ if error.errno().is_some_and(|name| name == "EMFILE") => Some(Text::new(
            "this shell allows too few open files: ulimit -n 256",
            "这个 shell 允许打开的文件太少：ulimit -n 256",
        )),
        _ => None,
    }
}

/// What of a link can keep something from coming.
fn link_hint(link: &Spec) -> Text {
    match (link.loses(), link.doubles_or_reorders()) {
        (true, _) => Text::new(
            "the link lost it: --timeout 120s waits longer for what TCP sends again; what UDP lost does not come",
            "链路把它丢了：TCP 会重传，--timeout 120s 可以等得更久；UDP 丢了的不会再来",
        ),
        (false, true) => Text::new(
            "the link doubles or reorders: a copy may have been taken for the next message, or come out of turn",
            "链路会复制或打乱顺序：可能把副本当成了下一条消息，或者次序不对",
        ),
        (false, false) => {
            Text::new("the link is slow: --timeout 120s waits longer", "链路太慢：--timeout 120s 可以等得更久")
        }
    }
}

fn deadline_hint(request: &RunRequest, error: &NetError) -> Option<Text> {
    let id = request.scenario.id;
    match error {
        NetError::Deadline { .. } | NetError::TimeUp { .. } => {}
        NetError::TooMuch { .. } if request.side != Side::Both => {
            return Some(say!("is the other end stickdemo {id}?", "另一端运行的是 stickdemo {id} 吗？"));
        }
        NetError::TooMuch { .. } => {
            return Some(Text::new("a larger --recv-size needs fewer calls", "--recv-size 大一些，调用就少一些"));
        }
        _ => return None,
    }
    match request.side {
        Side::Both if !request.is_linked() => None,
        Side::Both => request.link.spec(&request.scenario.experiment).map(|link| link_hint(&link)),
        Side::Server(_) => Some(say!(
            "is the other end stickdemo {id}? --timeout 120s waits longer",
            "另一端运行的是 stickdemo {id} 吗？--timeout 120s 可以等得更久"
        )),
        Side::Client(_) => Some(say!(
            "does stickdemo {id} --as server run at that address? --timeout 120s waits longer",
            "那个地址上运行的是 stickdemo {id} --as server 吗？--timeout 120s 可以等得更久"
        )),
    }
}
