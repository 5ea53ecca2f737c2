//! The keywords of the language: one entry for each.

/// What a keyword is to the compiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyword {
    Msg,
    Sid,
    Gid,
    Rev,
    Classtype,
    Priority,
    /// Says something to people and nothing to the engine.
    Remark,
    Content,
    Nocase,
    Depth,
    Offset,
    Distance,
    Within,
    StartsWith,
    EndsWith,
    FastPattern,
    RawBytes,
    Pcre,
    ByteTest,
    ByteJump,
    ByteExtract,
    ByteMath,
    IsDataAt,
    Flow,
    FlowBits,
    HostBits,
    XBits,
    NoAlert,
    Dsize,
    Flags,
    Ttl,
    Tos,
    Id,
    IpOpts,
    FragBits,
    FragOffset,
    IpProto,
    SameIp,
    Seq,
    Ack,
    Window,
    Itype,
    Icode,
    IcmpId,
    IcmpSeq,
    Threshold,
    DetectionFilter,
}

const BUILT: &[(&str, Keyword)] = &[
    ("msg", Keyword::Msg),
    ("sid", Keyword::Sid),
    ("gid", Keyword::Gid),
    ("rev", Keyword::Rev),
    ("classtype", Keyword::Classtype),
    ("priority", Keyword::Priority),
    ("reference", Keyword::Remark),
    ("metadata", Keyword::Remark),
    ("target", Keyword::Remark),
    // Asks for further packets to be written down, which changes nothing in what is alerted.
    ("tag", Keyword::Remark),
    // By what a rule is found is worked out here.
    ("prefilter", Keyword::Remark),
    ("content", Keyword::Content),
    ("nocase", Keyword::Nocase),
    ("depth", Keyword::Depth),
    ("offset", Keyword::Offset),
    ("distance", Keyword::Distance),
    ("within", Keyword::Within),
    ("startswith", Keyword::StartsWith),
    ("endswith", Keyword::EndsWith),
    ("fast_pattern", Keyword::FastPattern),
    ("rawbytes", Keyword::RawBytes),
    ("pcre", Keyword::Pcre),
    ("byte_test", Keyword::ByteTest),
    ("byte_jump", Keyword::ByteJump),
    ("byte_extract", Keyword::ByteExtract),
    ("byte_math", Keyword::ByteMath),
    ("isdataat", Keyword::IsDataAt),
    ("flow", Keyword::Flow),
    ("flowbits", Keyword::FlowBits),
    ("hostbits", Keyword::HostBits),
    ("xbits", Keyword::XBits),
    ("noalert", Keyword::NoAlert),
    ("dsize", Keyword::Dsize),
    ("flags", Keyword::Flags),
    ("tcp.flags", Keyword::Flags),
    ("ttl", Keyword::Ttl),
    ("tos", Keyword::Tos),
    ("id", Keyword::Id),
    ("ipopts", Keyword::IpOpts),
    ("fragbits", Keyword::FragBits),
    ("fragoffset", Keyword::FragOffset),
    ("ip_proto", Keyword::IpProto),
    ("sameip", Keyword::SameIp),
    ("seq", Keyword::Seq),
    ("tcp.seq", Keyword::Seq),
    ("ack", Keyword::Ack),
    ("tcp.ack", Keyword::Ack),
    ("window", Keyword::Window),
    ("tcp.window", Keyword::Window),
    ("itype", Keyword::Itype),
    ("icode", Keyword::Icode),
    ("icmp_id", Keyword::IcmpId),
    ("icmp_seq", Keyword::IcmpSeq),
    ("threshold", Keyword::Threshold),
    ("detection_filter", Keyword::DetectionFilter),
];

/// Keywords of Snort 2, Snort 3 and Suricata that this engine does not have. A name that ends in a dot or an underscore
/// stands for all that begin so.
const FOREIGN: &[&str] = &[
    "activated_by",
    "activates",
    "app-layer-event",
    "app-layer-protocol",
    "appid",
    "appids",
    "asn1",
    "base64_data",
    "base64_decode",
    "bsize",
    "bypass",
    "compress_whitespace",
    "config",
    "count",
    "cvs",
    "dataset",
    "datarep",
    "dce_",
    "dcerpc.",
    "decode-event",
    "detection",
    "dhcp.",
    "dnp3",
    "dnp3_",
    "dns.",
    "dns_query",
    "dotprefix",
    "engine-event",
    "entropy",
    "enip_",
    "file.",
    "file_data",
    "file_type",
    "fileext",
    "filemagic",
    "filemd5",
    "filename",
    "filesha1",
    "filesha256",
    "filesize",
    "filestore",
    "flow.",
    "flowint",
    "from_base64",
    "ftp.",
    "ftpbounce",
    "ftpdata_command",
    "geoip",
    "gtp_",
    "header_lowercase",
    "http.",
    "http_",
    "icmpv4.",
    "icmpv6.",
    "ike.",
    "ipv4.",
    "ipv6.",
    "iprep",
    "ip_",
    "ja3",
    "ja3.",
    "ja3s",
    "ja4.",
    "krb5.",
    "krb5_",
    "l3_hash",
    "ldap.",
    "logto",
    "lua",
    "luajit",
    "luaxform",
    "modbus",
    "modbus_",
    "mpls_",
    "mqtt.",
    "nfq_set_mark",
    "nfs",
    "nfs_",
    "ntp.",
    "pcrexform",
    "pgsql.",
    "pkt_data",
    "pktvar",
    "protected_content",
    "quic.",
    "react",
    "regex",
    "rem",
    "replace",
    "requires",
    "resp",
    "rfb.",
    "rpc",
    "sd_pattern",
    "sdf",
    "service",
    "sha256",
    "sha512",
    "md5",
    "hash",
    "length",
    "sip.",
    "sip_",
    "smb.",
    "smtp.",
    "snmp.",
    "so",
    "soid",
    "ssh.",
    "ssh_proto",
    "ssl_state",
    "ssl_version",
    "stream-event",
    "stream_reassemble",
    "stream_size",
    "strip_pseudo_headers",
    "strip_whitespace",
    "tcp.",
    "tls.",
    "tls_",
    "tls_cert",
    "to_lowercase",
    "to_sha1",
    "to_sha256",
    "to_md5",
    "to_uppercase",
    "udp.",
    "uricontent",
    "urilen",
    "url_decode",
    "vlan.",
    "websocket.",
    "xor",
    "absent",
    "bufferlen",
    "ber_",
    "content-list",
    "cip_",
    "mms_",
    "s7commplus_",
    "script_data",
    "vba_data",
    "raw_data",
    "session",
    "email.",
    "domain",
    "tld",
];

/// What the language has under this name.
pub(crate) enum Known {
    Built(Keyword),
    /// It is a keyword, and not one of ours.
    Foreign,
    No,
}

pub(crate) fn look_up(name: &str) -> Known {
    if let Some((_, keyword)) = BUILT.iter().find(|(built, _)| *built == name) {
        return Known::Built(*keyword);
    }
    let foreign = |known: &str| known == name || known.ends_with(['.', '_']) && name.starts_with(known);
    if FOREIGN.iter().any(|known| foreign(known)) { Known::Foreign } else { Known::No }
}

/// The keyword that was perhaps meant.
pub(crate) fn similar(name: &str) -> Option<&'static str> {
    nearest(name, BUILT.iter().map(|(built, _)| *built))
}

/// Of some names the one that was perhaps meant: it differs by one letter that is missing, too many, another one or has changed
/// its place with its neighbour, or by as many as every fifth, whatever the case.
#[must_use]
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let far = |other: &&str| distance(name.as_bytes(), other.as_bytes());
    let most = (name.len() / 5).max(1);
    // Of a name of one letter any other would be near.
    let near = names.filter(|other| name.len() > 1 && name.len().abs_diff(other.len()) <= most && far(other) <= most);
    near.min_by_key(far)
}

/// How many letters are missing, too many, others, or exchanged with their neighbours.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let same = |x: usize, y: usize| a[x].eq_ignore_ascii_case(&b[y]);
    let (mut before, mut last) = (Vec::new(), (0..=b.len()).collect::<Vec<_>>());
    for x in 0..a.len() {
        let mut row = vec![x + 1];
        for y in 0..b.len() {
            let mut least = (last[y] + usize::from(!same(x, y))).min(last[y + 1] + 1).min(row[y] + 1);
            if x > 0 && y > 0 && same(x, y - 1) && same(x - 1, y) {
                least = least.min(before[y - 1] + 1);
            }
            row.push(least);
        }
        (before, last) = (last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_keyword_is_said_and_no_other() {
        for (name, meant) in [
            ("contnet", Some("content")),
            ("contant", Some("content")),
            ("ocntent", Some("content")),
            ("conten", Some("content")),
            ("nocsae", Some("nocase")),
            ("fast_patern", Some("fast_pattern")),
            ("detectoin_fliter", Some("detection_filter")),
            ("sdi", Some("sid")),
            ("prce", Some("pcre")),
            ("x", None),
            ("uricontents", None),
            ("cnotnet", None),
        ] {
            assert_eq!(similar(name), meant, "{name}");
        }
    }
}
