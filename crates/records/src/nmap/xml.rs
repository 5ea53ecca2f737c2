//! `-oX`, of nmap from 3.75 on.

use std::io::BufRead;
use std::mem;

use super::markup::{Next, Tag, Tags};
use super::{Host, MANY, OUTPUT, Port, Said, Scan, TEXT, cut, parse_epoch};
use crate::{Place, Unparsed};

/// What an unparsed tag was taken for.
const KIND: &str = "nmap-xml";

pub(super) fn read(input: impl BufRead, file: u32, said: &mut impl FnMut(Said)) -> Scan {
    let mut tags = Tags::new(input);
    let mut document = Document { file, scan: Scan::default(), host: None, port: None, said };
    loop {
        match tags.next() {
            Next::Tag(tag) => document.tag(tag),
            Next::Broken(line, why) => document.unparsed(line, why),
            Next::End { within } => {
                document.scan.complete &= !within;
                // Cut off before its address, it is nothing that the cut does not say.
                if document.host.as_ref().is_some_and(|(_, host)| !host.addresses.is_empty()) {
                    document.give();
                }
                return document.scan;
            }
        }
    }
}

/// How far the reading has come.
struct Document<'a, F> {
    file: u32,
    scan: Scan,
    host: Option<(u64, Host)>,
    port: Option<Asked>,
    said: &'a mut F,
}

/// A TCP port that was asked.
struct Asked {
    number: u16,
    open: bool,
    port: Port,
}

impl<F: FnMut(Said)> Document<'_, F> {
    fn tag(&mut self, tag: Tag<'_>) {
        if tag.opens {
            self.opens(tag);
        }
        if tag.closes {
            self.closes(tag.name);
        }
    }

    fn opens(&mut self, tag: Tag<'_>) {
        match tag.name {
            // One file after the other in one stream is a scan, too: that of the last decides whether it is whole.
            b"nmaprun" => {
                self.scan.complete = false;
                let started = self.value(tag, "start").and_then(|text| parse_epoch(&text));
                self.scan.started = self.scan.started.into_iter().chain(started).min();
            }
            b"finished" => {
                let finished = self.value(tag, "time").and_then(|text| parse_epoch(&text));
                self.scan.finished = self.scan.finished.into_iter().chain(finished).max();
            }
            b"host" => {
                self.give();
                let at = ["endtime", "starttime"].into_iter().find_map(|name| self.value(tag, name));
                let at = at.and_then(|text| parse_epoch(&text));
                self.host = Some((tag.line, Host { at, ..Host::default() }));
            }
            b"address" => self.address(tag),
            b"hostname" => {
                let name = self.text(tag, "name");
                if let Some((_, host)) = self.host.as_mut().filter(|(_, host)| host.names.len() < MANY)
                    && !name.is_empty()
                {
                    host.names.push(name);
                }
            }
            b"port" => self.port(tag),
            b"state" => {
                let open = self.value(tag, "state").is_some_and(|state| state == "open");
                if let Some(asked) = &mut self.port {
                    asked.open = open;
                }
            }
            b"service" => self.service(tag),
            b"script" => self.script(tag),
            _ => {}
        }
    }

    fn closes(&mut self, name: &[u8]) {
        match name {
            b"port" => self.give_port(),
            b"host" => self.give(),
            b"nmaprun" => self.scan.complete = true,
            _ => {}
        }
    }

    fn address(&mut self, tag: Tag<'_>) {
        if self.host.is_none() {
            return;
        }
        let Some(text) = self.value(tag, "addr") else { return };
        if self.value(tag, "addrtype").is_some_and(|kind| kind == "mac") {
            let mac = cut(&text, TEXT);
            self.host.iter_mut().for_each(|(_, host)| host.mac = Some(mac.clone()));
            return;
        }
        match text.parse() {
            Err(_) => self.unparsed(tag.line, "an address that is none"),
            Ok(address) => {
                if let Some((_, host)) = self.host.as_mut().filter(|(_, host)| host.addresses.len() < MANY) {
                    host.addresses.push(address);
                }
            }
        }
    }

    fn port(&mut self, tag: Tag<'_>) {
        self.give_port();
        if self.host.is_none() || self.value(tag, "protocol").is_none_or(|protocol| protocol != "tcp") {
            return;
        }
        match self.value(tag, "portid").and_then(|text| text.parse().ok()) {
            Some(number) => self.port = Some(Asked { number, open: false, port: Port::default() }),
            None => self.unparsed(tag.line, "a port without its number"),
        }
    }

    fn service(&mut self, tag: Tag<'_>) {
        if self.port.is_none() {
            return;
        }
        // By the table, a name says the port's number again and nothing more.
        let probed = self.value(tag, "method").is_some_and(|method| method == "probed");
        let name = self.text(tag, "name");
        let parts = ["product", "version", "extrainfo"].map(|part| self.text(tag, part));
        if let Some(asked) = &mut self.port {
            asked.port.service = if probed { name } else { String::new() };
            asked.port.product(&parts.each_ref().map(String::as_str));
        }
    }

    fn script(&mut self, tag: Tag<'_>) {
        if self.port.is_none() {
            return;
        }
        let id = self.text(tag, "id");
        let output = self.value(tag, "output").map_or_else(String::new, |text| cut(&text, OUTPUT));
        if let Some(asked) = self.port.as_mut().filter(|asked| asked.port.scripts.len() < MANY) {
            asked.port.scripts.push((id, output));
        }
    }

    /// An attribute.
    fn value(&mut self, tag: Tag<'_>, name: &str) -> Option<String> {
        let value = tag.attribute(name)?;
        if value.foreign {
            self.unparsed(tag.line, "a reference to an entity of the file's own, which is not expanded");
        }
        Some(value.text)
    }

    fn text(&mut self, tag: Tag<'_>, name: &str) -> String {
        self.value(tag, name).map_or_else(String::new, |text| cut(&text, TEXT))
    }

    fn give_port(&mut self) {
        if let (Some(Asked { number, open: true, port }), Some((_, host))) = (self.port.take(), &mut self.host) {
            host.open.insert(number, port);
        }
    }

    fn give(&mut self) {
        self.give_port();
        match mem::take(&mut self.host) {
            Some((line, host)) if host.addresses.is_empty() => self.unparsed(line, "a host without an address"),
            Some((_, host)) => (self.said)(Said::Host(host)),
            None => {}
        }
    }

    fn unparsed(&mut self, line: u64, why: &'static str) {
        (self.said)(Said::Unparsed(Unparsed { place: Place { file: self.file, line }, kind: KIND, why }));
    }
}
