//! `examples/`: a small case for the documentation and the tests, committed, and made again to the byte.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use crate::civil::{Civil, DAY, MONTHS};
use crate::scenario::Scenario;
use crate::truth::{RelayTruth, Truth};
use crate::wire::{WireScenario, WireTruth, capture};
use crate::write::{Pairs, Pix, Tee, ZeekConn};

/// A count that anybody can repeat: what is counted, the command that does it, what it prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Officers {
    /// What is counted.
    pub what: String,
    /// The command, for a POSIX shell in `examples/`.
    pub command: String,
    /// The number that it prints.
    pub count: u64,
}

/// The files of the example, each with its name.
///
/// # Errors
/// None that are to be expected: nothing is read or written.
pub fn files() -> io::Result<Vec<(&'static str, Vec<u8>)>> {
    let scenario = Scenario::example();
    let (mut pix, mut conn, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
    let mut tee = Tee::default()
        .and(Pix { sensor: scenario.sensor.clone(), year: true }.to(&mut pix))
        .and(ZeekConn::new(&mut conn, scenario.begin()))
        .and(Pairs::new(&mut pairs));
    let truth = crate::run(&scenario, &mut tee)?;
    drop(tee);
    let mut json = serde_json::to_vec_pretty(&truth)?;
    json.push(b'\n');
    let (_, of_wire) = wire()?;
    let mut wire_json = serde_json::to_vec_pretty(&of_wire)?;
    wire_json.push(b'\n');
    Ok(vec![
        ("README.md", readme(&scenario, &truth, &of_wire).into_bytes()),
        ("case-2003.toml", configuration(&truth).into_bytes()),
        ("case-2003/pix.log", pix),
        ("case-2003-zeek/conn.log", conn),
        ("case-2003.truth/pairs.tsv", pairs),
        ("case-2003.truth/truth.json", json),
        ("case-wire.truth/truth.json", wire_json),
    ])
}

/// Where the capture of the example is.
pub const CAPTURE: &str = "case-wire/capture.pcap.zst";

/// The capture of the example, not packed, and what is true of it.
///
/// # Errors
/// None that are to be expected: nothing is read or written.
pub fn wire() -> io::Result<(Vec<u8>, WireTruth)> {
    let mut packets = Vec::new();
    let truth = capture(&WireScenario::example(), &mut packets)?;
    Ok((packets, truth))
}

/// Writes the files of the example into `directory`.
///
/// # Errors
/// When it cannot be written to.
pub fn write(directory: &Path) -> io::Result<()> {
    let (packets, _) = wire()?;
    // What is packed may differ from one version of zstd to the next: what is in it does not.
    let packed = (CAPTURE, zstd::encode_all(packets.as_slice(), 19)?);
    for (name, content) in files()?.into_iter().chain([packed]) {
        let path = directory.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(directory))?;
        std::fs::write(path, content)?;
    }
    Ok(())
}

/// What the owner has declared: the relays that are meant to be some.
fn configuration(truth: &Truth) -> String {
    let mut text = "# What the owner of the network has declared.\nhome_net = [\"172.28.0.0/16\"]\n".to_owned();
    for relay in truth.relays.iter().filter(|relay| relay.authorised) {
        let (host, port) = (&relay.host, relay.ports[0]);
        _ = write!(
            text,
            "\n[[authorised]]\nhost = \"{host}\"\nproto = \"tcp\"\nport = {port}\nreason = \"mail server\"\n"
        );
    }
    text
}

/// The counts by hand, of every infected host.
#[must_use]
pub fn officers_counts(scenario: &Scenario, truth: &Truth) -> Vec<Officers> {
    truth.relays.iter().filter(|relay| !relay.authorised).flat_map(|relay| of_host(scenario, relay)).collect()
}

fn of_host(scenario: &Scenario, relay: &RelayTruth) -> Vec<Officers> {
    let (host, port, counts) = (&relay.host, relay.ports[0], &relay.counts);
    let inside = host.replace('.', r"\.");
    let mut all = Vec::new();
    let mut count = |what: String, command: String, count: u64| {
        all.push(Officers { what: format!("{host}, {what}"), command, count });
    };
    for (number, day) in (0..).zip(&relay.daily) {
        let Civil { month, day: of_month, .. } = Civil::of(scenario.begin() + number * DAY);
        let stamp = format!("{} {of_month:02} ", MONTHS[month as usize - 1]);
        let of_day = format!("grep '^{stamp}' case-2003/pix.log | grep 302013 | grep -c 'Built");
        let date = &day.date;
        count(
            format!("outbound TCP on {date}"),
            format!("{of_day} outbound.* to inside:{inside}/'"),
            day.counts.outbound,
        );
        count(
            format!("inbound to {port} on {date}"),
            format!("{of_day} inbound.* to inside:{inside}/{port} '"),
            day.counts.inbound - day.counts.denied,
        );
    }
    let (first, last) = relay.asked;
    if first < last {
        let ports: Vec<String> = (first..=last).map(|port| port.to_string()).collect();
        let ports = ports.join("|");
        count(
            format!("inbound to {first}-{last}"),
            format!("grep 302013 case-2003/pix.log | grep -cE 'Built inbound.* to inside:{inside}/({ports}) '"),
            counts.inbound_run_of_ports,
        );
    }
    count(
        "SMTP opened".to_owned(),
        format!("grep 302013 case-2003/pix.log | grep -c 'Built outbound.*/25 (.* to inside:{inside}/'"),
        counts.outbound_smtp,
    );
    count(
        "SMTP closed by FINs".to_owned(),
        format!("grep 302014 case-2003/pix.log | grep '/25 to inside:{inside}/' | grep -c 'TCP FINs'"),
        counts.smtp_completed,
    );
    count(
        "attempts without an answer".to_owned(),
        format!(
            "grep 302014 case-2003/pix.log | grep 'to inside:{inside}/{port} ' | grep -cE 'bytes 0 (SYN Timeout|TCP Reset-[IO])$'"
        ),
        counts.unanswered - counts.denied,
    );
    if counts.denied > 0 {
        let public: Vec<String> = relay.public.iter().map(|addr| addr.replace('.', r"\.")).collect();
        let public = public.join("|");
        count(
            "attempts that were denied, each with its retries".to_owned(),
            format!(
                "grep 106001 case-2003/pix.log | grep -oE 'from .* to ({public})/{port} ' | sort -u | grep -c from"
            ),
            counts.denied,
        );
    }
    count(
        "outbound legs with payload (of pairs.tsv)".to_owned(),
        format!(
            "awk 'NR == FNR {{ if ($4 == \"{host}\") o[$2] = 1; next }} \
             /302014/ && ($11 in o) && !/ bytes 0 / {{ n++ }} END {{ print n + 0 }}' case-2003.truth/pairs.tsv case-2003/pix.log"
        ),
        counts.relayed,
    );
    count(
        "delivered (of pairs.tsv)".to_owned(),
        format!("awk '$4 == \"{host}\" && $3 == 1' case-2003.truth/pairs.tsv | wc -l"),
        counts.delivered,
    );
    all
}

/// The README, with the numbers of the case.
fn readme(scenario: &Scenario, truth: &Truth, wire: &WireTruth) -> String {
    let mut text = include_str!("example.md").to_owned();
    let mut hosts = String::new();
    for relay in &truth.relays {
        let (host, kind, port, pairs) = (&relay.host, &relay.kind, relay.ports[0], relay.pairs);
        let verdict = if relay.authorised { "authorised (`case-2003.toml`)" } else { "incident" };
        let since = relay.infected.as_deref().unwrap_or("always");
        let until = relay.containment.as_ref().map_or("", |cut| cut.at.as_str());
        let counts = &relay.counts;
        _ = writeln!(
            hosts,
            "| {host} | {kind} | {port} | {since} | {until} | {pairs} | {} | {} | {verdict} |",
            counts.relayed, counts.delivered
        );
    }
    let mut greps = String::new();
    for officers in officers_counts(scenario, truth) {
        _ = writeln!(greps, "# {}: {}\n{}", officers.what, officers.count, officers.command);
    }
    let mut innocents = String::new();
    for innocent in &truth.innocents {
        _ = writeln!(innocents, "| {} | {} |", innocent.host, innocent.does.join(", "));
    }
    let numbers = [
        ("{start}", truth.start.clone()),
        ("{end}", truth.end.clone()),
        ("{lines}", truth.lines.to_string()),
        ("{hosts}", (truth.innocents.len() + truth.relays.len()).to_string()),
        ("{seed}", truth.seed.to_string()),
        ("{relays}\n", hosts),
        ("{greps}\n", greps),
        ("{innocents}\n", innocents),
        ("{wire}\n", of_wire(wire)),
        ("{wire_packets}", wire.expected.packets.to_string()),
    ];
    for (name, value) in numbers {
        text = text.replace(name, &value);
    }
    text
}

/// The hosts of the capture, as rows.
fn of_wire(truth: &WireTruth) -> String {
    let mut rows = String::new();
    for relay in &truth.relays {
        let ports: Vec<String> = relay.ports.iter().map(u16::to_string).collect();
        let (port, sessions) = (ports.join(", "), relay.sessions);
        let (relayed, delivered) = (relay.out_legs_with_data, relay.smtp_messages_delivered);
        _ = writeln!(rows, "| {} | relay (SOCKS), port {port} | {sessions} | {relayed} | {delivered} |", relay.ip);
    }
    for bot in &truth.bots {
        _ = writeln!(rows, "| {} | sends spam by itself | | | {} |", bot.ip, bot.smtp_messages_delivered);
    }
    for innocent in &truth.innocents {
        _ = writeln!(rows, "| {} | {} | | | |", innocent.ip, innocent.does.join(", "));
    }
    rows
}
