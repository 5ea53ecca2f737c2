//! Addresses within text: raw records, names of files and devices, sentences.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use catspaw_records::leases::parse_mac;
use catspaw_relay::Network;

use super::{Redactor, Scope};

/// The longest way to write an IPv6 address, with an IPv4 one at its end.
const LONGEST: usize = 45;
/// Keys whose value is a person, or the name of somebody's machine: FortiGate's, Junos's, CEF's, of ECS and Splunk's CIM.
const USERS: [&str; 24] = [
    "user",
    "unauthuser",
    "srcuser",
    "dstuser",
    "authuser",
    "xauthuser",
    "username",
    "user_name",
    "user.name",
    "user.email",
    "user.full_name",
    "source.user.name",
    "destination.user.name",
    "client.user.name",
    "server.user.name",
    "suser",
    "duser",
    "src_user",
    "dest_user",
    "srcname",
    "dstname",
    "shost",
    "dhost",
    "login",
];
/// Fields of PAN-OS's TRAFFIC between its type and the source user.
const PAN_OS_USERS: usize = 8;
/// Bytes of a Community ID behind its version.
const COMMUNITY: usize = 28;

impl Redactor {
    /// The text with the addresses in it replaced: dotted, dashed or underlined as in names of hosts, backwards in names of
    /// reverse look-ups, networks with their length.
    pub(super) fn text(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        while at < text.len() {
            let found = self.reverse(text, at).or_else(|| self.six(text, at)).or_else(|| self.four(text, at));
            if let Some((length, replaced)) = found {
                out.push_str(&replaced);
                at += length;
                continue;
            }
            let Some(c) = text[at..].chars().next() else { break };
            out.push(c);
            at += c.len_utf8();
        }
        out
    }

    /// A raw record: also without the user that a device names, and the Community ID, which tells the addresses to
    /// whoever tries them.
    pub(super) fn record(&self, text: &str) -> String {
        let resolved = self.called.resolve(text.as_bytes());
        let resolved = resolved.as_deref().map(String::from_utf8_lossy);
        let text = self.text(resolved.as_deref().unwrap_or(text));
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some((before, behind)) = rest.split_once('(') {
            let Some((inner, after)) = behind.split_once(')') else { break };
            out.push_str(before);
            let address = inner.split('/').next().is_some_and(|addr| addr.parse::<IpAddr>().is_ok());
            let kept = address || is_said_by_the_device(inner);
            let inner = if kept { inner.to_owned() } else { self.pseudonym("user", inner) };
            out.push_str(&format!("({inner})"));
            rest = after;
        }
        out.push_str(rest);
        let out = self.without_users_of_pan_os(self.without_keyed_users(&self.without_users(out)));
        self.without_macs(&without_community_ids(&out))
    }

    /// Replaces users that a device names without parentheses.
    fn without_users(&self, mut text: String) -> String {
        for (before, after) in [(", User: ", ", "), (" for user ", " ")] {
            let Some(from) = text.find(before).map(|at| at + before.len()) else { continue };
            let end = text[from..].find(after).map_or(text.len(), |len| from + len);
            text.replace_range(from..end, &self.pseudonym("user", &text[from..end]));
        }
        text
    }

    /// Replaces users that stand behind a key that means one, as in the records of firewalls that write keys, and in JSON.
    fn without_keyed_users(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(['=', ':']) {
            let (before, behind) = rest.split_at(at + 1);
            out.push_str(before);
            rest = behind;
            let name = before[..at].trim_end_matches(['"', ' ']);
            let (around, key) = name.split_at(name.rfind([' ', ',', '"', '{', '|', '\t']).map_or(0, |mark| mark + 1));
            if !USERS.contains(&key.to_ascii_lowercase().as_str()) {
                continue;
            }
            let in_cell = before.ends_with('=') && around.ends_with('"');
            let (from, len) = if in_cell { value_in_cell(rest) } else { value_of_key(rest) };
            let value = &rest[from..];
            if len > 0 {
                out.push_str(&rest[..from]);
                out.push_str(&self.pseudonym("user", &value[..len]));
                rest = &value[len..];
            }
        }
        out + rest
    }

    /// Replaces the source and destination users of PAN-OS's CSV, which stand behind the rule.
    fn without_users_of_pan_os(&self, text: String) -> String {
        let Some((before, after)) = text.split_once(",TRAFFIC,") else { return text };
        let mut quoted = false;
        let separates = |c: char| {
            quoted ^= c == '"';
            c == ',' && !quoted
        };
        let mut fields: Vec<String> = after.split(separates).map(str::to_owned).collect();
        for field in fields.iter_mut().skip(PAN_OS_USERS).take(2).filter(|field| !field.is_empty()) {
            *field = self.pseudonym("user", field);
        }
        format!("{before},TRAFFIC,{}", fields.join(","))
    }

    /// Replaces MAC addresses, wherever they stand.
    fn without_macs(&self, text: &str) -> String {
        const LENGTH: usize = 17;
        let joins = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b':');
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            let mac = text.get(at..at + LENGTH).filter(|mac| parse_mac(mac).is_some());
            let apart = (at == 0 || !joins(text.as_bytes().get(at - 1))) && !joins(text.as_bytes().get(at + LENGTH));
            if let Some(mac) = mac.filter(|_| apart) {
                out.push_str(&self.mac(mac));
                at += LENGTH;
            } else {
                out.push(c);
                at += c.len_utf8();
            }
        }
        out
    }

    /// A locally administered MAC address in place of a true one.
    pub(super) fn mac(&self, mac: &str) -> String {
        let [_, _, _, a, b, c, d, e] = self.hash(&mac.to_ascii_lowercase()).to_be_bytes();
        format!("02:{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}")
    }

    /// Whether an address that was found is to be replaced.
    fn replaces(&self, addr: IpAddr, is_whole: bool) -> bool {
        self.is_own(addr) || (self.scope == Scope::All && is_whole)
    }

    fn four(&self, text: &str, at: usize) -> Option<(usize, String)> {
        let bytes = text.as_bytes();
        if at > 0 && bytes[at - 1].is_ascii_digit() {
            return None;
        }
        let (octets, separator, length) = quad(&bytes[at..])?;
        let (addr, end) = (Ipv4Addr::from(octets), at + length);
        let join = |addr: IpAddr| addr.to_string().replace('.', &char::from(separator).to_string());
        let goes_on = |at: Option<usize>, next: Option<usize>| {
            let byte = |at: Option<usize>| at.and_then(|at| bytes.get(at)).copied().unwrap_or(0);
            byte(at) == separator && byte(next).is_ascii_digit()
        };
        let is_whole = !goes_on(at.checked_sub(1), at.checked_sub(2)) && !goes_on(Some(end), Some(end + 1));
        if separator == b'.'
            && let Some((bits, longer)) = mask(&bytes[end..], addr)
            && self.replaces(addr.into(), true)
        {
            return Some((length + longer, self.network(Network::new(addr.into(), bits)?)));
        }
        if self.replaces(addr.into(), is_whole) {
            return Some((length, join(self.address(addr.into()))));
        }
        let backwards: IpAddr = Ipv4Addr::from([octets[3], octets[2], octets[1], octets[0]]).into();
        if separator != b'.' && self.own.contains(&backwards) {
            return Some((length, join(backwards_of(self.address(backwards)))));
        }
        None
    }

    /// An IPv6 address that begins here. What stands before it may look like a part of it (`inside:2001:db8::1`), so that
    /// what is ours is looked for from each group on.
    fn six(&self, text: &str, at: usize) -> Option<(usize, String)> {
        let bytes = text.as_bytes();
        if at > 0 && bytes[at - 1].is_ascii_alphanumeric() {
            return None;
        }
        let run =
            bytes[at..].iter().take(LONGEST).take_while(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.')).count();
        if bytes[at..at + run].iter().filter(|&&b| b == b':').count() < 2 {
            return None;
        }
        let (length, addr) = (2..=run)
            .rev()
            .filter(|&length| length == run || !bytes[at + length].is_ascii_alphanumeric())
            .find_map(|length| Some((length, text[at..at + length].parse::<Ipv6Addr>().ok()?)))?;
        // One that is ours may begin at a later group, and is found there.
        self.replaces(addr.into(), true).then(|| (length, self.address(addr.into()).to_string()))
    }

    /// A name of a reverse look-up that begins here.
    fn reverse(&self, text: &str, at: usize) -> Option<(usize, String)> {
        let bytes = text.as_bytes();
        if at > 0 && bytes[at - 1].is_ascii_alphanumeric() {
            return None;
        }
        let follows =
            |end: usize, name: &str| text.get(end..end + name.len()).is_some_and(|n| n.eq_ignore_ascii_case(name));
        if let Some(([d, c, b, a], b'.', length)) = quad(&bytes[at..])
            && follows(at + length, ".in-addr.arpa")
        {
            let addr = Ipv4Addr::new(a, b, c, d).into();
            return self.replaces(addr, true).then(|| (length, backwards_of(self.address(addr)).to_string()));
        }
        const NIBBLES: usize = 63;
        if !follows(at + NIBBLES, ".ip6.arpa") {
            return None;
        }
        let mut bits = 0_u128;
        for (number, pair) in text.get(at..at + NIBBLES)?.split('.').enumerate() {
            let nibble = u128::from_str_radix(pair, 16).ok().filter(|_| pair.len() == 1)?;
            bits |= nibble << (4 * number.min(31));
        }
        let addr: IpAddr = Ipv6Addr::from(bits).into();
        let IpAddr::V6(replaced) = self.address(addr) else { return None };
        let nibbles: Vec<String> =
            (0..32).map(|number| format!("{:x}", u128::from(replaced) >> (4 * number) & 15)).collect();
        self.replaces(addr, true).then(|| (NIBBLES, nibbles.join(".")))
    }
}

/// Four numbers with one separator between them, and how many bytes they take.
fn quad(bytes: &[u8]) -> Option<([u8; 4], u8, usize)> {
    let mut octets = [0; 4];
    let (mut at, mut separator) = (0, 0);
    for (number, octet) in octets.iter_mut().enumerate() {
        if number > 0 {
            let next = *bytes.get(at)?;
            if !matches!(next, b'.' | b'-' | b'_') || (number > 1 && next != separator) {
                return None;
            }
            separator = next;
            at += 1;
        }
        let digits = bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
        let value = std::str::from_utf8(&bytes[at..at + digits]).ok()?;
        *octet = if digits <= 3 { value.parse().ok()? } else { return None };
        at += digits;
    }
    Some((octets, separator, at))
}

/// The length of a network behind its address, and how many bytes that takes.
fn mask(bytes: &[u8], addr: Ipv4Addr) -> Option<(u8, usize)> {
    let digits = bytes.strip_prefix(b"/")?.iter().take_while(|b| b.is_ascii_digit()).count();
    let bits: u8 = std::str::from_utf8(&bytes[1..=digits]).ok()?.parse().ok()?;
    let below = u32::MAX.checked_shr(bits.into()).unwrap_or(0);
    (bits <= 32 && u32::from(addr) & below == 0 && bits < 32).then_some((bits, 1 + digits))
}

fn backwards_of(addr: IpAddr) -> IpAddr {
    match addr {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            Ipv4Addr::new(d, c, b, a).into()
        }
        v6 => v6,
    }
}

/// Where the value begins behind a key, and its length: between quotes, or a word.
fn value_of_key(rest: &str) -> (usize, usize) {
    let quote = rest.trim_start().starts_with('"');
    let from = rest.len() - rest.trim_start().len() + usize::from(quote);
    let value = &rest[from..];
    let closes = |(at, _): &(usize, &str)| !value[..*at].ends_with('\\');
    let end = if quote {
        value.match_indices('"').find(closes).map(|(at, _)| at)
    } else {
        value.find([' ', ',', '|', '}', '\t'])
    };
    (from, end.unwrap_or(value.len()))
}

/// The same in a cell of CSV that holds key and value (`"user=jane doe","user=""jane doe"""`).
fn value_in_cell(rest: &str) -> (usize, usize) {
    let from = if rest.starts_with("\"\"") { 2 } else { 0 };
    let value = &rest[from..];
    (from, value[..value.find("\",").unwrap_or(value.len())].trim_end_matches('"').len())
}

fn without_community_ids(text: &str) -> String {
    let is_one = |word: &str| {
        let base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
        word.strip_prefix("1:").is_some_and(|id| id.len() == COMMUNITY && id.ends_with('=') && id.bytes().all(base64))
    };
    let words = text.split_inclusive(['\t', ' ', '"', ',']);
    words
        .map(|word| {
            let bare = word.trim_end_matches(['\t', ' ', '"', ',']);
            if is_one(bare) { format!("-{}", &word[bare.len()..]) } else { word.to_owned() }
        })
        .collect()
}

/// Whether what stands in parentheses is a device's own word: a port, ICMP's type and code.
fn is_said_by_the_device(inner: &str) -> bool {
    matches!(inner, "empty" | "any" | "no connection")
        || inner.starts_with("type ")
        || inner.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use catspaw_records::cisco::Names;

    use super::super::tests::redactor;
    use super::*;

    fn shown(redactor: &Redactor, addr: &str) -> String {
        redactor.address(addr.parse().unwrap()).to_string()
    }

    #[test]
    fn a_record_tells_no_mac_address() {
        let redactor = redactor(Scope::Own, &[]);
        let record = redactor.record("1.0\tCabc\t00:1c:42:DE:ad:01\t12:34:56\tdone");
        assert!(!record.to_lowercase().contains("de:ad:01"), "{record}");
        assert!(record.starts_with("1.0\tCabc\t02:") && record.ends_with("\t12:34:56\tdone"), "{record}");
    }

    #[test]
    fn a_record_tells_no_user_whoever_wrote_it() {
        let redactor = redactor(Scope::Own, &[]);
        for record in [
            r#"type="traffic" user="jane.doe" srcmac="00:11:22:33:44:55" unauthuser=jane.doe action="close""#,
            r#"<14>1 - srx RT_FLOW - - [junos@2636 username="jane.doe" roles="N/A"]"#,
            r#"{"source":{"ip":"10.0.0.1","mac":"00:11:22:33:44:55"},"user.name": "jane.doe"}"#,
            r"1,2024/03/04 16:05:40,1,TRAFFIC,end,1,2024/03/04 16:05:38,10.0.0.1,192.0.2.7,,,a rule,lab\jane.doe,jane.doe,smtp",
            r"CEF:0|Fortinet|Fortigate|7.0|1|traffic|3|suser=jane.doe act=close",
            r#""type=traffic","user=lab jane","srcmac=00:11:22:33:44:55","action=close""#,
            r#""type=""traffic""","user=""lab, jane""","srcname=""the ""jane"" pc""","action=""close"""#,
            r#"{"type":"traffic","user":"the \"jane\"","srcmac":"00:11:22:33:44:55","action":"close"}"#,
        ] {
            let shown = redactor.record(record);
            assert!(!shown.contains("jane") && !shown.contains("00:11:22"), "{shown}");
            assert!(shown.contains("smtp") || shown.contains("close") || shown.contains('}') || shown.contains("N/A"));
        }
    }

    #[test]
    fn ours_are_found_however_they_are_written() {
        let redactor = redactor(Scope::Own, &["192.0.2.210", "2001:db8:28::5"]);
        let host = shown(&redactor, "172.28.220.181");
        let public = shown(&redactor, "192.0.2.210");
        let six = shown(&redactor, "2001:db8:28::5");
        let dashed = host.replace('.', "-");
        let backwards: Vec<&str> = public.split('.').rev().collect();
        for (text, redacted) in [
            (
                "outside:198.51.100.7/36514 (198.51.100.7/36514) to inside:172.28.220.181/1182 (192.0.2.210/1182)",
                format!("outside:198.51.100.7/36514 (198.51.100.7/36514) to inside:{host}/1182 ({public}/1182)"),
            ),
            (
                "172-28-220-181.example, dorm172_28_220_181x",
                format!("{dashed}.example, dorm{}x", host.replace('.', "_")),
            ),
            ("172.028.220.181", host.clone()),
            ("1.172.28.220.181.5", format!("1.{host}.5")),
            ("pc-210-2-0-192.example", format!("pc-{}.example", backwards.join("-"))),
            ("210.2.0.192.in-addr.arpa", format!("{}.in-addr.arpa", backwards.join("."))),
            ("inside:2001:db8:28::5/80 [2001:DB8:28:0::5]:443.", format!("inside:{six}/80 [{six}]:443.")),
            ("::ffff:172.28.220.181 ::ffff:ac1c:dcb5", format!("::ffff:{host} ::ffff:{host}")),
            ("Our addresses: 172.16.0.0/12 (172.28.220.181/24)", format!("Our addresses: 172.16.0.0/12 ({host}/24)")),
            ("2003-03-04 16:05:00.123456 00:00:5e:00:53:2a 198.51.100.7:25 de:ad::1 1.2.3", String::new()),
            ("\u{fc}172.28.220.181\u{fc}", format!("\u{fc}{host}\u{fc}")),
        ] {
            let redacted = if redacted.is_empty() { text.to_owned() } else { redacted };
            assert_eq!(redactor.text(text), redacted);
        }
        let nibbles = "5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.2.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
        assert!(redactor.text(nibbles).ends_with(".ip6.arpa") && !redactor.text(nibbles).contains("8.b.d.0.1.0.0.2"));
    }

    #[test]
    fn all_are_found_where_all_are_asked_for() {
        let redactor = redactor(Scope::All, &[]);
        let text = redactor.text("from 198.51.100.7:25 and 2001:db8:1::7, release 1.2.3.4.5 of 2003-03-04 16:05");
        let (four, six) = (shown(&redactor, "198.51.100.7"), shown(&redactor, "2001:db8:1::7"));
        assert_eq!(text, format!("from {four}:25 and {six}, release 1.2.3.4.5 of 2003-03-04 16:05"));
    }

    #[test]
    fn a_record_names_no_user_and_no_flow() {
        let redactor = redactor(Scope::Own, &[]);
        let record = redactor.record(
            "to inside:203.0.113.9/80(LOCAL\\jdoe) (203.0.113.9/80) duration 0:00:02 bytes 5 TCP FINs (mmuster)",
        );
        assert!(!record.contains("jdoe") && !record.contains("mmuster"), "{record}");
        assert!(record.contains("(203.0.113.9/80) duration") && record.matches("(user-").count() == 2, "{record}");
        assert_eq!(redactor.record("1.5\t1:LQU9qZlK+B5F3KDmev6m5PMibrg=\t(empty)"), "1.5\t-\t(empty)");
        for (record, left) in [
            (
                "access-list a denied tcp for user jdoe outside/203.0.113.9(5)(jdoe) -> i/203.0.113.8(25) hit-cnt 1",
                "(5)(user-",
            ),
            ("%FTD-6-430003: Protocol: tcp, User: EXAMPLE\\jdoe, Client: SMTP", ", User: user-"),
            ("%FTD-6-430003: Protocol: tcp, User: jdoe", ", User: user-"),
            ("Deny TCP (no connection) from 203.0.113.9/5", "TCP (no connection) from"),
            ("Deny icmp src o:203.0.113.9 dst i:203.0.113.8 (type 8, code 0)", "(type 8, code 0)"),
        ] {
            let redacted = redactor.record(record);
            assert!(redacted.contains(left) && !redacted.contains("jdoe"), "{redacted}");
        }
    }

    #[test]
    fn a_records_names_are_replaced_as_their_addresses_are() {
        let names = Arc::new(Names::parse(b"name 172.28.220.181 annas-pc"));
        let redactor = redactor(Scope::Own, &[]).with_names(&names);
        let record =
            redactor.record("for outside:203.0.113.9/80 (203.0.113.9/80) to inside:annas-pc/1182 (annas-pc/1182)");
        let host = shown(&redactor, "172.28.220.181");
        assert!(record.ends_with(&format!("to inside:{host}/1182 ({host}/1182)")), "{record}");
    }
}
