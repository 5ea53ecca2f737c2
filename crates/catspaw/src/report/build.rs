//! The report, put together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;

use catspaw_records::HostKey;
use catspaw_records::firewall::Dialect;
use catspaw_relay::{Authorised, Config, Contents};
use jiff::tz::TimeZone;

use super::campaigns;
use super::clocks;
use super::examples;
use super::findings::Findings;
use super::home::{doubts as home_doubts, listed};
use super::incident::Case;
use super::model::{Dropped, Evidence, Incident, LookedAt, Report, UnparsedLines};
use super::{Names, outside, restricted, time};
use crate::indicators::{Elsewhere, Indicators};
use crate::packets;
use crate::pipeline::{Counted, FileRead, Gathered, Home, Lanes, Proposal, Strangers, UnparsedCount, network_of};
use crate::settings::Settings;

/// Networks that are named where the owner must say which are ours.
const BUSIEST: usize = 5;
/// Reasons why lines were not understood that are named where nothing was.
const REASONS: usize = 3;
/// A limit is stated where one record in so many was late.
pub(super) const MANY_LATE: u64 = 10;
/// As many records that are late are told of, however small a part of all they are: an hour that comes twice is one.
const SOME_LATE: u64 = 100;
/// One in so many lines that were not understood is too many.
const MANY_UNPARSED: u64 = 20;
/// Connections with one side alone that are worth a word.
const ONE_SIDED: u64 = 20;
/// A word is said where one packet in so many has a wrong checksum.
const MANY_WRONG: u64 = 100;
/// Networks beyond the private ranges that are listed as taken for ours.
const LISTED_NETS: usize = 64;

/// What every view leaves in the dark,
const LIMITS: [&str; 4] = [
    "TCP only: SOCKS UDP ASSOCIATE, QUIC and other tunnels over UDP are not paired, nor what comes down a tunnel of DNS or \
     ICMP.",
    "Traffic that does not pass the sensor is not seen, and what two of our own hosts say to one another proves nothing: two \
     relays inside of which one asks the other are not found by that.",
    "A relay that pads what it carries by more than a few per cent, or splits it over several connections, is not found by \
     sizes. One that is asked over IPv4 and calls over IPv6 is two hosts, unless the owner's table has both addresses.",
    "The confidence bounds coincidence: how likely sizes like these are on a host that carries nothing on. It says \
     nothing of intent; a relay that its owner wants is declared with [[authorised]].",
];
/// what connection records do,
const RECORDS: [&str; 3] = [
    "A host that dials out a tunnel and relays what comes down it is only suspected from connections' totals; packets show \
     it. One whose tunnel still stood when the evidence ended has no totals yet.",
    "What a relay speaks, whom mail was for and whether a server accepted it are not in connection records: `delivered` \
     counts completed SMTP connections that are large enough for a message, and where letters of several were refused \
     together nothing tells which was whose.",
    "A server's connection that a web proxy keeps for several clients is paired with one of them, and where such connections \
     are shared crosswise perhaps with none: totals do not tell whose bytes they are.",
];
/// and what packets do.
const PACKETS: [&str; 2] = [
    "What is encrypted on its way (TLS, STARTTLS, SSH) is seen to be, and not read: messages in it are not in `delivered`, \
     and a relay that asks for a password or a target inside it is found by sizes and times alone.",
    "A tunnel that a host dialled is found where the host acts within 20 ms upon what comes down it, and sends up what that \
     brings nearly as it came: not one that waits, pads or packs.",
];

/// Puts the report together.
#[must_use]
pub(crate) fn build(
    settings: &Settings,
    gathered: &Gathered,
    lanes: &[Lanes],
    found: &Findings<'_>,
    names: &Names,
) -> Report {
    let Findings { cases, dns_forwarders, .. } = found;
    let mut places: Vec<_> = cases.cases.iter().map(Case::places).collect();
    let mut examples = examples::read(gathered, &mut places);
    let mut incidents = Vec::new();
    let mut authorised = Vec::new();
    let signs = Indicators::find(&settings.signatures, &gathered.scans, lanes, &settings.home);
    let seen = outside::Seen { lanes, home: &settings.home };
    let shared = seen.shared();
    for case in &cases.cases {
        let mut incident = case.write();
        let declares = |stanza: &Authorised| stanza.host.contains(case.host.addr());
        incident.is_declared_in_part = !case.authorised && settings.config.authorised.iter().any(declares);
        incident.public_shared = case.public.intersection(&shared).map(ToString::to_string).collect();
        incident.indicators = signs.of(&incident.host);
        incident.examples = examples.remove(0);
        clocks::tell(&mut incident, case, &gathered.offsets, names);
        if case.authorised { authorised.push(incident) } else { incidents.push(incident) }
    }
    incidents.sort_by(|a, b| severity(b).cmp(&severity(a)).then_with(|| by_host(a, b)));
    let campaigns = campaigns::find(cases);
    let told = incidents.iter().chain(&authorised).map(|incident| incident.host.as_str()).collect();
    let Elsewhere { mut indicators, notes, hosts_dropped } = signs.elsewhere(&told);
    indicators.retain(|sign| sign.host.parse().is_ok_and(|host| settings.restriction.names(host)));
    let evidence = evidence(gathered, lanes, names);
    let mut warnings = warnings(gathered, &evidence, names);
    warnings.extend(clocks::sentences(&gathered.offsets, names));
    warnings.extend(home_doubts(&settings.home, gathered));
    warnings.extend(cut_off_unseen(&settings.config, &incidents));
    let only = &settings.restriction;
    let foreign = restricted::foreign(only, |net| seen.is_ours(net));
    warnings.extend(foreign.iter().map(|net| seen.not_ours(net)));
    warnings.extend(seen.declared(&settings.config));
    let foreign: Vec<String> = foreign.into_iter().map(outside::shown).collect();
    if gathered.counted.connected == 0 && foreign.is_empty() {
        warnings.extend(restricted::nothing(only));
    }
    let restricting = restricted::limit(only).into_iter();
    // What a map of columns may have wrong was said before anything was read.
    let doubts = gathered.problems.iter().filter(|problem| problem.is_doubt()).map(ToString::to_string);
    let said = warnings.iter().cloned().chain(doubts);
    let limits = restricting.chain(limits(gathered)).chain(found.told.limit()).chain(said).collect();
    Report {
        schema: "catspaw.report/1",
        version: env!("CARGO_PKG_VERSION"),
        home_net: home_net(&settings.home, lanes),
        timezone: zone_name(gathered.zone.as_ref().unwrap_or(&settings.zone)),
        evidence,
        incidents,
        authorised,
        campaigns,
        alerts: Vec::new(),
        indicators,
        notes,
        limits,
        timers: found.clocks.write(gathered),
        dropped: dropped(lanes, found, gathered, hosts_dropped),
        unparsed: unparsed(gathered, names),
        warnings,
        looked_at: LookedAt {
            hosts: hosts(lanes, only.is_none()),
            connections: gathered.counted.connected,
            services_tested: lanes.iter().flat_map(|l| &l.lanes).map(|(_, _, lane)| lane.services.len() as u64).sum(),
            foreign: if foreign.len() == only.hosts.len() { foreign } else { Vec::new() },
            dns_forwarders: dns_forwarders.iter().map(|(host, port)| (host.addr().to_string(), *port)).collect(),
        },
        restricted: restricted::looked_at(only),
    }
}

/// Hosts of ours; where only some were asked for, those.
fn hosts(lanes: &[Lanes], all: bool) -> u64 {
    if all {
        return lanes.iter().map(|shard| shard.inside.len() as u64).sum();
    }
    let asked_for: BTreeSet<HostKey> = lanes.iter().flat_map(|shard| &shard.lanes).map(|&(host, ..)| host).collect();
    asked_for.len() as u64
}

/// Relays before suspects, the busier first.
fn severity(incident: &Incident) -> (bool, u64) {
    (incident.verdict != "suspect", incident.counts.relayed)
}

fn by_host(a: &Incident, b: &Incident) -> std::cmp::Ordering {
    let addr = |incident: &Incident| incident.host.parse::<IpAddr>().ok();
    addr(a).cmp(&addr(b))
}

fn limits(gathered: &Gathered) -> Vec<String> {
    let mut limits: Vec<String> = LIMITS.iter().map(|&limit| limit.to_owned()).collect();
    if gathered.files.values().any(|file| !file.is_scan() && !file.is_capture()) {
        limits.extend(RECORDS.map(str::to_owned));
    }
    if gathered.files.values().any(FileRead::is_capture) {
        limits.extend(PACKETS.map(str::to_owned));
    }
    if gathered.files.values().any(|file| file.format == "cisco-syslog") {
        limits.push(
            "Syslog gives one total for both directions, with retransmissions, and stamps of a second: within a second \
             the order of the lines was trusted. Logs that were merged or sorted by stamp pair worse."
                .to_owned(),
        );
    }
    let sessions = [Dialect::PanOs, Dialect::FortiGate, Dialect::Junos, Dialect::Conntrack].map(Dialect::format);
    if gathered.files.values().any(|file| sessions.contains(&&*file.format)) {
        limits.push(
            "Firewalls count bytes with headers, and say in whole seconds how long a session was: payload is reckoned from \
             packets, some bytes more or less for each, and where openings are not logged beginnings are known to a second or two. Where \
             packets are not counted, headers stand for payload: what was answered and then carried nothing looks as if it had carried \
             some hundred bytes; what was refused, and what the device stopped, does not."
                .to_owned(),
        );
    }
    if gathered.files.values().any(FileRead::is_scan) {
        limits.push(
            "A scan says which ports answered when it ran, and nothing of what went through them: it accuses nobody, and \
             what has opened or closed since is not in it."
                .to_owned(),
        );
    }
    limits
}

/// What this evidence in particular leaves in the dark: said on standard error too, for nobody reads to the end of a
/// report that finds nothing.
fn warnings(gathered: &Gathered, evidence: &[Evidence], names: &Names) -> Vec<String> {
    let mut warnings = Vec::new();
    let contradicted = gathered.files.iter().filter(|(_, file)| file.contradicts_its_year());
    warnings.extend(contradicted.map(|(&number, file)| {
        format!(
            "Stamps without a year in {} were taken as of {}, and others of the same file say another, or are after it was written \
             then: --year says of which year the first is.",
            names.path(number),
            file.guessed_year.unwrap_or_default()
        )
    }));
    let others = gathered.files.values().filter(|file| !file.contradicts_its_year());
    let guessed: BTreeSet<i16> = others.filter_map(|file| file.guessed_year).collect();
    if let (Some(first), Some(last)) = (guessed.first(), guessed.last()) {
        let years = if first == last { first.to_string() } else { format!("{first} to {last}") };
        warnings.push(format!(
            "Stamps without a year were taken as of {years}: the latest that is not after the file was written. --year \
             says another."
        ));
    }
    let zones = gathered.files.iter().filter_map(|(&number, file)| Some((names.path(number), file.zone.as_ref()?)));
    warnings.extend(zones.map(|(path, zone)| {
        format!(
            "Stamps in {path} name a zone, {zone}, which may be one of several: they were read as UTC. --timezone says which it is, as \
             in --timezone America/New_York."
        )
    }));
    let Counted { connected, told, ended, sizeless, finished, vague } = gathered.counted;
    if told == 0 && connected > 0 {
        warnings.push(
            "No connection's end is in this evidence (openings alone?), so that nobody's bytes are known: no test can use \
             it, and no relay is found in it."
                .to_owned(),
        );
    } else if sizeless > ended / 2 {
        warnings.push(format!(
            "{sizeless} of {ended} TCP connections that ended have no byte counts: no test can use them, and relays among \
             them are not found. Does the device log them?"
        ));
    }
    let is_cisco = gathered.files.values().any(|file| file.format == "cisco-syslog");
    if vague > finished {
        warnings.push(format!(
            "Of {vague} TCP connections that ended the evidence does not say how: none of them counts as completed, and no mail as \
             delivered, though it may have been. Does the device log the reason?{}",
            if is_cisco { " (An FTD does in 302014 and not in 430003.)" } else { "" }
        ));
    }
    warnings.extend(gathered.files.iter().filter_map(|(&number, file)| not_understood(names.path(number), file)));
    warnings.extend(gathered.files.iter().filter_map(|(&number, file)| lost(names.path(number), file)));
    let is_told = |late: u64, of: u64| late >= SOME_LATE || late > 0 && late.saturating_mul(MANY_LATE) >= of;
    let (of_captures, of_logs): (Vec<_>, Vec<_>) =
        evidence.iter().filter(|e| is_told(e.late, e.records)).partition(|e| e.sensor == packets::SENSOR);
    warnings.extend(of_captures.iter().map(|Evidence { path, late, records, .. }| {
        format!(
            "{late} of {records} packets in {path} come after later ones that were taken already: they count as of the latest moment \
             before them, so that times are wrong and relays may be missed. reordercap puts a capture in order; mergecap \
             joins several."
        )
    }));
    warnings.extend(of_logs.iter().map(|e| {
        let Evidence { path, sensor, late, records, .. } = e;
        format!(
            "{late} of {records} records of {sensor} in {path} came later than the merge waits for: they are counted, \
             but no test used them, so that relays are missed, found late or seen too small. Was its clock set back, or \
             is the file not in order of time? One that was sorted by when connections began (sort(1) of a conn.log, or what \
             --connections writes) is not: they are known when they end. Files that are named apart are put in order; what comes through one pipe \
             is not. Of a log in local time --timezone says when summer time ends."
        )
    }));
    warnings.extend(of_packets(gathered));
    warnings
}

/// That much of a file was not understood: it may hold the logs of several devices, of which one was taken for all.
fn not_understood(path: &str, file: &FileRead) -> Option<String> {
    let unparsed: u64 = file.unparsed.values().map(|count| count.count).sum();
    let understood: u64 = file.sensors.values().map(|sensor| sensor.records + sensor.skipped).sum();
    let ((kind, why), most) = file.unparsed.iter().max_by_key(|(_, count)| count.count)?;
    let first = most.lines.first().copied().unwrap_or(0);
    (unparsed.saturating_mul(MANY_UNPARSED) >= unparsed + understood).then(|| {
        format!(
            "{unparsed} of {} lines of {path} were not understood ({kind}: {why}, first in line {first}): what they tell of is \
             missing here. It was read as {}{}. docs/logs.md says what else can be read.",
            unparsed + understood,
            file.format,
            if file.is_scan() { "" } else { ", and lines of the other firewalls wherever they stand" },
        )
    })
}

/// That messages were dropped, by what the log says itself.
fn lost(path: &str, file: &FileRead) -> Option<String> {
    let lost = file.lost.sentence(path)?;
    Some(format!(
        "{lost} What they told of is missing here, and counts are too small. The limit (that line says whose: a syslog server's, the \
         journal's, the kernel's) is to be raised for what a firewall logs."
    ))
}

/// What captures lack.
fn of_packets(gathered: &Gathered) -> Vec<String> {
    let mut warnings = Vec::new();
    for file in gathered.files.values().filter(|file| file.cut > 0) {
        let packets: u64 = file.sensors.values().map(|sensor| sensor.records).sum();
        warnings.push(format!(
            "{} of {packets} packets in {} were captured in part (a snaplen): what is said in them is not known, messages are \
             not counted, and a relay is found by sizes and times, or not at all. Capture whole packets (tcpdump -s 0).",
            file.cut,
            file.source.name()
        ));
    }
    let (one, both) = gathered.heard;
    if one >= ONE_SIDED && one > both {
        warnings.push(format!(
            "Of {one} TCP connections in the packets one side was heard alone, of {both} both sides: a mirror port or a route \
             that sees one direction? Relays are not found in that."
        ));
    }
    let packets: u64 =
        gathered.files.values().filter(|f| f.is_capture()).flat_map(|f| f.sensors.values()).map(|s| s.records).sum();
    let wrong =
        gathered.dropped.iter().find(|(what, _)| *what == "packets with a wrong checksum").map_or(0, |(_, n)| n);
    if wrong.saturating_mul(MANY_WRONG) > packets {
        warnings.push(format!(
            "{wrong} of {packets} packets have a wrong checksum and were left out. Of packets that were captured on the host that \
             sent them this is usual: --checksums ignore takes them."
        ));
    }
    warnings
}

/// Hosts that the owner has cut off, and of which nothing is said, for they are no incident.
fn cut_off_unseen(config: &Config, incidents: &[Incident]) -> Vec<String> {
    let told = |host: &String| incidents.iter().any(|i| i.host == *host && i.containment.is_some());
    let hosts = config.contained.iter().map(|cut| cut.host.to_string()).filter(|host| !told(host));
    let say = |host| {
        format!(
            "{host} is declared as cut off ([[contained]]), but is no forward relay in this evidence: nothing is said of who \
             still tries."
        )
    };
    hosts.map(say).collect()
}

/// The name of a zone, or how far it is from UTC.
fn zone_name(zone: &TimeZone) -> String {
    let fixed = || zone.to_fixed_offset().ok().filter(|offset| !offset.is_zero()).map(|offset| format!("UTC{offset}"));
    zone.iana_name().map(str::to_owned).or_else(fixed).unwrap_or_else(|| "UTC".to_owned())
}

fn evidence(gathered: &Gathered, lanes: &[Lanes], names: &Names) -> Vec<Evidence> {
    let mut rows = Vec::new();
    for (&number, file) in &gathered.files {
        let mut bytes = file.bytes;
        let mut sensors: Vec<_> = file.sensors.iter().collect();
        sensors.sort_by(|a, b| a.1.name.cmp(&b.1.name));
        for (&sensor, count) in sensors {
            let irregular = lanes.iter().filter_map(|l| l.irregular.get(&(number, sensor)));
            let (late, duplicates) = irregular.fold((0, 0), |sum, i| (sum.0 + i.late, sum.1 + i.duplicates));
            rows.push(Evidence {
                path: names.path(number).to_owned(),
                format: file.format.clone(),
                sensor: count.name.clone(),
                bytes: std::mem::take(&mut bytes),
                records: count.records,
                skipped: count.skipped,
                late: late + count.late,
                duplicates: duplicates + count.duplicates,
                first: count.span.map(|(first, _)| time::rfc3339(first)),
                last: count.span.map(|(_, last)| time::rfc3339(last)),
                clock_offset: clocks::offset(&gathered.offsets, sensor),
            });
        }
    }
    rows
}

fn unparsed(gathered: &Gathered, names: &Names) -> Vec<UnparsedLines> {
    let lines = |(&number, file): (&u32, &FileRead)| -> Vec<UnparsedLines> {
        file.unparsed
            .iter()
            .map(|(&(kind, why), count)| UnparsedLines {
                path: names.path(number).to_owned(),
                line: count.lines.first().copied().unwrap_or(0),
                column: count.column,
                value: count.value.clone(),
                kind: kind.to_owned(),
                count: count.count,
                why: why.to_owned(),
                lines: count.lines.clone(),
            })
            .collect()
    };
    let whole = gathered.problems.iter().filter(|problem| !problem.is_doubt()).map(|problem| UnparsedLines {
        path: problem.path.clone(),
        line: 0,
        column: None,
        value: None,
        kind: "file".to_owned(),
        count: 1,
        why: problem.why(),
        lines: Vec::new(),
    });
    gathered.files.iter().flat_map(lines).chain(whole).collect()
}

fn dropped(lanes: &[Lanes], found: &Findings<'_>, gathered: &Gathered, indicated: u64) -> Vec<Dropped> {
    let sum = |of: fn(&catspaw_relay::Lane) -> u64| {
        lanes.iter().flat_map(|l| &l.lanes).map(|(_, _, lane)| of(lane)).sum::<u64>()
    };
    let tables = [
        ("hosts", lanes.iter().map(|l| l.hosts_dropped).sum()),
        ("openings beyond what was asked for", lanes.iter().map(|l| l.forgotten).sum()),
        ("open connections", sum(|lane| lane.open_dropped)),
        ("connections that a device told of twice, as a firewall and as Snort", sum(|lane| lane.told_twice)),
        ("outbound connections without payload", sum(|lane| lane.empty_dropped)),
        ("pairs that were made early", sum(|lane| lane.hurried)),
        (
            "things said on connections that were not remembered",
            sum(|lane| lane.contents().map_or(0, Contents::dropped)),
        ),
        ("far ends and connections that were not held against a tunnel", sum(|lane| lane.tunnels.dropped)),
        ("services of a host", sum(|lane| lane.services_dropped)),
        ("outbound connections of a host that were not looked at for a tunnel", found.legs_dropped),
        ("ports of a host whose attempts are counted", sum(|lane| lane.tally.ports_dropped)),
        ("hosts of scans", gathered.scans.hosts_dropped),
        ("hosts with weak signs and no incident", indicated),
        ("sightings of a host's outside addresses", sum(|lane| lane.public_dropped)),
        ("translations of a host", sum(|lane| lane.translations.dropped)),
        ("attempts that waited for retries", found.told.hurried),
    ];
    let flows = gathered.dropped.iter();
    tables
        .into_iter()
        .chain(flows)
        .filter(|&(_, count)| count > 0)
        .map(|(table, count)| Dropped { table, count })
        .collect()
}

/// The networks that were taken as ours.
fn home_net(home: &Home, lanes: &[Lanes]) -> Vec<String> {
    if !home.nets.is_empty() {
        return home.nets.iter().map(ToString::to_string).collect();
    }
    let nets: BTreeSet<String> =
        lanes.iter().flat_map(|l| &l.inside).filter_map(|&addr| Some(network_of(addr)?.to_string())).collect();
    nets.into_iter().take(LISTED_NETS).collect()
}

/// What to say where no file gave a record: what stands in the way of most lines, and `with_values` what stands there.
#[must_use]
pub(crate) fn nothing_understood(files: &BTreeMap<u32, FileRead>, with_values: bool) -> String {
    let mut message = "no evidence: no file gave a record that is understood".to_owned();
    for reason in hindrances(files, with_values) {
        _ = write!(message, "\n    {reason}");
    }
    for file in files.values().filter(|file| file.unparsed.is_empty() && file.skipped() == 0).take(REASONS) {
        let (name, format) = (file.source.name(), &file.format);
        _ = write!(message, "\n    {name}: nothing but a header, or nothing at all (read as {format})");
    }
    let passed_over = files.values().map(|file| (file, file.skipped())).filter(|(_, lines)| *lines > 0);
    for (file, lines) in passed_over.take(REASONS) {
        let (tell, name, format) =
            (if lines == 1 { "line tells" } else { "lines tell" }, file.source.name(), &file.format);
        _ = write!(
            message,
            "\n    {name}: {lines} {tell} of no connection and no denial (read as {format}; docs/logs.md has what is read)"
        );
    }
    message
}

/// Why lines were not understood, most lines first.
fn hindrances(files: &BTreeMap<u32, FileRead>, with_values: bool) -> Vec<String> {
    let lines = |file: &FileRead| {
        let name = file.source.name();
        let say = |(&(kind, why), count): (&(&str, &str), &UnparsedCount)| {
            let line = count.lines.first().copied().unwrap_or(0);
            let column = count.column.map_or_else(String::new, |column| format!(":{column}"));
            let value =
                count.value.as_ref().filter(|_| with_values).map_or_else(String::new, |value| format!(": {value}"));
            let lines = if count.count == 1 { "line" } else { "lines" };
            (count.count, format!("{name}:{line}{column}: {kind}: {why}{value} ({} {lines})", count.count))
        };
        file.unparsed.iter().map(say).collect::<Vec<_>>()
    };
    let mut reasons: Vec<_> = files.values().flat_map(lines).collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.0));
    let more = reasons.len().checked_sub(REASONS).filter(|more| *more > 0);
    let told = reasons.into_iter().take(REASONS).map(|(_, reason)| reason);
    told.chain(more.map(|more| format!("and {more} more"))).collect()
}

/// What to say where no record has an end of ours, and what of the files was not understood.
#[must_use]
pub(crate) fn no_inside(
    home: &Home,
    strangers: &Strangers,
    files: &BTreeMap<u32, FileRead>,
    with_values: bool,
) -> String {
    let mut message = match home.nets.as_slice() {
        [] => "no record says which of its ends is ours: name our networks with --home-net".to_owned(),
        _ => "no record has an end in --home-net".to_owned(),
    };
    if let Some(Proposal { networks, explained: (explained, of) }) = strangers.proposal() {
        message.push_str("\n  the busiest networks in it:");
        for (network, count) in strangers.busiest().into_iter().take(BUSIEST) {
            _ = write!(message, "\n    {:<18} {count} connections", network.to_string());
        }
        let networks = listed(&networks);
        _ = write!(message, "\n  {explained} of {of} records of connections have an end in {networks}");
        _ = write!(message, "\n  try: --home-net {networks}");
    }
    let hindrances = hindrances(files, with_values);
    if !hindrances.is_empty() {
        message.push_str("\n  what was not understood:");
    }
    for reason in hindrances {
        _ = write!(message, "\n    {reason}");
    }
    message
}
