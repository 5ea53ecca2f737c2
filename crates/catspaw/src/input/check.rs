//! What unpacking keeps to, whatever is packed.

use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;

use super::Packing;

/// A bomb of any size may be in what is given; more than this is not unpacked of it.
const ENOUGH: u64 = 4 << 20;

/// The content is the same however it comes in and is asked for, up to where it is wrong; and that it is wrong is said
/// whatever way.
pub fn packing(data: &[u8]) {
    let packing = Packing::of(&data[..data.len().min(Packing::MAGIC)]);
    let shared: Arc<[u8]> = data.into();
    let Some((whole, ended)) = unpacked(packing, Arc::clone(&shared), data.len().max(1), 64 << 10) else {
        assert!(matches!(packing, Packing::Lz4 | Packing::Compress), "{packing} is unpacked");
        return;
    };
    let Some((in_parts, ended_in_parts)) = unpacked(packing, shared, 7, 1000) else {
        panic!("{packing} is unpacked sometimes");
    };
    let common = whole.len().min(in_parts.len());
    assert_eq!(whole[..common], in_parts[..common], "{packing}");
    // Damage just behind what is enough is met by one and not by the other.
    if (whole.len().max(in_parts.len()) as u64) < ENOUGH {
        assert_eq!(ended.is_ok(), ended_in_parts.is_ok(), "{packing}: {ended:?}, {ended_in_parts:?}");
        assert!(ended.is_err() || whole.len() == in_parts.len(), "{packing}");
    }
    if packing == Packing::None {
        assert_eq!(whole, data);
    }
}

/// The content, asked for in pieces of `step` bytes of what comes in pieces of `chunk`, and how it ended.
fn unpacked(packing: Packing, data: Arc<[u8]>, chunk: usize, step: usize) -> Option<(Vec<u8>, io::Result<()>)> {
    let packed = BufReader::with_capacity(chunk, Cursor::new(data));
    let mut content = packing.unpack(packed).expect("a reader")?.take(ENOUGH);
    let (mut all, mut buffer) = (Vec::new(), vec![0; step]);
    loop {
        match content.read(&mut buffer) {
            Ok(0) => return Some((all, Ok(()))),
            Ok(read) => all.extend_from_slice(&buffer[..read]),
            Err(error) => return Some((all, Err(error))),
        }
    }
}
