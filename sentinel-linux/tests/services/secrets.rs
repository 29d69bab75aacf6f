//! Where the secrets of a running agent are, and where not.

use std::fs;

use crate::agent::{Agent, Running, TOKEN};
use crate::telegram::{ask, serve};

/// After the start the environment that the kernel shows holds no secret any more, and reloading
/// still finds them.
#[test]
fn the_environment_holds_no_secret_after_the_start() {
    let (platform, port) = serve(TOKEN);
    let agent = Agent::new("environment", port);
    let text = fs::read_to_string(agent.file()).unwrap();
    let line = text.lines().find(|line| line.starts_with("token_file")).unwrap();
    fs::write(agent.file(), text.replace(line, "token_env = \"OUR_BOT\"")).unwrap();
    // Unconfined it may be looked at by whoever runs it; else by root alone.
    for arguments in [&["--no-sandbox"][..], &[]] {
        let mut command = agent.command(arguments);
        command.env("OUR_BOT", TOKEN).env("OTHER_API_KEY", "sk-of-somebody-else");
        command.env("HOME", &agent.path);
        let running = Running::new(command);
        ask(&platform, 77, "read README.md", "# A house");
        match fs::read(running.directory().join("environ")) {
            Ok(environment) => {
                let environment = String::from_utf8_lossy(&environment).into_owned();
                assert!(environment.contains("HOME="), "{environment:?}");
                for word in [TOKEN, "OUR_BOT", "sk-of", "OTHER_API_KEY"] {
                    assert!(!environment.contains(word), "{word} stands in {environment:?}");
                }
            }
            Err(error) => assert!(arguments.is_empty(), "{error}"),
        }
        let said = running.reload();
        assert!(said.contains("holds from now on"), "{said}");
        ask(&platform, 77, "read README.md", "# A house");
        assert!(!running.end().contains(TOKEN));
    }
}
