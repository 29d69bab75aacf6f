//! Files, directories and endpoints: what is opened beneath something that is held.
//!
//! # Invariants
//! - What is opened is made from the handle it was opened through: fewer rights or the same, and
//!   taken back with it.
//! - A place or a host is resolved and compared here, before the kernel opens anything.

use alloc::vec::Vec;

use luperiq_abi::call::open;
use luperiq_abi::settings::Protocol;
use luperiq_abi::{Error, Handle, Kind, Rights};

use super::{Admitted, Fault, Refusal, System, text};
use crate::audit::event::Event;
use crate::object::{Body, Object};
use crate::path::resolve;
use crate::rules::Endpoint;

/// A file or directory that may be opened; the kernel opens it and comes back with
/// [`System::opened`].
#[derive(Debug)]
#[must_use]
pub struct Opening {
    admitted: Admitted,
    rights: Rights,
    /// What the kernel calls the directory.
    pub directory: u64,
    /// The place in the store, from its root.
    pub place: Vec<u8>,
    /// How it is opened: see [`luperiq_abi::call::open`].
    pub flags: u64,
}

impl System {
    /// `open`: whether, and which place in the store that is. A right that is asked for has to be
    /// held for the directory, and the policy of the job has to know it and the place.
    ///
    /// # Errors
    /// It is refused.
    pub fn open(
        &mut self,
        mut admitted: Admitted,
        path: &[u8],
        flags: u64,
    ) -> Result<Opening, Refusal> {
        let result = self.check_open(&mut admitted, path, flags);
        self.record_path(&mut admitted, path, flags, &result);
        match self.settled(&admitted, result) {
            Ok((rights, directory, place)) => {
                Ok(Opening { admitted, rights, directory, place, flags })
            }
            Err(refusal) => {
                self.done(admitted);
                Err(refusal)
            }
        }
    }

    fn check_open(
        &mut self,
        admitted: &mut Admitted,
        path: &[u8],
        flags: u64,
    ) -> Result<(Rights, u64, Vec<u8>), Fault> {
        let held = admitted.held(0)?;
        let is_directory = flags & open::DIRECTORY != 0;
        if flags > open::ALL || (is_directory && flags != open::DIRECTORY) || flags == 0 {
            return Err(Error::BadArgument.into());
        }
        let directory = self.objects.value(held.object).ok_or(Error::BadHandle)?;
        let native = directory.native;
        let Body::Directory { place: base } = &directory.body else {
            return Err(Error::WrongKind.into());
        };
        let place = resolve(base, path)?;
        let needed = needed_rights(flags);
        if !held.rights.contains(needed) {
            return Err(Error::NotAllowed.into());
        }
        let rules = self.rules_of(admitted.process)?;
        if !rules.file_rights.contains(needed) || !rules.covers_place(&place) {
            return Err(Error::Policy.into());
        }
        let kept =
            Rights::DUPLICATE.with(Rights::TRANSFER).with(Rights::INSPECT).with(Rights::WAIT);
        let rights = if is_directory {
            held.rights.and(rules.file_rights.with(kept))
        } else {
            // A file has no names beneath it: making and emptying are done when it is open.
            needed.and(Kind::File.rights()).with(held.rights.and(kept))
        };
        self.can_hold(admitted.process, 1)?;
        self.record_use(admitted)?;
        Ok((rights, native, place))
    }

    /// The kernel opened it: the caller gets its handle.
    ///
    /// # Errors
    /// It is refused: there is no room for a handle any more.
    pub fn opened(&mut self, opening: Opening, native: u64) -> Result<Handle, Refusal> {
        let Opening { admitted, rights, place, flags, .. } = opening;
        self.with(admitted, |system, admitted| {
            let held = admitted.held(0)?;
            let is_directory = flags & open::DIRECTORY != 0;
            let body = if is_directory { Body::Directory { place } } else { Body::File { place } };
            system.create(admitted, Some(held.grant), Object::new(native, body), rights)
        })
    }

    /// The kernel could not open it. That is no refusal.
    pub fn not_opened(&mut self, opening: Opening, error: Error) -> Refusal {
        self.refuse(opening.admitted, error, 0)
    }

    /// `remove`: whether, and which place in the store that is.
    ///
    /// # Errors
    /// It is refused.
    pub fn remove(&mut self, mut admitted: Admitted, path: &[u8]) -> Result<Vec<u8>, Refusal> {
        let result = self.check_remove(&mut admitted, path);
        self.record_path(&mut admitted, path, 0, &result);
        let result = self.settled(&admitted, result);
        self.done(admitted);
        result
    }

    fn check_remove(&mut self, admitted: &mut Admitted, path: &[u8]) -> Result<Vec<u8>, Fault> {
        let held = admitted.held(0)?;
        let directory = self.objects.value(held.object).ok_or(Error::BadHandle)?;
        let Body::Directory { place: base } = &directory.body else {
            return Err(Error::WrongKind.into());
        };
        let place = resolve(base, path)?;
        if place == *base {
            return Err(Error::BadPath.into());
        }
        let rules = self.rules_of(admitted.process)?;
        if !rules.file_rights.contains(Rights::DELETE) || !rules.covers_place(&place) {
            return Err(Error::Policy.into());
        }
        self.record_use(admitted)?;
        Ok(place)
    }

    /// `read`: whether what is read may be, which for a directory is another right. Gives what the
    /// kernel calls it, and what it is.
    ///
    /// # Errors
    /// It is refused.
    pub fn read(&mut self, admitted: Admitted) -> Result<(u64, Kind), Refusal> {
        self.with(admitted, |system, admitted| {
            let held = admitted.held(0)?;
            let object = system.objects.value(held.object).ok_or(Error::BadHandle)?;
            let (native, kind) = (object.native, object.kind());
            let is_directory = kind == Kind::Directory;
            let needed = if is_directory { Rights::LIST } else { Rights::READ };
            if !held.rights.contains(needed) {
                return Err(Error::NotAllowed.into());
            }
            let rules = system.rules_of(admitted.process)?;
            if kind != Kind::Console && !rules.file_rights.contains(needed) {
                return Err(Error::Policy.into());
            }
            system.record_use(admitted)?;
            Ok((native, kind))
        })
    }

    /// `endpoint_narrow`: an endpoint of those that another covers.
    ///
    /// # Errors
    /// It is refused.
    pub fn endpoint_narrow(
        &mut self,
        mut admitted: Admitted,
        host: &[u8],
        port: u64,
        protocol: u64,
    ) -> Result<Handle, Refusal> {
        let result = self.check_narrow(&mut admitted, host, port, protocol);
        let event = Event::Endpoint {
            process: admitted.process.number(),
            from: admitted.handles[0].map_or(0, |held| held.object.number()),
            host: text(host).unwrap_or("not text"),
            port,
            refused: result.as_ref().err().map(|fault| fault.error),
        };
        let recorded = self.log.happened(self.now, &event).map_err(Fault::from);
        let result = result.and_then(|found| recorded.map(|()| found));
        self.with(admitted, |system, admitted| {
            let (native, endpoint) = result?;
            let held = admitted.held(0)?;
            let object = Object::new(native, Body::Endpoint(endpoint));
            system.create(admitted, Some(held.grant), object, held.rights)
        })
    }

    fn check_narrow(
        &mut self,
        admitted: &mut Admitted,
        host: &[u8],
        port: u64,
        protocol: u64,
    ) -> Result<(u64, Endpoint), Fault> {
        let held = admitted.held(0)?;
        let object = self.objects.value(held.object).ok_or(Error::BadHandle)?;
        let native = object.native;
        let Body::Endpoint(wider) = &object.body else { return Err(Error::WrongKind.into()) };
        let protocol = u8::try_from(protocol).ok().and_then(Protocol::from_number);
        let port = u16::try_from(port).map_err(|_| Error::BadArgument)?;
        let endpoint = Endpoint::new(protocol.ok_or(Error::BadArgument)?, port, host)?;
        if !wider.covers(&endpoint) {
            return Err(Error::Widens.into());
        }
        Ok((native, endpoint))
    }

    /// Records what a path was, in place of the use: it says more. If there is no room, the call
    /// is refused by what follows.
    fn record_path<T>(
        &mut self,
        admitted: &mut Admitted,
        path: &[u8],
        flags: u64,
        result: &Result<T, Fault>,
    ) {
        let event = Event::Path {
            process: admitted.process.number(),
            call: admitted.call().number(),
            directory: admitted.handles[0].map_or(0, |held| held.object.number()),
            path: text(path).unwrap_or("not text"),
            flags,
            refused: result.as_ref().err().map(|fault| fault.error),
        };
        let _ = self.log.happened(self.now, &event);
    }
}

/// The rights to a directory that opening beneath it needs.
fn needed_rights(flags: u64) -> Rights {
    let mut needed = Rights::NONE;
    for (flag, right) in [
        (open::READ, Rights::READ),
        (open::WRITE, Rights::WRITE),
        (open::CREATE, Rights::CREATE),
        (open::TRUNCATE, Rights::WRITE),
        (open::EXECUTE, Rights::EXECUTE),
        (open::DIRECTORY, Rights::LIST),
    ] {
        if flags & flag != 0 {
            needed = needed.with(right);
        }
    }
    needed
}
