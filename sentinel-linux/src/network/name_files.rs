//! The system's files about names, read at the start and whenever they changed: a laptop that comes
//! to another network, or a service that was there before the network was, has other name servers
//! than at its start.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Duration;

use sentinel_core::time::Instant;
use sentinel_core::wire::dns::{Config, Hosts};

use crate::log;

/// `resolv.conf` and `hosts`, and as what they were read last.
#[derive(Debug)]
pub(crate) struct NameFiles {
    paths: [PathBuf; 2],
    stamps: [Option<Stamp>; 2],
    looked_at: Option<Instant>,
    /// Whether each of them could be read, or was not there.
    pub(super) is_read: bool,
}

/// By what a file is known to be another one, or to say something else.
type Stamp = (u64, u64, u64, i64, i64);

impl NameFiles {
    /// Those of this system, with what they say.
    pub(crate) fn of_system() -> (Self, Config, Hosts) {
        Self::read(["/etc/resolv.conf", "/etc/hosts"].map(PathBuf::from))
    }

    /// A system without these files has names all the same: the defaults are those of others.
    fn read(paths: [PathBuf; 2]) -> (Self, Config, Hosts) {
        let stamps = stamps(&paths);
        let [resolvers, hosts] = paths.each_ref().map(bytes);
        let is_read = resolvers.is_ok() && hosts.is_ok();
        let config = Config::parse(&resolvers.unwrap_or_default()).0;
        let hosts = Hosts::parse(&hosts.unwrap_or_default()).0;
        (Self { paths, stamps, looked_at: None, is_read }, config, hosts)
    }

    /// What they say, if that is something else than before. A file that is another one now, where
    /// this process gave up reaching it, is passed over, and said.
    pub(super) fn changed(&mut self, now: Instant) -> Option<(Config, Hosts)> {
        if self.looked_at.is_some_and(|last| now.since(last) < PAUSE) {
            return None;
        }
        self.looked_at = Some(now);
        let stamps = stamps(&self.paths);
        if stamps == self.stamps {
            return None;
        }
        self.stamps = stamps;
        let read = |path: &PathBuf| {
            let failed = |error: &io::Error| {
                let path = path.display();
                log::warn!(
                    "names are resolved as before: {path} is another file now, and cannot be read \
                     any more: {error}; a new start reads it"
                );
            };
            bytes(path).inspect_err(failed).ok()
        };
        let [resolvers, hosts] = self.paths.each_ref().map(read);
        Some((Config::parse(&resolvers?).0, Hosts::parse(&hosts?).0))
    }
}

fn bytes(path: &PathBuf) -> io::Result<Vec<u8>> {
    match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        done => done,
    }
}

fn stamps(paths: &[PathBuf; 2]) -> [Option<Stamp>; 2] {
    let stamp =
        |data: Metadata| (data.dev(), data.ino(), data.size(), data.mtime(), data.mtime_nsec());
    paths.each_ref().map(|path| std::fs::metadata(path).ok().map(stamp))
}

/// How often they are looked at, at most.
const PAUSE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    #[test]
    fn what_changed_is_read_and_nothing_else() {
        let place = std::env::temp_dir().join(format!("sentinel-names-{}", std::process::id()));
        std::fs::create_dir_all(&place).unwrap();
        let paths = ["resolv.conf", "hosts"].map(|name| place.join(name));
        let (mut files, config, _) = NameFiles::read(paths.clone());
        let usual = config.clone();
        let at = |seconds: u64| Instant(1000 * seconds);
        assert!(files.changed(at(1)).is_none(), "neither is there, as before");
        std::fs::write(&paths[1], "10.0.0.7 box.example\n").unwrap();
        assert!(files.changed(at(1)).is_none(), "it was looked at just now");
        let (config, hosts) = files.changed(at(2)).unwrap();
        assert_eq!(config, usual);
        let found: Vec<IpAddr> = hosts.addresses("box.example").collect();
        assert_eq!(found, [IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7))]);
        assert!(files.changed(at(9)).is_none(), "nothing changed");
        // Written anew beside it and put in its place, as most do.
        std::fs::write(place.join("new"), "10.0.0.8 box.example\n").unwrap();
        std::fs::rename(place.join("new"), &paths[1]).unwrap();
        std::fs::write(&paths[0], "nameserver 10.0.0.9\n").unwrap();
        let (config, hosts) = files.changed(at(20)).unwrap();
        assert_ne!(config, usual);
        let found: Vec<IpAddr> = hosts.addresses("box.example").collect();
        assert_eq!(found, [IpAddr::V4(Ipv4Addr::new(10, 0, 0, 8))]);
        std::fs::remove_dir_all(place).unwrap();
    }
}
