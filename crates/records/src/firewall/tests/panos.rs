use super::*;

/// An outbound session behind NAT, as PAN-OS 9.1 has it.
pub(super) const END: &str = "1,2024/03/04 16:05:40,001234567890,TRAFFIC,end,2305,2024/03/04 16:05:38,10.0.0.5,\
    198.51.100.7,192.0.2.31,198.51.100.7,mail out,example\\jane,,smtp,vsys1,trust,untrust,ethernet1/2,ethernet1/1,\
    to-syslog,2024/03/04 16:05:38,135480,1,2007,25,40123,25,0x40001c,tcp,allow,4308,3016,1292,34,\
    2024/03/04 16:05:00,22,any,0,7253419119627122716,0x8000000000000000,10.0.0.0-10.255.255.255,United States,0,18,16,\
    tcp-fin,0,0,0,0,,pa-1,from-policy,,,0,,0,,N/A,0,0,0,0,90431d13-81da-4129-8bc5-ce968fa06b76,0";

/// The same of PAN-OS 10.0 and later: with a stamp that says its zone, and quotes.
fn with_zone(zone: &str) -> String {
    let mut line = format!("{END},0,{}", ",".repeat(33));
    line.push_str(&format!("2024-03-04T16:05:38.443{zone},,,internet,email,\"client-server\",5,\"a,b\",,smtp,no,no,0"));
    line
}

#[test]
fn a_session_is_told_by_its_real_ends_and_its_own_time() {
    assert_eq!(
        told(END),
        "001234567890 2024-03-04T16:05:38Z~1s whole #135480 tcp 10.0.0.5:2007=192.0.2.31:40123 > 198.51.100.7:25 \
         from 2024-03-04T16:05:00Z~1s for 22s, PayloadReckoned 1820+228, Fins smtp"
    );
    // To a server behind NAT: the address that was asked for is the mapped one.
    let inbound = END
        .replacen("10.0.0.5,198.51.100.7,192.0.2.31,198.51.100.7", "198.51.100.7,192.0.2.25,0.0.0.0,10.0.0.25", 1)
        .replacen(",2007,25,40123,25,", ",2007,25,0,2525,", 1);
    assert_eq!(
        told(&inbound),
        "001234567890 2024-03-04T16:05:38Z~1s whole #135480 tcp 198.51.100.7:2007 > 10.0.0.25:2525=192.0.2.25:25 \
         from 2024-03-04T16:05:00Z~1s for 22s, PayloadReckoned 1820+228, Fins smtp"
    );
}

#[test]
fn the_later_versions_say_their_zone() {
    let zone = |zone: &str| told(&with_zone(zone)).split(' ').nth(1).unwrap().to_owned();
    assert_eq!(zone("+08:00"), "2024-03-04T08:05:38Z~1s");
    assert_eq!(zone("-05:00"), "2024-03-04T21:05:38Z~1s");
    assert!(told(&with_zone("+08:00")).contains(" from 2024-03-04T08:05:00Z~1s for 22s"));
}

#[test]
fn the_reason_says_how_it_ended() {
    for (reason, ending) in [
        ("tcp-fin", "Fins"),
        ("tcp-rst-from-client", "ResetByOrig"),
        ("tcp-rst-from-server", "ResetByResp"),
        ("aged-out", "Idle"),
        ("tcp-reuse", "Unknown"),
        ("unknown", "Unknown"),
        ("", "Unknown"),
        ("policy-deny", "ByDevice"),
        ("threat", "ByDevice"),
        ("decrypt-error", "ByDevice"),
        ("resources-unavailable", "ByDevice"),
    ] {
        let line = END.replacen(",tcp-fin,", &format!(",{reason},"), 1);
        assert!(told(&line).ends_with(&format!(", {ending} smtp")), "{reason}: {}", told(&line));
    }
    let silent = END
        .replacen(",tcp-fin,", ",aged-out,", 1)
        .replacen(",smtp,", ",incomplete,", 1)
        .replacen(",4308,3016,1292,34,", ",222,222,0,3,", 1)
        .replacen(",0,18,16,", ",0,3,0,", 1);
    assert!(told(&silent).ends_with(" for 22s, PayloadReckoned 0+0, NoAnswer answered false"), "{}", told(&silent));
}

#[test]
fn the_subtype_says_what_it_is() {
    assert_eq!(
        told(&END.replacen(",TRAFFIC,end,", ",TRAFFIC,start,", 1)),
        "001234567890 2024-03-04T16:05:38Z~1s opened #135480 tcp 10.0.0.5:2007=192.0.2.31:40123 > 198.51.100.7:25 \
         at 2024-03-04T16:05:00Z~1s"
    );
    let denied = "001234567890 2024-03-04T16:05:38Z~1s denied tcp 10.0.0.5:2007 > 198.51.100.7:25";
    assert_eq!(told(&END.replacen(",TRAFFIC,end,", ",TRAFFIC,drop,", 1)), denied);
    // Refused for its application: something had come back already.
    let refused = END.replacen(",TRAFFIC,end,", ",TRAFFIC,deny,", 1).replacen(",tcp-fin,", ",policy-deny,", 1);
    assert!(told(&refused).ends_with("PayloadReckoned 1820+228, ByDevice smtp"), "{}", told(&refused));
    assert_eq!(told(&refused.replacen(",0,18,16,", ",0,1,0,", 1)), denied);
    for other in ["THREAT", "SYSTEM", "GLOBALPROTECT"] {
        assert_eq!(told(&END.replacen(",TRAFFIC,", &format!(",{other},"), 1)), "001234567890 skipped");
    }
}

#[test]
fn a_vlans_tags_are_no_payload() {
    let tagged = END.replacen("ethernet1/2,", "ethernet1/2.100,", 1).replacen(",4308,3016,", ",4380,3088,", 1);
    assert!(told(&tagged).contains("PayloadReckoned 1820+228"), "{}", told(&tagged));
}

#[test]
fn old_versions_have_no_packets_of_each_side() {
    let old: Vec<&str> = END.split(',').take(42).collect();
    let old = format!("Mar  4 16:05:40 pa-1 {}", old.join(","));
    assert!(told(&old).ends_with(" for 22s, Frame 3016+1292, Unknown smtp"), "{}", told(&old));
}

#[test]
fn cef_says_the_same() {
    let extension = "deviceExternalId=001234567890 src=10.0.0.5 dst=198.51.100.7 sourceTranslatedAddress=192.0.2.31 \
        destinationTranslatedAddress=198.51.100.7 cs1Label=Rule cs1=mail out suser=example\\\\jane duser= app=smtp \
        cs3Label=Virtual System cs3=vsys1 cs4Label=Source Zone cs4=trust cs5Label=Destination Zone cs5=untrust \
        deviceInboundInterface=ethernet1/2 deviceOutboundInterface=ethernet1/1 cn1Label=SessionID cn1=135480 cnt=1 \
        spt=2007 dpt=25 sourceTranslatedPort=40123 destinationTranslatedPort=25 flexString1Label=Flags \
        flexString1=0x40001c proto=tcp act=allow flexNumber1Label=Total bytes flexNumber1=4308 cn2Label=Packets cn2=34 \
        PanOSPacketsReceived=16 PanOSPacketsSent=18 cn3Label=Elapsed time in seconds cn3=22 externalId=7 reason=tcp-fin";
    let by_firewall = format!(
        "<14>Mar  4 16:05:40 pa-1 CEF:0|Palo Alto Networks|PAN-OS|10.1.0|end|TRAFFIC|1|rt=Mar 04 2024 16:05:40 GMT \
         start=Mar 04 2024 16:05:38 GMT in=3016 out=1292 {extension}"
    );
    assert_eq!(
        told(&by_firewall),
        "001234567890 2024-03-04T16:05:38Z~1s whole #135480 tcp 10.0.0.5:2007=192.0.2.31:40123 > 198.51.100.7:25 \
         from 2024-03-04T16:05:16Z~1s for 22s, PayloadReckoned 1820+228, Fins smtp"
    );
    let by_service = format!(
        "CEF:0|Palo Alto Networks|LF|2.0|TRAFFIC|end|3|dtz=UTC rt=Mar 04 2024 16:05:55 start=Mar 04 2024 16:05:38 \
         in=1292 out=3016 {extension} PanOSSessionStartTime=Mar 04 2024 16:05:00"
    );
    let said = "whole #135480 tcp";
    let told_of_service = told(&by_service);
    assert!(told_of_service.starts_with(&format!("001234567890 2024-03-04T16:05:38Z~1s {said}")), "{told_of_service}");
    assert!(told_of_service.contains(" from 2024-03-04T16:05:00Z~1s for 22s, PayloadReckoned 1820+228, Fins smtp"));
    let of_v6 = by_service
        .replace(
            "src=10.0.0.5 dst=198.51.100.7 ",
            "c6a2=2001:db8::5 c6a2Label=Source IPv6 Address c6a3=2001:db8::7 src= dst= ",
        )
        .replace("sourceTranslatedAddress=192.0.2.31", "sourceTranslatedAddress=")
        .replace("destinationTranslatedAddress=198.51.100.7", "destinationTranslatedAddress=");
    assert!(told(&of_v6).contains(" whole #135480 tcp [2001:db8::5]:2007 > [2001:db8::7]:25 "), "{}", told(&of_v6));
    assert_eq!(told(&by_firewall.replacen("|TRAFFIC|", "|THREAT|", 1)), "001234567890 skipped");
}

#[test]
fn other_logs_are_passed_over_and_a_device_without_a_number_has_a_name() {
    let header = "Domain,Receive Time,Serial #,Type,Threat/Content Type,Config Version,Generate Time,Source address";
    let exported = told(&format!("{END}\n{header}"));
    assert!(exported.ends_with("\npan-os skipped"), "{exported}");
    for kind in ["SCTP", "GTP", "IPTAG", "START", "AUDIT"] {
        assert_eq!(
            told_by(Dialect::PanOs.reader(clock()), &END.replacen(",TRAFFIC,", &format!(",{kind},"), 1)),
            "001234567890 skipped"
        );
    }
    assert!(told(&END.replacen("001234567890", "", 1)).starts_with("pan-os 2024-03-04T16:05:38Z~1s whole #135480 tcp"));
}

#[test]
fn what_is_damaged_says_why() {
    let reader = || Dialect::PanOs.reader(clock());
    let cut = |fields: usize| END.split(',').take(fields).collect::<Vec<_>>().join(",");
    for (line, why) in [
        ("no commas".to_owned(), "fewer fields than a TRAFFIC log has: cut off?"),
        (cut(30), "fewer fields than a TRAFFIC log has: cut off?"),
        (END.replacen(",TRAFFIC,", ",OTHER,", 1), "no TRAFFIC log, nor another of PAN-OS"),
        (END.replacen(",end,", ",middle,", 1), "a subtype that is none of start, end, drop and deny"),
        (END.replacen("2024/03/04 16:05:38", "yesterday", 1), "no moment at which it was generated"),
        (END.replacen("10.0.0.5", "jane-pc", 1), "a source that is no address and port"),
        (END.replacen(",25,40123", ",x,40123", 1), "a destination that is no address and port"),
        (END.replacen(",135480,", ",,", 1), "a session id that is no number"),
        (END.replacen(",3016,", ",many,", 1), "a byte count that is no number"),
        (END.replacen(",22,any", ",-1,any", 1), "an elapsed time that is no number"),
        (END.replacen(",22,any", ",99999999999999999,any", 1), "an elapsed time that is too long"),
    ] {
        assert_eq!(told_by(reader(), &line), why, "{line}");
    }
}

#[test]
fn the_hour_that_autumn_repeats_is_told_by_the_order_of_the_log() {
    let line = |time: &str| END.replace("2024/03/04 16:05", &format!("2024/10/27 {time}")) + "\n";
    let lines = ["01:59", "02:00", "02:59", "02:00", "02:59", "03:00"].map(line);
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let reader = Reader::sniff(END.as_bytes(), &Clock::new(zone, YearHint::First(2024))).unwrap();
    let moments = |told: &str| -> Vec<String> {
        told.lines().map(|line| line.split(' ').nth(1).unwrap()[11..16].to_owned()).collect()
    };
    let whole = ["23:59", "00:00", "00:59", "01:00", "01:59", "02:00"];
    assert_eq!(moments(&told_by(reader.clone(), &lines.concat())), whole);
    for cut in 1..lines.len() {
        let (before, behind) = lines.split_at(cut);
        let mut ahead = reader.clone();
        ahead.advance(Block::new(before.concat().as_bytes(), Place { file: 0, line: 1 }));
        assert_eq!(moments(&told_by(ahead, &behind.concat())), whole[cut..], "{cut}");
    }
}

/// A session in LEEF, by IBM's guide, of a device in a zone.
fn leef(what: &str, received: &str) -> String {
    format!(
        "Mar  4 16:05:40 pa-1 LEEF:1.0|Palo Alto Networks|PAN-OS Syslog Integration|9.1|allow|cat=TRAFFIC|ReceiveTime={received}|\
         SerialNumber=001234567890|Type=TRAFFIC|Subtype={what}|devTime=Mar 04 2024 16:05:38 GMT|src=10.0.0.5|dst=198.51.100.7|\
         srcPostNAT=192.0.2.31|dstPostNAT=198.51.100.7|RuleName=mail out|usrName=example\\jane|Application=smtp|SourceZone=trust|\
         IngressInterface=ethernet1/2|EgressInterface=ethernet1/1|SessionID=135480|RepeatCount=1|srcPort=2007|dstPort=25|\
         srcPostNATPort=40123|dstPostNATPort=25|Flags=0x40001c|proto=tcp|action=allow|totalBytes=4308|dstBytes=1292|srcBytes=3016|\
         totalPackets=34|StartTime={}|ElapsedTime=22|dstPackets=16|srcPackets=18|SessionEndReason=tcp-fin|vSrcName=",
        received.replace(":38", ":00")
    )
}

#[test]
fn leef_says_the_same() {
    for received in ["2024/03/04 16:05:38", "2024/03/05 00:05:38", "2024/03/04 10:35:38"] {
        assert_eq!(told(&leef("end", received)), told(END), "{received}");
    }
    let tabs = leef("end", "2024/03/04 16:05:38").replace("|allow|", "|allow|x09|").replace("LEEF:1.0", "LEEF:2.0");
    let (head, pairs) = tabs.split_once("|x09|").unwrap();
    assert_eq!(told(&format!("{head}|x09|{}", pairs.replace('|', "\t"))), told(END));
    let denied = "001234567890 2024-03-04T16:05:38Z~1s denied tcp 10.0.0.5:2007 > 198.51.100.7:25";
    assert_eq!(told(&leef("drop", "2024/03/04 16:05:38")), denied);
    let threat = leef("end", "2024/03/04 16:05:38").replace("=TRAFFIC", "=THREAT");
    assert_eq!(told(&threat), "001234567890 skipped");
    // The logging service's own: in UTC, and other keys.
    let service = leef("end", "2024/03/04 16:05:38")
        .replace("LEEF:1.0", "LEEF:2.0")
        .replace("|allow|", "|allow|x7C|")
        .replace("SerialNumber", "DeviceSN")
        .replace("ReceiveTime=2024/03/04 16:05:38|", "TimeReceived=2024-03-04T16:05:40.000000Z|")
        .replace("devTime=Mar 04 2024 16:05:38 GMT", "devTime=2024-03-04T16:05:38Z")
        .replace("StartTime=2024/03/04 16:05:00", "SessionStartTime=2024-03-04T16:05:00Z")
        .replace("ElapsedTime", "SessionDuration")
        .replace("IngressInterface", "InboundInterface")
        .replace("EgressInterface", "OutboundInterface");
    assert_eq!(told(&service), told(END));
}
