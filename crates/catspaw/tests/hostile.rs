//! Logs that nobody would write on purpose, and some that somebody would: whatever comes in, a scan ends with a report or a
//! reason, tells what became of every line, and takes no more memory for it.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::{Command, Stdio};

use pix::{DAY, Log, relay_log};
use run::{Place, Said};
use serde_json::Value;

#[path = "cli/pix.rs"]
#[expect(dead_code, reason = "the other tests use the rest")]
mod pix;
#[path = "cli/run.rs"]
#[expect(dead_code, reason = "the other tests use the rest")]
mod run;

/// What a scan may have for its data, in MiB.
const MEMORY: u64 = 512;
const HOUR: i64 = 3600;
const YEAR: i64 = 365 * 24 * HOUR;

/// What was written, and what came of it.
#[derive(Debug)]
struct Scanned {
    report: Value,
    /// `--connections`.
    rows: String,
}

/// A scan of standard input that must give a report, by a program that is ended where it wants more memory than it may have.
#[track_caller]
fn scan(write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>, options: &[&str]) -> Scanned {
    let place = Place::new();
    let said = run(&place, write, &[options, &["--format", "json", "--connections", "rows.jsonl"]].concat());
    assert!(matches!(said.status, Some(0 | 1)), "{:?}: {}", said.status, said.err);
    Scanned { report: serde_json::from_str(&said.out).unwrap(), rows: place.read("rows.jsonl") }
}

fn run(place: &Place, write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>, options: &[&str]) -> Said {
    let scan = place.command(options);
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("ulimit -d {}; exec \"$@\"", MEMORY << 10), "sh"]);
    limited.arg(scan.get_program()).args(scan.get_args()).arg("-").current_dir(place.path());
    limited.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = limited.spawn().unwrap();
    let mut input = io::BufWriter::new(child.stdin.take().unwrap());
    // It may have ended without reading all of it.
    _ = write(&mut input).and_then(|()| input.flush());
    drop(input);
    Said::from(child.wait_with_output().unwrap())
}

/// A scan of a text, of which every line must be told.
#[track_caller]
fn scan_lines(log: impl AsRef<[u8]>) -> Scanned {
    let log = log.as_ref();
    let scanned = scan(|input| input.write_all(log), &[]);
    let lines = log.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii_end().is_empty()).count();
    assert_eq!(scanned.told(), lines as u64, "{} {}", scanned.report["evidence"], scanned.report["unparsed"]);
    scanned
}

impl Scanned {
    fn rows(&self) -> Vec<Value> {
        self.rows.lines().map(|row| serde_json::from_str(row).unwrap()).collect()
    }

    /// The lines that each connection comes from.
    fn places(&self) -> impl Iterator<Item = &str> {
        self.rows.lines().map(|row| row.split_once("\"place\":\"").unwrap().1.split_once('"').unwrap().0)
    }

    /// Connections whose opening and end are both known.
    fn whole(&self) -> usize {
        self.places().filter(|place| place.contains(',')).count()
    }

    fn sum(&self, of: &str) -> u64 {
        self.report["evidence"].as_array().unwrap().iter().map(|one| one[of].as_u64().unwrap()).sum()
    }

    fn unparsed(&self) -> u64 {
        let rows = self.report["unparsed"].as_array().unwrap().iter().filter(|one| one["kind"] != "file");
        rows.map(|one| one["count"].as_u64().unwrap()).sum()
    }

    /// Lines of which the report says what became of them.
    fn told(&self) -> u64 {
        self.sum("records") + self.sum("skipped") + self.unparsed()
    }

    fn dropped(&self, table: &str) -> u64 {
        let rows = self.report["dropped"].as_array().unwrap().iter();
        rows.filter(|row| row["table"] == table).map(|row| row["count"].as_u64().unwrap()).sum()
    }

    /// What was relayed, where it is only [`relay_log`]'s host that relays.
    #[track_caller]
    fn relayed(&self) -> u64 {
        let hosts: Vec<&Value> = self.report["incidents"].as_array().unwrap().iter().map(|one| &one["host"]).collect();
        assert_eq!(hosts, ["10.0.0.66"]);
        self.report["incidents"][0]["counts"]["relayed"].as_u64().unwrap()
    }

    /// Lines that the connections come from: each stands in one of them, unless it is a second copy.
    #[track_caller]
    fn check_places(&self) {
        let mut places: Vec<u64> =
            self.places().flat_map(|place| place.split(',')).map(|line| line.parse().unwrap()).collect();
        let all = places.len();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), all, "no line is in two connections");
        assert_eq!(all as u64, self.sum("records") - self.sum("duplicates"), "every line is in one");
    }
}

#[test]
fn a_log_that_ends_anywhere_is_read_so_far() {
    let log = relay_log();
    for cut in (log.len() / 2..log.len()).step_by(log.len() / 40) {
        let scanned = scan_lines(&log[..cut]);
        scanned.check_places();
        assert!((18..=40).contains(&scanned.relayed()), "cut at {cut}");
        assert!(scanned.unparsed() <= 1);
    }
}

/// Bytes that nothing can be made of, the same ones in each run.
fn rubbish(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(&mut next).take(bytes).collect()
}

#[test]
fn what_is_no_log_is_refused_and_within_a_log_it_is_counted() {
    let place = Place::new();
    let said = run(&place, |input| input.write_all(&rubbish(3 << 20)), &[]);
    assert!(said.failed().contains("standard input: no evidence"), "{}", said.err);
    let log = relay_log();
    let half = log[..log.len() / 2].rfind('\n').unwrap() + 1;
    let mut with = log.as_bytes()[..half].to_vec();
    with.extend(rubbish(1 << 20));
    with.push(b'\n');
    with.extend(&log.as_bytes()[half..]);
    let scanned = scan_lines(with);
    assert_eq!((scanned.relayed(), scanned.sum("records")), (40, 160));
    scanned.check_places();
}

#[test]
fn several_formats_in_one_file_are_read_by_the_first() {
    let others = [
        "#separator \\x09",
        "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto",
        "1046736000.000000\tC1\t10.0.0.66\t4000\t192.0.2.1\t80\ttcp",
        r#"{"ts":1046736000.0,"uid":"C1","id.orig_h":"10.0.0.66","id.orig_p":4000,"id.resp_h":"192.0.2.1","id.resp_p":80}"#,
        "date=2003-03-04 time=00:00:00 devname=\"f\" type=\"traffic\" subtype=\"forward\" srcip=10.0.0.66 dstip=192.0.2.1",
        "ts,orig_h,resp_h",
        "kernel: IN=eth0 OUT=eth1 SRC=10.0.0.66 DST=192.0.2.1 PROTO=TCP SPT=1 DPT=2",
        "<?xml version=\"1.0\"?><nmaprun>",
        "\u{1f}\u{8b}\u{8}",
    ];
    let mixed: String =
        relay_log().lines().zip(others.iter().cycle()).map(|(line, other)| format!("{line}\n{other}\n")).collect();
    let scanned = scan_lines(mixed);
    assert_eq!((scanned.relayed(), scanned.sum("records")), (40, 160));
    assert_eq!(scanned.report["evidence"][0]["format"], "cisco-syslog");
    scanned.check_places();
}

#[test]
fn lines_without_an_end_take_no_memory() {
    let log = relay_log();
    let (before, behind) = log.split_at(log[..log.len() / 2].rfind('\n').unwrap() + 1);
    let megabyte = vec![b'x'; 1 << 20];
    let scanned = scan(
        |input| {
            input.write_all(before.as_bytes())?;
            // One that is longer than the memory.
            for _ in 0..MEMORY + 100 {
                input.write_all(&megabyte)?;
            }
            input.write_all(b"\n")?;
            for _ in 0..3 {
                for _ in 0..10 {
                    input.write_all(&megabyte)?;
                }
                input.write_all(b"\n")?;
            }
            input.write_all(behind.as_bytes())?;
            for _ in 0..10 {
                input.write_all(&megabyte)?;
            }
            Ok(())
        },
        &[],
    );
    assert_eq!((scanned.relayed(), scanned.sum("records"), scanned.unparsed()), (40, 160, 5));
    scanned.check_places();
}

#[test]
fn numbers_that_collide_join_nothing_that_does_not_belong_together() {
    // Every connection has the number 7: of one device in turn, of one at once, and of several devices.
    let mut log = Log::default();
    let own = |n: i64| ("10.0.0.5", 1024 + n as u16);
    let peer = |n: i64| format!("198.18.{}.{}", n / 250, n % 250);
    for n in 0..500 {
        log.built(DAY + n, "outbound", "7", (&peer(n), 80), own(n));
        log.ended(DAY + n, "7", (&peer(n), 80), own(n), "0:00:00", &n.to_string());
    }
    for n in 500..1000 {
        log.built(DAY + n, "outbound", "7", (&peer(n), 80), own(n));
    }
    for n in 500..1000 {
        log.ended(DAY + 1000 + n, "7", (&peer(n), 80), own(n), "0:16:40", &n.to_string());
    }
    let turned = log.text.lines().enumerate();
    let text: String =
        turned.map(|(n, line)| line.replacen(" pix : ", &format!(" pix{} : ", n / 2 % 3), 1) + "\n").collect();
    for log in [&log.text, &text] {
        let scanned = scan_lines(log);
        scanned.check_places();
        // Each end tells of as many bytes as its connection's port says.
        for row in scanned.rows() {
            let port = row["id.orig_p"].as_u64().unwrap();
            assert!(row["bytes"].is_null() || row["bytes"] == port - 1024, "{row}");
        }
    }
    let scanned = scan_lines(&log.text);
    assert_eq!(scanned.whole(), 501, "those in turn, and the last of those at once");
}

#[test]
fn ends_before_their_beginnings_are_told_alone() {
    let mut backwards: Vec<String> = relay_log().lines().map(str::to_owned).collect();
    let stamped = |n: usize, line: &str| {
        let mut log = Log::default();
        log.line(DAY + n as i64, line.split_once(" pix : ").unwrap().1);
        log.text
    };
    backwards.reverse();
    let torn_down_first: String = backwards.iter().enumerate().map(|(n, line)| stamped(n, line)).collect();
    let scanned = scan_lines(torn_down_first);
    scanned.check_places();
    assert_eq!((scanned.places().count(), scanned.sum("late")), (160, 0), "no end belongs to a later beginning");
    // The same lines with their own stamps are a log that was written from its end.
    let scanned = scan_lines(backwards.join("\n"));
    scanned.check_places();
    assert!(scanned.sum("late") > 100, "{}", scanned.report["evidence"]);
}

#[test]
fn clocks_that_jump_lose_nothing_but_what_is_late() {
    let quiet = |from: i64| {
        let mut log = Log::default();
        for n in 0..40 {
            log.out(from + n, "10.0.0.5");
        }
        log.text
    };
    for jump in [2, 60, HOUR, 30 * HOUR, YEAR, 30 * YEAR, -2, -60, -HOUR, -30 * HOUR, -YEAR, -30 * YEAR] {
        let log = relay_log() + &quiet(DAY + 2 * HOUR + jump) + &quiet(DAY + 3 * HOUR);
        let scanned = scan_lines(log);
        scanned.check_places();
        assert_eq!((scanned.relayed(), scanned.sum("records")), (40, 320), "{jump}");
        let jumps_back = !(-HOUR - 60..=HOUR).contains(&jump);
        assert_eq!(scanned.sum("late") > 0, jumps_back, "{jump}: {}", scanned.report["evidence"]);
    }
    // A clock that goes back and forth by a minute is one that several processes write by.
    let mut log = String::new();
    for (n, line) in relay_log().lines().enumerate() {
        log += line;
        log += "\n";
        let mut other = Log::default();
        other.out(DAY + n as i64 * 15 - 60 * (n as i64 % 2), "10.0.0.5");
        log += &other.text.replace("connection 1 ", &format!("connection 9{n} "));
    }
    let scanned = scan_lines(log);
    scanned.check_places();
    assert_eq!((scanned.relayed(), scanned.sum("late")), (40, 0));
}

#[test]
fn a_clock_that_stands_still_is_borne() {
    let mut log = Log::default();
    for n in 0..30_000 {
        let (id, port) = (n.to_string(), (n % 50_000) as u16);
        log.built(DAY, "outbound", &id, ("192.0.2.80", 80), ("10.0.0.5", port));
        log.ended(DAY, &id, ("192.0.2.80", 80), ("10.0.0.5", port), "0:00:00", "700");
    }
    let scanned = scan_lines(&log.text);
    scanned.check_places();
    assert_eq!((scanned.places().count(), scanned.sum("late"), scanned.sum("duplicates")), (30_000, 0, 0));
}

/// Writes the log of 2003 with one more opening for each of `hosts`, which is never seen again, nor closed.
fn write_hosts(to: &mut dyn io::Write, hosts: u32) -> io::Result<()> {
    let relay = relay_log();
    let (mut lines, every) = (relay.lines(), hosts / 160);
    let mut line = String::new();
    for n in 0..hosts {
        if n % every == 0 {
            lines.next().map_or(Ok(()), |relayed| writeln!(to, "{relayed}"))?;
        }
        let minute = n / every / 4;
        line.clear();
        _ = writeln!(
            line,
            "Mar 04 2003 00:{minute:02}:59 pix : %PIX-6-302013: Built outbound TCP connection 9{n} for \
             outside:192.0.2.80/80 (192.0.2.80/80) to inside:10.{}.{}.{}/4000 (192.0.2.1/4000)",
            1 + (n >> 16),
            n >> 8 & 255,
            n & 255
        );
        to.write_all(line.as_bytes())?;
    }
    lines.try_for_each(|relayed| writeln!(to, "{relayed}"))
}

#[test]
fn hosts_that_appear_once_make_room_for_each_other() {
    const HOSTS: u32 = 290_000;
    let scanned = scan(|input| write_hosts(input, HOSTS), &["--home-net", "10.0.0.0/8"]);
    assert_eq!(scanned.told(), u64::from(HOSTS) + 160);
    assert_eq!(
        scanned.places().count(),
        HOSTS as usize + 80,
        "all that was open is shown, of whom nothing is known any more, too"
    );
    scanned.check_places();
    assert!(scanned.dropped("hosts") > 20_000, "{}", scanned.report["dropped"]);
    assert_eq!(scanned.relayed(), 40);
}

#[test]
fn connections_of_many_hosts_that_are_left_open_are_all_shown() {
    let mut log = Log::default();
    for n in 0..60_000_u32 {
        let (own, peer) = (format!("10.1.{}.{}", n % 300 / 250, n % 250), format!("198.18.{}.{}", n / 250, n % 250));
        let at = DAY + i64::from(n / 30);
        log.built(at, if n % 2 == 0 { "inbound" } else { "outbound" }, &n.to_string(), (&peer, 80), (&own, 4000));
    }
    log.relay(DAY + 2000, 40);
    let scanned = scan_lines(&log.text);
    scanned.check_places();
    assert_eq!((scanned.places().count(), scanned.relayed()), (60_080, 40));
    assert_eq!(scanned.whole(), 80);
}
