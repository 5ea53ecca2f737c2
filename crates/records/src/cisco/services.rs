//! Names that the devices write in place of port numbers.

/// The port literals of the PIX's and ASA's manuals ("Addresses, Protocols, and Ports": "TCP and UDP Ports"), by name.
///
/// A name means one number, whichever of the two protocols it is for.
const SERVICES: [(&str, u16); 77] = [
    ("aol", 5190),
    ("bgp", 179),
    ("biff", 512),
    ("bootpc", 68),
    ("bootps", 67),
    ("chargen", 19),
    ("cifs", 3020),
    ("citrix-ica", 1494),
    ("cmd", 514),
    ("ctiqbe", 2748),
    ("daytime", 13),
    ("discard", 9),
    ("dns", 53),
    ("dnsix", 195),
    ("domain", 53),
    ("echo", 7),
    ("exec", 512),
    ("finger", 79),
    ("ftp", 21),
    ("ftp-data", 20),
    ("gopher", 70),
    ("h323", 1720),
    ("hostname", 101),
    ("http", 80),
    ("https", 443),
    ("ident", 113),
    ("imap4", 143),
    ("irc", 194),
    ("isakmp", 500),
    ("kerberos", 750),
    ("klogin", 543),
    ("kshell", 544),
    ("ldap", 389),
    ("ldaps", 636),
    ("login", 513),
    ("lotusnotes", 1352),
    ("lpd", 515),
    ("mobile-ip", 434),
    ("nameserver", 42),
    ("netbios-dgm", 138),
    ("netbios-ns", 137),
    ("netbios-ssn", 139),
    ("nfs", 2049),
    ("nntp", 119),
    ("ntp", 123),
    ("pcanywhere-data", 5631),
    ("pcanywhere-status", 5632),
    ("pim-auto-rp", 496),
    ("pop2", 109),
    ("pop3", 110),
    ("pptp", 1723),
    ("radius", 1645),
    ("radius-acct", 1646),
    ("rip", 520),
    ("rpc", 111),
    ("rsh", 514),
    ("rtsp", 554),
    ("secureid-udp", 5510),
    ("sip", 5060),
    ("smtp", 25),
    ("snmp", 161),
    ("snmptrap", 162),
    ("sqlnet", 1521),
    ("ssh", 22),
    ("sunrpc", 111),
    ("syslog", 514),
    ("tacacs", 49),
    ("talk", 517),
    ("telnet", 23),
    ("tftp", 69),
    ("time", 37),
    ("uucp", 540),
    ("vxlan", 4789),
    ("who", 513),
    ("whois", 43),
    ("www", 80),
    ("xdmcp", 177),
];

/// The port that is called so at the front, and the name's length.
#[cold]
pub(super) fn parse_service(text: &[u8]) -> Option<(u16, usize)> {
    let len = text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-').count();
    let name = text.get(..len)?;
    SERVICES.iter().find(|(known, _)| known.as_bytes() == name).map(|&(_, port)| (port, len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_a_whole() {
        assert_eq!(parse_service(b"www by access-group"), Some((80, 3)));
        assert_eq!(parse_service(b"ftp-data (10.0.0.1/ftp-data)"), Some((20, 8)));
        assert_eq!(parse_service(b"pop3)"), Some((110, 4)));
        assert_eq!(parse_service(b"ssh"), Some((22, 3)));
        for text in ["", " www", "wwww", "WWW", "xxxx", "-"] {
            assert_eq!(parse_service(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn no_name_has_two_numbers() {
        for (at, (name, port)) in SERVICES.iter().enumerate() {
            assert!(SERVICES[..at].iter().all(|(before, _)| before != name), "{name} {port}");
        }
    }
}
