//! What really happened, in the shape of `truth.json` beside the captures that reports are judged by.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// A leg of a relayed session, as packets show it.
#[derive(Clone, Debug, Serialize)]
pub struct LegTruth {
    /// The connection's number in the capture.
    pub conn: u32,
    /// `address:port` of the originator.
    pub src: String,
    /// `address:port` of the responder.
    pub dst: String,
    /// The first packet: seconds since 1970.
    pub start: f64,
    /// The last one.
    pub end: f64,
    /// Payload of the originator, each byte once.
    pub bytes_orig: u64,
    /// Payload of the responder, each byte once.
    pub bytes_resp: u64,
    /// Payload of both, retransmissions included.
    pub raw_payload: u64,
    /// Zeek's `conn_state`.
    pub state: &'static str,
    /// SYNs of the originator.
    pub syns: u32,
    /// Messages of mail that were accepted on it.
    pub accepted: u32,
}

impl LegTruth {
    pub(crate) fn has_data(&self) -> bool {
        self.bytes_orig + self.bytes_resp > 0
    }
}

/// One thing that a client had done, or a bot did.
#[derive(Clone, Debug, Serialize)]
pub struct SessionTruth {
    /// Which part of the scenario it belongs to.
    pub component: String,
    /// The host that relayed it.
    pub relay: Option<String>,
    /// The host that did it by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot: Option<String>,
    /// The port that the relay was asked on.
    pub relay_port: Option<u16>,
    /// Who wanted it.
    pub client: String,
    /// Where it was to go.
    pub server: Vec<String>,
    /// The port there.
    pub server_port: u16,
    /// What was spoken, to the relay and through it.
    pub proto: String,
    /// How it went.
    pub outcome: String,
    /// Messages of mail accepted.
    pub delivered: u32,
    /// What was in the payload of both legs, where that is how they were found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The client's connections (none where they come through a tunnel).
    pub in_legs: Vec<LegTruth>,
    /// The relay's connections.
    pub out_legs: Vec<LegTruth>,
}

/// A relay.
#[derive(Clone, Debug, Serialize)]
pub struct WireRelay {
    /// Its address.
    pub ip: String,
    /// The ports that it relays on; none where it dials out.
    pub ports: Vec<u16>,
    /// `inbound-socks`, `inbound-http-connect`, `web-proxy`, `smtp-odd-port` or `backconnect`.
    pub topology: String,
    /// Whether its owner means it to be one.
    pub authorised: bool,
    /// What it runs, where that is a real program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software: Option<String>,
    /// What may be said of it, where that is not simply that it relays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowance: Option<Allowance>,
    /// Where its tunnel goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub super_proxy: Option<String>,
    /// The connections that are the tunnel.
    pub tunnels: Vec<LegTruth>,
    /// Sessions.
    pub sessions: usize,
    /// Clients.
    pub clients: usize,
    /// Outbound legs with payload.
    pub out_legs_with_data: usize,
    /// Outbound legs without.
    pub out_legs_without_data: usize,
    /// Inbound legs with payload.
    pub in_legs_with_data: usize,
    /// Outbound legs on which mail was accepted.
    pub smtp_connections_delivered: usize,
    /// Messages accepted on them.
    pub smtp_messages_delivered: u32,
}

/// What a judge does not ask of a report on a relay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Allowance {
    /// It relays by design and nobody declared it: `relay`, `suspect` and silence are all right.
    pub by_design: bool,
    /// Views (`pix`, `asa`, `conn`, `capture`) that cannot show it: there it may be missed, and why.
    pub out_of_sight: BTreeMap<String, String>,
}

impl WireRelay {
    /// What the sessions say of the relay at `ip`, which nobody declared.
    pub(crate) fn of(
        ip: &str,
        ports: Vec<u16>,
        topology: &str,
        sessions: &[SessionTruth],
        tunnels: Vec<LegTruth>,
    ) -> Self {
        let own: Vec<_> = sessions.iter().filter(|session| session.relay.as_deref() == Some(ip)).collect();
        // A connection may carry several sessions.
        let once = |legs: fn(&SessionTruth) -> &[LegTruth]| -> BTreeMap<u32, &LegTruth> {
            own.iter().flat_map(|session| legs(session)).map(|leg| (leg.conn, leg)).collect()
        };
        let (ins, outs) = (once(|session| &session.in_legs), once(|session| &session.out_legs));
        let clients: BTreeSet<&str> = own.iter().map(|session| &*session.client).collect();
        Self {
            ip: ip.to_owned(),
            ports,
            topology: topology.to_owned(),
            authorised: false,
            software: None,
            allowance: None,
            super_proxy: tunnels.first().map(|leg| leg.dst.clone()),
            tunnels,
            sessions: own.len(),
            clients: clients.len(),
            out_legs_with_data: outs.values().filter(|leg| leg.has_data()).count(),
            out_legs_without_data: outs.values().filter(|leg| !leg.has_data()).count(),
            in_legs_with_data: ins.values().filter(|leg| leg.has_data()).count(),
            smtp_connections_delivered: outs.values().filter(|leg| leg.accepted > 0).count(),
            smtp_messages_delivered: outs.values().map(|leg| leg.accepted).sum(),
        }
    }
}

/// A host that sends spam by itself.
#[derive(Clone, Debug, Serialize)]
pub struct WireBot {
    /// Its address.
    pub ip: String,
    /// Connections on which mail was accepted.
    pub smtp_connections_delivered: usize,
    /// Messages accepted on them.
    pub smtp_messages_delivered: u32,
}

impl WireBot {
    /// What the sessions say of the bot at `ip`.
    pub(crate) fn of(ip: &str, sessions: &[SessionTruth]) -> Self {
        let own = sessions.iter().filter(|session| session.bot.as_deref() == Some(ip));
        let accepted: Vec<u32> = own.flat_map(|session| &session.out_legs).map(|leg| leg.accepted).collect();
        Self {
            ip: ip.to_owned(),
            smtp_connections_delivered: accepted.iter().filter(|accepted| **accepted > 0).count(),
            smtp_messages_delivered: accepted.iter().sum(),
        }
    }
}

/// A host that does nothing for strangers.
#[derive(Clone, Debug, Serialize)]
pub struct WireInnocent {
    /// Its address.
    pub ip: String,
    /// What it does.
    pub does: Vec<String>,
}

/// Sums over the capture.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct WireCounts {
    /// Frames.
    pub packets: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// TCP connections, unanswered ones included.
    pub tcp_connections: u64,
    /// UDP flows.
    pub udp_flows: u64,
    /// ICMP echo flows.
    pub icmp_flows: u64,
}

/// `truth.json` of a made capture.
#[derive(Clone, Debug, Serialize)]
pub struct WireTruth {
    /// Its name.
    pub scenario: String,
    /// The seed that makes it again.
    pub seed: u64,
    /// The first moment: seconds since 1970.
    pub start: f64,
    /// The last one.
    pub end: f64,
    /// Our addresses.
    pub inside_net: String,
    /// Relays, declared ones too.
    pub relays: Vec<WireRelay>,
    /// Bots.
    pub bots: Vec<WireBot>,
    /// Everybody else.
    pub innocents: Vec<WireInnocent>,
    /// What to expect of who counts.
    pub expected: WireCounts,
    /// Every relayed session, and every message of a bot.
    pub sessions: Vec<SessionTruth>,
}
