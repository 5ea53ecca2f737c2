//! `--redact`: what is shown to others says nothing of who we are.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::pix::relay_log;
use crate::run::Place;

/// A key of the tests' own: by one in some thousand, chosen at random, an address stands for itself.
pub(crate) const KEY: [u8; 32] = [9; 32];

/// Everything that a scan writes.
const TABLES: [&str; 3] = ["pairs.jsonl", "connections.jsonl", "pairs.log"];

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)
}

/// The addresses of ours in a PIX or ASA log, inside and as the outside sees them, and those of others.
fn addresses(log: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut ours, mut theirs) = (BTreeSet::new(), BTreeSet::new());
    for line in log.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        for (at, word) in words.iter().enumerate() {
            let Some((interface, end)) = word.split_once(':') else { continue };
            let (inside, translation) = (interface == "inside", line.contains("translation"));
            if !inside && interface != "outside" {
                continue;
            }
            let list = if inside || translation { &mut ours } else { &mut theirs };
            list.insert(end.split('/').next().unwrap().to_owned());
            if let Some(mapped) = words.get(at + 1).and_then(|next| next.strip_prefix('(')) {
                list.insert(mapped.split('/').next().unwrap().to_owned());
            }
        }
    }
    (ours, theirs)
}

/// All that may be an address in a text, dotted or dashed.
fn quads(text: &str) -> HashSet<String> {
    let mut quads = HashSet::new();
    for word in text.split(|c: char| !c.is_ascii_digit() && c != '.' && c != '-') {
        let numbers: Vec<&str> = word.split(['.', '-']).collect();
        quads.extend(numbers.windows(4).map(|four| four.join(".")));
    }
    quads
}

/// All that a scan of `log` writes under `options`, by name.
fn outputs(log: &str, hosts: &[String], options: &[&str]) -> HashMap<String, String> {
    let place = Place::with("logs/fw-172-28-220-181.log", log);
    place.write("key", KEY);
    let mut outputs = HashMap::new();
    let common = [options, &["--year", "2003", "-v", "logs"]].concat();
    let mut said = Vec::new();
    for format in ["text", "json", "csv"] {
        let tables = ["--pairs", "pairs.jsonl", "--connections", "connections.jsonl", "--format", format];
        said.push((format.to_owned(), place.scan(&[&tables[..], &common].concat())));
    }
    said.push(("tsv".to_owned(), place.scan(&[&["--pairs", "pairs.log"][..], &common].concat())));
    for host in hosts {
        said.push((format!("explain {host}"), place.scan(&[&["--explain", host][..], &common].concat())));
    }
    for (name, said) in said {
        assert_eq!(said.status, Some(1), "{name}: {}", said.err);
        outputs.insert(format!("{name} (stderr)"), said.err);
        outputs.insert(name, said.out);
    }
    outputs.extend(TABLES.map(|name| (name.to_owned(), place.read(name))));
    outputs
}

fn assert_no_leak(log: &str) {
    let (ours, theirs) = addresses(log);
    assert!(ours.len() > 20 && theirs.len() > 20);
    let place = Place::with("fw.log", log);
    let found = place.report(&["--year", "2003", "fw.log"]);
    let hosts: Vec<String> =
        found["incidents"].as_array().unwrap().iter().map(|i| i["host"].as_str().unwrap().to_owned()).collect();
    let plain = outputs(log, &hosts[..1], &[]);
    let plain: HashMap<&str, HashSet<String>> = plain.iter().map(|(name, text)| (name.as_str(), quads(text))).collect();
    assert!(plain.iter().all(|(name, quads)| name.contains("stderr") || quads.contains(&hosts[0])));
    for scope in ["--redact", "--redact=all"] {
        for (name, text) in &outputs(log, &hosts[..1], &[scope, "--redact-key", "key"]) {
            let quads = quads(text);
            let seen =
                |whom: &BTreeSet<String>| whom.iter().filter(|&addr| quads.contains(addr)).cloned().collect::<Vec<_>>();
            assert_eq!(seen(&ours), Vec::<String>::new(), "{scope} {name}");
            if scope == "--redact=all" {
                assert_eq!(seen(&theirs), Vec::<String>::new(), "{scope} {name}");
            } else {
                // Whoever used it, and whom it was used against, can be read as before.
                let before = theirs.iter().filter(|&addr| plain[name.as_str()].contains(addr)).count();
                assert_eq!(seen(&theirs).len(), before, "{name}");
            }
        }
    }
}

#[test]
fn nothing_of_the_example_leaks() {
    assert_no_leak(&fs::read_to_string(example("case-2003/pix.log")).unwrap());
}

#[test]
fn nothing_of_the_captures_leaks() {
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/captures");
    let Ok(packed) = fs::read(captures.join("1-spam-socks/asa.log.zst")) else {
        eprintln!("skipped: {} is not there", captures.display());
        return;
    };
    assert_no_leak(&String::from_utf8(zstd::decode_all(packed.as_slice()).unwrap()).unwrap());
}

#[test]
fn one_key_gives_one_answer_everywhere() {
    let place = Place::with("relay.log", relay_log());
    let report = |options: &[&str]| place.report(&[options, &["--pairs", "pairs.jsonl", "relay.log"]].concat());
    let plain = report(&[]);
    report(&["--redact", "--redact-key", "made"]);
    let mode = fs::metadata(place.path().join("made")).unwrap().permissions().mode();
    assert_eq!((mode & 0o777, fs::read(place.path().join("made")).unwrap().len()), (0o600, 32));
    place.write("key", KEY);
    let first = report(&["--redact", "--redact-key", "key"]);
    let pair: Value = serde_json::from_str(place.read("pairs.jsonl").lines().next().unwrap()).unwrap();
    let incident = &first["incidents"][0];
    assert_eq!((&pair["host"], &pair["incident"]), (&incident["host"], &incident["id"]));
    assert_eq!(pair["inbound"]["resp_h"], incident["host"]);
    assert_ne!(incident["id"], plain["incidents"][0]["id"]);
    assert_ne!(incident["host"], plain["incidents"][0]["host"]);
    assert_eq!(incident["clients"], plain["incidents"][0]["clients"]);
    assert_eq!(incident["counts"], plain["incidents"][0]["counts"]);
    assert_eq!(report(&["--redact=own", "--redact-key", "key"]), first);
    let other = report(&["--redact"]);
    assert_ne!(other["incidents"][0]["id"], incident["id"], "without a file each run has a key of its own");
    assert_ne!(report(&["--redact=all", "--redact-key", "key"])["incidents"][0]["clients"], incident["clients"]);
    let text = place.scan(&["--redact", "--redact-key", "key", "relay.log"]).out;
    assert!(text.contains("Our addresses are replaced") && !text.contains("reason = "), "{text}");
}

#[test]
fn a_flow_has_the_name_of_its_shown_addresses() {
    let place = Place::with("relay.log", relay_log());
    place.write("key", KEY);
    let flows = |options: &[&str]| -> BTreeSet<String> {
        let rows = place.connections(&[options, &["relay.log"]].concat());
        rows.iter().map(|row| row["community_id"].as_str().unwrap().to_owned()).collect()
    };
    let (plain, redacted) = (flows(&[]), flows(&["--redact", "--redact-key", "key"]));
    assert!(plain.len() > 70);
    assert_eq!(plain.len(), redacted.len());
    assert!(plain.is_disjoint(&redacted), "{plain:?} {redacted:?}");
}

#[test]
fn a_connections_name_does_not_tell_its_addresses() {
    // Of connections of packets, and of logs without numbers, the name is made of their ends.
    let place = Place::with("x.pcap", fs::read(example("case-wire/capture.pcap.zst")).unwrap());
    place.write("key", KEY);
    place.write("other", [7; 32]);
    let names = |options: &[&str]| -> BTreeSet<String> {
        let rows = place.connections(&[options, &["x.pcap"]].concat());
        rows.iter().map(|row| row["uid"].as_str().unwrap().to_owned()).collect()
    };
    let plain = names(&[]);
    let redacted = ["key", "other"].map(|key| names(&["--redact", "--redact-key", key]));
    assert!(plain.len() > 70 && redacted.iter().all(|names| names.len() == plain.len() && names.is_disjoint(&plain)));
    assert!(redacted[0].is_disjoint(&redacted[1]), "they are told by the key alone");
}

#[test]
fn what_cannot_be_redacted_is_refused() {
    let place = Place::with("relay.log", relay_log());
    place.write("short", "too short");
    place.write("long", [0; 33]);
    for (options, says) in [
        (&["--redact", "--redact-key", "short"][..], "--redact-key short: a key is 32 bytes, here are 9"),
        (&["--redact", "--redact-key", "long"], "--redact-key long: a key is 32 bytes, here are more"),
        (&["--redact", "--redact-key", "no/such/key"], "--redact-key no/such/key: cannot be made"),
        (&["--redact", "--redact-key", "key", "-o", "key"], "-o key: this file is read or written already"),
        (&["--redact-key", "key"], "--redact-key replaces nothing without --redact"),
        (&["--redact=ours"], "possible values: own, all"),
        (&["--redact", "all"], "all is no file: write --redact=all, with an equals sign"),
        (&["--redact", "--suggest-authorised", "s.toml"], "would declare addresses that nobody has"),
    ] {
        let said = place.scan(&[options, &["relay.log"]].concat());
        assert!(said.failed().contains(says), "{options:?}: {}", said.err);
    }
    place.write("open", [7; 32]);
    let said = place.scan(&["--redact", "--redact-key", "open", "relay.log"]);
    assert!(said.err.contains("warning: open: others may read this key"), "{}", said.err);
}
