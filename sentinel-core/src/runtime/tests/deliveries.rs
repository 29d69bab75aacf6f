//! What becomes of what is said.

use alloc::vec::Vec;

use super::shell::{Shell, settings};
use super::*;
use crate::channel::{Failure, Platform};

/// Nobody knows whether it arrived, so whoever asked is told; that this is not known of the word
/// itself, nobody is told.
#[test]
fn whoever_asked_is_told_that_an_answer_may_be_lost() {
    let mut own = settings(&["read,list /srv/agent", "model offline"]);
    own.platforms = Vec::from([Platform { name: "chat", ..Platform::TELEGRAM }]);
    let mut shell = Shell::new(own);
    shell.is_mute = true;
    shell.write("1", "c1", "hello");
    let lose = |shell: &mut Shell| {
        let (delivery, piece) = shell.unheard.pop().unwrap();
        shell.tell(Event::PostFailed { delivery, piece, failure: Failure::Transport });
        shell.wait();
    };
    let told =
        |shell: &Shell| shell.said.iter().filter(|text| text.contains("please ask again")).count();
    lose(&mut shell);
    assert_eq!(told(&shell), 1, "{:?}", shell.said);
    lose(&mut shell);
    assert_eq!(told(&shell), 1, "{:?}", shell.said);
    assert!(shell.unheard.is_empty());
}
