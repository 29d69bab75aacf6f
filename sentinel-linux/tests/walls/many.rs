//! Hundreds of calls of one agent, eight at a time: what is there afterwards was there before.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::agent::{Agent, House, as_everybody, children};

/// Each leaves a process that took care to be nobody's child, and files where it may. They end in
/// every way there is.
#[test]
fn hundreds_of_calls_leave_nothing() {
    as_everybody("many", |house| many(house, "", if house.is_of_tests() { 500 } else { 150 }));
}

/// The same where each has a limit of memory, and so a group of its own where one can be had.
#[test]
fn calls_with_a_group_leave_nothing() {
    as_everybody("groups", |house| many(house, "[sandbox]\nmemory_mib = 512\n", 100));
}

fn many(house: &House, settings: &str, count: u32) {
    house.make("temporary");
    let perl = ["run /usr/bin/perl any paths unguarded"];
    let mut agent = house.agent_with(&perl, &["write WORK/kept/deep"], settings);
    house.make("work/kept/deep");
    // What is made once and kept is made now.
    calls(&mut agent, 16);
    let before = loop {
        let before = seen(house, &agent);
        // The spawner, and the sandbox that waits.
        if before.processes == 2 {
            break before;
        }
    };
    calls(&mut agent, count);
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let after = seen(house, &agent);
        if after == before {
            break;
        }
        assert!(Instant::now() < end, "before: {before:#?}\nafter: {after:#?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// So many calls, eight at a time.
fn calls(agent: &mut Agent, count: u32) {
    let begin = |agent: &mut Agent, number: u32| {
        let end = ["exit 0", "exit 3", "kill 9,$$", "exec '/usr/bin/true'"];
        let end = end[usize::try_from(number).unwrap() % end.len()];
        let seconds = seconds(agent);
        let lines = format!(
            "use POSIX; unless (fork) {{ setsid; unless (fork) {{ sleep {seconds} }} exit }} \
             wait; for ('/tmp/x','/dev/shm/x','made') {{ open(F,'>',$_) or die $_; print F 'x'; \
             close F }} print 'did {number}.'; $|=1; print ''; {end}"
        );
        agent.begin("/usr/bin/perl", &["-e", &lines]);
    };
    let mut begun = 0;
    for over in 0..count {
        while begun < count && begun < over + 8 {
            begin(agent, begun);
            begun += 1;
        }
        let (_, said, _) = agent.end();
        assert!(said.contains("did "), "{said}");
    }
}

/// What there is of an agent and of all it started.
#[derive(Debug, PartialEq)]
struct Seen {
    /// With those that are over and that nobody asked about.
    processes: usize,
    descriptors: [Option<usize>; 2],
    /// Of the spawner, and of the sandbox that waits.
    mounts: [Option<usize>; 2],
    groups: usize,
    files: usize,
}

fn seen(house: &House, agent: &Agent) -> Seen {
    agent.rest();
    let (own, spawner) = (agent.child.id(), agent.spawner());
    let waiting = children(spawner)[0];
    let lines = |id: u32| {
        let text = fs::read_to_string(format!("/proc/{id}/mountinfo"));
        text.ok().map(|text| text.lines().count())
    };
    let descriptors = |id: u32| Some(fs::read_dir(format!("/proc/{id}/fd")).ok()?.count());
    Seen {
        processes: family(own) + left(seconds(agent).as_bytes()),
        descriptors: [descriptors(own), descriptors(spawner)],
        mounts: [lines(spawner), lines(waiting)],
        groups: groups(Path::new("/sys/fs/cgroup"), &format!("sentinel-call-{spawner}-")),
        files: files(&house.place.join("work")) + files(&house.place.join("temporary")),
    }
}

/// How many seconds the processes sleep that calls leave: nobody else's sleep as long.
fn seconds(agent: &Agent) -> String {
    format!("{}", 700_000_000 + agent.child.id())
}

/// How many of them there are.
fn left(seconds: &[u8]) -> usize {
    let is_left = |entry: std::io::Result<fs::DirEntry>| {
        let words = entry.ok().and_then(|entry| fs::read(entry.path().join("cmdline")).ok());
        words.is_some_and(|words| words.windows(seconds.len()).any(|word| word == seconds))
    };
    fs::read_dir("/proc").unwrap().map(is_left).filter(|is_left| *is_left).count()
}

/// How many processes a process has started, and those it started, and so on.
fn family(id: u32) -> usize {
    children(id).into_iter().map(|child| 1 + family(child)).sum()
}

/// Groups of this name anywhere beneath a directory.
fn groups(place: &Path, name: &str) -> usize {
    let Ok(entries) = fs::read_dir(place) else { return 0 };
    let directories = entries.flatten().filter(|entry| entry.path().is_dir());
    let count = |entry: fs::DirEntry| {
        let is_one = entry.file_name().to_string_lossy().starts_with(name);
        usize::from(is_one) + groups(&entry.path(), name)
    };
    directories.filter(|entry| !entry.path().is_symlink()).map(count).sum()
}

fn files(place: &Path) -> usize {
    let entries = fs::read_dir(place).unwrap().flatten();
    entries.map(|it| if it.path().is_dir() { 1 + files(&it.path()) } else { 1 }).sum()
}
