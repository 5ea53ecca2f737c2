//! When what was said on a service's legs is enough to accuse: no statistics, and no trust in a single digest.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::config::Network;
use crate::content::{Request, Thing};
use crate::service::{Conviction, Key};

/// So many sessions, on connections of their own, must have been carried on.
const LEAST: usize = 2;
/// So many, to servers in networks of their own, where it is not known that they are the ones that were named.
const LEAST_APART: usize = 4;
/// Sessions that are remembered until then.
const REMEMBERED: usize = 64;

/// Sessions of one service that were seen to be carried on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Proofs {
    tunnels: BTreeSet<Key>,
    requests: BTreeSet<(Key, Request)>,
    messages: BTreeSet<(Key, u64)>,
    /// Whether the clients chose the target: by SOCKS, CONNECT or a request in absolute form.
    pub chosen: bool,
    /// Whether that is only presumed, for it was not seen whose the servers are.
    pub presumed: bool,
    /// When it was enough, and how many inbound legs with payload were known by then, those that prove it among them.
    pub conviction: Option<Conviction>,
}

impl Proofs {
    /// Takes a session of a service that `serves_pages`, or does not. `conviction` says the moment, and how many sessions with
    /// payload had ended by then; `is_known`, whether one is among them.
    pub(crate) fn take(
        &mut self,
        (inbound, thing): (Key, Thing),
        serves_pages: bool,
        conviction: Conviction,
        is_known: impl Fn(&Key) -> bool,
    ) {
        if self.conviction.is_some() || self.len() >= REMEMBERED {
            return;
        }
        match thing {
            Thing::Tunnel => _ = self.tunnels.insert(inbound),
            Thing::Request(request) => _ = self.requests.insert((inbound, request)),
            Thing::Message(message) => _ = self.messages.insert((inbound, message)),
        }
        let known = self.tunnels.len() >= LEAST || self.requests_of(|request| request.met, LEAST, 0);
        let presumed = !serves_pages && self.requests_of(|_| true, LEAST_APART, LEAST_APART);
        self.chosen = known || presumed;
        self.presumed = !known;
        if self.chosen || self.messages_differ() {
            let open = self.sessions().into_iter().filter(|key| !is_known(key)).count() as u64;
            self.conviction = Some(Conviction { sessions: conviction.sessions + open, ..conviction });
        }
    }

    fn len(&self) -> usize {
        self.tunnels.len() + self.requests.len() + self.messages.len()
    }

    /// A web application that is asked in absolute form may well fetch something for itself; not from one server and then
    /// another, each just when it is named. And a server that hands every request on to its own few servers behind it hands
    /// on those that name somebody else, too: where no look-up tells whose a server is, they have to lie far apart, and the
    /// service must not be a web server's that is scanned.
    fn requests_of(&self, of: impl Fn(&Request) -> bool, least: usize, apart: usize) -> bool {
        let requests = || self.requests.iter().filter(|(_, request)| of(request));
        let sessions: BTreeSet<Key> = requests().map(|&(key, _)| key).collect();
        let differing: BTreeSet<u64> = requests().map(|(_, request)| request.digest).collect();
        let hosts: BTreeSet<u64> = requests().map(|(_, request)| request.host).collect();
        let networks: BTreeSet<Option<Network>> =
            requests().map(|(_, request)| Network::around(request.server, 24, 48)).collect();
        sessions.len().min(differing.len()).min(hosts.len()) >= least && networks.len() >= apart
    }

    fn messages_differ(&self) -> bool {
        let sessions: BTreeSet<Key> = self.messages.iter().map(|&(key, _)| key).collect();
        let messages: BTreeSet<u64> = self.messages.iter().map(|&(_, message)| message).collect();
        sessions.len() >= LEAST && messages.len() >= LEAST
    }

    fn sessions(&self) -> BTreeSet<Key> {
        let requests = self.requests.iter().map(|&(key, _)| key);
        self.tunnels.iter().copied().chain(requests).chain(self.messages.iter().map(|&(key, _)| key)).collect()
    }
}
