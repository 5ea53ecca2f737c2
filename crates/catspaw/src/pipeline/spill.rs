//! Rows that may be more than memory holds: kept as they come, on disk beyond a bound, read back in the same order.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Rows of one worker that stay in memory; some 10 MB at most.
const IN_MEMORY: usize = 32_768;

/// A list of rows.
#[derive(Debug)]
pub(crate) struct Spill<T> {
    rows: Vec<T>,
    file: Option<BufWriter<File>>,
    buffer: Vec<u8>,
}

impl<T> Default for Spill<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), file: None, buffer: Vec::new() }
    }
}

impl<T: Serialize + DeserializeOwned + Clone> Spill<T> {
    /// Appends a row.
    ///
    /// # Errors
    /// Where the temporary file cannot be made or written.
    pub(crate) fn push(&mut self, row: T) -> io::Result<()> {
        self.rows.push(row);
        if self.rows.len() >= IN_MEMORY { self.write_out() } else { Ok(()) }
    }

    fn write_out(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(BufWriter::new(tempfile::tempfile()?)),
        };
        for row in self.rows.drain(..) {
            self.buffer.clear();
            let bytes = postcard::to_extend(&row, std::mem::take(&mut self.buffer)).map_err(io::Error::other)?;
            file.write_all(&(bytes.len() as u32).to_le_bytes())?;
            file.write_all(&bytes)?;
            self.buffer = bytes;
        }
        Ok(())
    }

    /// Reads the rows back in the order in which they came. May be done again.
    ///
    /// # Errors
    /// Where the temporary file cannot be read.
    pub(crate) fn rows(&mut self) -> io::Result<Rows<'_, T>> {
        let spilled = match &mut self.file {
            Some(file) => {
                file.flush()?;
                let mut file = file.get_ref();
                file.rewind()?;
                Some(BufReader::new(file))
            }
            None => None,
        };
        Ok(Rows { spilled, rest: self.rows.iter(), buffer: Vec::new() })
    }
}

/// Iterator over the rows of a [`Spill`].
#[derive(Debug)]
pub(crate) struct Rows<'a, T> {
    spilled: Option<BufReader<&'a File>>,
    rest: std::slice::Iter<'a, T>,
    buffer: Vec<u8>,
}

impl<T: DeserializeOwned> Rows<'_, T> {
    fn read(&mut self) -> io::Result<Option<T>> {
        let Some(file) = &mut self.spilled else { return Ok(None) };
        let mut length = [0; 4];
        match file.read_exact(&mut length) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.spilled = None;
                return Ok(None);
            }
            result => result?,
        }
        self.buffer.resize(u32::from_le_bytes(length) as usize, 0);
        file.read_exact(&mut self.buffer)?;
        postcard::from_bytes(&self.buffer).map(Some).map_err(io::Error::other)
    }
}

impl<T: DeserializeOwned + Clone> Iterator for Rows<'_, T> {
    type Item = io::Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.read() {
            Ok(Some(row)) => Some(Ok(row)),
            Ok(None) => self.rest.next().cloned().map(Ok),
            Err(error) => Some(Err(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_in_order_and_twice() {
        let mut spill = Spill::default();
        let many = 3 * IN_MEMORY as u64 + 7;
        (0..many).try_for_each(|n| spill.push(n)).unwrap();
        for _ in 0..2 {
            let back: Vec<u64> = spill.rows().unwrap().map(Result::unwrap).collect();
            assert!(back.iter().copied().eq(0..many));
        }
    }
}
