//! `sentinel service`: the agent as a service of systemd.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rustix::fs::{Gid, Mode, OFlags, Uid, fchown, mkdirat, open, openat};
use rustix::io::Errno;

use super::{Arguments, Command, Switch};
use crate::configuration::{self, Configuration};
use crate::doctor;
use crate::document;
use crate::plain::Plain;
use crate::print::{print, println};
use crate::service::{self, Facts, Manager, Secrets};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "service install",
        operands: "",
        operands_max: 0,
        summary: "make it a service of systemd, confined to its grants",
        details: "\
It writes the unit from the configuration as it is now, and tells systemd to read it; it starts
nothing. Install it again after a change of the grants.

  sentinel service install                  yours: as long as you are logged in
  sudo sentinel service install --system    the machine's: for an account named sentinel,
                                            by /etc/sentinel/sentinel.toml",
        options: &[
            SYSTEM,
            USER,
            Switch {
                name: "account",
                short: None,
                value: "NAME",
                summary: "the account that --system runs it as (default sentinel)",
            },
            Switch { name: "print", short: None, value: "", summary: "print the unit instead" },
        ],
        run: install,
    },
    Command {
        name: "service uninstall",
        operands: "",
        operands_max: 0,
        summary: "stop it and take the unit away; its state stays",
        details: "",
        options: &[SYSTEM, USER],
        run: uninstall,
    },
    Command {
        name: "service status",
        operands: "",
        operands_max: 0,
        summary: "whether it is installed and at work",
        details: "It ends with 0 if it is at work.",
        options: &[SYSTEM, USER],
        run: status,
    },
];

const SYSTEM: Switch =
    Switch { name: "system", short: None, value: "", summary: "the machine's systemd; needs root" };
const USER: Switch =
    Switch { name: "user", short: None, value: "", summary: "your own systemd (the default)" };

fn install(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let manager = manager(&arguments)?;
    let is_printed = arguments.has("print");
    if !is_printed {
        expect_systemd()?;
    }
    let configuration = configuration(&arguments, manager)?;
    let Configuration { config, file, .. } = &configuration;
    if config.connectors().is_empty() {
        return Err("no platform is configured, so a service would have nobody to talk with; \
                    'sentinel init' sets one up"
            .into());
    }
    let absolute = |path: &Path| std::path::absolute(path);
    let file = file.as_deref().ok_or("a service goes by a file: 'sentinel init' writes one")?;
    let file = absolute(file)?;
    let state = match (arguments.path("state"), manager) {
        (Some(state), _) => absolute(&state)?,
        (None, Manager::System) => PathBuf::from("/var/lib/sentinel"),
        (None, Manager::User) => absolute(&arguments.state(&configuration))?,
    };
    let program = std::env::current_exe()?;
    let account = arguments.text("account")?.unwrap_or_else(|| "sentinel".into());
    if !is_account_name(&account) {
        return Err("an account has a name of small letters, digits, '-' and '_'".into());
    }
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let unit = service::unit(&Facts {
        manager,
        program: &program,
        file: &file,
        state: &state,
        config,
        files: &configuration.files(),
        account: &account,
        has_views: doctor::user_namespaces(&read).is_ok(),
    });
    if is_printed {
        print!("{unit}");
        return Ok(ExitCode::SUCCESS);
    }
    if manager == Manager::System {
        let owner = expect_account(&account)?;
        if let Some(place) = service::attachments(config) {
            give_directory(&place, owner).map_err(|error| failed(&place, &error))?;
        }
    } else {
        // Its view of the files can only show what is there.
        for place in [Some(state.clone()), service::attachments(config)].into_iter().flatten() {
            document::make_directory(&place).map_err(|error| failed(&place, &error))?;
        }
    }
    let path = unit_path(manager)?;
    let kept = document::write(&path, &unit, 0o644, true).map_err(|error| failed(&path, &error))?;
    println!("Written: {}", path.display());
    if let Some(kept) = kept {
        println!("The old one is {} now.", kept.display());
    }
    systemctl(manager, &["daemon-reload"])?;
    let secrets = service::secrets(config);
    let place = configuration_home(manager)?.join("sentinel");
    say_secrets(&secrets, &place)?;
    let user = if manager == Manager::User { " --user" } else { "" };
    println!(
        "\nTo start it now and after every {}:",
        match manager {
            Manager::System => "start of the machine",
            Manager::User => "login ('loginctl enable-linger' keeps it without one)",
        }
    );
    println!("  systemctl{user} enable --now {NAME}");
    Ok(ExitCode::SUCCESS)
}

/// The configuration that the service will find.
fn configuration(arguments: &Arguments, manager: Manager) -> Result<Configuration, Box<dyn Error>> {
    if manager == Manager::User {
        return arguments.configuration();
    }
    let file = arguments.path("config").unwrap_or_else(|| PathBuf::from(SYSTEM_FILE));
    let text = std::fs::read_to_string(&file).map_err(|error| {
        format!(
            "{}: {error}; put the configuration there, where its account can read it (chown \
             root:sentinel, chmod 640), or name another with --config",
            file.display()
        )
    })?;
    // What is beneath `~` here is somewhere else for the account.
    let is_said = |line: &str| !line.trim_start().starts_with('#') && line.contains('~');
    if let Some(number) = text.lines().position(is_said) {
        return Err(format!(
            "{}:{}: '~' is another place for the account of a service: write the whole path",
            file.display(),
            number + 1
        )
        .into());
    }
    configuration::find(Some(&file), arguments.has("i-know-what-im-doing"))
}

/// Says where the secrets of a service are to be put, and makes the file for those of the
/// environment.
fn say_secrets(secrets: &Secrets, place: &Path) -> Result<(), Box<dyn Error>> {
    if !secrets.variables.is_empty() {
        let path = place.join("environment");
        if !path.exists() {
            let lines = secrets.variables.iter().map(|name| format!("#{name}=\n"));
            let text = format!("# A secret a line, without quotes.\n{}", lines.collect::<String>());
            document::write(&path, &text, 0o600, false).map_err(|error| failed(&path, &error))?;
        }
        let names: Vec<&str> = secrets.variables.iter().map(String::as_str).collect();
        println!("\nIt finds {} in {}: put them there.", names.join(", "), path.display());
    }
    for name in &secrets.credentials {
        let path = place.join("credentials").join(name);
        println!(
            "\nIt is given the credential {name} from {}: put it there, mode 600.",
            path.display()
        );
    }
    Ok(())
}

fn uninstall(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let manager = manager(&arguments)?;
    let path = unit_path(manager)?;
    if !path.exists() {
        println!("It is not installed: there is no {}.", path.display());
        return Ok(ExitCode::SUCCESS);
    }
    expect_systemd()?;
    systemctl(manager, &["disable", "--now", NAME])?;
    std::fs::remove_file(&path).map_err(|error| failed(&path, &error))?;
    systemctl(manager, &["daemon-reload"])?;
    println!("Removed: {}. Configuration, secrets and state are where they were.", path.display());
    Ok(ExitCode::SUCCESS)
}

fn status(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let manager = manager(&arguments)?;
    let path = unit_path(manager)?;
    if !path.exists() {
        println!("It is not installed: there is no {}.", path.display());
        return Ok(ExitCode::FAILURE);
    }
    expect_systemd()?;
    let status = control(manager, &["status", "--no-pager", NAME]).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whose manager is meant.
fn manager(arguments: &Arguments) -> Result<Manager, Box<dyn Error>> {
    match (arguments.has("system"), arguments.has("user")) {
        (true, true) => Err("--system or --user, not both".into()),
        (true, false) => Ok(Manager::System),
        (false, _) => Ok(Manager::User),
    }
}

/// Where a unit is.
fn unit_path(manager: Manager) -> Result<PathBuf, Box<dyn Error>> {
    let home = configuration_home(manager)?;
    Ok(match manager {
        Manager::System => home.join("systemd/system").join(NAME),
        Manager::User => home.join("systemd/user").join(NAME),
    })
}

/// What systemd calls `%E`.
fn configuration_home(manager: Manager) -> Result<PathBuf, Box<dyn Error>> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    match manager {
        Manager::System => Ok("/etc".into()),
        Manager::User => variable("XDG_CONFIG_HOME")
            .filter(|home| home.is_absolute())
            .or_else(|| Some(variable("HOME")?.join(".config")))
            .ok_or_else(|| "there is no home directory: set HOME".into()),
    }
}

fn expect_systemd() -> Result<(), Box<dyn Error>> {
    match Path::new("/run/systemd/system").is_dir() {
        true => Ok(()),
        false => Err("systemd does not run here; 'sentinel service install --print' prints the \
                      unit for a machine where it does, and 'sentinel run' needs no systemd"
            .into()),
    }
}

/// The account has to be there: systemd would say so only when it starts the service.
fn expect_account(name: &str) -> Result<(Uid, Gid), Box<dyn Error>> {
    let file = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    // Accounts of a directory service are not in the file.
    let known = numbers_of(name, &file).or_else(|| {
        let output = Plain::new("getent").words(["passwd", name]).said().ok()?;
        numbers_of(name, &String::from_utf8_lossy(&output.stdout))
    });
    known.ok_or_else(|| {
        format!(
            "there is no account '{name}'; make it with 'useradd --system --home-dir \
             /var/lib/sentinel --shell /usr/sbin/nologin {name}', or name another with --account"
        )
        .into()
    })
}

/// The numbers of an account and its group, from lines as in `/etc/passwd`.
fn numbers_of(name: &str, lines: &str) -> Option<(Uid, Gid)> {
    lines.lines().find_map(|line| {
        let mut parts = line.split(':');
        let is_it = parts.next() == Some(name);
        let (uid, gid) = (parts.nth(1)?.parse().ok()?, parts.next()?.parse().ok()?);
        is_it.then(|| (Uid::from_raw(uid), Gid::from_raw(gid)))
    })
}

/// Makes a directory an account's own, if it is not there: a unit can let a service write only
/// where something is. One that is there is left as it is.
fn give_directory(place: &Path, (uid, gid): (Uid, Gid)) -> io::Result<()> {
    let (Some(within), Some(name)) = (place.parent(), place.file_name()) else { return Ok(()) };
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let within = open(within, flags, Mode::empty())?;
    match mkdirat(&within, name, Mode::RWXU) {
        Err(Errno::EXIST) => return Ok(()),
        made => made?,
    }
    // Whoever may write beside it could have put a link there meanwhile.
    let made = openat(&within, name, flags | OFlags::NOFOLLOW, Mode::empty())?;
    Ok(fchown(&made, Some(uid), Some(gid))?)
}

fn is_account_name(name: &str) -> bool {
    let is_of =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    let is_first = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'_';
    name.len() <= 31 && name.bytes().all(is_of) && name.as_bytes().first().is_some_and(is_first)
}

fn systemctl(manager: Manager, words: &[&str]) -> Result<(), Box<dyn Error>> {
    let status = control(manager, words).status();
    let status = status.map_err(|error| format!("systemctl cannot be run: {error}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("'systemctl {}' did not succeed; see above", words.join(" ")).into()),
    }
}

fn control(manager: Manager, words: &[&str]) -> Plain {
    let plain = Plain::new("systemctl");
    let plain = if manager == Manager::User { plain.word("--user") } else { plain };
    plain.words(words)
}

fn failed(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

const NAME: &str = "sentinel.service";
const SYSTEM_FILE: &str = "/etc/sentinel/sentinel.toml";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_an_account_can_say_nothing_else_in_a_unit() {
        assert!(is_account_name("sentinel") && is_account_name("_bot-2"));
        for name in ["", "Root", "a b", "a\nUser=root", "2x", "%i"] {
            assert!(!is_account_name(name), "{name}");
        }
    }
    #[test]
    fn an_account_has_the_numbers_of_its_line() {
        let lines = "root:x:0:0:root:/root:/bin/sh\nsentinel2:x:1:1::/:\nsentinel:x:999:995::/:\n";
        let numbers = numbers_of("sentinel", lines);
        assert_eq!(numbers.map(|(uid, gid)| (uid.as_raw(), gid.as_raw())), Some((999, 995)));
        assert_eq!(numbers_of("nobody", lines), None);
        assert_eq!(numbers_of("x", "x:x:many:0::/:"), None);
    }

    #[test]
    fn a_directory_is_made_once_and_no_link_is_followed() {
        use std::os::unix::fs::{MetadataExt as _, symlink};
        let place = std::env::temp_dir().join(format!("sentinel-given-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&place);
        std::fs::create_dir(&place).unwrap();
        let own = (rustix::process::geteuid(), rustix::process::getegid());
        let given = place.join("attachments");
        assert!(give_directory(&place.join("missing/attachments"), own).is_err());
        give_directory(&given, own).unwrap();
        let metadata = std::fs::metadata(&given).unwrap();
        assert_eq!((metadata.mode() & 0o7777, metadata.uid()), (0o700, own.0.as_raw()));
        std::fs::remove_dir(&given).unwrap();
        symlink("/", &given).unwrap();
        give_directory(&given, own).unwrap();
        assert!(std::fs::symlink_metadata(&given).unwrap().is_symlink());
        std::fs::remove_dir_all(&place).unwrap();
    }
}
