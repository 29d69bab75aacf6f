//! Programs that are allowed and start others: denied by rule where they are named, and where the
//! operator took the rule away, held by the sandbox.

use std::fs;

use crate::agent::{House, as_everybody};

/// Each of them, and how it is made to start something.
fn tricks(house: &House) -> Vec<(&'static str, Vec<String>)> {
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<String>>();
    let shell = format!("sh {}", house.path("work/evil"));
    let git = format!("core.pager={shell}");
    let alias = format!("alias.x=!{shell}");
    let lines = format!("BEGIN {{ system(\"{shell}\") }}");
    let tar = format!("--checkpoint-action=exec={shell}");
    let (sed, vim) = (format!("1e {shell}"), format!("!{shell}"));
    let mut tricks = vec![
        ("find", words(&[".", "-maxdepth", "0", "-exec", "sh", "evil", ";"])),
        ("tar", words(&["-cf", "/tmp/x.tar", "--checkpoint=1", &tar, "file"])),
        ("git", words(&["-c", &git, "-c", &alias, "x"])),
        ("env", words(&["sh", "evil"])),
        ("xargs", words(&["-a", "file", "sh", "evil"])),
        ("awk", words(&[&lines])),
        ("sed", words(&["-n", &sed, "file"])),
    ];
    if fs::metadata("/usr/bin/vim").is_ok() {
        tricks.push(("vim", words(&["-u", "NONE", "-es", "-c", &vim, "-c", "qa!"])));
    }
    tricks.retain(|(program, _)| fs::metadata(format!("/usr/bin/{program}")).is_ok());
    tricks
}

fn house(house: &House) {
    house.make("outside");
    house.put("outside/secret", "CANARY\n");
    let outside = house.path("outside");
    let evil = format!(
        "echo RAN >made\necho RAN\ncat {outside}/secret\necho x >{outside}/new\ncp /usr/bin/true \
         here && ./here && echo ESCAPED-RUN\nperl -MSocket -e 'socket(S, PF_INET, SOCK_STREAM, 0) \
         and print \"ESCAPED-NET\"'\nrm -f here\n(setsid sleep 86397 >/dev/null 2>&1 &)\n\
         kill -9 1\nls / /proc\n"
    );
    house.put("work/evil", &evil);
}

#[test]
fn what_is_started_by_the_way_is_denied_by_rule() {
    as_everybody("rules", |place| {
        house(place);
        let tricks = tricks(place);
        let runs: Vec<String> =
            tricks.iter().map(|(name, _)| format!("run /usr/bin/{name} any paths")).collect();
        let runs: Vec<&str> = runs.iter().map(String::as_str).collect();
        let mut agent = place.agent(&runs, &[]);
        for (name, words) in &tricks {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let (said, is_error) = agent.run(&format!("/usr/bin/{name}"), &words);
            assert!(is_error && !said.contains("RAN"), "{name}: {said}");
            assert!(!place.place.join("work/made").exists(), "{name}: {said}");
        }
    });
}

#[test]
fn what_is_started_by_the_way_is_held_by_the_sandbox() {
    as_everybody("held", |place| {
        house(place);
        let tricks = tricks(place);
        let runs =
            tricks.iter().map(|(name, _)| format!("run /usr/bin/{name} any paths unguarded"));
        let runs: Vec<String> = runs.collect();
        let runs: Vec<&str> = runs.iter().map(String::as_str).collect();
        let mut agent = place.agent(&runs, &[]);
        for (name, words) in &tricks {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let (said, _) = agent.run(&format!("/usr/bin/{name}"), &words);
            // What would not run at all would prove nothing.
            assert!(fs::remove_file(place.place.join("work/made")).is_ok(), "{name}: {said}");
            assert!(!said.contains("CANARY") && !said.contains("ESCAPED"), "{name}: {said}");
            assert!(!place.place.join("outside/new").exists(), "{name}: {said}");
            let is_left = |entry: std::io::Result<fs::DirEntry>| {
                let words = entry.ok().and_then(|it| fs::read(it.path().join("cmdline")).ok());
                words.is_some_and(|words| words == b"sleep\x0086397\0")
            };
            while fs::read_dir("/proc").unwrap().any(is_left) {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        }
    });
}

/// What a program is found by, and what is loaded into it, cannot be brought along.
#[test]
fn nothing_in_the_workspace_is_found_or_loaded_as_a_program() {
    as_everybody("brought", |place| {
        house(place);
        let libraries = ["x86_64-linux-gnu", "aarch64-linux-gnu"].map(|machine| {
            let library = format!("/usr/lib/{machine}/libm.so.6");
            fs::copy(library, place.place.join("work/own.so")).is_ok()
        });
        if !libraries.contains(&true) {
            eprintln!("NOT TESTED: there is no library to bring along");
            return;
        }
        fs::copy("/usr/bin/true", place.place.join("work/wc")).unwrap();
        let mut agent = place.agent(&["run /usr/bin/env any paths unguarded"], &[]);
        let work = place.path("work");
        let path = format!("PATH={work}:/usr/bin");
        for _ in 0..2 {
            let (said, _) = agent.run("/usr/bin/env", &[&path, "wc", "-c", "file"]);
            // The one that lies there says nothing, if it runs.
            assert!(said.contains("6 file") || said.contains("Permission denied"), "{said}");
            let load = format!("LD_PRELOAD={work}/own.so");
            let (said, _) = agent.run("/usr/bin/env", &[&load, "cat", "file"]);
            assert!(said.contains("shown") && said.contains("cannot be preloaded"), "{said}");
            agent.rest();
        }
    });
}
