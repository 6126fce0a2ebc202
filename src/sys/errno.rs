//! Names of system errors, as the manual pages and the documents write them.

use std::io;

/// The errno name of an error (`ECONNREFUSED`, on Windows `WSAECONNREFUSED`), or its number.
pub fn name(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(code) => known(code).map_or_else(|| format!("errno {code}"), str::to_owned),
        None => format!("{:?}", error.kind()),
    }
}

#[cfg(unix)]
fn known(code: i32) -> Option<&'static str> {
    macro_rules! names {
        ($($name:ident)*) => { match code { $(libc::$name => Some(stringify!($name)),)* _ => None } };
    }
    names!(EACCES EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT EAGAIN EALREADY EBADF ECONNABORTED ECONNREFUSED
        ECONNRESET EDESTADDRREQ EEXIST EFAULT EHOSTUNREACH EINPROGRESS EINTR EINVAL EISCONN EMFILE EMSGSIZE
        ENETDOWN ENETUNREACH ENFILE ENOBUFS ENODEV ENOENT ENOMEM ENOPROTOOPT ENOSPC ENOSYS ENOTCONN ENOTSOCK
        ENOTTY EOPNOTSUPP EPERM EPIPE EPROTONOSUPPORT ETIMEDOUT EUSERS)
}

/// Windows Sockets Error Codes (Microsoft Learn).
#[cfg(windows)]
fn known(code: i32) -> Option<&'static str> {
    Some(match code {
        10004 => "WSAEINTR",
        10013 => "WSAEACCES",
        10022 => "WSAEINVAL",
        10024 => "WSAEMFILE",
        10035 => "WSAEWOULDBLOCK",
        10036 => "WSAEINPROGRESS",
        10038 => "WSAENOTSOCK",
        10040 => "WSAEMSGSIZE",
        10047 => "WSAEAFNOSUPPORT",
        10048 => "WSAEADDRINUSE",
        10049 => "WSAEADDRNOTAVAIL",
        10050 => "WSAENETDOWN",
        10051 => "WSAENETUNREACH",
        10053 => "WSAECONNABORTED",
        10054 => "WSAECONNRESET",
        10055 => "WSAENOBUFS",
        10057 => "WSAENOTCONN",
        10058 => "WSAESHUTDOWN",
        10060 => "WSAETIMEDOUT",
        10061 => "WSAECONNREFUSED",
        10065 => "WSAEHOSTUNREACH",
        _ => return None,
    })
}
