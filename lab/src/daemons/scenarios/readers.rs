//! Who fetches mail and news that quote a dialogue of mail.

use std::io;

use super::{Part, browsers};
use crate::daemons::net::Host;
use crate::daemons::stage::Stage;
use crate::daemons::task::{Job, Service};

const DOVECOT: &[(&str, &str)] =
    &[("/usr/sbin/dovecot", "dovecot-imapd"), ("/usr/lib/dovecot/pop3", "dovecot-pop3d"), ("curl", "curl")];
pub(super) const MAIL: Part = Part { name: "mail-reader", programs: DOVECOT, set: mail };
pub(super) const NEWS: Part = Part { name: "news-reader", programs: &[], set: news };

/// By IMAP and by POP3, of an outside dovecot.
fn mail(stage: &mut Stage) -> io::Result<()> {
    let server = dovecot(stage)?;
    let (imap, pop) = (stage.host("imap-reader")?, stage.host("pop3-reader")?);
    for (host, url, does) in [
        (&imap, format!("imap://{}/INBOX;UID=1:*", server.v4), "fetches mail that quotes RCPT TO (IMAP)"),
        (&pop, format!("pop3://{}/[1-6]", server.v4), "fetches mail that quotes RCPT TO (POP3)"),
    ] {
        for number in 0..12 {
            let at = number * (stage.span - 6_000) / 12;
            stage.run(at, host, &["curl", "-s", "-m", "10", "-u", "user:secret", &url], 11_000);
        }
        browsers::browse(stage, host, 12);
        stage.innocent(host, &[does, "web browsing"]);
    }
    Ok(())
}

fn dovecot(stage: &mut Stage) -> io::Result<Host> {
    let far = stage.abroad("dovecot")?;
    let folder = stage.folder(&far)?;
    let inbox = format!("{folder}/mail/cur");
    stage.prepare(&format!("mkdir -p {inbox} {folder}/mail/new {folder}/mail/tmp {folder}/run"))?;
    for number in 0..6 {
        let lines = stage.rng.range(5, 400);
        let quoted: String = (0..lines)
            .map(|line| format!("> MAIL FROM:<a{line}@b.example>\r\n> RCPT TO:<user{line}@d.example>\r\n> 550 no\r\n"))
            .collect();
        let head = "From: MAILER-DAEMON@b.example\r\nTo: user@d.example\r\nSubject: Undelivered";
        let text = format!("{head}\r\nMessage-ID: <{number}@b.example>\r\n\r\n{quoted}");
        std::fs::write(format!("{inbox}/100000000{number}.M{number}P1.mx:2,S"), text)?;
    }
    let config = format!(
        "protocols = imap pop3\nlisten = {}\nbase_dir = {folder}/run\nstate_dir = {folder}/run\nlog_path = /dev/stderr\n\
         ssl = no\ndisable_plaintext_auth = no\nmail_location = maildir:{folder}/mail\n\
         first_valid_uid = 0\nmail_uid = nobody\nmail_gid = nogroup\n\
         passdb {{\n driver = static\n args = password=secret\n}}\n\
         userdb {{\n driver = static\n args = uid=nobody gid=nogroup home={folder}\n}}\n",
        far.v4
    );
    let config = stage.file(&far, "dovecot.conf", &config)?;
    stage.prepare(&format!("chown -R nobody:nogroup {folder}/mail"))?;
    stage.daemon(&far, &["/usr/sbin/dovecot", "-F", "-c", &config], Some(143))?;
    Ok(far)
}

/// By NNTP, of the lab's own server.
fn news(stage: &mut Stage) -> io::Result<()> {
    let (host, far) = (stage.host("news-reader")?, stage.server(119, Service::News));
    for _ in 0..15 {
        let (at, articles) = (stage.moment(), stage.rng.range(1, 9) as u32);
        stage.own(at, &host, far, Job::News { articles });
    }
    browsers::browse(stage, &host, 12);
    stage.innocent(&host, &["reads news that quotes RCPT TO (NNTP)", "web browsing"]);
    Ok(())
}
