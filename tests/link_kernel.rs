//! What Linux's TCP does on a real link, as RFC 9293 and tcp(7) say: the ground under the scenarios, seen in
//! packets, with plain sockets and none of the recording in between.
//!
//! No test harness: an ordinary user's process can get its namespaces only while it has a single thread.

#[cfg(target_os = "linux")]
fn main() {
    stickdemo::link::prepare();
    if std::env::args().any(|arg| arg == "--list") {
        return on_the_link::TESTS.iter().for_each(|(name, _)| println!("{name}: test"));
    }
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    for (name, test) in on_the_link::TESTS {
        if wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str())) {
            print!("test {name} ... ");
            test();
            println!("ok");
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("the link needs Linux");
}

#[cfg(target_os = "linux")]
mod on_the_link {
    use socket2::{Domain, Protocol, SockAddr, Socket, Type};
    use std::collections::BTreeSet;
    use std::io::Read;
    use std::mem::MaybeUninit;
    use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
    use std::time::{Duration, Instant};
    use stickdemo::link::spec::Spec;
    use stickdemo::link::{CaptureLimits, Host, Link, dissect};
    use stickdemo::sys::wait;
    use stickdemo::trace::Role::{Client, Server};
    use stickdemo::trace::packet::Packet;

    pub const TESTS: [(&str, fn()); 14] = [
        ("the_caller_stays_in_its_own_network", stays),
        ("nagle_holds_a_small_segment_until_the_ack", nagle),
        ("nodelay_sends_at_once", nodelay),
        ("cork_holds_until_uncorked", cork),
        ("cork_has_a_ceiling_of_200_ms", cork_ceiling),
        ("cork_overrides_nodelay", cork_over_nodelay),
        ("setting_nodelay_flushes_what_cork_holds", nodelay_flushes),
        ("the_mss_is_the_mtu_less_forty", mss),
        ("maxseg_counts_before_connect_and_not_after", maxseg),
        ("a_refused_connection_is_a_reset", refused),
        ("every_loss_is_sent_again_and_fates_repeat", losses_repeat),
        ("a_burst_of_datagrams_is_lost_nowhere", burst),
        ("the_recording_stops_at_its_limit_and_says_so", limits),
        ("a_packet_takes_at_least_its_delay", delay),
    ];

    const PATIENCE: Duration = Duration::from_secs(10);

    fn start(text: &str) -> Link {
        let spec = Spec::parse(text).expect("a sound link");
        Link::start(&spec, CaptureLimits::DEFAULT, Instant::now())
            .unwrap_or_else(|trouble| panic!("{}", trouble.text()))
    }

    fn packets(link: Link) -> Vec<Packet> {
        link.settle(PATIENCE);
        let carried = link.finish();
        assert_eq!(carried.lost, 0, "the machine lost packets by itself");
        dissect::packets(carried.packets)
    }

    fn there<T: Send>(host: &Host, make: impl FnOnce() -> std::io::Result<T> + Send) -> T {
        host.visit(make).expect("a host").expect("a socket")
    }

    /// A connection over the link, the client's socket made ready by `prepare` before it connects.
    fn connection(link: &Link, prepare: impl FnOnce(&Socket)) -> (Socket, TcpStream) {
        let (near, far) = (link.host(Client), link.host(Server));
        let listener = there(far, || TcpListener::bind((far.address(), 0)));
        let address: SockAddr = listener.local_addr().expect("an address").into();
        let client = there(near, || Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)));
        client.set_tcp_congestion(b"reno").expect("every Linux has reno");
        prepare(&client);
        client.connect(&address).expect("a listener");
        let (server, _) = listener.accept().expect("a client");
        server.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        (client, server)
    }

    fn take(server: &mut TcpStream, n: usize) -> Vec<u8> {
        let mut bytes = vec![0; n];
        server.read_exact(&mut bytes).expect("all of it in time");
        bytes
    }

    fn data(packets: &[Packet]) -> Vec<&Packet> {
        packets.iter().filter(|p| p.from == Client && p.is_data()).collect()
    }

    fn lengths(packets: &[Packet]) -> Vec<usize> {
        data(packets).iter().map(|p| p.payload_len).collect()
    }

    /// When the first acknowledgement of data reached the client.
    fn first_ack(packets: &[Packet]) -> u64 {
        let acks = |p: &&Packet| p.from == Server && p.segment().is_some_and(|s| s.ack > 1);
        packets.iter().find(acks).and_then(|p| p.arrivals.first().copied()).expect("an ACK")
    }

    /// A thread of an ordinary user that left its namespace could not come back.
    fn stays() {
        let network = || std::fs::read_link("/proc/thread-self/ns/net").expect("a namespace");
        let before = network();
        let link = start("rtt=2ms");
        let there = link.host(Client).visit(network).expect("a host");
        assert_ne!(there, before);
        drop(connection(&link, |_| {}));
        packets(link);
        assert_eq!(network(), before);
    }

    /// RFC 9293 §3.7.4: while data is unacknowledged, a segment that is not full waits.
    fn nagle() {
        let link = start("rtt=20ms");
        let (client, mut server) = connection(&link, |_| {});
        client.send(b"hello").expect("room");
        client.send(b"feng").expect("room");
        assert_eq!(take(&mut server, 9), b"hellofeng");
        drop((client, server));
        let packets = packets(link);
        assert_eq!(lengths(&packets), [5, 4]);
        assert!(data(&packets)[1].t_us >= first_ack(&packets), "the second before the ACK");
    }

    fn nodelay() {
        let link = start("rtt=20ms");
        let (client, mut server) = connection(&link, |s| s.set_tcp_nodelay(true).expect("an option"));
        client.send(b"hello").expect("room");
        client.send(b"feng").expect("room");
        take(&mut server, 9);
        drop((client, server));
        assert_eq!(lengths(&packets(link)), [5, 4]);
    }

    /// tcp(7), TCP_CORK: no partial frames until it is cleared.
    fn cork() {
        let link = start("rtt=2ms");
        let (client, mut server) = connection(&link, |s| s.set_tcp_cork(true).expect("an option"));
        client.send(b"hello").expect("room");
        client.send(b"feng").expect("room");
        client.set_tcp_cork(false).expect("an option");
        take(&mut server, 9);
        drop((client, server));
        assert_eq!(lengths(&packets(link)), [9]);
    }

    /// tcp(7): after 200 milliseconds the queued data is transmitted all the same.
    fn cork_ceiling() {
        let began = Instant::now();
        let link = start("rtt=2ms");
        let (client, mut server) = connection(&link, |s| s.set_tcp_cork(true).expect("an option"));
        let sent = began.elapsed();
        client.send(b"hello").expect("room");
        take(&mut server, 5);
        drop((client, server));
        let packets = packets(link);
        assert_eq!(lengths(&packets), [5]);
        let left = Duration::from_micros(data(&packets)[0].t_us);
        assert!(left >= sent + Duration::from_millis(190), "left after {:?}", left.saturating_sub(sent));
    }

    fn cork_over_nodelay() {
        let link = start("rtt=2ms");
        let (client, mut server) = connection(&link, |s| {
            s.set_tcp_nodelay(true).expect("an option");
            s.set_tcp_cork(true).expect("an option");
        });
        client.send(b"hello").expect("room");
        client.send(b"feng").expect("room");
        client.set_tcp_cork(false).expect("an option");
        take(&mut server, 9);
        drop((client, server));
        assert_eq!(lengths(&packets(link)), [9], "NODELAY alone sends two");
    }

    /// tcp(7), TCP_NODELAY: setting it forces a flush, even if TCP_CORK is set.
    fn nodelay_flushes() {
        let link = start("rtt=2ms");
        let (client, mut server) = connection(&link, |s| s.set_tcp_cork(true).expect("an option"));
        client.send(b"hello").expect("room");
        client.set_tcp_nodelay(true).expect("an option");
        take(&mut server, 5);
        client.send(b"feng").expect("room");
        client.set_tcp_cork(false).expect("an option");
        take(&mut server, 4);
        drop((client, server));
        assert_eq!(lengths(&packets(link)), [5, 4]);
    }

    fn four_thousand(text: &str, before: Option<u32>, after: Option<u32>) -> Vec<usize> {
        let link = start(text);
        let set = |s: &Socket, mss: Option<u32>| mss.into_iter().for_each(|mss| s.set_tcp_mss(mss).expect("an option"));
        let (client, mut server) = connection(&link, |s| set(s, before));
        set(&client, after);
        client.send(&[b'x'; 4000]).expect("room");
        take(&mut server, 4000);
        drop((client, server));
        lengths(&packets(link))
    }

    fn mss() {
        assert_eq!(four_thousand("rtt=2ms", None, None), [1460, 1460, 1080]);
        assert_eq!(four_thousand("rtt=2ms,timestamps=on", None, None), [1448, 1448, 1104], "12 bytes of option");
        assert_eq!(four_thousand("rtt=2ms,mtu=9000", None, None), [4000]);
        assert_eq!(four_thousand("rtt=2ms,mtu=576", None, None), [536, 536, 536, 536, 536, 536, 536, 248]);
    }

    fn maxseg() {
        assert_eq!(four_thousand("rtt=2ms", Some(1000), None), [1000, 1000, 1000, 1000]);
        assert_eq!(four_thousand("rtt=2ms", None, Some(1000)), [1460, 1460, 1080]);
    }

    fn refused() {
        let link = start("rtt=2ms");
        let (near, far) = (link.host(Client), link.host(Server));
        let nobody: SocketAddr = (far.address(), 9).into();
        let error = near.visit(|| TcpStream::connect(nobody)).expect("a host").expect_err("nobody listens");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
        let flags: Vec<String> = packets(link).iter().filter_map(|p| Some(p.segment()?.flags.to_string())).collect();
        assert_eq!(flags, ["SYN", "RST ACK"]);
    }

    /// What was dropped of a stream, and how often data left again.
    fn a_lossy_stream(text: &str) -> (BTreeSet<(u64, usize)>, usize, usize) {
        const BYTES: usize = 73_000;
        let link = start(text);
        let (client, mut server) = connection(&link, |_| {});
        let sent: Vec<u8> = (0..BYTES).map(|i| (i % 251) as u8).collect();
        let bytes = sent.clone();
        let sending = std::thread::spawn(move || {
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                rest = &rest[client.send(rest).expect("a connection")..];
            }
            client
        });
        assert_eq!(take(&mut server, BYTES), sent, "whole and in order");
        drop((sending.join().expect("the sender"), server));
        let packets = packets(link);
        let data = data(&packets);
        let again = data.iter().filter(|p| p.segment().is_some_and(|s| s.retransmission)).count();
        let dropped = data.iter().filter(|p| p.dropped()).count();
        let firsts = data.iter().filter(|p| p.dropped() && p.segment().is_some_and(|s| !s.retransmission));
        (firsts.filter_map(|p| Some((p.segment()?.seq, p.payload_len))).collect(), dropped, again)
    }

    fn losses_repeat() {
        let (first, dropped, again) = a_lossy_stream("rtt=20ms,up.loss=20%,seed=42");
        assert!(!first.is_empty() && again >= dropped, "{dropped} dropped, {again} again");
        let (second, ..) = a_lossy_stream("rtt=20ms,up.loss=20%,seed=42");
        assert_eq!(first, second, "the same seed loses the same data");
        let (other, ..) = a_lossy_stream("rtt=20ms,up.loss=20%,seed=43");
        assert_ne!(first, other, "another seed loses other data");
    }

    fn burst() {
        const DATAGRAMS: u32 = 5000;
        let link = start("rtt=0ms");
        let (near, far) = (link.host(Client), link.host(Server));
        let to = there(far, || UdpSocket::bind((far.address(), 0)));
        let from = there(near, || UdpSocket::bind((near.address(), 0)));
        let address = to.local_addr().expect("an address");
        for n in 0..DATAGRAMS {
            from.send_to(&n.to_be_bytes(), address).expect("room");
        }
        link.settle(PATIENCE);
        let carried = link.finish();
        assert_eq!((carried.lost, carried.seen), (0, u64::from(DATAGRAMS)));
    }

    fn limits() {
        let spec = Spec::parse("rtt=0ms").expect("a sound link");
        let limits = CaptureLimits { packets: 10, bytes: 1 << 20 };
        let link = Link::start(&spec, limits, Instant::now()).unwrap_or_else(|trouble| panic!("{}", trouble.text()));
        let (near, far) = (link.host(Client), link.host(Server));
        let to = there(far, || UdpSocket::bind((far.address(), 0)));
        let from = there(near, || UdpSocket::bind((near.address(), 0)));
        to.set_nonblocking(true).expect("an option");
        for _ in 0..25 {
            from.send_to(b"x", to.local_addr().expect("an address")).expect("room");
        }
        let to = Socket::from(to);
        let mut got = 0;
        let count = || {
            got += usize::from(to.recv(&mut [MaybeUninit::uninit(); 4]).is_ok());
            got == 25
        };
        assert!(wait::until(PATIENCE, count), "recorded or not, they cross");
        let carried = link.finish();
        assert_eq!((carried.packets.len(), carried.unrecorded, carried.seen), (10, 15, 25));
    }

    fn delay() {
        let link = start("up.delay=30ms,down.delay=5ms");
        let (client, mut server) = connection(&link, |_| {});
        client.send(b"hello").expect("room");
        take(&mut server, 5);
        drop((client, server));
        for packet in packets(link) {
            let least = if packet.from == Client { 30_000 } else { 5000 };
            assert!(packet.arrivals[0] - packet.t_us >= least, "{packet:?}");
        }
    }
}
