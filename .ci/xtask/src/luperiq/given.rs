//! `cargo xtask luperiq image`: what is given out, for QEMU's `virt` and for a Raspberry Pi 5.
//!
//! # Invariants
//! - The same sources in the same place give the same bytes; `--twice` builds them again, from
//!   nothing, and compares.
//! - What has keys in it nobody else may read.
//! - What is missing for a board to start is said, on the card and here.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::appliance::{self, DISK_BYTES, Parts};
use super::{card, disk, image, target};
use crate::error::Error;
use crate::similar;
use crate::workspace::Workspace;

/// Which machine, and what goes in besides.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wish<'a> {
    is_pi5: bool,
    /// A folder of one's own, as for `luperiq talk`.
    settings: Option<&'a Path>,
    /// Where the firmware's device tree and its overlays are.
    firmware: Option<&'a Path>,
    is_twice: bool,
}

pub(super) fn command(workspace: &Workspace, words: &[String]) -> Result<(), Error> {
    let wish = read(words)?;
    let firmware = wish.firmware.map(firmware).transpose()?.unwrap_or_default();
    let parts = appliance::parts(workspace, wish.settings)?;
    let name = if wish.is_pi5 { "pi5" } else { "virt" };
    let folder = target(workspace).join("images").join(name);
    // Nothing of an earlier one stays beside what is listed below.
    let _ = std::fs::remove_dir_all(&folder);
    make(&folder)?;
    let is_secret = wish.settings.is_some();
    let names = if wish.is_pi5 {
        let files = boot_files(&parts, &firmware)?;
        for (name, content) in &files {
            let path = folder.join("boot").join(name);
            make(path.parent().unwrap_or(&folder))?;
            appliance::write(&path, content, is_secret)?;
        }
        card::write(&folder.join(CARD), &files, is_secret)?;
        let names = files.iter().map(|(name, _)| format!("boot/{name}"));
        names.chain([CARD.to_string()]).collect()
    } else {
        appliance::write(&folder.join(VIRT), &parts.image()?, is_secret)?;
        disk::make(&folder.join(VIRT_DISK), DISK_BYTES)?;
        vec![VIRT.to_string(), VIRT_DISK.to_string()]
    };
    let report = sizes(&parts)?;
    appliance::write(&folder.join("SIZES"), report.as_bytes(), false)?;
    sums(workspace, &folder, &names)?;
    println!("{report}\n{}", folder.display());
    if wish.is_pi5 && firmware.is_empty() {
        println!("{LACKING}");
    }
    if wish.is_twice { compare(workspace, &wish, &parts) } else { Ok(()) }
}

/// The image and the card of the Raspberry Pi 5, for a machine that is emulated.
pub(super) fn card(workspace: &Workspace, name: &str) -> Result<(PathBuf, PathBuf), Error> {
    let parts = appliance::parts(workspace, None)?;
    let [image, path] = [VIRT, name].map(|name| target(workspace).join(name));
    appliance::write(&image, &parts.image()?, false)?;
    card::write(&path, &boot_files(&parts, &[])?, false)?;
    card::stretch(&path)?;
    Ok((image, path))
}

fn read(words: &[String]) -> Result<Wish<'_>, Error> {
    let usage = "`luperiq image` takes virt or pi5";
    let mut words = words.iter();
    let is_pi5 = match words.next().map(String::as_str) {
        Some("virt") => false,
        Some("pi5") => true,
        Some(other) => return Err(Error::new(format!("{usage}, not `{other}`"))),
        None => return Err(Error::new(usage)),
    };
    let mut wish = Wish { is_pi5, ..Wish::default() };
    while let Some(word) = words.next() {
        let mut folder = || {
            let folder = words.next().map(Path::new).filter(|folder| folder.is_dir());
            folder.ok_or_else(|| Error::new(format!("`{word}` takes a folder")))
        };
        match word.as_str() {
            "--settings" => wish.settings = Some(folder()?),
            "--firmware" if is_pi5 => wish.firmware = Some(folder()?),
            "--twice" => wish.is_twice = true,
            _ => return Err(similar::unknown("option", word, OPTIONS, "docs/PI5.md")),
        }
    }
    Ok(wish)
}

/// The files of the firmware that a board does not start without, from a folder that has them.
fn firmware(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let mut files = Vec::new();
    for name in FIRMWARE {
        let path = folder.join(name);
        let content = appliance::read(path.clone()).map_err(|error| error.help(LACKING))?;
        if !content.starts_with(&TREE_MAGIC) {
            return Err(Error::new(format!("{} is no device tree", path.display())).help(LACKING));
        }
        files.push((name.to_string(), content));
    }
    Ok(files)
}

/// What stands on the partition that the firmware reads.
fn boot_files(
    parts: &Parts,
    firmware: &[(String, Vec<u8>)],
) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let mut files = vec![
        ("kernel_2712.img".to_string(), parts.image()?),
        ("config.txt".into(), CONFIG.into()),
        ("cmdline.txt".into(), COMMAND_LINE.into()),
        ("README.txt".into(), README.into()),
    ];
    // What a person can read of what is in the image; neither programs nor keys.
    let is_readable = |name: &str| !name.starts_with("bin/") && !name.starts_with("tls/");
    let copies = parts.files.iter().filter(|(name, _)| is_readable(name));
    files.extend(copies.map(|(name, content)| (format!("sentinel/{name}"), content.clone())));
    files.extend_from_slice(firmware);
    files.sort();
    Ok(files)
}

/// What everything takes, for people.
fn sizes(parts: &Parts) -> Result<String, Error> {
    let whole = parts.image()?.len();
    let kernel = image::constant_bytes(&parts.kernel).unwrap_or_default();
    let mut text = String::new();
    let mut line = |what: &str, bytes: usize, goal: Option<usize>| {
        let goal = goal.map_or(String::new(), |goal| format!("of {goal}"));
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{:<44}{bytes:>10} {goal}", format!("{what} (bytes)").trim_end());
    };
    line("the image, kernel and archive", whole, Some(IMAGE_BYTES_MAX));
    line("text and constants of the kernel", kernel, Some(KERNEL_BYTES_MAX));
    for (name, content) in &parts.files {
        line(name, content.len(), None);
    }
    if whole > IMAGE_BYTES_MAX || kernel > KERNEL_BYTES_MAX {
        text.push_str("MISSED: more than the goal\n");
    }
    Ok(text)
}

/// Writes SHA-256 of each file beside them, in the form that `sha256sum -c` reads.
fn sums(workspace: &Workspace, folder: &Path, names: &[String]) -> Result<(), Error> {
    let whole = names.iter().map(|name| folder.join(name));
    let said = workspace.process("sha256sum").args(whole).output()?;
    let said = said.replace(&format!("{}/", folder.display()), "");
    appliance::write(&folder.join("SHA256SUMS"), said.as_bytes(), false)
}

/// Builds everything once more, in another place and from nothing, and compares.
fn compare(workspace: &Workspace, wish: &Wish<'_>, first: &Parts) -> Result<(), Error> {
    let elsewhere = target(workspace).join("again");
    // Of an earlier time, which failed.
    let _ = std::fs::remove_dir_all(&elsewhere);
    let second = appliance::parts(&workspace.built_in(elsewhere.clone()), wish.settings)?;
    let files = first.files.iter().zip(&second.files);
    let mut pairs: Vec<_> = files.map(|(one, other)| (one.0.as_str(), one == other)).collect();
    pairs.push(("the kernel", first.kernel == second.kernel));
    let differing: Vec<_> = pairs.iter().filter(|(_, is_same)| !is_same).collect();
    if first.files.len() != second.files.len() || !differing.is_empty() {
        let names: Vec<_> = differing.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        return Err(Error::new(format!("two builds of the same sources differ in {names}"))
            .help(format!("the second one is in {}", elsewhere.display())));
    }
    std::fs::remove_dir_all(&elsewhere)
        .map_err(|cause| Error::file("remove", &elsewhere, &cause))?;
    println!("built twice, the second time from nothing: the same bytes");
    Ok(())
}

fn make(folder: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(folder).map_err(|cause| Error::file("make", folder, &cause))
}

const OPTIONS: [&str; 3] = ["--settings", "--firmware", "--twice"];

const VIRT: &str = "sentinel-virt.img";
const VIRT_DISK: &str = "sentinel-virt.disk";
const CARD: &str = "sentinel-pi5.sd.img";

/// What the firmware hands the kernel, and what it applies to it on later boards.
const FIRMWARE: [&str; 2] = ["bcm2712-rpi-5-b.dtb", "overlays/bcm2712d0.dtbo"];

const TREE_MAGIC: [u8; 4] = [0xd0, 0x0d, 0xfe, 0xed];

const LACKING: &str = "\
a Raspberry Pi 5 does not start from this without bcm2712-rpi-5-b.dtb and overlays/bcm2712d0.dtbo:
they stand in `boot` of github.com/raspberrypi/firmware and on the boot partition of Raspberry Pi
OS. `luperiq image pi5 --firmware FOLDER` takes them from a folder; or copy them onto the first
partition of the card.";

/// For the firmware; docs/PI5.md says why each.
const CONFIG: &str = "\
# Sentinel on LuperIQ. docs/PI5.md of its sources says why each line stands here.
arm_64bit=1
kernel=kernel_2712.img
kernel_address=0x200000
os_check=0
device_tree=bcm2712-rpi-5-b.dtb
enable_uart=1
uart_2ndstage=1
pciex4_reset=0
";

/// What the kernel is told: whatever goes wrong, and should it hang, it starts again.
const COMMAND_LINE: &str = "panic=reboot watchdog=15\n";

const README: &str = "\
This card starts Sentinel on the LuperIQ kernel, on a Raspberry Pi 5.

It needs two files that are not ours to give out, here and in `overlays`:

  bcm2712-rpi-5-b.dtb
  overlays/bcm2712d0.dtbo

If they are missing, copy them from `boot` of github.com/raspberrypi/firmware or from the boot
partition of Raspberry Pi OS.

What stands in `sentinel` is a copy for people: the kernel reads its own, which is in
kernel_2712.img. Other settings need another image: cargo xtask luperiq image pi5 --settings FOLDER.

The second partition has no file system. The kernel keeps its files and its record there.
";

/// What an image may take.
const IMAGE_BYTES_MAX: usize = 3 << 20;

/// What of it the kernel may.
const KERNEL_BYTES_MAX: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(String::from).collect()
    }

    #[test]
    fn what_is_wanted_is_read_and_anything_else_refused() {
        assert_eq!(read(&words("virt")).unwrap(), Wish::default());
        let dot = Some(Path::new("."));
        let wish = Wish { is_pi5: true, settings: dot, firmware: dot, is_twice: true };
        assert_eq!(read(&words("pi5 --firmware . --twice --settings .")).unwrap(), wish);
        for wrong in ["", "pi4", "pi5 --firmware", "pi5 --settings /nowhere", "virt --firmware ."] {
            assert!(read(&words(wrong)).is_err(), "{wrong}");
        }
        assert!(read(&[]).is_err());
    }

    #[test]
    fn neither_programs_nor_keys_are_copied_onto_the_card() {
        let mut kernel = b"\x7fELF\x02\x01".to_vec();
        kernel.resize(0x100, 0);
        let names = ["bin/agent", "boot.toml", "etc/sentinel.toml", "tls/keys/anthropic"];
        let files = names.map(|name| (name.to_string(), name.as_bytes().to_vec())).to_vec();
        // A kernel that is none cannot become an image, so nothing is written of it either.
        assert!(boot_files(&Parts { kernel, files: files.clone() }, &[]).is_err());
        let parts = Parts { kernel: image::tests::elf(), files };
        let made = boot_files(&parts, &[("overlays/bcm2712d0.dtbo".into(), vec![1])]).unwrap();
        let names: Vec<_> = made.iter().map(|(name, _)| name.as_str()).collect();
        let expected = [
            "README.txt",
            "cmdline.txt",
            "config.txt",
            "kernel_2712.img",
            "overlays/bcm2712d0.dtbo",
            "sentinel/boot.toml",
            "sentinel/etc/sentinel.toml",
        ];
        assert_eq!(names, expected);
    }
}
