//! What was said on a connection whose packets were read: only what tells a relay, or tells it apart.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::{Endpoint, Inside, Nanos, Proto, RecordId, Side};

/// An application protocol, recognised by what was said and not by the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AppProto {
    /// SOCKS version 4.
    Socks4,
    /// SOCKS version 4 with names.
    Socks4a,
    /// SOCKS version 5.
    Socks5,
    /// An HTTP proxy that was asked to connect on.
    HttpConnect,
    /// An HTTP proxy that was asked by absolute form.
    HttpProxy,
    /// HTTP, origin form.
    Http,
    /// SMTP.
    Smtp,
    /// POP3.
    Pop3,
    /// IMAP.
    Imap,
    /// NNTP.
    Nntp,
    /// TLS.
    Tls,
    /// SSH.
    Ssh,
    /// DNS.
    Dns,
    /// The control connection of FTP.
    Ftp,
    /// IRC.
    Irc,
    /// Remote desktop.
    Rdp,
}

impl AppProto {
    /// Its name in reports (`services`) and in the connections' `service`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Socks4 => "socks4",
            Self::Socks4a => "socks4a",
            Self::Socks5 => "socks5",
            Self::HttpConnect => "http-connect",
            Self::HttpProxy => "http-proxy",
            Self::Http => "http",
            Self::Smtp => "smtp",
            Self::Pop3 => "pop3",
            Self::Imap => "imap",
            Self::Nntp => "nntp",
            Self::Tls => "tls",
            Self::Ssh => "ssh",
            Self::Dns => "dns",
            Self::Ftp => "ftp",
            Self::Irc => "irc",
            Self::Rdp => "rdp",
        }
    }

    /// Whether its client says whom to be connected with: what is passed on afterwards is somebody else's.
    #[must_use]
    pub fn connects_on(self) -> bool {
        matches!(self, Self::Socks4 | Self::Socks4a | Self::Socks5 | Self::HttpConnect)
    }
}

/// A hash of text that two connections may have in common: a name, a path, a message. The same in every run; what
/// convicts never rests on one alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digest(pub u64);

impl Digest {
    /// Of bytes as they are.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(xxh3_64(bytes))
    }

    /// Of a host's name, whatever its case and without a final dot.
    #[must_use]
    pub fn of_name(name: &[u8]) -> Self {
        let name = name.strip_suffix(b".").unwrap_or(name);
        Self(xxh3_64(&name.to_ascii_lowercase()))
    }
}

/// Whom a client asked to be connected with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Target {
    /// By address.
    Addr(IpAddr),
    /// By name ([`Digest::of_name`]).
    Name(Digest),
}

/// A mail transaction: from `MAIL` to the answer that ended it (or the end of the connection).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// Recipients that the server took.
    pub accepted: u32,
    /// Recipients that it refused.
    pub refused: u32,
    /// Whether it took the message (250 after the final dot, or after the last chunk).
    pub delivered: bool,
    /// Digest of the sender's address in lower case.
    pub sender: Option<Digest>,
    /// The recipients' addresses in lower case, each digested, exclusive-or'd, and so whatever their order.
    pub recipients: u64,
    /// Digest of the value of `Message-ID`.
    pub message_id: Option<Digest>,
    /// Digest of the body: what follows the first empty line, without the blank lines at its end.
    pub body: Option<Digest>,
}

/// What was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Utterance {
    /// The protocol is known now; what follows refines it (HTTP that turns out to be a proxy's). The tracker passes this on
    /// only of protocols whose clients say whom to be connected with.
    Speaks(AppProto),
    /// The client asks to be connected with somebody (SOCKS, CONNECT).
    Asks {
        /// In which protocol.
        protocol: AppProto,
        /// With whom.
        target: Target,
        /// At which port.
        port: u16,
    },
    /// The proxy's answer to that.
    Granted(bool),
    /// The beginning of what is carried: after the handshake of a protocol that connects on, else from the first
    /// byte. Said of each direction once 16 bytes have come, and again at 256, or at the end with what there was
    /// by then (not where that is 16 again).
    Carries {
        /// Who sent it.
        from: Side,
        /// How many bytes are digested.
        len: u16,
        /// Of those bytes.
        digest: Digest,
    },
    /// One HTTP request: what it asks for, in whichever form (`method SP host:port SP path`, the port always
    /// there, the host in lower case).
    Fetches {
        /// Whether it was asked in absolute form, as a proxy is.
        absolute: bool,
        /// Of what it asks for.
        digest: Digest,
        /// The host.
        target: Target,
        /// The port.
        port: u16,
    },
    /// A mail server took a recipient: the domain (or the host, by its address) that the mail is for.
    Recipient(Target),
    /// A mail transaction is over.
    Mails(Transaction),
    /// The connection is encrypted from here on (TLS, STARTTLS, SSH): nothing more can be seen in it. `name` is what
    /// the client said it wants to talk to (SNI).
    Encrypts {
        /// The server's name as the client gave it.
        name: Option<Digest>,
    },
    /// Mail for a name was found to go to a host (DNS, `MX`).
    Exchanges {
        /// The name that was asked for.
        name: Digest,
        /// The host.
        host: Digest,
    },
    /// A name was looked up and found (DNS).
    Resolves {
        /// The name that was asked for.
        name: Digest,
        /// What it is an address of.
        addr: IpAddr,
    },
}

/// Something was said on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The witness's name of the connection, as in its [`crate::Opened`].
    pub id: RecordId,
    /// The transport.
    pub proto: Proto,
    /// Who opened it.
    pub orig: Endpoint,
    /// Whom it went to.
    pub resp: Endpoint,
    /// Which ends are ours by the record itself.
    pub inside: Inside,
    /// What was said.
    pub said: Utterance,
}

/// Payload went one way: a run of segments without a pause of a millisecond and without an answer.
///
/// Given of TCP connections from inside to outside: of what comes down each the first runs, and all of one that lives long.
/// What went up before such a run and was not told by itself is told with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Burst {
    /// The witness's name of the connection, as in its [`crate::Opened`].
    pub id: RecordId,
    /// Who opened it.
    pub orig: Endpoint,
    /// Whom it went to.
    pub resp: Endpoint,
    /// Which ends are ours by the record itself.
    pub inside: Inside,
    /// Who sent it.
    pub from: Side,
    /// How much payload, each byte once.
    pub bytes: u32,
    /// Its first segment.
    pub first: Nanos,
    /// Its last segment.
    pub last: Nanos,
    /// What it answers: the other side's payload since the run before it, where that was no run of its own.
    pub asked: Option<Asked>,
}

/// What a run of payload answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// How much payload, each byte once.
    pub bytes: u32,
    /// Its first segment.
    pub first: Nanos,
    /// Its last segment.
    pub last: Nanos,
}
