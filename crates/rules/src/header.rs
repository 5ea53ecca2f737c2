//! The header of a rule, compiled: which packets it is about at all.

use std::net::IpAddr;

use crate::network::{Addresses, Ports};

/// What a packet is, as far as headers tell packets apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP of either family.
    Icmp,
    /// Anything else in IP.
    Other,
}

impl Class {
    pub(crate) const ALL: [Self; 4] = [Self::Tcp, Self::Udp, Self::Icmp, Self::Other];

    pub(crate) fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Who sends what to whom.
#[derive(Clone, Copy, Debug)]
pub struct Flow {
    /// What it is.
    pub class: Class,
    /// Sender.
    pub src: IpAddr,
    /// Its port, 0 where there is none.
    pub src_port: u16,
    /// Receiver.
    pub dst: IpAddr,
    /// Its port, 0 where there is none.
    pub dst_port: u16,
}

impl Flow {
    /// The other way.
    #[must_use]
    pub fn turned(self) -> Self {
        Self { src: self.dst, src_port: self.dst_port, dst: self.src, dst_port: self.src_port, ..self }
    }
}

/// A header.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    /// Bits of [`Class`].
    pub(crate) classes: u8,
    pub(crate) src: Addresses,
    pub(crate) src_ports: Ports,
    pub(crate) dst: Addresses,
    pub(crate) dst_ports: Ports,
    /// `<>`: either way.
    pub(crate) both: bool,
}

impl Header {
    pub(crate) fn matches(&self, flow: Flow) -> bool {
        self.classes & flow.class.bit() != 0 && (self.one_way(flow) || self.both && self.one_way(flow.turned()))
    }

    fn one_way(&self, flow: Flow) -> bool {
        self.src_ports.has(flow.src_port)
            && self.dst_ports.has(flow.dst_port)
            && self.src.has(flow.src)
            && self.dst.has(flow.dst)
    }

    /// Whether ports and addresses play no part.
    pub(crate) fn ports_are_any(&self) -> bool {
        self.src_ports.is_all() && self.dst_ports.is_all()
    }
}
