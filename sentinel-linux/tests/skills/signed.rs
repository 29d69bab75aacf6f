//! Skills that somebody signed, with the real `minisign`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::house::{House, install_example};

/// Runs `minisign` in a directory; nothing, where it is not installed.
fn minisign(directory: &Path, words: &[&str]) -> Option<()> {
    let mut command = Command::new("minisign");
    command.args(words).current_dir(directory).stdin(Stdio::null());
    let output = match command.output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: there is no minisign here (Debian package minisign)");
            return None;
        }
        Err(error) => panic!("{error}"),
    };
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(())
}

/// A key pair of this name; the line that an operator writes into the configuration.
fn key(house: &House, name: &str) -> Option<String> {
    let (public, secret) = (format!("{name}.pub"), format!("{name}.key"));
    minisign(&house.path, &["-GW", "-p", &public, "-s", &secret])?;
    let public = fs::read_to_string(house.path.join(public)).unwrap();
    Some(public.lines().nth(1).unwrap().to_string())
}

/// What an author does.
fn sign(house: &House, key: &str, skill: &str, more: &[&str]) {
    let line = house.say(&["skill", "digest", &format!("../skills/{skill}")]);
    fs::write(house.path.join("line"), &line).unwrap();
    assert!(line.starts_with("sentinel skill 1 sha256 ") && line.len() == 89, "{line:?}");
    let (secret, to) = (format!("{key}.key"), format!("skills/{skill}/skill.minisig"));
    let words = ["-S", "-s", &secret, "-m", "line", "-x", &to, "-t", "release 1.0"];
    minisign(&house.path, &[&words, more].concat()).unwrap();
}

fn trust(house: &House, keys: &[&str], is_required: bool) {
    house.configure(&[], None);
    let file = house.path.join("sentinel.toml");
    let text = fs::read_to_string(&file).unwrap();
    let own = format!("trusted_keys = {keys:?}\nrequire_signature = {is_required}\n");
    fs::write(&file, text + &own).unwrap();
}

/// A signature by a trusted key is shown, and a person approves all the same, at first and after
/// an update; one that does not count keeps the skill from being used.
#[test]
fn a_signature_says_who_and_a_person_says_yes() {
    let house = House::new("signed");
    let Some(ada) = key(&house, "ada") else { return };
    let eve = key(&house, "eve").unwrap();
    install_example(&house, "free-space");
    let before = house.say(&["skill", "digest", "../skills/free-space"]);
    sign(&house, "ada", "free-space", &[]);
    // It is no part of what it signs.
    assert_eq!(house.say(&["skill", "digest", "../skills/free-space"]), before);

    trust(&house, &[&ada], true);
    let listed = house.say(&["skill", "list"]);
    let signer = format!("signed by {ada}: \"release 1.0\"");
    assert!(listed.contains("new") && listed.contains(&signer), "{listed}");
    let (good, said) = house.run(&["skill", "run", "free-space", "free"]);
    assert!(!good && said.contains("free-space is new"), "{said}");
    assert!(house.say(&["skill", "show", "free-space"]).contains(&signer));
    let shown = house.say(&["skill", "show", "free-space", "--json"]);
    assert!(shown.contains(&format!("\"signed_by\":\"{ada}\"")), "{shown}");
    let said = house.say(&["skill", "approve", "free-space"]);
    assert!(said.contains(&signer) && said.contains("approved: free-space"), "{said}");
    house.ask("/help");
    house.say(&["grant", "skill free-space"]);
    house.say(&["skill", "run", "free-space", "free"]);

    // A new release, signed by the same key, is looked at again.
    let program = house.path.join("skills/free-space/run.sh");
    let text = fs::read_to_string(&program).unwrap();
    fs::write(&program, format!("{text}# more\n")).unwrap();
    let refused = |why: &str| {
        let listed = house.say(&["skill", "list"]);
        assert!(listed.contains("faulty") && listed.contains(why), "{why}: {listed}");
        for words in [&["skill", "approve", "free-space"][..], &["skill", "run", "free-space", "x"]]
        {
            let (good, said) = house.run(words);
            assert!(!good && said.contains(why), "{why}: {said}");
        }
    };
    refused("does not fit these files");
    sign(&house, "ada", "free-space", &["-l"]);
    let (good, said) = house.run(&["skill", "run", "free-space", "free"]);
    assert!(!good && said.contains("free-space is changed"), "{said}");
    house.say(&["skill", "approve", "free-space"]);
    house.ask("/help");
    house.say(&["skill", "run", "free-space", "free"]);
    let log = house.say(&["audit", "show"]);
    assert!(log.contains(&format!("signed_by=\"{ada}\"")), "{log}");
    house.say(&["audit", "replay"]);

    // What is wrong with a signature is said; what the agent has read already counts until then.
    let signature = house.path.join("skills/free-space/skill.minisig");
    let good = fs::read(&signature).unwrap();
    fs::write(&signature, &good[..good.len() / 2]).unwrap();
    refused("is no signature of minisign");
    fs::write(&signature, [&good[..], b"more\n"].concat()).unwrap();
    refused("something stands behind it");
    let altered = String::from_utf8(good.clone()).unwrap().replace("release 1", "release 9");
    fs::write(&signature, altered).unwrap();
    refused("the trusted comment of skill.minisig was changed");
    sign(&house, "eve", "free-space", &[]);
    refused("which is not trusted");
    fs::remove_file(&signature).unwrap();
    refused("nobody signed it");
    // Nobody has to sign, and it is what was approved.
    trust(&house, &[&eve], false);
    house.ask("/help");
    house.say(&["skill", "run", "free-space", "free"]);
    house.say(&["audit", "replay"]);
}
