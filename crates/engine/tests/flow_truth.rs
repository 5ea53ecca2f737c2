//! Flows compared with what others say of the same packets: Zeek's baselines, and the truth of the captures that were
//! made for relays. Both lie beside the repository, in `../shared/data`; without them nothing is tested.
#![allow(clippy::print_stderr, reason = "a test that has nothing to read says so, and what was compared")]
#![allow(clippy::disallowed_methods, reason = "a test opens the files whose bytes the crate is given")]

mod flows;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use catspaw_records::{ConnState, Proto, Whole};
use flows::{content, follow, shared, table};

/// Zeek's columns of a connection, as far as packets tell them.
fn columns(whole: &Whole) -> BTreeMap<&'static str, String> {
    let (orig, resp) = whole.bytes.and_then(|bytes| bytes.directed()).expect("bytes by direction");
    let counters = whole.counters().expect("counters");
    let duration = whole.duration.unwrap_or_default();
    BTreeMap::from([
        ("id.orig_h", whole.orig.addr.to_string()),
        ("id.orig_p", whole.orig.port.to_string()),
        ("id.resp_h", whole.resp.addr.to_string()),
        ("id.resp_p", whole.resp.port.to_string()),
        ("proto", whole.proto.to_string()),
        ("duration", seconds(duration)),
        ("orig_bytes", orig.to_string()),
        ("resp_bytes", resp.to_string()),
        ("conn_state", whole.state.map_or("-", ConnState::name).to_owned()),
        ("missed_bytes", counters.missed_bytes.to_string()),
        ("history", whole.history.map_or("-".to_owned(), |history| history.as_str().to_owned())),
        ("orig_pkts", counters.orig_pkts.to_string()),
        ("orig_ip_bytes", counters.orig_ip_bytes.to_string()),
        ("resp_pkts", counters.resp_pkts.to_string()),
        ("resp_ip_bytes", counters.resp_ip_bytes.to_string()),
    ])
}

fn seconds(nanos: i64) -> String {
    let micros = (nanos + 500) / 1000;
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

#[test]
fn zeek_tells_the_same() {
    const BASELINES: [(&str, &str); 10] = [
        ("http.http-connect/conn.log", "connect-with-smtp.pcap"),
        ("http.http-connect-with-header/conn.log", "connect-with-header.pcap"),
        ("smtp.mime-header-size-limit/conn.log", "mime-header-size-limit.pcap.gz"),
        ("smtp.bdat/conn.log.cut", "rfc3030-bdat-example1.pcap"),
        ("smtp.bdat-0-last/conn.log.cut", "rfc3030-bdat-0-last.pcap"),
        ("smtp.bdat-gap/conn.log.cut", "smtp-bdat-gap.pcap"),
        ("smtp.bdat-multipart/conn.log.cut", "rfc3030-bdat-multipart.pcap"),
        ("smtp.bdat-multipart-chunked/conn.log.cut", "rfc3030-bdat-multipart-chunked.pcap"),
        ("smtp.bdat-pipeline-8bitmime/conn.log.cut", "smtp-bdat-pipeline-8bitmime.pcap"),
        ("socks.socks-auth-10080/conn.log.cut", "socks-auth-10080.pcap"),
    ];
    let Some(root) = shared("pcap/zeek") else { return };
    let (mut same, mut different) = (0, Vec::new());
    for (baseline, capture) in BASELINES {
        let path = root.join("Baseline").join(format!("scripts.base.protocols.{baseline}"));
        let text = text(&path);
        let told = follow(&content(&root.join(capture)), false);
        let ours: Vec<_> = told.wholes().map(columns).collect();
        let rows = table(&text);
        for row in &rows {
            let expected: Vec<_> = row.iter().filter(|(name, _)| !name.starts_with("ts")).collect();
            let is_it = |one: &&BTreeMap<&str, String>| {
                row.iter().filter(|(name, _)| name.starts_with("id.")).all(|(name, value)| one[name] == *value)
            };
            let one = ours.iter().find(is_it);
            for (name, value) in expected {
                // That Zeek's analyzer came to a limit of its own is no matter of packets.
                let value = &value.replace('X', "");
                match one.map(|one| one.get(name)) {
                    Some(None) => {}
                    Some(Some(ours)) if ours == value => same += 1,
                    ours => different.push(format!("{capture}: {name} is {value}, not {ours:?}")),
                }
            }
        }
    }
    eprintln!("{same} fields of {} baselines are the same", BASELINES.len());
    assert!(different.is_empty(), "{different:#?}");
    assert!(same > 70);
}

/// What a leg is known by: protocol, ends, start in microseconds.
type Leg = (String, String, String, i64);

/// Where counts may differ: bytes that were sent after the other side had reset, of which the last were not captured,
/// count by their sequence numbers, as Zeek counts them, and not in the truth.
const BY_NUMBERS: f64 = 0.000_5;

#[test]
fn legs_are_those_of_the_truth() {
    let Some(root) = shared("captures") else { return };
    let mut captures: Vec<_> =
        fs::read_dir(root).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    captures.sort();
    let (mut legs, mut by_numbers, mut strays, mut different) = (0, 0, 0, Vec::new());
    let mut columns_same = BTreeMap::new();
    for capture in captures {
        let told = follow(&content(&capture.join("capture.pcap.zst")), false);
        let mut ours: HashMap<Leg, &Whole> = told.wholes().map(|whole| (leg(whole), whole)).collect();
        assert_eq!(ours.len(), told.wholes().count());
        let name = capture.file_name().expect("a name").to_string_lossy().into_owned();
        compare_columns(&text(&capture.join("conn.log.zst")), &ours, &mut columns_same);
        for row in table(&text(&capture.join("legs.tsv.zst"))) {
            legs += 1;
            let proto = match row["proto"] {
                "1" => "icmp",
                "6" => "tcp",
                "17" => "udp",
                other => other,
            };
            let key = (proto.to_owned(), row["orig"].to_owned(), row["resp"].to_owned(), micros(row["start"]));
            let Some(whole) = ours.remove(&key) else {
                different.push(format!("{name}: {row:?} was not found"));
                continue;
            };
            let told = columns(whole);
            // ICMP has no state.
            let state = if proto == "icmp" { "OTH" } else { row["state"] };
            let bytes_differ = (&*told["orig_bytes"], &*told["resp_bytes"]) != (row["orig_bytes"], row["resp_bytes"]);
            if bytes_differ && told["orig_bytes"] == row["orig_bytes"] && told["history"].contains('R') {
                by_numbers += 1;
            } else if bytes_differ || told["conn_state"] != state {
                different.push(format!("{name}: {row:?} became {told:?}"));
            }
        }
        for whole in ours.values() {
            // What comes long after a connection has ended belongs to none.
            let is_stray =
                whole.bytes.is_some_and(|bytes| bytes.total() == 0) && !columns(whole)["history"].contains('S');
            strays += usize::from(is_stray);
            if !is_stray {
                different.push(format!("{name}: nobody knows of {:?}", columns(whole)));
            }
        }
        let opened: BTreeSet<_> = told.opened().map(|opened| opened.id).collect();
        let unopened = told.wholes().filter(|whole| {
            let carried =
                whole.bytes.and_then(|bytes| bytes.directed()).is_some_and(|(orig, resp)| orig > 0 && resp > 0);
            whole.proto == Proto::Tcp && carried && !opened.contains(&whole.id)
        });
        assert_eq!(unopened.count(), 0, "{name}: what carries something both ways was opened");
    }
    eprintln!("{legs} legs, {by_numbers} by numbers, {strays} strays; of conn.log {columns_same:?}");
    assert!(different.is_empty(), "{} differences: {:#?}", different.len(), &different[..different.len().min(20)]);
    // What is counted must be the same; Zeek's rules for history and duration are finer than those of that log.
    for (name, least) in [("conn_state", 1.0), ("missed_bytes", 1.0), ("resp_ip_bytes", 0.999), ("history", 0.98)] {
        let (same, all) = columns_same[name];
        assert!(f64::from(same) >= least * f64::from(all), "{name}: {same} of {all}");
    }
    assert!(f64::from(by_numbers) <= BY_NUMBERS * f64::from(legs) && strays <= 1);
}

/// Counts in which columns of a `conn.log` ours are the same: by column, the same and all.
fn compare_columns(log: &str, ours: &HashMap<Leg, &Whole>, same: &mut BTreeMap<&'static str, (u32, u32)>) {
    for row in table(log) {
        let end = |host: &str, port: &str| format!("{}:{}", row[host], row[port]);
        let key =
            (row["proto"].to_owned(), end("id.orig_h", "id.orig_p"), end("id.resp_h", "id.resp_p"), micros(row["ts"]));
        let Some(whole) = ours.get(&key) else { continue };
        for (name, value) in columns(whole) {
            let count = same.entry(name).or_default();
            count.0 += u32::from(value == row[name] || (row[name] == "-" && value == "0.000000"));
            count.1 += 1;
        }
    }
}

fn text(path: &Path) -> String {
    String::from_utf8(content(path)).expect("a text")
}

fn leg(whole: &Whole) -> Leg {
    (whole.proto.to_string(), whole.orig.to_string(), whole.resp.to_string(), whole.start.at.0 / 1000)
}

fn micros(seconds: &str) -> i64 {
    let (whole, part) = seconds.split_once('.').unwrap_or((seconds, "0"));
    whole.parse::<i64>().expect("seconds") * 1_000_000 + format!("{part:0<6}").parse::<i64>().expect("microseconds")
}
