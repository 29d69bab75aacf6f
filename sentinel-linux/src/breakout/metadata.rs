//! Metadata: owners, modes, times and attributes of files that were granted for reading or not.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Gid, IFlags, Mode, Timespec, Timestamps, UTIME_OMIT, Uid, XattrFlags,
};

use super::calls::{self, NOTHING, Word, ask, bytes, let_in};
use super::ground::{Ground, put_out};
use super::{Attempt, Proof, Refused, Tried};

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::new(
        "change-mode-outside",
        "A file outside is opened for all by chmod.",
        Proof::Changed,
        |ground| Ok(rustix::fs::chmod(ground.outside("target"), Mode::from_raw_mode(0o777))?),
    ),
    Attempt::new(
        "change-mode-of-grant",
        "A file granted for reading gets another mode.",
        Proof::Changed,
        |ground| Ok(rustix::fs::chmod(ground.shared("file"), Mode::from_raw_mode(0o777))?),
    ),
    Attempt::new(
        "change-mode-by-descriptor",
        "A descriptor that only reads is enough to change the mode.",
        Proof::Changed,
        |ground| Ok(rustix::fs::fchmod(open(ground)?, Mode::from_raw_mode(0o777))?),
    ),
    Attempt::new(
        "change-mode-by-path-descriptor",
        "fchmodat2 changes the mode through a descriptor that only names the file.",
        Proof::Changed,
        |ground| {
            let named = OpenOptions::new()
                .read(true)
                .custom_flags(libc::O_PATH)
                .open(ground.shared("file"))?;
            let words = [
                named.as_raw_fd().into(),
                Word::Text(c""),
                Word::Number(0o777),
                libc::AT_EMPTY_PATH.into(),
            ];
            let_in(ask(FCHMODAT2, words), &[])
        },
    ),
    Attempt::new(
        "change-owner-outside",
        "A file outside is given to somebody else.",
        Proof::Changed,
        |ground| Ok(std::os::unix::fs::chown(ground.outside("target"), Some(65_533), None)?),
    ),
    Attempt::new(
        "change-group-of-grant",
        "A file granted for reading is given to the group that it has: the call is let in.",
        Proof::Changed,
        |ground| {
            let group = rustix::process::getegid().as_raw();
            Ok(std::os::unix::fs::chown(ground.shared("file"), None, Some(group))?)
        },
    ),
    Attempt::new(
        "change-owner-by-descriptor",
        "A descriptor that only reads is enough to change the owner to the one it has.",
        Proof::Changed,
        |ground| {
            let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
            let (user, group) = (Uid::from_raw(user.as_raw()), Gid::from_raw(group.as_raw()));
            Ok(rustix::fs::fchown(open(ground)?, Some(user), Some(group))?)
        },
    ),
    Attempt::new(
        "change-times-outside",
        "A file outside is made to look old.",
        Proof::Changed,
        |ground| {
            let (file, none) = (ground.outside("target"), AtFlags::empty());
            Ok(rustix::fs::utimensat(CWD, &file, &old(), none)?)
        },
    ),
    Attempt::new(
        "change-times-by-descriptor",
        "A descriptor that only reads is enough to change the times.",
        Proof::Changed,
        |ground| Ok(rustix::fs::futimens(open(ground)?, &old())?),
    ),
    Attempt::new(
        "change-attribute-outside",
        "A file outside gets an extended attribute.",
        Proof::Changed,
        |ground| set_attribute(&ground.outside("target"), c"user.breakout", b"x"),
    ),
    Attempt::new(
        "change-attribute-by-descriptor",
        "A descriptor that only reads is enough to set an extended attribute.",
        Proof::Changed,
        |ground| {
            let none = XattrFlags::empty();
            Ok(rustix::fs::fsetxattr(open(ground)?, c"user.breakout", b"x", none)?)
        },
    ),
    Attempt::new(
        "change-attribute-by-newer-call",
        "setxattrat, which is younger than many lists of calls, sets an extended attribute.",
        Proof::Changed,
        |ground| {
            let name = calls::path(&ground.shared("file"))?;
            let value = *b"x";
            let arguments = bytes(&[value.as_ptr() as u64, 1]);
            let words = [
                libc::AT_FDCWD.into(),
                name.as_c_str().into(),
                NOTHING,
                Word::Text(c"user.breakout"),
                arguments.as_slice().into(),
                Word::Number(16),
            ];
            let_in(ask(SETXATTRAT, words), &[])
        },
    ),
    Attempt::new(
        "remove-attribute-of-grant",
        "An extended attribute of a file granted for reading is removed.",
        Proof::Changed,
        |ground| Ok(rustix::fs::removexattr(ground.shared("file"), c"user.pointer")?),
    ),
    Attempt::new(
        "change-access-list",
        "A file granted for reading gets a list of others who may use it.",
        Proof::Changed,
        |ground| {
            // Version 2: owner, a named user, group, mask, others; each a tag, rights and an id.
            let entries: [(u16, u16, u32); 5] = [
                (1, 6, u32::MAX),
                (2, 6, 65_533),
                (4, 4, u32::MAX),
                (16, 6, u32::MAX),
                (32, 4, u32::MAX),
            ];
            let mut list = 2_u32.to_ne_bytes().to_vec();
            for (tag, rights, id) in entries {
                list.extend_from_slice(&tag.to_ne_bytes());
                list.extend_from_slice(&rights.to_ne_bytes());
                list.extend_from_slice(&id.to_ne_bytes());
            }
            set_attribute(&ground.shared("file"), c"system.posix_acl_access", &list)
        },
    ),
    Attempt::new(
        "change-flags-by-descriptor",
        "A descriptor that only reads is enough to set the flags of a file.",
        Proof::Changed,
        |ground| Ok(rustix::fs::ioctl_setflags(open(ground)?, IFlags::NODUMP)?),
    ),
    Attempt::new(
        "change-flags-by-newer-call",
        "file_setattr, which is younger than many lists of calls, sets the flags of a file.",
        Proof::Changed,
        |ground| {
            let name = calls::path(&ground.shared("file"))?;
            // struct file_attr: flags (0x80: no dump), then three numbers that stay nothing.
            let attributes = bytes(&[0x80, 0, 0]);
            let words = [
                libc::AT_FDCWD.into(),
                name.as_c_str().into(),
                attributes.as_slice().into(),
                Word::Number(24),
                NOTHING,
            ];
            let_in(ask(FILE_SETATTR, words), &[])
        },
    ),
    Attempt::new(
        "read-attribute-outside",
        "An extended attribute of a file outside is read.",
        Proof::Secret,
        |ground| {
            let mut value = [0; 256];
            let read = rustix::fs::getxattr(ground.outside("target"), c"user.pointer", &mut value)?;
            put_out(value.get(..read).unwrap_or_default())
        },
    ),
    Attempt::new(
        "read-link-outside",
        "Where a symbolic link outside leads is read.",
        Proof::Secret,
        |ground| put_out(fs::read_link(ground.outside("pointer"))?.as_os_str().as_encoded_bytes()),
    ),
    Attempt::new(
        "read-size-outside",
        "Whether a file outside is there, and its size, can be asked.",
        Proof::Word,
        |ground| {
            fs::metadata(ground.outside("secret"))?;
            Ok(())
        },
    ),
    Attempt::new(
        "leave-setuid-program",
        "A program is left in the workspace that gives its maker's rights to whoever runs it.",
        Proof::Privileged,
        |ground| {
            let program = ground.workspace("left");
            fs::write(&program, "#!/bin/sh\n")?;
            Ok(fs::set_permissions(&program, fs::Permissions::from_mode(0o6755))?)
        },
    ),
    Attempt::new(
        "leave-setuid-program-at-birth",
        "The same, with the mode that the file is made with.",
        Proof::Privileged,
        |ground| {
            let program = ground.workspace("left");
            let mode = Mode::from_raw_mode(0o6755);
            let flags = rustix::fs::OFlags::CREATE | rustix::fs::OFlags::WRONLY;
            rustix::fs::openat(CWD, &program, flags, mode)?;
            Ok(())
        },
    ),
    Attempt::new(
        "leave-capable-program",
        "A program is left in the workspace that carries capabilities for whoever runs it.",
        Proof::Privileged,
        |ground| {
            let program = ground.workspace("left");
            fs::write(&program, "x")?;
            // Version 2, effective, and the capability to override all rights of files.
            let words: [u32; 5] = [0x0200_0001, 2, 0, 0, 0];
            let value: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            set_attribute(&program, c"security.capability", &value)
        },
    ),
];

const FCHMODAT2: libc::c_long = 452;
const SETXATTRAT: libc::c_long = 463;
const FILE_SETATTR: libc::c_long = 469;

/// A file granted for reading, open for reading.
fn open(ground: &Ground) -> Result<File, Refused> {
    Ok(File::open(ground.shared("file"))?)
}

fn old() -> Timestamps {
    let omitted = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
    Timestamps { last_access: omitted, last_modification: Timespec { tv_sec: 1, tv_nsec: 0 } }
}

fn set_attribute(file: &Path, name: &std::ffi::CStr, value: &[u8]) -> Tried {
    let name = CString::from(name);
    Ok(rustix::fs::setxattr(file, name.as_c_str(), value, XattrFlags::empty())?)
}
