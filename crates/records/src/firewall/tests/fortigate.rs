use super::*;

/// An outbound session behind NAT, as FortiOS 7 has it.
pub(super) const CLOSE: &str = "date=2024-03-04 time=16:05:38 devname=\"fgt-1\" devid=\"FG100F0000000001\" \
    eventtime=1709568338557329000 tz=\"+0000\" logid=\"0000000013\" type=\"traffic\" subtype=\"forward\" level=\"notice\" \
    vd=\"root\" srcip=10.0.0.5 srcname=\"jane's \\\"pc\\\"\" srcport=2007 srcintf=\"lan\" srcintfrole=\"lan\" \
    dstip=198.51.100.7 dstport=25 dstintf=\"wan1\" dstintfrole=\"wan\" sessionid=135480 proto=6 action=\"close\" \
    policyid=1 policytype=\"policy\" service=\"SMTP\" trandisp=\"snat\" transip=192.0.2.31 transport=40123 duration=22 \
    sentbyte=2764 rcvdbyte=1068 sentpkt=18 rcvdpkt=16 appcat=\"unscanned\"";

const SESSION: &str = "#135480 tcp 10.0.0.5:2007=192.0.2.31:40123(in) > 198.51.100.7:25(out)";

#[test]
fn a_session_is_told_by_its_real_ends() {
    assert_eq!(
        told(CLOSE),
        format!(
            "fgt-1 2024-03-04T16:05:38.557329Z~ns whole {SESSION} from 2024-03-04T16:05:15.557329Z~1000000001ns for 22s, \
             PayloadReckoned 1820+228, Fins smtp"
        )
    );
    let inbound = CLOSE
        .replacen("srcip=10.0.0.5", "srcip=203.0.113.9", 1)
        .replacen("srcintfrole=\"lan\"", "srcintfrole=\"wan\"", 1)
        .replacen("dstip=198.51.100.7", "dstip=192.0.2.25", 1)
        .replacen("dstintfrole=\"wan\"", "dstintfrole=\"dmz\"", 1)
        .replacen(
            "trandisp=\"snat\" transip=192.0.2.31 transport=40123",
            "trandisp=\"dnat\" tranip=10.0.0.25 tranport=2525",
            1,
        );
    assert!(
        told(&inbound).contains("tcp 203.0.113.9:2007(out) > 10.0.0.25:2525=192.0.2.25:25(in) from"),
        "{}",
        told(&inbound)
    );
    let unsaid = CLOSE.replace("role=\"lan\"", "role=\"undefined\"");
    assert!(told(&unsaid).contains("10.0.0.5:2007=192.0.2.31:40123 > 198.51.100.7:25(out)"));
}

#[test]
fn the_keys_of_older_releases_say_the_same() {
    // FortiOS 5.0, and 4.
    let five = CLOSE.replacen("action=", "status=", 1);
    assert_eq!(told(&five), told(CLOSE));
    let four = "date=2024-03-04 time=16:05:38 devname=fgt-1 device_id=FG100A0000000001 log_id=0021000002 type=traffic subtype=allowed \
        pri=notice vd=root src=10.0.0.5 src_port=2007 src_int=\"internal\" dst=198.51.100.7 dst_port=25 dst_int=\"wan1\" SN=135480 \
        status=accept policyid=65 dir_disp=org tran_disp=snat tran_sip=192.0.2.31 tran_sport=40123 service=SMTP proto=6 \
        duration=22 sent=2764 rcvd=1068 sent_pkt=18 rcvd_pkt=16";
    assert_eq!(
        told(four),
        "fgt-1 2024-03-04T16:05:38Z~1s whole #135480 tcp 10.0.0.5:2007=192.0.2.31:40123 > 198.51.100.7:25 from \
         2024-03-04T16:05:15Z~2s for 22s, PayloadReckoned 1820+228, Unknown smtp"
    );
    let noop =
        four.replace("tran_disp=snat tran_sip=192.0.2.31 tran_sport=40123", "tran_disp=noop tran_ip=N/A tran_port=0");
    assert!(told(&noop).contains(" tcp 10.0.0.5:2007 > 198.51.100.7:25 from "), "{}", told(&noop));
}

#[test]
fn what_has_no_type_of_its_own_is_another_makers() {
    let sophos = "device=\"SFW\" date=2017-01-31 time=14:03:33 timezone=\"IST\" device_name=\"CR750iNG-XP\" device_id=C44310050024-P29PUA \
        log_id=010101600001 log_type=\"Firewall\" log_component=\"Firewall Rule\" log_subtype=\"Allowed\" src_ip=10.198.47.71";
    assert_eq!(told(sophos), "no evidence");
}

#[test]
fn a_sniffer_counts_nothing() {
    assert_eq!(told(&CLOSE.replacen("subtype=\"forward\"", "subtype=\"sniffer\"", 1)), "fgt-1 skipped");
}

#[test]
fn every_form_of_time_is_read() {
    for (from, to, moment) in [
        ("eventtime=1709568338557329000", "eventtime=1709568338", "2024-03-04T16:05:38Z~1s"),
        ("eventtime=1709568338557329000", "eventtime=1709568338557", "2024-03-04T16:05:38.557Z~ms"),
        ("eventtime=1709568338557329000", "eventtime=1709568338557329", "2024-03-04T16:05:38.557329Z~us"),
        ("eventtime=1709568338557329000 tz=\"+0000\" ", "tz=\"-0500\" ", "2024-03-04T21:05:38Z~1s"),
        ("eventtime=1709568338557329000 tz=\"+0000\" ", "", "2024-03-04T16:05:38Z~1s"),
        ("date=2024-03-04 time=16:05:38 ", "", "2024-03-04T16:05:38.557329Z~ns"),
    ] {
        let line = CLOSE.replacen(from, to, 1);
        assert_eq!(told(&line).split(' ').nth(1), Some(moment), "{line}");
    }
}

#[test]
fn the_action_says_how_it_ended() {
    for (action, ending) in [
        ("close", "Fins"),
        ("client-rst", "ResetByOrig"),
        ("server-rst", "ResetByResp"),
        ("timeout", "Idle"),
        ("accept", "Unknown"),
        ("ip-conn", "NoAnswer"),
        ("dns", "Unknown"),
        ("deny", "ByDevice"),
    ] {
        let line = CLOSE.replacen("\"close\"", &format!("\"{action}\""), 1);
        assert!(told(&line).ends_with(&format!(", {ending} smtp")), "{action}: {}", told(&line));
    }
    let silent = CLOSE.replacen("\"close\"", "\"timeout\"", 1).replacen("rcvdbyte=1068", "rcvdbyte=0", 1);
    assert!(told(&silent).ends_with(", NoAnswer answered false smtp"), "{}", told(&silent));
}

#[test]
fn what_is_no_end_of_a_session_is_told_as_what_it_is() {
    let denied = CLOSE.replacen("\"close\"", "\"deny\"", 1).replacen("rcvdbyte=1068", "rcvdbyte=0", 1);
    assert_eq!(told(&denied), "fgt-1 2024-03-04T16:05:38.557329Z~ns denied tcp 10.0.0.5:2007 > 198.51.100.7:25");
    let start = CLOSE.replacen("\"close\"", "\"start\"", 1).replacen("0000000013", "0000000015", 1);
    assert_eq!(
        told(&start),
        format!("fgt-1 2024-03-04T16:05:38.557329Z~ns opened {SESSION} at 2024-03-04T16:05:38.557329Z~ns")
    );
    // What it has carried so far is in its end's log, too.
    let interim = CLOSE.replacen("0000000013", "0000000020", 1).replacen("\"close\"", "\"accept\"", 1);
    assert_eq!(told(&format!("{interim} sentdelta=100 rcvddelta=200")), "fgt-1 skipped");
    assert_eq!(told(&CLOSE.replacen("\"traffic\"", "\"utm\"", 1)), "fgt-1 skipped");
    let last = format!("{CLOSE} sentdelta=100 rcvddelta=200");
    assert_eq!(told(&last), told(CLOSE));
}

#[test]
fn without_counts_of_packets_bytes_are_what_they_are() {
    let line = CLOSE.replacen(" sentpkt=18 rcvdpkt=16", "", 1);
    assert!(told(&line).contains(" for 22s, IpLevel 2764+1068, Fins"), "{}", told(&line));
}

#[test]
fn without_counts_of_packets_what_was_refused_carried_nothing() {
    let refused = |action: &str, sent: u32, rcvd: u32| {
        let line = CLOSE.replacen(" sentpkt=18 rcvdpkt=16", "", 1).replacen("\"close\"", &format!("\"{action}\""), 1);
        told(&line.replacen("sentbyte=2764 rcvdbyte=1068", &format!("sentbyte={sent} rcvdbyte={rcvd}"), 1))
    };
    // A SYN and a reset; several SYNs and one reset.
    for (sent, rcvd) in [(60, 40), (180, 40), (60, 52)] {
        let told = refused("server-rst", sent, rcvd);
        assert!(told.contains(", PayloadReckoned 0+0, ResetByResp"), "{told}");
    }
    assert!(refused("server-rst", 60, 40).ends_with(" answered false smtp"), "{}", refused("server-rst", 60, 40));
    // An answer, and what belongs to it.
    assert!(refused("server-rst", 400, 144).contains(", IpLevel 400+144, ResetByResp"));
    for (sent, rcvd) in [(60, 0), (60, 40), (120, 60)] {
        assert!(refused("deny", sent, rcvd).contains(" denied tcp "), "{}", refused("deny", sent, rcvd));
    }
    // How much of it was payload nobody knows.
    assert!(refused("deny", 400, 300).ends_with(" for 22s, ?, ByDevice smtp"), "{}", refused("deny", 400, 300));
}

#[test]
fn the_forms_of_the_line_say_the_same() {
    let commas = CLOSE.replace("jane's \\\"pc\\\"", "jane, pc").replace(' ', ",").replace("jane,,pc", "jane, pc");
    assert_eq!(told(&commas), told(CLOSE));
    for head in ["<189>", "<189>1 2024-03-04T16:05:39Z fgt-1 - - - - ", "Mar  4 16:05:39 192.0.2.77 ", "17: "] {
        assert_eq!(told(&format!("{head}{CLOSE}")), told(CLOSE), "{head}");
    }
    let unquoted = CLOSE.replace("srcname=\"jane's \\\"pc\\\"\" ", "").replace('"', "");
    assert_eq!(told(&unquoted), told(CLOSE));
}

#[test]
fn what_is_downloaded_says_the_same() {
    // FortiGate's own, and FortiAnalyzer's, whose columns may be empty and whose words have quotes of their own.
    let cells = |quote: &str| {
        let pairs = CLOSE.replace("jane's \\\"pc\\\"", "jane,pc").replace('"', quote).replace(' ', "\",\"");
        format!("\"{pairs}\"")
    };
    assert!(cells("").starts_with("\"date=2024-03-04\",\"time=16:05:38\",\"devname=fgt-1\","));
    let analyzer = cells("\"\"").replacen("\"date=", "\"itime=1709568339\",\"\",\"date=", 1);
    assert!(analyzer.contains(",\"type=\"\"traffic\"\"\",\"subtype="));
    for line in [cells(""), analyzer] {
        assert_eq!(told(&line), told(CLOSE), "{line}");
        assert_eq!(told(&line.replacen("traffic", "event", 1)), "fgt-1 skipped");
        assert_eq!(told(&line.replacen("srcip=", "srcip=x", 1)), "srcip and srcport are no address and port");
    }
}

/// CLOSE as an object.
fn object(is_quoted: bool) -> String {
    let pairs = CLOSE.replace("srcname=\"jane's \\\"pc\\\"\" ", "").replace('"', "");
    let is_number = |value: &str| !is_quoted && value.parse::<u32>().is_ok() && !value.starts_with(['0', '+']);
    let members = pairs.split(' ').map(|pair| {
        let (key, value) = pair.split_once('=').unwrap();
        let quote = if is_number(value) { "" } else { "\"" };
        format!("\"{key}\":{quote}{value}{quote}")
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

#[test]
fn objects_of_json_say_the_same() {
    assert!(object(false).contains("\"srcport\":2007,"));
    for line in [object(false), object(true), object(false).replace(',', ", ")] {
        for head in ["", "<189>", "Mar  4 16:05:39 192.0.2.77 ", "<189>1 2024-03-04T16:05:39Z fgt-1 - - - - "] {
            assert_eq!(told(&format!("{head}{line}")), told(CLOSE), "{head}{line}");
        }
        assert_eq!(told(&line.replacen("\"traffic\"", "\"utm\"", 1)), "fgt-1 skipped");
        assert_eq!(told(&line[..line.len() - 9]), "JSON: the line ends within the object: cut off?");
        assert_eq!(told(&line.replacen("\"logid\"", "\"id\"", 1)), "no evidence");
    }
    // Among the lines of another device, and among Zeek's.
    let zeek = "{\"ts\":1709568300.5,\"id.orig_h\":\"10.0.0.7\",\"id.orig_p\":1,\"id.resp_h\":\"198.51.100.7\",\"id.resp_p\":25,\
        \"proto\":\"tcp\",\"conn_state\":\"SF\",\"duration\":1.5}";
    for reader in [Dialect::Junos, Dialect::FortiGate].map(|dialect| dialect.reader(clock())) {
        let said = told_by(reader, &format!("{zeek}\n{}\n", object(false)));
        assert!(said.starts_with("zeek ") && said.ends_with(&told(CLOSE)), "{said}");
    }
}

#[test]
fn cef_says_the_same() {
    for (version, prefix) in
        [("CEF:0", "FTNTFGT"), ("CEF: 0", "FTNTFGT"), ("CEF:0", "FortinetFortiGate"), ("CEF:0", "ad."), ("CEF:0", "")]
    {
        let line = format!(
            "Mar  4 16:05:38 fgt-1 {version}|Fortinet|Fortigate|v7.2.4|00013|traffic:forward close|3|dvchost=fgt-1 \
             deviceExternalId=FG100F0000000001 {prefix}eventtime=1709568338557329000 {prefix}tz=+0000 \
             {prefix}logid=0000000013 cat=traffic:forward {prefix}subtype=forward {prefix}level=notice {prefix}vd=root \
             src=10.0.0.5 shost=jane's pc spt=2007 deviceInboundInterface=lan {prefix}srcintfrole=lan dst=198.51.100.7 \
             dpt=25 deviceOutboundInterface=wan1 {prefix}dstintfrole=wan externalId=135480 proto=6 act=close \
             {prefix}policyid=1 app=SMTP {prefix}trandisp=snat sourceTranslatedAddress=192.0.2.31 \
             sourceTranslatedPort=40123 {prefix}duration=22 out=2764 in=1068 {prefix}sentpkt=18 {prefix}rcvdpkt=16"
        );
        assert_eq!(told(&line), told(CLOSE), "{line}");
        // Where it is left out the event's name begins with it.
        assert_eq!(told(&line.replace("cat=traffic:forward ", "")), told(CLOSE));
        let of_v6 = line.replace("src=10.0.0.5", "c6a2=2001:db8::5").replace("dst=198.51.100.7", "c6a3=2001:db8::7");
        let of_v6 = told(&of_v6.replace("sourceTranslatedAddress=192.0.2.31", ""));
        assert!(of_v6.contains("tcp [2001:db8::5]:2007(in) > [2001:db8::7]:25(out) "), "{of_v6}");
        assert_eq!(told(&line.replace("cat=traffic", "cat=utm")), "fgt-1 skipped");
        assert_eq!(told(&line.replace("00013", "00020")), "fgt-1 skipped");
    }
}

#[test]
fn what_says_no_moment_has_the_header_s() {
    let own =
        "date=2024-03-04 time=16:05:38 devname=\"fgt-1\" devid=\"FG100F0000000001\" eventtime=1709568338557329000";
    for without in ["devid=\"fgt-1\"", "time=16:05:40 devid=\"fgt-1\"", "eventtime= devid=\"fgt-1\""] {
        let said = told(&format!("<189>Mar  4 16:05:39 relay {}", CLOSE.replacen(own, without, 1)));
        assert!(said.starts_with("fgt-1 2024-03-04T16:05:39Z~1s whole "), "{said}");
    }
}

#[test]
fn what_is_damaged_says_why() {
    let reader = || Dialect::FortiGate.reader(clock());
    for (from, to, why) in [
        (CLOSE, "nothing at all", "no type"),
        ("type=\"traffic\"", "", "no type"),
        (
            "date=2024-03-04 time=16:05:38 devname=\"fgt-1\" devid=\"FG100F0000000001\" eventtime=1709568338557329000",
            "",
            "neither eventtime nor date and time, nor a stamp in the header",
        ),
        (
            "date=2024-03-04 time=16:05:38 devname=\"fgt-1\" devid=\"FG100F0000000001\" eventtime=1709568338557329000",
            "date=2024-02-30 time=16:05:38",
            "neither eventtime nor date and time",
        ),
        ("srcip=10.0.0.5", "srcip=jane", "srcip and srcport are no address and port"),
        ("dstport=25", "dstport=250000", "dstip and dstport are no address and port"),
        ("sessionid=135480 ", "", "sessionid is no number"),
        ("proto=6 ", "proto=tcp ", "proto is no number"),
        ("action=\"close\"", "", "no action"),
        ("duration=22", "duration=soon", "duration is no number"),
        ("duration=22", "duration=99999999999", "duration is too long"),
    ] {
        assert_eq!(told_by(reader(), &CLOSE.replacen(from, to, 1)), why, "{to}");
    }
}
