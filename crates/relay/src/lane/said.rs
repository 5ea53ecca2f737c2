//! What was said on connections.

use catspaw_records::{Burst, Content, Nanos, Proto, Side, Utterance};

use super::held::Held;
use super::open::Name;
use super::{Context, Lane, Observation, SERVICES};
use crate::config::Config;
use crate::content::Shown;
use crate::leg::{Direction, Leg};
use crate::service::{Conviction, Key, Service};

impl Lane {
    /// Something was said on a connection. What comes from a client inside is no evidence of a relay between outsiders.
    pub(super) fn said(&mut self, ctx: &Context<'_>, seen: Observation<'_>, content: &Content) {
        if let Utterance::Resolves { name, addr } = content.said {
            if seen.side == Side::Orig {
                self.contents.make().resolved(name, addr);
            }
            return;
        }
        if let Utterance::Exchanges { name, host } = content.said {
            if seen.side == Side::Orig {
                self.contents.make().exchanges(name, host);
            }
            return;
        }
        let Some(open) = self.open.get(&Name(content.proto, content.id)).map(Held::open) else { return };
        let (direction, leg) = open.leg();
        let inbound = direction == Direction::Inbound;
        if open.late || seen.late || open.opened.proto != Proto::Tcp || (inbound && open.peer_inside) {
            return;
        }
        if !inbound && self.services.is_empty() && !self.says_without_service(&leg, &content.said) {
            return;
        }
        let full = self.services.len() >= SERVICES && !self.services.contains_key(&leg.own.port);
        if inbound && (full || self.serve(leg.own.port).is_none()) {
            return;
        }
        let wanted = self.services.values().any(|service| service.proofs[0].conviction.is_none());
        let leg = (direction, (leg.start.at, open.order), leg);
        for shown in self.contents.make().take(leg, &content.said, seen.record.known.at, wanted) {
            self.prove(ctx, shown, seen.key);
        }
        if let Some(service) = self.contents.make().handed_on.take().and_then(|port| self.services.get_mut(&port)) {
            service.hands_pages_on = true;
        }
    }

    /// Payload went one way on a connection.
    pub(super) fn burst(&mut self, config: &Config, seen: Observation<'_>, burst: &Burst) {
        if seen.side != Side::Orig {
            return;
        }
        let open = self.open.get(&Name(Proto::Tcp, burst.id)).map(Held::open);
        if let Some((_, leg)) = open.filter(|open| open.counts() && !seen.late).map(|open| open.leg()) {
            self.tunnels.burst(&leg, burst, seen.key, config.settle);
        }
    }

    /// Whether what an outbound leg said counts though nothing has come in that it could carry on: then only mail does, and
    /// that the host makes such requests by itself is kept in mind.
    fn says_without_service(&mut self, leg: &Leg, said: &Utterance) -> bool {
        self.contents.make().see(said);
        match said {
            Utterance::Mails(_) => true,
            Utterance::Encrypts { .. } => leg.smtp,
            Utterance::Fetches { digest, .. } => {
                self.contents.make().made_unasked(*digest, leg.peer.addr);
                false
            }
            _ => false,
        }
    }

    /// A session was seen to be carried on.
    fn prove(&mut self, ctx: &Context<'_>, shown: Shown, now: Nanos) {
        let (key, leg) = shown.inbound;
        let authorised = ctx.config.covers(leg.own, leg.peer.addr, shown.target);
        let Some(service) = self.services.get_mut(&leg.own.port) else { return };
        let serves_pages = service.serves_pages();
        let Service { legs, proofs, sessions, .. } = &mut **service;
        let conviction = Conviction { at: now, sessions: *sessions };
        let is_known = |key: &Key| legs.get(key).is_none_or(|leg| leg.end.is_some());
        proofs[usize::from(authorised)].take((key, shown.thing), serves_pages, conviction, is_known);
    }
}
