//! `--redact`: addresses replaced, consistently and by a key, so that a report can be shown to others.
//!
//! The construction is Crypto-PAn's (J. Xu, J. Fan, M. Ammar, S. Moon: "Prefix-Preserving IP Address Anonymization", ICNP
//! 2002): each bit of an address is turned by a keyed function of the bits before it, so that two addresses which share
//! their first n bits still do. Ours go to where no outside address is: private ones stay in their range, public ones of
//! IPv4 go to 240.0.0.0/4, which nobody has, and those of IPv6 to fc00::/7. There they keep the first bits of the range.

mod key;
mod report;
mod rows;
mod text;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use aes::Aes128;
use aes::cipher::{BlockEncrypt as _, KeyInit as _};
use catspaw_records::cisco::Names;
use catspaw_relay::Network;

pub(crate) use key::Key;

/// Replacements that are remembered: logs repeat addresses.
const REMEMBERED: usize = 1 << 16;

/// Whose addresses are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scope {
    /// Ours, inside and public; the outside parties stay readable
    Own,
    /// All
    All,
}

/// Replaces addresses.
pub(crate) struct Redactor {
    scope: Scope,
    cipher: Aes128,
    pad: u128,
    /// For what is no address.
    names: Aes128,
    /// What is ours beside the private ranges.
    nets: Vec<Network>,
    own: HashSet<IpAddr>,
    /// What a device calls addresses in its records.
    called: Arc<Names>,
    known: RefCell<HashMap<IpAddr, IpAddr>>,
}

/// The ranges of IPv4 that are private or of one link, and so ours wherever they are seen: base and length.
const PRIVATE: [(Ipv4Addr, u8); 5] = [
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
];
/// Where our public addresses go: the first four bits.
const NOBODYS: u32 = 0xf000_0000;

fn private_bits(addr: Ipv4Addr) -> Option<u8> {
    let within = |base: Ipv4Addr, bits: u8| (u32::from(base) ^ u32::from(addr)) >> (32 - u32::from(bits)) == 0;
    PRIVATE.into_iter().find(|&(base, bits)| within(base, bits)).map(|(_, bits)| bits)
}

fn is_class_e(addr: Ipv4Addr) -> bool {
    u32::from(addr) & NOBODYS == NOBODYS
}

/// Addresses that say nothing of anybody.
fn is_nobodys(addr: Ipv4Addr) -> bool {
    addr.is_loopback() || addr.octets()[0] == 0 || addr.is_multicast()
}

/// Where a replaced outside address must not be.
fn is_kept_free(addr: Ipv4Addr) -> bool {
    is_nobodys(addr) || is_class_e(addr) || private_bits(addr).is_some()
}

fn is_kept_free6(addr: Ipv6Addr) -> bool {
    addr.is_unique_local() || addr.is_unicast_link_local() || addr.is_multicast() || addr.octets()[0] == 0
}

impl Redactor {
    /// A redactor. `nets` and `own` are what is ours beside the private ranges.
    ///
    /// # Errors
    /// Where two addresses of ours would become one: with this key, out of some hundred million.
    pub(crate) fn new(scope: Scope, key: &Key, nets: Vec<Network>, own: BTreeSet<IpAddr>) -> Result<Self, String> {
        let (cipher, pad) = key.halves();
        let cipher = Aes128::new(&cipher.into());
        let pad = encrypt(&cipher, u128::from_be_bytes(pad));
        let names = Aes128::new(&encrypt(&cipher, u128::from_be_bytes(*b"catspaw: names 1")).to_be_bytes().into());
        let own: HashSet<IpAddr> = own.into_iter().map(|addr| addr.to_canonical()).collect();
        let redactor = Self { scope, cipher, pad, names, nets, own, called: Arc::default(), known: RefCell::default() };
        let mut replaced = HashSet::new();
        if redactor.own.iter().all(|&addr| replaced.insert(redactor.address(addr))) {
            Ok(redactor)
        } else {
            Err("two addresses of ours would be replaced by the same one: take another --redact-key".to_owned())
        }
    }

    /// The same, which knows what a device calls addresses.
    pub(crate) fn with_names(self, called: &Arc<Names>) -> Self {
        Self { called: Arc::clone(called), ..self }
    }

    /// What stands for an address.
    pub(crate) fn address(&self, addr: IpAddr) -> IpAddr {
        if let Some(known) = self.known.borrow().get(&addr) {
            return *known;
        }
        let replaced = match addr {
            IpAddr::V4(v4) => self.v4(v4).into(),
            IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
                Some(v4) => self.v4(v4).to_ipv6_mapped().into(),
                None => self.v6(v6).into(),
            },
        };
        let mut known = self.known.borrow_mut();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(addr, replaced);
        replaced
    }

    /// Whether an address is ours, so far as it is replaced for that.
    fn is_own(&self, addr: IpAddr) -> bool {
        let addr = addr.to_canonical();
        let private = match addr {
            IpAddr::V4(v4) => private_bits(v4).is_some(),
            IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
        };
        private || self.own.contains(&addr) || self.nets.iter().any(|net| net.contains(addr))
    }

    fn v4(&self, addr: Ipv4Addr) -> Ipv4Addr {
        let bits = |addr: Ipv4Addr| u128::from(u32::from(addr)) << 96;
        let back = |bits: u128| Ipv4Addr::from((bits >> 96) as u32);
        if let Some(keep) = private_bits(addr) {
            return back(self.turn(bits(addr), keep, 32));
        }
        if is_nobodys(addr) {
            return addr;
        }
        if self.is_own(addr.into()) {
            return Ipv4Addr::from(u32::from(back(self.turn(bits(addr), 4, 32))) | NOBODYS);
        }
        if is_class_e(addr) {
            // Nobody has it: it was made up. One of ours may be shown by it.
            return Ipv4Addr::UNSPECIFIED;
        }
        if self.scope == Scope::Own {
            return addr;
        }
        // Walking on along the cycle until it is where an outside address may be is still one to one.
        let mut turned = back(self.turn(bits(addr), 0, 32));
        while is_kept_free(turned) {
            turned = back(self.turn(bits(turned), 0, 32));
        }
        turned
    }

    fn v6(&self, addr: Ipv6Addr) -> Ipv6Addr {
        if addr.is_unicast_link_local() {
            return self.turn(addr.into(), 10, 128).into();
        }
        if addr.is_loopback() || addr.is_unspecified() || addr.is_multicast() {
            return addr;
        }
        if self.is_own(addr.into()) {
            let local = u128::from(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0));
            return (self.turn(addr.into(), 7, 128) << 7 >> 7 | local).into();
        }
        if self.scope == Scope::Own || is_kept_free6(addr) {
            return addr;
        }
        let mut turned: Ipv6Addr = self.turn(addr.into(), 0, 128).into();
        while is_kept_free6(turned) {
            turned = self.turn(turned.into(), 0, 128).into();
        }
        turned
    }

    /// Crypto-PAn over the bits from `keep` to `len` of what stands on the left of `addr`.
    fn turn(&self, addr: u128, keep: u8, len: u8) -> u128 {
        let mut turned = addr;
        for bit in keep..len {
            let before = u128::MAX.checked_shl(128 - u32::from(bit)).unwrap_or(0);
            let block = addr & before | self.pad & !before;
            turned ^= encrypt(&self.cipher, block) >> 127 << (127 - bit);
        }
        turned
    }

    /// A network with its prefix replaced.
    fn network(&self, net: Network) -> String {
        let (addr, bits) = (self.address(net.addr()), net.bits());
        let masked: IpAddr = match addr {
            IpAddr::V4(v4) => {
                Ipv4Addr::from(u32::from(v4) & u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0)).into()
            }
            IpAddr::V6(v6) => {
                Ipv6Addr::from(u128::from(v6) & u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0)).into()
            }
        };
        format!("{masked}/{bits}")
    }

    /// A keyed hash of what is no address: CBC-MAC over its length and its bytes.
    fn hash(&self, text: &str) -> u64 {
        let first = encrypt(&self.names, text.len() as u128);
        let mac = text.as_bytes().chunks(16).fold(first, |mac, chunk| {
            let mut block = [0; 16];
            block[..chunk.len()].copy_from_slice(chunk);
            encrypt(&self.names, mac ^ u128::from_be_bytes(block))
        });
        (mac >> 64) as u64
    }

    /// An incident's id: the same for the same host, topology and key.
    pub(crate) fn id(&self, id: &str) -> String {
        format!("{:016x}", self.hash(id))
    }

    /// A name of somebody or something.
    fn pseudonym(&self, what: &str, name: &str) -> String {
        format!("{what}-{:08x}", self.hash(name) >> 32)
    }
}

fn encrypt(cipher: &Aes128, block: u128) -> u128 {
    let mut block = block.to_be_bytes().into();
    cipher.encrypt_block(&mut block);
    u128::from_be_bytes(block.into())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The key of the sample that comes with Crypto-PAn.
    const SAMPLE: [u8; 32] = [
        21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16, 216, 152, 143, 131, 121, 121, 101, 39,
        98, 87, 76, 45, 42, 132, 34, 2,
    ];

    pub(in crate::redact) fn redactor(scope: Scope, own: &[&str]) -> Redactor {
        let own = own.iter().map(|addr| addr.parse().unwrap()).collect();
        Redactor::new(scope, &Key(SAMPLE), vec![Network::parse("2001:db8:28::/48").unwrap()], own).unwrap()
    }

    fn replaced(redactor: &Redactor, addr: &str) -> String {
        redactor.address(addr.parse().unwrap()).to_string()
    }

    /// Values of the sample trace that comes with Crypto-PAn, so far as they are public and stay so.
    #[test]
    fn outside_addresses_become_what_crypto_pan_makes_of_them() {
        let all = redactor(Scope::All, &[]);
        for (raw, anonymised) in [
            ("128.11.68.132", "135.242.180.132"),
            ("129.118.74.4", "134.136.186.123"),
            ("130.132.252.244", "133.68.164.234"),
            ("141.223.7.43", "141.167.8.160"),
            ("141.233.145.108", "141.129.237.235"),
            ("152.163.225.39", "151.140.114.167"),
        ] {
            assert_eq!(replaced(&all, raw), anonymised);
            assert_eq!(replaced(&redactor(Scope::Own, &[]), raw), raw);
        }
    }

    fn common_bits(a: IpAddr, b: IpAddr) -> u32 {
        match (a, b) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (u32::from(a) ^ u32::from(b)).leading_zeros(),
            (IpAddr::V6(a), IpAddr::V6(b)) => (u128::from(a) ^ u128::from(b)).leading_zeros(),
            _ => 0,
        }
    }

    #[test]
    fn prefixes_stay_what_they_are() {
        let own = ["192.0.2.10", "192.0.2.77", "192.0.66.1", "193.0.2.10", "198.51.100.7"];
        let redactor = redactor(Scope::Own, &own);
        let groups = [
            vec!["172.28.220.181", "172.28.220.85", "172.28.1.25", "172.31.0.1"],
            own.to_vec(),
            vec!["2001:db8:28::1", "2001:db8:28::2", "2001:db8:28:7::1", "2001:db8:28:ffff::9"],
        ];
        for group in groups {
            let addresses: Vec<IpAddr> = group.iter().map(|addr| addr.parse().unwrap()).collect();
            for &a in &addresses {
                for &b in &addresses {
                    let (left, right) = (redactor.address(a), redactor.address(b));
                    assert_eq!(common_bits(a, b), common_bits(left, right), "{a} {b} {left} {right}");
                }
            }
        }
    }

    #[test]
    fn ours_and_theirs_never_meet() {
        let own: Vec<String> = (0..=255).flat_map(|n| [format!("192.0.2.{n}"), format!("9.{n}.1.1")]).collect();
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        for scope in [Scope::Own, Scope::All] {
            let redactor = redactor(scope, &own);
            for addr in ["172.28.220.181", "10.0.0.1", "192.168.7.7", "100.64.1.1", "169.254.3.4"] {
                let shown: Ipv4Addr = replaced(&redactor, addr).parse().unwrap();
                assert!(private_bits(shown) == private_bits(addr.parse().unwrap()) && shown.to_string() != addr);
            }
            for addr in &own {
                let shown: Ipv4Addr = replaced(&redactor, addr).parse().unwrap();
                assert!(is_class_e(shown), "{addr} {shown}");
            }
            for n in 0..20_000_u32 {
                let outside = Ipv4Addr::from(n.wrapping_mul(2_654_435_761));
                if !redactor.is_own(outside.into()) {
                    let shown = redactor.v4(outside);
                    assert!(!is_class_e(shown) && private_bits(shown).is_none(), "{outside} {shown}");
                }
            }
            let local: Ipv6Addr = replaced(&redactor, "2001:db8:28::5").parse().unwrap();
            let outside: Ipv6Addr = replaced(&redactor, "2001:db8:29::5").parse().unwrap();
            assert!(local.is_unique_local() && !is_kept_free6(outside));
            assert_eq!(scope == Scope::Own, outside.to_string() == "2001:db8:29::5");
            let mapped = replaced(&redactor, "::ffff:172.28.220.181");
            assert_eq!(mapped, format!("::ffff:{}", replaced(&redactor, "172.28.220.181")));
        }
    }

    #[test]
    fn a_network_keeps_its_length() {
        let redactor = redactor(Scope::Own, &[]);
        let network = |text| redactor.network(Network::parse(text).unwrap());
        assert_eq!((network("172.16.0.0/12"), network("10.0.0.0/8")), ("172.16.0.0/12".into(), "10.0.0.0/8".into()));
        let host = replaced(&redactor, "172.28.220.181");
        assert!(Network::parse(&network("172.28.0.0/16")).unwrap().contains(host.parse().unwrap()));
        assert_eq!(network("0.0.0.0/0"), "0.0.0.0/0");
    }

    #[test]
    fn names_depend_on_the_key() {
        let redactor = redactor(Scope::Own, &[]);
        assert_eq!(redactor.id("7ee80d32ebb9b73d"), redactor.id("7ee80d32ebb9b73d"));
        assert_ne!(redactor.id("7ee80d32ebb9b73d"), redactor.id("7ee80d32ebb9b73e"));
        let other = Redactor::new(Scope::Own, &Key([7; 32]), Vec::new(), BTreeSet::new()).unwrap();
        assert_ne!(redactor.id("7ee80d32ebb9b73d"), other.id("7ee80d32ebb9b73d"));
    }
}
