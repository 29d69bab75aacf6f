//! What a configuration comes to.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use super::{config, read_with, said, said_with};
use crate::agent::Provider;
use crate::budget::{AtLimit, Limit, Measure, Money, Price, Scope};
use crate::channel::{AccessRules, Audience, Standing};
use crate::config::{LogLevel, SealKey, SecretSource, show, show_json};
use crate::label::{Effect, Mode, ParameterKind, TaintedPayload};
use crate::llm::{Dialect, Effort, OpenAiProfile, Thinking};
use crate::sandbox::{Limits, Requirement};
use crate::text::json;

const EXAMPLE: &str = include_str!("../../../../examples/sentinel.toml");

const VARIABLES: [(&str, &str); 3] = [
    ("ANTHROPIC_API_KEY", "sk-ant-canary"),
    ("TELEGRAM_BOT_TOKEN", "1:canary"),
    ("SLACK_APP_TOKEN", "xapp-canary"),
];

#[test]
fn an_empty_file_is_the_offline_model_in_the_terminal_with_little_granted() {
    let config = config("");
    let settings = config.settings();
    assert_eq!(settings.models.len(), 1);
    assert_eq!(settings.models[0].provider, Provider::Offline);
    assert_eq!(settings.workspace, "/srv/work");
    assert!(config.connectors().is_empty() && config.terminal().is_some());
    let grants: Vec<_> = settings.grants.iter().map(ToString::to_string).collect();
    assert_eq!(
        grants,
        [
            "read,list /srv/work",
            "model offline",
            "deny write /srv/work/sentinel.toml",
            "deny read,write,list /users/ada/.local/state/sentinel",
        ]
    );
    let key = SecretSource::File("/users/ada/.local/state/sentinel/journal.key".into());
    assert_eq!(config.state().key, SealKey::Key(key));
    assert!(crate::agent::Agent::new(alloc::sync::Arc::new(settings.clone())).is_ok());
}

#[test]
fn the_example_has_every_key_and_nothing_is_said_of_it() {
    let reading = read_with(EXAMPLE, &VARIABLES);
    let said: Vec<String> = reading.diagnostics.iter().map(ToString::to_string).collect();
    assert!(said.is_empty(), "{}", said.join("\n"));
    let config = reading.config.unwrap();
    for section in crate::config::keys::SECTIONS {
        for key in crate::config::table::names(section.keys) {
            assert!(EXAMPLE.contains(key), "[{}] {key} is not in the example", section.name);
        }
    }
    let settings = config.settings();
    let models: Vec<&str> = settings.models.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(models, ["claude-sonnet-4-5", "gpt-5-mini", "llama-3.3-70b-versatile", "qwen3"]);
    assert_eq!(settings.models[0].thinking, Thinking::Effort(Effort::Medium));
    assert_eq!(settings.models[3].thinking, Thinking::Budget(2048));
    assert_eq!(
        settings.models[2].provider,
        Provider::Service(Dialect::OpenAi(OpenAiProfile::GROQ))
    );
    let price = Price {
        input: Money(3_000_000),
        output: Money(15_000_000),
        cache_read: Money(300_000),
        cache_write: Money(3_750_000),
    };
    assert_eq!(settings.prices.find("claude-sonnet-4-5"), Some(&price));
    assert_eq!(config.endpoints()[3].base_url.as_ref().unwrap().port(), 11434);
    let sources: Vec<_> = config.endpoints().iter().map(|it| it.key.clone()).collect();
    assert_eq!(
        sources,
        [
            Some(SecretSource::Environment("ANTHROPIC_API_KEY".into())),
            Some(SecretSource::File("/etc/sentinel/openai.key".into())),
            Some(SecretSource::Credential("groq".into())),
            None,
        ]
    );
    let access = AccessRules::new()
        .person("terminal", "owner", Standing::Operator)
        .and_then(|rules| rules.person("telegram", "123456", Standing::Operator))
        .and_then(|rules| rules.person("telegram", "234567", Standing::Person))
        .and_then(|rules| rules.person("telegram", "345678", Standing::Person))
        .and_then(|rules| rules.room("telegram", "-1001234567890", Audience::People))
        .and_then(|rules| rules.pairing("telegram"))
        .and_then(|rules| rules.person("discord", "112233445566778899", Standing::Operator))
        .and_then(|rules| rules.person("slack", "U0123ABCD", Standing::Operator))
        .and_then(|rules| rules.room("slack", "C0123ABCD", Audience::People))
        .and_then(|rules| rules.room("mcp", "outside", Audience::Everybody))
        .unwrap();
    assert_eq!(settings.access, access);
    assert_eq!(settings.flow.mode, Mode::Grounded);
    assert!(settings.flow.constants.contains("team@corp.example"));
    assert_eq!(settings.programs["git"], "/usr/bin/git");
    let role = config.role("http_fetch").unwrap();
    assert_eq!((role.effect, role.tainted_payload), (Effect::Send, TaintedPayload::Ask));
    assert_eq!(role.parameter("url").unwrap().kind, ParameterKind::Recipient);
    assert_eq!(role.output.readers.patterns().collect::<Vec<_>>(), ["*"]);
    let limit = |scope, measure, max, at_limit| Limit { scope, measure, max, at_limit };
    assert_eq!(
        settings.budget.limits,
        [
            limit(Scope::Turn, Measure::Tokens, 200_000, AtLimit::Stop),
            limit(Scope::Turn, Measure::Calls, 50, AtLimit::Stop),
            limit(Scope::Turn, Measure::Time, 900_000, AtLimit::Stop),
            limit(Scope::Conversation, Measure::Money, 5_000_000, AtLimit::Ask),
            limit(Scope::Person, Measure::Money, 10_000_000, AtLimit::Pause),
            limit(Scope::Day, Measure::Tokens, 5_000_000, AtLimit::Stop),
            limit(Scope::Day, Measure::Money, 25_000_000, AtLimit::Stop),
        ]
    );
    assert_eq!(settings.budget.warn_percent, [80, 95]);
    assert!(settings.persona.is_some());
    assert_eq!(config.http().connect_time_max, Duration::from_secs(10));
    assert_eq!(config.log().level, LogLevel::Info);
    assert_eq!(config.metrics().unwrap().port(), 9464);
    assert!(crate::agent::Agent::new(alloc::sync::Arc::new(settings.clone())).is_ok());
}

#[test]
fn what_is_shown_to_programs_has_sections_and_their_names() {
    let text = "[agent]\nname = 'it\"s'\nrounds = 7\n[models.'a.b']\nprovider = 'offline'\n\
                [models.c]\nprovider = 'offline'\n[telegram]\ntoken_env = 'T'\n\
                rooms = { \"-1\" = 'people' }\noperators = ['77']\n";
    let shown = show_json(&read_with(text, &[("T", "canary")]).config.unwrap());
    let document = json::parse(shown.as_bytes()).unwrap();
    let at = |path: &[&str]| {
        let found = path.iter().try_fold(document.root(), |value, key| value.find(key));
        found.unwrap_or_else(|| panic!("{path:?} is not in {shown}"))
    };
    assert_eq!(at(&["agent", "name"]).as_str().unwrap(), "it\"s");
    assert_eq!(at(&["agent", "rounds"]).as_i64().unwrap(), 7);
    assert_eq!(at(&["models", "a.b", "provider"]).as_str().unwrap(), "offline");
    assert_eq!(at(&["models", "c", "provider"]).as_str().unwrap(), "offline");
    assert_eq!(at(&["telegram", "rooms", "-1"]).as_str().unwrap(), "people");
    assert!(!shown.contains("canary"));
}

#[test]
fn what_is_shown_reads_back() {
    for (text, variables) in [
        ("", &[][..]),
        (EXAMPLE, &VARIABLES),
        // A model that only the environment names was named anew when it was read again.
        ("", &[("OPENAI_API_KEY", "canary"), ("SENTINEL_MODEL", "gpt-x")]),
        ("", &[("ANTHROPIC_API_KEY", "sk-canary"), ("SENTINEL_READ_PATHS", "/a b,~/c")]),
        (
            "[models.'a.b']\nprovider = 'offline'\n[agent]\ninstructions_file = 'instructions.md'",
            &[],
        ),
        ("[state]\nkey = 'passphrase'", &[]),
    ] {
        let first = read_with(text, variables).config.unwrap();
        let shown = show(&first);
        for (_, secret) in variables.iter().filter(|(_, value)| value.contains("canary")) {
            assert!(!shown.contains(secret), "{shown}");
        }
        let reading = read_with(&shown, variables);
        let said: Vec<String> = reading.diagnostics.iter().map(ToString::to_string).collect();
        assert_eq!(reading.config.as_ref(), Some(&first), "{shown}\n{said:?}");
        // Keys may be gone meanwhile; what decides is the same.
        let later = read_with(&shown, &[]).config.unwrap();
        assert_eq!(later.settings().digest, first.settings().digest, "{shown}");
    }
}

#[test]
fn the_digest_is_of_what_decides_and_of_nothing_else() {
    let digest = |text: &str| read_with(text, &[]).config.unwrap().settings().digest;
    let plain = digest("");
    assert_eq!(digest("[log]\nlevel = 'debug'\n[http]\nidle_seconds = 7"), plain);
    assert_eq!(digest("[agent]\nrounds = 10 # as it is anyway"), plain);
    let others = [
        "[agent]\nrounds = 9",
        "[agent]\ninstructions = 'Be rude.'",
        "[agent]\ninstructions_file = 'instructions.md'",
        "[security]\nmode = 'strict'",
        "[security]\ngrants = []",
        "[security]\ndeny = ['read /srv/work/x']",
        "[tool.read_file]\noutput = { integrity = 'trusted' }",
        "[budget]\nturn = { calls = 1 }",
        "[state]\ndirectory = '/var/lib/sentinel'",
    ];
    let digests: Vec<_> = others.iter().map(|text| digest(text)).collect();
    for (index, one) in digests.iter().enumerate() {
        assert_ne!(*one, plain, "{}", others[index]);
        assert!(!digests[..index].contains(one), "{}", others[index]);
    }
}

#[test]
fn the_environment_counts_where_the_file_says_nothing() {
    let variables = [
        ("ANTHROPIC_API_KEY", "canary"),
        ("TELEGRAM_BOT_TOKEN", "canary"),
        ("SLACK_BOT_TOKEN", "canary"),
        ("SLACK_APP_TOKEN", "canary"),
        ("SENTINEL_ALLOWED_USERS", "77, U012ABC,telegram:88"),
        ("SENTINEL_OPERATORS", "99"),
        ("SENTINEL_READ_PATHS", "/srv/a,~/b"),
        ("SENTINEL_WRITE_PATHS", "/srv/c"),
        ("SENTINEL_COMMANDS", "git,/bin/ls"),
        ("SENTINEL_MODEL", "claude-x"),
    ];
    let reading = read_with("", &variables);
    let config = reading.config.unwrap();
    let settings = config.settings();
    assert_eq!(settings.models.len(), 1);
    assert_eq!(settings.models[0].name, "claude-x");
    let grants: Vec<String> = settings.grants.iter().map(ToString::to_string).collect();
    assert_eq!(
        grants[..5],
        [
            "read,list /srv/a",
            "read,list /users/ada/b",
            "write /srv/c",
            "run /usr/bin/git",
            "run /bin/ls"
        ]
    );
    assert_eq!(settings.programs["git"], "/usr/bin/git");
    let names: Vec<&str> = config.connectors().iter().map(|it| it.platform.name).collect();
    assert_eq!(names, ["telegram", "slack"]);
    let app_token = Some(SecretSource::Environment("SLACK_APP_TOKEN".into()));
    assert_eq!(config.connectors()[1].app_token, app_token);
    let access = AccessRules::new()
        .person("terminal", "owner", Standing::Operator)
        .and_then(|rules| rules.person("telegram", "99", Standing::Operator))
        .and_then(|rules| rules.person("telegram", "77", Standing::Person))
        .and_then(|rules| rules.person("telegram", "88", Standing::Person))
        .and_then(|rules| rules.person("slack", "U012ABC", Standing::Person))
        .and_then(|rules| rules.room("mcp", "outside", Audience::Everybody))
        .unwrap();
    assert_eq!(settings.access, access);

    let text = "[models.a]\nprovider = 'offline'\n[models.b]\nprovider = 'offline'\n\
                [security]\ngrants = []\n[discord]\noperators = [112233445566778899]";
    let mut variables = variables.to_vec();
    variables.push(("DISCORD_BOT_TOKEN", "canary"));
    variables.retain(|(name, _)| *name != "SENTINEL_MODEL");
    variables.push(("SENTINEL_MODEL", "b"));
    let config = read_with(text, &variables).config.unwrap();
    let sections: Vec<&str> = config.endpoints().iter().map(|it| it.section.as_str()).collect();
    assert_eq!(sections, ["b", "a"], "the file describes models, so no others are added");
    let names: Vec<&str> = config.connectors().iter().map(|it| it.platform.name).collect();
    assert_eq!(names, ["discord"]);
    assert_eq!(config.settings().grants[0].to_string(), "model b");
}

#[test]
fn a_blank_variable_never_means_everybody() {
    let token = ("TELEGRAM_BOT_TOKEN", "canary");
    for (variables, expected) in [
        (
            &[token, ("SENTINEL_ALLOWED_USERS", " ")][..],
            "environment: SENTINEL_ALLOWED_USERS is blank",
        ),
        (
            &[token, ("SENTINEL_ALLOWED_USERS", "7,,8")],
            "environment: SENTINEL_ALLOWED_USERS has a blank part",
        ),
        (
            &[token, ("SENTINEL_ALLOWED_USERS", "*")],
            "environment: SENTINEL_ALLOWED_USERS holds '*', which is no id",
        ),
        (&[("ANTHROPIC_API_KEY", "")], "environment: ANTHROPIC_API_KEY is blank"),
        (&[("SENTINEL_READ_PATHS", "")], "environment: SENTINEL_READ_PATHS is blank"),
        (&[("SENTINEL_WRITE_PATHS", "../x")], "environment: SENTINEL_WRITE_PATHS: '../x':"),
        (&[("SENTINEL_COMMANDS", "rm")], "environment: SENTINEL_COMMANDS: 'rm' was not found"),
        (
            &[("SENTINEL_MODEL", "gpt-9")],
            "environment: SENTINEL_MODEL names 'gpt-9', which is not described",
        ),
    ] {
        let reading = read_with("", variables);
        assert!(reading.config.is_none(), "{variables:?}");
        let said = said_with("", variables);
        assert!(said.iter().any(|it| it.starts_with(expected)), "{expected}\n{said:?}");
        assert!(!said.concat().contains("canary"), "{said:?}");
    }
}

#[test]
fn notes_do_not_stop_anybody() {
    assert_eq!(
        said("[telegram]\ntoken_env = 'BOT'\n"),
        [
            "sentinel.toml:1:2: note: nobody may talk to the agent on telegram\n  \
             1 | [telegram]\n    |  ^^^^^^^^",
            "sentinel.toml:2:13: note: the variable BOT is not set here\n  \
             2 | token_env = 'BOT'\n    |             ^^^^^",
        ]
    );
    assert!(read_with("[telegram]\ntoken_env = 'BOT'\n", &[]).config.is_some());
}

#[test]
fn the_path_of_a_request_comes_behind_the_address() {
    for (base, expected) in [
        ("https://models.example", "https://models.example/chat"),
        ("https://models.example/", "https://models.example/chat"),
        ("https://models.example/v1/", "https://models.example/v1/chat"),
        ("https://models.example:8443/v1", "https://models.example:8443/v1/chat"),
    ] {
        let config = config(&format!(
            "[models.a]\nprovider = 'compatible'\nbase_url = '{base}'\nmodel = 'm'"
        ));
        let url = config.endpoints()[0].url("/chat").unwrap();
        assert_eq!(url.as_str(), expected);
    }
    assert!(config("").endpoints()[0].url("/chat").is_none());
    let said = said("[models.a]\nprovider = 'compatible'\nbase_url = 'https://a.example/?x=1'");
    assert!(said[0].contains("3:12: the address has a query"), "{said:?}");
}

#[test]
fn a_platform_may_be_somewhere_else() {
    let text = "[telegram]\ntoken_env = 'KEY'\nbase_url = 'http://127.0.0.1:8081/tg'";
    let read = |text| read_with(text, &[("KEY", "canary")]).config.unwrap();
    let config = read(text);
    let url = config.connectors()[0].base_url.as_ref().unwrap();
    assert_eq!(url.as_str(), "http://127.0.0.1:8081/tg");
    let elsewhere = read("[telegram]\ntoken_env = 'KEY'");
    assert_eq!(elsewhere.connectors()[0].base_url, None);
    assert_eq!(config.settings().digest, elsewhere.settings().digest, "it decides nothing");
    for (url, wrong) in [
        ("https://a.example/?x=1", "the address has a query"),
        ("ftp://a.example", "http"),
        ("https://me@a.example", ""),
    ] {
        let said = said(&format!("[telegram]\ntoken_env = 'KEY'\nbase_url = '{url}'"));
        assert!(said.iter().any(|line| line.contains(wrong) && line.contains("3:")), "{said:?}");
    }
}

#[test]
fn who_is_named_for_nothing_is_said() {
    let variables = [("TELEGRAM_BOT_TOKEN", "canary"), ("SENTINEL_ALLOWED_USERS", "7,U0A")];
    let said = said_with("[agent]\npeople_may_approve = true", &variables);
    assert_eq!(
        said,
        ["environment: note: SENTINEL_ALLOWED_USERS: 'U0A' has no use: slack is not connected, \
          or the file says who may talk there"]
    );
    assert!(super::said("[terminal]\nenabled = false")[0].contains("note: nobody can talk"));
}

#[test]
fn without_a_file_it_is_the_environment_that_is_dangerous() {
    let environment = |name: &str| match name {
        "TELEGRAM_BOT_TOKEN" => Some("canary".to_string()),
        "SENTINEL_ALLOWED_USERS" => Some("77".to_string()),
        _ => None,
    };
    let surroundings = crate::config::Surroundings {
        file_name: "",
        environment: &environment,
        home: Some("/users/ada"),
        ..crate::config::Surroundings::bare("/srv/work")
    };
    let reading = crate::config::read("", &surroundings);
    let said: Vec<String> = reading.diagnostics.iter().map(ToString::to_string).collect();
    assert!(reading.is_dangerous());
    assert!(said[0].starts_with("environment: danger: nobody can approve on telegram"), "{said:?}");
    assert!(said[0].contains("SENTINEL_OPERATORS"), "{said:?}");
}

/// Most of what is read comes from a provider's cache: were that for nothing because nobody said
/// what it costs, a limit of money would hold nothing.
#[test]
fn what_comes_from_a_cache_costs_what_is_read_costs_unless_that_is_said() {
    let price = |more: &str| {
        let model = "[models.a]\nprovider = 'compatible'\nbase_url = 'https://a.example'\n";
        let prices = format!("{{ input = '3.00', output = '15.00'{more} }}");
        let config = config(&format!("{model}model = 'm'\nprices = {prices}"));
        *config.settings().prices.find("m").unwrap()
    };
    let (input, output) = (Money(3_000_000), Money(15_000_000));
    assert_eq!(price(""), Price { input, output, cache_read: input, cache_write: input });
    let (cache_read, cache_write) = (Money(300_000), Money(0));
    let said = price(", cache_read = '0.30', cache_write = '0'");
    assert_eq!(said, Price { input, output, cache_read, cache_write });
}

/// A price that is left out is not nothing.
#[test]
fn both_prices_are_said() {
    let model = "[models.a]\nprovider = 'compatible'\nbase_url = 'https://a.example'\nmodel = 'm'";
    for (prices, missing) in [
        ("{ input = '3.00' }", &["output"][..]),
        ("{ output = '15.00' }", &["input"]),
        ("{}", &["input", "output"]),
        ("{ input = '0.00', output = '0' }", &[]),
    ] {
        let reading = read_with(&format!("{model}\nprices = {prices}"), &[]);
        let said: Vec<String> = reading.diagnostics.iter().map(ToString::to_string).collect();
        let faults = said.iter().filter(|said| said.contains("does not say what"));
        assert_eq!(faults.count(), missing.len(), "{prices}: {said:?}");
        assert_eq!(reading.config.is_some(), missing.is_empty(), "{prices}: {said:?}");
        for side in missing {
            let what = format!("'prices' does not say what {side} costs");
            assert!(said.iter().any(|said| said.contains(&what)), "{said:?}");
        }
    }
}

/// A passphrase in a file is as much of a secret as any other.
#[test]
fn what_opens_the_journal_is_kept_from_the_agent() {
    for (kind, key) in [("passphrase", "passphrase_file"), ("file", "key_file")] {
        let state = format!("[state]\nkey = '{kind}'\n{key} = '/srv/work/opens'\n");
        let reading = read_with(&state, &[]);
        let said: Vec<String> = reading.diagnostics.iter().map(ToString::to_string).collect();
        let config = reading.config.unwrap_or_else(|| panic!("{said:?}"));
        let mut grants = config.settings().grants.iter().map(ToString::to_string);
        assert!(grants.any(|it| it == "deny read,write,list /srv/work/opens"), "{kind}");
    }
    let config = config("[http]\nca_file = '/srv/work/more.pem'\n");
    let mut grants = config.settings().grants.iter().map(ToString::to_string);
    assert!(grants.any(|it| it == "deny write /srv/work/more.pem"));
}

/// Who we are to a proxy is a name and a password, and the password is no part of an address.
#[test]
fn a_proxy_is_told_who_we_are() {
    let said = "[http]\nproxy = 'http://proxy.example:3128'\nproxy_user = 'joe'\n\
                proxy_password_file = '/srv/work/password'\n";
    let whole = config(said);
    let account = whole.http().proxy_account.clone();
    let source = SecretSource::File("/srv/work/password".into());
    assert_eq!(account, Some(("joe".into(), source)));
    let mut grants = whole.settings().grants.iter().map(ToString::to_string);
    assert!(grants.any(|it| it == "deny read,write,list /srv/work/password"));
    let secrets = whole.secrets();
    assert!(secrets.iter().any(|(whose, _)| whose == "the password for the proxy"));
    for (text, problem) in [
        ("proxy_user = 'joe'\nproxy_password_env = 'P'", "there is no 'proxy'"),
        ("proxy = 'http://p.example'\nproxy_user = 'joe'", "'proxy_user' has no password"),
        ("proxy = 'http://p.example'\nproxy_password_env = 'P'", "nobody it is for"),
        ("proxy_user = 'a:b'\nproxy_password_env = 'P'\nproxy = 'http://p.example'", "':'"),
        ("proxy_password = 'hunter2'", "a secret stands in this file"),
    ] {
        let reading = read_with(&format!("[http]\n{text}\n"), &[("P", "canary")]);
        let said: Vec<String> = reading.diagnostics.iter().map(ToString::to_string).collect();
        assert!(said.iter().any(|line| line.contains(problem)), "{text}: {said:?}");
    }
}

#[test]
fn commands_have_the_limits_that_are_written() {
    let config = config("[sandbox]\nmode = 'best-effort'\nmemory_mib = 64\nprocesses = 7\n");
    assert_eq!(config.sandbox().requirement, Requirement::BestEffort);
    let expected = Limits { memory_bytes: Some(64 << 20), pids: 7, ..Limits::default() };
    assert_eq!(config.sandbox().limits, expected);
    let silent = super::config("");
    assert_eq!(silent.sandbox().requirement, Requirement::Strict);
    assert_eq!(silent.sandbox().limits, Limits::default());
}

#[test]
fn programs_that_are_granted_can_be_called_by_name() {
    let text = "[agent]\nworkspace = \"/w\"\n[security]\ngrants = [\"run /usr/bin/git log\", \
                \"run /usr/bin/git status\", \"run /usr/bin/sum\", \"run /opt/bin/sum\", \
                \"run /opt/bin/cal\", \"run /bin/ls\"]\ndeny = [\"run /usr/bin/curl\"]\n\
                [security.programs]\ncal = \"/usr/bin/cal\"\n";
    let config = config(text);
    let programs = &config.settings().programs;
    let known: Vec<(&str, &str)> =
        programs.iter().map(|(name, path)| (name.as_str(), path.as_str())).collect();
    // Two programs are called sum, so neither is meant; what the file says of cal holds.
    assert_eq!(known, [("cal", "/usr/bin/cal"), ("git", "/usr/bin/git"), ("ls", "/bin/ls")]);
}

#[test]
fn secrets_are_added_for_one_host_and_by_those_who_are_named() {
    let text = "[egress]\ninspect = true\n[secret.api]\nhost = 'api.example.com'\nvalue_file = \
                '/k'\nprograms = ['/usr/bin/curl']\n[secret.other]\nhost = 'b.example:8443'\n\
                value_credential = 'k'\nheader = 'X-Key'\nformat = '{}'\nskills = ['weather']\n";
    let config = config(text);
    let inspection = &config.settings().inspection;
    assert!(inspection.is_on && !super::config("").settings().inspection.is_on);
    let [api, other] = &*inspection.injections else { panic!() };
    assert_eq!((api.name(), api.header()), ("api", "Authorization"));
    assert!(api.is_for(Some("/usr/bin/curl"), None) && !api.is_for(None, Some("weather")));
    assert!(other.is_for(None, Some("weather")) && !other.is_in_clear);
    assert_eq!(other.place().to_string(), "b.example:8443");
    let sources = [
        ("api".to_string(), SecretSource::File("/k".into())),
        ("other".to_string(), SecretSource::Credential("k".into())),
    ];
    assert_eq!(config.injected(), sources);
    for (from, to, expected) in [
        ("inspect = true", "inspect = false", "is added inside TLS, which nobody looks into"),
        ("host = 'api.example.com'\n", "", "does not say whom it is for"),
        ("api.example.com", "a..b", "no host"),
        ("value_file = '/k'\n", "", "nothing that says where to find the secret"),
        ("format = '{}'", "format = 'x'", "needs {} once"),
        ("'X-Key'", "'Host'", "no header that a secret can be"),
        ("b.example:8443'\n", "api.example.com'\n", ""),
        ("value_file = '/k'", "value = 'hush-hush'", "value"),
    ] {
        assert!(text.contains(from), "{from}");
        let said = said(&text.replace(from, to));
        let is_said = said.iter().any(|it| it.contains(expected));
        assert_eq!(is_said, !expected.is_empty(), "{to}: {said:?}");
    }
    // One host, one header, one program: which secret is meant?
    let twice =
        text.replace("b.example:8443", "api.example.com").replace("'X-Key'", "'authorization'");
    let twice = twice.replace("skills = ['weather']", "");
    assert!(said(&twice).iter().any(|it| it.contains("is the same header as 'api'")));
}

#[test]
fn keys_of_signers_are_keys_and_somebody_signs_what_has_to_be_signed() {
    const KEY: &str = "RWR+vbxgXn4KK4zLNeyIoA+iJpiES9FXV3OgvGUhYlAX7W0Yl8/Mw2jB";
    let text = format!("[skills]\ntrusted_keys = ['{KEY}']\nrequire_signature = true\n");
    let signed = config(&text);
    let signers: Vec<String> = signed.skill_signers().iter().map(ToString::to_string).collect();
    assert_eq!(signers, [KEY]);
    assert!(signed.are_skill_signatures_required());
    let none = config("");
    assert!(none.skill_signers().is_empty() && !none.are_skill_signatures_required());
    // Which skills are used decides; whose signatures count decides nothing without a skill.
    assert_eq!(signed.settings().digest, none.settings().digest);
    for (from, to, expected) in [
        (KEY, "RWR", "no public key of minisign"),
        ("RWR", "RWS", ""),
        ("RWR+", "untrusted comment: ", "no public key of minisign"),
        ("true", "1", "require_signature"),
        ("trusted_keys", "keys", "unknown key 'keys'"),
        (&format!("['{KEY}']"), "[]", "no skill could be used"),
    ] {
        let said = said(&text.replace(from, to));
        let is_said = said.iter().any(|it| it.contains(expected));
        assert_eq!(is_said, !expected.is_empty(), "{to}: {said:?}");
    }
}
