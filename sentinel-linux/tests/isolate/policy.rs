//! Policies: files that say what a command line says, pinned and closed to changes if one wants.

use sha2::{Digest as _, Sha256};

use crate::person::{as_everybody, ended};

fn digest(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_command_line_becomes_a_file_that_means_the_same() {
    as_everybody("printed", |person| {
        let secret = person.path("other/secret");
        let options = ["--workspace", ".", "--read", secret.as_str(), "--env", "WORD=one two"];
        let options = [&options[..], &["--memory", "512M", "--timeout", "20", "--pids", "32"]];
        let (code, printed, said) =
            person.run(&[&options.concat()[..], &["--print-policy"]].concat(), &[]);
        assert_eq!((code, said.as_str()), (Some(0), ""), "{printed}");
        let work = person.path("work");
        let expected = format!(
            "workspace = \"{work}\"\nread = [\"{secret}\"]\nenv = [\"WORD=one two\"]\n\n[limits]\n\
             memory = \"512M\"\npids = 32\ntimeout = 20\n"
        );
        assert_eq!(printed, expected);
        let file = person.put("policy.toml", &printed);
        let script = format!("pwd; cat file {secret}; echo $WORD; echo x >new; cat new");
        let outcome = person.run(&["--policy", &file], &["sh", "-c", &script]);
        assert_eq!(
            outcome,
            (Some(0), format!("{work}\nshown\nhidden\none two\nx\n"), String::new())
        );
        // What it says is what is printed again.
        let (_, again, _) = person.run(&["--policy", &file, "--print-policy"], &[]);
        assert_eq!(again, printed);
    });
}

#[test]
fn a_wrong_policy_says_where_and_nothing_is_started() {
    as_everybody("wrong", |person| {
        for (text, expected) in [
            (
                "workspaec = \".\"\n",
                "policy.toml:1:1: unknown key 'workspaec'; did you mean 'workspace'?",
            ),
            ("\n[limits]\nread = []\n", "policy.toml:3:1: unknown key 'read'"),
            ("network = \"hots\"\n", "it is none, proxied or host; did you mean 'host'?"),
            ("tty = maybe\n", "policy.toml:1:7"),
            ("read = [\"/no-such-place\"]\n", "/no-such-place: No such file"),
        ] {
            let file = person.put("policy.toml", text);
            let (code, output, said) = person.run(&["--policy", &file], &["echo", "started"]);
            assert_eq!((code, output.as_str()), (Some(125), ""), "{text}: {said}");
            assert!(said.contains(expected), "{text}: {said}");
        }
        let (code, _, said) = person.run(&["--policy", "/no/policy.toml"], &["true"]);
        assert_eq!(code, Some(125), "{said}");
    });
}

#[test]
fn what_is_pinned_is_what_is_read() {
    as_everybody("pinned", |person| {
        let text = "workspace = \".\"\n";
        let file = person.put("policy.toml", text);
        let run = |pin: &str, variable: &str| {
            let options = ["--policy", file.as_str(), "--policy-sha256", pin];
            let options = if pin.is_empty() { &options[..2] } else { &options };
            let mut command = person.isolate(options, &["cat", "file"]);
            ended(command.env("SENTINEL_POLICY_SHA256", variable))
        };
        let (right, wrong) = (digest(text), digest("something else"));
        for (pin, variable) in [(&*right, ""), ("", &*right), (&right, &right.to_uppercase())] {
            let (code, output, said) = run(pin, variable);
            assert_eq!((code, output.as_str()), (Some(0), "shown\n"), "{said}");
        }
        // Who sets the variable is not overruled by who writes the line, nor the other way round.
        for (pin, variable) in [(&*wrong, ""), ("", &*wrong), (&right, &wrong), (&wrong, &right)] {
            let (code, output, said) = run(pin, variable);
            assert_eq!((code, output.as_str()), (Some(125), ""), "{said}");
            assert!(said.contains("is not what was pinned"), "{said}");
        }
        let (code, _, said) = run("12", "");
        assert_eq!(code, Some(125));
        assert!(said.contains("12 is no SHA-256"), "{said}");
        let (code, _, said) =
            ended(person.isolate(&[], &["true"]).env("SENTINEL_POLICY_SHA256", &right));
        assert_eq!(code, Some(125));
        assert!(said.contains("--policy names none"), "{said}");
    });
}

/// Whoever is believed inside TLS decides what goes where a secret is added, so that file is pinned
/// with the policy.
#[test]
fn what_a_pinned_policy_believes_is_pinned() {
    as_everybody("believed", |person| {
        let own = rcgen::generate_simple_self_signed(["example.com".to_string()]).unwrap();
        let own = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            sentinel_core::text::base64::encode(own.cert.der())
        );
        let authorities = person.put("own.pem", &own);
        let inside = "network = \"proxied\"\ninspect = true\nhosts = [\"example.com\"]\n";
        let open = format!("{inside}ca-file = \"{authorities}\"\n");
        let run = |text: &str, options: &[&str]| {
            let file = person.put("policy.toml", text);
            person.run(&[&["--policy", file.as_str()], options].concat(), &["echo", "started"])
        };
        assert_eq!(run(&open, &[]).1, "started\n");
        for options in [&["--policy-sha256", &digest(&open)][..], &["--immutable"]] {
            let (code, output, said) = run(&open, options);
            assert_eq!((code, output.as_str()), (Some(125), ""), "{said}");
            assert!(said.contains("ca-file") && said.contains("ca-sha256"), "{said}");
        }
        let pinned = |what: &str| format!("{open}ca-sha256 = \"{}\"\n", digest(what));
        let options = |text: &str| ["--policy-sha256".to_string(), digest(text)];
        let right = pinned(&own);
        let [option, value] = options(&right);
        assert_eq!(run(&right, &[&option, &value]).1, "started\n");
        let wrong = pinned("others");
        let [option, value] = options(&wrong);
        let (code, output, said) = run(&wrong, &[&option, &value]);
        assert_eq!((code, output.as_str()), (Some(125), ""), "{said}");
        assert!(said.contains("own.pem is not what was pinned"), "{said}");
    });
}

#[test]
fn nothing_is_added_to_what_is_immutable() {
    as_everybody("immutable", |person| {
        let work = person.path("work");
        let file =
            person.put("policy.toml", &format!("immutable = true\nworkspace = \"{work}\"\n"));
        let (code, output, said) = person.run(&["--policy", &file], &["cat", "file"]);
        assert_eq!((code, output.as_str()), (Some(0), "shown\n"), "{said}");
        let secret = person.path("other/secret");
        for options in [
            &["--read", secret.as_str()][..],
            &["--workspace", "/tmp"],
            &["--network", "none"],
            &["--allow-host", "example.com"],
            &["--seccomp-mode", "off"],
            &["--best-effort"],
            &["--tty"],
            &["--env", "A=b"],
            &["--timeout", "5"],
        ] {
            let (code, output, said) =
                person.run(&[&["--policy", file.as_str()], options].concat(), &["cat", &secret]);
            assert_eq!((code, output.as_str()), (Some(125), ""), "{options:?}: {said}");
            assert!(said.contains("which is immutable"), "{options:?}: {said}");
        }
        // The same by the option, for a file that does not say it; its places have to be whole.
        let open = person.put("open.toml", &format!("workspace = \"{work}\"\n"));
        let options = ["--policy", &open, "--immutable", "--read", &secret];
        assert_eq!(person.run(&options, &["true"]).0, Some(125));
        assert_eq!(person.run(&options[..3], &["true"]).0, Some(0));
        let relative = person.put("relative.toml", "workspace = \".\"\n");
        assert_eq!(person.run(&["--policy", &relative], &["cat", "file"]).0, Some(0));
        let (code, _, said) = person.run(&["--policy", &relative, "--immutable"], &["true"]);
        assert_eq!(code, Some(125));
        assert!(said.contains("write the path from the root"), "{said}");
        assert_eq!(person.run(&["--immutable"], &["true"]).0, Some(125));
    });
}

/// The status is a program's own, so that a line that cannot be read ends with the sandbox's.
#[test]
fn a_line_that_cannot_be_read_ends_with_a_status_of_the_sandbox() {
    as_everybody("line", |person| {
        for options in [&["--frob"][..], &["--tty", "--tty"], &["--timeout"], &["--policy"]] {
            let (code, output, said) = person.run(options, &["echo", "started"]);
            assert_eq!((code, output.as_str()), (Some(125), ""), "{options:?}: {said}");
            assert!(said.starts_with("sentinel: "), "{said}");
        }
        let (code, _, said) = person.run(&[], &[]);
        assert_eq!(code, Some(125), "{said}");
    });
}
