//! Network and user namespaces (namespaces(7)): making them, entering them, and their sysctls.

use super::interface::Interface;
use super::setup_error::{SetupError, SetupStep, Step};
use crate::link::spec::Spec;
use rustix::process::{getegid, geteuid};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};
use std::fs::File;
use std::os::fd::AsFd;

/// Moves the calling thread into a network namespace.
pub(super) fn enter(namespace: &File) -> Step<()> {
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
        .map_err(SetupError::at(SetupStep::NetNamespace))
}

/// Moves the calling thread into a new network namespace, quiet and the same on every machine.
pub(super) fn make_network(spec: &Spec) -> Step<File> {
    unshare(UnshareFlags::NEWNET, SetupStep::NetNamespace)?;
    for (name, value) in [
        // Router solicitations and the like belong to no lesson.
        ("ipv6/conf/default/disable_ipv6", "1"),
        ("ipv6/conf/all/disable_ipv6", "1"),
        ("ipv4/tcp_timestamps", if spec.timestamps { "1" } else { "0" }),
        // A tail-loss probe is one more segment whenever an ACK is late.
        ("ipv4/tcp_early_retrans", "0"),
        // What one connection learned about the path must not change the next.
        ("ipv4/tcp_no_metrics_save", "1"),
        // ICMP errors are limited to one a second except on loopback.
        ("ipv4/icmp_ratelimit", "0"),
    ] {
        // /proc/sys may be read-only: then the link is less quiet, and still true.
        let _ = std::fs::write(format!("/proc/sys/net/{name}"), value);
    }
    Interface::named("lo")?.bring_up(0)?;
    File::open("/proc/thread-self/ns/net").map_err(SetupError::at(SetupStep::NetNamespace))
}

/// Moves the process into a new user namespace in which its user and group keep their numbers: files belong to
/// whom they belonged (user_namespaces(7)).
pub(super) fn make_user() -> Step<()> {
    let (user, group) = (geteuid(), getegid());
    unshare(UnshareFlags::NEWUSER, SetupStep::UserNamespace)?;
    let write = |name: &str, text: String| {
        std::fs::write(format!("/proc/self/{name}"), text).map_err(SetupError::at(SetupStep::IdMap))
    };
    write("setgroups", "deny".into())?;
    write("uid_map", format!("{user} {user} 1"))?;
    write("gid_map", format!("{group} {group} 1"))
}

fn unshare(flags: UnshareFlags, stage: SetupStep) -> Step<()> {
    debug_assert!(!flags.contains(UnshareFlags::FILES));
    // SAFETY: only CLONE_FILES would take descriptors away from other threads, and no caller asks for it.
    unsafe { rustix::thread::unshare_unsafe(flags) }.map_err(SetupError::at(stage))
}
