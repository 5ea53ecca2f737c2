//! The priorities of the classes that rules are given.

/// Priority of a class, as the classification that Snort and Suricata come with has it.
pub(super) fn priority(classtype: &str) -> Option<u8> {
    Some(match classtype {
        "attempted-user"
        | "unsuccessful-user"
        | "successful-user"
        | "attempted-admin"
        | "successful-admin"
        | "shellcode-detect"
        | "trojan-activity"
        | "web-application-attack"
        | "inappropriate-content"
        | "policy-violation"
        | "file-format"
        | "malware-cnc"
        | "client-side-exploit"
        | "command-and-control"
        | "domain-c2"
        | "exploit-kit"
        | "credential-theft"
        | "targeted-activity"
        | "social-engineering"
        | "rpc-portmap-decode-attack"
        | "kickass-porn" => 1,
        "bad-unknown"
        | "attempted-recon"
        | "successful-recon-limited"
        | "successful-recon-largescale"
        | "attempted-dos"
        | "successful-dos"
        | "rpc-portmap-decode"
        | "suspicious-filename-detect"
        | "suspicious-login"
        | "system-call-detect"
        | "unusual-client-port-connection"
        | "denial-of-service"
        | "non-standard-protocol"
        | "web-application-activity"
        | "misc-attack"
        | "default-login-attempt"
        | "sdf"
        | "external-ip-check"
        | "pup-activity"
        | "coin-mining" => 2,
        "tcp-connection" => 4,
        "not-suspicious"
        | "unknown"
        | "string-detect"
        | "network-scan"
        | "protocol-command-decode"
        | "misc-activity"
        | "icmp-event" => 3,
        _ => return None,
    })
}
