//! Scans that other projects test their readers on, where a copy lies beside the repository.
#![expect(clippy::disallowed_methods, reason = "a test reads files that stand beside the repository")]
#![expect(clippy::print_stdout, reason = "says that there was nothing to test on")]

use std::fs;
use std::path::{Path, PathBuf};

use catspaw_records::nmap::{Form, Host, Said, Scan};
use jiff::tz::TimeZone;

/// Every file, by name; none (and a word about it) where there is no copy.
fn collected() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/nmap");
    let Ok(entries) = fs::read_dir(&folder) else {
        println!("not tested, for there is no {}", folder.display());
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    let read = |path: PathBuf| (path.display().to_string(), fs::read(&path).expect("a readable file"));
    let mut files: Vec<_> = paths.map(read).collect();
    files.sort();
    files
}

fn read(content: &[u8]) -> Option<(Scan, Vec<Host>, usize)> {
    let (mut hosts, mut unparsed) = (Vec::new(), 0);
    let scan = Form::sniff(content)?.read(content, 0, &TimeZone::UTC, &mut |said| match said {
        Said::Host(host) => hosts.push(host),
        Said::Unparsed(_) => unparsed += 1,
    });
    Some((scan, hosts, unparsed))
}

/// Counted by what stands in the text, which nmap writes in one way.
#[test]
fn every_host_of_every_scan_is_read() {
    for (name, content) in collected() {
        let text = String::from_utf8_lossy(&content);
        let Some((scan, hosts, unparsed)) = read(&content) else {
            assert!(!text.contains("<nmaprun"), "{name} is a scan");
            continue;
        };
        let written = text.matches("<host>").count() + text.matches("<host ").count();
        // An address that its owner has struck out is none.
        let struck_out = usize::from(text.contains("addr=\"IP\""));
        assert_eq!(hosts.len(), written - struck_out, "{name}");
        assert_eq!(unparsed, 2 * struck_out, "{name}");
        assert!(scan.complete && scan.started.is_some(), "{name}");
        let open: usize = hosts.iter().map(|host| host.open.len()).sum();
        let ports = text.split("<port ").skip(1).filter(|port| port.contains("protocol=\"tcp\""));
        let answered = ports.filter(|port| port.split("</port>").next().unwrap().contains("state=\"open\"")).count();
        assert_eq!(open, answered * (1 - struck_out), "{name}");
    }
}

#[test]
fn cut_anywhere_none_fails() {
    for (_, content) in collected() {
        for cut in (0..content.len()).step_by(1 + content.len() / 50) {
            if let Some((scan, hosts, _)) = read(&content[..cut]) {
                assert!(!scan.complete);
                assert!(hosts.len() <= content.len());
            }
        }
    }
}
