//! What relays use of OpenSSH: servers that let whoever has the key in, and clients that have it.

use std::io;
use std::net::SocketAddr;

use crate::daemons::net::Host;
use crate::daemons::process::run;
use crate::daemons::stage::Stage;

/// Debian's packages for it.
pub(super) const PROGRAMS: &[(&str, &str)] =
    &[("/usr/sbin/sshd", "openssh-server"), ("ssh", "openssh-client"), ("ssh-keygen", "openssh-client")];

/// Starts a server on `host`; says where the key is that it lets in.
pub(super) fn server(stage: &mut Stage, host: &Host, at: SocketAddr) -> io::Result<String> {
    let folder = stage.folder(host)?;
    let (own, key) = (format!("{folder}/host_key"), format!("{folder}/key"));
    for path in [&own, &key] {
        run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path])?;
    }
    let config = format!(
        "Port {}\nListenAddress {}\nHostKey {own}\nAuthorizedKeysFile {key}.pub\nPidFile none\nUsePAM no\nStrictModes no\n\
         PermitRootLogin yes\nPasswordAuthentication no\nGatewayPorts clientspecified\nMaxStartups 200\nUseDNS no\n\
         LogLevel ERROR\n",
        at.port(),
        at.ip()
    );
    let config = stage.file(host, "sshd_config", &config)?;
    // It separates privileges there, and does not begin without.
    std::fs::create_dir_all("/run/sshd")?;
    stage.daemon(host, &["/usr/sbin/sshd", "-D", "-e", "-f", &config], Some(at.port()))?;
    Ok(key)
}

/// A client's words, without what it is to do and the server's address.
pub(super) fn client<'a>(key: &'a str, port: &'a str) -> Vec<&'a str> {
    let mut words = vec!["ssh", "-F", "none", "-N", "-T", "-i", key, "-p", port];
    for option in
        ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "ExitOnForwardFailure=yes", "BatchMode=yes"]
    {
        words.extend(["-o", option]);
    }
    words
}
