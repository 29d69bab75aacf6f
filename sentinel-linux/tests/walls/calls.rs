//! One call after the other.

use crate::agent::as_everybody;

/// What was made ahead of a call is given what the call was granted: places, and programs that are
/// nowhere the system has its own. Only the first call of an agent has none waiting.
#[test]
fn each_call_of_an_agent_has_what_it_was_granted() {
    as_everybody("again", |house| {
        house.make("tools");
        house.put("tools/count", "#!/bin/sh\nwc -c file\n");
        let tool = house.path("tools/count");
        let run = format!("run {tool}");
        let mut agent = house.agent(&["run /usr/bin/wc", &run], &[]);
        for _ in 0..3 {
            let (text, is_error) = agent.run("/usr/bin/wc", &["-c", "file"]);
            assert!(text.starts_with("6 file") && !is_error, "{text}");
            agent.rest();
            let (text, is_error) = agent.run(&tool, &[]);
            assert!(text.starts_with("6 file") && !is_error, "{text}");
            agent.rest();
        }
    });
}
