//! SMTP: who sends what to whom, and what the server took.
//!
//! <https://www.rfc-editor.org/rfc/rfc5321>, with pipelining (2920), chunking (3030), STARTTLS (3207) and LMTP (2033).
//! Commands wait for their replies in a queue, so that it does not matter how many were sent before the first came.

use std::collections::VecDeque;

use catspaw_records::{Digest, Side, Target, Transaction, Utterance};

use super::http::number;
use super::letter::{Letter, LineEnd, Lines, Piece, Sealed};
use super::socks::named;

/// So much of a line is read.
const LINE: usize = 2048;
/// Commands that wait for their replies.
const WAITING: usize = 512;
/// What the client sends after `DATA` waits for the server's answer up to so many bytes; then it is taken for the message.
const UNDECIDED: usize = 16 << 10;

/// A command that waits for its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    /// HELO, EHLO, LHLO or RSET: what was begun is off.
    Anew,
    Mail(Option<Digest>),
    /// The address, and the domain in it.
    Recipient(Digest, Option<Target>),
    Data,
    /// The end of the message, or a recipient's share of it.
    Dot(Sealed),
    /// A chunk, and the message where it was the last.
    Chunk(Option<Sealed>),
    StartTls,
    Quit,
    Other,
}

/// What the client's next bytes are.
#[derive(Debug, PartialEq, Eq)]
enum Sending {
    Commands,
    /// After `DATA`: the message or more commands, as the server's answer has it.
    Undecided(Vec<u8>),
    Message,
    /// So many bytes of a chunk, and whether it is the last.
    Chunk(u64, bool),
}

/// A dialogue.
pub(super) struct Smtp {
    sending: Sending,
    client: Lines,
    line: Vec<u8>,
    server: Lines,
    reply: Vec<u8>,
    waiting: VecDeque<Command>,
    greeted: bool,
    /// LMTP: every recipient's share of a message is answered apart.
    local: bool,
    /// The client's next line answers a challenge.
    challenged: bool,
    transaction: Option<Transaction>,
    letter: Letter,
    text: Lines,
    dots: Dots,
    /// Replies for the message that are still to come, and whether one of them took it.
    shares: u32,
    taken: bool,
    /// Nothing more can be seen.
    pub(super) is_over: bool,
}

/// Where in the message's lines we are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Dots {
    /// The line began with a dot, which is not of the message, and so far that was all.
    alone: bool,
    /// The line before ended by LF alone, and so this one's dot is none.
    loose: bool,
    /// The last line was a dot between line ends of which one was LF alone: some servers take that for the end.
    loose_end: bool,
}

impl Smtp {
    pub(super) fn new() -> Self {
        Self {
            sending: Sending::Commands,
            client: Lines::default(),
            line: Vec::new(),
            server: Lines::default(),
            reply: Vec::new(),
            waiting: VecDeque::new(),
            greeted: false,
            local: false,
            challenged: false,
            transaction: None,
            letter: Letter::new(),
            text: Lines::default(),
            dots: Dots::default(),
            shares: 0,
            taken: false,
            is_over: false,
        }
    }

    pub(super) fn data(&mut self, from: Side, bytes: &[u8], say: &mut dyn FnMut(Utterance)) {
        match from {
            Side::Orig => self.client_says(bytes, say),
            Side::Resp => self.server_says(bytes, say),
        }
    }

    /// Bytes are missing. Replies that belong to nothing known any more are passed over; the message has no digest.
    pub(super) fn gap(&mut self, from: Side, say: &mut dyn FnMut(Utterance)) {
        self.waiting.retain(|command| matches!(command, Command::Dot(_) | Command::Chunk(_)));
        self.decide(true, say);
        match from {
            Side::Orig => {
                self.letter.is_broken = true;
                (self.client, self.text) = Default::default();
                self.line.clear();
                if let Sending::Chunk(..) = self.sending {
                    self.sending = Sending::Commands;
                }
            }
            Side::Resp => {
                self.server = Lines::default();
                self.reply.clear();
                self.greeted = true;
            }
        }
    }

    /// The connection is over.
    pub(super) fn end(&mut self, say: &mut dyn FnMut(Utterance)) {
        self.give_up(say);
        self.is_over = true;
    }

    fn client_says(&mut self, mut bytes: &[u8], say: &mut dyn FnMut(Utterance)) {
        while !bytes.is_empty() && !self.is_over {
            bytes = match &mut self.sending {
                // What is held is shorter, and so may only be held again by `decide`: a packet of many `DATA` does not
                // lead deeper and deeper.
                Sending::Undecided(held) if held.len() + bytes.len() > UNDECIDED => {
                    self.decide(true, say);
                    bytes
                }
                Sending::Undecided(held) => {
                    held.extend_from_slice(bytes);
                    &[]
                }
                Sending::Message => self.message(bytes),
                &mut Sending::Chunk(left, last) => self.chunk((left, last), bytes),
                Sending::Commands => {
                    let (piece, ends, rest) = self.client.next(bytes);
                    collect(&mut self.line, piece);
                    if ends.is_some() {
                        let line = std::mem::take(&mut self.line);
                        self.command(&line);
                    }
                    rest
                }
            };
        }
    }

    fn command(&mut self, line: &[u8]) {
        let command = if std::mem::take(&mut self.challenged) { Command::Other } else { self.parse(line) };
        match command {
            Command::Data => self.sending = Sending::Undecided(Vec::new()),
            Command::Mail(_) => (self.letter, self.text) = (Letter::new(), Lines::default()),
            // Answered once its bytes have come.
            Command::Chunk(_) => return,
            _ => {}
        }
        self.wait_for(command);
    }

    fn wait_for(&mut self, command: Command) {
        if self.waiting.len() < WAITING {
            self.waiting.push_back(command);
        } else {
            // Nobody pipelines so much; what the replies belong to is not known any more.
            self.waiting.clear();
            self.letter.is_broken = true;
        }
    }

    fn parse(&mut self, line: &[u8]) -> Command {
        let verb = line.split(|byte| matches!(byte, b' ' | b'\t' | b':')).next().unwrap_or_default();
        let argument = line.get(verb.len()..).unwrap_or_default().trim_ascii();
        match verb.to_ascii_uppercase().as_slice() {
            b"LHLO" => {
                self.local = true;
                Command::Anew
            }
            b"HELO" | b"EHLO" | b"RSET" => Command::Anew,
            b"MAIL" => Command::Mail(mailbox(argument).map(|mailbox| Digest::of(&mailbox))),
            b"RCPT" => {
                let mailbox = mailbox(argument);
                let digest = mailbox.as_deref().map_or(Digest(0), Digest::of);
                Command::Recipient(digest, mailbox.as_deref().and_then(domain))
            }
            b"DATA" => Command::Data,
            b"BDAT" => {
                let mut words = argument.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
                let size = words.next().and_then(number);
                let Some(size) = size else { return Command::Other };
                self.chunk((size, words.next().is_some_and(|last| last.eq_ignore_ascii_case(b"LAST"))), &[]);
                Command::Chunk(None)
            }
            b"STARTTLS" => Command::StartTls,
            b"QUIT" => Command::Quit,
            _ => Command::Other,
        }
    }

    /// Takes a piece of a line of the message; dots that stand for themselves are doubled in it.
    fn message<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (mut piece, ends, rest) = self.text.next(bytes);
        let mut continues = false;
        if piece.begins {
            self.dots.alone = false;
            if let Some(rest) = piece.bytes.strip_prefix(b".") {
                self.dots.alone = true;
                piece.bytes = rest;
            }
        } else {
            continues = self.dots.alone;
        }
        let dot_line = self.dots.alone && piece.bytes.is_empty();
        if !piece.bytes.is_empty() {
            self.dots.alone = false;
        }
        if !dot_line {
            // What follows a dot begins the line as far as the message goes.
            self.letter.piece(Piece { begins: piece.begins || continues, ..piece });
        }
        if let Some(how) = ends {
            let strict = how == LineEnd::CrLf && !self.dots.loose;
            self.dots = Dots { alone: false, loose: how == LineEnd::Lf, loose_end: dot_line && !strict };
            if dot_line && strict {
                self.message_sent();
            } else if dot_line {
                self.letter.piece(Piece { bytes: &[], begins: true, ends: true });
            }
        } else if !piece.bytes.is_empty() || dot_line {
            self.dots.loose_end = false;
        }
        rest
    }

    /// The message is complete, and answered once, or once for every recipient.
    fn message_sent(&mut self) {
        self.sending = Sending::Commands;
        self.dots = Dots::default();
        let sealed = self.letter.seal();
        let accepted = self.transaction.map_or(1, |transaction| transaction.accepted.max(1));
        self.shares = if self.local { accepted.min(WAITING as u32 / 2) } else { 1 };
        self.taken = false;
        for _ in 0..self.shares {
            self.wait_for(Command::Dot(sealed));
        }
    }

    /// Takes bytes of a chunk.
    fn chunk<'a>(&mut self, (left, last): (u64, bool), bytes: &'a [u8]) -> &'a [u8] {
        let here = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let (mut content, rest) = bytes.split_at(here);
        while !content.is_empty() {
            let (piece, _, more) = self.text.next(content);
            self.letter.piece(piece);
            content = more;
        }
        let left = left - here as u64;
        self.sending = Sending::Chunk(left, last);
        if left == 0 {
            self.sending = Sending::Commands;
            let sealed = last.then(|| self.letter.seal());
            self.wait_for(Command::Chunk(sealed));
        }
        rest
    }

    fn server_says(&mut self, mut bytes: &[u8], say: &mut dyn FnMut(Utterance)) {
        while !bytes.is_empty() && !self.is_over {
            let (piece, ends, rest) = self.server.next(bytes);
            collect(&mut self.reply, piece);
            if ends.is_some() {
                let line = std::mem::take(&mut self.reply);
                if let Some(code) = final_code(&line) {
                    self.replied(code, say);
                }
            }
            bytes = rest;
        }
    }

    fn replied(&mut self, code: u16, say: &mut dyn FnMut(Utterance)) {
        if !std::mem::replace(&mut self.greeted, true) {
            return;
        }
        if self.waiting.is_empty() && self.sending == Sending::Message {
            // The message was answered before its end, or its end was none to us.
            let ended = self.dots.loose_end;
            self.message_sent();
            if !ended {
                self.sending = Sending::Message;
                self.waiting.clear();
                return self.give_up(say);
            }
        }
        let took = (200..300).contains(&code);
        self.challenged = code == 334;
        match self.waiting.pop_front() {
            Some(Command::Mail(sender)) if took || self.transaction.is_none() => {
                self.give_up(say);
                self.transaction = Some(Transaction { sender, ..Transaction::default() });
                if !took {
                    self.conclude(false, Sealed::default(), say);
                }
            }
            Some(Command::Recipient(to, domain)) => {
                if let Some(transaction) = &mut self.transaction {
                    domain.filter(|_| took).into_iter().for_each(|domain| say(Utterance::Recipient(domain)));
                    transaction.recipients ^= to.0;
                    let count = if took { &mut transaction.accepted } else { &mut transaction.refused };
                    *count = count.saturating_add(1);
                }
            }
            Some(Command::Data) => self.decide(code == 354, say),
            Some(Command::Dot(sealed)) => {
                self.taken |= took;
                self.shares = self.shares.saturating_sub(1);
                if self.shares == 0 {
                    self.conclude(self.taken, sealed, say);
                }
            }
            Some(Command::Chunk(Some(sealed))) => self.conclude(took, sealed, say),
            Some(Command::Chunk(None)) if !took => self.give_up(say),
            Some(Command::StartTls) if took => {
                self.give_up(say);
                self.is_over = true;
                say(Utterance::Encrypts { name: None });
            }
            Some(Command::Anew | Command::Quit) if took => self.give_up(say),
            _ => {}
        }
    }

    /// The server has answered `DATA`.
    fn decide(&mut self, goes_on: bool, say: &mut dyn FnMut(Utterance)) {
        if !matches!(self.sending, Sending::Undecided(_)) {
            return;
        }
        self.client = Lines::default();
        let next = if goes_on { Sending::Message } else { Sending::Commands };
        if let Sending::Undecided(held) = std::mem::replace(&mut self.sending, next) {
            self.client_says(&held, say);
        }
    }

    /// The transaction is over without the server's word on the message.
    fn give_up(&mut self, say: &mut dyn FnMut(Utterance)) {
        let sealed = if self.transaction.is_some() { self.letter.seal_unfinished() } else { Sealed::default() };
        self.conclude(false, sealed, say);
    }

    /// The transaction is over.
    fn conclude(&mut self, delivered: bool, sealed: Sealed, say: &mut dyn FnMut(Utterance)) {
        if let Some(transaction) = self.transaction.take() {
            let Sealed { message_id, body } = sealed;
            say(Utterance::Mails(Transaction { delivered, message_id, body, ..transaction }));
        }
    }
}

/// Adds a piece to a line, as far as it is read.
fn collect(line: &mut Vec<u8>, piece: Piece<'_>) {
    let room = LINE.saturating_sub(line.len());
    line.extend_from_slice(piece.bytes.get(..room).unwrap_or(piece.bytes));
}

/// The code of a reply's last line; `None` of any other line.
fn final_code(line: &[u8]) -> Option<u16> {
    let (code, rest) = line.split_at_checked(3)?;
    let is_code = code.iter().all(u8::is_ascii_digit) && (b'2'..=b'5').contains(&code[0]);
    let last = !matches!(rest.first(), Some(b'-'));
    (is_code && last).then(|| code.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0')))
}

/// The address in `FROM:<a@b> SIZE=1`, in lower case and without a source route.
fn mailbox(argument: &[u8]) -> Option<Vec<u8>> {
    let after = memchr::memchr(b':', argument).map_or(argument, |colon| &argument[colon + 1..]).trim_ascii();
    let address = match after.strip_prefix(b"<") {
        Some(path) => path.split(|&byte| byte == b'>').next(),
        None => after.split(u8::is_ascii_whitespace).next(),
    }?;
    let mailbox = match address.first() {
        Some(b'@') => memchr::memchr(b':', address).map_or(address, |colon| &address[colon + 1..]),
        _ => address,
    };
    Some(mailbox.to_ascii_lowercase())
}

/// What follows the `@`: a name, or an address in brackets (RFC 5321, 4.1.3).
fn domain(mailbox: &[u8]) -> Option<Target> {
    let at = memchr::memrchr(b'@', mailbox)?;
    let domain = mailbox.get(at + 1..).filter(|domain| !domain.is_empty())?;
    Some(match domain.strip_prefix(b"[ipv6:").and_then(|address| address.strip_suffix(b"]")) {
        Some(address) => named(address),
        None => named(domain),
    })
}
