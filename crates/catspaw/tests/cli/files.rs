//! Files that are missing, empty, cut off, packed, or something else.

use std::fs;
use std::io::{Read as _, Write as _};

use crate::pix::{quiet_log, relay_log};
use crate::run::Place;

const NOTHING_READ: &str = "error: no evidence: no file gave a record that is understood";

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(content).unwrap();
    packed.finish().unwrap()
}

pub(crate) fn zstd(content: &[u8]) -> Vec<u8> {
    zstd::encode_all(content, 1).unwrap()
}

pub(crate) fn xz(content: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    liblzma::bufread::XzEncoder::new(content, 6).read_to_end(&mut packed).unwrap();
    packed
}

pub(crate) fn bzip2(content: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    bzip2::bufread::BzEncoder::new(content, bzip2::Compression::fast()).read_to_end(&mut packed).unwrap();
    packed
}

/// Half a megabyte of log, so that what is lost at a cut is little of it.
fn long_log() -> String {
    let mut log = crate::pix::Log::default();
    for n in 0..2000 {
        log.out(crate::pix::DAY + n, "10.0.0.5");
    }
    log.text
}

#[test]
fn a_file_of_a_directory_that_is_not_read_is_named_at_the_head_of_the_report() {
    let junk = "what nobody has stamped, in a line of its own\n".repeat(1600);
    let place = Place::with("in/a.log", junk + &relay_log());
    place.write("in/b.log", quiet_log());
    let text = |said: &crate::run::Said| said.out.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = text(&place.scan(&["in"]));
    let head = said.split_once(" That is no proof").expect("nothing found").0;
    assert!(
        head.contains("Nothing here is of in/a.log (no evidence: text of no kind that is known in its first 64 KiB"),
        "{head}"
    );
    place.write("in/c.log", relay_log());
    place.write("in/d.log", "dear diary\n");
    let said = text(&place.scan(&["in"]));
    let head = said.split_once(" What went through").expect("a relay").0;
    let says = "Nothing here is of in/a.log, in/d.log; why stands under \"Not understood\".";
    assert!(head.contains(says), "{head}");
    // Of what was read in part that is no word.
    place.write("e/f.log", quiet_log().trim_end());
    assert!(!place.scan(&["e"]).out.contains("Nothing here is of"));
}

#[test]
fn what_is_no_evidence_is_an_error_where_it_was_named_and_a_warning_where_it_was_met() {
    for (name, content, says) in [
        ("notes.txt", &b"dear diary\n"[..], "text of no kind that is known in its first 64 KiB"),
        ("picture.png", b"\x89PNG\r\n\0\0", "binary data"),
        (
            "conn.json",
            b"{\"ts\":1.0,\"id.orig_h\":\"10.0.0.1\"}\n",
            "JSON that is no Zeek conn log and fits no map of columns",
        ),
        ("log.lz4", b"\x04\x22\x4d\x18", "lz4: not read by this version; lz4cat"),
        ("log.Z", b"\x1f\x9d\x90", "compress: not read by this version; zcat"),
        ("log.zip", b"PK\x03\x04....", "a zip archive: unpack it first"),
        (
            "nfcapd.202611230700",
            b"\x0c\xa5\x02\0\0\x01",
            "a file of nfcapd's (NetFlow, IPFIX, sFlow), which this version does not read: nfdump",
        ),
        (
            "x",
            b"# mail\nalert tcp any any -> any any (content:\"RCPT TO\"; sid:1;)\n",
            "rules of Snort or Suricata: --rules FILE holds them",
        ),
        ("x", b"# ours\n\nhome_net = [\"10.0.0.0/8\"]\n", "a configuration of catspaw's: --config FILE takes it"),
        ("x", b"[[authorised]]\nhost = \"10.0.0.1\"\n", "a configuration of catspaw's: --config FILE takes it"),
        ("x", b"[[map]]\nname = \"edge\"\n", "a map of columns: --columns FILE reads logs by it"),
        ("x", b"alert everybody\nhome_network is down\n", "text of no kind that is known in its first 64 KiB"),
    ] {
        let place = Place::with(&format!("in/{name}"), content);
        let said = place.scan(&[&format!("in/{name}")]);
        let err = said.failed();
        assert!(err.starts_with(&format!("error: in/{name}: ")) && err.contains(says), "{err}");
        assert!(err.ends_with(&format!("{NOTHING_READ}\n")), "{err}");
        place.write("in/quiet.log", quiet_log());
        let said = place.scan(&["in"]);
        assert_eq!(said.status, Some(0));
        assert!(said.err.starts_with(&format!("warning: in/{name}: ")) && said.err.contains(says), "{}", said.err);
    }
}

#[test]
fn what_is_empty_or_not_there_is_said() {
    let place = Place::with("empty.log", "");
    fs::create_dir(place.path().join("directory")).unwrap();
    for (name, says) in [
        ("empty.log", "warning: empty.log: empty"),
        ("directory", "warning: directory: a directory without a file in it"),
        ("missing.log", "error: missing.log: there is no such file or directory"),
    ] {
        assert_eq!(place.scan(&[name]).failed(), format!("{says}\n{NOTHING_READ}\n"));
    }
}

#[cfg(unix)]
#[test]
fn what_may_not_be_read_is_said() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::with("in/secret.log", quiet_log());
    let path = place.path().join("in/secret.log");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::File::open(&path).is_ok() {
        // The superuser may read everything.
        return;
    }
    assert!(place.scan(&["in/secret.log"]).failed().contains("error: in/secret.log: permission denied"));
    assert!(place.scan(&["in"]).failed().contains("warning: in/secret.log: permission denied"));
}

#[test]
fn what_is_packed_is_read_and_what_was_cut_off_is_read_so_far() {
    let log = long_log();
    let place = Place::new();
    let log = log.as_bytes();
    for (name, packed) in [("log.gz", gzip(log)), ("log.zst", zstd(log)), ("log.xz", xz(log)), ("log.bz2", bzip2(log))]
    {
        place.write(name, &packed);
        let report = place.report(&[name]);
        assert_eq!(report["evidence"][0]["records"], 4000);
        assert_eq!(report["evidence"][0]["bytes"], packed.len());
        place.write(name, &packed[..packed.len() * 3 / 4]);
        let said = place.scan(&[name]);
        assert_eq!(said.status, Some(0));
        assert!(said.err.contains(&format!("warning: {name}: cut off")), "{}", said.err);
        let read = place.report(&[name])["evidence"][0]["records"].as_u64().unwrap();
        assert!((1000..4000).contains(&read), "{read} of {name}");
    }
}

#[test]
fn a_packed_file_that_is_damaged_is_read_so_far() {
    let mut packed = gzip(long_log().as_bytes());
    let middle = packed.len() * 3 / 4;
    packed[middle..middle + 64].fill(0xa5);
    let place = Place::with("log.gz", packed);
    let said = place.scan(&["log.gz"]);
    assert_eq!(said.status, Some(0), "{}", said.err);
    assert!(said.err.contains("warning: log.gz: "), "{}", said.err);
}

#[test]
fn a_file_within_a_file_is_not_unpacked_twice() {
    for inner in [gzip(quiet_log().as_bytes()), zstd(quiet_log().as_bytes()), bzip2(quiet_log().as_bytes())] {
        let place = Place::with("log.gz", gzip(&inner));
        let err = place.scan(&["log.gz"]).err;
        assert!(
            err.contains("error: log.gz: no evidence: packed twice: unpack it once, as in zcat FILE | catspaw scan -"),
            "{err}"
        );
    }
}

#[test]
fn standard_input_is_read_once_however_often_it_is_named() {
    let place = Place::new();
    for input in [relay_log().into_bytes(), gzip(relay_log().as_bytes())] {
        let said = place.scan_input(&["-", "-", "--format", "json"], &input);
        assert_eq!(said.status, Some(1), "{}", said.err);
        let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(report["evidence"].as_array().unwrap().len(), 1);
        assert_eq!(report["evidence"][0]["path"], "-");
        assert_eq!(report["evidence"][0]["duplicates"], 0);
    }
    assert!(place.scan_input(&["-"], b"").failed().starts_with("warning: standard input: empty"));
    let lz4 = place.scan_input(&["-"], b"\x04\x22\x4d\x18");
    assert!(lz4.failed().contains("put lz4cat before catspaw: ... | lz4cat | catspaw scan -"));
}

#[test]
fn a_file_that_is_named_and_met_counts_once() {
    let place = Place::with("in/relay.log", relay_log());
    place.write("in/copy.log", relay_log());
    let once = place.report(&["in/relay.log"]);
    let thrice = place.report(&["in", "in/relay.log", "in"]);
    assert_eq!(once["incidents"][0]["counts"], thrice["incidents"][0]["counts"]);
}

#[cfg(unix)]
#[test]
fn links_that_lead_in_a_circle_end() {
    let place = Place::with("in/relay.log", relay_log());
    std::os::unix::fs::symlink("..", place.path().join("in/up")).unwrap();
    std::os::unix::fs::symlink("nowhere", place.path().join("in/broken")).unwrap();
    let said = place.scan(&["in"]);
    assert_eq!(said.status, Some(1));
    assert!(said.err.contains("warning: in/broken: there is no such file"), "{}", said.err);
}

#[test]
fn a_capture_that_is_cut_off_is_a_warning() {
    let place = Place::with("in/capture.pcap", b"\xd4\xc3\xb2\xa1\x02\0\x04\0");
    place.write("in/quiet.log", quiet_log());
    let said = place.scan(&["in"]);
    assert_eq!(said.status, Some(0));
    assert!(said.err.starts_with("warning: in/capture.pcap: the file ends within its header"), "{}", said.err);
}
