use super::*;

/// An outbound session behind NAT, as Junos 19 and later have it.
pub(super) const CLOSE: &str = "<14>1 2024-03-04T16:05:38.557Z srx-1 RT_FLOW - RT_FLOW_SESSION_CLOSE \
    [junos@2636.1.1.1.2.129 reason=\"TCP FIN\" source-address=\"10.0.0.5\" source-port=\"2007\" \
    destination-address=\"198.51.100.7\" destination-port=\"25\" connection-tag=\"0\" service-name=\"junos-smtp\" \
    nat-source-address=\"192.0.2.31\" nat-source-port=\"40123\" nat-destination-address=\"198.51.100.7\" \
    nat-destination-port=\"25\" nat-connection-tag=\"0\" src-nat-rule-type=\"source rule\" src-nat-rule-name=\"out\" \
    dst-nat-rule-type=\"N/A\" dst-nat-rule-name=\"N/A\" protocol-id=\"6\" policy-name=\"mail\" source-zone-name=\"trust\" \
    destination-zone-name=\"untrust\" session-id=\"135480\" packets-from-client=\"18\" bytes-from-client=\"2764\" \
    packets-from-server=\"16\" bytes-from-server=\"1068\" elapsed-time=\"22\" application=\"SMTP\" \
    nested-application=\"UNKNOWN\" username=\"N/A\" roles=\"N/A\" packet-incoming-interface=\"ge-0/0/0.0\" encrypted=\"No\"]";

/// The same as a sentence, without its header.
pub(super) const SENTENCE: &str = "RT_FLOW: RT_FLOW_SESSION_CLOSE: session closed TCP FIN: 10.0.0.5/2007->198.51.100.7/25 \
    0x0 junos-smtp 192.0.2.31/40123->198.51.100.7/25 0x0 source rule out N/A N/A 6 mail trust untrust 135480 18(2764) \
    16(1068) 22 SMTP UNKNOWN N/A(N/A) ge-0/0/0.0 No";

const SESSION: &str = "#135480 tcp 10.0.0.5:2007=192.0.2.31:40123 > 198.51.100.7:25";
const REST: &str = "for 22s, PayloadReckoned 1820+228, Fins smtp";

#[test]
fn a_session_is_told_by_its_real_ends() {
    let expected =
        format!("srx-1 2024-03-04T16:05:38.557Z~ms whole {SESSION} from 2024-03-04T16:05:15.557Z~1001000000ns {REST}");
    assert_eq!(told(CLOSE), expected);
    // What earlier releases call the session's number; both forms in one line.
    assert_eq!(told(&CLOSE.replacen("session-id=", "session-id-32=", 1)), expected);
    assert_eq!(told(&format!("{CLOSE} session closed TCP FIN: 10.0.0.5/2007->198.51.100.7/25 0x0")), expected);
    let inbound = CLOSE
        .replacen("nat-destination-address=\"198.51.100.7\"", "nat-destination-address=\"10.0.0.25\"", 1)
        .replacen(
            "nat-source-address=\"192.0.2.31\" nat-source-port=\"40123\"",
            "nat-source-address=\"10.0.0.5\" nat-source-port=\"2007\"",
            1,
        );
    assert!(told(&inbound).contains(" tcp 10.0.0.5:2007 > 10.0.0.25:25=198.51.100.7:25 from"), "{}", told(&inbound));
}

#[test]
fn a_sentence_says_the_same() {
    let told = |text: &str| told(&format!("<14>Mar  4 16:05:38 srx-1 {text}"));
    let expected = format!("srx-1 2024-03-04T16:05:38Z~1s whole {SESSION} from 2024-03-04T16:05:15Z~2s {REST}");
    assert_eq!(told(SENTENCE), expected);
    let early = SENTENCE.replace(" 0x0", "").replacen("source rule out N/A N/A", "1 None", 1);
    assert_eq!(told(&early), expected);
    let without = early.replacen(" SMTP UNKNOWN N/A(N/A) ge-0/0/0.0 No", "", 1);
    assert_eq!(told(&without), expected.replace(" smtp", ""));
    let created = SENTENCE.replacen("CLOSE: session closed TCP FIN:", "CREATE: session created", 1);
    let created = created.replacen(" 18(2764) 16(1068) 22 SMTP UNKNOWN", "", 1);
    assert_eq!(told(&created), format!("srx-1 2024-03-04T16:05:38Z~1s opened {SESSION} at 2024-03-04T16:05:38Z~1s"));
    let denied = "RT_FLOW: RT_FLOW_SESSION_DENY: session denied 10.0.0.5/2007->198.51.100.7/25 0x0 junos-smtp 6(0) mail trust \
        untrust UNKNOWN UNKNOWN N/A(N/A) ge-0/0/0.0 No policy deny";
    assert_eq!(told(denied), "srx-1 2024-03-04T16:05:38Z~1s denied tcp 10.0.0.5:2007 > 198.51.100.7:25");
}

#[test]
fn openings_and_denials_are_told_as_what_they_are() {
    let created = CLOSE.replacen("SESSION_CLOSE", "SESSION_CREATE", 1);
    assert_eq!(
        told(&created),
        format!("srx-1 2024-03-04T16:05:38.557Z~ms opened {SESSION} at 2024-03-04T16:05:38.557Z~ms")
    );
    // Of a logical system.
    let of_system = |line: &str| {
        line.replacen(" [junos@2636.1.1.1.2.129 ", "_LS [junos@2636.1.1.1.2.129 logical-system-name=\"LSYS1\" ", 1)
    };
    assert_eq!((told(&of_system(CLOSE)), told(&of_system(&created))), (told(CLOSE), told(&created)));
    // Of an MX's services.
    let of_services = |line: &str| {
        line.replacen(" [junos@2636.1.1.1.2.129 ", "_USF [junos@2636.1.1.1.2.129 service-set-name=\"S\" ", 1)
    };
    assert_eq!((told(&of_services(CLOSE)), told(&of_services(&created))), (told(CLOSE), told(&created)));
    let denied =
        CLOSE.replacen("SESSION_CLOSE", "SESSION_DENY", 1).replacen("nat-destination-address=\"198.51.100.7\"", "", 1);
    assert_eq!(told(&denied), "srx-1 2024-03-04T16:05:38.557Z~ms denied tcp 10.0.0.5:2007 > 198.51.100.7:25");
    for other in [
        "<14>1 2024-03-04T16:05:38.557Z srx-1 RT_FLOW - APPTRACK_SESSION_CLOSE [junos@2636.1.1.1.2.129 reason=\"TCP FIN\"]",
        "Mar  4 16:05:38 srx-1 RT_NAT: RT_SRC_NAT_OUTOF_PORTS: pool p",
    ] {
        assert_eq!(told(other), "srx-1 skipped", "{other}");
    }
    assert_eq!(
        told(&format!("{CLOSE}\nMar  4 16:05:39 srx-1 sshd[7]: Accepted")).lines().last(),
        Some("other programs skipped")
    );
}

#[test]
fn the_reason_says_how_it_ended() {
    for (reason, ending) in [
        ("TCP FIN", "Fins"),
        ("TCP CLIENT RST", "ResetByOrig"),
        ("TCP SERVER RST", "ResetByResp"),
        ("TCP RST", "Reset"),
        ("idle Timeout", "Idle"),
        ("unset", "Unknown"),
        ("response received", "Unknown"),
        ("ICMP error", "Unknown"),
        ("policy delete", "ByDevice"),
        ("application failure or action", "ByDevice"),
    ] {
        let line = CLOSE.replacen("TCP FIN", reason, 1);
        assert!(told(&line).ends_with(&format!(", {ending} smtp")), "{reason}: {}", told(&line));
    }
    let silent = CLOSE.replacen("TCP FIN", "idle Timeout", 1).replacen(
        "packets-from-server=\"16\" bytes-from-server=\"1068\"",
        "packets-from-server=\"0\" bytes-from-server=\"0\"",
        1,
    );
    assert!(told(&silent).ends_with("PayloadReckoned 0+0, NoAnswer answered false smtp"), "{}", told(&silent));
}

#[test]
fn port_blocks_are_translations() {
    let structured = |what: &str| {
        format!(
            "<14>1 2024-03-04T16:05:38Z srx-1 RT_NAT - RT_SRC_NAT_PBA_{what} [junos@2636.1.1.1.2.129 \
             internal-ip=\"10.0.0.5\" block-used=\"1\" block-max-per-host=\"4\" block-port-low=\"1024\" \
             block-port-high=\"1151\" reflexive-ip=\"192.0.2.31\" nat-pool-name=\"p\" logical-system-id=\"0\" \
             epoch-time-64=\"65e5f000\"]"
        )
    };
    let sentence = |what: &str, verb: &str| {
        format!(
            "Mar  4 16:05:38 srx-1 RT_NAT: RT_SRC_NAT_PBA_{what}: Subscriber 10.0.0.5 used/maximum [1/4] blocks, {verb} port \
             block [1024-1151] from 192.0.2.31 in source pool p lsys_id: 0"
        )
    };
    let said = |end: &str| format!("srx-1 2024-03-04T16:05:38Z~1s block to 1151 10.0.0.5:0 = 192.0.2.31:1024 {end}");
    assert_eq!(told(&structured("ALLOC")), said("built"));
    assert_eq!(told(&structured("INTERIM")), said("built"));
    assert_eq!(told(&structured("RELEASE")), said("torn down after 338s"));
    assert_eq!(told(&sentence("ALLOC", "allocates")), said("built"));
    assert_eq!(told(&sentence("RELEASE", "releases")), said("torn down"));
    assert_eq!(told(&structured("ALLOC").replacen("1151", "1023", 1)), "a last port before the first");
}

#[test]
fn what_is_damaged_says_why() {
    let sentence = format!("Mar  4 16:05:38 srx-1 {SENTENCE}");
    for (line, why) in [
        (CLOSE.replacen("2024-03-04T16:05:38.557Z", "-", 1), "no stamp"),
        (CLOSE.replacen("10.0.0.5", "pc", 1), "a source that is no address and port"),
        (
            CLOSE.replacen("destination-port=\"25\" connection", "connection", 1),
            "a destination that is no address and port",
        ),
        (CLOSE.replacen("protocol-id=\"6\"", "", 1), "a protocol that is no number"),
        (CLOSE.replacen("session-id=\"135480\"", "", 1), "a session id that is no number"),
        (CLOSE.replacen("bytes-from-client=\"2764\"", "", 1), "packets and bytes that are no numbers"),
        (CLOSE.replacen("elapsed-time=\"22\"", "", 1), "an elapsed time that is no number"),
        (CLOSE.replacen("elapsed-time=\"22\"", "elapsed-time=\"99999999999\"", 1), "an elapsed time that is too long"),
        (
            sentence.replacen("session closed", "session shut", 1),
            "neither structured data nor a sentence about a session",
        ),
        (sentence.replacen("TCP FIN: ", "TCP FIN", 1), "no reason"),
        (sentence.replacen("10.0.0.5/2007->", "10.0.0.5/2007 ", 1), "no ends"),
    ] {
        assert_eq!(told(&line), why, "{line}");
    }
}
