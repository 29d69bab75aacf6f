//! From the first line of Rust to the first instruction of a program.

use alloc::boxed::Box;

use luperiq_abi::Error;
use luperiq_abi::limits::PRIORITY_MAX;
use luperiq_abi::settings::Limit;
use luperiq_broadcom::led::{self, Led};
use luperiq_broadcom::pcie::{self, Found};
use luperiq_broadcom::power::{self, Power};
use luperiq_broadcom::random;
use luperiq_cadence::Gem;
use luperiq_formats::archive::{self, Archive};
use luperiq_formats::tree::{self, Machine};
use luperiq_policy::audit::Making;
use luperiq_policy::journal::EpochSeed;
use luperiq_policy::rules::LIMITS_COUNT;
use luperiq_policy::{System, Timestamp};
use luperiq_sdhci as sdhci;
use luperiq_store::{AnyDisk, Store};
use luperiq_virtio as virtio;
use luperiq_virtio::net::Net;
use luperiq_virtio::rng::Rng;

use crate::arch::{self, Firmware};
use crate::console::{self, say, shown};
use crate::device::block::Block;
use crate::device::gic::{Gic, Line};
use crate::device::pl031::Pl031;
use crate::device::{Card, Ethernet, Registers, Shared};
use crate::disk::Disk;
use crate::entropy::Entropy;
use crate::memory::frame::Frames;
use crate::memory::layout::{self, Image, PAGE};
use crate::memory::table::Tree;
use crate::memory::{heap, kernel_space, physical};
use crate::watchdog::Watchdog;
use crate::{ending, kernel, time};

/// Called by `boot.s`, once, on the stack that exceptions use later.
#[unsafe(no_mangle)]
extern "C" fn kernel_main(tree: u64, image: u64) -> ! {
    time::start();
    let Some((machine, tree_bytes)) = read_tree(tree) else {
        // Without a device tree there is no console to say so.
        arch::firmware(None, Firmware::SwitchOff)
    };
    let arguments = Arguments(machine.arguments);
    let is_emulated = arguments.value("exit") == Some("semihosting");
    ending::prepare(&machine, is_emulated, arguments.value("panic") == Some("reboot"));

    let linked = Image::linked();
    let archive_start = image + (linked.end - linked.text.0);
    // SAFETY: behind the image lies memory that the boot tables map, in the image's own gigabyte,
    // and nobody writes what the image brought with it.
    let head = unsafe { physical::constant(archive_start, archive::HEAD_BYTES) };
    let archive_end = archive_start + archive::length(head).unwrap_or(0).next_multiple_of(PAGE);
    let heap_bytes =
        heap_bytes(machine.memory.iter().fold(0, |sum, (_, bytes)| bytes.saturating_add(sum)));
    let heap_end = archive_end + heap_bytes;
    // SAFETY: as above; the archive ends where the heap begins, and everything up to `heap_end` is
    // left out of the frames below.
    unsafe { heap::start(layout::direct(archive_end), heap_bytes) };

    let mut frames = Frames::new();
    add_memory(&mut frames, &machine, [(image, heap_end), (tree, tree + tree_bytes)]);
    let Ok(space) = kernel_space::build(&mut frames, &machine, image, archive_end) else {
        arch::firmware(machine.conduit, Firmware::SwitchOff)
    };
    // SAFETY: `build` maps the image as it is linked and all of memory as `layout` has it; nothing
    // replaced the boot tables in TTBR0 yet.
    unsafe { arch::install_kernel_table(space.root(), image) };
    arch::forbid_writable_code();
    arch::confine_user();
    if let Some((serial, kind)) = machine.serial {
        // SAFETY: the device tree says that such a device is there, and `build` mapped it.
        unsafe { console::start(serial, kind) };
    }
    if let Some(at) = machine.power.filter(|at| *at < layout::PHYSICAL_END) {
        // SAFETY: as for the serial line.
        ending::power(Power::new(unsafe { Registers::new(at, power::WINDOW_BYTES) }));
    }
    let megabytes = (frames.total() * PAGE) >> 20;
    say!("LuperIQ kernel {}, {} MiB of memory", env!("CARGO_PKG_VERSION"), megabytes);
    let is_hashed_by_core = arch::prepare_hash(arguments.value("hash") != Some("software"));
    say!("SHA-256 by {}", if is_hashed_by_core { "the core" } else { "software" });
    #[cfg(feature = "selftest")]
    if let Some(name) = arguments.value("selftest") {
        crate::selftest::run(name, &mut frames);
    }
    let archive = archive_end - archive_start;
    // SAFETY: the archive is mapped read-only; its length was read from its head.
    let archive = unsafe { physical::constant(archive_start, archive as usize) };
    let devices = match devices(&machine, &mut frames) {
        Ok(devices) => devices,
        Err(error) => {
            say!("disk: {}", shown(&error));
            ending::failed()
        }
    };
    if arguments.value("pcie") == Some("look") {
        look_behind_pcie(&machine);
    }
    let light = light(&machine);
    let random = &devices.random[..devices.random_bytes];
    let archive = Archive::new(archive);
    let image_bytes = archive_end - image;
    let parts = (frames, space, archive, image_bytes);
    let Some(mut machine) = take_over(&machine, parts, random) else {
        say!("this machine lacks an interrupt controller, a timer, a random seed or memory");
        ending::failed()
    };
    let mut disk = Disk::new(devices.disk);
    match system(&mut machine, &mut disk) {
        Ok(system) => {
            if let Some(led) = light {
                ending::light(led);
            }
            machine.watchdog = arguments.value("watchdog").and_then(Watchdog::start);
            let first = arguments.value("init").unwrap_or("bin/init");
            kernel::start(machine, disk, devices.network, system, (first, arguments.rest()))
        }
        Err(error) => {
            say!("the record cannot be opened: {}", shown(&error));
            ending::failed()
        }
    }
}

/// Makes drivers for what the device tree names.
fn take_over(
    tree: &Machine<'_>,
    (mut frames, space, archive, image_bytes): (Frames, Tree, Archive, u64),
    random: &[u8],
) -> Option<kernel::Machine> {
    // SAFETY: the device tree says that these devices are there, `build` mapped a page of each, and
    // this is the only place that makes windows onto them.
    let window = |at, bytes| unsafe { Registers::new(at, bytes) };
    let (distributor, processor) = tree.interrupts?;
    let interrupts = Gic::new(
        window(distributor, Gic::DISTRIBUTOR_BYTES),
        window(processor, Gic::PROCESSOR_BYTES),
    );
    let clock = tree.clock.map(|clock| Pl031::new(window(clock, Pl031::BYTES)));
    let seconds = clock.map_or(0, |clock| u64::from(clock.seconds()));
    Some(kernel::Machine {
        empty: Tree::new(&mut frames)?,
        frames,
        space,
        interrupts,
        timer: Line(tree.timer?),
        serial: tree.serial_line.map(Line),
        wall_start: (seconds * 1000).saturating_sub(time::now() / 1_000_000),
        entropy: Entropy::new(tree.seed, random)?,
        archive,
        image_bytes,
        watchdog: None,
    })
}

/// Says what is behind each root complex. Nothing uses it yet, so a start does without it.
fn look_behind_pcie(tree: &Machine<'_>) {
    for (at, _) in tree.complexes.iter() {
        if !at.is_multiple_of(PAGE) || at >= layout::PHYSICAL_END - pcie::WINDOW_BYTES as u64 {
            continue;
        }
        // SAFETY: the device tree says that a root complex is here, `build` mapped all of its
        // registers, and this is the only window onto it.
        let window = unsafe { Registers::new(at, pcie::WINDOW_BYTES) };
        match pcie::look(&window) {
            Found::NoLink => say!("pcie: the link of {:#x} is down", at),
            Found::Other(id) => say!("pcie: behind {:#x} is {:#x}, not RP1", at, id),
            Found::Rp1(None) => say!("pcie: RP1 behind {:#x}, which no window shows", at),
            Found::Rp1(Some(seen)) => say!("pcie: RP1 behind {:#x}, seen at {:#x}", at, seen),
        }
    }
}

/// The light on the board, if there is one that the kernel knows.
fn light(tree: &Machine<'_>) -> Option<Led<Registers>> {
    let light = tree.led().filter(|light| light.at % PAGE + WINDOW <= PAGE)?;
    if light.at >= layout::PHYSICAL_END {
        return None;
    }
    let pins = match light.pins {
        tree::Pins::Bcm2711 => led::Pins::Functions,
        tree::Pins::SetTopBox => led::Pins::Levels,
    };
    // SAFETY: the device tree says that the controller is here, `build` mapped its page, which it
    // does not leave, and this is the only window onto it.
    let window = unsafe { Registers::new(light.at, led::WINDOW_BYTES) };
    Led::new(window, pins, light.pin, light.is_low)
}

/// Disk, network and random bytes: the first of each kind.
#[derive(Default)]
struct Devices {
    disk: Option<Store<AnyDisk>>,
    network: Option<Card>,
    /// What a source of random bytes gave.
    random: [u8; 32],
    random_bytes: usize,
}

/// Looks behind each window of virtio, once; a network card of its own counts if none is there.
fn devices(tree: &Machine<'_>, frames: &mut Frames) -> Result<Devices, luperiq_store::Error> {
    let mut devices = Devices::default();
    let lines = tree.virtio_lines.iter().map(|(line, _)| Line(line as u32));
    for ((at, bytes), line) in tree.virtio.iter().zip(lines) {
        if bytes < virtio::WINDOW_BYTES as u64 || at >= layout::PHYSICAL_END {
            continue;
        }
        // SAFETY: the device tree says that a device may be here, `build` mapped its page, and of
        // the three drivers only the one that knows the device goes on after a first look.
        let window = || unsafe { Registers::new(at, virtio::WINDOW_BYTES) };
        let mut page = || frames.take().map(Shared::new);
        if devices.random_bytes == 0
            && let Some(rng) = Rng::new(window(), &mut page)
        {
            let end = time::now() + RANDOM_PATIENCE;
            devices.random_bytes = rng.read(&mut devices.random, || time::now() > end);
            say!("entropy: {} bytes of a device", devices.random_bytes);
        } else if devices.network.is_none()
            && let Some(net) = Net::new(window(), page)
        {
            devices.network = Some(Card { net: Ethernet::Virtio(net), line });
        } else if devices.disk.is_none()
            && let Some(disk) = Block::new(window(), frames)
        {
            devices.disk = Some(mount(Box::new(disk))?);
        }
    }
    if let (Some(at), None) = (tree.card, &devices.disk)
        && at < layout::PHYSICAL_END
    {
        // SAFETY: the device tree says that the controller is here, `build` mapped its page, and
        // this is the only window onto it.
        let window = unsafe { Registers::new(at, sdhci::WINDOW_BYTES) };
        match sdhci::Card::new(window, time::now).and_then(sdhci::Partition::find) {
            Ok(Some(part)) => devices.disk = Some(mount(Box::new(part))?),
            Ok(None) => say!("disk: the card has no partition of kind 0xda"),
            Err(_) => say!("disk: no card that answers"),
        }
    }
    if let (Some(at), 0) = (tree.random, devices.random_bytes)
        && at < layout::PHYSICAL_END
    {
        // SAFETY: the device tree says that the source is here, `build` mapped its page, and this
        // is the only window onto it.
        let window = unsafe { Registers::new(at, random::WINDOW_BYTES) };
        let end = time::now() + RANDOM_PATIENCE;
        devices.random_bytes = random::read(&window, &mut devices.random, || time::now() > end);
        say!("entropy: {} bytes of a device", devices.random_bytes);
    }
    if let (Some((at, line)), None) = (tree.ethernet, &devices.network)
        && at < layout::PHYSICAL_END
    {
        // SAFETY: the device tree says that the card is here, `build` mapped its page, and this is
        // the only window onto it.
        let window = unsafe { Registers::new(at, luperiq_cadence::WINDOW_BYTES) };
        let gem = Gem::new(window, || frames.take().map(Shared::new));
        let line = Line(line);
        devices.network = gem.map(|gem| Card { net: Ethernet::Cadence(gem), line });
    }
    Ok(devices)
}

/// The store on a disk; a blank one is given one.
fn mount(disk: AnyDisk) -> Result<Store<AnyDisk>, luperiq_store::Error> {
    let store = luperiq_store::mount(disk)?;
    let [log, room] = [store.log_bytes(), store.log_bytes_max()].map(|it| it >> 10);
    say!("disk: a store, with a record of {} of {} KiB", log, room);
    Ok(store)
}

/// What programs share, with a record that begins, or goes on, by saying which kernel this is.
fn system(machine: &mut kernel::Machine, disk: &mut Disk) -> Result<System, Error> {
    let (mut journal, mut seed, mut nonce) = ([0; 8], [0; 32], [0; 16]);
    machine.entropy.fill(&mut journal);
    machine.entropy.fill(&mut seed);
    machine.entropy.fill(&mut nonce);
    let now = Timestamp(machine.wall_start + time::now() / 1_000_000);
    let log = disk.open_log(Making {
        origin: "luperiq".into(),
        journal,
        seed: EpochSeed::first(seed),
        nonce,
        now,
        bytes_max: LOG_BYTES,
        is_stored: false,
        digest: arch::sha256,
    })?;
    let mut limits = [u64::MAX; LIMITS_COUNT];
    for (limit, bound) in [
        (Limit::Handles, 8192),
        (Limit::Memory, machine.frames.free() * PAGE),
        (Limit::Processes, 200),
        (Limit::Jobs, 200),
        (Limit::Threads, 400),
        (Limit::Objects, 4096),
        (Limit::Priority, PRIORITY_MAX),
    ] {
        limits[limit.place()] = bound;
    }
    let mut system = System::new(limits, log, now)?;
    system.started(env!("CARGO_PKG_VERSION"))?;
    Ok(system)
}

/// Reads the device tree, if its address is one and a tree is there.
fn read_tree(physical: u64) -> Option<(Machine<'static>, u64)> {
    if !physical.is_multiple_of(8) || physical >= layout::PHYSICAL_END {
        return None;
    }
    // SAFETY: the boot tables map the gigabyte in which this address is, and the header of 40
    // bytes, at a multiple of 8, does not leave it.
    let bytes = tree::length(unsafe { physical::constant(physical, 40) })?;
    if (physical + bytes as u64 - 1) >> 30 != physical >> 30 {
        return None;
    }
    // SAFETY: as above for the whole tree; what it says stays out of the frames.
    let machine = tree::read(unsafe { physical::constant(physical, bytes) })?;
    Some((machine, bytes as u64))
}

/// Gives all memory to the frames but what is reserved by the machine or ours.
fn add_memory(frames: &mut Frames, machine: &Machine<'_>, own: [(u64, u64); 2]) {
    for (start, bytes) in machine.memory.iter() {
        let end = (start + bytes).min(layout::PHYSICAL_END);
        let mut at = start;
        while at < end {
            let reserved = machine.reserved.iter().map(|(start, bytes)| (start, start + bytes));
            // The first piece that ends behind `at` decides: skip it, or stop before it.
            let next = reserved
                .chain(own)
                .map(|(start, end)| (start / PAGE * PAGE, end.next_multiple_of(PAGE)))
                .filter(|(_, end)| *end > at)
                .min();
            match next {
                Some((taken, behind)) if taken <= at => at = behind,
                other => {
                    let stop = other.map_or(end, |(taken, _)| taken.min(end));
                    // SAFETY: the machine says that memory is here and nothing reserved is; the
                    // kernel's window onto it is mapped before a program's first frame is taken,
                    // and the tables themselves come from the image's gigabyte, see below.
                    unsafe { frames.add(at, stop) };
                    at = stop;
                }
            }
        }
    }
}

/// What the kernel was told: words, some of the form `name=value`.
struct Arguments<'a>(&'a str);

impl<'a> Arguments<'a> {
    fn value(&self, name: &str) -> Option<&'a str> {
        let own = self.0.get(..self.dashes()).unwrap_or_default();
        let mut pairs = own.split_ascii_whitespace().filter_map(|word| word.split_once('='));
        pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// What is for the first program: all behind two dashes.
    fn rest(&self) -> &'a str {
        self.0.get(self.dashes() + DASHES.len()..).unwrap_or_default()
    }

    /// Where the two dashes are, or the end.
    fn dashes(&self) -> usize {
        let place = self.0.as_bytes().windows(DASHES.len()).position(|part| part == DASHES);
        place.unwrap_or(self.0.len())
    }
}

/// Bytes of the registers of a light.
const WINDOW: u64 = led::WINDOW_BYTES as u64;

const DASHES: &[u8] = b" -- ";

/// A device that has random bytes gives them at once; without them the machine starts as well.
const RANDOM_PATIENCE: time::Instant = 1_000_000_000;

/// Bytes for the kernel's own structures, on a machine with so much memory: a quarter of a small
/// one, so that programs have the rest.
fn heap_bytes(memory: u64) -> u64 {
    (memory / 4).clamp(HEAP_BYTES.0, HEAP_BYTES.1) / PAGE * PAGE
}

/// At least, and at most.
const HEAP_BYTES: (u64, u64) = (4 << 20, 24 << 20);

/// The record in memory. Without a disk the oldest gives way; with one, what is safe there does.
const LOG_BYTES: usize = 1 << 20;
