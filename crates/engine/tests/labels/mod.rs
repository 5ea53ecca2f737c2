//! What others call the connections of their captures, read from the files beside them.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Two ends of a connection; a port is 0 where the label does not know it.
pub(crate) type Ends = [SocketAddr; 2];

/// One label.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    /// The capture it is of, or of all in its folder.
    pub(crate) capture: Option<PathBuf>,
    pub(crate) is_tcp: bool,
    pub(crate) ends: Ends,
    /// What it is called there.
    pub(crate) text: String,
    /// The names that we may give it; none where it is nothing that we know.
    pub(crate) names: BTreeSet<&'static str>,
}

impl Label {
    /// Whether it is of a connection of this capture.
    pub(crate) fn is_of(&self, capture: &Path, is_tcp: bool, ends: Ends) -> bool {
        let same = |a: SocketAddr, b: SocketAddr| a.ip() == b.ip() && (a.port() == b.port() || a.port() == 0);
        let [a, b] = self.ends;
        self.is_tcp == is_tcp
            && self.capture.as_ref().is_none_or(|path| path == capture)
            && (same(a, ends[0]) && same(b, ends[1]) || same(a, ends[1]) && same(b, ends[0]))
    }
}

const SOCKS: &[&str] = &["socks4", "socks4a", "socks5"];
const HTTP: &[&str] = &["http", "http-connect", "http-proxy"];

fn names(names: &[&'static str]) -> BTreeSet<&'static str> {
    names.iter().copied().collect()
}

/// nDPI's list of flows. What it tells by the port alone or by the address is no label.
pub(crate) fn ndpi(file: &Path) -> Vec<Label> {
    let text = fs::read_to_string(file).expect("a readable list");
    text.lines().filter_map(|line| ndpi_flow(line, file.with_extension(""))).collect()
}

fn ndpi_flow(line: &str, capture: PathBuf) -> Option<Label> {
    let mut words = line.split_ascii_whitespace().skip_while(|word| !matches!(*word, "TCP" | "UDP"));
    let is_tcp = words.next()? == "TCP";
    let ends = [words.next()?, words.nth(1)?].map(|end| end.split("][").next().unwrap_or(end).parse().ok());
    if !line.contains("[Confidence: DPI]") {
        return None;
    }
    let (_, rest) = line.split_once("[proto: ")?;
    let (_, name) = rest.split_once(']')?.0.split_once('/')?;
    let name = name.split('.').next()?;
    let names = match name {
        "TLS" => names(&["tls"]),
        // They are called so where they begin with STARTTLS, too.
        "SMTPS" => names(&["tls", "smtp"]),
        "IMAPS" => names(&["tls", "imap"]),
        "POPS" => names(&["tls", "pop3"]),
        "SMTP" => names(&["smtp"]),
        "IMAP" => names(&["imap"]),
        "POP3" => names(&["pop3"]),
        "Usenet" => names(&["nntp"]),
        "HTTP" => names(&["http"]),
        "HTTP_Proxy" => names(&["http-proxy"]),
        "SOCKS" => names(SOCKS),
        "FTP_CONTROL" => names(&["ftp"]),
        "SSH" => names(&["ssh"]),
        "RDP" => names(&["rdp"]),
        "IRC" => names(&["irc"]),
        "DNS" | "MDNS" => names(&["dns"]),
        "BitTorrent" | "Telnet" | "RTP" | "SIP" | "STUN" | "OpenVPN" | "WireGuard" | "DHCP" | "SSDP" | "NetBIOS"
        | "TeamViewer" | "KakaoTalk_Voice" | "HAProxy" | "ICMP" => names(&[]),
        // A service or a vendor, whatever it is spoken in.
        _ => return None,
    };
    let [Some(orig), Some(resp)] = ends else { return None };
    Some(Label { capture: Some(capture), is_tcp, ends: [orig, resp], text: format!("ndpi {name}"), names })
}

/// Arkime's sessions.
pub(crate) fn arkime(file: &Path) -> Vec<Label> {
    let text = fs::read_to_string(file).expect("a readable list");
    let sessions: Value = serde_json::from_str(&text).expect("JSON");
    let sessions = sessions["sessions3"].as_array().expect("sessions");
    sessions.iter().filter_map(|session| arkime_session(&session["body"], file.with_extension("pcap"))).collect()
}

fn arkime_session(body: &Value, capture: PathBuf) -> Option<Label> {
    let end = |side: &str| {
        let addr: IpAddr = body[side]["ip"].as_str()?.parse().ok()?;
        Some(SocketAddr::new(addr, u16::try_from(body[side]["port"].as_u64()?).ok()?))
    };
    let protocols: Vec<&str> = body["protocol"].as_array()?.iter().filter_map(Value::as_str).collect();
    let has = |name: &str| protocols.contains(&name);
    // What is spoken inside of a tunnel stands beside the tunnel.
    let names = if has("socks") {
        names(SOCKS)
    } else if has("http") && has("tls") {
        names(&["http-connect"])
    } else {
        let known = ["smtp", "imap", "pop3", "irc", "ssh", "dns", "rdp", "http", "tls"];
        names(&[known.into_iter().find(|name| has(name))?])
    };
    let is_tcp = has("tcp");
    let ends = [end("source")?, end("destination")?];
    Some(Label { capture: Some(capture), is_tcp, ends, text: format!("arkime {}", protocols.join("+")), names })
}

/// A log of Zeek's: of connections, or one of a protocol's own.
pub(crate) fn zeek(file: &Path) -> Vec<Label> {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    // What is logged of what a tunnel carries stands under the tunnel's own ends.
    if name.starts_with("smtp.") && file.with_file_name("tunnel.log").exists() {
        return Vec::new();
    }
    let text = fs::read_to_string(file).expect("a readable log");
    let mut columns: Vec<&str> = Vec::new();
    let mut labels = Vec::new();
    for line in text.lines() {
        if let Some(fields) = line.strip_prefix("#fields\t") {
            columns = fields.split('\t').collect();
        } else if line.contains("id.orig_h\t") {
            columns = line.split('\t').collect();
        } else if !line.starts_with('#') {
            let values: Vec<&str> = line.split('\t').collect();
            let field = |name: &str| Some(*values.get(columns.iter().position(|column| *column == name)?)?);
            labels.extend(zeek_row(name, &field));
        }
    }
    labels
}

fn zeek_row<'a>(log: &str, field: &dyn Fn(&str) -> Option<&'a str>) -> Option<Label> {
    let end = |side: &str| {
        let addr: IpAddr = field(&format!("id.{side}_h"))?.parse().ok()?;
        Some(SocketAddr::new(addr, field(&format!("id.{side}_p"))?.parse().ok()?))
    };
    let (what, names) = match log.split('.').next()? {
        "smtp" => ("smtp", names(&["smtp"])),
        "socks" if field("version")? == "5" => ("socks5", names(&["socks5"])),
        "socks" => ("socks4", names(&["socks4", "socks4a"])),
        "tunnel" if field("tunnel_type")? == "Tunnel::SOCKS" => ("socks", names(SOCKS)),
        "tunnel" if field("tunnel_type")? == "Tunnel::HTTP" => ("http-connect", names(&["http-connect"])),
        "conn" => match field("service")? {
            "smtp" => ("smtp", names(&["smtp"])),
            "socks" => ("socks", names(SOCKS)),
            service if service.starts_with("http") => ("http", names(HTTP)),
            _ => return None,
        },
        _ => return None,
    };
    Some(Label { capture: None, is_tcp: true, ends: [end("orig")?, end("resp")?], text: format!("zeek {what}"), names })
}
