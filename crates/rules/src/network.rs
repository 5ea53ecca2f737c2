//! Addresses, ports and the variables that stand for them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::ast::{Set, Spanned};
use crate::diagnostic::{Code, Fault, Span};
use crate::keyword::nearest;
use crate::parse::parse_set;
use crate::ranges::{Number, Ranges};

/// A chain of variables longer than this is a circle.
const MAX_CHAIN: usize = 16;
/// What one rule's sets may take to work out: variables that multiply each other end here.
const MAX_PARTS: usize = 100_000;

/// Protocols that a header may name: those that are built, and those of the application layer that are not.
pub(crate) fn is_protocol(word: &[u8]) -> bool {
    const BUILT: [&[u8]; 6] = [b"tcp", b"udp", b"icmp", b"ip", b"tcp-pkt", b"tcp-stream"];
    BUILT.contains(&word) || is_foreign_protocol(word)
}

/// Protocols that Snort and Suricata know and this engine does not match on.
pub(crate) fn is_foreign_protocol(word: &[u8]) -> bool {
    const NAMES: &[&str] = &[
        "http",
        "http1",
        "http2",
        "doh2",
        "dns",
        "mdns",
        "tls",
        "ssl",
        "ssh",
        "smtp",
        "ftp",
        "ftp-data",
        "smb",
        "dcerpc",
        "nfs",
        "tftp",
        "krb5",
        "ikev2",
        "ike",
        "snmp",
        "sip",
        "rdp",
        "rfb",
        "mqtt",
        "modbus",
        "dnp3",
        "enip",
        "nntp",
        "imap",
        "pop3",
        "dhcp",
        "bittorrent-dht",
        "telnet",
        "websocket",
        "ldap",
        "pgsql",
        "quic",
        "file",
        "ntp",
        "irc",
        "ipv4",
        "ipv6",
        "ip4",
        "ip6",
        "icmpv4",
        "icmpv6",
        "sctp",
        "pkthdr",
        "decode-event",
        "ether",
        "arp",
    ];
    NAMES.iter().any(|name| name.as_bytes() == word)
}

/// Addresses of both families.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Addresses {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
}

impl Addresses {
    pub(crate) fn has(&self, addr: IpAddr) -> bool {
        match addr {
            IpAddr::V4(addr) => self.v4.has(addr.to_bits()),
            IpAddr::V6(addr) => self.v6.has(addr.to_bits()),
        }
    }
}

/// The ports of a header.
pub(crate) type Ports = Ranges<u16>;

/// Why a variable was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariablesError(pub String);

impl std::fmt::Display for VariablesError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for VariablesError {}

/// What `$NAME` stands for.
#[derive(Clone, Debug)]
pub struct Variables(BTreeMap<String, Spanned<Set>>);

/// What rule sets take for granted: servers are somewhere at home, services at their usual ports.
const DEFAULTS: &[(&str, &str)] = &[
    ("HOME_NET", "[10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7,fe80::/10]"),
    ("EXTERNAL_NET", "!$HOME_NET"),
    ("INTERNAL_NET", "$HOME_NET"),
    ("HTTP_SERVERS", "$HOME_NET"),
    ("SMTP_SERVERS", "$HOME_NET"),
    ("SQL_SERVERS", "$HOME_NET"),
    ("DNS_SERVERS", "$HOME_NET"),
    ("TELNET_SERVERS", "$HOME_NET"),
    ("SSH_SERVERS", "$HOME_NET"),
    ("FTP_SERVERS", "$HOME_NET"),
    ("SIP_SERVERS", "$HOME_NET"),
    ("AIM_SERVERS", "$EXTERNAL_NET"),
    ("DC_SERVERS", "$HOME_NET"),
    ("HTTP_PORTS", "80"),
    ("SHELLCODE_PORTS", "!80"),
    ("ORACLE_PORTS", "1521"),
    ("SSH_PORTS", "22"),
    ("SIP_PORTS", "[5060,5061,5600]"),
    ("FTP_PORTS", "21"),
    ("FILE_DATA_PORTS", "[$HTTP_PORTS,110,143]"),
    ("GTP_PORTS", "[2123,2152,3386]"),
    ("DNP3_PORTS", "20000"),
    ("MODBUS_PORTS", "502"),
    ("VXLAN_PORTS", "4789"),
    ("TEREDO_PORTS", "3544"),
];

impl Default for Variables {
    fn default() -> Self {
        let set = |(name, text): &(&str, &str)| parse_set(text.as_bytes()).ok().map(|set| ((*name).to_owned(), set));
        Self(DEFAULTS.iter().filter_map(set).collect())
    }
}

impl Variables {
    /// Defines `name` (with or without the dollar) as `value`, in the words of a header.
    ///
    /// # Errors
    ///
    /// Where `value` is no set, or `name` no name.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), VariablesError> {
        let name = name.strip_prefix('$').unwrap_or(name);
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(VariablesError(format!("`{name}` is no name of a variable: letters, digits and _")));
        }
        let set = parse_set(value.as_bytes())
            .map_err(|fault| VariablesError(format!("${name} = `{value}`: {}", fault.message)))?;
        self.0.insert(name.to_owned(), set);
        Ok(())
    }

    fn unknown(&self, name: &str, span: Span) -> Fault {
        let defined = self.0.keys().map(String::as_str).filter(|defined| *defined != name);
        let meant =
            nearest(name, defined).map_or_else(String::new, |meant| format!("perhaps ${meant} is meant; else "));
        Fault::new(Code::Variable, span, format!("${name} is not defined, or only by itself"))
            .help(format!("{meant}define it: --var {name}=VALUE"))
    }

    pub(crate) fn addresses(&self, set: &Spanned<Set>) -> Result<Addresses, Fault> {
        let v4 = Walk { variables: self, leaf: &leaf_v4, left: MAX_PARTS }.top(set)?;
        let v6 = Walk { variables: self, leaf: &leaf_v6, left: MAX_PARTS }.top(set)?;
        if v4.is_empty() && v6.is_empty() {
            return Err(Fault::new(Code::Value, set.span, "no address is in this set"));
        }
        Ok(Addresses { v4, v6 })
    }

    pub(crate) fn ports(&self, set: &Spanned<Set>) -> Result<Ports, Fault> {
        let ports = Walk { variables: self, leaf: &leaf_port, left: MAX_PARTS }.top(set)?;
        if ports.is_empty() {
            return Err(Fault::new(Code::Value, set.span, "no port is in this set"));
        }
        Ok(ports)
    }
}

/// One walk through a set. Places are those in the rule, also of what is wrong within a variable.
struct Walk<'a, T> {
    variables: &'a Variables,
    leaf: &'a dyn Fn(&str) -> Option<Ranges<T>>,
    left: usize,
}

impl<T: Number> Walk<'_, T> {
    fn top(&mut self, set: &Spanned<Set>) -> Result<Ranges<T>, Fault> {
        self.eval(set, None, 0)
    }

    /// `within`: where the variable that holds this set was named in the rule.
    fn eval(&mut self, set: &Spanned<Set>, within: Option<Span>, chain: usize) -> Result<Ranges<T>, Fault> {
        let span = within.unwrap_or(set.span);
        self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| Fault::new(Code::TooLarge, span, "these sets hold more than is taken"))?;
        match &set.value {
            Set::Any => Ok(Ranges::all()),
            Set::Item(item) => (self.leaf)(item).ok_or_else(|| {
                Fault::new(Code::Value, span, format!("`{item}` is not what is expected here"))
                    .help("addresses: 192.0.2.1, 192.0.2.0/24, a-b; ports: 25, 25:80, 1024:, :1024; $NAME, !x, [x,y]")
            }),
            Set::Variable(name) => {
                let value = self
                    .variables
                    .0
                    .get(name)
                    .filter(|_| chain < MAX_CHAIN)
                    .ok_or_else(|| self.variables.unknown(name, span))?;
                self.eval(value, Some(span), chain + 1)
            }
            Set::Not(inner) => Ok(self.eval(inner, within, chain)?.complement()),
            Set::List(items) => self.list(items, within, chain),
        }
    }

    /// What is listed (all, where only exceptions are), without what is excepted.
    fn list(&mut self, items: &[Spanned<Set>], within: Option<Span>, chain: usize) -> Result<Ranges<T>, Fault> {
        let mut listed: Option<Ranges<T>> = None;
        let mut excepted = Ranges::none();
        for item in items {
            match &item.value {
                Set::Not(inner) => excepted = excepted.union(self.eval(inner, within, chain)?),
                _ => listed = Some(listed.unwrap_or_else(Ranges::none).union(self.eval(item, within, chain)?)),
            }
        }
        Ok(listed.unwrap_or_else(Ranges::all).intersection(&excepted.complement()))
    }
}

fn leaf_port(item: &str) -> Option<Ranges<u16>> {
    let number = |text: &str| text.trim().parse::<u16>().ok();
    let Some((low, high)) = item.split_once(':') else {
        let port = number(item)?;
        return Some(Ranges::of(port, port));
    };
    let low = if low.is_empty() { 0 } else { number(low)? };
    let high = if high.is_empty() { u16::MAX } else { number(high)? };
    (low <= high).then(|| Ranges::of(low, high))
}

/// Both ends of an address, a network or a range.
fn ends(item: &str) -> Option<(IpAddr, IpAddr)> {
    if let Some((low, high)) = item.split_once('-') {
        return Some((low.trim().parse().ok()?, high.trim().parse().ok()?));
    }
    let Some((addr, prefix)) = item.split_once('/') else {
        let addr = item.parse().ok()?;
        return Some((addr, addr));
    };
    match addr.parse().ok()? {
        IpAddr::V4(addr) => {
            let host = host_bits_v4(prefix)?;
            Some((IpAddr::V4((addr.to_bits() & !host).into()), IpAddr::V4((addr.to_bits() | host).into())))
        }
        IpAddr::V6(addr) => {
            let prefix: u32 = prefix.parse().ok().filter(|prefix| *prefix <= 128)?;
            let host = u128::MAX.checked_shr(prefix).unwrap_or(0);
            Some((IpAddr::V6((addr.to_bits() & !host).into()), IpAddr::V6((addr.to_bits() | host).into())))
        }
    }
}

/// `/24` and `/255.255.255.0` alike.
fn host_bits_v4(prefix: &str) -> Option<u32> {
    if let Ok(mask) = prefix.parse::<std::net::Ipv4Addr>() {
        return Some(!mask.to_bits());
    }
    let prefix: u32 = prefix.parse().ok().filter(|prefix| *prefix <= 32)?;
    Some(u32::MAX.checked_shr(prefix).unwrap_or(0))
}

fn leaf_v4(item: &str) -> Option<Ranges<u32>> {
    match ends(item)? {
        (IpAddr::V4(low), IpAddr::V4(high)) if low <= high => Some(Ranges::of(low.to_bits(), high.to_bits())),
        (IpAddr::V6(_), IpAddr::V6(_)) => Some(Ranges::none()),
        _ => None,
    }
}

fn leaf_v6(item: &str) -> Option<Ranges<u128>> {
    match ends(item)? {
        (IpAddr::V6(low), IpAddr::V6(high)) if low <= high => Some(Ranges::of(low.to_bits(), high.to_bits())),
        (IpAddr::V4(_), IpAddr::V4(_)) => Some(Ranges::none()),
        _ => None,
    }
}
