//! Execution: running a program or code that was not granted but brought along.

use std::ffi::CStr;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::{AsFd, AsRawFd as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::ptr;

use rustix::fs::MemfdFlags;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap, mmap_anonymous, mprotect};

use super::calls::{self, Word, in_child};
use super::ground::{Ground, put_out};
use super::program::{ANSWER, code, dropped};
use super::{Attempt, Need, Proof, Refused, Tried};
use crate::plain::Plain;

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::new(
        "run-from-memory-by-descriptor",
        "A program that exists in memory alone is run with execveat.",
        Proof::Ran,
        |_| {
            let memory = in_memory()?;
            execute_at(&memory, c"", libc::AT_EMPTY_PATH)
        },
    ),
    Attempt::new(
        "run-from-memory-by-proc",
        "A program that exists in memory alone is run by its name in /proc.",
        Proof::Ran,
        |_| {
            let memory = in_memory()?;
            execute(Path::new(&format!("/proc/self/fd/{}", memory.as_raw_fd())))
        },
    ),
    Attempt::new(
        "run-from-workspace",
        "A program dropped in the workspace is run.",
        Proof::Ran,
        |ground| drop_and_execute(&ground.workspace("dropped")),
    ),
    Attempt::new(
        "run-from-workspace-by-descriptor",
        "A program dropped in the workspace is run through a descriptor that names it.",
        Proof::Ran,
        |ground| {
            let program = ground.workspace("dropped");
            drop_at(&program)?;
            let named = File::options().read(true).custom_flags(libc::O_PATH).open(program)?;
            execute_at(&named, c"", libc::AT_EMPTY_PATH)
        },
    ),
    Attempt::new(
        "run-from-temporary-directory",
        "A program dropped in /tmp is run.",
        Proof::Ran,
        |ground| drop_for_a_moment(&Path::new("/tmp").join(ground.sign())),
    ),
    Attempt::new(
        "run-from-other-temporary-directory",
        "A program dropped in /var/tmp is run.",
        Proof::Ran,
        |ground| drop_for_a_moment(&Path::new("/var/tmp").join(ground.sign())),
    ),
    Attempt::new(
        "run-from-shared-memory",
        "A program dropped in /dev/shm is run.",
        Proof::Ran,
        |ground| drop_for_a_moment(&Path::new("/dev/shm").join(ground.sign())),
    ),
    Attempt::new(
        "run-unnamed-file",
        "A program in a file of the workspace that never had a name is run.",
        Proof::Ran,
        |ground| {
            let unnamed = || File::options().read(true).write(true).mode(0o700).to_owned();
            let mut file = unnamed().custom_flags(libc::O_TMPFILE).open(ground.workspace(""))?;
            file.write_all(&dropped()?)?;
            // Nothing that is open for writing is run: a second, reading descriptor is.
            let name = format!("/proc/self/fd/{}", file.as_raw_fd());
            let reading = File::open(name)?;
            drop(file);
            execute_at(&reading, c"", libc::AT_EMPTY_PATH)
        },
    ),
    Attempt::new(
        "run-script-from-workspace",
        "A script dropped in the workspace is run as a program, by its first line.",
        Proof::Ran,
        |ground| {
            let script = ground.workspace("script");
            let text = format!("#!/bin/sh\necho {}\nexit {ANSWER}\n", super::program::RAN);
            fs::write(&script, text)?;
            fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
            execute(&script)
        },
    ),
    Attempt::new(
        "run-by-loader",
        "The loader of the system runs a file that is not executable.",
        Proof::Ran,
        |ground| {
            let program = ground.workspace("copied");
            fs::write(&program, fs::read("/bin/echo")?)?;
            fs::set_permissions(&program, fs::Permissions::from_mode(0o644))?;
            let said = Plain::new(loader()?).word(&program).word(super::program::RAN).said()?;
            put_out(&said.stdout)?;
            if said.status.success() { Ok(()) } else { Err(said_to(&said.stderr)) }
        },
    ),
    Attempt::new(
        "preload-library",
        "A library dropped in the workspace is loaded into a program that was granted.",
        Proof::Word,
        |ground| {
            let library = ground.workspace("dropped.so");
            fs::write(&library, fs::read(library_of_system()?)?)?;
            let plain = Plain::new("/bin/true").variable("LD_PRELOAD", &library);
            // The loader tells which libraries it started.
            let said = plain.variable("LD_DEBUG", "files").said()?.stderr;
            let said = String::from_utf8_lossy(&said);
            let started = format!("calling init: {}", library.display());
            if said.contains(&started) {
                return Ok(());
            }
            let why = said.lines().find(|line| line.contains("ERROR"));
            Err(Refused::stopped(why.unwrap_or("the loader did not start it").trim()))
        },
    ),
    Attempt::new(
        "map-file-to-run",
        "A file of the workspace is mapped as code and called.",
        Proof::Word,
        |ground| {
            let file = ground.workspace("code");
            fs::write(&file, page()?)?;
            let (run, own) = (ProtFlags::READ | ProtFlags::EXEC, MapFlags::PRIVATE);
            // SAFETY: a new mapping, where the kernel likes; nothing is replaced.
            let place = unsafe { mmap(ptr::null_mut(), PAGE, run, own, File::open(file)?, 0) }?;
            called(place)
        },
    ),
    Attempt::new(
        "map-file-twice",
        "A file of the workspace is mapped for writing and, elsewhere, as code.",
        Proof::Word,
        |ground| {
            let file = ground.workspace("code");
            fs::write(&file, [0; PAGE])?;
            let file = File::options().read(true).write(true).open(file)?;
            twice(file)
        },
    ),
    Attempt::new(
        "map-memory-file-twice",
        "Memory with a descriptor is mapped for writing and, elsewhere, as code.",
        Proof::Word,
        |_| {
            let memory = rustix::fs::memfd_create(c"code", MemfdFlags::CLOEXEC)?;
            rustix::fs::ftruncate(&memory, PAGE as u64)?;
            twice(memory)
        },
    ),
    Attempt::new(
        "map-memory-to-write-and-run",
        "Memory that is written and run at the same time.",
        Proof::Word,
        |_| {
            let all = ProtFlags::READ | ProtFlags::WRITE | ProtFlags::EXEC;
            written_and_called(all, |_| Ok(()))
        },
    ),
    Attempt::new(
        "turn-memory-into-code",
        "Memory that was written is made runnable by mprotect.",
        Proof::Word,
        |_| {
            written_and_called(ProtFlags::READ | ProtFlags::WRITE, |place| {
                let run = MprotectFlags::READ | MprotectFlags::EXEC;
                // SAFETY: it is the page that was mapped for this, and nothing else refers to it.
                Ok(unsafe { mprotect(place, PAGE, run) }?)
            })
        },
    ),
    Attempt::new(
        "turn-memory-into-code-by-key",
        "Memory that was written is made runnable by pkey_mprotect, which lists forget.",
        Proof::Word,
        |_| {
            written_and_called(ProtFlags::READ | ProtFlags::WRITE, |place| {
                let run = libc::PROT_READ | libc::PROT_EXEC;
                // SAFETY: it is the page that was mapped for this, and nothing else refers to it.
                let answer =
                    unsafe { libc::syscall(libc::SYS_pkey_mprotect, place, PAGE, run, -1) };
                if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error().into()) }
            })
        },
    ),
    Attempt::new(
        "run-readable-memory",
        "A personality in which all that is read can be run.",
        Proof::Word,
        |_| {
            let personality = Word::Number(READ_IMPLIES_RUN);
            calls::ask(libc::SYS_personality, [personality])?;
            written_and_called(ProtFlags::READ | ProtFlags::WRITE, |_| Ok(()))
        },
    ),
    Attempt::new(
        "run-shared-segment",
        "A segment of shared memory is attached as code.",
        Proof::Word,
        shared_segment,
    ),
    Attempt::new(
        "overwrite-code-by-proc",
        "Code that cannot be written is overwritten through /proc/self/mem.",
        Proof::Word,
        |_| {
            let run = ProtFlags::READ | ProtFlags::EXEC;
            let own = MapFlags::PRIVATE;
            // SAFETY: a new mapping, where the kernel likes; nothing is replaced.
            let place = unsafe { mmap_anonymous(ptr::null_mut(), PAGE, run, own) }?;
            let memory = File::options().write(true).open("/proc/self/mem")?;
            std::os::unix::fs::FileExt::write_all_at(&memory, code()?, place as u64)?;
            called(place)
        },
    ),
    Attempt::new(
        "gain-rights-by-setuid",
        "A program that belongs to root runs as root, whoever starts it.",
        Proof::Word,
        |ground| {
            let program = ground.shared("setuid");
            fs::metadata(&program).map_err(|_| Refused::untried("it needs root"))?;
            // Whoever is root already gains nothing by it.
            let _ = calls::ask(libc::SYS_setgid, [65_534.into()]);
            let _ = calls::ask(libc::SYS_setuid, [65_534.into()]);
            execute(&program)
        },
    )
    .needing(&[Need::Setuid]),
    Attempt::new(
        "gain-rights-allowed",
        "The process is not barred from gaining rights by starting a program.",
        Proof::Word,
        |_| match rustix::thread::no_new_privs()? {
            true => Err(Refused::stopped("no new privileges, for ever")),
            false => Ok(()),
        },
    ),
];

const PAGE: usize = 65_536;
const READ_IMPLIES_RUN: i64 = 0x40_0000;

fn in_memory() -> Result<File, Refused> {
    let memory = rustix::fs::memfd_create(c"dropped", MemfdFlags::empty())?;
    let mut memory = File::from(memory);
    memory.write_all(&dropped()?)?;
    Ok(memory)
}

fn drop_at(file: &Path) -> Result<&Path, Refused> {
    fs::write(file, dropped()?)?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755))?;
    Ok(file)
}

fn drop_and_execute(file: &Path) -> Tried {
    execute(drop_at(file)?)
}

/// For places that are not swept up together with the ground.
fn drop_for_a_moment(file: &Path) -> Tried {
    let tried = drop_and_execute(file);
    let _ = fs::remove_file(file);
    tried
}

fn execute(program: &Path) -> Tried {
    let program = calls::path(program)?;
    run(&program, &[&program])
}

fn run(program: &CStr, words: &[&CStr]) -> Tried {
    let mut words: Vec<*const libc::c_char> = words.iter().map(|word| word.as_ptr()).collect();
    words.push(ptr::null());
    let none: [*const libc::c_char; 1] = [ptr::null()];
    // SAFETY: the path and both lists end as they must, and outlive the call, which returns only
    // if it failed.
    started(|| unsafe { libc::execve(program.as_ptr(), words.as_ptr(), none.as_ptr()) })
}

fn execute_at(place: &impl AsFd, way: &CStr, flags: i32) -> Tried {
    let none: [*const libc::c_char; 1] = [ptr::null()];
    let words = [c"dropped".as_ptr(), ptr::null()];
    let (place, way) = (place.as_fd().as_raw_fd(), way.as_ptr());
    started(|| {
        // SAFETY: the path and both lists end as they must, and outlive the call, which returns
        // only if it failed.
        let answer = unsafe {
            let (words, none) = (words.as_ptr(), none.as_ptr());
            libc::syscall(libc::SYS_execveat, place, way, words, none, flags)
        };
        i32::try_from(answer).unwrap_or(-1)
    })
}

/// Whether a child that becomes another program ends as the dropped one does.
fn started(become_it: impl FnOnce() -> i32) -> Tried {
    let ended = in_child(|| {
        become_it();
        let error = io::Error::last_os_error().raw_os_error();
        error.and_then(|code| u8::try_from(code).ok()).unwrap_or(255)
    })?;
    match ended.exit_status() {
        Some(code) if code == i32::from(ANSWER) => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(code).into()),
        None => Err(Refused::stopped(format!("it died: {ended:?}"))),
    }
}

/// The code at the start of a page.
fn page() -> Result<Vec<u8>, Refused> {
    let mut page = code()?.to_vec();
    page.resize(PAGE, 0);
    Ok(page)
}

fn written_and_called(
    protection: ProtFlags,
    between: impl FnOnce(*mut libc::c_void) -> Tried,
) -> Tried {
    // SAFETY: a new mapping, where the kernel likes; nothing is replaced.
    let place = unsafe { mmap_anonymous(ptr::null_mut(), PAGE, protection, MapFlags::PRIVATE) }?;
    copy_to(place)?;
    between(place)?;
    called(place)
}

fn twice(file: impl AsFd) -> Tried {
    let (both, start) = (MapFlags::SHARED, ptr::null_mut());
    let run = ProtFlags::READ | ProtFlags::EXEC;
    // SAFETY: new mappings, where the kernel likes; nothing is replaced.
    let (writing, running) = unsafe {
        let writing = mmap(start, PAGE, ProtFlags::READ | ProtFlags::WRITE, both, &file, 0)?;
        (writing, mmap(start, PAGE, run, both, &file, 0)?)
    };
    copy_to(writing)?;
    called(running)
}

fn shared_segment(_: &Ground) -> Tried {
    // SAFETY: the call takes numbers.
    let segment = unsafe { libc::shmget(libc::IPC_PRIVATE, PAGE, 0o700 | libc::IPC_CREAT) };
    if segment == -1 {
        return Err(io::Error::last_os_error().into());
    }
    let attach = |flags| {
        // SAFETY: the kernel chooses where; nothing is replaced.
        let place = unsafe { libc::shmat(segment, ptr::null(), flags) };
        let error = io::Error::last_os_error();
        if place as isize == -1 { Err(error) } else { Ok(place) }
    };
    let places = attach(0).and_then(|writing| Ok((writing, attach(libc::SHM_EXEC)?)));
    // SAFETY: the call takes numbers; what is attached stays so until the end.
    unsafe { libc::shmctl(segment, libc::IPC_RMID, ptr::null_mut()) };
    let (writing, running) = places?;
    copy_to(writing)?;
    called(running)
}

/// Writes the code to a page that was mapped to be written.
fn copy_to(place: *mut libc::c_void) -> Tried {
    let code = code()?;
    // SAFETY: callers pass a page that they mapped for writing and that nothing else refers to;
    // the code is shorter than a page.
    unsafe { ptr::copy_nonoverlapping(code.as_ptr(), place.cast::<u8>(), code.len()) };
    Ok(())
}

/// Calls the code on a page, in a child: where it is not allowed, that dies of it.
fn called(place: *mut libc::c_void) -> Tried {
    // SAFETY: the page holds code that follows this convention and does nothing but return a
    // number; where it may not be run the child is ended by the kernel.
    let ended = in_child(|| unsafe {
        let code = std::mem::transmute::<*mut libc::c_void, extern "C" fn() -> i32>(place);
        u8::try_from(code()).unwrap_or(255)
    })?;
    match ended.exit_status() {
        Some(code) if code == i32::from(ANSWER) => Ok(()),
        _ => Err(Refused::stopped(format!("it died: {ended:?}"))),
    }
}

/// The program that loads all others.
fn loader() -> Result<PathBuf, Refused> {
    let known = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"];
    let found = known.iter().map(PathBuf::from).find(|file| file.exists());
    found.ok_or_else(|| Refused::untried("the loader is not where it usually is"))
}

fn library_of_system() -> Result<PathBuf, Refused> {
    let kind = std::env::consts::ARCH;
    let places = [format!("/usr/lib/{kind}-linux-gnu"), "/usr/lib64".into(), "/usr/lib".into()];
    let found = places.iter().map(|place| Path::new(place).join("libm.so.6"));
    let found = found.into_iter().find(|file| file.exists());
    found.ok_or_else(|| Refused::untried("there is no library to copy"))
}

fn said_to(errors: &[u8]) -> Refused {
    Refused::stopped(String::from_utf8_lossy(errors).trim())
}
