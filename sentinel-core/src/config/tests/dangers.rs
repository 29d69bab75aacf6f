//! What is legal and dangerous, each with its words, and what is close to it and fine.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::read_with;
use crate::capability::Grant;
use crate::config::Severity;

/// The dangers of a text, without places.
fn dangers(text: &str) -> Vec<String> {
    let reading = read_with(text, &[("KEY", "canary")]);
    assert!(reading.config.is_some(), "{:#?}", reading.diagnostics);
    let is_danger = |severity| severity == Severity::Danger;
    let found = reading.diagnostics.iter().filter(|it| is_danger(it.severity));
    let found: Vec<String> = found.map(|it| it.message.to_string()).collect();
    assert_eq!(reading.is_dangerous(), !found.is_empty());
    found
}

fn grants(list: &str) -> Vec<String> {
    dangers(&alloc::format!("[security]\ngrants = [{list}]"))
}

#[test]
fn writing_everywhere_and_at_home() {
    let root = "`/` is granted for writing: everything on this machine can be changed";
    assert_eq!(grants("'write /'"), [root]);
    assert_eq!(grants("'read,write / ask'"), [root]);
    let home = "the home directory is granted for writing: what starts at login, keys and \
                settings can be changed";
    let journal = "what is granted for writing holds the journal: \
                   '/users/ada/.local/state/sentinel'";
    assert_eq!(grants("'write /users/ada'"), [home, journal]);
    assert_eq!(grants("'write /users'"), [home, journal]);
    assert!(grants("'read,list /', 'write /users/ada/drafts', 'write /users/adam'").is_empty());
}

#[test]
fn writing_to_what_may_be_run() {
    let program = "what is granted for writing holds a program that may be run: '/srv/bin/build'";
    assert_eq!(grants("'write /srv/bin', 'run /srv/bin/build'"), [program]);
    assert_eq!(grants("'write /srv/bin/build ask', 'run /srv/bin/build'"), [program]);
    assert!(grants("'write /srv/bin2', 'read /srv', 'run /srv/bin/build'").is_empty());
}

#[test]
fn writing_to_what_says_who_the_agent_is() {
    let file = "what is granted for writing holds the configuration: \
                '/srv/work/sentinel.toml'";
    assert_eq!(grants("'write /srv/work'"), [file]);
    assert_eq!(grants("'write /srv/work/sentinel.toml'"), [file]);
    assert!(grants("'write /srv/work/drafts', 'read /srv/work'").is_empty());
    let text = "[agent]\npersona_file = '/p/persona.md'\ninstructions_file = 'instructions.md'\n\
                persona_sha256 = \
                '0b27c158feb36ab18a10ff687909ec730ece6280581dd407e2672359be7725dd'\n\
                [state]\ndirectory = '/srv/state'\n\
                [security]\ngrants = ['write /p', 'write /srv']";
    assert_eq!(
        dangers(text),
        [
            "what is granted for writing holds the persona: '/p/persona.md'",
            "what is granted for writing holds the configuration: \
             '/srv/work/sentinel.toml'",
            "what is granted for writing holds the instructions: \
             '/srv/work/instructions.md'",
            "what is granted for writing holds the journal: '/srv/state'",
        ]
    );
}

#[test]
fn programs_that_run_anything() {
    assert_eq!(
        grants("'run /usr/bin/python3 unguarded'"),
        ["/usr/bin/python3 is granted unguarded: it runs whatever its arguments or files say, \
          and nothing of that is refused"]
    );
    assert_eq!(
        grants("'run /usr/bin/git log any paths'"),
        ["/usr/bin/git may be given any path, granted or not"]
    );
    // Within its guard an interpreter can only say which version it is.
    assert!(grants("'run /usr/bin/python3', 'run /usr/bin/git log|status'").is_empty());
    assert!(grants("'run /opt/weather unguarded'").is_empty());
}

/// The notes of a text, without places, that are about grants.
fn notes(list: &str, denied: &str) -> Vec<String> {
    let text = format!("[security]\ngrants = [{list}]\ndeny = [{denied}]");
    let reading = read_with(&text, &[]);
    assert!(reading.config.is_some(), "{:#?}", reading.diagnostics);
    assert!(!reading.is_dangerous(), "{:#?}", reading.diagnostics);
    let found = reading.diagnostics.iter().filter(|it| it.severity == Severity::Note);
    let found = found.map(|it| it.message.to_string());
    found.filter(|message| message.starts_with('/')).collect()
}

#[test]
fn what_the_guard_of_a_bare_program_refuses() {
    let narrow = "; these options are refused. Name subcommands or options to narrow it further";
    let tar = "/bin/tar: it runs programs (--checkpoint-action, --to-command, -I), reads lists of \
               files, and logs in to what stands before a colon (`./a:b` is a file)";
    assert_eq!(notes("'run /bin/tar'", ""), [format!("{tar}{narrow}")]);
    let find = "/usr/bin/find: it runs programs (-exec), deletes, and writes files (-fprint)";
    assert_eq!(notes("'run /usr/bin/find ask'", ""), [format!("{find}{narrow}")]);
    let git = "/usr/bin/git: it runs programs named by its options and its configuration (-c \
               core.sshCommand=...)";
    assert_eq!(notes("'run /usr/bin/git'", ""), [format!("{git}{narrow}")]);
    assert!(notes("'run /usr/bin/git log', 'run /bin/ls', 'run /opt/weather'", "").is_empty());
    assert!(notes("", "'run /bin/tar'").is_empty());
}

/// Grants that nothing here asks for are no promise, and one that nobody is asked about is said.
#[test]
fn grants_that_allow_nothing_or_more_than_meant() {
    let told = |before: &str, list: &str| {
        let text = format!("{before}[security]\ngrants = [{list}]");
        let found = read_with(&text, &[]).diagnostics.into_iter();
        let found = found.map(|it| it.message.to_string());
        found.filter(|it| it.contains("allows nothing") || it.contains("who it is")).collect()
    };
    let none: [String; 0] = [];
    let of = |list: &str| -> Vec<String> { told("", list) };
    assert_eq!(
        of("'listen 127.0.0.1:80', 'config agent ask', 'persona'"),
        [
            "'listen 127.0.0.1:80' allows nothing here: no tool asks for it",
            "'config agent ask' allows nothing here: no tool asks for it",
            "'persona' allows nothing here: there is no persona_file",
        ]
    );
    let persona = "[agent]\npersona_file = '/p/persona.md'\npersona_sha256 = \
                   '0b27c158feb36ab18a10ff687909ec730ece6280581dd407e2672359be7725dd'\n";
    let of = |list: &str| -> Vec<String> { told(persona, list) };
    assert_eq!(of("'persona'"), none);
    assert_eq!(
        of("'persona irreversible'"),
        ["the agent may write down who it is, and nobody is asked"]
    );
}

/// Of a grant that is made later that is said which was not true before.
#[test]
fn what_a_later_grant_adds() {
    let config = read_with("[security]\ngrants = []", &[]).config.unwrap();
    let added = |grant: &str, others: &[&str]| {
        let others: Vec<Grant> = others.iter().map(|other| other.parse().unwrap()).collect();
        let concerns = config.concerns_about(&grant.parse().unwrap(), &others);
        concerns.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let leaves = "danger: files can be read, and every host can be connected to without a \
                  question: whatever is read can leave (name the hosts, or write `ask` behind the \
                  grant)";
    assert_eq!(added("connect *", &["read /srv"]), leaves);
    assert_eq!(added("read /srv", &["connect *"]), leaves);
    assert_eq!(added("read /srv", &["connect *", "read /home"]), "");
    assert_eq!(added("read /srv", &["connect * ask"]), "");
    assert!(added("run /srv/bin/x", &["write /srv/bin"]).contains("holds a program"));
    assert!(added("run /bin/tar", &[]).starts_with("note: /bin/tar: it runs programs"));
    assert_eq!(added("deny run /bin/tar", &[]), "");
}

/// What a repository says is what a later `git` runs.
#[test]
fn a_repository_that_can_be_written() {
    let found = notes("'run /usr/bin/git log', 'read,write /srv/work/site'", "");
    let expected = "/usr/bin/git runs what `.git/config` and `.git/hooks` say, and beneath \
                    '/srv/work/site' they can be written: forbid it with deny = [\"write \
                    /srv/work/site/.git/config\", \"write /srv/work/site/.git/hooks\"]";
    assert_eq!(found, [expected]);
    let granted = "'run /usr/bin/git log', 'write /srv/work/site'";
    let (config, hooks) =
        ("'write /srv/work/site/.git/config'", "'write /srv/work/site/.git/hooks'");
    assert!(notes(granted, &format!("{config}, {hooks}")).is_empty());
    assert!(notes(granted, "'read,write /srv/work/site/.git'").is_empty());
    assert_eq!(notes(granted, config).len(), 1);
    assert!(notes("'run /usr/bin/git log', 'write /srv/work/site ask'", "").is_empty());
    assert!(notes("'run /usr/bin/git log', 'read /srv/work/site'", "").is_empty());
    assert!(notes("'run /bin/ls', 'write /srv/work/site'", "").is_empty());
}

#[test]
fn connecting_anywhere_with_something_to_carry_out() {
    let everywhere = "files can be read, and every host can be connected to without a question: \
                      whatever is read can leave";
    assert_eq!(grants("'read /srv', 'connect *'"), [everywhere]);
    assert!(grants("'connect *'").is_empty());
    assert!(grants("'read /srv', 'connect * ask'").is_empty());
    assert!(grants("'read /srv', 'connect api.example.com'").is_empty());
}

#[test]
fn nobody_to_ask() {
    let nobody = "nobody can approve on telegram: every question there is a no";
    let telegram = "[telegram]\ntoken_env = 'KEY'\n";
    let with = |more: &str| dangers(&alloc::format!("{telegram}{more}"));
    assert_eq!(with("allowed_users = [7]"), [nobody]);
    assert_eq!(with("pairing = true"), [nobody]);
    assert_eq!(with("rooms = { -7 = 'everybody' }\n[security]\ngrants = []"), [nobody]);
    assert!(with("allowed_users = [7]\noperators = [8]").is_empty());
    assert!(with("allowed_users = [7]\n[agent]\npeople_may_approve = true").is_empty());
    assert!(with("").is_empty(), "nobody may talk either, which is a note");
}

#[test]
fn strangers_with_commands() {
    let text = "[telegram]\ntoken_env = 'KEY'\noperators = [7]\nrooms = { -7 = 'everybody' }\n\
                [security]\ngrants = ['run /usr/bin/git log']";
    assert_eq!(dangers(text), ["everybody in a room of telegram may have commands run"]);
    assert!(dangers(&text.replace("everybody", "people")).is_empty());
}

/// An answer goes to the room, whoever asked: so whatever may be read there without a question is
/// said, and nothing that a person is asked about or that is everybody's anyway.
#[test]
fn strangers_with_what_can_be_read() {
    let text = "[telegram]\ntoken_env = 'KEY'\noperators = [7]\nrooms = { -7 = 'everybody' }\n";
    let of = |grants: &str| dangers(&format!("{text}[security]\ngrants = [{grants}]"));
    let reads = |what: &str| {
        [format!(
            "everybody in a room of telegram reads what is answered there, and what the agent may \
             read without a question can be in it: {what}"
        )]
    };
    assert_eq!(of("'read /srv'"), reads("'/srv'"));
    assert_eq!(of("'list /srv', 'read /a once'"), reads("'/srv', '/a'"));
    assert_eq!(of("'skill mail'"), reads("what the skill mail gives back"));
    assert_eq!(of("'connect 10.0.0.7', 'connect git.corp'"), {
        reads("what 10.0.0.7 serves, what git.corp serves")
    });
    let many = "'read /1', 'read /2', 'read /3', 'read /4', 'read /5', 'read /6'";
    assert_eq!(of(many), reads("'/1', '/2', '/3', '/4', 2 more"));
    let none: [String; 0] = [];
    assert_eq!(
        of("'read /srv ask', 'write /srv/drafts', 'skill mail ask', 'connect 10.0.0.7 ask'"),
        none
    );
    assert_eq!(of("'connect api.example.com'"), none);
    // Where the file says nothing of grants, the workspace may be read.
    assert_eq!(dangers(text), reads("'/srv/work'"));
    assert_eq!(dangers(&text.replace("everybody", "people")), none);
}

#[test]
fn keys_in_the_open() {
    let text = "[openai]\napi_key_env = 'KEY'\nbase_url = 'http://models.example/v1'";
    let open = "the key and every word go to another machine without encryption";
    assert_eq!(dangers(text), [open]);
    assert_eq!(dangers(&text.replace("models.example", "10.0.0.7")), [open]);
    assert!(dangers(&text.replace("http:", "https:")).is_empty());
    assert!(dangers(&text.replace("models.example", "127.0.0.1:9")).is_empty());
    assert!(dangers(&text.replace("models.example", "localhost")).is_empty());
}

#[test]
fn tokens_in_the_open() {
    for platform in ["telegram", "discord", "slack"] {
        let base = "base_url = 'http://bots.example:8081'";
        let app = if platform == "slack" { "app_token_env = 'KEY'\n" } else { "" };
        let text = format!("[{platform}]\ntoken_env = 'KEY'\n{app}{base}");
        let open = "the token and every word go to another machine without encryption";
        assert_eq!(dangers(&text), [open]);
        assert!(dangers(&text.replace("http:", "https:")).is_empty());
        assert!(dangers(&text.replace("bots.example", "127.0.0.1")).is_empty());
    }
}

#[test]
fn money_that_is_not_counted() {
    let text = "[openai]\napi_key_env = 'KEY'\n[budget]\nday = { money = '5' }";
    assert_eq!(
        dangers(text),
        ["money is limited, and 'openai' has no prices: what it costs is not counted"]
    );
    assert!(
        dangers(&text.replace("'KEY'", "'KEY'\nprices = { input = '1', output = '0' }")).is_empty()
    );
    assert!(dangers(&text.replace("money = '5'", "tokens = 5")).is_empty());
}

#[test]
fn secrets_in_the_open() {
    let text = "[egress]\ninspect = true\n[secret.api]\nhost = 'api.example.com:80'\n\
                value_env = 'KEY'\nin_the_clear = true";
    let open = "the secret 'api' goes to api.example.com:80 without encryption";
    assert_eq!(dangers(text), [open]);
    assert!(dangers(&text.replace("api.example.com", "localhost")).is_empty());
    assert!(dangers(&text.replace("in_the_clear = true", "")).is_empty());
}
