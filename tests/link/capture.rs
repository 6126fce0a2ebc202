//! The capture, read by others, and what a run over the link says.

use super::*;

fn fields(file: &str, names: &[&str]) -> Vec<Vec<String>> {
    let mut args = vec!["-T", "fields", "-E", "occurrence=f"];
    args.extend(names.iter().flat_map(|name| ["-e", name]));
    tshark(file, &args).iter().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// That tshark reads every packet of a file as we do; returns them.
fn read_alike(file: &str) -> Vec<Packet> {
    let ours = packets(file);
    let theirs = fields(file, &NUMBERS);
    for (n, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        // An ICMP error quotes a packet, which tshark reads, too: what it finds there is not the packet's own.
        let is_icmp = matches!(ours.content, Content::Icmp { .. });
        let of_it = if is_icmp { 6..7 } else { 0..NUMBERS.len() };
        assert_eq!(numbers(ours)[of_it.clone()], theirs[of_it], "{file}, packet {}", n + 1);
    }
    assert_eq!(ours.len(), theirs.len(), "{file}");
    assert_eq!(tshark(file, &["-Y", "_ws.malformed"]), [""; 0], "{file}");
    ours
}

#[test]
fn wireshark_reads_what_we_read_and_finds_nothing_wrong() {
    let ground = Ground::new();
    for id in ["tcp-naive", "tcp-nagle", "tcp-split", "tcp-close", "udp-boundaries", "udp-no-server", "fix-json-header"]
    {
        let file = ground.file(id);
        ground.holds(ROOT, &[id, "--link", QUICK, "--pcap", &file]);
        assert!(read_alike(&file).len() > 5, "{id}");
        let wrong = "tcp.analysis.retransmission || tcp.analysis.out_of_order || tcp.analysis.lost_segment || \
                     tcp.analysis.ack_lost_segment || tcp.analysis.duplicate_ack";
        assert_eq!(tshark(&file, &["-Y", wrong]), [""; 0], "{id}");
    }
}

#[test]
fn what_is_lost_comes_again_for_both_readers() {
    let ground = Ground::new();
    for (id, fault) in [("tcp-naive", "drop=1"), ("tcp-split", "drop=2")] {
        let file = ground.file(id);
        ground.run(ROOT, &[id, "--link", &format!("{QUICK},{fault}"), "--pcap", &file]);
        let again: Vec<Packet> =
            read_alike(&file).into_iter().filter(|p| p.segment().is_some_and(|s| s.retransmission)).collect();
        assert_eq!(again.len(), 1, "{id}");
        let sequence = again[0].segment().map_or(0, |segment| segment.seq);
        let comments = tshark(
            &file,
            &["-Y", &format!("tcp.len > 0 && tcp.seq == {sequence}"), "-T", "fields", "-e", "frame.comment"],
        );
        let [lost, again] = &comments[..] else { panic!("{id}: {comments:?}") };
        assert!(lost.starts_with("dropped by the link (asked); M"), "{id}: {lost}");
        assert!(again.starts_with("retransmission; arrived after "), "{id}: {again}");
    }
}

#[test]
fn what_is_on_the_wire_is_what_the_kernel_counted() {
    let ground = Ground::new();
    for (options, lengths) in [("", [1460, 1460, 1080]), (",timestamps=on", [1448, 1448, 1104])] {
        let (spec, file) = (format!("{QUICK}{options}"), ground.file("split.pcapng"));
        let ran = ground.holds(ROOT, &["tcp-split", "--link", &spec, "--pcap", &file, "--format", "json"]);
        let data: Vec<usize> = packets(&file).iter().filter(|p| p.is_data()).map(|p| p.payload_len).collect();
        assert_eq!(data, lengths, "{spec}");
        let of_client = lines(&ran, "event").into_iter().filter(|event| event["end"] == "client");
        let counted = of_client.filter_map(|event| event["evidence"]["segments_out"].as_u64()).max();
        assert_eq!(counted, Some(data.len() as u64), "TCP_INFO's data_segs_out");
        assert_eq!(lines(&ran, "summary")[0]["bytes_sent"], data.iter().sum::<usize>());
    }
}

#[test]
fn a_gate_waits_for_what_is_on_its_way_however_slow_the_link() {
    let slow = "up.delay=2500ms,down.delay=0ms,up.drop=5";
    Ground::new().holds(ROOT, &["udp-fragment", "--link", slow]);
}

#[test]
fn what_takes_longer_than_a_run_may_wait_is_said_to() {
    let ran = Ground::new().run(ROOT, &["udp-fragment", "--link", "rtt=2ms,rate=1000", "--timeout", "2s"]);
    assert_eq!(ran.code, Some(3), "{}", ran.out);
    assert!(ran.err.contains("nothing is on its way any more, without success"), "{}", ran.err);
}

#[test]
fn a_capture_is_whole_or_the_old_one_stays() {
    let ground = Ground::new();
    let args =
        |file: &str| ["tcp-naive", "--link", QUICK, "--pcap"].map(str::to_owned).into_iter().chain([file.to_owned()]);
    let run = |file: &str, more: &[&str]| {
        let args: Vec<String> = args(file).chain(more.iter().map(ToString::to_string)).collect();
        ground.run(ROOT, &args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let file = ground.file("private.pcapng");
    fs::write(&file, "old").expect("a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("for its owner alone");
    assert_eq!(run(&file, &[]).code, Some(0));
    assert!(packets(&file).len() >= 8, "handshake, data, goodbye");
    assert_eq!(fs::metadata(&file).expect("it").permissions().mode() & 0o777, 0o600);
    assert_eq!(ground.left(), ["private.pcapng"]);
    for (name, lang, words) in [
        ("/dev/full", "en", "cannot write /dev/full"),
        ("/dev/full", "zh", "无法写入 /dev/full"),
        (ground.file("none/x").as_str(), "en", "none/x"),
        ("/dev", "zh", "无法写入 /dev"),
    ] {
        let ran = run(name, &["--lang", lang]);
        assert_eq!(ran.code, Some(3), "{name}");
        assert!(ran.err.contains(words), "{}", ran.err);
    }
    // Out of a pipe, with the trace elsewhere: `stickdemo … --pcap /dev/stdout --out FILE | tshark -r -`.
    let mut piped =
        ground.command(ROOT, &["tcp-naive", "--link", QUICK, "--pcap", "/dev/stdout", "--out", "/dev/null"]);
    let output = piped.stdout(Stdio::piped()).output().expect("it starts");
    fs::write(ground.file("piped"), output.stdout).expect("a file");
    assert!(packets(&ground.file("piped")).len() >= 8);
}

#[test]
fn a_handshake_that_was_sent_again_is_no_retransmission_of_data() {
    let ground = Ground::new();
    // A SYN is sent again after one second (RFC 6298 §2.1), before its answer is there.
    let ran = ground.holds(ROOT, &["tcp-naive", "--link", "up.delay=1.1s,down.delay=0ms", "--format", "json"]);
    let again = |packet: &Value| packet["retransmission"] == true;
    assert!(lines(&ran, "packet").iter().any(again), "{}", ran.out);
    for event in lines(&ran, "event").iter().filter(|event| event["evidence"]["retransmissions"].is_u64()) {
        assert_eq!(event["evidence"]["retransmissions"], 0, "{event}");
    }
}

#[test]
fn what_udp_waited_for_in_vain_it_waited_for_as_long_as_it_says() {
    let ground = Ground::new();
    let ran = ground.run(ROOT, &["udp-boundaries", "--link", "rtt=2ms,loss=100%", "--format", "json"]);
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(ran.err.contains("waited 1.008s for a datagram"), "{}", ran.err);
    let receives = lines(&ran, "event").into_iter().filter(|event| event["call"] == "recvfrom");
    let waited = receives.map(|event| event["end_us"].as_u64().zip(event["t_us"].as_u64()).map_or(0, |(a, b)| a - b));
    let longest = waited.max().expect("a receive");
    // Ten seconds is how long a run waits for what must come.
    assert!((1_008_000..8_000_000).contains(&longest), "{longest}");
}

#[test]
fn a_blocking_send_that_we_end_ourselves_is_not_told_as_one_that_took_a_part() {
    let ground = Ground::new();
    // 256 KiB through a window of a few, 100 ms each: some ten seconds.
    let ran = ground.run(ROOT, &["tcp-partial-send", "--link", "rtt=100ms", "--timeout", "2s"]);
    assert_eq!(ran.code, Some(3), "{}", ran.out);
    assert!(
        ran.err.contains("the run's 2s were over, and still waiting for room in the send buffer\n  the link is slow"),
        "{}",
        ran.err
    );
}

#[test]
fn wrong_usage_is_refused_with_the_place_shown() {
    let ground = Ground::new();
    let same = ground.file("same");
    let cases: [(&[&str], &str, &str); 6] = [
        (&["--link", "rtt=2ms,mut=1500"], "mtu?\n\n  rtt=2ms,mut=1500\n          ^^^\n", "mtu"),
        (&["--link", "--as", "server"], "two ends here", "两端"),
        (&["--link", "--as", "client", "--connect", "127.0.0.1:9"], "two ends here", "两端"),
        (&["--pcap", &same], "add --link", "请加 --link"),
        (&["--link", "--pcap", &same, "--repeat", "2"], "leave --repeat away", "去掉 --repeat"),
        (&["--link", "--pcap", &same, "--out", &same], "the same file", "同一个文件"),
    ];
    for (args, en, zh) in cases {
        for (lang, words) in [("en", en), ("zh", zh)] {
            let ran = ground.run(ROOT, &[&["tcp-naive"], args, &["--lang", lang]].concat());
            assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{args:?}");
            assert!(ran.err.contains(words), "{args:?}: {}", ran.err);
        }
    }
    assert_eq!(ground.left(), [""; 0]);
}
