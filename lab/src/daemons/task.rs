//! What the lab's own programs are told to do, and what they tell of it.
//!
//! A task is a file that the conductor writes and an actor reads; an event is a line that the actor writes when
//! something is over. Events hold the token that was in the payload: the truth is made of nothing else.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

/// What one actor does in its namespace.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tasks {
    pub(crate) seed: u64,
    pub(crate) servers: Vec<Server>,
    pub(crate) calls: Vec<Call>,
    pub(crate) programs: Vec<Program>,
}

/// Another program that is run once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Program {
    /// Milliseconds after the beginning.
    pub(crate) at: u64,
    pub(crate) words: Vec<String>,
    /// Milliseconds after which it is ended, if it has not.
    pub(crate) patience: u64,
    /// It does not end by itself.
    pub(crate) goes_on: bool,
}

/// Somebody who listens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Server {
    pub(crate) at: SocketAddr,
    pub(crate) service: Service,
}

/// What a server does with those who come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Service {
    /// Takes mail, or does not.
    Mail(MailManner),
    /// HTTP: `GET /TOKEN/BYTES` gives so many bytes.
    Web,
    /// Records that look like TLS, of the sizes that the client asks for.
    Opaque,
    /// Relays what comes, and hides that it does.
    Veiled(Veil),
    /// Answers every name of the form `a-198-18-0-1.lab.example` with the address in it.
    Names,
    /// HTTP, and calls another server for each request.
    App(App),
    /// Articles that quote mail.
    News,
}

/// What a web application calls another server for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum App {
    /// It asks an API what to show; the page is its own.
    Renders(SocketAddr),
    /// It asks an API for rows, and shows a table of as many.
    Lists(SocketAddr),
    /// It puts what it is sent into a store while the client waits.
    Passes(SocketAddr),
    /// It tells a chat, in its own words, that a hook came in.
    Tells(SocketAddr),
    /// It fetches the page that a visitor names, and shows its title and a small picture.
    Previews,
    /// It fetches the page that a visitor names, and shows its text in a frame of its own.
    Rewrites,
    /// It fetches the picture that a visitor names, and hands it on as it is.
    HandsOn,
    /// It takes files and says so; then it puts them into a store as they are.
    Stores(SocketAddr),
}

/// How a relay hides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Veil {
    /// Milliseconds that it waits at most before it calls.
    pub(crate) wait: u64,
    /// What is sent that nobody wants: at most so many per cent.
    pub(crate) padding: u64,
    /// One call becomes two.
    pub(crate) split: bool,
}

/// Where a mail server says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MailManner {
    /// It does not.
    Accept,
    /// It greets with 554.
    RefuseGreeting,
    /// 550 for every recipient.
    RefuseRecipients,
    /// 450 for every recipient.
    Defer,
    /// It takes the connection, and never greets.
    Silent,
    /// It resets the connection after `EHLO`.
    Reset,
}

/// Something that a client does, once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Call {
    /// Milliseconds after the beginning.
    pub(crate) at: u64,
    /// The client's address, where its machine has several.
    pub(crate) from: Option<IpAddr>,
    pub(crate) way: Way,
    pub(crate) to: SocketAddr,
    pub(crate) job: Job,
    /// Further servers: for which mail is that is handed to another one, from which a watcher fetches.
    pub(crate) domains: Vec<IpAddr>,
    /// What makes the payload this call's, on whatever leg it is seen.
    pub(crate) token: String,
    /// Milliseconds that the client waits for an answer.
    pub(crate) patience: u64,
    /// A file with the key by which the client is known, if it is.
    pub(crate) key: String,
}

/// How a client gets to where it wants to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Way {
    Direct,
    /// The proxy is told an address.
    Socks4(SocketAddr),
    /// The proxy is told a name.
    Socks4a(SocketAddr),
    /// The proxy is told an address.
    Socks5(SocketAddr),
    /// The proxy is told a name.
    Socks5Name(SocketAddr),
    /// The proxy is told an address, after a name and a password (RFC 1929).
    Socks5Password(SocketAddr),
    Connect(SocketAddr),
    /// With a name and a password.
    ConnectPassword(SocketAddr),
    /// `GET http://...`
    Absolute(SocketAddr),
    /// A web server asks another one, which the client knows nothing of.
    Fronted(SocketAddr),
    /// `ssh -J`, with the key of the call.
    Jump(SocketAddr),
    /// A relay that hides.
    Veiled(SocketAddr, Veil),
}

impl Way {
    /// Whom the client calls.
    pub(crate) fn first(self, to: SocketAddr) -> SocketAddr {
        match self {
            Self::Direct => to,
            Self::Socks4(proxy)
            | Self::Socks4a(proxy)
            | Self::Socks5(proxy)
            | Self::Socks5Name(proxy)
            | Self::Socks5Password(proxy)
            | Self::Connect(proxy)
            | Self::ConnectPassword(proxy)
            | Self::Absolute(proxy)
            | Self::Fronted(proxy)
            | Self::Jump(proxy)
            | Self::Veiled(proxy, _) => proxy,
        }
    }

    /// As `truth.json` calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Socks4(_) => "socks4",
            Self::Socks4a(_) => "socks4a",
            Self::Socks5(_) => "socks5",
            Self::Socks5Name(_) => "socks5-name",
            Self::Socks5Password(_) => "socks5-password",
            Self::Connect(_) => "http-connect",
            Self::ConnectPassword(_) => "http-connect-password",
            Self::Absolute(_) => "http-proxy",
            Self::Fronted(_) => "reverse-proxy",
            Self::Jump(_) => "ssh-jump",
            Self::Veiled(..) => "veiled",
        }
    }
}

/// Whom proxies know that want a password; and the same as HTTP says it (RFC 7617).
pub(crate) const NAME_AND_PASSWORD: (&str, &str) = ("mallory", "sesame");
pub(crate) const BASIC: &str = "bWFsbG9yeTpzZXNhbWU=";

/// What a client does when it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Job {
    /// Sends messages of about `bytes` each, to so many recipients.
    Mail { messages: u32, bytes: u32, recipients: u32 },
    /// Asks for pages on one connection, `pause` milliseconds apart.
    Web { pages: u32, bytes: u32, pause: u64 },
    /// Records that look like TLS: sends `up` and is answered with `down`, `rounds` times, `pause` milliseconds apart.
    Opaque { rounds: u32, up: u32, down: u32, pause: u64 },
    /// One request of a web application: `sends` bytes, for a page of `gets`; about the page of somebody else.
    Ask { sends: u32, gets: u32, about: Option<SocketAddr> },
    /// Waits, in what looks like TLS, for what the server sends by itself: `pushes` of about `down` bytes, about `pause`
    /// milliseconds apart. Because of each it fetches `parts` things from the call's further servers, at port 80, one after
    /// the other, and then says about `up` bytes.
    Watch { pushes: u32, down: u32, pause: u64, up: u32, parts: u32 },
    /// Looks names up over TCP, `pause` milliseconds apart.
    LookUp { names: u32, pause: u64 },
    /// Reads articles.
    News { articles: u32 },
    /// Opens and closes.
    Knock,
}

impl Job {
    /// What is left of it where so many share it.
    pub(crate) fn part(self, many: u32) -> Self {
        match self {
            Self::Mail { messages, bytes, recipients } => {
                Self::Mail { messages: messages.div_ceil(many), bytes, recipients }
            }
            Self::Web { pages, bytes, pause } => Self::Web { pages: pages.div_ceil(many), bytes: bytes / many, pause },
            Self::Opaque { rounds, up, down, pause } => {
                Self::Opaque { rounds: rounds.div_ceil(many), up: up / many, down: down / many, pause }
            }
            whole => whole,
        }
    }

    /// As `truth.json` calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Mail { .. } => "smtp",
            Self::Web { .. } => "http",
            Self::Opaque { .. } => "opaque",
            Self::Ask { .. } => "ask",
            Self::Watch { .. } => "watch",
            Self::LookUp { .. } => "dns",
            Self::News { .. } => "nntp",
            Self::Knock => "knock",
        }
    }
}

/// Who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Side {
    /// Who called.
    Client,
    /// Who was called.
    Server,
    /// Nobody: it was in what was recorded between two hosts of ours.
    Wire,
}

/// What an actor saw of a connection.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) side: Side,
    /// Microseconds since 1970.
    pub(crate) at: u64,
    pub(crate) token: String,
    /// Who opened the connection.
    pub(crate) src: SocketAddr,
    pub(crate) dst: SocketAddr,
    /// How it went, where it is over.
    pub(crate) outcome: String,
    /// Messages of mail that the server took.
    pub(crate) accepted: u32,
}
