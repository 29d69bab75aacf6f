//! What single options do, by what a program can do with them and cannot without.

use std::fs;

use crate::person::{Person, as_everybody};

/// What a program says, which has to have ended well.
fn said(person: &Person, options: &[&str], script: &str) -> String {
    let (code, said, why) = person.run(options, &["sh", "-c", script]);
    assert_eq!(code, Some(0), "{options:?}: {said}{why}");
    said
}

#[test]
fn places_have_the_rights_that_they_are_named_with() {
    as_everybody("rights", |person| {
        person.put("other/tool", "#!/bin/sh\necho ran\n");
        let (other, tool) = (person.path("other"), person.path("other/tool"));
        // The owner's execution right, without which nothing runs anywhere.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(&tool, mode).unwrap();
        let script = format!("{tool} 2>/dev/null || echo unrun; echo x >{other}/new && echo put");
        let script = format!("({script}) 2>/dev/null; cat {other}/secret 2>/dev/null; true");
        for (option, expected) in [
            ("--read", "unrun\nhidden\n"),
            ("--write", "unrun\nput\nhidden\n"),
            ("--run", "ran\nhidden\n"),
        ] {
            assert_eq!(said(person, &[option, &other], &script), expected, "{option}");
        }
        assert_eq!(said(person, &[], &script), "unrun\n");
    });
}

#[test]
fn a_list_of_system_calls_is_the_one_that_was_named() {
    as_everybody("lists", |person| {
        let (map, file) = (libc::SYS_mmap, libc::SYS_memfd_create);
        // Memory that is written and run; then a file without a name.
        let lines = format!(
            "my $name = \"x\\0\"; print syscall({map}, 0, 4096, 7, 0x22, -1, 0) == -1 ? 'no' : \
             'yes', ' ', syscall({file}, $name, 0) == -1 ? 'no' : 'yes'"
        );
        for (options, expected) in [
            (&[][..], "no no"),
            (&["--seccomp-profile", "datasci"], "yes no"),
            (&["--seccomp-mode", "off", "--seccomp-profile", "datasci"], "yes yes"),
        ] {
            let (code, said, why) = person.run(options, &["perl", "-e", &lines]);
            assert_eq!((code, said.as_str()), (Some(0), expected), "{options:?}: {why}");
        }
    });
}

/// What takes a group and has none is refused, unless it is said that it may be missing; then it is
/// told.
#[test]
fn a_limit_that_cannot_be_had_is_refused_or_told() {
    as_everybody("limits", |person| {
        for (option, value, words) in
            [("--cpus", "0.5", "processor"), ("--disk-rate", "50M", "disk")]
        {
            let strict = person.run(&[option, value], &["echo", "ran"]);
            match strict.0 {
                Some(0) => assert_eq!(strict.1, "ran\n"),
                code => {
                    assert_eq!((code, strict.1.as_str()), (Some(125), ""), "{}", strict.2);
                    assert!(strict.2.contains(words), "{}", strict.2);
                    let (code, said, why) =
                        person.run(&[option, value, "--best-effort"], &["echo", "ran"]);
                    assert_eq!((code, said.as_str()), (Some(0), "ran\n"), "{why}");
                    assert!(why.contains(words), "{why}");
                }
            }
        }
    });
}

#[test]
fn a_proxy_leads_nowhere_else() {
    as_everybody("proxy", |person| {
        let lines = "use IO::Socket::INET; print $ENV{HTTPS_PROXY}, ' '; my $s = \
                     IO::Socket::INET->new('127.0.0.1:3128') or die $!; print $s \"CONNECT \
                     example.com:443 HTTP/1.1\\r\\nHost: example.com:443\\r\\n\\r\\n\"; print \
                     substr(<$s>, 0, 12)";
        let options = ["--proxy", "--allow-host", "example.org"];
        let (code, said, why) = person.run(&options, &["perl", "-e", lines]);
        let expected = "http://127.0.0.1:3128 HTTP/1.1 403";
        assert_eq!((code, said.as_str()), (Some(0), expected), "{why}");
        for options in [&[][..], &["--no-proxy"]] {
            assert_ne!(person.run(options, &["perl", "-e", lines]).0, Some(0));
        }
    });
}
