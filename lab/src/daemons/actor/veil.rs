//! A relay that hides, as no real daemon does: both sides are our own.
//!
//! One connection carries streams in frames that look like nothing: kind, stream, length, and so much payload, under a
//! noise that both sides can make. The relay waits before it calls; both sides pad what they send; and a client may do
//! half of what it wants on one stream and half on another, so that the relay calls twice.

use std::collections::HashMap;
use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::client::Line;
use super::pipe::{carry, finish, pair};
use super::{noise, seed_of};
use crate::daemons::task::Veil;
use crate::rng::Rng;

/// Payload is where a stream goes.
const OPEN: u8 = 1;
const DATA: u8 = 2;
/// Nothing more comes on that stream.
const END: u8 = 3;
/// Payload is nothing.
const PAD: u8 = 4;
/// Of a frame's payload.
const LONGEST: usize = 16_384;
/// How long the relay tries.
const PATIENCE: Duration = Duration::from_secs(8);

/// Frames to one side.
#[derive(Clone)]
struct Writer {
    to: Arc<Mutex<(TcpStream, Rng)>>,
    /// Of what is sent, at most: per cent.
    padding: u64,
}

impl Writer {
    fn new(to: TcpStream, seed: u64, padding: u64) -> Self {
        Self { to: Arc::new(Mutex::new((to, Rng::new(seed, 0)))), padding }
    }

    fn send(&self, kind: u8, stream: u8, data: &[u8]) -> io::Result<()> {
        let Ok(mut to) = self.to.lock() else { return Err(io::ErrorKind::Other.into()) };
        let (socket, rng) = &mut *to;
        let mut bytes = frame(kind, stream, data);
        if kind == DATA {
            let more = Rng::new(rng.clone().next(), 1).below(data.len() as u64 * self.padding / 100 + 1);
            if more > 0 {
                bytes.extend(frame(PAD, stream, &noise(more, more as usize)));
            }
        }
        bytes.iter_mut().for_each(|byte| *byte ^= rng.next() as u8);
        socket.write_all(&bytes)
    }

    /// Carries a stream from where it comes in clear.
    fn carry(&self, stream: u8, mut from: TcpStream) {
        let mut data = vec![0; LONGEST];
        while let Ok(length @ 1..) = from.read(&mut data) {
            if self.send(DATA, stream, &data[..length]).is_err() {
                return;
            }
        }
        _ = self.send(END, stream, &[]);
    }
}

fn frame(kind: u8, stream: u8, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![kind, stream];
    frame.extend_from_slice(&(data.len() as u16).to_be_bytes());
    frame.extend_from_slice(data);
    frame
}

/// Frames from one side.
struct Reader<R> {
    from: R,
    rng: Rng,
}

impl<R: Read> Reader<R> {
    fn new(from: R, seed: u64) -> Self {
        Self { from, rng: Rng::new(seed, 0) }
    }

    fn bytes(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.from.read_exact(&mut bytes)?;
        bytes.iter_mut().for_each(|byte| *byte ^= self.rng.next() as u8);
        Ok(bytes)
    }

    fn frame(&mut self) -> io::Result<(u8, u8, Vec<u8>)> {
        let head = self.bytes(4)?;
        let length = u16::from_be_bytes([head[2], head[3]]);
        Ok((head[0], head[1], self.bytes(usize::from(length))?))
    }
}

/// The client's side: as many connections to `to` as there are streams, which `stream` carries.
pub(super) fn enter(stream: TcpStream, to: SocketAddr, veil: Veil, token: &str) -> io::Result<Vec<Line>> {
    let seed = seed_of(token);
    let patience = stream.read_timeout()?;
    (&stream).write_all(&seed.to_be_bytes())?;
    let out = Writer::new(stream.try_clone()?, seed, veil.padding);
    let (mut lines, mut doors) = (Vec::new(), HashMap::new());
    for number in 0..if veil.split { 2 } else { 1 } {
        let (near, far) = pair()?;
        near.set_read_timeout(patience)?;
        out.send(OPEN, number, to.to_string().as_bytes())?;
        let (own, out) = (far.try_clone()?, out.clone());
        carry(move || out.carry(number, own))?;
        doors.insert(number, far);
        lines.push(BufReader::new(near));
    }
    let mut reader = Reader::new(BufReader::new(stream), !seed);
    carry(move || {
        while !doors.is_empty() {
            match reader.frame() {
                // A job that has what it wants takes no more.
                Ok((DATA, number, data)) => _ = doors.get(&number).map(|mut door| door.write_all(&data)),
                Ok((END, number, _)) => _ = doors.remove(&number).map(|door| finish(&door)),
                Ok(_) => {}
                Err(_) => break,
            }
        }
        doors.values().for_each(finish);
        _ = reader.from.get_ref().shutdown(Shutdown::Both);
    })?;
    Ok(lines)
}

/// The relay's side.
pub(super) fn serve(stream: &mut Line, veil: Veil) -> io::Result<()> {
    let mut seed = [0; 8];
    stream.read_exact(&mut seed)?;
    let seed = u64::from_be_bytes(seed);
    let out = Writer::new(stream.get_ref().try_clone()?, !seed, veil.padding);
    let (mut reader, mut waits) = (Reader::new(stream, seed), Rng::new(seed, 2));
    let mut streams: HashMap<u8, Sender<Vec<u8>>> = HashMap::new();
    while let Ok((kind, number, data)) = reader.frame() {
        match kind {
            OPEN => {
                let (sender, receiver) = channel();
                streams.insert(number, sender);
                let wait = Duration::from_millis(waits.below(veil.wait + 1));
                let (to, out) = (String::from_utf8_lossy(&data).into_owned(), out.clone());
                carry(move || {
                    thread::sleep(wait);
                    if call(&to, number, receiver, &out).is_err() {
                        _ = out.send(END, number, &[]);
                    }
                })?;
            }
            // A target that is gone takes no more.
            DATA => _ = streams.get(&number).map(|stream| stream.send(data)),
            END => _ = streams.remove(&number),
            _ => {}
        }
    }
    Ok(())
}

fn call(to: &str, number: u8, receiver: Receiver<Vec<u8>>, out: &Writer) -> io::Result<()> {
    let far = TcpStream::connect_timeout(&to.parse().map_err(io::Error::other)?, PATIENCE)?;
    far.set_nodelay(true)?;
    let mut up = far.try_clone()?;
    carry(move || {
        while let Ok(data) = receiver.recv() {
            if up.write_all(&data).is_err() {
                return;
            }
        }
        finish(&up);
    })?;
    out.carry(number, far);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in_and_padding_does_not() {
        let (near, far) = pair().unwrap();
        let out = Writer::new(near, 7, 30);
        let mut sent = Vec::new();
        for number in 0..40 {
            let data = noise(number, 1000);
            out.send(DATA, 1, &data).unwrap();
            sent.push(data);
        }
        out.send(END, 1, &[]).unwrap();
        let mut reader = Reader::new(BufReader::new(far), 7);
        let (mut read, mut padded) = (Vec::new(), 0);
        loop {
            match reader.frame().unwrap() {
                (DATA, 1, data) => read.push(data),
                (PAD, 1, data) => padded += data.len(),
                (kind, ..) => {
                    assert_eq!(kind, END);
                    break;
                }
            }
        }
        assert_eq!(read, sent);
        assert!((3_000..9_000).contains(&padded), "{padded}");
    }
}
