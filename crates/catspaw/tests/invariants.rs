//! What must not change a result: the number of threads, the order in which files are named, where they were split,
//! how they are packed, and whether they are there twice. And what must add up.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use catspaw_lab::{Asa, Dialect, Pairs, Pix, Relay, Scenario, Tee, ZeekConn};
use serde_json::Value;

/// One of the views of the same case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum View {
    Pix,
    Asa,
    Zeek,
    /// A firewall of today.
    Firewall(Dialect),
    /// The example: a host is cut off, its translation is torn down, and what is asked of it then is denied.
    Cut,
}

const VIEWS: [View; 7] = [
    View::Pix,
    View::Asa,
    View::Zeek,
    View::Firewall(Dialect::PanOs),
    View::Firewall(Dialect::FortiGate),
    View::Firewall(Dialect::Junos),
    View::Firewall(Dialect::Conntrack),
];
/// Those that must give the same whatever is done to them.
const INVARIANT: [View; 6] =
    [View::Pix, View::Asa, View::Zeek, View::Cut, View::Firewall(Dialect::PanOs), View::Firewall(Dialect::Conntrack)];
/// When the owner says that the second relay was cut off, which it was not: five hours after the beginning.
const DECLARED: &str = "2003-03-03T23:00:00Z";

struct Case {
    directory: tempfile::TempDir,
    truth: catspaw_lab::Truth,
}

/// Eight hours with three relays of different kinds, made once.
fn case() -> &'static Case {
    static CASE: OnceLock<Case> = OnceLock::new();
    CASE.get_or_init(|| {
        const HOUR: u64 = 3_600_000_000;
        let relays = vec![
            Relay::socks(HOUR, 40).cut_at(6 * HOUR),
            Relay::connect(8085, 2 * HOUR, 30),
            Relay::web(3128, HOUR, 30),
        ];
        let scenario = Scenario { seed: 17, hours: 8, relays, ..Scenario::example() };
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| fs::File::create(directory.path().join(name)).unwrap();
        let mut tee = Tee::default()
            .and(Pix { sensor: "utc-pix".to_owned(), year: true }.to(file("pix.log")))
            .and(Asa { sensor: "asa1".to_owned() }.to(file("asa.log")))
            .and(ZeekConn::new(file("conn.log"), scenario.begin()))
            .and(Pairs::new(file("pairs.tsv")));
        for dialect in Dialect::ALL {
            tee = tee.and(dialect.to(file(dialect.name())));
        }
        let truth = catspaw_lab::run(&scenario, &mut tee).unwrap();
        drop(tee);
        Case { directory, truth }
    })
}

impl View {
    fn log(self) -> PathBuf {
        let name = match self {
            Self::Pix => "pix.log",
            Self::Asa => "asa.log",
            Self::Zeek => "conn.log",
            Self::Firewall(dialect) => dialect.name(),
            Self::Cut => {
                return Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/case-2003/pix.log");
            }
        };
        case().directory.path().join(name)
    }

    /// What a line says of its time, by which it must not be split from its like.
    fn stamp(self, line: &str) -> &str {
        match self {
            Self::Pix | Self::Cut => &line[..20],
            Self::Asa => &line[5..25],
            Self::Zeek | Self::Firewall(Dialect::Conntrack) => line.split('\t').next().unwrap_or(line),
            Self::Firewall(Dialect::PanOs) => line.split(',').nth(6).unwrap_or(line),
            Self::Firewall(Dialect::FortiGate) => line.split(' ').nth(1).unwrap_or(line),
            Self::Firewall(Dialect::Junos) => line.split(' ').nth(1).unwrap_or(line),
            Self::Firewall(other) => panic!("{other:?} is not among the views that are split"),
        }
    }
}

/// What a scan gave.
#[derive(Debug, PartialEq)]
struct Scan {
    /// Without what names a file or counts its lines.
    report: Value,
    pairs: String,
    connections: Vec<Value>,
}

fn scan(evidence: &[PathBuf], options: &[&str]) -> Scan {
    scan_with(evidence, options, None)
}

fn scan_with(evidence: &[PathBuf], options: &[&str], input: Option<&[u8]>) -> Scan {
    let out = tempfile::tempdir().unwrap();
    let file = |name: &str| out.path().join(name);
    let config = file("catspaw.toml");
    fs::write(&config, declared()).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_catspaw"))
        .args(["scan", "-q", "--format", "json", "--config"])
        .arg(&config)
        .args(options)
        .arg("-o")
        .arg(file("report.json"))
        .arg("--pairs")
        .arg(file("pairs.jsonl"))
        .arg("--connections")
        .arg(file("connections.jsonl"))
        .args(evidence)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    if let (Some(input), Some(mut pipe)) = (input, child.stdin.take()) {
        pipe.write_all(input).unwrap();
    }
    assert_eq!(child.wait().unwrap().code(), Some(1), "three relays are to be found");
    let read = |name: &str| fs::read_to_string(file(name)).unwrap();
    let mut report: Value = serde_json::from_str(&read("report.json")).unwrap();
    forget_files(&mut report);
    let connections = read("connections.jsonl").lines().map(|line| without(line, &["source", "place"])).collect();
    Scan { report, pairs: read("pairs.jsonl"), connections }
}

fn declared() -> String {
    let relays = case().truth.relays.iter().filter(|relay| relay.authorised);
    let second = &case().truth.relays[1].host;
    let cut = format!("[[contained]]\nhost = \"{second}\"\nat = \"{DECLARED}\"\n");
    let stanzas: String = relays
        .map(|r| format!("[[authorised]]\nhost = \"{}\"\nport = {}\nreason = \"mail server\"\n", r.host, r.ports[0]))
        .collect();
    stanzas + &cut
}

fn forget_files(report: &mut Value) {
    let report = report.as_object_mut().unwrap();
    report.remove("evidence");
    report.remove("unparsed");
    for list in ["incidents", "authorised"] {
        for incident in report[list].as_array_mut().unwrap() {
            incident.as_object_mut().unwrap().remove("examples");
        }
    }
}

fn without(line: &str, keys: &[&str]) -> Value {
    let mut row: Value = serde_json::from_str(line).unwrap();
    for key in keys {
        row.as_object_mut().unwrap().remove(*key);
    }
    row
}

fn lines_of(view: View) -> (Vec<String>, Vec<String>) {
    let text = fs::read_to_string(view.log()).unwrap();
    text.lines().map(str::to_owned).partition(|line| line.starts_with('#'))
}

/// Splits the log into `parts` at line ends between two stamps, at places that `seed` chooses. Each part of a Zeek log
/// has the header, as rotated ones do.
fn split(view: View, parts: usize, seed: usize, into: &Path) -> Vec<PathBuf> {
    let (header, lines) = lines_of(view);
    let mut cuts: Vec<usize> = (1..parts)
        .map(|part| {
            let near = (part * lines.len() / parts + seed * 37 * part) % lines.len();
            (near.max(1)..lines.len()).find(|&at| view.stamp(&lines[at]) != view.stamp(&lines[at - 1])).unwrap_or(0)
        })
        .collect();
    cuts.extend([0, lines.len()]);
    cuts.sort_unstable();
    cuts.dedup();
    cuts.windows(2)
        .enumerate()
        .map(|(number, cut)| {
            let path = into.join(format!("part-{number}.log"));
            let part: Vec<&str> = header.iter().chain(&lines[cut[0]..cut[1]]).map(String::as_str).collect();
            fs::write(&path, part.join("\n") + "\n").unwrap();
            path
        })
        .collect()
}

fn assert_same(what: &str, view: View, one: &Scan, other: &Scan) {
    assert_eq!(one.report, other.report, "{view:?}: the report, {what}");
    assert!(one.pairs == other.pairs, "{view:?}: the pairs, {what}");
    assert!(one.connections == other.connections, "{view:?}: the connections, {what}");
}

#[test]
fn any_number_of_threads_gives_the_same() {
    for view in INVARIANT {
        let one = scan(&[view.log()], &["-j", "1"]);
        for threads in ["2", "3", "8"] {
            assert_same(&format!("-j {threads}"), view, &one, &scan(&[view.log()], &["-j", threads]));
        }
    }
}

#[test]
fn any_split_in_any_order_and_twice_gives_the_same() {
    for view in INVARIANT {
        let whole = scan(&[view.log()], &[]);
        for (parts, seed) in [(2, 1), (5, 2), (9, 3)] {
            let directory = tempfile::tempdir().unwrap();
            let mut files = split(view, parts, seed, directory.path());
            assert_same(&format!("{parts} parts"), view, &whole, &scan(&files, &[]));
            files.reverse();
            files.rotate_left(parts / 2);
            assert_same(&format!("{parts} parts in another order"), view, &whole, &scan(&files, &["-j", "1"]));
            files.push(view.log());
            files.push(directory.path().to_owned());
            assert_same("everything two or three times", view, &whole, &scan(&files, &[]));
        }
    }
}

#[test]
fn a_part_of_it_is_the_same_in_any_split() {
    let part = ["--since", "2003-03-03 19:30", "--until", "2003-03-04 00:30", "--ports", "1182,8085,3128"];
    for view in VIEWS {
        let whole = scan(&[view.log()], &part);
        let directory = tempfile::tempdir().unwrap();
        let mut files = split(view, 7, 5, directory.path());
        files.reverse();
        assert_same("a part, split", view, &whole, &scan(&files, &[&part[..], &["-j", "3"]].concat()));
        let all = scan(&[view.log()], &[]);
        assert!(!whole.connections.is_empty() && whole.connections.len() < all.connections.len() * 9 / 10, "{view:?}");
        let rows: HashSet<&str> = all.connections.iter().map(|row| row["uid"].as_str().unwrap()).collect();
        assert!(
            whole.connections.iter().all(|row| rows.contains(row["uid"].as_str().unwrap())),
            "{view:?}: nothing new"
        );
    }
}

/// A log without years that turns the year, split at New Year: the second file is of the year after `--year`.
#[test]
fn a_split_at_new_year_gives_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let turned = |line: &String| {
        let stamp = &line[..20];
        let (month, rest) = if stamp.starts_with("Mar 03") { ("Dec 31", &line[11..]) } else { ("Jan  1", &line[11..]) };
        format!("{month}{rest}\n")
    };
    let (_, lines) = lines_of(View::Pix);
    let write = |name: &str, lines: &[String]| {
        let path = directory.path().join(name);
        fs::write(&path, lines.iter().map(turned).collect::<String>()).unwrap();
        path
    };
    let cut = lines.iter().position(|line| line.starts_with("Mar 04")).unwrap();
    let whole = scan(&[write("whole", &lines)], &["--year", "2003"]);
    let (old, new) = (write("old", &lines[..cut]), write("new", &lines[cut..]));
    assert_same("split at New Year", View::Pix, &whole, &scan(&[new, old], &["--year", "2003"]));
    assert!(whole.report["incidents"][0]["daily"].as_array().unwrap().iter().any(|day| day["date"] == "2004-01-01"));
}

#[test]
fn packed_or_piped_gives_the_same() {
    for view in INVARIANT {
        let whole = scan(&[view.log()], &[]);
        let directory = tempfile::tempdir().unwrap();
        let text = fs::read(view.log()).unwrap();
        let [gz, zst, xz, bz2] = ["a", "b", "c", "d"].map(|name| directory.path().join(name));
        let mut packer = flate2::write::GzEncoder::new(fs::File::create(&gz).unwrap(), flate2::Compression::fast());
        packer.write_all(&text).unwrap();
        packer.finish().unwrap();
        fs::write(&zst, zstd::encode_all(text.as_slice(), 1).unwrap()).unwrap();
        assert_same("gzip", view, &whole, &scan(&[gz], &[]));
        let mut packed = Vec::new();
        liblzma::bufread::XzEncoder::new(text.as_slice(), 1).read_to_end(&mut packed).unwrap();
        fs::write(&xz, packed).unwrap();
        let mut packed = Vec::new();
        let fast = bzip2::Compression::fast();
        bzip2::bufread::BzEncoder::new(text.as_slice(), fast).read_to_end(&mut packed).unwrap();
        fs::write(&bz2, packed).unwrap();
        assert_same("zstd", view, &whole, &scan(&[zst], &[]));
        assert_same("xz", view, &whole, &scan(&[xz], &[]));
        assert_same("bzip2", view, &whole, &scan(&[bz2], &[]));
        assert_same("standard input", view, &whole, &scan_with(&["-".into()], &[], Some(&text)));
    }
}

#[test]
fn it_finds_the_relays_and_names_nobody_else() {
    let truth = &case().truth;
    let port = |host: &str| truth.relays.iter().find(|r| r.host == host).map(|r| u64::from(r.ports[0]));
    for view in VIEWS {
        let report = scan(&[view.log()], &[]).report;
        let named: Vec<&str> =
            report["incidents"].as_array().unwrap().iter().map(|i| i["host"].as_str().unwrap()).collect();
        let expected: HashSet<&str> = truth.relays.iter().filter(|r| !r.authorised).map(|r| r.host.as_str()).collect();
        assert_eq!(named.iter().copied().collect::<HashSet<_>>(), expected, "{view:?}");
        assert_eq!(named.len(), expected.len(), "{view:?}");
        for incident in report["incidents"].as_array().unwrap() {
            assert_eq!(incident["verdict"], "relay");
            assert_eq!(incident["services"][0]["port"].as_u64(), port(incident["host"].as_str().unwrap()));
            assert_eq!(incident["services"].as_array().unwrap().len(), 1);
        }
        let declared: Vec<&Value> = report["authorised"].as_array().unwrap().iter().map(|i| &i["host"]).collect();
        assert!(
            truth.relays.iter().filter(|r| r.authorised).all(|r| declared.contains(&&Value::from(r.host.as_str())))
        );
    }
}

/// The counts of the report against the truth of the lab, day by day. In syslog they are exact: the lines are all
/// there. A conn log has no line of what is open at its end.
#[test]
fn counts_are_those_of_the_truth() {
    for view in [View::Pix, View::Asa] {
        let report = scan(&[view.log()], &[]).report;
        for relay in case().truth.relays.iter().filter(|relay| !relay.authorised) {
            let incident = by_host(&report, &relay.host);
            for day in &relay.daily {
                let row = incident["daily"].as_array().unwrap().iter().find(|row| row["date"] == day.date.as_str());
                let row = row.unwrap_or_else(|| panic!("{} has no {}", relay.host, day.date));
                for (key, count) in [
                    ("outbound", day.counts.outbound),
                    ("inbound", day.counts.inbound),
                    ("smtp_completed", day.counts.smtp_completed),
                    ("unanswered", day.counts.unanswered),
                ] {
                    assert_eq!(row[key].as_u64(), Some(count), "{view:?} {} {} {key}", relay.host, day.date);
                }
            }
            let counts = &incident["counts"];
            // A client of the web proxy keeps its connection and asks up to three servers: only sums tell which.
            let share = if relay.kind == "web" { 10 } else { 100 };
            let near = |key: &str, count: u64| {
                let got = counts[key].as_u64().unwrap();
                assert!(got.abs_diff(count) <= 1 + count / share, "{view:?} {} {key}: {got}, is {count}", relay.host);
            };
            near("relayed", relay.counts.relayed);
            near("delivered", relay.counts.delivered);
            assert_eq!(counts["outbound_smtp"].as_u64(), Some(relay.counts.outbound_smtp));
        }
    }
}

/// Who kept trying after a cut, and what that kept open.
#[test]
fn a_cut_is_that_of_the_truth() {
    let truth = fs::read_to_string(View::Cut.log().parent().unwrap().with_extension("truth").join("truth.json"));
    let truth: catspaw_lab::Truth = serde_json::from_str(&truth.unwrap()).unwrap();
    for (view, truth) in [(View::Pix, &case().truth), (View::Asa, &case().truth), (View::Cut, &truth)] {
        let report = scan(&[view.log()], &[]).report;
        for relay in truth.relays.iter().filter(|relay| !relay.authorised) {
            let found = &by_host(&report, &relay.host)["containment"];
            let Some(cut) = &relay.containment else {
                assert_ne!(found["source"], "inferred", "{view:?}: {} was not cut off", relay.host);
                continue;
            };
            assert_eq!((&found["source"], found["answered_after"].as_u64()), (&"inferred".into(), Some(0)));
            assert!(found["at"].as_str().unwrap() >= cut.at.as_str(), "{view:?}: {found} {cut:?}");
            for (key, count) in [("attempts_after", cut.attempts_after), ("clients_after", cut.clients_after)] {
                assert_eq!(found[key].as_u64(), Some(count), "{view:?} {} {key}", relay.host);
            }
            let time = |key: &str| found[key].as_str().map(str::to_owned);
            assert_eq!(time("last_attempt"), cut.last_attempt);
            assert_eq!(time("translation_held_until"), cut.translation_held_until);
            // The device cuts a life to whole seconds, and the lab what is between its stamps.
            assert_eq!(found["translation_duration"].as_u64(), cut.translation_duration);
        }
    }
    assert!(truth.relays[0].counts.denied > 0, "the example has denied attempts");
}

/// A cut that is declared and does not hold: the connections say so.
#[test]
fn what_was_answered_after_a_declared_cut_is_in_the_connections() {
    for view in VIEWS {
        let scan = scan(&[view.log()], &[]);
        let relay = &case().truth.relays[1];
        let at = DECLARED.parse::<jiff::Timestamp>().unwrap().as_second() as f64;
        let asked = |row: &&Value| {
            row["id.resp_h"] == relay.host.as_str() && row["id.resp_p"] == relay.ports[0] && row["proto"] == "tcp"
        };
        let after = scan.connections.iter().filter(asked).filter(|row| row["ts"].as_f64().unwrap() >= at).count();
        let cut = &by_host(&scan.report, &relay.host)["containment"];
        assert_eq!((&cut["at"], &cut["source"]), (&DECLARED.into(), &"declared".into()));
        assert_eq!(cut["attempts_after"], after, "{view:?}");
        assert!(cut["answered_after"].as_u64().unwrap() > 10, "{view:?} {cut}");
    }
}

fn by_host<'a>(report: &'a Value, host: &str) -> &'a Value {
    let incidents = report["incidents"].as_array().unwrap();
    incidents.iter().find(|i| i["host"] == host).unwrap_or_else(|| panic!("{host} was not found"))
}

/// Every pair names connections that are in `--connections`, and the report's counts can be made again from both.
#[test]
fn counts_can_be_made_again_from_the_tables() {
    for view in VIEWS {
        let scan = scan(&[view.log()], &[]);
        let connections: HashMap<&str, &Value> =
            scan.connections.iter().map(|row| (row["uid"].as_str().unwrap(), row)).collect();
        assert_eq!(connections.len(), scan.connections.len(), "{view:?}: a uid names one connection");
        let pairs: Vec<Value> = scan.pairs.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for incident in scan.report["incidents"].as_array().unwrap() {
            let own = || pairs.iter().filter(|pair| pair["incident"] == incident["id"]);
            let mut relayed: BTreeMap<&str, &Value> = BTreeMap::new();
            for pair in own() {
                let out = &pair["outbound"];
                assert_leg(out, connections[out["uid"].as_str().unwrap()]);
                assert_leg(&pair["inbound"], connections[pair["inbound"]["uid"].as_str().unwrap()]);
                assert_eq!(pair["host"], incident["host"]);
                if out["bytes"].as_u64().unwrap_or(0) > 0 {
                    assert_eq!(pair["basis"], "bytes");
                    relayed.insert(out["uid"].as_str().unwrap(), pair);
                }
            }
            let counts = &incident["counts"];
            let sum = |of: &dyn Fn(&Value) -> u64| relayed.values().map(|pair| of(pair)).sum::<u64>();
            assert_eq!(counts["relayed"], relayed.len());
            assert_eq!(counts["bytes_relayed"], sum(&|pair| pair["outbound"]["bytes"].as_u64().unwrap()));
            assert_eq!(counts["delivered"], sum(&|pair| pair["delivered"].as_u64().unwrap()));
            let clients: HashSet<&Value> = relayed.values().map(|pair| &pair["inbound"]["orig_h"]).collect();
            assert_eq!(incident["clients_total"], clients.len());
            let out = |row: &&Value| row["id.orig_h"] == incident["host"] && row["proto"] == "tcp";
            let outside = |row: &&Value| !row["id.resp_h"].as_str().unwrap().starts_with("172.28.");
            let smtp = |row: &&Value| row["id.resp_p"] == 25;
            let all: Vec<&Value> = scan.connections.iter().filter(out).filter(outside).collect();
            assert_eq!(counts["outbound_smtp"], all.iter().copied().filter(smtp).count());
            let completed = all.iter().copied().filter(smtp).filter(|row| row["conn_state"] == "SF").count();
            assert_eq!(counts["smtp_completed"], completed);
        }
    }
}

fn assert_leg(leg: &Value, connection: &Value) {
    for (of_leg, of_connection) in [
        ("ts", "ts"),
        ("orig_h", "id.orig_h"),
        ("orig_p", "id.orig_p"),
        ("resp_h", "id.resp_h"),
        ("resp_p", "id.resp_p"),
        ("bytes", "bytes"),
    ] {
        assert_eq!(leg[of_leg], connection[of_connection], "{leg} {connection}");
    }
}

/// Precision and recall of the pairs with payload, by the connection ids that the lab wrote down.
#[test]
fn pairs_are_those_of_the_truth() {
    let pairs = fs::read_to_string(case().directory.path().join("pairs.tsv")).unwrap();
    let truth: HashSet<(String, String)> = pairs
        .lines()
        .skip(1)
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .map(|fields| (fields[0].to_owned(), fields[1].to_owned()))
        .collect();
    for view in [View::Pix, View::Asa] {
        let scan = scan(&[view.log()], &[]);
        let ids = ids_of(view, &scan);
        for relay in case().truth.relays.iter().filter(|relay| !relay.authorised) {
            let own = scan.pairs.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            let own: Vec<Value> = own.filter(|pair| pair["host"] == relay.host.as_str()).collect();
            let id = |pair: &Value, leg: &str| ids[pair[leg]["uid"].as_str().unwrap()].clone();
            let is_true = |pair: &&Value| truth.contains(&(id(pair, "inbound"), id(pair, "outbound")));
            let right = own.iter().filter(is_true).count();
            let carried = own.iter().filter(is_true).filter(|pair| pair["basis"] == "bytes").count() as u64;
            let name = format!("{view:?} {} {}", relay.host, relay.kind);
            assert!(right * 100 >= own.len() * 98, "{name}: {right} of {} pairs are right", own.len());
            let recall = if relay.kind == "web" { 90 } else { 98 };
            assert!(carried * 100 >= relay.counts.relayed * recall, "{name}: {carried} of {}", relay.counts.relayed);
        }
    }
}

/// The device's own number of each connection, found by its opening.
fn ids_of(view: View, scan: &Scan) -> HashMap<String, String> {
    let key = |ts: &str, a: &str, b: &str| format!("{ts} {a} {b}");
    let mut built = HashMap::new();
    for line in lines_of(view).1.iter().filter(|line| line.contains("302013")) {
        let ends: Vec<&str> = line.split(" for ").nth(1).unwrap().split(' ').collect();
        let end = |text: &str| text.split_once(':').unwrap().1.replace('/', ":");
        let id = line.split("connection ").nth(1).unwrap().split(' ').next().unwrap();
        built.insert(key(&seconds(view, line), &end(ends[0]), &end(ends[3])), id.to_owned());
    }
    let number = |row: &Value, key: &str| row[key].as_f64().unwrap().to_string();
    scan.connections
        .iter()
        .filter(|row| row["proto"] == "tcp")
        .filter_map(|row| {
            let end = |h: &str, p: &str| format!("{}:{}", row[h].as_str().unwrap(), row[p]);
            let (orig, resp) = (end("id.orig_h", "id.orig_p"), end("id.resp_h", "id.resp_p"));
            let ts = number(row, "ts");
            let id = built.get(&key(&ts, &orig, &resp)).or_else(|| built.get(&key(&ts, &resp, &orig)))?;
            Some((row["uid"].as_str().unwrap().to_owned(), id.clone()))
        })
        .collect()
}

/// A line's stamp in seconds of 1970, by the calendar of jiff.
fn seconds(view: View, line: &str) -> String {
    let civil = jiff::civil::DateTime::strptime("%b %d %Y %H:%M:%S", view.stamp(line)).unwrap();
    civil.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_second().to_string()
}
