//! What is left of a run afterwards.

use super::*;

const ENDS: [End; 3] = [End::Normal, End::Signal(libc::SIGINT), End::Signal(libc::SIGKILL)];

/// Does the process have its wire (every name on the way to the binary replaces itself by the next)?
fn carries(process: u32) -> bool {
    let Ok(tasks) = fs::read_dir(format!("/proc/{process}/task")) else { return false };
    let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).ok();
    tasks.flatten().filter_map(name).any(|name| name == "wire\n")
}

#[test]
fn no_process_and_no_file_is_left() {
    for place in [ROOT, ORDINARY] {
        for end in ENDS {
            let ground = Ground::new();
            let old = ground.file("old.pcapng");
            fs::write(&old, "old").expect("a file");
            fs::set_permissions(&old, fs::Permissions::from_mode(0o666)).expect("ours");
            let command = ground.command(place, &["tcp-naive", "--link", end.link(), "--pcap", &old]);
            // The process that found out what works is gone by then.
            let code = ended(command, end, |process| carries(process) && ground.processes().len() == 1);
            assert_eq!((code, ground.processes()), (end.code(), vec![]), "{place:?} {end:?}");
            let kept = fs::read(&old).is_ok_and(|text| text == b"old");
            assert_eq!(kept, end != End::Normal, "{place:?} {end:?}");
            if end != End::Signal(libc::SIGKILL) {
                assert_eq!(ground.left(), ["old.pcapng"], "{place:?} {end:?}");
            }
        }
    }
}

/// A user namespace in which only so many network namespaces may be at a time.
struct Limited {
    holder: Child,
}

impl Limited {
    fn new(limit: u32) -> Limited {
        let script = format!("echo {limit} > /proc/sys/user/max_net_namespaces; echo ready; exec cat");
        let mut holder = Command::new("unshare");
        holder.args(["-Ur", "sh", "-ec", &script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = holder.spawn().expect("unshare");
        let mut ready = [0; 6];
        std::io::Read::read_exact(holder.stdout.as_mut().expect("stdout"), &mut ready).expect("its word");
        Limited { holder }
    }

    fn enter(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        inside.args(["--preserve-credentials", "-U", "-t", &self.holder.id().to_string()]);
        inside.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
        inside
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// The kernel counts network namespaces: where there may be few at a time, run after run works only if each takes
/// its own with it. They are taken down behind the program's back, so that a run may have to be tried again.
#[test]
fn no_network_namespace_is_left() {
    let ground = Ground::new();
    let place = Place { ordinary: !is_root(), ..ROOT };
    let run = |limited: &Limited, end: End| {
        let command = ground.command(place, &["tcp-naive", "--link", end.link()]);
        ended(limited.enter(&command), end, carries)
    };
    // Two hosts, and the two of the run before.
    let limited = Limited::new(4);
    for end in ENDS {
        for n in 0..5 {
            assert!(wait::until(SOON, || run(&limited, end) == end.code()), "run {n} to {end:?}");
        }
    }
    assert_eq!(run(&Limited::new(1), End::Normal), Some(3), "with one too few it does not work");
}

#[test]
fn the_machines_own_network_is_as_it_was() {
    let ground = Ground::new();
    let before = network();
    assert!(
        before.iter().any(|line| line.contains("tcp_timestamps")) && before.iter().any(|line| line.contains(" lo"))
    );
    for place in [ROOT, ORDINARY] {
        for mounts in [None, Some(TUN_ABSENT)] {
            let place = mounts.map_or(place, |mounts| Place { world: World::Mounted(mounts), ..place });
            ground.holds(place, &["tcp-naive", "--link", "rtt=2ms,timestamps=on"]);
            ended(ground.command(place, &["tcp-naive", "--link", "rtt=4s"]), End::Signal(libc::SIGKILL), carries);
        }
    }
    let after = network();
    let changed: Vec<&String> = before.symmetric_difference(&after).collect();
    assert!(changed.is_empty(), "{changed:#?}");
}

/// Under way in its own namespaces the program cannot be seen from here either.
#[test]
fn while_it_runs_nothing_is_seen_outside() {
    let ground = Ground::new();
    let before = network();
    let command = ground.command(ROOT, &["tcp-naive", "--link", "rtt=4s"]);
    let during = |process| carries(process).then(network);
    let seen = std::cell::RefCell::new(None);
    ended(command, End::Signal(libc::SIGINT), |process| {
        *seen.borrow_mut() = during(process);
        seen.borrow().is_some()
    });
    assert_eq!(seen.into_inner(), Some(before));
}
