//! The capture, read by Wireshark's tools.

use super::*;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What one of Wireshark's tools prints about a file; it must not complain.
fn said(tool: &str, args: &[&str], file: &Path) -> String {
    let mut command = Command::new(tool);
    // `-r FILE` of one is `FILE` of the other.
    command.args(if tool == "tshark" { &["-r"][..] } else { &[] }).arg(file).args(args);
    let output = command.output().expect("tshark is installed (apt-get install tshark)");
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    let complaint: Vec<&str> = complaint.lines().filter(|l| !l.starts_with("Running as user")).collect();
    assert!(output.status.success() && complaint.is_empty(), "{tool}: {complaint:?}");
    String::from_utf8(output.stdout).expect("text")
}

fn file(name: &str, trace: &Trace) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, written(trace)).expect("a file");
    path
}

/// Fields of every packet that is TCP's, a line each.
fn fields(file: &Path, names: &[&str]) -> Vec<Vec<String>> {
    let mut args = vec!["-o", "tcp.check_checksum:TRUE", "-Y", "tcp && !icmp", "-T", "fields"];
    args.extend(names.iter().flat_map(|name| ["-e", name]));
    said("tshark", &args, file).lines().map(|l| l.split('\t').map(str::to_owned).collect()).collect()
}

/// A scaled connection with a loss, wrapped numbers, both directions, then another between the same ports.
fn bulk() -> Vec<Captured> {
    use Role::{Client, Server};
    let connection = Connection { client: u32::MAX - 700, server: u32::MAX };
    let mut packets = vec![
        connection.offers(Client, Flags::SYN, 7),
        connection.offers(Server, SYN_ACK, 3),
        connection.sends(Client, Flags::ACK, (1, 1), b""),
    ];
    for seq in [1, 1461, 2921, 1, 1461] {
        packets.push(connection.sends(Client, PSH_ACK, (seq, 1), &[b'x'; 1460]));
        packets.push(connection.sends(Server, Flags::ACK, (1, if seq == 1 { 1461 } else { 2921 }), b""));
    }
    packets.push(connection.sends(Server, PSH_ACK, (1, 2921), b"feng"));
    packets.push(connection.sends(Client, FIN_ACK, (4381, 5), b""));
    packets.extend(conversation(&Connection { client: 5_000_000, server: 77 }));
    packets
}

fn trace(packets: Vec<Captured>) -> Trace {
    let spread = packets.into_iter().zip(0..).map(|(captured, n)| Captured {
        t_us: n * 100,
        arrivals: vec![n * 100 + 50],
        ..captured
    });
    Trace { packets: dissect::packets(spread.collect()), ..Trace::default() }
}

#[test]
fn tshark_reads_the_same_numbers() {
    let trace = trace(bulk());
    let names = ["tcp.seq", "tcp.ack", "tcp.len", "tcp.flags", "tcp.window_size", "tcp.checksum.status"];
    let seen = fields(&file("numbers.pcapng", &trace), &names);
    let line = |packet: &Packet| {
        let s = packet.segment().expect("a segment");
        let numbers = [s.seq, s.ack, packet.payload_len as u64].map(|n| n.to_string());
        let flags = [format!("0x{:04x}", s.flags.0), s.window.to_string(), "1".into()];
        [numbers, flags].concat()
    };
    assert_eq!(seen, trace.packets.iter().map(line).collect::<Vec<_>>());
}

#[test]
fn tshark_finds_the_same_retransmissions() {
    let trace = trace(bulk());
    let names = ["tcp.seq", "tcp.len", "tcp.analysis.retransmission"];
    let seen = fields(&file("retransmissions.pcapng", &trace), &names);
    let line = |packet: &Packet| {
        let s = packet.segment().expect("a segment");
        let mark = if s.retransmission { "1" } else { "" };
        vec![s.seq.to_string(), packet.payload_len.to_string(), mark.to_owned()]
    };
    assert_eq!(seen, trace.packets.iter().map(line).collect::<Vec<_>>());
    assert_eq!(seen.iter().filter(|line| line[2] == "1").count(), 2);
}

#[test]
fn tshark_sees_a_wrong_checksum_where_a_bit_was_turned() {
    let mut packets = bulk();
    let mut bytes = packets[5].bytes.to_vec();
    *bytes.last_mut().expect("bytes") ^= 1;
    packets[5].bytes = bytes.into();
    let seen = fields(&file("checksum.pcapng", &trace(packets)), &["tcp.checksum.status"]);
    let wrong: Vec<usize> = (0..).zip(&seen).filter(|(_, line)| line[0] == "0").map(|(n, _)| n).collect();
    assert_eq!(wrong, [5]);
}

#[test]
fn tshark_reads_interfaces_directions_times_and_comments() {
    let trace = eventful();
    let names = ["frame.time_epoch", "frame.interface_name", "frame.packet_flags_direction", "frame.comment"];
    let seen = fields(&file("comments.pcapng", &trace), &names);
    let expected = read(&written(&trace)).into_iter().map(|packet| {
        let name = ["client", "server"][packet.interface as usize];
        let time = format!("{}.{:09}", packet.time.as_secs(), packet.time.subsec_nanos());
        // 2: outbound.
        vec![time, name.into(), "0x00000002".into(), packet.comment.unwrap_or_default()]
    });
    assert_eq!(seen, expected.collect::<Vec<_>>());
}

#[test]
fn tshark_reassembles_the_fragments_and_finds_nothing_malformed() {
    let mut packets: Vec<Captured> =
        fragments(Role::Client, &[b'x'; 4000], 1500).into_iter().map(|p| captured(Role::Client, p)).collect();
    packets.push(captured(Role::Server, port_unreachable(&udp(Role::Client, b"hello"))));
    let file = file("fragments.pcapng", &trace(packets));
    let whole =
        said("tshark", &["-Y", "udp && !icmp", "-T", "fields", "-e", "udp.length", "-e", "ip.fragment.count"], &file);
    assert_eq!(whole.trim(), "4008\t3");
    assert_eq!(said("tshark", &["-Y", "_ws.malformed"], &file), "");
}

#[test]
fn capinfos_names_the_maker_and_counts_the_packets() {
    let trace = Trace { unrecorded: 1, ..eventful() };
    let said = said("capinfos", &[], &file("infos.pcapng", &trace));
    let value = |name: &str| said.lines().find_map(|l| l.trim().strip_prefix(name)).map(str::trim);
    assert_eq!(value("Capture application:"), Some(concat!("stickdemo ", env!("CARGO_PKG_VERSION"))), "{said}");
    assert_eq!(value("Number of packets:"), Some("5"), "{said}");
    assert!(said.contains("1 more packet crossed the link after the recording was full"), "{said}");
}
