//! Evidence that comes once, through pipes and named pipes, and readers that go away.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::files::{bzip2, gzip, xz, zstd};
use crate::pix::relay_log;
use crate::run::Place;
use crate::zeek::conn_log;

/// A named pipe; whoever opens it is given `content`.
fn fifo(place: &Place, name: &str, content: Vec<u8>) -> thread::JoinHandle<()> {
    let path: PathBuf = place.path().join(name);
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    thread::spawn(move || {
        let mut pipe = File::create(path).unwrap();
        // In pieces that are no lines.
        for piece in content.chunks(4_097) {
            if pipe.write_all(piece).is_err() {
                return;
            }
        }
    })
}

/// What a report says beside the names of files and the text of records.
fn without_names(mut report: Value) -> Value {
    for evidence in report["evidence"].as_array_mut().unwrap() {
        evidence["path"] = Value::Null;
    }
    for incident in report["incidents"].as_array_mut().unwrap() {
        for example in incident["examples"].as_array_mut().unwrap() {
            // The text is read again from the file.
            (example["path"], example["text"]) = (Value::Null, Value::Null);
        }
    }
    report
}

#[test]
fn a_named_pipe_gives_what_its_file_gives() {
    let place = Place::new();
    let leases = "lease 172.28.0.5 {\n  starts 2 2003/03/04 00:00:00;\n  ends 3 2003/03/05 00:00:00;\n  hardware ethernet 00:00:5e:00:53:01;\n}\n";
    let scan = "<?xml version=\"1.0\"?>\n<nmaprun scanner=\"nmap\" start=\"1046736000\"><host><status state=\"up\"/><address addr=\"172.28.0.5\" addrtype=\"ipv4\"/>\
                <ports><port protocol=\"tcp\" portid=\"1182\"><state state=\"open\"/></port></ports></host><runstats/></nmaprun>\n";
    let capture = std::fs::read(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/case-wire/capture.pcap.zst"),
    );
    let log = relay_log();
    let ecs = crate::columns::ecs(&crate::columns::connections());
    let mut all: Vec<(&str, Vec<u8>)> = vec![
        ("pix", log.clone().into_bytes()),
        ("zeek", conn_log().into_bytes()),
        ("ecs", ecs.into_bytes()),
        ("gzip", gzip(log.as_bytes())),
        ("zstd", zstd(log.as_bytes())),
        ("xz", xz(log.as_bytes())),
        ("bzip2", bzip2(log.as_bytes())),
        ("leases", leases.into()),
        ("scan", scan.into()),
    ];
    all.extend(capture.ok().map(|bytes| ("capture", bytes)));
    place.write("pix.log", &log);
    for (name, content) in all {
        let file = format!("{name}.file");
        place.write(&file, &content);
        let pipe = fifo(&place, name, content);
        // Leases and scans say nothing by themselves.
        let arguments = |evidence: &str| -> Value { place.report(&[evidence, "pix.log"]) };
        let piped = without_names(arguments(name));
        pipe.join().unwrap();
        let expected = without_names(arguments(&file));
        assert_eq!(piped, expected, "{name}");
        assert_eq!(expected["evidence"].as_array().unwrap().len(), 2, "{name}");
    }
}

#[test]
fn several_pipes_are_merged_by_time() {
    let place = Place::new();
    let log = relay_log();
    let lines: Vec<&str> = log.split_inclusive('\n').collect();
    let (first, second) = lines.split_at(lines.len() / 2);
    place.write("whole.log", &log);
    let pipes =
        [fifo(&place, "second", second.concat().into_bytes()), fifo(&place, "first", gzip(first.concat().as_bytes()))];
    let report = place.report(&["second", "first"]);
    pipes.into_iter().for_each(|pipe| pipe.join().unwrap());
    let whole = place.report(&["whole.log"]);
    assert_eq!(report["incidents"][0]["counts"], whole["incidents"][0]["counts"]);
    assert_eq!(report["evidence"].as_array().unwrap().iter().map(|e| e["late"].as_u64().unwrap()).sum::<u64>(), 0);
}

#[test]
fn a_pipe_that_is_packed_as_nobody_unpacks_is_said_once_and_does_not_hang() {
    let place = Place::new();
    let pipe = fifo(&place, "pipe", b"\x04\x22\x4d\x18and so on".to_vec());
    let said = place.scan(&["pipe"]);
    pipe.join().unwrap();
    assert!(said.failed().starts_with("error: pipe: lz4: not read by this version"), "{}", said.err);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let place = Place::with("pix.log", relay_log());
    for format in ["text", "json", "csv"] {
        let mut child = place.command(&["pix.log", "--format", format]).spawn().unwrap();
        drop(child.stdout.take());
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(1), ""), "{format}");
    }
    // A table that nobody takes is not what was asked for.
    let mut child = place
        .command(&["pix.log", "--connections", "/dev/stdout", "-q", "-o", "report"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2), "{err}");
    assert!(!err.contains("panicked"), "{err}");
}
