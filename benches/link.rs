//! The link beside plain loopback, in turns in one run, so that a noisy machine is noisy for both:
//! `cargo bench --bench link`. Medians.

#[cfg(target_os = "linux")]
fn main() {
    stickdemo::link::prepare();
    measured::startup();
    measured::there_and_back();
    for mtu in [1500, 9000] {
        measured::bulk(mtu);
    }
    measured::lateness();
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("the link needs Linux");
}

#[cfg(target_os = "linux")]
mod measured {
    use socket2::{Domain, Socket, Type};
    use std::io::{self, Read, Write};
    use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
    use std::time::{Duration, Instant};
    use stickdemo::link::spec::Spec;
    use stickdemo::link::{CaptureLimits, Host, Link, Traffic};
    use stickdemo::trace::Role;

    const ROUNDS: usize = 5;
    const BULK: usize = 256 << 20;
    const EVERYTHING: CaptureLimits = CaptureLimits { packets: 1 << 20, bytes: 1 << 30 };

    fn median<T: PartialOrd + Copy>(mut values: Vec<T>) -> T {
        values.sort_by(|a, b| a.partial_cmp(b).expect("comparable"));
        values[values.len() / 2]
    }

    fn spec(text: &str) -> Spec {
        Spec::parse(text).expect("a sound link")
    }

    fn start(text: &str, limits: CaptureLimits) -> Link {
        Link::start(&spec(text), limits, Instant::now()).unwrap_or_else(|trouble| panic!("{}", trouble.text()))
    }

    pub fn startup() {
        let (mut links, mut connections) = (vec![], vec![]);
        for _ in 0..4 * ROUNDS {
            let began = Instant::now();
            let link = start("", CaptureLimits::DEFAULT);
            links.push(began.elapsed().as_secs_f64() * 1e3);
            drop(link);
            let began = Instant::now();
            let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
            TcpStream::connect(listener.local_addr().expect("an address")).expect("a server");
            connections.push(began.elapsed().as_secs_f64() * 1e3);
        }
        println!("two hosts and a wire        {:8.2} ms", median(links));
        println!("  listen, connect, loopback {:8.2} ms", median(connections));
    }

    /// A datagram of 4 bytes there and back, over loopback and over a link without delay.
    pub fn there_and_back() {
        const TIMES: u32 = 20_000;
        let exchange = |from: UdpSocket, to: UdpSocket| {
            let (near, far) = (from.local_addr().expect("an address"), to.local_addr().expect("an address"));
            let echo = std::thread::spawn(move || {
                for _ in 0..TIMES {
                    to.recv(&mut [0; 4]).expect("a datagram");
                    to.send_to(&[0; 4], near).expect("room");
                }
            });
            let began = Instant::now();
            for n in 0..TIMES {
                from.send_to(&n.to_be_bytes(), far).expect("room");
                from.recv(&mut [0; 4]).expect("its echo");
            }
            let took = began.elapsed();
            echo.join().expect("the echo");
            took.as_secs_f64() * 1e6 / f64::from(TIMES)
        };
        let (mut loopback, mut over_link) = (vec![], vec![]);
        for _ in 0..ROUNDS {
            let here = || UdpSocket::bind(("127.0.0.1", 0)).expect("a port");
            loopback.push(exchange(here(), here()));
            let link = start("rtt=0ms", EVERYTHING);
            let took = exchange(socket(link.host(Role::Client)), socket(link.host(Role::Server)));
            let carried = link.finish();
            over_link.push((took, carried.busy.as_secs_f64() * 1e6 / carried.seen as f64));
        }
        let (times, costs): (Vec<f64>, Vec<f64>) = over_link.into_iter().unzip();
        println!("there and back, loopback    {:8.2} us", median(loopback));
        let name = "link, recorded";
        println!("  {name:<25} {:8.2} us    {:6.2} us of the wire's thread a packet", median(times), median(costs));
    }

    fn socket(host: &Host) -> UdpSocket {
        host.visit(|| UdpSocket::bind((host.address(), 0))).expect("a host").expect("a port")
    }

    /// One stream from end to end; how long it took.
    fn stream(listener: TcpListener, connect: impl FnOnce(&TcpListener) -> TcpStream) -> Duration {
        let mut sender = connect(&listener);
        let (mut receiver, _) = listener.accept().expect("a client");
        let began = Instant::now();
        let sending = std::thread::spawn(move || {
            let block = vec![7; 64 << 10];
            (0..BULK / block.len()).for_each(|_| sender.write_all(&block).expect("room"));
        });
        let (mut block, mut got) = (vec![0; 256 << 10], 0);
        while got < BULK {
            got += receiver.read(&mut block).expect("data");
        }
        let took = began.elapsed();
        sending.join().expect("the sender");
        took
    }

    fn over_link(text: &str, limits: CaptureLimits) -> (Duration, Traffic) {
        let link = start(text, limits);
        let (client, server) = (link.host(Role::Client), link.host(Role::Server));
        let listener = server.visit(|| TcpListener::bind((server.address(), 0))).expect("a host").expect("a port");
        let took = stream(listener, |listener| {
            let address = listener.local_addr().expect("an address");
            client.visit(|| connect(address)).expect("a host").expect("a server")
        });
        (took, link.finish())
    }

    /// With the congestion control that a scenario's sockets have over a link.
    fn connect(address: SocketAddr) -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_tcp_congestion(b"reno")?;
        socket.connect(&address.into())?;
        Ok(socket.into())
    }

    fn over_loopback() -> Duration {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        stream(listener, |listener| TcpStream::connect(listener.local_addr().expect("an address")).expect("a server"))
    }

    pub fn bulk(mtu: usize) {
        let text = format!("rtt=0ms,mtu={mtu}");
        let speed = |took: Duration| (BULK >> 20) as f64 / took.as_secs_f64();
        let (mut loopback, mut bare, mut recorded) = (vec![], vec![], vec![]);
        for _ in 0..ROUNDS {
            loopback.push(speed(over_loopback()));
            for (limits, into) in [(CaptureLimits::NONE, &mut bare), (EVERYTHING, &mut recorded)] {
                let (took, carried) = over_link(&text, limits);
                assert_eq!(carried.lost, 0, "the machine lost packets by itself");
                into.push((speed(took), carried.busy.as_secs_f64() * 1e6 / carried.seen as f64));
            }
        }
        println!("one TCP stream, loopback    {:8.0} MiB/s", median(loopback));
        for (name, figures) in [("link, MTU", bare), ("recorded, MTU", recorded)] {
            let (speeds, costs): (Vec<f64>, Vec<f64>) = figures.into_iter().unzip();
            let name = format!("{name} {mtu}");
            println!(
                "  {name:<25} {:8.0} MiB/s {:6.2} us of the wire's thread a packet",
                median(speeds),
                median(costs)
            );
        }
    }

    /// How much later than asked a datagram arrives that has 10 ms to go.
    pub fn lateness() {
        let link = start("rtt=20ms", CaptureLimits::DEFAULT);
        let (from, to) = (socket(link.host(Role::Client)), socket(link.host(Role::Server)));
        let address = to.local_addr().expect("an address");
        for n in 0..500u32 {
            from.send_to(&n.to_be_bytes(), address).expect("room");
            to.recv(&mut [0; 4]).expect("the datagram");
        }
        let carried = link.finish();
        let late = |p: &stickdemo::link::Captured| p.arrivals.first().map(|at| (at - p.t_us) as f64 / 1e3 - 10.0);
        let mut late: Vec<f64> = carried.packets.iter().filter_map(late).collect();
        late.sort_by(f64::total_cmp);
        println!(
            "lateness of a 10 ms delay   {:8.3} ms, 99 of 100 within {:.3} ms",
            late[late.len() / 2],
            late[late.len() * 99 / 100]
        );
    }
}
