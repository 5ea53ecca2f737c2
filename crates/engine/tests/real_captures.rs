//! Real captures, where they are at hand: beside the repository, in `../shared/data`.
#![allow(clippy::print_stderr, reason = "a test that has nothing to read says so")]
#![allow(clippy::disallowed_methods, reason = "a test opens the files whose bytes the crate is given")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use catspaw_engine::capture::{Damaged, Frame, Reader, sniff};
use catspaw_engine::decode::{self, Decoder};
use catspaw_records::Place;
use flate2::read::MultiGzDecoder;

/// What was found in one capture.
#[derive(Default)]
struct Found {
    frames: u64,
    /// Payload of each packet.
    payloads: Vec<Vec<u8>>,
    bad_checksums: usize,
    dropped: BTreeMap<&'static str, u64>,
    damaged: Option<Damaged>,
}

fn read(bytes: &[u8]) -> Found {
    let (mut found, mut reader, mut decoder) = (Found::default(), Reader::new(), Decoder::new());
    let read = reader.read(bytes, &mut |frame: Frame<'_>| {
        found.frames += 1;
        let located = decoder.locate(&frame, &mut |what, count| *found.dropped.entry(what).or_default() += count);
        let Some(located) = located else { return };
        let place = Place { file: 0, line: frame.number };
        let packet = decode::packet(&located.ip, frame.at, place, true).expect("a packet was found");
        found.bad_checksums += usize::from(packet.bad_checksum);
        found.payloads.push(packet.payload.to_vec());
    });
    found.damaged = read.map_or_else(Some, |used| reader.finish(&bytes[used..]));
    found
}

/// The captures of a folder and what lies in it, by their names from there on; none, and a word about it, where the folder
/// is not there.
fn captures(folder: &str) -> Vec<(String, Vec<u8>)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(folder);
    if !root.exists() {
        eprintln!("{} is not there: nothing tested", root.display());
        return Vec::new();
    }
    let (mut folders, mut found) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = content(&path);
            if sniff(&bytes) {
                let name = path.strip_prefix(&root).expect("it lies in it");
                found.push((name.display().to_string(), bytes));
            }
        }
    }
    found
}

fn content(path: &Path) -> Vec<u8> {
    let raw = fs::read(path).expect("a readable file");
    if path.extension().is_none_or(|extension| extension != "gz") {
        return raw;
    }
    let mut bytes = Vec::new();
    MultiGzDecoder::new(raw.as_slice()).read_to_end(&mut bytes).expect("a whole gzip file");
    bytes
}

#[test]
fn captures_are_read_to_their_ends() {
    for (name, bytes) in captures("pcap") {
        let found = read(&bytes);
        eprintln!(
            "{name}: {} frames, {} packets, {} wrong, {:?}",
            found.frames,
            found.payloads.len(),
            found.bad_checksums,
            found.dropped
        );
        assert_eq!(found.damaged, None, "{name}");
        assert!(found.frames > 0 && !found.payloads.is_empty(), "{name}");
    }
}

#[test]
fn fragments_of_ipv6_on_every_link_make_one_packet() {
    for (name, bytes) in captures("rules-conformance/defrag") {
        let found = read(&bytes);
        eprintln!("{name}: {:?}", found.dropped);
        assert_eq!(found.payloads.iter().filter(|payload| payload.len() == 1000).count(), 1, "{name}");
    }
}

#[test]
fn a_service_header_is_looked_behind() {
    for (name, bytes) in captures("rules-conformance/decode-nsh-type2") {
        let found = read(&bytes);
        let is_it = |payload: &&Vec<u8>| payload.starts_with(b"data\n\n") && payload.ends_with(b"data\n\n");
        assert_eq!(found.payloads.iter().filter(is_it).count(), 1, "{name}: {:?}", found.dropped);
    }
}
