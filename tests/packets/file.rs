//! The capture as a file.

use super::*;

#[test]
fn the_file_holds_every_packet_once_where_it_left() {
    let mut trace = eventful();
    let late = captured(Role::Server, udp(Role::Server, b"late"));
    trace.packets.extend(dissect::packets(vec![Captured { t_us: 40, arrivals: vec![], ..late }]));
    let seen = read(&written(&trace));
    let hello = "M1 [hello] bytes 0-4, M2 header bytes 0-3 of 10";
    let rest = "M2 [冯冯] byte 4 of 10, M3 bytes 0-1459 of 4000, M4 (empty), M5 [ls: stderr] bytes 2-8 of 9";
    // In the order of time, whatever the order in the trace.
    let expected = [
        (5, 0, "arrived after 10.00 ms".to_owned(), 0),
        (10, 0, format!("dropped by the link (asked); {hello}"), 1),
        (20, 0, format!("retransmission; arrived twice, after 10.00 and 10.16 ms; {hello}"), 2),
        (30, 0, format!("dropped: the queue was full; retransmission; {rest}"), 3),
        (40, 1, "still under way when the run ended".to_owned(), 5),
        (10_020, 1, "held back; arrived after 10.04 ms".to_owned(), 4),
    ];
    let expected = expected.map(|(t_us, interface, comment, packet)| Read {
        interface,
        time: BEGAN + Duration::from_micros(t_us),
        comment: Some(comment),
        bytes: trace.packets[packet].bytes.to_vec(),
    });
    assert_eq!(seen, expected);
}

#[test]
fn the_file_names_its_maker_and_its_interfaces() {
    let file = written(&Trace { unrecorded: 12, ..eventful() });
    let mut reader = PcapNgReader::new(&file[..]).expect("a section header");
    let version = concat!("stickdemo ", env!("CARGO_PKG_VERSION"));
    let lost = "12 more packets crossed the link after the recording was full";
    let expected = [SectionHeaderOption::UserApplication(version.into()), SectionHeaderOption::Comment(lost.into())];
    assert_eq!(reader.section().options, expected);
    while reader.next_block().is_some_and(|block| block.is_ok()) {}
    assert_eq!(reader.interfaces().len(), 2);
    for (interface, name) in reader.interfaces().iter().zip(["client", "server"]) {
        assert_eq!((interface.linktype, interface.snaplen), (DataLink::RAW, 0));
        let expected = [
            InterfaceDescriptionOption::IfName(name.into()),
            InterfaceDescriptionOption::IfDescription(format!("the {name}'s end of the link {LINK}").into()),
            InterfaceDescriptionOption::IfTsResol(9),
        ];
        assert_eq!(interface.options, expected);
    }
    let whole = written(&eventful());
    let reader = PcapNgReader::new(&whole[..]).expect("a section header");
    assert_eq!(reader.section().options, [SectionHeaderOption::UserApplication(version.into())]);
}

#[test]
fn blocks_fit_whatever_the_lengths() {
    assert_eq!(blocks(&written(&Trace::default())), [0x0A0D_0D0A, 1, 1]);
    for len in 0..9 {
        let mut trace = eventful();
        trace.packets = dissect::packets(vec![captured(Role::Client, udp(Role::Client, &vec![1; len]))]);
        trace.packets[0].spans = vec![span(5, 0, 9, Part::Body)];
        trace.messages[4].label = Some(Text::same("x".repeat(len)));
        let file = written(&trace);
        assert_eq!(blocks(&file), [0x0A0D_0D0A, 1, 1, 6]);
        let comment = format!("arrived after 0.01 ms; M5 [{}] bytes 0-8", "x".repeat(len));
        assert!(read(&file).iter().all(|packet| packet.comment.as_deref() == Some(&comment)));
    }
}

#[test]
fn a_comment_fits_its_option() {
    let mut trace = eventful();
    trace.packets.truncate(1);
    trace.packets[0].spans = vec![span(1, 0, 5, Part::Body); 2000];
    let comment = read(&written(&trace)).remove(0).comment.expect("a comment");
    assert!(comment.ends_with("M1 [hello] bytes 0-4, and 1968 more"), "{comment}");

    trace.messages[0].label = Some(Text::same("粘".repeat(30_000)));
    let file = written(&trace);
    blocks(&file);
    let comment = read(&file).remove(0).comment.expect("a comment");
    // As many whole characters as fit.
    assert!(comment.ends_with('粘') && (65_533..=65_535).contains(&comment.len()), "{}", comment.len());
}

#[test]
fn bytes_that_are_no_text_are_not_shown_as_text() {
    let mut trace = eventful();
    for body in [&b"\x00\x01"[..], b"\xff\xfe", &[b'x'; 25]] {
        trace.messages[0] = message(1, body, 0, None);
        trace.packets[1].spans = vec![span(1, 0, body.len(), Part::Body)];
        let comment = read(&written(&trace)).remove(1).comment.expect("a comment");
        assert_eq!(comment, format!("dropped by the link (asked); M1 bytes 0-{}", body.len() - 1));
    }
}
