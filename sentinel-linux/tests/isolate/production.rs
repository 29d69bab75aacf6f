//! Production: a pinned policy as it is, no network unasked, and nothing that breaks the glass.

use sha2::{Digest as _, Sha256};

use crate::person::{Person, as_everybody, ended};

/// Runs a program in production with this policy, pinned as it is.
fn run(
    person: &Person,
    text: &str,
    options: &[&str],
    variables: &[(&str, &str)],
) -> (Option<i32>, String, String) {
    let policy = person.put("policy.toml", text);
    let pin: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    let options = [&["--policy", policy.as_str()], options].concat();
    let mut command = person.isolate(&options, &["echo", "started"]);
    command.env("SENTINEL_PRODUCTION", "true").env("SENTINEL_POLICY_SHA256", pin);
    ended(command.envs(variables.iter().copied()))
}

#[test]
fn a_pinned_policy_is_started_as_it_is() {
    as_everybody("production", |person| {
        let text = format!("workspace = \"{}\"\n", person.path("work"));
        let started = (Some(0), "started\n".to_string(), String::new());
        assert_eq!(run(person, &text, &[], &[]), started);
        for options in [&["--read", "/etc/hostname"][..], &["--timeout", "5"], &["--no-proxy"]] {
            let (code, output, said) = run(person, &text, options, &[]);
            assert_eq!((code, output.as_str()), (Some(125), ""), "{options:?} {said}");
            assert!(said.contains("which is immutable"), "{said}");
        }
        let (code, _, said) = run(person, "workspace = \".\"\n", &[], &[]);
        assert!(code == Some(125) && said.contains("from the root"), "{said}");
        for variables in [[("SENTINEL_POLICY_SHA256", "")], [("SENTINEL_PRODUCTION", "yes please")]]
        {
            let (code, output, said) = run(person, &text, &[], &variables);
            assert_eq!((code, output.as_str()), (Some(125), ""), "{said}");
        }
        let mut bare = person.isolate(&["--workspace", "."], &["echo", "started"]);
        let (code, _, said) = ended(bare.env("SENTINEL_PRODUCTION", "1"));
        assert!(code == Some(125) && said.contains("only a policy that is pinned"), "{said}");
        let mut off = person.isolate(&[], &["echo", "started"]);
        assert_eq!(ended(off.env("SENTINEL_PRODUCTION", "false")), started);
    });
}

#[test]
fn what_breaks_the_glass_is_refused() {
    as_everybody("production-glass", |person| {
        for text in [
            "mode = \"best-effort\"\n",
            "network = \"host\"\n",
            "hosts = [\"example.com\"]\n",
            "publish = [\"8080\"]\n",
            "[seccomp]\nmode = \"log\"\n",
            "[seccomp]\nmode = \"off\"\n",
        ] {
            let (code, output, said) = run(person, text, &[], &[]);
            assert_eq!((code, output.as_str()), (Some(125), ""), "{text} {said}");
            assert!(said.contains("SENTINEL_PRODUCTION: "), "{text} {said}");
        }
        let network = [("SENTINEL_ALLOW_NETWORK_IN_PRODUCTION", "true")];
        let (code, output, said) = run(person, "hosts = [\"example.com\"]\n", &[], &network);
        assert_eq!((code, output.as_str()), (Some(0), "started\n"), "{said}");
        let (code, _, said) = run(person, "network = \"host\"\n", &[], &network);
        assert!(code == Some(125) && said.contains("\"host\" is refused"), "{said}");
    });
}
