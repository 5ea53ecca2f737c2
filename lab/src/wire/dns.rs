//! Names asked and answered (RFC 1035).

use std::net::IpAddr;

use super::payload::Payload;

pub(crate) fn question(id: u16, name: &str, v6: bool) -> Payload {
    Payload::text(ask(id, 0x0100, 0, name, v6))
}

pub(crate) fn answer(id: u16, name: &str, address: IpAddr) -> Payload {
    let mut bytes = ask(id, 0x8180, 1, name, address.is_ipv6());
    let (kind, data) = match address {
        IpAddr::V4(v4) => (1, v4.octets().to_vec()),
        IpAddr::V6(v6) => (28, v6.octets().to_vec()),
    };
    // The name stands at 12; the answer holds for five minutes.
    bytes.extend_from_slice(&[0xc0, 12, 0, kind, 0, 1, 0, 0, 1, 44, 0, data.len() as u8]);
    bytes.extend_from_slice(&data);
    Payload::text(bytes)
}

fn ask(id: u16, flags: u16, answers: u8, name: &str, v6: bool) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(32 + name.len());
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes.extend_from_slice(&flags.to_be_bytes());
    bytes.extend_from_slice(&[0, 1, 0, answers, 0, 0, 0, 0]);
    for label in name.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.extend_from_slice(&[0, 0, if v6 { 28 } else { 1 }, 0, 1]);
    bytes
}
