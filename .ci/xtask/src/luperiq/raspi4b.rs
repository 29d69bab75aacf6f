//! The device tree of the Raspberry Pi 4, as far as the kernel and the emulator want it.
//!
//! Linux's has 60 KB and is not ours to bring. Addresses, lines and buses are the same, from
//! "BCM2711 ARM Peripherals" and Linux's bindings; the emulator adds memory and the command line.
//! The kernel reads Linux's own as well, which was tried by hand. One thing differs: on the board
//! the card is behind EMMC2, in the emulator behind the older controller at 0x7e300000. Both are
//! standard ones, so the tree says of that place what it would say of the other.

use std::path::{Path, PathBuf};

use super::cases::{self, Case};
use super::converse::converse;
use super::qemu::{self, Board, Machine};
use super::tree::{self, Tree};
use super::{appliance, card, cuts, disk, given, is_well_on, light, shell, target};
use crate::error::Error;
use crate::workspace::Workspace;

/// Boots the image on a Raspberry Pi 4, where there is an emulator of one: how many boots did not
/// go as they should.
pub(super) fn run(workspace: &Workspace, image: &Path, selftest: &Path) -> Result<usize, Error> {
    if let Some(reason) = qemu::missing_for_raspi4b(workspace) {
        println!("   skip    EL2  raspi4b: {reason}");
        return Ok(0);
    }
    let tree = tree(workspace)?;
    let machine = Machine { board: Board::Raspi4b(&tree), ..Machine::new("") };
    let mut failed = 0;
    for case in cases::BOOTS {
        failed += usize::from(!is_well_on(workspace, image, case, machine)?);
    }
    failed += usize::from(!is_well_on(workspace, image, &WATCHDOG, machine)?);
    failed += usize::from(!is_well_on(workspace, selftest, &RESTART, machine)?);
    let low = without_head(workspace, image)?;
    failed += usize::from(!is_well_on(workspace, &low, &LOW, machine)?);
    let outcome = converse(workspace, image, &machine, shell::TYPED)?;
    shell::judge("raspi4b", "EL2", &outcome)?;
    failed += super::fail_on_card(workspace, selftest, machine)?;
    cuts::run(workspace, image, machine, super::CUTS_OF_CARD, None)?;
    light::run(workspace, image, machine)?;
    talk(workspace, machine)?;
    Ok(failed)
}

/// Talks over two boots with the appliance that is given out for a Raspberry Pi 5, on its card.
fn talk(workspace: &Workspace, machine: Machine<'_>) -> Result<(), Error> {
    let (image, card) = given::card(workspace, "raspi4b.card")?;
    appliance::converse_again(workspace, &image, Machine { disk: Some(&card), ..machine })?;
    let data = card::data(workspace, &card)?;
    appliance::audit(workspace, &[data.display().to_string()])?;
    disk::remove(&data)?;
    disk::remove(&card)
}

/// Writes the tree for one boot, and says where it is.
pub(super) fn tree(workspace: &Workspace) -> Result<PathBuf, Error> {
    tree::write(workspace, "raspi4b.dtb", blob)
}

/// An image that does not say that it is one: firmware and emulator load that at 0x80000, which
/// is no multiple of 2 MiB.
fn without_head(workspace: &Workspace, image: &Path) -> Result<PathBuf, Error> {
    let mut bytes = std::fs::read(image).map_err(|cause| Error::file("read", image, &cause))?;
    bytes.get_mut(56..60).into_iter().for_each(|magic| magic.fill(0));
    let path = target(workspace).join("luperiq-low.img");
    std::fs::write(&path, bytes).map_err(|cause| Error::file("write", &path, &cause))?;
    Ok(path)
}

fn blob(seed: &[u8]) -> Vec<u8> {
    let mut tree = Tree::default();
    tree.begin("");
    tree.words("#address-cells", &[2]);
    tree.words("#size-cells", &[1]);
    tree.set("compatible", b"raspberrypi,4-model-b\0brcm,bcm2711\0");
    tree.begin("chosen");
    tree.set("rng-seed", seed);
    tree.end();
    tree.begin("timer");
    tree.set("compatible", b"arm,armv8-timer\0");
    let private = [13, 14, 11, 10].map(|line| [1, line, 0xf08]);
    tree.words("interrupts", private.as_flattened());
    tree.end();
    tree.begin("soc");
    tree.set("compatible", b"simple-bus\0");
    tree.words("#address-cells", &[1]);
    tree.words("#size-cells", &[1]);
    let peripherals = [0x7e00_0000, 0, 0xfe00_0000, 0x180_0000];
    let processor = [0x4000_0000, 0, 0xff80_0000, 0x80_0000];
    tree.words("ranges", [peripherals, processor].as_flattened());
    tree.begin("interrupt-controller@40041000");
    tree.set("compatible", b"arm,gic-400\0");
    tree.set("interrupt-controller", b"");
    tree.words("#interrupt-cells", &[3]);
    tree.words("reg", &[0x4004_1000, 0x1000, 0x4004_2000, 0x2000]);
    tree.end();
    tree.begin("serial@7e201000");
    tree.set("compatible", b"arm,pl011\0arm,primecell\0");
    tree.words("reg", &[0x7e20_1000, 0x200]);
    tree.words("interrupts", &[0, 121, 4]);
    tree.end();
    tree.begin("gpio@7e200000");
    tree.set("compatible", b"brcm,bcm2711-gpio\0");
    tree.words("reg", &[0x7e20_0000, 0xb4]);
    tree.words("phandle", &[6]);
    tree.end();
    tree.begin("mmc@7e300000");
    tree.set("compatible", b"brcm,bcm2711-emmc2\0");
    tree.words("reg", &[0x7e30_0000, 0x100]);
    tree.end();
    tree.begin("watchdog@7e100000");
    tree.set("compatible", b"brcm,bcm2711-pm\0brcm,bcm2835-pm-wdt\0");
    tree.words("reg", &[0x7e10_0000, 0x114, 0x7e00_a000, 0x24, 0x7ec1_1000, 0x20]);
    tree.end();
    tree.end();
    tree.begin("leds");
    tree.set("compatible", b"gpio-leds\0");
    tree.begin("led-act");
    tree.words("gpios", &[6, 42, 0]);
    tree.end();
    tree.end();
    tree.end();
    // The first page is where the other cores wait for somebody to call them.
    tree.blob(&[(0, 0x1000)])
}

/// The emulator models what starts the machine again, and no time: whoever arms the watchdog is
/// started again at once, and with that it ends. The program would have ended it with another
/// status. What comes of feeding it in time, and of not, is tested in `luperiq-broadcom`.
const WATCHDOG: Case = Case {
    name: "the watchdog is armed, by its password",
    arguments: std::borrow::Cow::Borrowed("init=probe/null watchdog=15"),
    expected: &["LuperIQ kernel", "watchdog: 15 seconds"],
    forbidden: &["panic", "fault", "this machine has none", "killed"],
    status: 0,
};

/// There is no firmware to be asked for a restart.
const RESTART: Case = Case {
    name: "a panic starts the machine again, without firmware",
    arguments: std::borrow::Cow::Borrowed(
        "init=probe/bench-use selftest=panic-in-call panic=reboot",
    ),
    expected: &["kernel panic at", "audit: ", ", head "],
    forbidden: &["nothing stopped it"],
    status: 0,
};

/// From 0x80000, which is where firmware loads what has no head, the kernel moves itself.
const LOW: Case = Case {
    name: "it moves to where its tables can map it",
    arguments: std::borrow::Cow::Borrowed("init=probe/exit"),
    expected: &["LuperIQ kernel", "`probe/exit` starts", "audit: ", ", head ", cases::NOTHING_LEFT],
    forbidden: &["panic", "fault"],
    status: 0,
};
