//! `catspaw-lab wire`: writes a capture.

use std::io::{self, BufWriter, Write};
use std::time::Instant;

use catspaw_lab::wire::{CaptureForm, WireScenario, WireTruth, capture};

/// What is asked for, beside the scene.
struct Options {
    scenario: WireScenario,
    output: String,
    truth: Option<String>,
}

/// Reads the words after `wire`, and writes what they ask for.
pub(crate) fn run(arguments: impl Iterator<Item = String>) -> Result<(), String> {
    let options = parse(arguments)?;
    let begun = Instant::now();
    let mut to = BufWriter::with_capacity(1 << 20, crate::create(&options.output)?);
    let truth = capture(&options.scenario, &mut to).map_err(|why| why.to_string())?;
    to.flush().map_err(|why| format!("{}: {why}", options.output))?;
    report(&truth, begun.elapsed().as_secs_f64());
    options.truth.as_deref().map_or(Ok(()), |path| {
        let json = serde_json::to_string_pretty(&truth).map_err(|why| why.to_string())?;
        writeln!(crate::create(path)?, "{json}").map_err(|why| format!("{path}: {why}"))
    })
}

fn report(truth: &WireTruth, seconds: f64) {
    let counts = truth.expected;
    let flows = counts.tcp_connections + counts.udp_flows + counts.icmp_flows;
    let rate = counts.bytes as f64 / 1e6 / seconds.max(1e-9);
    let text = format!(
        "{} packets, {} bytes, {flows} flows, {} sessions, in {seconds:.2} s: {rate:.0} MB/s",
        counts.packets,
        counts.bytes,
        truth.sessions.len()
    );
    _ = writeln!(io::stderr().lock(), "{text}");
}

fn parse(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let words: Vec<String> = arguments.collect();
    let pairs: Vec<(&str, &str)> = words
        .chunks(2)
        .map(|pair| match pair {
            [name, value] => Ok((name.as_str(), value.as_str())),
            _ => Err(format!("{}: what? (try --help)", pair[0])),
        })
        .collect::<Result<_, _>>()?;
    let named = |name: &str| pairs.iter().rev().find(|(given, _)| *given == name).map(|(_, value)| *value);
    let mut scenario = scene(named("--scene").unwrap_or("campus"))?;
    let (mut output, mut truth) = ("-".to_owned(), None);
    for (name, value) in pairs {
        match name {
            "--scene" => {}
            "--hosts" => scenario.hosts = crate::number(name, value)?,
            "--seconds" => scenario.seconds = crate::number(name, value)?,
            "--bytes" => scenario.size = Some(crate::number(name, value)?),
            "--pace" => scenario.pace = crate::number(name, value)?,
            "--seed" => scenario.seed = crate::number(name, value)?,
            "--vlans" => scenario.vlans = value == "yes",
            "--form" => scenario.form = form(value)?,
            "-o" => output = value.to_owned(),
            "--truth" => truth = Some(value.to_owned()),
            _ => return Err(format!("no such option: {name} (try --help)")),
        }
    }
    Ok(Options { scenario, output, truth })
}

fn scene(name: &str) -> Result<WireScenario, String> {
    match name {
        "campus" => Ok(WireScenario::campus(1, 42)),
        "devious" => Ok(WireScenario::devious(1, 21)),
        "example" => Ok(WireScenario::example()),
        other => Err(format!("--scene: campus, devious or example, not {other}")),
    }
}

fn form(name: &str) -> Result<CaptureForm, String> {
    match name {
        "pcap" => Ok(CaptureForm::Pcap),
        "pcap-ns" => Ok(CaptureForm::PcapNanoseconds),
        "pcapng" => Ok(CaptureForm::Pcapng),
        other => Err(format!("--form: pcap, pcap-ns or pcapng, not {other}")),
    }
}
