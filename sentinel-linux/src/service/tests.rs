//! Goal: a unit shows what is granted and nothing else, and systemd understands it. Method: units
//! of configurations, looked at line by line, and by systemd itself where it is installed.

use std::process::Command;

use sentinel_core::config::{Surroundings, read};

use super::*;

fn config(text: &str) -> Config {
    let surroundings = Surroundings { home: Some("/root/ada"), ..Surroundings::bare("/srv/work") };
    let reading = read(text, &surroundings);
    reading.config.unwrap_or_else(|| panic!("{:?}", reading.diagnostics))
}

fn made(config: &Config, manager: Manager, state: &str) -> String {
    unit(&Facts {
        manager,
        program: Path::new("/usr/local/bin/sentinel"),
        file: Path::new("/etc/sentinel/sentinel.toml"),
        state: Path::new(state),
        config,
        files: &[],
        account: "sentinel",
        has_views: true,
    })
}

const SERVICE: &str = r#"
[agent]
workspace = "/srv/work"
[anthropic]
api_key_env = "ANTHROPIC_API_KEY"
[telegram]
token_credential = "telegram"
operators = ["77"]
[discord]
token_file = "/root/bot/discord.token"
operators = ["112233445566778899"]
[security]
grants = ["read,list /srv/work", "write /srv/work/drafts ask", "read /root/bot/notes",
  "write \"/root/bot/my drafts\" ask", "read \"/root/bot/my drafts/old\""]
"#;

#[test]
fn what_is_granted_is_shown_and_nothing_else() {
    let text = made(&config(SERVICE), Manager::System, "/var/lib/sentinel");
    let has = |line: &str| text.lines().any(|other| other == line);
    for line in [
        "User=sentinel",
        "StateDirectory=sentinel",
        "EnvironmentFile=%E/sentinel/environment",
        "LoadCredential=telegram:%E/sentinel/credentials/telegram",
        "ProtectSystem=strict",
        "ProtectHome=tmpfs",
        "ReadWritePaths=-/srv/work/drafts",
        "BindPaths=-\"/root/bot/my drafts\"",
        "BindReadOnlyPaths=-/root/bot/notes",
        "BindReadOnlyPaths=-/root/bot/discord.token",
        "PrivateTmp=yes",
        "NoNewPrivileges=yes",
        "WantedBy=multi-user.target",
    ] {
        assert!(has(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("drafts/old"), "it is shown with what holds it: {text}");
    assert!(has("ReadWritePaths=-/srv/work/attachments"), "files that come with messages: {text}");
    let writable = text.lines().filter(|line| line.contains("ReadWritePaths")).count();
    assert_eq!(writable, 2, "{text}");
}

#[test]
fn a_unit_is_as_narrow_as_its_configuration() {
    let text = made(&config("[agent]\nworkspace = \"/srv/work\"\n"), Manager::System, "/var/lib/x");
    assert!(text.contains("ProtectHome=yes\n") && text.contains("StateDirectory=x\n"), "{text}");
    assert!(!text.contains("EnvironmentFile") && !text.contains("LoadCredential"), "{text}");
    let text = made(
        &config("[agent]\nworkspace = \"/tmp/work\"\n"),
        Manager::User,
        "/root/ada/.local/state/sentinel",
    );
    assert!(text.contains("PrivateTmp=no\n") && text.contains("WantedBy=default.target\n"));
    assert!(text.contains("BindPaths=-/root/ada/.local/state/sentinel\n"), "{text}");
    assert!(!text.contains("User=") && !text.contains("StateDirectory"), "{text}");
}

/// What systemd forbids besides what its words say was found by starting the unit: `openat2` by
/// one, `clone3` by another.
#[test]
fn sandboxes_can_be_made_where_programs_are_granted() {
    let programs = "[agent]\nworkspace = \"/srv/work\"\n[security]\ngrants = [\"read /srv/work\"";
    let state = "/var/lib/sentinel";
    let without = made(&config(&format!("{programs}]\n")), Manager::System, state);
    let denied = format!("{programs}]\ndeny = [\"run /usr/bin/git\"]\n");
    assert_eq!(made(&config(&denied), Manager::System, state), without, "a denial grants nothing");
    let granted = format!("{programs}, \"run /usr/bin/git status ask\"]\n");
    let with = made(&config(&granted), Manager::System, state);
    for line in [
        "RestrictNamespaces=yes\n",
        "MemoryDenyWriteExecute=yes\n",
        "ProtectHostname=yes\n",
        "ProtectControlGroups=yes\n",
    ] {
        assert!(without.contains(line) && !with.contains(line), "{line}");
    }
    // Groups of its calls are made beneath its own.
    assert!(with.contains("\nDelegate=yes\n") && !without.contains("Delegate"));
    let filters = |text: &str| text.matches("\nSystemCallFilter=").count();
    assert_eq!((filters(&without), filters(&with)), (3, 5));
    assert!(!with.contains("\nRestrictSUIDSGID=") && !without.contains("\nRestrictSUIDSGID="));
}

#[test]
fn signs_of_systemd_in_a_path_mean_themselves() {
    assert_eq!(path_of(Path::new("/srv/100%/x")), "/srv/100%%/x");
    assert_eq!(path_of(Path::new("/srv/a \"b\"")), "\"/srv/a \\\"b\\\"\"");
    assert_eq!(argument(Path::new("/srv/$HOME")), "/srv/$$HOME");
}

/// Systemd's own reader finds nothing to complain about.
/// Every secret and every file that a start reads, whatever part of the configuration names it.
#[test]
fn what_a_start_needs_is_given() {
    let text = "[agent]\nworkspace = '/srv/work'\n[telegram]\ntoken_credential = 'telegram'\n\
                [http]\nproxy = 'http://proxy.example'\nproxy_user = 'joe'\n\
                proxy_password_credential = 'proxy'\nca_file = '/root/more.pem'\n\
                [secret.git]\nhost = 'git.example'\nvalue_credential = 'gitkey'\n\
                programs = ['/usr/bin/git']\n[egress]\ninspect = true\n\
                [skills]\ndirectories = ['/root/skills']\n\
                [skill.weather]\nhost = 'weather.example'\ntoken_env = 'WEATHER'\n";
    let config = config(text);
    let text = unit(&Facts {
        manager: Manager::System,
        program: Path::new("/usr/local/bin/sentinel"),
        file: Path::new("/etc/sentinel/sentinel.toml"),
        state: Path::new("/var/lib/sentinel"),
        config: &config,
        files: &["/root/more.pem".into(), "/root/instructions.md".into()],
        account: "sentinel",
        has_views: true,
    });
    for line in [
        "# Its secrets: WEATHER.",
        "LoadCredential=gitkey:%E/sentinel/credentials/gitkey",
        "LoadCredential=proxy:%E/sentinel/credentials/proxy",
        "BindReadOnlyPaths=-/root/more.pem",
        "BindReadOnlyPaths=-/root/instructions.md",
        "BindReadOnlyPaths=-/root/skills",
    ] {
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
}

#[test]
fn systemd_understands_it() {
    let home = std::env::temp_dir().join(format!("sentinel-unit-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&home);
    std::fs::create_dir_all(&home).unwrap();
    for (manager, name) in [(Manager::System, "system"), (Manager::User, "user")] {
        let config = config(SERVICE);
        let program = std::env::current_exe().unwrap();
        let text = unit(&Facts {
            manager,
            program: &program,
            file: Path::new("/etc/sentinel/sentinel.toml"),
            state: Path::new("/var/lib/sentinel"),
            config: &config,
            files: &[],
            account: "root",
            has_views: true,
        });
        let path = home.join(format!("sentinel-{name}.service"));
        std::fs::write(&path, text).unwrap();
        let mut command = Command::new("systemd-analyze");
        command.args(["verify", "--man=no", "--recursive-errors=no"]).arg(&path);
        let Ok(output) = command.output() else { continue };
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && !said.contains("sentinel-"), "{name}: {said}");
    }
    std::fs::remove_dir_all(home).unwrap();
}
