//! What a program was given: its name, its arguments, its handles.

use alloc::string::String;
use alloc::vec::Vec;

use luperiq_abi::wire::StartHeader;
use luperiq_abi::{Error, call::FOREVER};

use crate::call::Result;
use crate::handle::{Channel, Message, Owned};

/// What a program was given.
#[derive(Debug)]
pub struct Start {
    /// The channel to whoever started it.
    pub parent: Channel,
    /// What it is called.
    pub name: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its handles, in the order in which they were given; [`Start::take`] takes one.
    pub handles: Vec<Option<Owned>>,
}

impl Start {
    /// Reads the first message of a program.
    ///
    /// # Errors
    /// It is none, or the kernel refuses.
    pub fn read(bootstrap: u64) -> Result<Self> {
        let parent = Channel(Owned::of(bootstrap).ok_or(Error::BadHandle)?);
        let message = parent.receive(FOREVER)?;
        Self::parse(parent, message)
    }

    /// The handle in this place, if it was given and is still there.
    pub fn take(&mut self, place: usize) -> Option<Owned> {
        self.handles.get_mut(place)?.take()
    }

    fn parse(parent: Channel, message: Message) -> Result<Self> {
        let header = StartHeader::decode(&message.bytes).ok_or(Error::BadArgument)?;
        let texts = message.bytes.get(StartHeader::BYTES..).ok_or(Error::BadArgument)?;
        let (name, arguments) =
            texts.split_at_checked(header.name_bytes.into()).ok_or(Error::BadArgument)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let arguments = arguments.split_inclusive(|byte| *byte == 0);
        let arguments =
            arguments.map(|argument| text(argument.strip_suffix(b"\0").unwrap_or(argument)));
        Ok(Self {
            parent,
            name: text(name),
            arguments: arguments.collect(),
            handles: message.handles,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_is_read_or_refused() {
        let header =
            StartHeader { handles_count: 0, name_bytes: 4, arguments_bytes: 5, reserved: 0 };
        let bytes = [&header.encode()[..], b"nameone\0\0"].concat();
        let parse = |bytes: &[u8]| {
            let parent = Channel(Owned::of(0x1000).unwrap());
            Start::parse(parent, Message { bytes: bytes.to_vec(), handles: Vec::new() })
        };
        let start = parse(&bytes).unwrap();
        assert_eq!((start.name.as_str(), start.arguments.len()), ("name", 2));
        assert_eq!(start.arguments, ["one", ""]);
        for cut in 0..StartHeader::BYTES + 4 {
            assert!(parse(&bytes[..cut]).is_err(), "{cut}");
        }
    }
}
