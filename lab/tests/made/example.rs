//! The committed example is what the lab makes, and what its README says of it is true.

use std::path::{Path, PathBuf};

use crate::officer::make;
use catspaw_lab::{Scenario, example};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

#[test]
fn the_example_on_disk_is_what_the_lab_makes() {
    for (name, content) in example::files().expect("an example") {
        let there = std::fs::read(directory().join(name)).unwrap_or_default();
        // A checkout may have its own line ends.
        let there: Vec<u8> = there.into_iter().filter(|&byte| byte != b'\r').collect();
        assert!(there == content, "{name} differs: cargo run --release -p catspaw-lab -- example");
    }
}

#[test]
fn the_capture_on_disk_is_what_the_lab_makes() {
    let packed = std::fs::read(directory().join(example::CAPTURE)).unwrap_or_default();
    let there = zstd::decode_all(packed.as_slice()).unwrap_or_default();
    let (made, _) = example::wire().expect("a capture");
    assert!(there == made, "{} differs: cargo run --release -p catspaw-lab -- example", example::CAPTURE);
    assert!(packed.len() < 400_000, "{}", packed.len());
}

#[test]
fn it_is_small() {
    let files = example::files().expect("an example");
    let logs: usize = files.iter().filter(|file| file.0.ends_with(".log")).map(|file| file.1.len()).sum();
    assert!(logs < 1_500_000, "{logs}");
}

/// The officer's greps, by the shell and not by us.
#[cfg(unix)]
#[test]
fn the_greps_count_what_the_truth_says() {
    let scenario = Scenario::example();
    let made = make(&scenario);
    for officers in example::officers_counts(&scenario, &made.truth) {
        let shell = std::process::Command::new("sh").arg("-c").arg(&officers.command).current_dir(directory()).output();
        let printed = String::from_utf8(shell.expect("a shell").stdout).expect("a number");
        assert_eq!(printed.trim(), officers.count.to_string(), "{}: {}", officers.what, officers.command);
    }
}
