//! A sandbox made ahead: everything that does not depend on the program, before there is one.
//!
//! New namespaces and a root directory with what every program has take longer than the rest. So
//! the spawner has one such sandbox waiting, and makes another when it has nothing else to do. The
//! process that waits is the first process of its sandbox already; it gets the request as it was
//! asked for, reads it by the same rules, and goes on.
//!
//! # Invariants
//! - It is given one program, and never a second one.
//! - What waits ends with the spawner.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;

use rustix::fd::{AsFd as _, OwnedFd};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, recvmsg,
    sendmsg,
};
use sentinel_core::sandbox::{CallsMode, Network, Profile};

use super::kernel::Side;
use super::launch::{self, Charge};
use super::outcome::Report;
use super::plan::{Base, Idmap, Plan};
use super::spawner::{REQUEST_BYTES_MAX, descriptors, pair};
use super::{Sandboxes, StartError, Streams, filter, init};

/// One that waits.
#[derive(Debug)]
pub(super) struct Ahead {
    base: Base,
    socket: OwnedFd,
}

impl Sandboxes {
    /// Makes one, whose program reads from `input`.
    pub(super) fn make_ahead(&self, input: &OwnedFd) -> Result<Ahead, StartError> {
        let base = Base::usual(&self.identity)?;
        let (socket, inside) = pair()?;
        match self.clone(None)? {
            Side::Parent { .. } => Ok(Ahead { base, socket }),
            Side::Child => {
                // Nothing of the spawner's: above all not its way to the agent, whose end says that
                // the spawner is gone.
                std::mem::forget(socket);
                let leash = self.leash.as_ref().map_or(input, |leash| &leash.watched);
                let kept = [&inside, input, leash, leash, leash];
                let _ = super::kernel::close_all_but(3, kept);
                let _ = self.wait_ahead(&base, &inside, input);
                super::kernel::end(1)
            }
        }
    }

    /// Is the first process of a sandbox, for whatever program comes.
    fn wait_ahead(&self, base: &Base, socket: &OwnedFd, input: &OwnedFd) -> Result<(), StartError> {
        let usual = Profile::new(b"/", b"/");
        let init_filter = filter::only(init::CALLS)?;
        let usual_filter = filter::program(&usual.calls, &usual.allowed, (usual.network, false))?;
        let maps = self.identity.maps();
        let ground = self.ground(base, &maps, &init_filter, Network::None);
        let begun = launch::begin(&ground, Vec::new());
        // Nobody of the same user looks into what waits.
        super::kernel::control(libc::PR_SET_DUMPABLE, 0).map_err(io::Error::from)?;
        let mut bytes = vec![0; OWNERS_BYTES_MAX + REQUEST_BYTES_MAX];
        let Given { profile, output, report, idmaps } = receive(socket, &mut bytes)?;
        self.identity.know_only(idmaps);
        // Its root is the sandbox's already, and what is granted is found from the machine's.
        let plan = || Plan::on(base, &profile, &self.identity);
        let plan = match begun.as_ref().map_or_else(|fault| Err(*fault), |it| it.outside(plan)) {
            Ok(plan) => plan,
            Err(fault) => {
                Report::Fault(fault).send(&report);
                return Ok(());
            }
        };
        let plan = output.try_clone().map_err(StartError::from).and_then(|errors| {
            let streams = Streams { input: input.try_clone()?, output, errors };
            Ok((plan?, streams.above()?))
        });
        let (plan, streams) = match plan {
            Ok(plan) => plan,
            Err(why) => {
                Report::refuse(&report, &why.to_string());
                return Err(why);
            }
        };
        let is_usual = profile.calls == usual.calls
            && profile.allowed == usual.allowed
            && profile.network == usual.network
            && !profile.has_terminal;
        let filter = match is_usual {
            true => usual_filter,
            false => {
                let view = (profile.network, profile.has_terminal);
                filter::program(&profile.calls, &profile.allowed, view)?
            }
        };
        let (profile, plan, filter) = (&profile, &plan, filter.as_slice());
        let (doors, doors_filter) = (Vec::new(), [].as_slice());
        let group = None;
        let charge = Charge { profile, plan, filter, group, report, streams, doors, doors_filter };
        launch::finish(&ground, begun, charge)
    }
}

impl Ahead {
    /// Whether it can become the sandbox of this profile.
    pub(super) fn suits(&self, profile: &Profile) -> bool {
        // Who looks on has to be told by the process that was started for it.
        profile.calls_mode != CallsMode::Log && self.base.suits(profile)
    }

    /// What it takes is given to it: a profile as it was asked for, where the program writes, and
    /// where its end is told.
    pub(super) fn give(
        self,
        sandboxes: &Sandboxes,
        profile: &Profile,
        request: &[u8],
        (output, report): (&OwnedFd, &OwnedFd),
    ) -> Result<(), StartError> {
        // Owners are mapped from outside; who maps none sees what there is from inside as well.
        let plan = match sandboxes.identity.is_given() {
            true => Some(Plan::on(&self.base, profile, &sandboxes.identity)?),
            false => None,
        };
        let mut idmaps: Vec<&Idmap> = Vec::new();
        for idmap in
            plan.iter().flat_map(|plan| &plan.granted.trees).filter_map(|it| it.idmap.as_ref())
        {
            if idmaps.iter().all(|known| known.owner != idmap.owner) {
                idmaps.push(idmap);
            }
        }
        if idmaps.len() > IDMAPS_MAX {
            return Err(StartError::new("what was granted belongs to too many owners"));
        }
        let mut owners = Vec::new();
        for (uid, gid) in idmaps.iter().map(|idmap| idmap.owner) {
            owners.extend_from_slice(&uid.to_le_bytes());
            owners.extend_from_slice(&gid.to_le_bytes());
        }
        let fds = [output, report].into_iter().chain(idmaps.iter().map(|it| &*it.namespace));
        let fds: Vec<_> = fds.map(|fd| fd.as_fd()).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(&fds));
        let slices = [IoSlice::new(&owners), IoSlice::new(request)];
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        sendmsg(&self.socket, &slices, &mut ancillary, flags).map_err(io::Error::from)?;
        Ok(())
    }
}

/// What one that waits is given.
struct Given {
    profile: Profile,
    output: OwnedFd,
    report: OwnedFd,
    idmaps: Vec<Idmap>,
}

fn receive(socket: &OwnedFd, bytes: &mut [u8]) -> Result<Given, StartError> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut slices = [IoSliceMut::new(bytes)];
    let length = loop {
        match recvmsg(socket, &mut slices, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            received => break received.map_err(io::Error::from)?.bytes,
        }
    };
    let mut fds = descriptors(&mut ancillary).into_iter();
    let wrong = || StartError::new("nothing was asked for");
    let (output, report) = (fds.next().ok_or_else(wrong)?, fds.next().ok_or_else(wrong)?);
    let mut rest = bytes.get(..length).unwrap_or_default();
    let mut idmaps = Vec::new();
    for namespace in fds {
        let (owner, left) = rest.split_first_chunk::<8>().ok_or_else(wrong)?;
        let [a, b, c, d, e, f, g, h] = *owner;
        let owner = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        idmaps.push(Idmap { owner, namespace: namespace.into() });
        rest = left;
    }
    let profile = Profile::decode(rest).map_err(|error| StartError::new(error.to_string()))?;
    Ok(Given { profile, output, report, idmaps })
}

/// More owners than a call ever names places of.
const IDMAPS_MAX: usize = 32;
const FDS_MAX: usize = IDMAPS_MAX + 2;
const OWNERS_BYTES_MAX: usize = 8 * IDMAPS_MAX;
