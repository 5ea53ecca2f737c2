//! Who is who in a table: the truth that lies beside it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

/// Kinds of innocents by words of what the truth says they do; the first that fits.
const KINDS: [(&str, &str); 20] = [
    ("web application", "web application with calls"),
    ("scanned", "scanned host"),
    ("P2P", "P2P node"),
    ("shares files", "P2P node"),
    ("mail and news server", "mail server, final"),
    ("mail server that keeps", "mail server, final"),
    ("user of the mail server", "mail and news client"),
    ("squid", "proxy for the inside"),
    ("through the inside proxy", "behind the inside proxy"),
    ("fetches one page", "one page again and again"),
    ("health check", "health check"),
    ("web server", "web server"),
    ("VPN", "long connections"),
    ("push", "long connections"),
    ("video", "long connections"),
    ("IMAP client", "mail and news client"),
    ("POP3", "mail and news client"),
    ("NNTP", "mail and news client"),
    ("ubmission", "mail and news client"),
    ("webmail", "mail and news client"),
];
/// What browses.
const BROWSER: &str = "browser";
/// What is said in front of those that look most like a relay.
const HARD: &str = "HARD:";
/// Where no truth says what a host does.
pub(crate) const UNTOLD: &str = "innocent by the log's origin";

/// Who is who.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    /// Innocents that may stand for innocents here, by what they do. Relays that are meant to be some and DNS servers
    /// are left out: they conserve bytes by design.
    pub(crate) innocents: BTreeMap<IpAddr, String>,
    /// Forward relays between outsiders that carry a session on while it lasts.
    pub(crate) relays: Vec<IpAddr>,
    /// Their sessions, where the truth lists them: the two ends of the inbound leg, and of every outbound one.
    pub(crate) sessions: Vec<Session>,
}

/// `ADDRESS:PORT` of both ends.
pub(crate) type Ends = (String, String);

/// One session of a relay.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) relay: IpAddr,
    pub(crate) inbound: Ends,
    pub(crate) outbound: Vec<Ends>,
}

impl Truth {
    /// Parses `truth.json` of the examples or of the captures.
    ///
    /// # Errors
    /// Where it is no JSON, or names nobody.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let relays: Vec<&Value> = list(&value["relays"]).collect();
        let bad: Vec<IpAddr> = relays.iter().copied().chain(list(&value["bots"])).filter_map(address).collect();
        let mut truth = Self::default();
        for innocent in list(&value["innocents"]) {
            if let (Some(addr), Some(kind)) = (address(innocent), kind(innocent))
                && !bad.contains(&addr)
            {
                truth.innocents.insert(addr, kind);
            }
        }
        truth.relays = relays.into_iter().filter(|relay| carries_on(relay)).filter_map(address).collect();
        for session in list(&value["sessions"]) {
            truth.sessions.extend(self::session(session).filter(|session| truth.relays.contains(&session.relay)));
        }
        if truth.innocents.is_empty() { Err("it names no innocent".to_owned()) } else { Ok(truth) }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn address(host: &Value) -> Option<IpAddr> {
    host["ip"].as_str().or(host["host"].as_str())?.parse().ok()
}

/// `None` for those that conserve bytes by design, or of whom nothing is said.
fn kind(innocent: &Value) -> Option<String> {
    let all: Vec<&str> = list(&innocent["does"]).filter_map(Value::as_str).collect();
    let does = all.join("; ");
    let by_design = ["AUTHORISED", "DNS server", "DNS forwarder", "name server"];
    if by_design.iter().any(|words| does.contains(words)) {
        return None;
    }
    let named = KINDS.iter().find(|(words, _)| does.contains(words)).map(|&(_, kind)| kind);
    let named = named.or_else(|| does.contains("brows").then_some(BROWSER));
    // A kind that has no word above has the truth's own, up to where it tells the particulars.
    let own = || all.first().and_then(|first| first.trim_start_matches(HARD).split([':', ',', ';', '(', '|']).next());
    Some(named.or_else(own)?.trim().to_owned())
}

/// Whether it is a forward relay that nobody wants, carries a session on while the client is there, and does nothing against
/// being found: no mail server, nothing that dials out, nothing that is one by design.
fn carries_on(relay: &Value) -> bool {
    let topology = relay["topology"].as_str().unwrap_or_default();
    let others = ["backconnect", "mail", "smtp", "reverse", "stepping", "jump", "chain", "hid"];
    let by_design = relay["authorised"] == true || relay["allowance"]["by_design"] == true;
    !by_design && !others.iter().any(|other| topology.contains(other))
}

fn session(session: &Value) -> Option<Session> {
    let ends = |leg: &Value| Some((leg["src"].as_str()?.to_owned(), leg["dst"].as_str()?.to_owned()));
    Some(Session {
        relay: session["relay"].as_str()?.parse().ok()?,
        inbound: list(&session["in_legs"]).next().and_then(ends)?,
        outbound: list(&session["out_legs"]).filter_map(ends).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relays_bots_and_what_conserves_bytes_by_design_are_no_innocents() {
        let truth = Truth::parse(
            r#"{"relays": [{"ip": "10.0.0.1", "topology": "inbound-socks"}, {"ip": "10.0.0.2", "authorised": true},
                    {"ip": "10.0.0.7", "topology": "upload-gateway", "allowance": {"by_design": true}}],
                "bots": [{"ip": "10.0.0.3"}],
                "innocents": [{"ip": "10.0.0.2", "does": ["AUTHORISED RELAY"]}, {"ip": "10.0.0.3", "does": ["web browsing"]},
                    {"ip": "10.0.0.4", "does": ["web browsing", "web server"]}, {"ip": "10.0.0.5", "does": ["DNS server: 53"]},
                    {"ip": "10.0.0.6", "does": ["HARD: ingest: uploads what it received", "fetches updates"]}]}"#,
        )
        .unwrap();
        let kinds: Vec<(IpAddr, &str)> = truth.innocents.iter().map(|(&addr, kind)| (addr, kind.as_str())).collect();
        assert_eq!(kinds, [([10, 0, 0, 4].into(), "web server"), ([10, 0, 0, 6].into(), "ingest")]);
        assert_eq!(truth.relays, [IpAddr::from([10, 0, 0, 1])]);
    }
}
