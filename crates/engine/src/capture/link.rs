//! What a frame begins with.

/// A link type by its number (LINKTYPE_, as the file says it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkType(pub u32);

impl LinkType {
    /// BSD loopback: four bytes of address family in the byte order of whoever captured.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// PPP.
    pub const PPP: Self = Self(9);
    /// IP itself, as some systems number it.
    pub const RAW_BSD: [Self; 2] = [Self(12), Self(14)];
    /// PPP in HDLC-like framing.
    pub const PPP_HDLC: Self = Self(50);
    /// PPPoE without Ethernet.
    pub const PPP_ETHER: Self = Self(51);
    /// IP itself.
    pub const RAW: Self = Self(101);
    /// OpenBSD loopback: the family in network order.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture.
    pub const LINUX_SLL: Self = Self(113);
    /// IPv4 itself.
    pub const IPV4: Self = Self(228);
    /// IPv6 itself.
    pub const IPV6: Self = Self(229);
    /// Linux cooked capture, version 2.
    pub const LINUX_SLL2: Self = Self(276);
}
