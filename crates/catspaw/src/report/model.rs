//! The JSON report, `catspaw.report/1`: the contract's own names, in the contract's order.

use serde::Serialize;

/// The report.
#[derive(Debug, Serialize)]
pub struct Report {
    /// `catspaw.report/1`.
    pub schema: &'static str,
    /// Of the program.
    pub version: &'static str,
    /// Networks that were taken as ours.
    pub home_net: Vec<String>,
    /// The zone of `daily`.
    pub timezone: String,
    /// One object per file and sensor in it.
    pub evidence: Vec<Evidence>,
    /// One per host and topology.
    pub incidents: Vec<Incident>,
    /// Declared relays.
    pub authorised: Vec<Incident>,
    /// Incidents with one cause: not built yet.
    pub campaigns: Vec<()>,
    /// Rule alerts of hosts without an incident: not built yet.
    pub alerts: Vec<()>,
    /// What this evidence cannot show.
    pub limits: Vec<String>,
    /// What a cap left out.
    pub dropped: Vec<Dropped>,
    /// What could not be read.
    pub unparsed: Vec<UnparsedLines>,
    /// What was looked at, for the text report.
    #[serde(skip)]
    pub looked_at: LookedAt,
}

/// What was looked at.
#[derive(Debug, Default)]
pub struct LookedAt {
    /// Hosts of ours.
    pub hosts: u64,
    /// Connections put together.
    pub connections: u64,
    /// Services that were tested.
    pub services_tested: u64,
    /// Hosts and ports that carry DNS on to DNS: relays by design, and no incidents.
    pub dns_forwarders: Vec<(String, u16)>,
}

/// What was read of one file and sensor.
#[derive(Debug, Serialize)]
pub struct Evidence {
    /// As named by the user, or found below what was named.
    pub path: String,
    /// `cisco-syslog`, `zeek-conn`.
    pub format: &'static str,
    /// The device's name.
    pub sensor: String,
    /// Bytes on disk; in the first sensor of a file only.
    pub bytes: u64,
    /// Records read.
    pub records: u64,
    /// Lines of this format that say nothing that is used.
    pub skipped: u64,
    /// Records that came later than the merge waits.
    pub late: u64,
    /// Second copies.
    pub duplicates: u64,
    /// The earliest record.
    pub first: Option<String>,
    /// The latest record.
    pub last: Option<String>,
    /// Seconds that this clock is ahead, as far as it was corrected.
    pub clock_offset: f64,
}

/// One host's verdict with its evidence.
#[derive(Debug, Serialize)]
pub struct Incident {
    /// The same for the same host and topology in every run.
    pub id: String,
    /// The host.
    pub host: String,
    /// Addresses it was seen as outside.
    pub public: Vec<String>,
    /// Who is behind it: not built yet.
    pub owner: Option<()>,
    /// `relay`, `suspect`; for a declared relay also `none`.
    pub verdict: &'static str,
    /// `forward`.
    pub topology: Option<&'static str>,
    /// Whether the owner has declared it.
    pub authorised: bool,
    /// The ports whose inbound legs are carried on.
    pub services: Vec<Service>,
    /// Of backconnect: not built yet.
    pub tunnel: Option<()>,
    /// How sure.
    pub confidence: Confidence,
    /// Opening of the first outbound leg that carries one on.
    pub first_seen: Option<String>,
    /// End of the last.
    pub last_seen: Option<String>,
    /// How much.
    pub counts: Counts,
    /// How much each day.
    pub daily: Vec<Day>,
    /// The 100 with most sessions.
    pub clients: Vec<Client>,
    /// Distinct clients.
    pub clients_total: u64,
    /// The 100 with most sessions.
    pub targets: Vec<Target>,
    /// Distinct targets.
    pub targets_total: u64,
    /// The cut: not built yet.
    pub containment: Option<()>,
    /// Rule alerts: not built yet.
    pub alerts: Vec<()>,
    /// Weak signs: not built yet.
    pub indicators: Vec<()>,
    /// Raw records that show it.
    pub examples: Vec<Example>,
    /// One plain sentence per piece of evidence.
    pub why: Vec<String>,
}

/// A port of a forward relay.
#[derive(Debug, Serialize)]
pub struct Service {
    /// `tcp`.
    pub proto: &'static str,
    /// The port.
    pub port: u16,
    /// What it speaks, where that was seen.
    pub protocol: Option<&'static str>,
}

/// How sure.
#[derive(Debug, Default, Serialize)]
pub struct Confidence {
    /// Of the host's mean ratio, at its largest.
    pub log10_likelihood_ratio: Option<f64>,
    /// Corrected for everything that was tried; never below 1e-300.
    pub p_value: Option<f64>,
    /// Its logarithm, exact.
    pub log10_p_value: Option<f64>,
    /// Inbound legs with payload that were known when it was enough.
    pub sessions_to_detect: Option<u64>,
}

/// How much.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counts {
    /// At the service's ports.
    pub inbound_attempts: u64,
    /// Answered.
    pub inbound_established: u64,
    /// The whole host's.
    pub outbound_attempts: u64,
    /// The whole host's, answered.
    pub outbound_established: u64,
    /// The whole host's, SMTP.
    pub outbound_smtp: u64,
    /// Outbound legs with payload that carry an inbound leg on.
    pub relayed: u64,
    /// Outbound legs that a request caused and that carried nothing.
    pub refused: u64,
    /// SMTP connections that ended by FINs from both sides.
    pub smtp_completed: u64,
    /// The part of them that this incident's pairs account for and that is large enough for a transaction.
    pub delivered: u64,
    /// `connections`.
    pub delivered_unit: &'static str,
    /// Only packets tell.
    pub recipients: Option<u64>,
    /// Attempts at the service that nobody answered.
    pub unanswered_inbound: u64,
    /// Payload of the relayed legs, both ways.
    pub bytes_relayed: u64,
}

/// How much on one day.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Day {
    /// The day.
    pub date: String,
    /// Outbound attempts.
    pub outbound: u64,
    /// Inbound attempts at the service.
    pub inbound: u64,
    /// As in the counts.
    pub relayed: u64,
    /// As in the counts.
    pub refused: u64,
    /// As in the counts.
    pub smtp_completed: u64,
    /// As in the counts.
    pub delivered: u64,
    /// Inbound attempts that nobody answered.
    pub unanswered: u64,
}

/// Who used it.
#[derive(Debug, Serialize)]
pub struct Client {
    /// The address.
    pub address: String,
    /// Relayed sessions.
    pub sessions: u64,
    /// Payload of their inbound legs.
    pub bytes: u64,
}

/// Whom it was used against.
#[derive(Debug, Serialize)]
pub struct Target {
    /// The address.
    pub address: String,
    /// The port.
    pub port: u16,
    /// Relayed sessions.
    pub sessions: u64,
    /// Payload of their outbound legs.
    pub bytes: u64,
}

/// A raw record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Example {
    /// The file.
    pub path: String,
    /// The line.
    pub line: u64,
    /// The line's text; null where the evidence cannot be read again (standard input).
    pub text: Option<String>,
}

/// What a cap left out.
#[derive(Debug, Serialize)]
pub struct Dropped {
    /// Which table.
    pub table: &'static str,
    /// How many.
    pub count: u64,
}

/// Lines of one kind that could not be read.
#[derive(Debug, Serialize)]
pub struct UnparsedLines {
    /// The file.
    pub path: String,
    /// The first of them.
    pub line: u64,
    /// What it was taken for.
    pub kind: String,
    /// How many.
    pub count: u64,
    /// Why.
    pub why: String,
    /// The first few of them.
    #[serde(skip)]
    pub lines: Vec<u64>,
}
