//! The key of `--redact`.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Half for the cipher, half for its padding.
pub(crate) struct Key(pub(super) [u8; 32]);

impl Key {
    /// A key that nobody has.
    ///
    /// # Errors
    /// Where the system gives no random bytes.
    pub(crate) fn random() -> Result<Self, String> {
        let mut key = [0; 32];
        let read = File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut key));
        read.map_err(|e| format!("--redact: no random key: /dev/urandom: {e}"))?;
        Ok(Self(key))
    }

    /// The key in a file, which is made where there is none; and whether others may read it.
    ///
    /// # Errors
    /// Where it cannot be read or made, or is no key.
    pub(crate) fn of(path: &Path) -> Result<(Self, bool), String> {
        let failed = |what: &str, e: &io::Error| format!("--redact-key {}: cannot be {what}: {e}", path.display());
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(mut file) => {
                let key = Self::random()?;
                file.write_all(&key.0).map_err(|e| failed("written", &e))?;
                Ok((key, false))
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                let file = File::open(path).map_err(|e| failed("read", &e))?;
                let open = file.metadata().is_ok_and(|metadata| metadata.mode() & 0o077 != 0);
                let mut bytes = Vec::new();
                file.take(64).read_to_end(&mut bytes).map_err(|e| failed("read", &e))?;
                let key = bytes.try_into().map_err(|bytes: Vec<u8>| {
                    let length = if bytes.len() > 32 { "more".to_owned() } else { bytes.len().to_string() };
                    format!("--redact-key {}: a key is 32 bytes, here are {length}", path.display())
                })?;
                Ok((Self(key), open))
            }
            Err(e) => Err(failed("made", &e)),
        }
    }

    pub(super) fn halves(&self) -> ([u8; 16], [u8; 16]) {
        let (mut cipher, mut pad) = ([0; 16], [0; 16]);
        cipher.copy_from_slice(&self.0[..16]);
        pad.copy_from_slice(&self.0[16..]);
        (cipher, pad)
    }
}
