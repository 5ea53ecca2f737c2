//! Kea's memfile: `address,hwaddr,client_id,valid_lifetime,expire,...`, and the same of DHCPv6. A lease that is renewed
//! stands there again.

use std::net::IpAddr;

use super::csv::{columns, field, fields};
use super::{Entry, Holder, Lease, Line, Says, parse_mac, parse_name};
use crate::Nanos;

/// Reads lines behind a header.
#[derive(Clone, Debug, Default)]
pub(super) struct Reader {
    columns: Option<[Option<usize>; 6]>,
}

/// Whether a line is the header of such a file.
pub(super) fn is_header(line: &str) -> bool {
    let [address, _, lifetime, expire, ..] = kea_columns(line);
    address == Some(0) && lifetime.is_some() && expire.is_some()
}

fn kea_columns(line: &str) -> [Option<usize>; 6] {
    columns(line, ["address", "hwaddr", "valid_lifetime", "expire", "hostname", "state"])
}

impl Reader {
    /// Takes a line.
    ///
    /// # Errors
    /// Where it is no lease: why.
    pub(super) fn line(&mut self, line: &str) -> Line {
        let Some(columns) = self.columns else {
            self.columns = Some(kea_columns(line));
            return Ok(None);
        };
        if is_header(line) {
            return Ok(None);
        }
        let fields = fields(line);
        let [address, mac, lifetime, expire, name, state] = columns.map(|column| field(&fields, column));
        let addr: IpAddr = address.and_then(|text| text.parse().ok()).ok_or("no address")?;
        let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
        let (lifetime, expire) = number(lifetime).zip(number(expire)).ok_or("no valid_lifetime or expire")?;
        let from = Nanos::from_secs(expire.saturating_sub(lifetime));
        // 0: given. Declined ones are nobody's; reclaimed ones had been given until they expired.
        if lifetime <= 0 || state == Some("1") {
            return Ok(Some(Entry { addr, says: Says::Nobodys { from } }));
        }
        // Such a one never expires.
        let to = if lifetime == 0xffff_ffff { Nanos::MAX } else { Nanos::from_secs(expire) };
        let holder =
            Holder { mac: mac.and_then(parse_mac).map(Into::into), name: name.and_then(parse_name).map(Into::into) };
        Ok(Some(Entry { addr, says: Says::Held(Lease { from, to, holder }) }))
    }
}
