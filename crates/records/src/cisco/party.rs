//! One end of a connection as a message writes it: `interface:address/port`, and what may follow in parentheses.

use std::net::{IpAddr, Ipv6Addr};

use memchr::memchr;

use super::Why;
use super::services::parse_service;
use super::text::Text;
use crate::digits::{parse_decimal, parse_v4, strip_short};
use crate::end::{Address, End};

/// Where a name stands for an address. Whose it is only the device's configuration says.
pub(super) const NAMED: Why = "no address (a name? --names FILE says whose)";

const NO_PORT: Why = "a port that is no number";

/// An end with the interface behind which it is.
#[derive(Clone, Copy)]
pub(super) struct Party<'a> {
    pub(super) interface: &'a [u8],
    addr: Address,
    port: Option<u16>,
    /// `address/port` as it is written.
    text: &'a [u8],
}

impl Party<'_> {
    /// The end of a connection, which has a port.
    #[inline(always)]
    pub(super) fn end(&self) -> Result<End, Why> {
        Ok(End { addr: self.addr, port: self.port.ok_or("no port")? })
    }

    /// The end where a port may be missing (whole addresses, ICMP).
    pub(super) fn end_or_zero(&self) -> End {
        End { addr: self.addr, port: self.port.unwrap_or(0) }
    }

    /// Whether the interface's own name says on which side it is.
    #[inline(always)]
    pub(super) fn named_inside(&self) -> Option<bool> {
        match self.interface {
            b"outside" => Some(false),
            b"inside" => Some(true),
            other => named_inside(other),
        }
    }

    pub(super) fn addr(&self) -> IpAddr {
        self.addr.into()
    }
}

/// Whether an interface's name says on which side it is: `Outside2` and `INSIDE_LAN` do, too.
#[inline(never)]
pub(super) fn named_inside(interface: &[u8]) -> Option<bool> {
    let begins = |with: &[u8]| interface.get(..with.len()).is_some_and(|name| name.eq_ignore_ascii_case(with));
    match () {
        () if begins(b"outside") => Some(false),
        () if begins(b"inside") => Some(true),
        () => None,
    }
}

impl<'a> Text<'a> {
    /// `interface:address[/port]`.
    ///
    /// An interface is called as its owner likes (`NP Identity Ifc`, `DMZ(acl)`, a name with a colon), so its name
    /// ends at the first colon behind which an address stands; but a host name in an address's place must not make us
    /// read on into the other end, so nothing that ends an address may lie between two colons.
    #[inline(always)]
    pub(super) fn parse_party(&mut self) -> Result<Party<'a>, Why> {
        let text = self.rest();
        // Nearly every line's interfaces have the names that the devices come with.
        let usual = match text.first_chunk() {
            Some(b"outside:") => Some(7),
            _ if text.starts_with(b"inside:") => Some(6),
            _ => None,
        };
        if let Some(colon) = usual
            && let Some((addr, len)) = parse_v4(&text[colon + 1..])
            && text.get(colon + 1 + len) == Some(&b'/')
        {
            self.skip(colon + 1);
            return self.parse_rest(&text[..colon], Address::v4(addr), len);
        }
        self.parse_odd_party()
    }

    #[cold]
    #[inline(never)]
    fn parse_odd_party(&mut self) -> Result<Party<'a>, Why> {
        let text = self.rest();
        let mut colon = text.iter().position(|byte| matches!(byte, b':' | b'/')).ok_or("no interface")?;
        if text[colon] == b'/' {
            return Err("no interface");
        }
        let (addr, end) = loop {
            let from = colon + 1;
            if let Some((addr, len)) = parse_address(&text[from..]) {
                break (addr, from + len);
            }
            let next = text[from..].iter().position(|byte| matches!(byte, b':' | b'/' | b' ' | b'(' | b','));
            match next.map(|next| from + next) {
                // What follows a stray bracket is a part of an address.
                Some(_) if text[from] == b'[' => return Err(NAMED),
                Some(next) if text[next] == b':' || (text[next] == b' ' && next == from) => colon = next,
                _ => return Err(NAMED),
            }
        };
        let len = end - (colon + 1);
        self.skip(colon + 1);
        let interface = text[..colon].trim_ascii_end().strip_suffix(b":").unwrap_or(text[..colon].trim_ascii_end());
        self.parse_rest(interface, addr, len)
    }

    /// The port, if there is one behind an address of `len` bytes.
    #[inline(always)]
    fn parse_rest(&mut self, interface: &'a [u8], addr: Address, len: usize) -> Result<Party<'a>, Why> {
        let text = self.rest();
        self.skip(len);
        let port = self.parse_slash_port()?;
        Ok(Party { interface, addr, port, text: &text[..text.len() - self.rest().len()] })
    }

    /// `address[/port]` without an interface.
    pub(super) fn parse_bare_party(&mut self) -> Result<Party<'a>, Why> {
        let (addr, len) = parse_address(self.rest()).ok_or(NAMED)?;
        self.parse_rest(b"", addr, len)
    }

    #[inline(always)]
    fn parse_slash_port(&mut self) -> Result<Option<u16>, Why> {
        if !self.eat(b"/") {
            return Ok(None);
        }
        match self.parse_number() {
            Some(number) => u16::try_from(number).map(Some).map_err(|_| NO_PORT),
            None => self.parse_service_port().map(Some),
        }
    }

    #[cold]
    fn parse_service_port(&mut self) -> Result<u16, Why> {
        let (port, len) = parse_service(self.rest()).ok_or(NO_PORT)?;
        self.skip(len);
        Ok(port)
    }

    /// What follows `real` in parentheses: the end as the other side sees it, and users. Users are left out.
    #[inline(always)]
    pub(super) fn decode_mapped(&mut self, real: &Party<'_>) -> Option<End> {
        // Most ends are not translated, and comparing is quicker than reading them again.
        if let [b' ', b'(', rest @ ..] = self.rest()
            && let Some([b')', after @ ..]) = strip_short(rest, real.text)
            && after.first() != Some(&b'(')
            && after.get(1) != Some(&b'(')
            && let Ok(endpoint) = real.end()
        {
            *self = Self::new(after);
            return Some(endpoint);
        }
        if let Some((mapped, after)) = self.mapped() {
            *self = Self::new(after);
            return Some(mapped);
        }
        self.decode_groups()
    }

    /// ` (address/port)` of IPv4 with nothing else in parentheses behind it, and what follows.
    #[inline(always)]
    fn mapped(&self) -> Option<(End, &'a [u8])> {
        let [b' ', b'(', rest @ ..] = self.rest() else { return None };
        let (addr, len) = parse_v4(rest)?;
        let [b'/', rest @ ..] = &rest[len..] else { return None };
        let (port, len) = parse_decimal(rest)?;
        let [b')', after @ ..] = &rest[len..] else { return None };
        let is_last = match after {
            [b' ', next, ..] => !matches!(next, b'(' | b' '),
            _ => !matches!(after.first(), Some(b'(' | b' ')),
        };
        is_last.then_some((End { addr: Address::v4(addr), port: u16::try_from(port).ok()? }, after))
    }

    /// Moves over whatever stands in parentheses; the first end among it.
    #[inline(always)]
    pub(super) fn decode_groups(&mut self) -> Option<End> {
        if matches!(self.rest(), [] | [b' ', b'a'..=b'z', ..]) { None } else { self.decode_some_groups() }
    }

    #[inline(never)]
    fn decode_some_groups(&mut self) -> Option<End> {
        let mut mapped = None;
        loop {
            let mut group = *self;
            group.skip_spaces();
            if !group.eat(b"(") {
                return mapped;
            }
            let found = if mapped.is_none() { group.parse_endpoint_and_close() } else { None };
            match found {
                Some(endpoint) => mapped = Some(endpoint),
                None => match group_len(group.rest()) {
                    Some(len) => group.skip(len),
                    None => return mapped,
                },
            }
            *self = group;
        }
    }

    /// Moves over `literal`, before which a user's name may stand without parentheses, or says that it is missing.
    #[inline(always)]
    pub(super) fn parse_behind_user(&mut self, literal: &[u8], missing: Why) -> Result<(), Why> {
        if self.eat(literal) { Ok(()) } else { self.skip_user(literal, missing) }
    }

    #[cold]
    #[inline(never)]
    fn skip_user(&mut self, literal: &[u8], missing: Why) -> Result<(), Why> {
        let mut behind = *self;
        if !behind.eat(b" ") || behind.word().is_empty() || !behind.eat(literal) {
            return Err(missing);
        }
        *self = behind;
        Ok(())
    }

    /// Moves over users in parentheses, and not over what else stands in some.
    #[cold]
    pub(super) fn decode_users(&mut self) {
        let mut group = *self;
        group.skip_spaces();
        if group.eat(b"(")
            && !group.rest().starts_with(b"type ")
            && let Some(len) = group_len(group.rest())
        {
            group.skip(len);
            *self = group;
        }
    }

    fn parse_endpoint_and_close(&mut self) -> Option<End> {
        let mut inner = *self;
        let endpoint = inner.parse_bare_party().ok()?.end().ok()?;
        if !inner.eat(b")") {
            return None;
        }
        *self = inner;
        Some(endpoint)
    }
}

/// How long the rest of a group is that has been opened.
#[inline]
fn group_len(text: &[u8]) -> Option<usize> {
    let close = memchr(b')', text)?;
    Some(if memchr(b'(', &text[..close]).is_none() { close + 1 } else { nested_len(text).unwrap_or(close + 1) })
}

/// The same where a user's name has parentheses of its own.
#[cold]
fn nested_len(text: &[u8]) -> Option<usize> {
    let mut open = 1;
    text.iter()
        .position(|byte| {
            open += match byte {
                b'(' => 1,
                b')' => -1,
                _ => 0,
            };
            open == 0
        })
        .map(|close| close + 1)
}

/// The address at the front and its length.
#[inline]
pub(super) fn parse_address(text: &[u8]) -> Option<(Address, usize)> {
    match parse_v4(text) {
        Some((addr, len)) => ends_address(text.get(len)).then_some((Address::v4(addr), len)),
        None => parse_v6(text),
    }
}

/// An IPv6 address, possibly with a scope (`fe80::1%inside`), or in brackets; one that stands for an IPv4 address is that.
#[cold]
fn parse_v6(text: &[u8]) -> Option<(Address, usize)> {
    const LONGEST: usize = 45;
    if let [b'[', rest @ ..] = text {
        let (addr, len) = if rest.first() == Some(&b'[') { None } else { parse_v6(rest) }?;
        return (rest.get(len) == Some(&b']')).then_some((addr, len + 2));
    }
    let address = |byte: &&u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let mut len = text.iter().take(LONGEST).take_while(address).count();
    let addr: Ipv6Addr = std::str::from_utf8(&text[..len]).ok()?.parse().ok()?;
    if text.get(len) == Some(&b'%') {
        let scope = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        len += 1 + text[len + 1..].iter().take_while(scope).count();
    }
    ends_address(text.get(len)).then_some((addr.to_canonical().into(), len))
}

/// Whether an address may end before `next`: `192.0.2.1.example` and `192.0.2.1-a` are names.
#[inline]
fn ends_address(next: Option<&u8>) -> bool {
    !next.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Endpoint;

    fn party(text: &str) -> Result<(String, String), Why> {
        let mut rest = Text::new(text.as_bytes());
        let party = rest.parse_party()?;
        Ok((String::from_utf8_lossy(party.interface).into_owned(), Endpoint::from(party.end_or_zero()).to_string()))
    }

    #[test]
    fn an_interface_may_be_called_anything() {
        for (text, interface, endpoint) in [
            ("outside:192.0.2.7/80 (", "outside", "192.0.2.7:80"),
            ("NP Identity Ifc:192.0.2.7/22", "NP Identity Ifc", "192.0.2.7:22"),
            ("DMZ(nat0_acl):192.0.2.7", "DMZ(nat0_acl)", "192.0.2.7:0"),
            ("a:b:192.0.2.7/80", "a:b", "192.0.2.7:80"),
            ("inside :192.0.2.7 by", "inside", "192.0.2.7:0"),
            ("inside: 192.0.2.7/5 by", "inside", "192.0.2.7:5"),
            ("outside:2001:db8::7/443 (", "outside", "[2001:db8::7]:443"),
            ("outside:192.0.2.7/www (192.0.2.7/www)", "outside", "192.0.2.7:80"),
            ("outside:192.0.2.7/https", "outside", "192.0.2.7:443"),
            ("outside:2001:db8::7/smtp", "outside", "[2001:db8::7]:25"),
            ("outside:fe80::7%outside/443", "outside", "[fe80::7]:443"),
            ("outside:[2001:db8::7]/443", "outside", "[2001:db8::7]:443"),
            ("outside:::ffff:192.0.2.7/443", "outside", "192.0.2.7:443"),
        ] {
            assert_eq!(party(text), Ok((interface.to_owned(), endpoint.to_owned())), "{text}");
        }
    }

    #[test]
    fn what_names_no_address_is_refused() {
        for text in [
            "inside:mail.example.com/25 (192.0.2.1/25) to outside:192.0.2.7/80",
            "inside:mail to outside:192.0.2.7/80",
            "inside:192.0.2.256/80",
            "inside:192.0.2/80",
            "inside:192.0.2.1.example.com/80",
            "inside:[192.0.2.1/80",
            "inside:[2001:db8::7/80",
            "inside:[[2001:db8::7]]/80",
            "192.0.2.1/80 to outside:192.0.2.7/80",
            "inside:192.0.2.1/wwwx",
            "inside:192.0.2.1/xxxx",
            "inside:192.0.2.1/65536",
            "inside:",
            "",
        ] {
            assert!(party(text).is_err(), "{text}");
        }
    }

    #[test]
    fn mapped_ends_are_told_from_users() {
        for (text, mapped, rest) in [
            (" (192.0.2.9/1) to", Some("192.0.2.9:1"), " to"),
            ("(192.0.2.9/1)(LOCAL\\jane) to", Some("192.0.2.9:1"), " to"),
            ("(LOCAL\\jane) to", None, " to"),
            (" (192.0.2.9/smtp) to", Some("192.0.2.9:25"), " to"),
            (" (192.0.2.9/1)(LOCAL\\Jane Doe (guest), 16:Servers) to", Some("192.0.2.9:1"), " to"),
            ("(EXAMPLE\\j\u{f6}rg.m\u{fc}ller@example.com) to", None, " to"),
            ("(any, 5)(192.0.2.9/1) to", Some("192.0.2.9:1"), " to"),
            ("(odd(name) to", None, " to"),
            (" (2001:db8::9/1) (jane)", Some("[2001:db8::9]:1"), ""),
            (" to", None, " to"),
            (" (broken", None, " (broken"),
        ] {
            let mut left = Text::new(text.as_bytes());
            assert_eq!(left.decode_groups().map(|end| Endpoint::from(end).to_string()).as_deref(), mapped, "{text}");
            assert_eq!(left.rest(), rest.as_bytes(), "{text}");
        }
    }
}
