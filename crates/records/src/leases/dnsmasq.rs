//! dnsmasq's leases file: `EXPIRY MAC ADDRESS NAME CLIENT-ID`. It does not say when a lease began.

use std::net::IpAddr;

use super::{Entry, Holder, Lease, Line, Says, parse_mac, parse_name};
use crate::Nanos;

/// Reads a line. `Ok(None)` of the server's own DUID and of IPv6, which has no MAC there.
///
/// # Errors
/// Where it is no lease: why.
pub(super) fn parse_line(line: &str) -> Line {
    let mut words = line.split_whitespace();
    let first = words.next();
    if first == Some("duid") {
        return Ok(None);
    }
    let (Some(expiry), Some(mac), Some(addr), Some(name)) = (first, words.next(), words.next(), words.next()) else {
        return Err("fewer than four fields");
    };
    let expiry: i64 = expiry.parse().map_err(|_| "an expiry that is no number")?;
    let addr: IpAddr = addr.parse().map_err(|_| "no address")?;
    if addr.is_ipv6() {
        return Ok(None);
    }
    // A type may stand before it: 06-00:11:22:33:44:55.
    let mac = mac.split_once('-').filter(|(kind, _)| kind.len() == 2 && mac.contains(':')).map_or(mac, |(_, mac)| mac);
    let mac = parse_mac(mac).ok_or("no hardware address")?;
    let to = if expiry == 0 { Nanos::MAX } else { Nanos::from_secs(expiry) };
    let holder = Holder { mac: Some(mac.into()), name: parse_name(name).map(Into::into) };
    Ok(Some(Entry { addr, says: Says::Held(Lease { from: Nanos::MIN, to, holder }) }))
}
