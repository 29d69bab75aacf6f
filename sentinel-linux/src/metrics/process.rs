//! What the system says of this process.
//!
//! Its files in `/proc` cannot be opened any more when the process has confined itself, so they are
//! opened before and read again and again.

use std::fs::File;
use std::mem::MaybeUninit;
use std::os::unix::fs::FileExt as _;

use rustix::fs::{RawDir, SeekFrom, seek};

use super::exposition::Exposition;

#[derive(Debug)]
pub(super) struct Process {
    status: Option<File>,
    descriptors: Option<File>,
}

impl Process {
    pub(super) fn new() -> Self {
        Self {
            status: File::open("/proc/self/status").ok(),
            descriptors: File::open("/proc/self/fd").ok(),
        }
    }

    pub(super) fn write(&self, page: &mut Exposition) {
        if let Some(bytes) = self.resident_bytes() {
            let help = "Memory that is held, in bytes.";
            page.one("process_resident_memory_bytes", "gauge", help, bytes);
        }
        if let Some(count) = self.descriptors_count() {
            page.one("process_open_fds", "gauge", "Open descriptors.", count);
        }
    }

    fn resident_bytes(&self) -> Option<u64> {
        let mut bytes = [0; 4096];
        let count = self.status.as_ref()?.read_at(&mut bytes, 0).ok()?;
        let text = std::str::from_utf8(bytes.get(..count)?).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
        Some(kibibytes * 1024)
    }

    fn descriptors_count(&self) -> Option<usize> {
        let held = self.descriptors.as_ref()?;
        seek(held, SeekFrom::Start(0)).ok()?;
        let mut room = [MaybeUninit::<u8>::uninit(); 4096];
        let mut entries = RawDir::new(held, &mut room);
        let mut count = 0;
        while let Some(Ok(entry)) = entries.next() {
            count += usize::from(entry.file_name().to_bytes().first() != Some(&b'.'));
        }
        Some(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_again_has_changed() {
        let process = Process::new();
        assert!(process.resident_bytes().unwrap() > 64 * 1024);
        let before = process.descriptors_count().unwrap();
        let held: Vec<File> = (0..600).map_while(|_| File::open("/dev/null").ok()).collect();
        // Other tests open and close some meanwhile.
        let more = process.descriptors_count().unwrap().saturating_sub(before);
        assert!(more > held.len() / 2, "{more}");
    }
}
