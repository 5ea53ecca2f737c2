//! Names that say their address, so that nobody has to keep a zone.

use std::net::{IpAddr, Ipv4Addr};

/// What ends a name of the lab's.
const ZONE: &str = ".lab.example";

/// `a-198-18-0-1.lab.example`, or `b-20010db8...lab.example`.
pub(super) fn name_of(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => format!("a-{}{ZONE}", v4.to_string().replace('.', "-")),
        IpAddr::V6(v6) => format!("b-{:032x}{ZONE}", u128::from(v6)),
    }
}

/// The address in a name.
pub(super) fn parse_name(name: &str) -> Option<IpAddr> {
    let own = name.strip_suffix(ZONE)?;
    if let Some(hex) = own.strip_prefix("b-") {
        return u128::from_str_radix(hex, 16).ok().map(|bits| IpAddr::V6(bits.into()));
    }
    let v4: Ipv4Addr = own.strip_prefix("a-")?.replace('-', ".").parse().ok()?;
    Some(v4.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_its_address() {
        for address in ["198.18.0.1", "2001:db8:f::25"] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(parse_name(&name_of(address)), Some(address));
        }
        assert_eq!(parse_name("a-198-18-0.lab.example"), None);
        assert_eq!(parse_name("www.example"), None);
    }
}
