//! Goal: a service that systemd would start, and is told about. Method: the printed unit; a socket
//! where systemd would listen.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use crate::home::{Home, text};
use crate::server::TOKEN;

const PLATFORM: &str = "[telegram]\ntoken_env = \"TELEGRAM_BOT_TOKEN\"\noperators = [\"77\"]\n";

#[test]
fn the_unit_is_printed_and_nothing_else_is_done_without_systemd() {
    let home = Home::new("service");
    let run = |arguments: &[&str]| {
        let mut command = home.sentinel(arguments);
        command.env("TELEGRAM_BOT_TOKEN", TOKEN).output().unwrap()
    };
    let output = run(&["service", "install", "--print"]);
    assert!(text(&output.stderr).contains("a service goes by a file"));
    home.configure("");
    let mut command = home.sentinel(&["service", "install", "--print"]);
    let output = command.output().unwrap();
    assert!(text(&output.stderr).contains("no platform is configured"));
    home.configure(PLATFORM);
    let unit = text(&run(&["service", "install", "--print"]).stdout);
    assert!(unit.contains("Type=notify\n") && unit.contains(" run --config "), "{unit}");
    assert!(unit.contains("# Its secrets: TELEGRAM_BOT_TOKEN.") && !unit.contains(TOKEN), "{unit}");
    let file = home.file().display().to_string();
    let system = ["service", "install", "--system", "--print", "--config", &file];
    let unit = text(&run(&system).stdout);
    assert!(unit.contains("User=sentinel\n") && unit.contains("--state /var/lib/sentinel\n"));
    let output = run(&[&system[..], &["--account", "a\nUser=root"]].concat());
    assert!(!output.status.success() && output.stdout.is_empty());
    home.configure(&format!("{PLATFORM}[security]\ngrants = [\"read ~/notes\"]\n"));
    assert!(text(&run(&system).stderr).contains("sentinel.toml:5: '~' is another place"));
    assert!(text(&run(&["service", "status"]).stdout).contains("It is not installed"));
    // Where it runs, a test installs nothing.
    if !Path::new("/run/systemd/system").exists() {
        let output = run(&["service", "install"]);
        assert!(!output.status.success());
        assert!(text(&output.stderr).contains("systemd does not run here"));
        assert!(!home.path.join(".config/systemd").exists());
    }
}

#[test]
fn systemd_is_told_when_it_is_ready_and_when_it_ends() {
    let home = Home::new("notify");
    let base = format!("base_url = \"http://127.0.0.1:{}/TELEGRAM\"\n", home.server.port);
    home.configure(&format!("{PLATFORM}{base}"));
    let path = home.path.join("notify");
    let listener = UnixDatagram::bind(&path).unwrap();
    listener.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut command = home.sentinel(&["run"]);
    command.env("TELEGRAM_BOT_TOKEN", TOKEN).env("NOTIFY_SOCKET", &path);
    let child = command.spawn().unwrap();
    let mut bytes = [0; 200];
    let mut heard = || {
        let count = listener.recv(&mut bytes).unwrap();
        text(&bytes[..count])
    };
    assert!(heard().starts_with("READY=1"));
    let process = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    assert!(heard().starts_with("STOPPING=1"));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}
