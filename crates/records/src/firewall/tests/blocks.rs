use super::*;

#[test]
fn a_block_is_a_translation_of_its_ports() {
    let said = |name: &str, what: &str, end: &str| {
        format!("{name} 2024-03-04T16:05:38Z~1s {what} 10.0.0.5:0 = 192.0.2.31:1024 {end}")
    };
    let a10 = "Mar  4 16:05:38 a10-1 CEF:0|A10|CFW|6.0.0-P1|CGN 106|Nat Port Batch Pool Allocated|5|proto=UDP src=10.0.0.5 \
        sourceTranslatedAddress=192.0.2.31 sourceTranslatedPort=1024 cn3=1535 cn3Label=Last Nat Port";
    for (line, expected) in [
        (
            "Mar  4 16:05:38 nat-1 A VRF 0 INT 10.0.0.5 EXT 192.0.2.31:1024-1535".to_owned(),
            said("nat-1", "block to 1535", "built"),
        ),
        (
            "<134>1 2024-03-04T16:05:38Z nat-1 nfware - - - D VRF 7 INT 10.0.0.5 EXT 192.0.2.31:1024-1535".to_owned(),
            said("nat-1", "block to 1535", "torn down"),
        ),
        (a10.to_owned(), said("a10-1", "udp block to 1535", "built")),
        (a10.replace("Allocated", "Freed"), said("a10-1", "udp block to 1535", "torn down")),
        (
            "Mar  4 16:05:38 mx-1 (FPC Slot 2, PIC Slot 0) {cgn}[jservices-nat]: JSERVICES_NAT_PORT_BLOCK_ALLOC: 10.0.0.5 -> \
             192.0.2.31:1024-1535 0x65e5f152"
                .to_owned(),
            said("mx-1", "block to 1535", "built"),
        ),
        (
            "Mar  4 16:05:38 mx-1 jservices-nat: JSERVICES_NAT_PORT_BLOCK_RELEASE: 10.0.0.5 -> 192.0.2.31:1024-1535 0x65e5f152"
                .to_owned(),
            said("mx-1", "block to 1535", "torn down"),
        ),
        (
            "Mar  4 17:05:38  mx-1 (FPC Slot 2, PIC Slot 0) 2024-03-04 16:05:38 [FWNAT]:ASP_NAT_PORT_BLOCK_ALLOC: 10.0.0.5 -> \
             192.0.2.31:1024-1535"
                .to_owned(),
            said("mx-1", "block to 1535", "built"),
        ),
    ] {
        assert_eq!(told(&line), expected, "{line}");
    }
}

#[test]
fn single_ports_and_whole_addresses_have_the_same_form() {
    let a10 = "CEF:0|A10|CFW|6.0.0-P1|CGN 100|Nat Port Allocated|5|proto=UDP src=10.0.0.5 spt=57938 sourceTranslatedAddress=192.0.2.31 \
        sourceTranslatedPort=28475 dst=198.51.100.7 dpt=53";
    for (text, expected) in [
        (a10, "udp 10.0.0.5:57938 = 192.0.2.31:28475 built"),
        (&a10.replace("Allocated", "Freed"), "udp 10.0.0.5:57938 = 192.0.2.31:28475 torn down"),
        (
            &a10.replace("100|Nat Port Allocated", "102|Nat Session Created"),
            "udp 10.0.0.5:57938 = 192.0.2.31:28475 built",
        ),
        (
            &a10.replace("100|Nat Port Allocated", "103|Nat Session Deleted"),
            "udp 10.0.0.5:57938 = 192.0.2.31:28475 torn down",
        ),
        ("A VRF 0 6 INT 10.0.0.5:57938 EXT 192.0.2.31:28475", "tcp 10.0.0.5:57938 = 192.0.2.31:28475 built"),
        ("D VRF 0 17 INT 10.0.0.5:57938 EXT 192.0.2.31:28475", "udp 10.0.0.5:57938 = 192.0.2.31:28475 torn down"),
        ("A VRF 0 INT 10.0.0.5 EXT 192.0.2.31", "OneToOne 10.0.0.5:0 = 192.0.2.31:0 built"),
        (
            "A VRF 0 6 INT 10.0.0.5:57938 EXT 192.0.2.31:28475 DST 198.51.100.7:443 DIR OUT",
            "tcp 10.0.0.5:57938 = 192.0.2.31:28475 built",
        ),
    ] {
        let line = format!("Mar  4 16:05:38 nat-1 {text}");
        assert_eq!(told(&line), format!("nat-1 2024-03-04T16:05:38Z~1s {expected}"), "{line}");
    }
}

#[test]
fn what_is_damaged_says_why() {
    for (text, why) in [
        ("A VRF 0 INT 10.0.0.5", "no INT and EXT"),
        ("A VRF 0 INT pc EXT 192.0.2.31:1024-1535", "an inside address that is none"),
        ("A VRF 0 INT 10.0.0.5 EXT 192.0.2.31:x-1535", "ports that are no numbers"),
        ("A VRF 0 INT 10.0.0.5 EXT 192.0.2.31:1024-1000", "a last port before the first"),
        ("A VRF 0 INT 10.0.0.5 EXT 192.0.2.31:0-0", "no ports"),
        ("A VRF 0 INT 10.0.0.5 EXT 192.0.2.31:1024", "neither a block nor a port nor an address"),
        ("JSERVICES_NAT_PORT_BLOCK_ALLOC: 10.0.0.5", "no block"),
        (
            "CEF:0|A10|CFW|6.0|CGN 100|Nat Port Allocated|5|src=10.0.0.5 sourceTranslatedAddress=192.0.2.31",
            "no protocol",
        ),
    ] {
        assert_eq!(told(&format!("Mar  4 16:05:38 nat-1 {text}")), why, "{text}");
    }
    assert_eq!(told("A VRF 0 INT 10.0.0.5 EXT 192.0.2.31:1024-1535"), "no stamp");
}
