//! Skills that somebody signed, with the real `minisign`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::house::{House, install_example};
use crate::server;

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

/// A signature of a server's folder is of what it lists, too. Who made it lets it list that once,
/// and signs; whoever uses it has the same listing, or nothing is kept and nothing approved.
#[test]
fn a_signed_server_lists_what_was_signed() {
    let house = House::new("signed-server");
    let Some(ada) = key(&house, "ada") else { return };
    trust(&house, &[&ada], true);
    let manifest = server::MANIFEST;
    let place = house.skill("evil", manifest, &server::honest("Does it."));
    let listing = || fs::read_to_string(place.join("tools.json")).ok();
    let approve = || house.run(&["skill", "approve", "evil", "--yes"]);

    // Nobody signed it yet, and there is nothing to sign before it has listed something.
    let (good, said) = approve();
    assert!(!good && said.contains("nobody signed it"), "{said}");
    let first = listing().expect("what it lists is kept for its author to sign");
    sign(&house, "ada", "evil", &[]);
    let signer = format!("evil is signed by {ada}: \"release 1.0\"");
    let (good, said) = approve();
    assert!(good && said.contains(&signer) && said.contains("approved: evil"), "{said}");
    assert_eq!(listing().as_ref(), Some(&first));
    house.ask("/help");
    house.say(&["grant", "skill evil"]);
    assert!(house.say(&["skill", "run", "evil", "do", "{}"]).contains("done"));
    assert!(house.say(&["audit", "show"]).contains(&format!("signed_by=\"{ada}\"")));

    // Another program, signed together with the old listing; and one that was signed without any.
    fs::write(place.join("run.py"), server::honest("Does something else.")).unwrap();
    let (good, said) = approve();
    assert!(!good && said.contains("does not fit these files"), "{said}");
    sign(&house, "ada", "evil", &[]);
    let (good, said) = approve();
    assert!(!good && said.contains("it is signed with another tools.json"), "{said}");
    assert!(said.contains("Does something else.") && said.contains("[CHANGED]"), "{said}");
    assert_eq!(listing().as_ref(), Some(&first), "what was not signed is not kept");
    fs::remove_file(place.join("tools.json")).unwrap();
    sign(&house, "ada", "evil", &[]);
    let (good, said) = approve();
    assert!(!good && said.contains("or without one"), "{said}");
    assert_eq!(listing(), None);
    let (good, said) = house.run(&["skill", "run", "evil", "do", "{}"]);
    assert!(!good, "{said}");

    // Its author does it in the right order.
    fs::remove_file(place.join("skill.minisig")).unwrap();
    let (good, _) = approve();
    assert!(!good && listing().is_some());
    sign(&house, "ada", "evil", &[]);
    let (good, said) = approve();
    assert!(good && said.contains(&signer), "{said}");
    house.ask("/help");
    house.say(&["skill", "run", "evil", "do", "{}"]);
    house.say(&["audit", "replay"]);
}
