//! What a report counts, counted again by the commands of `docs/counting.md`: of the repository's example, and of the logs
//! that lie beside the checkout (`../shared/data`), where they are there.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test says what it skips, and fails where it cannot go on"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// A command of the page, under what it counts.
#[derive(Debug)]
struct Counting {
    what: String,
    shell: String,
}

/// A log, unpacked, in a folder of its own, with its report.
struct Scanned {
    folder: tempfile::TempDir,
    report: Value,
    /// `cisco-syslog` or `zeek-conn`.
    format: String,
    text: String,
}

/// How a count and what a command prints must lie to each other.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Relation {
    Equal,
    AtMost,
    AtLeast,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every command of the page: what follows a line `# what` in a `sh` block.
fn page() -> Vec<Counting> {
    let text = fs::read_to_string(root().join("docs/counting.md")).unwrap();
    let mut commands: Vec<Counting> = Vec::new();
    for block in text.split("```sh\n").skip(1) {
        for line in block.split("```").next().unwrap().lines() {
            match (line.strip_prefix("# "), commands.last_mut()) {
                (Some(what), _) => commands.push(Counting { what: what.to_owned(), shell: String::new() }),
                (None, Some(command)) => _ = writeln!(command.shell, "{line}"),
                (None, None) => panic!("a block begins without a line `# what`: {line}"),
            }
        }
    }
    commands
}

/// Whether there is what the commands need; says so where there is not.
fn have_tools() -> bool {
    let runs = |program: &str| {
        Command::new("sh")
            .args(["-c", &format!("command -v {program}")])
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
    };
    let missing: Vec<&str> = ["grep", "awk"].into_iter().filter(|program| !runs(program)).collect();
    if !missing.is_empty() {
        eprintln!("skipped: no sh, or in it no {}", missing.join(" and no "));
    }
    missing.is_empty()
}

fn shared(path: &str) -> Option<PathBuf> {
    let path = root().join("../shared/data").join(path);
    if !path.exists() {
        eprintln!("skipped: {} is not there", path.display());
    }
    path.exists().then_some(path)
}

fn unpacked(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "zst") {
        zstd::decode_all(&bytes[..]).unwrap()
    } else {
        bytes
    }
}

impl Scanned {
    fn of(log: &Path, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = unpacked(log);
        fs::write(folder.path().join("log"), &text).unwrap();
        let mut scan = Command::new(env!("CARGO_BIN_EXE_catspaw"));
        scan.current_dir(folder.path()).args(["scan", "-q", "--format", "json", "--pairs", "pairs.tsv"]).args(options);
        let output = scan.arg("log").stdin(Stdio::null()).output().unwrap();
        assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let format = report["evidence"][0]["format"].as_str().unwrap().to_owned();
        Self { folder, report, format, text: String::from_utf8(text).unwrap() }
    }

    /// What the report says of hosts in the topology that has all counts.
    fn told(&self) -> Vec<&Value> {
        let told = ["incidents", "authorised"].into_iter().flat_map(|list| self.report[list].as_array().unwrap());
        told.filter(|incident| incident["topology"] == "forward").collect()
    }

    /// The day as the log's stamps have it.
    fn day(&self, date: &str) -> String {
        let date: jiff::civil::Date = date.parse().unwrap();
        if self.format == "zeek-conn" {
            return format!("- {}", (date - jiff::civil::date(1970, 1, 1)).get_days());
        }
        let blank = date.strftime("%b %e ").to_string();
        let has = |before: &str| self.text.contains(&format!("{before}{blank}"));
        let has_blank = self.text.starts_with(&blank) || has("\n") || has(">");
        date.strftime(if has_blank { "%b %e" } else { "%b %d" }).to_string()
    }

    /// What a command prints of an incident, and of a day where it asks for one.
    fn run(&self, command: &Counting, incident: &Value, date: Option<&str>) -> String {
        let ports: Vec<String> =
            incident["services"].as_array().unwrap().iter().map(|service| service["port"].to_string()).collect();
        let mut shell = Command::new("sh");
        shell.current_dir(self.folder.path()).args(["-c", &command.shell]).stdin(Stdio::null());
        shell.env("LC_ALL", "C").env("LOG", "log").env("PORTS", ports.join("|"));
        shell.env("ID", incident["id"].as_str().unwrap());
        shell.env("HOST", incident["host"].as_str().unwrap().replace('.', "[.]"));
        if let Some(date) = date {
            let midnight = date.parse::<jiff::civil::Date>().unwrap().to_zoned(jiff::tz::TimeZone::UTC).unwrap();
            let from = midnight.timestamp().as_second();
            shell.env("DAY", self.day(date)).env("FROM", from.to_string()).env("TO", (from + 86_400).to_string());
        }
        let output = shell.output().unwrap();
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(err, "", "{}: {}", command.what, command.shell);
        out.trim().to_owned()
    }

    /// Holds every count to every command for it; gives back how many comparisons there were.
    fn compare(&self, commands: &[&Counting]) -> usize {
        let list = commands.iter().find(|command| command.what == format!("attempts of {}", self.format)).unwrap();
        let mut compared = 0;
        let told = self.told().into_iter().filter(|incident| incident["services"] != serde_json::json!([]));
        for (number, incident) in told.enumerate() {
            // Zeek's list is one host's, since its log has no inside.
            if number == 0 || self.format == "zeek-conn" {
                self.run(list, incident, None);
            }
            for command in commands.iter().filter(|command| !command.what.starts_with("attempts of ")) {
                let (key, relation) = key(&command.what);
                match key.split_once('.').unwrap() {
                    ("counts", key) => {
                        compared += self.hold(command, relation, incident, &incident["counts"][key], None)
                    }
                    ("daily", key) => {
                        for day in incident["daily"].as_array().unwrap() {
                            compared += self.hold(command, relation, incident, &day[key], day["date"].as_str());
                        }
                    }
                    other => panic!("{other:?} is no count"),
                }
            }
        }
        compared
    }

    fn hold(
        &self,
        command: &Counting,
        relation: Relation,
        incident: &Value,
        count: &Value,
        date: Option<&str>,
    ) -> usize {
        let (Some(count), printed) = (count.as_u64(), self.run(command, incident, date)) else { return 0 };
        let by_hand: u64 = printed.parse().unwrap_or_else(|_| panic!("{} printed {printed:?}", command.what));
        let holds = match relation {
            Relation::Equal => count == by_hand,
            Relation::AtMost => count <= by_hand,
            Relation::AtLeast => count >= by_hand,
        };
        let host = &incident["host"];
        assert!(
            holds,
            "{host} {date:?}: the report says {count} for {}, by hand {by_hand}:\n{}",
            command.what, command.shell
        );
        1
    }
}

fn key(what: &str) -> (&str, Relation) {
    let what = what.strip_prefix("plain ").unwrap_or(what);
    match what.split_once(" is at ") {
        Some((key, "most")) => (key, Relation::AtMost),
        Some((key, "least")) => (key, Relation::AtLeast),
        _ => (what, Relation::Equal),
    }
}

fn is_plain(command: &Counting) -> bool {
    command.what.starts_with("plain ")
}

/// Every count of the contract has a command.
#[test]
fn the_page_counts_every_count() {
    let page = page();
    let keys: Vec<&str> = page.iter().map(|command| key(&command.what).0).collect();
    let scanned = Scanned::of(&root().join("examples/case-2003/pix.log"), &[]);
    let incident = scanned.told()[0];
    let not_by_hand = ["delivered_unit", "recipients"];
    for (object, name) in [(&incident["counts"], "counts"), (&incident["daily"][0], "daily")] {
        for count in
            object.as_object().unwrap().keys().filter(|key| !not_by_hand.contains(&key.as_str()) && *key != "date")
        {
            assert!(
                keys.contains(&format!("{name}.{count}").as_str()),
                "docs/counting.md has no command for {name}.{count}"
            );
        }
    }
}

#[test]
fn the_example_counts_as_by_hand_with_plain_grep_too() {
    if !have_tools() {
        return;
    }
    let page = page();
    let config = root().join("examples/case-2003.toml").canonicalize().unwrap();
    let options = ["--config", config.to_str().unwrap()];
    let pix = Scanned::of(&root().join("examples/case-2003/pix.log"), &options);
    assert_eq!(pix.told().len(), 4);
    assert!(pix.compare(&page.iter().collect::<Vec<_>>()) > 100);
    let zeek = Scanned::of(&root().join("examples/case-2003-zeek/conn.log"), &options);
    assert!(zeek.compare(&page.iter().filter(|command| !is_plain(command)).collect::<Vec<_>>()) > 100);
}

#[test]
fn captures_count_as_by_hand() {
    if !have_tools() {
        return;
    }
    let page = page();
    let exact: Vec<&Counting> = page.iter().filter(|command| !is_plain(command)).collect();
    for capture in
        ["1-spam-socks", "2-spam-connect", "3-smtp-odd-port", "5-web-proxy", "8-innocents-busy", "9-mixed-campus"]
    {
        for log in ["pix.log.zst", "asa.log.zst", "conn.log.zst"] {
            let Some(path) = shared(&format!("captures/{capture}/{log}")) else { continue };
            let scanned = Scanned::of(&path, &[]);
            eprintln!("{capture}, {log}: {} comparisons", scanned.compare(&exact));
        }
    }
}

/// Of the device whose log is the shorter one; the other, whose commands take minutes, when asked for.
#[test]
fn four_days_of_one_device_count_as_by_hand() {
    hold_case("dorm-pix.log.zst");
}

#[test]
#[ignore = "takes minutes: the larger log of the four days"]
fn four_days_of_the_other_device_count_as_by_hand() {
    hold_case("pix.log.zst");
}

fn hold_case(log: &str) {
    let Some(path) = shared(&format!("case/{log}")).filter(|_| have_tools()) else { return };
    let page = page();
    let exact: Vec<&Counting> = page.iter().filter(|command| !is_plain(command)).collect();
    let compared = Scanned::of(&path, &["--year", "2003"]).compare(&exact);
    assert!(compared > 40, "{compared}");
}
