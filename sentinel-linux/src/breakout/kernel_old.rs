//! Old entrances of the kernel: kept for programs of long ago, and seldom looked at.

#[cfg(not(target_arch = "x86_64"))]
use super::Refused;
use super::calls::{NOTHING, Word, ask, let_in};
use super::files::read_some;
use super::{Attempt, Proof, Tried};

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::new(
        "call-as-32-bit",
        "Calls of 32-bit programs, which have other numbers, pass a filter that forgot them.",
        Proof::Word,
        |_| old::call_as_32_bit(),
    ),
    Attempt::new(
        "call-as-32-bit-socket",
        "A socket is made by the number that it has for 32-bit programs.",
        Proof::Word,
        |_| old::socket_as_32_bit(),
    ),
    Attempt::new(
        "call-as-x32",
        "Calls of the x32 kind, which have other numbers, pass a filter that forgot them.",
        Proof::Word,
        |_| let_in(ask(0x4000_0000 + libc::SYS_getpid, []), &[]),
    ),
    Attempt::new(
        "read-descriptor-table",
        "modify_ldt reads the table of memory segments.",
        Proof::Word,
        |_| old::descriptor_table(false),
    ),
    Attempt::new(
        "write-descriptor-table",
        "modify_ldt adds a memory segment, as exploits like it.",
        Proof::Word,
        |_| old::descriptor_table(true),
    ),
    Attempt::new("list-file-systems", "sysfs, the obsolete call, answers.", Proof::Word, |_| {
        old::list_file_systems()
    }),
    Attempt::new("ask-file-system", "ustat, the obsolete call, answers.", Proof::Word, |ground| {
        old::ask_file_system(ground)
    }),
    Attempt::new(
        "use-library",
        "uselib, the obsolete call, answers (asked for a library there is not).",
        Proof::Word,
        |_| old::use_library(),
    ),
    Attempt::new("raise-io-level", "iopl opens the ports of devices.", Proof::Word, |_| {
        old::raise_io_level()
    }),
    Attempt::new(
        "open-io-ports",
        "ioperm opens a port of a device (one that nothing listens to).",
        Proof::Word,
        |_| old::open_io_ports(),
    ),
    Attempt::new("open-port-device", "The ports of devices as a file.", Proof::Word, |_| {
        super::files::opened_for_writing("/dev/port")
    }),
    Attempt::new(
        "read-physical-memory",
        "The memory of the machine is read, past all processes.",
        Proof::Word,
        |_| read_some("/dev/mem"),
    ),
    Attempt::new(
        "look-up-cookie",
        "lookup_dcookie, the obsolete call, answers.",
        Proof::Word,
        |_| {
            let mut room = [0; 64];
            let words = [NOTHING, Word::Room(&mut room), Word::Number(64)];
            let_in(ask(libc::SYS_lookup_dcookie, words), &[libc::EINVAL])
        },
    ),
    Attempt::new(
        "swap-pages-of-nodes",
        "migrate_pages moves memory between banks, also of others.",
        Proof::Word,
        |_| {
            let nodes = super::calls::bytes(&[1]);
            let words =
                [NOTHING, Word::Number(2), nodes.as_slice().into(), nodes.as_slice().into()];
            let_in(ask(libc::SYS_migrate_pages, words), &[])
        },
    ),
];

#[cfg(target_arch = "x86_64")]
mod old {
    use std::arch::asm;
    use std::io;
    use std::os::unix::fs::MetadataExt as _;

    use super::super::ground::Ground;
    use super::{NOTHING, Tried, Word, ask, let_in};

    /// The entrance of 32-bit programs.
    fn interrupt(call: u32, first: u32, second: u32, third: u32) -> io::Result<i32> {
        let answer: i32;
        // SAFETY: the calls made through here take numbers only. The kernel keeps all registers
        // but the answer; the one that the compiler keeps for itself is saved by hand.
        unsafe {
            asm!(
                "xchg {first:r}, rbx",
                "int 0x80",
                "xchg {first:r}, rbx",
                first = inout(reg) u64::from(first) => _,
                inlateout("eax") call as i32 => answer,
                in("ecx") second,
                in("edx") third,
                lateout("r8") _, lateout("r9") _, lateout("r10") _, lateout("r11") _,
            );
        }
        if answer < 0 { Err(io::Error::from_raw_os_error(-answer)) } else { Ok(answer) }
    }

    pub(super) fn call_as_32_bit() -> Tried {
        const GETPID: u32 = 20;
        interrupt(GETPID, 0, 0, 0)?;
        Ok(())
    }

    pub(super) fn socket_as_32_bit() -> Tried {
        const SOCKET: u32 = 359;
        let (family, kind) = (libc::AF_INET as u32, libc::SOCK_STREAM as u32);
        interrupt(SOCKET, family, kind, 0)?;
        Ok(())
    }

    pub(super) fn descriptor_table(writes: bool) -> Tried {
        // struct user_desc: entry 0, its start, its length, and bits of a plain segment.
        let entry = [0_u32, 0, 0xfff, 0b101_0001];
        let mut room: Vec<u8> = entry.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let words = [Word::Number(writes.into()), Word::Room(&mut room), Word::Number(16)];
        let_in(ask(libc::SYS_modify_ldt, words), &[])
    }

    pub(super) fn list_file_systems() -> Tried {
        let_in(ask(libc::SYS_sysfs, [Word::Number(3), NOTHING, NOTHING]), &[])
    }

    pub(super) fn ask_file_system(ground: &Ground) -> Tried {
        let number = std::fs::metadata(ground.workspace(""))?.dev();
        let mut room = [0; 64];
        let words = [Word::Number(number.cast_signed()), Word::Room(&mut room)];
        let_in(ask(libc::SYS_ustat, words), &[])
    }

    pub(super) fn use_library() -> Tried {
        let_in(ask(libc::SYS_uselib, [Word::Text(c"/sentinel-none")]), &[libc::ENOENT])
    }

    pub(super) fn raise_io_level() -> Tried {
        let_in(ask(libc::SYS_iopl, [Word::Number(3)]), &[])
    }

    pub(super) fn open_io_ports() -> Tried {
        // The port that is written to for a pause.
        let words = [Word::Number(0x80), Word::Number(1), Word::Number(1)];
        let_in(ask(libc::SYS_ioperm, words), &[])
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod old {
    use super::super::ground::Ground;
    use super::{Refused, Tried};

    fn none() -> Tried {
        Err(Refused::untried("this kind of processor never had it"))
    }

    pub(super) fn call_as_32_bit() -> Tried {
        none()
    }

    pub(super) fn socket_as_32_bit() -> Tried {
        none()
    }

    pub(super) fn descriptor_table(_: bool) -> Tried {
        none()
    }

    pub(super) fn list_file_systems() -> Tried {
        none()
    }

    pub(super) fn ask_file_system(_: &Ground) -> Tried {
        none()
    }

    pub(super) fn use_library() -> Tried {
        none()
    }

    pub(super) fn raise_io_level() -> Tried {
        none()
    }

    pub(super) fn open_io_ports() -> Tried {
        none()
    }
}
