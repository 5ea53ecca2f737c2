//! What the first bytes of the side that opened the connection are.

use catspaw_records::AppProto;
use memchr::memchr;

use super::super::dns;

/// What the client's first bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client<'a> {
    /// One protocol's, whatever is answered.
    Speaks(AppProto),
    /// A request of SOCKS 4 or 4a: so short that the answer has to agree. With whether it names its target, and whether
    /// the client said no more.
    Socks4 { named: bool, alone: bool },
    /// The methods that a client of SOCKS 5 offers, and what it said after them.
    Socks5 { methods: &'a [u8], rest: &'a [u8] },
    /// A connection request of X.224 that nothing but the answer could make remote desktop's.
    X224,
    /// A record of TLS from the midst of a session.
    TlsRecord,
    /// Lines of text, from the first on.
    Text(&'a [u8]),
    /// The client said nothing, and nothing can come.
    Silent,
    /// More has to come before it can be told.
    Cut,
    /// Nothing that is known here.
    Unknown,
}

/// Tells what `bytes` are, the first of their direction, of which there may be `more`.
pub(super) fn client(bytes: &[u8], more: bool) -> Client<'_> {
    let cut = if more { Client::Cut } else { Client::Unknown };
    let told = match bytes {
        [] if more => return Client::Cut,
        [] => return Client::Silent,
        [4, ..] => socks4(bytes),
        [5, ..] => socks5(bytes),
        [3, ..] => x224(bytes),
        [0x16, ..] => client_hello(bytes),
        [0x14..=0x17, ..] => tls_record(bytes),
        [0x80..=0xff, ..] => sslv2_hello(bytes),
        // No query is longer than 767 bytes.
        [0..=2, ..] => query(bytes),
        _ => return text(bytes, more),
    };
    told.unwrap_or(cut)
}

/// `VN CD DSTPORT DSTIP USERID NUL`, and in 4a with an address of 0.0.0.x a name and NUL. None where it is cut off.
fn socks4(bytes: &[u8]) -> Option<Client<'_>> {
    let [_, command, port @ ..] = bytes.get(..4)? else { return None };
    if !matches!(command, 1 | 2) || port == [0, 0] {
        return Some(Client::Unknown);
    }
    let addr = bytes.get(4..8)?;
    let named = addr.starts_with(&[0, 0, 0]) && addr != [0; 4];
    if addr.starts_with(&[0]) && !named {
        return Some(Client::Unknown);
    }
    let (user, mut rest) = terminated(bytes.get(8..)?)?;
    let Some(user) = user else { return Some(Client::Unknown) };
    if !user.iter().all(|&byte| is_text(byte)) {
        return Some(Client::Unknown);
    }
    if named {
        let name;
        (name, rest) = terminated(rest)?;
        let Some(name) = name else { return Some(Client::Unknown) };
        if name.is_empty() || !name.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(byte)) {
            return Some(Client::Unknown);
        }
    }
    Some(Client::Socks4 { named, alone: rest.is_empty() })
}

/// What stands before a NUL, and what follows it; no string where that is too long for a user's or a host's name, and
/// None where the NUL may come yet.
fn terminated(bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    const LONGEST: usize = 255;
    match memchr(0, bytes.get(..=LONGEST).unwrap_or(bytes)) {
        Some(end) => Some((bytes.get(..end), bytes.get(end + 1..)?)),
        None if bytes.len() > LONGEST => Some((None, &[])),
        None => None,
    }
}

/// `VER NMETHODS METHODS` (RFC 1928).
fn socks5(bytes: &[u8]) -> Option<Client<'_>> {
    /// Ten are registered.
    const MOST_METHODS: u8 = 16;
    let &[_, count, ref rest @ ..] = bytes else { return None };
    if !(1..=MOST_METHODS).contains(&count) {
        return Some(Client::Unknown);
    }
    let (methods, rest) = rest.split_at_checked(usize::from(count))?;
    // 255 says that none is acceptable, which is the server's to say.
    Some(if methods.contains(&0xff) { Client::Unknown } else { Client::Socks5 { methods, rest } })
}

/// TPKT (RFC 1006) with a connection request of X.224, as MS-RDPBCGR has it: a cookie or routing token, and what
/// security is asked for. Others speak X.224 too, with parameters of its own.
fn x224(bytes: &[u8]) -> Option<Client<'_>> {
    let head = bytes.get(..6)?;
    let &[3, 0, high, low, li, 0xe0] = head else { return Some(Client::Unknown) };
    let len = usize::from(u16::from_be_bytes([high, low]));
    if len != usize::from(li) + 5 || len < 11 {
        return Some(Client::Unknown);
    }
    let body = bytes.get(11..len)?;
    let asked = |at: usize| matches!(body.get(at..), Some([1, _, 8, 0, _, _, _, _, ..]));
    Some(match body {
        [] => Client::X224,
        _ if body.starts_with(b"Cookie: ") || asked(0) => Client::Speaks(AppProto::Rdp),
        _ => Client::Unknown,
    })
}

/// A record of TLS with the beginning of a ClientHello.
fn client_hello(bytes: &[u8]) -> Option<Client<'_>> {
    let &[_, major, minor, high, low, kind] = bytes.get(..6)? else { return None };
    let len = u16::from_be_bytes([high, low]);
    if major != 3 || minor > 4 || !(1..=1 << 14).contains(&len) || kind != 1 {
        return Some(Client::Unknown);
    }
    // The rest may stand in further records, which nobody makes so short but to hide.
    if len >= 6 {
        let &[size, _, _, version, _] = bytes.get(6..11)? else { return None };
        if size != 0 || version != 3 {
            return Some(Client::Unknown);
        }
    }
    Some(Client::Speaks(AppProto::Tls))
}

/// A record of a session whose beginning was missed.
fn tls_record(bytes: &[u8]) -> Option<Client<'_>> {
    Some(if is_tls_record(bytes.get(..5)?) { Client::TlsRecord } else { Client::Unknown })
}

/// Whether this is the header of a record of TLS. What is encrypted may be longer than what it was by 2048 bytes.
pub(super) fn is_tls_record(header: &[u8]) -> bool {
    let &[kind, 3, minor, high, low] = header else { return false };
    let len = u16::from_be_bytes([high, low]);
    matches!(kind, 0x14..=0x17) && minor <= 4 && (1..=(1 << 14) + 2048).contains(&len)
}

/// The ClientHello of SSL 2, by which SSL 3 and TLS 1.0 were asked for too (RFC 5246, appendix E.2).
fn sslv2_hello(bytes: &[u8]) -> Option<Client<'_>> {
    let head = bytes.get(..11)?;
    let &[high, low, 1, major, minor, c1, c2, s1, s2, r1, r2] = head else { return Some(Client::Unknown) };
    let number = |high, low| u32::from(u16::from_be_bytes([high, low]));
    let (ciphers, session, challenge) = (number(c1, c2), number(s1, s2), number(r1, r2));
    let is_hello = matches!((major, minor), (0, 2) | (3, 0..=3))
        && ciphers > 0
        && ciphers % 3 == 0
        && matches!(session, 0 | 16)
        && (16..=32).contains(&challenge)
        && number(high & 0x7f, low) == 9 + ciphers + session + challenge;
    Some(if is_hello { Client::Speaks(AppProto::Tls) } else { Client::Unknown })
}

/// A query of DNS behind its length (RFC 1035, 4.2.2).
fn query(bytes: &[u8]) -> Option<Client<'_>> {
    let &[high, low, ref rest @ ..] = bytes else { return None };
    let len = usize::from(u16::from_be_bytes([high, low]));
    let message = rest.get(..len).unwrap_or(rest);
    Some(match dns::begins(message, len, dns::Kind::Query) {
        Some(true) => Client::Speaks(AppProto::Dns),
        Some(false) => Client::Unknown,
        None => return None,
    })
}

fn text(bytes: &[u8], more: bool) -> Client<'_> {
    // Old clients of HTTP end a request with one line end too many, and the next request follows it.
    let blank = bytes.iter().take_while(|byte| b"\r\n".contains(byte)).count();
    let lines = bytes.get(blank..).unwrap_or_default();
    let end = memchr(b'\n', lines);
    let line = lines.get(..end.unwrap_or(lines.len())).unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if !line.iter().all(|&byte| is_text(byte)) {
        return Client::Unknown;
    }
    if end.is_none() && more {
        return Client::Cut;
    }
    if line.starts_with(b"SSH-1.") || line.starts_with(b"SSH-2.") {
        return Client::Speaks(AppProto::Ssh);
    }
    match request(line, end.is_some()) {
        Some(protocol) => Client::Speaks(protocol),
        None if lines.is_empty() => Client::Unknown,
        None => Client::Text(lines),
    }
}

/// Whether a byte may stand in a line: no control but the tab.
fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= 0x20 && byte != 0x7f)
}

/// Which use of HTTP a request line shows, if it is one; `whole` where its end is there.
fn request(line: &[u8], whole: bool) -> Option<AppProto> {
    /// Those of which a line without its version, so long is it, is taken for a request.
    const METHODS: [&[u8]; 8] = [b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"PROPFIND"];
    let method = line.get(..memchr(b' ', line)?)?;
    let rest = line.get(method.len()..)?.trim_ascii();
    let (target, version) = match rest.iter().rposition(|&byte| byte == b' ') {
        Some(space) => (rest.get(..space)?.trim_ascii_end(), rest.get(space + 1..)?),
        None => (rest, &b""[..]),
    };
    let versioned = version.starts_with(b"HTTP/") && version.get(5).is_some_and(u8::is_ascii_digit);
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    if target.is_empty() || !method.iter().all(is_token) {
        return None;
    }
    let absolute = has_scheme(target);
    if method.eq_ignore_ascii_case(b"CONNECT") && !absolute && !target.starts_with(b"/") {
        return versioned.then_some(AppProto::HttpConnect);
    }
    // HTTP/0.9 has no version, and but one method.
    let unversioned = if whole { method == b"GET" && rest == target } else { METHODS.contains(&method) };
    match versioned || (unversioned && (target.starts_with(b"/") || absolute)) {
        true if absolute => Some(AppProto::HttpProxy),
        true => Some(AppProto::Http),
        false => None,
    }
}

/// Whether it begins as an absolute URI with an authority.
fn has_scheme(target: &[u8]) -> bool {
    let end = target.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(target.len());
    end > 0 && target.get(end..).is_some_and(|rest| rest.starts_with(b"://"))
}
