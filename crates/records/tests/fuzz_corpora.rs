//! Every file of the fuzz corpora, on what the fuzz targets check: a crash that was found once stays found.
#![expect(clippy::disallowed_methods, reason = "a test reads the corpora that stand in the repository")]
#![expect(clippy::print_stdout, reason = "what a failed test printed says which file it was")]

use std::fs;
use std::path::Path;

// The crate itself would bring libFuzzer into every build.
#[path = "../../../fuzz/src/records.rs"]
#[expect(unreachable_pub, reason = "this is a crate that is a module here")]
mod targets;

fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files = 0;
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        let data = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        println!("{}", path.display());
        check(&data);
        files += 1;
    }
    assert!(files > 0, "{} is empty", folder.display());
}

#[test]
fn cisco() {
    replay("cisco", targets::cisco);
}

#[test]
fn leases() {
    replay("leases", targets::leases);
}

#[test]
fn nmap() {
    replay("nmap", targets::nmap);
}

#[test]
fn zeek() {
    replay("zeek", targets::zeek);
}
