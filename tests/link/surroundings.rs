//! What works where.

use super::*;

/// Over a link and on loopback, and what doctor says agrees.
fn all_works(ground: &Ground, place: Place) {
    let ran = ground.holds(place, &["tcp-naive", "--full", "--link", QUICK, "--pcap", &ground.file("works.pcapng")]);
    assert!(ran.out.contains("192.0.2.2") && ran.err.is_empty(), "{place:?}\n{}\n{}", ran.out, ran.err);
    assert!(!packets(&ground.file("works.pcapng")).is_empty(), "{place:?}");
    fs::remove_file(ground.file("works.pcapng")).expect("it was there");
    loopback_works(ground, place, true);
}

/// Every scenario, too; without a link those that loopback cannot show are not possible here, which is no failure.
fn loopback_works(ground: &Ground, place: Place, link: bool) {
    assert!(ground.holds(place, &["tcp-naive", "--full"]).out.contains("127.0.0.1"));
    let summaries = lines(&ground.holds(place, &["all", "--format", "json"]), "summary");
    let verdicts = syllabus().into_iter().map(|scenario| match scenario.experiment.linked {
        Linked::Only if !link => (scenario.id, "not-possible-here"),
        _ => (scenario.id, "reproduced"),
    });
    let text = |line: &Value, key: &str| line[key].as_str().expect("a text").to_owned();
    let seen: Vec<_> = summaries.iter().map(|line| (text(line, "scenario"), text(line, "verdict"))).collect();
    let expected: Vec<_> = verdicts.map(|(id, verdict)| (id.to_owned(), verdict.to_owned())).collect();
    assert_eq!(seen, expected, "{place:?}");
}

#[test]
fn root_and_an_ordinary_user_have_a_link() {
    let ground = Ground::new();
    for place in [ROOT, ORDINARY] {
        all_works(&ground, place);
        for way in ["link_tun", "link_veth"] {
            assert!(ground.doctor(place, way, "en").0, "{place:?} {way}");
        }
    }
}

#[test]
fn without_a_tun_it_is_a_veth_pair() {
    let ground = Ground::new();
    for (mounts, ordinary, said) in [
        // Whoever it belongs to opens what is closed, too; what stands there is no TUN.
        (TUN_CLOSED, true, if is_root() { "EACCES" } else { "ENOTTY" }),
        (TUN_CLOSED, false, "ENOTTY"),
        (TUN_ABSENT, true, "ENOENT"),
        (TUN_ABSENT, false, "ENOENT"),
    ] {
        let place = Place { ordinary, world: World::Mounted(mounts) };
        all_works(&ground, place);
        let (there, seen) = ground.doctor(place, "link_tun", "en");
        assert!(!there && seen.contains(said), "{place:?}: {seen}");
        assert!(ground.doctor(place, "link_veth", "en").0, "{place:?}");
        let _ = fs::remove_file(ground.file("closed"));
    }
}

#[test]
fn sysctls_that_cannot_be_written_are_no_obstacle() {
    let ground = Ground::new();
    for place in World::Mounted(SYSCTLS_READ_ONLY).for_both() {
        all_works(&ground, place);
        // Whatever the segments' size is now, what is claimed about them is what was seen.
        ground.holds(place, &["tcp-split", "--link", QUICK]);
        ground.holds(place, &["udp-no-server", "--link", QUICK]);
        assert!(ground.doctor(place, "link_tun", "en").0, "{place:?}");
    }
}

/// No link, and why, and what to do; everything else as ever.
fn nothing_begun(ground: &Ground, place: Place, words: [&str; 2]) {
    let file = ground.file("old.pcapng");
    fs::write(&file, "old").expect("a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).expect("for everybody");
    for (lang, reason) in [("en", "no packet link"), ("zh", "无法建立模拟链路")] {
        let ran = ground.run(place, &["tcp-naive", "--full", "--link", QUICK, "--pcap", &file, "--lang", lang]);
        assert_eq!(ran.code, Some(3), "{place:?}\n{}\n{}", ran.out, ran.err);
        // Lines are folded at any space.
        let said = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.iter().chain([&reason]).all(|word| said.contains(word)), "{place:?}: {said}");
        assert!(!said.contains("192.0.2."), "nothing was begun: {said}");
        for way in ["link_tun", "link_veth"] {
            let (there, seen) = ground.doctor(place, way, lang);
            assert!(!there && words.iter().all(|word| seen.contains(word)), "{place:?} {way}: {seen}");
        }
    }
    assert_eq!(fs::read_to_string(&file).expect("still there"), "old", "{place:?}");
    assert_eq!(ground.left(), ["old.pcapng"], "{place:?}");
}

#[test]
fn where_there_is_no_link_it_says_why_and_what_to_do() {
    let ground = Ground::new();
    let off = Place { ordinary: true, world: World::NoUserNamespaces };
    let [boxed_root, boxed] = World::Forbidden.for_both();
    let off_words = ["ENOSPC", "sysctl user.max_user_namespaces="];
    let boxed_words = ["EPERM", "CAP_SYS_ADMIN"];
    for (place, words) in [(off, off_words), (boxed, boxed_words), (boxed_root, boxed_words)] {
        if place.can_be_tried() {
            nothing_begun(&ground, place, words);
            loopback_works(&ground, place, false);
        }
    }
    for place in World::Mounted(NO_PROC).for_both().into_iter().filter(|place| place.can_be_tried()) {
        nothing_begun(&ground, place, ["ENOENT", "mount -t proc proc /proc"]);
        ground.holds(place, &["tcp-naive"]);
    }
}

/// Podman's root, and Docker's: without the capability to make a network namespace, with the one to map itself.
#[test]
fn a_containers_root_takes_a_user_namespace_like_anybody_else() {
    let ground = Ground::new();
    let mut line = Command::new("unshare");
    line.args(["-Ur", "setpriv", "--bounding-set=-all,+setfcap", "--inh-caps=-all"]).stdin(Stdio::null());
    let ran = finished(spawn(line.arg(ground.binary()).args(["tcp-naive", "--link", QUICK])));
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
}
