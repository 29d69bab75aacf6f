//! What holds of any file.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use arbtest::arbitrary::{Result, Unstructured};
use arbtest::arbtest;

use super::read_with;
use crate::config::keys::SECTIONS;
use crate::config::table::{Key, Kind, Presence};
use crate::config::{Facts, FoundModel, FoundPlatform, Severity, show, show_json, template};
use crate::text::json;

const EXAMPLE: &str = include_str!("../../../../examples/sentinel.toml");

const VARIABLES: [(&str, &str); 3] =
    [("ANTHROPIC_API_KEY", "a"), ("TELEGRAM_BOT_TOKEN", "b"), ("SLACK_APP_TOKEN", "c")];

/// Lines of the example that begin with a key.
fn lines_with_keys() -> Vec<usize> {
    let is_key = |line: &str| {
        let name = line.split('=').next().unwrap_or_default().trim_end();
        line.contains('=')
            && !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    };
    EXAMPLE.lines().enumerate().filter(|(_, line)| is_key(line)).map(|(at, _)| at).collect()
}

#[test]
fn a_slip_in_a_key_is_always_found() {
    let lines = lines_with_keys();
    assert!(lines.len() > 60);
    for at in lines {
        let line = EXAMPLE.lines().nth(at).unwrap();
        let length = line.find([' ', '=']).unwrap();
        for place in 0..length {
            let (before, after) = (&line[..place], &line[place + 1..]);
            a_slip_is_found(at, &format!("{before}{after}"));
            // No key has this letter, so none becomes what it was.
            for letter in ['j', 'J'] {
                a_slip_is_found(at, &format!("{before}{letter}{after}"));
                a_slip_is_found(at, &format!("{before}{letter}{}", &line[place..]));
            }
        }
    }
}

/// Holds that the example with its line `at` written as `slipped` is refused, with a place.
fn a_slip_is_found(at: usize, slipped: &str) {
    let text: String = EXAMPLE
        .lines()
        .enumerate()
        .map(|(index, line)| format!("{}\n", if index == at { slipped } else { line }))
        .collect();
    assert_ne!(text, EXAMPLE);
    let reading = read_with(&text, &VARIABLES);
    assert!(reading.config.is_none(), "{slipped}");
    let mut errors = reading.diagnostics.iter().filter(|it| it.severity == Severity::Error);
    // A key that now stands twice may be found at its first place.
    assert!(errors.any(|it| it.place.is_some()), "{slipped}\n{:#?}", reading.diagnostics);
}

#[test]
fn a_secret_is_never_repeated_wherever_it_is_written() {
    const SECRETS: [&str; 4] = [
        "sk-ant-canary0123456789abcdef",
        "123456789:AAHdqTcvCH1vGWcanarySofSAs0K5PALDsaw",
        "AbCdEf0123456789canaryAbCdEf0123",
        "http://ada:canary@example.com/",
    ];
    let leaks = |text: &str| {
        let said: Vec<String> =
            read_with(text, &[]).diagnostics.iter().map(ToString::to_string).collect();
        assert!(!said.concat().contains("canary"), "{text}\n{}", said.join("\n"));
    };
    for section in SECTIONS {
        let header = match section.presence {
            Presence::Named => format!("[{}.x]\n", section.name),
            _ => format!("[{}]\n", section.name),
        };
        for secret in SECRETS {
            for key in section.keys {
                for value in values(key, secret) {
                    leaks(&format!("{header}{} = {value}\n", key.name));
                    leaks(&format!("{} = {{ {} = {value} }}\n", section.name, key.name));
                    leaks(&format!("{header}{} = {value} = 3\n", key.name));
                }
            }
            for line in [
                format!("key = '{secret}'"),
                format!("bot_token = ['{secret}']"),
                format!("'{secret}'.x = 3"),
                format!("'{secret}' = 3"),
                format!("api_key = '{secret}"),
                format!("[x.'{secret}']"),
            ] {
                leaks(&format!("{header}{line}\n"));
                leaks(&format!("{line}\n{header}"));
            }
            leaks(&format!("[{}.'{secret}']\n", section.name));
        }
    }
    // Short ones, which look like nothing, where the key says what they are.
    for line in
        ["api_key = 'canary'", "token = 'canary'", "password = 'canary'", "token = {a='canary'}"]
    {
        for section in SECTIONS {
            leaks(&format!("[{}]\n{line}\n", section.name));
            leaks(&format!("[{}]\n{line} x\n", section.name));
            leaks(&format!("{} = {{ {line}, b = 1 }}\n", section.name));
        }
        leaks(&format!("{line}\n"));
    }
}

/// The ways to write a text where a value is expected.
fn values(key: &Key, text: &str) -> Vec<String> {
    let inner = match key.kind {
        Kind::Table(keys) => {
            keys.iter().map(|key| format!("{{ {} = '{text}' }}", key.name)).collect()
        }
        _ => Vec::new(),
    };
    let mut values: Vec<String> = alloc::vec![
        format!("'{text}'"),
        format!("['{text}']"),
        format!("{{ x = '{text}' }}"),
        format!("{{ '{text}' = 3 }}")
    ];
    values.extend(inner);
    values
}

#[test]
fn whatever_is_read_is_shown_and_reads_back() {
    arbtest(|u| {
        let text = if u.ratio(1, 4)? { String::new() } else { file(u)? };
        let mut variables = VARIABLES.to_vec();
        for (name, values) in ALIASES {
            if u.ratio(1, 3)? {
                variables.push((name, u.choose(values)?));
            }
        }
        let reading = read_with(&text, &variables);
        for diagnostic in &reading.diagnostics {
            let shown = diagnostic.to_string();
            assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
        }
        let Some(config) = reading.config else { return Ok(()) };
        let shown = show(&config);
        let again = read_with(&shown, &variables);
        let said = again.diagnostics;
        assert_eq!(again.config.as_ref(), Some(&config), "{text}\n{shown}\n{said:#?}");
        assert_eq!(show(&config), shown);
        let programs = show_json(&config);
        let document =
            json::parse(programs.as_bytes()).unwrap_or_else(|it| panic!("{it} {programs}"));
        let sections = shown.lines().filter(|line| line.starts_with('[') && !line.contains('.'));
        for section in sections.map(|line| line.trim_matches(['[', ']'])) {
            assert!(document.root().find(section).is_some(), "[{section}] is not in {programs}");
        }
        let alone = read_with(&shown, &[]).config.map(|it| it.settings().digest);
        assert_eq!(alone, Some(config.settings().digest), "{shown}");
        Ok(())
    });
}

/// Variables that may be set, and to what.
const ALIASES: [(&str, &[&str]); 8] = [
    ("OPENAI_API_KEY", &["d"]),
    ("DISCORD_BOT_TOKEN", &["e"]),
    ("XDG_STATE_HOME", &["/state", "relative", ""]),
    ("SENTINEL_MODEL", &["claude-x", "gpt-x", "openai", "a.b", ""]),
    ("SENTINEL_ALLOWED_USERS", &["7,8", "U0A,112233445566778899", "*"]),
    ("SENTINEL_READ_PATHS", &["/a b,c", "~/x"]),
    ("SENTINEL_WRITE_PATHS", &["d", "/\""]),
    ("SENTINEL_COMMANDS", &["git", "/bin/ls,git"]),
];

/// A file of known keys with values that often fit.
fn file(u: &mut Unstructured<'_>) -> Result<String> {
    let mut text = String::new();
    for section in SECTIONS {
        if !u.ratio(1, 2)? {
            continue;
        }
        match section.presence {
            Presence::Named if section.name == "tool" => text.push_str("[tool.read_file]\n"),
            Presence::Named => {
                text.push_str(&format!("[{}.'a.b']\nprovider = 'offline'\n", section.name));
            }
            _ => text.push_str(&format!("[{}]\n", section.name)),
        }
        for key in section.keys {
            if u.is_empty() || !u.ratio(1, 6)? || key.name == "provider" {
                continue;
            }
            let value = *u.choose(match key.kind {
                Kind::Flag => &["true", "false", "1"],
                Kind::Integer { .. } => &["1", "300", "20000", "-1", "9999999999", "1.5"],
                Kind::Text(_) => &[
                    "'KEY'",
                    "'low'",
                    "'strict'",
                    "'5.5'",
                    "'~/x'",
                    "'http://127.0.0.1'",
                    "' '",
                    "'best'",
                    "'debug'",
                    "'json'",
                    "'127.0.0.1:9'",
                    "'a.b'",
                    "'ask'",
                    "'a\u{202e}b'",
                ],
                Kind::Texts(_) => &[
                    "[]",
                    "['read /x', 'run /bin/ls -']",
                    "['read /x y']",
                    "[7, 8]",
                    "['a', 'a']",
                    "['write \"/a b\" ask']",
                    "['path']",
                    "['U0A', 9]",
                    "['*@a.example']",
                ],
                Kind::Integers { .. } => &["[]", "[80, 95]", "[95, 80]", "[0]"],
                Kind::Map(_) => {
                    &["{}", "{ -7 = 'people' }", "{ git = '/bin/git' }", "{ path = ['a'] }"]
                }
                Kind::Table(_) => &[
                    "{}",
                    "{ tokens = 5 }",
                    "{ money = '5', at = 'ask' }",
                    "{ input = '1' }",
                    "{ secrecy = 'public' }",
                ],
                Kind::Secret(_) => &["'x'"],
            })?;
            text.push_str(&format!("{} = {value}\n", key.name));
        }
    }
    Ok(text)
}

#[test]
fn the_template_reads_without_an_error_and_without_danger() {
    let model = |section: &str, provider: &str, key: Option<&str>| FoundModel {
        section: section.into(),
        provider: provider.into(),
        model: "m\"1\"".into(),
        base_url: None,
        api_key_env: key.map(String::from),
    };
    let telegram = FoundPlatform {
        section: "telegram".into(),
        base_url: Some("http://127.0.0.1:8081/".into()),
        token_env: "TELEGRAM_BOT_TOKEN".into(),
        app_token_env: None,
        operators: alloc::vec!["77".into()],
        allowed_users: alloc::vec!["78".into()],
        pairing: true,
    };
    for facts in [
        Facts { workspace: "/srv/work".into(), ..Facts::default() },
        Facts {
            models: alloc::vec![
                model("claude", "anthropic", Some("ANTHROPIC_API_KEY")),
                model("my.own", "ollama", None),
            ],
            platforms: alloc::vec![telegram],
            workspace: "/users/ada/my \"work\"".into(),
            may_write: true,
            proxy: Some("http://proxy.example:3128".into()),
        },
    ] {
        let text = template(&facts);
        let variables = if facts.platforms.is_empty() { &[][..] } else { &VARIABLES };
        let reading = read_with(&text, variables);
        let said: Vec<String> = reading.diagnostics.iter().map(ToString::to_string).collect();
        assert!(said.is_empty(), "{text}\n{}", said.join("\n"));
        let config = reading.config.unwrap();
        assert_eq!(config.workspace(), facts.workspace);
        assert_eq!(config.endpoints().len(), facts.models.len().max(1));
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }
}
