//! Outliving: being there, or having left something, after the end.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::calls::{self, NOTHING, Word, ask};
use super::files::opened_for_writing;
use super::ground::Ground;
use super::resources::deafen;
use super::{Attempt, Proof, Refused, Tried, secrets};

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::new(
        "leave-child",
        "A child lives on after its parent has ended.",
        Proof::Lives,
        |_| stays(|| ()),
    ),
    Attempt::new(
        "leave-session",
        "A child in a session of its own lives on.",
        Proof::Lives,
        |_| {
            stays(|| {
                let _ = rustix::process::setsid();
            })
        },
    ),
    Attempt::new("leave-group", "A child in a group of its own lives on.", Proof::Lives, |_| {
        stays(|| {
            let _ = rustix::process::setpgid(None, None);
        })
    }),
    Attempt::new(
        "leave-daemon",
        "The child of a child in a session of its own lives on, as daemons do.",
        Proof::Lives,
        |_| {
            let ended = calls::in_child(|| {
                let _ = rustix::process::setsid();
                u8::from(stays(|| ()).is_err())
            })?;
            match ended.exit_status() {
                Some(0) => Ok(()),
                _ => Err(Refused::stopped("there was no second child")),
            }
        },
    ),
    Attempt::new(
        "leave-deaf-child",
        "A child that ignores all signals that can be lives on.",
        Proof::Lives,
        |_| stays(deafen),
    ),
    Attempt::new(
        "leave-stopped-child",
        "A child that is stopped, and so gets no signal, lives on.",
        Proof::Lives,
        |_| {
            let child = calls::child(|| {
                // In a session of its own nobody wakes it when its parent ends.
                let _ = rustix::process::setsid();
                let own = rustix::process::getpid();
                let _ = rustix::process::kill_process(own, rustix::process::Signal::STOP);
                std::thread::sleep(STAY);
                0
            })?;
            let stopped = rustix::process::WaitOptions::UNTRACED;
            match rustix::process::waitpid(Some(child), stopped)? {
                Some((_, status)) if status.stopped() => Ok(()),
                _ => Err(Refused::stopped("it was not stopped")),
            }
        },
    ),
    Attempt::new(
        "leave-child-by-dying",
        "A child lives on whose parent is killed and can end nothing any more.",
        Proof::Lives,
        |_| {
            stays(|| ())?;
            let own = rustix::process::getpid();
            Ok(rustix::process::kill_process(own, rustix::process::Signal::KILL)?)
        },
    ),
    Attempt::new(
        "leave-unbound-child",
        "A child lives on that took back the wish to die with its parent.",
        Proof::Lives,
        |_| {
            stays(|| {
                let _ = rustix::process::set_parent_process_death_signal(None);
            })
        },
    ),
    Attempt::new(
        "leave-fleeing-child",
        "A child lives on that becomes another process again and again.",
        Proof::Lives,
        |_| {
            calls::child(|| flee(50))?;
            Ok(())
        },
    ),
    Attempt::new(
        "leave-child-in-namespace",
        "A child lives on in a namespace of processes of its own.",
        Proof::Lives,
        |_| {
            ask(libc::SYS_unshare, [(libc::CLONE_NEWUSER | libc::CLONE_NEWPID).into()])?;
            stays(|| ())
        },
    ),
    Attempt::new(
        "leave-file-in-temporary-directory",
        "A file is left in /tmp for others to find.",
        Proof::Left,
        |ground| leave_file("/tmp", ground),
    ),
    Attempt::new(
        "leave-file-in-other-temporary-directory",
        "A file is left in /var/tmp for others to find.",
        Proof::Left,
        |ground| leave_file("/var/tmp", ground),
    ),
    Attempt::new(
        "leave-file-in-shared-memory",
        "A file is left in /dev/shm for others to find.",
        Proof::Left,
        |ground| leave_file("/dev/shm", ground),
    ),
    Attempt::new(
        "leave-file-in-run",
        "A file is left in /run, where services look.",
        Proof::Left,
        |ground| leave_file("/run", ground),
    ),
    Attempt::new(
        "leave-segment",
        "A segment of shared memory is left for others to find.",
        Proof::Left,
        |ground| {
            let words = [key(ground)?, Word::Number(4096), (libc::IPC_CREAT | 0o600).into()];
            ask(libc::SYS_shmget, words)?;
            Ok(())
        },
    ),
    Attempt::new(
        "leave-message-queue",
        "A queue of messages is left for others to find.",
        Proof::Left,
        |ground| {
            ask(libc::SYS_msgget, [key(ground)?, (libc::IPC_CREAT | 0o600).into()])?;
            Ok(())
        },
    ),
    Attempt::new(
        "leave-semaphore",
        "A semaphore is left for others to find.",
        Proof::Left,
        |ground| {
            let words = [key(ground)?, Word::Number(1), (libc::IPC_CREAT | 0o600).into()];
            ask(libc::SYS_semget, words)?;
            Ok(())
        },
    ),
    Attempt::new(
        "leave-named-message-queue",
        "A named queue of messages is left for others to find.",
        Proof::Left,
        |ground| {
            let name = calls::path(Path::new(ground.sign()))?;
            let flags = libc::O_CREAT | libc::O_RDWR;
            let words = [name.as_c_str().into(), flags.into(), 0o600.into(), NOTHING];
            ask(libc::SYS_mq_open, words)?;
            Ok(())
        },
    ),
    Attempt::new(
        "leave-key",
        "A key is left in the keyring that all processes of the user share.",
        Proof::Left,
        |ground| {
            let name = calls::path(Path::new(ground.sign()))?;
            let words = [
                Word::Text(c"user"),
                name.as_c_str().into(),
                Word::Bytes(b"x"),
                Word::Number(1),
                Word::Number(USER_KEYRING),
            ];
            ask(libc::SYS_add_key, words)?;
            Ok(())
        },
    ),
    Attempt::new(
        "leave-control-group",
        "A control group is left, with limits that others could be put under.",
        Proof::Left,
        |ground| {
            let place = super::judge::control_group(ground.sign())
                .ok_or_else(|| Refused::untried("there are no control groups"))?;
            Ok(fs::create_dir(place)?)
        },
    ),
    Attempt::new(
        "plan-job",
        "A job can be planned for later in the system's table (it is opened for that).",
        Proof::Word,
        |_| opened_for_writing("/etc/crontab"),
    ),
    Attempt::new(
        "plan-job-in-directory",
        "A job can be planned in a directory of the system (a file without a name is made).",
        Proof::Word,
        |_| {
            let flags = rustix::fs::OFlags::TMPFILE | rustix::fs::OFlags::WRONLY;
            rustix::fs::open("/etc/cron.d", flags, rustix::fs::Mode::RUSR)?;
            Ok(())
        },
    ),
    Attempt::new(
        "plan-for-next-login",
        "What the user's next shell does can be set (a file without a name is made at home).",
        Proof::Word,
        |ground| {
            let flags = rustix::fs::OFlags::TMPFILE | rustix::fs::OFlags::WRONLY;
            let home = ground.text("home")?;
            rustix::fs::open(home, flags, rustix::fs::Mode::RUSR)?;
            secrets::is_home(ground, home)
        },
    ),
];

/// KEY_SPEC_USER_KEYRING.
pub(super) const USER_KEYRING: i64 = -4;
/// How long one lives whom nobody ends.
const STAY: Duration = Duration::from_secs(20);

/// Leaves a child, once it is as it shall be.
fn stays(become_it: impl Fn()) -> Tried {
    let (told, tells) = rustix::pipe::pipe()?;
    calls::child(|| {
        become_it();
        let _ = rustix::io::write(&tells, b"x");
        std::thread::sleep(STAY);
        0
    })?;
    drop(tells);
    match rustix::io::read(&told, &mut [0; 1])? {
        1 => Ok(()),
        _ => Err(Refused::stopped("the child died")),
    }
}

/// Goes on in a child of its own and ends, and so does that one, until the last stays.
fn flee(times: u32) -> u8 {
    match times {
        0 => std::thread::sleep(STAY),
        _ => {
            std::thread::sleep(Duration::from_millis(5));
            let _ = calls::child(|| flee(times - 1));
        }
    }
    0
}

fn leave_file(place: &str, ground: &Ground) -> Tried {
    Ok(fs::write(Path::new(place).join(ground.sign()), "x")?)
}

fn key(ground: &Ground) -> Result<Word<'static>, Refused> {
    Ok(Word::Number(ground.number("key-number")?))
}
