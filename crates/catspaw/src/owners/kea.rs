//! Kea's memfile: `address,hwaddr,client_id,valid_lifetime,expire,...`, and the same of DHCPv6. A lease that is renewed
//! stands there again.

use std::net::IpAddr;

use catspaw_records::Nanos;

use super::csv::{columns, field, fields};
use super::lease::{Lease, Leases};
use super::{parse_mac, parse_name};

/// Reads lines behind a header.
#[derive(Debug, Default)]
pub(super) struct Kea {
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

impl Kea {
    /// Takes a line.
    ///
    /// # Errors
    /// Where it is no lease: why.
    pub(super) fn line(&mut self, line: &str, leases: &mut Leases) -> Result<Option<Nanos>, &'static str> {
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
        let (from, to) = match lifetime {
            // It never expires.
            0xffff_ffff => (Nanos::from_secs(expire.saturating_sub(lifetime)), Nanos::MAX),
            _ => (Nanos::from_secs(expire.saturating_sub(lifetime)), Nanos::from_secs(expire)),
        };
        // 0: given. Declined ones are nobody's; reclaimed ones had been given until they expired.
        if lifetime > 0 && state != Some("1") {
            let mac = mac.and_then(parse_mac).map(Into::into);
            leases.add(addr, Lease { from, to, mac, name: name.and_then(parse_name).map(Into::into) });
        }
        Ok(Some(from))
    }
}
