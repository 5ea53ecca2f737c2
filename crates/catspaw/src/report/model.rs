//! The JSON report, `catspaw.report/1`: the contract's own names, in the contract's order.

use std::borrow::Cow;

use serde::Serialize;

/// The report.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// `catspaw.report/1`.
    pub(crate) schema: &'static str,
    /// Of the program.
    pub(crate) version: &'static str,
    /// Networks that were taken as ours.
    pub(crate) home_net: Vec<String>,
    /// The zone of `daily`.
    pub(crate) timezone: String,
    /// One object per file and sensor in it.
    pub(crate) evidence: Vec<Evidence>,
    /// One per host and topology.
    pub(crate) incidents: Vec<Incident>,
    /// Declared relays.
    pub(crate) authorised: Vec<Incident>,
    /// Incidents with one cause.
    pub(crate) campaigns: Vec<Campaign>,
    /// Rule alerts of hosts without an incident.
    pub(crate) alerts: Vec<HostAlert>,
    /// Weak signs at hosts without an incident.
    pub(crate) indicators: Vec<HostIndicator>,
    /// What this evidence cannot show.
    pub(crate) limits: Vec<String>,
    /// The timers of each device, as far as its own durations tell them.
    pub(crate) timers: Vec<Timers>,
    /// What a cap left out.
    pub(crate) dropped: Vec<Dropped>,
    /// What could not be read.
    pub(crate) unparsed: Vec<UnparsedLines>,
    /// Those of the limits that this evidence in particular has: they are said on standard error too.
    #[serde(skip)]
    pub(crate) warnings: Vec<String>,
    /// What is to be said of the indicators, for the text report.
    #[serde(skip)]
    pub(crate) notes: Vec<String>,
    /// What was looked at, for the text report.
    #[serde(skip)]
    pub(crate) looked_at: LookedAt,
    /// What part of the evidence that was, where it was not all.
    #[serde(skip)]
    pub(crate) restricted: Option<String>,
}

/// What was looked at.
#[derive(Debug, Default)]
pub(crate) struct LookedAt {
    /// Hosts of ours.
    pub(crate) hosts: u64,
    /// Connections put together.
    pub(crate) connections: u64,
    /// Services that were tested.
    pub(crate) services_tested: u64,
    /// Hosts and ports that carry DNS on to DNS: relays by design, and no incidents.
    pub(crate) dns_forwarders: Vec<(String, u16)>,
    /// What was asked for with `--host`, if nothing of it is ours.
    pub(crate) foreign: Vec<String>,
}

/// What was read of one file and sensor.
#[derive(Debug, Serialize)]
pub(crate) struct Evidence {
    /// As named by the user, or found below what was named.
    pub(crate) path: String,
    /// `cisco-syslog`, `zeek-conn`.
    pub(crate) format: Cow<'static, str>,
    /// The device's name.
    pub(crate) sensor: String,
    /// Bytes on disk; in the first sensor of a file only.
    pub(crate) bytes: u64,
    /// Records read.
    pub(crate) records: u64,
    /// Lines of this format that say nothing that is used.
    pub(crate) skipped: u64,
    /// Records that came later than the merge waits.
    pub(crate) late: u64,
    /// Second copies.
    pub(crate) duplicates: u64,
    /// The earliest record.
    pub(crate) first: Option<String>,
    /// The latest record.
    pub(crate) last: Option<String>,
    /// Seconds that this clock is ahead of the others, as far as that was corrected.
    pub(crate) clock_offset: f64,
}

/// One host's verdict with its evidence.
#[derive(Debug, Serialize)]
pub(crate) struct Incident {
    /// The same for the same host and topology in every run.
    pub(crate) id: String,
    /// The host.
    pub(crate) host: String,
    /// Addresses it was seen as outside.
    pub(crate) public: Vec<String>,
    /// Those of them that other hosts were seen as, too: a complaint about one names this host only with its moment, and perhaps its port.
    pub(crate) public_shared: Vec<String>,
    /// Whether the owner declares something of this host, and not what stands here.
    #[serde(skip)]
    pub(crate) is_declared_in_part: bool,
    /// Who is behind it, where leases or the owner's table say.
    pub(crate) owner: Option<Owner>,
    /// `relay`, `spam-source`, `suspect`; for a declared relay also `none`.
    pub(crate) verdict: &'static str,
    /// `forward`, `backconnect`, `direct`; null for a declared host that was not seen to relay.
    pub(crate) topology: Option<&'static str>,
    /// Whether the owner has declared it.
    pub(crate) authorised: bool,
    /// The ports whose inbound legs are carried on.
    pub(crate) services: Vec<Service>,
    /// Of backconnect: the far end of the tunnel.
    pub(crate) tunnel: Option<Tunnel>,
    /// How sure.
    pub(crate) confidence: Confidence,
    /// Opening of the first outbound leg that carries one on.
    pub(crate) first_seen: Option<String>,
    /// End of the last.
    pub(crate) last_seen: Option<String>,
    /// How much.
    pub(crate) counts: Counts,
    /// How much each day.
    pub(crate) daily: Vec<Day>,
    /// The 100 with most sessions.
    pub(crate) clients: Vec<Client>,
    /// Distinct clients.
    pub(crate) clients_total: u64,
    /// The 100 with most sessions.
    pub(crate) targets: Vec<Target>,
    /// Distinct targets.
    pub(crate) targets_total: u64,
    /// The cut: declared, or inferred from attempts that nobody answers any more.
    pub(crate) containment: Option<Containment>,
    /// Rule alerts: they convict nobody.
    pub(crate) alerts: Vec<RuleAlert>,
    /// Weak signs: they convict nobody.
    pub(crate) indicators: Vec<Indicator>,
    /// Raw records that show it.
    pub(crate) examples: Vec<Example>,
    /// One plain sentence per piece of evidence.
    pub(crate) why: Vec<String>,
    /// Attempts by time, for the text report.
    #[serde(skip)]
    pub(crate) timeline: Option<super::timeline::Timeline>,
}

/// How often a rule fired at a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct RuleAlert {
    /// The rule's number.
    pub(crate) sid: u32,
    /// What it says.
    pub(crate) msg: String,
    /// How often.
    pub(crate) count: u64,
    /// The first of them.
    pub(crate) first: String,
    /// The last.
    pub(crate) last: String,
    /// Ports that the connections were opened to, with what is spoken there; the most frequent.
    pub(crate) services: Vec<AlertService>,
}

/// Where a rule fired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct AlertService {
    /// The transport.
    pub(crate) proto: &'static str,
    /// The responder's port; of ICMP the code.
    pub(crate) port: u16,
    /// What is spoken, as far as it was known when the rule fired.
    pub(crate) protocol: Option<&'static str>,
    /// How often.
    pub(crate) count: u64,
}

/// A rule that fired at a host without an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct HostAlert {
    /// The host.
    pub(crate) host: String,
    /// How often, and where.
    #[serde(flatten)]
    pub(crate) alert: RuleAlert,
}

/// Who is behind an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Owner {
    /// The MAC address.
    pub(crate) mac: Option<String>,
    /// The user.
    pub(crate) user: Option<String>,
    /// The host's name.
    pub(crate) name: Option<String>,
}

/// The far end of a tunnel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Tunnel {
    /// The address.
    pub(crate) address: String,
    /// The port.
    pub(crate) port: u16,
}

impl Tunnel {
    /// At an end that was found.
    pub(crate) fn of(far: catspaw_records::Endpoint) -> Self {
        Self { address: far.addr.to_string(), port: far.port }
    }
}

/// What happened after a host was cut off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Containment {
    /// When: declared, or the first of the attempts that nobody answers any more.
    pub(crate) at: String,
    /// `declared`, `inferred`.
    pub(crate) source: &'static str,
    /// Attempts at the service from then on.
    pub(crate) attempts_after: u64,
    /// Distinct addresses they came from.
    pub(crate) clients_after: u64,
    /// The opening of the last of them.
    pub(crate) last_attempt: Option<String>,
    /// How many of them were answered all the same.
    pub(crate) answered_after: u64,
    /// Packets of theirs that the device refused, by its own count (a hit count, `message repeated N times`).
    pub(crate) denials_after: u64,
    /// When the device tore the translation down that they kept open; null while it stands.
    pub(crate) translation_held_until: Option<String>,
    /// Its life in seconds, as the device says it.
    pub(crate) translation_duration: Option<u64>,
    /// The address outside that it was to.
    pub(crate) translation_address: Option<String>,
}

/// How long a device waits before it ends a connection by itself, in seconds; null where too few teardowns agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Timers {
    /// The device.
    pub(crate) sensor: String,
    /// For an answer.
    pub(crate) syn_timeout: Option<u64>,
    /// For the other half, where one side has closed.
    pub(crate) half_closed: Option<u64>,
    /// For anything.
    pub(crate) idle: Option<u64>,
}

/// A weak sign.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Indicator {
    /// What kind of sign: `open-ports`, `asked-ports`, ...
    pub(crate) kind: String,
    /// What was seen.
    pub(crate) detail: String,
}

/// A weak sign at a host without an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct HostIndicator {
    /// The host.
    pub(crate) host: String,
    /// As in [`Indicator`].
    pub(crate) kind: String,
    /// What was seen.
    pub(crate) detail: String,
}

/// Incidents with one cause.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Campaign {
    /// Ids of the incidents.
    pub(crate) incidents: Vec<String>,
    /// What they have in common.
    pub(crate) shared: Shared,
    /// One plain sentence for each of it.
    pub(crate) why: Vec<String>,
}

/// What incidents have in common.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Shared {
    /// Clients that used more than one of the hosts.
    pub(crate) clients: u64,
    /// Service ports that all of them have.
    pub(crate) ports: Vec<u16>,
    /// The far end of their tunnels.
    pub(crate) tunnel: Option<Tunnel>,
    /// What software their overheads are those of: a guess.
    pub(crate) software: Option<String>,
}

/// A port of a forward relay.
#[derive(Debug, Serialize)]
pub(crate) struct Service {
    /// `tcp`.
    pub(crate) proto: &'static str,
    /// The port.
    pub(crate) port: u16,
    /// What it speaks, where that was seen.
    pub(crate) protocol: Option<&'static str>,
}

/// How sure.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Confidence {
    /// Of the host's mean ratio, at its largest.
    pub(crate) log10_likelihood_ratio: Option<f64>,
    /// Corrected for everything that was tried; never below 1e-300.
    pub(crate) p_value: Option<f64>,
    /// Its logarithm, exact.
    pub(crate) log10_p_value: Option<f64>,
    /// Inbound legs with payload that were known when it was enough.
    pub(crate) sessions_to_detect: Option<u64>,
}

/// How much.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Counts {
    /// At the service's ports; null where there is no service.
    pub(crate) inbound_attempts: Option<u64>,
    /// Answered.
    pub(crate) inbound_established: Option<u64>,
    /// The whole host's.
    pub(crate) outbound_attempts: u64,
    /// The whole host's, answered.
    pub(crate) outbound_established: u64,
    /// The whole host's, SMTP.
    pub(crate) outbound_smtp: u64,
    /// Outbound legs with payload that carry an inbound leg on.
    pub(crate) relayed: u64,
    /// Outbound legs that a request caused and that carried nothing.
    pub(crate) refused: u64,
    /// SMTP connections that ended by FINs from both sides.
    /// `None` where the evidence says of none of them how it ended.
    pub(crate) smtp_completed: Option<u64>,
    /// The part of them that this incident's pairs account for and that is large enough for a transaction.
    pub(crate) delivered: Option<u64>,
    /// `connections`.
    pub(crate) delivered_unit: &'static str,
    /// Only packets tell.
    pub(crate) recipients: Option<u64>,
    /// Attempts at the service that nobody answered.
    pub(crate) unanswered_inbound: Option<u64>,
    /// Payload of the relayed legs, both ways.
    pub(crate) bytes_relayed: u64,
}

/// How much on one day.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Day {
    /// The day.
    pub(crate) date: String,
    /// Outbound attempts.
    pub(crate) outbound: u64,
    /// Inbound attempts at the service; null where there is no service.
    pub(crate) inbound: Option<u64>,
    /// As in the counts.
    pub(crate) relayed: u64,
    /// As in the counts.
    pub(crate) refused: u64,
    /// As in the counts.
    pub(crate) smtp_completed: Option<u64>,
    /// As in the counts.
    pub(crate) delivered: Option<u64>,
    /// Inbound attempts that nobody answered.
    pub(crate) unanswered: Option<u64>,
}

/// Who used it.
#[derive(Debug, Serialize)]
pub(crate) struct Client {
    /// The address.
    pub(crate) address: String,
    /// Relayed sessions.
    pub(crate) sessions: u64,
    /// Payload of their inbound legs.
    pub(crate) bytes: u64,
}

/// Whom it was used against.
#[derive(Debug, Serialize)]
pub(crate) struct Target {
    /// The address.
    pub(crate) address: String,
    /// The port.
    pub(crate) port: u16,
    /// Relayed sessions.
    pub(crate) sessions: u64,
    /// Payload of their outbound legs.
    pub(crate) bytes: u64,
}

/// A raw record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Example {
    /// The file.
    pub(crate) path: String,
    /// The line.
    pub(crate) line: u64,
    /// The line's text; null where the evidence cannot be read again (standard input).
    pub(crate) text: Option<String>,
}

/// What a cap left out.
#[derive(Debug, Serialize)]
pub(crate) struct Dropped {
    /// Which table.
    pub(crate) table: &'static str,
    /// How many.
    pub(crate) count: u64,
}

/// Lines of one kind that could not be read.
#[derive(Debug, Serialize)]
pub(crate) struct UnparsedLines {
    /// The file.
    pub(crate) path: String,
    /// The first of them.
    pub(crate) line: u64,
    /// Where in it the form breaks (JSON), or the value stands that is wrong, from 1.
    pub(crate) column: Option<u64>,
    /// What stands there, and what should, where that is a value.
    pub(crate) value: Option<String>,
    /// What it was taken for.
    pub(crate) kind: String,
    /// How many.
    pub(crate) count: u64,
    /// Why.
    pub(crate) why: String,
    /// The first few of them.
    #[serde(skip)]
    pub(crate) lines: Vec<u64>,
}
