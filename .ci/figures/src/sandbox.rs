//! What a sandbox takes: beside a program without one, and beside `bwrap` with the same walls.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::table::{Row, quantile};

/// A program that does nothing, in every way there is, one after the other in turn. The call is one
/// with a workspace that it may write to, which is what an agent's calls have.
///
/// On all processors, unlike the rest: parts of a sandbox are made beside each other, and whoever
/// else makes one may do so as well.
pub(crate) fn sandbox(binary: &Path) -> io::Result<Vec<Row>> {
    let own = sched_getaffinity(None)?;
    let mut all = CpuSet::new();
    (0..CpuSet::MAX_CPU).for_each(|processor| all.set(processor));
    sched_setaffinity(None, &all)?;
    let rows = measured(binary);
    sched_setaffinity(None, &own)?;
    rows
}

fn measured(binary: &Path) -> io::Result<Vec<Row>> {
    let output = Command::new(binary).args(["doctor", "--times", "--json"]).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let own = |name: &str| -> io::Result<f64> {
        let value = text.split(&format!("\"{name}_us\":")).nth(1);
        let digits = value.and_then(|value| value.split([',', '}']).next());
        let number = digits.and_then(|digits| digits.trim().parse::<f64>().ok());
        number.map(|number| number / 1e3).ok_or_else(|| io::Error::other(text.clone()))
    };
    let (bare, call, proof) = (own("bare")?, own("call")?, own("proof")?);
    let (mut isolate, mut other, mut working) = (Vec::new(), Vec::new(), Vec::new());
    // A call has a workspace, and so has what it is compared with; `isolate` alone has none.
    let place = std::env::temp_dir().join(format!("sentinel-figures-{}", std::process::id()));
    std::fs::create_dir_all(&place)?;
    let shown = place.display().to_string();
    let (options, program) = BWRAP.split_at(BWRAP.len() - 3);
    let with_place = [options, &["--bind", &shown, &shown, "--chdir", &shown], &program[2..]];
    let with_place = with_place.concat();
    for _ in 0..ROUNDS_COUNT {
        isolate.push(timed(binary, &["isolate", "--", "true"])?);
        if let Ok(time) = timed(Path::new("bwrap"), BWRAP) {
            other.push(time);
            working.push(timed(Path::new("bwrap"), &with_place)?);
        }
    }
    std::fs::remove_dir(&place)?;
    let (isolate, has_other) = (quantile(&mut isolate, 0.5), !other.is_empty());
    let (bwrap, working) = (quantile(&mut other, 0.5), quantile(&mut working, 0.5));
    let mut rows = vec![
        Row::at_most("a call in a sandbox, more than bare", call - bare, 1.5, "ms", "1.5 ms"),
        Row::note("  the call, the walls tried", format!("{call:.2} ms")),
        Row::note("  of that, trying them", format!("{proof:.2} ms")),
        Row::note("  /bin/true bare", format!("{bare:.2} ms")),
        Row::note("sentinel isolate -- true", format!("{isolate:.2} ms")),
    ];
    if has_other {
        rows.push(Row::note("  bwrap with the same", format!("{bwrap:.2} ms")));
        rows.push(Row::note("  bwrap with a workspace", format!("{working:.2} ms")));
        rows.push(Row::at_most("a call, of bwrap", call / working, 0.5, "x", "0.5 x"));
        rows.push(Row::at_most("isolate, of bwrap", isolate / bwrap, 0.7, "x", "0.7 x"));
    }
    Ok(rows)
}

fn timed(program: &Path, arguments: &[&str]) -> io::Result<f64> {
    // As between the calls of an agent, and as the program measures its own.
    thread::sleep(PAUSE);
    let start = Instant::now();
    let status = Command::new(program).args(arguments).stdin(Stdio::null()).status()?;
    let time = start.elapsed().as_secs_f64() * 1e3;
    match status.success() {
        true => Ok(time),
        false => Err(io::Error::other(format!("{} {arguments:?} failed", program.display()))),
    }
}

const ROUNDS_COUNT: usize = 100;
const PAUSE: Duration = Duration::from_millis(15);
const BWRAP: &[&str] = &[
    "--unshare-all",
    "--die-with-parent",
    "--new-session",
    "--clearenv",
    "--cap-drop",
    "ALL",
    "--hostname",
    "sandbox",
    "--ro-bind",
    "/usr",
    "/usr",
    "--symlink",
    "usr/bin",
    "/bin",
    "--symlink",
    "usr/lib",
    "/lib",
    "--symlink",
    "usr/lib64",
    "/lib64",
    "--symlink",
    "usr/sbin",
    "/sbin",
    "--ro-bind",
    "/etc/alternatives",
    "/etc/alternatives",
    "--ro-bind",
    "/etc/ssl",
    "/etc/ssl",
    "--ro-bind",
    "/etc/ld.so.cache",
    "/etc/ld.so.cache",
    "--proc",
    "/proc",
    "--dev",
    "/dev",
    "--tmpfs",
    "/tmp",
    "--chdir",
    "/tmp",
    "/usr/bin/true",
];
