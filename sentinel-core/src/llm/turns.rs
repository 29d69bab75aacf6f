//! A conversation as turns that alternate, which is how every dialect wants it.
//!
//! # Invariants
//! - No two neighbours have one role, and no turn is empty.
//! - A block stands only on the side that can say it: no result comes from the assistant, no call
//!   from the user.
//! - No turn ends with thinking: providers refuse thinking that led to nothing.
//! - Blocks keep their order, but that the results of tools come first in a turn: they answer the
//!   turn before it.

use alloc::vec::Vec;

use super::message::{Block, Role};
use super::request::Request;
use crate::order;

/// What one side says before the other does.
#[derive(Clone, Debug)]
pub(super) struct Turn<'m> {
    pub(super) role: Role,
    pub(super) blocks: Vec<&'m Block>,
}

/// The turns of a request, of the blocks that are `sendable`.
pub(super) fn turns<'m>(request: &Request<'m>, sendable: impl Fn(&Block) -> bool) -> Vec<Turn<'m>> {
    let mut turns: Vec<Turn<'m>> = Vec::new();
    for message in request.messages {
        let is_sent = |block: &&Block| belongs(message.role, block) && sendable(block);
        let blocks = message.blocks.iter().filter(is_sent);
        // A turn is trimmed when the next one begins, so that both sides of one that vanishes join.
        if turns.last().is_some_and(|turn| turn.role != message.role) {
            trim(&mut turns);
        }
        match turns.last_mut() {
            Some(turn) if turn.role == message.role => turn.blocks.extend(blocks),
            _ => {
                let blocks: Vec<&Block> = blocks.collect();
                if !blocks.is_empty() {
                    turns.push(Turn { role: message.role, blocks });
                }
            }
        }
    }
    trim(&mut turns);
    for turn in &mut turns {
        if turn.role == Role::User {
            order::sort_by_key(&mut turn.blocks, |block| !matches!(block, Block::ToolResult(_)));
        }
    }
    turns
}

/// Whether this side can say it.
fn belongs(role: Role, block: &Block) -> bool {
    match block {
        Block::Text(_) => true,
        Block::Image(_) | Block::ToolResult(_) => role == Role::User,
        Block::Thinking { .. } | Block::SealedThinking(_) | Block::ToolUse(_) => {
            role == Role::Assistant
        }
    }
}

/// Drops the thinking at the end of the last turn, and the turn if nothing is left.
fn trim(turns: &mut Vec<Turn<'_>>) {
    if let Some(turn) = turns.last_mut() {
        let is_thinking =
            |block: &Block| matches!(block, Block::Thinking { .. } | Block::SealedThinking(_));
        while turn.blocks.pop_if(|block| is_thinking(block)).is_some() {}
        if turn.blocks.is_empty() {
            turns.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::message::{Message, ToolResult};

    #[test]
    fn neighbours_join_and_results_come_first() {
        let result = |id: &str| {
            Block::ToolResult(ToolResult { id: id.into(), content: "x".into(), is_error: false })
        };
        let messages = [
            Message::text(Role::User, "a"),
            Message { role: Role::Assistant, blocks: [Block::Text("".into()), result("0")].into() },
            Message { role: Role::User, blocks: [Block::Text("b".into()), result("1")].into() },
            Message { role: Role::User, blocks: [result("2")].into() },
            Message { role: Role::Assistant, blocks: [Block::SealedThinking("x".into())].into() },
            Message::text(Role::User, "d"),
            Message {
                role: Role::Assistant,
                blocks: [Block::Text("e".into()), Block::SealedThinking("x".into())].into(),
            },
        ];
        let messages: Vec<&Message> = messages.iter().collect();
        let request = Request::new("m", &messages, 1);
        let turns = turns(&request, |block| *block != Block::Text("".into()));
        assert_eq!(turns.len(), 2);
        let blocks: Vec<Block> = turns[0].blocks.iter().copied().cloned().collect();
        let text = |text: &str| Block::Text(text.into());
        assert_eq!(blocks, [result("1"), result("2"), text("a"), text("b"), text("d")]);
        assert_eq!(turns[1].role, Role::Assistant);
        assert_eq!(turns[1].blocks, [&text("e")]);
    }
}
