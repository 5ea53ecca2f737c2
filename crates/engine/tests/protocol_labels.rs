//! What is recognised on real captures, against what others call it: nDPI, Arkime and Zeek, beside the repository in
//! `../shared/data/pcap`. Nobody may be called what it is not; how much is found has bounds from below.
#![expect(clippy::print_stderr, reason = "a test that has nothing to read says so, and a table is what it is for")]
#![expect(clippy::disallowed_methods, reason = "a test opens the files whose bytes the crate is given")]

mod labels;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use catspaw_engine::capture::{Frame, Reader, sniff};
use catspaw_engine::decode::{self, Decoder};
use catspaw_engine::flow::Tracker;
use catspaw_engine::protocol::Session;
use catspaw_engine::{IpProto, Output, Packet, Settings};
use catspaw_records::{AppProto, Event, Place, Proto, Record, SensorId, Side};
use flate2::read::MultiGzDecoder;
use labels::{Ends, Label};

/// Where the captures are, if they are.
fn folder() -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/pcap");
    if root.exists() {
        return Some(root);
    }
    eprintln!("{} is not there: nothing tested", root.display());
    None
}

/// All files beneath a folder, in a fixed order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The captures among some files.
fn captures(files: &[PathBuf]) -> impl Iterator<Item = (&Path, Vec<u8>)> {
    files.iter().filter_map(|path| {
        let raw = fs::read(path).expect("a readable file");
        let mut bytes = Vec::new();
        if path.extension().is_some_and(|extension| extension == "gz") {
            MultiGzDecoder::new(raw.as_slice()).read_to_end(&mut bytes).expect("a whole gzip file");
        } else {
            bytes = raw;
        }
        sniff(&bytes).then_some((path.as_path(), bytes))
    })
}

/// Gives each packet of a capture.
fn packets(bytes: &[u8], each: &mut impl FnMut(&Packet<'_>)) {
    let mut decoder = Decoder::new();
    let read = Reader::new().read(bytes, &mut |frame: Frame<'_>| {
        let Some(located) = decoder.locate(&frame, &mut |_, _| {}) else { return };
        let place = Place { file: 0, line: frame.number };
        if let Some(packet) = decode::packet(&located.ip, frame.at, place, false) {
            each(&packet);
        }
    });
    read.expect("a capture that can be read");
}

/// A connection, and what is spoken on it.
struct Spoken {
    is_tcp: bool,
    ends: Ends,
    protocol: Option<String>,
}

#[derive(Default)]
struct Connections(Vec<Spoken>);

impl Output for Connections {
    fn record(&mut self, record: Record) {
        let Event::Whole(whole) = record.event else { return };
        // Without payload there is nothing to be told by.
        let has_payload = whole.history.is_some_and(|history| history.as_str().contains(['D', 'd']));
        if whole.proto == Proto::Tcp && has_payload {
            let ends = [whole.orig, whole.resp].map(|end| SocketAddr::new(end.addr, end.port));
            let protocol = whole.service.map(|service| service.as_str().to_owned());
            self.0.push(Spoken { is_tcp: true, ends, protocol });
        }
    }

    fn dropped(&mut self, _: &'static str, _: u64) {}
}

/// The connections of a capture, and its exchanges of datagrams.
fn spoken(bytes: &[u8]) -> Vec<Spoken> {
    let settings = Settings { sensor: SensorId(1), resolution: 1000, is_inside: Arc::new(|_| false) };
    let (mut tracker, mut found) = (Tracker::new(Arc::new(settings)), Connections::default());
    let mut datagrams: BTreeMap<Ends, Session> = BTreeMap::new();
    packets(bytes, &mut |packet| {
        tracker.advance(packet.at, &mut found);
        tracker.packet(packet, &mut found);
        if packet.proto == IpProto::UDP {
            let [src, dst] = [(packet.src, packet.src_port), (packet.dst, packet.dst_port)].map(SocketAddr::from);
            let (ends, side) = if src < dst { ([src, dst], Side::Orig) } else { ([dst, src], Side::Resp) };
            datagrams.entry(ends).or_default().datagram(side, packet.payload, &mut |_| {});
        }
    });
    tracker.finish(&mut found);
    found.0.extend(datagrams.into_iter().map(|(ends, session)| Spoken {
        is_tcp: false,
        ends,
        protocol: session.protocol().map(|protocol| protocol.name().to_owned()),
    }));
    found.0
}

/// How connections of one label were called.
#[derive(Default)]
struct Called {
    right: usize,
    not_at_all: usize,
    wrong: Vec<String>,
}

fn labels(files: &[PathBuf]) -> Vec<(PathBuf, Label)> {
    let read = |path: &PathBuf| {
        let name = path.to_string_lossy();
        let folder = path.parent().expect("a file in a folder").to_owned();
        let labels = if name.contains("/ndpi/") && name.ends_with(".out") {
            labels::ndpi(path)
        } else if name.contains("/arkime/") && name.ends_with(".test") {
            labels::arkime(path)
        } else if name.contains("/zeek/Baseline/") {
            labels::zeek(path)
        } else {
            Vec::new()
        };
        labels.into_iter().map(move |label| (folder.clone(), label)).collect::<Vec<_>>()
    };
    files.iter().flat_map(read).collect()
}

/// How the connections of all captures are called, by their labels.
fn table(files: &[PathBuf]) -> BTreeMap<String, Called> {
    let labels = labels(files);
    let mut table: BTreeMap<String, Called> = BTreeMap::new();
    for (capture, bytes) in captures(files) {
        // Zeek's baselines lie in folders that are named after tests, beneath that of the captures.
        let is_of = |(folder, label): &&(PathBuf, Label), spoken: &Spoken| {
            let is_near = label.capture.is_some() || capture.parent().is_some_and(|parent| folder.starts_with(parent));
            is_near && label.is_of(capture, spoken.is_tcp, spoken.ends)
        };
        for spoken in spoken(&bytes) {
            for (_, label) in labels.iter().filter(|label| is_of(label, &spoken)) {
                let called = table.entry(label.text.clone()).or_default();
                match &spoken.protocol {
                    None if label.names.is_empty() => called.right += 1,
                    None => called.not_at_all += 1,
                    Some(name) if label.names.contains(name.as_str()) => called.right += 1,
                    Some(name) => called.wrong.push(format!("{name}: {} {:?}", capture.display(), spoken.ends)),
                }
            }
        }
    }
    table
}

#[test]
fn nobody_is_called_what_others_say_it_is_not() {
    let Some(root) = folder() else { return };
    let table = table(&files(&root));
    for (label, Called { right, not_at_all, wrong }) in &table {
        eprintln!("{label:36} right {right:3}  not at all {not_at_all:3}  wrong {:3}", wrong.len());
    }
    let wrong: Vec<_> =
        table.iter().flat_map(|(label, called)| called.wrong.iter().map(move |is| (label, is))).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    // As many as were found when this was written.
    for (label, least) in [
        ("arkime smtp+tcp", 19),
        ("arkime http+socks+tcp", 5),
        ("ndpi DNS", 75),
        ("ndpi HTTP", 23),
        ("ndpi POP3", 6),
        ("ndpi SOCKS", 10),
        ("ndpi TLS", 129),
        ("zeek http-connect", 2),
        ("zeek smtp", 33),
        ("zeek socks", 6),
    ] {
        let right = table.get(label).map_or(0, |called| called.right);
        assert!(right >= least, "{label}: {right}");
    }
    let missed = table.values().map(|called| called.not_at_all).sum::<usize>();
    assert!(missed <= 1, "{missed} that others know are called nothing");
}

/// Payload of one connection, in the order of its packets.
type Dialogue = Vec<(Side, Vec<u8>)>;

/// What both sides sent first, of each connection of a capture.
fn dialogues(bytes: &[u8]) -> Vec<Dialogue> {
    /// Bytes of a dialogue that are looked at: more than by which it is told what is spoken.
    const MOST: usize = 2048;
    let mut found: BTreeMap<[SocketAddr; 2], (SocketAddr, Dialogue)> = BTreeMap::new();
    packets(bytes, &mut |packet| {
        if packet.tcp.is_none() || packet.payload.is_empty() {
            return;
        }
        let [src, dst] = [(packet.src, packet.src_port), (packet.dst, packet.dst_port)].map(SocketAddr::from);
        let key = if src < dst { [src, dst] } else { [dst, src] };
        let (orig, dialogue) = found.entry(key).or_insert((src, Vec::new()));
        let side = if *orig == src { Side::Orig } else { Side::Resp };
        if dialogue.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() < MOST {
            dialogue.push((side, packet.payload.to_vec()));
        }
    });
    found.into_values().map(|(_, dialogue)| dialogue).collect()
}

/// What is spoken in a dialogue, of which everything comes in parts of so many bytes.
fn spoken_in(dialogue: &Dialogue, size: usize) -> Option<AppProto> {
    let mut session = Session::default();
    for (from, bytes) in dialogue {
        for part in bytes.chunks(size) {
            session.data(*from, part, &mut |_| {});
        }
    }
    session.end(&mut |_| {});
    session.protocol()
}

#[test]
fn it_is_the_same_however_it_is_cut() {
    let Some(root) = folder() else { return };
    let files = files(&root);
    let mut known = 0;
    for (capture, bytes) in captures(&files) {
        for dialogue in dialogues(&bytes) {
            let whole = spoken_in(&dialogue, usize::MAX);
            known += usize::from(whole.is_some());
            for size in [1, 2, 3, 7, 100] {
                assert_eq!(spoken_in(&dialogue, size), whole, "{} {size}", capture.display());
            }
        }
    }
    assert!(known >= 200, "{known} dialogues are enough to see a difference");
}
