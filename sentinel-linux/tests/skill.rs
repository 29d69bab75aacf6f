//! `sentinel skill`, as an author uses it: what is written at first passes the check, the examples
//! do, and what breaks the contract is told apart.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A directory that is gone afterwards.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let place =
            std::env::temp_dir().join(format!("sentinel-skill-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&place);
        fs::create_dir(&place).unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
        Self(place)
    }

    /// A skill in Python, with this text of its program changed.
    fn changed(&self, name: &str, from: &str, to: &str) -> PathBuf {
        let place = self.0.join(name);
        let (good, said) = sentinel(&["new", "--lang", "python", place.to_str().unwrap()]);
        assert!(good, "{said}");
        let program = place.join("run.py");
        let text = fs::read_to_string(&program).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(program, text.replacen(from, to, 1)).unwrap();
        place
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Whether it ended well, and all that was said.
fn sentinel(words: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sentinel"));
    let output = command.arg("skill").args(words).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

fn check(place: &Path) -> (bool, String) {
    sentinel(&["check", place.to_str().unwrap()])
}

#[test]
fn what_is_written_at_first_works() {
    let place = Place::new("new");
    for language in ["python", "sh"] {
        let skill = place.0.join(format!("a-{language}"));
        let words = ["new", "--lang", language, skill.to_str().unwrap()];
        let (good, said) = sentinel(&words);
        assert!(good, "{said}");
        let (good, said) = check(&skill);
        assert!(good, "{language}: {said}");
        assert!(said.contains("Nothing is wrong."), "{said}");
        let (good, said) = sentinel(&words);
        assert!(!good && said.contains("File exists"), "{said}");
    }
    for (name, told) in [("Bad", "'Bad' is no name"), ("a.b", "'a.b' is no name")] {
        let (good, said) = sentinel(&["new", place.0.join(name).to_str().unwrap()]);
        assert!(!good && said.contains(told), "{said}");
        assert!(!place.0.join(name).exists());
    }
    let (good, said) = sentinel(&["new", "--lang", "rust", place.0.join("r").to_str().unwrap()]);
    assert!(!good && said.contains("--abi says where it lies"), "{said}");
}

#[test]
fn the_examples_keep_to_the_contract() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/skills");
    let place = Place::new("examples");
    for name in ["git-summary", "free-space", "weather"] {
        // A copy, that somebody without rights can read wherever the examples lie.
        let copy = place.0.join(name);
        fs::create_dir(&copy).unwrap();
        for file in fs::read_dir(examples.join(name)).unwrap() {
            let file = file.unwrap().path();
            fs::copy(&file, copy.join(file.file_name().unwrap())).unwrap();
        }
        let (good, said) = check(&copy);
        assert!(good, "{name}: {said}");
    }
}

/// The same skill with one mistake each: the check names the mistake.
#[test]
fn a_skill_that_breaks_the_contract_is_told_how() {
    let place = Place::new("broken");
    let result = "say(type=\"result\", id=number, output=output)";
    let twice = format!("{result}; {result}");
    let changes: [(&str, &str, &str, &str); 9] = [
        ("twice", result, &twice, "this was answered before: 1"),
        (
            "wrong-id",
            result,
            "say(type=\"result\", id=number + 7, output=output)",
            "nothing with this id is under way: 8",
        ),
        (
            "other-name",
            "name=NAME",
            "name=\"other\"",
            "it calls itself other, and its manifest other-name",
        ),
        (
            "other-schema",
            "\"maxLength\": 4096",
            "\"maxLength\": 4097",
            "another schema than that of its manifest",
        ),
        (
            "other-words",
            "in characters.\",\n        \"required\"",
            "in bytes.\",\n        \"required\"",
            "it describes lengths as",
        ),
        (
            "talks",
            "    is_greeted = False\n",
            "    is_greeted = False\n    print(\"hello\", flush=True)\n",
            "the line is no JSON",
        ),
        (
            "flood",
            "    is_greeted = False\n",
            "    is_greeted = False\n    while True: sys.stdout.write(\"x\" * 65536)\n",
            "the line is too long",
        ),
        (
            "crash",
            "    is_greeted = False\n",
            "    raise SystemExit(\"\\x1b[2Jno\")\n",
            "it says: \\u{1b}[2Jno",
        ),
        (
            "guesses",
            "give_up(\"protocol\", \"the line is no message\")",
            "return {}, \"describe\", 1",
            "it answers all the same",
        ),
    ];
    for (name, from, to, told) in changes {
        let (good, said) = check(&place.changed(name, from, to));
        assert!(!good && said.contains(told), "{name}: {said}");
        assert!(!said.contains('\u{1b}'), "{name}: nothing speaks to the terminal");
    }
}

#[test]
fn a_skill_has_nothing_but_its_own_folder() {
    let place = Place::new("alone");
    let secret = place.0.join("secret");
    fs::write(&secret, "canary").unwrap();
    let tries = format!(
        "def lengths(text, most=10):\n    import socket\n    for tried in (lambda: open({:?}), \
         lambda: open(__file__, \"a\"), lambda: socket.socket()):\n        try:\n            \
         tried()\n        except OSError:\n            continue\n        sys.exit(\"it is out\")\n",
        secret.to_str().unwrap()
    );
    let (good, said) = check(&place.changed("reads", "def lengths(text, most=10):\n", &tries));
    assert!(good, "{said}");
}

#[test]
fn files_that_are_no_skill_are_told_apart() {
    let place = Place::new("files");
    let (good, said) = check(&place.0);
    assert!(!good && said.contains("neither a skill.toml nor a SKILL.md"), "{said}");
    fs::write(place.0.join("SKILL.md"), "---\nname: other\ndescription: x\n---\nDo it.\n").unwrap();
    let (good, said) = check(&place.0);
    assert!(!good && said.contains("SKILL.md:2:1: it calls itself 'other'"), "{said}");
    std::os::unix::fs::symlink("/etc/passwd", place.0.join("link")).unwrap();
    let (good, said) = check(&place.0);
    assert!(!good && said.contains("only files are part of a skill"), "{said}");
    let plain = place.changed("plain", "", "");
    fs::set_permissions(plain.join("run.py"), fs::Permissions::from_mode(0o644)).unwrap();
    let (good, said) = check(&plain);
    assert!(!good && said.contains("run.py is no program; chmod +x makes it one"), "{said}");
}
