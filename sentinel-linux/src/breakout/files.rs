//! Files: reading what was not granted, and changing what was granted for reading or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, ResolveFlags, openat};

use super::calls::{self, NOTHING, Word, ask, let_in};
use super::ground::{Ground, put_out};
use super::{Attempt, Need, Proof, Refused, Tried};

pub(super) const READS: &[Attempt] = &[
    Attempt::new(
        "read-by-absolute-path",
        "A file that was not granted is read by its path.",
        Proof::Secret,
        |ground| read(&ground.outside("secret")),
    ),
    Attempt::new(
        "read-by-dot-dot",
        "A path that climbs out of the workspace reads a file beside it.",
        Proof::Secret,
        |ground| read(&ground.workspace("../outside/secret")),
    ),
    Attempt::new(
        "read-by-openat-dot-dot",
        "A descriptor of the workspace and a path with two dots lead out of it.",
        Proof::Secret,
        |ground| {
            let place = File::open(ground.workspace(""))?;
            let file = openat(&place, "../outside/secret", OFlags::RDONLY, Mode::empty())?;
            read_from(file)
        },
    ),
    Attempt::new(
        "read-by-openat2-dot-dot",
        "openat2 that asks for no bounds climbs out of the workspace.",
        Proof::Secret,
        |ground| {
            let place = File::open(ground.workspace(""))?;
            let (way, none) = ("../outside/secret", ResolveFlags::empty());
            read_from(rustix::fs::openat2(&place, way, OFlags::RDONLY, Mode::empty(), none)?)
        },
    ),
    Attempt::new(
        "read-by-climbing-descriptors",
        "Each directory opened from the one before it, up to the root, and down again.",
        Proof::Secret,
        |ground| {
            let folder = OFlags::RDONLY | OFlags::DIRECTORY;
            let mut place: OwnedFd = File::open(ground.workspace(""))?.into();
            for _ in 0..64 {
                place = openat(&place, "..", folder, Mode::empty())?;
            }
            let secret = ground.outside("secret");
            let way = secret.strip_prefix("/").map_err(Refused::untried)?;
            read_from(openat(&place, way, OFlags::RDONLY, Mode::empty())?)
        },
    ),
    Attempt::new(
        "read-through-symlink",
        "A symbolic link in the workspace leads to a file outside.",
        Proof::Secret,
        |ground| {
            symlink(ground.outside("secret"), ground.workspace("link"))?;
            read(&ground.workspace("link"))
        },
    ),
    Attempt::new(
        "read-through-directory-symlink",
        "A symbolic link in the workspace leads to a directory outside.",
        Proof::Secret,
        |ground| {
            symlink(ground.outside(""), ground.workspace("link"))?;
            read(&ground.workspace("link/secret"))
        },
    ),
    Attempt::new(
        "read-through-hard-link",
        "A second name in the workspace for a file outside.",
        Proof::Secret,
        |ground| {
            fs::hard_link(ground.outside("secret"), ground.workspace("alias"))?;
            read(&ground.workspace("alias"))
        },
    ),
    Attempt::new(
        "read-after-rename-in",
        "A file outside is moved into the workspace and read there.",
        Proof::Secret,
        |ground| {
            fs::rename(ground.outside("secret"), ground.workspace("stolen"))?;
            read(&ground.workspace("stolen"))
        },
    ),
    Attempt::new(
        "read-by-symlink-race",
        "A thread swaps a file of the workspace for a link out while another opens it.",
        Proof::Secret,
        symlink_race,
    ),
    Attempt::new(
        "read-proc-self-root",
        "The root that /proc names for this process is the one of the machine.",
        Proof::Secret,
        |ground| read(&beneath("/proc/self/root", &ground.outside("secret"))),
    ),
    Attempt::new(
        "read-proc-parent-root",
        "The root of the parent process, through /proc.",
        Proof::Secret,
        |ground| read(&beneath("/proc/{parent}/root", &ground.outside("secret"))),
    ),
    Attempt::new(
        "read-proc-init-root",
        "The root of process 1, through /proc.",
        Proof::Secret,
        |ground| read(&beneath("/proc/1/root", &ground.outside("secret"))),
    ),
    Attempt::new(
        "read-proc-victim-root",
        "The root of another process of the same user, through /proc.",
        Proof::Secret,
        |ground| {
            let root = format!("/proc/{}/root", ground.text("victim")?);
            read(&beneath(&root, &ground.outside("secret")))
        },
    )
    .needing(&[Need::Victim]),
    Attempt::new(
        "read-proc-victim-directory",
        "The working directory of another process, through /proc.",
        Proof::Secret,
        |ground| read(Path::new(&format!("/proc/{}/cwd/secret", ground.text("victim")?))),
    )
    .needing(&[Need::Victim]),
    Attempt::new(
        "read-proc-victim-descriptor",
        "A file that another process has open, through /proc.",
        Proof::Secret,
        |ground| {
            let (victim, open) = (ground.text("victim")?, ground.text("victim-descriptor")?);
            read(Path::new(&format!("/proc/{victim}/fd/{open}")))
        },
    )
    .needing(&[Need::Victim]),
    Attempt::new(
        "read-inherited-file",
        "A file that the starting process had open and forgot.",
        Proof::Secret,
        |_| every_descriptor(|open| read_from(rustix::io::dup(open)?)),
    ),
    Attempt::new(
        "read-inherited-directory",
        "A directory that the starting process had open and forgot.",
        Proof::Secret,
        |_| {
            every_descriptor(|open| {
                read_from(openat(open, "secret", OFlags::RDONLY, Mode::empty())?)
            })
        },
    ),
    Attempt::new(
        "read-by-file-handle",
        "open_by_handle_at opens a file by its number, whatever its path is.",
        Proof::Secret,
        by_handle,
    ),
    Attempt::new(
        "read-through-descriptor-of-proc",
        "The link that /proc has for an open directory is climbed up from.",
        Proof::Secret,
        |ground| {
            let place = File::open(ground.workspace(""))?;
            let way = format!("/proc/self/fd/{}/../outside/secret", place.as_raw_fd());
            read(Path::new(&way))
        },
    ),
    Attempt::new(
        "read-name-of-file",
        "The names in a directory that was not granted are listed.",
        Proof::Secret,
        |ground| {
            for entry in fs::read_dir(ground.outside(""))? {
                put_out(entry?.file_name().as_encoded_bytes())?;
            }
            Ok(())
        },
    ),
    Attempt::new(
        "read-after-chroot",
        "The old way out of a changed root: change it again and climb.",
        Proof::Secret,
        |ground| {
            fs::create_dir(ground.workspace("cell"))?;
            let secret = ground.outside("secret");
            rustix::process::chroot(ground.workspace("cell"))?;
            for _ in 0..64 {
                rustix::process::chdir("..")?;
            }
            rustix::process::chroot(".")?;
            read(&secret)
        },
    ),
    Attempt::new(
        "read-shadow",
        "The hashes of everybody's passwords are read (and not shown).",
        Proof::Word,
        |_| read_some("/etc/shadow"),
    ),
    Attempt::new(
        "read-shared-memory-directory",
        "A file of another program in /dev/shm is read.",
        Proof::Secret,
        |ground| read(Path::new(ground.text("shm-file")?)),
    ),
    Attempt::new(
        "read-temporary-directory",
        "A file of another program in the temporary directory of the machine is read.",
        Proof::Secret,
        |ground| read(Path::new(ground.text("temporary-file")?)),
    ),
    Attempt::new(
        "read-disk",
        "The disk beneath the file system is read past all its rights (one block, not shown).",
        Proof::Word,
        |_| {
            let disks = fs::read_dir("/dev")?.filter_map(Result::ok);
            let mut last = Refused::untried("there is no disk");
            for disk in disks.filter(|it| it.file_type().is_ok_and(|it| it.is_block_device())) {
                match read_some(&disk.path().to_string_lossy()) {
                    Ok(()) => return Ok(()),
                    Err(refused) => last = refused,
                }
            }
            Err(last)
        },
    ),
    Attempt::new(
        "read-disk-by-own-node",
        "A device node made in the workspace reads the disk (one block, not shown).",
        Proof::Word,
        |ground| {
            let number = fs::metadata(ground.workspace(""))?.dev();
            let node = ground.workspace("disk");
            rustix::fs::mknodat(CWD, &node, FileType::BlockDevice, Mode::RUSR, number)?;
            read_some(&node.to_string_lossy())
        },
    ),
    Attempt::new(
        "watch-outside",
        "inotify tells when a file outside is used.",
        Proof::Word,
        |ground| {
            let watch = rustix::fs::inotify::init(rustix::fs::inotify::CreateFlags::CLOEXEC)?;
            let flags = rustix::fs::inotify::WatchFlags::ACCESS;
            rustix::fs::inotify::add_watch(&watch, ground.outside("secret"), flags)?;
            Ok(())
        },
    ),
    Attempt::new(
        "watch-whole-disk",
        "fanotify tells of every file of the machine that is opened.",
        Proof::Word,
        |_| let_in(ask(libc::SYS_fanotify_init, [NOTHING, libc::O_RDONLY.into()]), &[]),
    ),
];

pub(super) const WRITES: &[Attempt] = &[
    Attempt::new(
        "write-by-absolute-path",
        "A file that was not granted is overwritten by its path.",
        Proof::Changed,
        |ground| append(&ground.outside("target")),
    ),
    Attempt::new(
        "write-through-symlink",
        "A symbolic link in the workspace is written through.",
        Proof::Changed,
        |ground| {
            symlink(ground.outside("target"), ground.workspace("link"))?;
            append(&ground.workspace("link"))
        },
    ),
    Attempt::new(
        "write-read-only-grant",
        "A file that was granted for reading is written.",
        Proof::Changed,
        |ground| append(&ground.shared("file")),
    ),
    Attempt::new(
        "write-by-reopening-descriptor",
        "A file open for reading is opened again for writing through /proc/self/fd.",
        Proof::Changed,
        |ground| {
            let file = File::open(ground.shared("file"))?;
            append(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd())))
        },
    ),
    Attempt::new(
        "write-by-reopening-path-descriptor",
        "A descriptor that only names a file becomes one that writes it.",
        Proof::Changed,
        |ground| {
            let none = Mode::empty();
            let file = openat(CWD, ground.shared("file"), OFlags::PATH, none)?;
            append(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd())))
        },
    ),
    Attempt::new(
        "write-through-hard-link-of-grant",
        "A file granted for reading gets a name in the workspace and is written by that.",
        Proof::Changed,
        |ground| {
            fs::hard_link(ground.shared("file"), ground.workspace("alias"))?;
            append(&ground.workspace("alias"))
        },
    ),
    Attempt::new(
        "write-through-link-of-descriptor",
        "An open file of a grant for reading is linked into the workspace through /proc.",
        Proof::Changed,
        |ground| {
            let file = File::open(ground.shared("file"))?;
            let name = format!("/proc/self/fd/{}", file.as_raw_fd());
            let alias = ground.workspace("alias");
            rustix::fs::linkat(CWD, &name, CWD, &alias, AtFlags::SYMLINK_FOLLOW)?;
            append(&alias)
        },
    ),
    Attempt::new(
        "truncate-outside",
        "A file outside is made empty by its path.",
        Proof::Changed,
        |ground| {
            let name = calls::path(&ground.outside("target"))?;
            let_in(ask(libc::SYS_truncate, [name.as_c_str().into(), NOTHING]), &[])
        },
    ),
    Attempt::new(
        "truncate-read-only-grant",
        "A file granted for reading is made empty.",
        Proof::Changed,
        |ground| {
            let name = calls::path(&ground.shared("file"))?;
            let_in(ask(libc::SYS_truncate, [name.as_c_str().into(), NOTHING]), &[])
        },
    ),
    Attempt::new(
        "create-outside",
        "A new file appears beside the workspace.",
        Proof::Changed,
        |ground| Ok(fs::write(ground.outside("new"), "x")?),
    ),
    Attempt::new(
        "create-in-read-only-grant",
        "A new file appears in a directory granted for reading.",
        Proof::Changed,
        |ground| Ok(fs::write(ground.shared("new"), "x")?),
    ),
    Attempt::new(
        "create-directory-outside",
        "A new directory appears beside the workspace.",
        Proof::Changed,
        |ground| Ok(fs::create_dir(ground.outside("new"))?),
    ),
    Attempt::new(
        "create-symlink-outside",
        "A new symbolic link appears beside the workspace.",
        Proof::Changed,
        |ground| Ok(symlink("secret", ground.outside("new"))?),
    ),
    Attempt::new("remove-outside", "A file outside is removed.", Proof::Changed, |ground| {
        Ok(fs::remove_file(ground.outside("target"))?)
    }),
    Attempt::new(
        "remove-from-read-only-grant",
        "A file granted for reading is removed.",
        Proof::Changed,
        |ground| Ok(fs::remove_file(ground.shared("file"))?),
    ),
    Attempt::new(
        "rename-out",
        "A file of the workspace is moved over one outside.",
        Proof::Changed,
        |ground| {
            fs::write(ground.workspace("own"), "x")?;
            Ok(fs::rename(ground.workspace("own"), ground.outside("target"))?)
        },
    ),
    Attempt::new(
        "rename-into-read-only-grant",
        "A file of the workspace is moved over one that was granted for reading.",
        Proof::Changed,
        |ground| {
            fs::write(ground.workspace("own"), "x")?;
            Ok(fs::rename(ground.workspace("own"), ground.shared("file"))?)
        },
    ),
    Attempt::new(
        "rename-exchange",
        "A file of the workspace and one granted for reading change places.",
        Proof::Changed,
        |ground| {
            fs::write(ground.workspace("own"), "x")?;
            let (own, other) = (ground.workspace("own"), ground.shared("file"));
            Ok(rustix::fs::renameat_with(CWD, &own, CWD, &other, RenameFlags::EXCHANGE)?)
        },
    ),
    Attempt::new(
        "link-out",
        "A file of the workspace gets a second name outside.",
        Proof::Changed,
        |ground| {
            fs::write(ground.workspace("own"), "x")?;
            Ok(fs::hard_link(ground.workspace("own"), ground.outside("new"))?)
        },
    ),
    Attempt::new(
        "write-inherited-directory",
        "A file is made in a directory that the starting process had open and forgot.",
        Proof::Left,
        |ground| {
            every_descriptor(|open| {
                let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::EXCL;
                openat(open, ground.sign(), flags, Mode::RUSR | Mode::WUSR)?;
                Ok(())
            })
        },
    ),
    Attempt::new(
        "write-accounts",
        "The list of users can be written (it is opened for that, and left as it is).",
        Proof::Word,
        |_| opened_for_writing("/etc/passwd"),
    ),
    Attempt::new(
        "write-programs",
        "A file can be put among the system's programs (it is made without a name).",
        Proof::Word,
        |_| {
            let flags = OFlags::TMPFILE | OFlags::WRONLY;
            openat(CWD, "/usr/bin", flags, Mode::RUSR)?;
            Ok(())
        },
    ),
    Attempt::new(
        "write-core-pattern",
        "The program that the kernel starts as root for each crash can be set.",
        Proof::Word,
        |_| rewritten("/proc/sys/kernel/core_pattern"),
    ),
    Attempt::new(
        "write-modprobe-path",
        "The program that the kernel starts as root for a module can be set.",
        Proof::Word,
        |_| rewritten("/proc/sys/kernel/modprobe"),
    ),
    Attempt::new(
        "write-binary-formats",
        "A program can be registered that runs for a format of others.",
        Proof::Word,
        |_| opened_for_writing("/proc/sys/fs/binfmt_misc/register"),
    ),
    Attempt::new(
        "write-release-agent",
        "The program that the kernel starts as root for an empty control group can be set.",
        Proof::Word,
        |_| {
            let groups = fs::read_dir("/sys/fs/cgroup")?.filter_map(Result::ok);
            let mut last = Refused::untried("there is no control group of the first version");
            for agent in groups.map(|group| group.path().join("release_agent")) {
                match agent.exists().then(|| opened_for_writing(&agent.to_string_lossy())) {
                    Some(Ok(())) => return Ok(()),
                    Some(Err(refused)) => last = refused,
                    None => (),
                }
            }
            Err(last)
        },
    ),
    Attempt::new(
        "write-sysrq",
        "The key that makes the kernel reboot or dump can be pressed (it is not).",
        Proof::Word,
        |_| opened_for_writing("/proc/sysrq-trigger"),
    ),
    Attempt::new(
        "write-kernel-setting",
        "A setting of the whole machine is written (with the value that it has).",
        Proof::Word,
        |_| rewritten("/proc/sys/vm/overcommit_memory"),
    ),
];

fn read(file: &Path) -> Tried {
    put_out(&fs::read(file)?)
}

fn read_from(file: OwnedFd) -> Tried {
    let (mut file, mut text) = (File::from(file), Vec::new());
    // No pipe or terminal is waited for.
    if file.metadata()?.is_file() {
        io::Seek::rewind(&mut file)?;
        file.take(4096).read_to_end(&mut text)?;
    }
    put_out(&text)
}

/// Something of a file that is not ours to show.
pub(super) fn read_some(file: &str) -> Tried {
    let mut some = [0; 16];
    match File::open(file)?.read(&mut some)? {
        0 => Err(Refused::stopped("it is empty")),
        _ => Ok(()),
    }
}

/// A path as it stands beneath another root.
fn beneath(root: &str, file: &Path) -> std::path::PathBuf {
    let parent = std::os::unix::process::parent_id().to_string();
    let way = file.strip_prefix("/").unwrap_or(file);
    Path::new(&root.replace("{parent}", &parent)).join(way)
}

fn append(file: &Path) -> Tried {
    Ok(OpenOptions::new().append(true).open(file)?.write_all(b"changed")?)
}

/// It can be written, and nothing is.
pub(super) fn opened_for_writing(file: &str) -> Tried {
    OpenOptions::new().write(true).custom_flags(libc::O_NOCTTY).open(file)?;
    Ok(())
}

/// It can be written, with what it holds already.
fn rewritten(file: &str) -> Tried {
    let held = fs::read(file)?;
    Ok(OpenOptions::new().write(true).open(file)?.write_all(&held)?)
}

/// Tries something with everything that is open besides the usual three.
pub(super) fn every_descriptor(
    mut attempt: impl FnMut(rustix::fd::BorrowedFd<'_>) -> Tried,
) -> Tried {
    let mut last = Refused::stopped("nothing but the usual three is open");
    for number in 3..256 {
        // SAFETY: whether it is open is what is asked; no call here closes it, and this process
        // has no other thread that might.
        let open = unsafe { rustix::fd::BorrowedFd::borrow_raw(number) };
        if rustix::io::fcntl_getfd(open.as_fd()).is_err() {
            continue;
        }
        // All are tried, for the one that works may be one of many.
        if let Err(refused) = attempt(open) {
            last = refused;
        } else {
            last = Refused::stopped("what is open is of no use");
        }
    }
    Err(last)
}

fn by_handle(ground: &Ground) -> Tried {
    let handle = ground.text("handle")?;
    let digits = (0..handle.len() / 2).map(|at| handle.get(2 * at..2 * at + 2));
    let bytes: Option<Vec<u8>> = digits.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect();
    let mut bytes = bytes.ok_or_else(|| Refused::untried("the handle does not read"))?;
    let place = File::open(ground.workspace(""))?;
    let words = [place.as_raw_fd().into(), Word::Room(&mut bytes), libc::O_RDONLY.into()];
    let opened = ask(libc::SYS_open_by_handle_at, words)?;
    read(Path::new(&format!("/proc/self/fd/{opened}")))
}

fn symlink_race(ground: &Ground) -> Tried {
    let (name, spare) = (ground.workspace("file"), ground.workspace("spare"));
    fs::write(&name, "harmless")?;
    symlink(ground.outside("secret"), &spare)?;
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let _ = rustix::fs::renameat_with(CWD, &name, CWD, &spare, RenameFlags::EXCHANGE);
            }
        });
        let texts = (0..10_000).filter_map(|_| fs::read(&name).ok());
        let stolen = texts.into_iter().find(|text| text != b"harmless");
        is_over.store(true, Ordering::Relaxed);
        put_out(&stolen.ok_or_else(|| Refused::stopped("the link never led out"))?)
    })
}
