//! What a rule forbids beneath what may be written to: whatever a program does around it.

use std::fs;

use crate::agent::{Agent, House, as_everybody};

/// What a program of these lines says.
fn run(agent: &mut Agent, lines: &str) -> String {
    agent.run("/usr/bin/perl", &["-e", lines]).0.trim_end().to_string()
}

const PERL: &[&str] = &["run /usr/bin/perl any paths unguarded"];

fn house(house: &House) {
    house.make("work/proj/deep/hooks");
    house.put("work/proj/deep/hooks/h", "own\n");
    house.make("work/conf/more");
    house.put("work/conf/more/secret", "hidden\n");
    house.make("work/conf/more/open");
}

/// A directory above a covered place keeps its name, so that the place is covered at the next call
/// as well; files beside it are made, changed and moved as ever.
#[test]
fn nothing_above_what_is_forbidden_is_renamed() {
    as_everybody("renamed", |place| {
        house(place);
        let deny = ["write WORK/proj/deep/hooks", "read WORK/conf/more/secret"];
        let mut agent = place.agent(PERL, &deny);
        for round in 0..3 {
            let said = run(
                &mut agent,
                "for (['proj','x'],['proj/deep','proj/x'],['proj/deep/hooks','proj/deep/x'],\
                 ['conf','y'],['conf/more','conf/y'],['conf/more/secret','conf/y']) { print \
                 rename($_->[0],$_->[1]) ? 'renamed ' : 'kept '; } print \
                 mkdir('proj/deep/hooks/n') || open(F,'>','proj/deep/hooks/h') ? 'written' : \
                 'whole'; open(S,'<', \
                 'conf/more/secret') and print <S>; print link('conf/more/secret','l') || \
                 unlink('conf/more/secret') ? 'gone' : 'there';",
            );
            assert_eq!(said, "kept kept kept kept kept kept wholethere", "round {round}");
            let said = run(
                &mut agent,
                "open(F,'>','proj/deep/new') and print F 'x' and close(F) and \
                 rename('proj/deep/new','proj/deep/newer') and unlink('proj/deep/newer') and \
                 mkdir('proj/other') and rename('proj/other','proj/elsewhere') and \
                 rmdir('proj/elsewhere') and print 'done'",
            );
            assert_eq!(said, "done");
            agent.rest();
        }
        let kept = fs::read_to_string(place.place.join("work/proj/deep/hooks/h")).unwrap();
        assert_eq!(kept, "own\n");
        assert_eq!(
            fs::read_to_string(place.place.join("work/conf/more/secret")).unwrap(),
            "hidden\n"
        );
    });
}

/// Somebody else gives what is forbidden another name: nothing is run where it could be found.
#[test]
fn what_is_forbidden_and_moved_is_told() {
    as_everybody("moved", |place| {
        house(place);
        let mut agent = place.agent(PERL, &["read WORK/conf/more/secret", "write WORK/never"]);
        assert_eq!(run(&mut agent, "print 'before'"), "before");
        fs::rename(place.place.join("work/conf/more"), place.place.join("work/moved")).unwrap();
        let said = run(&mut agent, "open(S,'<','moved/secret') and print <S>");
        assert!(said.contains("conf/more/secret, which was there before"), "{said}");
        assert!(!said.contains("hidden"), "{said}");
        fs::rename(place.place.join("work/moved"), place.place.join("work/conf/more")).unwrap();
        assert_eq!(run(&mut agent, "print 'after'"), "after");
    });
}

/// A grant beneath what is forbidden opens nothing.
#[test]
fn a_grant_beneath_what_is_forbidden_does_not_win() {
    as_everybody("beneath", |place| {
        house(place);
        let mut grants = PERL.to_vec();
        grants.extend(["write WORK/proj/deep", "write WORK/conf/more/open"]);
        let mut agent = place.agent(&grants, &["write WORK/proj", "read,write WORK/conf"]);
        let lines = "for ('../n','n','hooks/n','../../conf/more/open/n') { print open(F,'>',$_) ? \
                     'written ' : 'refused '; } print open(F,'<','hooks/h') ? 'read' : 'unread'";
        for _ in 0..2 {
            agent.begin_in("proj/deep", "/usr/bin/perl", &["-e", lines]);
            assert_eq!(agent.end().1.trim_end(), "refused refused refused refused read");
            agent.rest();
        }
        for path in ["proj/n", "proj/deep/n", "proj/deep/hooks/n", "conf/more/open/n"] {
            assert!(!place.place.join("work").join(path).exists(), "{path}");
        }
    });
}

/// The same for programs of everybody else: `isolate`.
#[test]
fn what_isolate_covers_stays_covered() {
    as_everybody("isolated", |place| {
        house(place);
        let script = "mv proj x; mv conf y; mv proj/deep proj/x; mkdir -p proj/deep/hooks; echo x \
                       >proj/deep/hooks/h; cat conf/more/secret y/more/secret";
        let words = ["--workspace", ".", "--read", "proj/deep/hooks", "--hide", "conf/more/secret"];
        let mut command = place.sentinel(&["isolate"]);
        let output = command.args(words).args(["--", "sh", "-c", script]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(said.matches("Device or resource busy").count(), 3, "{said}");
        assert!(said.contains("Read-only file system"), "{said}");
        assert!(output.stdout.is_empty(), "{:?}", output.stdout);
        let kept = fs::read_to_string(place.place.join("work/proj/deep/hooks/h")).unwrap();
        assert_eq!(kept, "own\n");
    });
}
