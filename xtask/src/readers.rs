//! How fast each reader reads by itself, beside that of Cisco's syslog.

use std::collections::HashMap;
use std::fs;

use crate::args::Args;
use crate::bench::{commit, machine};
use crate::run::{self, Doing, Result, cargo};
use crate::tables::Table;

/// Logs are made of so many lines of a PIX; the others have as many connections.
const LINES: u64 = 500_000;
const HOSTS: u64 = 20_000;
const ROUNDS: u64 = 5;

/// What is asked of each, of the bytes a second that the first one reads.
const ASKED: f64 = 0.5;

/// The forms that the lab writes, and what they are.
const FORMS: [(&str, &str); 19] = [
    ("pix", "Cisco PIX"),
    ("asa", "Cisco ASA"),
    ("asa-5424", "Cisco ASA, RFC 5424"),
    ("ftd", "Cisco FTD, 430003"),
    ("pan-os", "PAN-OS, CSV"),
    ("pan-os-cef", "PAN-OS, CEF"),
    ("pan-os-leef", "PAN-OS, LEEF"),
    ("fortigate", "FortiGate"),
    ("fortigate-cef", "FortiGate, CEF"),
    ("junos", "SRX, structured"),
    ("junos-text", "SRX, sentences"),
    ("conntrack", "conntrack"),
    ("netfilter", "iptables LOG"),
    ("zeek", "Zeek, TSV"),
    ("zeek-json", "Zeek, JSON"),
    ("ecs", "map of ECS, JSON"),
    ("cim", "map of CIM, CSV"),
    ("csv", "own map, CSV"),
    ("pairs", "own map, key=value"),
];

/// One reading of a log.
struct Reading {
    bytes: f64,
    records: f64,
    /// Lines that gave no record.
    others: u64,
    nanos: f64,
}

/// `cargo xtask bench readers`.
pub(crate) fn readers(args: &mut Args) -> Result<String> {
    let lines = args.option("--lines")?.unwrap_or(LINES);
    let rounds = args.option("--rounds")?.unwrap_or(ROUNDS).max(1);
    let only = args.names()?;
    if let Some(unknown) = only.iter().find(|name| FORMS.iter().all(|(form, _)| form != name)) {
        let all: Vec<&str> = FORMS.iter().map(|(form, _)| *form).collect();
        return Err(format!("no form {unknown}: {}", all.join(", ")).into());
    }
    // The first is what the others are compared with.
    let is_asked = |form: &str| only.is_empty() || form == FORMS[0].0 || only.iter().any(|asked| asked == form);
    let forms: Vec<_> = FORMS.into_iter().filter(|(form, _)| is_asked(form)).collect();
    let readings = read(&forms, lines, rounds)?;
    let text = format!(
        "{}; catspaw at {}; logs of {} connections and more of {HOSTS} hosts; the best of {rounds} rounds\n",
        machine(),
        commit()?,
        lines / 4,
    );
    Ok(format!("{text}\n{}", table(&forms, &readings)))
}

/// Has the logs made and read, each by its form.
fn read(forms: &[(&str, &str)], lines: u64, rounds: u64) -> Result<HashMap<String, Reading>> {
    let scratch = run::target().join("bench");
    fs::create_dir_all(&scratch).doing(scratch.display())?;
    let mut command =
        cargo(["run", "--locked", "--quiet", "--release", "--package", "catspaw", "--features", "fuzzed"]);
    command.args(["--example", "read_speed", "--", &rounds.to_string()]).arg("xtask/src/edge.toml");
    let prefix = format!("readers-{lines}-");
    for (form, _) in forms {
        let log = scratch.join(format!("{prefix}{form}.log"));
        let [lines, hosts] = [lines, HOSTS].map(|number| number.to_string());
        let mut lab = cargo(["run", "--locked", "--quiet", "--release", "--package", "catspaw-lab", "--", "big"]);
        run::run(lab.args(["--lines", &lines, "--hosts", &hosts, "--format", form, "-o"]).arg(&log))?;
        command.arg(log);
    }
    let printed = run::output(&mut command)?;
    printed.lines().map(|line| parse(line, &prefix).ok_or_else(|| format!("no reading: {line}").into())).collect()
}

/// `PATH FORMAT BYTES RECORDS SKIPPED UNPARSED NANOSECONDS`, with tabs between, and the form in the path.
fn parse(line: &str, prefix: &str) -> Option<(String, Reading)> {
    let mut columns = line.split('\t');
    let form = columns.next()?.rsplit_once(prefix)?.1.strip_suffix(".log")?.to_owned();
    columns.next()?;
    let mut number = || columns.next()?.parse::<u64>().ok();
    let (bytes, records, skipped, unparsed, nanos) = (number()?, number()?, number()?, number()?, number()?);
    let reading =
        Reading { bytes: bytes as f64, records: records as f64, others: skipped + unparsed, nanos: nanos as f64 };
    Some((form, reading))
}

fn table(forms: &[(&str, &str)], readings: &HashMap<String, Reading>) -> String {
    let rate = |form: &str| readings.get(form).map_or(f64::NAN, |reading| reading.bytes * 1e3 / reading.nanos);
    let cisco = rate(FORMS[0].0);
    let mut table =
        Table::new(&["log", "bytes a record", "records", "other lines", "MB/s", "ns a record", "of Cisco's"]);
    let mut short = String::new();
    for (form, name) in forms {
        let Some(Reading { bytes, records, others, nanos }) = readings.get(*form) else { continue };
        let of_cisco = rate(form) / cisco;
        table.row(vec![
            (*name).to_owned(),
            format!("{:.0}", bytes / records),
            format!("{records}"),
            others.to_string(),
            format!("{:.0}", rate(form)),
            format!("{:.0}", nanos / records),
            format!("{of_cisco:.2}"),
        ]);
        if of_cisco < ASKED {
            short +=
                &format!("- {name}: {of_cisco:.2} of Cisco's bytes a second, at least {ASKED} is asked: falls short\n");
        }
    }
    if short.is_empty() {
        short = format!("- every reader reads at least {ASKED} of Cisco's bytes a second\n");
    }
    format!("{table}\n{short}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_falls_short_is_named() {
        let lines = [
            "/x/readers-8-pix.log\tcisco-syslog\t1000\t10\t0\t0\t1000",
            "/x/readers-8-zeek.log\tzeek-conn\t1000\t10\t1\t0\t2001",
            "/x/readers-8-csv.log\tcolumns:edge\t1000\t10\t0\t2\t2000",
        ];
        let readings = lines.iter().map(|line| parse(line, "readers-8-").unwrap()).collect();
        let forms = [("pix", "Cisco"), ("zeek", "Zeek"), ("csv", "CSV")];
        let shown = table(&forms, &readings);
        assert!(
            shown.contains("| Zeek  | 100            | 10      | 1           | 500  | 200         | 0.50       |"),
            "{shown}"
        );
        let short: Vec<&str> = shown.lines().filter(|line| line.starts_with('-')).collect();
        assert_eq!(short, ["- Zeek: 0.50 of Cisco's bytes a second, at least 0.5 is asked: falls short"]);
        assert!(parse("no reading", "readers-8-").is_none());
    }
}
