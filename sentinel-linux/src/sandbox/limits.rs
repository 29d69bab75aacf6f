//! Limits of each process, which every kernel has. Limits of all together are a cgroup's.

use rustix::process::{Resource, Rlimit, setrlimit};
use sentinel_core::sandbox::Limits;

use super::fault::{At as _, Fault, Stage};
use super::kernel;

/// Sets them for this process and all that come of it. Where a group counts its processes, and
/// whom it refuses, it is the group that refuses.
pub(super) fn set(limits: &Limits, is_counted: bool) -> Result<(), Fault> {
    // A dump would write what the program had in memory to where somebody else reads it.
    set_one(Resource::Core, 0)?;
    // Counted in this user namespace, in which there is also the process that waits for the
    // program.
    set_one(Resource::Nproc, u64::from(limits.pids) + 1 + u64::from(is_counted))?;
    set_one(Resource::Nofile, limits.open_files.into())?;
    // Nothing that the kernel keeps for a user is needed here.
    set_one(Resource::Msgqueue, 0)?;
    set_one(Resource::Memlock, LOCKED_BYTES_MAX)?;
    set_one(Resource::Sigpending, SIGNALS_MAX)?;
    if let Some(bytes) = limits.memory_bytes {
        // What it can write to; what it only sets aside of its addresses costs nobody anything.
        set_one(Resource::Data, bytes)?;
    }
    if let Some(time) = limits.processor_time {
        // First it is told, and a second later it is killed.
        let seconds = time.as_secs().max(1);
        set_two(Resource::Cpu, seconds, seconds + 1)?;
    }
    if let Some(bytes) = limits.file_bytes {
        set_one(Resource::Fsize, bytes)?;
    }
    Ok(())
}

fn set_one(resource: Resource, value: u64) -> Result<(), Fault> {
    set_two(resource, value, value)
}

/// Never more than there was: who starts this may be limited as well.
fn set_two(resource: Resource, current: u64, maximum: u64) -> Result<(), Fault> {
    let before = kernel::limit_max(resource).at(Stage::Limits)?;
    let [current, maximum] = [current, maximum].map(|value| Some(value.min(before)));
    setrlimit(resource, Rlimit { current, maximum }).at(Stage::Limits)
}

const LOCKED_BYTES_MAX: u64 = 8 << 20;
const SIGNALS_MAX: u64 = 1024;
