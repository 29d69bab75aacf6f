//! One machine, booted once: what it printed and how it ended.
//!
//! # Invariants
//! - A machine that does not end by itself is ended, and says so in its outcome.

use std::ffi::OsString;
use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::apt;
use crate::error::Error;
use crate::process::Process;
use crate::workspace::Workspace;

/// Which machine.
#[derive(Clone, Copy, Debug)]
pub(super) enum Board<'a> {
    /// The emulator's own, whose devices are virtio's.
    Virt,
    /// The ZCU102, of which this file is the device tree.
    Zcu102(&'a Path),
    /// The Raspberry Pi 4, of which this file is the device tree. It always starts at EL2, and has
    /// 2 GiB. Only newer emulators know it.
    Raspi4b(&'a Path),
}

/// A machine to boot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machine<'a> {
    pub(super) board: Board<'a>,
    /// Whether the firmware starts the kernel at EL2.
    pub(super) has_hypervisor: bool,
    /// How many nanoseconds an instruction takes, as a power of two, so that every run is the same;
    /// else time is this machine's.
    pub(super) pace: Option<u8>,
    /// What the kernel is told.
    pub(super) arguments: &'a str,
    /// Whether it has a network card, whose other end is this machine, and where virtio is a source
    /// of random bytes. The emulator's Raspberry Pi 4 has none.
    pub(super) has_network: bool,
    /// Where the emulator takes orders while it runs, if it takes any: a socket at this path.
    pub(super) orders: Option<&'a Path>,
    /// What it has for a disk.
    pub(super) disk: Option<&'a Path>,
    /// How many MiB of memory it has, if the board leaves that open.
    pub(super) memory: u32,
    /// How long it may run.
    pub(super) patience: Duration,
}

impl<'a> Machine<'a> {
    /// A machine without a disk that boots at EL1 and is done in a moment.
    pub(super) const fn new(arguments: &'a str) -> Self {
        Self {
            board: Board::Virt,
            has_hypervisor: false,
            pace: None,
            has_network: false,
            arguments,
            orders: None,
            disk: None,
            memory: MEMORY,
            patience: PATIENCE,
        }
    }
}

/// How a run went.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Everything on the serial line, without carriage returns.
    pub(super) output: String,
    /// The status; `None` if the machine had to be ended.
    pub(super) status: Option<i32>,
}

/// Why there is no emulator here, after trying to install it.
pub(super) fn missing(workspace: &Workspace) -> Option<String> {
    let qemu = emulator();
    let is_there = || workspace.process(&qemu).args(["--version"]).succeeds();
    if is_there() {
        return None;
    }
    if qemu != QEMU {
        return Some(format!("`{qemu}`, which {VARIABLE} names, does not run"));
    }
    match apt::install(workspace, &["qemu-system-arm"]) {
        Ok(()) if is_there() => None,
        Ok(()) => Some(format!("no {QEMU} although its package is installed")),
        Err(error) => Some(format!("no {QEMU} ({error})")),
    }
}

/// Why there is no emulator of a Raspberry Pi 4 here. That is nothing to be installed: the
/// emulator of one release of Debian knows it, that of another does not.
pub(super) fn missing_for_raspi4b(workspace: &Workspace) -> Option<String> {
    (!is_newer(workspace)).then(|| {
        let qemu = emulator();
        format!("`{qemu}` does not know it; {VARIABLE} may name one of QEMU 9.0 or later")
    })
}

/// Whether the emulator is of QEMU 9.0 or later: those know a Raspberry Pi 4.
fn is_newer(workspace: &Workspace) -> bool {
    static IS_NEWER: OnceLock<bool> = OnceLock::new();
    *IS_NEWER.get_or_init(|| {
        let machines = workspace.process(&emulator()).args(["-M", "help"]).output();
        machines.unwrap_or_default().lines().any(|line| line.starts_with("raspi4b "))
    })
}

/// The emulator: what the environment names, else what the path has.
fn emulator() -> String {
    std::env::var(VARIABLE).unwrap_or_else(|_| QEMU.into())
}

impl Machine<'_> {
    /// Whether what it has for a disk is an SD card, with a partition that is the kernel's.
    pub(super) const fn has_card(&self) -> bool {
        !matches!(self.board, Board::Virt)
    }

    /// What is said of it: where it starts, and which one it is.
    pub(super) const fn name(&self) -> &'static str {
        match (self.board, self.has_hypervisor) {
            (Board::Virt, false) => "EL1  ",
            (Board::Virt, true) => "EL2  ",
            (Board::Zcu102(_), false) => "EL1  zcu102: ",
            (Board::Zcu102(_), true) => "EL2  zcu102: ",
            (Board::Raspi4b(_), _) => "EL2  raspi4b: ",
        }
    }

    /// Boots an image and waits for its end.
    pub(super) fn boot(&self, workspace: &Workspace, image: &Path) -> Result<Outcome, Error> {
        let (bytes, status) = self.boot_for_bytes(workspace, image)?;
        let output = String::from_utf8_lossy(&bytes).replace('\r', "");
        Ok(Outcome { output, status })
    }

    /// The same, with what was on the serial line as it was.
    pub(super) fn boot_for_bytes(
        &self,
        workspace: &Workspace,
        image: &Path,
    ) -> Result<(Vec<u8>, Option<i32>), Error> {
        let process = self.process(workspace, image).args(["-display", "none"]);
        let mut command = process.command();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|cause| process.not_started(&cause))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let reader = |pipe: Option<Box<dyn std::io::Read + Send>>| {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                // A broken pipe is the end of the machine, which the status tells.
                let _ = pipe.map(|pipe| pipe.take(OUTPUT_MAX).read_to_end(&mut bytes));
                bytes
            })
        };
        let output = reader(stdout.map(|pipe| Box::new(pipe) as _));
        let complaint = reader(stderr.map(|pipe| Box::new(pipe) as _));
        let deadline = Instant::now() + self.patience;
        let status = loop {
            match child.try_wait().map_err(|cause| process.not_started(&cause))? {
                Some(status) => break status.code(),
                None if Instant::now() < deadline => std::thread::sleep(POLL),
                None => {
                    // It may have ended just now, which is as well.
                    let _ = child.kill();
                    let _ = child.wait();
                    break None;
                }
            }
        };
        let mut output = output.join().unwrap_or_default();
        output.extend(complaint.join().unwrap_or_default());
        Ok((output, status))
    }

    /// The emulator for this machine, with the serial line on its own output.
    pub(super) fn process(&self, workspace: &Workspace, image: &Path) -> Process {
        let level = if self.has_hypervisor { ",virtualization=on" } else { "" };
        let board: Vec<OsString> = match self.board {
            Board::Virt => [format!("virt{level}"), "-cpu".into(), "cortex-a76".into()]
                .map(OsString::from)
                .into(),
            Board::Zcu102(tree) => {
                [format!("xlnx-zcu102{level}").into(), "-dtb".into(), tree.into()].into()
            }
            Board::Raspi4b(tree) => ["raspi4b".into(), "-dtb".into(), tree.into()].into(),
        };
        // Time does not jump while something is under way outside of the machine.
        let sleep = if self.has_network { "on" } else { "off" };
        let counted = self.pace.map(|shift| format!("shift={shift},sleep={sleep}"));
        let counted = counted.into_iter().flat_map(|how| ["-icount".into(), how]);
        let network: &[&str] = match (self.has_network, self.board) {
            (true, Board::Virt) => &[
                "-netdev",
                "user,id=net,ipv6=off",
                "-device",
                "virtio-net-device,netdev=net",
                "-device",
                "virtio-rng-device",
            ],
            (true, Board::Zcu102(_)) => {
                &["-netdev", "user,id=net,ipv6=off", "-net", "nic,netdev=net"]
            }
            (true, Board::Raspi4b(_)) | (false, _) => &[],
        };
        let disk: Vec<OsString> = match self.disk {
            Some(path) if self.has_card() => {
                let mut drive = OsString::from("if=sd,format=raw,file=");
                drive.push(path);
                ["-drive".into(), drive].into()
            }
            Some(path) => {
                let mut drive = OsString::from("if=none,id=disk,format=raw,file=");
                drive.push(path);
                let device = "virtio-blk-device,drive=disk";
                ["-drive".into(), drive, "-device".into(), device.into()].into()
            }
            None => Vec::new(),
        };
        let orders = self.orders.into_iter().flat_map(|path| {
            let mut socket = OsString::from("unix:");
            socket.push(path);
            socket.push(",server=on,wait=off");
            ["-monitor".into(), socket]
        });
        // The ZCU102 has a display with sound, which nobody here hears. Newer emulators are told so
        // by an argument that older ones do not know, and these by a variable.
        let is_deaf = matches!(self.board, Board::Zcu102(_)) && is_newer(workspace);
        let sound: &[&str] = if is_deaf { &["-audio", "none"] } else { &[] };
        let is_raspi = matches!(self.board, Board::Raspi4b(_));
        let memory = if is_raspi { 2048 } else { self.memory }.to_string();
        let arguments = format!("exit=semihosting {}", self.arguments);
        workspace
            .process(&emulator())
            .args(["-M"])
            .args(board)
            .args(["-m", &memory, "-nodefaults", "-semihosting"])
            .set("QEMU_AUDIO_DRV", "none")
            .args(sound.iter().copied())
            // A machine that starts again would do so for ever.
            .args(["-no-reboot"])
            .args(["-serial", "stdio", "-global", "virtio-mmio.force-legacy=false"])
            .args(disk)
            .args(orders)
            .args(network.iter().copied())
            .args(counted)
            .args(["-append", arguments.trim_end(), "-kernel"])
            .args([image])
    }
}

const QEMU: &str = "qemu-system-aarch64";

/// More than any check needs.
const MEMORY: u32 = 128;

/// Names another emulator.
const VARIABLE: &str = "SENTINEL_QEMU";

/// A run takes a tenth of a second; a machine that shares its processor is still a hundred times
/// faster than this.
const PATIENCE: Duration = Duration::from_secs(60);

/// Short against a run.
const POLL: Duration = Duration::from_millis(5);

/// A kernel that prints without end is a finding, not a full disk.
const OUTPUT_MAX: u64 = 4 << 20;
