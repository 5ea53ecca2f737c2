//! A piece of evidence that was named or met, and how it is opened.

use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, BufReader, Cursor, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use super::{BlockReader, Packing, Problem, Progress, What};

/// How much is read from the disk at once.
const READ: usize = 64 << 10;

/// A file, or standard input.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// `None`: standard input.
    path: Option<PathBuf>,
    named: bool,
    /// What tells what it is, where that does not stand at its beginning.
    sample: Option<Arc<[u8]>>,
    /// The year of its first stamp, where that has none, as later ones say or (`true`) let guess.
    year: Option<(i16, bool)>,
    put_back: PutBack,
}

/// What opening it gave.
type Opened = Result<Box<BlockReader>, Problem>;

/// What was opened to look at it: a pipe cannot be opened twice.
#[derive(Clone, Default)]
struct PutBack(Arc<Mutex<Option<Opened>>>);

impl fmt::Debug for PutBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PutBack")
    }
}

impl Source {
    pub(super) fn file(path: PathBuf, named: bool) -> Self {
        Self { path: Some(path), named, sample: None, year: None, put_back: PutBack::default() }
    }

    pub(super) fn standard_input() -> Self {
        Self { path: None, named: true, sample: None, year: None, put_back: PutBack::default() }
    }

    /// The path as it stands in the report; `-` for standard input.
    pub(crate) fn name(&self) -> String {
        self.path.as_deref().unwrap_or(Path::new("-")).to_string_lossy().into_owned()
    }

    /// Where it is; `None` of standard input.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Whether the user named it, and did not only name a directory that it is in.
    pub(crate) fn named(&self) -> bool {
        self.named
    }

    /// Its bytes on disk; `None` where nobody knows, as of a pipe.
    pub(crate) fn size(&self) -> Option<u64> {
        size(&fs::metadata(self.path.as_deref()?).ok()?)
    }

    /// Takes some of its lines, by which it is told what it is.
    pub(crate) fn show(&mut self, sample: &[u8]) {
        self.sample = Some(sample.into());
    }

    /// Them.
    pub(crate) fn sample(&self) -> Option<&[u8]> {
        self.sample.as_deref()
    }

    /// Takes the year of its first stamp, where that has none, and whether it is a guess.
    pub(crate) fn say_year(&mut self, year: i16, is_guess: bool) {
        self.year = Some((year, is_guess));
    }

    /// Both.
    pub(crate) fn year(&self) -> Option<(i16, bool)> {
        self.year
    }

    /// A problem with it.
    pub(crate) fn problem(&self, what: What) -> Problem {
        Problem { path: self.name(), named: self.named, what }
    }

    /// Gives back what [`Source::open`] gave, for the next who opens it. No more than its head may have been read.
    pub(crate) fn put_back(&self, opened: Result<BlockReader, Problem>) {
        if let Ok(mut place) = self.put_back.0.lock() {
            *place = Some(opened.map(Box::new));
        }
    }

    /// Opens it and tells how it is packed. This waits where a pipe has nothing yet.
    pub(crate) fn open(&self) -> Result<BlockReader, Problem> {
        if let Some(opened) = self.put_back.0.lock().ok().and_then(|mut place| place.take()) {
            return opened.map(|blocks| *blocks);
        }
        let now = SystemTime::now();
        let Some(path) = &self.path else {
            return self.unpack(io::stdin(), now, None);
        };
        let opened = File::open(path).and_then(|file| file.metadata().map(|metadata| (file, metadata)));
        let (file, metadata) = opened.map_err(|error| self.problem(What::from_opening(error)))?;
        // The stamp of a pipe says nothing of what comes through it.
        let written = metadata.modified().ok().filter(|_| metadata.is_file());
        self.unpack(file, written.unwrap_or(now), size(&metadata))
    }

    /// Opens a file that is not packed behind its first `offset` bytes.
    pub(crate) fn open_from(&self, offset: u64) -> Result<BlockReader, Problem> {
        let open = |path: &Path| {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(offset))?;
            let metadata = file.metadata()?;
            Ok((file, metadata))
        };
        let path = self.path.as_deref().ok_or_else(|| self.problem(What::Special))?;
        let (file, metadata) = open(path).map_err(|error| self.problem(What::from_opening(error)))?;
        let progress = Arc::new(Progress::default());
        let counted = Counted { raw: file, progress: Arc::clone(&progress) };
        let content = Box::new(BufReader::with_capacity(READ, counted));
        let written = metadata.modified().unwrap_or_else(|_| SystemTime::now());
        Ok(BlockReader::new(self.clone(), content, Packing::None, progress, written, size(&metadata)))
    }

    pub(super) fn unpack(
        &self,
        mut raw: impl Read + Send + 'static,
        written: SystemTime,
        size: Option<u64>,
    ) -> Result<BlockReader, Problem> {
        let unreadable = |error| self.problem(What::Unreadable(error));
        let progress = Arc::new(Progress::default());
        let magic = first_bytes(&mut raw).map_err(unreadable)?;
        let packing = Packing::of(&magic);
        let counted = Counted { raw: Cursor::new(magic).chain(raw), progress: Arc::clone(&progress) };
        let packed = BufReader::with_capacity(READ, counted);
        match packing.unpack(packed).map_err(unreadable)? {
            Some(content) => Ok(BlockReader::new(self.clone(), content, packing, progress, written, size)),
            None => Err(self.problem(What::Unsupported(packing))),
        }
    }
}

fn size(metadata: &Metadata) -> Option<u64> {
    metadata.is_file().then_some(metadata.len())
}

/// The bytes that tell the packing, fewer where there are no more. A pipe may give them one by one.
fn first_bytes(raw: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(Packing::MAGIC);
    raw.take(Packing::MAGIC as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Counts what is read from the disk.
struct Counted<R> {
    raw: R,
    progress: Arc<Progress>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.raw.read(buffer)?;
        self.progress.on_disk.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
